# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Sourced: one boot of a kernel with KUnit suites in it.

# boot_kunit <machine> <directory> <image> <kernel argument>... -- [qemu argument...]
# With a device that moves data, and one with memory
boot_kunit()
{
	local name=$1 dir=$2 image=$3 append=() bus='' clock=()

	shift 3
	while [ "$1" != -- ]; do append+=("$1"); shift; done
	shift
	# Without a second CPU, the guest's time is that of its instructions. With one, it is
	# the host's, and the watchdog decides when a case has taken too long.
	if [[ $(machine "$name" qemu) == *-smp* ]]; then
		append+=(kunit.timeout=1000000)
	else
		append+=("$icount_append")
		clock=("${icount[@]}")
	fi
	# Slot 0 has the ID that the bridge gives to all.
	if [[ $(machine "$name" qemu) == *id=bridge* ]]; then bus=,bus=bridge,addr=1; fi
	boot "$name" "$dir" "$image" "${append[*]}" -m "${MEMORY:-1G}" "${clock[@]}" \
		-device "edu,dma_mask=0xffffffffffffffff$bus" \
		-object memory-backend-ram,id=p2p,size=4M -device ivshmem-plain,memdev=p2p "$@"
}
