#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# build/base: the kernel without the series, from Debian's package or, with KDIR=, from a
# tree. It is always complete, and never a mixture of two.
set -euo pipefail
. "$(dirname "$0")/../lib/repo.sh"
. scripts/lib/progress.sh

package=$(base_field Package)
tarball=/usr/src/$package.tar.xz
lock base

# check_version <tree> <its name in an error>
check_version()
{
	local version

	version=$(kernel_version "$1" 2> /dev/null) || version=
	case $version in
	6.12.*)	;;
	'')	die "$2: not a kernel source tree: give a 6.12 tree with KDIR=, or none" ;;
	*)	die "$2: this is Linux $version: give 6.12.y (tested: $(base_field Tested)) with KDIR=, or none" ;;
	esac
}

if [ -n "${KDIR:-}" ]; then
	check_version "$KDIR" "KDIR=$KDIR"
	if [ -e "$KDIR/.config" ] || [ -e "$KDIR/include/config" ]; then
		die "KDIR=$KDIR: contains build output: make -C $KDIR mrproper, or give a clean checkout"
	fi
	tree=$(realpath "$KDIR")
	want="tree $tree"
else
	[ -f "$tarball" ] || die "$tarball: missing: make deps, or give a 6.12 tree with KDIR="
	want="$package $(dpkg-query -W -f '${Version}' "$package" 2> /dev/null || stat -c %Y "$tarball")"
fi

# In a tree any change counts: an edit, a new file, a file that is gone.
if [ -f build/base.stamp ] && [ "$(head -n 1 build/base.stamp)" = "$want" ] &&
   { [ -z "${KDIR:-}" ] ||
     [ -z "$(find "$tree" -path "$tree/.git" -prune -o -cnewer build/base.begin -print -quit)" ]; }; then
	edited=$(find build/base -newer build/base.stamp -type f -printf '%P' -quit)
	[ -z "$edited" ] ||
		die "build/linux: edits of the base's own $edited: make a patch of them, and make clean"
	exit 0
fi

# Files get the time of the extraction. So what was compiled from another base is older,
# and make compiles it again.
say BASE "$want"
rm -rf build/base.stamp build/base.tmp
trap 'rm -rf build/base.tmp' EXIT
mkdir build/base.tmp
touch build/base.begin
extract()
{
	if [ -n "${KDIR:-}" ]; then
		tar -C "$tree" --exclude=./.git --transform='s,^\.,base,S' -cf - .
	else
		xz -dc "$tarball"
	fi 2> build/base.log |
		tar -C build/base.tmp -xmf - --no-same-owner --strip-components=1 2>> build/base.log
}
with_progress "build/base: extracting" extract || die_log build/base.log "build/base: not extracted from $want"
check_version build/base.tmp "$want"
rm -rf build/base
mv build/base.tmp build/base
{
	echo "$want"
	echo "Linux $(kernel_version build/base), extracted $(date -u +%FT%T.%NZ)"
} > build/base.stamp.tmp
mv build/base.stamp.tmp build/base.stamp
