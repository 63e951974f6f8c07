#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# In the guest: runs test programs, each as one subtest of the KTAP stream.
# Usage: guest-run.sh PROGRAM...
set -u
set -o pipefail

cd /usr/lib/iotkey/tests || exit 1
failed=0

limit() # PROGRAM: seconds of guest time, from a line "# timeout: N" of its source
{
	local n
	n=$(head -n 20 "$1" | tr -d '\0' | sed -n 's,^[/#* ]*timeout: \([0-9]*\).*,\1,p')
	echo "${n:-300}"
}

# Each suite has a session keyring of its own, with a link to @u as after a login, and
# finds @u empty, so the order does not matter.
run_one()
{
	keyctl clear @u
	# shellcheck disable=SC2016 # for that shell to expand
	timeout -k 5 "$(limit "$1")" keyctl session - \
		sh -c 'keyctl link @u @s; exec "$0"' "./$1" 2>&1
}

modprobe iotkey || echo "# no module iotkey"
echo "KTAP version 1"
echo "1..$#"
n=0
for program in "$@"; do
	n=$((n + 1))
	echo "iotkey-test: $program" >/dev/kmsg
	echo "    # Subtest: $program"
	status=0
	run_one "$program" | sed -u 's/^/    /' || status=$?
	if [ $status = 0 ]; then
		echo "ok $n - $program"
	else
		failed=1
		echo "not ok $n - $program # exit status $status"
	fi
done
keyctl clear @u
exit $failed
