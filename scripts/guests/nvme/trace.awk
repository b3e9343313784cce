# SPDX-License-Identifier: GPL-2.0
#
# Counts the events that QEMU traced in each phase of the guest, which writes the phase to
# the config space of an NVMe controller. Prints lines <phase> <event> <how often> at the
# end of the trace. Addresses for a controller that are 512 bytes behind the start of a
# page count as a separate event.
function from_hex(digits,	n, i) {
	for (i = 1; i <= length(digits); i++) n = n * 16 + index("0123456789abcdef", substr(digits, i, 1)) - 1
	return n
}
$1 == "pci_cfg_write" && $2 == "nvme" && $4 == "@0x3c" { phase = from_hex(substr($NF, 3)); next }
$1 == "pci_cfg_write" || phase == 0 { next }
$1 == "pci_nvme_map_addr" && $3 ~ /200$/ { n[phase " map_addr_at_512"]++ }
{ n[phase " " $1]++ }
END { for (i in n) print i, n[i] }
