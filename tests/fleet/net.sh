#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# iotkeyd-net against a registrar: tests/host/keeper.c plays the half of the agent that keeps the
# keys, with a TPM that is software.  Prints KTAP.
set -u
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/fleet/net_lib.sh
. "$here/net_lib.sh"

test_life()
{
	keeper life -f "$fingerprint" -n fridge -a 86400 -x "$expect"
	until_line life 'ROOT'
	until_report life state member
	is "what it asks of its keeper, in order" "TRUST IDENTITY ACTIVATE DEVICE KEY CERTIFICATE PROMOTE \
EVIDENCE PARENT ROOT" "$(requests life)"
	is "it is a member" "member pass" "$(report life state) $(report life result)"
	is "nothing went wrong" "{}" "$(report life faults)"
	like "as the device that the operator named" 'CN ?= ?fridge, serialNumber ?= ?'"$(cat "$run/life/id")" \
		"$(openssl x509 -in "$run/life/current" -noout -subject)"
	like "the audit log has it" '"event": ?"roots-released"' "$(cat "$dir/audit.log")"
	note "memory: $(grep VmHWM "/proc/$(cat "$run/life/pid")/status" | tr -s '\t ' ' ')"
	sleep 1
	local before after
	before=$(cpu life)
	sleep 3
	after=$(cpu life)
	ok "then it sleeps" test $((after - before)) -le 1 # of 300
	finish life
	is "and ends with its keeper" "ended: status 0" "$(tail -n 1 "$run/life.log")"
}

test_first_contact()
{
	keeper tofu -t -x "$expect"
	until_report tofu state member
	is "the first CA is taken where that is allowed" member "$(report tofu state)"
	finish tofu
	keeper other -f "sha256:$(printf %064d 0)" -x "$expect"
	until_line other 'refused: another fingerprint'
	sleep 0.3
	is "a registrar with another CA's fingerprint gets nothing" TRUST "$(requests other)"
	like "which is reported" 'another fingerprint' "$(report other faults.trust.text)"
	finish other
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$tmp/wrong.key" \
		-out "$tmp/wrong.crt" -subj /CN=other -days 2 2>/dev/null
	keeper wrong -c "$tmp/wrong.crt" -x "$expect"
	until_report wrong faults.enrol.fault not-the-registrar
	is "nor one that another CA vouches for" IDENTITY "$(requests wrong)"
	finish wrong
	registrar_stop
	configure "listen = 0.0.0.0:$port"
	registrar_start
	url=https://127.0.0.2:$port keeper name -c "$ca" -x "$expect"
	until_report name faults.enrol.fault not-the-registrar
	is "nor one of another name" IDENTITY "$(requests name)"
	finish name
}

test_token()
{
	local id secret
	id=$(openssl rand -hex 16) secret=$(openssl rand -hex 16)
	token "$id" "$secret" kettle 1
	keeper token -f "$fingerprint" -k "$id:$secret"
	until_report token state member
	is "a device enrols by a token" "TRUST DEVICE KEY CERTIFICATE PROMOTE " \
		"$(requests token | sed 's/EVIDENCE.*//')"
	is "as the token's device" "$id" "$(cat "$run/token/id")"
	finish token
	keeper wrongtoken -f "$fingerprint" -k "$id:0$secret"
	until_report wrongtoken faults.enrol.fault token-wrong
	is "with another secret it does not" "enrolling" "$(report wrongtoken state)"
	is "the secret is in no log" 0 "$(cat "$run"/*.log "$run"/*.err "$tmp/log" | grep -c "$secret")"
	finish wrongtoken
}

# What was quoted last is shown no more, but by a registrar that wants it
test_attest()
{
	local from
	member attest -a 1
	until_line attest 'from [1-9]'
	like "the second time it shows only what is new in its log" 'from [1-9]' "$(cat "$run/attest.log")"
	from=$(here attest)
	sql "UPDATE device SET ima_offset = 17 WHERE id = x'$(cat "$run/attest/id")'" >/dev/null
	until_requests attest "$from" '.*EVIDENCE EVIDENCE.*'
	like "and from where the registrar asks it to" 'from 17' "$(tail -n "+$from" "$run/attest.log")"
	ok "but after a failure from the start" until_report attest result pass
	finish attest
}

test_tampered()
{
	cp "$tmp/any.reference" "$tmp/kept"
	{
		echo "ima sha256:$(printf init | sha256sum | cut -d' ' -f1) /sbin/init"
		echo "ima sha256:$(printf shell | sha256sum | cut -d' ' -f1) /bin/sh"
		echo "ima sha256:$(printf sensor | sha256sum | cut -d' ' -f1) /usr/bin/sensor daemon"
	} >>"$tmp/any.reference"
	registrar_reload
	member tampered -a 1
	touch "$run/tampered/tamper"
	until_report tampered result fail
	like "a device that was tampered with fails, and is told by what" intruder "$(report tampered findings)"
	like "so is its log" intruder "$(cat "$run/tampered.err")"
	finish tampered
	cp "$tmp/kept" "$tmp/any.reference"
	registrar_reload
}

test_pending()
{
	registrar_stop
	configure "approve = yes"
	registrar_start
	keeper pending -f "$fingerprint" -x "$expect"
	until_report pending state pending
	is "a device that nobody has approved waits" "TRUST IDENTITY ACTIVATE" "$(requests pending)"
	ok "as long as the registrar wants it to" test "$(report pending faults.enrol.again)" -ge $(($(date +%s) + 50))
	"$iotkeyctl" fleet approve "$("$iotkeyctl" fleet list --state pending | awk 'NR > 1 { print $1 }')" >"$tmp/said"
	kill -9 "$(cat "$run/pending/pid")"
	until_report pending state member
	is "then it is let in" member "$(report pending state)"
	finish pending
	registrar_stop
	configure "approve = no"
	registrar_start
}

test_renewal()
{
	local from old
	member renew
	old=$(serial "$run/renew/current")
	from=$(here renew)
	aged renew 80 20
	until_requests renew "$from" 'KEY CERTIFICATE PROMOTE .*EVIDENCE PARENT'
	is "in the last third of its time a certificate is renewed" "KEY CERTIFICATE PROMOTE EVIDENCE PARENT" \
		"$(requests renew "$from")"
	ok "it is another one" test "$(serial "$run/renew/current")" != "$old"
	like "the registrar knows it as a renewal" '"event": ?"renewed"' "$(cat "$dir/audit.log")"
	from=$(here renew)
	aged renew 60 60
	until_line renew 'HELLO' && sleep 1
	is "before that it is not" "EVIDENCE PARENT" "$(requests renew "$from")"
	from=$(here renew)
	aged renew 100 -1
	until_requests renew "$from" '.*PROMOTE .*EVIDENCE PARENT'
	is "one whose time is over is replaced by enrolling again" \
		"IDENTITY ACTIVATE DEVICE KEY CERTIFICATE PROMOTE EVIDENCE PARENT" "$(requests renew "$from")"
	from=$(here renew)
	sql "DELETE FROM certificate WHERE device = x'$(cat "$run/renew/id")'" >/dev/null
	kill -9 "$(cat "$run/renew/pid")"
	until_requests renew "$from" '.*PROMOTE .*EVIDENCE PARENT'
	is "so is one that the registrar has forgotten" \
		"IDENTITY ACTIVATE DEVICE KEY CERTIFICATE PROMOTE EVIDENCE PARENT" "$(requests renew "$from")"
	finish renew
}

# A new certificate that the registrar does not take: each time, until it does
test_not_accepted()
{
	local from old
	member spoiled -a 3 -s "test ! -e $tmp/spoil || python3 -c \"import sqlite3
db = sqlite3.connect('$dir/store.db', timeout=10)
db.execute('DELETE FROM certificate WHERE issued >= (SELECT MAX(issued) FROM certificate)'); db.commit()\""
	from=$(here spoiled)
	aged spoiled 80 20
	until_requests spoiled "$from" '.*PROMOTE .*PARENT'
	old=$(serial "$run/spoiled/current")
	touch "$tmp/spoil"
	from=$(here spoiled)
	aged spoiled 80 20
	until_requests spoiled "$from" 'KEY CERTIFICATE .*KEY CERTIFICATE.*' 60
	is "a certificate that is not accepted does not become the current one" "$old" "$(serial "$run/spoiled/current")"
	ok "with the old one it goes on" until_requests spoiled "$from" '.*KEY CERTIFICATE .*EVIDENCE.*PARENT.*'
	rm "$tmp/spoil"
	until_requests spoiled "$from" '.*PROMOTE.*' 60
	ok "until another one is" test "$old" != "$(serial "$run/spoiled/current")"
	finish spoiled
}

test_statements()
{
	local id said heard
	member heard
	id=$(cat "$run/heard/id")
	sleep 0.5 # it listens
	"$iotkeyctl" fleet revoke "$id" --root data --root-version 1 >"$tmp/said" 2>&1 || cat "$tmp/said"
	until_line heard 'data 2'
	ok "a root whose version was revoked is replaced at once" until_line heard 'data 2' 1
	said=$(date +%s%3N)
	"$iotkeyctl" fleet revoke "$id" >"$tmp/said" 2>&1 || cat "$tmp/said"
	until_line heard ' 2 at '
	heard=$(sed -n 's/^  2 at //p' "$run/heard.log")
	ok "a device hears that it was revoked within a second" test $((heard - said)) -lt 1000
	note "$((heard - said)) ms after the command began"
	until_report heard state revoked
	is "and says so" revoked "$(report heard state)"
	finish heard
	member late
	until_line late ' 2 at '
	ok "who comes later hears all of it" grep -q ' 1 at ' "$run/late.log"
	finish late
}

# shellcheck disable=SC2119 # it takes more lines for the configuration
registrar_up
test_life
test_first_contact
test_token
test_attest
test_tampered
test_renewal
test_not_accepted
test_pending
test_statements
done_testing
