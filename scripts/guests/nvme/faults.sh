# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# Sourced by scripts/guests/nvme/init.sh: things that go wrong while a disk is busy, or
# may go wrong if it is busy for long. The data that was written must be there all the
# same.

# A word for each time
if [ "$SIZE" = 4m ]; then rounds=1; else rounds='1 2 3'; fi

reset_under_load() {
	load reset "$1"
	for _ in $rounds; do
		busy reset "$1"
		echo 1 >"$(controller_of "$1")/reset_controller"
		busy reset "$1"
	done
	stop_load reset "$1"
	is_live "$1"
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
	for _ in $rounds; do
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
