// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory that a VFIO driver allocates for its device to read or write, such as
 * the state of a device that migrates: pages, and one range of IO addresses for
 * all of them.
 */
#include <linux/export.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/vfio_page_list.h>

/* Pages to allocate by one call, which cannot be preempted */
#define ALLOC_BATCH	512

/* Pages to link at once; they are on the stack. */
#define LINK_BATCH	32

static void free_pages_array(struct page **pages, unsigned long nr)
{
	while (nr--)
		__free_page(*pages++);
}

/**
 * vfio_page_list_add - allocate pages
 * @list:	list to append them to
 * @nr:		number of pages
 * @gfp:	for the pages and, without __GFP_ZERO, for the array of them
 *
 * Context: May sleep. The list is not mapped.
 * Return: 0 or a negative errno. After an error the list is as before.
 */
int vfio_page_list_add(struct vfio_page_list *list, unsigned long nr,
		       gfp_t gfp)
{
	unsigned long done, filled;
	struct page **pages;

	if (list->dev)
		return -EBUSY;

	pages = kvrealloc(list->pages,
			  array_size(size_add(list->nr_pages, nr),
				     sizeof(*pages)), gfp & ~__GFP_ZERO);
	if (!pages)
		return -ENOMEM;
	list->pages = pages;

	/* The allocator passes over entries that are not NULL. */
	pages += list->nr_pages;
	memset(pages, 0, nr * sizeof(*pages));
	for (done = 0; done < nr; done += filled) {
		filled = alloc_pages_bulk_array(gfp, min(nr - done, ALLOC_BATCH),
						pages + done);
		if (!filled)
			goto err_free;
		cond_resched();
	}
	list->nr_pages += nr;
	return 0;

err_free:
	free_pages_array(pages, done);
	return -ENOMEM;
}
EXPORT_SYMBOL_GPL(vfio_page_list_add);

/**
 * vfio_page_list_free - free all pages
 * @list:	list of them, empty afterwards
 *
 * Unmaps them first, if they are mapped.
 *
 * Context: May sleep.
 */
void vfio_page_list_free(struct vfio_page_list *list)
{
	vfio_page_list_unmap(list);
	free_pages_array(list->pages, list->nr_pages);
	kvfree(list->pages);
	*list = (struct vfio_page_list) {};
}
EXPORT_SYMBOL_GPL(vfio_page_list_free);

static int map_iova(struct vfio_page_list *list, struct device *dev,
		    enum dma_data_direction dir)
{
	struct phys_vec vec[LINK_BATCH];
	unsigned long done, nr, i;
	int err;

	for (done = 0; done < list->nr_pages; done += nr) {
		nr = min(list->nr_pages - done, LINK_BATCH);
		for (i = 0; i < nr; i++) {
			vec[i].paddr = page_to_phys(list->pages[done + i]);
			vec[i].len = PAGE_SIZE;
		}
		err = dma_iova_link_vec(dev, &list->state, vec, nr,
					done << PAGE_SHIFT, dir, 0);
		if (err)
			goto err_destroy;
	}

	err = dma_iova_sync(dev, &list->state, 0, vfio_page_list_size(list));
	if (err)
		goto err_destroy;
	return 0;

err_destroy:
	dma_iova_destroy(dev, &list->state, done << PAGE_SHIFT, dir, 0);
	return err;
}

static void unmap_pages(struct device *dev, const dma_addr_t *addrs,
			unsigned long nr, enum dma_data_direction dir)
{
	while (nr--)
		dma_unmap_page(dev, *addrs++, PAGE_SIZE, dir);
}

static int map_pages(struct vfio_page_list *list, struct device *dev,
		     enum dma_data_direction dir)
{
	dma_addr_t *addrs;
	unsigned long i;

	addrs = kvmalloc_array(list->nr_pages, sizeof(*addrs),
			       GFP_KERNEL_ACCOUNT);
	if (!addrs)
		return -ENOMEM;

	for (i = 0; i < list->nr_pages; i++) {
		addrs[i] = dma_map_page(dev, list->pages[i], 0, PAGE_SIZE, dir);
		if (dma_mapping_error(dev, addrs[i]))
			goto err_unmap;
	}

	/* Not earlier: a page that is bounced changes the answer. */
	list->need_unmap = dma_need_unmap(dev);
	list->addrs = addrs;
	return 0;

err_unmap:
	unmap_pages(dev, addrs, i, dir);
	kvfree(addrs);
	return -ENOMEM;
}

/**
 * vfio_page_list_map - map the pages for a device
 * @list:	list of pages, not mapped
 * @dev:	device, which has to stay until they are unmapped
 * @dir:	direction of the data, not DMA_NONE
 *
 * Behind an IOMMU, the pages are one range of IO addresses, if there are enough
 * of those; see vfio_page_list_dma_addr() and vfio_page_list_segment().
 *
 * Context: May sleep.
 * Return: 0 or a negative errno. After an error nothing is mapped.
 */
int vfio_page_list_map(struct vfio_page_list *list, struct device *dev,
		       enum dma_data_direction dir)
{
	int err;

	if (list->dev)
		return -EBUSY;
	if (!list->nr_pages)
		return -EINVAL;

	if (dma_iova_try_alloc(dev, &list->state, 0, vfio_page_list_size(list)))
		err = map_iova(list, dev, dir);
	else
		err = map_pages(list, dev, dir);
	if (err)
		return err;
	list->dev = dev;
	list->dir = dir;
	return 0;
}
EXPORT_SYMBOL_GPL(vfio_page_list_map);

/**
 * vfio_page_list_unmap - undo vfio_page_list_map()
 * @list:	list of pages, mapped or not
 *
 * Context: May sleep.
 */
void vfio_page_list_unmap(struct vfio_page_list *list)
{
	if (!list->dev)
		return;

	if (dma_use_iova(&list->state))
		dma_iova_destroy(list->dev, &list->state,
				 vfio_page_list_size(list), list->dir, 0);
	else if (list->need_unmap)
		unmap_pages(list->dev, list->addrs, list->nr_pages, list->dir);
	kvfree(list->addrs);
	list->addrs = NULL;
	list->dev = NULL;
}
EXPORT_SYMBOL_GPL(vfio_page_list_unmap);

/* The bytes of a range that can be handed over: 0 if the list is not mapped */
static size_t mapped_len(const struct vfio_page_list *list, size_t offset,
			 size_t len)
{
	size_t size = list->dev ? vfio_page_list_size(list) : 0;

	return offset < size ? min(len, size - offset) : 0;
}

static void sync_pages(const struct vfio_page_list *list, size_t offset,
		       size_t len,
		       void (*sync)(struct device *dev, dma_addr_t addr,
				    size_t size, enum dma_data_direction dir))
{
	size_t size;

	/* The device is coherent and nothing is bounced: no page needs it. */
	if (!dma_dev_need_sync(list->dev))
		return;

	for (; len; offset += size, len -= size) {
		size = min(len, PAGE_SIZE - offset_in_page(offset));
		sync(list->dev,
		     vfio_page_list_dma_addr(list, offset >> PAGE_SHIFT) +
		     offset_in_page(offset), size, list->dir);
	}
}

/**
 * vfio_page_list_sync_for_cpu - let the CPU read what the device has written
 * @list:	list of pages, mapped or not
 * @offset:	of the first byte, from the start of the list
 * @len:	number of bytes; those past the end of the list are left out
 *
 * The twin of dma_sync_single_for_cpu(), after the device has finished and
 * before the CPU reads. The device must not use the range until
 * vfio_page_list_sync_for_device() has given it back. There is nothing to do if
 * the list is not mapped.
 *
 * Context: Any.
 */
void vfio_page_list_sync_for_cpu(struct vfio_page_list *list, size_t offset,
				 size_t len)
{
	len = mapped_len(list, offset, len);
	if (!len)
		return;

	if (dma_use_iova(&list->state))
		dma_iova_sync_for_cpu(list->dev, &list->state, offset, len,
				      list->dir);
	else
		sync_pages(list, offset, len, dma_sync_single_for_cpu);
}
EXPORT_SYMBOL_GPL(vfio_page_list_sync_for_cpu);

/**
 * vfio_page_list_sync_for_device - let the device read what the CPU has written
 * @list:	list of pages, mapped or not
 * @offset:	of the first byte, from the start of the list
 * @len:	number of bytes; those past the end of the list are left out
 *
 * The twin of dma_sync_single_for_device(), to be called before the device uses
 * the range again. It hands over what the CPU has written since the list was
 * mapped, or what it got from vfio_page_list_sync_for_cpu(). There is nothing
 * to do if the list is not mapped.
 *
 * Context: Any.
 */
void vfio_page_list_sync_for_device(struct vfio_page_list *list, size_t offset,
				    size_t len)
{
	len = mapped_len(list, offset, len);
	if (!len)
		return;

	if (dma_use_iova(&list->state))
		dma_iova_sync_for_device(list->dev, &list->state, offset, len,
					 list->dir);
	else
		sync_pages(list, offset, len, dma_sync_single_for_device);
}
EXPORT_SYMBOL_GPL(vfio_page_list_sync_for_device);

/**
 * vfio_page_list_segment - the longest segment that begins at an offset
 * @list:	list of pages that are mapped
 * @offset:	of the first byte, from the start of the list
 * @len:	most bytes that are wanted, not 0; they are within the list
 * @addr:	set to the DMA address of the first byte
 *
 * For devices that take a list of address ranges. A segment is contiguous to
 * the device, and observes its limits on segments: no longer than
 * dma_get_max_seg_size() says, nor across a dma_get_seg_boundary().
 *
 * Context: Any.
 * Return: bytes in the segment, at most @len
 */
size_t vfio_page_list_segment(const struct vfio_page_list *list, size_t offset,
			      size_t len, dma_addr_t *addr)
{
	u64 boundary = dma_get_seg_boundary(list->dev);
	unsigned long i = offset >> PAGE_SHIFT;
	size_t size;

	*addr = vfio_page_list_dma_addr(list, i) + offset_in_page(offset);
	len = min(len, dma_get_max_seg_size(list->dev));
	/* The boundary may be all ones, so 1 is not added to it. */
	len = min_t(u64, len - 1, boundary - (*addr & boundary)) + 1;
	if (dma_use_iova(&list->state))
		return len;

	size = PAGE_SIZE - offset_in_page(offset);
	while (size < len && vfio_page_list_dma_addr(list, ++i) == *addr + size)
		size += PAGE_SIZE;
	return min(size, len);
}
EXPORT_SYMBOL_GPL(vfio_page_list_segment);
