# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Devices with a TPM, played by software TPMs, tpm2-tools and curl, for tests of the registrar: what
# they keep is in directories of their names in $tmp, the working directory.

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/fleet/lib.sh
. "$here/lib.sh"
# shellcheck source=tests/fleet/swtpm.sh
. "$here/swtpm.sh"
# shellcheck disable=SC2034 # swtpm.sh's
work=$tmp
trap 'registrar_stop; tpm_stop "$tmp/one"; tpm_stop "$tmp/two"; rm -rf "$tmp"; ktap_exit' EXIT
cd "$tmp" || exit 1

not() { ! "$@"; }
json() { python3 "$here/fields.py" "$@"; }
answer() { json get "$tmp/answer" "$1"; }

# call METHOD PATH [BODY] [CURL OPTION...]: sets $status; the answer is in $tmp/answer
call()
{
	local method=$1 path=$2 body=${3:-}
	shift 2
	[ $# = 0 ] || shift
	: >"$tmp/answer"
	printf '%s' "$body" >"$tmp/body"
	if [ "$method" = POST ]; then
		set -- -H 'Content-Type: application/json' --data-binary "@$tmp/body" "$@"
	fi
	status=$(curl -sS --max-time 20 --cacert "$ca" -D "$tmp/head" -o "$tmp/answer" \
		-w '%{http_code}' "$@" "$url/.well-known/iotkey/$path")
}

# with_tpm TPM-DIR COMMAND...: OpenSSL's keys are in that TPM
with_tpm()
{
	local dir=$1 result=0
	shift
	tpm_use "$tmp/$dir"
	OPENSSL_CONF=$tmp/openssl.cnf TPM2OPENSSL_TCTI=$TPM2TOOLS_TCTI "$@" || result=$?
	tpm2_flushcontext -t >/dev/null 2>&1 # the provider leaves what it loaded
	return $result
}

# The provider's TLS needs a resource manager, which a bare software TPM has not.  So the key that
# opens TLS is outside, with a certificate of the same device beside the enrolled one.
tls_identity() # TPM-DIR ID
{
	openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1/tls.key" 2>/dev/null
	openssl req -new -key "$1/tls.key" -subj "/serialNumber=$2" -out "$1/tls.csr"
	openssl x509 -req -in "$1/tls.csr" -CA "$ca" -CAkey "$dir/ca.key" -days 10 \
		-set_serial "0x40$(openssl rand -hex 19)" -out "$1/tls.crt" 2>/dev/null
	python3 - "$dir/store.db" "$2" "$(openssl x509 -in "$1/tls.crt" -noout -serial)" <<-'PYTHON'
	import sqlite3, sys, time
	db = sqlite3.connect(sys.argv[1], timeout=10)
	db.execute("INSERT INTO certificate (device, serial, issued, not_after, spki, revoked, reason) "
	           "VALUES (?,?,?,?,?,0,0)",
	           (bytes.fromhex(sys.argv[2]), bytes.fromhex(sys.argv[3].split("=")[1]), int(time.time()),
	            int(time.time()) + 864000, b"\0" * 32))
	db.commit()
	PYTHON
}

# as DEVICE: call, with its certificate
as() # DEVICE METHOD PATH [BODY]
{
	call "$2" "$3" "${4:-}" --cert "$tmp/$1/tls.crt" --key "$tmp/$1/tls.key"
}

key() # TPM-DIR NAME ATTRIBUTES ALGORITHM
{
	tpm2 create -C 0x81000001 -G "$4" -u "$1/$2.pub" -r "$1/$2.priv" \
		-a "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|$3" &&
		tpm2 load -C 0x81000001 -u "$1/$2.pub" -r "$1/$2.priv" -c "$1/$2.ctx" &&
		json tss2 "$1/$2.pub" "$1/$2.priv" "$1/$2.pem"
}

make_device() # TPM-DIR
{
	local d=$1
	tpm_make "$tmp/$d" && tpm_start "$tmp/$d" &&
		tpm2 createek -c "$d/ek.ctx" -G rsa -u "$d/ek.pub" &&
		tpm2 createprimary -C o -G ecc:aes128cfb -c "$d/parent.ctx" &&
		tpm2 evictcontrol -C o -c "$d/parent.ctx" 0x81000001 &&
		tpm2 readpublic -c 0x81000001 -o "$d/parent.pub" &&
		key "$d" ak 'sign|restricted' ecc256:ecdsa-sha256:null &&
		key "$d" device sign ecc256
}

# reboot TPM-DIR: PCRs begin anew
reboot()
{
	tpm_stop "$tmp/$1"
	while kill -0 "$(cat "$1/pid" 2>/dev/null)" 2>/dev/null; do sleep 0.05; done
	tpm_start "$tmp/$1"
	for key in ak device; do
		tpm2 load -C 0x81000001 -u "$1/$key.pub" -r "$1/$key.priv" -c "$1/$key.ctx"
	done
}

identity() # TPM-DIR [AK]: the fields that join and activate share
{
	json make ek@"$1/ek.pub" ek_certificates[]"$1/ek-rsa2048.crt" ak@"$1/${2:-ak}.pub" name="$1"
}

merged() { python3 -c 'import json, sys; a = json.loads(sys.argv[1]); a.update(json.loads(sys.argv[2])); print(json.dumps(a))' "$@"; }

# activate_credential TPM-DIR: the answer of join, opened, into secret
activate_credential()
{
	json save answer credential blob && printf '\xba\xdc\xc0\xde\x00\x00\x00\x01' | cat - blob >cred
	command tpm2_startauthsession -Q --policy-session -S session.ctx >tpm2.log 2>&1 &&
		command tpm2_policysecret -Q -S session.ctx -c e >>tpm2.log 2>&1 &&
		command tpm2_activatecredential -Q -c "$1/ak.ctx" -C "$1/ek.ctx" -i cred -o secret \
			-P session:session.ctx >>tpm2.log 2>&1
	local result=$?
	tpm2_flushcontext -t >/dev/null 2>&1
	tpm2_flushcontext -l >/dev/null 2>&1
	tpm2_flushcontext -s >/dev/null 2>&1
	[ $result = 0 ] || cat tpm2.log
	return $result
}

# join TPM-DIR: both steps; the nonce to enrol with is in $1/nonce
join()
{
	tpm_use "$tmp/$1"
	call POST join "$(identity "$1")"
	[ "$status" = 200 ] || return
	time=$(answer time)
	activate_credential "$1" || return
	call POST activate "$(merged "$(identity "$1")" "$(json make secret@secret time:"$time")")"
	[ "$status" != 200 ] || json save answer nonce "$1/nonce"
}

hex() { od -An -v -tx1 "$1" | tr -d ' \n'; }

certify() # TPM-DIR KEY NONCE-FILE
{
	local key=$1/$2
	[ "$2" != parent ] || key=0x81000001
	python3 "$here/certify.py" "$1/tpm" "$key" "$1/ak" "$(hex "$3")" attest sig
}

# A CSR with evidence, signed by the TPM
csr_of() # TPM-DIR ID
{
	certify "$1" device "$1/nonce" &&
		with_tpm "$1" ./fleet csr-make "$1/device.pem" attest sig "$1/device.pub" "$1/csr.der" "$2"
	openssl base64 -in "$1/csr.der" -out "$1.b64"
}

enrol_device() # TPM-DIR
{
	id=$(./fleet id "$1/ek.pub")
	csr_of "$1" "$id"
	enrol simpleenroll "$1"
	[ "$status" != 200 ] || mv "$1.crt" "$1/ldevid.crt"
}

nonce_for() # TPM-DIR PURPOSE
{
	as "$1" GET "nonce?purpose=$2"
	[ "$status" = 200 ] && json save answer nonce "$1/nonce"
}

quoted=sha256:0,1,2,3,4,5,6,7,8,9,10

quote() # TPM-DIR [AK]
{
	tpm_use "$tmp/$1"
	tpm2 quote -c "$1/${2:-ak}.ctx" -l $quoted -q "$(hex "$1/nonce")" -m q.msg \
		-s q.sig -o q.pcrs
}

evidence() # TPM-DIR [FIELD...]
{
	json make nonce@"$1/nonce" quote@q.msg signature@q.sig pcrs@q.pcrs "${@:2}"
}

attest() # TPM-DIR [FIELD...]
{
	nonce_for "$1" attest && quote "$1" && as "$1" POST attest "$(evidence "$@")"
}

release() # TPM-DIR
{
	nonce_for "$1" release && certify "$1" parent "$1/nonce" &&
		as "$1" POST release "$(json make nonce@"$1/nonce" parent@"$1/parent.pub" attest@attest signature@sig)"
}

# import_root PEM: it is loaded as r.ctx
import_root()
{
	json wrapped "$1" r &&
		tpm2 import -C 0x81000001 -i r.dup -u r.pub -s r.seed -r r.priv &&
		tpm2 load -C 0x81000001 -u r.pub -r r.priv -c r.ctx
}

# unseal PEM: into root
unseal()
{
	rm -f root
	import_root "$1" && tpm2 unseal -c r.ctx -o root
}

derived() # TPM-DIR NAME VERSION
{
	python3 - "$dir/master" "$(./fleet id "$1/ek.pub")" "$2" "$3" <<-'PYTHON'
	import hashlib, hmac, sys
	master = open(sys.argv[1], "rb").read()
	context = bytes.fromhex(sys.argv[2]) + int(sys.argv[4]).to_bytes(4, "big") + sys.argv[3].encode()
	text = b"\0\0\0\1iotkey root\0" + context + b"\0\0\1\0"
	print(hmac.new(master, text, hashlib.sha256).hexdigest())
	PYTHON
}

cat >openssl.cnf <<-'CONF'
openssl_conf = all
[all]
providers = providers
alg_section = algorithms
random = random
[random]
properties = provider=default
seed_properties = provider=default
[algorithms]
default_properties = ?provider=tpm2,tpm2.digest!=yes,tpm2.cipher!=yes
[providers]
default = on
tpm2 = on
[on]
activate = 1
CONF
ok "build the helper" "${CC:-cc}" -std=gnu11 -O2 -Wall -Wextra -Werror -D_GNU_SOURCE -I"$top/include" -o fleet \
	"$top/tests/host/fleet.c" "$top"/lib/attest/*.c -lcrypto
