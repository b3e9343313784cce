#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# odp.sh: measures guest instructions to fault in and to invalidate the pages of a region
# for RDMA on-demand paging, behind VT-d in lazy mode, and the memory of the region, with
# the series (build/linux) and without (build/base).
#
#   NO_BUILD=1		take the kernels that are there
set -euo pipefail
. "$(dirname "$0")/../lib/repo.sh"
kernel=cost
. scripts/cost/guest.sh

machine=intel-lazy
module=tools/testing/selftests/dma/test_modules
initramfs=$out/odp.initramfs

# What is measured: pages, and whether they are in the page table of the process
regions='1 present
16 present
512 present
512 absent'

# The limits, patched divided by base: pages, memory, at most
limits='1 present 1.10
16 present 0.30
512 present 0.20
512 absent 0.65'

scripts/cost/kernels.sh cost
root=$out/odp.root
guest_root "$root" scripts/cost/odp-init.sh
for tree in base linux; do
	build_module $module build/$tree $out/$tree "$out/odp.$tree.module"
	cp "$out/odp.$tree.module/odp_cost.ko" "$root/$tree.ko"
done
echo "$regions" > "$root/regions"
pack_root "$root" > "$initramfs"

for tree in base linux; do
	boot_cost $machine $tree "$out/odp.$tree" "$initramfs" "idle=poll tree=$tree" -device edu,dma_mask=0xffffffffffffffff
	sed -n "s/^odp /odp $tree /p" "$out/odp.$tree/results"
done > $out/odp.facts
awk -v limits="$limits" '
	$1 == "odp" {
		key = $3 " " $4
		if ($2 == "base") keys[++n] = key
		fault[key, $2] = $5
		drop[key, $2] = $6
		bytes[$2] = $7
	}
	function verdict(what, value, most, format) {
		ok = value + 0 <= most + 0
		printf "%s - odp-cost %s: " format " %s %s\n", ok ? "ok" : "not ok", what, value, ok ? "<=" : ">", most
		bad += !ok
	}
	END {
		row = "  %5s %-8s %10s %10s %10s %10s %10s %10s %7s\n"
		printf row, "pages", "", "fault", "patched", "invalidate", "patched", "both", "patched", "ratio"
		for (i = 1; i <= n; i++) {
			key = keys[i]
			split(key, f, " ")
			if (!((key, "linux") in fault)) { print "not ok - odp-cost " key ": not measured with the series"; bad++; continue }
			base = fault[key, "base"] + drop[key, "base"]
			linux = fault[key, "linux"] + drop[key, "linux"]
			ratio[key] = linux / base
			printf row, f[1], f[2], fault[key, "base"], fault[key, "linux"], drop[key, "base"], drop[key, "linux"],
				base, linux, sprintf("%.4f", ratio[key])
		}
		printf "  a region of 1 GiB takes %d bytes in lists, %d before\n", bytes["linux"], bytes["base"]
		m = split(limits, line, "\n")
		for (i = 1; i <= m; i++) {
			split(line[i], f, " ")
			key = f[1] " " f[2]
			if (!(key in ratio)) { print "not ok - odp-cost " key ": not measured"; bad++; continue }
			verdict("intel-lazy, " f[1] " pages " f[2] ": ratio", ratio[key], f[3], "%.4f")
		}
		if (!bytes["linux"]) { print "not ok - odp-cost: no list measured"; bad++ }
		verdict("bytes for 1 GiB", bytes["linux"], bytes["base"] / 2, "%d")
		exit bad > 0
	}' $out/odp.facts
