#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What released roots are bound to: the PCRs that the device proved, or those that the policy signer
# approves; opened, or not, by software TPMs.  Prints KTAP.
set -u
# shellcheck source=tests/fleet/devices.sh
. "$(dirname "$0")/devices.sh"

pcrs=sha256:0,2,4,7 # release-pcrs, as it is when nothing is said

# check_says NAME TEXT LINE...: what check says of a configuration with these lines
check_says()
{
	local name=$1 text=$2
	cp "$dir/registrar.conf" "$dir/sane"
	configure "${@:3}"
	like "$name" "$text" "$("$registrar" check --config "$dir/registrar.conf" 2>&1)"
	mv "$dir/sane" "$dir/registrar.conf"
}

count() { echo $#; }

flush()
{
	tpm2_flushcontext -t >/dev/null 2>&1
	tpm2_flushcontext -l >/dev/null 2>&1
	tpm2_flushcontext -s >/dev/null 2>&1
}

# unseal_pcrs PEM: as who reads PolicyPCR in the file does
unseal_pcrs()
{
	local result=0
	rm -f root
	import_root "$1" || return
	tpm2 unseal -c r.ctx -p "pcr:$pcrs" -o root || result=$?
	flush
	return $result
}

# play DIR: PolicyPCR, the signer's key and signature, PolicyAuthorize, Unseal
play()
{
	local d=$1 result=0
	cat "$d/approved" "$d/reference" | openssl dgst -sha256 -binary >ahash
	{
		tpm2_startauthsession -Q --policy-session -S session.ctx &&
			tpm2_loadexternal -Q -C o -u "$d/signer" -c signer.ctx -n signer.name &&
			tpm2_verifysignature -Q -c signer.ctx -d ahash -s "$d/signature" -t ticket &&
			tpm2_flushcontext -t &&
			tpm2_policypcr -Q -S session.ctx -l "$(cat "$d/selection")" &&
			tpm2_policyauthorize -Q -S session.ctx -i "$d/approved" -q "$d/reference" \
				-n signer.name -t ticket &&
			tpm2_unseal -Q -c r.ctx -p session:session.ctx -o root
	} >tpm2.log 2>&1 || result=$?
	flush
	return $result
}

# unseal_approved PEM APPROVALS: the root of that file by any of these
unseal_approved()
{
	local d
	rm -rf root alt.*
	json approved "$2" alt && import_root "$1" || return
	for d in alt.*; do
		! play "$d" || return 0
	done
	return 1
}

# pcr4 [HEX]: the value of PCR 4 after it was extended by that
pcr4() { python3 -c 'import hashlib, sys
print(hashlib.sha256(bytes(32) + bytes.fromhex(sys.argv[1])).hexdigest() if sys.argv[1:] else "00" * 32)' "$@"; }

# reference FILE [HEX]: with the PCRs of a software TPM, and 4 extended by that
reference()
{
	local pcr
	for pcr in 0 2 7; do echo "pcr sha256:$pcr $(printf %064d 0)"; done >"$1"
	echo "pcr sha256:4 $(pcr4 "${@:2}") boot-loader" >>"$1"
}

registrar_approve() { "$registrar" approve --config "$dir/registrar.conf" "$@" 2>&1; }

fetch_approvals() # TPM-DIR FILE
{
	as "$1" GET approvals
	[ "$status" = 200 ] && json save answer approvals "$2"
}

test_configuration()
{
	check_says "no such policy" 'release-policy is none, pcrs or authorized' "release-policy = some"
	check_says "no PCRs" 'release-pcrs is like' "release-policy = pcrs" "release-pcrs = 0,7"
	check_says "not those of IMA" 'without PCR 10' "release-policy = pcrs" "release-pcrs = sha256:4,10"
	check_says "no signer" 'needs policy-signer and approvals' "release-policy = authorized"
	check_says "a signer that is not there" 'no key there' "release-policy = authorized" \
		"policy-signer = $tmp/nowhere" "approvals = $tmp/approvals"
	openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out rsa.key 2>/dev/null
	check_says "a signer on RSA" 'no key on ECC P-256' "release-policy = authorized" \
		"policy-signer = $tmp/rsa.key" "approvals = $tmp/approvals"
}

test_pcrs()
{
	configure "release-policy = pcrs"
	registrar_reload
	quoted=sha256:0,1,2,3 attest one
	is "attest by fewer PCRs" "200 pass" "$status $(answer result)"
	release one
	refused "which are not those of roots" 403 pcrs-not-attested
	attest one
	release one
	is "a root under PCRs" "200 pcrs" "$status $(answer roots.0.policy)"
	answer roots.0.pem >root.pem
	ok "opens with what was proved" unseal_pcrs root.pem
	is "and is the one that the master gives" "$(derived one data 1)" "$(hex root)"
	ok "not without the policy" not unseal root.pem
	tpm_use "$tmp/two"
	ok "not in another TPM of the same state" not unseal_pcrs root.pem
	tpm_use "$tmp/one"
	nonce_for one release && certify one parent one/nonce
	tpm2 pcrextend "4:sha256=$(printf %064d 1)"
	ok "not after a PCR was extended" not unseal_pcrs root.pem
	as one POST release "$(json make nonce@one/nonce parent@one/parent.pub attest@attest signature@sig)"
	is "one more" 200 "$status"
	answer roots.0.pem >late.pem
	ok "is bound to what was attested, and not to what runs" not unseal_pcrs late.pem
	reboot one
	ok "after a reboot it opens" unseal_pcrs root.pem
	ok "and so does the other" unseal_pcrs late.pem
	release one
	refused "the reboot asks for another attestation" 403 restarted
	attest one
	release one
	is "after which there are roots" 200 "$status"
	as one GET approvals
	is "there are no approvals" "200 pcrs none" "$status $(answer policy) $(answer approvals)"
}

test_approve()
{
	openssl ecparam -genkey -name prime256v1 -noout -out signer.key
	openssl pkey -in signer.key -pubout -out signer.pem
	openssl ecparam -genkey -name prime256v1 -noout -out thief.key
	configure "release-policy = authorized" "policy-signer = $tmp/signer.pem" "approvals = $tmp/approvals"
	registrar_reload
	like "the registrar says that nothing is approved" 'nothing is approved' "$(cat "$tmp/log")"
	release one
	refused "then there are no roots" 403 pcrs-not-approved
	as one GET approvals
	is "and no approvals" "200 authorized none" "$status $(answer policy) $(answer approvals)"

	reference now.reference
	reference next.reference "$(printf %064d 1)"
	like "approve without the private key" 'no private key' "$(registrar_approve now.reference)"
	is "with another" "iotkey-registrar: the key is not policy-signer's" \
		"$(registrar_approve --signer thief.key now.reference)"
	echo "pcr sha256:4 any" >any4.reference
	like "a reference with any value" 'it has no value for PCR sha256:0' \
		"$(registrar_approve --signer signer.key any4.reference)"
	{ grep -v :4 now.reference; echo "pcr sha256:4 $(printf '%064d|%064d' 0 1)"; } >two4.reference
	like "with two" 'more than one value for PCR sha256:4' \
		"$(registrar_approve --signer signer.key two4.reference)"
	ok "none of that is in the file" test ! -e approvals
	is "approve what runs" "approved now.reference" "$(registrar_approve --signer signer.key now.reference )"
	is "twice" "approved already" "$(registrar_approve --signer signer.key now.reference)"
	is "is one line" 1 "$(wc -l <approvals)"
	like "the audit log has it" '"event": ?"policy-approved"' "$(cat "$dir/audit.log")"
	check_says "another's approvals" "approval 1 is not policy-signer's" "policy-signer = $tmp/thief.key"
	sed 's/.\( now.reference\)$/x\1/' approvals >bad.approvals
	check_says "a line that is none" 'bad.approvals:1: not SELECTION' "approvals = $tmp/bad.approvals"
	sed 's/ \(.\)\(.\)/ \2\1/' approvals >bad.approvals
	check_says "other values under its signature" "approval 1 is not policy-signer's" \
		"approvals = $tmp/bad.approvals"
}

test_authorized()
{
	registrar_reload
	release one
	is "a root under the signer" "200 authorized" "$status $(answer roots.0.policy)"
	answer roots.0.pem >root.pem
	ok "opens by what was approved" unseal_approved root.pem root.pem
	is "and is the one that the master gives" "$(derived one data 1)" "$(hex root)"
	ok "not without the policy" not unseal root.pem
	tpm_use "$tmp/two"
	ok "not in another TPM of the same state" not unseal_approved root.pem root.pem
	tpm_use "$tmp/one"
	call GET approvals
	refused "approvals are for devices" 401 certificate-needed

	is "approve an update" "approved next.reference" \
		"$(registrar_approve --signer signer.key next.reference )"
	registrar_reload
	ok "a device fetches the approvals" fetch_approvals one fetched.der
	ok "two, what runs first" unseal_approved root.pem fetched.der
	is "two" 2 "$(count alt.*)"
	tpm2 pcrextend "4:sha256=$(printf %064d 1)"
	ok "after the update it does not open by what it came with" not unseal_approved root.pem root.pem
	ok "it does by what was fetched" unseal_approved root.pem fetched.der
	is "as the same root" "$(derived one data 1)" "$(hex root)"
	attest one
	release one
	answer roots.0.pem >new.pem
	ok "one that is released now opens, too" unseal_approved new.pem new.pem
	tpm2 pcrextend "4:sha256=$(printf %064d 1)"
	ok "not in a state that nobody approved" not unseal_approved root.pem fetched.der
	attest one
	release one
	refused "and there it is not released" 403 pcrs-not-approved
	reboot one
	ok "back in the first, it opens" unseal_approved root.pem root.pem
}

test_many()
{
	local n
	for n in 2 3 4 5 6 7 8 9; do
		reference "$n.reference" "$(printf %064d "$n")"
		registrar_approve --signer signer.key "$n.reference"
	done >/dev/null
	registrar_reload
	attest one
	ok "ten approvals" fetch_approvals one fetched.der
	json approved fetched.der many
	is "eight are given" 8 "$(count many.*)"
	ok "what runs among them" unseal_approved root.pem fetched.der
	tpm2 pcrextend "4:sha256=$(printf %064d 9)"
	ok "and the newest" unseal_approved root.pem fetched.der
	"$registrar" init other.fleet >/dev/null
	sed -i 's/^audit.*//' other.fleet/registrar.conf
	printf '%s\n' "policy-signer = $tmp/signer.key" "approvals = $tmp/other.approvals" \
		>>other.fleet/registrar.conf
	"$registrar" approve --config other.fleet/registrar.conf now.reference >/dev/null 2>&1
	ok "the same signer approves for another fleet" test -s other.approvals
	check_says "which does not count here" "approval 1 is not policy-signer's for this fleet" \
		"approvals = $tmp/other.approvals"
	ok "the audit log is whole" "$registrar" audit verify "$dir/audit.log"
}

ok "a TPM" make_device one
ok "and another" make_device two
for pcr in 0 1 2 3; do echo "pcr sha256:$pcr any"; done >any.reference
begin --name localhost -- "ek-ca = $tmp/makers" "roots = data" "references = $tmp/any.reference" "workers = 1"
join one
enrol_device one
tls_identity one "$id"
test_configuration
test_pcrs
test_approve
test_authorized
test_many
done_testing
