// SPDX-License-Identifier: GPL-2.0
/*
 * What a migration buffer of mlx5's VFIO driver costs: its own functions allocate
 * the pages, map them and fill in the entries of a memory key, and undo that. The
 * firmware does not get the key. The device is QEMU's edu, behind an IOMMU. This
 * builds for kernels with and without the two-step DMA API.
 *
 *	echo "<pages> <rounds>" > /sys/kernel/debug/mlx5vf_cost; cat that file
 *
 * proves that all entries are right, and answers with the sums of all rounds, in
 * nanoseconds: "<create the buffer> <free it> <allocate as many pages> <free them>
 * <pages that are neighbours in memory> <bytes by which the driver remembers the
 * pages of one buffer>". A guest that counts instructions does one in each nanosecond.
 */
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/dma-mapping.h>
#include <linux/iommu.h>
#include <linux/kprobes.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/uaccess.h>
#include <linux/vmstat.h>

#include "cmd.h"

/* Until the flush queue's timer, of 10 ms, has found it empty */
#define COST_SETTLE_MS	50

/* Pages that the driver allocates at once */
#define COST_BATCH	512

/* Single pages that the driver does not take: zones keep some free */
#define COST_SPARE(nr)	(4096 + (nr) / 4)

static struct mlx5_vf_migration_file *migf;
static char answer[128];

/* The driver's functions are not exported; nor is the last one. */
static typeof(mlx5vf_alloc_data_buffer) *alloc_buffer;
static typeof(mlx5vf_free_data_buffer) *free_buffer;
static typeof(mlx5vf_get_migration_page) *get_page_at;
static void (*drain_pages)(struct zone *zone);

static void *cost_find(const char *name)
{
	struct kprobe probe = { .symbol_name = name };
	void *addr;

	if (register_kprobe(&probe))
		return NULL;
	addr = probe.addr;
	unregister_kprobe(&probe);
	return addr;
}

/* Replaces the firmware. Keeps the entries if there is room for them. */
static __be64 *cost_mtt;

static int cost_create_mkey(struct mlx5_core_dev *mdev, u32 *mkey, u32 *in,
			    int inlen)
{
	if (cost_mtt)
		memcpy(cost_mtt, MLX5_ADDR_OF(create_mkey_in, in, klm_pas_mtt),
		       inlen - MLX5_ST_SZ_BYTES(create_mkey_in));
	return 0;
}

static int cost_destroy_mkey(struct mlx5_core_dev *mdev, u32 mkey)
{
	return 0;
}

static int cost_divert_create(struct kprobe *probe, struct pt_regs *regs)
{
	instruction_pointer_set(regs, (unsigned long)cost_create_mkey);
	return 1;
}

static int cost_divert_destroy(struct kprobe *probe, struct pt_regs *regs)
{
	instruction_pointer_set(regs, (unsigned long)cost_destroy_mkey);
	return 1;
}

/* A probe with this is not turned into a jump, which could not divert. */
static void cost_probed(struct kprobe *probe, struct pt_regs *regs,
			unsigned long flags)
{
}

static struct kprobe cost_probes[] = {
	{
		.symbol_name = "mlx5_core_create_mkey",
		.pre_handler = cost_divert_create,
		.post_handler = cost_probed,
	}, {
		.symbol_name = "mlx5_core_destroy_mkey",
		.pre_handler = cost_divert_destroy,
		.post_handler = cost_probed,
	},
};

/* Keep every second page, so that the free ones have no neighbours. */
static int cost_scatter(struct list_head *kept, unsigned int nr)
{
	LIST_HEAD(others);
	struct page *page, *next;
	int err = 0;

	/* Single pages that the CPU has at hand may be neighbours. */
	drain_pages(NULL);
	while (nr-- && !err) {
		page = alloc_pages(GFP_KERNEL, 1);
		if (!page) {
			err = -ENOMEM;
			break;
		}
		split_page(page, 1);
		list_add(&page->lru, kept);
		list_add(&page[1].lru, &others);
	}
	list_for_each_entry_safe(page, next, &others, lru)
		__free_page(page);
	return err;
}

static void cost_gather(struct list_head *kept)
{
	struct page *page, *next;

	list_for_each_entry_safe(page, next, kept, lru)
		__free_page(page);
}

static struct mlx5_vhca_data_buffer *
cost_alloc(unsigned int nr, enum dma_data_direction dir)
{
	struct mlx5_vhca_data_buffer *buf;

	mutex_lock(&migf->mvdev->state_mutex);
	buf = alloc_buffer(migf, (size_t)nr * PAGE_SIZE, dir);
	mutex_unlock(&migf->mvdev->state_mutex);
	return buf;
}

static void cost_free(struct mlx5_vhca_data_buffer *buf)
{
	mutex_lock(&migf->mvdev->state_mutex);
	free_buffer(buf);
	mutex_unlock(&migf->mvdev->state_mutex);
}

/* To the page, of a machine that is one node */
static unsigned long cost_free_pages(void)
{
	struct zone *zones = NODE_DATA(numa_node_id())->node_zones;
	unsigned long free = 0;
	int i;

	drain_pages(NULL);
	for (i = 0; i < MAX_NR_ZONES; i++)
		if (populated_zone(&zones[i]))
			free += zone_page_state_snapshot(&zones[i],
							 NR_FREE_PAGES);
	return free;
}

/* Without a mapping, whose page tables are not the driver's */
static int cost_weigh(unsigned int nr, size_t *beside)
{
	struct mlx5_vhca_data_buffer *buf;
	unsigned long free = cost_free_pages();

	buf = cost_alloc(nr, DMA_NONE);
	if (IS_ERR(buf))
		return PTR_ERR(buf);
	*beside = (free - cost_free_pages() - nr) << PAGE_SHIFT;
	cost_free(buf);
	return 0;
}

/* Every entry is the address of its page, as the device sees it. */
static int cost_check(unsigned int nr, unsigned int *neighbours)
{
	struct device *dev = migf->mvdev->mdev->device;
	struct iommu_domain *domain = iommu_get_domain_for_dev(dev);
	struct mlx5_vhca_data_buffer *buf;
	struct page *page, *last = NULL;
	unsigned int i;
	int err = 0;

	if (!domain)
		return -ENODEV;
	cost_mtt = kvcalloc(round_up(nr, 2), sizeof(*cost_mtt), GFP_KERNEL);
	if (!cost_mtt)
		return -ENOMEM;
	buf = cost_alloc(nr, DMA_FROM_DEVICE);
	if (IS_ERR(buf)) {
		err = PTR_ERR(buf);
		goto out_free;
	}
	*neighbours = 0;
	for (i = 0; i < nr; i++) {
		page = get_page_at(buf, (unsigned long)i * PAGE_SIZE);
		if (iommu_iova_to_phys(domain, be64_to_cpu(cost_mtt[i])) !=
		    page_to_phys(page))
			err = -EFAULT;
		if (last && page_to_pfn(page) == page_to_pfn(last) + 1)
			(*neighbours)++;
		last = page;
	}
	cost_free(buf);
out_free:
	kvfree(cost_mtt);
	cost_mtt = NULL;
	return err;
}

struct cost_times {
	u64 alloc;
	u64 free;
};

static int cost_time_buffer(unsigned int nr, struct cost_times *sum)
{
	struct mlx5_vhca_data_buffer *buf;
	u64 before, between;

	msleep(COST_SETTLE_MS);
	before = ktime_get_ns();
	buf = cost_alloc(nr, DMA_FROM_DEVICE);
	between = ktime_get_ns();
	if (IS_ERR(buf))
		return PTR_ERR(buf);
	sum->alloc += between - before;
	before = ktime_get_ns();
	cost_free(buf);
	sum->free += ktime_get_ns() - before;
	return 0;
}

/* Just as many, of the same, into an array that is there */
static int cost_time_pages(unsigned int nr, struct cost_times *sum)
{
	struct page **pages = kvcalloc(nr, sizeof(*pages), GFP_KERNEL);
	unsigned int done = 0, filled, i;
	u64 before, between;

	if (!pages)
		return -ENOMEM;
	msleep(COST_SETTLE_MS);
	before = ktime_get_ns();
	do {
		filled = alloc_pages_bulk_array(GFP_KERNEL_ACCOUNT,
						min(nr - done, COST_BATCH),
						pages + done);
		done += filled;
	} while (filled && done < nr);
	between = ktime_get_ns();
	for (i = 0; i < done; i++)
		__free_page(pages[i]);
	sum->alloc += between - before;
	sum->free += ktime_get_ns() - between;
	kvfree(pages);
	return done == nr ? 0 : -ENOMEM;
}

static int cost_measure(unsigned int nr, unsigned int rounds)
{
	struct cost_times buffer = {}, pages = {};
	unsigned int neighbours;
	LIST_HEAD(kept);
	size_t beside;
	int err;

	err = cost_scatter(&kept, nr + COST_SPARE(nr));
	if (!err)
		err = cost_check(nr, &neighbours);
	if (!err)
		err = cost_weigh(nr, &beside);
	while (rounds-- && !err) {
		err = cost_time_buffer(nr, &buffer);
		if (!err)
			err = cost_time_pages(nr, &pages);
	}
	cost_gather(&kept);
	if (!err)
		snprintf(answer, sizeof(answer), "%llu %llu %llu %llu %u %zu\n",
			 buffer.alloc, buffer.free, pages.alloc, pages.free,
			 neighbours, beside);
	return err;
}

static ssize_t cost_write(struct file *file, const char __user *from,
			  size_t len, loff_t *pos)
{
	char command[32] = {};
	unsigned int nr, rounds;
	int err;

	if (len >= sizeof(command))
		return -EINVAL;
	if (copy_from_user(command, from, len))
		return -EFAULT;
	if (sscanf(command, "%u %u", &nr, &rounds) != 2 || !nr)
		return -EINVAL;
	err = cost_measure(nr, rounds);
	return err ?: len;
}

static ssize_t cost_read(struct file *file, char __user *to, size_t len,
			 loff_t *pos)
{
	return simple_read_from_buffer(to, len, pos, answer, strlen(answer));
}

static const struct file_operations cost_fops = {
	.owner	= THIS_MODULE,
	.open	= simple_open,
	.read	= cost_read,
	.write	= cost_write,
	.llseek	= default_llseek,
};

static struct dentry *cost_file;

static int cost_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct device *dev = &pdev->dev;
	struct mlx5vf_pci_core_device *mvdev;
	int err;

	migf = devm_kzalloc(dev, sizeof(*migf), GFP_KERNEL);
	mvdev = devm_kzalloc(dev, sizeof(*mvdev), GFP_KERNEL);
	if (!migf || !mvdev)
		return -ENOMEM;
	mvdev->mdev = devm_kzalloc(dev, sizeof(*mvdev->mdev), GFP_KERNEL);
	if (!mvdev->mdev)
		return -ENOMEM;
	mvdev->mdev->device = dev;
	migf->mvdev = mvdev;
	mutex_init(&mvdev->state_mutex);

	err = pcim_enable_device(pdev);
	if (err)
		return err;
	err = dma_set_mask_and_coherent(dev, DMA_BIT_MASK(64));
	if (err)
		return err;
	/* mlx5_core sets the same size. */
	dma_set_max_seg_size(dev, SZ_2G);
	cost_file = debugfs_create_file(KBUILD_MODNAME, 0600, NULL, NULL,
					&cost_fops);
	return 0;
}

static void cost_remove(struct pci_dev *pdev)
{
	debugfs_remove(cost_file);
}

static const struct pci_device_id cost_ids[] = {
	{ PCI_DEVICE(0x1234, 0x11e8) },
	{ }
};
MODULE_DEVICE_TABLE(pci, cost_ids);

static struct pci_driver cost_driver = {
	.name		= KBUILD_MODNAME,
	.id_table	= cost_ids,
	.probe		= cost_probe,
	.remove		= cost_remove,
};

static void cost_unregister_probes(int nr)
{
	while (nr--)
		unregister_kprobe(&cost_probes[nr]);
}

static int __init cost_init(void)
{
	int err, i;

	alloc_buffer = cost_find("mlx5vf_alloc_data_buffer");
	free_buffer = cost_find("mlx5vf_free_data_buffer");
	get_page_at = cost_find("mlx5vf_get_migration_page");
	drain_pages = cost_find("drain_all_pages");
	if (!alloc_buffer || !free_buffer || !get_page_at || !drain_pages)
		return -ENOENT;

	for (i = 0; i < ARRAY_SIZE(cost_probes); i++) {
		err = register_kprobe(&cost_probes[i]);
		if (err)
			goto err_unregister;
	}
	err = pci_register_driver(&cost_driver);
	if (err)
		goto err_unregister;
	return 0;

err_unregister:
	cost_unregister_probes(i);
	return err;
}
module_init(cost_init);

static void __exit cost_exit(void)
{
	pci_unregister_driver(&cost_driver);
	cost_unregister_probes(ARRAY_SIZE(cost_probes));
}
module_exit(cost_exit);

MODULE_DESCRIPTION("Cost of a migration buffer of mlx5's VFIO driver");
MODULE_LICENSE("GPL");
