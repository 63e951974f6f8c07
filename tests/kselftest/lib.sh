# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
#
# KTAP for shell tests.  Begin with
#	. "$(dirname "$0")/lib.sh"
# and end with done_testing; without it the suite counts as broken.  In the first lines,
# "# vm: virtual-time" asks for the VM whose time jumps, "# timeout: SECONDS" for more time.
#
#	ok NAME COMMAND...		COMMAND succeeds
#	is_err NAME ERRNO COMMAND...	COMMAND fails and says so ("EINVAL" or its text)
#	is NAME EXPECTED ACTUAL		two strings are equal
#	like NAME REGEXP TEXT		a line of TEXT matches (extended regular expression)
#	fail NAME WHY...		a plain failure
#	skip NAME WHY			not here
#	skip_all WHY			and end
#	note TEXT			a remark in the log
#	sampled				whether to run the next of many like cases here

ktap_count=0
ktap_failed=0
ktap_done=false

echo "KTAP version 1"
trap ktap_exit EXIT

ktap_exit()
{
	$ktap_done || echo "Bail out! ended before done_testing"
}

note() { printf '%s\n' "$*" | sed 's/^/# /'; }

pass()
{
	ktap_count=$((ktap_count + 1))
	echo "ok $ktap_count - $1"
}

fail()
{
	ktap_count=$((ktap_count + 1))
	ktap_failed=$((ktap_failed + 1))
	echo "not ok $ktap_count - $1"
	shift
	[ $# -eq 0 ] || note "$@"
}

skip()
{
	ktap_count=$((ktap_count + 1))
	echo "ok $ktap_count - $1 # SKIP ${2:-}"
}

skip_all()
{
	skip "$(basename "$0")" "$1"
	done_testing
}

done_testing()
{
	echo "1..$ktap_count"
	ktap_done=true
	[ "$ktap_failed" = 0 ]
	exit
}

ok()
{
	ktap_name=$1
	shift
	if ktap_out=$("$@" 2>&1); then
		pass "$ktap_name"
	else
		fail "$ktap_name" "exit status $? of: $*
$ktap_out"
	fi
}

is()
{
	if [ "$2" = "$3" ]; then
		pass "$1"
	else
		fail "$1" "expected: $2
     got: $3"
	fi
}

like()
{
	if printf '%s\n' "$3" | grep -qE -e "$2"; then
		pass "$1"
	else
		fail "$1" "expected: $2
     got: $3"
	fi
}

# Sets $ktap_text; nothing here starts a process, for there are thousands of these checks.
errno_text()
{
	case $1 in
	EPERM) ktap_text="Operation not permitted" ;;
	ENOENT) ktap_text="No such file or directory" ;;
	EINTR) ktap_text="Interrupted system call" ;;
	EIO) ktap_text="Input/output error" ;;
	ENXIO) ktap_text="No such device or address" ;;
	EAGAIN) ktap_text="Resource temporarily unavailable" ;;
	ENOMEM) ktap_text="Cannot allocate memory" ;;
	EACCES) ktap_text="Permission denied" ;;
	EFAULT) ktap_text="Bad address" ;;
	EBUSY) ktap_text="Device or resource busy" ;;
	EEXIST) ktap_text="File exists" ;;
	EXDEV) ktap_text="Invalid cross-device link" ;;
	ENODEV) ktap_text="No such device" ;;
	EINVAL) ktap_text="Invalid argument" ;;
	ENOSPC) ktap_text="No space left on device" ;;
	ERANGE) ktap_text="Numerical result out of range" ;;
	ENOSYS) ktap_text="Function not implemented" ;;
	ETIME) ktap_text="Timer expired" ;;
	ENOPKG) ktap_text="Package not installed" ;;
	EBADMSG) ktap_text="Bad message" ;;
	EOVERFLOW) ktap_text="Value too large for defined data type" ;;
	EMSGSIZE) ktap_text="Message too long" ;;
	EPROTONOSUPPORT) ktap_text="Protocol not supported" ;;
	EOPNOTSUPP) ktap_text="Operation not supported" ;;
	ETIMEDOUT) ktap_text="Connection timed out" ;;
	EDQUOT) ktap_text="Disk quota exceeded" ;;
	ENOKEY) ktap_text="Required key not available" ;;
	EKEYEXPIRED) ktap_text="Key has expired" ;;
	EKEYREVOKED) ktap_text="Key has been revoked" ;;
	EKEYREJECTED) ktap_text="Key was rejected by service" ;;
	*) ktap_text="no text for $1 in lib.sh" ;;
	esac
}

# Does a line of $2 end with the text of errno $1, or name it? Programs add a number or a
# full stop; the text must end the line, for ENODEV's begins ENXIO's.
says_errno()
{
	errno_text "$1"
	case "
$2
" in
	*"$ktap_text
"* | *"$ktap_text.
"* | *"$ktap_text ("[0-9]*")
"* | *"$ktap_text ("[0-9]*").
"* | *[!A-Z]"$1"[!A-Z]*) return 0 ;;
	esac
	return 1
}

is_err()
{
	ktap_name=$1 ktap_errno=$2
	shift 2
	if ktap_out=$("$@" 2>&1); then
		fail "$ktap_name" "expected $ktap_errno but succeeded: $*
$ktap_out"
	elif says_errno "$ktap_errno" "$ktap_out"; then
		pass "$ktap_name"
	else
		fail "$ktap_name" "expected $ktap_errno from: $*
$ktap_out"
	fi
}

# In a long list of like cases: is it this one's turn? All are, but on a slow kernel
# only every Nth, from SEED on, and all again with IOTKEY_LONG.
ktap_case=${SEED:-0}

sampled()
{
	[ -z "${IOTKEY_LONG:-}" ] || return 0
	ktap_case=$((ktap_case + 1))
	[ $((ktap_case % ${IOTKEY_SLOW:-1})) = 0 ]
}

# In the VM: the host pulls the plug, and nothing after this happens.
power_cut()
{
	echo CUT >"$IOTKEY_RESULT"
	while :; do sleep 1000; done
}
