/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Work requests of a R/W context, whatever its memory was described by: rw.c
 * takes scatterlists, rw_bvec.c bio_vecs.
 */
#ifndef _RDMA_CORE_RW_H
#define _RDMA_CORE_RW_H

#include <rdma/rw.h>

bool rdma_rw_io_needs_mr(struct ib_device *dev, u32 port_num,
			 enum dma_data_direction dir, int dma_nents);

/* A work request for one range, which needs no memory to be freed */
int rdma_rw_init_single_wr(struct rdma_rw_ctx *ctx, struct ib_qp *qp, u64 addr,
			   u32 length, u64 remote_addr, u32 rkey,
			   enum dma_data_direction dir);

/*
 * Work requests for many ranges, as many as the queue pair's limit asks for.
 * The caller frees ctx->map later, and after an error @sges.
 */
int rdma_rw_init_multi_wrs(struct rdma_rw_ctx *ctx, struct ib_qp *qp,
			   struct ib_sge *sges, u32 nr_sges, u64 remote_addr,
			   u32 rkey, enum dma_data_direction dir);

#endif /* _RDMA_CORE_RW_H */
