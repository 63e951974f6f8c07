#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Incremental attestation: a device sends only what is new in its IMA log, to whichever registrar;
# and what is wrong in the new part is found as in the whole.  Prints KTAP.
set -u
# shellcheck source=tests/fleet/devices.sh
. "$(dirname "$0")/devices.sh"

# measure PATH...: the kernel measures these files
measure()
{
	local extension
	python3 "$here/ima.py" one/log "$@" >extensions
	while read -r extension; do tpm2 pcrextend "$extension"; done <extensions
}

size() { stat -c %s one/log; }

# show OFFSET [FIELD...]: attest, with the log from there
show()
{
	tail -c +$(($1 + 1)) one/log >part
	attest one ima@part ima_offset:"$1" "${@:2}"
}

# result: status, result, and the first finding's check and component
result() { echo "$status $(answer result) $(answer findings.0.check) $(answer findings.0.component)"; }

allow() { printf "ima sha256:%s $1\n" "$(printf %s "$1" | sha256sum | cut -d ' ' -f 1)"; }

test_goes_on()
{
	measure /sbin/init /bin/sh /etc/passwd
	show 0
	is "the whole log" "200 pass none none" "$(result)"
	place=$(size)
	is "is known up to its end" "$place" "$(answer ima_offset)"
	measure /usr/bin/one
	show "$place"
	is "what is new" "200 pass none none" "$(result)"
	is "is known then" "$(size)" "$(answer ima_offset)"
	place=$(size)
	registrar_stop
	registrar_start
	measure /usr/bin/two
	show "$place"
	is "what is new, to a registrar that was restarted" "200 pass none none" "$(result)"
	place=$(size)
	show "$place"
	is "nothing new" "200 pass none none" "$(result)"
	is "stays where it was" "$place" "$(answer ima_offset)"
	show 0
	is "the whole log is right at any time" "200 pass none none" "$(result)"
}

# What was measured between the quote and the log is for the next time
test_later()
{
	local quoted_place
	measure /usr/bin/three
	quoted_place=$(size)
	nonce_for one attest && quote one
	measure /usr/bin/four
	tail -c +$((place + 1)) one/log >part
	as one POST attest "$(evidence one ima@part ima_offset:"$place")"
	is "more than was quoted" "200 pass none none" "$(result)"
	is "is known up to what was" "$quoted_place" "$(answer ima_offset)"
	show "$quoted_place"
	is "and goes on from there" "200 pass none none" "$(result)"
	place=$(size)
}

test_places()
{
	show $((place + 1))
	refused "another place" 409 ima-offset
	is "and the right one" "$place" "$(answer ima_offset)"
	head -c 30 one/log >part
	attest one ima@part ima_offset:1000000
	refused "a place beyond the log" 409 ima-offset
	attest one ima@part ima_offset:9223372036854775807
	refused "a place beyond all logs" 409 ima-offset
	attest one ima_offset:7
	is "a place without a log is nothing" "200 fail ima-missing quote" "$(result)"
}

test_wrong()
{
	measure /usr/bin/five
	python3 -c 'd = bytearray(open("one/log", "rb").read()); d[-3] ^= 1; open("part", "wb").write(d['"$place"':])'
	attest one ima@part ima_offset:"$place"
	is "a changed entry" "200 fail ima-entry" "$(result | cut -d ' ' -f 1-3)"
	: >part
	attest one ima@part ima_offset:"$place"
	is "an entry left out" "200 fail ima-replay" "$(result | cut -d ' ' -f 1-3)"
	show "$place"
	is "as it is, it passes" "200 pass none none" "$(result)"
	place=$(size)
	measure /usr/bin/rootkit
	show "$place"
	is "a file that nobody knows" "200 fail ima-unknown /usr/bin/rootkit" "$(result)"
	is "keeps the place" "$place" "$(answer ima_offset)"
	measure /usr/bin/one
	show "$place"
	is "and is not forgotten" "200 fail ima-unknown /usr/bin/rootkit" "$(result)"
	show "$(size)"
	refused "nor can it be passed over" 409 ima-offset
	show 0
	is "in the whole log too" "200 fail ima-unknown /usr/bin/rootkit" "$(result)"
}

test_reboot()
{
	reboot one
	rm one/log
	measure /sbin/init
	cp one/log part
	attest one ima@part ima_offset:"$place"
	refused "a place of the boot before" 409 ima-offset
	is "there is none now" 0 "$(answer ima_offset)"
	show 0
	is "the new log passes" "200 pass none none" "$(result)"
	place=$(size)
	measure /bin/sh
	show "$place"
	is "and goes on" "200 pass none none" "$(result)"
}

ok "a TPM" make_device one
{
	for pcr in 0 1 2 3; do echo "pcr sha256:$pcr any"; done
	for path in /sbin/init /bin/sh /etc/passwd /usr/bin/{one,two,three,four,five}; do allow $path; done
} >files.reference
quoted=sha256:0,1,2,3,4,5,6,7,8,9,10+sha1:10
begin --name localhost -- "ek-ca = $tmp/makers" "references = $tmp/files.reference"
join one
enrol_device one
tls_identity one "$id"
test_goes_on
test_later
test_places
test_wrong
test_reboot
ok "the audit log is whole" "$registrar" audit verify "$dir/audit.log"
done_testing
