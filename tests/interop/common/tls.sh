# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154 # who sources it has $tmp
#
# What the suites with TLS servers share, on top of iot.sh: a CA, keys in the TPM with their
# certificates, nginx, many clients.  Files lie in $tmp, which is the current directory.

# What a program needs to know of us.
ours() { OPENSSL_CONF=/etc/iotkey/openssl.cnf "$@"; }

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

tls_setup()
{
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key \
		-out ca.crt -days 30 -subj /CN=ca 2>/dev/null
	echo 'subjectAltName=DNS:localhost,IP:127.0.0.1' >server.ext
	echo 'subjectAltName=DNS:device' >device.ext
	ok "a server's key in the TPM" identity server web-1
	ok "a device's key in the TPM" identity device device
	mkdir -p www /var/log/nginx /var/lib/nginx
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
}

# Both sides sign: two keys take turns in the one slot that we keep.
hammer() # SECONDS
{
	local seconds=$1 clients=32 i before n pids=()
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
