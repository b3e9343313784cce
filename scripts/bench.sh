#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# bench.sh [machine...]: guest instructions and requests to the IOMMU for each way
# to map scattered pages. configs/bench has the machines, the numbers of pages and
# the limits; scripts/bench-report.sh judges.
#
#   PEER=/path		a tree that has the API, too: its columns are added
#   ARGS=		more kernel arguments
#   BENCH_TIMEOUT=600	seconds for a guest
#   NO_BUILD=1		take the kernels that are there
set -euo pipefail
. "$(dirname "$0")/repo.sh"
. scripts/bench-guest.sh

events=(pci_cfg_write virtio_iommu_map virtio_iommu_unmap virtio_queue_notify
	'vtd_inv_desc_iotlb_*' vtd_inv_qi_tail
	'smmuv3_cmdq_tlbi_*' smmuv3_s1_range_inval smmuv3_write_mmio)

# measure <machine> <tree>
measure()
{
	local log=$out/$1.$2 event args=() counter

	for event in "${events[@]}"; do args+=(-trace "$event"); done
	rm -f "$log".{results,counts,trace}
	mkfifo "$log.trace"
	awk -f scripts/bench-trace.awk < "$log.trace" > "$log.counts" &
	counter=$!
	say BENCH "$1, $2"
	boot "$1" "$2" "$log" "file:$log.results" '' -icount shift=0,sleep=off -smp 1 "${args[@]}" -D "$log.trace"
	wait "$counter"
	rm "$log.trace"
	check_guest "$log"
}

# hammer <machine> <tree>: by the clock on the wall, if there is a limit for it; the
# limits are for the series' own kernel
hammer()
{
	local log=$out/$1.$2.hammer

	truncate -s 0 "$log.results"
	if [ "$2" != linux ] || ! grep -q "^throughput $1 " "$table"; then return; fi
	say BENCH "$1, $2, two CPUs"
	boot "$1" "$2" "$log" "file:$log.results" '' -smp 2
	check_guest "$log"
}

asked=$(machines "$@")
trees=linux
[ -z "${PEER:-}" ] || trees='linux peer'
mkdir -p "$out"
lock bench
for tree in $trees; do
	src=build/linux
	[ "$tree" = linux ] || src=$PEER
	for arch in $(for name in $asked; do machine "$name" 2; done | sort -u); do
		[ "${NO_BUILD:-0}" = 1 ] || scripts/bench-build.sh "$tree" "$src" "$arch"
	done
	for name in $asked; do
		measure "$name" "$tree"
		hammer "$name" "$tree"
	done
done
# shellcheck disable=SC2086 # one argument for each machine
scripts/bench-report.sh "$trees" $asked || rc=$?
scripts/bench-plot.sh
exit "${rc:-0}"
