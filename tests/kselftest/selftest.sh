#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The module built with self-tests checks itself when it is loaded, and refuses to load
# when a check fails.
# shellcheck source=tests/kselftest/lib.sh
. "$(dirname "$0")/lib.sh"

module=/usr/lib/iotkey/selftest/iotkey.ko
[ -e $module ] || skip_all "no build with self-tests"

# Keys of earlier tests hold the module until the collector has been there.
unload()
{
	for _ in $(seq 100); do
		rmmod iotkey 2>/dev/null && return
		sleep 0.1
	done
	rmmod iotkey
}

modprobe iotkey
ok "the module unloads" unload
ok "the module built with them passes its self-tests" insmod $module
ok "it unloads" unload
ok "the module loads again" modprobe iotkey
done_testing
