// SPDX-License-Identifier: GPL-2.0
/*
 * Out-of-tree module that calls every function of <linux/dma-iova.h> for QEMU's
 * edu device, and looks up in the IOMMU's page table what they have done. It
 * binds to the device only if all is as it must be, and leaves nothing mapped.
 */
#include <linux/dma-iova.h>
#include <linux/dma-mapping.h>
#include <linux/gfp.h>
#include <linux/iommu.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pci.h>

#define NR_PAGES	4
#define SIZE		(NR_PAGES * PAGE_SIZE)

static struct page *pages[NR_PAGES];

static bool is_mapped(struct device *dev, const struct dma_iova_state *state, unsigned int i)
{
	return iommu_iova_to_phys(iommu_get_domain_for_dev(dev), state->addr + i * PAGE_SIZE) ==
	       page_to_phys(pages[i]);
}

/*
 * The first page by itself, the others as an array; the last is taken away again.
 * Leaves in @linked how many bytes are linked at the end.
 */
static int use_reservation(struct device *dev, struct dma_iova_state *state, size_t *linked)
{
	struct phys_vec vec[NR_PAGES - 1];
	unsigned int i;
	int err;

	err = dma_iova_link(dev, state, page_to_phys(pages[0]), 0, PAGE_SIZE, DMA_FROM_DEVICE, 0);
	if (err)
		return err;
	*linked = PAGE_SIZE;
	for (i = 0; i < ARRAY_SIZE(vec); i++)
		vec[i] = (struct phys_vec){ page_to_phys(pages[i + 1]), PAGE_SIZE };
	err = dma_iova_link_vec(dev, state, vec, ARRAY_SIZE(vec), PAGE_SIZE, DMA_FROM_DEVICE, 0);
	if (err)
		return err;
	*linked = SIZE;
	err = dma_iova_sync(dev, state, 0, SIZE);
	if (err)
		return err;
	for (i = 0; i < NR_PAGES; i++)
		if (!is_mapped(dev, state, i))
			return -EFAULT;

	dma_iova_sync_for_cpu(dev, state, 0, SIZE, DMA_FROM_DEVICE);
	dma_iova_sync_for_device(dev, state, 0, SIZE, DMA_FROM_DEVICE);
	dma_iova_unlink(dev, state, SIZE - PAGE_SIZE, PAGE_SIZE, DMA_FROM_DEVICE, 0);
	*linked = SIZE - PAGE_SIZE;
	return is_mapped(dev, state, NR_PAGES - 1) ? -EEXIST : 0;
}

/* Takes the reservation down by the batch, if there is one. */
static int reserve_and_use(struct device *dev, struct dma_iova_batch *batch)
{
	struct dma_iova_state state;
	size_t linked = 0;
	dma_addr_t addr;
	int err;

	if (!dma_iova_try_alloc(dev, &state, page_to_phys(pages[0]), SIZE))
		return -EOPNOTSUPP;
	err = use_reservation(dev, &state, &linked);
	addr = state.addr;
	if (batch) {
		dma_iova_batch_destroy(batch, dev, &state, linked, DMA_FROM_DEVICE, 0);
		dma_iova_batch_flush(batch);
	} else {
		dma_iova_destroy(dev, &state, linked, DMA_FROM_DEVICE, 0);
	}
	if (!err && iommu_iova_to_phys(iommu_get_domain_for_dev(dev), addr))
		err = -EEXIST;
	return err;
}

static int use_all(struct device *dev)
{
	struct dma_iova_state state;
	struct dma_iova_batch batch;

	if (!dma_iova_try_alloc(dev, &state, page_to_phys(pages[0]), SIZE))
		return -EOPNOTSUPP;
	if (!dma_use_iova(&state) || dma_iova_size(&state) != SIZE)
		return -EINVAL;
	dma_iova_free(dev, &state);
	if (dma_use_iova(&state))
		return -EINVAL;

	dma_iova_batch_init(&batch);
	return reserve_and_use(dev, NULL) ?: reserve_and_use(dev, &batch);
}

static int probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	unsigned int i;
	int err = -ENOMEM;

	for (i = 0; i < NR_PAGES; i++) {
		pages[i] = alloc_page(GFP_KERNEL);
		if (!pages[i])
			goto out;
	}
	err = use_all(&pdev->dev);
	pci_info(pdev, "every function: %pe\n", ERR_PTR(err));
out:
	while (i--)
		__free_page(pages[i]);
	return err;
}

static const struct pci_device_id ids[] = {
	{ PCI_DEVICE(0x1234, 0x11e8) },
	{ }
};
MODULE_DEVICE_TABLE(pci, ids);

static struct pci_driver every_function_driver = {
	.name		= "every-function",
	.id_table	= ids,
	.probe		= probe,
};
module_pci_driver(every_function_driver);

MODULE_DESCRIPTION("Every function of the two-step API, called");
MODULE_LICENSE("GPL");
