#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# plot.sh: makes plots of build/bench/bench.csv, with a panel for each machine: what a
# page costs (cost), how much of that is for unmapping (split), and the requests of a
# mapping to the IOMMU (requests), as SVG and as PNG.
set -euo pipefail
. "$(dirname "$0")/../lib/repo.sh"
. scripts/bench/guest.sh
. scripts/lib/plot.sh

pages=256	# of the latter two
csv=$out/bench.csv
dir=$out/plot
need_data "$csv" scripts/bench/run.sh

# Files of data for gnuplot: one for each line, <machine>.<tree>.<way>, and one for the
# bars of each machine, <machine>
awk -F , -v dir="$dir" -v pages="$pages" '
	NR == 1 { next }
	{ print $4, $7 > (dir "/" $1 "." $2 "." $3) }
	$4 == pages { printf "\"%s%s\" %s %s %s %s %s\n", $3, $2 == "linux" ? "" : " (" $2 ")", $5, $6, $9, $10, $12 > (dir "/" $1) }
	' "$csv"
machines=$(awk -F , 'NR > 1 && !seen[$1]++ { print $1 }' "$csv")
rows=$((($(wc -l <<< "$machines") + 1) / 2))

# head_of <title>: begins a plot
head_of()
{
	echo "set multiplot layout $rows,2 title '$1'"
	echo "set grid y; set key outside right font ',9'; set style fill solid 0.8; set boxwidth 0.8"
}

cost()
{
	local machine file

	head_of 'What does a page cost to map and unmap? Guest instructions'
	echo "set logscale x 2; set logscale y; set xlabel 'pages of a mapping'"
	for machine in $machines; do
		echo "set title '$machine'"
		for file in "$dir/$machine".*.*; do
			printf "'%s' with linespoints title '%s', " "$file" "$(sed 's/.*\.linux\.//; s/.*\.peer\.\(.*\)/\1 (peer)/' <<< "$file")"
		done | sed 's/^/plot /; s/, $/\n/'
	done
}

# bars <title> <settings> <plot command for the file F>
bars()
{
	local machine

	head_of "$1"
	echo "set style data histograms; set xtics rotate by -30; $2"
	for machine in $machines; do
		echo "set title '$machine'; F = '$dir/$machine'; $3"
	done
}

draw cost cost
draw split bars "How much of it is to unmap? Guest instructions for each of $pages pages" \
	'set style histogram rowstacked; set yrange [0:*]' \
	"plot F using 2:xtic(1) title 'map', '' using 3 title 'unmap'"
draw requests bars "What is the IOMMU asked, for each mapping of $pages pages?" \
	'set style histogram clustered; set yrange [0:*]' \
	"plot F using 4:xtic(1) title 'invalidations', '' using 5 title 'map requests', '' using 6 title 'notifications'"
say PLOT "$out/{cost,split,requests}.{svg,png}"
