#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# peer.sh <name>: configure and build a kernel of configs/kernels from another tree that
# has the API, in build/peer/<name>, for what compares the two. It goes without the
# options that the tree does not have, and says which.
#
#   PEER=/path		the tree: Linux 6.16 or later, as unpacked
#   CROSS_COMPILE, V	as for kernel.sh
set -euo pipefail
. "$(dirname "$0")/../lib/repo.sh"

name=$1
check_peer "${PEER:-}"
[ ! -e "$PEER/.config" ] || die "$PEER: something was built in it: make -C $PEER mrproper"
mkdir -p build/peer
SRC=$PEER O=build/peer/$name LOSE=1 scripts/tree/kernel.sh "$name"
