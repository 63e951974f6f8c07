#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What a machine can say about style.  Usage: tests/lint.sh KERNEL [CHECKPATCH]
#
# User space is formatted by .clang-format (`make format`); kmod/ and include/uapi follow
# the kernel's checkpatch.  Tools that are not installed are named and skipped.
set -eu

top=$(cd "$(dirname "$0")/.." && pwd)
version=$1
checkpatch=${2:-}
cd "$top"
failed=0
formatted=$(find lib tools tests include -name '*.[ch]' ! -path 'include/uapi/*')
scripts="$(find tests kmod -name '*.sh') .ci/run"

have() { command -v "$1" >/dev/null || { echo "lint: no $1: skipped"; return 1; }; }

# Not asked for: quotes around lists of words; files that shellcheck cannot find from
# here; functions that it takes for unused, as they are called by their names.
not_asked=SC2086,SC1091,SC2317

# shellcheck disable=SC2086 # lists
{
	if have clang-format; then
		clang-format --dry-run -Werror $formatted || failed=1
	fi
	if have shellcheck; then
		shellcheck -x -e $not_asked $scripts || failed=1
	fi
	if have sparse; then
		rm -rf build/kmod/sparse
		kmod/build.sh "build/kernels/$version/headers" build/kmod/sparse C=2 2>&1 |
			grep 'build/kmod/sparse/.*\(warning\|error\):' && failed=1
	fi
	if [ -n "$checkpatch" ]; then
		# An out-of-tree module has a LINUX_VERSION_CODE, the host no kernel types, and
		# trace.h the layout that all trace headers have.
		quiet=FILE_PATH_CHANGES,SPDX_LICENSE_TAG,LINUX_VERSION_CODE,CONSTANT_COMPARISON
		quiet=$quiet,PREFER_KERNEL_TYPES
		for file in kmod/[!t]*.[ch] kmod/t[!r]*.[ch] kmod/selftest/*.[ch] kmod/trace.h; do
			[ "$file" != kmod/trace.h ] || quiet=$quiet,OPEN_ENDED_LINE,PARENTHESIS_ALIGNMENT
			perl "$checkpatch" --no-tree --strict --terse --show-types --ignore "$quiet" \
				-f "$file" || failed=1
		done
	else
		echo "lint: no checkpatch.pl: skipped (CHECKPATCH= names one)"
	fi
}
exit $failed
