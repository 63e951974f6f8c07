#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# iotkeyd-net against a registrar: tests/host/keeper.c plays the half of the agent that keeps the
# keys, with a TPM that is software.  Prints KTAP.
set -u
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/fleet/net_lib.sh
. "$here/net_lib.sh"

test_life()
{
	keeper life -f "$fingerprint" -n fridge -a 86400 -x "$expect"
	until_line life 'ROOT'
	until_report life state member
	is "what it asks of its keeper, in order" "HELLO TRUST HELLO IDENTITY ACTIVATE IDENTITY DEVICE KEY \
CERTIFICATE HELLO PROMOTE HELLO EVIDENCE PARENT ROOT HELLO" "$(requests life)"
	is "it is a member" "member pass" "$(report life state) $(report life result)"
	is "nothing went wrong" "{}" "$(report life faults)"
	like "as the device that the operator named" 'CN ?= ?fridge, serialNumber ?= ?'"$(cat "$run/life/id")" \
		"$(openssl x509 -in "$run/life/current" -noout -subject)"
	like "the audit log has it" '"event": ?"roots-released"' "$(cat "$dir/audit.log")"
	note "memory: $(grep VmHWM "/proc/$(cat "$run/life/pid")/status" | tr -s '\t ' ' ')"
	sleep 1
	local before after
	before=$(cpu life)
	sleep 3
	after=$(cpu life)
	is "then it sleeps" "$before" "$after"
	finish life
	is "and ends with its keeper" "ended: status 0" "$(tail -n 1 "$run/life.log")"
}

test_first_contact()
{
	keeper tofu -t -x "$expect"
	until_report tofu state member
	is "the first CA is taken where that is allowed" member "$(report tofu state)"
	finish tofu
	keeper other -f "sha256:$(printf %064d 0)" -x "$expect"
	until_line other 'refused: another fingerprint'
	sleep 0.3
	is "a registrar with another CA's fingerprint gets nothing" "HELLO TRUST HELLO" "$(requests other)"
	like "which is reported" 'another fingerprint' "$(report other faults.trust.text)"
	finish other
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$tmp/wrong.key" \
		-out "$tmp/wrong.crt" -subj /CN=other -days 2 2>/dev/null
	keeper wrong -c "$tmp/wrong.crt" -x "$expect"
	until_report wrong faults.enrol.fault not-the-registrar
	is "nor one that another CA vouches for" "HELLO IDENTITY HELLO" "$(requests wrong)"
	finish wrong
	registrar_stop
	configure "listen = 0.0.0.0:$port"
	registrar_start
	url=https://127.0.0.2:$port keeper name -c "$ca" -x "$expect"
	until_report name faults.enrol.fault not-the-registrar
	is "nor one of another name" "HELLO IDENTITY HELLO" "$(requests name)"
	finish name
}

test_token()
{
	local id secret
	id=$(openssl rand -hex 16) secret=$(openssl rand -hex 16)
	token "$id" "$secret" kettle 1
	keeper token -f "$fingerprint" -k "$id:$secret"
	until_report token state member
	is "a device enrols by a token" "HELLO TRUST HELLO DEVICE KEY CERTIFICATE HELLO PROMOTE HELLO" \
		"$(requests token | sed 's/ EVIDENCE.*//')"
	is "as the token's device" "$id" "$(cat "$run/token/id")"
	finish token
	keeper wrongtoken -f "$fingerprint" -k "$id:0$secret"
	until_report wrongtoken faults.enrol.fault token-wrong
	is "with another secret it does not" "enrolling" "$(report wrongtoken state)"
	is "the secret is in no log" 0 "$(cat "$run"/*.log "$run"/*.err "$tmp/log" | grep -c "$secret")"
	finish wrongtoken
}

# shellcheck disable=SC2119 # it takes more lines for the configuration
registrar_up
test_life
test_first_contact
test_token
done_testing
