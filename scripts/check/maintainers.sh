#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# MAINTAINERS here and the entries in the kernel's file say the same, and the entry of the
# series names nobody of the upstream kernel.
set -euo pipefail
. "$(dirname "$0")/../lib/repo.sh"

failed=0
if diff -u <(sed '1,/^$/d' MAINTAINERS) \
	<(diff build/base/MAINTAINERS build/linux/MAINTAINERS | sed -n 's/^> //p' | sed '$d') >&2
then echo 'ok - MAINTAINERS is what the series adds'
else echo 'not ok - MAINTAINERS: differs from the entries that the series adds'
	failed=1
fi

# No other entry has this file. M: of whoever publishes the series may be named.
file=include/linux/dma-iova.h
own=$(sed -n 's/^[MR]:[ \t]*//p' MAINTAINERS)
named=$(cd build/linux && perl scripts/get_maintainer.pl --no-git --no-git-fallback --no-l --no-rolestats -f "$file")
others=$({ grep -vxF -e "$own" <<< "$named"
	sed -nE 's/^[MRL]:.*<(.*)>.*/\1/p' MAINTAINERS | grep -F -x -f - <(grep -oE '[^ <>]+@[^ <>]+' build/base/MAINTAINERS | sort -u)
	} | paste -s -d ',' | sed 's/,/, /g') || true
if [ -z "$others" ]; then
	echo "ok - get_maintainer.pl names nobody of the upstream kernel for $file"
else
	echo "not ok - get_maintainer.pl names nobody of the upstream kernel for $file: $others"
	failed=1
fi
exit "$failed"
