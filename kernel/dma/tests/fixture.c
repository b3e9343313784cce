// SPDX-License-Identifier: GPL-2.0
#include <linux/bvec.h>
#include <linux/debugfs.h>
#include <linux/dma-mapping.h>
#include <linux/fs.h>
#include <linux/iommu.h>
#include <linux/iommu-dma.h>
#include <linux/sizes.h>
#include <linux/swiotlb.h>

#include "fixture.h"

static void free_page_pair(void *page)
{
	__free_pages(page, 1);
}

/* A page whose successor is not part of anything that is mapped. */
struct page *fixture_lone_page(struct kunit *test)
{
	struct page *page = alloc_pages(GFP_KERNEL | __GFP_ZERO, 1);

	KUNIT_ASSERT_NOT_NULL(test, page);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, free_page_pair,
							page), 0);
	return page;
}

struct page **fixture_scattered_pages(struct kunit *test, int nr)
{
	struct page **pages = kunit_kcalloc(test, nr, sizeof(*pages),
					    GFP_KERNEL);
	int i;

	KUNIT_ASSERT_NOT_NULL(test, pages);
	for (i = 0; i < nr; i++)
		pages[i] = fixture_lone_page(test);
	return pages;
}

struct bio_vec *fixture_scattered_data(struct kunit *test, int nr,
				       unsigned int into, unsigned int tail)
{
	struct bio_vec *data = kunit_kcalloc(test, nr, sizeof(*data),
					     GFP_KERNEL);
	struct page **pages = fixture_scattered_pages(test, nr);
	int i;

	KUNIT_ASSERT_NOT_NULL(test, data);
	for (i = 0; i < nr; i++)
		bvec_set_page(&data[i], pages[i], PAGE_SIZE, 0);
	data[0].bv_offset = into;
	data[0].bv_len = PAGE_SIZE - into;
	data[nr - 1].bv_len = tail - data[nr - 1].bv_offset;
	return data;
}

void fixture_fill_page(struct page *page, int seed)
{
	u8 *bytes = page_address(page);
	int i;

	for (i = 0; i < PAGE_SIZE; i++)
		bytes[i] = seed * 31 + i * 7 + (i >> 8);
}

dma_addr_t fixture_granule_of(struct fixture *f, dma_addr_t addr)
{
	return ALIGN_DOWN(addr, f->granule);
}

/* Up to the last address there is: counts, and does not compare addresses. */
static size_t granules_in(struct fixture *f, dma_addr_t addr, size_t size)
{
	return DIV_ROUND_UP(addr - fixture_granule_of(f, addr) + size, f->granule);
}

void fixture_expect_linked(struct fixture *f, const struct dma_iova_state *state,
			   size_t offset, phys_addr_t phys, size_t size)
{
	dma_addr_t addr = state->addr + offset;
	size_t nr = granules_in(f, addr, size);

	KUNIT_EXPECT_GT(f->test, nr, 0);
	phys = ALIGN_DOWN(phys, f->granule);
	for (addr = fixture_granule_of(f, addr); nr--; addr += f->granule) {
		KUNIT_EXPECT_EQ(f->test, iommu_iova_to_phys(f->domain, addr),
				phys);
		phys += f->granule;
	}
}

void fixture_expect_nothing_linked(struct fixture *f, dma_addr_t addr, size_t size)
{
	size_t nr = granules_in(f, addr, size);

	KUNIT_EXPECT_GT(f->test, nr, 0);
	for (addr = fixture_granule_of(f, addr); nr--; addr += f->granule)
		KUNIT_EXPECT_EQ(f->test, iommu_iova_to_phys(f->domain, addr),
				(phys_addr_t)0);
}

void fixture_expect_zero(struct kunit *test, const struct dma_iova_state *state)
{
	struct dma_iova_state zero = {};

	KUNIT_EXPECT_MEMEQ(test, state, &zero, sizeof(zero));
	KUNIT_EXPECT_FALSE(test, dma_use_iova(state));
	KUNIT_EXPECT_EQ(test, dma_iova_size(state), (size_t)0);
}

void fixture_reserve(struct fixture *f, struct dma_iova_state *state,
		     phys_addr_t phys, size_t size)
{
	KUNIT_ASSERT_TRUE(f->test, dma_iova_try_alloc(f->dev, state, phys,
						      size));
}

void fixture_link_page(struct fixture *f, struct dma_iova_state *state,
		       size_t offset, struct page *page)
{
	KUNIT_ASSERT_EQ(f->test, 0,
			dma_iova_link(f->dev, state, page_to_phys(page), offset,
				      PAGE_SIZE, DMA_BIDIRECTIONAL, 0));
}

void fixture_link_pages(struct fixture *f, struct dma_iova_state *state,
			struct page **pages, int nr)
{
	int i;

	fixture_reserve(f, state, 0, nr * PAGE_SIZE);
	for (i = 0; i < nr; i++)
		fixture_link_page(f, state, i * PAGE_SIZE, pages[i]);
	KUNIT_ASSERT_EQ(f->test, 0, dma_iova_sync(f->dev, state, 0,
						  nr * PAGE_SIZE));
}

void fixture_destroy(struct fixture *f, struct dma_iova_state *state,
		     size_t mapped_len)
{
	dma_iova_destroy(f->dev, state, mapped_len, DMA_BIDIRECTIONAL, 0);
}

/* debugfs is mounted nowhere, but the variable is known to the inode. */
void *fixture_debugfs(struct kunit *test, const char *dir, const char *file)
{
	struct dentry *parent = debugfs_lookup(dir, NULL);
	struct dentry *dentry;
	void *variable;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, parent);
	dentry = debugfs_lookup(file, parent);
	dput(parent);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dentry);
	variable = d_inode(dentry)->i_private;
	dput(dentry);
	return variable;
}

#define LARGE_ORDER	get_order(SZ_4M)

static void free_large(void *page)
{
	__free_pages(page, LARGE_ORDER);
}

struct page *fixture_large_page(struct kunit *test)
{
	struct page *page = alloc_pages(GFP_KERNEL | __GFP_ZERO, LARGE_ORDER);

	KUNIT_ASSERT_NOT_NULL(test, page);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, free_large, page),
			0);
	return page;
}

static int fixture_init(struct kunit *test)
{
	struct fixture *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, f);
	f->test = test;
	f->edu = edu_get(test);
	f->dev = f->edu->dev;
	test->priv = f;
	return 0;
}

int fixture_init_iommu(struct kunit *test)
{
	struct fixture *f;
	int err = fixture_init(test);

	if (err)
		return err;

	f = test->priv;
	if (!use_dma_iommu(f->dev))
		kunit_skip(test, "the edu device is not behind an IOMMU");
	f->domain = iommu_get_dma_domain(f->dev);
	f->granule = dma_get_merge_boundary(f->dev) + 1;
	KUNIT_ASSERT_EQ(test, f->granule, PAGE_SIZE);
	return 0;
}

static void trust_again(void *data)
{
	struct fixture *f = data;

	f->edu->pdev->untrusted = false;
	dma_set_min_align_mask(f->dev, 0);
}

static void fixture_distrust(struct fixture *f)
{
	f->edu->pdev->untrusted = true;
	dma_set_min_align_mask(f->dev, f->granule - 1);
	KUNIT_ASSERT_EQ(f->test, 0, kunit_add_action_or_reset(f->test, trust_again,
							      f));
}

/* The pages that move the data are whole granules, and so are not bounced. */
int fixture_init_bounce(struct kunit *test)
{
	struct fixture *f;
	int err = fixture_init_iommu(test);

	if (err)
		return err;

	f = test->priv;
	if (!is_swiotlb_active(f->dev))
		kunit_skip(test, "no bounce buffers: boot with swiotlb=force");
	fixture_distrust(f);
	return 0;
}

struct fixture *fixture_mock(struct kunit *test,
			     const struct mock_iommu_config *config)
{
	struct fixture *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, f);
	f->test = test;
	f->mock = mock_iommu_create(test, config);
	f->dev = f->mock->dev;
	f->domain = &f->mock->domain;
	f->granule = dma_get_merge_boundary(f->dev) + 1;
	test->priv = f;
	return f;
}

struct fixture *fixture_mock_untrusted(struct kunit *test,
				       const struct mock_iommu_config *config)
{
	struct mock_iommu_config with_edu = *config;
	struct edu *edu = edu_get(test);
	struct fixture *f;

	if (device_iommu_mapped(edu->dev))
		kunit_skip(test, "the edu device is behind another IOMMU");
	if (!is_swiotlb_active(edu->dev))
		kunit_skip(test, "no bounce buffers: boot with swiotlb=force");
	with_edu.dev = edu->dev;
	f = fixture_mock(test, &with_edu);
	f->edu = edu;
	fixture_distrust(f);
	return f;
}

int fixture_init_direct(struct kunit *test)
{
	struct fixture *f;
	int err = fixture_init(test);

	if (err)
		return err;

	f = test->priv;
	if (use_dma_iommu(f->dev))
		kunit_skip(test, "the edu device is behind an IOMMU");
	return 0;
}
