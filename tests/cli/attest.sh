#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Appraisal where there is no TPM, of what tpm2-tools and a software TPM made; and our reading of event
# logs beside tpm2_eventlog's.  Needs no module.  Prints KTAP.
set -u

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
out=${O:-$top/build}
boot=$here/boot
export LD_LIBRARY_PATH=$out/lib LC_ALL=C
work=$(mktemp -d)
# shellcheck source=tests/kselftest/lib.sh
. "$top/tests/kselftest/lib.sh"
trap 'kill $swtpm_pid 2>/dev/null; rm -rf "$work"; ktap_exit' EXIT
swtpm_pid=
cd "$work" || exit 1

quiet() { "$@" >"$work/quiet" 2>&1; }
iotkeyctl() { "$out/tools/bin/iotkeyctl" "$@"; }

start_tpm()
{
	mkdir state
	swtpm socket --tpm2 --tpmstate "dir=$work/state" --flags not-need-init,startup-clear \
		--server "type=unixio,path=$work/tpm" --ctrl "type=unixio,path=$work/tpm.ctrl" \
		>swtpm.log 2>&1 &
	swtpm_pid=$!
	for _ in $(seq 100); do
		[ ! -S tpm.ctrl ] || break
		sleep 0.05
	done
	export TPM2TOOLS_TCTI=swtpm:path=$work/tpm
}

# There is no resource manager: what is loaded is flushed each time.
tpm2() { command "tpm2_$1" -Q "${@:2}" >"$work/log" 2>&1 && quiet tpm2_flushcontext -t; }

# ak NAME ALGORITHM ATTRIBUTE...: a key under the owner's primary
ak()
{
	tpm2 create -C prim.ctx -G "$2" -u "$1.pub" -r "$1.priv" \
		-a "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|sign$3" &&
		tpm2 load -C prim.ctx -u "$1.pub" -r "$1.priv" -c "$1.ctx" &&
		tpm2 readpublic -c "$1.ctx" -f pem -o "$1.pem"
}

nonce=0102030405060708
quote() # AK PCRS OPTION...
{
	tpm2 quote -c "$1.ctx" -l "$2" -q $nonce -m q.msg -s q.sig -o q.pcrs "${@:3}"
}

appraise() # AK-FILE OPTION...
{
	iotkeyctl appraise -m q.msg -s q.sig -f q.pcrs --ak "$1" --nonce $nonce "${@:2}"
}

passes() # NAME AK-FILE OPTION...
{
	local status=0
	appraise "${@:2}" >found 2>&1 || status=$?
	is "$1" 0 $status
	[ $status = 0 ] || note "$(cat found)"
}

refused() # NAME REGEXP AK-FILE OPTION...
{
	local status=0
	appraise "${@:3}" >found 2>&1 || status=$?
	is "$1: refused" 4 $status
	like "$1: named" "$2" "$(cat found)"
}

# What both tell of a log, in the same words
theirs()
{
	tpm2_eventlog "$1" 2>"$work/quiet" | awk '
		/^- EventNum:/ && $3 != n + 0 { print "number " $3 }
		/^  PCRIndex:/ { if (line) print line; pcr = $2 }
		/^  EventType:/ { line = "event " n++ " " pcr " " $2 }
		/^  Digest:/ { gsub(/"/, ""); line = line " sha1:" $2 }
		/^  - AlgorithmId:/ { hash = $3 }
		/^    Digest:/ { gsub(/"/, ""); line = line " " hash ":" $2 }
		/^pcrs:/ { print line; line = ""; pcrs = 1 }
		pcrs && /^  [a-z0-9]*:$/ { sub(/:/, "", $1); hash = $1 }
		pcrs && /^    [0-9]/ { sub(/0x/, "", $3); print "pcr " hash ":" $1 " " $3 }'
}

same_log() # NAME FILE [REGEXP: lines that are left out]
{
	theirs "$2" | grep -v "${3:-^$}" >theirs.txt
	./attest events "$2" | grep -v "${3:-^$}" >ours.txt
	ok "$1: some events" grep -q '^event 1 ' theirs.txt
	ok "$1: some PCRs" grep -q '^pcr sha1:4 ' theirs.txt
	ok "$1: as tpm2_eventlog has it" diff theirs.txt ours.txt
}

test_eventlog()
{
	same_log "a real boot" "$boot/eventlog"
	grep -v '^event' ours.txt | sed -n 's/^pcr //p' | grep -E '^sha(1|256):' | sort >replayed
	grep -f <(cut -d ' ' -f 1 replayed | sed 's/$/ /') "$boot/pcrs" | sort >pcrs
	ok "it leads to the PCRs of that machine" diff pcrs replayed
	mkdir made
	ok "make a log" ./attest make made
	# tpm2_eventlog 5.4 neither knows what PCR 0 starts with, nor that EV_NO_ACTION extends nothing.
	same_log "one from locality 3" made/eventlog '^pcr .*:0 '
	# The form of TPM 1.2: PCR, type, SHA-1, length, data
	python3 - <<-'END'
		import hashlib, struct
		events = [(0, 8, b"1.0"), (4, 5, b"Calling INT 19h"), (0, 4, b"\0\0\0\0"), (5, 0xe, b"")]
		with open("old", "wb") as file:
		    for pcr, kind, data in events:
		        file.write(struct.pack("<II20sI", pcr, kind, hashlib.sha1(data).digest(), len(data)))
		        file.write(data)
	END
	same_log "one of TPM 1.2" old
	head -c 3000 "$boot/eventlog" >short.log
	ok "one that is cut is refused" eval '! ./attest events short.log >ours.txt'
}

# Every key that TPMs make quotes with, every form of the files
test_quotes()
{
	local key how
	ok "the owner's primary" tpm2 createprimary -C o -c prim.ctx -G ecc
	ok "ECDSA P-256" ak p256 ecc256:ecdsa-sha256:null '|restricted'
	ok "ECDSA P-384" ak p384 ecc384:ecdsa-sha384:null '|restricted'
	ok "RSASSA" ak rsassa rsa2048:rsassa-sha256:null '|restricted'
	ok "RSAPSS" ak rsapss rsa2048:rsapss-sha256:null '|restricted'
	for key in p256 p384 rsassa rsapss; do
		case $key in
		p384) how=(-g sha384) ;;
		rsapss) how=(-g sha256 --scheme rsapss) ;;
		*) how=(-g sha256) ;;
		esac
		ok "$key quotes" quote $key sha256:0,1,2,3,4,5,6,7,8,9,10,17+sha1:0,23 "${how[@]}"
		passes "$key: PEM" $key.pem
		passes "$key: TPM2B_PUBLIC" $key.pub
		openssl pkey -pubin -in $key.pem -outform DER -out $key.der
		passes "$key: DER" $key.der
		ok "$key: a plain signature, values alone" quote $key sha256:0,7 "${how[@]}" -f plain \
			-F values
		passes "$key: they pass" $key.pem
	done
	quote p256 sha256:0,7
	refused "another ECC key" '^signature: ' p384.pem
	refused "an RSA key" '^wrong-key: ' rsassa.pem
	ak other ecc256:ecdsa-sha256:null '|restricted'
	refused "another key of the same kind" '^signature: ' other.pub
	ok "a key that is not restricted" ak free ecc256:ecdsa-sha256:null ''
	quote free sha256:0,7
	refused "an unrestricted key" '^ak-unrestricted: ' free.pub
	passes "where nobody knows that it is one" free.pem
	ok "certify" tpm2 certify -C p256.ctx -c free.ctx -P '' -g sha256 -o q.msg -s q.sig
	refused "a certification" '^quote-type: ' p256.pem
}

# The boot's events, into a TPM once more, and quoted
test_boot()
{
	local n pcr digests commands=()
	./attest events "$boot/eventlog" | sed -n 's/^event [0-9]* \([0-9]*\) [^ ]* /\1 /p' |
		tail -n +2 | sed 's/ sha512.*//' >measured.txt
	while read -r pcr digests; do
		commands+=("$pcr:$(echo "$digests" | sed 's/ sha384.*//; s/:/=/g; s/ /,/g')")
	done <measured.txt
	n=${#commands[@]}
	ok "$n events" tpm2 pcrextend "${commands[@]}"
	while read -r digests; do
		tpm2 pcrextend "10:$digests"
	done < <(python3 - "$boot/ima" <<-'END'
		import hashlib, struct, sys
		log, at = open(sys.argv[1], "rb").read(), 0
		while at < len(log):
		    name = struct.unpack_from("<I", log, at + 24)[0]
		    size = struct.unpack_from("<I", log, at + 28 + name)[0]
		    data = log[at + 32 + name:][:size]
		    print(f"sha1={hashlib.sha1(data).hexdigest()},sha256={hashlib.sha256(data).hexdigest()}")
		    at += 32 + name + size
	END
	)
	ok "quote" quote p256 sha1:0,10+sha256:0,1,2,3,4,5,6,7,8,9,10
	passes "the whole boot passes" p256.pub -e "$boot/eventlog" -i "$boot/ima" --record reference
	like "all of it" '25 events, 2 IMA entries' "$(cat found)"
	passes "and again, by the reference" p256.pub -e "$boot/eventlog" -i "$boot/ima" \
		--reference reference
	like "the reference is readable" '^event 7 EV_EFI_VARIABLE_DRIVER_CONFIG sha256:[0-9a-f]* SecureBoot$' \
		"$(cat reference)"
	refused "without the log" '^eventlog-missing: ' p256.pub -i "$boot/ima" --reference reference
	sed 's/^\(event 7 .*\) SecureBoot$/event 7 EV_EFI_VARIABLE_DRIVER_CONFIG sha256:'"$(printf %064d 1)"' SecureBoot/' \
		reference >edited
	refused "another variable" '^event: PCR 7, event 4 EV_EFI_VARIABLE_DRIVER_CONFIG \(SecureBoot\): .*expected sha256:0*1; found' \
		p256.pub -e "$boot/eventlog" -i "$boot/ima" --reference edited
	is "and nothing else" 1 "$(grep -c ': ' found)"
	tpm2 pcrextend "4:sha256=$(printf %064d 1)"
	quote p256 sha256:0,4
	refused "a PCR that the log does not explain" '^eventlog-replay: PCR sha256:4: ' p256.pub \
		-e "$boot/eventlog"
	like "as JSON" '"check": "eventlog-replay"' \
		"$(iotkeyctl --json appraise -m q.msg -s q.sig -f q.pcrs --ak p256.pub --nonce $nonce \
			-e "$boot/eventlog")"
}

ok "build the helper" "${CC:-cc}" -O2 -Wall -Wextra -Werror -D_GNU_SOURCE -I"$top/include" -o attest \
	"$top/tests/host/attest.c" "$top/tests/host/evidence.c" -L"$out/lib" -liotkey-attest -lcrypto
start_tpm
test_eventlog
test_quotes
test_boot
./attest speed 0.5 | sed 's/^/# /'
done_testing
