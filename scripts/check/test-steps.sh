#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# lib/steps.sh counts a step that fails as failed, however it fails.
set -euo pipefail
. "$(dirname "$0")/../lib/repo.sh"

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
failed=0

# sum <command of a step>: prints the last line of a run with that step
sum()
{
	(
		. scripts/lib/steps.sh
		steps_begin "$dir/steps"
		# shellcheck disable=SC2086 # the words of a command
		step one $1
		run_steps one
		steps_end
	) 2> /dev/null | tail -n 1
}

# expect <sum> <what> <command of a step>
expect()
{
	local got

	got=$(sum "$3" || true)
	if [ "$got" = "$1" ]; then echo "ok - steps: $2"; return; fi
	echo "not ok - steps: $2: $got, not $1"
	failed=1
}

expect '1 passed, 0 failed' 'a command that succeeds' 'single x true'
expect '0 passed, 1 failed' 'a command that fails' 'single x false'
expect '0 passed, 1 failed' 'a script that exits' 'single x bash /does/not/exist'
expect '0 passed, 1 failed' 'a step that checks nothing' true
expect '0 passed, 1 failed' 'a step that dies' false
expect '0 passed, 1 failed' 'a result that is not ok' 'echo not ok - x'

for name in TREE SUITE KCFLAGS LLVM; do
	got=$(export "$name=x"; sum "single x printenv $name" || true)
	if [ "$got" = '0 passed, 1 failed' ]; then
		echo "ok - steps: $name of the environment reaches no step"
	else
		echo "not ok - steps: $name of the environment reaches a step: $got"
		failed=1
	fi
done

# What follows a step that it needs is not run.
stopped=$(
	. scripts/lib/steps.sh
	steps_begin "$dir/steps"
	step first single x false
	step second single x true
	run_steps first 2> /dev/null
	must_pass first
	run_steps second 2> /dev/null
	steps_end
) && stopped+=' and passes'
stopped=$(tail -n 1 <<< "$stopped")
if [ "$stopped" = '0 passed, 1 failed' ]; then
	echo 'ok - steps: what needs a step that fails is not run'
else
	echo "not ok - steps: what needs a step that fails is not run: $stopped"
	failed=1
fi

# The same step is not run once more, but is still counted: the last line of a run where
# all stages have passed before, and its exit status
again=$(
	sum 'single x true' > /dev/null
	. scripts/lib/steps.sh
	steps_begin "$dir/steps"
	sum_step one
	steps_end && echo passes
) || true
if [ "$again" = $'1 passed, 0 failed\npasses' ]; then
	echo 'ok - steps: a step that has passed before is counted'
else
	echo "not ok - steps: a step that has passed before is counted: $again"
	failed=1
fi
exit "$failed"
