/* SPDX-License-Identifier: GPL-2.0 */
/* Counts what a task has allocated with kmalloc() and the like, not freed. */
#ifndef _DMA_TESTS_LIVE_ALLOC_H
#define _DMA_TESTS_LIVE_ALLOC_H

#include <kunit/test.h>

/*
 * Count what this task allocates from here on, for the rest of the test. Call it after
 * fail_alloc_insert(): ftrace leaves memory of its probes to RCU, which frees it later.
 */
void live_alloc_insert(struct kunit *test);

/* The number of allocations since then that have not been freed */
int live_alloc_count(struct kunit *test);

#endif /* _DMA_TESTS_LIVE_ALLOC_H */
