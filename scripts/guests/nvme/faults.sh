# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# Sourced by scripts/guests/nvme/init.sh: things that go wrong while a disk is busy, or
# may go wrong if it is busy for long. The data that was written must be there all the
# same. Nothing waits for a time: a load runs when its I/O is counted.

# load <name> <disk> [fio argument...]: write and verify in the background, 32 requests at
# a time, until stop_load()
load() {
	local name=$1 disk=$2

	shift 2
	fio --name="$name" --eta=never --filename="$disk" --size=4m --rw=randwrite --time_based --runtime=1000d \
		--bssplit=512/20:4k/30:20k/20:128k/30 --ioengine=libaio --iodepth=32 --direct=1 \
		--verify=crc32c --verify_interval=512 --verify_fatal=1 --output="/tmp/$name.log" "$@" &
	echo $! >"/tmp/$name.pid"
}

# alive <name>: whether the load goes on
alive() {
	kill -0 "$(cat "/tmp/$1.pid")" || { cat "/tmp/$1.log"; return 1; }
}

# completed <disk> <column>: the counter in that column of /sys/block/<disk>/stat; 1 is
# reads, 3 sectors read, 5 writes
completed() {
	awk -v column="$2" '{ print $column }' "/sys/block/${1##*/}/stat"
}

# wait_for_more <name> <disk> <column> <how much>
wait_for_more() {
	local end

	end=$(($(completed "$2" "$3") + $4))
	until [ "$(completed "$2" "$3")" -ge $end ]; do
		alive "$1"
		sleep 0.1
	done
}

# busy <name> <disk>: wait until more I/O of the load has completed
busy() {
	wait_for_more "$1" "$2" 5 32
}

# stop_load <name> <disk>: stop it when it has read and verified all of its data twice
# more. So all of it has been written before at least one of these.
stop_load() {
	local rc=0

	wait_for_more "$1" "$2" 3 16384
	alive "$1"
	kill -INT "$(cat "/tmp/$1.pid")"
	wait "$(cat "/tmp/$1.pid")" || rc=$?
	if [ $rc != 128 ] || grep -E 'verify:|err=[^ ]*[1-9]' "/tmp/$1.log"; then	# 128: by a signal, else well
		cat "/tmp/$1.log"
		return 1
	fi
}

# has_failed <name>: the load of a disk that has gone
has_failed() {
	if wait "$(cat "/tmp/$1.pid")"; then return 1; fi
}

controller_of() {
	readlink -f "/sys/block/${1##*/}/device"
}

is_live() {
	grep -q '^live$' "$(controller_of "$1")/state"
}

reset_under_load() {
	load reset "$1"
	for _ in 1 2 3; do
		busy reset "$1"
		echo 1 >"$(controller_of "$1")/reset_controller"
		busy reset "$1"
	done
	stop_load reset "$1"
	is_live "$1"
}

# told <pattern>: how often the kernel has logged this
told() {
	dmesg | grep -c "$1" || :
}

# wait_until_told <pattern> <how often before> <name of the load>
wait_until_told() {
	until [ "$(told "$1")" -gt "$2" ]; do
		alive "$3"
		sleep 1
	done
}

# The block layer drops the completion of a request. The driver asks the device to abort
# it, which the device no longer knows, so the controller is reset after as long again. A
# request that the device has keeps its time-out when it is tried again. So the time-out is
# long, and few requests are under way, for a slow host.
time_out_under_load() {
	local fail=/sys/kernel/debug/fail_io_timeout block=/sys/block/${1##*/}
	local aborts resets timeout

	aborts=$(told 'timeout, aborting')
	resets=$(told 'timeout, reset controller')
	timeout=$(cat "$block/queue/io_timeout")
	load time-out "$1" --iodepth=4
	busy time-out "$1"
	echo 10000 >"$block/queue/io_timeout"
	echo 0 >$fail/verbose
	echo 100 >$fail/interval
	echo 100 >$fail/probability
	echo 1 >"$block/io-timeout-fail"
	echo 1 >$fail/times
	until [ "$(cat $fail/times)" = 0 ]; do
		alive time-out
		sleep 0.1
	done
	echo 0 >"$block/io-timeout-fail"
	wait_until_told 'timeout, aborting' "$aborts" time-out
	wait_until_told 'timeout, reset controller' "$resets" time-out
	busy time-out "$1"
	stop_load time-out "$1"
	# Not before: an aborted request gets as much time again.
	echo "$timeout" >"$block/queue/io_timeout"
	is_live "$1"
}

# The driver goes while requests are under way, which fail, and comes back, several times.
# The other disk must not be disturbed.
rebind_under_load() {
	local function disk driver=/sys/bus/pci/drivers/nvme

	function=$(basename "$(pci_of "$1")")
	load other "$2"
	for _ in 1 2 3; do
		disk=$(disk_of plain)
		load gone "$disk"
		busy gone "$disk"
		busy other "$2"
		echo "$function" >$driver/unbind
		has_failed gone
		echo "$function" >$driver/bind
		wait_for_disks
	done
	stop_load other "$2"
	verify "$(disk_of plain)"
}
