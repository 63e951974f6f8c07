# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154 # who sources it has $tmp
#
# Signed policies by hand: openssl signs, the DER is put together here, all of it in hex.
# PCR 16 of the SHA-256 bank is the one that an update changes.

selection=00000001000b03000001

# tlv TAG HEX
tlv()
{
	local n=$((${#2} / 2))
	if [ $n -lt 128 ]; then printf '%s%02x%s' "$1" $n "$2"
	elif [ $n -lt 256 ]; then printf '%s81%02x%s' "$1" $n "$2"
	else printf '%s82%04x%s' "$1" $n "$2"; fi
}

# tpm2b HEX
tpm2b() { printf '%04x%s' $((${#1} / 2)) "$1"; }

sha256_hex() { printf %s "$1" | unhex | openssl dgst -sha256 -r | cut -d ' ' -f 1; }

# step CODE HEX: a TPMPolicy
step() { tlv 30 "$(tlv a0 "$(tlv 02 "$1")")$(tlv a1 "$(tlv 04 "$2")")"; }

# The digest of PCR 16, after these texts were extended into it since its reset.
pcr_digest()
{
	local value text
	value=$(printf '%064d' 0)
	for text; do value=$(sha256_hex "$value$(printf %s "$text" | sha256sum | cut -d ' ' -f 1)"); done
	sha256_hex "$value"
}

# policy_of PCR-DIGEST: what a policy session holds after it
policy_of() { sha256_hex "$(printf '%064d' 0)0000017f$selection$1"; }

# policy_of_key PUBLIC-FILE REF: the policy of an object whose policies that key signs
policy_of_key()
{
	local name
	name=000b$(tail -c +3 "$1" | openssl dgst -sha256 -r | cut -d ' ' -f 1)
	sha256_hex "$(sha256_hex "$(printf '%064d' 0)0000016a$name")$2"
}

# The coordinates r and s of an ECDSA-Sig-Value, each a TPM2B
points()
{
	local n
	openssl asn1parse -inform DER | sed -n 's/.*INTEGER *://p' | tr A-F a-f | while read -r n; do
		tpm2b "$(printf '%64s' "$n" | tr ' ' 0)"
	done
}

# sign PEM HEX [pss]: a TPMT_SIGNATURE with SHA-256
sign()
{
	printf %s "$2" | unhex >"$tmp/approved"
	if grep -q 'BEGIN EC' "$1"; then
		printf 0018000b
		openssl dgst -sha256 -sign "$1" "$tmp/approved" | points
	elif [ "${3:-}" = pss ]; then
		printf 0016000b
		tpm2b "$(openssl dgst -sha256 -sign "$1" -sigopt rsa_padding_mode:pss \
			-sigopt rsa_pss_saltlen:32 "$tmp/approved" | hex)"
	else
		printf 0014000b
		tpm2b "$(openssl dgst -sha256 -sign "$1" "$tmp/approved" | hex)"
	fi
}

# signer NAME ecc|rsa: a policy key, NAME.pem, and its TPM2B_PUBLIC, NAME.pub
signer()
{
	if [ "$2" = ecc ]; then
		openssl ecparam -name prime256v1 -genkey -noout -out "$tmp/$1.pem"
	else
		openssl genrsa -out "$tmp/$1.pem" 2048 2>"$tmp/quiet"
	fi
	openssl pkey -in "$tmp/$1.pem" -pubout -out "$tmp/$1.spki"
	quiet tpm2_loadexternal -G "$2" -C o -u "$tmp/$1.spki" -c "$tmp/$1.ctx" -n "$tmp/$1.name"
	quiet tpm2_readpublic -c "$tmp/$1.ctx" -o "$tmp/$1.pub"
	quiet tpm2_flushcontext -t
}

# authorize PUBLIC-HEX REF SIGNATURE: the TPMPolicy of TPM2_PolicyAuthorize
authorize() { step 016a "$1$(tpm2b "$2")$3"; }

# alternative SIGNER REF PCR-DIGEST [pss]: a TPMAuthPolicy
alternative()
{
	local signature
	signature=$(sign "$tmp/$1.pem" "$(policy_of "$3")$2" "${4:-}")
	pcrs_and "$3" "$(authorize "$(hex <"$tmp/$1.pub")" "$2" "$signature")"
}

# pcrs_and PCR-DIGEST STEP: a TPMAuthPolicy of that name and those two steps
pcrs_and()
{
	tlv 30 "$(tlv a0 "$(tlv 0c "$(printf approval | hex)")")$(
		tlv a1 "$(tlv 30 "$(step 017f "$(tpm2b "$1")$selection")$2")")"
}

# signed_key ARC PUB PRIV SECRET-HEX POLICY ALTERNATIVES: a TSS2 PRIVATE KEY, parent 0x81000001.
# POLICY are steps, SECRET the importable key's TPM2B or nothing.
signed_key()
{
	tlv 30 "06066781050a01$1a0030101ff${5:+$(tlv a1 "$(tlv 30 "$5")")}${4:+$(
		tlv a2 "$(tlv 04 "$4")")}${6:+$(tlv a3 "$(tlv 30 "$6")")}02050081000001$(
		tlv 04 "$(hex <"$2")")$(tlv 04 "$(hex <"$3")")" | unhex
}

# sealed_for SIGNER REF FILE NAME: FILE sealed so that SIGNER's approvals open it, NAME.o and .p
sealed_for()
{
	policy_of_key "$tmp/$1.pub" "$2" | unhex >"$tmp/$4.policy"
	quiet tpm2_create -C 0x81000001 -i "$3" -u "$tmp/$4.o" -r "$tmp/$4.p" -L "$tmp/$4.policy" \
		-a 'fixedtpm|fixedparent|noda'
}

# The state of PCR 16 after an update to these texts.
update_to()
{
	local text
	quiet tpm2_pcrreset 16
	for text; do quiet tpm2_pcrextend "16:sha256=$(printf %s "$text" | sha256sum | cut -d ' ' -f 1)"; done
}
