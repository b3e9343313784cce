# SPDX-License-Identifier: GPL-2.0
#
# From kernel/dma/tests/breaks: "<file>|<sed script>" for each command of each break alone,
# with the addresses that are before it; "<file>|" if a script is none of these: commands s
# with or without an address, several of them with ; between, all of them in braces after
# an address, and n before one of them.

function take(re) {
	if (!match(rest, "^" re)) return ""
	re = substr(rest, 1, RLENGTH)
	rest = substr(rest, RLENGTH + 1)
	return re
}

BEGIN {
	FS = "|"
	text = "([^/\\\\]|\\\\.)*"
	address = "(/" text "/(,/" text "/)?)?"
}
/^(#|$)/ { next }
{
	file = $1
	rest = $2
	sub(/ +$/, "", file)
	gsub(/^ +| +$/, "", rest)
	group = ""
	if (match(rest, "^" address "[{].*[}]$")) {
		group = take(address)
		rest = substr(rest, 2, length(rest) - 2)
	}
	do {
		first = take("n;")
		before = take(address)
		command = take("s/" text "/" text "/g?")
		if (!command) break
		command = first before command
		print file "|" (group ? group "{" command "}" : command)
	} while (take(";"))
	if (!command || rest) print file "|"
}
