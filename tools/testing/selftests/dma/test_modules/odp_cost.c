// SPDX-License-Identifier: GPL-2.0
/*
 * What it costs to fault in, and to invalidate, the pages of a region that is
 * registered for on-demand paging. QEMU's edu device, which is behind an IOMMU,
 * takes the place of the RDMA device. The device itself does nothing.
 *
 *	insmod odp_cost.ko pages=512
 *
 * uses memory of the process that loads the module. The module's parameters fault and
 * invalidate then have the fewest nanoseconds of all rounds, and bytes has the size
 * of the lists of pages for a region of 1 GiB. A guest that counts instructions
 * (-icount shift=0) does one in each nanosecond.
 *
 * The pages are in the page table of the process all the time, unless absent=1:
 * then each round faults in new ones, and unmaps them from the process.
 */
#include <linux/dma-mapping.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/mmu_notifier.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/pci-p2pdma.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <rdma/ib_umem_odp.h>

#define ODP_COST_RW		(PROT_READ | PROT_WRITE)
#define ODP_COST_ROUNDS		100

static uint pages = 512;
module_param(pages, uint, 0400);
MODULE_PARM_DESC(pages, "pages of the region");

static bool absent;
module_param(absent, bool, 0400);
MODULE_PARM_DESC(absent, "new pages in each round");

static ulong fault;
module_param(fault, ulong, 0400);
MODULE_PARM_DESC(fault, "result: ns to fault in all pages");

static ulong invalidate;
module_param(invalidate, ulong, 0400);
MODULE_PARM_DESC(invalidate, "result: ns to invalidate all pages");

static ulong bytes;
module_param(bytes, ulong, 0400);
MODULE_PARM_DESC(bytes, "result: bytes of lists for a region of 1 GiB");

/*
 * A driver asks for the address of each page. The kernel without the series
 * keeps the address, and in its low bits what the device may do, in a list.
 */
#ifdef ODP_WRITE_ALLOWED_BIT
#define ODP_COST_ACCESS		(ODP_READ_ALLOWED_BIT | ODP_WRITE_ALLOWED_BIT)

static int odp_cost_read(struct ib_umem_odp *umem, u64 *addrs)
{
	uint i;

	for (i = 0; i < pages; i++)
		addrs[i] = umem->dma_list[i] & ODP_DMA_ADDR_MASK;
	return 0;
}
#else
#define ODP_COST_ACCESS		HMM_PFN_WRITE

static int odp_cost_read(struct ib_umem_odp *umem, u64 *addrs)
{
	struct pci_p2pdma_map_state p2pdma = {};
	uint i;

	for (i = 0; i < pages; i++) {
		addrs[i] = ib_umem_odp_dma_addr(umem, i, &p2pdma);
		if (addrs[i] == DMA_MAPPING_ERROR)
			return -EIO;
	}
	return 0;
}
#endif

static bool odp_cost_invalidate(struct mmu_interval_notifier *mni,
				const struct mmu_notifier_range *range,
				unsigned long cur_seq)
{
	struct ib_umem_odp *umem = container_of(mni, struct ib_umem_odp,
						notifier);

	mutex_lock(&umem->umem_mutex);
	mmu_interval_set_seq(mni, cur_seq);
	ib_umem_odp_unmap_dma_pages(umem, range->start, range->end);
	mutex_unlock(&umem->umem_mutex);
	return true;
}

static const struct mmu_interval_notifier_ops odp_cost_ops = {
	.invalidate	= odp_cost_invalidate,
};

static size_t odp_cost_size(void)
{
	return pages * PAGE_SIZE;
}

static int odp_cost_fault(struct ib_umem_odp *umem, unsigned long addr,
			  u64 *addrs)
{
	ktime_t start = ktime_get();
	int ret = ib_umem_odp_map_dma_and_lock(umem, addr, odp_cost_size(),
					       ODP_COST_ACCESS, true);
	int err;

	if (ret < 0)
		return ret;
	err = odp_cost_read(umem, addrs);
	mutex_unlock(&umem->umem_mutex);
	fault = min_t(ulong, fault, ktime_to_ns(ktime_sub(ktime_get(), start)));
	if (ret != pages || umem->npages != pages)
		return -EIO;
	return err;
}

static int odp_cost_drop(struct ib_umem_odp *umem, unsigned long addr)
{
	ktime_t start = ktime_get();

	if (absent) {
		vm_munmap(addr, odp_cost_size());
	} else {
		mutex_lock(&umem->umem_mutex);
		ib_umem_odp_unmap_dma_pages(umem, addr, addr + odp_cost_size());
		mutex_unlock(&umem->umem_mutex);
	}
	invalidate = min_t(ulong, invalidate,
			   ktime_to_ns(ktime_sub(ktime_get(), start)));
	return umem->npages ? -EIO : 0;
}

static unsigned long odp_cost_memory(unsigned long addr)
{
	return vm_mmap(NULL, addr, odp_cost_size(), ODP_COST_RW,
		       MAP_PRIVATE | MAP_ANONYMOUS | (addr ? MAP_FIXED : 0) |
		       (absent ? 0 : MAP_POPULATE), 0);
}

static int odp_cost_rounds(struct ib_device *ibdev)
{
	unsigned long addr = odp_cost_memory(0);
	struct ib_umem_odp *umem;
	int i, err = 0;
	u64 *addrs;

	if (IS_ERR_VALUE(addr))
		return (long)addr;
	addrs = kcalloc(pages, sizeof(*addrs), GFP_KERNEL);
	if (!addrs)
		return -ENOMEM;
	umem = ib_umem_odp_get(ibdev, addr, odp_cost_size(),
			       IB_ACCESS_ON_DEMAND | IB_ACCESS_LOCAL_WRITE,
			       &odp_cost_ops);
	if (IS_ERR(umem)) {
		kfree(addrs);
		return PTR_ERR(umem);
	}

	fault = ULONG_MAX;
	invalidate = ULONG_MAX;
	for (i = 0; i < ODP_COST_ROUNDS && !err; i++) {
		if (absent && odp_cost_memory(addr) != addr)
			err = -ENOMEM;
		err = err ?: odp_cost_fault(umem, addr, addrs);
		err = err ?: odp_cost_drop(umem, addr);
		cond_resched();
	}
	ib_umem_odp_release(umem);
	kfree(addrs);
	return err;
}

/* Nothing has to be there. */
static int odp_cost_bytes(struct ib_device *ibdev)
{
	size_t nr = SZ_1G >> PAGE_SHIFT;
	struct ib_umem_odp *umem;

	umem = ib_umem_odp_get(ibdev, SZ_1G, SZ_1G, IB_ACCESS_ON_DEMAND,
			       &odp_cost_ops);
	if (IS_ERR(umem))
		return PTR_ERR(umem);
#ifdef ODP_WRITE_ALLOWED_BIT
	bytes = nr * (sizeof(*umem->pfn_list) + sizeof(*umem->dma_list));
#else
	bytes = nr * sizeof(*umem->map.pfn_list);
	if (umem->map.dma_list)
		bytes += nr * sizeof(*umem->map.dma_list);
#endif
	ib_umem_odp_release(umem);
	return 0;
}

static int odp_cost_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct ib_device *ibdev;
	int err;

	err = dma_set_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(64));
	if (err)
		return err;
	ibdev = kzalloc(sizeof(*ibdev), GFP_KERNEL);
	if (!ibdev)
		return -ENOMEM;
	ibdev->dma_device = &pdev->dev;
	err = odp_cost_rounds(ibdev) ?: odp_cost_bytes(ibdev);
	kfree(ibdev);
	return err;
}

static const struct pci_device_id odp_cost_ids[] = {
	{ PCI_DEVICE(0x1234, 0x11e8) },
	{ }
};

static struct pci_driver odp_cost_driver = {
	.name		= KBUILD_MODNAME,
	.id_table	= odp_cost_ids,
	.probe		= odp_cost_probe,
};
module_pci_driver(odp_cost_driver);

MODULE_DESCRIPTION("Cost of RDMA on-demand paging");
MODULE_LICENSE("GPL");
