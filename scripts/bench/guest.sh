# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Sourced by scripts/bench/run.sh and profile.sh: the guests that they boot, on
# the machines that configs/bench names.

out=build/bench
# shellcheck disable=SC2034 # for who sources this
table=configs/bench
. scripts/lib/guest.sh

# bench_kernel <architecture>: of configs/kernels
bench_kernel()
{
	if [ "$1" = x86_64 ]; then echo bench; else echo "bench-$1"; fi
}

# kernel_dir <tree> <architecture>: the directory where it is built
kernel_dir()
{
	case $1 in
	linux)	echo "$out/$1.$2" ;;
	peer)	echo "build/peer/$(bench_kernel "$2")" ;;
	esac
}

# boot_bench <machine> <tree> <directory> <kernel arguments> [QEMU argument...]. With
# icount a nanosecond is an instruction.
boot_bench()
{
	local name=$1 tree=$2 dir=$3 append=$4 arch image

	shift 4
	arch=$(machine "$name" arch)
	image=$(kernel_dir "$tree" "$arch")/$(kernel_image "$arch")
	[ -f "$image" ] || die "$image: missing: do without NO_BUILD"
	[ "$arch" != x86_64 ] || append="tsc=reliable $append"
	must_boot "$name" "$dir" "$image" "group=$(machine "$name" domain) $append" \
		-device edu,dma_mask=0xffffffffffffffff -initrd "$out/$tree.$arch.initramfs" "$@"
}
