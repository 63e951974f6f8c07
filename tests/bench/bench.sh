#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# `make bench`: measures iotkey beside its alternatives; all that is needed has been built.
# Usage: tests/bench/bench.sh [--check] KERNEL [GROUP...]
#
# A VM counts instructions (see bench.h).  The rows go to $OUT.json and $OUT.svg (build/bench),
# a table to the terminal, or KTAP with --check.  RUNS=2 does it all twice and says how far
# the two lie apart.
set -eu

top=$(cd "$(dirname "$0")/../.." && pwd)
check=''
[ "$1" != --check ] || { check=$1; shift; }
version=$1
shift
groups=${*:-aead keys scale time}
out=${OUT:-$top/build/bench}
work=$top/build/bench
initramfs=$work/initramfs.cpio

# Without erms the kernel moves 8 bytes by each repetition of a string instruction, not one.
run() # NAME: its rows
{
	local rows=$top/build/logs/$1/result.log
	"$top/tests/vm/run.sh" --kernel "$version" --initramfs "$initramfs" --name "$1" \
		--virtual-time --cpu max,-cx16,-erms --mem 4096 --timeout "${VM_TIMEOUT:-1500}" --quiet \
		--job "modprobe iotkey && exec /usr/lib/iotkey/tests/bench $groups" >&2 || true
	if ! grep -q '^done' "$rows"; then
		tail -n 20 "$rows" >&2
		echo "bench.sh: the bench did not end (build/logs/$1)" >&2
		return 1
	fi
	cp "$rows" "$work/$1.rows"
}

mkdir -p "$work"
"$top/tests/vm/initramfs.sh" "$version" "$initramfs" \
	--module "$top/build/kmod/$version/iotkey.ko" "$top/build/tests/bench/bench"
rows=()
for n in $(seq "${RUNS:-1}"); do
	run "bench-$n"
	rows+=("$work/bench-$n.rows")
done
exec python3 "$top/tests/bench/report.py" $check "$out" "${rows[@]}"
