#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The registrar's store on SQLite and on a PostgreSQL server that is started here: the same
# cases, then what only one of them meets.  IOTKEY_LONG: with a fleet of 100,000.
set -u

top=$(cd "$(dirname "$0")/../.." && pwd)
. "$top/tests/fleet/postgres.sh"
test_store=$top/build/tests/fleet/test_store
most=${IOTKEY_LONG:+100000}
most=${most:-10000}

# A small disk has to be mounted, for this program alone.
if [ "${1:-}" != mounted ] && [ "$(id -u)" = 0 ]; then
	exec unshare -m "$0" mounted
fi

work=$(mktemp -d /tmp/iotkey-store.XXXXXX)
chmod 755 "$work"
trap 'postgres_stop immediate; umount "$work/small" 2>/dev/null; rm -rf "$work"' EXIT
number=0

# One line for each run; what failed within it goes before.
run() # NAME COMMAND...
{
	local name=$1 ok="not ok" out=$work/out
	shift
	number=$((number + 1))
	"$@" >"$out" 2>&1 && tail -n 1 "$out" | grep -q '^1\.\.[1-9]' && ok=ok
	grep -E '^(# |Bail|not ok|==|    #)' "$out" | sed 's/^not ok/# not ok/; s/^Bail/# &/'
	echo "$ok $number - $name: $(grep -c '^ok' "$out") of its cases"
}

bytes() # NAME BYTES DEVICES MOST
{
	local each=$(($2 / $3)) ok="not ok"
	number=$((number + 1))
	[ "$each" -gt 100 ] && [ "$each" -lt "$4" ] && ok=ok
	echo "$ok $number - $1: $each bytes for each of $3 devices, under $4"
}

sql()
{
	postgres_as psql -q -A -t -d "${2:-$postgres_url}" -c "$1"
}

echo "KTAP version 1"
postgres_init "$work/pg" || { echo "Bail out! PostgreSQL does not start"; exit 1; }
export RESTART="bash -c '. $top/tests/fleet/postgres.sh; postgres_dir=$postgres_dir; postgres_restart'"

lite=sqlite:$work/store.db
SET_SCHEMA="python3 -c \"
import sqlite3
db = sqlite3.connect('$work/store.db')
db.execute('UPDATE meta SET number = 99'); db.commit()\"" run "SQLite" "$test_store" cases "$lite"
run "SQLite, full disk" "$test_store" full "sqlite:$work/full.db"
run "SQLite, a growing fleet" "$test_store" grow "sqlite:$work/grow.db" "$most"
bytes "SQLite" "$(stat -c %s "$work/grow.db")" "$most" 2048

SET_SCHEMA="psql -q -d '$postgres_url' -c 'UPDATE meta SET number = 99'" \
	run "PostgreSQL" "$test_store" cases "$postgres_url"
sql "DROP SCHEMA public CASCADE; CREATE SCHEMA public" >/dev/null 2>&1
run "PostgreSQL, killed and started" "$test_store" restart "$postgres_url"
sql "DROP SCHEMA public CASCADE; CREATE SCHEMA public" >/dev/null 2>&1
run "PostgreSQL, a growing fleet" "$test_store" grow "$postgres_url" "$most"
sql "VACUUM FULL" >/dev/null
bytes "PostgreSQL" "$(sql "SELECT sum(pg_total_relation_size(oid)) FROM pg_class
	WHERE relname IN ('device', 'certificate', 'root', 'member', 'token')")" "$most" 2048

if [ "$(id -u)" = 0 ]; then
	mkdir "$work/small"
	mount -t tmpfs -o size=12m,mode=777 small "$work/small"
	mkdir "$work/small/space"
	chown postgres: "$work/small/space"
	# the server has to see the mount
	postgres_restart
	sql "CREATE TABLESPACE small LOCATION '$work/small/space'"
	sql "CREATE DATABASE small TABLESPACE small"
	FILL=true FREE="mount -o remount,size=64m $work/small" \
		run "PostgreSQL, full disk" "$test_store" full \
		"postgresql:///small?host=$postgres_dir&user=iotkey"
else
	echo "ok $((number += 1)) - PostgreSQL, full disk # SKIP needs root, to mount a small one"
fi
echo "1..$number"
