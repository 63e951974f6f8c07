#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Appraisals of evidence by one process: quote, event log, IMA log and reference, beside
# tpm2_checkquote, which checks the quote alone, and has a process and files of its own for
# that.  CPU time.  Prints rows (see bench.sh).
#
# SAMPLE=1: only whether it works.
set -eu

exec 3>&1
top=$(cd "$(dirname "$0")/../../.." && pwd)
out=${O:-$top/build}
# shellcheck source=tests/bench/fleet/rows.sh
. "$top/tests/bench/fleet/rows.sh"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

rounds=5 seconds=0.5 quotes=50
[ -z "${SAMPLE:-}" ] || { rounds=1 seconds=0.05 quotes=2; }

"$out/tests/bench/attest" make "$work"
nonce=$(od -An -v -tx1 "$work/nonce" | tr -d ' \n')

checkquotes() # microseconds of CPU of one
{
	local i TIMEFORMAT='%U %S'
	{ time for ((i = 0; i < quotes; i++)); do
		tpm2_checkquote -u "$work/ak.pem" -m "$work/quote.msg" -s "$work/quote.sig" \
			-f "$work/quote.pcrs" -g sha256 -q "$nonce" >/dev/null
	done; } 2>&1 | awk -v n="$quotes" '{ print ($1 + $2) * 1e6 / n }'
}

for _ in $(seq "$rounds"); do
	"$out/tests/bench/attest" speed "$seconds" >>"$work/speed"
	checkquotes >>"$work/checkquote"
done

of() # WHAT: microseconds of one
{
	sed -n "s|^$1  *\([0-9]*\) /s of CPU\$|\1|p" "$work/speed" | awk '{ print 1e6 / $1 }' | median
}

boot=$(of "quote, 17 events, 3 files, reference")
row appraise/17-events-3-files us "$boot" aim 200
row appraise/17-events-3-files-beside us "$boot" tpm2_checkquote "$(median <"$work/checkquote")"
row appraise/117-events us "$(of "quote, 117 events")" aim 200
row appraise/117-events-1003-files us "$(of "quote, 117 events, 1003 files, reference")" aim 200
