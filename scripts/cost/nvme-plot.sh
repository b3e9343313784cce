#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# nvme-plot.sh: makes a plot of build/cost/nvme.csv: what a read from scattered pages costs
# by its size, with a panel for each machine, as SVG and as PNG.
set -euo pipefail
. "$(dirname "$0")/../lib/repo.sh"

out=build/cost
csv=$out/nvme.csv
[ -f "$csv" ] || die "$csv: missing: scripts/cost/nvme.sh"
command -v gnuplot > /dev/null || die "gnuplot: not installed: scripts/tree/deps.sh all"
dir=$out/plot
rm -rf "$dir"
mkdir -p "$dir"

# Files of data for gnuplot, one for each machine: bytes, base, patched
awk -F , -v dir="$dir" '$2 == "read" && $4 == "scattered" { print $3, $8, $9 > (dir "/" $1) }' "$csv"
machines=$(awk -F , '$2 == "read" && $4 == "scattered" && !seen[$1]++ { print $1 }' "$csv")
[ -n "$machines" ] || die "$csv: no read from scattered pages"
rows=$((($(wc -l <<< "$machines") + 1) / 2))

# plots <terminal> <suffix>
plots()
{
	local machine

	echo "set terminal $1"
	echo "set output '$out/nvme.$2'"
	echo "set multiplot layout $rows,2 title 'What does a read cost, by its size? Guest instructions'"
	echo "set grid; set key left top; set logscale x 2; set logscale y; set xlabel 'KiB'"
	for machine in $machines; do
		echo "set title '$machine'; F = '$dir/$machine'"
		echo "plot F using (\$1 / 1024):2 with linespoints title 'base', '' using (\$1 / 1024):3 with linespoints title 'patched'"
	done
}

for suffix in svg png; do
	case $suffix in
	svg)	terminal="svg size 1200,$((380 * rows)) dynamic background rgb 'white'" ;;
	png)	terminal="pngcairo size 1200,$((380 * rows))" ;;
	esac
	plots "$terminal" $suffix > "$dir/$suffix.gnuplot"
	gnuplot "$dir/$suffix.gnuplot" > "$dir/$suffix.log" 2>&1 ||
		die_log "$dir/$suffix.log" "$dir/$suffix.gnuplot: gnuplot fails"
	[ -s "$out/nvme.$suffix" ] || die "$out/nvme.$suffix: empty: see $dir/$suffix.log"
done
say PLOT "$out/nvme.{svg,png}"
