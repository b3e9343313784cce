# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2154 # variables of run.sh
#
# Sourced by run.sh: what all of its machines have to have done together.

# Cases of the sources that the kernels of an architecture do not have: on x86 all devices
# are coherent.
declare -A left_out=([x86_64]='hmm_dma alloc_noncoherent_device')

# not_run: the cases that are in the sources of the suites of the table, and have run on no
# machine
not_run()
{
	local name suites=() parsed=()

	for name in $asked; do
		suites+=("$(field "$table" "$name" 2)")
		parsed+=("$out/$name/parsed")
	done
	awk -f scripts/lib/cases.awk kernel/dma/tests/*_kunit.c |
		awk -v suites="${suites[*]}" 'BEGIN { split(suites, a, " "); for (i in a) ours[a[i]] } $1 in ours' | sort -u |
		comm -23 - <({ echo "${left_out[$arch]:-}"; awk -f scripts/lib/ran.awk "${parsed[@]}"; } | sort -u)
}

fresh_seeds()
{
	local name

	for name in $asked; do used_seeds "$name"; done | grep -E '=([2-9]|[0-9]{2,})$' > /dev/null
}

# judge_all <exit status> <number of machines that were named>: ends the run
judge_all()
{
	local rc=$1 name

	if [ "$rc" -gt 1 ]; then return; fi	# interrupted
	if [ "${SEED:-}" = 0 ] && ! fresh_seeds; then
		echo "not ok - kunit SEED=0: no suite has taken a fresh seed: $out"
		rc=1
	fi
	if [ "$2" = 0 ] && [ -z "${SUITE:-}" ]; then
		while read -r name; do
			echo "not ok - kunit $name: in the sources, but no machine has run it"
			rc=1
		done < <(not_run || echo 'cases: unknown')
	fi
	exit "$rc"
}
