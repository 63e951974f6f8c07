#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Enrolments of played devices by a registrar of one worker: beside libest's estserver with the same
# certificate profile and the same clients, and beside what OpenSSL takes for the handshake
# and the signatures alone.  Prints rows (see bench.sh).
#
# SAMPLE=1: only whether it works.
set -eu

exec 3>&1 >&2
# shellcheck source=tests/fleet/lib.sh
. "$(dirname "$0")/../../fleet/lib.sh"
# shellcheck source=tests/fleet/libest.sh
. "$top/tests/fleet/libest.sh"
# shellcheck source=tests/bench/fleet/rows.sh
. "$top/tests/bench/fleet/rows.sh"
ktap_done=true
trap 'kill "$est_pid" 2>/dev/null; registrar_stop; rm -rf "$tmp"' EXIT
est_pid=

rounds=5 devices=1000 est_devices=100 seconds=1 handshakes=1000
[ -z "${SAMPLE:-}" ] || { rounds=1 devices=20 est_devices=10 handshakes=20; }

load() # OPTION... : a line of JSON
{
	"$out/tests/bench/load" "$@"
}

# What lets devices in, whose hashes of EKs come in line by line
cat >"$tmp/tokens.py" <<-'PYTHON'
	import hashlib, sqlite3, sys, time
	now, secret = int(time.time()), hashlib.sha256(b"secret").digest()
	rows = [(bytes.fromhex(line[:32]), secret, now, now + 3600, b"\0" * 32) for line in sys.stdin]
	db = sqlite3.connect(sys.argv[1], timeout=10)
	db.executemany("INSERT INTO token VALUES (?,?,'',1,?,?,0,?)", rows)
	db.commit()
PYTHON
tokens="python3 $tmp/tokens.py $dir/store.db"
import="cat >$tmp/eks && $out/tools/bin/iotkeyctl fleet import $tmp/eks --batch bench >/dev/null"

# The registrar's profile, as "openssl ca" and so estserver takes it
est_start()
{
	local est=$tmp/est
	mkdir "$est"
	cat >"$est/ca.cnf" <<-END
	[ca]
	default_ca = fleet
	[fleet]
	database = $est/index
	serial = $est/serial
	new_certs_dir = $est
	certificate = $dir/ca.crt
	private_key = $dir/ca.key
	default_days = 365
	default_md = sha256
	policy = any
	x509_extensions = device
	[any]
	commonName = supplied
	serialNumber = optional
	[device]
	basicConstraints = critical,CA:FALSE
	keyUsage = critical,digitalSignature
	extendedKeyUsage = clientAuth
	subjectKeyIdentifier = hash
	authorityKeyIdentifier = keyid:always
	END
	cat "$dir/server.crt" "$dir/ca.crt" >"$est/server.crt"
	est_port=$(free_port)
	est_empty
	(
		export EST_OPENSSL_CACONFIG=$est/ca.cnf EST_CACERTS_RESP=$dir/ca.crt EST_TRUSTED_CERTS=$dir/ca.crt
		libest estserver -c "$est/server.crt" -k "$dir/server.key" -r bench -p "$est_port"
	) >"$est/log" 2>&1 &
	est_pid=$!
	for _ in $(seq 50); do
		curl -sf --cacert "$ca" "https://localhost:$est_port/.well-known/est/cacerts" >/dev/null && return
		sleep 0.1
	done
	cat "$est/log"
	return 1
}

# It reads and writes its list of certificates for each: a short one is its best
est_empty()
{
	: >"$tmp/est/index"
	echo 1000 >"$tmp/est/serial"
}

libest_fetch
registrar_init
configure "workers = 1"
registrar_start
worker=$(pgrep -P "$pid")
est_start
export IOTKEY_REGISTRAR=$url IOTKEY_FLEET_DIR=$dir

for _ in $(seq "$rounds"); do
	load -t secret -x "$tokens" -p "$worker" localhost "$port" "$ca" est "$devices" 32 >>"$tmp/ours"
	est_empty
	load -u estuser:estpwd -p "$est_pid" localhost "$est_port" "$ca" est "$est_devices" 8 >>"$tmp/theirs"
	load -x "$import" -p "$worker" localhost "$port" "$ca" enrol "$devices" 32 >>"$tmp/tpm"
	"$out/tests/bench/ceiling" "$dir/server.crt" "$dir/server.key" "$ca" "$handshakes" >>"$tmp/handshake"
	openssl speed -seconds "$seconds" ecdsap256 2>/dev/null | tail -n 1 |
		awk '{ print 1e6 / $(NF - 1), 1e6 / $NF }' >>"$tmp/signatures"
	openssl speed -seconds "$seconds" ecdhp256 2>/dev/null | tail -n 1 | awk '{ print 1e6 / $NF }' >>"$tmp/ecdh"
done

# values FIELD FILE: of lines of JSON
values()
{
	sed "s/.*\"$1\": \([0-9.]*\).*/\1/" "$2"
}
wall()
{
	values per_second "$1" | awk '{ print 1e6 / $1 }' | median
}
handshake=$(median <"$tmp/handshake")
sign=$(cut -d' ' -f1 "$tmp/signatures" | median)
verify=$(cut -d' ' -f2 "$tmp/signatures" | median)
ecdh=$(median <"$tmp/ecdh")
note "a handshake $handshake us, a signature $sign us, its check $verify us, ECDH $ecdh us"

row enrol/est us "$(wall "$tmp/ours")" estserver "$(wall "$tmp/theirs")"
row enrol/est-cpu us "$(values cpu_us "$tmp/ours" | median)" estserver "$(values cpu_us "$tmp/theirs" | median)"
row enrol/est-ceiling us "$(values cpu_us "$tmp/ours" | median)" "handshake, 1 check, 1 signature" \
	"$(sum "$handshake" "$verify" "$sign")"
row enrol/tpm-ceiling us "$(values cpu_us "$tmp/tpm" | median)" "handshake, 2 checks, 1 signature" \
	"$(sum "$handshake" "$verify" "$verify" "$sign")"
# ECDH with a fresh key: two multiplications, the easier of which costs a signature at most
row enrol/tpm-from-join us "$(values cpu_all_us "$tmp/tpm" | median)" "3 handshakes, ECDH, 2 checks, 1 signature" \
	"$(sum "$handshake" "$handshake" "$handshake" "$ecdh" "$sign" "$verify" "$verify" "$sign")"
