#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# First process of the guests of scripts/cost/nvme.sh: measures the I/Os of the file /ios
# on the NVMe disk. Prints to the second serial port lines
#   cost <read or write> <bytes> <layout> <pages> <requests> <instructions>...
#   memory <bytes> <layout> <who asked for it> <bytes allocated>
# and a last one, "status ok" or "status <what failed>".
set -eu

. /guest-side.sh

# Behind a virtio-iommu, poweroff hangs a guest that never halts (idle=poll).
power_off() {
	echo b >/proc/sysrq-trigger
}

tracing=/sys/kernel/tracing

# memory <bytes> <layout>: what an I/O allocates, by caller
memory() {
	doing="trace what a read of $1 bytes, $2, allocates"
	echo 0 >"$tracing/tracing_on"
	for event in kmem/kmalloc kmem/kmem_cache_alloc kprobes/dma_pool; do
		echo 1 >"$tracing/events/$event/enable"
	done
	echo >"$tracing/trace"
	/nvme_cost "$disk" read "$1" "$2" 1 0 </dev/null >/dev/null
	echo 0 >"$tracing/events/enable"
	sed -n "s/.* call_site=\([^+ ]*\).* bytes_alloc=\([0-9]*\).*/memory $1 $2 \1 \2/p
		s/.* dma_pool: .* size=\([0-9]*\).*/memory $1 $2 dma_pool_alloc \1/p" "$tracing/trace" >&3
}

doing='find the disk'
disk=/dev/nvme0n1
[ -b "$disk" ]
device=$(readlink -f /sys/block/nvme0n1/device/device)

doing="find it in an IOMMU group of the type $(argument group)"
case $(argument group) in
-)	[ ! -e "$device/iommu_group" ] ;;
*)	[ "$(cat "$device/iommu_group/type")" = "$(argument group)" ] ;;
esac

# As on a machine with more than one CPU, and so with more queues
doing='do without an I/O scheduler'
echo none >/sys/block/nvme0n1/queue/scheduler

doing='reserve a huge page'
echo 1 >/proc/sys/vm/nr_hugepages
[ "$(cat /proc/sys/vm/nr_hugepages)" = 1 ]

if profile=$(argument profile) && [ -n "$profile" ]; then
	doing="run $profile"
	# shellcheck disable=SC2046
	/nvme_cost "$disk" $(echo "$profile" | tr ':' ' ') 0 </dev/ttyS1 >&3
	doing=ok
	exit
fi

# Do these before anything is counted, as they cost as much as ten I/Os: the random number
# generator starts, and lines go to the console. Warnings stay.
doing='wait for random numbers'
head -c 1 /dev/random >/dev/null
dmesg -n 5

while read -r bytes layout count depth; do
	for rw in read write; do
		doing="measure: $rw of $bytes bytes, $layout, $depth together"
		result=$(/nvme_cost "$disk" "$rw" "$bytes" "$layout" "$count" 3 "${depth:-1}")
		echo "cost $rw $bytes $layout${depth:+*$depth} $result" >&3
	done
done </ios

# The pools of the device's memory have no separate event.
doing='probe dma_pool_alloc'
echo "p:dma_pool dma_pool_alloc size=+$(argument pool_size)(%di):u32" >"$tracing/kprobe_events"
while read -r bytes layout _ depth; do
	[ -n "$depth" ] || memory "$bytes" "$layout"
done </ios
doing=ok
