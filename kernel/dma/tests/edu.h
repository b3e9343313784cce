/* SPDX-License-Identifier: GPL-2.0 */
/*
 * QEMU's educational device as a DMA engine for tests: it moves up to 4 KiB
 * between DMA addresses and a buffer of its own, through whatever IOMMU it is
 * behind.
 */
#ifndef _DMA_TESTS_EDU_H
#define _DMA_TESTS_EDU_H

#include <kunit/test.h>
#include <linux/pci.h>

#define EDU_VENDOR	0x1234
#define EDU_DEVICE	0x11e8

/*
 * Most that is moved at once. The device's buffer has 4096 bytes, and QEMU
 * aborts when a transfer ends exactly at its end.
 */
#define EDU_CHUNK	2048

struct edu {
	struct pci_dev *pdev;
	struct device *dev;
	void __iomem *regs;
};

/* The device, for the rest of the test; skips the test if there is none. */
struct edu *edu_get(struct kunit *test);

/* Unbind the driver again, for a test that brings its own. */
void edu_release(struct kunit *test);

/* Have the device read @size bytes from @src and write them to @dst. */
void edu_copy(struct kunit *test, struct edu *edu, dma_addr_t dst,
	      dma_addr_t src, size_t size);

/* Have the device fill its buffer from @src, or write it to @dst. */
void edu_load(struct kunit *test, struct edu *edu, dma_addr_t src, size_t size);
void edu_store(struct kunit *test, struct edu *edu, dma_addr_t dst,
	       size_t size);

#endif /* _DMA_TESTS_EDU_H */
