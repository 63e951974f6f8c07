#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# vm: consumers
# kernel: not debug
#
# tpm2-openssl, which has OpenSSL talk to the TPM itself: what `read` gives signs there, and
# what is made there loads here.
# shellcheck source=tests/kselftest/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/kselftest/common/iot.sh
. "$(dirname "$0")/common/iot.sh"
# shellcheck source=tests/kselftest/common/tss2.sh
. "$(dirname "$0")/common/tss2.sh"

cd "$tmp" || exit 1
export TPM2OPENSSL_TCTI=device:/dev/tpmrm0
provider=(-provider tpm2 -provider default -propquery '?provider=tpm2')
printf 'sign me\n' >text
openssl dgst -sha256 -binary text >digest

theirs() # COMMAND OPTION...
{
	local command=$1
	shift
	openssl "$command" "${provider[@]}" "$@"
}

verifies() { openssl dgst -sha256 -verify "$1" -signature sig text; }

# they_sign PEM PUBLIC: tpm2-openssl signs with the file, OpenSSL alone verifies
they_sign() # TEXT PEM PUBLIC
{
	rm -f sig
	ok "$1: pkeyutl signs" theirs pkeyutl -sign -inkey "$2" -in digest -out sig
	ok "$1: OpenSSL takes it" verifies "$3"
	rm -f sig
	ok "$1: dgst signs" theirs dgst -sha256 -sign "$2" -out sig text
	ok "$1: OpenSSL takes it" verifies "$3"
}

test_ours()
{
	local key
	key=$(add ours new ecdsa-p256 parent=0x81000001 mkparent)
	iotkeyctl public ours >ours.pub
	keyctl pipe "$key" >piped.pem
	ok "iotkeyctl save" iotkeyctl save ours saved.pem
	ok "writes what keyctl pipe gives" cmp piped.pem saved.pem
	they_sign "ours" saved.pem ours.pub
	is "the same public key" "$(cat ours.pub)" "$(theirs pkey -in piped.pem -pubout)"
	keyctl pkey_sign "$key" 0 digest >sig
	ok "and we go on signing" verifies ours.pub
}

# we_sign NAME PEM: what tpm2-openssl made loads here and signs
we_sign() # TEXT NAME PEM
{
	local key
	if ! theirs pkey -in "$3" -pubout -out their.pub; then
		fail "$1" "$(cat "$3")"
		return
	fi
	ok "$1: loads" iotkeyctl load "$3" --name "$2"
	key=$(keyctl search @s iot "$2")
	is "$1: $2 is a key in the TPM" "$2: ecdsa-p256 tpm active" "$(proc_text "$key")"
	is "$1: the same public key" "$(cat their.pub)" "$(iotkeyctl public "$2")"
	keyctl pkey_sign "$key" 0 digest hash=sha256 >sig
	ok "$1: signs" verifies their.pub
	keyctl pipe "$key" >back.pem
	they_sign "$1, and back" back.pem their.pub
}

test_theirs()
{
	local genpkey=(-algorithm EC -pkeyopt group:P-256)
	ok "genpkey under a persistent parent" theirs genpkey "${genpkey[@]}" \
		-pkeyopt parent:0x81000001 -out persistent.pem
	we_sign "persistent parent" one persistent.pem
	ok "genpkey under the owner's primary" theirs genpkey "${genpkey[@]}" -out primary.pem
	we_sign "owner's primary" two primary.pem
	ok "genpkey with a password" theirs genpkey "${genpkey[@]}" -pkeyopt parent:0x81000001 \
		-pkeyopt user-auth:secret -out password.pem
	not_tried "a password" add none "load $(cat password.pem)"
}

test_ours
test_theirs
finish
