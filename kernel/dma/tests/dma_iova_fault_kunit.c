// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suites of CONFIG_FAIL_DMA_IOVA: each step of a two-step DMA mapping fails on
 * request, no other does, and nothing is left behind. They need QEMU's edu device.
 *
 * dma_iova_fault		behind an IOMMU
 * dma_iova_fault_bounce	behind an IOMMU, untrusted, with swiotlb
 */
#include <kunit/test.h>
#include <linux/atomic.h>
#include <linux/dma-mapping.h>
#include <linux/slab.h>

#include "fixture.h"

static void fault_clear(void *probability)
{
	*(unsigned long *)probability = 0;
}

/* Set the attributes as debugfs does, so that only the @nth call fails. */
static void fault_inject(struct kunit *test, const char *dir, int nth)
{
	unsigned long *probability = fixture_debugfs(test, dir, "probability");

	*(unsigned long *)fixture_debugfs(test, dir, "verbose") = 0;
	atomic_set(fixture_debugfs(test, dir, "space"), nth);
	atomic_set(fixture_debugfs(test, dir, "times"), 1);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action(test, fault_clear,
						  probability));
	*probability = 100;
}

static void fault_device(struct kunit *test, const char *dir, const char *name)
{
	char **device = fixture_debugfs(test, dir, "device");
	char *new = kstrdup(name, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, new);
	kfree(*device);
	*device = new;
}

static int link_page(struct fixture *f, struct dma_iova_state *state,
		     size_t offset, struct page *page)
{
	return dma_iova_link(f->dev, state, page_to_phys(page), offset,
			     PAGE_SIZE, DMA_BIDIRECTIONAL, 0);
}

static void fail_alloc(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page *page = fixture_lone_page(test);
	struct dma_iova_state state;

	fault_inject(test, "fail_dma_iova_alloc", 1);
	memset(&state, 0xff, sizeof(state));
	KUNIT_EXPECT_FALSE(test, dma_iova_try_alloc(f->dev, &state, 0,
						    PAGE_SIZE));
	fixture_expect_zero(test, &state);
	fixture_link_pages(f, &state, &page, 1);
	fixture_destroy(f, &state, PAGE_SIZE);
}

static void fail_nth_link(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page **pages = fixture_scattered_pages(test, 4);
	struct dma_iova_state state;
	dma_addr_t addr;

	fault_inject(test, "fail_dma_iova_link", 3);
	fixture_reserve(f, &state, 0, 4 * PAGE_SIZE);
	addr = state.addr;
	fixture_link_page(f, &state, 0, pages[0]);
	fixture_link_page(f, &state, PAGE_SIZE, pages[1]);
	KUNIT_EXPECT_EQ(test, -ENOMEM,
			link_page(f, &state, 2 * PAGE_SIZE, pages[2]));
	fixture_expect_linked(f, &state, 0, page_to_phys(pages[0]), PAGE_SIZE);
	fixture_expect_linked(f, &state, PAGE_SIZE, page_to_phys(pages[1]),
			      PAGE_SIZE);
	fixture_expect_nothing_linked(f, addr + 2 * PAGE_SIZE, 2 * PAGE_SIZE);
	fixture_destroy(f, &state, 2 * PAGE_SIZE);
	fixture_expect_nothing_linked(f, addr, 4 * PAGE_SIZE);

	fixture_link_pages(f, &state, pages, 4);
	fixture_destroy(f, &state, 4 * PAGE_SIZE);
}

static void fail_link_vec(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page **pages = fixture_scattered_pages(test, 2);
	struct phys_vec vec[] = {
		{ page_to_phys(pages[0]), PAGE_SIZE },
		{ page_to_phys(pages[1]), PAGE_SIZE },
	};
	struct dma_iova_state state;

	fault_inject(test, "fail_dma_iova_link", 1);
	fixture_reserve(f, &state, 0, 2 * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, -ENOMEM,
			dma_iova_link_vec(f->dev, &state, vec, 2, 0,
					  DMA_BIDIRECTIONAL, 0));
	fixture_expect_nothing_linked(f, state.addr, 2 * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, 0,
			dma_iova_link_vec(f->dev, &state, vec, 2, 0,
					  DMA_BIDIRECTIONAL, 0));
	KUNIT_EXPECT_EQ(test, 0, dma_iova_sync(f->dev, &state, 0,
					       2 * PAGE_SIZE));
	fixture_destroy(f, &state, 2 * PAGE_SIZE);
}

static void fail_sync(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page *page = fixture_lone_page(test);
	struct dma_iova_state state;
	dma_addr_t addr;

	fault_inject(test, "fail_dma_iova_sync", 1);
	fixture_reserve(f, &state, 0, PAGE_SIZE);
	addr = state.addr;
	fixture_link_page(f, &state, 0, page);
	KUNIT_EXPECT_EQ(test, -EIO,
			dma_iova_sync(f->dev, &state, 0, PAGE_SIZE));
	fixture_expect_linked(f, &state, 0, page_to_phys(page), PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, 0, dma_iova_sync(f->dev, &state, 0, PAGE_SIZE));
	fixture_destroy(f, &state, PAGE_SIZE);
	fixture_expect_nothing_linked(f, addr, PAGE_SIZE);
}

/* Every driver takes the result for an error, and nothing is mapped. */
static void fail_batch(struct kunit *test)
{
	struct fixture *f = fixture_strict_mock(test);
	struct page **pages = fixture_scattered_pages(test, 2);
	struct dma_iova_state states[2];
	struct dma_iova_batch batch;
	int i;

	fault_inject(test, "fail_dma_iova_batch", 2);
	dma_iova_batch_init(&batch);
	for (i = 0; i < 2; i++) {
		fixture_link_pages(f, &states[i], &pages[i], 1);
		dma_iova_batch_destroy(&batch, f->dev, &states[i], PAGE_SIZE,
				       DMA_BIDIRECTIONAL, 0);
		fixture_expect_zero(test, &states[i]);
	}
	KUNIT_EXPECT_EQ(test, f->mock->state.seen, PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, f->mock->calls.sync, 1);
	dma_iova_batch_flush(&batch);
	KUNIT_EXPECT_EQ(test, f->mock->state.seen, (size_t)0);
	KUNIT_EXPECT_EQ(test, f->mock->calls.sync_ranges, 1);
}

static void fail_map_page(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page *page = fixture_lone_page(test);
	dma_addr_t addr;

	fault_inject(test, "fail_dma_map_page", 2);
	addr = dma_map_page(f->dev, page, 0, PAGE_SIZE, DMA_TO_DEVICE);
	KUNIT_EXPECT_FALSE(test, dma_mapping_error(f->dev, addr));
	dma_unmap_page(f->dev, addr, PAGE_SIZE, DMA_TO_DEVICE);
	KUNIT_EXPECT_EQ(test, DMA_MAPPING_ERROR,
			dma_map_page(f->dev, page, 0, PAGE_SIZE, DMA_TO_DEVICE));
	addr = dma_map_page(f->dev, page, 0, PAGE_SIZE, DMA_TO_DEVICE);
	KUNIT_EXPECT_FALSE(test, dma_mapping_error(f->dev, addr));
	dma_unmap_page(f->dev, addr, PAGE_SIZE, DMA_TO_DEVICE);
}

static void fail_only_device(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct dma_iova_state state;

	fault_inject(test, "fail_dma_iova_alloc", 1);
	fault_device(test, "fail_dma_iova_alloc", "0000:ff:1f.7");
	KUNIT_EXPECT_TRUE(test, dma_iova_try_alloc(f->dev, &state, 0,
						   PAGE_SIZE));
	dma_iova_free(f->dev, &state);
	fault_device(test, "fail_dma_iova_alloc", dev_name(f->dev));
	KUNIT_EXPECT_FALSE(test, dma_iova_try_alloc(f->dev, &state, 0,
						    PAGE_SIZE));
	fault_device(test, "fail_dma_iova_alloc", "");
}

/* The head has its bounce buffer when the tail is refused one. */
static void fail_bounce(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page *page = fixture_large_page(test);
	phys_addr_t phys = page_to_phys(page) + 512;
	long before = fixture_slots_used(f);
	struct dma_iova_state state;
	dma_addr_t addr;

	fault_inject(test, "fail_dma_iova_bounce", 2);
	fixture_reserve(f, &state, phys, 3 * PAGE_SIZE);
	addr = state.addr;
	KUNIT_EXPECT_EQ(test, -ENOMEM,
			dma_iova_link(f->dev, &state, phys, 0, 3 * PAGE_SIZE,
				      DMA_BIDIRECTIONAL, 0));
	fixture_expect_nothing_linked(f, addr, 3 * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, fixture_slots_used(f), before);

	KUNIT_EXPECT_EQ(test, 0,
			dma_iova_link(f->dev, &state, phys, 0, 3 * PAGE_SIZE,
				      DMA_BIDIRECTIONAL, 0));
	KUNIT_EXPECT_GT(test, fixture_slots_used(f), before);
	KUNIT_EXPECT_EQ(test, 0, dma_iova_sync(f->dev, &state, 0,
					       3 * PAGE_SIZE));
	fixture_destroy(f, &state, 3 * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, fixture_slots_used(f), before);
}

static void fail_bounce_of_page(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page *page = fixture_lone_page(test);
	dma_addr_t addr;

	fault_inject(test, "fail_dma_iova_bounce", 1);
	addr = dma_map_page(f->dev, page, 100, 300, DMA_BIDIRECTIONAL);
	KUNIT_EXPECT_NE(test, 0, dma_mapping_error(f->dev, addr));
	addr = dma_map_page(f->dev, page, 100, 300, DMA_BIDIRECTIONAL);
	KUNIT_ASSERT_EQ(test, 0, dma_mapping_error(f->dev, addr));
	dma_unmap_page(f->dev, addr, 300, DMA_BIDIRECTIONAL);
}

static struct kunit_case fault_cases[] = {
	KUNIT_CASE(fail_alloc),
	KUNIT_CASE(fail_nth_link),
	KUNIT_CASE(fail_link_vec),
	KUNIT_CASE(fail_sync),
	KUNIT_CASE(fail_batch),
	KUNIT_CASE(fail_map_page),
	KUNIT_CASE(fail_only_device),
	{}
};

static struct kunit_suite fault_suite = {
	.name		= "dma_iova_fault",
	.suite_init	= warnings_start,
	.suite_exit	= warnings_stop,
	.init		= fixture_init_iommu,
	.exit		= warnings_check,
	.test_cases	= fault_cases,
};

static struct kunit_case bounce_cases[] = {
	KUNIT_CASE(fail_bounce),
	KUNIT_CASE(fail_bounce_of_page),
	{}
};

static struct kunit_suite bounce_suite = {
	.name		= "dma_iova_fault_bounce",
	.suite_init	= warnings_start,
	.suite_exit	= warnings_stop,
	.init		= fixture_init_bounce,
	.exit		= warnings_check,
	.test_cases	= bounce_cases,
};

kunit_test_suites(&fault_suite, &bounce_suite);

MODULE_DESCRIPTION("KUnit suites of fault injection for the two-step DMA API");
MODULE_LICENSE("GPL");
