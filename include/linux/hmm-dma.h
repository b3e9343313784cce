/* SPDX-License-Identifier: GPL-2.0 */
/*
 * DMA mapping of what hmm_range_fault() finds: a region of user memory whose
 * pages come and go, at one range of IO addresses that stays.
 */
#ifndef _LINUX_HMM_DMA_H
#define _LINUX_HMM_DMA_H

#include <linux/dma-mapping.h>
#include <linux/hmm.h>

struct pci_p2pdma_map_state;

/**
 * struct hmm_dma_map - a region whose pages are mapped one by one
 * @state:	IO addresses of the whole region, if the device is behind an IOMMU
 * @pfn_list:	one entry for each page of the region, in the format of
 *		hmm_range_fault(). HMM_PFN_DMA_MAPPED marks mapped entries.
 * @dma_list:	one address for each entry of @dma_entry_size bytes, if there is
 *		no reservation and they are needed to unmap; otherwise NULL
 * @dma_entry_size: bytes that are mapped at a time, a power of two of at least
 *		PAGE_SIZE
 * @nr_mapped:	entries that are mapped
 *
 * The region is made of DMA entries of @dma_entry_size bytes, each physically
 * contiguous and aligned to its size. The index of an entry is that of its
 * first page in @pfn_list. Only the flags of its first page count.
 *
 * The owner holds a lock around everything that is done to the map. It must not
 * let hmm_range_fault() write to @pfn_list unless that is under the same lock.
 * hmm_dma_map_range() is for an owner whose notifier takes the lock. Such an
 * owner cannot hold it while pages are faulted in.
 */
struct hmm_dma_map {
	struct dma_iova_state state;
	unsigned long *pfn_list;
	dma_addr_t *dma_list;
	size_t dma_entry_size;
	size_t nr_mapped;
};

int hmm_dma_map_alloc(struct device *dev, struct hmm_dma_map *map,
		      size_t nr_entries, size_t dma_entry_size);
void hmm_dma_map_free(struct device *dev, struct hmm_dma_map *map);
dma_addr_t hmm_dma_map_pfn(struct device *dev, struct hmm_dma_map *map,
			   size_t idx,
			   struct pci_p2pdma_map_state *p2pdma_state);
bool hmm_dma_unmap_pfn(struct device *dev, struct hmm_dma_map *map, size_t idx);
long hmm_dma_map_range(struct device *dev, struct hmm_dma_map *map, size_t idx,
		       size_t nr, unsigned long *pfns);
size_t hmm_dma_unmap_range(struct device *dev, struct hmm_dma_map *map,
			   size_t idx, size_t nr);

#endif /* _LINUX_HMM_DMA_H */
