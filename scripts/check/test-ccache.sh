#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# ccache, as the scripts use it, does not give back an object that includes an older file
# by .incbin. bzImage includes the kernel in this way, so a guest would boot an older one.
set -euo pipefail
. "$(dirname "$0")/../lib/repo.sh"

dir=$(mktemp -d)
trap 'rm -r "$dir"' EXIT
export CCACHE_DIR=$dir/ccache

# includes <word>: whether the object does that is compiled when the file has this word
includes()
{
	echo "$1" > "$dir/data"
	(cd "$dir" && ccache gcc -Wp,-MMD,kernel.d -c kernel.S -o kernel.o)
	grep -q "$1" "$dir/kernel.o"
}

echo '.incbin "data"' > "$dir/kernel.S"
# The first time ccache may only learn what the source includes.
if includes older && includes older && includes newer; then
	echo "ok - ccache: an object has the file that it includes"
else
	echo "not ok - ccache: the object is older than the file that it includes by .incbin: see CCACHE_DEPEND in scripts/lib/repo.sh"
	exit 1
fi
