# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Sourced by check.sh and check-all.sh: steps that are counted. Each prints `ok - <what>`
# or `not ok - <what>` for everything that it has checked. A step that fails without such
# a line counts as a failure. The last line is the sum.

. scripts/lib/progress.sh

# What shortens a test or takes another kernel for one script would do so for all.
unset SHORT SUITE EVENTS KERNEL KERNEL_ARGS MEMORY OUT SOAK SPIN IDLE ARCH CROSS_COMPILE SRC O LOSE
unset CONFIG CONFIG_ONLY MAINLINE ACCEL RESULTS SEED TREE
# Nor does a warning or a compiler that someone has asked for count.
unset KCFLAGS KCPPFLAGS KAFLAGS LLVM LLVM_IAS

# make series needs a name and an address. If there are none here, it gets some that
# nobody would send.
if ! git -c user.useConfigOnly=true var GIT_AUTHOR_IDENT > /dev/null 2>&1; then
	export GIT_AUTHOR_NAME='make check' GIT_AUTHOR_EMAIL=check@localhost
	export GIT_COMMITTER_NAME=$GIT_AUTHOR_NAME GIT_COMMITTER_EMAIL=$GIT_AUTHOR_EMAIL
fi

# steps_begin <directory of the logs>
steps_begin()
{
	out=$1
	mkdir -p "$out"
	exec 7> "$out.lock"
	flock -n 7 || die "$out: another run uses it: wait for its end"
	steps=() ran=()
	declare -gA commands
	passed=0
	failed=0
}

# step <name> <command>...: to be run by run_steps
step()
{
	steps+=("$1")
	commands[$1]=${*:2}
}

# run_step <name>: writes <name>.log, and prints the failures, the
# seeds of random tests and the sum
run_step()
{
	local name=$1 log=$out/$1.log rc=0 start=$SECONDS ok bad

	# shellcheck disable=SC2086 # the words of a command
	${commands[$name]} > "$log" 2> "$out/$name.err" || rc=$?
	ok=$(grep -c '^ok - ' "$log") || true
	bad=$(grep -c '^not ok - ' "$log") || true
	if [ "$rc" != 0 ] && [ "$bad" = 0 ]; then
		echo "not ok - $name: failed with $rc: $(grep -v '^  \.\.\.' "$out/$name.err" | tail -n 1)" >> "$log"
		bad=1
	elif [ "$rc" = 0 ] && [ $((ok + bad)) = 0 ]; then
		echo "not ok - $name: has checked nothing" >> "$log"
		bad=1
	fi
	grep -E '^(not ok - |  SEED )' "$log" || true
	say CHECK "$name: $ok passed, $bad failed ($((SECONDS - start)) s)"
}

# run_steps <name>...: as many at the same time as there are CPUs
run_steps()
{
	ran+=("$@")
	run_jobs steps "$out" run_step "$@"
}

# must_pass <name>: those that follow need this step. Ends the run if it has failed.
must_pass()
{
	if ! grep -q '^not ok - ' "$out/$1.log"; then return; fi
	say CHECK "what needs $1 is not run"
	steps_end || exit
}

# single <what> <command>...: a step that is judged by the exit status of its command
single()
{
	local what=$1

	shift
	"$@" >&2 || return
	echo "ok - ${what//_/ }"
}

# sum_step <name>: counts a step whose log is of an earlier run
sum_step()
{
	ran+=("$1")
}

# steps_end: prints the sum of the logs of all steps that have run, now or earlier
steps_end()
{
	local name

	for name in "${ran[@]}"; do
		passed=$((passed + $(grep -c '^ok - ' "$out/$name.log" || true)))
		failed=$((failed + $(grep -c '^not ok - ' "$out/$name.log" || true)))
	done
	echo "$passed passed, $failed failed"
	[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
}
