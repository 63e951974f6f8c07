#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Runs one job in a VM.  Usage: tests/vm/run.sh OPTION...
#
#   --kernel VERSION      which of kernel.sh's (6.1)
#   --initramfs FILE      from initramfs.sh
#   --job COMMAND|FILE    what PID 1 runs: a command line, or a script of the host
#   --name NAME           logs go to build/logs/NAME/
#   --tpm DIR             a TPM whose state is kept in DIR (made when missing)
#   --bus                 the TPM behind tests/vm/tpmproxy.c, which the guest tells on
#                         /dev/ttyS2 what to spoil; its record is build/logs/NAME/bus.log
#   --port SOCKET         /dev/ttyS2 of the guest is connected to this socket of the host
#   --net                 a network card; the host is 10.0.2.2.  What goes over it is in
#                         build/logs/NAME/net.pcap
#   --monitor SOCKET      QEMU's monitor listens there
#   --disk FILE           a small disk, made when missing; the guest has it on /data,
#                         without sync: who wants it on the disk must fsync
#   --virtual-time        time jumps whenever the guest is idle (one CPU)
#   --shift N             in virtual time an instruction takes 2^N ns (1)
#   --cpu MODEL           QEMU's (max,-cx16)
#   --rtc TIME            what the clock shows at boot (2026-01-01T00:00:00; default: now)
#   --mem MIB --smp N     512 (the debug kernel: 1024), 2
#   --timeout SECONDS     of real time (300), times $IOTKEY_SLOW if that is set
#   --guest-timeout S     of the guest's time (600; a year with --virtual-time)
#   --power-cut           expect the guest to write a line CUT: QEMU is killed there and
#                         then; exit 0 if so, 3 if the job ended first
#   --power-cut-after S   the same after S seconds of real time
#   --parallel            the CPUs really run at the same time: more races, of the module's
#                         and, rarely, of QEMU's own (a kernel patches its code at boot)
#   --append WORDS        more for the kernel's command line
#   --quiet               do not copy the result port to the standard output
#   --shell               an interactive shell on this terminal (C-a x ends it)
#
# Exit status: the job's; 124 when it took too long; 125 when the VM died;
# 126 when the job went well but the kernel complained.
# shellcheck disable=SC2054 # commas are QEMU's
set -eu

top=$(cd "$(dirname "$0")/../.." && pwd)

die() { echo "run.sh: $*" >&2; exit 125; }

kernel=6.1 initramfs='' job='' name=vm tpm='' disk='' virtual=false rtc=utc mem=''
smp=2 timeout=300 guest_timeout='' cut=false cut_after='' append='' quiet=false
shell=false shift=1 thread=single bus=false port='' monitor='' cpu=max,-cx16 net=false
while [ $# -gt 0 ]; do
	case $1 in
	--kernel) kernel=$2; shift ;;
	--initramfs) initramfs=$2; shift ;;
	--job) job=$2; shift ;;
	--name) name=$2; shift ;;
	--tpm) tpm=$2; shift ;;
	--bus) bus=true ;;
	--port) port=$2; shift ;;
	--net) net=true ;;
	--monitor) monitor=$2; shift ;;
	--disk) disk=$2; shift ;;
	--virtual-time) virtual=true smp=1 ;;
	--shift) shift=$2; shift ;;
	--cpu) cpu=$2; shift ;;
	--rtc) rtc=$2; shift ;;
	--mem) mem=$2; shift ;;
	--smp) smp=$2; shift ;;
	--timeout) timeout=$2; shift ;;
	--guest-timeout) guest_timeout=$2; shift ;;
	--power-cut) cut=true ;;
	--power-cut-after) cut=true cut_after=$2; shift ;;
	--parallel) thread=multi ;;
	--append) append=$2; shift ;;
	--quiet) quiet=true ;;
	--shell) shell=true ;;
	*) die "unknown option $1 (see the head of $0)" ;;
	esac
	shift
done
if [ -z "$guest_timeout" ]; then
	guest_timeout=$((600 * ${IOTKEY_SLOW:-1}))
	if $virtual; then guest_timeout=31536000; fi
fi
timeout=$((timeout * ${IOTKEY_SLOW:-1}))
if [ -z "$mem" ]; then
	mem=512
	[ "${kernel%-debug}" = "$kernel" ] || mem=1024
fi
[ -e "$initramfs" ] || die "no --initramfs"
[ -n "$job" ] || $shell || die "no --job"

if $bus; then
	[ -n "$tpm" ] || die "--bus without --tpm"
	proxy=$top/build/tests/vm/tpmproxy
	make -s --no-print-directory -C "$top/tests" "$proxy" || die "no tpmproxy"
fi

# In virtual time the counter is QEMU's own.
if ! $virtual; then
	tsc=$top/build/tests/vm/tsc
	make -s --no-print-directory -C "$top/tests" "$tsc" || die "no tsc"
	tsc_khz=$("$tsc") || die "this host is no x86, whose time stamp counter the guest needs"
	append="tsc_early_khz=$tsc_khz $append"
fi

logs=$top/build/logs/$name
qemu_pid='' swtpm_pid='' proxy_pid=''
# Short, for the path of a socket may not have more than 107 bytes.
run=$(mktemp -d "${TMPDIR:-/tmp}/iotkey-vm.XXXXXX")

# shellcheck disable=SC2317 # called by the trap
cleanup()
{
	trap '' HUP INT TERM
	[ -z "$qemu_pid" ] || kill -KILL "$qemu_pid" 2>/dev/null || true
	[ -z "$proxy_pid" ] || kill "$proxy_pid" 2>/dev/null || true
	[ -z "$swtpm_pid" ] || kill "$swtpm_pid" 2>/dev/null || true
	wait 2>/dev/null || true
	rm -rf "$run"
}
trap cleanup EXIT
trap 'exit 129' HUP INT TERM

# The job is one more archive behind the initramfs.
add_job()
{
	mkdir "$run/job"
	if $shell; then
		printf '#!/bin/sh\nexec bash -i\n' >"$run/job/job"
	elif [ -f "$job" ]; then
		cp "$job" "$run/job/job"
	else
		printf '#!/bin/bash\n%s\n' "$job" >"$run/job/job"
	fi
	chmod 755 "$run/job/job"
	(cd "$run/job" && echo job | cpio --quiet -o -H newc -R 0:0) >"$run/job.cpio"
	cat "$initramfs" "$run/job.cpio" >"$run/initramfs"
}

wait_for() # SOCKET PID NAME: that the process listens on it
{
	for _ in {1..100}; do
		[ ! -S "$1" ] || return 0
		kill -0 "$2" 2>/dev/null || break
		sleep 0.05
	done
	die "$3: see $logs/$3.log"
}

add_tpm()
{
	local first socket=$run/tpm
	mkdir -p "$tpm"
	# In virtual time an idle guest does not wait for anybody: answer at once.
	first=(chrt -f 10)
	"${first[@]}" true 2>/dev/null || first=()
	"${first[@]}" swtpm socket --tpm2 --tpmstate "dir=$(realpath "$tpm")" --flags startup-clear \
		--ctrl "type=unixio,path=$run/tpm" --terminate \
		--log "file=$logs/swtpm.log,level=1" </dev/null >>"$logs/swtpm.log" 2>&1 &
	swtpm_pid=$!
	wait_for "$run/tpm" $swtpm_pid swtpm
	if $bus; then
		socket=$run/bus port=$run/program
		"${first[@]}" "$proxy" "$run/tpm" "$socket" "$port" "$logs/bus.log" \
			</dev/null >>"$logs/proxy.log" 2>&1 &
		proxy_pid=$!
		wait_for "$socket" $proxy_pid proxy
	fi
	qemu+=(-chardev "socket,id=tpm,path=$socket" -tpmdev emulator,id=tpm0,chardev=tpm
		-device tpm-crb,tpmdev=tpm0)
}

# QEMU's writes are in the host's page cache when it is killed: what the guest
# has flushed is kept, what it has not is lost, as with a real power cut.
add_disk()
{
	if [ ! -e "$disk" ]; then
		mkdir -p "$(dirname "$disk")"
		truncate -s 32M "$disk.new"
		PATH=$PATH:/usr/sbin mke2fs -q -t ext4 -E lazy_itable_init=0 "$disk.new"
		mv "$disk.new" "$disk"
	fi
	qemu+=(-drive "file=$disk,if=none,id=data,format=raw,cache=unsafe"
		-device virtio-blk-pci,drive=data)
	cmdline="$cmdline vmtest.disk"
}

# qboot: it starts faster than SeaBIOS, and QEMU puts a large initramfs over the
# ACPI tables that SeaBIOS makes when there is a TPM.  Without cx16: cmpxchg16b
# of QEMU 7.2 spoils the flags when CPUs run in parallel.
start_qemu()
{
	cmdline="console=ttyS0 loglevel=5 oops=panic panic=-1 tsc=reliable nowatchdog"
	cmdline="$cmdline no_timer_check mitigations=off vmtest.timeout=$guest_timeout"
	qemu=(qemu-system-x86_64 -nodefaults -no-user-config -no-reboot -display none
		-M q35 -bios qboot.rom -accel "tcg,tb-size=256,thread=$thread" -cpu "$cpu" -smp "$smp" -m "$mem"
		-kernel "$top/build/kernels/$kernel/vmlinux" -initrd "$run/initramfs"
		-rtc "base=$rtc,clock=vm")
	if $virtual; then qemu+=(-icount "shift=$shift,sleep=off"); fi
	if [ -n "$tpm" ]; then add_tpm; fi
	if [ -n "$disk" ]; then add_disk; fi
	if $shell; then
		cmdline="$cmdline vmtest.shell"
		qemu+=(-serial mon:stdio -serial "file:$logs/result.log")
		"${qemu[@]}" -append "$cmdline $append"
		exit 0
	fi
	if [ -n "$port" ]; then
		qemu+=(-chardev "socket,id=port,path=$port"
			-device isa-serial,chardev=port,iobase=0x3e8,irq=5)
	fi
	if $net; then
		qemu+=(-netdev user,id=net,ipv6=off -device "virtio-net-pci,netdev=net,romfile="
			-object "filter-dump,id=dump,netdev=net,file=$logs/net.pcap")
	fi
	if [ -n "$monitor" ]; then qemu+=(-monitor "unix:$monitor,server=on,wait=off"); fi
	mkfifo "$run/result"
	qemu+=(-serial "file:$logs/console.log" -chardev stdio,id=result,signal=off
		-serial chardev:result -append "$cmdline $append")
	"${qemu[@]}" </dev/null >"$run/result" 2>"$logs/qemu.log" &
	qemu_pid=$!
}

# Copies the result port until QEMU ends, and pulls the plug when it is time.
watch_results()
{
	local line rc
	while :; do
		rc=0
		IFS= read -r -t $((deadline > SECONDS ? deadline - SECONDS : 1)) line || rc=$?
		if [ $rc -gt 128 ] || [ $SECONDS -ge $deadline ]; then
			kill -KILL $qemu_pid
			ended=$at_deadline
			return
		elif [ $rc -ne 0 ]; then
			return
		fi
		printf '%s\n' "$line" >&3
		$quiet || printf '%s\n' "$line"
		case $line in
		CUT | *[!A-Za-z_-]CUT)
			kill -KILL $qemu_pid
			ended='cut'
			return ;;
		*"# vm: job exited with "*) ended=exit status=${line##* } ;;
		*"# vm: job timed out") ended=exit status=124 ;;
		*"# vm: "*killed*) ended=exit status=$((128 + ${line##* })) ;;
		esac
	done
}

# Lines of the kernel that no test may cause.
complaints()
{
	grep -aE 'BUG:|WARNING:|Oops|KASAN|UBSAN|KCSAN|possible (recursive|circular) locking|inconsistent lock state|INFO: (task .* blocked|rcu|trying)|rcu.*stall|Call Trace:|unreferenced object|Kernel panic|general protection fault[,:]|sleeping function called|refcount_t:|list_(add|del) corruption|leaked' \
		"$logs/console.log"
}

fail() # STATUS TEXT: said as KTAP too, so that the summary counts it
{
	printf 'not ok - %s\n' "$2" | tee -a "$logs/result.log"
	exit "$1"
}

mkdir -p "$logs"
rm -f "$logs"/*.log
add_job
start_qemu

ended=died status=125
deadline=$((SECONDS + timeout)) at_deadline=late
if [ -n "$cut_after" ] && [ "$cut_after" -lt "$timeout" ]; then
	deadline=$((SECONDS + cut_after)) at_deadline=cut
fi
exec 3>"$logs/result.log"
watch_results <"$run/result"
exec 3>&-
wait $qemu_pid 2>/dev/null || true
qemu_pid=

if found=$(complaints); then
	printf '%s\n' "$found" | head -n 40 | sed 's/^/# console: /' | tee -a "$logs/result.log"
	[ $ended = exit ] && [ "$status" != 0 ] && exit "$status"
	fail 126 "$name: the kernel complained (see $logs/console.log)"
fi
case $ended in
cut)
	if $cut; then exit 0; fi
	fail 125 "$name: power cut that nobody expected" ;;
late) fail 124 "$name: no end after $timeout s" ;;
died) fail 125 "$name: the VM died (see $logs/)" ;;
esac
[ "$status" != 124 ] || fail 124 "$name: no end after $guest_timeout s of the guest's time"
if $cut && [ "$status" = 0 ]; then exit 3; fi
exit "$status"
