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

# A repository of the base: its files are hard links to build/base, which git
# replaces and never writes to.
make_base()
{
	if cmp -s build/base.stamp build/am.stamp; then return; fi

	say BASE "$am: git repository of Linux $(kernel_version build/base)"
	rm -rf "$am" build/am.stamp
	cp -al build/base "$am" 2> /dev/null || { rm -rf "$am"; cp -a build/base "$am"; }
	agit init -q -b base --template=
	agit config core.compression 0
	agit config core.trustctime false
	agit config core.fsync none
	agit config gc.auto 0
	# The threshold makes one pack instead of 86000 files.
	agit -c core.bigFileThreshold=1 add -A -f .
	at '@0 +0000'
	agit commit -q -m "Linux $(kernel_version build/base)"
	cp build/base.stamp build/am.stamp
}

# differs: prints the files of build/linux that are not as in the commit of $am. The index
# remembers what was read, so only the first proof reads everything.
differs()
{
	local file old_mode mode hash status new

	lgit() { GIT_INDEX_FILE=$PWD/build/linux.index git --git-dir="$am/.git" \
		--work-tree=build/linux -c core.trustctime=true "$@"; }
	lgit read-tree -m -i HEAD
	lgit update-index -q --refresh > /dev/null || true
	lgit ls-files -o -x __pycache__ | sed 's,$, (no patch brings it),'
	lgit diff-files --raw --no-abbrev | while read -r old_mode mode hash _ status file; do
		case $status in
		D)	echo "$file (only in the series)"; continue ;;
		T)	# a link to a whole file
			mode=100644
			if [ -x "build/linux/$file" ]; then mode=100755; fi
			new=$(git hash-object --no-filters "build/linux/$file")
			if [ "$new" = "$hash" ] && [ ":$mode" = "$old_mode" ]; then continue; fi
		esac
		echo "$file (not the same)"
	done
}
