#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The tests that are too slow for check.sh, and those of other machines.
set -euo pipefail
. "$(dirname "$0")/repo.sh"
. scripts/steps.sh
steps_begin build/check-all

step arm64-lint env ARCH=arm64 scripts/lint.sh
step arm64-kunit env ARCH=arm64 scripts/kunit.sh
step series single 'git am of the series gives build/linux' scripts/series.sh
step debug-kernel single 'the debug kernel builds' \
	env O=build/debug scripts/kernel.sh configs/rdma.config configs/debug.config
step debug-kunit env KERNEL=build/debug KUNIT_TIMEOUT=900 scripts/kunit.sh
# dma-debug takes small metadata buffers in one cache line for a mistake, and not
# only for that of this driver; the soak has none that small.
step debug-nvme env KERNEL=build/debug KERNEL_ARGS=dma_debug=off OUT=build/nvme-debug JOBS=1 MEMORY=2G NVME_TIMEOUT=900 SHORT=1 LOAD=15 scripts/nvme.sh
step debug-soak env KERNEL=build/debug OUT=build/soak MEMORY=2G NVME_TIMEOUT=600 SOAK=600 scripts/nvme.sh intel-lazy
step debug-stress env KERNEL=build/debug KUNIT_TIMEOUT=900 KERNEL_ARGS=dma_iova_stress_kunit.rebinds=200 \
	scripts/kunit.sh intel-smp
step random env KUNIT_TIMEOUT=1800 KERNEL_ARGS=dma_iova_random_kunit.steps=500000 \
	scripts/kunit.sh mock dma_iova_random
step dma-debug-kernel single 'the kernel with dma-debug builds' \
	env O=build/dma-debug scripts/kernel.sh configs/dma-debug.config
step commits scripts/commits.sh
step breaks scripts/breaks.sh

steps_end
