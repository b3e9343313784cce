# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Sourced by what checks rules, each a function that prints what breaks it: one that
# cannot be checked is broken, too. Leaves 1 in $failed if one is.

failed=0

# rule <function> <text>
rule()
{
	local broken

	if broken=$("$1" 2>&1 | sed '/^$/d' | paste -s -d ';' | sed 's/;/; /g') && [ -z "$broken" ]; then
		echo "ok - $2"
	else
		echo "not ok - $2: $broken"
		# shellcheck disable=SC2034 # for who sources this
		failed=1
	fi
}
