#!/bin/bash
# shellcheck source=tests/demo/stage.sh
# shellcheck disable=SC2016 # run expands them
# SPDX-License-Identifier: GPL-2.0-or-later
# Act 2: the same device, the same TPM, a few minutes later.
. /usr/lib/iotkey/tests/stage.sh

load_module
say "Power is back. The TPM unseals the root once; the keys open with it."
run iotkeyctl load $blobs/device-root.blob $blobs/telemetry.blob $blobs/commands.blob $blobs/audit.blob
run iotkeyctl list
say "What was encrypted before the cut opens."
run 'keyctl pkey_decrypt $(key telemetry) 0 /data/reading.5h'
run 'keyctl pkey_decrypt $(key telemetry) 0 /data/reading.5h | cmp - /data/reading && echo the same'
check test "$(keyctl pkey_decrypt "$(key telemetry)" 0 /data/reading.5h)" = "$(cat /data/reading)"
say "How much of the TPM did four keys take?"
run 'iotkeyctl stats | grep -iE "tpm|unseal"'

say "A thief changes what is measured at boot: the TPM keeps the root to itself."
telemetry=$(key telemetry)
run 'keyctl revoke $(key device-root)'
refused keyctl pkey_decrypt "$telemetry" 0 /data/reading.5h
run 'tpm2_pcrextend 7:sha256=$(printf evil | sha256sum | cut -c1-64)'
refused iotkeyctl load $blobs/device-root.blob
say "The attestation key still speaks, and the fleet sees what differs."
run iotkeyctl load $blobs/ak.pem --name ak
run iotkeyctl quote ak --pcrs sha256:0,7 --nonce 5b6a7988 -o /data/evidence
refused iotkeyctl appraise /data/evidence --ak /data/ak.pub --nonce 5b6a7988 --reference /data/reference
may_idle
