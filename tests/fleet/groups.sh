#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Group roots: the same one for chosen devices, and another for those who stay when a member goes.
# Two software TPMs.  Prints KTAP.
set -u
# shellcheck source=tests/fleet/devices.sh
. "$(dirname "$0")/devices.sh"

fleet() { "$out/tools/bin/iotkeyctl" fleet "$@" >"$tmp/said" 2>&1; }

# group_root NAME VERSION: as the master gives it
group_root()
{
	python3 - "$dir/master" "$1" "$2" <<-'PYTHON'
	import hashlib, hmac, sys
	master = open(sys.argv[1], "rb").read()
	context = sys.argv[2].encode() + b"\0" + int(sys.argv[3]).to_bytes(4, "big")
	text = b"\0\0\0\1iotkey group root\0" + context + b"\0\0\1\0"
	print(hmac.new(master, text, hashlib.sha256).hexdigest())
	PYTHON
}

# roots TPM-DIR: what a release gives it, a line "NAME VERSION GROUP" for each; their files are NAME.TPM-DIR
roots()
{
	release "$1" || { echo "$status"; return; }
	python3 - "$tmp/answer" "$1" <<-'PYTHON'
	import json, sys
	answer = json.load(open(sys.argv[1]))
	if "roots" not in answer:
	    print(answer["error"])
	for root in answer.get("roots", []):
	    print(root["name"], root["version"], root["group"])
	    open(root["name"] + "." + sys.argv[2], "w").write(root["pem"])
	PYTHON
}

# opened TPM-DIR NAME: the root in hex
opened()
{
	tpm_use "$tmp/$1"
	unseal "$2.$1" && hex root
}

statements_said()
{
	call GET statements
	./fleet statements "$dir/ca.key" answer
}

test_members()
{
	is "no group yet" "data 1 False" "$(roots one)"
	ok "no group has the name of a root" not fleet group data --make
	like "which is said" "every device gets" "$(cat said)"
	ok "a group" fleet group lift --make --add "$one"
	ok "of two" fleet group lift --add "$two"
	is "the first member gets its root" "data 1 False
lift 1 True" "$(roots one)"
	is "and so does the second" "data 1 False
lift 1 True" "$(roots two)"
	is "the first opens it" "$(group_root lift 1)" "$(opened one lift)"
	is "the second, too" "$(group_root lift 1)" "$(opened two lift)"
	cp lift.two transplant.one
	ok "not each other's file" not opened one transplant
	ok "another group, of one" fleet group gate --make --add "$two"
	is "who is not in it does not get it" "data 1 False
lift 1 True" "$(roots one)"
	is "who is in both gets both" "data 1 False
gate 1 True
lift 1 True" "$(roots two)"
	is "their roots differ" "$(group_root gate 1)" "$(opened two gate)"
}

test_member_leaves()
{
	ok "a member is revoked" fleet revoke "$two" --group lift
	is "a statement says so" "statement 1
member $two lift" "$(statements_said)"
	is "who stays gets the next" "data 1 False
lift 2 True" "$(roots one)"
	is "which is another" "$(group_root lift 2)" "$(opened one lift)"
	is "who left does not" "data 1 False
gate 1 True" "$(roots two)"
}

test_device_revoked()
{
	ok "it comes back" fleet group lift --add "$two"
	is "to the root that is the group's now" "data 1 False
gate 1 True
lift 2 True" "$(roots two)"
	ok "the device is revoked" fleet revoke "$two"
	like "a statement says so" "^device $two" "$(statements_said)"
	is "it gets nothing" "403" "$(roots two)"
	is "and who stays gets the next" "data 1 False
lift 3 True" "$(roots one)"
	ok "another group's version goes up as well" grep -q '^gate *2' <(fleet groups; cat said)
}

test_versions()
{
	ok "a version is revoked, for all" fleet revoke all --root data --root-version 1
	is "then there is the next" "data 2 False
lift 3 True" "$(roots one)"
	is "another one" "$(derived one data 2)" "$(opened one data)"
	like "the audit log tells versions" '"name": ?"lift", ?"version": ?3' "$(grep roots-released "$dir/audit.log")"
	is "and no root" 0 "$(grep -c "$(group_root lift 3)" "$dir/audit.log")"
}

ok "a TPM" make_device one
ok "and another" make_device two
for pcr in 0 1 2 3; do echo "pcr sha256:$pcr any"; done >any.reference
begin --name localhost -- "ek-ca = $tmp/makers" "roots = data" "references = $tmp/any.reference" "workers = 1"
export IOTKEY_REGISTRAR=$url IOTKEY_FLEET_DIR=$dir NO_COLOR=1
one='' two=''
for device in one two; do
	join $device
	enrol_device $device
	tls_identity $device "$id"
	attest $device
	is "$device passes" "200 pass" "$status $(answer result)"
	printf -v $device %s "$id"
done
test_members
test_member_leaves
test_device_revoked
test_versions
ok "the audit log is whole" "$registrar" audit verify "$dir/audit.log"
done_testing
