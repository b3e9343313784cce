#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# bench-report.sh <trees> <machine>...: what scripts/bench.sh has measured, as tables
# and as build/bench/bench.csv, and a verdict for each limit of configs/bench:
# ok - bench <what>: <value> <= <limit>.
set -euo pipefail
. "$(dirname "$0")/repo.sh"
. scripts/bench-guest.sh

trees=$1
shift
for name in "$@"; do
	for tree in $trees; do
		log=$out/$name.$tree
		[ -f "$log.results" ] || die "$log.results: missing: scripts/bench.sh $name"
		sed -n "s/^\(time\|hammer\) /$name $tree &/p" "$log.results" "$log.hammer.results"
		sed "s/^/$name $tree count /" "$log.counts"
	done
done > "$out/facts"
awk -f scripts/bench-report.awk -v csv="$out/bench.csv" "$table" "$out/facts"
