#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# breaks.sh [n...]: tests of the tests. Applies the one-line breaks of
# kernel/dma/tests/breaks, or only those with these numbers, to build/linux, one after the
# other. For each it builds, and boots what must catch it: a KUnit suite, or NVMe. A break
# is caught when every case that the table names says so, or when the guest panics and the
# table has the word panic. A guest that did not come to its end counts as not run. Every
# case must be named by a break. A break that was caught before is skipped until its line,
# or what the kernel is made from, has changed. Takes half a minute each; a stage of
# check-all.
set -euo pipefail
. "$(dirname "$0")/../lib/repo.sh"
. scripts/lib/progress.sh
. scripts/check/caught.sh

table=kernel/dma/tests/breaks
out=build/breaks
broken=
failed=0
declare -A built
export SPIN=120	# what a break has hang, hangs soon

# Whatever happens, build/linux is whole again.
mend()
{
	if [ -z "$broken" ]; then return; fi
	rm -f "build/linux/$broken"
	# A file of the base is shared with build/base, which nothing may touch.
	if [ -L "$out/whole" ]; then mv "$out/whole" "build/linux/$broken"
	else cp "$out/whole" "build/linux/$broken"; rm "$out/whole"
	fi
	touch "build/linux/$broken"	# through the link, if it is one
	broken=
}
trap mend EXIT

# break_file <file> <sed script> <lines that it changes>: in place of a link or of a copy
break_file()
{
	local changed

	mv "build/linux/$1" "$out/whole"
	broken=$1
	if [ -L "$out/whole" ]; then cp "$1" "build/linux/$1"; else cp "$out/whole" "build/linux/$1"; fi
	cp "build/linux/$1" "$out/before"
	sed -i "$2" "build/linux/$1"
	changed=$(diff "$out/before" "build/linux/$1" | grep -c '^>') || true
	[ "$changed" = "$3" ] || die "$table: the break of $1 changes $changed lines, not $3: $2"
}

# run_break <n> <file> <sed script> <lines> <machine> <suite, or nvme> <case>...
run_break()
{
	local n=$1 file=$2 script=$3 lines=$4 machine=$5 suite=$6 kernel why dir

	shift 6
	kernel=$(machine "$machine" kernel)
	break_file "$file" "$script" "$lines"
	scripts/tree/kernel.sh "$kernel" > "$out/$n.build" 2>&1 ||
		die "$out/$n.build: the break of $file does not compile: $script"
	built[$kernel]=1
	if [ -d "scripts/guests/$suite" ]; then
		dir=build/$suite/$machine
		rm -rf "$dir"
		KERNEL=$kernel SHORT=1 "scripts/guests/$suite/run.sh" "$machine" > "$out/$n.log" 2> "$out/$n.err" || true
	else
		dir=build/kunit-one/$machine
		rm -rf "$dir"
		SUITE=$suite scripts/guests/kunit/run.sh "$machine" > "$out/$n.log" 2> "$out/$n.err" || true
	fi
	why=$(caught "$dir" "$out/$n.log" "$machine" "$suite" "$@")
	mend
	if [ -z "$why" ]; then
		echo "ok - break $n, $file: caught by $*"
		return
	fi
	echo "not ok - break $n, $file, $script: $why"
	failed=1
	return 1
}

# The sum of what a break is made from, except its line
made_from()
{
	{ cat build/base.stamp configs/{kernels,machines,suites,nvme,events} configs/*.config patches/series patches/*.patch
	  git ls-files -co --exclude-standard -- kernel drivers include mm block tools samples \
		scripts/{lib,guests} scripts/tree/{base,tree,kernel}.sh scripts/check/{breaks,caught}.sh \
		':!kernel/dma/tests/breaks' | sort | while read -r f; do if [ -e "$f" ]; then cat "$f"; fi; done
	  versions
	} | sha256sum
}

[ -f build/kunit/no-iommu/parsed ] || die "build/kunit/no-iommu/parsed: missing: scripts/guests/kunit/run.sh, which says what cases there are"
mkdir -p "$out"
lock breaks
source=$(made_from)
lines=$(grep -cvE '^(#|$)' "$table")
n=0
while IFS='|' read -r file script where cases; do
	case $file in '' | '#'*) continue ;; esac
	n=$((n + 1))
	if [ $# -gt 0 ] && [[ " $* " != *" $n "* ]]; then continue; fi
	progress "break $n of $lines"
	key="$(sha256sum <<< "$file|$script|$where|$cases") $source"
	if grep -sqxF "$key" "$out/caught"; then
		echo "ok - break $n, $file: caught before"
		continue
	fi
	script=${script# }
	read -r on suite changed <<< "$where"
	# shellcheck disable=SC2086
	if run_break "$n" "${file% }" "${script% }" "${changed:-1}" "$on" "$suite" $cases; then echo "$key" >> "$out/caught"; fi
done < "$table"
for kernel in "${!built[@]}"; do scripts/tree/kernel.sh "$kernel" > "$out/build" 2>&1; done

# Every case of every suite, as "<suite> <case>", is named.
named=$(awk -F '|' '!/^(#|$)/ { split($3, w, " "); n = split($4, c, " "); for (i = 1; i <= n; i++) print w[2], c[i] }' "$table" | sort -u)
all=$(for name in $(names configs/suites); do
	if [ -f "build/kunit/$name/parsed" ]; then awk -f scripts/lib/ran.awk "build/kunit/$name/parsed"; fi
done | sort -u)
for name in $(comm -13 <(echo "$named") <(echo "$all") | tr ' ' .); do
	echo "not ok - break: no line of $table makes $name fail"
	failed=1
done
exit "$failed"
