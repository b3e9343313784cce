#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# bench-build.sh <tree> <source> <architecture>: what a guest of scripts/bench.sh
# needs: the kernel of the source, the module for it, and an initramfs.
set -euo pipefail
. "$(dirname "$0")/repo.sh"
. scripts/guest-root.sh
. scripts/bench-guest.sh

tree=$1 src=$2 arch=$3
kernel=$(bench_kernel "$tree" "$arch")
module=tools/testing/selftests/dma/test_modules
name=$tree.$arch
cross=${CROSS_COMPILE-$(cross_compile "$arch")}

# A newer kernel has not all of the options. One that matters, such as an IOMMU's,
# is missed when the guest does not find the device behind it.
lose=0
[ "$tree" = linux ] || lose=1
fragments=(configs/cost.config)
[ "$arch" = x86_64 ] || fragments+=("configs/bench-$arch.config")
LOSE=$lose SRC=$src O=$kernel ARCH=$arch CROSS_COMPILE=$cross scripts/kernel.sh "${fragments[@]}"

# The module is built on a copy, as its directory is where its objects go.
rm -rf "${out:?}/$name.module"
cp -r "$module" "$out/$name.module"
make -C "$src" O="$PWD/$kernel" ARCH="$arch" CROSS_COMPILE="$cross" CC="ccache ${cross}gcc" \
	M="$PWD/$out/$name.module" modules > "$out/$name.module.log" 2>&1 ||
	die_log "$out/$name.module.log" "$module: does not compile for $src"

root=$out/$name.root
rm -rf "$root"
mkdir -p "$root"/{dev,proc,sys}
cp "$out/$name.module/dma_iova_bench.ko" "$root/"
"${cross}gcc" -static -O2 -Wall -o "$root/init" scripts/bench-init.c 2> "$out/$name.init.log" ||
	die_log "$out/$name.init.log" "scripts/bench-init.c: does not compile"
sed -n 's/^pages //p' "$table" > "$root/pages"
sed -n 's/^hammer //p' "$table" > "$root/hammer"
pack_root "$root" > "$out/$name.initramfs"
