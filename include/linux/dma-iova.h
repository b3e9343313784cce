/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Two-step DMA mapping: reserve one range of IO addresses, link memory into it
 * piece by piece. Drivers include <linux/dma-mapping.h>.
 */
#ifndef _LINUX_DMA_IOVA_H
#define _LINUX_DMA_IOVA_H

#include <linux/bits.h>
#include <linux/dma-direction.h>
#include <linux/errno.h>
#include <linux/kconfig.h>
#include <linux/list.h>
#include <linux/string.h>
#include <linux/types.h>

struct device;

/*
 * This is Linux 6.12 with the two-step API, and not mainline. Becomes larger when
 * something is added.
 */
#define DMA_IOVA_BACKPORT	1

/**
 * DOC: glossary
 *
 * granule
 *   The smallest page that the device's IOMMU can map, in bytes, a power of
 *   two. dma_get_merge_boundary() returns granule - 1.
 * reservation
 *   The range of IO addresses that dma_iova_try_alloc() sets aside for one
 *   device, and struct dma_iova_state, which describes it.
 * piece
 *   A physically contiguous range of memory, linked by dma_iova_link(), or
 *   together with others by dma_iova_link_vec().
 * offset
 *   Where in the reservation a piece is, in bytes from its start. Ranges are
 *   half-open: a piece of ``size`` bytes at ``offset`` ends before
 *   ``offset + size``.
 * bounce
 *   To give the device a copy instead of the memory itself. This is done if the
 *   device must not see other data in the same granule, or if its writes would
 *   share a cache line with other data.
 */

/*
 * An end of the reservation does not fill its granule and may be bounced.
 * dma_iova_try_alloc() sets this, whether a bounce buffer is needed later or
 * not. It is kept in dma_iova_state.__size, which has 64 bits on every
 * architecture, so that no size that fits into a size_t of 32 bits looks like
 * the flag.
 */
#define DMA_IOVA_USE_SWIOTLB	BIT_ULL(63)

/**
 * struct dma_iova_state - a reservation of IO address space
 * @addr:	DMA address of offset 0, to be read by the driver
 *
 * Owned by the driver, which keeps it until the memory is unmapped. All but
 * @addr is private. All zero means that there is no reservation.
 */
struct dma_iova_state {
	dma_addr_t addr;
	/* private: the size that was asked for, and DMA_IOVA_USE_SWIOTLB */
	u64 __size;
};

/* VT-d waits once for so many descriptors: QI_MAX_BATCHED_DESC_COUNT */
#define DMA_IOVA_BATCH_SIZE	16

/**
 * struct dma_iova_batch - reservations that share an invalidation
 *
 * A driver that ends several requests together has it on its stack, and sets it
 * up by dma_iova_batch_init(). All of it is private. It has 288 bytes where
 * addresses have 64 bits.
 */
struct dma_iova_batch {
	/* private: */
	struct device *dev;
	unsigned int nr;
	struct list_head freelist;
	struct dma_iova_state states[DMA_IOVA_BATCH_SIZE];
};

/**
 * dma_iova_batch_init - set up an empty batch
 * @batch:	batch
 *
 * Context: Any.
 */
static inline void dma_iova_batch_init(struct dma_iova_batch *batch)
{
	batch->dev = NULL;
	batch->nr = 0;
	INIT_LIST_HEAD(&batch->freelist);
}

/**
 * dma_use_iova - whether there is a reservation
 * @state:	state that dma_iova_try_alloc() has seen, or all zero
 *
 * Context: Any.
 * Return: true from a dma_iova_try_alloc() that returned true until
 *	   dma_iova_free(), dma_iova_destroy() or dma_iova_batch_destroy(). If
 *	   false, the memory is mapped by the streaming API (dma_map_page(), for
 *	   example). A constant false without CONFIG_IOMMU_DMA.
 */
static inline bool dma_use_iova(const struct dma_iova_state *state)
{
	return IS_ENABLED(CONFIG_IOMMU_DMA) && state->__size;
}

/**
 * dma_iova_size - size of a reservation
 * @state:	reservation
 *
 * Context: Any.
 * Return: the number of bytes dma_iova_try_alloc() was asked for, 0 if there is
 *	   no reservation.
 */
static inline size_t dma_iova_size(const struct dma_iova_state *state)
{
	return state->__size & ~DMA_IOVA_USE_SWIOTLB;
}

#ifdef CONFIG_IOMMU_DMA
bool dma_iova_try_alloc(struct device *dev, struct dma_iova_state *state,
			phys_addr_t phys, size_t size);
void dma_iova_free(struct device *dev, struct dma_iova_state *state);
void dma_iova_destroy(struct device *dev, struct dma_iova_state *state,
		      size_t mapped_len, enum dma_data_direction dir,
		      unsigned long attrs);
void dma_iova_batch_destroy(struct dma_iova_batch *batch, struct device *dev,
			    struct dma_iova_state *state, size_t mapped_len,
			    enum dma_data_direction dir, unsigned long attrs);
void dma_iova_batch_flush(struct dma_iova_batch *batch);
int dma_iova_link(struct device *dev, struct dma_iova_state *state,
		  phys_addr_t phys, size_t offset, size_t size,
		  enum dma_data_direction dir, unsigned long attrs);
int dma_iova_link_vec(struct device *dev, struct dma_iova_state *state,
		      const struct phys_vec *vec, size_t nr, size_t offset,
		      enum dma_data_direction dir, unsigned long attrs);
int dma_iova_sync(struct device *dev, struct dma_iova_state *state,
		  size_t offset, size_t size);
void dma_iova_unlink(struct device *dev, struct dma_iova_state *state,
		     size_t offset, size_t size, enum dma_data_direction dir,
		     unsigned long attrs);
void dma_iova_sync_for_cpu(struct device *dev, struct dma_iova_state *state,
			   size_t offset, size_t size,
			   enum dma_data_direction dir);
void dma_iova_sync_for_device(struct device *dev, struct dma_iova_state *state,
			      size_t offset, size_t size,
			      enum dma_data_direction dir);
#else /* CONFIG_IOMMU_DMA */

static inline bool dma_iova_try_alloc(struct device *dev,
				      struct dma_iova_state *state,
				      phys_addr_t phys, size_t size)
{
	memset(state, 0, sizeof(*state));
	return false;
}

static inline void dma_iova_free(struct device *dev,
				 struct dma_iova_state *state)
{
}

static inline void dma_iova_destroy(struct device *dev,
				    struct dma_iova_state *state,
				    size_t mapped_len,
				    enum dma_data_direction dir,
				    unsigned long attrs)
{
}

static inline void dma_iova_batch_destroy(struct dma_iova_batch *batch,
					  struct device *dev,
					  struct dma_iova_state *state,
					  size_t mapped_len,
					  enum dma_data_direction dir,
					  unsigned long attrs)
{
}

static inline void dma_iova_batch_flush(struct dma_iova_batch *batch)
{
}

static inline int dma_iova_link(struct device *dev,
				struct dma_iova_state *state, phys_addr_t phys,
				size_t offset, size_t size,
				enum dma_data_direction dir,
				unsigned long attrs)
{
	return -EOPNOTSUPP;
}

static inline int dma_iova_link_vec(struct device *dev,
				    struct dma_iova_state *state,
				    const struct phys_vec *vec, size_t nr,
				    size_t offset,
				    enum dma_data_direction dir,
				    unsigned long attrs)
{
	return -EOPNOTSUPP;
}

static inline int dma_iova_sync(struct device *dev,
				struct dma_iova_state *state, size_t offset,
				size_t size)
{
	return -EOPNOTSUPP;
}

static inline void dma_iova_unlink(struct device *dev,
				   struct dma_iova_state *state, size_t offset,
				   size_t size, enum dma_data_direction dir,
				   unsigned long attrs)
{
}

static inline void dma_iova_sync_for_cpu(struct device *dev,
					 struct dma_iova_state *state,
					 size_t offset, size_t size,
					 enum dma_data_direction dir)
{
}

static inline void dma_iova_sync_for_device(struct device *dev,
					    struct dma_iova_state *state,
					    size_t offset, size_t size,
					    enum dma_data_direction dir)
{
}

#endif /* CONFIG_IOMMU_DMA */

#endif /* _LINUX_DMA_IOVA_H */
