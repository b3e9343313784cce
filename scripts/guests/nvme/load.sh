# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# Sourced by the first process of a guest with NVMe disks: a load that runs while
# something happens to a disk. Nothing waits for a time: a load runs when its I/O is
# counted.

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
