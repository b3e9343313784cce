# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# Sourced by the first process of a guest, when it begins: a console, file systems,
# and the second serial port as descriptor 3. Its last line there is "status ok" if
# $doing is ok at the end, else "status failed to $doing".

. /leaks.sh
/bin/busybox --install -s /bin
mount -t devtmpfs devtmpfs /dev
exec </dev/console >/dev/console 2>&1
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t debugfs debugfs /sys/kernel/debug
mount -t tracefs tracefs /sys/kernel/tracing

# argument <name>: what the kernel's command line has for it
argument() {
	tr ' ' '\n' </proc/cmdline | sed -n "s/^$1=//p"
}

port=$(argument results)
stty -F "$port" raw -echo
exec 3>"$port"

power_off() {
	poweroff -f
}

doing='start'
finish() {
	find_leaks
	[ "$doing" = ok ] || doing="failed to $doing"
	echo "status $doing" >&3
	exec 3>&-	# waits until all has been sent
	power_off
}
trap finish EXIT

# try <what> <command>...: a line "ok <what>" in the results
try() {
	doing=$1
	echo "$doing"
	shift
	"$@"
	echo "ok $doing" >&3
}

# mark_phase <PCI device in sysfs> <n>: of no use to the guest, but QEMU's trace has
# it among the IOMMU's requests: the phase is written to the interrupt line in the
# device's config space.
mark_phase() {
	# shellcheck disable=SC2059 # the format is the octal escape
	printf "\\$(printf %03o "$2")" |
		dd of="$1/config" bs=1 seek=60 conv=notrunc 2>/dev/null
}
