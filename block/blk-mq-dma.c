// SPDX-License-Identifier: GPL-2.0
/*
 * DMA mapping of the data of a request, straight from its bios. It is one range
 * of IO addresses if the device's IOMMU and the shape of the data allow that,
 * and otherwise one range for each segment.
 */
#include <linux/blk-integrity.h>
#include <linux/blk-mq-dma.h>

#include "blk.h"

/*
 * Go to the next bio with data, or metadata; false if there is none. Out of
 * line, as most requests do so once.
 */
static noinline bool blk_dma_enter(struct blk_dma_iter *iter)
{
	struct bio_integrity_payload *bip;
	struct bio *bio;

	while (!iter->left.bi_size && iter->bios) {
		bio = iter->bios;
		iter->bios = bio->bi_next;
		bip = bio_integrity(bio);
		iter->bvecs = iter->integrity ? bip->bip_vec : bio->bi_io_vec;
		iter->left = iter->integrity ? bip->bip_iter : bio->bi_iter;
	}
	return iter->left.bi_size;
}

/* Whether there is data left */
static inline bool blk_dma_more(struct blk_dma_iter *iter)
{
	return likely(iter->left.bi_size) || blk_dma_enter(iter);
}

/*
 * Whether a segment is within the limits of the queue. These allow at least a
 * page, so they need not be checked for a segment within one page.
 */
static inline bool blk_dma_segment_fits(const struct queue_limits *lim,
					const struct bio_vec *seg,
					phys_addr_t phys)
{
	unsigned long mask = lim->seg_boundary_mask;

	return seg->bv_offset + seg->bv_len <= PAGE_SIZE ||
		(seg->bv_len <= lim->max_segment_size &&
		 (phys | mask) == ((phys + seg->bv_len - 1) | mask));
}

/* Where the data that is left begins */
static phys_addr_t blk_dma_left_phys(const struct blk_dma_iter *iter)
{
	return bvec_phys(&iter->bvecs[iter->left.bi_idx]) +
		iter->left.bi_bvec_done;
}

/*
 * Whether the page is of the same kind as the first one. All of a request is
 * ordinary memory, or all of it is in one PCI device: see bio_mixes_memory().
 * A request that mixes kinds would be unmapped in the wrong way.
 */
static inline bool blk_dma_same_kind(const struct blk_dma_iter *iter,
				     const struct page *page)
{
	if (likely(!is_pci_p2pdma_page(page)))
		return iter->p2pdma.map == PCI_P2PDMA_MAP_NONE;
	return iter->p2pdma.pgmap == page->pgmap;
}

/*
 * The length of the segment with what follows, as long as that is contiguous.
 * Takes everything that the limits allow, also across bios, so there are never
 * more segments than were counted before. @seg is passed by value, so that the
 * caller's segment can stay in registers.
 */
static noinline unsigned int blk_dma_merge(struct request_queue *q,
					   struct blk_dma_iter *iter,
					   struct bio_vec seg)
{
	unsigned int max = get_max_segment_size(&q->limits, bvec_phys(&seg),
						UINT_MAX);
	struct bio_vec next;

	while (seg.bv_len < max && blk_dma_more(iter)) {
		next = mp_bvec_iter_bvec(iter->bvecs, iter->left);
		next.bv_len = min(next.bv_len, max - seg.bv_len);
		if (!biovec_phys_mergeable(q, &seg, &next))
			break;
		seg.bv_len += next.bv_len;
		bvec_iter_advance_single(iter->bvecs, &iter->left, next.bv_len);
	}
	return seg.bv_len;
}

/* Returns false, for the caller to return that. */
static inline bool blk_dma_fail(struct blk_dma_iter *iter, blk_status_t status)
{
	iter->status = status;
	return false;
}

/*
 * The next segment of the data, which is physically contiguous and within the
 * limits of the queue. Neighbours are merged here, so it may be larger than the
 * block layer has counted it, but there are never more of them. Each page of
 * scattered data passes here, so the unlikely parts are out of line.
 */
static __always_inline bool
blk_dma_next_segment(struct request *req, struct blk_dma_iter *iter,
		     struct bio_vec *seg)
{
	const struct queue_limits *lim = &req->q->limits;
	phys_addr_t phys;

	if (!blk_dma_more(iter))
		return blk_dma_fail(iter, BLK_STS_OK);

	*seg = mp_bvec_iter_bvec(iter->bvecs, iter->left);
	if (unlikely(!blk_dma_same_kind(iter, seg->bv_page)))
		return blk_dma_fail(iter, BLK_STS_IOERR);

	phys = bvec_phys(seg);
	if (unlikely(!blk_dma_segment_fits(lim, seg, phys)))
		seg->bv_len = get_max_segment_size(lim, phys, seg->bv_len);
	bvec_iter_advance_single(iter->bvecs, &iter->left, seg->bv_len);

	/* The end of a bio has no neighbour to compare with here. */
	if (unlikely(!iter->left.bi_size ||
		     blk_dma_left_phys(iter) == phys + seg->bv_len))
		seg->bv_len = blk_dma_merge(req->q, iter, *seg);
	return true;
}

/*
 * The first segment. It decides what kind all others must be of, so only its
 * page is looked up: see iter->p2pdma.map.
 */
static bool blk_dma_first_segment(struct request *req, struct device *dma_dev,
				  struct blk_dma_iter *iter,
				  struct bio_vec *seg)
{
	if (!blk_dma_more(iter))
		return blk_dma_fail(iter, BLK_STS_OK);

	iter->p2pdma.map = pci_p2pdma_state(&iter->p2pdma, dma_dev,
					    bvec_iter_page(iter->bvecs,
							   iter->left));
	return blk_dma_next_segment(req, iter, seg);
}

/*
 * The attributes of the mapping. Nothing is logged when it fails, since the
 * request is tried again.
 */
static inline unsigned long blk_dma_attrs(const struct blk_dma_iter *iter)
{
	if (iter->p2pdma.map == PCI_P2PDMA_MAP_THRU_HOST_BRIDGE)
		return DMA_ATTR_NO_WARN | DMA_ATTR_MMIO;
	return DMA_ATTR_NO_WARN;
}

/* Map a segment on its own. */
static __always_inline bool
blk_dma_map_segment(struct request *req, struct device *dma_dev,
		    struct blk_dma_iter *iter, const struct bio_vec *seg)
{
	iter->len = seg->bv_len;

	switch (iter->p2pdma.map) {
	case PCI_P2PDMA_MAP_BUS_ADDR:
		iter->addr = pci_p2pdma_bus_addr_map(&iter->p2pdma,
						     bvec_phys(seg));
		return true;
	case PCI_P2PDMA_MAP_THRU_HOST_BRIDGE:
		iter->addr = dma_map_phys(dma_dev, bvec_phys(seg), seg->bv_len,
					  rq_dma_dir(req), blk_dma_attrs(iter));
		break;
	case PCI_P2PDMA_MAP_NONE:
		iter->addr = dma_map_bvec(dma_dev, seg, rq_dma_dir(req),
					  blk_dma_attrs(iter));
		break;
	default:
		return blk_dma_fail(iter, BLK_STS_TARGET);
	}

	if (dma_mapping_error(dma_dev, iter->addr))
		return blk_dma_fail(iter, BLK_STS_RESOURCE);
	return true;
}

/*
 * Whether only the first segment begins within a granule, and only the last one
 * ends within one. The iterator is passed by value, so the caller's is
 * unchanged.
 */
static noinline bool blk_dma_without_gaps(struct request *req,
					  struct blk_dma_iter iter,
					  struct bio_vec seg,
					  unsigned long granule_mask)
{
	phys_addr_t end;

	for (;;) {
		end = bvec_phys(&seg) + seg.bv_len;
		if (!blk_dma_next_segment(req, &iter, &seg))
			return true;
		if ((end | bvec_phys(&seg)) & granule_mask)
			return false;
	}
}

/*
 * Whether the data, which has @len bytes and begins with @seg, becomes one
 * range for the device. The IOMMU and the limits of the queue have to allow it.
 * A single segment is one range anyway.
 */
static bool blk_dma_one_range(struct request *req, struct device *dma_dev,
			      const struct blk_dma_iter *iter,
			      const struct bio_vec *seg, unsigned int len)
{
	unsigned long granule_mask;

	if (seg->bv_len == len)
		return false;
	if (iter->p2pdma.map != PCI_P2PDMA_MAP_NONE &&
	    iter->p2pdma.map != PCI_P2PDMA_MAP_THRU_HOST_BRIDGE)
		return false;

	granule_mask = dma_get_merge_boundary(dma_dev);
	if (!granule_mask || len > queue_max_segment_size(req->q))
		return false;
	if (!iter->integrity &&
	    (queue_virt_boundary(req->q) & granule_mask) == granule_mask)
		return true;
	return blk_dma_without_gaps(req, *iter, *seg, granule_mask);
}

/*
 * Reserve @len bytes, all within one segment boundary. The allocator does not
 * know that limit, so look at what it gives.
 */
static bool blk_dma_reserve(struct request *req, struct device *dma_dev,
			    struct dma_iova_state *state, phys_addr_t phys,
			    unsigned int len)
{
	dma_addr_t mask = queue_segment_boundary(req->q);

	if (!dma_iova_try_alloc(dma_dev, state, phys, len))
		return false;
	if ((state->addr | mask) == ((state->addr + len - 1) | mask))
		return true;
	dma_iova_free(dma_dev, state);
	return false;
}

/*
 * Segments that are linked by one call: the pages of 128 KiB, wherever in a
 * page it begins. They take 528 bytes of stack.
 */
#define BLK_DMA_SEGMENTS	(SZ_128K / SZ_4K + 1)

/*
 * Link all data, which begins with @seg, into the reservation. Returns 0; or an
 * errno, and nothing is mapped or reserved.
 */
static int blk_dma_link(struct request *req, struct device *dma_dev,
			struct dma_iova_state *state, struct blk_dma_iter *iter,
			struct bio_vec seg)
{
	enum dma_data_direction dir = rq_dma_dir(req);
	struct phys_vec vec[BLK_DMA_SEGMENTS];
	unsigned long attrs = blk_dma_attrs(iter);
	size_t linked = 0;
	int err;

	for (;;) {
		bool more = true;
		size_t size = 0;
		int nr = 0;

		while (more && nr < BLK_DMA_SEGMENTS) {
			vec[nr].paddr = bvec_phys(&seg);
			vec[nr].len = seg.bv_len;
			size += seg.bv_len;
			nr++;
			more = blk_dma_next_segment(req, iter, &seg);
		}

		err = blk_status_to_errno(iter->status);
		if (err)
			goto err_destroy;
		err = dma_iova_link_vec(dma_dev, state, vec, nr, linked, dir,
					attrs);
		if (err)
			goto err_destroy;
		linked += size;
		if (!more)
			break;
	}

	err = dma_iova_sync(dma_dev, state, 0, linked);
	if (err)
		goto err_destroy;

	iter->addr = state->addr;
	iter->len = linked;
	return 0;

err_destroy:
	dma_iova_destroy(dma_dev, state, linked, dir, attrs);
	return err;
}

/* A lack of memory passes, so the request is tried again. Other errors stay. */
static blk_status_t blk_dma_status(int err)
{
	return err == -ENOMEM ? BLK_STS_RESOURCE : BLK_STS_IOERR;
}

/* Map all @len bytes of the data as one range, or else the first segment. */
static bool blk_dma_map_start(struct request *req, struct device *dma_dev,
			      struct dma_iova_state *state,
			      struct blk_dma_iter *iter, unsigned int len)
{
	struct blk_dma_iter rest;
	struct bio_vec seg;
	int err;

	memset(state, 0, sizeof(*state));
	if (!blk_dma_first_segment(req, dma_dev, iter, &seg))
		return false;

	if (!blk_dma_one_range(req, dma_dev, iter, &seg, len) ||
	    !blk_dma_reserve(req, dma_dev, state, bvec_phys(&seg), len))
		return blk_dma_map_segment(req, dma_dev, iter, &seg);

	rest = *iter;
	err = blk_dma_link(req, dma_dev, state, iter, seg);
	/* Memory of a PCI device that has to be bounced, which no link does */
	if (err == -EPERM) {
		*iter = rest;
		return blk_dma_map_segment(req, dma_dev, iter, &seg);
	}
	if (err)
		return blk_dma_fail(iter, blk_dma_status(err));
	return true;
}

/**
 * blk_rq_dma_map_iter_start - begin to map the data of a request
 * @req:	request
 * @dma_dev:	device to map for
 * @state:	set in any case; all zero if there is no reservation afterwards
 * @iter:	set in any case; the first range, if there is one
 *
 * Maps all data as one range of IO addresses if @dma_dev is behind an IOMMU,
 * the data consists of more than one segment, and each of them begins and ends
 * on a granule of the IOMMU, except at the very start and the very end.
 * Otherwise maps the first segment, and blk_rq_dma_map_iter_next() maps the
 * others. All data is of one kind, ordinary memory or that of one PCI device,
 * which is looked up once.
 *
 * Never gives more ranges than blk_rq_nr_phys_segments().
 *
 * Context: Any; for memory of PCI devices as pci_p2pdma_state().
 * Return: true if there is a range in @iter. Otherwise false, with nothing mapped
 *	   or reserved, and in @iter->status:
 *
 *	   * BLK_STS_OK: the request has no data.
 *	   * BLK_STS_RESOURCE: no memory, bounce buffers or IO addresses, or a range
 *	     that is mapped on its own failed: to be tried again.
 *	   * BLK_STS_TARGET: the data is in a PCI device that @dma_dev cannot reach.
 *	   * BLK_STS_IOERR: the IOMMU refuses to map into a reservation, or the data
 *	     is of several kinds.
 */
bool blk_rq_dma_map_iter_start(struct request *req, struct device *dma_dev,
			       struct dma_iova_state *state,
			       struct blk_dma_iter *iter)
{
	*iter = (struct blk_dma_iter) {};
	if (req->rq_flags & RQF_SPECIAL_PAYLOAD) {
		iter->bvecs = &req->special_vec;
		iter->left.bi_size = req->special_vec.bv_len;
	} else if (req->bio && bio_has_data(req->bio)) {
		iter->bios = req->bio;
	}
	return blk_dma_map_start(req, dma_dev, state, iter,
				 blk_rq_payload_bytes(req));
}
EXPORT_SYMBOL_GPL(blk_rq_dma_map_iter_start);

/**
 * blk_rq_dma_map_iter_next - map the next range of a request's data
 * @req:	request
 * @dma_dev:	device to map for
 * @iter:	as the last call left it; the next range, if there is one
 *
 * Context: Any.
 * Return: true if there is a range in @iter. Otherwise false, with the reason in
 *	   @iter->status as for blk_rq_dma_map_iter_start(), BLK_STS_OK being the
 *	   end of the data; the ranges before stay mapped.
 */
bool blk_rq_dma_map_iter_next(struct request *req, struct device *dma_dev,
			      struct blk_dma_iter *iter)
{
	struct bio_vec seg;

	if (!blk_dma_next_segment(req, iter, &seg))
		return false;
	return blk_dma_map_segment(req, dma_dev, iter, &seg);
}
EXPORT_SYMBOL_GPL(blk_rq_dma_map_iter_next);

#ifdef CONFIG_BLK_DEV_INTEGRITY
static unsigned int blk_rq_integrity_bytes(struct request *req)
{
	unsigned int len = 0;
	struct bio *bio = req->bio;

	for_each_bio(bio)
		len += bio_integrity(bio)->bip_iter.bi_size;
	return len;
}

/**
 * blk_rq_integrity_dma_map_iter_start - begin to map the metadata of a request
 * @req:	request that blk_integrity_rq() is true for
 * @dma_dev:	device to map for
 * @state:	reservation of the metadata, another than that of the data
 * @iter:	iterator of the metadata
 *
 * Goes on with blk_rq_integrity_dma_map_iter_next(). There are never more
 * ranges than @req->nr_integrity_segments. But these may be more than
 * queue_max_integrity_segments() of the queue, as a buffer of user space that
 * crosses a segment boundary counts as one segment when it is mapped. A driver
 * that has room for that limit only must check before it stores a range.
 *
 * Context: Any.
 * Return: as blk_rq_dma_map_iter_start().
 */
bool blk_rq_integrity_dma_map_iter_start(struct request *req,
					 struct device *dma_dev,
					 struct dma_iova_state *state,
					 struct blk_dma_iter *iter)
{
	*iter = (struct blk_dma_iter) {
		.integrity	= true,
		.bios		= req->bio,
	};
	return blk_dma_map_start(req, dma_dev, state, iter,
				 blk_rq_integrity_bytes(req));
}
EXPORT_SYMBOL_GPL(blk_rq_integrity_dma_map_iter_start);
#endif
