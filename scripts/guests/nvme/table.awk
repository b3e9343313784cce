# SPDX-License-Identifier: GPL-2.0
#
# awk -f this -v name=<machine> -v soak=<seconds or nothing> -v expected='<domain type> <fixed or removable>'
# -v bounce=<anything, if bounce buffers are forced> <results> <counts>: the table of a
# machine, and what must be true of it as lines ok - or not ok -.
function say(good, what, why) {
	print (good ? "ok" : "not ok") " - nvme " name " " what (good ? "" : ": " why)
	if (!good) failed = 1
}
function traced(phase, event) { return 0 + seen[phase " " event] }
function waits_in(phase) {
	return traced(phase, "vtd_inv_desc_wait_sw") + traced(phase, "amdvi_completion_wait")
}
function row(what, a, b, c, d, e, f, g, h, i, j) {
	printf "  %-27s %8s %8s %6s %7s %6s %7s %7s %9s %12s %6s\n", what, a, b, c, d, e, f, g, h, i, j
}

# In strict mode each interrupt, or poll that finds something, ends with one wait for each
# 16 reservations of its requests, or part of 16, and only what was mapped is invalidated.
# Metadata is a second reservation. An IOMMU that caches entries that are not present, as
# QEMU's of AMD does, waits when it maps as well.
function judge_waits(phase,	waits, interrupts, reservations, most) {
	waits = waits_in(phase)
	interrupts = traced(phase, "pci_nvme_irq_msix")
	reservations = requests[phase] * (what[phase] ~ /metadata/ ? 2 : 1)
	if (name ~ /^amd|caching/) waits -= reservations
	most = interrupts + polls[phase] + reservations / 16
	say(waits > 0 && waits <= most && !traced(phase, "vtd_inv_desc_iotlb_domain"), \
	    "wait once for several: " what[phase], \
	    sprintf("%d requests, %d waits, %d interrupts, %d polls, %d invalidations of the domain", requests[phase], waits, interrupts, polls[phase], traced(phase, "vtd_inv_desc_iotlb_domain")))
}

FILENAME == ARGV[1] && /^is / { is = $2 " " $3 }
FILENAME == ARGV[1] && /^bounced / { bounced = $2 }
FILENAME == ARGV[1] && /^phase / {
	phases = $2
	requests[$2] = $3; started[$2] = $4; iovas[$2] = $5; kept[$2] = $6; polls[$2] = $7
	what[$2] = $0
	sub(/^phase +[0-9]+ +[0-9]+ +[0-9]+ +[0-9]+ +[0-9]+ +[0-9]+ +/, "", what[$2])
}
FILENAME == ARGV[2] {
	seen[$1 " " $2] = $3
	if ($2 ~ /^vtd_inv_desc_iotlb|^amdvi_pages/) seen[$1 " invalidated"] += $3
}

END {
	say(is == expected, "the disks are behind " expected, "they are " (is ? is : "not known"))
	if (bounce)
		say(bounced > 0, "bounce buffers are used", "there were none")
	behind_iommu = is ~ /^DMA/
	if (soak) exit failed
	row(name, "requests", "one IOVA", "pieces", "segment", "kept", "map", "unmap", "notified", "invalidated", "waits")
	for (i = 1; i <= phases; i++) {
		segment = requests[i] - started[i]
		pieces = (behind_iommu ? requests[i] : started[i]) - iovas[i]
		row(what[i], requests[i], iovas[i], pieces, segment, kept[i], traced(i, "virtio_iommu_map"),
		    traced(i, "virtio_iommu_unmap"), traced(i, "virtio_queue_notify"), traced(i, "invalidated"), waits_in(i))
		counted = requests[i] " requests, " iovas[i] " by one IOVA, " pieces " by pieces; " segment " of one segment"

		good = requests[i] > 0 && segment >= 0 && pieces >= 0
		if (what[i] ~ /^4 KiB(, 32 (together|polled))?$/)
			good = good && segment == requests[i] && iovas[i] == (behind_iommu ? requests[i] : 0)
		else if (what[i] ~ /scheduled/)		# neighbours may have been merged
			good = good && iovas[i] == (behind_iommu ? requests[i] : 0)
		else if (what[i] ~ /one piece/) {	# a command says all
			good = good && pieces == requests[i] && kept[i] == 0
			counted = counted ", " kept[i] " ranges kept"
		} else if (what[i] ~ /P2P by switch/)	# bus addresses
			good = good && iovas[i] == 0 && traced(i, "invalidated") == 0
		else if (what[i] !~ /P2P/)
			good = good && (behind_iommu ? iovas[i] > 0 && pieces == 0 : pieces > 0 && iovas[i] == 0)
		# The addresses that the device got prove that the buffers are where they
		# should be.
		if (what[i] ~ /at 512$/) {
			good = good && traced(i, "map_addr_at_512") == requests[i]
			counted = counted ", " traced(i, "map_addr_at_512") " at 512"
		}
		# Not as many requests as if IO addresses that are cached limited them to 128 KiB
		if (what[i] == "1 MiB" && is ~ /^DMA.* fixed$/)
			good = good && requests[i] == 64
		if (is == "- fixed" || name !~ /virtio/)
			good = good && traced(i, "virtio_iommu_map") == 0
		else
			good = good && traced(i, "virtio_iommu_map") > 0
		if (what[i] ~ /polled/) {
			good = good && polls[i] > 0 && traced(i, "pci_nvme_irq_msix") == 0
			counted = counted ", " polls[i] " polls, " traced(i, "pci_nvme_irq_msix") " interrupts"
		}
		say(good, "map " what[i], counted)
		if (what[i] ~ /together|polled|metadata/ && is ~ /^DMA / && name ~ /^(intel|amd)/)
			judge_waits(i)
	}
	say(phases > 0, "count phases", "there are none")
	exit failed
}
