// SPDX-License-Identifier: GPL-2.0
/*
 * R/W contexts with memory in bio_vecs. Behind an IOMMU the two-step DMA API
 * maps all of it as one range of IO addresses, which is one SGE. Where that is
 * not possible, each piece is mapped on its own. A scatterlist is built only
 * for memory registration, and for memory in PCI devices.
 */
#include <linux/bvec.h>
#include <linux/dma-mapping.h>
#include <linux/memremap.h>
#include <linux/slab.h>

#include "rw.h"

/* rdma_rw_ctx.mapped: where the addresses to unmap are */
enum {
	RDMA_RW_ONE_PIECE,	/* in the only SGE */
	RDMA_RW_PIECES,		/* in ctx->nr_pieces SGEs */
	RDMA_RW_LINKED,		/* in the reservation ctx->iova */
	RDMA_RW_SGT,		/* in the scatterlist ctx->sgt */
};

/* Pieces that are linked by one call: 512 bytes of stack */
#define RDMA_RW_LINK_PIECES	32

/* The properties of the memory, found before it is mapped */
struct rdma_rw_memory {
	const struct bio_vec *bvecs;
	struct bvec_iter iter;
	/* physically contiguous pieces */
	u32 nr_pieces;
	/* all addresses at which one piece ends and the next one begins */
	phys_addr_t seams;
	/* in a PCI device, at least in part */
	bool p2pdma;
};

/* The piece at @iter, which moves on to the next one */
static struct bio_vec rdma_rw_next_piece(const struct bio_vec *bvecs,
					 struct bvec_iter *iter)
{
	struct bio_vec piece = mp_bvec_iter_bvec(bvecs, *iter);

	bvec_iter_advance_single(bvecs, iter, piece.bv_len);
	return piece;
}

static int rdma_rw_look_at_memory(struct rdma_rw_memory *mem, u32 nr_bvec)
{
	const struct bio_vec *bvecs = mem->bvecs;
	struct bvec_iter iter = mem->iter;
	struct bio_vec piece;
	phys_addr_t end = 0;

	while (iter.bi_size) {
		/* Do not read past the array, nor stay at an empty entry. */
		if (iter.bi_idx >= nr_bvec ||
		    iter.bi_bvec_done >= bvecs[iter.bi_idx].bv_len)
			return -EINVAL;

		piece = rdma_rw_next_piece(bvecs, &iter);
		if (mem->nr_pieces++)
			mem->seams |= end | bvec_phys(&piece);
		end = bvec_phys(&piece) + piece.bv_len;
		if (is_pci_p2pdma_page(piece.bv_page))
			mem->p2pdma = true;
	}
	return mem->nr_pieces ? 0 : -EINVAL;
}

/* Whether the device takes a range of IO addresses as one segment */
static bool rdma_rw_is_segment(struct device *dev, dma_addr_t addr, u32 length)
{
	dma_addr_t mask = dma_get_seg_boundary(dev);

	return length <= dma_get_max_seg_size(dev) &&
	       (addr | mask) == ((addr + length - 1) | mask);
}

/*
 * Reserve IO addresses if all of the memory can be one range for the device. A
 * device that is emulated sees memory as the CPU does, and has no IO addresses.
 */
static bool rdma_rw_reserve(struct rdma_rw_ctx *ctx, struct ib_device *ibdev,
			    const struct rdma_rw_memory *mem)
{
	struct device *dev = ibdev->dma_device;
	u32 length = mem->iter.bi_size;
	unsigned long granule_mask;
	struct bio_vec first;

	if (ib_uses_virt_dma(ibdev))
		return false;

	granule_mask = dma_get_merge_boundary(dev);
	/* Pieces that meet within a granule cannot be one range. */
	if (!granule_mask || mem->seams & granule_mask)
		return false;

	first = mp_bvec_iter_bvec(mem->bvecs, mem->iter);
	if (!dma_iova_try_alloc(dev, &ctx->iova, bvec_phys(&first), length))
		return false;
	/* The range is one SGE, which is not split at limits of the device. */
	if (rdma_rw_is_segment(dev, ctx->iova.addr, length))
		return true;
	dma_iova_free(dev, &ctx->iova);
	return false;
}

/* Link all of the memory into the reservation, or give it back. */
static int rdma_rw_link(struct rdma_rw_ctx *ctx, struct device *dev,
			const struct rdma_rw_memory *mem,
			enum dma_data_direction dir)
{
	struct phys_vec vec[RDMA_RW_LINK_PIECES];
	struct bvec_iter iter = mem->iter;
	size_t linked = 0;
	int err;

	while (iter.bi_size) {
		size_t before = iter.bi_size;
		int nr = 0;

		while (iter.bi_size && nr < RDMA_RW_LINK_PIECES) {
			struct bio_vec piece;

			piece = rdma_rw_next_piece(mem->bvecs, &iter);
			vec[nr].paddr = bvec_phys(&piece);
			vec[nr].len = piece.bv_len;
			nr++;
		}
		err = dma_iova_link_vec(dev, &ctx->iova, vec, nr, linked, dir,
					0);
		if (err)
			goto err_destroy;
		linked += before - iter.bi_size;
	}

	err = dma_iova_sync(dev, &ctx->iova, 0, linked);
	if (err)
		goto err_destroy;
	return 0;

err_destroy:
	dma_iova_destroy(dev, &ctx->iova, linked, dir, 0);
	return err;
}

static int rdma_rw_init_iova(struct rdma_rw_ctx *ctx, struct ib_qp *qp,
			     const struct rdma_rw_memory *mem, u64 remote_addr,
			     u32 rkey, enum dma_data_direction dir)
{
	int err = rdma_rw_link(ctx, qp->pd->device->dma_device, mem, dir);

	if (err)
		return err;
	ctx->mapped = RDMA_RW_LINKED;
	return rdma_rw_init_single_wr(ctx, qp, ctx->iova.addr,
				      mem->iter.bi_size, remote_addr, rkey,
				      dir);
}

static int rdma_rw_init_one_piece(struct rdma_rw_ctx *ctx, struct ib_qp *qp,
				  const struct rdma_rw_memory *mem,
				  u64 remote_addr, u32 rkey,
				  enum dma_data_direction dir)
{
	struct bio_vec piece = mp_bvec_iter_bvec(mem->bvecs, mem->iter);
	struct ib_device *dev = qp->pd->device;
	u64 addr;

	addr = ib_dma_map_bvec(dev, &piece, dir);
	if (ib_dma_mapping_error(dev, addr))
		return -ENOMEM;
	ctx->mapped = RDMA_RW_ONE_PIECE;
	return rdma_rw_init_single_wr(ctx, qp, addr, piece.bv_len, remote_addr,
				      rkey, dir);
}

static void rdma_rw_unmap_pieces(struct ib_device *dev,
				 const struct ib_sge *sges, u32 nr,
				 enum dma_data_direction dir)
{
	u32 i;

	for (i = 0; i < nr; i++)
		ib_dma_unmap_bvec(dev, sges[i].addr, sges[i].length, dir);
}

static int rdma_rw_map_pieces(struct ib_qp *qp,
			      const struct rdma_rw_memory *mem,
			      struct ib_sge *sges, enum dma_data_direction dir)
{
	struct ib_device *dev = qp->pd->device;
	struct bvec_iter iter = mem->iter;
	u32 nr;

	for (nr = 0; iter.bi_size; nr++) {
		struct bio_vec piece = rdma_rw_next_piece(mem->bvecs, &iter);

		sges[nr].addr = ib_dma_map_bvec(dev, &piece, dir);
		if (ib_dma_mapping_error(dev, sges[nr].addr)) {
			/* Only the pieces before this one are mapped. */
			rdma_rw_unmap_pieces(dev, sges, nr, dir);
			return -ENOMEM;
		}
		sges[nr].length = piece.bv_len;
		sges[nr].lkey = qp->pd->local_dma_lkey;
	}
	return 0;
}

static int rdma_rw_init_pieces(struct rdma_rw_ctx *ctx, struct ib_qp *qp,
			       const struct rdma_rw_memory *mem,
			       u64 remote_addr, u32 rkey,
			       enum dma_data_direction dir)
{
	struct ib_sge *sges;
	int ret;

	sges = kcalloc(mem->nr_pieces, sizeof(*sges), GFP_KERNEL);
	if (!sges)
		return -ENOMEM;

	ret = rdma_rw_map_pieces(qp, mem, sges, dir);
	if (ret)
		goto err_free;

	ret = rdma_rw_init_multi_wrs(ctx, qp, sges, mem->nr_pieces, remote_addr,
				     rkey, dir);
	if (ret < 0)
		goto err_unmap;
	/* The context has the SGEs now, and frees them when it is destroyed. */
	ctx->mapped = RDMA_RW_PIECES;
	ctx->nr_pieces = mem->nr_pieces;
	return ret;

err_unmap:
	rdma_rw_unmap_pieces(qp->pd->device, sges, mem->nr_pieces, dir);
err_free:
	kfree(sges);
	return ret;
}

static int rdma_rw_init_sgt(struct rdma_rw_ctx *ctx, struct ib_qp *qp,
			    u32 port_num, const struct rdma_rw_memory *mem,
			    u64 remote_addr, u32 rkey,
			    enum dma_data_direction dir)
{
	struct bvec_iter iter = mem->iter;
	struct scatterlist *sg;
	int ret;

	ret = sg_alloc_table(&ctx->sgt, mem->nr_pieces, GFP_KERNEL);
	if (ret)
		return ret;

	for (sg = ctx->sgt.sgl; sg; sg = sg_next(sg)) {
		struct bio_vec piece = rdma_rw_next_piece(mem->bvecs, &iter);

		sg_set_page(sg, piece.bv_page, piece.bv_len, piece.bv_offset);
	}

	ret = rdma_rw_ctx_init(ctx, qp, port_num, ctx->sgt.sgl,
			       ctx->sgt.orig_nents, 0, remote_addr, rkey, dir);
	if (ret < 0) {
		sg_free_table(&ctx->sgt);
		return ret;
	}
	ctx->mapped = RDMA_RW_SGT;
	return ret;
}

/**
 * rdma_rw_ctx_init_bvec - initialize a RDMA READ/WRITE context from bio_vecs
 * @ctx:	context to initialize
 * @qp:		queue pair to operate on
 * @port_num:	port num to which the connection is bound
 * @bvecs:	memory to READ/WRITE from/to; none of them is empty
 * @nr_bvec:	number of entries in @bvecs
 * @iter:	where in @bvecs the transfer begins, and its length in bytes
 * @remote_addr:remote address to read/write (relative to @rkey)
 * @rkey:	remote key to operate on
 * @dir:	%DMA_TO_DEVICE for RDMA WRITE, %DMA_FROM_DEVICE for RDMA READ
 *
 * The transfer is one SGE, of one work request, if the device is behind an
 * IOMMU, all bio_vecs begin and end on a granule of it (see
 * dma_get_merge_boundary()), except at the very start and the very end, the
 * length is within the device's segment size, and there are IO addresses for
 * all of it (see dma_iova_try_alloc()). Otherwise each bio_vec is an SGE,
 * and there are as many work requests as the queue pair's limit of SGEs asks
 * for.
 *
 * Where the device has to register the memory, and if some of it is in a PCI
 * device, this does what rdma_rw_ctx_init() does for a scatterlist of the same
 * memory, and allocates one.
 *
 * Context: May sleep.
 * Return: the number of WQEs that will be needed on the workqueue, or a
 *	   negative errno, and nothing is mapped or allocated:
 *
 *	   * -EINVAL: there is nothing to transfer, or less in @bvecs than @iter
 *	     says, or a bio_vec is empty.
 *	   * -ENOMEM: no memory, IO addresses or bounce buffers.
 *	   * what the IOMMU driver or rdma_rw_ctx_init() fail with.
 */
int rdma_rw_ctx_init_bvec(struct rdma_rw_ctx *ctx, struct ib_qp *qp,
			  u32 port_num, const struct bio_vec *bvecs,
			  u32 nr_bvec, struct bvec_iter iter, u64 remote_addr,
			  u32 rkey, enum dma_data_direction dir)
{
	struct rdma_rw_memory mem = { .bvecs = bvecs, .iter = iter };
	int err = rdma_rw_look_at_memory(&mem, nr_bvec);

	if (err)
		return err;

	/* Some devices need an MR even for one range: iWARP for reads. */
	if (mem.p2pdma || rdma_rw_io_needs_mr(qp->device, port_num, dir, 1))
		return rdma_rw_init_sgt(ctx, qp, port_num, &mem, remote_addr,
					rkey, dir);

	if (mem.nr_pieces == 1)
		return rdma_rw_init_one_piece(ctx, qp, &mem, remote_addr, rkey,
					      dir);

	if (rdma_rw_reserve(ctx, qp->pd->device, &mem))
		return rdma_rw_init_iova(ctx, qp, &mem, remote_addr, rkey,
					 dir);

	/* Registration may take fewer work requests than so many SGEs. */
	if (rdma_rw_io_needs_mr(qp->device, port_num, dir, mem.nr_pieces))
		return rdma_rw_init_sgt(ctx, qp, port_num, &mem, remote_addr,
					rkey, dir);

	return rdma_rw_init_pieces(ctx, qp, &mem, remote_addr, rkey, dir);
}
EXPORT_SYMBOL(rdma_rw_ctx_init_bvec);

/**
 * rdma_rw_ctx_destroy_bvec - release all resources allocated by
 *	rdma_rw_ctx_init_bvec
 * @ctx:	context to release
 * @qp:		queue pair to operate on
 * @port_num:	port num to which the connection is bound
 * @bvecs:	memory that was used for the READ/WRITE
 * @nr_bvec:	number of entries in @bvecs
 * @dir:	%DMA_TO_DEVICE for RDMA WRITE, %DMA_FROM_DEVICE for RDMA READ
 *
 * The context knows what has to be released. @bvecs may be gone by now.
 *
 * Context: Any.
 */
void rdma_rw_ctx_destroy_bvec(struct rdma_rw_ctx *ctx, struct ib_qp *qp,
			      u32 port_num, const struct bio_vec *bvecs,
			      u32 nr_bvec, enum dma_data_direction dir)
{
	struct ib_device *dev = qp->pd->device;

	switch (ctx->mapped) {
	case RDMA_RW_ONE_PIECE:
		rdma_rw_unmap_pieces(dev, &ctx->single.sge, 1, dir);
		break;
	case RDMA_RW_PIECES:
		rdma_rw_unmap_pieces(dev, ctx->map.sges, ctx->nr_pieces, dir);
		kfree(ctx->map.wrs);
		kfree(ctx->map.sges);
		break;
	case RDMA_RW_LINKED:
		/* The only SGE is as long as what has been linked. */
		dma_iova_destroy(dev->dma_device, &ctx->iova,
				 ctx->single.sge.length, dir, 0);
		break;
	case RDMA_RW_SGT:
		rdma_rw_ctx_destroy(ctx, qp, port_num, ctx->sgt.sgl,
				    ctx->sgt.orig_nents, dir);
		sg_free_table(&ctx->sgt);
		break;
	}
}
EXPORT_SYMBOL(rdma_rw_ctx_destroy_bvec);
