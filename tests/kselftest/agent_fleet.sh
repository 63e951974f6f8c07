#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# iotkeyd in a fleet: all that its process with the net (played here) can ask of it, right and
# wrong, with a TPM and what a registrar would send.
#
# timeout: 1800
# kernel: not debug
# shellcheck source=tests/kselftest/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/kselftest/common/iot.sh
. "$(dirname "$0")/common/iot.sh"
# shellcheck source=tests/kselftest/common/agent.sh
. "$(dirname "$0")/common/agent.sh"

here=$(cd "$(dirname "$0")" && pwd)
chmod 755 "$tmp"
mkdir "$tmp/sbin" "$tmp/libexec" "$tmp/libexec/iotkey" "$tmp/a"
cp "$(command -v iotkeyd)" "$tmp/sbin/"
cp "$here/playnet" "$tmp/libexec/iotkey/iotkeyd-net"
cp /usr/libexec/iotkey/iotkeyd-tpm "$tmp/libexec/iotkey/"
state=$tmp/state
blobs=$state/keys
agent=
ring=
cd "$tmp" || exit 1

HELLO=1 TRUST=2 IDENTITY=3 ACTIVATE=4 DEVICE=5 KEY=6 CERTIFICATE=7 PROMOTE=8 EVIDENCE=9 PARENT=10 \
	ROOT=11 STATEMENT=12 REPORT=13

fleet() { "$here/fleet" "$@"; }
# ask TYPE FIELD...: prints "ok" or an error; the answer is in a/
ask() { rm -f a/*; "$here/playnet" 3 "$1" a "${@:2}"; }
# state_it FILE: the same for a statement
state_it() { rm -f a/*; "$here/playnet" 4 $STATEMENT a "beside:$1"; }
says() { is "$1" "$2" "$(ask "${@:3}")"; }
states() { is "$1" "$2" "$(state_it "$3")"; }

start_agent() # [COMMAND...]
{
	"$@" "$tmp/sbin/iotkeyd" --config "$tmp/conf" 2>>"$tmp/log" &
	agent=$!
	until_true 20 keyctl search @u keyring iotkey
	ring=$(keyctl search @u keyring iotkey)
}

# pid_of NAME: of a process of that name; the one that was there first
pid_of() { grep -l "^$1\$" /proc/[0-9]*/comm 2>/dev/null | tr -dc '0-9\n' | sort -n | head -n 1; }
kill_one() { local pid; pid=$(pid_of "$1"); [ -z "$pid" ] || kill -KILL "$pid"; }

no_net() { [ -z "$(pid_of iotkeyd-net)" ]; }

find_key() { keyctl search "$ring" iot "$1" 2>/dev/null; }
has_key() { find_key "$1" >/dev/null; }
nobody_left() { ! grep -q ': [^ ]* *iot  ' /proc/keys; }
log_has() { grep -q -e "$1" "$tmp/log"; }

# What a boot does to the keyring
forget_all()
{
	keyctl clear "$ring"
	until_true 20 nobody_left
}

# certificate NAME KEY [SERIALNUMBER [CA]]: NAME.pem
certificate()
{
	iotkeyctl public "$(find_key "$2" || echo "$2")" >public.pem
	openssl x509 -new -force_pubkey public.pem -subj "/CN=device/serialNumber=${3:-$id}" -days 30 \
		-CA "${4:-ca}.pem" -CAkey "${4:-ca}.key" -out "$1.pem" 2>>openssl.log
}

new_ca() # NAME
{
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$1" -days 3650 \
		-keyout "$1.key" -out "$1.pem" 2>>openssl.log
}

fingerprint() { openssl x509 -in "$1" -outform der | sha256sum | cut -c1-64; }

# statement REVOCATION...: next.iots, the one after those in all.iots, where it is then, too
statement()
{
	fleet statement ca.key "$(date +%s)" all.iots next.iots "$@" && cat next.iots >>all.iots
}

# state_next NAME REVOCATION...: signed, and taken
state_next()
{
	statement "${@:2}"
	states "$1" ok next.iots
}

configure() # LINE...
{
	printf 'state = %s\nrun = %s/run\nregistrar = https://127.0.0.1:1\nnet-user = user\n' "$state" "$tmp" >conf
	printf '%s\n' "$@" >>conf
}

test_begin()
{
	new_ca ca
	new_ca other
	printf 'id:a secret\n' >token
	configure "ca = sha256:$(fingerprint ca.pem)" "token-file = $tmp/token" "name = kettle"
	start_agent
	says "it greets" ok $HELLO
	is "what it says" "https://127.0.0.1:1||sha256:$(fingerprint ca.pem)|id:a secret|kettle|||||" \
		"$(cat a/0)|$(cat a/1)|$(cat a/2)|$(cat a/4)|$(cat a/5)|$(cat a/6)|$(cat a/7)|$(cat a/8)|$(cat a/9)|$(cat a/10)"
	is "numbers" "0000000000000000 0000000000000000 0000000000015180 0000000000000000" \
		"$(hex <a/3) $(hex <a/11) $(hex <a/12) $(hex <a/13)"
}

# The processes, and what they have
test_closed()
{
	local net status
	net=$(pid_of iotkeyd-net)
	status=/proc/$net/status
	is "the net's user and group" "1000 1000 1000 1000|1000 1000 1000 1000|" \
		"$(sed -n 's/^Uid:\t//p' $status | tr '\t' ' ')|$(sed -n 's/^Gid:\t//p' $status | tr '\t' ' ')|$(sed -n 's/^Groups:[\t ]*//p' $status | tr -d ' ')"
	is "it has no capability" "0000000000000000 0000000000000000 0000000000000000" \
		"$(sed -n 's/^Cap\(Prm\|Eff\|Bnd\):\t//p' $status | tr '\n' ' ' | sed 's/ $//')"
	is "nor can it have one" 1 "$(sed -n 's/^NoNewPrivs:\t//p' $status)"
	# and 5, which it has opened itself for this test
	is "it has nothing open but its two sockets" "0 1 2 3 4 5 " \
		"$(find "/proc/$net/fd" -type l | sed 's,.*/,,' | sort -n | tr '\n' ' ')"
	is "the keeper's capabilities: kill, setgid, setuid, net_admin" 00000000000010e0 \
		"$(sed -n 's/^CapEff:\t//p' /proc/$agent/status)"
	is "none to be had" 0000000000000000 "$(sed -n 's/^CapBnd:\t//p' /proc/$agent/status)"
}

test_trust()
{
	says "another CA" EACCES $TRUST file:other.pem
	says "no CA" EBADMSG $TRUST text:rubbish
	says "nothing" EBADMSG $TRUST
	cat other.pem ca.pem >two.pem
	says "the CA, among others" ok $TRUST file:two.pem
	says "once more" ok $TRUST file:ca.pem
	says "and another one" EACCES $TRUST file:other.pem
	ask $HELLO >/dev/null
	ok "it is told" cmp a/1 ca.pem
}

test_identity()
{
	says "who it is" ok $IDENTITY
	cp a/0 ek.pub
	cp a/1 ek.certs
	cp a/2 ak.pub
	like "the EK" '^000b' "$(fleet area ek.pub ek)"
	like "the AK" '^000b' "$(fleet area ak.pub ak)"
	is "there is no certificate" 0 "$(stat -c %s ek.certs)"
	tpm2_createek -Q -c ek.ctx -G ecc -u ek2.pub >/dev/null 2>&1
	is "the same EK as tpm2_createek's" "$(fleet area ek2.pub ek)" "$(fleet area ek.pub ek)"
	tpm2_flushcontext -t >/dev/null 2>&1
	ok "the AK is the kernel's" has_key agent-ak
	ok "and stored" test -s "$blobs/agent-ak.blob"
	id=$(fleet id ek.pub)
	fleet area ak.pub ak | unhex >ak.name
	printf 'a secret of the registrar, 32 by' >secret
	fleet credential ek.pub ak.name secret blob
	says "a credential" ok $ACTIVATE file:blob
	ok "opens" cmp a/0 secret
	says "no credential" EBADMSG $ACTIVATE text:rubbish
	head -c 60 blob >half
	says "half of one" EBADMSG $ACTIVATE file:half
	{ head -c 20 blob; printf X; tail -c +22 blob; } >changed
	says "a changed one" EBADMSG $ACTIVATE file:changed
	says "a device id" ok $DEVICE "text:$id"
	says "the same" ok $DEVICE "text:$id"
	says "another" EEXIST $DEVICE text:00112233445566778899aabbccddeeff
	says "none" EBADMSG $DEVICE text:0011
}

# With a certificate of a maker in its place
test_ek_certificate()
{
	local size
	tpm2_createek -Q -c ek.ctx -G rsa -u ekrsa.pub -f pem >/dev/null 2>&1
	tpm2_flushcontext -t >/dev/null 2>&1
	openssl x509 -new -force_pubkey ekrsa.pub -subj / -days 30 -CA other.pem -CAkey other.key -outform der \
		-out ek.crt 2>>openssl.log
	{ cat ek.crt; head -c 100 /dev/zero; } >ek.nv
	size=$(stat -c %s ek.nv)
	tpm2_nvdefine -Q 0x1c00002 -C o -s "$size" -a 'ownerwrite|ownerread|authread|no_da' &&
		tpm2_nvwrite -Q 0x1c00002 -C o -i ek.nv
	says "who it is, with a certificate" ok $IDENTITY
	ok "it is told, without what fills its index" cmp a/1 ek.crt
	cp a/0 ekrsa.area
	like "and the EK is the RSA one" '^000b' "$(fleet area ekrsa.area ek)"
	is "that of the certificate" "$(openssl pkey -pubin -in ekrsa.pub -outform der | sha256sum | cut -c1-32)" \
		"$(fleet id ekrsa.area)"
	fleet credential ekrsa.area ak.name secret blob
	says "a credential for it" ok $ACTIVATE file:blob
	ok "opens, too" cmp a/0 secret
	tpm2_nvundefine -Q 0x1c00002 -C o
}

key_evidence() # NONCE-HEX ROLE AREA ATTEST SIGNATURE
{
	fleet key ak.pub "$1" "$2" "$4" "$5" "$3" 2>&1
}

test_key()
{
	says "no certificate without a key" ENOENT $CERTIFICATE file:ca.pem
	says "nothing to promote" ENOENT $PROMOTE
	says "a key" ok $KEY hex:0102030405060708
	is "it is in the TPM" ok "$(key_evidence 0102030405060708 key a/1 a/2 a/3)"
	is "the same in the kernel" "iotkey:$(find_key agent-a)" "$(cat a/0)"
	ok "it is stored" test -s "$blobs/agent-a.blob"
	cp a/1 key.area
	says "asked again" ok $KEY hex:0102
	ok "it is the same key" cmp a/1 key.area
	is "with the new nonce" ok "$(key_evidence 0102 key a/1 a/2 a/3)"
	says "a nonce that is too long" EBADMSG $KEY "hex:$(printf %0130d 0)"
	says "no nonce: for a token" ok $KEY hex:
	ok "the same key" cmp a/1 key.area
	is "uncertified" "0 0" "$(stat -c %s a/2 a/3 | tr '\n' ' ' | sed 's/ $//')"
	certificate good agent-a
	certificate foreign agent-a "$id" other
	certificate strange agent-a 00112233445566778899aabbccddeeff
	certificate wrong agent-ak
	says "a certificate by another CA" EKEYREJECTED $CERTIFICATE file:foreign.pem
	says "for another device" EBADMSG $CERTIFICATE file:strange.pem
	says "for another key" EBADMSG $CERTIFICATE file:wrong.pem
	says "none" EBADMSG $CERTIFICATE text:rubbish
	ok "nothing of them is stored" test ! -e "$state/fleet/certificate-a.pem"
	says "the right one" ok $CERTIFICATE file:good.pem
	ask $HELLO >/dev/null
	is "it is the next one" "||iotkey:$(find_key agent-a)" "$(cat a/7)|$(cat a/8)|$(cat a/10)"
	ok "told as it was given" cmp a/9 good.pem
	says "promoted" ok $PROMOTE
	ask $HELLO >/dev/null
	ok "it is the current one" cmp a/7 good.pem
	is "with its key, and no other" "iotkey:$(find_key agent-a)||" "$(cat a/8)|$(cat a/9)|$(cat a/10)"
	is "no token is told any more" "" "$(cat a/4)"
}

test_group()
{
	local key
	key=$(find_key agent-a)
	openssl rand 32 >digest
	chmod 644 digest
	ok "the net signs with it" as_user bash -c "keyctl pkey_sign $key 0 $tmp/digest >/dev/null"
	is_err "does not read it" EACCES as_user bash -c "keyctl pipe $key"
	is_err "nor revoke it" EACCES as_user bash -c "keyctl revoke $key"
	is_err "nor link it" EACCES as_user bash -c "keyctl link $key @s"
	is_err "and has nothing of the AK" EACCES as_user bash -c "keyctl pkey_sign $(find_key agent-ak) 0 $tmp/digest"
	is_err "nor of the keyring" EACCES as_user bash -c "keyctl list $ring"
}

test_renewal()
{
	local old
	old=$(find_key agent-a)
	says "a new key" ok $KEY hex:0a
	is "in the other place" "iotkey:$(find_key agent-b)" "$(cat a/0)"
	ask $HELLO >/dev/null
	is "the old one is in use meanwhile" "iotkey:$old" "$(cat a/8)"
	certificate second agent-b
	says "its certificate" ok $CERTIFICATE file:second.pem
	says "promoted" ok $PROMOTE
	ask $HELLO >/dev/null
	ok "it is in use" cmp a/7 second.pem
	ok "the old key is gone" not has_key agent-a
	ok "from the disk, too" test ! -e "$blobs/agent-a.blob" -a ! -e "$state/fleet/certificate-a.pem"
	is_err "and dead" EKEYREVOKED keyctl pkey_sign "$old" 0 digest
}

not() { ! "$@"; }

test_boot()
{
	kill_agent
	forget_all
	start_agent
	ask $HELLO >/dev/null
	ok "after a boot its certificate is there" cmp a/7 second.pem
	is "and its key" "iotkey:$(find_key agent-b)" "$(cat a/8)"
	ok "and the CA" cmp a/1 ca.pem
	is "and its id" "$id" "$(cat a/6)"
	chmod 644 digest
	ok "the net signs with it again" as_user bash -c "keyctl pkey_sign $(find_key agent-b) 0 $tmp/digest >/dev/null"
}

memory_of() { sed -n "s/^$2:[^0-9]*\([0-9]*\).*/\1/p" "/proc/$1/status" 2>/dev/null; }

test_evidence()
{
	# under time(1), for once
	printf '#!/bin/sh\nexec busybox time -v -o %s %s\n' "$tmp/time" /usr/libexec/iotkey/iotkeyd-tpm >worker
	chmod 755 worker
	mv worker libexec/iotkey/iotkeyd-tpm
	says "evidence" ok $EVIDENCE hex:00112233 u64:0
	cp /usr/libexec/iotkey/iotkeyd-tpm libexec/iotkey/iotkeyd-tpm
	# busybox takes the kernel's KiB for pages, of 4
	worker=$(($(sed -n 's/.*Maximum resident[^:]*: *//p' time) / 4))
	note "resident: worker at most $worker KiB, keeper $(memory_of $agent VmRSS) KiB," \
		"its own $(memory_of $agent RssAnon) KiB"
	ok "the worker takes less than 16 MB" test "$worker" -lt 16000
	ok "the keeper less than 10" test "$(memory_of $agent VmRSS)" -lt 10000
	cp a/0 q.msg; cp a/1 q.sig; cp a/2 q.pcrs; cp a/beside0 eventlog; cp a/beside1 ima
	tpm2_print -t TPM2B_PUBLIC ak.pub >/dev/null 2>&1
	iotkeyctl public "$(find_key agent-ak)" >ak.pem
	ok "tpm2_checkquote takes the quote" tpm2_checkquote -u ak.pem -m q.msg -s q.sig -f q.pcrs -q 00112233
	is "boots and resumes of the TPM" "$(tpm2_print -t TPMS_ATTEST q.msg | sed -n 's/^ *\(resetCount\|restartCount\): *//p' | tr '\n' ' ')" \
		"$((16#$(hex <a/3))) $((16#$(hex <a/4))) "
	note "event log: $(stat -c %s eventlog) bytes, IMA log: $(stat -c %s ima)"
	cat /sys/kernel/security/tpm0/binary_bios_measurements >log.now 2>/dev/null
	ok "the event log is the kernel's" cmp log.now eventlog
	cat /sys/kernel/security/ima/binary_runtime_measurements >ima.now 2>/dev/null
	ok "so is IMA's" cmp ima.now ima
	if [ -s ima.now ]; then
		says "from a place on" ok $EVIDENCE hex:00112233 u64:20
		ok "it goes on there" cmp <(tail -c +21 ima.now) a/beside1
	fi
	says "behind its end" ok $EVIDENCE hex:00112233 u64:99999999
	is "there is nothing" 0 "$(stat -c %s a/beside1)"
	says "no nonce" EBADMSG $EVIDENCE
	says "a nonce that is too long" EBADMSG $EVIDENCE "hex:$(printf %0130d 0)" u64:0
	says "the parent" ok $PARENT hex:7777
	cp a/0 parent.pub
	is "certified" ok "$(fleet key ak.pub 7777 parent a/1 a/2 parent.pub 2>&1)"
}

wrap() { openssl rand 32 >"$1.secret"; fleet wrap parent.pub 0x81000001 "$1.secret" "$1.pem"; }
new() { iotkeyctl --quiet new "$1" --keyring "$ring" "${@:2}" >/dev/null; }
usable() { printf text >plain; iotkeyctl --quiet encrypt "$(find_key "$1")" plain sealed; }

test_roots()
{
	wrap one; wrap two; wrap group1; wrap group2
	says "a root" ok $ROOT text:data u64:1 file:one.pem text: u64:0
	ok "it is in the kernel" has_key data
	ok "and stored" test -s "$blobs/data.blob"
	new work --alg aes-256-gcm --root data
	ok "keys hang under it" until_true 10 test -s "$blobs/work.blob"
	says "the same again" ok $ROOT text:data u64:1 file:one.pem text: u64:0
	says "a newer one, of which no statement knows" EAGAIN $ROOT text:data u64:2 file:two.pem text: u64:0
	ok "changes nothing" usable work
	says "an older one" EKEYREVOKED $ROOT text:data u64:0 file:two.pem text: u64:0
	says "approvals for a root that has no policy" EOPNOTSUPP $ROOT text:data u64:1 text: text:AAAA u64:0
	says "approvals for a root that is not here" ENOENT $ROOT text:nowhere u64:1 text: text:AAAA u64:0
	says "of a group, with the same name" EEXIST $ROOT text:data u64:1 file:one.pem text: u64:1
	says "with the name of another key" EEXIST $ROOT text:work u64:1 file:two.pem text: u64:0
	says "with a name of the agent's" EEXIST $ROOT text:agent-x u64:1 file:two.pem text: u64:0
	says "no root" EBADMSG $ROOT text:rubbish u64:1 text:rubbish text: u64:0
	ok "is none" not has_key rubbish
	says "and can come later" ok $ROOT text:rubbish u64:1 file:two.pem text: u64:0
	says "with a name that is none" EBADMSG $ROOT "text:a b" u64:1 file:two.pem text: u64:0
	says "a group's" ok $ROOT text:club u64:1 file:group1.pem text: u64:1
	ask $HELLO >/dev/null
	is "they are told" "data 1 rubbish 1 club 1 " "$(tr '\n' ' ' <a/14)"
	new member --alg aes-256-gcm --root club
	ok "a key of the group" until_true 10 test -s "$blobs/member.blob"
}

test_statements()
{
	local us
	: >all.iots
	statement "key:$id:nothing"
	head -c 100 next.iots >half
	states "half a statement" EBADMSG half
	fleet statement other.key "$(date +%s)" - foreign.iots "key:$id:nothing"
	states "another fleet's" EXDEV foreign.iots
	{ head -c -1 next.iots; printf X; } >changed
	states "a changed one" EKEYREJECTED changed
	is "one that can be changed" EBADMSG "$(rm -f a/*; "$here/playnet" 4 $STATEMENT a plain:next.iots)"
	is "none" EBADMSG "$("$here/playnet" 4 $STATEMENT a)"
	says "by the other socket" EPROTO $STATEMENT
	is "nothing else by this one" EPROTO "$("$here/playnet" 4 $IDENTITY a)"
	states "a statement about nothing here" ok next.iots
	is "its number" 0000000000000001 "$(hex <a/0)"
	states "once more" EALREADY next.iots
	statement "version:$id:1:rubbish"
	cp next.iots second.iots
	statement "version:$id:1:data"
	states "one too early" ERANGE next.iots
	states "the next" ok second.iots
	ok "the root is dead" not has_key rubbish
	ok "its blob is gone" test ! -e "$blobs/rubbish.blob"
	says "it does not come back" EKEYREVOKED $ROOT text:rubbish u64:1 file:two.pem text: u64:0
	says "nor under another number" EKEYREJECTED $ROOT text:rubbish u64:2 file:two.pem text: u64:0
	ok "and is not there" not has_key rubbish
	key=$(find_key work)
	states "a version" ok next.iots
	us=$(cat a/us0)
	note "$us us from the statement to the answer"
	ok "dead and stored within 100 ms" test "$us" -lt $((100000 * ${IOTKEY_SLOW:-1}))
	is_err "what hung under it is dead" EKEYREVOKED keyctl pkey_encrypt "$key" 0 plain
	wrap three
	says "the next version is welcome" ok $ROOT text:data u64:2 file:three.pem text: u64:0
	new work2 --alg aes-256-gcm --root data
	ok "and good" usable work2
	says "a group's next version, too early" EAGAIN $ROOT text:club u64:2 file:group2.pem text: u64:1
	state_next "somebody else has left the group" "member:00112233445566778899aabbccddeeff:club"
	ok "its root goes on" usable member
	key=$(find_key club)
	says "until the next one comes" ok $ROOT text:club u64:2 file:group2.pem text: u64:1
	ok "which is another" test "$key" != "$(find_key club)"
	ok "then what hung under it is dead" not usable member
	state_next "somebody else is revoked" "device:00112233445566778899aabbccddeeff"
	ok "we are not" usable work2
	state_next "we have left the group" "member:$id:club"
	ok "its root is dead" not has_key club
	state_next "a key is revoked, everywhere" "key:00000000000000000000000000000000:work2"
	ok "ours, too" not has_key work2
	is "the report is kept" ok "$(ask $REPORT 'text:{"contact":"now"}')"
}

test_status()
{
	local text
	text=$("$tmp/sbin/iotkeyd" --config conf status)
	like "status: the id" "device: $id" "$text"
	like "status: the statement" "statement: 7" "$text"
	like "status: what the net says" "contact: now" "$text"
	like "as JSON" '"contact": "now"' "$("$tmp/sbin/iotkeyd" --config conf status --json)"
}

# Killed as it works, each of them; the test stays the one that asks
test_killed()
{
	local i
	kill_one iotkeyd-net
	says "the net's process is started anew" ok $HELLO
	for i in 1 2 3 4; do
		{ sleep 0.0$((i * 2)); kill_one iotkeyd-tpm; } &
		ask $EVIDENCE hex:00 u64:0 >killed
		wait $!
		note "worker: $(cat killed)"
		says "after a worker that was killed" ok $EVIDENCE hex:00 u64:0
	done
	for i in 1 2 3 4 5 6; do ask $PARENT hex:00 >/dev/null; done
	is "no process is left" "" "$(grep -l "^State:.*zombie" /proc/[0-9]*/status 2>/dev/null)"
	is "nothing is left in the TPM" "" "$(tpm2_getcap -T device:/dev/tpm0 handles-transient; tpm2_getcap -T device:/dev/tpm0 handles-loaded-session)"
}

# Is the identity whole, by which this device reaches its registrar?
identity_whole()
{
	ask $HELLO >/dev/null || return
	[ -s a/7 ] && [ -s a/8 ] || return
	cp a/7 whole.pem
	iotkeyctl public "$(cut -d: -f2 <a/8)" >whole.pub &&
		cmp whole.pub <(openssl x509 -in whole.pem -pubkey -noout) &&
		keyctl pkey_sign "$(cut -d: -f2 <a/8)" 0 digest >signature
}

# Until the net's process answers; false, the keeper is dead
while_alive()
{
	while [ -d "/proc/$agent" ]; do ask $HELLO && return; done
	return 1
} >/dev/null 2>&1

# strace, and the agent under it
stop_traced()
{
	local children
	read -r -a children </proc/$agent/task/$agent/children
	kill -KILL "${children[@]}"
	kill_agent
} 2>/dev/null

# The keeper is killed as it enters the Nth system call of a kind, while its identity is renewed, a
# root comes, and a statement: afterwards it has the old identity or the new one, and goes on.
test_steps()
{
	local call n killed=0 broken=0 root=0
	kill_agent
	for n in fsync:8 fsync:14 rename:3 rename:5 rename:7 rename:9 unlink:1 sendmsg:4 \
		${IOTKEY_LONG:+$(for call in fsync rename sendmsg write; do printf "$call:%d " $(seq 1 2 20); done)}; do
		call=${n%:*} n=${n#*:}
		start_agent strace -qq -o /dev/null -e "inject=$call:signal=KILL:when=$n" -e "trace=$call"
		root=$((root + 1))
		wrap "step$root"
		statement "version:$id:1:step$root"
		export PLAYNET_TRIES=20
		{
			while_alive && ask $KEY hex:0a &&
				certificate step "$(sed -n 's/^iotkey://p' a/0)" &&
				ask $CERTIFICATE file:step.pem && ask $PROMOTE &&
				ask $ROOT "text:step$root" u64:1 "file:step$root.pem" text: u64:0 &&
				state_it next.iots
		} >/dev/null 2>&1
		unset PLAYNET_TRIES
		[ -d "/proc/$agent" ] || killed=$((killed + 1))
		stop_traced
		[ $((root % 3)) = 0 ] || forget_all
		start_agent
		until_true 20 identity_whole || { broken=$((broken + 1)); note "$call:$n: $(find "$state" -type f | tr '\n' ' ')"; }
		# what came before is the same, and what was cut short can be done again
		state_it next.iots >again
		grep -q 'ok\|EALREADY' again || { broken=$((broken + 1)); note "$call:$n: statement: $(cat again)"; }
		[ "$(ask $ROOT "text:step$root" u64:1 "file:step$root.pem" text: u64:0)" = EKEYREVOKED ] ||
			{ broken=$((broken + 1)); note "$call:$n: a revoked root comes back"; }
		kill_agent
	done
	note "killed at $killed steps of $root"
	ok "most of the steps are there" test $killed -ge 5
	is "the identity is whole each time, and nothing revoked comes back" 0 $broken
	is "no litter" "" "$(find "$state" -name '*.??????' ! -name '*.blob')"
	start_agent
}

test_revoked()
{
	local key
	ok "the identity is whole" until_true 20 identity_whole
	key=$(cut -d: -f2 <a/8)
	wrap four
	state_next "this device is revoked" "device:$id"
	is_err "its key is dead" EKEYREVOKED keyctl pkey_sign "$key" 0 digest
	is "so are all others" "" "$(for k in $(keyctl rlist "$ring"); do iotkeyctl show "$k" 2>/dev/null | grep -i 'state.*active'; done)"
	is "nothing is stored" "" "$(ls "$blobs")"
	says "it gives nothing any more" EKEYREVOKED $IDENTITY
	says "and takes nothing" EKEYREVOKED $ROOT text:new u64:1 file:four.pem text: u64:0
	ask $HELLO >/dev/null
	is "it says so" "0000000000000001|" "$(hex <a/13)|$(cat a/7)"
	kill_agent
	forget_all
	start_agent
	ask $HELLO >/dev/null
	is "after a boot, too" "0000000000000001|" "$(hex <a/13)|$(cat a/7)"
	state_next "statements go on" "key:$id:nothing"
}

test_end()
{
	kill -TERM $agent
	wait $agent
	is "SIGTERM: it ends well" 0 $?
	ok "and takes the others along" until_true 5 no_net
	keyctl unlink "$ring" @u
}

test_begin
test_closed
test_trust
test_identity
test_ek_certificate
test_key
test_group
test_renewal
test_boot
test_evidence
test_roots
test_statements
test_status
test_killed
test_steps
test_revoked
test_end
note "$(sort "$tmp/log" | uniq -c | head -n 60)"
cd /
finish
