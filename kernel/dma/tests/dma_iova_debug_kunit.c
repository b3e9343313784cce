// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite of what dma-debug has to say of the two-step DMA API: each misuse is
 * reported once, with the device and its driver, and nothing else ever is. It
 * needs CONFIG_DMA_API_DEBUG and QEMU's edu device behind an IOMMU.
 */
#include <kunit/test.h>
#include <linux/cache.h>
#include <linux/dma-map-ops.h>
#include <linux/iommu.h>
#include <linux/kprobes.h>
#include <linux/mm.h>
#include <linux/prandom.h>
#include <linux/seq_file.h>
#include <linux/sizes.h>
#include <linux/string.h>
#include <trace/events/printk.h>

#include "../debug-iova.h"
#include "fixture.h"
#include "spy.h"

/* The file in which dma-debug warns */
#define DEBUG	"debug.c"

/* The last report in the log, and how many there were */
static struct {
	int lines;
	char line[512];
} console;

/* The lines of debug_dma_dump_mappings() about the two-step API */
static struct {
	int lines;
	char line[4][128];
} dump;

/* One case at a time maps anything: no more than one CPU gets here. */
static void console_probe(void *data, const char *text, size_t len)
{
	size_t size;

	if (strnstr(text, "DMA-API: ", len) && !strnstr(text, "Mapped at", len)) {
		size = min(len + 1, sizeof(console.line));
		strscpy(console.line, text, size);
		console.lines++;
	}
	if ((strnstr(text, " reservation D=", len) ||
	     strnstr(text, " piece P=", len)) &&
	    dump.lines < ARRAY_SIZE(dump.line)) {
		size = min(len + 1, sizeof(dump.line[0]));
		strscpy(dump.line[dump.lines++], text, size);
	}
}

static u32 *all_errors(struct kunit *test)
{
	return fixture_debugfs(test, "dma-api", "all_errors");
}

static u32 error_count(struct kunit *test)
{
	return *(u32 *)fixture_debugfs(test, "dma-api", "error_count");
}

/* The report to expect, and another file that may warn, or NULL */
struct round {
	const char *what;
	const char *also;
	int nr;
	u32 errors;
};

/* Before the first round, announce the report. After it, there has been one. */
static bool report_round(struct kunit *test, struct round *round)
{
	struct fixture *f = test->priv;
	char who[64];

	if (round->nr++ == 0) {
		warnings_expect(test, DEBUG);
		if (round->also)
			kunit_info(test, "expect-warning: %s\n", round->also);
		round->errors = error_count(test);
		console.lines = 0;
		return true;
	}

	snprintf(who, sizeof(who), "%s %s: device driver ",
		 dev_driver_string(f->dev), dev_name(f->dev));
	KUNIT_EXPECT_EQ(test, error_count(test) - round->errors, 1u);
	KUNIT_EXPECT_EQ(test, console.lines, 1);
	KUNIT_EXPECT_EQ(test, warnings_taken(test), round->also ? 2 : 1);
	KUNIT_EXPECT_NOT_NULL_MSG(test, strstr(console.line, who),
				  "no \"%s\" in: %s", who, console.line);
	KUNIT_EXPECT_NOT_NULL_MSG(test, strstr(console.line, round->what),
				  "no \"%s\" in: %s", round->what,
				  console.line);
	console.lines = 0;
	return false;
}

#define reports_also(test, ...)						\
	for (struct round __round = { __VA_ARGS__ };			\
	     report_round(test, &__round);)

/* Run what follows: dma-debug reports it once. */
#define reports(test, what)	reports_also(test, what, NULL)

/* The text of a report about these addresses, valid until the next call */
static const char *of(const char *what, dma_addr_t addr, size_t size)
{
	static char text[160];

	snprintf(text, sizeof(text),
		 "%s [device address=0x%016llx] [size=%zu bytes]", what,
		 (u64)addr, size);
	return text;
}

static int link_page(struct fixture *f, struct dma_iova_state *state,
		     size_t offset, struct page *page)
{
	return dma_iova_link(f->dev, state, page_to_phys(page), offset,
			     PAGE_SIZE, DMA_BIDIRECTIONAL, 0);
}

static void unlink_pages(struct fixture *f, struct dma_iova_state *state,
			 int first, int nr)
{
	dma_iova_unlink(f->dev, state, first * PAGE_SIZE, nr * PAGE_SIZE,
			DMA_BIDIRECTIONAL, 0);
}

/* Right use: what .exit checks is that nothing has been reported. */

static void silent_ragged_pieces(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page **pages = fixture_scattered_pages(test, 3);
	struct dma_iova_state state;
	struct phys_vec vec[] = {
		{ page_to_phys(pages[0]) + 512, PAGE_SIZE - 512 },
		{ page_to_phys(pages[1]), PAGE_SIZE },
		{ page_to_phys(pages[2]), 700 },
	};
	size_t size = 2 * PAGE_SIZE - 512 + 700;

	fixture_reserve(f, &state, vec[0].paddr, size);
	KUNIT_EXPECT_EQ(test, 0,
			dma_iova_link_vec(f->dev, &state, vec, ARRAY_SIZE(vec),
					  0, DMA_FROM_DEVICE, 0));
	KUNIT_EXPECT_EQ(test, 0, dma_iova_sync(f->dev, &state, 0, size));
	dma_iova_sync_for_cpu(f->dev, &state, 100, size - 200,
			      DMA_FROM_DEVICE);
	dma_iova_sync_for_device(f->dev, &state, 100, size - 200,
				 DMA_FROM_DEVICE);
	dma_iova_unlink(f->dev, &state, 0, PAGE_SIZE - 512, DMA_FROM_DEVICE, 0);
	dma_iova_unlink(f->dev, &state, PAGE_SIZE - 512, PAGE_SIZE + 700,
			DMA_FROM_DEVICE, DMA_ATTR_SKIP_CPU_SYNC);
	dma_iova_free(f->dev, &state);
}

/* A mapped_len that ends within a granule counts as all of it. */
static void silent_partly_linked(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page *page = fixture_lone_page(test);
	struct dma_iova_state state;

	fixture_reserve(f, &state, 0, 4 * PAGE_SIZE);
	fixture_link_page(f, &state, 0, page);
	KUNIT_EXPECT_EQ(test, 0, dma_iova_sync(f->dev, &state, 0, 100));
	fixture_destroy(f, &state, 100);

	fixture_reserve(f, &state, 0, PAGE_SIZE);
	fixture_destroy(f, &state, 0);
	fixture_reserve(f, &state, 0, PAGE_SIZE);
	dma_iova_free(f->dev, &state);
}

/* dma-debug reports a driver that never synchronises after so many times. */
#define FORGOTTEN	32

static void give_up(struct fixture *f, struct page **pages, int times)
{
	struct dma_iova_state state;

	while (times--) {
		fixture_reserve(f, &state, 0, 2 * PAGE_SIZE);
		fixture_link_page(f, &state, 0, pages[0]);
		fixture_link_page(f, &state, PAGE_SIZE, pages[1]);
		fixture_destroy(f, &state, 2 * PAGE_SIZE);
	}
}

/* A driver that gives up does not synchronise: for its own reasons, */
static void silent_after_giving_up(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page **pages = fixture_scattered_pages(test, 2);
	struct dma_iova_state state;
	int i;

	give_up(f, pages, FORGOTTEN - 1);
	fixture_link_pages(f, &state, pages, 2);
	fixture_destroy(f, &state, 2 * PAGE_SIZE);
	give_up(f, pages, FORGOTTEN - 1);
	fixture_link_pages(f, &state, pages, 2);
	fixture_destroy(f, &state, 2 * PAGE_SIZE);

	/* A driver may give up any number of times before all is linked. */
	for (i = 0; i < 2 * FORGOTTEN; i++) {
		fixture_reserve(f, &state, 0, 2 * PAGE_SIZE);
		fixture_link_page(f, &state, 0, pages[0]);
		fixture_destroy(f, &state, PAGE_SIZE);
	}
}

/* or because of an error, */
static void silent_after_failed_link(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page **pages = fixture_scattered_pages(test, 3);
	struct dma_iova_state state;

	KUNIT_ASSERT_EQ(test, 0, spy_insert(test));
	fixture_reserve(f, &state, 0, 3 * PAGE_SIZE);
	fixture_link_page(f, &state, 0, pages[0]);
	KUNIT_EXPECT_EQ(test, 0, dma_iova_sync(f->dev, &state, 0, PAGE_SIZE));
	fixture_link_page(f, &state, PAGE_SIZE, pages[1]);
	spy.fail_map = 1;
	spy.fail_map_errno = -ENOMEM;
	KUNIT_EXPECT_EQ(test, -ENOMEM,
			link_page(f, &state, 2 * PAGE_SIZE, pages[2]));
	fixture_destroy(f, &state, 2 * PAGE_SIZE);
}

/* however often there is one, */
static void silent_after_many_failed_links(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page **pages = fixture_scattered_pages(test, 2);
	struct dma_iova_state state;
	int i;

	KUNIT_ASSERT_EQ(test, 0, spy_insert(test));
	for (i = 0; i < 2 * FORGOTTEN; i++) {
		fixture_reserve(f, &state, 0, 2 * PAGE_SIZE);
		fixture_link_page(f, &state, 0, pages[0]);
		spy.fail_map = 1;
		spy.fail_map_errno = -ENOMEM;
		KUNIT_EXPECT_EQ(test, -ENOMEM,
				link_page(f, &state, PAGE_SIZE, pages[1]));
		fixture_link_page(f, &state, PAGE_SIZE, pages[1]);
		fixture_destroy(f, &state, 2 * PAGE_SIZE);
	}
}

static void silent_after_failed_sync(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page *page = fixture_lone_page(test);
	struct dma_iova_state state;

	KUNIT_ASSERT_EQ(test, 0, spy_insert(test));
	fixture_reserve(f, &state, 0, PAGE_SIZE);
	fixture_link_page(f, &state, 0, page);
	spy.fail_sync_map_errno = -EIO;
	KUNIT_EXPECT_EQ(test, -EIO,
			dma_iova_sync(f->dev, &state, 0, PAGE_SIZE));
	spy_reset();
	fixture_destroy(f, &state, PAGE_SIZE);
}

#define RANDOM_PAGES	32
#define RANDOM_ROUNDS	400
#define RANDOM_SEED	6

/* Pages come and go anywhere in a reservation, runs of them at a time. */
static void silent_random_links(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page **pages = fixture_scattered_pages(test, RANDOM_PAGES);
	bool linked[RANDOM_PAGES] = {};
	struct dma_iova_state state;
	struct rnd_state rnd;
	int i;

	prandom_seed_state(&rnd, RANDOM_SEED);
	fixture_reserve(f, &state, 0, RANDOM_PAGES * PAGE_SIZE);
	for (i = 0; i < RANDOM_ROUNDS; i++) {
		int first = prandom_u32_state(&rnd) % RANDOM_PAGES;
		int end = first + 1 + prandom_u32_state(&rnd) % 4;
		bool was = linked[first];
		int n;

		for (n = first; n < min(end, RANDOM_PAGES) && linked[n] == was;
		     n++) {
			linked[n] = !was;
			if (!was)
				fixture_link_page(f, &state, n * PAGE_SIZE,
						  pages[n]);
		}
		if (was)
			unlink_pages(f, &state, first, n - first);
		else
			KUNIT_EXPECT_EQ(test, 0,
					dma_iova_sync(f->dev, &state,
						      first * PAGE_SIZE,
						      (n - first) * PAGE_SIZE));
	}
	for (i = 0; i < RANDOM_PAGES; i++) {
		if (linked[i])
			unlink_pages(f, &state, i, 1);
	}
	dma_iova_free(f->dev, &state);
}

/* Reservations that are not, or not any more */

static void report_leak_at_unbind(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct dma_iova_state state, lost;

	fixture_reserve(f, &state, 0, PAGE_SIZE);
	lost = state;
	fixture_reserve(f, &state, 0, PAGE_SIZE);
	reports(test, "has reservations while released from device [count=2]")
		device_release_driver(f->dev);
	fixture_destroy(f, &state, 0);
	fixture_destroy(f, &lost, 0);
}

/*
 * So large that the IOVA allocator keeps no freed ones in its caches: it does
 * nothing when one is freed twice.
 */
#define UNCACHED_SIZE	SZ_4M

/* A copy of the state outlives the reservation. */
static void report_batch_never_flushed(struct kunit *test)
{
	struct fixture *f = fixture_strict_mock(test);
	struct page **pages = fixture_scattered_pages(test, 2);
	struct dma_iova_state states[2];
	struct dma_iova_batch batch;
	int i;

	dma_iova_batch_init(&batch);
	for (i = 0; i < 2; i++) {
		fixture_link_pages(f, &states[i], &pages[i], 1);
		dma_iova_batch_destroy(&batch, f->dev, &states[i], PAGE_SIZE,
				       DMA_BIDIRECTIONAL, 0);
	}
	/* The mock device has no driver. Call what unbinding one calls. */
	reports(test, "has reservations while released from device [count=2]")
		debug_dma_iova_unbound(f->dev);
	dma_iova_batch_flush(&batch);
}

/* The pieces are unlinked as by dma_iova_destroy(). */
static void report_batch_destroy_too_short(struct kunit *test)
{
	struct fixture *f = fixture_strict_mock(test);
	struct page **pages = fixture_scattered_pages(test, 2);
	struct dma_iova_state state;
	struct dma_iova_batch batch;

	dma_iova_batch_init(&batch);
	fixture_link_pages(f, &state, pages, 2);
	dma_iova_batch_destroy(&batch, f->dev, &state, PAGE_SIZE,
			       DMA_BIDIRECTIONAL, 0);
	reports(test, "gives back a reservation that has memory linked")
		dma_iova_batch_flush(&batch);
}

static void report_use_after_free(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page *page = fixture_lone_page(test);
	struct dma_iova_state state, copy;

	fixture_reserve(f, &state, 0, UNCACHED_SIZE);
	copy = state;
	dma_iova_free(f->dev, &state);

	reports(test, of("links memory into a reservation that it does not have",
			 copy.addr, PAGE_SIZE))
		KUNIT_EXPECT_EQ(test, 0, link_page(f, &copy, 0, page));
	reports(test, of("synchronises a reservation that it does not have",
			 copy.addr, UNCACHED_SIZE))
		KUNIT_EXPECT_EQ(test, 0, dma_iova_sync(f->dev, &copy, 0,
						       PAGE_SIZE));
	reports(test, of("hands over memory that it has not linked",
			 copy.addr, PAGE_SIZE))
		dma_iova_sync_for_cpu(f->dev, &copy, 0, PAGE_SIZE,
				      DMA_BIDIRECTIONAL);
	reports(test, of("hands over memory that it has not linked",
			 copy.addr, PAGE_SIZE))
		dma_iova_sync_for_device(f->dev, &copy, 0, PAGE_SIZE,
					 DMA_BIDIRECTIONAL);
	reports(test, of("unlinks memory from a reservation that it does not have",
			 copy.addr, UNCACHED_SIZE))
		unlink_pages(f, &copy, 0, 1);
}

static void report_free_twice(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct dma_iova_state state, copy;

	fixture_reserve(f, &state, 0, UNCACHED_SIZE);
	copy = state;
	dma_iova_free(f->dev, &state);
	reports(test, of("gives back a reservation that it does not have",
			 copy.addr, UNCACHED_SIZE))
		dma_iova_free(f->dev, &copy);
}

static void report_destroy_twice(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct dma_iova_state state, copy;

	fixture_reserve(f, &state, 0, UNCACHED_SIZE);
	copy = state;
	fixture_destroy(f, &state, 0);
	reports(test, of("gives back a reservation that it does not have",
			 copy.addr, UNCACHED_SIZE))
		fixture_destroy(f, &copy, 0);
}

static void report_free_with_links(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page *page = fixture_lone_page(test);
	struct dma_iova_state state, copy;

	fixture_link_pages(f, &state, &page, 1);
	copy = state;
	reports(test, of("gives back a reservation that has memory linked",
			 copy.addr, PAGE_SIZE))
		dma_iova_free(f->dev, &state);
	KUNIT_EXPECT_GT(test, iommu_unmap(f->domain, copy.addr, PAGE_SIZE), 0);
}

static void report_destroy_too_short(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page **pages = fixture_scattered_pages(test, 3);
	struct dma_iova_state state, copy;

	fixture_link_pages(f, &state, pages, 3);
	copy = state;
	reports(test, of("gives back a reservation that has memory linked",
			 copy.addr, 3 * PAGE_SIZE))
		fixture_destroy(f, &state, PAGE_SIZE);
	KUNIT_EXPECT_GT(test, iommu_unmap(f->domain, copy.addr + PAGE_SIZE,
					  2 * PAGE_SIZE), 0);
}

/* Pieces */

static void report_unlink_never_linked(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct dma_iova_state state;

	fixture_reserve(f, &state, 0, 4 * PAGE_SIZE);
	reports_also(test, of("unlinks memory that it has not linked",
			      state.addr + PAGE_SIZE, PAGE_SIZE), ENGINE)
		unlink_pages(f, &state, 1, 1);
	dma_iova_free(f->dev, &state);
}

static void report_unlink_hole(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page **pages = fixture_scattered_pages(test, 3);
	struct dma_iova_state state;

	fixture_link_pages(f, &state, pages, 3);
	unlink_pages(f, &state, 1, 1);
	reports_also(test, of("unlinks a hole", state.addr,
			      3 * PAGE_SIZE), ENGINE)
		unlink_pages(f, &state, 0, 3);
	dma_iova_free(f->dev, &state);
}

static void report_destroy_hole(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page **pages = fixture_scattered_pages(test, 3);
	struct dma_iova_state state, copy;

	fixture_link_pages(f, &state, pages, 3);
	unlink_pages(f, &state, 1, 1);
	copy = state;
	reports_also(test, of("unlinks a hole", copy.addr, 3 * PAGE_SIZE),
		     ENGINE)
		fixture_destroy(f, &state, 3 * PAGE_SIZE);
}

/*
 * What the IOMMU driver does with a quarter of a piece is driver-specific, and the
 * engine warns of that. dma-debug has reported it, and takes the rest for a piece.
 */
static void expect_report_of_part(struct fixture *f, size_t offset, size_t rest)
{
	struct page *page = fixture_large_page(f->test);
	struct dma_iova_state state;

	fixture_reserve(f, &state, 0, SZ_4M);
	KUNIT_ASSERT_EQ(f->test, 0,
			dma_iova_link(f->dev, &state, page_to_phys(page), 0,
				      SZ_4M, DMA_BIDIRECTIONAL, 0));
	KUNIT_ASSERT_EQ(f->test, 0, dma_iova_sync(f->dev, &state, 0, SZ_4M));
	reports_also(f->test, of("unlinks half a piece",
				 state.addr + offset, SZ_1M), ENGINE)
		dma_iova_unlink(f->dev, &state, offset, SZ_1M,
				DMA_BIDIRECTIONAL, 0);
	dma_iova_unlink(f->dev, &state, rest, SZ_4M - SZ_1M, DMA_BIDIRECTIONAL,
			0);
	iommu_unmap(f->domain, state.addr, SZ_4M);
	dma_iova_free(f->dev, &state);
}

static void report_unlink_half(struct kunit *test)
{
	expect_report_of_part(test->priv, 0, SZ_1M);
	expect_report_of_part(test->priv, SZ_4M - SZ_1M, 0);
}

/* The IOMMU driver is not asked, as what it does then is driver-specific. */
static void report_link_over_link(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page **pages = fixture_scattered_pages(test, 3);
	struct dma_iova_state state;
	struct phys_vec vec[] = {
		{ page_to_phys(pages[1]), PAGE_SIZE },
		{ page_to_phys(pages[2]), PAGE_SIZE },
	};

	KUNIT_ASSERT_EQ(test, 0, spy_insert(test));
	fixture_reserve(f, &state, 0, 3 * PAGE_SIZE);
	fixture_link_page(f, &state, PAGE_SIZE, pages[0]);
	KUNIT_EXPECT_EQ(test, 0, dma_iova_sync(f->dev, &state, 0,
					       3 * PAGE_SIZE));

	spy.fail_map_errno = -EEXIST;
	spy.fail_map = 1;
	reports(test, of("links memory over memory that it has linked",
			 state.addr + PAGE_SIZE, PAGE_SIZE))
		KUNIT_EXPECT_EQ(test, -EEXIST,
				link_page(f, &state, PAGE_SIZE, pages[1]));
	spy.fail_map = 1;
	reports(test, of("links memory over memory that it has linked",
			 state.addr, 2 * PAGE_SIZE))
		KUNIT_EXPECT_EQ(test, -EEXIST,
				dma_iova_link_vec(f->dev, &state, vec, 2, 0,
						  DMA_BIDIRECTIONAL, 0));
	unlink_pages(f, &state, 1, 1);
	dma_iova_free(f->dev, &state);
}

static void report_unlink_other_direction(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page **pages = fixture_scattered_pages(test, 2);
	struct dma_iova_state state;

	fixture_link_pages(f, &state, pages, 2);
	reports(test, of("unlinks memory with another direction",
			 state.addr, 2 * PAGE_SIZE))
		dma_iova_unlink(f->dev, &state, 0, 2 * PAGE_SIZE,
				DMA_FROM_DEVICE, 0);
	dma_iova_free(f->dev, &state);

	fixture_link_pages(f, &state, pages, 2);
	reports(test, "[linked with DMA_BIDIRECTIONAL, attributes 0x0] [now DMA_TO_DEVICE")
		dma_iova_destroy(f->dev, &state, 2 * PAGE_SIZE, DMA_TO_DEVICE,
				 0);
}

static void report_unlink_other_attributes(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page *page = fixture_lone_page(test);
	struct dma_iova_state state;

	fixture_link_pages(f, &state, &page, 1);
	reports(test, of("unlinks memory with other attributes",
			 state.addr, PAGE_SIZE))
		dma_iova_destroy(f->dev, &state, PAGE_SIZE, DMA_BIDIRECTIONAL,
				 DMA_ATTR_MMIO);
}

static void report_never_synchronised(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page **pages = fixture_scattered_pages(test, 2);

	give_up(f, pages, FORGOTTEN - 1);
	reports(test, "unlinks memory time and again, and never synchronises any")
		give_up(f, pages, 1);
	/* It is reported once. */
	give_up(f, pages, 2 * FORGOTTEN);
}

/* Calls without a direction are refused with a warning, which is enough. */
static void silent_without_direction(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page **pages = fixture_scattered_pages(test, 2);
	struct dma_iova_state state;
	u32 errors = error_count(test);
	int i;

	fixture_reserve(f, &state, 0, 2 * PAGE_SIZE);
	for (i = 0; i < 2; i++)
		KUNIT_EXPECT_EQ(test, 0,
				dma_iova_link(f->dev, &state,
					      page_to_phys(pages[i]),
					      i * PAGE_SIZE, PAGE_SIZE,
					      DMA_FROM_DEVICE, 0));
	KUNIT_EXPECT_EQ(test, 0, dma_iova_sync(f->dev, &state, 0,
					       2 * PAGE_SIZE));
	warnings_expect(test, ENTRY);
	dma_iova_sync_for_cpu(f->dev, &state, 0, PAGE_SIZE, DMA_NONE);
	KUNIT_EXPECT_EQ(test, warnings_taken(test), 1);
	warnings_expect(test, ENTRY);
	dma_iova_unlink(f->dev, &state, PAGE_SIZE, PAGE_SIZE, DMA_NONE, 0);
	KUNIT_EXPECT_EQ(test, warnings_taken(test), 1);
	warnings_expect(test, ENTRY);
	dma_iova_destroy(f->dev, &state, PAGE_SIZE, DMA_NONE, 0);
	KUNIT_EXPECT_EQ(test, warnings_taken(test), 1);
	KUNIT_EXPECT_EQ(test, error_count(test), errors);
}

static void report_hand_over(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page *page = fixture_lone_page(test);
	struct dma_iova_state state;

	fixture_reserve(f, &state, 0, 2 * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, 0,
			dma_iova_link(f->dev, &state, page_to_phys(page), 0,
				      PAGE_SIZE, DMA_FROM_DEVICE, 0));
	KUNIT_EXPECT_EQ(test, 0, dma_iova_sync(f->dev, &state, 0, PAGE_SIZE));
	reports(test, of("hands over memory with another direction",
			 state.addr, PAGE_SIZE))
		dma_iova_sync_for_cpu(f->dev, &state, 0, PAGE_SIZE,
				      DMA_TO_DEVICE);
	reports(test, of("hands over memory that it has not linked",
			 state.addr, 2 * PAGE_SIZE))
		dma_iova_sync_for_device(f->dev, &state, 0, 2 * PAGE_SIZE,
					 DMA_FROM_DEVICE);
	dma_iova_destroy(f->dev, &state, PAGE_SIZE, DMA_FROM_DEVICE, 0);
}

static void report_link_of_stack(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct dma_iova_state state;
	struct page *page = is_vmalloc_addr(&state) ? vmalloc_to_page(&state) :
						      virt_to_page(&state);

	fixture_reserve(f, &state, 0, PAGE_SIZE);
	reports(test, "maps memory from stack")
		KUNIT_EXPECT_EQ(test, 0,
				dma_iova_link(f->dev, &state,
					      page_to_phys(page), 0, PAGE_SIZE,
					      DMA_TO_DEVICE, 0));
	KUNIT_EXPECT_EQ(test, 0, dma_iova_sync(f->dev, &state, 0, PAGE_SIZE));
	dma_iova_destroy(f->dev, &state, PAGE_SIZE, DMA_TO_DEVICE, 0);
}

/* Map two buffers in one cache line with @attrs. */
static void share_cache_line(struct fixture *f, unsigned long attrs)
{
	struct page *page = fixture_lone_page(f->test);
	dma_addr_t first, second;

	first = dma_map_page_attrs(f->dev, page, 0, 8, DMA_FROM_DEVICE, attrs);
	second = dma_map_page_attrs(f->dev, page, 8, 8, DMA_FROM_DEVICE, attrs);
	KUNIT_EXPECT_EQ(f->test, dma_mapping_error(f->dev, first), 0);
	KUNIT_EXPECT_EQ(f->test, dma_mapping_error(f->dev, second), 0);
	dma_unmap_page_attrs(f->dev, second, 8, DMA_FROM_DEVICE, attrs);
	dma_unmap_page_attrs(f->dev, first, 8, DMA_FROM_DEVICE, attrs);
}

/* One report since there were @errors, after warnings_expect() */
static void expect_overlap(struct kunit *test, u32 errors)
{
	KUNIT_EXPECT_EQ(test, warnings_taken(test), 1);
	KUNIT_EXPECT_EQ(test, error_count(test) - errors, 1u);
	KUNIT_EXPECT_EQ(test, console.lines, 1);
	KUNIT_EXPECT_NOT_NULL(test, strstr(console.line,
					   "cacheline tracking EEXIST"));
	console.lines = 0;
}

static void report_shared_cache_line(struct kunit *test)
{
	u32 errors = error_count(test);

	warnings_expect(test, DEBUG);
	share_cache_line(test->priv, 0);
	expect_overlap(test, errors);
}

static void silent_shared_cache_line(struct kunit *test)
{
	share_cache_line(test->priv, DMA_ATTR_DEBUGGING_IGNORE_CACHELINES);
}

/* Small buffers in one cache line: more than dma-debug counts overlaps of one */
#define SHARERS		9
#define SHARED_SIZE	(L1_CACHE_BYTES / SHARERS)

/* The order in which they go: neither that of the mappings nor its reverse */
static int shared_end(int i)
{
	return (4 * i + 2) % SHARERS;
}

/* Map a buffer without the attribute at the start of the cache line. */
static dma_addr_t map_unshared(struct fixture *f, struct page *page)
{
	dma_addr_t addr = dma_map_page(f->dev, page, 0, SHARED_SIZE,
				       DMA_FROM_DEVICE);

	KUNIT_ASSERT_EQ(f->test, dma_mapping_error(f->dev, addr), 0);
	return addr;
}

/* Map what dma-debug reports, since another mapping has the cache line. */
static dma_addr_t map_overlap(struct fixture *f, struct page *page,
			      size_t offset, unsigned long attrs)
{
	struct kunit *test = f->test;
	u32 errors = error_count(test);
	dma_addr_t addr;

	warnings_expect(test, DEBUG);
	addr = dma_map_page_attrs(f->dev, page, offset, SHARED_SIZE,
				  DMA_FROM_DEVICE, attrs);
	KUNIT_ASSERT_EQ(test, dma_mapping_error(f->dev, addr), 0);
	expect_overlap(test, errors);
	return addr;
}

/* @first still has its cache line: a second one is reported. */
static void unmap_unshared(struct fixture *f, struct page *page,
			   dma_addr_t first)
{
	dma_addr_t second = map_overlap(f, page, 0, 0);

	dma_unmap_page(f->dev, second, SHARED_SIZE, DMA_FROM_DEVICE);
	dma_unmap_page(f->dev, first, SHARED_SIZE, DMA_FROM_DEVICE);
}

/* Nothing has been reported since there were @errors, and @first is seen. */
static void expect_silent(struct fixture *f, u32 errors, struct page *page,
			  dma_addr_t first)
{
	KUNIT_EXPECT_EQ(f->test, error_count(f->test), errors);
	KUNIT_EXPECT_EQ(f->test, console.lines, 0);
	unmap_unshared(f, page, first);
}

static void silent_full_cache_line(struct kunit *test)
{
	const unsigned long attrs = DMA_ATTR_DEBUGGING_IGNORE_CACHELINES;
	struct fixture *f = test->priv;
	struct page *page = fixture_lone_page(test);
	u8 *line = page_address(page);
	dma_addr_t addr[SHARERS], unshared;
	u32 errors = error_count(test);
	int i;

	for (i = 0; i < SHARERS; i++) {
		addr[i] = dma_map_single_attrs(f->dev, line + i * SHARED_SIZE,
					       SHARED_SIZE, DMA_FROM_DEVICE,
					       attrs);
		KUNIT_ASSERT_EQ(test, dma_mapping_error(f->dev, addr[i]), 0);
	}
	unshared = map_unshared(f, page);
	for (i = 0; i < SHARERS; i++)
		dma_unmap_single_attrs(f->dev, addr[shared_end(i)], SHARED_SIZE,
				       DMA_FROM_DEVICE, attrs);
	expect_silent(f, errors, page, unshared);
}

static void silent_full_cache_line_of_links(struct kunit *test)
{
	const unsigned long attrs = DMA_ATTR_DEBUGGING_IGNORE_CACHELINES;
	struct fixture *f = test->priv;
	struct page *page = fixture_lone_page(test);
	struct dma_iova_state state[SHARERS];
	u32 errors = error_count(test);
	dma_addr_t unshared;
	phys_addr_t phys;
	int i;

	for (i = 0; i < SHARERS; i++) {
		phys = page_to_phys(page) + i * SHARED_SIZE;
		fixture_reserve(f, &state[i], phys, SHARED_SIZE);
		KUNIT_EXPECT_EQ(test, 0,
				dma_iova_link(f->dev, &state[i], phys, 0,
					      SHARED_SIZE, DMA_FROM_DEVICE,
					      attrs));
		KUNIT_EXPECT_EQ(test, 0, dma_iova_sync(f->dev, &state[i], 0,
						       SHARED_SIZE));
	}
	unshared = map_unshared(f, page);
	for (i = 0; i < SHARERS; i++)
		dma_iova_destroy(f->dev, &state[shared_end(i)], SHARED_SIZE,
				 DMA_FROM_DEVICE, attrs);
	expect_silent(f, errors, page, unshared);
}

/* The other mapping does not have the attribute. */
static void report_half_shared_cache_line(struct kunit *test)
{
	const unsigned long attrs = DMA_ATTR_DEBUGGING_IGNORE_CACHELINES;
	struct fixture *f = test->priv;
	struct page *page = fixture_lone_page(test);
	dma_addr_t unshared, shared;

	unshared = map_unshared(f, page);
	shared = map_overlap(f, page, SHARED_SIZE, attrs);
	dma_unmap_page_attrs(f->dev, shared, SHARED_SIZE, DMA_FROM_DEVICE,
			     attrs);
	unmap_unshared(f, page, unshared);
}

/* The file dump in debugfs has the same lines. */
static void dump_lists_pieces(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page **pages = fixture_scattered_pages(test, 2);
	const char *driver = dev_driver_string(f->dev);
	phys_addr_t phys = page_to_phys(pages[1]);
	struct dma_iova_state state;
	char want[128];

	fixture_reserve(f, &state, 0, 2 * PAGE_SIZE);
	fixture_link_page(f, &state, 0, pages[0]);
	KUNIT_EXPECT_EQ(test, 0, dma_iova_sync(f->dev, &state, 0, PAGE_SIZE));
	fixture_link_page(f, &state, PAGE_SIZE, pages[1]);

	dump.lines = 0;
	debug_dma_dump_mappings(f->dev);
	KUNIT_EXPECT_EQ(test, dump.lines, 3);
	snprintf(want, sizeof(want), "%s %s reservation D=%llx L=2000", driver,
		 dev_name(f->dev), (u64)state.addr);
	KUNIT_EXPECT_STREQ(test, dump.line[0], want);
	KUNIT_EXPECT_NOT_NULL(test, strstr(dump.line[1], "attrs=0 synchronised"));
	snprintf(want, sizeof(want),
		 "%s %s piece P=%pa D=%llx L=1000 DMA_BIDIRECTIONAL attrs=0 not synchronised",
		 driver, dev_name(f->dev), &phys, (u64)state.addr + PAGE_SIZE);
	KUNIT_EXPECT_STREQ(test, dump.line[2], want);

	KUNIT_EXPECT_EQ(test, 0, dma_iova_sync(f->dev, &state, 0,
					       2 * PAGE_SIZE));
	fixture_destroy(f, &state, 2 * PAGE_SIZE);
	dump.lines = 0;
	debug_dma_dump_mappings(f->dev);
	KUNIT_EXPECT_EQ(test, dump.lines, 0);
}

#define DUMP_PIECES	512

/* The name on arm64 */
#ifdef CONFIG_ARM64
#define regs_irqs_disabled(regs)	(!interrupts_enabled(regs))
#endif

static int dump_locked, dump_printed;

static int dump_probe(struct kprobe *probe, struct pt_regs *regs)
{
	dump_printed++;
	if (regs_irqs_disabled(regs))
		dump_locked++;
	return 0;
}

/* With a post-handler, the probe is not optimised and gets the flags. */
static void dump_probed(struct kprobe *probe, struct pt_regs *regs,
			unsigned long flags)
{
}

static struct kprobe printed_kprobe = {
	.symbol_name = "seq_printf",
	.pre_handler = dump_probe,
	.post_handler = dump_probed,
};

/* Interrupts are enabled between any two pieces, however many there are. */
static void dump_lets_interrupts_in(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page **pages = fixture_scattered_pages(test, DUMP_PIECES);
	struct seq_file seq = {};
	struct dma_iova_state state;
	int i;

	seq.size = SZ_256K;
	seq.buf = kunit_kzalloc(test, seq.size, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, seq.buf);
	fixture_reserve(f, &state, 0, DUMP_PIECES * PAGE_SIZE);
	for (i = 0; i < DUMP_PIECES; i++)
		fixture_link_page(f, &state, i * PAGE_SIZE, pages[i]);
	KUNIT_EXPECT_EQ(test, 0, dma_iova_sync(f->dev, &state, 0,
					       DUMP_PIECES * PAGE_SIZE));

	fixture_probe(test, &printed_kprobe);
	dump_locked = 0;
	dump_printed = 0;
	debug_dma_iova_dump(&seq, f->dev);
	KUNIT_EXPECT_EQ(test, dump_printed, 1 + DUMP_PIECES);
	KUNIT_EXPECT_EQ(test, dump_locked, 0);

	/* When the buffer is full, it is enlarged, and all is read again. */
	seq.count = 0;
	seq.size = PAGE_SIZE;
	dump_printed = 0;
	debug_dma_iova_dump(&seq, f->dev);
	KUNIT_EXPECT_TRUE(test, seq_has_overflowed(&seq));
	KUNIT_EXPECT_LT(test, dump_printed, 100);
	fixture_destroy(f, &state, DUMP_PIECES * PAGE_SIZE);
}

/* A reservation may end with the very last IO address. */
static void dump_ends_at_the_last_address(struct kunit *test)
{
	struct dma_iova_state state = {
		.addr	= -2 * PAGE_SIZE,
		.__size	= 2 * PAGE_SIZE,
	};
	struct fixture *f = test->priv;
	struct seq_file seq = { .size = SZ_16K };
	char *line;
	int i, lines = 0;

	seq.buf = kunit_kzalloc(test, seq.size, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, seq.buf);
	debug_dma_iova_alloc(f->dev, &state);
	for (i = 0; i < 2; i++)
		debug_dma_iova_link(f->dev, &state, i * PAGE_SIZE,
				    i * PAGE_SIZE, PAGE_SIZE, DMA_TO_DEVICE,
				    DMA_ATTR_MMIO, 0);
	debug_dma_iova_dump(&seq, f->dev);
	KUNIT_EXPECT_FALSE(test, seq_has_overflowed(&seq));
	for (line = seq.buf; (line = strchr(line, '\n')); line++)
		lines++;
	KUNIT_EXPECT_EQ(test, lines, 3);
	debug_dma_iova_destroy(f->dev, &state, 2 * PAGE_SIZE, DMA_TO_DEVICE,
			       DMA_ATTR_MMIO);
}

static int entries_asked;
static bool *debug_disabled;

/* dma-debug turns itself off when it has no entry left. */
static int no_more_entries(struct kprobe *probe, struct pt_regs *regs)
{
	entries_asked++;
	*debug_disabled = true;
	return 0;
}

static struct kprobe entry_kprobe = {
	.symbol_name = "dma_entry_alloc",
	.pre_handler = no_more_entries,
};

/* It asks once, and says so once. */
static void silent_without_entries(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page **pages = fixture_scattered_pages(test, 4);
	struct dma_iova_state state;
	struct phys_vec vec[4];
	int i;

	for (i = 0; i < 4; i++)
		vec[i] = (struct phys_vec){ page_to_phys(pages[i]), PAGE_SIZE };
	debug_disabled = fixture_debugfs(test, "dma-api", "disabled");
	fixture_reserve(f, &state, 0, 4 * PAGE_SIZE);
	entries_asked = 0;
	KUNIT_ASSERT_EQ(test, register_kprobe(&entry_kprobe), 0);
	KUNIT_EXPECT_EQ(test, 0, dma_iova_link_vec(f->dev, &state, vec, 4, 0,
						   DMA_TO_DEVICE, 0));
	unregister_kprobe(&entry_kprobe);
	KUNIT_EXPECT_EQ(test, entries_asked, 1);
	KUNIT_EXPECT_EQ(test, 0, dma_iova_sync(f->dev, &state, 0,
					       4 * PAGE_SIZE));
	dma_iova_unlink(f->dev, &state, 0, 4 * PAGE_SIZE, DMA_TO_DEVICE, 0);
	*debug_disabled = false;
	/* It has kept account of the first piece. */
	debug_dma_iova_unlink(f->dev, &state, 0, PAGE_SIZE, DMA_TO_DEVICE, 0);
	dma_iova_free(f->dev, &state);
}

static int debug_init(struct kunit *test)
{
	if (*(bool *)fixture_debugfs(test, "dma-api", "disabled"))
		kunit_skip(test, "dma-debug is disabled");
	*all_errors(test) = 1;
	console.lines = 0;
	return fixture_init_iommu(test);
}

static void debug_exit(struct kunit *test)
{
	KUNIT_EXPECT_EQ_MSG(test, console.lines, 0,
			    "dma-debug reports, and the case did not expect it: %s",
			    console.line);
	*all_errors(test) = 0;
	warnings_check(test);
}

static int debug_start(struct kunit_suite *suite)
{
	int err = warnings_start(suite);

	return err ?: register_trace_console(console_probe, NULL);
}

static void debug_stop(struct kunit_suite *suite)
{
	unregister_trace_console(console_probe, NULL);
	tracepoint_synchronize_unregister();
	warnings_stop(suite);
}

static struct kunit_case debug_cases[] = {
	KUNIT_CASE(silent_ragged_pieces),
	KUNIT_CASE(silent_partly_linked),
	KUNIT_CASE(silent_after_giving_up),
	KUNIT_CASE(silent_after_failed_link),
	KUNIT_CASE(silent_after_many_failed_links),
	KUNIT_CASE(silent_after_failed_sync),
	KUNIT_CASE(silent_random_links),
	KUNIT_CASE(silent_without_direction),
	KUNIT_CASE(silent_without_entries),
	KUNIT_CASE(report_leak_at_unbind),
	KUNIT_CASE(report_batch_never_flushed),
	KUNIT_CASE(report_batch_destroy_too_short),
	KUNIT_CASE(report_use_after_free),
	KUNIT_CASE(report_free_twice),
	KUNIT_CASE(report_destroy_twice),
	KUNIT_CASE(report_free_with_links),
	KUNIT_CASE(report_destroy_too_short),
	KUNIT_CASE(report_unlink_never_linked),
	KUNIT_CASE(report_unlink_hole),
	KUNIT_CASE(report_destroy_hole),
	KUNIT_CASE(report_unlink_half),
	KUNIT_CASE(report_link_over_link),
	KUNIT_CASE(report_unlink_other_direction),
	KUNIT_CASE(report_unlink_other_attributes),
	KUNIT_CASE(report_never_synchronised),
	KUNIT_CASE(report_hand_over),
	KUNIT_CASE(report_link_of_stack),
	KUNIT_CASE(dump_lists_pieces),
	KUNIT_CASE(dump_lets_interrupts_in),
	KUNIT_CASE(dump_ends_at_the_last_address),
	{}
};

static struct kunit_suite debug_suite = {
	.name		= "dma_iova_debug",
	.suite_init	= debug_start,
	.suite_exit	= debug_stop,
	.init		= debug_init,
	.exit		= debug_exit,
	.test_cases	= debug_cases,
};

/* These are about the whole DMA API. */
static struct kunit_case any_cases[] = {
	KUNIT_CASE(report_shared_cache_line),
	KUNIT_CASE(silent_shared_cache_line),
	KUNIT_CASE(silent_full_cache_line),
	KUNIT_CASE(silent_full_cache_line_of_links),
	KUNIT_CASE(report_half_shared_cache_line),
	{}
};

static struct kunit_suite any_suite = {
	.name		= "dma_debug",
	.suite_init	= debug_start,
	.suite_exit	= debug_stop,
	.init		= debug_init,
	.exit		= debug_exit,
	.test_cases	= any_cases,
};

kunit_test_suites(&debug_suite, &any_suite);

MODULE_DESCRIPTION("KUnit suites of dma-debug for the two-step DMA API");
MODULE_LICENSE("GPL");
