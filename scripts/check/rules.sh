#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The rules of the repository, a line each: "ok - <rule>", or "not ok - <rule>: <what
# breaks it>". Needs build/base (make tree). A rule is a function that prints what breaks
# it. A rule that cannot be checked counts as broken.
#
# shellcheck disable=SC2317 # they are called by name
set -euo pipefail
. "$(dirname "$0")/../lib/repo.sh"
. scripts/lib/rule.sh

[ -d build/base ] || die "build/base: missing: make tree"
whole=$(whole_files)
entries=$(series)
patches=$(cd patches && find . -name '*.patch' -printf '%P\n' | sort)
there=$(comm -12 <(sort -u <<< "$entries") <(echo "$patches"))

in_series_without_file() { comm -23 <(sort -u <<< "$entries") <(echo "$patches"); }
file_not_in_series()     { comm -13 <(sort -u <<< "$entries") <(echo "$patches"); }
in_series_twice()        { sort <<< "$entries" | uniq -d; }

# The comments of the series are the subjects of its patches.
headed_otherwise()
{
	diff <(for p in $there; do printf '# %s\n%s\n' "$(patch_message "$p" | head -n 1)" "$p"; done) \
		patches/series | sed -n 's/^[<>] //p'
}

head_is_wrong()
{
	for p in $patches; do awk -f scripts/check/head.awk "patches/$p"; done
	awk 'NR == 1 && !/./ || NR == 2 && /./ { bad = 1 }
	     END { if (bad || NR < 3) print FILENAME " (subject, blank line, text)" }' \
		patches/0000-cover-letter.txt 2> /dev/null || echo "patches/0000-cover-letter.txt (missing)"
}

is_no_plain_edit()
{
	for p in $there; do
		patch_diff "$p" | awk -v p="$p" '
			/^diff --git / { if (substr($3, 3) != substr($4, 3)) print p ": " $3 " " $4 }
			/^(new file|deleted file|old|new) mode|^(rename|copy) from|^GIT binary|^Binary/ {
				print p ": " $0 }'
	done
}

patched_but_not_in_base()
{
	for p in $there; do
		for f in $(patch_files "$p"); do
			[ -f "build/base/$f" ] || echo "$f ($p)"
		done
	done
}

patched_but_whole()
{
	for p in $there; do
		comm -12 <(patch_files "$p" | sort -u) <(echo "$whole") | sed "s/$/ ($p)/"
	done
}

whole_but_in_base()
{
	for f in $whole; do
		[ ! -e "build/base/$f" ] || echo "$f"
	done
}

brought()
{
	for p in $there; do patch_brings "$p"; done | sort
}

brought_by_none()        { comm -13 <(brought) <(echo "$whole"); }
brought_by_two()         { brought | uniq -d; }
brought_without_a_file() { comm -23 <(brought | uniq) <(echo "$whole"); }

# A kernel directory that whole_dirs does not name would be left out without a warning.
directory_not_known()
{
	git ls-files -co --exclude-standard | sed -n 's,/.*,,p' | sort -u |
		comm -23 - <(printf '%s\n' "${whole_dirs[@]}" .ci configs mainline patches scripts | sort)
}

# The numbers of the patches are those of their places.
numbered_otherwise()
{
	local p n=0

	for p in $entries; do
		n=$((n + 1))
		[ "${p%%-*}" = "$(printf %04d "$n")" ] || echo "$p is number $n"
	done
}

table_is_old()
{
	scripts/tree/patches.sh | diff - patches/README.md | sed -n 's/^[<>] //p' | head -n 3
}

# HACKING.md has a line for every script.
script_not_in_map()
{
	git ls-files -co --exclude-standard scripts | while read -r f; do
		grep -q "[\`/]${f##*/}\`" HACKING.md || echo "$f"
	done
}

script_too_long()
{
	git ls-files -co --exclude-standard scripts | grep -v '\.c$' | while read -r f; do
		if [ -f "$f" ] && [ "$(wc -l < "$f")" -gt 150 ]; then echo "$f ($(wc -l < "$f") lines)"; fi
	done
}

# Each suite can be run without this repository.
suite_in_no_config()
{
	awk '/^config .*_KUNIT_TEST$/ { name = $2 } /^\tbool "/ && name { print "CONFIG_" name "=y"; name = "" }
	     /^\tdef_bool/ { name = "" }' build/linux/kernel/dma/Kconfig | sort |
		comm -23 - <(cat tools/testing/kunit/configs/*.config | sort -u)
}

rule in_series_without_file	"every entry of patches/series has its patch"
rule file_not_in_series		"every patch is in patches/series"
rule in_series_twice		"no patch is in patches/series twice"
rule headed_otherwise		"every entry of patches/series is headed by its subject"
rule head_is_wrong		"every patch is headed by its commit message, and there is a cover letter"
rule is_no_plain_edit		"a patch makes, deletes, renames no file, and changes no mode"
rule patched_but_not_in_base	"every file that a patch edits is in the base"
rule patched_but_whole		"no patch edits a whole file"
rule whole_but_in_base		"no whole file is in the base"
rule brought_by_none		"every whole file is brought by a patch"
rule brought_by_two		"no whole file is brought by two patches"
rule brought_without_a_file	"every file that a patch brings is there"
rule numbered_otherwise		"every patch is numbered by its place in patches/series"
rule table_is_old		"patches/README.md is what scripts/tree/patches.sh makes"
rule directory_not_known	"every directory is one that make tree looks into"
rule script_not_in_map		"every script is in the map in HACKING.md"
rule script_too_long		"no script has more than 150 lines"
rule suite_in_no_config		"every KUnit suite is in a file of tools/testing/kunit/configs"

. scripts/check/rules-breaks.sh
exit "$failed"
