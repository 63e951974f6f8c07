#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Combined roots, root=a+b: who needs which parts, what follows from them (once more by
# openssl), and what becomes of a key when a part goes.
# shellcheck source=tests/kselftest/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/kselftest/common/iot.sh
. "$(dirname "$0")/common/iot.sh"
# shellcheck source=tests/kselftest/common/derive.sh
. "$(dirname "$0")/common/derive.sh"

plain=$tmp/plain
printf 'Alle meine Entchen schwimmen auf dem See.' >"$plain"

declare -A root
for name in a b c d e f g h i; do root[$name]=$(add $name new root provider=soft); done
soft_secret() { keyctl pipe "${root[$1]}" | base64 -d | tail -c 64 | head -c 32; }
identity() { expand "$1" "$(label "iotkey/1 id")" 16; }

# combined OUT NAME...: Documentation/iotkey.rst, "Combined roots"
combined()
{
	local out=$1 name id
	shift
	for name in "$@"; do
		soft_secret "$name" >"$tmp/part"
		id=$(identity "$tmp/part")
		echo "$id $(expand "$tmp/part" "$(label "iotkey/1 part")" 32)"
	done | sort >"$tmp/parts"
	cut -d' ' -f2 "$tmp/parts" | tr -d '\n' | unhex >"$tmp/shares"
	openssl mac -digest SHA256 -macopt "hexkey:$(printf 'iotkey/1 combine' | hex)" -in "$tmp/shares" HMAC |
		tr -d '\n' | unhex >"$tmp/prk"
	expand "$tmp/prk" "$(label "iotkey/1 combined" "$(cut -d' ' -f1 "$tmp/parts" | tr -d '\n')")" 32 |
		unhex >"$out"
}

# What a fresh key under these roots signs.
signature_under() # ROOTS
{
	local key
	key=$(add mac new hmac-sha256 "root=$1" mode=derive) || return
	keyctl pkey_sign "$key" 0 "$plain" | hex
	keyctl unlink "$key" @s
}

test_derivation()
{
	combined "$tmp/ab" a b
	combined "$tmp/all" a b c d e f g h
	is "two parts" "694b010400000001$(mac_of "$tmp/ab" 4 mac 0 "$plain")" "$(signature_under a+b)"
	is "in the other order" "694b010400000001$(mac_of "$tmp/ab" 4 mac 0 "$plain")" "$(signature_under b+a)"
	is "eight parts" "694b010400000001$(mac_of "$tmp/all" 4 mac 0 "$plain")" \
		"$(signature_under h+b+c+d+a+f+g+e)"
	if [ "$(signature_under a+b)" != "$(signature_under a+c)" ]; then
		pass "another device's root makes another key"
	else
		fail "another device's root makes another key"
	fi
	key=$(add mac new hmac-sha256 root=a+b)
	is "the blob has the identity of the combined root" "$(identity "$tmp/ab")" \
		"$(keyctl pipe "$key" | base64 -d | tail -c +33 | head -c 16 | hex)"
	keyctl unlink "$key" @s
}

test_refusals()
{
	local key
	is_err "nine parts" EINVAL add k new kdf root=a+b+c+d+e+f+g+h+i
	is_err "a part twice" EINVAL add k new kdf root=a+b+a
	is_err "an empty part" EINVAL add k new kdf root=a+
	is_err "nothing but +" EINVAL add k new kdf root=+
	is_err "a part that is not there" ENOKEY add k new kdf root=a+nobody
	key=$(add k new hmac-sha256 root=a)
	is_err "a part that is no root" EKEYREJECTED add k2 new kdf root=a+k
	keyctl unlink "$key" @s
	is_err "a root whose name says two" EINVAL add x+y new root provider=soft
	is_err "a provider of that name" EINVAL add x new root provider=combined
	key=$(add x+y new hmac-sha256 root=a)
	like "a key may be called so" "^[0-9]+$" "$key"
	keyctl unlink "$key" @s
}

test_status()
{
	local key
	key=$(add k new aes-256-gcm root=b+a)
	is "unsafe, as a part is" "k: aes-256-gcm random unsafe active v1 -" "$(proc_text "$key")"
	like "the status names the roots" "root *b\+a$" "$(iotkeyctl show "$key")"
	like "and what keeps them" "\"provider\": ?\"combined\"" "$(iotkeyctl --json show "$key")"
	keyctl unlink "$key" @s
	head -c 32 /dev/urandom | keyctl padd logon combined:one @s >"$tmp/quiet"
	head -c 32 /dev/urandom | keyctl padd logon combined:two @s >"$tmp/quiet"
	add l new root provider=key key=logon:combined:one >"$tmp/quiet"
	add m new root provider=key key=logon:combined:two >"$tmp/quiet"
	key=$(add k new aes-256-gcm root=l+m)
	is "safe, as all parts are" "k: aes-256-gcm random active v1 -" "$(proc_text "$key")"
	keyctl unlink "$key" @s
	key=$(add k new aes-256-gcm root=l+a)
	is "unsafe, as one part is" "k: aes-256-gcm random unsafe active v1 -" "$(proc_text "$key")"
	keyctl unlink "$key" @s
}

test_load()
{
	local key blob
	key=$(add k new aes-256-gcm root=a+b)
	keyctl update "$key" stored=2
	keyctl pkey_encrypt "$key" 0 "$plain" >"$tmp/message"
	blob=$(keyctl pipe "$key")
	keyctl unlink "$key" @s
	blob_a=$(keyctl pipe "${root[a]}")
	keyctl unlink "${root[a]}" @s
	is_err "a load without a part" ENOKEY add k "load $blob"
	root[a]=$(add a new root provider=soft)
	is_err "a load with another part" EKEYREJECTED add k "load $blob"
	keyctl unlink "${root[a]}" @s
	root[a]=$(add a "load $blob_a")
	key=$(add k "load $blob")
	ok "a load with its parts opens what was sealed" quietly keyctl pkey_decrypt "$key" 0 "$tmp/message"
	is_err "it lives once" EEXIST add k "load $blob"
	keyctl unlink "$key" @s
}

test_part_unlinked()
{
	local key
	key=$(add k new aes-256-gcm root=a+b mode=derive)
	keyctl unlink "${root[a]}" @s
	keyctl unlink "${root[b]}" @s
	ok "a key outlives the links to its roots" quietly keyctl pkey_encrypt "$key" 0 "$plain"
	keyctl unlink "$key" @s
	root[a]=$(add a "load $blob_a")
	root[b]=$(add b new root provider=soft)
}

# test_part_revoked PART: at once, for all keys, and the worker revokes them
test_part_revoked()
{
	local one two other
	root[z]=$(add z new root provider=soft)
	one=$(add one new aes-256-gcm root=a+z mode=derive)
	two=$(add two new hmac-sha256 root=z+b+a mode=derive)
	other=$(add other new hmac-sha256 root=a+b mode=derive)
	keyctl revoke "${root[z]}"
	is_err "a part is revoked: no use" EKEYREVOKED quietly keyctl pkey_encrypt "$one" 0 "$plain"
	is_err "nor of another key under it" EKEYREVOKED quietly keyctl pkey_sign "$two" 0 "$plain"
	is_err "nor a blob" EKEYREVOKED quietly keyctl pipe "$one"
	is_err "nor a new key" EKEYREVOKED add three new kdf root=a+z
	ok "a key of the other parts lives" quietly keyctl pkey_sign "$other" 0 "$plain"
	for _ in {1..100}; do
		[[ $(proc_line "$one")$(proc_line "$two") != *" revoked "*" revoked "* ]] || break
		[[ $(keyctl describe "$one" 2>&1)$(keyctl describe "$two" 2>&1) != *revoked*revoked* ]] || break
		sleep 0.1
	done
	is_err "the core refuses it too" EKEYREVOKED keyctl describe "$one"
	is_err "and the other" EKEYREVOKED keyctl describe "$two"
	keyctl unlink "$one" @s
	keyctl unlink "$two" @s
	keyctl unlink "$other" @s
	keyctl unlink "${root[z]}" @s
}

tpm_commands() { iotkeyctl --json stats | grep -oE '"tpm_commands": ?[0-9]+' | grep -oE '[0-9]+$'; }

# No command but those that open the part itself.
test_tpm()
{
	local before after key
	[ -e /dev/tpm0 ] || { fail "a TPM"; return; }
	root[t]=$(add t new root provider=tpm parent=0x81000001 mkparent)
	before=$(tpm_commands)
	key=$(add k new aes-256-gcm root=t+a mode=derive)
	quietly keyctl pkey_encrypt "$key" 0 "$plain"
	after=$(tpm_commands)
	like "TPM commands are counted" "^[1-9]" "$before"
	is "a key under an open tpm root and another asks the TPM nothing" "$before" "$after"
	keyctl unlink "$key" @s
	keyctl unlink "${root[t]}" @s
}

test_derivation
test_refusals
test_status
test_load
test_part_unlinked
test_part_revoked
test_tpm
finish
