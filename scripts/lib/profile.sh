# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Sourced by scripts/cost/nvme-profile.sh and scripts/bench/profile.sh. Finds the
# functions of a guest's kernel in which the instructions are, by a trace of everything
# that QEMU executes. The guest prints "ready" and "done" on its second serial port, and
# waits for an answer.

# profile_begin <directory of the guest> <System.map> <function> <n>: from now on,
# instructions from one call of the function to the next are counted, divided by n,
# into the file counts
profile_begin()
{
	local dir=$1

	rm -rf "$dir"
	mkdir -p "$dir"
	mkfifo "$dir"/{serial,monitor}.{in,out} "$dir/trace"
	# shellcheck disable=SC2064 # the directory that is known now
	trap "kill \$(jobs -p) 2> /dev/null || true; rm -f '$dir'/{serial,monitor}.* '$dir/trace'" EXIT
	# QEMU logs a block again if it was logged and then not executed.
	awk -v function_name="$3" -v n="$4" '
		FNR == NR { if ($2 ~ /[tTwW]/ && $3 == function_name) mark = $1; next }
		/^Stopped execution/ { if (on) count[last]--; next }
		!/^Trace / { next }
		{
			split($4, f, "/")
			last = f[2]
			if (last == mark) { on = ++marks == 1; next }
			if (on) count[last]++
		}
		END {
			if (marks != 2) { print "error: " marks + 0 " calls of " function_name " in the trace, not 2" > "/dev/stderr"; exit 1 }
			for (pc in count) print pc, count[pc] / n
		}' "$2" "$dir/trace" > "$dir/counts" &
	counter=$!
	cat "$dir/monitor.out" > "$dir/monitor" &
	profile_answer "$dir" < "$dir/serial.out" &
	# shellcheck disable=SC2034 # for the caller to add
	profile_args=(-chardev "pipe,id=monitor,path=$dir/monitor" -mon monitor)
}

# tell_monitor <directory> <n> <command>...: returns when QEMU has carried them out. It
# then prints a number that is not in the command.
tell_monitor()
{
	printf '%s\n' "${@:3}" "print /d 1000*1000+$2" > "$1/monitor.in"
	until grep -aq "^$((1000000 + $2))" "$1/monitor"; do sleep 0.1; done
}

profile_answer()
{
	local line

	while read -r line; do
		line=${line%$'\r'}
		case $line in
		ready)	tell_monitor "$1" 1 'singlestep on' "logfile $1/trace" 'log exec,nochain'
			echo > "$1/serial.in" ;;
		done)	tell_monitor "$1" 2 'log none' 'singlestep off'
			echo > "$1/serial.in" ;;
		*)	echo "$line" >> "$1/results" ;;
		esac
	done
}

# profile_end <directory> <System.map>: the functions, also in the file profile. The results have
# a line "symbol <address> <type> <name>" for each of a module.
profile_end()
{
	wait "$counter"
	# Addresses are in order, so what follows a symbol belongs to it.
	{ cat "$2"; sed -n 's/^symbol //p' "$1/results"; } |
		awk '$2 ~ /[tTwW]/ && $1 ~ /^ffff/ { print $1, "-", $3 }' | sort - "$1/counts" | awk '
		BEGIN { in_function = "(user space)" }
		$2 == "-" { in_function = $3; next }
		in_function ~ /^cpu_idle_poll/ { next }		# what is left there is idle time
		{ sum[in_function] += $2; all += $2 }
		END {
			printf "%10.1f %6.2f%% all of it\n", all, 100
			for (f in sum) printf "%10.1f %6.2f%% %s\n", sum[f], sum[f] * 100 / all, f
		}' | sort -rn > "$1/profile"
	cat "$1/profile"
}
