#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The administration: iotkeyctl fleet against a registrar of two workers; who may do what; what
# comes of it for devices; a factory batch of 100,000 EKs.
set -u
# shellcheck source=tests/fleet/lib.sh
. "$(dirname "$0")/lib.sh"

export NO_COLOR=1
iotkeyctl=$out/tools/bin/iotkeyctl
two=0f0e0d0c0b0a09080706050403020100

# shellcheck disable=SC2015,SC2119
registrar_init && configure "workers = 2" "audit = $dir/audit.log" "require-tpm = no" &&
	registrar_start || { fail "a registrar"; done_testing; exit; }
export IOTKEY_REGISTRAR=$url IOTKEY_FLEET_DIR=$dir

# fleet VERB...: sets $code; what it said is in $tmp/said
fleet()
{
	code=0
	"$iotkeyctl" fleet "$@" >"$tmp/said" 2>&1 || code=$?
}

# says NAME CODE TEXT
says()
{
	is "$1" "$2" "$code"
	like "$1: what it says" "$3" "$(cat "$tmp/said")"
}

# ---- devices that enrol by a token of ours
fleet status
says "an empty fleet" 0 '^devices +0'
fleet token --name gateway-1 --software
is "a token" 0 "$code"
secret=$(cat "$tmp/said")
one=${secret%%:*}
like "is an id and a secret" '^[0-9a-f]{32}:[0-9a-f]{32}$' "$secret"
fleet tokens
says "it is listed" 0 "$one  gateway-1  software"
csr one "/"
enrol simpleenroll one -u "$secret"
is "a device enrols with it" 200 "$status"
fleet list
says "the device is listed" 0 "^$one +gateway-1 +active +token +never"
fleet show "$one"
says "and shown with its certificate" 0 '^certificate +[0-9a-f]{40}, until 20'
fleet --json show "$one"
ok "as JSON" python3 -c '
import json, sys
d = json.load(open(sys.argv[1])); assert d["state"] == "active" and len(d["certificates"]) == 1' "$tmp/said"
fleet show $two
says "an unknown device" 3 'no such device'
fleet approve "$one"
says "nothing to approve" 4 'done already'
token $two two-secret gateway-2 1
sql "UPDATE device SET state = 1" >/dev/null
fleet list --state pending
says "one waits" 0 "$one"
fleet approve "$one"
says "it is approved" 0 "^$one"
fleet list --state revoked
is "none is revoked" 1 "$(wc -l <"$tmp/said")"

# ---- groups
fleet group lift --make --add "$one"
says "a group with a member" 0 '^added'
fleet group lift --make
says "twice" 4 'one already'
fleet group lift
says "the member" 0 "^$one"
fleet list --group lift
says "is listed by group" 0 "$one"
fleet revoke "$one" --group lift
says "it leaves" 0 '^revoked'
fleet groups
says "and the group's version goes up" 0 '^lift +2 '

# ---- revocation
fleet revoke all --root telemetry --root-version 1
says "a version, for all" 0 '^revoked'
fleet revoke "$one" --key telemetry
says "a key" 0 '^revoked'
fleet revoke all
says "not the whole fleet" 2 'no device id'
fleet revoke "$one"
says "the device" 0 '^1 revoked$'
fleet revoke "$one"
says "once" 0 '^0 revoked, 1 already$'
est simplereenroll -H 'Content-Type: application/pkcs10' --data-binary "@$tmp/one.b64" \
	--cert "$tmp/one.crt" --key "$tmp/one.key"
is "it cannot renew" 403 "$status"
fleet status
says "statements were written" 0 '^statements +4'
status=$(curl -s --cacert "$ca" -o "$tmp/statements" -w '%{http_code}' \
	"$url/.well-known/iotkey/statements?after=0&wait=0")
is "devices get them" "200 4" "$status $(grep -ao IOTS "$tmp/statements" | wc -l)"

# ---- a factory batch
python3 -c '
import hashlib
for n in range(100000): print(hashlib.sha256(b"%d" % n).hexdigest())' >"$tmp/eks"
SECONDS=0
fleet import "$tmp/eks" --batch 2026-11
says "100,000 EKs" 0 '^100000 new, 0 known'
took=$SECONDS
ok "in less than a minute ($took s)" [ "$took" -lt 60 ]
fleet import "$tmp/eks" --batch 2026-11
says "once more" 0 '^0 new, 100000 known'
is "they are there" "(100000,)" "$(sql "SELECT count(*) FROM ek_allowed")"
{ head -n 3 "$tmp/eks"; echo frog; } >"$tmp/bad"
fleet import "$tmp/bad" --batch x
says "a line that is none" 5 'bad:4: not the SHA-256'
fleet import "$tmp/eks" --batch "two words"
says "a batch with a space" 2 'is no name'

# ---- 10,000 devices of that batch, one of which has a certificate, and one more
python3 - "$dir/store.db" "$tmp" <<'PYTHON'
import sqlite3, sys, time
db = sqlite3.connect(sys.argv[1], timeout=10)
eks = [r[0] for r in db.execute("SELECT ek FROM ek_allowed ORDER BY random() LIMIT 10001")]
cols = [r[1] for r in db.execute("PRAGMA table_info(device)")]
row = dict(zip(cols, db.execute("SELECT * FROM device").fetchone()), state=2, revoked=0)
db.executemany("INSERT INTO device VALUES (%s)" % ",".join("?" * len(cols)),
    [list(dict(row, id=ek[:16], ek=ek, name="batch-%d" % n).values()) for n, ek in enumerate(eks)])
db.executemany("INSERT INTO certificate VALUES (?,?,?,?,?,0,0)",
    [(ek[:16], ek[:20], int(time.time()), int(time.time()) + 86400, ek) for ek in eks])
db.commit()
ids = [ek[:16].hex() for ek in eks]
open(sys.argv[2] + "/ids", "w").write("# lost\n\n" + "\r\n".join(ids[:10000]) + "\n")
open(sys.argv[2] + "/first", "w").write(ids[0])
open(sys.argv[2] + "/kept", "w").write(ids[10000])
PYTHON
first=$(cat "$tmp/first")
token "$first" first-secret first 1
csr first "/"
enrol simpleenroll first -u "$first:first-secret"
is "one of them has a certificate" 200 "$status"
statements() # AFTER: how many bytes those are; they are in $tmp/statements
{
	curl -s --cacert "$ca" -o "$tmp/statements" "$url/.well-known/iotkey/statements?after=$1&wait=0"
	stat -c %s "$tmp/statements"
}
{ cat "$tmp/ids"; echo frog; } >"$tmp/bad-ids"
fleet revoke --file "$tmp/bad-ids"
says "a line that is no id" 5 'bad-ids:10003: no device id'
{ sed 5,7d "$tmp/ids"; echo $two; echo "${two}" | tr 0 1; echo "${two}" | tr 0 2; } >"$tmp/bad-ids"
fleet revoke --file "$tmp/bad-ids"
says "devices that are unknown" 3 'no device is revoked'
is "each of them is named" 2 "$(grep -c "unknown: \(${two//0/1}\|${two//0/2}\)" "$tmp/said")"
is "and none is revoked" "[(1,), (4,)]" "$(sql "SELECT count(*) FROM device WHERE state = 3
	UNION ALL SELECT max(sequence) FROM statement" | tr '\n' ' ' | sed 's/^/[/; s/ $/]/; s/) (/), (/')"
SECONDS=0
fleet revoke --file - <"$tmp/ids"
says "10,000 devices" 0 '^10000 revoked$'
took=$SECONDS
ok "in less than a minute ($took s)" [ "$took" -lt 60 ]
size=$(statements 4)
ok "all in one statement, of less than 200 KB ($size)" \
	[ "$(grep -ao IOTS "$tmp/statements" | wc -l)" = 1 -a "$size" -gt 160000 -a "$size" -lt 200000 ]
est simplereenroll -H 'Content-Type: application/pkcs10' --data-binary "@$tmp/first.b64" \
	--cert "$tmp/first.crt" --key "$tmp/first.key"
refused "one of them cannot renew" 403 device-revoked
is "their certificates are revoked" "(10001,)" \
	"$(sql "SELECT count(*) FROM certificate WHERE revoked > 0 AND issued > 0 AND device IN
		(SELECT id FROM device WHERE name LIKE 'batch-%' OR name = 'first')")"
is "each is in the audit log" 10001 "$(grep -c '"event":"device-revoked"' "$dir/audit.log")"
fleet revoke "$(cat "$tmp/kept")" "$(cat "$tmp/kept")" "$first" --file "$tmp/ids"
says "more than the registrar takes at a time, most of them once more" 0 '^1 revoked, 10000 already$'
fleet revoke --file "$tmp/ids"
says "nothing is left to revoke" 0 '^0 revoked, 10000 already$'
is "and nothing to be said" 0 "$(statements 6)"
sql "DELETE FROM certificate WHERE device IN (SELECT id FROM device WHERE name LIKE 'batch-%')
	" >/dev/null
sql "DELETE FROM device WHERE name LIKE 'batch-%'" >/dev/null

# ---- export
fleet export "$tmp/export"
is "export" 0 "$code"
ok "is a JSON object a line" python3 -c '
import json, sys
rows = [json.loads(line) for line in open(sys.argv[1])]
assert [r["device"] for r in rows] == [sys.argv[2]], rows' "$tmp/export" "$one"

# ---- pages
python3 - "$dir/store.db" <<'PYTHON'
import os, sqlite3, sys
db = sqlite3.connect(sys.argv[1], timeout=10)
cols = [r[1] for r in db.execute("PRAGMA table_info(device)")]
row = db.execute("SELECT * FROM device").fetchone()
for n in range(1234):
    new = dict(zip(cols, row), id=os.urandom(16), name="fill-%d" % n, state=2)
    db.execute("INSERT INTO device VALUES (%s)" % ",".join("?" * len(cols)), list(new.values()))
db.commit()
PYTHON
fleet list
is "a list of several pages" 1236 "$(wc -l <"$tmp/said")"
fleet list --name fill-12
is "by the beginning of a name" 46 "$(wc -l <"$tmp/said")"

# ---- who may do what
role() # ROLE: of the one admin
{
	sed -i "s/^[a-z]* /$1 /" "$dir/admins"
}
role viewer
fleet list
is "a viewer looks" 0 "$code"
fleet revoke "$one"
says "and does nothing" 4 'role of admin does not allow'
role operator
fleet group pumps --make
is "an operator does" 0 "$code"
fleet import "$tmp/bad" --batch x
is "but does not decide whose TPMs are let in" 5 "$code"
head -n 3 "$tmp/eks" >"$tmp/few"
fleet import "$tmp/few" --batch x
says "not even good ones" 4 'role of admin does not allow'
role nobody
fleet list
says "who is not in the file is out at once" 4 'not in the registrar'
role admin
curl -s --cacert "$ca" "$url/.well-known/iotkey/fleet/devices" >"$tmp/answer"
like "no certificate" '"error":"no-certificate"' "$(cat "$tmp/answer")"
csr two "/"
enrol simpleenroll two -u $two:two-secret
curl -s --cacert "$ca" --cert "$tmp/two.crt" --key "$tmp/two.key" \
	"$url/.well-known/iotkey/fleet/devices" >"$tmp/answer"
like "a device is no admin" '"error":"not-an-admin"' "$(cat "$tmp/answer")"

# ---- malformed
admin() # METHOD PATH [CURL OPTION...]
{
	local method=$1 path=$2
	shift 2
	# without waiting to be asked for a large body
	status=$(curl -s -H Expect: --cacert "$ca" --cert "$dir/admin.crt" --key "$dir/admin.key" -X "$method" \
		-o "$tmp/answer" -w '%{http_code}' "$@" "$url/.well-known/iotkey/fleet/$path")
}
admin GET "devices?limit=0"
refused "a page of none" 400 malformed
admin GET "devices?after=zz"
refused "after no id" 400 malformed
admin GET "devices?state=happy"
refused "no such state" 400 malformed
admin GET "devices/$one/"
refused "a slash too many" 404 no-such-path
admin POST tokens -d '[]'
refused "no object" 400 malformed
admin POST tokens -d '{"name":"a b"}'
refused "a name with a space" 400 malformed
admin POST tokens -d '{"seconds":-1}'
refused "a time before now" 400 malformed
for list in '"all"' '[]' '[1]' '["all"]' "[\"$one\",\"x\"]" "{\"x\":\"$one\"}"; do
	admin POST devices/revoke -d "{\"devices\":$list}"
	refused "no list of devices: ${list:0:20}" 400 malformed
done
python3 -c 'import json; print(json.dumps({"devices": ["%032x" % n for n in range(1, 10002)]}))' >"$tmp/list"
admin POST devices/revoke --data-binary "@$tmp/list"
refused "a device too many" 400 malformed
admin POST devices/revoke -d "{\"devices\":[\"00000000000000000000000000000000\"]}"
refused "zeros, which are every device in a statement" 404 not-found
admin POST versions/revoke -d '{"device":"all","name":"x","version":4294967295}'
refused "a version too large" 400 malformed
head -c 1100000 /dev/zero >"$tmp/big"
admin POST "eks?batch=x" --data-binary "@$tmp/big"
refused "a megabyte too many" 413 too-large
admin POST "eks?batch=x" --data-binary @- <"$tmp/bad"
like "the line that is none" 'line 4' "$(cat "$tmp/answer")"

# ---- two at once, and the audit log
for i in 1 2 3 4; do
	for j in $(seq 8); do
		"$iotkeyctl" fleet revoke all --key "k$i-$j" >>"$tmp/many" 2>&1
	done &
	jobs[i]=$!
done
wait "${jobs[@]}"
is "four clients revoke at once" 32 "$(grep -c revoked "$tmp/many")"
is "each has its statement" "(38,)" "$(sql "SELECT max(sequence) FROM statement")"
registrar_stop
ok "the audit log is whole" "$registrar" audit verify "$dir/audit.log"
for event in token-made device-approved group-made member-added member-revoked key-revoked \
	version-revoked device-revoked eks-allowed; do
	ok "the log has $event, and by whom" \
		grep -q "\"event\":\"$event\".*\"by\":\"admin\"" "$dir/audit.log"
done
ok "and no secret" eval "! grep -q '${secret#*:}' '$dir/audit.log'"
fleet list
says "nobody answers" 1 "$url: "
done_testing
