// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suites of the two-step DMA API for devices that do not see the caches,
 * where the architecture maintains them:
 *
 * dma_iova_noncoherent	which memory is cleaned and invalidated by what, behind a
 *			mock IOMMU
 * dma_iova_kmalloc	memory that shares cache lines is bounced, behind a mock
 *			IOMMU; needs swiotlb
 * dma_iova_noncoherent_bounce	bounce buffers that are cleaned, behind an IOMMU,
 *			untrusted, with swiotlb
 */
#include <kunit/test.h>
#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/iommu.h>
#include <linux/kprobes.h>
#include <linux/scatterlist.h>
#include <linux/sizes.h>
#include <linux/swiotlb.h>

#include "fixture.h"
#include "p2pmem.h"

/* Where no machine has memory */
#define BAR	((phys_addr_t)SZ_1T)

/* Calls of the architecture's functions, counted by probes */
struct maintained {
	int calls;
	struct phys_vec range[8];
	enum dma_data_direction dir[8];
	/* What was in memory at both ends, at the time */
	u8 first[8], last[8];
};

static struct maintained cleaned, invalidated;

static void record(struct maintained *m, struct pt_regs *regs)
{
	phys_addr_t phys = regs_get_kernel_argument(regs, 0);
	size_t size = regs_get_kernel_argument(regs, 1);

	if (m->calls < ARRAY_SIZE(m->range)) {
		u8 *memory = phys_to_virt(phys);

		m->range[m->calls] = (struct phys_vec) { phys, size };
		m->dir[m->calls] = regs_get_kernel_argument(regs, 2);
		m->first[m->calls] = memory[0];
		m->last[m->calls] = memory[size - 1];
	}
	m->calls++;
}

static int record_clean(struct kprobe *probe, struct pt_regs *regs)
{
	record(&cleaned, regs);
	return 0;
}

static int record_invalidate(struct kprobe *probe, struct pt_regs *regs)
{
	record(&invalidated, regs);
	return 0;
}

static struct kprobe probes[] = {
	{
		.symbol_name	= "arch_sync_dma_for_device",
		.pre_handler	= record_clean,
	}, {
		.symbol_name	= "arch_sync_dma_for_cpu",
		.pre_handler	= record_invalidate,
	},
};

static void forget(void)
{
	cleaned.calls = 0;
	invalidated.calls = 0;
}

static const struct mock_iommu_config noncoherent = {
	.page_sizes	= PAGE_SIZE,
	.aperture	= SZ_64M,
	.type		= IOMMU_DOMAIN_DMA,
	.noncoherent	= true,
};

static void watch_caches(struct kunit *test)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(probes); i++)
		fixture_probe(test, &probes[i]);
	forget();
}

static int noncoherent_init(struct kunit *test)
{
	fixture_mock(test, &noncoherent);
	watch_caches(test);
	return 0;
}

/* @want ends with an empty range. */
static void expect_ranges(struct kunit *test, struct maintained *m,
			  enum dma_data_direction dir,
			  const struct phys_vec *want)
{
	int nr = 0;

	for (; want[nr].len; nr++) {
		KUNIT_EXPECT_EQ(test, m->range[nr].paddr, want[nr].paddr);
		KUNIT_EXPECT_EQ(test, m->range[nr].len, want[nr].len);
		KUNIT_EXPECT_EQ(test, m->dir[nr], dir);
	}
	KUNIT_EXPECT_EQ(test, m->calls, nr);
	m->calls = 0;
}

#define expect_maintained(test, what, dir, ...)				\
	expect_ranges(test, what, dir,					\
		      (const struct phys_vec[]) { __VA_ARGS__, {} })

#define expect_not_maintained(test, what)				\
	KUNIT_EXPECT_EQ(test, (what)->calls, 0)

/*
 * Two pages that are neighbours and a third one elsewhere, without the first 512
 * bytes and the last 1000: the reservation that the cases below work on.
 */
struct ragged {
	struct dma_iova_state state;
	struct phys_vec vec[3];
	size_t size;
};

static void link_ragged(struct fixture *f, struct ragged *r,
			enum dma_data_direction dir, unsigned long attrs)
{
	struct page **pages = fixture_scattered_pages(f->test, 1);
	phys_addr_t phys = page_to_phys(fixture_large_page(f->test));

	*r = (struct ragged) {
		.vec = {
			{ phys + 512, PAGE_SIZE - 512 },
			{ phys + PAGE_SIZE, PAGE_SIZE },
			{ page_to_phys(pages[0]), PAGE_SIZE - 1000 },
		},
		.size = 3 * PAGE_SIZE - 1512,
	};
	fixture_reserve(f, &r->state, r->vec[0].paddr, r->size);
	forget();
	KUNIT_ASSERT_EQ(f->test, 0,
			dma_iova_link_vec(f->dev, &r->state, r->vec, 3, 0, dir,
					  attrs));
	KUNIT_EXPECT_FALSE(f->test, f->mock->prot & IOMMU_CACHE);
}

/* The first two pages, in one call */
static struct phys_vec neighbours(const struct ragged *r)
{
	return (struct phys_vec) { r->vec[0].paddr, 2 * PAGE_SIZE - 512 };
}

static void link_cleans_caches(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page *page = fixture_lone_page(test);
	struct dma_iova_state state;
	struct phys_vec want;
	struct ragged r;

	link_ragged(f, &r, DMA_TO_DEVICE, 0);
	expect_maintained(test, &cleaned, DMA_TO_DEVICE, r.vec[0], r.vec[1],
			  r.vec[2]);
	expect_not_maintained(test, &invalidated);
	dma_iova_destroy(f->dev, &r.state, r.size, DMA_TO_DEVICE, 0);

	fixture_reserve(f, &state, 0, PAGE_SIZE - 100);
	forget();
	KUNIT_EXPECT_EQ(test, 0,
			dma_iova_link(f->dev, &state, page_to_phys(page), 0,
				      PAGE_SIZE - 100, DMA_FROM_DEVICE, 0));
	want = (struct phys_vec) { page_to_phys(page), PAGE_SIZE - 100 };
	expect_maintained(test, &cleaned, DMA_FROM_DEVICE, want);
	dma_iova_destroy(f->dev, &state, PAGE_SIZE - 100, DMA_FROM_DEVICE, 0);
}

static void expect_link_cleans_nothing(struct kunit *test, unsigned long attrs)
{
	struct fixture *f = test->priv;
	struct ragged r;

	link_ragged(f, &r, DMA_BIDIRECTIONAL, attrs);
	expect_not_maintained(test, &cleaned);
	dma_iova_destroy(f->dev, &r.state, r.size, DMA_BIDIRECTIONAL, attrs);
	expect_not_maintained(test, &invalidated);
}

static void link_skip_cpu_sync_cleans_nothing(struct kunit *test)
{
	expect_link_cleans_nothing(test, DMA_ATTR_SKIP_CPU_SYNC);
}

static void link_mmio_cleans_nothing(struct kunit *test)
{
	expect_link_cleans_nothing(test, DMA_ATTR_MMIO);
}

/* A BAR has no address in the kernel by which its caches could be maintained. */
static void link_bar_as_memory(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct phys_vec vec[] = {
		{ page_to_phys(fixture_lone_page(test)), PAGE_SIZE },
		{ BAR, PAGE_SIZE },
	};
	struct dma_iova_state state;

	fixture_reserve(f, &state, BAR, 2 * PAGE_SIZE);
	warns_once(test, ENGINE)
		KUNIT_EXPECT_EQ(test, -EINVAL,
				dma_iova_link(f->dev, &state, BAR, 0, PAGE_SIZE,
					      DMA_BIDIRECTIONAL, 0));
	warns_once(test, ENGINE)
		KUNIT_EXPECT_EQ(test, -EINVAL,
				dma_iova_link_vec(f->dev, &state, vec, 2, 0,
						  DMA_BIDIRECTIONAL, 0));
	fixture_expect_nothing_linked(f, state.addr, 2 * PAGE_SIZE);
	dma_iova_free(f->dev, &state);
}

/* It is linked as device memory, and the attribute is forgotten later on. */
static void caches_of_bar_are_left_alone(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page *p2p = p2pmem_pages(test, p2pmem_get(test), 1);
	phys_addr_t phys = page_to_phys(fixture_lone_page(test));
	struct phys_vec memory = { phys, PAGE_SIZE };
	struct dma_iova_state state;

	fixture_reserve(f, &state, phys, 3 * PAGE_SIZE);
	KUNIT_ASSERT_EQ(test, 0, dma_iova_link(f->dev, &state, page_to_phys(p2p),
					       0, PAGE_SIZE, DMA_BIDIRECTIONAL,
					       DMA_ATTR_MMIO));
	KUNIT_ASSERT_EQ(test, 0, dma_iova_link(f->dev, &state, phys, PAGE_SIZE,
					       PAGE_SIZE, DMA_BIDIRECTIONAL, 0));
	KUNIT_ASSERT_EQ(test, 0, dma_iova_link(f->dev, &state, BAR, 2 * PAGE_SIZE,
					       PAGE_SIZE, DMA_BIDIRECTIONAL,
					       DMA_ATTR_MMIO));
	forget();
	dma_iova_sync_for_cpu(f->dev, &state, 0, 3 * PAGE_SIZE, DMA_BIDIRECTIONAL);
	expect_maintained(test, &invalidated, DMA_BIDIRECTIONAL, memory);
	dma_iova_sync_for_device(f->dev, &state, 0, 3 * PAGE_SIZE, DMA_BIDIRECTIONAL);
	expect_maintained(test, &cleaned, DMA_BIDIRECTIONAL, memory);
	dma_iova_unlink(f->dev, &state, 0, PAGE_SIZE, DMA_BIDIRECTIONAL, 0);
	expect_not_maintained(test, &invalidated);
	dma_iova_unlink(f->dev, &state, PAGE_SIZE, 2 * PAGE_SIZE, DMA_BIDIRECTIONAL,
			0);
	expect_maintained(test, &invalidated, DMA_BIDIRECTIONAL, memory);
	fixture_expect_nothing_linked(f, state.addr, 3 * PAGE_SIZE);
	dma_iova_free(f->dev, &state);
}

/* Nothing is mapped, or cleaned, for a device that would not see the caches. */
static void coherence_is_refused(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page *page = fixture_lone_page(test);
	phys_addr_t phys = page_to_phys(page);
	struct phys_vec vec = { phys, PAGE_SIZE };
	struct dma_iova_state state;
	struct scatterlist sg;

	fixture_reserve(f, &state, phys, PAGE_SIZE + 64);
	forget();
	KUNIT_EXPECT_EQ(test, dma_iova_link(f->dev, &state, phys, 0, PAGE_SIZE,
					    DMA_BIDIRECTIONAL,
					    DMA_ATTR_REQUIRE_COHERENT),
			-EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, dma_iova_link(f->dev, &state, phys, PAGE_SIZE, 64,
					    DMA_BIDIRECTIONAL,
					    DMA_ATTR_REQUIRE_COHERENT),
			-EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, dma_iova_link_vec(f->dev, &state, &vec, 1, 0,
						DMA_BIDIRECTIONAL,
						DMA_ATTR_REQUIRE_COHERENT),
			-EOPNOTSUPP);
	fixture_expect_nothing_linked(f, state.addr, PAGE_SIZE + 64);

	/* Device memory has no caches. */
	KUNIT_EXPECT_EQ(test, dma_iova_link(f->dev, &state, BAR, 0, PAGE_SIZE,
					    DMA_BIDIRECTIONAL,
					    DMA_ATTR_REQUIRE_COHERENT |
					    DMA_ATTR_MMIO), 0);
	dma_iova_destroy(f->dev, &state, PAGE_SIZE, DMA_BIDIRECTIONAL,
			 DMA_ATTR_REQUIRE_COHERENT | DMA_ATTR_MMIO);

	KUNIT_EXPECT_EQ(test, dma_map_page_attrs(f->dev, page, 0, PAGE_SIZE,
						 DMA_BIDIRECTIONAL,
						 DMA_ATTR_REQUIRE_COHERENT),
			DMA_MAPPING_ERROR);
	sg_init_table(&sg, 1);
	sg_set_page(&sg, page, PAGE_SIZE, 0);
	KUNIT_EXPECT_EQ(test, dma_map_sg_attrs(f->dev, &sg, 1, DMA_BIDIRECTIONAL,
					       DMA_ATTR_REQUIRE_COHERENT), 0);
	expect_not_maintained(test, &cleaned);
}

static void unlink_invalidates_caches(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct ragged r;

	link_ragged(f, &r, DMA_FROM_DEVICE, 0);
	dma_iova_unlink(f->dev, &r.state, 0, r.size, DMA_FROM_DEVICE, 0);
	expect_maintained(test, &invalidated, DMA_FROM_DEVICE, neighbours(&r),
			  r.vec[2]);
	dma_iova_free(f->dev, &r.state);

	link_ragged(f, &r, DMA_BIDIRECTIONAL, 0);
	dma_iova_unlink(f->dev, &r.state, r.vec[0].len, PAGE_SIZE,
			DMA_BIDIRECTIONAL, 0);
	expect_maintained(test, &invalidated, DMA_BIDIRECTIONAL, r.vec[1]);
	/* A hole splits what is left */
	warns_once(test, ENGINE)
		dma_iova_unlink(f->dev, &r.state, 0, r.size, DMA_BIDIRECTIONAL,
				0);
	KUNIT_EXPECT_GE(test, invalidated.calls, 2);
	dma_iova_free(f->dev, &r.state);
}

static void destroy_invalidates_caches(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct ragged r;

	link_ragged(f, &r, DMA_FROM_DEVICE, 0);
	dma_iova_destroy(f->dev, &r.state, r.size, DMA_FROM_DEVICE, 0);
	expect_maintained(test, &invalidated, DMA_FROM_DEVICE, neighbours(&r),
			  r.vec[2]);
}

/* The device has written nothing. */
static void unlink_to_device_invalidates_nothing(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct ragged r;

	link_ragged(f, &r, DMA_TO_DEVICE, 0);
	dma_iova_unlink(f->dev, &r.state, r.vec[0].len, PAGE_SIZE,
			DMA_TO_DEVICE, 0);
	dma_iova_unlink(f->dev, &r.state, 0, r.vec[0].len, DMA_TO_DEVICE, 0);
	dma_iova_unlink(f->dev, &r.state, r.vec[0].len + PAGE_SIZE,
			r.vec[2].len, DMA_TO_DEVICE, 0);
	dma_iova_free(f->dev, &r.state);
	link_ragged(f, &r, DMA_TO_DEVICE, 0);
	dma_iova_destroy(f->dev, &r.state, r.size, DMA_TO_DEVICE, 0);
	expect_not_maintained(test, &invalidated);
}

static void sync_for_cpu_invalidates_caches(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct ragged r;

	link_ragged(f, &r, DMA_FROM_DEVICE, 0);
	dma_iova_sync_for_cpu(f->dev, &r.state, 0, r.size, DMA_FROM_DEVICE);
	expect_maintained(test, &invalidated, DMA_FROM_DEVICE, neighbours(&r),
			  r.vec[2]);
	dma_iova_sync_for_cpu(f->dev, &r.state, 100, 200, DMA_FROM_DEVICE);
	expect_maintained(test, &invalidated, DMA_FROM_DEVICE,
			  { r.vec[0].paddr + 100, 200 });
	dma_iova_destroy(f->dev, &r.state, r.size, DMA_FROM_DEVICE, 0);

	link_ragged(f, &r, DMA_TO_DEVICE, 0);
	dma_iova_sync_for_cpu(f->dev, &r.state, 0, r.size, DMA_TO_DEVICE);
	expect_not_maintained(test, &invalidated);
	dma_iova_destroy(f->dev, &r.state, r.size, DMA_TO_DEVICE, 0);
}

static void sync_for_device_cleans_caches(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct phys_vec want;
	struct ragged r;

	link_ragged(f, &r, DMA_TO_DEVICE, 0);
	forget();
	dma_iova_sync_for_device(f->dev, &r.state, 0, r.size, DMA_TO_DEVICE);
	expect_maintained(test, &cleaned, DMA_TO_DEVICE, neighbours(&r),
			  r.vec[2]);
	dma_iova_sync_for_device(f->dev, &r.state, 100, r.vec[0].len,
				 DMA_TO_DEVICE);
	want = (struct phys_vec) { r.vec[0].paddr + 100, r.vec[0].len };
	expect_maintained(test, &cleaned, DMA_TO_DEVICE, want);
	expect_not_maintained(test, &invalidated);
	dma_iova_destroy(f->dev, &r.state, r.size, DMA_TO_DEVICE, 0);
}

static struct kunit_case noncoherent_cases[] = {
	KUNIT_CASE(link_cleans_caches),
	KUNIT_CASE(link_skip_cpu_sync_cleans_nothing),
	KUNIT_CASE(link_mmio_cleans_nothing),
	KUNIT_CASE(link_bar_as_memory),
	KUNIT_CASE(caches_of_bar_are_left_alone),
	KUNIT_CASE(coherence_is_refused),
	KUNIT_CASE(unlink_invalidates_caches),
	KUNIT_CASE(destroy_invalidates_caches),
	KUNIT_CASE(unlink_to_device_invalidates_nothing),
	KUNIT_CASE(sync_for_cpu_invalidates_caches),
	KUNIT_CASE(sync_for_device_cleans_caches),
	{}
};

static struct kunit_suite noncoherent_suite = {
	.name		= "dma_iova_noncoherent",
	.suite_init	= warnings_start,
	.suite_exit	= warnings_stop,
	.init		= noncoherent_init,
	.exit		= warnings_check,
	.test_cases	= noncoherent_cases,
};

/* Small memory, as kmalloc() has it between other small memory */

static int kmalloc_init(struct kunit *test)
{
	struct fixture *f = fixture_mock(test, &noncoherent);

	if (!is_swiotlb_active(f->dev))
		kunit_skip(test, "no bounce buffers: boot with swiotlb=force");
	if (!dma_kmalloc_needs_bounce(f->dev, 80, DMA_FROM_DEVICE))
		kunit_skip(test, "kmalloc() keeps to cache lines");
	dma_set_min_align_mask(f->dev, PAGE_SIZE - 1);
	return 0;
}

/* Whether [into, into + size) of two pages is bounced; checks the bounce if so. */
static bool is_bounced(struct kunit *test, size_t into, size_t size,
		       enum dma_data_direction dir)
{
	struct fixture *f = test->priv;
	struct page *page = fixture_large_page(test);
	phys_addr_t phys = page_to_phys(page) + into, seen;
	size_t first = min(size, PAGE_SIZE - into);
	u8 *memory = phys_to_virt(phys);
	struct dma_iova_state state;

	memset(memory, 1, size);
	fixture_reserve(f, &state, phys, size);
	KUNIT_ASSERT_EQ(test, 0, dma_iova_link(f->dev, &state, phys, 0, size,
					       dir, 0));
	KUNIT_EXPECT_EQ(test, 0, dma_iova_sync(f->dev, &state, 0, size));
	seen = mock_iommu_device_sees(f->mock, state.addr);
	KUNIT_ASSERT_NE(test, seen, (phys_addr_t)0);
	if (dir != DMA_TO_DEVICE)
		memset(phys_to_virt(seen), 2, first);
	dma_iova_destroy(f->dev, &state, size, dir, 0);
	KUNIT_EXPECT_PTR_EQ(test, NULL,
			    memchr_inv(memory, dir == DMA_TO_DEVICE ? 1 : 2,
				       first));
	return seen != phys;
}

static void small_memory_is_bounced(struct kunit *test)
{
	KUNIT_EXPECT_TRUE(test, is_bounced(test, 1024, 80, DMA_FROM_DEVICE));
	KUNIT_EXPECT_TRUE(test, is_bounced(test, 0, 80, DMA_BIDIRECTIONAL));
	KUNIT_EXPECT_FALSE(test, is_bounced(test, 1024, 80, DMA_TO_DEVICE));
	KUNIT_EXPECT_FALSE(test, is_bounced(test, 1024, 512, DMA_FROM_DEVICE));
	KUNIT_EXPECT_FALSE(test, is_bounced(test, PAGE_SIZE - 512, 1024,
					    DMA_FROM_DEVICE));
}

/* Neither end alone needs it, but the size of the whole piece counts. */
static void small_memory_on_two_pages_is_bounced(struct kunit *test)
{
	struct fixture *f = test->priv;

	if (dma_kmalloc_needs_bounce(f->dev, 40, DMA_FROM_DEVICE))
		kunit_skip(test, "cache lines are too long for this case");
	KUNIT_EXPECT_TRUE(test, is_bounced(test, PAGE_SIZE - 40, 80,
					   DMA_FROM_DEVICE));
}

/* A small piece at the end of a large reservation: its size counts as well. */
static void small_tail_is_bounced(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page **pages = fixture_scattered_pages(test, 2);
	phys_addr_t tail = page_to_phys(pages[1]);
	struct dma_iova_state state;

	fixture_reserve(f, &state, 0, PAGE_SIZE + 20);
	KUNIT_ASSERT_EQ(test, 0, dma_iova_link(f->dev, &state,
					       page_to_phys(pages[0]), 0,
					       PAGE_SIZE, DMA_FROM_DEVICE, 0));
	KUNIT_ASSERT_EQ(test, 0, dma_iova_link(f->dev, &state, tail, PAGE_SIZE,
					       20, DMA_FROM_DEVICE, 0));
	KUNIT_EXPECT_EQ(test, 0, dma_iova_sync(f->dev, &state, 0,
					       PAGE_SIZE + 20));
	KUNIT_EXPECT_NE(test, tail,
			mock_iommu_device_sees(f->mock, state.addr + PAGE_SIZE));
	dma_iova_destroy(f->dev, &state, PAGE_SIZE + 20, DMA_FROM_DEVICE, 0);
}

/* Device memory has no cache lines to share. */
static void small_device_memory_is_not_bounced(struct kunit *test)
{
	struct fixture *f = test->priv;
	phys_addr_t phys = page_to_phys(fixture_lone_page(test)) + 1024;
	struct dma_iova_state state;

	fixture_reserve(f, &state, phys, 80);
	KUNIT_ASSERT_EQ(test, 0, dma_iova_link(f->dev, &state, phys, 0, 80,
					       DMA_FROM_DEVICE, DMA_ATTR_MMIO));
	KUNIT_EXPECT_EQ(test, 0, dma_iova_sync(f->dev, &state, 0, 80));
	KUNIT_EXPECT_EQ(test, phys, mock_iommu_device_sees(f->mock, state.addr));
	dma_iova_destroy(f->dev, &state, 80, DMA_FROM_DEVICE, DMA_ATTR_MMIO);
}

/* Where the offset would not be kept, there is no reservation. */
static void small_memory_offset_not_kept(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct dma_iova_state state;

	dma_set_min_align_mask(f->dev, 0);
	KUNIT_EXPECT_FALSE(test, dma_iova_try_alloc(f->dev, &state, 1024, 80));
	KUNIT_EXPECT_FALSE(test, dma_iova_try_alloc(f->dev, &state,
						    PAGE_SIZE - 40, 80));
	fixture_reserve(f, &state, 1024, 512);
	dma_iova_free(f->dev, &state);
}

static struct kunit_case kmalloc_cases[] = {
	KUNIT_CASE(small_memory_is_bounced),
	KUNIT_CASE(small_memory_on_two_pages_is_bounced),
	KUNIT_CASE(small_tail_is_bounced),
	KUNIT_CASE(small_device_memory_is_not_bounced),
	KUNIT_CASE(small_memory_offset_not_kept),
	{}
};

static struct kunit_suite kmalloc_suite = {
	.name		= "dma_iova_kmalloc",
	.suite_init	= warnings_start,
	.suite_exit	= warnings_stop,
	.init		= kmalloc_init,
	.exit		= warnings_check,
	.test_cases	= kmalloc_cases,
};

/*
 * Bounce buffers of an untrusted device. It is given whole granules, with zeroes around
 * the copy, and would read from memory what was in them before.
 */

static void snoop_again(void *dev)
{
	fixture_set_coherent(dev, true);
}

static int bounce_init(struct kunit *test)
{
	int err = fixture_init_bounce(test);
	struct fixture *f = test->priv;

	if (err)
		return err;
	KUNIT_ASSERT_TRUE(test, dev_is_dma_coherent(f->dev));
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, snoop_again, f->dev));
	fixture_set_coherent(f->dev, false);
	watch_caches(test);
	return 0;
}

/* Old data, all of it 0xff, is in all bounce buffers: none is in use. */
static void fill_pool(struct fixture *f)
{
	struct io_tlb_pool *pool = &f->dev->dma_io_tlb_mem->defpool;

	KUNIT_ASSERT_EQ(f->test, fixture_slots_used(f), 0);
	memset(phys_to_virt(pool->start), 0xff, pool->end - pool->start);
}

/* The call for just this range, whatever was cleaned besides, or -1 */
static int cleaning_of(phys_addr_t phys, size_t size, enum dma_data_direction dir)
{
	int i;

	for (i = 0; i < min_t(int, cleaned.calls, ARRAY_SIZE(cleaned.range)); i++) {
		if (cleaned.range[i].paddr == phys &&
		    cleaned.range[i].len == size && cleaned.dir[i] == dir)
			return i;
	}
	return -1;
}

static bool was_cleaned(phys_addr_t phys, size_t size)
{
	return cleaning_of(phys, size, DMA_FROM_DEVICE) >= 0;
}

/* The granules of a bounce buffer, with the zeroes that the device is to read there */
static void expect_padding_cleaned(struct kunit *test, phys_addr_t copy, size_t size)
{
	phys_addr_t start = ALIGN_DOWN(copy, PAGE_SIZE);
	phys_addr_t end = ALIGN(copy + size, PAGE_SIZE);
	int i = cleaning_of(start, end - start, DMA_TO_DEVICE);

	KUNIT_EXPECT_GE(test, i, 0);
	if (i < 0)
		return;
	if (start < copy)
		KUNIT_EXPECT_EQ(test, cleaned.first[i], 0);
	if (copy + size < end)
		KUNIT_EXPECT_EQ(test, cleaned.last[i], 0);
}

static void expect_link_cleans_padding(struct kunit *test, unsigned long attrs)
{
	struct fixture *f = test->priv;
	phys_addr_t phys = page_to_phys(fixture_large_page(test)) + 512;
	size_t first = PAGE_SIZE - 512, last = PAGE_SIZE - 1000;
	size_t size = first + PAGE_SIZE + last;
	bool copies = !(attrs & DMA_ATTR_SKIP_CPU_SYNC);
	struct dma_iova_state state;
	phys_addr_t head, tail;

	fill_pool(f);
	fixture_reserve(f, &state, phys, size);
	forget();
	KUNIT_ASSERT_EQ(test, 0, dma_iova_link(f->dev, &state, phys, 0, size,
					       DMA_FROM_DEVICE, attrs));
	head = iommu_iova_to_phys(f->domain, state.addr);
	tail = iommu_iova_to_phys(f->domain, state.addr + first + PAGE_SIZE);
	KUNIT_EXPECT_NE(test, head, phys);
	KUNIT_EXPECT_NE(test, tail, phys + first + PAGE_SIZE);

	expect_padding_cleaned(test, head, first);
	expect_padding_cleaned(test, tail, last);
	KUNIT_EXPECT_EQ(test, was_cleaned(head, first), copies);
	KUNIT_EXPECT_EQ(test, was_cleaned(phys + first, PAGE_SIZE), copies);
	KUNIT_EXPECT_EQ(test, was_cleaned(tail, last), copies);
	KUNIT_EXPECT_EQ(test, cleaned.calls, 2 + 3 * copies);
	dma_iova_destroy(f->dev, &state, size, DMA_FROM_DEVICE, attrs);
}

/* The driver cannot clean what it does not know of. */
static void link_cleans_padding(struct kunit *test)
{
	expect_link_cleans_padding(test, 0);
	expect_link_cleans_padding(test, DMA_ATTR_SKIP_CPU_SYNC);
}

static void expect_map_page_cleans_padding(struct kunit *test, size_t into, size_t size,
					   unsigned long attrs)
{
	struct fixture *f = test->priv;
	struct page *page = fixture_large_page(test);
	bool copies = !(attrs & DMA_ATTR_SKIP_CPU_SYNC);
	phys_addr_t copy;
	dma_addr_t addr;

	fill_pool(f);
	forget();
	addr = dma_map_page_attrs(f->dev, page, into, size, DMA_FROM_DEVICE, attrs);
	KUNIT_ASSERT_FALSE(test, dma_mapping_error(f->dev, addr));
	copy = iommu_iova_to_phys(f->domain, addr);
	KUNIT_EXPECT_NE(test, copy, page_to_phys(page) + into);

	expect_padding_cleaned(test, copy, size);
	KUNIT_EXPECT_EQ(test, was_cleaned(copy, size), copies);
	KUNIT_EXPECT_EQ(test, cleaned.calls, 1 + copies);
	dma_unmap_page_attrs(f->dev, addr, size, DMA_FROM_DEVICE, attrs);
}

/* Within a granule, and in two of them */
static void map_page_cleans_padding(struct kunit *test)
{
	expect_map_page_cleans_padding(test, 512, 1000, 0);
	expect_map_page_cleans_padding(test, 512, 1000, DMA_ATTR_SKIP_CPU_SYNC);
	expect_map_page_cleans_padding(test, PAGE_SIZE - 512, 1024, 0);
}

static void coherent_device_needs_no_cleaning(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page *page = fixture_lone_page(test);
	dma_addr_t addr;

	fixture_set_coherent(f->dev, true);
	forget();
	addr = dma_map_page(f->dev, page, 512, 1000, DMA_BIDIRECTIONAL);
	KUNIT_ASSERT_FALSE(test, dma_mapping_error(f->dev, addr));
	KUNIT_EXPECT_NE(test, iommu_iova_to_phys(f->domain, addr),
			page_to_phys(page) + 512);
	expect_not_maintained(test, &cleaned);
	dma_unmap_page(f->dev, addr, 1000, DMA_BIDIRECTIONAL);
}

static struct kunit_case bounce_cases[] = {
	KUNIT_CASE(link_cleans_padding),
	KUNIT_CASE(map_page_cleans_padding),
	KUNIT_CASE(coherent_device_needs_no_cleaning),
	{}
};

static struct kunit_suite bounce_suite = {
	.name		= "dma_iova_noncoherent_bounce",
	.suite_init	= warnings_start,
	.suite_exit	= warnings_stop,
	.init		= bounce_init,
	.exit		= warnings_check,
	.test_cases	= bounce_cases,
};

kunit_test_suites(&noncoherent_suite, &kmalloc_suite, &bounce_suite);

MODULE_DESCRIPTION("KUnit suites of the two-step DMA API without coherence");
MODULE_LICENSE("GPL");
