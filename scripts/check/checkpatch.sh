#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# checkpatch --strict of the exported patches
set -euo pipefail
. "$(dirname "$0")/../lib/repo.sh"

out=build/checkpatch
mkdir -p "$out"
failed=0
for f in build/series/0*.patch; do
	case $f in */0000-*) continue ;; esac
	# maintainers.sh checks the paths of new files. The base has no history to find a
	# commit in.
	ignore=FILE_PATH_CHANGES,UNKNOWN_COMMIT_ID
	# No header of trace events is laid out as checkpatch wants it.
	if grep -q '^+++ b/include/trace/' "$f"; then
		ignore=$ignore,OPEN_ENDED_LINE,PARENTHESIS_ALIGNMENT
	fi
	# It does not know _Generic(), nor that its operand is not evaluated.
	if grep -q '^+.*_Generic(' "$f"; then ignore=$ignore,SPACING,CAMELCASE,MACRO_ARG_REUSE; fi
	log=$out/${f##*/}.checkpatch
	# The helper of checkpatch is in python, and needs the python that has Debian's
	# modules. If the author is not the sender, the sign-off is the sender's, and the
	# line From: may be long.
	if sed '/^$/,${/^From: /d}' "$f" | PATH=/usr/bin:$PATH build/linux/scripts/checkpatch.pl --root=build/linux \
		--strict --no-summary --terse --ignore "$ignore" - > "$log" 2>&1
	then echo "ok - checkpatch ${f##*/}"
	else echo "not ok - checkpatch ${f##*/}: $(tail -n 1 "$log")"; cat "$log" >&2; failed=1
	fi
done
exit "$failed"
