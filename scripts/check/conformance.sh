#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# conformance.sh <tree>: the suites of the public API, built into <tree>, mainline's, on
# the machines of configs/conformance, there and here. A line for each case that fails.
# One that fails there has its reason in mainline/differences. Writes the page of the
# documentation that compares them.
set -euo pipefail
. "$(dirname "$0")/../lib/repo.sh"
. scripts/lib/guest.sh
. scripts/lib/progress.sh
. scripts/guests/kunit/boot.sh

peer=${1-}
out=build/conformance
page=Documentation/core-api/dma-iova-conformance.rst

# run_machine <machine>: all that the two kernels say of it
# shellcheck disable=SC2317 # run_jobs calls it
run_machine()
{
	local kernel dir rc=0 wrong
	# It counts bounce buffers only if it is asked to.
	declare -A args=([test]='' [mainline]=swiotlb=track_hiwater)

	for kernel in test mainline; do
		dir=$out/$kernel/$1
		rc=0
		boot_kunit "$1" "$dir" "${image[$kernel]}" kunit_shutdown=poweroff "${args[$kernel]}" -- || rc=$?
		# What mainline's kernel complains about is not judged here.
		if [ "$kernel" = test ]; then wrong=$(complaint "$dir" "$rc"); else wrong=$(ending "$dir" "$rc"); fi
		if [ -n "$wrong" ]; then
			echo "not ok - conformance $1 $kernel: $wrong"
			return 1
		fi
		if ! awk -f scripts/check/conformance.awk "$dir/console" > "$dir/cases"; then
			echo "not ok - conformance $1 $kernel: the kernel did not finish its suites: $dir/console"
			return 1
		fi
	done
}

# results <kernel>: <suite> <case> <the worst that it came to, but skipped only if it was
# skipped everywhere> <why it is skipped: a reason of mainline.h, if there is one>
results()
{
	local name

	# A directory of a machine that the table has no more is not of this run.
	for name in $(machines configs/conformance); do cat "$out/$1/$name/cases"; done | awk '
	{ name = $1 " " $2 }
	!(name in worst) { worst[name] = "skip" }
	$3 == "fail" || $3 == "ok" && worst[name] == "skip" { worst[name] = $3 }
	$3 == "skip" {
		sub(/^[^ ]+ [^ ]+ [^ ]+ /, "")
		if (why[name] !~ /^(there is no|the documentation|the queue has no) /) why[name] = $0
	}
	END { for (name in worst) print name, worst[name], worst[name] == "skip" ? why[name] : "" }' | sort
}

scripts/tree/mainline.sh "$peer"
PEER=build/mainline/linux scripts/tree/peer.sh mainline
declare -A image=([test]=$(kernel_of test) [mainline]=$(kernel_of mainline build/peer/mainline))
version=$(kernel_version build/mainline/linux)
version=${version%.*}
mkdir -p "$out"
lock conformance
failed=0
# shellcheck disable=SC2046 # a word for each
run_jobs 'conformance machines' "$out" run_machine $(machines configs/conformance) || failed=1
results test > "$out/test.results"
results mainline > "$out/mainline.results"

awk -v version="$version" -v table="$out/table" -F '|' '
FNR == 1 { file++ }
file == 1 && !/^#/ { split($1, word, " "); sub(/^ */, "", $2); known[word[1] " " word[2]] = $2; next }
file == 1 { next }
{ split($0, word, " "); name = word[1] " " word[2]; result = word[3] }
file == 2 { ours[name] = result; next }
{
	there[name]
	why = $0
	sub(/^[^ ]+ [^ ]+ [^ ]+ ?/, "", why)
	if (result == "fail" && !(name in known)) { print "not ok - conformance " name ": fails in Linux " version ", and mainline/differences does not say why"; bad = 1 }
	if (result != "fail" && name in known) { print "not ok - conformance " name ": mainline/differences says why it fails in Linux " version ", and it does not"; bad = 1 }
	if (ours[name] != "ok") { print "not ok - conformance " name ": " (name in ours ? ours[name] : "does not run") " here"; bad = 1 }
	else print "ok - conformance " name ": " result " in Linux " version
	if (result == "fail") why = known[name]
	count[result]++
	printf "   * - %s\n     - %s\n     - %s\n     -%s\n", word[1] ": " word[2], ours[name], result, why == "" ? "" : " " why > table
}
END {
	for (name in known) if (!(name in there)) { print "not ok - conformance " name ": mainline/differences has it, and there is no such case"; bad = 1 }
	print count["ok"] + 0 " of " count["ok"] + count["fail"] + count["skip"] " cases pass in Linux " version \
		", " count["fail"] + 0 " fail, " count["skip"] + 0 " are not run" > (table ".sum")
	exit bad
}' mainline/differences "$out/test.results" "$out/mainline.results" || failed=1

{
	cat << END
.. SPDX-License-Identifier: GPL-2.0
.. made by scripts/check/conformance.sh in the repository of the series

=======================================
Conformance of two-step DMA to mainline
=======================================

The KUnit suites of the public API were built into Linux $version from the same files, and
run there and here on the same QEMU machines: without an IOMMU, behind virtio-iommu and
VT-d, with bounce buffers, and behind an IOMMU that the tests emulate in software.
$(cat "$out/table.sum").

*skip* means that mainline's API does not have what the case tests, that mainline's
documentation does not define it, or that the test cannot be run in mainline. A case
that is skipped on one machine and passes on another counts as passed. Cases that count
the requests to the IOMMU driver are an example. They are skipped behind VT-d, where
mainline's driver does not use the operations of the domain that the test replaces, and
they run behind virtio-iommu. The state after a reservation has ended is not compared:
here it is all zero, and mainline's documentation does not say.

The random sequences make no call in mainline that its documentation leaves open. A mode
of the DMA mapping benchmark for two-step mappings comes with the suites, and
\`\`make conformance\`\`, in the repository of the series, runs it on mainline behind
virtio-iommu and VT-d, and without an IOMMU, where it is refused.

.. list-table::
   :header-rows: 1
   :widths: 46 6 8 40

   * - case
     - here
     - $version
     - why
END
	cat "$out/table"
} > "$page"
cat "$out/table.sum"
exit $failed
