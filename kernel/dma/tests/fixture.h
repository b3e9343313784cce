/* SPDX-License-Identifier: GPL-2.0 */
/* Functions that the suites of the two-step DMA API share */
#ifndef _DMA_TESTS_FIXTURE_H
#define _DMA_TESTS_FIXTURE_H

#include <kunit/test.h>
#include <linux/dma-mapping.h>
#include <linux/mutex.h>

#include "edu.h"
#include "mock_iommu.h"
#include "warnings.h"

/* The files that catch misuse: at the entry, or with the granule known */
#define ENTRY	"mapping.c"
#define ENGINE	"dma-iova.c"

/*
 * What a table of the last level maps, and a large page in its place, with granules of
 * the kernel's page size
 */
#define TABLE_SIZE	(PAGE_SIZE / sizeof(u64) * PAGE_SIZE)

/*
 * A case about something that mainline's API does not have, or that its documentation
 * leaves open. mainline.h has the reasons; mainline skips the case.
 */
#ifndef DMA_IOVA_MAINLINE
#define CASE_OF_OURS(run, ...)		KUNIT_CASE(run)
#define CASE_OF_OURS_SLOW(run, ...)	KUNIT_CASE_SLOW(run)
/* For a case that does such things beside others */
#define API_OF_OURS			true
#endif

struct bio_vec;
struct kprobe;

struct fixture {
	struct kunit *test;
	struct edu *edu;
	struct mock_iommu *mock;
	struct device *dev;
	struct iommu_domain *domain;
	size_t granule;
};

/* .init of a suite; they skip its cases if the machine is of another kind. */
int fixture_init_iommu(struct kunit *test);
int fixture_init_bounce(struct kunit *test);
int fixture_init_direct(struct kunit *test);
int fixture_init_forced_swiotlb(struct kunit *test);
/*
 * For a suite of the mock IOMMU that takes seconds. It is skipped behind an IOMMU,
 * which would not change the result.
 */
int fixture_init_long_mock(struct kunit *test);
void fixture_need_two_cpus(struct kunit *test);
/* For a suite behind an IOMMU */
void fixture_need_strict_mode(struct kunit *test);

/* Where the architecture maintains caches. All devices are coherent elsewhere. */
static inline void fixture_set_coherent(struct device *dev, bool coherent)
{
#if defined(CONFIG_ARCH_HAS_SYNC_DMA_FOR_DEVICE) || \
	defined(CONFIG_ARCH_HAS_SYNC_DMA_FOR_CPU)
	dev->dma_coherent = coherent;
#endif
}

/*
 * For a case that runs behind a mock IOMMU. The device does nothing. An untrusted
 * device has to be on the PCI bus, so it is edu. The case is skipped if edu is behind
 * another IOMMU, or if there is no swiotlb.
 */
struct fixture *fixture_mock(struct kunit *test,
			     const struct mock_iommu_config *config);
/* With pages of the kernel's size, in strict mode */
struct fixture *fixture_strict_mock(struct kunit *test);
struct fixture *fixture_mock_untrusted(struct kunit *test,
				       const struct mock_iommu_config *config);

/* A page whose successor is not part of anything that is mapped */
struct page *fixture_lone_page(struct kunit *test);
struct page **fixture_scattered_pages(struct kunit *test, int nr);
/* @nr pages: the first one from @into on, the last one up to @tail */
struct bio_vec *fixture_scattered_data(struct kunit *test, int nr,
				       unsigned int into, unsigned int tail);
/* 4 MiB in one piece */
struct page *fixture_large_page(struct kunit *test);
/* Byte @i of the data of @seed; another seed gives other data */
static inline u8 fixture_byte(int seed, size_t i)
{
	return seed * 31 + i * 7 + (i >> 8);
}

void fixture_fill(u8 *bytes, size_t size, int seed);
void fixture_fill_page(struct page *page, int seed);

dma_addr_t fixture_granule_of(struct fixture *f, dma_addr_t addr);
void fixture_expect_linked(struct fixture *f, const struct dma_iova_state *state,
			   size_t offset, phys_addr_t phys, size_t size);
void fixture_expect_nothing_linked(struct fixture *f, dma_addr_t addr, size_t size);
void fixture_expect_zero(struct kunit *test, const struct dma_iova_state *state);

/* All of these are bidirectional. */
void fixture_reserve(struct fixture *f, struct dma_iova_state *state, phys_addr_t phys,
		     size_t size);
void fixture_link_page(struct fixture *f, struct dma_iova_state *state, size_t offset,
		       struct page *page);
/* Reserve, link and sync; undone by fixture_destroy() */
void fixture_link_pages(struct fixture *f, struct dma_iova_state *state,
			struct page **pages, int nr);
void fixture_destroy(struct fixture *f, struct dma_iova_state *state,
		     size_t mapped_len);

/*
 * By the edu device. What it copies of a page are the first and the last bytes, since
 * it is slow. Pages of 4 KiB have no others.
 */
void fixture_copy_page_ends(struct fixture *f, dma_addr_t dst, dma_addr_t src);
void fixture_expect_same_page_ends(struct kunit *test, struct page *page,
				   struct page *want);
void fixture_expect_device_cannot_write(struct fixture *f, dma_addr_t addr,
					struct page *page);
void fixture_expect_device_writes(struct fixture *f, dma_addr_t addr,
				  struct page *page);

/* Wait until @counter, which something else changes, is not @was any more. */
void fixture_wait_for_change(struct kunit *test, int *counter, int was);

/* Wait until another thread waits for @lock, which is held until that. */
void fixture_wait_for_waiter(struct mutex *lock);

/*
 * In lazy mode: everything that has been unmapped for @dev has been invalidated,
 * its addresses are free, and the timer of the flush queue is off. It maps and unmaps
 * a page for that, which spies and the mock IOMMU count. Do not use it where a mapping
 * would hide what is tested.
 */
void fixture_drain_flush_queue(struct kunit *test, struct device *dev);

/* The IOVA allocator forgets its failures for @dev, and its caches are empty. */
void fixture_forget_addresses(struct device *dev);

/* Slots of bounce buffers in use, of the pool of the device */
long fixture_slots_used(struct fixture *f);

/* Memory of a process, which lasts as long as the test */
void __user *fixture_user_memory(struct kunit *test, size_t size);

/* Have the memory of a process at @addr come in huge pages. */
void fixture_want_huge_pages(struct kunit *test, unsigned long addr);

/* A probe by its symbol_name, for the rest of the test; any number of times */
void fixture_probe(struct kunit *test, struct kprobe *probe);

/* The exact number of pages that IOMMU drivers have for their tables */
long fixture_iommu_pages(void);

/* The variable behind a file in debugfs, of whatever type it is */
void *fixture_debugfs(struct kunit *test, const char *dir, const char *file);

#endif /* _DMA_TESTS_FIXTURE_H */
