# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# For the fleet's benches: rows on file 3, as tests/bench/report.py reads them.

row() # NAME UNIT OURS PEER THEIRS
{
	printf 'row\tfleet/%s\t%s\t%s\t%s\t%s\n' "$@" >&3
}

# median: of the numbers that come in, one a line
median()
{
	sort -g | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}

sum() # NUMBER...
{
	printf '%s\n' "$@" | awk '{ n += $1 } END { print n }'
}
