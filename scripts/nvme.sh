#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# nvme.sh [profile...]: boot the kernel in QEMU on the machines of configs/nvme,
# do I/O to two NVMe disks, and print how the data of the requests was mapped: as
# the kernel's functions were called, and as QEMU's IOMMU was asked.
#
#   KERNEL=build/kernel   build directory
#   OUT=build/nvme        initramfs, disks, logs and results
#   ACCEL=tcg             or kvm
#   SHORT=1               less I/O
#   LOAD=5                seconds of I/O while something goes wrong; 3 if it is short
#   JOBS=2                machines at a time
#   SOAK=1800             nothing but mixed I/O, verified, for so many seconds
#   MEMORY=768M           of a machine
#   NVME_TIMEOUT=180      seconds for a machine, on top of SOAK
#   KERNEL_ARGS=          more kernel arguments
set -euo pipefail
. "$(dirname "$0")/repo.sh"

KERNEL=${KERNEL:-build/kernel}
OUT=${OUT:-build/nvme}
BZIMAGE=$KERNEL/arch/x86/boot/bzImage
NVME_TIMEOUT=${NVME_TIMEOUT:-180}
sectors=524288
if [ "${SHORT:-0}" = 1 ]; then SIZE=4m LOAD=${LOAD:-3}; else SIZE=32m LOAD=${LOAD:-5}; fi

# Two disks and a controller with memory below one switch, another one elsewhere.
# A switch right at an external port would be taken for a part of the machine, as
# Thunderbolt chips are, and trusted: so there is one more in between.
# shellcheck disable=SC2054 # the commas are QEMU's
devices=(
	-device pcie-root-port,id=port0,addr=4,chassis=1
	-device x3130-upstream,id=chip,bus=port0
	-device xio3130-downstream,id=plug,bus=chip,chassis=6
	-device x3130-upstream,id=switch,bus=plug
	-device xio3130-downstream,id=port1,bus=switch,chassis=2
	-device xio3130-downstream,id=port2,bus=switch,chassis=3
	-device xio3130-downstream,id=port3,bus=switch,chassis=4
	-device pcie-root-port,id=port4,addr=5,chassis=5
	-device nvme,id=plain,bus=port1,serial=plain,mdts=8
	-device nvme-ns,bus=plain,drive=disk0
	-device nvme,id=protected,bus=port2,serial=protected,mdts=8
	-device nvme-ns,bus=protected,drive=disk1,ms=8,pi=1
	-device nvme,bus=port3,serial=switch,cmb_size_mb=16
	-device nvme,bus=port4,serial=bridge,cmb_size_mb=16
)
events=(pci_cfg_write pci_nvme_map_addr virtio_iommu_map virtio_iommu_unmap virtio_queue_notify 'vtd_inv_desc_iotlb_*')

not_ok()	# not_ok <what>
{
	echo "not ok - nvme $name $1"
	failed=1
	return 1
}

# make_disks <directory>: all zero. The metadata, which is behind the data, says as
# after a FORMAT that there is nothing to be checked.
make_disks()
{
	truncate -s $((sectors * 512)) "$1"/disk{0,1}
	head -c $((sectors * 8)) /dev/zero | tr '\0' '\377' >> "$1/disk1"
}

# boot <QEMU arguments> <kernel arguments>: leaves console.log, results and counts
boot()
{
	local dir=$OUT/$name rc=0 counter event args=()

	rm -rf "$dir"
	mkdir -p "$dir"
	make_disks "$dir"
	truncate -s 0 "$dir"/{console.log,results}
	mkfifo "$dir/trace"
	awk -f scripts/nvme-trace.awk < "$dir/trace" > "$dir/counts" &
	counter=$!
	for event in "${events[@]}"; do args+=(-trace "$event"); done
	for disk in disk0 disk1; do
		args+=(-drive "id=$disk,if=none,format=raw,cache=unsafe,file=$dir/$disk")
	done
	# shellcheck disable=SC2086 # the table's arguments are words
	timeout --foreground -k 5 $((NVME_TIMEOUT + ${SOAK:-0})) qemu-system-x86_64 \
		-machine q35,kernel-irqchip=split -accel "${ACCEL:-tcg}" -cpu EPYC -smp 2 -m "${MEMORY:-768M}" \
		-nodefaults -no-user-config -nographic -no-reboot -bios qboot.rom \
		$1 "${devices[@]}" "${args[@]}" -D "$dir/trace" \
		-kernel "$BZIMAGE" -initrd "$OUT/initramfs" \
		-append "console=ttyS0 panic=-1 kunit.enable=0 slab_nomerge SIZE=$SIZE LOAD=$LOAD ${SOAK:+SOAK=$SOAK }${KERNEL_ARGS:-} $2" \
		-serial "file:$dir/console.log" -serial "file:$dir/results" \
		< /dev/null > "$dir/qemu.log" 2>&1 || rc=$?
	wait "$counter"
	verdict "$dir" "$rc"
}

# verdict <directory> <exit status of QEMU>: the console can fail a run, never pass it
verdict()
{
	local dir=$1 splat status

	splat=$({ scripts/splats.sh "$dir/console.log"
		grep -anHE 'Call Trace|fault from EP|DMAR: \[' "$dir/console.log"
	} | head -n 1 | tr -d '\r') || true
	status=$(sed -n 's/^status //p' "$dir/results")
	[ -z "$splat" ] || not_ok "kernel: $splat" || return
	[ "$2" != 124 ] || not_ok "time-out after $NVME_TIMEOUT s: $dir/console.log" || return
	[ "$2" = 0 ] || not_ok "QEMU ended with $2: $(tail -n 1 "$dir/qemu.log")" || return
	[ "$status" = ok ] || not_ok "guest: ${status:-ended without a status}: $dir/console.log"
}

# run <QEMU arguments> <kernel arguments> <what the disks are>: fails if anything
# has been not ok
run()
{
	failed=0
	say NVME "$name" >&2
	boot "$1" "$2" || true
	sed -n "s/^ok /ok - nvme $name /p" "$OUT/$name/results"
	awk -f scripts/nvme-table.awk -v name="$name" -v soak="${SOAK:-}" -v expected="$3" \
		"$OUT/$name/results" "$OUT/$name/counts" || failed=1
	return "$failed"
}

# finish: wait for the machine that was started first, and say what it has said
finish()
{
	wait "${pids[0]}" || failed=1
	cat "$OUT/${names[0]}.out"
	pids=("${pids[@]:1}")
	names=("${names[@]:1}")
}

[ -f "$BZIMAGE" ] || die "$BZIMAGE: missing: make kernel"
mkdir -p "$OUT"
lock "${OUT//\//-}"
scripts/nvme-root.sh "$OUT" >&2
ran=0 failed=0 pids=() names=()
while IFS='|' read -r name qemu_args kernel_args disks p2p; do
	name=$(xargs <<< "$name")
	[ -n "$name" ] || continue
	if [ $# -gt 0 ] && [[ " $* " != *" $name "* ]]; then continue; fi
	p2p=$(xargs <<< "$p2p")
	if [ ${#pids[@]} -ge "${JOBS:-2}" ]; then finish; fi
	run "${qemu_args//OUT/$OUT}" "$kernel_args P2P=${p2p// /,}" "$(xargs <<< "$disks")" > "$OUT/$name.out" &
	pids+=($!) names+=("$name")
	ran=$((ran + 1))
done < <(grep -v '^#' configs/nvme)
while [ ${#pids[@]} -gt 0 ]; do finish; done
[ "$ran" -gt 0 ] || die "configs/nvme: no profile $*: see the names in it"
exit "$failed"
