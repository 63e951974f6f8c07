#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# vm: consumers
# kernel: not debug
# timeout: 1500
#
# Unmodified nginx, curl and mosquitto with keys in the TPM, by configuration alone: mutual
# TLS 1.3, a rotation of certificates under load, many clients at once, a key that dies.
# HAMMER=SECONDS: how long the many clients hammer (10; with IOTKEY_LONG 600).
# shellcheck source=tests/kselftest/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/kselftest/common/iot.sh
. "$(dirname "$0")/common/iot.sh"

seconds=${HAMMER:-10}
[ -z "${IOTKEY_LONG:-}" ] || seconds=600
clients=32
chmod 755 "$tmp"
cd "$tmp" || exit 1
export TPM2TOOLS_TCTI=device:/dev/tpm0

# What a program needs to know of us.
ours() { OPENSSL_CONF=/etc/iotkey/openssl.cnf "$@"; }

stat_of() { iotkeyctl --json stats | sed -n "s/.*\"$1\": *\([0-9]*\).*/\1/p"; }

# identity NAME KEY: a key in the TPM, its PEM and a certificate, as NAME.pem and NAME.crt
identity()
{
	keyctl add iot "$2" "new ecdsa-p256 parent=0x81000001 mkparent" @u >/dev/null &&
		iotkeyctl pem "$2" "$1.pem.new" &&
		ours openssl req -new -key "$1.pem.new" -subj "/CN=$2" -out csr &&
		openssl x509 -req -in csr -CA ca.crt -CAkey ca.key -days 30 -extfile $1.ext \
			-out "$1.crt.new" &&
		mv "$1.pem.new" "$1.pem" && mv "$1.crt.new" "$1.crt"
}

setup()
{
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key \
		-out ca.crt -days 30 -subj /CN=ca 2>/dev/null
	echo 'subjectAltName=DNS:localhost,IP:127.0.0.1' >server.ext
	echo 'subjectAltName=DNS:device' >device.ext
	ok "a server's key in the TPM" identity server web-1
	ok "a device's key in the TPM" identity device device
	mkdir -p www /var/log/nginx /var/lib/nginx /run/mosquitto
	echo "hello from nginx" >www/index.html
	cat >nginx.conf <<-END
		user nobody nogroup;
		worker_processes 2;
		pid $tmp/nginx.pid;
		error_log $tmp/nginx.log info;
		events { worker_connections 256; }
		http {
			access_log off;
			ssl_session_cache off;
			ssl_session_tickets off;
			ssl_protocols TLSv1.2 TLSv1.3;
			ssl_certificate $tmp/server.crt;
			ssl_certificate_key $tmp/server.pem;
			ssl_client_certificate $tmp/ca.crt;
			root $tmp/www;
			server { listen 127.0.0.1:8443 ssl; ssl_verify_client on; }
			server { listen 127.0.0.1:9443 ssl; }
			server { listen 127.0.0.1:8080; }
		}
	END
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
	sleep 2
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
	n=$(openssl s_time -connect 127.0.0.1:9443 -new -time 4 -CAfile ca.crt 2>&1 |
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

test_rotation()
{
	local i pids=()
	for i in 1 2 3; do
		touch load.$i
		client load.$i &
		pids+=($!)
	done
	for i in 2 3; do
		sleep 2
		ok "a new key and certificate: web-$i" identity server web-$i
		ours nginx -c "$tmp/nginx.conf" -s reload
		for _ in {1..40}; do
			served | grep -q "web-$i" && break
			sleep 0.5
		done
		like "nginx serves it" "web-$i" "$(served)"
	done
	sleep 2
	rm -f load.[123]
	wait "${pids[@]}"
	note "handshakes meanwhile: $(cat load.*.n | tr '\n' ' ')"
	is "none failed" "" "$(cat load.*.failed 2>/dev/null)"
}

# Both sides sign: two keys take turns in the one slot that we keep.
test_hammer()
{
	local i before n pids=()
	before=$(stat_of tpm_errors)
	for ((i = 0; i < clients; i++)); do
		ours timeout $((seconds + 120)) openssl s_time -connect 127.0.0.1:8443 -new \
			-time "$seconds" -CAfile ca.crt -verify 3 -cert device.crt -key device.pem \
			>"hammer.$i" 2>&1 &
		pids+=($!)
	done
	wait "${pids[@]}"
	n=$(cat hammer.* | sed -n 's/^\([0-9]*\) connections in.*real.*/\1/p' |
		awk '{ n += $1 } END { print n + 0 }')
	note "$clients clients, $seconds s: $n mutual handshakes"
	is "$clients clients: each got through" $clients "$(grep -l 'connections in.*real' hammer.* | wc -l)"
	is "no error of theirs" "" "$(grep -hi 'error' hammer.* | sort | uniq -c | head)"
	is "none of nginx" "" "$(grep -E 'crit|alert|emerg|iotkey' nginx.log | grep -v 'SSL_shutdown' | head)"
	is "none of the TPM" "$before" "$(stat_of tpm_errors)"
	sleep 1
	is "no object is left in the TPM" "" "$(tpm2_getcap handles-transient)"
	is "no session" "" "$(tpm2_getcap handles-loaded-session)"
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
	ours nginx -c "$tmp/nginx.conf" -s reload
	for _ in {1..40}; do
		served | grep -q web-4 && break
		sleep 0.5
	done
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
test_hammer
test_revoked
finish
