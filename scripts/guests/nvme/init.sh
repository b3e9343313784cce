#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# First process of the guest that scripts/guests/nvme/run.sh boots: I/O to two NVMe disks,
# one with integrity metadata. What happened goes to the second serial port:
#   is <domain type> <removable or fixed>	the disks
#   phase <n> <requests> <started> <IOVAs> <kept> <polls> <what>	what was counted in phase n
#   ok <what>			was done
#   status ok, or status failed to <what>	the last line
#   bounced <n>			slots of bounce buffers in use at once, at most
# From the kernel's command line: MDTS, of the first disk; SIZE, of what fio writes; P2P and
# LEFT_OUT, as in configs/nvme; SOAK, seconds.
set -eu

. /guest-side.sh
mount -t tmpfs tmpfs /tmp
echo 16 >/proc/sys/vm/nr_hugepages
mkdir /huge
mount -t hugetlbfs hugetlbfs /huge

# shellcheck disable=SC1090 # each is a script here
for part in batch count disks faults inject large load p2p steps verify ways; do . "/$part.sh"; done

# load_driver [directory]
load_driver() {
	insert_driver "${1:-}" poll_queues=1
	wait_for_disks
	plain=$(disk_of plain)
	protected=$(disk_of protected)
}

# another_driver <directory>
another_driver() {
	rmmod nvme nvme-core
	load_driver "$1"
}

# All four controllers are probed at once.
wait_for_disks() {
	until [ "$(cat /sys/class/nvme/nvme*/state | grep -c live)" = 4 ] && [ "$(grep -c nvme.n1 /proc/partitions)" = 2 ]; do
		if grep -q dead /sys/class/nvme/nvme*/state; then return 1; fi
		sleep 0.1
	done
}

describe() {
	local type=- removable=fixed pci
	pci=$(pci_of "$plain")
	if [ -e "$pci/iommu_group" ]; then type=$(cat "$pci/iommu_group/type"); fi
	if [ -e "$pci/removable" ]; then removable=$(cat "$pci/removable"); fi
	echo "is $type $removable" >&3
}

# The controller is reset, requests time out, and calls of the kernel fail.
test_faults() {
	try 'reset the controller under load' reset_under_load "$plain"
	try 'time out and abort under load, with metadata' time_out_under_load "$protected"
	if [ "$SIZE" != 4m ]; then
		try 'make, use and check ext4' file_system "$plain"
		try 'reset the controller under load, with metadata' reset_under_load "$protected"
		try 'time out and abort under load' time_out_under_load "$plain"
	fi
	fail_steps "$plain" "$protected"
}

# Drivers that are made for this test
test_drivers() {
	doing='load the driver that has SGLs for metadata'
	another_driver /meta-sgl
	try 'metadata by SGL' metadata_in "$protected" 15
	for where in $(echo "${P2P:-}" | tr , ' '); do
		try "refuse atomic writes of ordinary memory and P2P by $where" mix_p2p_atomically "$where" "$plain"
	done
	doing='load the driver that has less room for metadata than it says'
	another_driver /few-meta
	try 'refuse more metadata than there is room for' too_much_metadata "$protected"
	doing='load the driver for a controller that has SGLs for metadata only'
	another_driver /meta-only
	try 'metadata by SGL only where data can have one' metadata_in "$protected" 1
}

# dma-debug reports what is still mapped now.
unbind() {
	local disk

	for disk in "$@"; do basename "$(pci_of "$disk")"; done >/tmp/functions
	while read -r disk; do
		echo "$disk" >/sys/bus/pci/drivers/nvme/unbind
	done </tmp/functions
}

doing='load the driver'
load_driver
describe
try 'find integrity metadata' has_metadata "$protected"

if [ -n "${SOAK:-}" ]; then
	try "soak for $SOAK seconds" soak "$plain" "$protected"
	try 'unbind the disks' unbind "$plain" "$protected"
	doing=ok
	exit
fi

count_phases
for where in $(echo "${P2P:-}" | tr , ' '); do
	try "verify P2P by $where" verify_p2p "$where" "$plain"
	try "verify ordinary memory and P2P by $where in one call" mix_p2p "$where" "$plain"
	try "commands of user space by ioctl, with metadata in P2P by $where" passthrough_by_ioctl "$protected" 8 "$(p2p_of "$where")"
done
try 'verify direct and buffered I/O' verify "$plain"
try 'verify direct and buffered I/O, with metadata' verify "$protected"
try 'make, use and check ext4, with metadata' file_system "$protected"
try 'discard and write zeroes' discard_and_write_zeroes "$plain"
try 'I/O from buffers that are hardly aligned' unaligned "$plain"
try 'refuse buffers that are hardly aligned, with metadata' unaligned_with_checksum "$protected"
try 'I/O from buffers that are hardly aligned, with checksums off' unaligned_without_checksum "$protected"
try 'commands of user space by ioctl' passthrough_by_ioctl "$plain" 0
try 'commands of user space by ioctl, with metadata' passthrough_by_ioctl "$protected" 8
try 'commands of user space by io_uring' passthrough_by_io_uring "$plain"
try 'polled I/O' polled "$plain"
try 'polled I/O, with metadata' polled "$protected"
if is_limited "$plain"; then
	try 'large I/O' large_io "$plain"
else
	try 'large I/O, with chained PRP lists' chained_prp_lists "$plain"
fi
if [ "$LEFT_OUT" != faults ]; then test_faults; fi
try 'notice a wrong sector' notice_wrong_sector "$plain"
hiwater=/sys/kernel/debug/swiotlb/io_tlb_used_hiwater
if [ -e $hiwater ]; then echo "bounced $(cat $hiwater)" >&3; fi
try 'unbind and bind the driver under load' rebind_under_load "$plain" "$protected"
if [ "$LEFT_OUT" != faults ]; then test_drivers; fi
try 'unbind the disks' unbind "$plain" "$protected"
doing=ok
