# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034
#
# To be sourced: a PostgreSQL server of our own, in a private directory, on a socket there.
# It does not run as root, so there is a user for it: the one Debian's package made.
#
#	postgres_init DIR    make it and start it; sets postgres_url
#	postgres_restart     as after a crash
#	postgres_stop

postgres_bin=$(find /usr/lib/postgresql -maxdepth 2 -name bin | sort -V | tail -n 1)

postgres_as() # COMMAND...
{
	if [ "$(id -u)" = 0 ]; then
		setpriv --reuid postgres --regid postgres --clear-groups "$@"
	else
		"$@"
	fi
}

postgres_start()
{
	postgres_as "$postgres_bin/pg_ctl" -s -w -D "$postgres_dir/data" -l "$postgres_dir/log" \
		-o "-c listen_addresses= -c unix_socket_directories=$postgres_dir" start
}

postgres_init()
{
	postgres_dir=$1
	mkdir -p "$postgres_dir"
	[ "$(id -u)" != 0 ] || chown postgres: "$postgres_dir"
	(cd "$postgres_dir" && postgres_as "$postgres_bin/initdb" -A trust -U iotkey -E UTF8 \
		--locale=C -D data >/dev/null) || return
	postgres_url="postgresql:///postgres?host=$postgres_dir&user=iotkey"
	postgres_start
}

postgres_stop()
{
	postgres_as "$postgres_bin/pg_ctl" -s -D "$postgres_dir/data" -m "${1:-fast}" stop
}

postgres_restart()
{
	postgres_stop immediate
	postgres_start
}
