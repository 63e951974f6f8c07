#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Measured history: what is in IMA's log for what was done, and what is not.
# vm: ima
# timeout: 300
# shellcheck source=tests/kselftest/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/kselftest/common/iot.sh
. "$(dirname "$0")/common/iot.sh"
# shellcheck source=tests/kselftest/common/tss2.sh
. "$(dirname "$0")/common/tss2.sh"

export TPM2TOOLS_TCTI=device:/dev/tpmrm0
log=/sys/kernel/security/ima/ascii_runtime_measurements
param=/sys/module/iotkey/parameters/measure

# All records: event and hex, a line each; and the new ones.
all_records()
{
	sed -n 's/^10 [0-9a-f]* ima-buf sha256:[0-9a-f]* iotkey-\([a-z]*\) \([0-9a-f]*\)$/\1 \2/p' $log
}
records() { all_records | tail -n +$((seen + 1)); }
events() { records | cut -d ' ' -f 1 | xargs; }

# bytes FROM [NUMBER]: of the new records, in hex
bytes() { records | cut -d ' ' -f 2 | cut -c $((2 * $1 + 1))-${2:+$((2 * $1 + 2 * $2))}; }
numbers() { bytes "$@" | while read -r n; do echo $((16#$n)); done | xargs; }
names() { bytes 81 | while read -r name; do echo "$name" | unhex; echo; done | xargs; }

# taken NAME MEASURED LOST: what the module counts, when it has come to that
taken()
{
	local i
	for i in $(seq 100); do
		[ "$(stat_of records_measured) $(stat_of records_lost)" != "$2 $3" ] || break
		sleep 0.05
	done
	is "$1" "$2 $3" "$(stat_of records_measured) $(stat_of records_lost)"
}

# expect NAME EVENT...: the events since $seen, when they have arrived
expect()
{
	local name=$1 i
	shift
	for i in $(seq 100); do
		[ "$(events)" != "$*" ] || break
		sleep 0.05
	done
	is "$name" "$*" "$(events)"
}

# The doctor, in a file system of its own, where something is hidden or forged.
ill() # COMMANDS...
{
	unshare -m bash -c "$1
		iotkeyctl doctor"
}

load()
{
	seen=$(all_records | wc -l)
	ok "load with $1" modprobe iotkey "$1"
}

test_off()
{
	local key
	seen=$(all_records | wc -l)
	is "off by default" off "$(cat $param)"
	add quiet-root new root provider=soft >"$tmp/quiet"
	key=$(add quiet new aes-256-gcm root=quiet-root mode=derive)
	keyctl update "$key" rotate
	keyctl revoke "$key"
	taken "nor counted" 0 0
	keyctl clear @s
	ok "unload" unload
	is "nothing is measured then" "" "$(events)"
}

test_parameter()
{
	is_err "a word that it does not know" EINVAL modprobe iotkey measure=some
	load measure=all
	is "it says so" all "$(cat $param)"
	ok "nobody changes it" bash -c "! echo off 2>&- >$param"
	is "it still says so" all "$(cat $param)"
	ok "unload" unload
	expect "begin and end are measured" begin end
	is "under what it was" all "$(names)"
}

# A life, all of it.
test_life()
{
	local key short blob
	load measure=all
	add lives new root provider=tpm parent=0x81000001 mkparent >"$tmp/quiet"
	key=$(add telemetry new aes-256-gcm root=lives)
	expect "made" begin created created
	keyctl update "$key" rotate 2>"$tmp/quiet" # waits for "stored"
	keyctl update "$key" "stored=2"
	keyctl update "$key" rotate
	blob=$(keyctl pipe "$key")
	keyctl revoke "$key"
	keyctl unlink "$key" @s
	expect "rotated, revoked, gone" begin created created rotated revoked destroyed
	key=$(add telemetry load "$blob")
	short=$(add short new aes-128-ccm root=lives mode=derive lifetime=1s)
	sleep 1.5
	is_err "used after its life" EKEYEXPIRED keyctl pkey_encrypt "$short" 0 $log
	expect "loaded; expired" begin created created rotated revoked destroyed \
		loaded created expired
	taken "each is counted" 9 0
	like "the doctor is content" "^ok +measured history +measure=all: 9 records, 0 lost" \
		"$(iotkeyctl doctor)"
	like "not so if IMA had no TPM" "^fail +measured history +IMA has no TPM" \
		"$(ill 'mount -t tmpfs none /sys/class/tpm')"
	like "nor with one that it does not extend" "^fail +measured history +IMA does not extend" \
		"$(ill "mount -t tmpfs none /sys/class/tpm; mkdir -p /sys/class/tpm/tpm0/pcr-sha256
			printf '%064d\n' 0 >/sys/class/tpm/tpm0/pcr-sha256/10")"
	keyctl clear @s
	ok "unload" unload
	ok "iotkeyctl history is content" iotkeyctl history
	like "with the PCR of SHA-256" '^PCR 10 of sha256: agrees with entries 1 to ([0-9]*) of \1$' \
		"$(iotkeyctl history)"
	is "and tells the same" "$(all_records | cut -d ' ' -f 1 | xargs)" \
		"$(iotkeyctl --quiet history | sed 1d | awk '{ print $5 }' | xargs)"
	is "their numbers count on" "$(seq -s ' ' 0 12)" "$(numbers 16 4)"
	is "each stands for itself" "$(printf '1 %.0s' {0..12} | xargs)" "$(numbers 20 4)"
	is "versions" "0 0 1 2 2 2 2 1 1" "$(numbers 56 4 | cut -d ' ' -f 1-9)"
	is "algorithms" "0 0 1 1 1 1 1 2 2" "$(numbers 5 1 | cut -d ' ' -f 1-9)"
	is "modes" "0 0 1 1 1 1 1 2 2" "$(numbers 6 1 | cut -d ' ' -f 1-9)"
	is "providers" "0 1 1 1 1 1 1 1 1" "$(numbers 7 1 | cut -d ' ' -f 1-9)"
	is "names" "all lives telemetry telemetry telemetry telemetry telemetry short short" \
		"$(names | cut -d ' ' -f 1-9)"
	is "one instance" 1 "$(bytes 8 8 | sort -u | wc -l)"
	seen=$((seen - 1))
	is "another than before" 2 "$(bytes 8 8 | sort -u | wc -l)"
	is "none twice" "" "$(all_records | sort | uniq -d)"
}

test_without_rotations()
{
	local key
	load measure=life
	add lives new root provider=soft >"$tmp/quiet"
	key=$(add telemetry new aes-256-gcm root=lives mode=derive)
	keyctl update "$key" rotate
	keyctl clear @s
	ok "unload" unload
	is "measure=life: no rotations" "begin created created destroyed destroyed end" "$(events)"
	is "the first says so" life "$(names | cut -d ' ' -f 1)"
}

# The log and a quote of the PCR by tpm2-tools, as evidence in a directory.
test_quoted()
{
	local dir=$tmp/evidence
	mkdir "$dir"
	quiet tpm2_createprimary -C e -G ecc -c "$tmp/primary" &&
		quiet tpm2_create -C "$tmp/primary" -c "$tmp/ak" -G ecc:ecdsa:null \
			-a 'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|restricted|sign' &&
		quiet tpm2_quote -c "$tmp/ak" -l sha256:10 -q 0102 -m "$dir/quote.msg" \
			-s "$dir/quote.sig" -o "$dir/quote.pcrs"
	load measure=all
	ok "unload" unload
	cp ${log/ascii/binary} "$dir/ima"
	ok "history of evidence" iotkeyctl history "$dir"
	like "leaves out what is younger" '^left out: 2 records younger than the PCR$' \
		"$(iotkeyctl history "$dir")"
	head -c -1 "$dir/quote.pcrs" >"$tmp/short" && mv "$tmp/short" "$dir/quote.pcrs"
	like "other PCRs than the quote's" 'these are not the PCRs of that quote' \
		"$(iotkeyctl history "$dir" 2>&1)"
}

# What waits to be measured waits for resume too: IMA would keep an entry that a sleeping TPM
# did not take, and log and PCR would not agree any more.
test_suspend()
{
	local key n=0 records=0
	grep -q devices /sys/power/pm_test 2>/dev/null || return 0 # Debian's cannot
	stty -F /dev/ttyS2 raw -echo
	exec 4<>/dev/ttyS2
	host() { printf '%s\n' "$*" >&4; read -r <&4; }
	load measure=all
	add lives new root provider=soft >"$tmp/quiet"
	key=$(add telemetry new aes-256-gcm root=lives mode=derive)
	host on 0x182 0 delay 500
	# quicker than the TPM, however slow this machine is
	while [ $((n - records)) -lt 20 ] && [ $n -lt 400 ]; do
		for _ in 1 2 3 4 5 6 7 8 9 10; do keyctl update "$key" rotate; done
		n=$((n + 10)) records=$(records | wc -l)
	done
	ok "records wait when it suspends" test $((n - records)) -ge 20
	echo devices >/sys/power/pm_test
	ok "suspend" bash -c "echo mem >/sys/power/state"
	echo none >/sys/power/pm_test
	host clear
	exec 4>&-
	keyctl clear @s
	ok "unload" unload
	is "all are measured" "$((n + 6)) $(seq -s ' ' 0 $((n + 5)))" "$(records | wc -l) $(numbers 16 4)"
	ok "the log leads to the PCR" iotkeyctl history
}

# An overdue rotation is a failed one; once.
test_failed()
{
	local key
	load measure=life
	add lives new root provider=soft >"$tmp/quiet"
	key=$(add late new aes-256-gcm root=lives rotate=1s)
	sleep 1.5
	keyctl pkey_query "$key" 0 >"$tmp/quiet"
	expect "a rotation that cannot be" begin created created failed
	is "EAGAIN" 11 "$(numbers 72 4 | cut -d ' ' -f 4)"
	keyctl clear @s
	ok "unload" unload
}

[ -e $log ] || skip_all "no IMA in this kernel"
unload >"$tmp/quiet" || skip_all "keys that are not ours hold the module"
modprobe iotkey
test_off
test_parameter
test_life
test_without_rotations
test_quoted
test_suspend
test_failed
modprobe iotkey
finish
