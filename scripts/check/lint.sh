#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What the compiler (W=1), sparse and kernel-doc (-Wall) report about the files that the
# series touches or adds, and do not report about the base.
#
#   ARCH=x86_64   or arm64: without the drivers of the other
#
# shellcheck disable=SC2317 # functions are called by way of with_progress
set -euo pipefail
. "$(dirname "$0")/../lib/repo.sh"
. scripts/lib/progress.sh

arch=${ARCH:-x86_64}
kernel=build/kernels/test
[ "$arch" = x86_64 ] || kernel=build/kernels/$arch
cross=$(cross_compile "$arch")
case $arch in
arm64)	foreign='^drivers/iommu/(intel|amd)/' ;;
*)	foreign='^drivers/iommu/arm/' ;;
esac
out=build/lint/$arch
lock lint
mkdir -p "$out"
# With the code that is not built otherwise. The base ignores options that it does not
# know.
cat "$kernel/.config" configs/dma-debug.config > "$out/config" || die "$kernel/.config: missing: scripts/tree/kernel.sh ${kernel##*/}"

patched=$(for p in $(series); do patch_files "$p"; done | sort -u)
sources=$({ echo "$patched"; whole_files; } | grep '\.[ch]$' | grep -v '^tools/' |
	grep -vE "$foreign" | sort)

# objects <tree>: those that this configuration builds from the sources
objects()
{
	local f

	for f in $sources; do
		if [ "${f%.c}" != "$f" ] && [ -e "$1/$f" ]; then echo "${f%.c}.o"; fi
	done
}

# Without line numbers, as they move. Only findings in the sources count, not in what they
# include; headers are checked through the sources.
normalise()
{
	# shellcheck disable=SC2086
	sed -E "s,$PWD/build/(linux|base)/,,; s/:[0-9]+(:[0-9]+)?:/:/" |
		grep -E 'warning:|error:' | sort -u |
		grep -F -f <(printf '%s:\n' $sources) || [ $? = 1 ]
}

# compile <tree> <name>
compile()
{
	local o=$PWD/$out/$2 make
	make=(make -s -C "$1" O="$o" ARCH="$arch" CROSS_COMPILE="$cross" CC="ccache ${cross}gcc" "-j$JOBS")

	mkdir -p "$o"
	cp "$out/config" "$o/.config"
	{ "${make[@]}" olddefconfig && "${make[@]}" prepare; } > "$o.log" 2>&1 ||
		die_log "$o.log" "$1: cannot be prepared"
	# shellcheck disable=SC2046
	(cd "$o" && rm -f $(objects "$OLDPWD/$1"))
	# shellcheck disable=SC2046
	"${make[@]}" W=1 C=1 CF=-D__CHECK_ENDIAN__ $(objects "$1") > "$o.log" 2>&1 ||
		die_log "$o.log" "$1: does not compile"
	normalise < "$o.log" > "$o.compile"
}

# documentation <tree> <name>
documentation()
{
	local f

	for f in $sources; do
		if [ -e "$1/$f" ]; then
			(cd "$1" && scripts/kernel-doc -none -Wall "$f" 2>&1) || true
		fi
	done > "$out/$2.doc.log"
	normalise < "$out/$2.doc.log" > "$out/$2.doc"
}

# verdict <name> <what>: compares; only what the base does not have counts
verdict()
{
	local new

	new=$(comm -13 "$out/base.$1" "$out/linux.$1")
	if [ -z "$new" ]; then
		echo "ok - $2: $(wc -w <<< "$sources") files, no new finding"
		return 0
	fi
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
		die "build/linux/scripts/kernel-doc: finds nothing in $probe: is perl installed? $(tail -n 1 "$log")"
	printf 'static void *p = 0;\nvoid *probe(void); void *probe(void) { return p; }\n' > "$probe"
	sparse "$probe" > "$log" 2>&1 || die_log "$log" "sparse: fails: make deps"
	grep -q 'as NULL pointer' "$log" ||
		die "sparse: finds nothing in $probe: make deps: $(tail -n 1 "$log")"
}

self_test
for tree in base linux; do
	say LINT "build/$tree: W=1, sparse, kernel-doc" >&2
	with_progress "build/$tree: compiling" compile "build/$tree" "$tree"
	with_progress "build/$tree: kernel-doc" documentation "build/$tree" "$tree"
done
failed=0
verdict compile "$arch: W=1 and sparse" || failed=1
verdict doc 'kernel-doc -Wall' || failed=1
exit "$failed"
