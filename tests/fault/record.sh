#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Everything that passes between the TPM and the guest is recorded while roots are created
# (with PCRs, with their parent), loaded, unsealed and imported; record.py searches it for
# their secrets, what follows from them, and passwords.
#
# From tests/vm/check.sh: RUN, DIR.
set -u

top=$(cd "$(dirname "$0")/../.." && pwd)
logs=$top/build/logs/${RUN##*--name }

cat >"$DIR/job" <<-'END'
	#!/bin/bash
	modprobe iotkey
	cd /usr/lib/iotkey/tests && mkdir /tmp/record && tmp=/tmp/record || exit 1
	stty -F /dev/ttyS2 raw -echo
	exec 4<>/dev/ttyS2
	section() { printf '# %s\n' "$1" >&4; read -r answer <&4; }
	hex() { od -An -v -tx1 | tr -d ' \n'; }
	. common/tss2.sh
	# add NAME TEXT: a root; gone NAME: until it may be loaded again
	add() { keyctl add iot "$1" "$2" @s >$tmp/quiet || echo "not added: $1"; }
	gone()
	{
		local key
		key=$(keyctl search @s iot "$1")
		keyctl unlink "$key" @s
		while keyctl describe "$key" >$tmp/quiet 2>&1; do sleep 0.1; done
	}
	# unseal NAME PARENT [OPTION...]: in clear, from the blob
	unseal()
	{
		local name=$1 parent=$2 blob
		shift 2
		blob=$(keyctl pipe "%iot:$name")
		printf %s "$blob" | part_of >$tmp/der
		octets $tmp/der 1 >$tmp/pub
		octets $tmp/der 2 >$tmp/priv
		quiet tpm2_load -C "$parent" -u $tmp/pub -r $tmp/priv -c $tmp/ctx
		echo "result $name $(tpm2_unseal -c $tmp/ctx "$@" | hex) $blob"
		quiet tpm2_flushcontext -t
	}

	section prepare
	add first "new root provider=tpm parent=0x81000001 mkparent"
	head -c 32 /dev/urandom >$tmp/secret
	quiet tpm2_readpublic -c 0x81000001 -o $tmp/parent.pub
	duplicate $tmp/secret $tmp/parent.pub || cat $tmp/quiet
	der $importable $tmp/dup.pub $tmp/dup.priv $tmp/dup.seed | base64 -w 0 >$tmp/import

	section create
	add plain "new root provider=tpm parent=0x81000001"
	add bound "new root provider=tpm parent=0x81000001 pcrs=sha256:0,7,16"
	add under "new root provider=tpm parent=0x81000002 mkparent"
	section load
	for name in plain bound under; do
		blob=$(keyctl pipe %iot:$name)
		gone $name
		add $name "load $blob"
	done
	section import
	add imported "load $(cat $tmp/import)"
	blob=$(keyctl pipe %iot:imported)
	gone imported
	add imported "load $blob"
	section proof
	unseal plain 0x81000001
	unseal bound 0x81000001 -p pcr:sha256:0,7,16
	unseal under 0x81000002
	unseal imported 0x81000001
	section end
	END
# shellcheck disable=SC2086 # $RUN is the start of a command
$RUN --job "$DIR/job" --tpm "$DIR/tpm" --bus --quiet >"$DIR/out" ||
	echo "# the VM ended with $?"
grep -vE '^(# vm: |result )' "$logs/result.log" | sed 's/^/# guest: /'
exec python3 "$top/tests/fault/record.py" "$logs/bus.log" "$logs/result.log" "$DIR/tpm"
