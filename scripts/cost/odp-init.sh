#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# First process of the guests of scripts/cost/odp.sh: lets the module of the kernel
# measure each line of the file /regions. Prints to the second serial port lines
#   odp <pages> <present or absent> <ns to fault in> <ns to invalidate> <bytes for 1 GiB>
# and a last one, "status ok" or "status <what failed>".
set -eu

. /guest-side.sh

# Behind a virtio-iommu, poweroff hangs a guest that never halts (idle=poll).
power_off() {
	echo b >/proc/sysrq-trigger
}

# result <name>: of the module
result() {
	cat "/sys/module/odp_cost/parameters/$1"
}

while read -r pages memory; do
	doing="measure $pages pages, $memory"
	absent=0
	if [ "$memory" = absent ]; then absent=1; fi
	insmod "/$(argument tree).ko" "pages=$pages" "absent=$absent"
	device=$(readlink -f /sys/bus/pci/drivers/odp_cost/0000:*)
	[ "$(cat "$device/iommu_group/type")" = "$(argument group)" ]
	echo "odp $pages $memory $(result fault) $(result invalidate) $(result bytes)" >&3
	rmmod odp_cost
done </regions
doing=ok
