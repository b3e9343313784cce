/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An RDMA device that never sees a work request. What it maps for is real, and
 * moves the data through the addresses in the SGEs.
 */
#ifndef _DMA_TESTS_RDMA_STUB_H
#define _DMA_TESTS_RDMA_STUB_H

#include <rdma/ib_verbs.h>

#include "fixture.h"

#define RDMA_STUB_PORT		1
#define RDMA_STUB_LKEY		0x1234
#define RDMA_STUB_MR_PAGES	8

/* SGEs of a work request: two numbers that no count of a test is a multiple of */
#define RDMA_STUB_WRITE_SGE	4
#define RDMA_STUB_READ_SGE	3

struct rdma_stub {
	struct ib_device ibdev;
	struct ib_port_data ports[RDMA_STUB_PORT + 1];
	struct ib_pd pd;
	struct ib_qp qp;

	/* Registered by the only MR */
	struct ib_mr mr;
	u64 pages[RDMA_STUB_MR_PAGES];
	int nr_pages;

	/* Arguments of the last call of ib_post_send() */
	const struct ib_send_wr *posted;
};

/* For the rest of the test, with the device of the fixture */
struct rdma_stub *rdma_stub_new(struct fixture *f);

#endif /* _DMA_TESTS_RDMA_STUB_H */
