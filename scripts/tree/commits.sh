#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# commits.sh [n]: builds and boots every commit of the exported series, in order, as git
# am has made them in build/am; or those from the nth on. As soon as a commit has brought
# the suite dma_iova, it must run. Commits that have passed before are skipped: the same
# patches, authors and dates make the same commits. Takes hours on two cores.
set -euo pipefail
. "$(dirname "$0")/../lib/repo.sh"
. scripts/lib/guest.sh

out=build/commits
config=build/kernels/test/.config
[ -f "$config" ] || die "$config: missing: make kernel KERNEL=test"
scripts/tree/series.sh >&2
lock series
mkdir -p "$out"
trap 'git -C build/am checkout -q -f am' EXIT

# boots: to the end, behind a virtio-iommu; sets $cases to the number of cases
boots()
{
	local rc=0 wrong

	boot virtio-strict "$out/guest" "$out/$(kernel_image x86_64)" \
		'kunit.filter_glob=dma_iova.* kunit_shutdown=poweroff' "${icount[@]}" \
		-device edu,dma_mask=0xffffffffffffffff || rc=$?
	wrong=$(complaint "$out/guest" "$rc")
	cases=$(grep -E '\] {5,}ok [0-9]+ ' "$out/guest/console" | grep -vc '# SKIP') || true
	if [ -n "$wrong" ]; then why=$wrong
	elif ! grep -q 'reboot: Power down' "$out/guest/console"; then why='has not powered down'
	elif grep -qE '\] +not ok ' "$out/guest/console"; then why='a case fails'
	elif [ "$cases" = 0 ] && [ -e build/am/kernel/dma/tests/dma_iova_kunit.c ]; then why='no case has run'
	else why=
	fi
	[ -z "$why" ]
}

# build: the commit that git has checked out
build()
{
	local make=(make -s -C build/am O="$PWD/$out" CC='ccache gcc' "-j$JOBS")

	cp "$config" "$out/.config"
	{ "${make[@]}" olddefconfig && "${make[@]}" bzImage modules; } > "$out.log" 2>&1
}

commits=$(git -C build/am rev-list --reverse base..am | tail -n "+${1:-1}")
[ -n "$commits" ] || die "build/series: no commit ${1:-}: there are $(git -C build/am rev-list --count base..am)"
n=${1:-1}
for commit in $commits; do
	subject=$(git -C build/am log -1 --format=%s "$commit")
	key="$commit $(sha256sum < "$config")"
	progress "commit $n of $(git -C build/am rev-list --count base..am): $subject"
	n=$((n + 1))
	if grep -sqxF "$key" "$out.passed"; then
		echo "ok - builds and boots, as before: $subject"
		continue
	fi
	git -C build/am checkout -q -f "$commit"
	build || { echo "not ok - builds: $subject: $out.log"; exit 1; }
	echo "ok - builds: $subject"
	boots || { echo "not ok - boots: $subject: $why: $out/guest/console"; exit 1; }
	echo "ok - boots: $subject ($cases cases)"
	echo "$key" >> "$out.passed"
done
