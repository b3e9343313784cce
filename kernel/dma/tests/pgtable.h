/* SPDX-License-Identifier: GPL-2.0 */
/* Functions that the suites of page tables share, for all IOMMU drivers */
#ifndef _DMA_TESTS_PGTABLE_H
#define _DMA_TESTS_PGTABLE_H

#include <kunit/test.h>
#include <linux/io-pgtable.h>
#include <linux/prandom.h>

/* Ranges of an array */
#define PGTABLE_RANGES	64

struct pgtable {
	struct kunit *test;
	struct io_pgtable_ops *ops;
	/* One bit for each page size; the smallest; a larger one for ranges to fit */
	unsigned long pgsizes;
	size_t granule;
	size_t block;
	int prot;
};

int pgtable_map_vec(struct pgtable *pt, unsigned long iova,
		    const struct phys_vec *vec, size_t nr, size_t *mapped);
int pgtable_map_page(struct pgtable *pt, unsigned long iova, phys_addr_t paddr,
		     size_t pgsize);
/* A reference for map_vec(): page by page, each as large as it can be */
void pgtable_map_pages(struct pgtable *pt, unsigned long iova,
		       const struct phys_vec *vec, size_t nr);

/* The first @mapped bytes of the ranges are mapped, and the page behind is not. */
void pgtable_expect(struct pgtable *pt, unsigned long iova,
		    const struct phys_vec *vec, size_t nr, size_t mapped);

/* Pages and blocks, aligned like @iova or not, or back to back. Returns the number. */
size_t pgtable_random_ranges(struct pgtable *pt, struct rnd_state *rnd,
			     unsigned long iova, struct phys_vec *vec);
/* PGTABLE_RANGES pages, none next to another. Returns the number of bytes. */
size_t pgtable_scattered_pages(struct pgtable *pt, struct phys_vec *vec);

#endif /* _DMA_TESTS_PGTABLE_H */
