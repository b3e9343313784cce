/* SPDX-License-Identifier: GPL-2.0 */
/*
 * DMA mapping of the data of a request, straight from its bios. The interface
 * is that of Linux 6.19; Documentation/block/blk-mq-dma.rst says what differs.
 */
#ifndef _LINUX_BLK_MQ_DMA_H
#define _LINUX_BLK_MQ_DMA_H

#include <linux/blk-mq.h>
#include <linux/dma-mapping.h>
#include <linux/pci-p2pdma.h>

/**
 * struct blk_dma_iter - the data of a request as the device sees it
 * @addr:	DMA address of the current range
 * @len:	its length in bytes
 * @p2pdma:	what all of the data is: @p2pdma.map is PCI_P2PDMA_MAP_BUS_ADDR
 *		if there is nothing to unmap
 * @status:	why the last call returned false: BLK_STS_OK at the end of the
 *		data
 *
 * Filled in by blk_rq_dma_map_iter_start(); a driver reads the members above,
 * the others are private.
 */
struct blk_dma_iter {
	dma_addr_t addr;
	u32 len;
	struct pci_p2pdma_map_state p2pdma;
	blk_status_t status;
	/* private: what has not been mapped yet, and the bios behind it */
	bool integrity;
	struct bio *bios;
	const struct bio_vec *bvecs;
	struct bvec_iter left;
};

bool blk_rq_dma_map_iter_start(struct request *req, struct device *dma_dev,
			       struct dma_iova_state *state,
			       struct blk_dma_iter *iter);
bool blk_rq_dma_map_iter_next(struct request *req, struct device *dma_dev,
			      struct blk_dma_iter *iter);

#ifdef CONFIG_BLK_DEV_INTEGRITY
bool blk_rq_integrity_dma_map_iter_start(struct request *req,
					 struct device *dma_dev,
					 struct dma_iova_state *state,
					 struct blk_dma_iter *iter);
#else
static inline bool
blk_rq_integrity_dma_map_iter_start(struct request *req, struct device *dma_dev,
				    struct dma_iova_state *state,
				    struct blk_dma_iter *iter)
{
	memset(state, 0, sizeof(*state));
	iter->status = BLK_STS_OK;
	return false;
}
#endif

/**
 * blk_rq_integrity_dma_map_iter_next - map the next range of metadata
 * @req:	request
 * @dma_dev:	device that the metadata is mapped for
 * @iter:	as blk_rq_integrity_dma_map_iter_start() left it
 *
 * Context: Any.
 * Return: as blk_rq_dma_map_iter_next().
 */
static inline bool
blk_rq_integrity_dma_map_iter_next(struct request *req, struct device *dma_dev,
				   struct blk_dma_iter *iter)
{
	return blk_rq_dma_map_iter_next(req, dma_dev, iter);
}

/**
 * blk_rq_dma_map_coalesce - whether all of the data is one range for the device
 * @state:	as blk_rq_dma_map_iter_start() left it
 *
 * Context: Any.
 * Return: true if the range in the iterator is all of the data, as one
 *	   reservation, to be unmapped without a record of the ranges.
 */
static inline bool blk_rq_dma_map_coalesce(struct dma_iova_state *state)
{
	return dma_use_iova(state);
}

static inline bool __blk_rq_dma_unmap(struct request *req,
				      struct device *dma_dev,
				      struct dma_iova_state *state,
				      size_t mapped_len,
				      enum pci_p2pdma_map_type map)
{
	if (dma_use_iova(state)) {
		dma_iova_destroy(dma_dev, state, mapped_len, rq_dma_dir(req),
				 map == PCI_P2PDMA_MAP_THRU_HOST_BRIDGE ?
				 DMA_ATTR_MMIO : 0);
		return true;
	}
	return map == PCI_P2PDMA_MAP_BUS_ADDR || !dma_need_unmap(dma_dev);
}

/*
 * True for a value of enum pci_p2pdma_map_type, or for one of its constants,
 * which are ints. False for the truth value that a driver for Linux 6.18 passes
 * here, which is a bool or an int.
 */
#define __blk_dma_is_map_type(type, constant)					\
	(__builtin_types_compatible_p(type, enum pci_p2pdma_map_type) ||	\
	 (__builtin_types_compatible_p(type, int) && (constant)))

/**
 * blk_rq_dma_unmap - unmap all data of a request, if that needs no record
 * @req:	request
 * @dma_dev:	device that the data is mapped for
 * @state:	as blk_rq_dma_map_iter_start() left it
 * @mapped_len:	bytes of data
 * @map:	&blk_dma_iter.p2pdma.map, which is the same for all ranges; what is
 *		neither of its type nor a constant does not compile, such as a
 *		truth value
 *
 * Also for the metadata of a request, with the state that it was mapped with.
 *
 * Context: Any.
 * Return: true if the data is unmapped. If false, the driver has to unmap each
 *	   range that it got by dma_unmap_phys(), with DMA_ATTR_MMIO if @map is
 *	   PCI_P2PDMA_MAP_THRU_HOST_BRIDGE.
 */
#define blk_rq_dma_unmap(req, dma_dev, state, mapped_len, map)		\
({									\
	static_assert(__blk_dma_is_map_type(typeof(map),		\
					    __builtin_constant_p(map)));\
	__blk_rq_dma_unmap(req, dma_dev, state, mapped_len, map);	\
})

#endif /* _LINUX_BLK_MQ_DMA_H */
