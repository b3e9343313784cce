# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Sourced by what boots guests: the initramfs that they run from.

# guest_root <directory> <first process>: with what each guest has
guest_root()
{
	rm -rf "$1"
	mkdir -p "$1"/{bin,dev,etc,mnt,proc,sys,tmp}
	cp /bin/busybox "$1/bin/" || die "/bin/busybox: not installed: make deps"
	cp scripts/lib/{guest-side,leaks}.sh "$1/"
	install -m 755 "$2" "$1/init"
}

# install_libraries <directory> <program> [pattern]: those that it needs, or those of
# them that match, at their own paths
install_libraries()
{
	local libraries

	libraries=$(ldd "$2") || die "$2: ldd fails"
	if grep 'not found' <<< "$libraries" >&2; then die "$2: lacks a library: make deps"; fi
	grep -E "${3:-.}" <<< "$libraries" | grep -o '/[^ ]*' | xargs cp -L --parents -t "$1"
}

# program <name>: its path
program()
{
	PATH=$PATH:/usr/sbin:/sbin command -v "$1" || die "$1: not installed: make deps"
}

# install_program <directory> <name>: with its libraries
install_program()
{
	local path

	path=$(program "$2")
	install_libraries "$1" "$path"
	cp -L "$path" "$1/bin/"
}

# install_modules <directory> <build directory of a kernel> <module>...
install_modules()
{
	local root=$1 kernel=$2 module

	shift 2
	for module; do
		cp "$kernel/$module.ko" "$root/" || die "$kernel/$module.ko: missing: make kernel"
	done
}

# build_module <source directory> <kernel source> <build directory of the kernel> <copy>
# [make argument...]: on a copy, since its objects go where the source is
build_module()
{
	local module=$1 src=$2 kernel=$3 copy=$4

	shift 4
	rm -rf "$copy"
	cp -r "$module" "$copy"
	make -C "$src" O="$PWD/$kernel" CC='ccache gcc' "$@" M="$PWD/$copy" modules > "$copy.log" 2>&1 ||
		die_log "$copy.log" "$module: does not compile for $src"
}

# pack_root <directory>: to the standard output. Not compressed: unpacking costs
# the guest more than QEMU the reading.
pack_root()
{
	(cd "$1" && find . | cpio --quiet -o -H newc -R 0:0)
}
