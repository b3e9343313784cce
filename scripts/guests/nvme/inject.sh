# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash disable=SC2034,SC2154
#
# Sourced by scripts/guests/nvme/init.sh: faults of the kernel's calls, by
# CONFIG_FAIL_DMA_IOVA and CONFIG_FAIL_FUNCTION. $disk is the one whose calls fail.

debug=/sys/kernel/debug

# fail_calls <fail_dma_*, or a function that returns NULL> <n> <times>: from the nth call on
fail_calls() {
	case $1 in
	fail_dma_*)
		inject=$debug/$1
		basename "$(pci_of "$disk")" >"$inject/device"
		;;
	*)
		inject=$debug/fail_function
		echo "$1" >"$inject/inject"
		printf 0 >"$inject/$1/retval"
		;;
	esac
	echo N >"$inject/task-filter"
	echo 0 >"$inject/verbose"
	echo 1 >"$inject/interval"
	echo 100 >"$inject/probability"
	echo "$2" >"$inject/space"
	echo "$3" >"$inject/times"
}

# Sets $left to the number of calls that have not come
fail_no_more() {
	left=$(cat "$inject/times")
	echo 0 >"$inject/times"
	if [ -e "$inject/inject" ]; then echo >"$inject/inject"; fi
}
