# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# Sourced by the first process of a guest with NVMe disks.

# disk_of <serial number>
disk_of() {
	set -- "$(grep -l "^$1 *$" /sys/class/nvme/nvme*/serial)"
	set -- "${1%/serial}"/nvme*n1
	[ -b "/dev/${1##*/}" ]
	echo "/dev/${1##*/}"
}

pci_of() {
	readlink -f "/sys/block/${1##*/}/device/device"
}

# is_translated <disk>: it sees memory by IO addresses of its own
is_translated() {
	grep -qs ^DMA "$(pci_of "$1")/iommu_group/type"
}
