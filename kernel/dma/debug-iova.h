/* SPDX-License-Identifier: GPL-2.0 */
/*
 * dma-debug of the two-step API. mapping.c calls these with the arguments of
 * the API's functions and what they returned. For functions that undo
 * something, it calls before that is undone, since another CPU may get the IO
 * addresses right after.
 */
#ifndef _KERNEL_DMA_DEBUG_IOVA_H
#define _KERNEL_DMA_DEBUG_IOVA_H

#include <linux/dma-iova.h>
#include <linux/types.h>

struct seq_file;

/* mapping.c calls dma-debug and trace events only while somebody watches. */
int dma_iova_watch(void);
void dma_iova_unwatch(void);

#ifdef CONFIG_DMA_API_DEBUG
void debug_dma_iova_alloc(struct device *dev,
			  const struct dma_iova_state *state);
void debug_dma_iova_link(struct device *dev, const struct dma_iova_state *state,
			 phys_addr_t phys, size_t offset, size_t size,
			 enum dma_data_direction dir, unsigned long attrs,
			 int err);
void debug_dma_iova_link_vec(struct device *dev,
			     const struct dma_iova_state *state,
			     const struct phys_vec *vec, size_t nr,
			     size_t offset, enum dma_data_direction dir,
			     unsigned long attrs, int err);
void debug_dma_iova_sync(struct device *dev, const struct dma_iova_state *state,
			 size_t offset, size_t size, int err);
void debug_dma_iova_unlink(struct device *dev,
			   const struct dma_iova_state *state, size_t offset,
			   size_t size, enum dma_data_direction dir,
			   unsigned long attrs);
void debug_dma_iova_free(struct device *dev,
			 const struct dma_iova_state *state);
void debug_dma_iova_destroy(struct device *dev,
			    const struct dma_iova_state *state,
			    size_t mapped_len, enum dma_data_direction dir,
			    unsigned long attrs);
/* dma_iova_sync_for_cpu() and dma_iova_sync_for_device() */
void debug_dma_iova_hand_over(struct device *dev,
			      const struct dma_iova_state *state, size_t offset,
			      size_t size, enum dma_data_direction dir);

/* For debug.c: list all, or those of @dev, into @seq or else the log. */
void debug_dma_iova_dump(struct seq_file *seq, struct device *dev);
/* The driver of @dev has gone. */
void debug_dma_iova_unbound(struct device *dev);
#else /* CONFIG_DMA_API_DEBUG */
static inline void debug_dma_iova_alloc(struct device *dev,
					const struct dma_iova_state *state)
{
}

static inline void debug_dma_iova_link(struct device *dev,
				       const struct dma_iova_state *state,
				       phys_addr_t phys, size_t offset,
				       size_t size, enum dma_data_direction dir,
				       unsigned long attrs, int err)
{
}

static inline void debug_dma_iova_link_vec(struct device *dev,
					   const struct dma_iova_state *state,
					   const struct phys_vec *vec,
					   size_t nr, size_t offset,
					   enum dma_data_direction dir,
					   unsigned long attrs, int err)
{
}

static inline void debug_dma_iova_sync(struct device *dev,
				       const struct dma_iova_state *state,
				       size_t offset, size_t size, int err)
{
}

static inline void debug_dma_iova_unlink(struct device *dev,
					 const struct dma_iova_state *state,
					 size_t offset, size_t size,
					 enum dma_data_direction dir,
					 unsigned long attrs)
{
}

static inline void debug_dma_iova_free(struct device *dev,
				       const struct dma_iova_state *state)
{
}

static inline void debug_dma_iova_destroy(struct device *dev,
					  const struct dma_iova_state *state,
					  size_t mapped_len,
					  enum dma_data_direction dir,
					  unsigned long attrs)
{
}

static inline void debug_dma_iova_hand_over(struct device *dev,
					    const struct dma_iova_state *state,
					    size_t offset, size_t size,
					    enum dma_data_direction dir)
{
}
#endif /* CONFIG_DMA_API_DEBUG */

#endif /* _KERNEL_DMA_DEBUG_IOVA_H */
