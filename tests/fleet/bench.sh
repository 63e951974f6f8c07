#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The fleet's benches work: a sample of each, and all rows are there, whatever they say on
# a host that does other things.  Prints KTAP.
set -u
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
# shellcheck source=tests/kselftest/lib.sh
. "$top/tests/kselftest/lib.sh"
export LD_LIBRARY_PATH=${O:-$top/build}/lib
work=$(mktemp -d)
trap 'rm -rf "$work"; ktap_exit' EXIT

# part NAME ROW...
part()
{
	local name=$1 row code
	shift
	code=0
	SAMPLE=1 "$top/tests/bench/fleet.sh" "$name" >"$work/said" 2>"$work/log" || code=$?
	is "$name" 0 $code
	[ $code = 0 ] || note "$(cat "$work/log")"
	for row; do
		like "$name: $row" "^row	fleet/$name/$row	[a-zA-Z]+	[0-9.e+]+	[^	]+	[0-9.e+]+\$" "$(cat "$work/said")"
	done
}

part enrol est est-cpu est-ceiling tpm-ceiling tpm-from-join
part appraise 17-events-3-files 117-events 117-events-1003-files
part statement 200-devices memory-of-a-connection bytes-of-10000-devices
part store sqlite/10000-devices sqlite/bytes-of-a-device postgresql/10000-devices postgresql/bytes-of-a-device
done_testing
