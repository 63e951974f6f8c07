#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Promises of the library and the tools as installed: what "uninstall" leaves
# behind, which symbols are seen, whether a program builds against them.
# Needs no module.  Prints KTAP.
# shellcheck disable=SC2317 # check runs the functions
set -u

top=$(cd "$(dirname "$0")/../.." && pwd)
out=${O:-$top/build}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
stage=$work/stage
count=0 failed=0

# check NAME COMMAND...
check()
{
	local name=$1

	shift
	count=$((count + 1))
	if "$@" >"$work/log" 2>&1; then
		echo "ok $count $name"
	else
		failed=1
		echo "not ok $count $name"
		sed 's/^/# /' "$work/log"
	fi
}

both()
{
	make -s -C "$top/lib" O="$out" DESTDIR="$stage" PREFIX=/usr "$1" &&
		make -s -C "$top/tools" O="$out" DESTDIR="$stage" PREFIX=/usr "$1" &&
		make -s -C "$top/lib/provider" O="$out" DESTDIR="$stage" PREFIX=/usr "$1"
}

files()
{
	find "$stage" ! -type d | sed "s|^$stage||" | sort
}

# The public header, the symbol map and the library name the same functions
symbols() # LIBRARY HEADER...
{
	nm -D --defined-only "$stage/usr/lib/$1.so" |
		awk '$2 == "T" { sub(/@.*/, "", $3); print $3 }' | sort >"$work/library"
	grep -o '^	iotkey_[a-z0-9_]*' "$top/lib/$1.map" | tr -d '\t' | sort >"$work/map"
	shift
	(cd "$top/include" && sed -e '/^ \*/d' -e '/^#/d' "$@") |
		grep -o '\biotkey_[a-z0-9_]*(' | tr -d '(' | sort -u >"$work/header"
	diff "$work/library" "$work/map" && diff "$work/map" "$work/header"
}

program()
{
	cat >"$work/program.c" <<-END
		#include <iotkey-attest.h>
		#include <iotkey.h>

		int main(void)
		{
			return !iotkey_strerror(-EX) || !iotkey_hash_name(IOTKEY_HASH_SHA256);
		}
	END
	"${CC:-cc}" -DEX=126 -Wall -Wextra -pedantic -Werror -std="$1" -I"$stage/usr/include" \
		-o "$work/program" "$work/program.c" -L"$stage/usr/lib" -liotkey -liotkey-attest \
		-Wl,-rpath-link,"$stage/usr/lib" &&
		LD_LIBRARY_PATH=$stage/usr/lib "$work/program"
}

pkgconfig()
{
	PKG_CONFIG_PATH=$stage/usr/lib/pkgconfig pkg-config --libs --cflags libiotkey \
		libiotkey-attest
}

man_pages()
{
	local page

	command -v groff >/dev/null || return 0
	for page in "$stage"/usr/share/man/man*/*; do
		groff -man -Tutf8 -ww -z "$page" 2>&1
	done >"$work/groff"
	cat "$work/groff"
	[ ! -s "$work/groff" ]
}

no_openssl()
{
	! LD_LIBRARY_PATH=$stage/usr/lib ldd "$stage/usr/lib/libiotkey.so" \
		"$stage/usr/bin/iotkeyctl" | grep libcrypto
}

# For devices without OpenSSL: neither built nor installed
without_openssl()
{
	local dir

	for dir in lib tools; do
		make -s -C "$top/$dir" O="$work/small" DESTDIR="$stage" PREFIX=/usr OPENSSL=no \
			install || return
	done
	files | grep -q /iotkeyctl || return
	! files | grep -e attest -e fleet || return
	LD_LIBRARY_PATH=$stage/usr/lib "$stage/usr/bin/iotkeyctl" appraise 2>&1 |
		grep "cannot start '.*/iotkeyctl-attest'"
}

# The provider needs nothing but what is installed, and shows OpenSSL one symbol
provider()
{
	local so
	so=$(find "$stage" -path '*/ossl-modules/iotkey.so')
	OPENSSL_CONF=$stage/usr/share/doc/iotkey/openssl.cnf OPENSSL_MODULES=${so%/*} \
		LD_LIBRARY_PATH=$stage/usr/lib openssl list -providers >"$work/providers" 2>&1
	cat "$work/providers"
	grep -q '^  iotkey$' "$work/providers" && grep -q '^  default$' "$work/providers" &&
		[ "$(nm -D --defined-only "$so" | awk '$2 == "T" { print $3 }')" = OSSL_provider_init ]
}

nothing_left()
{
	files
	[ -z "$(files)" ]
}

echo "KTAP version 1"
check "install" both install
check "the header, the map and the library agree" symbols libiotkey iotkey.h
check "so do those of libiotkey-attest" symbols libiotkey-attest iotkey-attest.h iotkey-fleet.h
check "libiotkey and iotkeyctl do without OpenSSL" no_openssl
check "a C11 program builds" program c11
check "a C23 program builds" program c2x
check "pkg-config" pkgconfig
check "OpenSSL loads the provider" provider
check "the man pages have no mistakes" man_pages
check "completion is good bash" bash -n "$stage/usr/share/bash-completion/completions/iotkeyctl"
check "uninstall" both uninstall
check "uninstall leaves nothing" nothing_left
check "without OpenSSL" without_openssl
check "uninstall" both uninstall
check "it leaves nothing, too" nothing_left
echo "1..$count"
exit $failed
