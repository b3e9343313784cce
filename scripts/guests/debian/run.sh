#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# run.sh [release]: tests the packages of scripts/check/deb.sh on a Debian system, this
# machine's release or another, that is on an NVMe disk behind VT-d. Debian's kernel
# installs them, their kernel does I/O and builds drivers, and Debian's kernel is booted
# again. The guest has no network.
set -euo pipefail
. "$(dirname "$0")/../../lib/repo.sh"
. scripts/lib/guest.sh

machine=intel-lazy
own=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
suite=${1:-$own}
out=build/debian/$suite
disk=$out/disk
failed=0

[ -f build/deb/obj/include/config/kernel.release ] || die "build/deb: no packages: scripts/check/deb.sh"
release=$(< build/deb/obj/include/config/kernel.release)

# Arguments of the kernel. No time-out of systemd or udev may decide the result, and none of
# Debian's kernel, whose clock is that of the host.
args=(root=/dev/nvme0n1 rw 'systemd.run="/bin/sh /stuff/steps.sh"' systemd.mask=serial-getty@ttyS0.service
	systemd.default_timeout_start_sec=infinity systemd.default_device_timeout_sec=infinity udev.event_timeout=86400
	nosoftlockup sysctl.kernel.hung_task_timeout_secs=1200
	"RELEASE=$release" "DOMAIN=$(machine $machine domain)")

# on_disk <command of debugfs>...: while the disk is not mounted
on_disk()
{
	printf '%s\n' "$@" | debugfs -w -f - "$disk" > "$out/debugfs.log" 2>&1
	if grep -E ': (File not found|No such|.*rror)' "$out/debugfs.log" >&2; then
		die "$disk: debugfs fails: $out/debugfs.log"
	fi
}

# put <directory> <file>...: prints commands of debugfs
put()
{
	local f

	echo "mkdir $1"
	echo "cd $1"
	for f in "${@:2}"; do echo "write $f ${f##*/}"; done
}

# make_disk: the system, with the new files in /stuff
make_disk()
{
	cp --sparse=always "$out/system" "$disk"
	on_disk "$(put /stuff build/deb/*.deb scripts/lib/{guest-results,leaks}.sh scripts/guests/debian/steps.sh)" \
		"$(put /stuff/sample samples/dma-iova/{Makefile,edu-dma.c})" \
		"$(put /stuff/module scripts/guests/debian/{Kbuild,every-function.c})"
}

# boot_step <name> <pattern of the kernel's release>: boot that kernel from the disk
boot_step()
{
	local dir=$out/$1 rc=0 wrong kernel

	mkdir -p "$dir"
	rm -f "$dir"/{vmlinuz,initrd.img}
	kernel=$(debugfs -R 'ls -p /boot' "$disk" 2> "$out/debugfs.log" | cut -d / -f 6 |
		sed -n "s/^vmlinuz-\($2\)$/\1/p")
	on_disk "dump /boot/vmlinuz-$kernel $dir/vmlinuz" "dump /boot/initrd.img-$kernel $dir/initrd.img"
	boot $machine "$dir" "$dir/vmlinuz" "${args[*]} BOOT=$1" \
		-cpu EPYC -smp 2 -m 1G -initrd "$dir/initrd.img" -device edu \
		-blockdev "driver=raw,node-name=disk,cache.no-flush=on,file.driver=file,file.filename=$disk" \
		-device nvme,serial=root,mdts=8,drive=disk || rc=$?
	wrong=$(verdict "$dir" "$rc" "$faults")
	sed -n "s/^ok /ok - debian $suite: /p" "$dir/results"
	if [ -n "$wrong" ]; then
		echo "not ok - debian $suite: $1: $wrong"
		exit 1
	fi
}

whole()
{
	if e2fsck -fn "$disk" > "$out/e2fsck.log" 2>&1; then
		echo "ok - debian $suite: the file system is whole"
	else
		echo "not ok - debian $suite: the file system is whole: $out/e2fsck.log: $(tail -n 1 "$out/e2fsck.log")"
		failed=1
	fi
}

lock debian
scripts/guests/debian/root.sh "$own" "$suite" "$out" >&2
make_disk
# Debian's kernel: 6.1.0-49-amd64 of Debian 12, 6.12.117+deb13-amd64 of Debian 13
old='[0-9].*-amd64'
boot_step install "$old"
boot_step use "$release"
boot_step after "$old"
whole
exit "$failed"
