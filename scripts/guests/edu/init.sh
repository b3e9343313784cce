#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# First process of the guest that scripts/guests/edu/run.sh boots: moves each file in
# /data through the edu device, in two steps and then page by page. Prints the results to
# the second serial port, as lines "<file> <way> <key> <value>..." and a last one "status
# ok" or "status <what failed>".
set -eu

. /guest-side.sh

transfer() {
	file=$1 way=$2

	echo "/data/$file, $way"
	doing="write $file to /dev/edu-dma, $way"
	n=$((n + 1))
	echo "$file $way phase $n" >&3
	mark_phase "$edu" "$n"
	echo >"$tracing/trace"
	dd if="/data/$file" of=/dev/edu-dma bs=1M 2>/dev/null
	sleep 1		# until the flush queue is empty
	mark_phase "$edu" 0

	doing="read $file back, $way"
	cat /dev/edu-dma >/copy
	echo "$file $way sha256 $(sha256sum </copy)" >&3
	sed "s/^/$file $way /" /sys/kernel/debug/edu-dma/stats >&3
	echo "$file $way traced $(grep -c ' dma_iova_link_vec: .* err=0$' "$tracing/trace")" >&3

	doing="get $file back unchanged, $way"
	cmp "/data/$file" /copy
}

doing='find an edu device'
edu=$(grep -l 0x11e8 /sys/bus/pci/devices/*/device)
edu=${edu%/device}
doing='load edu-dma.ko'
insmod /edu-dma.ko
doing='find an IOMMU between the edu device and memory'
[ -e "$edu/iommu_group" ]	# since the driver is bound

doing='trace the two-step API'
tracing=/sys/kernel/tracing
for event in "$tracing"/events/dma/dma_iova_*; do echo 1 >"$event/enable"; done

n=0
for name in /data/*; do
	echo N >/sys/module/edu_dma/parameters/streaming
	transfer "${name##*/}" two-step
	echo Y >/sys/module/edu_dma/parameters/streaming
	transfer "${name##*/}" page-by-page
done

doing='unload edu-dma.ko'
rmmod edu-dma
doing=ok
