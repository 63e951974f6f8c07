#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The tracepoints: each change of state, each refusal and where, each wake-up.
. ./lib.sh
. ./common/iot.sh

tracing=/sys/kernel/tracing

# What the tracepoint of that name said since the last clearing, but for keys of earlier
# suites that are only now collected.
said()
{
	sed -n "s/.*: $1: //p" $tracing/trace | grep -v event=destroyed
}

echo 1 >$tracing/events/iotkey/enable
: >$tracing/trace

root=$(add r new root provider=soft)
key=$(add k new aes-256-gcm root=r mode=derive rotate=1h)
is "created" "key=$root event=created version=0 epoch=0 error=0
key=$key event=created version=1 epoch=0 error=0" "$(said state)"

: >$tracing/trace
keyctl update "$key" rotate
is "rotated" "key=$key event=rotated version=2 epoch=1 error=0" "$(said state)"

: >$tracing/trace
keyctl padd iot bad @s <<<"new aes-256-gcm root=r bogus=1" 2>/dev/null
is "a word refused, and where it stands" "key=0 error=-22 where=23" "$(said refused)"

: >$tracing/trace
head -c 60 /dev/zero >/tmp/noise
keyctl pkey_decrypt "$key" 0 /tmp/noise >/dev/null 2>&1
is "a message refused" "key=$key error=-74 where=-1" "$(said refused)"

: >$tracing/trace
brief=$(add brief new aes-256-gcm root=r mode=derive lifetime=2s)
sleep 4
like "a key ends by itself" "key=$brief event=expired" "$(said state)"
like "which took a wake-up" '^keys=1$' "$(said wakeup)"

: >$tracing/trace
keyctl revoke "$root"
sleep 1
is "revoked, and all that hangs under it" 3 "$(said state | grep -c event=revoked)"

echo 0 >$tracing/events/iotkey/enable
keyctl clear @s
done_testing
