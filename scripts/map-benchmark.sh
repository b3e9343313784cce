#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# map-benchmark.sh [machine...]: boot the kernel in QEMU behind each IOMMU and
# behind none, on machines of configs/nvme, and have the DMA mapping benchmark
# measure the streaming API and the two-step one with the edu device: that it
# works and leaves nothing mapped, not how fast it is.
#
#   KERNEL=build/kernel		build directory
#   OUT=build/map-benchmark	tools, initramfs, logs and results
#   BENCHMARK_TIMEOUT=120	seconds for a machine
set -euo pipefail
. "$(dirname "$0")/repo.sh"
. scripts/guest-root.sh

KERNEL=${KERNEL:-build/kernel}
OUT=${OUT:-build/map-benchmark}
BENCHMARK_TIMEOUT=${BENCHMARK_TIMEOUT:-120}
BZIMAGE=$KERNEL/arch/x86/boot/bzImage

# tool <tree> <source> <program>: with the tree's header, but else the system's
tool()
{
	mkdir -p "$OUT/include.$1/linux"
	cp "build/$1/include/linux/map_benchmark.h" "$OUT/include.$1/linux/"
	gcc -static -O2 -Wall -I "$OUT/include.$1" -o "$OUT/root/$3" \
		"build/$1/tools/testing/selftests/dma/$2.c" > "$OUT/$3.log" 2>&1 ||
		die_log "$OUT/$3.log" "build/$1/tools/testing/selftests/dma/$2.c: does not compile"
}

make_initramfs()
{
	guest_root "$OUT/root" scripts/map-benchmark-init.sh
	tool linux dma_map_benchmark dma_map_benchmark
	tool linux map_benchmark_params map_benchmark_params
	tool base dma_map_benchmark dma_map_benchmark.base
	pack_root "$OUT/root" > "$OUT/initramfs"
}

# boot <machine> <QEMU arguments> <kernel arguments>
boot()
{
	local log=$OUT/$1 iommu=1

	[ "$1" != no-iommu ] || iommu=0
	truncate -s 0 "$log".{console,results,trace}
	# shellcheck disable=SC2086 # the table's arguments are words
	timeout --foreground -k 5 "$BENCHMARK_TIMEOUT" qemu-system-x86_64 \
		-machine q35,kernel-irqchip=split -accel "${ACCEL:-tcg}" -smp 2 -m 512M \
		-nodefaults -no-user-config -nographic -no-reboot -bios qboot.rom \
		$2 -device edu -kernel "$BZIMAGE" -initrd "$OUT/initramfs" \
		-append "console=ttyS0 panic=-1 kunit.enable=0 slab_nomerge IOMMU=$iommu $3" \
		-serial "file:$log.console" -serial "file:$log.results" \
		-trace virtio_iommu_map -trace virtio_iommu_unmap_done -D "$log.trace" \
		< /dev/null > "$log.qemu" 2>&1
}

# QEMU maps a piece for each request, and says so for each that it unmaps.
still_mapped()
{
	awk '/^virtio_iommu_map / { maps++ } /^virtio_iommu_unmap_done / { unmaps++ }
	     END { if (!maps || maps != unmaps) print maps + 0 " mapped, " unmaps + 0 " unmapped" }' "$1"
}

# verdict <machine> <exit status of QEMU>: the first thing that is wrong
verdict()
{
	local log=$OUT/$1 splat status left=

	splat=$({ scripts/splats.sh "$log.console"
		grep -anHE 'Call Trace|fault from EP|DMAR: \[' "$log.console"
	} | head -n 1 | tr -d '\r') || true
	status=$(sed -n 's/^status //p' "$log.results")
	[ "$1" != virtio ] || left=$(still_mapped "$log.trace")
	if [ -n "$splat" ]; then echo "kernel: $splat"
	elif [ "$2" = 124 ]; then echo "time-out after $BENCHMARK_TIMEOUT s: $log.console"
	elif [ "$2" != 0 ]; then echo "QEMU ended with $2: $log.qemu: $(tail -n 1 "$log.qemu")"
	elif [ "$status" != ok ]; then echo "guest: ${status:-ended without a status}: $log.console"
	elif [ -n "$left" ]; then echo "left mapped: $left: $log.trace"
	fi
}

machines=("$@")
[ $# -gt 0 ] || machines=(virtio intel-lazy no-iommu)
[ -f "$BZIMAGE" ] || die "$BZIMAGE: missing: make kernel"
mkdir -p "$OUT"
lock "${OUT//\//-}"
make_initramfs
failed=0
for name in "${machines[@]}"; do
	IFS='|' read -r _ qemu_args kernel_args _ < <(grep -E "^$name +\|" configs/nvme) ||
		die "configs/nvme: no machine $name: see the names in it"
	say BOOT "$name" >&2
	rc=0
	boot "$name" "$qemu_args" "$kernel_args" || rc=$?
	sed -n "s/^ok /ok - map-benchmark $name /p" "$OUT/$name.results"
	sed -n 's/^result /  /p' "$OUT/$name.results"
	wrong=$(verdict "$name" "$rc")
	if [ -z "$wrong" ]; then
		echo "ok - map-benchmark $name nothing left mapped, no warning"
	else
		echo "not ok - map-benchmark $name $wrong"
		failed=1
	fi
done
exit "$failed"
