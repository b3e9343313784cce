/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the clients share: QEMU's educational device, which they have read and
 * write memory, and the one line that each of them prints.
 */
#ifndef _DMA_IOVA_CLIENTS_EDU_H
#define _DMA_IOVA_CLIENTS_EDU_H

#include <linux/dma-mapping.h>
#include <linux/io-64-nonatomic-lo-hi.h>
#include <linux/iopoll.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/random.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#define EDU_VENDOR	0x1234
#define EDU_DEVICE	0x11e8

/* Address bits that the device uses, unless QEMU has -device edu,dma_mask= */
#define EDU_ADDR_BITS	28

#define EDU_DMA_SRC	0x80
#define EDU_DMA_DST	0x88
#define EDU_DMA_CNT	0x90
#define EDU_DMA_CMD	0x98
#define EDU_DMA_RUN	BIT(0)
#define EDU_DMA_TO_RAM	BIT(1)

/* The address at which the device sees its own buffer */
#define EDU_BUFFER	0x40000

/*
 * Most bytes that the device moves at once. Its buffer has 4096, but QEMU aborts
 * when a transfer ends exactly there.
 */
#define EDU_CHUNK	2048

/*
 * The device takes 100 ms for a transfer, whatever its size. The time-out is for
 * a device that has stopped, not for a host that is slow.
 */
#define EDU_POLL_US	(10 * USEC_PER_MSEC)
#define EDU_TIMEOUT_US	(2 * 60 * USEC_PER_SEC)

struct edu {
	struct pci_dev *pdev;
	struct device *dev;
	void __iomem *regs;
	void *copy;		/* of EDU_CHUNK bytes, always mapped */
	dma_addr_t copy_addr;
	const char *doing;	/* what has failed, if something has */
};

static inline int edu_enable(struct edu *edu, struct pci_dev *pdev)
{
	int err;

	edu->pdev = pdev;
	edu->dev = &pdev->dev;
	edu->doing = "enable the device";

	err = pcim_enable_device(pdev);
	if (err)
		return err;
	edu->regs = pcim_iomap_region(pdev, 0, KBUILD_MODNAME);
	if (IS_ERR(edu->regs))
		return PTR_ERR(edu->regs);
	err = dma_set_mask_and_coherent(edu->dev, DMA_BIT_MASK(EDU_ADDR_BITS));
	if (err)
		return err;
	edu->copy = dmam_alloc_coherent(edu->dev, EDU_CHUNK, &edu->copy_addr,
					GFP_KERNEL);
	if (!edu->copy)
		return -ENOMEM;
	pci_set_master(pdev);
	return 0;
}

/* The line of the client. Returns @err, for probe() to return. */
static inline int edu_report(const struct edu *edu, int err)
{
	const char *name = dev_driver_string(edu->dev);

	if (err)
		dev_err(edu->dev, "%s: failed: %s: %d\n", name, edu->doing, err);
	else
		dev_info(edu->dev, "%s: ok\n", name);
	return err;
}

/*
 * Behind an IOMMU a client must get its reservation, or it would pass without
 * having used the API.
 */
static inline bool edu_behind_iommu(const struct edu *edu)
{
	return dma_get_merge_boundary(edu->dev);
}

static inline void edu_randomise(void **pages, unsigned int nr)
{
	while (nr--)
		get_random_bytes(pages[nr], PAGE_SIZE);
}

/*
 * Pages with random contents, until the driver is unbound. Only the first one of
 * each allocation is used, so that no two of them are neighbours in memory.
 */
static inline int edu_alloc_pages(struct edu *edu, void **pages, unsigned int nr)
{
	unsigned int i;

	edu->doing = "allocate pages";
	for (i = 0; i < nr; i++) {
		pages[i] = (void *)devm_get_free_pages(edu->dev, GFP_KERNEL, 1);
		if (!pages[i])
			return -ENOMEM;
	}
	edu_randomise(pages, nr);
	return 0;
}

/* Have the device fill its buffer from @src, or write it to @dst. */
static inline int edu_move(struct edu *edu, u64 src, u64 dst, size_t len, u64 cmd)
{
	u64 val;
	int err;

	writeq(src, edu->regs + EDU_DMA_SRC);
	writeq(dst, edu->regs + EDU_DMA_DST);
	writeq(len, edu->regs + EDU_DMA_CNT);
	writeq(cmd | EDU_DMA_RUN, edu->regs + EDU_DMA_CMD);
	err = read_poll_timeout(readq, val, !(val & EDU_DMA_RUN), EDU_POLL_US,
				EDU_TIMEOUT_US, false, edu->regs + EDU_DMA_CMD);
	/* The memory is given back next: a late transfer must not reach it. */
	if (err)
		pci_clear_master(edu->pdev);
	return err;
}

static inline int edu_copy(struct edu *edu, dma_addr_t src, dma_addr_t dst,
			   size_t len)
{
	return edu_move(edu, src, EDU_BUFFER, len, 0) ?:
	       edu_move(edu, EDU_BUFFER, dst, len, EDU_DMA_TO_RAM);
}

/* Have the device read @addr, where it must find @data. */
static inline int edu_read(struct edu *edu, dma_addr_t addr, const void *data,
			   size_t len)
{
	size_t done, n;
	int err;

	edu->doing = "have the device read";
	for (done = 0; done < len; done += n) {
		n = min_t(size_t, len - done, EDU_CHUNK);
		err = edu_copy(edu, addr + done, edu->copy_addr, n);
		if (err)
			return err;
		if (memcmp(edu->copy, data + done, n))
			return -EBADMSG;
	}
	return 0;
}

/* Have the device write @data to @addr. */
static inline int edu_write(struct edu *edu, dma_addr_t addr, const void *data,
			    size_t len)
{
	size_t done, n;
	int err;

	edu->doing = "have the device write";
	for (done = 0; done < len; done += n) {
		n = min_t(size_t, len - done, EDU_CHUNK);
		memcpy(edu->copy, data + done, n);
		err = edu_copy(edu, edu->copy_addr, addr + done, n);
		if (err)
			return err;
	}
	return 0;
}

/* 0 if the device has written @data, else -EBADMSG */
static inline int edu_compare(struct edu *edu, const void *written,
			      const void *data, size_t len)
{
	edu->doing = "compare what the device has written";
	return memcmp(written, data, len) ? -EBADMSG : 0;
}

#endif /* _DMA_IOVA_CLIENTS_EDU_H */
