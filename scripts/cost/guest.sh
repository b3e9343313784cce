# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Sourced by what measures a kernel with the series against one without, with the name
# of their configuration in $kernel: the guests that it boots.

out=build/cost
. scripts/lib/rootfs.sh
. scripts/lib/guest.sh

# kernel_dir <tree>: where its kernel is built; that of the benchmark is shared with it
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

# The disk holds nothing, and answers when the guest is surely idle: else it would be
# left to the host whether the guest has gone to sleep. The guest does not halt then,
# since its clock would jump to the next timer each time and have it handle that.
# shellcheck disable=SC2034 # for boot_cost()
nvme_args=idle=poll
# shellcheck disable=SC2034
nvme_disk=(-drive "if=none,id=disk,driver=null-co,size=1G,latency-ns=${LATENCY:-200000}"
	-device 'nvme,serial=cost,drive=disk,mdts=0')
