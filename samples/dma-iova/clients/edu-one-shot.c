// SPDX-License-Identifier: GPL-2.0
/*
 * One mapping per request, as in a block driver: reserve IO addresses for all
 * of the data, link the pieces, synchronise once, destroy the mapping when the
 * device is done. Without a reservation each piece is mapped alone, and its
 * address is remembered if it has to be unmapped.
 */
#include "edu.h"

#define NR_PIECES	3

/* The data begins within the first page and ends within the last. */
#define HEAD		512
#define TAIL		100
#define DATA_SIZE	(NR_PIECES * PAGE_SIZE - HEAD - TAIL)

struct piece {
	void *virt;
	size_t size;
	dma_addr_t addr;	/* what a descriptor has */
};

struct request {
	struct dma_iova_state state;
	bool need_unmap;
	enum dma_data_direction dir;
	struct piece pieces[NR_PIECES];
};

static void init_request(struct request *req, void **pages)
{
	unsigned int i;

	for (i = 0; i < NR_PIECES; i++)
		req->pieces[i] = (struct piece){ pages[i], PAGE_SIZE };
	req->pieces[0].virt += HEAD;
	req->pieces[0].size -= HEAD;
	req->pieces[NR_PIECES - 1].size -= TAIL;
}

static int link_pieces(struct edu *edu, struct request *req)
{
	size_t linked = 0;
	struct piece *p;
	int err;

	for (p = req->pieces; p < req->pieces + NR_PIECES; p++) {
		edu->doing = "link";
		err = dma_iova_link(edu->dev, &req->state, virt_to_phys(p->virt),
				    linked, p->size, req->dir, 0);
		if (err)
			goto err_destroy;
		p->addr = req->state.addr + linked;
		linked += p->size;
	}

	edu->doing = "synchronise";
	err = dma_iova_sync(edu->dev, &req->state, 0, linked);
	if (!err)
		return 0;
err_destroy:
	dma_iova_destroy(edu->dev, &req->state, linked, req->dir, 0);
	return err;
}

static int map_pieces(struct edu *edu, struct request *req)
{
	struct piece *p;

	edu->doing = "map each piece";
	for (p = req->pieces; p < req->pieces + NR_PIECES; p++) {
		p->addr = dma_map_phys(edu->dev, virt_to_phys(p->virt), p->size,
				       req->dir, 0);
		if (dma_mapping_error(edu->dev, p->addr))
			goto err_unmap;
	}
	req->need_unmap = dma_need_unmap(edu->dev);
	return 0;

err_unmap:
	while (p-- > req->pieces)
		dma_unmap_phys(edu->dev, p->addr, p->size, req->dir, 0);
	return -ENOMEM;
}

/* The state may be an old one if no reservation is asked for. */
static int map_request(struct edu *edu, struct request *req, bool reserve)
{
	memset(&req->state, 0, sizeof(req->state));
	if (!reserve)
		return map_pieces(edu, req);

	edu->doing = "reserve";
	if (dma_iova_try_alloc(edu->dev, &req->state,
			       virt_to_phys(req->pieces[0].virt), DATA_SIZE))
		return link_pieces(edu, req);
	if (edu_behind_iommu(edu))
		return -EOPNOTSUPP;
	return map_pieces(edu, req);
}

static void unmap_request(struct edu *edu, struct request *req)
{
	struct piece *p;

	if (dma_use_iova(&req->state)) {
		dma_iova_destroy(edu->dev, &req->state, DATA_SIZE, req->dir, 0);
		return;
	}
	if (!req->need_unmap)
		return;
	for (p = req->pieces; p < req->pieces + NR_PIECES; p++)
		dma_unmap_phys(edu->dev, p->addr, p->size, req->dir, 0);
}

/* The device reads the request's pages. */
static int do_write(struct edu *edu, struct request *req, bool reserve)
{
	unsigned int i;
	int err;

	req->dir = DMA_TO_DEVICE;
	err = map_request(edu, req, reserve);
	if (err)
		return err;
	for (i = 0; i < NR_PIECES && !err; i++)
		err = edu_read(edu, req->pieces[i].addr, req->pieces[i].virt,
			       req->pieces[i].size);
	unmap_request(edu, req);
	return err;
}

/* The device fills the request's pages. */
static int do_read(struct edu *edu, struct request *req, void **data,
		   bool reserve)
{
	unsigned int i;
	int err;

	edu_randomise(data, NR_PIECES);
	req->dir = DMA_FROM_DEVICE;
	err = map_request(edu, req, reserve);
	if (err)
		return err;
	for (i = 0; i < NR_PIECES && !err; i++)
		err = edu_write(edu, req->pieces[i].addr, data[i],
				req->pieces[i].size);
	unmap_request(edu, req);

	for (i = 0; i < NR_PIECES && !err; i++)
		err = edu_compare(edu, req->pieces[i].virt, data[i],
				  req->pieces[i].size);
	return err;
}

static int do_requests(struct edu *edu)
{
	struct request req = { };
	void *pages[NR_PIECES];
	void *data[NR_PIECES];
	int err;

	err = edu_alloc_pages(edu, pages, NR_PIECES) ?:
	      edu_alloc_pages(edu, data, NR_PIECES);
	if (err)
		return err;

	init_request(&req, pages);
	return do_write(edu, &req, true) ?:
	       do_read(edu, &req, data, true) ?:
	       do_write(edu, &req, false) ?:
	       do_read(edu, &req, data, false);
}

static int one_shot_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct edu edu;

	return edu_report(&edu, edu_enable(&edu, pdev) ?: do_requests(&edu));
}

static const struct pci_device_id one_shot_ids[] = {
	{ PCI_DEVICE(EDU_VENDOR, EDU_DEVICE) },
	{ }
};

static struct pci_driver one_shot_driver = {
	.name		= "edu-one-shot",
	.id_table	= one_shot_ids,
	.probe		= one_shot_probe,
};
module_pci_driver(one_shot_driver);

MODULE_DESCRIPTION("Two-step DMA mapping: one mapping per request");
MODULE_LICENSE("GPL");
