/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the two halves of dma-debug, debug.c and debug-iova.c, have in common.
 */
#ifndef _KERNEL_DMA_DEBUG_ENTRY_H
#define _KERNEL_DMA_DEBUG_ENTRY_H

#include <linux/cache.h>
#include <linux/list.h>
#include <linux/rbtree_types.h>
#include <linux/types.h>

struct device;
struct page;

enum map_err_types {
	MAP_ERR_CHECK_NOT_APPLICABLE,
	MAP_ERR_NOT_CHECKED,
	MAP_ERR_CHECKED,
};

#define DMA_DEBUG_STACKTRACE_ENTRIES 5

/**
 * struct dma_debug_entry - track a mapping, or a reservation of IO addresses
 * @list: node on pre-allocated free_entries list, or in the hash of mappings
 * @hash: of a reservation: node in the hash of reservations
 * @node: of a piece: node in @pieces of its reservation
 * @dev: 'dev' argument to dma_map_{page|single|sg} or dma_alloc_coherent
 * @dev_addr: dma address
 * @size: length of the mapping
 * @type: single, page, sg, coherent
 * @direction: enum dma_data_direction
 * @sg_call_ents: 'nents' from dma_map_sg
 * @sg_mapped_ents: 'mapped_ents' from dma_map_sg
 * @sync_due: of a piece: no dma_iova_sync() has been seen since it was linked
 * @pieces: of a reservation: what is linked, by address and without overlaps
 * @attrs: of a mapping or a piece: DMA_ATTR_* it was mapped or linked with
 * @paddr: physical start address of the mapping
 * @map_err_type: track whether dma_mapping_error() was checked
 * @stack_len: number of backtrace entries in @stack_entries
 * @stack_entries: stack of backtrace history
 */
struct dma_debug_entry {
	union {
		struct list_head list;
		struct hlist_node hash;
		struct rb_node node;
	};
	struct device    *dev;
	u64              dev_addr;
	u64              size;
	int              type;
	int              direction;
	union {
		struct {
			int sg_call_ents;
			int sg_mapped_ents;
		};
		bool sync_due;
	};
	union {
		struct rb_root pieces;
		unsigned long attrs;
	};
	phys_addr_t	 paddr;
	enum map_err_types  map_err_type;
#ifdef CONFIG_STACKTRACE
	unsigned int	stack_len;
	unsigned long	stack_entries[DMA_DEBUG_STACKTRACE_ENTRIES];
#endif
} ____cacheline_aligned_in_smp;

bool dma_debug_disabled(void);
struct dma_debug_entry *dma_entry_alloc(void);
void dma_entry_free(struct dma_debug_entry *entry);
const char *dma_debug_dir_name(int direction);

/*
 * Track the first cacheline of @entry, until dma_entry_free(). The caller has set
 * @entry->attrs to @attrs.
 */
void dma_entry_track_cacheline(struct dma_debug_entry *entry,
			       unsigned long attrs);

/* Report memory that must not be mapped at all, such as the stack. */
void dma_debug_check_memory(struct device *dev, struct page *page,
			    size_t offset, size_t size);

/*
 * Count an error, and warn of it unless the user wants no more; @entry or NULL
 */
__printf(3, 4)
void dma_debug_report(struct device *dev, struct dma_debug_entry *entry,
		      const char *fmt, ...);

#endif /* _KERNEL_DMA_DEBUG_ENTRY_H */
