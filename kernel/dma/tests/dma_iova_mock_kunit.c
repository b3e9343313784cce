// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suites of the two-step DMA API behind a mock IOMMU: what depends on the
 * size of the granule, and when the device sees what, in strict and in lazy mode.
 *
 * dma_iova_mock	on any machine
 * dma_iova_noncoherent	where the architecture maintains caches for devices
 */
#include <kunit/test.h>
#include <linux/bottom_half.h>
#include <linux/dma-mapping.h>
#include <linux/iommu.h>
#include <linux/kprobes.h>
#include <linux/sizes.h>

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

/* Two pages, of which the first is reserved for and linked */
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

/* In lazy mode too, since the memory is the CPU's again */
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

/* A page of the kernel that is on no granule's start, at both ends */
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

static struct kunit_case mock_cases[] = {
	KUNIT_CASE(link_is_not_seen_before_sync),
	KUNIT_CASE(unlink_is_seen_at_once),
	KUNIT_CASE(destroy_is_seen_at_once_if_strict),
	KUNIT_CASE(destroy_is_seen_later_if_lazy),
	KUNIT_CASE(link_page_within_large_granule),
	KUNIT_CASE(link_ragged_ends_of_large_granules),
	KUNIT_CASE(link_granule_smaller_than_page),
	{}
};

static struct kunit_suite mock_suite = {
	.name		= "dma_iova_mock",
	.suite_init	= warnings_start,
	.suite_exit	= warnings_stop,
	.exit		= warnings_check,
	.test_cases	= mock_cases,
};

kunit_test_suite(mock_suite);

#if defined(CONFIG_ARCH_HAS_SYNC_DMA_FOR_DEVICE) && defined(CONFIG_KPROBES)
/*
 * Caches are maintained by the architecture, which counts nothing; a probe on its
 * function does.
 */
static int cleaned;

static int count_clean(struct kprobe *probe, struct pt_regs *regs)
{
	cleaned++;
	return 0;
}

static struct kprobe clean_probe = {
	.symbol_name	= "arch_sync_dma_for_device",
	.pre_handler	= count_clean,
};

static int noncoherent_init(struct kunit *test)
{
	struct mock_iommu_config config = {
		.page_sizes	= PAGE_SIZE,
		.aperture	= SZ_64M,
		.type		= IOMMU_DOMAIN_DMA,
		.noncoherent	= true,
	};

	fixture_mock(test, &config);
	clean_probe.addr = NULL;
	clean_probe.flags = 0;
	return register_kprobe(&clean_probe);
}

static void noncoherent_exit(struct kunit *test)
{
	unregister_kprobe(&clean_probe);
	warnings_check(test);
}

static void expect_cleaned(struct kunit *test, unsigned long attrs, int links, int vec)
{
	struct fixture *f = test->priv;
	struct page **pages = fixture_scattered_pages(test, 3);
	struct phys_vec pieces[] = {
		{ page_to_phys(pages[1]), PAGE_SIZE },
		{ page_to_phys(pages[2]), PAGE_SIZE },
	};
	struct dma_iova_state state;

	fixture_reserve(f, &state, 0, 3 * PAGE_SIZE);
	cleaned = 0;
	KUNIT_EXPECT_EQ(test, 0, dma_iova_link(f->dev, &state, page_to_phys(pages[0]),
					       0, PAGE_SIZE, DMA_BIDIRECTIONAL, attrs));
	KUNIT_EXPECT_EQ(test, cleaned, links);
	cleaned = 0;
	KUNIT_EXPECT_EQ(test, 0, dma_iova_link_vec(f->dev, &state, pieces, 2, PAGE_SIZE,
						   DMA_BIDIRECTIONAL, attrs));
	KUNIT_EXPECT_EQ(test, cleaned, vec);
	KUNIT_EXPECT_FALSE(test, f->mock->prot & IOMMU_CACHE);
	dma_iova_destroy(f->dev, &state, 3 * PAGE_SIZE, DMA_BIDIRECTIONAL, attrs);
}

static void link_cleans_caches(struct kunit *test)
{
	expect_cleaned(test, 0, 1, 2);
}

static void link_skip_cpu_sync_cleans_nothing(struct kunit *test)
{
	expect_cleaned(test, DMA_ATTR_SKIP_CPU_SYNC, 0, 0);
}

static void link_mmio_cleans_nothing(struct kunit *test)
{
	expect_cleaned(test, DMA_ATTR_MMIO, 0, 0);
}

static void sync_for_device_cleans_caches(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page **pages = fixture_scattered_pages(test, 3);
	struct dma_iova_state state;

	fixture_link_pages(f, &state, pages, 3);
	cleaned = 0;
	dma_iova_sync_for_device(f->dev, &state, 100, 2 * PAGE_SIZE,
				 DMA_BIDIRECTIONAL);
	KUNIT_EXPECT_EQ(test, cleaned, 3);
	fixture_destroy(f, &state, 3 * PAGE_SIZE);
}

static struct kunit_case noncoherent_cases[] = {
	KUNIT_CASE(link_cleans_caches),
	KUNIT_CASE(link_skip_cpu_sync_cleans_nothing),
	KUNIT_CASE(link_mmio_cleans_nothing),
	KUNIT_CASE(sync_for_device_cleans_caches),
	{}
};

static struct kunit_suite noncoherent_suite = {
	.name		= "dma_iova_noncoherent",
	.suite_init	= warnings_start,
	.suite_exit	= warnings_stop,
	.init		= noncoherent_init,
	.exit		= noncoherent_exit,
	.test_cases	= noncoherent_cases,
};

kunit_test_suite(noncoherent_suite);
#endif /* CONFIG_ARCH_HAS_SYNC_DMA_FOR_DEVICE && CONFIG_KPROBES */

MODULE_DESCRIPTION("KUnit suites of the two-step DMA API behind a mock IOMMU");
MODULE_LICENSE("GPL");
