#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# kernels.sh: the kernels that are compared by scripts/cost/nvme.sh, odp-cost.sh
# and vfio-cost.sh: with the series (build/cost/linux) and without (build/cost/base),
# both of one configuration.
#
#   NO_BUILD=1		take those that are there
set -euo pipefail
. "$(dirname "$0")/../lib/repo.sh"

out=build/cost

for t in base linux; do
	[ "${NO_BUILD:-0}" = 1 ] || SRC=build/$t O=$out/$t scripts/tree/kernel.sh cost
	[ -f "$out/$t/arch/x86/boot/bzImage" ] || die "$out/$t/arch/x86/boot/bzImage: missing: do without NO_BUILD"
done
# An option that is off may be known to one tree only.
diff <(grep '^CONFIG_' $out/base/.config) <(grep '^CONFIG_' $out/linux/.config) > $out/config.diff ||
	die "$out/config.diff: the kernels differ in $(grep -c '^[<>]' $out/config.diff) options: have them off in configs/cost.config"
