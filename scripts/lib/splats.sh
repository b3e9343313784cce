#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# splats.sh <console> [list]: prints the complaints of the kernel in a log, and fails if
# there is one. splats.list defines what a complaint is. A warning is accepted if a test
# has announced it by a line `expect-warning: <file>` with the file that it comes from, or
# with the end of its path. Each announcement is for one warning, and ends with the line
# `expect-warning: none`, or with its case. Reports of dma-debug are warnings from debug.c.
set -euo pipefail

awk -v log_file="$1" '
	FNR == 1 { file_number++ }
	file_number == 1 && (/^#/ || /^$/) { next }
	file_number == 1 && sub(/^!/, "") { harmless = harmless (harmless == "" ? "" : "|") "(" $0 ")"; next }
	file_number == 1 { splat = splat (splat == "" ? "" : "|") "(" $0 ")"; next }
	/expect-warning: / { sub(/\r$/, ""); left[$NF]++ }
	/expect-warning: none$/ || /(^|[] ]) *(not )?ok [0-9]+ / { delete left }
	/WARNING: .* at .*:[0-9]+ / {
		file = $0
		sub(/:[0-9]+ .*/, "", file)
		sub(/.* /, "/", file)
		do sub(/^[^\/]*\//, "", file)
		while (!left[file] && file ~ /\//)
		if (left[file] > 0) { left[file]--; next }
	}
	{
		text = $0
		if (harmless != "") gsub(harmless, "", text)
		if (left["debug.c"] > 0) sub(/DMA-API:/, "", text)
	}
	text ~ splat { print log_file ":" FNR ": " $0; n++ }
	END {
		if (splat == "") { print "error: splats.list: nothing to look for" > "/dev/stderr"; exit 2 }
		exit n > 0
	}' "${2:-"$(dirname "$0")/splats.list"}" "$1"
