// SPDX-License-Identifier: GPL-2.0
#include <kunit/test.h>
#include <linux/io-pgtable.h>
#include <linux/prandom.h>
#include <linux/sizes.h>

#include "pgtable.h"

int pgtable_map_vec(struct pgtable *pt, unsigned long iova,
		    const struct phys_vec *vec, size_t nr, size_t *mapped)
{
	*mapped = 0;
	return pt->ops->map_vec(pt->ops, iova, vec, nr, pt->prot, GFP_KERNEL,
				mapped);
}

int pgtable_map_page(struct pgtable *pt, unsigned long iova, phys_addr_t paddr,
		     size_t pgsize)
{
	size_t mapped = 0;
	int ret = pt->ops->map_pages(pt->ops, iova, paddr, pgsize, 1, pt->prot,
				     GFP_KERNEL, &mapped);

	if (!ret)
		KUNIT_EXPECT_EQ(pt->test, mapped, pgsize);
	return ret;
}

/* The largest page that the range can begin with */
static size_t largest_page(struct pgtable *pt, unsigned long iova,
			   phys_addr_t paddr, size_t size)
{
	unsigned long pgsizes = pt->pgsizes;
	size_t pgsize;

	for (; pgsizes; pgsizes ^= pgsize) {
		pgsize = 1UL << __fls(pgsizes);
		if (pgsize <= size && IS_ALIGNED(iova | paddr, pgsize))
			break;
	}
	return pgsize;
}

void pgtable_map_pages(struct pgtable *pt, unsigned long iova,
		       const struct phys_vec *vec, size_t nr)
{
	for (; nr; vec++, nr--) {
		size_t done = 0;

		while (done < vec->len) {
			size_t pgsize = largest_page(pt, iova, vec->paddr + done,
						     vec->len - done);

			KUNIT_ASSERT_EQ(pt->test, 0,
					pgtable_map_page(pt, iova,
							 vec->paddr + done,
							 pgsize));
			iova += pgsize;
			done += pgsize;
		}
	}
}

void pgtable_expect(struct pgtable *pt, unsigned long iova,
		    const struct phys_vec *vec, size_t nr, size_t mapped)
{
	size_t total = 0, wrong = 0;

	KUNIT_EXPECT_EQ(pt->test, (phys_addr_t)0,
			pt->ops->iova_to_phys(pt->ops, iova - pt->granule));
	for (; nr; vec++, nr--) {
		size_t done;

		for (done = 0; done < vec->len; done += pt->granule) {
			phys_addr_t phys = pt->ops->iova_to_phys(pt->ops,
								 iova + total);

			wrong += phys != (total < mapped ? vec->paddr + done : 0);
			total += pt->granule;
		}
	}
	KUNIT_EXPECT_EQ(pt->test, wrong, (size_t)0);
	KUNIT_EXPECT_LE(pt->test, mapped, total);
	KUNIT_EXPECT_EQ(pt->test, (phys_addr_t)0,
			pt->ops->iova_to_phys(pt->ops, iova + total));
}

size_t pgtable_random_ranges(struct pgtable *pt, struct rnd_state *rnd,
			     unsigned long iova, struct phys_vec *vec)
{
	size_t nr = 1 + prandom_u32_state(rnd) % PGTABLE_RANGES;
	size_t blocks = 0;
	size_t i;

	for (i = 0; i < nr; i++) {
		phys_addr_t paddr = SZ_4G + pt->granule *
				    (phys_addr_t)(prandom_u32_state(rnd) % SZ_1M);
		size_t len = pt->granule;

		switch (prandom_u32_state(rnd) % 8) {
		case 0:
			if (blocks++ < 4)
				len += 2 * pt->block;
			fallthrough;
		case 1:
			len += pt->granule * (prandom_u32_state(rnd) % 64);
			break;
		}
		switch (prandom_u32_state(rnd) % 4) {
		case 0:
			paddr = ALIGN_DOWN(paddr, pt->block) + iova % pt->block;
			break;
		case 1:
			if (i)
				paddr = vec[i - 1].paddr + vec[i - 1].len;
			break;
		}
		vec[i] = (struct phys_vec) { paddr, len };
		iova += len;
	}
	return nr;
}

size_t pgtable_scattered_pages(struct pgtable *pt, struct phys_vec *vec)
{
	size_t i;

	for (i = 0; i < PGTABLE_RANGES; i++)
		vec[i] = (struct phys_vec) {
			SZ_4G + 2 * i * pt->granule, pt->granule,
		};
	return PGTABLE_RANGES * pt->granule;
}
