// SPDX-License-Identifier: GPL-2.0
/*
 * A range of IO addresses that lives as long as the driver, as in a driver that
 * moves buffer after buffer through one window: reserve once; link the pages of
 * a buffer, synchronise, and unlink them, again and again; free the reservation
 * when the driver is unbound.
 */
#include "edu.h"

#define NR_PAGES	3
#define NR_ROUNDS	4
#define WINDOW_SIZE	(NR_PAGES * PAGE_SIZE)

struct window {
	struct edu edu;
	struct dma_iova_state state;
	void *pages[NR_PAGES];
	void *data[NR_PAGES];	/* what the device writes */
};

static int link_pages(struct window *win, enum dma_data_direction dir)
{
	struct edu *edu = &win->edu;
	size_t linked;
	int err;

	for (linked = 0; linked < WINDOW_SIZE; linked += PAGE_SIZE) {
		edu->doing = "link";
		err = dma_iova_link(edu->dev, &win->state,
				    virt_to_phys(win->pages[linked / PAGE_SIZE]),
				    linked, PAGE_SIZE, dir, 0);
		if (err)
			goto err_unlink;
	}

	edu->doing = "synchronise";
	err = dma_iova_sync(edu->dev, &win->state, 0, linked);
	if (!err)
		return 0;
err_unlink:
	if (linked)
		dma_iova_unlink(edu->dev, &win->state, 0, linked, dir, 0);
	return err;
}

/* The window is one range for the device: page after page, without a gap. */
static int use_window(struct window *win, enum dma_data_direction dir)
{
	struct edu *edu = &win->edu;
	unsigned int i;
	int err = 0;

	for (i = 0; i < NR_PAGES && !err; i++) {
		dma_addr_t addr = win->state.addr + i * PAGE_SIZE;

		if (dir == DMA_TO_DEVICE)
			err = edu_read(edu, addr, win->pages[i], PAGE_SIZE);
		else
			err = edu_write(edu, addr, win->data[i], PAGE_SIZE);
	}
	return err;
}

static int compare_pages(struct window *win)
{
	unsigned int i;
	int err = 0;

	for (i = 0; i < NR_PAGES && !err; i++)
		err = edu_compare(&win->edu, win->pages[i], win->data[i],
				  PAGE_SIZE);
	return err;
}

/* Each round has the pages in another order, and the other direction. */
static int do_round(struct window *win, unsigned int round)
{
	enum dma_data_direction dir = round & 1 ? DMA_FROM_DEVICE : DMA_TO_DEVICE;
	int err;

	swap(win->pages[0], win->pages[1 + round % (NR_PAGES - 1)]);
	edu_randomise(win->pages, NR_PAGES);
	edu_randomise(win->data, NR_PAGES);

	err = link_pages(win, dir);
	if (err)
		return err;
	err = use_window(win, dir);
	dma_iova_unlink(win->edu.dev, &win->state, 0, WINDOW_SIZE, dir, 0);
	if (err || dir == DMA_TO_DEVICE)
		return err;
	return compare_pages(win);
}

static int start(struct window *win)
{
	struct edu *edu = &win->edu;
	unsigned int round;
	int err;

	err = edu_alloc_pages(edu, win->pages, NR_PAGES) ?:
	      edu_alloc_pages(edu, win->data, NR_PAGES);
	if (err)
		return err;

	edu->doing = "reserve";
	if (!dma_iova_try_alloc(edu->dev, &win->state, 0, WINDOW_SIZE))
		return -EOPNOTSUPP;
	for (round = 0; round < NR_ROUNDS && !err; round++)
		err = do_round(win, round);
	if (err)
		dma_iova_free(edu->dev, &win->state);
	return err;
}

static int long_lived_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct window *win = devm_kzalloc(&pdev->dev, sizeof(*win), GFP_KERNEL);

	if (!win)
		return -ENOMEM;
	pci_set_drvdata(pdev, win);
	return edu_report(&win->edu, edu_enable(&win->edu, pdev) ?: start(win));
}

static void long_lived_remove(struct pci_dev *pdev)
{
	struct window *win = pci_get_drvdata(pdev);

	dma_iova_free(&pdev->dev, &win->state);
}

static const struct pci_device_id long_lived_ids[] = {
	{ PCI_DEVICE(EDU_VENDOR, EDU_DEVICE) },
	{ }
};

static struct pci_driver long_lived_driver = {
	.name		= "edu-long-lived",
	.id_table	= long_lived_ids,
	.probe		= long_lived_probe,
	.remove		= long_lived_remove,
};
module_pci_driver(long_lived_driver);

MODULE_DESCRIPTION("Two-step DMA mapping: a range that is used again and again");
MODULE_LICENSE("GPL");
