#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# EST clients that nobody here wrote: strongSwan's pki and libest's estclient (Debian 13's, in a root
# of its own) get the CA, enrol, and renew.
set -u
# shellcheck source=tests/fleet/lib.sh
. "$(dirname "$0")/lib.sh"

one=00112233445566778899aabbccddeeff
two=0f0e0d0c0b0a09080706050403020100
registrar_init && configure "workers = 1" && registrar_start || bail
token $one one-secret gateway-1 1
token $two two-secret gateway-2 1
openssl x509 -in "$ca" -outform DER -out "$tmp/ca.der"

subject_of()
{
	openssl x509 -in "$1" -noout -subject -nameopt RFC2253
}

# ---- strongSwan
run_pki()
{
	pki "$@" 2>"$tmp/pki.log"
}
(cd "$tmp" && run_pki --estca --url "$url" --cacert "$tmp/ca.der" --caout "$tmp/got" --force --outform pem)
cat "$tmp"/got* >"$tmp/pki-ca" 2>/dev/null
is "pki --estca" "$(openssl x509 -in "$ca" -noout -fingerprint)" \
	"$(openssl x509 -in "$tmp/pki-ca" -noout -fingerprint 2>&1)"
csr pki "/CN=gateway-1"
run_pki --est --url "$url" --in "$tmp/pki.csr" --cacert "$tmp/ca.der" --userpass "$one:one-secret" \
	--outform pem >"$tmp/pki.crt"
is "pki --est" "subject=serialNumber=$one,CN=gateway-1" "$(subject_of "$tmp/pki.crt" 2>&1)"
ok "it verifies" openssl verify -CAfile "$ca" "$tmp/pki.crt"
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$tmp/pki2.key" 2>/dev/null
csr pki2 "/CN=gateway-1/serialNumber=$one"
openssl x509 -in "$tmp/pki.crt" -outform DER -out "$tmp/pki.der"
openssl ec -in "$tmp/pki.key" -outform DER -out "$tmp/pki.key.der" 2>/dev/null
run_pki --est --url "$url" --in "$tmp/pki2.csr" --cacert "$tmp/ca.der" --cert "$tmp/pki.der" \
	--key "$tmp/pki.key.der" --outform pem >"$tmp/pki2.crt"
is "pki --est with the old certificate: renewal" "$(openssl pkey -in "$tmp/pki2.key" -pubout)" \
	"$(openssl x509 -in "$tmp/pki2.crt" -noout -pubkey 2>&1)"
[ "$ktap_failed" = 0 ] || note "$(cat "$tmp/pki.log")"
run_pki --est --url "$url" --in "$tmp/pki.csr" --cacert "$tmp/ca.der" --userpass "$two:wrong" \
	--outform pem >"$tmp/none" && fail "a wrong token" || pass "a wrong token"
registrar_stop
done_testing
