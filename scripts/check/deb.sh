#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# deb.sh: make deb, with the small configuration configs/deb.config, and checks of the
# packages, a line each
#
# shellcheck disable=SC2317 # the rules are called by name
set -euo pipefail
. "$(dirname "$0")/../lib/repo.sh"
. scripts/lib/rootfs.sh
. scripts/lib/rule.sh

out=build/deb-check
root=$out/root	# what the packages have

CONFIG_ONLY=1 scripts/tree/kernel.sh deb >&2
CONFIG=build/kernels/deb/.config scripts/tree/deb.sh >&2
release=$(< build/deb/obj/include/config/kernel.release)
headers=$root/usr/src/linux-headers-$release
rm -rf "$out"
mkdir -p "$root"
for deb in build/deb/*.deb; do dpkg-deb -x "$deb" "$root"; done

named_otherwise()
{
	local deb version

	version=$(kernel_version build/linux)
	for deb in build/deb/*.deb; do
		echo "$(dpkg-deb -f "$deb" Package) $(dpkg-deb -f "$deb" Version)"
	done | sed -E 's/(-dma-iova)[0-9]+/\1N/g' |
		diff - <(printf "linux-%s-$version-dma-iovaN $version-dma-iovaN-1\n" headers image)
}

without_a_file()
{
	local f

	for f in boot/{vmlinuz,config,System.map}-"$release" "lib/modules/$release/kernel" "usr/src/linux-headers-$release"; do
		[ -e "$root/$f" ] || echo "$f"
	done
}

# An absolute link is one in the file system that the package is installed in.
dangling()
{
	local link to

	find "$root" -type l | while read -r link; do
		to=$(readlink "$link")
		case $to in
		/*) [ -e "$root$to" ] ;;
		*)  [ -e "$link" ] ;;
		esac || echo "$link to $to"
	done
	[ -L "$root/lib/modules/$release/build" ] || echo "no link lib/modules/$release/build"
}

# build <directory of a module> [argument of make...]: prints the errors of the compiler;
# builds a copy
build()
{
	local copy=$out/${1##*/}

	cp -r "$1" "$copy"
	make -C "$headers" CC='ccache gcc' M="$PWD/$copy" "${@:2}" > "$copy.log" 2>&1 || echo "$copy.log: make fails"
	grep -E 'warning:|error:|\*\*\*' "$copy.log" || true
}

sample_does_not_compile() { build samples/dma-iova CONFIG_SAMPLE_DMA_IOVA=m; }
module_does_not_compile() { build scripts/guests/debian; }

# A build of the sample in a clone must not change what git lists: whole_files() takes
# that for the series.
listed_after_a_build()
{
	local clone=$out/clone

	git clone -q . "$clone"
	cp .gitignore "$clone/"
	git -C "$clone" status --porcelain > "$out/before"
	make -C "$headers" CC='ccache gcc' M="$PWD/$clone/samples/dma-iova" CONFIG_SAMPLE_DMA_IOVA=m > "$clone.log" 2>&1 ||
		echo "$clone.log: make fails"
	[ -e "$clone/samples/dma-iova/edu-dma.ko" ] || echo "$clone/samples/dma-iova/edu-dma.ko is not built"
	mkdir "$clone/linux-6.12.1"
	touch "$clone"/linux-6.12.1/Makefile "$clone"/linux_6.12.1{.orig.tar.xz,-1.dsc}
	git -C "$clone" status --porcelain | diff "$out/before" -
}

function_not_called()
{
	local name

	grep -oE '\bdma_(use_iova|iova_[a-z_]+)\(' include/linux/dma-iova.h | sort -u | while read -r name; do
		grep -qF "$name" scripts/guests/debian/every-function.c || echo "$name)"
	done
}

rule named_otherwise	"deb: image and headers have the version in their names"
rule without_a_file	"deb: the kernel, its modules and its headers are where Debian has them"
rule dangling		"deb: no link dangles"
rule sample_does_not_compile "deb: the sample driver compiles against the headers"
rule module_does_not_compile "deb: a driver with every function does"
rule listed_after_a_build "deb: what a build of the sample leaves in a clone is ignored by git"
rule function_not_called "deb: every function of <linux/dma-iova.h> is in it"
exit "$failed"
