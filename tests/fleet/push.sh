#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A statement comes to those who wait for it at once, whichever worker made it; and waiting is
# cheap.  IOTKEY_LONG: 10,000 clients, else 500.
set -u
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/fleet/lib.sh
. "$here/lib.sh"

clients=${IOTKEY_LONG:+10000}
clients=${clients:-500}
begin -- "workers = 4" "request-time = 600" "idle-time = 600"

# push CLIENTS ROUNDS [PID]: sets $code and $said
push()
{
	code=0
	said=$(/usr/bin/python3 "$here/push.py" "$ca" "$dir/admin.crt" "$dir/admin.key" "$port" "$port" "$@" 2>&1) || code=$?
}

# number NAME: of $said; of several the one in the middle
number()
{
	python3 -c 'import json, sys
n = json.loads(sys.argv[1])[sys.argv[2]]
print(int(n[len(n) // 2] if isinstance(n, list) else n))' "$said" "$1"
}

# Who asks now and then hears of everything, too, whichever worker answers.
wrong=
for ((i = 1; i <= 5; i++)); do
	curl -sf --cacert "$ca" --cert "$dir/admin.crt" --key "$dir/admin.key" \
		--data "{\"device\":\"all\",\"name\":\"key-$i\"}" "$url/.well-known/iotkey/fleet/keys/revoke" >/dev/null
	for ((n = 0; n < 12; n++)); do
		heard=$(curl -s --cacert "$ca" "$url/.well-known/iotkey/statements?after=0&wait=$((n % 2))" | grep -ao IOTS | wc -l)
		[ "$heard" = $i ] || wrong="$wrong $heard/$i"
	done
done
is "who does not wait hears of each" "" "$wrong"

push 20 9
note "$said"
is "all get each statement" 0 "$code"
# the workers look by themselves only each 2 seconds
ok "within 50 ms of the administrator's answer" test "$(number ms)" -lt 50
push "$clients" 3 "$pid"
note "$said"
is "so do $clients" 0 "$code"
ok "in a second" test "$(number ms)" -lt 1000
# a sanitizer's memory is its own
if [ -z "${REGISTRAR:-}" ]; then
	ok "each takes less than 32 KB" test "$(number bytes)" -lt 32768
fi
is "the registrar is well" 0 "$(grep -c 'ended by\|Sanitizer\|runtime error' "$tmp/log")"
registrar_stop
is "the end of it" 0 $stopped
done_testing
