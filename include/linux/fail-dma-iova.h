/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _LINUX_FAIL_DMA_IOVA_H
#define _LINUX_FAIL_DMA_IOVA_H

#include <linux/types.h>

struct device;

/* The steps of a DMA mapping that can be made to fail, each on its own */
enum dma_iova_step {
	DMA_IOVA_STEP_ALLOC,
	DMA_IOVA_STEP_LINK,
	DMA_IOVA_STEP_SYNC,
	DMA_IOVA_STEP_BOUNCE,
	DMA_IOVA_STEP_BATCH,
	DMA_IOVA_STEP_MAP_PAGE,
};

#ifdef CONFIG_FAIL_DMA_IOVA
bool should_fail_dma_iova(struct device *dev, enum dma_iova_step step);
#else
static inline bool should_fail_dma_iova(struct device *dev,
					enum dma_iova_step step)
{
	return false;
}
#endif

#endif /* _LINUX_FAIL_DMA_IOVA_H */
