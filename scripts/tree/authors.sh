#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# authors.sh: prints the author of each patch, "<patch> <name> <<address>>". That is the
# author of the first commit that has it, under any number and name. A patch that is not
# committed has no line.
set -euo pipefail
. "$(dirname "$0")/../lib/repo.sh"

git log --format='author %an <%ae>' --name-status -M -- patches | awk -F '\t' '
	function unnumbered(file) { sub(/^patches\/[0-9]+[a-z]*-/, "", file); return file }
	# today[name]: the present name of a file with an older name. Git shows the newest
	# commit first.
	function today_of(name) { return name in today ? today[name] : name }
	NR == FNR { files[unnumbered("patches/" $0)] = $0; next }
	/^author / { author = substr($0, 8) }
	/^A/ { wrote[today_of(unnumbered($2))] = author }
	/^R/ && unnumbered($2) != unnumbered($3) { today[unnumbered($2)] = today_of(unnumbered($3)) }
	END { for (name in wrote) if (name in files) print files[name], wrote[name] }' <(series) - | sort
