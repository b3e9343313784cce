# SPDX-License-Identifier: GPL-2.0
#
# lost.awk config=<.config> <.config> <fragment>...: the lines of the fragments that are
# not in .config. The last fragment that names an option decides.

function name_of(line) { sub(/=.*/, "", line); return line }
function value_of(line) { sub(/^[^=]*=/, "", line); return line }
FILENAME == config && /^CONFIG_/ { has[name_of($0)] = value_of($0) }
FILENAME == config { next }
/^# CONFIG_[A-Za-z0-9_]+ is not set$/ { want[$2] = "n"; from[$2] = FILENAME; next }
/^CONFIG_[A-Za-z0-9_]+=./ { want[name_of($0)] = value_of($0); from[name_of($0)] = FILENAME; next }
/^[ \t]*[^# \t]/ { print FILENAME ": " $0 " (no such form)" }
END {
	for (name in want)
		if ((name in has ? has[name] : "n") != want[name])
			print from[name] ": " name "=" want[name]
}
