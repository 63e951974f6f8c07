#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# TSS2 PRIVATE KEYs under the parent 0x81000001, which is made: two roots, and an importable
# signing key.
# Usage: pem.sh SEALED IMPORTABLE IDENTITY
set -eu
# shellcheck source=tests/kselftest/common/iot.sh
. "$(dirname "$0")/iot.sh"
# shellcheck source=tests/kselftest/common/tss2.sh
. "$(dirname "$0")/tss2.sh"

export TPM2TOOLS_TCTI=device:/dev/tpmrm0
trap 'rm -rf "$tmp"' EXIT

keyctl unlink "$(add parent "new root provider=tpm parent=0x81000001 mkparent")" @s

head -c 32 /dev/urandom >"$tmp/secret"
quiet tpm2_create -C 0x81000001 -i "$tmp/secret" -u "$tmp/s.pub" -r "$tmp/s.priv"
der "$sealed" "$tmp/s.pub" "$tmp/s.priv" | pem >"$1"

quiet tpm2_readpublic -c 0x81000001 -o "$tmp/parent.pub"
duplicate "$tmp/secret" "$tmp/parent.pub" || { cat "$tmp/quiet"; exit 1; }
der "$importable" "$tmp/dup.pub" "$tmp/dup.priv" "$tmp/dup.seed" | pem >"$2"

openssl ecparam -name prime256v1 -genkey -noout -out "$tmp/ext.pem"
quiet tpm2_duplicate -T none -U "$tmp/parent.pub" -G ecc -k "$tmp/ext.pem" -u "$tmp/x.pub" \
	-r "$tmp/x.priv" -s "$tmp/x.seed"
der "$importable" "$tmp/x.pub" "$tmp/x.priv" "$tmp/x.seed" | pem >"$3"
