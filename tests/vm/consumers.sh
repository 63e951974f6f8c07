#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Fetches and unpacks what the tests of "vm: consumers" use and nobody wants on the host (nginx
# and mosquitto would start there): Debian 12's programs, and of Debian 13 a root file
# system with its OpenSSL, which lands in /trixie.  Prints FILE:PLACE lines for initramfs.sh.
# Usage: tests/vm/consumers.sh
set -eu

top=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/vm/apt.sh
. "$top/tests/vm/apt.sh"
roots=$top/build/consumers
libdir=/usr/lib/x86_64-linux-gnu
provider=$top/build/provider/iotkey.so

die() { echo "consumers.sh: $*" >&2; exit 1; }

# shellcheck disable=SC2317 # called by fetch_packages
bookworm_packages()
{
	echo nginx mosquitto mosquitto-clients libmosquitto1 libcjson1 libdlt2 libwrap0 tpm2-openssl \
		libcoap3-bin libcoap3
}

# shellcheck disable=SC2317
trixie_packages()
{
	echo openssl libssl3t64 libc6 libzstd1 zlib1g libkeyutils1 libnl-3-200 libnl-genl-3-200
}

unpack() # SUITE
{
	suite=$1 update=false
	for package in $("${suite}_packages"); do
		grep -q "^${package}_" "$cache/consumers-$suite/list" 2>/dev/null || update=true
	done
	fetch_packages "$cache/consumers-$suite" "${suite}_packages" >&2
	stamp=$(sha256sum <"$cache/consumers-$suite/list")
	[ "$(cat "$roots/$suite.stamp" 2>/dev/null)" != "$stamp" ] || return 0
	rm -rf "${roots:?}/$suite"
	mkdir -p "$roots/$suite"
	while read -r deb; do
		dpkg -x "$cache/consumers-$suite/$deb" "$roots/$suite"
	done <"$cache/consumers-$suite/list"
	echo "$stamp" >"$roots/$suite.stamp"
}

# Programs and modules; initramfs.sh finds their libraries.
bookworm_files()
{
	root=$roots/bookworm
	for p in usr/sbin/nginx usr/sbin/mosquitto usr/bin/mosquitto_pub usr/bin/mosquitto_sub \
		usr/bin/coap-client-openssl usr/bin/coap-server-openssl; do
		echo "$root/$p:/$p"
	done
	echo "$root$libdir/ossl-modules/tpm2.so:$libdir/ossl-modules/tpm2.so"
	echo "$provider:$libdir/ossl-modules/iotkey.so"
	echo "$top/lib/provider/openssl.cnf:/etc/iotkey/openssl.cnf"
	echo "$(command -v curl):/usr/bin/curl"
	echo "$(command -v valgrind.bin):/usr/bin/valgrind"
	# it wants the symbols of the dynamic linker
	id=$(readelf -n /lib64/ld-linux-x86-64.so.2 | sed -n 's/.*Build ID: //p')
	symbols=/usr/lib/debug/.build-id/$(echo "$id" | cut -c 1-2)/$(echo "$id" | cut -c 3-).debug
	echo "$symbols:$symbols"
	find /usr/libexec/valgrind -name '*-amd64-linux' -o -name 'vgpreload_*-amd64-linux.so' \
		-o -name default.supp | grep -E 'memcheck|core|default' | sed 's/.*/&:&/'
}

trixie_files()
{
	root=$roots/trixie
	for p in /usr/bin/openssl $libdir/libssl.so.3 $libdir/libcrypto.so.3 $libdir/libc.so.6 \
		$libdir/libz.so.1 $libdir/libzstd.so.1 $libdir/libkeyutils.so.1 \
		$libdir/libnl-3.so.200 $libdir/libnl-genl-3.so.200; do
		echo "$root$p:/trixie$p"
	done
	echo "$root$libdir/ld-linux-x86-64.so.2:/trixie/lib64/ld-linux-x86-64.so.2"
	echo "$provider:/trixie$libdir/ossl-modules/iotkey.so"
	echo "$top/build/lib/libiotkey.so:/trixie$libdir/libiotkey.so.0"
}

[ -e "$provider" ] || die "no $provider"
mkdir -p "$roots"
exec 9>"$roots/lock"
flock 9
unpack bookworm
unpack trixie
bookworm_files
trixie_files
