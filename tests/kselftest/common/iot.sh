# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What the suites for keys of type iot share, on top of lib.sh.

tmp=$(mktemp -d)

# add NAME TEXT...: a key in the session keyring; prints its serial number
add()
{
	local name=$1
	shift
	keyctl add iot "$name" "$*" @s
}

# The line of a key in /proc/keys, and the iot part of it.
proc_line() { grep "^$(printf %08x "$1") " /proc/keys; }
proc_text() { proc_line "$1" | sed 's/^.* iot  *//'; }

# As uid 1000, with a session keyring of its own.
as_user()
{
	# shellcheck disable=SC2016 # for that shell
	su -s /bin/bash -c 'exec keyctl session - "$@"' -- user sh "$@"
}

# One of the module's counters
stat_of() { iotkeyctl --json stats | sed -n "s/.*\"$1\": *\([0-9]*\).*/\1/p"; }

# A command whose output is of no interest, and may hold zeros.
quietly() { "$@" >"$tmp/quiet"; }

hex() { od -An -v -tx1 | tr -d ' \n'; }
unhex() { xxd -r -p; }

# rmmod, once the last key is collected
unload()
{
	local i
	for i in $(seq 200); do
		rmmod iotkey 2>"$tmp/error" && return
		sleep 0.05
	done
	note "rmmod, after $i times: $(cat "$tmp/error")"
	return 1
}

finish()
{
	keyctl clear @s
	rm -rf "$tmp"
	done_testing
}
