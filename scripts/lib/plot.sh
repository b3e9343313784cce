# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2154 # the variables of the caller
#
# Sourced by the scripts that make plots: what they have in common. They set out, where the
# plots go, dir, where the files for gnuplot go, and rows, of two panels each.

# need_data <csv> <script that makes it>: or exit; with an empty $dir
need_data()
{
	[ -f "$1" ] || die "$1: missing: $2"
	command -v gnuplot > /dev/null || die "gnuplot: not installed: scripts/tree/deps.sh all"
	rm -rf "$dir"
	mkdir -p "$dir"
}

# draw <name> <function> [argument...]: makes $out/<name>.svg and .png of the commands for
# gnuplot that the function prints
draw()
{
	local name=$1 suffix terminal file

	for suffix in svg png; do
		case $suffix in
		svg)	terminal="svg size 1200,$((380 * rows)) dynamic background rgb 'white'" ;;
		png)	terminal="pngcairo size 1200,$((380 * rows))" ;;
		esac
		file=$dir/$name.$suffix
		{
			echo "set terminal $terminal"
			echo "set output '$out/$name.$suffix'"
			"${@:2}"
		} > "$file.gnuplot"
		gnuplot "$file.gnuplot" > "$file.log" 2>&1 || die_log "$file.log" "$file.gnuplot: gnuplot fails"
		[ -s "$out/$name.$suffix" ] || die "$out/$name.$suffix: empty: see $file.log"
	done
}
