// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suites of the two-step DMA API behind a mock IOMMU: what depends on the
 * size of the granule, and when the device sees what, in strict and in lazy mode.
 *
 * dma_iova_mock	on any machine
 * dma_iova_mock_smp	with two CPUs
 */
#include <kunit/test.h>
#include <linux/bottom_half.h>
#include <linux/cpumask.h>
#include <linux/dma-mapping.h>
#include <linux/iommu.h>
#include <linux/sched.h>
#include <linux/sizes.h>

#include "../../../drivers/iommu/dma-iommu.h"
#include "../../../drivers/iommu/iommu-pages.h"
#include "fixture.h"

static struct fixture *create(struct kunit *test, unsigned long page_sizes,
			      unsigned int type)
{
	struct mock_iommu_config config = {
		.page_sizes	= page_sizes,
		.aperture	= SZ_64M,
		.type		= type,
	};

	return fixture_mock(test, &config);
}

static phys_addr_t sees(struct fixture *f, dma_addr_t addr)
{
	return mock_iommu_device_sees(f->mock, addr);
}

/* Two pages; the first one is reserved for and linked */
static phys_addr_t link_one_of_two(struct fixture *f, struct dma_iova_state *state)
{
	struct page **pages = fixture_scattered_pages(f->test, 1);

	fixture_reserve(f, state, 0, 2 * PAGE_SIZE);
	fixture_link_page(f, state, 0, pages[0]);
	return page_to_phys(pages[0]);
}

static void link_is_not_seen_before_sync(struct kunit *test)
{
	struct fixture *f = create(test, PAGE_SIZE, IOMMU_DOMAIN_DMA_FQ);
	struct dma_iova_state state;
	phys_addr_t phys = link_one_of_two(f, &state);

	KUNIT_EXPECT_EQ(test, sees(f, state.addr), (phys_addr_t)0);
	KUNIT_EXPECT_EQ(test, f->mock->calls.sync_map, 0);
	KUNIT_EXPECT_EQ(test, 0, dma_iova_sync(f->dev, &state, 0, 2 * PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, sees(f, state.addr), phys);
	KUNIT_EXPECT_EQ(test, sees(f, state.addr + PAGE_SIZE), (phys_addr_t)0);
	KUNIT_EXPECT_EQ(test, f->mock->calls.sync_map, 1);
	fixture_destroy(f, &state, PAGE_SIZE);
}

/* In lazy mode too, since the memory belongs to the CPU again */
static void unlink_is_seen_at_once(struct kunit *test)
{
	struct fixture *f = create(test, PAGE_SIZE, IOMMU_DOMAIN_DMA_FQ);
	struct dma_iova_state state;
	phys_addr_t phys = link_one_of_two(f, &state);

	KUNIT_EXPECT_EQ(test, 0, dma_iova_sync(f->dev, &state, 0, PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, sees(f, state.addr), phys);
	dma_iova_unlink(f->dev, &state, 0, PAGE_SIZE, DMA_BIDIRECTIONAL, 0);
	KUNIT_EXPECT_EQ(test, sees(f, state.addr), (phys_addr_t)0);
	KUNIT_EXPECT_EQ(test, f->mock->calls.sync, 1);
	dma_iova_free(f->dev, &state);
}

static void destroy_is_seen_at_once_if_strict(struct kunit *test)
{
	struct fixture *f = create(test, PAGE_SIZE, IOMMU_DOMAIN_DMA);
	struct dma_iova_state state;
	phys_addr_t phys = link_one_of_two(f, &state);
	dma_addr_t addr = state.addr;

	KUNIT_EXPECT_EQ(test, 0, dma_iova_sync(f->dev, &state, 0, PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, sees(f, addr), phys);
	fixture_destroy(f, &state, PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, sees(f, addr), (phys_addr_t)0);
	KUNIT_EXPECT_EQ(test, f->mock->calls.sync, 1);
	KUNIT_EXPECT_EQ(test, f->mock->calls.flush_all, 0);
}

/* The addresses are not reserved for anything else before the queue is flushed. */
static void destroy_is_seen_later_if_lazy(struct kunit *test)
{
	struct fixture *f = create(test, PAGE_SIZE, IOMMU_DOMAIN_DMA_FQ);
	struct dma_iova_state state, next;
	phys_addr_t phys = link_one_of_two(f, &state);
	dma_addr_t addr = state.addr;
	phys_addr_t at_once;

	KUNIT_EXPECT_EQ(test, 0, dma_iova_sync(f->dev, &state, 0, PAGE_SIZE));
	/* The flush queue's timer, a softirq of this CPU, does not run before. */
	local_bh_disable();
	fixture_destroy(f, &state, PAGE_SIZE);
	at_once = sees(f, addr);
	local_bh_enable();
	KUNIT_EXPECT_EQ(test, at_once, phys);
	KUNIT_EXPECT_EQ(test, f->mock->calls.sync, 0);
	fixture_expect_nothing_linked(f, addr, PAGE_SIZE);

	fixture_reserve(f, &next, 0, 2 * PAGE_SIZE);
	if (next.addr == addr)
		KUNIT_EXPECT_EQ(test, sees(f, addr), (phys_addr_t)0);
	dma_iova_free(f->dev, &next);

	fixture_wait_for_change(test, &f->mock->calls.flush_all, 0);
	KUNIT_EXPECT_EQ(test, sees(f, addr), (phys_addr_t)0);
	KUNIT_EXPECT_EQ(test, f->mock->calls.flush_all, 1);
}

/*
 * A granule of 64 KiB, on a kernel with smaller pages too. iommu-dma refuses such
 * an IOMMU on the latter, so that is about the arithmetic of the engine alone.
 */
static void link_page_within_large_granule(struct kunit *test)
{
	static const struct {
		size_t phys;
		size_t offset;
		size_t size;
	} wrong[] = {
		{ 0, 0, SZ_4K }, { 0, SZ_4K, SZ_4K }, { SZ_4K, SZ_4K, SZ_64K - SZ_4K },
		{ SZ_4K, 0, SZ_64K }, { 0, SZ_64K, SZ_2K }, { SZ_4K, SZ_64K, SZ_4K },
	};
	struct fixture *f = create(test, SZ_64K, IOMMU_DOMAIN_DMA);
	phys_addr_t large = page_to_phys(fixture_large_page(test));
	struct dma_iova_state state;
	int i;

	KUNIT_ASSERT_EQ(test, f->granule, (size_t)SZ_64K);
	fixture_reserve(f, &state, 0, SZ_64K + SZ_4K);
	KUNIT_EXPECT_EQ(test, (size_t)(state.addr & (SZ_64K - 1)), (size_t)0);
	for (i = 0; i < ARRAY_SIZE(wrong); i++) {
		warns_once(test, ENGINE)
			KUNIT_EXPECT_EQ(test, -EINVAL,
					dma_iova_link(f->dev, &state,
						      large + wrong[i].phys,
						      wrong[i].offset,
						      wrong[i].size,
						      DMA_BIDIRECTIONAL, 0));
		KUNIT_EXPECT_EQ(test, f->mock->state.mapped, (size_t)0);
	}

	/* At the end of the reservation it may, and has the granule to itself. */
	KUNIT_EXPECT_EQ(test, 0, dma_iova_link(f->dev, &state, large, 0, SZ_64K,
					       DMA_BIDIRECTIONAL, 0));
	KUNIT_EXPECT_EQ(test, 0, dma_iova_link(f->dev, &state, large + SZ_1M, SZ_64K,
					       SZ_4K, DMA_BIDIRECTIONAL, 0));
	KUNIT_EXPECT_EQ(test, 0, dma_iova_sync(f->dev, &state, 0, SZ_64K + SZ_4K));
	KUNIT_EXPECT_EQ(test, f->mock->state.mapped, (size_t)SZ_128K);
	KUNIT_EXPECT_EQ(test, sees(f, state.addr + SZ_64K), large + SZ_1M);
	fixture_destroy(f, &state, SZ_64K + SZ_4K);
	KUNIT_EXPECT_EQ(test, f->mock->state.mapped, (size_t)0);
}

/* At both ends a page of the kernel that does not start on a granule */
static void link_ragged_ends_of_large_granules(struct kunit *test)
{
	struct fixture *f = create(test, SZ_16K, IOMMU_DOMAIN_DMA);
	phys_addr_t large = page_to_phys(fixture_large_page(test));
	struct phys_vec vec[] = {
		{ large + SZ_8K, SZ_8K }, { large + SZ_1M, SZ_16K }, { large, SZ_4K },
	};
	struct dma_iova_state state;

	fixture_reserve(f, &state, vec[0].paddr, SZ_8K + SZ_16K + SZ_4K);
	KUNIT_EXPECT_EQ(test, (size_t)(state.addr & (SZ_16K - 1)), (size_t)SZ_8K);
	KUNIT_EXPECT_EQ(test, 0, dma_iova_link_vec(f->dev, &state, vec, 3, 0,
						   DMA_BIDIRECTIONAL, 0));
	KUNIT_EXPECT_EQ(test, 0, dma_iova_sync(f->dev, &state, 0, SZ_8K + SZ_16K + SZ_4K));
	KUNIT_EXPECT_EQ(test, f->mock->state.mapped, 3ul * SZ_16K);
	KUNIT_EXPECT_EQ(test, sees(f, state.addr), large + SZ_8K);
	KUNIT_EXPECT_EQ(test, sees(f, state.addr + SZ_8K), large + SZ_1M);
	KUNIT_EXPECT_EQ(test, sees(f, state.addr + SZ_8K + SZ_16K), large);
	fixture_destroy(f, &state, SZ_8K + SZ_16K + SZ_4K);
	KUNIT_EXPECT_EQ(test, f->mock->state.mapped, (size_t)0);
}

/* Half a page of the kernel is a piece like any other. */
static void link_granule_smaller_than_page(struct kunit *test)
{
	struct fixture *f = create(test, SZ_1K, IOMMU_DOMAIN_DMA);
	phys_addr_t phys = page_to_phys(fixture_lone_page(test));
	struct dma_iova_state state;

	fixture_reserve(f, &state, 0, 3 * SZ_1K);
	KUNIT_EXPECT_EQ(test, 0, dma_iova_link(f->dev, &state, phys + SZ_2K, 0, SZ_1K,
					       DMA_BIDIRECTIONAL, 0));
	KUNIT_EXPECT_EQ(test, 0, dma_iova_link(f->dev, &state, phys, SZ_2K, SZ_1K,
					       DMA_BIDIRECTIONAL, 0));
	KUNIT_EXPECT_EQ(test, 0, dma_iova_sync(f->dev, &state, 0, 3 * SZ_1K));
	KUNIT_EXPECT_EQ(test, f->mock->state.mapped, 2ul * SZ_1K);
	KUNIT_EXPECT_EQ(test, sees(f, state.addr), phys + SZ_2K);
	KUNIT_EXPECT_EQ(test, sees(f, state.addr + SZ_1K), (phys_addr_t)0);
	KUNIT_EXPECT_EQ(test, sees(f, state.addr + SZ_2K), phys);
	dma_iova_unlink(f->dev, &state, SZ_2K, SZ_1K, DMA_BIDIRECTIONAL, 0);
	KUNIT_EXPECT_EQ(test, sees(f, state.addr), phys + SZ_2K);
	fixture_destroy(f, &state, SZ_1K);
}

#ifndef DMA_IOVA_MAINLINE
static int refuse_attach(struct iommu_domain *domain, struct device *dev)
{
	return -ENODEV;
}

static void allow_deferred_attach(void *data)
{
	static_branch_dec(&iommu_dma_deferred_attach);
}

/* In a kdump kernel the first mapping attaches the device, or fails. */
static void try_alloc_attaches_late(struct kunit *test)
{
	struct fixture *f = create(test, PAGE_SIZE, IOMMU_DOMAIN_DMA);
	int (*attach)(struct iommu_domain *domain, struct device *dev);
	struct page *page = fixture_lone_page(test);
	struct dma_iova_state state;

	attach = f->mock->ops.attach_dev;
	static_branch_inc(&iommu_dma_deferred_attach);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test,
							   allow_deferred_attach,
							   NULL));
	f->dev->iommu->attach_deferred = 1;
	f->mock->ops.attach_dev = refuse_attach;
	memset(&state, 0xff, sizeof(state));
	KUNIT_EXPECT_FALSE(test, dma_iova_try_alloc(f->dev, &state, 0,
						    PAGE_SIZE));
	fixture_expect_zero(test, &state);
	KUNIT_EXPECT_TRUE(test, f->dev->iommu->attach_deferred);

	f->mock->ops.attach_dev = attach;
	fixture_link_pages(f, &state, &page, 1);
	KUNIT_EXPECT_FALSE(test, f->dev->iommu->attach_deferred);
	KUNIT_EXPECT_EQ(test, sees(f, state.addr), page_to_phys(page));
	fixture_destroy(f, &state, PAGE_SIZE);
}

/* A page table page that the IOMMU driver hands to the flush queue */
static struct page *queued_table;
/* References to it, at the last flush */
static int refs_when_flushed;
static struct iommu_domain_ops mock_ops;

static size_t unmap_and_queue_table(struct iommu_domain *domain, unsigned long iova,
				    size_t pgsize, size_t pgcount,
				    struct iommu_iotlb_gather *gather)
{
	list_add_tail(&queued_table->lru, &gather->freelist);
	return mock_ops.unmap_pages(domain, iova, pgsize, pgcount, gather);
}

static void flush_before_table_is_freed(struct iommu_domain *domain)
{
	refs_when_flushed = page_count(queued_table);
	mock_ops.flush_iotlb_all(domain);
}

static void domain_flushes_before_it_frees_tables(struct kunit *test)
{
	struct fixture *f = create(test, PAGE_SIZE, IOMMU_DOMAIN_DMA_FQ);
	struct mock_iommu *mock = f->mock;
	struct dma_iova_state state;
	void *table;

	link_one_of_two(f, &state);
	KUNIT_EXPECT_EQ(test, 0, dma_iova_sync(f->dev, &state, 0, PAGE_SIZE));
	table = iommu_alloc_page(GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, table);
	queued_table = virt_to_page(table);
	get_page(queued_table);
	refs_when_flushed = 0;
	mock_ops = mock->ops;
	mock->ops.unmap_pages = unmap_and_queue_table;
	mock->ops.flush_iotlb_all = flush_before_table_is_freed;

	/* No timer flushes before the domain is freed. */
	atomic_set(&mock->domain.iova_cookie->fq_timer_on, 1);
	fixture_destroy(f, &state, PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, page_count(queued_table), 2);
	KUNIT_EXPECT_EQ(test, mock->calls.flush_all, 0);
	mock_iommu_destroy(test, mock);
	KUNIT_EXPECT_EQ(test, refs_when_flushed, 2);
	KUNIT_EXPECT_EQ(test, mock->state.seen, (size_t)0);
	KUNIT_EXPECT_EQ(test, page_count(queued_table), 1);
	put_page(queued_table);
}

/* A quarter of the addresses */
#define LARGE_PART	SZ_16M

#define LARGE_PARTS	5

/* Reserve all of them. The first one is linked. Returns how many there are. */
static int reserve_large_parts(struct fixture *f, struct dma_iova_state *large)
{
	struct page *page = fixture_lone_page(f->test);
	int nr = 0;

	while (nr < LARGE_PARTS &&
	       dma_iova_try_alloc(f->dev, &large[nr], 0, LARGE_PART))
		nr++;
	KUNIT_ASSERT_GT(f->test, nr, 0);
	KUNIT_ASSERT_LT(f->test, nr, LARGE_PARTS);
	fixture_link_page(f, &large[0], 0, page);
	return nr;
}

static void run_on(struct kunit *test, int cpu)
{
	KUNIT_ASSERT_EQ(test, 0, set_cpus_allowed_ptr(current, cpumask_of(cpu)));
}

/* What is missing is in the queue of the CPU that has unmapped it. */
static void queue_of_another_cpu_is_flushed(struct kunit *test)
{
	struct fixture *f = create(test, PAGE_SIZE, IOMMU_DOMAIN_DMA_FQ);
	struct iommu_dma_cookie *cookie = f->mock->domain.iova_cookie;
	struct dma_iova_state large[LARGE_PARTS], next;
	int nr = reserve_large_parts(f, large), i;

	/* No timer flushes. */
	atomic_set(&cookie->fq_timer_on, 1);
	run_on(test, cpumask_last(cpu_online_mask));
	fixture_destroy(f, &large[0], PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, f->mock->calls.flush_all, 0);
	run_on(test, cpumask_first(cpu_online_mask));
	fixture_reserve(f, &next, 0, LARGE_PART);
	KUNIT_EXPECT_EQ(test, f->mock->calls.flush_all, 1);
	dma_iova_free(f->dev, &next);
	for (i = 1; i < nr; i++)
		dma_iova_free(f->dev, &large[i]);
}

/* What a flush covers is free after it, even while another CPU is in an older one. */
static void flush_frees_all_during_another(struct kunit *test)
{
	struct fixture *f = create(test, PAGE_SIZE, IOMMU_DOMAIN_DMA_FQ);
	struct iommu_dma_cookie *cookie = f->mock->domain.iova_cookie;
	struct dma_iova_state large[LARGE_PARTS], next;
	int nr = reserve_large_parts(f, large), i;
	bool reserved;

	/* No timer flushes. Another CPU has begun to. */
	atomic_set(&cookie->fq_timer_on, 1);
	atomic64_inc(&cookie->fq_flush_start_cnt);
	fixture_destroy(f, &large[0], PAGE_SIZE);
	reserved = dma_iova_try_alloc(f->dev, &next, 0, LARGE_PART);
	atomic64_inc(&cookie->fq_flush_finish_cnt);
	KUNIT_EXPECT_TRUE(test, reserved);
	KUNIT_EXPECT_EQ(test, f->mock->calls.flush_all, 1);
	if (reserved)
		dma_iova_free(f->dev, &next);
	for (i = 1; i < nr; i++)
		dma_iova_free(f->dev, &large[i]);
}

/* More than the flush queue of a CPU holds */
#define QUEUED	600

static int count_reservations(struct fixture *f, struct dma_iova_state *states)
{
	int nr = 0, i;

	while (nr < QUEUED &&
	       dma_iova_try_alloc(f->dev, &states[nr], 0, SZ_128K))
		nr++;
	for (i = 0; i < nr; i++)
		dma_iova_free(f->dev, &states[i]);
	return nr;
}

/* As above, when the queue is full */
static void full_queue_loses_nothing(struct kunit *test)
{
	struct fixture *f = create(test, PAGE_SIZE, IOMMU_DOMAIN_DMA_FQ);
	struct iommu_dma_cookie *cookie = f->mock->domain.iova_cookie;
	struct page **pages = fixture_scattered_pages(test, QUEUED);
	struct dma_iova_state *states;
	int nr, i;

	states = kunit_kcalloc(test, QUEUED, sizeof(*states), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, states);
	/* All of it is queued by one CPU. */
	run_on(test, raw_smp_processor_id());
	nr = count_reservations(f, states);
	KUNIT_ASSERT_LT(test, nr, QUEUED);

	atomic_set(&cookie->fq_timer_on, 1);
	atomic64_inc(&cookie->fq_flush_start_cnt);
	for (i = 0; i < nr; i++) {
		fixture_reserve(f, &states[i], 0, SZ_128K);
		fixture_link_page(f, &states[i], 0, pages[i]);
	}
	for (i = 0; i < nr; i++)
		fixture_destroy(f, &states[i], PAGE_SIZE);
	atomic64_inc(&cookie->fq_flush_finish_cnt);
	KUNIT_EXPECT_GT(test, f->mock->calls.flush_all, 0);
	KUNIT_EXPECT_EQ(test, count_reservations(f, states), nr);
}
#endif

static struct kunit_case mock_cases[] = {
	KUNIT_CASE(link_is_not_seen_before_sync),
	KUNIT_CASE(unlink_is_seen_at_once),
	KUNIT_CASE(destroy_is_seen_at_once_if_strict),
	KUNIT_CASE(destroy_is_seen_later_if_lazy),
	CASE_OF_OURS(link_page_within_large_granule, MISUSE),
	CASE_OF_OURS(link_ragged_ends_of_large_granules, LINK_VEC),
	KUNIT_CASE(link_granule_smaller_than_page),
#ifndef DMA_IOVA_MAINLINE
	KUNIT_CASE(try_alloc_attaches_late),
	KUNIT_CASE(domain_flushes_before_it_frees_tables),
	KUNIT_CASE(flush_frees_all_during_another),
	KUNIT_CASE(full_queue_loses_nothing),
#endif
	{}
};

static struct kunit_suite mock_suite = {
	.name		= "dma_iova_mock",
	.suite_init	= warnings_start,
	.suite_exit	= warnings_stop,
	.exit		= warnings_check,
	.test_cases	= mock_cases,
};

#ifndef DMA_IOVA_MAINLINE
static struct kunit_case mock_smp_cases[] = {
	KUNIT_CASE(queue_of_another_cpu_is_flushed),
	{}
};

static int mock_smp_init(struct kunit *test)
{
	fixture_need_two_cpus(test);
	return 0;
}

static struct kunit_suite mock_smp_suite = {
	.name		= "dma_iova_mock_smp",
	.suite_init	= warnings_start,
	.suite_exit	= warnings_stop,
	.init		= mock_smp_init,
	.exit		= warnings_check,
	.test_cases	= mock_smp_cases,
};

kunit_test_suites(&mock_suite, &mock_smp_suite);
#else
kunit_test_suite(mock_suite);
#endif

MODULE_DESCRIPTION("KUnit suites of the two-step DMA API behind a mock IOMMU");
MODULE_LICENSE("GPL");
