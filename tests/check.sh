#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# `make check`: builds what is missing, runs every test, and sums up.
# Usage: tests/check.sh [host|unit|fuzz|cli|fleet|bench|vm|debug]...     (default: all)
#
# host: unit, fuzz, cli, fleet and bench.
# vm: Debian's kernels; debug: the debug kernel, which "all" runs beside them, for a VM
# keeps one CPU busy.
#
# FUZZ_SECONDS (5): per fuzz target.  KERNELS ("6.1 6.12"): those of vm.
# TESTS: only these tests of the VM.
set -u

top=$(cd "$(dirname "$0")/.." && pwd)
results=$top/build/results
fuzz_seconds=${FUZZ_SECONDS:-5}
kernels=${KERNELS:-6.1 6.12}
debug_kernel=6.12-debug
cd "$top" || exit 1

# A step that does not come off is a failed test, and the rest still runs.
step() # NAME COMMAND...
{
	local name=$1
	shift
	mkdir -p build/logs
	if ! "$@" >"build/logs/$name.log" 2>&1; then
		tail -n 30 "build/logs/$name.log"
		printf 'not ok 1 - %s (build/logs/%s.log)\n1..1\n' "$*" "$name" |
			tee "$results/$name.ktap"
		return 1
	fi
}

make_step()
{
	step "$1" make --no-print-directory -j"$(nproc)" "${@:2}"
}

check_unit()
{
	local test
	make_step build-unit -k -C tests unit
	for test in tests/unit/test_*.c; do
		test=$(basename "$test" .c)
		[ -x "build/tests/unit/$test" ] || continue
		tests/suite.sh "unit-$test" "build/tests/unit/$test"
	done
	for test in tests/unit/*.py tests/unit/*.sh; do
		[ -e "$test" ] || continue
		case $test in
		*.py) tests/suite.sh "unit-$(basename "$test" .py)" python3 "$test" ;;
		*.sh) tests/suite.sh "unit-$(basename "$test" .sh)" bash "$test" ;;
		esac
	done
}

# The kept corpus and a dictionary lie in tests/fuzz; what is found stays in build/.
fuzz_one() # NAME
{
	local options corpus=build/tests/corpus/$1
	mkdir -p "$corpus"
	options=("-max_total_time=$fuzz_seconds" -timeout=10 -print_final_stats=1
		"-artifact_prefix=build/tests/$1-")
	[ ! -e "tests/fuzz/$1.dict" ] || options+=("-dict=tests/fuzz/$1.dict")
	if "build/tests/fuzz/$1" "${options[@]}" "$corpus" "tests/fuzz/corpus/$1" 2>&1 |
		tail -n 60 | sed 's/^/# /'; [ "${PIPESTATUS[0]}" = 0 ]; then
		echo "ok 1 - $1: $fuzz_seconds s"
	else
		echo "not ok 1 - $1 (the input is in build/tests/)"
	fi
	echo 1..1
}

check_fuzz()
{
	local test
	make_step build-fuzz -k -C tests fuzz
	export -f fuzz_one
	export fuzz_seconds
	for test in tests/fuzz/fuzz_*.c; do
		test=$(basename "$test" .c)
		[ -x "build/tests/fuzz/$test" ] || continue
		# shellcheck disable=SC2016 # for that shell to expand
		tests/suite.sh "$test" bash -c 'fuzz_one "$1"' - "$test"
	done
	sed -n 's/^# stat::number_of_executed_units: *//p' "$results"/fuzz_*.ktap |
		awk '{ n += $1 } END { print "# fuzz: " n + 0 " executions in " NR " targets" }'
}

check_cli()
{
	local test
	make_step build-tools lib tools provider || return
	for test in tests/cli/*.sh; do
		[ -e "$test" ] || continue
		PATH=$top/build/tools/bin:$PATH LD_LIBRARY_PATH=$top/build/lib \
			tests/suite.sh "cli-$(basename "$test" .sh)" bash "$test"
	done
}

# The fleet's programs on the host; what is not executable there is a part of others.
check_fleet()
{
	local test
	make_step build-tools lib tools || return
	make_step build-fleet -C tests fleet
	for test in tests/fleet/*; do
		if [ ! -f "$test" ] || [ ! -x "$test" ]; then continue; fi
		tests/suite.sh "fleet-$(basename "${test%.*}")" "$test"
	done
	# again, with a registrar built to find memory errors
	make_step build-registrar-asan registrar-asan || return
	for test in est hostile device policy proof metrics; do
		REGISTRAR=$top/build/asan/tools/sbin/iotkey-registrar O=$top/build/asan \
			tests/suite.sh "fleet-$test-asan" "tests/fleet/$test.sh"
	done
}

# A sample: that the promises of tests/bench/aims are kept, and that it repeats.
check_bench()
{
	local v=${kernels##* }
	make_step build-tools lib tools
	make_step build-bench -C tests bench || return
	make_step "build-kmod-$v" "kmod-$v" || return
	RUNS=2 OUT=$top/build/bench/sample tests/suite.sh bench tests/bench/bench.sh --check "$v" aead
}

# What the VMs run, for these kernels; the debug kernel may have to be built first.
build_vm() # KERNEL...
{
	local v
	make_step build-tools lib tools provider
	make_step build-kselftest -C tests kselftest
	built=
	for v in "$@"; do
		if [ "$v" = $debug_kernel ]; then
			tests/vm/kernel.sh "$v"
			make_step "build-kmod-$v" "kmod-$v" kmod-splat
		else
			make_step "build-kmod-$v" "kmod-$v" "kmod-$v-selftest"
		fi || continue
		built="$built $v"
	done
}

run_vm() # KERNEL...
{
	local v
	for v in "$@"; do
		[[ " $built " == *" $v "* ]] || continue
		# shellcheck disable=SC2086 # a list
		tests/vm/check.sh "$v" ${TESTS:-} ||
			printf 'not ok 1 - tests/vm/check.sh %s\n1..1\n' "$v" >"$results/vm-$v.ktap"
	done
}

# shellcheck disable=SC2086 # lists
check_vm()
{
	build_vm $kernels
	run_vm $kernels
}

check_debug()
{
	build_vm $debug_kernel
	run_vm $debug_kernel
}

# shellcheck disable=SC2086 # lists
check_both()
{
	build_vm $debug_kernel $kernels
	run_vm $debug_kernel &
	[ "$(nproc)" -gt 1 ] || wait
	run_vm $kernels
	wait
}

# On the host the fleet's tests mostly wait: they run beside the others.  All is built before, so
# that no two build the same.
check_host()
{
	make_step build-tools lib tools provider
	make_step build-host -k -C tests unit fuzz fleet bench
	check_fleet &
	check_unit
	check_fuzz
	check_cli
	check_bench
	wait
}

tests/setup.sh check || exit 1
rm -rf "$results"
mkdir -p "$results"
for part in "${@:-all}"; do
	case $part in
	all) check_host; check_both ;;
	host | unit | fuzz | cli | fleet | bench | vm | debug) "check_$part" ;;
	*) echo "usage: $0 [host|unit|fuzz|cli|fleet|bench|vm|debug]..." >&2; exit 2 ;;
	esac
done
echo
exec tests/summary.sh
