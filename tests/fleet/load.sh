#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A hundred devices at once, played by tests/bench/fleet/load.c: they join, prove their TPM, and
# enrol with a key that it certified.  Prints KTAP.
set -u
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/fleet/lib.sh
. "$here/lib.sh"

load() # WORK OPTION...: sets $code and $said
{
	local work=$1
	shift
	code=0
	said=$("$out/tests/bench/load" "$@" localhost "$port" "$ca" "$work" 100 16 2>&1) || code=$?
}

begin --
export IOTKEY_REGISTRAR=$url IOTKEY_FLEET_DIR=$dir
iotkeyctl=$out/tools/bin/iotkeyctl

load enrol
is "devices that nobody expects do not get in" 1 "$code"
like "they are told" '403' "$said"
load enrol -x "cat >$tmp/eks && $iotkeyctl fleet import $tmp/eks --batch load >$tmp/said"
is "those of a batch do" 0 "$code"
like "all of them" '"good": 100, "bad": 0' "$said"
like "the fleet knows them" '^devices +100' "$("$iotkeyctl" fleet status)"
ok "the audit log has all of it" "$registrar" audit verify "$dir/audit.log"
is "100 certificates" 100 "$(grep -c '"event":"enrolled"' "$dir/audit.log")"
done_testing
