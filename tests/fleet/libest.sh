# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# shellcheck disable=SC2154 # of lib.sh, which comes first
#
# libest, which Debian 12 has not: Debian 13's, with the libraries that it was built with, in $tmp.

# libest_fetch: once, before libest
libest_fetch()
{
	(
		# shellcheck source=tests/vm/apt.sh
		. "$top/tests/vm/apt.sh"
		die() { echo "$*" >&2; exit 1; }
		# shellcheck disable=SC2317,SC2034 # used by fetch_packages
		packages_of_libest() { echo libest-utils libest3 libssl3t64 libc6 zlib1g libzstd1; }
		# shellcheck disable=SC2034
		suite=trixie
		fetch_packages "$cache/fleet-trixie" packages_of_libest
		while read -r deb; do
			dpkg -x "$cache/fleet-trixie/$deb" "$tmp/trixie" || exit 1
		done <"$cache/fleet-trixie/list"
	) >"$tmp/fetch" 2>&1 || note "$(cat "$tmp/fetch")"
}

# libest PROGRAM OPTION...: in place of this shell
libest()
{
	local libraries=$tmp/trixie/usr/lib/x86_64-linux-gnu program=$1
	shift
	exec "$libraries/ld-linux-x86-64.so.2" --library-path "$libraries" "$tmp/trixie/usr/bin/$program" "$@"
}
