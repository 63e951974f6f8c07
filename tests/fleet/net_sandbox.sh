#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What iotkeyd-net could still do if somebody else steered it: tests/host/caged.c.  Prints KTAP.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
chmod 777 "$dir"
echo public >"$dir/public"
chmod 666 "$dir/public"
echo private >"$dir/private"
chmod 600 "$dir/private"
"${O:-$top/build}/tests/host/caged" "$dir"
