# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Software TPMs with endorsement certificates, as a maker would ship them: by swtpm's own CA.
#
#	tpm_make DIR		make a TPM; its certificates are DIR/ek-*.crt (DER), the maker's
#				are in DIR/../makers/ (one CA for all TPMs beside each other)
#	tpm_start DIR		start it, and make it the one of tpm2-tools
#	tpm_stop DIR
#	tpm2 VERB ARG...	tpm2_VERB, then flush: there is no resource manager; $work/tpm2.log
#				has what it said

_ca_config() # DIR
{
	local dir=$1
	mkdir -p "$dir/ca" "$dir/makers"
	[ ! -e "$dir/swtpm_setup.conf" ] || return 0
	cat >"$dir/swtpm-localca.conf" <<-CONF
	statedir = $dir/ca
	signingkey = $dir/ca/signkey.pem
	issuercert = $dir/ca/issuercert.pem
	certserial = $dir/ca/certserial
	CONF
	cat >"$dir/swtpm-localca.options" <<-CONF
	--tpm-manufacturer IBM
	--tpm-model swtpm-libtpms
	--tpm-version 2
	--platform-manufacturer iotkey
	--platform-version 1
	--platform-model test
	CONF
	cat >"$dir/swtpm_setup.conf" <<-CONF
	create_certs_tool = /usr/bin/swtpm_localca
	create_certs_tool_config = $dir/swtpm-localca.conf
	create_certs_tool_options = $dir/swtpm-localca.options
	CONF
}

tpm_make() # DIR
{
	local base
	mkdir -p "$1/state"
	base=$(realpath "$1/..")
	_ca_config "$base"
	swtpm_setup --tpm2 --tpmstate "$1/state" --config "$base/swtpm_setup.conf" \
		--create-ek-cert --write-ek-cert-files "$1" --not-overwrite \
		>"$1/setup.log" 2>&1 || return
	cp "$base/ca/issuercert.pem" "$base/ca/swtpm-localca-rootca-cert.pem" "$base/makers/"
}

tpm_start() # DIR
{
	local dir
	dir=$(realpath "$1")
	swtpm socket --tpm2 --tpmstate "dir=$dir/state" --flags not-need-init,startup-clear \
		--server "type=unixio,path=$dir/tpm" --ctrl "type=unixio,path=$dir/tpm.ctrl" \
		--pid "file=$dir/pid" >"$dir/swtpm.log" 2>&1 &
	for _ in $(seq 100); do
		[ ! -S "$dir/tpm.ctrl" ] || break
		sleep 0.05
	done
	tpm_use "$dir"
}

tpm_use() { export TPM2TOOLS_TCTI=swtpm:path=$1/tpm; }

tpm_stop() # DIR
{
	[ ! -s "$1/pid" ] || kill "$(cat "$1/pid")" 2>/dev/null
}

tpm2()
{
	local status=0
	# shellcheck disable=SC2154 # $work is of who reads this in
	command "tpm2_$1" -Q "${@:2}" >"$work/tpm2.log" 2>&1 || status=$?
	tpm2_flushcontext -t >/dev/null 2>&1
	return $status
}
