// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suites of the DMA mapping of what hmm_range_fault() finds. Most cases write
 * into the list of pfns what it could have found; umem_odp_kunit.c has it find
 * user memory.
 *
 * hmm_dma		behind an IOMMU, with a spy
 * hmm_dma_mock		behind a mock IOMMU, which counts IO addresses
 * hmm_dma_direct	without an IOMMU
 * hmm_dma_bounce	behind an IOMMU, the device is not to be trusted
 * hmm_dma_swiotlb	without an IOMMU, everything is bounced: refused
 */
#include <kunit/test.h>
#include <linux/dma-direct.h>
#include <linux/dma-mapping.h>
#include <linux/file.h>
#include <linux/hmm-dma.h>
#include <linux/hugetlb.h>
#include <linux/iommu.h>
#include <linux/mman.h>
#include <linux/mmu_notifier.h>
#include <linux/pci-p2pdma.h>
#include <linux/sched/mm.h>
#include <linux/sizes.h>
#include <linux/swiotlb.h>

#include "fixture.h"
#include "p2pmem.h"
#include "spy.h"

/* Pages: more than one call links */
#define MANY	40

#define HMM	"hmm-dma.c"

/* A map, and what it is for */
struct region {
	struct fixture *f;
	struct hmm_dma_map map;
	size_t nr;
	unsigned long *pfns;
	struct pci_p2pdma_map_state p2pdma;
};

static void free_region(void *data)
{
	struct region *r = data;

	hmm_dma_unmap_range(r->f->dev, &r->map, 0, r->nr);
	hmm_dma_map_free(r->f->dev, &r->map);
}

static struct region *new_region(struct fixture *f, size_t nr,
				 size_t dma_entry_size)
{
	struct region *r = kunit_kzalloc(f->test, sizeof(*r), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(f->test, r);
	r->f = f;
	r->nr = nr;
	r->pfns = kunit_kcalloc(f->test, nr, sizeof(*r->pfns), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(f->test, r->pfns);
	KUNIT_ASSERT_EQ(f->test, 0, hmm_dma_map_alloc(f->dev, &r->map, nr,
						      dma_entry_size));
	KUNIT_ASSERT_EQ(f->test, 0, kunit_add_action_or_reset(f->test,
							      free_region, r));
	return r;
}

/* The entry that hmm_range_fault() makes for a page */
static unsigned long found(struct page *page, unsigned long flags)
{
	return page_to_pfn(page) | HMM_PFN_VALID | flags;
}

static struct region *scattered_region(struct fixture *f, size_t nr)
{
	struct region *r = new_region(f, nr, PAGE_SIZE);
	struct page **pages = fixture_scattered_pages(f->test, nr);
	size_t i;

	for (i = 0; i < nr; i++)
		r->pfns[i] = found(pages[i], HMM_PFN_WRITE);
	return r;
}

static struct region *region_without_reservation(struct fixture *f, size_t nr)
{
	struct region *r;

	/* More than the granule: dma_iova_try_alloc() says no. */
	dma_set_min_align_mask(f->dev, 2 * PAGE_SIZE - 1);
	r = scattered_region(f, nr);
	dma_set_min_align_mask(f->dev, 0);
	KUNIT_ASSERT_FALSE(f->test, dma_use_iova(&r->map.state));
	return r;
}

static long map_range(struct region *r, size_t idx, size_t nr)
{
	return hmm_dma_map_range(r->f->dev, &r->map, idx, nr, &r->pfns[idx]);
}

static size_t unmap_range(struct region *r, size_t idx, size_t nr)
{
	return hmm_dma_unmap_range(r->f->dev, &r->map, idx, nr);
}

static dma_addr_t map_pfn(struct region *r, size_t idx)
{
	return hmm_dma_map_pfn(r->f->dev, &r->map, idx, &r->p2pdma);
}

static bool is_mapped(struct region *r, size_t idx)
{
	return r->map.pfn_list[idx] & HMM_PFN_DMA_MAPPED;
}

/* The device finds these pages, and finds them where map_pfn() says. */
static void expect_mapped(struct region *r, size_t idx, size_t nr)
{
	struct kunit *test = r->f->test;

	KUNIT_EXPECT_GT(test, nr, 0);
	for (; nr--; idx++) {
		KUNIT_EXPECT_TRUE(test, is_mapped(r, idx));
		KUNIT_EXPECT_EQ(test, iommu_iova_to_phys(r->f->domain,
							 map_pfn(r, idx)),
				hmm_pfn_to_phys(r->pfns[idx]));
	}
}

static void expect_not_mapped(struct region *r, size_t idx, size_t nr)
{
	struct kunit *test = r->f->test;

	KUNIT_EXPECT_TRUE(test, dma_use_iova(&r->map.state));
	fixture_expect_nothing_linked(r->f, r->map.state.addr + idx * PAGE_SIZE,
				      nr * PAGE_SIZE);
	for (; nr--; idx++)
		KUNIT_EXPECT_FALSE(test, is_mapped(r, idx));
}

/* Behind an IOMMU */

static void map_pfn_links_once(struct kunit *test)
{
	struct region *r = scattered_region(test->priv, 4);
	dma_addr_t addr;

	KUNIT_EXPECT_NULL(test, r->map.dma_list);
	r->map.pfn_list[2] = r->pfns[2];
	addr = map_pfn(r, 2);
	KUNIT_EXPECT_EQ(test, addr, r->map.state.addr + 2 * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, spy.sync_map, 1);
	expect_mapped(r, 2, 1);
	expect_not_mapped(r, 0, 2);

	KUNIT_EXPECT_EQ(test, map_pfn(r, 2), addr);
	KUNIT_EXPECT_EQ(test, spy.map_pages, 1);
	KUNIT_EXPECT_EQ(test, spy.sync_map, 1);
}

static void unmap_pfn_unlinks_once(struct kunit *test)
{
	struct region *r = scattered_region(test->priv, 4);
	int requests;

	KUNIT_EXPECT_EQ(test, map_range(r, 0, 4), 4L);
	KUNIT_EXPECT_TRUE(test, hmm_dma_unmap_pfn(r->f->dev, &r->map, 1));
	expect_not_mapped(r, 1, 1);
	expect_mapped(r, 0, 1);
	expect_mapped(r, 2, 2);

	requests = spy.unmap_pages;
	KUNIT_EXPECT_GT(test, requests, 0);
	KUNIT_EXPECT_FALSE(test, hmm_dma_unmap_pfn(r->f->dev, &r->map, 1));
	KUNIT_EXPECT_EQ(test, spy.unmap_pages, requests);
}

/* One synchronisation for all, and far less calls than pages */
static void range_is_one_batch(struct kunit *test)
{
	struct region *r = scattered_region(test->priv, MANY);

	KUNIT_EXPECT_EQ(test, map_range(r, 0, MANY), (long)MANY);
	expect_mapped(r, 0, MANY);
	KUNIT_EXPECT_EQ(test, spy.map_pages, MANY);
	if (spy.has_map_vec)
		KUNIT_EXPECT_EQ(test, spy.map_vec, 2);
	KUNIT_EXPECT_EQ(test, spy.sync_map, 1);

	spy.sync = 0;
	KUNIT_EXPECT_EQ(test, unmap_range(r, 0, MANY), (size_t)MANY);
	KUNIT_EXPECT_EQ(test, spy.sync, 1);
	expect_not_mapped(r, 0, MANY);
	KUNIT_EXPECT_EQ(test, spy.bytes_mapped, (ssize_t)0);
}

static void range_with_holes(struct kunit *test)
{
	struct region *r = scattered_region(test->priv, 8);
	unsigned long hole = r->pfns[3];

	r->pfns[3] = 0;
	r->pfns[6] = HMM_PFN_ERROR;
	KUNIT_EXPECT_EQ(test, map_range(r, 0, 8), 6L);
	expect_mapped(r, 0, 3);
	expect_mapped(r, 4, 2);
	expect_mapped(r, 7, 1);
	expect_not_mapped(r, 3, 1);
	expect_not_mapped(r, 6, 1);

	/* What is mapped already is not linked again. */
	r->pfns[3] = hole;
	spy.map_pages = 0;
	KUNIT_EXPECT_EQ(test, map_range(r, 0, 8), 1L);
	KUNIT_EXPECT_EQ(test, spy.map_pages, 1);
	expect_mapped(r, 0, 6);

	KUNIT_EXPECT_EQ(test, unmap_range(r, 0, 8), (size_t)7);
	expect_not_mapped(r, 0, 8);
}

static void range_upgrade_to_write(struct kunit *test)
{
	struct region *r = scattered_region(test->priv, 2);

	r->pfns[1] &= ~HMM_PFN_WRITE;
	KUNIT_EXPECT_EQ(test, map_range(r, 0, 2), 2L);
	KUNIT_EXPECT_TRUE(test, r->map.pfn_list[0] & HMM_PFN_WRITE);
	KUNIT_EXPECT_FALSE(test, r->map.pfn_list[1] & HMM_PFN_WRITE);

	r->pfns[0] &= ~HMM_PFN_WRITE;
	r->pfns[1] |= HMM_PFN_WRITE;
	KUNIT_EXPECT_EQ(test, map_range(r, 0, 2), 0L);
	KUNIT_EXPECT_TRUE(test, r->map.pfn_list[0] & HMM_PFN_WRITE);
	KUNIT_EXPECT_TRUE(test, r->map.pfn_list[1] & HMM_PFN_WRITE);
	KUNIT_EXPECT_EQ(test, spy.map_pages, 2);
}

/* Stale entries in the array given to hmm_range_fault() do no harm. */
static void range_ignores_flags_of_array(struct kunit *test)
{
	struct region *r = scattered_region(test->priv, 2);

	r->pfns[0] |= HMM_PFN_DMA_MAPPED | HMM_PFN_P2PDMA_BUS;
	r->pfns[1] = HMM_PFN_DMA_MAPPED;
	KUNIT_EXPECT_EQ(test, map_range(r, 0, 2), 1L);
	KUNIT_EXPECT_EQ(test, spy.map_pages, 1);
	expect_mapped(r, 0, 1);
	expect_not_mapped(r, 1, 1);
}

static void range_fails_at_each_link(struct kunit *test)
{
	struct region *r = scattered_region(test->priv, MANY);
	int n;

	KUNIT_EXPECT_EQ(test, map_range(r, 1, 1), 1L);
	for (n = 1; n < MANY; n++) {
		spy.fail_map = n;
		spy.fail_map_errno = -ENOSPC;
		KUNIT_EXPECT_EQ(test, map_range(r, 0, MANY), (long)-ENOSPC);
		expect_mapped(r, 1, 1);
		expect_not_mapped(r, 0, 1);
		expect_not_mapped(r, 2, MANY - 2);
		KUNIT_EXPECT_EQ(test, spy.bytes_mapped, (ssize_t)PAGE_SIZE);
	}
	KUNIT_EXPECT_EQ(test, map_range(r, 0, MANY), MANY - 1L);
	expect_mapped(r, 0, MANY);
}

/* Flags after the entry that fails are from an earlier call, and not undone. */
static void range_fails_before_stale_flags(struct kunit *test)
{
	struct region *r = scattered_region(test->priv, MANY);
	size_t gone;

	for (gone = 1; gone < MANY; gone++) {
		unmap_range(r, 0, MANY);
		KUNIT_EXPECT_EQ(test, map_range(r, 0, MANY), (long)MANY);
		KUNIT_EXPECT_EQ(test, unmap_range(r, 0, gone), gone);
		spy.fail_map = 1;
		spy.fail_map_errno = -ENOSPC;
		KUNIT_EXPECT_EQ(test, map_range(r, 0, MANY), (long)-ENOSPC);
		expect_not_mapped(r, 0, gone);
		expect_mapped(r, gone, MANY - gone);
		KUNIT_EXPECT_EQ(test, spy.bytes_mapped,
				(MANY - gone) * (ssize_t)PAGE_SIZE);
	}
	KUNIT_EXPECT_EQ(test, map_range(r, 0, MANY), MANY - 1L);
	expect_mapped(r, 0, MANY);
}

static void range_sync_fails(struct kunit *test)
{
	struct region *r = scattered_region(test->priv, MANY);

	KUNIT_EXPECT_EQ(test, map_range(r, 1, 1), 1L);
	spy.fail_sync_map_errno = -EIO;
	KUNIT_EXPECT_EQ(test, map_range(r, 0, MANY), (long)-EIO);
	expect_mapped(r, 1, 1);
	expect_not_mapped(r, 0, 1);
	expect_not_mapped(r, 2, MANY - 2);
	KUNIT_EXPECT_EQ(test, spy.bytes_mapped, (ssize_t)PAGE_SIZE);
}

static void map_pfn_fails(struct kunit *test)
{
	struct region *r = scattered_region(test->priv, 1);

	r->map.pfn_list[0] = r->pfns[0];
	spy.fail_map = 1;
	spy.fail_map_errno = -ENOMEM;
	KUNIT_EXPECT_EQ(test, map_pfn(r, 0), DMA_MAPPING_ERROR);
	spy.fail_sync_map_errno = -ENOMEM;
	KUNIT_EXPECT_EQ(test, map_pfn(r, 0), DMA_MAPPING_ERROR);
	KUNIT_EXPECT_EQ(test, r->map.pfn_list[0], r->pfns[0]);
	expect_not_mapped(r, 0, 1);
	KUNIT_EXPECT_EQ(test, spy.bytes_mapped, (ssize_t)0);
}

static void map_pfn_without_page(struct kunit *test)
{
	struct region *r = scattered_region(test->priv, 1);

	warns_once(test, HMM) {
		KUNIT_EXPECT_EQ(test, map_pfn(r, 0), DMA_MAPPING_ERROR);
		expect_not_mapped(r, 0, 1);
	}
}

static void alloc_not_allowed(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct hmm_dma_map map, zero = {};

	warns_once(test, HMM)
		KUNIT_EXPECT_EQ(test, -EINVAL,
				hmm_dma_map_alloc(f->dev, &map, 0, PAGE_SIZE));
	warns_once(test, HMM)
		KUNIT_EXPECT_EQ(test, -EINVAL,
				hmm_dma_map_alloc(f->dev, &map, 8, PAGE_SIZE / 2));
	warns_once(test, HMM)
		KUNIT_EXPECT_EQ(test, -EINVAL,
				hmm_dma_map_alloc(f->dev, &map, 9, 3 * PAGE_SIZE));
	warns_once(test, HMM)
		KUNIT_EXPECT_EQ(test, -EINVAL,
				hmm_dma_map_alloc(f->dev, &map, 3, 2 * PAGE_SIZE));
	KUNIT_EXPECT_MEMEQ(test, &map, &zero, sizeof(map));
}

static void expect_refused(struct fixture *f)
{
	struct hmm_dma_map map, zero = {};

	KUNIT_EXPECT_EQ(f->test, -EOPNOTSUPP,
			hmm_dma_map_alloc(f->dev, &map, 4, PAGE_SIZE));
	KUNIT_EXPECT_MEMEQ(f->test, &map, &zero, sizeof(map));
}

static void expect_not_refused(struct kunit *test, struct device *dev,
			       bool reserved)
{
	struct hmm_dma_map map;
	int err = hmm_dma_map_alloc(dev, &map, 4, PAGE_SIZE);

	KUNIT_EXPECT_EQ(test, 0, err);
	if (err)
		return;
	KUNIT_EXPECT_EQ(test, dma_use_iova(&map.state), reserved);
	hmm_dma_map_free(dev, &map);
}

/* It reaches all memory by IO addresses that it can have. */
static void alloc_narrow_device(struct kunit *test)
{
	struct fixture *f = test->priv;
	u64 mask = *f->dev->dma_mask;

	*f->dev->dma_mask = DMA_BIT_MASK(24);
	expect_not_refused(test, f->dev, true);
	*f->dev->dma_mask = mask;
}

#ifdef CONFIG_ARCH_HAS_SYNC_DMA_FOR_DEVICE
static void alloc_noncoherent_device(struct kunit *test)
{
	struct fixture *f = test->priv;

	fixture_set_coherent(f->dev, false);
	expect_refused(f);
	fixture_set_coherent(f->dev, true);
	expect_not_refused(test, f->dev, true);
}
#endif

static void alloc_too_large(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct hmm_dma_map map;

	KUNIT_EXPECT_EQ(test, -EOVERFLOW,
			hmm_dma_map_alloc(f->dev, &map, SIZE_MAX, PAGE_SIZE));
	KUNIT_EXPECT_NULL(test, map.pfn_list);
	KUNIT_EXPECT_EQ(test, -ENOMEM,
			hmm_dma_map_alloc(f->dev, &map, SIZE_MAX >> PAGE_SHIFT,
					  PAGE_SIZE));
	KUNIT_EXPECT_NULL(test, map.pfn_list);
}

/* One link of a large page for each entry */
static void large_entries(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct region *r = new_region(f, 4 * (SZ_2M >> PAGE_SHIFT), SZ_2M);
	size_t entry = SZ_2M >> PAGE_SHIFT;
	struct page *large = fixture_large_page(test);

	r->pfns[entry] = found(large, 0);
	r->pfns[2 * entry] = found(large + entry, 0);
	KUNIT_EXPECT_EQ(test, map_range(r, 0, r->nr), 2L);
	expect_mapped(r, entry, 1);
	expect_mapped(r, 2 * entry, 1);
	KUNIT_EXPECT_EQ(test, IS_ALIGNED(map_pfn(r, entry), SZ_2M), true);
	KUNIT_EXPECT_EQ(test, iommu_iova_to_phys(f->domain, map_pfn(r, entry) +
						 SZ_4M - PAGE_SIZE),
			page_to_phys(large) + SZ_4M - PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, spy.map_pages, 2);
	expect_not_mapped(r, 0, 1);

	KUNIT_EXPECT_TRUE(test, hmm_dma_unmap_pfn(f->dev, &r->map, entry));
	expect_mapped(r, 2 * entry, 1);
	fixture_expect_nothing_linked(f, r->map.state.addr + SZ_2M, SZ_2M);
	KUNIT_EXPECT_EQ(test, unmap_range(r, 0, r->nr), (size_t)1);
	KUNIT_EXPECT_EQ(test, spy.bytes_mapped, (ssize_t)0);
}

static void streaming_if_nothing_is_reserved(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct region *r = region_without_reservation(f, 4);

	KUNIT_ASSERT_NOT_NULL(test, r->map.dma_list);
	KUNIT_EXPECT_EQ(test, map_range(r, 2, 2), 2L);
	expect_mapped(r, 2, 2);
	KUNIT_EXPECT_EQ(test, map_range(r, 0, 4), 2L);
	expect_mapped(r, 0, 4);
	KUNIT_EXPECT_EQ(test, spy.bytes_mapped, 4 * (ssize_t)PAGE_SIZE);

	KUNIT_EXPECT_EQ(test, unmap_range(r, 1, 3), (size_t)3);
	expect_mapped(r, 0, 1);
	KUNIT_EXPECT_EQ(test, spy.bytes_mapped, (ssize_t)PAGE_SIZE);
	KUNIT_EXPECT_TRUE(test, hmm_dma_unmap_pfn(f->dev, &r->map, 0));
	KUNIT_EXPECT_EQ(test, spy.bytes_mapped, (ssize_t)0);
}

/* Each entry has one address, whatever number of pages it has. */
static void streaming_of_entries(struct kunit *test)
{
	struct fixture *f = test->priv;
	const size_t entry = 2, nr = 4 * entry;
	struct page *large = fixture_large_page(test);
	struct region *r;
	size_t i;

	dma_set_min_align_mask(f->dev, 2 * PAGE_SIZE - 1);
	r = new_region(f, nr, entry * PAGE_SIZE);
	dma_set_min_align_mask(f->dev, 0);
	KUNIT_ASSERT_NOT_NULL(test, r->map.dma_list);
	for (i = 0; i < nr; i += entry)
		r->pfns[i] = found(large + 2 * i, HMM_PFN_WRITE);
	KUNIT_EXPECT_EQ(test, map_range(r, entry, nr - entry), 3L);
	KUNIT_EXPECT_EQ(test, map_range(r, 0, nr), 1L);
	KUNIT_EXPECT_EQ(test, spy.bytes_mapped, (ssize_t)(nr * PAGE_SIZE));
	for (i = 0; i < nr; i += entry)
		expect_mapped(r, i, 1);

	KUNIT_EXPECT_EQ(test, unmap_range(r, 0, 2 * entry), (size_t)2);
	KUNIT_EXPECT_EQ(test, spy.bytes_mapped, (ssize_t)(2 * entry * PAGE_SIZE));
	expect_mapped(r, 2 * entry, 1);
	expect_mapped(r, 3 * entry, 1);
	KUNIT_EXPECT_EQ(test, unmap_range(r, 0, nr), (size_t)2);
	KUNIT_EXPECT_EQ(test, spy.bytes_mapped, (ssize_t)0);
}

static void range_fails_at_each_streaming_map(struct kunit *test)
{
	struct region *r = region_without_reservation(test->priv, 4);
	int n;

	for (n = 1; n <= 4; n++) {
		spy.fail_map = n;
		spy.fail_map_errno = -ENOMEM;
		KUNIT_EXPECT_EQ(test, map_range(r, 0, 4), (long)-ENOMEM);
		KUNIT_EXPECT_FALSE(test, is_mapped(r, 0));
		KUNIT_EXPECT_EQ(test, spy.bytes_mapped, (ssize_t)0);
	}
	KUNIT_EXPECT_EQ(test, map_range(r, 0, 4), 4L);
	expect_mapped(r, 0, 4);
}

/* The CPU moves the data. */
static void virtual_dma(struct kunit *test)
{
	struct page **pages = fixture_scattered_pages(test, 2);
	struct pci_p2pdma_map_state p2pdma = {};
	struct hmm_dma_map map;
	unsigned long pfns[] = { found(pages[0], 0), found(pages[1], 0) };

	KUNIT_ASSERT_EQ(test, 0, hmm_dma_map_alloc(NULL, &map, 2, PAGE_SIZE));
	KUNIT_EXPECT_FALSE(test, dma_use_iova(&map.state));
	KUNIT_EXPECT_NULL(test, map.dma_list);
	KUNIT_EXPECT_EQ(test, hmm_dma_map_range(NULL, &map, 0, 2, pfns), 2L);
	KUNIT_EXPECT_EQ(test, hmm_dma_map_pfn(NULL, &map, 1, &p2pdma),
			(dma_addr_t)(uintptr_t)page_address(pages[1]));
	KUNIT_EXPECT_EQ(test, hmm_dma_unmap_range(NULL, &map, 0, 2), (size_t)2);
	KUNIT_EXPECT_FALSE(test, hmm_dma_unmap_pfn(NULL, &map, 0));
	hmm_dma_map_free(NULL, &map);
	KUNIT_EXPECT_EQ(test, spy.map_pages, 0);
}

/* Flags of entries survive, whatever hmm_range_fault() finds. */
static bool nothing_to_invalidate(struct mmu_interval_notifier *mni,
				  const struct mmu_notifier_range *range,
				  unsigned long cur_seq)
{
	mmu_interval_set_seq(mni, cur_seq);
	return true;
}

static const struct mmu_interval_notifier_ops range_fault_ops = {
	.invalidate	= nothing_to_invalidate,
};

/* Find four pages, and ask for none that is not there. */
static void range_fault(struct kunit *test, unsigned long addr, unsigned long *pfns)
{
	struct mmu_interval_notifier notifier;
	struct hmm_range range = {
		.notifier	= &notifier,
		.start		= addr,
		.end		= addr + 4 * PAGE_SIZE,
		.hmm_pfns	= pfns,
	};

	KUNIT_ASSERT_EQ(test, 0,
			mmu_interval_notifier_insert(&notifier, current->mm, addr,
						     4 * PAGE_SIZE,
						     &range_fault_ops));
	range.notifier_seq = mmu_interval_read_begin(&notifier);
	mmap_read_lock(current->mm);
	KUNIT_EXPECT_EQ(test, 0, hmm_range_fault(&range));
	mmap_read_unlock(current->mm);
	mmu_interval_notifier_remove(&notifier);
}

#define KEPT_FLAGS	(HMM_PFN_DMA_MAPPED | HMM_PFN_P2PDMA | HMM_PFN_P2PDMA_BUS)

static void range_fault_keeps_flags(struct kunit *test)
{
	const unsigned long flags = KEPT_FLAGS;
	unsigned long pfns[4] = { flags, flags, 0, flags };
	unsigned long addr;

	/* A page, one that is not there, one that is; and no vma */
	addr = kunit_vm_mmap(test, NULL, 0, 4 * PAGE_SIZE, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, 0);
	KUNIT_ASSERT_FALSE(test, IS_ERR_OR_NULL((void *)addr));
	KUNIT_ASSERT_EQ(test, 0, vm_munmap(addr + 3 * PAGE_SIZE, PAGE_SIZE));
	KUNIT_ASSERT_EQ(test, 0, put_user(1, (char __user *)addr));
	KUNIT_ASSERT_EQ(test, 0, put_user(1, (char __user *)addr + 2 * PAGE_SIZE));
	range_fault(test, addr, pfns);

	KUNIT_EXPECT_EQ(test, pfns[0] & HMM_PFN_DMA_FLAGS, flags);
	KUNIT_EXPECT_TRUE(test, pfns[0] & HMM_PFN_VALID);
	KUNIT_EXPECT_EQ(test, pfns[1], flags);
	KUNIT_EXPECT_EQ(test, pfns[2] & HMM_PFN_DMA_FLAGS, 0UL);
	KUNIT_EXPECT_TRUE(test, pfns[2] & HMM_PFN_WRITE);
	KUNIT_EXPECT_EQ(test, pfns[3], flags | HMM_PFN_ERROR);
	KUNIT_EXPECT_EQ(test, hmm_pfn_to_map_order(pfns[0]), 0U);
}

/* hugetlb_file_setup() is internal to the kernel, and need not be alike in mainline. */
#if defined(CONFIG_TRANSPARENT_HUGEPAGE) && defined(CONFIG_HUGETLB_PAGE) && \
	!defined(DMA_IOVA_MAINLINE)
#define HAVE_LARGER_PAGES
#endif

#ifdef HAVE_LARGER_PAGES
/* Four pages within one that is larger */
static void expect_flags_kept_in_larger_page(struct kunit *test, unsigned long addr,
					     size_t size)
{
	unsigned long pfns[4] = { KEPT_FLAGS, HMM_PFN_DMA_MAPPED, 0, KEPT_FLAGS };
	unsigned long before[4];
	int i;

	memcpy(before, pfns, sizeof(before));
	KUNIT_ASSERT_EQ(test, 0, put_user(1, (char __user *)addr));
	range_fault(test, addr + PAGE_SIZE, pfns);
	for (i = 0; i < 4; i++) {
		KUNIT_EXPECT_EQ(test, pfns[i] & HMM_PFN_DMA_FLAGS, before[i]);
		KUNIT_EXPECT_TRUE(test, pfns[i] & HMM_PFN_WRITE);
		KUNIT_EXPECT_EQ(test, hmm_pfn_to_phys(pfns[i]),
				hmm_pfn_to_phys(pfns[0]) + i * PAGE_SIZE);
		KUNIT_EXPECT_EQ(test, hmm_pfn_to_map_order(pfns[i]),
				(unsigned int)get_order(size));
	}
}

static void range_fault_keeps_flags_in_huge_page(struct kunit *test)
{
	unsigned long addr = (unsigned long)fixture_user_memory(test, 2 * HPAGE_SIZE);

	fixture_want_huge_pages(test, addr);
	expect_flags_kept_in_larger_page(test, ALIGN(addr, HPAGE_SIZE), HPAGE_SIZE);
}

static void set_overcommit(unsigned long nr)
{
	spin_lock_irq(&hugetlb_lock);
	default_hstate.nr_overcommit_huge_pages = nr;
	spin_unlock_irq(&hugetlb_lock);
}

static void restore_overcommit(void *nr)
{
	set_overcommit((unsigned long)nr);
}

/* The pool is empty, so have hugetlb take what it needs from free memory. */
static void allow_overcommit(struct kunit *test)
{
	unsigned long was = default_hstate.nr_overcommit_huge_pages;

	set_overcommit(was + 1);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, restore_overcommit,
							   (void *)was));
}

static void range_fault_keeps_flags_in_hugetlb(struct kunit *test)
{
	size_t size = huge_page_size(&default_hstate);
	struct file *file;
	unsigned long addr;

	allow_overcommit(test);
	file = hugetlb_file_setup("hmm_dma", size, VM_NORESERVE, HUGETLB_ANONHUGE_INODE,
				  huge_page_shift(&default_hstate));
	KUNIT_ASSERT_FALSE(test, IS_ERR(file));
	addr = kunit_vm_mmap(test, file, 0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, 0);
	fput(file);
	KUNIT_ASSERT_FALSE(test, IS_ERR_OR_NULL((void *)addr));
	expect_flags_kept_in_larger_page(test, addr, size);
}
#endif

/* Memory in a PCI device */

static void map_for(struct fixture *f, struct pci_dev *pdev)
{
	f->dev = &pdev->dev;
	if (!f->domain)
		return;
	f->domain = iommu_get_dma_domain(f->dev);
	KUNIT_ASSERT_EQ(f->test, 0, spy_insert(f->test));
}

/* To a device, its own memory is on its own bus. */
static void p2p_bus_address(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct pci_dev *pdev = p2pmem_get(test);
	struct page *pages = p2pmem_pages(test, pdev, 2);
	struct device *edu = f->dev;
	struct region *r;
	int i;

	map_for(f, pdev);
	r = scattered_region(f, 4);
	r->pfns[1] = found(pages, HMM_PFN_WRITE);
	r->pfns[2] = found(pages + 1, HMM_PFN_WRITE);
	KUNIT_EXPECT_EQ(test, map_range(r, 0, 4), 4L);
	KUNIT_EXPECT_EQ(test, spy.map_pages, 2);
	expect_mapped(r, 0, 1);
	expect_mapped(r, 3, 1);
	for (i = 1; i <= 2; i++) {
		KUNIT_EXPECT_TRUE(test, is_mapped(r, i));
		KUNIT_EXPECT_TRUE(test, r->map.pfn_list[i] & HMM_PFN_P2PDMA_BUS);
		KUNIT_EXPECT_EQ(test, map_pfn(r, i),
				pci_p2pmem_virt_to_bus(pdev, page_address(pages + i - 1)));
	}
	fixture_expect_nothing_linked(f, r->map.state.addr + PAGE_SIZE,
				      2 * PAGE_SIZE);

	KUNIT_EXPECT_EQ(test, unmap_range(r, 0, 4), (size_t)4);
	KUNIT_EXPECT_EQ(test, r->map.pfn_list[1] & HMM_PFN_DMA_FLAGS, 0UL);
	expect_not_mapped(r, 0, 4);
	KUNIT_EXPECT_EQ(test, spy.bytes_mapped, (ssize_t)0);
	kunit_release_action(test, free_region, r);
	f->dev = edu;
}

static void p2p_through_host_bridge(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct pci_dev *pdev = p2pmem_get(test);
	struct page *pages = p2pmem_pages(test, pdev, 2);
	struct region *r = scattered_region(f, 4);

	p2pmem_allow_host_bridge(test, pdev);
	r->pfns[1] = found(pages, HMM_PFN_WRITE);
	r->pfns[2] = found(pages + 1, HMM_PFN_WRITE);
	KUNIT_EXPECT_EQ(test, map_range(r, 1, 2), 2L);
	KUNIT_EXPECT_TRUE(test, spy.prot & IOMMU_MMIO);
	KUNIT_EXPECT_FALSE(test, spy.prot & IOMMU_CACHE);
	KUNIT_EXPECT_EQ(test, map_range(r, 0, 4), 2L);
	KUNIT_EXPECT_FALSE(test, spy.prot & IOMMU_MMIO);
	expect_mapped(r, 0, 4);
	KUNIT_EXPECT_TRUE(test, r->map.pfn_list[1] & HMM_PFN_P2PDMA);
	KUNIT_EXPECT_FALSE(test, r->map.pfn_list[1] & HMM_PFN_P2PDMA_BUS);
	KUNIT_EXPECT_FALSE(test, r->map.pfn_list[0] & HMM_PFN_P2PDMA);

	KUNIT_EXPECT_EQ(test, unmap_range(r, 0, 4), (size_t)4);
	expect_not_mapped(r, 0, 4);
	KUNIT_EXPECT_EQ(test, spy.bytes_mapped, (ssize_t)0);
}

/* In one batch, with either kind first. The spy remembers the last link. */
static void p2p_beside_memory(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct pci_dev *pdev = p2pmem_get(test);
	struct page *pages = p2pmem_pages(test, pdev, 2);
	struct region *r = scattered_region(f, 4);
	unsigned long first, second;

	p2pmem_allow_host_bridge(test, pdev);
	first = r->pfns[2];
	second = r->pfns[3];
	r->pfns[2] = found(pages, HMM_PFN_WRITE);
	r->pfns[3] = found(pages + 1, HMM_PFN_WRITE);
	KUNIT_EXPECT_EQ(test, map_range(r, 0, 4), 4L);
	KUNIT_EXPECT_TRUE(test, spy.prot & IOMMU_MMIO);
	KUNIT_EXPECT_FALSE(test, r->map.pfn_list[1] & HMM_PFN_P2PDMA);
	KUNIT_EXPECT_TRUE(test, r->map.pfn_list[2] & HMM_PFN_P2PDMA);
	expect_mapped(r, 0, 4);
	KUNIT_EXPECT_EQ(test, unmap_range(r, 0, 4), (size_t)4);

	r->pfns[0] = r->pfns[2];
	r->pfns[1] = r->pfns[3];
	r->pfns[2] = first;
	r->pfns[3] = second;
	KUNIT_EXPECT_EQ(test, map_range(r, 0, 4), 4L);
	KUNIT_EXPECT_FALSE(test, spy.prot & IOMMU_MMIO);
	KUNIT_EXPECT_TRUE(test, r->map.pfn_list[1] & HMM_PFN_P2PDMA);
	KUNIT_EXPECT_FALSE(test, r->map.pfn_list[2] & HMM_PFN_P2PDMA);
	expect_mapped(r, 0, 4);
	KUNIT_EXPECT_EQ(test, unmap_range(r, 0, 4), (size_t)4);
	expect_not_mapped(r, 0, 4);
	KUNIT_EXPECT_EQ(test, spy.bytes_mapped, (ssize_t)0);
}

/* Without a reservation it is mapped as device memory, too. */
static void p2p_without_reservation(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct pci_dev *pdev = p2pmem_get(test);
	struct page *pages = p2pmem_pages(test, pdev, 1);
	struct region *r;

	p2pmem_allow_host_bridge(test, pdev);
	r = region_without_reservation(f, 2);
	r->pfns[1] = found(pages, HMM_PFN_WRITE);
	KUNIT_EXPECT_EQ(test, map_range(r, 0, 2), 2L);
	KUNIT_EXPECT_TRUE(test, spy.prot & IOMMU_MMIO);
	KUNIT_EXPECT_FALSE(test, spy.prot & IOMMU_CACHE);
	expect_mapped(r, 0, 2);
	KUNIT_EXPECT_EQ(test, unmap_range(r, 0, 2), (size_t)2);
	KUNIT_EXPECT_EQ(test, spy.bytes_mapped, (ssize_t)0);
}

static void p2p_not_supported(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page *pages = p2pmem_pages(test, p2pmem_get(test), 1);
	struct region *r = scattered_region(f, 1);

	r->map.pfn_list[0] = found(pages, HMM_PFN_WRITE);
	KUNIT_EXPECT_EQ(test, map_pfn(r, 0), DMA_MAPPING_ERROR);
	expect_not_mapped(r, 0, 1);
	KUNIT_EXPECT_EQ(test, spy.bytes_mapped, (ssize_t)0);
}

static void range_ends_in_p2p_not_supported(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page *pages = p2pmem_pages(test, p2pmem_get(test), 1);
	struct region *r = scattered_region(f, MANY);

	r->pfns[MANY - 1] = found(pages, HMM_PFN_WRITE);
	KUNIT_EXPECT_EQ(test, map_range(r, 0, MANY), (long)-EREMOTEIO);
	expect_not_mapped(r, 0, MANY);
	KUNIT_EXPECT_EQ(test, spy.bytes_mapped, (ssize_t)0);
}

/* Behind a mock IOMMU */

static const struct mock_iommu_config small_pages = {
	.page_sizes	= SZ_4K,
	.aperture	= SZ_16M,
	.type		= IOMMU_DOMAIN_DMA,
	.map_vec	= true,
};

/* All IO addresses are there again, and nothing is left that the device sees. */
static void free_gives_reservation_back(struct kunit *test)
{
	struct fixture *f = fixture_mock(test, &small_pages);
	int before = mock_iommu_count_free(test, f->mock);
	struct region *r = scattered_region(f, MANY);

	KUNIT_EXPECT_EQ(test, map_range(r, 0, MANY), (long)MANY);
	KUNIT_EXPECT_EQ(test, f->mock->state.seen, MANY * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, unmap_range(r, 0, MANY), (size_t)MANY);
	KUNIT_EXPECT_EQ(test, f->mock->state.seen, (size_t)0);
	kunit_release_action(test, free_region, r);
	KUNIT_EXPECT_EQ(test, mock_iommu_count_free(test, f->mock), before);
	KUNIT_EXPECT_EQ(test, f->mock->state.mapped, (size_t)0);
}

static void expect_seen(struct region *r, size_t idx, size_t nr)
{
	struct fixture *f = r->f;
	size_t i;

	for (i = idx; i < idx + nr; i++)
		KUNIT_EXPECT_EQ(f->test, hmm_pfn_to_phys(r->pfns[i]),
				mock_iommu_device_sees(f->mock, r->map.state.addr +
								i * PAGE_SIZE));
	KUNIT_EXPECT_EQ(f->test, f->mock->state.seen, nr * PAGE_SIZE);
}

/* Of a part of the region, and of the rest of a part that is mapped already */
static void range_is_seen_where_it_is(struct kunit *test)
{
	struct fixture *f = fixture_mock(test, &small_pages);
	struct region *r = scattered_region(f, 8);

	KUNIT_EXPECT_EQ(test, map_range(r, 5, 3), 3L);
	expect_seen(r, 5, 3);
	KUNIT_EXPECT_EQ(test, unmap_range(r, 5, 3), (size_t)3);
	expect_seen(r, 5, 0);

	KUNIT_EXPECT_EQ(test, map_range(r, 5, 1), 1L);
	expect_seen(r, 5, 1);
	KUNIT_EXPECT_EQ(test, map_range(r, 5, 3), 2L);
	expect_seen(r, 5, 3);
}

/* Without an IOMMU */

/* There is nothing to remember, unless dma-debug wants to know. */
static void direct_moves_data(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct region *r = scattered_region(f, 2);
	struct page *from = hmm_pfn_to_page(r->pfns[0]);
	struct page *to = hmm_pfn_to_page(r->pfns[1]);

	KUNIT_EXPECT_FALSE(test, dma_use_iova(&r->map.state));
	KUNIT_EXPECT_EQ(test, !!r->map.dma_list,
			IS_ENABLED(CONFIG_DMA_API_DEBUG));
	KUNIT_EXPECT_EQ(test, map_range(r, 0, 2), 2L);
	KUNIT_EXPECT_EQ(test, map_pfn(r, 0), phys_to_dma(f->dev, page_to_phys(from)));
	KUNIT_EXPECT_EQ(test, map_pfn(r, 1), phys_to_dma(f->dev, page_to_phys(to)));
	fixture_fill_page(from, 1);
	edu_copy(test, f->edu, map_pfn(r, 1), map_pfn(r, 0), PAGE_SIZE);
	KUNIT_EXPECT_MEMEQ(test, page_address(to), page_address(from), PAGE_SIZE);

	KUNIT_EXPECT_EQ(test, unmap_range(r, 0, 2), (size_t)2);
	KUNIT_EXPECT_FALSE(test, is_mapped(r, 0));
	KUNIT_EXPECT_FALSE(test, hmm_dma_unmap_pfn(f->dev, &r->map, 1));
}

static void direct_p2p(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct pci_dev *pdev = p2pmem_get(test);
	struct page *pages = p2pmem_pages(test, pdev, 1);
	struct region *r = scattered_region(f, 2);

	p2pmem_allow_host_bridge(test, pdev);
	r->pfns[1] = found(pages, HMM_PFN_WRITE);
	KUNIT_EXPECT_EQ(test, map_range(r, 0, 2), 2L);
	KUNIT_EXPECT_TRUE(test, r->map.pfn_list[1] & HMM_PFN_P2PDMA);
	KUNIT_EXPECT_EQ(test, map_pfn(r, 1), phys_to_dma(f->dev, page_to_phys(pages)));
	edu_copy(test, f->edu, map_pfn(r, 1), map_pfn(r, 0), PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, unmap_range(r, 0, 2), (size_t)2);
}

/* A page that is mapped is not mapped anew to learn its address. */
static void direct_address_is_computed(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct region *r = scattered_region(f, 1);
	u64 mask = *f->dev->dma_mask;
	dma_addr_t addr;

	KUNIT_EXPECT_EQ(test, map_range(r, 0, 1), 1L);
	/* From now on no mapping would succeed. */
	*f->dev->dma_mask = DMA_BIT_MASK(12);
	addr = map_pfn(r, 0);
	*f->dev->dma_mask = mask;
	KUNIT_EXPECT_EQ(test, addr,
			phys_to_dma(f->dev, hmm_pfn_to_phys(r->pfns[0])));
	KUNIT_EXPECT_EQ(test, unmap_range(r, 0, 1), (size_t)1);
}

/* It cannot reach all memory, and any page may come next. */
static void direct_narrow_device(struct kunit *test)
{
	struct fixture *f = test->priv;
	u64 mask = *f->dev->dma_mask, limit = f->dev->bus_dma_limit;

	*f->dev->dma_mask = DMA_BIT_MASK(24);
	expect_refused(f);
	*f->dev->dma_mask = mask;
	f->dev->bus_dma_limit = DMA_BIT_MASK(24);
	expect_refused(f);
	f->dev->bus_dma_limit = limit;

	/* All of the memory of the guest is below. */
	*f->dev->dma_mask = DMA_BIT_MASK(32);
	expect_not_refused(test, f->dev, false);
	*f->dev->dma_mask = mask;
}

/* Something else of the device, such as kmalloc() memory, has been bounced. */
static void direct_after_bounce(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct region *r;

	dma_reset_need_sync(f->dev);
	KUNIT_EXPECT_TRUE(test, dma_need_unmap(f->dev));
	expect_not_refused(test, f->dev, false);
	r = scattered_region(f, 2);
	KUNIT_EXPECT_EQ(test, map_range(r, 0, 2), 2L);
	KUNIT_EXPECT_EQ(test, map_pfn(r, 1),
			phys_to_dma(f->dev, hmm_pfn_to_phys(r->pfns[1])));
	KUNIT_EXPECT_EQ(test, unmap_range(r, 0, 2), (size_t)2);

	/* Back to as if nothing had been bounced */
	KUNIT_EXPECT_EQ(test, 0, dma_set_mask(f->dev, *f->dev->dma_mask));
}

/* Whole pages are never bounced, whatever else is. */
static void bounce_whole_pages(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct region *r = scattered_region(f, 2);
	struct page *ragged = fixture_lone_page(test);
	dma_addr_t addr;

	KUNIT_EXPECT_EQ(test, map_range(r, 0, 2), 2L);
	expect_mapped(r, 0, 2);

	addr = dma_map_page(f->dev, ragged, 64, 64, DMA_BIDIRECTIONAL);
	KUNIT_ASSERT_FALSE(test, dma_mapping_error(f->dev, addr));
	KUNIT_EXPECT_NE(test, iommu_iova_to_phys(f->domain, addr),
			page_to_phys(ragged) + 64);
	expect_not_refused(test, f->dev, true);
	dma_unmap_page(f->dev, addr, 64, DMA_BIDIRECTIONAL);
	expect_not_refused(test, f->dev, true);
	KUNIT_EXPECT_EQ(test, unmap_range(r, 0, 2), (size_t)2);
	expect_not_mapped(r, 0, 2);
}

/* The process goes on to write to its page while the device uses the buffer. */
static void swiotlb_refused(struct kunit *test)
{
	struct fixture *f = test->priv;
	u64 mask = *f->dev->dma_mask;

	expect_refused(f);
	*f->dev->dma_mask = DMA_BIT_MASK(24);
	expect_refused(f);
	*f->dev->dma_mask = mask;
	dma_reset_need_sync(f->dev);
	expect_refused(f);
}

/* As when memory is added that the device does not reach */
static void swiotlb_necessary_later(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct io_tlb_mem *mem = f->dev->dma_io_tlb_mem;
	long slots = fixture_slots_used(f);
	struct region *r;

	mem->force_bounce = false;
	r = scattered_region(f, 2);
	mem->force_bounce = true;
	KUNIT_EXPECT_EQ(test, map_range(r, 0, 2), -ENOMEM);
	KUNIT_EXPECT_FALSE(test, is_mapped(r, 0));
	KUNIT_EXPECT_EQ(test, slots, fixture_slots_used(f));
}

/* The CPU moves the data, and bounces nothing. */
static void swiotlb_virtual_dma(struct kunit *test)
{
	expect_not_refused(test, NULL, false);
}

static struct kunit_case iommu_cases[] = {
	KUNIT_CASE(map_pfn_links_once),
	KUNIT_CASE(unmap_pfn_unlinks_once),
	CASE_OF_OURS(range_is_one_batch, HMM_RANGE),
	CASE_OF_OURS(range_with_holes, HMM_RANGE),
	CASE_OF_OURS(range_upgrade_to_write, HMM_RANGE),
	CASE_OF_OURS(range_ignores_flags_of_array, HMM_RANGE),
	CASE_OF_OURS(range_fails_at_each_link, HMM_RANGE),
	CASE_OF_OURS(range_fails_before_stale_flags, HMM_RANGE),
	CASE_OF_OURS(range_sync_fails, HMM_RANGE),
	KUNIT_CASE(map_pfn_fails),
	CASE_OF_OURS(map_pfn_without_page, MISUSE),
	CASE_OF_OURS(alloc_not_allowed, MISUSE),
	KUNIT_CASE(alloc_narrow_device),
#ifdef CONFIG_ARCH_HAS_SYNC_DMA_FOR_DEVICE
	KUNIT_CASE(alloc_noncoherent_device),
#endif
	KUNIT_CASE(alloc_too_large),
	CASE_OF_OURS(large_entries, MISUSE),
	KUNIT_CASE(streaming_if_nothing_is_reserved),
	CASE_OF_OURS(streaming_of_entries, HMM_RANGE),
	CASE_OF_OURS(range_fails_at_each_streaming_map, HMM_RANGE),
	CASE_OF_OURS(virtual_dma, MISUSE),
	KUNIT_CASE(range_fault_keeps_flags),
#ifdef HAVE_LARGER_PAGES
	KUNIT_CASE(range_fault_keeps_flags_in_huge_page),
	KUNIT_CASE(range_fault_keeps_flags_in_hugetlb),
#endif
	KUNIT_CASE(p2p_bus_address),
	KUNIT_CASE(p2p_through_host_bridge),
	KUNIT_CASE(p2p_beside_memory),
	KUNIT_CASE(p2p_without_reservation),
	KUNIT_CASE(p2p_not_supported),
	CASE_OF_OURS(range_ends_in_p2p_not_supported, HMM_RANGE),
	{}
};

static struct kunit_suite iommu_suite = {
	.name		= "hmm_dma",
	.suite_init	= warnings_start,
	.suite_exit	= warnings_stop,
	.init		= spy_init_iommu,
	.exit		= warnings_check,
	.test_cases	= iommu_cases,
};

static struct kunit_case mock_cases[] = {
	KUNIT_CASE(free_gives_reservation_back),
	CASE_OF_OURS(range_is_seen_where_it_is, HMM_RANGE),
	{}
};

static struct kunit_suite mock_suite = {
	.name		= "hmm_dma_mock",
	.suite_init	= warnings_start,
	.suite_exit	= warnings_stop,
	.exit		= warnings_check,
	.test_cases	= mock_cases,
};

static struct kunit_case direct_cases[] = {
	KUNIT_CASE(direct_moves_data),
	KUNIT_CASE(direct_p2p),
	CASE_OF_OURS(direct_address_is_computed, MISUSE),
	KUNIT_CASE(direct_narrow_device),
	KUNIT_CASE(direct_after_bounce),
	{}
};

static struct kunit_suite direct_suite = {
	.name		= "hmm_dma_direct",
	.suite_init	= warnings_start,
	.suite_exit	= warnings_stop,
	.init		= fixture_init_direct,
	.exit		= warnings_check,
	.test_cases	= direct_cases,
};

static struct kunit_case bounce_cases[] = {
	KUNIT_CASE(bounce_whole_pages),
	{}
};

static struct kunit_suite bounce_suite = {
	.name		= "hmm_dma_bounce",
	.suite_init	= warnings_start,
	.suite_exit	= warnings_stop,
	.init		= fixture_init_bounce,
	.exit		= warnings_check,
	.test_cases	= bounce_cases,
};

static struct kunit_case swiotlb_cases[] = {
	KUNIT_CASE(swiotlb_refused),
	CASE_OF_OURS(swiotlb_necessary_later, MISUSE),
	CASE_OF_OURS(swiotlb_virtual_dma, MISUSE),
	{}
};

static struct kunit_suite swiotlb_suite = {
	.name		= "hmm_dma_swiotlb",
	.suite_init	= warnings_start,
	.suite_exit	= warnings_stop,
	.init		= fixture_init_forced_swiotlb,
	.exit		= warnings_check,
	.test_cases	= swiotlb_cases,
};

kunit_test_suites(&iommu_suite, &mock_suite, &direct_suite, &bounce_suite,
		  &swiotlb_suite);

MODULE_DESCRIPTION("KUnit suites of the DMA mapping of HMM");
MODULE_LICENSE("GPL");
