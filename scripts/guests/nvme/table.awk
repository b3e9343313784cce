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
function row(what, a, b, c, d, e, f, g, h, i) {
	printf "  %-27s %8s %8s %6s %7s %6s %7s %7s %9s %12s\n", what, a, b, c, d, e, f, g, h, i
}

FILENAME == ARGV[1] && /^is / { is = $2 " " $3 }
FILENAME == ARGV[1] && /^bounced / { bounced = $2 }
FILENAME == ARGV[1] && /^phase / {
	phases = $2
	requests[$2] = $3; started[$2] = $4; iovas[$2] = $5; kept[$2] = $6
	what[$2] = $0
	sub(/^phase +[0-9]+ +[0-9]+ +[0-9]+ +[0-9]+ +[0-9]+ +/, "", what[$2])
}
FILENAME == ARGV[2] {
	seen[$1 " " $2] = $3
	if ($2 ~ /^(vtd|amdvi)_/) seen[$1 " invalidated"] += $3
}

END {
	say(is == expected, "the disks are behind " expected, "they are " (is ? is : "not known"))
	if (bounce)
		say(bounced > 0, "bounce buffers are used", "there were none")
	behind_iommu = is ~ /^DMA/
	if (soak) exit failed
	row(name, "requests", "one IOVA", "pieces", "segment", "kept", "map", "unmap", "notified", "invalidated")
	for (i = 1; i <= phases; i++) {
		segment = requests[i] - started[i]
		pieces = started[i] - iovas[i]
		row(what[i], requests[i], iovas[i], pieces, segment, kept[i], traced(i, "virtio_iommu_map"),
		    traced(i, "virtio_iommu_unmap"), traced(i, "virtio_queue_notify"), traced(i, "invalidated"))
		counted = requests[i] " requests, " iovas[i] " by one IOVA, " pieces " by pieces, " segment " of one segment"

		good = requests[i] > 0 && segment >= 0 && pieces >= 0
		if (what[i] == "4 KiB")
			good = good && segment == requests[i]
		else if (what[i] ~ /one piece/) {	# a command says all
			good = good && pieces == requests[i] && kept[i] == 0
			counted = counted ", " kept[i] " ranges kept"
		} else if (what[i] ~ /P2P by switch/)	# bus addresses
			good = good && iovas[i] == 0 && traced(i, "invalidated") == 0
		else if (what[i] !~ /P2P/)
			good = good && (behind_iommu ? iovas[i] > 0 && pieces == 0 : pieces > 0 && iovas[i] == 0)
		# What the device was told is the proof that the buffers are where they should be.
		if (what[i] ~ /at 512$/) {
			good = good && traced(i, "map_addr_at_512") == requests[i]
			counted = counted ", " traced(i, "map_addr_at_512") " at 512"
		}
		if (is == "- fixed" || name !~ /virtio/)
			good = good && traced(i, "virtio_iommu_map") == 0
		else
			good = good && traced(i, "virtio_iommu_map") > 0
		say(good, "map " what[i], counted)
	}
	say(phases > 0, "count phases", "there are none")
	exit failed
}
