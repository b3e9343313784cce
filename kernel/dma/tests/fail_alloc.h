/* SPDX-License-Identifier: GPL-2.0 */
/* Makes the nth allocation of memory fail: of a page, or of a small object. */
#ifndef _DMA_TESTS_FAIL_ALLOC_H
#define _DMA_TESTS_FAIL_ALLOC_H

#include <kunit/test.h>

/* For the rest of the test; nothing fails yet. */
void fail_alloc_insert(struct kunit *test);

/* The @nth allocation of this task from here on, counted from 1 */
void fail_alloc_arm(int nth);

/* Nothing fails from here on. Has anything failed? */
bool fail_alloc_disarm(void);

/*
 * The same, for a test that has each allocation fail in turn: sets @nth to the one
 * that is next, given that @err was the outcome.
 */
bool fail_alloc_next(int *nth, int err);

/*
 * How many failures a test sees at least that has each of @nr allocations fail.
 * kmemleak has slab ask for pages, at another place each time, so that some are
 * passed over.
 */
static inline int fail_alloc_least(int nr)
{
	return IS_ENABLED(CONFIG_DEBUG_KMEMLEAK) ? 1 : nr;
}

#endif /* _DMA_TESTS_FAIL_ALLOC_H */
