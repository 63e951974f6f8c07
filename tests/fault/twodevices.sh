#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Two devices, each with a TPM of its own, that never talk to each other. What one has
# saved the other refuses; and where both hold the same secret, the epochs and secrets
# of a derive key agree whatever their uptimes.  Then a device whose clock has lost its
# battery: key time goes on from the blob, and news moves it forward.
#
# From tests/vm/check.sh: RUN, DIR.  Time is virtual: a few hours pass.
set -u

top=$(cd "$(dirname "$0")/../.." && pwd)
log=$top/build/logs/${RUN##*--name }/result.log
count=0
start=$(date -u -d 2026-01-01 +%s)

verdict() # NAME true|false
{
	count=$((count + 1))
	if [ "$2" = true ]; then echo "ok $count - $1"; else echo "not ok $count - $1"; fi
}

# What all jobs share; files of the device are in /data.
prelude()
{
	cat <<-'END'
	#!/bin/bash
	modprobe iotkey
	modprobe -q configfs
	result() { echo "result $1 $2"; }
	# the errno's text, or "ok"
	answer() { "$@" >/tmp/out 2>/tmp/err && echo ok || sed 's/.*: //' /tmp/err | tail -n 1; }
	uptime_to() { sleep $(($1 - $(cut -d. -f1 /proc/uptime))); }
	# wall time, to the tenth
	wait_to() { sleep "$(awk -v at="$1" -v now="$(date +%s.%N)" 'BEGIN { print at - now }')"; }
	load() { keyctl add iot "$1" "load $(cat "/data/$1")" @s >/dev/null; }
	save() { keyctl pipe "%iot:$1" >"/data/$1.new" && sync && mv "/data/$1.new" "/data/$1" && sync; }
	version() { keyctl pkey_sign "%iot:$1" 0 /etc/hosts enc=raw | od -An -tu1 -j4 -N4 |
		awk '{ print $3 * 256 + $4 }'; }
	serial() { keyctl search @s iot "$1"; }
	# The TPM needs real time, which an idle guest in virtual time does not give it.
	awake()
	{
		while :; do :; done &
		"$@"
		set -- $?
		kill $!
		return "$1"
	}
	END
}

# boot DEVICE RTC < SCRIPT: "result NAME TEXT" lines are what it found
boot()
{
	{ prelude; cat; } >"$DIR/job"
	# shellcheck disable=SC2086 # $RUN is the start of a command
	$RUN --job "$DIR/job" --virtual-time --tpm "$DIR/tpm-$1" \
		--disk "$DIR/disk-$1" --rtc "$(date -u -d "@$2" +%Y-%m-%dT%H:%M:%S)" \
		--timeout 120 --quiet
	status=$?
	[ "$status" = 0 ] || { echo "Bail out! device $1: status $status (see $log)"; exit 1; }
}

result()
{
	sed -n "s/^result $1 //p" "$log" | tail -n 1
}

expect() # NAME RESULT TEXT
{
	local got
	got=$(result "$2")
	if [ "$got" = "$3" ]; then
		verdict "$1" true
	else
		verdict "$1" false
		echo "# expected: $3"
		echo "#      got: $got"
	fi
}

echo "KTAP version 1"

### A root is its TPM's.
boot A "$start" <<'END'
awake keyctl add iot root "new root provider=tpm parent=0x81000001 mkparent" @s >/dev/null
keyctl add iot key "new hmac-sha256 root=root" @s >/dev/null
save root
save key
result root "$(base64 -w0 </data/root)"
END
root=$(result root)
boot B "$start" <<END
echo $root | base64 -d >/data/root
result parentless "\$(answer awake keyctl add iot root "load \$(cat /data/root)" @s)"
awake keyctl add iot own "new root provider=tpm parent=0x81000001 mkparent" @s >/dev/null
result foreign "\$(answer awake keyctl add iot root "load \$(cat /data/root)" @s)"
result own "\$(answer keyctl pipe %iot:own)"
END
expect "another TPM without the parent refuses the root" parentless "No such device or address"
expect "another TPM refuses the root" foreign "Key was rejected by service"
expect "and has its own" own ok
boot A $((start + 1000)) <<'END'
result again "$(answer awake load root)"
result key "$(answer load key)"
END
expect "the same bytes still load where they came from" again ok
expect "and so does the key below" key ok

### Two devices with one secret: epochs of 600 s, overlap 120 s, ahead 30 s.
shared() # the keys, on either
{
	cat <<-END
	echo 1 >/sys/module/iotkey/parameters/clock_trusted
	keyctl add logon fleet:secret 0123456789abcdef0123456789abcdef @s >/dev/null
	keyctl add iot fleet "new root provider=key key=logon:fleet:secret" @s >/dev/null
	keyctl add iot \$NAME "new hmac-sha256 root=fleet mode=derive rotate=600 overlap=120 ahead=30 \\
		start=$start label=agreement" @s >/dev/null
	printf hello >/tmp/data
	END
}
epoch=$((start + 10 * 600))
boot A $((epoch - 5000)) <<END
NAME=one
$(shared)
wait_to $((epoch + 300))
keyctl pkey_sign \$(serial one) 0 /tmp/data enc=raw >/tmp/sig
result sig "\$(base64 -w0 /tmp/sig)"
result version "\$(od -An -tu1 -j7 -N1 /tmp/sig | tr -d ' ')"
END
sig=$(result sig)
expect "the first signs in epoch 10" version 11
boot B $((epoch - 90)) <<END
NAME=other
$(shared)
echo $sig | base64 -d >/tmp/sig
check() { result \$1 "\$(answer keyctl pkey_verify \$(serial other) 0 \$2 /tmp/sig enc=raw)"; }
printf hellO >/tmp/false
wait_to $((epoch - 31)); check early /tmp/data
wait_to $((epoch - 30)); check ahead /tmp/data
wait_to $((epoch)); check begin /tmp/data; check false /tmp/false
wait_to $((epoch + 599)); check end /tmp/data
wait_to $((epoch + 719)); check overlap /tmp/data
wait_to $((epoch + 720)); check late /tmp/data
END
expect "the other: too early" early "Timer expired"
expect "the other: ahead" ahead ok
expect "the other: from the beginning of the epoch" begin ok
expect "the other: but not for other data" false "Key was rejected by service"
expect "the other: to its end" end ok
expect "the other: to the end of the overlap" overlap ok
expect "the other: and not after" late "Key has expired"

### No battery: the clock says 1970 and nobody trusts it.
boot A $((start + 2000)) <<'END'
load root
keyctl add iot lost "new hmac-sha256 root=root mode=ratchet rotate=600 overlap=600" @s >/dev/null
save lost
keyctl update $(serial lost) stored=1
uptime_to 1500
save lost
result version "$(version lost)"
uptime_to 4000
printf hello >/data/hello
keyctl pkey_sign $(serial lost) 0 /data/hello enc=raw >/data/sig
sync
result later "$(version lost)"
END
before=$(result version)
later=$(result later)
boot A 0 <<'END'
load root
load lost
result version "$(version lost)"
result date "$(date +%Y)"
uptime_to 700
result grown "$(version lost)"
cp /data/sig /tmp/forged
printf x | dd of=/tmp/forged bs=1 seek=20 conv=notrunc 2>/dev/null
result forged "$(answer keyctl pkey_verify $(serial lost) 0 /data/hello /tmp/forged enc=raw)"
result unmoved "$(version lost)"
result news "$(answer keyctl pkey_verify $(serial lost) 0 /data/hello /data/sig enc=raw)"
result moved "$(version lost)"
END
expect "without a clock: key time goes on from the blob" version "$before"
expect "without a clock: at its pace" grown $((before + 1))
expect "without a clock: forged news" forged "Key was rejected by service"
expect "without a clock: does not move it" unmoved $((before + 1))
expect "without a clock: a message from a later epoch verifies" news ok
expect "without a clock: and moves it there" moved "$later"

echo "1..$count"
