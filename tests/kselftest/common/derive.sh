# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Documentation/iotkey.rst, "Derivations", by openssl.  Secrets are files of raw bytes.

# expand FILE INFO-HEX LENGTH: HKDF-Expand with HMAC-SHA256, in hex
expand()
{
	openssl kdf -keylen "$3" -kdfopt digest:SHA256 -kdfopt mode:EXPAND_ONLY \
		-kdfopt "hexkey:$(hex <"$1")" -kdfopt "hexinfo:$2" HKDF | tr -d ':\n' | tr A-F a-f
}

# label TEXT [CONTEXT-HEX]: the info of a derivation, in hex
label() { printf '%s00%s' "$(printf %s "$1" | hex)" "${2:-}"; }

# derived ROOT-FILE ALGORITHM LABEL EPOCH: the secret of a derive key, in hex
derived()
{
	expand "$1" "$(label "iotkey/1 derive" "$(printf '%02x%02x%s%08x' "$2" ${#3} "$(printf %s "$3" | hex)" "$4")")" 32
}

# mac_of ROOT-FILE ALGORITHM LABEL EPOCH FILE: what such a key signs, in hex
mac_of()
{
	local secret
	secret=$(derived "$1" "$2" "$3" "$4")
	if [ "$2" = 4 ]; then
		openssl mac -digest SHA256 -macopt "hexkey:$secret" -in "$5" HMAC
	else
		openssl mac -cipher AES-128-CBC -macopt "hexkey:${secret:0:32}" -in "$5" CMAC
	fi | tr -d '\n' | tr A-F a-f
}
