# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# Sourced in a guest, once it has /dev, /proc and /sys: the second serial port as
# descriptor 3. Its last line there is "status ok" if $doing is ok at the end, else
# "status failed to $doing".

# argument <name>: what the kernel's command line has for it
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

# try <what> <command>...: a line "ok <what>" in the results
try() {
	doing=$1
	echo "$doing"
	shift
	"$@"
	echo "ok $doing" >&3
}
