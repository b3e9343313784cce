#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# run.sh: boot a kernel that mounts its own NFS server by RDMA over soft RoCE, and writes
# and reads files. The server moves the data through R/W contexts of bio_vecs.
#
#   KERNEL=test		of configs/kernels
set -euo pipefail
. "$(dirname "$0")/../../lib/repo.sh"
. scripts/lib/rootfs.sh
. scripts/lib/guest.sh

OUT=build/nfs-rdma
dir=$OUT/no-iommu
KERNEL=${KERNEL:-test}
image=$(kernel_of "$KERNEL")

make_initramfs()
{
	local root=$OUT/root

	guest_root "$root" scripts/guests/nfs-rdma/init.sh
	mkdir "$root/export"
	install_program "$root" rdma
	install_modules "$root" "build/kernels/$KERNEL" drivers/net/dummy \
		fs/exportfs/exportfs fs/nfsd/nfsd net/dns_resolver/dns_resolver fs/nfs/nfsv4
	head -c 4194304 /dev/urandom > "$root/even"
	head -c 1050001 /dev/urandom > "$root/odd"
	head -c 100 /dev/urandom > "$root/small"
	pack_root "$root" > "$OUT/initramfs"
}

mkdir -p "$OUT"
lock nfs-rdma
make_initramfs
say BOOT 'NFS over RDMA, soft RoCE' >&2
rc=0
boot no-iommu "$dir" "$image" kunit.enable=0 -cpu EPYC -smp 2 -initrd "$OUT/initramfs" || rc=$?
sed -n 's/^ok /ok - nfs-rdma /p' "$dir/results"
wrong=$(verdict "$dir" "$rc" 'Call Trace')
[ -z "$wrong" ] || { echo "not ok - nfs-rdma $wrong"; exit 1; }
echo 'ok - nfs-rdma no warning'
