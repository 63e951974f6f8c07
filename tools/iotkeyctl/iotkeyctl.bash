# bash completion for iotkeyctl                            -*- shell-script -*-
# SPDX-License-Identifier: GPL-2.0-or-later

# Names of the keys that /proc/keys shows; a description ends at ": "
_iotkeyctl_keys()
{
	awk '$8 == "iot" { sub(/:$/, "", $9); print $9 }' /proc/keys 2>/dev/null
}

# What an option of a key or root takes
_iotkeyctl_values()
{
	case $1 in
	--alg | --algorithm) echo "aes-256-gcm aes-128-ccm xchacha20-poly1305 hmac-sha256 aes-128-cmac kdf ecdsa-p256" ;;
	--mode) echo "random derive ratchet" ;;
	--provider) echo "tpm key soft" ;;
	--usage) echo "encrypt decrypt sign verify encrypt,decrypt sign,verify" ;;
	--state) echo "pending active revoked" ;;
	--result) echo "pass fail never" ;;
	--keyring) echo "@u @s @p @us" ;;
	--parent) echo "0x81000001" ;;
	--pcrs) echo "sha256: sha384: sha1:" ;;
	--rotate | --overlap | --ahead | --lifetime | --jitter) echo "1m 1h 1d 1w" ;;
	--root) _iotkeyctl_keys ;;
	*) return 1 ;;
	esac
}

_iotkeyctl_options()
{
	echo "--json --quiet --help"
	case $1 in
	root) echo "--provider --parent --mkparent --pcrs --key --keyring --save" ;;
	new)
		echo "--alg --root --mode --rotate --overlap --ahead --lifetime --max-ops --jitter"
		echo "--start --usage --label --parent --mkparent --restricted --keyring --save"
		;;
	rotate) echo "--save" ;;
	derive) echo "--size --epoch --pinned --keyring" ;;
	load) echo "--keyring --name" ;;
	monitor) echo "--count" ;;
	sign) echo "-o" ;;
	quote) echo "--pcrs --nonce -o" ;;
	history) echo "--log --pcr" ;;
	fleet) echo "--registrar --dir --state --result --name --group --key --root --root-version --software --seconds --device --delete --make --add --batch --file" ;;
	appraise) echo "--ak --nonce --reference --record -m -s -f -e -i" ;;
	"") echo "--version" ;;
	esac
}

_iotkeyctl()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local verbs="root new list show policy rotate derive encrypt decrypt sign verify public pem save load revoke quote appraise history fleet monitor stats doctor"
	local verb="" position=0 i values

	COMPREPLY=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		-*) ;;
		*) [ -z "$verb" ] && verb=${COMP_WORDS[i]} || position=$((position + 1)) ;;
		esac
	done
	if values=$(_iotkeyctl_values "$prev"); then
		mapfile -t COMPREPLY < <(compgen -W "$values" -- "$cur")
	elif [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$(_iotkeyctl_options "$verb")" -- "$cur")
	elif [ -z "$verb" ]; then
		mapfile -t COMPREPLY < <(compgen -W "$verbs" -- "$cur")
	elif [[ $prev == --save || $prev == -o || $prev == --ak || $prev == --nonce ||
		$prev == --reference || $prev == --record || $prev == --log || $prev == --file ||
		$verb == appraise || $verb == history ]]; then
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
	else
		case $verb:$position in
		revoke:* | show:0 | policy:0 | quote:0 | rotate:0 | derive:0 | encrypt:0 | decrypt:0 | sign:0 | verify:0 | public:0 | pem:0 | save:0)
			mapfile -t COMPREPLY < <(compgen -W "$(_iotkeyctl_keys)" -- "$cur")
			;;
		policy:*)
			mapfile -t COMPREPLY < <(compgen -W \
				"rotate= overlap= ahead= lifetime= max-ops= jitter= usage=" -- "$cur")
			compopt -o nospace 2>/dev/null
			;;
		fleet:0)
			mapfile -t COMPREPLY < <(compgen -W "status list show approve revoke token tokens group groups import export" -- "$cur")
			;;
		fleet:*)
			mapfile -t COMPREPLY < <(compgen -f -- "$cur")
			compopt -o filenames 2>/dev/null
			;;
		load:* | encrypt:* | decrypt:* | sign:* | verify:* | public:* | pem:* | save:*)
			mapfile -t COMPREPLY < <(compgen -f -- "$cur")
			compopt -o filenames 2>/dev/null
			;;
		esac
	fi
}

complete -F _iotkeyctl iotkeyctl
