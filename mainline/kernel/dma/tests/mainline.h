/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the suites need in mainline's tree, which has the API but not all of what it
 * has here. Included before anything else in each of their files; see
 * scripts/check/conformance.sh.
 */
#ifndef _DMA_TESTS_MAINLINE_H
#define _DMA_TESTS_MAINLINE_H

#define DMA_IOVA_MAINLINE

#include <kunit/test.h>
#include <linux/dma-mapping.h>
#include <linux/hmm.h>
#include <linux/hmm-dma.h>
#include <linux/pci-p2pdma.h>

/* Why a case is skipped */
#define LINK_VEC	mainline_has_no_link_vec
#define HAND_OVER	mainline_has_no_hand_over
#define BATCH		mainline_has_no_batch
#define HMM_RANGE	mainline_has_no_hmm_range
#define PROFILE		mainline_takes_length_from_profile
#define MISUSE		mainline_does_not_say

static inline void mainline_has_no_link_vec(struct kunit *test)
{
	kunit_skip(test, "there is no dma_iova_link_vec()");
}

static inline void mainline_has_no_hand_over(struct kunit *test)
{
	kunit_skip(test, "there is no dma_iova_sync_for_cpu() or _for_device()");
}

static inline void mainline_has_no_batch(struct kunit *test)
{
	kunit_skip(test, "there is no struct dma_iova_batch");
}

static inline void mainline_has_no_hmm_range(struct kunit *test)
{
	kunit_skip(test, "there is no hmm_dma_map_range()");
}

static inline void mainline_takes_length_from_profile(struct kunit *test)
{
	kunit_skip(test, "the queue has no integrity profile, which says how long metadata is");
}

static inline void mainline_does_not_say(struct kunit *test)
{
	kunit_skip(test, "the documentation does not say what happens");
}

/* The case itself is not run, and neither is it unused. */
#define CASE_OF_OURS(run, why)						\
	{ .run_case = true ? why : run, .name = #run,			\
	  .module_name = KBUILD_MODNAME }
#define CASE_OF_OURS_SLOW(run, why)	CASE_OF_OURS(run, why)
#define API_OF_OURS			false

/* Calls of cases that are not run */
static inline int dma_iova_link_vec(struct device *dev,
				    struct dma_iova_state *state,
				    const struct phys_vec *vec, size_t nr,
				    size_t offset, enum dma_data_direction dir,
				    unsigned long attrs)
{
	return -EOPNOTSUPP;
}

static inline void dma_iova_sync_for_cpu(struct device *dev,
					 struct dma_iova_state *state,
					 size_t offset, size_t size,
					 enum dma_data_direction dir)
{
}

static inline void dma_iova_sync_for_device(struct device *dev,
					    struct dma_iova_state *state,
					    size_t offset, size_t size,
					    enum dma_data_direction dir)
{
}

#define DMA_IOVA_BATCH_SIZE	1

struct dma_iova_batch {
	struct dma_iova_state states[DMA_IOVA_BATCH_SIZE];
	unsigned int nr;
};

static inline void dma_iova_batch_init(struct dma_iova_batch *batch)
{
	batch->nr = 0;
}

static inline void dma_iova_batch_destroy(struct dma_iova_batch *batch,
					  struct device *dev,
					  struct dma_iova_state *state,
					  size_t mapped_len,
					  enum dma_data_direction dir,
					  unsigned long attrs)
{
}

static inline void dma_iova_batch_flush(struct dma_iova_batch *batch)
{
}

/* Entry by entry. Cases of the call itself are not run. */
static inline long hmm_dma_map_range(struct device *dev, struct hmm_dma_map *map,
				     size_t idx, size_t nr, unsigned long *pfns)
{
	struct pci_p2pdma_map_state p2pdma = {};
	long mapped = 0;

	for (; nr--; idx++, pfns++) {
		if (!(*pfns & HMM_PFN_VALID) ||
		    map->pfn_list[idx] & HMM_PFN_DMA_MAPPED)
			continue;
		map->pfn_list[idx] = *pfns;
		if (hmm_dma_map_pfn(dev, map, idx, &p2pdma) == DMA_MAPPING_ERROR)
			return -EIO;
		mapped++;
	}
	return mapped;
}

static inline size_t hmm_dma_unmap_range(struct device *dev,
					 struct hmm_dma_map *map, size_t idx,
					 size_t nr)
{
	size_t unmapped = 0;

	for (; nr--; idx++)
		unmapped += hmm_dma_unmap_pfn(dev, map, idx);
	return unmapped;
}

#define HMM_PFN_DMA_FLAGS						\
	(HMM_PFN_DMA_MAPPED | HMM_PFN_P2PDMA | HMM_PFN_P2PDMA_BUS)

#define iommu_present(bus)	false

/* Here they take a state that is const. */
#define dma_use_iova(state)	dma_use_iova((struct dma_iova_state *)(state))
#define dma_iova_size(state)	dma_iova_size((struct dma_iova_state *)(state))

#endif /* _DMA_TESTS_MAINLINE_H */
