#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The CA's key in a PKCS#11 token (SoftHSM): the registrar is made, enrols and signs CRLs with
# it, and it is never in a file.  OpenSSL's provider is that of Debian 12's backports, in
# a root of its own.
set -u
# shellcheck source=tests/fleet/lib.sh
. "$(dirname "$0")/lib.sh"

(
	# shellcheck source=tests/vm/apt.sh
	. "$top/tests/vm/apt.sh"
	die() { echo "$*" >&2; exit 1; }
	# shellcheck disable=SC2317 # used by fetch_packages
	provider_package() { echo pkcs11-provider/bookworm-backports; }
	fetch_packages "$cache/fleet-bookworm" provider_package
	while read -r deb; do
		dpkg -x "$cache/fleet-bookworm/$deb" "$tmp/backports" || exit 1
	done <"$cache/fleet-bookworm/list"
) >"$tmp/fetch" 2>&1 || note "$(cat "$tmp/fetch")"

module=/usr/lib/softhsm/libsofthsm2.so
mkdir "$tmp/tokens"
echo "directories.tokendir = $tmp/tokens" >"$tmp/softhsm2.conf"
export SOFTHSM2_CONF=$tmp/softhsm2.conf
export OPENSSL_MODULES=$tmp/backports/usr/lib/x86_64-linux-gnu/ossl-modules
cat >"$tmp/openssl.cnf" <<CONF
openssl_conf = main
[main]
providers = list
[list]
default = on
pkcs11 = token
[on]
activate = 1
[token]
module = $OPENSSL_MODULES/pkcs11.so
pkcs11-module-path = $module
pkcs11-module-quirks = no-deinit
activate = 1
CONF
# the provider for the registrar alone: curl and openssl use files
registrar_program=$registrar
cat >"$tmp/with-token" <<SHELL
#!/bin/sh
OPENSSL_CONF=$tmp/openssl.cnf exec "$registrar_program" "\$@"
SHELL
chmod +x "$tmp/with-token"
registrar=$tmp/with-token

echo 1234 >"$tmp/pin"
softhsm2-util --init-token --free --label fleet --so-pin 4321 --pin 1234 >"$tmp/made" 2>&1
token_tool()
{
	pkcs11-tool --module "$module" --token-label fleet --login --pin 1234 "$@" 2>&1
}
token_tool --keypairgen --key-type EC:prime256v1 --label ca --id 01 >>"$tmp/made" ||
	note "$(cat "$tmp/made")"
uri="pkcs11:token=fleet;object=ca;type=private?pin-value=1234"

begin --ca-key "$uri" -- "workers = 1"
is "no CA key in a file" 1 "$([ -e "$dir/ca.key" ]; echo $?)"
one=00112233445566778899aabbccddeeff
token $one one-secret gateway-1 1
csr one "/CN=gateway-1"
enrol simpleenroll one -u $one:one-secret
is "enrol" 200 "$status"
ok "the token signed" openssl verify -CAfile "$ca" "$tmp/one.crt"
curl -s --cacert "$ca" "$url/.well-known/iotkey/crl" | openssl crl -inform DER -out "$tmp/crl.pem"
ok "and a CRL" openssl verify -CAfile "$ca" -CRLfile "$tmp/crl.pem" -crl_check "$tmp/one.crt"
registrar_reload
enrol simpleenroll one -u $one:one-secret
is "after a reload" 200 "$status"
pkill -KILL -P "$pid"
registrar_wait
enrol simpleenroll one -u $one:one-secret
is "after a worker was killed" 200 "$status"

# ---- a policy signer in the token: its public half serves, the private one approves
token_tool --keypairgen --key-type EC:prime256v1 --label signer --id 02 >>"$tmp/made"
signer="pkcs11:token=fleet;object=signer"
configure "release-policy = authorized" "policy-signer = $signer;type=public" "approvals = $tmp/approvals"
registrar_reload
for pcr in 0 2 4 7; do echo "pcr sha256:$pcr $(printf %064d $pcr)"; done >"$tmp/values"
approve() { "$registrar" approve --config "$dir/registrar.conf" "$@" "$tmp/values" 2>&1; }
like "approve by the public half" 'no private key there' "$(approve)"
is "by the private one" "approved values" "$(approve --signer "$signer;type=private?pin-value=1234")"
is "the registrar believes it" ok "$("$registrar" check --config "$dir/registrar.conf" 2>&1)"
is "no PIN in it" 0 "$(cat "$tmp/approvals" "$dir/audit.log" | grep -c 1234)"

registrar_stop
is "it ends well" 0 $stopped
sed -i 's/object=ca/object=nobody/' "$dir/registrar.conf"
text=$("$registrar" check --config "$dir/registrar.conf" 2>&1)
like "a key that is not there" 'no private key there' "$text"
is "no PIN in what it says" 0 "$(cat "$tmp/log" - <<<"$text" | grep -c 1234)"
done_testing
