#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# First process of the guests of scripts/guests/map-benchmark/run.sh: measures mappings of
# the edu device; if there is an IOMMU (IOMMU=1 on the kernel's command line), in two
# steps as well. With MAINLINE=1, they are a mode of mainline's benchmark. Prints to the
# second serial port lines "ok <what>", the output of the tool as lines "result <line>", and
# a last one, "status ok" or "status failed to <what>".
set -eu
trace=/sys/kernel/tracing

. /guest-side.sh

bind() {
	echo dma_map_benchmark >"$edu/driver_override"
	basename "$edu" >/sys/bus/pci/drivers_probe
	[ -e "$edu/driver" ]
	if [ "$IOMMU" = 1 ]; then [ -e "$edu/iommu_group" ]; else [ ! -e "$edu/iommu_group" ]; fi
}

# benchmark <tool> <argument>...: runs it until a thread has ended a round, so that an
# average is not 0. Its output is in /out. On a slow host the first second may be over
# before a thread has begun, which is EINTR.
benchmark() {
	local seconds

	for seconds in 1 10 100; do
		if ! "$@" -s $seconds >/out 2>&1; then
			grep -qx 'ioctl: Interrupted system call' /out || break
		elif grep -q '^average .*latency(us):.*[1-9].* standard' /out; then
			return
		fi
	done
	cat /out
	return 1
}

# measure <step>... -- <tool> <argument>...: checks a line for each step and one more
measure() {
	local steps=''

	while [ "$1" != -- ]; do
		steps="$steps $1"
		shift
	done
	shift
	benchmark "$@"
	sed 's/^/result /' /out >&3
	[ "$(sed -n 's/^average \([a-z]*\) latency(us):[0-9.]* standard deviation:[0-9.]*$/ \1/p' /out | tr -d '\n')" = "$steps" ]
}

# two_step <argument>...: has run at least once
two_step() {
	measure alloc link sync unlink -- /dma_map_benchmark "$@"
	grep -q 'mapping benchmark: .* loops:[1-9]' /out
}

two_step_of_mainline() { measure map unmap -- /dma_map_benchmark -m 2 "$@"; }

refuse_two_step() {
	if /dma_map_benchmark "$@" -s 1 >/out 2>&1; then return 1; fi
	grep -qx 'ioctl: Operation not supported' /out
}

# Reservations of more than 32 pages are not cached, so none of them is left.
iovas() {
	echo 1 >/sys/kernel/slab/iommu_iova/shrink
	sed 's/ .*//' /sys/kernel/slab/iommu_iova/objects
}

# VT-d shows everything that the device can reach. For other IOMMUs, QEMU's trace is used.
has_page_table() { grep -q intel_iommu=on /proc/cmdline && [ "$MAINLINE" != 1 ]; }
page_table() { cat "/sys/kernel/debug/iommu/intel/${edu##*/}/domain_translation_struct"; }

# A leak has thousands of pages; the caches of the CPUs keep some hundreds. In lazy mode
# the flush queue gives them back, some time after its timer of 10 ms. A minute is enough
# for any host.
no_iova_left() {
	local n=0

	until [ $(($(iovas) - iovas_before)) -lt 1000 ]; do
		n=$((n + 1))
		[ $n -lt 600 ]
		sleep 0.1
	done
}
page_table_as_before() { page_table | cmp - /page_table; }

# An array with more pieces than an event has room for is traced in part.
trace_array() {
	echo 1 >$trace/events/dma/dma_iova_link_vec/enable
	benchmark /dma_map_benchmark -l 1 -t 1 -g 512
	echo 0 >$trace/events/dma/dma_iova_link_vec/enable
	grep -q 'dma_iova_link_vec: .* pieces=512 \[TRUNCATED\]' $trace/trace
}

# traced <event>: the offsets that it has recorded, as far back as the trace goes
traced() {
	sed -n "s/.* $1: .* offset=\([0-9]*\) .*/\1/p" $trace/trace | sort -nu | xargs
}

# Four pieces of a page, each linked, and then all at once
trace_offsets() {
	for link in 0 1; do
		echo 1 >$trace/events/dma/enable
		benchmark /dma_map_benchmark -l $link -t 1 -g 4
		echo 0 >$trace/events/dma/enable
		if [ $link = 0 ]; then [ "$(traced dma_iova_link)" = '0 4096 8192 12288' ]
		else [ "$(traced dma_iova_link_vec)" = 0 ]; fi
		[ "$(traced dma_iova_sync) $(traced dma_iova_destroy)" = '0 0' ]
	done
}

doing='find an edu device'
edu=$(grep -l 0x11e8 /sys/bus/pci/devices/*/device)
edu=${edu%/device}
try 'bind edu to dma_map_benchmark' bind
if [ "$MAINLINE" != 1 ]; then try 'refuse bad parameters' /map_benchmark_params; fi

if [ "$MAINLINE" = 1 ] && [ "$IOMMU" = 1 ]; then
	doing='count IO addresses'
	iovas_before=$(iovas)
	try 'two steps, 64 pages' two_step_of_mainline -t 3 -g 64
	try 'no IO addresses left' no_iova_left
	try 'two steps, one page' two_step_of_mainline -t 2 -d 1
elif [ "$MAINLINE" = 1 ]; then
	try 'two steps refused' refuse_two_step -m 2
elif [ "$IOMMU" = 1 ]; then
	doing='read the page table'
	if has_page_table; then page_table >/page_table; fi
	doing='count IO addresses'
	iovas_before=$(iovas)
	try 'two steps, each piece linked' two_step -l 0 -t 3 -g 64
	try 'two steps, all pieces linked at once' two_step -l 1 -t 3 -g 64 -d 2
	try 'trace an array of 512 pieces' trace_array
	try 'trace the offsets of all pieces' trace_offsets
	try 'no IO addresses left' no_iova_left
	try 'two steps, one piece' two_step -l 0 -t 2 -d 1
	# Before others use the addresses, and unmap what may be left there
	if has_page_table; then try 'page table as before' page_table_as_before; fi
else
	try 'two steps refused' refuse_two_step -l 0
	try 'two steps at once refused' refuse_two_step -l 1
fi
try 'streaming' measure map unmap -- /dma_map_benchmark -t 2 -g 8
if [ "$MAINLINE" != 1 ]; then
	try 'streaming, by the tool of the base' measure map unmap -- /dma_map_benchmark.base -t 2
fi
doing=ok
