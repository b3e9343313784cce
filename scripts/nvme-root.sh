#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# nvme-root.sh <directory>: the user space of the guest that scripts/nvme.sh
# boots, <directory>/initramfs, and an ACPI table for it, <directory>/ssdt.aml.
set -euo pipefail
. "$(dirname "$0")/repo.sh"

out=$1
root=$out/root

# install_program <name>: at its own path, with its libraries at theirs
install_program()
{
	local path libraries

	path=$(PATH=$PATH:/usr/sbin:/sbin command -v "$1") || die "$1: not installed: make deps"
	libraries=$(ldd "$path") || die "$path: ldd fails"
	if grep 'not found' <<< "$libraries" >&2; then die "$path: lacks a library: make deps"; fi
	grep -o '/[^ ]*' <<< "$libraries" | xargs cp -L --parents -t "$root"
	cp -L "$path" "$root/bin/"
}

rm -rf "$root"
mkdir -p "$root"/{bin,dev,etc,mnt,proc,sys,tmp}
cp /bin/busybox "$root/bin/" || die "/bin/busybox: not installed: make deps"
for program in fio mke2fs e2fsck; do install_program "$program"; done
cp /etc/mke2fs.conf "$root/etc/"
cp scripts/nvme.fio scripts/nvme-{count,faults}.sh "$root/"
install -m 755 scripts/nvme-init.sh "$root/init"

# Not compressed: unpacking costs the guest more than QEMU the reading.
(cd "$root" && find . | cpio --quiet -o -H newc -R 0:0) > "$out/initramfs"
iasl -p "$out/ssdt" configs/nvme.asl > "$out/iasl.log" 2>&1 || die_log "$out/iasl.log" "configs/nvme.asl: iasl fails"
say INITRD "$out/initramfs ($(du -m "$out/initramfs" | cut -f 1) MB)"
