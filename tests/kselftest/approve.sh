#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Roots under a signed policy: an update changes a PCR, and the root opens if whoever has the
# policy key has approved that.  Made with tpm2-tools, approved by openssl.  The debug kernel has
# release and badtpm.
#
# kernel: not debug
# shellcheck source=tests/kselftest/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/kselftest/common/iot.sh
. "$(dirname "$0")/common/iot.sh"
# shellcheck source=tests/kselftest/common/derive.sh
. "$(dirname "$0")/common/derive.sh"
# shellcheck source=tests/kselftest/common/tss2.sh
. "$(dirname "$0")/common/tss2.sh"
# shellcheck source=tests/kselftest/common/tpm.sh
. "$(dirname "$0")/common/tpm.sh"
# shellcheck source=tests/kselftest/common/approve.sh
. "$(dirname "$0")/common/approve.sh"

export TPM2TOOLS_TCTI=device:/dev/tpmrm0
ref=$(printf fleet | hex)
null=0010

text() { base64 -w 0; }
load() { keyctl add iot "$1" "load $2" @s; }
gone() { keyctl unlink "$(keyctl search @s iot "$1")" @s; }
update() { keyctl update "$(keyctl search @s iot "$1")" "policy $(tlv 30 "$2" | unhex | text)"; }

# template SIGNER [REF]: the element policy that names the key and signs nothing
template() { authorize "$(hex <"$tmp/$1.pub")" "${2-$ref}" $null; }

# opens TEXT DER-TEXT: it does, with the secret that was sealed
opens()
{
	local key
	ok "$1" load root "$2" || return
	key=$(add proof new hmac-sha256 root=root mode=derive)
	is "$1: with its secret" "$(mac_of "$tmp/secret" 4 proof 0 "$tmp/spki")" \
		"$(keyctl pkey_sign "$key" 0 "$tmp/spki" | tail -c +9 | hex)"
	keyctl unlink "$key" @s
	gone root
}

# key ALTERNATIVES...: of the object made for "ours"
key() { signed_key 05 "$tmp/s.o" "$tmp/s.p" "" "$(template ours)" "$(printf %s "$@")" | text; }

test_alternatives()
{
	is_err "no approval at all: EPERM" EPERM load root "$(key)"
	is_err "that of an update to come: EPERM" EPERM load root "$(key "$second")"
	opens "the approval of what runs" "$(key "$first")"
	opens "it comes second" "$(key "$second" "$first")"
	opens "it comes eighth" \
		"$(key "$second" "$second" "$second" "$second" "$second" "$second" "$second" "$first")"
	is_err "a ninth is too many: EOPNOTSUPP" EOPNOTSUPP load root "$(key "$second" "$second" \
		"$second" "$second" "$second" "$second" "$second" "$second" "$first")"
	opens "key and reference are those of the policy" "$(key "$(pcrs_and "$one" \
		"$(step 016a "00000000$(sign "$tmp/ours.pem" "$(policy_of "$one")$ref")")")")"
	opens "without the policy: each approval has all" \
		"$(signed_key 05 "$tmp/s.o" "$tmp/s.p" "" "" "$first" | text)"
	opens "PCRs and approval in the policy itself" "$(signed_key 05 "$tmp/s.o" "$tmp/s.p" "" \
		"$(step 017f "$(tpm2b "$one")$selection")$(authorize "$(hex <"$tmp/ours.pub")" "$ref" \
			"$(sign "$tmp/ours.pem" "$(policy_of "$one")$ref")")" | text)"
	opens "one of a kind that we do not play is left out" "$(key "$(pcrs_and "$one" \
		"$(step 016b "")")" "$first")"
	is_err "alone it is EOPNOTSUPP" EOPNOTSUPP load root \
		"$(key "$(pcrs_and "$one" "$(step 016b "")")")"
}

test_refused()
{
	local signature
	signature=$(sign "$tmp/ours.pem" "$(policy_of "$two")$ref")
	is_err "a signature of other PCRs: EKEYREJECTED" EKEYREJECTED load root "$(key "$(pcrs_and \
		"$one" "$(authorize "$(hex <"$tmp/ours.pub")" "$ref" "$signature")")")"
	opens "the next is tried all the same" "$(key "$(pcrs_and "$one" \
		"$(authorize "$(hex <"$tmp/ours.pub")" "$ref" "$signature")")" "$first")"
	is_err "another's key: EKEYREJECTED" EKEYREJECTED load root "$(key "$(alternative theirs "$ref" "$one")")"
	is_err "even if the policy names it" EKEYREJECTED load root "$(signed_key 05 "$tmp/s.o" "$tmp/s.p" "" \
		"$(template theirs)" "$(alternative theirs "$ref" "$one")" | text)"
	is_err "another reference: EKEYREJECTED" EKEYREJECTED load root \
		"$(key "$(alternative ours "$(printf fleeT | hex)" "$one")")"
	is_err "no reference: EKEYREJECTED" EKEYREJECTED load root "$(key "$(alternative ours "" "$one")")"
	is_err "our key with their signature: EKEYREJECTED" EKEYREJECTED load root "$(key "$(pcrs_and \
		"$one" "$(authorize "$(hex <"$tmp/ours.pub")" "$ref" \
			"$(sign "$tmp/theirs.pem" "$(policy_of "$one")$ref")")")")"
	is_err "cut short: EBADMSG" EBADMSG load root "$(key "${first:0:100}")"
}

# A live root takes approvals, and its blob keeps them.
test_update()
{
	local blob
	load root "$(key "$first")" >"$tmp/quiet"
	like "iotkeyctl says so" "pcr-policy.*signed-policy" "$(iotkeyctl show root | tr '\n' ' ')"
	blob=$(keyctl pipe %iot:root)
	ok "approvals of this and the next" update root "$first$second"
	keyctl pipe %iot:root >"$tmp/blob.new"
	is_err "none: EINVAL" EINVAL update root ""
	is_err "another's: EKEYREJECTED" EKEYREJECTED update root "$first$(alternative theirs "$ref" "$two")"
	is_err "a damaged signature: EKEYREJECTED" EKEYREJECTED update root \
		"$first${second%?}$([ "${second: -1}" = 0 ] && echo 1 || echo 0)"
	is_err "what is no approval: EBADMSG" EBADMSG update root 0400
	is_err "one that we do not play: EOPNOTSUPP" EOPNOTSUPP update root "$(pcrs_and "$one" "$(step 016b "")")"
	is_err "too much: EINVAL" EINVAL update root "$(for _ in 1 2 3 4 5 6 7 8 9 10 11 12; do printf %s "$second"; done)"
	is "what is refused changes nothing" "$(part_of <"$tmp/blob.new" | hex)" \
		"$(keyctl pipe %iot:root | part_of | hex)"
	gone root
	update_to first second
	is_err "after the update: EPERM without the approval" EPERM load root "$blob"
	ok "with it the root opens" load root "$(cat "$tmp/blob.new")"
	ok "the approval of the first is dropped" update root "$second"
	blob=$(keyctl pipe %iot:root)
	gone root
	ok "and it opens again" load root "$blob"
	gone root
	update_to first
	is_err "the first, with its approval dropped: EPERM" EPERM load root "$blob"
	opens "the file as it came does not care" "$(key "$first")"

	add other new root provider=soft >"$tmp/quiet"
	is_err "a soft root has no policy: EOPNOTSUPP" EOPNOTSUPP update other "$first"
	gone other
	add other new root provider=tpm parent=0x81000001 pcrs=sha256:16 >"$tmp/quiet"
	is_err "nor has one of PCRs alone: EOPNOTSUPP" EOPNOTSUPP update other "$first"
	like "iotkeyctl does not say that it has" "flags *pcr-policy *$" "$(iotkeyctl show other | grep flags)"
	add leaf new hmac-sha256 root=other >"$tmp/quiet"
	is_err "and a key has none: EOPNOTSUPP" EOPNOTSUPP update leaf "$first"
	gone leaf
	gone other
}

# Other keys, and tpm2_sign instead of openssl.
test_algorithms()
{
	local how
	for how in rsassa pss; do
		signed_key 05 "$tmp/r.o" "$tmp/r.p" "" "$(template rsa)" "$(alternative rsa "$ref" "$one" $how)" |
			text >"$tmp/key"
		opens "RSA-2048, $how" "$(cat "$tmp/key")"
	done
	printf %s "$(policy_of "$one")$ref" | unhex >"$tmp/approved"
	quiet tpm2_create -C 0x81000001 -G ecc256 -u "$tmp/k.pub" -r "$tmp/k.priv"
	quiet tpm2_load -C 0x81000001 -u "$tmp/k.pub" -r "$tmp/k.priv" -c "$tmp/k.ctx"
	quiet tpm2_sign -c "$tmp/k.ctx" -g sha256 -o "$tmp/k.sig" "$tmp/approved"
	quiet tpm2_flushcontext -t
	sealed_for k "$ref" "$tmp/secret" t
	opens "a key of the TPM, tpm2_sign" "$(signed_key 05 "$tmp/t.o" "$tmp/t.p" "" "$(template k)" \
		"$(pcrs_and "$one" "$(authorize "$(hex <"$tmp/k.pub")" "$ref" "$(hex <"$tmp/k.sig")")")" | text)"
	quiet tpm2_startauthsession -S "$tmp/trial.ctx"
	quiet tpm2_policyauthorize -S "$tmp/trial.ctx" -L "$tmp/trial.policy" -i "$tmp/approved" \
		-q "$ref" -n "$tmp/ours.name"
	quiet tpm2_flushcontext "$tmp/trial.ctx"
	is "tpm2_policyauthorize computes the same policy" "$(hex <"$tmp/trial.policy")" "$(hex <"$tmp/s.policy")"
	openssl ecparam -name secp384r1 -genkey -noout -out "$tmp/p384.pem"
	openssl pkey -in "$tmp/p384.pem" -pubout -out "$tmp/p384.spki"
	if tpm2_loadexternal -G ecc -C o -u "$tmp/p384.spki" -c "$tmp/p384.ctx" >"$tmp/quiet" 2>&1; then
		quiet tpm2_readpublic -c "$tmp/p384.ctx" -o "$tmp/p384.pub"
		quiet tpm2_flushcontext -t
		is_err "a key on another curve: EOPNOTSUPP" EOPNOTSUPP load root \
			"$(key "$(alternative p384 "$ref" "$one")")"
	fi
}

# What a factory far away wraps to this TPM: the policy key allows tpm2_duplicate, once.
test_import()
{
	local duplication command
	command=$(sha256_hex "$(printf '%064d' 0)0000016c0000014b")
	printf %s "$command" | unhex >"$tmp/d.approved"
	printf %s "$command$ref" | unhex >"$tmp/d.message"
	openssl dgst -sha256 -sign "$tmp/ours.pem" -out "$tmp/d.sig" "$tmp/d.message"
	quiet tpm2_readpublic -c 0x81000001 -o "$tmp/parent.pub"
	duplication=$({
		tpm2_createprimary -C o -c "$tmp/src.ctx" &&
		tpm2_create -C "$tmp/src.ctx" -i "$tmp/secret" -u "$tmp/d.pub" -r "$tmp/d.src" \
			-L "$tmp/s.policy" -a 'noda|adminwithpolicy' &&
		tpm2_load -C "$tmp/src.ctx" -u "$tmp/d.pub" -r "$tmp/d.src" -c "$tmp/d.ctx" &&
		tpm2_flushcontext -t &&
		tpm2_loadexternal -G ecc -C o -u "$tmp/ours.spki" -c "$tmp/ours.ctx" &&
		tpm2_verifysignature -c "$tmp/ours.ctx" -g sha256 -m "$tmp/d.message" -s "$tmp/d.sig" \
			-f ecdsa -t "$tmp/d.ticket" &&
		tpm2_flushcontext -t &&
		tpm2_startauthsession --policy-session -S "$tmp/d.session" &&
		tpm2_policycommandcode -S "$tmp/d.session" TPM2_CC_Duplicate &&
		tpm2_policyauthorize -S "$tmp/d.session" -i "$tmp/d.approved" -q "$ref" \
			-n "$tmp/ours.name" -t "$tmp/d.ticket" &&
		tpm2_loadexternal -C n -u "$tmp/parent.pub" -c "$tmp/np.ctx" &&
		tpm2_duplicate -C "$tmp/np.ctx" -c "$tmp/d.ctx" -G null -p "session:$tmp/d.session" \
			-r "$tmp/d.priv" -s "$tmp/d.seed" &&
		tpm2_flushcontext "$tmp/d.session" && tpm2_flushcontext -t
	} 2>&1) || { fail "tpm2_duplicate" "$duplication"; return; }
	signed_key 04 "$tmp/d.pub" "$tmp/d.priv" "$(hex <"$tmp/d.seed")" "$(template ours)" "$second$first" |
		text >"$tmp/key"
	opens "an importable key" "$(cat "$tmp/key")"
	load root "$(cat "$tmp/key")" >"$tmp/quiet"
	keyctl pipe %iot:root >"$tmp/blob.new"
	gone root
	opens "its own blob" "$(cat "$tmp/blob.new")"
}

test_counts()
{
	local blob
	if ! trace_tpm_commands; then
		skip "TPM commands" "no tracepoints"
		return
	fi
	load root "$(key "$second" "$first")" >"$tmp/quiet"
	blob=$(keyctl pipe %iot:root)
	commands_of update root "$first$second"
	is "two approvals: StartAuthSession, twice LoadExternal, VerifySignature, FlushContext, at last FlushContext" \
		"176 167 177 165 167 177 165 165" "$commands"
	gone root
	commands_of load root "$blob"
	is "the second alternative: StartAuthSession twice, PolicyPCR twice, LoadExternal, VerifySignature, FlushContext, PolicyAuthorize, Load, Unseal, FlushContext" \
		"176 176 17f 17f 167 177 165 16a 157 15e 165" "$commands"
	gone root
	tpm2_getcap handles-transient >"$tmp/quiet"
	is "nothing is left in the TPM" "" "$(cat "$tmp/quiet")"
	is "nor sessions" "" "$(tpm2_getcap handles-loaded-session)"
}

tpm2_getcap handles-persistent | grep -qi 0x81000001 ||
	add first new root provider=tpm parent=0x81000001 mkparent >"$tmp/quiet"
head -c 32 /dev/urandom >"$tmp/secret"
signer ours ecc
signer theirs ecc
signer rsa rsa
sealed_for ours "$ref" "$tmp/secret" s
sealed_for rsa "$ref" "$tmp/secret" r
cp "$tmp/ours.spki" "$tmp/spki"
one=$(pcr_digest first)
two=$(pcr_digest first second)
first=$(alternative ours "$ref" "$one")
second=$(alternative ours "$ref" "$two")
update_to first

test_alternatives
test_refused
test_update
test_algorithms
test_import
test_counts
quiet tpm2_pcrreset 16
finish
