#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A kernel with KMSAN has nothing to report when a device has written memory through the
# API: page by page, bounced, as requests of several segments, and by NVMe.
set -euo pipefail
. "$(dirname "$0")/../lib/repo.sh"

# The shadow of the memory that PCI has for its configuration would be a GiB.
export KERNEL=kmsan KERNEL_ARGS=pci=nommconf MEMORY=2G SPIN=3000 JOBS=1
failed=0

# suite <name> <machine>
suite() { SUITE=$1 scripts/guests/kunit/run.sh "$2" || failed=1; }

suite dma_iova virtio-strict
suite dma_iova_bounce virtio-bounce
suite blk_mq_dma intel-strict
suite blk_mq_dma_bounce intel-bounce
suite blk_mq_dma_swiotlb no-iommu-bounce
# Nothing is counted, since KMSAN reports kretprobes.
OUT=build/nvme-kmsan SOAK=60 scripts/guests/nvme/run.sh intel-lazy no-iommu || failed=1
exit "$failed"
