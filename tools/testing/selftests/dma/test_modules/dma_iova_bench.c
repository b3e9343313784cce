// SPDX-License-Identifier: GPL-2.0
/*
 * What it costs to map scattered pages for DMA, in each of the ways that a driver
 * has. The module binds to QEMU's edu device, which is behind an IOMMU. The device
 * itself does nothing.
 *
 * Each device has a file of its name in debugfs, below dma_iova_bench/:
 *
 *	echo "<way> <pages> <counted> <timed> <phase>" > FILE; cat FILE
 *
 * proves that every page is translated, maps and unmaps the pages <counted> times
 * with interrupts off, and then <timed> times by the clock. The numbers <phase>
 * and <phase> + 1 are in the interrupt line of the device's config space during
 * these two, and 0 before and after, so that a trace of QEMU's shows what belongs to
 * which. The answer is the time of the <timed> calls in nanoseconds: "<map>
 * <unmap>". A guest that counts instructions (-icount shift=0) does one in each.
 *
 *	echo "hammer <way> <pages> <times>" > FILE; cat FILE
 *
 * does so on every CPU at the same time, and answers how long that took. The first
 * answer, before any command, is the names of the ways.
 */
#include <linux/cpu.h>
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/dma-mapping.h>
#include <linux/iommu.h>
#include <linux/irqflags.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/timex.h>
#include <linux/uaccess.h>
#include <linux/workqueue.h>

#ifdef CONFIG_ARM64
#include <asm/arch_timer.h>
#endif

#define BENCH_DIR	DMA_TO_DEVICE
#define BENCH_PAGES_MAX	4096

/* Until the flush queue's timer, of 10 ms, has found it empty */
#define BENCH_SETTLE_MS	50

/* Calls by which the cost of the clock, and of the call itself, is known */
#define BENCH_NOTHING	1024

/*
 * Only the first page of each allocation is used. So no two pages are
 * neighbours in memory, and each is a separate piece.
 */
#define BENCH_PAGE_ORDER	1

/* The pages that are mapped, and their addresses */
struct bench {
	struct device *dev;
	unsigned int nr;
	struct page **pages;
	dma_addr_t *addrs;
	struct phys_vec *vec;
	struct sg_table sgt;
	struct dma_iova_state iova;
	struct dma_iova_state *iovas;	/* one for each page */
	struct page *run;		/* nr pages in a row */
	struct list_head blocks;	/* what the run is part of */
	const struct bench_way *way;
	unsigned int times;
	struct work_struct work;
	int err;
};

/**
 * struct bench_way - a way to map pages
 * @name:	of it
 * @prepare:	done once, before anything is mapped, or NULL
 * @map:	map all pages
 * @unmap:	undo @map
 * @finish:	undo @prepare, or NULL
 * @contiguous:	it maps bench.run rather than bench.pages
 * @addr:	where the device sees page i, once mapped
 */
struct bench_way {
	const char *name;
	int (*prepare)(struct bench *b);
	int (*map)(struct bench *b);
	void (*unmap)(struct bench *b);
	void (*finish)(struct bench *b);
	bool contiguous;
	dma_addr_t (*addr)(struct bench *b, unsigned int i);
};

static size_t bench_size(const struct bench *b)
{
	return b->nr * PAGE_SIZE;
}

/* The clock itself */
static int nothing_map(struct bench *b)
{
	return 0;
}

static void nothing_unmap(struct bench *b)
{
}

/* Page by page */
static int page_map(struct bench *b)
{
	unsigned int i;

	for (i = 0; i < b->nr; i++) {
		b->addrs[i] = dma_map_page(b->dev, b->pages[i], 0, PAGE_SIZE,
					   BENCH_DIR);
		if (dma_mapping_error(b->dev, b->addrs[i]))
			goto err_unmap;
	}
	return 0;

err_unmap:
	while (i--)
		dma_unmap_page(b->dev, b->addrs[i], PAGE_SIZE, BENCH_DIR);
	return -ENOMEM;
}

static void page_unmap(struct bench *b)
{
	unsigned int i;

	for (i = 0; i < b->nr; i++)
		dma_unmap_page(b->dev, b->addrs[i], PAGE_SIZE, BENCH_DIR);
}

static dma_addr_t page_addr(struct bench *b, unsigned int i)
{
	return b->addrs[i];
}

/* Maps the pages as a scatterlist, which is built for the mapping */
static int sg_map(struct bench *b)
{
	struct scatterlist *sg;
	unsigned int i;
	int err;

	err = sg_alloc_table(&b->sgt, b->nr, GFP_ATOMIC);
	if (err)
		return err;
	for_each_sgtable_sg(&b->sgt, sg, i)
		sg_set_page(sg, b->pages[i], PAGE_SIZE, 0);
	err = dma_map_sgtable(b->dev, &b->sgt, BENCH_DIR, 0);
	if (err)
		sg_free_table(&b->sgt);
	return err;
}

static void sg_unmap(struct bench *b)
{
	dma_unmap_sgtable(b->dev, &b->sgt, BENCH_DIR, 0);
	sg_free_table(&b->sgt);
}

static dma_addr_t sg_addr(struct bench *b, unsigned int i)
{
	size_t offset = i * PAGE_SIZE;
	struct scatterlist *sg;
	int n;

	for_each_sgtable_dma_sg(&b->sgt, sg, n) {
		if (offset < sg_dma_len(sg))
			return sg_dma_address(sg) + offset;
		offset -= sg_dma_len(sg);
	}
	return DMA_MAPPING_ERROR;
}

/* In two steps: what reserves, and what gives back */
static int iova_alloc(struct bench *b)
{
	if (!dma_iova_try_alloc(b->dev, &b->iova, 0, bench_size(b)))
		return -ENOSPC;
	return 0;
}

static void iova_free(struct bench *b)
{
	dma_iova_free(b->dev, &b->iova);
}

static void iova_destroy(struct bench *b)
{
	dma_iova_destroy(b->dev, &b->iova, bench_size(b), BENCH_DIR, 0);
}

static dma_addr_t iova_addr(struct bench *b, unsigned int i)
{
	return b->iova.addr + i * PAGE_SIZE;
}

/* ... and what is between: each fills the reservation, or leaves it empty. */
static int iova_link(struct bench *b)
{
	size_t linked;
	unsigned int i;
	int err;

	for (i = 0, linked = 0; i < b->nr; i++, linked += PAGE_SIZE) {
		err = dma_iova_link(b->dev, &b->iova, page_to_phys(b->pages[i]),
				    linked, PAGE_SIZE, BENCH_DIR, 0);
		if (err)
			goto err_unlink;
	}
	err = dma_iova_sync(b->dev, &b->iova, 0, linked);
	if (err)
		goto err_unlink;
	return 0;

err_unlink:
	if (linked)
		dma_iova_unlink(b->dev, &b->iova, 0, linked, BENCH_DIR, 0);
	return err;
}

static void iova_unlink(struct bench *b)
{
	dma_iova_unlink(b->dev, &b->iova, 0, bench_size(b), BENCH_DIR, 0);
}

static int iova_link_run(struct bench *b)
{
	int err = dma_iova_link(b->dev, &b->iova, page_to_phys(b->run), 0,
				bench_size(b), BENCH_DIR, 0);

	if (err)
		return err;
	err = dma_iova_sync(b->dev, &b->iova, 0, bench_size(b));
	if (err)
		iova_unlink(b);
	return err;
}

#ifdef HAVE_DMA_IOVA_LINK_VEC
static int iova_link_vec(struct bench *b)
{
	struct page *const *pages = b->pages;
	struct phys_vec *vec = b->vec;
	unsigned int i, nr = b->nr;
	int err;

	for (i = 0; i < nr; i++) {
		vec[i].paddr = page_to_phys(pages[i]);
		vec[i].len = PAGE_SIZE;
	}
	err = dma_iova_link_vec(b->dev, &b->iova, vec, nr, 0, BENCH_DIR, 0);
	if (err)
		return err;
	err = dma_iova_sync(b->dev, &b->iova, 0, bench_size(b));
	if (err)
		iova_unlink(b);
	return err;
}
#endif

/* Inlined, and so called directly: this is a driver's code. */
static __always_inline int iova_map(struct bench *b, int (*link)(struct bench *b))
{
	int err = iova_alloc(b);

	if (err)
		return err;
	err = link(b);
	if (err)
		iova_free(b);
	return err;
}

static int link_map(struct bench *b)
{
	return iova_map(b, iova_link);
}

static int contiguous_map(struct bench *b)
{
	return iova_map(b, iova_link_run);
}

#ifdef HAVE_DMA_IOVA_LINK_VEC
static int vec_map(struct bench *b)
{
	return iova_map(b, iova_link_vec);
}
#endif

#ifdef DMA_IOVA_BATCH_SIZE
/* A reservation for each page, as for requests that end together */
static void batch_unmap_first(struct bench *b, unsigned int nr)
{
	struct dma_iova_batch batch;
	unsigned int i;

	dma_iova_batch_init(&batch);
	for (i = 0; i < nr; i++)
		dma_iova_batch_destroy(&batch, b->dev, &b->iovas[i], PAGE_SIZE,
				       BENCH_DIR, 0);
	dma_iova_batch_flush(&batch);
}

static int batch_map(struct bench *b)
{
	unsigned int i;
	int err;

	for (i = 0; i < b->nr; i++) {
		phys_addr_t phys = page_to_phys(b->pages[i]);

		err = -ENOMEM;
		if (!dma_iova_try_alloc(b->dev, &b->iovas[i], phys, PAGE_SIZE))
			goto err_unmap;
		err = dma_iova_link(b->dev, &b->iovas[i], phys, 0, PAGE_SIZE,
				    BENCH_DIR, 0);
		if (err)
			goto err_free;
		err = dma_iova_sync(b->dev, &b->iovas[i], 0, PAGE_SIZE);
		if (err)
			goto err_unlink;
	}
	return 0;

err_unlink:
	dma_iova_unlink(b->dev, &b->iovas[i], 0, PAGE_SIZE, BENCH_DIR, 0);
err_free:
	dma_iova_free(b->dev, &b->iovas[i]);
err_unmap:
	batch_unmap_first(b, i);
	return err;
}

static void batch_unmap(struct bench *b)
{
	batch_unmap_first(b, b->nr);
}

static dma_addr_t batch_addr(struct bench *b, unsigned int i)
{
	return b->iovas[i].addr;
}
#endif

static const struct bench_way bench_nothing = {
	.name = "nothing", .map = nothing_map, .unmap = nothing_unmap,
};

static const struct bench_way bench_ways[] = {
	{
		.name = "page", .addr = page_addr,
		.map = page_map, .unmap = page_unmap,
	}, {
		.name = "sg", .addr = sg_addr,
		.map = sg_map, .unmap = sg_unmap,
	}, {
		.name = "link", .addr = iova_addr,
		.map = link_map, .unmap = iova_destroy,
	}, {
		.name = "relink", .addr = iova_addr,
		.prepare = iova_alloc, .finish = iova_free,
		.map = iova_link, .unmap = iova_unlink,
	}, {
		.name = "contiguous", .addr = iova_addr, .contiguous = true,
		.map = contiguous_map, .unmap = iova_destroy,
	},
#ifdef DMA_IOVA_BATCH_SIZE
	{
		.name = "batch", .addr = batch_addr,
		.map = batch_map, .unmap = batch_unmap,
	},
#endif
#ifdef HAVE_DMA_IOVA_LINK_VEC
	{
		.name = "vec", .addr = iova_addr,
		.map = vec_map, .unmap = iova_destroy,
	}, {
		.name = "relink-vec", .addr = iova_addr,
		.prepare = iova_alloc, .finish = iova_free,
		.map = iova_link_vec, .unmap = iova_unlink,
	},
#endif
};

static const struct bench_way *bench_find_way(const char *name)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bench_ways); i++)
		if (!strcmp(bench_ways[i].name, name))
			return &bench_ways[i];
	return NULL;
}

/* The order in which pages come after a machine has been up for a while */
static void bench_shuffle(struct bench *b)
{
	u32 random = 1;
	unsigned int i;

	for (i = b->nr; i > 1; i--) {
		random = random * 1664525 + 1013904223;
		swap(b->pages[i - 1],
		     b->pages[mul_u32_u32(random, i) >> 32]);
	}
}

static int bench_alloc_pages(struct bench *b)
{
	unsigned int i;

	for (i = 0; i < b->nr; i++) {
		b->pages[i] = alloc_pages(GFP_KERNEL, BENCH_PAGE_ORDER);
		if (!b->pages[i])
			return -ENOMEM;
		/*
		 * The other one, which is between this and the next, is unused.
		 */
		if (WARN_ON(page_to_pfn(b->pages[i]) & 1))
			return -EINVAL;
	}
	bench_shuffle(b);
	return 0;
}

/*
 * Pages in a row may be more than the page allocator has in one block. It gives
 * blocks that are neighbours most of the time: all are kept until enough are.
 */
static int bench_alloc_run(struct bench *b)
{
	unsigned int order = min(get_order(bench_size(b)), MAX_PAGE_ORDER);
	unsigned int got, tries = 64;
	struct page *block;

	for (got = 0; got < b->nr; got += 1 << order) {
		block = tries-- ? alloc_pages(GFP_KERNEL, order) : NULL;
		if (!block)
			return -ENOMEM;
		set_page_private(block, order);
		list_add(&block->lru, &b->blocks);
		if (got && block + (1 << order) == b->run) {
			b->run = block;
		} else if (!got || block != b->run + got) {
			b->run = block;
			got = 0;
		}
	}
	return 0;
}

static void bench_free(struct bench *b)
{
	struct page *block, *next;
	unsigned int i;

	list_for_each_entry_safe(block, next, &b->blocks, lru) {
		list_del(&block->lru);
		__free_pages(block, page_private(block));
	}
	for (i = 0; b->pages && i < b->nr && b->pages[i]; i++)
		__free_pages(b->pages[i], BENCH_PAGE_ORDER);
	kvfree(b->pages);
	kvfree(b->addrs);
	kvfree(b->vec);
	kvfree(b->iovas);
}

static int bench_alloc(struct bench *b, struct device *dev,
		       const struct bench_way *way, unsigned int nr)
{
	int err;

	*b = (struct bench) { .dev = dev, .way = way, .nr = nr };
	INIT_LIST_HEAD(&b->blocks);
	b->pages = kvcalloc(nr, sizeof(*b->pages), GFP_KERNEL);
	b->addrs = kvcalloc(nr, sizeof(*b->addrs), GFP_KERNEL);
	b->vec = kvcalloc(nr, sizeof(*b->vec), GFP_KERNEL);
	b->iovas = kvcalloc(nr, sizeof(*b->iovas), GFP_KERNEL);
	err = -ENOMEM;
	if (!b->pages || !b->addrs || !b->vec || !b->iovas)
		goto err_free;
	err = way->contiguous ? bench_alloc_run(b) : bench_alloc_pages(b);
	if (err)
		goto err_free;
	if (way->prepare)
		err = way->prepare(b);
	if (err)
		goto err_free;
	return 0;

err_free:
	bench_free(b);
	return err;
}

static void bench_finish(struct bench *b)
{
	if (b->way->finish)
		b->way->finish(b);
	bench_free(b);
}

static phys_addr_t bench_phys(const struct bench *b, unsigned int i)
{
	return page_to_phys(b->way->contiguous ? b->run + i : b->pages[i]);
}

/* Every page is translated while it is mapped, and none is after that. */
static int bench_check(struct bench *b)
{
	struct iommu_domain *domain = iommu_get_domain_for_dev(b->dev);
	unsigned int i, wrong = 0;
	int err;

	if (!domain)
		return -ENODEV;
	err = b->way->map(b);
	if (err)
		return err;
	for (i = 0; i < b->nr; i++) {
		dma_addr_t addr = b->way->addr(b, i);

		if (iommu_iova_to_phys(domain, addr) != bench_phys(b, i))
			wrong++;
		/*
		 * What unmapping leaves of the scatterlist is not an address.
		 */
		b->addrs[i] = addr;
	}
	b->way->unmap(b);
	for (i = 0; i < b->nr; i++)
		if (iommu_iova_to_phys(domain, b->addrs[i]))
			wrong++;
	return wrong ? -EFAULT : 0;
}

static int bench_map_unmap(struct bench *b, unsigned int times)
{
	int err = 0;

	while (times-- && !err) {
		err = b->way->map(b);
		if (!err)
			b->way->unmap(b);
	}
	return err;
}

/*
 * Interrupts are off all the time, so that the flush queue's timer is not
 * counted.
 */
static int bench_count(struct bench *b, unsigned int times)
{
	unsigned long flags;
	int err;

	local_irq_save(flags);
	err = bench_map_unmap(b, times);
	local_irq_restore(flags);
	return err;
}

struct bench_times {
	u64 map;
	u64 unmap;
};

/*
 * A tick of the clock may be several nanoseconds. The delay before a call
 * varies, so that calls do not all begin at the same point of a tick.
 */
static int bench_clock(struct bench *b, const struct bench_way *way,
		       unsigned int times, struct bench_times *sum)
{
	cycles_t before, between, after;
	unsigned long flags;
	unsigned int i, n;
	int err;

	*sum = (struct bench_times) {};
	for (i = 0; i < times; i++) {
		for (n = i % 64; n; n--)
			barrier();
		local_irq_save(flags);
		before = get_cycles();
		err = way->map(b);
		between = get_cycles();
		if (!err)
			way->unmap(b);
		after = get_cycles();
		local_irq_restore(flags);
		if (err)
			return err;
		sum->map += between - before;
		sum->unmap += after - between;
	}
	return 0;
}

static u64 bench_ns(u64 cycles)
{
#ifdef CONFIG_ARM64
	return div_u64(cycles * NSEC_PER_SEC, arch_timer_get_cntfrq());
#else
	return cycles;	/* A guest that counts instructions has a TSC of 1 GHz. */
#endif
}

static u64 bench_net(u64 sum, u64 nothing, unsigned int times)
{
	return bench_ns(sum) - bench_ns(nothing) * times / BENCH_NOTHING;
}

static int bench_time(struct bench *b, unsigned int times,
		      struct bench_times *sum)
{
	struct bench_times nothing;
	int err;

	err = bench_clock(b, &bench_nothing, BENCH_NOTHING, &nothing);
	if (!err)
		err = bench_clock(b, b->way, times, sum);
	if (err)
		return err;
	sum->map = bench_net(sum->map, nothing.map, times);
	sum->unmap = bench_net(sum->unmap, nothing.unmap, times);
	return 0;
}

/* A device, and the last answer */
struct bench_device {
	struct pci_dev *pdev;
	struct dentry *file;
	struct mutex lock;	/* held in a run; for all below */
	char answer[64];
};

/* The guest does not use the value, but QEMU's trace shows it. */
static void bench_mark(struct bench_device *bd, u8 phase)
{
	pci_write_config_byte(bd->pdev, PCI_INTERRUPT_LINE, phase);
}

static int bench_measure(struct bench_device *bd, struct bench *b,
			 unsigned int counted, unsigned int timed, u8 phase)
{
	struct bench_times sum = {};
	int err;

	err = bench_check(b);
	if (err)
		return err;

	msleep(BENCH_SETTLE_MS);
	bench_mark(bd, phase);
	err = bench_count(b, counted);
	bench_mark(bd, 0);
	if (err || !timed)
		return err;

	/* Until the flush queue and the caches of IO addresses are in use */
	err = bench_time(b, timed / 2, &sum);
	if (err)
		return err;
	bench_mark(bd, phase + 1);
	err = bench_time(b, timed, &sum);
	bench_mark(bd, 0);
	snprintf(bd->answer, sizeof(bd->answer), "%llu %llu\n", sum.map,
		 sum.unmap);
	return err;
}

static int bench_run(struct bench_device *bd, const struct bench_way *way,
		     unsigned int nr, unsigned int counted, unsigned int timed,
		     u8 phase)
{
	struct bench b;
	int err;

	err = bench_alloc(&b, &bd->pdev->dev, way, nr);
	if (err)
		return err;
	err = bench_measure(bd, &b, counted, timed, phase);
	bench_finish(&b);
	return err;
}

static void bench_hammer_work(struct work_struct *work)
{
	struct bench *b = container_of(work, struct bench, work);

	b->err = bench_map_unmap(b, b->times);
}

static int bench_hammer(struct bench_device *bd, const struct bench_way *way,
			unsigned int nr, unsigned int times)
{
	unsigned int cpu, done = 0;
	struct bench *b;
	ktime_t start;
	int err = 0;

	b = kcalloc(nr_cpu_ids, sizeof(*b), GFP_KERNEL);
	if (!b)
		return -ENOMEM;

	cpus_read_lock();
	for_each_online_cpu(cpu) {
		err = bench_alloc(&b[cpu], &bd->pdev->dev, way, nr);
		if (err)
			goto out_free;
		b[cpu].times = times;
		INIT_WORK(&b[cpu].work, bench_hammer_work);
		done++;
	}

	start = ktime_get();
	for_each_online_cpu(cpu)
		schedule_work_on(cpu, &b[cpu].work);
	for_each_online_cpu(cpu) {
		flush_work(&b[cpu].work);
		err = err ?: b[cpu].err;
	}
	snprintf(bd->answer, sizeof(bd->answer), "%u %lld\n", done,
		 ktime_to_ns(ktime_sub(ktime_get(), start)));
out_free:
	for_each_online_cpu(cpu) {
		if (!done--)
			break;
		bench_finish(&b[cpu]);
	}
	cpus_read_unlock();
	kfree(b);
	return err;
}

static int bench_command(struct bench_device *bd, const char *command)
{
	unsigned int nr, times, timed;
	const struct bench_way *way;
	char name[16];
	u8 phase;

	if (sscanf(command, "hammer %15s %u %u", name, &nr, &times) == 3) {
		way = bench_find_way(name);
		if (!way || !nr || nr > BENCH_PAGES_MAX)
			return -EINVAL;
		return bench_hammer(bd, way, nr, times);
	}
	if (sscanf(command, "%15s %u %u %u %hhu", name, &nr, &times, &timed,
		   &phase) != 5)
		return -EINVAL;
	way = bench_find_way(name);
	if (!way || !nr || nr > BENCH_PAGES_MAX)
		return -EINVAL;
	return bench_run(bd, way, nr, times, timed, phase);
}

static ssize_t bench_write(struct file *file, const char __user *from,
			   size_t len, loff_t *pos)
{
	struct bench_device *bd = file_inode(file)->i_private;
	char command[64] = {};
	int err;

	if (len >= sizeof(command))
		return -EINVAL;
	if (copy_from_user(command, from, len))
		return -EFAULT;

	mutex_lock(&bd->lock);
	bd->answer[0] = '\0';
	err = bench_command(bd, command);
	mutex_unlock(&bd->lock);
	return err ?: len;
}

static ssize_t bench_read(struct file *file, char __user *to, size_t len,
			  loff_t *pos)
{
	struct bench_device *bd = file_inode(file)->i_private;
	ssize_t ret;

	mutex_lock(&bd->lock);
	ret = simple_read_from_buffer(to, len, pos, bd->answer,
				      strlen(bd->answer));
	mutex_unlock(&bd->lock);
	return ret;
}

static const struct file_operations bench_fops = {
	.owner	= THIS_MODULE,
	.open	= simple_open,
	.read	= bench_read,
	.write	= bench_write,
	.llseek	= default_llseek,
};

static struct dentry *bench_dir;

static int bench_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct bench_device *bd;
	size_t len = 0;
	unsigned int i;
	int err;

	bd = devm_kzalloc(&pdev->dev, sizeof(*bd), GFP_KERNEL);
	if (!bd)
		return -ENOMEM;
	err = pcim_enable_device(pdev);
	if (err)
		return err;
	err = dma_set_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(64));
	if (err)
		return err;
	/* All pages of a scatterlist can be one range to the device. */
	dma_set_max_seg_size(&pdev->dev, UINT_MAX);

	mutex_init(&bd->lock);
	bd->pdev = pdev;
	for (i = 0; i < ARRAY_SIZE(bench_ways); i++)
		len += scnprintf(bd->answer + len, sizeof(bd->answer) - len,
				 "%s\n", bench_ways[i].name);
	bd->file = debugfs_create_file(pci_name(pdev), 0600, bench_dir, bd,
				       &bench_fops);
	pci_set_drvdata(pdev, bd);
	return 0;
}

static void bench_remove(struct pci_dev *pdev)
{
	struct bench_device *bd = pci_get_drvdata(pdev);

	debugfs_remove(bd->file);
}

static const struct pci_device_id bench_ids[] = {
	{ PCI_DEVICE(0x1234, 0x11e8) },
	{ }
};
MODULE_DEVICE_TABLE(pci, bench_ids);

static struct pci_driver bench_driver = {
	.name		= KBUILD_MODNAME,
	.id_table	= bench_ids,
	.probe		= bench_probe,
	.remove		= bench_remove,
};

static int __init bench_init(void)
{
	int err;

	bench_dir = debugfs_create_dir(KBUILD_MODNAME, NULL);
	err = pci_register_driver(&bench_driver);
	if (err)
		debugfs_remove(bench_dir);
	return err;
}
module_init(bench_init);

static void __exit bench_exit(void)
{
	pci_unregister_driver(&bench_driver);
	debugfs_remove(bench_dir);
}
module_exit(bench_exit);

MODULE_DESCRIPTION("Cost of mapping scattered pages for DMA");
MODULE_LICENSE("GPL");
