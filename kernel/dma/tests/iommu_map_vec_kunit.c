// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suites of iommu_map_vec_nosync() on the domain of the edu device, behind
 * whatever IOMMU the machine has: arrays of ranges, random ones included, are
 * mapped and looked up page by page, and compared with a plain array of what is
 * to be found, and with what the same ranges give when they are mapped one by one.
 * Nothing is mapped over a mapping.
 *
 * No device reads or writes here, so the physical addresses are of no memory.
 */
#include <kunit/test.h>
#include <linux/iommu.h>
#include <linux/prandom.h>
#include <linux/random.h>
#include <linux/sizes.h>

#include "fail_alloc.h"
#include "fixture.h"

/* Five tables at least */
#define AREA_SIZE	max_t(size_t, SZ_32M, 5 * TABLE_SIZE)
#define AREA_PAGES	(AREA_SIZE / PAGE_SIZE)
#define TABLE_PAGES	(TABLE_SIZE / PAGE_SIZE)
#define MAX_RANGES	256
#define ROUNDS		40

/* IO addresses that are the test's own, and the ranges to be mapped there */
struct area {
	struct fixture *f;
	struct dma_iova_state state;
	unsigned long iova;
	/* The address that each page must translate to, or 0 */
	phys_addr_t *model;

	struct phys_vec vec[MAX_RANGES];
	size_t nr;
	size_t offset;
	size_t size;
};

static void area_free(void *data)
{
	struct area *area = data;

	dma_iova_free(area->f->dev, &area->state);
}

static struct area *area_get(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct area *area = kunit_kzalloc(test, sizeof(*area), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, area);
	area->model = kunit_kcalloc(test, AREA_PAGES, sizeof(*area->model),
				    GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, area->model);
	area->f = f;
	fixture_reserve(f, &area->state, 0, AREA_SIZE);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, area_free, area), 0);
	area->iova = area->state.addr;
	KUNIT_ASSERT_TRUE(test, IS_ALIGNED(area->iova, TABLE_SIZE));
	return area;
}

/* No ranges yet; the first one will be at @offset. */
static void area_begin(struct area *area, size_t offset)
{
	memset(area->model, 0, AREA_PAGES * sizeof(*area->model));
	area->nr = 0;
	area->offset = offset;
	area->size = 0;
}

/* The offset at which the next range begins */
static size_t area_end(const struct area *area)
{
	return area->offset + area->size;
}

static void area_add(struct area *area, phys_addr_t paddr, size_t len)
{
	size_t first = area_end(area) / PAGE_SIZE;
	size_t i;

	area->vec[area->nr++] = (struct phys_vec) { paddr, len };
	area->size += len;
	for (i = 0; i < len / PAGE_SIZE; i++)
		area->model[first + i] = paddr + i * PAGE_SIZE;
}

static int area_map_vec(struct area *area)
{
	return iommu_map_vec_nosync(area->f->domain, area->iova + area->offset,
				    area->vec, area->nr, IOMMU_READ | IOMMU_WRITE,
				    GFP_KERNEL);
}

static void area_map_one_by_one(struct area *area)
{
	unsigned long iova = area->iova + area->offset;
	size_t i;

	for (i = 0; i < area->nr; i++) {
		KUNIT_ASSERT_EQ(area->f->test, 0,
				iommu_map_nosync(area->f->domain, iova,
						 area->vec[i].paddr,
						 area->vec[i].len,
						 IOMMU_READ | IOMMU_WRITE,
						 GFP_KERNEL));
		iova += area->vec[i].len;
	}
}

static void area_unmap(struct area *area)
{
	KUNIT_EXPECT_EQ(area->f->test, area->size,
			iommu_unmap(area->f->domain, area->iova + area->offset,
				    area->size));
}

/* Each page of the area translates to what @model says, or to 0 without it. */
static void area_expect(struct area *area, const phys_addr_t *model)
{
	size_t wrong = 0, first = 0;
	size_t i;

	for (i = AREA_PAGES; i--;) {
		phys_addr_t phys = iommu_iova_to_phys(area->f->domain,
						      area->iova + i * PAGE_SIZE);

		if (phys != (model ? model[i] : 0)) {
			first = i;
			wrong++;
		}
	}
	KUNIT_EXPECT_EQ_MSG(area->f->test, wrong, (size_t)0,
			    "page %zu is the first wrong one", first);
}

static void area_expect_mapped(struct area *area)
{
	area_expect(area, area->model);
}

static void area_expect_nothing_mapped(struct area *area)
{
	area_expect(area, NULL);
}

/* The ranges are mapped as an array, then one by one, to the same effect. */
static void expect_vec_mapped(struct area *area)
{
	KUNIT_ASSERT_EQ(area->f->test, 0, area_map_vec(area));
	area_expect_mapped(area);
	area_unmap(area);
	area_expect_nothing_mapped(area);

	area_map_one_by_one(area);
	area_expect_mapped(area);
	area_unmap(area);
	area_expect_nothing_mapped(area);
}

/* An address beyond 4 GiB, not next to any other range of a test */
static phys_addr_t lone_paddr(size_t n)
{
	return SZ_4G + n * 4 * TABLE_SIZE + 5 * PAGE_SIZE;
}

static size_t random_len(struct rnd_state *rnd)
{
	switch (prandom_u32_state(rnd) % 4) {
	case 0:
		return PAGE_SIZE * (1 + prandom_u32_state(rnd) % 16);
	case 1:
		return PAGE_SIZE * (1 + prandom_u32_state(rnd) % (5 * TABLE_PAGES / 2));
	default:
		return PAGE_SIZE;
	}
}

/* Anywhere, or where large pages fit, or next to the range before */
static phys_addr_t random_paddr(struct area *area, struct rnd_state *rnd)
{
	phys_addr_t paddr = SZ_4G + (phys_addr_t)PAGE_SIZE *
				    (prandom_u32_state(rnd) % SZ_8M);
	const struct phys_vec *last = area->nr ? &area->vec[area->nr - 1] : NULL;

	switch (prandom_u32_state(rnd) % 3) {
	case 0:
		return ALIGN_DOWN(paddr, TABLE_SIZE) + area_end(area) % TABLE_SIZE;
	case 1:
		return last ? last->paddr + last->len : paddr;
	default:
		return paddr;
	}
}

static void random_ranges(struct area *area, struct rnd_state *rnd)
{
	size_t nr = 1 + prandom_u32_state(rnd) % MAX_RANGES;

	area_begin(area, PAGE_SIZE * (prandom_u32_state(rnd) % (2 * TABLE_PAGES)));
	while (area->nr < nr && area_end(area) < AREA_SIZE)
		area_add(area, random_paddr(area, rnd),
			 min(random_len(rnd), AREA_SIZE - area_end(area)));
}

static void map_vec_random_ranges(struct kunit *test)
{
	struct area *area = area_get(test);
	u64 seed = get_random_u64();
	struct rnd_state rnd;
	int i;

	kunit_info(test, "seed: %llu\n", seed);
	prandom_seed_state(&rnd, seed);
	for (i = 0; i < ROUNDS; i++) {
		random_ranges(area, &rnd);
		expect_vec_mapped(area);
	}
}

/* A range over the end of a table, and one that ends where a table does */
static void map_vec_across_tables(struct kunit *test)
{
	struct area *area = area_get(test);

	area_begin(area, TABLE_SIZE - 3 * PAGE_SIZE);
	area_add(area, lone_paddr(0), PAGE_SIZE);
	area_add(area, lone_paddr(1), 8 * PAGE_SIZE);
	area_add(area, lone_paddr(2), TABLE_SIZE - 7 * PAGE_SIZE);
	area_add(area, lone_paddr(3), PAGE_SIZE);
	area_add(area, lone_paddr(4), PAGE_SIZE);
	expect_vec_mapped(area);

	area_begin(area, TABLE_SIZE - 2 * PAGE_SIZE);
	area_add(area, lone_paddr(0), PAGE_SIZE);
	area_add(area, lone_paddr(1), PAGE_SIZE);
	expect_vec_mapped(area);
}

/* Large pages between small ones, aligned at once or after some small ones */
static void map_vec_with_large_pages(struct kunit *test)
{
	phys_addr_t large = round_up(lone_paddr(10), TABLE_SIZE);
	struct area *area = area_get(test);

	area_begin(area, TABLE_SIZE - PAGE_SIZE);
	area_add(area, lone_paddr(0), PAGE_SIZE);
	area_add(area, large, TABLE_SIZE);
	area_add(area, lone_paddr(1), PAGE_SIZE);
	area_add(area, large + 2 * TABLE_SIZE + PAGE_SIZE, 2 * TABLE_SIZE);
	area_add(area, lone_paddr(2), PAGE_SIZE);
	expect_vec_mapped(area);
}

static void map_vec_of_nothing(struct kunit *test)
{
	struct area *area = area_get(test);

	area_begin(area, 0);
	KUNIT_EXPECT_EQ(test, 0, area_map_vec(area));
	area_expect_nothing_mapped(area);
}

/* Large pages replace the tables, and are unmapped. */
static void area_free_tables(struct area *area)
{
	struct iommu_domain *domain = area->f->domain;

	KUNIT_ASSERT_EQ(area->f->test, 0,
			iommu_map(domain, area->iova, SZ_4G, AREA_SIZE,
				  IOMMU_READ, GFP_KERNEL));
	KUNIT_ASSERT_EQ(area->f->test, AREA_SIZE,
			iommu_unmap(domain, area->iova, AREA_SIZE));
}

/*
 * Whichever allocation fails, nothing of the array stays mapped. If the driver can do
 * without the allocation, all of the array is mapped.
 */
static void map_vec_alloc_failure_undoes_all(struct kunit *test)
{
	struct area *area = area_get(test);
	int nth, ret, failed = 0;
	size_t i;

	area_begin(area, TABLE_SIZE - PAGE_SIZE);
	for (i = 0; i < 5; i++)
		area_add(area, lone_paddr(i), TABLE_SIZE / 2 + PAGE_SIZE);

	fail_alloc_insert(test);
	for (nth = 1; nth < 100; nth++) {
		area_free_tables(area);
		fail_alloc_arm(nth);
		ret = area_map_vec(area);
		if (!fail_alloc_disarm())
			break;
		/* slab may do without the page that it did not get */
		if (!ret) {
			area_expect_mapped(area);
			area_unmap(area);
			continue;
		}
		failed++;
		KUNIT_EXPECT_EQ(test, ret, -ENOMEM);
		area_expect_nothing_mapped(area);
	}

	/* Drivers allocate some tables, or one record of all ranges. */
	KUNIT_EXPECT_GT(test, failed, 0);
	KUNIT_EXPECT_EQ(test, ret, 0);
	area_expect_mapped(area);
	area_unmap(area);
}

/* Tables, full or in part, are used again the next time, or have been freed. */
static void tables_do_not_pile_up(struct kunit *test)
{
	struct area *area = area_get(test);
	long pages = 0;
	int round;

	area_begin(area, TABLE_SIZE - 2 * PAGE_SIZE);
	area_add(area, lone_paddr(0), 3 * TABLE_SIZE);
	area_add(area, lone_paddr(1), PAGE_SIZE);
	for (round = 0; round < 4; round++) {
		KUNIT_ASSERT_EQ(test, 0, area_map_vec(area));
		area_unmap(area);
		if (!round)
			pages = fixture_iommu_pages();
		KUNIT_EXPECT_EQ(test, fixture_iommu_pages(), pages);
	}
}

/* The file in which the driver of this IOMMU may warn */
static const struct {
	const char *iommu;
	const char *file;
} may_warn[] = {
	{ "dmar", "intel/iommu.c" },
	{ "ivhd", "amd/io_pgtable.c" },
	{ "smmu3", "iommu/io-pgtable-arm.c" },
};

/* The driver may warn once, and nothing else may. */
static void expect_driver_warns(struct fixture *f)
{
	const char *iommu = dev_name(f->dev->iommu->iommu_dev->dev);
	size_t i;

	for (i = 0; i < ARRAY_SIZE(may_warn); i++)
		if (strstarts(iommu, may_warn[i].iommu))
			warnings_expect(f->test, may_warn[i].file);
}

/* A range over what is mapped: refused, and all that is mapped stays as it is. */
static void area_expect_refused(struct area *area, size_t offset, size_t len)
{
	struct iommu_domain *domain = area->f->domain;
	struct kunit *test = area->f->test;
	/* Aligned like the address, so that large pages can map it */
	struct phys_vec vec = { SZ_8G + offset % TABLE_SIZE, len };

	expect_driver_warns(area->f);
	KUNIT_EXPECT_EQ(test, -EEXIST,
			iommu_map_vec_nosync(domain, area->iova + offset, &vec, 1,
					     IOMMU_READ, GFP_KERNEL));
	KUNIT_EXPECT_LE(test, warnings_taken(test), 1);
	area_expect_mapped(area);

	expect_driver_warns(area->f);
	KUNIT_EXPECT_EQ(test, -EEXIST,
			iommu_map(domain, area->iova + offset, vec.paddr, len,
				  IOMMU_READ, GFP_KERNEL));
	KUNIT_EXPECT_LE(test, warnings_taken(test), 1);
	area_expect_mapped(area);
}

static void map_over_small_pages(struct kunit *test)
{
	struct area *area = area_get(test);
	size_t offset = 2 * TABLE_SIZE + TABLE_SIZE / 2;
	size_t i;

	area_begin(area, offset);
	for (i = 0; i < 3; i++)
		area_add(area, lone_paddr(i), PAGE_SIZE);
	KUNIT_ASSERT_EQ(test, 0, area_map_vec(area));

	for (i = 0; i < 3; i++)
		area_expect_refused(area, offset + i * PAGE_SIZE, PAGE_SIZE);
	area_expect_refused(area, offset - PAGE_SIZE, 2 * PAGE_SIZE);
	area_expect_refused(area, offset + 2 * PAGE_SIZE, 2 * PAGE_SIZE);
	area_expect_refused(area, 2 * TABLE_SIZE, TABLE_SIZE);
	area_expect_refused(area, TABLE_SIZE, 2 * TABLE_SIZE);
	area_expect_refused(area, 2 * TABLE_SIZE - PAGE_SIZE, TABLE_SIZE + PAGE_SIZE);
	area_unmap(area);
	area_expect_nothing_mapped(area);
}

/* Its memory is data. No driver takes it for a page table and writes to it. */
static void map_over_a_large_page(struct kunit *test)
{
	struct page *page = fixture_large_page(test);
	struct area *area = area_get(test);
	size_t offset = 2 * TABLE_SIZE;

	area_begin(area, offset);
	area_add(area, page_to_phys(page), TABLE_SIZE);
	KUNIT_ASSERT_EQ(test, 0, area_map_vec(area));

	area_expect_refused(area, offset, PAGE_SIZE);
	area_expect_refused(area, offset + TABLE_SIZE / 2, PAGE_SIZE);
	area_expect_refused(area, offset - PAGE_SIZE, 2 * PAGE_SIZE);
	area_expect_refused(area, offset + TABLE_SIZE - PAGE_SIZE, 2 * PAGE_SIZE);
	area_expect_refused(area, offset, TABLE_SIZE);
	area_expect_refused(area, offset - TABLE_SIZE, 2 * TABLE_SIZE);
	KUNIT_EXPECT_NULL(test, memchr_inv(page_address(page), 0, SZ_4M));
	area_unmap(area);
	area_expect_nothing_mapped(area);
}

static struct kunit_case map_vec_cases[] = {
	KUNIT_CASE(map_vec_random_ranges),
	KUNIT_CASE(map_vec_across_tables),
	KUNIT_CASE(map_vec_with_large_pages),
	KUNIT_CASE(map_vec_of_nothing),
	KUNIT_CASE(map_vec_alloc_failure_undoes_all),
	KUNIT_CASE(tables_do_not_pile_up),
	{}
};

static struct kunit_case map_over_cases[] = {
	KUNIT_CASE(map_over_small_pages),
	KUNIT_CASE(map_over_a_large_page),
	{}
};

static struct kunit_suite map_vec_suite = {
	.name		= "iommu_map_vec",
	.suite_init	= warnings_start,
	.suite_exit	= warnings_stop,
	.init		= fixture_init_iommu,
	.exit		= warnings_check,
	.test_cases	= map_vec_cases,
};

static struct kunit_suite map_over_suite = {
	.name		= "iommu_map_over",
	.suite_init	= warnings_start,
	.suite_exit	= warnings_stop,
	.init		= fixture_init_iommu,
	.exit		= warnings_check,
	.test_cases	= map_over_cases,
};

kunit_test_suites(&map_vec_suite, &map_over_suite);

MODULE_DESCRIPTION("KUnit suites of iommu_map_vec_nosync()");
MODULE_LICENSE("GPL");
