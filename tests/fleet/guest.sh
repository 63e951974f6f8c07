# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2094,SC2154,SC2238
#
# In the guest of vm.sh, before its test: its network, and its host.
# shellcheck source=tests/kselftest/lib.sh
. /usr/lib/iotkey/tests/lib.sh

tmp=/tmp/device
mkdir -p $tmp
cd $tmp || exit 1

modprobe -a virtio_pci virtio_net iotkey
ifconfig eth0 10.0.2.15 netmask 255.255.255.0 up
stty -F /dev/ttyS2 raw -echo
exec 4<>/dev/ttyS2

# host WORD ARGUMENT...: what it answers
host()
{
	local answer
	printf '%s\n' "$*" >&4
	read -r answer <&4
	printf '%s\n' "$answer"
}

b64() { base64 -w 0 "$1"; }

until_true() # SECONDS COMMAND...
{
	local i n=$(($1 * 10))
	shift
	for ((i = 0; i < n; i++)); do
		"$@" >/dev/null 2>&1 && return
		sleep 0.1
	done
	return 1
}
