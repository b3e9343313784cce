# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# Sourced by scripts/guests/nvme/init.sh: I/O to the memory that a controller offers to
# other devices.

# The memory that the controller with this serial number offers to other devices
p2p_of() {
	echo "$(readlink -f "$(dirname "$(grep -l "^$1 *$" /sys/class/nvme/nvme*/serial)")/device")/p2pmem/allocate"
}

# verify_p2p <where> <disk>: data that is written from a controller's memory is read into
# ordinary memory, and the other way round
verify_p2p() {
	local mem

	mem=mmapshared:$(p2p_of "$1")
	set -- fio --filename="$2" --size=1m --bs=64k --rw=write --ioengine=libaio --iodepth=4 --direct=1 \
		--verify=crc32c --verify_interval=512 --verify_fatal=1 --output=/tmp/fio.log
	"$@" --name=out --mem="$mem" --do_verify=0
	"$@" --name=out --verify_only
	"$@" --name=in --do_verify=0
	"$@" --name=in --mem="$mem" --verify_only
}

# mix_p2p <where> <disk>: memory of the controller and ordinary memory, in one call
mix_p2p() {
	[ "$(/p2p_direct_io "$2" "$(p2p_of "$1")")" = 44 ]
	no_errors
}

# mix_p2p_atomically <where> <disk>: the same, and eight atomic writes
mix_p2p_atomically() {
	[ "$(/p2p_direct_io "$2" "$(p2p_of "$1")")" = 52 ]
}
