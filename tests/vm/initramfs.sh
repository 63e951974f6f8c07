#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Packs the test VM's file system.
# Usage: tests/vm/initramfs.sh KERNEL OUT [--driver NAME]... [--module FILE.ko]... [FILE[:PLACE]]...
#
# KERNEL is one of kernel.sh's.  OUT is a chain of cpio archives, which the kernel unpacks
# one after the other: the base (busybox, bash, keyctl, tpm2-tools, PID 1), the kernel's
# modules (with --driver one more of its own), and the files given.  The first two are kept in build/initramfs under the hash of
# what is in them.  FILE lands in /usr/lib/iotkey/tests unless PLACE says
# otherwise; ELF files bring their libraries along.
set -eu

top=$(cd "$(dirname "$0")/../.." && pwd)
store=$top/build/initramfs
libdir=/usr/lib/x86_64-linux-gnu

# The scripts mean GNU's tools and dash, as on Debian; busybox fills in the rest.
programs=(bash dash sed grep find xargs cmp diff date stat timeout sleep od base64 dd
	tr sort head tail cut wc seq env mktemp nproc sha256sum keyctl kmod tpm2 openssl
	strace)
libraries=("$libdir/libtss2-tcti-device.so.0")
kernel_modules=(virtio_pci virtio_blk configfs veth vfat tpm_vtpm_proxy
	ecdh_generic drbg jitterentropy_rng hmac sha512_generic
	libchacha20poly1305 chacha20poly1305 chacha_x86_64 poly1305_x86_64 gcm ccm
	cmac ctr xts ghash_generic ghash_clmulni_intel aesni_intel sha256_ssse3
	crypto_user algif_aead algif_skcipher algif_hash algif_rng tcrypt
	pkcs8_key_parser xfrm_user esp4 esp6 tls dm_mod dm_crypt loop seqiv authenc echainiv)

die() { echo "initramfs.sh: $*" >&2; exit 1; }

path_of()
{
	PATH=/usr/sbin:/usr/bin:/sbin:/bin command -v "$1" || die "no program $1"
}

# add_file ROOT SRC PLACE; an ELF file comes with the libraries it needs.
add_file()
{
	install -D -p -m "$(stat -L -c %a "$2")" "$2" "$1$3"
	if head -c 4 "$2" | grep -q ELF; then
		add_libraries "$1" "$2"
	fi
}

add_libraries()
{
	local lib place
	LD_LIBRARY_PATH=$top/build/lib:$top/build/consumers/bookworm$libdir ldd "$2" 2>/dev/null |
	sed -n 's,^.*[[:space:]]\(/[^ ]*\) (0x[0-9a-f]*)$,\1,p' | while read -r lib; do
		case $lib in
		/lib64/*) place=/usr$lib ;;
		*) place=$libdir/${lib##*/} ;;
		esac
		[ -e "$1$place" ] || install -D -p -m 755 "$lib" "$1$place"
	done
}

pack() # ROOT OUT
{
	(cd "$1" && find . -mindepth 1 | LC_ALL=C sort |
		cpio --quiet --reproducible -o -H newc -R 0:0) >"$2.new.$$"
	mv "$2.new.$$" "$2"
}

# The name of a layer: a hash of its recipe and of the files that go in.
layer_name() # KIND FILE...
{
	local kind=$1; shift
	{ cat "$0"; stat -L -c '%n %s %Y' "$@"; } | sha256sum | sed "s/^\(.\{16\}\).*/$kind-\1.cpio/"
}

base_layer()
{
	local paths=() p out
	for p in "${programs[@]}" busybox; do paths+=("$(path_of "$p")"); done
	out=$store/$(layer_name base "${paths[@]}" "${libraries[@]}" "$top/tests/vm/init.c")
	[ -e "$out" ] || build_base "$out" "${paths[@]}"
	echo "$out"
}

build_base() # OUT PATH...
{
	local root out=$1 p applet
	shift
	root=$(mktemp -d "$store/tmp.$$.XXXXXX")
	mkdir -p "$root"/{usr/bin,usr/sbin,usr/lib64,dev,proc,sys,tmp,run,root,etc,var/tmp}
	ln -s usr/bin "$root/bin"
	ln -s usr/sbin "$root/sbin"
	ln -s usr/lib "$root/lib"
	ln -s usr/lib64 "$root/lib64"
	for p in "$@"; do add_file "$root" "$p" "/usr/bin/${p##*/}"; done
	for p in "${libraries[@]}"; do add_file "$root" "$p" "$libdir/${p##*/}"; done
	ln -s dash "$root/usr/bin/sh"
	for p in modprobe insmod rmmod lsmod modinfo depmod; do
		ln -s ../bin/kmod "$root/usr/sbin/$p"
	done
	for p in /usr/bin/tpm2_*; do ln -s tpm2 "$root/usr/bin/${p##*/}"; done
	busybox --list | while read -r applet; do
		[ -e "$root/usr/bin/$applet" ] || [ -L "$root/usr/sbin/$applet" ] ||
			ln -s busybox "$root/usr/bin/$applet"
	done
	printf '%s\n' root:x:0:0::/root:/bin/bash user:x:1000:1000::/tmp:/bin/bash \
		nobody:x:65534:65534::/:/bin/sh >"$root/etc/passwd"
	printf '%s\n' root:x:0: user:x:1000: nogroup:x:65534: >"$root/etc/group"
	printf '127.0.0.1 localhost vm\n' >"$root/etc/hosts"
	install -D -m 644 /etc/ssl/openssl.cnf "$root/usr/lib/ssl/openssl.cnf"
	gcc -Wall -Wextra -Werror -O2 -static -o "$root/init" "$top/tests/vm/init.c"
	pack "$root" "$out"
	rm -rf "$root"
}

modules_layer()
{
	local out
	out=$store/$(layer_name "modules-$version${drivers[*]/#/+}" "$kernel/stamp" "$kernel/release" "$@")
	[ -e "$out" ] || build_modules "$out" "$@"
	echo "$out"
}

# Only what is used, unpacked (cheaper than in the guest), with an index made anew.
build_modules() # OUT FILE.ko...
{
	local root out=$1 release src file name
	shift
	root=$(mktemp -d "$store/tmp.$$.XXXXXX")
	release=$(cat "$kernel/release")
	src=$kernel/root/lib/modules/$release
	install -D -m 644 -t "$root/lib/modules/$release" "$src"/modules.{builtin,builtin.modinfo,order}
	modprobe -d "$kernel/root" -S "$release" -a -D "${kernel_modules[@]}" "${drivers[@]}" 2>/dev/null |
	sed -n 's/^insmod \([^ ]*\).*/\1/p' | sort -u | while read -r file; do
		name=$root/lib/modules/$release/${file#"$src/"}
		mkdir -p "${name%/*}"
		case $file in
		*.xz) xz -dc "$file" >"${name%.xz}" ;;
		*) cp "$file" "$name" ;;
		esac
	done
	# That one is there to be loaded by its path, never by modprobe.
	for file in "$@"; do
		case $file in
		*-selftest/*) name=/usr/lib/iotkey/selftest/${file##*/} ;;
		*) name=/lib/modules/$release/updates/${file##*/} ;;
		esac
		install -D -m 644 "$file" "$root$name"
	done
	depmod -b "$root" "$release"
	mkdir -p "$root/usr/lib"
	mv "$root/lib/modules" "$root/usr/lib/"
	rmdir "$root/lib"
	pack "$root" "$out"
	rm -rf "$root"
}

files_layer() # OUT FILE[:PLACE]...
{
	local root out=$1 item place
	shift
	root=$(mktemp -d "$store/tmp.$$.XXXXXX")
	for item in "$@"; do
		place=/usr/lib/iotkey/tests/${item##*/}
		case $item in
		*:*) place=${item#*:}; item=${item%%:*} ;;
		esac
		[ -f "$item" ] || die "no file $item"
		add_file "$root" "$item" "$place"
	done
	pack "$root" "$out"
	rm -rf "$root"
}

[ $# -ge 2 ] || die "usage: $0 KERNEL OUT [--driver NAME]... [--module FILE.ko]... [FILE[:PLACE]]..."
version=$1
out=$2
shift 2
drivers=() modules=()
while [ "${1:-}" = --driver ]; do
	drivers+=("$2")
	shift 2
done
while [ "${1:-}" = --module ]; do
	modules+=("$2")
	shift 2
done
kernel=$top/build/kernels/$version
"$top/tests/vm/kernel.sh" "$version" >&2
mkdir -p "$store" "$(dirname "$out")"
trap 'rm -rf "$store"/tmp.$$.* "$out".*.$$' EXIT

find "$store" -name '*.cpio' -mtime +7 -delete
files_layer "$out.files.$$" "$@"
cat "$(base_layer)" "$(modules_layer "${modules[@]}")" "$out.files.$$" >"$out.new.$$"
mv "$out.new.$$" "$out"
