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

# requests NAME: of the thread that works
requests()
{
	grep -v '^ \|^REPORT\|^statements:\|^ended' "$run/$1.log" | tr '\n' ' ' | sed 's/ $//'
}

# cpu NAME: ticks that iotkeyd-net has used
cpu() { cut -d' ' -f14,15 "/proc/$(cat "$run/$1/pid")/stat"; }
