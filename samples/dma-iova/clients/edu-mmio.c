// SPDX-License-Identifier: GPL-2.0
/*
 * Memory of another device, as an exporter of MMIO ranges maps it: parts of a
 * BAR of QEMU's ivshmem are linked into one reservation, with DMA_ATTR_MMIO,
 * and then mapped as one with dma_map_phys(). The edu device reads and writes
 * them. The driver does not ask pci_p2pdma whether one device reaches the
 * other, since QEMU's host bridge is not on its list.
 */
#include "edu.h"

#define IVSHMEM_DEVICE	0x1110
#define IVSHMEM_BAR	2

#define PART_SIZE	(2 * PAGE_SIZE)
#define NR_PARTS	2
#define RANGE_SIZE	(NR_PARTS * PART_SIZE)

struct window {
	struct dma_iova_state state;
	phys_addr_t phys;	/* of the BAR */
	void __iomem *bar;
	void *data;
};

/* The BAR has other contents from now on. */
static void fill_bar(struct window *win)
{
	get_random_bytes(win->data, RANGE_SIZE);
	memcpy_toio(win->bar, win->data, RANGE_SIZE);
}

static int compare_bar(struct edu *edu, struct window *win, size_t offset,
		       const void *data, size_t len)
{
	void *buf = kmalloc(len, GFP_KERNEL);
	int err;

	edu->doing = "allocate a buffer";
	if (!buf)
		return -ENOMEM;
	memcpy_fromio(buf, win->bar + offset, len);
	err = edu_compare(edu, buf, data, len);
	kfree(buf);
	return err;
}

/* The device reads a part of the BAR, then writes to it what is in another part. */
static int use_part(struct edu *edu, struct window *win, dma_addr_t addr,
		    size_t part)
{
	const void *other = win->data + RANGE_SIZE - PART_SIZE - part;

	return edu_read(edu, addr, win->data + part, PART_SIZE) ?:
	       edu_write(edu, addr, other, PART_SIZE) ?:
	       compare_bar(edu, win, part, other, PART_SIZE);
}

static int link_parts(struct edu *edu, struct window *win)
{
	size_t linked = 0;
	int err;

	/* The last part of the BAR is the first one of the range. */
	while (linked < RANGE_SIZE) {
		edu->doing = "link";
		err = dma_iova_link(edu->dev, &win->state,
				    win->phys + RANGE_SIZE - PART_SIZE - linked,
				    linked, PART_SIZE, DMA_BIDIRECTIONAL,
				    DMA_ATTR_MMIO);
		if (err)
			goto err_destroy;
		linked += PART_SIZE;
	}

	edu->doing = "synchronise";
	err = dma_iova_sync(edu->dev, &win->state, 0, linked);
	if (!err)
		return 0;
err_destroy:
	dma_iova_destroy(edu->dev, &win->state, linked, DMA_BIDIRECTIONAL,
			 DMA_ATTR_MMIO);
	return err;
}

static int use_reservation(struct edu *edu, struct window *win)
{
	int err;

	fill_bar(win);
	edu->doing = "reserve";
	if (!dma_iova_try_alloc(edu->dev, &win->state, 0, RANGE_SIZE))
		return -EOPNOTSUPP;
	err = link_parts(edu, win);
	if (err)
		return err;

	err = use_part(edu, win, win->state.addr, PART_SIZE);
	fill_bar(win);
	if (!err)
		err = use_part(edu, win, win->state.addr + PART_SIZE, 0);
	dma_iova_destroy(edu->dev, &win->state, RANGE_SIZE,
			 DMA_BIDIRECTIONAL, DMA_ATTR_MMIO);
	return err;
}

static int use_mapping(struct edu *edu, struct window *win)
{
	dma_addr_t addr;
	int err;

	fill_bar(win);
	edu->doing = "map";
	addr = dma_map_phys(edu->dev, win->phys, RANGE_SIZE, DMA_BIDIRECTIONAL,
			    DMA_ATTR_MMIO);
	if (dma_mapping_error(edu->dev, addr))
		return -ENOMEM;
	err = use_part(edu, win, addr + PART_SIZE, PART_SIZE);
	dma_unmap_phys(edu->dev, addr, RANGE_SIZE, DMA_BIDIRECTIONAL,
		       DMA_ATTR_MMIO);
	return err;
}

static int use_memory_of(struct edu *edu, struct pci_dev *peer)
{
	struct window win = { };
	int err;

	edu->doing = "map the other device's memory";
	win.data = devm_kmalloc(edu->dev, RANGE_SIZE, GFP_KERNEL);
	if (!win.data)
		return -ENOMEM;
	if (pci_resource_len(peer, IVSHMEM_BAR) < RANGE_SIZE)
		return -ENXIO;
	err = pci_enable_device(peer);
	if (err)
		return err;
	win.phys = pci_resource_start(peer, IVSHMEM_BAR);
	win.bar = pci_iomap(peer, IVSHMEM_BAR, RANGE_SIZE);
	if (win.bar) {
		err = use_reservation(edu, &win) ?: use_mapping(edu, &win);
		pci_iounmap(peer, win.bar);
	} else {
		err = -ENOMEM;
	}
	pci_disable_device(peer);
	return err;
}

static int use_mmio(struct edu *edu)
{
	struct pci_dev *peer;
	int err;

	edu->doing = "find an ivshmem device";
	peer = pci_get_device(PCI_VENDOR_ID_REDHAT_QUMRANET, IVSHMEM_DEVICE,
			      NULL);
	if (!peer)
		return -ENODEV;
	err = use_memory_of(edu, peer);
	pci_dev_put(peer);
	return err;
}

static int mmio_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct edu edu;

	return edu_report(&edu, edu_enable(&edu, pdev) ?: use_mmio(&edu));
}

static const struct pci_device_id mmio_ids[] = {
	{ PCI_DEVICE(EDU_VENDOR, EDU_DEVICE) },
	{ }
};

static struct pci_driver mmio_driver = {
	.name		= "edu-mmio",
	.id_table	= mmio_ids,
	.probe		= mmio_probe,
};
module_pci_driver(mmio_driver);

MODULE_DESCRIPTION("Two-step DMA mapping: memory of another device");
MODULE_LICENSE("GPL");
