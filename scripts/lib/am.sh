# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Sourced by scripts/tree/series.sh: the git repository of the base, in which the series
# is made and proven.

am=build/am

agit() { git -C "$am" "$@"; }

# at <date>: when the following commits are made
at()
{
	export GIT_AUTHOR_DATE=$1 GIT_COMMITTER_DATE=$1
}

# A repository of the base: its files are hard links to build/base, which git replaces and
# never writes to. Git knows only those that a patch edits.
make_base()
{
	local edited stamp

	edited=$(edited_files)
	stamp=$(cat build/base.stamp; echo "$edited")
	if [ "$(cat build/am.stamp 2> /dev/null)" = "$stamp" ]; then return; fi

	say BASE "$am: git repository of Linux $(kernel_version build/base)"
	rm -rf "$am" build/am.stamp
	cp -al build/base "$am" 2> /dev/null || { rm -rf "$am"; cp -a build/base "$am"; }
	agit init -q -b base --template=
	agit config core.trustctime false
	agit config core.fsync none
	agit config gc.auto 0
	agit add -f --pathspec-from-file=- <<< "$edited"
	at '@0 +0000'
	agit commit -q -m "Linux $(kernel_version build/base)"
	echo "$stamp" > build/am.stamp
}

# differs: prints the files of build/linux that are not as in the commit of $am. Most are
# the same inode in both, and diff does not read them.
differs()
{
	local mode file

	{ diff -rq -x .git -x __pycache__ "$am" build/linux 2>&1 || [ $? -le 2 ]; } | sed "
		s,^Only in $am/*\(.*\): ,\1/,; t series
		s,^Files $am/\(.*\) and .* differ$,\1 (not the same),
		s,^Only in build/linux/*\(.*\): \(.*\),\1/\2 (no patch brings it),
		s,^/,,; b
		:series
		s,$, (only in the series),; s,^/,,"
	agit ls-files -s | while read -r mode _ _ file; do
		if [ "$mode" = 100755 ] && [ ! -x "build/linux/$file" ]; then echo "$file (cannot be executed)"
		elif [ "$mode" = 100644 ] && [ -x "build/linux/$file" ]; then echo "$file (can be executed)"
		fi
	done
}
