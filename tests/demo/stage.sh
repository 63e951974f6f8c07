# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154,SC2016
#
# How the demo is told: what is typed on the registrar's side or on the device, and what it prints.
#
#	registrar COMMAND	on the host, in the directory of the fleet
#	device COMMAND		in the VM (device.sh)
#	refused SIDE COMMAND	the same, which has to fail
#	expect REGEXP		what the last one has to have printed
#	until_device COMMAND	wait for it, unseen
#	device_boot OPTION...	of run.sh
#	device_cut		its power
#
# Whatever is not as it should be ends the demo, with 1.

vm='' registrar=''
device_log=$top/build/logs/demo

# Each argument is a line.
say()
{
	echo
	printf '# %s\n' "$@"
}

wrong()
{
	echo "DEMO WENT WRONG: $*"
	exit 1
}

# typed PROMPT COMMAND
typed() { printf '%s %s\n' "$1" "${2//$'\n'/$'\n'> }"; }

on_registrar() # COMMAND: its output in $said
{
	local status=0
	eval "$1" >"$work/said" 2>&1 </dev/null || status=$?
	said=$(cat "$work/said")
	return $status
}

hear() # what the device says, and its status
{
	local line
	said=
	while IFS= read -r -u "$from_device" line; do
		if [ "${line:0:1}" = $'\4' ]; then
			said=${said%$'\n'} said=${said%$'\n'}
			return "${line:1}"
		fi
		said+=$line$'\n'
	done
	wrong "the device is gone: see $device_log"
}

on_device() # COMMAND
{
	printf '%s\4' "$1" >&"$to_device"
	hear
}

told() # SIDE COMMAND: both are shown
{
	local status=0
	typed "$1\$" "$2"
	"on_$1" "$2" || status=$?
	[ -z "$said" ] || printf '%s\n' "$said"
	return $status
}

registrar() { told registrar "$1" || wrong "that should have worked"; }
device() { told device "$1" || wrong "that should have worked"; }
refused() { ! told "$@" || wrong "that should have been refused"; }
expect() { grep -qE -e "$1" <<<"$said" || wrong "that should have said '$1'"; }

until_device()
{
	local end=$((SECONDS + 60))
	until on_device "$1"; do
		[ $SECONDS -lt $end ] || {
			on_device 'cat /tmp/log'
			printf '%s\n' "$said"
			wrong "in vain: $1"
		}
		sleep 0.1
	done
}

device_boot()
{
	coproc PORT { exec python3 "$top/tests/vm/port.py" "$work/port" 2>/dev/null; }
	# shellcheck disable=SC2153 # made by coproc
	port_pid=$PORT_PID
	exec {from_device}<&"${PORT[0]}" {to_device}>&"${PORT[1]}"
	while [ ! -S "$work/port" ]; do sleep 0.05; done
	"$top/tests/vm/run.sh" --kernel "$version" --initramfs "$initramfs" --name demo --virtual-time \
		--shift 4 --net --port "$work/port" --disk "$work/disk" --append ima_policy=tcb \
		--timeout 120 --quiet --power-cut "$@" >/dev/null &
	vm=$!
	# a VM that never gets as far as its job
	{ while kill -0 $vm 2>/dev/null; do sleep 1; done; kill "$port_pid" 2>/dev/null; } &
	hear
}

device_cut()
{
	local status=0
	printf 'echo CUT >&3\4' >&"$to_device"
	wait "$vm" || status=$?
	vm=
	wait "$port_pid" || true
	exec {from_device}<&- {to_device}>&-
	rm -f "$work/port"
	[ $status = 0 ] || wrong "the device ended with $status: see $device_log"
}

registrar_up()
{
	registrar 'iotkey-registrar run --config fleet/registrar.conf 2>>fleet/log & registrar=$!'
	for _ in {1..100}; do
		! iotkeyctl fleet status >/dev/null 2>&1 || return 0
		sleep 0.05
	done
	cat fleet/log
	wrong "no registrar"
}

registrar_down() { registrar 'kill $registrar; wait $registrar' && registrar=; }

stage_clear()
{
	[ -z "$vm" ] || kill "$vm" 2>/dev/null || true
	[ -z "$registrar" ] || kill "$registrar" 2>/dev/null || true
}
