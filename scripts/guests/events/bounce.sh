# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash disable=SC2154
#
# Sourced by scripts/guests/events/init.sh, which has $first: bounce buffers become
# necessary in the middle of a request.

tracing=/sys/kernel/tracing

# The kernel takes memory above 4 GiB first. Leave little of it, so that mixed-io finds
# both kinds soon.
use_high_memory() {
	local pages

	pages=$(awk '/ Movable$/ { movable = 1 } movable && $1 == "pages" { print $3; exit }' /proc/zoneinfo)
	[ "$pages" -gt 4096 ]
	head -c $(((pages - 2048) * 4096)) /dev/zero >/tmp/high
}

trace_mappings() {
	# shellcheck disable=SC2016 # the kernel's variables
	for probe in 'need_unmap dma_need_unmap' 'start blk_rq_dma_map_iter_start' 'next blk_rq_dma_map_iter_next'; do
		echo "r:bounce/$probe "'ret=$retval:u8' >>$tracing/kprobe_events
	done
	echo 1 >$tracing/events/bounce/enable
	echo 1 >$tracing/events/swiotlb/swiotlb_bounced/enable
}

stop_trace() {
	echo 0 >$tracing/events/swiotlb/swiotlb_bounced/enable
	echo 0 >$tracing/events/bounce/enable
	echo >$tracing/kprobe_events
}

# how_mapped: what dma_need_unmap() has said, and how each segment has been mapped until it
# was asked again, in lines as mixed-io prints them. How many requests end without a record
# of what was mapped does not matter here: the data and the slots show if one must not.
how_mapped() {
	awk '
		/ swiotlb_bounced: / { kind = "B" }
		/ (start|next): / && $NF == "ret=1" { line = line kind; kind = "D" }
		/ need_unmap: / {
			if (line != "" && (line != "1 " || line != last)) print line
			last = line
			line = substr($NF, 5) " "
			kind = "D"
		}
		END { print line }' $tracing/trace
}

# flip read|write <n> <seed>: the driver sets the mask when it is bound, which makes
# dma_need_unmap() false. The first page that the device does not reach makes it true: it
# is behind n others of the second request, when the first one is under way.
flip() {
	without_driver :
	echo >$tracing/trace
	mixed-io "$1" "$first" "$2" "$3" >/tmp/asked
	how_mapped >/tmp/mapped
	if ! cmp -s /tmp/asked /tmp/mapped; then
		echo "$1 $2: asked for, and mapped:"
		cat /tmp/asked /tmp/mapped
		return 1
	fi
	echo "$1: $(xargs </tmp/mapped)"
}

bounce() {
	local threshold=/sys/module/nvme/parameters/sgl_threshold seed=0 before bytes n

	before=$(cat $threshold)
	use_high_memory
	without_driver insmod /limit-dma.ko device="$(basename "$(pci_of "$first")")"
	trace_mappings
	for bytes in 0 4096; do	# all PRPs, all SGLs
		echo $bytes >$threshold
		for n in 1 8 15; do
			seed=$((seed + 1))
			flip write $n $seed
			flip read $n $seed
		done
	done
	stop_trace
	rm /tmp/high
	fill "$first"
	read_back "$first"
	echo "$before" >$threshold
	without_driver rmmod limit-dma
}
