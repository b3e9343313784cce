# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash disable=SC2154
#
# Sourced by scripts/guests/events/init.sh, which has $first and $second: the events, a
# function for each.

# set_type <PCI device> <type of its domain>
set_type() {
	echo "$2" >"$1/iommu_group/type"
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
	set_type "$(pci_of "$first")" DMA-FQ
	[ "$(type_of "$first")" = DMA-FQ ]
	busy group-type "$first"
	stop_load group-type "$first"
	is_live "$first"
}

# Data is written in one type of domain and read in another one.
rebind() {
	local type pci before

	before=$(type_of "$first")
	pci=$(pci_of "$first")
	load other "$second"
	for type in identity DMA "$before"; do
		fill "$first"
		busy other "$second"
		without_driver set_type "$pci" "$type"
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
