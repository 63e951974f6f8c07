#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Builds the debug kernel from Debian's linux-source-6.12 and debug.config: build/kernels/
# 6.12-debug, of the same shape as kernel.sh's.  Usage: tests/vm/debug-kernel.sh [--update]
#
# What was built stays in $IOTKEY_CACHE, named by a hash of all that went into it, so other
# clones unpack it in a second; to build it takes about 7 minutes of two CPUs.
# --update looks for a newer source package.
set -eu

top=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/vm/apt.sh
. "$top/tests/vm/apt.sh"
version=6.12-debug
config=$top/tests/vm/debug.config
final=$top/build/kernels/$version
store=$cache/kernels/$version
update=false
recipe=1	# counts changes of this script that make another kernel
# No date, user or host in it.
export KBUILD_BUILD_TIMESTAMP='Thu Jan  1 00:00:00 UTC 2026' KBUILD_BUILD_USER=iotkey \
	KBUILD_BUILD_HOST=debug

die() { echo "debug-kernel.sh: $*" >&2; exit 1; }
say() { echo "kernel $version: $*"; }

# shellcheck disable=SC2317 # called by fetch_packages
packages() { echo linux-source-6.12; }

# Everything but other architectures' code and the largest drivers, which would take most
# of the time; Kconfig wants to see every Kconfig.
unpack_source() # DIRECTORY
{
	dpkg --fsys-tarfile "$store/$(cat "$store/list")" |
	tar -x -O -f - ./usr/src/linux-source-6.12.tar.xz |
	tar -x -J -f - -C "$1" --strip-components=1 --anchored --wildcards \
		--exclude='*/Documentation/*/*' --exclude='*.dts' --exclude='*.dtsi' \
		--exclude='linux-source-6.12/arch/[!x]*.[chS]' --exclude='*/drivers/gpu/*.[ch]' \
		--exclude='*/drivers/net/wireless/*.[ch]' --exclude='*/sound/*.[ch]' \
		--exclude='*/tools/testing/*' --exclude='*/tools/perf/*'
}

# A line of debug.config that does not hold in the end is a mistake of ours.
configure()
{
	make -s tinyconfig
	cat "$config" >>.config
	make -s olddefconfig 2>/dev/null
	lost=$(grep -E "^(# )?CONFIG_" "$config" | grep -vxFf .config) || return 0
	die "not in the configuration:
$lost"
}

# compile LOG: says how it goes every half minute
compile()
{
	make -j"$(nproc)" vmlinux modules >"$1" 2>&1 &
	pid=$!
	seconds=0
	while kill -0 $pid 2>/dev/null; do
		sleep 2
		seconds=$((seconds + 2))
		[ $((seconds % 30)) != 0 ] || say "$seconds s, $(grep -c '^  CC' "$1") files compiled"
	done
	wait $pid || { tail -n 20 "$1"; die "does not build"; }
	say "built in $seconds s"
}

# collect DIRECTORY: what a VM and a module need, as kernel.sh lays it out
collect()
{
	release=$(make -s kernelrelease)
	modules=$1/root/lib/modules/$release
	mkdir -p "$modules"
	echo "$release" >"$1/release"
	strip -o "$1/vmlinux" vmlinux
	cp .config "$1/config"
	cp modules.builtin modules.builtin.modinfo modules.order "$modules"
	[ ! -s modules.order ] || die "modules that debug.config does not name: $(cat modules.order)"
	depmod -b "$1/root" "$release"
	make -s run-command KBUILD_RUN_COMMAND="scripts/package/install-extmod-build $1/headers"
	cp .config "$1/headers"
}

build() # FILE
{
	mkdir -p "$top/build"
	work=$(mktemp -d "$top/build/debug-kernel.XXXXXX")
	trap 'rm -rf "$work"' EXIT
	mkdir "$work/linux" "$work/out"
	say "unpacking the source"
	unpack_source "$work/linux"
	(cd "$work/linux" && configure && compile "$work/log" && collect "$work/out")
	tar -C "$work/out" -cf - . | zstd -q -6 -T0 >"$1.new.$$"
	# One is enough, two do when branches differ.
	find "$store" -name '*.tar.zst' -mtime +30 -delete
	mv "$1.new.$$" "$1"
}

if [ "${1:-}" = --update ]; then
	update=true
	shift
fi
[ $# = 0 ] || die "usage: $0 [--update]"

mkdir -p "$store"
fetch_packages "$store" packages
hash=$({ echo $recipe; cat "$config" "$store/list"; gcc --version; ld --version; } |
	sha256sum | cut -c 1-16)

# The stamp names the place too, as kernel.sh's does.
[ "$(cat "$final/stamp" 2>/dev/null)" != "$final $hash" ] || exit 0
# One at a time: the others then find it done.
exec 9>"$store/lock"
flock 9
built=$store/$hash.tar.zst
[ -e "$built" ] || build "$built"
rm -rf "$final" "$final".new.*
mkdir -p "$final.new.$$"
zstd -q -dc "$built" | tar -x -f - -C "$final.new.$$"
echo "$final $hash" >"$final.new.$$/stamp"
mv "$final.new.$$" "$final"
say "$(cat "$final/release") unpacked"
