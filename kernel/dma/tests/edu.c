// SPDX-License-Identifier: GPL-2.0
/* QEMU's educational device, see docs/specs/edu in QEMU. */
#include <linux/dma-mapping.h>
#include <linux/io-64-nonatomic-lo-hi.h>
#include <linux/iopoll.h>

#include "edu.h"

#define EDU_DMA_SRC	0x80
#define EDU_DMA_DST	0x88
#define EDU_DMA_CNT	0x90
#define EDU_DMA_CMD	0x98
#define EDU_DMA_RUN	BIT(0)
#define EDU_DMA_TO_RAM	BIT(1)

/* The address at which the device sees its own buffer */
#define EDU_BUFFER	0x40000

/*
 * The device takes 100 ms for a transfer, whatever its size. Without -icount these
 * are of the host, which may have other work. The time-out is for a device that
 * has stopped.
 */
#define EDU_POLL_US	20000
#define EDU_TIMEOUT_US	(20 * 60 * USEC_PER_SEC)

static struct edu *edu_bound;

static int edu_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct edu *edu;
	int err;

	edu = devm_kzalloc(&pdev->dev, sizeof(*edu), GFP_KERNEL);
	if (!edu)
		return -ENOMEM;

	err = pcim_enable_device(pdev);
	if (err)
		return err;

	edu->pdev = pdev;
	edu->dev = &pdev->dev;
	edu->regs = pcim_iomap(pdev, 0, 0);
	if (!edu->regs)
		return -ENOMEM;

	err = dma_set_mask_and_coherent(edu->dev, DMA_BIT_MASK(64));
	if (err)
		return err;

	pci_set_master(pdev);
	edu_bound = edu;
	return 0;
}

static void edu_remove(struct pci_dev *pdev)
{
	edu_bound = NULL;
	pci_clear_master(pdev);
}

static const struct pci_device_id edu_ids[] = {
	{ PCI_DEVICE(EDU_VENDOR, EDU_DEVICE) },
	{ }
};

/* A device is attached to its IOMMU when a driver is bound to it. */
static struct pci_driver edu_driver = {
	.name		= "dma_iova_kunit",
	.id_table	= edu_ids,
	.probe		= edu_probe,
	.remove		= edu_remove,
};

static void edu_put(void *driver)
{
	pci_unregister_driver(driver);
}

struct edu *edu_get(struct kunit *test)
{
	KUNIT_ASSERT_EQ(test, pci_register_driver(&edu_driver), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, edu_put,
							&edu_driver), 0);
	if (!edu_bound)
		kunit_skip(test, "no edu device: run QEMU with -device edu");
	return edu_bound;
}

void edu_release(struct kunit *test)
{
	kunit_release_action(test, edu_put, &edu_driver);
}

static void edu_transfer(struct kunit *test, struct edu *edu, dma_addr_t src,
			 dma_addr_t dst, size_t size, u64 cmd)
{
	u64 val;

	KUNIT_ASSERT_LE(test, size, EDU_CHUNK);
	writeq(src, edu->regs + EDU_DMA_SRC);
	writeq(dst, edu->regs + EDU_DMA_DST);
	writeq(size, edu->regs + EDU_DMA_CNT);
	writeq(cmd | EDU_DMA_RUN, edu->regs + EDU_DMA_CMD);
	KUNIT_ASSERT_EQ(test, 0,
			read_poll_timeout(readq, val, !(val & EDU_DMA_RUN),
					  EDU_POLL_US, EDU_TIMEOUT_US, false,
					  edu->regs + EDU_DMA_CMD));
}

void edu_load(struct kunit *test, struct edu *edu, dma_addr_t src, size_t size)
{
	edu_transfer(test, edu, src, EDU_BUFFER, size, 0);
}

void edu_store(struct kunit *test, struct edu *edu, dma_addr_t dst, size_t size)
{
	edu_transfer(test, edu, EDU_BUFFER, dst, size, EDU_DMA_TO_RAM);
}

void edu_copy(struct kunit *test, struct edu *edu, dma_addr_t dst,
	      dma_addr_t src, size_t size)
{
	while (size) {
		size_t len = min_t(size_t, size, EDU_CHUNK);

		edu_load(test, edu, src, len);
		edu_store(test, edu, dst, len);
		src += len;
		dst += len;
		size -= len;
	}
}
