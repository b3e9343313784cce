# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash disable=SC2154
#
# Sourced by scripts/guests/nvme/init.sh: requests with more PRPs than fit in one list,
# where they may be that large.

lists=dma/lists	# allocations from a pool

# 3 MiB in huge pages by PRPs: few segments, and one PRP more if the first page is not whole.
# QEMU takes no more than 1024 of them.
large_io() {
	local threshold=/sys/module/nvme/parameters/sgl_threshold align

	echo 0 >$threshold
	cat "$(queue "$1" max_hw_sectors_kb)" >"$(queue "$1" max_sectors_kb)"
	for align in 4096 512; do
		verify_io --filename="$1" --ioengine=libaio --iodepth=2 --rw=write --bs=3m --size=12m \
			--mem=mmaphuge:/huge/buffer --hugepage-size=2m --mem_align=$align
	done
	echo 32768 >$threshold
}

# A request of 3 MiB has more PRPs than fit in one list. So each request takes two lists.
chained_prp_lists() {
	local nr_requests nr_lists

	echo "p:$lists dma_pool_alloc" >>"$tracing/kprobe_events"
	watch "$requests" "$has_data"
	watch $lists
	large_io "$1"
	nr_requests=$(hits_of "$requests")
	nr_lists=$(hits_of $lists)
	unwatch "$requests" $lists
	echo "$nr_requests requests, $nr_lists lists"
	[ "$nr_requests" -gt 0 ]
	[ "$nr_lists" -ge $((2 * nr_requests)) ]
}

# is_limited <disk>: whether its requests are limited in size: to 2044 KiB behind an IOMMU,
# to 256 KiB with bounce buffers, to 2 MiB by a disk with an mdts of 9
is_limited() {
	is_translated "$1" || grep -q 'swiotlb=[0-9,]*force' /proc/cmdline || [ "$MDTS" = 9 ]
}
