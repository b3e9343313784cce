# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# Sourced in a guest, when /dev, /proc and /sys are mounted. Opens the second serial port
# as descriptor 3. The last line there is "status ok" if $doing is ok at the end, and
# otherwise "status failed to $doing".

# argument <name>: its value on the kernel's command line
argument() {
	tr ' ' '\n' </proc/cmdline | sed -n "s/^$1=//p"
}

port=$(argument results)
stty -F "$port" raw -echo
exec 3>"$port"

doing='start'
finish() {
	find_leaks
	[ "$doing" = ok ] || doing="failed to $doing"
	echo "status $doing" >&3
	exec 3>&-	# waits until all has been sent
	power_off
}
trap finish EXIT

# try <what> <command>...: prints "ok <what>" to the results
try() {
	doing=$1
	echo "$doing"
	shift
	"$@"
	echo "ok $doing" >&3
}
