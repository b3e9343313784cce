/* SPDX-License-Identifier: GPL-2.0-only */
/* Memory that a VFIO driver allocates for its device to read or write */
#ifndef _LINUX_VFIO_PAGE_LIST_H
#define _LINUX_VFIO_PAGE_LIST_H

#include <linux/dma-mapping.h>
#include <linux/gfp_types.h>
#include <linux/mm_types.h>

/**
 * struct vfio_page_list - pages, and where a device sees them
 * @pages:	the pages, each of PAGE_SIZE bytes, in the order of the data
 * @nr_pages:	how many there are
 *
 * Owned by the driver, which serialises all calls for one list. All zero is a
 * list without pages. The driver reads @pages and @nr_pages. It may also set
 * them, to map pages that belong to somebody else; then it neither adds pages to
 * the list nor frees it.
 */
struct vfio_page_list {
	struct page **pages;
	unsigned long nr_pages;
	/* private: set as long as the pages are mapped */
	struct device *dev;
	enum dma_data_direction dir;
	struct dma_iova_state state;
	/* private: without a reservation, the address of each page */
	dma_addr_t *addrs;
	bool need_unmap;
};

int vfio_page_list_add(struct vfio_page_list *list, unsigned long nr,
		       gfp_t gfp);
void vfio_page_list_free(struct vfio_page_list *list);
int vfio_page_list_map(struct vfio_page_list *list, struct device *dev,
		       enum dma_data_direction dir);
void vfio_page_list_unmap(struct vfio_page_list *list);
void vfio_page_list_sync_for_cpu(struct vfio_page_list *list, size_t offset,
				 size_t len);
void vfio_page_list_sync_for_device(struct vfio_page_list *list, size_t offset,
				    size_t len);
size_t vfio_page_list_segment(const struct vfio_page_list *list, size_t offset,
			      size_t len, dma_addr_t *addr);

/**
 * vfio_page_list_size - the size of all pages
 * @list:	list of pages
 *
 * Context: Any.
 * Return: bytes
 */
static inline size_t vfio_page_list_size(const struct vfio_page_list *list)
{
	return (size_t)list->nr_pages << PAGE_SHIFT;
}

/**
 * vfio_page_list_page - look a page up
 * @list:	list of pages
 * @offset:	of any byte in the page, from the start of the list
 *
 * Context: Any.
 * Return: the page, NULL if @offset is not within the list.
 */
static inline struct page *
vfio_page_list_page(const struct vfio_page_list *list, size_t offset)
{
	size_t i = offset >> PAGE_SHIFT;

	return i < list->nr_pages ? list->pages[i] : NULL;
}

/**
 * vfio_page_list_dma_addr - where the device sees a page
 * @list:	list of pages that are mapped
 * @i:		number of the page in it, less than @nr_pages
 *
 * Context: Any.
 * Return: its DMA address
 */
static inline dma_addr_t
vfio_page_list_dma_addr(const struct vfio_page_list *list, unsigned long i)
{
	if (list->addrs)
		return list->addrs[i];
	return list->state.addr + ((dma_addr_t)i << PAGE_SHIFT);
}

#endif /* _LINUX_VFIO_PAGE_LIST_H */
