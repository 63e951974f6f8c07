#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Runs the tests of the VM on one kernel; all that is needed has been built.
# Usage: tests/vm/check.sh 6.1|6.12|6.12-debug [TEST...]     (names without their endings)
#
# tests/kselftest and tests/interop run inside, in one boot for those that say nothing,
# one each for those that say "vm: virtual-time", "vm: no-tpm", "vm: fuzz", "vm: ima" or
# "vm: consumers" (whose initramfs has the programs of consumers.sh as well), and
# one for each that says "vm: alone".  "vm: consumers-long" is the same in virtual time on a
# slow CPU, where IOTKEY_LONG is set or TESTS asks for it.  tests/fault/*.sh run on the
# host and boot VMs themselves: $RUN is the start of their command.  "vm: fleet" there: these
# VMs have what a device needs to talk to a registrar.
# With PACK_ONLY=1 only the initramfs is made.  KTAP goes to build/results/, the logs are in build/logs/.
set -eu

top=$(cd "$(dirname "$0")/../.." && pwd)
version=$1
shift
only=("$@")
results=$top/build/results
# The debug kernel is slow; this is the one place that says how much.  run.sh heeds it too.
case $version in
*-debug) debug=true; export IOTKEY_SLOW=4 ;;
*) debug=false; export IOTKEY_SLOW=1 ;;
esac
limit=${VM_TIMEOUT:-1500}
# What a test may want to know, inside and outside.
export IOTKEY_LONG=${IOTKEY_LONG:-} HOURS=${HOURS:-} SEED=${SEED:-}
export FUZZ_VM_SECONDS=${FUZZ_VM_SECONDS:-} HAMMER=${HAMMER:-}
passed_on="IOTKEY_LONG=$IOTKEY_LONG HOURS=$HOURS SEED=$SEED IOTKEY_SLOW=$IOTKEY_SLOW \
	FUZZ_VM_SECONDS=$FUZZ_VM_SECONDS HAMMER=$HAMMER"
initramfs=$top/build/initramfs-$version.cpio
tools=$top/build/tools/bin

wanted() # NAME
{
	local name
	[ ${#only[@]} -gt 0 ] || return 0
	for name in "${only[@]}"; do [ "$name" != "$1" ] || return 0; done
	return 1
}

# "kernel: debug" is for the debug kernel alone, "kernel: not debug" is too long for it;
# "kernel: 6.12" is for that one alone.
belongs_here() # SOURCE
{
	case $(head -n 20 "$1" | sed -n 's,^[/#* ]*kernel: *,,p') in
	debug*) $debug ;;
	6.*) [ "$(sed -n '1,20s,^[/#* ]*kernel: *,,p' "$1")" = "$version" ] ;;
	"not debug"*) ! $debug || [ -n "$IOTKEY_LONG" ] ;;
	esac
}

group_of() # SOURCE
{
	head -n 20 "$1" | sed -n 's,^[/#* ]*vm: *\([a-z-]*\).*,\1,p' | head -n 1
}

limit_of() # SOURCE: what a line "timeout: SECONDS" says
{
	local n
	n=$(head -n 20 "$1" | sed -n 's,^[/#* ]*timeout: \([0-9]*\).*,\1,p')
	echo $((${n:-300} * IOTKEY_SLOW))
}

# Files and the group of each program that is a suite.
collect()
{
	local src name ext group
	files=("$top/tests/vm/guest-run.sh:/usr/lib/iotkey/guest-run")
	default=() virtual=() no_tpm=() fuzz=() ima=() consumers=() consumers_long=() alone=()
	for src in "$top"/tests/kselftest/*.{sh,c} "$top"/tests/interop/*.sh; do
		[ -e "$src" ] || continue
		name=${src##*/} ext=${src##*.}
		if [ "$name" = lib.sh ]; then
			files+=("$src")
			continue
		fi
		if [ "$ext" = c ]; then files+=("$top/build/tests/kselftest/${name%.c}"); else files+=("$src"); fi
		wanted "${name%.*}" || continue
		belongs_here "$src" || continue
		group=$(group_of "$src")
		[ "$ext" = c ] && name=${name%.c}
		name=$name:$(limit_of "$src")
		case $group in
		'') default+=("$name") ;;
		virtual-time) virtual+=("$name") ;;
		no-tpm) no_tpm+=("$name") ;;
		fuzz) fuzz+=("$name") ;;
		ima) ima+=("$name") ;;
		consumers) consumers+=("$name") ;;
		consumers-long)
			[ -z "$IOTKEY_LONG" ] && [ ${#only[@]} = 0 ] || consumers_long+=("$name") ;;
		alone) alone+=("$name") ;;
		*) echo "check.sh: $src: unknown VM $group" >&2; exit 1 ;;
		esac
	done
	# keyutils' own suite, for tests/interop/keyutils.sh, which fails without it.
	if wanted keyutils && belongs_here "$top/tests/interop/keyutils.sh"; then
		"$top/tests/vm/keyutils.sh" >&2 || true
		src=$top/build/interop/keyutils-tests.tar
		[ ! -e "$src" ] || files+=("$src")
	fi
	# Data of the tests, beside them.
	while read -r src; do
		files+=("$src:/usr/lib/iotkey/tests/${src#"$top"/tests/*/}")
	done < <(find "$top"/tests/{kselftest,interop}/*/ -type f 2>/dev/null)
	# What runs beside the script that a VM of tests/fault gets as its job.
	for src in "$top"/tests/fault/*.c "$top"/tests/host/fleet.c; do
		src=$top/build/tests/fault/$(basename "$src" .c)
		[ ! -x "$src" ] || files+=("$src")
	done
	for src in "$tools"/*; do
		[ ! -x "$src" ] || files+=("$src:/usr/bin/${src##*/}")
	done
	src=$top/build/tools/sbin/iotkeyd
	[ ! -x "$src" ] || files+=("$src:/usr/sbin/iotkeyd")
	for src in iotkeyctl-attest iotkeyd-tpm; do
		src=$top/build/tools/libexec/iotkey/$src
		[ ! -x "$src" ] || files+=("$src:/usr/libexec/iotkey/${src##*/}")
	done
}

run_group() # NAME OPTIONS -- PROGRAM...
{
	local name=$1 options=()
	shift
	while [ "$1" != -- ]; do options+=("$1"); shift; done
	shift
	[ $# -gt 0 ] || return 0
	echo "== $(date +%T) vm-$version-$name: $*"
	rm -rf "$top/build/vm/$version-$name"
	"$top/tests/vm/run.sh" --kernel "$version" --initramfs "$initramfs" --name "vm-$version-$name" \
		--disk "$top/build/vm/$version-$name/disk" \
		--timeout "$limit" --guest-timeout 100000000 --quiet "${options[@]}" \
		--job "export $passed_on; exec /usr/lib/iotkey/guest-run $*" || true
	cp "$top/build/logs/vm-$version-$name/result.log" "$results/vm-$version-$name.ktap"
	grep -E '^ *not ok|# *SKIP' "$results/vm-$version-$name.ktap" || true
}

# What a device of a fleet has besides: a network, and its agent's other programs.
pack_fleet() # OUT
{
	local src programs=(
		"$top/build/provider/iotkey.so:/usr/lib/x86_64-linux-gnu/ossl-modules/iotkey.so"
		"$top/lib/provider/openssl.cnf:/etc/iotkey/openssl.cnf"
		"$top/tests/fleet/guest.sh")
	for src in "$top"/build/tools/libexec/iotkey/iotkeyd-*; do
		[ ! -x "$src" ] || programs+=("$src:/usr/libexec/iotkey/${src##*/}")
	done
	"$top/tests/vm/initramfs.sh" "$version" "$1" --driver virtio_net "${modules[@]}" \
		"${files[@]}" "${programs[@]}"
}

# That of the debug kernel has its self-tests always.
modules=()
for flavour in '' -selftest; do
	ko=$top/build/kmod/$version$flavour/iotkey.ko
	[ ! -e "$ko" ] || modules+=(--module "$ko")
done
mkdir -p "$results"
collect
if $debug; then
	files+=("$top/build/kmod/$version/iotkey.ko:/usr/lib/iotkey/selftest/iotkey.ko"
		"$top/build/kmod/splat/splat.ko:/usr/lib/iotkey/splat.ko")
fi
"$top/tests/vm/initramfs.sh" "$version" "$initramfs" "${modules[@]}" "${files[@]}"
[ -z "${PACK_ONLY:-}" ] || exit 0

tpm=$top/build/vm/$version
rm -rf "$tpm"-tpm-*
run_group default --tpm "$tpm-tpm-1" -- "${default[@]}"
run_group no-tpm -- "${no_tpm[@]}"
run_group fuzz --tpm "$tpm-tpm-3" -- "${fuzz[@]}"
run_group ima --tpm "$tpm-tpm-4" --bus --append "ima_policy=tcb|critical_data" -- "${ima[@]}"
if [ ${#consumers[@]} -gt 0 ] || [ ${#consumers_long[@]} -gt 0 ]; then
	mapfile -t programs < <("$top/tests/vm/consumers.sh")
	plain=$initramfs
	initramfs=${initramfs%.cpio}-consumers.cpio
	"$top/tests/vm/initramfs.sh" "$version" "$initramfs" "${modules[@]}" "${files[@]}" "${programs[@]}"
	run_group consumers --tpm "$tpm-tpm-5" --mem 1024 -- "${consumers[@]}"
	# An instruction takes 16 ns: a small device, whose 10 minutes take less than that here.
	run_group consumers-long --tpm "$tpm-tpm-6" --mem 1024 --virtual-time --shift 4 \
		-- "${consumers_long[@]}"
	initramfs=$plain
fi
run_group virtual-time --tpm "$tpm-tpm-2" --virtual-time --rtc 2026-01-01T00:00:00 -- "${virtual[@]}"
for program in "${alone[@]}"; do
	run_group "${program%%[.:]*}" --tpm "$tpm-tpm-${program%%[.:]*}" -- "$program"
done
fleet=
for script in "$top"/tests/fault/*.sh; do
	[ -e "$script" ] || continue
	name=$(basename "$script" .sh)
	wanted "$name" || continue
	belongs_here "$script" || continue
	dir=$top/build/vm/$version-$name
	rm -rf "$dir"
	mkdir -p "$dir"
	with=$initramfs
	if [ "$(group_of "$script")" = fleet ]; then
		with=${initramfs%.cpio}-fleet.cpio
		[ -n "$fleet" ] || pack_fleet "$with"
		fleet=packed
	fi
	RUN="$top/tests/vm/run.sh --kernel $version --initramfs $with --name vm-$version-$name" \
	DIR=$dir KERNEL=$version SUITE_TIMEOUT=$((limit * IOTKEY_SLOW)) \
		"$top/tests/suite.sh" "vm-$version-$name" "$script"
done
