#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# nvme-profile.sh <machine> base|linux read|write <bytes> <layout>: the functions
# in which the instructions of an I/O are. Takes what scripts/nvme-cost.sh has built.
#
#   IOS=64	number of I/Os that are traced
set -euo pipefail
. "$(dirname "$0")/repo.sh"
. scripts/nvme-guest.sh
. scripts/profile.sh

[ $# = 5 ] || die "nvme-profile.sh $*: five arguments: <machine> base|linux read|write <bytes> <layout>"
ios=${IOS:-64}
log=$out/profile.$1.$2.$3.$4.$5
symbols=$out/$2/System.map
machines "$1" > /dev/null
for file in "$out/initramfs" "$symbols"; do
	[ -f "$file" ] || die "$file: missing: scripts/nvme-cost.sh $1"
done

# From one mark of record() in nvme_cost.c to the next
profile_begin "$log" "$symbols" rb_simple_write "$ios"
# A guest that is traced is slow, and so is its disk to be: see boot().
LATENCY=20000000 boot "$1" "$2" "$log" "pipe:$log.serial" "profile=$3:$4:$5:$ios" "${profile_args[@]}"
check_guest "$log"
profile_end "$log" "$symbols"
