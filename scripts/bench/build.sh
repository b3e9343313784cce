#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# build.sh <tree> <source> <architecture>: builds what a guest of scripts/bench/run.sh
# needs: the kernel of the source, the module for it, and an initramfs.
set -euo pipefail
. "$(dirname "$0")/../lib/repo.sh"
. scripts/lib/rootfs.sh
. scripts/bench/guest.sh

tree=$1 src=$2 arch=$3
kernel=$(kernel_dir "$tree" "$arch")
module=tools/testing/selftests/dma/test_modules
name=$tree.$arch
cross=${CROSS_COMPILE-$(cross_compile "$arch")}

# A newer kernel lacks some of the options. If an important one is missing, such as an
# IOMMU, the guest does not find the device behind it.
export CROSS_COMPILE=$cross
case $tree in
linux)	O=$kernel scripts/tree/kernel.sh "$(bench_kernel "$arch")" ;;
peer)	PEER=$src scripts/tree/peer.sh "$(bench_kernel "$arch")" ;;
esac
build_module $module "$src" "$kernel" "$out/$name.module" ARCH="$arch" CROSS_COMPILE="$cross" CC="ccache ${cross}gcc"

root=$out/$name.root
rm -rf "$root"
mkdir -p "$root"/{dev,proc,sys}
cp "$out/$name.module/dma_iova_bench.ko" "$root/"
"${cross}gcc" -static -O2 -Wall -o "$root/init" scripts/bench/init.c 2> "$out/$name.init.log" ||
	die_log "$out/$name.init.log" "scripts/bench/init.c: does not compile"
sed -n 's/^pages //p' "$table" > "$root/pages"
sed -n 's/^hammer //p' "$table" > "$root/hammer"
pack_root "$root" > "$out/$name.initramfs"
