#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Compares kernel/dma/tests/promises with the documentation, the KUnit suites and
# kernel/dma/tests/breaks. Prints a line for each rule: "ok - promises: <rule>", or "not
# ok - promises: <rule>: <what breaks it>". Needs build/linux (make tree), which has the
# whole mapping.c. A rule is a function that prints what breaks it. A rule that cannot be
# checked counts as broken.
#
# shellcheck disable=SC2317 # they are called by name
set -euo pipefail
. "$(dirname "$0")/../lib/repo.sh"
. scripts/lib/rule.sh

table=kernel/dma/tests/promises
breaks=kernel/dma/tests/breaks
pages=(Documentation/core-api/dma-iova*.rst)
mapping=build/linux/kernel/dma/mapping.c

[ -f "$mapping" ] || die "$mapping: missing: make tree"

# Prints the text in one line, without the markers of comments and lists
plain()
{
	sed -E 's/^[ \t]*(([*-]|\*\/)([ \t]+|$))*//' | tr -s ' \t\n' ' '
}

documentation=$({ cat "${pages[@]}"; sed -n '/^\/\*\*$/,/\*\//p' include/linux/dma-iova.h "$mapping"; } | plain)

# The lines of the table, put together
promises=$(awk '
	/^(#|$)/ { next }
	/^\t/	 { sub(/^\t+/, " "); line = line $0; next }
		 { if (line != "") print line; line = $0 }
	END	 { if (line != "") print line }' "$table")

# What they name, as "<suite>.<case>"
named=$(awk -F '|' '{
	n = split($2, part, ";")
	for (i = 1; i <= n; i++) {
		m = split(part[i], word, " ")
		for (j = 2; j <= m; j++) print word[1] "." word[j]
	} }' <<< "$promises" | sort -u)

# All cases that there are, as "<suite>.<case>". Two suites may share a function.
there=$(awk -f scripts/lib/cases.awk kernel/dma/tests/*_kunit.c | tr ' ' . | sort -u)

broken_by=$(awk -F '|' '
	/^(#|$)/ { next }
	{ split($3, where, " "); n = split($4, name, " "); for (i = 1; i <= n; i++) print where[2] "." name[i] }
	' "$breaks" | sort -u)

# The sums of the page and of the README are those of its table.
summed_otherwise()
{
	local page=Documentation/core-api/dma-iova-conformance.rst sum

	sum=$(awk '/^   \* - [a-z0-9_]+: / { getline; getline; n[$2]++ }
		END { print n["ok"] + 0 " of " n["ok"] + n["fail"] + n["skip"], n["fail"] + 0, n["skip"] + 0 }' "$page")
	# shellcheck disable=SC2086 # words
	set -- $sum
	grep -q "^$1 of $3 cases pass in Linux [0-9.]*, $4 fail, $5 are not run\.$" "$page" || echo "$page: has $sum"
	grep -q "; $1 of $3 cases pass there, $4 fail, $5 are skipped |" README.md || echo "README.md: the page has $sum"
}

# The number of a patch changes with each one that is put before it.
patch_by_number()
{
	git grep -nE '\<[Pp]atch(es)? [0-9]' -- '*.md' '*.rst' '*.txt' configs scripts "${whole_dirs[@]}" ':!patches/README.md' || [ $? = 1 ]
}

words() { awk -F ' *[|]' '{ print $1 }' <<< "$promises"; }

not_in_documentation_once()
{
	local line rest

	while IFS= read -r line; do
		rest=${documentation/"$line"/}
		if [ "$rest" = "$documentation" ]; then
			echo "not there: $line"
		elif [[ $rest == *"$line"* ]]; then
			echo "twice: $line"
		fi
	done < <(words)
}

promised_twice()	  { words | sort | uniq -d; }
without_a_case()	  { grep -vE '^[^|]*[^ |] \| *[a-z0-9_]+ [a-z0-9_]+[^|]*$' <<< "$promises" || [ $? = 1 ]; }
case_not_there()	  { comm -13 <(echo "$there") <(echo "$named"); }
case_without_a_promise()  { comm -23 <(echo "$there") <(echo "$named") | sed -n '/^dma_iova/{/^dma_iova_\(random\|stress\)/!p;}'; }
case_without_a_break()	  { comm -23 <(echo "$there") <(echo "$broken_by"); }
case_in_no_suite()
{
	grep -ohE '(KUNIT_CASE|CASE_OF_OURS)(_[A-Z]+)*\([a-z0-9_]+' kernel/dma/tests/*_kunit.c | sed 's/.*(//' | sort -u |
		comm -23 - <(cut -d . -f 2 <<< "$there" | sort -u)
}

# A suite in no line of configs/suites need not run anywhere.
suite_of_no_machine()
{
	comm -23 <(cut -d . -f 1 <<< "$there" | sort -u) \
		<(for name in $(names configs/suites); do field configs/suites "$name" 2; done | tr ' ' '\n' | sort -u)
}

rule not_in_documentation_once	"promises: the words of every promise are in the documentation, once"
rule promised_twice		"promises: no promise is in the table twice"
rule without_a_case		"promises: every promise has a case"
rule case_in_no_suite		"promises: every case is in a suite"
rule suite_of_no_machine		"promises: every suite is in a line of configs/suites"
rule case_not_there		"promises: every case that a promise names is there"
rule case_without_a_promise	"promises: every case of the API is named by a promise, random and stress aside"
rule summed_otherwise		"promises: the README and the page sum up the conformance as its table does"
rule patch_by_number		"promises: no text names a patch by its number"
rule case_without_a_break	"promises: every case is named by a break"
exit "$failed"
