#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# root.sh <directory>: the user space of the guest that scripts/guests/nvme/run.sh
# boots, <directory>/initramfs, and an ACPI table for it, build/nvme/port.aml.
set -euo pipefail
. "$(dirname "$0")/../../lib/repo.sh"
. scripts/lib/rootfs.sh

out=$1
root=$out/root
kernel=build/kernels/${KERNEL:-run}
passthrough=build/linux/tools/testing/selftests/dma/nvme_passthrough.c

# Debian's fio knows Ceph, Gluster and RDMA: 70 MB of libraries, and most of a
# second for the guest to load them each time. It gets one library in place of
# them all, with a function of each name that must not be called.
install_fio()
{
	local fio needed keep='lib(c|m|z|aio|numa)\.so' symbols

	fio=$(program fio)
	needed=$(readelf -dW "$fio" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')
	install_libraries "$root" "$fio" "^[[:space:]]*(/|$keep)"
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

scripts/guests/nvme/drivers.sh "$out"
guest_root "$root" scripts/guests/nvme/init.sh
install_fio
for name in mke2fs e2fsck blkdiscard; do install_program "$root" $name; done
cp /etc/mke2fs.conf "$root/etc/"
cp scripts/guests/nvme/{*.fio,count.sh,faults.sh,steps.sh,ways.sh} "$root/"
install_modules "$root" "$kernel" drivers/nvme/host/nvme{-core,}
for name in meta-sgl few-meta; do
	mkdir "$root/$name"
	install_modules "$root/$name" "$out/$name" nvme{-core,}
done
gcc -static -O2 -Wall -o "$root/nvme_passthrough" "$passthrough" 2> "$out/nvme_passthrough.log" ||
	die_log "$out/nvme_passthrough.log" "$passthrough: does not compile"
pack_root "$root" > "$out/initramfs"
mkdir -p build/nvme
iasl -p build/nvme/port scripts/guests/nvme/port.asl > "$out/iasl.log" 2>&1 ||
	die_log "$out/iasl.log" "scripts/guests/nvme/port.asl: iasl fails"
