# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154 # who sources it has $agent, the process
#
# What the suites of iotkeyd share.

# until_true SECONDS COMMAND...
until_true()
{
	local i n=$(($1 * 20 * ${IOTKEY_SLOW:-1}))
	shift
	for ((i = 0; i < n; i++)); do
		"$@" >/dev/null 2>&1 && return
		sleep 0.05
	done
	return 1
}

kill_agent() { kill -KILL $agent; wait $agent 2>/dev/null; }
