#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# check-all.sh [stage...]: the tests that are too slow for check.sh, and those of other
# machines, in stages. A stage that has passed is skipped until its inputs have changed:
# build/check-all/<stage>.passed has the sum of these.
set -euo pipefail
. "$(dirname "$0")/../lib/repo.sh"
. scripts/lib/steps.sh

steps_begin build/check-all
source=(patches configs kernel drivers include Documentation mm block samples tools)
tools=$(versions)
declare -A minutes inputs

# stage <name> <minutes on two cores> <more that it is made from> <command>...
stage()
{
	minutes[$1]=$2 inputs[$1]=$3
	step "$1" "${@:4}"
}

# made_from <stage>: the sum of its command, of the programs, of the base and of all the
# files
made_from()
{
	local files

	# shellcheck disable=SC2086 # a list of paths
	mapfile -t files < <(git ls-files -co --exclude-standard -- "${source[@]}" scripts/lib scripts/tree ${inputs[$1]} | sort -u)
	{ echo "${commands[$1]} $tools"; cat build/base.stamp; for f in "${files[@]}"; do if [ -e "$f" ]; then echo "$f"; cat "$f"; fi; done; } | sha256sum
}

# has_passed <stage>: with these inputs; the log is still there to be counted
has_passed() { [ -s "$out/$1.log" ] && [ "$(cat "$out/$1.passed" 2> /dev/null)" = "$(made_from "$1")" ]; }

# on <kernel,...> <command>...: with these kernels as the sources are now
on()
{
	# shellcheck disable=SC2086 # several kernels
	scripts/check/build.sh ${1//,/ } >&2 || return
	"${@:2}"
}

# packaged <command>...: with the packages of the small kernel as the sources are now
packaged()
{
	scripts/check/deb.sh >&2 || return
	"$@"
}

kunit=scripts/guests/kunit
nvme=scripts/guests/nvme
stage nvme 5 $nvme on test env KERNEL=test $nvme/run.sh
stage events 6 "scripts/guests/events $nvme" on test scripts/guests/events/run.sh
stage compile 20 scripts/check scripts/check/compile.sh
stage deb 12 "scripts/check scripts/guests/debian .gitignore" scripts/check/deb.sh
stage debian-12 20 "scripts/check scripts/guests/debian" packaged scripts/guests/debian/run.sh bookworm
stage debian-13 20 "scripts/check scripts/guests/debian" packaged scripts/guests/debian/run.sh trixie
stage subsets 15 scripts/check scripts/check/subsets.sh
stage arm64-kernel 30 '' scripts/check/build.sh arm64 arm64-16k arm64-64k
stage arm64-lint 4 scripts/check/lint.sh env ARCH=arm64 scripts/check/lint.sh
stage arm64-kunit 12 $kunit on arm64,arm64-16k,arm64-64k env ARCH=arm64 $kunit/run.sh
stage debug-kernel 25 '' scripts/check/build.sh debug
stage debug-kunit 30 $kunit on debug env KERNEL=debug SPIN=3000 SEED=0 $kunit/run.sh
# dma-debug reports small metadata buffers in one cache line as a mistake, with other
# drivers as well. The soak has no buffers that small.
stage debug-nvme 30 $nvme on debug env KERNEL=debug KERNEL_ARGS=dma_debug=off OUT=build/nvme-debug JOBS=1 MEMORY=2G SPIN=3000 SHORT=1 $nvme/run.sh
stage debug-soak 12 $nvme on debug env KERNEL=debug OUT=build/soak MEMORY=2G SPIN=3000 SOAK=600 $nvme/run.sh intel-lazy
stage debug-stress 15 $kunit on debug env KERNEL=debug SPIN=3000 SEED=0 KERNEL_ARGS=dma_iova_stress_kunit.rebinds=200 SUITE=dma_iova_stress_iommu $kunit/run.sh intel-smp
stage random 10 $kunit on test env SPIN=6000 SEED=0 KERNEL_ARGS=dma_iova_random_kunit.steps=500000 SUITE=dma_iova_random $kunit/run.sh no-iommu
stage kmsan 60 "scripts/guests scripts/check" on kmsan scripts/check/kmsan.sh
stage kernel-ways 40 scripts/check scripts/check/kernel-ways.sh
stage commits 500 $kunit on test,arm64,i386 scripts/tree/commits.sh
stage breaks 280 "scripts/guests scripts/check" on test scripts/check/breaks.sh

asked=("${@:-${steps[@]}}")
todo=() sum=0
for name in "${asked[@]}"; do
	[ -n "${minutes[$name]:-}" ] || die "check-all.sh: no stage $name: there are ${steps[*]}"
	if has_passed "$name"; then
		say PASSED "$name, from what is here now"
		sum_step "$name"
	else
		say TODO "$name, about ${minutes[$name]} min"
		todo+=("$name")
		sum=$((sum + minutes[$name]))
	fi
done
say TODO "about $((sum / 60)) h $((sum % 60)) min in all; after an interruption the next run begins with the stage that was interrupted"

for name in "${todo[@]}"; do
	key=$(made_from "$name")
	rm -f "$out/$name.passed"
	run_steps "$name"
	if ! grep -q '^not ok - ' "$out/$name.log"; then echo "$key" > "$out/$name.passed"; fi
done
steps_end
