#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# An interposer on the TPM's bus (tests/vm/tpmproxy.c) spoils every answer: bus.c, in a
# VM, says how, and what must become of it.
#
# IOTKEY_LONG: every bit of every byte, else one.  SEED: which.
# From tests/vm/check.sh: RUN, DIR.
set -u

top=$(cd "$(dirname "$0")/../.." && pwd)
log=$top/build/logs/${RUN##*--name }/result.log
long=${IOTKEY_LONG:-}
seed=${SEED:-${long:+$RANDOM}}
seed=${seed:-1}

{
	echo '#!/bin/bash'
	echo "export IOTKEY_LONG=$long SEED=$seed"
	cat <<-'END'
	cd /usr/lib/iotkey/tests && mkdir /tmp/bus && tmp=/tmp/bus || exit 1
	hex() { od -An -v -tx1 | tr -d ' \n'; }
	. common/tss2.sh
	modprobe iotkey
	# what stays in the TPM for a while would be counted to what comes next
	echo 0 >/sys/module/iotkey/parameters/linger
	keyctl add iot parent "new root provider=tpm parent=0x81000001 mkparent" @s >$tmp/quiet
	head -c 32 /dev/urandom >$tmp/secret
	quiet tpm2_readpublic -c 0x81000001 -o $tmp/parent.pub
	duplicate $tmp/secret $tmp/parent.pub || cat $tmp/quiet
	exec ./bus "$(der $importable $tmp/dup.pub $tmp/dup.priv $tmp/dup.seed | base64 -w 0)"
	END
} >"$DIR/job"
echo "# SEED=$seed"
# shellcheck disable=SC2086 # $RUN is the start of a command
$RUN --job "$DIR/job" --tpm "$DIR/tpm" --bus --timeout "${SUITE_TIMEOUT:-600}" --quiet \
	--guest-timeout 100000 >"$DIR/out"
status=$?
grep -v '^# vm: ' "$log"
grep -q '^1\.\.' "$log" || echo "Bail out! the VM ended with $status"
