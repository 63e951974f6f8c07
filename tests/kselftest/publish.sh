#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Logon keys that a kdf key publishes: where they are, what is in them (once more by openssl),
# what they follow and how they end.  A logon key cannot be read, but a root can be made of it,
# whose identity tells what was in it.
# shellcheck source=tests/kselftest/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/kselftest/common/iot.sh
. "$(dirname "$0")/common/iot.sh"
# shellcheck source=tests/kselftest/common/derive.sh
. "$(dirname "$0")/common/derive.sh"

root=$(add r new root provider=soft)
keyctl pipe "$root" | base64 -d | tail -c 64 | head -c 32 >"$tmp/root"

publish() { keyctl update "$1" "publish ${*:2}"; }
logon() { keyctl search @s logon "$1" 2>/dev/null; }

# print NAME: the identity of the root that the payload makes
print()
{
	local key
	key=$(keyctl add iot print "new root provider=key key=logon:$1" @s) || return
	keyctl pipe "$key" | base64 -d | tail -c +17 | head -c 16 | hex
	keyctl unlink "$key" @s
}

# expected LABEL EPOCH SIZE NAME: the same, computed
expected()
{
	derived "$tmp/root" 6 "$1" "$2" | unhex >"$tmp/version"
	expand "$tmp/version" "$(label "iotkey/1 publish" "$(printf %02x "$3")$(printf %s "$4" | hex)")" "$3" |
		unhex >"$tmp/payload"
	openssl mac -digest SHA256 -macopt "hexkey:$(printf 'iotkey/1 key' | hex)" -in "$tmp/payload" HMAC |
		tr -d '\n' | unhex >"$tmp/prk"
	expand "$tmp/prk" "$(label "iotkey/1 root")" 32 | unhex >"$tmp/made"
	expand "$tmp/made" "$(label "iotkey/1 id")" 16
}

# until_ok COMMAND...: within 5 seconds
# shellcheck disable=SC2317 # what "ok" calls
until_ok()
{
	for _ in {1..50}; do
		! "$@" >/dev/null 2>&1 || return 0
		sleep 0.1
	done
	return 1
}

# shellcheck disable=SC2317
is_gone() { ! keyctl describe "$1"; }
# shellcheck disable=SC2317
prints() { [ "$(print "$1")" = "$2" ]; }

test_content()
{
	local key serial again
	key=$(add k new kdf root=r mode=derive)
	ok "publish" publish "$key" disk:data
	serial=$(logon disk:data)
	like "a logon key in the session keyring" "^$serial: .* logon: disk:data$" "$(keyctl rlist @s | tr ' ' '\n' |
		while read -r k; do keyctl describe "$k"; done | sed 's/^ *//')"
	like "with these permissions" "^logon;0;0;39090000;disk:data$" "$(keyctl rdescribe "$serial")"
	is "32 bytes of the documented derivation" "$(expected k 0 32 disk:data)" "$(print disk:data)"
	ok "another size" publish "$key" disk:data size=64
	is "is another key" "$(expected k 0 64 disk:data)" "$(print disk:data)"
	again=$(logon disk:data)
	is "with the same serial number" "$serial" "$again"
	is_err "it cannot be read" EOPNOTSUPP keyctl read "$serial"
	is_err "nor be overwritten" EACCES keyctl update "$serial" other
	publish "$key" disk:other
	is "another name is another key" "$(expected k 0 32 disk:other)" "$(print disk:other)"
	keyctl update "$key" rotate
	ok "a rotation reaches them" until_ok prints disk:other "$(expected k 1 32 disk:other)"
	is "all of them" "$(expected k 1 64 disk:data)" "$(print disk:data)"
	ok "an epoch that is over" publish "$key" disk:data epoch=0
	is "is published again" "$(expected k 0 32 disk:data)" "$(print disk:data)"
	keyctl update "$key" rotate
	ok "and stays" until_ok prints disk:other "$(expected k 2 32 disk:other)"
	is "when others follow" "$(expected k 0 32 disk:data)" "$(print disk:data)"
	is_err "an epoch to come" ETIME publish "$key" disk:data epoch=3
	publish "$key" disk:data epoch=2
	is "the present one" "$(expected k 2 32 disk:data)" "$(print disk:data)"
	keyctl unlink "$key" @s
	ok "the end of the key is theirs" until_ok is_gone "$serial"
}

test_refusals()
{
	local key i serial
	key=$(add mac new hmac-sha256 root=r)
	is_err "no key of another kind publishes" EOPNOTSUPP publish "$key" a:b
	is_err "nor does a root" EOPNOTSUPP publish "$root" a:b
	keyctl unlink "$key" @s
	is_err "nor one that is not there" EINVAL add none publish a:b
	key=$(add k new kdf root=r)
	is_err "a random key that is not stored" EAGAIN publish "$key" a:b
	keyctl update "$key" stored=2
	ok "and one that is" publish "$key" a:b
	is_err "has no epochs to pin to" EINVAL publish "$key" a:b epoch=0
	for i in "" a :a a: "a:b size=15" "a:b size=65" "a:b c"; do
		is_err "words: publish $i" EINVAL publish "$key" "$i"
	done
	keyctl unlink "$key" @s
	key=$(add k new kdf root=r mode=derive start=$(($(date +%s) + 1000)))
	is_err "one that has not begun" ETIME publish "$key" a:b
	keyctl unlink "$key" @s
	key=$(add k new kdf root=r mode=derive)
	serial=$(echo abc | keyctl padd logon not:ours @s)
	is_err "another's key is not displaced" EEXIST publish "$key" not:ours
	is "and still there" "$serial" "$(logon not:ours)"
	keyctl unlink "$serial" @s
	for i in {1..16}; do publish "$key" "n:$i" || fail "number $i"; done
	is_err "sixteen, and no more" EDQUOT publish "$key" n:17
	keyctl unlink "$(logon n:5)" @s
	ok "until one is unlinked" publish "$key" n:17
	keyctl revoke "$(logon n:6)"
	ok "or revoked" publish "$key" n:18
	keyctl revoke "$key"
	is_err "a revoked key publishes nothing" EKEYREVOKED publish "$key" a:b
	is_err "and what it had published is revoked" EKEYREVOKED print n:17
	keyctl clear @s
	keyctl link @u @s
	root=$(add r new root provider=soft)
	keyctl pipe "$root" | base64 -d | tail -c 64 | head -c 32 >"$tmp/root"
}

test_ends()
{
	local key serial
	key=$(add k new kdf root=r mode=derive)
	publish "$key" a:b
	serial=$(logon a:b)
	keyctl unlink "$serial" @s
	is_err "unlinked by its owner" ENOKEY print a:b
	publish "$key" a:b
	is "it is published anew" "$(expected k 0 32 a:b)" "$(print a:b)"
	keyctl revoke "$(logon a:b)"
	ok "so is a revoked one" publish "$key" a:b
	is "with a fresh life" "$(expected k 0 32 a:b)" "$(print a:b)"
	keyctl timeout "$(logon a:b)" 1
	sleep 2
	ok "and one past its timeout" publish "$key" a:b
	serial=$(logon a:b)
	keyctl invalidate "$key"
	ok "the key is invalidated" until_ok is_gone "$serial"

	key=$(add k new kdf root=r mode=derive lifetime=2)
	publish "$key" a:b epoch=0
	serial=$(logon a:b)
	ok "the lifetime ends, and nobody looks" until_ok is_gone "$serial"
	keyctl unlink "$key" @s

	key=$(add k new kdf root=r mode=derive rotate=1s start=$(($(date +%s) - 1000)))
	publish "$key" a:b
	publish "$key" a:pinned epoch=7
	one=$(print a:b)
	pinned=$(print a:pinned)
	sleep 2
	if [ "$(print a:b)" != "$one" ]; then pass "it follows the clock"; else fail "it follows the clock"; fi
	is "a pinned one does not" "$pinned" "$(print a:pinned)"
	keyctl unlink "$key" @s

	key=$(add k new kdf root=r mode=ratchet)
	keyctl update "$key" stored=1
	publish "$key" a:b
	serial=$(logon a:b)
	keyctl update "$key" mix=00112233445566778899aabbccddeeff
	ok "a mix that is not stored yet ends it" until_ok is_gone "$serial"
	is_err "and publishes nothing" EAGAIN publish "$key" a:b
	keyctl update "$key" stored=2
	ok "until it is stored" publish "$key" a:b
	serial=$(logon a:b)
	keyctl revoke "$root"
	ok "the end of the root is the end" until_ok is_gone "$serial"
	keyctl clear @s
	keyctl link @u @s
	root=$(add r new root provider=soft)
}

# Another user's, in a session keyring of his own.
test_user()
{
	chmod 755 "$tmp"
	cat >"$tmp/mine" <<-'END'
	keyctl add iot r "new root provider=soft" @s >/dev/null
	k=$(keyctl add iot k "new kdf root=r mode=derive" @s)
	[ -z "$1" ] || keyctl setperm @s "$1"
	keyctl update "$k" "publish a:b" && keyctl rdescribe "$(keyctl search @s logon a:b)"
	END
	like "a user's is his" "^logon;1000;1000;39090000;a:b$" "$(as_user bash "$tmp/mine" "" 2>&1)"
	# He may not write that keyring.
	is_err "not in a keyring that is not his to change" EACCES as_user bash "$tmp/mine" 0x1b000000
}

# Who has no session keyring, as a program that the kernel starts: here for a module.
test_no_session()
{
	local key old
	key=$(add k new kdf root=r mode=derive)
	keyctl setperm "$key" 0x3f3f0000
	cat >"$tmp/helper" <<-END
	#!/bin/bash
	/usr/bin/keyctl update $key "publish none:key" >"$tmp/said" 2>&1
	END
	chmod 755 "$tmp/helper"
	old=$(cat /proc/sys/kernel/modprobe)
	echo "$tmp/helper" >/proc/sys/kernel/modprobe
	mount -t iotkey-none none "$tmp" 2>"$tmp/quiet"
	echo "$old" >/proc/sys/kernel/modprobe
	is "without a session keyring" "" "$(cat "$tmp/said")"
	like "it is in the user keyring" " $(logon none:key) " " $(keyctl rlist @u) "
	keyctl unlink "$(logon none:key)" @u
	keyctl unlink "$key" @s
}

# iotkeyctl derive
test_tool()
{
	local key serial ring
	key=$(add k new kdf root=r mode=derive)
	keyctl update "$key" rotate
	serial=$(iotkeyctl derive k tool:a)
	like "the tool publishes" "^[1-9]" "$serial"
	is "and prints the serial number" "$(logon tool:a)" "$serial"
	ok "--pinned" iotkeyctl derive k tool:p --pinned --size 64
	pinned=$(print tool:p)
	like "and in JSON says to what" "\"epoch\": ?1[,}]" "$(iotkeyctl --json derive k tool:q --pinned | tr -d '\n')"
	like "or that it is not" "\"epoch\": ?null" "$(iotkeyctl --json derive k tool:r | tr -d '\n')"
	ring=$(keyctl newring there @s)
	serial=$(iotkeyctl derive k tool:k --keyring there)
	is "--keyring" "$serial" "$(keyctl search "$ring" logon tool:k)"
	is_err "is where it is" ENOENT keyctl unlink "$serial" @s
	keyctl update "$key" rotate
	ok "--epoch" iotkeyctl derive k tool:p --epoch 1 --size 64
	is "gives a pinned key again" "$pinned" "$(print tool:p)"
	is_err "an epoch to come" ETIME keyctl update "$key" "publish tool:p epoch=3"
	like "the tool puts it in words" "too early" "$(iotkeyctl derive k tool:p --epoch 3 2>&1)"
	keyctl unlink "$key" @s
}

test_content
test_refusals
test_ends
test_user
test_no_session
test_tool
finish
