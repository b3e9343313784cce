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

#endif /* _DMA_TESTS_FAIL_ALLOC_H */
