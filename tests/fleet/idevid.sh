#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Enrolment with the certificate that a device has from its maker (IDevID, 802.1AR).  Prints KTAP.
set -u
# shellcheck source=tests/fleet/lib.sh
. "$(dirname "$0")/lib.sh"
here=$(cd "$(dirname "$0")" && pwd)
cd "$tmp" || exit 1

fleet() { "$out/tools/bin/iotkeyctl" fleet "$@" >said 2>&1; }

# certificate NAME ISSUER WORD...: NAME.crt and NAME.key
certificate()
{
	[ -e "$1.key" ] || openssl ecparam -genkey -name prime256v1 -noout -out "$1.key"
	python3 "$here/maker.py" "$1.crt" "$1.key" "${@:2}"
}

# id_of NAME: the device's id
id_of() { openssl pkey -in "$1.key" -pubout -outform DER | sha256sum | head -c 32; }

# from NAME CALL CSR [CURL OPTION...]: enrol with its IDevID
from()
{
	cat "$1.crt" line.crt >chain.crt
	enrol "$2" "$3" --cert chain.crt --key "$1.key" "${@:4}"
}

certificate maker self ca
certificate other self ca
certificate line maker ca usage=keyCertSign
certificate device line usage=digitalSignature forever
begin -- "idevid-ca = $tmp/maker.crt" "serverkeygen = yes"
export IOTKEY_REGISTRAR=$url IOTKEY_FLEET_DIR=$dir NO_COLOR=1
id=$(id_of device)

csr ldevid "/"
from device simpleenroll ldevid
is "enrol by an IDevID, with the certificate between it and the maker's" 200 "$status"
is "known by the IDevID's key" "subject=serialNumber=$id,CN=$id" \
	"$(openssl x509 -in ldevid.crt -noout -subject -nameopt RFC2253)"
ok "the certificate is the fleet's" openssl verify -CAfile "$ca" ldevid.crt
like "the audit log tells how" '"by": ?"idevid"' "$(cat "$dir/audit.log")"
fleet list
like "and so does the list" "^$id .* idevid" "$(cat said)"
csr another "/serialNumber=$id"
from device simpleenroll another
is "once more, with another key" 200 "$status"
fleet list
is "it is the same device" 2 "$(wc -l <said)"
from device simpleenroll ldevid --tls-max 1.2
is "TLS 1.2" 200 "$status"
csr next "/CN=$id/serialNumber=$id"
enrol simplereenroll next --cert ldevid.crt --key ldevid.key
is "it renews by its LDevID" 200 "$status"
est serverkeygen --data-binary @ldevid.b64 --cert chain.crt --key device.key
is "a key from the server" 200 "$status"

from device simplereenroll next
refused "an IDevID renews nothing" 403 not-a-device
status=$(curl -s --cacert "$ca" --cert chain.crt --key device.key -o answer -w '%{http_code}' \
	"$url/.well-known/iotkey/nonce?purpose=attest")
refused "nor does it attest" 403 not-a-device
status=$(curl -s --cacert "$ca" --cert ldevid.crt --key ldevid.key -o answer -w '%{http_code}' -d '{}' \
	"$url/.well-known/iotkey/attest")
refused "nor its LDevID, without an AK" 403 no-attestation-key

# what looks like the LDevID, but is signed by somebody else
twin() # NAME ISSUER: NAME.crt of device.key, with the LDevID's names and serial number
{
	openssl req -new -key device.key -subj "/CN=$id/serialNumber=$id" |
		openssl x509 -req -days 9 -CA "$2.crt" -CAkey "$2.key" -out "$1.crt" \
			-set_serial "0x$(openssl x509 -in ldevid.crt -noout -serial | cut -d= -f2)" 2>/dev/null
	cat "$1.crt" "$2.crt" >chain.crt
	status=$(curl -s --cacert "$ca" --cert chain.crt --key device.key -o answer -w '%{http_code}' \
		"$url/.well-known/iotkey/nonce?purpose=attest")
}
twin signed line
refused "a maker does not make LDevIDs" 403 not-a-device
enrol simplereenroll next --cert chain.crt --key device.key
refused "nor renews them" 403 not-a-device
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout fake.key -out fake.crt \
	-subj "/CN=$(openssl x509 -in "$ca" -noout -subject -nameopt multiline | sed -n 's/.*commonName *= //p')" 2>/dev/null
is "another CA of the same name" "$(openssl x509 -in "$ca" -noout -subject)" "$(openssl x509 -in fake.crt -noout -subject)"
twin forged fake
is "gets no connection for its own" 000 "$status"
curl -s --cacert "$ca" --cert ldevid.crt --key ldevid.key -o answer "$url/.well-known/iotkey/nonce?purpose=attest"
like "and the LDevID does" nonce "$(cat answer)"

csr wrong "/serialNumber=00112233445566778899aabbccddeeff"
from device simpleenroll wrong
refused "as another device" 403 subject
csr named "/CN=somebody"
from device simpleenroll named
refused "under a name of its own" 403 subject

certificate stranger other usage=digitalSignature
from stranger simpleenroll ldevid
is "of a maker that is not believed: no connection" 000 "$status"
enrol simpleenroll ldevid --cert device.crt --key device.key
is "without the certificate between: no connection" 000 "$status"
certificate server line eku=1.3.6.1.5.5.7.3.1
from server simpleenroll ldevid
is "a server's certificate: no connection" 000 "$status"
certificate old line expired
from old simpleenroll ldevid
refused "whose time is over" 403 certificate-expired
certificate young line future
from young simpleenroll ldevid
refused "whose time has not begun" 403 certificate-not-yet-valid

# ---- an operator has to approve
configure "approve = yes"
registrar_reload
certificate waiting line
from waiting simpleenroll ldevid
is "a new one has to wait" "202 pending" "$status $(sed -n 's/.*"state":"\([^"]*\)".*/\1/p' answer)"
like "and is told how long" '^Retry-After: 60' "$(tr -d '\r' <"$tmp/head")"
fleet list --state pending
like "an operator sees it" "^$(id_of waiting) .* idevid" "$(cat said)"
like "the audit log has it" "\"event\": ?\"device-joined\".*$(id_of waiting)" "$(cat "$dir/audit.log")"
from waiting simpleenroll ldevid
is "it goes on waiting" 202 "$status"
is "which is told once" 1 "$(grep -c "device-joined.*$(id_of waiting)" "$dir/audit.log")"
ok "it is approved" fleet approve "$(id_of waiting)"
from waiting simpleenroll ldevid
is "and enrols" 200 "$status"
from device simpleenroll another
is "one that was there before need not wait" 200 "$status"

# ---- revocation
ok "a device is revoked" fleet revoke "$id"
from device simpleenroll another
refused "and its IDevID is good for nothing" 403 device-revoked
enrol simplereenroll next --cert next.crt --key next.key
refused "nor its LDevID" 403 device-revoked
ok "the audit log is whole" "$registrar" audit verify "$dir/audit.log"
done_testing
