#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A device's life at the registrar, played by software TPMs, tpm2-tools and curl: join, activate,
# enrol, attest, receive roots, hear statements; and each refusal by its word.  The
# device's CSR is signed in the TPM, by OpenSSL's provider tpm2.  Prints KTAP.
set -u
# shellcheck source=tests/fleet/devices.sh
. "$(dirname "$0")/devices.sh"

test_join()
{
	call POST join "$(identity one)"
	is "join" 200 "$status"
	time=$(answer time)
	tpm_use "$tmp/two"
	ok "another TPM does not open the credential" not activate_credential two
	tpm_use "$tmp/one"
	ok "the TPM opens the credential" activate_credential one
	local step
	step=$(merged "$(identity one)" "$(json make secret@secret time:"$time")")
	call POST activate "$(merged "$step" "$(json make time:$((time + 1)))")"
	refused "another time" 403 secret-wrong
	call POST activate "$(merged "$step" "$(json make secret@one/ak.pub)")"
	refused "a secret that is too long" 413 too-large
	call POST activate "$(merged "$(identity one device)" "$step")"
	is "activate" "200 active" "$status $(answer state)"
	json save answer nonce one/nonce
	is "by its EK" "$(./fleet id one/ek.pub)" "$(answer device)"
	call POST activate "$step"
	is "once more, as after a lost answer" "200 active" "$status $(answer state)"
	like "the audit log has it" '"event": ?"device-joined"' "$(cat "$dir/audit.log" 2>/dev/null)"

	call POST join '{'
	refused "no JSON" 400 malformed
	call POST join '{"ek": "?"}'
	refused "no base64" 400 malformed
	head -c 60 one/ek.pub >one/boot
	call POST join "$(merged "$(identity one)" "$(json make ek@one/boot)")"
	refused "no EK" 400 ek-malformed
	call POST join "$(merged "$(identity one)" "$(json make ek@one/ak.pub)")"
	refused "an AK as EK" 403 ek-unfit
	call POST join "$(identity one device)"
	refused "an unrestricted AK" 403 ak-unfit
	call POST join "$(merged "$(identity one)" '{"ek_certificates": []}')"
	refused "without a certificate" 403 ek-unknown
	call POST join "$(merged "$(identity one)" "$(json make ek_certificates[]one/ek-secp384r1.crt)")"
	refused "with the certificate of another key" 403 ek-certificate-mismatch
	call POST join "$(merged "$(identity one)" "$(json make ek_certificates[]one/ak.pub)")"
	refused "with none in its place" 403 ek-certificate-malformed
	call POST join "$(merged "$(identity one)" '{"name": "a b"}')"
	local status_of_name=$status
	is "a name with a blank gets as far as the credential" 200 "$status_of_name"
}

test_enrol()
{
	enrol_device one
	is "enrol" 200 "$status"
	like "the certificate is the device's" "serialNumber ?= ?$id" \
		"$(openssl x509 -in one/ldevid.crt -noout -subject)"
	ok "and the CA's" openssl verify -CAfile "$ca" one/ldevid.crt
	enrol_device one
	refused "with the same nonce" 403 nonce-used
	tls_identity one "$id"
	as one GET 'nonce?purpose=attest'
	is "a nonce" 200 "$status"
	as one GET 'nonce?purpose=x'
	refused "a nonce for nothing" 400 malformed
	call GET 'nonce?purpose=attest'
	refused "a nonce for nobody" 401 certificate-needed
}

test_attest()
{
	release one
	refused "no roots before attestation" 403 not-attested
	attest one
	is "attest" "200 pass" "$status $(answer result)"
	as one POST attest "$(evidence one)"
	refused "the same once more" 403 nonce-used
	nonce_for one release && quote one && as one POST attest "$(evidence one)"
	refused "a nonce for something else" 403 nonce-wrong
	head -c 32 /dev/zero >one/nonce
	quote one && as one POST attest "$(evidence one)"
	refused "a nonce of zeros" 403 nonce-wrong
	nonce_for one attest && quote one
	cp one/nonce other.nonce
	nonce_for one attest && as one POST attest "$(evidence one)"
	is "a quote over another nonce" "200 fail nonce" "$status $(answer result) $(answer findings.0.check)"
	nonce_for one attest && quote one
	python3 -c 'd = bytearray(open("q.sig", "rb").read()); d[-1] ^= 1; open("q.sig", "wb").write(d)'
	as one POST attest "$(evidence one)"
	is "a changed signature" "200 fail signature" "$status $(answer result) $(answer findings.0.check)"
	release one
	refused "no roots after a failure" 403 attestation-failed
	attest one
	is "and good again" "200 pass" "$status $(answer result)"
	nonce_for one attest && quote one && as one POST attest "$(evidence one ima@one/ak.pub ima_offset:100)"
	refused "a log from nowhere" 409 ima-offset
	is "tells from where" 0 "$(answer ima_offset)"
	tpm2 pcrextend "4:sha256=$(printf %064d 1)"
	attest one
	is "another PCR 4" "200 fail" "$status $(answer result)"
	is "is named" "boot-loader" "$(answer findings.0.component | sed 's/.*: //')"
	like "with what was expected" '^sha256:0000' "$(answer findings.0.expected)"
}

test_release()
{
	registrar_stop
	configure "references = $tmp/any.reference"
	registrar_start
	attest one
	is "attest by another reference" "200 pass" "$status $(answer result)"
	release one
	is "roots" "200 data 1" "$status $(answer roots.0.name) $(answer roots.0.version)"
	answer roots.0.pem >root.pem
	tpm_use "$tmp/one"
	ok "the TPM imports and unseals one" unseal root.pem
	cp root first
	is "it is the one that the master gives" "$(derived one data 1)" "$(hex root)"
	as one POST release "$(json make nonce@one/nonce parent@one/parent.pub attest@attest signature@sig)"
	refused "the same once more" 403 nonce-used
	release one
	answer roots.0.pem >root2.pem
	ok "another time it is wrapped anew" not cmp -s root.pem root2.pem
	tpm_use "$tmp/one"
	ok "and imports" unseal root2.pem
	ok "as the same root" cmp first root
	nonce_for one release && certify one device one/nonce &&
		as one POST release "$(json make nonce@one/nonce parent@one/device.pub attest@attest signature@sig)"
	refused "for a key that is no parent" 403 parent-unfit
	nonce_for one release && certify one parent one/nonce &&
		as one POST release "$(json make nonce@one/nonce parent@two/parent.pub attest@attest signature@sig)"
	refused "for another TPM's parent" 403 parent-mismatch
	nonce_for one release && certify two parent one/nonce &&
		as one POST release "$(json make nonce@one/nonce parent@two/parent.pub attest@attest signature@sig)"
	refused "certified by another TPM" 403 parent-signature
	nonce_for one release && cp one/nonce other.nonce && nonce_for one release &&
		certify one parent other.nonce &&
		as one POST release "$(json make nonce@one/nonce parent@one/parent.pub attest@attest signature@sig)"
	refused "certified with another nonce" 403 nonce-wrong
	tpm_use "$tmp/two"
	ok "another TPM does not import it" not unseal root.pem
	like "the audit log has it" '"event": ?"roots-released"' "$(cat "$dir/audit.log")"
	is "and no root" 0 "$(grep -c "$(hex first)" "$dir/audit.log")"
	ok "the audit log is whole" "$registrar" audit verify "$dir/audit.log"
}

# As an operator's revocation adds one; the CA's key is in a file here
statement() # REVOCATION...
{
	./fleet statement "$dir/ca.key" "$(date +%s)" all.iots new.iots "$@" && cat new.iots >>all.iots
	python3 - "$dir/store.db" new.iots <<-'PYTHON'
	import sqlite3, sys, time
	body = open(sys.argv[2], "rb").read()
	db = sqlite3.connect(sys.argv[1], timeout=10)
	db.execute("INSERT INTO statement VALUES (?,?,?)",
	           (int.from_bytes(body[8:16], "big"), int(time.time()), body))
	db.commit()
	PYTHON
}

test_statements()
{
	local id
	id=$(./fleet id one/ek.pub)
	: >all.iots
	call GET statements
	is "no statement yet" 204 "$status"
	call GET 'statements?after=x'
	refused "after what?" 400 malformed
	call GET 'statements?wait=301'
	refused "too long" 400 malformed
	(call GET 'statements?after=0&wait=10'; cp answer heard; date +%s%N >heard.when) &
	local waiter=$!
	sleep 0.5
	date +%s%N >said.when
	statement "device:$id" "key:$id:data"
	wait $waiter
	ok "who waits, hears" cmp heard all.iots
	note "after $((($(cat heard.when) - $(cat said.when)) / 1000000)) ms, python and curl included"
	statement "version:$id:1:data"
	call GET statements
	ok "all of them" cmp answer all.iots
	is "they verify" "statement 1
device $id 
key $id data
statement 2
version $id v1 data" "$(./fleet statements "$dir/ca.key" answer)"
	call GET 'statements?after=1'
	ok "those after the first" cmp answer new.iots
	call GET 'statements?after=2&wait=1'
	is "nothing new" 204 "$status"
	kill -0 "$pid"
}

test_revoked()
{
	local id
	id=$(./fleet id one/ek.pub)
	sql "UPDATE device SET state = 3 WHERE id = x'$id'" >/dev/null
	as one GET 'nonce?purpose=attest'
	refused "a revoked device gets no nonce" 403 device-revoked
	call POST join "$(identity one)"
	refused "nor joins" 403 device-revoked
}

test_pending()
{
	registrar_stop
	configure "approve = yes"
	registrar_start
	join two
	is "with approve, a new device waits" "202 pending" "$status $(answer state)"
	like "and is told how long" '^Retry-After: 60' "$(tr -d '\r' <"$tmp/head")"
	enrol_device_pending
}

enrol_device_pending()
{
	openssl rand 32 >two/nonce
	id=$(./fleet id two/ek.pub)
	csr_of two "$id"
	enrol simpleenroll two
	is "and gets no certificate" "202 pending" "$status $(answer state)"
}

ok "a TPM" make_device one
ok "and another" make_device two
for pcr in 0 1 2 3 5 6 7 8 9; do echo "pcr sha256:$pcr any"; done >any.reference
{ cat any.reference; echo "pcr sha256:4 $(printf %064d 0) boot-loader"; } >boot.reference
ok "a registrar" test -x "$registrar"
registrar_init --name localhost && configure "ek-ca = $tmp/makers" "roots = data" "references = $tmp/boot.reference" \
	"workers = 8" && registrar_start # at once, at a new store
test_join
test_enrol
test_attest
test_release
test_statements
test_revoked
test_pending
done_testing
