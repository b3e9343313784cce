// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite of Arm's page tables, by themselves: all granules and both stages,
 * without an IOMMU. What map_vec() maps must be what map_pages() maps, with as many
 * tables, which is to say with the same blocks. What is unmapped is counted up to
 * the first hole.
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

#include "../../../drivers/iommu/iommu-pages.h"
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
	/* Calls that wait until nothing is left of a table */
	int flush_walks;
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

static void table_flush_all(void *cookie)
{
}

static void table_flush_walk(unsigned long iova, size_t size, size_t granule,
			     void *cookie)
{
	struct table *table = cookie;

	table->flush_walks++;
}

static void table_add_page(struct iommu_iotlb_gather *gather, unsigned long iova,
			   size_t granule, void *cookie)
{
}

static const struct iommu_flush_ops table_flush_ops = {
	.tlb_flush_all	= table_flush_all,
	.tlb_flush_walk	= table_flush_walk,
	.tlb_add_page	= table_add_page,
};

static void table_put(void *data)
{
	struct table *table = data;

	free_io_pgtable_ops(table->ops);
}

/* Lasts until the end of the test. */
static struct table *table_get_by(struct kunit *test, enum io_pgtable_fmt fmt,
				  const struct io_pgtable_cfg *cfg)
{
	struct table *table = kunit_kzalloc(test, sizeof(*table), GFP_KERNEL);
	unsigned long pgsizes = cfg->pgsize_bitmap;

	KUNIT_ASSERT_NOT_NULL(test, table);
	table->test = test;
	table->cfg = *cfg;
	table->ops = alloc_io_pgtable_ops(fmt, &table->cfg, table);
	KUNIT_ASSERT_NOT_NULL(test, table->ops);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, table_put, table), 0);
	KUNIT_ASSERT_EQ(test, table->cfg.pgsize_bitmap, pgsizes);
	table->granule = 1UL << __ffs(pgsizes);
	table->block = 1UL << __ffs(pgsizes ^ table->granule);
	return table;
}

static struct table *table_get(struct kunit *test, enum io_pgtable_fmt fmt,
			       unsigned long pgsizes, bool coherent)
{
	const struct io_pgtable_cfg cfg = {
		.pgsize_bitmap	= pgsizes,
		.ias		= 48,
		.oas		= 48,
		.coherent_walk	= coherent,
		.tlb		= &table_flush_ops,
		.iommu_dev	= test->priv,
		.alloc		= table_alloc,
		.free		= table_free_pages,
	};

	return table_get_by(test, fmt, &cfg);
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

/* Beyond the addresses of the table, whatever size the ranges have */
static void map_vec_outside_of_the_table(struct kunit *test)
{
	struct table *table = table_get(test, ARM_64_LPAE_S1, granules[0], true);
	unsigned long end = BIT(48);
	const struct {
		unsigned long iova;
		size_t len;
	} outside[] = {
		{ end + 5 * table->block, table->granule },
		{ end + 5 * table->block, table->block },
		{ end - table->block, 2 * table->block },
		{ end, table->block },
	};
	size_t mapped, i;

	for (i = 0; i < ARRAY_SIZE(outside); i++) {
		struct phys_vec vec = { SZ_4G, outside[i].len };

		warnings_expect(test, "io-pgtable-arm.c");
		KUNIT_EXPECT_EQ(test, -ERANGE,
				table_map_vec(table, outside[i].iova, &vec, 1,
					      &mapped));
		KUNIT_EXPECT_EQ(test, warnings_taken(test), 1);
		KUNIT_EXPECT_EQ(test, mapped, (size_t)0);
		KUNIT_EXPECT_EQ(test, (phys_addr_t)0,
				table->ops->iova_to_phys(table->ops, 5 * table->block));
	}

	/* Memory that the IOMMU does not reach the end of */
	{
		struct phys_vec vec = { BIT(48) - table->block, 2 * table->block };

		warnings_expect(test, "io-pgtable-arm.c");
		KUNIT_EXPECT_EQ(test, -ERANGE, table_map_vec(table, SZ_4G, &vec, 1,
							     &mapped));
		KUNIT_EXPECT_EQ(test, warnings_taken(test), 1);
		KUNIT_EXPECT_EQ(test, mapped, (size_t)0);
	}
}

static size_t unmap_blocks(struct table *table, unsigned long iova, size_t nr,
			   bool holes, bool queued, struct list_head *freed)
{
	struct iommu_iotlb_gather gather;
	size_t unmapped;

	iommu_iotlb_gather_init(&gather);
	gather.holes = holes;
	gather.queued = queued;
	unmapped = table->ops->unmap_pages(table->ops, iova, table->block, nr,
					   &gather);
	if (freed)
		list_splice_init(&gather.freelist, freed);
	KUNIT_EXPECT_TRUE(table->test, list_empty(&gather.freelist));
	return unmapped;
}

/* Small pages for two blocks, but for one page of the second block */
static void expect_unmap_up_to_hole(struct table *table, size_t hole)
{
	struct kunit *test = table->test;
	unsigned long iova = SZ_4G;
	size_t at = table->block + hole * table->granule;
	size_t rest = table->block - (hole + 1) * table->granule;
	struct phys_vec front = { SZ_4G + table->granule, at };
	struct phys_vec back = { SZ_8G, rest };

	table_map_pages(table, iova, &front, 1);
	if (rest)
		table_map_pages(table, iova + at + table->granule, &back, 1);

	warnings_expect(test, "io-pgtable-arm.c");
	KUNIT_EXPECT_EQ(test, unmap_blocks(table, iova, 2, hole % 2, false, NULL), at);
	KUNIT_EXPECT_EQ(test, warnings_taken(test), hole % 2 ? 0 : 1);
	table_expect(table, iova, &front, 1, 0);
	if (rest) {
		table_expect(table, iova + at + table->granule, &back, 1, rest);
		table_unmap(table, iova + at + table->granule, rest);
	}
}

static void unmap_blocks_up_to_hole(struct kunit *test)
{
	int g, s;

	for (g = 0; g < ARRAY_SIZE(granules); g++) {
		for (s = 0; s < ARRAY_SIZE(formats); s++) {
			struct table *table = table_get(test, formats[s],
							granules[g], true);
			size_t pages = table->block / table->granule;

			expect_unmap_up_to_hole(table, 0);
			expect_unmap_up_to_hole(table, 1);
			expect_unmap_up_to_hole(table, pages / 2 + 1);
			expect_unmap_up_to_hole(table, pages - 1);
		}
	}
}

/* A block takes the place of a table in which nothing is mapped, and no other. */
static void map_block_over_a_table(struct kunit *test)
{
	struct table *table = table_get(test, ARM_64_LPAE_S1, granules[0], true);
	struct phys_vec page = { SZ_8M + SZ_4K, table->granule };
	struct phys_vec block = { SZ_4G, table->block };
	unsigned long iova = SZ_4G, at = iova + 7 * table->granule;
	size_t mapped;

	table_map_pages(table, at, &page, 1);
	warnings_expect(test, "io-pgtable-arm.c");
	KUNIT_EXPECT_EQ(test, -EEXIST, table_map_vec(table, iova, &block, 1, &mapped));
	KUNIT_EXPECT_EQ(test, warnings_taken(test), 1);
	KUNIT_EXPECT_EQ(test, mapped, (size_t)0);
	table_expect(table, at, &page, 1, table->granule);
	KUNIT_EXPECT_EQ(test, table->flush_walks, 0);

	table_unmap(table, at, table->granule);
	KUNIT_EXPECT_EQ(test, 0, table_map_vec(table, iova, &block, 1, &mapped));
	KUNIT_EXPECT_EQ(test, table->flush_walks, 1);
	table_expect(table, iova, &block, 1, table->block);
	KUNIT_EXPECT_EQ(test, unmap_blocks(table, iova, 1, false, false, NULL),
			table->block);
}

static int free_tables(struct list_head *freed)
{
	struct page *page, *next;
	int nr = 0;

	list_for_each_entry_safe(page, next, freed, lru) {
		list_del(&page->lru);
		iommu_free_page(page_address(page));
		nr++;
	}
	return nr;
}

/* Map 2 blocks by small pages and unmap them: how many tables are in the list? */
static int tables_listed(struct table *table, bool queued)
{
	struct phys_vec pages = { SZ_4G + table->granule, 2 * table->block };
	LIST_HEAD(freed);

	table->flush_walks = 0;
	table_map_pages(table, SZ_4G, &pages, 1);
	KUNIT_EXPECT_EQ(table->test, 2 * table->block,
			unmap_blocks(table, SZ_4G, 2, false, queued, &freed));
	table_expect(table, SZ_4G, &pages, 1, 0);
	return free_tables(&freed);
}

/* Nobody waits for a table if the flush is queued, and if there is a way. */
static void unmap_lists_tables_if_queued(struct kunit *test)
{
	struct io_pgtable_cfg cfg = {
		.pgsize_bitmap	= granules[0],
		.ias		= 48,
		.oas		= 48,
		.coherent_walk	= true,
		.quirks		= IO_PGTABLE_QUIRK_ARM_FREELIST,
		.tlb		= &table_flush_ops,
		.iommu_dev	= test->priv,
	};
	struct table *table;
	int s;

	for (s = 0; s < ARRAY_SIZE(formats); s++) {
		table = table_get_by(test, formats[s], &cfg);
		KUNIT_EXPECT_EQ(test, tables_listed(table, true), 2);
		KUNIT_EXPECT_EQ(test, table->flush_walks, 0);
		KUNIT_EXPECT_EQ(test, tables_listed(table, false), 0);
		KUNIT_EXPECT_EQ(test, table->flush_walks, 2);
	}

	cfg.quirks = 0;
	table = table_get_by(test, ARM_64_LPAE_S1, &cfg);
	KUNIT_EXPECT_EQ(test, tables_listed(table, true), 0);
	KUNIT_EXPECT_EQ(test, table->flush_walks, 2);

	/* Tables that are mapped, or freed in a way of their own */
	cfg.quirks = IO_PGTABLE_QUIRK_ARM_FREELIST;
	cfg.coherent_walk = false;
	table = table_get_by(test, ARM_64_LPAE_S1, &cfg);
	KUNIT_EXPECT_EQ(test, tables_listed(table, true), 0);
	cfg.coherent_walk = true;
	cfg.alloc = table_alloc;
	cfg.free = table_free_pages;
	table = table_get_by(test, ARM_64_LPAE_S1, &cfg);
	KUNIT_EXPECT_EQ(test, tables_listed(table, true), 0);
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
	KUNIT_CASE(map_vec_outside_of_the_table),
	KUNIT_CASE(map_block_over_a_table),
	KUNIT_CASE(unmap_blocks_up_to_hole),
	KUNIT_CASE(unmap_lists_tables_if_queued),
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
