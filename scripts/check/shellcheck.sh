#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Each script passes shellcheck.
set -euo pipefail
. "$(dirname "$0")/../lib/repo.sh"

failed=0
for f in $(git ls-files -co --exclude-standard 'scripts/*.sh') .ci/run; do
	[ -e "$f" ] || continue
	if shellcheck -x "$f" >&2; then
		echo "ok - shellcheck $f"
	else
		echo "not ok - shellcheck $f"
		failed=1
	fi
done
exit "$failed"
