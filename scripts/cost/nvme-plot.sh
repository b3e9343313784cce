#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# nvme-plot.sh: makes a plot of build/cost/nvme.csv: what a read from scattered pages costs
# by its size, with a panel for each machine, as SVG and as PNG.
set -euo pipefail
. "$(dirname "$0")/../lib/repo.sh"
. scripts/lib/plot.sh

out=build/cost
csv=$out/nvme.csv
dir=$out/plot
need_data "$csv" scripts/cost/nvme.sh

# Files of data for gnuplot, one for each machine: bytes, base, patched
awk -F , -v dir="$dir" '$2 == "read" && $4 == "scattered" { print $3, $8, $9 > (dir "/" $1) }' "$csv"
machines=$(awk -F , '$2 == "read" && $4 == "scattered" && !seen[$1]++ { print $1 }' "$csv")
[ -n "$machines" ] || die "$csv: no read from scattered pages"
rows=$((($(wc -l <<< "$machines") + 1) / 2))

panels()
{
	local machine

	echo "set multiplot layout $rows,2 title 'What does a read cost, by its size? Guest instructions'"
	echo "set grid; set key left top; set logscale x 2; set logscale y; set xlabel 'KiB'"
	for machine in $machines; do
		echo "set title '$machine'; F = '$dir/$machine'"
		echo "plot F using (\$1 / 1024):2 with linespoints title 'base', '' using (\$1 / 1024):3 with linespoints title 'patched'"
	done
}

draw nvme panels
say PLOT "$out/nvme.{svg,png}"
