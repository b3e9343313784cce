#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# profile.sh <machine> <way> <pages>: prints the functions with the instructions of one
# mapping and its unmapping. Uses what scripts/bench/run.sh has built.
#
#   TREE=linux		or peer
#   MAPPINGS=<n>	that are traced: as many as fill the flush queue twice, but
#			no more than some 2^14 pages
set -euo pipefail
. "$(dirname "$0")/../lib/repo.sh"
. scripts/bench/guest.sh
. scripts/lib/profile.sh

[ $# = 3 ] || die "bench/profile.sh $*: three arguments: <machine> <way> <pages>"
tree=${TREE:-linux}
mappings=${MAPPINGS:-$(($3 <= 32 ? 510 : 1 + 16384 / $3))}
dir=$out/profile.$1.$tree.$2.$3
arch=$(machine "$1" arch)
symbols=$(kernel_dir "$tree" "$arch")/System.map
for file in "$out/$tree.$arch.initramfs" "$symbols"; do
	[ -f "$file" ] || die "$file: missing: scripts/bench/run.sh $1"
done

# From one mark of bench_measure() in dma_iova_bench.c to the next
profile_begin "$dir" "$symbols" pci_write_config_byte "$mappings"
RESULTS=pipe:$dir/serial boot_bench "$1" "$tree" "$dir" "profile=$2:$3:$mappings" \
	"${icount[@]}" "${profile_args[@]}"
profile_end "$dir" "$symbols"
