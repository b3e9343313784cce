# SPDX-License-Identifier: GPL-2.0
#
# awk -f this <console>: <suite> <case> <ok, fail or skip> <why it is skipped>, for each
# case that KUnit has run
{ sub(/\r$/, ""); sub(/^\[[ 0-9.]*\] ?/, "") }
/^ *# Subtest: / { suite = $3 }
/^ +(not )?ok [0-9]+ / {
	failed = $1 == "not"
	name = $(failed ? 4 : 3)
	why = ""
	if (match($0, /# SKIP /)) why = substr($0, RSTART + RLENGTH)
	print suite, name, failed ? "fail" : /# SKIP/ ? "skip" : "ok", why
}
