// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite of map_vec() of Arm's page tables, by themselves: all granules and
 * both stages, without an IOMMU. What it maps must be what map_pages() maps, with
 * as many tables, which is to say with the same blocks.
 */
#include <kunit/device.h>
#include <kunit/test.h>
#include <linux/dma-mapping.h>
#include <linux/io-pgtable.h>
#include <linux/moduleparam.h>
#include <linux/prandom.h>
#include <linux/random.h>
#include <linux/sizes.h>
#include <linux/swiotlb.h>
#include <trace/events/dma.h>

#include "warnings.h"

static unsigned long seed = 1;
module_param(seed, ulong, 0444);
MODULE_PARM_DESC(seed, "of the random ranges; 0 takes a fresh one, which is printed");

#define MAX_RANGES	64
#define ROUNDS		20
#define PROT		(IOMMU_READ | IOMMU_WRITE)

/* Each with the block that a table of the last level covers */
static const unsigned long granules[] = {
	SZ_4K | SZ_2M | SZ_1G,
	SZ_16K | SZ_32M,
	SZ_64K | SZ_512M,
};

static const enum io_pgtable_fmt formats[] = {
	ARM_64_LPAE_S1,
	ARM_64_LPAE_S2,
};

struct table {
	struct kunit *test;
	struct io_pgtable_cfg cfg;
	struct io_pgtable_ops *ops;
	size_t granule;
	size_t block;
	int nr_allocs;
	/* The allocation that fails, counted down to 0 */
	int fail_alloc;
};

static void *table_alloc(void *cookie, size_t size, gfp_t gfp)
{
	struct table *table = cookie;

	if (table->fail_alloc && !--table->fail_alloc)
		return NULL;
	table->nr_allocs++;
	return (void *)__get_free_pages(gfp | __GFP_ZERO, get_order(size));
}

static void table_free_pages(void *cookie, void *pages, size_t size)
{
	free_pages((unsigned long)pages, get_order(size));
}

static void table_put(void *data)
{
	struct table *table = data;

	free_io_pgtable_ops(table->ops);
}

/* Lasts until the end of the test. */
static struct table *table_get(struct kunit *test, enum io_pgtable_fmt fmt,
			       unsigned long pgsizes, bool coherent)
{
	struct table *table = kunit_kzalloc(test, sizeof(*table), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, table);
	table->test = test;
	table->cfg = (struct io_pgtable_cfg) {
		.pgsize_bitmap	= pgsizes,
		.ias		= 48,
		.oas		= 48,
		.coherent_walk	= coherent,
		.iommu_dev	= test->priv,
		.alloc		= table_alloc,
		.free		= table_free_pages,
	};
	table->ops = alloc_io_pgtable_ops(fmt, &table->cfg, table);
	KUNIT_ASSERT_NOT_NULL(test, table->ops);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, table_put, table), 0);
	KUNIT_ASSERT_EQ(test, table->cfg.pgsize_bitmap, pgsizes);
	table->granule = 1UL << __ffs(pgsizes);
	table->block = 1UL << __ffs(pgsizes ^ table->granule);
	return table;
}

static int table_map_vec(struct table *table, unsigned long iova,
			 const struct phys_vec *vec, size_t nr, size_t *mapped)
{
	*mapped = 0;
	return table->ops->map_vec(table->ops, iova, vec, nr, PROT, GFP_KERNEL,
				   mapped);
}

/* The largest page that one can begin with */
static size_t largest_page(struct table *table, unsigned long iova,
			   phys_addr_t paddr, size_t size)
{
	unsigned long pgsizes = table->cfg.pgsize_bitmap;
	size_t pgsize;

	for (; pgsizes; pgsizes ^= pgsize) {
		pgsize = 1UL << __fls(pgsizes);
		if (pgsize <= size && IS_ALIGNED(iova | paddr, pgsize))
			break;
	}
	return pgsize;
}

/* A reference: page by page */
static void table_map_pages(struct table *table, unsigned long iova,
			    const struct phys_vec *vec, size_t nr)
{
	for (; nr; vec++, nr--) {
		size_t done = 0;

		while (done < vec->len) {
			size_t pgsize = largest_page(table, iova, vec->paddr + done,
						     vec->len - done);
			size_t mapped = 0;

			KUNIT_ASSERT_EQ(table->test, 0,
					table->ops->map_pages(table->ops, iova,
							      vec->paddr + done,
							      pgsize, 1, PROT,
							      GFP_KERNEL, &mapped));
			KUNIT_ASSERT_EQ(table->test, mapped, pgsize);
			iova += pgsize;
			done += pgsize;
		}
	}
}

static void table_unmap(struct table *table, unsigned long iova, size_t size)
{
	for (; size; size -= table->granule) {
		KUNIT_ASSERT_EQ(table->test, table->granule,
				table->ops->unmap_pages(table->ops, iova,
							table->granule, 1, NULL));
		iova += table->granule;
	}
}

/* Up to @mapped bytes of the ranges are mapped, and a table on nothing is. */
static void table_expect(struct table *table, unsigned long iova,
			 const struct phys_vec *vec, size_t nr, size_t mapped)
{
	size_t total = 0, wrong = 0;

	KUNIT_EXPECT_EQ(table->test, (phys_addr_t)0,
			table->ops->iova_to_phys(table->ops, iova - table->granule));
	for (; nr; vec++, nr--) {
		size_t done;

		for (done = 0; done < vec->len; done += table->granule) {
			phys_addr_t phys = table->ops->iova_to_phys(table->ops,
								    iova + total);

			wrong += phys != (total < mapped ? vec->paddr + done : 0);
			total += table->granule;
		}
	}
	KUNIT_EXPECT_EQ(table->test, wrong, (size_t)0);
	KUNIT_EXPECT_LE(table->test, mapped, total);
	KUNIT_EXPECT_EQ(table->test, (phys_addr_t)0,
			table->ops->iova_to_phys(table->ops, iova + total));
}

/* Pages and blocks, aligned to blocks like @iova or not, or back to back */
static size_t random_ranges(struct table *table, struct rnd_state *rnd,
			    unsigned long iova, struct phys_vec *vec)
{
	size_t nr = 1 + prandom_u32_state(rnd) % MAX_RANGES;
	size_t blocks = 0;
	size_t i;

	for (i = 0; i < nr; i++) {
		phys_addr_t paddr = SZ_4G + table->granule *
				    (prandom_u32_state(rnd) % SZ_1M);
		size_t len = table->granule;

		switch (prandom_u32_state(rnd) % 8) {
		case 0:
			if (blocks++ < 4)
				len = 2 * table->block + len;
			fallthrough;
		case 1:
			len += table->granule * (prandom_u32_state(rnd) % 16);
			break;
		}
		switch (prandom_u32_state(rnd) % 4) {
		case 0:
			paddr = ALIGN_DOWN(paddr, table->block) + iova % table->block;
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

static void expect_same_table(struct kunit *test, enum io_pgtable_fmt fmt,
			      unsigned long pgsizes, struct rnd_state *rnd)
{
	struct table *by_vec = table_get(test, fmt, pgsizes, true);
	struct table *by_pages = table_get(test, fmt, pgsizes, true);
	unsigned long iova = SZ_4G + by_vec->granule *
			     (1 + prandom_u32_state(rnd) % 1024);
	struct phys_vec vec[MAX_RANGES];
	size_t nr = random_ranges(by_vec, rnd, iova, vec);
	size_t size = 0, mapped, i;

	for (i = 0; i < nr; i++)
		size += vec[i].len;
	KUNIT_EXPECT_EQ(test, 0, table_map_vec(by_vec, iova, vec, nr, &mapped));
	KUNIT_EXPECT_EQ(test, mapped, size);
	table_expect(by_vec, iova, vec, nr, size);

	table_map_pages(by_pages, iova, vec, nr);
	table_expect(by_pages, iova, vec, nr, size);
	KUNIT_EXPECT_EQ(test, by_vec->nr_allocs, by_pages->nr_allocs);
}

static void map_vec_makes_the_same_table(struct kunit *test)
{
	unsigned long used_seed = seed ?: get_random_u32();
	struct rnd_state rnd;
	int i, g, s;

	kunit_info(test, "io_pgtable_arm_kunit.seed=%lu\n", used_seed);
	prandom_seed_state(&rnd, used_seed);
	for (i = 0; i < ROUNDS; i++) {
		for (g = 0; g < ARRAY_SIZE(granules); g++) {
			for (s = 0; s < ARRAY_SIZE(formats); s++)
				expect_same_table(test, formats[s], granules[g],
						  &rnd);
		}
	}
}

/* Single pages, none of them next to another */
static size_t scattered_pages(struct table *table, struct phys_vec *vec)
{
	size_t i;

	for (i = 0; i < MAX_RANGES; i++)
		vec[i] = (struct phys_vec) {
			SZ_4G + 2 * i * table->granule, table->granule,
		};
	return MAX_RANGES * table->granule;
}

/* The core undoes as much as the table says. */
static void map_vec_says_how_far_it_got(struct kunit *test)
{
	struct table *table = table_get(test, ARM_64_LPAE_S1, granules[0], true);
	unsigned long iova = SZ_4G + table->block - 10 * table->granule;
	struct phys_vec vec[MAX_RANGES];
	size_t size = scattered_pages(table, vec);
	size_t mapped, i;

	/* The second table of the last level; the first takes two above it, too */
	table->fail_alloc = 4;
	KUNIT_EXPECT_EQ(test, -ENOMEM, table_map_vec(table, iova, vec, MAX_RANGES,
						     &mapped));
	KUNIT_EXPECT_EQ(test, mapped, 10 * table->granule);
	table_expect(table, iova, vec, MAX_RANGES, mapped);
	table_unmap(table, iova, mapped);

	/* An address that the IOMMU does not have, wherever it is */
	for (i = 0; i < MAX_RANGES; i++) {
		phys_addr_t paddr = vec[i].paddr;

		vec[i].paddr = BIT_ULL(48);
		warnings_expect(test, "io-pgtable-arm.c");
		KUNIT_EXPECT_EQ(test, -ERANGE, table_map_vec(table, iova, vec,
							     MAX_RANGES, &mapped));
		KUNIT_EXPECT_EQ(test, warnings_taken(test), 1);
		KUNIT_EXPECT_EQ(test, mapped, i * table->granule);
		vec[i].paddr = paddr;
		table_expect(table, iova, vec, MAX_RANGES, mapped);
		table_unmap(table, iova, mapped);
	}
	KUNIT_EXPECT_EQ(test, 0, table_map_vec(table, iova, vec, MAX_RANGES, &mapped));
	KUNIT_EXPECT_EQ(test, mapped, size);
}

/* Nothing is written over. */
static void map_vec_over_a_mapping(struct kunit *test)
{
	struct table *table = table_get(test, ARM_64_LPAE_S1, granules[0], true);
	unsigned long iova = SZ_4G + SZ_1M;
	struct phys_vec vec[MAX_RANGES];
	struct phys_vec there = { SZ_8M, table->granule };
	size_t mapped, at;

	scattered_pages(table, vec);
	for (at = 0; at < 3; at++) {
		table_map_pages(table, iova + at * table->granule, &there, 1);
		warnings_expect(test, "io-pgtable-arm.c");
		KUNIT_EXPECT_EQ(test, -EEXIST, table_map_vec(table, iova, vec, 3,
							     &mapped));
		KUNIT_EXPECT_EQ(test, warnings_taken(test), 1);
		KUNIT_EXPECT_EQ(test, mapped, at * table->granule);
		KUNIT_EXPECT_EQ(test, there.paddr,
				table->ops->iova_to_phys(table->ops,
							 iova + at * table->granule));
		table_unmap(table, iova, mapped + table->granule);
		table_expect(table, iova, vec, 3, 0);
	}
}

static int syncs;
static size_t bytes_synced;

static void count_sync(void *data, struct device *dev, dma_addr_t dma_addr,
		       size_t size, enum dma_data_direction dir)
{
	syncs++;
	bytes_synced += size;
}

static void count_syncs_stop(void *data)
{
	unregister_trace_dma_sync_single_for_device(count_sync, NULL);
	tracepoint_synchronize_unregister();
}

/* An IOMMU that does not see the caches: once for what is in one table */
static void map_vec_syncs_once_per_table(struct kunit *test)
{
	struct phys_vec vec[MAX_RANGES];
	struct table *table;
	size_t size, mapped;
	unsigned long iova;

	/* io-pgtable takes no table that the IOMMU sees a copy of. */
	if (is_swiotlb_force_bounce(test->priv))
		kunit_skip(test, "boot without swiotlb=force");
	table = table_get(test, ARM_64_LPAE_S1, granules[0], false);
	iova = SZ_4G + table->block - 10 * table->granule;
	size = scattered_pages(table, vec);

	KUNIT_ASSERT_EQ(test, 0, table_map_vec(table, iova, vec, MAX_RANGES, &mapped));
	table_unmap(table, iova, size);

	KUNIT_ASSERT_EQ(test, 0, register_trace_dma_sync_single_for_device(count_sync,
									   NULL));
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, count_syncs_stop,
							   NULL));
	syncs = 0;
	bytes_synced = 0;
	KUNIT_EXPECT_EQ(test, 0, table_map_vec(table, iova, vec, MAX_RANGES, &mapped));
	KUNIT_EXPECT_EQ(test, syncs, 2);
	KUNIT_EXPECT_EQ(test, bytes_synced, MAX_RANGES * sizeof(u64));
	table_expect(table, iova, vec, MAX_RANGES, size);

	/* In front of a block, and behind it */
	vec[1] = (struct phys_vec) { SZ_4G + table->block, table->block };
	iova = SZ_8G + table->block - table->granule;
	KUNIT_EXPECT_EQ(test, 0, table_map_vec(table, iova, vec, 3, &mapped));
	table_expect(table, iova, vec, 3, mapped);
	table_unmap(table, iova, table->granule);
	table_unmap(table, iova + table->granule + table->block, table->granule);
	KUNIT_EXPECT_EQ(test, table->block,
			table->ops->unmap_pages(table->ops, iova + table->granule,
						table->block, 1, NULL));
	syncs = 0;
	bytes_synced = 0;
	KUNIT_EXPECT_EQ(test, 0, table_map_vec(table, iova, vec, 3, &mapped));
	KUNIT_EXPECT_EQ(test, syncs, 3);
	KUNIT_EXPECT_EQ(test, bytes_synced, 3 * sizeof(u64));
}

static int io_pgtable_arm_init(struct kunit *test)
{
	struct device *dev = kunit_device_register(test, "io_pgtable_arm");

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dev);
	dev->coherent_dma_mask = DMA_BIT_MASK(64);
	dev->dma_mask = &dev->coherent_dma_mask;
	test->priv = dev;
	return 0;
}

static struct kunit_case io_pgtable_arm_cases[] = {
	KUNIT_CASE(map_vec_makes_the_same_table),
	KUNIT_CASE(map_vec_says_how_far_it_got),
	KUNIT_CASE(map_vec_over_a_mapping),
	KUNIT_CASE(map_vec_syncs_once_per_table),
	{}
};

static struct kunit_suite io_pgtable_arm_suite = {
	.name		= "io_pgtable_arm",
	.suite_init	= warnings_start,
	.suite_exit	= warnings_stop,
	.init		= io_pgtable_arm_init,
	.exit		= warnings_check,
	.test_cases	= io_pgtable_arm_cases,
};

kunit_test_suite(io_pgtable_arm_suite);

MODULE_DESCRIPTION("KUnit suite of arrays in Arm's page tables");
MODULE_LICENSE("GPL");
