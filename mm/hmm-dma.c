// SPDX-License-Identifier: GPL-2.0
/*
 * DMA mapping of what hmm_range_fault() finds. Behind an IOMMU the addresses of
 * a region are reserved once, and its pages are linked and unlinked as they
 * come and go. So the address of a page follows from its place in the region,
 * and need not be kept. The flags of an entry in the list of pfns say whether
 * it is mapped, and how.
 */
#include <linux/dma-direct.h>
#include <linux/dma-map-ops.h>
#include <linux/export.h>
#include <linux/hmm-dma.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/pci-p2pdma.h>
#include <linux/slab.h>

/* The CPU and the device both write. */
#define HMM_DMA_DIR	DMA_BIDIRECTIONAL

/* Entries that are linked by one call: 512 bytes of stack */
#define HMM_DMA_PIECES	32

/* Pages of an entry, as a power of two */
static unsigned int hmm_dma_order(const struct hmm_dma_map *map)
{
	return ilog2(map->dma_entry_size) - PAGE_SHIFT;
}

/**
 * hmm_dma_map_alloc - prepare to map the pages of a region
 * @dev:	device to map for; NULL for virtual DMA: the CPU accesses the
 *		memory, and DMA addresses are the kernel's addresses
 * @map:	set in any case
 * @nr_entries:	number of pages of PAGE_SIZE in the region, not 0
 * @dma_entry_size: bytes that are mapped at a time, a power of two of at least
 *		PAGE_SIZE; the region consists of whole entries
 *
 * Reserves IO addresses for the whole region if @dev is behind an IOMMU.
 * Without them, pages are mapped by dma_map_phys(), with DMA_ATTR_MMIO for
 * memory of a PCI device that is reached through the host bridge.
 *
 * The process goes on to use its pages while they are mapped. So @dev must be
 * coherent, and must not need bounce buffers for whole pages: unmapping would
 * write over what the process has stored.
 *
 * Context: May sleep.
 * Return: 0, and hmm_dma_map_free() gives everything back; or a negative errno,
 *	   and there is nothing to give back: -ENOMEM, -EOVERFLOW if the region
 *	   has more bytes than a size_t can count, -EOPNOTSUPP if
 *	   dma_need_hand_over(), -EINVAL, with a warning once, if @nr_entries or
 *	   @dma_entry_size is not allowed.
 */
int hmm_dma_map_alloc(struct device *dev, struct hmm_dma_map *map,
		      size_t nr_entries, size_t dma_entry_size)
{
	size_t size;

	memset(map, 0, sizeof(*map));
	if (WARN_ONCE(!nr_entries || dma_entry_size < PAGE_SIZE ||
		      !is_power_of_2(dma_entry_size) ||
		      nr_entries % (dma_entry_size >> PAGE_SHIFT),
		      "cannot map %zu pages in entries of %#zx bytes\n",
		      nr_entries, dma_entry_size))
		return -EINVAL;
	if (check_mul_overflow(nr_entries, PAGE_SIZE, &size))
		return -EOVERFLOW;
	if (dma_need_hand_over(dev))
		return -EOPNOTSUPP;

	map->dma_entry_size = dma_entry_size;
	map->pfn_list = kvcalloc(nr_entries, sizeof(*map->pfn_list),
				 GFP_KERNEL | __GFP_NOWARN);
	if (!map->pfn_list)
		return -ENOMEM;

	if (dma_iova_try_alloc(dev, &map->state, 0, size) ||
	    !dma_need_unmap(dev))
		return 0;

	map->dma_list = kvcalloc(size / dma_entry_size, sizeof(*map->dma_list),
				 GFP_KERNEL | __GFP_NOWARN);
	if (!map->dma_list) {
		kvfree(map->pfn_list);
		map->pfn_list = NULL;
		return -ENOMEM;
	}
	return 0;
}
EXPORT_SYMBOL_GPL(hmm_dma_map_alloc);

/**
 * hmm_dma_map_free - give back what hmm_dma_map_alloc() has got
 * @dev:	device that the pages were mapped for
 * @map:	map with no page mapped; all zero afterwards
 *
 * Context: May sleep.
 */
void hmm_dma_map_free(struct device *dev, struct hmm_dma_map *map)
{
	if (dma_use_iova(&map->state))
		dma_iova_free(dev, &map->state);
	kvfree(map->dma_list);
	kvfree(map->pfn_list);
	memset(map, 0, sizeof(*map));
}
EXPORT_SYMBOL_GPL(hmm_dma_map_free);

/*
 * Decides how @page is mapped. @kind gets the flags of its entry, which say
 * later how to unmap it.
 */
static int hmm_dma_kind(struct device *dev, struct pci_p2pdma_map_state *p2pdma,
			struct page *page, unsigned long *kind)
{
	*kind = HMM_PFN_DMA_MAPPED;
	if (!dev)
		return 0;

	switch (pci_p2pdma_state(p2pdma, dev, page)) {
	case PCI_P2PDMA_MAP_NONE:
		return 0;
	case PCI_P2PDMA_MAP_THRU_HOST_BRIDGE:
		*kind |= HMM_PFN_P2PDMA;
		return 0;
	case PCI_P2PDMA_MAP_BUS_ADDR:
		*kind |= HMM_PFN_P2PDMA | HMM_PFN_P2PDMA_BUS;
		return 0;
	default:
		return -EREMOTEIO;
	}
}

/* Memory of a PCI device is not cached, whatever way leads to it. */
static unsigned long hmm_dma_attrs(unsigned long kind)
{
	return kind & HMM_PFN_P2PDMA ? DMA_ATTR_MMIO : 0;
}

/*
 * Map an entry without a reservation. It must not be bounced. hmm_dma_map_alloc()
 * refuses devices that would do so, but memory that a device does not reach may
 * be added later.
 */
static dma_addr_t hmm_dma_stream(struct device *dev, struct hmm_dma_map *map,
				 phys_addr_t phys, unsigned long kind)
{
	return dma_map_phys(dev, phys, map->dma_entry_size, HMM_DMA_DIR,
			    hmm_dma_attrs(kind) | DMA_ATTR_NO_WARN |
			    DMA_ATTR_REQUIRE_COHERENT);
}

/* Unmap entries that follow each other and are mapped in the same way. */
static void hmm_dma_unmap_run(struct device *dev, struct hmm_dma_map *map,
			      size_t idx, size_t nr, unsigned long kind)
{
	dma_addr_t *addr, *end;

	if (!dev || kind & HMM_PFN_P2PDMA_BUS)
		return;

	if (dma_use_iova(&map->state)) {
		dma_iova_unlink(dev, &map->state, idx * PAGE_SIZE,
				nr * PAGE_SIZE, HMM_DMA_DIR,
				hmm_dma_attrs(kind));
		return;
	}
	if (!map->dma_list)
		return;

	addr = &map->dma_list[idx >> hmm_dma_order(map)];
	end = addr + (nr >> hmm_dma_order(map));
	for (; addr < end; addr++)
		dma_unmap_phys(dev, *addr, map->dma_entry_size, HMM_DMA_DIR,
			       hmm_dma_attrs(kind));
}

/*
 * Unmap all entries that are mapped according to @pfns, which begins with the
 * entry at @idx. Returns their number. Neighbours of one kind share a call, as
 * each call waits for the IOTLB.
 */
static size_t hmm_dma_unmap_pfns(struct device *dev, struct hmm_dma_map *map,
				 size_t idx, size_t nr, unsigned long *pfns)
{
	unsigned int order = hmm_dma_order(map);
	size_t unmapped = 0, i = 0;

	while (i < nr) {
		unsigned long kind = pfns[i] & HMM_PFN_DMA_FLAGS;
		size_t start = i;

		do {
			pfns[i] &= ~HMM_PFN_DMA_FLAGS;
			i += 1UL << order;
		} while (i < nr && (pfns[i] & HMM_PFN_DMA_FLAGS) == kind);

		if (kind & HMM_PFN_DMA_MAPPED) {
			hmm_dma_unmap_run(dev, map, idx + start, i - start,
					  kind);
			unmapped += (i - start) >> order;
		}
	}
	return unmapped;
}

/**
 * hmm_dma_unmap_range - unmap all pages of a range that are mapped
 * @dev:	device that the pages were mapped for
 * @map:	map
 * @idx:	first page of the first entry, as an index in @map->pfn_list
 * @nr:		number of pages
 *
 * Entries that follow each other are unmapped by one call, with one
 * synchronisation of the IOTLB. Of an entry only HMM_PFN_DMA_MAPPED and the flags
 * that say how it is mapped are cleared. When this returns, the device cannot
 * reach the pages any more.
 *
 * Context: Any, under the lock of the map.
 * Return: number of entries that were mapped.
 */
size_t hmm_dma_unmap_range(struct device *dev, struct hmm_dma_map *map,
			   size_t idx, size_t nr)
{
	size_t unmapped = hmm_dma_unmap_pfns(dev, map, idx, nr,
					     &map->pfn_list[idx]);

	map->nr_mapped -= unmapped;
	return unmapped;
}
EXPORT_SYMBOL_GPL(hmm_dma_unmap_range);

/**
 * hmm_dma_unmap_pfn - unmap a page, if it is mapped
 * @dev:	device that it was mapped for
 * @map:	map
 * @idx:	first page of the entry, as an index in @map->pfn_list
 *
 * Context: Any, under the lock of the map.
 * Return: whether it was mapped.
 */
bool hmm_dma_unmap_pfn(struct device *dev, struct hmm_dma_map *map, size_t idx)
{
	return hmm_dma_unmap_range(dev, map, idx, 1UL << hmm_dma_order(map));
}
EXPORT_SYMBOL_GPL(hmm_dma_unmap_pfn);

/*
 * A range that is being mapped. @pfns begins with the entry at @idx of the map.
 */
struct hmm_dma_range {
	struct device *dev;
	struct hmm_dma_map *map;
	size_t idx;
	size_t nr;
	unsigned long *pfns;

	/*
	 * So many entries of @pfns have flags of this call, not of an earlier
	 * one.
	 */
	size_t done;

	/* Pieces to link in one go, for the entries from pfns[start] on */
	struct phys_vec *vec;	/* room for HMM_DMA_PIECES, or for all entries */
	unsigned int pieces;
	unsigned long kind;
	size_t start;

	/* The part that has been linked and has to be synchronised */
	size_t linked_start;
	size_t linked_end;
};

/*
 * Link the pieces that have been collected. Only then are their entries marked,
 * so that an error undoes exactly what has been linked.
 */
static int hmm_dma_link_pieces(struct hmm_dma_range *r)
{
	unsigned int order = hmm_dma_order(r->map);
	size_t i = r->start;
	int err;

	if (!r->pieces)
		return 0;

	err = dma_iova_link_vec(r->dev, &r->map->state, r->vec, r->pieces,
				(r->idx + i) * PAGE_SIZE, HMM_DMA_DIR,
				hmm_dma_attrs(r->kind));
	if (err)
		return err;

	if (!r->linked_end)
		r->linked_start = i;
	for (; r->pieces; r->pieces--) {
		r->pfns[i] |= r->kind;
		i += 1UL << order;
	}
	r->linked_end = i;
	return 0;
}

/*
 * Collect an entry, to be linked together with its neighbours. What has been
 * collected is linked first if the entry does not follow it, or is of another
 * kind, or if the array is full.
 */
static int hmm_dma_add_piece(struct hmm_dma_range *r, size_t i,
			     unsigned long kind)
{
	size_t next = r->start + ((size_t)r->pieces << hmm_dma_order(r->map));
	int err;

	if (i != next || kind != r->kind || r->pieces == HMM_DMA_PIECES) {
		err = hmm_dma_link_pieces(r);
		if (err)
			return err;
		r->start = i;
		r->kind = kind;
	}
	r->vec[r->pieces++] = (struct phys_vec) {
		.paddr	= hmm_pfn_to_phys(r->pfns[i]),
		.len	= r->map->dma_entry_size,
	};
	return 0;
}

/* Map an entry without a link. If it gets an address, keep that. */
static int hmm_dma_map_unlinked(struct hmm_dma_range *r, size_t i,
				unsigned long kind)
{
	struct hmm_dma_map *map = r->map;
	dma_addr_t addr;

	if (r->dev && !(kind & HMM_PFN_P2PDMA_BUS)) {
		addr = hmm_dma_stream(r->dev, map, hmm_pfn_to_phys(r->pfns[i]),
				      kind);
		if (dma_mapping_error(r->dev, addr))
			return -ENOMEM;
		if (map->dma_list)
			map->dma_list[(r->idx + i) >> hmm_dma_order(map)] = addr;
	}
	r->pfns[i] |= kind;
	return 0;
}

static int hmm_dma_map_entry(struct hmm_dma_range *r, size_t i,
			     struct pci_p2pdma_map_state *p2pdma)
{
	struct page *page = hmm_pfn_to_page(r->pfns[i]);
	unsigned long kind;
	int err;

	err = hmm_dma_kind(r->dev, p2pdma, page, &kind);
	if (err)
		return err;
	if (!dma_use_iova(&r->map->state) || kind & HMM_PFN_P2PDMA_BUS)
		return hmm_dma_map_unlinked(r, i, kind);
	return hmm_dma_add_piece(r, i, kind);
}

/*
 * Map what is in r->pfns and not in the map yet. Up to r->done, the flags in
 * r->pfns are the record of what this call has mapped; the map does not change
 * before everything has succeeded.
 */
static int hmm_dma_map_new(struct hmm_dma_range *r,
			   struct pci_p2pdma_map_state *p2pdma)
{
	unsigned long *list = &r->map->pfn_list[r->idx];
	size_t step = 1UL << hmm_dma_order(r->map);
	size_t i;
	int err;

	for (i = 0; i < r->nr; i += step) {
		r->pfns[i] &= ~HMM_PFN_DMA_FLAGS;
		r->done = i + step;
		if (!(r->pfns[i] & HMM_PFN_VALID) ||
		    list[i] & HMM_PFN_DMA_MAPPED)
			continue;
		err = hmm_dma_map_entry(r, i, p2pdma);
		if (err)
			return err;
	}
	err = hmm_dma_link_pieces(r);
	if (err || !r->linked_end)
		return err;
	return dma_iova_sync(r->dev, &r->map->state,
			     (r->idx + r->linked_start) * PAGE_SIZE,
			     (r->linked_end - r->linked_start) * PAGE_SIZE);
}

/*
 * Map what is new, then take it over into the map; or undo it, and leave the
 * map.
 */
static long hmm_dma_map_pfns(struct hmm_dma_range *r,
			     struct pci_p2pdma_map_state *p2pdma)
{
	unsigned long *list = &r->map->pfn_list[r->idx];
	size_t step = 1UL << hmm_dma_order(r->map);
	long mapped = 0;
	size_t i;
	int err;

	err = hmm_dma_map_new(r, p2pdma);
	if (err) {
		hmm_dma_unmap_pfns(r->dev, r->map, r->idx, r->done, r->pfns);
		return err;
	}

	for (i = 0; i < r->nr; i += step) {
		if (list[i] & HMM_PFN_DMA_MAPPED) {
			list[i] |= r->pfns[i] & HMM_PFN_WRITE;
		} else {
			list[i] = r->pfns[i];
			mapped += !!(r->pfns[i] & HMM_PFN_DMA_MAPPED);
		}
	}
	r->map->nr_mapped += mapped;
	return mapped;
}

/**
 * hmm_dma_map_range - map what hmm_range_fault() has found
 * @dev:	device to map for
 * @map:	map
 * @idx:	first page of the first entry, as an index in @map->pfn_list
 * @nr:		number of pages; whole entries
 * @pfns:	what hmm_range_fault() has found, in an array other than
 *		@map->pfn_list; without HMM_PFN_WRITE where the device is not to
 *		write. Its flags are lost.
 *
 * Maps all entries that are HMM_PFN_VALID in @pfns and not mapped yet, and
 * takes them over into @map->pfn_list. For an entry that is mapped already, it
 * takes over a new HMM_PFN_WRITE only. An entry that is not valid is taken over
 * and not mapped.
 *
 * Neighbours are linked together, and all of them are synchronised at once.
 *
 * Context: Any, under the lock of the map, with mmu_interval_read_retry() having
 *	    said there that @pfns is up to date. For memory of PCI devices as
 *	    pci_p2pdma_state().
 * Return: number of entries that have been mapped; or a negative errno, and the
 *	   map is as it was: -EREMOTEIO if @dev cannot reach a page, which is in
 *	   another PCI device; -ENOMEM, or what dma_iova_link() or
 *	   dma_iova_sync() returns.
 */
long hmm_dma_map_range(struct device *dev, struct hmm_dma_map *map, size_t idx,
		       size_t nr, unsigned long *pfns)
{
	struct pci_p2pdma_map_state p2pdma = {};
	struct phys_vec vec[HMM_DMA_PIECES];
	struct hmm_dma_range r = {
		.dev = dev, .map = map, .idx = idx, .nr = nr, .pfns = pfns,
		.vec = vec,
	};

	return hmm_dma_map_pfns(&r, &p2pdma);
}
EXPORT_SYMBOL_GPL(hmm_dma_map_range);

/* Returns the address at which the device finds a mapped entry */
static dma_addr_t hmm_dma_addr(struct device *dev, struct hmm_dma_map *map,
			       size_t idx, struct pci_p2pdma_map_state *p2pdma)
{
	unsigned long pfn = map->pfn_list[idx];
	struct page *page = hmm_pfn_to_page(pfn);
	phys_addr_t phys = hmm_pfn_to_phys(pfn);

	if (!dev)
		return (uintptr_t)page_address(page);
	if (pfn & HMM_PFN_P2PDMA_BUS) {
		pci_p2pdma_state(p2pdma, dev, page);
		return pci_p2pdma_bus_addr_map(p2pdma, phys);
	}
	if (dma_use_iova(&map->state))
		return map->state.addr + idx * PAGE_SIZE;
	if (map->dma_list)
		return map->dma_list[idx >> hmm_dma_order(map)];

	/* The device maps directly, and nothing has been bounced. */
	return pfn & HMM_PFN_P2PDMA ? phys : phys_to_dma(dev, phys);
}

/* Map one entry of @map. What hmm_range_fault() has found is there already. */
static long hmm_dma_map_entry_alone(struct device *dev, struct hmm_dma_map *map,
				    size_t idx,
				    struct pci_p2pdma_map_state *p2pdma)
{
	unsigned long pfn = map->pfn_list[idx];
	struct phys_vec vec;
	struct hmm_dma_range r = {
		.dev = dev, .map = map, .idx = idx, .nr = 1, .pfns = &pfn,
		.vec = &vec,
	};

	return hmm_dma_map_pfns(&r, p2pdma);
}

/**
 * hmm_dma_map_pfn - map a page, or return where it is mapped
 * @dev:	device to map for
 * @map:	map
 * @idx:	first page of the entry, as an index in @map->pfn_list, which has what
 *		hmm_range_fault() has found
 * @p2pdma_state: zeroed by the caller before the first page, then kept for all
 *		that are mapped in a row
 *
 * A page that is mapped already is not mapped again.
 *
 * Context: Any, under the lock of the map, with mmu_interval_read_retry() having
 *	    said there that the entry is up to date. For memory of PCI devices as
 *	    pci_p2pdma_state().
 * Return: DMA address of the entry; or DMA_MAPPING_ERROR, and nothing has been
 *	   mapped. With a warning once, if the entry is not HMM_PFN_VALID.
 */
dma_addr_t hmm_dma_map_pfn(struct device *dev, struct hmm_dma_map *map,
			   size_t idx,
			   struct pci_p2pdma_map_state *p2pdma_state)
{
	unsigned long pfn = map->pfn_list[idx];

	if (WARN_ONCE(!(pfn & HMM_PFN_VALID), "no page to map\n"))
		return DMA_MAPPING_ERROR;
	if (!(pfn & HMM_PFN_DMA_MAPPED) &&
	    hmm_dma_map_entry_alone(dev, map, idx, p2pdma_state) < 0)
		return DMA_MAPPING_ERROR;
	return hmm_dma_addr(dev, map, idx, p2pdma_state);
}
EXPORT_SYMBOL_GPL(hmm_dma_map_pfn);
