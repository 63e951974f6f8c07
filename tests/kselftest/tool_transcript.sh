#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# iotkeyctl as its user sees it: what is typed and what it prints, against
# tool/transcript.out.  Serial numbers, identities and times are made equal.
#
# When an output changes, the log of this test ends with the new transcript:
#	sed -n 's/^ *# new: \?//p' build/results/vm-6.12-default.ktap
# shellcheck source=tests/kselftest/lib.sh
. "$(dirname "$0")/lib.sh"

golden=$(cd "$(dirname "$0")" && pwd)/tool/transcript.out
work=$(mktemp -d)
cd "$work" || exit 1

# A prompt and the line, what that prints, and its exit status if it is not 0.
run()
{
	local status=0
	echo "\$ $*"
	eval "$*" 2>&1 || status=$?
	[ $status = 0 ] || echo "[exit $status]"
}

say() { printf '\n# %s\n' "$*"; }

# What differs from run to run.  A day that has just begun is a day.
normal()
{
	sed -E -e 's/^[0-9]+$/SERIAL/' -e 's/(key|serial|name:|^serial *) [0-9]{6,}/\1 SERIAL/' \
		-e 's/^(serial +)[0-9]+$/\1SERIAL/' -e 's/^SERIAL +NAME/SERIAL  NAME/' \
		-e 's/^[0-9]+ +([a-z])/SERIAL  \1/' -e 's/\(([0-9]{6,})\)/(SERIAL)/' \
		-e 's/"serial": ?[0-9]+/"serial": SERIAL/' -e 's/[0-9a-f]{32}/IDENTITY/' \
		-e 's/23h 59m/1d     /; s/29d 23h/30d    /; s/29d 23h/30d    /; s/ +$//' \
		-e 's/^[0-9-]{10} [0-9:]{8} /DATE TIME /' -e 's/^(start +).*UTC/\1DATE TIME UTC/' \
		-e 's/"(start|time_ns|rotates_in|expires_in)": ?[0-9]+/"\1": N/'
}

# list goes by serial numbers, which are random.
by_name() { sed -n '1p;1d;w rows'; sort -b -k2,2 rows; }

# tpm2-tools print what they did
evict_all()
{
	local handle
	for handle in $(tpm2_getcap handles-persistent | sed 's/^- //'); do
		tpm2_evictcontrol -Q -C o -c "$handle"
	done
}

roots()
{
	say "Roots"
	run iotkeyctl root device --provider tpm --parent 0x81000001 --mkparent --pcrs sha256:0,7 --save device.blob
	keyctl add logon board:secret "$(head -c 32 /dev/zero | tr '\0' k)" @u >/dev/null
	run iotkeyctl root board --provider key --key logon:board:secret
	run iotkeyctl root bench --provider soft
	run iotkeyctl root bench --provider soft
	run iotkeyctl root other --provider tpm --parent 0x81000002
	run iotkeyctl root other --provider key --key logon:board:other
	run iotkeyctl root other --provider soft --lifetime 1d
	run iotkeyctl root other --provider soft --keyring nowhere
}

keys()
{
	say "Keys"
	run iotkeyctl new telemetry --alg aes-256-gcm --root device --mode random --rotate 1d --overlap 1h \
		--ahead 1m --lifetime 30d --max-ops 1000 --usage encrypt,decrypt --save telemetry.blob
	run iotkeyctl new commands --alg xchacha20-poly1305 --root device --mode derive --rotate 1d --label c2
	run iotkeyctl new audit --alg hmac-sha256 --root board --mode ratchet --rotate 1d --overlap 1d --save audit.blob
	run iotkeyctl new spare --alg aes-128-ccm --root bench --rotate 1d --jitter 0
	run iotkeyctl new later --alg aes-128-cmac --root bench --start 4102444800 --usage verify
	run iotkeyctl --json new seed --alg kdf --root bench --mode derive
	run iotkeyctl new telemetry --alg kdf --root bench
	run iotkeyctl new orphan --alg kdf --root nowhere
	run "iotkeyctl list | by_name"
	run iotkeyctl show telemetry
	run iotkeyctl show device
	run iotkeyctl --json show commands
	run iotkeyctl show nothing
	run iotkeyctl show 1
}

policy()
{
	say "Policy"
	run iotkeyctl policy telemetry
	run iotkeyctl policy telemetry overlap=2h lifetime=60d max-ops=5000
	run iotkeyctl --json policy telemetry
	run iotkeyctl policy telemetry overlap=25h
	run iotkeyctl policy commands rotate=2d
	run iotkeyctl policy device overlap=1h
}

use()
{
	say "Use"
	echo 'temperature=21.5' >reading
	run iotkeyctl encrypt telemetry reading reading.enc
	run iotkeyctl decrypt telemetry reading.enc
	run "iotkeyctl encrypt commands <reading | iotkeyctl decrypt commands"
	run iotkeyctl encrypt spare reading spare.enc
	run iotkeyctl save spare spare.blob
	run iotkeyctl encrypt spare reading spare.enc
	run iotkeyctl rotate spare --save spare.blob
	run iotkeyctl decrypt spare spare.enc
	run iotkeyctl decrypt commands reading.enc
	run iotkeyctl decrypt audit reading.enc
	run iotkeyctl decrypt telemetry reading
	run iotkeyctl encrypt seed reading
	run iotkeyctl encrypt audit reading
	run iotkeyctl encrypt device reading
	run iotkeyctl sign audit reading -o reading.sig
	run iotkeyctl verify audit reading reading.sig
	run iotkeyctl --json verify audit reading reading.sig
	run iotkeyctl verify audit reading.enc reading.sig
	run iotkeyctl verify audit reading reading
	run iotkeyctl sign later reading -o later.sig
	run iotkeyctl sign telemetry reading -o reading.sig
	run "head -c 32769 /dev/zero | iotkeyctl sign audit"
	run ls
}

# Other letters in the midst of the body
forge()
{
	local text
	text=$(cat "$1")
	printf %s "${text:0:300}"
	printf %s "${text:300:40}" | tr A-Za-z B-ZAb-za
	printf %s "${text:340}"
}

blobs()
{
	say "Blobs"
	run iotkeyctl --json save telemetry telemetry.blob
	run iotkeyctl save commands commands.blob
	run iotkeyctl save commands /nowhere/commands.blob
	run iotkeyctl load telemetry.blob
	run "keyctl unlink %iot:telemetry @u >/dev/null; keyctl unlink %iot:commands @u >/dev/null"
	sleep 1 # the collector
	run iotkeyctl load telemetry.blob --name other
	forge telemetry.blob >forged.blob
	run iotkeyctl load forged.blob
	run "head -c 100 telemetry.blob >short.blob"
	run iotkeyctl load short.blob
	run iotkeyctl load telemetry.blob nothing.blob commands.blob
	run iotkeyctl decrypt telemetry reading.enc
	run iotkeyctl load telemetry.blob
}

in_the_tpm()
{
	say "Keys in the TPM"
	run iotkeyctl new gateway --alg ecdsa-p256 --parent 0x81000003 --save gateway.pem
	run iotkeyctl new gateway --alg ecdsa-p256 --parent 0x81000001 --save gateway.pem
	run iotkeyctl new witness --alg ecdsa-p256 --parent 0x81000001 --restricted
	run "iotkeyctl list | by_name | grep -e NAME -e ecdsa"
	run iotkeyctl show gateway
	run iotkeyctl --json show witness
	run "iotkeyctl public gateway | sed 2,3d"
	run iotkeyctl public telemetry
	run iotkeyctl sign gateway reading -o reading.sig
	run iotkeyctl verify gateway reading reading.sig
	run iotkeyctl verify gateway reading.enc reading.sig
	run iotkeyctl sign witness reading -o reading.sig
	run iotkeyctl rotate gateway
	run iotkeyctl policy gateway overlap=1h
	run iotkeyctl load gateway.pem
	run iotkeyctl load gateway.pem --name gateway2
	run iotkeyctl revoke gateway
	run iotkeyctl sign gateway reading -o reading.sig
	keyctl unlink %iot:gateway @u
	keyctl unlink %iot:gateway2 @u
	keyctl unlink %iot:witness @u
}

ends()
{
	say "Ends"
	iotkeyctl --quiet save telemetry telemetry.blob
	run iotkeyctl revoke telemetry
	run iotkeyctl encrypt telemetry reading
	run iotkeyctl revoke nothing commands
	run "iotkeyctl --json show commands | grep state"
	run iotkeyctl revoke bench
	run iotkeyctl rotate spare
	run iotkeyctl new last --alg kdf --root bench
	run iotkeyctl new brief --alg hmac-sha256 --root board --lifetime 1s --save brief.blob
	sleep 2
	run iotkeyctl sign brief reading -o brief.sig
}

watch()
{
	say "Events"
	iotkeyctl monitor --count 4 >events &
	sleep 1
	iotkeyctl --quiet root bench2 --provider soft >/dev/null
	iotkeyctl --quiet new ticker --alg hmac-sha256 --root bench2 --save ticker.blob >/dev/null
	iotkeyctl rotate ticker
	iotkeyctl revoke bench2
	wait
	run cat events
	run "iotkeyctl doctor | grep -v -e ' -> ' | cut -c 1-25"
	run "iotkeyctl --json stats | tr -d '0-9'"
}

transcript() { roots; keys; policy; use; blobs; in_the_tpm; ends; watch; }

modprobe iotkey
echo N >/sys/module/iotkey/parameters/clock_trusted
evict_all
transcript | normal >now
if diff -u "$golden" now >difference; then
	pass "iotkeyctl prints what it should"
else
	fail "iotkeyctl prints what it should" "$(cat difference)"
	sed 's/^/# new: /' now
fi
keyctl clear @u
done_testing
