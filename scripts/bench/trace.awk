# SPDX-License-Identifier: GPL-2.0
#
# Counts the events that QEMU traced in each phase of the guest. dma_iova_bench.ko writes
# the phase to the interrupt line of the edu device. Prints lines <phase> <event> <how
# often> at the end. Of the registers of an SMMU, only the one for new commands counts.
$1 == "pci_cfg_write" && $2 == "edu" && $4 == "@0x3c" { phase = substr($NF, 3); next }
$1 == "pci_cfg_write" || phase == 0 { next }
$1 == "smmuv3_write_mmio" && $3 != "0x98" { next }
{ n[phase " " $1]++ }
END { for (i in n) print i, n[i] }
