// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suites of the two-step DMA API, on a real device behind a real IOMMU:
 * what is linked is checked by translating every page, by having the device
 * move data, and by seeing it fail where it must. They need QEMU's edu device.
 *
 * dma_iova		behind an IOMMU
 * dma_iova_write_only	behind an IOMMU that tells writing from reading
 * dma_iova_bounce	behind an IOMMU, untrusted, with swiotlb
 * dma_iova_direct	without an IOMMU, where only the fallback works
 * dma_iova_swiotlb	without an IOMMU, with swiotlb=force
 */
#include <kunit/device.h>
#include <kunit/test.h>
#include <linux/bottom_half.h>
#include <linux/cpumask.h>
#include <linux/dma-mapping.h>
#include <linux/iommu.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/swiotlb.h>

#include "fixture.h"
#include "spy.h"

/* Two words: the address, and the size with its flag */
static_assert(!IS_ENABLED(CONFIG_64BIT) ||
	      sizeof(struct dma_iova_state) == 16);

/* try_alloc */

static void try_alloc_without_iommu_device(struct kunit *test)
{
	struct device *dev = kunit_device_register(test, "dma-iova-plain");
	struct dma_iova_state state;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dev);

	memset(&state, 0xff, sizeof(state));
	KUNIT_EXPECT_FALSE(test, dma_iova_try_alloc(dev, &state, 0, SZ_4K));
	fixture_expect_zero(test, &state);

	memset(&state, 0xff, sizeof(state));
	KUNIT_EXPECT_FALSE(test, dma_iova_try_alloc(NULL, &state, 0, SZ_4K));
	fixture_expect_zero(test, &state);
	KUNIT_EXPECT_FALSE(test, dma_need_unmap(NULL));
	warns_once(test, ENTRY)
		dma_iova_destroy(NULL, &state, 0, DMA_TO_DEVICE, 0);
}

/* A device with no DMA mask, because its driver has set none */
static void try_alloc_without_mask(struct kunit *test)
{
	struct fixture *f = test->priv;
	u64 *mask = f->dev->dma_mask;
	struct dma_iova_state state;

	memset(&state, 0xff, sizeof(state));
	f->dev->dma_mask = NULL;
	KUNIT_EXPECT_FALSE(test, dma_iova_try_alloc(f->dev, &state, 0, SZ_4K));
	KUNIT_EXPECT_FALSE(test, dma_need_unmap(f->dev));
	f->dev->dma_mask = mask;
	fixture_expect_zero(test, &state);
}

/* IO addresses are aligned to the granule, and to nothing larger. */
static void try_alloc_needs_larger_alignment(struct kunit *test)
{
	struct fixture *f = test->priv;
	unsigned int mask = dma_get_min_align_mask(f->dev);
	struct dma_iova_state state;

	memset(&state, 0xff, sizeof(state));
	dma_set_min_align_mask(f->dev, 2 * f->granule - 1);
	KUNIT_EXPECT_FALSE(test, dma_iova_try_alloc(f->dev, &state, 0, SZ_4K));
	fixture_expect_zero(test, &state);

	dma_set_min_align_mask(f->dev, f->granule - 1);
	KUNIT_EXPECT_TRUE(test, dma_iova_try_alloc(f->dev, &state, 0, SZ_4K));
	dma_iova_free(f->dev, &state);
	dma_set_min_align_mask(f->dev, mask);
}

static void try_alloc_size_zero(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct dma_iova_state state;

	memset(&state, 0xff, sizeof(state));
	warns_once(test, ENTRY)
		KUNIT_EXPECT_FALSE(test, dma_iova_try_alloc(f->dev, &state, 0,
							    0));
	fixture_expect_zero(test, &state);
}

static void try_alloc_private_flag_in_size(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct dma_iova_state state;

	memset(&state, 0xff, sizeof(state));
	warns_once(test, ENTRY)
		KUNIT_EXPECT_FALSE(test, dma_iova_try_alloc(f->dev, &state, 0,
							    DMA_IOVA_USE_SWIOTLB | SZ_4K));
	fixture_expect_zero(test, &state);
}

/* The flag is no bit of a size_t of 32 bits. */
static void private_flag_is_above_32_bits(struct kunit *test)
{
	struct dma_iova_state state = {
		.__size = BIT_ULL(31) | DMA_IOVA_USE_SWIOTLB,
	};

	KUNIT_EXPECT_EQ(test, lower_32_bits(DMA_IOVA_USE_SWIOTLB), 0u);
	KUNIT_EXPECT_EQ(test, dma_iova_size(&state), (size_t)BIT(31));
	KUNIT_EXPECT_TRUE(test, dma_use_iova(&state));
}

static void try_alloc_exhausted(struct kunit *test)
{
	static const size_t sizes[] = { SZ_4G, BIT(62), SIZE_MAX >> 1 };
	struct fixture *f = test->priv;
	struct dma_iova_state state;
	int i;

	KUNIT_ASSERT_EQ(test, 0, dma_set_mask(f->dev, DMA_BIT_MASK(32)));
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		memset(&state, 0xff, sizeof(state));
		KUNIT_EXPECT_FALSE(test, dma_iova_try_alloc(f->dev, &state, 1,
							    sizes[i]));
		fixture_expect_zero(test, &state);
	}
	KUNIT_EXPECT_EQ(test, 0, dma_set_mask(f->dev, DMA_BIT_MASK(64)));
}

static void try_alloc_keeps_offset(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct dma_iova_state state;

	fixture_reserve(f, &state, 3 * f->granule + 512, 1000);
	KUNIT_EXPECT_EQ(test, (size_t)(state.addr & (f->granule - 1)), 512ul);
	KUNIT_EXPECT_EQ(test, dma_iova_size(&state), 1000ul);
	KUNIT_EXPECT_TRUE(test, dma_use_iova(&state));
	fixture_expect_nothing_linked(f, state.addr, 1000);

	dma_iova_free(f->dev, &state);
	fixture_expect_zero(test, &state);
}

static void trust_again(void *pdev)
{
	((struct pci_dev *)pdev)->untrusted = false;
}

/* Ends that must be bounced are refused, whole granules are not */
static void try_alloc_untrusted_without_swiotlb(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct dma_iova_state state;

	if (is_swiotlb_active(f->dev))
		kunit_skip(test, "there are bounce buffers");
	f->edu->pdev->untrusted = true;
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, trust_again,
							f->edu->pdev), 0);

	KUNIT_EXPECT_FALSE(test, dma_iova_try_alloc(f->dev, &state, 0, 512));
	fixture_expect_zero(test, &state);
	KUNIT_EXPECT_FALSE(test, dma_iova_try_alloc(f->dev, &state, 0,
						    PAGE_SIZE + 512));
	fixture_expect_zero(test, &state);
	fixture_reserve(f, &state, 0, 2 * PAGE_SIZE);
	dma_iova_free(f->dev, &state);
}

/* link */

static void link_scattered_pages(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page **src = fixture_scattered_pages(test, 16);
	struct page **dst = fixture_scattered_pages(test, 16);
	struct dma_iova_state from, to;
	int i;

	for (i = 0; i < 16; i++)
		fixture_fill_page(src[i], i);
	fixture_link_pages(f, &from, src, 16);
	fixture_link_pages(f, &to, dst, 16);
	for (i = 0; i < 16; i++) {
		fixture_expect_linked(f, &from, i * PAGE_SIZE, page_to_phys(src[i]),
				      PAGE_SIZE);
		fixture_expect_linked(f, &to, i * PAGE_SIZE, page_to_phys(dst[i]),
				      PAGE_SIZE);
	}

	for (i = 0; i < 16; i++)
		fixture_copy_page_ends(f, to.addr + i * PAGE_SIZE,
				       from.addr + i * PAGE_SIZE);
	fixture_destroy(f, &from, 16 * PAGE_SIZE);
	fixture_destroy(f, &to, 16 * PAGE_SIZE);

	for (i = 0; i < 16; i++)
		fixture_expect_same_page_ends(test, dst[i], src[i]);
}

static void link_ragged_ends(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page **pages = fixture_scattered_pages(test, 3);
	struct page *dst = fixture_lone_page(test);
	struct dma_iova_state state, to;
	phys_addr_t first = page_to_phys(pages[0]) + 512;
	size_t head = PAGE_SIZE - 512, tail = 1000;
	size_t size = head + PAGE_SIZE + tail;
	int i;

	for (i = 0; i < 3; i++)
		fixture_fill_page(pages[i], i);
	fixture_reserve(f, &state, first, size);
	KUNIT_EXPECT_EQ(test, 0, dma_iova_link(f->dev, &state, first, 0, head,
					       DMA_TO_DEVICE, 0));
	KUNIT_EXPECT_EQ(test, 0, dma_iova_link(f->dev, &state,
					       page_to_phys(pages[1]), head,
					       PAGE_SIZE, DMA_TO_DEVICE, 0));
	KUNIT_EXPECT_EQ(test, 0, dma_iova_link(f->dev, &state,
					       page_to_phys(pages[2]),
					       head + PAGE_SIZE, tail,
					       DMA_TO_DEVICE, 0));
	KUNIT_EXPECT_EQ(test, 0, dma_iova_sync(f->dev, &state, 0, size));
	fixture_expect_linked(f, &state, 0, first, head);
	fixture_expect_linked(f, &state, head, page_to_phys(pages[1]), PAGE_SIZE);
	fixture_expect_linked(f, &state, head + PAGE_SIZE, page_to_phys(pages[2]),
			      tail);

	fixture_link_pages(f, &to, &dst, 1);
	edu_copy(test, f->edu, to.addr, state.addr + size - 1500, 1500);
	KUNIT_EXPECT_MEMEQ(test, page_address(dst),
			   page_address(pages[1]) + PAGE_SIZE - 500, 500);
	KUNIT_EXPECT_MEMEQ(test, page_address(dst) + 500,
			   page_address(pages[2]), 1000);
	edu_copy(test, f->edu, to.addr, state.addr, head);
	KUNIT_EXPECT_MEMEQ(test, page_address(dst),
			   page_address(pages[0]) + 512, head);
	fixture_destroy(f, &to, PAGE_SIZE);

	dma_iova_destroy(f->dev, &state, size, DMA_TO_DEVICE, 0);
	fixture_expect_zero(test, &state);
}

/* link_vec */

/* Pieces of pages, one after the other, as an array */
static struct phys_vec *vec_of_pages(struct kunit *test, struct page **pages, int nr)
{
	struct phys_vec *vec = kunit_kcalloc(test, nr, sizeof(*vec), GFP_KERNEL);
	int i;

	KUNIT_ASSERT_NOT_NULL(test, vec);
	for (i = 0; i < nr; i++) {
		vec[i].paddr = page_to_phys(pages[i]);
		vec[i].len = PAGE_SIZE;
	}
	return vec;
}

static void link_vec_scattered_pages(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page **src = fixture_scattered_pages(test, 16);
	struct page *dst = fixture_lone_page(test);
	struct phys_vec *vec = vec_of_pages(test, src, 16);
	struct dma_iova_state from, to;
	int i;

	for (i = 0; i < 16; i++)
		fixture_fill_page(src[i], i);
	fixture_reserve(f, &from, 0, 16 * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, 0, dma_iova_link_vec(f->dev, &from, vec, 4, 0,
						   DMA_TO_DEVICE, 0));
	KUNIT_EXPECT_EQ(test, 0, dma_iova_link_vec(f->dev, &from, &vec[4], 12,
						   4 * PAGE_SIZE, DMA_TO_DEVICE, 0));
	KUNIT_EXPECT_EQ(test, 0, dma_iova_sync(f->dev, &from, 0, 16 * PAGE_SIZE));

	fixture_link_pages(f, &to, &dst, 1);
	for (i = 0; i < 16; i++) {
		fixture_expect_linked(f, &from, i * PAGE_SIZE, page_to_phys(src[i]),
				      PAGE_SIZE);
		fixture_copy_page_ends(f, to.addr, from.addr + i * PAGE_SIZE);
		fixture_expect_same_page_ends(test, dst, src[i]);
	}
	fixture_destroy(f, &to, PAGE_SIZE);
	dma_iova_destroy(f->dev, &from, 16 * PAGE_SIZE, DMA_TO_DEVICE, 0);
	fixture_expect_zero(test, &from);
}

static void link_vec_ragged_ends(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page **pages = fixture_scattered_pages(test, 3);
	struct phys_vec *vec = vec_of_pages(test, pages, 3);
	struct dma_iova_state state;
	size_t size;

	vec[0].paddr += 512;
	vec[0].len -= 512;
	vec[2].len = 1000;
	size = vec[0].len + PAGE_SIZE + 1000;

	fixture_reserve(f, &state, vec[0].paddr, size);
	KUNIT_EXPECT_EQ(test, 0, dma_iova_link_vec(f->dev, &state, vec, 3, 0,
						   DMA_FROM_DEVICE, 0));
	KUNIT_EXPECT_EQ(test, 0, dma_iova_sync(f->dev, &state, 0, size));
	fixture_expect_linked(f, &state, 0, vec[0].paddr, vec[0].len);
	fixture_expect_linked(f, &state, vec[0].len, vec[1].paddr, PAGE_SIZE);
	fixture_expect_linked(f, &state, vec[0].len + PAGE_SIZE, vec[2].paddr, 1000);
	dma_iova_destroy(f->dev, &state, size, DMA_FROM_DEVICE, 0);
}

/* Over the end of leaf page tables, with pieces of many pages and large pages */
static void link_vec_pieces_of_all_sizes(struct kunit *test)
{
	struct fixture *f = test->priv;
	phys_addr_t large = page_to_phys(fixture_large_page(test));
	phys_addr_t other = page_to_phys(fixture_large_page(test));
	struct page **pages = fixture_scattered_pages(test, 2);
	struct phys_vec vec[] = {
		{ page_to_phys(pages[0]), PAGE_SIZE },
		{ large, SZ_2M },
		{ large + SZ_2M, SZ_2M - PAGE_SIZE },
		{ other, SZ_4M },
		{ page_to_phys(pages[1]), PAGE_SIZE },
	};
	struct dma_iova_state state;
	size_t offset = 0;
	int i;

	fixture_reserve(f, &state, 0, SZ_8M + PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, 0, dma_iova_link_vec(f->dev, &state, vec,
						   ARRAY_SIZE(vec), 0,
						   DMA_BIDIRECTIONAL, 0));
	KUNIT_EXPECT_EQ(test, 0, dma_iova_sync(f->dev, &state, 0, SZ_8M + PAGE_SIZE));
	for (i = 0; i < ARRAY_SIZE(vec); i++) {
		fixture_expect_linked(f, &state, offset, vec[i].paddr, vec[i].len);
		offset += vec[i].len;
	}
	KUNIT_EXPECT_EQ(test, offset, (size_t)SZ_8M + PAGE_SIZE);
	fixture_destroy(f, &state, offset);
}

/* More pieces than the request queue of an IOMMU has room for */
#define MANY_PIECES	700

static void link_vec_more_pieces_than_a_queue(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page **pages = fixture_scattered_pages(test, MANY_PIECES);
	struct phys_vec *vec = kunit_kcalloc(test, MANY_PIECES, sizeof(*vec),
					     GFP_KERNEL);
	size_t size = MANY_PIECES * PAGE_SIZE;
	struct dma_iova_state state;
	int i;

	KUNIT_ASSERT_NOT_NULL(test, vec);
	for (i = 0; i < MANY_PIECES; i++)
		vec[i] = (struct phys_vec) { page_to_phys(pages[i]), PAGE_SIZE };

	fixture_reserve(f, &state, 0, size);
	KUNIT_EXPECT_EQ(test, 0, dma_iova_link_vec(f->dev, &state, vec, MANY_PIECES,
						   0, DMA_BIDIRECTIONAL, 0));
	KUNIT_EXPECT_EQ(test, 0, dma_iova_sync(f->dev, &state, 0, size));
	for (i = 0; i < MANY_PIECES; i++)
		fixture_expect_linked(f, &state, i * PAGE_SIZE, vec[i].paddr,
				      PAGE_SIZE);
	for (i = MANY_PIECES - 1; i >= 0; i -= 3)
		fixture_expect_device_writes(f, state.addr + i * PAGE_SIZE, pages[i]);

	dma_iova_unlink(f->dev, &state, 0, size, DMA_BIDIRECTIONAL, 0);
	fixture_expect_nothing_linked(f, state.addr, size);
	for (i = MANY_PIECES - 1; i >= 0; i -= 3)
		fixture_expect_device_cannot_write(f, state.addr + i * PAGE_SIZE,
						   pages[i]);
	dma_iova_free(f->dev, &state);
}

/* Neighbours in memory, unlinked one by one in a mixed order */
static void link_vec_unlinked_piece_by_piece(struct kunit *test)
{
	static const int order[] = { 3, 0, 7, 4, 6, 1, 5, 2 };
	struct fixture *f = test->priv;
	struct page *large = fixture_large_page(test);
	struct page *pages[8];
	struct dma_iova_state state;
	int i, j;

	for (i = 0; i < 8; i++)
		pages[i] = large + i;
	fixture_reserve(f, &state, 0, 8 * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, 0, dma_iova_link_vec(f->dev, &state,
						   vec_of_pages(test, pages, 8), 8,
						   0, DMA_BIDIRECTIONAL, 0));
	KUNIT_EXPECT_EQ(test, 0, dma_iova_sync(f->dev, &state, 0, 8 * PAGE_SIZE));

	for (i = 0; i < 8; i++) {
		dma_iova_unlink(f->dev, &state, order[i] * PAGE_SIZE, PAGE_SIZE,
				DMA_BIDIRECTIONAL, 0);
		fixture_expect_nothing_linked(f, state.addr + order[i] * PAGE_SIZE,
					      PAGE_SIZE);
		for (j = i + 1; j < 8; j++)
			fixture_expect_device_writes(f, state.addr + order[j] * PAGE_SIZE,
						     pages[order[j]]);
		fixture_expect_device_cannot_write(f, state.addr + order[i] * PAGE_SIZE,
						   pages[order[i]]);
	}
	dma_iova_free(f->dev, &state);
}

/* Other memory where some pieces of an array have been, twice at one place */
static void link_vec_into_the_middle_of_another(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page **pages = fixture_scattered_pages(test, 16);
	struct page **others = fixture_scattered_pages(test, 16);
	struct phys_vec *vec = vec_of_pages(test, others, 16);
	struct dma_iova_state state;
	int i;

	fixture_reserve(f, &state, 0, 16 * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, 0, dma_iova_link_vec(f->dev, &state,
						   vec_of_pages(test, pages, 16),
						   16, 0, DMA_BIDIRECTIONAL, 0));
	KUNIT_EXPECT_EQ(test, 0, dma_iova_sync(f->dev, &state, 0, 16 * PAGE_SIZE));
	dma_iova_unlink(f->dev, &state, 4 * PAGE_SIZE, 8 * PAGE_SIZE,
			DMA_BIDIRECTIONAL, 0);
	KUNIT_EXPECT_EQ(test, 0, dma_iova_link_vec(f->dev, &state, &vec[4], 8,
						   4 * PAGE_SIZE, DMA_BIDIRECTIONAL,
						   0));
	KUNIT_EXPECT_EQ(test, 0, dma_iova_sync(f->dev, &state, 0, 16 * PAGE_SIZE));
	dma_iova_unlink(f->dev, &state, 6 * PAGE_SIZE, 2 * PAGE_SIZE,
			DMA_BIDIRECTIONAL, 0);
	fixture_expect_nothing_linked(f, state.addr + 6 * PAGE_SIZE, 2 * PAGE_SIZE);
	fixture_link_page(f, &state, 6 * PAGE_SIZE, pages[6]);
	fixture_link_page(f, &state, 7 * PAGE_SIZE, pages[7]);
	KUNIT_EXPECT_EQ(test, 0, dma_iova_sync(f->dev, &state, 0, 16 * PAGE_SIZE));

	for (i = 0; i < 16; i++) {
		bool other = i >= 4 && i < 12 && i != 6 && i != 7;
		struct page *page = other ? others[i] : pages[i];

		fixture_expect_linked(f, &state, i * PAGE_SIZE, page_to_phys(page),
				      PAGE_SIZE);
		fixture_expect_device_writes(f, state.addr + i * PAGE_SIZE, page);
	}

	dma_iova_unlink(f->dev, &state, 0, 16 * PAGE_SIZE, DMA_BIDIRECTIONAL, 0);
	fixture_expect_nothing_linked(f, state.addr, 16 * PAGE_SIZE);
	for (i = 0; i < 16; i++) {
		fixture_expect_device_cannot_write(f, state.addr + i * PAGE_SIZE, pages[i]);
		fixture_expect_device_cannot_write(f, state.addr + i * PAGE_SIZE, others[i]);
	}
	dma_iova_free(f->dev, &state);
}

/* Linked by one call, and next to each other in memory, but two pieces still */
static void link_vec_neighbours_unlinked_apart(struct kunit *test)
{
	struct fixture *f = test->priv;
	phys_addr_t phys = page_to_phys(fixture_large_page(test));
	struct phys_vec vec[] = {
		{ phys, SZ_1M }, { phys + SZ_1M, SZ_1M }, { phys + SZ_2M, SZ_2M },
	};
	struct dma_iova_state state;

	fixture_reserve(f, &state, 0, SZ_4M);
	KUNIT_EXPECT_EQ(test, 0, dma_iova_link_vec(f->dev, &state, vec, 3, 0,
						   DMA_BIDIRECTIONAL, 0));
	KUNIT_EXPECT_EQ(test, 0, dma_iova_sync(f->dev, &state, 0, SZ_4M));
	dma_iova_unlink(f->dev, &state, SZ_1M, SZ_1M, DMA_BIDIRECTIONAL, 0);
	fixture_expect_linked(f, &state, 0, phys, SZ_1M);
	fixture_expect_nothing_linked(f, state.addr + SZ_1M, SZ_1M);
	fixture_expect_linked(f, &state, SZ_2M, phys + SZ_2M, SZ_2M);
	dma_iova_unlink(f->dev, &state, SZ_2M, SZ_2M, DMA_BIDIRECTIONAL, 0);
	fixture_destroy(f, &state, SZ_1M);
}

/* Two reservations with a page linked between them, to see what misuse does */
struct bystanders {
	struct dma_iova_state before;
	struct dma_iova_state state;
	struct dma_iova_state after;
	struct page **pages;
};

static void bystanders_link(struct fixture *f, struct bystanders *b)
{
	b->pages = fixture_scattered_pages(f->test, 3);
	fixture_link_pages(f, &b->before, &b->pages[0], 1);
	fixture_reserve(f, &b->state, 0, 4 * f->granule);
	fixture_link_page(f, &b->state, 0, b->pages[1]);
	KUNIT_ASSERT_EQ(f->test, 0, dma_iova_sync(f->dev, &b->state, 0,
						  PAGE_SIZE));
	fixture_link_pages(f, &b->after, &b->pages[2], 1);
}

static void bystanders_expect_untouched(struct fixture *f, struct bystanders *b)
{
	fixture_expect_linked(f, &b->before, 0, page_to_phys(b->pages[0]), PAGE_SIZE);
	fixture_expect_linked(f, &b->state, 0, page_to_phys(b->pages[1]), PAGE_SIZE);
	fixture_expect_linked(f, &b->after, 0, page_to_phys(b->pages[2]), PAGE_SIZE);
	fixture_expect_nothing_linked(f, b->state.addr + PAGE_SIZE, 3 * f->granule);
}

static void bystanders_destroy(struct fixture *f, struct bystanders *b)
{
	fixture_destroy(f, &b->before, PAGE_SIZE);
	fixture_destroy(f, &b->state, PAGE_SIZE);
	fixture_destroy(f, &b->after, PAGE_SIZE);
}

/* A page cannot be linked so: -EINVAL, one warning, and nothing else. */
static void expect_link_refused(struct kunit *test, const char *file,
				size_t phys_offset, size_t offset, size_t size,
				enum dma_data_direction dir)
{
	struct fixture *f = test->priv;
	struct page *page = fixture_lone_page(test);
	struct dma_iova_state copy;
	struct bystanders b;

	bystanders_link(f, &b);
	copy = b.state;
	warns_once(test, file)
		KUNIT_EXPECT_EQ(test, -EINVAL, dma_iova_link(f->dev, &b.state,
							     page_to_phys(page) + phys_offset,
							     offset, size, dir,
							     0));
	KUNIT_EXPECT_MEMEQ(test, &b.state, &copy, sizeof(copy));
	bystanders_expect_untouched(f, &b);
	bystanders_destroy(f, &b);
}

/* The same for an array */
static void expect_link_vec_refused(struct kunit *test, const char *file,
				    struct phys_vec *vec, size_t nr, size_t offset,
				    enum dma_data_direction dir)
{
	struct fixture *f = test->priv;
	struct dma_iova_state copy;
	struct bystanders b;

	bystanders_link(f, &b);
	copy = b.state;
	warns_once(test, file)
		KUNIT_EXPECT_EQ(test, -EINVAL, dma_iova_link_vec(f->dev, &b.state, vec,
								 nr, offset, dir, 0));
	KUNIT_EXPECT_MEMEQ(test, &b.state, &copy, sizeof(copy));
	bystanders_expect_untouched(f, &b);
	bystanders_destroy(f, &b);
}

static void link_vec_of_nothing(struct kunit *test)
{
	struct page **pages = fixture_scattered_pages(test, 3);
	struct phys_vec *vec = vec_of_pages(test, pages, 3);
	int i;

	expect_link_vec_refused(test, ENTRY, vec, 0, PAGE_SIZE, DMA_TO_DEVICE);
	for (i = 0; i < 3; i++) {
		vec[i].len = 0;
		expect_link_vec_refused(test, ENGINE, vec, 3, PAGE_SIZE,
					DMA_TO_DEVICE);
		vec[i].len = PAGE_SIZE;
	}
}

static void link_vec_outside_reservation(struct kunit *test)
{
	struct page **pages = fixture_scattered_pages(test, 2);
	struct phys_vec *vec = vec_of_pages(test, pages, 2);

	expect_link_vec_refused(test, ENGINE, vec, 2, 3 * PAGE_SIZE, DMA_TO_DEVICE);
	expect_link_vec_refused(test, ENTRY, vec, 2, 5 * PAGE_SIZE, DMA_TO_DEVICE);
	vec[0].len = SIZE_MAX - PAGE_SIZE + 1;
	expect_link_vec_refused(test, ENGINE, vec, 2, PAGE_SIZE, DMA_TO_DEVICE);
}

static void link_vec_dir_none(struct kunit *test)
{
	struct page **pages = fixture_scattered_pages(test, 2);
	struct phys_vec *vec = vec_of_pages(test, pages, 2);

	expect_link_vec_refused(test, ENTRY, vec, 2, PAGE_SIZE, DMA_NONE);
}

static void link_vec_misaligned_piece(struct kunit *test)
{
	struct page **pages = fixture_scattered_pages(test, 3);
	struct phys_vec *vec = vec_of_pages(test, pages, 3);
	int i;

	/* A ragged start, then a ragged end, within the reservation */
	for (i = 0; i < 3; i++) {
		vec[i].paddr += 512;
		expect_link_vec_refused(test, ENGINE, vec, 3, PAGE_SIZE,
					DMA_TO_DEVICE);
		vec[i].paddr -= 512;
		vec[i].len -= 512;
		expect_link_vec_refused(test, ENGINE, vec, 3, PAGE_SIZE,
					DMA_TO_DEVICE);
		vec[i].len += 512;
	}
}

static void link_outside_reservation(struct kunit *test)
{
	struct fixture *f = test->priv;

	expect_link_refused(test, ENTRY, 0, 4 * f->granule, f->granule,
			    DMA_TO_DEVICE);
	expect_link_refused(test, ENTRY, 0, 3 * f->granule, 2 * f->granule,
			    DMA_TO_DEVICE);
	expect_link_refused(test, ENTRY, 0, 64 * f->granule, f->granule,
			    DMA_TO_DEVICE);
}

static void link_offset_overflow(struct kunit *test)
{
	struct fixture *f = test->priv;

	expect_link_refused(test, ENTRY, 0, -f->granule, f->granule,
			    DMA_TO_DEVICE);
	expect_link_refused(test, ENTRY, 0, -f->granule, 2 * f->granule,
			    DMA_TO_DEVICE);
	expect_link_refused(test, ENTRY, 0, f->granule, -f->granule,
			    DMA_TO_DEVICE);
}

static void link_size_zero(struct kunit *test)
{
	struct fixture *f = test->priv;

	expect_link_refused(test, ENTRY, 0, f->granule, 0, DMA_TO_DEVICE);
}

static void link_dir_none(struct kunit *test)
{
	struct fixture *f = test->priv;

	expect_link_refused(test, ENTRY, 0, f->granule, f->granule, DMA_NONE);
}

static void link_misaligned_start(struct kunit *test)
{
	struct fixture *f = test->priv;

	expect_link_refused(test, ENGINE, 512, f->granule, f->granule,
			    DMA_TO_DEVICE);
}

static void link_misaligned_offset(struct kunit *test)
{
	struct fixture *f = test->priv;

	expect_link_refused(test, ENGINE, 512, f->granule + 512,
			    f->granule - 512, DMA_TO_DEVICE);
}

static void link_misaligned_end(struct kunit *test)
{
	struct fixture *f = test->priv;

	expect_link_refused(test, ENGINE, 0, f->granule, f->granule - 512,
			    DMA_TO_DEVICE);
}

/* The reservation begins on a granule, the first piece does not. */
static void link_other_offset_in_granule(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page *page = fixture_lone_page(test);
	struct dma_iova_state state;

	fixture_reserve(f, &state, 512, f->granule - 512);
	warns_once(test, ENGINE)
		KUNIT_EXPECT_EQ(test, -EINVAL, dma_iova_link(f->dev, &state,
							     page_to_phys(page),
							     0,
							     f->granule - 512,
							     DMA_TO_DEVICE, 0));
	fixture_expect_nothing_linked(f, state.addr, f->granule - 512);
	dma_iova_free(f->dev, &state);
}

static void link_without_reservation(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page *page = fixture_lone_page(test);
	struct dma_iova_state state = {};

	warns_once(test, ENTRY)
		KUNIT_EXPECT_EQ(test, -EINVAL, dma_iova_link(f->dev, &state,
							     page_to_phys(page),
							     0, PAGE_SIZE,
							     DMA_TO_DEVICE, 0));
	fixture_expect_zero(test, &state);
}

static void link_in_atomic_context(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page **pages = fixture_scattered_pages(test, 2);
	struct dma_iova_state state;
	unsigned long flags;
	spinlock_t lock;	/* for atomic context, nothing else */
	int err[3];

	spin_lock_init(&lock);
	spin_lock_irqsave(&lock, flags);
	err[0] = !dma_iova_try_alloc(f->dev, &state, 0, 2 * PAGE_SIZE);
	err[1] = dma_iova_link(f->dev, &state, page_to_phys(pages[0]), 0,
			       PAGE_SIZE, DMA_BIDIRECTIONAL, 0);
	err[2] = dma_iova_link(f->dev, &state, page_to_phys(pages[1]),
			       PAGE_SIZE, PAGE_SIZE, DMA_BIDIRECTIONAL, 0);
	spin_unlock_irqrestore(&lock, flags);

	KUNIT_EXPECT_EQ(test, err[0], 0);
	KUNIT_EXPECT_EQ(test, err[1], 0);
	KUNIT_EXPECT_EQ(test, err[2], 0);
	KUNIT_EXPECT_EQ(test, 0, dma_iova_sync(f->dev, &state, 0,
					       2 * PAGE_SIZE));
	fixture_expect_linked(f, &state, PAGE_SIZE, page_to_phys(pages[1]), PAGE_SIZE);

	spin_lock_irqsave(&lock, flags);
	fixture_destroy(f, &state, 2 * PAGE_SIZE);
	spin_unlock_irqrestore(&lock, flags);
	fixture_expect_zero(test, &state);
}

/* The registers of the device itself serve as device memory. */
static void link_mmio(struct kunit *test)
{
	struct fixture *f = test->priv;
	phys_addr_t bar = pci_resource_start(f->edu->pdev, 0);
	struct dma_iova_state state;

	fixture_reserve(f, &state, 0, 2 * f->granule);
	KUNIT_EXPECT_EQ(test, 0, dma_iova_link(f->dev, &state, bar, 0,
					       2 * f->granule,
					       DMA_BIDIRECTIONAL,
					       DMA_ATTR_MMIO));
	KUNIT_EXPECT_EQ(test, 0, dma_iova_sync(f->dev, &state, 0,
					       2 * f->granule));
	fixture_expect_linked(f, &state, 0, bar, 2 * f->granule);
	dma_iova_destroy(f->dev, &state, 2 * f->granule, DMA_BIDIRECTIONAL,
			 DMA_ATTR_MMIO);
}

static void link_beyond_4g(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page **pages = fixture_scattered_pages(test, 3);
	size_t far = SZ_4G + 2 * f->granule;
	struct dma_iova_state state;

	fixture_reserve(f, &state, 0, far + f->granule);
	KUNIT_EXPECT_EQ(test, dma_iova_size(&state), far + f->granule);
	fixture_link_page(f, &state, 0, pages[0]);
	fixture_link_page(f, &state, 2 * f->granule, pages[1]);
	fixture_link_page(f, &state, far, pages[2]);
	KUNIT_EXPECT_EQ(test, 0, dma_iova_sync(f->dev, &state, 0,
					       far + f->granule));
	fixture_expect_linked(f, &state, 0, page_to_phys(pages[0]), PAGE_SIZE);
	fixture_expect_linked(f, &state, 2 * f->granule, page_to_phys(pages[1]),
			      PAGE_SIZE);
	fixture_expect_linked(f, &state, far, page_to_phys(pages[2]), PAGE_SIZE);
	fixture_expect_device_writes(f, state.addr + far, pages[2]);

	dma_iova_unlink(f->dev, &state, far, PAGE_SIZE, DMA_BIDIRECTIONAL, 0);
	fixture_expect_nothing_linked(f, state.addr + far, PAGE_SIZE);
	fixture_expect_linked(f, &state, 2 * f->granule, page_to_phys(pages[1]),
			      PAGE_SIZE);
	dma_iova_unlink(f->dev, &state, 2 * f->granule, PAGE_SIZE,
			DMA_BIDIRECTIONAL, 0);
	fixture_destroy(f, &state, PAGE_SIZE);
	fixture_expect_zero(test, &state);
}

static void link_two(struct fixture *f, struct dma_iova_state *state,
		     struct page **pages, enum dma_data_direction dir)
{
	int i;

	for (i = 0; i < 2; i++)
		KUNIT_ASSERT_EQ(f->test, 0,
				dma_iova_link(f->dev, state,
					      page_to_phys(pages[i]),
					      i * PAGE_SIZE, PAGE_SIZE, dir, 0));
}

static void link_vec_of_two(struct fixture *f, struct dma_iova_state *state,
			    struct page **pages, enum dma_data_direction dir)
{
	struct phys_vec *vec = vec_of_pages(f->test, pages, 2);

	KUNIT_ASSERT_EQ(f->test, 0,
			dma_iova_link_vec(f->dev, state, vec, 2, 0, dir, 0));
}

/* One of the two above */
typedef void link_fn(struct fixture *f, struct dma_iova_state *state,
		     struct page **pages, enum dma_data_direction dir);

/* The device reads the memory, and cannot write to it. */
static void expect_read_only(struct fixture *f, link_fn *link)
{
	struct page **pages = fixture_scattered_pages(f->test, 3);
	struct page *read = pages[2];
	struct dma_iova_state state, to;

	fixture_reserve(f, &state, 0, 2 * PAGE_SIZE);
	link(f, &state, pages, DMA_TO_DEVICE);
	KUNIT_EXPECT_EQ(f->test, 0, dma_iova_sync(f->dev, &state, 0,
						  2 * PAGE_SIZE));
	fixture_fill_page(pages[1], 7);
	fixture_link_pages(f, &to, &read, 1);
	fixture_copy_page_ends(f, to.addr, state.addr + PAGE_SIZE);
	fixture_expect_same_page_ends(f->test, read, pages[1]);
	fixture_destroy(f, &to, PAGE_SIZE);

	fixture_expect_device_cannot_write(f, state.addr, pages[0]);
	fixture_expect_device_cannot_write(f, state.addr + PAGE_SIZE, pages[1]);
	dma_iova_destroy(f->dev, &state, 2 * PAGE_SIZE, DMA_TO_DEVICE, 0);
}

static void link_to_device_is_read_only(struct kunit *test)
{
	expect_read_only(test->priv, link_two);
}

static void link_vec_to_device_is_read_only(struct kunit *test)
{
	expect_read_only(test->priv, link_vec_of_two);
}

/* The device writes to the memory, and cannot read it. */
static void expect_write_only(struct fixture *f, link_fn *link)
{
	struct page **pages = fixture_scattered_pages(f->test, 3);
	struct page *read = pages[2];
	struct dma_iova_state state, to;
	int i;

	fixture_reserve(f, &state, 0, 2 * PAGE_SIZE);
	link(f, &state, pages, DMA_FROM_DEVICE);
	KUNIT_EXPECT_EQ(f->test, 0, dma_iova_sync(f->dev, &state, 0,
						  2 * PAGE_SIZE));
	fixture_link_pages(f, &to, &read, 1);
	for (i = 0; i < 2; i++) {
		dma_addr_t addr = state.addr + i * PAGE_SIZE;

		fixture_expect_device_writes(f, addr, pages[i]);
		fixture_fill_page(pages[i], 7 + i);
		fixture_copy_page_ends(f, to.addr, addr);
		KUNIT_EXPECT_NE(f->test, 0, memcmp(page_address(read),
						   page_address(pages[i]), 64));
	}
	fixture_destroy(f, &to, PAGE_SIZE);
	dma_iova_destroy(f->dev, &state, 2 * PAGE_SIZE, DMA_FROM_DEVICE, 0);
}

static void link_from_device_is_write_only(struct kunit *test)
{
	expect_write_only(test->priv, link_two);
}

static void link_vec_from_device_is_write_only(struct kunit *test)
{
	expect_write_only(test->priv, link_vec_of_two);
}

/* sync */

static void sync_outside_reservation(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct bystanders b;

	bystanders_link(f, &b);
	warns_once(test, ENTRY)
		KUNIT_EXPECT_EQ(test, -EINVAL, dma_iova_sync(f->dev, &b.state,
							     f->granule,
							     4 * f->granule));
	warns_once(test, ENTRY)
		KUNIT_EXPECT_EQ(test, -EINVAL, dma_iova_sync(f->dev, &b.state,
							     -f->granule,
							     2 * f->granule));
	KUNIT_EXPECT_EQ(test, 0, dma_iova_sync(f->dev, &b.state,
					       4 * f->granule, 0));
	bystanders_expect_untouched(f, &b);
	bystanders_destroy(f, &b);
}

/* unlink */

static void unlink_isolates(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page **pages = fixture_scattered_pages(test, 3);
	struct dma_iova_state state;

	fixture_link_pages(f, &state, pages, 3);
	fixture_expect_device_writes(f, state.addr + PAGE_SIZE, pages[1]);
	dma_iova_unlink(f->dev, &state, PAGE_SIZE, PAGE_SIZE,
			DMA_BIDIRECTIONAL, 0);

	fixture_expect_nothing_linked(f, state.addr + PAGE_SIZE, PAGE_SIZE);
	fixture_expect_device_cannot_write(f, state.addr + PAGE_SIZE, pages[1]);
	fixture_expect_device_writes(f, state.addr, pages[0]);
	fixture_expect_device_writes(f, state.addr + 2 * PAGE_SIZE, pages[2]);

	dma_iova_unlink(f->dev, &state, 0, PAGE_SIZE, DMA_BIDIRECTIONAL, 0);
	dma_iova_unlink(f->dev, &state, 2 * PAGE_SIZE, PAGE_SIZE,
			DMA_BIDIRECTIONAL, 0);
	dma_iova_free(f->dev, &state);
	fixture_expect_zero(test, &state);
}

static void unlink_each_with_its_direction(struct kunit *test)
{
	static const enum dma_data_direction dirs[] = {
		DMA_TO_DEVICE, DMA_FROM_DEVICE, DMA_BIDIRECTIONAL,
	};
	struct fixture *f = test->priv;
	struct page **pages = fixture_scattered_pages(test, ARRAY_SIZE(dirs));
	struct dma_iova_state state;
	dma_addr_t addr;
	int i;

	fixture_reserve(f, &state, 0, ARRAY_SIZE(dirs) * PAGE_SIZE);
	addr = state.addr;
	for (i = 0; i < ARRAY_SIZE(dirs); i++)
		KUNIT_EXPECT_EQ(test, 0, dma_iova_link(f->dev, &state,
						       page_to_phys(pages[i]),
						       i * PAGE_SIZE, PAGE_SIZE,
						       dirs[i], 0));
	KUNIT_EXPECT_EQ(test, 0, dma_iova_sync(f->dev, &state, 0,
					       ARRAY_SIZE(dirs) * PAGE_SIZE));
	fixture_expect_device_cannot_write(f, addr, pages[0]);
	fixture_expect_device_writes(f, addr + PAGE_SIZE, pages[1]);
	for (i = 0; i < ARRAY_SIZE(dirs); i++)
		dma_iova_unlink(f->dev, &state, i * PAGE_SIZE, PAGE_SIZE,
				dirs[i], 0);
	fixture_expect_nothing_linked(f, addr, ARRAY_SIZE(dirs) * PAGE_SIZE);
	dma_iova_free(f->dev, &state);
}

static void unlink_then_link_anew(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page **pages = fixture_scattered_pages(test, 2);
	struct dma_iova_state state;

	fixture_link_pages(f, &state, &pages[0], 1);
	fixture_expect_device_writes(f, state.addr, pages[0]);
	dma_iova_unlink(f->dev, &state, 0, PAGE_SIZE, DMA_BIDIRECTIONAL, 0);

	fixture_link_page(f, &state, 0, pages[1]);
	KUNIT_EXPECT_EQ(test, 0, dma_iova_sync(f->dev, &state, 0, PAGE_SIZE));
	fixture_fill_page(pages[0], 5);
	fixture_expect_device_writes(f, state.addr, pages[1]);
	fixture_expect_linked(f, &state, 0, page_to_phys(pages[1]), PAGE_SIZE);
	fixture_destroy(f, &state, PAGE_SIZE);
}

/* What is before and behind the hole goes, whatever the IOMMU driver does. */
static void unlink_across_hole(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page **pages = fixture_scattered_pages(test, 4);
	struct dma_iova_state state;

	fixture_reserve(f, &state, 0, 8 * PAGE_SIZE);
	fixture_link_page(f, &state, 1 * PAGE_SIZE, pages[0]);
	fixture_link_page(f, &state, 2 * PAGE_SIZE, pages[1]);
	fixture_link_page(f, &state, 5 * PAGE_SIZE, pages[2]);
	fixture_link_page(f, &state, 6 * PAGE_SIZE, pages[3]);
	KUNIT_EXPECT_EQ(test, 0, dma_iova_sync(f->dev, &state, 0,
					       8 * PAGE_SIZE));
	fixture_expect_device_writes(f, state.addr + PAGE_SIZE, pages[0]);
	fixture_expect_device_writes(f, state.addr + 6 * PAGE_SIZE, pages[3]);

	warnings_expect(test, ENGINE);
	dma_iova_unlink(f->dev, &state, 0, 8 * PAGE_SIZE, DMA_BIDIRECTIONAL, 0);
	KUNIT_EXPECT_EQ(test, warnings_taken(test), 1);

	fixture_expect_nothing_linked(f, state.addr, 8 * PAGE_SIZE);
	fixture_expect_device_cannot_write(f, state.addr + PAGE_SIZE, pages[0]);
	fixture_expect_device_cannot_write(f, state.addr + 6 * PAGE_SIZE, pages[3]);
	dma_iova_free(f->dev, &state);
}

/* Nothing is linked, at an offset from which a large page would reach out. */
static void unlink_never_linked(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct bystanders b;

	bystanders_link(f, &b);
	warns_once(test, ENGINE)
		dma_iova_unlink(f->dev, &b.state, 2 * f->granule, f->granule,
				DMA_BIDIRECTIONAL, 0);
	bystanders_expect_untouched(f, &b);
	bystanders_destroy(f, &b);
}

/* The same at an address that has no page table yet */
static void unlink_never_linked_far_away(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page *page = fixture_lone_page(test);
	struct dma_iova_state state;
	size_t far = 2 * TABLE_SIZE + TABLE_SIZE / 2;

	fixture_reserve(f, &state, 0, 8 * TABLE_SIZE);
	fixture_link_page(f, &state, 3 * TABLE_SIZE, page);
	warns_once(test, ENGINE)
		dma_iova_unlink(f->dev, &state, far, f->granule,
				DMA_BIDIRECTIONAL, 0);
	fixture_expect_linked(f, &state, 3 * TABLE_SIZE, page_to_phys(page), PAGE_SIZE);
	dma_iova_unlink(f->dev, &state, 3 * TABLE_SIZE, PAGE_SIZE,
			DMA_BIDIRECTIONAL, 0);
	dma_iova_free(f->dev, &state);
}

static void unlink_outside_reservation(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct bystanders b;

	bystanders_link(f, &b);
	warns_once(test, ENTRY)
		dma_iova_unlink(f->dev, &b.state, 0, 5 * f->granule,
				DMA_BIDIRECTIONAL, 0);
	warns_once(test, ENTRY)
		dma_iova_unlink(f->dev, &b.state, -f->granule, f->granule,
				DMA_BIDIRECTIONAL, 0);
	dma_iova_unlink(f->dev, &b.state, 4 * f->granule, 0, DMA_BIDIRECTIONAL,
			0);
	bystanders_expect_untouched(f, &b);
	bystanders_destroy(f, &b);
}

static void unlink_dir_none(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page *page = fixture_lone_page(test);
	struct dma_iova_state state;

	fixture_link_pages(f, &state, &page, 1);
	warnings_expect(test, ENTRY);
	dma_iova_unlink(f->dev, &state, 0, PAGE_SIZE, DMA_NONE, 0);
	KUNIT_EXPECT_EQ(test, warnings_taken(test), 1);
	fixture_expect_nothing_linked(f, state.addr, PAGE_SIZE);
	dma_iova_free(f->dev, &state);
}

static void unlink_half_a_granule(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page **pages = fixture_scattered_pages(test, 2);
	struct dma_iova_state state;

	fixture_link_pages(f, &state, pages, 2);
	warnings_expect(test, ENGINE);
	dma_iova_unlink(f->dev, &state, 0, 512, DMA_BIDIRECTIONAL, 0);
	KUNIT_EXPECT_EQ(test, warnings_taken(test), 1);
	fixture_expect_nothing_linked(f, state.addr, PAGE_SIZE);
	fixture_expect_linked(f, &state, PAGE_SIZE, page_to_phys(pages[1]), PAGE_SIZE);
	dma_iova_unlink(f->dev, &state, PAGE_SIZE, PAGE_SIZE, DMA_BIDIRECTIONAL,
			0);
	dma_iova_free(f->dev, &state);
}

/*
 * True if a piece, from @begin to @end, is mapped except [offset, offset + size), and
 * nothing of that is.
 */
static bool piece_is_split(struct fixture *f, struct dma_iova_state *state,
			   size_t begin, size_t end, size_t offset, size_t size)
{
	size_t at;

	for (at = begin; at < end; at += f->granule) {
		bool mapped = iommu_iova_to_phys(f->domain, state->addr + at);

		if (mapped != (at < offset || at >= offset + size))
			return false;
	}
	return true;
}

/*
 * A piece that is mapped with large pages is unlinked in part, from both ends
 * and from the middle. That is an error, but it does no harm to memory.
 */
static void unlink_half_a_large_piece(struct kunit *test)
{
	static const struct {
		size_t offset;
		size_t size;
	} halves[] = {
		{ 0, SZ_1M }, { SZ_1M, SZ_1M }, { SZ_2M - PAGE_SIZE, 2 * PAGE_SIZE },
		{ SZ_1M, SZ_1M + PAGE_SIZE }, { SZ_4M - PAGE_SIZE, PAGE_SIZE },
	};
	struct fixture *f = test->priv;
	struct page *page = fixture_large_page(test);
	struct dma_iova_state state;
	bool split;
	int i;

	memset(page_address(page), 0xa5, SZ_4M);
	for (i = 0; i < ARRAY_SIZE(halves); i++) {
		fixture_reserve(f, &state, 0, SZ_4M);
		KUNIT_ASSERT_EQ(test, 0,
				dma_iova_link(f->dev, &state,
					      page_to_phys(page), 0, SZ_4M,
					      DMA_BIDIRECTIONAL, 0));
		KUNIT_ASSERT_EQ(test, 0, dma_iova_sync(f->dev, &state, 0,
						       SZ_4M));
		fixture_expect_linked(f, &state, 0, page_to_phys(page), SZ_4M);

		warnings_expect(test, ENGINE);
		dma_iova_unlink(f->dev, &state, halves[i].offset,
				halves[i].size, DMA_BIDIRECTIONAL, 0);
		/* Some IOMMU drivers split the large page, and then nothing warns. */
		split = piece_is_split(f, &state, 0, SZ_4M, halves[i].offset,
				       halves[i].size);
		KUNIT_EXPECT_EQ(test, warnings_taken(test), split ? 0 : 1);

		/* Warns if the part has been unlinked, which leaves a hole. */
		warnings_expect(test, ENGINE);
		fixture_destroy(f, &state, SZ_4M);
		KUNIT_EXPECT_LE(test, warnings_taken(test), 1);
		fixture_expect_zero(test, &state);
	}
	KUNIT_EXPECT_NULL(test, memchr_inv(page_address(page), 0xa5, SZ_4M));
}

/*
 * The range begins inside a piece that some IOMMUs map by one large page, and has
 * others after it, which must not stay.
 */
static void unlink_half_a_piece_and_others(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page *half = fixture_large_page(test);
	struct page **pages = fixture_scattered_pages(test, 8);
	struct dma_iova_state state;
	bool split;
	int i;

	fixture_reserve(f, &state, 0, 32 * PAGE_SIZE);
	KUNIT_ASSERT_EQ(test, 0,
			dma_iova_link(f->dev, &state, page_to_phys(half),
				      8 * PAGE_SIZE, 8 * PAGE_SIZE, DMA_BIDIRECTIONAL, 0));
	for (i = 0; i < 8; i++)
		fixture_link_page(f, &state, (16 + i) * PAGE_SIZE, pages[i]);
	KUNIT_ASSERT_EQ(test, 0, dma_iova_sync(f->dev, &state, 8 * PAGE_SIZE,
					       16 * PAGE_SIZE));
	fixture_expect_device_writes(f, state.addr + 16 * PAGE_SIZE, pages[0]);

	warnings_expect(test, ENGINE);
	dma_iova_unlink(f->dev, &state, 12 * PAGE_SIZE, 12 * PAGE_SIZE,
			DMA_BIDIRECTIONAL, 0);
	split = piece_is_split(f, &state, 8 * PAGE_SIZE, 16 * PAGE_SIZE,
			       12 * PAGE_SIZE, 4 * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, warnings_taken(test), split ? 0 : 1);
	fixture_expect_nothing_linked(f, state.addr + 16 * PAGE_SIZE, 8 * PAGE_SIZE);
	fixture_expect_device_cannot_write(f, state.addr + 16 * PAGE_SIZE, pages[0]);

	/* The other half, and what is left of this one */
	warnings_expect(test, ENGINE);
	dma_iova_unlink(f->dev, &state, 8 * PAGE_SIZE, 8 * PAGE_SIZE,
			DMA_BIDIRECTIONAL, 0);
	KUNIT_EXPECT_LE(test, warnings_taken(test), 1);
	fixture_expect_nothing_linked(f, state.addr, 32 * PAGE_SIZE);
	dma_iova_free(f->dev, &state);
}

static void link_large_piece(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page *page = fixture_large_page(test);
	struct dma_iova_state state;
	dma_addr_t addr;

	fixture_reserve(f, &state, 0, SZ_4M);
	addr = state.addr;
	KUNIT_EXPECT_EQ(test, 0, dma_iova_link(f->dev, &state,
					       page_to_phys(page), 0, SZ_4M,
					       DMA_BIDIRECTIONAL, 0));
	KUNIT_EXPECT_EQ(test, 0, dma_iova_sync(f->dev, &state, 0, SZ_4M));
	fixture_expect_linked(f, &state, 0, page_to_phys(page), SZ_4M);
	fixture_expect_device_writes(f, state.addr + SZ_2M, page + SZ_2M / PAGE_SIZE);
	fixture_destroy(f, &state, SZ_4M);
	fixture_expect_nothing_linked(f, addr, SZ_4M);
}

/* destroy and free */

/* Until the case ends, this CPU alone turns the timer of the flush queue on. */
static void watch_flush_queue(struct fixture *f)
{
	KUNIT_ASSERT_EQ(f->test, 0,
			set_cpus_allowed_ptr(current,
					     cpumask_of(raw_smp_processor_id())));
	fixture_drain_flush_queue(f->test, f->dev);
	KUNIT_ASSERT_EQ(f->test, 0, spy_insert(f->test));
}

/*
 * Lazy mode invalidates later, together with others. The timer may be on for these
 * already, but it does not run between the two.
 */
static void destroy_and_await_invalidation(struct fixture *f,
					   struct dma_iova_state *state,
					   size_t mapped_len)
{
	int before;

	local_bh_disable();
	before = spy.flush_all;
	fixture_destroy(f, state, mapped_len);
	local_bh_enable();
	if (f->domain->type == IOMMU_DOMAIN_DMA_FQ)
		fixture_wait_for_change(f->test, &spy.flush_all, before);
}

static void destroy_isolates(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page **pages = fixture_scattered_pages(test, 4);
	struct dma_iova_state state;
	dma_addr_t addr;

	watch_flush_queue(f);
	fixture_link_pages(f, &state, pages, 4);
	addr = state.addr;
	fixture_expect_device_writes(f, addr, pages[0]);
	fixture_expect_device_writes(f, addr + 3 * PAGE_SIZE, pages[3]);
	destroy_and_await_invalidation(f, &state, 4 * PAGE_SIZE);
	fixture_expect_zero(test, &state);
	fixture_expect_nothing_linked(f, addr, 4 * PAGE_SIZE);

	fixture_expect_device_cannot_write(f, addr, pages[0]);
	fixture_expect_device_cannot_write(f, addr + 3 * PAGE_SIZE, pages[3]);
}

/*
 * As after a link that failed: less is linked than was reserved, and that is all
 * that is unmapped. The suite of the engine has the failure itself.
 */
static void destroy_after_failed_link(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page **pages = fixture_scattered_pages(test, 3);
	struct dma_iova_state state;
	dma_addr_t addr;
	int i;

	fixture_reserve(f, &state, 0, 8 * PAGE_SIZE);
	addr = state.addr;
	for (i = 0; i < 3; i++)
		fixture_link_page(f, &state, i * PAGE_SIZE, pages[i]);
	fixture_destroy(f, &state, 3 * PAGE_SIZE);
	fixture_expect_zero(test, &state);
	fixture_expect_nothing_linked(f, addr, 8 * PAGE_SIZE);
}

static void destroy_with_nothing_linked(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct dma_iova_state state;

	fixture_reserve(f, &state, 512, 2 * PAGE_SIZE);
	fixture_destroy(f, &state, 0);
	fixture_expect_zero(test, &state);
}

/*
 * A device with 32 bits has 4 GiB of IO addresses. If destroy gave back less
 * than the reservation, or held back too much, they would be gone soon.
 */
static void destroy_frees_whole_reservation(struct kunit *test)
{
	static const size_t sizes[] = { SZ_1M, SZ_8M, SZ_256M };
	struct fixture *f = test->priv;
	struct page *page = fixture_lone_page(test);
	struct dma_iova_state state;
	int i, round;

	KUNIT_ASSERT_EQ(test, 0, dma_set_mask(f->dev, DMA_BIT_MASK(32)));
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		for (round = 0; round < 2 * (SZ_4G / sizes[i]); round++) {
			fixture_reserve(f, &state, 0, sizes[i]);
			KUNIT_ASSERT_LE(test, state.addr + sizes[i] - 1,
					DMA_BIT_MASK(32));
			fixture_link_page(f, &state, 0, page);
			KUNIT_EXPECT_EQ(test, 0, dma_iova_sync(f->dev, &state,
							       0, PAGE_SIZE));
			fixture_destroy(f, &state, PAGE_SIZE);
		}
	}
	KUNIT_EXPECT_EQ(test, 0, dma_set_mask(f->dev, DMA_BIT_MASK(64)));
}

/*
 * Little is linked, but the reservation comes back as it was: the allocator
 * keeps those of one size together, and hands them out again, on the CPU that the
 * flush queue has given them back on.
 */
static void destroy_partly_linked_frees_all(struct kunit *test)
{
	const int max = 256;
	struct fixture *f = test->priv;
	struct page *page = fixture_lone_page(test);
	struct dma_iova_state *states;
	bool found = false;
	dma_addr_t addr;
	int cpu, nr, i;

	states = kunit_kcalloc(test, max, sizeof(*states), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, states);
	fixture_reserve(f, &states[0], 0, 16 * PAGE_SIZE);
	fixture_link_page(f, &states[0], 0, page);
	addr = states[0].addr;
	fixture_destroy(f, &states[0], PAGE_SIZE);
	fixture_drain_flush_queue(test, f->dev);

	for_each_online_cpu(cpu) {
		KUNIT_ASSERT_EQ(test, 0, set_cpus_allowed_ptr(current,
							      cpumask_of(cpu)));
		for (nr = 0; nr < max && !found; nr++) {
			fixture_reserve(f, &states[nr], 0, 16 * PAGE_SIZE);
			found = states[nr].addr == addr;
		}
		for (i = 0; i < nr; i++)
			dma_iova_free(f->dev, &states[i]);
	}
	KUNIT_EXPECT_TRUE(test, found);
}

static void destroy_more_than_reserved(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page **pages = fixture_scattered_pages(test, 2);
	struct dma_iova_state state;
	dma_addr_t addr;

	fixture_link_pages(f, &state, pages, 2);
	addr = state.addr;
	warnings_expect(test, ENTRY);
	fixture_destroy(f, &state, 3 * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, warnings_taken(test), 1);
	fixture_expect_zero(test, &state);
	fixture_expect_nothing_linked(f, addr, 2 * PAGE_SIZE);
}

static void destroy_across_hole(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page **pages = fixture_scattered_pages(test, 2);
	struct dma_iova_state state;
	dma_addr_t addr;

	watch_flush_queue(f);
	fixture_reserve(f, &state, 0, 4 * PAGE_SIZE);
	addr = state.addr;
	fixture_link_page(f, &state, 0, pages[0]);
	fixture_link_page(f, &state, 3 * PAGE_SIZE, pages[1]);
	KUNIT_EXPECT_EQ(test, 0, dma_iova_sync(f->dev, &state, 0,
					       4 * PAGE_SIZE));
	fixture_expect_device_writes(f, addr + 3 * PAGE_SIZE, pages[1]);
	warnings_expect(test, ENGINE);
	destroy_and_await_invalidation(f, &state, 4 * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, warnings_taken(test), 1);
	fixture_expect_nothing_linked(f, addr, 4 * PAGE_SIZE);
	fixture_expect_device_cannot_write(f, addr + 3 * PAGE_SIZE, pages[1]);
}

static void destroy_twice(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page *page = fixture_lone_page(test);
	struct dma_iova_state state;

	fixture_link_pages(f, &state, &page, 1);
	fixture_destroy(f, &state, PAGE_SIZE);
	warns_once(test, ENTRY)
		fixture_destroy(f, &state, PAGE_SIZE);
	warns_once(test, ENTRY)
		fixture_destroy(f, &state, 0);
	warns_once(test, ENTRY)
		dma_iova_free(f->dev, &state);
	fixture_expect_zero(test, &state);
}

static void need_unmap_behind_iommu(struct kunit *test)
{
	struct fixture *f = test->priv;

	KUNIT_EXPECT_TRUE(test, dma_need_unmap(f->dev));
}

/* Bouncing: the device is untrusted, and pieces are not whole granules */

/* The device must find the bytes of @page there, and zeroes beside them. */
static void expect_device_sees_only(struct fixture *f, dma_addr_t addr,
				    struct page *page, size_t offset,
				    size_t size)
{
	struct kunit *test = f->test;
	struct page *seen = fixture_lone_page(test);
	u8 *bytes = page_address(seen);
	struct dma_iova_state to;

	memset(bytes, 0xee, PAGE_SIZE);
	/* A page that is not bounced, although the device is untrusted */
	fixture_link_pages(f, &to, &seen, 1);
	edu_copy(test, f->edu, to.addr, fixture_granule_of(f, addr), PAGE_SIZE);
	fixture_destroy(f, &to, PAGE_SIZE);

	KUNIT_EXPECT_NULL(test, memchr_inv(bytes, 0, offset));
	KUNIT_EXPECT_MEMEQ(test, bytes + offset, page_address(page) + offset,
			   size);
	KUNIT_EXPECT_NULL(test, memchr_inv(bytes + offset + size, 0,
					   PAGE_SIZE - offset - size));
}

/* The device writes the pattern of fixture_fill_page(seed) to @size bytes at @addr. */
static void device_writes(struct fixture *f, dma_addr_t addr, int seed,
			  size_t size)
{
	struct page *page = fixture_lone_page(f->test);
	struct dma_iova_state from;

	fixture_fill_page(page, seed);
	fixture_link_pages(f, &from, &page, 1);
	edu_copy(f->test, f->edu, addr, from.addr, size);
	fixture_destroy(f, &from, PAGE_SIZE);
}

static int link_range(struct fixture *f, struct dma_iova_state *state,
		      struct page *page, size_t offset, size_t size)
{
	phys_addr_t phys = page_to_phys(page) + offset;

	fixture_reserve(f, state, phys, size);
	return dma_iova_link(f->dev, state, phys, 0, size, DMA_BIDIRECTIONAL,
			     0) ?:
	       dma_iova_sync(f->dev, state, 0, size);
}

/*
 * Link until swiotlb is full, which must leave nothing behind. Returns how often
 * that succeeded; all bounce buffers have been written to then.
 */
static int fill_bounce_buffers(struct fixture *f)
{
	const int max = SZ_64K;
	struct page *page = fixture_large_page(f->test);
	size_t size = 2 * PAGE_SIZE - 16;
	struct dma_iova_state *states;
	int nr, i, err = 0;

	states = kunit_kcalloc(f->test, max, sizeof(*states), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(f->test, states);
	memset(page_address(page), 0xa5, 2 * PAGE_SIZE);

	/* dma-debug takes one page mapped so often for a mistake. */
	if (IS_ENABLED(CONFIG_DMA_API_DEBUG))
		warnings_announce(f->test, "debug.c");
	warnings_mute_dma_debug(f->test, true);
	for (nr = 0; nr < max; nr++) {
		err = link_range(f, &states[nr], page, 8, size);
		if (err)
			break;
	}
	KUNIT_ASSERT_EQ(f->test, err, -ENOMEM);
	fixture_expect_nothing_linked(f, states[nr].addr, size);
	dma_iova_free(f->dev, &states[nr]);
	for (i = 0; i < nr; i++)
		fixture_destroy(f, &states[i], size);
	KUNIT_EXPECT_LE(f->test, warnings_taken(f->test),
			IS_ENABLED(CONFIG_DMA_API_DEBUG));
	kunit_kfree(f->test, states);
	return nr;
}

static void bounce_within_granule(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page *page = fixture_lone_page(test);
	struct page *want = fixture_lone_page(test);
	struct dma_iova_state state;

	/* What is beside the data in a bounce buffer is old data, not zeroes */
	fill_bounce_buffers(f);
	fixture_fill_page(page, 1);
	fixture_fill_page(want, 1);
	KUNIT_ASSERT_EQ(test, 0, link_range(f, &state, page, 100, 300));
	KUNIT_EXPECT_NE(test, iommu_iova_to_phys(f->domain, state.addr),
			page_to_phys(page) + 100);
	expect_device_sees_only(f, state.addr, page, 100, 300);

	device_writes(f, state.addr, 2, 300);
	KUNIT_EXPECT_MEMEQ(test, page_address(page), page_address(want),
			   PAGE_SIZE);
	fixture_destroy(f, &state, 300);

	fixture_fill_page(want, 2);
	KUNIT_EXPECT_MEMEQ(test, page_address(page) + 100, page_address(want),
			   300);
	fixture_fill_page(want, 1);
	KUNIT_EXPECT_MEMEQ(test, page_address(page), page_address(want), 100);
	KUNIT_EXPECT_MEMEQ(test, page_address(page) + 400,
			   page_address(want) + 400, PAGE_SIZE - 400);
}

/* Head and tail with no whole granule between them */
static void bounce_without_middle(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page *page = fixture_large_page(test);
	size_t head = PAGE_SIZE - 512, tail = 700;
	struct dma_iova_state state;
	struct page *want = fixture_lone_page(test);

	fixture_fill_page(page, 3);
	fixture_fill_page(page + 1, 4);
	KUNIT_ASSERT_EQ(test, 0, link_range(f, &state, page, 512, head + tail));
	expect_device_sees_only(f, state.addr, page, 512, head);
	expect_device_sees_only(f, state.addr + head, page + 1, 0, tail);

	device_writes(f, state.addr + head, 5, tail);
	fixture_destroy(f, &state, head + tail);
	fixture_fill_page(want, 5);
	KUNIT_EXPECT_MEMEQ(test, page_address(page + 1), page_address(want),
			   tail);
	fixture_fill_page(want, 4);
	KUNIT_EXPECT_MEMEQ(test, page_address(page + 1) + tail,
			   page_address(want) + tail, PAGE_SIZE - tail);
	fixture_fill_page(want, 3);
	KUNIT_EXPECT_MEMEQ(test, page_address(page), page_address(want),
			   PAGE_SIZE);
}

static void bounce_around_middle(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page *page = fixture_large_page(test);
	size_t head = PAGE_SIZE - 512, tail = 64;
	size_t size = head + 2 * PAGE_SIZE + tail;
	struct dma_iova_state state;
	int i;

	for (i = 0; i < 4; i++)
		fixture_fill_page(page + i, i);
	KUNIT_ASSERT_EQ(test, 0, link_range(f, &state, page, 512, size));
	expect_device_sees_only(f, state.addr, page, 512, head);
	fixture_expect_linked(f, &state, head, page_to_phys(page + 1), 2 * PAGE_SIZE);
	expect_device_sees_only(f, state.addr + size - tail, page + 3, 0, tail);
	dma_iova_unlink(f->dev, &state, 0, size, DMA_BIDIRECTIONAL, 0);
	fixture_expect_nothing_linked(f, state.addr, size);
	dma_iova_free(f->dev, &state);
}

/* Only the two ends of a reservation of several pieces are bounced */
static void bounce_ends_of_scattered_pieces(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page **pages = fixture_scattered_pages(test, 3);
	size_t head = PAGE_SIZE - 1024, tail = 128;
	size_t size = head + PAGE_SIZE + tail;
	phys_addr_t first = page_to_phys(pages[0]) + 1024;
	struct dma_iova_state state;
	int i;

	for (i = 0; i < 3; i++)
		fixture_fill_page(pages[i], i);
	fixture_reserve(f, &state, first, size);
	KUNIT_EXPECT_EQ(test, 0, dma_iova_link(f->dev, &state, first, 0, head,
					       DMA_BIDIRECTIONAL, 0));
	KUNIT_EXPECT_EQ(test, 0, dma_iova_link(f->dev, &state,
					       page_to_phys(pages[1]), head,
					       PAGE_SIZE, DMA_BIDIRECTIONAL,
					       0));
	KUNIT_EXPECT_EQ(test, 0, dma_iova_link(f->dev, &state,
					       page_to_phys(pages[2]),
					       head + PAGE_SIZE, tail,
					       DMA_BIDIRECTIONAL, 0));
	KUNIT_EXPECT_EQ(test, 0, dma_iova_sync(f->dev, &state, 0, size));
	expect_device_sees_only(f, state.addr, pages[0], 1024, head);
	fixture_expect_linked(f, &state, head, page_to_phys(pages[1]), PAGE_SIZE);
	expect_device_sees_only(f, state.addr + size - tail, pages[2], 0, tail);

	device_writes(f, state.addr, 7, 16);
	device_writes(f, state.addr + size - tail, 8, 16);
	fixture_destroy(f, &state, size);
	KUNIT_EXPECT_EQ(test, ((u8 *)page_address(pages[0]))[1024],
			(u8)(7 * 31));
	KUNIT_EXPECT_EQ(test, ((u8 *)page_address(pages[2]))[0], (u8)(8 * 31));
}

static void bounce_skip_cpu_sync(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page *page = fixture_lone_page(test);
	struct page *want = fixture_lone_page(test);
	struct dma_iova_state state;

	fixture_fill_page(page, 1);
	fixture_fill_page(want, 1);
	KUNIT_ASSERT_EQ(test, 0, link_range(f, &state, page, 0, 256));
	device_writes(f, state.addr, 9, 256);
	dma_iova_destroy(f->dev, &state, 256, DMA_BIDIRECTIONAL,
			 DMA_ATTR_SKIP_CPU_SYNC);
	KUNIT_EXPECT_MEMEQ(test, page_address(page), page_address(want),
			   PAGE_SIZE);
}

static void bounce_unlink_dir_none(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page *page = fixture_lone_page(test);
	struct page *want = fixture_lone_page(test);
	struct dma_iova_state state;

	fixture_fill_page(want, 9);
	KUNIT_ASSERT_EQ(test, 0, link_range(f, &state, page, 0, 256));
	device_writes(f, state.addr, 9, 256);
	warnings_expect(test, ENTRY);
	dma_iova_destroy(f->dev, &state, 256, DMA_NONE, 0);
	KUNIT_EXPECT_EQ(test, warnings_taken(test), 1);
	KUNIT_EXPECT_MEMEQ(test, page_address(page), page_address(want), 256);
}

static void bounce_sync_for_cpu_and_device(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page *page = fixture_large_page(test);
	size_t head = PAGE_SIZE - 512, tail = 700, size = head + tail;
	struct page *want = fixture_lone_page(test);
	struct dma_iova_state state;

	fixture_fill_page(page, 1);
	fixture_fill_page(page + 1, 1);
	KUNIT_ASSERT_EQ(test, 0, link_range(f, &state, page, 512, size));
	/* It forgets what dma_need_unmap() knows about bounce buffers. */
	KUNIT_ASSERT_EQ(test, 0, dma_set_mask(f->dev, *f->dev->dma_mask));

	/* What the device writes reaches the CPU, as far as it is asked for */
	device_writes(f, state.addr, 2, 64);
	device_writes(f, state.addr + head, 2, 64);
	dma_iova_sync_for_cpu(f->dev, &state, 16, head, DMA_BIDIRECTIONAL);
	fixture_fill_page(want, 2);
	KUNIT_EXPECT_MEMEQ(test, page_address(page) + 512 + 16,
			   page_address(want) + 16, 48);
	KUNIT_EXPECT_MEMEQ(test, page_address(page + 1), page_address(want),
			   16);
	fixture_fill_page(want, 1);
	KUNIT_EXPECT_MEMEQ(test, page_address(page) + 512,
			   page_address(want) + 512, 16);
	KUNIT_EXPECT_MEMEQ(test, page_address(page + 1) + 16,
			   page_address(want) + 16, 48);

	/* What the CPU writes reaches the device */
	fixture_fill_page(page, 3);
	fixture_fill_page(page + 1, 4);
	dma_iova_sync_for_device(f->dev, &state, 0, size, DMA_BIDIRECTIONAL);
	expect_device_sees_only(f, state.addr, page, 512, head);
	expect_device_sees_only(f, state.addr + head, page + 1, 0, tail);

	warns_once(test, ENTRY)
		dma_iova_sync_for_cpu(f->dev, &state, 512, size,
				      DMA_BIDIRECTIONAL);
	warns_once(test, ENTRY)
		dma_iova_sync_for_device(f->dev, &state, -512, 1024,
					 DMA_BIDIRECTIONAL);
	fixture_destroy(f, &state, size);
}

/* min_align_mask of 0: swiotlb would put the first piece to offset 0 */
static void try_alloc_bounce_offset_not_kept(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page *page = fixture_lone_page(test);
	struct dma_iova_state state;

	dma_set_min_align_mask(f->dev, 0);
	memset(&state, 0xff, sizeof(state));
	KUNIT_EXPECT_FALSE(test, dma_iova_try_alloc(f->dev, &state, 512, 1024));
	fixture_expect_zero(test, &state);
	KUNIT_EXPECT_FALSE(test, dma_iova_try_alloc(f->dev, &state, 512,
						    4 * PAGE_SIZE - 512));
	fixture_expect_zero(test, &state);

	dma_set_min_align_mask(f->dev, 511);
	KUNIT_EXPECT_FALSE(test, dma_iova_try_alloc(f->dev, &state, 512, 1024));
	fixture_expect_zero(test, &state);

	/* Only the start matters: the tail keeps its offset, which is 0 */
	KUNIT_ASSERT_EQ(test, 0, link_range(f, &state, page, 0, 1000));
	fixture_destroy(f, &state, 1000);
	KUNIT_ASSERT_EQ(test, 0, link_range(f, &state, page, 100, 1000));
	fixture_destroy(f, &state, 1000);
}

/* The CPU cannot copy what has no address in the kernel. */
static void link_bar_as_memory(struct kunit *test)
{
	struct fixture *f = test->priv;
	phys_addr_t bar = pci_resource_start(f->edu->pdev, 0);
	struct dma_iova_state state;
	long slots = fixture_slots_used(f);

	fixture_reserve(f, &state, bar + 512, 1024);
	warns_once(test, ENGINE)
		KUNIT_EXPECT_EQ(test, -EINVAL,
				dma_iova_link(f->dev, &state, bar + 512, 0, 1024,
					      DMA_TO_DEVICE, 0));
	fixture_expect_nothing_linked(f, state.addr, 1024);
	KUNIT_EXPECT_EQ(test, slots, fixture_slots_used(f));
	dma_iova_free(f->dev, &state);
}

static void link_mmio_cannot_bounce(struct kunit *test)
{
	struct fixture *f = test->priv;
	phys_addr_t bar = pci_resource_start(f->edu->pdev, 0);
	struct dma_iova_state state;

	fixture_reserve(f, &state, bar + 512, 1024);
	KUNIT_EXPECT_EQ(test, -EPERM, dma_iova_link(f->dev, &state, bar + 512,
						    0, 1024, DMA_TO_DEVICE,
						    DMA_ATTR_MMIO));
	fixture_expect_nothing_linked(f, state.addr, 1024);
	dma_iova_free(f->dev, &state);

	fixture_reserve(f, &state, bar, f->granule);
	KUNIT_EXPECT_EQ(test, 0, dma_iova_link(f->dev, &state, bar, 0,
					       f->granule, DMA_TO_DEVICE,
					       DMA_ATTR_MMIO));
	KUNIT_EXPECT_EQ(test, 0, dma_iova_sync(f->dev, &state, 0, f->granule));
	dma_iova_destroy(f->dev, &state, f->granule, DMA_TO_DEVICE,
			 DMA_ATTR_MMIO);
}

/* A driver that lowers min_align_mask after dma_iova_try_alloc() */
static void link_bounce_offset_not_kept(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page *page = fixture_lone_page(test);
	phys_addr_t phys = page_to_phys(page) + 512;
	struct dma_iova_state state;

	fixture_reserve(f, &state, phys, 1024);
	dma_set_min_align_mask(f->dev, 0);
	KUNIT_EXPECT_EQ(test, -EIO, dma_iova_link(f->dev, &state, phys, 0, 1024,
						  DMA_TO_DEVICE, 0));
	fixture_expect_nothing_linked(f, state.addr, 1024);
	dma_iova_free(f->dev, &state);
}

/* dma_map_page() bounces by the same helper */
static void streaming_bounces(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page *page = fixture_lone_page(test);
	struct page *want = fixture_lone_page(test);
	dma_addr_t addr;

	fixture_fill_page(page, 1);
	addr = dma_map_page(f->dev, page, 100, 300, DMA_BIDIRECTIONAL);
	KUNIT_ASSERT_FALSE(test, dma_mapping_error(f->dev, addr));
	expect_device_sees_only(f, addr, page, 100, 300);
	device_writes(f, addr, 2, 300);
	dma_unmap_page(f->dev, addr, 300, DMA_BIDIRECTIONAL);
	fixture_fill_page(want, 2);
	KUNIT_EXPECT_MEMEQ(test, page_address(page) + 100, page_address(want),
			   300);
}

/* As many links succeed the second time, so nothing has leaked. */
static void bounce_until_full(struct kunit *test)
{
	struct fixture *f = test->priv;
	int nr = fill_bounce_buffers(f);

	KUNIT_EXPECT_GT(test, nr, 1);
	KUNIT_EXPECT_EQ(test, nr, fill_bounce_buffers(f));
}

/* Without an IOMMU */

static void try_alloc_refuses_direct_device(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct dma_iova_state state;

	memset(&state, 0xff, sizeof(state));
	KUNIT_EXPECT_FALSE(test, dma_iova_try_alloc(f->dev, &state, 0,
						    PAGE_SIZE));
	fixture_expect_zero(test, &state);
	/* dma-debug has to see all unmappings */
	KUNIT_EXPECT_EQ(test, IS_ENABLED(CONFIG_DMA_API_DEBUG),
			dma_need_unmap(f->dev));
}

static void streaming_moves_data(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page **pages = fixture_scattered_pages(test, 2);
	dma_addr_t from, to;

	fixture_fill_page(pages[0], 1);
	from = dma_map_page(f->dev, pages[0], 0, PAGE_SIZE, DMA_TO_DEVICE);
	to = dma_map_page(f->dev, pages[1], 0, PAGE_SIZE, DMA_FROM_DEVICE);
	KUNIT_ASSERT_FALSE(test, dma_mapping_error(f->dev, from));
	KUNIT_ASSERT_FALSE(test, dma_mapping_error(f->dev, to));
	edu_copy(test, f->edu, to, from, PAGE_SIZE);
	dma_unmap_page(f->dev, from, PAGE_SIZE, DMA_TO_DEVICE);
	dma_unmap_page(f->dev, to, PAGE_SIZE, DMA_FROM_DEVICE);
	KUNIT_EXPECT_MEMEQ(test, page_address(pages[1]),
			   page_address(pages[0]), PAGE_SIZE);
}

/* Both ways, with any state, and on any device */
static void hand_over_nothing(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct dma_iova_state state = {};

	dma_iova_sync_for_cpu(f->dev, &state, 0, 0, DMA_BIDIRECTIONAL);
	dma_iova_sync_for_device(f->dev, &state, 0, 0, DMA_BIDIRECTIONAL);
	dma_iova_sync_for_cpu(f->dev, &state, PAGE_SIZE, 0, DMA_NONE);
	dma_iova_sync_for_device(f->dev, &state, PAGE_SIZE, 0, DMA_NONE);
	dma_iova_sync_for_cpu(NULL, &state, 0, 0, DMA_FROM_DEVICE);
	dma_iova_unlink(f->dev, &state, PAGE_SIZE, 0, DMA_NONE, 0);
	KUNIT_EXPECT_EQ(test, 0, dma_iova_sync(f->dev, &state, PAGE_SIZE, 0));
}

static void hand_over_without_reservation(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct dma_iova_state state = {};

	warns_once(test, ENTRY)
		dma_iova_sync_for_cpu(f->dev, &state, 0, 1, DMA_FROM_DEVICE);
	warns_once(test, ENTRY)
		dma_iova_sync_for_device(f->dev, &state, 0, 1, DMA_FROM_DEVICE);
	warns_once(test, ENTRY)
		dma_iova_sync_for_cpu(NULL, &state, 0, 1, DMA_FROM_DEVICE);
}

static void hand_over_dir_none(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page *page = fixture_lone_page(test);
	struct dma_iova_state state;

	fixture_link_pages(f, &state, &page, 1);
	warns_once(test, ENTRY)
		dma_iova_sync_for_cpu(f->dev, &state, 0, PAGE_SIZE, DMA_NONE);
	warns_once(test, ENTRY)
		dma_iova_sync_for_device(f->dev, &state, 0, PAGE_SIZE, DMA_NONE);
	fixture_destroy(f, &state, PAGE_SIZE);
}

/*
 * A device that maps directly, and whose streaming mappings have to be handed over
 * since one of them was bounced: a driver asks for both ways of mapping at once.
 */
static int hand_over_init(struct kunit *test)
{
	struct page *page;
	struct fixture *f;
	dma_addr_t addr;
	int err = fixture_init_forced_swiotlb(test);

	if (err)
		return err;
	f = test->priv;
	page = fixture_lone_page(test);
	addr = dma_map_page(f->dev, page, 0, PAGE_SIZE, DMA_TO_DEVICE);
	if (dma_mapping_error(f->dev, addr))
		return -ENOMEM;
	dma_unmap_page(f->dev, addr, PAGE_SIZE, DMA_TO_DEVICE);
	return dma_dev_need_sync(f->dev) ? 0 : -EINVAL;
}

static struct kunit_case swiotlb_cases[] = {
	CASE_OF_OURS(hand_over_nothing, HAND_OVER),
	CASE_OF_OURS(hand_over_without_reservation, HAND_OVER),
	{}
};

static struct kunit_suite swiotlb_suite = {
	.name		= "dma_iova_swiotlb",
	.suite_init	= warnings_start,
	.suite_exit	= warnings_stop,
	.init		= hand_over_init,
	.exit		= warnings_check,
	.test_cases	= swiotlb_cases,
};

static struct kunit_case iommu_cases[] = {
	CASE_OF_OURS(try_alloc_without_iommu_device, MISUSE),
	KUNIT_CASE(try_alloc_without_mask),
	KUNIT_CASE(try_alloc_needs_larger_alignment),
	CASE_OF_OURS(try_alloc_size_zero, MISUSE),
	CASE_OF_OURS(try_alloc_private_flag_in_size, MISUSE),
	KUNIT_CASE(private_flag_is_above_32_bits),
	KUNIT_CASE(try_alloc_exhausted),
	KUNIT_CASE(try_alloc_keeps_offset),
	KUNIT_CASE(try_alloc_untrusted_without_swiotlb),
	KUNIT_CASE(link_scattered_pages),
	KUNIT_CASE(link_ragged_ends),
	CASE_OF_OURS(link_vec_scattered_pages, LINK_VEC),
	CASE_OF_OURS(link_vec_ragged_ends, LINK_VEC),
	CASE_OF_OURS(link_vec_pieces_of_all_sizes, LINK_VEC),
	CASE_OF_OURS_SLOW(link_vec_more_pieces_than_a_queue, LINK_VEC),
	CASE_OF_OURS(link_vec_unlinked_piece_by_piece, LINK_VEC),
	CASE_OF_OURS(link_vec_into_the_middle_of_another, LINK_VEC),
	CASE_OF_OURS(link_vec_neighbours_unlinked_apart, LINK_VEC),
	CASE_OF_OURS(link_vec_of_nothing, LINK_VEC),
	CASE_OF_OURS(link_vec_outside_reservation, LINK_VEC),
	CASE_OF_OURS(link_vec_dir_none, LINK_VEC),
	CASE_OF_OURS(link_vec_misaligned_piece, LINK_VEC),
	CASE_OF_OURS(link_outside_reservation, MISUSE),
	CASE_OF_OURS(link_offset_overflow, MISUSE),
	CASE_OF_OURS(link_size_zero, MISUSE),
	CASE_OF_OURS(link_dir_none, MISUSE),
	CASE_OF_OURS(link_misaligned_start, MISUSE),
	CASE_OF_OURS(link_misaligned_offset, MISUSE),
	CASE_OF_OURS(link_misaligned_end, MISUSE),
	CASE_OF_OURS(link_other_offset_in_granule, MISUSE),
	CASE_OF_OURS(link_without_reservation, MISUSE),
	KUNIT_CASE(link_in_atomic_context),
	KUNIT_CASE(link_mmio),
	KUNIT_CASE(link_beyond_4g),
	KUNIT_CASE(link_large_piece),
	KUNIT_CASE(link_to_device_is_read_only),
	CASE_OF_OURS(link_vec_to_device_is_read_only, LINK_VEC),
	CASE_OF_OURS(sync_outside_reservation, MISUSE),
	CASE_OF_OURS(hand_over_nothing, HAND_OVER),
	CASE_OF_OURS(hand_over_without_reservation, HAND_OVER),
	CASE_OF_OURS(hand_over_dir_none, HAND_OVER),
	KUNIT_CASE(unlink_isolates),
	KUNIT_CASE(unlink_each_with_its_direction),
	KUNIT_CASE(unlink_then_link_anew),
	CASE_OF_OURS(unlink_across_hole, MISUSE),
	CASE_OF_OURS(unlink_never_linked, MISUSE),
	CASE_OF_OURS(unlink_never_linked_far_away, MISUSE),
	CASE_OF_OURS(unlink_outside_reservation, MISUSE),
	CASE_OF_OURS(unlink_dir_none, MISUSE),
	CASE_OF_OURS(unlink_half_a_granule, MISUSE),
	CASE_OF_OURS(unlink_half_a_large_piece, MISUSE),
	CASE_OF_OURS(unlink_half_a_piece_and_others, MISUSE),
	KUNIT_CASE(destroy_isolates),
	KUNIT_CASE(destroy_after_failed_link),
	KUNIT_CASE(destroy_with_nothing_linked),
	KUNIT_CASE_SLOW(destroy_frees_whole_reservation),
	KUNIT_CASE(destroy_partly_linked_frees_all),
	CASE_OF_OURS(destroy_more_than_reserved, MISUSE),
	CASE_OF_OURS(destroy_across_hole, MISUSE),
	CASE_OF_OURS(destroy_twice, MISUSE),
	KUNIT_CASE(need_unmap_behind_iommu),
	{}
};

static struct kunit_suite iommu_suite = {
	.name		= "dma_iova",
	.suite_init	= warnings_start,
	.suite_exit	= warnings_stop,
	.init		= fixture_init_iommu,
	.exit		= warnings_check,
	.test_cases	= iommu_cases,
};

/* Drivers of other IOMMUs make readable, too, what a device may write to. */
static int write_only_init(struct kunit *test)
{
	int err = fixture_init_iommu(test);
	struct fixture *f = test->priv;
	struct device *iommu;

	if (err)
		return err;
	iommu = f->dev->iommu->iommu_dev->dev;
	if (str_has_prefix(dev_name(iommu), "ivhd"))
		return 0;
	if (!iommu->parent || !iommu->parent->bus ||
	    strcmp(iommu->parent->bus->name, "virtio"))
		kunit_skip(test, "the IOMMU is neither AMD's nor virtio's");
	return 0;
}

static struct kunit_case write_only_cases[] = {
	KUNIT_CASE(link_from_device_is_write_only),
	CASE_OF_OURS(link_vec_from_device_is_write_only, LINK_VEC),
	{}
};

static struct kunit_suite write_only_suite = {
	.name		= "dma_iova_write_only",
	.suite_init	= warnings_start,
	.suite_exit	= warnings_stop,
	.init		= write_only_init,
	.exit		= warnings_check,
	.test_cases	= write_only_cases,
};

static struct kunit_case bounce_cases[] = {
	CASE_OF_OURS_SLOW(bounce_within_granule, MISUSE),
	KUNIT_CASE(bounce_without_middle),
	KUNIT_CASE(bounce_around_middle),
	KUNIT_CASE(bounce_ends_of_scattered_pieces),
	KUNIT_CASE(bounce_skip_cpu_sync),
	CASE_OF_OURS(bounce_unlink_dir_none, MISUSE),
	CASE_OF_OURS(bounce_sync_for_cpu_and_device, HAND_OVER),
	CASE_OF_OURS(hand_over_nothing, HAND_OVER),
	CASE_OF_OURS(hand_over_without_reservation, HAND_OVER),
	CASE_OF_OURS(hand_over_dir_none, HAND_OVER),
	KUNIT_CASE(try_alloc_bounce_offset_not_kept),
	KUNIT_CASE(link_mmio_cannot_bounce),
	CASE_OF_OURS(link_bar_as_memory, MISUSE),
	KUNIT_CASE(link_bounce_offset_not_kept),
	KUNIT_CASE(streaming_bounces),
	CASE_OF_OURS_SLOW(bounce_until_full, MISUSE),
	{}
};

static struct kunit_suite bounce_suite = {
	.name		= "dma_iova_bounce",
	.suite_init	= warnings_start,
	.suite_exit	= warnings_stop,
	.init		= fixture_init_bounce,
	.exit		= warnings_check,
	.test_cases	= bounce_cases,
};

static struct kunit_case direct_cases[] = {
	KUNIT_CASE(try_alloc_refuses_direct_device),
	KUNIT_CASE(streaming_moves_data),
	{}
};

static struct kunit_suite direct_suite = {
	.name		= "dma_iova_direct",
	.suite_init	= warnings_start,
	.suite_exit	= warnings_stop,
	.init		= fixture_init_direct,
	.exit		= warnings_check,
	.test_cases	= direct_cases,
};

kunit_test_suites(&iommu_suite, &bounce_suite, &direct_suite,
		  &swiotlb_suite, &write_only_suite);

MODULE_DESCRIPTION("KUnit suites of the two-step DMA API");
MODULE_LICENSE("GPL");
