#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# conformance.sh <tree>: the suites of the public API, built into <tree>, mainline's, and
# run there on the machines of configs/conformance. Writes the table of the documentation:
# each case, here and there. Here is what scripts/guests/kunit/run.sh last said of it.
set -euo pipefail
. "$(dirname "$0")/../lib/repo.sh"
. scripts/lib/guest.sh
. scripts/lib/progress.sh
. scripts/guests/kunit/boot.sh

peer=${1:?usage: conformance.sh <tree>}
table=configs/conformance
out=build/conformance
page=Documentation/core-api/dma-iova-conformance.rst

# run_machine <name>: <suite> <case> <result> in its file; nothing is said of a guest that
# ends early but what it has got to.
run_machine()
{
	local dir=$out/$1 rc=0

	boot_kunit "$1" "$dir" "$image" kunit_shutdown=poweroff "kunit.filter_glob=*" -- || rc=$?
	if [ "$rc" != 0 ]; then echo "not ok - conformance $1: QEMU ended with $rc: $dir/console"; fi
	awk -f scripts/check/conformance.awk "$dir/console" > "$dir/cases"
	[ -s "$dir/cases" ] || echo "not ok - conformance $1: no case has run: $dir/console"
}

scripts/tree/mainline.sh "$peer"
SRC=build/mainline/linux LOSE=1 scripts/tree/kernel.sh mainline
image=$(kernel_of mainline)
mkdir -p "$out"
lock conformance
machines=$(rows $table)
# shellcheck disable=SC2086 # a word for each
run_jobs 'conformance machines' "$out" run_machine $machines
