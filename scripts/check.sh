#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# All of the tests. Each step says `ok - <what>` or `not ok - <what>` for every
# thing that it has checked; a step that fails without saying so counts as well.
# The last line is the sum.
set -euo pipefail
. "$(dirname "$0")/repo.sh"

out=build/check
rm -rf "$out"
mkdir -p "$out"
passed=0
failed=0

# The proof of the series wants a signature. Without one here, it gets one that
# nobody would send.
if ! git -c user.useConfigOnly=true var GIT_AUTHOR_IDENT > /dev/null 2>&1; then
	export GIT_AUTHOR_NAME='make check' GIT_AUTHOR_EMAIL=check@localhost
	export GIT_COMMITTER_NAME=$GIT_AUTHOR_NAME GIT_COMMITTER_EMAIL=$GIT_AUTHOR_EMAIL
fi

# step <name> <command>...: run it and count
step()
{
	local name=$1 log=$out/$1.log rc=0 start=$SECONDS ok bad

	shift
	"$@" > "$log" || rc=$?
	ok=$(grep -c '^ok - ' "$log") || true
	bad=$(grep -c '^not ok - ' "$log") || true
	if [ "$rc" != 0 ] && [ "$bad" = 0 ]; then
		echo "not ok - $name: failed with $rc" >> "$log"
		bad=1
	elif [ "$rc" = 0 ] && [ $((ok + bad)) = 0 ]; then
		echo "not ok - $name: has checked nothing" >> "$log"
		bad=1
	fi
	grep '^not ok - ' "$log" || true
	say CHECK "$name: $ok passed, $bad failed ($((SECONDS - start)) s)"
	passed=$((passed + ok))
	failed=$((failed + bad))
}

# single <what> <command>...: a step whose exit status is all there is
single()
{
	local what=$1

	shift
	"$@" >&2
	echo "ok - $what"
}

run_shellcheck()
{
	local f

	for f in scripts/*.sh .ci/run; do
		if shellcheck -x -P scripts "$f" >&2; then echo "ok - shellcheck $f"; else echo "not ok - shellcheck $f"; fi
	done
}

run_checkpatch()
{
	local f log ignore

	for f in build/series/0*.patch; do
		case $f in */0000-*) continue ;; esac
		# No header of trace events is laid out as checkpatch wants it.
		ignore=()
		if grep -q '^+++ b/include/trace/' "$f"; then
			ignore=(--ignore 'OPEN_ENDED_LINE,PARENTHESIS_ALIGNMENT')
		fi
		log=$out/${f##*/}.checkpatch
		# Its helper is in python, and wants the python that Debian's modules are for.
		if PATH=/usr/bin:$PATH build/linux/scripts/checkpatch.pl --root=build/linux \
			--strict --no-summary --terse "${ignore[@]}" "$f" > "$log" 2>&1
		then echo "ok - checkpatch ${f##*/}"
		else echo "not ok - checkpatch ${f##*/}: $(tail -n 1 "$log")"; cat "$log" >&2
		fi
	done
}

# MAINTAINERS here and the entries in the kernel's file say the same.
run_maintainers()
{
	if diff -u <(sed '1,/^$/d' MAINTAINERS) \
		<(diff build/base/MAINTAINERS build/linux/MAINTAINERS | sed -n 's/^> //p' | sed '$d') >&2
	then echo 'ok - MAINTAINERS is what the series adds'
	else echo 'not ok - MAINTAINERS: differs from the entries that the series adds'
	fi
}

step rules scripts/rules.sh
step maintainers run_maintainers
step shellcheck run_shellcheck
step splats scripts/test-splats.sh
step lint scripts/lint.sh
step series single 'git am of the series gives build/linux' scripts/series.sh
step checkpatch run_checkpatch
step docs single 'documentation renders without a warning' scripts/docs.sh
step run single 'make run' scripts/run.sh
step nvme env SHORT=1 scripts/nvme.sh
step kunit scripts/kunit.sh

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
