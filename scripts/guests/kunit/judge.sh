# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2154 # variables of run.sh
#
# Sourced by run.sh: what its machines have to have done, beyond what they say themselves.

# Cases of the sources that the kernels of an architecture do not have: on x86 all devices
# are coherent.
declare -A left_out=([x86_64]='hmm_dma alloc_noncoherent_device')

# not_run <machine>: the cases that are in the sources of the suites of its line, and have
# not run on it. What is skipped has not. A machine may skip cases of another suite.
not_run()
{
	local suites ran

	# set -e is off in a condition
	suites=$(field "$table" "$1" 2) || return
	ran=$(awk -f scripts/lib/ran.awk "$out/$1/parsed") || return
	awk -f scripts/lib/cases.awk kernel/dma/tests/*_kunit.c |
		awk -v suites="$suites" 'BEGIN { split(suites, a, " "); for (i in a) ours[a[i]] } $1 in ours' | sort -u |
		comm -23 - <(sort -u <<< "${left_out[$arch]:-}"$'\n'"$ran")
}

# used_seeds <machine>: those that the suites have printed
used_seeds()
{
	sed -nE 's/.*# .*: ([a-z0-9_]+_kunit\.seed=[0-9]+).*/\1/p' "$out/$1/console" | sort -u
}

# not_fresh: what is wrong with the seeds that the suites have taken; 1 is the default
not_fresh()
{
	local name seeds

	seeds=$(for name in $asked; do used_seeds "$name" | sed "s/^/$name /" || exit; done) || return
	[ -n "$seeds" ] || echo 'no suite has taken a seed'
	sed -n '/=[01]$/s/$/ is not fresh/p' <<< "$seeds"
}

# judge_all <exit status>: ends the run
judge_all()
{
	local rc=$1 name line

	if [ "$rc" -gt 1 ]; then return; fi	# interrupted
	if [ "${SEED:-}" = 0 ]; then
		while read -r line; do
			echo "not ok - kunit SEED=0: $line: $out"
			rc=1
		done < <(not_fresh || echo 'seeds: unknown')
	fi
	if [ -z "${SUITE:-}" ]; then
		for name in $asked; do
			while read -r line; do
				echo "not ok - kunit $name $line: in the sources, but has not run"
				rc=1
			done < <(not_run "$name" || echo 'cases: unknown')
		done
	fi
	exit "$rc"
}
