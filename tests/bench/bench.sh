#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# `make bench`: measures iotkey beside its alternatives; all that is needed has been built.
# Usage: tests/bench/bench.sh [--check] KERNEL [GROUP...]
#
# Groups: those of bench.c, sizes (sizes.sh), and fleet (fleet.sh), which runs on this host and
# needs no KERNEL.  A VM counts instructions (see bench.h); that of the group tpm counts
# commands on the bus, on $TPM_KERNEL (6.12-debug), for Debian's kernels have no trusted keys; that
# of the group tls (tls.sh) does so with OpenSSL.
#
# The rows go to $OUT.json and $OUT.svg (build/bench), a table to the terminal, or KTAP with
# --check.  RUNS=2 does it all twice and says how far the two lie apart.
set -eu

top=$(cd "$(dirname "$0")/../.." && pwd)
check=()
[ "$1" != --check ] || { check=(--check); shift; }
version=$1
shift
[ $# -gt 0 ] || set -- tools aead bulk keys time scale tpm tls sizes fleet
out=${OUT:-$top/build/bench}
work=$top/build/bench
tpm_kernel=${TPM_KERNEL:-6.12-debug}

programs=()

vm() # NAME KERNEL JOB OPTION...: the rows that it prints, which may use $programs
{
	local name=$1 kernel=$2 job=$3 rows=$top/build/logs/$1/result.log
	shift 3
	"$top/tests/vm/initramfs.sh" "$kernel" "$work/$name.cpio" \
		--module "$top/build/kmod/$kernel/iotkey.ko" \
		"$top/build/tests/bench/bench" "$top/build/tools/bin/iotkeyctl:/usr/bin/iotkeyctl" \
		"${programs[@]}"
	"$top/tests/vm/run.sh" --kernel "$kernel" --initramfs "$work/$name.cpio" --name "$name" \
		--mem 4096 --timeout "${VM_TIMEOUT:-3000}" --guest-timeout 1000000 --quiet "$@" \
		--job "modprobe iotkey && exec /usr/lib/iotkey/tests/$job" >&2 || true
	if ! grep -q '^done' "$rows"; then
		tail -n 20 "$rows" >&2
		echo "bench.sh: the bench did not end (build/logs/$name)" >&2
		return 1
	fi
	grep '^row' "$rows"
}

# Without erms the kernel moves 8 bytes by each repetition of a string instruction, not one.
run() # NUMBER GROUP...: all rows
{
	local n=$1 group counting=''
	shift
	for group; do
		case $group in
		tpm | tls | sizes | fleet) ;;
		*) counting="$counting $group" ;;
		esac
	done
	[ -z "$counting" ] ||
		vm "bench-$n" "$version" "bench $counting" --virtual-time --cpu max,-cx16,-erms
	for group; do
		case $group in
		tpm) rm -rf "$work/tpm"
			vm "bench-tpm-$n" "$tpm_kernel" "bench tpm" --bus --tpm "$work/tpm" ;;
		tls) rm -rf "$work/tpm"
			mapfile -t programs < <("$top/tests/vm/consumers.sh")
			programs+=("$top/tests/bench/tls.sh")
			vm "bench-tls-$n" "$version" tls.sh --bus --tpm "$work/tpm" ;;
		sizes) "$top/tests/bench/sizes.sh" "$version" ;;
		fleet) "$top/tests/bench/fleet.sh" ;;
		esac
	done
}

mkdir -p "$work"
rows=()
for n in $(seq "${RUNS:-1}"); do
	run "$n" "$@" >"$work/$n.rows"
	rows+=("$work/$n.rows")
done
exec python3 "$top/tests/bench/report.py" "${check[@]}" "$out" "${rows[@]}"
