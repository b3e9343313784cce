#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# build/linux: the base with the patches and the whole files. Base files are hard links to
# build/base, patched ones are copies from build/stage, whole ones are links to the
# repository, so that an edit takes effect at once. A file that does not change keeps its
# time, and nothing that uses it is built again.
set -euo pipefail
. "$(dirname "$0")/../lib/repo.sh"

stage=build/stage
linux=build/linux
list=build/linux.list	# what of build/linux is not the base's

lock tree
scripts/tree/base.sh

# The patches must apply without fuzz. Offsets are allowed.
push_failed()
{
	local log=$1 patch rejects

	patch=$(sed -n 's/^Applying patch \(patches\/\)*//p' "$log" | tail -n 1)
	rejects=$(cd "$stage" && find . -name '*.rej' -printf '%P\n' | sort)
	[ -n "$rejects" ] || die_log "$log" "patches/$patch: quilt cannot apply it"
	printf 'error: patches/%s: does not apply to %s of Linux %s (tested: %s): refresh it, or build on a tested base\n' \
		"$patch" "$(xargs <<< "${rejects//.rej/}")" "$(kernel_version build/base)" "$(base_field Tested)" >&2
	for r in $rejects; do
		sed -n "s,^Hunk .* FAILED.*,$stage/$r: &,p" "$log"
		head -n 60 "$stage/$r"
	done >&2
	exit 1
}

make_stage()
{
	local sum patch files f edits=0

	sum=$(cat build/base.stamp patches/series patches/*.patch | sha256sum)
	if [ -f "$stage.stamp" ] && [ "$(cat "$stage.stamp")" = "$sum" ]; then return; fi

	rm -rf "$stage" "$stage.stamp"
	mkdir "$stage"
	ln -s ../../patches "$stage/patches"
	for patch in $(series); do
		[ -f "patches/$patch" ] ||
			die "patches/series: $patch: there is no such file: add it, or remove the line"
		files=$(patch_files "$patch")
		# quilt fails on a patch that only brings whole files, so leave it out of
		# its series.
		if [ -n "$files" ]; then
			echo "$patch" >> "$stage/series"
			edits=$((edits + 1))
		elif grep -q '^+++ ' "patches/$patch"; then
			die "patches/$patch: not a patch with a/ and b/: make it by git diff, or by quilt refresh -p ab --no-index"
		fi
		for f in $files; do
			[ -f "build/base/$f" ] ||
				die "patches/$patch: edits $f, which is not in the base: put the new file at $f, and name it as Brings:"
			if [ -f "$stage/$f" ]; then continue; fi
			mkdir -p "$(dirname "$stage/$f")"
			cp "build/base/$f" "$stage/$f"
		done
	done
	if cmp -s "$stage/series" <(series); then rm "$stage/series"; fi

	if [ "$edits" -gt 0 ]; then
		say PATCH "$(series | wc -l) patches, no fuzz"
		(cd "$stage" && env -i PATH="$PATH" LC_ALL=C QUILT_PC=.pc QUILT_PATCHES=patches \
			quilt --quiltrc - push -a --fuzz=0 --leave-rejects) > "$stage.log" 2>&1 ||
			push_failed "$stage.log"
	fi
	echo "$sum" > "$stage.stamp"
}

# put <from> <file>: copy it into the tree, with the time of now
put()
{
	if cmp -s "$1/$2" "$linux/$2"; then return; fi
	rm -f "$linux/$2"	# never write through to the base
	cp --preserve=mode "$1/$2" "$linux/$2"
}

# link_whole <file>: have a whole file in the tree
link_whole()
{
	if [ -L "$linux/$1" ] && [ "$linux/$1" -ef "$1" ]; then return; fi
	if [ -f "$linux/$1" ] && [ ! -L "$linux/$1" ] && ! cmp -s "$1" "$linux/$1"; then
		die "$linux/$1: is no link to $1, but a copy with edits: move it there"
	fi
	mkdir -p "$linux/${1%/*}"
	ln -srfn "$1" "$linux/$1"
}

make_stage
whole=$(whole_files)
patched=$(cd "$stage" && find . -name .pc -prune -o -type f ! -path ./series -printf '%P\n' | sort)
for f in $whole; do
	if [ -e "build/base/$f" ]; then
		die "$f: the base has this file: make its edits a patch, or rename it"
	fi
done

if [ ! -f "$list" ] || ! cmp -s build/base.stamp build/linux.stamp; then
	rm -rf "$linux" "$linux.tmp" "$list"
	{ cp -al build/base "$linux.tmp" || {
		rm -rf "$linux.tmp"
		cp -a build/base "$linux.tmp"
	}; } 2> build/linux.log || die_log build/linux.log "$linux: not copied from build/base"
	mv "$linux.tmp" "$linux"
	cp build/base.stamp build/linux.stamp
	: > "$list"
fi

# The list names both the present files and the next ones. So an interrupted run leaves no
# file that the next run does not know of.
sort -u "$list" <(printf '%s\n' "$patched" "$whole") | sed '/^$/d' > "$list.tmp"
mv "$list.tmp" "$list"
for f in $(comm -23 "$list" <(printf '%s\n' "$patched" "$whole" | sort)); do
	if [ -f "build/base/$f" ]; then
		put build/base "$f"
	else
		rm -f "$linux/$f"
		(cd "$linux" && rmdir -p --ignore-fail-on-non-empty "${f%/*}" 2> /dev/null) || true
	fi
done
for f in $patched; do put "$stage" "$f"; done
for f in $whole; do link_whole "$f"; done
printf '%s\n' "$patched" "$whole" | sort | sed '/^$/d' > "$list.tmp"
mv "$list.tmp" "$list"

say TREE "$linux: Linux $(kernel_version build/base), $(wc -w <<< "$patched") files patched, $(wc -w <<< "$whole") new"
