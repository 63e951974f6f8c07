#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# iotkeyd-net where things go wrong: nobody answers, the registrar dies, iotkeyd-net dies at each
# request, the registrar lies.  Prints KTAP.
set -u
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/fleet/net_lib.sh
. "$here/net_lib.sh"
liar=
trap 'finish_all; [ -z "$liar" ] || kill "$liar"; registrar_stop; rm -rf "$tmp" "$run"; ktap_exit' EXIT

test_down()
{
	registrar_stop
	keeper down -f "$fingerprint" -x "cat >/dev/null"
	until_report down faults.trust.fault network
	is "without a registrar it waits" "network" "$(report down faults.trust.fault)"
	local before after
	sleep 1
	before=$(cpu down)
	sleep 4
	after=$(cpu down)
	ok "and does next to nothing" test $((after - before)) -le 4 # of 400
	registrar_start
	finish down
	keeper back -f "$fingerprint" -x "$expect"
	until_line back ACTIVATE
	kill -9 "$pid"
	wait "$pid" 2>/dev/null
	until_report back faults.enrol.fault network 10 ||
		until_report back faults.promote.fault network 1
	sleep 3
	registrar_start
	ok "when it is killed meanwhile, what is left is done when it is back" until_report back state member 30
	finish back
}

# It may be killed when any request has arrived at the keeper, or any answer has left
test_killed()
{
	local point name bad=0 points
	points="-d1 -D2 -d3 -D3 -d5 -D6 -d7 -D7 -D8 -d9 -D10 -d11 -D12 -d14"
	[ -z "${IOTKEY_LONG:-}" ] || points=$(echo -d{1..15} -D{1..15})
	for point in $points; do
		name=killed$point
		keeper "$name" -f "$fingerprint" -x "$expect" "$point"
		until_line "$name" '^ROOT' 30 && until_report "$name" state member 30 || bad=$((bad + 1))
		grep -q '  killed' "$run/$name.log" || { bad=$((bad + 1)) && note "$point: not killed"; }
		finish "$name"
	done
	is "killed at any point it becomes a member all the same" 0 "$bad"
	note "$(echo "$points" | wc -w) points"
}

# caught PATH KIND STEP: that lie is found out, and costs neither the process nor its memory
caught()
{
	local name=lie-$1-$2 first fault peak
	echo "$1 $2" >"$dir/lie"
	url=$lies keeper "$name" -f "$fingerprint" -x "$expect"
	until_line "$name" "\"$3\":\\{\"fault\"" 20
	first=$(cat "$run/$name/pid")
	fault=$(report "$name" "faults.$3.fault")
	peak=$(sed -n 's/^VmHWM:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$first/status")
	finish "$name"
	like "$1 $2" "^$4\$" "$fault"
	if [ "${peak:-99999}" -gt 32768 ] || [ "$(tail -n 1 "$run/$name.log")" != "ended: status 0" ]; then
		fail "$1 $2: it survives" "$peak kB, $(tail -n 1 "$run/$name.log")"
	fi
}

test_lies()
{
	local port_of_lies kind
	port_of_lies=$(free_port)
	lies=https://localhost:$port_of_lies
	echo "none none" >"$dir/lie"
	python3 "$here/liar.py" "$port_of_lies" "$port" "$dir" 2>"$tmp/liar.log" &
	liar=$!
	until curl -sf --cacert "$ca" "$lies/.well-known/est/cacerts" >/dev/null; do sleep 0.1; done
	for kind in empty garbage text object types nulls deep endless cut no-http redirect endless-head; do
		caught join $kind enrol '(answer|network)'
	done
	caught join detail enrol 'w{31}'
	ok "no control character of it gets to a log" not grep -q "$(printf '\033')" "$run/lie-join-detail.err"
	caught join later enrol busy
	ok "who is asked to come later does" test "$(report lie-join-later faults.enrol.again)" -ge \
		$(($(stat -c %Y "$run/lie-join-later/report") + 7))
	caught join much-later enrol busy
	ok "but not for ever" test "$(report lie-join-much-later faults.enrol.again)" -le \
		$(($(date +%s) + 100000))
	for kind in empty garbage pkcs7 endless; do
		caught cacerts $kind trust answer
		caught simpleenroll $kind enrol answer
	done
	for kind in empty garbage text; do caught approvals $kind release answer; done
	for kind in empty garbage object types; do
		caught activate $kind enrol answer
		caught nonce $kind promote answer
		caught attest $kind attest answer
		caught release $kind release answer
		caught statements $kind statements answer
	done
	caught release later release busy
}

not() { ! "$@"; }

# A byte a second: it ends by itself.  Begun first, looked at last
begin_slow()
{
	local port_of_lies
	port_of_lies=$(free_port)
	mkdir "$tmp/slow"
	cp "$dir"/server.* "$ca" "$tmp/slow/"
	echo "cacerts slow" >"$tmp/slow/lie"
	python3 "$here/liar.py" "$port_of_lies" "$port" "$tmp/slow" 2>/dev/null &
	slow=$!
	sleep 0.5
	url=https://localhost:$port_of_lies keeper slow -f "$fingerprint" -x "cat >/dev/null"
}

test_slow()
{
	ok "a slow registrar is left" until_report slow faults.trust.fault network 80
	finish slow
	kill "$slow"
}

registrar_up
begin_slow
test_down
test_killed
test_lies
test_slow
done_testing
