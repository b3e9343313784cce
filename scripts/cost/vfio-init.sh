#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# First process of the guests of scripts/cost/vfio.sh: lets mlx5vf_cost.ko measure each
# line of the file /buffers. Prints to the second serial port lines
#   buffer <pages> <rounds> <what the module answers>
# and a last one, "status ok" or "status <what failed>".
set -eu

. /guest-side.sh

doing='load the module'
insmod /mlx5vf_cost.ko
file=/sys/kernel/debug/mlx5vf_cost
[ -f "$file" ]

doing='find edu in an IOMMU group of the type DMA-FQ'
for device in /sys/bus/pci/drivers/mlx5vf_cost/0000:*; do
	[ "$(cat "$device/iommu_group/type")" = DMA-FQ ]
done

while read -r pages rounds; do
	doing="measure a buffer of $pages pages"
	echo "$pages $rounds" >"$file"
	answer=$(cat "$file")
	echo "buffer $pages $rounds $answer" >&3
done </buffers
doing=ok
