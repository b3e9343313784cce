# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash disable=SC2154
#
# Sourced by scripts/guests/nvme/init.sh: fails each step of the mapping of a request in
# turn, by CONFIG_FAIL_DMA_IOVA, and dma_pool_alloc() by CONFIG_FAIL_FUNCTION. The reader
# must not notice a lack of memory, and must get any other error. In the end nothing may
# be mapped, reserved or allocated that was not before.

# read_disk <bytes> <to>: one request, from scattered pages
read_disk() {
	dd if="$disk" of="$2" bs="$1" count=1 iflag=direct 2>/dev/null
}

# The pages that are mapped for the disk, if there is a way to see that, without those of
# the controller's own pools and queues, as they stay; and the blocks of the pools
resources() {
	local pages blocks

	# In $() of busybox, set -e is off.
	pages=$(mapped_pages "$disk") || return
	blocks=$(awk 'NR > 1 { print $(NF - 3); n++ } END { exit !n }' "$(pci_of "$disk")/pools") || return
	# shellcheck disable=SC2086 # in one line
	echo $pages $blocks
}

reservations() {
	awk '$1 == "iommu_iova" { print $2; n++ } END { exit !n }' /proc/slabinfo
}

# fail_each <bytes> <as for fail_calls> <ok or fails>: call after call, until a request
# does not have that many calls. The reader's pages may be neighbours by chance, so that
# there are fewer calls; so ten requests of several pages must not have them. A failure in
# a batch of requests is tried again on its own at once, so an error has to come twice to
# be seen.
fail_each() {
	local n=1 times=1 without=0 enough=10 before now rc

	if [ "$1" = 4096 ]; then enough=1; fi
	if [ "$3" = fails ]; then times=2; fi
	before=$(resources)
	while [ $without -lt $enough ]; do
		fail_calls "$2" $n $times
		rc=ok
		read_disk "$1" /tmp/got || rc=fails
		fail_no_more
		if [ "$left" = $times ]; then
			[ $rc = ok ]
			cmp /tmp/got "/tmp/data-$1"
			without=$((without + 1))
			continue
		fi
		if [ $rc != "$3" ]; then
			echo "$2: call $n failed: the read $rc"
			return 1
		fi
		without=0
		n=$((n + 1))
	done
	now=$(resources)
	if [ "$now" != "$before" ]; then
		echo "$2: $before before, $now now"
		return 1
	fi
	calls=$((n - 1))
}

# fail_step <bytes> <as for fail_calls> <ok or fails> <calls at least> <what>
fail_step() {
	# shellcheck disable=SC2034 # for init.sh
	doing="fail $5"
	fail_each "$1" "$2" "$3"
	[ "$calls" -ge "$4" ] || { echo "$2: $calls calls, not $4"; return 1; }
	echo "ok fail $5: $calls calls, the read $3" >&3
}

# Thousands of failures leave behind no more than one does.
fail_often() {
	local before now

	before=$(reservations)
	fail_calls fail_dma_iova_link 1 2000
	while [ "$(cat "$inject/times")" != 0 ]; do read_disk 131072 /tmp/got; done
	fail_no_more
	now=$(reservations)
	[ $((now - before)) -lt 1000 ]
}

# fill_disk <disk>: for the steps; keeps what is there
fill_disk() {
	local bytes

	disk=$1
	dd if=/dev/urandom of="$disk" bs=131072 count=1 oflag=direct 2>/dev/null
	for bytes in 4096 131072; do
		read_disk $bytes /tmp/data-$bytes
		read_disk $bytes /tmp/data-$bytes
	done
}

# fail_steps <disk> <disk with metadata>
fail_steps() {
	local threshold=/sys/module/nvme/parameters/sgl_threshold

	fill_disk "$2"
	if is_translated "$disk"; then
		fail_step 4096 fail_dma_iova_alloc ok 2 'the reservation of a single page and of its metadata'
		fail_step 4096 fail_dma_iova_link ok 2 'the link of a single page and of its metadata'
		fail_step 4096 fail_dma_iova_sync fails 2 'the sync of a single page and of its metadata, with an I/O error'
	else
		fail_step 4096 fail_dma_map_page ok 2 'the mapping of a single page and of its metadata'
	fi
	fill_disk "$1"
	if is_translated "$disk"; then
		fail_step 4096 fail_dma_iova_alloc ok 1 'the reservation of a single page'
		fail_step 4096 fail_dma_iova_link ok 1 'the link of a single page'
		fail_step 4096 fail_dma_iova_sync fails 1 'the sync of a single page, with an I/O error'
		if is_strict "$disk"; then fail_step 4096 fail_dma_iova_batch ok 1 'to wait in a batch'; fi
		fail_step 131072 fail_dma_iova_alloc ok 1 'the reservation'
		fail_step 131072 fail_dma_iova_link ok 1 'each link, as if there were no memory'
		fail_step 131072 fail_dma_iova_sync fails 1 'the sync, with an I/O error'
		try 'fail two thousand links' fail_often
	else
		fail_step 4096 fail_dma_map_page ok 1 'the mapping of a single page'
		fail_step 131072 fail_dma_map_page ok 16 'the mapping of each segment'
		echo 4096 >$threshold
		fail_step 131072 dma_pool_alloc ok 1 'the allocation of an SGL'
		fail_step 131072 fail_dma_map_page ok 16 'the mapping of each segment of an SGL'
	fi
	echo 0 >$threshold
	fail_step 131072 dma_pool_alloc ok 1 'the allocation of a PRP list'
	echo 32768 >$threshold
}
