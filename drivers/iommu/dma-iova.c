// SPDX-License-Identifier: GPL-2.0
/*
 * The engine of the two-step DMA API: reservations of IO address space, and
 * memory linked into them. The entry points are in kernel/dma/mapping.c, with
 * their kernel-doc. They check what can be checked without knowing the IOMMU:
 * a range is within the reservation and not empty, and a direction is given.
 * Documentation/core-api/dma-iova.rst says what the API promises, with the words
 * used here.
 *
 * Pieces begin and end on a granule, except at the two ends of the reservation.
 * So only these two ends can be bounced, and the IOMMU's page table is the only
 * record of the pieces. A reservation does not change while it exists, which is
 * why its parts can be linked and unlinked on several CPUs without a lock.
 */
#include <linux/dma-map-ops.h>
#include <linux/iommu.h>
#include <linux/iommu-dma.h>
#include <linux/overflow.h>
#include <linux/pci-p2pdma.h>
#include <linux/swiotlb.h>

#include "dma-iommu.h"

/* What a range has of its first and last granule, if it does not fill these */
struct iova_ends {
	size_t head;
	size_t tail;
};

/* A range within one granule has a head or a tail, never both. */
static struct iova_ends iova_ends(struct iova_domain *iovad, u64 start,
				  size_t size)
{
	size_t into = iova_offset(iovad, start);
	struct iova_ends ends = {};

	if (into)
		ends.head = min(iovad->granule - into, size);
	if (ends.head < size)
		ends.tail = iova_offset(iovad, start + size);
	return ends;
}

/*
 * Whether the @end bytes in a partial granule may have to be bounced. That
 * depends on the size of the piece that they belong to, which is not known yet.
 * The piece is these bytes alone, or all of the reservation's @size, or
 * something between with whole granules in it. Whole granules are too large for
 * dma_kmalloc_needs_bounce(), so the two sizes are enough. The direction is not
 * known yet either, and DMA_BIDIRECTIONAL is bounced if any other one is.
 */
static bool end_may_bounce(struct device *dev, size_t end, size_t size)
{
	return end && (dev_use_swiotlb(dev, end, DMA_BIDIRECTIONAL) ||
		       dev_use_swiotlb(dev, size, DMA_BIDIRECTIONAL));
}

/* In a kdump kernel the first call may attach the device, as in iommu-dma. */
bool iommu_dma_iova_try_alloc(struct device *dev, struct dma_iova_state *state,
			      phys_addr_t phys, size_t size)
{
	struct iommu_domain *domain = iommu_get_dma_domain(dev);
	struct iova_domain *iovad = &domain->iova_cookie->iovad;
	unsigned int min_align_mask = dma_get_min_align_mask(dev);
	size_t into = iova_offset(iovad, phys);
	bool head = false, tail = false;
	dma_addr_t iova;
	size_t len;

	if (static_branch_unlikely(&iommu_dma_deferred_attach) &&
	    iommu_deferred_attach(dev, domain))
		return false;

	/*
	 * The IOVA allocator preserves no address bits above the granule.
	 * __iommu_dma_map() warns of this; here the caller falls back.
	 */
	if (min_align_mask > iova_mask(iovad))
		return false;

	if (iova_offset(iovad, phys | size)) {
		struct iova_ends ends = iova_ends(iovad, phys, size);

		head = end_may_bounce(dev, ends.head, size);
		tail = end_may_bounce(dev, ends.tail, size);
	}
	/*
	 * swiotlb keeps only the bits of min_align_mask. A link would find the
	 * copy at another offset in its granule, so refuse here.
	 */
	if (head && into & ~min_align_mask)
		return false;
	if ((head || tail) && !is_swiotlb_active(dev))
		return false;

	if (check_add_overflow(size, into + iova_mask(iovad), &len))
		return false;
	iova = iommu_dma_alloc_iova(domain, len & ~iova_mask(iovad),
				    dma_get_mask(dev), dev);
	if (!iova)
		return false;

	state->addr = iova + into;
	state->__size = size;
	if (head || tail)
		state->__size |= DMA_IOVA_USE_SWIOTLB;
	return true;
}

/* The granules of the whole reservation */
static struct iommu_iotlb_range iova_range(struct iova_domain *iovad,
					   const struct dma_iova_state *state)
{
	size_t into = iova_offset(iovad, state->addr);

	return (struct iommu_iotlb_range) {
		.start	= state->addr - into,
		.size	= iova_align(iovad, into + dma_iova_size(state)),
	};
}

/* Give the whole reservation back, whatever has been linked into it. */
static void iova_free(struct iommu_domain *domain, struct dma_iova_state *state,
		      struct iommu_iotlb_gather *gather)
{
	struct iommu_dma_cookie *cookie = domain->iova_cookie;
	struct iommu_iotlb_range range = iova_range(&cookie->iovad, state);

	iommu_dma_free_iova(cookie, range.start, range.size, gather);
	memset(state, 0, sizeof(*state));
}

void iommu_dma_iova_free(struct device *dev, struct dma_iova_state *state)
{
	iova_free(iommu_get_dma_domain(dev), state, NULL);
}

/*
 * A piece begins and ends on a granule, except where the reservation does not.
 * An IOMMU translates whole granules, so the piece is as far into a granule of
 * memory as it is into one of the reservation.
 */
static bool iova_link_allowed(struct iova_domain *iovad,
			      const struct dma_iova_state *state,
			      phys_addr_t phys, size_t offset, size_t size)
{
	u64 start = state->addr + offset;

	if (iova_offset(iovad, start ^ phys))
		return false;
	if (offset && iova_offset(iovad, start))
		return false;
	return offset + size == dma_iova_size(state) ||
	       !iova_offset(iovad, start + size);
}

/*
 * IOMMU_CACHE would make the accesses to device memory cacheable, so leave it
 * out even for a coherent device.
 */
static inline int iova_prot(struct device *dev, enum dma_data_direction dir,
		     unsigned long attrs)
{
	if (attrs & DMA_ATTR_MMIO)
		return dma_info_to_prot(dir, false, attrs) | IOMMU_MMIO;
	return dma_info_to_prot(dir, dev_is_dma_coherent(dev), attrs);
}

/*
 * Cache maintenance and bouncing access the memory at an address of the CPU.
 * Device memory need not have one.
 */
static bool iova_not_memory(struct device *dev, phys_addr_t phys)
{
	return dev_WARN_ONCE(dev, !pfn_valid(PHYS_PFN(phys)),
			     "%pa is not memory, and linked without DMA_ATTR_MMIO\n",
			     &phys);
}

/* Clean the caches for a device that does not see them, or refuse the link. */
static int iova_clean(struct device *dev, const struct phys_vec *vec,
		      size_t nr, enum dma_data_direction dir,
		      unsigned long attrs)
{
	if (dev_is_dma_coherent(dev) || attrs & DMA_ATTR_MMIO)
		return 0;
	if (attrs & DMA_ATTR_REQUIRE_COHERENT)
		return -EOPNOTSUPP;
	if (attrs & DMA_ATTR_SKIP_CPU_SYNC)
		return 0;
	for (; nr; vec++, nr--) {
		if (iova_not_memory(dev, vec->paddr))
			return -EINVAL;
		arch_sync_dma_for_device(vec->paddr, vec->len, dir);
	}
	return 0;
}

/* Link pieces of whole granules. */
static inline int
iova_link_granules(struct device *dev, struct iommu_domain *domain,
		   dma_addr_t addr, const struct phys_vec *vec, size_t nr,
		   enum dma_data_direction dir, unsigned long attrs)
{
	int err = iova_clean(dev, vec, nr, dir, attrs);

	if (err)
		return err;
	return iommu_map_vec_nosync(domain, addr, vec, nr,
				    iova_prot(dev, dir, attrs), GFP_ATOMIC);
}

/*
 * Map the granules that hold the parts of a ragged piece: a head, whole
 * granules and a tail. Each part may be missing. Only the caches of the parts
 * are cleaned: the rest of a granule is not this driver's, or belongs to a
 * bounce buffer that iommu_dma_bounce() has cleaned.
 */
static int iova_map_parts(struct device *dev, struct iommu_domain *domain,
			  dma_addr_t addr, const struct phys_vec parts[3],
			  enum dma_data_direction dir, unsigned long attrs)
{
	struct iova_domain *iovad = &domain->iova_cookie->iovad;
	const struct phys_vec *part;
	struct phys_vec granules[3];
	size_t nr = 0;

	for (part = parts; part < parts + 3; part++) {
		size_t into = iova_offset(iovad, part->paddr);
		int err;

		if (!part->len)
			continue;
		err = iova_clean(dev, part, 1, dir, attrs);
		if (err)
			return err;
		granules[nr].paddr = part->paddr - into;
		granules[nr].len = iova_align(iovad, into + part->len);
		nr++;
	}
	return iommu_map_vec_nosync(domain, addr & ~iova_mask(iovad), granules,
				    nr, iova_prot(dev, dir, attrs), GFP_ATOMIC);
}

/*
 * Move @end into a bounce buffer, if there has to be one. @size is that of the
 * whole piece, since the rule for small kmalloc memory is about that.
 */
static int bounce_end(struct device *dev, struct phys_vec *end, size_t size,
		      enum dma_data_direction dir, unsigned long attrs)
{
	phys_addr_t phys;

	if (!end->len)
		return 0;
	if (iova_not_memory(dev, end->paddr))
		return -EINVAL;
	phys = iommu_dma_bounce(dev, end->paddr, end->len, size, dir, attrs);
	if (phys == (phys_addr_t)DMA_MAPPING_ERROR)
		return attrs & DMA_ATTR_REQUIRE_COHERENT ? -EOPNOTSUPP : -ENOMEM;
	end->paddr = phys;
	return 0;
}

/* swiotlb knows its own buffers: an end that was not bounced is left alone. */
static void release_end(struct device *dev, const struct phys_vec *end,
			enum dma_data_direction dir, unsigned long attrs)
{
	if (end->len)
		swiotlb_tbl_unmap_single(dev, end->paddr, end->len, dir, attrs);
}

/*
 * Link a piece with an end that does not fill its granule and may be bounced.
 */
static int iova_link_bounced(struct device *dev, struct iommu_domain *domain,
			     const struct dma_iova_state *state,
			     phys_addr_t phys, size_t offset, size_t size,
			     enum dma_data_direction dir, unsigned long attrs)
{
	struct iova_domain *iovad = &domain->iova_cookie->iovad;
	struct iova_ends ends = iova_ends(iovad, phys, size);
	struct phys_vec parts[3] = {
		{ phys, ends.head },
		{ phys + ends.head, size - ends.head - ends.tail },
		{ phys + size - ends.tail, ends.tail },
	};
	struct phys_vec *head = &parts[0], *tail = &parts[2];
	int err;

	err = bounce_end(dev, head, size, dir, attrs);
	if (!err)
		err = bounce_end(dev, tail, size, dir, attrs);
	/* The driver has changed min_align_mask since the reservation. */
	if (!err && iova_offset(iovad, head->paddr ^ phys))
		err = -EIO;
	if (!err)
		err = iova_map_parts(dev, domain, state->addr + offset, parts,
				     dir, attrs);
	/* The device has written nothing that would have to be copied back. */
	if (err) {
		attrs |= DMA_ATTR_SKIP_CPU_SYNC;
		release_end(dev, head, dir, attrs);
		release_end(dev, tail, dir, attrs);
	}
	return err;
}

/* Link a piece that begins or ends within a granule. */
static int iova_link_ragged(struct device *dev, struct iommu_domain *domain,
			    const struct dma_iova_state *state,
			    phys_addr_t phys, size_t offset, size_t size,
			    enum dma_data_direction dir, unsigned long attrs)
{
	struct phys_vec parts[3] = { { phys, size } };

	/*
	 * An untrusted device must not see the rest of the granule, and device
	 * memory cannot be bounced without a struct page.
	 */
	if (attrs & DMA_ATTR_MMIO && dev_is_untrusted(dev))
		return -EPERM;
	if (state->__size & DMA_IOVA_USE_SWIOTLB && !(attrs & DMA_ATTR_MMIO))
		return iova_link_bounced(dev, domain, state, phys, offset, size,
					 dir, attrs);
	return iova_map_parts(dev, domain, state->addr + offset, parts, dir,
			      attrs);
}

int iommu_dma_iova_link(struct device *dev, const struct dma_iova_state *state,
			phys_addr_t phys, size_t offset, size_t size,
			enum dma_data_direction dir, unsigned long attrs)
{
	struct iommu_domain *domain = iommu_get_dma_domain(dev);
	struct iova_domain *iovad = &domain->iova_cookie->iovad;
	dma_addr_t addr = state->addr + offset;
	struct phys_vec piece = { phys, size };

	/* Whole granules are allowed anywhere. */
	if (likely(!iova_offset(iovad, addr | phys | size)))
		return iova_link_granules(dev, domain, addr, &piece, 1, dir,
					  attrs);

	if (dev_WARN_ONCE(dev,
			  !iova_link_allowed(iovad, state, phys, offset, size),
			  "piece %pa at %#zx, size %#zx, of %#zx is not aligned to the granule\n",
			  &phys, offset, size, dma_iova_size(state)))
		return -EINVAL;
	return iova_link_ragged(dev, domain, state, phys, offset, size, dir,
				attrs);
}

int iommu_dma_iova_sync(struct device *dev, const struct dma_iova_state *state,
			size_t offset, size_t size)
{
	struct iommu_domain *domain = iommu_get_dma_domain(dev);
	struct iova_domain *iovad = &domain->iova_cookie->iovad;
	dma_addr_t addr = state->addr + offset;
	size_t into = iova_offset(iovad, addr);

	return iommu_sync_map(domain, addr - into,
			      iova_align(iovad, into + size));
}

/*
 * The number of bytes, in whole granules, up to what is linked next. The page
 * table is the only record of that, and has to be asked granule by granule, for
 * the last byte of each: the first one of page 0 is at address 0, as is a hole.
 */
static size_t iova_hole_size(struct iommu_domain *domain, dma_addr_t addr,
			     size_t size)
{
	size_t granule = domain->iova_cookie->iovad.granule;
	size_t hole = 0;

	while (hole < size &&
	       !iommu_iova_to_phys(domain, addr + hole + granule - 1))
		hole += granule;
	return hole;
}

/*
 * Unmap all that is linked in a range of granules, however many holes there
 * are. Returns the number of bytes, and says in @whole whether the range was
 * mapped in full, by pieces that end where it does. The caller warns, so
 * @gather->holes keeps the IOMMU driver from warning as well.
 */
static size_t iova_unmap(struct iommu_domain *domain, dma_addr_t addr,
			 size_t size, struct iommu_iotlb_gather *gather,
			 bool *whole)
{
	size_t total = 0;

	*whole = true;
	gather->holes = true;
	while (size) {
		size_t unmapped = iommu_unmap_fast(domain, addr, size, gather);
		size_t skip;

		total += unmapped;
		if (unmapped != size)
			*whole = false;
		if (unmapped >= size)
			break;

		/* Stopped at a hole, or in a large page: step at least once. */
		skip = unmapped + domain->iova_cookie->iovad.granule;
		skip += iova_hole_size(domain, addr + skip, size - skip);
		addr += skip;
		size -= skip;
	}
	return total;
}

/* Device memory has none, even if it has a struct page, as P2PDMA memory does. */
static bool iova_has_caches(phys_addr_t phys)
{
	unsigned long pfn = PHYS_PFN(phys);

	return pfn_valid(pfn) && !is_pci_p2pdma_page(pfn_to_page(pfn));
}

/*
 * Call @sync for the memory that a range is mapped to. Granules that are
 * neighbours in memory share a call. Skips what is not memory: holes, and
 * device memory for which the driver has forgotten to pass DMA_ATTR_MMIO.
 */
static void iova_sync_caches(struct iommu_domain *domain, dma_addr_t addr,
			     size_t size, enum dma_data_direction dir,
			     void (*sync)(phys_addr_t, size_t,
					  enum dma_data_direction))
{
	struct iova_domain *iovad = &domain->iova_cookie->iovad;
	struct phys_vec run = {};

	while (size) {
		size_t len = min(iovad->granule - iova_offset(iovad, addr),
				 size);
		/* As in iova_hole_size() */
		phys_addr_t last = iommu_iova_to_phys(domain, addr + len - 1);
		phys_addr_t phys = last - (len - 1);
		bool cached = last && iova_has_caches(phys);

		if (run.len && (!cached || phys != run.paddr + run.len)) {
			sync(run.paddr, run.len, dir);
			run.len = 0;
		}
		if (cached && !run.len)
			run.paddr = phys;
		if (cached)
			run.len += len;
		addr += len;
		size -= len;
	}
	if (run.len)
		sync(run.paddr, run.len, dir);
}

/*
 * Drop what the caches hold of memory that the device may have written to. To
 * be called before unmapping, as the page table is the only record of the
 * memory.
 */
static void iova_invalidate(struct device *dev, struct iommu_domain *domain,
			    dma_addr_t addr, size_t size,
			    enum dma_data_direction dir)
{
	if (!dev_is_dma_coherent(dev) && dir != DMA_TO_DEVICE)
		iova_sync_caches(domain, addr, size, dir,
				 arch_sync_dma_for_cpu);
}

/*
 * Widen a range to whole granules, but not beyond the reservation. It is a
 * union of whole pieces then, if the driver keeps to the rules.
 */
static void iova_widen(struct iova_domain *iovad,
		       const struct dma_iova_state *state, size_t *offset,
		       size_t *size)
{
	dma_addr_t addr = state->addr + *offset;
	size_t before = min(iova_offset(iovad, addr), *offset);
	size_t after = min(iova_offset(iovad, -(addr + *size)),
			   dma_iova_size(state) - *offset - *size);

	*offset -= before;
	*size += before + after;
}

/*
 * Unmap whole pieces. The caller releases bounce buffers. With @gather->queued
 * the flush queue or the batch invalidates the IOTLB later.
 */
static void iova_unlink_mapped(struct device *dev, struct iommu_domain *domain,
			       const struct dma_iova_state *state,
			       size_t offset, size_t size,
			       enum dma_data_direction dir, unsigned long attrs,
			       struct iommu_iotlb_gather *gather)
{
	struct iova_domain *iovad = &domain->iova_cookie->iovad;
	dma_addr_t addr = state->addr + offset;
	size_t into = iova_offset(iovad, addr);
	size_t unmapped;
	bool whole;

	if (!(attrs & (DMA_ATTR_SKIP_CPU_SYNC | DMA_ATTR_MMIO)))
		iova_invalidate(dev, domain, addr, size, dir);

	unmapped = iova_unmap(domain, addr - into,
			      iova_align(iovad, into + size), gather, &whole);
	dev_WARN_ONCE(dev, !whole,
		      "unlinked a hole or half a piece at %#zx, size %#zx, of %#zx\n",
		      offset, size, dma_iova_size(state));
	if (unmapped && !gather->queued)
		iommu_iotlb_sync(domain, gather);
}

/*
 * Unmap whole pieces, and release the bounce buffers of the ends. Only the page
 * table has the addresses of the buffers, so read them before unmapping.
 * Release the buffers after it, when the device cannot write to them any more;
 * in lazy mode it still can until the flush, as after dma_unmap_page(). Out of
 * line, because hardly any reservation has ends that may be bounced.
 */
static noinline void iova_unlink_bounced(struct device *dev,
					 struct iommu_domain *domain,
					 const struct dma_iova_state *state,
					 size_t offset, size_t size,
					 enum dma_data_direction dir,
					 unsigned long attrs,
					 struct iommu_iotlb_gather *gather)
{
	dma_addr_t addr = state->addr + offset;
	struct iova_ends ends = iova_ends(&domain->iova_cookie->iovad, addr,
					  size);
	struct phys_vec head = { .len = ends.head };
	struct phys_vec tail = { .len = ends.tail };

	if (head.len)
		head.paddr = iommu_iova_to_phys(domain, addr);
	if (tail.len)
		tail.paddr = iommu_iova_to_phys(domain,
						addr + size - tail.len);
	iova_unlink_mapped(dev, domain, state, offset, size, dir, attrs,
			   gather);
	release_end(dev, &head, dir, attrs);
	release_end(dev, &tail, dir, attrs);
}

static void iova_unlink(struct device *dev, struct iommu_domain *domain,
			const struct dma_iova_state *state, size_t offset,
			size_t size, enum dma_data_direction dir,
			unsigned long attrs, struct iommu_iotlb_gather *gather)
{
	if (unlikely(state->__size & DMA_IOVA_USE_SWIOTLB))
		iova_unlink_bounced(dev, domain, state, offset, size, dir,
				    attrs, gather);
	else
		iova_unlink_mapped(dev, domain, state, offset, size, dir,
				   attrs, gather);
}

/* Only the first and the last piece of an array may be ragged. */
static bool iova_vec_allowed(struct iova_domain *iovad,
			     const struct dma_iova_state *state,
			     const struct phys_vec *vec, size_t nr,
			     size_t offset, size_t size)
{
	const struct phys_vec *last = &vec[nr - 1];
	u64 bits = 0;

	if (!iova_link_allowed(iovad, state, vec->paddr, offset, vec->len) ||
	    !iova_link_allowed(iovad, state, last->paddr,
			       offset + size - last->len, last->len))
		return false;

	for (vec++; vec < last; vec++)
		bits |= vec->paddr | vec->len;
	return !iova_offset(iovad, bits);
}

/*
 * Link two or more pieces, where the first or the last one is ragged. All
 * others are linked in one walk.
 */
static int iova_link_vec_ragged(struct device *dev, struct iommu_domain *domain,
				const struct dma_iova_state *state,
				const struct phys_vec *vec, size_t nr,
				size_t offset, size_t size,
				enum dma_data_direction dir, unsigned long attrs)
{
	const struct phys_vec *last = &vec[nr - 1];
	struct iommu_iotlb_gather gather;
	size_t linked = vec->len;
	int err;

	err = iommu_dma_iova_link(dev, state, vec->paddr, offset, vec->len, dir,
				  attrs);
	if (err)
		return err;
	if (nr > 2) {
		err = iova_link_granules(dev, domain,
					 state->addr + offset + linked, vec + 1,
					 nr - 2, dir, attrs);
		if (err)
			goto err_unlink;
		linked = size - last->len;
	}
	err = iommu_dma_iova_link(dev, state, last->paddr, offset + linked,
				  last->len, dir, attrs);
	if (err)
		goto err_unlink;
	return 0;

err_unlink:
	/* The device has written nothing that would have to be copied back. */
	iommu_iotlb_gather_init(&gather);
	iova_unlink(dev, domain, state, offset, linked, dir,
		    attrs | DMA_ATTR_SKIP_CPU_SYNC, &gather);
	return err;
}

/*
 * True if each piece has the size of a granule. The caller has checked the last
 * one. Most arrays are like that, and comparing the sizes, two at a time, costs
 * less than adding them up. @bits collects all addresses.
 */
static bool iova_vec_of_granules(const struct phys_vec *vec, size_t nr,
				 size_t granule, u64 *bits)
{
	u64 paddrs = vec[nr - 1].paddr;
	size_t other = 0, i;

	for (i = 0; i + 1 < nr; i += 2) {
		paddrs |= vec[i].paddr | vec[i + 1].paddr;
		other |= (vec[i].len ^ granule) | (vec[i + 1].len ^ granule);
	}
	*bits |= paddrs;
	return !other;
}

/*
 * The number of bytes in an array of pieces, or 0 if one is empty or the sum
 * overflows. @bits collects all addresses and sizes, to check their alignment
 * at once.
 */
static size_t iova_vec_size(const struct phys_vec *vec, size_t nr,
			    size_t granule, u64 *bits)
{
	size_t size = 0;

	if (vec[0].len == granule && vec[nr - 1].len == granule &&
	    iova_vec_of_granules(vec, nr, granule, bits))
		return check_mul_overflow(nr, granule, &size) ? 0 : size;

	for (; nr; vec++, nr--) {
		size_t end = size + vec->len;

		/* The piece is empty, or the sum has wrapped. */
		if (end <= size)
			return 0;
		size = end;
		*bits |= vec->paddr | vec->len;
	}
	return size;
}

/*
 * The sizes of the pieces are checked here and not by the caller, in the walk
 * over the array that their alignment needs anyway.
 */
int iommu_dma_iova_link_vec(struct device *dev,
			    const struct dma_iova_state *state,
			    const struct phys_vec *vec, size_t nr, size_t offset,
			    enum dma_data_direction dir, unsigned long attrs)
{
	struct iommu_domain *domain = iommu_get_dma_domain(dev);
	struct iova_domain *iovad = &domain->iova_cookie->iovad;
	dma_addr_t addr = state->addr + offset;
	u64 bits = addr;
	size_t size = iova_vec_size(vec, nr, iovad->granule, &bits);

	if (dev_WARN_ONCE(dev, !size || size > dma_iova_size(state) - offset,
			  "%zu pieces at %#zx, size %#zx: one is empty, or they do not fit into %#zx\n",
			  nr, offset, size, dma_iova_size(state)))
		return -EINVAL;

	/* Whole granules are allowed anywhere. */
	if (likely(!iova_offset(iovad, bits)))
		return iova_link_granules(dev, domain, addr, vec, nr, dir,
					  attrs);

	if (nr == 1)
		return iommu_dma_iova_link(dev, state, vec->paddr, offset,
					   vec->len, dir, attrs);
	if (dev_WARN_ONCE(dev,
			  !iova_vec_allowed(iovad, state, vec, nr, offset, size),
			  "one of %zu pieces at %#zx, size %#zx, of %#zx is not aligned to the granule\n",
			  nr, offset, size, dma_iova_size(state)))
		return -EINVAL;
	return iova_link_vec_ragged(dev, domain, state, vec, nr, offset, size,
				    dir, attrs);
}

void iommu_dma_iova_unlink(struct device *dev,
			   const struct dma_iova_state *state, size_t offset,
			   size_t size, enum dma_data_direction dir,
			   unsigned long attrs)
{
	struct iommu_domain *domain = iommu_get_dma_domain(dev);
	struct iommu_iotlb_gather gather;
	size_t asked_offset = offset, asked_size = size;

	iova_widen(&domain->iova_cookie->iovad, state, &offset, &size);
	dev_WARN_ONCE(dev, size != asked_size,
		      "unlinked half a granule at %#zx, size %#zx, of %#zx\n",
		      asked_offset, asked_size, dma_iova_size(state));

	iommu_iotlb_gather_init(&gather);
	iova_unlink(dev, domain, state, offset, size, dir, attrs, &gather);
}

/*
 * Unlink what was linked from offset 0 on. A driver that gave up may count up
 * to any byte of its last piece, so widen that to a granule.
 */
static void iova_unlink_first(struct device *dev, struct iommu_domain *domain,
			      const struct dma_iova_state *state,
			      size_t mapped_len, enum dma_data_direction dir,
			      unsigned long attrs,
			      struct iommu_iotlb_gather *gather)
{
	size_t offset = 0;

	if (mapped_len != dma_iova_size(state))
		iova_widen(&domain->iova_cookie->iovad, state, &offset,
			   &mapped_len);
	iova_unlink(dev, domain, state, offset, mapped_len, dir, attrs, gather);
}

/*
 * In lazy mode the IO addresses wait in the flush queue, as after
 * dma_unmap_page().
 */
void iommu_dma_iova_destroy(struct device *dev, struct dma_iova_state *state,
			    size_t mapped_len, enum dma_data_direction dir,
			    unsigned long attrs)
{
	struct iommu_domain *domain = iommu_get_dma_domain(dev);
	struct iommu_iotlb_gather gather;

	iommu_iotlb_gather_init(&gather);
	if (mapped_len) {
		gather.queued = READ_ONCE(domain->iova_cookie->fq_domain);
		iova_unlink_first(dev, domain, state, mapped_len, dir, attrs,
				  &gather);
	}
	iova_free(domain, state, &gather);
}

/*
 * Whether iommu_dma_iova_batch_destroy() can take a reservation. In lazy mode
 * nothing waits for an invalidation anyway. What may be bounced needs a separate
 * invalidation, before it is copied back.
 */
bool iommu_dma_iova_gathers(struct device *dev,
			    const struct dma_iova_state *state)
{
	struct iommu_domain *domain = iommu_get_dma_domain(dev);

	return !READ_ONCE(domain->iova_cookie->fq_domain) &&
	       domain->ops->iotlb_sync_ranges &&
	       !(state->__size & DMA_IOVA_USE_SWIOTLB);
}

/*
 * Unlink everything now, and free the IO addresses when the batch is flushed.
 * The batch has room, and all that is in it is of @dev.
 */
void iommu_dma_iova_batch_destroy(struct dma_iova_batch *batch,
				  struct device *dev,
				  struct dma_iova_state *state,
				  size_t mapped_len,
				  enum dma_data_direction dir,
				  unsigned long attrs)
{
	struct iommu_domain *domain = iommu_get_dma_domain(dev);
	struct iommu_iotlb_gather gather;

	/* As for a flush queue: drivers leave freed tables in the freelist. */
	iommu_iotlb_gather_init(&gather);
	gather.queued = true;
	iova_unlink_first(dev, domain, state, mapped_len, dir, attrs, &gather);
	list_splice(&gather.freelist, &batch->freelist);

	batch->dev = dev;
	batch->states[batch->nr++] = *state;
	memset(state, 0, sizeof(*state));
}

/* The batch is not empty. */
void iommu_dma_iova_batch_flush(struct dma_iova_batch *batch)
{
	struct iommu_domain *domain = iommu_get_dma_domain(batch->dev);
	struct iommu_dma_cookie *cookie = domain->iova_cookie;
	struct iommu_iotlb_range ranges[DMA_IOVA_BATCH_SIZE] __uninitialized;
	unsigned int i;

	for (i = 0; i < batch->nr; i++)
		ranges[i] = iova_range(&cookie->iovad, &batch->states[i]);
	/* Before the addresses can be reserved for other memory */
	iommu_iotlb_sync_ranges(domain, ranges, batch->nr, &batch->freelist);

	for (i = 0; i < batch->nr; i++)
		iommu_dma_free_iova(cookie, ranges[i].start, ranges[i].size,
				    NULL);
	batch->nr = 0;
}

/* Hand over what may be bounced in a range: parts of the reservation's ends. */
static void iova_sync_bounced(struct device *dev, struct iommu_domain *domain,
			      const struct dma_iova_state *state, size_t offset,
			      size_t size,
			      void (*sync)(struct device *, phys_addr_t, size_t,
					   enum dma_data_direction),
			      enum dma_data_direction dir)
{
	size_t total = dma_iova_size(state);
	struct iova_ends ends = iova_ends(&domain->iova_cookie->iovad,
					  state->addr, total);
	size_t end = offset + size;
	size_t head_end = min(ends.head, end);
	size_t tail_start = max(total - ends.tail, offset);

	if (!(state->__size & DMA_IOVA_USE_SWIOTLB))
		return;

	if (offset < head_end)
		sync(dev, iommu_iova_to_phys(domain, state->addr + offset),
		     head_end - offset, dir);
	if (tail_start < end)
		sync(dev, iommu_iova_to_phys(domain, state->addr + tail_start),
		     end - tail_start, dir);
}

void iommu_dma_iova_sync_for_cpu(struct device *dev,
				 const struct dma_iova_state *state,
				 size_t offset, size_t size,
				 enum dma_data_direction dir)
{
	struct iommu_domain *domain = iommu_get_dma_domain(dev);

	iova_invalidate(dev, domain, state->addr + offset, size, dir);
	iova_sync_bounced(dev, domain, state, offset, size,
			  swiotlb_sync_single_for_cpu, dir);
}

void iommu_dma_iova_sync_for_device(struct device *dev,
				    const struct dma_iova_state *state,
				    size_t offset, size_t size,
				    enum dma_data_direction dir)
{
	struct iommu_domain *domain = iommu_get_dma_domain(dev);

	iova_sync_bounced(dev, domain, state, offset, size,
			  swiotlb_sync_single_for_device, dir);
	if (!dev_is_dma_coherent(dev))
		iova_sync_caches(domain, state->addr + offset, size, dir,
				 arch_sync_dma_for_device);
}
