#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A device is updated: with the reboot a PCR has another value.  Its root opens if the update was
# approved before, or if somebody brings it the approval after.  The same with one that
# libiotkey-attest has wrapped, far from its TPM.
#
# kernel: not debug
# From tests/vm/check.sh: RUN, DIR.
set -u

top=$(cd "$(dirname "$0")/../.." && pwd)
log=$top/build/logs/${RUN##*--name }/result.log
count=0

# What all jobs share; files of the device are in /data.  PCR 16 measures what was booted.
prelude()
{
	cat <<-'END'
	#!/bin/bash
	modprobe iotkey
	export TPM2TOOLS_TCTI=device:/dev/tpmrm0
	for part in iot tss2 approve; do . /usr/lib/iotkey/tests/common/$part.sh; done
	result() { echo "result $1 $2"; }
	# the errno's text, or "ok"
	answer() { "$@" >/tmp/out 2>/tmp/err && echo ok || sed 's/.*: //' /tmp/err | tail -n 1; }
	load() { keyctl add iot "$1" "load $(cat "/data/$2")" @s; }
	save() { keyctl pipe "%iot:$1" >"/data/$2" && sync; }
	used() { keyctl pkey_sign "%iot:leaf" 0 /etc/hosts | hex; }
	# a key under the root, and what it makes of a file
	leaf()
	{
		keyctl unlink %iot:leaf @s 2>/tmp/err
		keyctl add iot leaf "new hmac-sha256 root=root mode=derive" @s >/tmp/out && used
	}
	gone() { keyctl unlink "%iot:$1" @s; }
	END
}

# boot SOFTWARE [COMMAND] < SCRIPT: "result NAME TEXT" lines are what it found
boot()
{
	{ prelude; printf '%s\n' "update_to $1" "${2:-}"; cat; } >"$DIR/job"
	# shellcheck disable=SC2086 # $RUN is the start of a command
	$RUN --job "$DIR/job" --tpm "$DIR/tpm" --disk "$DIR/disk" --timeout 120 --quiet
	status=$?
	[ "$status" = 0 ] || { echo "Bail out! status $status (see $log)"; exit 1; }
}

result() { sed -n "s/^result $1 //p" "$log" | tail -n 1; }

expect() # NAME RESULT TEXT
{
	local got
	got=$(result "$2")
	count=$((count + 1))
	if [ -n "$got" ] && [ "$got" = "$3" ]; then
		echo "ok $count - $1"
	else
		echo "not ok $count - $1"
		echo "# expected: $3"
		echo "#      got: $got"
	fi
}

# value_of TEXT: PCR 16 when that was booted, as tpm2_pcrread writes it
value_of()
{
	{ head -c 32 /dev/zero; printf %s "$1" | openssl dgst -sha256 -binary; } | openssl dgst -sha256 -binary
}

# In $DIR/wrapped, for the storage key that the device told: approved are updates two and three.
wrap()
{
	"${CC:-cc}" -std=gnu11 -D_GNU_SOURCE -I"$top/include" -o "$DIR/fleet" "$top/tests/host/fleet.c" \
		-L"$top/build/lib" -liotkey-attest -lcrypto || return
	result parent | base64 -d >"$DIR/parent"
	head -c 32 /dev/urandom >"$DIR/secret"
	openssl ecparam -name prime256v1 -genkey -noout -out "$DIR/signer.pem"
	value_of two >"$DIR/two"
	value_of three >"$DIR/three"
	LD_LIBRARY_PATH=$top/build/lib "$DIR/fleet" wrap-signed "$DIR/parent" 0x81000001 "$DIR/secret" \
		"$DIR/wrapped" "$DIR/signer.pem" fleet sha256:16 "$DIR/two" "$DIR/three"
}

echo "KTAP version 1"

boot one <<'END'
add parent new root provider=tpm parent=0x81000001 mkparent >/tmp/out
head -c 32 /dev/urandom >$tmp/secret
signer policy ecc
sealed_for policy 00 $tmp/secret o
key() { signed_key 05 $tmp/o.o $tmp/o.p "" "$(authorize "$(hex <$tmp/policy.pub)" 00 0010)" "$1" | base64 -w 0; }
one=$(alternative policy 00 "$(pcr_digest one)")
two=$(alternative policy 00 "$(pcr_digest two)")
three=$(alternative policy 00 "$(pcr_digest three)")
key "$one" >/data/key
key "$three$two$one" >/data/mended
printf %s "$(tlv 30 "$two$three" | unhex | base64 -w 0)" >/data/approvals
load root key >/tmp/out
save root before
result approve "$(answer keyctl update %iot:root "policy $(tlv 30 "$two$one" | unhex | base64 -w 0)")"
save root after
result leaf "$(leaf)"
quiet tpm2_readpublic -c 0x81000001 -o $tmp/parent
result parent "$(base64 -w 0 $tmp/parent)"
END
leaf=$(result leaf)
expect "a live root takes the approval of an update" approve ok

wrap || { echo "Bail out! libiotkey-attest did not wrap a root"; exit 1; }
boot two "echo $(grep -v - "$DIR/wrapped" | tr -d '\n') >/data/wrapped" <<'END'
result before "$(answer load root before)"
result key "$(answer load root key)"
result after "$(answer load root after)"
result leaf "$(leaf)"
result approve "$(answer keyctl update %iot:root "policy $(cat /data/approvals)")"
save root after
gone root
result wrapped "$(answer load root wrapped)"
save root wrapped.blob
result wrapped_leaf "$(leaf)"
END
wrapped=$(result wrapped_leaf)
expect "after the update the blob from before it is refused" before "Operation not permitted"
expect "and the key as it came" key "Operation not permitted"
expect "the blob with the approval opens" after ok
expect "it is the same root" leaf "$leaf"
expect "and takes the next approval" approve ok
expect "what the library wrapped opens" wrapped ok

boot three <<'END'
result after "$(answer load root after)"
gone root
result mended "$(answer load root mended)"
result leaf "$(leaf)"
gone root
result wrapped "$(answer load root wrapped.blob)"
result wrapped_leaf "$(leaf)"
END
expect "after the next update it opens again" after ok
expect "and so does the key as it came, with the approval put into it" mended ok
expect "it is the same root still" leaf "$leaf"
expect "and so does the other, which was imported" wrapped ok
expect "with the same secret" wrapped_leaf "$wrapped"

boot four <<'END'
result after "$(answer load root after)"
result mended "$(answer load root mended)"
result wrapped "$(answer load root wrapped.blob)"
END
expect "what nobody approved does not open it" after "Operation not permitted"
expect "in no form" mended "Operation not permitted"
expect "nor the other" wrapped "Operation not permitted"

echo "1..$count"
