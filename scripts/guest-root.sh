# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Sourced by what boots guests: the initramfs that they run from.

# guest_root <directory> <first process>: with what each guest has
guest_root()
{
	rm -rf "$1"
	mkdir -p "$1"/{bin,dev,proc,sys}
	cp /bin/busybox "$1/bin/" || die "/bin/busybox: not installed: make deps"
	cp scripts/guest-{init,leaks}.sh "$1/"
	install -m 755 "$2" "$1/init"
}

# pack_root <directory>: to the standard output. Not compressed: unpacking costs
# the guest more than QEMU the reading.
pack_root()
{
	(cd "$1" && find . | cpio --quiet -o -H newc -R 0:0)
}
