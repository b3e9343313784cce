// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suites of VT-d's page tables, by themselves: one for each level, without an
 * IOMMU. The device of the model does not look into the caches of the CPUs: all that
 * is checked is what it finds by walking through memory as it was flushed. What
 * map_vec() maps must be what map_pages() maps, with as many tables.
 */
#include <kunit/test.h>
#include <linux/io-pgtable.h>
#include <linux/kprobes.h>
#include <linux/mm.h>
#include <linux/moduleparam.h>
#include <linux/prandom.h>
#include <linux/random.h>
#include <linux/sched.h>
#include <linux/sizes.h>

#include "../../../drivers/iommu/intel/iommu.h"
#include "fail_alloc.h"
#include "fixture.h"
#include "flushed.h"
#include "pgtable.h"

static unsigned long seed = 1;
module_param(seed, ulong, 0444);
MODULE_PARM_DESC(seed, "of the random ranges; 0 takes a fresh one, which is printed");

#define ROUNDS		20

/* The file in which the driver warns */
#define DRIVER		"intel/iommu.c"

/* Levels of most tables, and bits of the addresses: less than the tables could have */
#define LEVELS		4
#define ADDR_BITS	46

struct format {
	bool first_level;
};

static const struct format first_level = { true };
static const struct format second_level = { false };

struct table {
	struct pgtable pt;
	/* pt.ops points here, as if the domain had it. */
	struct io_pgtable_ops ops;
	struct dmar_domain *domain;
	/* The first address that it does not have */
	unsigned long end;
};

/* Another CPU, which maps something just before a flush */
static struct {
	struct table *table;
	void (*map)(struct table *table);
	/* Counted down by flushes: the other CPU maps at 0. */
	int at;
} other_cpu;

static struct task_struct *flush_task;
static int flushes;

/* Replaces clflush_cache_range(). */
static void model_flush(void *addr, unsigned int size)
{
	flushes++;
	if (other_cpu.at && !--other_cpu.at)
		other_cpu.map(other_cpu.table);
	flushed_add(addr, size);
}

static int flush_probed(struct kprobe *probe, struct pt_regs *regs)
{
	if (current != READ_ONCE(flush_task))
		return 0;
	regs->ip = (unsigned long)model_flush;
	return 1;
}

/* With a post-handler, the probe is not optimised: a jump cannot skip the function. */
static void flush_was_probed(struct kprobe *probe, struct pt_regs *regs,
			     unsigned long flags)
{
}

static struct kprobe flush_probe = {
	.symbol_name	= "clflush_cache_range",
	.pre_handler	= flush_probed,
	.post_handler	= flush_was_probed,
};

static struct table *table_of(struct io_pgtable_ops *ops)
{
	return container_of(ops, struct table, ops);
}

static int table_map_pages(struct io_pgtable_ops *ops, unsigned long iova,
			   phys_addr_t paddr, size_t pgsize, size_t pgcount, int prot,
			   gfp_t gfp, size_t *mapped)
{
	struct iommu_domain *domain = &table_of(ops)->domain->domain;

	return domain->ops->map_pages(domain, iova, paddr, pgsize, pgcount, prot, gfp,
				      mapped);
}

static int table_map_vec(struct io_pgtable_ops *ops, unsigned long iova,
			 const struct phys_vec *vec, size_t nr, int prot, gfp_t gfp,
			 size_t *mapped)
{
	struct iommu_domain *domain = &table_of(ops)->domain->domain;

	return domain->ops->map_vec(domain, iova, vec, nr, prot, gfp, mapped);
}

/* Unmaps, and invalidates */
static size_t table_unmap_pages(struct io_pgtable_ops *ops, unsigned long iova,
				size_t pgsize, size_t pgcount,
				struct iommu_iotlb_gather *unused)
{
	struct iommu_domain *domain = &table_of(ops)->domain->domain;
	struct iommu_iotlb_gather gather;
	size_t unmapped;

	iommu_iotlb_gather_init(&gather);
	unmapped = domain->ops->unmap_pages(domain, iova, pgsize, pgcount, &gather);
	iommu_iotlb_sync(domain, &gather);
	return unmapped;
}

static u64 device_reads(struct table *table, phys_addr_t paddr)
{
	if (table->domain->iommu_coherency)
		return *(u64 *)phys_to_virt(paddr);
	return flushed_read(paddr);
}

/* The entry that maps an address for the device, and its level; or 0 */
static u64 device_entry(struct table *table, unsigned long iova, int *level)
{
	phys_addr_t at = virt_to_phys(table->domain->pgd);
	unsigned long pfn = iova >> VTD_PAGE_SHIFT;
	int width = agaw_to_width(table->domain->agaw);
	struct dma_pte pte;

	if (iova >> width)
		return 0;
	for (*level = agaw_to_level(table->domain->agaw); ; --*level) {
		pte.val = device_reads(table, at + pfn_level_offset(pfn, *level) *
						   sizeof(pte));
		if (!dma_pte_present(&pte))
			return 0;
		if (*level == 1 || dma_pte_superpage(&pte))
			return pte.val;
		at = dma_pte_addr(&pte);
	}
}

static phys_addr_t device_translates(struct table *table, unsigned long iova)
{
	int level;
	struct dma_pte pte = { device_entry(table, iova, &level) };
	size_t size = VTD_PAGE_SIZE << level_to_offset_bits(level);

	if (!pte.val)
		return 0;
	return dma_pte_addr(&pte) + (iova & (size - 1));
}

/* Translates as the device does. The driver must find the same. */
static phys_addr_t table_iova_to_phys(struct io_pgtable_ops *ops, unsigned long iova)
{
	struct table *table = table_of(ops);
	struct iommu_domain *domain = &table->domain->domain;
	phys_addr_t phys = device_translates(table, iova);

	KUNIT_ASSERT_EQ(table->pt.test, phys, domain->ops->iova_to_phys(domain, iova));
	return phys;
}

static void table_put(void *data)
{
	struct table *table = data;
	struct iommu_domain *domain = &table->domain->domain;

	domain->ops->free(domain);
}

/* The table is of a domain without devices, and lasts until the test ends. */
static struct table *table_get_of(struct kunit *test, int levels, int addr_bits)
{
	struct table *table = kunit_kzalloc(test, sizeof(*table), GFP_KERNEL);
	const struct format *format = test->priv;
	struct iommu_domain *domain;

	KUNIT_ASSERT_NOT_NULL(test, table);
	domain = intel_iommu_ops.domain_alloc(IOMMU_DOMAIN_UNMANAGED);
	KUNIT_ASSERT_NOT_NULL(test, domain);
	domain->ops = intel_iommu_ops.default_domain_ops;
	table->domain = to_dmar_domain(domain);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, table_put, table), 0);

	KUNIT_ASSERT_FALSE(test, table->domain->iommu_coherency);
	table->domain->use_first_level = format->first_level;
	table->domain->iommu_superpage = 2;
	table->domain->agaw = levels - 2;
	table->domain->gaw = addr_bits;
	/* First-level tables translate the lower half of what they could. */
	table->end = BIT(addr_bits - format->first_level);
	domain->geometry.aperture_end = table->end - 1;

	table->ops = (struct io_pgtable_ops) {
		.map_pages	= table_map_pages,
		.map_vec	= table_map_vec,
		.unmap_pages	= table_unmap_pages,
		.iova_to_phys	= table_iova_to_phys,
	};
	table->pt.test = test;
	table->pt.ops = &table->ops;
	table->pt.pgsizes = SZ_4K | SZ_2M | SZ_1G;
	table->pt.granule = SZ_4K;
	table->pt.block = SZ_2M;
	table->pt.prot = IOMMU_READ | IOMMU_WRITE;
	return table;
}

static struct table *table_get(struct kunit *test)
{
	return table_get_of(test, LEVELS, ADDR_BITS);
}

static size_t table_unmap(struct table *table, unsigned long iova, size_t size)
{
	if (!size)
		return 0;
	return table->ops.unmap_pages(&table->ops, iova, PAGE_SIZE, size / PAGE_SIZE, NULL);
}

static void expect_mapped(struct table *table, unsigned long iova,
			  const struct phys_vec *vec, size_t nr)
{
	size_t mapped;

	KUNIT_EXPECT_EQ(table->pt.test, 0,
			pgtable_map_vec(&table->pt, iova, vec, nr, &mapped));
}

/* The leaf table for an address, which must be there */
static struct dma_pte *leaf_table(struct table *table, unsigned long iova)
{
	struct dma_pte *pt = table->domain->pgd;
	int level;

	for (level = LEVELS; level > 1; level--) {
		pt += pfn_level_offset(iova >> VTD_PAGE_SHIFT, level);
		KUNIT_ASSERT_TRUE(table->pt.test, dma_pte_present(pt));
		pt = phys_to_virt(dma_pte_addr(pt));
	}
	return pt;
}

static void expect_same_table(struct kunit *test, struct rnd_state *rnd)
{
	long before = fixture_iommu_pages(), of_vec;
	struct table *by_vec = table_get(test);
	unsigned long iova = SZ_4G + PAGE_SIZE * (1 + prandom_u32_state(rnd) % 1024);
	struct phys_vec vec[PGTABLE_RANGES];
	size_t nr = pgtable_random_ranges(&by_vec->pt, rnd, iova, vec);
	struct table *by_pages;
	size_t size = 0, i;

	for (i = 0; i < nr; i++)
		size += vec[i].len;
	expect_mapped(by_vec, iova, vec, nr);
	pgtable_expect(&by_vec->pt, iova, vec, nr, size);
	of_vec = fixture_iommu_pages() - before;

	by_pages = table_get(test);
	pgtable_map_pages(&by_pages->pt, iova, vec, nr);
	pgtable_expect(&by_pages->pt, iova, vec, nr, size);
	KUNIT_EXPECT_EQ(test, fixture_iommu_pages() - before, 2 * of_vec);

	KUNIT_EXPECT_EQ(test, size, table_unmap(by_vec, iova, size));
	pgtable_expect(&by_vec->pt, iova, vec, nr, 0);
	kunit_release_action(test, table_put, by_pages);
	kunit_release_action(test, table_put, by_vec);
	KUNIT_EXPECT_EQ(test, fixture_iommu_pages(), before);
}

static void map_vec_makes_the_same_table(struct kunit *test)
{
	unsigned long used_seed = seed ?: get_random_u32();
	struct rnd_state rnd;
	int i;

	kunit_info(test, "vtd_pgtable_kunit.seed=%lu\n", used_seed);
	prandom_seed_state(&rnd, used_seed);
	for (i = 0; i < ROUNDS; i++)
		expect_same_table(test, &rnd);
}

/* The core undoes as much as the table says. */
static void map_vec_says_how_far_it_got(struct kunit *test)
{
	unsigned long iova = SZ_4G + SZ_2M - 10 * PAGE_SIZE;
	struct phys_vec vec[PGTABLE_RANGES];
	size_t size, mapped, last = 0;
	struct table *table;
	int nth, ret;

	fail_alloc_insert(test);
	for (nth = 1; nth < 10; nth++) {
		/* The model of flushing allocates memory itself, so do without. */
		table = table_get(test);
		table->domain->iommu_coherency = true;
		size = pgtable_scattered_pages(&table->pt, vec);
		fail_alloc_arm(nth);
		ret = pgtable_map_vec(&table->pt, iova, vec, PGTABLE_RANGES, &mapped);
		if (!fail_alloc_disarm())
			break;
		KUNIT_EXPECT_EQ(test, ret, -ENOMEM);
		/* There may be tables for what comes next. */
		KUNIT_EXPECT_GT(test, table->domain->max_addr, (u64)(iova + mapped));
		last = mapped;
		pgtable_expect(&table->pt, iova, vec, PGTABLE_RANGES, mapped);
		KUNIT_EXPECT_EQ(test, mapped, table_unmap(table, iova, mapped));
	}
	/* A table of each level, and another leaf table */
	KUNIT_EXPECT_EQ(test, nth, LEVELS + 1);
	KUNIT_EXPECT_EQ(test, last, 10 * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, ret, 0);
	pgtable_expect(&table->pt, iova, vec, PGTABLE_RANGES, size);
}

/* The call reports how far it has mapped, and the mapping @there stays. */
static void expect_refused(struct table *table, unsigned long iova,
			   const struct phys_vec *vec, unsigned long there,
			   phys_addr_t paddr)
{
	struct kunit *test = table->pt.test;
	size_t mapped, at;
	int by_vec;

	for (by_vec = 0; by_vec <= 1; by_vec++) {
		warnings_expect(test, DRIVER);
		mapped = 0;
		if (by_vec)
			KUNIT_EXPECT_EQ(test, -EEXIST,
					pgtable_map_vec(&table->pt, iova, vec, 1,
							&mapped));
		else
			KUNIT_EXPECT_EQ(test, -EEXIST,
					table_map_pages(&table->ops, iova, vec->paddr,
							PAGE_SIZE,
							vec->len / PAGE_SIZE,
							table->pt.prot, GFP_KERNEL,
							&mapped));
		KUNIT_EXPECT_EQ(test, warnings_taken(test), 1);
		KUNIT_EXPECT_EQ(test, paddr, table_iova_to_phys(&table->ops, there));
		KUNIT_ASSERT_LT(test, mapped, vec->len);
		for (at = 0; at < mapped; at += PAGE_SIZE)
			KUNIT_EXPECT_NE(test, (phys_addr_t)0,
					table_iova_to_phys(&table->ops, iova + at));
		KUNIT_EXPECT_EQ(test, mapped, table_unmap(table, iova, mapped));
		KUNIT_EXPECT_EQ(test, paddr, table_iova_to_phys(&table->ops, there));
	}
}

/* Nothing is written over, be it large or small, nor into the memory that is mapped. */
static void map_over_a_mapping(struct kunit *test)
{
	struct table *table = table_get(test);
	struct page *page = fixture_large_page(test);
	phys_addr_t paddr = page_to_phys(page);
	struct phys_vec large = { SZ_1G, SZ_2M }, pages = { SZ_8G, 3 * PAGE_SIZE };
	unsigned long iova = SZ_4G + SZ_1M;
	size_t at;

	for (at = 0; at < 3; at++) {
		unsigned long there = iova + at * PAGE_SIZE;
		struct phys_vec single = { SZ_8G, PAGE_SIZE };

		KUNIT_ASSERT_EQ(test, 0,
				pgtable_map_page(&table->pt, there, paddr, SZ_4K));
		expect_refused(table, iova, &pages, there, paddr);
		expect_refused(table, there, &single, there, paddr);
		expect_refused(table, SZ_4G, &large, there, paddr);
		KUNIT_EXPECT_EQ(test, PAGE_SIZE, table_unmap(table, there, PAGE_SIZE));
	}

	/* A large page, from its inside and from in front of it */
	KUNIT_ASSERT_EQ(test, 0, pgtable_map_page(&table->pt, SZ_4G, paddr, SZ_2M));
	expect_refused(table, iova, &pages, SZ_4G, paddr);
	expect_refused(table, SZ_4G - PAGE_SIZE, &pages, SZ_4G, paddr);
	expect_refused(table, SZ_4G, &large, SZ_4G, paddr);
	KUNIT_EXPECT_NULL(test, memchr_inv(page_address(page), 0, SZ_4M));
	large.len = SZ_4M;
	expect_refused(table, SZ_4G - SZ_2M, &large, SZ_4G, paddr);
	large = (struct phys_vec) { SZ_1G, SZ_1G };
	expect_refused(table, SZ_4G, &large, SZ_4G, paddr);
}

/* The last invalidation of one domain */
static struct {
	struct dmar_domain *domain;
	int nr;
	unsigned long start, last;
	/* The hint that the paths to the entries are still right */
	int ih;
	/* A page, and the references to it by then */
	struct page *watched;
	int refs;
} invalidated;

static void watch_invalidations(struct table *table, struct page *page)
{
	memset(&invalidated, 0, sizeof(invalidated));
	invalidated.domain = table->domain;
	invalidated.ih = -1;
	invalidated.watched = page;
}

static int invalidation_probed(struct kprobe *probe, struct pt_regs *regs)
{
	if ((void *)regs_get_kernel_argument(regs, 0) != invalidated.domain)
		return 0;
	invalidated.nr++;
	invalidated.start = regs_get_kernel_argument(regs, 1);
	invalidated.last = regs_get_kernel_argument(regs, 2);
	invalidated.ih = (int)regs_get_kernel_argument(regs, 3);
	if (invalidated.watched)
		invalidated.refs = page_count(invalidated.watched);
	return 0;
}

static struct kprobe invalidation_probe = {
	.symbol_name	= "cache_tag_flush_range",
	.pre_handler	= invalidation_probed,
};

static int batch_probed(struct kprobe *probe, struct pt_regs *regs)
{
	if ((void *)regs_get_kernel_argument(regs, 0) == invalidated.domain)
		invalidated.ih = (int)regs_get_kernel_argument(regs, 3);
	return 0;
}

static struct kprobe batch_probe = {
	.symbol_name	= "cache_tag_flush_ranges",
	.pre_handler	= batch_probed,
};

/* A page of @pgsize replaces empty tables. Look at the leaf table of these. */
static void expect_freed_late(struct kunit *test, size_t pgsize, bool by_vec)
{
	struct phys_vec large = { SZ_8G, pgsize };
	struct table *table = table_get(test);
	struct page *leaf;

	KUNIT_ASSERT_EQ(test, 0, pgtable_map_page(&table->pt, SZ_4G, SZ_8M, SZ_4K));
	KUNIT_ASSERT_EQ(test, PAGE_SIZE, table_unmap(table, SZ_4G, PAGE_SIZE));
	leaf = virt_to_page(leaf_table(table, SZ_4G));
	get_page(leaf);

	watch_invalidations(table, leaf);
	if (by_vec)
		expect_mapped(table, SZ_4G, &large, 1);
	else
		pgtable_map_pages(&table->pt, SZ_4G, &large, 1);
	KUNIT_EXPECT_EQ(test, invalidated.nr, 1);
	KUNIT_EXPECT_EQ(test, invalidated.start, (unsigned long)SZ_4G);
	KUNIT_EXPECT_EQ(test, invalidated.last, SZ_4G + pgsize - 1);
	KUNIT_EXPECT_EQ(test, invalidated.ih, 0);
	KUNIT_EXPECT_EQ(test, invalidated.refs, 2);
	KUNIT_EXPECT_EQ(test, page_count(leaf), 1);
	invalidated.watched = NULL;
	put_page(leaf);
	pgtable_expect(&table->pt, SZ_4G, &large, 1, pgsize);
}

static void replaced_tables_are_freed_after_the_invalidation(struct kunit *test)
{
	fixture_probe(test, &invalidation_probe);
	expect_freed_late(test, SZ_2M, false);
	expect_freed_late(test, SZ_2M, true);
	expect_freed_late(test, SZ_1G, false);
	expect_freed_late(test, SZ_1G, true);
}

/* As dma_iova_batch_destroy() and dma_iova_batch_flush() */
static size_t unmap_as_batch(struct table *table, unsigned long iova, size_t size)
{
	struct iommu_domain *domain = &table->domain->domain;
	struct iommu_iotlb_range range = { iova, size };
	struct iommu_iotlb_gather gather;
	size_t unmapped;

	iommu_iotlb_gather_init(&gather);
	gather.queued = true;
	unmapped = domain->ops->unmap_pages(domain, iova, PAGE_SIZE, size / PAGE_SIZE,
					    &gather);
	iommu_iotlb_sync_ranges(domain, &range, 1, &gather.freelist);
	return unmapped;
}

/* Unmaps the first pages of a table. */
static void expect_hint(struct table *table, size_t size, int hint)
{
	struct phys_vec pages = { SZ_8G + PAGE_SIZE, SZ_2M };
	struct kunit *test = table->pt.test;
	int batch;

	for (batch = 0; batch <= 1; batch++) {
		expect_mapped(table, SZ_4G, &pages, 1);
		watch_invalidations(table, NULL);
		KUNIT_EXPECT_EQ(test, size, batch ? unmap_as_batch(table, SZ_4G, size) :
						    table_unmap(table, SZ_4G, size));
		KUNIT_EXPECT_EQ(test, invalidated.ih, hint);
		KUNIT_EXPECT_EQ(test, SZ_2M - size,
				table_unmap(table, SZ_4G + size, SZ_2M - size));
	}
}

/* The IOMMU may keep the paths that it has cached, but not one to a freed table. */
static void only_freed_tables_invalidate_the_paths(struct kunit *test)
{
	struct table *table = table_get(test);

	fixture_probe(test, &invalidation_probe);
	fixture_probe(test, &batch_probe);
	expect_hint(table, PAGE_SIZE, 1);
	expect_hint(table, SZ_2M - PAGE_SIZE, 1);
	expect_hint(table, SZ_2M, 0);
}

static void expect_outside(struct table *table, unsigned long iova, size_t size)
{
	struct phys_vec vec = { SZ_8G, size };
	struct kunit *test = table->pt.test;
	size_t mapped = 0;

	KUNIT_EXPECT_EQ(test, -EFAULT,
			table_map_pages(&table->ops, iova, SZ_8G, PAGE_SIZE,
					size / PAGE_SIZE, table->pt.prot, GFP_KERNEL,
					&mapped));
	KUNIT_EXPECT_EQ(test, mapped, (size_t)0);
	KUNIT_EXPECT_EQ(test, -EFAULT,
			pgtable_map_vec(&table->pt, iova, &vec, 1, &mapped));
	KUNIT_EXPECT_EQ(test, mapped, (size_t)0);
}

/* Beyond the addresses of the device, of the tables, and of 64 bits */
static void map_outside_of_the_domain(struct kunit *test)
{
	struct table *table = table_get(test);
	unsigned long end = table->end;
	const struct {
		unsigned long iova;
		size_t size;
	} outside[] = {
		{ end, PAGE_SIZE }, { end, SZ_2M }, { end - SZ_2M, SZ_4M },
		{ end + SZ_4G, PAGE_SIZE }, { BIT(48) + SZ_4G, PAGE_SIZE },
		{ BIT(48) + SZ_4G, SZ_2M }, { -PAGE_SIZE, 2 * PAGE_SIZE },
	};
	struct phys_vec page = { SZ_8G, PAGE_SIZE }, vec;
	size_t mapped, i;

	for (i = 0; i < ARRAY_SIZE(outside); i++) {
		expect_outside(table, outside[i].iova, outside[i].size);
		KUNIT_EXPECT_EQ(test, (phys_addr_t)0,
				table_iova_to_phys(&table->ops, SZ_4G));
	}

	/* The last page, alone and in front of one that is too many */
	expect_mapped(table, end - PAGE_SIZE, &page, 1);
	KUNIT_EXPECT_EQ(test, device_translates(table, end - PAGE_SIZE), page.paddr);
	KUNIT_EXPECT_EQ(test, (size_t)0, table_unmap(table, end, PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, PAGE_SIZE, table_unmap(table, end - PAGE_SIZE, PAGE_SIZE));
	vec = (struct phys_vec) { SZ_8G, 2 * PAGE_SIZE };
	KUNIT_EXPECT_EQ(test, -EFAULT,
			pgtable_map_vec(&table->pt, end - PAGE_SIZE, &vec, 1, &mapped));
	KUNIT_EXPECT_EQ(test, mapped, table_unmap(table, end - PAGE_SIZE, mapped));
	KUNIT_EXPECT_EQ(test, device_translates(table, end - PAGE_SIZE), (phys_addr_t)0);
}

static void expect_max_addr(struct table *table, unsigned long end)
{
	KUNIT_EXPECT_EQ(table->pt.test, table->domain->max_addr, (u64)end);
}

/* An IOMMU with fewer addresses is refused by that. */
static void domain_knows_its_highest_address(struct kunit *test)
{
	struct phys_vec pages[] = { { SZ_8G, PAGE_SIZE }, { SZ_4G, 2 * PAGE_SIZE } };
	struct phys_vec large = { SZ_8G, SZ_2M };
	struct table *table = table_get(test);
	unsigned long iova = SZ_4G;
	size_t mapped = 0;

	/* With tables to make, and without */
	expect_mapped(table, iova, pages, 1);
	expect_max_addr(table, iova += PAGE_SIZE);
	expect_mapped(table, iova, pages, 1);
	expect_max_addr(table, iova += PAGE_SIZE);
	expect_mapped(table, iova, pages, 2);
	expect_max_addr(table, iova += 3 * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, 0, pgtable_map_page(&table->pt, iova, SZ_8G, SZ_4K));
	expect_max_addr(table, iova += PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, 0,
			table_map_pages(&table->ops, iova, SZ_8G, SZ_4K, 3,
					table->pt.prot, GFP_KERNEL, &mapped));
	expect_max_addr(table, iova += 3 * PAGE_SIZE);

	iova = SZ_4G + SZ_2M;
	expect_mapped(table, iova, &large, 1);
	expect_max_addr(table, iova += SZ_2M);
	KUNIT_EXPECT_EQ(test, 0, pgtable_map_page(&table->pt, iova, SZ_8G, SZ_2M));
	expect_max_addr(table, iova += SZ_2M);

	/* Below the highest address, and beyond all that there are */
	expect_mapped(table, SZ_1G, pages, 2);
	expect_max_addr(table, iova);
	KUNIT_EXPECT_EQ(test, 0, pgtable_map_page(&table->pt, SZ_2G, SZ_8G, SZ_4K));
	expect_max_addr(table, iova);
	expect_outside(table, table->end, PAGE_SIZE);
	expect_outside(table, table->end, SZ_2M);
	expect_outside(table, table->end - SZ_2M, SZ_4M);
	expect_max_addr(table, iova);
}

static void expect_nothing_beyond(struct table *table, unsigned long iova)
{
	struct kunit *test = table->pt.test;

	expect_outside(table, iova, PAGE_SIZE);
	expect_outside(table, iova, SZ_2M);
	KUNIT_EXPECT_EQ(test, (phys_addr_t)0, table_iova_to_phys(&table->ops, iova));
	KUNIT_EXPECT_EQ(test, (size_t)0, table_unmap(table, iova, PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, (size_t)0, table_unmap(table, iova, SZ_2M));
}

/*
 * After a device behind a narrow IOMMU, one behind a wide IOMMU has been attached.
 * The domain has the addresses of the second by then, and the tables of the first.
 */
static void map_beyond_narrow_tables(struct kunit *test)
{
	struct table *table = table_get(test);
	unsigned long beyond[] = { BIT(39), BIT(40), BIT(48) - SZ_2M };
	struct phys_vec pages = { SZ_4G, SZ_2M };
	struct dmar_domain *domain = table->domain;
	size_t i;

	domain->agaw = width_to_agaw(39);
	domain->gaw = 48;
	domain->domain.geometry.aperture_end = BIT(48) - 1;

	for (i = 0; i < ARRAY_SIZE(beyond); i++) {
		expect_nothing_beyond(table, beyond[i]);
		KUNIT_EXPECT_EQ(test, (phys_addr_t)0,
				table_iova_to_phys(&table->ops, 0));
	}
	expect_mapped(table, 0, &pages, 1);
	for (i = 0; i < ARRAY_SIZE(beyond); i++)
		expect_nothing_beyond(table, beyond[i]);
	pgtable_expect(&table->pt, 0, &pages, 1, SZ_2M);
	expect_outside(table, BIT(39) - SZ_2M, SZ_4M);
	expect_mapped(table, BIT(39) - SZ_2M, &pages, 1);
	pgtable_expect(&table->pt, BIT(39) - SZ_2M, &pages, 1, SZ_2M);

	/* The driver frees what the IOMMU has. */
	domain->gaw = 39;
}

/* At the lowest and at the highest addresses, with a table of each level for each */
static void expect_depth(struct kunit *test, int levels, int addr_bits)
{
	struct phys_vec vec[] = {
		{ SZ_8G, PAGE_SIZE }, { SZ_4G, PAGE_SIZE }, { SZ_8G + SZ_1M, PAGE_SIZE },
	};
	long before = fixture_iommu_pages();
	struct table *table = table_get_of(test, levels, addr_bits);
	unsigned long iovas[] = { SZ_2M, table->end - SZ_2M };
	int i, level;

	for (i = 0; i < ARRAY_SIZE(iovas); i++) {
		expect_mapped(table, iovas[i], vec, ARRAY_SIZE(vec));
		pgtable_expect(&table->pt, iovas[i], vec, ARRAY_SIZE(vec),
			       3 * PAGE_SIZE);
		KUNIT_EXPECT_NE(test, 0ULL, device_entry(table, iovas[i], &level));
		KUNIT_EXPECT_EQ(test, level, 1);
		/* One root for both */
		KUNIT_EXPECT_EQ(test, fixture_iommu_pages() - before,
				levels + (long)i * (levels - 1));
		KUNIT_EXPECT_EQ(test, 3 * PAGE_SIZE,
				table_unmap(table, iovas[i], 3 * PAGE_SIZE));

		pgtable_map_pages(&table->pt, iovas[i], vec, ARRAY_SIZE(vec));
		pgtable_expect(&table->pt, iovas[i], vec, ARRAY_SIZE(vec),
			       3 * PAGE_SIZE);
	}
	expect_nothing_beyond(table, table->end);

	kunit_release_action(test, table_put, table);
	KUNIT_EXPECT_EQ(test, fixture_iommu_pages(), before);
}

/* First-level tables have 4 levels at least. */
static void tables_of_each_depth(struct kunit *test)
{
	const struct format *format = test->priv;

	if (!format->first_level)
		expect_depth(test, 3, 39);
	expect_depth(test, 4, 48);
	expect_depth(test, 5, 57);
}

/*
 * All bits of an entry except its address, by their values in the specification. The
 * driver makes readable, too, what is mapped for writing.
 */
static void expect_bits(struct table *table, unsigned long iova, int level)
{
	bool write = table->pt.prot & IOMMU_WRITE;
	int found;
	u64 entry = device_entry(table, iova, &found);
	u64 want;

	if (table->domain->use_first_level)
		/* Present, of user mode, accessed; and writable, dirty */
		want = write ? 0x67 : 0x25;
	else
		/* Readable, and writable; snooped */
		want = (write ? 0x3 : 0x1) | (table->domain->set_pte_snp ? 0x800 : 0);
	/* A large page */
	if (level > 1)
		want |= 0x80;
	KUNIT_EXPECT_EQ(table->pt.test, found, level);
	KUNIT_EXPECT_EQ(table->pt.test, entry & ~GENMASK_ULL(51, 12), want);
}

/* In every way to map. Returns the end of the addresses. */
static unsigned long expect_entries(struct table *table, unsigned long iova)
{
	struct phys_vec pages[] = { { SZ_8G, PAGE_SIZE }, { SZ_4G, 2 * PAGE_SIZE } };
	struct phys_vec large = { SZ_8G, SZ_2M };
	struct kunit *test = table->pt.test;

	KUNIT_EXPECT_EQ(test, 0, pgtable_map_page(&table->pt, iova, SZ_8G, SZ_4K));
	expect_bits(table, iova, 1);
	expect_mapped(table, iova + SZ_4K, pages, 1);
	expect_bits(table, iova + SZ_4K, 1);
	expect_mapped(table, iova + SZ_8K, pages, 2);
	expect_bits(table, iova + SZ_8K, 1);
	expect_bits(table, iova + SZ_16K, 1);
	expect_mapped(table, iova + SZ_2M, &large, 1);
	expect_bits(table, iova + SZ_2M, 2);
	KUNIT_EXPECT_EQ(test, 0,
			pgtable_map_page(&table->pt, iova + SZ_4M, SZ_8G, SZ_2M));
	expect_bits(table, iova + SZ_4M, 2);
	return iova + SZ_8M;
}

/* Only an entry of the second level can force the device to snoop. */
static void device_may_do_what_is_mapped(struct kunit *test)
{
	struct phys_vec pages[] = { { SZ_8G, PAGE_SIZE }, { SZ_4G, 2 * PAGE_SIZE } };
	struct table *table = table_get(test);
	const struct format *format = test->priv;
	unsigned long iova = SZ_4G;
	size_t mapped;
	int prot, snoop;

	for (prot = IOMMU_READ; prot <= (IOMMU_READ | IOMMU_WRITE); prot++) {
		table->pt.prot = prot;
		for (snoop = 0; snoop <= !format->first_level; snoop++) {
			table->domain->set_pte_snp = snoop;
			iova = expect_entries(table, iova);
		}
	}

	table->pt.prot = 0;
	KUNIT_EXPECT_EQ(test, -EINVAL, pgtable_map_page(&table->pt, iova, SZ_8G, SZ_4K));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			pgtable_map_vec(&table->pt, iova, pages, 1, &mapped));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			pgtable_map_vec(&table->pt, iova, pages, 2, &mapped));
	KUNIT_EXPECT_EQ(test, (phys_addr_t)0, table_iova_to_phys(&table->ops, iova));
}

/* A table of small pages goes when all of it is unmapped at once. */
static void unmap_frees_full_tables(struct kunit *test)
{
	struct phys_vec pages = { SZ_8G + PAGE_SIZE, SZ_2M };
	long before = fixture_iommu_pages();
	struct table *table = table_get(test);
	long tables;

	expect_mapped(table, SZ_4G, &pages, 1);
	tables = fixture_iommu_pages();
	KUNIT_EXPECT_EQ(test, tables, before + LEVELS);
	KUNIT_EXPECT_EQ(test, (size_t)SZ_2M, table_unmap(table, SZ_4G, SZ_2M));
	KUNIT_EXPECT_EQ(test, fixture_iommu_pages(), tables - 1);
	pgtable_expect(&table->pt, SZ_4G, &pages, 1, 0);

	/* Unmapped in two parts, the table stays for the next mapping. */
	expect_mapped(table, SZ_4G, &pages, 1);
	KUNIT_EXPECT_EQ(test, (size_t)SZ_1M, table_unmap(table, SZ_4G, SZ_1M));
	KUNIT_EXPECT_EQ(test, (size_t)SZ_1M, table_unmap(table, SZ_4G + SZ_1M, SZ_1M));
	KUNIT_EXPECT_EQ(test, fixture_iommu_pages(), tables);
	pgtable_expect(&table->pt, SZ_4G, &pages, 1, 0);
	expect_mapped(table, SZ_4G, &pages, 1);
	KUNIT_EXPECT_EQ(test, fixture_iommu_pages(), tables);
	pgtable_expect(&table->pt, SZ_4G, &pages, 1, SZ_2M);

	kunit_release_action(test, table_put, table);
	KUNIT_EXPECT_EQ(test, fixture_iommu_pages(), before);
}

/* A device that looks into the caches costs no flush. */
static void coherent_tables_are_not_flushed(struct kunit *test)
{
	struct table *table = table_get(test);
	struct phys_vec vec[PGTABLE_RANGES];
	size_t size = pgtable_scattered_pages(&table->pt, vec);

	table->domain->iommu_coherency = true;
	flushes = 0;
	expect_mapped(table, SZ_4G, vec, PGTABLE_RANGES);
	pgtable_expect(&table->pt, SZ_4G, vec, PGTABLE_RANGES, size);
	KUNIT_EXPECT_EQ(test, size, table_unmap(table, SZ_4G, size));
	pgtable_map_pages(&table->pt, SZ_4G, vec, PGTABLE_RANGES);
	pgtable_expect(&table->pt, SZ_4G, vec, PGTABLE_RANGES, size);
	KUNIT_EXPECT_EQ(test, flushes, 0);
}

/* Pages of two CPUs in one leaf table, in which nothing has been mapped yet */
#define MINE		((unsigned long)SZ_4G + SZ_1M)
#define THEIRS		(MINE + 3 * PAGE_SIZE)

static const struct phys_vec my_pages[] = {
	{ SZ_8G, PAGE_SIZE }, { SZ_8G + SZ_1M, 2 * PAGE_SIZE },
};

static const struct phys_vec their_pages[] = {
	{ SZ_1G, PAGE_SIZE }, { SZ_1G + SZ_1M, 2 * PAGE_SIZE },
};

static void map_my_page(struct table *table)
{
	KUNIT_EXPECT_EQ(table->pt.test, 0,
			pgtable_map_page(&table->pt, MINE, my_pages[0].paddr, PAGE_SIZE));
}

static void map_my_page_by_vec(struct table *table)
{
	expect_mapped(table, MINE, my_pages, 1);
}

static void map_my_pages_by_vec(struct table *table)
{
	expect_mapped(table, MINE, my_pages, 2);
}

/* As soon as the call returns, the device must get to the page. */
static void expect_theirs(struct table *table)
{
	KUNIT_EXPECT_EQ(table->pt.test, device_translates(table, THEIRS),
			their_pages[0].paddr);
}

static void map_their_page(struct table *table)
{
	KUNIT_EXPECT_EQ(table->pt.test, 0,
			pgtable_map_page(&table->pt, THEIRS, their_pages[0].paddr,
					 PAGE_SIZE));
	expect_theirs(table);
}

static void map_their_page_by_vec(struct table *table)
{
	expect_mapped(table, THEIRS, their_pages, 1);
	expect_theirs(table);
}

static void map_their_pages_by_vec(struct table *table)
{
	expect_mapped(table, THEIRS, their_pages, 2);
	expect_theirs(table);
	KUNIT_EXPECT_EQ(table->pt.test, device_translates(table, THEIRS + PAGE_SIZE),
			their_pages[1].paddr);
}

typedef void (*map_fn)(struct table *table);

static const map_fn map_mine[] = {
	map_my_page, map_my_page_by_vec, map_my_pages_by_vec,
};

static const map_fn map_theirs[] = {
	map_their_page, map_their_page_by_vec, map_their_pages_by_vec,
};

/*
 * The other CPU maps before each flush in turn: before a table is linked, and between
 * the link and its flush. Returns the number of flushes.
 */
static int other_cpu_at_each_flush(struct kunit *test, map_fn mine, map_fn theirs)
{
	struct table *table;
	int at = 0;

	do {
		table = table_get(test);
		other_cpu.table = table;
		other_cpu.map = theirs;
		other_cpu.at = ++at;
		mine(table);
		KUNIT_EXPECT_EQ(test, device_translates(table, MINE), my_pages[0].paddr);
	} while (!other_cpu.at);
	other_cpu.at = 0;
	return at - 1;
}

static void two_cpus_in_a_fresh_table(struct kunit *test)
{
	int i, j;

	for (i = 0; i < ARRAY_SIZE(map_mine); i++) {
		for (j = 0; j < ARRAY_SIZE(map_theirs); j++) {
			/* A table and the entry for it, on each level; and the page */
			KUNIT_EXPECT_EQ(test, 2 * (LEVELS - 1) + 1,
					other_cpu_at_each_flush(test, map_mine[i],
								map_theirs[j]));
		}
	}
}

static int vtd_init(struct kunit *test, const struct format *format)
{
	test->priv = (void *)format;
	flush_task = current;
	flushed_start(test);
	fixture_probe(test, &flush_probe);
	return 0;
}

static int first_level_init(struct kunit *test)
{
	return vtd_init(test, &first_level);
}

static int second_level_init(struct kunit *test)
{
	return vtd_init(test, &second_level);
}

static struct kunit_case vtd_cases[] = {
	KUNIT_CASE(map_vec_makes_the_same_table),
	KUNIT_CASE(map_vec_says_how_far_it_got),
	KUNIT_CASE(map_over_a_mapping),
	KUNIT_CASE(map_outside_of_the_domain),
	KUNIT_CASE(domain_knows_its_highest_address),
	KUNIT_CASE(map_beyond_narrow_tables),
	KUNIT_CASE(tables_of_each_depth),
	KUNIT_CASE(replaced_tables_are_freed_after_the_invalidation),
	KUNIT_CASE(only_freed_tables_invalidate_the_paths),
	KUNIT_CASE(device_may_do_what_is_mapped),
	KUNIT_CASE(unmap_frees_full_tables),
	KUNIT_CASE(coherent_tables_are_not_flushed),
	KUNIT_CASE(two_cpus_in_a_fresh_table),
	{}
};

static struct kunit_suite first_level_suite = {
	.name		= "vtd_pgtable_first_level",
	.suite_init	= warnings_start,
	.suite_exit	= warnings_stop,
	.init		= first_level_init,
	.exit		= warnings_check,
	.test_cases	= vtd_cases,
};

static struct kunit_suite second_level_suite = {
	.name		= "vtd_pgtable_second_level",
	.suite_init	= warnings_start,
	.suite_exit	= warnings_stop,
	.init		= second_level_init,
	.exit		= warnings_check,
	.test_cases	= vtd_cases,
};

kunit_test_suites(&first_level_suite, &second_level_suite);

MODULE_DESCRIPTION("KUnit suites of VT-d's page tables");
MODULE_LICENSE("GPL");
