#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# How much of the code behind each fuzz target its corpus reaches, as kept and as found
# so far.  Usage: tests/fuzz/coverage.sh [--missed] [TARGET...]
#
# What a target is there to cover, its head says ("covers: kmod/blob.c"); --missed shows
# the lines that were not reached.
set -eu

top=$(cd "$(dirname "$0")/../.." && pwd)
out=$top/build/tests/fuzz-coverage
missed=false
if [ "${1:-}" = --missed ]; then
	missed=true
	shift
fi
cd "$top"
if [ $# = 0 ]; then
	set -- tests/fuzz/fuzz_*.c
	set -- "${@##*/}"
	set -- "${@%.c}"
fi
# Debian names them after their version.
llvm_cov=$(command -v llvm-cov llvm-cov-{11..30} | head -n 1)
llvm_profdata=$(command -v llvm-profdata llvm-profdata-{11..30} | head -n 1)

make -s -C tests fuzz COVERAGE=1
for target in "$@"; do
	dirs=()
	for dir in "tests/fuzz/corpus/$target" "build/tests/corpus/$target"; do
		[ ! -d "$dir" ] || dirs+=("$dir")
	done
	sources=$(sed -n 's/^[/ *]*covers: *//p' "tests/fuzz/$target.c")
	LLVM_PROFILE_FILE=$out/$target.raw "$out/$target" -runs=0 "${dirs[@]}" 2>/dev/null
	"$llvm_profdata" merge -o "$out/$target.prof" "$out/$target.raw"
	# shellcheck disable=SC2086 # a list
	"$llvm_cov" report -instr-profile="$out/$target.prof" "$out/$target" $sources |
		awk -v t="$target" 'NF == 13 && $1 != "TOTAL" {
			sub(".*/", "", $1)
			printf "%-16s %-12s lines %s, branches %s\n", t, $1, $10, $13 }'
	if $missed; then
		# shellcheck disable=SC2086
		"$llvm_cov" show -instr-profile="$out/$target.prof" "$out/$target" $sources |
			grep -E '^ *[0-9]+\| *0\||\.c:$' || true
	fi
done
