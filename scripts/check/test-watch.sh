#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# lib/watch.sh counts CPU time, and counts a wait for a CPU as no silence: a command that
# gets hardly any of one CPU is not given up, although it prints nothing for longer than
# both limits. scripts/guests/watch/run.sh tests the rest of it, with guests.
set -euo pipefail
. "$(dirname "$0")/../lib/repo.sh"

limit=6
dir=$(mktemp -d)
busy=()
trap '[ "${#busy[@]}" = 0 ] || kill "${busy[@]}"; rm -r "$dir"' EXIT
failed=0

# result <what> <why it is not so, or nothing>
result()
{
	if [ -z "$2" ]; then echo "ok - watch: $1"; return; fi
	echo "not ok - watch: $1: $2"
	failed=1
}

# Half a second of CPU time. Beside the other loops it gets a twentieth of the CPU, however
# nice all of them are.
cat > "$dir/starved" << 'END'
while read -r ran _ < /proc/self/schedstat && [ "$ran" -lt 500000000 ]; do :; done
END
: > "$dir/output"
cpu=$(taskset -cp $$ | sed 's/.*: //; s/[-,].*//')	# the first one that we may use
for _ in {1..20}; do
	taskset -c "$cpu" bash -c 'while :; do :; done' &
	busy+=($!)
done
rc=0 start=$SECONDS why=
IDLE=$limit SPIN=$limit scripts/lib/watch.sh "$dir/given-up" "$dir/output" -- \
	taskset -c "$cpu" bash "$dir/starved" || rc=$?
elapsed=$((SECONDS - start))
if [ "$rc" != 0 ]; then why="exit status $rc: $(cat "$dir/given-up" 2> /dev/null || true)"
elif [ "$elapsed" -le $((limit + 1)) ]; then why="it has taken $elapsed s, so it was not starved"
fi
result 'a silent command that waits for a CPU is not given up' "$why"
kill "${busy[@]}"
busy=()

# As on a kernel that does not count
namespace=(--user --map-root-user --mount)
must_unshare "${namespace[@]}"
echo '0 0 0' > "$dir/schedstat"
rc=0 why=
# shellcheck disable=SC2016 # the shell in there has another process ID
unshare "${namespace[@]}" bash -c 'mount --bind "$0/schedstat" /proc/$$/schedstat &&
	exec scripts/lib/watch.sh "$0/given-up" "$0/output" -- true' "$dir" 2> "$dir/error" || rc=$?
if [ "$rc" != 1 ] || ! grep -q '^error: /proc/self/schedstat: ' "$dir/error"; then
	why="exit status $rc: $(tail -n 1 "$dir/error")"
fi
result 'a kernel that does not count CPU time is refused' "$why"
exit "$failed"
