// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suites of the DMA mapping of block layer requests. Requests are made of
 * bios by hand, so that each has the shape that its case is about, but belong to
 * a real queue, and are mapped for a real device, which moves the data.
 *
 * blk_mq_dma		behind an IOMMU, with a spy
 * blk_mq_dma_bounce	behind an IOMMU, untrusted, with swiotlb
 * blk_mq_dma_direct	without an IOMMU
 * blk_mq_dma_swiotlb	without an IOMMU, with bounce buffers
 *
 * <linux/blk-mq-dma.h> comes with <linux/blk-integrity.h>: drivers rely on that.
 */
#include <kunit/test.h>
#include <linux/bio.h>
#include <linux/blk-integrity.h>
#include <linux/blk-mq.h>
#include <linux/dma-direct.h>
#include <linux/dma-mapping.h>
#include <linux/iommu.h>
#include <linux/kprobes.h>
#include <linux/pci-p2pdma.h>
#include <linux/prandom.h>
#include <linux/sizes.h>
#include <linux/spinlock.h>
#include <linux/swiotlb.h>
#include <linux/t10-pi.h>
#include <trace/events/printk.h>

#include "../../../block/blk.h"
#include "../../../block/elevator.h"
#include "fixture.h"
#include "p2pmem.h"
#include "spy.h"

#ifndef DMA_IOVA_MAINLINE
/* blk_rq_dma_unmap() takes the kind of memory, and no truth value for it. */
static_assert(__blk_dma_is_map_type(enum pci_p2pdma_map_type, false));
static_assert(__blk_dma_is_map_type(typeof(PCI_P2PDMA_MAP_BUS_ADDR), true));
static_assert(!__blk_dma_is_map_type(int, false));
static_assert(!__blk_dma_is_map_type(bool, true));
#endif

/* Most ranges that the data of a request here is mapped as */
#define MAX_RANGES	160

/* Segments: more than one call links */
#define MANY		40

/* Requests */

/* A queue with nothing behind it: no request ever gets there. */
struct disk {
	struct blk_mq_tag_set set;
	struct gendisk *disk;
};

static blk_status_t disk_queue_rq(struct blk_mq_hw_ctx *hctx,
				  const struct blk_mq_queue_data *data)
{
	return BLK_STS_IOERR;
}

static const struct blk_mq_ops disk_ops = {
	.queue_rq	= disk_queue_rq,
};

static void free_tag_set(void *set)
{
	blk_mq_free_tag_set(set);
}

static void free_disk(void *disk)
{
	put_disk(disk);
}

static void free_request(void *req)
{
	blk_mq_free_request(req);
}

/* Another one of the same queue, without data */
static struct request *another_request(struct kunit *test, struct request *of)
{
	struct request *req = blk_mq_alloc_request(of->q, of->cmd_flags, 0);

	KUNIT_ASSERT_FALSE(test, IS_ERR(req));
	req->part = of->part;
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, free_request,
							   req));
	return req;
}

static void free_bio(void *bio)
{
	bio_put(bio);
}

static const struct queue_limits no_limits = {
	.max_segment_size		= UINT_MAX,
	.max_hw_sectors			= UINT_MAX,
	.max_segments			= USHRT_MAX,
	.max_integrity_segments		= USHRT_MAX,
};

/* A request without data, of a queue that has no other */
static struct request *new_request(struct kunit *test,
				   const struct queue_limits *limits,
				   blk_opf_t opf)
{
	struct disk *d = kunit_kzalloc(test, sizeof(*d), GFP_KERNEL);
	struct queue_limits lim = *limits;
	struct request *req;

	KUNIT_ASSERT_NOT_NULL(test, d);
	d->set.ops = &disk_ops;
	d->set.nr_hw_queues = 1;
	d->set.queue_depth = 2;
	d->set.numa_node = NUMA_NO_NODE;
	KUNIT_ASSERT_EQ(test, 0, blk_mq_alloc_tag_set(&d->set));
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, free_tag_set,
							   &d->set));
	d->disk = blk_mq_alloc_disk(&d->set, &lim, NULL);
	KUNIT_ASSERT_FALSE(test, IS_ERR(d->disk));
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, free_disk,
							   d->disk));
	req = blk_mq_alloc_request(d->disk->queue, opf, 0);
	KUNIT_ASSERT_FALSE(test, IS_ERR(req));
	req->part = d->disk->part0;
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, free_request,
							   req));
	return req;
}

static struct bio *new_bio(struct kunit *test, struct request *req,
			   const struct bio_vec *data, int nr)
{
	struct bio *bio = bio_alloc(req->part, nr, req->cmd_flags, GFP_KERNEL);
	int i;

	KUNIT_ASSERT_NOT_NULL(test, bio);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, free_bio,
							   bio));
	for (i = 0; i < nr; i++)
		KUNIT_ASSERT_EQ(test, (int)data[i].bv_len,
				bio_add_page(bio, data[i].bv_page,
					     data[i].bv_len,
					     data[i].bv_offset));
	return bio;
}

static void add_metadata(struct kunit *test, struct bio *bio,
			 const struct bio_vec *metadata, int nr)
{
	struct bio_integrity_payload *bip;
	int i;

	bip = bio_integrity_alloc(bio, GFP_KERNEL, nr);
	KUNIT_ASSERT_FALSE(test, IS_ERR(bip));
	for (i = 0; i < nr; i++)
		KUNIT_ASSERT_EQ(test, (int)metadata[i].bv_len,
				bio_integrity_add_page(bio, metadata[i].bv_page,
						       metadata[i].bv_len,
						       metadata[i].bv_offset));
}

/* Appends as the block layer merges, and counts segments as it does */
static void append_data(struct kunit *test, struct request *req, struct bio *bio)
{
#ifdef DMA_IOVA_MAINLINE
	/* Notes the gaps between segments as well. 6.12 counts pieces instead. */
	KUNIT_ASSERT_EQ(test, 0, blk_rq_append_bio(req, bio));
#else
	unsigned int segs;

	KUNIT_ASSERT_EQ(test, 0, bio_split_rw_at(bio, &req->q->limits, &segs,
						 UINT_MAX));
	if (req->bio)
		req->biotail->bi_next = bio;
	else
		req->bio = bio;
	req->biotail = bio;
	req->__data_len += bio->bi_iter.bi_size;
	req->nr_phys_segments += segs;
#endif
}

static void append_bio(struct kunit *test, struct request *req, struct bio *bio)
{
	append_data(test, req, bio);
	if (bio_integrity(bio)) {
		req->cmd_flags |= REQ_INTEGRITY;
		req->nr_integrity_segments += blk_rq_count_integrity_sg(req->q,
									bio);
	}
}

static void add_bio(struct kunit *test, struct request *req,
		    const struct bio_vec *data, int nr)
{
	append_bio(test, req, new_bio(test, req, data, nr));
}

static struct request *request_of(struct kunit *test,
				  const struct queue_limits *limits,
				  blk_opf_t opf, const struct bio_vec *data,
				  int nr)
{
	struct request *req = new_request(test, limits, opf);

	add_bio(test, req, data, nr);
	return req;
}

/* Four pages; the second one ends within a granule */
static struct bio_vec *data_with_gap(struct kunit *test)
{
	struct bio_vec *data = fixture_scattered_data(test, 4, 0, PAGE_SIZE);

	data[1].bv_len = PAGE_SIZE - 512;
	return data;
}

/* Mappings */

struct mapped_range {
	dma_addr_t addr;
	size_t len;
	enum pci_p2pdma_map_type map;
};

struct mapping {
	struct fixture *f;
	struct request *req;
	bool integrity;
	struct dma_iova_state state;
	struct blk_dma_iter iter;
	struct mapped_range ranges[MAX_RANGES];
	int nr;

	/* How far expect_data() has come */
	int at;
	size_t into;
};

/* Compares errnos: a blk_status_t is a separate type to sparse. */
static void expect_status(struct kunit *test, struct mapping *m, blk_status_t status)
{
	KUNIT_EXPECT_EQ(test, blk_status_to_errno(m->iter.status),
			blk_status_to_errno(status));
}

static struct mapping *new_mapping(struct fixture *f, struct request *req)
{
	struct mapping *m = kunit_kzalloc(f->test, sizeof(*m), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(f->test, m);
	m->f = f;
	m->req = req;
	return m;
}

/* What is there before must not matter. */
static bool map_start(struct mapping *m)
{
	memset(&m->state, 0xff, sizeof(m->state));
	memset(&m->iter, 0xff, sizeof(m->iter));
	m->nr = 0;
	if (m->integrity)
		return blk_rq_integrity_dma_map_iter_start(m->req, m->f->dev,
							   &m->state, &m->iter);
	return blk_rq_dma_map_iter_start(m->req, m->f->dev, &m->state,
					 &m->iter);
}

static bool map_next(struct mapping *m)
{
	struct kunit *test = m->f->test;

	expect_status(test, m, BLK_STS_OK);
	KUNIT_ASSERT_LT(test, m->nr, MAX_RANGES);
	m->ranges[m->nr++] = (struct mapped_range) {
		m->iter.addr, m->iter.len, m->iter.p2pdma.map
	};
	if (m->integrity)
		return blk_rq_integrity_dma_map_iter_next(m->req, m->f->dev,
							  &m->iter);
	return blk_rq_dma_map_iter_next(m->req, m->f->dev, &m->iter);
}

static int segments_counted(struct mapping *m)
{
	return m->integrity ? m->req->nr_integrity_segments :
			      blk_rq_nr_phys_segments(m->req);
}

/* Maps up to the end or to an error, which is in m->iter.status. */
static void map_all(struct mapping *m)
{
	bool more;

	for (more = map_start(m); more;)
		more = map_next(m);
	KUNIT_EXPECT_LE(m->f->test, m->nr, segments_counted(m));
}

static struct mapping *map_request(struct fixture *f, struct request *req)
{
	struct mapping *m = new_mapping(f, req);

	map_all(m);
	expect_status(f->test, m, BLK_STS_OK);
	return m;
}

static struct mapping *map_metadata(struct fixture *f, struct request *req)
{
	struct mapping *m = new_mapping(f, req);

	m->integrity = true;
	map_all(m);
	expect_status(f->test, m, BLK_STS_OK);
	return m;
}

static size_t bytes_mapped(struct mapping *m)
{
	size_t bytes = 0;
	int i;

	for (i = 0; i < m->nr; i++)
		bytes += m->ranges[i].len;
	return bytes;
}

static bool unmap_without_record(struct mapping *m)
{
	return blk_rq_dma_unmap(m->req, m->f->dev, &m->state, bytes_mapped(m),
				m->ranges[0].map);
}

static unsigned long attrs_of(enum pci_p2pdma_map_type map)
{
	return map == PCI_P2PDMA_MAP_THRU_HOST_BRIDGE ? DMA_ATTR_MMIO : 0;
}

static void unmap_ranges(struct mapping *m)
{
	int i;

	for (i = 0; i < m->nr; i++)
		if (m->ranges[i].map != PCI_P2PDMA_MAP_BUS_ADDR)
			dma_unmap_phys(m->f->dev, m->ranges[i].addr,
				       m->ranges[i].len, rq_dma_dir(m->req),
				       attrs_of(m->ranges[i].map));
}

static void expect_nothing_mapped(struct mapping *m)
{
	int i;

	for (i = 0; i < m->nr; i++)
		if (m->ranges[i].map != PCI_P2PDMA_MAP_BUS_ADDR)
			fixture_expect_nothing_linked(m->f, m->ranges[i].addr,
						      m->ranges[i].len);
}

/* Nothing has to be unmapped, unless dma-debug has to see all unmappings. */
static void unmap_direct(struct mapping *m)
{
	KUNIT_EXPECT_EQ(m->f->test, unmap_without_record(m),
			!IS_ENABLED(CONFIG_DMA_API_DEBUG));
	if (IS_ENABLED(CONFIG_DMA_API_DEBUG))
		unmap_ranges(m);
}

/* It is one range, and unmapping it takes no record. */
static void unmap_one_range(struct mapping *m)
{
	KUNIT_EXPECT_TRUE(m->f->test, unmap_without_record(m));
	fixture_expect_zero(m->f->test, &m->state);
	expect_nothing_mapped(m);
}

/* Each range has to be unmapped. */
static void unmap_each_range(struct mapping *m)
{
	KUNIT_EXPECT_FALSE(m->f->test, unmap_without_record(m));
	unmap_ranges(m);
	expect_nothing_mapped(m);
}

static void expect_ranges(struct mapping *m, int nr, const size_t *lens)
{
	int i;

	KUNIT_ASSERT_EQ(m->f->test, m->nr, nr);
	for (i = 0; i < nr; i++)
		KUNIT_EXPECT_EQ_MSG(m->f->test, m->ranges[i].len, lens[i],
				    "range %d", i);
}

static void expect_one_range(struct mapping *m)
{
	struct kunit *test = m->f->test;

	KUNIT_ASSERT_EQ(test, m->nr, 1);
	KUNIT_ASSERT_TRUE(test, blk_rq_dma_map_coalesce(&m->state));
	KUNIT_EXPECT_EQ(test, m->ranges[0].addr, m->state.addr);
	KUNIT_EXPECT_EQ(test, m->ranges[0].len, dma_iova_size(&m->state));
}

/* No reservation is left that a driver might destroy. */
static void expect_segments(struct mapping *m, int nr)
{
	struct kunit *test = m->f->test;

	KUNIT_EXPECT_EQ(test, m->nr, nr);
	fixture_expect_zero(test, &m->state);
	KUNIT_ASSERT_FALSE(test, blk_rq_dma_map_coalesce(&m->state));
}

static phys_addr_t memory_at(struct fixture *f, const struct mapped_range *range,
			     size_t into)
{
	dma_addr_t addr = range->addr + into;

	if (!f->domain || range->map == PCI_P2PDMA_MAP_BUS_ADDR)
		return addr;
	return iommu_iova_to_phys(f->domain, fixture_granule_of(f, addr)) +
	       offset_in_page(addr);
}

/* The next @len bytes of all ranges are those at @phys. */
static void expect_memory(struct mapping *m, phys_addr_t phys, size_t len)
{
	struct mapped_range *range = &m->ranges[m->at];
	struct kunit *test = m->f->test;
	size_t chunk;

	for (; len; len -= chunk, phys += chunk, m->into += chunk) {
		if (m->into == range->len) {
			range++;
			m->at++;
			m->into = 0;
		}
		KUNIT_ASSERT_LT(test, m->at, m->nr);
		chunk = min3(len, range->len - m->into,
			     PAGE_SIZE - offset_in_page(phys));
		KUNIT_EXPECT_EQ(test, memory_at(m->f, range, m->into), phys);
	}
}

/* The ranges are the data, or the metadata: all of it, in order. */
static void expect_data(struct mapping *m)
{
	struct req_iterator iter;
	struct bvec_iter left;
	struct bio_vec bv;
	struct bio *bio = m->req->bio;

	m->at = 0;
	m->into = 0;
	KUNIT_ASSERT_GT(m->f->test, m->nr, 0);
	if (m->integrity)
		bio_for_each_integrity_vec(bv, bio, left)
			expect_memory(m, bvec_phys(&bv), bv.bv_len);
	else
		rq_for_each_segment(bv, m->req, iter)
			expect_memory(m, bvec_phys(&bv), bv.bv_len);
	KUNIT_EXPECT_EQ(m->f->test, m->at, m->nr - 1);
	KUNIT_EXPECT_EQ(m->f->test, m->into, m->ranges[m->at].len);
}

/* Mapped one by one, as segments of @lens; unmapped again */
static void expect_segments_of(struct mapping *m, int nr, const size_t *lens)
{
	expect_segments(m, nr);
	expect_ranges(m, nr, lens);
	expect_data(m);
	unmap_each_range(m);
}

/* Mapped as one range, or as so many segments; checked, and unmapped again */

static void expect_request_is_one_range(struct fixture *f, struct request *req)
{
	struct mapping *m = map_request(f, req);

	expect_one_range(m);
	expect_data(m);
	unmap_one_range(m);
}

static void expect_request_is_segments(struct fixture *f, struct request *req,
				       int nr)
{
	struct mapping *m = map_request(f, req);

	expect_segments(m, nr);
	expect_data(m);
	unmap_each_range(m);
}

/* Data */

static void fill_data(struct request *req, int seed)
{
	struct req_iterator iter;
	struct bio_vec bv;
	size_t done = 0;
	int i;

	rq_for_each_segment(bv, req, iter) {
		u8 *bytes = bvec_virt(&bv);

		for (i = 0; i < bv.bv_len; i++)
			bytes[i] = fixture_byte(seed, done++);
	}
}

static size_t bytes_wrong(struct request *req, int seed)
{
	struct req_iterator iter;
	size_t done = 0, wrong = 0;
	struct bio_vec bv;
	int i;

	rq_for_each_segment(bv, req, iter) {
		u8 *bytes = bvec_virt(&bv);

		for (i = 0; i < bv.bv_len; i++)
			wrong += bytes[i] != fixture_byte(seed, done++);
	}
	return wrong;
}

/* Have the device read all of @from and write it to @to. */
static void device_copies(struct mapping *to, struct mapping *from)
{
	struct mapped_range *dst = to->ranges, *src = from->ranges;
	size_t left = bytes_mapped(from), done = 0, read = 0, len;
	struct kunit *test = to->f->test;

	KUNIT_ASSERT_EQ(test, bytes_mapped(to), left);
	for (; left; left -= len, done += len, read += len) {
		if (done == dst->len) {
			dst++;
			done = 0;
		}
		if (read == src->len) {
			src++;
			read = 0;
		}
		len = min3(left, dst->len - done, src->len - read);
		edu_copy(test, to->f->edu, dst->addr + done, src->addr + read,
			 len);
	}
}

/* A write is carried out by the device, and then a read of the same. */
static void expect_device_moves_data(struct fixture *f, struct request *out,
				     struct request *in)
{
	struct mapping *from, *to;

	fill_data(out, 1);
	fill_data(in, 2);
	from = map_request(f, out);
	to = map_request(f, in);
	device_copies(to, from);
	if (!unmap_without_record(from))
		unmap_ranges(from);
	if (!unmap_without_record(to))
		unmap_ranges(to);
	KUNIT_EXPECT_EQ(f->test, bytes_wrong(in, 1), (size_t)0);
	KUNIT_EXPECT_EQ(f->test, bytes_wrong(out, 1), (size_t)0);
}

/* One range */

static void expect_requests_to_iommu(struct fixture *f, struct request *req,
				     int links, int prot)
{
	struct mapping *m;

	spy_reset();
	m = map_request(f, req);
	expect_one_range(m);
	KUNIT_EXPECT_EQ(f->test, m->iter.p2pdma.map, PCI_P2PDMA_MAP_NONE);
	KUNIT_EXPECT_EQ(f->test, spy.map_pages, links);
	KUNIT_EXPECT_EQ(f->test, spy.sync_map, 1);
	KUNIT_EXPECT_EQ(f->test, spy.unmap_pages, 0);
	KUNIT_EXPECT_EQ(f->test, spy.prot, prot | IOMMU_CACHE);
	expect_data(m);
	unmap_one_range(m);
	KUNIT_EXPECT_GT(f->test, spy.unmap_pages, 0);
}

/* One range takes a link for each page, and one sync. */
static void start_one_range_of_scattered_pages(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct bio_vec *data = fixture_scattered_data(test, 16, 512, 1024);

	expect_requests_to_iommu(f, request_of(test, &no_limits, REQ_OP_WRITE,
					       data, 16), 16, IOMMU_READ);
	expect_requests_to_iommu(f, request_of(test, &no_limits, REQ_OP_READ,
					       data, 16), 16, IOMMU_WRITE);
}

static void start_one_range_by_virt_boundary(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct queue_limits limits = no_limits;
	struct bio_vec *data = fixture_scattered_data(test, 16, 512, 1024);
	struct page *large = fixture_large_page(test);

	limits.virt_boundary_mask = f->granule - 1;
	expect_requests_to_iommu(f, request_of(test, &limits, REQ_OP_READ, data,
					       16), 16, IOMMU_WRITE);
	bvec_set_page(&data[0], large, 4 * f->granule, 0);
	bvec_set_page(&data[1], large + 8, 4 * f->granule, 0);
	limits.virt_boundary_mask = 4 * f->granule - 1;
	expect_requests_to_iommu(f, request_of(test, &limits, REQ_OP_READ, data,
					       2), 2, IOMMU_WRITE);
}

/* The boundary says nothing about granules, so the segments are looked at. */
static void start_virt_boundary_within_granule(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct queue_limits limits = no_limits;

	limits.virt_boundary_mask = 511;
	expect_request_is_one_range(f, request_of(test, &limits, REQ_OP_READ,
						  fixture_scattered_data(test, 4, 512, 1024),
						  4));
	expect_request_is_segments(f, request_of(test, &limits, REQ_OP_READ,
						 data_with_gap(test), 4), 4);
}

static void start_several_bios(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct request *req = new_request(test, &no_limits, REQ_OP_WRITE);
	struct bio_vec *data = fixture_scattered_data(test, 7, 512, 1024);

	add_bio(test, req, data, 3);
	add_bio(test, req, data + 3, 1);
	add_bio(test, req, data + 4, 3);
	expect_requests_to_iommu(f, req, 7, IOMMU_READ);
}

/* More than are linked by one call */
static void start_many_segments(struct kunit *test)
{
	struct fixture *f = test->priv;

	expect_requests_to_iommu(f, request_of(test, &no_limits, REQ_OP_WRITE,
					       fixture_scattered_data(test, MANY, 512, 1024),
					       MANY), MANY, IOMMU_READ);
}

static int links;

static int count_link(struct kprobe *probe, struct pt_regs *regs)
{
	links++;
	return 0;
}

static struct kprobe link_probe = {
	.symbol_name	= "dma_iova_link_vec",
	.pre_handler	= count_link,
};

/* 128 KiB begin and end within a page, so they cover one page more. */
static void start_128k_by_one_link(struct kunit *test)
{
	struct fixture *f = test->priv;
	const int nr = SZ_128K / PAGE_SIZE + 1;
	struct bio_vec *data = fixture_scattered_data(test, nr, 512, 512);
	struct request *req = request_of(test, &no_limits, REQ_OP_READ, data, nr);

	KUNIT_ASSERT_EQ(test, blk_rq_bytes(req), SZ_128K);
	fixture_probe(test, &link_probe);
	links = 0;
	expect_requests_to_iommu(f, req, nr, IOMMU_WRITE);
	KUNIT_EXPECT_EQ(test, links, 1);
}

/* One that runs over several pages, and one that begins in another page */
static void start_multi_page_bvecs(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page *large = fixture_large_page(test);
	struct bio_vec data[3];

	bvec_set_page(&data[0], large, 3 * PAGE_SIZE + 512, PAGE_SIZE - 512);
	bvec_set_page(&data[1], large, 2 * PAGE_SIZE, 8 * PAGE_SIZE);
	bvec_set_page(&data[2], large, PAGE_SIZE + 512, 16 * PAGE_SIZE);
	expect_request_is_one_range(f, request_of(test, &no_limits, REQ_OP_READ,
						  data, 3));

	data[2].bv_offset += 512;
	expect_request_is_segments(f, request_of(test, &no_limits, REQ_OP_READ,
						 data, 3), 3);
}

/* The first bio has been done in part, and what is left begins within a bvec. */
static void start_bio_advanced(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct request *req = new_request(test, &no_limits, REQ_OP_READ);
	struct bio_vec *data = fixture_scattered_data(test, 6, 0, PAGE_SIZE);
	struct bio *bio = new_bio(test, req, data, 4);

	bio_advance(bio, PAGE_SIZE + 512);
	append_bio(test, req, bio);
	add_bio(test, req, data + 4, 2);
	expect_requests_to_iommu(f, req, 5, IOMMU_WRITE);
}

static void start_special_payload(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct request *req = request_of(test, &no_limits, REQ_OP_WRITE,
					 fixture_scattered_data(test, 4, 0, PAGE_SIZE),
					 4);
	struct page *page = fixture_lone_page(test);
	const size_t len = 256;
	struct mapping *m;

	bvec_set_page(&req->special_vec, page, len, 512);
	req->rq_flags |= RQF_SPECIAL_PAYLOAD;
	m = map_request(f, req);
	expect_segments(m, 1);
	expect_ranges(m, 1, &len);
	expect_memory(m, page_to_phys(page) + 512, len);
	unmap_each_range(m);
	req->rq_flags &= ~RQF_SPECIAL_PAYLOAD;
}

static void expect_start_fails(struct mapping *m, blk_status_t status)
{
	struct kunit *test = m->f->test;

	KUNIT_EXPECT_FALSE(test, map_start(m));
	expect_status(test, m, status);
	fixture_expect_zero(test, &m->state);
	KUNIT_EXPECT_EQ(test, spy.bytes_mapped, (ssize_t)0);
}

static void start_no_data(struct kunit *test)
{
	struct fixture *f = test->priv;

	expect_start_fails(new_mapping(f, new_request(test, &no_limits,
						      REQ_OP_FLUSH)),
			   BLK_STS_OK);
	KUNIT_EXPECT_EQ(test, spy.map_pages, 0);
}

/* Has a size, and nothing of it is data */
static void start_no_payload(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct request *req;

	req = new_request(test, &no_limits, REQ_OP_DISCARD);
	req->bio = new_bio(test, req, NULL, 0);
	req->bio->bi_iter.bi_size = SZ_64K;
	req->__data_len = SZ_64K;
	expect_start_fails(new_mapping(f, req), BLK_STS_OK);
	KUNIT_EXPECT_EQ(test, spy.map_pages, 0);
}

static void start_in_atomic_context(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct request *req = request_of(test, &no_limits, REQ_OP_READ,
					 fixture_scattered_data(test, 4, 0, PAGE_SIZE),
					 4);
	struct mapping *m = new_mapping(f, req);
	unsigned long flags;
	bool started, unmapped;
	spinlock_t lock;	/* for atomic context, nothing else */

	spin_lock_init(&lock);
	spin_lock_irqsave(&lock, flags);
	started = map_start(m);
	unmapped = blk_rq_dma_unmap(req, f->dev, &m->state, m->iter.len,
				    m->iter.p2pdma.map);
	spin_unlock_irqrestore(&lock, flags);
	KUNIT_EXPECT_TRUE(test, started);
	KUNIT_EXPECT_TRUE(test, unmapped);
	KUNIT_EXPECT_EQ(test, spy.map_pages, 4);
	KUNIT_EXPECT_EQ(test, spy.bytes_mapped, (ssize_t)0);
}

/* Segment by segment */

/* Wherever the gap is: after a segment, before one, within a bio or between */
static void start_gap_between_segments(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct bio_vec *data = data_with_gap(test);
	struct request *req;

	expect_request_is_segments(f, request_of(test, &no_limits, REQ_OP_WRITE,
						 data, 4), 4);

	req = new_request(test, &no_limits, REQ_OP_WRITE);
	add_bio(test, req, data, 2);
	add_bio(test, req, data + 2, 2);
	expect_request_is_segments(f, req, 4);

	data = fixture_scattered_data(test, 3, 512, 1024);
	data[2].bv_offset = 512;
	expect_request_is_segments(f, request_of(test, &no_limits, REQ_OP_WRITE,
						 data, 3), 3);
}

static void start_one_segment(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page *large = fixture_large_page(test);
	struct bio_vec data;

	bvec_set_page(&data, large, SZ_64K, 512);
	expect_request_is_segments(f, request_of(test, &no_limits, REQ_OP_READ,
						 &data, 1), 1);
	KUNIT_EXPECT_EQ(test, spy.bytes_mapped, (ssize_t)0);
}

/* Contiguous memory in two bios, and a third page to keep it from one range */
static struct request *contiguous_bios(struct kunit *test,
				       const struct queue_limits *limits)
{
	struct request *req = new_request(test, limits, REQ_OP_READ);
	struct page *large = fixture_large_page(test);
	struct bio_vec data[3];

	bvec_set_page(&data[0], large, 8 * PAGE_SIZE, 8 * PAGE_SIZE);
	bvec_set_page(&data[1], large + 16, 8 * PAGE_SIZE, 0);
	bvec_set_page(&data[2], fixture_lone_page(test), 1024, 512);
	add_bio(test, req, &data[0], 1);
	add_bio(test, req, &data[1], 2);
	return req;
}

#ifndef CONFIG_KMSAN	/* With it, the block layer merges nothing. */
static void next_merges_contiguous_bios(struct kunit *test)
{
	static const size_t lens[] = { 16 * PAGE_SIZE, 1024 };
	struct fixture *f = test->priv;
	struct request *req = contiguous_bios(test, &no_limits);
	struct mapping *m = map_request(f, req);

	expect_segments_of(m, 2, lens);
}

static void next_keeps_max_segment_size(struct kunit *test)
{
	static const size_t lens[] = {
		8 * PAGE_SIZE - 512, 8 * PAGE_SIZE - 512, 1024, 1024
	};
	struct fixture *f = test->priv;
	struct queue_limits limits = no_limits;
	struct mapping *m;

	limits.max_segment_size = 8 * PAGE_SIZE - 512;
	m = map_request(f, contiguous_bios(test, &limits));
	expect_segments_of(m, 4, lens);
}
#endif

static void next_keeps_segment_boundary(struct kunit *test)
{
	static const size_t lens[] = { 8 * PAGE_SIZE, 8 * PAGE_SIZE, 1024 };
	struct fixture *f = test->priv;
	struct queue_limits limits = no_limits;
	struct mapping *m;

	limits.seg_boundary_mask = 16 * PAGE_SIZE - 1;
	m = map_request(f, contiguous_bios(test, &limits));
	expect_segments_of(m, 3, lens);
}

static void start_longer_than_max_segment_size(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct bio_vec *data = fixture_scattered_data(test, 16, 0, PAGE_SIZE);
	struct queue_limits limits = no_limits;

	limits.max_segment_size = 16 * PAGE_SIZE;
	expect_request_is_one_range(f, request_of(test, &limits, REQ_OP_READ,
						  data, 16));
	limits.max_segment_size = 16 * PAGE_SIZE - 512;
	expect_request_is_segments(f, request_of(test, &limits, REQ_OP_READ,
						 data, 16), 16);
	limits.virt_boundary_mask = f->granule - 1;
	expect_request_is_segments(f, request_of(test, &limits, REQ_OP_READ,
						 data, 16), 16);
}

static void many_addresses(void *dev)
{
	dma_set_mask(dev, DMA_BIT_MASK(64));
}

/* The device can address so few pages that a leak of addresses shows. */
#define FEW_PAGES	4096

static void few_addresses(struct fixture *f, unsigned long nr_pages)
{
	u64 mask = nr_pages * PAGE_SIZE - 1;

	KUNIT_ASSERT_EQ(f->test, 0, dma_set_mask(f->dev, mask));
	KUNIT_ASSERT_EQ(f->test, 0, kunit_add_action_or_reset(f->test,
							      many_addresses,
							      f->dev));
}

/* Map only the first segment, more often than there are addresses for it. */
static void expect_refused_reservation_given_back(struct fixture *f,
						  struct request *req)
{
	struct mapping *m = new_mapping(f, req);
	struct dma_iova_state state;
	int i;

	few_addresses(f, FEW_PAGES);
	for (i = 0; i < 2 * (FEW_PAGES / 16); i++) {
		KUNIT_ASSERT_TRUE(f->test, map_start(m));
		KUNIT_ASSERT_FALSE(f->test, dma_use_iova(&m->state));
		dma_unmap_page(f->dev, m->iter.addr, m->iter.len,
			       rq_dma_dir(req));
		/* Lazy mode holds addresses back */
		if (i % 16 == 0)
			fixture_drain_flush_queue(f->test, f->dev);
	}

	/* There is still room for more than one page. */
	KUNIT_ASSERT_TRUE(f->test, dma_iova_try_alloc(f->dev, &state, 0,
						      16 * PAGE_SIZE));
	dma_iova_free(f->dev, &state);
}

static void start_across_segment_boundary(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct queue_limits limits = no_limits;
	struct request *req;

	limits.seg_boundary_mask = 16 * PAGE_SIZE - 1;
	expect_request_is_one_range(f, request_of(test, &limits, REQ_OP_READ,
						  fixture_scattered_data(test, 16, 0, PAGE_SIZE),
						  16));
	req = request_of(test, &limits, REQ_OP_READ,
			 fixture_scattered_data(test, 17, 0, 512), 17);
	expect_request_is_segments(f, req, 17);
	expect_refused_reservation_given_back(f, req);
}

/* There are addresses for each segment, but not for all in a row. */
static void start_reservation_refused(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct request *req = request_of(test, &no_limits, REQ_OP_READ,
					 fixture_scattered_data(test, 20, 512, 1024),
					 20);

	expect_request_is_one_range(f, req);
	few_addresses(f, 32);
	expect_request_is_segments(f, req, 20);
}

/* The mapping holds the state of another request, which is still in flight. */
static void start_ignores_stale_state(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct bio_vec *data = fixture_scattered_data(test, 4, 0, PAGE_SIZE);
	struct mapping *live = map_request(f, request_of(test, &no_limits,
							 REQ_OP_READ, data, 4));
	struct request *req = request_of(test, &no_limits, REQ_OP_READ,
					 data_with_gap(test), 4);
	struct mapping *m = new_mapping(f, req);

	m->state = live->state;
	m->iter = live->iter;
	KUNIT_EXPECT_TRUE(test, blk_rq_dma_map_iter_start(req, f->dev,
							  &m->state, &m->iter));
	while (map_next(m))
		;
	expect_segments(m, 4);
	expect_data(m);
	unmap_each_range(m);

	m->state = live->state;
	m->iter = live->iter;
	KUNIT_EXPECT_FALSE(test,
			   blk_rq_dma_map_iter_start(new_request(test, &no_limits,
								 REQ_OP_FLUSH),
						     f->dev, &m->state,
						     &m->iter));
	fixture_expect_zero(test, &m->state);
	expect_data(live);
	unmap_one_range(live);
}

/* Failures */

static void start_link_fails(struct kunit *test)
{
	static const struct {
		int err;
		blk_status_t status;
	} errors[] = {
		{ -ENOMEM, BLK_STS_RESOURCE },
		{ -EINVAL, BLK_STS_IOERR },
		{ -EIO, BLK_STS_IOERR },
	};
	struct fixture *f = test->priv;
	struct request *req = request_of(test, &no_limits, REQ_OP_READ,
					 fixture_scattered_data(test, MANY, 512, 1024),
					 MANY);
	struct mapping *m = new_mapping(f, req);
	int i, nth;

	for (i = 0; i < ARRAY_SIZE(errors); i++) {
		for (nth = 1; nth <= MANY; nth++) {
			spy_reset();
			spy.fail_map = nth;
			spy.fail_map_errno = errors[i].err;
			expect_start_fails(m, errors[i].status);
			KUNIT_EXPECT_EQ(test, spy.map_pages, nth - 1);
		}
	}
	expect_request_is_one_range(f, req);
}

static void start_sync_fails(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct request *req = request_of(test, &no_limits, REQ_OP_READ,
					 fixture_scattered_data(test, 8, 512, 1024), 8);
	struct mapping *m = new_mapping(f, req);

	spy.fail_sync_map_errno = -EIO;
	expect_start_fails(m, BLK_STS_IOERR);
	KUNIT_EXPECT_EQ(test, spy.map_pages, 8);
	spy.fail_sync_map_errno = -ENOMEM;
	expect_start_fails(m, BLK_STS_RESOURCE);
	spy_reset();
	expect_request_is_one_range(f, req);
}

/* 16 pages fail more often than they fit into the addresses that there are. */
static void start_failure_gives_reservation_back(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct request *req = request_of(test, &no_limits, REQ_OP_READ,
					 fixture_scattered_data(test, 16, 0, PAGE_SIZE),
					 16);
	struct mapping *m = new_mapping(f, req);
	int i, nth;

	few_addresses(f, FEW_PAGES);
	for (i = 0; i < 2 * (FEW_PAGES / 16); i++) {
		nth = i % 17;
		spy_reset();
		spy.fail_map = nth;
		spy.fail_map_errno = -ENOMEM;
		spy.fail_sync_map_errno = nth ? 0 : -ENOMEM;
		KUNIT_ASSERT_FALSE(test, map_start(m));
		KUNIT_ASSERT_EQ(test, spy.map_pages, nth ? nth - 1 : 16);
		if (i % 16 == 0) {
			spy_reset();
			fixture_drain_flush_queue(test, f->dev);
		}
	}
	spy_reset();
	expect_request_is_one_range(f, req);
}

/* What was mapped before stays so, for the driver to unmap. */
static void next_map_fails(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct request *req = request_of(test, &no_limits, REQ_OP_READ,
					 data_with_gap(test), 4);
	struct mapping *m = new_mapping(f, req);
	int nth;

	spy.fail_map = 1;
	spy.fail_map_errno = -ENOMEM;
	expect_start_fails(m, BLK_STS_RESOURCE);

	for (nth = 2; nth <= 4; nth++) {
		spy_reset();
		spy.fail_map = nth;
		spy.fail_map_errno = -ENOMEM;
		map_all(m);
		expect_status(test, m, BLK_STS_RESOURCE);
		expect_segments(m, nth - 1);
		KUNIT_EXPECT_EQ(test, spy.bytes_mapped,
				(nth - 1) * (ssize_t)f->granule);
		unmap_each_range(m);
		KUNIT_EXPECT_EQ(test, spy.bytes_mapped, (ssize_t)0);
	}
}

/* The device at work */

static void map_moves_data_by_one_range(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct request *out = request_of(test, &no_limits, REQ_OP_WRITE,
					 fixture_scattered_data(test, 4, 512, 1024), 4);
	struct request *in = request_of(test, &no_limits, REQ_OP_READ,
					fixture_scattered_data(test, 4, 1024, 1536), 4);

	expect_device_moves_data(f, out, in);
	KUNIT_EXPECT_EQ(test, spy.map_pages, 8);
	KUNIT_EXPECT_EQ(test, spy.sync_map, 2);
}

static void map_moves_data_by_segments(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct bio_vec *data = data_with_gap(test);
	struct request *out = request_of(test, &no_limits, REQ_OP_WRITE, data,
					 4);
	struct request *in = new_request(test, &no_limits, REQ_OP_READ);

	data = fixture_scattered_data(test, 4, 512, PAGE_SIZE);
	add_bio(test, in, data, 1);
	add_bio(test, in, data + 1, 3);
	expect_device_moves_data(f, out, in);
	KUNIT_EXPECT_EQ(test, spy.map_pages, 8);
}

/* Integrity metadata */

/* A bio for each page of @data, with @len bytes of metadata at @offset of a page */
static struct request *request_with_metadata(struct kunit *test,
					     const struct queue_limits *limits,
					     const struct bio_vec *data, int nr,
					     unsigned int offset,
					     unsigned int len)
{
	struct request *req = new_request(test, limits, REQ_OP_READ);
	struct bio_vec metadata;
	struct bio *bio;
	int i;

	for (i = 0; i < nr; i++) {
		bio = new_bio(test, req, &data[i], 1);
		bvec_set_page(&metadata, fixture_lone_page(test), len, offset);
		add_metadata(test, bio, &metadata, 1);
		append_bio(test, req, bio);
	}
	return req;
}

static void expect_metadata_is_segments(struct fixture *f, struct request *req,
					int nr)
{
	struct mapping *m = map_metadata(f, req);

	expect_segments(m, nr);
	expect_data(m);
	unmap_each_range(m);
}

static void integrity_small_buffers(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct bio_vec *data = fixture_scattered_data(test, 4, 0, PAGE_SIZE);
	struct queue_limits limits = no_limits;

	expect_metadata_is_segments(f, request_with_metadata(test, &limits, data,
							     4, 128, 64), 4);

	/* The boundary is of the data; it says nothing about metadata. */
	limits.virt_boundary_mask = f->granule - 1;
	expect_metadata_is_segments(f, request_with_metadata(test, &limits, data,
							     4, 128, 64), 4);
}

static void integrity_whole_granules(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct request *req;
	struct mapping *m;

	req = request_with_metadata(test, &no_limits,
				    fixture_scattered_data(test, 4, 0, PAGE_SIZE), 4, 0,
				    PAGE_SIZE);
	m = map_metadata(f, req);
	expect_one_range(m);
	KUNIT_EXPECT_EQ(test, m->ranges[0].len, 4 * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, spy.map_pages, 4);
	KUNIT_EXPECT_EQ(test, spy.sync_map, 1);
	KUNIT_EXPECT_EQ(test, spy.prot, IOMMU_WRITE | IOMMU_CACHE);
	expect_data(m);
	unmap_one_range(m);
}

#ifndef CONFIG_KMSAN	/* With it, the block layer merges nothing. */
/* Those of two bios that are one after the other in memory are one segment. */
static void integrity_contiguous_buffers(struct kunit *test)
{
	static const size_t lens[] = { 64 + 128 };
	struct fixture *f = test->priv;
	struct request *req = new_request(test, &no_limits, REQ_OP_READ);
	struct bio_vec *data = fixture_scattered_data(test, 2, 0, PAGE_SIZE);
	struct page *page = fixture_lone_page(test);
	struct bio_vec metadata[2];
	struct mapping *m;
	struct bio *bio;
	int i;

	bvec_set_page(&metadata[0], page, 64, 256);
	bvec_set_page(&metadata[1], page, 128, 256 + 64);
	for (i = 0; i < 2; i++) {
		bio = new_bio(test, req, &data[i], 1);
		add_metadata(test, bio, &metadata[i], 1);
		append_bio(test, req, bio);
	}
	m = map_metadata(f, req);
	expect_segments_of(m, 1, lens);
}
#endif

#ifndef CONFIG_KMSAN	/* With it, the block layer merges nothing. */
/* Two contiguous buffers are counted up to the boundary that the second crosses. */
static void integrity_contiguous_across_boundary(struct kunit *test)
{
	static const size_t lens[] = { 2 * PAGE_SIZE, 2 * PAGE_SIZE, 64 };
	struct fixture *f = test->priv;
	struct queue_limits limits = no_limits;
	struct bio_vec *data = fixture_scattered_data(test, 1, 0, PAGE_SIZE);
	struct page *boundary = fixture_large_page(test) + 16;
	struct bio_vec metadata[3];
	struct request *req;
	struct mapping *m;
	struct bio *bio;

	limits.seg_boundary_mask = 16 * PAGE_SIZE - 1;
	req = new_request(test, &limits, REQ_OP_READ);
	bio = new_bio(test, req, data, 1);
	bvec_set_page(&metadata[0], boundary - 2, PAGE_SIZE, 0);
	bvec_set_page(&metadata[1], boundary - 1, 3 * PAGE_SIZE, 0);
	/* Behind a gap, so that it is not one range */
	bvec_set_page(&metadata[2], fixture_lone_page(test), 64, 128);
	add_metadata(test, bio, metadata, 3);
	append_bio(test, req, bio);
	KUNIT_ASSERT_EQ(test, req->nr_integrity_segments, 3);

	m = map_metadata(f, req);
	expect_segments_of(m, 3, lens);
}
#endif

/* Either may be one range or several, and goes when it is unmapped itself. */
static void integrity_beside_data(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct mapping *data, *metadata;
	struct request *req;

	req = request_with_metadata(test, &no_limits,
				    fixture_scattered_data(test, 4, 512, 1024), 4, 128,
				    64);
	data = map_request(f, req);
	metadata = map_metadata(f, req);
	expect_one_range(data);
	expect_segments(metadata, 4);
	unmap_one_range(data);
	expect_data(metadata);
	unmap_each_range(metadata);

	req = request_with_metadata(test, &no_limits, data_with_gap(test), 4, 0,
				    PAGE_SIZE);
	metadata = map_metadata(f, req);
	data = map_request(f, req);
	expect_one_range(metadata);
	expect_segments(data, 4);
	unmap_one_range(metadata);
	expect_data(data);
	unmap_each_range(data);
}

static void integrity_link_fails(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct request *req;
	struct mapping *m;
	int nth;

	req = request_with_metadata(test, &no_limits,
				    fixture_scattered_data(test, 4, 0, PAGE_SIZE), 4, 0,
				    PAGE_SIZE);
	m = new_mapping(f, req);
	m->integrity = true;
	for (nth = 1; nth <= 4; nth++) {
		spy_reset();
		spy.fail_map = nth;
		spy.fail_map_errno = -ENOMEM;
		expect_start_fails(m, BLK_STS_RESOURCE);
		KUNIT_EXPECT_EQ(test, spy.map_pages, nth - 1);
	}
}

/* Memory in a PCI device */

/* From here on requests are mapped for @pdev. */
static void map_for(struct fixture *f, struct pci_dev *pdev)
{
	f->dev = &pdev->dev;
	if (!f->domain)
		return;
	f->domain = iommu_get_dma_domain(f->dev);
	KUNIT_ASSERT_EQ(f->test, 0, spy_insert(f->test));
}

/* A bio of @nr pages, not one after the other, of the @pages that there are */
static void add_every_other_page(struct kunit *test, struct request *req,
				 struct page *pages, int nr)
{
	struct bio_vec data[8];
	int i;

	KUNIT_ASSERT_LE(test, nr, ARRAY_SIZE(data));
	for (i = 0; i < nr; i++)
		bvec_set_page(&data[i], pages + 2 * i, PAGE_SIZE, 0);
	add_bio(test, req, data, nr);
}

/* A device reaches its own memory without leaving the bus. */
static void p2p_bus_address(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct pci_dev *pdev = p2pmem_get(test);
	struct page *pages = p2pmem_pages(test, pdev, 8);
	struct request *req = new_request(test, &no_limits, REQ_OP_READ);
	struct mapping *m;
	int i;

	map_for(f, pdev);
	add_every_other_page(test, req, pages, 4);
	m = map_request(f, req);
	expect_segments(m, 4);
	expect_data(m);
	for (i = 0; i < 4; i++) {
		KUNIT_EXPECT_EQ(test, m->ranges[i].map, PCI_P2PDMA_MAP_BUS_ADDR);
		KUNIT_EXPECT_EQ(test, m->ranges[i].addr,
				pci_p2pmem_virt_to_bus(pdev, page_address(pages + 2 * i)));
	}
	KUNIT_EXPECT_TRUE(test, unmap_without_record(m));
	KUNIT_EXPECT_EQ(test, spy.map_pages, 0);
	KUNIT_EXPECT_EQ(test, spy.unmap_pages, 0);
}

/* The kind of memory that a request begins with */
enum kind { RAM, P2P };

static struct page *page_of(struct kunit *test, enum kind kind,
			    struct page *p2p_pages)
{
	return kind == RAM ? fixture_lone_page(test) : p2p_pages;
}

/*
 * Mixed data is refused where the kind changes, as a driver unmaps all ranges in
 * one way. What was mapped before is of one kind.
 */
static void expect_mix_refused(struct fixture *f, const enum kind *kinds, int nr,
			       int nr_mapped, struct page *p2p_pages)
{
	struct kunit *test = f->test;
	struct request *req = new_request(test, &no_limits, REQ_OP_READ);
	struct bio_vec data;
	struct mapping *m;
	int i;

	/* With gaps, so that it is not one range */
	for (i = 0; i < nr; i++) {
		bvec_set_page(&data, page_of(test, kinds[i], p2p_pages + 2 * i),
			      PAGE_SIZE - 512, 0);
		add_bio(test, req, &data, 1);
	}
	spy_reset();
	m = new_mapping(f, req);
	map_all(m);
	expect_status(test, m, BLK_STS_IOERR);
	expect_segments(m, nr_mapped);
	KUNIT_EXPECT_EQ(test, spy.bytes_mapped,
			kinds[0] == RAM ? nr_mapped * (ssize_t)PAGE_SIZE : 0);
	KUNIT_EXPECT_EQ(test, unmap_without_record(m), kinds[0] == P2P);
	unmap_ranges(m);
	KUNIT_EXPECT_EQ(test, spy.bytes_mapped, (ssize_t)0);
}

static void p2p_mixed_with_ram(struct kunit *test)
{
	static const enum kind behind[] = { RAM, RAM, P2P };
	static const enum kind before[] = { P2P, RAM };
	static const enum kind around[] = { P2P, RAM, P2P };
	struct fixture *f = test->priv;
	struct pci_dev *pdev = p2pmem_get(test);
	struct page *pages = p2pmem_pages(test, pdev, 8);

	map_for(f, pdev);
	expect_mix_refused(f, behind, 3, 2, pages);
	expect_mix_refused(f, before, 2, 1, pages);
	expect_mix_refused(f, around, 3, 1, pages);
}

/* A request of @kind that begins at sector 8 of a queue that takes P2P memory */
static struct request *request_of_kind(struct kunit *test, enum kind kind,
				       struct page *p2p_pages)
{
	struct queue_limits limits = no_limits;
	struct request *req;
	struct bio_vec data;

	limits.features = BLK_FEAT_PCI_P2PDMA;
	bvec_set_page(&data, page_of(test, kind, p2p_pages), PAGE_SIZE, 0);
	req = request_of(test, &limits, REQ_OP_READ, &data, 1);
	req->__sector = 8;
	req->bio->bi_iter.bi_sector = 8;
	return req;
}

static bool bio_merges(struct kunit *test, struct request *req, enum kind kind,
		       struct page *p2p_pages, sector_t sector)
{
	struct bio_vec data;
	LIST_HEAD(requests);
	struct bio *bio;

	bvec_set_page(&data, page_of(test, kind, p2p_pages), PAGE_SIZE, 0);
	bio = new_bio(test, req, &data, 1);
	bio->bi_iter.bi_sector = sector;
	list_add(&req->queuelist, &requests);
	return blk_bio_list_merge(req->q, &requests, bio, 1);
}

/* Behind a request, and before it */
static void merge_bios_of_one_kind(struct kunit *test)
{
	struct page *pages = p2pmem_pages(test, p2pmem_get(test), 8);
	enum kind a, b;

	for (a = RAM; a <= P2P; a++) {
		for (b = RAM; b <= P2P; b++) {
			KUNIT_EXPECT_EQ(test, a == b,
					bio_merges(test, request_of_kind(test, a, pages),
						   b, pages + 2, 8 + PAGE_SECTORS));
			KUNIT_EXPECT_EQ(test, a == b,
					bio_merges(test, request_of_kind(test, a, pages),
						   b, pages + 2, 8 - PAGE_SECTORS));
		}
	}
}

/* Merging notifies the elevator, so there has to be one. */
static bool requests_merge(struct request *req, struct request *next)
{
	struct elevator_type type = {};
	struct elevator_queue elevator = { .type = &type };
	struct request_queue *q = req->q;
	bool merged;

	q->elevator = &elevator;
	merged = blk_attempt_req_merge(q, req, next);
	if (merged)
		hash_del(&req->hash);
	q->elevator = NULL;
	q->last_merge = NULL;
	return merged;
}

static void merge_requests_of_one_kind(struct kunit *test)
{
	struct page *pages = p2pmem_pages(test, p2pmem_get(test), 8);
	struct request *req, *next;
	struct bio_vec data;
	enum kind a, b;

	for (a = RAM; a <= P2P; a++) {
		for (b = RAM; b <= P2P; b++) {
			req = request_of_kind(test, a, pages);
			next = another_request(test, req);
			bvec_set_page(&data, page_of(test, b, pages + 2),
				      PAGE_SIZE, 0);
			add_bio(test, next, &data, 1);
			next->__sector = 8 + PAGE_SECTORS;
			KUNIT_EXPECT_EQ(test, a == b, requests_merge(req, next));
		}
	}
}

/* Nobody knows whether the host bridge forwards to another device. */
static void p2p_not_supported(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page *pages = p2pmem_pages(test, p2pmem_get(test), 8);
	struct request *req = new_request(test, &no_limits, REQ_OP_READ);

	add_every_other_page(test, req, pages, 4);
	expect_start_fails(new_mapping(f, req), BLK_STS_TARGET);
	KUNIT_EXPECT_EQ(test, spy.map_pages, 0);
}

/* Linked as what it is, even if it is one page */
static void p2p_through_host_bridge(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct pci_dev *pdev = p2pmem_get(test);
	struct page *pages = p2pmem_pages(test, pdev, 8);
	static const int nrs[] = { 2, 4 };
	struct request *req;
	struct mapping *m;
	int i;

	p2pmem_allow_host_bridge(test, pdev);
	for (i = 0; i < ARRAY_SIZE(nrs); i++) {
		req = new_request(test, &no_limits, REQ_OP_READ);
		add_every_other_page(test, req, pages, nrs[i]);
		spy_reset();
		m = map_request(f, req);
		expect_one_range(m);
		KUNIT_EXPECT_EQ(test, m->ranges[0].map,
				PCI_P2PDMA_MAP_THRU_HOST_BRIDGE);
		KUNIT_EXPECT_EQ(test, spy.map_pages, nrs[i]);
		KUNIT_EXPECT_EQ(test, spy.prot, IOMMU_WRITE | IOMMU_MMIO);
		expect_data(m);
		unmap_one_range(m);
		KUNIT_EXPECT_EQ(test, spy.bytes_mapped, (ssize_t)0);
	}
}

/* One segment, and several with a gap: device memory all the same */
static void p2p_through_host_bridge_in_pieces(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct pci_dev *pdev = p2pmem_get(test);
	struct page *pages = p2pmem_pages(test, pdev, 4);
	struct bio_vec data[2];
	struct mapping *m;
	int nr;

	p2pmem_allow_host_bridge(test, pdev);
	bvec_set_page(&data[0], pages, 512, 0);
	bvec_set_page(&data[1], pages + 2, 1024, 512);
	for (nr = 1; nr <= 2; nr++) {
		spy_reset();
		m = map_request(f, request_of(test, &no_limits, REQ_OP_READ,
					      data, nr));
		expect_segments(m, nr);
		KUNIT_EXPECT_EQ(test, m->ranges[nr - 1].map,
				PCI_P2PDMA_MAP_THRU_HOST_BRIDGE);
		KUNIT_EXPECT_EQ(test, spy.map_pages, nr);
		KUNIT_EXPECT_EQ(test, spy.prot, IOMMU_WRITE | IOMMU_MMIO);
		expect_data(m);
		unmap_each_range(m);
		KUNIT_EXPECT_EQ(test, spy.bytes_mapped, (ssize_t)0);
	}
}

static void p2p_through_host_bridge_moves_data(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct pci_dev *pdev = p2pmem_get(test);
	struct page *pages = p2pmem_pages(test, pdev, 4);
	struct bio_vec *data = fixture_scattered_data(test, 2, 0, PAGE_SIZE);
	struct request *out, *in;

	p2pmem_allow_host_bridge(test, pdev);
	in = new_request(test, &no_limits, REQ_OP_READ);
	add_every_other_page(test, in, pages, 2);
	out = request_of(test, &no_limits, REQ_OP_WRITE, data, 2);
	expect_device_moves_data(f, out, in);

	out = new_request(test, &no_limits, REQ_OP_WRITE);
	add_every_other_page(test, out, pages, 2);
	in = request_of(test, &no_limits, REQ_OP_READ, data, 2);
	expect_device_moves_data(f, out, in);
}

/*
 * One range cannot be both RAM and device memory. That is found out when the
 * first is linked already, and must not cost the reservation.
 */
static void p2p_through_host_bridge_mixed_with_ram(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct pci_dev *pdev = p2pmem_get(test);
	struct page *pages = p2pmem_pages(test, pdev, 8);
	struct bio_vec *data = fixture_scattered_data(test, MANY, 0,
					      PAGE_SIZE);
	struct request *ram_first, *p2p_first;
	struct dma_iova_state state;
	int i;

	p2pmem_allow_host_bridge(test, pdev);
	p2p_first = new_request(test, &no_limits, REQ_OP_READ);
	add_every_other_page(test, p2p_first, pages, 2);
	add_bio(test, p2p_first, data, 4);
	ram_first = new_request(test, &no_limits, REQ_OP_READ);
	add_bio(test, ram_first, data, MANY);
	add_every_other_page(test, ram_first, pages, 1);

	few_addresses(f, FEW_PAGES);
	for (i = 0; i < 2 * (FEW_PAGES / MANY); i++) {
		expect_start_fails(new_mapping(f, p2p_first), BLK_STS_IOERR);
		expect_start_fails(new_mapping(f, ram_first), BLK_STS_IOERR);
		if (i % 16 == 0)
			fixture_drain_flush_queue(test, f->dev);
	}
	KUNIT_ASSERT_TRUE(test, dma_iova_try_alloc(f->dev, &state, 0,
						   16 * PAGE_SIZE));
	dma_iova_free(f->dev, &state);
}

/* Random requests */

#define RANDOM_SEED	20240612
#define RANDOM_REQUESTS	64

/* The shape of the data, as found by comparing its pages */
struct shape {
	int runs;	/* of contiguous memory */
	bool gaps;
};

static struct shape shape_of(struct fixture *f, struct request *req)
{
	struct req_iterator iter;
	struct shape shape = {};
	phys_addr_t end = 0;
	struct bio_vec bv;

	rq_for_each_segment(bv, req, iter) {
		if (bvec_phys(&bv) != end) {
			if (shape.runs++)
				shape.gaps |= (bvec_phys(&bv) | end) & (f->granule - 1);
		}
		end = bvec_phys(&bv) + bv.bv_len;
	}
	return shape;
}

/* Mostly whole granules, and often contiguous with what is before */
static void random_data(struct rnd_state *rnd, struct page *large,
			struct bio_vec *data, int nr)
{
	phys_addr_t at = 0;
	unsigned int ragged = prandom_u32_state(rnd) % 3;
	size_t len;
	int i;

	for (i = 0; i < nr; i++) {
		if (!i || prandom_u32_state(rnd) % 3 || at > SZ_4M - 9 * PAGE_SIZE)
			at = PAGE_SIZE * (prandom_u32_state(rnd) % (SZ_2M / PAGE_SIZE));
		len = PAGE_SIZE * (1 + prandom_u32_state(rnd) % 8);
		if (!ragged && prandom_u32_state(rnd) % 8 == 0)
			at += 512;
		if (!ragged && prandom_u32_state(rnd) % 8 == 0)
			len -= 512;
		bvec_set_page(&data[i], large + at / PAGE_SIZE, len,
			      offset_in_page(at));
		at += len;
	}
}

static struct request *random_request(struct kunit *test, struct rnd_state *rnd,
				      struct page *large)
{
	static const unsigned int sizes[] = {
		PAGE_SIZE, PAGE_SIZE + PAGE_SIZE / 2, 4 * PAGE_SIZE, 32 * PAGE_SIZE,
		UINT_MAX, UINT_MAX
	};
	static const unsigned long boundaries[] = {
		PAGE_SIZE - 1, 16 * PAGE_SIZE - 1, 256 * PAGE_SIZE - 1,
		ULONG_MAX, ULONG_MAX
	};
	struct queue_limits limits = no_limits;
	struct bio_vec data[6];
	struct request *req;
	int bios, nr;

	limits.max_segment_size = sizes[prandom_u32_state(rnd) % ARRAY_SIZE(sizes)];
	limits.seg_boundary_mask =
		boundaries[prandom_u32_state(rnd) % ARRAY_SIZE(boundaries)];
	req = new_request(test, &limits, REQ_OP_WRITE);
	for (bios = 1 + prandom_u32_state(rnd) % 3; bios; bios--) {
		nr = 1 + prandom_u32_state(rnd) % ARRAY_SIZE(data);
		random_data(rnd, large, data, nr);
		add_bio(test, req, data, nr);
	}
	return req;
}

static void expect_within_limits(struct mapping *m)
{
	unsigned long mask = queue_segment_boundary(m->req->q);
	struct kunit *test = m->f->test;
	struct mapped_range *range;

	for (range = m->ranges; range < m->ranges + m->nr; range++) {
		KUNIT_EXPECT_LE(test, range->len,
				(size_t)queue_max_segment_size(m->req->q));
		KUNIT_EXPECT_EQ(test, range->addr | mask,
				(range->addr + range->len - 1) | mask);
	}
}

static void map_random_requests(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page *large = fixture_large_page(test);
	bool one, may, must;
	struct request *req;
	struct rnd_state rnd;
	struct shape shape;
	struct mapping *m;
	int i;

	kunit_info(test, "seed %d\n", RANDOM_SEED);
	prandom_seed_state(&rnd, RANDOM_SEED);
	for (i = 0; i < RANDOM_REQUESTS; i++) {
		req = random_request(test, &rnd, large);
		shape = shape_of(f, req);
		may = !shape.gaps &&
		      blk_rq_bytes(req) <= queue_max_segment_size(req->q);
		must = may && shape.runs > 1 &&
		       queue_segment_boundary(req->q) == ULONG_MAX;

		m = map_request(f, req);
		one = blk_rq_dma_map_coalesce(&m->state);
		KUNIT_EXPECT_TRUE_MSG(test, one ? may : !must, "request %d", i);
		expect_within_limits(m);
		expect_data(m);
		if (one)
			unmap_one_range(m);
		else
			unmap_each_range(m);
		KUNIT_EXPECT_EQ(test, spy.bytes_mapped, (ssize_t)0);
	}
}

/* Bouncing: the device is untrusted, and data begins and ends within granules */

/* Pages with something in them that is not data of the request */
static struct bio_vec *data_beside_something(struct kunit *test, int nr,
					     unsigned int into,
					     unsigned int tail)
{
	struct bio_vec *data = fixture_scattered_data(test, nr, into, tail);
	int i;

	for (i = 0; i < nr; i++)
		memset(page_address(data[i].bv_page), 0xa5, PAGE_SIZE);
	return data;
}

static void expect_something_untouched(struct kunit *test,
				       const struct bio_vec *data, int nr)
{
	const struct bio_vec *last = &data[nr - 1];
	size_t end = last->bv_offset + last->bv_len;

	KUNIT_EXPECT_NULL(test, memchr_inv(page_address(data[0].bv_page), 0xa5,
					   data[0].bv_offset));
	KUNIT_EXPECT_NULL(test, memchr_inv(page_address(last->bv_page) + end,
					   0xa5, PAGE_SIZE - end));
}

static void expect_bounced_data_moves(struct kunit *test)
{
	struct bio_vec *out = data_beside_something(test, 4, 512, 1024);
	struct bio_vec *in = data_beside_something(test, 4, 1024, 1536);
	struct fixture *f = test->priv;

	expect_device_moves_data(f, request_of(test, &no_limits, REQ_OP_WRITE,
					       out, 4),
				 request_of(test, &no_limits, REQ_OP_READ, in,
					    4));
	expect_something_untouched(test, out, 4);
	expect_something_untouched(test, in, 4);
}

static void bounce_one_range(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct bio_vec *data = data_beside_something(test, 4, 512, 1024);
	struct mapping *m = map_request(f, request_of(test, &no_limits,
						      REQ_OP_READ, data, 4));

	expect_one_range(m);
	KUNIT_EXPECT_NE(test, memory_at(f, m->ranges, 0), bvec_phys(data));
	KUNIT_EXPECT_EQ(test, memory_at(f, m->ranges, data[0].bv_len),
			bvec_phys(&data[1]));
	unmap_one_range(m);
	expect_bounced_data_moves(test);
}

/* The offset into a granule would not be kept, so there is no reservation. */
static void bounce_segments(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct bio_vec *data = data_beside_something(test, 4, 512, 1024);
	struct mapping *m;

	dma_set_min_align_mask(f->dev, 0);
	m = map_request(f, request_of(test, &no_limits, REQ_OP_READ, data, 4));
	expect_segments(m, 4);
	unmap_each_range(m);
	expect_bounced_data_moves(test);
}

static void expect_bounced_segments(struct fixture *f, struct request *req,
				    int nr)
{
	struct mapping *m = map_request(f, req);

	expect_segments(m, nr);
	unmap_each_range(m);
}

/* Device memory that has to be bounced is mapped piece by piece. */
static void bounce_p2p_through_host_bridge(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct pci_dev *pdev = p2pmem_get(test);
	struct page *pages = p2pmem_pages(test, pdev, 2);
	struct request *out, *in;
	struct bio_vec data[2];

	p2pmem_allow_host_bridge(test, pdev);
	bvec_set_page(&data[0], pages + 1, PAGE_SIZE, 0);
	bvec_set_page(&data[1], pages, PAGE_SIZE, 0);
	expect_request_is_one_range(f, request_of(test, &no_limits, REQ_OP_READ,
						  data, 2));

	bvec_set_page(data, pages, 1024, 512);
	expect_bounced_segments(f, request_of(test, &no_limits, REQ_OP_READ,
					      data, 1), 1);

	/* Here the first piece is linked before the second is found to be ragged. */
	bvec_set_page(&data[0], pages + 1, PAGE_SIZE, 0);
	bvec_set_page(&data[1], pages, 1024, 0);
	expect_bounced_segments(f, request_of(test, &no_limits, REQ_OP_READ,
					      data, 2), 2);

	in = request_of(test, &no_limits, REQ_OP_READ, data, 2);
	out = request_of(test, &no_limits, REQ_OP_WRITE,
			 fixture_scattered_data(test, 2, 0, 1024), 2);
	expect_device_moves_data(f, out, in);
}

static atomic_t full_messages;

static void count_full_messages(void *data, const char *text, size_t len)
{
	if (strnstr(text, "swiotlb buffer is full", len))
		atomic_inc(&full_messages);
}

static void unregister_count(void *unused)
{
	unregister_trace_console(count_full_messages, NULL);
	tracepoint_synchronize_unregister();
}

/* Take all bounce buffers; return how many. */
static int take_bounce_buffers(struct fixture *f, struct page *page,
			       dma_addr_t *addrs, int max)
{
	int nr;

	for (nr = 0; nr < max; nr++) {
		addrs[nr] = dma_map_page_attrs(f->dev, page, 512, 512,
					       DMA_TO_DEVICE, DMA_ATTR_NO_WARN);
		if (dma_mapping_error(f->dev, addrs[nr]))
			break;
	}
	return nr;
}

/* Nothing is logged for a request that will be tried again. */
static void expect_full_in_silence(struct kunit *test)
{
	const int max = SZ_64K;
	struct fixture *f = test->priv;
	struct bio_vec *data = fixture_scattered_data(test, 4, 512, 1024);
	struct mapping *m = new_mapping(f, request_of(test, &no_limits,
						      REQ_OP_READ, data, 4));
	dma_addr_t *addrs = kunit_kcalloc(test, max, sizeof(*addrs), GFP_KERNEL);
	int nr;

	KUNIT_ASSERT_NOT_NULL(test, addrs);
	KUNIT_ASSERT_EQ(test, 0, register_trace_console(count_full_messages, NULL));
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, unregister_count,
							   NULL));
	/* dma-debug takes one page mapped so often for a mistake. */
	if (IS_ENABLED(CONFIG_DMA_API_DEBUG))
		warnings_announce(test, "debug.c");
	warnings_mute_dma_debug(test, true);
	nr = take_bounce_buffers(f, data[0].bv_page, addrs, max);
	KUNIT_EXPECT_LT(test, nr, max);

	atomic_set(&full_messages, 0);
	KUNIT_EXPECT_FALSE(test, map_start(m));
	expect_status(test, m, BLK_STS_RESOURCE);
	fixture_expect_zero(test, &m->state);
	KUNIT_EXPECT_EQ(test, atomic_read(&full_messages), 0);

	while (nr--)
		dma_unmap_page(f->dev, addrs[nr], 512, DMA_TO_DEVICE);
	KUNIT_EXPECT_LE(test, warnings_taken(test),
			IS_ENABLED(CONFIG_DMA_API_DEBUG));
	expect_bounced_data_moves(test);
}

static void bounce_full_in_silence(struct kunit *test)
{
	expect_full_in_silence(test);
}

/* Without an IOMMU */

static void set_metadata_size(struct blk_integrity *integrity, unsigned int size)
{
#ifdef DMA_IOVA_MAINLINE
	static const unsigned char tuple_sizes[] = {
		[BLK_INTEGRITY_CSUM_CRC]	= sizeof(struct t10_pi_tuple),
		[BLK_INTEGRITY_CSUM_IP]		= sizeof(struct t10_pi_tuple),
		[BLK_INTEGRITY_CSUM_CRC64]	= sizeof(struct crc64_pi_tuple),
	};

	integrity->metadata_size = size;
	integrity->pi_tuple_size = tuple_sizes[integrity->csum_type];
#else
	integrity->tuple_size = size;
#endif
}

/*
 * The checksum of an interval is calculated in one go, so no interval may straddle
 * two pages; not so if there is no checksum.
 */
static void queue_aligns_buffers_to_checksums(struct kunit *test)
{
	static const struct {
		enum blk_integrity_checksum csum;
		unsigned int block, interval_exp, alignment;
	} queues[] = {
		{ BLK_INTEGRITY_CSUM_CRC, 512, 0, 512 },
		{ BLK_INTEGRITY_CSUM_IP, 4096, 0, 4096 },
		{ BLK_INTEGRITY_CSUM_CRC64, 4096, 9, 512 },
		{ BLK_INTEGRITY_CSUM_NONE, 4096, 0, 4 },
	};
	struct queue_limits limits = no_limits;
	struct request *req;
	int i;

	for (i = 0; i < ARRAY_SIZE(queues); i++) {
		limits.logical_block_size = queues[i].block;
		limits.dma_alignment = 3;
		limits.integrity.csum_type = queues[i].csum;
		set_metadata_size(&limits.integrity, 16);
		limits.integrity.interval_exp = queues[i].interval_exp;
		req = new_request(test, &limits, REQ_OP_READ);
		KUNIT_EXPECT_EQ(test, queue_dma_alignment(req->q) + 1,
				queues[i].alignment);
	}

	/* A driver that asks for more gets it. */
	limits.dma_alignment = 1023;
	limits.logical_block_size = 512;
	limits.integrity.csum_type = BLK_INTEGRITY_CSUM_CRC;
	set_metadata_size(&limits.integrity, 16);
	limits.integrity.interval_exp = 0;
	req = new_request(test, &limits, REQ_OP_READ);
	KUNIT_EXPECT_EQ(test, queue_dma_alignment(req->q), limits.dma_alignment);
}

#ifndef DMA_IOVA_MAINLINE
/* A request of a disk with a checksum for each 512 bytes */
static struct request *checksummed_request(struct kunit *test, unsigned char flags)
{
	struct queue_limits limits = no_limits;

	limits.logical_block_size = 512;
	limits.dma_alignment = 3;
	limits.integrity.csum_type = BLK_INTEGRITY_CSUM_CRC;
	limits.integrity.flags = flags;
	set_metadata_size(&limits.integrity, sizeof(struct t10_pi_tuple));
	return new_request(test, &limits, REQ_OP_WRITE);
}

static void queue_asks_nothing_for_checksums_that_are_off(struct kunit *test)
{
	static const struct { unsigned char flags; unsigned int alignment; } queues[] = {
		{ BLK_INTEGRITY_NOGENERATE, 512 },
		{ BLK_INTEGRITY_NOVERIFY, 512 },
		{ BLK_INTEGRITY_NOGENERATE | BLK_INTEGRITY_NOVERIFY, 4 },
	};
	struct request *req;
	int i;

	for (i = 0; i < ARRAY_SIZE(queues); i++) {
		req = checksummed_request(test, queues[i].flags);
		KUNIT_EXPECT_EQ(test, queue_dma_alignment(req->q) + 1,
				queues[i].alignment);
	}
}

static void count_end(struct bio *bio)
{
	++*(int *)bio->bi_private;
}

/* A bio that adds to @ends when it ends */
static struct bio *counted_bio(struct kunit *test, struct request *req,
			       const struct bio_vec *data, int nr, int *ends)
{
	struct bio *bio = new_bio(test, req, data, nr);

	bio->bi_end_io = count_end;
	bio->bi_private = ends;
	return bio;
}

/* As from nvme-loop, which does not know the limits of the disk below */
static void bio_with_split_intervals_ends(struct kunit *test)
{
	struct bio_vec *whole = fixture_scattered_data(test, 2, 512, 1024);
	struct bio_vec *split = fixture_scattered_data(test, 3, 4, 4);
	struct request *req = checksummed_request(test, 0);
	struct bio *bio;
	int ends = 0;

	bio = counted_bio(test, req, split, 3, &ends);
	KUNIT_EXPECT_FALSE(test, bio_integrity_prep(bio));
	KUNIT_EXPECT_EQ(test, ends, 1);
	KUNIT_EXPECT_EQ(test, (__force int)bio->bi_status,
			(__force int)BLK_STS_INVAL);
	KUNIT_EXPECT_FALSE(test, blk_path_error(bio->bi_status));

	bio = counted_bio(test, req, whole, 2, &ends);
	KUNIT_EXPECT_TRUE(test, bio_integrity_prep(bio));
	KUNIT_EXPECT_NOT_NULL(test, bio_integrity(bio));
	/* This frees the checksums, which bio_put() does not. */
	if (ends == 1)
		bio_endio(bio);
	KUNIT_EXPECT_EQ(test, ends, 2);
}
#endif

/* A disk that is formatted again can lose its metadata. */
static void queue_forgets_checksums(struct kunit *test)
{
	struct queue_limits limits = no_limits, top;
	struct request *req;

	limits.logical_block_size = 4096;
	limits.dma_alignment = 3;
	limits.integrity.csum_type = BLK_INTEGRITY_CSUM_CRC;
	set_metadata_size(&limits.integrity, 16);
	req = new_request(test, &limits, REQ_OP_READ);
	KUNIT_EXPECT_EQ(test, queue_dma_alignment(req->q), 4095);
	blk_set_stacking_limits(&top);
	top.dma_alignment = 3;
	KUNIT_EXPECT_EQ(test, 0, blk_stack_limits(&top, &req->q->limits, 0));
	KUNIT_EXPECT_EQ(test, top.dma_alignment, 4095);
	/* The device itself can access metadata anywhere. */
	KUNIT_EXPECT_EQ(test, req->q->limits.dma_alignment, 3);

	limits = queue_limits_start_update(req->q);
	limits.logical_block_size = 512;
	memset(&limits.integrity, 0, sizeof(limits.integrity));
	KUNIT_ASSERT_EQ(test, 0, queue_limits_commit_update(req->q, &limits));
	KUNIT_EXPECT_EQ(test, queue_dma_alignment(req->q), 3);
}

static void direct_segments(struct kunit *test)
{
	static const size_t lens[] = { PAGE_SIZE - 512, PAGE_SIZE, 1024 };
	struct fixture *f = test->priv;
	struct mapping *m;

	m = map_request(f, request_of(test, &no_limits, REQ_OP_READ,
				      fixture_scattered_data(test, 3, 512, 1024), 3));
	expect_segments(m, 3);
	expect_ranges(m, 3, lens);
	expect_data(m);
	unmap_direct(m);
}

static void direct_moves_data(struct kunit *test)
{
	struct fixture *f = test->priv;

	expect_device_moves_data(f,
				 request_of(test, &no_limits, REQ_OP_WRITE,
					    fixture_scattered_data(test, 4, 512, 1024),
					    4),
				 request_of(test, &no_limits, REQ_OP_READ,
					    fixture_scattered_data(test, 4, 1024, 1536),
					    4));
}

static void direct_p2p(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct pci_dev *pdev = p2pmem_get(test);
	struct page *pages = p2pmem_pages(test, pdev, 4);
	struct device *edu = f->dev;
	struct request *req;
	struct mapping *m;

	req = new_request(test, &no_limits, REQ_OP_READ);
	add_every_other_page(test, req, pages, 2);

	expect_start_fails(new_mapping(f, req), BLK_STS_TARGET);

	map_for(f, pdev);
	m = map_request(f, req);
	expect_segments(m, 2);
	KUNIT_EXPECT_EQ(test, m->ranges[0].map, PCI_P2PDMA_MAP_BUS_ADDR);
	expect_data(m);
	KUNIT_EXPECT_TRUE(test, unmap_without_record(m));
	f->dev = edu;
}

static void direct_p2p_through_host_bridge(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct pci_dev *pdev = p2pmem_get(test);
	struct page *pages = p2pmem_pages(test, pdev, 4);
	struct request *req = new_request(test, &no_limits, REQ_OP_READ);
	struct mapping *m;

	p2pmem_allow_host_bridge(test, pdev);
	add_every_other_page(test, req, pages, 2);
	m = map_request(f, req);
	expect_segments(m, 2);
	KUNIT_EXPECT_EQ(test, m->ranges[0].map, PCI_P2PDMA_MAP_THRU_HOST_BRIDGE);
	expect_data(m);
	unmap_direct(m);
	expect_device_moves_data(f,
				 request_of(test, &no_limits, REQ_OP_WRITE,
					    fixture_scattered_data(test, 2, 0, PAGE_SIZE),
					    2), req);
}

static void bounce(void *dev)
{
	((struct device *)dev)->dma_io_tlb_mem->force_bounce = true;
}

/* Until bounce(), the device uses memory directly, as if it had never bounced. */
static void use_memory_directly(struct fixture *f)
{
	struct kunit *test = f->test;

	f->dev->dma_io_tlb_mem->force_bounce = false;
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, bounce, f->dev));
	KUNIT_ASSERT_EQ(test, 0, dma_set_mask(f->dev, *f->dev->dma_mask));
	KUNIT_ASSERT_EQ(test, dma_need_unmap(f->dev),
			IS_ENABLED(CONFIG_DMA_API_DEBUG));
}

/* The first range is memory, all others are bounce buffers. */
static struct mapping *map_and_bounce(struct fixture *f, struct request *req)
{
	struct mapping *m = new_mapping(f, req);
	struct kunit *test = f->test;
	bool more;

	use_memory_directly(f);
	more = map_start(m);
	KUNIT_EXPECT_EQ(test, dma_need_unmap(f->dev),
			IS_ENABLED(CONFIG_DMA_API_DEBUG));
	bounce(f->dev);
	while (more)
		more = map_next(m);
	expect_status(test, m, BLK_STS_OK);
	expect_segments(m, blk_rq_nr_phys_segments(req));
	KUNIT_EXPECT_TRUE(test, dma_need_unmap(f->dev));
	return m;
}

static void swiotlb_segments(struct kunit *test)
{
	struct fixture *f = test->priv;
	long slots = fixture_slots_used(f);
	struct mapping *m;

	m = map_request(f, request_of(test, &no_limits, REQ_OP_READ,
				      fixture_scattered_data(test, 3, 512, 1024), 3));
	expect_segments(m, 3);
	KUNIT_EXPECT_GE(test, fixture_slots_used(f), slots + 3);
	KUNIT_EXPECT_FALSE(test, unmap_without_record(m));
	unmap_ranges(m);
	KUNIT_EXPECT_EQ(test, fixture_slots_used(f), slots);
}

static void swiotlb_moves_data(struct kunit *test)
{
	struct fixture *f = test->priv;
	long slots = fixture_slots_used(f);

	expect_device_moves_data(f,
				 request_of(test, &no_limits, REQ_OP_WRITE,
					    fixture_scattered_data(test, 4, 512, 1024),
					    4),
				 request_of(test, &no_limits, REQ_OP_READ,
					    fixture_scattered_data(test, 4, 1024, 1536),
					    4));
	KUNIT_EXPECT_EQ(test, fixture_slots_used(f), slots);
}

static void swiotlb_full_in_silence(struct kunit *test)
{
	expect_full_in_silence(test);
}

/* A driver that asks dma_need_unmap() at the end has to unmap all ranges. */
static void swiotlb_begins_in_mid_request(struct kunit *test)
{
	struct fixture *f = test->priv;
	long slots = fixture_slots_used(f);
	struct request *out, *in;
	struct mapping *from, *to;

	out = request_of(test, &no_limits, REQ_OP_WRITE,
			 fixture_scattered_data(test, 4, 512, 1024), 4);
	in = request_of(test, &no_limits, REQ_OP_READ,
			fixture_scattered_data(test, 4, 1024, 1536), 4);
	fill_data(out, 1);
	fill_data(in, 2);
	from = map_and_bounce(f, out);
	to = map_and_bounce(f, in);
	KUNIT_EXPECT_EQ(test, to->ranges[0].addr,
			phys_to_dma(f->dev, bvec_phys(in->bio->bi_io_vec)));
	KUNIT_EXPECT_NE(test, to->ranges[1].addr,
			phys_to_dma(f->dev, bvec_phys(in->bio->bi_io_vec + 1)));
	KUNIT_EXPECT_GE(test, fixture_slots_used(f), slots + 2 * 3);
	device_copies(to, from);
	KUNIT_EXPECT_FALSE(test, unmap_without_record(from));
	unmap_ranges(from);
	KUNIT_EXPECT_FALSE(test, unmap_without_record(to));
	unmap_ranges(to);
	KUNIT_EXPECT_EQ(test, fixture_slots_used(f), slots);
	KUNIT_EXPECT_EQ(test, bytes_wrong(in, 1), (size_t)0);
}

/*
 * A driver that keeps ranges only while dma_need_unmap() says so, as NVMe does,
 * has kept all that are bounced.
 */
static void swiotlb_keeps_what_is_bounced(struct kunit *test)
{
	struct fixture *f = test->priv;
	long slots = fixture_slots_used(f);
	struct request *req;
	struct mapping *m;
	bool more;
	int i, kept;

	req = request_of(test, &no_limits, REQ_OP_READ,
			 fixture_scattered_data(test, 4, 512, 1024), 4);
	use_memory_directly(f);
	m = new_mapping(f, req);
	kept = -1;
	for (more = map_start(m); more; more = map_next(m)) {
		if (kept < 0 && dma_need_unmap(f->dev))
			kept = m->nr;
		if (m->nr == 1)
			bounce(f->dev);
	}
	KUNIT_ASSERT_EQ(test, m->nr, 4);
	KUNIT_EXPECT_EQ(test, kept, IS_ENABLED(CONFIG_DMA_API_DEBUG) ? 0 : 2);
	for (i = max(kept, 0); i < m->nr; i++)
		dma_unmap_page(f->dev, m->ranges[i].addr, m->ranges[i].len,
			       DMA_FROM_DEVICE);
	KUNIT_EXPECT_EQ(test, fixture_slots_used(f), slots);
}

static int bounce_init(struct kunit *test)
{
	return fixture_init_bounce(test) ?: spy_insert(test);
}

static struct kunit_case iommu_cases[] = {
	KUNIT_CASE(start_one_range_of_scattered_pages),
	KUNIT_CASE(start_one_range_by_virt_boundary),
	KUNIT_CASE(start_virt_boundary_within_granule),
	KUNIT_CASE(start_several_bios),
	KUNIT_CASE(start_many_segments),
	CASE_OF_OURS(start_128k_by_one_link, LINK_VEC),
	KUNIT_CASE(start_multi_page_bvecs),
	KUNIT_CASE(start_bio_advanced),
	KUNIT_CASE(start_special_payload),
	KUNIT_CASE(start_no_data),
	CASE_OF_OURS(start_no_payload, MISUSE),
	KUNIT_CASE(start_in_atomic_context),
	KUNIT_CASE(start_gap_between_segments),
	KUNIT_CASE(start_one_segment),
#ifndef CONFIG_KMSAN
	KUNIT_CASE(next_merges_contiguous_bios),
	KUNIT_CASE(next_keeps_max_segment_size),
#endif
	KUNIT_CASE(next_keeps_segment_boundary),
	KUNIT_CASE(start_longer_than_max_segment_size),
	KUNIT_CASE(start_across_segment_boundary),
	KUNIT_CASE(start_reservation_refused),
	KUNIT_CASE(start_ignores_stale_state),
	KUNIT_CASE(start_link_fails),
	KUNIT_CASE(start_sync_fails),
	KUNIT_CASE(start_failure_gives_reservation_back),
	KUNIT_CASE(next_map_fails),
	KUNIT_CASE(map_moves_data_by_one_range),
	KUNIT_CASE(map_moves_data_by_segments),
	CASE_OF_OURS(integrity_small_buffers, PROFILE),
	CASE_OF_OURS(integrity_whole_granules, PROFILE),
#ifndef CONFIG_KMSAN
	CASE_OF_OURS(integrity_contiguous_buffers, PROFILE),
	CASE_OF_OURS(integrity_contiguous_across_boundary, PROFILE),
#endif
	CASE_OF_OURS(integrity_beside_data, PROFILE),
	CASE_OF_OURS(integrity_link_fails, PROFILE),
	KUNIT_CASE(p2p_bus_address),
	KUNIT_CASE(p2p_mixed_with_ram),
	KUNIT_CASE(merge_bios_of_one_kind),
	KUNIT_CASE(merge_requests_of_one_kind),
	KUNIT_CASE(p2p_not_supported),
	KUNIT_CASE(p2p_through_host_bridge),
	KUNIT_CASE(p2p_through_host_bridge_in_pieces),
	KUNIT_CASE(p2p_through_host_bridge_moves_data),
	KUNIT_CASE(p2p_through_host_bridge_mixed_with_ram),
	KUNIT_CASE(map_random_requests),
	{}
};

static struct kunit_suite iommu_suite = {
	.name		= "blk_mq_dma",
	.suite_init	= warnings_start,
	.suite_exit	= warnings_stop,
	.init		= spy_init_iommu,
	.exit		= warnings_check,
	.test_cases	= iommu_cases,
};

static struct kunit_case bounce_cases[] = {
	KUNIT_CASE(bounce_one_range),
	KUNIT_CASE(bounce_segments),
	KUNIT_CASE(bounce_p2p_through_host_bridge),
	KUNIT_CASE(bounce_full_in_silence),
	{}
};

static struct kunit_suite bounce_suite = {
	.name		= "blk_mq_dma_bounce",
	.suite_init	= warnings_start,
	.suite_exit	= warnings_stop,
	.init		= bounce_init,
	.exit		= warnings_check,
	.test_cases	= bounce_cases,
};

static struct kunit_case direct_cases[] = {
	KUNIT_CASE(queue_aligns_buffers_to_checksums),
	KUNIT_CASE(queue_forgets_checksums),
#ifndef DMA_IOVA_MAINLINE
	KUNIT_CASE(queue_asks_nothing_for_checksums_that_are_off),
	KUNIT_CASE(bio_with_split_intervals_ends),
#endif
	KUNIT_CASE(direct_segments),
	KUNIT_CASE(direct_moves_data),
	KUNIT_CASE(direct_p2p),
	KUNIT_CASE(direct_p2p_through_host_bridge),
	{}
};

static struct kunit_suite direct_suite = {
	.name		= "blk_mq_dma_direct",
	.suite_init	= warnings_start,
	.suite_exit	= warnings_stop,
	.init		= fixture_init_direct,
	.exit		= warnings_check,
	.test_cases	= direct_cases,
};

static struct kunit_case swiotlb_cases[] = {
	KUNIT_CASE(swiotlb_segments),
	KUNIT_CASE(swiotlb_moves_data),
	KUNIT_CASE(swiotlb_full_in_silence),
	KUNIT_CASE(swiotlb_begins_in_mid_request),
	KUNIT_CASE(swiotlb_keeps_what_is_bounced),
	{}
};

static struct kunit_suite swiotlb_suite = {
	.name		= "blk_mq_dma_swiotlb",
	.suite_init	= warnings_start,
	.suite_exit	= warnings_stop,
	.init		= fixture_init_forced_swiotlb,
	.exit		= warnings_check,
	.test_cases	= swiotlb_cases,
};

kunit_test_suites(&iommu_suite, &bounce_suite, &direct_suite, &swiotlb_suite);

MODULE_DESCRIPTION("KUnit suites of the DMA mapping of block layer requests");
MODULE_LICENSE("GPL");
