#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# bench-profile.sh <machine> <way> <pages>: the functions in which the instructions
# of one mapping and its unmapping are. Takes what scripts/bench.sh has built.
#
#   TREE=linux		or peer
#   MAPPINGS=<n>	that are traced: as many as fill the flush queue twice, but
#			no more than some 2^14 pages
set -euo pipefail
. "$(dirname "$0")/repo.sh"
. scripts/bench-guest.sh
. scripts/profile.sh

[ $# = 3 ] || die "bench-profile.sh $*: three arguments: <machine> <way> <pages>"
tree=${TREE:-linux}
mappings=${MAPPINGS:-$(($3 <= 32 ? 510 : 1 + 16384 / $3))}
log=$out/profile.$1.$tree.$2.$3
machines "$1" > /dev/null
arch=$(machine "$1" 2)
symbols=$(bench_kernel "$tree" "$arch")/System.map
for file in "$out/$tree.$arch.initramfs" "$symbols"; do
	[ -f "$file" ] || die "$file: missing: scripts/bench.sh $1"
done

# From one mark of bench_measure() in dma_iova_bench.c to the next
profile_begin "$log" "$symbols" pci_write_config_byte "$mappings"
boot "$1" "$tree" "$log" "pipe:$log.serial" "profile=$2:$3:$mappings" \
	-icount shift=0,sleep=off -smp 1 "${profile_args[@]}"
check_guest "$log"
profile_end "$log" "$symbols"
