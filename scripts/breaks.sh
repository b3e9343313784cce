#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# breaks.sh [n...]: tests of the tests. Applies the one-line breaks of
# kernel/dma/tests/breaks, or only those numbered, one after the other to
# build/linux, builds, and runs the suite that must catch it. Every case of the
# suites has to be named by a break. Half a minute for each; part of
# `make check-all`.
set -euo pipefail
. "$(dirname "$0")/repo.sh"

table=kernel/dma/tests/breaks
out=build/breaks
broken=
failed=0
declare -A built

# Whatever happens, build/linux is whole again.
mend()
{
	if [ -z "$broken" ]; then return; fi
	rm -f "build/linux/$broken"
	mv "$out/whole" "build/linux/$broken"
	touch "build/linux/$broken"	# through the link, if it is one
	broken=
}
trap mend EXIT

# break_file <file> <sed script>: in place of a link or of a copy
break_file()
{
	local lines

	mv "build/linux/$1" "$out/whole"
	broken=$1
	if [ -L "$out/whole" ]; then cp "$1" "build/linux/$1"; else cp "$out/whole" "build/linux/$1"; fi
	cp "build/linux/$1" "$out/before"
	sed -i "$2" "build/linux/$1"
	lines=$(diff "$out/before" "build/linux/$1" | grep -c '^>') || true
	[ "$lines" -gt 0 ] || die "$table: the break of $1 changes nothing: $2"
}

# run_break <n> <file> <sed script> <profile> <suite> <case>...
run_break()
{
	local n=$1 file=$2 script=$3 profile=$4 suite=$5 arch name missed=

	shift 5
	arch=$(profile_arch "$profile")
	break_file "$file" "$script"
	# shellcheck disable=SC2046
	ARCH=$arch O=$(profile_kernel "$profile") scripts/kernel.sh $(profile_fragments "$profile") > "$out/$n.build" 2>&1 ||
		die "$out/$n.build: the break of $file does not compile: $script"
	KUNIT_TIMEOUT=60 scripts/kunit.sh "$profile" "$suite" > "$out/$n.log" 2> /dev/null || true
	# A case that hangs has no line of its own, but then none says that it passed.
	grep -q 'KTAP version' "build/kunit/$profile.$suite.log" ||
		die "build/kunit/$profile.$suite.log: the suite has not run with the break of $file: $script"
	for name in "$@"; do
		if grep -q "^ok - kunit $profile $suite $name$" "$out/$n.log"; then missed+=" $name"; fi
	done
	if [ -z "$missed" ]; then
		echo "ok - break $n, $file: caught by $*"
	else
		echo "not ok - break $n, $file, $script: not caught by$missed"
		failed=1
	fi
	mend
	built[$(profile_kernel "$profile")]=$profile
}

mkdir -p "$out"
n=0
while IFS='|' read -r file script where cases; do
	case $file in '' | '#'*) continue ;; esac
	n=$((n + 1))
	if [ $# -gt 0 ] && [[ " $* " != *" $n "* ]]; then continue; fi
	script=${script# }
	# shellcheck disable=SC2086
	run_break "$n" "${file% }" "${script% }" $where $cases
done < "$table"
for profile in "${built[@]}"; do
	# shellcheck disable=SC2046
	ARCH=$(profile_arch "$profile") O=$(profile_kernel "$profile") scripts/kernel.sh $(profile_fragments "$profile") > "$out/build" 2>&1
done

named=$(sed '/^#/d; s/.*|//' "$table" | xargs -n 1 | sort -u)
all=$(sed -n 's/^\tKUNIT_CASE\(_SLOW\)*(\(.*\)),$/\2/p' kernel/dma/tests/*_kunit.c | sort -u)
for name in $(comm -13 <(echo "$named") <(echo "$all")); do
	echo "not ok - break: no line of $table makes $name fail"
	failed=1
done
exit "$failed"
