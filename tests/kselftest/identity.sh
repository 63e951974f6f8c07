#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Keys whose private half is in the TPM: with keyctl, openssl and tpm2-tools, both ways.
#
# kernel: not debug
# shellcheck source=tests/kselftest/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/kselftest/common/iot.sh
. "$(dirname "$0")/common/iot.sh"
# shellcheck source=tests/kselftest/common/tss2.sh
. "$(dirname "$0")/common/tss2.sh"

export TPM2TOOLS_TCTI=device:/dev/tpmrm0
text=$tmp/text
printf 'who am I\n' >"$text"
for bits in 256 384 512; do
	openssl dgst -sha$bits -binary "$text" >"$tmp/sha$bits"
done

new_key() # NAME [OPTION...]
{
	local name=$1
	shift
	add "$name" new ecdsa-p256 parent=0x81000001 "$@"
}

# gone NAME: unlinked
gone() { keyctl unlink "$(keyctl search @s iot "$1")" @s; }

# The TPM2B_PUBLIC of a key, and its public key as PEM.
public_of() # KEY FILE
{
	keyctl pipe "$1" | sed '/^-/d' | base64 -d >"$tmp/pub.der" &&
		octets "$tmp/pub.der" 1 >"$tmp/pub.2b" &&
		tpm2_print -t TPM2B_PUBLIC -f pem "$tmp/pub.2b" >"$2"
}

# signs KEY: what the key signs, OpenSSL verifies
signs() # TEXT KEY
{
	local bits
	public_of "$2" "$tmp/public.pem" || { fail "$1" "no public key"; return; }
	for bits in 256 384 512; do
		keyctl pkey_sign "$2" 0 "$tmp/sha$bits" hash=sha$bits >"$tmp/sig"
		ok "$1: openssl takes the signature, SHA-$bits" quiet openssl dgst -sha$bits \
			-verify "$tmp/public.pem" -signature "$tmp/sig" "$text"
	done
	ok "$1: so does keyctl pkey_verify" keyctl pkey_verify "$2" 0 "$tmp/sha512" "$tmp/sig"
}

test_create()
{
	local key
	is_err "parent= is needed" EINVAL add none new ecdsa-p256
	is_err "no root" EINVAL new_key none root=nobody
	for word in mode=random rotate=1h lifetime=1h max-ops=3 start=1 label=x overlap=1h; do
		is_err "no $word" EINVAL new_key none $word
	done
	is_err "no encryption" EINVAL new_key none usage=encrypt
	is_err "restricted has no value" EINVAL new_key none restricted=yes
	is_err "no other algorithm knows restricted" EINVAL add none new kdf root=x restricted
	is_err "a parent that is not there" ENXIO add none new ecdsa-p256 parent=0x81000055
	key=$(new_key dev mkparent)
	is "described" "dev: ecdsa-p256 tpm active" "$(proc_text "$key")"
	signs "a new key" "$key"
	like "it is a TSS2 PRIVATE KEY, loadable" 'OBJECT *:2\.23\.133\.10\.1\.3' \
		"$(openssl asn1parse -inform DER -in "$tmp/pub.der")"
	keyctl pipe "$key" >"$tmp/dev.pem"
	is "as PEM" "-----BEGIN TSS2 PRIVATE KEY-----" "$(head -n 1 "$tmp/dev.pem")"
	is "of 64 columns" 64 "$(sed -n 2p "$tmp/dev.pem" | tr -d '\n' | wc -c)"
	is "to the last line" "-----END TSS2 PRIVATE KEY-----" "$(tail -n 1 "$tmp/dev.pem")"
	tpm2_print -t TPM2B_PUBLIC "$tmp/pub.2b" >"$tmp/printed"
	like "made by the TPM, bound to it, for signing" \
		'value: fixedtpm\|fixedparent\|sensitivedataorigin\|userwithauth\|noda\|sign' \
		"$(cat "$tmp/printed")"
}

test_verbs()
{
	local key verb
	key=$(keyctl search @s iot dev)
	for verb in rotate epoch=7 mix=00112233445566778899aabbccddeeff "set usage=sign"; do
		is_err "update $verb" EOPNOTSUPP keyctl update "$key" "$verb"
	done
	ok "update stored=1 is taken, as for roots" keyctl update "$key" stored=1
	is_err "it is no root" EKEYREJECTED add none new kdf root=dev
	is_err "add_key onto it" EEXIST new_key dev
}

test_use()
{
	local key i
	key=$(keyctl search @s iot dev)
	keyctl pkey_query "$key" 0 >"$tmp/query"
	like "query: signs and verifies" ' encrypt=n decrypt=n sign=y verify=y' \
		"$(tr '\n' ' ' <"$tmp/query")"
	is "p1363 is 64 bytes" 64 "$(keyctl pkey_sign "$key" 0 "$tmp/sha256" enc=p1363 | wc -c)"
	keyctl pkey_sign "$key" 0 "$tmp/sha256" enc=p1363 >"$tmp/raw"
	ok "which verify" keyctl pkey_verify "$key" 0 "$tmp/sha256" "$tmp/raw" enc=p1363
	keyctl pkey_sign "$key" 0 "$tmp/sha256" enc=x962 hash=sha256 >"$tmp/sig"
	ok "x962 is DER" openssl asn1parse -inform DER -in "$tmp/sig"
	ok "and the default" keyctl pkey_verify "$key" 0 "$tmp/sha256" "$tmp/sig" enc=raw
	is_err "another digest: EKEYREJECTED" EKEYREJECTED \
		keyctl pkey_verify "$key" 0 "$tmp/sha384" "$tmp/sig"
	for i in 7 30 45 64; do
		{ head -c $i "$tmp/raw"; printf 'x'; tail -c +$((i + 2)) "$tmp/raw"; } |
			head -c 64 >"$tmp/bad"
		cmp -s "$tmp/bad" "$tmp/raw" && continue
		is_err "byte $i changed: EKEYREJECTED" EKEYREJECTED \
			keyctl pkey_verify "$key" 0 "$tmp/sha256" "$tmp/bad" enc=p1363
	done
	printf %0128d 0 | unhex >"$tmp/zero"
	is_err "r and s of 0: EKEYREJECTED" EKEYREJECTED \
		keyctl pkey_verify "$key" 0 "$tmp/sha256" "$tmp/zero" enc=p1363
	is_err "no DER: EBADMSG" EBADMSG keyctl pkey_verify "$key" 0 "$tmp/sha256" "$tmp/zero"
	head -c 31 "$tmp/sha256" >"$tmp/short"
	is_err "31 bytes are no digest" EINVAL keyctl pkey_sign "$key" 0 "$tmp/short"
	is_err "32 are none of SHA-384" EINVAL keyctl pkey_sign "$key" 0 "$tmp/sha256" hash=sha384
	is_err "SHA-1 is not taken" EINVAL keyctl pkey_sign "$key" 0 "$tmp/sha256" hash=sha1
	is_err "nor an unknown encoding" EINVAL keyctl pkey_sign "$key" 0 "$tmp/sha256" enc=pkcs1
	is_err "it does not encrypt" EOPNOTSUPP keyctl pkey_encrypt "$key" 0 "$text"
	is_err "nor decrypt" EOPNOTSUPP keyctl pkey_decrypt "$key" 0 "$text"
	is_err "nor quote" EOPNOTSUPP keyctl pkey_sign "$key" 0 "$tmp/sha256" enc=quote
	key=$(new_key narrow usage=verify)
	is_err "usage=verify does not sign: EACCES" EACCES keyctl pkey_sign "$key" 0 "$tmp/sha256"
	gone narrow
}

# Without a password, whatever its -p means: that changed after 5.7.
test_encodeobject() # ATTRIBUTES [-p]
{
	local key
	quiet tpm2_create -C 0x81000001 -G ecc256:ecdsa-sha256 -a "$1" -u "$tmp/t.pub" -r "$tmp/t.priv"
	if ! tpm2_encodeobject -C 0x81000001 -u "$tmp/t.pub" -r "$tmp/t.priv" -o "$tmp/t.pem" ${2:+"$2"} \
		>"$tmp/quiet" 2>&1; then
		fail "tpm2_encodeobject $2" "$(cat "$tmp/quiet")"
		return
	fi
	key=$({ printf 'load '; cat "$tmp/t.pem"; } | keyctl padd iot theirs @s)
	signs "a key of tpm2_encodeobject $2" "$key"
	gone theirs
}

# With a password that we do not know, and a TPM that counts wrong guesses, or does not.
test_password()
{
	local attributes='fixedtpm|fixedparent|sensitivedataorigin|userwithauth|sign'
	quiet tpm2_create -C 0x81000001 -G ecc256 -p secret -u "$tmp/o.pub" -r "$tmp/o.priv" -a $attributes
	not_tried "a password" add none \
		"load $(empty=FALSE der $loadable "$tmp/o.pub" "$tmp/o.priv" | base64 -w 0)"
	is_err "a password and a file that denies it: EOPNOTSUPP" EOPNOTSUPP add none \
		"load $(der $loadable "$tmp/o.pub" "$tmp/o.priv" | base64 -w 0)"
	is "is a guess, which counts" 0x1 "$(guesses)"
	quiet tpm2_dictionarylockout -c
	quiet tpm2_create -C 0x81000001 -G ecc256 -p secret -u "$tmp/o.pub" -r "$tmp/o.priv" \
		-a "$attributes|noda"
	for empty in FALSE TRUE; do
		is_err "a password, guesses free, emptyAuth $empty: EOPNOTSUPP" EOPNOTSUPP add none \
			"load $(empty=$empty der $loadable "$tmp/o.pub" "$tmp/o.priv" | base64 -w 0)"
	done
	is "they are free" 0x0 "$(guesses)"
}

test_load()
{
	local key copy name
	key=$(keyctl search @s iot dev)
	copy=$({ printf 'load '; cat "$tmp/dev.pem"; } | keyctl padd iot copy @s)
	is "its own PEM loads" "copy: ecdsa-p256 tpm active" "$(proc_text "$copy")"
	signs "a copy beside the key" "$copy"
	is "it is the same key" "$(cat "$tmp/dev.pem")" "$(keyctl pipe "$copy")"
	keyctl pkey_sign "$key" 0 "$tmp/sha256" >"$tmp/sig"
	ok "what one signs the other verifies" keyctl pkey_verify "$copy" 0 "$tmp/sha256" "$tmp/sig"
	is_err "not without a name" EINVAL add "" "load $(cat "$tmp/dev.pem")"
	gone copy
	# another user's copy, while ours lives
	{ printf 'load '; cat "$tmp/dev.pem"; } >"$tmp/load"
	chmod 755 "$tmp"
	: >"$tmp/theirs.sig"
	chmod 666 "$tmp/theirs.sig"
	cat >"$tmp/mine" <<-'END'
	key=$(keyctl padd iot mine @s <"$1/load") &&
		keyctl pkey_sign "$key" 0 "$1/sha256" >"$1/theirs.sig"
	END
	as_user bash "$tmp/mine" "$tmp" >"$tmp/quiet" 2>&1
	ok "a user's own copy signs, too" keyctl pkey_verify "$key" 0 "$tmp/sha256" "$tmp/theirs.sig"

	# theirs
	quiet tpm2_create -C 0x81000001 -G ecc256 -u "$tmp/t.pub" -r "$tmp/t.priv"
	key=$({ printf 'load '; der $loadable "$tmp/t.pub" "$tmp/t.priv" | pem; } | keyctl padd iot theirs @s)
	signs "a key of tpm2_create" "$key"
	gone theirs
	test_encodeobject 'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|sign|noda'
	test_encodeobject 'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|sign' -p
	quiet tpm2_create -C 0x81000001 -G ecc256:ecdsa-sha384 -a 'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|sign' \
		-u "$tmp/o.pub" -r "$tmp/o.priv"
	is_err "a scheme with another hash" EOPNOTSUPP add none \
		"load $(der $loadable "$tmp/o.pub" "$tmp/o.priv" | base64 -w 0)"
	quiet tpm2_create -C 0x81000001 -G ecc384 -u "$tmp/o.pub" -r "$tmp/o.priv"
	is_err "another curve" EOPNOTSUPP add none \
		"load $(der $loadable "$tmp/o.pub" "$tmp/o.priv" | base64 -w 0)"
	quiet tpm2_create -C 0x81000001 -G rsa2048 -u "$tmp/o.pub" -r "$tmp/o.priv"
	is_err "RSA" EINVAL add none \
		"load $(der $loadable "$tmp/o.pub" "$tmp/o.priv" | base64 -w 0)"
	quiet tpm2_create -C 0x81000001 -G ecc256:aes128cfb -a 'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|decrypt|restricted' \
		-u "$tmp/o.pub" -r "$tmp/o.priv"
	is_err "a storage key" EINVAL add none \
		"load $(der $loadable "$tmp/o.pub" "$tmp/o.priv" | base64 -w 0)"
	test_password
	is_err "the private part of another key" EKEYREJECTED add none \
		"load $(der $loadable "$tmp/t.pub" "$tmp/o.priv" | base64 -w 0)"
	is_err "no such parent" ENXIO add none \
		"load $(parent=0x81000055 der $loadable "$tmp/t.pub" "$tmp/t.priv" | base64 -w 0)"

	# the owner's primary, made anew
	quiet tpm2_createprimary -C o -G ecc256:null:aes128cfb -c "$tmp/prim.ctx" \
		-a 'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|noda|restricted|decrypt'
	quiet tpm2_create -C "$tmp/prim.ctx" -G ecc256 -u "$tmp/p.pub" -r "$tmp/p.priv"
	quiet tpm2_flushcontext -t
	key=$(add primary "load $(parent=0x40000001 der $loadable "$tmp/p.pub" "$tmp/p.priv" | base64 -w 0)")
	signs "under the owner's primary" "$key"
	gone primary
}

# A key made elsewhere, with no TPM there, and wrapped to this TPM's parent.
test_import()
{
	local key
	openssl ecparam -name prime256v1 -genkey -noout -out "$tmp/ext.pem" 2>"$tmp/quiet"
	quiet tpm2_readpublic -c 0x81000001 -o "$tmp/parent.pub"
	if ! tpm2_duplicate -T none -U "$tmp/parent.pub" -G ecc -k "$tmp/ext.pem" -u "$tmp/x.pub" \
		-r "$tmp/x.priv" -s "$tmp/x.seed" >"$tmp/quiet" 2>&1; then
		fail "tpm2_duplicate" "$(cat "$tmp/quiet")"
		return
	fi
	key=$({ printf 'load '; der $importable "$tmp/x.pub" "$tmp/x.priv" "$tmp/x.seed" | pem; } |
		keyctl padd iot imported @s)
	is "an importable key loads" "imported: ecdsa-p256 tpm active" "$(proc_text "$key")"
	signs "imported" "$key"
	openssl pkey -in "$tmp/ext.pem" -pubout -out "$tmp/ext.pub"
	ok "it is the one" cmp "$tmp/ext.pub" <(openssl pkey -pubin -in "$tmp/public.pem" -pubout)
	keyctl pipe "$key" >"$tmp/i.pem"
	gone imported
	key=$(add imported "load $(cat "$tmp/i.pem")")
	signs "and what was kept of it loads" "$key"
	gone imported
}

# What we made, tpm2-tools use.
test_export()
{
	public_of "$(keyctl search @s iot dev)" "$tmp/public.pem"
	octets "$tmp/pub.der" 2 >"$tmp/pub.priv"
	ok "tpm2_load takes it" quiet tpm2_load -C 0x81000001 -u "$tmp/pub.2b" -r "$tmp/pub.priv" -c "$tmp/o.ctx"
	ok "tpm2_sign signs" quiet tpm2_sign -c "$tmp/o.ctx" -g sha256 -f plain -o "$tmp/o.sig" "$text"
	ok "our public key verifies it" quiet openssl dgst -sha256 -verify "$tmp/public.pem" \
		-signature "$tmp/o.sig" "$text"
	ok "so does the key" keyctl pkey_verify "$(keyctl search @s iot dev)" 0 "$tmp/sha256" "$tmp/o.sig"
	quiet tpm2_flushcontext -t
}

quote() # KEY DATA-HEX PCRS-HEX FILE: the quote and its signature in tpm2-tools' form
{
	printf %s "$(printf %04x $((${#2} / 2)))$2$3" | unhex >"$tmp/ask"
	keyctl pkey_sign "$1" 0 "$tmp/ask" enc=quote >"$tmp/quoted" || return
	size=$((0x$(head -c 2 "$tmp/quoted" | hex)))
	tail -c +3 "$tmp/quoted" | head -c $size >"$4.msg"
	tail -c +$((3 + size)) "$tmp/quoted" >"$4.sig"
}

test_restricted()
{
	local key nonce=00112233445566778899 sel=00000001000b03810000
	key=$(new_key ak restricted)
	is "described" "ak: ecdsa-p256 tpm restricted active" "$(proc_text "$key")"
	public_of "$key" "$tmp/ak.pem"
	is_err "it signs nothing" EOPNOTSUPP keyctl pkey_sign "$key" 0 "$tmp/sha256"
	ok "it quotes" quote "$key" $nonce $sel "$tmp/q"
	ok "tpm2_checkquote takes that" quiet tpm2_checkquote -u "$tmp/ak.pem" -m "$tmp/q.msg" \
		-s "$tmp/q.sig" -g sha256 -q $nonce
	ok "with another nonce it does not" sh -c "! tpm2_checkquote -u $tmp/ak.pem -m $tmp/q.msg \
		-s $tmp/q.sig -g sha256 -q 99$nonce >$tmp/quiet 2>&1"
	is_err "a bank that nobody has" EINVAL quote "$key" $nonce 00000001009903810000 "$tmp/q"
	is_err "no nonce at all" EINVAL quote "$key" "" "" "$tmp/q"
	is_err "bytes behind" EINVAL quote "$key" $nonce ${sel}00 "$tmp/q"
	is_err "a bank too few" EINVAL quote "$key" $nonce 00000002000b03810000 "$tmp/q"
	ok "no PCRs" quote "$key" $nonce 00000000 "$tmp/q"
	openssl dgst -sha256 -binary "$tmp/q.msg" >"$tmp/q.dgst"
	{ tail -c +7 "$tmp/q.sig" | head -c 32; tail -c 32 "$tmp/q.sig"; } >"$tmp/q.raw"
	ok "it verifies what it quoted" keyctl pkey_verify "$key" 0 "$tmp/q.dgst" "$tmp/q.raw" enc=p1363
	keyctl pipe "$key" >"$tmp/ak.tss2"
	gone ak
	key=$(add ak "load $(cat "$tmp/ak.tss2")")
	is "its PEM loads" "ak: ecdsa-p256 tpm restricted active" "$(proc_text "$key")"
	ok "and quotes" quote "$key" $nonce $sel "$tmp/q"
	gone ak
	quiet tpm2_create -C 0x81000001 -G ecc256:ecdsa-sha256:null -u "$tmp/t.pub" -r "$tmp/t.priv" \
		-a 'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|sign|restricted'
	key=$(add ak "load $(der $loadable "$tmp/t.pub" "$tmp/t.priv" | base64 -w 0)")
	ok "one of tpm2_create quotes" quote "$key" $nonce $sel "$tmp/q"
	gone ak
}

test_dead()
{
	local key
	key=$(new_key mortal)
	ok "signs" quietly keyctl pkey_sign "$key" 0 "$tmp/sha256"
	keyctl revoke "$key"
	is_err "revoked: no signature" EKEYREVOKED keyctl pkey_sign "$key" 0 "$tmp/sha256"
	is_err "nor verification" EKEYREVOKED keyctl pkey_verify "$key" 0 "$tmp/sha256" "$tmp/raw" enc=p1363
	is_err "nor reading" EKEYREVOKED keyctl pipe "$key"
	gone mortal
	key=$(new_key mortal)
	keyctl invalidate "$key"
	is_err "invalidated" ENOKEY keyctl pkey_sign "$key" 0 "$tmp/sha256"
}

test_left()
{
	sleep 2
	is "nothing is left in the TPM" "" "$(TPM2TOOLS_TCTI=device:/dev/tpm0 tpm2_getcap handles-transient)"
	is "nor sessions" "" "$(TPM2TOOLS_TCTI=device:/dev/tpm0 tpm2_getcap handles-loaded-session)"
}

test_create
test_verbs
test_use
test_load
test_import
test_export
test_restricted
test_dead
test_left
finish
