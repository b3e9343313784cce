#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# vfio-cost.sh: guest instructions and memory for a migration buffer of mlx5's VFIO
# driver, with the series (build/linux) and without (build/base), behind VT-d in
# lazy mode: mlx5vf_cost.ko calls the driver's own functions, with pages of which no
# two are neighbours. The pages themselves cost the same in both, and are measured
# apart: the limit is for the rest, which is to remember them, map them, fill in the
# entries of the memory key, and undo that.
#
#   COST_TIMEOUT=600	seconds for a guest
#   NO_BUILD=1		take the kernels that are there
set -euo pipefail
. "$(dirname "$0")/repo.sh"
. scripts/guest-root.sh
. scripts/guest.sh

limit=0.3		# patched divided by base, of the first buffer
neighbours=0.01		# of the pages, at most
buffers='16384 4
262144 1'		# pages, and how often: 64 MiB and 1 GiB
trees='base linux'
out=build/vfio-cost
kernels=build/cost

# build <tree>: the module, on a copy, and an initramfs
build()
{
	local root=$out/$1.root log=$out/$1.module.log

	rm -rf "$out/$1.module"
	cp -r tools/testing/selftests/dma/mlx5vf_cost "$out/$1.module"
	make -C "build/$1" O="$PWD/$kernels/$1" ARCH=x86_64 CC='ccache gcc' M="$PWD/$out/$1.module" modules > "$log" 2>&1 ||
		die_log "$log" "tools/testing/selftests/dma/mlx5vf_cost: does not compile for build/$1"
	guest_root "$root" scripts/vfio-cost-init.sh
	cp "$out/$1.module/mlx5vf_cost.ko" "$root/"
	echo "$buffers" > "$root/buffers"
	pack_root "$root" > "$out/$1.initramfs"
}

# boot <tree>: with icount a nanosecond is an instruction
boot()
{
	local log=$out/$1 rc=0

	say BOOT "intel-lazy, $1"
	rm -f "$log".{console,results}
	timeout --foreground -k 5 "${COST_TIMEOUT:-600}" qemu-system-x86_64 \
		-machine q35 -accel tcg -icount shift=0,sleep=off -smp 1 -m 4G \
		-nodefaults -no-user-config -nographic -no-reboot -bios qboot.rom \
		-device intel-iommu,intremap=off,caching-mode=off -device edu,dma_mask=0xffffffffffffffff \
		-kernel "$kernels/$1/arch/x86/boot/bzImage" -initrd "$out/$1.initramfs" \
		-append "console=ttyS0 panic=-1 tsc=reliable intel_iommu=on iommu.strict=0" \
		-serial "file:$log.console" -serial "file:$log.results" \
		< /dev/null > "$log.qemu" 2>&1 || rc=$?
	[ "$rc" != 124 ] || die "$log.console: time-out after ${COST_TIMEOUT:-600} s: $(tail -n 1 "$log.console")"
	[ "$rc" = 0 ] || die "$log.qemu: QEMU ended with $rc: $(tail -n 1 "$log.qemu")"
	check_guest "$log"
}

mkdir -p "$out"
lock vfio-cost
scripts/cost-kernels.sh
for t in $trees; do
	build "$t"
	boot "$t"
done
for t in $trees; do sed -n "s/^buffer /$t /p" "$out/$t.results"; done > "$out/facts"
awk -v limit="$limit" -v neighbours="$neighbours" '
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
			mib = nr / 256 " MiB: "
			row(mib "remember, map, key", map["base", nr], map["linux", nr])
			row(mib "undo", unmap["base", nr], unmap["linux", nr])
			sum["base"] = map["base", nr] + unmap["base", nr]
			sum["linux"] = map["linux", nr] + unmap["linux", nr]
			row(mib "both", sum["base"], sum["linux"])
			row(mib "with the pages", sum["base"] + pages["base", nr], sum["linux"] + pages["linux", nr])
			if (i == 1) ratio = sum["linux"] / sum["base"]
		}
		# Of a small one, some is in slabs that were there before.
		row(mib "bytes to remember the pages", beside["base", nr], beside["linux", nr])
		if (beside["linux", nr] >= beside["base", nr]) { print "not ok - vfio-cost " mib "no less memory"; bad++ }
		ok = ratio <= limit
		printf "%s - vfio-cost intel-lazy, %d MiB, map and unmap: ratio %.4f %s %s\n", ok ? "ok" : "not ok", sizes[1] / 256, ratio, ok ? "<=" : ">", limit
		exit bad || !ok
	}' "$out/facts"
