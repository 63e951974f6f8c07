#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Every verb of keyctl(1) that means something for keys of type iot.
# shellcheck source=tests/kselftest/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/kselftest/common/iot.sh
. "$(dirname "$0")/common/iot.sh"

aeads="aes-256-gcm aes-128-ccm xchacha20-poly1305"
macs="hmac-sha256 aes-128-cmac"
plain=$tmp/plain
head -c 100 /dev/urandom >"$plain"

test_roots_and_proc()
{
	local key
	root=$(add bench new root provider=soft)
	like "add gives a serial number" '^[0-9]+$' "$root"
	like "/proc/keys shows a root" \
		"^$(printf %08x "$root") I--Q--- +[0-9]+ perm 3f010000 +0 +0 iot +bench: root soft unsafe active\$" \
		"$(proc_line "$root")"
	key=$(printf 'new kdf root=bench' | keyctl padd iot piped @s)
	is "padd makes a key too" "piped: kdf random unsafe active v1 -" "$(proc_text "$key")"
	key=$(printf 'new kdf root=bench\n' | keyctl padd iot newline @s)
	is "a final newline is ignored" "newline: kdf random unsafe active v1 -" "$(proc_text "$key")"
}

# NAME OPTIONS EXPECTED (a regular expression)
test_proc_lines()
{
	local name options expected key
	while read -r name expected options; do
		options=${options/NOW-1000/$(($(date +%s) - 1000))}
		options=${options/NOW+400/$(($(date +%s) + 400))}
		# shellcheck disable=SC2086 # words
		key=$(add "$name" new $options root=bench)
		like "/proc/keys: $options" "^$name: ${expected//_/ }\$" "$(proc_text "$key")"
	done <<-END
	p1 aes-256-gcm_random_unsafe_active_v1_- aes-256-gcm
	p2 aes-128-ccm_derive_unsafe_active_v1_(3600|359[0-9])s aes-128-ccm mode=derive rotate=1h
	p3 xchacha20-poly1305_ratchet_unsafe_active_v1_(604800|60479[0-9])s xchacha20-poly1305 mode=ratchet rotate=1w
	p4 hmac-sha256_random_unsafe_active_v1_(60|5[0-9])s hmac-sha256 rotate=60
	p5 aes-128-cmac_derive_unsafe_active_v11_(100|9[0-9])s aes-128-cmac mode=derive rotate=100s start=NOW-1000
	p6 kdf_derive_unsafe_pending_v1_(460|4[0-9]{2})s kdf mode=derive rotate=60 start=NOW+400
	p7 kdf_derive_unsafe_expiring_v1_(60|5[0-9])s kdf mode=derive rotate=60 lifetime=60
	p8 kdf_derive_unsafe_active_v1_- kdf mode=derive lifetime=10d
	END
}

test_read()
{
	local key blob
	key=$(keyctl search @s iot p2)
	blob=$(keyctl pipe "$key")
	like "pipe gives one line of base64" '^[A-Za-z0-9+/]+=*$' "$blob"
	is "without a newline" "$(printf %s "$blob" | wc -c)" "$(keyctl pipe "$key" | wc -c)"
	is "it is a blob of this key" 494f544b0102 "$(printf %s "$blob" | base64 -d | head -c 6 | hex)"
	# a blob of a derive key holds no secrets, but its nonce and the time it was saved do change
	is "print gives as many bytes as pipe" "$(printf %s "$blob" | wc -c)" \
		"$(keyctl print "$key" | tr -d '\n' | wc -c)"
	is "read gives the same length" "$(printf %s "$blob" | wc -c) bytes of data in key:" \
		"$(keyctl read "$key" | head -n 1)"
	root_blob=$(keyctl pipe "$root")
	is "the header of a root's blob stays" "$(printf %s "$root_blob" | base64 -d | head -c 88 | hex)" \
		"$(keyctl print "$root" | base64 -d | head -c 88 | hex)"
}

test_find()
{
	local key ring
	key=$(keyctl search @s iot bench)
	is "search finds the key" "$root" "$key"
	is "request finds it" "$root" "$(keyctl request iot bench)"
	is "%iot:NAME finds it" "$root" "$(keyctl id %iot:bench)"
	is_err "search for what is not there" ENOKEY keyctl search @s iot nothing
	is_err "request for what is not there" ENOKEY keyctl request iot nothing
	like "describe" "^ *$root: alswrv-----v------------ +0 +0 iot: bench\$" "$(keyctl describe "$root")"
	is "rdescribe" "iot;0;0;3f010000;bench" "$(keyctl rdescribe "$root")"
	like "show" "^ *$root --alswrv +0 +0 +\\\\_ iot: bench\$" "$(keyctl show @s)"

	ring=$(keyctl newring shelf @s)
	ok "link" keyctl link "$root" "$ring"
	is "search finds it there" "$root" "$(keyctl search "$ring" iot bench)"
	ok "unlink" keyctl unlink "$root" "$ring"
	is_err "and no longer" ENOKEY keyctl search "$ring" iot bench
	ok "search links what it found" keyctl search @s iot bench "$ring"
	is "search has linked it" "$root" "$(keyctl rlist "$ring" | tr -d ' ')"
	keyctl unlink "$ring" @s
}

# The limits are those of the documentation, whichever way keyctl(1) uses them.
test_query()
{
	local alg bits key
	for alg in $aeads; do
		case $alg in *128*) bits=128 ;; *) bits=256 ;; esac
		key=$(add q new "$alg" root=bench mode=derive)
		is "pkey_query: $alg" "key_size=$bits max_enc_size=4144 max_dec_size=4144 encrypt=y decrypt=y sign=n verify=n" \
			"$(keyctl pkey_query "$key" 0 | grep -vE '^max_(data|sig)_size' | tr '\n' ' ' | sed 's/ $//')"
		is "pkey_query: $alg, enc=large" "max_enc_size=32768" \
			"$(keyctl pkey_query "$key" 0 enc=large | grep max_enc)"
		keyctl unlink "$key" @s
	done
	for alg in $macs; do
		case $alg in *128*) bits="128 24" ;; *) bits="256 40" ;; esac
		key=$(add q new "$alg" root=bench mode=derive)
		is "pkey_query: $alg" "key_size=${bits% *} max_data_size=32768 max_sig_size=${bits#* } encrypt=n decrypt=n sign=y verify=y" \
			"$(keyctl pkey_query "$key" 0 | grep -vE '^max_(enc|dec)_size' | tr '\n' ' ' | sed 's/ $//')"
		keyctl unlink "$key" @s
	done
	key=$(add q new hmac-sha256 root=bench mode=derive usage=verify)
	is "pkey_query knows of usage=" "sign=n verify=y" \
		"$(keyctl pkey_query "$key" 0 | grep -E '^(sign|verify)' | tr '\n' ' ' | sed 's/ $//')"
	keyctl unlink "$key" @s
}

# One key of every algorithm and mode does what it is for, and nothing else.
test_use()
{
	local alg mode key id
	printf 'other data' >"$tmp/other"
	for mode in random derive ratchet; do
		id=1
		for alg in $aeads; do
			key=$(add use new "$alg" root=bench mode=$mode)
			[ $mode = derive ] || keyctl update "$key" stored=1
			ok "$alg $mode: pkey_encrypt" \
				sh -c "keyctl pkey_encrypt $key 0 $plain >$tmp/message"
			is "$alg $mode: the message's head" "694b010${id}00000001" "$(head -c 8 "$tmp/message" | hex)"
			is "$alg $mode: its size" 148 "$(wc -c <"$tmp/message")"
			ok "$alg $mode: pkey_decrypt" \
				sh -c "keyctl pkey_decrypt $key 0 $tmp/message >$tmp/opened"
			ok "$alg $mode: gives the plaintext back" cmp "$plain" "$tmp/opened"
			is_err "$alg $mode: pkey_sign" EOPNOTSUPP keyctl pkey_sign "$key" 0 "$plain"
			keyctl unlink "$key" @s
			id=$((id + 1))
		done
		for alg in $macs; do
			key=$(add use new "$alg" root=bench mode=$mode)
			[ $mode = derive ] || keyctl update "$key" stored=1
			ok "$alg $mode: pkey_sign" sh -c "keyctl pkey_sign $key 0 $plain >$tmp/sig"
			is "$alg $mode: the signature's head" "694b010${id}00000001" "$(head -c 8 "$tmp/sig" | hex)"
			ok "$alg $mode: pkey_verify" keyctl pkey_verify "$key" 0 "$plain" "$tmp/sig"
			is_err "$alg $mode: other data" EKEYREJECTED \
				keyctl pkey_verify "$key" 0 "$tmp/other" "$tmp/sig"
			is_err "$alg $mode: pkey_encrypt" EOPNOTSUPP keyctl pkey_encrypt "$key" 0 "$plain"
			is_err "$alg $mode: pkey_decrypt" EOPNOTSUPP keyctl pkey_decrypt "$key" 0 "$plain"
			keyctl unlink "$key" @s
			id=$((id + 1))
		done
	done
	key=$(add use new kdf root=bench mode=derive)
	is_err "kdf: pkey_encrypt" EOPNOTSUPP keyctl pkey_encrypt "$key" 0 "$plain"
	is_err "kdf: pkey_sign" EOPNOTSUPP keyctl pkey_sign "$key" 0 "$plain"
	is_err "a root: pkey_query" EOPNOTSUPP keyctl pkey_query "$root" 0
	is_err "a root: pkey_encrypt" EOPNOTSUPP keyctl pkey_encrypt "$root" 0 "$plain"
	keyctl unlink "$key" @s
}

test_update()
{
	local key
	key=$(add up new aes-256-gcm root=bench overlap=1h)
	keyctl update "$key" stored=2
	keyctl pkey_encrypt "$key" 0 "$plain" >"$tmp/m1"
	ok "update: rotate" keyctl update "$key" rotate
	is "the version is the next" "up: aes-256-gcm random unsafe active v2 -" "$(proc_text "$key")"
	ok "the old message opens within the overlap" quietly keyctl pkey_decrypt "$key" 0 "$tmp/m1"
	is "a new one has the new version" 694b010100000002 \
		"$(keyctl pkey_encrypt "$key" 0 "$plain" | head -c 8 | hex)"
	ok "pupdate works as well" sh -c "printf 'set overlap=0' | keyctl pupdate $key"
	is_err "without overlap it does not open" EKEYEXPIRED keyctl pkey_decrypt "$key" 0 "$tmp/m1"
	is "add onto the name is an update" "$key" "$(add up stored=3)"
	is_err "but not a second creation" EEXIST add up new kdf root=bench
	keyctl unlink "$key" @s

	key=$(add up new kdf root=bench mode=derive rotate=1d)
	ok "update: epoch=" keyctl update "$key" epoch=41
	like "moves on" '^up: kdf derive unsafe active v42 [0-9]+s$' "$(proc_text "$key")"
	ok "update: epoch= that is past" keyctl update "$key" epoch=7
	like "never moves back" '^up: kdf derive unsafe active v42 [0-9]+s$' "$(proc_text "$key")"
	keyctl unlink "$key" @s

	key=$(add up new aes-128-ccm root=bench mode=ratchet)
	ok "update: mix=" keyctl update "$key" mix=00112233445566778899aabbccddeeff
	is "rotates" "up: aes-128-ccm ratchet unsafe active v2 -" "$(proc_text "$key")"
	keyctl unlink "$key" @s
}

test_load()
{
	local key other blob
	key=$(add loaded new hmac-sha256 root=bench)
	keyctl update "$key" stored=1
	keyctl pkey_sign "$key" 0 "$plain" >"$tmp/sig"
	blob=$(keyctl pipe "$key")
	is_err "a blob loads once only" EEXIST keyctl add iot "" "load $blob" "$(keyctl newring tray @s)"
	keyctl unlink "$key" @s
	keyctl unlink "$(keyctl search @s keyring tray)" @s
	key=$(retry keyctl add iot "" "load $blob" @s)
	is "an empty name takes the blob's" "iot;0;0;3f010000;loaded" "$(keyctl rdescribe "$key")"
	ok "it verifies what was signed before" keyctl pkey_verify "$key" 0 "$plain" "$tmp/sig"
	keyctl unlink "$key" @s
	key=$(retry keyctl add iot loaded "load $blob" @s)
	ok "loads under its own name" keyctl pkey_verify "$key" 0 "$plain" "$tmp/sig"
	other=$(printf 'load %s\n' "$(printf %s "$blob" | fold -w 64)" | keyctl padd iot loaded "$(keyctl newring tray @s)" 2>&1)
	like "with line breaks, but alive" 'File exists$' "$other"
	keyctl invalidate "$key"
	key=$(printf 'load %s\n' "$(printf %s "$blob" | fold -w 64)" | keyctl padd iot loaded @s)
	ok "loads after invalidate, with line breaks" keyctl pkey_verify "$key" 0 "$plain" "$tmp/sig"
	keyctl unlink "$key" @s
}

# The collector may not have been there yet.
retry()
{
	local i
	for i in $(seq 50); do
		"$@" 2>/dev/null && return
		sleep 0.1
	done
	note "after $i times: $*"
	"$@"
}

test_ends()
{
	local key
	key=$(add end new kdf root=bench)
	ok "revoke" keyctl revoke "$key"
	is_err "a revoked key is not read" EKEYREVOKED keyctl pipe "$key"
	is_err "nor updated" EKEYREVOKED keyctl update "$key" rotate
	is_err "nor used" EKEYREVOKED keyctl pkey_query "$key" 0
	like "/proc/keys says so" "^[0-9a-f]{8} IR-.* iot +end: kdf random unsafe revoked v1 -\$" "$(proc_line "$key")"
	keyctl unlink "$key" @s

	key=$(add end new kdf root=bench)
	ok "invalidate" keyctl invalidate "$key"
	is_err "an invalidated key is not there" ENOKEY keyctl describe "$key"
	is_err "nor found" ENOKEY keyctl search @s iot end

	key=$(add end new hmac-sha256 root=bench mode=derive)
	ok "timeout" keyctl timeout "$key" 1
	sleep 2
	is_err "a timed-out key is not used" EKEYEXPIRED keyctl pkey_sign "$key" 0 "$plain"
	is_err "nor read" EKEYEXPIRED keyctl pipe "$key"
	keyctl unlink "$key" @s
}

# Permissions as for any key: SEARCH uses it, READ saves it, VIEW sees it.
test_setperm()
{
	local key
	keyctl setperm "$root" 0x3f010000
	key=$(add shared new aes-256-gcm root=bench mode=derive)
	keyctl pkey_encrypt "$key" 0 "$plain" >"$tmp/message"
	chmod -R a+rX "$tmp"
	is_err "another user may not describe it" EACCES as_user keyctl describe "$key"
	is_err "nor save it" EACCES as_user keyctl pipe "$key"
	is_err "nor decrypt" EACCES as_user keyctl pkey_decrypt "$key" 0 "$tmp/message"
	is_err "nor update it" EACCES as_user keyctl update "$key" rotate
	is_err "nor revoke it" EACCES as_user keyctl revoke "$key"
	is "nor see it in /proc/keys" "" "$(as_user cat /proc/keys | grep " shared:")"
	keyctl setperm "$key" 0x3f010001
	like "with VIEW: describe" "iot: shared\$" "$(as_user keyctl describe "$key")"
	like "with VIEW: /proc/keys" "shared: aes-256-gcm derive unsafe active v1 -\$" "$(as_user cat /proc/keys)"
	is_err "with VIEW: not decrypt" EACCES as_user keyctl pkey_decrypt "$key" 0 "$tmp/message"
	keyctl setperm "$key" 0x3f010008
	as_user keyctl pkey_decrypt "$key" 0 "$tmp/message" >"$tmp/opened"
	ok "with SEARCH: decrypt" cmp "$plain" "$tmp/opened"
	is_err "with SEARCH: not save" EACCES as_user keyctl pipe "$key"
	is_err "with SEARCH: not update" EACCES as_user keyctl update "$key" rotate
	keyctl setperm "$key" 0x3f010002
	like "with READ: save" '^[A-Za-z0-9+/]+=*$' "$(as_user keyctl pipe "$key")"
	is_err "with READ: not update" EACCES as_user keyctl update "$key" rotate
	keyctl setperm "$key" 0x3f010004
	ok "with WRITE: update" as_user keyctl update "$key" rotate
	keyctl setperm "$key" 0x37010000
	is_err "without SEARCH nor does its possessor use it" EACCES \
		keyctl pkey_decrypt "$key" 0 "$tmp/message"
	keyctl unlink "$key" @s
	is_err "another user's root is not found" ENOKEY \
		as_user keyctl add iot mine "new kdf root=bench" @s
}

# Where /sbin/request-key does not make it, a key that is asked for becomes a negative one.
test_negative()
{
	local helper=/sbin/request-key key
	[ -e $helper ] || ln -s /bin/false $helper
	is_err "request2 for what nobody can make" ENOKEY keyctl request2 iot refused "who knows" @s
	key=$(printf %d "0x$(sed -n 's/^\([0-9a-f]*\) .* iot  *refused.*/\1/p' /proc/keys)")
	is_err "a negative key is not used" ENOKEY keyctl pkey_query "$key" 0
	is_err "nor read" ENOKEY keyctl pipe "$key"
	is_err "nor updated by an update" EINVAL add refused rotate
	key=$(add refused new root provider=soft)
	is "but made good by a creation" "refused: root soft unsafe active" "$(proc_text "$key")"
	ok "which is a full root" add child new kdf root=refused
	[ "$(readlink $helper)" != /bin/false ] || rm $helper
}

test_root_and_children()
{
	local other child random grandchild
	other=$(add tree new root provider=soft)
	child=$(add leaf new aes-256-gcm root=tree mode=derive)
	random=$(add twig new hmac-sha256 root=tree)
	keyctl update "$random" stored=1
	keyctl unlink "$other" @s
	ok "a child works without a link to its root" \
		sh -c "keyctl pkey_encrypt $child 0 $plain >$tmp/message"
	ok "in both directions" quietly keyctl pkey_decrypt "$child" 0 "$tmp/message"
	like "and is saved" '^[A-Za-z0-9+/]+=*$' "$(keyctl pipe "$child")"
	is_err "but there are no new children" ENOKEY add late new kdf root=tree
	keyctl unlink "$child" @s
	keyctl unlink "$random" @s

	other=$(add tree new root provider=soft)
	child=$(add leaf new aes-256-gcm root=tree mode=derive)
	random=$(add twig new hmac-sha256 root=tree)
	grandchild=$(add saved new kdf root=tree)
	blob=$(keyctl pipe "$grandchild")
	keyctl update "$random" stored=1
	keyctl pkey_encrypt "$child" 0 "$plain" >"$tmp/message"
	keyctl unlink "$grandchild" @s
	keyctl revoke "$other"
	is_err "a revoked root takes its children along: encrypt" EKEYREVOKED \
		keyctl pkey_encrypt "$child" 0 "$plain"
	is_err "decrypt" EKEYREVOKED keyctl pkey_decrypt "$child" 0 "$tmp/message"
	is_err "sign" EKEYREVOKED keyctl pkey_sign "$random" 0 "$plain"
	is_err "save" EKEYREVOKED keyctl pipe "$random"
	is_err "rotate" EKEYREVOKED keyctl update "$random" rotate
	is "/proc/keys: derive" "leaf: aes-256-gcm derive unsafe revoked v1 -" "$(proc_text "$child")"
	is "/proc/keys: random" "twig: hmac-sha256 random unsafe revoked v1 -" "$(proc_text "$random")"
	is "/proc/keys: root" "tree: root soft unsafe revoked" "$(proc_text "$other")"
	is_err "it has no new children" EKEYREVOKED add late new kdf root=tree
	is_err "nor do old ones come back" EKEYREVOKED keyctl add iot "" "load $blob" @s
}

test_roots_and_proc
test_proc_lines
test_read
test_find
test_query
test_use
test_update
test_load
test_ends
test_setperm
test_negative
test_root_and_children
finish
