#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# All of the tests but those of check-all.sh.
set -euo pipefail
. "$(dirname "$0")/repo.sh"
. scripts/steps.sh

steps_begin build/check

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
step map-benchmark scripts/map-benchmark.sh
step nfs-rdma scripts/nfs-rdma.sh
step kunit scripts/kunit.sh

steps_end
