// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suites of batches: reservations that are destroyed one by one and share an
 * invalidation.
 *
 * dma_iova_batch		on any machine, behind a mock IOMMU
 * dma_iova_batch_iommu		the edu device is behind an IOMMU, in strict mode
 * dma_iova_batch_iotlb		the same, where QEMU invalidates single entries
 * dma_iova_batch_bounce	the edu device has bounce buffers and no IOMMU
 */
#include <kunit/test.h>
#include <linux/bottom_half.h>
#include <linux/dma-mapping.h>
#include <linux/iommu.h>
#include <linux/mm.h>
#include <linux/sizes.h>

#include "../../../drivers/iommu/iommu-pages.h"
#include "fixture.h"
#include "spy.h"

/* More than one batch */
#define MANY	(DMA_IOVA_BATCH_SIZE + 1)

static phys_addr_t sees(struct fixture *f, dma_addr_t addr)
{
	return mock_iommu_device_sees(f->mock, addr);
}

/* A page each */
static void link_each(struct fixture *f, struct dma_iova_state *states,
		      dma_addr_t *addrs, struct page **pages, int nr)
{
	int i;

	for (i = 0; i < nr; i++) {
		fixture_link_pages(f, &states[i], &pages[i], 1);
		addrs[i] = states[i].addr;
	}
}

static void batch_destroy(struct fixture *f, struct dma_iova_batch *batch,
			  struct dma_iova_state *state)
{
	dma_iova_batch_destroy(batch, f->dev, state, dma_iova_size(state),
			       DMA_BIDIRECTIONAL, 0);
	fixture_expect_zero(f->test, state);
}

static void batch_invalidates_once(struct kunit *test)
{
	struct fixture *f = fixture_strict_mock(test);
	struct page **pages = fixture_scattered_pages(test, 3);
	struct dma_iova_state states[3];
	struct dma_iova_batch batch;
	dma_addr_t addrs[3];
	int i;

	link_each(f, states, addrs, pages, 3);
	dma_iova_batch_init(&batch);
	for (i = 0; i < 3; i++)
		batch_destroy(f, &batch, &states[i]);

	/* Nothing is mapped, and the IOMMU does not know yet. */
	for (i = 0; i < 3; i++) {
		fixture_expect_nothing_linked(f, addrs[i], PAGE_SIZE);
		KUNIT_EXPECT_EQ(test, sees(f, addrs[i]), page_to_phys(pages[i]));
	}

	dma_iova_batch_flush(&batch);
	KUNIT_EXPECT_EQ(test, f->mock->state.seen, (size_t)0);
	KUNIT_EXPECT_EQ(test, f->mock->calls.sync_ranges, 1);
	KUNIT_EXPECT_EQ(test, f->mock->calls.sync, 0);
	KUNIT_EXPECT_EQ(test, f->mock->calls.flush_all, 0);
}

static void batch_keeps_addresses_until_flush(struct kunit *test)
{
	struct fixture *f = fixture_strict_mock(test);
	struct page *page = fixture_lone_page(test);
	int all = mock_iommu_count_free(test, f->mock);
	struct dma_iova_state state;
	struct dma_iova_batch batch;

	/* Three granules, one of them linked */
	fixture_reserve(f, &state, 0, 3 * PAGE_SIZE);
	fixture_link_page(f, &state, 0, page);
	dma_iova_batch_init(&batch);
	dma_iova_batch_destroy(&batch, f->dev, &state, PAGE_SIZE,
			       DMA_BIDIRECTIONAL, 0);
	KUNIT_EXPECT_EQ(test, f->mock->state.mapped, (size_t)0);
	KUNIT_EXPECT_LE(test, mock_iommu_count_free(test, f->mock), all - 3);

	dma_iova_batch_flush(&batch);
	fixture_forget_addresses(f->dev);
	KUNIT_EXPECT_EQ(test, mock_iommu_count_free(test, f->mock), all);
}

static void batch_flushes_when_full(struct kunit *test)
{
	struct fixture *f = fixture_strict_mock(test);
	struct page **pages = fixture_scattered_pages(test, MANY);
	struct dma_iova_state states[MANY];
	struct dma_iova_batch batch;
	dma_addr_t addrs[MANY];
	int i;

	link_each(f, states, addrs, pages, MANY);
	dma_iova_batch_init(&batch);
	for (i = 0; i < DMA_IOVA_BATCH_SIZE; i++)
		batch_destroy(f, &batch, &states[i]);
	KUNIT_EXPECT_EQ(test, f->mock->calls.sync_ranges, 0);

	batch_destroy(f, &batch, &states[i]);
	KUNIT_EXPECT_EQ(test, f->mock->calls.sync_ranges, 1);
	KUNIT_EXPECT_EQ(test, f->mock->state.seen, PAGE_SIZE);
	dma_iova_batch_flush(&batch);
	KUNIT_EXPECT_EQ(test, f->mock->calls.sync_ranges, 2);
	KUNIT_EXPECT_EQ(test, f->mock->state.seen, (size_t)0);
}

static void batch_flushes_for_another_device(struct kunit *test)
{
	struct fixture *f = fixture_strict_mock(test);
	struct device *other = mock_iommu_add_device(test, f->mock);
	struct page **pages = fixture_scattered_pages(test, 2);
	struct dma_iova_state states[2];
	struct dma_iova_batch batch;

	KUNIT_ASSERT_EQ(test, 0, dma_set_mask_and_coherent(other, DMA_BIT_MASK(64)));
	fixture_link_pages(f, &states[0], &pages[0], 1);
	dma_iova_batch_init(&batch);
	batch_destroy(f, &batch, &states[0]);

	f->dev = other;
	fixture_link_pages(f, &states[1], &pages[1], 1);
	batch_destroy(f, &batch, &states[1]);
	KUNIT_EXPECT_EQ(test, f->mock->calls.sync_ranges, 1);
	KUNIT_EXPECT_EQ(test, f->mock->state.seen, PAGE_SIZE);
	dma_iova_batch_flush(&batch);
	KUNIT_EXPECT_EQ(test, f->mock->state.seen, (size_t)0);
}

static void batch_is_used_again(struct kunit *test)
{
	struct fixture *f = fixture_strict_mock(test);
	struct page *page = fixture_lone_page(test);
	struct dma_iova_state state;
	struct dma_iova_batch batch;
	int i;

	dma_iova_batch_init(&batch);
	dma_iova_batch_flush(&batch);
	KUNIT_EXPECT_EQ(test, f->mock->calls.sync_ranges, 0);
	for (i = 1; i <= 2; i++) {
		fixture_link_pages(f, &state, &page, 1);
		batch_destroy(f, &batch, &state);
		dma_iova_batch_flush(&batch);
		KUNIT_EXPECT_EQ(test, f->mock->calls.sync_ranges, i);
		KUNIT_EXPECT_EQ(test, f->mock->state.seen, (size_t)0);
	}
}

/* The flush queue is the batch. */
static void batch_leaves_lazy_mode_alone(struct kunit *test)
{
	static const struct mock_iommu_config config = {
		.page_sizes	= PAGE_SIZE,
		.aperture	= SZ_16M,
		.type		= IOMMU_DOMAIN_DMA_FQ,
	};
	struct fixture *f = fixture_mock(test, &config);
	struct page *page = fixture_lone_page(test);
	struct dma_iova_state state;
	struct dma_iova_batch batch;

	fixture_link_pages(f, &state, &page, 1);
	dma_iova_batch_init(&batch);
	local_bh_disable();
	batch_destroy(f, &batch, &state);
	dma_iova_batch_flush(&batch);
	KUNIT_EXPECT_EQ(test, f->mock->state.seen, PAGE_SIZE);
	local_bh_enable();
	fixture_wait_for_change(test, &f->mock->calls.flush_all, 0);
	KUNIT_EXPECT_EQ(test, f->mock->state.seen, (size_t)0);
	KUNIT_EXPECT_EQ(test, f->mock->calls.sync_ranges, 0);
	KUNIT_EXPECT_EQ(test, f->mock->calls.sync, 0);
}

static void batch_without_driver_support(struct kunit *test)
{
	struct fixture *f = fixture_strict_mock(test);
	struct page *page = fixture_lone_page(test);
	struct dma_iova_state state;
	struct dma_iova_batch batch;

	f->mock->ops.iotlb_sync_ranges = NULL;
	fixture_link_pages(f, &state, &page, 1);
	dma_iova_batch_init(&batch);
	batch_destroy(f, &batch, &state);
	KUNIT_EXPECT_EQ(test, f->mock->state.seen, (size_t)0);
	KUNIT_EXPECT_EQ(test, f->mock->calls.sync, 1);
	dma_iova_batch_flush(&batch);
	KUNIT_EXPECT_EQ(test, f->mock->calls.sync, 1);
}

/* A driver that takes out a page table with each piece */
static struct {
	const struct iommu_domain_ops *driver;
	struct page *table;
	int refs_at_sync;
	bool tables;
} freeing;

static size_t freeing_unmap(struct iommu_domain *domain, unsigned long iova,
			    size_t pgsize, size_t pgcount,
			    struct iommu_iotlb_gather *gather)
{
	list_add(&freeing.table->lru, &gather->freelist);
	return freeing.driver->unmap_pages(domain, iova, pgsize, pgcount, gather);
}

static void freeing_sync_ranges(struct iommu_domain *domain,
				const struct iommu_iotlb_range *ranges,
				size_t nr, bool tables)
{
	freeing.refs_at_sync = page_count(freeing.table);
	freeing.tables = tables;
	freeing.driver->iotlb_sync_ranges(domain, ranges, nr, tables);
}

static void batch_frees_tables_after_invalidation(struct kunit *test)
{
	struct fixture *f = fixture_strict_mock(test);
	const struct iommu_domain_ops mock_ops = f->mock->ops;
	struct page *page = fixture_lone_page(test);
	struct dma_iova_state state;
	struct dma_iova_batch batch;
	void *table;

	freeing.driver = &mock_ops;
	table = iommu_alloc_page(GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, table);
	freeing.table = virt_to_page(table);
	/* One reference is the driver's, the other one keeps the page for the check. */
	get_page(freeing.table);

	fixture_link_pages(f, &state, &page, 1);
	dma_iova_batch_init(&batch);
	f->mock->ops.unmap_pages = freeing_unmap;
	f->mock->ops.iotlb_sync_ranges = freeing_sync_ranges;
	batch_destroy(f, &batch, &state);
	KUNIT_EXPECT_EQ(test, page_count(freeing.table), 2);
	dma_iova_batch_flush(&batch);
	f->mock->ops = mock_ops;
	KUNIT_EXPECT_EQ(test, freeing.refs_at_sync, 2);
	KUNIT_EXPECT_TRUE(test, freeing.tables);
	KUNIT_EXPECT_EQ(test, page_count(freeing.table), 1);
	put_page(freeing.table);

	/* The list is empty again. */
	fixture_link_pages(f, &state, &page, 1);
	batch_destroy(f, &batch, &state);
	f->mock->ops.iotlb_sync_ranges = freeing_sync_ranges;
	dma_iova_batch_flush(&batch);
	f->mock->ops = mock_ops;
	KUNIT_EXPECT_FALSE(test, freeing.tables);
}

/* Misuse is reported, and handled, as by dma_iova_destroy(). */
static void batch_destroy_twice(struct kunit *test)
{
	struct fixture *f = fixture_strict_mock(test);
	struct page *page = fixture_lone_page(test);
	struct dma_iova_state state;
	struct dma_iova_batch batch;

	fixture_link_pages(f, &state, &page, 1);
	dma_iova_batch_init(&batch);
	batch_destroy(f, &batch, &state);
	warns_once(test, ENTRY)
		dma_iova_batch_destroy(&batch, f->dev, &state, PAGE_SIZE,
				       DMA_BIDIRECTIONAL, 0);
	KUNIT_EXPECT_EQ(test, f->mock->calls.sync_ranges, 0);
	dma_iova_batch_flush(&batch);
	KUNIT_EXPECT_EQ(test, f->mock->calls.sync_ranges, 1);
}

static void batch_destroy_more_than_reserved(struct kunit *test)
{
	struct fixture *f = fixture_strict_mock(test);
	struct page *page = fixture_lone_page(test);
	struct dma_iova_state state;
	struct dma_iova_batch batch;

	dma_iova_batch_init(&batch);
	warns_once(test, ENTRY) {
		fixture_link_pages(f, &state, &page, 1);
		dma_iova_batch_destroy(&batch, f->dev, &state, 2 * PAGE_SIZE,
				       DMA_BIDIRECTIONAL, 0);
		fixture_expect_zero(test, &state);
		KUNIT_EXPECT_EQ(test, f->mock->state.seen, (size_t)0);
	}
	dma_iova_batch_flush(&batch);
}

static void batch_destroy_dir_none(struct kunit *test)
{
	struct fixture *f = fixture_strict_mock(test);
	struct page *page = fixture_lone_page(test);
	struct dma_iova_state state;
	struct dma_iova_batch batch;

	dma_iova_batch_init(&batch);
	warns_once(test, ENTRY) {
		fixture_link_pages(f, &state, &page, 1);
		dma_iova_batch_destroy(&batch, f->dev, &state, PAGE_SIZE,
				       DMA_NONE, 0);
		fixture_expect_zero(test, &state);
		KUNIT_EXPECT_EQ(test, f->mock->state.seen, (size_t)0);
	}
	dma_iova_batch_flush(&batch);
}

static void batch_destroy_nothing_linked(struct kunit *test)
{
	struct fixture *f = fixture_strict_mock(test);
	int all = mock_iommu_count_free(test, f->mock);
	struct dma_iova_state state;
	struct dma_iova_batch batch;

	fixture_reserve(f, &state, 0, PAGE_SIZE);
	dma_iova_batch_init(&batch);
	dma_iova_batch_destroy(&batch, f->dev, &state, 0, DMA_BIDIRECTIONAL, 0);
	fixture_expect_zero(test, &state);
	fixture_forget_addresses(f->dev);
	KUNIT_EXPECT_EQ(test, mock_iommu_count_free(test, f->mock), all);
	dma_iova_batch_flush(&batch);
	KUNIT_EXPECT_EQ(test, f->mock->calls.sync_ranges, 0);
	KUNIT_EXPECT_EQ(test, f->mock->calls.sync, 0);
}

/*
 * A real IOMMU, and a device that tries to write. Before the flush it still can. That
 * fills the IOTLB, so a missing invalidation shows afterwards.
 */
static void batch_isolates_device(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page **pages = fixture_scattered_pages(test, 4);
	struct dma_iova_state states[4];
	struct dma_iova_batch batch;
	dma_addr_t addrs[4];
	int i;

	link_each(f, states, addrs, pages, 4);
	for (i = 0; i < 4; i++)
		fixture_expect_device_writes(f, addrs[i], pages[i]);
	/* QEMU's AMD IOMMU forgets all of a domain with each invalidation. */
	for (i = 0; i < 4; i++)
		edu_store(test, f->edu, addrs[i], 64);
	memset(page_address(pages[0]), 0, PAGE_SIZE);
	dma_iova_batch_init(&batch);
	for (i = 0; i < 4; i++)
		batch_destroy(f, &batch, &states[i]);
	edu_store(test, f->edu, addrs[0], 64);
	KUNIT_EXPECT_NOT_NULL_MSG(test, memchr_inv(page_address(pages[0]), 0, 64),
				  "the IOMMU has no IOTLB that would show anything");

	dma_iova_batch_flush(&batch);
	for (i = 0; i < 4; i++)
		fixture_expect_device_cannot_write(f, addrs[i], pages[i]);
}

static void batch_is_one_call_of_driver(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page **pages = fixture_scattered_pages(test, DMA_IOVA_BATCH_SIZE + 1);
	struct dma_iova_state states[DMA_IOVA_BATCH_SIZE], bystander;
	dma_addr_t addrs[DMA_IOVA_BATCH_SIZE];
	struct dma_iova_batch batch;
	int i;

	/* Its addresses are among those of the others. */
	link_each(f, states, addrs, pages, 8);
	fixture_link_pages(f, &bystander, &pages[DMA_IOVA_BATCH_SIZE], 1);
	link_each(f, states + 8, addrs + 8, pages + 8, DMA_IOVA_BATCH_SIZE - 8);
	fixture_expect_device_writes(f, bystander.addr, pages[DMA_IOVA_BATCH_SIZE]);

	spy_reset();
	dma_iova_batch_init(&batch);
	for (i = 0; i < DMA_IOVA_BATCH_SIZE; i++)
		batch_destroy(f, &batch, &states[i]);
	dma_iova_batch_flush(&batch);
	KUNIT_EXPECT_EQ(test, spy.sync_ranges, 1);
	KUNIT_EXPECT_EQ(test, spy.ranges, DMA_IOVA_BATCH_SIZE);
	/* What is invalidated is what was mapped, and no more. */
	KUNIT_EXPECT_EQ(test, spy.range_bytes, DMA_IOVA_BATCH_SIZE * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, spy.sync, 0);
	KUNIT_EXPECT_EQ(test, spy.flush_all, 0);

	fixture_expect_device_writes(f, bystander.addr, pages[DMA_IOVA_BATCH_SIZE]);
	fixture_destroy(f, &bystander, PAGE_SIZE);
}

/* Large pages, and full page tables, which are freed; ragged at both ends */
static void batch_of_large_reservations(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page *large = fixture_large_page(test);
	struct page **pages = fixture_scattered_pages(test, 513);
	struct dma_iova_state states[3];
	struct dma_iova_batch batch;
	dma_addr_t addrs[3];
	int i;

	fixture_link_pages(f, &states[0], pages, 512);
	fixture_reserve(f, &states[1], 0, SZ_4M);
	KUNIT_ASSERT_EQ(test, 0, dma_iova_link(f->dev, &states[1],
					       page_to_phys(large), 0, SZ_4M,
					       DMA_BIDIRECTIONAL, 0));
	KUNIT_ASSERT_EQ(test, 0, dma_iova_sync(f->dev, &states[1], 0, SZ_4M));
	fixture_reserve(f, &states[2], 512, SZ_1K);
	KUNIT_ASSERT_EQ(test, 0, dma_iova_link(f->dev, &states[2],
					       page_to_phys(pages[512]) + 512, 0,
					       SZ_1K, DMA_BIDIRECTIONAL, 0));
	KUNIT_ASSERT_EQ(test, 0, dma_iova_sync(f->dev, &states[2], 0, SZ_1K));
	for (i = 0; i < 3; i++)
		addrs[i] = states[i].addr;

	fixture_expect_device_writes(f, addrs[1] + SZ_2M, large + SZ_2M / PAGE_SIZE);
	fixture_expect_device_writes(f, addrs[0] + 511 * PAGE_SIZE, pages[511]);
	dma_iova_batch_init(&batch);
	for (i = 0; i < 3; i++)
		batch_destroy(f, &batch, &states[i]);
	dma_iova_batch_flush(&batch);
	fixture_expect_nothing_linked(f, addrs[0], 512 * PAGE_SIZE);
	fixture_expect_nothing_linked(f, addrs[1], SZ_4M);
	fixture_expect_nothing_linked(f, addrs[2] - 512, PAGE_SIZE);
	fixture_expect_device_cannot_write(f, addrs[0] + 511 * PAGE_SIZE, pages[511]);
	fixture_expect_device_cannot_write(f, addrs[1] + SZ_2M,
					   large + SZ_2M / PAGE_SIZE);
}

/*
 * QEMU's VT-d compares only the lower eight bits of a page number, and invalidates
 * everything when it gets 256 pages or more. So map fewer pages, and no others.
 */
#define SEVERAL		64

static void batch_of_several_pages(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page **pages = fixture_scattered_pages(test, SEVERAL);
	struct page *last = pages[SEVERAL - 1];
	struct dma_iova_batch batch;
	struct dma_iova_state state;
	dma_addr_t addr;

	fixture_link_pages(f, &state, pages, SEVERAL);
	addr = state.addr + (SEVERAL - 1) * PAGE_SIZE;
	fixture_expect_device_writes(f, addr, last);
	dma_iova_batch_init(&batch);
	batch_destroy(f, &batch, &state);
	dma_iova_batch_flush(&batch);
	fixture_expect_device_cannot_write(f, addr, last);
}

/* A mistake of the driver, which costs no invalidation of its own */
static void batch_across_hole_invalidates_once(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page **pages = fixture_scattered_pages(test, 2);
	struct dma_iova_batch batch;
	struct dma_iova_state state;
	dma_addr_t addr;

	fixture_reserve(f, &state, 0, 4 * PAGE_SIZE);
	fixture_link_page(f, &state, 0, pages[0]);
	fixture_link_page(f, &state, 3 * PAGE_SIZE, pages[1]);
	KUNIT_EXPECT_EQ(test, 0, dma_iova_sync(f->dev, &state, 0, 4 * PAGE_SIZE));
	addr = state.addr;
	fixture_expect_device_writes(f, addr, pages[0]);
	fixture_expect_device_writes(f, addr + 3 * PAGE_SIZE, pages[1]);

	spy_reset();
	dma_iova_batch_init(&batch);
	warnings_expect(test, ENGINE);
	batch_destroy(f, &batch, &state);
	KUNIT_EXPECT_EQ(test, warnings_taken(test), 1);
	KUNIT_EXPECT_EQ(test, spy.sync, 0);
	dma_iova_batch_flush(&batch);
	KUNIT_EXPECT_EQ(test, spy.sync_ranges, 1);
	KUNIT_EXPECT_EQ(test, spy.sync, 0);
	fixture_expect_device_cannot_write(f, addr, pages[0]);
	fixture_expect_device_cannot_write(f, addr + 3 * PAGE_SIZE, pages[1]);
}

/* The same addresses lead to other memory soon after. */
static void batch_addresses_used_again(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page **pages = fixture_scattered_pages(test, 8);
	struct dma_iova_state states[4];
	struct dma_iova_batch batch;
	dma_addr_t addrs[4];
	int round, i;

	dma_iova_batch_init(&batch);
	for (round = 0; round < 4; round++) {
		struct page **now = &pages[round % 2 * 4];

		link_each(f, states, addrs, now, 4);
		for (i = 0; i < 4; i++)
			fixture_expect_device_writes(f, addrs[i], now[i]);
		for (i = 0; i < 4; i++)
			batch_destroy(f, &batch, &states[i]);
		dma_iova_batch_flush(&batch);
	}
}

/*
 * What another batch has unlinked is only in the IOTLB. It stays there, so no more is
 * invalidated than what is asked for.
 */
static void batch_spares_other_entries(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page **pages = fixture_scattered_pages(test, 4);
	struct dma_iova_batch batch, other;
	struct dma_iova_state states[4];
	dma_addr_t addrs[4];
	int i;

	link_each(f, states, addrs, pages, 4);
	for (i = 0; i < 4; i++)
		fixture_expect_device_writes(f, addrs[i], pages[i]);
	dma_iova_batch_init(&other);
	batch_destroy(f, &other, &states[0]);
	dma_iova_batch_init(&batch);
	for (i = 1; i < 4; i++)
		batch_destroy(f, &batch, &states[i]);
	dma_iova_batch_flush(&batch);

	memset(page_address(pages[0]), 0, PAGE_SIZE);
	edu_store(test, f->edu, addrs[0], 64);
	KUNIT_EXPECT_NOT_NULL(test, memchr_inv(page_address(pages[0]), 0, 64));
	dma_iova_batch_flush(&other);
	for (i = 0; i < 4; i++)
		fixture_expect_device_cannot_write(f, addrs[i], pages[i]);
}

/* A reservation that may be bounced is copied back after its own invalidation. */
static void batch_copies_back_at_once(struct kunit *test)
{
	static const struct mock_iommu_config config = {
		.page_sizes	= PAGE_SIZE,
		.aperture	= SZ_16M,
		.type		= IOMMU_DOMAIN_DMA,
	};
	struct fixture *f = fixture_mock_untrusted(test, &config);
	struct page *page = fixture_lone_page(test);
	phys_addr_t phys = page_to_phys(page);
	struct dma_iova_state state;
	struct dma_iova_batch batch;
	phys_addr_t bounced;

	memset(page_address(page), 0, PAGE_SIZE);
	fixture_reserve(f, &state, phys, SZ_1K);
	KUNIT_ASSERT_EQ(test, 0, dma_iova_link(f->dev, &state, phys, 0, SZ_1K,
					       DMA_FROM_DEVICE, 0));
	KUNIT_ASSERT_EQ(test, 0, dma_iova_sync(f->dev, &state, 0, SZ_1K));
	bounced = sees(f, state.addr);
	KUNIT_ASSERT_NE(test, bounced, phys);
	memset(phys_to_virt(bounced), 0x5a, SZ_1K);

	dma_iova_batch_init(&batch);
	dma_iova_batch_destroy(&batch, f->dev, &state, SZ_1K, DMA_FROM_DEVICE, 0);
	KUNIT_EXPECT_EQ(test, f->mock->state.seen, (size_t)0);
	KUNIT_EXPECT_NULL(test, memchr_inv(page_address(page), 0x5a, SZ_1K));
	dma_iova_batch_flush(&batch);
	KUNIT_EXPECT_EQ(test, f->mock->calls.sync_ranges, 0);
}

static int init_strict_iommu(struct kunit *test)
{
	int err = spy_init_iommu(test);

	if (!err)
		fixture_need_strict_mode(test);
	return err;
}

/* QEMU's virtio-iommu has no IOTLB, and its AMD IOMMU always forgets all of it. */
static int init_iotlb(struct kunit *test)
{
	int err = init_strict_iommu(test);
	struct fixture *f = test->priv;
	const char *iommu;

	if (err)
		return err;
	iommu = dev_name(f->dev->iommu->iommu_dev->dev);
	if (!strstarts(iommu, "dmar") && !strstarts(iommu, "smmu3"))
		kunit_skip(test, "%s does not invalidate single entries", iommu);
	return 0;
}

static struct kunit_case mock_cases[] = {
	KUNIT_CASE(batch_invalidates_once),
	KUNIT_CASE(batch_keeps_addresses_until_flush),
	KUNIT_CASE(batch_flushes_when_full),
	KUNIT_CASE(batch_flushes_for_another_device),
	KUNIT_CASE(batch_is_used_again),
	KUNIT_CASE(batch_leaves_lazy_mode_alone),
	KUNIT_CASE(batch_without_driver_support),
	KUNIT_CASE(batch_frees_tables_after_invalidation),
	KUNIT_CASE(batch_destroy_twice),
	KUNIT_CASE(batch_destroy_more_than_reserved),
	KUNIT_CASE(batch_destroy_dir_none),
	KUNIT_CASE(batch_destroy_nothing_linked),
	{}
};

static struct kunit_case iommu_cases[] = {
	KUNIT_CASE(batch_isolates_device),
	KUNIT_CASE(batch_is_one_call_of_driver),
	KUNIT_CASE(batch_of_large_reservations),
	KUNIT_CASE(batch_of_several_pages),
	KUNIT_CASE(batch_across_hole_invalidates_once),
	KUNIT_CASE(batch_addresses_used_again),
	{}
};

static struct kunit_case iotlb_cases[] = {
	KUNIT_CASE(batch_spares_other_entries),
	{}
};

static struct kunit_case bounce_cases[] = {
	KUNIT_CASE(batch_copies_back_at_once),
	{}
};

static struct kunit_suite mock_suite = {
	.name		= "dma_iova_batch",
	.suite_init	= warnings_start,
	.suite_exit	= warnings_stop,
	.exit		= warnings_check,
	.test_cases	= mock_cases,
};

static struct kunit_suite iommu_suite = {
	.name		= "dma_iova_batch_iommu",
	.suite_init	= warnings_start,
	.suite_exit	= warnings_stop,
	.init		= init_strict_iommu,
	.exit		= warnings_check,
	.test_cases	= iommu_cases,
};

static struct kunit_suite iotlb_suite = {
	.name		= "dma_iova_batch_iotlb",
	.suite_init	= warnings_start,
	.suite_exit	= warnings_stop,
	.init		= init_iotlb,
	.exit		= warnings_check,
	.test_cases	= iotlb_cases,
};

static struct kunit_suite bounce_suite = {
	.name		= "dma_iova_batch_bounce",
	.suite_init	= warnings_start,
	.suite_exit	= warnings_stop,
	.exit		= warnings_check,
	.test_cases	= bounce_cases,
};

kunit_test_suites(&mock_suite, &iommu_suite, &iotlb_suite, &bounce_suite);

MODULE_DESCRIPTION("KUnit suites of batches of the two-step DMA API");
MODULE_LICENSE("GPL");
