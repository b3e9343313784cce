/* SPDX-License-Identifier: GPL-2.0 */
/* Makes the nth allocation of memory fail: of a page, or of a small object. */
#ifndef _DMA_TESTS_FAIL_ALLOC_H
#define _DMA_TESTS_FAIL_ALLOC_H

#include <kunit/test.h>

/* For the rest of the test; nothing fails yet. */
void fail_alloc_insert(struct kunit *test);

/* Instead: only objects of a kmem_cache fail. */
void fail_alloc_insert_cache(struct kunit *test);

/* The @nth allocation of this task from here on, counted from 1 */
void fail_alloc_arm(int nth);

/* Nothing fails from here on. Returns whether anything has failed. */
bool fail_alloc_disarm(void);

/*
 * The same, for a test that fails each allocation in turn. @err is the result of the
 * last try; sets @nth to the allocation to fail next.
 */
bool fail_alloc_next(int *nth, int err);

/*
 * The least number of failures that a test sees when it fails each of @nr
 * allocations. With kmemleak, slab allocates pages at varying places, so some
 * allocations are missed.
 */
static inline int fail_alloc_least(int nr)
{
	return IS_ENABLED(CONFIG_DEBUG_KMEMLEAK) ? 1 : nr;
}

#endif /* _DMA_TESTS_FAIL_ALLOC_H */
