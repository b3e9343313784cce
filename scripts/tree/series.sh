#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# build/series: the patches as mail, one thread, with a proof: git am applies them to the
# base, and the result is build/linux, byte for byte. The person who runs this signs them
# off. The author of each patch is the one who committed it first.
set -euo pipefail
. "$(dirname "$0")/../lib/repo.sh"
. scripts/lib/progress.sh
. scripts/lib/am.sh

out=build/series
log=build/series.log
cover=patches/0000-cover-letter.txt

[ -d build/linux ] || die "build/linux: missing: make tree"
[ -f "$cover" ] || die "$cover: missing: write it (subject, blank line, text)"
who=$(git -c user.useConfigOnly=true var GIT_AUTHOR_IDENT 2> /dev/null) ||
	die ".git/config: no name and address for the Signed-off-by: git config user.name <name>; git config user.email <address>"
lock series
: > "$log"

# date_of <patch>: the date of the last commit to it or to what it brings, so that the
# same commit always gives the same mails
date_of()
{
	local date brings

	mapfile -t brings < <(patch_brings "$1")
	date=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct -- "patches/$1" "${brings[@]}" 2> /dev/null || true)}
	echo "@${date:-$(stat -c %Y "patches/$1")} +0000"
}
patches=$(series)
declare -A dates authors
while read -r p author; do authors[$p]=$author; done < <(scripts/tree/authors.sh)
for p in $patches $cover; do
	p=${p#patches/}
	dates[$p]=$(date_of "$p")
done

# From here on, no settings of the user count.
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
export GIT_AUTHOR_NAME=${who%% <*} GIT_COMMITTER_NAME=${who%% <*}
mail=${who#*<}
export GIT_AUTHOR_EMAIL=${mail%%>*} GIT_COMMITTER_EMAIL=${mail%%>*}
sender="$GIT_COMMITTER_NAME <$GIT_COMMITTER_EMAIL>"

# commit <patch>
commit()
{
	patch_diff "$1" > build/series.diff
	if [ -s build/series.diff ] && ! agit apply --index ../series.diff >> "$log" 2>&1; then
		die "patches/$1: git apply rejects it ($log): $(tail -n 1 "$log")"
	fi
	for f in $(patch_brings "$1"); do
		[ -f "$f" ] || die "patches/$1: brings $f, which does not exist: add it, or remove the line"
		[ ! -e "$am/$f" ] || die "patches/$1: brings $f, which is there already: remove the line"
		install -D -m "$(stat -c %a "$f")" "$f" "$am/$f"
		agit add -f "$f"
	done
	at "${dates[$1]}"
	patch_message "$1" | agit commit -q -s --author="${authors[$1]:-$sender}" -F -
}

# what_base: prints the last line of the cover letter. Only a commit of a git tree is one
# that others may have.
what_base()
{
	local base tree changes

	base=$(head -n 1 build/base.stamp)
	tree=${base#tree }
	if [ "$tree" = "$base" ]; then
		echo "base: Debian's $base"
	elif [ -e "$tree/.git" ] && changes=$(git -C "$tree" status --porcelain) && [ -z "$changes" ]; then
		echo "base-commit: $(git -C "$tree" rev-parse HEAD)"
	else
		echo "base: Linux $(kernel_version build/base)"
	fi
}

# set_time <mail>...: git makes message IDs of the present time. Take that of the newest
# patch instead.
set_time()
{
	local newest

	newest=$(printf '%s\n' "${dates[@]}" | sort | sed -n '$s/^@\([0-9]*\) .*/\1/p')
	sed -i -E "1,/^$/{/^(Message-I[Dd]|In-Reply-To|References): /s/\.[0-9]+(\.git\.)/.$newest\1/}" "$@"
}

with_progress "$am: git repository of the base" make_base
rm -rf "$out" "$out.tmp" "$am/.git/rebase-apply"
agit checkout -q -f -B series base
# What an interrupted run has left
for f in $(whole_files); do [ -e "build/base/$f" ] || rm -f "$am/$f"; done
n=0
for p in $patches; do
	n=$((n + 1))
	progress "$am: patch $n of $(wc -w <<< "$patches")"
	[ -f "patches/$p" ] || die "patches/series: $p: there is no such file: add it, or remove the line"
	commit "$p"
done
progress_end
agit config branch.series.description "$(< "$cover")"
at "${dates[${cover#patches/}]}"
agit format-patch -q --from="$sender" --diff-algorithm=patience --cover-letter --cover-from-description=subject \
	--thread=shallow --no-signature --zero-commit --abbrev=12 --subject-prefix='PATCH 6.12' -o "$PWD/$out.tmp" base..series
set_time "$out.tmp"/*.patch
what_base >> "$out.tmp/0000-cover-letter.patch"

# The same author and dates make the same commit, if git am loses nothing.
agit checkout -q -f -B am base
mapfile -t mails < <(find "$PWD/$out.tmp" -name '*.patch' ! -name '0000-*' | sort)
agit am -q --committer-date-is-author-date "${mails[@]}" >> "$log" 2>&1 ||
	die "$out.tmp: git am rejects it ($log): $(tail -n 1 "$log")"
[ "$(agit rev-parse am)" = "$(agit rev-parse series)" ] ||
	die "$out.tmp: git am makes different commits from it: compare the branches am and series (git -C $am log -p): a message may have a line that starts with --- or diff"
wrong=$(with_progress "build/linux: comparing" differs)
[ -z "$wrong" ] ||
	die "build/linux: git am of the series gives something else: $(paste -s -d , <<< "$wrong" | sed 's/,/, /g'): make tree, and name each whole file as Brings: in one patch (make clean, if it is the base's)"
mv "$out.tmp" "$out"
say SERIES "$out: ${#mails[@]} patches, git am of them gives build/linux"
