#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# kernels.sh <kernel of configs/kernels>: builds the two kernels that scripts/cost/*.sh
# compare, with the series and without, both with one configuration.
#
#   NO_BUILD=1		take those that are there
set -euo pipefail
. "$(dirname "$0")/../lib/repo.sh"

kernel=$1
. scripts/cost/guest.sh

mkdir -p $out
for t in base linux; do
	dir=$(kernel_dir $t)
	[ "${NO_BUILD:-0}" = 1 ] || SRC=build/$t O=$dir scripts/tree/kernel.sh "$kernel"
	[ -f "$dir/arch/x86/boot/bzImage" ] || die "$dir/arch/x86/boot/bzImage: missing: do without NO_BUILD"
done
# An option that is off may be known to one tree only.
diff <(grep '^CONFIG_' "$(kernel_dir base)/.config") <(grep '^CONFIG_' "$(kernel_dir linux)/.config") > $out/config.diff ||
	die "$out/config.diff: the kernels differ in $(grep -c '^[<>]' $out/config.diff) options: have them off in configs/cost.config"
