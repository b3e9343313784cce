#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# run.sh [machine...]: boot a kernel on the machines of configs/nvme, do I/O to two NVMe
# disks, and print how the data of the requests was mapped: by the calls of the kernel's
# functions, and by the requests to QEMU's IOMMU.
#
#   KERNEL=run		of configs/kernels
#   OUT=build/nvme	initramfs, disks, logs and results
#   SHORT=1		less I/O, and without what configs/nvme leaves out; where something is
#			left out, the machine has one CPU
#   SOAK=1800		nothing but mixed I/O, verified, for so many seconds
#   MEMORY=768M		of a machine
#   KERNEL_ARGS=	more kernel arguments
set -euo pipefail
# Guests with two CPUs wait in real time, so there are more of them than CPUs.
JOBS=${JOBS:-$(($(nproc) + 1))}
. "$(dirname "$0")/../../lib/repo.sh"
. scripts/lib/guest.sh

table=configs/nvme
out=${OUT:-build/nvme}
sectors=524288
if [ "${SHORT:-0}" = 1 ]; then size=4m; else size=32m; fi

# left_out <machine>: by SHORT=1
left_out() { if [ "${SHORT:-0}" = 1 ]; then field $table "$1" 4; fi; }

# cpus <machine>: two wait for each other, which takes time where many guests run.
cpus() { if [ -n "$(left_out "$1")" ]; then echo 1; else echo 2; fi; }

# Two disks and a controller with memory are below one switch, and another controller is
# elsewhere. A switch right at an external port would count as a part of the machine, as
# Thunderbolt chips do, and be trusted. So there is one more switch in between.
# shellcheck disable=SC2054 # the commas are QEMU's
switches=(
	-device pcie-root-port,id=port0,addr=4,chassis=1
	-device x3130-upstream,id=chip,bus=port0
	-device xio3130-downstream,id=plug,bus=chip,chassis=6
	-device x3130-upstream,id=switch,bus=plug
	-device xio3130-downstream,id=port1,bus=switch,chassis=2
	-device xio3130-downstream,id=port2,bus=switch,chassis=3
	-device xio3130-downstream,id=port3,bus=switch,chassis=4
	-device pcie-root-port,id=port4,addr=5,chassis=5
)
# The largest request, as a power of two of pages. A newer QEMU, such as that of Debian 13,
# refuses what needs more iovecs than IOV_MAX.
mdts=10
why=$(qemu-system-x86_64 -display none -S -monitor stdio -device nvme,serial=plain,mdts=$mdts <<< quit 2>&1) ||
	if [[ $why = *'mdts exceeds'* ]]; then mdts=9; else die "qemu-system-x86_64: no NVMe disk: $why"; fi
events=(pci_cfg_write pci_nvme_map_addr virtio_iommu_map virtio_iommu_unmap virtio_queue_notify 'vtd_inv_desc_iotlb_*'
	vtd_inv_desc_wait_sw amdvi_pages_inval amdvi_completion_wait pci_nvme_irq_msix)

# devices_of <machine>: sets $devices to the disks and controllers, and to what they are
# behind. QEMU's amd-iommu does not translate for devices behind a bridge.
# shellcheck disable=SC2054
devices_of()
{
	local bus=(port1 port2 port3 port4)

	devices=("${switches[@]}")
	if [[ $(machine "$1" qemu) = *amd-iommu* ]]; then
		devices=()
		bus=(pcie.0 pcie.0 pcie.0 pcie.0)
	fi
	devices+=(
		-device "nvme,id=plain,bus=${bus[0]},serial=plain,mdts=$mdts"
		-device nvme-ns,bus=plain,drive=disk0
		-device "nvme,id=protected,bus=${bus[1]},serial=protected,mdts=8"
		-device nvme-ns,bus=protected,drive=disk1,ms=8,pi=1
		-device "nvme,bus=${bus[2]},serial=switch,cmb_size_mb=16"
		-device "nvme,bus=${bus[3]},serial=bridge,cmb_size_mb=16"
	)
}

# make_disks <directory>: all zero. The metadata, which is behind the data, says as after
# a FORMAT that nothing has to be checked.
make_disks()
{
	truncate -s $((sectors * 512)) "$1"/disk{0,1}
	head -c $((sectors * 8)) /dev/zero | tr '\0' '\377' >> "$1/disk1"
}

# boot_machine <name> <directory>: also writes the counts of the trace
boot_machine()
{
	local dir=$2 rc=0 counter event disk devices args=()

	devices_of "$1"
	rm -rf "$dir"
	mkdir -p "$dir"
	make_disks "$dir"
	mkfifo "$dir/trace"
	awk -f scripts/guests/nvme/trace.awk < "$dir/trace" > "$dir/counts" &
	counter=$!
	for event in "${events[@]}"; do args+=(-trace "$event"); done
	for disk in disk0 disk1; do
		args+=(-drive "id=$disk,if=none,format=raw,cache=unsafe,file=$dir/$disk")
	done
	boot "$1" "$dir" "$image" \
		"kunit.enable=0 slab_nomerge slub_debug=FZ,kmalloc-* MDTS=$mdts SIZE=$size LEFT_OUT=$(left_out "$1") ${SOAK:+SOAK=$SOAK }P2P=$(field $table "$1" 3 | tr ' ' ,)" \
		-cpu EPYC -smp "$(cpus "$1")" -m "${MEMORY:-768M}" "${devices[@]}" "${args[@]}" \
		-initrd "$out/initramfs" -D "$dir/trace" || rc=$?
	: <> "$dir/trace"	# release the counter if QEMU has not opened it
	wait "$counter"
	return "$rc"
}

# job_progress <machine>
# shellcheck disable=SC2317 # run_jobs calls it
job_progress() { echo "$(grep -c '^\(ok\|phase\) ' "$out/$1/results") steps"; }

# run_machine <name>: fails if anything was not ok
run_machine()
{
	local dir=$out/$1 rc=0 wrong failed=0

	boot_machine "$1" "$dir" || rc=$?
	wrong=$(verdict "$dir" "$rc" "$faults")
	sed -n "s/^ok /ok - nvme $1 /p" "$dir/results"
	if [ -n "$wrong" ]; then
		echo "not ok - nvme $1: $wrong"
		failed=1
	fi
	awk -f scripts/guests/nvme/table.awk -v name="$1" -v soak="${SOAK:-}" \
		-v expected="$(machine "$1" domain) $(field $table "$1" 2)" \
		-v bounce="$(machine "$1" args | sed -n "s/.*swiotlb=.*force.*/forced/p")" \
		"$dir/results" "$dir/counts" || failed=1
	return "$failed"
}

asked=$(machines $table "$@")
image=$(kernel_of "${KERNEL:-run}")
mkdir -p "$out"
lock "${out//\//-}"
scripts/guests/nvme/root.sh "$out" >&2
say NVME "$(wc -w <<< "$asked") machines" >&2
if [ $mdts = 9 ]; then say NVME 'without chained PRP lists: this QEMU takes no request of more than 2 MiB' >&2; fi

# A trap, since the jobs of run_jobs in a condition would go on after a command that fails
print_sum()
{
	local name logs=()

	for name in $asked; do logs+=("$out/$name.out"); done
	say NVME "$(cat "${logs[@]}" | grep -c '^ok - ') ok, $(cat "${logs[@]}" | grep -c '^not ok - ') not ok: $out/<machine>.out, $out/<machine>/console"
}
trap print_sum EXIT
# shellcheck disable=SC2086 # a word for each
run_jobs 'NVMe machines' "$out" run_machine $asked
