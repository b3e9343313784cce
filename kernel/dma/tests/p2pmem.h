/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memory in a PCI device for tests of P2PDMA: that of QEMU's ivshmem-plain,
 * which is RAM that other devices reach.
 */
#ifndef _DMA_TESTS_P2PMEM_H
#define _DMA_TESTS_P2PMEM_H

#include <kunit/test.h>
#include <linux/pci.h>

/* The device, for the rest of the test; skips the test if there is none. */
struct pci_dev *p2pmem_get(struct kunit *test);

/* @nr pages of its memory, one after the other */
struct page *p2pmem_pages(struct kunit *test, struct pci_dev *pdev, int nr);

/*
 * For the rest of the test, make the host bridge look like one that is known to
 * forward from device to device. Call it before the first page is mapped.
 */
void p2pmem_allow_host_bridge(struct kunit *test, struct pci_dev *pdev);

#endif /* _DMA_TESTS_P2PMEM_H */
