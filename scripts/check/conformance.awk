# SPDX-License-Identifier: GPL-2.0
#
# awk -f this <console>: <suite> <case> <ok, fail or skip> <why it is skipped>, for each
# case that KUnit has run. Fails if the kernel has not come to the end of its plan.
{ sub(/\r$/, ""); sub(/^\[[ 0-9.]*\] ?/, "") }
/^ *# Subtest: / { suite = $3 }
/^1\.\.[0-9]+/ { sub(/^1\.\./, ""); plan = $1 + 0 }
/^(not )?ok [0-9]+ / { ended++ }
/^ +(not )?ok [0-9]+ / {
	failed = $1 == "not"
	name = $(failed ? 4 : 3)
	why = ""
	if (match($0, /# SKIP /)) why = substr($0, RSTART + RLENGTH)
	print suite, name, failed ? "fail" : /# SKIP/ ? "skip" : "ok", why
}
END { exit !plan || ended < plan }
