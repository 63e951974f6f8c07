#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# keyutils' own test suite gives the same results with the module loaded, and with keys
# of type iot around, as without it.  Without IOTKEY_LONG=1 it is a part of the suite.
#
# Minutes on the debug kernel, and nothing of ours that other suites do not do there:
# kernel: not debug, but in make check-long
# timeout: 3000
# shellcheck source=tests/kselftest/lib.sh
. "$(dirname "$0")/lib.sh"

# What goes through most of the core on the way to a key type, in the least time.
part="keyctl/add/useradd keyctl/update/userupdate keyctl/link/valid keyctl/search/valid
keyctl/revoke/valid keyctl/invalidate/valid keyctl/timeout/valid keyctl/describing/valid
keyctl/permitting/valid"

tmp=$(mktemp -d)
tests=$tmp/tests
limit=300

# Little programs that the suite asks about the machine.
make_programs()
{
	mkdir "$tmp/bin"
	# shellcheck disable=SC2016 # for those programs
	printf '#!/bin/sh\necho "$*: ELF 64-bit LSB pie executable"\n' >"$tmp/bin/file"
	printf '#!/bin/sh\necho 4096\n' >"$tmp/bin/getconf"
	printf '#!/bin/sh\necho Debian\n' >"$tmp/bin/lsb_release"
	chmod 755 "$tmp/bin"/*
}

# run_one TEST: pass, skip or fail, and where
run_one()
{
	local status=0 marker
	cd "$tests/$1" || return
	PATH=$tmp/bin:$PATH TEST=$1 SKIPROOTREQ=yes SKIPINSTALLREQ=yes \
		timeout -k 5 $limit bash ./runtest.sh >"$tmp/log" 2>&1 </dev/null || status=$?
	marker=$(grep -a '^+++ ' test.out | tail -n 1)
	if grep -qa 'SKIPPING TEST' test.out; then
		echo "$1: skip: $marker"
	elif [ $status = 0 ] && grep -qa 'FINISHED TEST: PASS' test.out; then
		echo "$1: pass"
	else
		echo "$1: fail ($status): $marker"
		{ tail -n 15 "$tmp/log"; tail -n 15 test.out; } | sed "s,^,# $2: ,"
	fi
}

# run_all NAME: results in $tmp/NAME, and what went wrong in the log
run_all()
{
	local test
	SECONDS=0
	for test in $list; do
		run_one "$test" "$1"
		echo "# $1: $SECONDS s: $test"
	done >"$tmp/$1.all"
	grep -a '^# ' "$tmp/$1.all"
	grep -av '^# ' "$tmp/$1.all" >"$tmp/$1"
	note "$1: $(wc -l <"$tmp/$1") tests in $SECONDS s: $(grep -c ': pass$' "$tmp/$1") pass," \
		"$(grep -c ': skip' "$tmp/$1") skipped, $(grep -c ': fail' "$tmp/$1") fail"
}

# Keys that the suite could find, one of which rotates all the time.
make_keys() # KEYRING
{
	keyctl add iot "root-$1" "new root provider=soft" "$1" &&
		keyctl add iot "key-$1" "new aes-256-gcm root=root-$1 rotate=1h" "$1" &&
		keyctl add iot "tick-$1" "new hmac-sha256 root=root-$1 mode=derive rotate=1" "$1"
}

iot_keys() { grep -c ' iot  *[a-z]*-@[su]: ' /proc/keys; }

unload()
{
	for _ in {1..200}; do
		[ -d /sys/module/iotkey ] || return 0
		rmmod iotkey 2>/dev/null || sleep 0.1
	done
	return 1
}

here=$(cd "$(dirname "$0")" && pwd)
ok "keyutils' suite was fetched (tests/vm/keyutils.sh on the host)" \
	tar -C "$tmp" -xf "$here/keyutils-tests.tar"
if [ ! -d "$tests" ]; then done_testing; fi
make_programs
list=$part
if [ -n "${IOTKEY_LONG:-}" ]; then
	list=$(cd "$tests" && find keyctl bugzillas features -name runtest.sh |
		sed 's,/runtest.sh$,,' | sort)
fi

[ -d /sys/module/iotkey ] || modprobe iotkey
ok "keys in the session keyring" make_keys @s
ok "keys in the user keyring" make_keys @u
run_all with
is "the keys are still there" 6 "$(iot_keys)"
keyctl clear @s
keyctl clear @u
ok "the module goes" unload
run_all without
modprobe iotkey

is "no test fails without the module" "" "$(grep ': fail' "$tmp/without")"
for test in $list; do
	is "$test" "$(grep "^$test: " "$tmp/without")" "$(grep "^$test: " "$tmp/with")"
done
rm -rf "$tmp"
done_testing
