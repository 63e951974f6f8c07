#!/bin/bash
# shellcheck disable=SC2016 # they are expanded where they are typed
# SPDX-License-Identifier: GPL-2.0-or-later
#
# `make demo`: the life of a device in a fleet: a registrar on this machine, a device in a VM with a
# software TPM.  Everything shown is really typed and really printed; how is in tests/demo/stage.sh.
set -euo pipefail

top=$(cd "$(dirname "$0")/.." && pwd)
version=${KERNEL:-6.1}
work=$top/build/vm/demo
initramfs=$top/build/demo-$version.cpio
tools=$top/build/tools
export PATH=$tools/bin:$tools/sbin:$PATH LD_LIBRARY_PATH=$top/build/lib NO_COLOR=1 TZ=UTC LC_ALL=C
# shellcheck source=tests/demo/stage.sh
. "$top/tests/demo/stage.sh"
# shellcheck source=tests/fleet/swtpm.sh
. "$top/tests/fleet/swtpm.sh"

title() { printf '\n=== %s ===\n' "$*"; }

# The device's image: the programs of a device, and a sensor
pack()
{
	local src files=("$top/tests/demo/device.sh" "$top/tests/demo/sensor"
		"$tools/bin/iotkeyctl:/usr/bin/iotkeyctl" "$tools/sbin/iotkeyd:/usr/sbin/iotkeyd"
		"$top/build/provider/iotkey.so:/usr/lib/x86_64-linux-gnu/ossl-modules/iotkey.so")
	files+=("$(command -v nice):/usr/bin/nice")
	for src in "$tools"/libexec/iotkey/iotkeyd-*; do
		files+=("$src:/usr/libexec/iotkey/${src##*/}")
	done
	"$top/tests/vm/initramfs.sh" "$version" "$initramfs" --driver virtio_net \
		--module "$top/build/kmod/$version/iotkey.ko" "${files[@]}"
}

# What a good device is, as who builds its image knows it
good_device()
{
	local zeros
	zeros=$(printf '0%.0s' {1..64})
	echo "pcr sha256:0 $zeros firmware"
	echo "pcr sha256:7 $zeros Secure Boot"
	echo "ima any boot_aggregate"
	echo "ima any /data/iotkey/*"
	echo "ima any /data/readings/*"
	echo "ima sha256:$(sha256sum <"$top/tests/demo/sensor" | head -c 64) /data/bin/sensor"
}

rm -rf "$work"
mkdir -p "$work"
cd "$work"
trap stage_clear EXIT
pack
tpm_make "$work/tpm" || wrong "no TPM: see $work/tpm/setup.log"
good_device >reference
port=$(python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
export IOTKEY_REGISTRAR=https://localhost:$port IOTKEY_FLEET_DIR=$work/fleet
printf '#!/bin/bash\nregistrar=https://10.0.2.2:%s\n. /usr/lib/iotkey/tests/device.sh\n' "$port" >job

title "1. A registrar"
say "A CA, a master secret, an administrator's certificate. Makers' CAs say which TPMs are real."
registrar 'iotkey-registrar init fleet --name 10.0.2.2 --name localhost'
registrar "sed -i 's/^listen = .*/listen = 127.0.0.1:$port/' fleet/registrar.conf"
registrar 'cat >>fleet/registrar.conf <<END
ek-ca = makers
references = reference
roots = fleet-root
release-policy = pcrs
release-pcrs = sha256:0,7
END'
say "What a good device is: its PCRs, and what it may run."
registrar 'cat reference'
registrar_up

title "2. A device, fresh from the factory (Linux $(cat "$top/build/kernels/$version/release"))"
device_boot --job job --tpm "$work/tpm/state"
say "It has a TPM and the registrar's address. Nobody types a secret."
device 'cat /etc/iotkey/iotkeyd.conf'
device 'sensor'
expect '^temperature='
device 'iotkeyd 2>/tmp/log &'
until_device 'keyctl search $(keyctl search @u keyring iotkey) iot fleet-root && iotkeyd status | grep -q "^result: pass"'
device 'cat /tmp/log'
device 'iotkeyd status'
expect '^state: member$'
registrar 'iotkeyctl fleet list'
expect 'active .*pass'
id=$(awk 'NR == 2 { print $1 }' <<<"$said")
registrar "iotkeyctl fleet show $id"
expect '^root .*fleet-root version 1'

title "3. It works, and goes on without a registrar"
say "The root was wrapped for this one TPM, and unsealed in this one kernel. A key under it:"
device 'ring=$(keyctl search @u keyring iotkey)'
device 'iotkeyctl new telemetry --alg aes-256-gcm --root fleet-root --rotate 1h --overlap 10m --keyring $ring'
device 'telemetry=$(keyctl search $ring iot telemetry)'
until_device 'keyctl pkey_encrypt $telemetry 0 bin/sensor >/dev/null' # once it is stored
device 'sensor >/tmp/reading && keyctl pkey_encrypt $telemetry 0 /tmp/reading >readings/0h'
device 'keyctl pkey_decrypt $telemetry 0 readings/0h'
expect '^temperature='
say "The registrar goes away. Three hours go by; the key rotates."
registrar_down
on_device 'later 10900'
# the first use rotates it, or a timer that is not in a hurry
device 'keyctl pkey_encrypt $telemetry 0 /tmp/reading >readings/3h; sync'
device 'iotkeyctl list'
expect 'telemetry .* v4 '
say "The reading of the first hour is past its window."
refused device 'keyctl pkey_decrypt $telemetry 0 readings/0h'
say "Somebody trips over the power cord."
device_cut

title "4. The same disk, another TPM"
device_boot --job job --tpm "$work/tpm-of-a-thief" --rtc "$(date -ud '3 hours 5 minutes' +%FT%T)"
device 'iotkeyctl root his-root --provider tpm --parent 0x81000001 --mkparent'
refused device 'iotkeyctl load iotkey/keys/fleet-root.blob'
device_cut

title "5. The same disk, its own TPM"
device_boot --job job --tpm "$work/tpm/state" --rtc "$(date -ud '3 hours 6 minutes' +%FT%T)"
say "There is no registrar yet. The TPM opens the root, the root opens the keys."
device 'iotkeyd 2>/tmp/log &'
until_device 'keyctl search $(keyctl search @u keyring iotkey) iot telemetry'
device 'telemetry=$(keyctl search $(keyctl search @u keyring iotkey) iot telemetry)'
device 'keyctl pkey_decrypt $telemetry 0 readings/3h'
expect '^temperature='
registrar_up
say "The agent would come by itself, within 5 minutes. Now:"
device 'sensor; kill -HUP $(pidof iotkeyd)'
until_device 'iotkeyd status | grep -q "^result: pass"'
registrar 'iotkeyctl fleet list --result pass'
expect "^$id"

title "6. Somebody tampers with it"
device 'echo "echo temperature=99" >>bin/sensor; sensor'
device 'kill -HUP $(pidof iotkeyd)'
until_device 'iotkeyd status | grep -q "^result: fail"'
registrar "iotkeyctl fleet show $id"
expect 'ima-file /data/bin/sensor: .*expected sha256:.*found sha256:'

title "7. It is thrown out"
begun=$(date +%s%3N)
registrar "iotkeyctl fleet revoke $id"
until_device '! keyctl pkey_encrypt $telemetry 0 bin/sensor >/dev/null'
ended=$(date +%s%3N)
say "$((ended - begun)) ms from the command to the dead key, in an emulated machine."
device 'cat /tmp/log'
refused device 'keyctl pkey_decrypt $telemetry 0 readings/3h'
device 'ls iotkey/keys'
[ -z "$said" ] || wrong "blobs are left"
until_device 'iotkeyd status | grep -q "^state: revoked"'
device 'iotkeyd status'
registrar 'iotkeyctl fleet list'
expect "^$id .*revoked"
registrar 'iotkey-registrar audit verify fleet/audit.log'
device_cut
title "That was it: make check proves it; README.md says how to use it"
