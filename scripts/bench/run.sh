#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# run.sh [machine...]: measures guest instructions and requests to the IOMMU for each way
# to map scattered pages. configs/bench has the machines, the numbers of pages and the
# limits; scripts/bench/report.sh compares.
#
#   PEER=/path		another tree that has the API: its columns are added
#   KERNEL_ARGS=	more kernel arguments
#   NO_BUILD=1		take the kernels that are there
set -euo pipefail
. "$(dirname "$0")/../lib/repo.sh"
. scripts/bench/guest.sh

events=(pci_cfg_write virtio_iommu_map virtio_iommu_unmap virtio_queue_notify
	'vtd_inv_desc_iotlb_*' vtd_inv_qi_tail amdvi_pages_inval amdvi_command_exec
	'smmuv3_cmdq_tlbi_*' smmuv3_s1_range_inval smmuv3_write_mmio)

# measure <machine> <tree>
measure()
{
	local dir=$out/$1.$2.guest event args=() counter

	for event in "${events[@]}"; do args+=(-trace "$event"); done
	rm -rf "$dir"
	mkdir -p "$dir"
	mkfifo "$dir/trace"
	# Without the lock, as it stays if QEMU does not start
	awk -f scripts/bench/trace.awk < "$dir/trace" > "$dir/counts" 9>&- &
	counter=$!
	say BENCH "$1, $2"
	boot_bench "$1" "$2" "$dir" '' "${icount[@]}" "${args[@]}" -D "$dir/trace"
	wait "$counter"
}

# hammer <machine> <tree>: by the clock on the wall, if there is a limit for it. The
# limits are for the kernel of the series.
hammer()
{
	local dir=$out/$1.$2.hammer

	rm -rf "$dir"
	if [ "$2" != linux ] || ! grep -q "^throughput $1 " "$table"; then return; fi
	say BENCH "$1, $2, two CPUs"
	boot_bench "$1" "$2" "$dir" '' -smp 2
}

asked=$(machines $table "$@")
trees=linux
[ -z "${PEER:-}" ] || trees='linux peer'
mkdir -p "$out"
lock bench
for tree in $trees; do
	src=build/linux
	[ "$tree" = linux ] || src=$PEER
	for arch in $(for name in $asked; do machine "$name" arch; done | sort -u); do
		[ "${NO_BUILD:-0}" = 1 ] || scripts/bench/build.sh "$tree" "$src" "$arch"
	done
	for name in $asked; do
		measure "$name" "$tree"
		hammer "$name" "$tree"
	done
done
# shellcheck disable=SC2086 # one argument for each machine
scripts/bench/report.sh "$trees" $asked || rc=$?
scripts/bench/plot.sh
exit "${rc:-0}"
