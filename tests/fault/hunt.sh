#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The plaintext hunt.  A device's agent gets 10 roots in each of 10 versions from a registrar; a child
# of each is made and used.  Meanwhile and after it hunt.c searches the memory of all processes of the
# device, its swap, core files of what was aborted in the middle, its disk, and what went over the
# network, for every root and child, which needles.py computes from the fleet's master:
# nothing is found, but what is planted in each of these places is.
#
# From tests/vm/check.sh: RUN, DIR.
#
# vm: fleet
# kernel: 6.12
# timeout: 1200
set -u
# shellcheck source=tests/fleet/devices.sh
. "$(dirname "$0")/../fleet/devices.sh"
# shellcheck source=tests/fleet/vm.sh
. "$top/tests/fleet/vm.sh"
trap 'device_stop; registrar_stop; rm -rf "$tmp"; ktap_exit' EXIT

roots=10 versions=10
names=$(seq -s ' ' -f 'r%02g' $roots)
hunt=$top/build/tests/fault/hunt
device=$tmp/device
disk=$DIR/disk
# The first of the needles are decoys, to be found; version N of them begins at 14 * (N - 1)
decoys=5

needles() { python3 "$top/tests/fault/needles.py" "$1" "$dir/master" "$id" "${@:2}"; }

# finds FILE...: "DECOYS-FOUND REAL-ONES-FOUND", with the real ones told
finds()
{
	local n place at real=0 found=''
	"$hunt" "$tmp/needles" files "$@" >"$tmp/finds" || echo "cannot search"
	while read -r n place at; do
		[ "$n" != searched ] || continue
		if [ "$n" -lt $((14 * decoys)) ]; then
			found="$found $((n / 14 + 1))"
		else
			real=$((real + 1))
			note "$(sed -n $((n + 1))p "$tmp/needles.names") in $place at $at" >&2
		fi
	done <"$tmp/finds"
	echo "$(printf '%s\n' $found | sort -u | tr '\n' ' ')/ $real"
}

# ---- what the guest asks for

host_name() { sed -n "$(($1 + 1))p" "$tmp/needles.names"; }

host_opens() { needles opens "$1" "$2" "reading $1" <<<"${3:-}" && echo yes; }

host_disk() { finds "$disk"; }

host_next() # VERSION: of all roots that is over
{
	local name
	for name in $names; do fleet revoke "$id" --root "$name" --root-version "$1"; done
}

host_restart() { registrar_stop; registrar_start && echo yes; }

host_revoke() { fleet revoke "$id"; }

fleet() { "$out/tools/bin/iotkeyctl" fleet "$@" >/dev/null && echo yes; }

make_disk()
{
	truncate -s 160M "$disk" && PATH=$PATH:/usr/sbin mke2fs -q -t ext4 -E lazy_itable_init=0 "$disk"
}

job()
{
	echo '#!/bin/bash'
	echo "port=$port names='$names' versions=$versions"
	echo "fingerprint=sha256:$(openssl x509 -in "$ca" -outform DER | sha256sum | head -c 64)"
	echo ". /usr/lib/iotkey/tests/guest.sh"
	echo "base64 -d >needles <<END"
	base64 "$tmp/needles"
	echo END
	cat "$top/tests/fault/hunt/guest.sh"
}

for pcr in 0 1 2 3 4 5 6 7 8 9; do echo "pcr sha256:$pcr any"; done >"$tmp/any"
ok "a TPM" device_make "$device"
ok "a disk" make_disk
id=$(openssl x509 -inform DER -in "$device/ek-rsa2048.crt" -noout -pubkey |
	openssl pkey -pubin -outform DER | sha256sum | head -c 32)
begin --name 10.0.2.2 -- "ek-ca = $tmp/makers" "roots = ${names// /, }" "references = $tmp/any" \
	"audit = $dir/audit.log"
export IOTKEY_REGISTRAR=$url IOTKEY_FLEET_DIR=$dir
# shellcheck disable=SC2046 # words
ok "the secrets" needles make "$tmp/needles" decoy:$decoys $(printf "%s:$versions " $names)
job >"$tmp/job"
device_boot "$device" "$tmp/job" --disk "$disk" --timeout 1000 --guest-timeout 100000
is "in what went over the network" "4 / 0" "$(finds "$(guest_log net.pcap)")"
is "all was delivered, says the audit log" $((roots * versions)) \
	"$(grep -o '"name":"r[0-9]*","version":[0-9]*' "$dir/audit.log" | sort -u | wc -l)"
done_testing
