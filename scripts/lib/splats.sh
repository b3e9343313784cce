#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# splats.sh <console>: prints the complaints of the kernel in a log, and fails if there is
# one. A warning is accepted if a test has announced it by a line `expect-warning: <file>`
# with the file that it comes from. Each announcement is for one warning, and ends with
# its case. Reports of dma-debug are warnings from debug.c.
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
	/(BUG[: ]|Oops|Kernel panic|general protection|KASAN:|UBSAN:|KFENCE:|KCSAN:|KMSAN:|unreferenced object)/ { bad($0) }
	# Something is stuck
	/(detected stall|soft lockup|hard LOCKUP|hung task|blocked for more than|self-detected|workqueue lockup|INFO: lockdep is turned off)/ { bad($0) }
	# A bug without the word
	/(INFO: trying to register non-static key|the code is fine but needs lockdep annotation|possible recursive locking|suspicious RCU usage)/ { bad($0) }
	# An IOMMU that cannot invalidate
	/DMAR: (VT-d detected|QI )|AMD-Vi: Completion-Wait|arm-smmu.*(CMDQ|CMD_SYNC)|viommu.*(timeout|failed)/ { bad($0) }
	/Internal error: |Out of memory:/ { bad($0) }
	/iommu: unaligned:|iommu: .*failed to map|cannot create duplicate filename|kobject_add_internal failed/ { bad($0) }
	/(refcount_t: |list_(add|del) corruption|scheduling while atomic|sleeping function called|Bad page state|bad: scheduling from|nobody cared|unable to handle|stack-protector: |ODEBUG: |page allocation failure|Object already free|double free|kernel tried to execute|trying to free already-free)/ { bad($0) }
	/kmemleak: / && !/kmemleak: (Kernel memory leak detector initialized|Automatic memory scanning thread started)/ { bad($0) }
	/DMA-API: / && !/DMA-API: (preallocated|debugging enabled|debugging disabled on kernel command line|Mapped at:)/ && !(left["debug.c"] > 0) { bad($0) }
	function bad(line) { print log_file ":" NR ": " line; n++ }
	END { exit n > 0 }' "$1"
