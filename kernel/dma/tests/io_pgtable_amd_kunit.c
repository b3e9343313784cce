// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suites of AMD's page tables, by themselves: one for each format, without an
 * IOMMU. What map_vec() maps must be what map_pages() maps, entry by entry; and what
 * unmap_pages() says must be what it has unmapped.
 */
#include <kunit/test.h>
#include <linux/io-pgtable.h>
#include <linux/kprobes.h>
#include <linux/mm.h>
#include <linux/moduleparam.h>
#include <linux/prandom.h>
#include <linux/random.h>
#include <linux/sizes.h>

#include "../../../drivers/iommu/amd/amd_iommu.h"
#include "fail_alloc.h"
#include "fixture.h"
#include "pgtable.h"

static unsigned long seed = 1;
module_param(seed, ulong, 0444);
MODULE_PARM_DESC(seed, "of the random ranges; 0 takes a fresh one, which is printed");

#define ROUNDS		40
#define ENTRIES		512

/* Set in an entry of v2 that maps a large page */
#define V2_LARGE	BIT_ULL(7)

struct format {
	enum io_pgtable_fmt fmt;
	enum protection_domain_mode mode;
	/* The file that warns */
	const char *file;
	/* A page that is not the smallest */
	size_t larger;
};

static const struct format v1 = {
	AMD_IOMMU_V1, PD_MODE_V1, "amd/io_pgtable.c", SZ_32K,
};

static const struct format v2 = {
	AMD_IOMMU_V2, PD_MODE_V2, "amd/io_pgtable_v2.c", SZ_2M,
};

struct table {
	struct pgtable pt;
	const struct format *format;
	struct protection_domain pdom;
};

static void table_put(void *data)
{
	struct table *table = data;

	free_io_pgtable_ops(table->pt.ops);
}

/* The table is of a domain without devices, and lasts until the test ends. */
static struct table *table_get(struct kunit *test)
{
	struct table *table = kunit_kzalloc(test, sizeof(*table), GFP_KERNEL);
	const struct format *format = test->priv;
	struct protection_domain *pdom;

	KUNIT_ASSERT_NOT_NULL(test, table);
	table->pt.test = test;
	table->format = format;
	table->pt.prot = IOMMU_PROT_IR | IOMMU_PROT_IW;
	pdom = &table->pdom;
	spin_lock_init(&pdom->lock);
	INIT_LIST_HEAD(&pdom->dev_list);
	INIT_LIST_HEAD(&pdom->dev_data_list);
	xa_init(&pdom->iommu_array);
	pdom->pd_mode = format->mode;
	pdom->iop.pgtbl.cfg.amd.nid = NUMA_NO_NODE;
	table->pt.ops = alloc_io_pgtable_ops(format->fmt, &pdom->iop.pgtbl.cfg, pdom);
	KUNIT_ASSERT_NOT_NULL(test, table->pt.ops);
	table->pt.pgsizes = pdom->iop.pgtbl.cfg.pgsize_bitmap;
	table->pt.granule = PAGE_SIZE;
	table->pt.block = SZ_2M;
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, table_put, table), 0);
	return table;
}

static size_t table_unmap(struct table *table, unsigned long iova, size_t size)
{
	if (!size)
		return 0;
	return table->pt.ops->unmap_pages(table->pt.ops, iova, PAGE_SIZE,
				       size / PAGE_SIZE, NULL);
}

/* How many pages of a range translate to something */
static size_t table_mapped(struct table *table, unsigned long iova, size_t size)
{
	size_t nr = 0;

	for (; size; size -= PAGE_SIZE, iova += PAGE_SIZE)
		nr += table->pt.ops->iova_to_phys(table->pt.ops, iova) != 0;
	return nr;
}

static u64 *root_of(struct table *table)
{
	return table->format == &v2 ? table->pdom.iop.pgd :
					    table->pdom.iop.root;
}

static int levels_of(struct table *table)
{
	return table->format == &v2 ? amd_iommu_gpt_level :
					    table->pdom.iop.mode;
}

/* The table that an entry of a level, counted from 1, leads to, or NULL */
static u64 *next_table(struct table *table, u64 pte, int level)
{
	bool leads;

	if (table->format == &v2)
		leads = level > 1 && !(pte & V2_LARGE);
	else
		leads = PM_PTE_LEVEL(pte) && PM_PTE_LEVEL(pte) != 7;
	return leads && IOMMU_PTE_PRESENT(pte) ? IOMMU_PTE_PAGE(pte) : NULL;
}

/* The entry of a level for an address, which must be there */
static u64 *entry_of(struct table *table, unsigned long iova, int level)
{
	int l = levels_of(table);
	u64 *pte = root_of(table) + PM_LEVEL_INDEX(l - 1, iova);

	for (; l > level; l--) {
		u64 *next = next_table(table, *pte, l);

		KUNIT_ASSERT_NOT_NULL(table->pt.test, next);
		pte = next + PM_LEVEL_INDEX(l - 2, iova);
	}
	return pte;
}

/* The number of entries that differ in two tables and in those below */
static size_t differences(struct table *a, const u64 *pt_a, struct table *b,
			  const u64 *pt_b, int level)
{
	size_t nr = 0;
	int i;

	for (i = 0; i < ENTRIES; i++) {
		u64 *next_a = next_table(a, pt_a[i], level);
		u64 *next_b = next_table(b, pt_b[i], level);

		if (next_a && next_b)
			nr += differences(a, next_a, b, next_b, level - 1);
		else
			nr += pt_a[i] != pt_b[i];
	}
	return nr;
}

static void expect_same_table(struct kunit *test, unsigned long base,
			      struct rnd_state *rnd)
{
	struct table *by_vec = table_get(test);
	struct table *by_pages = table_get(test);
	unsigned long iova = base + PAGE_SIZE * (1 + prandom_u32_state(rnd) % 1024);
	struct phys_vec vec[PGTABLE_RANGES];
	size_t nr = pgtable_random_ranges(&by_vec->pt, rnd, iova, vec);
	size_t size = 0, mapped, i;

	by_vec->pt.prot = 1 + prandom_u32_state(rnd) % 3;
	by_pages->pt.prot = by_vec->pt.prot;
	for (i = 0; i < nr; i++)
		size += vec[i].len;
	KUNIT_EXPECT_EQ(test, 0,
			pgtable_map_vec(&by_vec->pt, iova, vec, nr, &mapped));
	KUNIT_EXPECT_EQ(test, mapped, size);
	pgtable_expect(&by_vec->pt, iova, vec, nr, size);

	pgtable_map_pages(&by_pages->pt, iova, vec, nr);
	KUNIT_ASSERT_EQ(test, levels_of(by_vec), levels_of(by_pages));
	KUNIT_EXPECT_EQ(test, (size_t)0,
			differences(by_vec, root_of(by_vec), by_pages,
				    root_of(by_pages), levels_of(by_vec)));

	KUNIT_EXPECT_EQ(test, size, table_unmap(by_vec, iova, size));
	pgtable_expect(&by_vec->pt, iova, vec, nr, 0);
}

static void map_vec_makes_the_same_table(struct kunit *test)
{
	unsigned long used_seed = seed ?: get_random_u32();
	struct rnd_state rnd;
	int i;

	kunit_info(test, "io_pgtable_amd_kunit.seed=%lu\n", used_seed);
	prandom_seed_state(&rnd, used_seed);
	for (i = 0; i < ROUNDS; i++) {
		expect_same_table(test, SZ_4G, &rnd);
		/* v1 has to add a level for this address. */
		expect_same_table(test, BIT(40), &rnd);
	}
}

static void map_vec_without_permission(struct kunit *test)
{
	struct phys_vec vec = { SZ_4G, PAGE_SIZE };
	struct table *table = table_get(test);
	size_t mapped;

	table->pt.prot = 0;
	KUNIT_EXPECT_EQ(test, -EINVAL,
			pgtable_map_vec(&table->pt, SZ_4G, &vec, 1, &mapped));
	KUNIT_EXPECT_EQ(test, mapped, (size_t)0);
	pgtable_expect(&table->pt, SZ_4G, &vec, 1, 0);
}

/* The core undoes as much as the table says. */
static void map_vec_says_how_far_it_got(struct kunit *test)
{
	struct table *table = table_get(test);
	unsigned long iova = SZ_4G + SZ_2M - 10 * PAGE_SIZE;
	struct phys_vec vec[PGTABLE_RANGES];
	size_t size = pgtable_scattered_pages(&table->pt, vec);
	size_t mapped, last = 0;
	int nth, ret;

	fail_alloc_insert(test);
	for (nth = 1; nth < 10; nth++) {
		fail_alloc_arm(nth);
		ret = pgtable_map_vec(&table->pt, iova, vec, PGTABLE_RANGES, &mapped);
		if (!fail_alloc_disarm())
			break;
		KUNIT_EXPECT_EQ(test, ret, -ENOMEM);
		last = mapped;
		pgtable_expect(&table->pt, iova, vec, PGTABLE_RANGES, mapped);
		KUNIT_EXPECT_EQ(test, mapped, table_unmap(table, iova, mapped));
		/* Page tables stay, so the next try begins with a new domain. */
		table = table_get(test);
	}
	/* The first leaf table needs a table above it, the second one does not. */
	KUNIT_EXPECT_GT(test, nth, 3);
	KUNIT_EXPECT_EQ(test, last, 10 * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, ret, 0);
	KUNIT_EXPECT_EQ(test, mapped, size);
	pgtable_expect(&table->pt, iova, vec, PGTABLE_RANGES, size);
}

/* The page that is mapped @there stays. */
static void expect_refused(struct table *table, unsigned long iova,
			   const struct phys_vec *vec, size_t nr,
			   unsigned long there, phys_addr_t paddr)
{
	struct kunit *test = table->pt.test;
	size_t mapped;

	warnings_expect(test, table->format->file);
	KUNIT_EXPECT_EQ(test, -EEXIST,
			pgtable_map_vec(&table->pt, iova, vec, nr, &mapped));
	KUNIT_EXPECT_EQ(test, warnings_taken(test), 1);
	KUNIT_EXPECT_EQ(test, paddr, table->pt.ops->iova_to_phys(table->pt.ops, there));
	KUNIT_EXPECT_EQ(test, mapped, table_mapped(table, iova, mapped) * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, mapped, table_unmap(table, iova, mapped));
}

/* Nothing is written over, be it large or small. */
static void map_vec_over_a_mapping(struct kunit *test)
{
	struct table *table = table_get(test);
	struct phys_vec large = { SZ_1G, SZ_2M };
	unsigned long iova = SZ_4G + SZ_1M;
	struct phys_vec vec[PGTABLE_RANGES];
	size_t at;

	pgtable_scattered_pages(&table->pt, vec);
	for (at = 0; at < 3; at++) {
		unsigned long there = iova + at * PAGE_SIZE;

		KUNIT_ASSERT_EQ(test, 0,
				pgtable_map_page(&table->pt, there, SZ_8M, SZ_4K));
		expect_refused(table, iova, vec, 3, there, SZ_8M);
		expect_refused(table, SZ_4G, &large, 1, there, SZ_8M);
		KUNIT_EXPECT_EQ(test, PAGE_SIZE, table_unmap(table, there, PAGE_SIZE));
	}

	/* A large page, from its inside and from in front of it */
	KUNIT_ASSERT_EQ(test, 0, pgtable_map_page(&table->pt, SZ_4G, SZ_8M, SZ_2M));
	expect_refused(table, iova, vec, 3, SZ_4G, SZ_8M);
	expect_refused(table, SZ_4G - PAGE_SIZE, vec, 3, SZ_4G, SZ_8M);
	expect_refused(table, SZ_4G, &large, 1, SZ_4G, SZ_8M);
	KUNIT_EXPECT_EQ(test, table_mapped(table, SZ_4G, SZ_2M), SZ_2M / PAGE_SIZE);

	/* A page of 1 GiB, which would have to be split into a table */
	KUNIT_EXPECT_EQ(test, (size_t)SZ_2M, table_unmap(table, SZ_4G, SZ_2M));
	KUNIT_ASSERT_EQ(test, 0, pgtable_map_page(&table->pt, SZ_4G, SZ_8G, SZ_1G));
	expect_refused(table, iova, vec, 3, SZ_4G, SZ_8G);
	expect_refused(table, SZ_4G + SZ_2M, &large, 1, SZ_4G, SZ_8G);
	KUNIT_EXPECT_EQ(test, (size_t)SZ_1G, table_unmap(table, SZ_4G, PAGE_SIZE));
}

/* Of any size over any size: the last page of the new size that overlaps */
static void map_page_over_a_mapping(struct kunit *test)
{
	struct table *table = table_get(test);
	struct io_pgtable_ops *ops = table->pt.ops;
	const size_t sizes[] = { SZ_4K, table->format->larger, SZ_2M, SZ_1G };
	unsigned long iova = SZ_4G;
	int old, new;

	for (old = 0; old < ARRAY_SIZE(sizes); old++) {
		unsigned long last = iova + sizes[old] - PAGE_SIZE;

		KUNIT_ASSERT_EQ(test, 0,
				pgtable_map_page(&table->pt, iova, SZ_8G, sizes[old]));
		for (new = 0; new < ARRAY_SIZE(sizes); new++) {
			warnings_expect(test, table->format->file);
			KUNIT_EXPECT_EQ(test, -EEXIST,
					pgtable_map_page(&table->pt,
							 ALIGN_DOWN(last, sizes[new]),
							 SZ_1G, sizes[new]));
			KUNIT_EXPECT_EQ(test, warnings_taken(test), 1);
			KUNIT_EXPECT_EQ(test, (phys_addr_t)SZ_8G,
					ops->iova_to_phys(ops, iova));
			KUNIT_EXPECT_EQ(test, SZ_8G + last - iova,
					ops->iova_to_phys(ops, last));
			KUNIT_EXPECT_EQ(test, (phys_addr_t)0,
					ops->iova_to_phys(ops, last + PAGE_SIZE));
		}
		KUNIT_EXPECT_EQ(test, sizes[old], table_unmap(table, iova, PAGE_SIZE));
	}
}

/* The last flush of one domain, and the references to a page by then */
static struct {
	struct protection_domain *pdom;
	struct page *watched;
	int nr;
	u64 address;
	size_t size;
	int refs;
} flushed;

static int flush_probed(struct kprobe *probe, struct pt_regs *regs)
{
	if ((void *)regs_get_kernel_argument(regs, 0) != flushed.pdom)
		return 0;
	flushed.nr++;
	flushed.address = regs_get_kernel_argument(regs, 1);
	flushed.size = regs_get_kernel_argument(regs, 2);
	flushed.refs = page_count(flushed.watched);
	return 0;
}

static struct kprobe flush_probe = {
	.symbol_name = "amd_iommu_domain_flush_pages",
	.pre_handler = flush_probed,
};

/* An empty table that a large page replaces is freed after the flush. */
static void replaced_table_is_freed_after_the_flush(struct kunit *test)
{
	struct phys_vec large = { SZ_1G, SZ_2M };
	int by_vec;

	fixture_probe(test, &flush_probe);
	for (by_vec = 0; by_vec <= 1; by_vec++) {
		struct table *table = table_get(test);
		struct page *leaf;
		size_t mapped;

		KUNIT_ASSERT_EQ(test, 0,
				pgtable_map_page(&table->pt, SZ_4G, SZ_8M, SZ_4K));
		KUNIT_ASSERT_EQ(test, PAGE_SIZE, table_unmap(table, SZ_4G, PAGE_SIZE));
		leaf = virt_to_page(entry_of(table, SZ_4G, 1));
		get_page(leaf);

		memset(&flushed, 0, sizeof(flushed));
		flushed.pdom = &table->pdom;
		flushed.watched = leaf;
		if (by_vec)
			KUNIT_EXPECT_EQ(test, 0,
					pgtable_map_vec(&table->pt, SZ_4G, &large, 1,
							&mapped));
		else
			KUNIT_EXPECT_EQ(test, 0,
					pgtable_map_page(&table->pt, SZ_4G, SZ_1G,
							 SZ_2M));
		KUNIT_EXPECT_EQ(test, flushed.nr, 1);
		KUNIT_EXPECT_EQ(test, flushed.address, (u64)SZ_4G);
		KUNIT_EXPECT_EQ(test, flushed.size, (size_t)SZ_2M);
		KUNIT_EXPECT_EQ(test, flushed.refs, 2);
		KUNIT_EXPECT_EQ(test, page_count(leaf), 1);
		flushed.pdom = NULL;
		put_page(leaf);
		pgtable_expect(&table->pt, SZ_4G, &large, 1, SZ_2M);
	}
}

/* What a large page maps is not taken for an empty table, and freed. */
static void large_page_is_no_table(struct kunit *test)
{
	struct table *table = table_get(test);
	struct page *page = fixture_large_page(test);
	phys_addr_t paddr = page_to_phys(page);

	get_page(page);
	KUNIT_ASSERT_EQ(test, 0, pgtable_map_page(&table->pt, SZ_4G, paddr, SZ_2M));
	warnings_expect(test, table->format->file);
	KUNIT_EXPECT_EQ(test, -EEXIST,
			pgtable_map_page(&table->pt, SZ_4G, paddr + SZ_2M, SZ_2M));
	KUNIT_EXPECT_EQ(test, warnings_taken(test), 1);
	KUNIT_ASSERT_EQ(test, page_count(page), 2);
	put_page(page);
	KUNIT_EXPECT_EQ(test, paddr, table->pt.ops->iova_to_phys(table->pt.ops, SZ_4G));
}

/* In one table, and in a table that has not been made */
static void unmap_counts_up_to_a_hole(struct kunit *test)
{
	struct table *table = table_get(test);
	unsigned long iova = SZ_4G + SZ_2M - 4 * PAGE_SIZE;
	struct phys_vec vec[PGTABLE_RANGES];
	size_t mapped;

	pgtable_scattered_pages(&table->pt, vec);
	KUNIT_EXPECT_EQ(test, (size_t)0, table_unmap(table, iova, SZ_2M));
	KUNIT_ASSERT_EQ(test, 0,
			pgtable_map_vec(&table->pt, iova, vec, 8, &mapped));
	KUNIT_EXPECT_EQ(test, PAGE_SIZE, table_unmap(table, iova + 2 * PAGE_SIZE,
						     PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, 2 * PAGE_SIZE, table_unmap(table, iova, 8 * PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, table_mapped(table, iova, 8 * PAGE_SIZE), (size_t)5);
	KUNIT_EXPECT_EQ(test, (size_t)0, table_unmap(table, iova, 8 * PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, 5 * PAGE_SIZE,
			table_unmap(table, iova + 3 * PAGE_SIZE, SZ_4M));
	pgtable_expect(&table->pt, iova, vec, 8, 0);
}

/* A large page is unmapped in full if the range has its beginning, or not at all. */
static void unmap_part_of_a_large_page(struct kunit *test)
{
	struct table *table = table_get(test);
	size_t large = table->format->larger;
	unsigned long iova = SZ_4G + large;
	struct phys_vec pages[] = {
		{ SZ_8G, PAGE_SIZE }, { SZ_1G, large }, { SZ_8G + SZ_1M, PAGE_SIZE },
	};
	size_t size = large + 2 * PAGE_SIZE;
	size_t mapped;

	/* A range that begins within it */
	KUNIT_ASSERT_EQ(test, 0,
			pgtable_map_vec(&table->pt, iova - PAGE_SIZE, pages, 3,
					&mapped));
	KUNIT_EXPECT_EQ(test, (size_t)0,
			table_unmap(table, iova + large / 2, large / 2 + PAGE_SIZE));
	pgtable_expect(&table->pt, iova - PAGE_SIZE, pages, 3, size);

	/* A range that ends within it, alone and behind another page */
	KUNIT_EXPECT_EQ(test, large, table_unmap(table, iova, PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, table_mapped(table, iova, large), (size_t)0);
	KUNIT_ASSERT_EQ(test, 0,
			pgtable_map_vec(&table->pt, iova, &pages[1], 1, &mapped));
	KUNIT_EXPECT_EQ(test, PAGE_SIZE + large,
			table_unmap(table, iova - PAGE_SIZE, 2 * PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, table_mapped(table, iova - PAGE_SIZE, size), (size_t)1);
	KUNIT_EXPECT_EQ(test, PAGE_SIZE, table_unmap(table, iova + large, PAGE_SIZE));
}

/*
 * All bits of an entry except its address, by their values in the specification. In v2,
 * everything that is present can be read.
 */
static void expect_bits(struct table *table, unsigned long iova, size_t pgsize)
{
	u64 pte = *entry_of(table, iova, pgsize < SZ_2M ? 1 : 2), want;
	int prot = table->pt.prot;

	if (table->format == &v2) {
		/* Dirty, accessed, of user mode, present; writable; and large */
		want = 0x65;
		if (prot & IOMMU_PROT_IW)
			want |= 0x2;
		if (pgsize > PAGE_SIZE)
			want |= 0x80;
	} else {
		/* Coherent, present; writable; readable; and one of several entries */
		want = 0x1000000000000001;
		if (prot & IOMMU_PROT_IW)
			want |= 0x4000000000000000;
		if (prot & IOMMU_PROT_IR)
			want |= 0x2000000000000000;
		if (pgsize == SZ_32K)
			want |= 0xe00;
	}
	KUNIT_EXPECT_EQ(table->pt.test, pte & ~GENMASK_ULL(51, 12), want);
}

static void entries_allow_what_is_mapped(struct kunit *test)
{
	static const int prots[] = {
		IOMMU_PROT_IR, IOMMU_PROT_IW, IOMMU_PROT_IR | IOMMU_PROT_IW,
	};
	struct phys_vec pages[] = { { SZ_8G, PAGE_SIZE }, { SZ_1G, PAGE_SIZE } };
	struct phys_vec large[] = { { SZ_8G, SZ_2M }, { SZ_1G, 0 } };
	struct table *table = table_get(test);
	size_t larger = table->format->larger;
	unsigned long iova = SZ_4G;
	size_t mapped;
	int i;

	large[1].len = larger;
	for (i = 0; i < ARRAY_SIZE(prots); i++) {
		table->pt.prot = prots[i];
		KUNIT_EXPECT_EQ(test, 0,
				pgtable_map_page(&table->pt, iova, SZ_8G, SZ_4K));
		KUNIT_EXPECT_EQ(test, 0,
				pgtable_map_vec(&table->pt, iova + SZ_4K, pages, 2,
						&mapped));
		KUNIT_EXPECT_EQ(test, 0,
				pgtable_map_vec(&table->pt, iova + SZ_2M, large, 2,
						&mapped));
		KUNIT_EXPECT_EQ(test, 0,
				pgtable_map_page(&table->pt, iova + 3 * SZ_2M, SZ_8G,
						 larger));
		expect_bits(table, iova, SZ_4K);
		expect_bits(table, iova + SZ_4K, SZ_4K);
		expect_bits(table, iova + SZ_8K, SZ_4K);
		expect_bits(table, iova + SZ_2M, SZ_2M);
		expect_bits(table, iova + SZ_4M, larger);
		expect_bits(table, iova + 3 * SZ_2M, larger);
		iova += SZ_8M;
	}
}

static void expect_out_of_range(struct table *table, unsigned long iova,
				size_t size)
{
	struct phys_vec vec = { SZ_8G, size };
	struct kunit *test = table->pt.test;
	size_t mapped = 0;

	KUNIT_EXPECT_EQ(test, -ERANGE,
			table->pt.ops->map_pages(table->pt.ops, iova, SZ_8G, PAGE_SIZE,
						 size / PAGE_SIZE, table->pt.prot,
						 GFP_KERNEL, &mapped));
	KUNIT_EXPECT_EQ(test, mapped, (size_t)0);
	KUNIT_EXPECT_EQ(test, -ERANGE,
			pgtable_map_vec(&table->pt, iova, &vec, 1, &mapped));
	KUNIT_EXPECT_EQ(test, mapped, (size_t)0);
}

/* v1 adds a level for an address which it would have to take for another one. */
static void map_vec_adds_a_level(struct kunit *test)
{
	struct table *table = table_get(test);
	struct io_pgtable_ops *ops = table->pt.ops;
	struct phys_vec page = { SZ_8G, PAGE_SIZE };
	unsigned long low = SZ_4G + PAGE_SIZE;
	int levels = levels_of(table);
	size_t mapped;

	/* There is a table for the low address. */
	KUNIT_ASSERT_EQ(test, levels, 3);
	KUNIT_ASSERT_EQ(test, 0, pgtable_map_page(&table->pt, SZ_4G, SZ_8M, SZ_4K));
	KUNIT_EXPECT_EQ(test, 0,
			pgtable_map_vec(&table->pt, BIT(39) + low, &page, 1, &mapped));
	KUNIT_EXPECT_EQ(test, mapped, PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, levels_of(table), levels + 1);
	KUNIT_EXPECT_EQ(test, page.paddr, ops->iova_to_phys(ops, BIT(39) + low));
	KUNIT_EXPECT_EQ(test, (phys_addr_t)0, ops->iova_to_phys(ops, low));
	KUNIT_EXPECT_EQ(test, (phys_addr_t)SZ_8M, ops->iova_to_phys(ops, SZ_4G));
}

/* An address that the levels do not have is not taken for another one. */
static void addresses_beyond_the_levels(struct kunit *test)
{
	struct table *table = table_get(test);
	unsigned long end = BIT(PM_LEVEL_SHIFT(levels_of(table)));
	struct phys_vec pages[] = { { SZ_1G, PAGE_SIZE }, { SZ_8G, PAGE_SIZE } };
	struct io_pgtable_ops *ops = table->pt.ops;
	size_t mapped;

	KUNIT_ASSERT_EQ(test, 0, pgtable_map_page(&table->pt, SZ_4G, SZ_8M, SZ_4K));
	KUNIT_EXPECT_EQ(test, (phys_addr_t)0, ops->iova_to_phys(ops, end + SZ_4G));
	KUNIT_EXPECT_EQ(test, (size_t)0, table_unmap(table, end + SZ_4G, PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, (phys_addr_t)SZ_8M, ops->iova_to_phys(ops, SZ_4G));

	expect_out_of_range(table, end + SZ_4G + PAGE_SIZE, PAGE_SIZE);
	expect_out_of_range(table, end + SZ_4G + SZ_2M, SZ_2M);
	KUNIT_EXPECT_EQ(test, table_mapped(table, SZ_4G, SZ_4M), (size_t)1);
	expect_out_of_range(table, end - PAGE_SIZE, 2 * PAGE_SIZE);
	expect_out_of_range(table, -PAGE_SIZE, 2 * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, table_mapped(table, 0, SZ_2M), (size_t)0);

	/* The last page, in front of one that is too many */
	KUNIT_ASSERT_EQ(test, 0, pgtable_map_page(&table->pt, 0, SZ_8M, SZ_4K));
	KUNIT_EXPECT_EQ(test, -ERANGE,
			pgtable_map_vec(&table->pt, end - PAGE_SIZE, pages, 2, &mapped));
	KUNIT_EXPECT_EQ(test, mapped, PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, pages[0].paddr, ops->iova_to_phys(ops, end - PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, PAGE_SIZE,
			table_unmap(table, end - PAGE_SIZE, 2 * PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, (phys_addr_t)SZ_8M, ops->iova_to_phys(ops, 0));
}

static int init_v1(struct kunit *test)
{
	test->priv = (void *)&v1;
	return 0;
}

static int init_v2(struct kunit *test)
{
	test->priv = (void *)&v2;
	return 0;
}

static struct kunit_case v1_cases[] = {
	KUNIT_CASE(map_vec_makes_the_same_table),
	KUNIT_CASE(map_vec_without_permission),
	KUNIT_CASE(entries_allow_what_is_mapped),
	KUNIT_CASE(map_vec_says_how_far_it_got),
	KUNIT_CASE(map_vec_over_a_mapping),
	KUNIT_CASE(map_page_over_a_mapping),
	KUNIT_CASE(replaced_table_is_freed_after_the_flush),
	KUNIT_CASE(unmap_counts_up_to_a_hole),
	KUNIT_CASE(unmap_part_of_a_large_page),
	KUNIT_CASE(map_vec_adds_a_level),
	{}
};

static struct kunit_case v2_cases[] = {
	KUNIT_CASE(map_vec_makes_the_same_table),
	KUNIT_CASE(map_vec_without_permission),
	KUNIT_CASE(entries_allow_what_is_mapped),
	KUNIT_CASE(map_vec_says_how_far_it_got),
	KUNIT_CASE(map_vec_over_a_mapping),
	KUNIT_CASE(map_page_over_a_mapping),
	KUNIT_CASE(replaced_table_is_freed_after_the_flush),
	KUNIT_CASE(large_page_is_no_table),
	KUNIT_CASE(unmap_counts_up_to_a_hole),
	KUNIT_CASE(unmap_part_of_a_large_page),
	KUNIT_CASE(addresses_beyond_the_levels),
	{}
};

static struct kunit_suite v1_suite = {
	.name		= "io_pgtable_amd_v1",
	.suite_init	= warnings_start,
	.suite_exit	= warnings_stop,
	.init		= init_v1,
	.exit		= warnings_check,
	.test_cases	= v1_cases,
};

static struct kunit_suite v2_suite = {
	.name		= "io_pgtable_amd_v2",
	.suite_init	= warnings_start,
	.suite_exit	= warnings_stop,
	.init		= init_v2,
	.exit		= warnings_check,
	.test_cases	= v2_cases,
};

kunit_test_suites(&v1_suite, &v2_suite);

MODULE_DESCRIPTION("KUnit suites of AMD's page tables");
MODULE_LICENSE("GPL");
