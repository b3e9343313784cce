#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# nvme-root.sh <directory>: the user space of the guest that scripts/nvme.sh
# boots, <directory>/initramfs, and an ACPI table for it, <directory>/ssdt.aml.
set -euo pipefail
. "$(dirname "$0")/repo.sh"
. scripts/guest-root.sh

out=$1
root=$out/root
KERNEL=${KERNEL:-build/kernel}

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

# Debian's fio knows Ceph, Gluster and RDMA: 70 MB of libraries, and most of a
# second for the guest to load them each time. It gets one library in place of
# them all, with a function of each name that must not be called.
install_fio()
{
	local fio needed keep='lib(c|m|z|aio|numa)\.so' symbols

	fio=$(command -v fio) || die "fio: not installed: make deps"
	needed=$(readelf -dW "$fio" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')
	ldd "$fio" | grep -E "^[[:space:]]*(/|$keep)" | grep -o '/[^ ]*' |
		xargs cp -L --parents -t "$root"
	# name@version of what the libraries that stay do not have
	symbols=$(awk '
		{ name = $NF; sub(/@.*/, "", name) }
		NF == 3 && $2 != "U" { has[name] }
		NF == 2 && $1 == "U" && !(name in has) { print $2 }' \
		<(find "$root" -name '*.so*' -exec nm -D --defined-only {} +) <(nm -D --undefined-only "$fio"))
	awk -F @ '{ print ".globl " $1 "; .type " $1 ", @function; " $1 ": ud2" }' <<< "$symbols" > "$out/unused.s"
	awk -F @ 'NF > 1 { names[$2] = names[$2] $1 "; " }
		END { for (v in names) print v " { global: " names[v] "};" }' <<< "$symbols" > "$out/unused.map"
	gcc -shared -nostdlib -Wl,--version-script="$out/unused.map" -o "$out/unused.so" "$out/unused.s"
	grep -Ev "^$keep" <<< "$needed" | xargs -I {} cp "$out/unused.so" "$root/lib/{}"
	cp "$fio" "$root/bin/"
}

guest_root "$root" scripts/nvme-init.sh
mkdir -p "$root"/{etc,mnt,tmp}
install_fio
for program in mke2fs e2fsck; do install_program "$program"; done
cp /etc/mke2fs.conf "$root/etc/"
cp scripts/nvme{,-soak}.fio scripts/nvme-{count,faults,steps}.sh "$root/"
cp "$KERNEL"/drivers/nvme/host/nvme{,-core}.ko "$root/" || die "$KERNEL/drivers/nvme/host/: no modules: make kernel"
pack_root "$root" > "$out/initramfs"
iasl -p "$out/ssdt" configs/nvme.asl > "$out/iasl.log" 2>&1 || die_log "$out/iasl.log" "configs/nvme.asl: iasl fails"
say INITRD "$out/initramfs ($(du -m "$out/initramfs" | cut -f 1) MB)"
