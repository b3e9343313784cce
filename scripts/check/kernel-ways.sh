#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# kernel-ways.sh [selftests | <config>...]: the tests, run by the commands of the kernel
# alone, for those who have a patched tree and nothing else. Runs the command at the
# head of each file of tools/testing/kunit/configs, and builds the selftests. A line for
# each. Its guest is the machine virtio-lazy, so those suites that configs/suites names for
# that one, and the command asks for, must run and skip nothing. A selftest that has no
# device must say so by the exit status for that.
#
# shellcheck disable=SC2317 # functions are called by name
set -euo pipefail
. "$(dirname "$0")/../lib/repo.sh"
. scripts/lib/progress.sh

out=$PWD/build/kernel-ways
selftests=tools/testing/selftests
configs=tools/testing/kunit/configs
skipped=4	# KSFT_SKIP
failed=0

# result <what> <why it is not ok, or nothing>
result()
{
	if [ -z "$2" ]; then echo "ok - kernel-ways $1"; return; fi
	echo "not ok - kernel-ways $1: $2"
	failed=1
}

# command_of <config>: the command at its head
command_of()
{
	sed -n '/^#\t/!{/^#/!q}; s/^#\t//p' "build/linux/$configs/$1.config"
}

# run_kunit <config>: in the tree, but with a build directory and a log elsewhere. The
# watchdog of other guests is not there. A guest that spins has an hour of CPU time. With
# icount it does so while it waits as well, so a day of wall time, which kunit.py has to be
# given, decides nothing.
run_kunit()
{
	local command

	command=$(command_of "$1")
	command=${command/ run / run --build_dir \"\$out/kunit\" --jobs \"\$JOBS\" --make_options CC=\"\$compiler\" --timeout 86400 }
	# shellcheck disable=SC2034 # for the command
	(ulimit -t 3600 && cd build/linux && compiler='ccache gcc' && eval "$command") > "$out/$1.log" 2>&1
}

# lacks <config>: the first case that is skipped and must not be, or suite that has not run
lacks()
{
	local machine=virtio-lazy glob suite suites=()

	[ "$1" != dma_iova_debug ] || machine=virtio-debug
	glob=$(command_of "$1" | sed -n "s/.*'\([^']*\)'$/\1/p")
	for suite in $(field configs/suites $machine 2); do
		# shellcheck disable=SC2053 # a pattern
		if [[ $suite == $glob ]]; then suites+=("$suite"); fi
	done
	awk -v suites="${suites[*]}" '
		BEGIN { n = split(suites, list, " "); for (i = 1; i <= n; i++) must[list[i]] }
		$2 ~ /^=+$/ && /subtests?\) =+$/ { suite = $3 }
		$2 == "[PASSED]" { ran[suite] }
		$2 == "[SKIPPED]" && suite in must && !found { found = suite " " $3 " is skipped" }
		END {
			if (!n) found = "no suite of its command is in configs/suites"
			for (suite in must) if (!(suite in ran) && !found) found = suite " has not run"
			if (found) print found
		}' "$out/$1.log"
}

kunit()
{
	local why='' rc=0 ran lack

	if [[ $(command_of "$1") != *kunit.py\ run*"/$1.config"* ]]; then
		result "kunit.py $1" "$configs/$1.config: no command at its head"
		return
	fi
	with_progress "kunit.py $1" run_kunit "$1" || rc=$?
	ran=$(sed -n 's/.*Testing complete\. Ran \([0-9]*\) tests: .*passed: \([0-9]*\).*/\2 of \1/p' "$out/$1.log")
	if [ "$rc" != 0 ]; then why="fails with $rc: $out/$1.log: $(tail -n 1 "$out/$1.log")"
	elif [ -z "$ran" ]; then why="no case has passed: $out/$1.log: $(tail -n 1 "$out/$1.log")"
	else
		lack=$(lacks "$1")
		[ -z "$lack" ] || why="$lack: $out/$1.log"
	fi
	result "kunit.py $1${ran:+, $ran passed}" "$why"
}

build_selftests()
{
	rm -rf "$out/selftests"
	make -C build/linux/$selftests TARGETS=dma O="$out/selftests" KDIR=none > "$out/selftests.log" 2>&1
}

# run_selftest <program>
run_selftest()
{
	local rc=0

	"$out/selftests/kselftest/dma/$1" > "$out/$1.log" 2>&1 || rc=$?
	if [ "$rc" != $skipped ]; then echo "exit status $rc, not $skipped: $out/$1.log"; fi
}

# The modules are built for guests by scripts/bench/build.sh.
test_selftests()
{
	local why='' programs program

	with_progress selftests build_selftests || why="$out/selftests.log: $(tail -n 1 "$out/selftests.log")"
	if grep -q 'warning:' "$out/selftests.log"; then why=$(grep -m 1 'warning:' "$out/selftests.log"); fi
	result 'selftests are built' "$why"
	[ -z "$why" ] || return 0
	read -ra programs < <(sed -n 's/^TEST_GEN_PROGS := //p' build/linux/$selftests/dma/Makefile)
	for program in "${programs[@]}"; do
		result "selftest $program without its device" "$(run_selftest "$program")"
	done
}

mkdir -p "$out"
lock kernel-ways
ways=("$@")
if [ $# = 0 ]; then mapfile -t ways < <(echo selftests; basename -s .config -- $configs/*.config); fi
for way in "${ways[@]}"; do
	if [ "$way" = selftests ]; then test_selftests
	elif [ -f "$configs/$way.config" ]; then kunit "$way"
	else die "kernel-ways.sh: no way $way: give selftests, or a file of $configs without .config"
	fi
done
[ "$failed" = 0 ]
