#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# run.sh [machine...]: the KUnit suites on the named machines of configs/suites, or on all
# of $ARCH, in one boot for each. Prints a line for each case. All cases of the suites
# that the table names must run; a case that is skipped counts as a failure. So does a
# case in the sources of these suites that has not run on the machine. A kernel with
# kmemleak then boots on, into a process that searches for leaks.
#
#   ARCH=x86_64		x86_64 or arm64
#   KERNEL=		of configs/kernels (the one that the machine is for)
#   SUITE=		only this one, which the table need not name
#   MEMORY=1G		of the guest
#   KERNEL_ARGS=	such as dma_iova_random_kunit.steps=1000000
#   SEED=		of the suites that have one; 0 takes fresh ones, which must be on a console
set -euo pipefail
# Guests with two CPUs wait in real time, so there are more of them than CPUs.
JOBS=${JOBS:-$(($(nproc) + 1))}
. "$(dirname "$0")/../../lib/repo.sh"
. scripts/lib/rootfs.sh
. scripts/lib/guest.sh
. scripts/guests/kunit/boot.sh
. scripts/guests/kunit/judge.sh

table=configs/suites
out=build/kunit${SUITE:+-one}
# The kernel arguments for the seed
seeds=()
if [ -n "${SEED:-}" ]; then
	[[ $SEED =~ ^[0-9]+$ ]] || die "SEED=$SEED: not a seed: give a number"
	mapfile -t seeds < <(grep -l '^module_param(seed,' kernel/dma/tests/*_kunit.c |
		sed "s,.*/,,; s/\\.c$/.seed=$SEED/")
	[ "${#seeds[@]}" -gt 0 ] || die "kernel/dma/tests: no suite has a seed"
fi

# has_kmemleak <kernel>
has_kmemleak() { grep -q '^CONFIG_DEBUG_KMEMLEAK=y' "build/kernels/$1/.config"; }

# others <suite>...: the modules that have none of these suites, as a filter of KUnit
others()
{
	local f module named

	named=$(printf '%s\n' "$@")
	for f in kernel/dma/tests/*_kunit.c; do
		module=${f##*/}
		grep -qxF -f <(awk -f scripts/lib/cases.awk "$f" | cut -d ' ' -f 1) <<< "$named" || echo "module!=${module%.c}"
	done | paste -s -d ,
}

# alike <suite>...: a glob, if all of these end alike
alike()
{
	local end

	end=$(printf '%s\n' "$@" | sed 's/.*_//' | sort -u)
	if [ "$(wc -l <<< "$end")" = 1 ]; then echo "*_$end"; fi
}

# job_progress <machine>
# shellcheck disable=SC2317 # run_jobs calls it
job_progress() { echo "$(grep -cE '\] {5,}(not )?ok [0-9]+ ' "$out/$1/console") cases"; }

# run_machine <name>
run_machine()
{
	local name=$1 dir=$out/$1 kernel image append=(kunit_shutdown=poweroff) initrd=() rc=0 failed=0 suites glob wrong used

	kernel=${KERNEL:-$(machine "$name" kernel)}
	image=$(kernel_of "$kernel")
	if has_kmemleak "$kernel"; then
		append=(kunit.enable=1)
		initrd=(-initrd "$out/initramfs")
	fi
	read -ra suites <<< "${SUITE:-$(field $table "$name" 2)}"
	glob=${SUITE:-$(alike "${suites[@]}")}
	append+=("kunit.filter=$(others "${suites[@]}")" ${glob:+"kunit.filter_glob=$glob.*"})
	boot_kunit "$name" "$dir" "$image" "${append[@]}" "${seeds[@]}" -- "${initrd[@]}" || rc=$?

	for used in $(if [ -n "${SEED:-}" ]; then used_seeds "$name"; fi); do say SEED "$name $used"; done
	wrong=$(complaint "$dir" "$rc")
	if [ -n "$wrong" ]; then
		echo "not ok - kunit $name: $wrong"
		failed=1
	fi
	if has_kmemleak "$kernel" && ! grep -q 'searched for leaks' "$dir/console"; then
		echo "not ok - kunit $name: $dir/console: the guest has not searched for leaks"
		failed=1
	fi
	rc=0
	python3 build/linux/tools/testing/kunit/kunit.py parse "$PWD/$dir/console" > "$dir/parsed" 2>&1 || rc=$?
	awk -v machine="$name" -v suites="${suites[*]}" -v rc="$rc" \
		-f scripts/guests/kunit/report.awk "$dir/parsed" || failed=1
	return "$failed"
}

arch=${ARCH:-x86_64}
asked=$(machines $table "$@")
if [ $# = 0 ]; then
	asked=$(for name in $asked; do
		if [ "$(machine "$name" arch)" = "$arch" ]; then echo "$name"; fi
	done)
fi
mkdir -p "$out"
lock "${out##*/}"
guest_root "$out/root" scripts/guests/kunit/init.sh
pack_root "$out/root" > "$out/initramfs"
say KUNIT "$(wc -w <<< "$asked") machines" >&2

# A trap, since the jobs of run_jobs in a condition would go on after a command that fails
trap 'judge_all $?' EXIT
# shellcheck disable=SC2086 # a word for each
run_jobs 'KUnit machines' "$out" run_machine $asked
