#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# rmmod: not while a key lives, and then without a trace.
# shellcheck source=tests/kselftest/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/kselftest/common/iot.sh
. "$(dirname "$0")/common/iot.sh"

param=/sys/module/iotkey/parameters/clock_trusted

test_leftovers()
{
	is "no module" "" "$(lsmod | grep iotkey)"
	is_err "no key type" ENODEV add left new root provider=soft
	is "no keys" "" "$(grep ' iot ' /proc/keys)"
	is "no cache" "" "$(grep iot_key /proc/slabinfo)"
	is "no worker" "" "$(pgrep -f '\[.*iotkey\]')"
	ok "no parameters" test ! -e $param
	is "no tracepoints" "" "$(ls -d /sys/kernel/tracing/events/iotkey 2>/dev/null)"
}

in_use() { like "$1" 'Module iotkey is in use$' "$(rmmod iotkey 2>&1)"; }

test_refusal()
{
	local root key
	root=$(add u new root provider=soft)
	key=$(add u2 new aes-256-gcm root=u rotate=1h)
	in_use "rmmod with keys"
	keyctl unlink "$root" @s
	sleep 0.2
	in_use "rmmod with a key whose root is unlinked"
	ok "the key is well" keyctl pipe "$key"
	keyctl revoke "$key"
	in_use "rmmod with a revoked key"
	keyctl unlink "$key" @s
	ok "rmmod when the last key is gone" unload
	test_leftovers
	ok "modprobe" modprobe iotkey
}

# A negative key holds no reference, and a failed creation none either.
test_odd_keys()
{
	local helper=/sbin/request-key
	[ -e $helper ] || ln -s /bin/false $helper
	is_err "a negative key" ENOKEY keyctl request2 iot negative "no one" @s
	[ "$(readlink $helper)" != /bin/false ] || rm $helper
	for text in "new nothing" "new kdf root=none" "load AAAA" "rotate"; do
		keyctl add iot bad "$text" @s 2>"$tmp/quiet"
	done
	ok "does not hold the module" unload
	ok "modprobe" modprobe iotkey
	keyctl clear @s
}

test_parameter()
{
	is "clock_trusted is off" N "$(cat $param)"
	echo 1 >$param
	is "it may be set" Y "$(cat $param)"
	echo n >$param
	is "and cleared" N "$(cat $param)"
	is_err "nonsense is refused" EINVAL bash -c "echo maybe >$param"
	ok "unload" unload
	ok "set at load" modprobe iotkey clock_trusted=1
	is "it is" Y "$(cat $param)"
	ok "unload" unload
	is_err "a bad value at load" EINVAL modprobe iotkey clock_trusted=maybe
	ok "modprobe" modprobe iotkey
	is "it is off again" N "$(cat $param)"
	ok "unload" unload
	ok "measure=all where IMA has no rule for it" modprobe iotkey measure=all
	ok "keys are made all the same" add unmeasured new root provider=soft
	like "the kernel log says so" 'iotkey: IMA took no record \(error -2\)' "$(dmesg)"
	keyctl clear @s
	ok "unload" unload
	ok "modprobe" modprobe iotkey
	chmod a+rx "$tmp"
	is_err "a user may not set it" EACCES as_user bash -c "echo 1 >$param"
}

# Keys come and go while the module does.
make_keys()
{
	while [ ! -e "$tmp/stop" ]; do
		keyctl add iot race "new root provider=soft" "$1" >/dev/null 2>&1 &&
			keyctl add iot race2 "new kdf root=race rotate=1s" "$1" >/dev/null 2>&1
		keyctl clear "$1"
		sleep 0.02
	done
}

test_rounds()
{
	local i loaded=0 ring rounds=$((50 / ${IOTKEY_SLOW:-1}))
	ring=$(keyctl newring racing @s)
	make_keys "$ring" &
	for i in $(seq $rounds); do
		modprobe iotkey || { fail "modprobe, round $i"; break; }
		sleep 0.0$((i % 5))
		unload || { fail "rmmod, round $i"; break; }
		loaded=$((loaded + 1))
	done
	: >"$tmp/stop"
	wait
	is "rounds of load and unload with keys made beside" $rounds $loaded
	test_leftovers
	modprobe iotkey
	ok "after that it works" add again new root provider=soft
	keyctl unlink "$ring" @s
}

# What earlier tests left to the collector.
unload >"$tmp/quiet" || skip_all "keys that are not ours hold the module"
test_leftovers
modprobe iotkey
test_refusal
test_odd_keys
test_parameter
test_rounds
finish
