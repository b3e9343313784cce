// SPDX-License-Identifier: GPL-2.0
/*
 * Packets, as in a network driver: a header, which is mapped by itself, and a
 * payload in fragments. If the fragments meet on boundaries of granules, they
 * are linked into one reservation, and the device sees one range. If not, or if
 * that fails, each is mapped with dma_map_phys().
 */
#include "edu.h"

#define NR_FRAGS	3
#define HEAD_SIZE	66

struct frag {
	unsigned int offset;	/* in its page */
	unsigned int len;
};

/* They fill all the pages between the first one's start and the last one's end. */
static const struct frag whole_frags[NR_FRAGS] = {
	{ PAGE_SIZE - 1449, 1449 }, { 0, PAGE_SIZE }, { 0, 1001 },
};

static const struct frag odd_frags[NR_FRAGS] = {
	{ 7, 1448 }, { 1455, 1449 }, { 0, 701 },
};

struct packet {
	const struct frag *frags;
	void *head;
	void *pages[NR_FRAGS];		/* of each fragment */
	dma_addr_t head_addr;
	dma_addr_t addrs[NR_FRAGS];
};

/* What a driver keeps until a packet has been sent, if there is a reservation */
struct sent {
	struct dma_iova_state state;
	size_t len;
};

static phys_addr_t frag_phys(const struct packet *pkt, unsigned int i)
{
	return virt_to_phys(pkt->pages[i]) + pkt->frags[i].offset;
}

static size_t payload_len(const struct packet *pkt)
{
	size_t len = 0;
	unsigned int i;

	for (i = 0; i < NR_FRAGS; i++)
		len += pkt->frags[i].len;
	return len;
}

/* Both sides of each seam are on a granule. */
static bool can_link(struct edu *edu, const struct packet *pkt)
{
	unsigned long mask = dma_get_merge_boundary(edu->dev);
	unsigned int i;

	for (i = 1; i < NR_FRAGS; i++) {
		if ((frag_phys(pkt, i - 1) + pkt->frags[i - 1].len) & mask ||
		    frag_phys(pkt, i) & mask)
			return false;
	}
	return true;
}

/* All of the fragments or none: the state has no reservation then. */
static bool link_frags(struct edu *edu, struct packet *pkt, struct sent *sent)
{
	struct dma_iova_state *state = &sent->state;
	size_t linked = 0;
	unsigned int i;

	sent->len = payload_len(pkt);
	if (!can_link(edu, pkt) ||
	    !dma_iova_try_alloc(edu->dev, state, frag_phys(pkt, 0), sent->len))
		return false;

	for (i = 0; i < NR_FRAGS; i++) {
		if (dma_iova_link(edu->dev, state, frag_phys(pkt, i), linked,
				  pkt->frags[i].len, DMA_TO_DEVICE, 0))
			goto err_destroy;
		pkt->addrs[i] = state->addr + linked;
		linked += pkt->frags[i].len;
	}
	if (!dma_iova_sync(edu->dev, state, 0, linked))
		return true;
err_destroy:
	dma_iova_destroy(edu->dev, state, linked, DMA_TO_DEVICE, 0);
	memset(state, 0, sizeof(*state));
	return false;
}

static void unmap_frags(struct edu *edu, struct packet *pkt, unsigned int nr)
{
	while (nr--)
		dma_unmap_phys(edu->dev, pkt->addrs[nr], pkt->frags[nr].len,
			       DMA_TO_DEVICE, 0);
}

static int map_frags(struct edu *edu, struct packet *pkt)
{
	unsigned int i;

	edu->doing = "map each fragment";
	for (i = 0; i < NR_FRAGS; i++) {
		pkt->addrs[i] = dma_map_phys(edu->dev, frag_phys(pkt, i),
					     pkt->frags[i].len, DMA_TO_DEVICE,
					     0);
		if (dma_mapping_error(edu->dev, pkt->addrs[i])) {
			unmap_frags(edu, pkt, i);
			return -ENOMEM;
		}
	}
	return 0;
}

static void unmap_packet(struct edu *edu, struct packet *pkt, struct sent *sent)
{
	if (dma_use_iova(&sent->state))
		dma_iova_destroy(edu->dev, &sent->state, sent->len,
				 DMA_TO_DEVICE, 0);
	else
		unmap_frags(edu, pkt, NR_FRAGS);
	dma_unmap_phys(edu->dev, pkt->head_addr, HEAD_SIZE, DMA_TO_DEVICE, 0);
}

static int map_packet(struct edu *edu, struct packet *pkt, struct sent *sent)
{
	int err;

	edu->doing = "map the header";
	pkt->head_addr = dma_map_phys(edu->dev, virt_to_phys(pkt->head),
				      HEAD_SIZE, DMA_TO_DEVICE, 0);
	if (dma_mapping_error(edu->dev, pkt->head_addr))
		return -ENOMEM;
	if (link_frags(edu, pkt, sent))
		return 0;

	err = map_frags(edu, pkt);
	if (err)
		dma_unmap_phys(edu->dev, pkt->head_addr, HEAD_SIZE,
			       DMA_TO_DEVICE, 0);
	return err;
}

static int send_packet(struct edu *edu, const struct frag *frags, bool linked)
{
	struct packet pkt = { .frags = frags };
	struct sent sent = { };
	unsigned int i;
	int err;

	err = edu_alloc_pages(edu, pkt.pages, NR_FRAGS) ?:
	      edu_alloc_pages(edu, &pkt.head, 1);
	if (err)
		return err;
	pkt.head += 2;	/* so that what follows the Ethernet header is aligned */

	err = map_packet(edu, &pkt, &sent);
	if (err)
		return err;

	err = edu_read(edu, pkt.head_addr, pkt.head, HEAD_SIZE);
	for (i = 0; i < NR_FRAGS && !err; i++)
		err = edu_read(edu, pkt.addrs[i],
			       pkt.pages[i] + frags[i].offset, frags[i].len);
	if (!err && dma_use_iova(&sent.state) != linked) {
		edu->doing = linked ? "link the fragments" :
				      "leave odd fragments alone";
		err = -EOPNOTSUPP;
	}
	unmap_packet(edu, &pkt, &sent);
	return err;
}

static int fragments_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct edu edu;
	int err;

	err = edu_enable(&edu, pdev);
	if (!err)
		err = send_packet(&edu, whole_frags, edu_behind_iommu(&edu)) ?:
		      send_packet(&edu, odd_frags, false);
	return edu_report(&edu, err);
}

static const struct pci_device_id fragments_ids[] = {
	{ PCI_DEVICE(EDU_VENDOR, EDU_DEVICE) },
	{ }
};

static struct pci_driver fragments_driver = {
	.name		= "edu-fragments",
	.id_table	= fragments_ids,
	.probe		= fragments_probe,
};
module_pci_driver(fragments_driver);

MODULE_DESCRIPTION("Two-step DMA mapping: packets of fragments");
MODULE_LICENSE("GPL");
