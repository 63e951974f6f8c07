# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034
#
# For tests of the registrar on the host: KTAP, and a registrar in $dir on port $port.

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# shellcheck source=tests/kselftest/lib.sh
. "$top/tests/kselftest/lib.sh"
out=${O:-$top/build}
export LD_LIBRARY_PATH=$out/lib LC_ALL=C TZ=UTC
# ASan and UBSan: another build of it (check.sh makes one)
registrar=${REGISTRAR:-$out/tools/sbin/iotkey-registrar}
tmp=$(mktemp -d)
dir=$tmp/registrar
pid=
trap 'registrar_stop; rm -rf "$tmp"; ktap_exit' EXIT

free_port()
{
	python3 -c 'import socket
s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# registrar_init [OPTION...]: all that it needs, and a port
registrar_init()
{
	port=$(free_port)
	url=https://localhost:$port
	"$registrar" init "$dir" --name localhost --name 127.0.0.1 "$@" >"$tmp/init" 2>&1 ||
		{ cat "$tmp/init"; return 1; }
	sed -i "s/^listen = .*/listen = 127.0.0.1:$port/" "$dir/registrar.conf"
	ca=$dir/ca.crt
}

# configure LINE...: more lines, or others
configure()
{
	local line
	for line in "$@"; do
		sed -i "/^${line%% *} =/d" "$dir/registrar.conf"
		echo "$line" >>"$dir/registrar.conf"
	done
}

# registrar_start: and wait until it answers
registrar_start()
{
	"$registrar" run --config "$dir/registrar.conf" >>"$tmp/log" 2>&1 &
	pid=$!
	registrar_wait
}

registrar_wait()
{
	local i
	for ((i = 0; i < 100; i++)); do
		kill -0 "$pid" 2>/dev/null || break
		if curl -sf --cacert "$ca" "$url/.well-known/est/cacerts" >/dev/null; then
			return 0
		fi
		sleep 0.05
	done
	note "the registrar does not answer"
	note "$(cat "$tmp/log")"
	return 1
}

# registrar_reload: it reads its configuration anew
registrar_reload()
{
	local i before
	before=$(grep -c 'read anew' "$tmp/log")
	kill -HUP "$pid"
	for ((i = 0; i < 100; i++)); do
		[ "$(grep -c 'read anew' "$tmp/log")" -gt "$before" ] && break
		sleep 0.05
	done
	registrar_wait
}

# Without a registrar there is nothing to test
bail()
{
	echo "Bail out! no registrar"
	ktap_done=true
	exit 1
}

# begin [OPTION...] -- [LINE...]: make one with these options, configure it, start it; or give up
begin()
{
	local options=()
	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	shift
	if ! registrar_init "${options[@]}"; then
		bail
	fi
	configure "$@"
	registrar_start || bail
}

registrar_stop()
{
	[ -n "$pid" ] || return 0
	kill "$pid" 2>/dev/null
	wait "$pid" 2>/dev/null
	stopped=$?
	pid=
}

# token ID SECRET NAME SOFTWARE [EXPIRES]: as the store keeps one
token()
{
	python3 - "$dir/store.db" "$@" <<-'PYTHON'
	import hashlib, sqlite3, sys, time
	path, id, secret, name, software = sys.argv[1:6]
	expires = int(sys.argv[6]) if len(sys.argv) > 6 else int(time.time()) + 3600
	db = sqlite3.connect(path, timeout=10)
	db.execute("INSERT OR REPLACE INTO token VALUES (?,?,?,?,?,?,0,?)",
	           (bytes.fromhex(id), hashlib.sha256(secret.encode()).digest(), name,
	            int(software), int(time.time()), expires, b"\0" * 32))
	db.commit()
	PYTHON
}

# sql STATEMENT
sql()
{
	python3 - "$dir/store.db" "$1" <<-'PYTHON'
	import sqlite3, sys
	db = sqlite3.connect(sys.argv[1], timeout=10)
	print(*db.execute(sys.argv[2]).fetchall(), sep="\n")
	db.commit()
	PYTHON
}

# csr NAME SUBJECT [OPTION...]: NAME.key (unless it is there) and NAME.b64
csr()
{
	local name=$tmp/$1 subject=$2
	shift 2
	[ -e "$name.key" ] ||
		openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$name.key" 2>/dev/null
	openssl req -new -key "$name.key" -subj "$subject" -outform DER "$@" -out "$name.csr" &&
		openssl base64 -in "$name.csr" -out "$name.b64"
}

# est CALL [CURL OPTION...]: sets $status, the answer is in $tmp/answer, its head in $tmp/head
est()
{
	local call=$1
	shift
	: >"$tmp/answer"
	status=$(curl -s --max-time 10 --cacert "$ca" -D "$tmp/head" -o "$tmp/answer" -w '%{http_code}' \
		"$@" "$url/.well-known/est/$call")
}

# enrol CALL NAME [CURL OPTION...]: with NAME.b64; its certificate into NAME.crt
enrol()
{
	local call=$1 name=$tmp/$2
	shift 2
	est "$call" -H 'Content-Type: application/pkcs10' --data-binary "@$name.b64" "$@"
	[ "$status" = 200 ] || return 0
	openssl base64 -d -A -in "$tmp/answer" | openssl pkcs7 -inform DER -print_certs |
		sed -n '/BEGIN/,/END/p' >"$name.crt"
}

# refused NAME STATUS WORD: what the last answer was
refused()
{
	is "$1" "$2 $3" "$status $(sed -n 's/.*"error":"\([^"]*\)".*/\1/p' "$tmp/answer")"
}
