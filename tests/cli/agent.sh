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

# check NAME STATUS OUTPUT CONFIGURATION [OPTION...]
check()
{
	local got status=0
	count=$((count + 1))
	printf '%b' "$4" >"$work/conf"
	got=$("$iotkeyd" --config "$work/conf" --check "${@:5}" 2>&1) || status=$?
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
check "a file that is not there" 1 "iotkeyd: cannot read '/nowhere': No such file or directory" '' \
	--config /nowhere
check "no such option" 2 "iotkeyd: unrecognized option '--wish'
usage: iotkeyd [--config FILE] [--check]
       iotkeyd --help | --version" '' --wish
echo "1..$count"
exit $failed
