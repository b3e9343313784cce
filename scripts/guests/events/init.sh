#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# First process of the guest that scripts/guests/events/run.sh boots: what happens to
# two NVMe disks while they are busy. On the second serial port:
#   is <domain type>		of the disks
#   ok <event>			what was written before is there, and nothing is left over
#   host plug, host unplug	to be done by the host to the first disk
#   status ok, or status failed to <what>	the last line
# From the kernel's command line: EVENTS, separated by commas; crashed, in the kernel
# that has been jumped to.
set -eu

. /guest-side.sh
mount -t tmpfs tmpfs /tmp

# shellcheck source=scripts/guests/nvme/disks.sh
. /disks.sh
# shellcheck source=scripts/guests/nvme/load.sh
. /load.sh
# shellcheck source=scripts/guests/events/events.sh
. /events.sh
# shellcheck source=scripts/guests/events/bounce.sh
. /bounce.sh

# is_there <serial number>: whether it is ready for I/O
is_there() {
	local serial

	serial=$(grep -l "^$1 *$" /sys/class/nvme/nvme*/serial 2>/dev/null) || return 1
	grep -q '^live$' "${serial%/serial}/state" && [ -n "$(disk_of "$1")" ]
}

find_disk() {
	until is_there "$1"; do
		if grep -q dead /sys/class/nvme/nvme*/state; then return 1; fi
		sleep 0.1
	done
}

find_disks() {
	find_disk first
	find_disk second
	first=$(disk_of first)
	second=$(disk_of second)
}

# without_driver <command>...: of the first disk
without_driver() {
	local driver=/sys/bus/pci/drivers/nvme function

	function=$(basename "$(pci_of "$first")")
	echo "$function" >$driver/unbind
	"$@"
	echo "$function" >$driver/bind
	find_disks
}

# checked <disk> <argument of fio...>: the part of a disk that load() uses, with the same
# checksums
checked() {
	local disk=$1

	shift
	verify_io --filename="$disk" --size=4m --bs=128k --ioengine=libaio --iodepth=8 "$@"
}

fill() {
	checked "$1" --rw=write --do_verify=0
}

# Each sector is whole, whichever write came last.
read_back() {
	checked "$1" --rw=read
}

type_of() {
	cat "$(pci_of "$1")/iommu_group/type"
}

# left <disk>: the pages that are mapped for it, if that can be seen, without those of the
# pools; and the blocks of the pools in use
left() {
	local pages

	pages=$(mapped_pages "$1") || return
	awk -v pages="$pages" 'NR > 1 { pools += $NF; blocks += $(NF - 3) }
		END { print pages ? pages - pools " pages" : "", blocks + 0 " blocks" }' "$(pci_of "$1")/pools"
}

# Everything that must be the same before and after
inventory() {
	local slots=/sys/kernel/debug/swiotlb/io_tlb_used

	left "$first" || return	# in $() of busybox, set -e is off
	left "$second" || return
	if [ -e $slots ]; then cat $slots; fi
}

# The data that the crash has interrupted is there, and the disk can be used. VT-d is
# still on: until the driver comes, requests go on by the old tables.
after_crash() {
	if grep -q intel_iommu=on /proc/cmdline; then dmesg | grep -q 'Copied translation tables from previous kernel'; fi
	insert_driver /
	find_disks
	read_back "$first"
	fill "$first"
	read_back "$first"
}

# event <name>
event() {
	local before now

	doing="be as before after $1"
	echo "$1"
	before=$(inventory)
	doing="pass $1"
	"$(echo "$1" | tr - _)"
	doing="be as before after $1"
	now=$(inventory)
	if [ "$now" != "$before" ]; then
		printf 'before:\n%s\nnow:\n%s\n' "$before" "$now"
		return 1
	fi
	echo "ok $1" >&3
}

if [ "$(argument crashed)" = 1 ]; then
	try kdump after_crash
	doing=ok
	exit
fi

doing='load the driver'
insert_driver /
doing='find the disks'
find_disks
if [ -e "$(pci_of "$first")/iommu_group" ]; then type=$(type_of "$first"); fi
echo "is ${type:--}" >&3
for name in $(argument EVENTS | tr , ' '); do event "$name"; done
doing=ok
