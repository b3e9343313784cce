#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Boots a kernel in QEMU with a virtio-iommu and lets the edu device copy files from
# memory to memory, mapped in two steps and then page by page. Prints what that took, as
# the sample driver counted it, and as QEMU did.
#
#   KERNEL=run            of configs/kernels
#   ACCEL=tcg             or kvm, which counts the same but waits in real time
set -euo pipefail
. "$(dirname "$0")/../../lib/repo.sh"
. scripts/lib/rootfs.sh
. scripts/lib/guest.sh

KERNEL=${KERNEL:-run}
OUT=build/edu

fail() { die "edu: $1"; }

# The value in the line of the results that begins with these words
result() { sed -n "s/^$* //p" "$OUT/results"; }

make_initramfs() {
	local root=$OUT/root
	guest_root "$root" scripts/guests/edu/init.sh
	mkdir "$root/data"
	install_modules "$root" "build/kernels/$KERNEL" samples/dma-iova/edu-dma
	head -c 65536 /dev/urandom >"$root/data/even"
	head -c 50001 /dev/urandom >"$root/data/odd"
	pack_root "$root" >"$OUT/initramfs"
}

run_guest() {
	local image clock=()
	[ "${ACCEL:-tcg}" = kvm ] || clock=("${icount[@]}")
	image=$(kernel_of "$KERNEL")
	must_boot virtio-lazy "$OUT" "$image" "kunit.enable=0 $icount_append" -m 256M "${clock[@]}" \
		-device edu -initrd "$OUT/initramfs" \
		-trace pci_cfg_write -trace virtio_queue_notify \
		-trace virtio_iommu_map -trace virtio_iommu_unmap -D "$OUT/trace.log"
}

# How often QEMU traced an event while the guest was in a phase
count() {
	awk -v phase="0x$1" -v event="$2" '
		/pci_cfg_write edu .*@0x3c <-/ { now = $NF }
		now == phase && index($0, event " ") { n++ }
		END { print n + 0 }' "$OUT/trace.log"
}

# The copy is right, and was made in the way that the name says. No two pages are
# neighbours in memory, so QEMU must have mapped each of them. A link takes up to 16
# pages.
check() { # FILE WAY
	local data=$OUT/root/data/$1 pages links key value
	local -A expected
	pages=$((($(stat -c %s "$data") + 4095) / 4096))
	expected=([sha256]=$(sha256sum <"$data") [pieces]="$pages $pages")
	case $2 in
	two-step)	links=$(((pages + 15) / 16)) expected+=([links]="$links $links" [syncs]='1 1' [traced]=$((2 * links))) ;;
	page-by-page)	expected+=([links]='0 0' [syncs]='0 0' [traced]=0) ;;
	esac
	for key in "${!expected[@]}"; do
		value=$(result "$1" "$2" "$key")
		[ "$value" = "${expected[$key]}" ] ||
			fail "$1, $2: $key is '$value', not '${expected[$key]}': $OUT/results"
	done
	value=$(count "$(result "$1" "$2" phase)" virtio_iommu_map)
	[ "$value" = $((2 * pages)) ] ||
		fail "$1, $2: $value map requests for 2 * $pages pages: $OUT/trace.log"
}

row() { printf '  %-13s %7s %7s %7s %14s %16s %15s\n' "$@"; }

print_row() { # FILE WAY
	local phase key event values=()
	phase=$(result "$1" "$2" phase)
	for key in pieces links syncs; do
		values+=("$(result "$1" "$2" "$key" | tr ' ' +)")
	done
	for event in virtio_iommu_map virtio_iommu_unmap virtio_queue_notify; do
		values+=("$(count "$phase" "$event")")
	done
	row "${2/page-by-page/page by page}" "${values[@]}"
}

mkdir -p "$OUT"
lock edu
say BOOT "$KERNEL, virtio-iommu, edu"
make_initramfs
run_guest

for way in two-step page-by-page; do
	check even "$way"
	check odd "$way"
done

row '' pieces links syncs 'map requests' 'unmap requests' notifications
print_row even two-step
print_row even page-by-page
for file in even odd; do
	printf '  %s bytes through edu behind virtio-iommu and back: identical (sha256 %.12s...)\n' \
		"$(stat -c %s "$OUT/root/data/$file")" "$(result "$file" two-step sha256)"
done
