#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Bad input, and every errno of Documentation/iotkey.rst by its cause.
# shellcheck source=tests/kselftest/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/kselftest/common/iot.sh
. "$(dirname "$0")/common/iot.sh"

plain=$tmp/plain
head -c 100 /dev/urandom >"$plain"

# new_fails LINES: each line is the text of a payload that is EINVAL
all_einval()
{
	local text
	while IFS= read -r text; do
		sampled || continue
		is_err "EINVAL: $text" EINVAL keyctl add iot bad "$text" @s
	done
}

# updates_fail KEY ERRNO: likewise texts of updates
updates_fail()
{
	local text
	while IFS= read -r text; do
		sampled || continue
		is_err "$2: update $text" "$2" keyctl update "$1" "$text"
	done
}

# Those that are good, at the ends of every range.
test_good()
{
	local text key
	while read -r text; do
		sampled || continue
		ok "taken: $text" add good "$text"
		key=$(keyctl search @s iot good) && keyctl unlink "$key" @s
	done <<-END
	new kdf root=r rotate=1
	new kdf root=r rotate=1s overlap=1s ahead=1s
	new kdf root=r rotate=3650d
	new kdf root=r rotate=315360000
	new kdf root=r rotate=521w
	new kdf root=r rotate=5256000m
	new kdf root=r rotate=87600h
	new kdf root=r overlap=3650d
	new kdf root=r overlap=0
	new kdf root=r rotate=1h ahead=0 jitter=0 overlap=0s
	new kdf root=r rotate=1h jitter=1h
	new kdf root=r lifetime=1
	new kdf root=r lifetime=36500d
	new kdf root=r max-ops=1
	new kdf root=r max-ops=281474976710656
	new kdf root=r max-ops=4294967296 start=4294967296
	new kdf root=r start=1
	new kdf root=r start=1099511627776
	new kdf root=r mode=derive label=x
	new kdf root=r mode=derive label=$(printf '%064d' 0)
	new aes-256-gcm root=r usage=encrypt
	new aes-256-gcm root=r usage=decrypt,encrypt
	new hmac-sha256 root=r usage=verify,sign
	  new	kdf   root=r  
	new root provider=soft
	END
}

test_words()
{
	all_einval <<-'END'
	x
	new
	NEW kdf root=r
	newkdf root=r
	new kdf
	new Kdf root=r
	new kd root=r
	new kdff root=r
	new aes-256-cbc root=r
	new root=r kdf
	new root=r
	load
	rotate
	stored=1
	mix=00112233445566778899aabbccddeeff
	epoch=1
	set overlap=1
	new kdf root=r extra
	new kdf root=r nonsense=1
	new kdf root=r Rotate=1h
	new kdf root=r rotate 1h
	new kdf root=r rotate = 1h
	new kdf root=r rotat=1h
	new kdf root=r rotate=
	new kdf root=r =1h
	new kdf root=r =
	new kdf root=r provider=soft
	new kdf root=r mkparent
	new kdf root=r parent=0x81000001
	new kdf root=r pcrs=sha256:0
	new kdf root=r key=logon:a:b
	END
	is_err "EINVAL: an empty text" EINVAL sh -c "keyctl padd iot bad @s </dev/null"
	is_err "EINVAL: only spaces" EINVAL keyctl add iot bad "   " @s
	is_err "EINVAL: only a newline" EINVAL sh -c "echo | keyctl padd iot bad @s"
}

# Every option of a key: empty, doubled, below and above its range, absurd.
test_key_options()
{
	local option least
	all_einval <<-END
	new kdf mode=derive
	new kdf root=
	new kdf root=r root=r
	new kdf root=$(printf '%0256d' 0)
	new kdf root=r mode=
	new kdf root=r mode=derive mode=derive
	new kdf root=r mode=Derive
	new kdf root=r mode=none
	new kdf root=r mode=0
	new kdf root=r rotate=0
	new kdf root=r rotate=0d
	new kdf root=r rotate=315360001
	new kdf root=r rotate=3651d
	new kdf root=r rotate=522w
	new kdf root=r rotate=87601h
	new kdf root=r rotate=1h overlap=3601
	new kdf root=r rotate=1h overlap=1d
	new kdf root=r overlap=315360001
	new kdf root=r rotate=1h ahead=3601
	new kdf root=r ahead=1
	new kdf root=r rotate=1h jitter=3601
	new kdf root=r jitter=1
	new kdf root=r rotate=1h mode=derive jitter=1
	new kdf root=r rotate=1h mode=ratchet jitter=1
	new kdf root=r lifetime=0
	new kdf root=r lifetime=36501d
	new kdf root=r lifetime=3153600001
	new kdf root=r max-ops=0
	new kdf root=r max-ops=281474976710657
	new kdf root=r max-ops=1k
	new kdf root=r start=0
	new kdf root=r start=1099511627777
	new kdf root=r start=-1
	new kdf root=r start=1s
	new kdf root=r start=2026-01-01
	new kdf root=r usage=encrypt
	new kdf root=r usage=none
	new aes-256-gcm root=r usage=
	new aes-256-gcm root=r usage=sign
	new aes-256-gcm root=r usage=encrypt,sign
	new aes-256-gcm root=r usage=encrypt,encrypt
	new aes-256-gcm root=r usage=encrypt,
	new aes-256-gcm root=r usage=,encrypt
	new aes-256-gcm root=r usage=Encrypt
	new aes-256-gcm root=r usage=all
	new hmac-sha256 root=r usage=verify,decrypt
	new kdf root=r label=x
	new kdf root=r mode=ratchet label=x
	new kdf root=r mode=derive label=
	new kdf root=r mode=derive label=$(printf '%065d' 0)
	new kdf root=r mode=derive label=a b
	END
	for option in rotate=1h overlap=1h ahead=1h lifetime=1h jitter=1h max-ops=1 start=1; do
		least="new kdf root=r rotate=1h"
		[ $option != rotate=1h ] || least="new kdf root=r"
		all_einval <<-END
		$least $option $option
		$least ${option%%=*}
		$least ${option%%=*}=
		$least ${option%%=*}=-1
		$least ${option%%=*}=+1
		$least ${option%%=*}=1.5
		$least ${option%%=*}=0x10
		$least ${option%%=*}=h
		$least ${option%%=*}=1hh
		$least ${option%%=*}=1y
		$least ${option%%=*}=1H
		$least ${option%%=*}=4294967297h
		$least ${option%%=*}=18446744073709551615
		$least ${option%%=*}=18446744073709551617
		$least ${option%%=*}=99999999999999999999999999999999999999999
		$least ${option%%=*}=nan
		END
	done
	for option in rotate overlap ahead lifetime jitter; do
		all_einval <<<"new kdf root=r $option=4294967296"
	done
}

test_root_options()
{
	all_einval <<-'END'
	new root
	new root provider=
	new root provider=tee
	new root provider=none
	new root provider=Soft
	new root provider=softx
	new root provider=soft provider=soft
	new root provider=soft provider=tpm
	new root provider=soft key=logon:a:b
	new root provider=soft parent=0x81000001
	new root provider=soft mkparent
	new root provider=soft pcrs=sha256:0
	new root provider=soft rotate=1h
	new root provider=soft root=r
	new root provider=soft mode=random
	new root provider=soft label=x
	new root provider=key
	new root provider=key key=
	new root provider=key key=logon
	new root provider=key key=logon:
	new root provider=key key=:a
	new root provider=key key=user:a
	new root provider=key key=iot:r
	new root provider=key key=keyring:a
	new root provider=key key=logonx:a:b
	new root provider=key key=averyveryverylongtypename:a
	new root provider=key key=logon:a:b key=logon:a:b
	new root provider=key key=logon:a:b pcrs=sha256:0
	new root provider=key key=logon:a:b parent=0x81000001
	new root provider=key key=logon:a:b mkparent
	new root provider=tpm
	new root provider=tpm mkparent
	new root provider=tpm parent=
	new root provider=tpm parent=81000001
	new root provider=tpm parent=2164260865
	new root provider=tpm parent=0X81000001
	new root provider=tpm parent=0x80ffffff
	new root provider=tpm parent=0x82000000
	new root provider=tpm parent=0x40000001
	new root provider=tpm parent=0x
	new root provider=tpm parent=0x8100000g
	new root provider=tpm parent=0x181000001
	new root provider=tpm parent=0x81000001 parent=0x81000001
	new root provider=tpm parent=0x81000001 mkparent=1
	new root provider=tpm parent=0x81000001 mkparent=
	new root provider=tpm parent=0x81000001 mkparent mkparent
	new root provider=tpm parent=0x81000001 key=logon:a:b
	new root provider=tpm parent=0x81000001 pcrs=
	new root provider=tpm parent=0x81000001 pcrs=0
	new root provider=tpm parent=0x81000001 pcrs=sha256
	new root provider=tpm parent=0x81000001 pcrs=sha256:
	new root provider=tpm parent=0x81000001 pcrs=sha512:0
	new root provider=tpm parent=0x81000001 pcrs=md5:0
	new root provider=tpm parent=0x81000001 pcrs=sha256:24
	new root provider=tpm parent=0x81000001 pcrs=sha256:-1
	new root provider=tpm parent=0x81000001 pcrs=sha256:0,0
	new root provider=tpm parent=0x81000001 pcrs=sha256:0,
	new root provider=tpm parent=0x81000001 pcrs=sha256:,0
	new root provider=tpm parent=0x81000001 pcrs=sha256:0 7
	new root provider=tpm parent=0x81000001 pcrs=sha256:0 pcrs=sha256:1
	END
}

test_names()
{
	local name longest
	longest=$(printf '%0255d' 0)
	ok "a name of 255 bytes" add "$longest" new kdf root=r
	keyctl unlink "$(keyctl search @s iot "$longest")" @s
	ok "a name of odd characters" add '!"#$%&()*+,-./:;<=>?@[\]^_`{|}~' new kdf root=r
	keyctl unlink "$(keyctl search @s iot '!"#$%&()*+,-./:;<=>?@[\]^_`{|}~')" @s
	is_err "a name of 256 bytes" EINVAL add "0$longest" new kdf root=r
	is_err "a name of 4095 bytes" EINVAL add "$(printf '%04095d' 0)" new kdf root=r
	for name in "a b" " a" "a " $'a\nb' $'a\tb' $'\x7f' $'\x01' $'\xc3\xa9' $'\xff'; do
		is_err "a name with a bad character: $(printf %s "$name" | hex)" EINVAL \
			add "$name" new kdf root=r
	done
	is_err "no name for a root" EINVAL add "" new root provider=soft
	is_err "no name for a key" EINVAL add "" new kdf root=r
	is_err "no name for an update" EINVAL add "" rotate
}

# Text that is too long, or not text.
test_sizes()
{
	local spaces=$tmp/spaces
	{ printf 'new kdf root=r'; printf '%16370s' ''; } >"$spaces"
	is "16 KiB" 16384 "$(wc -c <"$spaces")"
	ok "the longest text" sh -c "keyctl padd iot long @s <$spaces"
	keyctl unlink "$(keyctl search @s iot long)" @s
	printf ' ' >>"$spaces"
	is_err "one byte more" EINVAL sh -c "keyctl padd iot long @s <$spaces"
	head -c $((1024 * 1024 - 1)) /dev/zero | tr '\0' ' ' >"$spaces"
	is_err "1 MiB - 1 of spaces" EINVAL sh -c "keyctl padd iot long @s <$spaces"
	{ printf 'load '; head -c $((1024 * 1024 - 6)) /dev/zero | tr '\0' 'A'; } >"$spaces"
	is_err "1 MiB - 1 of base64" EINVAL sh -c "keyctl padd iot long @s <$spaces"
	is_err "a zero byte in the text" EINVAL sh -c "printf 'new kdf root=r\\000' | keyctl padd iot zero @s"
	is_err "a zero byte inside" EINVAL sh -c "printf 'new kdf\\000 root=r' | keyctl padd iot zero @s"
	is_err "1 KiB of zeros" EINVAL sh -c "head -c 1024 /dev/zero | keyctl padd iot zero @s"
	is_err "1 KiB of noise" EINVAL sh -c "head -c 1024 /dev/urandom | keyctl padd iot noise @s"
	is_err "a million options" EINVAL \
		sh -c "{ printf 'new kdf'; for i in \$(seq 5000); do printf ' x'; done; } | keyctl padd iot long @s"
}

test_updates()
{
	local key
	key=$(add random new aes-256-gcm root=r)
	updates_fail "$key" EINVAL <<-'END'
	x
	rotate now
	rotate=1
	rotate rotate
	stored
	stored=
	stored=0
	stored=-1
	stored=x
	stored=3
	stored=4294967296
	stored=1 stored=1
	epoch
	epoch=
	epoch=1
	epoch=4294967296
	mix=
	mix=00
	mix=00112233445566778899aabbccddee
	mix=00112233445566778899aabbccddeef
	mix=00112233445566778899aabbccddeegg
	set
	set x
	set root=r
	set mode=derive
	set start=1
	set label=x
	set provider=soft
	set overlap=
	set overlap=1 overlap=1
	set overlap=315360001
	set ahead=1
	set jitter=1
	set rotate=0
	set rotate=1h overlap=2h
	set lifetime=0
	set max-ops=0
	set usage=sign
	set usage=
	END
	is_err "EINVAL: update mix= of 65 bytes" EINVAL keyctl update "$key" "mix=$(printf '%0130d' 0)"
	is_err "EOPNOTSUPP: update mix= of a random key" EOPNOTSUPP \
		keyctl update "$key" "mix=$(printf '%0128d' 0)"
	updates_fail "$key" EEXIST <<-END
	load $(keyctl pipe "$key")
	END
	is "none of them changed anything" "random: aes-256-gcm random unsafe active v1 -" "$(proc_text "$key")"
	ok "update: set usage=decrypt" keyctl update "$key" "set usage=decrypt"
	is_err "EINVAL: a usage given up does not come back" EINVAL keyctl update "$key" "set usage=encrypt"
	keyctl unlink "$key" @s

	key=$(add spread new aes-256-gcm root=r rotate=1h)
	ok "update: set jitter= of a random key" keyctl update "$key" "set jitter=30m"
	like "and it rotates 30 to 60 minutes from now" ' v1 (1[89]..|2...|3[0-5]..|3600)s$' "$(proc_text "$key")"
	is_err "EINVAL: a jitter above the period" EINVAL keyctl update "$key" "set jitter=61m"
	keyctl unlink "$key" @s

	key=$(add derived new kdf root=r mode=derive rotate=1h)
	updates_fail "$key" EINVAL <<-'END'
	set rotate=2h
	set jitter=1s
	set overlap=3601
	epoch=4294967295
	END
	is_err "EOPNOTSUPP: update mix= of a derive key" EOPNOTSUPP \
		keyctl update "$key" mix=00112233445566778899aabbccddeeff
	keyctl unlink "$key" @s

	key=$(add ratchet new kdf root=r mode=ratchet rotate=1h)
	is_err "EINVAL: epoch= far beyond a ratchet" EINVAL keyctl update "$key" epoch=65537
	keyctl unlink "$key" @s

	updates_fail "$root" EOPNOTSUPP <<-'END'
	rotate
	epoch=1
	mix=00112233445566778899aabbccddeeff
	set overlap=1
	END
	ok "stored= of a root is for free" keyctl update "$root" stored=1
}

test_info()
{
	local key info
	key=$(add info new aes-256-gcm root=r mode=derive)
	for info in enc=pkcs1 enc=RAW enc=raw2 enc=larger hash=sha256 "enc=raw hash=sha1"; do
		# shellcheck disable=SC2086 # words
		is_err "EINVAL: info $info" EINVAL keyctl pkey_query "$key" 0 $info
		# shellcheck disable=SC2086
		is_err "EINVAL: encrypt with $info" EINVAL keyctl pkey_encrypt "$key" 0 "$plain" $info
	done
	keyctl unlink "$key" @s
}

use() { quietly keyctl "pkey_$1" "$2" 0 "${@:3}"; }

# The table of errors, top to bottom.
test_causes()
{
	local key other blob tray now
	now=$(date +%s)
	tray=$(keyctl newring tray @s)
	key=$(add cause new aes-256-gcm root=r overlap=1h)
	blob=$(keyctl pipe "$key")

	is_err "EEXIST: new onto a live name" EEXIST add cause new kdf root=r
	is_err "EEXIST: the identity lives" EEXIST keyctl add iot cause "load $blob" "$tray"
	is_err "ENOKEY: no such root" ENOKEY add new1 new kdf root=nothing
	is_err "ENOKEY: no such key for provider=key" ENOKEY add new1 new root provider=key key=logon:no:thing
	is_err "EKEYREJECTED: root= is no root" EKEYREJECTED add new1 new kdf root=cause

	is_err "EAGAIN: nothing stored yet: encrypt" EAGAIN use encrypt "$key" "$plain"
	is_err "EAGAIN: rotate" EAGAIN keyctl update "$key" rotate
	keyctl update "$key" stored=1
	use encrypt "$key" "$plain" && cp "$tmp/quiet" "$tmp/m1"
	is_err "EAGAIN: rotate beyond what is stored" EAGAIN keyctl update "$key" rotate
	keyctl unlink "$key" @s

	is_err "EXDEV: a blob under another name" EXDEV keyctl add iot other "load $blob" @s
	is_err "EBADMSG: what is no blob" EBADMSG add cause load AAAA
	is_err "EBADMSG: bad base64" EBADMSG add cause "load !!!!"
	is_err "EBADMSG: cut base64" EBADMSG add cause "load ${blob:0:201}"
	is_err "EPROTONOSUPPORT: a blob of format 2" EPROTONOSUPPORT add cause load \
		"$(printf %s "$blob" | base64 -d | { head -c 4; printf '\002'; tail -c +2; } | base64 -w 0)"
	keyctl unlink "$root" @s
	is_err "ENOKEY: load without the root" ENOKEY add cause "load $blob"
	add r new root provider=soft >"$tmp/quiet"
	is_err "EKEYREJECTED: another root of that name" EKEYREJECTED add cause "load $blob"
	keyctl unlink "$(keyctl search @s iot r)" @s
	root=$(add r "load $root_blob")
	ok "with the root it loads" add cause "load $blob"
	keyctl unlink "$(keyctl search @s iot cause)" @s

	key=$(add cause new aes-256-gcm root=r mode=derive)
	use encrypt "$key" "$plain" && cp "$tmp/quiet" "$tmp/m1"
	other=$(add cause2 new aes-256-gcm root=r mode=derive)
	is_err "EBADMSG: another key's message" EBADMSG use decrypt "$other" "$tmp/m1"
	is_err "EBADMSG: what is no message" EBADMSG use decrypt "$key" "$plain"
	is_err "EBADMSG: a short message" EBADMSG use decrypt "$key" "$tmp/short"
	{ head -c 2 "$tmp/m1"; printf '\002'; tail -c +4 "$tmp/m1"; } >"$tmp/m2"
	is_err "EPROTONOSUPPORT: a message of format 2" EPROTONOSUPPORT use decrypt "$key" "$tmp/m2"
	is_err "EOPNOTSUPP: sign with a cipher" EOPNOTSUPP use sign "$key" "$plain"
	is_err "EINVAL: 4097 bytes" EINVAL use encrypt "$key" "$tmp/4097"
	keyctl unlink "$key" @s
	keyctl unlink "$other" @s

	key=$(add cause new hmac-sha256 root=r mode=derive)
	use sign "$key" "$plain" && cp "$tmp/quiet" "$tmp/s1"
	is_err "EKEYREJECTED: signature of other data" EKEYREJECTED use verify "$key" "$tmp/short" "$tmp/s1"
	keyctl unlink "$key" @s

	key=$(add cause new aes-256-gcm root=r mode=derive usage=encrypt)
	use encrypt "$key" "$plain" && cp "$tmp/quiet" "$tmp/m1"
	is_err "EACCES: decrypt is not in usage=" EACCES use decrypt "$key" "$tmp/m1"
	keyctl unlink "$key" @s
	key=$(add cause new aes-256-gcm root=r mode=derive usage=decrypt)
	is_err "EACCES: encrypt is not in usage=" EACCES use encrypt "$key" "$plain"
	ok "the other device's message opens" use decrypt "$key" "$tmp/m1"
	keyctl unlink "$key" @s
	key=$(add cause new hmac-sha256 root=r mode=derive usage=verify)
	is_err "EACCES: sign is not in usage=" EACCES use sign "$key" "$plain"
	ok "but verify" use verify "$key" "$plain" "$tmp/s1"
	keyctl unlink "$key" @s
	key=$(add cause new hmac-sha256 root=r mode=derive usage=sign)
	is_err "EACCES: verify is not in usage=" EACCES use verify "$key" "$plain" "$tmp/s1"
	keyctl unlink "$key" @s

	key=$(add cause new aes-256-gcm root=r mode=derive start=$((now + 1000)))
	is_err "ETIME: start= lies ahead: encrypt" ETIME use encrypt "$key" "$plain"
	is_err "ETIME: start= lies ahead: decrypt" ETIME use decrypt "$key" "$tmp/m1"
	keyctl unlink "$key" @s

	key=$(add cause new aes-256-gcm root=r lifetime=1)
	keyctl update "$key" stored=1
	sleep 2
	is_err "EKEYEXPIRED: lifetime=: encrypt" EKEYEXPIRED use encrypt "$key" "$plain"
	is_err "EKEYEXPIRED: lifetime=: save" EKEYEXPIRED keyctl pipe "$key"
	is_err "EKEYEXPIRED: lifetime=: update" EKEYEXPIRED keyctl update "$key" "set lifetime=1d"
	is "/proc/keys says so" "cause: aes-256-gcm random unsafe expired v1 -" "$(proc_text "$key")"
	keyctl unlink "$key" @s

	key=$(add cause new aes-256-gcm root=r max-ops=2)
	keyctl update "$key" stored=1
	ok "max-ops=2: once" use encrypt "$key" "$plain"
	ok "max-ops=2: twice" use encrypt "$key" "$plain"
	cp "$tmp/quiet" "$tmp/m1"
	is_err "EOVERFLOW: and no more" EOVERFLOW use encrypt "$key" "$plain"
	ok "decryption is not counted" use decrypt "$key" "$tmp/m1"
	keyctl update "$key" stored=2
	ok "a stored next version goes on" use encrypt "$key" "$plain"
	is "with its number" 694b010100000002 "$(head -c 8 "$tmp/quiet" | hex)"
	keyctl unlink "$key" @s

	keyctl unlink "$tray" @s
}

# Old versions, and versions to come.
test_windows()
{
	local key clock=/sys/module/iotkey/parameters/clock_trusted start
	start=$(($(date +%s) - 100000))
	key=$(add window new aes-256-gcm root=r mode=derive rotate=1h start=$start overlap=1h ahead=1h)
	use encrypt "$key" "$plain" && cp "$tmp/quiet" "$tmp/now"
	keyctl unlink "$key" @s
	# one hour and three hours later, as another device's clock has it
	message_of 1 >"$tmp/next"
	message_of 3 >"$tmp/far"
	message_of -1 >"$tmp/last"
	message_of -2 >"$tmp/old"

	echo 1 >$clock
	key=$(add window new aes-256-gcm root=r mode=derive rotate=1h start=$start overlap=1h ahead=1h)
	ok "the current version opens" use decrypt "$key" "$tmp/now"
	ok "the one before within the overlap" use decrypt "$key" "$tmp/last"
	is_err "EKEYEXPIRED: but not the one before that" EKEYEXPIRED use decrypt "$key" "$tmp/old"
	ok "the next within ahead=" use decrypt "$key" "$tmp/next"
	is_err "ETIME: one from the future, by a trusted clock" ETIME use decrypt "$key" "$tmp/far"
	echo 0 >$clock
	ok "an untrusted clock takes it as news" use decrypt "$key" "$tmp/far"
	use encrypt "$key" "$plain"
	is "and the key has moved on" "$(head -c 8 "$tmp/far" | hex)" "$(head -c 8 "$tmp/quiet" | hex)"
	is_err "EKEYEXPIRED: what was current is past" EKEYEXPIRED use decrypt "$key" "$tmp/now"
	keyctl unlink "$key" @s
}

# The same derive key, $1 hours from now.
message_of()
{
	local key
	key=$(add window new aes-256-gcm root=r mode=derive rotate=1h start=$((start - 3600 * $1)) overlap=1h ahead=1h)
	use encrypt "$key" "$plain"
	keyctl unlink "$key" @s
	cat "$tmp/quiet"
}

# A user's quota is what limits keys, and comes back with them.
test_quota()
{
	cat >"$tmp/quota" <<-'END'
	keyctl add iot r "new root provider=soft" @s >/dev/null || exit
	bytes() { sed -n 's,^ *1000: .* \([0-9]*\)/[0-9]*$,\1,p' /proc/key-users; }
	before=$(bytes)
	n=0
	while keyctl add iot "k$n" "new kdf root=r" @s >/dev/null 2>error; do n=$((n + 1)); done
	echo "$n keys, $(cat error)"
	i=0
	while [ $i -lt $n ]; do
		keyctl unlink "$(keyctl search @s iot "k$i")" @s
		i=$((i + 1))
	done
	for i in $(seq 100); do
		[ "$(bytes)" != "$before" ] || break
		sleep 0.1
	done
	echo "before $before after $(bytes)"
	keyctl add iot again "new kdf root=r" @s >/dev/null && echo again
	END
	mkdir -m 777 "$tmp/user"
	chmod a+rx "$tmp"
	quota=$(cd "$tmp/user" && as_user bash "$tmp/quota" 2>/dev/null)
	like "EDQUOT: a user's quota" '^[0-9]+ keys, add_key: Disk quota exceeded$' "$quota"
	like "it is a reasonable number" '^(2[0-9]|[3-9][0-9]|1[0-9]{2}) keys' "$quota"
	like "and comes back with the keys" '^before ([0-9]+) after \1$' "$quota"
	like "for new ones" '^again$' "$quota"
}

root=$(add r new root provider=soft)
root_blob=$(keyctl pipe "$root")
printf x >"$tmp/short"
head -c 4097 /dev/zero >"$tmp/4097"

test_good
test_words
test_key_options
test_root_options
test_names
test_sizes
test_updates
test_info
test_causes
test_windows
test_quota
finish
