// SPDX-License-Identifier: GPL-2.0
/*
 * Random sequences of calls of the two-step DMA API, beside a model that says what
 * each must do: an array, which has for each granule of a reservation what is
 * linked there. After every step all translations, and the counts of the IOMMU,
 * are what the model says. Some calls are wrong, and some fail, because the mock
 * IOMMU does: these must not change anything. In mainline's tree no call is wrong.
 *
 * dma_iova_random		behind a mock IOMMU, on any machine
 * dma_iova_random_bounce	the same, untrusted: needs edu, swiotlb and no IOMMU
 * dma_iova_random_iommu	behind the IOMMU of the machine, with edu
 *
 * The kernel arguments dma_iova_random_kunit.seed= and .steps= take another sequence,
 * and make it longer.
 */
#include <kunit/test.h>
#include <linux/dma-mapping.h>
#include <linux/iommu.h>
#include <linux/moduleparam.h>
#include <linux/prandom.h>
#include <linux/random.h>
#include <linux/sizes.h>
#include <linux/string.h>
#include <linux/stringhash.h>
#include <linux/swiotlb.h>

#include "fixture.h"

static unsigned long seed = 1;
module_param(seed, ulong, 0444);
MODULE_PARM_DESC(seed, "of the random sequence; 0 takes a fresh one, which is printed");

static unsigned int steps = 10000;
module_param(steps, uint, 0444);
MODULE_PARM_DESC(steps, "of each random sequence");

#define SLOTS_MAX	4
#define POOL_SIZE	SZ_4M
#define VEC_MAX		5

/* The memory that is linked in a granule */
struct granule {
	phys_addr_t phys;	/* where it begins in memory; 0 if nothing is */
	unsigned int piece;
	bool synced;
};

/* A reservation, or room for one */
struct slot {
	struct dma_iova_state state;
	dma_addr_t addr;
	size_t size;		/* 0 if there is no reservation */
	size_t into;		/* the start of the first granule to the start of it */
	int nr;			/* granules */
	struct granule *granules;
};

struct model {
	struct kunit *test;
	struct fixture *f;
	struct mock_iommu *mock;	/* or NULL */
	struct rnd_state rnd;
	phys_addr_t pool;		/* memory to link, only touched by bounces */
	int max;			/* granules of a reservation */
	bool bounce;
	long swiotlb_before;
	struct slot slots[SLOTS_MAX];
	int nr_slots;
	unsigned int pieces;
	struct dma_iova_batch batch;
	size_t unflushed;		/* synchronised, and in the batch since */

	/* For the message about a failure */
	const char *what;
	int first, last;
};

static unsigned int pick(struct model *m, unsigned int below)
{
	return prandom_u32_state(&m->rnd) % below;
}

static bool one_in(struct model *m, unsigned int n)
{
	return !pick(m, n);
}

static size_t start_of(struct model *m, struct slot *s, int granule)
{
	return granule ? granule * m->f->granule - s->into : 0;
}

static size_t end_of(struct model *m, struct slot *s, int granule)
{
	return granule == s->nr - 1 ? s->size : start_of(m, s, granule + 1);
}

static dma_addr_t iova_of(struct model *m, struct slot *s, int granule)
{
	return s->addr - s->into + granule * m->f->granule;
}

/* The reservation has only a part of this granule. */
static bool is_ragged(struct model *m, struct slot *s, int granule)
{
	size_t size = end_of(m, s, granule) - start_of(m, s, granule);

	return size != m->f->granule;
}

static bool any_linked(struct slot *s, int first, int last)
{
	int i;

	for (i = first; i <= last; i++) {
		if (s->granules[i].phys)
			return true;
	}
	return false;
}

static bool all_linked(struct slot *s, int first, int last)
{
	int i;

	for (i = first; i <= last; i++) {
		if (!s->granules[i].phys)
			return false;
	}
	return true;
}

/* The granule after the last one that is linked */
static int linked_end(struct slot *s)
{
	int i;

	for (i = s->nr; i && !s->granules[i - 1].phys; i--)
		;
	return i;
}

static bool same_piece(struct slot *s, int a, int b)
{
	return a >= 0 && b < s->nr &&
	       s->granules[a].piece == s->granules[b].piece;
}

static void forget(struct slot *s, int first, int last)
{
	memset(&s->granules[first], 0,
	       (last - first + 1) * sizeof(*s->granules));
}

/* The checks after every step */

static void check_granule(struct model *m, struct slot *s, int i)
{
	struct granule *g = &s->granules[i];
	dma_addr_t iova = iova_of(m, s, i);
	phys_addr_t phys = iommu_iova_to_phys(m->f->domain, iova);
	phys_addr_t seen;

	if (g->phys && m->bounce && is_ragged(m, s, i)) {
		KUNIT_EXPECT_NE(m->test, phys, (phys_addr_t)0);
		KUNIT_EXPECT_NE(m->test, phys, g->phys);
	} else {
		KUNIT_EXPECT_EQ(m->test, phys, g->phys);
	}

	if (!m->mock)
		return;
	seen = mock_iommu_device_sees(m->mock, iova);
	if (g->synced)
		KUNIT_EXPECT_EQ(m->test, seen, phys);
	else if (hweight_long(m->mock->config.page_sizes) == 1)
		KUNIT_EXPECT_EQ(m->test, seen, (phys_addr_t)0);
	else	/* a large page is synchronised in full */
		KUNIT_EXPECT_TRUE(m->test, !seen || seen == phys);
}

/* All granules. Of long pieces and holes, only both ends and some between */
static void check_slot(struct model *m, struct slot *s)
{
	int i;

	KUNIT_EXPECT_EQ(m->test, dma_use_iova(&s->state), s->size != 0);
	KUNIT_EXPECT_EQ(m->test, dma_iova_size(&s->state), s->size);
	KUNIT_EXPECT_EQ(m->test, s->state.addr, s->addr);
	for (i = 0; i < s->nr; i++) {
		if (s->nr <= 64 || i % 61 == 0 || !same_piece(s, i - 1, i) ||
		    !same_piece(s, i, i + 1))
			check_granule(m, s, i);
	}
}

static void check_counts(struct model *m)
{
	size_t linked = 0, synced = 0, bounced = 0;
	struct slot *s;
	int i;

	for (s = m->slots; s < m->slots + m->nr_slots; s++) {
		for (i = 0; i < s->nr; i++) {
			if (!s->granules[i].phys)
				continue;
			linked += m->f->granule;
			if (s->granules[i].synced)
				synced += m->f->granule;
			if (m->bounce && is_ragged(m, s, i))
				bounced += m->f->granule;
		}
	}

	if (m->bounce)
		KUNIT_EXPECT_EQ(m->test, fixture_slots_used(m->f) - m->swiotlb_before,
				bounced / IO_TLB_SIZE);
	if (!m->mock)
		return;
	KUNIT_EXPECT_EQ(m->test, m->mock->state.mapped, linked);
	KUNIT_EXPECT_EQ(m->test, !m->mock->state.tables, !linked);
	/* In lazy mode the device sees what has been destroyed for a while. */
	if (m->mock->config.type == IOMMU_DOMAIN_DMA &&
	    hweight_long(m->mock->config.page_sizes) == 1)
		KUNIT_EXPECT_EQ(m->test, m->mock->state.seen,
				synced + m->unflushed);
}

static void check_all(struct model *m)
{
	int i;

	for (i = 0; i < m->nr_slots; i++)
		check_slot(m, &m->slots[i]);
	check_counts(m);
}

/* Failures on request: of the nth range, page table page or synchronisation */

static void arm(struct model *m, int *nth)
{
	if (m->mock && one_in(m, 6))
		*nth = 1 + pick(m, 4);
}

/* Whether @nth was armed and has fired; it is not armed any more. */
static bool fired(int *nth, int armed)
{
	bool has = armed && !*nth;

	*nth = 0;
	return has;
}

static int link_errno(struct model *m, int map_armed, int table_armed,
		      bool overlaps)
{
	bool map_failed, table_failed;

	if (!m->mock)
		return 0;
	map_failed = fired(&m->mock->fail_map, map_armed);
	table_failed = fired(&m->mock->fail_table, table_armed);
	if (map_failed)
		return m->mock->errno;
	if (table_failed)
		return -ENOMEM;
	return overlaps ? -EEXIST : 0;
}

/* The steps */

static bool overlap(const struct slot *a, const struct slot *b)
{
	return a->addr < b->addr + b->size && b->addr < a->addr + a->size;
}

static void expect_apart(struct model *m, struct slot *s)
{
	struct slot *o;
	unsigned int i;

	for (o = m->slots; o < m->slots + m->nr_slots; o++) {
		if (o != s && o->size)
			KUNIT_EXPECT_FALSE(m->test, overlap(o, s));
	}
	/* The device still gets to these. */
	for (i = 0; i < m->batch.nr; i++) {
		struct slot gone = {
			.addr = m->batch.states[i].addr,
			.size = dma_iova_size(&m->batch.states[i]),
		};

		KUNIT_EXPECT_FALSE(m->test, overlap(&gone, s));
	}
}

static void do_flush(struct model *m)
{
	m->what = "flush";
	dma_iova_batch_flush(&m->batch);
	KUNIT_EXPECT_EQ(m->test, m->batch.nr, 0);
	m->unflushed = 0;
}

static void do_alloc_of(struct model *m, struct slot *s, int nr, size_t into,
			size_t cut)
{
	phys_addr_t phys = m->pool + into;

	s->nr = nr;
	s->into = into;
	s->size = nr * m->f->granule - into - cut;
	memset(&s->state, 0xff, sizeof(s->state));
	if (!dma_iova_try_alloc(m->f->dev, &s->state, phys, s->size)) {
		/* The batch or the flush queue may have it all, but not for long. */
		KUNIT_ASSERT_TRUE(m->test, m->batch.nr ||
				  m->f->domain->type == IOMMU_DOMAIN_DMA_FQ);
		fixture_expect_zero(m->test, &s->state);
		do_flush(m);
		fixture_drain_flush_queue(m->test, m->f->dev);
		KUNIT_ASSERT_TRUE(m->test, dma_iova_try_alloc(m->f->dev, &s->state,
							      phys, s->size));
	}
	s->addr = s->state.addr;
	KUNIT_EXPECT_EQ(m->test, (size_t)(s->addr & (m->f->granule - 1)), into);
	forget(s, 0, nr - 1);
	expect_apart(m, s);
}

static void do_alloc(struct model *m, struct slot *s)
{
	size_t granule = m->f->granule;
	size_t into = one_in(m, 2) ? 0 : 64 * pick(m, granule / 64);
	size_t cut = one_in(m, 2) ? 0 : pick(m, granule - into);

	do_alloc_of(m, s, one_in(m, 4) ? m->max : 1 + pick(m, m->max), into, cut);
}

static void do_batch_destroy(struct model *m, struct slot *s, size_t mapped_len)
{
	size_t synced = 0;
	unsigned int before = m->batch.nr;
	int i;

	for (i = 0; i < s->nr; i++) {
		if (s->granules[i].phys && s->granules[i].synced)
			synced += m->f->granule;
	}
	dma_iova_batch_destroy(&m->batch, m->f->dev, &s->state, mapped_len,
			       DMA_BIDIRECTIONAL, 0);
	if (m->batch.nr == before)
		return;
	if (before == DMA_IOVA_BATCH_SIZE)
		m->unflushed = 0;
	m->unflushed += synced;
}

/* All that is linked, but no hole */
static void unlink_runs(struct model *m, struct slot *s)
{
	int first, last;

	for (first = 0; first < s->nr; first = last + 1) {
		last = first;
		if (!s->granules[first].phys)
			continue;
		while (last + 1 < s->nr && s->granules[last + 1].phys)
			last++;
		dma_iova_unlink(m->f->dev, &s->state, start_of(m, s, first),
				end_of(m, s, last) - start_of(m, s, first),
				DMA_BIDIRECTIONAL, 0);
	}
}

/* Mainline's documentation does not say whether there may be holes. */
static void do_destroy_no_hole(struct model *m, struct slot *s)
{
	int end = linked_end(s);

	m->what = "destroy";
	if (end && all_linked(s, 0, end - 1)) {
		dma_iova_destroy(m->f->dev, &s->state, end_of(m, s, end - 1),
				 DMA_BIDIRECTIONAL, 0);
	} else {
		unlink_runs(m, s);
		dma_iova_free(m->f->dev, &s->state);
	}
	*s = (struct slot) { .granules = s->granules };
}

static void do_destroy(struct model *m, struct slot *s)
{
	size_t mapped_len = s->size;
	int end = linked_end(s);

	if (!API_OF_OURS) {
		do_destroy_no_hole(m, s);
		return;
	}
	m->what = "destroy";
	if (!one_in(m, 3))
		mapped_len = end ? end_of(m, s, end - 1) : 0;
	else if (one_in(m, 4))
		mapped_len += m->f->granule;	/* counts as all */
	if (one_in(m, 2))
		dma_iova_destroy(m->f->dev, &s->state, mapped_len,
				 DMA_BIDIRECTIONAL, 0);
	else
		do_batch_destroy(m, s, mapped_len);
	fixture_expect_zero(m->test, &s->state);
	*s = (struct slot) { .granules = s->granules };
}

static void do_free(struct model *m, struct slot *s)
{
	m->what = "free";
	dma_iova_free(m->f->dev, &s->state);
	fixture_expect_zero(m->test, &s->state);
	*s = (struct slot) { .granules = s->granules };
}

/* Memory for @nr granules, sometimes such that large pages can map it */
static phys_addr_t random_memory(struct model *m, dma_addr_t iova, int nr)
{
	size_t granule = m->f->granule;
	phys_addr_t phys = m->pool + (iova & (SZ_2M - 1) & -granule);
	phys_addr_t any = m->pool +
			  granule * pick(m, POOL_SIZE / granule - nr + 1);

	/* Pick as many numbers in either case: a seed then repeats its sequence. */
	if (one_in(m, 3) && phys + nr * granule <= m->pool + POOL_SIZE)
		return phys;
	return any;
}

static void note_piece(struct model *m, struct slot *s, int first, int nr,
		       phys_addr_t phys)
{
	int i;

	m->pieces++;
	for (i = first; i < first + nr; i++) {
		s->granules[i] = (struct granule) {
			.phys = ALIGN_DOWN(phys, m->f->granule),
			.piece = m->pieces,
		};
		phys += m->f->granule;
	}
}

/* Begins often where the reservation does, for the sake of large pages */
static int random_first(struct model *m, struct slot *s)
{
	return one_in(m, 4) ? 0 : pick(m, s->nr);
}

/* Short, or anything, or all that can be */
static int random_length(struct model *m, int most)
{
	if (one_in(m, 8))
		return most;
	return 1 + pick(m, one_in(m, 4) ? most : min(most, 4));
}

static void do_link_of(struct model *m, struct slot *s, int first, int nr)
{
	phys_addr_t phys = random_memory(m, iova_of(m, s, first), nr) +
			   (first ? 0 : s->into);
	size_t start = start_of(m, s, first);
	size_t size = end_of(m, s, first + nr - 1) - start;
	bool overlaps = any_linked(s, first, first + nr - 1);
	int map = m->mock ? m->mock->fail_map : 0;
	int table = m->mock ? m->mock->fail_table : 0;
	int err, want;

	m->first = first;
	m->last = first + nr - 1;
	err = dma_iova_link(m->f->dev, &s->state, phys, start, size,
			    DMA_BIDIRECTIONAL, 0);
	want = link_errno(m, map, table, overlaps);
	KUNIT_EXPECT_EQ(m->test, err, want);
	if (!want)
		note_piece(m, s, first, nr, phys);
}

static void do_link(struct model *m, struct slot *s)
{
	int first = random_first(m, s);
	int nr = random_length(m, s->nr - first);

	m->what = "link";
	if (any_linked(s, first, first + nr - 1) &&
	    (!API_OF_OURS || !m->mock || !one_in(m, 8)))
		return;
	if (m->mock) {
		arm(m, &m->mock->fail_map);
		arm(m, &m->mock->fail_table);
	}
	do_link_of(m, s, first, nr);
}

static void do_link_vec(struct model *m, struct slot *s)
{
	int first = random_first(m, s), next = first;
	int map = 0, table = 0, nr, i, err, want;
	struct phys_vec vec[VEC_MAX];
	int lengths[VEC_MAX];
	bool overlaps;

	m->what = "link_vec";
	for (nr = 0; nr < VEC_MAX && next < s->nr; nr++) {
		lengths[nr] = random_length(m, s->nr - next);
		vec[nr].paddr = random_memory(m, iova_of(m, s, next), lengths[nr]) +
				(next ? 0 : s->into);
		/* Some are neighbours in memory. */
		if (nr && one_in(m, 4) && vec[nr - 1].paddr + vec[nr - 1].len +
		    lengths[nr] * m->f->granule <= m->pool + POOL_SIZE)
			vec[nr].paddr = vec[nr - 1].paddr + vec[nr - 1].len;
		vec[nr].len = end_of(m, s, next + lengths[nr] - 1) -
			      start_of(m, s, next);
		next += lengths[nr];
	}

	m->first = first;
	m->last = next - 1;
	overlaps = any_linked(s, first, next - 1);
	if (overlaps && (!m->mock || !one_in(m, 8)))
		return;
	if (m->mock) {
		arm(m, &m->mock->fail_map);
		arm(m, &m->mock->fail_table);
		map = m->mock->fail_map;
		table = m->mock->fail_table;
	}
	err = dma_iova_link_vec(m->f->dev, &s->state, vec, nr,
				start_of(m, s, first), DMA_BIDIRECTIONAL, 0);
	want = link_errno(m, map, table, overlaps);
	KUNIT_EXPECT_EQ(m->test, err, want);
	if (want)
		return;
	for (i = 0; i < nr; i++) {
		note_piece(m, s, first, lengths[i], vec[i].paddr);
		first += lengths[i];
	}
}

/* Any range, in bytes */
static void do_sync(struct model *m, struct slot *s)
{
	size_t offset = one_in(m, 2) ? 0 : pick(m, s->size);
	size_t size = one_in(m, 2) ? s->size - offset : pick(m, s->size - offset);
	int armed = 0, err, want = 0, i;

	m->what = "sync";
	if (m->mock && size) {
		arm(m, &m->mock->fail_sync);
		armed = m->mock->fail_sync;
	}
	err = dma_iova_sync(m->f->dev, &s->state, offset, size);
	if (m->mock && fired(&m->mock->fail_sync, armed))
		want = m->mock->errno;
	KUNIT_EXPECT_EQ(m->test, err, want);
	if (want)
		return;
	for (i = 0; i < s->nr; i++) {
		if (s->granules[i].phys && size && end_of(m, s, i) > offset &&
		    start_of(m, s, i) < offset + size)
			s->granules[i].synced = true;
	}
}

/* Unlinks whole pieces, holes, or half a granule */
static void do_unlink(struct model *m, struct slot *s)
{
	int first = pick(m, s->nr);
	int last = first + random_length(m, s->nr - first) - 1;
	size_t offset, size;

	m->what = "unlink";
	while (s->granules[first].phys && same_piece(s, first - 1, first))
		first--;
	while (s->granules[last].phys && same_piece(s, last, last + 1))
		last++;
	m->first = first;
	m->last = last;
	if (!API_OF_OURS && !all_linked(s, first, last))
		return;

	offset = start_of(m, s, first);
	size = end_of(m, s, last) - offset;
	if (API_OF_OURS && first == last && one_in(m, 4)) {
		size_t skip = pick(m, size);

		offset += skip;
		size = 1 + pick(m, size - skip);
	}
	dma_iova_unlink(m->f->dev, &s->state, offset, size, DMA_BIDIRECTIONAL, 0);
	forget(s, first, last);
}

/* Calls that are wrong: each warns once, and does nothing. */

static int link_raw(struct model *m, struct slot *s, phys_addr_t phys,
		    size_t offset, size_t size, enum dma_data_direction dir)
{
	return dma_iova_link(m->f->dev, &s->state, phys, offset, size, dir, 0);
}

static int vec_raw(struct model *m, struct slot *s, size_t phys_offset,
		   size_t offset, int nr, enum dma_data_direction dir)
{
	struct phys_vec vec[] = {
		{ m->pool + (offset ? 0 : s->into), end_of(m, s, 0) },
		{ m->pool + phys_offset, m->f->granule },
	};

	return dma_iova_link_vec(m->f->dev, &s->state, vec, nr, offset, dir, 0);
}

static int link_outside(struct model *m, struct slot *s)
{
	size_t offset = pick(m, s->size + 1);
	size_t more = 1 + pick(m, SZ_64K);
	size_t size = one_in(m, 2) ? s->size - offset + more : -more;

	return link_raw(m, s, m->pool, offset, size, DMA_TO_DEVICE);
}

static int link_nothing(struct model *m, struct slot *s)
{
	return link_raw(m, s, m->pool, pick(m, s->size), 0, DMA_TO_DEVICE);
}

static int link_no_direction(struct model *m, struct slot *s)
{
	return link_raw(m, s, m->pool + s->into, 0, end_of(m, s, 0), DMA_NONE);
}

static int link_start_in_granule(struct model *m, struct slot *s)
{
	return link_raw(m, s, m->pool + s->into + 1, 1, end_of(m, s, 0) - 1,
			DMA_TO_DEVICE);
}

static int link_end_in_granule(struct model *m, struct slot *s)
{
	return link_raw(m, s, m->pool + s->into, 0, 1 + pick(m, end_of(m, s, 0) - 1),
			DMA_TO_DEVICE);
}

static int link_other_offset(struct model *m, struct slot *s)
{
	return link_raw(m, s, m->pool + s->into + 1, 0, end_of(m, s, 0),
			DMA_TO_DEVICE);
}

static int link_vec_outside(struct model *m, struct slot *s)
{
	return vec_raw(m, s, 0, s->size, 2, DMA_TO_DEVICE);
}

static int link_vec_nothing(struct model *m, struct slot *s)
{
	return vec_raw(m, s, 0, 0, 0, DMA_TO_DEVICE);
}

static int link_vec_no_direction(struct model *m, struct slot *s)
{
	return vec_raw(m, s, 0, 0, 1, DMA_NONE);
}

static int link_vec_misaligned(struct model *m, struct slot *s)
{
	return vec_raw(m, s, 1 + pick(m, m->f->granule - 1), 0, 2, DMA_TO_DEVICE);
}

static int sync_outside(struct model *m, struct slot *s)
{
	return dma_iova_sync(m->f->dev, &s->state, pick(m, s->size), s->size + 1);
}

static int unlink_outside(struct model *m, struct slot *s)
{
	dma_iova_unlink(m->f->dev, &s->state, pick(m, s->size), s->size + 1,
			DMA_BIDIRECTIONAL, 0);
	return -EINVAL;
}

static int alloc_nothing(struct model *m, struct slot *s)
{
	struct dma_iova_state state;

	memset(&state, 0xff, sizeof(state));
	KUNIT_EXPECT_FALSE(m->test, dma_iova_try_alloc(m->f->dev, &state, 0, 0));
	fixture_expect_zero(m->test, &state);
	return -EINVAL;
}

static int destroy_nothing(struct model *m, struct slot *s)
{
	struct dma_iova_state state = {};

	dma_iova_destroy(m->f->dev, &state, 0, DMA_BIDIRECTIONAL, 0);
	return -EINVAL;
}

static int free_nothing(struct model *m, struct slot *s)
{
	struct dma_iova_state state = {};

	dma_iova_free(m->f->dev, &state);
	return -EINVAL;
}

/* Each needs a reservation of three granules or more. */
static const struct {
	const char *name;
	const char *file;
	int (*call)(struct model *m, struct slot *s);
} wrong_calls[] = {
	{ "link outside", ENTRY, link_outside },
	{ "link nothing", ENTRY, link_nothing },
	{ "link for no direction", ENTRY, link_no_direction },
	{ "link from within a granule", ENGINE, link_start_in_granule },
	{ "link up to within a granule", ENGINE, link_end_in_granule },
	{ "link at another offset", ENGINE, link_other_offset },
	{ "link_vec outside", ENTRY, link_vec_outside },
	{ "link_vec nothing", ENGINE, link_vec_nothing },
	{ "link_vec for no direction", ENTRY, link_vec_no_direction },
	{ "link_vec within a granule", ENGINE, link_vec_misaligned },
	{ "sync outside", ENTRY, sync_outside },
	{ "unlink outside", ENTRY, unlink_outside },
	{ "alloc nothing", ENTRY, alloc_nothing },
	{ "destroy nothing", ENTRY, destroy_nothing },
	{ "free nothing", ENTRY, free_nothing },
};

static void do_wrong_call(struct model *m, struct slot *s, int nr)
{
	m->what = wrong_calls[nr].name;
	KUNIT_EXPECT_EQ(m->test, wrong_calls[nr].call(m, s), -EINVAL);
}

static void do_random_wrong_call(struct model *m, struct slot *s)
{
	if (s->nr >= 3)
		do_wrong_call(m, s, pick(m, ARRAY_SIZE(wrong_calls)));
}

/* Use up each WARN_ONCE(), so that the random sequence is silent. */
static void use_up_warnings(struct model *m)
{
	struct kunit *test = m->test;
	struct slot *s = &m->slots[0];
	int i;

	do_alloc_of(m, s, 3, 0, 0);
	warnings_expect(test, ENGINE);
	m->what = "unlink a hole";
	dma_iova_unlink(m->f->dev, &s->state, 0, s->size, DMA_BIDIRECTIONAL, 0);
	KUNIT_EXPECT_EQ(test, warnings_taken(test), 1);

	do_link_of(m, s, 0, 1);
	warnings_announce(test, ENGINE);
	m->what = "unlink half a granule";
	dma_iova_unlink(m->f->dev, &s->state, 0, 1, DMA_BIDIRECTIONAL, 0);
	KUNIT_EXPECT_LE(test, warnings_taken(test), 1);
	forget(s, 0, 0);

	for (i = 0; i < ARRAY_SIZE(wrong_calls); i++) {
		warnings_announce(test, wrong_calls[i].file);
		do_wrong_call(m, s, i);
		KUNIT_EXPECT_LE(test, warnings_taken(test), 1);
		check_all(m);
	}

	warnings_announce(test, ENTRY);
	m->what = "destroy too much";
	do_link_of(m, s, 0, 3);
	dma_iova_destroy(m->f->dev, &s->state, s->size + 1, DMA_BIDIRECTIONAL, 0);
	KUNIT_EXPECT_EQ(test, warnings_taken(test), 1);
	*s = (struct slot) { .granules = s->granules };
	check_all(m);
	warnings_mute_dma_debug(test, true);
}

static void step(struct model *m)
{
	struct slot *s = &m->slots[pick(m, m->nr_slots)];
	unsigned int what = pick(m, 100);

	m->first = -1;
	m->last = -1;
	if (!s->size) {
		m->what = "alloc";
		do_alloc(m, s);
	} else if (what < 30) {
		do_link(m, s);
	} else if (what < 45 && API_OF_OURS) {
		do_link_vec(m, s);
	} else if (what < 60) {
		do_sync(m, s);
	} else if (what < 82) {
		do_unlink(m, s);
	} else if (what < 94 && API_OF_OURS) {
		do_random_wrong_call(m, s);
	} else if (what < 96 && !any_linked(s, 0, s->nr - 1)) {
		do_free(m, s);
	} else {
		do_destroy(m, s);
	}
	if (one_in(m, 50))
		do_flush(m);
}

/* A complete run, with at most @max granules in a reservation */
static void run(struct fixture *f, int max, bool bounce)
{
	struct kunit *test = f->test;
	struct model m = {
		.test = test, .f = f, .mock = f->mock, .max = max,
		.bounce = bounce,
		.nr_slots = max > 64 ? 2 : SLOTS_MAX,
		.pool = page_to_phys(fixture_large_page(test)),
	};
	unsigned long used_seed = seed ?: get_random_u32();
	int before = 0, i;
	unsigned int n;

	kunit_info(test, "dma_iova_random_kunit.seed=%lu dma_iova_random_kunit.steps=%u\n",
		   used_seed, steps);
	/* Another sequence for each case */
	prandom_seed_state(&m.rnd, used_seed + full_name_hash(NULL, test->name,
							      strlen(test->name)));
	for (i = 0; i < m.nr_slots; i++) {
		m.slots[i].granules = kunit_kcalloc(test, max,
						    sizeof(struct granule),
						    GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, m.slots[i].granules);
	}
	dma_iova_batch_init(&m.batch);
	if (bounce)
		m.swiotlb_before = fixture_slots_used(m.f);
	if (m.mock) {
		before = mock_iommu_count_free(test, m.mock);
		KUNIT_EXPECT_GT(test, before, 0);
	}

	if (API_OF_OURS)
		use_up_warnings(&m);
	for (n = 0; n < steps; n++) {
		step(&m);
		check_all(&m);
		if (READ_ONCE(test->status) == KUNIT_FAILURE) {
			kunit_err(test, "step %u, %s, granules %d to %d\n", n,
				  m.what, m.first, m.last);
			return;
		}
		cond_resched();
	}

	for (i = 0; i < m.nr_slots; i++) {
		if (m.slots[i].size)
			do_destroy(&m, &m.slots[i]);
	}
	do_flush(&m);
	check_all(&m);
	/* The next number shows whether two runs had the same sequence. */
	kunit_info(test, "%u pieces, next number %08x\n", m.pieces,
		   prandom_u32_state(&m.rnd));
	if (!m.mock)
		return;
	KUNIT_EXPECT_EQ(test, mock_iommu_count_free(test, m.mock), before);
	KUNIT_EXPECT_EQ(test, m.mock->state.mapped, (size_t)0);
	KUNIT_EXPECT_EQ(test, m.mock->state.seen, (size_t)0);
	KUNIT_EXPECT_EQ(test, m.mock->state.tables, 0);
	if (hweight_long(m.mock->config.page_sizes) > 1)
		KUNIT_EXPECT_GT(test, m.mock->calls.large_pages, 0);
}

static void run_on_mock(struct kunit *test, unsigned long page_sizes, int max,
			unsigned int type, bool map_vec)
{
	struct mock_iommu_config config = {
		.page_sizes = page_sizes,
		.aperture = 32 * max * BIT(__ffs(page_sizes)),
		.type = type,
		.map_vec = map_vec,
	};

	run(fixture_mock(test, &config), max, false);
}

static void random_4k(struct kunit *test)
{
	run_on_mock(test, SZ_4K, 16, IOMMU_DOMAIN_DMA, false);
}

static void random_4k_lazy(struct kunit *test)
{
	run_on_mock(test, SZ_4K, 16, IOMMU_DOMAIN_DMA_FQ, true);
}

/* Long enough for two large pages, and for some that are not aligned */
static void random_4k_2m(struct kunit *test)
{
	run_on_mock(test, SZ_4K | SZ_2M, 1024, IOMMU_DOMAIN_DMA, false);
}

static void random_16k(struct kunit *test)
{
	run_on_mock(test, SZ_16K, 16, IOMMU_DOMAIN_DMA, true);
}

static void random_64k(struct kunit *test)
{
	run_on_mock(test, SZ_64K, 16, IOMMU_DOMAIN_DMA_FQ, false);
}

/* The IOMMU has smaller pages than any kernel. */
static void random_1k(struct kunit *test)
{
	run_on_mock(test, SZ_1K | SZ_4K, 24, IOMMU_DOMAIN_DMA, false);
}

static void random_bounce(struct kunit *test)
{
	struct mock_iommu_config config = {
		.page_sizes = SZ_4K,
		.aperture = SZ_16M,
		.type = IOMMU_DOMAIN_DMA,
	};

	run(fixture_mock_untrusted(test, &config), 6, true);
}

static void random_behind_iommu(struct kunit *test)
{
	run(test->priv, 16, false);
}

static struct kunit_case random_cases[] = {
	KUNIT_CASE_SLOW(random_4k),
	KUNIT_CASE_SLOW(random_4k_lazy),
	KUNIT_CASE_SLOW(random_4k_2m),
	KUNIT_CASE_SLOW(random_16k),
	KUNIT_CASE_SLOW(random_64k),
	KUNIT_CASE_SLOW(random_1k),
	{}
};

static struct kunit_suite random_suite = {
	.name		= "dma_iova_random",
	.suite_init	= warnings_start,
	.suite_exit	= warnings_stop,
	.init		= fixture_init_long_mock,
	.exit		= warnings_check,
	.test_cases	= random_cases,
};

static struct kunit_case random_bounce_cases[] = {
	KUNIT_CASE_SLOW(random_bounce),
	{}
};

static struct kunit_suite random_bounce_suite = {
	.name		= "dma_iova_random_bounce",
	.suite_init	= warnings_start,
	.suite_exit	= warnings_stop,
	.exit		= warnings_check,
	.test_cases	= random_bounce_cases,
};

static struct kunit_case random_iommu_cases[] = {
	KUNIT_CASE_SLOW(random_behind_iommu),
	{}
};

static struct kunit_suite random_iommu_suite = {
	.name		= "dma_iova_random_iommu",
	.suite_init	= warnings_start,
	.suite_exit	= warnings_stop,
	.init		= fixture_init_iommu,
	.exit		= warnings_check,
	.test_cases	= random_iommu_cases,
};

kunit_test_suites(&random_suite, &random_bounce_suite, &random_iommu_suite);

MODULE_DESCRIPTION("KUnit suites of random use of the two-step DMA API");
MODULE_LICENSE("GPL");
