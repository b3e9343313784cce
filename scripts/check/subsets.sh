#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# subsets.sh [name...]: quilt applies each part of the series that configs/subsets names,
# as the patches of Debian's source package, and the directories that it touches compile.
#
# shellcheck disable=SC2317 # with_progress calls a function by name
set -euo pipefail
. "$(dirname "$0")/../lib/repo.sh"
. scripts/lib/progress.sh

out=build/subsets
src=$out/linux
obj=$out/obj
failed=0

# files <--- or +++>: that the patches name in such lines
files()
{
	sed -n "s,^$1 [ab]/,,p" "$src"/debian/patches/*/*/*/*.patch | sort -u
}

# prepare <subset>: the base, with its own copies of what the patches edit
prepare()
{
	local f

	rm -rf "$src"
	cp -al build/base "$src"
	mkdir -p "$src/debian/patches"
	touch "$src/debian/patches/series"
	scripts/tree/debian.sh "$1" "$src" >&2
	files --- | while read -r f; do cp --remove-destination "build/base/$f" "$src/$f"; done
}

# applies: the log has the reason if it does not
applies()
{
	(cd "$src" && env -i PATH="$PATH" LC_ALL=C QUILT_PATCHES=debian/patches \
		quilt --quiltrc - push -a --fuzz=0) > "$log" 2>&1
}

# headless: prints the patches whose header lacks a field of DEP-3 or has it twice
headless()
{
	local p

	for p in "$src"/debian/patches/*/*/*/*.patch; do
		sed '/^$/q' "$p" | awk -v p="${p##*/}" '
			NR == 1 && !/^From: ./ { print p " (does not begin with From:)" }
			/^Subject: ./ { subject++ } /^Forwarded: no$/ { forwarded++ }
			END { if (subject != 1 || forwarded != 1) print p " (Subject:, Forwarded:)" }'
	done
}

# undescribed: prints the kernel-doc that pages of the subset pull in from files that it
# does not have
undescribed()
{
	local page file

	files +++ | grep '^Documentation/.*\.rst$' | while read -r page; do
		sed -n 's/^\.\. kernel-doc:: *//p' "$src/$page" | sort -u | while read -r file; do
			[ -e "$src/$file" ] || echo "$page: $file"
		done
	done
}

# judge <function> <text>: ok if it prints nothing
judge()
{
	local wrong

	wrong=$("$1")
	if [ -z "$wrong" ]; then
		echo "ok - $2"
	else
		echo "not ok - $2: $(paste -s -d ';' <<< "$wrong")"
		failed=1
	fi
}

# directories: of the C files that the patches edit or bring, as targets of make; without
# those that are below another one
directories()
{
	local dir

	files +++ | grep -vE '^(tools|Documentation)/' | sed -n 's,/[^/]*\.c$,/,p' | sort -u | while read -r dir; do
		if [ -f "$src/$dir/Makefile" ]; then echo "$dir"; fi
	done | awk 'last == "" || index($0, last) != 1 { print last = $0 }'
}

compile()
{
	local targets

	SRC=$src O=$obj CONFIG_ONLY=1 LOSE=1 scripts/tree/kernel.sh test || return
	mapfile -t targets < <(directories)
	make -C "$src" O="$PWD/$obj" CC='ccache gcc' -j"$JOBS" "${targets[@]}"
}

compiles()
{
	with_progress "$src: compiling" compile > "$log" 2>&1 && ! grep -q 'warning:' "$log"
}

scripts/tree/series.sh >&2
mkdir -p "$out"
lock subsets
if [ $# = 0 ]; then mapfile -t asked < <(names configs/subsets); else asked=("$@"); fi
for name in "${asked[@]}"; do
	log=$out/$name.log
	prepare "$name"
	if ! applies; then
		echo "not ok - subset $name applies: $log: $(tail -n 1 "$log")"
		failed=1
		continue
	fi
	echo "ok - subset $name applies: $(wc -l < "$src/debian/patches/series") patches"
	judge headless "subset $name has headers of DEP-3"
	judge undescribed "subset $name has what its pages describe"
	if compiles; then
		echo "ok - subset $name compiles: $(grep -cE '^  (CC|AS) ' "$log") objects"
	else
		echo "not ok - subset $name compiles: $log: $(grep -m 1 -E 'warning:|error:|\*\*\*' "$log")"
		failed=1
	fi
done
exit "$failed"
