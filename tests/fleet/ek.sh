#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Certificates of endorsement keys, right and odd, at the registrar: who joins by them, and why others do
# not.  A software TPM has the keys, maker.py makes the certificates.  Prints KTAP.
set -u
# shellcheck source=tests/fleet/devices.sh
. "$(dirname "$0")/devices.sh"

# ca NAME ISSUER [WORD...]
ca()
{
	openssl ecparam -genkey -name prime256v1 -noout -out "$1.key"
	python3 "$here/maker.py" "$1.crt" "$1.key" "$2" ca "${@:3}"
	openssl x509 -in "$1.crt" -outform DER -out "$1.der"
}

# made EK ISSUER [WORD...]: made.der, a certificate for that EK
made() { python3 "$here/maker.py" made.der "one/$1.pem" "${@:2}"; }

# joins EK [CERTIFICATE...]: the first step, with made.der and these
joins()
{
	local certificates=made.der one
	for one in "${@:2}"; do certificates+=,$one; done
	call POST join "$(json make ek@"one/$1.pub" "ek_certificates[]$certificates" ak@one/ak.pub)"
}

# fine NAME EK ISSUER [WORD...]
fine()
{
	made "${@:2}" && joins "$2"
	is "$1" 200 "$status"
}

# odd NAME ERROR EK ISSUER [WORD...]
odd()
{
	made "${@:3}" && joins "$3"
	refused "$1" 403 "$2"
}

# Both kinds of keys as a maker's certificate should be, to the end
test_both()
{
	local ek usage
	for ek in ek ecc; do
		usage=keyEncipherment
		[ $ek = ek ] || usage=keyAgreement
		made $ek maker "usage=$usage" eku=2.23.133.8.1 subject=- tpm
		cp made.der "one/$ek.der"
		like "$ek: the TPM's name is critical" 'Subject Alternative Name: critical' \
			"$(openssl x509 -inform DER -in made.der -noout -text)"
		joins $ek
		is "$ek: join" 200 "$status"
		time=$(answer time)
		[ $ek = ek ] || cp one/$ek.ctx one/ek.ctx
		ok "$ek: the TPM opens the credential" activate_credential one
		call POST activate "$(json make ek@one/$ek.pub "ek_certificates[]one/$ek.der" ak@one/ak.pub \
			secret@secret time:"$time")"
		is "$ek: activate" "200 active $(./fleet id one/$ek.pub)" "$status $(answer state) $(answer device)"
	done
}

test_fit()
{
	fine "no usage, no purpose" ecc maker
	fine "an intermediate that the registrar has" ecc known
	fine "an RSA EK's says keyEncipherment" ek maker usage=keyEncipherment
	fine "attributes of the TPM, critical" ecc maker directory
	fine "valid until 9999" ecc maker forever
	made ecc line
	joins ecc line.der
	is "an intermediate that comes along" 200 "$status"
}

test_unfit()
{
	odd "its time is over" ek-certificate-expired ecc maker expired
	odd "its time has not begun" ek-certificate-expired ecc maker future
	odd "its issuer's time is over" ek-certificate-expired ecc late
	odd "of a signing key" ek-certificate-unfit ecc maker usage=digitalSignature
	odd "for servers" ek-certificate-unfit ecc maker eku=1.3.6.1.5.5.7.3.1
	odd "a CA's" ek-certificate-unfit ecc maker ca
	odd "an extension that nobody knows, critical" ek-certificate-unfit ecc maker unknown
	odd "of a maker that nobody knows" ek-maker-unknown ecc stranger
	odd "an intermediate that is missing" ek-maker-unknown ecc line
	odd "an intermediate that is no CA" ek-certificate-invalid ecc leaf
	made ecc impostor
	joins ecc
	refused "of another CA under the maker's name" 403 ek-certificate-invalid
	made ek maker
	joins ecc
	refused "for the TPM's other EK" 403 ek-certificate-mismatch
	printf '%s\n' "$(openssl pkey -pubin -in one/ecc.pem -outform DER | sha256sum | cut -d ' ' -f 1)" >eks
	made ecc maker expired
	"$out/tools/bin/iotkeyctl" fleet import eks --batch old >said 2>&1
	joins ecc
	is "on the allow-list, no certificate is needed" 200 "$status"
}

ok "a TPM" make_device one
tpm_use "$tmp/one"
tpm2 createek -c one/ecc.ctx -G ecc -u one/ecc.pub
for ek in ek ecc; do tpm2 readpublic -c one/$ek.ctx -f pem -o one/$ek.pem; done
mkdir believed
ca maker self
ca known maker
ca line maker
ca late maker expired
ca stranger self
ca impostor self subject=maker
openssl ecparam -genkey -name prime256v1 -noout -out leaf.key
python3 "$here/maker.py" leaf.crt leaf.key maker
cp maker.crt known.crt late.crt leaf.crt believed/
begin --name localhost -- "ek-ca = $tmp/believed"
export IOTKEY_REGISTRAR=$url IOTKEY_FLEET_DIR=$dir
test_both
test_fit
test_unfit
done_testing
