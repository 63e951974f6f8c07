# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154 # who sources it has $tmp, uses the OIDs
#
# TSS2 PRIVATE KEYs with tpm2-tools and openssl. Files lie in $tmp.

# quiet COMMAND...: for tools that talk on success
quiet() { "$@" >"$tmp/quiet" 2>&1 || { cat "$tmp/quiet"; return 1; }; }

# How many failed guesses the TPM has counted
guesses() { tpm2_getcap properties-variable | sed -n 's/^TPM2_PT_LOCKOUT_COUNTER: *//p'; }

# not_tried TEXT COMMAND...: EOPNOTSUPP, and the TPM was not asked
not_tried()
{
	local name=$1 before
	shift
	before=$(stat_of tpm_commands)
	is_err "$name: EOPNOTSUPP" EOPNOTSUPP "$@"
	is "$name: the TPM is not asked" "$before, 0x0" "$(stat_of tpm_commands), $(guesses)"
}

# The DER of a TSS2 PRIVATE KEY in a root's blob on standard input.  The body is the
# parent's TPM2B_PUBLIC, which goes to $tmp/pinned, that DER, and a MAC.
part_of()
{
	base64 -d >"$tmp/blob"
	tail -c $(($(byte 128) * 256 + $(byte 129))) "$tmp/blob" | head -c -32 >"$tmp/part"
	head -c $((2 + $(od -An -tu1 -j 1 -N 1 "$tmp/part"))) "$tmp/part" >"$tmp/pinned"
	tail -c +$(($(wc -c <"$tmp/pinned") + 1)) "$tmp/part"
}

byte() { od -An -tu1 -j "$1" -N 1 "$tmp/blob"; }

# The Nth OCTET STRING at the top of a TSS2 PRIVATE KEY in DER (1 public, 2 private).
octets() # FILE N
{
	local at line head len
	at=$(openssl asn1parse -inform DER -in "$1" | grep 'd=1 .*OCTET STRING' |
		sed -n "$2s/^ *\([0-9]*\):.*/\1/p")
	line=$(openssl asn1parse -inform DER -in "$1" | grep "^ *$at:")
	head=$(printf %s "$line" | sed 's/.*hl= *\([0-9]*\).*/\1/')
	len=$(printf %s "$line" | sed 's/.* l= *\([0-9]*\) prim.*/\1/')
	tail -c +$((at + head + 1)) "$1" | head -c "$len"
}

# der OID PUB PRIV [SECRET [POLICY-LINES]]: a TSS2 PRIVATE KEY.  $parent (0x81000001);
# $empty (TRUE): whether it says that it has no password
der()
{
	{
		echo 'asn1=SEQUENCE:key'
		echo '[key]'
		echo "type=OID:$1"
		echo 'empty=EXPLICIT:0,BOOLEAN:'"${empty:-TRUE}"
		[ -z "${5:-}" ] || echo 'policy=EXPLICIT:1,SEQUENCE:policies'
		[ -z "${4:-}" ] || echo "secret=EXPLICIT:2,FORMAT:HEX,OCT:$(hex <"$4")"
		echo "parent=INTEGER:${parent:-0x81000001}"
		echo "pub=FORMAT:HEX,OCT:$(hex <"$2")"
		echo "priv=FORMAT:HEX,OCT:$(hex <"$3")"
		[ -z "${5:-}" ] || printf '%s\n' "$5"
	} >"$tmp/gen.cnf"
	openssl asn1parse -genconf "$tmp/gen.cnf" -noout -out "$tmp/key.der" && cat "$tmp/key.der"
}

pem()
{
	echo "-----BEGIN TSS2 PRIVATE KEY-----"
	base64 -w 64
	echo "-----END TSS2 PRIVATE KEY-----"
}

sealed=2.23.133.10.1.5
loadable=2.23.133.10.1.3
importable=2.23.133.10.1.4

# duplicate FILE PARENT-PUB: a sealed object with a policy that allows duplication,
# duplicated to the parent: dup.pub, dup.priv and dup.seed
duplicate()
{
	{
		tpm2_startauthsession -S "$tmp/dup.ctx" &&
		tpm2_policycommandcode -S "$tmp/dup.ctx" -L "$tmp/dup.policy" TPM2_CC_Duplicate &&
		tpm2_flushcontext "$tmp/dup.ctx" &&
		tpm2_createprimary -C o -c "$tmp/src.ctx" &&
		tpm2_create -C "$tmp/src.ctx" -i "$1" -u "$tmp/dup.pub" -r "$tmp/src.priv" \
			-L "$tmp/dup.policy" -a 'userwithauth|noda' &&
		tpm2_load -C "$tmp/src.ctx" -u "$tmp/dup.pub" -r "$tmp/src.priv" -c "$tmp/dup.o" &&
		tpm2_loadexternal -C n -u "$2" -c "$tmp/np.ctx" &&
		tpm2_startauthsession --policy-session -S "$tmp/dup.ctx" &&
		tpm2_policycommandcode -S "$tmp/dup.ctx" TPM2_CC_Duplicate &&
		tpm2_duplicate -C "$tmp/np.ctx" -c "$tmp/dup.o" -G null -p "session:$tmp/dup.ctx" \
			-r "$tmp/dup.priv" -s "$tmp/dup.seed" &&
		tpm2_flushcontext "$tmp/dup.ctx" && tpm2_flushcontext -t
	} >"$tmp/quiet" 2>&1
}
