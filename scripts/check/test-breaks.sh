#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# breaks.sh counts a break as caught only if the guest came to its end, and named exactly
# the cases of the table: caught() with made-up logs.
set -euo pipefail
. "$(dirname "$0")/../lib/repo.sh"
. scripts/check/caught.sh

dir=$(mktemp -d)
trap 'rm -r "$dir"' EXIT
failed=0

# guest <console> <results> [why it was given up]
guest()
{
	rm -f "$dir/given-up"
	printf '%s\n' "$1" > "$dir/console"
	printf '%s\n' "$2" > "$dir/results"
	if [ -n "${3:-}" ]; then echo "$3" > "$dir/given-up"; fi
}

# expect <beginning of what caught() prints, or -> <what> <log> <machine> <suite> <case>...
expect()
{
	local got

	printf '%s\n' "$3" > "$dir/log"
	got=$(caught "$dir" "$dir/log" "${@:4}")
	if [ "${got:--}" = "$1" ] || [[ $got == "$1"* ]]; then
		echo "ok - breaks: $2"
	else
		echo "not ok - breaks: $2: '$got'"
		failed=1
	fi
}

down='[ 9.0] reboot: Power down'
bad='not ok - kunit virtio-lazy dma_iova link_size_zero: [FAILED]'
case=(virtio-lazy dma_iova link_size_zero)
guest "$down" ''
expect - 'a case that fails' "$bad" "${case[@]}"
expect 'not caught by link_size_zero' 'a case that is skipped' "${bad/FAILED/SKIPPED}" "${case[@]}"
expect 'not caught by link_size_zero' 'a case without a result' "${bad/FAILED/CRASHED}" "${case[@]}"
expect 'not caught by link_size_zero' 'a case that passes' "${bad#not }" "${case[@]}"
expect 'not caught by link_size' 'a case with a longer name' "$bad" virtio-lazy dma_iova link_size
expect 'not caught by size_zero' 'a case with a longer name before' "$bad" virtio-lazy dma_iova size_zero
expect 'not caught by' 'a case of another suite' "${bad/dma_iova/dma_iova_engine}" "${case[@]}"
expect 'not caught by' 'a case on another machine' "${bad/lazy/strict}" "${case[@]}"
expect 'not caught by destroy_twice' 'one of two cases' "$bad" "${case[@]}" destroy_twice
expect 'not caught by link.size_zero' 'no pattern' "$bad" virtio-lazy dma_iova link.size_zero
guest '[ 1.0] not ok 1 link_size_zero' ''
expect 'not run: the guest did not finish' 'a guest that crashed after the case' "$bad" "${case[@]}"
guest $'[ 1.0] Kernel panic - not syncing: x\n'"$down" ''
expect 'not run: the guest has panicked' 'a guest that panicked after the case' "$bad" "${case[@]}"
expect - 'a panic that was asked for' "$bad" virtio-lazy dma_iova panic
guest "$down" '' 'no output'
expect 'not run: given up' 'a guest that was given up after the case' "$bad" "${case[@]}"
guest "$down" ''
expect 'the guest has not panicked' 'no panic' "$bad" virtio-lazy dma_iova panic

step='not ok - nvme no-iommu: the guest has failed to metadata by SGL: build/nvme/no-iommu/console: x'
case=(no-iommu nvme metadata_by_SGL)
guest "$down" 'status failed to metadata by SGL'
expect - 'a step of a guest that fails' "$step" "${case[@]}"
guest "$down" 'status failed to metadata by SGL only where data can have one'
expect 'not caught by' 'a step with a longer name' "$step only" "${case[@]}"
guest "$down" 'ok metadata by SGL'
expect 'not run: the guest did not finish' 'a guest without a status' "$step" "${case[@]}"
guest "$down" 'status ok'
expect - 'a line of the table of NVMe' 'not ok - nvme no-iommu map 1 MiB: counted otherwise' no-iommu nvme map_1_MiB
expect 'not caught by' 'a line of another machine' 'not ok - nvme amd map 1 MiB: x' no-iommu nvme map_1_MiB
expect 'not caught by' 'a longer line' 'not ok - nvme no-iommu map 1 MiB, merged: x' no-iommu nvme map_1_MiB
splat='not ok - nvme no-iommu: kernel: build/nvme/no-iommu/console:7: [    1.0] BUG kmalloc-64 (Not tainted): Redzone'
expect - 'what the kernel complains with' "$splat" no-iommu nvme BUG_kmalloc
expect 'not caught by' 'another complaint' "${splat/BUG kmalloc/list_add corruption. BUG kmalloc}" no-iommu nvme BUG_kmalloc
expect 'not caught by' 'the complaint of another guest' "${splat/nvme/events}" no-iommu nvme BUG_kmalloc
exit "$failed"
