/* SPDX-License-Identifier: GPL-2.0 */
/* What the suites of page tables by themselves have in common, whosever they are. */
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
	/* One bit for each page size; the smallest; and one that ranges may be good for */
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

/* Up to @mapped bytes of the ranges are mapped, and a page on nothing is. */
void pgtable_expect(struct pgtable *pt, unsigned long iova,
		    const struct phys_vec *vec, size_t nr, size_t mapped);

/* Pages and blocks, aligned to blocks like @iova or not, or back to back; how many */
size_t pgtable_random_ranges(struct pgtable *pt, struct rnd_state *rnd,
			     unsigned long iova, struct phys_vec *vec);
/* PGTABLE_RANGES pages, none of them next to another; how many bytes */
size_t pgtable_scattered_pages(struct pgtable *pt, struct phys_vec *vec);

#endif /* _DMA_TESTS_PGTABLE_H */
