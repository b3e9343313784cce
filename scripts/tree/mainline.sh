#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# mainline.sh <tree>: build/mainline/linux, a kernel of mainline's with the patches of
# mainline/ and the whole files that they bring: those of mainline/ and, for what is not
# there, those of the series itself.
set -euo pipefail
. "$(dirname "$0")/../lib/repo.sh"

peer=${1-}
linux=build/mainline/linux
log=build/mainline/linux.log

check_peer "$peer"
lock mainline
mkdir -p build/mainline
brought=$(sed -n 's/^Brings: //p' mainline/patches/*.patch)
for f in $brought; do
	[ -f "mainline/$f" ] || [ -f "$f" ] || die "mainline/patches: name $f in Brings:, and there is no such file: add it, or remove the line"
done

# The peer as it is, its files as hard links; a patched one is written anew.
sum=$(cat mainline/patches/* | sha256sum)
if ! cmp -s <(echo "$(realpath "$peer") $sum") build/mainline/stamp; then
	rm -rf "$linux" build/mainline/stamp
	cp -al "$(realpath "$peer")" "$linux" 2> "$log" || {
		rm -rf "$linux"
		cp -a "$(realpath "$peer")" "$linux" 2> "$log"
	} || die_log "$log" "$linux: not copied from $peer"
	ln -s "$PWD/mainline/patches" "$linux/patches"
	(cd "$linux" && env -i PATH="$PATH" LC_ALL=C QUILT_PATCHES=patches \
		quilt --quiltrc - push -a --fuzz=0) > "$log" 2>&1 ||
		die_log "$log" "mainline/patches: do not apply to $peer"
	echo "$(realpath "$peer") $sum" > build/mainline/stamp
fi
for f in $brought; do
	mkdir -p "$linux/${f%/*}"
	if [ -f "mainline/$f" ]; then ln -srfn "mainline/$f" "$linux/$f"; else ln -srfn "$f" "$linux/$f"; fi
done
say TREE "$linux: Linux $(kernel_version "$linux"), $(wc -w <<< "$brought") files of ours"
