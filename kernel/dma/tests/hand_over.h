/* SPDX-License-Identifier: GPL-2.0 */
/* Records memory that is handed over between CPU and device while mapped */
#ifndef _DMA_TESTS_HAND_OVER_H
#define _DMA_TESTS_HAND_OVER_H

#include <kunit/test.h>
#include <linux/dma-direction.h>
#include <linux/types.h>

/**
 * struct hand_over - calls of one function since hand_over_reset()
 * @calls:	how many there were
 * @bytes:	of all of them
 * @at:		of the last one, the offset in the reservation or the DMA address
 * @dir:	of the last one
 */
struct hand_over {
	int calls;
	size_t bytes;
	u64 at;
	enum dma_data_direction dir;
};

enum hand_over_function {
	/* dma_iova_sync_for_cpu() and its twin */
	RANGE_FOR_CPU,
	RANGE_FOR_DEVICE,
	/* dma_sync_single_for_cpu() and its twin, if they have anything to do */
	SINGLE_FOR_CPU,
	SINGLE_FOR_DEVICE,
	HAND_OVER_FUNCTIONS
};

/* Counts the calls of all tasks: nothing but the case uses DMA. */
extern struct hand_over hand_over[HAND_OVER_FUNCTIONS];

/* Count for the rest of the test. */
void hand_over_insert(struct kunit *test);
void hand_over_reset(void);
int hand_over_calls(void);

#endif /* _DMA_TESTS_HAND_OVER_H */
