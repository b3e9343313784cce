# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# Sourced by the first process of a guest.

# find_leaks: prints the memory that no pointer leads to, if the kernel has kmemleak. It
# ignores memory that is younger than 5 seconds, and takes memory that has changed since
# the last scan for used.
find_leaks() {
	local leaks=/sys/kernel/debug/kmemleak

	[ -e $leaks ] || return 0
	sleep 6
	echo scan >$leaks
	echo scan >$leaks
	cat $leaks
}
