#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# deb.sh: Debian packages of the kernel with the series, its image and its headers, in
# build/deb, by the kernel's own bindeb-pkg.
#
#   CONFIG	the configuration (/boot/config-$(uname -r))
#   V=1		show the build
set -euo pipefail
. "$(dirname "$0")/../lib/repo.sh"
. scripts/lib/progress.sh

config=${CONFIG:-/boot/config-$(uname -r)}
out=build/deb
src=$out/linux
obj=$out/obj
log=$out.log
begin=$SECONDS

# The end of uname -r, after the version of the base. HACKING.md says when a release
# raises the number.
localversion=-dma-iova1

check_config()
{
	local arch

	case $(uname -m) in
	x86_64)	 arch=X86_64 ;;
	aarch64) arch=ARM64 ;;
	*)	 die "$(uname -m): not known to deb.sh: build on x86_64 or aarch64" ;;
	esac
	[ -f "$config" ] || die "$config: missing: give the configuration of a kernel as CONFIG="
	grep -qx "CONFIG_$arch=y" "$config" ||
		die "$config: not the configuration of a kernel for $(uname -m): give another one as CONFIG="
}

# copy_tree: build/linux without its links to the repository, since the headers of a
# package must have none. The other files are hard links, which a build in another
# directory does not change.
copy_tree()
{
	local f

	rm -rf "$src"
	cp -al build/linux "$src"
	for f in $(whole_files); do
		cp --remove-destination --preserve=mode,timestamps "$f" "$src/$f"
	done
}

kmake()
{
	make -C "$src" O="$PWD/$obj" CC='ccache gcc' HOSTCC='ccache gcc' LOCALVERSION=$localversion V="${V:-0}" "$@"
}

# drop_key <option>: built-in certificates are files of the person who made the
# configuration
drop_key()
{
	local value

	value=$(sed -n "s/^CONFIG_$1=\"\(.*\)\"/\1/p" "$obj/.config")
	case $value in
	'' | pkcs11:*) return ;;
	/*) if [ -f "$value" ]; then return; fi ;;
	*) if [ -f "$src/$value" ]; then return; fi ;;
	esac
	say CONFIG "without CONFIG_$1=\"$value\", a file that is not here"
	"$src/scripts/config" --file "$obj/.config" --set-str "$1" ''
}

configure()
{
	local option

	mkdir -p "$obj"
	cp "$config" "$obj/.config"
	drop_key SYSTEM_TRUSTED_KEYS
	drop_key SYSTEM_REVOCATION_KEYS
	kmake olddefconfig > "$log" 2>&1 || die_log "$log" "$config: make olddefconfig fails"
	if grep -qx CONFIG_DEBUG_INFO_BTF=y "$config" && ! grep -qx CONFIG_DEBUG_INFO_BTF=y "$obj/.config"; then
		die "$config: CONFIG_DEBUG_INFO_BTF=y is lost: apt install dwarves"
	fi
	for option in MODULES IOMMU_DMA; do
		grep -qx "CONFIG_$option=y" "$obj/.config" ||
			die "$config: gives a kernel without CONFIG_$option: set what it depends on, or give another one as CONFIG="
	done
}

built()
{
	echo "$out: $(grep -cE '^  (CC|AS) ' "$log") objects"
}

package()
{
	# Symbols for debuggers are several times as large as everything else.
	kmake -j"$JOBS" bindeb-pkg KDEB_PKGVERSION="$(kernel_version "$src")$localversion-1" \
		KDEB_CHANGELOG_DIST=unstable DEB_BUILD_PROFILES=pkg.linux-upstream.nokerneldbg >> "$log" 2>&1
}

check_config
[ -d build/linux ] || die "build/linux: missing: make tree"
lock deb
mkdir -p "$out"
rm -f "$out"/*.{deb,changes,buildinfo}
with_progress "$src: copying" copy_tree
configure
package &
wait_for $! built || die_log "$log" "$out: bindeb-pkg fails"
# The package of libc's headers must not replace one with another name for the version.
rm "$out"/linux-libc-dev_*.deb
for deb in "$out"/*.deb; do
	say DEB "$deb ($(du -h "$deb" | cut -f 1), $((SECONDS - begin)) s)"
done
