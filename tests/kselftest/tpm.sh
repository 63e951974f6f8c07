#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Roots of the TPM: against tpm2-tools, in both directions.  That two of them hold the same
# secret is shown by a derive key, which openssl computes from the unsealed bytes.
# shellcheck source=tests/kselftest/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/kselftest/common/iot.sh
. "$(dirname "$0")/common/iot.sh"
# shellcheck source=tests/kselftest/common/derive.sh
. "$(dirname "$0")/common/derive.sh"
# shellcheck source=tests/kselftest/common/tss2.sh
. "$(dirname "$0")/common/tss2.sh"
# shellcheck source=tests/kselftest/common/tpm.sh
. "$(dirname "$0")/common/tpm.sh"

export TPM2TOOLS_TCTI=device:/dev/tpmrm0
[ -e /dev/tpmrm0 ] || TPM2TOOLS_TCTI=device:/dev/tpm0
plain=$tmp/plain
printf 'the same on both sides' >"$plain"

# A derive key under root NAME signs, and openssl comes to the same by the secret in FILE.
same_secret() # TEXT ROOT FILE
{
	local key
	key=$(add proof new hmac-sha256 root="$2" mode=derive)
	is "$1" "$(mac_of "$3" 4 proof 0 "$plain")" \
		"$(keyctl pkey_sign "$key" 0 "$plain" | tail -c +9 | hex)"
	keyctl unlink "$key" @s
}

handles() { tpm2_getcap handles-persistent | tr -d ' -' | tr '\n' ' '; }

# gone NAME: unlinked, so that its blob may load again
gone() { keyctl unlink "$(keyctl search @s iot "$1")" @s; }

tpm_new() { keyctl add iot "$1" "new root provider=tpm parent=0x81000001${2:+ $2}" @s; }

test_create()
{
	local key blob
	tpm2_getcap handles-persistent | grep -qi 0x81000011 &&
		quiet tpm2_evictcontrol -C o -c 0x81000011
	is_err "ENXIO: no parent" ENXIO add none new root provider=tpm parent=0x81000011
	is_err "ENXIO: nor with PCRs" ENXIO add none new root provider=tpm parent=0x81000011 pcrs=sha256:16
	key=$(add made new root provider=tpm parent=0x81000011 mkparent)
	is "mkparent makes it" "made: root tpm active" "$(proc_text "$key")"
	like "the TPM has it" 0x81000011 "$(handles)"
	tpm2_readpublic -c 0x81000011 >"$tmp/parent"
	like "it is a P-256 storage key" 'value: NIST p256' "$(cat "$tmp/parent")"
	like "restricted, for decryption" 'fixedtpm\|fixedparent\|sensitivedataorigin\|userwithauth\|noda\|restricted\|decrypt' \
		"$(cat "$tmp/parent")"
	quiet tpm2_createprimary -C o -G ecc256:null:aes128cfb -c "$tmp/prim.ctx" \
		-a 'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|noda|restricted|decrypt'
	is "the standard one, which anybody can make again" \
		"$(tpm2_readpublic -c "$tmp/prim.ctx" | sed -n 's/^name: //p')" \
		"$(sed -n 's/^name: //p' "$tmp/parent")"
	quiet tpm2_flushcontext -t
	ok "mkparent uses what is there" add made2 new root provider=tpm parent=0x81000011 mkparent
	blob=$(keyctl pipe "$key")
	gone made
	gone made2
	key=$(add made "load $blob")
	is "the blob loads" "made: root tpm active" "$(proc_text "$key")"
	is_err "once" EEXIST keyctl add iot made "load $blob" "$(keyctl newring tray @s)"
	gone made
	quiet tpm2_evictcontrol -C o -c 0x81000011
	is_err "not without its parent" ENXIO add made "load $blob"
	ok "another parent there" quiet other_parent
	is_err "which is not the one: EKEYREJECTED" EKEYREJECTED add made "load $blob"
	quiet tpm2_evictcontrol -C o -c 0x81000011
}

other_parent()
{
	tpm2_createprimary -C o -G rsa2048 -c "$tmp/other.ctx" &&
		tpm2_evictcontrol -C o -c "$tmp/other.ctx" 0x81000011 && tpm2_flushcontext -t
}

# What happens to 16 and 23 happens to no other test.
test_pcrs()
{
	local key blob spec
	for spec in sha256:16 sha256:0,7,16 sha1:16,23 sha384:16 \
		sha256:0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23; do
		quiet tpm2_pcrreset 16 23
		if ! key=$(tpm_new bound pcrs=$spec 2>"$tmp/error"); then
			case $spec in
			sha256:*) fail "pcrs=$spec" "$(cat "$tmp/error")" ;;
			*) is "pcrs=$spec: no such bank" "add_key: Invalid argument" "$(cat "$tmp/error")" ;;
			esac
			continue
		fi
		is "pcrs=$spec" "bound: root tpm active" "$(proc_text "$key")"
		blob=$(keyctl pipe "$key")
		child=$(add leaf new hmac-sha256 root=bound mode=derive)
		gone bound
		ok "pcrs=$spec: loads" add bound "load $blob"
		gone bound
		quiet tpm2_pcrextend "16:${spec%%:*}=$(openssl dgst "-${spec%%:*}" -r "$plain" | cut -d ' ' -f 1)"
		is_err "pcrs=$spec: another value is EPERM" EPERM add bound "load $blob"
		ok "pcrs=$spec: what was unsealed before still works" quietly keyctl pkey_sign "$child" 0 "$plain"
		keyctl unlink "$child" @s
		quiet tpm2_pcrreset 16
		ok "pcrs=$spec: the old value again" add bound "load $blob"
		gone bound
	done
}

# What the kernel sealed, tpm2-tools loads and unseals.
test_export()
{
	local key
	key=$(tpm_new outward)
	keyctl pipe "$key" | part_of >"$tmp/part.der"
	quiet tpm2_readpublic -c 0x81000001 -o "$tmp/parent.pub"
	ok "the blob pins the parent's public area" cmp "$tmp/pinned" "$tmp/parent.pub"
	like "the blob holds a TPM key file" 'OBJECT *:2\.23\.133\.10\.1\.5' \
		"$(openssl asn1parse -inform DER -in "$tmp/part.der")"
	octets "$tmp/part.der" 1 >"$tmp/o.pub"
	octets "$tmp/part.der" 2 >"$tmp/o.priv"
	ok "tpm2_load takes it" quiet tpm2_load -C 0x81000001 -u "$tmp/o.pub" -r "$tmp/o.priv" -c "$tmp/o.ctx"
	tpm2_unseal -c "$tmp/o.ctx" -o "$tmp/secret"
	is "tpm2_unseal: 32 bytes" 32 "$(wc -c <"$tmp/secret")"
	same_secret "they are the root" outward "$tmp/secret"
	quiet tpm2_flushcontext -t
	gone outward

	key=$(tpm_new outward pcrs=sha256:16,23)
	keyctl pipe "$key" | part_of >"$tmp/part.der"
	octets "$tmp/part.der" 1 >"$tmp/o.pub"
	octets "$tmp/part.der" 2 >"$tmp/o.priv"
	ok "tpm2_load takes one with a policy" \
		quiet tpm2_load -C 0x81000001 -u "$tmp/o.pub" -r "$tmp/o.priv" -c "$tmp/o.ctx"
	ok "without its policy it is not unsealed" \
		sh -c "! tpm2_unseal -c $tmp/o.ctx -o $tmp/none 2>$tmp/quiet && grep -qi policy $tmp/quiet"
	ok "with tpm2_policypcr it is" \
		quiet tpm2_unseal -c "$tmp/o.ctx" -p pcr:sha256:16,23 -o "$tmp/secret"
	same_secret "and is the root" outward "$tmp/secret"
	quiet tpm2_flushcontext -t
	tpm2_startauthsession -S "$tmp/trial.ctx" >"$tmp/quiet"
	tpm2_policypcr -S "$tmp/trial.ctx" -l sha256:16,23 -L "$tmp/policy" >"$tmp/quiet"
	tpm2_flushcontext "$tmp/trial.ctx" >"$tmp/quiet" 2>&1
	is "the object has the policy that tpm2_policypcr computes" "$(hex <"$tmp/policy")" \
		"$(tpm2_print -t TPM2B_PUBLIC "$tmp/o.pub" | sed -n 's/^authorization policy: //p')"
	gone outward
}

# What tpm2-tools sealed, the kernel loads.
test_adopt()
{
	local key blob selection
	head -c 32 /dev/urandom >"$tmp/mine"
	quiet tpm2_create -C 0x81000001 -i "$tmp/mine" -u "$tmp/m.pub" -r "$tmp/m.priv"
	der $sealed "$tmp/m.pub" "$tmp/m.priv" >"$tmp/m.der"
	key=$({ printf 'load '; pem <"$tmp/m.der"; } | keyctl padd iot adopted @s)
	is "a PEM of tpm2_create loads" "adopted: root tpm active" "$(proc_text "$key")"
	same_secret "its secret is what was sealed" adopted "$tmp/mine"
	blob=$(keyctl pipe "$key")
	gone adopted
	ok "and its own blob loads" add adopted "load $blob"
	same_secret "with the same secret" adopted "$tmp/mine"
	gone adopted
	ok "so does the DER alone" add adopted "load $(base64 -w 0 "$tmp/m.der")"
	gone adopted
	is_err "but not without a name" EINVAL add "" "load $(base64 -w 0 "$tmp/m.der")"
	is_err "nor its first half" EBADMSG add adopted "load $(head -c 200 "$tmp/m.der" | base64 -w 0)"
	is_err "nor with more behind" EBADMSG add adopted \
		"load $({ cat "$tmp/m.der"; printf x; } | base64 -w 0)"
	der 2.23.133.10.1.3 "$tmp/m.pub" "$tmp/m.priv" >"$tmp/loadable.der"
	note "as a loadable key: $(add adopted "load $(base64 -w 0 "$tmp/loadable.der")" 2>&1)"
	gone adopted 2>"$tmp/quiet"

	head -c 31 "$tmp/mine" >"$tmp/short"
	quiet tpm2_create -C 0x81000001 -i "$tmp/short" -u "$tmp/s.pub" -r "$tmp/s.priv"
	is_err "31 bytes are no root" EINVAL add adopted \
		"load $(der $sealed "$tmp/s.pub" "$tmp/s.priv" | base64 -w 0)"
	is_err "under another parent: EKEYREJECTED or ENXIO" ENXIO add adopted \
		"load $(parent=0x81000077 der $sealed "$tmp/m.pub" "$tmp/m.priv" | base64 -w 0)"

	# the primary of the owner hierarchy as a parent, made anew at each load
	quiet tpm2_createprimary -C o -G ecc256:null:aes128cfb -c "$tmp/prim.ctx" \
		-a 'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|noda|restricted|decrypt'
	quiet tpm2_create -C "$tmp/prim.ctx" -i "$tmp/mine" -u "$tmp/p.pub" -r "$tmp/p.priv"
	quiet tpm2_flushcontext -t
	ok "parent TPM_RH_OWNER" add adopted \
		"load $(parent=0x40000001 der $sealed "$tmp/p.pub" "$tmp/p.priv" | base64 -w 0)"
	same_secret "with the same secret" adopted "$tmp/mine"
	gone adopted

	quiet tpm2_pcrreset 16
	tpm2_createpolicy --policy-pcr -l sha256:16 -L "$tmp/policy" >"$tmp/quiet"
	quiet tpm2_create -C 0x81000001 -i "$tmp/mine" -u "$tmp/b.pub" -r "$tmp/b.priv" -L "$tmp/policy" \
		-a 'fixedtpm|fixedparent|noda'
	selection=00000001000b03000001
	bound="[policies]
p1=SEQUENCE:policy
[policy]
code=EXPLICIT:0,INTEGER:0x17f
what=EXPLICIT:1,FORMAT:HEX,OCT:0000$selection"
	ok "with a PCR policy" add adopted \
		"load $(der $sealed "$tmp/b.pub" "$tmp/b.priv" "" "$bound" | base64 -w 0)"
	same_secret "with the same secret" adopted "$tmp/mine"
	gone adopted
	quiet tpm2_pcrextend "16:sha256=$(printf x | sha256sum | cut -d ' ' -f 1)"
	is_err "EPERM when the PCR is another" EPERM add adopted \
		"load $(der $sealed "$tmp/b.pub" "$tmp/b.priv" "" "$bound" | base64 -w 0)"
	quiet tpm2_pcrreset 16
}

# A secret made elsewhere and wrapped to this TPM's parent, with no TPM at hand there.
test_import()
{
	local key blob
	quiet tpm2_readpublic -c 0x81000001 -f tpmt -o "$tmp/parent.tpmt"
	quiet tpm2_readpublic -c 0x81000001 -o "$tmp/parent.pub"
	head -c 32 /dev/urandom >"$tmp/wrapped"
	duplicate "$tmp/wrapped" "$tmp/parent.pub" || { fail "tpm2_create and tpm2_duplicate" "$(cat "$tmp/quiet")"; return; }
	der $importable "$tmp/dup.pub" "$tmp/dup.priv" "$tmp/dup.seed" >"$tmp/dup.der"
	key=$({ printf 'load '; pem <"$tmp/dup.der"; } | keyctl padd iot imported @s)
	is "an importable key of tpm2_duplicate loads" "imported: root tpm active" "$(proc_text "$key")"
	same_secret "its secret is what was wrapped" imported "$tmp/wrapped"
	blob=$(keyctl pipe "$key")
	printf %s "$blob" | part_of >"$tmp/part.der"
	like "it is kept as sealed" 'OBJECT *:2\.23\.133\.10\.1\.5' \
		"$(openssl asn1parse -inform DER -in "$tmp/part.der")"
	gone imported
	ok "its own blob loads" add imported "load $blob"
	same_secret "with the same secret" imported "$tmp/wrapped"
	gone imported
}

# Sealed by others, with a password that we do not know: a wrong guess would count.
test_password()
{
	local type
	head -c 32 /dev/urandom >"$tmp/wrapped"
	quiet tpm2_create -C 0x81000001 -i "$tmp/wrapped" -p secret -a 'fixedtpm|fixedparent|userwithauth' \
		-u "$tmp/o.pub" -r "$tmp/o.priv"
	for type in $sealed $loadable; do
		not_tried "a password, type $type" add none \
			"load $(empty=FALSE der $type "$tmp/o.pub" "$tmp/o.priv" | base64 -w 0)"
	done
	quiet tpm2_create -C 0x81000001 -i "$tmp/wrapped" -a 'fixedtpm|fixedparent|userwithauth' \
		-u "$tmp/o.pub" -r "$tmp/o.priv"
	ok "none, and it says so" add open "load $(der $sealed "$tmp/o.pub" "$tmp/o.priv" | base64 -w 0)"
	gone open
}

# One unseal for a root, and no TPM at all for its children.
test_counts()
{
	local key blob
	if ! trace_tpm_commands; then
		skip "TPM commands" "no tracepoints"
		return
	fi
	key=$(tpm_new counted)
	blob=$(keyctl pipe "$key")
	gone counted
	commands_of add counted "load $blob"
	is "load of a root: StartAuthSession, Load, Unseal, FlushContext" "176 157 15e 165" "$commands"
	commands_of work_of_children
	is "a hundred children of all kinds: no TPM command" "" "$commands"
	commands_of keyctl pipe "$(keyctl search @s iot counted)"
	is "save of a root: none" "" "$commands"
	keyctl revoke "$(keyctl search @s iot counted)"
	gone counted
	key=$(tpm_new counted pcrs=sha256:16)
	blob=$(keyctl pipe "$key")
	gone counted
	commands_of add counted "load $blob"
	is "with PCRs: StartAuthSession twice, PolicyPCR, Load, Unseal, FlushContext" \
		"176 176 17f 157 15e 165" "$commands"
	gone counted
	commands_of add counted "new root provider=tpm parent=0x81000001"
	is "creation: ReadPublic, StartAuthSession, ReadPublic in it, Create" "173 176 173 153" \
		"$commands"
	gone counted
	tpm2_getcap handles-transient >"$tmp/quiet"
	is "nothing is left in the TPM" "" "$(cat "$tmp/quiet")"
	is "nor sessions" "" "$(tpm2_getcap handles-loaded-session)"
}

work_of_children()
{
	local i key mode blob
	for i in $(seq 33); do
		for mode in random derive ratchet; do
			keyctl add iot "c$mode$i" "new kdf root=counted mode=$mode" @s
		done
	done
	key=$(add worker new aes-256-gcm root=counted mode=derive)
	keyctl pkey_encrypt "$key" 0 "$plain"
	keyctl update "$key" rotate
	blob=$(keyctl pipe "$key")
	keyctl unlink "$key" @s
	keyctl add iot worker "load $blob" @s
}

# Errors that the TPM gives by its state.
test_state()
{
	local blob
	blob=$(keyctl pipe "$(tpm_new state)")
	gone state
	ok "several at once" sh -c "for i in 1 2 3 4; do keyctl add iot r\$i 'new root provider=tpm parent=0x81000001' @s & done; wait"
	is "all of them are there" 4 "$(grep -c ' iot  *r[1-4]: root tpm active' /proc/keys)"
	ok "it still loads" add state "load $blob"
	gone state
}

# In a VM without a TPM there is only this to see.
test_no_tpm()
{
	is_err "ENODEV: create" ENODEV add none new root provider=tpm parent=0x81000001
	is_err "ENODEV: create with its parent" ENODEV \
		add none new root provider=tpm parent=0x81000001 mkparent pcrs=sha256:0
	printf '002e0008000b00000452000000100020%064d' 0 | unhex >"$tmp/o.pub"
	printf '0060%0192d' 0 | unhex >"$tmp/o.priv"
	is_err "ENODEV: load" ENODEV add none \
		"load $(der $sealed "$tmp/o.pub" "$tmp/o.priv" | base64 -w 0)"
	ok "other roots do without" add none new root provider=soft
}

if [ ! -e /dev/tpm0 ]; then
	test_no_tpm
	finish
fi

tpm2_getcap handles-persistent | grep -qi 0x81000001 ||
	add first new root provider=tpm parent=0x81000001 mkparent >"$tmp/quiet"

# For the test on another machine: with a disk, leave a blob there when asked.
if [ -n "${IOTKEY_LEAVE_BLOB:-}" ]; then
	keyctl pipe "$(tpm_new traveller)" >"$IOTKEY_LEAVE_BLOB"
	sync
fi

test_create
test_pcrs
test_export
test_adopt
test_import
test_password
test_counts
test_state
finish
