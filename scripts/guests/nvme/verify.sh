# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# Sourced by scripts/guests/nvme/init.sh: data is written and verified, by fio and in a
# file system.

has_metadata() {
	grep -q '^T10-DIF-TYPE1-CRC$' "/sys/block/${1##*/}/integrity/format"
	grep -q '^1$' "/sys/block/${1##*/}/integrity/device_is_integrity_capable"
}

# An error of a disk that the block layer has recovered from
no_errors() {
	if dmesg | grep -E 'I/O [Ee]rror|protection error|EXT4-fs error'; then return 1; fi
}

# Data is written in one way and read in the other. fio reads only what it has written
# itself.
verify() {
	DISK=$1 SIZE=$SIZE fio --output=/tmp/fio.log /verify.fio || { cat /tmp/fio.log; return 1; }
}

# A sector with other data than was written must be found.
notice_wrong_sector() {
	local disk=$1

	set -- fio --name=corrupt --filename="$disk" --rw=write --bs=4k --size=1m --direct=1 \
		--verify=crc32c --verify_interval=512 \
		--output=/tmp/fio.out
	"$@" --do_verify=0
	spoil_sector "$disk"
	if "$@" --verify_only 2>/tmp/fio.log; then return 1; fi
	found_spoiled /tmp/fio.log
}

# By their paths, since busybox has a mke2fs of its own
file_system() {
	/bin/mke2fs -q -F -t ext4 "$1"
	mount -t ext4 "$1" /mnt
	DISK=/mnt/file SIZE=$SIZE fio --output=/tmp/fio.log /verify.fio || { cat /tmp/fio.log; return 1; }
	cp -r /bin /mnt/
	umount /mnt
	mount -t ext4 -o ro "$1" /mnt
	(cd /bin && find . -type f -exec sha256sum {} +) >/tmp/sums
	(cd /mnt/bin && sha256sum -c -s /tmp/sums)
	umount /mnt
	/bin/e2fsck -f -n "$1"
	no_errors
}

# soak <disk> <disk with metadata>
soak() {
	PLAIN=$1 PROTECTED=$2 fio --output=/tmp/fio.log /soak.fio || { cat /tmp/fio.log; return 1; }
	grep 'issued rwts' /tmp/fio.log
	no_errors
}
