#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# nvme.sh [machine...]: measures guest instructions and memory for an NVMe I/O, with the
# series (build/linux) and without (build/base), side by side. Both kernels have one
# configuration. configs/cost has the machines, the I/Os and the limits;
# scripts/cost/nvme-report.sh compares, and scripts/cost/nvme-plot.sh plots.
#
#   KERNEL_ARGS=	more kernel arguments
#   LATENCY=200000	nanoseconds of the disk, by the clock on the wall
#   NO_BUILD=1		take the kernels that are there
#
# On a busy machine the guest may not wait before its disk answers, and gives up. Real-time
# priority helps: NO_BUILD=1 chrt -r 1 scripts/cost/nvme.sh
set -euo pipefail
. "$(dirname "$0")/../lib/repo.sh"
# shellcheck disable=SC2034 # for guest.sh
kernel=bench
. scripts/cost/guest.sh

table=configs/cost
trees='base linux'

build()
{
	scripts/cost/kernels.sh $kernel
	build_program build/linux/tools/testing/selftests/dma/nvme_cost.c $out/nvme_cost $out/nvme_cost.log
}

# dwarf <tree> <object>: its debug information. The object is compiled once more for that,
# in the same way, to another place.
dwarf()
{
	local cmd file=$PWD/$out/dwarf.$1.o

	cmd=$(sed -n '1s/^savedcmd_[^ ]* := //; 1s/ ; .*//; 1s/ -Wp,-MMD,[^ ]*//; 1p' "$(kernel_dir "$1")/${2%/*}/.${2##*/}.cmd")
	(cd "$(kernel_dir "$1")" && eval "${cmd/ -o $2 / -g -o $file }") > $out/dwarf.log 2>&1 ||
		die_log $out/dwarf.log "$2: does not compile for its debug information"
	readelf --debug-dump=info "$file" 2>> $out/dwarf.log
	rm "$file"
}

# size_of <struct>, offset_of <struct> <member>, of the debug information given
read_dwarf()
{
	awk -v struct="$1" -v member="${2:-}" '
		/DW_TAG_/ { tag = $NF; if (tag ~ /structure_type/) type = "" }
		/DW_AT_name / { name = $NF; if (tag ~ /structure_type/) type = name }
		/DW_AT_byte_size/ && tag ~ /structure_type/ && type == struct && !member { value = $NF }
		/DW_AT_data_member_location/ && tag ~ /_member/ && type == struct && name == member { value = $NF }
		END { if (value == "") exit 1; print value }' ||
		die "struct $1 ${2:-}: not in the debug information: it may have been renamed"
}

make_initramfs()
{
	local root=$out/root

	guest_root $root scripts/cost/nvme-init.sh
	cp $out/nvme_cost $root/
	sed -n 's/^io //p' $table > $root/ios
	pack_root $root > $out/initramfs
}

asked=$(machines $table "$@")
mkdir -p "$out"
build
pool_size=$(dwarf base mm/dmapool.o | read_dwarf dma_pool size)
for t in $trees; do
	mkdir -p "$out/iod.$t"
	echo "iod $(dwarf "$t" drivers/nvme/host/pci.o | read_dwarf nvme_iod)" > "$out/iod.$t/results"
done
make_initramfs
for name in $asked; do
	for t in $trees; do
		boot_cost "$name" "$t" "$out/$name.$t" $out/initramfs "$nvme_args pool_size=$pool_size" "${nvme_disk[@]}"
	done
done
rc=0
# shellcheck disable=SC2086
scripts/cost/nvme-report.sh $asked || rc=$?
scripts/cost/nvme-plot.sh
exit $rc
