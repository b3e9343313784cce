// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suites of the engine below the two-step DMA API: how often it asks the
 * IOMMU driver for what, and what it does when the driver fails. A spy stands
 * between the iommu core and the driver of the edu device's domain, counts the
 * calls, and makes the nth of them fail.
 *
 * dma_iova_engine		behind an IOMMU
 * dma_iova_engine_bounce	behind an IOMMU, untrusted, with swiotlb
 */
#include <kunit/test.h>
#include <linux/bottom_half.h>
#include <linux/dma-mapping.h>
#include <linux/iommu.h>
#include <linux/iommu-dma.h>
#include <linux/kprobes.h>
#include <linux/pci-p2pdma.h>
#include <linux/scatterlist.h>
#include <linux/sizes.h>

#include "fixture.h"
#include "p2pmem.h"
#include "spy.h"

static bool is_lazy(struct fixture *f)
{
	return f->domain->type == IOMMU_DOMAIN_DMA_FQ;
}

static bool reserve(struct fixture *f, struct dma_iova_state *state,
		    size_t size)
{
	*state = (struct dma_iova_state) {};
	return iommu_dma_iova_try_alloc(f->dev, state, 0, size);
}

static void alloc(struct fixture *f, struct dma_iova_state *state,
		  phys_addr_t phys, size_t size)
{
	*state = (struct dma_iova_state) {};
	KUNIT_ASSERT_TRUE(f->test, iommu_dma_iova_try_alloc(f->dev, state, phys,
							    size));
}

static int link_at(struct fixture *f, struct dma_iova_state *state,
		   phys_addr_t phys, size_t offset, size_t size)
{
	return iommu_dma_iova_link(f->dev, state, phys, offset, size,
				   DMA_BIDIRECTIONAL, 0);
}

static void destroy(struct fixture *f, struct dma_iova_state *state,
		    size_t mapped_len)
{
	iommu_dma_iova_destroy(f->dev, state, mapped_len, DMA_BIDIRECTIONAL, 0);
}

static void link_does_not_sync(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page **pages = fixture_scattered_pages(test, 16);
	struct dma_iova_state state;
	int i;

	alloc(f, &state, 0, 16 * PAGE_SIZE);
	for (i = 0; i < 16; i++)
		KUNIT_EXPECT_EQ(test, 0, link_at(f, &state,
						 page_to_phys(pages[i]),
						 i * PAGE_SIZE, PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, spy.map_pages, 16);
	KUNIT_EXPECT_EQ(test, spy.sync_map, 0);
	KUNIT_EXPECT_EQ(test, spy.sync, 0);

	KUNIT_EXPECT_EQ(test, 0, iommu_dma_iova_sync(f->dev, &state, 0,
						     16 * PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, spy.sync_map, 1);
	KUNIT_EXPECT_EQ(test, spy.iova_to_phys, 0);
	destroy(f, &state, 16 * PAGE_SIZE);
}

/* In lazy mode nothing is invalidated by destroy, but by the flush queue. */
static void destroy_uses_flush_queue(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page **pages = fixture_scattered_pages(test, 16);
	struct dma_iova_state state;
	int at_once;

	fixture_drain_flush_queue(test, f->dev);
	fixture_link_pages(f, &state, pages, 16);
	spy_reset();
	/* The timer is turned on by this CPU, and does not run before this ends. */
	local_bh_disable();
	fixture_destroy(f, &state, 16 * PAGE_SIZE);
	at_once = spy.flush_all;
	local_bh_enable();
	KUNIT_EXPECT_EQ(test, spy.sync, is_lazy(f) ? 0 : 1);
	KUNIT_EXPECT_EQ(test, at_once, 0);
	KUNIT_EXPECT_EQ(test, spy.iova_to_phys, 0);

	if (is_lazy(f))
		fixture_wait_for_change(test, &spy.flush_all, 0);
	KUNIT_EXPECT_EQ(test, spy.flush_all, is_lazy(f) ? 1 : 0);
}

/* Just as dma_unmap_page() does */
static void destroy_syncs_as_unmap_page(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page *page = fixture_lone_page(test);
	struct dma_iova_state state;
	dma_addr_t addr;
	int syncs;

	addr = dma_map_page(f->dev, page, 0, PAGE_SIZE, DMA_BIDIRECTIONAL);
	KUNIT_ASSERT_FALSE(test, dma_mapping_error(f->dev, addr));
	spy_reset();
	dma_unmap_page(f->dev, addr, PAGE_SIZE, DMA_BIDIRECTIONAL);
	syncs = spy.sync;

	fixture_link_pages(f, &state, &page, 1);
	spy_reset();
	fixture_destroy(f, &state, PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, spy.sync, syncs);
}

static void destroy_large_reservation_is_queued(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page *page = fixture_lone_page(test);
	struct dma_iova_state state;

	KUNIT_ASSERT_EQ(test, 0, dma_set_mask(f->dev, DMA_BIT_MASK(32)));
	alloc(f, &state, 0, SZ_256M);
	KUNIT_EXPECT_EQ(test, 0, link_at(f, &state, page_to_phys(page), 0,
					 PAGE_SIZE));
	spy_reset();
	destroy(f, &state, PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, spy.sync, is_lazy(f) ? 0 : 1);
	KUNIT_EXPECT_EQ(test, 0, dma_set_mask(f->dev, DMA_BIT_MASK(64)));
}

/* How often the caches of addresses of a CPU were emptied */
static int caches_emptied;

static int caches_probe(struct kprobe *probe, struct pt_regs *regs)
{
	caches_emptied++;
	return 0;
}

static struct kprobe caches_kprobe = {
	.symbol_name = "free_cpu_cached_iovas",
	.pre_handler = caches_probe,
};

/* All that a device with 32 bits can address */
#define FULL_STATES	8192

struct full {
	struct fixture *f;
	struct dma_iova_state states[FULL_STATES];
	int nr;
};

static void empty_space(void *data)
{
	struct full *full = data;
	struct fixture *f = full->f;
	int i;

	for (i = 0; i < full->nr; i++) {
		if (dma_use_iova(&full->states[i]))
			iommu_dma_iova_free(f->dev, &full->states[i]);
	}
	kvfree(full);
	dma_set_mask(f->dev, DMA_BIT_MASK(64));
}

static struct full *fill_space(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct full *full;
	size_t size;

	/* The queue's timer may run on another CPU, where nothing holds it off. */
	if (num_online_cpus() > 1)
		kunit_skip(test, "needs a machine with one CPU");

	full = kvzalloc(sizeof(*full), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, full);
	full->f = f;
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, empty_space,
							   full));
	fixture_drain_flush_queue(test, f->dev);
	KUNIT_ASSERT_EQ(test, 0, spy_insert(test));
	fixture_probe(test, &caches_kprobe);
	KUNIT_ASSERT_EQ(test, 0, dma_set_mask(f->dev, DMA_BIT_MASK(32)));
	/* One of each size that may be asked for, and then the largest first */
	for (size = 512 * PAGE_SIZE; size >= PAGE_SIZE; size /= 2)
		alloc(f, &full->states[full->nr++], 0, size);
	for (size = 4096 * PAGE_SIZE; size >= PAGE_SIZE; size /= 2) {
		while (full->nr < FULL_STATES &&
		       reserve(f, &full->states[full->nr], size))
			full->nr++;
	}
	KUNIT_ASSERT_LT(test, full->nr, FULL_STATES);
	return full;
}

/* Have the flush queue take the last reservation of @size, in lazy mode. */
static void queue_one(struct fixture *f, struct full *full, size_t size,
		      struct page *page)
{
	struct dma_iova_state *state = &full->states[full->nr - 1];

	while (dma_iova_size(state) != size && state > full->states)
		state--;
	KUNIT_ASSERT_EQ(f->test, dma_iova_size(state), size);
	KUNIT_EXPECT_EQ(f->test, 0, link_at(f, state, page_to_phys(page), 0,
					    PAGE_SIZE));
	spy_reset();
	caches_emptied = 0;
	destroy(f, state, PAGE_SIZE);
}

/*
 * One invalidation at most for one attempt, and only if that can help. It spares
 * the caches of addresses, in which small mappings find theirs.
 */
static void expect_one_flush(struct fixture *f)
{
	KUNIT_EXPECT_EQ(f->test, spy.flush_all, is_lazy(f) ? 1 : 0);
	KUNIT_EXPECT_EQ(f->test, caches_emptied, 0);
}

static void queue_is_flushed_when_addresses_run_out(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page *page = fixture_lone_page(test);
	struct full *full = fill_space(test);
	struct dma_iova_state state;
	bool reserved;

	/* Nothing is queued, so only the caches may have addresses. */
	spy_reset();
	caches_emptied = 0;
	KUNIT_EXPECT_FALSE(test, reserve(f, &state, 256 * PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, spy.flush_all, 0);
	KUNIT_EXPECT_GT(test, caches_emptied, 0);

	/* The timer of the queue does not run meanwhile. */
	local_bh_disable();
	queue_one(f, full, 256 * PAGE_SIZE, page);
	reserved = reserve(f, &state, 256 * PAGE_SIZE);
	local_bh_enable();
	KUNIT_EXPECT_TRUE(test, reserved);
	expect_one_flush(f);
	if (reserved)
		iommu_dma_iova_free(f->dev, &state);
}

static void map_page_flushes_queue_when_addresses_run_out(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page *page = fixture_lone_page(test);
	struct full *full = fill_space(test);
	dma_addr_t addr;

	local_bh_disable();
	queue_one(f, full, PAGE_SIZE, page);
	addr = dma_map_page(f->dev, page, 0, PAGE_SIZE, DMA_BIDIRECTIONAL);
	local_bh_enable();
	KUNIT_ASSERT_FALSE(test, dma_mapping_error(f->dev, addr));
	expect_one_flush(f);
	dma_unmap_page(f->dev, addr, PAGE_SIZE, DMA_BIDIRECTIONAL);
}

static void map_sg_flushes_queue_when_addresses_run_out(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page **pages = fixture_scattered_pages(test, 512);
	struct full *full = fill_space(test);
	struct sg_table sgt;
	int err;

	KUNIT_ASSERT_EQ(test, 0, sg_alloc_table_from_pages(&sgt, pages, 512, 0,
							   512 * PAGE_SIZE,
							   GFP_KERNEL));
	local_bh_disable();
	queue_one(f, full, 512 * PAGE_SIZE, pages[0]);
	err = dma_map_sgtable(f->dev, &sgt, DMA_BIDIRECTIONAL, 0);
	local_bh_enable();
	KUNIT_EXPECT_EQ(test, err, 0);
	expect_one_flush(f);
	if (!err)
		dma_unmap_sgtable(f->dev, &sgt, DMA_BIDIRECTIONAL, 0);
	sg_free_table(&sgt);
}

/* A device that can go above 4 GiB does so without an invalidation. */
static void queue_is_left_while_there_are_addresses(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page *page = fixture_lone_page(test);
	struct full *full = fill_space(test);
	struct dma_iova_state state;
	bool reserved;

	local_bh_disable();
	queue_one(f, full, 256 * PAGE_SIZE, page);
	/* In strict mode the address is free. */
	if (!is_lazy(f))
		KUNIT_EXPECT_TRUE(test, reserve(f, &full->states[full->nr++],
						256 * PAGE_SIZE));
	dma_set_mask(f->dev, DMA_BIT_MASK(64));
	reserved = reserve(f, &state, 256 * PAGE_SIZE);
	local_bh_enable();
	KUNIT_ASSERT_TRUE(test, reserved);
	KUNIT_EXPECT_GT(test, (u64)state.addr, (u64)U32_MAX);
	KUNIT_EXPECT_EQ(test, spy.flush_all, 0);
	iommu_dma_iova_free(f->dev, &state);
}

/* More than 2 GiB do not fit below 4 GiB, where the first page is not used. */
#define LARGE	((size_t)SZ_2G + SZ_1G)

/* This says nothing about how much is free there. */
static void large_reservation_leaves_low_addresses(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct dma_iova_state state;

	fixture_forget_addresses(f->dev);
	alloc(f, &state, 0, LARGE);
	KUNIT_EXPECT_GT(test, (u64)state.addr, (u64)U32_MAX);
	iommu_dma_iova_free(f->dev, &state);
	alloc(f, &state, 0, PAGE_SIZE);
	KUNIT_EXPECT_LE(test, (u64)state.addr, (u64)U32_MAX);
	iommu_dma_iova_free(f->dev, &state);
}

/* There is no room for it, whatever is given back. */
static void too_large_reservation_gives_nothing_back(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page *page = fixture_lone_page(test);
	struct dma_iova_state state;
	int flushes, emptied;
	bool reserved;

	fixture_drain_flush_queue(test, f->dev);
	fixture_probe(test, &caches_kprobe);
	fixture_link_pages(f, &state, &page, 1);
	KUNIT_ASSERT_EQ(test, 0, dma_set_mask(f->dev, DMA_BIT_MASK(32)));
	local_bh_disable();
	fixture_destroy(f, &state, PAGE_SIZE);
	spy_reset();
	caches_emptied = 0;
	reserved = reserve(f, &state, LARGE);
	flushes = spy.flush_all;
	emptied = caches_emptied;
	local_bh_enable();
	dma_set_mask(f->dev, DMA_BIT_MASK(64));
	KUNIT_EXPECT_FALSE(test, reserved);
	KUNIT_EXPECT_EQ(test, flushes, 0);
	KUNIT_EXPECT_EQ(test, emptied, 0);
}

/* The caches of addresses have one of that size, beyond what the device reaches. */
static void reservation_is_within_a_small_mask(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct dma_iova_state state;
	bool reserved;

	alloc(f, &state, 0, SZ_2M);
	iommu_dma_iova_free(f->dev, &state);
	KUNIT_ASSERT_EQ(test, 0, dma_set_mask(f->dev, DMA_BIT_MASK(20)));
	reserved = reserve(f, &state, SZ_2M);
	dma_set_mask(f->dev, DMA_BIT_MASK(64));
	KUNIT_EXPECT_FALSE(test, reserved);
	if (reserved)
		iommu_dma_iova_free(f->dev, &state);
}

/* What the caches of addresses hold, whatever page it begins in */
static void opt_mapping_size_is_cached(struct kunit *test)
{
	struct fixture *f = test->priv;

	KUNIT_EXPECT_EQ(test, dma_opt_mapping_size(f->dev),
			max(SZ_2M, 32 * PAGE_SIZE) - PAGE_SIZE);
}

/* A few sizes in turn, each destroyed before the next: there is always room. */
static void large_reservations_in_turn(struct kunit *test)
{
	static const struct { int times; size_t size; } turns[] = {
		{ 600, SZ_1M }, { 24, SZ_256M }, { 200, SZ_8M }, { 24, SZ_256M },
	};
	struct fixture *f = test->priv;
	struct page *page = fixture_lone_page(test);
	struct dma_iova_state state;
	int i, n, refused = 0;

	KUNIT_ASSERT_EQ(test, 0, dma_set_mask(f->dev, DMA_BIT_MASK(32)));
	for (n = 0; n < 12 * ARRAY_SIZE(turns); n++) {
		for (i = 0; i < turns[n % ARRAY_SIZE(turns)].times; i++) {
			if (!reserve(f, &state,
				     turns[n % ARRAY_SIZE(turns)].size)) {
				refused++;
				continue;
			}
			KUNIT_EXPECT_EQ(test, 0,
					link_at(f, &state, page_to_phys(page),
						0, PAGE_SIZE));
			destroy(f, &state, PAGE_SIZE);
		}
	}
	KUNIT_EXPECT_EQ(test, refused, 0);
	KUNIT_EXPECT_EQ(test, 0, dma_set_mask(f->dev, DMA_BIT_MASK(64)));
}

static void free_does_not_sync(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct dma_iova_state state;

	alloc(f, &state, 0, SZ_64K);
	iommu_dma_iova_free(f->dev, &state);
	fixture_expect_zero(test, &state);
	alloc(f, &state, 0, SZ_64K);
	destroy(f, &state, 0);
	fixture_expect_zero(test, &state);
	KUNIT_EXPECT_EQ(test, spy.sync, 0);
	KUNIT_EXPECT_EQ(test, spy.flush_all, 0);
	KUNIT_EXPECT_EQ(test, spy.unmap_pages, 0);
}

/* Once for all pieces, in lazy mode too */
static void unlink_syncs_once(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page **pages = fixture_scattered_pages(test, 16);
	struct dma_iova_state state;

	fixture_link_pages(f, &state, pages, 16);
	spy_reset();
	dma_iova_unlink(f->dev, &state, 0, 16 * PAGE_SIZE, DMA_BIDIRECTIONAL, 0);
	KUNIT_EXPECT_EQ(test, spy.sync, 1);
	KUNIT_EXPECT_EQ(test, spy.iova_to_phys, 0);
	fixture_expect_nothing_linked(f, state.addr, 16 * PAGE_SIZE);
	dma_iova_free(f->dev, &state);
}

/* Good for large pages, which the device does not read or write */
#define NO_MEMORY	((phys_addr_t)SZ_4G)

static void link_large_piece_by_large_pages(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct dma_iova_state state;

	spy.ops.map_vec = NULL;	/* as a driver that cannot map an array */
	alloc(f, &state, 0, 2 * TABLE_SIZE);
	KUNIT_EXPECT_EQ(test, 0, link_at(f, &state, NO_MEMORY, 0,
					 2 * TABLE_SIZE));
	KUNIT_EXPECT_EQ(test, spy.map_pages, 1);
	KUNIT_EXPECT_GE(test, spy.largest_page, TABLE_SIZE);
	destroy(f, &state, 2 * TABLE_SIZE);
}

/* Whatever the driver says comes out, and a failure never looks like success. */
static void link_passes_errno(struct kunit *test)
{
	static const int errnos[] = { -ENOMEM, -EINVAL, -EFAULT, -EEXIST };
	struct fixture *f = test->priv;
	struct page *page = fixture_lone_page(test);
	struct dma_iova_state state, copy;
	int i;

	alloc(f, &state, 0, PAGE_SIZE);
	copy = state;
	for (i = 0; i < ARRAY_SIZE(errnos); i++) {
		spy.fail_map = 1;
		spy.fail_map_errno = errnos[i];
		KUNIT_EXPECT_EQ(test, errnos[i],
				link_at(f, &state, page_to_phys(page), 0,
					PAGE_SIZE));
		KUNIT_EXPECT_MEMEQ(test, &state, &copy, sizeof(copy));
		fixture_expect_nothing_linked(f, state.addr, PAGE_SIZE);
	}
	KUNIT_EXPECT_EQ(test, 0, link_at(f, &state, page_to_phys(page), 0,
					 PAGE_SIZE));
	destroy(f, &state, PAGE_SIZE);
}

static void link_failure_keeps_earlier_links(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page **pages = fixture_scattered_pages(test, 3);
	struct dma_iova_state state;

	alloc(f, &state, 0, 3 * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, 0, link_at(f, &state, page_to_phys(pages[0]), 0,
					 PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, 0, link_at(f, &state, page_to_phys(pages[2]),
					 2 * PAGE_SIZE, PAGE_SIZE));
	spy.fail_map = 1;
	spy.fail_map_errno = -ENOMEM;
	KUNIT_EXPECT_EQ(test, -ENOMEM, link_at(f, &state,
					       page_to_phys(pages[1]),
					       PAGE_SIZE, PAGE_SIZE));
	fixture_expect_linked(f, &state, 0, page_to_phys(pages[0]), PAGE_SIZE);
	fixture_expect_nothing_linked(f, state.addr + PAGE_SIZE, PAGE_SIZE);
	fixture_expect_linked(f, &state, 2 * PAGE_SIZE, page_to_phys(pages[2]),
			      PAGE_SIZE);
	iommu_dma_iova_unlink(f->dev, &state, 2 * PAGE_SIZE, PAGE_SIZE,
			      DMA_BIDIRECTIONAL, 0);
	destroy(f, &state, PAGE_SIZE);
}

/* A piece that takes several calls of the driver; the last one fails */
static void link_failure_in_the_middle(struct kunit *test)
{
	struct fixture *f = test->priv;
	size_t offset = TABLE_SIZE - 16 * PAGE_SIZE;
	size_t size = TABLE_SIZE + 16 * PAGE_SIZE;
	phys_addr_t phys = NO_MEMORY + offset;
	struct dma_iova_state state;
	int calls, i;

	spy.ops.map_vec = NULL;	/* as a driver that cannot map an array */
	alloc(f, &state, 0, 2 * TABLE_SIZE);
	KUNIT_EXPECT_EQ(test, 0, link_at(f, &state, phys, offset, size));
	calls = spy.map_pages;
	KUNIT_EXPECT_GT(test, calls, 1);
	iommu_dma_iova_unlink(f->dev, &state, offset, size, DMA_BIDIRECTIONAL, 0);

	for (i = 1; i <= calls; i++) {
		spy.fail_map = i;
		spy.fail_map_errno = -ENOMEM;
		KUNIT_EXPECT_EQ(test, -ENOMEM,
				link_at(f, &state, phys, offset, size));
		fixture_expect_nothing_linked(f, state.addr, 2 * TABLE_SIZE);
	}
	iommu_dma_iova_free(f->dev, &state);
}

static int link_vec_at(struct fixture *f, struct dma_iova_state *state,
		       const struct phys_vec *vec, size_t nr, size_t offset)
{
	return iommu_dma_iova_link_vec(f->dev, state, vec, nr, offset,
				       DMA_BIDIRECTIONAL, 0);
}

/* All pieces in one call, if the driver can take that */
static void link_vec_asks_once(struct kunit *test)
{
	struct fixture *f = test->priv;
	phys_addr_t phys = page_to_phys(fixture_large_page(test));
	struct phys_vec vec[16];
	struct dma_iova_state state;
	int i;

	for (i = 0; i < 16; i++)
		vec[i] = (struct phys_vec) { phys + i * PAGE_SIZE, PAGE_SIZE };
	alloc(f, &state, 0, 16 * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, 0, link_vec_at(f, &state, vec, 16, 0));
	fixture_expect_linked(f, &state, 0, phys, 16 * PAGE_SIZE);
	if (spy.driver->map_vec)
		KUNIT_EXPECT_EQ(test, spy.map_vec, 1);
	else
		KUNIT_EXPECT_EQ(test, spy.map_pages, 16);
	KUNIT_EXPECT_EQ(test, spy.sync_map, 0);
	destroy(f, &state, 16 * PAGE_SIZE);
}

/* For an IOMMU driver that cannot take an array */
static void link_vec_range_by_range(struct kunit *test)
{
	struct fixture *f = test->priv;
	phys_addr_t phys = page_to_phys(fixture_large_page(test));
	struct phys_vec vec[] = {
		{ phys, PAGE_SIZE },
		{ phys + PAGE_SIZE, PAGE_SIZE },
		{ phys + 16 * PAGE_SIZE, PAGE_SIZE },
	};
	struct dma_iova_state state;

	spy.ops.map_vec = NULL;
	alloc(f, &state, 0, 3 * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, 0, link_vec_at(f, &state, vec, 3, 0));
	fixture_expect_linked(f, &state, 0, phys, 2 * PAGE_SIZE);
	fixture_expect_linked(f, &state, 2 * PAGE_SIZE, phys + 16 * PAGE_SIZE, PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, spy.map_pages, 3);
	KUNIT_EXPECT_EQ(test, spy.sync_map, 0);
	destroy(f, &state, 3 * PAGE_SIZE);
}

/* Whichever of the pieces fails, and whatever is linked before them */
static void expect_link_vec_undone(struct kunit *test, size_t first_offset,
				   size_t last_size)
{
	struct fixture *f = test->priv;
	struct page **pages = fixture_scattered_pages(test, 4);
	struct phys_vec vec[] = {
		{ page_to_phys(pages[0]) + first_offset, PAGE_SIZE - first_offset },
		{ page_to_phys(pages[1]), PAGE_SIZE },
		{ page_to_phys(pages[2]), PAGE_SIZE },
		{ page_to_phys(pages[3]), last_size },
	};
	size_t size = 3 * PAGE_SIZE - first_offset + last_size;
	struct dma_iova_state state, copy;
	int i;

	alloc(f, &state, vec[0].paddr, size);
	copy = state;
	for (i = 1; i <= 4; i++) {
		spy.fail_map = i;
		spy.fail_map_errno = -EIO;
		KUNIT_EXPECT_EQ(test, -EIO, link_vec_at(f, &state, vec, 4, 0));
		KUNIT_EXPECT_MEMEQ(test, &state, &copy, sizeof(copy));
		fixture_expect_nothing_linked(f, state.addr, size);
	}
	KUNIT_EXPECT_EQ(test, 0, link_vec_at(f, &state, vec, 4, 0));
	destroy(f, &state, size);
}

static void link_vec_failure_undoes_all(struct kunit *test)
{
	expect_link_vec_undone(test, 0, PAGE_SIZE);
	expect_link_vec_undone(test, 512, 1000);
}

static void link_vec_failure_keeps_earlier_links(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page **pages = fixture_scattered_pages(test, 3);
	struct phys_vec vec[] = {
		{ page_to_phys(pages[1]), PAGE_SIZE },
		{ page_to_phys(pages[2]), PAGE_SIZE },
	};
	struct dma_iova_state state;

	alloc(f, &state, 0, 3 * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, 0, link_at(f, &state, page_to_phys(pages[0]), 0,
					 PAGE_SIZE));
	spy.fail_map = 2;
	spy.fail_map_errno = -ENOMEM;
	KUNIT_EXPECT_EQ(test, -ENOMEM, link_vec_at(f, &state, vec, 2, PAGE_SIZE));
	fixture_expect_linked(f, &state, 0, page_to_phys(pages[0]), PAGE_SIZE);
	fixture_expect_nothing_linked(f, state.addr + PAGE_SIZE, 2 * PAGE_SIZE);
	destroy(f, &state, PAGE_SIZE);
}

static void destroy_what_was_linked_before_a_failure(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page **pages = fixture_scattered_pages(test, 8);
	struct dma_iova_state state;
	size_t linked;
	dma_addr_t addr;
	int err = 0;

	alloc(f, &state, 0, 8 * PAGE_SIZE);
	addr = state.addr;
	spy.fail_map = 4;
	spy.fail_map_errno = -ENOMEM;
	for (linked = 0; linked < 8 * PAGE_SIZE; linked += PAGE_SIZE) {
		err = link_at(f, &state, page_to_phys(pages[linked / PAGE_SIZE]),
			      linked, PAGE_SIZE);
		if (err)
			break;
	}
	KUNIT_EXPECT_EQ(test, err, -ENOMEM);
	KUNIT_EXPECT_EQ(test, linked, 3 * PAGE_SIZE);
	destroy(f, &state, linked);
	fixture_expect_nothing_linked(f, addr, 8 * PAGE_SIZE);
}

static void link_mmio_is_not_cacheable(struct kunit *test)
{
	struct fixture *f = test->priv;
	phys_addr_t bar = pci_resource_start(f->edu->pdev, 0);
	struct dma_iova_state state;

	alloc(f, &state, 0, f->granule);
	KUNIT_EXPECT_EQ(test, 0,
			iommu_dma_iova_link(f->dev, &state, bar, 0, f->granule,
					    DMA_BIDIRECTIONAL, DMA_ATTR_MMIO));
	KUNIT_EXPECT_EQ(test, spy.prot & (IOMMU_MMIO | IOMMU_CACHE), IOMMU_MMIO);
	iommu_dma_iova_destroy(f->dev, &state, f->granule, DMA_BIDIRECTIONAL,
			       DMA_ATTR_MMIO);

	alloc(f, &state, 0, f->granule);
	KUNIT_EXPECT_EQ(test, 0, link_at(f, &state,
					 page_to_phys(fixture_lone_page(test)), 0,
					 f->granule));
	KUNIT_EXPECT_EQ(test, spy.prot & (IOMMU_MMIO | IOMMU_CACHE),
			IOMMU_CACHE);
	destroy(f, &state, f->granule);
}

/* Whole pages, a ragged one, and an array */
static int prot_of(struct fixture *f, struct page **pages, int way,
		   enum dma_data_direction dir, unsigned long attrs)
{
	size_t size = way == 1 ? 1000 : 2 * PAGE_SIZE;
	struct phys_vec vec[] = {
		{ page_to_phys(pages[0]), PAGE_SIZE },
		{ page_to_phys(pages[1]), PAGE_SIZE },
	};
	struct dma_iova_state state;
	int err;

	alloc(f, &state, 0, size);
	spy_reset();
	if (way == 2)
		err = iommu_dma_iova_link_vec(f->dev, &state, vec, 2, 0, dir,
					      attrs);
	else
		err = iommu_dma_iova_link(f->dev, &state, vec->paddr, 0,
					  min(size, PAGE_SIZE), dir, attrs);
	KUNIT_EXPECT_EQ(f->test, err, 0);
	err = spy.prot;
	iommu_dma_iova_destroy(f->dev, &state, min(size, way == 2 ? size :
						   PAGE_SIZE), dir, attrs);
	return err;
}

static void attributes_reach_the_iommu(struct kunit *test)
{
	static const struct {
		enum dma_data_direction dir;
		unsigned long attrs;
		int prot;
	} kinds[] = {
		{ DMA_TO_DEVICE, 0, IOMMU_READ },
		{ DMA_FROM_DEVICE, 0, IOMMU_WRITE },
		{ DMA_BIDIRECTIONAL, 0, IOMMU_READ | IOMMU_WRITE },
		{ DMA_TO_DEVICE, DMA_ATTR_PRIVILEGED, IOMMU_READ | IOMMU_PRIV },
		{ DMA_FROM_DEVICE, DMA_ATTR_SKIP_CPU_SYNC, IOMMU_WRITE },
		{ DMA_FROM_DEVICE, DMA_ATTR_WEAK_ORDERING, IOMMU_WRITE },
		{ DMA_TO_DEVICE, DMA_ATTR_NO_WARN, IOMMU_READ },
	};
	struct fixture *f = test->priv;
	struct page **pages = fixture_scattered_pages(test, 2);
	int i, way;

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		for (way = 0; way < 3; way++)
			KUNIT_EXPECT_EQ_MSG(test,
					    prot_of(f, pages, way, kinds[i].dir,
						    kinds[i].attrs),
					    kinds[i].prot | IOMMU_CACHE,
					    "kind %d, way %d", i, way);
	}
}

static void sync_passes_errno(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page *page = fixture_lone_page(test);
	struct dma_iova_state state;

	alloc(f, &state, 0, PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, 0, link_at(f, &state, page_to_phys(page), 0,
					 PAGE_SIZE));
	spy.fail_sync_map_errno = -EIO;
	KUNIT_EXPECT_EQ(test, -EIO, iommu_dma_iova_sync(f->dev, &state, 0,
							PAGE_SIZE));
	fixture_expect_linked(f, &state, 0, page_to_phys(page), PAGE_SIZE);
	destroy(f, &state, PAGE_SIZE);
}

/* iommu_map() and iommu_map_sg() are built on the same two functions. */
static void streaming_undoes_failed_sync(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page *page = fixture_lone_page(test);
	struct scatterlist sg;

	spy.fail_sync_map_errno = -EIO;
	KUNIT_EXPECT_EQ(test, dma_map_page(f->dev, page, 0, PAGE_SIZE,
					   DMA_TO_DEVICE), DMA_MAPPING_ERROR);
	KUNIT_EXPECT_EQ(test, spy.map_pages, 1);
	KUNIT_EXPECT_EQ(test, spy.unmap_pages, 1);

	sg_init_table(&sg, 1);
	sg_set_page(&sg, page, PAGE_SIZE, 0);
	KUNIT_EXPECT_EQ(test, dma_map_sg(f->dev, &sg, 1, DMA_TO_DEVICE), 0);
	KUNIT_EXPECT_EQ(test, spy.map_pages, 2);
	KUNIT_EXPECT_EQ(test, spy.unmap_pages, 2);
}

/* A list of whole pages */
static void fill_sg(struct scatterlist *sg, struct page **pages, int nr)
{
	int i;

	sg_init_table(sg, nr);
	for (i = 0; i < nr; i++)
		sg_set_page(&sg[i], pages[i], PAGE_SIZE, 0);
}

static void streaming_syncs_once(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page **pages = fixture_scattered_pages(test, 4);
	struct scatterlist sg[4];

	fill_sg(sg, pages, 4);
	KUNIT_EXPECT_GT(test, dma_map_sg(f->dev, sg, 4, DMA_TO_DEVICE), 0);
	KUNIT_EXPECT_EQ(test, spy.map_pages, 4);
	KUNIT_EXPECT_EQ(test, spy.sync_map, 1);
	dma_unmap_sg(f->dev, sg, 4, DMA_TO_DEVICE);
}

/* It must end, whatever iova_to_phys() and unmap_pages() say. */
static void unlink_ends_when_nothing_is_found(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page **pages = fixture_scattered_pages(test, 4);
	struct dma_iova_state state;
	int i;

	alloc(f, &state, 0, 4 * PAGE_SIZE);
	for (i = 0; i < 4; i++)
		KUNIT_EXPECT_EQ(test, 0, link_at(f, &state, page_to_phys(pages[i]),
						 i * PAGE_SIZE, PAGE_SIZE));
	spy.blind = true;
	warnings_expect(test, ENGINE);
	iommu_dma_iova_unlink(f->dev, &state, 0, 4 * PAGE_SIZE,
			      DMA_BIDIRECTIONAL, 0);
	KUNIT_EXPECT_EQ(test, warnings_taken(test), 1);
	spy.blind = false;
	destroy(f, &state, 4 * PAGE_SIZE);
}

/*
 * A bounced piece that fails at each of its parts: nothing of it stays, and a
 * piece that has been linked before does.
 */
static void expect_bounced_link_unwinds(struct kunit *test, size_t first_offset,
					size_t offset, size_t size)
{
	struct fixture *f = test->priv;
	struct page *earlier = fixture_lone_page(test);
	struct page *page = fixture_large_page(test);
	phys_addr_t phys = page_to_phys(page) + first_offset;
	struct dma_iova_state state, copy;
	int calls, i;

	alloc(f, &state, phys, offset + size);
	if (offset)
		KUNIT_ASSERT_EQ(test, 0, link_at(f, &state,
						 page_to_phys(earlier), 0,
						 offset));
	copy = state;

	spy_reset();
	KUNIT_ASSERT_EQ(test, 0, link_at(f, &state, phys, offset, size));
	calls = spy.map_pages;
	KUNIT_EXPECT_GT(test, calls, 1);
	KUNIT_EXPECT_TRUE(test, state.__size & DMA_IOVA_USE_SWIOTLB);
	iommu_dma_iova_unlink(f->dev, &state, offset, size, DMA_BIDIRECTIONAL,
			      0);

	state = copy;
	fixture_fill_page(page, 1);
	for (i = 1; i <= calls; i++) {
		spy.fail_map = i;
		spy.fail_map_errno = -ENOMEM;
		KUNIT_EXPECT_EQ(test, -ENOMEM, link_at(f, &state, phys, offset,
						       size));
		KUNIT_EXPECT_MEMEQ(test, &state, &copy, sizeof(copy));
		fixture_expect_nothing_linked(f, state.addr + offset, size);
		if (offset)
			fixture_expect_linked(f, &state, 0, page_to_phys(earlier),
					      offset);
	}
	destroy(f, &state, offset);
}

static void bounced_link_failure_unwinds(struct kunit *test)
{
	/* head and tail; head, middle, tail; head and middle */
	expect_bounced_link_unwinds(test, 512, 0, 2 * PAGE_SIZE - 1024);
	expect_bounced_link_unwinds(test, 512, 0, 4 * PAGE_SIZE - 1024);
	expect_bounced_link_unwinds(test, 512, 0, 2 * PAGE_SIZE - 512);
}

static void bounced_link_failure_keeps_earlier_links(struct kunit *test)
{
	/* middle and tail after a piece at offset 0 */
	expect_bounced_link_unwinds(test, 0, PAGE_SIZE, 2 * PAGE_SIZE + 512);
}

/* With both ends bounced, and their buffers given back */
static void bounced_link_vec_failure_undoes_all(struct kunit *test)
{
	int i;

	for (i = 0; i < 100; i++)
		expect_link_vec_undone(test, 512, 1000);
}

/* However long the range is, only its ends are looked up. */
static void bounced_ends_are_known(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page *page = fixture_large_page(test);
	size_t size = SZ_256K - 1024;
	phys_addr_t phys = page_to_phys(page) + 512;
	struct dma_iova_state state;

	alloc(f, &state, phys, size);
	KUNIT_ASSERT_EQ(test, 0, link_at(f, &state, phys, 0, size));
	spy_reset();
	destroy(f, &state, size);
	KUNIT_EXPECT_EQ(test, spy.iova_to_phys, 2);

	/* Nothing is bounced, although the device is untrusted: no look-up at all */
	alloc(f, &state, 0, SZ_256K);
	KUNIT_ASSERT_EQ(test, 0, link_at(f, &state, page_to_phys(page), 0,
					 SZ_256K));
	spy_reset();
	destroy(f, &state, SZ_256K);
	KUNIT_EXPECT_EQ(test, spy.iova_to_phys, 0);
}

static void map_sg(struct fixture *f, struct page **pages, int nr,
		   struct scatterlist *sg)
{
	int i;

	fill_sg(sg, pages, nr);
	spy_reset();
	KUNIT_ASSERT_GT(f->test, dma_map_sg(f->dev, sg, nr, DMA_TO_DEVICE), 0);
	for (i = 0; i < nr; i++)
		KUNIT_EXPECT_EQ(f->test, page_to_phys(pages[i]),
				iommu_iova_to_phys(f->domain, sg_dma_address(sg) +
						   i * PAGE_SIZE));
}

static void unmap_sg(struct fixture *f, struct scatterlist *sg, int nr)
{
	dma_unmap_sg(f->dev, sg, nr, DMA_TO_DEVICE);
	KUNIT_EXPECT_EQ(f->test, spy.bytes_mapped, (ssize_t)0);
}

static int expected_prot(struct page *page)
{
	if (is_pci_p2pdma_page(page))
		return IOMMU_READ | IOMMU_MMIO;
	return IOMMU_READ | IOMMU_CACHE;
}

/* Each entry as what it is */
static void sg_of_device_memory_is_not_cacheable(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct pci_dev *pdev = p2pmem_get(test);
	struct page *p2p = p2pmem_pages(test, pdev, 3);
	struct page *ram = fixture_lone_page(test);
	struct page *lists[][3] = {
		{ p2p, p2p + 2, ram },
		{ ram, p2p, p2p + 2 },
	};
	struct scatterlist sg[3];
	int i;

	p2pmem_allow_host_bridge(test, pdev);
	for (i = 0; i < ARRAY_SIZE(lists); i++) {
		map_sg(f, lists[i], 3, sg);
		KUNIT_EXPECT_EQ(test, spy.first_prot, expected_prot(lists[i][0]));
		KUNIT_EXPECT_EQ(test, spy.prot, expected_prot(lists[i][2]));
		unmap_sg(f, sg, 3);
	}
	map_sg(f, &p2p, 1, sg);
	KUNIT_EXPECT_EQ(test, spy.prot, IOMMU_READ | IOMMU_MMIO);
	unmap_sg(f, sg, 1);
}

static dma_addr_t map_page_as(struct fixture *f, struct page *page, size_t offset,
			      size_t size, int prot)
{
	dma_addr_t addr;

	spy_reset();
	addr = dma_map_page(f->dev, page, offset, size, DMA_TO_DEVICE);
	KUNIT_ASSERT_FALSE(f->test, dma_mapping_error(f->dev, addr));
	KUNIT_EXPECT_EQ(f->test, spy.prot, prot);
	return addr;
}

static void unmap_page(struct fixture *f, dma_addr_t addr, size_t size)
{
	dma_unmap_page(f->dev, addr, size, DMA_TO_DEVICE);
	KUNIT_EXPECT_EQ(f->test, spy.bytes_mapped, (ssize_t)0);
}

static void page_of_device_memory_is_not_cacheable(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct pci_dev *pdev = p2pmem_get(test);
	struct page *pages[] = {
		p2pmem_pages(test, pdev, 1),
		fixture_lone_page(test),
	};
	dma_addr_t addr;
	int i;

	p2pmem_allow_host_bridge(test, pdev);
	for (i = 0; i < ARRAY_SIZE(pages); i++) {
		addr = map_page_as(f, pages[i], 0, PAGE_SIZE,
				   expected_prot(pages[i]));
		KUNIT_EXPECT_EQ(test, page_to_phys(pages[i]),
				iommu_iova_to_phys(f->domain, addr));
		unmap_page(f, addr, PAGE_SIZE);
	}
}

static void sg_of_device_memory_is_undone(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct pci_dev *pdev = p2pmem_get(test);
	struct page *pages[] = {
		fixture_lone_page(test),
		p2pmem_pages(test, pdev, 1),
		fixture_lone_page(test),
	};
	struct scatterlist sg[3];
	int i;

	p2pmem_allow_host_bridge(test, pdev);
	fill_sg(sg, pages, 3);
	for (i = 1; i <= 3; i++) {
		spy_reset();
		spy.fail_map = i;
		spy.fail_map_errno = -ENOMEM;
		KUNIT_EXPECT_EQ(test, dma_map_sg(f->dev, sg, 3, DMA_TO_DEVICE), 0);
		KUNIT_EXPECT_EQ(test, spy.fail_map, 0);
		KUNIT_EXPECT_EQ(test, spy.bytes_mapped, (ssize_t)0);
	}
}

/* What the device finds for @sg is somewhere else. */
static void expect_bounced(struct kunit *test, struct device *dev,
			   struct scatterlist *sg)
{
	KUNIT_EXPECT_NE(test, sg_phys(sg),
			iommu_iova_to_phys(iommu_get_dma_domain(dev),
					   sg_dma_address(sg)));
}

/* An untrusted device gets what fills its granules, and a copy of what does not. */
static void bounced_sg_of_device_memory(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct pci_dev *pdev = p2pmem_get(test);
	struct page *p2p = p2pmem_pages(test, pdev, 2);
	long slots = fixture_slots_used(f);
	struct scatterlist sg[3];

	p2pmem_allow_host_bridge(test, pdev);
	sg_init_table(sg, 3);
	sg_set_page(&sg[0], p2p, PAGE_SIZE, 0);
	sg_set_page(&sg[1], p2p + 1, 512, 512);
	sg_set_page(&sg[2], fixture_lone_page(test), 512, 512);
	spy_reset();
	KUNIT_ASSERT_EQ(test, dma_map_sg(f->dev, sg, 3, DMA_TO_DEVICE), 3);
	KUNIT_EXPECT_EQ(test, spy.bytes_mapped, (ssize_t)(3 * PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, spy.first_prot, IOMMU_READ | IOMMU_MMIO);
	KUNIT_EXPECT_EQ(test, sg_phys(&sg[0]),
			iommu_iova_to_phys(f->domain, sg_dma_address(&sg[0])));
	expect_bounced(test, f->dev, &sg[1]);
	expect_bounced(test, f->dev, &sg[2]);
	KUNIT_EXPECT_EQ(test, spy.prot & IOMMU_MMIO, 0);
	/* Only the memory behind the copies is looked up. */
	spy.iova_to_phys = 0;
	dma_sync_sg_for_cpu(f->dev, sg, 3, DMA_TO_DEVICE);
	KUNIT_EXPECT_EQ(test, spy.iova_to_phys, 2);
	spy.iova_to_phys = 0;
	dma_sync_sg_for_device(f->dev, sg, 3, DMA_TO_DEVICE);
	KUNIT_EXPECT_EQ(test, spy.iova_to_phys, 2);
	unmap_sg(f, sg, 3);
	KUNIT_EXPECT_EQ(test, fixture_slots_used(f), slots);
}

/* The same, page by page */
static void bounced_page_of_device_memory(struct kunit *test)
{
	static const struct { size_t offset, size; int prot; } pieces[] = {
		{ 0, PAGE_SIZE, IOMMU_READ | IOMMU_MMIO },
		{ 512, 512, IOMMU_READ | IOMMU_CACHE },
	};
	struct fixture *f = test->priv;
	struct pci_dev *pdev = p2pmem_get(test);
	struct page *p2p = p2pmem_pages(test, pdev, 1);
	long slots = fixture_slots_used(f);
	dma_addr_t addr;
	int i;

	p2pmem_allow_host_bridge(test, pdev);
	for (i = 0; i < ARRAY_SIZE(pieces); i++) {
		addr = map_page_as(f, p2p, pieces[i].offset, pieces[i].size,
				   pieces[i].prot);
		unmap_page(f, addr, pieces[i].size);
	}
	KUNIT_EXPECT_EQ(test, fixture_slots_used(f), slots);
}

/* Nobody knows whether the host bridge forwards to the memory. */
static void bounced_sg_of_unreachable_memory(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page *pages[] = {
		fixture_lone_page(test),
		p2pmem_pages(test, p2pmem_get(test), 1),
	};
	struct scatterlist sg[2];
	struct sg_table sgt = { .sgl = sg, .orig_nents = 2 };

	fill_sg(sg, pages, 2);
	spy_reset();
	KUNIT_EXPECT_EQ(test, -EREMOTEIO,
			dma_map_sgtable(f->dev, &sgt, DMA_TO_DEVICE, 0));
	KUNIT_EXPECT_EQ(test, spy.bytes_mapped, (ssize_t)0);
}

static void trust_p2pmem(void *pdev)
{
	((struct pci_dev *)pdev)->untrusted = false;
}

/* The device that has the memory reaches it at its bus address. */
static void bounced_sg_of_own_memory(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct pci_dev *pdev = p2pmem_get(test);
	struct page *p2p = p2pmem_pages(test, pdev, 1);
	long slots = fixture_slots_used(f);
	struct scatterlist sg[2];

	pdev->untrusted = true;
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, trust_p2pmem,
							   pdev));
	sg_init_table(sg, 2);
	sg_set_page(&sg[0], p2p, PAGE_SIZE, 0);
	sg_set_page(&sg[1], fixture_lone_page(test), 512, 512);
	KUNIT_ASSERT_EQ(test, dma_map_sg(&pdev->dev, sg, 2, DMA_TO_DEVICE), 2);
	KUNIT_EXPECT_TRUE(test, sg_dma_is_bus_address(&sg[0]));
	KUNIT_EXPECT_EQ(test, sg_dma_address(&sg[0]),
			pci_p2pmem_virt_to_bus(pdev, page_address(p2p)));
	KUNIT_EXPECT_EQ(test, sg_dma_len(&sg[0]), (unsigned int)PAGE_SIZE);
	expect_bounced(test, &pdev->dev, &sg[1]);
	dma_sync_sg_for_cpu(&pdev->dev, sg, 2, DMA_TO_DEVICE);
	dma_sync_sg_for_device(&pdev->dev, sg, 2, DMA_TO_DEVICE);
	dma_unmap_sg(&pdev->dev, sg, 2, DMA_TO_DEVICE);
	KUNIT_EXPECT_FALSE(test, sg_dma_is_bus_address(&sg[0]));
	KUNIT_EXPECT_EQ(test, fixture_slots_used(f), slots);
}

static int engine_bounce_init(struct kunit *test)
{
	return fixture_init_bounce(test) ?: spy_insert(test);
}

static struct kunit_case engine_cases[] = {
	KUNIT_CASE(link_does_not_sync),
	KUNIT_CASE(destroy_uses_flush_queue),
	KUNIT_CASE(destroy_syncs_as_unmap_page),
	KUNIT_CASE(destroy_large_reservation_is_queued),
	KUNIT_CASE(queue_is_flushed_when_addresses_run_out),
	KUNIT_CASE(map_page_flushes_queue_when_addresses_run_out),
	KUNIT_CASE(map_sg_flushes_queue_when_addresses_run_out),
	KUNIT_CASE(queue_is_left_while_there_are_addresses),
	KUNIT_CASE(large_reservation_leaves_low_addresses),
	KUNIT_CASE(too_large_reservation_gives_nothing_back),
	KUNIT_CASE(reservation_is_within_a_small_mask),
	KUNIT_CASE(opt_mapping_size_is_cached),
	KUNIT_CASE(large_reservations_in_turn),
	KUNIT_CASE(free_does_not_sync),
	KUNIT_CASE(unlink_syncs_once),
	KUNIT_CASE(link_large_piece_by_large_pages),
	KUNIT_CASE(link_passes_errno),
	KUNIT_CASE(link_failure_keeps_earlier_links),
	KUNIT_CASE(link_failure_in_the_middle),
	KUNIT_CASE(link_vec_asks_once),
	KUNIT_CASE(link_vec_range_by_range),
	KUNIT_CASE(link_vec_failure_undoes_all),
	KUNIT_CASE(link_vec_failure_keeps_earlier_links),
	KUNIT_CASE(destroy_what_was_linked_before_a_failure),
	KUNIT_CASE(link_mmio_is_not_cacheable),
	KUNIT_CASE(sg_of_device_memory_is_not_cacheable),
	KUNIT_CASE(sg_of_device_memory_is_undone),
	KUNIT_CASE(page_of_device_memory_is_not_cacheable),
	KUNIT_CASE(attributes_reach_the_iommu),
	KUNIT_CASE(sync_passes_errno),
	KUNIT_CASE(streaming_undoes_failed_sync),
	KUNIT_CASE(streaming_syncs_once),
	KUNIT_CASE(unlink_ends_when_nothing_is_found),
	{}
};

static struct kunit_suite engine_suite = {
	.name		= "dma_iova_engine",
	.suite_init	= warnings_start,
	.suite_exit	= warnings_stop,
	.init		= spy_init_iommu,
	.exit		= warnings_check,
	.test_cases	= engine_cases,
};

static struct kunit_case engine_bounce_cases[] = {
	KUNIT_CASE(bounced_link_failure_unwinds),
	KUNIT_CASE(bounced_link_failure_keeps_earlier_links),
	KUNIT_CASE(bounced_link_vec_failure_undoes_all),
	KUNIT_CASE(bounced_ends_are_known),
	KUNIT_CASE(bounced_sg_of_device_memory),
	KUNIT_CASE(bounced_sg_of_unreachable_memory),
	KUNIT_CASE(bounced_sg_of_own_memory),
	KUNIT_CASE(bounced_page_of_device_memory),
	{}
};

static struct kunit_suite engine_bounce_suite = {
	.name		= "dma_iova_engine_bounce",
	.suite_init	= warnings_start,
	.suite_exit	= warnings_stop,
	.init		= engine_bounce_init,
	.exit		= warnings_check,
	.test_cases	= engine_bounce_cases,
};

kunit_test_suites(&engine_suite, &engine_bounce_suite);

MODULE_DESCRIPTION("KUnit suites of the engine of the two-step DMA API");
MODULE_LICENSE("GPL");
