#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# build.sh <name>...: a kernel of configs/kernels builds
set -euo pipefail
. "$(dirname "$0")/../lib/repo.sh"

for name; do
	scripts/tree/kernel.sh "$name" >&2
	echo "ok - the kernel $name builds"
done
