# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154,SC2120
#
# For tests of iotkeyd-net: a registrar, and keepers (tests/host/keeper.c), each with its own device.
# Their files are in $run, where iotkeyd-net may read: its sandbox leaves it little else.

# shellcheck source=tests/fleet/lib.sh
. "$here/lib.sh"
run=$(mktemp -d "${XDG_RUNTIME_DIR:-/run}/iotkey.XXXXXX")
chmod 755 "$run"
declare -A keepers=()
trap 'finish_all; registrar_stop; rm -rf "$tmp" "$run"; ktap_exit' EXIT
net=${NET:-$out/tools/libexec/iotkey/iotkeyd-net}
iotkeyctl=$out/tools/bin/iotkeyctl

# registrar_up [LINE...]: one that gives the root "data" to whoever shows an EK that is expected
registrar_up()
{
	local pcr
	for pcr in 0 1 2 3 4 5 6 7 8 9; do echo "pcr sha256:$pcr any"; done >"$tmp/any.reference"
	begin -- "roots = data" "references = $tmp/any.reference" "$@"
	export IOTKEY_REGISTRAR=$url IOTKEY_FLEET_DIR=$dir
	fingerprint=sha256:$(openssl x509 -in "$ca" -outform DER | sha256sum | cut -d' ' -f1)
	expect="cat >$tmp/eks && $iotkeyctl fleet import $tmp/eks --batch test >/dev/null"
}

# keeper NAME OPTION...: its log is $run/NAME.log, what iotkeyd-net says $run/NAME.err
keeper()
{
	local name=$1
	shift
	mkdir "$run/$name"
	"$out/tests/host/keeper" "$@" "$net" "$url" "$run/$name" >"$run/$name.log" 2>"$run/$name.err" &
	keepers[$name]=$!
}

# finish NAME: the keeper ends, and with it iotkeyd-net
finish()
{
	kill "${keepers[$1]}" 2>/dev/null
	wait "${keepers[$1]}" 2>/dev/null
	unset "keepers[$1]"
}

finish_all()
{
	local name
	for name in "${!keepers[@]}"; do finish "$name"; done
}

# until_line NAME PATTERN [SECONDS]: a line of the keeper's log
until_line()
{
	local i
	for ((i = 0; i < ${3:-20} * 20; i++)); do
		grep -Eq -- "$2" "$run/$1.log" 2>/dev/null && return
		sleep 0.05
	done
	note "$1: no '$2'" "$(tail -n 20 "$run/$1.log" "$run/$1.err")"
	return 1
}

# report NAME FIELD: of the last report; nothing when there is none
report()
{
	[ -e "$run/$1/report" ] || return 0
	python3 - "$run/$1/report" "$2" <<-'PYTHON'
	import json, sys
	value = json.load(open(sys.argv[1]))
	for name in sys.argv[2].split("."):
	    value = value.get(name, "") if isinstance(value, dict) else ""
	print(json.dumps(value) if isinstance(value, (dict, list)) else value)
	PYTHON
}

# until_report NAME FIELD VALUE [SECONDS]
until_report()
{
	local i
	for ((i = 0; i < ${4:-20} * 10; i++)); do
		[ "$(report "$1" "$2")" = "$3" ] && return
		sleep 0.1
	done
	note "$1: $2 is '$(report "$1" "$2")', not '$3'" "$(tail -n 20 "$run/$1.log" "$run/$1.err")"
	return 1
}

# requests NAME [FROM]: of the thread that works, from that line of the log on; not those by which it
# hears how things stand, and tells it
requests()
{
	tail -n "+${2:-1}" "$run/$1.log" | grep -v '^ \|^HELLO\|^REPORT\|^statements:\|^ended' | tr '\n' ' ' |
		sed 's/ $//'
}

# here NAME: where its log ends
here() { echo $(($(wc -l <"$run/$1.log") + 1)); }

# until_requests NAME FROM PATTERN [SECONDS]: requests there match (the whole of it)
until_requests()
{
	local i
	for ((i = 0; i < ${4:-20} * 20; i++)); do
		requests "$1" "$2" | grep -Eqx -- "$3" && return
		sleep 0.05
	done
	note "$1: '$(requests "$1" "$2")', not '$3'" "$(tail -n 20 "$run/$1.err")"
	return 1
}

# member NAME OPTION...: a keeper that has the fingerprint, and waits until its device has roots
member()
{
	keeper "$1" -f "$fingerprint" -x "$expect" "${@:2}"
	until_line "$1" '^ROOT' && until_report "$1" state member
}

# aged NAME DAYS-SINCE DAYS-LEFT: its certificate is of those days, as if time had gone by
aged()
{
	python3 - "$dir" "$run/$1" "$2" "$3" <<-'PYTHON'
	import datetime, secrets, sqlite3, sys
	from cryptography import x509
	from cryptography.hazmat.primitives import hashes, serialization
	fleet, device, since, left = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
	old = x509.load_pem_x509_certificate(open(device + "/current", "rb").read())
	ca = x509.load_pem_x509_certificate(open(fleet + "/ca.crt", "rb").read())
	key = serialization.load_pem_private_key(open(fleet + "/ca.key", "rb").read(), None)
	now = datetime.datetime.utcnow()
	serial = 1 << 158 | secrets.randbits(150)
	new = x509.CertificateBuilder(ca.subject, old.subject, old.public_key(), serial,
	    now - datetime.timedelta(days=since), now + datetime.timedelta(days=left))
	for extension in old.extensions:
	    new = new.add_extension(extension.value, extension.critical)
	new = new.sign(key, hashes.SHA256())
	open(device + "/certificate", "wb").write(new.public_bytes(serialization.Encoding.PEM))
	db = sqlite3.connect(fleet + "/store.db", timeout=10)
	db.execute("INSERT INTO certificate (device, serial, issued, not_after, spki, revoked, reason) "
	           "VALUES (?,?,?,?,?,0,0)",
	           (bytes.fromhex(open(device + "/id").read()), serial.to_bytes(20, "big"), 0,
	            int(now.timestamp()) + left * 86400, b"\0" * 32))
	db.commit()
	PYTHON
	kill -USR1 "${keepers[$1]}"
}

serial() { openssl x509 -in "$1" -noout -serial; }

# cpu NAME: ticks that iotkeyd-net has used
cpu() { awk '{ print $14 + $15 }' "/proc/$(cat "$run/$1/pid")/stat"; }
