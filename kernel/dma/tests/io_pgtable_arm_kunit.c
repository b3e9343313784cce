// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite of Arm's page tables, by themselves: all granules and both stages,
 * without an IOMMU. What map_vec() maps must be what map_pages() maps, with as many
 * tables, which is to say with the same blocks. What is unmapped is counted up to
 * the first hole. The IOMMU of a model does not look into the caches of the CPUs.
 */
#include <kunit/device.h>
#include <kunit/test.h>
#include <linux/dma-mapping.h>
#include <linux/io-pgtable.h>
#include <linux/kprobes.h>
#include <linux/moduleparam.h>
#include <linux/prandom.h>
#include <linux/random.h>
#include <linux/sizes.h>
#include <linux/swiotlb.h>
#include <trace/events/dma.h>

#include "../../../drivers/iommu/iommu-pages.h"
#include "fixture.h"
#include "flushed.h"
#include "pgtable.h"
#include "warnings.h"

static unsigned long seed = 1;
module_param(seed, ulong, 0444);
MODULE_PARM_DESC(seed, "of the random ranges; 0 takes a fresh one, which is printed");

#define ROUNDS		20

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

/* What the IOMMU was asked to invalidate, so that walks no longer use a table */
struct flushed_walk {
	unsigned long iova;
	size_t size;
};

struct table {
	struct pgtable pt;
	struct io_pgtable_cfg cfg;
	enum io_pgtable_fmt fmt;
	/* What the model replaces */
	phys_addr_t (*iova_to_phys)(struct io_pgtable_ops *ops, unsigned long iova);
	int nr_allocs;
	/* The allocation that fails, counted down to 0 */
	int fail_alloc;
	/* Calls that wait until walks no longer use a table, and the first of them */
	int flush_walks;
	struct flushed_walk walks[2];
	/* Pages that were added to a gather */
	int added;
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

	if (table->flush_walks < ARRAY_SIZE(table->walks))
		table->walks[table->flush_walks] = (struct flushed_walk) { iova, size };
	table->flush_walks++;
}

static void table_add_page(struct iommu_iotlb_gather *gather, unsigned long iova,
			   size_t granule, void *cookie)
{
	struct table *table = cookie;

	table->added++;
}

static const struct iommu_flush_ops table_flush_ops = {
	.tlb_flush_all	= table_flush_all,
	.tlb_flush_walk	= table_flush_walk,
	.tlb_add_page	= table_add_page,
};

static void table_put(void *data)
{
	struct table *table = data;

	free_io_pgtable_ops(table->pt.ops);
}

/* Lasts until the end of the test. */
static struct table *table_get_by(struct kunit *test, enum io_pgtable_fmt fmt,
				  const struct io_pgtable_cfg *cfg)
{
	struct table *table = kunit_kzalloc(test, sizeof(*table), GFP_KERNEL);
	unsigned long pgsizes = cfg->pgsize_bitmap;

	KUNIT_ASSERT_NOT_NULL(test, table);
	table->pt.test = test;
	table->cfg = *cfg;
	table->pt.ops = alloc_io_pgtable_ops(fmt, &table->cfg, table);
	KUNIT_ASSERT_NOT_NULL(test, table->pt.ops);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, table_put, table), 0);
	KUNIT_ASSERT_EQ(test, table->cfg.pgsize_bitmap, pgsizes);
	table->pt.prot = IOMMU_READ | IOMMU_WRITE;
	table->pt.pgsizes = pgsizes;
	table->pt.granule = 1UL << __ffs(pgsizes);
	table->pt.block = 1UL << __ffs(pgsizes ^ table->pt.granule);
	return table;
}

/* Of 48 bits. io-pgtable allocates and frees the tables itself. */
static struct io_pgtable_cfg table_cfg(struct kunit *test, unsigned long pgsizes,
				       bool coherent, unsigned long quirks)
{
	return (struct io_pgtable_cfg) {
		.quirks		= quirks,
		.pgsize_bitmap	= pgsizes,
		.ias		= 48,
		.oas		= 48,
		.coherent_walk	= coherent,
		.tlb		= &table_flush_ops,
		.iommu_dev	= test->priv,
	};
}

/* The tables are counted, and an allocation fails if the test wants that. */
static struct table *table_get_counted(struct kunit *test, enum io_pgtable_fmt fmt,
				       struct io_pgtable_cfg cfg)
{
	cfg.alloc = table_alloc;
	cfg.free = table_free_pages;
	return table_get_by(test, fmt, &cfg);
}

static struct table *table_get(struct kunit *test, enum io_pgtable_fmt fmt,
			       unsigned long pgsizes, bool coherent)
{
	return table_get_counted(test, fmt, table_cfg(test, pgsizes, coherent, 0));
}

static void table_unmap(struct table *table, unsigned long iova, size_t size)
{
	for (; size; size -= table->pt.granule) {
		KUNIT_ASSERT_EQ(table->pt.test, table->pt.granule,
				table->pt.ops->unmap_pages(table->pt.ops, iova,
							table->pt.granule, 1, NULL));
		iova += table->pt.granule;
	}
}

static void expect_same_table(struct kunit *test, enum io_pgtable_fmt fmt,
			      unsigned long pgsizes, struct rnd_state *rnd)
{
	struct table *by_vec = table_get(test, fmt, pgsizes, true);
	struct table *by_pages = table_get(test, fmt, pgsizes, true);
	unsigned long iova = SZ_4G + by_vec->pt.granule *
			     (1 + prandom_u32_state(rnd) % 1024);
	struct phys_vec vec[PGTABLE_RANGES];
	size_t nr = pgtable_random_ranges(&by_vec->pt, rnd, iova, vec);
	size_t size = 0, mapped, i;

	for (i = 0; i < nr; i++)
		size += vec[i].len;
	KUNIT_EXPECT_EQ(test, 0,
			pgtable_map_vec(&by_vec->pt, iova, vec, nr, &mapped));
	KUNIT_EXPECT_EQ(test, mapped, size);
	pgtable_expect(&by_vec->pt, iova, vec, nr, size);

	pgtable_map_pages(&by_pages->pt, iova, vec, nr);
	pgtable_expect(&by_pages->pt, iova, vec, nr, size);
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

/* The core undoes as much as the table says. */
static void map_vec_says_how_far_it_got(struct kunit *test)
{
	struct table *table = table_get(test, ARM_64_LPAE_S1, granules[0], true);
	unsigned long iova = SZ_4G + table->pt.block - 10 * table->pt.granule;
	struct phys_vec vec[PGTABLE_RANGES];
	size_t size = pgtable_scattered_pages(&table->pt, vec);
	size_t mapped, i;

	/* The first leaf table needs two tables above it, the second one does not. */
	table->fail_alloc = 4;
	KUNIT_EXPECT_EQ(test, -ENOMEM,
			pgtable_map_vec(&table->pt, iova, vec, PGTABLE_RANGES,
					&mapped));
	KUNIT_EXPECT_EQ(test, mapped, 10 * table->pt.granule);
	pgtable_expect(&table->pt, iova, vec, PGTABLE_RANGES, mapped);
	table_unmap(table, iova, mapped);

	/* An address that the IOMMU does not have, wherever it is */
	for (i = 0; i < PGTABLE_RANGES; i++) {
		phys_addr_t paddr = vec[i].paddr;

		vec[i].paddr = BIT_ULL(48);
		warnings_expect(test, "io-pgtable-arm.c");
		KUNIT_EXPECT_EQ(test, -ERANGE,
				pgtable_map_vec(&table->pt, iova, vec, PGTABLE_RANGES,
						&mapped));
		KUNIT_EXPECT_EQ(test, warnings_taken(test), 1);
		KUNIT_EXPECT_EQ(test, mapped, i * table->pt.granule);
		vec[i].paddr = paddr;
		pgtable_expect(&table->pt, iova, vec, PGTABLE_RANGES, mapped);
		table_unmap(table, iova, mapped);
	}
	KUNIT_EXPECT_EQ(test, 0,
			pgtable_map_vec(&table->pt, iova, vec, PGTABLE_RANGES,
					&mapped));
	KUNIT_EXPECT_EQ(test, mapped, size);
}

/* Nothing is written over. */
static void map_vec_over_a_mapping(struct kunit *test)
{
	struct table *table = table_get(test, ARM_64_LPAE_S1, granules[0], true);
	unsigned long iova = SZ_4G + SZ_1M;
	struct phys_vec vec[PGTABLE_RANGES];
	struct phys_vec there = { SZ_8M, table->pt.granule };
	size_t mapped, at;

	pgtable_scattered_pages(&table->pt, vec);
	for (at = 0; at < 3; at++) {
		pgtable_map_pages(&table->pt, iova + at * table->pt.granule, &there, 1);
		warnings_expect(test, "io-pgtable-arm.c");
		KUNIT_EXPECT_EQ(test, -EEXIST,
				pgtable_map_vec(&table->pt, iova, vec, 3, &mapped));
		KUNIT_EXPECT_EQ(test, warnings_taken(test), 1);
		KUNIT_EXPECT_EQ(test, mapped, at * table->pt.granule);
		KUNIT_EXPECT_EQ(test, there.paddr,
				table->pt.ops->iova_to_phys(table->pt.ops,
							 iova + at * table->pt.granule));
		table_unmap(table, iova, mapped + table->pt.granule);
		pgtable_expect(&table->pt, iova, vec, 3, 0);
	}
}

static void expect_map_vec_refused(struct table *table, unsigned long iova,
				   const struct phys_vec *vec)
{
	struct kunit *test = table->pt.test;
	size_t mapped;

	warnings_expect(test, "io-pgtable-arm.c");
	KUNIT_EXPECT_EQ(test, -ERANGE,
			pgtable_map_vec(&table->pt, iova, vec, 1, &mapped));
	KUNIT_EXPECT_EQ(test, warnings_taken(test), 1);
	KUNIT_EXPECT_EQ(test, mapped, (size_t)0);
}

static void expect_map_pages_refused(struct table *table, unsigned long iova,
				     phys_addr_t paddr, size_t pgsize, size_t pages)
{
	struct io_pgtable_ops *ops = table->pt.ops;
	struct kunit *test = table->pt.test;
	size_t mapped = 0;

	warnings_expect(test, "io-pgtable-arm.c");
	KUNIT_EXPECT_EQ(test, -ERANGE,
			ops->map_pages(ops, iova, paddr, pgsize, pages,
				       table->pt.prot, GFP_KERNEL, &mapped));
	KUNIT_EXPECT_EQ(test, warnings_taken(test), 1);
	KUNIT_EXPECT_EQ(test, mapped, (size_t)0);
}

/* Beyond the addresses of the table, or of the memory, whatever size the ranges have */
static void map_vec_outside_of_the_table(struct kunit *test)
{
	struct table *table = table_get(test, ARM_64_LPAE_S1, granules[0], true);
	size_t page = table->pt.granule, block = table->pt.block;
	unsigned long end = BIT(48);
	const struct {
		unsigned long iova;
		struct phys_vec vec;
	} outside[] = {
		{ end + 5 * block,	{ SZ_4G, page } },
		{ end + 5 * block,	{ SZ_4G, block } },
		{ end - block,		{ SZ_4G, 2 * block } },
		{ end,			{ SZ_4G, block } },
		{ SZ_4G,		{ BIT(48) - block, 2 * block } },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(outside); i++) {
		expect_map_vec_refused(table, outside[i].iova, &outside[i].vec);
		KUNIT_EXPECT_EQ(test, (phys_addr_t)0,
				table->pt.ops->iova_to_phys(table->pt.ops, 5 * block));
	}
}

/* The same, by a call for several pages of one size */
static void map_pages_outside_of_the_table(struct kunit *test)
{
	struct table *table = table_get(test, ARM_64_LPAE_S1, granules[0], true);
	size_t page = table->pt.granule, block = table->pt.block;
	const struct {
		unsigned long iova;
		phys_addr_t paddr;
		size_t pgsize;
	} outside[] = {
		{ BIT(48) - page,	SZ_4G,			page },
		{ BIT(48) - block,	SZ_4G,			block },
		{ BIT(48),		SZ_4G,			page },
		{ -block,		SZ_4G,			block },
		{ SZ_4G,		BIT_ULL(48) - page,	page },
		{ SZ_4G,		BIT_ULL(48) - block,	block },
		{ SZ_4G,		BIT_ULL(48),		page },
		{ SZ_4G,		-page,			page },
	};
	struct io_pgtable_ops *ops = table->pt.ops;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(outside); i++) {
		expect_map_pages_refused(table, outside[i].iova, outside[i].paddr,
					 outside[i].pgsize, 2);
		KUNIT_EXPECT_EQ(test, (phys_addr_t)0,
				ops->iova_to_phys(ops, outside[i].iova));
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
	unmapped = table->pt.ops->unmap_pages(table->pt.ops, iova, table->pt.block, nr,
					   &gather);
	if (freed)
		list_splice_init(&gather.freelist, freed);
	KUNIT_EXPECT_TRUE(table->pt.test, list_empty(&gather.freelist));
	return unmapped;
}

/* The first address of the upper half, which a table with TTBR1 translates */
#define UPPER_HALF	(-BIT(48))

static struct table *upper_half_table(struct kunit *test, unsigned long pgsizes)
{
	return table_get_counted(test, ARM_64_LPAE_S1,
				 table_cfg(test, pgsizes, true,
					   IO_PGTABLE_QUIRK_ARM_TTBR1));
}

/* Pages, blocks, and pages again: by map_vec(), and one by one */
static void expect_upper_half(struct table *table, unsigned long iova)
{
	size_t page = table->pt.granule, block = table->pt.block;
	struct phys_vec vec[] = {
		{ SZ_4G, page }, { SZ_8G, page },
		{ SZ_4G + 2 * page, 2 * block }, { SZ_8G + page, 3 * page },
	};
	size_t size = 2 * block + 5 * page, mapped;
	struct kunit *test = table->pt.test;

	KUNIT_EXPECT_EQ(test, 0,
			pgtable_map_vec(&table->pt, iova, vec, 4, &mapped));
	KUNIT_EXPECT_EQ(test, mapped, size);
	pgtable_expect(&table->pt, iova, vec, 4, size);
	table_unmap(table, iova, size);
	pgtable_expect(&table->pt, iova, vec, 4, 0);

	pgtable_map_pages(&table->pt, iova, vec, 4);
	pgtable_expect(&table->pt, iova, vec, 4, size);
	table_unmap(table, iova, size);
	pgtable_expect(&table->pt, iova, vec, 4, 0);
}

static void expect_block_in_upper_half(struct table *table, unsigned long iova)
{
	struct phys_vec block = { SZ_4G, table->pt.block };
	struct kunit *test = table->pt.test;
	size_t mapped;

	KUNIT_EXPECT_EQ(test, 0,
			pgtable_map_vec(&table->pt, iova, &block, 1, &mapped));
	pgtable_expect(&table->pt, iova, &block, 1, block.len);
	KUNIT_EXPECT_EQ(test, block.len,
			unmap_blocks(table, iova, 1, false, false, NULL));
	pgtable_expect(&table->pt, iova, &block, 1, 0);
}

static void upper_half_is_mapped_and_unmapped(struct kunit *test)
{
	struct table *table;
	size_t page, block;
	int g;

	for (g = 0; g < ARRAY_SIZE(granules); g++) {
		table = upper_half_table(test, granules[g]);
		page = table->pt.granule;
		block = table->pt.block;
		expect_upper_half(table, UPPER_HALF);
		expect_upper_half(table, UPPER_HALF + SZ_4G + block - 2 * page);
		/* Up to the last address that there is */
		expect_upper_half(table, -(2 * block + 5 * page));
		expect_block_in_upper_half(table, UPPER_HALF);
		expect_block_in_upper_half(table, -block);
	}
}

/* The table must not be taken for one of the other half, nor cut an address. */
static void lower_half_is_refused(struct kunit *test)
{
	struct table *table = upper_half_table(test, granules[0]);
	size_t page = table->pt.granule, block = table->pt.block;
	const struct {
		unsigned long iova;
		size_t pgsize;
		size_t pages;
	} outside[] = {
		{ SZ_4G,		page,	1 },
		{ SZ_4G,		block,	1 },
		{ BIT(48) - page,	page,	1 },
		{ UPPER_HALF - page,	page,	1 },
		{ UPPER_HALF - block,	block,	2 },
		{ -block,		block,	2 },
	};
	struct io_pgtable_ops *ops = table->pt.ops;
	struct phys_vec there = { SZ_8G, page };
	size_t i;

	/* The same address but for the bits that choose a half */
	pgtable_map_pages(&table->pt, UPPER_HALF + SZ_4G, &there, 1);
	for (i = 0; i < ARRAY_SIZE(outside); i++) {
		struct phys_vec vec = { SZ_4G, outside[i].pages * outside[i].pgsize };
		phys_addr_t before = ops->iova_to_phys(ops, outside[i].iova);

		expect_map_vec_refused(table, outside[i].iova, &vec);
		expect_map_pages_refused(table, outside[i].iova, vec.paddr,
					 outside[i].pgsize, outside[i].pages);
		KUNIT_EXPECT_EQ(test, before,
				ops->iova_to_phys(ops, outside[i].iova));
	}

	warnings_expect(test, "io-pgtable-arm.c");
	KUNIT_EXPECT_EQ(test, (size_t)0, ops->unmap_pages(ops, SZ_4G, page, 1, NULL));
	KUNIT_EXPECT_EQ(test, warnings_taken(test), 1);
	pgtable_expect(&table->pt, UPPER_HALF + SZ_4G, &there, 1, page);
}

/* What goes beyond the last address is refused, and not mapped at address 0. */
static void map_vec_beyond_the_upper_half(struct kunit *test)
{
	struct table *table = upper_half_table(test, granules[0]);
	size_t page = table->pt.granule, mapped;
	struct phys_vec vec[] = { { SZ_4G, page }, { SZ_8G, page } };
	struct io_pgtable_ops *ops = table->pt.ops;

	warnings_expect(test, "io-pgtable-arm.c");
	KUNIT_EXPECT_EQ(test, -ERANGE,
			pgtable_map_vec(&table->pt, -page, vec, 2, &mapped));
	KUNIT_EXPECT_EQ(test, warnings_taken(test), 1);
	KUNIT_EXPECT_EQ(test, mapped, page);
	pgtable_expect(&table->pt, -page, vec, 2, page);
	table_unmap(table, -page, page);
	KUNIT_EXPECT_EQ(test, (phys_addr_t)0, ops->iova_to_phys(ops, -page));
}

/* Small pages for two blocks, except one page of the second block */
static void expect_unmap_up_to_hole(struct table *table, size_t hole)
{
	struct kunit *test = table->pt.test;
	unsigned long iova = SZ_4G;
	size_t at = table->pt.block + hole * table->pt.granule;
	size_t rest = table->pt.block - (hole + 1) * table->pt.granule;
	struct phys_vec front = { SZ_4G + table->pt.granule, at };
	struct phys_vec back = { SZ_8G, rest };

	pgtable_map_pages(&table->pt, iova, &front, 1);
	if (rest)
		pgtable_map_pages(&table->pt, iova + at + table->pt.granule, &back, 1);

	warnings_expect(test, "io-pgtable-arm.c");
	KUNIT_EXPECT_EQ(test, unmap_blocks(table, iova, 2, hole % 2, false, NULL), at);
	KUNIT_EXPECT_EQ(test, warnings_taken(test), hole % 2 ? 0 : 1);
	pgtable_expect(&table->pt, iova, &front, 1, 0);
	if (rest) {
		pgtable_expect(&table->pt, iova + at + table->pt.granule, &back, 1, rest);
		table_unmap(table, iova + at + table->pt.granule, rest);
	}
}

static void unmap_blocks_up_to_hole(struct kunit *test)
{
	int g, s;

	for (g = 0; g < ARRAY_SIZE(granules); g++) {
		for (s = 0; s < ARRAY_SIZE(formats); s++) {
			struct table *table = table_get(test, formats[s],
							granules[g], true);
			size_t pages = table->pt.block / table->pt.granule;

			expect_unmap_up_to_hole(table, 0);
			expect_unmap_up_to_hole(table, 1);
			expect_unmap_up_to_hole(table, pages / 2 + 1);
			expect_unmap_up_to_hole(table, pages - 1);
		}
	}
}

/* For the tables of @nr blocks from @iova on, and for each by its own addresses */
static void expect_walks_flushed(struct table *table, unsigned long iova, int nr)
{
	int i;

	KUNIT_EXPECT_EQ(table->pt.test, table->flush_walks, nr);
	for (i = 0; i < nr; i++, iova += table->pt.block) {
		KUNIT_EXPECT_EQ(table->pt.test, table->walks[i].iova, iova);
		KUNIT_EXPECT_EQ(table->pt.test, table->walks[i].size, table->pt.block);
	}
}

/* A block replaces a table only if nothing is mapped in it. */
static void map_block_over_a_table(struct kunit *test)
{
	struct table *table = table_get(test, ARM_64_LPAE_S1, granules[0], true);
	struct phys_vec page = { SZ_8M + SZ_4K, table->pt.granule };
	struct phys_vec block = { SZ_4G, table->pt.block };
	struct phys_vec blocks = { SZ_4G, 2 * table->pt.block };
	unsigned long iova = SZ_4G, at = iova + 7 * table->pt.granule;
	size_t mapped;

	pgtable_map_pages(&table->pt, at, &page, 1);
	warnings_expect(test, "io-pgtable-arm.c");
	KUNIT_EXPECT_EQ(test, -EEXIST,
			pgtable_map_vec(&table->pt, iova, &block, 1, &mapped));
	KUNIT_EXPECT_EQ(test, warnings_taken(test), 1);
	KUNIT_EXPECT_EQ(test, mapped, (size_t)0);
	pgtable_expect(&table->pt, at, &page, 1, table->pt.granule);
	KUNIT_EXPECT_EQ(test, table->flush_walks, 0);

	table_unmap(table, at, table->pt.granule);
	KUNIT_EXPECT_EQ(test, 0,
			pgtable_map_vec(&table->pt, iova, &block, 1, &mapped));
	expect_walks_flushed(table, iova, 1);
	pgtable_expect(&table->pt, iova, &block, 1, table->pt.block);
	KUNIT_EXPECT_EQ(test, unmap_blocks(table, iova, 1, false, false, NULL),
			table->pt.block);

	/* Two blocks at once replace two tables. */
	pgtable_map_pages(&table->pt, at, &page, 1);
	pgtable_map_pages(&table->pt, at + table->pt.block, &page, 1);
	table_unmap(table, at, table->pt.granule);
	table_unmap(table, at + table->pt.block, table->pt.granule);
	table->flush_walks = 0;
	KUNIT_EXPECT_EQ(test, 0,
			pgtable_map_vec(&table->pt, iova, &blocks, 1, &mapped));
	expect_walks_flushed(table, iova, 2);
	pgtable_expect(&table->pt, iova, &blocks, 1, 2 * table->pt.block);
	KUNIT_EXPECT_EQ(test, unmap_blocks(table, iova, 2, false, false, NULL),
			2 * table->pt.block);
}

/* Map 2 blocks by small pages and unmap them. Returns how many tables are listed. */
static size_t tables_listed(struct table *table, bool queued)
{
	struct phys_vec pages = { SZ_4G + table->pt.granule, 2 * table->pt.block };
	LIST_HEAD(freed);
	size_t nr;

	table->flush_walks = 0;
	pgtable_map_pages(&table->pt, SZ_4G, &pages, 1);
	KUNIT_EXPECT_EQ(table->pt.test, 2 * table->pt.block,
			unmap_blocks(table, SZ_4G, 2, false, queued, &freed));
	pgtable_expect(&table->pt, SZ_4G, &pages, 1, 0);
	nr = list_count_nodes(&freed);
	iommu_put_pages_list(&freed);
	return nr;
}

/* Map a block, and unmap two pages of it. Returns how many are added to the gather. */
static int pages_added(struct table *table, bool queued)
{
	struct phys_vec block = { SZ_4G, table->pt.block };
	struct iommu_iotlb_gather gather;
	size_t mapped;

	KUNIT_EXPECT_EQ(table->pt.test, 0,
			pgtable_map_vec(&table->pt, SZ_4G, &block, 1, &mapped));
	iommu_iotlb_gather_init(&gather);
	gather.queued = queued;
	table->added = 0;
	KUNIT_EXPECT_EQ(table->pt.test, 2 * table->pt.granule,
			table->pt.ops->unmap_pages(table->pt.ops,
						   SZ_4G + table->pt.granule,
						   table->pt.granule, 2, &gather));
	KUNIT_EXPECT_EQ(table->pt.test, gather.queued, queued);
	return table->added;
}

/* A gather that is queued gets nothing to synchronise when a block is split. */
static void split_adds_nothing_if_queued(struct kunit *test)
{
	struct table *table;
	int s;

	for (s = 0; s < ARRAY_SIZE(formats); s++) {
		table = table_get(test, formats[s], granules[0], true);
		KUNIT_EXPECT_EQ(test, pages_added(table, true), 0);
		table = table_get(test, formats[s], granules[0], true);
		KUNIT_EXPECT_EQ(test, pages_added(table, false), 2);
	}
}

/* If the flush is queued, tables are listed, and freeing them waits for nothing. */
static void unmap_lists_tables_if_queued(struct kunit *test)
{
	struct io_pgtable_cfg cfg = table_cfg(test, granules[0], true,
					      IO_PGTABLE_QUIRK_ARM_FREELIST);
	struct table *table;
	int s;

	for (s = 0; s < ARRAY_SIZE(formats); s++) {
		table = table_get_by(test, formats[s], &cfg);
		KUNIT_EXPECT_EQ(test, tables_listed(table, true), (size_t)2);
		KUNIT_EXPECT_EQ(test, table->flush_walks, 0);
		KUNIT_EXPECT_EQ(test, tables_listed(table, false), (size_t)0);
		expect_walks_flushed(table, SZ_4G, 2);
	}

	cfg.quirks = 0;
	table = table_get_by(test, ARM_64_LPAE_S1, &cfg);
	KUNIT_EXPECT_EQ(test, tables_listed(table, true), (size_t)0);
	expect_walks_flushed(table, SZ_4G, 2);

	/* Tables that need a function of the driver to be freed are not listed. */
	cfg.quirks = IO_PGTABLE_QUIRK_ARM_FREELIST;
	table = table_get_counted(test, ARM_64_LPAE_S1, cfg);
	KUNIT_EXPECT_EQ(test, tables_listed(table, true), (size_t)0);
	expect_walks_flushed(table, SZ_4G, 2);
}

/* io-pgtable refuses a table that is bounced for the IOMMU. */
static void need_noncoherent_tables(struct kunit *test)
{
	if (is_swiotlb_force_bounce(test->priv))
		kunit_skip(test, "boot without swiotlb=force");
}

/* Tables that are mapped for the IOMMU have to be unmapped, not only freed. */
static void unmap_waits_for_noncoherent_tables(struct kunit *test)
{
	const struct io_pgtable_cfg cfg = table_cfg(test, granules[0], false,
						    IO_PGTABLE_QUIRK_ARM_FREELIST);
	struct table *table;

	need_noncoherent_tables(test);
	table = table_get_by(test, ARM_64_LPAE_S1, &cfg);
	KUNIT_EXPECT_EQ(test, tables_listed(table, true), (size_t)0);
	expect_walks_flushed(table, SZ_4G, 2);
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
	struct phys_vec vec[PGTABLE_RANGES];
	struct table *table;
	size_t size, mapped;
	unsigned long iova;

	need_noncoherent_tables(test);
	table = table_get(test, ARM_64_LPAE_S1, granules[0], false);
	iova = SZ_4G + table->pt.block - 10 * table->pt.granule;
	size = pgtable_scattered_pages(&table->pt, vec);

	KUNIT_ASSERT_EQ(test, 0,
			pgtable_map_vec(&table->pt, iova, vec, PGTABLE_RANGES,
					&mapped));
	table_unmap(table, iova, size);

	KUNIT_ASSERT_EQ(test, 0, register_trace_dma_sync_single_for_device(count_sync,
									   NULL));
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, count_syncs_stop,
							   NULL));
	syncs = 0;
	bytes_synced = 0;
	KUNIT_EXPECT_EQ(test, 0,
			pgtable_map_vec(&table->pt, iova, vec, PGTABLE_RANGES,
					&mapped));
	KUNIT_EXPECT_EQ(test, syncs, 2);
	KUNIT_EXPECT_EQ(test, bytes_synced, PGTABLE_RANGES * sizeof(u64));
	pgtable_expect(&table->pt, iova, vec, PGTABLE_RANGES, size);

	/* Before a block, and after it */
	vec[1] = (struct phys_vec) { SZ_4G + table->pt.block, table->pt.block };
	iova = SZ_8G + table->pt.block - table->pt.granule;
	KUNIT_EXPECT_EQ(test, 0,
			pgtable_map_vec(&table->pt, iova, vec, 3, &mapped));
	pgtable_expect(&table->pt, iova, vec, 3, mapped);
	table_unmap(table, iova, table->pt.granule);
	table_unmap(table, iova + table->pt.granule + table->pt.block, table->pt.granule);
	KUNIT_EXPECT_EQ(test, table->pt.block,
			table->pt.ops->unmap_pages(table->pt.ops, iova + table->pt.granule,
						table->pt.block, 1, NULL));
	syncs = 0;
	bytes_synced = 0;
	KUNIT_EXPECT_EQ(test, 0,
			pgtable_map_vec(&table->pt, iova, vec, 3, &mapped));
	KUNIT_EXPECT_EQ(test, syncs, 3);
	KUNIT_EXPECT_EQ(test, bytes_synced, 3 * sizeof(u64));
}

/*
 * The model of an IOMMU that does not look into the caches of the CPUs: it walks
 * through memory as the driver has synchronised it.
 */
static struct device *model_device;

/* Another CPU, which maps something just before an entry is synchronised */
static struct {
	struct table *table;
	void (*map)(struct table *table);
	/* Counted down by synchronisations: the other CPU maps at 0. */
	int at;
} other_cpu;

/* Replaces __dma_sync_single_for_device(). */
static void model_sync(struct device *dev, dma_addr_t addr, size_t size,
		       enum dma_data_direction dir)
{
	if (other_cpu.at && !--other_cpu.at)
		other_cpu.map(other_cpu.table);
	flushed_add(phys_to_virt(addr), size);
}

static int sync_probed(struct kprobe *probe, struct pt_regs *regs)
{
	if ((struct device *)regs_get_kernel_argument(regs, 0) != model_device)
		return 0;
	instruction_pointer_set(regs, (unsigned long)model_sync);
	return 1;
}

/* With a post-handler, the probe is not optimised: a jump cannot skip the function. */
static void sync_was_probed(struct kprobe *probe, struct pt_regs *regs,
			    unsigned long flags)
{
}

static struct kprobe sync_probe = {
	.symbol_name	= "__dma_sync_single_for_device",
	.pre_handler	= sync_probed,
	.post_handler	= sync_was_probed,
};

/* A table that is mapped for the IOMMU is synchronised by that. */
static void model_map(void *data, struct device *dev, phys_addr_t paddr,
		      dma_addr_t addr, size_t size, enum dma_data_direction dir,
		      unsigned long attrs)
{
	if (dev == model_device)
		flushed_add(phys_to_virt(paddr), size);
}

static void model_stop(void *data)
{
	unregister_trace_dma_map_page(model_map, NULL);
	tracepoint_synchronize_unregister();
}

/* For the rest of the test */
static void model_start(struct kunit *test)
{
	need_noncoherent_tables(test);
	model_device = test->priv;
	flushed_start(test);
	fixture_probe(test, &sync_probe);
	KUNIT_ASSERT_EQ(test, 0, register_trace_dma_map_page(model_map, NULL));
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, model_stop, NULL));
}

/* What the address leads to for the IOMMU, by stage 1 or 2, or 0 */
static phys_addr_t model_translates(struct table *table, unsigned long iova)
{
	int granule_shift = ilog2(table->pt.granule), stride = granule_shift - 3;
	int levels = DIV_ROUND_UP(48 - granule_shift, stride);
	int shift = granule_shift + stride * (levels - 1);
	phys_addr_t at = table->cfg.arm_lpae_s1_cfg.ttbr;
	u64 index, pte;

	if (table->fmt == ARM_64_LPAE_S2) {
		at = table->cfg.arm_lpae_s2_cfg.vttbr;
		/* Up to 16 tables of the next level stand for a root of 4 levels. */
		if (levels == 4 && shift >= 44)
			shift -= stride;
	}

	index = iova >> shift;
	for (;; shift -= stride) {
		pte = flushed_read(at + index * sizeof(pte));
		if (!(pte & 1))
			return 0;
		at = pte & GENMASK_ULL(47, granule_shift);
		/* A page or a block */
		if (shift == granule_shift || !(pte & 2))
			return at + (iova & (BIT(shift) - 1));
		index = (iova >> (shift - stride)) & (BIT(stride) - 1);
	}
}

/* As the IOMMU sees it. The driver must see the same. */
static phys_addr_t model_iova_to_phys(struct io_pgtable_ops *ops, unsigned long iova)
{
	struct table *table = io_pgtable_ops_to_pgtable(ops)->cookie;
	phys_addr_t phys = model_translates(table, iova);

	KUNIT_ASSERT_EQ(table->pt.test, phys, table->iova_to_phys(ops, iova));
	return phys;
}

static struct table *model_table(struct kunit *test, enum io_pgtable_fmt fmt,
				 unsigned long pgsizes)
{
	struct table *table = table_get(test, fmt, pgsizes, false);

	table->fmt = fmt;
	table->iova_to_phys = table->pt.ops->iova_to_phys;
	table->pt.ops->iova_to_phys = model_iova_to_phys;
	return table;
}

static void each_table(struct kunit *test, void (*run)(struct table *table))
{
	int g, s;

	model_start(test);
	for (g = 0; g < ARRAY_SIZE(granules); g++) {
		for (s = 0; s < ARRAY_SIZE(formats); s++)
			run(model_table(test, formats[s], granules[g]));
	}
}

/* A table, then pages in it; a block; and the same in tables that are there */
static void map_for_model(struct table *table)
{
	size_t page = table->pt.granule, block = table->pt.block;
	unsigned long iova = SZ_4G + block - 2 * page;
	struct phys_vec vec[] = {
		{ SZ_4G, page }, { SZ_8G, page },
		{ SZ_4G + block, block }, { SZ_8G + page, 3 * page },
	};
	size_t mapped;

	KUNIT_EXPECT_EQ(table->pt.test, 0,
			pgtable_map_vec(&table->pt, iova, vec, 4, &mapped));
	pgtable_expect(&table->pt, iova, vec, 4, mapped);
	iova += SZ_16G;
	pgtable_map_pages(&table->pt, iova, vec, 4);
	pgtable_expect(&table->pt, iova, vec, 4, mapped);

	iova -= 4 * page;
	KUNIT_EXPECT_EQ(table->pt.test, 0,
			pgtable_map_vec(&table->pt, iova, vec, 2, &mapped));
	pgtable_expect(&table->pt, iova, vec, 2, mapped);
}

static void device_sees_what_is_mapped(struct kunit *test)
{
	each_table(test, map_for_model);
}

static void expect_unmapped(struct table *table, unsigned long iova, size_t size,
			    size_t pgsize)
{
	struct io_pgtable_ops *ops = table->pt.ops;
	size_t at;

	KUNIT_EXPECT_EQ(table->pt.test, size,
			ops->unmap_pages(ops, iova, pgsize, size / pgsize, NULL));
	for (at = 0; at < size; at += table->pt.granule)
		KUNIT_EXPECT_EQ(table->pt.test, (phys_addr_t)0,
				ops->iova_to_phys(ops, iova + at));
}

/* A page, pages of one table, a block, a block's worth of pages, and part of a block */
static void unmap_for_model(struct table *table)
{
	size_t page = table->pt.granule, block = table->pt.block;
	struct phys_vec pages = { SZ_8G + page, block }, large = { SZ_8G, block };
	unsigned long iova = SZ_4G;

	pgtable_map_pages(&table->pt, iova, &pages, 1);
	expect_unmapped(table, iova, page, page);
	expect_unmapped(table, iova + page, 5 * page, page);
	expect_unmapped(table, iova + 6 * page, block - 6 * page, page);

	pgtable_map_pages(&table->pt, iova + block, &large, 1);
	expect_unmapped(table, iova + block, block, block);

	pgtable_map_pages(&table->pt, iova + 2 * block, &pages, 1);
	expect_unmapped(table, iova + 2 * block, block, block);

	pgtable_map_pages(&table->pt, iova + 3 * block, &large, 1);
	expect_unmapped(table, iova + 3 * block + page, page, page);
	large = (struct phys_vec) { SZ_8G + 2 * page, block - 2 * page };
	pgtable_expect(&table->pt, iova + 3 * block + 2 * page, &large, 1, large.len);
}

static void device_loses_what_is_unmapped(struct kunit *test)
{
	each_table(test, unmap_for_model);
}

/* Pages of two CPUs in one leaf table, in which nothing has been mapped yet */
#define MINE		((unsigned long)SZ_4G + SZ_1M)

static const struct phys_vec my_pages[] = {
	{ SZ_8G, SZ_4K }, { SZ_8G + SZ_1M, 2 * SZ_4K },
};

static const struct phys_vec their_page = { SZ_1G, SZ_4K };
#define THEIRS		(MINE + 4 * SZ_4K)

static void map_by_pages(struct table *table)
{
	pgtable_map_pages(&table->pt, MINE, my_pages, 2);
}

static void map_by_vec(struct table *table)
{
	size_t mapped;

	KUNIT_EXPECT_EQ(table->pt.test, 0,
			pgtable_map_vec(&table->pt, MINE, my_pages, 2, &mapped));
}

/* As soon as the call returns, the IOMMU must get to the page. */
static void map_theirs_by_pages(struct table *table)
{
	pgtable_map_pages(&table->pt, THEIRS, &their_page, 1);
	KUNIT_EXPECT_EQ(table->pt.test, model_translates(table, THEIRS),
			their_page.paddr);
}

static void map_theirs_by_vec(struct table *table)
{
	size_t mapped;

	KUNIT_EXPECT_EQ(table->pt.test, 0,
			pgtable_map_vec(&table->pt, THEIRS, &their_page, 1, &mapped));
	KUNIT_EXPECT_EQ(table->pt.test, model_translates(table, THEIRS),
			their_page.paddr);
}

/* The other CPU maps before each synchronisation in turn. Returns how many. */
static int other_cpu_at_each_sync(struct kunit *test, void (*mine)(struct table *table),
				  void (*theirs)(struct table *table))
{
	struct table *table;
	int at = 0;

	do {
		table = model_table(test, ARM_64_LPAE_S1, granules[0]);
		other_cpu.table = table;
		other_cpu.map = theirs;
		other_cpu.at = ++at;
		mine(table);
		pgtable_expect(&table->pt, MINE, my_pages, 2, 3 * SZ_4K);
	} while (!other_cpu.at);
	other_cpu.at = 0;
	return at - 1;
}

static void two_cpus_in_a_fresh_table(struct kunit *test)
{
	void (*theirs[])(struct table *table) = {
		map_theirs_by_pages, map_theirs_by_vec,
	};
	int i;

	model_start(test);
	for (i = 0; i < ARRAY_SIZE(theirs); i++) {
		/* The entries for three tables, and each page or all of them */
		KUNIT_EXPECT_EQ(test, 3 + 3,
				other_cpu_at_each_sync(test, map_by_pages, theirs[i]));
		KUNIT_EXPECT_EQ(test, 3 + 1,
				other_cpu_at_each_sync(test, map_by_vec, theirs[i]));
	}
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
	KUNIT_CASE(map_pages_outside_of_the_table),
	KUNIT_CASE(upper_half_is_mapped_and_unmapped),
	KUNIT_CASE(lower_half_is_refused),
	KUNIT_CASE(map_vec_beyond_the_upper_half),
	KUNIT_CASE(map_block_over_a_table),
	KUNIT_CASE(unmap_blocks_up_to_hole),
	KUNIT_CASE(unmap_lists_tables_if_queued),
	KUNIT_CASE(split_adds_nothing_if_queued),
	KUNIT_CASE(unmap_waits_for_noncoherent_tables),
	KUNIT_CASE(map_vec_syncs_once_per_table),
	KUNIT_CASE(device_sees_what_is_mapped),
	KUNIT_CASE(device_loses_what_is_unmapped),
	KUNIT_CASE(two_cpus_in_a_fresh_table),
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
