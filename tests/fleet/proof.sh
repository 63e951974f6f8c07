#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Proofs that prove something else: nonces of another time, device or purpose, what another TPM says, a
# key that is in none, certificates of another time.  Each is refused by a word of its own, and the right
# proof is good as ever.  Two software TPMs.  Prints KTAP.
set -u
# shellcheck source=tests/fleet/devices.sh
. "$(dirname "$0")/devices.sh"

# nonce_at SECONDS PURPOSE TPM-DIR: as this fleet makes one then, for that device, into one/nonce
nonce_at()
{
	python3 - "$dir/master" "$1" "$2" "$(./fleet id "$3/ek.pub")" <<-'PYTHON' >one/nonce
	import hashlib, hmac, os, sys, time
	def mac(key, data):
	    return hmac.new(key, data, hashlib.sha256).digest()
	key = mac(open(sys.argv[1], "rb").read(), b"\0\0\0\1iotkey nonce\0\0\0\1\0")
	head = int((time.time() + int(sys.argv[2])) * 1000).to_bytes(8, "big") + os.urandom(8)
	sys.stdout.buffer.write(head + mac(key, head + bytes([int(sys.argv[3])]) + bytes.fromhex(sys.argv[4]))[:16])
	PYTHON
}

# credential_at SECONDS: what the TPM would have found in a credential of then: secret, and $time
credential_at()
{
	time=$(python3 - "$dir/master" "$1" one/ek.pub one/ak.name secret <<-'PYTHON'
	import hashlib, hmac, sys, time
	def mac(key, data):
	    return hmac.new(key, data, hashlib.sha256).digest()
	def read(path):
	    return open(path, "rb").read()
	key = mac(read(sys.argv[1]), b"\0\0\0\1iotkey credential\0\0\0\1\0")
	ms = int((time.time() + int(sys.argv[2])) * 1000)
	open(sys.argv[5], "wb").write(
	    mac(key, hashlib.sha256(read(sys.argv[3])).digest() + read(sys.argv[4]) + ms.to_bytes(8, "big")))
	print(ms)
	PYTHON
	)
	call POST activate "$(merged "$(identity one)" "$(json make secret@secret time:"$time")")"
}

test_credentials()
{
	credential_at -240
	is "a credential of 4 minutes ago" "200 active" "$status $(answer state)"
	credential_at -301
	refused "of 5 minutes ago" 403 credential-expired
	credential_at 120
	refused "of two minutes ahead" 403 clock-skew
	cp secret old
	credential_at 0
	cp old secret
	call POST activate "$(merged "$(identity one)" "$(json make secret@secret time:"$time")")"
	refused "of another time than it says" 403 secret-wrong
}

enrols() # NAME WORD
{
	csr_of one "$id"
	enrol simpleenroll one
	refused "$1" 403 "$2"
}

# changed WORD NAME attest|sig BYTE: one byte of what the TPM says is another
changed()
{
	certify one device one/nonce
	python3 - "$3" "$4" <<-'PYTHON'
	import sys
	data = bytearray(open(sys.argv[1], "rb").read())
	data[int(sys.argv[2])] ^= 15
	open(sys.argv[1], "wb").write(data)
	PYTHON
	with_tpm one ./fleet csr-make one/device.pem attest sig one/device.pub one.der "$id"
	openssl base64 -in one.der -out one.b64
	enrol simpleenroll one
	refused "$2" 403 "$1"
}

test_enrol()
{
	nonce_at -301 1 one
	enrols "enrol with a nonce of 5 minutes ago" nonce-expired
	nonce_at 120 1 one
	enrols "of two minutes ahead" clock-skew
	nonce_at 0 1 two
	enrols "of another device" nonce-wrong
	nonce_at 0 2 one
	enrols "for attestation" nonce-wrong
	openssl rand 32 >one/nonce
	enrols "of nobody" nonce-wrong
	nonce_at 0 1 one
	openssl ecparam -genkey -name prime256v1 -noout -out soft.pem
	openssl req -new -key soft.pem -subj "/serialNumber=$id" -outform DER | openssl base64 -out one.b64
	enrol simpleenroll one
	refused "with a key that no TPM speaks for" 403 key-not-in-tpm
	certify one device one/nonce
	./fleet csr-make soft.pem attest sig one/device.pub one.der "$id"
	openssl base64 -in one.der -out one.b64
	enrol simpleenroll one
	refused "with what the TPM says of another key" 403 evidence-key
	tpm2 import -C 0x81000001 -G ecc -i soft.pem -u one/soft.pub -r one/soft.priv -a 'userwithauth|sign'
	certify one soft one/nonce
	./fleet csr-make soft.pem attest sig one/soft.pub one.der "$id"
	openssl base64 -in one.der -out one.b64
	enrol simpleenroll one
	refused "with a key that came to the TPM from outside" 403 key-unfit
	certify two device one/nonce
	with_tpm two ./fleet csr-make two/device.pem attest sig two/device.pub one.der "$id"
	openssl base64 -in one.der -out one.b64
	enrol simpleenroll one
	refused "with what another TPM says" 403 evidence-signature
	quote one
	with_tpm one ./fleet csr-make one/device.pem q.msg q.sig one/device.pub one.der "$id"
	openssl base64 -in one.der -out one.b64
	enrol simpleenroll one
	refused "with a quote" 403 evidence-kind
	changed evidence-malformed "with something else in its place" attest 0
	changed evidence-algorithm "signed with SHA-1" sig 3
	changed evidence-signature "with a changed signature" sig 20
	csr_of one "$id"
	enrol simpleenroll one
	is "and as it should be" 200 "$status"
	est serverkeygen --data-binary @one.b64
	refused "the registrar makes no keys" 403 serverkeygen-off
	enrols "a second time" nonce-used
}

attests() # NAME WORD
{
	quote one && as one POST attest "$(evidence one)"
	refused "$1" 403 "$2"
}

test_attest()
{
	nonce_at -301 2 one
	attests "attest with a nonce of 5 minutes ago" nonce-expired
	nonce_at 120 2 one
	attests "of two minutes ahead" clock-skew
	nonce_at 0 2 two
	attests "of another device" nonce-wrong
	nonce_at 0 3 one
	attests "for a release" nonce-wrong
	nonce_for one attest
	cp one/nonce two/nonce
	quote two && as one POST attest "$(evidence one)"
	is "by another device's quote" "200 fail signature" "$status $(answer result) $(answer findings.0.check)"
	attest one
	is "and as it should be" "200 pass" "$status $(answer result)"
	attests "a second time" nonce-used
}

releases() # NAME WORD [TPM-DIR]
{
	certify "${3:-one}" parent one/nonce
	as one POST release "$(json make nonce@one/nonce parent@"${3:-one}/parent.pub" attest@attest signature@sig)"
	refused "$1" 403 "$2"
}

test_release()
{
	nonce_at -301 3 one
	releases "roots for a nonce of 5 minutes ago" nonce-expired
	nonce_at 120 3 one
	releases "of two minutes ahead" clock-skew
	nonce_at 0 3 two
	releases "of another device" nonce-wrong
	nonce_at 0 2 one
	releases "for attestation" nonce-wrong
	nonce_for one release
	releases "into another device's TPM" parent-signature two
	release one
	is "and as it should be" 200 "$status"
	answer roots.0.pem >root.pem
	releases "a second time" nonce-used
	tpm_use "$tmp/two"
	ok "another TPM does not import the root" not unseal root.pem
	tpm_use "$tmp/one"
	ok "its own does" unseal root.pem
	is "as it was derived" "$(derived one data 1)" "$(hex root)"
}

test_certificates()
{
	cp one/tls.crt good.crt
	for word in expired future; do
		python3 "$here/maker.py" one/tls.crt one/tls.key "$dir/ca" $word
		as one GET 'nonce?purpose=attest'
		[ $word = future ] || refused "a certificate whose time is over" 403 certificate-expired
	done
	refused "or has not begun" 403 certificate-not-yet-valid
	openssl x509 -req -in one/tls.csr -CA "$ca" -CAkey "$dir/ca.key" -days 10 -out one/tls.crt \
		-set_serial "0x40$(openssl rand -hex 19)" 2>/dev/null
	as one GET 'nonce?purpose=attest'
	refused "one that the store does not know" 403 certificate-unknown
	cp good.crt one/tls.crt
	sql "UPDATE device SET state = 1" >/dev/null
	as one GET 'nonce?purpose=attest'
	refused "one of a device that waits" 403 device-pending
	sql "UPDATE device SET state = 2" >/dev/null
	as one GET 'nonce?purpose=attest'
	is "the right one is good as ever" 200 "$status"
}

test_time()
{
	configure "ek-ca = $tmp/nowhere"
	registrar_reload
	attest one
	sql "UPDATE device SET passed = passed - 86410" >/dev/null
	release one
	refused "roots for an attestation that is too old" 403 attestation-old
	attest one
	release one
	is "a new one will do" 200 "$status"
	call POST join "$(identity one)"
	refused "makers' certificates that are not there" 503 ek-makers
	head -c 20 one/ak.pub >half
	call POST join "$(merged "$(identity one)" "$(json make ak@half)")"
	refused "half an attestation key" 400 ak-malformed
}

ok "a TPM" make_device one
ok "and another" make_device two
tpm_use "$tmp/one"
tpm2 readpublic -c one/ak.ctx -n one/ak.name
id=$(./fleet id one/ek.pub)
for pcr in 0 1 2 3; do echo "pcr sha256:$pcr any"; done >any.reference
begin --name localhost -- "ek-ca = $tmp/makers" "roots = data" "references = $tmp/any.reference"
test_credentials
test_enrol
tls_identity one "$id"
test_attest
test_release
test_certificates
test_time
ok "the audit log is whole" "$registrar" audit verify "$dir/audit.log"
done_testing
