#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# run_jobs() knows how a job ended, even if the kernel has reused its process ID. While a
# kernel is built, that happens quickly.
set -euo pipefail
. "$(dirname "$0")/../lib/repo.sh"
. scripts/lib/progress.sh

if [ $# = 0 ]; then
	namespace=(--user --map-root-user --pid --fork --mount-proc)
	must_unshare "${namespace[@]}"
	exec unshare "${namespace[@]}" scripts/check/test-jobs.sh "$(mktemp -d)"
fi
dir=$1
trap 'rm -r "$dir"' EXIT
JOBS=2

quick() { echo "$BASHPID" > "$dir/pid"; return "$status"; }

# Tells slow() that run_jobs() has asked for the status of a job.
wait()
{
	local rc=0

	builtin wait "$@" || rc=$?
	: > "$dir/waited"
	return $rc
}

# Gives the next process that anyone starts the process ID of quick().
slow()
{
	local i

	mkfifo "$dir/never"
	exec 9<> "$dir/never"
	until [ -e "$dir/waited" ]; do read -rt 0.1 -u 9 || true; done
	for ((i = 0; i < 10; i++)); do
		echo $(($(< "$dir/pid") - 1)) > /proc/sys/kernel/ns_last_pid
		read -rt 0.3 -u 9 || true
	done
	rm "$dir/never"
}

# expect <status of quick()> <what>
expect()
{
	local rc=0

	status=$1
	rm -f "$dir/waited"
	run_jobs jobs "$dir" eval quick slow 2> /dev/null || rc=$?
	if [ "$rc" = "$1" ]; then echo "ok - jobs: $2"; else echo "not ok - jobs: $2"; failed=1; fi
}

failed=0
expect 0 'a job that ended well'
expect 1 'a job that failed'
[ $failed = 0 ]
