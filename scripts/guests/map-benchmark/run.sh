#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# run.sh [machine...]: boot a kernel behind each IOMMU and without one, and let the DMA
# mapping benchmark measure the streaming API and the two-step one with the edu device.
# Tests that it works and leaves nothing mapped, not how fast it is.
#
#   KERNEL=test		of configs/kernels
set -euo pipefail
. "$(dirname "$0")/../../lib/repo.sh"
. scripts/lib/rootfs.sh
. scripts/lib/guest.sh

OUT=build/map-benchmark

# tool <tree> <source> <program>: with the header of the tree, and otherwise those of the
# system
tool()
{
	mkdir -p "$OUT/include.$1/linux"
	cp "build/$1/include/linux/map_benchmark.h" "$OUT/include.$1/linux/"
	build_program "build/$1/tools/testing/selftests/dma/$2.c" "$OUT/root/$3" "$OUT/$3.log" -I "$OUT/include.$1"
}

make_initramfs()
{
	guest_root "$OUT/root" scripts/guests/map-benchmark/init.sh
	tool linux dma_map_benchmark dma_map_benchmark
	tool linux map_benchmark_params map_benchmark_params
	tool base dma_map_benchmark dma_map_benchmark.base
	pack_root "$OUT/root" > "$OUT/initramfs"
}

# run_machine <name>
run_machine()
{
	local name=$1 dir=$OUT/$1 iommu=1 rc=0 wrong

	[ "$(machine "$name" domain)" != - ] || iommu=0
	boot "$name" "$dir" "$image" "kunit.enable=0 slab_nomerge IOMMU=$iommu" -smp 2 \
		-device edu -initrd "$OUT/initramfs" \
		-trace virtio_iommu_map -trace virtio_iommu_unmap_done -D "$dir/trace" || rc=$?
	sed -n "s/^ok /ok - map-benchmark $name /p" "$dir/results"
	sed -n 's/^result /  /p' "$dir/results"
	wrong=$(verdict "$dir" "$rc" "$faults")
	if [ -z "$wrong" ] && [[ $name = virtio-* ]]; then wrong=$(still_mapped "$dir/trace"); fi
	if [ -n "$wrong" ]; then
		echo "not ok - map-benchmark $name: $wrong"
		return 1
	fi
	echo "ok - map-benchmark $name nothing left mapped, no warning"
}

# QEMU maps one piece for each request, and traces each request that unmaps.
still_mapped()
{
	awk '/^virtio_iommu_map / { maps++ } /^virtio_iommu_unmap_done / { unmaps++ }
	     END { if (!maps || maps != unmaps) print "left mapped: " maps + 0 " mapped, " unmaps + 0 " unmapped" }' "$1"
}

[ $# -gt 0 ] || set -- virtio-lazy intel-lazy no-iommu
image=$(kernel_of "${KERNEL:-test}")
mkdir -p "$OUT"
lock map-benchmark
make_initramfs
say BOOT "$# machines" >&2
run_jobs 'benchmark machines' "$OUT" run_machine "$@"
