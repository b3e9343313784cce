# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# Sourced by the first process of a guest.

# find_leaks: prints the memory that nobody has a pointer to, if the kernel has
# kmemleak. It passes over what is younger than 5 seconds, and takes what has changed
# since the last scan for being in use.
find_leaks() {
	local leaks=/sys/kernel/debug/kmemleak

	[ -e $leaks ] || return 0
	sleep 6
	echo scan >$leaks
	echo scan >$leaks
	cat $leaks
}
