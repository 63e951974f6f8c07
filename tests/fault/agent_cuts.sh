#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Power cuts while iotkeyd stores rotations: after each boot it has every key, and what was
# sealed with the current version and the one before opens.
#
# CUTS: how many (3; 30 with IOTKEY_LONG).  SEED: of the moments.
# From tests/vm/check.sh: RUN, DIR.
#
# kernel: not debug
set -u

top=$(cd "$(dirname "$0")/../.." && pwd)
cuts=${CUTS:-${IOTKEY_LONG:+30}}
cuts=${cuts:-3}
RANDOM=${SEED:-1}

cat >"$DIR/guest" <<'GUEST'
#!/bin/bash
# CUT_MS= on the command line of the kernel: how long it lives; "end": it only looks
for word in $(cat /proc/cmdline); do case $word in CUT_MS=*) ms=${word#*=} ;; esac; done
modprobe iotkey
printf 'state = /data/iotkey\n' >/tmp/conf
iotkeyd --config /tmp/conf &
for ((i = 0; i < 200; i++)); do
	ring=$(keyctl search @u keyring iotkey 2>/dev/null) && break
	sleep 0.05
done
find_key() { keyctl search "$ring" iot "$1" 2>/dev/null; }
field() { iotkeyctl show "$1" --json | tr -d '\n' | sed -n "s/.*\"$2\": *\([0-9]*\).*/\1/p"; }
stored() { for ((j = 0; j < 200; j++)); do [ "$(field "$1" stored)" = "$(field "$1" newest)" ] && return; sleep 0.05; done; return 1; }
if [ ! -e /data/begun ]; then
	iotkeyctl root device --provider tpm --parent 0x81000001 --mkparent --keyring "$ring"
	iotkeyctl new alpha --alg aes-256-gcm --root device --overlap 1d --keyring "$ring"
	iotkeyctl new beta --alg aes-256-gcm --root device --mode ratchet --rotate 1d --overlap 1d --keyring "$ring"
	mkdir /data/sealed
	stored alpha && stored beta || { echo "wrong: not stored"; exit 1; }
	for ((i = 0; i < 100; i++)); do [ -e /data/iotkey/keys/device.blob ] && break; sleep 0.05; done
	touch /data/begun
	sync
fi
for ((i = 0; i < 400; i++)); do find_key alpha >/dev/null && find_key beta >/dev/null && break; sleep 0.05; done
checked=0 wrong=0
for message in /data/sealed/*; do
	[ -e "$message" ] || continue
	name=${message##*/} name=${name%%-*}
	# behind the stream's head and the message's magic
	sealed=$((16#$(od -An -j12 -N4 -tx1 "$message" | tr -d ' \n')))
	now=$(field $name version)
	if [ -z "$now" ] || [ $sealed -gt $now ]; then
		wrong=$((wrong + 1)); echo "wrong: $message has version $sealed, the key ${now:-none}"
	elif [ $sealed -ge $((now - 1)) ]; then
		checked=$((checked + 1))
		[ "$(iotkeyctl decrypt $name "$message")" = "$name" ] ||
			{ wrong=$((wrong + 1)); echo "wrong: $message does not open"; }
	else
		rm "$message"
	fi
done
stored alpha && stored beta || { wrong=$((wrong + 1)); echo "wrong: not stored"; }
echo "checked $checked, $wrong wrong"
[ "$ms" != end ] || exit 0
{ sleep "$(printf '%d.%03d' $((ms / 1000)) $((ms % 1000)))"; echo CUT >"$IOTKEY_RESULT"; } &
for ((i = 0; ; i++)); do
	for name in alpha beta; do
		[ -e /data/sealed/$name-$i ] || echo $name | iotkeyctl encrypt $name - /data/sealed/$name-$i
		iotkeyctl rotate $name
	done
done
GUEST
echo "KTAP version 1"
log=$top/build/logs/${RUN##*--name }/result.log
for ((n = 0; n <= cuts; n++)); do
	ms=$((200 + RANDOM % 4000)) options=(--power-cut)
	[ $n != "$cuts" ] || ms=end options=()
	# shellcheck disable=SC2086 # $RUN is the start of a command
	$RUN --job "$DIR/guest" --tpm "$DIR/tpm" --disk "$DIR/disk" --append "CUT_MS=$ms" \
		--timeout 200 --quiet "${options[@]}"
	status=$?
	checked=$(sed -n 's/^checked //p' "$log")
	grep -aE '^wrong|^iotkeyd:|not ok' "$log" | head -n 20 | sed 's/^/# /'
	if [ $status = 0 ] && [[ $checked == *', 0 wrong' ]]; then
		echo "ok $((n + 1)) - boot $n: $checked; then $ms"
	else
		echo "not ok $((n + 1)) - boot $n: ${checked:-nothing checked}, status $status"
	fi
done
echo "1..$((cuts + 1))"
