# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# Sourced by the first process of a guest with NVMe disks.

# disk_of <serial number>
disk_of() {
	set -- "$(grep -l "^$1 *$" /sys/class/nvme/nvme*/serial)"
	set -- "${1%/serial}"/nvme*n1
	[ -b "/dev/${1##*/}" ] || return 1	# set -e is off in a condition
	echo "/dev/${1##*/}"
}

pci_of() {
	readlink -f "/sys/block/${1##*/}/device/device"
}

# is_translated <disk>: whether it has IO addresses of its own
is_translated() {
	grep -qs ^DMA "$(pci_of "$1")/iommu_group/type"
}

is_strict() {
	grep -qsx DMA "$(pci_of "$1")/iommu_group/type"
}

# insert_driver <directory of the modules, or nothing for /> [argument of the driver...]
insert_driver() {
	local dir=$1

	shift
	# A slow host does not lose a request.
	insmod "$dir/nvme-core.ko" io_timeout=600 admin_timeout=600
	insmod "$dir/nvme.ko" "$@"
}

# verify_io <argument of fio...>: sector by sector
verify_io() {
	fio --name=verify --eta=never --direct=1 --verify=crc32c --verify_interval=512 --verify_fatal=1 \
		--output=/tmp/fio.log "$@" || { cat /tmp/fio.log; return 1; }
}

# spoil_sector <disk>: overwrites what was written there
spoil_sector() {
	dd if=/dev/urandom of="$1" bs=512 seek=777 count=1 oflag=direct 2>/dev/null
}

# found_spoiled <what fio has said>: it names the sector by its offset
found_spoiled() {
	grep -q 'verify: bad .* offset 397824' "$1"
}

# mapped_pages <disk>: with those of the driver's pools and queues; prints nothing if that
# cannot be seen, which only VT-d shows
mapped_pages() {
	local tables

	tables=/sys/kernel/debug/iommu/intel/$(basename "$(pci_of "$1")")/domain_translation_struct
	if [ "$(argument intel_iommu)" = on ]; then grep -c '|' "$tables" || [ $? = 1 ]; fi
}

controller_of() {
	readlink -f "/sys/block/${1##*/}/device"
}

is_live() {
	grep -q '^live$' "$(controller_of "$1")/state"
}
