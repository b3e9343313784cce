# SPDX-License-Identifier: GPL-2.0
#
# From what kunit.py parse has printed: "<suite> <case>" for each case that has run.
$2 ~ /^=+$/ && /subtests?\) =+$/ { suite = $3 }
$2 ~ /^\[[A-Z]+\]$/ && $2 != "[SKIPPED]" { print suite, $3 }
