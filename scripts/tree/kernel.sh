#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# kernel.sh <name>: configure and build a kernel of configs/kernels.
#
#   SRC			source tree (build/linux)
#   O			build directory (build/kernels/<name>); the log is $O.log
#   CROSS_COMPILE	prefix of the compiler (aarch64-linux-gnu- for arm64 elsewhere)
#   V=1		show the build
#   CONFIG_ONLY=1	stop before it
#   LOSE=1		go without the options that the source cannot have, and say so
set -euo pipefail
. "$(dirname "$0")/../lib/repo.sh"
. scripts/lib/progress.sh

name=$1
src=${SRC:-build/linux}
arch=$(kernel "$name" arch)
image=$(kernel_image "$arch")
cross=${CROSS_COMPILE-$(cross_compile "$arch")}
out=${O:-build/kernels/$name}
log=$out.log
begin=$SECONDS
fragments=("configs/$arch.config")
for f in $(kernel "$name" fragments); do fragments+=("configs/$f.config"); done

compiler=$(kernel "$name" compiler)
compiler=${compiler:-${cross}gcc}
compiler_args "$compiler"
command -v "$compiler" > /dev/null || die "$compiler: not found: scripts/tree/deps.sh all"
[ -d "$src" ] || die "$src: missing: make tree"
for f in "${fragments[@]}"; do
	[ -f "$f" ] || die "$f: no such fragment: see configs/"
done

# The same sources give the same image.
export KBUILD_BUILD_TIMESTAMP='1970-01-01 00:00:00 UTC'
export KBUILD_BUILD_USER=build KBUILD_BUILD_HOST=build KBUILD_BUILD_VERSION=1

kmake()
{
	make -C "$src" O="$(realpath "$out")" ARCH="$arch" V="${V:-0}" "${cc[@]}" "$@"
}

# objects: how many have been compiled
objects() { grep -cE '^  (CC|AS) ' "$log" || true; }

# built: the progress of the build. The total is that of the last full build. It is not
# known for an incremental build.
built()
{
	local total of=

	total=$(cat "$out.objects" 2> /dev/null) || total=$(kernel "$name" objects)
	if [ "$fresh" = 1 ]; then of=" of about $total"; fi
	echo "$out: $(objects) objects$of"
}

# logged <command...>: writes all output to the log, and with V=1 to the standard output
# as well
logged()
{
	if [ "${V:-0}" = 1 ]; then
		"$@" 2>&1 | tee -a "$log"
	else
		"$@" >> "$log" 2>&1
	fi
}

failed()
{
	grep -nE -A 3 'error:|\*\*\* |undefined reference|: Error ' "$log" | tail -n 20 >&2 || tail -n 20 "$log" >&2
	die_log "$log" "$out: $1"
}

# refused: the options that are lost, if they must not be
refused()
{
	if [ "${LOSE:-0}" != 1 ]; then lost; fi
}

# lost: the options that Kconfig has dropped, as it does without a warning
lost()
{
	awk -f scripts/tree/lost.awk config="$out/.config" "$out/.config" "${fragments[@]}" | sort
}

configure()
{
	local sum

	sum=$(find "$src" -name 'Kconfig*' | sort | xargs cat "${fragments[@]}" | sha256sum)
	if [ -f "$out/.config" ] && [ "$(cat "$out.stamp" 2> /dev/null)" = "$sum" ] && [ -z "$(refused)" ]; then
		return
	fi

	say CONFIG "$out/.config (tinyconfig ${fragments[*]})"
	rm -f "$out.stamp"
	logged kmake tinyconfig || failed "tinyconfig"
	logged "$src/scripts/kconfig/merge_config.sh" -m -O "$out" "$out/.config" "${fragments[@]}" ||
		failed "merge_config.sh"
	logged kmake olddefconfig || failed "olddefconfig"
	[ -z "$(refused)" ] ||
		die "$out/.config: lacks $(lost | paste -s -d ';' | sed 's/;/; /g'): add what they depend on, or drop them"
	echo "$sum" > "$out.stamp"
}

# copy: take over what another kernel has compiled
copy()
{
	local from

	from=build/kernels/$(kernel "$name" begins)
	if [ "$from" = build/kernels/ ] || [ ! -f "$from/$image" ] || [ -e "$out" ]; then return; fi
	say COPY "$from"
	rm -rf "$out.tmp"
	cp -a "$from" "$out.tmp"
	rm "$out.tmp/$image"
	mv "$out.tmp" "$out"
	touch "$out.copied"
}

# keep_objtool: of a copy. Its commands name the directory, so make would build it again,
# and with it everything that it has checked. But it is the same program.
keep_objtool()
{
	[ -e "$out.copied" ] || return 0
	logged kmake -j"$JOBS" prepare || failed "the tools are not built"
	find "$out/tools/objtool" -exec touch -r "build/kernels/$(kernel "$name" begins)/tools/objtool/objtool" {} +
	rm "$out.copied"
}

lock "${out//\//-}"
if [ "$src" = build/linux ]; then copy; fi
mkdir -p "$out"
fresh=0
if [ ! -f "$out/$image" ]; then fresh=1; fi
: > "$log"
configure
if [ -n "$(lost)" ]; then say LACKS "$out/.config: $(lost | sed 's/.*: //' | xargs)"; fi
if [ "${CONFIG_ONLY:-0}" = 1 ]; then exit 0; fi
keep_objtool
targets=("${image##*/}")
if [ -z "$(kernel "$name" begins)" ]; then targets+=(modules); fi
logged kmake -j"$JOBS" "${targets[@]}" &
wait_for $! built || failed "the build has failed"
# The second half of a build that was interrupted counts less.
if [ "$fresh" = 1 ] && [ "$(objects)" -gt "$(cat "$out.objects" 2> /dev/null || echo 0)" ]; then objects > "$out.objects"; fi
say KERNEL "$out/$image ($(cat "$out/include/config/kernel.release"), $((SECONDS - begin)) s)"
