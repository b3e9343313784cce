# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash disable=SC2154
#
# Sourced by scripts/guests/nvme/init.sh, beside count.sh: the order in which a batch of
# requests gives its reservations up, flushes, and ends. No request ends before the flush,
# as the device could still write to its memory.

# trace_batches <0 or 1>: by events, as more probes would have probes missed
trace_batches() {
	for event in dma/dma_iova_batch_destroy dma/dma_iova_batch_flush block/block_rq_complete; do
		echo "$1" >"$tracing/events/$event/enable"
	done
}

# An interrupt may come in the middle of the batch of a poll, with a batch of its own. The
# trace has lost nothing, and has batches where they are made: in strict mode, if nothing may
# be bounced.
flushed_before_end() {
	local least=0

	trace_batches 0
	if is_strict "$plain" && ! grep -qsx removable "$(pci_of "$plain")/removable"; then least=1; fi
	awk -v least=$least '
		/entries-in-buffer/ { lost = $3; split($3, n, "/"); if (n[1] != n[2]) bad = 1 }
		{ sub(/^[^[]*\[/, ""); context = $1 substr($2, 3, 1) }
		$4 == "dma_iova_batch_destroy:" { left[context] = 1; batches++ }
		$4 == "dma_iova_batch_flush:" { left[context] = 0 }
		$4 == "block_rq_complete:" { ends++; if (left[context]) { print; bad = 1 } }
		END {
			print batches + 0 " reservations in batches, " ends + 0 " requests, " lost " events"
			exit bad || !ends || batches < least
		}' "$tracing/trace"
}
