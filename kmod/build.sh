#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Builds kmod/ for one kernel in a directory of its own, so that one source tree
# serves several kernels and stays clean.
# Usage: kmod/build.sh KDIR OUT [make arguments, e.g. CONFIG_IOTKEY_SELFTEST=y]
set -eu

top=$(cd "$(dirname "$0")/.." && pwd)
kdir=$1
out=$2
shift 2

# kbuild writes beside the sources it is shown: show it links.
mkdir -p "$out"
out=$(cd "$out" && pwd)
find "$out" -xtype l -delete
(cd "$top/kmod" && find . -type f \( -name '*.[ch]' -o -name Kbuild \)) |
while read -r file; do
	[ -L "$out/$file" ] || { mkdir -p "$out/${file%/*}" && ln -sfn "$top/kmod/$file" "$out/$file"; }
done
# Kbuild looks for ../include.
ln -sfn "$top/include" "${out%/*}/include"

exec make -C "$kdir" M="$out" CONFIG_IOTKEY=m "$@" modules
