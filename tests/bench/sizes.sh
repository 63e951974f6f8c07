#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Rows of sizes, in the form of bench.c.  Usage: tests/bench/sizes.sh KERNEL
set -eu

top=$(cd "$(dirname "$0")/../.." && pwd)
module=$top/build/kmod/$1/iotkey.ko
aim=65536

row() { printf 'row\t%s\tbytes\t%s\t%s\t%s\n' "$@"; }

# What size(1) says: all that is loaded but .bss.
text_data() { size "$1" | awk 'NR == 2 { print $1 + $2 }'; }

# What the source makes of itself, without the tables that the kernel's build adds for
# each function, call and symbol (unwinding, tracing, mitigations, versions of symbols).
code_data()
{
	size -A "$1" | awk '$1 ~ /^\.(init\.|exit\.|ref\.)?(text|rodata|data|bss)/ { n += $2 }
		END { print n }'
}

library() { find "/usr/lib/$(gcc -print-multiarch)" -name "$1" | head -n 1; }

row size/module "$(code_data "$module")" aim $aim
row size/module-with-tables "$(text_data "$module")" aim $aim
row size/library "$(text_data "$top"/build/lib/libiotkey.so)" libkcapi "$(text_data "$(library 'libkcapi.so.1')")"
row size/tool "$(text_data "$top"/build/tools/bin/iotkeyctl)" keyctl "$(text_data "$(command -v keyctl)")"
