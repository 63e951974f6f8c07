#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Adds up KTAP files (default: build/results/*.ktap): names what failed, and says
# "N passed, N failed[, N skipped]" in the last line.  A suite that ended early,
# or without a test, is a failure.
set -eu

top=$(cd "$(dirname "$0")/.." && pwd)
[ $# -gt 0 ] || set -- "$top"/build/results/*.ktap
[ -e "$1" ] || { echo "0 passed, 0 failed"; exit 1; }

awk '
function failure(text) { failed++; print "FAILED " file ": " text }

function name() {
	text = $0
	sub(/^ *(not )?ok *[0-9]*( -)? */, "", text)
	return text
}

function count(ok) {
	if (!ok) failure((suite != "" ? suite ": " : "") name())
	else if ($0 ~ /# *SKIP/) { skipped++; print "skipped " file ": " name() }
	else passed++
}

# Whoever says so is not asked for a plan too.
function bail() {
	failure((suite != "" ? suite ": " : "") $0)
	if (in_sub) { sub_failed++; sub_plan = subtests } else bailed = 1
}

# The end of a subtest: what it promised, and what the runner says of it.
function end_subtest(ok) {
	if (sub_plan < 0) failure(suite ": ended early")
	else if (sub_plan != subtests) failure(suite ": planned " sub_plan ", ran " subtests)
	else if (!ok && !sub_failed) failure(suite ": " name())
	in_sub = 0; suite = ""
}

function end_file() {
	if (file == "") return
	if (in_sub) { failure(suite ": no end"); in_sub = 0; suite = "" }
	if (bailed) return
	if (plan < 0) failure("ended early")
	else if (plan != numbered) failure("planned " plan ", ran " numbered)
	else if (!numbered) failure("no test")
}

FNR == 1 {
	end_file()
	file = FILENAME; sub(/.*\//, "", file); sub(/\.ktap$/, "", file)
	plan = -1; numbered = 0; in_sub = 0; suite = ""; bailed = 0
}

/^ +# Subtest: / {
	in_sub = 1; suite = $3; sub_plan = -1; subtests = 0; sub_failed = 0
	next
}

/^ *Bail out!/ { sub(/^ */, ""); bail(); next }

/^1\.\.[0-9]+/ { plan = substr($1, 4) + 0; next }
/^ +1\.\.[0-9]+/ { sub_plan = substr($1, 4) + 0; next }

/^ +(not )?ok( |$)/ {
	subtests++
	if ($1 == "not") sub_failed++
	count($1 == "ok")
	next
}

/^(not )?ok [0-9]+/ {
	numbered++
	if (in_sub) end_subtest($1 == "ok"); else count($1 == "ok")
	next
}

# Without a number: what the host adds about the VM.
/^not ok/ { count(0) }

END {
	end_file()
	printf "%d passed, %d failed", passed, failed
	if (skipped) printf ", %d skipped", skipped
	printf "\n"
	exit failed > 0 || passed == 0
}' "$@"
