#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# vfio.sh: measures guest instructions and memory for a migration buffer of mlx5's VFIO
# driver, with the series (build/linux) and without (build/base), behind VT-d in lazy
# mode. mlx5vf_cost.ko calls the driver's own functions, with pages that are not
# neighbours. The pages themselves cost the same in both, and are measured separately. The
# limit is for the rest: to remember them, map them, fill in the entries of the memory
# key, and undo that.
#
#   NO_BUILD=1		take the kernels that are there
set -euo pipefail
. "$(dirname "$0")/../lib/repo.sh"
kernel=cost
. scripts/cost/guest.sh

limit=0.3		# patched divided by base, of the first buffer
neighbours=0.01		# of the pages, at most
buffers='16384 4
262144 1'		# pages, and how often: 64 MiB and 1 GiB
trees='base linux'
module=tools/testing/selftests/dma/test_modules

mkdir -p "$out"
lock vfio-cost
scripts/cost/kernels.sh cost
for t in $trees; do
	build_module $module "build/$t" "$out/$t" "$out/vfio.$t.module"
	guest_root "$out/vfio.root" scripts/cost/vfio-init.sh
	cp "$out/vfio.$t.module/mlx5vf_cost.ko" "$out/vfio.root/"
	echo "$buffers" > "$out/vfio.root/buffers"
	pack_root "$out/vfio.root" > "$out/vfio.initramfs"
	boot_cost intel-lazy "$t" "$out/vfio.$t" "$out/vfio.initramfs" '' -m 4G -device edu,dma_mask=0xffffffffffffffff
done
for t in $trees; do sed -n "s/^buffer /$t /p" "$out/vfio.$t/results"; done > "$out/vfio.facts"
awk -v limit="$limit" -v neighbours="$neighbours" '
	NF != 9 || !($3 > 0) { print "not ok - vfio-cost: no result: " $0; bad++; next }
	{
		nr = $2; rounds = $3
		if ($1 == "base") sizes[++n] = nr
		map[$1, nr] = ($4 - $6) / rounds
		unmap[$1, nr] = ($5 - $7) / rounds
		pages[$1, nr] = ($6 + $7) / rounds
		beside[$1, nr] = $9
		if ($8 > nr * neighbours) { print "not ok - vfio-cost " $1 ": " $8 " of " nr " pages are neighbours in memory"; bad++ }
	}
	function row(what, base, linux) {
		printf "  %-34s %12.0f %12.0f %8.4f\n", what, base, linux, linux / base
	}
	END {
		if (!n) { print "not ok - vfio-cost: nothing has been measured"; exit 1 }
		printf "  %-34s %12s %12s %8s\n", "intel-lazy, scattered pages", "base", "patched", "ratio"
		for (i = 1; i <= n; i++) {
			nr = sizes[i]
			if (!(("linux", nr) in map)) { print "not ok - vfio-cost: " nr " pages have not been measured with the series"; exit 1 }
			mib = nr / 256 " MiB: "
			row(mib "remember, map, key", map["base", nr], map["linux", nr])
			row(mib "undo", unmap["base", nr], unmap["linux", nr])
			sum["base"] = map["base", nr] + unmap["base", nr]
			sum["linux"] = map["linux", nr] + unmap["linux", nr]
			row(mib "both", sum["base"], sum["linux"])
			row(mib "with the pages", sum["base"] + pages["base", nr], sum["linux"] + pages["linux", nr])
			if (i == 1) ratio = sum["linux"] / sum["base"]
		}
		# Some of a small buffer is in slabs that were there before.
		row(mib "bytes to remember the pages", beside["base", nr], beside["linux", nr])
		if (beside["linux", nr] >= beside["base", nr]) { print "not ok - vfio-cost " mib "no less memory"; bad++ }
		ok = ratio <= limit
		printf "%s - vfio-cost intel-lazy, %d MiB, map and unmap: ratio %.4f %s %s\n", ok ? "ok" : "not ok", sizes[1] / 256, ratio, ok ? "<=" : ">", limit
		exit bad || !ok
	}' "$out/vfio.facts"
