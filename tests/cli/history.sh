#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# iotkeyctl history: a real log (history/log, of Debian's 6.12 with a software TPM) against its
# PCRs, and the log spoilt in every way: it says so, and where.
set -u

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
# shellcheck source=tests/kselftest/lib.sh
. "$top/tests/kselftest/lib.sh"
out=${O:-$top/build}
export LD_LIBRARY_PATH=$out/lib NO_COLOR=1 LC_ALL=C TZ=UTC
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"; ktap_exit' EXIT
log=$here/history/log
mapfile -t pcrs < <(sed 's/^/--pcr=/' "$here/history/pcrs")

# history ARGUMENT...: sets $text (all that it says) and $status
history()
{
	status=0
	text=$("$out/tools/bin/iotkeyctl" history "$@" 2>&1) || status=$?
}

# spoilt NAME SENTENCE ACTION...: the PCRs find it out, and the sentence says where
spoilt()
{
	local name=$1 sentence=$2
	shift 2
	python3 "$here/history/spoil.py" "$log" "$tmp/log" "$@" || return
	history --log "$tmp/log" "${pcrs[@]}"
	is "$name: exit status" 5 $status
	like "$name: the PCR" 'PCR 10 of sha256: does not agree with the log' "$text"
	like "$name: the place" "${sentence:-the log is not the one that the TPM knows}" "$text"
}

# forged NAME SENTENCE ACTION...: the same where the liar has the PCR too
forged()
{
	local name=$1 sentence=$2
	shift 2
	pcr=$(python3 "$here/history/spoil.py" "$log" "$tmp/log" "$@" pcr sha256) || return
	history --log "$tmp/log" --pcr "$pcr"
	is "$name: exit status" 5 $status
	like "$name: the PCR" 'PCR 10 of sha256: agrees' "$text"
	like "$name" "$sentence" "$text"
}

test_whole()
{
	history --log "$log" "${pcrs[@]}"
	is "a log and its PCRs" 0 $status
	is "the PCRs agree" 4 "$(grep -c 'agrees with entries 1 to 19 of 19$' <<<"$text")"
	is "its history" "begin created created rotated rotated created created created revoked destroyed destroyed destroyed destroyed destroyed end begin created" \
		"$(awk '$1 ~ /^[0-9]+$/ { print $5 }' <<<"$text" | xargs)"
	like "a root" '^4 +1 +2026-11-24 12:52:32 +created +device-root +root tpm +- +76115f85b41e66236ced37bd7fabf297 *$' "$text"
	like "a key" '^7 +4 +[-0-9]* [:0-9]* +rotated +telemetry +aes-256-gcm derive +v3 +fd8de9589c1f18d5aa7cf60fdb82d5a7 *$' "$text"
	like "a key in the TPM" '^10 .* created +identity +ecdsa-p256 tpm +- +ec26fc43c3dc2e5434fa2d10202bdabd *$' "$text"
	like "under an unsafe root" '^9 .* seal +hmac-sha256 random .* unsafe$' "$text"
	history --log "$log"
	is "without a PCR" "0 not checked: no PCR" "$status $(tail -n 1 <<<"$text")"
	history --log "$log" --pcr none
	is "the same, asked for" "0 not checked: no PCR" "$status $(tail -n 1 <<<"$text")"
	history --quiet --log "$log" "${pcrs[0]/:/:0x}"
	is "as tpm2_pcrread writes it; --quiet: only the table" 18 "$(wc -l <<<"$text")"
	history --log - "${pcrs[1]}" <"$log"
	is "from a pipe" 0 $status
}

test_spoilt()
{
	spoilt "one out" 'entry 7: before it 1 record is missing, from number 4 on$' drop 7
	spoilt "two out" 'entry 7: before it 2 records are missing, from number 4 on$' drop 7 drop 7
	spoilt "the first out" 'entry 3: before it 1 record is missing, from number 0 on$' drop 3
	spoilt "the last two out" '' drop 19 drop 18
	spoilt "the end out" 'entry 17: the end of .* instance before it is missing$' drop 17
	spoilt "two exchanged" 'entry 7: its number 3 was passed' swap 6 7
	spoilt "the same, from the other side" 'entry 6: before it 1 record is missing' swap 6 7
	spoilt "one doubled" 'entry 7: its number 3 was passed' double 6
	spoilt "one moved behind the end" "entry 17: the module's instance had ended" swap 16 17
	spoilt "one that is no record out" '' drop 2
	spoilt "another version" 'entry 7: does not fit its digest' byte 7 59 9
	spoilt "another version, digests made to fit" '' forge 7 59 9
	spoilt "another magic" 'entry 7: does not fit its digest' byte 7 0 0x49
}

test_forged()
{
	forged "one out, and the PCR" 'entry 7: before it 1 record is missing' drop 7
	forged "a changed byte, and the PCR" 'entry 7: does not fit its digest' byte 7 59 9
	forged "a record of another format" 'entry 7: is no record that this version knows' \
		forge 7 3 0x32
	forged "a record that is none" 'entry 7: is no record that this version knows' \
		forge 7 23 0
}

# A quote is older than the log, or the log was cut.
test_lengths()
{
	pcr=$(python3 "$here/history/spoil.py" "$log" "$tmp/log" first 10 pcr sha256)
	history --log "$log" --pcr "$pcr"
	is "an older PCR" 0 $status
	like "says what it covers" 'agrees with entries 1 to 10 of 19$' "$text"
	like "and what was left out" '^left out: 9 records younger than the PCR$' "$text"
	is "which it does not show" "" "$(grep revoked <<<"$text")"
	history --log "$tmp/log" --pcr "$pcr"
	is "the shorter log" 0 $status
	history --log "$tmp/log" "${pcrs[1]}"
	is "and a younger PCR" 5 $status
	python3 "$here/history/spoil.py" "$log" "$tmp/log" first 2
	history --log "$tmp/log"
	like "no records" '^no record of a key is in this log$' "$text"
	head -c 3000 "$log" >"$tmp/log"
	history --log "$tmp/log" "${pcrs[1]}"
	is "cut within an entry" 5 $status
	like "it says so" 'ends in the midst of one after entry 16$' "$text"
	{ cat "$log"; head -c 64 /dev/zero; } >"$tmp/log"
	history --log "$tmp/log" "${pcrs[1]}"
	is "with something behind it" 5 $status
	: >"$tmp/log"
	history --log "$tmp/log" "${pcrs[1]}"
	is "an empty log, and a PCR" 5 $status
	history --log "$log" --pcr "sha256:$(printf '0%.0s' {1..64})"
	is "a PCR of zeros" 5 $status
}

# Entry 7 becomes one of three that were lost, the next ones are missing in their stead.
test_lost()
{
	pcr=$(python3 "$here/history/spoil.py" "$log" "$tmp/log" forge 7 4 130 forge 7 23 3 \
		forge 7 75 105 drop 8 drop 8 pcr sha256)
	history --log "$tmp/log" --pcr "$pcr"
	is "records that the kernel lost" 0 $status
	like "are told" '^7 +4 .* lost .* 3 records: ENOBUFS$' "$text"
	like "and counted" '^not measured: 3 records' "$text"
	history --json --log "$tmp/log" --pcr "$pcr"
	is "for programs too" 3 "$(json 'd["lost"]' <<<"$text")"
}

json() { python3 -c "import json, sys; d = json.load(sys.stdin); print($1)"; }

test_json()
{
	history --json --log "$log" "${pcrs[@]}"
	is "JSON: good" "True True 19 0" \
		"$(json 'd["good"], d["checked"], d["entries"], d["lost"]' <<<"$text" | tr -d '(),')"
	is "JSON: a record" "7 rotated telemetry aes-256-gcm derive tpm 3 2 4" "$(json '*(d["records"][4][k]
		for k in "entry event name algorithm mode provider version epoch number".split()), sep=" "' \
		<<<"$text" | tr -d '(),'"'")"
	is "JSON: PCRs" "sha1 sha256 sha384 sha512" \
		"$(json '*(p["bank"] for p in d["pcrs"] if p["agrees"] and p["entries"] == 19)' <<<"$text")"
	python3 "$here/history/spoil.py" "$log" "$tmp/log" swap 6 7
	text=$("$out/tools/bin/iotkeyctl" history --json --log "$tmp/log" "${pcrs[@]}" 2>/dev/null)
	is "JSON: flaws" "False missing-before out-of-place" \
		"$(json 'd["good"], *sum((r["flaws"] for r in d["records"]), [])' <<<"$text" | tr -d "(),'")"
}

test_usage()
{
	local arg
	for arg in --pcr=sha256 --pcr=sha256:00 --pcr=md5:00 --pcr=lively "${pcrs[0]}00" \
		"${pcrs[0]/%?/g}"; do
		history --log "$log" "$arg"
		is "usage: $arg" 2 $status
	done
	history "${pcrs[0]}" "${pcrs[0]}"
	is "usage: a bank twice" 2 $status
	history "${pcrs[0]}" --pcr live
	is "usage: values and live" 2 $status
	history --pcr none "${pcrs[0]}"
	is "usage: none and values" 2 $status
	history --log "$log" .
	is "usage: a log and a directory" 2 $status
	history --log "$tmp/none"
	is "no such file" 1 $status
	history "$tmp"
	is "no evidence in a directory" 1 $status
}

test_whole
test_spoilt
test_forged
test_lengths
test_lost
test_json
test_usage
done_testing
