# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2094,SC2154,SC2238
#
# In the guest of vm.sh, before its test: its network, its host, and a device's steps by hand with
# curl and tpm2-tools.  $port is the registrar's.
# shellcheck source=tests/kselftest/lib.sh
. /usr/lib/iotkey/tests/lib.sh

api=https://10.0.2.2:$port/.well-known/iotkey
tmp=/tmp/device
mkdir -p $tmp
cd $tmp || exit 1

modprobe -a virtio_pci virtio_net iotkey
ifconfig eth0 10.0.2.15 netmask 255.255.255.0 up
stty -F /dev/ttyS2 raw -echo
exec 4<>/dev/ttyS2

# host WORD ARGUMENT...: what it answers
host()
{
	local answer
	printf '%s\n' "$*" >&4
	read -r answer <&4
	printf '%s\n' "$answer"
}

b64() { base64 -w 0 "$1"; }
hex() { od -An -v -tx1 "$@" | tr -d ' \n'; }
quiet() { "$@" >quiet 2>&1 || { cat quiet; return 1; }; }

# ask METHOD PATH [BODY]: sets $status, the answer is in $tmp/answer; as the device once it has
# a certificate
ask()
{
	local options=(-sS --max-time 60 --cacert ca.crt -X "$1" -o answer -w '%{http_code}')
	[ ! -s tls.crt ] || options+=(--cert tls.crt --key tls.key)
	[ -z "${3:-}" ] || options+=(-H 'Content-Type: application/json' --data-binary "$3")
	: >answer
	status=$(curl "${options[@]}" "$api/$2")
}

field() { sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p" answer; }
number() { sed -n "s/.*\"$1\":\([0-9]*\).*/\1/p" answer; }

# Its keys: the parent as the kernel makes it, the EK by the maker's template
make_keys()
{
	quiet iotkeyctl root parent --provider tpm --parent 0x81000001 --mkparent --keyring @s &&
		quiet tpm2_readpublic -c 0x81000001 -o parent.pub &&
		quiet tpm2_createek -c ek.ctx -G rsa -u ek.pub &&
		quiet tpm2_nvread 0x1c00002 -o ek.crt &&
		quiet tpm2_create -C 0x81000001 -G ecc256:ecdsa-sha256:null -u ak.pub -r ak.priv \
			-a 'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|sign|restricted' &&
		quiet tpm2_load -C 0x81000001 -u ak.pub -r ak.priv -c ak.ctx
}

activate_credential() # opens what join gave, into $tmp/secret
{
	{ printf '\xba\xdc\xc0\xde\x00\x00\x00\x01'; field credential | base64 -d; } >credential
	quiet tpm2_startauthsession --policy-session -S session.ctx &&
		quiet tpm2_policysecret -S session.ctx -c e &&
		quiet tpm2_activatecredential -c ak.ctx -C ek.ctx -i credential -o secret \
			-P session:session.ctx
	set -- $?
	quiet tpm2_flushcontext session.ctx
	return "$1"
}

join()
{
	local who
	who="\"ek\":\"$(b64 ek.pub)\",\"ek_certificates\":[\"$(b64 ek.crt)\"],\"ak\":\"$(b64 ak.pub)\""
	ask POST join "{$who}"
	[ "$status" = 200 ] || return
	time=$(number time)
	activate_credential || return
	ask POST activate "{$who,\"time\":$time,\"secret\":\"$(b64 secret)\"}"
	[ "$status" = 200 ] && device=$(field device)
}

nonce() # PURPOSE: in hex
{
	ask GET "nonce?purpose=$1"
	field nonce | base64 -d | hex
}

attest()
{
	local nonce
	nonce=$(nonce attest)
	quiet tpm2_quote -c ak.ctx -l sha256:0,1,2,3,4,5,6,7 -q "$nonce" -m quote -s signature -o pcrs || return
	ask POST attest "{\"nonce\":\"$(b64_of "$nonce")\",\"quote\":\"$(b64 quote)\",\"signature\":\"$(
		b64 signature)\",\"pcrs\":\"$(b64 pcrs)\"}"
	[ "$(field result)" = pass ]
}

bytes() { printf '%b' "$(printf '%s' "$1" | sed 's/../\\x&/g')"; }
b64_of() { bytes "$1" | base64 -w 0; }
be() { printf "%0$((2 * $1))x" "$2"; }

# command_tpm HEX: what the TPM says, in hex; descriptor 7 is its resource manager
command_tpm()
{
	bytes "$1" >command
	dd if=command bs=4096 status=none >&7
	dd bs=4096 count=1 status=none <&7 | hex
}

# The parent, certified by the AK with a nonce, which tpm2_certify 5.4 cannot be given
certify_parent() # NONCE
{
	local password=400000090000000000 answer size body
	exec 7<>/dev/tpmrm0
	body=8100000100000009$password$(hex ak.priv)$(hex ak.pub)
	answer=$(command_tpm "8002$(be 4 $((10 + ${#body} / 2)))00000157$body")
	body=81000001${answer:20:8}00000012$password$password$(be 2 $((${#1} / 2)))${1}0010
	answer=$(command_tpm "8002$(be 4 $((10 + ${#body} / 2)))00000148$body")
	exec 7>&-
	[ "${answer:12:8}" = 00000000 ] || { echo "TPM2_Certify: $answer"; return 1; }
	size=$((16#${answer:20:8} * 2)) answer=${answer:28}
	answer=${answer:0:size}
	size=$((16#${answer:0:4} * 2))
	bytes "${answer:4:size}" >attest
	bytes "${answer:4+size}" >signature
}

# release: the answer holds the roots
release()
{
	local nonce
	nonce=$(nonce release)
	certify_parent "$nonce" || return
	ask POST release "{\"nonce\":\"$(b64_of "$nonce")\",\"parent\":\"$(b64 parent.pub)\",\"attest\":\"$(
		b64 attest)\",\"signature\":\"$(b64 signature)\"}"
	[ "$status" = 200 ]
}

# released NAME: its PEM and version, from the answer
released()
{
	root=$(grep -o "{\"name\":\"$1\",[^}]*}" answer)
	version=$(printf '%s' "$root" | sed 's/.*"version":\([0-9]*\).*/\1/')
	printf '%b' "$(printf '%s' "$root" | sed 's/.*"pem":"\([^"]*\)".*/\1/')" >root.pem
}
