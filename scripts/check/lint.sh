#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What the compiler (W=1), sparse and kernel-doc (-Wall) report about the files that the
# series touches or adds, and do not report about the same files of the base.
#
#   ARCH=x86_64   or arm64: without the drivers of the other
#
# shellcheck disable=SC2317 # functions are called by way of with_progress
set -euo pipefail
. "$(dirname "$0")/../lib/repo.sh"
. scripts/lib/progress.sh

arch=${ARCH:-x86_64}
cross=$(cross_compile "$arch")
case $arch in
arm64)
	kernel=build/kernels/arm64 foreign='^drivers/iommu/(intel|amd)/|/(io_pgtable_amd|vtd_pgtable)_kunit'
	more=$'CONFIG_ARM_SMMU_V3_SVA=y\nCONFIG_FAULT_INJECTION=y\nCONFIG_FAULT_INJECTION_DEBUG_FS=y\nCONFIG_FAIL_DMA_IOVA=y' ;;
*)	kernel=build/kernels/test foreign='^drivers/iommu/arm/' more= ;;
esac
out=build/lint/$arch
lock lint
mkdir -p "$out"
# With what is not built otherwise. The base ignores options that it does not know.
cat "$kernel/.config" configs/dma-debug.config - <<< "$more" > "$out/config" || die "$kernel/.config: missing: scripts/tree/kernel.sh ${kernel##*/}"

touched=$({ edited_files; whole_files; } |
	grep '\.[ch]$' | grep -v '^tools/' | grep -vE "$foreign" | sort -u)
mapfile -t sources <<< "$touched"

# objects <tree> <source>...: those that this configuration builds
objects()
{
	local tree=$1 f

	shift
	for f; do
		if [ "${f%.c}" != "$f" ] && [ -e "$tree/$f" ]; then echo "${f%.c}.o"; fi
	done
}

# suspects <findings>: the sources that have them
suspects() { cut -d : -f 1 "$1" | sort -u; }

# including: the names that it reads, and the sources that include such a header
including()
{
	local f

	while read -r f; do
		echo "$f"
		if [ "${f%.h}" != "$f" ]; then (cd build/linux && grep -lF "${f#include/}>" "${sources[@]}") || [ $? = 1 ]; fi
	done | sort -u
}

# Without line numbers, as they move; a text that occurs again gets a number after it.
# Only findings in the sources count, not in what they include; headers are checked through
# the sources.
normalise()
{
	sed "s,$PWD/build/\(linux\|base\)/,," | grep -E 'warning:|error:' | sort -u |
		sed -E 's/:[0-9]+(:[0-9]+)?:/:/' | awk '{ print $0 (n[$0]++ ? " (" n[$0] ")" : "") }' | sort |
		grep -F -f <(printf '%s:\n' "${sources[@]}") || [ $? = 1 ]
}

# compile <name of the tree> <source>...
compile()
{
	local tree=build/$1 o=$PWD/$out/$1 objects make

	shift
	mapfile -t objects < <(objects "$tree" "$@")
	: > "$o.compile"
	[ "${#objects[@]}" -gt 0 ] || return 0	# make would build everything
	# No object will run, so objtool need not be built.
	make=(make -s -C "$tree" O="$o" ARCH="$arch" CROSS_COMPILE="$cross" CC="ccache ${cross}gcc" CONFIG_OBJTOOL= "-j$JOBS")

	mkdir -p "$o"
	cp "$out/config" "$o/.config"
	{ "${make[@]}" olddefconfig && "${make[@]}" prepare; } > "$o.log" 2>&1 ||
		die_log "$o.log" "$tree: cannot be prepared"
	(cd "$o" && rm -f "${objects[@]}")
	"${make[@]}" W=1 C=1 CF=-D__CHECK_ENDIAN__ "${objects[@]}" > "$o.log" 2>&1 ||
		die_log "$o.log" "$tree: does not compile"
	normalise < "$o.log" > "$o.compile"
}

# documentation <name of the tree> <source>...
documentation()
{
	local name=$1 f

	shift
	for f; do
		if [ -e "build/$name/$f" ]; then
			(cd "build/$name" && scripts/kernel-doc -none -Wall "$f" 2>&1) || true
		fi
	done > "$out/$name.doc.log"
	normalise < "$out/$name.doc.log" > "$out/$name.doc"
}

# lint <name of the tree> <what> <source>...
lint()
{
	say LINT "build/$1: $2 of $(($# - 2)) files" >&2
	with_progress "build/$1: $2" "$2" "$1" "${@:3}"
}

# verdict <name> <what>: compares; only what the base does not have counts
verdict()
{
	local new

	new=$(comm -13 "$out/base.$1" "$out/linux.$1")
	if [ -z "$new" ]; then echo "ok - $2: ${#sources[@]} files, no new finding"; return; fi
	echo "not ok - $2: $(head -n 1 <<< "$new")"
	echo "$new" >&2
	return 1
}

# Prove first that the tools find something.
self_test()
{
	local probe=$out/probe.c log=$out/probe.log

	# Through a file, since a tool fails when its reader has left early.
	printf '/**\n * probe - x\n */\nint probe(int a);\nint probe(int a) { return a; }\n' > "$probe"
	build/linux/scripts/kernel-doc -none -Wall "$probe" > "$log" 2>&1 ||
		die_log "$log" "build/linux/scripts/kernel-doc: fails"
	grep -q "'a' not described" "$log" ||
		die "build/linux/scripts/kernel-doc: finds nothing in $probe: check that perl is installed: $(tail -n 1 "$log")"
	printf 'static void *p = 0;\nvoid *probe(void); void *probe(void) { return p; }\n' > "$probe"
	sparse "$probe" > "$log" 2>&1 || die_log "$log" "sparse: fails: make deps"
	grep -q 'as NULL pointer' "$log" ||
		die "sparse: finds nothing in $probe: make deps: $(tail -n 1 "$log")"
}

self_test
# shellcheck disable=SC2046 # a word for each
{
	lint linux compile "${sources[@]}"
	lint base compile $(suspects "$out/linux.compile" | including)
	lint linux documentation "${sources[@]}"
	lint base documentation $(suspects "$out/linux.doc")
}
failed=0
verdict compile "$arch: W=1 and sparse" || failed=1
verdict doc 'kernel-doc -Wall' || failed=1
exit "$failed"
