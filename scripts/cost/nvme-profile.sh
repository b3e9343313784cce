#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# nvme-profile.sh <machine> base|linux read|write <bytes> <layout>: prints the functions
# with the instructions of an I/O. Uses what scripts/cost/nvme.sh has built.
#
#   IOS=64	number of I/Os that are traced
set -euo pipefail
. "$(dirname "$0")/../lib/repo.sh"
kernel=bench
LATENCY=20000000	# a guest that is traced is slow, and so is its disk to be
. scripts/cost/guest.sh
. scripts/lib/profile.sh

[ $# = 5 ] || die "nvme-profile.sh $*: five arguments: <machine> base|linux read|write <bytes> <layout>"
ios=${IOS:-64}
dir=$out/profile.$1.$2.$3.$4.$5
symbols=$(kernel_dir "$2")/System.map
machine "$1" arch > /dev/null
for file in "$out/initramfs" "$symbols"; do
	[ -f "$file" ] || die "$file: missing: scripts/cost/nvme.sh $1"
done

# From one mark of record() in nvme_cost.c to the next
profile_begin "$dir" "$symbols" rb_simple_write "$ios"
RESULTS=pipe:$dir/serial boot_cost "$1" "$2" "$dir" $out/initramfs "$nvme_args profile=$3:$4:$5:$ios" \
	"${nvme_disk[@]}" "${profile_args[@]}"
profile_end "$dir" "$symbols"
