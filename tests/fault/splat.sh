#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What the debug kernel looks for fails a run whose job ends well: each mistake of
# tests/vm/splat is made once, and the host must have seen it.
#
# kernel: debug
# From tests/vm/check.sh: RUN, DIR, KERNEL.
set -u

top=$(cd "$(dirname "$0")/../.." && pwd)
log=$top/build/logs/vm-$KERNEL-splat
count=0

result() # OK NAME
{
	count=$((count + 1))
	if "$1"; then echo "ok $count - $2"; else echo "not ok $count - $2"; fi
}

# boot KIND...: status in $status, what the host saw in $DIR/seen
boot()
{
	local kind job=
	for kind in "$@"; do
		job="$job insmod /usr/lib/iotkey/splat.ko kind=$kind && rmmod splat &&"
	done
	status=0
	$RUN --quiet --append kasan_multi_shot --job "$job true" >/dev/null 2>&1 || status=$?
	sed -n 's/^# console: //p' "$log/result.log" >"$DIR/seen"
}

status_is() # NUMBER TEXT
{
	if [ $status = "$1" ]; then result true "$2"; else result false "$2 (status $status)"; fi
}

seen() # REGEXP TEXT
{
	if grep -qE "$1" "$DIR/seen"; then result true "$2"; else result false "$2: not seen"; fi
}

echo "KTAP version 1"
boot
status_is 0 "a run without a mistake passes"
boot leak
status_is 126 "a leak alone fails a run"
seen 'unreferenced object' "a leak"
# Some reports end lockdep's, so its own comes first.
boot lock-order atomic-sleep free-active shift out-of-bounds use-after-free
status_is 126 "mistakes fail a run"
seen 'BUG: sleeping function' "sleep in atomic context"
seen 'possible circular locking' "locks in two orders"
seen 'WARNING: .*debugobjects' "an active timer freed"
seen 'UBSAN: shift' "a shift too far"
seen 'KASAN: slab-out-of-bounds' "a write out of bounds"
seen 'KASAN: slab-use-after-free' "a use after free"
echo "1..$count"
