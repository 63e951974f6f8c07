#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# vm: consumers-long
# kernel: not debug
# timeout: 3600
#
# 32 clients at once for 10 minutes of virtual time (HAMMER=SECONDS): the TPM has neither its
# slots nor its sessions used up.
# shellcheck source=tests/kselftest/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/kselftest/common/iot.sh
. "$(dirname "$0")/common/iot.sh"
# shellcheck source=tests/interop/common/tls.sh
. "$(dirname "$0")/common/tls.sh"

chmod 755 "$tmp"
cd "$tmp" || exit 1
export TPM2TOOLS_TCTI=device:/dev/tpm0

# An idle guest in virtual time would be far ahead before the TPM answers.
while :; do :; done &
spinner=$!
renice -n 19 -p $spinner
tls_setup
ok "nginx starts" ours nginx -c "$tmp/nginx.conf"
hammer "${HAMMER:-600}"
ours nginx -c "$tmp/nginx.conf" -s quit
kill $spinner
finish
