#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Builds every commit of the exported series, in order, as git am has made them
# in build/am. A quarter of an hour; not a part of `make check`.
set -euo pipefail
. "$(dirname "$0")/repo.sh"

out=build/commits
[ -d build/series ] || die "build/series: missing: make series"
[ -f build/kernel/.config ] || die "build/kernel/.config: missing: make kernel"
lock series
mkdir -p "$out"
trap 'git -C build/am checkout -q -f am' EXIT

failed=0
for commit in $(git -C build/am rev-list --reverse base..am); do
	subject=$(git -C build/am log -1 --format=%s "$commit")
	git -C build/am checkout -q -f "$commit"
	cp build/kernel/.config "$out/.config"
	make=(make -s -C build/am O="$PWD/$out" CC='ccache gcc' "-j$(nproc)")
	if { "${make[@]}" olddefconfig && "${make[@]}" bzImage modules; } > "$out.log" 2>&1
	then echo "ok - builds: $subject"
	else echo "not ok - builds: $subject: $out.log"; failed=1; break
	fi
done
exit "$failed"
