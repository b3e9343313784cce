/* SPDX-License-Identifier: GPL-2.0 */
/* What the suites of the two-step DMA API have in common. */
#ifndef _DMA_TESTS_FIXTURE_H
#define _DMA_TESTS_FIXTURE_H

#include <kunit/test.h>
#include <linux/dma-mapping.h>

#include "edu.h"
#include "mock_iommu.h"
#include "warnings.h"

/* Where misuse is caught: at the entry, or where the granule is known */
#define ENTRY	"mapping.c"
#define ENGINE	"dma-iova.c"

/* Longer than a flush queue of the default kind keeps anything (10 ms) */
#define FLUSH_QUEUE_MS	50

struct bio_vec;

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

/*
 * For a case that runs behind a mock IOMMU. The device is one that does nothing;
 * but an untrusted one is on the PCI bus, so that is edu, which must not be behind
 * another IOMMU, and swiotlb must be there. Otherwise the case is skipped.
 */
struct fixture *fixture_mock(struct kunit *test,
			     const struct mock_iommu_config *config);
struct fixture *fixture_mock_untrusted(struct kunit *test,
				       const struct mock_iommu_config *config);

/* A page whose successor is not part of anything that is mapped */
struct page *fixture_lone_page(struct kunit *test);
struct page **fixture_scattered_pages(struct kunit *test, int nr);
/* Page after page, the first from @into on, and of the last one @tail bytes */
struct bio_vec *fixture_scattered_data(struct kunit *test, int nr,
				       unsigned int into, unsigned int tail);
/* 4 MiB in one piece */
struct page *fixture_large_page(struct kunit *test);
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

/* The variable behind a file in debugfs, of whatever type it is */
void *fixture_debugfs(struct kunit *test, const char *dir, const char *file);

#endif /* _DMA_TESTS_FIXTURE_H */
