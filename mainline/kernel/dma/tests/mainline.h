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

/* Why a case is skipped */
#define LINK_VEC	mainline_has_no_link_vec
#define HAND_OVER	mainline_has_no_hand_over
#define BATCH		mainline_has_no_batch
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

static inline void mainline_does_not_say(struct kunit *test)
{
	kunit_skip(test, "the documentation does not say what happens");
}

/* The case itself is not run, and neither is it unused. */
#define CASE_OF_OURS(run, why)						\
	{ .run_case = true ? why : run, .name = #run,			\
	  .module_name = KBUILD_MODNAME }
#define CASE_OF_OURS_SLOW(run, why)	CASE_OF_OURS(run, why)

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

#define iommu_present(bus)	false

/* Here they take a state that is const. */
#define dma_use_iova(state)	dma_use_iova((struct dma_iova_state *)(state))
#define dma_iova_size(state)	dma_iova_size((struct dma_iova_state *)(state))

#endif /* _DMA_TESTS_MAINLINE_H */
