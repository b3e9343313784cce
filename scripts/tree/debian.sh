#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# debian.sh <subset of configs/subsets> <directory>: add that part of the series to the
# patches of Debian's source package linux, which is unpacked there, with DEP-3 headers.
# Needs build/am (make series).
set -euo pipefail
. "$(dirname "$0")/../lib/repo.sh"

[ $# = 2 ] || die "debian.sh: two arguments are needed: give a subset ($(names configs/subsets | paste -s -d ' ')) and a directory"
last=$(field configs/subsets "$1" 2)
without=$(field configs/subsets "$1" 3 | sed 's/[^ ]\+/^&/g; s/ \+/|/g')
patches=$2/debian/patches
topic=features/all/dma-iova

[ -d build/am/.git ] || die "build/am: missing: make series"
[ -f "$patches/series" ] || die "$patches/series: missing: give the directory of Debian's source package linux"
! grep -q "^$topic/" "$patches/series" || die "$patches/series: has $topic already: remove its lines and its directory"

# add <commit>: as a mail, which needs one more field to be a DEP-3 header
add()
{
	local file

	file=$(git -C build/am format-patch -1 --start-number $n --no-signature --zero-commit --diff-algorithm=patience \
		-o "$(realpath "$patches")/$topic" "$1")
	sed -i -e '1{/^From 0/d}' -e '0,/^$/s/^$/Forwarded: no\n/' "$file"
	echo "$topic/${file##*/}" >> "$patches/series"
}

n=0
mkdir -p "$patches/$topic"
while read -r commit subject; do
	if [ -z "$without" ] || ! grep -qE "$without" <<< "$subject"; then
		n=$((n + 1))
		add "$commit"
	fi
	if [ "$subject" = "$last" ]; then break; fi
done < <(git -C build/am log --reverse --format='%H %s' base..am)
[ "$subject" = "$last" ] || die "configs/subsets: no patch '$last': name the last one of $1"
say DEBIAN "$patches: $n patches in $topic"
