#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The test of the watchdog of guests. It must give up a guest that hangs in silence, one
# that spins, and one that the host has stopped, but not one that is only slow. The limits
# are short here, and the slow guest is slow for longer than any of them.
#
#   KERNEL=test		of configs/kernels
set -euo pipefail
. "$(dirname "$0")/../../lib/repo.sh"
. scripts/lib/rootfs.sh
. scripts/lib/guest.sh

out=build/watch
image=$(kernel_of "${KERNEL:-test}")

# run <does>: sets $rc to the exit status
run()
{
	rc=0
	boot no-iommu "$out/$1" "$image" "kunit.enable=0 does=$1" -initrd "$out/initramfs" || rc=$?
}

# expect <what> <does> <why it is given up>
expect()
{
	local why

	why=$(cat "$out/$2/given-up" 2> /dev/null) || why=nothing
	if [ "$rc" = 124 ] && [[ $why = $3* ]]; then
		echo "ok - watch: $1 is given up"
	else
		echo "not ok - watch: $1: exit status $rc, $why: $out/$2/console"
	fi
}

# stop <directory>: stops QEMU as soon as the guest has printed something. It is the child
# of the watchdog that has this directory of this clone, if it has started.
stop()
{
	local watch

	until [ -s "$1/results" ]; do
		if [ -e "$1/ended" ]; then return 1; fi
		sleep 0.1
	done
	watch=$(pgrep -P $$ -f "^[^ ]*bash scripts/lib/watch.sh $1/")
	pkill -STOP -P "$watch" '^qemu'
}

mkdir -p "$out"
lock watch
guest_root "$out/root" scripts/guests/watch/init.sh
pack_root "$out/root" > "$out/initramfs"
export IDLE=6 SPIN=6

run hang
expect 'a guest that hangs in silence' hang 'no output, and it has hardly asked for the CPU'
run spin
expect 'a guest that spins' spin 'no output, but'
rm -rf "$out/stop"
stop "$out/stop" &
run stop
: > "$out/stop/ended"
wait $! || echo "not ok - watch: the guest has not been stopped: $out/stop/console"
expect 'a guest that is stopped' stop 'no output, and it has hardly asked for the CPU'
run slow
wrong=$(verdict "$out/slow" "$rc")
if [ -z "$wrong" ]; then echo 'ok - watch: a slow guest ends'; else echo "not ok - watch: a slow guest: $wrong"; fi
