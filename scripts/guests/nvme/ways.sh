# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash disable=SC2154
#
# Sourced by scripts/guests/nvme/init.sh: data that reaches a disk in other ways than
# through a file system. All of it is read back and verified.

# queue <disk> <file>: the value of the file of its queue in sysfs
queue() {
	echo "/sys/block/${1##*/}/queue/$2"
}

# Where each sector has a checksum, no sector may straddle two pages: such buffers are
# refused, and nothing is written past the metadata, as slub_debug would report. Then
# come the least aligned buffers that are accepted.
unaligned_with_checksum() {
	local rw

	[ "$(cat "$(queue "$1" dma_alignment)")" = 511 ]
	for rw in write read; do
		if fio --name=refused --eta=never --filename="$1" --ioengine=libaio --direct=1 --rw=$rw --bs=64k \
			--size=4m --mem_align=4 --output=/tmp/fio.log 2>&1; then
			return 1
		fi
		grep -q 'Invalid argument' /tmp/fio.log
	done
	verify_io --filename="$1" --ioengine=libaio --iodepth=8 --rw=randwrite --bs=64k --size=4m --mem_align=512
}

# The same disk, while the kernel makes no checksums and looks at none
unaligned_without_checksum() {
	checksums "$1" 0
	unaligned "$1"
	checksums "$1" 1
}

# checksums <disk> <1 or 0>
checksums() {
	echo "$2" > "/sys/block/${1##*/}/integrity/write_generate"
	echo "$2" > "/sys/block/${1##*/}/integrity/read_verify"
}

unaligned() {
	[ "$(cat "$(queue "$1" dma_alignment)")" = 3 ]
	verify_io --filename="$1" --ioengine=libaio --iodepth=8 --rw=randwrite --bs=64k --size=4m --mem_align=4
}

# sum <disk> <from> <MiB>: of what is on the disk
sum() {
	dd if="$1" bs=1M skip="$2" count="$3" iflag=direct 2>/dev/null | sha256sum
}

# The middle MiB of three is zeroed, or discarded; its neighbours stay.
discard_and_write_zeroes() {
	local before after zeroes

	[ "$(cat "$(queue "$1" write_zeroes_max_bytes)")" -gt 0 ]
	[ "$(cat "$(queue "$1" discard_max_bytes)")" -gt 0 ]
	zeroes=$(head -c 1048576 /dev/zero | sha256sum)
	dd if=/dev/urandom of="$1" bs=1M count=3 oflag=direct 2>/dev/null
	before="$(sum "$1" 0 1) $(sum "$1" 2 1)"
	/bin/blkdiscard -z -o 1048576 -l 1048576 "$1"
	[ "$(sum "$1" 1 1)" = "$zeroes" ]
	after="$(sum "$1" 0 1) $(sum "$1" 2 1)"
	[ "$after" = "$before" ]
	/bin/blkdiscard -o 1048576 -l 1048576 "$1"
	after="$(sum "$1" 0 1) $(sum "$1" 2 1)"
	[ "$after" = "$before" ]
	# Many ranges in a request, beside writes
	fio --name=trim --eta=never --filename="$1" --offset=4m --size=4m --ioengine=libaio --iodepth=16 \
		--direct=1 --rw=randtrimwrite --bs=64k --output=/tmp/fio.log || { cat /tmp/fio.log; return 1; }
	no_errors
}

# character_of <disk>: the one that takes commands
character_of() {
	echo "$1" | sed 's,/nvme,/ng,'
}

# passthrough_by_ioctl <disk> <bytes of metadata> [memory for the metadata]
passthrough_by_ioctl() {
	local disk

	disk=$(character_of "$1")
	shift
	[ "$(/nvme_passthrough "$disk" 512 "$@")" -ge 100 ]
}

# From buffers that are hardly aligned, and from odd ones, which the kernel copies. The
# commands end by interrupts, or are polled for.
passthrough_by_io_uring() {
	local align hipri

	for align in 4096 4 1; do
		for hipri in 0 1; do
			verify_io --filename="$(character_of "$1")" --direct=0 --ioengine=io_uring_cmd --cmd_type=nvme \
				--hipri=$hipri --iodepth=16 --rw=randwrite --bssplit=512/20:4k/40:64k/40 --size=2m --mem_align=$align
		done
	done
}

# interrupts <disk>: of its I/O queues
interrupts() {
	awk -v queue="^${1#/dev/}" 'BEGIN { sub(/n1$/, "q[1-9]", queue) }
		$NF ~ queue { n += $2 + $3 } END { print n + 0 }' /proc/interrupts
}

# No request is so large that it is split, which would have it end by an interrupt.
polled() {
	local before

	[ "$(cat "$(queue "$1" io_poll)")" = 1 ]
	before=$(interrupts "$1")
	[ "$before" -gt 0 ]
	verify_io --filename="$1" --ioengine=io_uring --hipri=1 --iodepth=32 --rw=randwrite \
		--bssplit=512/20:4k/40:64k/40 --size=4m --mem_align=512
	[ "$(interrupts "$1")" = "$before" ]
}

# metadata_in <disk> <segments of it that a request may have>
metadata_in() {
	[ "$(cat "$(queue "$1" max_integrity_segments)")" = "$2" ]
	verify_io --filename="$1" --ioengine=libaio --iodepth=16 --rw=randwrite --bs=64k --size=4m --mem_align=512
	passthrough_by_ioctl "$1" 8
}

# Metadata that crosses a page is two segments. With room for one only, the caller gets an
# I/O error, and nothing else is overwritten. An IOMMU maps them as one range, if it has
# IO addresses.
too_much_metadata() {
	[ "$(cat "$(queue "$1" max_integrity_segments)")" = 2 ]
	# shellcheck disable=SC2034 # for fail_calls()
	disk=$1
	if [ -e "$(pci_of "$1")/iommu_group" ]; then fail_calls fail_dma_iova_alloc 1 1000000; fi
	if passthrough_by_ioctl "$1" 8 2>/tmp/passthrough.log; then return 1; fi
	if [ -e "$(pci_of "$1")/iommu_group" ]; then fail_no_more; fi
	grep -q 'metadata at [0-9]*: Input/output error' /tmp/passthrough.log
	verify_io --filename="$1" --ioengine=libaio --iodepth=8 --rw=randwrite --bs=64k --size=4m
}
