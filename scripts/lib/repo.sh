# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Sourced by all scripts: the parts of this repository, and messages. Changes to the top
# of the repository, by the path without symbolic links: compilers print that one.

CDPATH='' cd -P -- "$(dirname "${BASH_SOURCE[0]}")/../.." || exit
shopt -s inherit_errexit
export LC_ALL=C
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE
# A kernel is built in the same way from whatever make or shell this is called.
unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES KBUILD_OUTPUT KCONFIG_CONFIG KCONFIG_ALLCONFIG
export CCACHE_DIR=${CCACHE_DIR:-$PWD/build/ccache}
# CCACHE_DEPEND would save a fifth of the time of a first build. But ccache does not see
# .incbin then, which puts the kernel into bzImage: see check/test-ccache.sh.
unset CCACHE_DEPEND
# How many programs or guests run at the same time
JOBS=${JOBS:-$(nproc)}
if [ "${V:-0}" = 1 ]; then
	# The standard error of a caller that reads ours has the trace already.
	if ! { : >&8; } 2> /dev/null; then exec 8>&2; fi
	BASH_XTRACEFD=8
	set -x
fi

. scripts/lib/tables.sh

# Where whole new files live, each at its path in the kernel.
whole_dirs=(kernel drivers include Documentation samples tools mm block)

say()	# say <WHAT> <text>: a line like those of kbuild
{
	printf '  %-7s %s\n' "$1" "$2"
}

die()	# die <file>: <cause>: <repair>
{
	printf 'error: %s\n' "$*" >&2
	exit 1
}

[[ $JOBS =~ ^[1-9][0-9]*$ ]] || die "JOBS=$JOBS: not a number of jobs: give 1 or more"

# die_log <log> <what failed>: exit with the reason from the log; a full disk comes first
die_log()
{
	local free

	# A full disk may have cut off the log.
	free=$(df -k --output=avail build | tail -n 1)
	if grep -q 'No space left on device' "$1" || [ "$free" -lt 1024 ]; then
		die "build/: no space left on $(df -h --output=source,size,avail build |
			awk 'END { print $1 ", " $3 " of " $2 " free" }'): free some: all of build/ takes 8 GB, with build/deb of a distribution's configuration far more"
	fi
	die "$2 ($1): $(grep -m 1 -iE 'error:|cannot |unexpected |fatal: |^E: ' "$1" || tail -n 1 "$1")"
}

# lock <name>: wait for another run that works on the same output
lock()
{
	mkdir -p build
	exec 9> "build/$1.lock"
	flock -n 9 || { say WAIT "for another run, which has build/$1.lock" >&2; flock 9; }
}

# must_unshare <argument of unshare>...: it works, or exit with the reason
must_unshare()
{
	local error

	error=$(unshare "$@" true 2>&1) || die "$error: no user namespaces here:" \
		"sysctl user.max_user_namespaces=1000 kernel.unprivileged_userns_clone=1, and allow them in a container"
}

# kernel_version <tree>: 6.12.117
kernel_version()
{
	awk '$2 == "=" && $1 ~ /^(VERSION|PATCHLEVEL|SUBLEVEL)$/ { v = v "." $3 }
	     $1 == "NAME" { exit }
	     END { print substr(v, 2) }' "$1/Makefile"
}

# check_peer <tree>: another kernel, which has the API
check_peer()
{
	[ -n "$1" ] || die "PEER=: not given: name a tree that has the API"
	grep -qs dma_iova_try_alloc "$1/include/linux/dma-mapping.h" ||
		die "$1: does not have dma_iova_try_alloc(): give Linux 6.16 or later"
}

# base_field <name>: the values that BASE has for it
base_field()
{
	sed -n "s/^$1: *//p" BASE | paste -s -d ' '
}

whole_files()
{
	local files f

	files=$(git ls-files -co --exclude-standard -- "${whole_dirs[@]}") ||
		die ".git: git does not list the files: clone the repository with git"
	for f in $files; do
		if [ -e "$f" ]; then echo "$f"; fi
	done | sort -u
}

# The names of the patches, in order
series()
{
	awk '{ sub(/(^|[ \t])#.*/, "") } NF { print $1 }' patches/series
}

# A patch consists of: Subject:, blank, body, ---, Brings: lines, blank, diff. The diff is
# from git or from quilt refresh.
patch_message()
{
	awk '/^---$/ { exit } NR == 1 { sub(/^Subject: /, "") } { print }' "patches/$1"
}

patch_brings()
{
	awk '/^(diff --git |--- a\/)/ { exit } /^---$/ { below = 1 }
	     below && /^Brings: / { print $2 }' "patches/$1"
}

patch_diff()
{
	awk '/^(diff --git |--- a\/)/ { diff = 1 } diff' "patches/$1"
}

# The base's files that a patch edits
patch_files()
{
	patch_diff "$1" | sed -n 's,^+++ b/,,p'
}

# The base's files that the series edits
edited_files()
{
	local p

	for p in $(series); do patch_files "$p"; done | sort -u
}
