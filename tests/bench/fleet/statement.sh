#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A revocation to devices that wait for it, each by a TLS connection of its own: from the start of
# "iotkeyctl fleet revoke" until the last has it; and what a device fetches when 10,000 of a million
# are revoked at once.  Prints rows (see bench.sh).
#
#	statement.sh [DEVICES]		(20000; SAMPLE=1: 200, only whether it works)
#
# A process has no more descriptors than its hard limit, so there are as many workers and
# clients as it takes.
set -eu

exec 3>&1 >&2
# shellcheck source=tests/fleet/lib.sh
. "$(dirname "$0")/../../fleet/lib.sh"
# shellcheck source=tests/bench/fleet/rows.sh
. "$top/tests/bench/fleet/rows.sh"
ktap_done=true

devices=${1:-20000}
[ -z "${SAMPLE:-}" ] || devices=200
files=$(ulimit -Hn)
[ "$files" != unlimited ] || files=1000000
processes=$((devices / (files < 30000 ? files * 9 / 10 : 25000) + 1))
# SO_REUSEPORT does not share out evenly
workers=$((processes > 1 ? processes + 1 : 2))

memory() # PID...: KiB that they hold
{
	ps -o rss= -p "$(echo "$@" | tr ' ' ,)" | awk '{ n += $1 } END { print n }'
}

begin -- "workers = $workers" "connections = 1000000"
mapfile -t pids < <(pgrep -P "$pid")
before=$(memory "${pids[@]}")
export IOTKEY_REGISTRAR=$url IOTKEY_FLEET_DIR=$dir
"$out/tests/bench/watch" "$port" "$ca" 0 "$devices" "$processes" \
	"ps -o rss= -p $(IFS=,; echo "${pids[*]}") >$tmp/memory
	$out/tools/bin/iotkeyctl fleet revoke --key uplink all >/dev/null" >"$tmp/watched"
note "$(cat "$tmp/watched"), $workers workers"
last=$(sed 's/.*"last": \([0-9.]*\).*/\1/' "$tmp/watched")
row "statement/$devices-devices" s "$last" aim 5
row statement/memory-of-a-connection bytes \
	"$(awk -v b="$before" -v n="$devices" '{ s += $1 } END { print (s - b) * 1024 / n }' "$tmp/memory")" \
	"100,000 in 8 GiB" 85899

# Devices of no EK and no certificate: a statement is the same
python3 - "$dir/store.db" <<'PYTHON' >"$tmp/ids"
import os, sqlite3, sys
db = sqlite3.connect(sys.argv[1], timeout=10)
empty = {"BYTEA": b"", "TEXT": "", "BIGINT": 0}
row = {r[1]: empty[r[2]] for r in db.execute("PRAGMA table_info(device)")}
for n in range(10000):
    row.update(id=os.urandom(16), state=2)
    db.execute("INSERT INTO device VALUES (%s)" % ",".join("?" * len(row)), list(row.values()))
    print(row["id"].hex())
db.commit()
PYTHON
began=$(date +%s.%N)
"$out/tools/bin/iotkeyctl" fleet revoke --file "$tmp/ids" >/dev/null
note "10,000 devices were revoked in $(awk -v a="$began" -v b="$(date +%s.%N)" 'BEGIN { print b - a }') s"
curl -s --cacert "$ca" -o "$tmp/delta" "$url/.well-known/iotkey/statements?after=1&wait=0"
row statement/bytes-of-10000-devices bytes "$(stat -c %s "$tmp/delta")" aim 200000
