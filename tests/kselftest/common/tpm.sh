# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154 # who sources it has $tmp, reads $commands
#
# Which commands the module sends to the TPM, by its tracepoint.

tracing=/sys/kernel/tracing
event=$tracing/events/iotkey/tpm/enable

trace_tpm_commands()
{
	[ -e $tracing/README ] || mount -t tracefs tracefs $tracing
	[ -e $event ]
}

# commands_of COMMAND...: $commands are the codes that it led to
commands_of()
{
	echo 1 >$tracing/tracing_on
	echo >$tracing/trace
	echo 1 >$event
	"$@" >"$tmp/quiet" 2>&1
	echo 0 >$event
	commands=$(sed -n 's/.* tpm: .*\(command\|cc\)[a-z_]*=0x0*\([0-9a-f]*\).*/\2/p' $tracing/trace |
		tr '\n' ' ' | sed 's/ $//')
	grep ' tpm: ' $tracing/trace >"$tmp/trace"
}
