#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# First process of a guest whose kernel has run its KUnit suites, and has kmemleak.
set -eu

/bin/busybox --install -s /bin
mount -t devtmpfs devtmpfs /dev
exec </dev/console >/dev/console 2>&1
mount -t sysfs sysfs /sys
mount -t debugfs debugfs /sys/kernel/debug

. /leaks.sh
find_leaks
echo 'searched for leaks'
reboot -f
