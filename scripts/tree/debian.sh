#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# debian.sh <subset of configs/subsets> <directory>: add that part of the series to the
# patches of Debian's source package linux, which is unpacked there, with DEP-3 headers.
# Makes the series first. Needs build/linux (make tree).
set -euo pipefail
. "$(dirname "$0")/../lib/repo.sh"

[ $# = 2 ] || die "debian.sh: two arguments are needed: give a subset ($(names configs/subsets | paste -s -d ' ')) and a directory"
last=$(field configs/subsets "$1" 2)
without=$(field configs/subsets "$1" 3 | sed 's/[^ ]\+/^&/g; s/ \+/|/g')
patches=$2/debian/patches
topic=features/all/dma-iova

[ -f "$patches/series" ] || die "$patches/series: missing: give the directory of Debian's source package linux"
! grep -q "^$topic/" "$patches/series" || die "$patches/series: has $topic already: remove its lines and its directory"

scripts/tree/series.sh >&2
# No settings of the user count.
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
git -C build/am log --format=%s base..am | grep -xF "$last" > /dev/null ||
	die "configs/subsets: no patch '$last': name the last one of $1"

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
say DEBIAN "$patches: $n patches in $topic"
