// SPDX-License-Identifier: GPL-2.0
/*
 * Two-step DMA mapping in a driver: QEMU's educational device copies data from
 * page to page.
 *
 * What is written to /dev/edu-dma, up to 1 MiB at a time, goes to pages that
 * are scattered over memory. The device fetches it from there and stores it in
 * other pages, and a read returns what those have:
 *
 *	dd if=FILE of=/dev/edu-dma bs=1M
 *	cmp FILE /dev/edu-dma
 *
 * Both sets of pages are mapped in two steps if the device is behind an IOMMU:
 * it sees each as one contiguous range. If it is not, or if the parameter
 * "streaming" is set, every page gets a separate address. These are the
 * functions to read: edu_map(), edu_link_pages(), edu_map_pages(), edu_unmap().
 */
#include <linux/cleanup.h>
#include <linux/debugfs.h>
#include <linux/dma-mapping.h>
#include <linux/io-64-nonatomic-lo-hi.h>
#include <linux/iopoll.h>
#include <linux/kref.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/sched/signal.h>
#include <linux/seq_file.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/uio.h>

#define EDU_NAME	"edu-dma"
#define EDU_SIZE_MAX	SZ_1M

/* Address bits that the device uses, unless QEMU has -device edu,dma_mask= */
#define EDU_ADDR_BITS	28

#define EDU_DMA_SRC	0x80
#define EDU_DMA_DST	0x88
#define EDU_DMA_CNT	0x90
#define EDU_DMA_CMD	0x98
#define EDU_DMA_RUN	BIT(0)
#define EDU_DMA_TO_RAM	BIT(1)

/* The address at which the device sees its own buffer */
#define EDU_BUFFER	0x40000

/*
 * Most bytes that the device moves at once. Its buffer has 4096, but QEMU
 * aborts when a transfer ends exactly there. Not a fraction of a page, so that
 * with one range of addresses some transfers cross from one page to the next.
 */
#define EDU_CHUNK	3072

/* The device takes 100 ms for a transfer, whatever its size. */
#define EDU_POLL_US	(1 * USEC_PER_MSEC)
#define EDU_TIMEOUT_US	(2 * USEC_PER_SEC)

/*
 * Only the first page of each allocation is used. So no two pages of a buffer
 * are neighbours in memory, and each is a separate piece.
 */
#define EDU_PAGE_ORDER	1

/* Pages that are linked by one call: 256 bytes of stack */
#define EDU_LINK_PAGES	16

static bool streaming;
module_param(streaming, bool, 0644);
MODULE_PARM_DESC(streaming, "Map page by page even if there is an IOMMU");

/* How a buffer was mapped */
struct edu_stats {
	unsigned int pieces;	/* physically contiguous pieces of memory */
	unsigned int links;	/* calls of dma_iova_link_vec() */
	unsigned int syncs;	/* calls of dma_iova_sync() */
	unsigned int addresses;	/* DMA addresses that the driver had to keep */
};

/* Scattered memory that the device reads or writes */
struct edu_buffer {
	struct dma_iova_state iova;	/* one range for all pages, or all zero */
	dma_addr_t *addrs;		/* of each page, if there is no range */
	bool need_unmap;		/* must @addrs be unmapped */
	enum dma_data_direction dir;
	struct edu_stats stats;
	size_t size;			/* the last page need not be full */
	unsigned int nr_pages;
	struct page *pages[] __counted_by(nr_pages);
};

struct edu {
	struct pci_dev *pdev;
	struct miscdevice misc;
	struct dentry *debugfs;
	struct kref ref;		/* the driver's, and each open file's */
	struct mutex lock;		/* held in a transfer; for all below */
	void __iomem *regs;		/* NULL when the device is gone */
	struct edu_buffer *data;	/* what it has stored last, or NULL */
	struct edu_stats src, dst;	/* of the last transfer */
};

static void edu_buffer_free(struct edu_buffer *buf)
{
	unsigned int i;

	if (!buf)
		return;
	for (i = 0; i < buf->nr_pages && buf->pages[i]; i++)
		__free_pages(buf->pages[i], EDU_PAGE_ORDER);
	kfree(buf->addrs);
	kfree(buf);
}

DEFINE_FREE(edu_buffer, struct edu_buffer *, edu_buffer_free(_T))

/*
 * All is zeroed. dma_use_iova() must be false even if dma_iova_try_alloc() is
 * never called. And the device can read the last page to its end, whatever the
 * size that is mapped, because the IOMMU maps nothing smaller.
 */
static struct edu_buffer *edu_buffer_alloc(size_t size,
					   enum dma_data_direction dir)
{
	unsigned int nr_pages = PFN_UP(size);
	struct edu_buffer *buf;
	unsigned int i;

	buf = kzalloc(struct_size(buf, pages, nr_pages), GFP_KERNEL);
	if (!buf)
		return NULL;

	buf->dir = dir;
	buf->size = size;
	buf->nr_pages = nr_pages;
	for (i = 0; i < nr_pages; i++) {
		buf->pages[i] = alloc_pages(GFP_KERNEL | __GFP_ZERO,
					    EDU_PAGE_ORDER);
		if (!buf->pages[i]) {
			edu_buffer_free(buf);
			return NULL;
		}
	}
	return buf;
}

/* Bytes in a page of the buffer: all but the last are full. */
static size_t edu_page_size(const struct edu_buffer *buf, unsigned int i)
{
	return min(PAGE_SIZE, buf->size - i * PAGE_SIZE);
}

/*
 * The second step: put each page behind the range that has been reserved,
 * several by one call, which links all of them or none. The device must not use
 * a page before dma_iova_sync(); one such call is enough for all pages. When
 * something fails, dma_iova_destroy() undoes what has been linked so far, and
 * gives the whole reservation back.
 */
static int edu_link_pages(struct device *dev, struct edu_buffer *buf)
{
	struct phys_vec vec[EDU_LINK_PAGES];
	size_t linked = 0;
	unsigned int i = 0;
	int err;

	while (i < buf->nr_pages) {
		size_t size = 0;
		size_t nr;

		for (nr = 0; nr < EDU_LINK_PAGES && i < buf->nr_pages; nr++, i++) {
			vec[nr].paddr = page_to_phys(buf->pages[i]);
			vec[nr].len = edu_page_size(buf, i);
			size += vec[nr].len;
		}

		err = dma_iova_link_vec(dev, &buf->iova, vec, nr, linked,
					buf->dir, 0);
		if (err)
			goto err_destroy;
		linked += size;
		buf->stats.links++;
	}

	err = dma_iova_sync(dev, &buf->iova, 0, linked);
	if (err)
		goto err_destroy;
	buf->stats.syncs++;
	buf->stats.addresses = 1;
	return 0;

err_destroy:
	dma_iova_destroy(dev, &buf->iova, linked, buf->dir, 0);
	return err;
}

/*
 * Without a reservation each page has its own address. This driver keeps them,
 * because it gives them to the device chunk by chunk. A driver with descriptors
 * writes them there, and keeps a copy only if dma_need_unmap(). Ask that at the
 * end: the first page that has to be bounced changes the answer.
 */
static int edu_map_pages(struct device *dev, struct edu_buffer *buf)
{
	unsigned int i;

	buf->addrs = kmalloc_array(buf->nr_pages, sizeof(*buf->addrs),
				   GFP_KERNEL);
	if (!buf->addrs)
		return -ENOMEM;

	for (i = 0; i < buf->nr_pages; i++) {
		buf->addrs[i] = dma_map_page(dev, buf->pages[i], 0,
					     edu_page_size(buf, i), buf->dir);
		if (dma_mapping_error(dev, buf->addrs[i]))
			goto err_unmap;
		buf->stats.addresses++;
	}
	buf->need_unmap = dma_need_unmap(dev);
	return 0;

err_unmap:
	while (i--)
		dma_unmap_page(dev, buf->addrs[i], edu_page_size(buf, i),
			       buf->dir);
	return -ENOMEM;
}

/*
 * The first step: reserve one range of IO addresses. A refusal is not an error.
 * The device then gets each page on its own.
 */
static int edu_map(struct device *dev, struct edu_buffer *buf)
{
	buf->stats.pieces = buf->nr_pages;
	if (!READ_ONCE(streaming) &&
	    dma_iova_try_alloc(dev, &buf->iova, page_to_phys(buf->pages[0]),
			       buf->size))
		return edu_link_pages(dev, buf);
	return edu_map_pages(dev, buf);
}

/* The state of the buffer says how it was mapped: the parameter may change. */
static void edu_unmap(struct device *dev, struct edu_buffer *buf)
{
	unsigned int i;

	if (dma_use_iova(&buf->iova)) {
		dma_iova_destroy(dev, &buf->iova, buf->size, buf->dir, 0);
		return;
	}
	if (!buf->need_unmap)
		return;
	for (i = 0; i < buf->nr_pages; i++)
		dma_unmap_page(dev, buf->addrs[i], edu_page_size(buf, i),
			       buf->dir);
}

/*
 * The DMA address of a byte of a mapped buffer. @len is cut to what follows it
 * without a gap: behind one range, that is all.
 */
static dma_addr_t edu_addr(const struct edu_buffer *buf, size_t offset,
			   size_t *len)
{
	if (dma_use_iova(&buf->iova))
		return buf->iova.addr + offset;

	*len = min(*len, PAGE_SIZE - offset_in_page(offset));
	return buf->addrs[offset >> PAGE_SHIFT] + offset_in_page(offset);
}

/* Let the device fill its buffer from @src, or write it to @dst. */
static int edu_move(struct edu *edu, u64 src, u64 dst, size_t len, u64 cmd)
{
	u64 val;
	int err;

	writeq(src, edu->regs + EDU_DMA_SRC);
	writeq(dst, edu->regs + EDU_DMA_DST);
	writeq(len, edu->regs + EDU_DMA_CNT);
	writeq(cmd | EDU_DMA_RUN, edu->regs + EDU_DMA_CMD);
	err = read_poll_timeout(readq, val, !(val & EDU_DMA_RUN), EDU_POLL_US,
				EDU_TIMEOUT_US, false, edu->regs + EDU_DMA_CMD);
	if (!err)
		return 0;

	/* The memory is given back next: a late transfer must not reach it. */
	pci_clear_master(edu->pdev);
	return -EIO;
}

static int edu_copy(struct edu *edu, const struct edu_buffer *src,
		    const struct edu_buffer *dst)
{
	size_t done, len;
	int err;

	/* The device is cut off from memory until a late transfer has ended. */
	if (readq(edu->regs + EDU_DMA_CMD) & EDU_DMA_RUN)
		return -EIO;
	pci_set_master(edu->pdev);

	for (done = 0; done < src->size; done += len) {
		dma_addr_t from, to;

		/* 1 MiB takes more than a minute. */
		if (signal_pending(current))
			return -EINTR;

		len = min_t(size_t, src->size - done, EDU_CHUNK);
		from = edu_addr(src, done, &len);
		to = edu_addr(dst, done, &len);
		err = edu_move(edu, from, EDU_BUFFER, len, 0);
		if (!err)
			err = edu_move(edu, EDU_BUFFER, to, len, EDU_DMA_TO_RAM);
		if (err)
			return err;
	}
	return 0;
}

static int edu_transfer(struct edu *edu, struct edu_buffer *src,
			struct edu_buffer *dst)
{
	struct device *dev = &edu->pdev->dev;
	int err;

	lockdep_assert_held(&edu->lock);
	if (!edu->regs)
		return -ENODEV;

	err = edu_map(dev, src);
	if (err)
		return err;
	err = edu_map(dev, dst);
	if (err)
		goto unmap_src;

	edu->src = src->stats;
	edu->dst = dst->stats;
	err = edu_copy(edu, src, dst);

	edu_unmap(dev, dst);
unmap_src:
	edu_unmap(dev, src);
	return err;
}

/* Each write is one transfer, whatever the position in the file. */
static ssize_t edu_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	struct edu *edu = iocb->ki_filp->private_data;
	size_t size = iov_iter_count(from);
	unsigned int i;
	int err;

	if (!size)
		return 0;
	if (size > EDU_SIZE_MAX)
		return -EFBIG;

	struct edu_buffer *src __free(edu_buffer) =
		edu_buffer_alloc(size, DMA_TO_DEVICE);
	struct edu_buffer *dst __free(edu_buffer) =
		edu_buffer_alloc(size, DMA_FROM_DEVICE);
	if (!src || !dst)
		return -ENOMEM;

	for (i = 0; i < src->nr_pages; i++) {
		size_t len = edu_page_size(src, i);

		if (copy_page_from_iter(src->pages[i], 0, len, from) != len)
			return -EFAULT;
	}

	err = mutex_lock_interruptible(&edu->lock);
	if (err)
		return err;
	err = edu_transfer(edu, src, dst);
	if (!err)
		swap(edu->data, dst);
	mutex_unlock(&edu->lock);
	return err ?: size;
}

static ssize_t edu_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	struct edu *edu = iocb->ki_filp->private_data;
	const struct edu_buffer *data;
	ssize_t done = 0;
	int err;

	err = mutex_lock_interruptible(&edu->lock);
	if (err)
		return err;

	data = edu->data;
	while (data && iocb->ki_pos < data->size && iov_iter_count(to)) {
		unsigned int i = iocb->ki_pos >> PAGE_SHIFT;
		size_t offset = offset_in_page(iocb->ki_pos);
		size_t len = copy_page_to_iter(data->pages[i], offset,
					       edu_page_size(data, i) - offset,
					       to);

		if (!len) {
			done = done ?: -EFAULT;
			break;
		}
		iocb->ki_pos += len;
		done += len;
	}
	mutex_unlock(&edu->lock);
	return done;
}

static void edu_release(struct kref *ref)
{
	struct edu *edu = container_of(ref, struct edu, ref);

	edu_buffer_free(edu->data);
	kfree(edu);
}

/* The file may stay open when the device has gone. */
static int edu_open(struct inode *inode, struct file *file)
{
	struct edu *edu = container_of(file->private_data, struct edu, misc);

	kref_get(&edu->ref);
	file->private_data = edu;
	return 0;
}

static int edu_close(struct inode *inode, struct file *file)
{
	struct edu *edu = file->private_data;

	kref_put(&edu->ref, edu_release);
	return 0;
}

static const struct file_operations edu_fops = {
	.owner		= THIS_MODULE,
	.open		= edu_open,
	.release	= edu_close,
	.read_iter	= edu_read_iter,
	.write_iter	= edu_write_iter,
};

/* One line for each counter: source, destination */
static int edu_stats_show(struct seq_file *m, void *unused)
{
	struct edu *edu = m->private;

	guard(mutex)(&edu->lock);
	seq_printf(m, "pieces %u %u\n", edu->src.pieces, edu->dst.pieces);
	seq_printf(m, "links %u %u\n", edu->src.links, edu->dst.links);
	seq_printf(m, "syncs %u %u\n", edu->src.syncs, edu->dst.syncs);
	seq_printf(m, "addresses %u %u\n", edu->src.addresses,
		   edu->dst.addresses);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(edu_stats);

static int edu_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	void __iomem *regs;
	struct edu *edu;
	int err;

	err = pcim_enable_device(pdev);
	if (err)
		return err;
	regs = pcim_iomap_region(pdev, 0, EDU_NAME);
	if (IS_ERR(regs))
		return PTR_ERR(regs);
	err = dma_set_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(EDU_ADDR_BITS));
	if (err)
		return err;

	edu = kzalloc(sizeof(*edu), GFP_KERNEL);
	if (!edu)
		return -ENOMEM;
	kref_init(&edu->ref);
	mutex_init(&edu->lock);
	edu->pdev = pdev;
	edu->regs = regs;
	edu->misc = (struct miscdevice) {
		.minor	= MISC_DYNAMIC_MINOR,
		.name	= EDU_NAME,
		.fops	= &edu_fops,
		.parent	= &pdev->dev,
	};
	err = misc_register(&edu->misc);
	if (err) {
		kref_put(&edu->ref, edu_release);
		return err;
	}

	pci_set_drvdata(pdev, edu);
	edu->debugfs = debugfs_create_dir(EDU_NAME, NULL);
	debugfs_create_file("stats", 0444, edu->debugfs, edu, &edu_stats_fops);
	return 0;
}

static void edu_remove(struct pci_dev *pdev)
{
	struct edu *edu = pci_get_drvdata(pdev);

	debugfs_remove(edu->debugfs);
	misc_deregister(&edu->misc);
	scoped_guard(mutex, &edu->lock)
		edu->regs = NULL;
	kref_put(&edu->ref, edu_release);
}

/* QEMU's -device edu */
static const struct pci_device_id edu_ids[] = {
	{ PCI_DEVICE(0x1234, 0x11e8) },
	{ }
};
MODULE_DEVICE_TABLE(pci, edu_ids);

static struct pci_driver edu_driver = {
	.name		= EDU_NAME,
	.id_table	= edu_ids,
	.probe		= edu_probe,
	.remove		= edu_remove,
};
module_pci_driver(edu_driver);

MODULE_DESCRIPTION("Two-step DMA mapping with QEMU's educational device");
MODULE_LICENSE("GPL");
