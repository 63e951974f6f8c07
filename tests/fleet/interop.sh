#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# EST clients that nobody here wrote: strongSwan's pki and libest's estclient (Debian 13's, in a root
# of its own) get the CA, enrol, and renew.
set -u
# shellcheck source=tests/fleet/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/fleet/libest.sh
. "$(dirname "$0")/libest.sh"

one=00112233445566778899aabbccddeeff
two=0f0e0d0c0b0a09080706050403020100
begin -- "workers = 1"
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
status=
run_pki --est --url "$url" --in "$tmp/pki.csr" --cacert "$tmp/ca.der" --userpass "$two:wrong" \
	--outform pem >"$tmp/none" || status=failed
is "a wrong token" "failed, and nothing" "$status, and $([ -s "$tmp/none" ] || echo nothing)"

# ---- libest: TLS 1.2 and HTTP/1.0
libest_fetch

# estclient OPTION...: what it makes is in $tmp/libest
estclient()
{
	mkdir -p "$tmp/libest"
	(EST_OPENSSL_CACERT=$ca libest estclient -s localhost -p "$port" -o "$tmp/libest" "$@") >"$tmp/estclient" 2>&1
}
# certificate_in FILE: of the answer that it keeps
certificate_in()
{
	openssl base64 -d -A -in "$1" 2>/dev/null | openssl pkcs7 -inform DER -print_certs 2>/dev/null |
		sed -n '/BEGIN/,/END/p'
}
estclient -g
certificate_in "$tmp/libest/cacert-0-0.pkcs7" >"$tmp/libest-ca"
is "estclient: the CA" "$(openssl x509 -in "$ca" -noout -fingerprint)" \
	"$(openssl x509 -in "$tmp/libest-ca" -noout -fingerprint 2>&1)"
estclient -e -u $two -h two-secret --common-name gateway-2
certificate_in "$tmp/libest/cert-0-0.pkcs7" >"$tmp/libest.crt"
is "estclient: enrol" "subject=serialNumber=$two,CN=gateway-2" "$(subject_of "$tmp/libest.crt" 2>&1)"
ok "it verifies" openssl verify -CAfile "$ca" "$tmp/libest.crt"
cp "$tmp/libest/key-x-x.pem" "$tmp/libest.key" 2>/dev/null
rm -f "$tmp/libest/cert-0-0.pkcs7"
estclient -r -c "$tmp/libest.crt" -k "$tmp/libest.key"
certificate_in "$tmp/libest/cert-0-0.pkcs7" >"$tmp/libest2.crt"
is "estclient: renew" "subject=serialNumber=$two,CN=gateway-2" "$(subject_of "$tmp/libest2.crt" 2>&1)"
is "with another serial number" 2 \
	"$(cat "$tmp/libest.crt" "$tmp/libest2.crt" | openssl storeutl -noout -text -certs /dev/stdin | grep -c 'Serial Number')"
token 55555555555555555555555555555555 bound gateway-5 1
rm -f "$tmp/libest/cert-0-0.pkcs7"
estclient -e -z -u 55555555555555555555555555555555 -h bound --common-name gateway-5
certificate_in "$tmp/libest/cert-0-0.pkcs7" >"$tmp/libest3.crt"
is "estclient -z: bound to its connection by tls-unique" "subject=serialNumber=55555555555555555555555555555555,CN=gateway-5" \
	"$(subject_of "$tmp/libest3.crt" 2>&1)"
[ "$ktap_failed" = 0 ] || note "$(cat "$tmp/estclient"; ls -R "$tmp/libest")"
registrar_stop
done_testing
