#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Power cuts in a virtual week: a device with a TPM and a disk is killed at random
# moments (of its life, of its agent's saving, and of the host's time), and after each
# reboot everything that it encrypted before must open exactly within its window.
#
# CUTS: how many (4; 50 with IOTKEY_LONG).  SEED: of the choices; the moment at which
# a kill by the host arrives is not in our hands.
# From tests/vm/check.sh: RUN, DIR.
set -u

top=$(cd "$(dirname "$0")/../.." && pwd)
cuts=${CUTS:-${IOTKEY_LONG:+50}}
cuts=${cuts:-4}
# The same cuts at every `make check`, others at every `make check-long`.
seed=${SEED:-${IOTKEY_LONG:+$RANDOM}}
seed=${seed:-1}
life_max=$((2 * 7 * 24 * 3600 / cuts))	# a week in all, on average
guest=$top/build/tests/fault/powercut
clock=$(date -u -d 2026-01-01 +%s)	# what a right clock would show
uptime=0
boots=0
state=$seed

random() # BELOW: puts it in $picked; a subshell would not remember the state
{
	state=$(((state * 1103515245 + 12345) & 0x7fffffff))
	picked=$(((state >> 8) % $1))
}

# One life: boots, looks at what the last one left, and is killed.
boot() # TRUSTED RTC KIND
{
	local words options=(--power-cut)
	boots=$((boots + 1))
	words="TRUSTED=$1 SEED=$((seed + boots))"
	case $3 in
	time) random $((life_max < 9000 ? life_max : 9000)); words="$words CUT_AT=$((picked + 1))" ;;
	step) random 60; words="$words CUT_STEP=$((picked + 1))" ;;
	host) random 5; options=(--power-cut-after $((picked + 6))) ;;
	last) words="$words LAST=1" options=() ;;
	esac
	echo "# boot $boots: $words, the clock shows $2, ${options[*]}"
	# shellcheck disable=SC2086 # $RUN is the start of a command
	$RUN --job "$guest" --virtual-time --tpm "$DIR/tpm" --disk "$DIR/disk" \
		--rtc "$2" --append "$words" --timeout 120 --quiet "${options[@]}"
	status=$?
	log=$top/build/logs/${RUN##*--name }/result.log
	checked=$(sed -n 's/^checked //p' "$log" | tail -n 1)
	uptime=$(sed -n 's/^until //p' "$log" | tail -n 1)
	grep -E '^(wrong|Bail|not ok)' "$log" | sed 's/^/# /'
}

# Was all as it should be in the boot after the cut of that name?
judge() # NAME
{
	case $checked in
	*', 0 wrong')
		echo "ok $number - $1: $checked"
		return 0 ;;
	'') echo "not ok $number - $1: nothing was checked (status $status)" ;;
	*) echo "not ok $number - $1: $checked" ;;
	esac
	mkdir -p "$DIR/failed-$number"
	cp "${log%/*}"/*.log "$DIR/disk" "$DIR/failed-$number/"
	return 1
}

rtc_of() # SECONDS
{
	date -u -d "@$1" +%Y-%m-%dT%H:%M:%S
}

make -s --no-print-directory -C "$top/tests" "$guest" || exit 1
echo "KTAP version 1"
echo "# SEED=$seed CUTS=$cuts"
kinds=(time step host)
number=0
cut=
while [ $number -le "$cuts" ]; do
	random 3
	kind=${kinds[picked]} trusted=1 rtc=$clock
	[ -n "$cut" ] || kind='time'
	[ $number != "$cuts" ] || kind='last'
	# Now and then the battery of the clock is empty.
	random 4
	if [ -n "$cut" ] && [ $picked = 0 ]; then
		random $((2 * 365 * 86400))
		trusted=0 rtc=$picked
	fi
	boot $trusted "$(rtc_of "$rtc")" "$kind"
	if [ -z "$cut" ]; then
		[ $status = 0 ] || { echo "Bail out! the first life did not end well ($status)"; exit 1; }
		number=1
	elif [ -n "$checked" ] || [ $status != 0 ] || [ $boots -gt $((3 * cuts + 3)) ]; then
		judge "$cut" || break
		number=$((number + 1))
	else
		echo "# cut again before it could look"
	fi
	cut="cut by $kind$([ $trusted = 1 ] || echo ', clock not trusted,') after ${uptime:-0} s"
	random 60
	clock=$((clock + ${uptime:-60} + 5 + picked))
	random 4
	[ $picked != 0 ] || { random 7200; clock=$((clock + picked)); }
	random 20
	[ $picked != 0 ] || { random 86400; clock=$((clock + picked)); }
done
echo "1..$cuts"
