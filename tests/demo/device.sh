# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
#
# The device's end of stage.sh: does the commands that come on /dev/ttyS2, each ended by ^D, and answers with
# what they print and a line of ^D and their status.  $registrar is set.

modprobe -a virtio_pci virtio_net || exit 1
modprobe iotkey clock_trusted=1 || exit 1
ifconfig eth0 10.0.2.15 netmask 255.255.255.0 up
mkdir -p /data/bin /data/readings /etc/iotkey
[ -e /data/bin/sensor ] || cp -p /usr/lib/iotkey/tests/sensor /data/bin/
cat >/etc/iotkey/iotkeyd.conf <<END
registrar = $registrar
trust-on-first-use = yes
net-user = user
state = /data/iotkey
END
export NO_COLOR=1 PATH=$PATH:/data/bin
cd /data || exit 1

# The TPM and the net are real beside the VM, whose time jumps while it is idle: it would be hours ahead
# before they answer.
stay_awake()
{
	nice -n 19 bash -c 'while :; do :; done' &
	spinner=$!
}

later() # SECONDS
{
	kill $spinner
	sleep "$1"
	stay_awake
}

stty -F /dev/ttyS2 raw -echo 115200
exec 3>&1 4<>/dev/ttyS2
stay_awake
printf '\4%s\n' 0 >&4 # from now on it hears
while IFS= read -r -d $'\4' -u 4 line; do
	eval "$line" >/tmp/said 2>&1 </dev/null
	printf '\n\4%s\n' $? >>/tmp/said
	cat /tmp/said >&4
done
