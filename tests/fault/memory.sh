#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Secrets at rest in memory: of a version that is over, a dump of the guest's physical
# memory (QEMU's pmemsave) holds no copy, whichever way it ended; while it lives the same
# search finds it.  memory.py, on the host, knows the secrets and searches, so that
# the guest has no other copies.
#
# From tests/vm/check.sh: RUN, DIR.
set -u

top=$(cd "$(dirname "$0")/../.." && pwd)
slow=${IOTKEY_SLOW:-1}
mib=$((256 * slow))
run=$(mktemp -d "${TMPDIR:-/tmp}/iotkey-memory.XXXXXX")
searcher=
trap '[ -z "$searcher" ] || kill "$searcher"; rm -rf "$run"' EXIT

# A root whose secret the host knows: sealed in the TPM before the VM has it.
export TPM2TOOLS_TCTI="swtpm:path=$run/tpm"
tmp=$DIR
hex() { od -An -v -tx1 | tr -d ' \n'; }
# shellcheck source=tests/kselftest/common/tss2.sh
. "$top/tests/kselftest/common/tss2.sh"
seal()
{
	mkdir "$DIR/tpm"
	swtpm socket --tpm2 --tpmstate "dir=$DIR/tpm" --flags startup-clear \
		--server "type=unixio,path=$run/tpm" --ctrl "type=unixio,path=$run/tpm.ctrl" \
		>"$DIR/swtpm.log" 2>&1 &
	set -- $!
	for _ in {1..100}; do [ ! -S "$run/tpm.ctrl" ] || break; sleep 0.05; done
	head -c 32 /dev/urandom >"$DIR/secret"
	quiet tpm2_createprimary -C o -G ecc256:null:aes128cfb -c "$DIR/primary" \
		-a 'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|noda|restricted|decrypt' &&
		quiet tpm2_evictcontrol -C o -c "$DIR/primary" 0x81000001 &&
		quiet tpm2_flushcontext -t &&
		quiet tpm2_create -C 0x81000001 -i "$DIR/secret" -u "$DIR/pub" -r "$DIR/priv" &&
		der $sealed "$DIR/pub" "$DIR/priv" >"$DIR/der"
	swtpm_ioctl --unix "$run/tpm.ctrl" -s
	wait "$1"
	[ -s "$DIR/der" ]
}

job()
{
	cat <<-'END'
	start=$(date +%s)
	modprobe iotkey
	stty -F /dev/ttyS2 raw -echo
	exec 4<>/dev/ttyS2
	host() { printf '%s\n' "$*" >&4; read -r answer <&4; }
	new() { local name=$1; shift; keyctl add iot "$name" "new $*" @s >/dev/null; }
	blob() { host blob "$1" "$(keyctl pipe "%iot:$1")"; }
	number() { keyctl search @s iot "$1"; }
	printf 'some text to be kept to itself' >/tmp/text
	# use KEY VERSION: encrypt, decrypt, tell the host of the message
	use()
	{
		keyctl pkey_encrypt "%iot:$1" 0 /tmp/text >/tmp/message
		keyctl pkey_decrypt "%iot:$1" 0 /tmp/message >/tmp/opened
		cmp /tmp/text /tmp/opened
		host message "$1" "$2" "$1-message" "$(base64 -w 0 /tmp/message)"
	}
	sign()
	{
		keyctl pkey_sign "%iot:$1" 0 /tmp/text >/tmp/signature
		keyctl pkey_verify "%iot:$1" 0 /tmp/text /tmp/signature
	}
	# until SECONDS COMMAND...: it fails
	until_not()
	{
		local tries=$(($1 * 10 * slow))
		shift
		while "$@" >/tmp/out 2>&1 && [ $tries -gt 0 ]; do sleep 0.1; tries=$((tries - 1)); done
	}
	collected() { until_not 20 keyctl describe "$1"; sleep 0.5; }
	echo 0 >/proc/sys/kernel/keys/gc_delay

	### What lives
	new soft root provider=soft
	blob soft
	new revoked aes-256-gcm root=soft rotate=1d ahead=1h
	new expired xchacha20-poly1305 root=soft mode=derive lifetime=1h
	new rotated hmac-sha256 root=soft overlap=$((10 * slow))
	new ratchet aes-128-ccm root=soft mode=ratchet overlap=$((10 * slow)) rotate=1d
	new mixed aes-256-gcm root=soft mode=ratchet overlap=0 rotate=1d
	new derived aes-128-cmac root=soft mode=derive overlap=$((10 * slow)) rotate=1d
	new unlinked aes-128-cmac root=soft
	new invalidated aes-256-gcm root=soft mode=ratchet rotate=1d
	new timeout kdf root=soft
	new kept aes-128-ccm root=soft
	names="revoked expired rotated ratchet mixed derived unlinked invalidated timeout kept"
	for name in $names; do
		blob $name
		keyctl update %iot:$name stored=2 2>/tmp/out
		keyctl update %iot:$name stored=1 2>/tmp/out
	done
	for name in revoked expired ratchet mixed invalidated kept; do use $name 1; done
	for name in rotated derived unlinked; do sign $name; done
	host dump before
	for name in $names; do host live $name 1; done
	host live soft root
	host live revoked 2
	host live ratchet chain 1
	host live mixed chain 1

	### Each goes its way
	keyctl revoke %iot:revoked
	keyctl update %iot:expired "set lifetime=$(($(date +%s) - start + 8 * slow))"
	keyctl update %iot:rotated rotate
	blob rotated
	keyctl update %iot:rotated stored=3
	keyctl update %iot:ratchet rotate
	blob ratchet
	keyctl update %iot:mixed mix=00112233445566778899aabbccddeeff
	blob mixed
	keyctl update %iot:mixed stored=2
	keyctl update %iot:derived rotate
	blob derived
	host dump at the rotation
	for name in rotated ratchet; do
		host live $name 1
		host live $name 2
	done
	host gone derived 1	# can be computed again, and is, where it is wanted
	host live derived 2
	host gone ratchet chain 1
	host gone mixed chain 1
	unlinked=$(number unlinked) invalidated=$(number invalidated) timeout=$(number timeout)
	keyctl unlink $unlinked @s
	keyctl invalidate $invalidated
	keyctl timeout $timeout 1
	for name in rotated derived; do sign $name; done
	use ratchet 2
	sleep $((11 * slow))
	for key in $unlinked $invalidated $timeout; do collected $key; done
	until_not 20 keyctl pkey_encrypt %iot:expired 0 /tmp/text
	host dump after
	host gone revoked 1
	host gone revoked 2
	for name in expired rotated ratchet mixed derived unlinked invalidated timeout; do
		host gone $name 1
	done
	host gone invalidated chain 1
	for name in revoked expired invalidated; do host gone $name-message 1; done
	for name in rotated ratchet mixed derived; do host live $name 2; done
	host live ratchet chain 2
	host live mixed chain 2
	host live kept 1
	host live soft root

	### A load that is refused; a root that is revoked
	kept=$(keyctl pipe %iot:kept)
	old=$(number kept)
	keyctl unlink $old @s
	collected $old
	keyctl add iot other "load $kept" @s 2>/tmp/out
	keyctl revoke %iot:soft
	until_not 20 keyctl pkey_sign %iot:rotated 0 /tmp/text
	sleep 0.5
	host dump the root is revoked
	host gone kept 1
	for name in rotated ratchet mixed derived; do host gone $name 2; done
	host gone ratchet chain 2
	host gone mixed chain 2

	### A root of the TPM
	keyctl add iot sealed "load $sealed" @s >/dev/null
	new child xchacha20-poly1305 root=sealed mode=derive
	blob child
	use child 1
	host dump with a root of the TPM
	host live sealed root
	host live child 1
	root=$(number sealed) child=$(number child)
	keyctl unlink $child @s
	keyctl unlink $root @s
	collected $child
	collected $root
	host dump without the root of the TPM
	for what in root wrap blob; do host gone sealed $what; done
	host gone child 1
	host gone child-message 1

	### No module
	keyctl clear @s
	for _ in {1..100}; do rmmod iotkey 2>/tmp/out && break; sleep 0.1; done
	lsmod | grep iotkey
	host dump without the module
	for what in root wrap blob; do host gone soft $what; done
	for name in $names; do host gone $name 1; done
	for name in rotated ratchet mixed derived; do host gone $name 2; done
	for name in revoked expired ratchet mixed invalidated kept; do host gone $name-message 1; done
	host gone ratchet-message 2
	END
}

seal || { echo "Bail out! nothing sealed: $(tail -n 3 "$DIR/quiet")"; exit 1; }
{
	echo '#!/bin/bash'
	echo "slow=$slow"
	echo "sealed='$(base64 -w 0 "$DIR/der")'"
	job
} >"$DIR/job"
python3 "$top/tests/fault/memory.py" "$run/port" "$run/monitor" "$DIR/dump" $mib \
	"sealed=$(hex <"$DIR/secret")" >"$DIR/found" 2>&1 &
searcher=$!
for _ in {1..100}; do [ ! -S "$run/port" ] || break; sleep 0.05; done
# shellcheck disable=SC2086 # $RUN is the start of a command
$RUN --job "$DIR/job" --tpm "$DIR/tpm" --port "$run/port" --monitor "$run/monitor" --mem $mib \
	--quiet >"$DIR/out"
status=$?
wait $searcher
searcher=
cat "$DIR/found"
sed 's/^/# guest: /' "$top/build/logs/${RUN##*--name }/result.log"
grep -q '^1\.\.' "$DIR/found" || echo "Bail out! the VM ended with $status"
