# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Sourced by scripts that boot guests: makes the initramfs of a guest.

# guest_root <directory> <first process>: what every guest has
guest_root()
{
	rm -rf "$1"
	mkdir -p "$1"/{bin,dev,etc,mnt,proc,sys,tmp}
	cp /bin/busybox "$1/bin/" || die "/bin/busybox: not installed: make deps"
	cp scripts/lib/{guest-side,guest-results,leaks}.sh "$1/"
	install -m 755 "$2" "$1/init"
}

# install_libraries <directory> <program> [pattern]: the libraries that it needs, or those
# that match, at their own paths
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

# install_fio <directory> <directory for temporary files>: Debian's fio knows Ceph,
# Gluster and RDMA. Their libraries have 70 MB, and a guest takes most of a second to load
# them. One library replaces all of them. It has a function of each name, which must not
# be called.
install_fio()
{
	local root=$1 out=$2 fio needed keep='lib(c|m|z|aio|numa)\.so' symbols

	fio=$(program fio)
	needed=$(readelf -dW "$fio" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')
	install_libraries "$root" "$fio" "^[[:space:]]*(/|$keep)"
	# name@version of the symbols that the remaining libraries lack
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

# install_modules <directory> <build directory of a kernel> <module>...
install_modules()
{
	local root=$1 kernel=$2 module

	shift 2
	for module; do
		cp "$kernel/$module.ko" "$root/" || die "$kernel/$module.ko: missing: make kernel"
	done
}

# build_program <source> <program> <log> [argument of gcc...]: for a guest
build_program()
{
	local source=$1 program=$2 log=$3

	shift 3
	gcc -static -O2 -Wall "$@" -o "$program" "$source" > "$log" 2>&1 || die_log "$log" "$source: does not compile"
}

# build_module <source directory> <kernel source> <build directory of the kernel> <copy>
# [make argument...]: builds a copy, since the objects go beside the source
build_module()
{
	local module=$1 src=$2 kernel=$3 copy=$4

	shift 4
	rm -rf "$copy"
	cp -r "$module" "$copy"
	make -C "$src" O="$PWD/$kernel" CC='ccache gcc' "$@" M="$PWD/$copy" modules > "$copy.log" 2>&1 ||
		die_log "$copy.log" "$module: does not compile for $src"
}

# pack_root <directory>: to the standard output. It is not compressed, since unpacking
# costs the guest more than reading costs QEMU.
pack_root()
{
	(cd "$1" && find . | cpio --quiet -o -H newc -R 0:0)
}
