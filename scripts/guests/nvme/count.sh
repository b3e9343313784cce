# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash disable=SC2154
#
# Sourced by scripts/guests/nvme/init.sh, which has $plain and $protected: counts how the
# data of requests is mapped, in phases with a fixed amount of I/O.

tracing=/sys/kernel/tracing

# The guest counts by histograms, which lose nothing:
#   requests	with data, on the I/O queues
#   started	those whose data is more than one segment, to be mapped step by step
#   IOVAs	those that got one range of IO addresses for all of their data;
#		a request's metadata, always less than a page, may have got another
#	kept	ranges that had to be remembered, as nothing else says how to unmap them
#	polls	that found a request ended
requests=nvme/nvme_setup_cmd
started=dma/start
iovas=dma/iova
kept=dma/kept
polls=dma/polls
has_data='qid != 0 && (opcode == 1 || opcode == 2)'

# watch <event> <condition>
watch() {
	echo "hist:keys=common_type${2:+ if $2}" >"$tracing/events/$1/trigger"
}

# probe <definition>
probes=0
probe() {
	probes=$((probes + 1))
	doing="set a probe on $2 (kernel without it?)"
	echo "$*" >>$tracing/kprobe_events || { cat $tracing/error_log; return 1; }
}

set_probes() {
	probe "p:$started" blk_rq_dma_map_iter_start
	# shellcheck disable=SC2016 # the kernel's variables
	probe "r:$iovas" dma_iova_try_alloc 'ret=$retval:u8 size=$arg4:u64'
	probe "p:$kept" nvme:__nvme_keep_range
	# shellcheck disable=SC2016
	probe "r:$polls" nvme:nvme_poll 'ret=$retval:s32'
	trace_batches 1
	doing='count events'
	watch $requests "$has_data"
	watch $started
	watch $iovas 'ret == 1 && size >= 4096'
	watch $kept
	watch $polls 'ret > 0'
}

# unwatch <event>...: all there are. The driver's event and its function must not be watched
# when the driver goes.
unwatch() {
	for event; do
		: >"$tracing/events/$event/trigger"
	done
	echo >$tracing/kprobe_events
}

hits_of() {
	sed -n 's/^ *Hits: //p' "$tracing/events/$1/hist"
}

hits() {
	for event in $requests $started $iovas $kept $polls; do hits_of "$event"; done
}

# The timer of the flush queue takes 10 ms. A process that wakes up on each CPU later than
# that is usually behind it. If it is not, an invalidation of lazy mode counts for the next
# phase, where nothing depends on it.
empty_flush_queue() {
	for cpu in $(seq 0 $(($(nproc) - 1))); do taskset -c "$cpu" sleep 0.1; done
}

# count <what> <disk> <I/Os of fio> <fio arguments>...
n=0
count() {
	local what=$1 disk=$2 ios=$3

	shift 3
	doing="count $what"
	echo "$doing"
	n=$((n + 1))
	# shellcheck disable=SC2046 # five numbers
	set -- $(hits) -- "$@"
	local requests0=$1 started0=$2 iovas0=$3 kept0=$4 polls0=$5

	shift 6
	mark_phase "$(pci_of "$plain")" $n
	fio --name=count --filename="$disk" --ioengine=libaio --direct=1 --number_ios="$ios" \
		--mem=mmapshared:/tmp/scattered --output=/tmp/fio.log "$@" || { cat /tmp/fio.log; return 1; }
	empty_flush_queue
	mark_phase "$(pci_of "$plain")" 0
	# shellcheck disable=SC2046
	set -- $(hits)
	echo "phase $n $(($1 - requests0)) $(($2 - started0)) $(($3 - iovas0)) $(($4 - kept0)) $(($5 - polls0)) $what" >&3
}

# Buffers are in memory with hardly any neighbours: the pages of a file, allocated in a
# random order.
scatter() {
	fio --name=scatter --filename=/tmp/scattered --size=4m --bs=4k --ioengine=psync \
		--fallocate=none --rw=randwrite --output=/tmp/fio.log
}

count_phases() {
	# Eight at once, and no more until all of them are done
	local batch='--iodepth=8 --iodepth_batch=8 --iodepth_batch_complete_min=8'
	local batch32='--iodepth=32 --iodepth_batch=32 --iodepth_batch_complete_min=32'

	doing='scatter memory'
	scatter
	set_probes
	count '4 KiB' "$plain" 64 --rw=randrw --bs=4k
	# shellcheck disable=SC2086
	count '4 KiB, 32 together' "$plain" 512 --rw=randrw --bs=4k $batch32
	# A scheduler has to know of each request when it ends.
	echo mq-deadline >"/sys/block/${plain##*/}/queue/scheduler"
	# shellcheck disable=SC2086
	count '4 KiB, 32 scheduled' "$plain" 512 --rw=randrw --bs=4k $batch32
	echo none >"/sys/block/${plain##*/}/queue/scheduler"
	# shellcheck disable=SC2086
	count '4 KiB, 32 polled' "$plain" 512 --rw=randrw --bs=4k --ioengine=io_uring --hipri=1 $batch32
	count '4 KiB at 512' "$plain" 64 --rw=randrw --bs=4k --iodepth=4 --mem_align=512
	# shellcheck disable=SC2086 # several arguments
	count '16 KiB, 8 merged' "$plain" 256 --rw=write --bs=16k $batch
	# shellcheck disable=SC2086
	count '16 KiB, 8 merged, metadata' "$protected" 256 --rw=write --bs=16k $batch
	count '128 KiB' "$plain" 64 --rw=randrw --bs=128k
	count '128 KiB at 512' "$plain" 64 --rw=randrw --bs=128k --mem_align=512
	echo 0 >/sys/module/nvme/parameters/sgl_threshold
	count '128 KiB, one piece' "$plain" 64 --rw=randrw --bs=128k --mem=mmaphuge:/huge/buffer --hugepage-size=2m
	echo 32768 >/sys/module/nvme/parameters/sgl_threshold
	count '1 MiB' "$plain" 32 --rw=randrw --bs=1m
	for where in $(echo "${P2P:-}" | tr , " "); do
		count "64 KiB, P2P by $where" "$plain" 64 --rw=randrw --bs=64k --iodepth=4 \
			--mem=mmapshared:"$(p2p_of "$where")"
	done
	doing='count without a miss'
	# <probe> <hits> <misses>
	awk -v probes=$probes '$3 != 0 { print; bad = 1 } END { exit bad || NR != probes }' $tracing/kprobe_profile
	doing='end no batch before its flush'
	flushed_before_end
	unwatch $requests $started $iovas $kept $polls
}

