#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What libiotkey-attest makes for TPMs and checks of them, beside tpm2-tools and with software
# TPMs: credentials, certified keys, wrapped roots, policies.  Needs no module.  Prints KTAP.
set -u

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
out=${O:-$top/build}
export LD_LIBRARY_PATH=$out/lib LC_ALL=C
work=$(mktemp -d /tmp/iotkey-fleet.XXXXXX)
# shellcheck source=tests/kselftest/lib.sh
. "$top/tests/kselftest/lib.sh"
# shellcheck source=tests/fleet/swtpm.sh
. "$here/swtpm.sh"
trap 'tpm_stop "$work/one"; tpm_stop "$work/two"; rm -rf "$work"; ktap_exit' EXIT
cd "$work" || exit 1

fleet() { ./fleet "$@"; }
hex() { od -An -v -tx1 "$@" | tr -d ' \n'; }
says() # NAME WORD COMMAND...
{
	is "$1" "$2" "$("${@:3}" 2>&1)"
}

# A byte of a file, changed
damaged() # FILE OFFSET
{
	python3 - "$1" "$2" <<-'PYTHON'
	import sys
	data = bytearray(open(sys.argv[1], "rb").read())
	data[int(sys.argv[2])] ^= 1
	open("damaged", "wb").write(data)
	PYTHON
	echo damaged
}

# tpm2-tools write a header before the two structures
with_header() { printf '\xba\xdc\xc0\xde\x00\x00\x00\x01' | cat - "$1"; }

# The keys of a device: EKs, a storage parent, an AK and a signing key under it
make_keys() # TPM-DIR
{
	local d=$1
	tpm2 createek -c "$d/ek-rsa.ctx" -G rsa -u "$d/ek-rsa.pub"
	tpm2 createek -c "$d/ek-ecc.ctx" -G ecc -u "$d/ek-ecc.pub"
	tpm2 createek -c "$d/ek-ecc384.ctx" -G ecc384 -u "$d/ek-ecc384.pub"
	tpm2 createprimary -C o -G ecc:aes128cfb -c "$d/parent.ctx" &&
		tpm2 evictcontrol -C o -c "$d/parent.ctx" 0x81000001 &&
		tpm2 readpublic -c 0x81000001 -o "$d/parent.pub" -n "$d/parent.name"
	key "$d" ak 'sign|restricted' ecc256:ecdsa-sha256:null
	key "$d" device sign ecc256:ecdsa-sha256
}

key() # TPM-DIR NAME ATTRIBUTES ALGORITHM
{
	tpm2 create -C 0x81000001 -G "$4" -u "$1/$2.pub" -r "$1/$2.priv" \
		-a "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|$3" &&
		tpm2 load -C 0x81000001 -u "$1/$2.pub" -r "$1/$2.priv" -c "$1/$2.ctx" -n "$1/$2.name"
}

# The templates with P-384 let the EK's (empty) password do, those before need the endorsement's.
activate() # TPM-DIR EK-NAME CREDENTIAL OUT
{
	if [ "$2" = ek-ecc384 ]; then
		tpm2 activatecredential -c "$1/ak.ctx" -C "$1/$2.ctx" -i "$3" -o "$4"
		return
	fi
	command tpm2_startauthsession -Q --policy-session -S session.ctx >tpm2.log 2>&1 &&
		command tpm2_policysecret -Q -S session.ctx -c e >>tpm2.log 2>&1 &&
		command tpm2_activatecredential -Q -c "$1/ak.ctx" -C "$1/$2.ctx" -i "$3" -o "$4" \
			-P session:session.ctx >>tpm2.log 2>&1
	local status=$?
	command tpm2_flushcontext session.ctx >/dev/null 2>&1
	tpm2_flushcontext -t >/dev/null 2>&1
	tpm2_flushcontext -s >/dev/null 2>&1
	return $status
}

certify() # TPM-DIR KEY AK NONCE-HEX
{
	local key=$1/$2
	[ "$2" != parent ] || key=0x81000001
	python3 "$here/certify.py" "$1/tpm" "$key" "$1/$3" "$4" attest sig
}

test_areas()
{
	local k
	for k in ek-rsa ek-ecc ek-ecc384; do
		like "$k is an EK, by its name" '^000[bc][0-9a-f]*$' "$(fleet area one/$k.pub ek)"
	done
	is "the parent's name is the TPM's" "$(hex one/parent.name)" "$(fleet area one/parent.pub parent)"
	is "the AK's name is the TPM's" "$(hex one/ak.name)" "$(fleet area one/ak.pub ak)"
	is "the key's name is the TPM's" "$(hex one/device.name)" "$(fleet area one/device.pub key)"
	says "an AK is no EK" "it does not decrypt" fleet area one/ak.pub ek
	says "an unrestricted key is no AK" "it is not restricted" fleet area one/device.pub ak
	says "an AK signs nothing else" "it is restricted" fleet area one/ak.pub key
	says "an RSA EK keeps no roots" "it is not on ECC P-256 with SHA-256" fleet area one/ek-rsa.pub parent
	tpm2 create -C 0x81000001 -G ecc:ecdsa-sha256 -u moves.pub -r moves.priv \
		-a 'sensitivedataorigin|userwithauth|sign'
	says "a key that may leave" "it is not fixedTPM" fleet area moves.pub key
	openssl ecparam -genkey -name prime256v1 -noout -out soft.pem
	tpm2 import -C 0x81000001 -G ecc -i soft.pem -u imported.pub -r imported.priv \
		-a 'userwithauth|sign'
	says "a key that came from outside" "it is not fixedTPM" fleet area imported.pub key
	says "half of an area" EBADMSG fleet area <(head -c 40 one/ak.pub) ak
}

test_certificates()
{
	local certs=(one/ek-*.crt) c found=0
	note "certificates: ${certs[*]}"
	for c in "${certs[@]}"; do
		for k in ek-rsa ek-ecc ek-ecc384; do
			[ "$(fleet ek makers one/$k.pub "$c" 2>&1)" != ok ] || {
				pass "$c is for $k"
				found=$((found + 1))
				vouched=$k
				cert=$c
			}
		done
	done
	ok "each certificate is for one EK" test $found = ${#certs[@]}
	says "its chain may come along" ok fleet ek makers one/$vouched.pub "$cert" \
		<(openssl x509 -in ca/issuercert.pem -outform der)
	mkdir above && cp ca/swtpm-localca-rootca-cert.pem above/
	says "the issuer is missing" ENOKEY fleet ek above one/$vouched.pub "$cert"
	says "the root alone, and the issuer comes along" ok fleet ek above one/$vouched.pub "$cert" \
		<(openssl x509 -in ca/issuercert.pem -outform der)
	says "another TPM's" EXDEV fleet ek makers two/$vouched.pub "$cert"
	says "none" ENODATA fleet ek makers one/$vouched.pub
	says "rubbish" EBADMSG fleet ek makers one/$vouched.pub one/ak.pub
	says "with a tail" EBADMSG fleet ek makers one/$vouched.pub <(cat "$cert" one/ak.pub)
	damaged "$cert" $(($(stat -c %s "$cert") - 5)) >/dev/null
	says "changed" EKEYREJECTED fleet ek makers one/$vouched.pub damaged
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout other.key \
		-subj /CN=other -out other.pem -days 10 2>/dev/null
	says "a maker that nobody knows" ENOKEY fleet ek other.pem one/$vouched.pub "$cert"
	says "no makers" ENOENT fleet ek nowhere one/$vouched.pub "$cert"
	mkdir empty
	says "an empty directory of makers" ENODATA fleet ek empty one/$vouched.pub "$cert"
	says "makers that are no certificates" EBADMSG fleet ek one/ak.pub one/$vouched.pub "$cert"
	like "a device id" '^[0-9a-f]{32}$' "$(fleet id one/$vouched.pub)"
	is "of openssl's SHA-256 of the certificate's key" \
		"$(openssl x509 -inform der -in "$cert" -pubkey -noout | openssl pkey -pubin -outform der |
			sha256sum | head -c 32)" "$(fleet id one/$vouched.pub)"
}

test_credentials()
{
	local k
	printf 'thirty-two bytes of a credential' >secret
	for k in ek-rsa ek-ecc ek-ecc384; do
		fleet credential one/$k.pub one/ak.name secret blob
		with_header blob >cred
		ok "the TPM opens a credential for $k" activate one $k cred got
		ok "and finds the secret" cmp got secret
		tpm2 makecredential -u one/$k.pub -s secret -n "$(hex one/ak.name)" -o theirs
		is "as long as tpm2_makecredential's" "$(stat -c %s theirs)" "$(stat -c %s cred)"
		with_header "$(damaged blob 40)" >cred
		ok "changed, it does not open for $k" not activate one $k cred got
	done
	printf x >short
	fleet credential one/ek-rsa.pub one/ak.name short blob && with_header blob >cred
	ok "one byte will do" activate one ek-rsa cred got
	ok "and comes out" cmp got short
	fleet credential one/ek-rsa.pub one/device.name secret blob && with_header blob >cred
	ok "for another key than the AK, it does not open" not activate one ek-rsa cred got
	head -c 33 /dev/zero >long
	says "more than the hash has" EINVAL fleet credential one/ek-rsa.pub one/ak.name long blob
	printf 'thirty-two bytes of a credential' >secret
	fleet credential two/ek-rsa.pub one/ak.name secret blob && with_header blob >cred
	ok "another TPM's does not open" not activate one ek-rsa cred got
}

not() { ! "$@"; }

test_certified()
{
	local n=0102030405060708
	ok "a TPM certifies a key" certify one device ak $n
	says "a certified key" ok fleet key one/ak.pub $n key attest sig one/device.pub
	says "another nonce" ESTALE fleet key one/ak.pub 0102030405060709 key attest sig one/device.pub
	says "another key's area" EXDEV fleet key one/ak.pub $n key attest sig two/device.pub
	says "another AK" EKEYREJECTED fleet key two/ak.pub $n key attest sig one/device.pub
	says "changed" EKEYREJECTED fleet key one/ak.pub $n key "$(damaged attest 20)" sig one/device.pub
	says "cut short" EBADMSG fleet key one/ak.pub $n key <(head -c 60 attest) sig one/device.pub
	says "with a changed signature" EKEYREJECTED fleet key one/ak.pub $n key attest "$(damaged sig 20)" one/device.pub
	says "in a role that is not its" EACCES fleet key one/ak.pub $n ak attest sig one/device.pub
	tpm2 quote -c one/ak.ctx -l sha256:0 -q $n -m q.msg -s q.sig -o q.pcrs
	says "a quote" EPROTOTYPE fleet key one/ak.pub $n key q.msg q.sig one/device.pub
	tpm2 certify -c one/device.ctx -C one/ak.ctx -g sha256 -o t.attest -s t.sig
	says "as tpm2_certify writes it, with the nonce that it always has" ok \
		fleet key one/ak.pub 00ff55aa key t.attest t.sig one/device.pub
	certify one parent ak $n
	says "the certified parent" ok fleet key one/ak.pub $n parent attest sig one/parent.pub

	# the key in the request is the TPM's only in name: a CSR with it needs the kernel or a
	# provider; here it is a key outside, which must be refused
	certify one device ak $n
	fleet csr-make soft.pem attest sig one/device.pub csr.der
	says "evidence of another key than the request's" ENOKEY fleet csr one/ak.pub $n csr.der
	says "in a request, with another nonce" ESTALE fleet csr one/ak.pub 00 csr.der
	like "openssl reads the request" '1.2.840.113549.1.9.16.2.59|id-aa' \
		"$(openssl req -inform der -in csr.der -noout -text | grep -A3 Attributes)"
	openssl req -new -key soft.pem -subj /CN=x -outform der -out bare.der
	says "a request without evidence" ENODATA fleet csr one/ak.pub $n bare.der
}

# Our file to tpm2-tools': public, duplicate, encrypted seed
unpack()
{
	python3 - "$1" <<-'PYTHON'
	import base64, re, sys
	text = open(sys.argv[1]).read()
	der = base64.b64decode(re.search("KEY-----(.*)-----END", text, re.S).group(1))
	def eat(data):
	    n, at = data[1], 2
	    if n & 0x80:
	        at = 2 + (n & 0x7f)
	        n = int.from_bytes(data[2:at], "big")
	    return data[0], data[at:at + n], data[at + n:]
	tag, body, rest = eat(der)
	assert tag == 0x30 and not rest
	fields = []
	while body:
	    tag, value, body = eat(body)
	    fields.append((tag, value))
	by_tag = dict(fields)
	assert fields[0] == (6, bytes.fromhex("6781050a0104"))
	open("root.pub", "wb").write(fields[-2][1])
	open("root.dup", "wb").write(fields[-1][1])
	open("root.seed", "wb").write(eat(by_tag[0xa2])[1])
	PYTHON
}

import_root() # PEM
{
	unpack "$1" && tpm2 import -C 0x81000001 -i root.dup -u root.pub -s root.seed -r root.priv &&
		tpm2 load -C 0x81000001 -u root.pub -r root.priv -c root.ctx
}

test_roots()
{
	head -c 32 /dev/urandom >root
	fleet wrap one/parent.pub 0x81000001 root root.pem
	ok "the TPM imports a root" import_root root.pem
	command tpm2_unseal -c root.ctx -o got >/dev/null 2>&1
	tpm2_flushcontext -t >/dev/null 2>&1
	ok "and unseals it" cmp got root
	tpm_use "$work/two"
	ok "another TPM does not import it" not import_root root.pem
	tpm_use "$work/one"
	unpack root.pem
	cp "$(damaged root.dup 60)" root.dup
	ok "nor is it imported when it was changed" not tpm2 import -C 0x81000001 -i root.dup -u root.pub \
		-s root.seed -r root.priv
	says "wrapped for no storage key" EACCES fleet wrap one/ak.pub 0x81000001 root x.pem
	unpack root.pem
	theirs_in_form
}

# What tpm2_duplicate makes of sealed data for the same parent has the same lengths
theirs_in_form()
{
	command tpm2_startauthsession -Q -S session.ctx &&
		command tpm2_policycommandcode -Q -S session.ctx -L dup.policy TPM2_CC_Duplicate &&
		command tpm2_flushcontext -Q session.ctx
	tpm2 create -C 0x81000001 -i root -u sealed.pub -r sealed.priv -L dup.policy -a 'userwithauth|noda' &&
		tpm2 load -C 0x81000001 -u sealed.pub -r sealed.priv -c sealed.ctx
	tpm_use "$work/two"
	tpm2 loadexternal -C o -u "$work/one/parent.pub" -c x.ctx
	tpm_use "$work/one"
	tpm2 loadexternal -C o -u two/parent.pub -c new-parent.ctx
	command tpm2_startauthsession -Q --policy-session -S session.ctx &&
		command tpm2_policycommandcode -Q -S session.ctx TPM2_CC_Duplicate
	command tpm2_duplicate -Q -C new-parent.ctx -c sealed.ctx -G null -p session:session.ctx \
		-r their.dup -s their.seed >tpm2.log 2>&1 || note "$(cat tpm2.log)"
	command tpm2_flushcontext -Q session.ctx
	tpm2_flushcontext -t >/dev/null 2>&1
	tpm2_flushcontext -s >/dev/null 2>&1
	is "tpm2_duplicate's seed has this form" "$(head -c 4 their.seed | hex), $(stat -c %s their.seed)" \
		"$(head -c 4 root.seed | hex), $(stat -c %s root.seed)"
	is "and its private part" "$(head -c 4 their.dup | hex), $(stat -c %s their.dup)" \
		"$(head -c 4 root.dup | hex), $(stat -c %s root.dup)"
}

unseal_pcrs()
{
	command tpm2_unseal -c root.ctx -p "pcr:$1" -o got >tpm2.log 2>&1
	local status=$?
	tpm2_flushcontext -t >/dev/null 2>&1
	tpm2_flushcontext -l >/dev/null 2>&1
	tpm2_flushcontext -s >/dev/null 2>&1
	return $status
}

# As a reader of the file goes on: PolicyPCR, the signature, PolicyAuthorize
unseal_signed() # SIGNER-AREA REFERENCE APPROVED SIGNATURE SELECTION
{
	local status ticket=ticket
	printf '%s' "$2" >reference
	cat "$3" reference >ahash.text
	openssl dgst -sha256 -binary ahash.text >ahash
	command tpm2_startauthsession -Q --policy-session -S session.ctx
	command tpm2_loadexternal -Q -C o -u "$1" -c signer.ctx -n signer.name >tpm2.log 2>&1 &&
		command tpm2_verifysignature -Q -c signer.ctx -d ahash -s "$4" -t $ticket >>tpm2.log 2>&1
	tpm2_flushcontext -t >/dev/null 2>&1
	command tpm2_policypcr -Q -S session.ctx -l "$5" >>tpm2.log 2>&1 &&
		command tpm2_policyauthorize -Q -S session.ctx -i "$3" -q reference -n signer.name -t $ticket \
			>>tpm2.log 2>&1 &&
		command tpm2_unseal -Q -c root.ctx -p session:session.ctx -o got >>tpm2.log 2>&1
	status=$?
	command tpm2_flushcontext -Q session.ctx >/dev/null 2>&1
	tpm2_flushcontext -t >/dev/null 2>&1
	tpm2_flushcontext -s >/dev/null 2>&1
	return $status
}

test_policies()
{
	local pcrs=sha256:0,7,16
	tpm2 pcrextend "16:sha256=$(printf %064d 5)"
	tpm2 pcrread $pcrs -o values
	fleet policy-pcrs $pcrs values ours
	command tpm2_startauthsession -Q -S session.ctx
	command tpm2_policypcr -Q -S session.ctx -l $pcrs -L theirs
	command tpm2_flushcontext -Q session.ctx
	is "the policy of PCRs is tpm2_policypcr's" "$(hex theirs)" "$(hex ours)"
	fleet wrap-pcrs one/parent.pub 0x81000001 root root.pem $pcrs values
	ok "a root bound to them is imported" import_root root.pem
	ok "and unsealed" unseal_pcrs $pcrs
	ok "as it was" cmp got root
	ok "not without them" not tpm2 unseal -c root.ctx -o got

	openssl ecparam -genkey -name prime256v1 -noout -out signer.pem
	fleet policy-signed signer.pem fleet signer.area policy
	tpm2 loadexternal -C o -u signer.area -c signer.ctx -n signer.name
	printf fleet >reference
	head -c 32 /dev/zero >ticket
	command tpm2_startauthsession -Q -S session.ctx
	command tpm2_policyauthorize -Q -S session.ctx -L theirs -i ours -q reference -n signer.name >tpm2.log 2>&1
	command tpm2_flushcontext -Q session.ctx
	is "the policy of a signer is tpm2_policyauthorize's" "$(hex theirs)" "$(hex policy)"

	tpm2 pcrextend "16:sha256=$(printf %064d 6)"
	tpm2 pcrread $pcrs -o values.next
	fleet wrap-signed one/parent.pub 0x81000001 root root.pem signer.pem fleet $pcrs values.next values
	ok "a root bound to a signer is imported" import_root root.pem
	ok "openssl reads its file" openssl asn1parse -in root.pem -out root.der
	# the approved policy's own digest and signature, from the file
	fleet policy-pcrs $pcrs values.next approved
	python3 - <<-'PYTHON'
	data = open("root.der", "rb").read()
	mark = bytes.fromhex("0018000b0020")
	at = data.find(mark)
	open("approval", "wb").write(data[at:at + 72])
	at = data.find(mark, at + 1)
	open("approval.old", "wb").write(data[at:at + 72])
	PYTHON
	ok "unsealed with what was approved" unseal_signed signer.area fleet approved approval $pcrs
	ok "as it was" cmp got root
	fleet policy-pcrs $pcrs values approved.old
	ok "not by an approval of other values" not unseal_signed signer.area fleet approved.old approval.old $pcrs
	ok "nor for another fleet" not unseal_signed signer.area other approved approval $pcrs
}

test_statements()
{
	local id=000102030405060708090a0b0c0d0e0f
	openssl ecparam -genkey -name prime256v1 -noout -out ca.pem
	openssl ecparam -genkey -name prime256v1 -noout -out ca2.pem
	fleet statement ca.pem 1700000000 - one.iots device:$id key:$id:telemetry
	fleet statement ca.pem 1700000001 one.iots two.iots version:$id:3:telemetry member:$id:line-4
	cat one.iots two.iots >both.iots
	is "a chain of two" "statement 1
device $id 
key $id telemetry
statement 2
version $id v3 telemetry
member $id line-4" "$(fleet statements ca.pem both.iots)"
	says "another fleet's" EXDEV fleet statements ca2.pem both.iots
	like "the second alone" ERANGE "$(fleet statements ca.pem two.iots)"
	like "the first again" EALREADY "$(fleet statements ca.pem <(cat one.iots one.iots))"
	like "cut short" ENODATA "$(fleet statements ca.pem <(head -c -1 one.iots))"
	says "changed" EKEYREJECTED fleet statements ca.pem "$(damaged one.iots 20)"
	fleet statement ca.pem 1700000000 - fork.iots device:$id
	like "another one follows than was there" EKEYREJECTED "$(fleet statements ca.pem <(cat fork.iots two.iots))"
	# openssl agrees on the signature
	python3 - <<-'PYTHON'
	data = open("one.iots", "rb").read()
	at = len(data) - 1
	while at and int.from_bytes(data[at - 2:at], "big") != len(data) - at:
	    at -= 1
	open("one.text", "wb").write(data[:at - 2])
	open("one.sig", "wb").write(data[at:])
	PYTHON
	ok "openssl verifies the signature" openssl dgst -sha256 -prverify ca.pem -signature one.sig one.text
}

ok "build the helper" "${CC:-cc}" -std=gnu11 -O2 -Wall -Wextra -Werror -D_GNU_SOURCE -I"$top/include" -o fleet \
	"$top/tests/host/fleet.c" -L"$out/lib" -liotkey-attest -lcrypto
for tpm in one two; do
	ok "make TPM $tpm" tpm_make "$work/$tpm"
	tpm_start "$work/$tpm"
	make_keys "$tpm"
done
tpm_use "$work/one"
test_areas
test_certificates
test_credentials
test_certified
test_roots
test_policies
test_statements
done_testing
