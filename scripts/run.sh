#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Boots the kernel in QEMU with a virtio-iommu, has the edu device copy files
# from memory to memory, mapped in two steps and then page by page, and prints
# what that took: as the sample driver counted it, and as QEMU did.
#
#   KERNEL=build/kernel   build directory: bzImage, samples/dma-iova/edu-dma.ko
#   OUT=build/run         initramfs, logs and results
#   ACCEL=tcg             or kvm, which counts the same but waits in real time
#   RUN_TIMEOUT=120       seconds
set -euo pipefail
. "$(dirname "$0")/repo.sh"
. scripts/guest-root.sh

KERNEL=${KERNEL:-build/kernel}
OUT=${OUT:-build/run}
ACCEL=${ACCEL:-tcg}
RUN_TIMEOUT=${RUN_TIMEOUT:-120}

BZIMAGE=$KERNEL/arch/x86/boot/bzImage
MODULE=$KERNEL/samples/dma-iova/edu-dma.ko
BUSYBOX=/bin/busybox

fail() { printf 'run: FAILED: %s\n' "$1" >&2; exit 1; }

# The value in the line of the results that begins with these words
result() { sed -n "s/^$* //p" "$OUT/results"; }

check_needs() {
	local file tool
	for tool in qemu-system-x86_64 "$BUSYBOX" cpio gzip; do
		command -v "$tool" >/dev/null || fail "$tool is not installed: make deps"
	done
	for file in "$BZIMAGE" "$MODULE"; do
		[ -f "$file" ] || fail "$file is missing: make kernel"
	done
}

make_initramfs() {
	local root=$OUT/root
	say INITRD "$OUT/initramfs.gz"
	guest_root "$root" scripts/run-init.sh
	mkdir "$root/data"
	cp "$MODULE" "$root/"
	head -c 65536 /dev/urandom >"$root/data/even"
	head -c 50001 /dev/urandom >"$root/data/odd"
	pack_root "$root" | gzip -1 >"$OUT/initramfs.gz"
}

# With icount the guest's clock jumps over what it waits for.
boot() {
	local clock=() rc=0
	[ "$ACCEL" = kvm ] || clock=(-icount 'shift=0,sleep=off')
	truncate -s 0 "$OUT"/{console.log,results,trace.log}
	say BOOT "$BZIMAGE, virtio-iommu, edu ($ACCEL)"
	{ timeout --foreground -k 5 "$RUN_TIMEOUT" qemu-system-x86_64 \
		-machine q35 -accel "$ACCEL" "${clock[@]}" -smp 1 -m 256M \
		-nodefaults -no-user-config -nographic -no-reboot -bios qboot.rom \
		-device virtio-iommu-pci -device edu \
		-kernel "$BZIMAGE" -initrd "$OUT/initramfs.gz" \
		-append 'console=ttyS0 panic=-1 kunit.enable=0' \
		-serial "file:$OUT/console.log" -serial "file:$OUT/results" \
		-trace pci_cfg_write -trace virtio_queue_notify \
		-trace virtio_iommu_map -trace virtio_iommu_unmap -D "$OUT/trace.log" \
		</dev/null >"$OUT/qemu.log" 2>&1; } 2>/dev/null || rc=$?
	verdict "$rc"
}

# What the console says can fail a run, never pass it.
verdict() {
	local rc=$1 splat status
	splat=$({ scripts/splats.sh "$OUT/console.log"
		grep -anHE 'Call Trace|fault from EP' "$OUT/console.log"
	} | head -n 1 | tr -d '\r') || true
	status=$(result status)
	[ -z "$splat" ] || fail "kernel: $splat"
	[ "$rc" != 124 ] || fail "time-out after $RUN_TIMEOUT s: $OUT/console.log"
	[ "$rc" = 0 ] || fail "QEMU ended with $rc: $OUT/qemu.log: $(tail -n 1 "$OUT/qemu.log")"
	[ -n "$status" ] || fail "the guest ended without a status: $OUT/console.log"
	[ "$status" = ok ] || fail "guest: $status: $OUT/console.log"
}

# How often QEMU traced an event while the guest was in a phase
count() {
	awk -v phase="0x$1" -v event="$2" '
		/pci_cfg_write edu .*@0x3c <-/ { now = $NF }
		now == phase && index($0, event " ") { n++ }
		END { print n + 0 }' "$OUT/trace.log"
}

# The copy is right, and it was made the way that the name says. No two pages are
# neighbours in memory, so QEMU must have been asked to map each. A link takes up
# to 16 pages.
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

check_needs
make_initramfs
boot

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
