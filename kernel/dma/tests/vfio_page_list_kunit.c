// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suites of the page lists of VFIO drivers: where the device sees the
 * pages, that it can move data through them, and what is left after a failure.
 *
 * vfio_page_list		behind an IOMMU
 * vfio_page_list_direct	without an IOMMU
 * vfio_page_list_swiotlb	without an IOMMU, everything is bounced
 * vfio_page_list_mock		behind a mock IOMMU, on any machine
 */
#include <kunit/test.h>
#include <linux/dma-direct.h>
#include <linux/dma-mapping.h>
#include <linux/iommu.h>
#include <linux/kprobes.h>
#include <linux/sizes.h>
#include <linux/vfio_page_list.h>

#include "fail_alloc.h"
#include "fixture.h"
#include "hand_over.h"
#include "live_alloc.h"
#include "spy.h"

/* More than are allocated, or linked, at once; of neither a multiple */
#define MANY	1100

/* Few enough pages to map one by one */
#define FEW	20

/* More than any call has */
#define STEPS_MAX	300

static void list_exit(void *list)
{
	vfio_page_list_free(list);
}

/* A list of @nr pages, freed with the test */
static struct vfio_page_list *list_of(struct kunit *test, unsigned long nr)
{
	struct vfio_page_list *list = kunit_kzalloc(test, sizeof(*list),
						    GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, list);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, list_exit,
							   list));
	KUNIT_ASSERT_EQ(test, 0, vfio_page_list_add(list, nr, GFP_KERNEL));
	KUNIT_ASSERT_EQ(test, list->nr_pages, nr);
	return list;
}

/* A copy of the pointers to the pages, for when the list has none any more */
static struct page **pages_of(struct kunit *test,
			      const struct vfio_page_list *list)
{
	size_t size = list->nr_pages * sizeof(*list->pages);
	struct page **pages = kunit_kmalloc(test, size, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, pages);
	return memcpy(pages, list->pages, size);
}

static void expect_pages_freed(struct kunit *test, struct page **pages,
			       unsigned long nr)
{
	unsigned long there = 0;

	while (nr--)
		there += page_count(pages[nr]);
	KUNIT_EXPECT_EQ(test, there, 0UL);
}

/* Translates an address as the device does */
static phys_addr_t translate(struct fixture *f, dma_addr_t addr)
{
	return f->domain ? iommu_iova_to_phys(f->domain, addr) : addr;
}

static void expect_translated(struct fixture *f,
			      const struct vfio_page_list *list)
{
	unsigned long i, wrong = 0;

	for (i = 0; i < list->nr_pages; i++)
		if (translate(f, vfio_page_list_dma_addr(list, i)) !=
		    page_to_phys(list->pages[i]))
			wrong++;
	KUNIT_EXPECT_EQ(f->test, wrong, 0UL);
}

static void expect_one_range(struct fixture *f,
			     const struct vfio_page_list *list)
{
	unsigned long i, wrong = 0;

	KUNIT_EXPECT_TRUE(f->test, dma_use_iova(&list->state));
	KUNIT_EXPECT_EQ(f->test, dma_iova_size(&list->state),
			vfio_page_list_size(list));
	for (i = 0; i < list->nr_pages; i++)
		if (vfio_page_list_dma_addr(list, i) !=
		    list->state.addr + i * PAGE_SIZE)
			wrong++;
	KUNIT_EXPECT_EQ(f->test, wrong, 0UL);
}

static void expect_not_mapped(struct kunit *test,
			      const struct vfio_page_list *list)
{
	KUNIT_EXPECT_NULL(test, list->dev);
	KUNIT_EXPECT_NULL(test, list->addrs);
	fixture_expect_zero(test, &list->state);
}

static void map(struct fixture *f, struct vfio_page_list *list)
{
	KUNIT_ASSERT_EQ(f->test, 0, vfio_page_list_map(list, f->dev,
						       DMA_BIDIRECTIONAL));
}

static void accept_reservations(void *dev)
{
	dma_set_mask(dev, DMA_BIT_MASK(64));
}

/*
 * Make reservations for FEW pages fail. They need 128 KiB, aligned to that. The device
 * addresses only the 128 KiB from 0 on, and address 0 is never given out. There are
 * enough addresses for single pages.
 */
static void refuse_reservations(struct fixture *f)
{
	KUNIT_ASSERT_EQ(f->test, 0, dma_set_mask(f->dev, DMA_BIT_MASK(17)));
	KUNIT_ASSERT_EQ(f->test, 0, kunit_add_action_or_reset(f->test,
							      accept_reservations,
							      f->dev));
}

static void expect_moves_data(struct fixture *f, struct vfio_page_list *out,
			      struct vfio_page_list *in)
{
	unsigned long i;

	for (i = 0; i < out->nr_pages; i++)
		fixture_fill_page(out->pages[i], i);
	map(f, out);
	map(f, in);
	for (i = 0; i < out->nr_pages; i++)
		edu_copy(f->test, f->edu, vfio_page_list_dma_addr(in, i),
			 vfio_page_list_dma_addr(out, i), PAGE_SIZE);
	vfio_page_list_unmap(in);
	vfio_page_list_unmap(out);
	for (i = 0; i < out->nr_pages; i++)
		KUNIT_EXPECT_MEMEQ(f->test, page_address(in->pages[i]),
				   page_address(out->pages[i]), PAGE_SIZE);
}

/* Behind an IOMMU */

static void map_translates_every_page(struct kunit *test)
{
	static const unsigned long nr[] = { 1, 2, 31, 32, 33, 512, 513, MANY };
	struct fixture *f = test->priv;
	int i;

	for (i = 0; i < ARRAY_SIZE(nr); i++) {
		struct vfio_page_list *list = list_of(test, nr[i]);

		map(f, list);
		expect_translated(f, list);
		expect_one_range(f, list);
		vfio_page_list_unmap(list);
		expect_not_mapped(test, list);
	}
}

static void map_moves_data(struct kunit *test)
{
	expect_moves_data(test->priv, list_of(test, 3), list_of(test, 3));
}

static void map_syncs_once(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct vfio_page_list *list = list_of(test, MANY);

	spy_reset();
	map(f, list);
	KUNIT_EXPECT_EQ(test, spy.bytes_mapped, (ssize_t)MANY * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, spy.sync_map, 1);
	/* Pages are linked in batches if the driver of the IOMMU takes arrays. */
	if (spy.driver->map_vec)
		KUNIT_EXPECT_LE(test, spy.map_vec, MANY / 16);
	vfio_page_list_unmap(list);
	KUNIT_EXPECT_EQ(test, spy.bytes_mapped, (ssize_t)0);
	/* In strict mode, one for each size that the driver is asked to unmap */
	if (f->domain->type == IOMMU_DOMAIN_DMA_FQ)
		KUNIT_EXPECT_EQ(test, spy.sync, 0);
	else
		KUNIT_EXPECT_LE(test, spy.sync, 2);
}

static void map_page_by_page(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct vfio_page_list *list = list_of(test, FEW);
	struct vfio_page_list *out = list_of(test, 2);
	int i;

	map(f, out);
	refuse_reservations(f);
	spy_reset();
	map(f, list);
	KUNIT_EXPECT_FALSE(test, dma_use_iova(&list->state));
	expect_translated(f, list);
	KUNIT_EXPECT_EQ(test, spy.bytes_mapped, (ssize_t)FEW * PAGE_SIZE);
	for (i = 0; i < 2; i++) {
		fixture_fill_page(out->pages[i], i);
		edu_copy(test, f->edu, vfio_page_list_dma_addr(list, i),
			 vfio_page_list_dma_addr(out, i), PAGE_SIZE);
		KUNIT_EXPECT_MEMEQ(test, page_address(list->pages[i]),
				   page_address(out->pages[i]), PAGE_SIZE);
	}
	vfio_page_list_unmap(list);
	KUNIT_EXPECT_EQ(test, spy.bytes_mapped, (ssize_t)0);
	expect_not_mapped(test, list);
}

static void map_is_one_at_a_time(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct vfio_page_list *list = list_of(test, 2), copy;

	map(f, list);
	copy = *list;
	KUNIT_EXPECT_EQ(test, -EBUSY, vfio_page_list_map(list, f->dev,
							 DMA_TO_DEVICE));
	KUNIT_EXPECT_EQ(test, -EBUSY, vfio_page_list_add(list, 1, GFP_KERNEL));
	KUNIT_EXPECT_MEMEQ(test, list, &copy, sizeof(copy));
	expect_translated(f, list);
	vfio_page_list_unmap(list);
	vfio_page_list_unmap(list);
	expect_not_mapped(test, list);
	map(f, list);
	expect_translated(f, list);
}

static void map_of_nothing(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct vfio_page_list *list = list_of(test, 0);

	KUNIT_EXPECT_EQ(test, -EINVAL, vfio_page_list_map(list, f->dev,
							  DMA_TO_DEVICE));
	expect_not_mapped(test, list);
}

/* What is there stays where it is, and is what the device finds first. */
static void add_grows(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct vfio_page_list *list = list_of(test, 3);
	struct page **before = pages_of(test, list);
	unsigned long i;

	map(f, list);
	vfio_page_list_unmap(list);
	KUNIT_ASSERT_EQ(test, 0, vfio_page_list_add(list, MANY, GFP_KERNEL));
	KUNIT_ASSERT_EQ(test, list->nr_pages, 3UL + MANY);
	KUNIT_EXPECT_MEMEQ(test, list->pages, before, 3 * sizeof(*before));
	for (i = 0; i < list->nr_pages; i++) {
		KUNIT_EXPECT_EQ(test, page_count(list->pages[i]), 1);
		KUNIT_EXPECT_PTR_EQ(test, vfio_page_list_page(list, i * PAGE_SIZE),
				    list->pages[i]);
		KUNIT_EXPECT_PTR_EQ(test, list->pages[i],
				    vfio_page_list_page(list, i * PAGE_SIZE +
							PAGE_SIZE - 1));
	}
	KUNIT_EXPECT_NULL(test, vfio_page_list_page(list, i * PAGE_SIZE));
	KUNIT_EXPECT_NULL(test, vfio_page_list_page(list, SIZE_MAX));

	map(f, list);
	expect_translated(f, list);
	expect_one_range(f, list);
}

static void add_zeroes_on_request(struct kunit *test)
{
	struct vfio_page_list *list = list_of(test, MANY);
	unsigned long i;
	int dirty = 0;

	/* Make the pages dirty, for when they are allocated again. */
	for (i = 0; i < MANY; i++)
		fixture_fill_page(list->pages[i], i);
	vfio_page_list_free(list);
	KUNIT_ASSERT_EQ(test, 0, vfio_page_list_add(list, MANY,
						    GFP_KERNEL | __GFP_ZERO));
	for (i = 0; i < MANY; i++)
		if (memchr_inv(page_address(list->pages[i]), 0, PAGE_SIZE))
			dirty++;
	KUNIT_EXPECT_EQ(test, dirty, 0);
}

/* Walk the segments of a range; returns how many there are. */
static int expect_segments(struct fixture *f, struct vfio_page_list *list,
			   size_t offset, size_t len)
{
	u64 boundary = dma_get_seg_boundary(f->dev);
	int nr, wrong = 0;
	dma_addr_t addr;
	size_t size, i;

	for (nr = 0; len; nr++, offset += size, len -= size) {
		size = vfio_page_list_segment(list, offset, len, &addr);
		KUNIT_ASSERT_GT(f->test, size, (size_t)0);
		KUNIT_ASSERT_LE(f->test, size, len);
		KUNIT_EXPECT_LE(f->test, size, dma_get_max_seg_size(f->dev));
		KUNIT_EXPECT_EQ(f->test, addr & ~boundary,
				(addr + size - 1) & ~boundary);
		for (i = 0; i < size; i += SZ_512)
			if (translate(f, addr + i) !=
			    page_to_phys(vfio_page_list_page(list, offset + i)) +
			    offset_in_page(offset + i))
				wrong++;
	}
	KUNIT_EXPECT_EQ(f->test, wrong, 0);
	return nr;
}

static void default_limits(void *data)
{
	struct fixture *f = data;

	dma_set_max_seg_size(f->dev, SZ_64K);
	dma_set_seg_boundary(f->dev, U32_MAX);
}

static void segment_keeps_limits(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct vfio_page_list *list = list_of(test, 64);
	size_t size = vfio_page_list_size(list);

	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, default_limits,
							   f));
	map(f, list);
	dma_set_max_seg_size(f->dev, UINT_MAX);
	dma_set_seg_boundary(f->dev, ULONG_MAX);
	KUNIT_EXPECT_EQ(test, expect_segments(f, list, 0, size), 1);
	KUNIT_EXPECT_EQ(test, expect_segments(f, list, 5000, size - 9000), 1);
	dma_set_max_seg_size(f->dev, SZ_64K);
	KUNIT_EXPECT_EQ(test, expect_segments(f, list, 0, size), 4);
	KUNIT_EXPECT_EQ(test, expect_segments(f, list, 100, SZ_64K + 1), 2);
	dma_set_max_seg_size(f->dev, UINT_MAX);
	dma_set_seg_boundary(f->dev, SZ_16K - 1);
	KUNIT_EXPECT_EQ(test, expect_segments(f, list, 0, size), 16);
}

/* Only @which of the hand-over functions has been called, for this range. */
static void expect_one_hand_over(struct kunit *test,
				 enum hand_over_function which, size_t offset,
				 size_t len, enum dma_data_direction dir)
{
	KUNIT_EXPECT_EQ(test, hand_over_calls(), 1);
	KUNIT_EXPECT_EQ(test, hand_over[which].calls, 1);
	KUNIT_EXPECT_EQ(test, hand_over[which].at, (u64)offset);
	KUNIT_EXPECT_EQ(test, hand_over[which].bytes, len);
	KUNIT_EXPECT_EQ(test, hand_over[which].dir, dir);
}

/* A range is passed on as it is, except what is past the end of the list. */
static void sync_hands_one_range_over(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct vfio_page_list *list = list_of(test, 5);
	size_t size = vfio_page_list_size(list);

	hand_over_insert(test);
	KUNIT_ASSERT_EQ(test, 0, vfio_page_list_map(list, f->dev,
						    DMA_FROM_DEVICE));
	hand_over_reset();
	vfio_page_list_sync_for_cpu(list, 100, size - 300);
	expect_one_hand_over(test, RANGE_FOR_CPU, 100, size - 300,
			     DMA_FROM_DEVICE);
	hand_over_reset();
	vfio_page_list_sync_for_device(list, 5000, 6000);
	expect_one_hand_over(test, RANGE_FOR_DEVICE, 5000, 6000,
			     DMA_FROM_DEVICE);

	hand_over_reset();
	vfio_page_list_sync_for_cpu(list, size - 10, SIZE_MAX);
	expect_one_hand_over(test, RANGE_FOR_CPU, size - 10, 10,
			     DMA_FROM_DEVICE);
	hand_over_reset();
	vfio_page_list_sync_for_device(list, size - 10, 11);
	expect_one_hand_over(test, RANGE_FOR_DEVICE, size - 10, 10,
			     DMA_FROM_DEVICE);
}

static void sync_of(struct vfio_page_list *list, size_t offset, size_t len)
{
	vfio_page_list_sync_for_cpu(list, offset, len);
	vfio_page_list_sync_for_device(list, offset, len);
}

/* Nothing is asked for, or nothing is there, or the device does not see it. */
static void sync_of_nothing(struct kunit *test)
{
	struct vfio_page_list *list = list_of(test, 3);
	size_t size = vfio_page_list_size(list);
	struct vfio_page_list none = {};

	hand_over_insert(test);
	sync_of(&none, 0, PAGE_SIZE);
	sync_of(list, 0, size);
	map(test->priv, list);
	sync_of(list, 0, 0);
	sync_of(list, size, 1);
	sync_of(list, SIZE_MAX, SIZE_MAX);
	vfio_page_list_unmap(list);
	sync_of(list, 0, size);
	KUNIT_EXPECT_EQ(test, hand_over_calls(), 0);
}

static struct kunit_case iommu_cases[] = {
	KUNIT_CASE(map_translates_every_page),
	KUNIT_CASE(map_moves_data),
	KUNIT_CASE(map_syncs_once),
	KUNIT_CASE(map_page_by_page),
	KUNIT_CASE(map_is_one_at_a_time),
	KUNIT_CASE(map_of_nothing),
	KUNIT_CASE(add_grows),
	KUNIT_CASE(add_zeroes_on_request),
	KUNIT_CASE(segment_keeps_limits),
	KUNIT_CASE(sync_hands_one_range_over),
	KUNIT_CASE(sync_of_nothing),
	{}
};

static struct kunit_suite iommu_suite = {
	.name		= "vfio_page_list",
	.suite_init	= warnings_start,
	.suite_exit	= warnings_stop,
	.init		= spy_init_iommu,
	.exit		= warnings_check,
	.test_cases	= iommu_cases,
};

/* Without an IOMMU */

static int unmap_calls;

static int count_unmap(struct kprobe *probe, struct pt_regs *regs)
{
	unmap_calls++;
	return 0;
}

static struct kprobe unmap_probe = {
	.symbol_name	= "dma_unmap_page_attrs",
	.pre_handler	= count_unmap,
};

static void direct_map_moves_data(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct vfio_page_list *list = list_of(test, MANY);

	map(f, list);
	KUNIT_EXPECT_FALSE(test, dma_use_iova(&list->state));
	expect_translated(f, list);
	vfio_page_list_unmap(list);
	expect_not_mapped(test, list);

	expect_moves_data(f, list_of(test, 2), list_of(test, 2));
}

static void skip_sync_again(void *dev)
{
	((struct device *)dev)->dma_skip_sync = true;
}

/*
 * Unmapping does nothing here, unless dma-debug wants to see it or a page has been
 * bounced.
 */
static void direct_unmaps_if_needed(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct vfio_page_list *list = list_of(test, 16);

	fixture_probe(test, &unmap_probe);
	map(f, list);
	unmap_calls = 0;
	vfio_page_list_unmap(list);
	KUNIT_EXPECT_EQ(test, dma_need_unmap(f->dev),
			IS_ENABLED(CONFIG_DMA_API_DEBUG));
	KUNIT_EXPECT_EQ(test, unmap_calls, dma_need_unmap(f->dev) ? 16 : 0);

	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test,
							   skip_sync_again,
							   f->dev));
	f->dev->dma_skip_sync = false;
	KUNIT_EXPECT_TRUE(test, dma_need_unmap(f->dev));
	map(f, list);
	unmap_calls = 0;
	vfio_page_list_unmap(list);
	KUNIT_EXPECT_EQ(test, unmap_calls, 16);
}

/* Pages are synchronised one by one, as they are unmapped. */
static void direct_syncs_if_needed(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct vfio_page_list *list = list_of(test, 4);

	hand_over_insert(test);
	map(f, list);
	hand_over_reset();
	sync_of(list, 0, 4 * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, hand_over_calls(),
			dma_dev_need_sync(f->dev) ? 2 * 4 : 0);

	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test,
							   skip_sync_again,
							   f->dev));
	f->dev->dma_skip_sync = false;
	hand_over_reset();
	sync_of(list, PAGE_SIZE - 1, PAGE_SIZE + 2);
	KUNIT_EXPECT_EQ(test, hand_over[SINGLE_FOR_CPU].calls, 3);
	KUNIT_EXPECT_EQ(test, hand_over[SINGLE_FOR_CPU].bytes, PAGE_SIZE + 2);
	KUNIT_EXPECT_EQ(test, hand_over[SINGLE_FOR_CPU].at,
			(u64)vfio_page_list_dma_addr(list, 2));
	KUNIT_EXPECT_EQ(test, hand_over[SINGLE_FOR_CPU].dir,
			DMA_BIDIRECTIONAL);
	KUNIT_EXPECT_MEMEQ(test, &hand_over[SINGLE_FOR_CPU],
			   &hand_over[SINGLE_FOR_DEVICE],
			   sizeof(struct hand_over));
	vfio_page_list_unmap(list);
}

/* Neighbours in memory are one segment, up to the device's limits. */
static void direct_segments(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page *run = fixture_large_page(test);
	struct page *pages[] = {
		run + 7, run + 2, run + 3, run + 4, run + 4, run + 6,
	};
	struct vfio_page_list list = {
		.pages = pages, .nr_pages = ARRAY_SIZE(pages),
	};

	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, default_limits,
							   f));
	warnings_mute_dma_debug(test, true);	/* The list has one page twice. */
	map(f, &list);
	KUNIT_EXPECT_EQ(test, 4, expect_segments(f, &list, 0,
						 ARRAY_SIZE(pages) * PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, 1, expect_segments(f, &list, PAGE_SIZE + 100,
						 3 * PAGE_SIZE - 200));
	KUNIT_EXPECT_EQ(test, 2, expect_segments(f, &list, 3000, 3000));
	dma_set_max_seg_size(f->dev, SZ_8K);
	KUNIT_EXPECT_EQ(test, 5, expect_segments(f, &list, 0,
						 ARRAY_SIZE(pages) * PAGE_SIZE));
	vfio_page_list_unmap(&list);
	KUNIT_EXPECT_PTR_EQ(test, list.pages, &pages[0]);
}

static struct kunit_case direct_cases[] = {
	KUNIT_CASE(direct_map_moves_data),
	KUNIT_CASE(direct_unmaps_if_needed),
	KUNIT_CASE(direct_syncs_if_needed),
	KUNIT_CASE(direct_segments),
	{}
};

static struct kunit_suite direct_suite = {
	.name		= "vfio_page_list_direct",
	.suite_init	= warnings_start,
	.suite_exit	= warnings_stop,
	.init		= fixture_init_direct,
	.exit		= warnings_check,
	.test_cases	= direct_cases,
};

/* Without an IOMMU, everything is bounced */

static const struct {
	size_t offset;
	size_t len;
} ranges[] = {
	{ 0, 4 * PAGE_SIZE },
	{ 0, 1 },
	{ 100, 8 },
	{ PAGE_SIZE - 4, 8 },
	{ PAGE_SIZE, PAGE_SIZE },
	{ 5000, 6000 },
	{ 4 * PAGE_SIZE - 10, 10 },
	/* Cut at the end of the list */
	{ 3 * PAGE_SIZE + 5, SZ_64K },
	{ 1, SIZE_MAX },
	/* Nothing */
	{ 200, 0 },
	{ 4 * PAGE_SIZE, 1 },
	{ SIZE_MAX, SIZE_MAX },
};

/* The bounce buffer of a page, which is what the device sees */
static u8 *bounced(struct vfio_page_list *list, unsigned long i)
{
	return phys_to_virt(dma_to_phys(list->dev,
					vfio_page_list_dma_addr(list, i)));
}

/* Whether @offset is in the range */
static bool within(int range, size_t offset)
{
	return offset >= ranges[range].offset &&
	       offset - ranges[range].offset < ranges[range].len;
}

/* One side has 0xee in all bytes, and the other side gets those of the range. */
static void expect_hands_over(struct kunit *test, int range, bool to_device)
{
	struct vfio_page_list *list = list_of(test, 4);
	size_t size = vfio_page_list_size(list), i;
	int wrong = 0;
	u8 *byte;

	for (i = 0; i < list->nr_pages; i++)
		memset(page_address(list->pages[i]), 0x11, PAGE_SIZE);
	map(test->priv, list);
	for (i = 0; i < list->nr_pages; i++) {
		KUNIT_ASSERT_PTR_NE(test, bounced(list, i),
				    (u8 *)page_address(list->pages[i]));
		memset(to_device ? page_address(list->pages[i]) :
		       bounced(list, i), 0xee, PAGE_SIZE);
	}
	if (to_device)
		vfio_page_list_sync_for_device(list, ranges[range].offset,
					       ranges[range].len);
	else
		vfio_page_list_sync_for_cpu(list, ranges[range].offset,
					    ranges[range].len);
	for (i = 0; i < size; i++) {
		byte = to_device ? bounced(list, i >> PAGE_SHIFT) :
				   page_address(list->pages[i >> PAGE_SHIFT]);
		if (byte[offset_in_page(i)] != (within(range, i) ? 0xee : 0x11))
			wrong++;
	}
	KUNIT_EXPECT_EQ_MSG(test, wrong, 0, "%zu bytes from %zu on",
			    ranges[range].len, ranges[range].offset);
	vfio_page_list_free(list);
}

static void swiotlb_sync_for_cpu_copies_range(struct kunit *test)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(ranges); i++)
		expect_hands_over(test, i, false);
}

static void swiotlb_sync_for_device_copies_range(struct kunit *test)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(ranges); i++)
		expect_hands_over(test, i, true);
}

/* Both lists stay mapped. In the second round they hold old data. */
static void swiotlb_sync_moves_data(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct vfio_page_list *out = list_of(test, 2), *in = list_of(test, 2);
	int round, i;

	KUNIT_ASSERT_EQ(test, 0, vfio_page_list_map(out, f->dev,
						    DMA_TO_DEVICE));
	KUNIT_ASSERT_EQ(test, 0, vfio_page_list_map(in, f->dev,
						    DMA_FROM_DEVICE));
	for (round = 0; round < 2; round++) {
		for (i = 0; i < 2; i++)
			fixture_fill_page(out->pages[i], 1 + round * 2 + i);
		vfio_page_list_sync_for_device(out, 0, 2 * PAGE_SIZE);
		for (i = 0; i < 2; i++)
			edu_copy(test, f->edu, vfio_page_list_dma_addr(in, i),
				 vfio_page_list_dma_addr(out, i), PAGE_SIZE);
		vfio_page_list_sync_for_cpu(in, 0, 2 * PAGE_SIZE);
		for (i = 0; i < 2; i++)
			KUNIT_EXPECT_MEMEQ(test, page_address(in->pages[i]),
					   page_address(out->pages[i]),
					   PAGE_SIZE);
		vfio_page_list_sync_for_device(in, 0, 2 * PAGE_SIZE);
	}
}

static struct kunit_case swiotlb_cases[] = {
	KUNIT_CASE(swiotlb_sync_for_cpu_copies_range),
	KUNIT_CASE(swiotlb_sync_for_device_copies_range),
	KUNIT_CASE(swiotlb_sync_moves_data),
	{}
};

static struct kunit_suite swiotlb_suite = {
	.name		= "vfio_page_list_swiotlb",
	.suite_init	= warnings_start,
	.suite_exit	= warnings_stop,
	.init		= fixture_init_forced_swiotlb,
	.exit		= warnings_check,
	.test_cases	= swiotlb_cases,
};

/* Failures, behind a mock IOMMU */

static const struct mock_iommu_config mock_config = {
	.page_sizes	= SZ_4K,
	.aperture	= SZ_16M,
	.type		= IOMMU_DOMAIN_DMA,
	.map_vec	= true,
};

/* There are 128 KiB. With @page reserved, no reservation gets more than half of it. */
static struct fixture *mock_refuses_reservations(struct kunit *test,
						 struct dma_iova_state *page)
{
	struct mock_iommu_config config = mock_config;
	struct fixture *f;

	config.aperture = SZ_128K;
	f = fixture_mock(test, &config);
	fixture_reserve(f, page, 0, PAGE_SIZE);
	return f;
}

/* The pages are there, and that is all. */
static void expect_only_pages(struct fixture *f, struct vfio_page_list *list,
			      struct page **pages, int live)
{
	KUNIT_EXPECT_EQ(f->test, live_alloc_count(f->test), live);
	KUNIT_EXPECT_MEMEQ(f->test, list->pages, pages,
			   list->nr_pages * sizeof(*pages));
	KUNIT_EXPECT_EQ(f->test, f->mock->state.mapped, (size_t)0);
	KUNIT_EXPECT_EQ(f->test, f->mock->state.seen, (size_t)0);
	expect_not_mapped(f->test, list);
}

/* Fail at the first of @nth, the second, and so on. Returns how many there are. */
static int fail_each(struct fixture *f, struct vfio_page_list *list, int *nth,
		     int want)
{
	struct page **pages = pages_of(f->test, list);
	int live = live_alloc_count(f->test);
	int n, err;

	for (n = 1; n <= STEPS_MAX; n++) {
		*nth = n;
		err = vfio_page_list_map(list, f->dev, DMA_FROM_DEVICE);
		if (!err)
			break;
		KUNIT_EXPECT_EQ(f->test, err, want);
		expect_only_pages(f, list, pages, live);
	}
	KUNIT_ASSERT_LE(f->test, n, STEPS_MAX);
	*nth = 0;
	expect_translated(f, list);
	vfio_page_list_unmap(list);
	expect_only_pages(f, list, pages, live);
	return n - 1;
}

static void map_fails_at_each_step(struct kunit *test)
{
	struct fixture *f = fixture_mock(test, &mock_config);
	struct vfio_page_list *list = list_of(test, 80);
	int free = mock_iommu_count_free(test, f->mock);

	live_alloc_insert(test);
	KUNIT_EXPECT_EQ(test, fail_each(f, list, &f->mock->fail_map, -EIO), 80);
	KUNIT_EXPECT_GE(test,
			fail_each(f, list, &f->mock->fail_table, -ENOMEM), 1);
	KUNIT_EXPECT_EQ(test, fail_each(f, list, &f->mock->fail_sync, -EIO), 1);
	KUNIT_EXPECT_EQ(test, mock_iommu_count_free(test, f->mock), free);
}

static void map_page_by_page_fails_at_each_step(struct kunit *test)
{
	struct dma_iova_state page = {};
	struct fixture *f = mock_refuses_reservations(test, &page);
	struct vfio_page_list *list = list_of(test, FEW);

	live_alloc_insert(test);
	KUNIT_EXPECT_EQ(test, FEW,
			fail_each(f, list, &f->mock->fail_map, -ENOMEM));
	dma_iova_free(f->dev, &page);
	KUNIT_EXPECT_EQ(test, mock_iommu_count_free(test, f->mock), 32);
}

/* There are not even addresses for single pages. */
static void map_without_addresses(struct kunit *test)
{
	struct mock_iommu_config config = mock_config;
	struct vfio_page_list *list = list_of(test, 65);
	struct page **pages = pages_of(test, list);
	struct fixture *f;
	int live;

	config.aperture = 64 * SZ_4K;
	f = fixture_mock(test, &config);
	KUNIT_EXPECT_EQ(test, mock_iommu_count_free(test, f->mock), 64);
	live_alloc_insert(test);
	live = live_alloc_count(test);
	KUNIT_EXPECT_EQ(test, -ENOMEM, vfio_page_list_map(list, f->dev,
							  DMA_FROM_DEVICE));
	expect_only_pages(f, list, pages, live);
	KUNIT_EXPECT_EQ(test, mock_iommu_count_free(test, f->mock), 64);
}

/* Memory is short for what the fallback remembers. */
static void map_fails_at_each_allocation(struct kunit *test)
{
	struct dma_iova_state page = {};
	struct fixture *f = mock_refuses_reservations(test, &page);
	struct vfio_page_list *list = list_of(test, FEW);
	struct page **pages = pages_of(test, list);
	int nth = 1, err, live, failed = 0;
	bool more;

	fail_alloc_insert(test);
	live_alloc_insert(test);
	live = live_alloc_count(test);
	do {
		fail_alloc_arm(nth);
		err = vfio_page_list_map(list, f->dev, DMA_FROM_DEVICE);
		more = fail_alloc_next(&nth, err);
		if (err) {
			failed++;
			KUNIT_EXPECT_EQ(test, err, -ENOMEM);
		} else {
			expect_translated(f, list);
			vfio_page_list_unmap(list);
		}
		expect_only_pages(f, list, pages, live);
	} while (more);
	KUNIT_EXPECT_GT(test, failed, 0);
	KUNIT_EXPECT_EQ(test, err, 0);
	dma_iova_free(f->dev, &page);
}

/* What has been allocated past the pages of the list is free again. */
static void expect_rest_freed(struct kunit *test,
			      const struct vfio_page_list *list,
			      unsigned long nr)
{
	unsigned long i, there = 0;

	/* The record is too small for more pages. */
	if (ksize(list->pages) < (list->nr_pages + nr) * sizeof(*list->pages))
		return;
	for (i = list->nr_pages; i < list->nr_pages + nr; i++)
		if (list->pages[i])
			there += page_count(list->pages[i]);
	KUNIT_EXPECT_EQ(test, there, 0UL);
}

/* First the record, then each batch of pages */
static void add_fails_at_each_step(struct kunit *test)
{
	int nth = 1, err, live, failed = 0, allocs = 1 + DIV_ROUND_UP(MANY, 512);
	struct vfio_page_list list = {};
	struct page *before[3];
	bool more;

	fail_alloc_insert(test);
	live_alloc_insert(test);
	live = live_alloc_count(test);
	do {
		KUNIT_ASSERT_EQ(test, 0, vfio_page_list_add(&list, 3, GFP_KERNEL));
		memcpy(before, list.pages, sizeof(before));
		fail_alloc_arm(nth);
		err = vfio_page_list_add(&list, MANY, GFP_KERNEL);
		more = fail_alloc_next(&nth, err);
		KUNIT_EXPECT_EQ(test, list.nr_pages, err ? 3UL : 3UL + MANY);
		KUNIT_EXPECT_MEMEQ(test, list.pages, before, sizeof(before));
		if (err) {
			failed++;
			KUNIT_EXPECT_EQ(test, err, -ENOMEM);
			expect_rest_freed(test, &list, MANY);
		}
		vfio_page_list_free(&list);
		expect_pages_freed(test, before, 3);
		KUNIT_EXPECT_EQ(test, live_alloc_count(test), live);
	} while (more);
	KUNIT_EXPECT_EQ(test, err, 0);
	KUNIT_EXPECT_LE(test, failed, allocs);
	KUNIT_EXPECT_GE(test, failed, fail_alloc_least(allocs));
}

static void free_leaves_nothing(struct kunit *test)
{
	struct dma_iova_state page = {};
	struct fixture *f = mock_refuses_reservations(test, &page);
	struct vfio_page_list list = {}, zero = {};
	struct page **pages;
	int live, round;

	live_alloc_insert(test);
	for (round = 0; round < 2; round++) {
		/* Page by page first, then in one range */
		if (round)
			dma_iova_free(f->dev, &page);
		KUNIT_ASSERT_EQ(test, 0, vfio_page_list_add(&list, FEW,
							    GFP_KERNEL));
		pages = pages_of(test, &list);
		live = live_alloc_count(test);
		map(f, &list);
		KUNIT_EXPECT_EQ(test, dma_use_iova(&list.state), !!round);
		KUNIT_EXPECT_EQ(test, f->mock->state.mapped,
				(size_t)FEW * PAGE_SIZE);

		/* Still mapped; the record of the pages goes, too */
		vfio_page_list_free(&list);
		KUNIT_EXPECT_MEMEQ(test, &list, &zero, sizeof(zero));
		expect_pages_freed(test, pages, FEW);
		KUNIT_EXPECT_EQ(test, f->mock->state.mapped, (size_t)0);
		KUNIT_EXPECT_EQ(test, live_alloc_count(test), live - 1);
	}
	KUNIT_EXPECT_EQ(test, mock_iommu_count_free(test, f->mock), 32);
}

static struct kunit_case mock_cases[] = {
	KUNIT_CASE(map_fails_at_each_step),
	KUNIT_CASE(map_page_by_page_fails_at_each_step),
	KUNIT_CASE(map_without_addresses),
	KUNIT_CASE(map_fails_at_each_allocation),
	KUNIT_CASE(add_fails_at_each_step),
	KUNIT_CASE(free_leaves_nothing),
	{}
};

static struct kunit_suite mock_suite = {
	.name		= "vfio_page_list_mock",
	.suite_init	= warnings_start,
	.suite_exit	= warnings_stop,
	.exit		= warnings_check,
	.test_cases	= mock_cases,
};

kunit_test_suites(&iommu_suite, &direct_suite, &swiotlb_suite, &mock_suite);

MODULE_DESCRIPTION("KUnit suites of the page lists of VFIO drivers");
MODULE_LICENSE("GPL");
