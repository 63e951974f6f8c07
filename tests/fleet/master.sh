#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The fleet's master secret in a file and in a token (SoftHSM): the same results, and those
# that another implementation of SP 800-108 has.
set -u

top=$(cd "$(dirname "$0")/../.." && pwd)
test_master=$top/build/tests/fleet/test_master
module=/usr/lib/softhsm/libsofthsm2.so
work=$(mktemp -d /tmp/iotkey-master.XXXXXX)
trap 'rm -rf "$work"' EXIT
number=0

ok() # NAME COMMAND...
{
	local name=$1 ok="not ok"
	shift
	number=$((number + 1))
	"$@" && ok=ok
	echo "$ok $number - $name"
}

derives() # URI LABEL CONTEXT WANTED
{
	local got
	got=$("$test_master" derive "$1" "$2" "$3")
	[ "$got" = "$4" ] || { echo "# $got, not $4"; return 1; }
}

refuses() # URI WORDS [LABEL] [CONTEXT]
{
	local said
	said=$("$test_master" derive "$1" "${3-iotkey root}" "${4:-}") && return 1
	echo "# $said"
	case $said in *"$2"*) ;; *) return 1 ;; esac
}

other() # LABEL CONTEXT: what python3-cryptography derives
{
	python3 - "$work/master" "$1" "$2" <<-'PYTHON'
	import sys
	from cryptography.hazmat.primitives import hashes
	from cryptography.hazmat.primitives.kdf.kbkdf import CounterLocation, KBKDFHMAC, Mode
	path, label, context = sys.argv[1:]
	kdf = KBKDFHMAC(hashes.SHA256(), Mode.CounterMode, 32, 4, 4, CounterLocation.BeforeFixed,
	                label.encode(), bytes.fromhex(context), None)
	print(kdf.derive(open(path, "rb").read()).hex())
	PYTHON
}

echo "KTAP version 1"
(umask 077 && printf '0123456789abcdef0123456789ABCDEF' >"$work/master")
printf 1234 >"$work/pin"
mkdir "$work/tokens"
echo "directories.tokendir = $work/tokens" >"$work/softhsm2.conf"
export SOFTHSM2_CONF=$work/softhsm2.conf
softhsm2-util --init-token --free --label fleet --pin 1234 --so-pin 5678 >/dev/null
ok "the secret is brought into a token" \
	"$test_master" import $module master <"$work/master"
token="pkcs11:token=fleet;object=master?module-path=$module"

long=$(printf 'a5%.0s' {1..512})
for case in "iotkey root:00112233445566778899aabbccddeeff0000000174656c656d65747279" \
	"iotkey group root:6c6966740000000002" "iotkey nonce:" "iotkey credential:$long"; do
	label=${case%%:*} context=${case#*:}
	want=$(other "$label" "$context")
	ok "'$label' from a file" derives "$work/master" "$label" "$context" "$want"
	ok "'$label' from a token" derives "$token&pin-value=1234" "$label" "$context" "$want"
done
# HMAC of 00000001 || "iotkey nonce" || 00 || 00000100, by openssl
want=$(printf '\0\0\0\1iotkey nonce\0\0\0\1\0' | openssl dgst -sha256 -mac HMAC \
	-macopt "hexkey:$(od -An -tx1 "$work/master" | tr -d ' \n')" | sed 's/.* //')
ok "and openssl agrees" derives "$work/master" "iotkey nonce" "" "$want"
ok "the PIN from a file" derives "$token&pin-source=file:$work/pin" "iotkey nonce" "" "$want"

ok "a context too long" refuses "$work/master" "Invalid argument" "iotkey root" "${long}a5"
ok "no label" refuses "$work/master" "Invalid argument" ""
ok "no file" refuses "$work/none" "No such file"
chmod 640 "$work/master"
ok "a file others may read" refuses "$work/master" "chmod 600"
(umask 077 && head -c 31 "$work/master" >"$work/short")
ok "a file too short" refuses "$work/short" "not 32 bytes"
ok "the wrong PIN" refuses "$token&pin-value=4321" "cannot log in"
ok "no PIN" refuses "$token" "no such secret key"
ok "no such token" refuses "pkcs11:token=other?module-path=$module" "no such token"
ok "no such key" refuses "pkcs11:token=fleet;object=x?pin-value=1234&module-path=$module" \
	"no such secret key"
ok "no such module" refuses "pkcs11:token=fleet?module-path=/none.so" "/none.so"
ok "not a URI" refuses "pkcs11:%zz" "no pkcs11: URI"
head -c 32 /dev/urandom | "$test_master" import $module master
ok "two keys of one name" refuses "$token&pin-value=1234" "several keys"
echo "1..$number"
