#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# EST by hand: curl and openssl walk every call; who may enrol, and who is told why not.
set -u
# shellcheck source=tests/fleet/lib.sh
. "$(dirname "$0")/lib.sh"

one=00112233445566778899aabbccddeeff
two=0f0e0d0c0b0a09080706050403020100
three=33333333333333333333333333333333

begin -- "serverkeygen = yes" "san-suffix = .devices.example" \
	"workers = 2" "ocsp-url = http://localhost/ocsp" "crl-url = http://localhost/crl"
token $one one-secret gateway-1 1
token $two two-secret gateway-2 0
token $three three-secret gateway-3 1

# ---- what everybody may ask
est cacerts
openssl base64 -d -A -in "$tmp/answer" | openssl pkcs7 -inform DER -print_certs |
	sed -n '/BEGIN/,/END/p' >"$tmp/cacerts"
is "cacerts is the CA" "$(openssl x509 -noout -fingerprint -in "$ca")" \
	"$(openssl x509 -noout -fingerprint -in "$tmp/cacerts")"
like "cacerts: type" '^Content-Type: application/pkcs7-mime' "$(tr -d '\r' <"$tmp/head")"
est some-label/cacerts
is "a label" 200 "$status"
est cacerts --http1.0
is "HTTP/1.0" 200 "$status"
est cacerts --tls-max 1.2
is "TLS 1.2" 200 "$status"
est cacerts --tls-max 1.1 --ciphers DEFAULT@SECLEVEL=0
is "TLS 1.1" 000 "$status"
est csrattrs
attributes=$(openssl base64 -d -A -in "$tmp/answer" | openssl asn1parse -inform DER)
like "csrattrs: the curve" ':prime256v1' "$attributes"
like "csrattrs: evidence" ':1.2.840.113549.1.9.16.2.59' "$attributes"
est nothing
refused "no such call" 404 no-such-path
est cacerts -X PUT
refused "not by PUT" 405 method
est simpleenroll
refused "not by GET" 405 method

# ---- with a token
csr one "/"
enrol simpleenroll one -u $one:one-secret
is "enrol with a token" 200 "$status"
text=$(openssl x509 -in "$tmp/one.crt" -noout -text -nameopt RFC2253)
like "the subject" "Subject: serialNumber=$one,CN=gateway-1" "$text"
like "what for" 'TLS Web Client Authentication$' "$text"
like "no CA" 'CA:FALSE' "$text"
like "a CRL" 'URI:http://localhost/crl' "$text"
like "OCSP" 'OCSP - URI:http://localhost/ocsp' "$text"
ok "it verifies" openssl verify -CAfile "$ca" -purpose sslclient "$tmp/one.crt"
is "for that key" "$(openssl pkey -in "$tmp/one.key" -pubout)" \
	"$(openssl x509 -in "$tmp/one.crt" -noout -pubkey)"
like "serial number of 20 bytes" '^serial=[4-7][0-9A-F]{39}$' "$(openssl x509 -in "$tmp/one.crt" -noout -serial)"
cp "$tmp/one.crt" "$tmp/one.first"

enrol simpleenroll one -u $one:one-secret
is "the same key once more, its answer was lost" 200 "$status"
csr thief "/"
enrol simpleenroll thief -u $one:one-secret
refused "another key with a used token" 403 token-used
enrol simpleenroll thief -u $one:wrong
refused "a wrong secret" 401 token-wrong
enrol simpleenroll thief -u ffffffffffffffffffffffffffffffff:x
refused "an unknown token" 401 token-wrong
enrol simpleenroll thief -u nonsense:x
refused "a malformed token" 401 token-malformed
enrol simpleenroll thief -u $two:two-secret
refused "a token for a device with a TPM" 403 key-not-in-tpm
enrol simpleenroll thief
refused "nobody" 401 who
csr named "/serialNumber=$two"
enrol simpleenroll named
refused "a device that has not joined" 403 device-unknown
token 44444444444444444444444444444444 old late 1 1000
enrol simpleenroll thief -u 44444444444444444444444444444444:old
refused "an old token" 403 token-expired

# ---- what a request may say
csr name "/CN=another"
enrol simpleenroll name -u $three:three-secret
refused "another name" 403 subject
csr name "/O=Example/CN=gateway-3"
enrol simpleenroll name -u $three:three-secret
refused "an organisation" 400 subject
csr name "/CN=gateway-3" -addext "subjectAltName=DNS:www.example"
enrol simpleenroll name -u $three:three-secret
refused "another's SAN" 403 san
csr name "/CN=gateway-3" -addext "subjectAltName=IP:192.0.2.1"
enrol simpleenroll name -u $three:three-secret
refused "an address" 400 san
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024 -out "$tmp/weak.key" 2>/dev/null
csr weak "/"
enrol simpleenroll weak -u $three:three-secret
refused "a weak key" 400 key
openssl genpkey -algorithm ED25519 -out "$tmp/ed.key"
csr unsigned "/"
python3 -c 'd = bytearray(open("'"$tmp"'/unsigned.csr", "rb").read()); d[-1] ^= 1; open("'"$tmp"'/unsigned.csr", "wb").write(d)'
openssl base64 -in "$tmp/unsigned.csr" -out "$tmp/unsigned.b64"
enrol simpleenroll unsigned -u $three:three-secret
refused "not signed by its key" 400 csr-signature
csr ed "/"
enrol simpleenroll ed -u $three:three-secret
refused "Ed25519" 400 key
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:secp256k1 -out "$tmp/curve.key" 2>/dev/null
csr curve "/"
enrol simpleenroll curve -u $three:three-secret
refused "another curve" 400 key
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -pkeyopt ec_param_enc:explicit -out "$tmp/explicit.key" 2>/dev/null
csr explicit "/"
enrol simpleenroll explicit -u $three:three-secret
refused "a curve by its parameters, not its name" 400 key
csr three "/CN=gateway-3" -addext "subjectAltName=DNS:gateway-3.devices.example" \
	-addext "basicConstraints=critical,CA:TRUE" -addext "1.2.3.4=ASN1:NULL"
tr -d '\n' <"$tmp/three.b64" >"$tmp/line" && mv "$tmp/line" "$tmp/three.b64"
enrol simpleenroll three -u $three:three-secret
is "base64 in one line" 200 "$status"
text=$(openssl x509 -in "$tmp/three.crt" -noout -text)
like "its own SAN" 'DNS:gateway-3.devices.example' "$text"
like "and is no CA" 'CA:FALSE' "$text"
is "foreign extensions stay out" 0 "$(grep -c '1.2.3.4' <<<"$text")"

# ---- renewal
subject=/CN=gateway-1/serialNumber=$one
me=(--cert "$tmp/one.crt" --key "$tmp/one.key")
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out "$tmp/next.key" 2>/dev/null
csr next "$subject"
enrol simplereenroll next
refused "without a certificate" 401 certificate-needed
enrol simplereenroll next "${me[@]}"
is "renew, with a key of P-384, TLS 1.3" 200 "$status"
ok "it verifies" openssl verify -CAfile "$ca" "$tmp/next.crt"
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$tmp/rsa.key" 2>/dev/null
csr rsa "$subject"
enrol simplereenroll rsa --cert "$tmp/next.crt" --key "$tmp/next.key" --tls-max 1.2
is "and RSA, TLS 1.2" 200 "$status"
openssl ecparam -name prime256v1 -genkey -noout -conv_form compressed -out "$tmp/short.key"
csr short "$subject"
enrol simplereenroll short --cert "$tmp/rsa.crt" --key "$tmp/rsa.key"
is "and a compressed point" 200 "$status"
ok "it verifies" openssl verify -CAfile "$ca" "$tmp/short.crt"
csr next "/CN=gateway-1"
enrol simplereenroll next "${me[@]}"
refused "another subject" 403 subject
csr other "/CN=gateway-3/serialNumber=$three"
enrol simplereenroll other "${me[@]}"
refused "as another device" 403 subject
enrol simplereenroll next --cert "$dir/admin.crt" --key "$dir/admin.key"
refused "an administrator is no device" 403 not-a-device

# ---- the request belongs to the connection
openssl req -new -key "$tmp/one.key" -outform DER -out "$tmp/bound.csr" -config /dev/stdin <<-CONF
[req]
prompt = no
distinguished_name = dn
attributes = at
[dn]
CN = gateway-1
serialNumber = $one
[at]
challengePassword = AAAAAAAAAAAAAAAA
CONF
openssl base64 -in "$tmp/bound.csr" -out "$tmp/bound.b64"
enrol simplereenroll bound "${me[@]}"
refused "a request of another connection" 403 channel-binding

# bound KIND [OTHER-LABEL]: one that names its connection; its status and error
bound()
{
	python3 "$(dirname "$0")/bound.py" "$port" "$ca" "$tmp/one.crt" "$tmp/one.key" "$1" "$subject" \
		simplereenroll "${@:2}" >"$tmp/bound"
	sed -n '1s/^\([0-9]*\) .*"error":"\([^"]*\)".*/\1 \2/p; 1s/^\([0-9]*\) [A-Za-z0-9+/=]*$/\1/p' "$tmp/bound"
}

is "tls-unique, TLS 1.2" 200 "$(bound tls-unique)"
is "tls-exporter, TLS 1.3" 200 "$(bound tls-exporter)"
is "exported under another label" "403 channel-binding" "$(bound tls-exporter EXPORTER-Another)"

# ---- a key from the server
enrol serverkeygen one -u $two:two-secret
refused "for a device with a TPM" 403 key-not-in-tpm
est serverkeygen --data-binary "@$tmp/one.b64" -u $one:one-secret
is "serverkeygen" 200 "$status"
like "in two parts" '^Content-Type: multipart/mixed; boundary=' "$(tr -d '\r' <"$tmp/head")"
tr -d '\r' <"$tmp/answer" | awk '/^--/ { part++; body = 0; next } body { print > "'"$tmp"'/part" part } /^$/ { body = 1 }'
openssl base64 -d -A -in "$tmp/part1" | openssl pkey -inform DER -out "$tmp/made.key"
openssl base64 -d -A -in "$tmp/part2" | openssl pkcs7 -inform DER -print_certs -out "$tmp/made.crt"
is "the key and its certificate" "$(openssl pkey -in "$tmp/made.key" -pubout)" \
	"$(openssl x509 -in "$tmp/made.crt" -noout -pubkey)"
openssl req -new -key "$tmp/one.key" -outform DER -out "$tmp/sealed.csr" -config /dev/stdin <<-CONF
[req]
prompt = no
distinguished_name = dn
attributes = at
[dn]
CN = gateway-1
[at]
1.2.840.113549.1.9.16.2.37 = key
CONF
openssl base64 -in "$tmp/sealed.csr" -out "$tmp/sealed.b64"
est serverkeygen --data-binary "@$tmp/sealed.b64" -u $one:one-secret
refused "encrypted for a key of the device" 400 no-key-encryption

# ---- revocation
serial=$(openssl x509 -in "$tmp/one.first" -noout -serial | cut -d= -f2)
ocsp()
{
	openssl ocsp -issuer "$ca" -cert "$1" -CAfile "$ca" -url "http://localhost:$plain/ocsp" "${@:2}" 2>&1
}
plain=$(free_port)
registrar_stop
is "it stops when it is told to" 0 $stopped
configure "http-listen = 127.0.0.1:$plain"
registrar_start || fail "start again"
sql "UPDATE certificate SET revoked = strftime('%s','now'), reason = 1 WHERE serial = x'$serial'" >"$tmp/sql"
enrol simplereenroll next --cert "$tmp/one.first" --key "$tmp/one.key"
refused "a revoked certificate" 403 certificate-revoked
like "openssl ocsp: revoked" 'one.first: revoked' "$(ocsp "$tmp/one.first")"
like "openssl ocsp: why" 'Reason: keyCompromise' "$(ocsp "$tmp/one.first")"
like "openssl ocsp: good" 'one.crt: good' "$(ocsp "$tmp/one.crt")"
like "openssl ocsp: its signature" 'Response verify OK' "$(ocsp "$tmp/one.crt")"
like "openssl ocsp: SHA-256" 'one.crt: good' \
	"$(openssl ocsp -sha256 -issuer "$ca" -cert "$tmp/one.crt" -CAfile "$ca" -url "http://localhost:$plain/ocsp" 2>&1)"
like "openssl ocsp: not ours" 'admin.crt: unknown' "$(ocsp "$dir/admin.crt")"
openssl ocsp -issuer "$ca" -cert "$tmp/one.first" -no_nonce -reqout "$tmp/ask" 2>/dev/null
curl -s "http://localhost:$plain/ocsp/$(openssl base64 -A -in "$tmp/ask" | sed 's/+/%2B/g;s,/,%2F,g;s/=/%3D/g')" \
	-o "$tmp/said"
like "OCSP by GET" 'one.first: revoked' \
	"$(openssl ocsp -respin "$tmp/said" -issuer "$ca" -cert "$tmp/one.first" -CAfile "$ca" 2>&1)"
curl -s "http://localhost:$plain/ocsp" --data-binary nonsense -o "$tmp/said"
like "OCSP: nonsense" 'malformedrequest' "$(openssl ocsp -respin "$tmp/said" 2>&1)"
curl -s "http://localhost:$plain/.well-known/iotkey/crl" | openssl crl -inform DER -out "$tmp/crl.pem"
is "openssl verify -crl_check: good" "$tmp/one.crt: OK" \
	"$(openssl verify -CAfile "$ca" -CRLfile "$tmp/crl.pem" -crl_check "$tmp/one.crt" 2>&1)"
like "openssl verify -crl_check: revoked" 'certificate revoked' \
	"$(openssl verify -CAfile "$ca" -CRLfile "$tmp/crl.pem" -crl_check "$tmp/one.first" 2>&1)"
is "the same CRL over TLS" "$(openssl crl -in "$tmp/crl.pem" -noout -issuer -hash)" \
	"$(curl -s --cacert "$ca" "$url/.well-known/iotkey/crl" | openssl crl -inform DER -noout -issuer -hash)"
is "EST is not for everybody to read" 404 \
	"$(curl -s -o /dev/null -w '%{http_code}' "http://localhost:$plain/.well-known/est/cacerts")"
sql "UPDATE device SET state = 3 WHERE id = x'$one'" >"$tmp/sql"
csr next "$subject"
enrol simplereenroll next "${me[@]}"
refused "a revoked device" 403 device-revoked
enrol simpleenroll one -u $one:one-secret
refused "not by its token either" 403 device-revoked

# ---- every request has to belong to its connection
configure "channel-binding = yes"
registrar_reload
est csrattrs
like "csrattrs asks for it" ':challengePassword' "$(openssl base64 -d -A -in "$tmp/answer" | openssl asn1parse -inform DER)"
enrol simpleenroll three -u $three:three-secret
refused "a request that does not" 403 channel-binding
csr three "/CN=gateway-3"
three_subject=/CN=gateway-3/serialNumber=$three
subject=$three_subject
cp "$tmp/three.crt" "$tmp/one.crt" && cp "$tmp/three.key" "$tmp/one.key"
is "one that does" 200 "$(bound tls-exporter)"
configure "channel-binding = no"
registrar_reload

# ---- signals
sed -i 's/^certificate-days.*//' "$dir/registrar.conf"
configure "certificate-days = 7"
registrar_reload
enrol simpleenroll three -u $three:three-secret
ok "SIGHUP: another life time" openssl x509 -in "$tmp/three.crt" -noout -checkend $((6 * 86400))
is "and not longer" 1 "$(openssl x509 -in "$tmp/three.crt" -noout -checkend $((8 * 86400)) >/dev/null; echo $?)"
echo "nonsense = yes" >>"$dir/registrar.conf"
kill -HUP "$pid"
for ((i = 0; i < 100; i++)); do
	grep -q 'stays as it was' "$tmp/log" && break
	sleep 0.05
done
like "a bad configuration" "there is no key 'nonsense'" "$(cat "$tmp/log")"
est cacerts
is "changes nothing" 200 "$status"
like "and check says so" "there is no key 'nonsense'" "$("$registrar" check --config "$dir/registrar.conf" 2>&1)"
pkill -KILL -P "$pid"
registrar_wait
is "workers that are killed are replaced" 0 $?
enrol simpleenroll three -u $three:three-secret
is "and work" 200 "$status"
registrar_stop
is "SIGTERM" 0 $stopped
ok "the audit log is whole" "$registrar" audit verify "$dir/audit.log"
is "no secret in it" 0 "$(grep -c secret "$dir/audit.log")"
done_testing
