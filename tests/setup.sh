#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Installs the Debian packages that building and testing need, when any is
# missing.  Usage: tests/setup.sh [build|check|demo]...   (default: check)
set -eu

# What `make` needs.
build="gcc gcc-12 libc6-dev make pkg-config libkeyutils-dev libnl-3-dev
libnl-genl-3-dev libkcapi-dev libssl-dev libjansson-dev
libevent-dev libsqlite3-dev libpq-dev libp11-kit-dev libcurl4-openssl-dev
libcap-ng-dev libseccomp-dev libtss2-dev"

# What the VM needs besides: kernels, their modules, an initramfs, QEMU and a TPM.
vm="$build debian-archive-keyring ca-certificates dpkg-dev kmod cpio xz-utils zstd lz4
file e2fsprogs libelf1 pahole qemu-system-x86 seabios swtpm swtpm-tools tpm2-tools
openssl keyutils busybox-static bash dash findutils diffutils strace iproute2 procps
util-linux python3 python3-cryptography"

# What `make check` needs besides: sanitizers, fuzzers, linters.
check="$vm dmsetup flex bison bc libelf-dev rsync python3-yaml clang libclang-rt-14-dev llvm-14 sparse groff-base
libtss2-tcti-swtpm0 tpm2-openssl curl valgrind libc6-dbg libpcre2-8-0
strongswan-pki libstrongswan-standard-plugins libstrongswan-extra-plugins softhsm2 opensc postgresql python3-prometheus-client"

demo="$vm"

wanted=
for purpose in "${@:-check}"; do
	case $purpose in
	build) wanted="$wanted $build" ;;
	check) wanted="$wanted $check" ;;
	demo) wanted="$wanted $demo" ;;
	*) echo "usage: $0 [build|check|demo]..." >&2; exit 2 ;;
	esac
done

installed=$(dpkg-query -W -f='${db:Status-Abbrev} ${Package}\n' |
	    awk '$1 == "ii" { print $2 }')
missing=$(printf '%s\n' $wanted | sort -u | awk -v have="$installed" '
	BEGIN { n = split(have, names, "\n"); for (i = 1; i <= n; i++) is[names[i]] = 1 }
	!is[$1]')
[ -n "$missing" ] || exit 0

missing=$(printf "%s " $missing)
if [ "$(id -u)" != 0 ]; then
	echo "setup: missing packages; as root: apt-get install $missing" >&2
	exit 1
fi
echo "setup: installing $missing"
export DEBIAN_FRONTEND=noninteractive
install="apt-get -y -qq --no-install-recommends -o Dpkg::Use-Pty=0 install $missing"

# The lists are fetched only when what is known does not suffice.
$install >/dev/null 2>&1 ||
	{ apt-get -qq -o Acquire::Retries=3 update && $install >/dev/null; }
