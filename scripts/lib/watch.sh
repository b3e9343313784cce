#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# watch.sh <reason> <file>... -- <command>...: run the command, and stop it when it makes
# no progress. The file <reason> then has the reason, and the exit status is 124. Progress
# is output to one of the files. There is no progress if, without output,
#
#   - it has not asked for the CPU, or hardly, for IDLE seconds: it hangs in silence;
#   - it has used SPIN seconds of CPU time: it spins.
#
# The time that has passed does not count: a command that waits for a CPU has asked for
# it, and a command that gets little CPU time has used little.
#
#   IDLE=120	seconds
#   SPIN=600	seconds of CPU time
set -euo pipefail

idle_limit=${IDLE:-120}
spin_limit=${SPIN:-600}
reason=$1
shift
files=()
while [ "$1" != -- ]; do
	files+=("$1")
	shift
done
shift

# output: how much there is
output()
{
	stat -c %s "${files[@]}" 2> /dev/null | paste -s -d +
}

# cpu: nanoseconds that all threads have run, and that they have run or waited to run
cpu()
{
	cat "/proc/$pid"/task/*/schedstat 2> /dev/null |
		awk '{ ran += $1; asked += $1 + $2 } END { printf "%.0f %.0f\n", ran, asked }'
}

give_up()
{
	echo "$1" > "$reason"
	exit 124	# which kills it
}

# Everything that runs is counted, unless nothing is.
if ! read -r counted < /proc/self/schedstat || [ "$counted" = '0 0 0' ]; then
	echo 'error: /proc/self/schedstat: missing, or all zero: boot a kernel with CONFIG_SCHED_INFO' >&2
	exit 1
fi
rm -f "$reason"
"$@" &
pid=$!
trap 'kill -KILL "$pid" 2> /dev/null' EXIT
trap 'exit 143' INT TERM
last=$(output)
read -r ran0 asked0 < <(cpu)
asked1=$asked0 idle=0 seconds=0
while kill -0 "$pid" 2> /dev/null; do
	sleep 1
	# Looking costs CPU time as well.
	seconds=$((seconds + 1))
	[ $((seconds % 3)) = 0 ] || continue
	now=$(output)
	read -r ran asked < <(cpu)
	if [ "$now" != "$last" ]; then
		last=$now ran0=$ran idle=0
	elif [ $((asked - asked1)) -lt 300000000 ]; then	# a tenth of the time
		idle=$((idle + 3))
	else
		idle=0
	fi
	asked1=$asked
	[ "$idle" -lt "$idle_limit" ] ||
		give_up "no output, and it has hardly asked for the CPU, for $idle s"
	[ $((ran - ran0)) -lt $((spin_limit * 1000000000)) ] ||
		give_up "no output, but $(((ran - ran0) / 1000000000)) s of CPU time used"
done
trap - EXIT
wait "$pid"
