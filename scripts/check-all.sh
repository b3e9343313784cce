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
step random env KUNIT_TIMEOUT=1800 KERNEL_ARGS=dma_iova_random_kunit.steps=500000 \
	scripts/kunit.sh mock dma_iova_random
step commits scripts/commits.sh
step breaks scripts/breaks.sh

steps_end
