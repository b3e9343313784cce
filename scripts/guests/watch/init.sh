#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# First process of the guests of scripts/guests/watch/run.sh: hangs, spins or is slow, or
# prints a line each second, so that it is silent only if it is stopped.
set -eu

. /guest-side.sh

doing=$(argument does)
echo "$doing" >&3
case $doing in
hang)
	while :; do sleep 1000; done ;;
stop)
	i=0
	while [ $i -lt 300 ]; do
		sleep 1
		i=$((i + 1))
		echo "$i"
	done ;;
spin)
	while :; do :; done ;;
slow)
	for i in 1 2 3 4 5 6 7 8; do
		sleep 2
		echo "$i"
	done ;;
esac
doing=ok
