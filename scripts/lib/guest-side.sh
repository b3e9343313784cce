# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# Sourced by the first process of a guest, when it begins. Sets up the console and the
# file systems, and sources guest-results.sh.

. /leaks.sh
/bin/busybox --install -s /bin
mount -t devtmpfs devtmpfs /dev
exec </dev/console >/dev/console 2>&1
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t debugfs debugfs /sys/kernel/debug
mount -t tracefs tracefs /sys/kernel/tracing

power_off() {
	poweroff -f
}

. /guest-results.sh

# mark_phase <PCI device in sysfs> <n>: writes the number of the phase to the interrupt
# line in the device's config space. The guest does not use it. QEMU traces the write
# among the requests to the IOMMU.
mark_phase() {
	# shellcheck disable=SC2059 # the format is the octal escape
	printf "\\$(printf %03o "$2")" |
		dd of="$1/config" bs=1 seek=60 conv=notrunc 2>/dev/null
}
