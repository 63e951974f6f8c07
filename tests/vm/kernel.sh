#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Fetches Debian's cloud kernel and its headers, and unpacks them (nothing is
# installed on the host).  Usage: tests/vm/kernel.sh [--update] 6.1|6.12|6.12-debug
# The debug kernel is built instead, by debug-kernel.sh, which gives the same.
#
# Result, in build/kernels/VERSION:
#   release   what uname -r will say        headers   directory for make -C
#   vmlinux   the kernel, ready to boot     root/     the unpacked packages
#
# The packages stay in $IOTKEY_CACHE, so that other clones need no network;
# --update looks for newer ones.
set -eu

top=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/vm/apt.sh
. "$top/tests/vm/apt.sh"
update=false

die() { echo "kernel.sh: $*" >&2; exit 1; }

depends() # PACKAGE[/SUITE] PATTERN: the first dependency that matches
{
	private_apt apt-cache show --no-all-versions "$1" 2>/dev/null |
		sed -n 's/^\(Pre-\)\{0,1\}Depends: //p' | tr ',|' '\n' |
		sed 's/^ *//; s/ .*//' | grep -E "$2" | head -n 1
}

exists() { private_apt apt-cache show "$1" >/dev/null 2>&1; }

# Which packages make up the kernel today: asked from the meta package, so that
# point releases need no change here.
resolve()
{
	image=
	case $version in
	6.1) metas=linux-image-cloud-amd64 ;;
	6.12) metas="linux-image-cloud-amd64/bookworm-backports linux-image-6.12-cloud-amd64" ;;
	esac
	for meta in $metas; do
		image=$(depends "$meta" "^linux-image-${version}\\.[0-9].*-cloud-amd64") && break
	done
	[ -n "$image" ] || die "no Debian kernel $version found"
	image=${image%-unsigned}
	headers=linux-headers-${image#linux-image-}
	exists "$image" || image=$image-unsigned
	common=$(depends "$headers" '^linux-headers-.*-common')
	kbuild=$(depends "$headers" '^linux-kbuild-')
	echo "$image" "$headers" "$common" "$kbuild"
}

# The packages name one another by absolute paths.
relocate() # FROM-DIR FINAL-DIR
{
	root=$1
	for makefile in "$root"/usr/src/linux-headers-*-cloud-amd64/Makefile; do
		sed -i "s|/usr/src/|$2/usr/src/|" "$makefile"
	done
	for link in "$root"/lib/modules/*/build "$root"/lib/modules/*/source; do
		[ -L "$link" ] || continue
		ln -snf "$2$(readlink "$link")" "$link"
	done
}

# The ELF file inside a bzImage: booted directly it saves the guest the
# decompression, which is slow under emulation.
extract_vmlinux() # BZIMAGE OUT
{
	python3 - "$1" "$2" <<-'PYTHON'
	import struct, subprocess, sys
	image = open(sys.argv[1], "rb").read()
	setup = (image[0x1f1] or 4) + 1
	offset, length = struct.unpack_from("<II", image, 0x248)
	start = setup * 512 + offset
	payload = image[start:start + length - 4]
	tools = {b"\xfd7zXZ": ["xz", "-dc", "--single-stream"],
	         b"\x28\xb5\x2f\xfd": ["zstd", "-dc"], b"\x1f\x8b": ["gzip", "-dc"],
	         b"\x02\x21\x4c\x18": ["lz4", "-dc"]}
	tool = next((t for m, t in tools.items() if payload.startswith(m)), None)
	if tool is None:
	    sys.exit("kernel.sh: unknown compression of the kernel")
	out = subprocess.run(tool, input=payload, stdout=subprocess.PIPE).stdout
	if not out.startswith(b"\x7fELF"):
	    sys.exit("kernel.sh: no ELF file in the kernel image")
	open(sys.argv[2], "wb").write(out)
	PYTHON
}

unpack()
{
	final=$top/build/kernels/$version
	new=$final.new.$$
	trap 'rm -rf "$new"' EXIT
	mkdir -p "$new/root"
	while read -r deb; do
		dpkg -x "$cache/kernels/$version/$deb" "$new/root"
	done <"$cache/kernels/$version/list"
	release=$(basename "$new"/root/lib/modules/*)
	relocate "$new/root" "$final/root"
	depmod -b "$new/root" "$release"
	extract_vmlinux "$new/root/boot/vmlinuz-$release" "$new/vmlinux"
	echo "$release" >"$new/release"
	ln -s "root/usr/src/linux-headers-$release" "$new/headers"
	echo "$final" >"$new/stamp"
	rm -rf "$final"
	mv "$new" "$final"
	echo "kernel $version: $release unpacked"
}

if [ "${1:-}" = --update ]; then
	update=true
	shift
fi
version=${1:-}
case $version in
6.1 | 6.12) ;;
6.12-debug) if $update; then set -- --update; else set --; fi
	exec "$top/tests/vm/debug-kernel.sh" "$@" ;;
*) die "usage: $0 [--update] 6.1|6.12|6.12-debug" ;;
esac

# One at a time: the other then finds it done.
mkdir -p "$top/build" "$cache"
exec 9>"$top/build/kernel-$version.lock"
flock 9

# The stamp holds the place, for the paths inside are absolute.
stamp=$top/build/kernels/$version/stamp
if ! $update && [ -e "$stamp" ] && [ "$(cat "$stamp")" = "${stamp%/stamp}" ]; then
	exit 0
fi
fetch_packages "$cache/kernels/$version" resolve
unpack
