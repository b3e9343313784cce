/* SPDX-License-Identifier: GPL-2.0 */
/* What a task has allocated by kmalloc() and its kin, and not freed. */
#ifndef _DMA_TESTS_LIVE_ALLOC_H
#define _DMA_TESTS_LIVE_ALLOC_H

#include <kunit/test.h>

/*
 * For the rest of the test; from here on, of this task. Behind fail_alloc_insert(),
 * as ftrace's probes leave something to RCU, which is free only later.
 */
void live_alloc_insert(struct kunit *test);

/* How many of what was allocated since are still there? */
int live_alloc_count(struct kunit *test);

#endif /* _DMA_TESTS_LIVE_ALLOC_H */
