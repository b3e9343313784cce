# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Sourced by scripts that check rules. A rule is a function that prints what breaks it. A
# rule that cannot be checked counts as broken. Sets $failed to 1 if a rule is broken.

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
