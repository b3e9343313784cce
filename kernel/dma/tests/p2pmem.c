// SPDX-License-Identifier: GPL-2.0
#include <linux/dma-mapping.h>
#include <linux/mm.h>
#include <linux/pci-p2pdma.h>

#include "p2pmem.h"

#define IVSHMEM_DEVICE	0x1110
#define IVSHMEM_BAR	2

/* On the list of pci_p2pdma: Xeon E5 */
#define ALLOWED_VENDOR	PCI_VENDOR_ID_INTEL
#define ALLOWED_DEVICE	0x3c00

static struct pci_dev *p2pmem_bound;

static int p2pmem_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	int err;

	err = pcim_enable_device(pdev);
	if (err)
		return err;

	err = dma_set_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(64));
	if (err)
		return err;

	err = pci_p2pdma_add_resource(pdev, IVSHMEM_BAR, 0, 0);
	if (err)
		return err;

	p2pmem_bound = pdev;
	return 0;
}

static void p2pmem_remove(struct pci_dev *pdev)
{
	p2pmem_bound = NULL;
}

static const struct pci_device_id p2pmem_ids[] = {
	{ PCI_DEVICE(PCI_VENDOR_ID_REDHAT_QUMRANET, IVSHMEM_DEVICE) },
	{ }
};

static struct pci_driver p2pmem_driver = {
	.name		= "dma_iova_kunit_p2pmem",
	.id_table	= p2pmem_ids,
	.probe		= p2pmem_probe,
	.remove		= p2pmem_remove,
};

static void p2pmem_put(void *driver)
{
	pci_unregister_driver(driver);
}

struct pci_dev *p2pmem_get(struct kunit *test)
{
	KUNIT_ASSERT_EQ(test, pci_register_driver(&p2pmem_driver), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, p2pmem_put,
							&p2pmem_driver), 0);
	if (!p2pmem_bound)
		kunit_skip(test, "no memory in a PCI device: run QEMU with -device ivshmem-plain");
	return p2pmem_bound;
}

struct allocation {
	struct pci_dev *pdev;
	void *addr;
	size_t size;
};

static void p2pmem_free(void *data)
{
	struct allocation *alloc = data;

	pci_free_p2pmem(alloc->pdev, alloc->addr, alloc->size);
}

struct page *p2pmem_pages(struct kunit *test, struct pci_dev *pdev, int nr)
{
	struct allocation *alloc = kunit_kzalloc(test, sizeof(*alloc),
						 GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, alloc);
	alloc->pdev = pdev;
	alloc->size = nr * PAGE_SIZE;
	alloc->addr = pci_alloc_p2pmem(pdev, alloc->size);
	KUNIT_ASSERT_NOT_NULL(test, alloc->addr);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, p2pmem_free,
							alloc), 0);
	return virt_to_page(alloc->addr);
}

struct host_bridge {
	struct pci_dev *pdev;
	unsigned short vendor;
	unsigned short device;
};

static void p2pmem_restore_host_bridge(void *data)
{
	struct host_bridge *bridge = data;

	bridge->pdev->vendor = bridge->vendor;
	bridge->pdev->device = bridge->device;
	pci_dev_put(bridge->pdev);
}

void p2pmem_allow_host_bridge(struct kunit *test, struct pci_dev *pdev)
{
	struct host_bridge *bridge = kunit_kzalloc(test, sizeof(*bridge),
						   GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, bridge);
	bridge->pdev = pci_get_slot(pdev->bus, PCI_DEVFN(0, 0));
	KUNIT_ASSERT_NOT_NULL(test, bridge->pdev);
	bridge->vendor = bridge->pdev->vendor;
	bridge->device = bridge->pdev->device;
	bridge->pdev->vendor = ALLOWED_VENDOR;
	bridge->pdev->device = ALLOWED_DEVICE;
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test,
						  p2pmem_restore_host_bridge,
						  bridge));
}
