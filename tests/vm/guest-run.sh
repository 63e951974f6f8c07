#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# In the guest: runs test programs, each as one subtest of the KTAP stream.
# Usage: guest-run.sh PROGRAM:SECONDS...     (the limit counts the guest's time)
set -u
set -o pipefail

cd /usr/lib/iotkey/tests || exit 1
failed=0

# Each suite has a session keyring of its own, with a link to @u as after a login, and
# finds @u empty, so the order does not matter.
run_one() # PROGRAM SECONDS
{
	keyctl clear @u
	# shellcheck disable=SC2016 # for that shell to expand
	timeout -k 5 "$2" keyctl session - \
		sh -c 'keyctl link @u @s; exec "$0"' "./$1" 2>&1
}

modprobe iotkey || echo "# no module iotkey"
echo "KTAP version 1"
echo "1..$#"
n=0
for program in "$@"; do
	n=$((n + 1))
	seconds=${program##*:}
	program=${program%:*}
	echo "iotkey-test: $program" >/dev/kmsg
	echo "    # Subtest: $program"
	status=0
	run_one "$program" "$seconds" | sed -u 's/^/    /' || status=$?
	if [ $status = 0 ]; then
		echo "ok $n - $program"
	else
		failed=1
		echo "not ok $n - $program # exit status $status"
	fi
done
keyctl clear @u
exit $failed
