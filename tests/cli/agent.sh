#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What iotkeyd says of its command line and configuration.  Needs no module.  Prints KTAP.
set -u

top=$(cd "$(dirname "$0")/../.." && pwd)
out=${O:-$top/build}
iotkeyd=$out/tools/sbin/iotkeyd
export LD_LIBRARY_PATH=$out/lib LC_ALL=C
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
count=0 failed=0
hash=$(printf %064d 0)

# check NAME STATUS OUTPUT CONFIGURATION [OPTION...]
check()
{
	local got status=0
	count=$((count + 1))
	printf '%b' "$4" >"$work/conf"
	[ $# -gt 4 ] || set -- "$@" --check
	got=$("$iotkeyd" --config "$work/conf" "${@:5}" 2>&1) || status=$?
	got=${got//$work\//}
	got=${got//${iotkeyd%iotkeyd}/}
	if [ "$status: $got" = "$2: $3" ]; then
		echo "ok $count $1"
	else
		failed=1
		echo "not ok $count $1"
		printf '# %s\n' "expected $2: $3" "     got $status: $got"
	fi
}

check "nothing said" 0 "" ""
check "all said" 0 "" '# a comment\n\n state=/var/lib/x # where\ngroup = root\ncheckpoint = 1d'
check "no value" 2 "iotkeyd: conf:2: 'state': it must be 'name = value'" '\nstate\n'
check "unknown" 2 "iotkeyd: conf:1: 'colour': there is no such setting" 'colour = red'
check "twice" 2 "iotkeyd: conf:2: 'group': it was set before" 'group = root\ngroup = root'
check "each mistake is told" 2 \
	"iotkeyd: conf:1: state = 'here': it must be the absolute path of a directory
iotkeyd: conf:2: group = 'no such': it must be the name of a group that exists
iotkeyd: conf:3: checkpoint = '59s': it must be a duration from 60s to 7d" \
	'state = here\ngroup = no such\ncheckpoint = 59s'
check "a path that is too long" 2 \
	"iotkeyd: conf:1: state = '/$(printf '%04000d' 0)': it must be the absolute path of a directory" \
	"state = /$(printf '%04000d' 0)"
check "no text" 2 "iotkeyd: conf: it holds a zero byte" 'group = root\n\0x'
check "a fleet's device" 0 "" \
	"registrar = https://r.example:8443\nca = sha256:$hash\nnet-user = nobody\nattest = 1h\nname = a b"
check "its user is made by who installs it" 2 \
	"iotkeyd: conf: net-user = 'iotkey-nobody': there is no such user: make one (adduser --system --group)" \
	'registrar = https://r\ntrust-on-first-use = yes\nnet-user = iotkey-nobody'
check "the net is not root's" 2 "iotkeyd: conf: net-user = 'root': it must not be root" \
	'registrar = https://r\nca = /ca.pem\nnet-user = root'
check "nobody to believe" 2 "iotkeyd: conf: 'registrar' needs 'ca', or 'trust-on-first-use = yes'" \
	'registrar = https://r\nnet-user = nobody'
check "each mistake about a fleet is told" 2 \
	"iotkeyd: conf:1: registrar = 'http://r': it must be https://HOST or https://HOST:PORT
iotkeyd: conf:2: ca = 'sha256:00': it must be sha256: and 64 hex digits
iotkeyd: conf:3: trust-on-first-use = 'maybe': it must be yes or no
iotkeyd: conf:4: parent = '0x80000001': it must be a persistent handle, 0x81000000 to 0x81ffffff
iotkeyd: conf:5: pcrs = '0,1': it must be like sha256:0,1,7, several with a + in between
iotkeyd: conf:6: attest = '1s': it must be a duration from 60s to 30d
iotkeyd: conf:7: token-file = 'token': it must be an absolute path" \
	'registrar = http://r\nca = sha256:00\ntrust-on-first-use = maybe\nparent = 0x80000001\npcrs = 0,1\nattest = 1s\ntoken-file = token'
check "a file that is not there" 1 "iotkeyd: cannot read '/nowhere': No such file or directory" '' \
	--config /nowhere --check
check "no such option" 2 "iotkeyd: unrecognized option '--wish'
usage: iotkeyd [--config FILE] [--check]
       iotkeyd [--config FILE] status [--json]
       iotkeyd --help | --version" '' --wish
check "status before any agent" 1 \
	"iotkeyd: '/nowhere/status' is not there: no agent has run since the boot" 'run = /nowhere' status
check "status and something" 2 "usage: iotkeyd [--config FILE] [--check]
       iotkeyd [--config FILE] status [--json]
       iotkeyd --help | --version" '' status x
echo "1..$count"
exit $failed
