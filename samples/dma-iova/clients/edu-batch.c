// SPDX-License-Identifier: GPL-2.0
/*
 * Several requests that begin and end together, as in a driver that fills a
 * ring before it rings the doorbell. Each request has its own reservation. All
 * pieces of all requests are linked first, then all reservations are
 * synchronised, and all mappings are destroyed after the last request is done.
 */
#include "edu.h"

#define NR_REQUESTS	4
#define NR_PAGES	2
#define REQUEST_SIZE	(NR_PAGES * PAGE_SIZE)

struct request {
	struct dma_iova_state state;
	size_t linked;
	void *pages[NR_PAGES];
};

struct batch {
	struct edu edu;
	struct request reqs[NR_REQUESTS];
	void *data[NR_PAGES];	/* what the device writes to all of them */
};

static int link_request(struct edu *edu, struct request *req)
{
	unsigned int i;
	int err;

	memset(&req->state, 0, sizeof(req->state));
	req->linked = 0;
	edu->doing = "reserve";
	if (!dma_iova_try_alloc(edu->dev, &req->state,
				virt_to_phys(req->pages[0]), REQUEST_SIZE))
		return -EOPNOTSUPP;

	for (i = 0; i < NR_PAGES; i++) {
		edu->doing = "link";
		err = dma_iova_link(edu->dev, &req->state,
				    virt_to_phys(req->pages[i]), req->linked,
				    PAGE_SIZE, DMA_FROM_DEVICE, 0);
		if (err)
			return err;
		req->linked += PAGE_SIZE;
	}
	return 0;
}

static int map_batch(struct batch *batch)
{
	struct edu *edu = &batch->edu;
	unsigned int i;
	int err = 0;

	for (i = 0; i < NR_REQUESTS && !err; i++)
		err = link_request(edu, &batch->reqs[i]);
	for (i = 0; i < NR_REQUESTS && !err; i++) {
		edu->doing = "synchronise";
		err = dma_iova_sync(edu->dev, &batch->reqs[i].state, 0,
				    batch->reqs[i].linked);
	}
	return err;
}

/* Unmaps what has been mapped. After an error that is not all. */
static void unmap_batch(struct batch *batch)
{
	unsigned int i;

	for (i = 0; i < NR_REQUESTS; i++) {
		struct request *req = &batch->reqs[i];

		if (dma_use_iova(&req->state))
			dma_iova_destroy(batch->edu.dev, &req->state,
					 req->linked, DMA_FROM_DEVICE, 0);
	}
}

/* A page for each transfer, in turns: the device does not end one before the next. */
static int use_batch(struct batch *batch)
{
	unsigned int i, page;
	int err = 0;

	for (page = 0; page < NR_PAGES; page++) {
		for (i = 0; i < NR_REQUESTS && !err; i++)
			err = edu_write(&batch->edu,
					batch->reqs[i].state.addr +
					page * PAGE_SIZE,
					batch->data[(page + i) % NR_PAGES],
					PAGE_SIZE);
	}
	return err;
}

static int compare_batch(struct batch *batch)
{
	unsigned int i, page;
	int err = 0;

	for (page = 0; page < NR_PAGES; page++) {
		for (i = 0; i < NR_REQUESTS && !err; i++)
			err = edu_compare(&batch->edu,
					  batch->reqs[i].pages[page],
					  batch->data[(page + i) % NR_PAGES],
					  PAGE_SIZE);
	}
	return err;
}

static int do_batch(struct batch *batch)
{
	struct edu *edu = &batch->edu;
	unsigned int i;
	int err;

	err = edu_alloc_pages(edu, batch->data, NR_PAGES);
	for (i = 0; i < NR_REQUESTS && !err; i++)
		err = edu_alloc_pages(edu, batch->reqs[i].pages, NR_PAGES);
	if (err)
		return err;

	err = map_batch(batch);
	if (!err)
		err = use_batch(batch);
	unmap_batch(batch);
	return err ?: compare_batch(batch);
}

static int batch_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct batch *batch = devm_kzalloc(&pdev->dev, sizeof(*batch),
					   GFP_KERNEL);

	if (!batch)
		return -ENOMEM;
	return edu_report(&batch->edu,
			  edu_enable(&batch->edu, pdev) ?: do_batch(batch));
}

static const struct pci_device_id batch_ids[] = {
	{ PCI_DEVICE(EDU_VENDOR, EDU_DEVICE) },
	{ }
};

static struct pci_driver batch_driver = {
	.name		= "edu-batch",
	.id_table	= batch_ids,
	.probe		= batch_probe,
};
module_pci_driver(batch_driver);

MODULE_DESCRIPTION("Two-step DMA mapping: several reservations together");
MODULE_LICENSE("GPL");
