#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Evidence of a real TPM and a real kernel: quoted by a key of ours, checked by tpm2-tools and
# by us, and what changes is named.
# vm: ima
# timeout: 300
# shellcheck source=tests/kselftest/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/kselftest/common/iot.sh
. "$(dirname "$0")/common/iot.sh"

export TPM2TOOLS_TCTI=device:/dev/tpmrm0
pcrs=sha256:0,1,2,3,4,5,6,7,8,9,10+sha1:10
nonce=00112233445566778899aabb
logs=/sys/kernel/security
dir=$tmp/evidence

# What IMA measures, if it lies on a file system that is no memory: a script of its own
program() # NAME
{
	printf '#!/bin/sh\n# %s\n' "$1" >"/data/$1"
	chmod 755 "/data/$1"
	"/data/$1"
}

quote() { iotkeyctl quote ak --pcrs $pcrs --nonce $nonce -o "$dir"; }
appraise() { iotkeyctl appraise "$dir" --ak "$tmp/ak.pem" --nonce $nonce "$@"; }
checkquote()
{
	tpm2_checkquote -u "$dir/ak.pem" -m "$dir/quote.msg" -s "$dir/quote.sig" \
		-f "$dir/quote.pcrs" -g sha256 -q "$1" >"$tmp/quiet" 2>&1
}

# refused NAME REGEXP [OPTION...]: exit 4, and a line of the findings
refused()
{
	local name=$1 regexp=$2 status=0
	shift 2
	appraise "$@" >"$tmp/found" || status=$?
	is "$name: refused" 4 $status
	like "$name: named" "$regexp" "$(cat "$tmp/found")"
}

test_quote()
{
	add ak new ecdsa-p256 parent=0x81000001 mkparent restricted >"$tmp/quiet"
	program first
	ok "quote" quote
	is "what is written" "ak.pem ima quote.msg quote.pcrs quote.sig" "$(cd "$dir" && echo *)"
	iotkeyctl public ak >"$tmp/ak.pem"
	ok "the key's public half is there, too" cmp "$tmp/ak.pem" "$dir/ak.pem"
	ok "tpm2_checkquote takes it" checkquote $nonce
	ok "with another nonce it does not" eval "! checkquote 99$nonce"
	cp "$dir/quote.pcrs" "$tmp/pcrs"
	printf '\001' | dd of="$dir/quote.pcrs" bs=1 seek=150 conv=notrunc 2>"$tmp/quiet"
	ok "nor with another value" eval "! checkquote $nonce"
	cp "$tmp/pcrs" "$dir/quote.pcrs"
}

test_passes()
{
	ok "appraise" appraise --record "$tmp/reference"
	like "the kernel's own entry is recorded" '^ima sha256:[0-9a-f]{64} boot_aggregate$' \
		"$(cat "$tmp/reference")"
	like "and the program's" '^ima sha256:[0-9a-f]{64} /data/first$' "$(cat "$tmp/reference")"
	like "the PCRs, too" '^pcr sha256:7 [0-9a-f]{64}$' "$(cat "$tmp/reference")"
	ok "what was recorded passes" appraise --reference "$tmp/reference"
	like "as JSON" '"passed": true' "$(iotkeyctl --json appraise "$dir" --ak "$tmp/ak.pem" \
		--nonce $nonce)"
	refused "another nonce" '^nonce: .*expected 99; found 0011' --nonce 99
}

test_names()
{
	program later
	cp $logs/ima/binary_runtime_measurements "$dir/ima"
	like "what came after the quote is known as that" 'and [1-9][0-9]* since the quote' \
		"$(appraise --reference "$tmp/reference")"
	ok "another quote" quote
	refused "a new program" '^ima-unknown: entry [0-9]* \(/data/later\)' \
		--reference "$tmp/reference"
	echo 'ima any /data/*' >>"$tmp/reference"
	ok "once it is allowed it passes" appraise --reference "$tmp/reference"
	quiet tpm2_pcrextend "7:sha256=$(printf %064d 7)"
	ok "a quote after PCR 7 changed" quote
	refused "an extended PCR" '^pcr: PCR sha256:7: .*expected 0{64}|^pcr: PCR sha256:7: ' \
		--reference "$tmp/reference"
	like "IMA knew it, too" '^boot-aggregate: ' "$(cat "$tmp/found")"
	is "nothing else is wrong" 2 "$(grep -c ': ' "$tmp/found")"
}

test_refusals()
{
	add plain new ecdsa-p256 parent=0x81000001 >"$tmp/quiet"
	like "a key that signs anything" 'no restricted key' \
		"$(iotkeyctl quote plain --pcrs $pcrs --nonce 00 -o "$tmp/none" 2>&1)"
	ok "nothing is written" test ! -e "$tmp/none"
	iotkeyctl quote ak --pcrs sm3:0 --nonce 00 -o "$tmp/none" 2>"$tmp/quiet"
	is "PCRs that the TPM has not" 7 $?
	iotkeyctl quote nobody --pcrs $pcrs --nonce 00 -o "$tmp/none" 2>"$tmp/quiet"
	is "no such key" 3 $?
	keyctl revoke "$(keyctl search @s iot ak)"
	iotkeyctl quote ak --pcrs $pcrs --nonce 00 -o "$tmp/none" 2>"$tmp/quiet"
	is "a revoked key" 6 $?
	is "the TPM is as before" "" "$(tpm2_getcap handles-transient; tpm2_getcap handles-loaded-session)"
}

quiet() { "$@" >"$tmp/quiet" 2>&1; }

test_quote
test_passes
test_names
test_refusals
finish
