#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What keys compute, once more by openssl: derivations, signatures, and the message keys of
# aes-128-ccm.  The root's secret is known, as a soft root's is in its blob, and a logon key's
# payload is ours.
# shellcheck source=tests/kselftest/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/kselftest/common/iot.sh
. "$(dirname "$0")/common/iot.sh"
# shellcheck source=tests/kselftest/common/derive.sh
. "$(dirname "$0")/common/derive.sh"

plain=$tmp/plain
printf 'Alle meine Entchen schwimmen auf dem See.' >"$plain"

cmac_hex() # KEY-HEX HEX
{
	printf %s "$2" | unhex >"$tmp/cmac"
	openssl mac -cipher AES-128-CBC -macopt "hexkey:$1" -in "$tmp/cmac" CMAC | tr -d '\n' | tr A-F a-f
}

signature() { keyctl pkey_sign "$1" 0 "$plain" | hex; }

root=$(add d new root provider=soft)
keyctl pipe "$root" | base64 -d >"$tmp/blob"
# The body of a soft root's blob: the secret and the MAC.
tail -c 64 "$tmp/blob" | head -c 32 >"$tmp/root"

test_blob()
{
	is "the root's identity" "$(expand "$tmp/root" "$(label "iotkey/1 id")" 16)" \
		"$(tail -c +17 "$tmp/blob" | head -c 16 | hex)"
	head -c -32 "$tmp/blob" >"$tmp/covered"
	is "the MAC of a root's blob" \
		"$(openssl mac -digest SHA256 -macopt "hexkey:$(expand "$tmp/root" "$(label "iotkey/1 blob")" 32)" \
			-in "$tmp/covered" HMAC | tr -d '\n' | tr A-F a-f)" \
		"$(tail -c 32 "$tmp/blob" | hex)"
}

# ALGORITHM-NAME NUMBER
test_signatures()
{
	local key start epoch
	key=$(add mac new "$1" root=d mode=derive)
	is "$1: epoch 0, label is the name" "694b010${2}00000001$(mac_of "$tmp/root" "$2" mac 0 "$plain")" \
		"$(signature "$key")"
	keyctl update "$key" rotate
	is "$1: after a rotation by hand" "694b010${2}00000002$(mac_of "$tmp/root" "$2" mac 1 "$plain")" \
		"$(signature "$key")"
	keyctl unlink "$key" @s
	key=$(add mac new "$1" root=d mode=derive label=a-fleet-of-ships)
	is "$1: with a label" "694b010${2}00000001$(mac_of "$tmp/root" "$2" a-fleet-of-ships 0 "$plain")" \
		"$(signature "$key")"
	keyctl unlink "$key" @s
	for epoch in 1 7 1000 65536 16777217; do
		start=$(($(date +%s) - epoch * 60 - 5))
		key=$(add mac new "$1" root=d mode=derive rotate=1m start=$start)
		is "$1: epoch $epoch by the clock" \
			"694b010${2}$(printf %08x $((epoch + 1)))$(mac_of "$tmp/root" "$2" mac "$epoch" "$plain")" \
			"$(signature "$key")"
		keyctl unlink "$key" @s
	done
}

# An AES-128-CCM message, opened with nothing but the documentation: openssl enc has no CCM, so
# its two halves are done by hand: CTR with counter 1 for the text, CBC-MAC for the tag.
test_ccm()
{
	local key m secret mk nonce text
	key=$(add ccm new aes-128-ccm root=d mode=derive)
	keyctl pkey_encrypt "$key" 0 "$plain" >"$tmp/message"
	m=$(hex <"$tmp/message")
	nonce=${m:16:48}
	secret=$(derived "$tmp/root" 2 ccm 0)
	mk=$(cmac_hex "${secret:0:32}" "00015800${nonce:0:24}")
	tail -c +33 "$tmp/message" | head -c -16 >"$tmp/text"
	text=$(openssl enc -d -aes-128-ctr -K "$mk" -iv "02${nonce:24:24}000001" -in "$tmp/text" | hex)
	is "aes-128-ccm: openssl opens the message" "$(hex <"$plain")" "$text"
	is "aes-128-ccm: and checks its tag" "${m: -32}" "$(ccm_tag "$mk" "${nonce:24:24}" "${m:0:64}" "$text")"
	keyctl unlink "$key" @s
}

# RFC 3610 with a 16-byte tag, a 3-byte length and associated data.
ccm_tag() # KEY NONCE AD TEXT
{
	local blocks last pad
	pad() { local n=$((${#1} % 32)); printf '%s' "$1"; [ $n = 0 ] || printf "%0$((32 - n))d" 0; }
	blocks=7a$2$(printf %06x $((${#4} / 2)))
	blocks=$blocks$(pad "$(printf %04x $((${#3} / 2)))$3")$(pad "$4")
	last=$(printf %s "$blocks" | unhex | openssl enc -aes-128-cbc -nopad -K "$1" -iv "$(printf '%032d' 0)" |
		tail -c 16 | hex)
	pad=$(printf '%032d' 0 | unhex | openssl enc -aes-128-ctr -K "$1" -iv "02${2}000000" | hex)
	xor "$last" "$pad"
}

xor()
{
	local i
	for ((i = 0; i < ${#1}; i += 2)); do
		printf %02x $((0x${1:i:2} ^ 0x${2:i:2}))
	done
}

# An XAES-256-GCM message: the message key by AES-CMAC twice, then GCM's CTR part.
test_gcm()
{
	local key m secret mk nonce text
	key=$(add gcm new aes-256-gcm root=d mode=derive)
	keyctl pkey_encrypt "$key" 0 "$plain" >"$tmp/message"
	m=$(hex <"$tmp/message")
	nonce=${m:16:48}
	secret=$(derived "$tmp/root" 1 gcm 0)
	mk=$(cmac256 "$secret" "00015800${nonce:0:24}")$(cmac256 "$secret" "00025800${nonce:0:24}")
	tail -c +33 "$tmp/message" | head -c -16 >"$tmp/text"
	text=$(openssl enc -d -aes-256-ctr -K "$mk" -iv "${nonce:24:24}00000002" -in "$tmp/text" | hex)
	is "aes-256-gcm: openssl opens the message" "$(hex <"$plain")" "$text"
	keyctl unlink "$key" @s
}

cmac256()
{
	printf %s "$2" | unhex >"$tmp/cmac"
	openssl mac -cipher AES-256-CBC -macopt "hexkey:$1" -in "$tmp/cmac" CMAC | tr -d '\n' | tr A-F a-f
}

# provider=key: the same chain from the payload of a logon key.
test_key_root()
{
	local key logon
	logon=$(head -c 40 /dev/urandom | keyctl padd user derive:bytes @s)
	keyctl pipe "$logon" >"$tmp/payload"
	keyctl unlink "$logon" @s
	logon=$(keyctl padd logon derive:bytes @s <"$tmp/payload")
	add k new root provider=key key=logon:derive:bytes >"$tmp/quiet"
	openssl mac -digest SHA256 -macopt "hexkey:$(printf 'iotkey/1 key' | hex)" -in "$tmp/payload" HMAC |
		tr -d '\n' | unhex >"$tmp/prk"
	expand "$tmp/prk" "$(label "iotkey/1 root")" 32 | unhex >"$tmp/keyroot"
	key=$(add mac new hmac-sha256 root=k mode=derive)
	is "a root of a logon key" "694b010400000001$(mac_of "$tmp/keyroot" 4 mac 0 "$plain")" \
		"$(signature "$key")"
	keyctl unlink "$key" @s
}

# Two devices with the same root and one schedule agree, whenever they were set up.
test_two_devices()
{
	local one two blob start
	start=$(($(date +%s) - 1000))
	one=$(add fleet new aes-256-gcm root=d mode=derive rotate=1h start=$start)
	keyctl pkey_encrypt "$one" 0 "$plain" >"$tmp/message"
	blob=$(keyctl pipe "$root")
	keyctl unlink "$one" @s
	keyctl unlink "$root" @s
	root=$(add d "load $blob")
	two=$(add fleet new aes-256-gcm root=d mode=derive rotate=1h start=$start)
	ok "another device opens the message" keyctl pkey_decrypt "$two" 0 "$tmp/message"
	keyctl unlink "$two" @s
	two=$(add fleet new aes-256-gcm root=d mode=derive rotate=1h start=$start label=other)
	is_err "but not under another label" EBADMSG keyctl pkey_decrypt "$two" 0 "$tmp/message"
	keyctl unlink "$two" @s
	two=$(add float new aes-256-gcm root=d mode=derive rotate=1h start=$start label=fleet)
	ok "whatever the key is called there" keyctl pkey_decrypt "$two" 0 "$tmp/message"
	keyctl unlink "$two" @s
}

test_blob
test_signatures hmac-sha256 4
test_signatures aes-128-cmac 5
test_ccm
test_gcm
test_key_root
test_two_devices
finish
