#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# odp-cost.sh: guest instructions to fault in and to invalidate the pages of a
# region for RDMA on-demand paging, behind VT-d in lazy mode, and what the region
# takes in memory, with the series (build/linux) and without (build/base).
#
#   COST_TIMEOUT=300	seconds for a guest
#   NO_BUILD=1		take the kernels that are there
set -euo pipefail
. "$(dirname "$0")/repo.sh"
. scripts/guest-root.sh
. scripts/nvme-guest.sh

machine=intel-lazy
module=tools/testing/selftests/dma/odp_cost
initramfs=$out/odp.initramfs

# What is measured: pages, and whether they are in the page table of the process
regions='1 present
16 present
512 present
512 absent'

# The limits, patched divided by base: pages, memory, at most
limits='512 present 0.6'

# build_module <tree> <directory of the initramfs>
build_module()
{
	local dir=$out/odp.$1

	rm -rf "$dir"
	cp -r $module "$dir"	# where the objects go
	make -C "build/$1" O="$PWD/$out/$1" CC='ccache gcc' M="$PWD/$dir" modules > "$dir.log" 2>&1 ||
		die_log "$dir.log" "$module: does not compile for build/$1"
	cp "$dir/odp_cost.ko" "$2/$1.ko"
}

scripts/cost-kernels.sh
root=$out/odp.root
guest_root "$root" scripts/odp-cost-init.sh
for tree in base linux; do build_module $tree "$root"; done
echo "$regions" > "$root/regions"
pack_root "$root" > "$initramfs"

for tree in base linux; do
	log=$out/odp.$tree
	say BOOT "$machine, $tree" >&2
	rm -f "$log.results"
	boot $machine $tree "$log" "file:$log.results" "tree=$tree" -device edu,dma_mask=0xffffffffffffffff
	check_guest "$log"
	sed -n "s/^odp /odp $tree /p" "$log.results"
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
