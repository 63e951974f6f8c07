#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Puts the module where modprobe finds it, or takes it away.
# Usage: kmod/install.sh install|uninstall KDIR   (DESTDIR= from outside)
set -eu

top=$(cd "$(dirname "$0")/.." && pwd)
ko=$top/build/kmod/host/iotkey.ko
release=$(cat "$2/include/config/kernel.release" 2>/dev/null || true)
[ -n "$release" ] || exit 0
place=${DESTDIR:-}/lib/modules/$release/updates/iotkey.ko

case $1 in
install)
	[ -e "$ko" ] || { echo "no module built for $release: not installed"; exit 0; }
	install -D -m 644 "$ko" "$place" ;;
uninstall)
	[ -e "$place" ] || exit 0
	rm -f "$place"
	rmdir "${place%/*}" 2>/dev/null || true ;;
esac
[ -n "${DESTDIR:-}" ] || depmod "$release"
