#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# commits.sh [n]: builds and boots every commit of the exported series, in order,
# as git am has made them in build/am, or those from the nth on, where a run has
# ended; from the commit on that brings it, the suite dma_iova runs. Hours on two
# cores; not a part of `make check`.
set -euo pipefail
. "$(dirname "$0")/repo.sh"

out=build/commits
[ -d build/series ] || die "build/series: missing: make series"
[ -f build/kernel/.config ] || die "build/kernel/.config: missing: make kernel"
lock series
mkdir -p "$out"
trap 'git -C build/am checkout -q -f am' EXIT

# boots: behind a virtio-iommu, to the end
boots()
{
	local splats

	timeout --foreground -k 5 300 qemu-system-x86_64 -machine q35 -accel tcg -cpu max -m 512M \
		-nodefaults -no-user-config -nographic -no-reboot -bios qboot.rom \
		-device virtio-iommu-pci -device edu,dma_mask=0xffffffffffffffff \
		-kernel "$out/$(kernel_image x86_64)" -serial "file:$out.console" \
		-append 'console=ttyS0 panic=-1 iommu.strict=1 kunit.filter_glob=dma_iova.* kunit_shutdown=poweroff' \
		< /dev/null > "$out.qemu" 2>&1 || return
	grep -q 'reboot: Power down' "$out.console" || return
	if grep -E '^ *not ok |^\[.*\] +not ok ' "$out.console"; then return 1; fi
	splats=$(scripts/splats.sh "$out.console") || { echo "$splats"; return 1; }
}

commits=$(git -C build/am rev-list --reverse base..am | tail -n "+${1:-1}")
[ -n "$commits" ] || die "build/series: no commit ${1:-}: there are $(git -C build/am rev-list --count base..am)"
failed=0
for commit in $commits; do
	subject=$(git -C build/am log -1 --format=%s "$commit")
	git -C build/am checkout -q -f "$commit"
	cp build/kernel/.config "$out/.config"
	make=(make -s -C build/am O="$PWD/$out" CC='ccache gcc' "-j$(nproc)")
	if { "${make[@]}" olddefconfig && "${make[@]}" bzImage modules; } > "$out.log" 2>&1
	then echo "ok - builds: $subject"
	else echo "not ok - builds: $subject: $out.log"; failed=1; break
	fi
	if boots >&2
	then echo "ok - boots: $subject ($(grep -cE '\] +ok [0-9]+ ' "$out.console") cases)"
	else echo "not ok - boots: $subject: $out.console"; failed=1; break
	fi
done
exit "$failed"
