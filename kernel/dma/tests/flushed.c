// SPDX-License-Identifier: GPL-2.0
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/xarray.h>

#include "flushed.h"

/* By the number of the page */
static DEFINE_XARRAY(copies);
static struct kunit *flushed_test;

static void flushed_stop(void *data)
{
	unsigned long pfn;
	void *copy;

	xa_for_each(&copies, pfn, copy)
		kfree(copy);
	xa_destroy(&copies);
}

void flushed_start(struct kunit *test)
{
	flushed_test = test;
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, flushed_stop, NULL));
}

static void *flushed_copy(unsigned long pfn)
{
	void *copy = xa_load(&copies, pfn);

	if (!copy) {
		copy = kzalloc(PAGE_SIZE, GFP_ATOMIC);
		KUNIT_ASSERT_NOT_NULL(flushed_test, copy);
		KUNIT_ASSERT_EQ(flushed_test, 0,
				xa_err(xa_store(&copies, pfn, copy, GFP_ATOMIC)));
	}
	return copy;
}

void flushed_add(const void *addr, size_t size)
{
	while (size) {
		unsigned int into = offset_in_page(addr);
		size_t len = min(size, PAGE_SIZE - into);

		memcpy(flushed_copy(PHYS_PFN(__pa(addr))) + into, addr, len);
		addr += len;
		size -= len;
	}
}

u64 flushed_read(phys_addr_t paddr)
{
	void *copy = xa_load(&copies, PHYS_PFN(paddr));

	return copy ? *(u64 *)(copy + offset_in_page(paddr)) : 0;
}
