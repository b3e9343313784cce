#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# splats.sh <console log>: what the kernel complains of in a log, and fails if
# there is anything. A warning from a file that a test has announced in a line
# of its own, `expect-warning: <file>`, and that no other has used up, is none.
# An announcement ends with the case that made it. What dma-debug reports is a
# warning from debug.c.
set -euo pipefail

awk -v log_file="$1" '
	/expect-warning: / { sub(/\r$/, ""); left[$NF]++ }
	/(^|[] ]) *(not )?ok [0-9]+ / { delete left }
	/WARNING: .* at .*:[0-9]+ / {
		file = $0
		sub(/:[0-9]+ .*/, "", file)
		sub(/.*\//, "", file)
		if (left[file] > 0) { left[file]--; next }
		bad($0)
	}
	/WARNING: (possible|inconsistent|suspicious|bad unlock)/ { bad($0) }
	/(BUG[: ]|Oops|Kernel panic|general protection|detected stall|soft lockup|hung task|KASAN:|UBSAN:|KFENCE:|unreferenced object)/ { bad($0) }
	/kmemleak: / && !/kmemleak: (Kernel memory leak detector initialized|Automatic memory scanning thread started)/ { bad($0) }
	/DMA-API: / && !/DMA-API: (preallocated|debugging enabled|debugging disabled on kernel command line|Mapped at:)/ && !(left["debug.c"] > 0) { bad($0) }
	function bad(line) { print log_file ":" NR ": " line; n++ }
	END { exit n > 0 }' "$1"
