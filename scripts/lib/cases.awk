# SPDX-License-Identifier: GPL-2.0
#
# From the sources of KUnit suites: "<suite> <case>" for each case. A suite names the array
# that has its cases.

/^static struct kunit_case / {
	array = $4
	sub(/\[.*/, "", array)
}
/^\t(KUNIT_CASE|CASE_OF_OURS)[A-Z_]*\(/ {
	name = $0
	gsub(/^[^(]*\(|[,)].*/, "", name)
	cases[FILENAME, array] = cases[FILENAME, array] " " name
}
/^static struct kunit_suite / { suite = "" }
/^\t\.name[ \t]*= "/ {
	suite = $0
	gsub(/^[^"]*"|".*/, "", suite)
}
/^\t\.test_cases[ \t]*= / {
	array = $NF
	sub(/,$/, "", array)
	n = split(cases[FILENAME, array], name_of)
	for (i = 1; i <= n; i++) print suite, name_of[i]
}
