#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What the registrar tells those who watch it, as the parser of Prometheus' own client reads it.
set -u
# shellcheck source=tests/fleet/lib.sh
. "$(dirname "$0")/lib.sh"

watch=$(free_port)
begin -- "workers = 3" "metrics-listen = 127.0.0.1:$watch" "request-time = 2"

# metrics: what there is, one "NAME{LABELS} VALUE" a line, into $tmp/metrics; each is looked at
metrics()
{
	curl -s --max-time 5 -D "$tmp/head" "http://127.0.0.1:$watch/metrics" >"$tmp/text"
	/usr/bin/python3 - "$tmp/text" <<-'PYTHON' >"$tmp/metrics"
	import sys
	from prometheus_client.openmetrics.parser import text_string_to_metric_families
	for family in text_string_to_metric_families(open(sys.argv[1]).read()):
	    assert family.name.startswith("iotkey_registrar_"), family.name
	    assert family.documentation and family.type != "unknown", family.name
	    assert family.unit or not family.name.endswith("_seconds"), family.name
	    for s in family.samples:
	        labels = ",".join(f'{k}="{v}"' for k, v in s.labels.items())
	        print(s.name[len("iotkey_registrar_"):] + ("{%s}" % labels if labels else ""), "%.6g" % s.value)
	PYTHON
}

# value NAME{LABELS}: of the last metrics
value()
{
	awk -v name="$1" '$1 == name { print $2 }' "$tmp/metrics"
}

ok "the parser takes all of it" metrics
like "as what it is" 'Content-Type: application/openmetrics-text; version=1.0.0' "$(cat "$tmp/head")"
is "the end" "# EOF" "$(tail -n 1 "$tmp/text")"
is "who it is" 1 "$(value "build_info{version=\"$("$registrar" --version | sed 's/.* //')\"}")"
is "workers" 3 "$(value workers)"
is "the store" 1 "$(value store_up)"
for what in ca server; do
	is "when its certificate ends: $what" \
		"$(date -d "$(openssl x509 -in "$dir/$what.crt" -noout -enddate | cut -d= -f2)" +%s)" \
		"$(grep "certificate=\"$what\"" "$tmp/text" | sed 's/.* //')"
done
is "there is nothing else there" 404 "$(curl -s -o /dev/null -w '%{http_code}' "http://127.0.0.1:$watch/.well-known/est/cacerts")"
est ../../metrics --path-as-is
is "nor is it where devices are" 404 "$status"

# ---- counters, whichever worker it was
before=$(value 'requests_total{route="/.well-known/est/*",status="200"}')
for ((i = 0; i < 40; i++)); do
	est cacerts
done
metrics
is "requests of all workers" $((before + 40)) "$(value 'requests_total{route="/.well-known/est/*",status="200"}')"
said=$(value 'request_seconds_count')
sum=$(awk '/^requests_total/ { n += $2 } END { print n }' "$tmp/metrics")
is "each has its time" "$sum" "$said"
is "and its place in the histogram" "$said" "$(value 'request_seconds_bucket{le="+Inf"}')"
id=00112233445566778899aabbccddeeff
token $id secret gateway 1
csr one "/CN=gateway/serialNumber=$id"
est simpleenroll -u "$id:wrong" --data-binary "@$tmp/one.b64"
enrol simpleenroll one -u "$id:secret"
enrol simplereenroll one --cert "$tmp/one.crt" --key "$tmp/one.key"
is "a device enrols and renews" 200 "$status"
metrics
is "one by a token" 1 "$(value 'enrolments_total{by="token"}')"
is "none by a TPM" 0 "$(value 'enrolments_total{by="tpm"}')"
is "one by its certificate" 1 "$(value 'enrolments_total{by="certificate"}')"
is "what was refused" 1 "$(value 'requests_total{route="/.well-known/est/*",status="401"}')"
ok "the store's batches took time" test "$(value store_seconds_count)" -ge 2
like "devices by state" '^[01]$' "$(value 'devices{state="active"}')"

# start_waiters: six that wait for a statement
start_waiters()
{
	local i
	for ((i = 0; i < 6; i++)); do
		curl -s --max-time 30 --cacert "$ca" "$url/.well-known/iotkey/statements?wait=30" -o /dev/null &
		waiters[i]=$!
	done
}

# await TRIES NAME VALUE: how many it took is in $tries
await()
{
	for ((tries = 0; tries < $1; tries++)); do
		metrics
		[ "$(value "$2")" != "$3" ] || break
		sleep 0.1
	done
}

# ---- gauges
start_waiters
await 50 waiting 6
is "who waits" 6 "$(value waiting)"
ok "they have connections" test "$(value connections)" -ge 6
kill "${waiters[@]}"
wait "${waiters[@]}" 2>/dev/null
await 20 waiting 0
is "who went away does not wait" 0 "$(value waiting)"
ok "and that is known at once" test $tries -lt 10

# ---- a worker that is killed takes its gauges with it, and leaves its counters
start_waiters
sleep 0.5
count=$(value 'requests_total{route="/.well-known/est/*",status="200"}')
pkill -KILL -P "$pid"
wait "${waiters[@]}" 2>/dev/null
registrar_wait
await 50 workers 3
is "workers that died" "3 3" "$(value workers_lost_total) $(value workers)"
is "take their clients with them" "0" "$(value waiting)"
ok "what was counted stays" test "$(value 'requests_total{route="/.well-known/est/*",status="200"}')" -gt "$count"
registrar_reload
metrics
ok "so it does when the configuration is read anew" \
	test "$(value 'requests_total{route="/.well-known/est/*",status="200"}')" -gt "$count"
registrar_stop
is "the end of it" 0 $stopped
is "nothing of the sanitizers" 0 "$(grep -c 'Sanitizer\|runtime error' "$tmp/log")"
done_testing
