#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# vm: consumers
# kernel: not debug
# timeout: 900
#
# The OpenSSL provider: OpenSSL's own commands, of 3.0 (Debian 12) and 3.5 (Debian 13, in
# /trixie), with a key in the TPM and with an asymmetric RSA key of the kernel.
# shellcheck source=tests/kselftest/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/kselftest/common/iot.sh
. "$(dirname "$0")/common/iot.sh"

cd "$tmp" || exit 1
printf 'sign me\n' >text

# OpenSSL of both releases, as commands: with their own loader and libraries
mkdir bin
cat >bin/o30 <<-'END'
	#!/bin/sh
	OPENSSL_CONF=/etc/iotkey/openssl.cnf exec openssl "$@"
END
cat >bin/o35 <<-'END'
	#!/bin/sh
	lib=/trixie/usr/lib/x86_64-linux-gnu
	OPENSSL_CONF=/etc/iotkey/openssl.cnf OPENSSL_MODULES=$lib/ossl-modules \
		exec /trixie/lib64/ld-linux-x86-64.so.2 --library-path $lib /trixie/usr/bin/openssl "$@"
END
chmod +x bin/*
PATH=$PATH:$tmp/bin

plain() { openssl "$@"; }

# A CA that is none of our business, and the keys under test.
setup()
{
	local kind
	modprobe pkcs8_key_parser
	plain req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key \
		-out ca.crt -days 30 -subj /CN=ca 2>/dev/null
	ec=$(keyctl add iot web "new ecdsa-p256 parent=0x81000001 mkparent" @u)
	plain genrsa 2>/dev/null >rsa.key
	plain pkcs8 -topk8 -nocrypt -in rsa.key -outform DER >rsa.der
	rsa=$(keyctl padd asymmetric factory @u <rsa.der)
	ok "iotkeyctl pem" iotkeyctl pem web ec.pem
	iotkeyctl public web >ec.pub
	plain pkey -in rsa.key -pubout >rsa.pub
	o30 storeutl iotkey:asymmetric:factory | sed -n '/BEGIN/,/END/p' >rsa.pem
	for kind in ec rsa; do
		like "the PEM of $kind" "BEGIN IOTKEY PRIVATE KEY" "$(cat $kind.pem)"
	done
}

# The URI of a kind of key
uri() { case $1 in ec) echo iotkey:web ;; rsa) echo iotkey:asymmetric:factory ;; esac; }

test_keys() # OPENSSL KIND
{
	local key
	for key in "$(uri "$2")" $2.pem; do
		is "$1: the public half of $key" "$(cat "$2.pub")" "$($1 pkey -in "$key" -pubout 2>&1)"
		like "$1: storeutl $key" "Pkey" "$($1 storeutl "$key" 2>&1)"
		like "$1: and as text" "Private key in the kernel: $(uri "$2")" \
			"$($1 pkey -in "$key" -text -noout 2>&1)"
	done
	$1 pkey -in "$(uri "$2")" -out copy.pem
	is "$1: what is written is the PEM" "$(cat "$2.pem")" "$(cat copy.pem)"
}

# signs OPENSSL KIND DIGEST [OPTION...]: OpenSSL without us takes it
signs()
{
	local o=$1 kind=$2 digest=$3
	shift 3
	rm -f sig
	ok "$o: $kind signs $digest $*" "$o" dgst "-$digest" -sign $kind.pem "$@" -out sig text
	ok "$o: which OpenSSL takes" plain dgst "-$digest" -verify $kind.pub "$@" -signature sig text
}

test_signatures() # OPENSSL
{
	local digest
	for digest in sha1 sha256 sha384 sha512 sha3-256; do
		signs "$1" ec $digest
	done
	for digest in sha1 sha224 sha256 sha384 sha512; do
		signs "$1" rsa $digest
	done
	for digest in sha256 sha512; do
		for salt in digest max 20 0; do
			signs "$1" rsa $digest -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:$salt
		done
	done
	signs "$1" rsa sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_mgf1_md:sha1
	ok "$1: the key itself verifies" "$1" dgst -sha256 -sign ec.pem -out sig text
	ok "$1: ..." "$1" dgst -sha256 -prverify ec.pem -signature sig text
	ok "$1: and rejects" not "$1" dgst -sha256 -prverify ec.pem -signature sig ca.crt
	plain dgst -sha256 -binary text >text.sha256
	ok "$1: pkeyutl" "$1" pkeyutl -sign -inkey iotkey:web -in text.sha256 -out sig
	ok "$1: which OpenSSL takes" plain pkeyutl -verify -pubin -inkey ec.pub -in text.sha256 -sigfile sig
}

not() { ! "$@"; }

test_documents() # OPENSSL KIND
{
	local key
	key=$(uri "$2")
	ok "$1: $2: req -new" "$1" req -new -key "$key" -subj /CN=device -out csr
	ok "$1: $2: a good request" plain req -in csr -verify -noout
	if [ "$2" = rsa ]; then
		ok "$1: rsa: req -new with PSS" "$1" req -new -key "$key" -subj /CN=device -out pss \
			-sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:digest
		ok "$1: rsa: which verifies" plain req -in pss -verify -noout
	fi
	ok "$1: $2: req -x509" "$1" req -x509 -key "$2.pem" -subj /CN=self -days 3 \
		-addext basicConstraints=critical,CA:TRUE -out self.crt
	ok "$1: $2: which verifies" plain verify -CAfile self.crt self.crt
	plain x509 -req -in csr -CA ca.crt -CAkey ca.key -days 3 -out "$2.crt" 2>/dev/null
	ok "$1: $2: cms -sign" "$1" cms -sign -in text -signer "$2.crt" -inkey "$key" -out cms \
		-certfile ca.crt
	ok "$1: $2: which verifies" plain cms -verify -in cms -CAfile ca.crt -out /dev/null -purpose any
	ok "$1: $2: signs certificates" "$1" x509 -req -in csr -CA self.crt -CAkey "$key" -days 3 \
		-out leaf.crt
	ok "$1: $2: which verify" plain verify -CAfile self.crt leaf.crt
}

# tls OPENSSL KIND VERSION: mutual, the key on both sides; prints what the client saw
tls()
{
	local pid out
	"$1" s_server -accept 4433 -naccept 1 -cert "$2.crt" -key "$2.pem" -CAfile ca.crt -Verify 1 \
		-verify_return_error -www "-$3" >server.log 2>&1 &
	pid=$!
	out=$(for _ in {1..50}; do
		printf 'GET / HTTP/1.0\r\n\r\n' | timeout 60 "$1" s_client -connect 127.0.0.1:4433 \
			-cert "$2.crt" -key "$(uri "$2")" -CAfile ca.crt -verify_return_error "-$3" \
			-ign_eof 2>&1 | tee client.log
		grep -q 'Connection refused' client.log || break
		sleep 0.2
	done)
	wait $pid
	printf '%s\n' "$out"
}

test_tls() # OPENSSL KIND
{
	local version text
	for version in tls1_2 tls1_3; do
		text=$(tls "$1" "$2" $version)
		like "$1: $2: $version" 'Verify return code: 0' "$text"
		like "$1: $2: $version, mutual" 'Client certificate' "$text"
	done
}

# says TEXT OPENSSL REGEXP KEY: signing with KEY fails, and that is the first sentence
says()
{
	local out
	if out=$("$2" dgst -sha256 -sign "$4" -out sig text 2>&1); then
		fail "$2: $1" "it signed"
		return
	fi
	like "$2: $1" "iotkey:.*:$3:.*$" "$out"
	note "$(printf '%s\n' "$out" | grep :iotkey: | head -n 1 | cut -d: -f 4-)"
}

test_errors() # OPENSSL
{
	local key
	printf -- '-----BEGIN IOTKEY PRIVATE KEY-----\nMAUMA2lvdA==\n-----END IOTKEY PRIVATE KEY-----\n' >bad.pem
	says "a damaged file" "$1" "the file is damaged" bad.pem
	says "no such key" "$1" "the key, its root or its provider's key is not in your keyrings.*" iotkey:nobody
	says "nor an asymmetric one" "$1" ".* is not in your keyrings.*" iotkey:asymmetric:nobody
	says "no URI" "$1" "this is no URI of a kernel key" iotkey:a:b
	add root new root provider=soft >/dev/null
	add cipher new aes-256-gcm root=root mode=derive >/dev/null
	says "wrong type" "$1" "this key makes no signatures.*" iotkey:cipher
	says "a keyring" "$1" "this key makes no signatures.*" "iotkey:$(keyctl newring ring @s)"
	add verifier new ecdsa-p256 parent=0x81000001 usage=verify >/dev/null
	says "usage=" "$1" "the key's usage= or its permissions do not allow this.*" iotkey:verifier
	add ak new ecdsa-p256 parent=0x81000001 restricted >/dev/null
	says "restricted" "$1" "the key cannot do this.*" iotkey:ak
	key=$(add gone new ecdsa-p256 parent=0x81000001)
	iotkeyctl pem gone gone.pem
	keyctl revoke "$key"
	says "revoked" "$1" "the key or its root is revoked; make a new key" gone.pem
	key=$(add late new ecdsa-p256 parent=0x81000001)
	iotkeyctl pem late late.pem
	keyctl timeout "$key" 1
	sleep 1.5
	says "expired" "$1" ".*past its time; make a new key" late.pem
	add other new ecdsa-p256 parent=0x81000001 >/dev/null
	iotkeyctl pem other other.pem
	keyctl unlink "$(keyctl search @s iot other)" @s
	add other new ecdsa-p256 parent=0x81000001 >/dev/null
	says "another key of that name" "$1" "the kernel has another key of that name.*" other.pem
	keyctl clear @s
	keyctl link @u @s
}

# Names of keys with whatever may be in them.
test_names() # OPENSSL
{
	local name
	for name in 12345 'a:b%c?d#e' "it's/a\"key" iot:x; do
		add "$name" new ecdsa-p256 parent=0x81000001 >/dev/null
		iotkeyctl pem "$(keyctl search @s iot "$name")" name.pem
		ok "$1: a key named $name" "$1" pkey -in name.pem -pubout
		keyctl unlink "$(keyctl search @s iot "$name")" @s
	done
	ok "$1: by its serial number" "$1" pkey -in "iotkey:$ec" -pubout
	ok "$1: of an asymmetric key too" "$1" pkey -in "iotkey:$rsa" -pubout
}

# A slow one, so only this.  Valgrind does not know that keyctl(2) fills in the signature.
test_memory()
{
	cat >keyctl.supp <<-END
		{
			keyctl
			Memcheck:Param
			write(buf)
			fun:write
		}
	END
	like "valgrind has nothing to say" "ERROR SUMMARY: 0 errors" \
		"$(OPENSSL_CONF=/etc/iotkey/openssl.cnf valgrind --leak-check=full --suppressions=keyctl.supp \
			--show-leak-kinds=definite,indirect --errors-for-leak-kinds=definite \
			openssl dgst -sha256 -sign ec.pem -out sig text 2>&1)"
	ok "..." plain dgst -sha256 -verify ec.pub -signature sig text
}

setup
test_memory
for o in o30 o35; do
	like "$o" "iotkey" "$($o list -providers 2>&1)"
	note "$($o version)"
	for kind in ec rsa; do
		test_keys $o $kind
		test_documents $o $kind
		test_tls $o $kind
	done
	test_signatures $o
	test_names $o
	test_errors $o
done
finish
