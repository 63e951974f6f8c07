#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Renews the kept corpus, tests/fuzz/corpus/: what the kernel's tests say to the module
# and its TPM answers, and what the fuzzers made of it in SECONDS each, without the inputs
# that reach nothing that a smaller one does not reach.
# Usage: tests/fuzz/corpus.sh [--record] [SECONDS] [TARGET...]       (60, all of them)
#
# --record runs those tests in the VM (KERNEL=6.12) under strace, for half an hour at most.
# build/tests/seeds keeps what was seen.
set -eu

top=$(cd "$(dirname "$0")/../.." && pwd)
seeds=$top/build/tests/seeds
kernel=${KERNEL:-6.12}
programs=(tpm.sh errors.sh keyctl.sh)

# In the guest, one after the other, so that little is lost when time runs out.
guest_job()
{
	cat <<-'GUEST'
	modprobe iotkey
	cd /usr/lib/iotkey/tests
	for program in $PROGRAMS; do
		keyctl clear @u
		strace -f -qq -xx -s 16500 -e trace=add_key,keyctl -o /tmp/calls \
			keyctl session - sh -c 'keyctl link @u @s; exec "$0"' "./$program" >/tmp/out 2>&1
		echo "# $program: exit status $?"
		grep -aE 'add_key|KEYCTL_UPDATE' /tmp/calls | sed 's/^[0-9]* *//' | sort -u |
			gzip -9 | base64 -w 0
		echo
	done
	GUEST
}

record()
{
	make lib tools "kmod-$kernel" "kmod-$kernel-selftest"
	make -C tests kselftest
	PACK_ONLY=1 tests/vm/check.sh "$kernel"
	rm -rf "$seeds" build/vm/seeds
	mkdir -p "$seeds"
	tests/vm/run.sh --kernel "$kernel" --initramfs "build/initramfs-$kernel.cpio" \
		--name seeds --tpm build/vm/seeds/tpm --bus --disk build/vm/seeds/disk \
		--job "PROGRAMS='${programs[*]}'; $(guest_job)" --timeout 1800 --guest-timeout 1800 \
		--quiet || echo "corpus.sh: the VM's exit status is $?" >&2
	grep -v '^[#n]' build/logs/seeds/result.log |
		while read -r line; do echo "$line" | base64 -d | gzip -dc; done >build/tests/calls
	tests/fuzz/seeds.py "$seeds" strace build/tests/calls bus build/logs/seeds/bus.log
}

renew() # TARGET SECONDS
{
	local kept=tests/fuzz/corpus/$1 found=build/tests/corpus/$1 new=build/tests/merged/$1
	local options=(-timeout=10 "-artifact_prefix=build/tests/$1-")
	[ ! -e "tests/fuzz/$1.dict" ] || options+=("-dict=tests/fuzz/$1.dict")
	mkdir -p "$kept" "$found" "$new" "$seeds/$1"
	[ "$2" = 0 ] ||
		"build/tests/fuzz/$1" "${options[@]}" -max_total_time="$2" "$found" "$kept" \
			"$seeds/$1"
	"build/tests/fuzz/$1" -merge=1 -use_counters=0 "$new" "$kept" "$seeds/$1" "$found"
	rm -rf "$kept"
	mv "$new" "$kept"
	echo "$1: $(find "$kept" -type f | wc -l) files"
}

cd "$top"
if [ "${1:-}" = --record ]; then
	record
	shift
fi
seconds=${1:-60}
[ $# = 0 ] || shift
if [ $# = 0 ]; then
	set -- tests/fuzz/fuzz_*.c
	set -- "${@##*/}"
	set -- "${@%.c}"
fi
make -s -C tests fuzz
make -s lib
mkdir -p "$seeds"
cc -D_GNU_SOURCE -Iinclude -o build/tests/played tests/fuzz/played.c tests/host/device.c \
	build/lib/libiotkey-attest.a -lcrypto
build/tests/played "$seeds"
for target in "$@"; do
	renew "$target" "$seconds"
done
