# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
#
# The guest's part of agent_life.sh.  $port, $id and $fingerprint are set.

# shellcheck source=tests/kselftest/common/iot.sh
. /usr/lib/iotkey/tests/common/iot.sh

status() { iotkeyd status --json --config conf 2>/dev/null | grep -o "\"$1\": *\"*[^\",]*" | tail -n 1 | sed 's/.*: *"*//'; }
is_now() { [ "$(status "$1")" = "$2" ]; }
ring() { keyctl search @u keyring iotkey; }
not() { ! "$@"; }
key() { keyctl search "$(ring)" iot "$1" 2>/dev/null; }
net() { pidof iotkeyd-net; }
field_of() { sed -n "s/^$1:[ \t]*//p" "/proc/$(net)/status"; }

cat >conf <<END
state = /tmp/state
run = /tmp/run
registrar = https://10.0.2.2:$port
ca = $fingerprint
net-user = user
attest = 60s
END
begun=$(date +%s%3N)
iotkeyd --config conf 2>log &
agent=$!
ok "it becomes a member" until_true 60 is_now state member
ok "and gets its root" until_true 30 key data
note "after $(($(date +%s%3N) - begun)) ms"
is "the device is known by its EK" "$id" "$(status device)"
is "attested" pass "$(status result)"
ok "the root is good for something" keyctl add iot child "new aes-256-gcm root=data mode=derive" "$(ring)"
note "$(grep -E 'VmHWM|VmRSS' "/proc/$(net)/status" | tr -s '\t\n ' ' ') (net), $(
	grep -E 'VmHWM|VmRSS' "/proc/$agent/status" | tr -s '\t\n ' ' ') (keeper)"

# As the kernel sees the process with the net
is "it is nobody important" "1000 1000 1000 1000" "$(field_of Uid | tr '\t' ' ')"
is "in no other group" "" "$(field_of Groups | tr -d ' ')"
is "without capabilities" 0000000000000000 "$(field_of CapPrm)"
is "even by programs" 1 "$(field_of NoNewPrivs)"
is "with a filter of its calls" 2 "$(field_of Seccomp)"
is "it has nothing open but sockets, its standard streams, and what wakes it" "" \
	"$(for fd in "/proc/$(net)/fd/"*; do readlink "$fd"; done | grep -Ev '^(socket:|pipe:|/dev/null|anon_inode:\[event)|/tmp/device/log$')"
# and what its user gets of the key by which it signs
key=$(key agent-a)
like "it may describe its key" ';agent-a$' "$(as_user keyctl rdescribe "$key")"
is_err "but not read it" EACCES as_user keyctl pipe "$key"
is_err "nor revoke it" EACCES as_user keyctl revoke "$key"
is_err "nor read the root" EACCES as_user keyctl pipe "$(key data)"
is_err "nor read the attestation key" EACCES as_user keyctl describe "$(key agent-ak)"

host down >/dev/null
kill -9 "$(net)"
sleep 3
ok "another one is started" net
ok "without a registrar the root stays" keyctl add iot child2 "new aes-256-gcm root=data mode=derive" "$(ring)"
host up >/dev/null
ok "it comes back" until_true 60 is_now state member

host next 1 >/dev/null
ok "a version that was revoked is replaced" until_true 30 grep -q "root 'data', version 2" log

said=$(date +%s%3N)
host revoke >/dev/null
ok "revoked, it is thrown out" until_true 10 not key data
note "$(($(date +%s%3N) - said)) ms from the command to the dead key, the poll of this test included"
ok "and says so" until_true 10 is_now state revoked
is "its key is dead" "" "$(key agent-a)"
note "$(cat log)"
kill "$agent"
done_testing
