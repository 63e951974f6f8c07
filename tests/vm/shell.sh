#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# `make vm`: a shell in the VM, as the tests find it; its TPM and /data are kept in
# build/vm/shell.  Usage: tests/vm/shell.sh 6.1|6.12 [options of run.sh]
set -eu

top=$(cd "$(dirname "$0")/../.." && pwd)
version=$1
shift
PACK_ONLY=1 "$top/tests/vm/check.sh" "$version"
echo "C-a x ends the VM; the tests are in /usr/lib/iotkey/tests"
exec "$top/tests/vm/run.sh" --kernel "$version" --initramfs "$top/build/initramfs-$version.cpio" \
	--name shell --tpm "$top/build/vm/shell/tpm" --disk "$top/build/vm/shell/disk" \
	--guest-timeout 100000000 --shell "$@"
