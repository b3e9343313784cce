/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memory as seen by a device that does not snoop: a copy of what has been flushed. A
 * suite replaces the function that flushes by one that calls flushed_add().
 */
#ifndef _DMA_TESTS_FLUSHED_H
#define _DMA_TESTS_FLUSHED_H

#include <kunit/test.h>

/* For the rest of the test. Nothing has been flushed yet. */
void flushed_start(struct kunit *test);

void flushed_add(const void *addr, size_t size);

/* The word at @paddr, or 0 if nothing has been flushed to its page */
u64 flushed_read(phys_addr_t paddr);

#endif /* _DMA_TESTS_FLUSHED_H */
