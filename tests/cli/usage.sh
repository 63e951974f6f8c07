#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What iotkeyctl says and exits with before any key is touched, against
# usage.out beside this file.  Needs no module.  Prints KTAP.
# Usage: usage.sh [--update]
set -u

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
out=${O:-$top/build}
iotkeyctl=$out/tools/bin/iotkeyctl
export LD_LIBRARY_PATH=$out/lib NO_COLOR=1 LC_ALL=C TZ=UTC
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1

# Each command, what it prints, and its exit code if that is not 0
run()
{
	local status=0

	echo "\$ iotkeyctl $*"
	"$iotkeyctl" "$@" 2>&1 </dev/null || status=$?
	[ $status = 0 ] || echo "[exit $status]"
}

transcript()
{
	local verb

	run --help
	for verb in root new list show policy rotate derive encrypt decrypt sign public pem verify save load \
		revoke quote appraise history fleet monitor stats doctor; do
		run "$verb" --help
	done
	for verb in status list show approve revoke token tokens group groups import export; do
		run fleet "$verb" --help
	done
	run fleet frobnicate
	run fleet show frog
	run fleet revoke all
	run fleet import
	run --version
	run
	run --frobnicate
	run frobnicate
	run list extra
	run show
	run show --frobnicate
	run root device
	run root device --provider file
	run root device --provider tpm
	run root device --provider tpm --parent 0x40000001
	run root device --provider tpm --parent 0x81000001 --pcrs sha256:24
	run root device --provider soft --mkparent
	run root device --provider key --key user:kmk
	run root 'two words' --provider soft
	run new telemetry
	run new telemetry --alg aes-256-gcm
	run new telemetry --alg rot13 --root device
	run new device --alg ecdsa-p256
	run new device --alg ecdsa-p256 --parent 0x40000001
	run new device --alg ecdsa-p256 --parent 0x81000001 --root device
	run new device --alg ecdsa-p256 --parent 0x81000001 --rotate 1d
	run new device --alg ecdsa-p256 --parent 0x81000001 --usage encrypt
	run new telemetry --alg kdf --root device --restricted
	run new telemetry --alg aes-256-gcm --root device --rotate 0
	run new telemetry --alg aes-256-gcm --root device --rotate 11y
	run new telemetry --alg aes-256-gcm --root device --rotate 1d --rotate 2d
	run new telemetry --alg aes-256-gcm --root device --overlap 3651d
	run new telemetry --alg aes-256-gcm --root device --rotate 1h --ahead 2h
	run new telemetry --alg aes-256-gcm --root device --max-ops 0
	run new telemetry --alg aes-256-gcm --root device --usage sign
	run new telemetry --alg kdf --root device --mode derive --rotate 1d --jitter 1h
	run new telemetry --alg kdf --root device --label 'two words'
	run policy telemetry rotate
	run policy telemetry start=5
	run policy telemetry colour=red
	run policy telemetry lifetime=0
	run derive telemetry
	run derive telemetry disk
	run derive telemetry disk: --size 32
	run derive telemetry disk:data --size 65
	run derive telemetry disk:data --epoch x
	run derive telemetry disk:data --epoch 1 --pinned
	run monitor --count 0
	echo data >data
	ln data link
	run encrypt telemetry data data
	run encrypt telemetry data ./link
	run encrypt telemetry missing
	run load missing
	run load data
	printf 'SU9USwI=' >later
	run load later
	printf 'MIIB' >tss2
	run load tss2
	run load tss2 --name 'two words'
	run load data tss2 --name x
	head -c 16385 /dev/zero >large
	run load large
	run quote
	run quote ak
	run quote ak --pcrs sha256:0,7 --nonce 0102
	run quote ak --pcrs sha256:24 --nonce 0102 -o evidence
	run appraise
	run appraise --ak data --nonce 0102
	run appraise . --ak data
	run appraise . --ak data --nonce 010
	run appraise . --ak missing --nonce 0102
	run appraise . --ak data --nonce data
	openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 |
		openssl pkey -pubout -out ak
	run appraise . --ak ak --nonce 0102
	run appraise -m data -s data --ak ak --nonce 0102
	run --quiet appraise -m data -s data --ak ak --nonce 0102
	run appraise -m data -s data --ak ak --nonce 0102 --reference later
	ls
}

transcript >"$work.now"
trap 'rm -rf "$work" "$work.now"' EXIT
if [ "${1-}" = --update ]; then
	cp "$work.now" "$here/usage.out"
	exit
fi
echo "KTAP version 1"
echo "1..1"
if diff -u "$here/usage.out" "$work.now" >"$work/diff"; then
	echo "ok 1 usage"
else
	echo "not ok 1 usage"
	sed 's/^/# /' "$work/diff"
	exit 1
fi
