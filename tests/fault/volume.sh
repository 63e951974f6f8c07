#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A dm-crypt volume whose key a kdf key publishes: opened, closed, opened again after a reboot,
# and after rotations, for it is pinned to its epoch.  The root is in the TPM.
#
# kernel: not debug
# From tests/vm/check.sh: RUN, DIR, KERNEL.
set -u

top=$(cd "$(dirname "$0")/../.." && pwd)
log=$top/build/logs/${RUN##*--name }/result.log
count=0

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
	modprobe -a iotkey configfs dm_crypt loop xts aesni_intel
	tmp=/tmp
	result() { echo "result $1 $2"; }
	# "ok", or what went wrong
	answer() { "$@" >/tmp/out 2>/tmp/err && echo ok || { tail -n 1 /tmp/err; cat /tmp/err >&2; }; }
	load() { keyctl add iot "$1" "load $(cat "/data/$1")" @s >/tmp/out; }
	save() { keyctl pipe "%iot:$1" >"/data/$1" && sync; }
	publish() { keyctl update %iot:disks "publish disk:data size=64 $*"; }
	logon() { keyctl search @s logon disk:data; }
	sectors=$((4 << 11))
	# The key named to dm-crypt is not in the table that it shows.
	opened()
	{
		echo "0 $sectors crypt aes-xts-plain64 :64:logon:disk:data 0 /dev/loop0 0" |
			dmsetup create --noudevsync --noudevrules secret
		dmsetup mknodes --noudevsync secret 2>/dev/null
		[ -e /dev/mapper/secret ]
	}
	closed() { dmsetup remove --noudevsync --retry secret; }
	pattern() { seq 1 700000 | head -c "$((sectors * 512))"; }
	holds_pattern() { pattern | cmp - /dev/mapper/secret; }
	END
}

# boot < SCRIPT: "result NAME TEXT" lines are what it found
boot()
{
	{ prelude; cat; } >"$DIR/job"
	# shellcheck disable=SC2086 # $RUN is the start of a command
	$RUN --initramfs "$DIR/initramfs" --job "$DIR/job" --tpm "$DIR/tpm" --disk "$DIR/disk" \
		--timeout 120 --quiet
	status=$?
	[ "$status" = 0 ] || { echo "Bail out! status $status (see $log)"; exit 1; }
}

expect() # NAME RESULT TEXT
{
	local got
	got=$(sed -n "s/^result $2 //p" "$log" | tail -n 1)
	if [ "$got" = "$3" ]; then
		verdict "$1" true
	else
		verdict "$1" false
		echo "# expected: $3"
		echo "#      got: $got"
	fi
}

echo "KTAP version 1"
# Only this test wants dmsetup.
"$top/tests/vm/initramfs.sh" "$KERNEL" "$DIR/initramfs" --module "$top/build/kmod/$KERNEL/iotkey.ko" \
	/usr/sbin/dmsetup:/usr/sbin/dmsetup || exit 1

### The device is set up.
boot <<'END'
truncate -s 4M /data/volume
losetup /dev/loop0 /data/volume
keyctl add iot root "new root provider=tpm parent=0x81000001 mkparent" @s >/tmp/out
keyctl add iot disks "new kdf root=root mode=derive rotate=1d" @s >/tmp/out
save root
save disks
result nokey "$(answer opened | grep -c ok)"
publish epoch=0
result open "$(answer opened)"
pattern >/dev/mapper/secret
sync
result reads "$(answer holds_pattern)"
result closes "$(answer closed)"
result plain "$(pattern | head -c 4096 | cmp -s - <(head -c 4096 /data/volume) && echo same || echo other)"
keyctl unlink "$(logon)" @s
result unlinked "$(answer opened | grep -c ok)"
sync
END
expect "without its key the volume does not open" nokey 0
expect "with a published key it does" open ok
expect "it holds what was written" reads ok
expect "it closes" closes ok
expect "on the disk it is something else" plain other
expect "an unlinked key opens nothing" unlinked 0

### After a reboot; and the key has moved on.
boot <<'END'
losetup /dev/loop0 /data/volume
load root
load disks
publish epoch=0
result open "$(answer opened)"
result reads "$(answer holds_pattern)"
keyctl update %iot:disks rotate
sleep 1
result after "$(answer holds_pattern)"
closed
result again "$(answer opened)"
result pinned "$(answer holds_pattern)"
closed
publish
result next "$(answer opened)"
result other "$(answer holds_pattern | grep -c ok)"
closed
publish epoch=0
opened
result back "$(answer holds_pattern)"
closed
keyctl revoke %iot:disks
result revoked "$(answer opened | grep -c ok)"
END
expect "after a reboot it opens" open ok
expect "and holds what was written" reads ok
expect "a rotation does not reach an open volume" after ok
expect "a key that is pinned opens it again" again ok
expect "with the same content" pinned ok
expect "the key of the next epoch" next ok
expect "is another" other 0
expect "published for the old one again it is back" back ok
expect "a revoked key opens nothing" revoked 0
echo "1..$count"
