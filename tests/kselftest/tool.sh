#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# iotkeyctl where a transcript does not tell enough: large files and damaged ones,
# files that must not be torn, ills that the doctor must see, other users.
# shellcheck source=tests/kselftest/lib.sh
. "$(dirname "$0")/lib.sh"

shopt -s extglob
work=$(mktemp -d)
cd "$work" || exit 1

# code NAME STATUS REGEXP COMMAND...: it exits so, and says so in one line
code()
{
	local name=$1 expected=$2 regexp=$3 status=0 out
	shift 3
	out=$("$@" 2>&1 >/dev/null) || status=$?
	out=${out#Joined session keyring: +([0-9])$'\n'}
	if [ $status = "$expected" ] && [[ $out =~ $regexp ]] && [[ $out != *$'\n'* ]]; then
		pass "$name"
	else
		fail "$name" "expected $expected and $regexp
     got: $status and $out"
	fi
}

# same NAME A B: files are equal
same() { ok "$1" cmp "$2" "$3"; }

# nothing_new NAME COMMAND...: which fails, and leaves the directory as it was
nothing_new()
{
	local name=$1 before
	shift
	before=$(ls -lA)
	if "$@" 2>/dev/null; then
		fail "$name" "succeeded: $*"
	else
		is "$name" "$before" "$(ls -lA)"
	fi
}

iot() { iotkeyctl --quiet "$@"; }

# The number of bytes of a chunk, with its length, and of its magic.
chunk=$((4 + 32768)) magic=4

# shellcheck disable=SC2094 # names of keys, and files of the same names
setup()
{
	modprobe iotkey
	iot root bench --provider soft --save bench.blob >root
	iot new files --alg aes-256-gcm --root bench --save files.blob >files
	head -c $((3 * 32695 + 100)) /dev/urandom >plain
	iot encrypt files plain sealed
}

# A key in the TPM signs digests of files of any size, as openssl does.
test_identity()
{
	head -c 100000 plain >hashed
	ok "a key in the TPM" iot new dev --alg ecdsa-p256 --parent 0x81000001 --mkparent --save dev.pem
	iot public dev dev.pub
	ok "sign" iot sign dev hashed -o hashed.sig
	ok "verify" iot verify dev hashed hashed.sig
	ok "openssl verifies it" openssl dgst -sha256 -verify dev.pub -signature hashed.sig hashed
	like "list" 'dev +ecdsa-p256 tpm +active +- +- +-' "$(iotkeyctl list)"
	head -c 50000 plain >other
	code "another file" 5 "does not verify" iotkeyctl verify dev other hashed.sig
	head -c 20 hashed.sig >cut.sig
	code "half a signature" 5 "does not verify" iotkeyctl verify dev hashed cut.sig
	{ cat hashed.sig; echo; } >longer.sig
	code "a longer one" 5 "does not verify" iotkeyctl verify dev hashed longer.sig
	code "no such file" 1 "cannot read 'absent'" iotkeyctl sign dev absent -o sig
	code "it does not encrypt" 1 "cannot" iotkeyctl encrypt dev plain sealed.dev
	ok "sign standard input" sh -c "iotkeyctl sign dev <hashed >hashed.sig"
	ok "it verifies" iot verify dev hashed hashed.sig
	code "root has no public half" 1 "cannot get the public half" iotkeyctl public bench
	keyctl unlink "$(keyctl search @u iot dev)" @u
	code "the file wants a name" 2 "say --name" iotkeyctl load dev.pem
	ok "load" iot load dev.pem --name dev
	ok "still the same" iot verify dev hashed hashed.sig
	ok "an attestation key" iot new ak --alg ecdsa-p256 --parent 0x81000001 --restricted
	like "says so" 'ak .*restricted' "$(iotkeyctl list)"
	code "it signs no files" 1 "cannot sign" iotkeyctl sign ak hashed -o sig
	keyctl unlink "$(keyctl search @u iot ak)" @u
	keyctl unlink "$(keyctl search @u iot dev)" @u
}

test_sizes()
{
	local size
	for size in 0 1 32694 32695 32696 65390; do
		head -c $size /dev/urandom >in
		ok "encrypt $size bytes" iot encrypt files in out
		ok "decrypt them" iot decrypt files out back
		same "they are the same" in back
	done
	head -c 5M /dev/urandom >in
	ok "encrypt 5 MiB from a pipe" bash -c 'cat in | iotkeyctl encrypt files >out'
	ok "decrypt them to a pipe" bash -c 'iotkeyctl decrypt files - <out | cat >back'
	same "they are the same" in back
	printf hello >in
	keyctl pkey_encrypt "$(cat files)" 0 in enc=raw >message
	ok "decrypt a message of keyctl" iot decrypt files message back
	same "it is the same" in back
	rm in out back message
}

piece() # FIRST COUNT: chunks of the sealed file
{
	tail -c +$((magic + $1 * chunk + 1)) sealed | head -c $(($2 * chunk))
}

flip() # FILE AT: one bit
{
	local byte
	byte=$(od -An -tu1 -j "$2" -N 1 "$1")
	printf %b "\\0$(printf %o $((byte ^ 1)))" | dd of="$1" bs=1 seek="$2" conv=notrunc 2>/dev/null
}

# damaged NAME: the file "bad" does not open, nor leave anything
damaged()
{
	echo old >back
	nothing_new "$1: nothing is left of it" iot decrypt files bad back
	code "$1: exit code and text" 5 "cannot decrypt bad with key 'files' \(chunk [0-9]\): the data" \
		iot decrypt files bad back
	is "$1: OUT is the old one" old "$(cat back)"
}

test_damage()
{
	local size n
	size=$(stat -c %s sealed)
	head -c $((size - 1)) sealed >bad
	damaged "a byte less"
	head -c $((magic + 2 * chunk)) sealed >bad
	damaged "without the last chunks"
	head -c $((magic + 3 * chunk)) sealed >bad
	damaged "without the final chunk"
	head -c $((magic + chunk + 2)) sealed >bad
	damaged "cut in a length"
	head -c $magic sealed >bad
	damaged "the magic alone"
	{ cat sealed; echo; } >bad
	damaged "a byte more"
	{ cat sealed sealed; } >bad
	damaged "twice"
	{ head -c $magic sealed; piece 1 1; piece 0 1; piece 2 9; } >bad
	damaged "exchanged"
	{ head -c $magic sealed; piece 0 1; piece 0 9; } >bad
	damaged "doubled"
	{ head -c $magic sealed; piece 0 1; piece 2 9; } >bad
	damaged "one left out"
	iot encrypt files plain again
	{ head -c $((magic + chunk)) sealed; tail -c +$((magic + chunk + 1)) again; } >bad
	damaged "two streams mixed"
	for n in 4 8 9 12 20 40 60 $((magic + chunk + 500)) $((size - 1)); do
		cp sealed flipped
		flip flipped "$n"
		echo old >back
		nothing_new "a bit of byte $n flipped" iot decrypt files flipped back
	done
	cp sealed flipped
	flip flipped $((magic + 2 * chunk + 100))
	iotkeyctl decrypt files flipped 2>/dev/null >back
	is "standard output: the exit code counts" 5 $?
	ok "it got what came before" cmp -n $((2 * 32695)) back plain
	is "and no more" $((2 * 32695)) "$(stat -c %s back)"
	rm -f back bad again flipped
}

test_rotation()
{
	iot new turning --alg xchacha20-poly1305 --root bench --overlap 1h --save turning.blob >/dev/null
	mkfifo in
	iotkeyctl encrypt turning in out &
	{
		head -c 50000 plain
		sleep 1
		iot rotate turning --save turning.blob
		tail -c +50001 plain
	} >in
	wait $!
	ok "a stream across a rotation opens" iot decrypt turning out back
	same "it is the same" plain back
	is "its chunks are of two versions" "1 2" "$({ od -An -tu1 -j15 -N1 out
		od -An -tu1 -j$((magic + 2 * chunk + 11)) -N1 out; } | xargs)"
	rm in out back
}

test_output()
{
	echo old >out
	ln out link
	chmod 640 out
	ok "decrypt onto a file" iot decrypt files sealed out
	is "the old file was not written to" old "$(cat link)"
	rm link
	ln -s out soft
	ok "decrypt through a symlink" iot decrypt files sealed soft
	ok "the symlink stays" test -L soft
	same "what it leads to is new" plain out
	is "decrypted files are private" 600 "$(stat -c %a out)"
	ok "to a device" iot decrypt files sealed /dev/null
	code "IN is OUT" 2 "OUT 'plain'" iot encrypt files plain plain
	code "into a directory" 1 "cannot write .*: Is a directory" iot decrypt files sealed .
	code "no such IN" 1 "cannot read nothing: No such file" iot decrypt files nothing out
	iotkeyctl decrypt files sealed 2>error | head -c 1 >/dev/null
	is "the reader has gone" 1 "${PIPESTATUS[0]}"
	is "it says so" "iotkeyctl: cannot write standard output: the reader of the output has gone" "$(cat error)"
	code "a full device" 1 "no space left; make room" bash -c 'iotkeyctl list >/dev/full'
	code "a full device while decrypting" 1 "no space left" bash -c 'iotkeyctl decrypt files sealed >/dev/full'
	rm -f out soft error
}

test_full_disk()
{
	mkdir disk
	mount -t tmpfs -o size=64k none disk
	iot save files disk/files.blob
	cp disk/files.blob old.blob
	dd if=/dev/zero of=disk/fill bs=4k 2>/dev/null
	code "save on a full disk" 1 "cannot write 'disk/files.blob': no space left" \
		iot save files disk/files.blob
	same "the old file is intact" old.blob disk/files.blob
	is "nothing else is there" "files.blob fill" "$(cd disk && echo *)"
	code "decrypt on a full disk" 1 "cannot write disk/plain: no space left" \
		iot decrypt files sealed disk/plain
	is "nothing is left" "files.blob fill" "$(cd disk && echo *)"
	umount disk
}

# Killed wherever it is: the file is whole, the old one or a new one.
test_kill()
{
	local i pid torn=0
	iot new victim --alg aes-128-ccm --root bench --save victim.blob >/dev/null
	for i in 0 5 10 15 20 25 30 40 50 70; do
		iotkeyctl --quiet save victim victim.blob &
		pid=$!
		usleep $((i * 1000))
		kill -9 $pid 2>/dev/null
		wait $pid 2>/dev/null
		[ "$(base64 -d victim.blob | head -c 4)" = IOTK ] || torn=$((torn + 1))
		rm -f victim.blob.??????
	done
	is "a killed save tears nothing" 0 $torn
	mkfifo in
	iotkeyctl --quiet encrypt victim in killed.out &
	pid=$!
	exec 3>in
	usleep 300000
	kill -TERM $pid
	wait $pid
	exec 3>&-
	is "a terminated encrypt leaves nothing" "" "$(ls killed.out* 2>/dev/null)"
	unlink_key victim
	ok "the blob loads" iot load victim.blob
	rm in
}

# The collector has to have been there before a blob can come back.
unlink_key() # NAME
{
	keyctl unlink "%iot:$1" @u >/dev/null
	for _ in $(seq 50); do
		grep -q "iot  *$1:" /proc/keys || return
		sleep 0.1
	done
}

test_roots()
{
	local pem=$work/tpm.pem
	code "an encrypted key: not there" 3 "no key 'encrypted:kmk' in your keyrings" \
		iot root enc --provider key --key encrypted:kmk
	keyctl add user master "$(head -c 32 /dev/zero | tr '\0' m)" @u >/dev/null
	keyctl add encrypted kmk "new user:master 32" @u >/dev/null
	ok "a root from an encrypted key" iot root enc --provider key --key encrypted:kmk --save enc.blob
	like "its blob" '^SU9US' "$(cat enc.blob)"
	if [ ! -e /dev/tpm0 ]; then
		skip "roots of a TPM" "no TPM"
		return
	fi
	ok "a root of the TPM" iot root sealed --provider tpm --parent 0x81000001 --mkparent --save tpm.blob
	code "a parent that is not there" 7 "no object at 0x81abcdef; say --mkparent" \
		iot root other --provider tpm --parent 0x81abcdef
	pem_of tpm.blob >"$pem"
	unlink_key sealed
	code "a TSS2 key has no name" 2 "say --name" iot load "$pem"
	ok "it loads under one" iot load "$pem" --name sealed
	like "as a root" 'root tpm' "$(iotkeyctl list | grep ' sealed ')"
	unlink_key sealed
}

# The provider's part of a root's blob, behind the header and the name and before an
# HMAC, is the parent's public area with its length, then a TSS2 PRIVATE KEY.
pem_of()
{
	local name high low
	base64 -d "$1" >blob.bin
	name=$(od -An -tu1 -j 124 -N 1 blob.bin)
	read -r high low < <(od -An -tu1 -j $((148 + name)) -N 2 blob.bin)
	echo "-----BEGIN TSS2 PRIVATE KEY-----"
	tail -c +$((151 + name + high * 256 + low)) blob.bin | head -c -32 | base64
	echo "-----END TSS2 PRIVATE KEY-----"
	rm blob.bin
}

# Takes JSON apart from the inside: good JSON ends as one value.
json_ok()
{
	local rest
	rest=$(sed -E 's/"([^"\\]|\\.)*"/S/g; s/-?[0-9]+|true|false|null/V/g' | tr -d ' \n' |
		sed -E ':a; s/\[((V|S)(,(V|S))*)?\]/V/g; s/\{(S:(V|S)(,S:(V|S))*)?\}/V/g; ta')
	[ "$rest" = V ] || { echo "left over: $rest"; return 1; }
}

test_json()
{
	local verb
	for verb in list stats doctor "show files" "show bench" "policy files" "save files files.blob" \
		"root j --provider soft" "new k --alg kdf --root j" "load enc.blob nothing"; do
		# shellcheck disable=SC2086 # words
		iotkeyctl --json $verb >json 2>/dev/null
		ok "JSON of $verb" json_ok <json
	done
	iotkeyctl --json monitor --count 2 >json &
	sleep 1
	iot new tick --alg hmac-sha256 --root bench --save tick.blob >/dev/null
	iot rotate tick
	wait $!
	is "events are one to a line" 2 "$(wc -l <json)"
	head -n 1 json >event
	ok "JSON of an event" json_ok <event
	like "an event of another process" '"event":"rotated".*"name":"tick"' "$(tail -n 1 json)"
}

test_codes()
{
	code "2: usage" 2 "there is no verb 'frob'" iotkeyctl frob
	code "3: no key" 3 "cannot find key 'nothing'" iotkeyctl show nothing
	code "3: no keyring" 3 "cannot find keyring 'nothing'" iotkeyctl load files.blob --keyring nothing
	code "3: no root in reach" 3 "does not reach @u; keyctl link @u @s" \
		keyctl session - iotkeyctl new far --alg kdf --root bench
	iot new reader --alg aes-128-ccm --root bench --usage decrypt --save reader.blob >/dev/null
	code "4: usage= of the key" 4 "usage= or its permissions" iot encrypt reader plain out
	echo data >data
	iot sign tick data -o sig
	ok "verify" iot verify tick data sig
	code "5: another file" 5 "'files' does not verify" iot verify tick files sig
	code "6: not yet" 6 "too early" iot encrypt "$(iot new dawn --alg aes-128-ccm --root bench \
		--start 4102444800 --save dawn.blob)" data
	iot new burnt --alg aes-128-ccm --root bench --max-ops 1 --save burnt.blob >/dev/null
	ok "one operation" iot encrypt burnt data out
	ok "rotates by itself" iot encrypt burnt data out
	code "1: used up" 1 "max-ops= is used up.*save the blob" iot encrypt burnt data out
}

# shellcheck disable=SC2016 # for other shells to expand
test_user()
{
	local as="su -s /bin/bash user -c"
	chmod 755 .
	is "a user sees no keys of others" 1 "$($as 'iotkeyctl list' | wc -l)"
	code "nor by number" 3 "cannot get the status|cannot find key" $as "iotkeyctl show $(cat files)"
	code "no events without privilege" 4 "CAP_NET_ADMIN; run it as root" $as "iotkeyctl monitor"
	like "a user has keys of his own" "own +root soft" "$($as 'keyctl session - bash -c "keyctl link @u @s
		iotkeyctl root own --provider soft; iotkeyctl list"' 2>&1)"
	is "and sees only those" 2 "$($as 'iotkeyctl list' | wc -l)"
	sysctl -q kernel.keys.maxkeys=4
	code "the quota of keys" 1 "quota is used up; raise kernel.keys.maxkeys" $as \
		'keyctl session - bash -c "keyctl link @u @s >/dev/null; for i in 1 2 3 4; do
			iotkeyctl root r\$i --provider soft >/dev/null || exit; done" 2>&1 >/dev/null | sed /Joined/d >&2; exit 1'
	sysctl -q kernel.keys.maxkeys=1
	like "the doctor sees it" "^fail +quota of keys +[1-9] of 1 used" "$($as 'iotkeyctl doctor')"
	sysctl -q kernel.keys.maxkeys=200
	$as "keyctl clear @u"
	is_err "a blob is for its reader" EACCES $as "cat $work/files.blob"
}

# In a file system of its own, where something is hidden or forged.
ill() # COMMANDS...
{
	unshare -m bash -c "$1
		iotkeyctl doctor"
}

test_doctor()
{
	local out release now
	release=$(uname -r)
	out=$(iotkeyctl doctor)
	is "the doctor finds nothing that fails" "0 " "$? $(grep ^fail <<<"$out")"
	like "it knows the key type" "^ok +key type" "$out"
	like "the module file" "^ok +module file +/lib/modules/${release//+/.}/updates/iotkey.ko" "$out"
	like "the keyrings" "^ok +keyrings" "$out"
	like "the TPM" "^ok +tpm +TPM 2.0" "$out"
	like "its keys" "^ok +tpm parent +persistent: .*0x81000001" "$out"
	tpm2_evictcontrol -Q -C o -c 0x81000001
	out=$(iotkeyctl doctor)
	like "no parent" "^warn +tpm parent +the TPM holds no persistent key" "$out"
	like "no parent: how to mend it" "--parent 0x81000001 --mkparent" "$out"
	like "no TPM" "^warn +tpm +the kernel knows no TPM" \
		"$(ill 'mount -t tmpfs none /sys/class/tpm')"
	like "a TPM 1.2" "^fail +tpm +it is not version 2" \
		"$(ill 'mount -t tmpfs none /sys/class/tpm; mkdir /sys/class/tpm/tpm0
			echo 1 >/sys/class/tpm/tpm0/tpm_version_major')"
	like "no module file" "^warn +module file +no iotkey.ko for kernel ${release//+/.}" \
		"$(ill 'mount -t tmpfs none /lib/modules')"
	like "a module of another kernel" "^fail +module file .*made for kernel 9.9" \
		"$(ill "sed s/vermagic=$release/vermagic=9.9/ /lib/modules/$release/updates/iotkey.ko >/tmp/ko
			mount --bind /tmp/ko /lib/modules/$release/updates/iotkey.ko")"
	like "lockdown" "^ok +lockdown .*\[confidentiality\]" \
		"$(ill 'mount -t tmpfs none /sys/kernel/security
			echo "none integrity [confidentiality]" >/sys/kernel/security/lockdown')"
	like "no lockdown" "^warn +lockdown +off" \
		"$(ill 'mount -t tmpfs none /sys/kernel/security
			echo "[none] integrity confidentiality" >/sys/kernel/security/lockdown')"
	like "signatures enforced" "^ok +module signatures +enforced" \
		"$(ill 'mount -t tmpfs none /sys/module; mkdir -p /sys/module/module/parameters
			echo Y >/sys/module/module/parameters/sig_enforce')"
	like "signatures not checked" "^warn +module signatures +not checked" \
		"$(ill 'mount -t tmpfs none /sys/module')"
	like "nothing is measured" "^ok +measured history +off" "$out"
	like "nor can it be without IMA" "^fail +measured history +IMA is not there" \
		"$(ill 'mount -t tmpfs none /sys/kernel/security; mount -t tmpfs none /sys/module
			mkdir -p /sys/module/iotkey/parameters
			echo all >/sys/module/iotkey/parameters/measure')"
	like "the configuration" "CONFIG_CRYPTO_GCM is off" \
		"$(ill "mkdir -p /boot; printf '\nCONFIG_KEYS=y\n' >/boot/config-$release")"
	rm -r "/boot/config-$release"
	like "another network" "^warn +netlink +no family iotkey in this network" "$(unshare -n iotkeyctl doctor)"
	like "no link to @u" "^warn +keyrings +@u is not linked" "$(keyctl session - iotkeyctl doctor 2>/dev/null)"
	sysctl -q kernel.keys.root_maxkeys=$(($(sed -n 's,^ *0:.* \([0-9]*\)/[0-9]* [0-9]*/[0-9]*$,\1,p' /proc/key-users) + 1))
	like "a quota nearly full" "^warn +quota of keys" "$(iotkeyctl doctor)"
	sysctl -q kernel.keys.root_maxkeys=1000000
	now=$(date +%s)
	date -s @1000000000 >/dev/null
	out=$(iotkeyctl doctor)
	date -s "@$now" >/dev/null
	like "a wall clock before its time" "^fail +wall clock" "$out"
}

test_no_module()
{
	keyctl clear @u
	keyctl clear @s
	keyctl link @u @s
	for _ in $(seq 100); do
		rmmod iotkey 2>/dev/null && break
		sleep 0.1
	done
	code "8: no module" 8 "no iot key type; load the module" iotkeyctl list
	code "8: to find a key" 8 "no iot key type" iotkeyctl show files
	code "8: to make one" 8 "no iot key type" iotkeyctl root r --provider soft
	like "the doctor" "^fail +key type +the kernel has no iot key type" "$(iotkeyctl doctor)"
	like "what mends it" "modprobe iotkey" "$(iotkeyctl doctor)"
	code "its exit code" 1 "^$" iotkeyctl doctor
}

# IMA has no rule for it here; measure.sh has the rest.
test_unmeasured()
{
	if [ ! -e /sys/kernel/security/ima ]; then modprobe iotkey; return; fi
	modprobe iotkey measure=all
	iotkeyctl root unmeasured --provider soft
	keyctl clear @u
	for _ in $(seq 100); do
		grep -q '"records_lost": *3' <<<"$(iotkeyctl --json stats)" && break
		sleep 0.1
	done
	code "no rule of IMA's: the doctor" 1 "^$" iotkeyctl doctor
	like "says so" "^fail +measured history +measure=all: 0 records, 3 lost" "$(iotkeyctl doctor)"
	like "and what mends it" "ima_policy=critical_data" "$(iotkeyctl doctor)"
	for _ in $(seq 100); do
		rmmod iotkey 2>/dev/null && break
		sleep 0.1
	done
	modprobe iotkey
}

setup
test_identity
test_sizes
test_damage
test_rotation
test_output
test_full_disk
test_kill
test_roots
test_json
test_codes
test_user
test_doctor
test_no_module
test_unmeasured
cd /
rm -rf "$work"
done_testing
