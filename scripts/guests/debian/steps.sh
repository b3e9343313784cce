#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# systemd runs this in the guest of scripts/guests/debian/run.sh, once for each boot, as
# root, with the root file system on an NVMe disk. From the kernel's command line: BOOT,
# one of the functions at the end; RELEASE, the kernel of the packages; DOMAIN, the type
# of the disk's IOMMU group; results, a serial port. Prints a line "ok <what>" for each
# step.
set -eu

exec </dev/console >/dev/console 2>&1
export PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive HOME=/root
cd /stuff

# shellcheck source=scripts/lib/leaks.sh
. /stuff/leaks.sh
power_off() { :; }	# systemd does, when what it was to run has ended
# shellcheck source=scripts/lib/guest-results.sh
. /stuff/guest-results.sh

release=$(argument RELEASE)
tracing=/sys/kernel/tracing
disk=/sys/block/nvme0n1

runs() {
	case $1 in
	own) [ "$(uname -r)" = "$release" ] ;;
	old) [ "$(uname -r)" != "$release" ] ;;
	esac
}

root_is_on_nvme() {
	[ "$(findmnt -no SOURCE /)" = /dev/nvme0n1 ]
}

group_type() {
	cat "$(readlink -f $disk/device/device)/iommu_group/type"
	[ "$(cat "$(readlink -f $disk/device/device)/iommu_group/type")" = "$(argument DOMAIN)" ]
}

# Nothing that is read from the disk is in the page cache.
write_and_read() {
	dd if=/dev/urandom of=data bs=1M count=16 conv=fsync
	sha256sum data >data.sum
	sync
	echo 3 >/proc/sys/vm/drop_caches
	sha256sum -c data.sum
}

# Each step of a mapping is traced for the disk. One destroy may be for several requests.
traced_io() {
	local function event step n

	function=$(basename "$(readlink -f $disk/device/device)")
	for event in "$tracing"/events/dma/dma_iova_*; do echo 1 >"$event/enable"; done
	write_and_read
	for event in "$tracing"/events/dma/dma_iova_*; do echo 0 >"$event/enable"; done
	for step in try_alloc link_vec sync destroy; do
		n=$(grep -cE " dma_iova_(batch_)?$step: .*$function" "$tracing/trace") || true
		echo "traced $step $n"
		echo "traced $step $n" >&3
		[ "$n" -gt 0 ]
	done
}

# A hook of Debian's makes an initramfs for the kernel's package.
install_packages() {
	apt-get -y -q --no-install-recommends install /stuff/*.deb
	[ -s "/boot/vmlinuz-$release" ]
	[ -s "/boot/initrd.img-$release" ]
}

no_link_dangles() {
	[ -z "$(find "/usr/src/linux-headers-$release/" "/lib/modules/$release/" -xtype l)" ]
}

# build_module <directory> [argument of make...]: as the README says
build_module() {
	local dir=$1

	shift
	make -C "/lib/modules/$(uname -r)/build" M="$dir" "$@"
}

# edu: the device, in sysfs
edu() {
	dirname "$(grep -l 0x11e8 /sys/bus/pci/devices/*/device)"
}

sample_copies() {
	head -c 20001 /dev/urandom >odd
	insmod sample/edu-dma.ko
	dd if=odd of=/dev/edu-dma bs=1M
	cmp odd /dev/edu-dma
	cat /sys/kernel/debug/edu-dma/stats
	grep -q '^links 1 1$' /sys/kernel/debug/edu-dma/stats
	rmmod edu-dma
}

every_function() {
	insmod module/every-function.ko
	[ "$(basename "$(readlink "$(edu)/driver")")" = every-function ]
	rmmod every-function
}

remove_packages() {
	apt-get -y -q purge "linux-image-$release" "linux-headers-$release"
	[ -z "$(find /boot /lib/modules /usr/src -name "*$release*")" ]
}

boot_install() {
	try "Debian's kernel boots" runs old
	try 'apt installs the packages' install_packages
	try 'no link of the headers dangles' no_link_dangles
}

boot_use() {
	try "the package's kernel boots" runs own
	try 'the root file system is on NVMe' root_is_on_nvme
	try "the disk's group is of the type that was asked for" group_type
	try "the root file system's I/O is traced" traced_io
	try 'the sample driver compiles against the headers' build_module /stuff/sample CONFIG_SAMPLE_DMA_IOVA=m
	try 'a driver that uses every function compiles' build_module /stuff/module
	try 'the sample driver copies data' sample_copies
	try 'every function does what it says' every_function
	try 'apt removes the packages' remove_packages
}

boot_after() {
	try "Debian's kernel boots again" runs old
	try "what the package's kernel has written is there" sha256sum -c data.sum
}

"boot_$(argument BOOT)"
# shellcheck disable=SC2034 # for finish()
doing=ok
