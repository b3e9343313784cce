#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# patches.sh: the table of the patches, as Markdown, for patches/README.md.
# patches.sh renumber: gives each patch the number of its place in patches/series.
set -euo pipefail
. "$(dirname "$0")/../lib/repo.sh"

# table <patch>...: a line for each
table()
{
	local p n=0

	cat <<- 'EOT'
		<!-- SPDX-License-Identifier: GPL-2.0 -->
		# The patches

		Made by `scripts/tree/patches.sh > patches/README.md`. The column "lines" counts the lines that a patch adds to and
		removes from files of the base. A new file is in this repository as a whole, at its path in the kernel.

		| | patch | lines | new files |
		|---|---|---|---|
	EOT
	for p in "$@"; do
		n=$((n + 1))
		printf '| %d | [%s](%s) | %s | %s |\n' $n "$(patch_message "$p" | head -n 1)" "$p" \
			"$(patch_diff "$p" | awk '/^\+\+\+|^---/ { next } /^\+/ { add++ } /^-/ { del++ }
				END { if (add + del) printf "+%d -%d", add, del }')" \
			"$(patch_brings "$p" | sed 's,.*,[&](../&),' | paste -s -d ' ')"
	done
}

renumber()
{
	local p new n=0

	for p in "$@"; do
		n=$((n + 1))
		new=$(printf '%04d-%s' $n "$(sed -E 's/^[0-9]+[a-z]*-//' <<< "$p")")
		if [ "$p" = "$new" ]; then continue; fi
		[ ! -e "patches/$new" ] || die "patches/$new: exists, and is the new name of patches/$p: rename one of them"
		git mv -k "patches/$p" "patches/$new"
		[ -e "patches/$new" ] || mv "patches/$p" "patches/$new"
		sed -i "s,^$p\$,$new," patches/series
	done
	rm -rf build/stage build/stage.stamp	# quilt knows the old names
}

mapfile -t patches < <(series)
case ${1:-} in
'')	table "${patches[@]}" ;;
renumber) renumber "${patches[@]}" ;;
*)	die "patches.sh: $1: not known: no argument, or renumber" ;;
esac
