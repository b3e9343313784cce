#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# MAINTAINERS here and the entries in the kernel's file say the same.
set -euo pipefail
. "$(dirname "$0")/../lib/repo.sh"

if diff -u <(sed '1,/^$/d' MAINTAINERS) \
	<(diff build/base/MAINTAINERS build/linux/MAINTAINERS | sed -n 's/^> //p' | sed '$d') >&2
then echo 'ok - MAINTAINERS is what the series adds'
else echo 'not ok - MAINTAINERS: differs from the entries that the series adds'
fi
