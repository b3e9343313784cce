# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# Sourced by scripts/nvme-init.sh: what goes wrong while a disk is busy, or may go
# wrong if it is busy for long. What has been written must be there all the same.

# load <disk> <fio arguments>...: write and verify in the background, all the time
# with many requests under way; loaded: wait for the end of it
load() {
	local disk=$1

	shift
	fio --name=load --filename="$disk" --size=8m --rw=randwrite "$@" \
		--bssplit=512/20:4k/30:20k/20:128k/30 --ioengine=libaio --iodepth=32 --direct=1 \
		--verify=crc32c --verify_interval=512 --verify_fatal=1 --output=/tmp/load.log &
	loader=$!
}

loaded() {
	wait "$loader" || { cat /tmp/load.log; return 1; }
	grep 'issued rwts: total=[1-9][0-9]*,[1-9]' /tmp/load.log	# has read and written
}

controller_of() {
	readlink -f "/sys/block/${1##*/}/device"
}

reset_under_load() {
	local n=0

	load "$1" --time_based --runtime="$LOAD"
	sleep 1	# until it has begun
	while [ $n -lt 3 ]; do
		echo 1 >"$(controller_of "$1")/reset_controller"
		kill -0 "$loader"		# it was under load
		n=$((n + 1))
		sleep 0.2
	done
	loaded
	grep -q '^live$' "$(controller_of "$1")/state"
}

# The block layer forgets that two requests have completed. The device, told to
# abort one, does not know it any more, so that the controller is reset.
time_out_under_load() {
	local fail=/sys/kernel/debug/fail_io_timeout block=/sys/block/${1##*/}
	local aborts resets

	aborts=$(dmesg | grep -c 'timeout, aborting' || :)
	resets=$(dmesg | grep -c 'timeout, reset controller' || :)
	echo 1000 >"$block/queue/io_timeout"
	echo 0 >$fail/verbose
	echo 100 >$fail/interval
	echo 100 >$fail/probability
	echo 1 >"$block/io-timeout-fail"
	echo 2 >$fail/times
	load "$1"
	loaded
	echo 0 >"$block/io-timeout-fail"
	echo 30000 >"$block/queue/io_timeout"
	[ "$(cat $fail/times)" = 0 ]
	[ "$(dmesg | grep -c 'timeout, aborting')" -gt "$aborts" ]
	[ "$(dmesg | grep -c 'timeout, reset controller')" -gt "$resets" ]
	grep -q '^live$' "$(controller_of "$1")/state"
}

# writes <disk>: how many there have been
writes() {
	local n

	read -r _ _ _ _ n _ <"/sys/block/${1##*/}/stat"
	echo "$n"
}

# The driver goes while requests are under way, which fail, and comes back, a few
# times over. Nobody else notices. Where the CPU is slow and the disk is not, the
# requests under way are hardly ever seen: the load has begun when it has written.
rebind_under_load() {
	local n=0 function disk begin other driver=/sys/bus/pci/drivers/nvme

	function=$(basename "$(pci_of "$1")")
	fio --name=other --filename="$2" --rw=randwrite --bs=4k --size=4m --direct=1 --iodepth=8 --ioengine=libaio \
		--verify=crc32c --verify_interval=512 --verify_fatal=1 --time_based --runtime=$((3 * LOAD)) \
		--output=/tmp/other.log &
	other=$!
	while [ $n -lt 3 ]; do
		disk=$(disk_of plain)
		begin=$(writes "$disk")
		load "$disk" --time_based --runtime="$LOAD"
		while [ "$(writes "$disk")" = "$begin" ]; do kill -0 "$loader"; done
		echo "$function" >$driver/unbind
		if wait "$loader"; then return 1; fi	# its requests have failed
		echo "$function" >$driver/bind
		wait_for_disks
		n=$((n + 1))
	done
	wait "$other" || { cat /tmp/other.log; return 1; }
	verify "$(disk_of plain)"
}

# soak <disk> <disk with metadata>
soak() {
	PLAIN=$1 PROTECTED=$2 fio --output=/tmp/fio.log /nvme-soak.fio || { cat /tmp/fio.log; return 1; }
	grep 'issued rwts' /tmp/fio.log
	no_errors
}

# A kernel that keeps account of mappings complains of what is left now.
unbind() {
	local disk

	for disk in "$@"; do basename "$(pci_of "$disk")"; done >/tmp/functions
	while read -r disk; do
		echo "$disk" >/sys/bus/pci/drivers/nvme/unbind
	done </tmp/functions
}
