#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Two registrars on one PostgreSQL server, while devices enrol: one of them is killed, with all of
# its workers; the server crashes.  No enrolment that a device heard of is lost, none doubled, and
# statements go from one to the other.
# SEED: of the moments (1).  IOTKEY_LONG: 20 kills and 10 crashes, else 2 and 1.
set -u
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/fleet/lib.sh
. "$here/lib.sh"
# shellcheck source=tests/fleet/postgres.sh
. "$here/postgres.sh"

RANDOM=${SEED:-1}
kills=${IOTKEY_LONG:+20}
kills=${kills:-2}
crashes=${IOTKEY_LONG:+10}
crashes=${crashes:-1}
devices=160
iotkeyctl=$out/tools/bin/iotkeyctl
note "SEED=${SEED:-1}, $kills kills, $crashes crashes"

chmod 755 "$tmp"
trap 'kill "${pids[@]}" 2>/dev/null; wait; postgres_stop immediate; rm -rf "$tmp"; ktap_exit' EXIT
pids=()
postgres_init "$tmp/pg" || { echo "Bail out! PostgreSQL does not start"; exit 1; }

psql()
{
	postgres_as psql -q -A -t -d "$postgres_url" -c "$1"
}

# They share CA and master; each has its audit log.
registrar_init
configure "store = $postgres_url" "workers = 2"
cp -r "$dir" "$tmp/other"
sed -i "s,^audit = .*,audit = $tmp/other/audit.log,; s,^listen = .*,listen = 127.0.0.1:$(free_port)," \
	"$tmp/other/registrar.conf"
dirs=("$dir" "$tmp/other")
ports=("$port" "$(sed -n 's/^listen = .*://p' "$tmp/other/registrar.conf")")

# start NUMBER: 0 or 1
start()
{
	dir=${dirs[$1]} port=${ports[$1]}
	url=https://localhost:$port
	registrar_start || bail
	pids[$1]=$pid
	pid=
}

# kill_all NUMBER: at once, as a machine that loses its power
kill_all()
{
	local parent=${pids[$1]}
	# shellcheck disable=SC2046
	kill -KILL "$parent" $(pgrep -P "$parent")
	wait "$parent" 2>/dev/null
}

# load PORT PORT FILE: devices enrol, at the first as long as it answers
load()
{
	"$out/tests/bench/load" -b 40 -f "$2" -o "$3" \
		-x "cat >$tmp/eks && IOTKEY_REGISTRAR=https://localhost:$2 IOTKEY_FLEET_DIR=$dir $iotkeyctl fleet import $tmp/eks --batch load >$tmp/said" \
		localhost "$1" "$ca" enrol $devices 16 >"$3.said" 2>&1
}

# accepted FILE COUNT: wait until so many were
accepted()
{
	local i
	for ((i = 0; i < 600; i++)); do
		[ "$(grep -c . "$1" 2>/dev/null)0" -lt "${2}0" ] || return 0
		sleep 0.01
	done
	return 1
}

# push FROM TO: sets $said; from the administrator's answer to the last byte, in the median
push()
{
	said=$(/usr/bin/python3 "$here/push.py" "$ca" "$dir/admin.crt" "$dir/admin.key" \
		"${ports[$1]}" "${ports[$2]}" 20 5 2>&1)
}

fast() # NAME
{
	note "$said"
	ok "$1" python3 -c 'import json, sys
said = json.loads(sys.argv[1])
sys.exit(said["good"] != 100 or said["ms"][2] >= 50)' "$said"
}

start 0
start 1
push 0 1
fast "a statement made at one is at the other's clients within 50 ms"

for ((round = 0; round < kills; round++)); do
	victim=$((round % 2)) other=$((1 - round % 2))
	load "${ports[$victim]}" "${ports[$other]}" "$tmp/accepted.$round" &
	job=$!
	when=$((RANDOM % (devices - 20)))
	accepted "$tmp/accepted.$round" $when
	# the time between two answers is some milliseconds
	sleep "0.00$((RANDOM % 10))"
	kill_all $victim
	wait $job
	is "all enrol, though registrar $victim is killed after $when of $devices" 0 $?
	note "$(cat "$tmp/accepted.$round.said")"
	is "all of them heard it" $devices "$(wc -l <"$tmp/accepted.$round")"
	start $victim
done
push 1 0
fast "and statements still go over at once"

for ((round = kills; round < kills + crashes; round++)); do
	load "${ports[0]}" "${ports[1]}" "$tmp/accepted.$round" &
	job=$!
	when=$((RANDOM % (devices / 2)))
	accepted "$tmp/accepted.$round" $when
	postgres_stop immediate
	sleep 0.5
	postgres_start
	wait $job
	is "all enrol, though PostgreSQL crashes after $when of $devices" 0 $?
	note "$(cat "$tmp/accepted.$round.said")"
	like "some were told to come again" ' [1-9][0-9]* by 503' "$(cat "$tmp/accepted.$round.said")"
done
push 0 1
fast "then, too, statements go over at once"

# A worker that dies while the server is down comes back with it.
postgres_stop immediate
pkill -KILL -P "${pids[0]}"
sleep 1
postgres_start
dir=${dirs[0]} port=${ports[0]} url=https://localhost:${ports[0]} pid=${pids[0]}
ok "workers that die without a server are there when it is" registrar_wait
pid=

# ---- what is in the database
cat "$tmp"/accepted.* | grep '^[0-9a-f]* [0-9a-f]*$' | sort >"$tmp/accepted"
psql "SELECT encode(device, 'hex') || ' ' || encode(serial, 'hex') FROM certificate" | sort >"$tmp/certificates"
count=$(((kills + crashes) * devices))
is "enrolments that were heard of" $count "$(wc -l <"$tmp/accepted")"
is "no certificate twice" 0 "$(cut -d' ' -f2 "$tmp/accepted" | sort | uniq -d | wc -l)"
is "all are in the database" 0 "$(comm -23 "$tmp/accepted" "$tmp/certificates" | wc -l)"
is "with each serial once" 0 "$(cut -d' ' -f2 "$tmp/certificates" | sort | uniq -d | wc -l)"
is "no device is there twice" "$count $count" "$(psql "SELECT count(*) || ' ' || count(DISTINCT ek) FROM device")"
note "$(($(wc -l <"$tmp/certificates") - count)) certificates whose answer was lost"
for i in 0 1; do
	kill "${pids[i]}"
	wait "${pids[i]}"
	is "registrar $i ends well" 0 $?
	ok "its audit log is whole" "$registrar" audit verify "${dirs[i]}/audit.log"
done
cat "${dirs[0]}/audit.log" "${dirs[1]}/audit.log" | sed -n 's/.*"event":"enrolled".*"device":"\([0-9a-f]*\)".*"serial":"\([0-9a-f]*\)".*/\1 \2/p' |
	sort >"$tmp/told"
is "all are in one of the logs" 0 "$(comm -23 "$tmp/accepted" "$tmp/told" | wc -l)"
is "once" 0 "$(uniq -d "$tmp/told" | wc -l)"
done_testing
