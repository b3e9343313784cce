#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# run.sh [machine...]: boot a kernel behind each IOMMU and without one, and let the DMA
# mapping benchmark measure the streaming API and the two-step one with the edu device.
# Tests that it works and leaves nothing mapped, not how fast it is.
#
#   KERNEL=test		of configs/kernels
#   MAINLINE=1		the kernel of build/peer/mainline, with the mode that mainline/patches has
set -euo pipefail
. "$(dirname "$0")/../../lib/repo.sh"
. scripts/lib/rootfs.sh
. scripts/lib/guest.sh

OUT=build/map-benchmark

# tool <tree> <directory of the header> <source> <program>: with the header of the tree,
# and otherwise those of the system
tool()
{
	local include=$OUT/include/$4

	mkdir -p "$include/linux"
	cp "build/$1/$2/linux/map_benchmark.h" "$include/linux/"
	build_program "build/$1/$3" "$OUT/root/$4" "$OUT/$4.log" -I "$include"
}

make_initramfs()
{
	guest_root "$OUT/root" scripts/guests/map-benchmark/init.sh
	if [ "$MAINLINE" = 1 ]; then
		tool mainline/linux include/uapi tools/dma/dma_map_benchmark.c dma_map_benchmark
	else
		tool linux include "$selftests/dma_map_benchmark.c" dma_map_benchmark
		tool linux include "$selftests/map_benchmark_params.c" map_benchmark_params
		tool base include "$selftests/dma_map_benchmark.c" dma_map_benchmark.base
	fi
	pack_root "$OUT/root" > "$OUT/initramfs"
}

# run_machine <name>
run_machine()
{
	local name=$1 dir=$OUT/$1 iommu=1 rc=0 wrong

	[ "$(machine "$name" domain)" != - ] || iommu=0
	boot "$name" "$dir" "$image" "kunit.enable=0 slab_nomerge IOMMU=$iommu MAINLINE=$MAINLINE" -smp 2 \
		-device edu -initrd "$OUT/initramfs" \
		-trace virtio_iommu_map -trace virtio_iommu_unmap_done -D "$dir/trace" || rc=$?
	sed -n "s/^ok /ok - $title $name /p" "$dir/results"
	sed -n 's/^result /  /p' "$dir/results"
	wrong=$(verdict "$dir" "$rc" "$faults")
	if [ -z "$wrong" ] && [[ $name = virtio-* ]]; then wrong=$(still_mapped "$dir/trace"); fi
	if [ -n "$wrong" ]; then
		echo "not ok - $title $name: $wrong"
		return 1
	fi
	echo "ok - $title $name nothing left mapped, no warning"
}

# QEMU maps one piece for each request, and traces each request that unmaps.
still_mapped()
{
	awk '/^virtio_iommu_map / { maps++ } /^virtio_iommu_unmap_done / { unmaps++ }
	     END { if (!maps || maps != unmaps) print "left mapped: " maps + 0 " mapped, " unmaps + 0 " unmapped" }' "$1"
}

[ $# -gt 0 ] || set -- virtio-lazy intel-lazy no-iommu
MAINLINE=${MAINLINE:-0}
title=map-benchmark
selftests=tools/testing/selftests/dma
if [ "$MAINLINE" = 1 ]; then
	title='map-benchmark of mainline'
	OUT=build/map-benchmark.mainline
	image=$(kernel_of mainline build/peer/mainline)
else
	image=$(kernel_of "${KERNEL:-test}")
fi
mkdir -p "$OUT"
lock map-benchmark
make_initramfs
say BOOT "$# machines" >&2
run_jobs 'benchmark machines' "$OUT" run_machine "$@"
