#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# `make demo`: the life of a device in three boots of a VM with a software TPM.
# The acts are in tests/demo/; everything they show is really done there.
set -euo pipefail

top=$(cd "$(dirname "$0")/.." && pwd)
version=${KERNEL:-6.1}
state=$top/build/vm/demo
initramfs=$top/build/demo-$version.cpio

title() { printf '\n=== %s ===\n' "$*"; }

# act FILE TPM OPTIONS...: virtual time, so that hours take seconds
act()
{
	local file=$1 tpm=$2
	shift 2
	"$top/tests/vm/run.sh" --kernel "$version" --initramfs "$initramfs" \
		--name "demo-$(basename "$file" .sh)" --virtual-time --tpm "$state/$tpm" \
		--disk "$state/disk" --timeout 120 "$@" \
		--job "exec bash /usr/lib/iotkey/tests/$file" |
		grep -v -e '^# vm: ' -e '^CUT$'
}

files=()
for file in "$top"/tests/demo/*.sh; do files+=("$file"); done
"$top/tests/vm/initramfs.sh" "$version" "$initramfs" \
	--module "$top/build/kmod/$version/iotkey.ko" "${files[@]}" \
	"$top/build/tools/bin/iotkeyctl:/usr/bin/iotkeyctl" \
	"$top/build/tools/libexec/iotkey/iotkeyctl-attest:/usr/libexec/iotkey/iotkeyctl-attest"
rm -rf "$state"
mkdir -p "$state"

title "1. In the factory, and five hours in the field (Linux $(cat "$top/build/kernels/$version/release"))"
act 1-factory.sh tpm --rtc 2026-01-01T00:00:00 --power-cut
title "2. Power cut. The same device, five minutes later"
act 2-return.sh tpm --rtc 2026-01-01T05:05:10
title "3. The same disk, another TPM"
act 3-thief.sh tpm-of-a-thief --rtc 2026-01-01T06:00:00
title "That was it: make check proves it; README.md says how to use it"
