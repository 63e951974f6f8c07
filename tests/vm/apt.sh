# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
#
# For scripts that fetch Debian packages which the host does not install: apt with lists,
# cache and status of its own, in $cache.  The host's apt.conf (a proxy, for instance)
# still counts.  A script that wants another release than bookworm sets $suite.

cache=${IOTKEY_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/iotkey}
mirror=${IOTKEY_MIRROR:-http://deb.debian.org}
suite=bookworm

lists()
{
	case $suite in
	bookworm) echo "$cache/apt" ;;
	*) echo "$cache/apt-$suite" ;;
	esac
}

private_apt() # COMMAND...
{
	apt=$1; shift
	"$apt" -qq -o Dir::State="$(lists)/state" -o Dir::Cache="$(lists)/cache" \
		-o Dir::State::status=/dev/null \
		-o Dir::Etc::sourcelist="$(lists)/sources.list" \
		-o Dir::Etc::sourceparts=/dev/null -o Dir::Etc::preferences=/dev/null \
		-o Dir::Etc::preferencesparts=/dev/null -o APT::Sandbox::User=root \
		-o APT::Architecture=amd64 -o APT::Architectures=amd64 \
		-o Acquire::Retries=5 -o Acquire::Languages=none "$@"
}

update_lists()
{
	mkdir -p "$(lists)/state/lists/partial" "$(lists)/cache/archives/partial"
	by="[arch=amd64 signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]"
	cat >"$(lists)/sources.list" <<-LIST
	deb $by $mirror/debian $suite main
	deb $by $mirror/debian $suite-backports main
	deb $by $mirror/debian-security $suite-security main
	LIST
	private_apt apt-get update
}

# fetch_packages DIRECTORY FUNCTION: the packages that FUNCTION names (after an update of
# the lists) are in DIRECTORY, their files in its "list".  Several clones may share the
# cache: a lock, and a list written last.  With $update they are looked up anew.
fetch_packages()
{
	debs=$1
	mkdir -p "$debs"
	exec 8>"$cache/lock"
	flock 8
	if ${update:-false} || [ ! -e "$debs/list" ]; then
		echo "$(basename "$debs"): looking up the packages"
		update_lists
		packages=$("$2") || exit 1
		echo "$(basename "$debs"): fetching $packages"
		rm -f "$debs/list"
		download
	fi
	exec 8>&-
}

download() # $packages to $debs
{
	(cd "$debs" && for try in 1 2 3; do
		# shellcheck disable=SC2086 # a list
		private_apt apt-get download $packages && break
		[ $try -lt 3 ] || exit 1
		sleep $((try * 5))
	done) || die "download failed"
	(cd "$debs" && for p in $packages; do
		# shellcheck disable=SC2012 # the newest, and the names are tame
		ls -t "${p%%/*}"_*.deb | head -n 1
	done) >"$debs/list.new"
	for deb in "$debs"/*.deb; do
		grep -qxF "$(basename "$deb")" "$debs/list.new" || rm -f "$deb"
	done
	mv "$debs/list.new" "$debs/list"
}
