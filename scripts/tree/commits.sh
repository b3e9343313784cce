#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# commits.sh [n [last]]: builds every commit of the exported series for three
# architectures, in order, as git am has made them in build/am, and boots those of 64 bits;
# or only the commits from the nth to the last one. As soon as a commit has brought the
# suite dma_iova, it must run. Commits that have passed before are skipped: the same
# patches, authors and dates make the same commits. Takes hours on two cores.
#
#   ARCH=<name>...	only these architectures
set -euo pipefail
. "$(dirname "$0")/../lib/repo.sh"
. scripts/lib/guest.sh

out=build/commits
# architecture | kernel of configs/kernels whose configuration it has | machine that boots it
table='
x86_64 | test  | virtio-strict
arm64  | arm64 | smmuv3-strict
i386   | i386  |
'

# column <architecture> <number>: from the table
column() { field <(echo "$table") "$1" "$2"; }

archs=${ARCH:-$(names <(sed '/^$/d' <<< "$table"))}
for arch in $archs; do
	config=build/kernels/$(column "$arch" 2)/.config
	[ -f "$config" ] || die "$config: missing: scripts/tree/kernel.sh $(column "$arch" 2)"
done
scripts/tree/series.sh >&2
lock series
mkdir -p "$out"
tools=$(versions)
trap 'git -C build/am checkout -q -f am' EXIT

# boots <architecture>: to the end, behind an IOMMU; sets $cases to the number of cases
boots()
{
	local guest=$out/$1-guest rc=0 wrong

	boot "$(column "$1" 3)" "$guest" "$out/$1/$(kernel_image "$1")" \
		"kunit.filter_glob=dma_iova.* kunit_shutdown=poweroff $icount_append" "${icount[@]}" \
		-device edu,dma_mask=0xffffffffffffffff || rc=$?
	wrong=$(complaint "$guest" "$rc")
	cases=$(grep -E '\] {5,}ok [0-9]+ ' "$guest/console" | grep -vc '# SKIP') || true
	if [ -n "$wrong" ]; then why=$wrong
	elif ! grep -q 'reboot: Power down' "$guest/console"; then why='has not powered down'
	elif grep -qE '\] +not ok ' "$guest/console"; then why='a case fails'
	elif [ "$cases" = 0 ] && [ -e build/am/kernel/dma/tests/dma_iova_kunit.c ]; then why='no case has run'
	else why=
	fi
	[ -z "$why" ]
}

# build <architecture>: the commit that git has checked out
build()
{
	local cross make image

	cross=$(cross_compile "$1")
	image=$(kernel_image "$1")
	make=(make -s -C build/am O="$PWD/$out/$1" ARCH="$1" CROSS_COMPILE="$cross" CC="ccache ${cross}gcc" "-j$JOBS")
	mkdir -p "$out/$1"
	cp "build/kernels/$(column "$1" 2)/.config" "$out/$1/.config"
	{ "${make[@]}" olddefconfig && "${make[@]}" "${image##*/}" modules; } > "$out/$1.log" 2>&1
}

# key <architecture> <commit>: what decides whether it passes
key()
{
	echo "$1 $2 $(cat build/base.stamp "build/kernels/$(column "$1" 2)/.config" configs/machines scripts/lib/* \
		scripts/tree/commits.sh - <<< "$tools" | sha256sum)"
}

# check <architecture> <commit> <its subject>: prints a line for each thing that passes
check()
{
	if grep -sqxF "$(key "$1" "$2")" "$out.passed"; then
		echo "ok - $1 passes, as before: $3"
		return
	fi
	git -C build/am checkout -q -f "$2"
	build "$1" || { echo "not ok - $1 builds: $3: $out/$1.log"; exit 1; }
	echo "ok - $1 builds: $3"
	if [ -n "$(column "$1" 3)" ]; then
		boots "$1" || { echo "not ok - $1 boots: $3: $why: $out/$1-guest/console"; exit 1; }
		echo "ok - $1 boots: $3 ($cases cases)"
	fi
	key "$1" "$2" >> "$out.passed"
}

all=$(git -C build/am rev-list --reverse base..am)
total=$(wc -l <<< "$all")
n=${1:-1}
commits=$(sed -n "$n,${2:-$total}p" <<< "$all")
[ -n "$commits" ] || die "build/series: no commit $n: there are $total"
for commit in $commits; do
	subject=$(git -C build/am log -1 --format=%s "$commit")
	progress "commit $n of $total: $subject"
	n=$((n + 1))
	for arch in $archs; do check "$arch" "$commit" "$subject"; done
done
