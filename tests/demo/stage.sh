# SPDX-License-Identifier: GPL-2.0-or-later
# How an act is told: what is typed after a prompt, what it prints below.
# shellcheck shell=bash

blobs=/data/keys
export NO_COLOR=1	# it is told through a pipe

# Each argument is a line.
say()
{
	echo
	printf '# %s\n' "$@"
}

# Show a command line, and run it as it stands.
run()
{
	printf '%s\n' "\$ $*"
	eval "$*" 2>&1 || wrong "that should have worked"
}

# As run, but the act goes wrong if it succeeds.
refused()
{
	printf '%s\n' "\$ $*"
	! eval "$*" 2>&1 || wrong "that should have been refused"
}

wrong()
{
	echo "DEMO WENT WRONG: $*"
	exit 1
}

check() { "$@" || wrong "$*"; }

# The TPM is real software beside the VM: an idle guest in virtual time would be hours
# ahead before it answers.
stay_awake()
{
	while :; do :; done &
	spinner=$!
}

may_idle() { kill $spinner; }

load_module()
{
	modprobe iotkey clock_trusted=1 || wrong "no module"
	mkdir -p $blobs
	stay_awake
}

key() { keyctl search @u iot "$1"; }
