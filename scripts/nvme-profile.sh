#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# nvme-profile.sh <machine> base|linux read|write <bytes> <layout>: the functions
# in which the instructions of an I/O are, by a trace of all that QEMU executes.
# Takes what scripts/nvme-cost.sh has built.
#
#   IOS=64	number of I/Os that are traced
set -euo pipefail
. "$(dirname "$0")/repo.sh"
. scripts/nvme-guest.sh

[ $# = 5 ] || die "nvme-profile.sh $*: five arguments: <machine> base|linux read|write <bytes> <layout>"
ios=${IOS:-64}
log=$out/profile.$1.$2.$3.$4.$5
machines "$1" > /dev/null
for file in "$out/initramfs" "$out/$2/System.map"; do
	[ -f "$file" ] || die "$file: missing: scripts/nvme-cost.sh $1"
done

rm -f "$log".*
mkfifo "$log".{serial,monitor}.{in,out} "$log.trace"
trap 'kill $(jobs -p) 2> /dev/null || true; rm -f "$log".{serial,monitor}.* "$log.trace"' EXIT

# Instructions by function, from one mark of record() in nvme_cost.c to the next.
# What was logged and then not executed is logged once more.
awk -v ios="$ios" '
	FNR == NR {
		if ($2 ~ /[tTwW]/ && length($1) == 16) { name[$1] = $3; if ($3 == "rb_simple_write") mark = $1 }
		next
	}
	/^Stopped execution/ { if (on) count[last]--; next }
	!/^Trace / { next }
	{
		split($4, f, "/")
		last = f[2]
		if (last == mark) { on = ++marks == 1; next }
		if (on) count[last]++
	}
	END {
		if (marks != 2) { print "error: " marks + 0 " marks in the trace, not 2" > "/dev/stderr"; exit 1 }
		for (pc in count) print pc, count[pc] / ios
	}' "$out/$2/System.map" "$log.trace" > "$log.counts" &
counter=$!

cat "$log.monitor.out" > /dev/null &
# The guest says when, and waits for an answer.
while read -r line; do
	line=${line%$'\r'}
	case $line in
	ready)	printf 'singlestep on\nlogfile %s\nlog exec,nochain\n' "$log.trace" > "$log.monitor.in"
		sleep 1
		echo > "$log.serial.in" ;;
	done)	printf 'log none\nsinglestep off\n' > "$log.monitor.in"
		sleep 1
		echo > "$log.serial.in" ;;
	*)	echo "$line" >> "$log.results" ;;
	esac
done < "$log.serial.out" &

# A guest that is traced is slow, and so is its disk to be: see boot().
LATENCY=20000000 boot "$1" "$2" "$log" "pipe:$log.serial" "profile=$3:$4:$5:$ios" \
	-chardev "pipe,id=monitor,path=$log.monitor" -mon monitor
check_guest "$log"
wait "$counter"

# In the order of addresses, what follows a symbol is in it.
awk '$2 ~ /[tTwW]/ && $1 ~ /^ffffffff/ { print $1, "-", $3 }' "$out/$2/System.map" | sort - "$log.counts" | awk '
	BEGIN { in_function = "(user space)" }
	$2 == "-" { in_function = $3; next }
	in_function ~ /^cpu_idle_poll/ { next }		# what is left there is idle time
	{ sum[in_function] += $2; all += $2 }
	END {
		printf "%10.1f %6.2f%% all of it\n", all, 100
		for (f in sum) printf "%10.1f %6.2f%% %s\n", sum[f], sum[f] * 100 / all, f
	}' | sort -rn > "$log.txt"
cat "$log.txt"
