// SPDX-License-Identifier: GPL-2.0
#include <kunit/test.h>
#include <linux/dma-mapping.h>
#include <rdma/ib_verbs.h>

#include "rdma_stub.h"

static int set_page(struct ib_mr *mr, u64 addr)
{
	struct rdma_stub *r = container_of(mr, struct rdma_stub, mr);

	if (r->nr_pages == RDMA_STUB_MR_PAGES)
		return -ENOMEM;
	r->pages[r->nr_pages++] = addr;
	return 0;
}

static int map_mr_sg(struct ib_mr *mr, struct scatterlist *sg, int nents,
		     unsigned int *offset)
{
	struct rdma_stub *r = container_of(mr, struct rdma_stub, mr);

	r->nr_pages = 0;
	return ib_sg_to_pages(mr, sg, nents, offset, set_page);
}

static int post_send(struct ib_qp *qp, const struct ib_send_wr *wr,
		     const struct ib_send_wr **bad_wr)
{
	container_of(qp, struct rdma_stub, qp)->posted = wr;
	return 0;
}

struct limits {
	struct device *dev;
	unsigned int max_size;
	unsigned long boundary;
};

static void restore_limits(void *data)
{
	struct limits *l = data;

	dma_set_max_seg_size(l->dev, l->max_size);
	dma_set_seg_boundary(l->dev, l->boundary);
}

/* For the rest of the test, what drivers of RDMA devices set */
static void lift_limits(struct kunit *test, struct device *dev)
{
	struct limits *l = kunit_kzalloc(test, sizeof(*l), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, l);
	l->dev = dev;
	l->max_size = dma_get_max_seg_size(dev);
	l->boundary = dma_get_seg_boundary(dev);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, restore_limits,
							   l));
	dma_set_max_seg_size(dev, UINT_MAX);
}

struct rdma_stub *rdma_stub_new(struct fixture *f)
{
	struct rdma_stub *r = kunit_kzalloc(f->test, sizeof(*r), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(f->test, r);
	lift_limits(f->test, f->dev);
	r->ibdev.dma_device = f->dev;
	r->ibdev.port_data = r->ports;
	r->ibdev.ops.map_mr_sg = map_mr_sg;
	r->ibdev.ops.post_send = post_send;
	r->ibdev.attrs.max_send_sge = RDMA_STUB_WRITE_SGE;
	r->ibdev.attrs.max_fast_reg_page_list_len = RDMA_STUB_MR_PAGES;
	r->ports[RDMA_STUB_PORT].immutable.core_cap_flags = RDMA_CORE_PORT_IBA_ROCE;
	r->pd.device = &r->ibdev;
	r->pd.local_dma_lkey = RDMA_STUB_LKEY;
	r->qp.device = &r->ibdev;
	r->qp.pd = &r->pd;
	r->qp.max_write_sge = RDMA_STUB_WRITE_SGE;
	r->qp.max_read_sge = RDMA_STUB_READ_SGE;
	spin_lock_init(&r->qp.mr_lock);
	INIT_LIST_HEAD(&r->qp.rdma_mrs);
	r->mr.device = &r->ibdev;
	list_add(&r->mr.qp_entry, &r->qp.rdma_mrs);
	return r;
}
