# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Sourced by scripts that take longer than a few seconds. Shows the progress on the
# standard error: on a terminal in one line that is rewritten, in a log by a line now and
# then. A job that runs beside others writes it to the file $PROGRESS, for the script that
# started it.

progress_interval=30	# seconds between two lines of a log
progress_begin=$SECONDS
progress_last=$SECONDS

# progress_is_due: or nobody would see it
progress_is_due()
{
	[ -n "${PROGRESS:-}" ] || [ -t 2 ] || [ $((SECONDS - progress_last)) -ge $progress_interval ]
}

# progress <text>
progress()
{
	local elapsed=$((SECONDS - progress_begin)) line

	progress_is_due || return 0
	line=$(printf '  %-7s %s, %d:%02d' ... "$1" $((elapsed / 60)) $((elapsed % 60)))
	if [ -n "${PROGRESS:-}" ]; then
		echo "$1" > "$PROGRESS"
	elif [ -t 2 ]; then
		printf '\r\033[K%.*s' $(($(tput cols 2> /dev/null || echo 80) - 1)) "$line" >&2
	else
		echo "$line" >&2
		progress_last=$SECONDS
	fi
}

# progress_end: ends the line of the progress
progress_end()
{
	if [ -z "${PROGRESS:-}" ] && [ -t 2 ]; then printf '\r\033[K' >&2; fi
}

# wait_for <pid> <function>: shows the output of the function as progress until the
# process has ended; returns its status
wait_for()
{
	progress_begin=$SECONDS
	while kill -0 "$1" 2> /dev/null; do
		if progress_is_due; then progress "$("$2")"; fi
		sleep 1
	done
	progress_end
	wait "$1"
}

# with_progress <text> <command>...: for a command without progress of its own: shows the
# time
with_progress()
{
	local doing=$1

	shift
	"$@" &
	wait_for $! doing
}

doing()
{
	# shellcheck disable=SC2154 # of with_progress(), which calls this
	echo "$doing"
}

# run_jobs <what> <directory> <function> <name>...: call the function for each name, at
# most $JOBS at a time. Its output goes to <directory>/<name>.out, and to the standard
# output in the order of the names. Fails if one of them fails. It waits for each job as
# soon as that has ended, since a shell loses the status of a child when the kernel reuses
# the process ID.
run_jobs()
{
	local what=$1 dir=$2 job=$3 rc=0 next=0 done=0 alive i names
	local -A pids=()

	shift 3
	names=("$@")
	progress_begin=$SECONDS
	rm -f "$dir"/*.progress
	while [ $done -lt $# ]; do
		while [ $next -lt $# ] && [ ${#pids[@]} -lt "$JOBS" ]; do
			PROGRESS=$dir/${names[next]}.progress "$job" "${names[next]}" > "$dir/${names[next]}.out" &
			pids[$next]=$!
			next=$((next + 1))
		done
		if progress_is_due; then progress "$what: $done of $# done, now $(running_jobs "$dir")"; fi
		sleep 2
		alive=" $(jobs -rp | xargs) "
		for i in "${!pids[@]}"; do
			[[ $alive != *" ${pids[$i]} "* ]] || continue
			wait "${pids[$i]}" || rc=1
			unset "pids[$i]"
			done=$((done + 1))
		done
	done
	progress_end
	for i in "${names[@]}"; do cat "$dir/$i.out"; done
	return "$rc"
}

# running_jobs <directory>: the jobs of run_jobs() that are running, with their progress:
# what the function job_progress <name> of the caller prints, or what the job has written
running_jobs()
{
	local i running=() detail

	for ((i = 0; i < ${#names[@]}; i++)); do
		[ -n "${pids[$i]:-}" ] || continue
		running+=("${names[i]}")
		detail=
		if declare -F job_progress > /dev/null; then detail=$(job_progress "${names[i]}" 2> /dev/null) || true
		elif [ -s "$1/${names[i]}.progress" ]; then detail=$(< "$1/${names[i]}.progress")
		fi
		if [ -n "$detail" ]; then running+=("($detail)"); fi
	done
	echo "${running[*]}"
}
