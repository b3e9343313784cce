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
# shellcheck source=scripts/guests/nvme/faults.sh
. /faults.sh

driver=/sys/bus/pci/drivers/nvme

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
	awk -v pages="$(mapped_pages "$1")" 'NR > 1 { pools += $NF; blocks += $(NF - 3) }
		END { print pages ? pages - pools " pages" : "", blocks + 0 " blocks" }' "$(pci_of "$1")/pools"
}

# Everything that must be the same before and after
inventory() {
	local slots=/sys/kernel/debug/swiotlb/io_tlb_used

	left "$first"
	left "$second"
	if [ -e $slots ]; then cat $slots; fi
}

unaligned() {
	verify_io --filename="$first" --numjobs=4 --offset=512 --offset_increment=16m --size=8m \
		--bs=1m --mem_align=512 --rw=write --ioengine=libaio --iodepth=4 --thread
}

# With a driver, no other change is possible.
group_type() {
	[ "$(type_of "$first")" = DMA ]
	load group-type "$first"
	busy group-type "$first"
	echo DMA-FQ >"$(pci_of "$first")/iommu_group/type"
	[ "$(type_of "$first")" = DMA-FQ ]
	busy group-type "$first"
	stop_load group-type "$first"
	is_live "$first"
}

# Data is written in one type of domain and read in another one.
rebind() {
	local type pci function before

	before=$(type_of "$first")
	pci=$(pci_of "$first")
	function=${pci##*/}
	load other "$second"
	for type in identity DMA "$before"; do
		fill "$first"
		busy other "$second"
		echo "$function" >$driver/unbind
		echo "$type" >"$pci/iommu_group/type"
		echo "$function" >$driver/bind
		find_disks
		[ "$(type_of "$first")" = "$type" ]
		read_back "$first"
		busy other "$second"
	done
	stop_load other "$second"
}

# disturb <command>...: the command removes the first disk and brings it back while both
# are busy. Nothing is read from the first disk meanwhile: a disk that has gone returns no
# bytes and no error.
disturb() {
	fill "$first"
	load other "$second"
	load gone "$first" --do_verify=0
	busy gone "$first"
	busy other "$second"
	"$@"
	find_disks
	read_back "$first"
	busy other "$second"
	stop_load other "$second"
}

remove_and_rescan() {
	local pci

	pci=$(pci_of "$first")
	echo 1 >"$pci/remove"
	[ ! -e "$pci" ]
	has_failed gone
	busy other "$second"
	echo 1 >/sys/bus/pci/rescan
}

remove() {
	disturb remove_and_rescan
}

# The slot is empty when QEMU has taken the device out of it.
unplug_and_plug() {
	local pci

	pci=$(pci_of "$first")
	echo 'host unplug' >&3
	has_failed gone
	until [ "$(cat /sys/bus/pci/slots/1/adapter)" = 0 ]; do
		alive other
		sleep 0.1
	done
	[ ! -e "$pci" ]
	busy other "$second"
	echo 'host plug' >&3
}

unplug() {
	disturb unplug_and_plug
}

# The controller is shut down and set up again, which its driver logs.
suspend() {
	local level count before set_up

	set_up="$(basename "$(controller_of "$first")"): .* queues"
	echo 0 >/sys/module/suspend/parameters/pm_test_delay
	load suspend "$first"
	for level in devices platform; do
		count=$(cat /sys/power/suspend_stats/success)
		before=$(told "$set_up")
		busy suspend "$first"
		echo $level >/sys/power/pm_test
		echo freeze >/sys/power/state
		[ "$(cat /sys/power/suspend_stats/success)" = $((count + 1)) ]
		busy suspend "$first"
		[ "$(told "$set_up")" -gt "$before" ]
	done
	echo none >/sys/power/pm_test
	stop_load suspend "$first"
	is_live "$first"
}

notice() {
	fill "$first"
	spoil_sector "$first"
	if read_back "$first" 2>/tmp/notice.log; then return 1; fi
	found_spoiled /tmp/notice.log
}

# The crash kernel goes on in after_crash().
kdump() {
	local args

	fill "$first"
	args=$(sed 's/crashkernel=[^ ]*//' /proc/cmdline)
	/bin/load-crash-kernel /crash/bzImage /crash/initramfs "$args nr_cpus=1 reset_devices crashed=1"
	[ "$(cat /sys/kernel/kexec_crash_loaded)" = 1 ]
	load crash "$first"
	busy crash "$first"
	stty -F "$port" raw -echo	# which waits until all has been sent
	echo c >/proc/sysrq-trigger
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
