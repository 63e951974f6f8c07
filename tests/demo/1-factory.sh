#!/bin/bash
# shellcheck source=tests/demo/stage.sh
# shellcheck disable=SC2016 # run expands them
# SPDX-License-Identifier: GPL-2.0-or-later
# Act 1: a new device makes its root and keys, works for hours, and loses power.
. /usr/lib/iotkey/tests/stage.sh

# What iotkeyd or any agent does: keep the blob of every new version on disk.
keep_stored()
{
	local name
	for name in telemetry commands audit; do
		iotkeyctl --quiet save $name $blobs/$name.blob || wrong "save $name"
	done
}

load_module
say "A fresh device: a TPM, and no key in it. Its root is sealed under a storage key of" \
    "the TPM and bound to PCRs 0 and 7; nobody ever sees the secret."
run iotkeyctl root device-root --provider tpm --parent 0x81000001 --mkparent --pcrs sha256:0,7
say "Three keys under it, made with plain keyctl: one random, one derived, one ratchet."
run 'keyctl add iot telemetry "new aes-256-gcm root=device-root mode=random rotate=1h overlap=10m" @u'
run 'keyctl add iot commands "new xchacha20-poly1305 root=device-root mode=derive rotate=1h overlap=10m ahead=1m" @u'
run 'keyctl add iot audit "new hmac-sha256 root=device-root mode=ratchet rotate=30m overlap=10m" @u'
run iotkeyctl list

say "What only the TPM can open goes to disk. Until it is there, a random key does not" \
    "encrypt: a power cut must not make data unreadable."
echo 'temperature=21.5' >/data/reading
refused 'keyctl pkey_encrypt $(key telemetry) 0 /data/reading'
run iotkeyctl save device-root $blobs/device-root.blob
run iotkeyctl save telemetry $blobs/telemetry.blob
run iotkeyctl save commands $blobs/commands.blob
run iotkeyctl save audit $blobs/audit.blob
say "The blob of the root holds an ordinary TSS2 private key; that of a key is wrapped."
run 'head -c 60 '$blobs'/telemetry.blob; echo ...'

say "Plain keyctl, with a key that no process has ever had."
run 'keyctl pkey_encrypt $(key telemetry) 0 /data/reading >/data/reading.0h'
run 'keyctl pkey_decrypt $(key telemetry) 0 /data/reading.0h'
run 'keyctl pkey_sign $(key audit) 0 /data/reading >/data/reading.sig'
run 'keyctl pkey_verify $(key audit) 0 /data/reading /data/reading.sig && echo verified'

say "Its identity is a key that the TPM makes and keeps; a signature is one TPM command. Any" \
    "program that knows TSS2 private keys opens the same file."
run 'keyctl add iot gateway "new ecdsa-p256 parent=0x81000001" @u'
run 'keyctl pipe $(key gateway) >'$blobs'/gateway.pem'
run 'iotkeyctl public gateway >/data/gateway.pub'
run 'iotkeyctl sign gateway /data/reading -o /data/reading.ecdsa'
run 'openssl dgst -sha256 -verify /data/gateway.pub -signature /data/reading.ecdsa /data/reading'
say "An attestation key signs nothing but what the TPM itself says. A fleet keeps its public" \
    "half, and this first evidence as the reference."
run iotkeyctl new ak --alg ecdsa-p256 --parent 0x81000001 --restricted --save $blobs/ak.pem
run 'iotkeyctl public ak >/data/ak.pub'
run iotkeyctl quote ak --pcrs sha256:0,7 --nonce 1f2e3d4c -o /data/evidence
run iotkeyctl appraise /data/evidence --ak /data/ak.pub --nonce 1f2e3d4c --record /data/reference

say "Five hours go by. Nobody rotates anything; an agent stores what is new."
may_idle
for hour in 1 2 3 4 5; do
	sleep 3600
	keep_stored
	keyctl pkey_encrypt "$(key telemetry)" 0 /data/reading >/data/reading.${hour}h
	printf 'after %s h:  ' $hour
	grep -o 'telemetry: .*' /proc/keys
done
run iotkeyctl list
say "The reading of the first hour is past its window; the last one is in it."
refused 'keyctl pkey_decrypt $(key telemetry) 0 /data/reading.0h'
run 'keyctl pkey_decrypt $(key telemetry) 0 /data/reading.5h'
sync
say "Somebody trips over the power cord."
echo CUT
sleep 1000
