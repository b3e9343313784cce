// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite of the trace events of the two-step DMA API: each call has its event,
 * with its arguments and its result. It needs QEMU's edu device behind an IOMMU.
 */
#include <kunit/test.h>
#include <linux/dma-mapping.h>
#include <linux/trace_events.h>
#include <trace/events/dma.h>

#include "fixture.h"
#include "spy.h"

/* The last event, and how many there were */
static struct event {
	const char *name;
	struct device *dev;
	u64 dma_addr;
	u64 phys_addr;
	size_t offset;
	size_t size;
	size_t nr;
	enum dma_data_direction dir;
	unsigned long attrs;
	int ret;
} event;
static int events;

static void record(struct event seen)
{
	event = seen;
	events++;
}

static void probe_try_alloc(void *data, struct device *dev, dma_addr_t dma_addr,
			    phys_addr_t phys_addr, size_t size, bool ret)
{
	record((struct event) {
		.name = "try_alloc", .dev = dev, .dma_addr = dma_addr,
		.phys_addr = phys_addr, .size = size, .ret = ret,
	});
}

static void probe_link(void *data, struct device *dev, dma_addr_t dma_addr,
		       phys_addr_t phys_addr, size_t offset, size_t size,
		       enum dma_data_direction dir, unsigned long attrs,
		       int err)
{
	record((struct event) {
		.name = "link", .dev = dev, .dma_addr = dma_addr,
		.phys_addr = phys_addr, .offset = offset, .size = size,
		.dir = dir, .attrs = attrs, .ret = err,
	});
}

static void probe_link_vec(void *data, struct device *dev, dma_addr_t dma_addr,
			   const struct phys_vec *vec, size_t nr, size_t offset,
			   enum dma_data_direction dir, unsigned long attrs,
			   int err)
{
	record((struct event) {
		.name = "link_vec", .dev = dev, .dma_addr = dma_addr,
		.phys_addr = vec ? vec[nr - 1].paddr : 0, .offset = offset,
		.size = vec ? vec[nr - 1].len : 0, .nr = nr, .dir = dir,
		.attrs = attrs, .ret = err,
	});
}

static void probe_sync(void *data, struct device *dev, dma_addr_t dma_addr,
		       size_t offset, size_t size, int err)
{
	record((struct event) {
		.name = "sync", .dev = dev, .dma_addr = dma_addr,
		.offset = offset, .size = size, .ret = err,
	});
}

#define PROBE_RANGE(what)						\
static void probe_##what(void *data, struct device *dev,		\
			 dma_addr_t dma_addr, size_t offset, size_t size, \
			 enum dma_data_direction dir, unsigned long attrs) \
{									\
	record((struct event) {						\
		.name = #what, .dev = dev, .dma_addr = dma_addr,	\
		.offset = offset, .size = size, .dir = dir,		\
		.attrs = attrs,						\
	});								\
}

PROBE_RANGE(unlink)
PROBE_RANGE(destroy)
PROBE_RANGE(batch_destroy)
PROBE_RANGE(sync_for_cpu)
PROBE_RANGE(sync_for_device)

static void probe_free(void *data, struct device *dev, dma_addr_t dma_addr,
		       size_t size)
{
	record((struct event) {
		.name = "free", .dev = dev, .dma_addr = dma_addr, .size = size,
	});
}

static void probe_batch_flush(void *data, struct device *dev, unsigned int nr)
{
	record((struct event) {
		.name = "batch_flush", .dev = dev, .nr = nr,
	});
}

/* There has been one event since the last time: this. */
static void expect_event(struct kunit *test, struct event want)
{
	KUNIT_EXPECT_EQ(test, events, 1);
	events = 0;
	KUNIT_EXPECT_STREQ(test, event.name, want.name);
	KUNIT_EXPECT_PTR_EQ(test, event.dev, want.dev);
	KUNIT_EXPECT_EQ(test, event.dma_addr, want.dma_addr);
	KUNIT_EXPECT_EQ(test, event.phys_addr, want.phys_addr);
	KUNIT_EXPECT_EQ(test, event.offset, want.offset);
	KUNIT_EXPECT_EQ(test, event.size, want.size);
	KUNIT_EXPECT_EQ(test, event.nr, want.nr);
	KUNIT_EXPECT_EQ(test, event.dir, want.dir);
	KUNIT_EXPECT_EQ(test, event.attrs, want.attrs);
	KUNIT_EXPECT_EQ(test, event.ret, want.ret);
}

/* A page linked on its own, and unlinked and linked again as a vector */
static void trace_each_call(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page **pages = fixture_scattered_pages(test, 3);
	phys_addr_t phys = page_to_phys(pages[0]);
	struct phys_vec vec[] = {
		{ page_to_phys(pages[1]), PAGE_SIZE },
		{ page_to_phys(pages[2]), 600 },
	};
	struct dma_iova_state state;
	size_t size = 2 * PAGE_SIZE + 600;
	u64 addr;

	KUNIT_ASSERT_TRUE(test, dma_iova_try_alloc(f->dev, &state, phys, size));
	addr = state.addr;
	expect_event(test, (struct event) {
		.name = "try_alloc", .dev = f->dev, .dma_addr = addr,
		.phys_addr = phys, .size = size, .ret = true,
	});

	KUNIT_EXPECT_EQ(test, 0,
			dma_iova_link(f->dev, &state, phys, 0, PAGE_SIZE,
				      DMA_FROM_DEVICE, DMA_ATTR_WEAK_ORDERING));
	expect_event(test, (struct event) {
		.name = "link", .dev = f->dev, .dma_addr = addr,
		.phys_addr = phys, .size = PAGE_SIZE, .dir = DMA_FROM_DEVICE,
		.attrs = DMA_ATTR_WEAK_ORDERING,
	});
	KUNIT_EXPECT_EQ(test, 0,
			dma_iova_link_vec(f->dev, &state, vec, ARRAY_SIZE(vec),
					  PAGE_SIZE, DMA_FROM_DEVICE,
					  DMA_ATTR_WEAK_ORDERING));
	expect_event(test, (struct event) {
		.name = "link_vec", .dev = f->dev, .dma_addr = addr,
		.phys_addr = vec[1].paddr, .offset = PAGE_SIZE, .size = 600,
		.nr = 2, .dir = DMA_FROM_DEVICE,
		.attrs = DMA_ATTR_WEAK_ORDERING,
	});
	KUNIT_EXPECT_EQ(test, 0, dma_iova_sync(f->dev, &state, 0, size));
	expect_event(test, (struct event) {
		.name = "sync", .dev = f->dev, .dma_addr = addr, .size = size,
	});

	dma_iova_sync_for_cpu(f->dev, &state, 100, 200, DMA_FROM_DEVICE);
	expect_event(test, (struct event) {
		.name = "sync_for_cpu", .dev = f->dev, .dma_addr = addr,
		.offset = 100, .size = 200, .dir = DMA_FROM_DEVICE,
	});
	dma_iova_sync_for_device(f->dev, &state, 100, 200, DMA_FROM_DEVICE);
	expect_event(test, (struct event) {
		.name = "sync_for_device", .dev = f->dev, .dma_addr = addr,
		.offset = 100, .size = 200, .dir = DMA_FROM_DEVICE,
	});

	dma_iova_unlink(f->dev, &state, PAGE_SIZE, PAGE_SIZE + 600,
			DMA_FROM_DEVICE, DMA_ATTR_WEAK_ORDERING);
	expect_event(test, (struct event) {
		.name = "unlink", .dev = f->dev, .dma_addr = addr,
		.offset = PAGE_SIZE, .size = PAGE_SIZE + 600,
		.dir = DMA_FROM_DEVICE, .attrs = DMA_ATTR_WEAK_ORDERING,
	});
	dma_iova_destroy(f->dev, &state, PAGE_SIZE, DMA_FROM_DEVICE,
			 DMA_ATTR_WEAK_ORDERING);
	expect_event(test, (struct event) {
		.name = "destroy", .dev = f->dev, .dma_addr = addr,
		.size = PAGE_SIZE, .dir = DMA_FROM_DEVICE,
		.attrs = DMA_ATTR_WEAK_ORDERING,
	});

	KUNIT_ASSERT_TRUE(test, dma_iova_try_alloc(f->dev, &state, 0, size));
	events = 0;
	addr = state.addr;
	dma_iova_free(f->dev, &state);
	expect_event(test, (struct event) {
		.name = "free", .dev = f->dev, .dma_addr = addr, .size = size,
	});
}

static void trace_batch(struct kunit *test)
{
	struct fixture *f = fixture_strict_mock(test);
	struct page **pages = fixture_scattered_pages(test, 2);
	struct dma_iova_state states[2];
	struct dma_iova_batch batch;
	u64 addr;
	int i;

	dma_iova_batch_init(&batch);
	for (i = 0; i < 2; i++) {
		fixture_link_pages(f, &states[i], &pages[i], 1);
		events = 0;
		addr = states[i].addr;
		dma_iova_batch_destroy(&batch, f->dev, &states[i], PAGE_SIZE,
				       DMA_BIDIRECTIONAL, 0);
		expect_event(test, (struct event) {
			.name = "batch_destroy", .dev = f->dev, .dma_addr = addr,
			.size = PAGE_SIZE, .dir = DMA_BIDIRECTIONAL,
		});
	}
	dma_iova_batch_flush(&batch);
	expect_event(test, (struct event) {
		.name = "batch_flush", .dev = f->dev, .nr = 2,
	});
	dma_iova_batch_flush(&batch);
	KUNIT_EXPECT_EQ(test, events, 0);
}

static void trace_result_of_refusal(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct dma_iova_state state;

	KUNIT_EXPECT_FALSE(test, dma_iova_try_alloc(NULL, &state, 100, 200));
	expect_event(test, (struct event) {
		.name = "try_alloc", .phys_addr = 100, .size = 200,
	});

	warns_once(test, ENTRY) {
		KUNIT_EXPECT_EQ(test, -EINVAL,
				dma_iova_link(f->dev, &state, 0, 0, PAGE_SIZE,
					      DMA_TO_DEVICE, 0));
		expect_event(test, (struct event) {
			.name = "link", .dev = f->dev, .size = PAGE_SIZE,
			.dir = DMA_TO_DEVICE, .ret = -EINVAL,
		});
	}
}

/* What does not have as many pieces as the driver says is not read. */
static void trace_no_pieces_of_refusal(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct dma_iova_state state;
	struct phys_vec vec = {};

	fixture_reserve(f, &state, 0, PAGE_SIZE);
	events = 0;
	KUNIT_ASSERT_EQ(test, 0, trace_set_clr_event("dma", "dma_iova_link_vec", 1));
	warns_once(test, ENTRY) {
		KUNIT_EXPECT_EQ(test, -EINVAL,
				dma_iova_link_vec(f->dev, &state, &vec, SIZE_MAX, 0,
						  DMA_TO_DEVICE, 0));
		expect_event(test, (struct event) {
			.name = "link_vec", .dev = f->dev, .dma_addr = state.addr,
			.nr = SIZE_MAX, .dir = DMA_TO_DEVICE, .ret = -EINVAL,
		});
	}
	trace_set_clr_event("dma", "dma_iova_link_vec", 0);
	dma_iova_free(f->dev, &state);
}

static void trace_result_of_failure(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page *page = fixture_lone_page(test);
	struct phys_vec vec = { page_to_phys(page), PAGE_SIZE };
	struct dma_iova_state state;

	KUNIT_ASSERT_EQ(test, 0, spy_insert(test));
	fixture_reserve(f, &state, 0, PAGE_SIZE);
	spy.fail_map_errno = -ENOMEM;
	spy.fail_map = 1;
	events = 0;
	KUNIT_EXPECT_EQ(test, -ENOMEM,
			dma_iova_link_vec(f->dev, &state, &vec, 1, 0,
					  DMA_TO_DEVICE, 0));
	expect_event(test, (struct event) {
		.name = "link_vec", .dev = f->dev, .dma_addr = state.addr,
		.phys_addr = vec.paddr, .size = PAGE_SIZE, .nr = 1,
		.dir = DMA_TO_DEVICE, .ret = -ENOMEM,
	});

	fixture_link_page(f, &state, 0, page);
	spy.fail_sync_map_errno = -EIO;
	events = 0;
	KUNIT_EXPECT_EQ(test, -EIO,
			dma_iova_sync(f->dev, &state, 0, PAGE_SIZE));
	expect_event(test, (struct event) {
		.name = "sync", .dev = f->dev, .dma_addr = state.addr,
		.size = PAGE_SIZE, .ret = -EIO,
	});
	spy_reset();
	fixture_destroy(f, &state, PAGE_SIZE);
}

static int trace_start(struct kunit_suite *suite)
{
	return warnings_start(suite) ?:
	       register_trace_dma_iova_try_alloc(probe_try_alloc, NULL) ?:
	       register_trace_dma_iova_link(probe_link, NULL) ?:
	       register_trace_dma_iova_link_vec(probe_link_vec, NULL) ?:
	       register_trace_dma_iova_sync(probe_sync, NULL) ?:
	       register_trace_dma_iova_unlink(probe_unlink, NULL) ?:
	       register_trace_dma_iova_destroy(probe_destroy, NULL) ?:
	       register_trace_dma_iova_batch_destroy(probe_batch_destroy, NULL) ?:
	       register_trace_dma_iova_batch_flush(probe_batch_flush, NULL) ?:
	       register_trace_dma_iova_free(probe_free, NULL) ?:
	       register_trace_dma_iova_sync_for_cpu(probe_sync_for_cpu,
						    NULL) ?:
	       register_trace_dma_iova_sync_for_device(probe_sync_for_device,
						       NULL);
}

static void trace_stop(struct kunit_suite *suite)
{
	unregister_trace_dma_iova_try_alloc(probe_try_alloc, NULL);
	unregister_trace_dma_iova_link(probe_link, NULL);
	unregister_trace_dma_iova_link_vec(probe_link_vec, NULL);
	unregister_trace_dma_iova_sync(probe_sync, NULL);
	unregister_trace_dma_iova_unlink(probe_unlink, NULL);
	unregister_trace_dma_iova_destroy(probe_destroy, NULL);
	unregister_trace_dma_iova_batch_destroy(probe_batch_destroy, NULL);
	unregister_trace_dma_iova_batch_flush(probe_batch_flush, NULL);
	unregister_trace_dma_iova_free(probe_free, NULL);
	unregister_trace_dma_iova_sync_for_cpu(probe_sync_for_cpu, NULL);
	unregister_trace_dma_iova_sync_for_device(probe_sync_for_device, NULL);
	warnings_stop(suite);
}

static int trace_case_init(struct kunit *test)
{
	events = 0;
	return fixture_init_iommu(test);
}

static struct kunit_case trace_cases[] = {
	KUNIT_CASE(trace_each_call),
	KUNIT_CASE(trace_batch),
	KUNIT_CASE(trace_result_of_refusal),
	KUNIT_CASE(trace_no_pieces_of_refusal),
	KUNIT_CASE(trace_result_of_failure),
	{}
};

static struct kunit_suite trace_suite = {
	.name		= "dma_iova_trace",
	.suite_init	= trace_start,
	.suite_exit	= trace_stop,
	.init		= trace_case_init,
	.exit		= warnings_check,
	.test_cases	= trace_cases,
};

kunit_test_suite(trace_suite);

MODULE_DESCRIPTION("KUnit suite of the trace events of the two-step DMA API");
MODULE_LICENSE("GPL");
