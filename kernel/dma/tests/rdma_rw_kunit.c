// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suites of R/W contexts whose memory is described by bio_vecs.
 *
 * rdma_rw		behind an IOMMU, with a spy
 * rdma_rw_bounce	behind an IOMMU, untrusted, with swiotlb
 * rdma_rw_direct	without an IOMMU
 * rdma_rw_failures	behind a mock IOMMU, on any machine
 */
#include <kunit/test.h>
#include <linux/bvec.h>
#include <linux/dma-mapping.h>
#include <linux/iommu.h>
#include <linux/io.h>
#include <linux/pci-p2pdma.h>
#include <linux/scatterlist.h>
#include <linux/sizes.h>
#include <rdma/ib_verbs.h>
#include <rdma/rw.h>
#include <trace/events/kmem.h>

#include "fail_alloc.h"
#include "fixture.h"
#include "p2pmem.h"
#include "rdma_stub.h"
#include "spy.h"

#define RKEY		0x5678
#define REMOTE_ADDR	0xfffffff0ULL	/* its sum with a length needs 64 bits */

/* Pieces: more than one call links */
#define MANY		41

#define MAX_SGES	64

/* More steps than any call has */
#define STEPS_MAX	100

/* Memory */

/* Seven pages; the second one ends within a granule */
#define NR_WITH_GAP	7

static struct bio_vec *data_with_gap(struct kunit *test)
{
	struct bio_vec *data = fixture_scattered_data(test, NR_WITH_GAP, 512, 1024);

	data[1].bv_len = PAGE_SIZE - 512;
	return data;
}

static unsigned int data_size(const struct bio_vec *data, int nr)
{
	unsigned int size = 0;
	int i;

	for (i = 0; i < nr; i++)
		size += data[i].bv_len;
	return size;
}

/* Transfers */

struct transfer {
	struct fixture *f;
	struct rdma_stub *rdma;
	const struct bio_vec *data;
	u32 nr_data;
	struct bvec_iter iter;
	enum dma_data_direction dir;

	struct rdma_rw_ctx ctx;
	struct ib_cqe cqe;
	struct ib_sge sges[MAX_SGES];
	int nr_sges;
	int nr_wrs;
	int nr_regs;
	size_t bytes;

	/* How far expect_data() has come */
	int at;
	size_t into;
};

static struct transfer *new_transfer(struct fixture *f, struct rdma_stub *rdma,
				     enum dma_data_direction dir,
				     const struct bio_vec *data, int nr)
{
	struct transfer *t = kunit_kzalloc(f->test, sizeof(*t), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(f->test, t);
	t->f = f;
	t->rdma = rdma;
	t->dir = dir;
	t->data = data;
	t->nr_data = nr;
	t->iter.bi_size = data_size(data, nr);
	return t;
}

/* What is there before must not matter. */
static int try_init(struct transfer *t)
{
	memset(&t->ctx, 0xff, sizeof(t->ctx));
	return rdma_rw_ctx_init_bvec(&t->ctx, &t->rdma->qp, RDMA_STUB_PORT, t->data,
				     t->nr_data, t->iter, REMOTE_ADDR, RKEY,
				     t->dir);
}

static void destroy(struct transfer *t)
{
	rdma_rw_ctx_destroy_bvec(&t->ctx, &t->rdma->qp, RDMA_STUB_PORT, t->data,
				 t->nr_data, t->dir);
}

static enum ib_wr_opcode opcode_of(struct transfer *t)
{
	if (t->dir == DMA_TO_DEVICE)
		return IB_WR_RDMA_WRITE;
	return rdma_cap_read_inv(&t->rdma->ibdev, RDMA_STUB_PORT) ?
	       IB_WR_RDMA_READ_WITH_INV : IB_WR_RDMA_READ;
}

static int max_sge_of(struct transfer *t)
{
	return t->dir == DMA_TO_DEVICE ? RDMA_STUB_WRITE_SGE :
					 RDMA_STUB_READ_SGE;
}

/* It goes on where the one before has ended. */
static void take_wr(struct transfer *t, const struct ib_send_wr *wr)
{
	struct kunit *test = t->f->test;
	int max_sge = max_sge_of(t);
	int i;

	KUNIT_EXPECT_EQ(test, wr->opcode, opcode_of(t));
	KUNIT_EXPECT_EQ(test, rdma_wr(wr)->remote_addr, REMOTE_ADDR + t->bytes);
	KUNIT_EXPECT_EQ(test, rdma_wr(wr)->rkey, RKEY);
	KUNIT_ASSERT_GE(test, wr->num_sge, 1);
	KUNIT_ASSERT_LE(test, wr->num_sge, max_sge);
	KUNIT_ASSERT_LE(test, t->nr_sges + wr->num_sge, MAX_SGES);
	/* All but the last are full. */
	if (wr->next)
		KUNIT_EXPECT_EQ(test, wr->num_sge, max_sge);
	for (i = 0; i < wr->num_sge; i++) {
		t->sges[t->nr_sges++] = wr->sg_list[i];
		t->bytes += wr->sg_list[i].length;
	}
	t->nr_wrs++;
}

static void take_wrs(struct transfer *t, int ret)
{
	struct kunit *test = t->f->test;
	const struct ib_send_wr *wr, *last = NULL;

	t->nr_sges = 0;
	t->nr_wrs = 0;
	t->nr_regs = 0;
	t->bytes = 0;
	wr = rdma_rw_ctx_wrs(&t->ctx, &t->rdma->qp, RDMA_STUB_PORT, &t->cqe, NULL);
	for (; wr; last = wr, wr = wr->next) {
		if (wr->opcode == IB_WR_REG_MR)
			t->nr_regs++;
		else
			take_wr(t, wr);
	}
	KUNIT_ASSERT_NOT_NULL(test, last);
	KUNIT_EXPECT_PTR_EQ(test, last->wr_cqe, &t->cqe);
	KUNIT_EXPECT_EQ(test, t->nr_wrs + t->nr_regs, ret);
	KUNIT_EXPECT_EQ(test, t->bytes, (size_t)t->iter.bi_size);
}

static void prepare(struct transfer *t)
{
	int ret = try_init(t);

	KUNIT_ASSERT_GT(t->f->test, ret, 0);
	take_wrs(t, ret);
}

static void expect_sges(struct transfer *t, int nr_sges, int nr_wrs)
{
	int i;

	KUNIT_ASSERT_EQ(t->f->test, t->nr_sges, nr_sges);
	KUNIT_EXPECT_EQ(t->f->test, t->nr_wrs, nr_wrs);
	KUNIT_EXPECT_EQ(t->f->test, t->nr_regs, 0);
	for (i = 0; i < nr_sges; i++)
		KUNIT_EXPECT_EQ(t->f->test, t->sges[i].lkey, RDMA_STUB_LKEY);
}

static void expect_one_sge(struct transfer *t)
{
	expect_sges(t, 1, 1);
	KUNIT_EXPECT_EQ(t->f->test, t->sges[0].length, t->iter.bi_size);
}

static int wrs_of(struct transfer *t, int nr_sges)
{
	return DIV_ROUND_UP(nr_sges, max_sge_of(t));
}

static void expect_sge_per_bvec(struct transfer *t)
{
	int i;

	expect_sges(t, t->nr_data, wrs_of(t, t->nr_data));
	for (i = 0; i < t->nr_sges; i++)
		KUNIT_EXPECT_EQ_MSG(t->f->test, t->sges[i].length,
				    t->data[i].bv_len, "SGE %d", i);
}

static phys_addr_t memory_at(struct transfer *t, u64 addr)
{
	struct fixture *f = t->f;

	if (ib_uses_virt_dma(&t->rdma->ibdev))
		return virt_to_phys(ib_virt_dma_to_ptr(addr));
	if (!f->domain)
		return addr;
	return iommu_iova_to_phys(f->domain, fixture_granule_of(f, addr)) +
	       offset_in_page(addr);
}

/* The next @len bytes of all SGEs are those at @phys. */
static void expect_memory(struct transfer *t, phys_addr_t phys, size_t len)
{
	struct kunit *test = t->f->test;
	struct ib_sge *sge;
	size_t chunk;

	for (; len; len -= chunk, phys += chunk, t->into += chunk) {
		if (t->into == t->sges[t->at].length) {
			t->at++;
			t->into = 0;
		}
		KUNIT_ASSERT_LT(test, t->at, t->nr_sges);
		sge = &t->sges[t->at];
		chunk = min3(len, sge->length - t->into,
			     PAGE_SIZE - offset_in_page(phys));
		KUNIT_EXPECT_EQ(test, memory_at(t, sge->addr + t->into), phys);
	}
}

/* The SGEs are the data: all of it, in order. */
static void expect_data(struct transfer *t)
{
	struct bvec_iter iter;
	struct bio_vec bv;

	t->at = 0;
	t->into = 0;
	for_each_bvec(bv, t->data, iter, t->iter)
		expect_memory(t, bvec_phys(&bv), bv.bv_len);
	KUNIT_EXPECT_EQ(t->f->test, t->at, t->nr_sges - 1);
	KUNIT_EXPECT_EQ(t->f->test, t->into, (size_t)t->sges[t->at].length);
}

static void destroy_mapped(struct transfer *t)
{
	int i;

	destroy(t);
	for (i = 0; i < t->nr_sges; i++)
		fixture_expect_nothing_linked(t->f, t->sges[i].addr,
					      t->sges[i].length);
	KUNIT_EXPECT_EQ(t->f->test, spy.bytes_mapped, (ssize_t)0);
}

/* Mapped as one SGE, or as one for each bio_vec; checked, and unmapped again */

static void expect_transfer_is_one_sge(struct transfer *t)
{
	prepare(t);
	expect_one_sge(t);
	expect_data(t);
	destroy_mapped(t);
}

static void expect_transfer_is_pieces(struct transfer *t)
{
	prepare(t);
	expect_sge_per_bvec(t);
	expect_data(t);
	destroy_mapped(t);
}

static void expect_init_fails(struct transfer *t, int err)
{
	KUNIT_EXPECT_EQ(t->f->test, try_init(t), err);
	KUNIT_EXPECT_EQ(t->f->test, spy.bytes_mapped, (ssize_t)0);
}

/* Data */

static void fill_data(struct transfer *t, int seed)
{
	struct bvec_iter iter;
	struct bio_vec bv;
	size_t done = 0;
	int i;

	for_each_bvec(bv, t->data, iter, t->iter) {
		u8 *bytes = bvec_virt(&bv);

		for (i = 0; i < bv.bv_len; i++)
			bytes[i] = fixture_byte(seed, done++);
	}
}

static size_t bytes_wrong(struct transfer *t, int seed)
{
	size_t done = 0, wrong = 0;
	struct bvec_iter iter;
	struct bio_vec bv;
	int i;

	for_each_bvec(bv, t->data, iter, t->iter) {
		u8 *bytes = bvec_virt(&bv);

		for (i = 0; i < bv.bv_len; i++)
			wrong += bytes[i] != fixture_byte(seed, done++);
	}
	return wrong;
}

/* Have the device read all of @from and write it to @to. */
static void device_copies(struct transfer *to, struct transfer *from)
{
	struct ib_sge *dst = to->sges, *src = from->sges;
	size_t left = from->bytes, done = 0, read = 0, len;

	KUNIT_ASSERT_EQ(to->f->test, to->bytes, left);
	for (; left; left -= len, done += len, read += len) {
		if (done == dst->length) {
			dst++;
			done = 0;
		}
		if (read == src->length) {
			src++;
			read = 0;
		}
		len = min3(left, dst->length - done, src->length - read);
		edu_copy(to->f->test, to->f->edu, dst->addr + done,
			 src->addr + read, len);
	}
}

/* Data that the device reads for a WRITE arrives where it writes for a READ. */
static void expect_device_moves_data(struct transfer *out, struct transfer *in)
{
	struct kunit *test = out->f->test;

	fill_data(out, 1);
	fill_data(in, 2);
	prepare(out);
	prepare(in);
	device_copies(in, out);
	destroy(out);
	destroy(in);
	KUNIT_EXPECT_EQ(test, bytes_wrong(in, 1), (size_t)0);
	KUNIT_EXPECT_EQ(test, bytes_wrong(out, 1), (size_t)0);
}

/* One SGE */

static void expect_requests_to_iommu(struct transfer *t, int links, int prot)
{
	struct kunit *test = t->f->test;

	spy_reset();
	prepare(t);
	expect_one_sge(t);
	KUNIT_EXPECT_EQ(test, spy.map_pages, links);
	KUNIT_EXPECT_EQ(test, spy.sync_map, 1);
	KUNIT_EXPECT_EQ(test, spy.unmap_pages, 0);
	KUNIT_EXPECT_EQ(test, spy.prot, prot | IOMMU_CACHE);
	expect_data(t);
	destroy_mapped(t);
	KUNIT_EXPECT_GT(test, spy.unmap_pages, 0);
}

/* One range takes a link for each page, and one sync. */
static void init_one_sge_of_scattered_pages(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct rdma_stub *r = rdma_stub_new(f);
	struct bio_vec *data = fixture_scattered_data(test, 16, 512, 1024);

	expect_requests_to_iommu(new_transfer(f, r, DMA_TO_DEVICE, data, 16),
				 16, IOMMU_READ);
	expect_requests_to_iommu(new_transfer(f, r, DMA_FROM_DEVICE, data, 16),
				 16, IOMMU_WRITE);
}

/* More than are linked by one call */
static void init_many_pieces(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct bio_vec *data = fixture_scattered_data(test, MANY, 512, 1024);

	expect_requests_to_iommu(new_transfer(f, rdma_stub_new(f), DMA_TO_DEVICE,
					      data, MANY), MANY, IOMMU_READ);
}

/* From within the second bio_vec to within the last but one */
static void init_iter_within_bvecs(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct bio_vec *data = fixture_scattered_data(test, 6, 0, PAGE_SIZE);
	struct transfer *t = new_transfer(f, rdma_stub_new(f), DMA_FROM_DEVICE,
					  data, 6);

	t->iter.bi_idx = 1;
	t->iter.bi_bvec_done = 512;
	t->iter.bi_size = 3 * PAGE_SIZE;
	expect_requests_to_iommu(t, 4, IOMMU_WRITE);

	/* All within one bio_vec */
	t->iter.bi_size = 1024;
	expect_requests_to_iommu(t, 1, IOMMU_WRITE);
}

static void init_multi_page_bvecs(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page *large = fixture_large_page(test);
	struct rdma_stub *r = rdma_stub_new(f);
	struct bio_vec data[3];

	bvec_set_page(&data[0], large, 3 * PAGE_SIZE + 512, PAGE_SIZE - 512);
	bvec_set_page(&data[1], large, 2 * PAGE_SIZE, 8 * PAGE_SIZE);
	bvec_set_page(&data[2], large, PAGE_SIZE + 512, 16 * PAGE_SIZE);
	expect_transfer_is_one_sge(new_transfer(f, r, DMA_TO_DEVICE, data, 3));

	data[2].bv_offset += 512;
	expect_transfer_is_pieces(new_transfer(f, r, DMA_TO_DEVICE, data, 3));
}

/* One bio_vec is mapped as dma_map_page() does it. */
static void init_one_bvec(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct bio_vec data;

	bvec_set_page(&data, fixture_lone_page(test), 1024, 512);
	expect_requests_to_iommu(new_transfer(f, rdma_stub_new(f), DMA_FROM_DEVICE,
					      &data, 1), 1, IOMMU_WRITE);
}

static void expect_data_moves_by_one_sge(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct rdma_stub *r = rdma_stub_new(f);
	struct transfer *out, *in;

	out = new_transfer(f, r, DMA_TO_DEVICE,
			   fixture_scattered_data(test, 4, 512, 1024), 4);
	in = new_transfer(f, r, DMA_FROM_DEVICE,
			  fixture_scattered_data(test, 4, 1024, 1536), 4);
	expect_device_moves_data(out, in);
	expect_one_sge(out);
	expect_one_sge(in);
}

static void init_moves_data_by_one_sge(struct kunit *test)
{
	expect_data_moves_by_one_sge(test);
	KUNIT_EXPECT_EQ(test, spy.sync_map, 2);
}

/* Several SGEs */

/* Wherever the gap is: after a piece, or before one */
static void init_gap_between_pieces(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct bio_vec *data = data_with_gap(test);
	struct rdma_stub *r = rdma_stub_new(f);

	expect_transfer_is_pieces(new_transfer(f, r, DMA_TO_DEVICE, data,
					       NR_WITH_GAP));
	expect_transfer_is_pieces(new_transfer(f, r, DMA_FROM_DEVICE, data,
					       NR_WITH_GAP));

	data = fixture_scattered_data(test, 3, 512, 1024);
	data[2].bv_offset = 512;
	expect_transfer_is_pieces(new_transfer(f, r, DMA_TO_DEVICE, data, 3));
}

/* Three READs of up to three SGEs, two WRITEs of up to four */
static void init_more_pieces_than_max_sge(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct bio_vec *data = data_with_gap(test);
	struct rdma_stub *r = rdma_stub_new(f);
	struct transfer *t;

	t = new_transfer(f, r, DMA_FROM_DEVICE, data, NR_WITH_GAP);
	prepare(t);
	KUNIT_EXPECT_EQ(test, t->nr_wrs, 3);
	destroy_mapped(t);

	t = new_transfer(f, r, DMA_TO_DEVICE, data, NR_WITH_GAP);
	prepare(t);
	KUNIT_EXPECT_EQ(test, t->nr_wrs, 2);
	destroy_mapped(t);
}

static void init_moves_data_by_pieces(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct rdma_stub *r = rdma_stub_new(f);
	struct transfer *out, *in;

	out = new_transfer(f, r, DMA_TO_DEVICE, data_with_gap(test),
			   NR_WITH_GAP);
	in = new_transfer(f, r, DMA_FROM_DEVICE, data_with_gap(test),
			  NR_WITH_GAP);
	expect_device_moves_data(out, in);
	expect_sge_per_bvec(out);
	expect_sge_per_bvec(in);
}

static void init_longer_than_max_seg_size(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct bio_vec *data = fixture_scattered_data(test, 4, 512, 1024);
	struct transfer *t = new_transfer(f, rdma_stub_new(f), DMA_TO_DEVICE, data,
					  4);

	dma_set_max_seg_size(f->dev, t->iter.bi_size - 1);
	expect_transfer_is_pieces(t);
	dma_set_max_seg_size(f->dev, t->iter.bi_size);
	expect_transfer_is_one_sge(t);
}

/* One page more than fits between two boundaries */
static void init_across_segment_boundary(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct bio_vec *data = fixture_scattered_data(test, 17, 512, 1024);
	struct transfer *t = new_transfer(f, rdma_stub_new(f), DMA_TO_DEVICE, data,
					  17);

	dma_set_seg_boundary(f->dev, SZ_64K - 1);
	expect_transfer_is_pieces(t);
}

static void many_addresses(void *dev)
{
	dma_set_mask(dev, DMA_BIT_MASK(64));
}

/* For the rest of the test, fewer IO addresses than memory needs */
static void few_addresses(struct fixture *f, int bits)
{
	KUNIT_ASSERT_EQ(f->test, 0, dma_set_mask(f->dev, DMA_BIT_MASK(bits)));
	KUNIT_ASSERT_EQ(f->test, 0, kunit_add_action_or_reset(f->test,
							      many_addresses,
							      f->dev));
}

static void init_reservation_refused(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct bio_vec *data = fixture_scattered_data(test, 20, 512, 1024);
	struct transfer *t = new_transfer(f, rdma_stub_new(f), DMA_FROM_DEVICE,
					  data, 20);

	expect_transfer_is_one_sge(t);
	few_addresses(f, 17);
	expect_transfer_is_pieces(t);
}

/* Devices and memory that the IOMMU is not used for */

/* rxe and siw take the addresses of the CPU, even if there is an IOMMU. */
static void init_virtual_dma(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct bio_vec *data = fixture_scattered_data(test, 5, 512, 1024);
	struct rdma_stub *r = rdma_stub_new(f);
	struct transfer *t;

	r->ibdev.dma_device = NULL;
	t = new_transfer(f, r, DMA_TO_DEVICE, data, 5);
	prepare(t);
	expect_sge_per_bvec(t);
	expect_data(t);
	destroy(t);

	t = new_transfer(f, r, DMA_FROM_DEVICE, data, 1);
	prepare(t);
	expect_one_sge(t);
	expect_data(t);
	destroy(t);
	KUNIT_EXPECT_EQ(test, spy.map_pages, 0);
	KUNIT_EXPECT_EQ(test, spy.unmap_pages, 0);
}

static void expect_registered(struct transfer *t)
{
	struct kunit *test = t->f->test;

	KUNIT_EXPECT_EQ(test, t->nr_regs, 1);
	KUNIT_EXPECT_EQ(test, t->nr_wrs, 1);
	KUNIT_ASSERT_EQ(test, t->nr_sges, 1);
	KUNIT_EXPECT_EQ(test, t->sges[0].lkey, t->rdma->mr.lkey);
	KUNIT_EXPECT_EQ(test, t->rdma->qp.mrs_used, 1);
}

/* iWARP: a READ must have its memory registered, however it is mapped. */
static void init_iwarp_registers_memory(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct bio_vec *data = fixture_scattered_data(test, 4, 512, 1024);
	struct rdma_stub *r = rdma_stub_new(f);
	struct transfer *t;

	r->ports[RDMA_STUB_PORT].immutable.core_cap_flags = RDMA_CORE_PORT_IWARP;
	t = new_transfer(f, r, DMA_FROM_DEVICE, data, 4);
	prepare(t);
	expect_registered(t);
	KUNIT_EXPECT_EQ(test, r->nr_pages, 4);
	expect_data(t);
	destroy_mapped(t);
	KUNIT_EXPECT_EQ(test, r->qp.mrs_used, 0);

	expect_transfer_is_one_sge(new_transfer(f, r, DMA_TO_DEVICE, data, 4));
}

/* Registration would only replace SGEs, and there is one only. */
static void init_max_sgl_rd_needs_no_registration(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct bio_vec *data = fixture_scattered_data(test, 4, 512, 1024);
	struct rdma_stub *r = rdma_stub_new(f);
	struct transfer *t;

	r->ibdev.attrs.max_sgl_rd = 2;
	t = new_transfer(f, r, DMA_FROM_DEVICE, data, 4);
	expect_transfer_is_one_sge(t);

	/* The SGE is not of a scatterlist, which would become one as well. */
	prepare(t);
	KUNIT_EXPECT_EQ(test, dma_iova_size(&t->ctx.iova),
			(size_t)t->iter.bi_size);
	destroy_mapped(t);
}

/* Entries of a scatterlist that stay apart when they are mapped */
#define NR_APART	4
#define BYTES_APART	1024

static struct bio_vec *data_apart(struct kunit *test)
{
	struct bio_vec *data = fixture_scattered_data(test, NR_APART, 0,
						      PAGE_SIZE);
	int i;

	for (i = 0; i < NR_APART; i++) {
		data[i].bv_offset = 512;
		data[i].bv_len = BYTES_APART;
	}
	return data;
}

/* The same as by prepare(), but from a scatterlist, and from @sg_offset on */
static void prepare_sg(struct transfer *t, struct scatterlist *sg, u32 sg_offset)
{
	struct kunit *test = t->f->test;
	int i, ret;

	sg_init_table(sg, t->nr_data);
	for (i = 0; i < t->nr_data; i++)
		sg_set_page(&sg[i], t->data[i].bv_page, t->data[i].bv_len,
			    t->data[i].bv_offset);
	KUNIT_ASSERT_TRUE(test, bvec_iter_advance(t->data, &t->iter, sg_offset));
	memset(&t->ctx, 0xff, sizeof(t->ctx));
	ret = rdma_rw_ctx_init(&t->ctx, &t->rdma->qp, RDMA_STUB_PORT, sg,
			       t->nr_data, sg_offset, REMOTE_ADDR, RKEY, t->dir);
	KUNIT_ASSERT_GT(test, ret, 0);
	take_wrs(t, ret);
}

static void destroy_sg(struct transfer *t, struct scatterlist *sg)
{
	rdma_rw_ctx_destroy(&t->ctx, &t->rdma->qp, RDMA_STUB_PORT, sg,
			    t->nr_data, t->dir);
	KUNIT_EXPECT_EQ(t->f->test, spy.bytes_mapped, (ssize_t)0);
}

static void expect_sges_from(struct transfer *t, u32 sg_offset, int nr_sges)
{
	struct scatterlist sg[NR_APART];

	prepare_sg(t, sg, sg_offset);
	expect_sges(t, nr_sges, wrs_of(t, nr_sges));
	expect_data(t);
	destroy_sg(t, sg);
}

/* What is before sg_offset is in no SGE, and in no registration. */
static void init_sg_offset(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct rdma_stub *r = rdma_stub_new(f);
	struct bio_vec *data = data_apart(test);
	struct scatterlist sg[NR_APART];
	struct transfer *t;

	expect_sges_from(new_transfer(f, r, DMA_TO_DEVICE, data, 1), 512, 1);
	expect_sges_from(new_transfer(f, r, DMA_TO_DEVICE, data, NR_APART), 512,
			 NR_APART);
	expect_sges_from(new_transfer(f, r, DMA_FROM_DEVICE, data, NR_APART),
			 512, NR_APART);
	/* Whole entries are skipped as well, but for the last one. */
	expect_sges_from(new_transfer(f, r, DMA_FROM_DEVICE, data, NR_APART),
			 BYTES_APART + 512, NR_APART - 1);
	expect_sges_from(new_transfer(f, r, DMA_TO_DEVICE, data, NR_APART),
			 (NR_APART - 1) * BYTES_APART + 512, 1);

	r->ports[RDMA_STUB_PORT].immutable.core_cap_flags = RDMA_CORE_PORT_IWARP;
	data = fixture_scattered_data(test, NR_APART, 512, 1024);
	t = new_transfer(f, r, DMA_FROM_DEVICE, data, NR_APART);
	prepare_sg(t, sg, 512);
	expect_registered(t);
	KUNIT_EXPECT_EQ(test, r->nr_pages, NR_APART);
	expect_data(t);
	destroy_sg(t, sg);
}

static void map_for(struct fixture *f, struct pci_dev *pdev)
{
	f->dev = &pdev->dev;
	f->domain = iommu_get_dma_domain(f->dev);
	KUNIT_ASSERT_EQ(f->test, 0, spy_insert(f->test));
}

/* The device that has the memory reaches it at its bus address; RAM is mapped. */
static void init_p2p_bus_address(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct pci_dev *pdev = p2pmem_get(test);
	struct page *pages = p2pmem_pages(test, pdev, 4);
	struct bio_vec data[3];
	struct transfer *t;

	map_for(f, pdev);
	bvec_set_page(&data[0], pages, PAGE_SIZE, 0);
	bvec_set_page(&data[1], pages + 2, PAGE_SIZE, 0);
	bvec_set_page(&data[2], fixture_lone_page(test), 1024, 0);
	t = new_transfer(f, rdma_stub_new(f), DMA_FROM_DEVICE, data, 3);
	prepare(t);
	expect_sge_per_bvec(t);
	KUNIT_EXPECT_EQ(test, t->sges[0].addr,
			pci_p2pmem_virt_to_bus(pdev, page_address(pages)));
	KUNIT_EXPECT_EQ(test, t->sges[1].addr,
			pci_p2pmem_virt_to_bus(pdev, page_address(pages + 2)));
	KUNIT_EXPECT_EQ(test, memory_at(t, t->sges[2].addr),
			bvec_phys(&data[2]));
	KUNIT_EXPECT_EQ(test, spy.bytes_mapped, (ssize_t)PAGE_SIZE);
	destroy(t);
	KUNIT_EXPECT_EQ(test, spy.bytes_mapped, (ssize_t)0);
}

/* Nobody knows whether the host bridge forwards to another device. */
static void init_p2p_not_supported(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page *pages = p2pmem_pages(test, p2pmem_get(test), 4);
	struct rdma_stub *r = rdma_stub_new(f);
	struct bio_vec data[2];

	bvec_set_page(&data[0], fixture_lone_page(test), PAGE_SIZE, 0);
	bvec_set_page(&data[1], pages, PAGE_SIZE, 0);
	expect_init_fails(new_transfer(f, r, DMA_TO_DEVICE, data, 2),
			  -EREMOTEIO);
	expect_init_fails(new_transfer(f, r, DMA_TO_DEVICE, data + 1, 1),
			  -EREMOTEIO);
	KUNIT_EXPECT_EQ(test, spy.map_pages, 0);
}

/* More than 4 GiB come before the last work request. No device sees the memory. */
static void init_adds_up_in_64_bits(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct rdma_stub *r = rdma_stub_new(f);
	struct page *page = fixture_lone_page(test);
	struct scatterlist sg[RDMA_STUB_READ_SGE + 1];
	const struct ib_send_wr *wr;
	struct rdma_rw_ctx ctx;
	struct ib_cqe cqe;
	int i;

	r->ibdev.dma_device = NULL;
	sg_init_table(sg, ARRAY_SIZE(sg));
	for (i = 0; i < ARRAY_SIZE(sg); i++)
		sg_set_page(&sg[i], page, SZ_2G, 0);
	KUNIT_ASSERT_EQ(test, 2,
			rdma_rw_ctx_init(&ctx, &r->qp, RDMA_STUB_PORT, sg,
					 ARRAY_SIZE(sg), 0, REMOTE_ADDR, RKEY,
					 DMA_FROM_DEVICE));
	wr = rdma_rw_ctx_wrs(&ctx, &r->qp, RDMA_STUB_PORT, &cqe, NULL);
	KUNIT_EXPECT_EQ(test, rdma_wr(wr)->remote_addr, REMOTE_ADDR);
	KUNIT_EXPECT_EQ(test, rdma_wr(wr->next)->remote_addr,
			REMOTE_ADDR + RDMA_STUB_READ_SGE * (u64)SZ_2G);
	rdma_rw_ctx_destroy(&ctx, &r->qp, RDMA_STUB_PORT, sg, ARRAY_SIZE(sg),
			    DMA_FROM_DEVICE);
}

/* Mistakes */

static void init_nothing_to_transfer(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct bio_vec *data = fixture_scattered_data(test, 3, 0, PAGE_SIZE);
	struct transfer *t = new_transfer(f, rdma_stub_new(f), DMA_TO_DEVICE, data,
					  3);

	t->iter.bi_size = 0;
	expect_init_fails(t, -EINVAL);
}

/* There is one more bio_vec than the caller says. */
static void init_iter_beyond_bvecs(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct bio_vec *data = fixture_scattered_data(test, 4, 0, PAGE_SIZE);
	struct transfer *t = new_transfer(f, rdma_stub_new(f), DMA_TO_DEVICE, data,
					  3);

	t->iter.bi_size = 3 * PAGE_SIZE + 1;
	expect_init_fails(t, -EINVAL);

	t->iter.bi_size = PAGE_SIZE;
	t->iter.bi_idx = 3;
	expect_init_fails(t, -EINVAL);
}

/* An empty one, or one that the iterator has passed */
static void init_empty_bvec(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct bio_vec *data = fixture_scattered_data(test, 3, 0, PAGE_SIZE);
	struct transfer *t;

	t = new_transfer(f, rdma_stub_new(f), DMA_TO_DEVICE, data, 3);
	t->iter.bi_bvec_done = PAGE_SIZE + 1;
	t->iter.bi_size = PAGE_SIZE;
	expect_init_fails(t, -EINVAL);

	data[1].bv_len = 0;
	t = new_transfer(f, t->rdma, DMA_TO_DEVICE, data, 3);
	expect_init_fails(t, -EINVAL);
}

/* Untrusted: the device must not see what is beside the data in its granules. */

static void bounce_moves_data_by_one_sge(struct kunit *test)
{
	expect_data_moves_by_one_sge(test);
}

/* The first piece would be bounced to another offset than the reservation has. */
static void bounce_moves_data_by_pieces(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct rdma_stub *r = rdma_stub_new(f);
	struct transfer *out, *in;

	dma_set_min_align_mask(f->dev, 0);
	out = new_transfer(f, r, DMA_TO_DEVICE,
			   fixture_scattered_data(test, 4, 512, 1024), 4);
	in = new_transfer(f, r, DMA_FROM_DEVICE,
			  fixture_scattered_data(test, 4, 1024, 1536), 4);
	expect_device_moves_data(out, in);
	expect_sge_per_bvec(out);
	expect_sge_per_bvec(in);
}

/* Without an IOMMU */

static void direct_pieces(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct bio_vec *data = fixture_scattered_data(test, 7, 512, 1024);
	struct rdma_stub *r = rdma_stub_new(f);
	struct transfer *t;

	t = new_transfer(f, r, DMA_TO_DEVICE, data, 7);
	prepare(t);
	expect_sge_per_bvec(t);
	expect_data(t);
	destroy(t);

	t = new_transfer(f, r, DMA_FROM_DEVICE, data, 1);
	prepare(t);
	expect_one_sge(t);
	expect_data(t);
	destroy(t);
}

static void direct_moves_data(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct rdma_stub *r = rdma_stub_new(f);
	struct transfer *out, *in;

	out = new_transfer(f, r, DMA_TO_DEVICE,
			   fixture_scattered_data(test, 3, 512, 1024), 3);
	in = new_transfer(f, r, DMA_FROM_DEVICE,
			  fixture_scattered_data(test, 3, 1024, 1536), 3);
	expect_device_moves_data(out, in);
}

/* More SGEs than a READ is fast with: they are registered, page by page. */
static void direct_max_sgl_rd_registers_memory(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct bio_vec *data = fixture_scattered_data(test, 4, 512, 1024);
	struct rdma_stub *r = rdma_stub_new(f);
	struct transfer *t, *other;
	int i;

	r->ibdev.attrs.max_sgl_rd = 3;
	t = new_transfer(f, r, DMA_FROM_DEVICE, data, 4);
	prepare(t);
	expect_registered(t);
	KUNIT_EXPECT_EQ(test, t->sges[0].addr, bvec_phys(&data[0]));
	KUNIT_ASSERT_EQ(test, r->nr_pages, 4);
	for (i = 0; i < 4; i++)
		KUNIT_EXPECT_EQ(test, r->pages[i],
				page_to_phys(data[i].bv_page));

	/* The only MR is in use. */
	other = new_transfer(f, r, DMA_FROM_DEVICE,
			     fixture_scattered_data(test, 4, 512, 1024), 4);
	prepare(other);
	expect_sge_per_bvec(other);
	destroy(other);
	destroy(t);
	KUNIT_EXPECT_EQ(test, r->qp.mrs_used, 0);

	t = new_transfer(f, r, DMA_FROM_DEVICE, data, 3);
	prepare(t);
	expect_sge_per_bvec(t);
	destroy(t);
}

/* Failures */

static const struct mock_iommu_config mock_config = {
	.page_sizes	= SZ_4K,
	.aperture	= SZ_16M,
	.type		= IOMMU_DOMAIN_DMA,
	.map_vec	= true,
};

/* Allocations by this task, and those of them that it has not freed */
static struct task_struct *counted_task;
static int allocations;
static int allocated;

/* RCU may interrupt this task and free memory: do not count that. */
static bool is_counted(const void *ptr)
{
	return current == counted_task && in_task() && !ZERO_OR_NULL_PTR(ptr);
}

static void count_kmalloc(void *data, unsigned long call_site, const void *ptr,
			  size_t bytes_req, size_t bytes_alloc, gfp_t gfp,
			  int node)
{
	if (!is_counted(ptr))
		return;
	allocations++;
	allocated++;
}

static void count_kfree(void *data, unsigned long call_site, const void *ptr)
{
	if (is_counted(ptr))
		allocated--;
}

static void count_from_here(void)
{
	allocations = 0;
	allocated = 0;
	counted_task = current;
}

static void count_stop(void *data)
{
	counted_task = NULL;
	unregister_trace_kmalloc(count_kmalloc, NULL);
	unregister_trace_kfree(count_kfree, NULL);
	tracepoint_synchronize_unregister();
}

/* Counts of everything that a context could leave behind */
struct inventory {
	struct mock_iommu_state mock;
	int free;
	int mrs_used;
};

static struct inventory take_inventory(struct transfer *t)
{
	struct fixture *f = t->f;

	return (struct inventory) {
		.free = mock_iommu_count_free(f->test, f->mock),
		.mock = f->mock->state,
		.mrs_used = t->rdma->qp.mrs_used,
	};
}

static void expect_inventory(struct transfer *t, const struct inventory *before)
{
	struct inventory now = take_inventory(t);
	struct kunit *test = t->f->test;

	KUNIT_EXPECT_EQ(test, now.mock.mapped, before->mock.mapped);
	KUNIT_EXPECT_EQ(test, now.mock.seen, before->mock.seen);
	KUNIT_EXPECT_EQ(test, now.mock.tables, before->mock.tables);
	KUNIT_EXPECT_EQ(test, now.free, before->free);
	KUNIT_EXPECT_EQ(test, now.mrs_used, before->mrs_used);
}

/* One try. Counts in @leaked the allocations that it has left behind. */
static int try_init_counted(struct transfer *t, int *leaked)
{
	int ret;

	count_from_here();
	ret = try_init(t);
	counted_task = NULL;
	*leaked = allocated;
	return ret;
}

static struct fixture *failures_fixture(struct kunit *test)
{
	KUNIT_ASSERT_EQ(test, 0, register_trace_kmalloc(count_kmalloc, NULL));
	KUNIT_ASSERT_EQ(test, 0, register_trace_kfree(count_kfree, NULL));
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, count_stop,
							   NULL));
	return fixture_mock(test, &mock_config);
}

/* It goes through, and destroying it leaves nothing. */
static void expect_destroy_leaves_nothing(struct transfer *t)
{
	struct inventory before = take_inventory(t);
	int ret;

	count_from_here();
	ret = try_init(t);
	if (ret > 0)
		destroy(t);
	counted_task = NULL;
	KUNIT_EXPECT_GT(t->f->test, ret, 0);
	KUNIT_EXPECT_EQ(t->f->test, allocated, 0);
	expect_inventory(t, &before);
}

/* Fail at the first of @nth, the second, and so on. Returns how many there are. */
static int fail_each(struct transfer *t, int *nth, int want)
{
	struct kunit *test = t->f->test;
	struct inventory before = take_inventory(t);
	int n, ret, leaked;

	for (n = 1; n <= STEPS_MAX; n++) {
		*nth = n;
		ret = try_init_counted(t, &leaked);
		if (ret > 0)
			break;
		KUNIT_EXPECT_EQ(test, ret, want);
		KUNIT_EXPECT_EQ(test, leaked, 0);
		expect_inventory(t, &before);
	}
	KUNIT_ASSERT_LE(test, n, STEPS_MAX);
	KUNIT_EXPECT_EQ(test, *nth, 1);
	*nth = 0;
	destroy(t);
	expect_inventory(t, &before);
	return n - 1;
}

/*
 * The same for allocations. The kernel can do without some of them, such as that of
 * a larger slab.
 */
static int fail_each_allocation(struct transfer *t)
{
	struct kunit *test = t->f->test;
	struct inventory before = take_inventory(t);
	int n, ret, leaked, failures = 0;

	for (n = 1; n <= STEPS_MAX; n++) {
		fail_alloc_arm(n);
		ret = try_init_counted(t, &leaked);
		if (!fail_alloc_disarm())
			break;
		if (ret > 0) {
			destroy(t);
			continue;
		}
		KUNIT_EXPECT_EQ(test, ret, -ENOMEM);
		KUNIT_EXPECT_EQ(test, leaked, 0);
		expect_inventory(t, &before);
		failures++;
	}
	KUNIT_ASSERT_LE(test, n, STEPS_MAX);
	KUNIT_ASSERT_GT(test, ret, 0);
	destroy(t);
	expect_inventory(t, &before);
	return failures;
}

static void fails_at_each_step_of_one_sge(struct kunit *test)
{
	struct fixture *f = failures_fixture(test);
	struct bio_vec *data = fixture_scattered_data(test, MANY, 512, 1024);
	struct transfer *t = new_transfer(f, rdma_stub_new(f), DMA_FROM_DEVICE,
					  data, MANY);

	KUNIT_EXPECT_EQ(test, fail_each(t, &f->mock->fail_map, -EIO), MANY);
	KUNIT_EXPECT_EQ(test, fail_each(t, &f->mock->fail_table, -ENOMEM), 1);
	KUNIT_EXPECT_EQ(test, fail_each(t, &f->mock->fail_sync, -EIO), 1);
	expect_destroy_leaves_nothing(t);
	KUNIT_EXPECT_EQ(test, allocations, 0);
}

static void fails_at_each_step_of_pieces(struct kunit *test)
{
	struct fixture *f = failures_fixture(test);
	struct transfer *t = new_transfer(f, rdma_stub_new(f), DMA_FROM_DEVICE,
					  data_with_gap(test), NR_WITH_GAP);

	KUNIT_EXPECT_EQ(test, fail_each(t, &f->mock->fail_map, -ENOMEM),
			NR_WITH_GAP);
	fail_alloc_insert(test);
	/* The SGEs and the work requests */
	KUNIT_EXPECT_GE(test, fail_each_allocation(t), fail_alloc_least(2));
	expect_destroy_leaves_nothing(t);
}

static void fails_at_each_step_of_one_bvec(struct kunit *test)
{
	struct fixture *f = failures_fixture(test);
	struct transfer *t = new_transfer(f, rdma_stub_new(f), DMA_TO_DEVICE,
					  fixture_scattered_data(test, 1, 512, 1024),
					  1);

	KUNIT_EXPECT_EQ(test, fail_each(t, &f->mock->fail_map, -ENOMEM), 1);
	expect_destroy_leaves_nothing(t);
}

static void fails_at_each_step_of_registration(struct kunit *test)
{
	struct fixture *f = failures_fixture(test);
	struct bio_vec *data = fixture_scattered_data(test, 4, 512, 1024);
	struct rdma_stub *r = rdma_stub_new(f);
	struct transfer *t = new_transfer(f, r, DMA_FROM_DEVICE, data, 4);

	r->ports[RDMA_STUB_PORT].immutable.core_cap_flags = RDMA_CORE_PORT_IWARP;
	KUNIT_EXPECT_EQ(test, fail_each(t, &f->mock->fail_map, -EINVAL), 4);
	fail_alloc_insert(test);
	/* The scatterlist and the work requests */
	KUNIT_EXPECT_GE(test, fail_each_allocation(t), fail_alloc_least(2));
	expect_destroy_leaves_nothing(t);

	/* No MR is left, and this READ needs one. */
	list_del_init(&r->qp.rdma_mrs);
	KUNIT_EXPECT_EQ(test, try_init(t), -EAGAIN);
	KUNIT_EXPECT_EQ(test, f->mock->state.mapped, (size_t)0);
}

/* The segment is refused when its reservation has been made. */
static void refused_segment_gives_reservation_back(struct kunit *test)
{
	struct fixture *f = failures_fixture(test);
	struct bio_vec *data = fixture_scattered_data(test, 4, 512, 1024);
	struct transfer *t = new_transfer(f, rdma_stub_new(f), DMA_TO_DEVICE, data,
					  4);

	dma_set_max_seg_size(f->dev, PAGE_SIZE);
	expect_destroy_leaves_nothing(t);
}

/* The device that has the memory reaches it at its bus address. */
static void direct_p2p_bus_address(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct pci_dev *pdev = p2pmem_get(test);
	struct page *pages = p2pmem_pages(test, pdev, 2);
	struct bio_vec data[2];
	struct transfer *t;

	f->dev = &pdev->dev;
	bvec_set_page(&data[0], pages, PAGE_SIZE, 0);
	bvec_set_page(&data[1], fixture_lone_page(test), 1024, 0);
	t = new_transfer(f, rdma_stub_new(f), DMA_FROM_DEVICE, data, 2);
	prepare(t);
	expect_sge_per_bvec(t);
	KUNIT_EXPECT_EQ(test, t->sges[0].addr,
			pci_p2pmem_virt_to_bus(pdev, page_address(pages)));
	KUNIT_EXPECT_EQ(test, memory_at(t, t->sges[1].addr), bvec_phys(&data[1]));
	destroy(t);
}

static struct kunit_case iommu_cases[] = {
	KUNIT_CASE(init_one_sge_of_scattered_pages),
	KUNIT_CASE(init_many_pieces),
	KUNIT_CASE(init_iter_within_bvecs),
	KUNIT_CASE(init_multi_page_bvecs),
	KUNIT_CASE(init_one_bvec),
	KUNIT_CASE(init_moves_data_by_one_sge),
	KUNIT_CASE(init_gap_between_pieces),
	KUNIT_CASE(init_more_pieces_than_max_sge),
	KUNIT_CASE(init_moves_data_by_pieces),
	KUNIT_CASE(init_longer_than_max_seg_size),
	KUNIT_CASE(init_across_segment_boundary),
	KUNIT_CASE(init_reservation_refused),
	KUNIT_CASE(init_virtual_dma),
	KUNIT_CASE(init_adds_up_in_64_bits),
	KUNIT_CASE(init_iwarp_registers_memory),
	KUNIT_CASE(init_max_sgl_rd_needs_no_registration),
	KUNIT_CASE(init_sg_offset),
	KUNIT_CASE(init_p2p_bus_address),
	KUNIT_CASE(init_p2p_not_supported),
	KUNIT_CASE(init_nothing_to_transfer),
	KUNIT_CASE(init_iter_beyond_bvecs),
	KUNIT_CASE(init_empty_bvec),
	{}
};

static struct kunit_suite iommu_suite = {
	.name		= "rdma_rw",
	.suite_init	= warnings_start,
	.suite_exit	= warnings_stop,
	.init		= spy_init_iommu,
	.exit		= warnings_check,
	.test_cases	= iommu_cases,
};

static struct kunit_case bounce_cases[] = {
	KUNIT_CASE(bounce_moves_data_by_one_sge),
	KUNIT_CASE(bounce_moves_data_by_pieces),
	{}
};

static struct kunit_suite bounce_suite = {
	.name		= "rdma_rw_bounce",
	.suite_init	= warnings_start,
	.suite_exit	= warnings_stop,
	.init		= fixture_init_bounce,
	.exit		= warnings_check,
	.test_cases	= bounce_cases,
};

static struct kunit_case direct_cases[] = {
	KUNIT_CASE(direct_pieces),
	KUNIT_CASE(direct_moves_data),
	KUNIT_CASE(direct_p2p_bus_address),
	KUNIT_CASE(init_p2p_not_supported),
	KUNIT_CASE(direct_max_sgl_rd_registers_memory),
	{}
};

static struct kunit_suite direct_suite = {
	.name		= "rdma_rw_direct",
	.suite_init	= warnings_start,
	.suite_exit	= warnings_stop,
	.init		= fixture_init_direct,
	.exit		= warnings_check,
	.test_cases	= direct_cases,
};

static struct kunit_case failures_cases[] = {
	KUNIT_CASE(fails_at_each_step_of_one_sge),
	KUNIT_CASE(fails_at_each_step_of_pieces),
	KUNIT_CASE(fails_at_each_step_of_one_bvec),
	KUNIT_CASE(fails_at_each_step_of_registration),
	KUNIT_CASE(refused_segment_gives_reservation_back),
	{}
};

static struct kunit_suite failures_suite = {
	.name		= "rdma_rw_failures",
	.suite_init	= warnings_start,
	.suite_exit	= warnings_stop,
	.exit		= warnings_check,
	.test_cases	= failures_cases,
};

kunit_test_suites(&iommu_suite, &bounce_suite, &direct_suite, &failures_suite);

MODULE_DESCRIPTION("KUnit suites of R/W contexts of bio_vecs");
MODULE_LICENSE("GPL");
