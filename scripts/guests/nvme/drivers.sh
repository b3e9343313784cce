#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# drivers.sh <directory>: three more builds of the NVMe driver, in <directory>/<name>.
# QEMU's controller can use SGLs for metadata, but does not report that. All three builds
# use them, and take writes of up to 8 KiB for atomic, of which it reports none:
#
#   meta-sgl	nothing else
#   few-meta	the driver has room for one segment of metadata, and the queue allows two
#   meta-only	the driver uses no SGLs for data
set -euo pipefail
. "$(dirname "$0")/../../lib/repo.sh"
. scripts/lib/progress.sh

out=$1
name=${KERNEL:-run}
kernel=build/kernels/$name
compiler=$(kernel "$name" compiler)
compiler_args "${compiler:-gcc}"

# edit <file> <sed script>: it must change something
edit()
{
	cp "$1" "$1.orig"
	sed -i "$2" "$1"
	if cmp -s "$1" "$1.orig"; then die "$1: the line is not there any more: $2"; fi
}

# make_driver <name>: of what is in its directory
make_driver()
{
	make -C build/linux O="$PWD/$kernel" "${cc[@]}" -j"$JOBS" M="$PWD/$out/$1" modules > "$out/$1.log" 2>&1
}

build()
{
	with_progress "$out/$1: the NVMe driver" make_driver "$1" || die_log "$out/$1.log" "$out/$1: does not compile"
}

rm -rf "$out"/{meta-sgl,few-meta,meta-only}
cp -rL build/linux/drivers/nvme/host "$out/meta-sgl"
edit "$out/meta-sgl/nvme.h" 's/(ctrl->sgls & NVME_CTRL_SGLS_MSDS);/true;/'
edit "$out/meta-sgl/core.c" 's/atomic_bs = (1 + ns->ctrl->subsys->awupf) \* bs;/atomic_bs = 8192;/'
cp -r "$out/meta-sgl" "$out/few-meta"
edit "$out/few-meta/pci.c" 's/^#define NVME_MAX_META_SEGS .*/#define NVME_MAX_META_SEGS 1/
	s/max_integrity_segments = NVME_MAX_META_SEGS;/max_integrity_segments = NVME_MAX_META_SEGS + 1;/'
cp -r "$out/meta-sgl" "$out/meta-only"
edit "$out/meta-only/nvme.h" 's/return ctrl->sgls & ((1 << 0) | (1 << 1));/return false;/'
build meta-sgl
build few-meta
build meta-only
