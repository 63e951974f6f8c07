#!/bin/bash
# shellcheck source=tests/demo/stage.sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Act 3: the disk in another machine, whose TPM has a storage key at the same place.
. /usr/lib/iotkey/tests/stage.sh

load_module
say "The thief puts the disk into a machine of his own, with a TPM of the same kind."
run iotkeyctl root his-root --provider tpm --parent 0x81000001 --mkparent
refused iotkeyctl load $blobs/device-root.blob
refused iotkeyctl load $blobs/telemetry.blob
may_idle
