#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# users.sh <tree>: compile mainline's own users of the API, those of mainline/users, with
# the headers here and the annotations of locks in mainline/annotations.h. They also need
# other things of mainline, so few compile as a whole; but no error may be about the API. A
# line for each.
set -euo pipefail
. "$(dirname "$0")/../lib/repo.sh"

check_peer "${1-}"
peer=$(realpath "$1")
table=mainline/users
out=$PWD/build/users
kernel=$PWD/build/kernels/test
api='dma_(use_)?iova|DMA_IOVA|dma_(un)?map_phys|dma_need_unmap|p2pdma|hmm_dma|blk_rq_|blk_dma_|phys_vec|DMA_ATTR|_bvec'

[ -f "$kernel/Module.symvers" ] || die "$kernel: not built: scripts/tree/kernel.sh test"

# compile <name>
compile()
{
	local dir=$out/$1 file header errors

	file=$(field $table "$1" 2)
	[ -f "$peer/$file" ] || die "$table: $file: $peer has no such file"
	rm -rf "$dir"
	mkdir -p "$dir"
	cp "$peer/$file" "$dir/user.c"
	cp "$peer/${file%/*}"/*.h "$dir" 2> "$dir/log" || true	# there may be none
	for header in $(field $table "$1" 3); do
		mkdir -p "$dir/include/${header%/*}"
		cp "$peer/include/$header" "$dir/include/$header" || die "$table: include/$header: $peer has no such file"
	done
	{
		echo "obj-m := user.o"
		echo "ccflags-y := -include $PWD/mainline/annotations.h -I$dir -I\$(srctree)/${file%/*} $(field $table "$1" 4 | sed 's/[^ ]\+/-include &/g')"
		echo "LINUXINCLUDE := -I$dir/include \$(LINUXINCLUDE)"
	} > "$dir/Kbuild"
	if make -C build/linux O="$kernel" M="$dir" user.o > "$dir/log" 2>&1; then
		echo "ok - users $1: compiles"
		return
	fi
	errors=$(grep -E 'error:' "$dir/log" || echo "error: make fails: $(tail -n 1 "$dir/log")")
	# A header that is missing keeps the compiler from everything after it.
	if grep -qE "$api|make fails|fatal error" <<< "$errors"; then
		echo "not ok - users $1: $(grep -m 1 -E "$api|make fails|fatal error" <<< "$errors" | sed 's/.*error: //')"
		return 1
	fi
	echo "ok - users $1: no error of the API, $(wc -l <<< "$errors") others: $(head -n 1 <<< "$errors" | sed 's/.*error: //')"
}

failed=0
for name in $(names $table); do compile "$name" || failed=1; done
exit $failed
