// SPDX-License-Identifier: GPL-2.0
/*
 * Every call of the two-step DMA API fails at each of its steps in turn, until it
 * has got through all of them: the nth range to map, the nth page table page, the
 * synchronisation, IO addresses, bounce buffers. After each failure there is just
 * what was there before.
 *
 * dma_iova_failures		behind a mock IOMMU, on any machine
 * dma_iova_failures_bounce	the same, untrusted: needs edu, swiotlb and no IOMMU
 */
#include <kunit/test.h>
#include <linux/dma-mapping.h>
#include <linux/iommu.h>
#include <linux/sizes.h>

#include "fixture.h"

/* More steps than any call has */
#define STEPS_MAX	100

#define PIECES_MAX	4

static const struct mock_iommu_config small_pages = {
	.page_sizes	= SZ_4K,
	.aperture	= SZ_16M,
	.type		= IOMMU_DOMAIN_DMA,
};

static const struct mock_iommu_config small_pages_by_vec = {
	.page_sizes	= SZ_4K,
	.aperture	= SZ_16M,
	.type		= IOMMU_DOMAIN_DMA,
	.map_vec	= true,
};

static const struct mock_iommu_config large_pages = {
	.page_sizes	= SZ_4K | SZ_2M,
	.aperture	= SZ_64M,
	.type		= IOMMU_DOMAIN_DMA,
};

/* Counts of everything that a call could leave behind */
struct inventory {
	struct mock_iommu_state mock;
	long bounced;
};

static struct inventory take_inventory(struct fixture *f)
{
	return (struct inventory) {
		.mock = f->mock->state,
		.bounced = fixture_slots_used(f),
	};
}

static void expect_inventory(struct fixture *f, const struct inventory *before)
{
	struct inventory now = take_inventory(f);

	KUNIT_EXPECT_EQ(f->test, now.mock.mapped, before->mock.mapped);
	KUNIT_EXPECT_EQ(f->test, now.mock.seen, before->mock.seen);
	KUNIT_EXPECT_EQ(f->test, now.mock.tables, before->mock.tables);
	KUNIT_EXPECT_EQ(f->test, now.bounced, before->bounced);
}

/* Pieces to link at an offset: one by dma_iova_link(), several by _link_vec() */
struct attempt {
	struct fixture *f;
	struct dma_iova_state state;
	struct phys_vec vec[PIECES_MAX];
	int nr;
	size_t offset;
};

static size_t attempt_size(const struct attempt *a)
{
	size_t size = 0;
	int i;

	for (i = 0; i < a->nr; i++)
		size += a->vec[i].len;
	return size;
}

static int link(struct attempt *a)
{
	if (a->nr == 1)
		return dma_iova_link(a->f->dev, &a->state, a->vec[0].paddr,
				     a->offset, a->vec[0].len, DMA_BIDIRECTIONAL, 0);
	return dma_iova_link_vec(a->f->dev, &a->state, a->vec, a->nr, a->offset,
				 DMA_BIDIRECTIONAL, 0);
}

static int try(struct attempt *a)
{
	return link(a) ?: dma_iova_sync(a->f->dev, &a->state, a->offset,
					attempt_size(a));
}

static void expect_unchanged(struct attempt *a, const struct dma_iova_state *state,
			     const struct inventory *before)
{
	if (API_OF_OURS)
		KUNIT_EXPECT_MEMEQ(a->f->test, &a->state, state, sizeof(*state));
	KUNIT_EXPECT_EQ(a->f->test, a->state.addr, state->addr);
	KUNIT_EXPECT_EQ(a->f->test, dma_iova_size(&a->state), dma_iova_size(state));
	expect_inventory(a->f, before);
}

/* Fail at the first of @nth, the second, and so on. Returns how many there are. */
static int fail_each(struct attempt *a, int *nth, int want)
{
	struct kunit *test = a->f->test;
	struct inventory before = take_inventory(a->f);
	struct dma_iova_state copy = a->state;
	int n, err;

	for (n = 1; n <= STEPS_MAX; n++) {
		*nth = n;
		err = try(a);
		if (!err)
			break;
		KUNIT_EXPECT_EQ(test, err, want);
		expect_unchanged(a, &copy, &before);
	}
	KUNIT_ASSERT_LE(test, n, STEPS_MAX);
	KUNIT_EXPECT_EQ(test, *nth, 1);
	*nth = 0;

	/* It is linked now: undo it, for the next round. */
	dma_iova_unlink(a->f->dev, &a->state, a->offset, attempt_size(a),
			DMA_BIDIRECTIONAL, 0);
	a->state = copy;
	expect_inventory(a->f, &before);
	return n - 1;
}

/*
 * A reservation with a piece of one granule before @a and one after it, which
 * stay whatever happens between the two.
 */
static void fail_between_others(struct attempt *a, int maps, int tables)
{
	struct fixture *f = a->f;
	struct kunit *test = f->test;
	struct page **pages = fixture_scattered_pages(test, 2);
	int free = mock_iommu_count_free(test, f->mock);
	struct inventory empty = take_inventory(f);
	size_t size = attempt_size(a);
	size_t behind = a->offset + size;
	size_t total = behind + PAGE_SIZE;

	fixture_reserve(f, &a->state, 0, total);
	fixture_link_page(f, &a->state, 0, pages[0]);
	fixture_link_page(f, &a->state, behind, pages[1]);
	KUNIT_EXPECT_EQ(test, 0, dma_iova_sync(f->dev, &a->state, 0, total));

	KUNIT_EXPECT_EQ(test, fail_each(a, &f->mock->fail_map, -EIO), maps);
	KUNIT_EXPECT_EQ(test, fail_each(a, &f->mock->fail_table, -ENOMEM), tables);
	fixture_expect_linked(f, &a->state, 0, page_to_phys(pages[0]), PAGE_SIZE);
	fixture_expect_linked(f, &a->state, behind, page_to_phys(pages[1]), PAGE_SIZE);

	KUNIT_EXPECT_EQ(test, try(a), 0);
	dma_iova_unlink(f->dev, &a->state, a->offset, size + PAGE_SIZE,
			DMA_BIDIRECTIONAL, 0);
	fixture_destroy(f, &a->state, PAGE_SIZE);
	expect_inventory(f, &empty);
	KUNIT_EXPECT_EQ(test, mock_iommu_count_free(test, f->mock), free);
}

/* A reservation that is all for @a; both ends may be ragged */
static void fail_alone(struct attempt *a, int maps, int tables)
{
	struct fixture *f = a->f;
	struct kunit *test = f->test;
	int free = mock_iommu_count_free(test, f->mock);
	struct inventory empty = take_inventory(f);
	size_t size = attempt_size(a);

	fixture_reserve(f, &a->state, a->vec[0].paddr, size);
	KUNIT_EXPECT_EQ(test, fail_each(a, &f->mock->fail_map, -EIO), maps);
	KUNIT_EXPECT_EQ(test, fail_each(a, &f->mock->fail_table, -ENOMEM), tables);
	KUNIT_EXPECT_EQ(test, try(a), 0);
	fixture_destroy(f, &a->state, size);
	expect_inventory(f, &empty);
	KUNIT_EXPECT_EQ(test, mock_iommu_count_free(test, f->mock), free);
}

static void try_alloc_fails_when_all_is_reserved(struct kunit *test)
{
	static const unsigned long page_sizes[] = {
		SZ_1K, SZ_4K, SZ_4K | SZ_2M, SZ_16K, SZ_64K
	};
	struct mock_iommu_config config = { .type = IOMMU_DOMAIN_DMA };
	struct dma_iova_state all[2], state;
	struct fixture *f;
	int i;

	for (i = 0; i < ARRAY_SIZE(page_sizes); i++) {
		config.page_sizes = page_sizes[i];
		config.aperture = 64 * BIT(__ffs(page_sizes[i]));
		f = fixture_mock(test, &config);
		KUNIT_EXPECT_EQ(test, mock_iommu_count_free(test, f->mock), 64);

		fixture_reserve(f, &all[0], 0, 32 * f->granule);
		fixture_reserve(f, &all[1], 0, 32 * f->granule);
		memset(&state, 0xff, sizeof(state));
		KUNIT_EXPECT_FALSE(test, dma_iova_try_alloc(f->dev, &state, 0, 1));
		fixture_expect_zero(test, &state);
		KUNIT_EXPECT_EQ(test, f->mock->state.mapped, (size_t)0);

		dma_iova_free(f->dev, &all[0]);
		fixture_reserve(f, &state, 0, 1);
		dma_iova_free(f->dev, &state);
		dma_iova_free(f->dev, &all[1]);
		KUNIT_EXPECT_EQ(test, mock_iommu_count_free(test, f->mock), 64);
		mock_iommu_destroy(test, f->mock);
	}
}

/* A piece of small pages, then of a large one */
static void link_fails_at_each_step(struct kunit *test)
{
	struct fixture *f = fixture_mock(test, &large_pages);
	phys_addr_t large = page_to_phys(fixture_large_page(test));
	struct attempt a = {
		.f	= f,
		.offset	= SZ_2M - SZ_16K,
		.vec	= { { large + SZ_2M - SZ_16K, SZ_2M + SZ_16K } },
		.nr	= 1,
	};

	/* The page table page of the small pages is there already. */
	fail_between_others(&a, 2, 1);
}

static void fail_vec(struct kunit *test, const struct mock_iommu_config *config)
{
	struct fixture *f = fixture_mock(test, config);
	phys_addr_t large = page_to_phys(fixture_large_page(test));
	struct attempt a = {
		.f	= f,
		.offset	= SZ_2M - SZ_16K,
		.vec	= {
			{ large, SZ_8K }, { large + SZ_1M, SZ_8K },
			{ large + SZ_1M + SZ_8K, SZ_8K }, { large + SZ_2M, SZ_2M },
		},
		.nr	= 4,
	};

	/* A table maps 2 MiB. The first granule needs one, the last another. */
	fail_between_others(&a, 4, 1);
}

/* Range by range, since the driver cannot map an array */
static void link_vec_fails_at_each_step(struct kunit *test)
{
	fail_vec(test, &small_pages);
}

/* The driver maps them all, and fails at one of them. */
static void link_vec_by_driver_fails_at_each_step(struct kunit *test)
{
	fail_vec(test, &small_pages_by_vec);
}

/* The ends are linked on their own, so this is undone in parts. */
static void link_vec_ragged_fails_at_each_step(struct kunit *test)
{
	struct fixture *f = fixture_mock(test, &small_pages_by_vec);
	struct page **pages = fixture_scattered_pages(test, 4);
	struct attempt a = {
		.f	= f,
		.vec	= {
			{ page_to_phys(pages[0]) + 512, PAGE_SIZE - 512 },
			{ page_to_phys(pages[1]), PAGE_SIZE },
			{ page_to_phys(pages[2]), PAGE_SIZE },
			{ page_to_phys(pages[3]), 100 },
		},
		.nr	= 4,
	};

	fail_alone(&a, 4, 1);
}

/* The pieces stay linked, for another try, or for the caller to undo. */
static void sync_fails_and_succeeds_later(struct kunit *test)
{
	struct fixture *f = fixture_mock(test, &small_pages);
	struct page **pages = fixture_scattered_pages(test, 2);
	struct inventory empty = take_inventory(f), linked;
	struct dma_iova_state state, copy;

	fixture_reserve(f, &state, 0, 2 * PAGE_SIZE);
	fixture_link_page(f, &state, 0, pages[0]);
	fixture_link_page(f, &state, PAGE_SIZE, pages[1]);
	linked = take_inventory(f);
	copy = state;

	f->mock->fail_sync = 1;
	KUNIT_EXPECT_EQ(test, -EIO, dma_iova_sync(f->dev, &state, 0, 2 * PAGE_SIZE));
	KUNIT_EXPECT_MEMEQ(test, &state, &copy, sizeof(copy));
	expect_inventory(f, &linked);
	KUNIT_EXPECT_EQ(test, mock_iommu_device_sees(f->mock, state.addr),
			(phys_addr_t)0);

	KUNIT_EXPECT_EQ(test, 0, dma_iova_sync(f->dev, &state, 0, 2 * PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, mock_iommu_device_sees(f->mock, state.addr + PAGE_SIZE),
			page_to_phys(pages[1]));
	fixture_destroy(f, &state, 2 * PAGE_SIZE);
	expect_inventory(f, &empty);
}

/* Bounced at both ends: head, middle and tail are mapped on their own. */
static void bounced_link_fails_at_each_step(struct kunit *test)
{
	struct fixture *f = fixture_mock_untrusted(test, &small_pages);
	phys_addr_t large = page_to_phys(fixture_large_page(test));
	struct attempt a = {
		.f	= f,
		.vec	= { { large + 512, 3 * PAGE_SIZE } },
		.nr	= 1,
	};

	fail_alone(&a, 3, 1);
}

static void bounced_link_vec_fails_at_each_step(struct kunit *test)
{
	struct fixture *f = fixture_mock_untrusted(test, &small_pages);
	phys_addr_t large = page_to_phys(fixture_large_page(test));
	struct attempt a = {
		.f	= f,
		.vec	= {
			{ large + 512, 2 * PAGE_SIZE - 512 },
			{ large + SZ_1M, PAGE_SIZE },
			{ large + SZ_2M, PAGE_SIZE + 100 },
		},
		.nr	= 3,
	};

	/* Two of the first piece, one of the second, two of the third */
	fail_alone(&a, 5, 1);
}

/* Make reservations of one bounced granule until no bounce buffer is left. */
static int take_all_buffers(struct fixture *f, struct dma_iova_state *states, int max,
			    phys_addr_t phys)
{
	int err = 0, nr;

	for (nr = 0; nr < max; nr++) {
		fixture_reserve(f, &states[nr], phys, 512);
		err = dma_iova_link(f->dev, &states[nr], phys, 0, 512,
				    DMA_TO_DEVICE, 0) ?:
		      dma_iova_sync(f->dev, &states[nr], 0, 512);
		if (err)
			break;
	}
	KUNIT_ASSERT_EQ(f->test, err, -ENOMEM);
	dma_iova_free(f->dev, &states[nr]);
	KUNIT_ASSERT_GE(f->test, nr, 2);
	return nr;
}

static void give_buffer_back(struct fixture *f, struct dma_iova_state *state)
{
	dma_iova_destroy(f->dev, state, 512, DMA_TO_DEVICE, 0);
}

static void expect_no_buffer(struct attempt *a)
{
	struct inventory before = take_inventory(a->f);
	struct dma_iova_state copy = a->state;

	KUNIT_EXPECT_EQ(a->f->test, try(a), -ENOMEM);
	expect_unchanged(a, &copy, &before);
}

/* It needs two: with none the head fails, with one the tail does. */
static void expect_two_buffers_needed(struct attempt *a)
{
	struct fixture *f = a->f;
	const int max = a->f->mock->config.aperture / a->f->granule;
	struct inventory empty = take_inventory(f);
	struct dma_iova_state *states;
	int nr;

	states = kunit_kcalloc(f->test, max, sizeof(*states), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(f->test, states);
	fixture_reserve(f, &a->state, a->vec[0].paddr, attempt_size(a));
	nr = take_all_buffers(f, states, max, a->vec[0].paddr);
	expect_no_buffer(a);
	give_buffer_back(f, &states[--nr]);
	expect_no_buffer(a);
	give_buffer_back(f, &states[--nr]);
	KUNIT_EXPECT_EQ(f->test, try(a), 0);
	fixture_destroy(f, &a->state, attempt_size(a));

	while (nr--)
		give_buffer_back(f, &states[nr]);
	expect_inventory(f, &empty);
}

static void link_fails_without_bounce_buffers(struct kunit *test)
{
	struct fixture *f = fixture_mock_untrusted(test, &small_pages);
	phys_addr_t large = page_to_phys(fixture_large_page(test));
	struct attempt a = {
		.f	= f,
		.vec	= { { large + 512, 3 * PAGE_SIZE } },
		.nr	= 1,
	};

	expect_two_buffers_needed(&a);
}

static void link_vec_fails_without_bounce_buffers(struct kunit *test)
{
	struct fixture *f = fixture_mock_untrusted(test, &small_pages);
	phys_addr_t large = page_to_phys(fixture_large_page(test));
	struct attempt a = {
		.f	= f,
		.vec	= {
			{ large + 512, PAGE_SIZE - 512 },
			{ large + SZ_1M, PAGE_SIZE },
			{ large + SZ_2M, 100 },
		},
		.nr	= 3,
	};

	expect_two_buffers_needed(&a);
}

static struct kunit_case failures_cases[] = {
	KUNIT_CASE(try_alloc_fails_when_all_is_reserved),
	KUNIT_CASE(link_fails_at_each_step),
	CASE_OF_OURS(link_vec_fails_at_each_step, LINK_VEC),
	CASE_OF_OURS(link_vec_by_driver_fails_at_each_step, LINK_VEC),
	CASE_OF_OURS(link_vec_ragged_fails_at_each_step, LINK_VEC),
	KUNIT_CASE(sync_fails_and_succeeds_later),
	{}
};

static struct kunit_suite failures_suite = {
	.name		= "dma_iova_failures",
	.suite_init	= warnings_start,
	.suite_exit	= warnings_stop,
	.exit		= warnings_check,
	.test_cases	= failures_cases,
};

static struct kunit_case failures_bounce_cases[] = {
	KUNIT_CASE(bounced_link_fails_at_each_step),
	CASE_OF_OURS(bounced_link_vec_fails_at_each_step, LINK_VEC),
	KUNIT_CASE(link_fails_without_bounce_buffers),
	CASE_OF_OURS(link_vec_fails_without_bounce_buffers, LINK_VEC),
	{}
};

static struct kunit_suite failures_bounce_suite = {
	.name		= "dma_iova_failures_bounce",
	.suite_init	= warnings_start,
	.suite_exit	= warnings_stop,
	.exit		= warnings_check,
	.test_cases	= failures_bounce_cases,
};

kunit_test_suites(&failures_suite, &failures_bounce_suite);

MODULE_DESCRIPTION("KUnit suites of failures in the two-step DMA API");
MODULE_LICENSE("GPL");
