#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# iotkeyd keeps keys: through rotations, kill -9 at every step of its writing, and a boot.
#
# timeout: 900
# kernel: not debug
# shellcheck source=tests/kselftest/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/kselftest/common/iot.sh
. "$(dirname "$0")/common/iot.sh"
# shellcheck source=tests/kselftest/common/agent.sh
. "$(dirname "$0")/common/agent.sh"

state=$tmp/state
blobs=$state/keys
printf 'state = %s\ngroup = user\n' "$state" >"$tmp/conf"
agent=
ring=

# The notes of an agent go to $tmp/log
start_agent() # [COMMAND...]
{
	"$@" iotkeyd --config "$tmp/conf" 2>>"$tmp/log" &
	agent=$!
}

# strace, and the agent under it
stop_traced()
{
	local children
	read -r -a children </proc/$agent/task/$agent/children
	kill -KILL "${children[@]}"
	kill_agent
} 2>/dev/null

find_key() { keyctl search "$ring" iot "$1"; }
has_key() { find_key "$1" >/dev/null 2>&1; }
field() { iotkeyctl show "$1" --json | tr -d '\n' | sed -n "s/.*\"$2\": *\([0-9]*\).*/\1/p"; }
all_stored() { [ "$(field "$1" stored)" = "$(field "$1" newest)" ]; }
new() { iotkeyctl --quiet new "$1" --keyring "$ring" "${@:2}" >/dev/null; }

seal() # NAME FILE
{
	iotkeyctl --quiet encrypt "$(find_key "$1")" "$tmp/plain" "$2"
}

opens() # NAME FILE
{
	iotkeyctl --quiet decrypt "$(find_key "$1")" "$2" "$tmp/opened" &&
		cmp "$tmp/plain" "$tmp/opened"
}

# What a boot does to the keyring
forget_all()
{
	keyctl clear "$ring"
	until_true 20 nobody_left
}

nobody_left() { ! grep -q ' iot  *a-' /proc/keys; }

log_has() { grep -q -e "$1" "$tmp/log"; }

test_begin()
{
	printf 'what a sensor measured\n' >"$tmp/plain"
	is "--check: mistakes" 2 "$(printf 'state = here\n' >"$tmp/bad"
		iotkeyd --config "$tmp/bad" --check 2>/dev/null; echo $?)"
	start_agent
	ok "it makes the keyring" until_true 10 keyctl search @u keyring iotkey
	ring=$(keyctl search @u keyring iotkey)
	ok "the directory is root's alone" test "$(stat -c %a "$state" "$blobs" | tr '\n' ' ')" = "700 700 "
	iotkeyctl --quiet root a-root --provider tpm --parent 0x81000001 --mkparent --keyring "$ring" >/dev/null
	iotkeyctl --quiet root a-soft --provider soft --keyring "$ring" >/dev/null
	new a-random --alg aes-256-gcm --root a-root
	new a-both --alg aes-256-gcm --root a-soft+a-root --mode derive --rotate 1d
	new a-ratchet --alg aes-256-gcm --root a-soft --mode ratchet --rotate 1d --overlap 1d
	new a-device --alg ecdsa-p256 --parent 0x81000001
	new 'a-odd/../%name' --alg hmac-sha256 --root a-soft
	for key in a-random a-ratchet 'a-odd/../%name'; do
		ok "$key is stored, and the kernel told" until_true 10 all_stored "$key"
	done
	ok "roots and the key in the TPM, too" until_true 10 test -e "$blobs/a-root.blob" \
		-a -e "$blobs/a-soft.blob" -a -e "$blobs/a-device.blob" -a -e "$blobs/a-both.blob"
	ok "a name that is a path is none" test -e "$blobs/a-odd%2f..%2f%25name.blob"
	is "blobs are root's alone" "" "$(find "$blobs" -name '*.blob' ! -perm 600)"
	for key in a-random a-both a-ratchet; do seal $key "$tmp/$key"; done
	keyctl pipe "$(find_key a-device)" >"$tmp/device.pem"
}

test_one()
{
	is "a second agent is refused" 1 "$(iotkeyd --config "$tmp/conf" 2>"$tmp/second"; echo $?)"
	like "and says why" 'another agent' "$(cat "$tmp/second")"
}

test_closed()
{
	local status=/proc/$agent/status
	is "no capability but that for events" 0000000000001000 \
		"$(sed -n 's/^CapEff:\t//p' $status)"
	is "none to be had" 0000000000000000 "$(sed -n 's/^CapBnd:\t//p' $status)"
	is "nothing gained by exec" 1 "$(sed -n 's/^NoNewPrivs:\t//p' $status)"
	like "no core file" 'core file size  *0  *0' "$(cat /proc/$agent/limits)"
	is_err "another process without privilege sees nothing" EACCES as_user bash -c "cat /proc/$agent/maps"
	rss=$(sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' $status)
	note "resident: $rss KiB"
	ok "it takes less than 5 MB" test "$rss" -lt 5000
}

# Its group may use keys, and do nothing else with them.
test_group()
{
	local key
	key=$(find_key a-both)
	ok "the group finds keys, and uses them" as_user bash -c "
		keyctl link $ring @s && printf text >/tmp/agent-text &&
		keyctl pkey_encrypt \$(keyctl search @s iot a-both) 0 /tmp/agent-text >/tmp/agent-out"
	is_err "it does not revoke them" EACCES as_user bash -c "keyctl link $ring @s; keyctl revoke $key"
	is_err "nor rotate" EACCES as_user bash -c "keyctl link $ring @s; keyctl update $key rotate"
	rm -f /tmp/agent-text /tmp/agent-out
}

test_rotation()
{
	new a-quick --alg aes-256-gcm --root a-soft --rotate 1s --overlap 1s
	sleep 4
	ok "versions are stored as they come" until_true 5 all_stored a-quick
	ok "so none is overdue" test "$(field a-quick version)" -ge 3
	keyctl revoke "$(find_key a-quick)"
	ok "what is revoked has no blob any more" until_true 5 test ! -e "$blobs/a-quick.blob"
	iotkeyctl policy "$(find_key a-random)" --set max-ops=1000000 >/dev/null 2>&1 ||
		keyctl update "$(find_key a-random)" "set max-ops=1000000"
	kill -HUP $agent
	ok "a new policy is stored" until_true 5 saved_policy
}

saved_policy() { base64 -d "$blobs/a-random.blob" | head -c 80 | tail -c 8 | hex | grep -q 00000000000f4240; }

test_unlink()
{
	keyctl unlink "$(find_key a-random)" "$ring"
	ok "what somebody unlinked comes back" until_true 15 has_key a-random
	ok "it is the same" opens a-random "$tmp/a-random"
}

test_kill()
{
	local key
	kill_agent
	ok "keys outlive the agent" has_key a-both
	start_agent
	ok "it comes back to its keys" until_true 10 test -n "$(find_key a-random)"
	seal a-random "$tmp/a-random"
	new a-late --alg aes-256-gcm --root a-root
	ok "and keeps on" until_true 10 all_stored a-late
	kill_agent
	# as if the power went now
	forget_all
	touch "$blobs/a-late.blob.aBcDeF"
	start_agent
	ok "after a boot keys are there" until_true 20 has_key a-late
	for key in a-random a-both a-ratchet; do
		ok "$key opens what it sealed" opens $key "$tmp/$key"
	done
	ok "what a power cut left is cleared away" test ! -e "$blobs/a-late.blob.aBcDeF"
	keyctl pipe "$(find_key a-device)" >"$tmp/device2.pem"
	ok "the key in the TPM is the same" cmp "$tmp/device.pem" "$tmp/device2.pem"
}

test_damage()
{
	kill_agent
	forget_all
	cp "$blobs/a-late.blob" "$tmp/kept"
	head -c 300 "$tmp/kept" >"$blobs/a-late.blob"
	cp "$blobs/a-random.blob" "$blobs/a-other.blob"
	start_agent
	ok "a damaged blob does not keep others away" until_true 20 has_key a-ratchet
	ok "it is told" log_has "cannot read the blob of key 'a-late'"
	ok "so is a blob under another name" log_has "cannot load key 'a-other'"
	ok "both stay where they are" test -s "$blobs/a-late.blob" -a -s "$blobs/a-other.blob"
	rm "$blobs/a-other.blob"
	cp "$tmp/kept" "$blobs/a-late.blob"
	kill -HUP $agent
	ok "once it is mended, SIGHUP loads it" until_true 10 has_key a-late
}

test_revoked()
{
	local key
	kill_agent
	key=$(find_key a-late)
	keyctl revoke "$key"
	start_agent
	ok "revoked while nobody looked: the blob goes" until_true 10 test ! -e "$blobs/a-late.blob"
	keyctl revoke "$(find_key a-device)"
	ok "so does that of a key in the TPM" until_true 10 test ! -e "$blobs/a-device.blob"
	ok "others stay" has_key a-ratchet
}

seals() { seal "$1" "$2" && opens "$1" "$2"; }

# Counts in the caller's $lost
lost_if_not() # WHAT COMMAND...
{
	"${@:2}" && return
	lost=$((lost + 1))
	note "lost: $1"
}

# An agent that is killed on entering the Nth system call of a kind, while a key rotates.
test_steps()
{
	local call n killed=0 lost=0
	kill_agent
	for call in openat write fsync rename keyctl add_key; do
		for n in 1 ${IOTKEY_LONG:+2 3 4 5 6 7 8 9}; do
			start_agent strace -qq -o /dev/null -e "inject=$call:signal=KILL:when=$n" -e "trace=$call"
			until_true 2 has_key a-random
			for _ in 1 2 3; do
				until_true 1 all_stored a-random
				iotkeyctl --quiet rotate "$(find_key a-random)" 2>/dev/null
			done
			until_true 1 test ! -d /proc/$agent && killed=$((killed + 1))
			stop_traced
			[ $((n % 2)) = 0 ] || forget_all
			start_agent
			lost_if_not "$call:$n stored" until_true 20 all_stored a-random
			# they load in any order
			lost_if_not "$call:$n opens" until_true 20 opens a-both "$tmp/a-both"
			lost_if_not "$call:$n seals" seals a-random "$tmp/step"
			kill_agent
			[ $((n % 2)) = 0 ] || forget_all
			start_agent
			until_true 20 has_key a-random
			lost_if_not "$call:$n after" opens a-random "$tmp/step"
			kill_agent
		done
	done
	note "killed at $killed steps"
	ok "most of the steps are there" test $killed -ge 4
	is "no key and no message is lost" 0 $lost
	is "no litter" "" "$(find "$blobs" -type f ! -name '*.blob')"
	start_agent
	ok "and it runs" until_true 10 has_key a-random
}

test_end()
{
	local before
	before=$(stat -c %Y%i "$blobs/a-both.blob")
	sleep 1
	kill -TERM $agent
	wait $agent
	is "SIGTERM: it ends well" 0 $?
	ok "and has saved how far time went on" test "$before" != "$(stat -c %Y%i "$blobs/a-both.blob")"
	ok "keys stay" has_key a-both
	keyctl unlink "$ring" @u
}

test_begin
test_one
test_closed
test_group
test_rotation
test_unlink
test_kill
test_damage
test_revoked
test_steps
test_end
note "$(sort "$tmp/log" | uniq -c | head -n 40)"
finish
