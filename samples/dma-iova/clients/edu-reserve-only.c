// SPDX-License-Identifier: GPL-2.0
/*
 * Reservations that nothing is linked into, for a driver that needs a hole in
 * the IO address space, such as one whose firmware uses these addresses itself:
 * reserve, keep, free. Whatever is mapped meanwhile with the streaming API is
 * outside of the holes, and the device reaches it.
 */
#include "edu.h"

#define NR_PAGES	4

/* Sizes that are a page, no power of two, and ragged */
static const size_t hole_sizes[] = { PAGE_SIZE, 3 * PAGE_SIZE, SZ_64K + 100 };

/* Offset in its page of the memory that a hole would be for */
#define HOLE_OFFSET	0x40

struct holes {
	struct edu edu;
	unsigned int nr;
	struct dma_iova_state states[ARRAY_SIZE(hole_sizes)];
};

/* Whether a page at @addr is clear of the first @nr holes */
static bool outside(struct holes *holes, unsigned int nr, dma_addr_t addr,
		    size_t size)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		struct dma_iova_state *state = &holes->states[i];

		if (addr < state->addr + dma_iova_size(state) &&
		    state->addr < addr + size)
			return false;
	}
	return true;
}

static int reserve_holes(struct holes *holes)
{
	struct edu *edu = &holes->edu;

	for (; holes->nr < ARRAY_SIZE(hole_sizes); holes->nr++) {
		struct dma_iova_state *state = &holes->states[holes->nr];
		size_t size = hole_sizes[holes->nr];
		bool right;

		edu->doing = "reserve";
		if (!dma_iova_try_alloc(edu->dev, state, HOLE_OFFSET, size))
			return -EOPNOTSUPP;

		edu->doing = "check the reservation";
		right = dma_use_iova(state) && dma_iova_size(state) == size &&
			offset_in_page(state->addr) == HOLE_OFFSET &&
			state->addr + size - 1 <= DMA_BIT_MASK(EDU_ADDR_BITS) &&
			outside(holes, holes->nr, state->addr, size);
		if (!right) {
			dma_iova_free(edu->dev, state);
			return -ERANGE;
		}
	}
	return 0;
}

static void free_holes(struct holes *holes)
{
	while (holes->nr)
		dma_iova_free(holes->edu.dev, &holes->states[--holes->nr]);
}

static int use_page(struct holes *holes, void *page)
{
	struct edu *edu = &holes->edu;
	dma_addr_t addr;
	int err;

	edu->doing = "map a page";
	addr = dma_map_phys(edu->dev, virt_to_phys(page), PAGE_SIZE,
			    DMA_TO_DEVICE, 0);
	if (dma_mapping_error(edu->dev, addr))
		return -ENOMEM;

	edu->doing = "map a page outside of the holes";
	if (outside(holes, holes->nr, addr, PAGE_SIZE))
		err = edu_read(edu, addr, page, PAGE_SIZE);
	else
		err = -EEXIST;
	dma_unmap_phys(edu->dev, addr, PAGE_SIZE, DMA_TO_DEVICE, 0);
	return err;
}

static int start(struct holes *holes)
{
	void *pages[NR_PAGES];
	unsigned int i;
	int err;

	err = edu_alloc_pages(&holes->edu, pages, NR_PAGES);
	if (err)
		return err;

	err = reserve_holes(holes);
	for (i = 0; i < NR_PAGES && !err; i++)
		err = use_page(holes, pages[i]);
	if (err)
		free_holes(holes);
	return err;
}

static int reserve_only_probe(struct pci_dev *pdev,
			      const struct pci_device_id *id)
{
	struct holes *holes = devm_kzalloc(&pdev->dev, sizeof(*holes),
					   GFP_KERNEL);

	if (!holes)
		return -ENOMEM;
	pci_set_drvdata(pdev, holes);
	return edu_report(&holes->edu,
			  edu_enable(&holes->edu, pdev) ?: start(holes));
}

static void reserve_only_remove(struct pci_dev *pdev)
{
	free_holes(pci_get_drvdata(pdev));
}

static const struct pci_device_id reserve_only_ids[] = {
	{ PCI_DEVICE(EDU_VENDOR, EDU_DEVICE) },
	{ }
};

static struct pci_driver reserve_only_driver = {
	.name		= "edu-reserve-only",
	.id_table	= reserve_only_ids,
	.probe		= reserve_only_probe,
	.remove		= reserve_only_remove,
};
module_pci_driver(reserve_only_driver);

MODULE_DESCRIPTION("Two-step DMA mapping: holes in the IO address space");
MODULE_LICENSE("GPL");
