#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# In the VM: the TPM commands of a TLS 1.3 handshake whose server's key is in the TPM, by the
# provider beside tpm2-openssl, with the same key, certificate, server and clients.  Commands
# are counted on the bus, by tests/vm/tpmproxy.c.
set -eu

handshakes=20
work=$(mktemp -d)
cd "$work"
exec 3<>/dev/ttyS2
stty raw -echo clocal <&3

ask() # WORD: what the proxy answers
{
	local answer
	echo "$1" >&3
	read -r answer <&3
	case $answer in
	ok*) echo "${answer#ok }" ;;
	*) echo "tpmproxy: $answer" >&2; exit 1 ;;
	esac
}

cat >tpm2.cnf <<-END
	openssl_conf = init
	[init]
	providers = providers
	alg_section = algorithms
	[algorithms]
	default_properties = ?provider=tpm2,tpm2.digest!=yes,tpm2.cipher!=yes
	[providers]
	default = on
	tpm2 = on
	[on]
	activate = 1
END

connect()
{
	openssl s_client -connect 127.0.0.1:4433 -CAfile server.crt -verify_return_error \
		</dev/null >client.log 2>&1
}

# commands CONFIGURATION KEY: of so many handshakes; the first is not counted
commands()
{
	local server i n
	OPENSSL_CONF=$1 TPM2OPENSSL_TCTI=device:/dev/tpmrm0 openssl s_server -accept 4433 -www \
		-cert server.crt -key "$2" -no_ticket >server.log 2>&1 &
	server=$!
	for i in {1..100}; do
		connect && break
		sleep 0.1
	done
	[ "$i" -lt 100 ] || { cat server.log client.log >&2; exit 1; }
	ask clear >/dev/null
	for ((i = 0; i < handshakes; i++)); do
		connect || { cat server.log client.log >&2; exit 1; }
	done
	n=$(ask count)
	kill $server
	wait $server || true
	awk "BEGIN { print $n / $handshakes }"
}

# A key that stays loaded however slow the machine is.
echo 60000 >/sys/module/iotkey/parameters/linger
keyctl add iot bench "new ecdsa-p256 parent=0x81000001 mkparent" @u >/dev/null
iotkeyctl pem bench iotkey.pem
keyctl pipe "$(keyctl search @u iot bench)" >tpm2.pem
OPENSSL_CONF=/etc/iotkey/openssl.cnf openssl req -x509 -key iotkey.pem -subj /CN=bench -days 3 \
	-out server.crt
ours=$(commands /etc/iotkey/openssl.cnf iotkey.pem)
theirs=$(commands tpm2.cnf tpm2.pem)
printf 'row\ttls/tpm-commands-per-handshake\tcommands\t%s\ttpm2-openssl\t%s\ndone\n' "$ours" "$theirs"
