# SPDX-License-Identifier: GPL-2.0
#
# awk -f this -v machine=<name> -v suites='<those that must run>' -v rc=<exit status>
# <what kunit.py parse has printed>: a line for each case of these suites, and one for
# whatever is not as it must be. A suite that is not named may be skipped, and may not
# fail.
BEGIN {
	n = split(suites, list, " ")
	for (i = 1; i <= n; i++) must[list[i]]
}
function say(ok, what) {
	print (ok ? "ok" : "not ok") " - kunit " machine " " what
	bad += !ok
}

$2 ~ /^=+$/ && /subtests?\) =+$/ { suite = $3; ran[suite] += 0 }
$2 ~ /^\[[A-Z]+\]$/ {
	name = suite " " $3
	if (suite in must) {
		ran[suite]++
		say($2 == "[PASSED]", name ($2 == "[PASSED]" ? "" : ": " $2))
	} else if ($2 != "[PASSED]" && $2 != "[SKIPPED]") {
		say(0, name ": " $2)
	}
}
/^\[[0-9:]+\] \[ERROR\]/ { why = $0; sub(/^[^ ]* /, "", why) }

END {
	for (suite in must) if (!ran[suite]) say(0, suite ": has not run")
	if (rc && !bad) say(0, "kunit.py parse fails with " rc ": " why)
	exit bad > 0
}
