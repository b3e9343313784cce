#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# run.sh [machine...]: boot a kernel on the machines of configs/events, and let the events
# of that table happen while NVMe disks are busy.
#
#   KERNEL=test		of configs/kernels
#   SHORT=1		only what make check does
#   EVENTS=		these in place of those of the table
#   MEMORY=768M		of a machine
set -euo pipefail
. "$(dirname "$0")/../../lib/repo.sh"
. scripts/lib/rootfs.sh
. scripts/lib/guest.sh

table=configs/events
out=build/events
kernel=${KERNEL:-test}
# QEMU adds the device again with the same description.
first=nvme,id=first,bus=port1,serial=first,mdts=8,drive=disk0
# shellcheck disable=SC2054 # the commas are QEMU's
devices=(
	-global ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off
	-device pcie-root-port,id=port1,addr=4,chassis=1,slot=1
	-device pcie-root-port,id=port2,addr=5,chassis=2,slot=2
	-device "$first"
	-device nvme,id=second,bus=port2,serial=second,mdts=8,drive=disk1
)

# make_initramfs: the crash kernel has the same initramfs, but no kernel in it
make_initramfs()
{
	local root=$out/root name

	guest_root "$root" scripts/guests/events/init.sh
	install_fio "$root" "$out"
	for name in load-crash-kernel mixed-io; do
		build_program scripts/guests/events/$name.c "$root/bin/$name" "$out/$name.log"
	done
	build_module scripts/guests/events build/linux "build/kernels/$kernel" "$out/limit-dma"
	cp scripts/guests/nvme/{disks,load}.sh scripts/guests/events/{bounce,events}.sh "$root/"
	install_modules "$root" "build/kernels/$kernel" drivers/nvme/host/nvme{-core,}
	install_modules "$root" "$out/limit-dma" limit-dma
	pack_root "$root" > "$out/crash-initramfs"
	mkdir "$root/crash"
	cp "$image" "$root/crash/bzImage"
	mv "$out/crash-initramfs" "$root/crash/initramfs"
	pack_root "$root" > "$out/initramfs"
}

# events_of <machine>: separated by commas; kdump comes last, as it ends the kernel
events_of()
{
	local events event order=() last=()

	events=$(field $table "$1" 2)
	if [ "${SHORT:-0}" != 1 ]; then events+=" $(field $table "$1" 3)"; fi
	for event in ${EVENTS:-$events}; do
		if [ "$event" = kdump ]; then last=("$event"); else order+=("$event"); fi
	done
	echo "${order[*]} ${last[*]}" | xargs | tr ' ' ,
}

# answer <directory>: sends the lines of the guest to the results or to QEMU's monitor
answer()
{
	local line

	while read -r line; do
		line=${line%$'\r'}
		case $line in
		'host unplug')	echo 'device_del first' > "$1/monitor.in" ;;
		'host plug')	echo "device_add $first" > "$1/monitor.in" ;;
		*)		echo "$line" >> "$1/results" ;;
		esac
	done
}

# boot_machine <name> <directory> <events>: Linux drives the slots itself. Without ASPM it
# would not ask the firmware for them.
boot_machine()
{
	local dir=$2 rc=0 n disks=() end

	rm -rf "$dir"
	mkdir -p "$dir"
	mkfifo "$dir"/{serial,monitor}.{in,out}
	for n in 0 1; do
		truncate -s 128M "$dir/disk$n"
		disks+=(-blockdev "driver=raw,node-name=disk$n,cache.no-flush=on,file.driver=file,file.filename=$dir/disk$n")
	done
	answer "$dir" < "$dir/serial.out" &
	cat "$dir/monitor.out" > "$dir/monitor" &
	RESULTS=pipe:$dir/serial boot "$1" "$dir" "$image" "kunit.enable=0 pcie_ports=native crashkernel=192M EVENTS=$3" \
		-cpu EPYC -smp 2 -m "${MEMORY:-768M}" "${disks[@]}" "${devices[@]}" \
		-chardev "pipe,id=monitor,path=$dir/monitor" -mon monitor \
		-initrd "$out/initramfs" || rc=$?
	# Release those that still wait for a QEMU that has not started
	for end in serial monitor; do : <> "$dir/$end.out"; done
	wait
	return "$rc"
}

# run_machine <name>: fails if anything was not ok. The panic that was asked for, with its
# trace, does not count against the guest.
run_machine()
{
	local dir=$out/$1 events rc=0 wrong failed=0 event type

	events=$(events_of "$1")
	boot_machine "$1" "$dir" "$events" || rc=$?
	cp "$dir/console" "$dir/console.whole"
	sed -i '/Kernel panic - not syncing: sysrq triggered crash/,+8{/Kernel panic\|Call Trace:/d}' "$dir/console"
	wrong=$(verdict "$dir" "$rc" "$faults")
	type=$(sed -n 's/^is //p' "$dir/results")
	if [ -z "$wrong" ] && [ "$type" != "$(machine "$1" domain)" ]; then wrong="the disks are behind $type"; fi
	for event in ${events//,/ }; do
		if grep -qx "ok $event" "$dir/results"; then
			echo "ok - events $1 $event"
		elif [ -z "$wrong" ]; then
			wrong="$event has not happened"
		fi
	done
	if [ -n "$wrong" ]; then
		echo "not ok - events $1: $wrong"
		failed=1
	fi
	return "$failed"
}

asked=$(for name in $(machines $table "$@"); do
	if [ -n "$(events_of "$name")" ]; then echo "$name"; fi
done)
image=$(kernel_of "$kernel")
mkdir -p "$out"
lock events
make_initramfs
say EVENTS "$(wc -w <<< "$asked") machines" >&2
# shellcheck disable=SC2086 # a word for each
run_jobs 'machines' "$out" run_machine $asked
