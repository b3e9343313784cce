#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# report.sh <trees> <machine>...: prints what scripts/bench/run.sh has measured, as tables
# and as build/bench/bench.csv, and a verdict for each limit of configs/bench: ok - bench
# <what>: <value> <= <limit>.
set -euo pipefail
. "$(dirname "$0")/../lib/repo.sh"
. scripts/bench/guest.sh

trees=$1
shift
for name in "$@"; do
	for tree in $trees; do
		dir=$out/$name.$tree
		[ -f "$dir.guest/results" ] || die "$dir.guest/results: missing: scripts/bench/run.sh $name"
		cat "$dir".*/results | sed -n "s/^\(time\|hammer\) /$name $tree &/p"
		sed "s/^/$name $tree count /" "$dir.guest/counts"
	done
done > "$out/facts"
awk -f scripts/bench/report.awk -f scripts/bench/limits.awk -v csv="$out/bench.csv" "$table" "$out/facts"
