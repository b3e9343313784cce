// SPDX-License-Identifier: GPL-2.0
/*
 * Single pages in a long-lived range, as for on-demand paging: reserve IO
 * addresses for a whole region; link a page when the device is about to use it,
 * and synchronise only that page; unlink it when the memory behind it changes,
 * and link the new page. The device uses the other pages all the time.
 */
#include "edu.h"

#define NR_PAGES	8

struct region {
	struct edu edu;
	struct dma_iova_state state;
	unsigned long present;	/* a bit for each page that is linked */
	void *pages[NR_PAGES];
};

static int fault_page(struct region *region, unsigned int i)
{
	size_t offset = i * PAGE_SIZE;
	struct edu *edu = &region->edu;
	int err;

	edu->doing = "link a page";
	err = dma_iova_link(edu->dev, &region->state,
			    virt_to_phys(region->pages[i]), offset, PAGE_SIZE,
			    DMA_BIDIRECTIONAL, 0);
	if (err)
		return err;

	edu->doing = "synchronise a page";
	err = dma_iova_sync(edu->dev, &region->state, offset, PAGE_SIZE);
	if (err) {
		dma_iova_unlink(edu->dev, &region->state, offset, PAGE_SIZE,
				DMA_BIDIRECTIONAL, 0);
		return err;
	}
	region->present |= BIT(i);
	return 0;
}

static void invalidate_page(struct region *region, unsigned int i)
{
	dma_iova_unlink(region->edu.dev, &region->state, i * PAGE_SIZE, PAGE_SIZE,
			DMA_BIDIRECTIONAL, 0);
	region->present &= ~BIT(i);
}

static void free_region(struct region *region)
{
	unsigned int i;

	for (i = 0; i < NR_PAGES; i++) {
		if (region->present & BIT(i))
			invalidate_page(region, i);
	}
	dma_iova_free(region->edu.dev, &region->state);
}

static int read_page(struct region *region, unsigned int i)
{
	int err = 0;

	if (!(region->present & BIT(i)))
		err = fault_page(region, i);
	return err ?: edu_read(&region->edu,
			       region->state.addr + i * PAGE_SIZE,
			       region->pages[i], PAGE_SIZE);
}

/*
 * The pages of the region have neighbours that are linked and such that are not.
 * Two of them change places, so that the device must not see what was there.
 */
static int use_region(struct region *region)
{
	static const unsigned int order[] = { 5, 0, 6, 2, 7 };
	unsigned int i;
	int err = 0;

	for (i = 0; i < ARRAY_SIZE(order) && !err; i++)
		err = read_page(region, order[i]);
	if (err)
		return err;

	invalidate_page(region, 0);
	invalidate_page(region, 6);
	swap(region->pages[0], region->pages[6]);

	for (i = 0; i < ARRAY_SIZE(order) && !err; i++)
		err = read_page(region, order[i]);
	return err;
}

/* What is linked at the end stays so until the driver is unbound. */
static int start(struct region *region)
{
	struct edu *edu = &region->edu;
	int err;

	err = edu_alloc_pages(edu, region->pages, NR_PAGES);
	if (err)
		return err;

	edu->doing = "reserve";
	if (!dma_iova_try_alloc(edu->dev, &region->state, 0,
				NR_PAGES * PAGE_SIZE))
		return -EOPNOTSUPP;
	err = use_region(region);
	if (err)
		free_region(region);
	return err;
}

static int single_pages_probe(struct pci_dev *pdev,
			      const struct pci_device_id *id)
{
	struct region *region = devm_kzalloc(&pdev->dev, sizeof(*region),
					     GFP_KERNEL);

	if (!region)
		return -ENOMEM;
	pci_set_drvdata(pdev, region);
	return edu_report(&region->edu,
			  edu_enable(&region->edu, pdev) ?: start(region));
}

static void single_pages_remove(struct pci_dev *pdev)
{
	free_region(pci_get_drvdata(pdev));
}

static const struct pci_device_id single_pages_ids[] = {
	{ PCI_DEVICE(EDU_VENDOR, EDU_DEVICE) },
	{ }
};

static struct pci_driver single_pages_driver = {
	.name		= "edu-single-pages",
	.id_table	= single_pages_ids,
	.probe		= single_pages_probe,
	.remove		= single_pages_remove,
};
module_pci_driver(single_pages_driver);

MODULE_DESCRIPTION("Two-step DMA mapping: pages that come and go");
MODULE_LICENSE("GPL");
