#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# kunit/judge.sh misses a case that a machine has not run, and a seed that is not fresh:
# judge_all() with made-up logs.
# shellcheck disable=SC2034 # for judge_all()
set -euo pipefail
. "$(dirname "$0")/../lib/repo.sh"
. scripts/guests/kunit/judge.sh

out=$(mktemp -d)
trap 'rm -r "$out"' EXIT
table=$out/suites
arch=x86_64
asked='one two'
failed=0
printf '%s\n' 'one | dma_iova_trace rdma_rw' 'two | rdma_rw' > "$table"

# ran <machine> <sed script>: it has run all, but for what the script does
ran()
{
	mkdir -p "$out/$1"
	: > "$out/$1/console"
	awk -f scripts/lib/cases.awk kernel/dma/tests/*_kunit.c | awk '
		$1 != "dma_iova_trace" && $1 != "rdma_rw" { next }
		$1 != suite { suite = $1; print "[12:00:00] ===== " suite " (9 subtests) =====" }
		{ print "[12:00:00] [PASSED] " $2 }' | sed "$2" > "$out/$1/parsed"
}

# expect <what judge_all prints, or -> <exit status> <what>
expect()
{
	local got rc=0

	got=$(judge_all 0 2> /dev/null) || rc=$?
	# shellcheck disable=SC2053 # a pattern
	if [[ ${got:--} == $1 && $rc = "$2" ]]; then
		echo "ok - judge: $3"
	else
		echo "not ok - judge: $3: status $rc, '$got'"
		failed=1
	fi
}

ran one ''
ran two ''
expect - 0 'all has run'
ran one '/trace_each_call/d'
expect 'not ok - kunit one dma_iova_trace trace_each_call: *' 1 'a case that no machine has run'
ran one ''
ran two '/rdma_rw/{n;d}'
expect 'not ok - kunit two rdma_rw *: in the sources, but has not run' 1 'a case that another machine has run'
ran two '/rdma_rw/{n;s/PASSED/SKIPPED/}'
expect 'not ok - kunit two rdma_rw *: in the sources, but has not run' 1 'a case that is skipped'
ran two '/trace_each_call/s/PASSED/SKIPPED/'
expect - 0 'a case of a suite that the machine need not run'
ran two d
SUITE=rdma_rw
expect - 0 'one suite that is asked for'
unset SUITE
rm "$out/two/parsed"
expect 'not ok - kunit two cases: unknown: *' 1 'a machine without a result'
ran two ''

SEED=0
expect "not ok - kunit SEED=0: no suite has taken a seed: *" 1 'no seed'
echo '[ 1.0]     # all: dma_iova_random_kunit.seed=4711 dma_iova_random_kunit.steps=9' > "$out/one/console"
expect - 0 'a fresh seed'
echo '[ 1.0]     # all: dma_iova_stress_kunit.seed=1 dma_iova_stress_kunit.rebinds=9' > "$out/two/console"
expect 'not ok - kunit SEED=0: two dma_iova_stress_kunit.seed=1 is not fresh: *' 1 'the default beside a fresh seed'
exit "$failed"
