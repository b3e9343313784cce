#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# First process of the guests of scripts/guests/clients/run.sh: loads one client after
# the other (clients= on the kernel's command line), and looks for its line. To the
# second serial port go lines "ok <client>" or "failed <client>: <why>", and a last one
# "status ok" or "status failed to <what>".
set -eu

. /guest-side.sh

in_group() {
	case $(argument group) in
	-) [ ! -e "$edu/iommu_group" ] ;;
	*) [ "$(cat "$edu/iommu_group/type")" = "$(argument group)" ] ;;
	esac
}

run() {
	doing="load $1.ko"
	echo "$doing"
	dmesg -c >/dev/null
	insmod "/$1.ko"
	line=$(dmesg | sed -n "s/.*: $1: //p")
	doing="find the edu device in an IOMMU group of the type $(argument group)"
	in_group
	doing="unload $1.ko"
	rmmod "$1"
	case $line in
	ok) echo "ok $1" ;;
	*) echo "failed $1: ${line:-has said nothing}" ;;
	esac >&3
}

doing='find an edu device'
edu=$(grep -l 0x11e8 /sys/bus/pci/devices/*/device)
edu=${edu%/device}
for client in $(argument clients | tr , ' '); do run "$client"; done
doing=ok
