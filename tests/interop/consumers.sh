#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# vm: consumers
# kernel: not debug
# timeout: 1500
#
# Unmodified nginx, curl, mosquitto and libcoap with keys in the TPM, by configuration alone: mutual
# TLS 1.3, a rotation of certificates under load, many clients at once, a key that dies.
# HAMMER=SECONDS: how long the many clients hammer (4); hammer.sh is the long one.
# shellcheck source=tests/kselftest/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/kselftest/common/iot.sh
. "$(dirname "$0")/common/iot.sh"
# shellcheck source=tests/interop/common/tls.sh
. "$(dirname "$0")/common/tls.sh"

chmod 755 "$tmp"
cd "$tmp" || exit 1
export TPM2TOOLS_TCTI=device:/dev/tpm0

setup()
{
	tls_setup
	mkdir -p /run/mosquitto
	cat >mosquitto.conf <<-END
		user root
		listener 8883 127.0.0.1
		cafile $tmp/ca.crt
		certfile $tmp/server.crt
		keyfile $tmp/server.pem
		require_certificate true
		tls_version tlsv1.3
		allow_anonymous true
	END
}

fetch() # CURL'S OPTION...
{
	ours curl -sS --fail --max-time 60 --cacert ca.crt "$@"
}

mutual() { fetch --cert device.crt --key device.pem https://127.0.0.1:8443/ "$@"; }

test_nginx()
{
	local version
	ok "nginx starts" ours nginx -c "$tmp/nginx.conf"
	for version in 1.2 1.3; do
		is "curl and nginx, TLS $version" "hello from nginx" \
			"$(mutual --tlsv$version --tls-max $version 2>&1)"
	done
	like "nginx wants a certificate" "400" "$(fetch https://127.0.0.1:8443/ 2>&1)"
}

test_mosquitto()
{
	local broker sub options=(-h localhost -p 8883 --cafile ca.crt --cert device.crt
		--key device.pem --tls-version tlsv1.3 -t news)
	ours mosquitto -c "$tmp/mosquitto.conf" >mosquitto.log 2>&1 &
	broker=$!
	sleep 1
	ours timeout 60 mosquitto_sub "${options[@]}" -C 1 >news &
	sub=$!
	for _ in {1..20}; do
		ours timeout 60 mosquitto_pub "${options[@]}" -m 'it works' >pub.log 2>&1
		[ ! -s news ] || break
		sleep 0.5
	done
	wait $sub
	is "mosquitto, publisher, subscriber: TLS 1.3" "it works" "$(cat news)"
	[ "$(cat news)" = "it works" ] || note "$(cat mosquitto.log pub.log)"
	kill $broker
	wait $broker
}

coap_get()
{
	ours coap-client-openssl -B 30 -v 6 -c device.crt -j device.pem -C ca.crt coaps://localhost/ 2>&1
}

# DTLS.  The client exits with 0 whatever becomes of it: what it prints counts.
test_coap()
{
	local server before
	ours coap-server-openssl -A 127.0.0.1 -v 6 -c server.crt -j server.pem -C ca.crt >coap.log 2>&1 &
	server=$!
	sleep 1
	before=$(stat_of tpm_commands)
	like "coap-client and coap-server, DTLS" "^This is a test server made with libcoap" "$(coap_get)"
	like "the server knows the client" "CN 'device' presented by client" "$(cat coap.log)"
	ok "both asked the TPM" [ $(($(stat_of tpm_commands) - before)) -ge 2 ]
	kill $server
	wait $server
}

# What a handshake costs: the server alone has a key in the TPM.
test_count()
{
	local before after n
	ours timeout 60 openssl s_time -connect 127.0.0.1:9443 -new -time 1 >/dev/null 2>&1
	before=$(stat_of tpm_commands)
	n=$(openssl s_time -connect 127.0.0.1:9443 -new -time 2 -CAfile ca.crt 2>&1 |
		sed -n 's/^\([0-9]*\) connections in.*real.*/\1/p')
	after=$(stat_of tpm_commands)
	note "$n handshakes, $((after - before)) TPM commands"
	# one may have been under way; one may have loaded the key
	ok "a handshake costs one TPM command" \
		eval "[ ${n:-0} -gt 4 ] && [ $((after - before)) -ge ${n:-0} ] && [ $((after - before)) -le $((n + 3)) ]"
}

# until_gone FILE: clients that come one after the other; what fails is in FILE.failed
client()
{
	local n=0
	while [ -e "$1" ]; do
		mutual >"$1.out" 2>&1 || cat "$1.out" >>"$1.failed"
		n=$((n + 1))
	done
	echo $n >"$1.n"
}

served() { openssl s_client -connect 127.0.0.1:9443 </dev/null 2>/dev/null | openssl x509 -noout -subject; }

# reload NAME: nginx reads its files anew, and gives out the certificate of that name
reload()
{
	local subject i
	ours nginx -c "$tmp/nginx.conf" -s reload
	for i in {1..100}; do
		subject=$(served)
		[[ $subject != *"$1"* ]] || break
		sleep 0.1
	done
	like "nginx serves $1" "$1" "$subject"
}

test_rotation()
{
	local i pids=()
	for i in 1 2; do
		touch load.$i
		client load.$i &
		pids+=($!)
	done
	for i in 2 3; do
		sleep 1
		ok "a new key and certificate: web-$i" identity server web-$i
		reload web-$i
	done
	sleep 1
	rm -f load.[12]
	wait "${pids[@]}"
	note "handshakes meanwhile: $(cat load.*.n | tr '\n' ' ')"
	is "none failed" "" "$(cat load.*.failed 2>/dev/null)"
}

# The key of the server dies while clients come.
test_revoked()
{
	local out
	keyctl revoke "$(keyctl search @u iot web-3)"
	out=$(mutual 2>&1) && fail "a revoked key signs" "$out"
	like "curl is told" "alert|SSL" "$out"
	like "nginx says why" "iotkey::?.*the key or its root is revoked; make a new key" "$(cat nginx.log)"
	is "nginx goes on" "hello from nginx" "$(curl -sS --max-time 20 http://127.0.0.1:8080/ 2>&1)"
	ok "another key, and all is well" identity server web-4
	reload web-4
	is "curl and nginx again" "hello from nginx" "$(mutual 2>&1)"
	keyctl revoke "$(keyctl search @u iot device)"
	like "curl with a revoked key" "unable to set private key file|iotkey|revoked" "$(mutual 2>&1)"
	like "so is coap-client" "device.pem: Unable to configure Client Private Key" "$(coap_get)"
	ours nginx -c "$tmp/nginx.conf" -s quit
	for _ in {1..40}; do
		[ -e nginx.pid ] || break
		sleep 0.5
	done
	ok "nginx ends" eval '! [ -e nginx.pid ]'
}

setup
test_nginx
test_mosquitto
test_coap
test_count
test_rotation
hammer "${HAMMER:-4}"
test_revoked
finish
