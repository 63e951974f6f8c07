#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What a device takes of the registrar's store, and what one that enrols and attests costs it, among
# 1,000 and up to a hundred times as many, on SQLite and on a PostgreSQL server that is started
# here.  Prints rows (see bench.sh).
#
#	store.sh [DEVICES]	(1000 or more: 100000; SAMPLE=1: 10000, only whether it works)
set -eu

exec 3>&1 >&2
top=$(cd "$(dirname "$0")/../../.." && pwd)
out=${O:-$top/build}
# shellcheck source=tests/bench/fleet/rows.sh
. "$top/tests/bench/fleet/rows.sh"
# shellcheck source=tests/fleet/postgres.sh
. "$top/tests/fleet/postgres.sh"

most=${1:-100000}
[ "$most" -ge 1000 ]
[ -z "${SAMPLE:-}" ] || most=10000

work=$(mktemp -d /tmp/iotkey-store.XXXXXX)
chmod 755 "$work"
trap 'postgres_stop immediate; rm -rf "$work"' EXIT
postgres_init "$work/pg"

grow() # NAME URL
{
	local name=$1 first='' devices us
	"$out/tests/bench/store" grow "$2" "$most" >"$work/said" || true # whether it is flat, the rows say
	while read -r devices us; do
		first=${first:-$us}
		[ "$devices" = 1000 ] || row "store/$name/$devices-devices" us "$us" "among 1000" "$first"
	done < <(sed -n 's/^# \([0-9]*\) devices: \([0-9.]*\) us.*/\1 \2/p' "$work/said")
}

grow sqlite "sqlite:$work/store.db"
row store/sqlite/bytes-of-a-device bytes \
	"$(stat -c %s "$work/store.db" | awk -v n="$most" '{ print $1 / n }')" aim 2048
grow postgresql "$postgres_url"
row store/postgresql/bytes-of-a-device bytes \
	"$(postgres_as psql -q -A -t -d "$postgres_url" -c "SELECT sum(pg_total_relation_size(oid))
		FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace" |
		awk -v n="$most" '{ print $1 / n }')" aim 2048
