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

errno_text()
{
	case $1 in
	EPERM) echo "Operation not permitted" ;;
	ENOENT) echo "No such file or directory" ;;
	EINTR) echo "Interrupted system call" ;;
	EIO) echo "Input/output error" ;;
	ENXIO) echo "No such device or address" ;;
	EAGAIN) echo "Resource temporarily unavailable" ;;
	ENOMEM) echo "Cannot allocate memory" ;;
	EACCES) echo "Permission denied" ;;
	EFAULT) echo "Bad address" ;;
	EBUSY) echo "Device or resource busy" ;;
	EEXIST) echo "File exists" ;;
	EXDEV) echo "Invalid cross-device link" ;;
	ENODEV) echo "No such device" ;;
	EINVAL) echo "Invalid argument" ;;
	ENOSPC) echo "No space left on device" ;;
	ERANGE) echo "Numerical result out of range" ;;
	ENOSYS) echo "Function not implemented" ;;
	ETIME) echo "Timer expired" ;;
	ENOPKG) echo "Package not installed" ;;
	EBADMSG) echo "Bad message" ;;
	EOVERFLOW) echo "Value too large for defined data type" ;;
	EMSGSIZE) echo "Message too long" ;;
	EPROTONOSUPPORT) echo "Protocol not supported" ;;
	EOPNOTSUPP) echo "Operation not supported" ;;
	ETIMEDOUT) echo "Connection timed out" ;;
	EDQUOT) echo "Disk quota exceeded" ;;
	ENOKEY) echo "Required key not available" ;;
	EKEYEXPIRED) echo "Key has expired" ;;
	EKEYREVOKED) echo "Key has been revoked" ;;
	EKEYREJECTED) echo "Key was rejected by service" ;;
	*) echo "lib.sh: no text for $1" >&2 ;;
	esac
}

# The text must end the line, for ENODEV's begins ENXIO's; a program may also
# print the name.
is_err()
{
	ktap_name=$1 ktap_errno=$2
	shift 2
	if ktap_out=$("$@" 2>&1); then
		fail "$ktap_name" "expected $ktap_errno but succeeded: $*
$ktap_out"
	elif printf '%s\n' "$ktap_out" |
	     grep -qE "$(errno_text "$ktap_errno")( \([0-9]+\))?\.?$|(^|[^A-Z])$ktap_errno([^A-Z]|$)"; then
		pass "$ktap_name"
	else
		fail "$ktap_name" "expected $ktap_errno from: $*
$ktap_out"
	fi
}

# In the VM: the host pulls the plug, and nothing after this happens.
power_cut()
{
	echo CUT >"$IOTKEY_RESULT"
	while :; do sleep 1000; done
}
