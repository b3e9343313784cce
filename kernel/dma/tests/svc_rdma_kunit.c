// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suites of the chunks of RPC-over-RDMA: what the server reads from its
 * client and writes to it. The parsed lists of chunks are made up here; the work
 * requests are svcrdma's own. A device moves the data by the addresses in the SGEs.
 *
 * svc_rdma		behind an IOMMU, with a spy
 * svc_rdma_direct	without an IOMMU
 */
#include <kunit/test.h>
#include <linux/dma-mapping.h>
#include <linux/sizes.h>
#include <linux/sunrpc/svc_rdma.h>
#include <linux/workqueue.h>

#include "fail_alloc.h"
#include "live_alloc.h"
#include "rdma_stub.h"
#include "spy.h"

#define RKEY		0x5678
#define REMOTE_ADDR	0xfffff000ULL

/* Pages of a request: those for the data, and one for the response */
#define NR_DATA		12
#define NR_PAGES	(NR_DATA + 1)

#define NR_SGES		32
#define SQ_DEPTH	100

/* The seed of the data */
#define SEED		1

struct server {
	struct fixture *f;
	struct rdma_stub *rdma;
	struct rdma_cm_id id;
	struct ib_cq cq;
	struct svcxprt_rdma xprt;
	struct svc_rqst rqst;
	struct page **pages;
	struct svc_rdma_recv_ctxt *recv;
	struct svc_rdma_send_ctxt *send;
	unsigned int mapped;

	/* The client's memory, in one piece, and its address for the device */
	u8 *client;
	dma_addr_t client_addr;

	/* SGEs of the work requests, in the order of the client's addresses */
	struct ib_sge sges[NR_SGES];
	int nr_sges;
	int nr_wrs;
	size_t bytes;
};

static void free_contexts(void *data)
{
	struct server *s = data;

	svc_rdma_destroy_rw_ctxts(&s->xprt);
}

static void unmap_client(void *data)
{
	struct server *s = data;

	dma_unmap_page(s->f->dev, s->client_addr, SZ_64K, DMA_BIDIRECTIONAL);
}

static void new_client(struct server *s)
{
	struct kunit *test = s->f->test;
	struct page *page = fixture_large_page(test);

	s->client = page_address(page);
	s->client_addr = dma_map_page(s->f->dev, page, 0, SZ_64K,
				      DMA_BIDIRECTIONAL);
	KUNIT_ASSERT_FALSE(test, dma_mapping_error(s->f->dev, s->client_addr));
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, unmap_client, s));
}

static struct server *new_server(struct fixture *f)
{
	struct kunit *test = f->test;
	struct server *s = kunit_kzalloc(test, sizeof(*s), GFP_KERNEL);
	int i;

	KUNIT_ASSERT_NOT_NULL(test, s);
	s->f = f;
	s->rdma = rdma_stub_new(f);
	s->id.device = &s->rdma->ibdev;
	s->xprt.sc_cm_id = &s->id;
	s->xprt.sc_qp = &s->rdma->qp;
	s->xprt.sc_sq_cq = &s->cq;
	s->xprt.sc_port_num = RDMA_STUB_PORT;
	s->xprt.sc_sq_depth = SQ_DEPTH;
	atomic_set(&s->xprt.sc_sq_avail, SQ_DEPTH);
	spin_lock_init(&s->xprt.sc_rw_ctxt_lock);
	init_waitqueue_head(&s->xprt.sc_send_wait);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, free_contexts, s));

	s->pages = fixture_scattered_pages(test, NR_PAGES);
	for (i = 0; i < NR_PAGES; i++)
		s->rqst.rq_pages[i] = s->pages[i];
	s->rqst.rq_page_end = &s->rqst.rq_pages[NR_PAGES];
	s->rqst.rq_xprt = &s->xprt.sc_xprt;

	s->recv = kunit_kzalloc(test, struct_size(s->recv, rc_pages, NR_PAGES),
				GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, s->recv);
	s->recv->rc_maxpages = NR_PAGES;
	pcl_init(&s->recv->rc_call_pcl);
	pcl_init(&s->recv->rc_read_pcl);
	pcl_init(&s->recv->rc_write_pcl);
	pcl_init(&s->recv->rc_reply_pcl);
	svc_rdma_cc_init(&s->xprt, &s->recv->rc_cc);

	s->send = kunit_kzalloc(test, sizeof(*s->send), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, s->send);
	s->send->sc_wr_chain = &s->send->sc_send_wr;
	INIT_LIST_HEAD(&s->send->sc_write_info_list);
	svc_rdma_cc_init(&s->xprt, &s->send->sc_reply_info.wi_cc);

	new_client(s);
	spy_reset();
	return s;
}

/* A chunk of the client at @position, in segments of @lengths */
static struct svc_rdma_chunk *add_chunk(struct server *s, struct svc_rdma_pcl *pcl,
					u32 position, int nr, const u32 *lengths)
{
	struct kunit *test = s->f->test;
	struct svc_rdma_chunk *chunk;
	int i;

	chunk = kunit_kzalloc(test, struct_size(chunk, ch_segments, nr), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, chunk);
	chunk->ch_position = position;
	chunk->ch_segcount = nr;
	for (i = 0; i < nr; i++) {
		chunk->ch_segments[i].rs_handle = RKEY;
		chunk->ch_segments[i].rs_length = lengths[i];
		chunk->ch_segments[i].rs_offset = REMOTE_ADDR + s->mapped;
		s->mapped += lengths[i];
		chunk->ch_length += lengths[i];
	}
	chunk->ch_payload_length = chunk->ch_length;
	list_add_tail(&chunk->ch_list, &pcl->cl_chunks);
	pcl->cl_count++;
	return chunk;
}

/* svcrdma has one context for each segment, the last one first. */
static void take_wrs(struct server *s, const struct ib_send_wr *wr,
		     const struct ib_send_wr *end, enum ib_wr_opcode opcode)
{
	struct kunit *test = s->f->test;

	for (; wr != end; wr = wr->next) {
		dma_addr_t client = s->client_addr + rdma_wr(wr)->remote_addr -
			REMOTE_ADDR;
		int i;

		KUNIT_EXPECT_EQ(test, wr->opcode, opcode);
		KUNIT_EXPECT_EQ(test, rdma_wr(wr)->rkey, RKEY);
		for (i = 0; i < wr->num_sge; i++) {
			const struct ib_sge *sge = &wr->sg_list[i];
			u32 done, len;

			for (done = 0; done < sge->length; done += len) {
				len = min_t(u32, sge->length - done, EDU_CHUNK);
				if (opcode == IB_WR_RDMA_WRITE)
					edu_copy(test, s->f->edu, client + done,
						 sge->addr + done, len);
				else
					edu_copy(test, s->f->edu, sge->addr + done,
						 client + done, len);
			}
			client += sge->length;
			s->bytes += sge->length;
			s->nr_sges++;
		}
		s->nr_wrs++;
	}
}

static int process_read_list(struct server *s)
{
	return svc_rdma_process_read_list(&s->xprt, &s->rqst, s->recv);
}

/* Read all chunks of the client, and let go of them as on completion. */
static void read_list(struct server *s)
{
	struct kunit *test = s->f->test;

	fixture_fill(s->client, SZ_64K, SEED);
	KUNIT_ASSERT_EQ(test, process_read_list(s), 1);
	KUNIT_ASSERT_NOT_NULL(test, s->rdma->posted);
	take_wrs(s, s->rdma->posted, NULL, IB_WR_RDMA_READ);
	KUNIT_EXPECT_EQ(test, s->recv->rc_cc.cc_sqecount, s->nr_wrs);
	svc_rdma_cc_release(&s->xprt, &s->recv->rc_cc, DMA_FROM_DEVICE);
	KUNIT_EXPECT_EQ(test, spy.bytes_mapped, (ssize_t)0);
}

/* The pages of the request have @len bytes of the client's, from @from on. */
static void expect_read(struct server *s, size_t into, size_t from, size_t len)
{
	size_t i, wrong = 0;

	for (i = 0; i < len; i++) {
		struct page *page = s->pages[(into + i) >> PAGE_SHIFT];
		const u8 *bytes = page_address(page);

		wrong += bytes[offset_in_page(into + i)] != fixture_byte(SEED, from + i);
	}
	KUNIT_EXPECT_EQ(s->f->test, wrong, (size_t)0);
}

static void read_one_segment(struct kunit *test)
{
	static const u32 length = 5 * PAGE_SIZE + 100;
	struct fixture *f = test->priv;
	struct server *s = new_server(f);

	add_chunk(s, &s->recv->rc_read_pcl, 0, 1, &length);
	read_list(s);
	expect_read(s, 0, 0, length);
	KUNIT_EXPECT_EQ(test, s->bytes, (size_t)length);
	KUNIT_EXPECT_EQ(test, s->nr_sges, f->domain ? 1 : 6);
	KUNIT_EXPECT_EQ(test, s->recv->rc_page_count, 6U);
	KUNIT_EXPECT_EQ(test, s->recv->rc_readbytes, length);
}

/*
 * A segment begins in the page in which the one before ends, but in another cache
 * line: dma-debug would report a shared one.
 */
static void read_ragged_segments(struct kunit *test)
{
	static const u32 lengths[] = { 128, 3 * PAGE_SIZE, 64, 2 * PAGE_SIZE - 192 };
	struct fixture *f = test->priv;
	struct server *s = new_server(f);

	add_chunk(s, &s->recv->rc_read_pcl, 0, ARRAY_SIZE(lengths), lengths);
	read_list(s);
	expect_read(s, 0, 0, 5 * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, s->bytes, 5 * PAGE_SIZE);
	/* 1, 4, 1 and 2 pages */
	KUNIT_EXPECT_EQ(test, s->nr_sges, f->domain ? 4 : 8);
	KUNIT_EXPECT_EQ(test, s->recv->rc_page_count, 5U);
}

/* Between the chunks there is inline data. */
static void read_chunks_between_inline_data(struct kunit *test)
{
	static const u32 first = PAGE_SIZE, second = 200;
	struct fixture *f = test->priv;
	struct server *s = new_server(f);
	u8 *inline_data = kunit_kzalloc(test, 96, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, inline_data);
	memset(inline_data, 0x5a, 96);
	s->recv->rc_saved_arg.head[0].iov_base = inline_data;
	s->recv->rc_saved_arg.head[0].iov_len = 96;
	add_chunk(s, &s->recv->rc_read_pcl, 32, 1, &first);
	add_chunk(s, &s->recv->rc_read_pcl, 64 + first, 1, &second);
	read_list(s);
	KUNIT_EXPECT_EQ(test, *(u8 *)page_address(s->pages[0]), 0x5a);
	expect_read(s, 32, 0, first);
	expect_read(s, 64 + first, first, second);
	KUNIT_EXPECT_EQ(test, s->recv->rc_readbytes, 96 + first + second);
}

/* All pages except the one for the response */
static void read_all_pages(struct kunit *test)
{
	static const u32 lengths[] = { PAGE_SIZE, (NR_DATA - 1) * PAGE_SIZE };
	struct fixture *f = test->priv;
	struct server *s = new_server(f);

	add_chunk(s, &s->recv->rc_read_pcl, 0, 2, lengths);
	read_list(s);
	expect_read(s, 0, 0, NR_DATA * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, s->recv->rc_page_count, (unsigned int)NR_DATA);
}

static void expect_read_refused(struct fixture *f, int nr, const u32 *lengths)
{
	struct server *s = new_server(f);
	struct kunit *test = f->test;
	int before;

	add_chunk(s, &s->recv->rc_read_pcl, 0, nr, lengths);
	before = live_alloc_count(test);
	KUNIT_EXPECT_EQ(test, process_read_list(s), -EINVAL);
	KUNIT_EXPECT_NULL(test, s->rdma->posted);
	svc_rdma_cc_release(&s->xprt, &s->recv->rc_cc, DMA_FROM_DEVICE);
	svc_rdma_destroy_rw_ctxts(&s->xprt);
	/* Behind an IOMMU, caches of IO addresses and requests grow as well. */
	if (!f->domain)
		KUNIT_EXPECT_EQ(test, live_alloc_count(test), before);
	KUNIT_EXPECT_EQ(test, spy.bytes_mapped, (ssize_t)0);
	KUNIT_EXPECT_LE(test, s->recv->rc_page_count, (unsigned int)NR_DATA);
}

/*
 * An empty segment comes from a client. One that is too long does not get here, as
 * the decoder refuses it.
 */
static void read_refused(struct kunit *test)
{
	static const u32 empty = 0, more_than_an_int = U32_MAX;
	static const u32 one_byte_too_many = NR_DATA * PAGE_SIZE + 1;
	static const u32 empty_behind_data[] = { 100, 0 };
	static const u32 wraps[] = { 100, U32_MAX - 99 };
	static const u32 full_and_one_byte[] = { NR_DATA * PAGE_SIZE, 1 };
	struct fixture *f = test->priv;

	live_alloc_insert(test);
	expect_read_refused(f, 1, &empty);
	expect_read_refused(f, 1, &more_than_an_int);
	expect_read_refused(f, 1, &one_byte_too_many);
	expect_read_refused(f, 2, empty_behind_data);
	expect_read_refused(f, 2, wraps);
	expect_read_refused(f, 2, full_and_one_byte);
}

/* Inline data takes pages, too. */
static void read_refused_for_inline_data(struct kunit *test)
{
	static const u32 first = NR_DATA * PAGE_SIZE - 32, second = 4;
	struct fixture *f = test->priv;
	struct server *s = new_server(f);

	s->recv->rc_saved_arg.head[0].iov_base = page_address(s->pages[NR_DATA]);
	s->recv->rc_saved_arg.head[0].iov_len = 96;
	add_chunk(s, &s->recv->rc_read_pcl, 32, 1, &first);
	add_chunk(s, &s->recv->rc_read_pcl, first + 64, 1, &second);
	KUNIT_EXPECT_EQ(test, process_read_list(s), -EINVAL);
	svc_rdma_cc_release(&s->xprt, &s->recv->rc_cc, DMA_FROM_DEVICE);
	KUNIT_EXPECT_EQ(test, spy.bytes_mapped, (ssize_t)0);
}

/* Head, pages and tail of a reply: @into is where in the first page it begins. */
static void new_reply(struct server *s, struct xdr_buf *xdr, unsigned int into)
{
	size_t i, at = 0;
	u8 *bytes;

	memset(xdr, 0, sizeof(*xdr));
	xdr->head[0].iov_base = page_address(s->pages[0]);
	xdr->head[0].iov_len = 64;
	xdr->pages = &s->pages[1];
	xdr->page_base = into;
	xdr->page_len = 3 * PAGE_SIZE;
	xdr->tail[0].iov_base = page_address(s->pages[5]) + 8;
	xdr->tail[0].iov_len = 40;
	xdr->len = 64 + 3 * PAGE_SIZE + 40;
	xdr->buflen = xdr->len;

	bytes = xdr->head[0].iov_base;
	for (i = 0; i < 64; i++)
		bytes[i] = fixture_byte(SEED, at++);
	for (i = 0; i < xdr->page_len; i++) {
		bytes = page_address(xdr->pages[(into + i) >> PAGE_SHIFT]);
		bytes[offset_in_page(into + i)] = fixture_byte(SEED, at++);
	}
	bytes = xdr->tail[0].iov_base;
	for (i = 0; i < 40; i++)
		bytes[i] = fixture_byte(SEED, at++);
}

static void expect_written(struct server *s, size_t from, size_t len)
{
	size_t i, wrong = 0;

	for (i = 0; i < len; i++)
		wrong += s->client[i] != fixture_byte(SEED, from + i);
	KUNIT_EXPECT_EQ(s->f->test, wrong, (size_t)0);
	KUNIT_EXPECT_EQ(s->f->test, s->bytes, len);
	KUNIT_EXPECT_EQ(s->f->test, spy.bytes_mapped, (ssize_t)0);
}

/* The pages go to a chunk of two segments, and the rest is left to a Send. */
static void write_chunk(struct kunit *test)
{
	static const u32 lengths[] = { PAGE_SIZE + 50, 4 * PAGE_SIZE };
	struct fixture *f = test->priv;
	struct server *s = new_server(f);
	struct svc_rdma_chunk *chunk;
	struct xdr_buf xdr;

	new_reply(s, &xdr, 100);
	chunk = add_chunk(s, &s->recv->rc_write_pcl, 64, 2, lengths);
	chunk->ch_payload_length = xdr.page_len;
	KUNIT_ASSERT_EQ(test, 0, svc_rdma_prepare_write_list(&s->xprt, s->recv,
							     s->send, &xdr));
	take_wrs(s, s->send->sc_wr_chain, &s->send->sc_send_wr, IB_WR_RDMA_WRITE);
	KUNIT_EXPECT_EQ(test, s->send->sc_sqecount, s->nr_wrs);
	/* Segments of 2 and of 3 pages */
	KUNIT_EXPECT_EQ(test, s->nr_sges, f->domain ? 2 : 5);
	svc_rdma_write_chunk_release(&s->xprt, s->send);
	flush_workqueue(svcrdma_wq);
	expect_written(s, 64, xdr.page_len);
}

/* All of the reply goes to a chunk. */
static void write_reply(struct kunit *test)
{
	static const u32 length = SZ_32K;
	struct fixture *f = test->priv;
	struct server *s = new_server(f);
	struct xdr_buf xdr;

	new_reply(s, &xdr, 0);
	add_chunk(s, &s->recv->rc_reply_pcl, 0, 1, &length);
	KUNIT_ASSERT_EQ(test, xdr.len,
			svc_rdma_prepare_reply_chunk(&s->xprt,
						     &s->recv->rc_write_pcl,
						     &s->recv->rc_reply_pcl,
						     s->send, &xdr));
	take_wrs(s, s->send->sc_wr_chain, &s->send->sc_send_wr, IB_WR_RDMA_WRITE);
	/* Head, pages and tail */
	KUNIT_EXPECT_EQ(test, s->nr_sges, f->domain ? 3 : 5);
	svc_rdma_reply_chunk_release(&s->xprt, s->send);
	expect_written(s, 0, xdr.len);
}

static void write_refused(struct kunit *test)
{
	static const u32 length = 2 * PAGE_SIZE;
	struct fixture *f = test->priv;
	struct server *s = new_server(f);
	struct svc_rdma_chunk *chunk;
	struct xdr_buf xdr;

	new_reply(s, &xdr, 100);
	chunk = add_chunk(s, &s->recv->rc_write_pcl, 64, 1, &length);
	chunk->ch_payload_length = xdr.page_len;
	KUNIT_EXPECT_EQ(test, -E2BIG,
			svc_rdma_prepare_write_list(&s->xprt, s->recv, s->send,
						    &xdr));
	flush_workqueue(svcrdma_wq);
	KUNIT_EXPECT_PTR_EQ(test, s->send->sc_wr_chain, &s->send->sc_send_wr);
	KUNIT_EXPECT_EQ(test, spy.bytes_mapped, (ssize_t)0);
}

static void init_fails_at_each_step(struct kunit *test)
{
	static const u32 lengths[] = { PAGE_SIZE, 2 * PAGE_SIZE, 100 };
	struct fixture *f = test->priv;
	int n;

	/* Pages that are linked */
	for (n = 1; n <= 4; n++) {
		struct server *s = new_server(f);

		add_chunk(s, &s->recv->rc_read_pcl, 0, 3, lengths);
		spy.fail_map = n;
		spy.fail_map_errno = -ENOMEM;
		KUNIT_EXPECT_EQ(test, process_read_list(s), -EIO);
		svc_rdma_cc_release(&s->xprt, &s->recv->rc_cc, DMA_FROM_DEVICE);
		KUNIT_EXPECT_EQ(test, spy.bytes_mapped, (ssize_t)0);
	}
}

/* One round, with a server of its own. Returns whether an allocation has failed. */
static bool read_without_memory(struct fixture *f, int *nth, int *failures)
{
	static const u32 length = 6 * PAGE_SIZE;
	struct server *s = new_server(f);
	struct kunit *test = f->test;
	int before, err;
	bool more;

	add_chunk(s, &s->recv->rc_read_pcl, 0, 1, &length);
	before = live_alloc_count(test);
	fail_alloc_arm(*nth);
	err = min(process_read_list(s), 0);
	more = fail_alloc_next(nth, err);
	if (err) {
		/* There is no context, or it cannot be prepared. */
		KUNIT_EXPECT_TRUE(test, err == -ENOMEM || err == -EIO);
		KUNIT_EXPECT_NULL(test, s->rdma->posted);
		++*failures;
	}
	svc_rdma_cc_release(&s->xprt, &s->recv->rc_cc, DMA_FROM_DEVICE);
	svc_rdma_destroy_rw_ctxts(&s->xprt);
	KUNIT_EXPECT_EQ(test, live_alloc_count(test), before);
	return more;
}

/* The context, the bio_vecs that it has no room for, the SGEs and the requests */
static void read_fails_at_each_allocation(struct kunit *test)
{
	struct fixture *f = test->priv;
	int nth = 1, failures = 0;

	fail_alloc_insert(test);
	live_alloc_insert(test);
	while (read_without_memory(f, &nth, &failures))
		KUNIT_ASSERT_LT(test, nth, 100);
	KUNIT_EXPECT_GE(test, failures, fail_alloc_least(4));
}

static struct kunit_case iommu_cases[] = {
	KUNIT_CASE(read_one_segment),
	KUNIT_CASE(read_ragged_segments),
	KUNIT_CASE(read_chunks_between_inline_data),
	KUNIT_CASE(read_all_pages),
	KUNIT_CASE(read_refused),
	KUNIT_CASE(read_refused_for_inline_data),
	KUNIT_CASE(write_chunk),
	KUNIT_CASE(write_reply),
	KUNIT_CASE(write_refused),
	KUNIT_CASE(init_fails_at_each_step),
	{}
};

static struct kunit_suite iommu_suite = {
	.name		= "svc_rdma",
	.suite_init	= warnings_start,
	.suite_exit	= warnings_stop,
	.init		= spy_init_iommu,
	.exit		= warnings_check,
	.test_cases	= iommu_cases,
};

static struct kunit_case direct_cases[] = {
	KUNIT_CASE(read_one_segment),
	KUNIT_CASE(read_ragged_segments),
	KUNIT_CASE(read_refused),
	KUNIT_CASE(read_fails_at_each_allocation),
	KUNIT_CASE(write_chunk),
	KUNIT_CASE(write_reply),
	{}
};

static struct kunit_suite direct_suite = {
	.name		= "svc_rdma_direct",
	.suite_init	= warnings_start,
	.suite_exit	= warnings_stop,
	.init		= fixture_init_direct,
	.exit		= warnings_check,
	.test_cases	= direct_cases,
};

kunit_test_suites(&iommu_suite, &direct_suite);

MODULE_DESCRIPTION("KUnit suites of the chunks of RPC-over-RDMA");
MODULE_LICENSE("GPL");
