# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2119,SC2120,SC2153
#
# A device VM for tests with a registrar on the host: for scripts of tests/fault with "vm: fleet",
# which have read in lib.sh and swtpm.sh.
#
#	device_make DIR		a TPM with a maker's certificate (swtpm.sh)
#	device_boot DIR SCRIPT OPTION...
#				boot it with that TPM, and SCRIPT as its job; OPTION: of run.sh
#	device_stop		for the trap: no VM is left behind
#
# The registrar is 10.0.2.2 in the guest, see guest.sh.  What it says to its host, a
# line of a word and its arguments, is done here by the function host_WORD; what that prints is the answer, in one
# line.  So the host may act in the middle of the guest's work.  The KTAP that the guest prints becomes one
# subtest.

# shellcheck disable=SC2154 # lib.sh's

vm=

device_make() { tpm_make "$1"; }

guest_log() { echo "$top/build/logs/${RUN##*--name }/${1:-result.log}"; }

device_boot()
{
	local job=$2 device=$1 word arguments port_pid status=0
	shift 2
	coproc PORT { exec python3 "$top/tests/vm/port.py" "$tmp/port"; }
	port_pid=$PORT_PID
	while [ ! -S "$tmp/port" ]; do sleep 0.05; done
	# shellcheck disable=SC2086 # $RUN is the start of a command
	$RUN --job "$job" --net --tpm "$device/state" --port "$tmp/port" --quiet "$@" >/dev/null &
	vm=$!
	exec {port_in}<&"${PORT[0]}" {port_out}>&"${PORT[1]}"
	# a VM that never gets as far as its job
	{ while kill -0 $vm 2>/dev/null; do sleep 1; done; kill $port_pid 2>/dev/null; } &
	while read -r -u "$port_in" word arguments; do
		# shellcheck disable=SC2086 # words
		"host_$word" $arguments >"$tmp/host-said" 2>"$tmp/host-error"
		sed 's/^# *//; s/^/# /' "$tmp/host-error"
		tr '\n' ' ' <"$tmp/host-said" | sed 's/ *$//' >&"$port_out"
		echo >&"$port_out"
	done
	exec {port_in}<&- {port_out}>&-
	wait "$vm" || status=$?
	vm=
	rm -f "$tmp/port"
	echo "    # Subtest: guest"
	sed 's/^/    /' "$(guest_log)"
	is "the guest's part" 0 $status
}

device_stop()
{
	[ -n "$vm" ] || return 0
	kill "$vm" 2>/dev/null
	wait "$vm" 2>/dev/null
	vm=
}
