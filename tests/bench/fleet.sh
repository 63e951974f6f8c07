#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The group fleet of the benches: the registrar beside its peers, on this host, without a VM.
# Usage: tests/bench/fleet.sh [enrol|appraise|statement|store]...	(default: all)
#
# SAMPLE=1: as little as shows that all of it works.  LONG=1: 100,000 devices that wait, and a
# million rows.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
[ $# -gt 0 ] || set -- enrol appraise statement store
for part; do
	case $part in
	statement) "$here/fleet/statement.sh" ${LONG:+100000} ;;
	store) "$here/fleet/store.sh" ${LONG:+1000000} ;;
	enrol | appraise) "$here/fleet/$part.sh" ;;
	*) echo "usage: $0 [enrol|appraise|statement|store]..." >&2; exit 2 ;;
	esac
done
