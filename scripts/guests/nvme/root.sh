#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# root.sh <directory>: makes the user space of the guest that scripts/guests/nvme/run.sh
# boots, <directory>/initramfs, and an ACPI table for it, build/nvme/port.aml.
set -euo pipefail
. "$(dirname "$0")/../../lib/repo.sh"
. scripts/lib/rootfs.sh

out=$1
root=$out/root
kernel=build/kernels/${KERNEL:-run}

scripts/guests/nvme/drivers.sh "$out"
guest_root "$root" scripts/guests/nvme/init.sh
install_fio "$root" "$out"
for name in mke2fs e2fsck blkdiscard; do install_program "$root" $name; done
cp /etc/mke2fs.conf "$root/etc/"
cp scripts/guests/nvme/{*.fio,batch.sh,count.sh,disks.sh,faults.sh,inject.sh,large.sh,load.sh,p2p.sh,steps.sh,verify.sh,ways.sh} "$root/"
install_modules "$root" "$kernel" drivers/nvme/host/nvme{-core,}
for name in meta-sgl few-meta meta-only; do
	mkdir "$root/$name"
	install_modules "$root/$name" "$out/$name" nvme{-core,}
done
for name in nvme_passthrough p2p_direct_io; do
	build_program build/linux/tools/testing/selftests/dma/$name.c "$root/$name" "$out/$name.log"
done
pack_root "$root" > "$out/initramfs"
mkdir -p build/nvme
iasl -p build/nvme/port scripts/guests/nvme/port.asl > "$out/iasl.log" 2>&1 ||
	die_log "$out/iasl.log" "scripts/guests/nvme/port.asl: iasl fails"
