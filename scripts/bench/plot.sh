#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# plot.sh: makes plots of build/bench/bench.csv, with a panel for each machine: what a
# page costs (cost), how much of that is for unmapping (split), and the requests of a
# mapping to the IOMMU (requests), as SVG and as PNG.
set -euo pipefail
. "$(dirname "$0")/../lib/repo.sh"
. scripts/bench/guest.sh

pages=256	# of the latter two
csv=$out/bench.csv
[ -f "$csv" ] || die "$csv: missing: scripts/bench/run.sh"
command -v gnuplot > /dev/null || die "gnuplot: not installed: scripts/tree/deps.sh all"
dir=$out/plot
rm -rf "$dir"
mkdir -p "$dir"

# Files of data for gnuplot: one for each line, <machine>.<tree>.<way>, and one for the
# bars of each machine, <machine>
awk -F , -v dir="$dir" -v pages="$pages" '
	NR == 1 { next }
	{ print $4, $7 > (dir "/" $1 "." $2 "." $3) }
	$4 == pages { printf "\"%s%s\" %s %s %s %s %s\n", $3, $2 == "linux" ? "" : " (" $2 ")", $5, $6, $9, $10, $12 > (dir "/" $1) }
	' "$csv"
machines=$(awk -F , 'NR > 1 && !seen[$1]++ { print $1 }' "$csv")
rows=$((($(wc -l <<< "$machines") + 1) / 2))

# head <name> <title>: begins a plot for the terminal of gnuplot
head_of()
{
	echo "set output '$out/$1.$suffix'"
	echo "set multiplot layout $rows,2 title '$2'"
	echo "set grid y; set key outside right font ',9'; set style fill solid 0.8; set boxwidth 0.8"
}

cost()
{
	local machine file

	head_of cost 'What does a page cost to map and unmap? Guest instructions'
	echo "set logscale x 2; set logscale y; set xlabel 'pages of a mapping'"
	for machine in $machines; do
		echo "set title '$machine'"
		for file in "$dir/$machine".*.*; do
			printf "'%s' with linespoints title '%s', " "$file" "$(sed 's/.*\.linux\.//; s/.*\.peer\.\(.*\)/\1 (peer)/' <<< "$file")"
		done | sed 's/^/plot /; s/, $/\n/'
	done
}

# bars <name> <title> <plot command for the file F>
bars()
{
	local machine

	head_of "$1" "$2"
	echo "set style data histograms; set xtics rotate by -30; $3"
	for machine in $machines; do
		echo "set title '$machine'; F = '$dir/$machine'; $4"
	done
}

for suffix in svg png; do
	case $suffix in
	svg)	terminal="svg size 1200,$((380 * rows)) dynamic background rgb 'white'" ;;
	png)	terminal="pngcairo size 1200,$((380 * rows))" ;;
	esac
	for plot in cost split requests; do
		{
			echo "set terminal $terminal"
			case $plot in
			cost)	cost ;;
			split)	bars split "How much of it is to unmap? Guest instructions for each of $pages pages" \
					'set style histogram rowstacked; set yrange [0:*]' \
					"plot F using 2:xtic(1) title 'map', '' using 3 title 'unmap'" ;;
			requests)
				bars requests "What is the IOMMU asked, for each mapping of $pages pages?" \
					'set style histogram clustered; set yrange [0:*]' \
					"plot F using 4:xtic(1) title 'invalidations', '' using 5 title 'map requests', '' using 6 title 'notifications'" ;;
			esac
		} > "$dir/$plot.$suffix.gnuplot"
		gnuplot "$dir/$plot.$suffix.gnuplot" > "$dir/$plot.$suffix.log" 2>&1 ||
			die_log "$dir/$plot.$suffix.log" "$dir/$plot.$suffix.gnuplot: gnuplot fails"
		[ -s "$out/$plot.$suffix" ] || die "$out/$plot.$suffix: empty: see $dir/$plot.$suffix.log"
	done
done
say PLOT "$out/{cost,split,requests}.{svg,png}"
