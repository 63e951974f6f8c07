#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A device's life by its agent alone: a VM that knows only the registrar's address and the
# fingerprint of its CA enrols by its TPM, attests, gets a root, renews, is revoked.
#
# From tests/vm/check.sh: RUN, DIR.
#
# vm: fleet
# kernel: 6.12
# timeout: 900
set -u
# shellcheck source=tests/fleet/devices.sh
. "$(dirname "$0")/../fleet/devices.sh"
# shellcheck source=tests/fleet/vm.sh
. "$top/tests/fleet/vm.sh"
trap 'device_stop; registrar_stop; rm -rf "$tmp"; ktap_exit' EXIT

device=$tmp/device

fleet() { "$out/tools/bin/iotkeyctl" fleet "$@" >/dev/null && echo yes; }

# ---- what the guest asks for

host_next() { fleet revoke "$id" --root data --root-version "$1"; }
host_revoke() { fleet revoke "$id"; }
host_audit() { grep -o '"event":"[a-z-]*"' "$dir/audit.log" | cut -d'"' -f4 | grep -v admin; }
host_down() { registrar_stop; echo yes; }
host_up() { registrar_start && echo yes; }

job()
{
	echo '#!/bin/bash'
	echo "port=$port id=$id"
	echo "fingerprint=sha256:$(openssl x509 -in "$ca" -outform DER | sha256sum | head -c 64)"
	echo ". /usr/lib/iotkey/tests/guest.sh"
	cat "$top/tests/fault/agent_life/guest.sh"
}

for pcr in 0 1 2 3 4 5 6 7 8 9; do echo "pcr sha256:$pcr any"; done >"$tmp/any"
ok "a TPM" device_make "$device"
id=$(openssl x509 -inform DER -in "$device/ek-rsa2048.crt" -noout -pubkey |
	openssl pkey -pubin -outform DER | sha256sum | head -c 32)
begin --name 10.0.2.2 -- "ek-ca = $tmp/makers" "roots = data" "references = $tmp/any" \
	"audit = $dir/audit.log"
export IOTKEY_REGISTRAR=$url IOTKEY_FLEET_DIR=$dir
job >"$tmp/job"
device_boot "$device" "$tmp/job" --timeout 600 --guest-timeout 100000
like "the registrar saw it all" 'roots-released' "$(host_audit | tr '\n' ' ')"
done_testing
