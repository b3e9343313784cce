// SPDX-License-Identifier: GPL-2.0
/*
 * The engine of the two-step DMA API: reservations of IO address space, and
 * memory linked into them. kernel/dma/mapping.c has the entry points, which
 * check what can be checked without knowing the IOMMU; what they promise is in
 * Documentation/core-api/dma-iova.rst, together with the words used here.
 *
 * What makes the engine simple is one rule: pieces begin and end on a granule,
 * but for the very start and the very end of the reservation. So only these two
 * can be bounced, and no record of the pieces is needed to find them again.
 */
#include <linux/align.h>
#include <linux/dma-map-ops.h>
#include <linux/error-injection.h>
#include <linux/iommu.h>
#include <linux/iommu-dma.h>
#include <linux/overflow.h>
#include <linux/swiotlb.h>

#include "dma-iommu.h"

static size_t iova_granule(struct iommu_domain *domain)
{
	return 1UL << __ffs(domain->pgsize_bitmap);
}

/* How far @addr, an IO address or a physical one, is into its granule. */
static size_t granule_offset(struct iommu_domain *domain, u64 addr)
{
	return addr & (iova_granule(domain) - 1);
}

/*
 * IO addresses from @start on. A range may reach up to the last address there
 * is, so its end cannot be told by an address of its own.
 */
struct iova_range {
	u64 start;
	size_t size;
};

/* The bytes that the caller asked for. */
static struct iova_range iova_reserved(const struct dma_iova_state *state)
{
	return (struct iova_range) { state->addr, dma_iova_size(state) };
}

/* The whole granules that a range touches. */
static struct iova_range iova_granules(struct iommu_domain *domain,
				       struct iova_range range)
{
	size_t into = granule_offset(domain, range.start);

	return (struct iova_range) {
		.start	= range.start - into,
		.size	= ALIGN(into + range.size, iova_granule(domain)),
	};
}

/*
 * The range at @offset, widened to whole granules but not beyond the
 * reservation: a union of whole pieces if the caller keeps to the rules.
 */
static struct iova_range iova_pieces(struct iommu_domain *domain,
				     const struct dma_iova_state *state,
				     size_t offset, size_t size)
{
	size_t before = granule_offset(domain, state->addr + offset);
	size_t after = granule_offset(domain, -(state->addr + offset + size));

	before = min(before, offset);
	after = min(after, dma_iova_size(state) - offset - size);
	return (struct iova_range) {
		.start	= state->addr + offset - before,
		.size	= before + size + after,
	};
}

/* Bytes of a range that lie in a granule which the range does not fill. */
struct iova_ends {
	size_t head;
	size_t tail;
};

/* A range within one granule has a head or a tail, but never both. */
static struct iova_ends iova_ends(struct iommu_domain *domain, u64 start,
				  size_t size)
{
	size_t into = granule_offset(domain, start);
	struct iova_ends ends = {};

	if (into)
		ends.head = min(iova_granule(domain) - into, size);
	if (ends.head < size)
		ends.tail = granule_offset(domain, start + size);
	return ends;
}

/*
 * May a piece that has @end bytes in the first or last granule be bounced? It has
 * no more than those, or all of the reservation's @size, or something between the
 * two; but dma_kmalloc_needs_bounce() is about small sizes.
 */
static bool end_may_bounce(struct device *dev, size_t end, size_t size)
{
	return end && (dev_use_swiotlb(dev, end, DMA_BIDIRECTIONAL) ||
		       dev_use_swiotlb(dev, size, DMA_BIDIRECTIONAL));
}

/*
 * Could all pieces of a reservation be linked, were they to be bounced? swiotlb
 * keeps the offset of the memory as far as the device's min_align_mask goes, and
 * the device is to find the first piece at the offset of state->addr.
 */
static bool iova_can_bounce(struct device *dev, struct iommu_domain *domain,
			    phys_addr_t phys, size_t size)
{
	struct iova_ends ends = iova_ends(domain, phys, size);
	bool head = end_may_bounce(dev, ends.head, size);
	bool tail = end_may_bounce(dev, ends.tail, size);

	if (head && granule_offset(domain, phys) & ~dma_get_min_align_mask(dev))
		return false;
	return !(head || tail) || is_swiotlb_active(dev);
}

/**
 * iommu_dma_iova_try_alloc - reserve IO address space
 * @dev:	device that iommu-dma maps for
 * @state:	all zero
 * @phys:	physical address of the first piece, or any other address that
 *		is as far into its granule
 * @size:	number of bytes, not 0
 *
 * Context: Any, but in a kdump kernel, where the first call for a device may
 *	    attach it, as for the other mapping functions of iommu-dma.
 * Return: true, and @state filled in; or false, and @state as it was.
 */
bool iommu_dma_iova_try_alloc(struct device *dev, struct dma_iova_state *state,
			      phys_addr_t phys, size_t size)
{
	struct iommu_domain *domain = iommu_get_dma_domain(dev);
	size_t granule = iova_granule(domain);
	size_t into = granule_offset(domain, phys);
	size_t len;
	dma_addr_t iova;

	if (static_branch_unlikely(&iommu_deferred_attach_enabled) &&
	    iommu_deferred_attach(dev, domain))
		return false;

	/* More than the IOVA allocator can give; the streaming API says so. */
	if (dma_get_min_align_mask(dev) > granule - 1)
		return false;

	if (granule_offset(domain, phys | size) &&
	    !iova_can_bounce(dev, domain, phys, size))
		return false;

	if (check_add_overflow(size, into + granule - 1, &len))
		return false;

	iova = iommu_dma_alloc_iova(domain, ALIGN_DOWN(len, granule),
				    dma_get_mask(dev), dev);
	if (!iova)
		return false;

	state->addr = iova + into;
	state->__size = size;
	return true;
}
ALLOW_ERROR_INJECTION(iommu_dma_iova_try_alloc, NULL);

/**
 * iommu_dma_iova_free - give a reservation back
 * @dev:	device it was made for
 * @state:	reservation with nothing linked
 *
 * Context: Any.
 */
void iommu_dma_iova_free(struct device *dev, struct dma_iova_state *state)
{
	struct iommu_domain *domain = iommu_get_dma_domain(dev);
	struct iova_range granules = iova_granules(domain,
						   iova_reserved(state));

	iommu_dma_free_iova(domain->iova_cookie, granules.start, granules.size,
			    NULL);
	memset(state, 0, sizeof(*state));
}

/*
 * Do the rules allow a piece at @phys here? It begins and ends on a granule, but
 * where the reservation itself does not.
 */
static bool iova_link_allowed(struct iommu_domain *domain,
			      const struct dma_iova_state *state,
			      phys_addr_t phys, size_t offset, size_t size)
{
	u64 start = state->addr + offset;

	if (granule_offset(domain, start ^ phys))
		return false;
	if (offset && granule_offset(domain, start))
		return false;
	return offset + size == dma_iova_size(state) ||
	       !granule_offset(domain, start + size);
}

static int iova_prot(struct device *dev, enum dma_data_direction dir,
		     unsigned long attrs)
{
	if (attrs & DMA_ATTR_MMIO)
		return dma_info_to_prot(dir, false, attrs) | IOMMU_MMIO;
	return dma_info_to_prot(dir, dev_is_dma_coherent(dev), attrs);
}

/* Clean the caches for a device that does not see them. */
static void iova_clean(struct device *dev, phys_addr_t phys, size_t size,
		       enum dma_data_direction dir, unsigned long attrs)
{
	if (!dev_is_dma_coherent(dev) &&
	    !(attrs & (DMA_ATTR_SKIP_CPU_SYNC | DMA_ATTR_MMIO)))
		arch_sync_dma_for_device(phys, size, dir);
}

/* Map pieces of whole granules. */
static int iova_map_vec(struct device *dev, struct iommu_domain *domain,
			dma_addr_t addr, const struct phys_vec *vec, size_t nr,
			enum dma_data_direction dir, unsigned long attrs)
{
	size_t i;

	if (!dev_is_dma_coherent(dev)) {
		for (i = 0; i < nr; i++)
			iova_clean(dev, vec[i].paddr, vec[i].len, dir, attrs);
	}
	return iommu_map_vec_nosync(domain, addr, vec, nr,
				    iova_prot(dev, dir, attrs), GFP_ATOMIC);
}

/* Map the granules that a piece, or a part of one, touches. */
static int iova_map(struct device *dev, struct iommu_domain *domain,
		    dma_addr_t addr, phys_addr_t phys, size_t size,
		    enum dma_data_direction dir, unsigned long attrs)
{
	size_t into = granule_offset(domain, phys);
	struct phys_vec granules = {
		.paddr	= phys - into,
		.len	= ALIGN(into + size, iova_granule(domain)),
	};

	iova_clean(dev, phys, size, dir, attrs);
	return iommu_map_vec_nosync(domain, addr - into, &granules, 1,
				    iova_prot(dev, dir, attrs), GFP_ATOMIC);
}

/* What a piece is made of once its ends may have been bounced. */
struct iova_part {
	phys_addr_t phys;
	size_t size;
};

static int iova_map_parts(struct device *dev, struct iommu_domain *domain,
			  dma_addr_t addr, const struct iova_part *parts,
			  int nr_parts, enum dma_data_direction dir,
			  unsigned long attrs)
{
	struct iova_range done = { .start = addr };
	int i, err;

	for (i = 0; i < nr_parts; i++) {
		if (!parts[i].size)
			continue;
		err = iova_map(dev, domain, addr + done.size, parts[i].phys,
			       parts[i].size, dir, attrs);
		if (err)
			goto err_unmap;
		done.size += parts[i].size;
	}
	return 0;

err_unmap:
	if (done.size) {
		done = iova_granules(domain, done);
		iommu_unmap(domain, done.start, done.size);
	}
	return err;
}

static void release_part(struct device *dev, const struct iova_part *part,
			 enum dma_data_direction dir, unsigned long attrs)
{
	if (part->size)
		swiotlb_tbl_unmap_single(dev, part->phys, part->size, dir,
					 attrs);
}

/* Link a piece that begins or ends within a granule. */
static int iova_link_ragged(struct device *dev, struct iommu_domain *domain,
			    struct dma_iova_state *state, phys_addr_t phys,
			    size_t offset, size_t size,
			    enum dma_data_direction dir, unsigned long attrs)
{
	struct iova_ends ends = iova_ends(domain, phys, size);
	phys_addr_t tail_phys = phys + size - ends.tail;
	struct iova_part head = { phys, ends.head };
	struct iova_part tail = { tail_phys, ends.tail };
	dma_addr_t addr = state->addr + offset;
	int err = -ENOMEM;

	if (attrs & DMA_ATTR_MMIO) {
		if (dev_is_untrusted(dev))
			return -EPERM;
		return iova_map(dev, domain, addr, phys, size, dir, attrs);
	}

	if (head.size) {
		head.phys = iommu_dma_bounce(dev, phys, head.size, size, dir,
					     attrs);
		if (head.phys == (phys_addr_t)DMA_MAPPING_ERROR)
			return -ENOMEM;
	}
	if (tail.size) {
		tail.phys = iommu_dma_bounce(dev, tail_phys, tail.size, size,
					     dir, attrs);
		if (tail.phys == (phys_addr_t)DMA_MAPPING_ERROR)
			goto err_release_head;
	}

	if (head.phys == phys && tail.phys == tail_phys)
		return iova_map(dev, domain, addr, phys, size, dir, attrs);

	/* try_alloc has refused what does not keep its offset */
	err = -EIO;
	if (!granule_offset(domain, head.phys ^ phys)) {
		struct iova_part parts[] = {
			head,
			{ phys + head.size, size - head.size - tail.size },
			tail,
		};

		err = iova_map_parts(dev, domain, addr, parts,
				     ARRAY_SIZE(parts), dir, attrs);
	}
	if (err)
		goto err_release_tail;

	state->__size |= DMA_IOVA_BOUNCED;
	return 0;

err_release_tail:
	release_part(dev, &tail, dir, attrs | DMA_ATTR_SKIP_CPU_SYNC);
err_release_head:
	release_part(dev, &head, dir, attrs | DMA_ATTR_SKIP_CPU_SYNC);
	return err;
}

/**
 * iommu_dma_iova_link - map a piece into a reservation
 * @dev:	device the reservation was made for
 * @state:	reservation
 * @phys:	physical address of the piece
 * @offset:	where in the reservation, in bytes; within it
 * @size:	number of bytes, not 0; offset + size is within the reservation
 * @dir:	DMA_TO_DEVICE, DMA_FROM_DEVICE or DMA_BIDIRECTIONAL
 * @attrs:	DMA_ATTR_*
 *
 * Context: Any.
 * Return: 0 or a negative errno, as for dma_iova_link().
 */
int iommu_dma_iova_link(struct device *dev, struct dma_iova_state *state,
			phys_addr_t phys, size_t offset, size_t size,
			enum dma_data_direction dir, unsigned long attrs)
{
	struct iommu_domain *domain = iommu_get_dma_domain(dev);
	dma_addr_t addr = state->addr + offset;
	struct phys_vec piece = { phys, size };

	/* Whole granules are allowed anywhere. */
	if (likely(!granule_offset(domain, addr | phys | size)))
		return iova_map_vec(dev, domain, addr, &piece, 1, dir, attrs);

	if (dev_WARN_ONCE(dev,
			  !iova_link_allowed(domain, state, phys, offset, size),
			  "piece is not aligned to the granule\n"))
		return -EINVAL;
	return iova_link_ragged(dev, domain, state, phys, offset, size, dir,
				attrs);
}
ALLOW_ERROR_INJECTION(iommu_dma_iova_link, ERRNO);

/**
 * iommu_dma_iova_sync - make links visible to the device
 * @dev:	device the reservation was made for
 * @state:	reservation
 * @offset:	start of the range, in bytes; within the reservation
 * @size:	number of bytes, not 0; offset + size is within the reservation
 *
 * Context: Any.
 * Return: 0 or the errno of the IOMMU driver.
 */
int iommu_dma_iova_sync(struct device *dev, struct dma_iova_state *state,
			size_t offset, size_t size)
{
	struct iommu_domain *domain = iommu_get_dma_domain(dev);
	struct iova_range range = { state->addr + offset, size };

	range = iova_granules(domain, range);
	return iommu_sync_map(domain, range.start, range.size);
}
ALLOW_ERROR_INJECTION(iommu_dma_iova_sync, ERRNO);

/* Bytes, in whole granules, from the start of @range to what is linked next. */
static size_t iova_hole_size(struct iommu_domain *domain,
			     struct iova_range range)
{
	size_t granule = iova_granule(domain);
	size_t hole = 0;

	while (hole < range.size &&
	       !iommu_iova_to_phys(domain, range.start + hole))
		hole += granule;
	return hole;
}

static void iova_skip(struct iova_range *range, size_t size)
{
	range->start += size;
	range->size -= size;
}

/*
 * Unmap all that is linked in the granules of @left, however many holes there
 * are. Returns the number of bytes, and says in @whole whether that is just what
 * has been asked for: no hole, and no half of a piece.
 */
static size_t iova_unmap(struct iommu_domain *domain, struct iova_range left,
			 struct iommu_iotlb_gather *gather, bool *whole)
{
	size_t total = 0;

	*whole = true;
	while (left.size) {
		size_t unmapped = iommu_unmap_fast(domain, left.start,
						   left.size, gather);

		total += unmapped;
		if (unmapped != left.size)
			*whole = false;
		if (unmapped >= left.size)
			break;

		/* Stopped at a hole, or in a large page: step at least once. */
		iova_skip(&left, unmapped + iova_granule(domain));
		iova_skip(&left, iova_hole_size(domain, left));
	}
	return total;
}

/* Call @sync for the memory behind a range, granule by granule. */
static void iova_sync_caches(struct iommu_domain *domain,
			     struct iova_range left,
			     enum dma_data_direction dir,
			     void (*sync)(phys_addr_t, size_t,
					  enum dma_data_direction))
{
	size_t granule = iova_granule(domain);

	while (left.size) {
		size_t rest = granule - granule_offset(domain, left.start);
		size_t size = min(rest, left.size);
		phys_addr_t phys = iommu_iova_to_phys(domain, left.start);

		if (phys)
			sync(phys, size, dir);
		iova_skip(&left, size);
	}
}

/* The bounced parts of @range, if any, in one step: only its ends can be. */
static void iova_bounced(struct iommu_domain *domain,
			 const struct dma_iova_state *state,
			 struct iova_range range,
			 struct iova_part *head, struct iova_part *tail)
{
	struct iova_ends ends = {};

	if (unlikely(state->__size & DMA_IOVA_BOUNCED))
		ends = iova_ends(domain, range.start, range.size);

	*head = (struct iova_part) { .size = ends.head };
	*tail = (struct iova_part) { .size = ends.tail };
	if (head->size)
		head->phys = iommu_iova_to_phys(domain, range.start);
	if (tail->size)
		tail->phys = iommu_iova_to_phys(domain, range.start +
						range.size - tail->size);
}

/*
 * Unmap a range of which nothing was bounced, and the @granules that it is in.
 * With @gather->queued the IOTLB is left to the flush queue.
 */
static void iova_unlink_mapped(struct device *dev, struct iommu_domain *domain,
			       struct iova_range range,
			       struct iova_range granules,
			       enum dma_data_direction dir, unsigned long attrs,
			       struct iommu_iotlb_gather *gather)
{
	size_t unmapped;
	bool whole;

	if (!dev_is_dma_coherent(dev) &&
	    !(attrs & (DMA_ATTR_SKIP_CPU_SYNC | DMA_ATTR_MMIO)))
		iova_sync_caches(domain, range, dir, arch_sync_dma_for_cpu);

	unmapped = iova_unmap(domain, granules, gather, &whole);
	dev_WARN_ONCE(dev, !whole, "unlinked a hole or half a piece\n");
	if (unmapped && !gather->queued)
		iommu_iotlb_sync(domain, gather);
}

/* Unmap a range and release what was bounced. */
static void iova_unlink(struct device *dev, struct iommu_domain *domain,
			struct dma_iova_state *state,
			struct iova_range range, enum dma_data_direction dir,
			unsigned long attrs, struct iommu_iotlb_gather *gather)
{
	struct iova_part head, tail;

	iova_bounced(domain, state, range, &head, &tail);
	iova_unlink_mapped(dev, domain, range, iova_granules(domain, range),
			   dir, attrs, gather);
	release_part(dev, &head, dir, attrs);
	release_part(dev, &tail, dir, attrs);
}

/* Do the rules allow these pieces, @size bytes in all, here? */
static bool iova_vec_allowed(struct iommu_domain *domain,
			     const struct dma_iova_state *state,
			     const struct phys_vec *vec, size_t nr,
			     size_t offset, size_t size)
{
	const struct phys_vec *last = &vec[nr - 1];
	u64 bits = 0;

	if (!iova_link_allowed(domain, state, vec->paddr, offset, vec->len) ||
	    !iova_link_allowed(domain, state, last->paddr,
			       offset + size - last->len, last->len))
		return false;

	for (vec++; vec < last; vec++)
		bits |= vec->paddr | vec->len;
	return !granule_offset(domain, bits);
}

static bool iova_ragged(struct iommu_domain *domain, const struct phys_vec *vec)
{
	return granule_offset(domain, vec->paddr | vec->len);
}

/* Link several pieces, of which the first or the last one is ragged. */
static int iova_link_vec_ragged(struct device *dev, struct iommu_domain *domain,
				struct dma_iova_state *state,
				const struct phys_vec *vec, size_t nr,
				size_t offset, size_t size,
				enum dma_data_direction dir, unsigned long attrs)
{
	const struct phys_vec *last = &vec[nr - 1];
	struct iova_range linked = { .start = state->addr + offset };
	struct dma_iova_state before = *state;
	struct iommu_iotlb_gather gather;
	size_t tail = 0;
	int err;

	if (iova_ragged(domain, vec)) {
		err = iova_link_ragged(dev, domain, state, vec->paddr, offset,
				       vec->len, dir, attrs);
		if (err)
			return err;
		linked.size = vec->len;
		vec++;
		nr--;
	}
	if (iova_ragged(domain, last)) {
		tail = last->len;
		nr--;
	}
	if (nr) {
		err = iova_map_vec(dev, domain, linked.start + linked.size, vec,
				   nr, dir, attrs);
		if (err)
			goto err_unlink;
		linked.size = size - tail;
	}
	if (tail) {
		err = iova_link_ragged(dev, domain, state, last->paddr,
				       offset + linked.size, tail, dir, attrs);
		if (err)
			goto err_unlink;
	}
	return 0;

err_unlink:
	if (linked.size) {
		iommu_iotlb_gather_init(&gather);
		iova_unlink(dev, domain, state, linked, dir,
			    attrs | DMA_ATTR_SKIP_CPU_SYNC, &gather);
	}
	*state = before;
	return err;
}

/* The bytes in an array of pieces, or 0 if that cannot be; and all bits in it */
static __always_inline size_t iova_vec_size(const struct phys_vec *vec,
					    size_t nr, u64 *bits)
{
	size_t size = 0;

	for (; nr; vec++, nr--) {
		if (!vec->len || check_add_overflow(size, vec->len, &size))
			return 0;
		*bits |= vec->paddr | vec->len;
	}
	return size;
}

/**
 * iommu_dma_iova_link_vec - map pieces back to back into a reservation
 * @dev:	device the reservation was made for
 * @state:	reservation
 * @vec:	pieces
 * @nr:		number of pieces
 * @offset:	where in the reservation, in bytes
 * @dir:	DMA_TO_DEVICE, DMA_FROM_DEVICE or DMA_BIDIRECTIONAL
 * @attrs:	DMA_ATTR_*
 *
 * Unlike the other functions this one sees itself to it that the pieces are
 * within the reservation, so that it need not look at the array twice.
 *
 * Context: Any.
 * Return: 0 or a negative errno, as for dma_iova_link_vec().
 */
int iommu_dma_iova_link_vec(struct device *dev, struct dma_iova_state *state,
			    const struct phys_vec *vec, size_t nr, size_t offset,
			    enum dma_data_direction dir, unsigned long attrs)
{
	dma_addr_t addr = state->addr + offset;
	struct iommu_domain *domain;
	u64 bits = addr;
	size_t size = iova_vec_size(vec, nr, &bits);

	if (WARN_ONCE(!size || !dma_iova_contains(state, offset, size),
		      "%s: pieces are not within the reservation\n",
		      dma_iova_name(dev)))
		return -EINVAL;

	/* Whole granules are allowed anywhere. */
	domain = iommu_get_dma_domain(dev);
	if (likely(!granule_offset(domain, bits)))
		return iova_map_vec(dev, domain, addr, vec, nr, dir, attrs);

	if (nr == 1)
		return iommu_dma_iova_link(dev, state, vec->paddr, offset,
					   vec->len, dir, attrs);
	if (dev_WARN_ONCE(dev,
			  !iova_vec_allowed(domain, state, vec, nr, offset, size),
			  "piece is not aligned to the granule\n"))
		return -EINVAL;
	return iova_link_vec_ragged(dev, domain, state, vec, nr, offset, size,
				    dir, attrs);
}
ALLOW_ERROR_INJECTION(iommu_dma_iova_link_vec, ERRNO);

/**
 * iommu_dma_iova_unlink - unmap pieces from a reservation
 * @dev:	device the reservation was made for
 * @state:	reservation
 * @offset:	start of the range, in bytes; within the reservation
 * @size:	number of bytes, not 0; offset + size is within the reservation
 * @dir:	as the pieces were linked
 * @attrs:	as the pieces were linked; DMA_ATTR_SKIP_CPU_SYNC may differ
 *
 * Context: Any.
 */
void iommu_dma_iova_unlink(struct device *dev, struct dma_iova_state *state,
			   size_t offset, size_t size,
			   enum dma_data_direction dir, unsigned long attrs)
{
	struct iommu_domain *domain = iommu_get_dma_domain(dev);
	struct iova_range range = iova_pieces(domain, state, offset, size);
	struct iommu_iotlb_gather gather;

	dev_WARN_ONCE(dev, range.size != size,
		      "unlinked half a granule\n");

	iommu_iotlb_gather_init(&gather);
	iova_unlink(dev, domain, state, range, dir, attrs, &gather);
}

/**
 * iommu_dma_iova_destroy - unlink everything and give the reservation back
 * @dev:	device the reservation was made for
 * @state:	reservation
 * @mapped_len:	number of bytes linked from offset 0 on, at most the size of the
 *		reservation
 * @dir:	as the pieces were linked
 * @attrs:	as the pieces were linked; DMA_ATTR_SKIP_CPU_SYNC may differ
 *
 * In lazy mode the IO addresses wait in the flush queue, as after
 * dma_unmap_page(), unless the queue could hold back too much of them.
 *
 * Context: Any.
 */
void iommu_dma_iova_destroy(struct device *dev, struct dma_iova_state *state,
			    size_t mapped_len, enum dma_data_direction dir,
			    unsigned long attrs)
{
	struct iommu_domain *domain = iommu_get_dma_domain(dev);
	struct iova_range granules = iova_granules(domain,
						   iova_reserved(state));
	struct iommu_iotlb_gather gather;

	iommu_iotlb_gather_init(&gather);
	if (mapped_len)
		gather.queued = iommu_dma_can_queue(dev, domain, granules.size);

	/* DMA_IOVA_BOUNCED is not set if this is all of the reservation. */
	if (likely(mapped_len == state->__size))
		iova_unlink_mapped(dev, domain, iova_reserved(state), granules,
				   dir, attrs, &gather);
	else if (mapped_len)
		iova_unlink(dev, domain, state,
			    iova_pieces(domain, state, 0, mapped_len), dir,
			    attrs, &gather);

	iommu_dma_free_iova(domain->iova_cookie, granules.start, granules.size,
			    &gather);
	memset(state, 0, sizeof(*state));
}

/* Hand over what is bounced in [offset, offset + size): parts of the two ends. */
static void iova_sync_bounced(struct device *dev, struct iommu_domain *domain,
			      const struct dma_iova_state *state, size_t offset,
			      size_t size,
			      void (*sync)(struct device *, phys_addr_t, size_t,
					   enum dma_data_direction),
			      enum dma_data_direction dir)
{
	size_t total = dma_iova_size(state);
	struct iova_ends ends = iova_ends(domain, state->addr, total);
	size_t end = offset + size;
	size_t head_end = min(ends.head, end);
	size_t tail_start = max(total - ends.tail, offset);

	if (!(state->__size & DMA_IOVA_BOUNCED))
		return;

	if (offset < head_end)
		sync(dev, iommu_iova_to_phys(domain, state->addr + offset),
		     head_end - offset, dir);
	if (tail_start < end)
		sync(dev, iommu_iova_to_phys(domain, state->addr + tail_start),
		     end - tail_start, dir);
}

/**
 * iommu_dma_iova_sync_for_cpu - give linked memory back to the CPU for a while
 * @dev:	device the reservation was made for
 * @state:	reservation
 * @offset:	start of the range, in bytes; within the reservation
 * @size:	number of bytes; offset + size is within the reservation
 * @dir:	as the pieces were linked
 *
 * Context: Any.
 */
void iommu_dma_iova_sync_for_cpu(struct device *dev,
				 struct dma_iova_state *state, size_t offset,
				 size_t size, enum dma_data_direction dir)
{
	struct iommu_domain *domain = iommu_get_dma_domain(dev);
	struct iova_range range = { state->addr + offset, size };

	if (!dev_is_dma_coherent(dev))
		iova_sync_caches(domain, range, dir, arch_sync_dma_for_cpu);
	iova_sync_bounced(dev, domain, state, offset, size,
			  swiotlb_sync_single_for_cpu, dir);
}

/**
 * iommu_dma_iova_sync_for_device - give linked memory to the device again
 * @dev:	device the reservation was made for
 * @state:	reservation
 * @offset:	start of the range, in bytes; within the reservation
 * @size:	number of bytes; offset + size is within the reservation
 * @dir:	as the pieces were linked
 *
 * Context: Any.
 */
void iommu_dma_iova_sync_for_device(struct device *dev,
				    struct dma_iova_state *state, size_t offset,
				    size_t size, enum dma_data_direction dir)
{
	struct iommu_domain *domain = iommu_get_dma_domain(dev);
	struct iova_range range = { state->addr + offset, size };

	iova_sync_bounced(dev, domain, state, offset, size,
			  swiotlb_sync_single_for_device, dir);
	if (!dev_is_dma_coherent(dev))
		iova_sync_caches(domain, range, dir, arch_sync_dma_for_device);
}
