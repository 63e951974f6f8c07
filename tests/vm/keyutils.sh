#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Fetches keyutils' own test suite, from Debian's source package (apt checks what it
# gets against the signed index): build/interop/keyutils-tests.tar, for the VM.
# Usage: tests/vm/keyutils.sh
#
# The source package stays in $IOTKEY_CACHE, so that other clones need no network.
set -eu

top=$(cd "$(dirname "$0")/../.." && pwd)
cache=${IOTKEY_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/iotkey}
mirror=${IOTKEY_MIRROR:-http://deb.debian.org}
out=$top/build/interop/keyutils-tests.tar
store=$cache/keyutils
tmp=''

die() { echo "keyutils.sh: $*" >&2; exit 1; }

# apt with lists, cache and status of its own, in $tmp.  The host's apt.conf (a
# proxy, for instance) still counts.
private_apt()
{
	apt-get -qq -o Dir::State="$tmp/state" -o Dir::Cache="$tmp/cache" \
		-o Dir::State::status=/dev/null -o Dir::Etc::sourcelist="$tmp/sources.list" \
		-o Dir::Etc::sourceparts=/dev/null -o Dir::Etc::preferences=/dev/null \
		-o Dir::Etc::preferencesparts=/dev/null -o APT::Sandbox::User=root \
		-o Acquire::Retries=5 -o Acquire::Languages=none "$@"
}

fetch()
{
	mkdir -p "$cache"
	exec 9>"$cache/lock"
	flock 9
	[ ! -e "$store/list" ] || return 0
	echo "keyutils: fetching the source package"
	tmp=$(mktemp -d "$cache/keyutils.XXXXXX")
	trap 'rm -rf "$tmp"' EXIT
	mkdir -p "$tmp/state/lists/partial" "$tmp/cache/archives/partial" "$tmp/source"
	by="[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]"
	echo "deb-src $by $mirror/debian bookworm main" >"$tmp/sources.list"
	private_apt update || die "no list of source packages from $mirror"
	(cd "$tmp/source" && private_apt source --download-only keyutils) ||
		die "no source package from $mirror"
	(cd "$tmp/source" && ls >../list && mv ../list .)
	rm -rf "$store"
	mv "$tmp/source" "$store"
}

[ ! -e "$out" ] || exit 0
fetch
work=$(mktemp -d "${TMPDIR:-/tmp}/keyutils.XXXXXX")
trap 'rm -rf "$work" ${tmp:+"$tmp"}' EXIT
dpkg-source --no-check -x "$store"/keyutils_*.dsc "$work/source" >"$work/log" 2>&1 ||
	{ cat "$work/log" >&2; die "the source package does not unpack"; }
mkdir -p "${out%/*}"
tar -C "$work/source" --owner=0 --group=0 --sort=name -cf "$out.new.$$" tests
mv "$out.new.$$" "$out"
