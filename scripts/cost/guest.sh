# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Sourced by scripts that measure a kernel with the series against one without, with the
# name of their configuration in $kernel: boots the guests.

out=build/cost
. scripts/lib/rootfs.sh
. scripts/lib/guest.sh

# kernel_dir <tree>: the directory where its kernel is built; the one of the benchmark is
# shared with it
kernel_dir()
{
	# shellcheck disable=SC2154
	if [ "$kernel" = bench ]; then echo "build/bench/$1.x86_64"; else echo "$out/$1"; fi
}

# boot_cost <machine> <tree> <directory> <initramfs> <kernel arguments>
# [QEMU argument...]. With icount a nanosecond is an instruction.
boot_cost()
{
	local name=$1 tree=$2 dir=$3 initramfs=$4 append=$5

	shift 5
	say BOOT "$name, $tree" >&2
	must_boot "$name" "$dir" "$(kernel_dir "$tree")/$(kernel_image x86_64)" \
		"tsc=reliable group=$(machine "$name" domain) $append" "${icount[@]}" -initrd "$initramfs" "$@"
}

# The disk holds no data, and answers only when the guest is surely idle. Otherwise it
# would depend on the host whether the guest sleeps. The idle guest does not halt: its
# clock would jump to the next timer each time, and it would have to handle that.
# shellcheck disable=SC2034 # for boot_cost()
nvme_args=idle=poll
# shellcheck disable=SC2034
nvme_disk=(-drive "if=none,id=disk,driver=null-co,size=1G,latency-ns=${LATENCY:-200000}"
	-device 'nvme,serial=cost,drive=disk,mdts=9')
