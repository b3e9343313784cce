// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suites of RDMA on-demand paging. QEMU's edu device plays the RDMA device: it
 * moves data to and from the memory of the process, at the addresses of the umem, and
 * has no page table of its own. In the cases mlx5_* the driver of mlx5 runs, with a
 * table instead of its device.
 *
 * umem_odp		behind an IOMMU, with a spy
 * umem_odp_direct	without an IOMMU
 */
#include <kunit/static_stub.h>
#include <kunit/test-bug.h>
#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/dma-direct.h>
#include <linux/dma-mapping.h>
#include <linux/iommu.h>
#include <linux/iova.h>
#include <linux/kprobes.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/mmu_notifier.h>
#include <linux/pci-p2pdma.h>
#include <linux/sched/mm.h>
#include <linux/sizes.h>
#include <linux/uaccess.h>
#include <linux/workqueue.h>
#include <rdma/ib_umem_odp.h>

#include "../../../drivers/iommu/dma-iommu.h"
#include "fail_alloc.h"
#include "fixture.h"
#include "live_alloc.h"
#include "spy.h"

#if IS_BUILTIN(CONFIG_MLX5_INFINIBAND)
#include "../../../drivers/infiniband/hw/mlx5/mlx5_ib.h"
#include "../../../drivers/infiniband/hw/mlx5/umr.h"
#endif

/* Pages: more than one call links */
#define MANY	40

#define RW	(PROT_READ | PROT_WRITE)

/* Memory of the process, registered for the device */
struct region {
	struct fixture *f;
	struct kunit *test;
	struct ib_device *ibdev;
	struct ib_umem_odp *umem;
	unsigned long addr;
	size_t size;
	struct pci_p2pdma_map_state p2pdma;
};

/* Invalidations unmap nothing, since another task holds umem_mutex. */
static bool invalidate_unmapped;

/* The device has no page table to clear first. */
static bool region_invalidate(struct mmu_interval_notifier *mni,
			      const struct mmu_notifier_range *range,
			      unsigned long cur_seq)
{
	struct ib_umem_odp *umem = container_of(mni, struct ib_umem_odp,
						notifier);

	if (!mmu_notifier_range_blockable(range))
		return false;

	if (invalidate_unmapped) {
		mmu_interval_set_seq(mni, cur_seq);
		return true;
	}

	mutex_lock(&umem->umem_mutex);
	mmu_interval_set_seq(mni, cur_seq);
	ib_umem_odp_unmap_dma_pages(umem, range->start, range->end);
	mutex_unlock(&umem->umem_mutex);
	return true;
}

static const struct mmu_interval_notifier_ops region_ops = {
	.invalidate	= region_invalidate,
};

static void region_release(void *data)
{
	struct region *r = data;

	ib_umem_odp_release(r->umem);
}

/* Memory of @size bytes, aligned to that, which must be a power of two then */
static unsigned long user_memory(struct kunit *test, size_t size)
{
	unsigned long addr = kunit_vm_mmap(test, NULL, 0, 2 * size, RW,
					   MAP_PRIVATE | MAP_ANONYMOUS, 0);

	KUNIT_ASSERT_FALSE(test, IS_ERR_OR_NULL((void *)addr));
	return size & (size - 1) ? addr : ALIGN(addr, size);
}

static struct region *register_region_for(struct kunit *test, unsigned long addr,
					  size_t size, int access,
					  const struct mmu_interval_notifier_ops *ops)
{
	struct fixture *f = test->priv;
	struct region *r = kunit_kzalloc(test, sizeof(*r), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, r);
	r->f = f;
	r->test = test;
	r->addr = addr;
	r->size = size;
	r->ibdev = kunit_kzalloc(test, sizeof(*r->ibdev), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, r->ibdev);
	r->ibdev->dma_device = f->dev;
	r->umem = ib_umem_odp_get(r->ibdev, addr, size,
				  access | IB_ACCESS_ON_DEMAND, ops);
	KUNIT_ASSERT_FALSE(test, IS_ERR(r->umem));
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, region_release,
							   r));
	return r;
}

static struct region *register_region(struct kunit *test, unsigned long addr,
				      size_t size, int access)
{
	return register_region_for(test, addr, size, access, &region_ops);
}

/* @nr pages; none of them is there yet */
static struct region *new_region(struct kunit *test, size_t nr)
{
	return register_region(test, user_memory(test, nr * PAGE_SIZE),
			       nr * PAGE_SIZE, IB_ACCESS_LOCAL_WRITE);
}

static char __user *page_at(struct region *r, size_t idx)
{
	return (char __user *)r->addr + idx * PAGE_SIZE;
}

static void touch(struct region *r, size_t idx, size_t nr)
{
	for (; nr--; idx++)
		KUNIT_ASSERT_EQ(r->test, 0, put_user((char)idx, page_at(r, idx)));
}

/* Fault pages in as for a fault of the device */
static int fault_as(struct region *r, size_t idx, size_t nr, u64 access,
		    bool fault)
{
	int ret = ib_umem_odp_map_dma_and_lock(r->umem, r->addr + idx * PAGE_SIZE,
					       nr * PAGE_SIZE, access, fault);

	if (ret >= 0)
		mutex_unlock(&r->umem->umem_mutex);
	return ret;
}

static int fault(struct region *r, size_t idx, size_t nr)
{
	return fault_as(r, idx, nr, HMM_PFN_WRITE, true);
}

static void invalidate(struct region *r, size_t idx, size_t nr)
{
	mutex_lock(&r->umem->umem_mutex);
	ib_umem_odp_unmap_dma_pages(r->umem, r->addr + idx * PAGE_SIZE,
				    r->addr + (idx + nr) * PAGE_SIZE);
	mutex_unlock(&r->umem->umem_mutex);
}

/* MADV_DONTNEED and its kin */
static void advise(struct region *r, size_t idx, size_t nr, int advice)
{
	KUNIT_ASSERT_EQ(r->test, 0,
			do_madvise(current->mm, r->addr + idx * PAGE_SIZE,
				   nr * PAGE_SIZE, advice));
}

static bool is_mapped(struct region *r, size_t idx)
{
	return ib_umem_odp_pfn(r->umem, idx) & HMM_PFN_DMA_MAPPED;
}

static bool is_writable(struct region *r, size_t idx)
{
	return ib_umem_odp_pfn(r->umem, idx) & HMM_PFN_WRITE;
}

static struct page *odp_page(struct region *r, size_t idx)
{
	return hmm_pfn_to_page(ib_umem_odp_pfn(r->umem, idx));
}

static dma_addr_t dma_addr(struct region *r, size_t idx)
{
	return ib_umem_odp_dma_addr(r->umem, idx, &r->p2pdma);
}

static void expect_mapped(struct region *r, size_t idx, size_t nr)
{
	KUNIT_EXPECT_GT(r->test, nr, 0);
	for (; nr--; idx++) {
		KUNIT_ASSERT_TRUE(r->test, is_mapped(r, idx));
		KUNIT_EXPECT_EQ(r->test, iommu_iova_to_phys(r->f->domain,
							    dma_addr(r, idx)),
				page_to_phys(odp_page(r, idx)));
	}
}

static void expect_not_mapped(struct region *r, size_t idx, size_t nr)
{
	KUNIT_EXPECT_TRUE(r->test, dma_use_iova(&r->umem->map.state));
	fixture_expect_nothing_linked(r->f, r->umem->map.state.addr +
				      idx * PAGE_SIZE, nr * PAGE_SIZE);
	for (; nr--; idx++)
		KUNIT_EXPECT_FALSE(r->test, is_mapped(r, idx));
}

static void expect_npages(struct region *r, int npages)
{
	KUNIT_EXPECT_EQ(r->test, r->umem->npages, npages);
	KUNIT_EXPECT_EQ(r->test, spy.bytes_mapped,
			(ssize_t)npages << r->umem->page_shift);
}

/* The device copies page 0 to page 1, and the process sees it. */
static void expect_device_moves_data(struct region *r)
{
	u8 *buf = kunit_kzalloc(r->test, 2 * PAGE_SIZE, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(r->test, buf);
	fixture_fill(buf, PAGE_SIZE, 0);
	KUNIT_ASSERT_EQ(r->test, 0UL, copy_to_user(page_at(r, 0), buf, PAGE_SIZE));
	KUNIT_ASSERT_EQ(r->test, fault(r, 0, 2), 2);
	edu_copy(r->test, r->f->edu, dma_addr(r, 1), dma_addr(r, 0), PAGE_SIZE);
	KUNIT_ASSERT_EQ(r->test, 0UL, copy_from_user(buf + PAGE_SIZE, page_at(r, 1),
						     PAGE_SIZE));
	KUNIT_EXPECT_MEMEQ(r->test, buf + PAGE_SIZE, buf, PAGE_SIZE);
}

/* Behind an IOMMU */

static void fault_moves_data(struct kunit *test)
{
	struct region *r = new_region(test, 2);

	expect_device_moves_data(r);
	expect_mapped(r, 0, 2);
	expect_npages(r, 2);
}

/* One range of addresses, one batch, one synchronisation each way */
static void region_has_one_address(struct kunit *test)
{
	struct region *r = new_region(test, MANY);
	int i;

	touch(r, 0, MANY);
	spy_reset();
	KUNIT_EXPECT_EQ(test, fault(r, 0, MANY), MANY);
	KUNIT_EXPECT_EQ(test, spy.map_pages, MANY);
	if (spy.ops.map_vec)
		KUNIT_EXPECT_EQ(test, spy.map_vec, 2);
	KUNIT_EXPECT_EQ(test, spy.sync_map, 1);
	KUNIT_EXPECT_NULL(test, r->umem->map.dma_list);
	for (i = 0; i < MANY; i++)
		KUNIT_EXPECT_EQ(test, dma_addr(r, i), dma_addr(r, 0) + i * PAGE_SIZE);
	expect_mapped(r, 0, MANY);
	expect_npages(r, MANY);

	/* Once more: it is all there. */
	KUNIT_EXPECT_EQ(test, fault(r, 0, MANY), MANY);
	KUNIT_EXPECT_EQ(test, spy.map_pages, MANY);
	expect_npages(r, MANY);

	spy.sync = 0;
	invalidate(r, 0, MANY);
	KUNIT_EXPECT_EQ(test, spy.sync, 1);
	expect_not_mapped(r, 0, MANY);
	expect_npages(r, 0);
}

static void munmap_unlinks(struct kunit *test)
{
	struct region *r = new_region(test, 4);

	KUNIT_ASSERT_EQ(test, fault(r, 0, 4), 4);
	KUNIT_ASSERT_EQ(test, 0, vm_munmap(r->addr + PAGE_SIZE, PAGE_SIZE));
	expect_mapped(r, 0, 1);
	expect_not_mapped(r, 1, 1);
	expect_mapped(r, 2, 2);
	expect_npages(r, 3);
	KUNIT_EXPECT_EQ(test, fault(r, 0, 4), -EFAULT);
	expect_npages(r, 3);

	KUNIT_ASSERT_EQ(test, 0, vm_munmap(r->addr, 4 * PAGE_SIZE));
	expect_not_mapped(r, 0, 4);
	expect_npages(r, 0);
}

static void dontneed_unlinks(struct kunit *test)
{
	struct region *r = new_region(test, 4);
	char byte;

	expect_device_moves_data(r);
	advise(r, 0, 2, MADV_DONTNEED);
	expect_not_mapped(r, 0, 2);
	expect_npages(r, 0);

	/* The next fault finds other memory, at the same address. */
	KUNIT_ASSERT_EQ(test, fault(r, 1, 1), 1);
	expect_mapped(r, 1, 1);
	edu_store(test, r->f->edu, dma_addr(r, 1), EDU_CHUNK);
	KUNIT_ASSERT_EQ(test, 0, get_user(byte, page_at(r, 1) + 1));
	KUNIT_EXPECT_NE(test, byte, 0);
	expect_npages(r, 1);
}

static void release_unlinks(struct kunit *test)
{
	struct region *r = new_region(test, 4);
	struct fixture *f = test->priv;
	dma_addr_t addr;

	KUNIT_ASSERT_EQ(test, fault(r, 0, 4), 4);
	addr = dma_addr(r, 0);
	kunit_release_action(test, region_release, r);
	fixture_expect_nothing_linked(f, addr, 4 * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, spy.bytes_mapped, (ssize_t)0);
}

/* Pages that stay where they are */
static void upgrade_to_write(struct kunit *test)
{
	struct region *r = new_region(test, 2);
	dma_addr_t addr;

	touch(r, 0, 2);
	spy_reset();
	KUNIT_ASSERT_EQ(test, fault_as(r, 0, 2, 0, true), 2);
	KUNIT_EXPECT_FALSE(test, is_writable(r, 0));
	addr = dma_addr(r, 0);
	expect_mapped(r, 0, 2);

	KUNIT_ASSERT_EQ(test, fault(r, 0, 1), 1);
	KUNIT_EXPECT_TRUE(test, is_writable(r, 0));
	KUNIT_EXPECT_FALSE(test, is_writable(r, 1));
	KUNIT_EXPECT_EQ(test, dma_addr(r, 0), addr);
	KUNIT_EXPECT_EQ(test, spy.map_pages, 2);
	expect_npages(r, 2);

	/* A prefetch for reading does not take it back. */
	KUNIT_ASSERT_EQ(test, fault_as(r, 0, 2, 0, true), 2);
	KUNIT_EXPECT_TRUE(test, is_writable(r, 0));
}

/* The zero page must go before the device may write. */
static void upgrade_to_write_replaces_page(struct kunit *test)
{
	struct region *r = new_region(test, 1);

	KUNIT_ASSERT_EQ(test, fault_as(r, 0, 1, 0, true), 1);
	KUNIT_EXPECT_TRUE(test, is_zero_pfn(page_to_pfn(odp_page(r, 0))));
	expect_mapped(r, 0, 1);
	KUNIT_ASSERT_EQ(test, fault(r, 0, 1), 1);
	KUNIT_EXPECT_FALSE(test, is_zero_pfn(page_to_pfn(odp_page(r, 0))));
	KUNIT_EXPECT_TRUE(test, is_writable(r, 0));
	expect_mapped(r, 0, 1);
	expect_npages(r, 1);
}

/* The CPU may write, but the region is registered for reading. */
static void read_only_region(struct kunit *test)
{
	struct region *r = register_region(test, user_memory(test, 2 * PAGE_SIZE),
					   2 * PAGE_SIZE, 0);

	touch(r, 0, 2);
	KUNIT_ASSERT_EQ(test, fault_as(r, 0, 1, 0, true), 1);
	KUNIT_ASSERT_EQ(test, fault_as(r, 0, 2, 0, false), 2);
	expect_mapped(r, 0, 2);
	KUNIT_EXPECT_FALSE(test, is_writable(r, 0));
	KUNIT_EXPECT_FALSE(test, is_writable(r, 1));
}

static void snapshot_maps_what_is_there(struct kunit *test)
{
	struct region *r = new_region(test, 4);
	char byte;

	touch(r, 1, 1);
	KUNIT_ASSERT_EQ(test, 0, get_user(byte, page_at(r, 2)));
	KUNIT_EXPECT_EQ(test, byte, 0);
	KUNIT_EXPECT_EQ(test, fault_as(r, 0, 4, 0, false), 4);
	expect_not_mapped(r, 0, 1);
	expect_mapped(r, 1, 2);
	expect_not_mapped(r, 3, 1);
	KUNIT_EXPECT_TRUE(test, is_writable(r, 1));
	KUNIT_EXPECT_FALSE(test, is_writable(r, 2));
	expect_npages(r, 2);
}

/* Only pages that the device may have written to are dirty. */
static void invalidate_marks_dirty(struct kunit *test)
{
	struct region *r = new_region(test, 2);
	struct page *written, *read;

	touch(r, 0, 2);
	KUNIT_ASSERT_EQ(test, fault(r, 0, 1), 1);
	KUNIT_ASSERT_EQ(test, fault_as(r, 1, 1, 0, true), 1);
	written = odp_page(r, 0);
	read = odp_page(r, 1);
	ClearPageDirty(written);
	ClearPageDirty(read);
	invalidate(r, 0, 2);
	KUNIT_EXPECT_TRUE(test, PageDirty(written));
	KUNIT_EXPECT_FALSE(test, PageDirty(read));
}

static void expect_no_presence(struct region *r, size_t idx, size_t nr)
{
	for (; nr--; idx++)
		KUNIT_EXPECT_EQ(r->test, ib_umem_odp_pfn(r->umem, idx), 0UL);
}

/* A driver may take HMM_PFN_VALID, or a pfn, for a page that is there. */
static void invalidate_leaves_no_presence(struct kunit *test)
{
	struct region *r = new_region(test, 8);
	struct page *written;

	KUNIT_ASSERT_EQ(test, fault(r, 0, 6), 6);
	written = odp_page(r, 0);
	ClearPageDirty(written);
	invalidate(r, 0, 4);
	expect_no_presence(r, 0, 4);
	KUNIT_EXPECT_TRUE(test, PageDirty(written));
	expect_mapped(r, 4, 2);

	/* The same for a page that could not be mapped, and for one that is not there */
	spy.fail_map = 1;
	spy.fail_map_errno = -ENOMEM;
	KUNIT_EXPECT_EQ(test, fault(r, 0, 4), -ENOMEM);
	expect_no_presence(r, 0, 4);
	KUNIT_EXPECT_EQ(test, fault_as(r, 0, 8, 0, false), 8);
	KUNIT_EXPECT_FALSE(test, ib_umem_odp_pfn(r->umem, 7) & HMM_PFN_VALID);
	invalidate(r, 0, 8);
	expect_no_presence(r, 0, 8);
}

/* Mainline's drivers count each page that they put into the device's table. */
static void driver_counts_pages_as_well(struct kunit *test)
{
	struct region *r = new_region(test, 4);

	KUNIT_ASSERT_EQ(test, fault(r, 0, 4), 4);
	r->umem->npages += 4;
	invalidate(r, 0, 2);
	expect_npages(r, 2);

	KUNIT_ASSERT_EQ(test, fault(r, 0, 4), 4);
	r->umem->npages += 4;
	advise(r, 0, 4, MADV_DONTNEED);
	expect_npages(r, 0);

	/* Or they count each page that they take out. */
	KUNIT_ASSERT_EQ(test, fault(r, 0, 4), 4);
	r->umem->npages -= 4;
	KUNIT_ASSERT_EQ(test, fault(r, 0, 4), 4);
	expect_npages(r, 4);
}

static void region_not_allowed(struct kunit *test)
{
	struct region *r = new_region(test, 1);
	int access = IB_ACCESS_ON_DEMAND;

	KUNIT_EXPECT_EQ(test, PTR_ERR(ib_umem_odp_get(r->ibdev, r->addr, 0, access,
						      &region_ops)), -EINVAL);
	KUNIT_EXPECT_EQ(test, PTR_ERR(ib_umem_odp_get(r->ibdev, r->addr, -PAGE_SIZE,
						      access, &region_ops)),
			-EOVERFLOW);
	KUNIT_EXPECT_EQ(test, fault(r, 0, 2), -EFAULT);
	expect_npages(r, 0);
}

/* Regions of a process that has registered all of its memory */

static void implicit_release(void *umem)
{
	ib_umem_odp_release(umem);
}

/* The parent of regions that the process may write to. It has a memory map by then. */
static struct ib_umem_odp *new_parent(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct ib_device *ibdev = kunit_kzalloc(test, sizeof(*ibdev), GFP_KERNEL);
	struct ib_umem_odp *parent;

	KUNIT_ASSERT_NOT_NULL(test, ibdev);
	ibdev->dma_device = f->dev;
	parent = ib_umem_odp_alloc_implicit(ibdev, IB_ACCESS_ON_DEMAND |
						   IB_ACCESS_LOCAL_WRITE);
	KUNIT_ASSERT_FALSE(test, IS_ERR(parent));
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, implicit_release,
							   parent));
	return parent;
}

static void implicit_child(struct kunit *test)
{
	unsigned long addr = user_memory(test, 2 * PAGE_SIZE);
	struct fixture *f = test->priv;
	struct ib_umem_odp *parent = new_parent(test);
	struct region *r = kunit_kzalloc(test, sizeof(*r), GFP_KERNEL);
	dma_addr_t start;

	KUNIT_ASSERT_NOT_NULL(test, r);
	r->f = f;
	r->test = test;
	r->addr = addr;
	r->size = 2 * PAGE_SIZE;
	r->ibdev = parent->umem.ibdev;
	r->umem = ib_umem_odp_alloc_child(parent, addr, r->size, &region_ops);
	KUNIT_ASSERT_FALSE(test, IS_ERR(r->umem));
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, region_release,
							   r));

	expect_device_moves_data(r);
	KUNIT_EXPECT_TRUE(test, is_writable(r, 0));
	expect_mapped(r, 0, 2);
	expect_npages(r, 2);
	advise(r, 0, 2, MADV_DONTNEED);
	expect_not_mapped(r, 0, 2);
	expect_npages(r, 0);

	KUNIT_ASSERT_EQ(test, fault(r, 0, 2), 2);
	start = dma_addr(r, 0);
	kunit_release_action(test, region_release, r);
	fixture_expect_nothing_linked(f, start, 2 * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, spy.bytes_mapped, (ssize_t)0);
}

/* Huge pages */

#define HUGE_PAGES	(HPAGE_SIZE >> PAGE_SHIFT)

static unsigned long huge_memory(struct kunit *test, size_t size)
{
	unsigned long addr = user_memory(test, size);

	fixture_want_huge_pages(test, addr);
	return addr;
}

/* Linked page by page, as each of them can go */
static void huge_page_in_small_entries(struct kunit *test)
{
	struct region *r = register_region(test, huge_memory(test, HPAGE_SIZE),
					   HPAGE_SIZE, IB_ACCESS_LOCAL_WRITE);

	KUNIT_ASSERT_EQ(test, fault(r, 0, HUGE_PAGES), (int)HUGE_PAGES);
	KUNIT_ASSERT_TRUE(test, PageCompound(odp_page(r, 0)));
	expect_mapped(r, 0, HUGE_PAGES);
	expect_device_moves_data(r);
	expect_npages(r, HUGE_PAGES);

	advise(r, 7, 1, MADV_DONTNEED);
	expect_not_mapped(r, 7, 1);
	KUNIT_ASSERT_EQ(test, fault(r, 0, 16), 16);
	expect_mapped(r, 0, 16);
	ClearPageDirty(odp_page(r, 0));
	invalidate(r, 0, HUGE_PAGES);
	expect_not_mapped(r, 0, HUGE_PAGES);
	expect_npages(r, 0);
}

static void huge_entries(struct kunit *test)
{
	struct region *r = register_region(test, huge_memory(test, 2 * HPAGE_SIZE),
					   2 * HPAGE_SIZE, IB_ACCESS_LOCAL_WRITE |
							   IB_ACCESS_HUGETLB);
	struct page *page;
	char byte;

	KUNIT_EXPECT_EQ(test, r->umem->page_shift, (unsigned int)HPAGE_SHIFT);
	KUNIT_ASSERT_EQ(test, fault(r, HUGE_PAGES, HUGE_PAGES), 1);
	KUNIT_EXPECT_EQ(test, spy.map_pages, 1);
	expect_mapped(r, 1, 1);
	KUNIT_EXPECT_FALSE(test, is_mapped(r, 0));
	KUNIT_EXPECT_TRUE(test, IS_ALIGNED(dma_addr(r, 1), HPAGE_SIZE));
	KUNIT_ASSERT_EQ(test, 0, put_user(42, page_at(r, HUGE_PAGES)));
	edu_load(test, r->f->edu, dma_addr(r, 1), EDU_CHUNK);
	edu_store(test, r->f->edu, dma_addr(r, 1) + HPAGE_SIZE - PAGE_SIZE, EDU_CHUNK);
	KUNIT_ASSERT_EQ(test, 0, get_user(byte, page_at(r, 2 * HUGE_PAGES - 1)));
	KUNIT_EXPECT_EQ(test, byte, 42);
	expect_npages(r, 1);

	/* Part of an entry is all of it, and other entries stay. */
	KUNIT_ASSERT_EQ(test, fault(r, 0, HUGE_PAGES), 1);
	page = odp_page(r, 1);
	ClearPageDirty(page);
	invalidate(r, HUGE_PAGES + 1, 1);
	KUNIT_EXPECT_FALSE(test, is_mapped(r, 1));
	KUNIT_EXPECT_TRUE(test, PageDirty(page));
	fixture_expect_nothing_linked(r->f, r->umem->map.state.addr + HPAGE_SIZE,
				      HPAGE_SIZE);
	expect_mapped(r, 0, 1);
	expect_npages(r, 1);
}

static void huge_entries_of_small_pages(struct kunit *test)
{
	struct region *r = register_region(test, user_memory(test, HPAGE_SIZE),
					   HPAGE_SIZE, IB_ACCESS_LOCAL_WRITE |
						       IB_ACCESS_HUGETLB);

	KUNIT_EXPECT_EQ(test, fault(r, 0, HUGE_PAGES), -EINVAL);
	KUNIT_EXPECT_FALSE(test, is_mapped(r, 0));
	expect_npages(r, 0);
}

/*
 * A driver that zaps entries in steps of an entry's size, from the start of the range,
 * aligned or not. A bit is an entry.
 */
static unsigned long stepping_device;

static bool stepping_invalidate(struct mmu_interval_notifier *mni,
				const struct mmu_notifier_range *range,
				unsigned long cur_seq)
{
	struct ib_umem_odp *umem = container_of(mni, struct ib_umem_odp,
						notifier);
	u64 start = max_t(u64, ib_umem_start(umem), range->start);
	u64 end = min_t(u64, ib_umem_end(umem), range->end), addr;

	mutex_lock(&umem->umem_mutex);
	mmu_interval_set_seq(mni, cur_seq);
	for (addr = start; addr < end; addr += BIT(umem->page_shift))
		stepping_device &= ~BIT((addr - ib_umem_start(umem)) >>
					umem->page_shift);
	ib_umem_odp_unmap_dma_pages(umem, start, end);
	mutex_unlock(&umem->umem_mutex);
	return true;
}

static const struct mmu_interval_notifier_ops stepping_ops = {
	.invalidate	= stepping_invalidate,
};

/* Notifies as mm does before it takes a range of memory from the process. */
static void notify(struct region *r, unsigned long start, unsigned long end)
{
	struct mmu_notifier_range range;

	mmu_notifier_range_init(&range, MMU_NOTIFY_CLEAR, 0, current->mm, start,
				end);
	mmu_notifier_invalidate_range_start(&range);
	mmu_notifier_invalidate_range_end(&range);
}

/* Begin and end of each entry, and the pages before and after them */
#define EDGES	12

static unsigned long huge_edge(unsigned long addr, int i)
{
	return addr + i / 3 * HPAGE_SIZE + (i % 3 - 1) * PAGE_SIZE;
}

static void expect_stepping_device_agrees(struct region *r)
{
	size_t i;

	for (i = 0; i < ib_umem_odp_num_pages(r->umem); i++)
		KUNIT_EXPECT_EQ_MSG(r->test, !!(stepping_device & BIT(i)),
				    is_mapped(r, i), "entry %zu of the device", i);
}

static void invalidate_steps_like_drivers(struct kunit *test)
{
	const size_t nr = 3;
	unsigned long addr = huge_memory(test, 4 * HPAGE_SIZE) + HPAGE_SIZE;
	struct region *r = register_region_for(test, addr, nr * HPAGE_SIZE,
					       IB_ACCESS_LOCAL_WRITE |
					       IB_ACCESS_HUGETLB, &stepping_ops);
	int i, j;

	for (i = 0; i < EDGES; i++) {
		for (j = i + 1; j < EDGES; j++) {
			KUNIT_ASSERT_EQ(test, fault(r, 0, nr * HUGE_PAGES), (int)nr);
			stepping_device = BIT(nr) - 1;
			notify(r, huge_edge(addr, i), huge_edge(addr, j));
			expect_stepping_device_agrees(r);
		}
	}

	/* Two pages that are freed, in two entries: mm speaks of each of these, too. */
	KUNIT_ASSERT_EQ(test, fault(r, 0, nr * HUGE_PAGES), (int)nr);
	stepping_device = BIT(nr) - 1;
	advise(r, HUGE_PAGES - 1, 2, MADV_DONTNEED);
	expect_stepping_device_agrees(r);
	KUNIT_EXPECT_EQ(test, stepping_device, BIT(2));
}

/* Steps that fail */

static void fault_fails_at_each_link(struct kunit *test)
{
	struct region *r = new_region(test, MANY);
	int n;

	KUNIT_ASSERT_EQ(test, fault(r, 1, 1), 1);
	for (n = 1; n < MANY; n++) {
		spy.fail_map = n;
		spy.fail_map_errno = -ENOMEM;
		KUNIT_EXPECT_EQ(test, fault(r, 0, MANY), -ENOMEM);
		expect_mapped(r, 1, 1);
		expect_not_mapped(r, 0, 1);
		expect_not_mapped(r, 2, MANY - 2);
		expect_npages(r, 1);
	}
	KUNIT_EXPECT_EQ(test, fault(r, 0, MANY), MANY);
	expect_mapped(r, 0, MANY);
}

static void fault_sync_fails(struct kunit *test)
{
	struct region *r = new_region(test, 4);

	spy.fail_sync_map_errno = -EIO;
	KUNIT_EXPECT_EQ(test, fault(r, 0, 4), -EIO);
	expect_not_mapped(r, 0, 4);
	expect_npages(r, 0);
	spy.fail_sync_map_errno = 0;
	KUNIT_EXPECT_EQ(test, fault(r, 0, 4), 4);
	expect_mapped(r, 0, 4);
}

/* Each page has its own address then. */
static void reservation_fails(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct region *r;
	int n;

	/* More than the granule: dma_iova_try_alloc() says no. */
	dma_set_min_align_mask(f->dev, 2 * PAGE_SIZE - 1);
	r = new_region(test, 4);
	dma_set_min_align_mask(f->dev, 0);
	KUNIT_EXPECT_FALSE(test, dma_use_iova(&r->umem->map.state));
	KUNIT_ASSERT_NOT_NULL(test, r->umem->map.dma_list);

	for (n = 1; n <= 4; n++) {
		spy.fail_map = n;
		spy.fail_map_errno = -ENOMEM;
		KUNIT_EXPECT_EQ(test, fault(r, 0, 4), -ENOMEM);
		expect_npages(r, 0);
	}
	expect_device_moves_data(r);
	KUNIT_EXPECT_EQ(test, fault(r, 0, 4), 4);
	expect_mapped(r, 0, 4);
	expect_npages(r, 4);
	advise(r, 1, 2, MADV_DONTNEED);
	KUNIT_EXPECT_FALSE(test, is_mapped(r, 1));
	expect_mapped(r, 0, 1);
	expect_npages(r, 2);
}

/* Faults that race with each other and with invalidations */

#define RACERS		2
#define RACE_ROUNDS	200

struct racer {
	struct region *r;
	int seed;
	int wrong;
	int failed;
	struct work_struct work;
};

/* Each page that is said to be mapped is, and is the page of the process. */
static int wrong_pages(struct region *r)
{
	size_t nr = r->size >> PAGE_SHIFT, idx;
	int wrong = 0;

	for (idx = 0; idx < nr; idx++) {
		phys_addr_t phys = iommu_iova_to_phys(r->f->domain,
						      r->umem->map.state.addr +
						      idx * PAGE_SIZE);

		if (is_mapped(r, idx))
			wrong += phys != page_to_phys(odp_page(r, idx));
		else
			wrong += phys != 0;
	}
	return wrong;
}

static void race_faults(struct work_struct *work)
{
	struct racer *racer = container_of(work, struct racer, work);
	struct region *r = racer->r;
	size_t nr = r->size >> PAGE_SHIFT;
	int i;

	for (i = 0; i < RACE_ROUNDS; i++) {
		size_t idx = (i * 7 + racer->seed) % (nr / 2);
		int ret = ib_umem_odp_map_dma_and_lock(r->umem, r->addr +
						       idx * PAGE_SIZE,
						       nr / 2 * PAGE_SIZE,
						       HMM_PFN_WRITE, true);

		if (ret < 0) {
			racer->failed++;
		} else {
			racer->wrong += !is_mapped(r, idx) + wrong_pages(r);
			mutex_unlock(&r->umem->umem_mutex);
		}
		cond_resched();
	}
}

static void faults_race_with_invalidations(struct kunit *test)
{
	struct region *r = new_region(test, 16);
	struct racer racers[RACERS];
	int i;

	for (i = 0; i < RACERS; i++) {
		racers[i] = (struct racer) { .r = r, .seed = i };
		INIT_WORK_ONSTACK(&racers[i].work, race_faults);
		queue_work(system_unbound_wq, &racers[i].work);
	}
	for (i = 0; i < RACE_ROUNDS; i++) {
		advise(r, i % 13, 1 + i % 4, MADV_DONTNEED);
		cond_resched();
	}
	for (i = 0; i < RACERS; i++) {
		flush_work(&racers[i].work);
		destroy_work_on_stack(&racers[i].work);
		KUNIT_EXPECT_EQ(test, racers[i].wrong, 0);
		KUNIT_EXPECT_EQ(test, racers[i].failed, 0);
	}

	KUNIT_EXPECT_EQ(test, wrong_pages(r), 0);
	advise(r, 0, 16, MADV_DONTNEED);
	expect_not_mapped(r, 0, 16);
	expect_npages(r, 0);
}

/* Holds the lock of a region, since the case must call mm without that lock. */
struct holder {
	struct region *r;
	struct completion held;
	struct completion release;
	struct work_struct work;
};

static void hold_lock(struct work_struct *work)
{
	struct holder *h = container_of(work, struct holder, work);

	mutex_lock(&h->r->umem->umem_mutex);
	complete(&h->held);
	wait_for_completion(&h->release);
	mutex_unlock(&h->r->umem->umem_mutex);
}

struct faulter {
	struct region *r;
	int ret;
	struct work_struct work;
};

static void fault_in_page(struct work_struct *work)
{
	struct faulter *f = container_of(work, struct faulter, work);

	f->ret = fault(f->r, 0, 1);
}

/* The page that a fault has found is gone before it has got the lock to map it. */
static void fault_repeats_after_invalidation(struct kunit *test)
{
	struct region *r = new_region(test, 1);
	struct holder holder = { .r = r };
	struct faulter faulter = { .r = r };
	struct page *old;
	int err;

	touch(r, 0, 1);
	/* Keep the old page, so that it is not allocated again. */
	KUNIT_ASSERT_EQ(test, get_user_pages_unlocked(r->addr, 1, &old, 0), 1L);
	init_completion(&holder.held);
	init_completion(&holder.release);
	INIT_WORK_ONSTACK(&holder.work, hold_lock);
	INIT_WORK_ONSTACK(&faulter.work, fault_in_page);
	queue_work(system_unbound_wq, &holder.work);
	wait_for_completion(&holder.held);
	queue_work(system_unbound_wq, &faulter.work);
	fixture_wait_for_waiter(&r->umem->umem_mutex);

	invalidate_unmapped = true;
	err = do_madvise(current->mm, r->addr, PAGE_SIZE, MADV_DONTNEED);
	invalidate_unmapped = false;
	err = err ?: put_user(42, page_at(r, 0));
	complete(&holder.release);
	flush_work(&holder.work);
	flush_work(&faulter.work);
	destroy_work_on_stack(&holder.work);
	destroy_work_on_stack(&faulter.work);
	put_page(old);

	KUNIT_EXPECT_EQ(test, err, 0);
	KUNIT_EXPECT_EQ(test, faulter.ret, 1);
	expect_mapped(r, 0, 1);
	KUNIT_EXPECT_PTR_NE(test, odp_page(r, 0), old);
	KUNIT_EXPECT_EQ(test, *(char *)page_address(odp_page(r, 0)), 42);
	expect_npages(r, 1);
}

/* Not for the device: soft RDMA */
static void virtual_dma(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct device *edu = f->dev;
	struct region *r;

	f->dev = NULL;
	r = new_region(test, 2);
	f->dev = edu;
	KUNIT_EXPECT_TRUE(test, ib_uses_virt_dma(r->ibdev));
	KUNIT_EXPECT_FALSE(test, dma_use_iova(&r->umem->map.state));
	KUNIT_EXPECT_NULL(test, r->umem->map.dma_list);
	KUNIT_ASSERT_EQ(test, fault(r, 0, 2), 2);
	KUNIT_EXPECT_PTR_EQ(test, ib_virt_dma_to_page(dma_addr(r, 1)),
			    odp_page(r, 1));
	KUNIT_EXPECT_EQ(test, r->umem->npages, 2);
	advise(r, 0, 2, MADV_DONTNEED);
	KUNIT_EXPECT_EQ(test, r->umem->npages, 0);
	KUNIT_EXPECT_FALSE(test, is_mapped(r, 1));
	KUNIT_EXPECT_EQ(test, spy.map_pages, 0);
}

/* The driver of mlx5 */

#if IS_BUILTIN(CONFIG_MLX5_INFINIBAND)
/* A region of mlx5, and the table by which its device finds the entries */
struct mlx5_region {
	struct mlx5_ib_dev dev;
	struct mlx5_core_dev mdev;
	struct mlx5_ib_mr mr;
	struct region *r;
	size_t nr;
	int fail_errno;
	__be64 table[];
};

/*
 * Replaces the firmware, which gets whole blocks of eight entries. These would hide
 * that the driver asks for too few.
 */
static int write_table(struct mlx5_ib_mr *mr, u64 idx, int nr, int page_shift,
		       int flags)
{
	struct mlx5_region *m = container_of(mr, struct mlx5_region, mr);

	lockdep_assert_held(&m->r->umem->umem_mutex);
	if (m->fail_errno)
		return m->fail_errno;
	if (nr <= 0 || idx + nr > m->nr) {
		KUNIT_FAIL(m->r->test, "entries %llu to %llu", idx, idx + nr);
		return -EINVAL;
	}
	memset(&m->table[idx], 0, nr * sizeof(*m->table));
	mlx5_odp_populate_xlt(&m->table[idx], idx, nr, mr, flags);
	return 0;
}

static struct mlx5_region *mlx5_register(struct kunit *test, unsigned long addr,
					 size_t size, int access)
{
	struct mlx5_region *m;
	struct region *r;

	/*
	 * All of this goes after the region, as it comes before it: the memory of
	 * the process is dropped by the thread of the case, which exits while
	 * another CPU may be cleaning up.
	 */
	m = kunit_kzalloc(test, struct_size(m, table, size / PAGE_SIZE),
			  GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, m);
	kunit_activate_static_stub(test, mlx5r_umr_update_xlt, write_table);
	r = register_region_for(test, addr, size, access, &mlx5_mn_ops);
	m->r = r;
	m->nr = ib_umem_odp_num_pages(r->umem);
	m->mdev.pdev = to_pci_dev(r->f->dev);
	m->dev.mdev = &m->mdev;
	m->mr.ibmr.device = &m->dev.ib_dev;
	m->mr.ibmr.iova = addr;
	m->mr.umem = &r->umem->umem;
	r->umem->private = &m->mr;
	return m;
}

/* A page fault of the device, @idx and @nr in pages of PAGE_SIZE */
static int mlx5_fault(struct mlx5_region *m, size_t idx, size_t nr)
{
	u32 bytes = 0;
	int ret = pagefault_mr(&m->mr, m->r->addr + idx * PAGE_SIZE,
			       nr * PAGE_SIZE, &bytes, 0, false);

	if (ret >= 0)
		KUNIT_EXPECT_EQ(m->r->test, bytes, nr * PAGE_SIZE);
	return ret;
}

static dma_addr_t table_addr(struct mlx5_region *m, size_t idx)
{
	return be64_to_cpu(m->table[idx]) &
	       ~(u64)(MLX5_IB_MTT_READ | MLX5_IB_MTT_WRITE);
}

/* The device has what the umem says is mapped, and nothing else. */
static void expect_table_agrees(struct mlx5_region *m)
{
	struct kunit *test = m->r->test;
	int npages = 0;
	size_t i;

	for (i = 0; i < m->nr; i++) {
		u64 entry = be64_to_cpu(m->table[i]);

		KUNIT_EXPECT_EQ_MSG(test, !!entry, is_mapped(m->r, i),
				    "entry %zu of the device", i);
		if (!is_mapped(m->r, i))
			continue;
		npages++;
		KUNIT_EXPECT_EQ(test, table_addr(m, i), dma_addr(m->r, i));
		KUNIT_EXPECT_TRUE(test, entry & MLX5_IB_MTT_READ);
		KUNIT_EXPECT_EQ(test, !!(entry & MLX5_IB_MTT_WRITE),
				is_writable(m->r, i));
	}
	expect_npages(m->r, npages);
}

/* The process is about to lose @start to @end, and no entry with a part of that stays. */
static void expect_range_is_zapped(struct mlx5_region *m, unsigned long start,
				   unsigned long end)
{
	struct region *r = m->r;
	size_t entry = BIT(r->umem->page_shift), i;

	notify(r, start, end);
	expect_table_agrees(m);
	for (i = 0; i < m->nr; i++)
		if (start < r->addr + (i + 1) * entry && end > r->addr + i * entry)
			KUNIT_EXPECT_EQ_MSG(r->test, be64_to_cpu(m->table[i]), 0ULL,
					    "entry %zu of the device, %#lx to %#lx lost",
					    i, start - r->addr, end - r->addr);
}

static void mlx5_fault_moves_data(struct kunit *test)
{
	struct mlx5_region *m = mlx5_register(test, user_memory(test, 2 * PAGE_SIZE),
					      2 * PAGE_SIZE, IB_ACCESS_LOCAL_WRITE);
	char byte;

	KUNIT_ASSERT_EQ(test, 0, put_user(42, page_at(m->r, 0)));
	KUNIT_ASSERT_EQ(test, mlx5_fault(m, 0, 2), 2);
	expect_table_agrees(m);
	edu_copy(test, m->r->f->edu, table_addr(m, 1), table_addr(m, 0), PAGE_SIZE);
	KUNIT_ASSERT_EQ(test, 0, get_user(byte, page_at(m->r, 1)));
	KUNIT_EXPECT_EQ(test, byte, 42);

	advise(m->r, 1, 1, MADV_DONTNEED);
	expect_table_agrees(m);
	KUNIT_EXPECT_EQ(test, table_addr(m, 1), 0ULL);
	KUNIT_EXPECT_EQ(test, atomic64_read(&m->mr.odp_stats.invalidations), 1LL);
}

/* Pages that are present when the region is registered are mapped. */
static void mlx5_registration_finds_pages(struct kunit *test)
{
	struct mlx5_region *m = mlx5_register(test, user_memory(test, 4 * PAGE_SIZE),
					      4 * PAGE_SIZE, 0);

	touch(m->r, 1, 2);
	KUNIT_EXPECT_EQ(test, 0, mlx5_ib_init_odp_mr(&m->mr));
	expect_table_agrees(m);
	KUNIT_EXPECT_EQ(test, m->r->umem->npages, 2);
	KUNIT_EXPECT_EQ(test, be64_to_cpu(m->table[1]) & MLX5_IB_MTT_WRITE, 0ULL);
	KUNIT_EXPECT_EQ(test, mlx5_fault(m, 3, 2), -EFAULT);
	expect_table_agrees(m);
}

/* The pages are mapped then, and go when they are invalidated. */
static void mlx5_table_not_written(struct kunit *test)
{
	struct mlx5_region *m = mlx5_register(test, user_memory(test, 4 * PAGE_SIZE),
					      4 * PAGE_SIZE, IB_ACCESS_LOCAL_WRITE);

	m->fail_errno = -EAGAIN;
	KUNIT_EXPECT_EQ(test, mlx5_fault(m, 0, 4), -EAGAIN);
	m->fail_errno = 0;
	expect_npages(m->r, 4);
	advise(m->r, 0, 4, MADV_DONTNEED);
	expect_not_mapped(m->r, 0, 4);
	expect_table_agrees(m);
}

static void mlx5_invalidate_pages(struct kunit *test)
{
	const size_t nr = 20;
	struct mlx5_region *m = mlx5_register(test, user_memory(test, nr * PAGE_SIZE),
					      nr * PAGE_SIZE, IB_ACCESS_LOCAL_WRITE);
	size_t start, end;

	/* With holes, one of them around a block of eight */
	for (start = 0; start < nr; start++) {
		for (end = start + 1; end <= nr; end++) {
			KUNIT_ASSERT_EQ(test, mlx5_fault(m, 0, 5), 5);
			KUNIT_ASSERT_EQ(test, mlx5_fault(m, 6, 1), 1);
			KUNIT_ASSERT_EQ(test, mlx5_fault(m, 18, 2), 2);
			expect_range_is_zapped(m, m->r->addr + start * PAGE_SIZE,
					       m->r->addr + end * PAGE_SIZE);
		}
	}
}

static void mlx5_invalidate_part_of_huge_entries(struct kunit *test)
{
	const size_t nr = 3;
	unsigned long addr = huge_memory(test, 4 * HPAGE_SIZE) + HPAGE_SIZE;
	struct mlx5_region *m = mlx5_register(test, addr, nr * HPAGE_SIZE,
					      IB_ACCESS_LOCAL_WRITE |
					      IB_ACCESS_HUGETLB);
	int i, j;

	for (i = 0; i < EDGES; i++) {
		for (j = i + 1; j < EDGES; j++) {
			KUNIT_ASSERT_EQ(test, mlx5_fault(m, 0, nr * HUGE_PAGES),
					(int)(nr * HUGE_PAGES));
			expect_table_agrees(m);
			expect_range_is_zapped(m, huge_edge(addr, i),
					       huge_edge(addr, j));
		}
	}
}

/* The end of one huge page and the begin of the next are given back. */
static void mlx5_dontneed_across_huge_entries(struct kunit *test)
{
	struct mlx5_region *m = mlx5_register(test, huge_memory(test, 2 * HPAGE_SIZE),
					      2 * HPAGE_SIZE, IB_ACCESS_LOCAL_WRITE |
							      IB_ACCESS_HUGETLB);

	KUNIT_ASSERT_EQ(test, mlx5_fault(m, 0, 2 * HUGE_PAGES), 2 * (int)HUGE_PAGES);
	expect_table_agrees(m);
	advise(m->r, HUGE_PAGES - 1, 2, MADV_DONTNEED);
	KUNIT_EXPECT_EQ(test, table_addr(m, 0), 0ULL);
	KUNIT_EXPECT_EQ(test, table_addr(m, 1), 0ULL);
	expect_table_agrees(m);
}

#ifdef CONFIG_KRETPROBES
/*
 * An implicit region of mlx5: all of the memory of a process. The device's table of it
 * has a key for each GiB, which is that of a child with a table of its own.
 */
#define CHILD_SIZE	BIT_ULL(30)

/* Pages of the process. Two children meet in the middle. */
#define PAGES		8
#define ALL_PAGES	GENMASK(PAGES - 1, 0)
#define LOW_PAGES	GENMASK(PAGES / 2 - 1, 0)

/* Keys for regions, and as many for children, which the driver has in its cache */
#define KEYS		4
#define NULL_KEY	cpu_to_be32(mlx5_idx_to_mkey(0xffff))

/* What the device has got for a key: entries from an address on */
struct mlx5_table {
	u64 start;
	u64 nr;
	void *entries;
};

struct mlx5_implicit {
	struct mlx5_ib_dev dev;
	struct mlx5_core_dev mdev;
	struct mlx5_hca_cap general;
	struct mlx5_hca_cap odp;
	struct mlx5_ib_pd pd;
	struct mlx5_ib_mr *mr;
	struct region r;
	struct mlx5_table table[1 + 2 * KEYS];
	struct kretprobe free_child;
	atomic_t workers;
};

static struct mlx5_table *table_of(struct mlx5_ib_mr *mr)
{
	struct mlx5_implicit *m = container_of(mr->ibmr.device,
					       struct mlx5_implicit, dev.ib_dev);

	return &m->table[mlx5_mkey_to_idx(mr->mmkey.key)];
}

/* These replace the firmware. */
static int write_key(struct mlx5_ib_mr *mr, u64 idx, int nr, int page_shift,
		     int flags)
{
	struct mlx5_table *t = table_of(mr);
	size_t size = flags & MLX5_IB_UPD_XLT_INDIRECT ?
		      sizeof(struct mlx5_klm) : sizeof(__be64);

	if (flags & MLX5_IB_UPD_XLT_ENABLE) {
		t->start = mr->ibmr.iova;
		t->nr = nr;
		t->entries = kvcalloc(nr, size, GFP_KERNEL);
	} else {
		lockdep_assert_held(&to_ib_umem_odp(mr->umem)->umem_mutex);
	}
	if (!t->entries || nr <= 0 || idx + nr > t->nr) {
		kunit_fail_current_test("key %#x has no entries %llu to %llu",
					mr->mmkey.key, idx, idx + nr);
		return -EINVAL;
	}
	memset(t->entries + idx * size, 0, nr * size);
	mlx5_odp_populate_xlt(t->entries + idx * size, idx, nr, mr, flags);
	return 0;
}

static int revoke_key(struct mlx5_ib_mr *mr)
{
	struct mlx5_table *t = table_of(mr);

	lockdep_assert_held(&to_ib_umem_odp(mr->umem)->umem_mutex);
	kvfree(t->entries);
	t->entries = NULL;
	return 0;
}

/* Stubs are those of a task. The one that frees a child is the case's while it does so. */
static int worker_begins(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	struct mlx5_implicit *m = container_of(get_kretprobe(ri),
					       struct mlx5_implicit, free_child);

	current->kunit_test = m->r.test;
	atomic_inc(&m->workers);
	return 0;
}

static int worker_ends(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	struct mlx5_implicit *m = container_of(get_kretprobe(ri),
					       struct mlx5_implicit, free_child);

	current->kunit_test = NULL;
	atomic_dec(&m->workers);
	return 0;
}

static void remove_free_child(void *m)
{
	unregister_kretprobe(&((struct mlx5_implicit *)m)->free_child);
}

/* The task stays the case's if its probe goes before it has returned. */
static void wait_for_workers(struct mlx5_implicit *m)
{
	while (atomic_read(&m->workers))
		usleep_range(100, 200);
}

/* A child that is to be freed has a reference to its parent until it is. */
static void wait_for_children(struct mlx5_implicit *m)
{
	while (refcount_read(&m->mr->mmkey.usecount) > 1)
		usleep_range(100, 200);
	wait_for_workers(m);
}

static int keys_in_cache(struct mlx5_implicit *m)
{
	struct rb_node *node;
	int nr = 0;

	for (node = rb_first(&m->dev.cache.rb_root); node; node = rb_next(node))
		nr += rb_entry(node, struct mlx5_cache_ent, node)->mkeys_queue.ci;
	return nr;
}

/* The firmware would create them. */
static void fill_cache(struct mlx5_implicit *m)
{
	struct rb_node *node;
	u32 idx = 1;

	for (node = rb_first(&m->dev.cache.rb_root); node; node = rb_next(node)) {
		struct mlx5_cache_ent *ent = rb_entry(node, struct mlx5_cache_ent,
						      node);
		struct mlx5_mkeys_queue *queue = &ent->mkeys_queue;
		struct mlx5_mkeys_page *page = list_first_entry(&queue->pages_list,
								struct mlx5_mkeys_page,
								list);

		if (ent->rb_key.access_mode != MLX5_MKC_ACCESS_MODE_KSM &&
		    ent->rb_key.ndescs != CHILD_SIZE >> PAGE_SHIFT)
			continue;
		while (queue->ci < KEYS)
			page->mkeys[queue->ci++] = mlx5_idx_to_mkey(idx++);
	}
	KUNIT_ASSERT_EQ(m->r.test, keys_in_cache(m), 2 * KEYS);
}

static void remove_cache(void *dev)
{
	mlx5_mkey_cache_cleanup(dev);
}

/* A device with the capabilities that implicit regions need */
static struct mlx5_implicit *mlx5_implicit_device(struct kunit *test)
{
	struct mlx5_implicit *m = kunit_kzalloc(test, sizeof(*m), GFP_KERNEL);
	size_t size = PAGES * PAGE_SIZE;
	struct fixture *f = test->priv;
	void *caps;

	KUNIT_ASSERT_NOT_NULL(test, m);
	m->r = (struct region) {
		.f = f, .test = test, .addr = 2 * CHILD_SIZE - size / 2, .size = size,
	};
	KUNIT_ASSERT_EQ(test, m->r.addr,
			kunit_vm_mmap(test, NULL, m->r.addr, size, RW,
				      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, 0));
	kunit_activate_static_stub(test, mlx5r_umr_update_xlt, write_key);
	kunit_activate_static_stub(test, mlx5r_umr_revoke_mr, revoke_key);

	m->mdev.device = f->dev;
	m->mdev.pdev = to_pci_dev(f->dev);
	m->mdev.caps.hca[MLX5_CAP_GENERAL] = &m->general;
	m->mdev.caps.hca[MLX5_CAP_ODP] = &m->odp;
	caps = m->general.cur;
	MLX5_SET(cmd_hca_cap, caps, pg, 1);
	MLX5_SET(cmd_hca_cap, caps, null_mkey, 1);
	MLX5_SET(cmd_hca_cap, caps, fixed_buffer_size, 1);
	MLX5_SET(cmd_hca_cap, caps, umr_extended_translation_offset, 1);
	m->dev.mdev = &m->mdev;
	m->dev.ib_dev.dma_device = f->dev;
	m->dev.mkeys.null_mkey = NULL_KEY;
	/* No files in debugfs, and the cache does not ask for more keys. */
	m->dev.is_rep = true;
	m->dev.fill_delay = 1;
	m->pd.ibpd.device = &m->dev.ib_dev;
	xa_init(&m->dev.odp_mkeys);
	KUNIT_ASSERT_EQ(test, 0, mlx5_ib_odp_init_one(&m->dev));
	KUNIT_ASSERT_EQ(test, 0, mlx5_mkey_cache_init(&m->dev));
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, remove_cache,
							   &m->dev));
	fill_cache(m);

	m->free_child.kp.symbol_name = "free_implicit_child_mr_work";
	m->free_child.entry_handler = worker_begins;
	m->free_child.handler = worker_ends;
	KUNIT_ASSERT_EQ(test, 0, register_kretprobe(&m->free_child));
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, remove_free_child,
							   m));
	return m;
}

static void implicit_deregister(void *data)
{
	struct mlx5_implicit *m = data;

	mlx5_ib_dereg_mr(&m->mr->ibmr, NULL);
	wait_for_workers(m);
}

static void implicit_register(struct mlx5_implicit *m)
{
	struct kunit *test = m->r.test;

	m->mr = mlx5_ib_alloc_implicit_mr(&m->pd, IB_ACCESS_ON_DEMAND |
						  IB_ACCESS_LOCAL_WRITE);
	KUNIT_ASSERT_FALSE(test, IS_ERR(m->mr));
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test,
							   implicit_deregister,
							   m));
}

static struct mlx5_implicit *mlx5_register_implicit(struct kunit *test)
{
	struct mlx5_implicit *m = mlx5_implicit_device(test);

	implicit_register(m);
	return m;
}

static int implicit_fault(struct mlx5_implicit *m, size_t idx, size_t nr)
{
	u32 bytes = 0;
	int ret = pagefault_mr(m->mr, (uintptr_t)page_at(&m->r, idx),
			       nr * PAGE_SIZE, &bytes, 0, false);

	if (ret >= 0)
		KUNIT_EXPECT_EQ(m->r.test, bytes, nr * PAGE_SIZE);
	return ret;
}

/* The device looks up page @idx: 0 if it faults */
static u64 device_entry(struct mlx5_implicit *m, size_t idx)
{
	u64 addr = m->r.addr + idx * PAGE_SIZE;
	struct mlx5_klm *klm = table_of(m->mr)->entries;
	struct mlx5_table *t;
	__be64 *mtt;
	u64 nr;

	klm += addr / CHILD_SIZE;
	if (klm->key == NULL_KEY)
		return 0;
	t = &m->table[mlx5_mkey_to_idx(be32_to_cpu(klm->key))];
	KUNIT_ASSERT_NOT_NULL(m->r.test, t->entries);
	nr = (be64_to_cpu(klm->va) + addr % CHILD_SIZE - t->start) / PAGE_SIZE;
	KUNIT_ASSERT_LT(m->r.test, nr, t->nr);
	mtt = t->entries;
	return be64_to_cpu(mtt[nr]);
}

static dma_addr_t device_addr(struct mlx5_implicit *m, size_t idx)
{
	return device_entry(m, idx) & ~(u64)(MLX5_IB_MTT_READ | MLX5_IB_MTT_WRITE);
}

static int device_children(struct mlx5_implicit *m)
{
	struct mlx5_table *t = table_of(m->mr);
	struct mlx5_klm *klm = t->entries;
	int children = 0;
	u64 i;

	for (i = 0; i < t->nr; i++)
		children += klm[i].key != NULL_KEY;
	return children;
}

static phys_addr_t process_page(struct region *r, size_t idx)
{
	struct page *page;

	KUNIT_ASSERT_EQ(r->test, 1L, get_user_pages_unlocked(r->addr +
							     idx * PAGE_SIZE, 1,
							     &page, 0));
	put_page(page);
	return page_to_phys(page);
}

static phys_addr_t device_translates(struct fixture *f, dma_addr_t addr)
{
	return f->domain ? iommu_iova_to_phys(f->domain, addr) :
			   dma_to_phys(f->dev, addr);
}

static unsigned long umem_pfn(struct mlx5_implicit *m, size_t idx)
{
	u64 addr = m->r.addr + idx * PAGE_SIZE;
	struct mlx5_ib_mr *child = xa_load(&m->mr->implicit_children,
					   addr / CHILD_SIZE);

	return child ? ib_umem_odp_pfn(to_ib_umem_odp(child->umem),
				       addr % CHILD_SIZE / PAGE_SIZE) : 0;
}

/* The device and the umems have @pages, a bit for each, and no others. */
static void expect_reached(struct mlx5_implicit *m, unsigned long pages)
{
	int children = !!(pages & LOW_PAGES) + !!(pages & ~LOW_PAGES);
	struct kunit *test = m->r.test;
	struct mlx5_ib_mr *child;
	unsigned long idx;
	int npages = 0;

	wait_for_children(m);
	for (idx = 0; idx < PAGES; idx++) {
		u64 entry = device_entry(m, idx);
		unsigned long pfn = umem_pfn(m, idx);

		KUNIT_EXPECT_EQ_MSG(test, !!entry, !!(pages & BIT(idx)),
				    "page %lu of the device", idx);
		KUNIT_EXPECT_EQ_MSG(test, !!(pfn & HMM_PFN_DMA_MAPPED),
				    !!(pages & BIT(idx)), "page %lu of a umem",
				    idx);
		if (!entry)
			continue;
		KUNIT_EXPECT_EQ(test, device_translates(m->r.f, device_addr(m, idx)),
				process_page(&m->r, idx));
		KUNIT_EXPECT_EQ(test, !!(entry & MLX5_IB_MTT_WRITE),
				!!(pfn & HMM_PFN_WRITE));
	}
	xa_for_each(&m->mr->implicit_children, idx, child)
		npages += to_ib_umem_odp(child->umem)->npages;
	KUNIT_EXPECT_EQ(test, npages, (int)hweight_long(pages));
	KUNIT_EXPECT_EQ(test, device_children(m), children);
	KUNIT_EXPECT_EQ(test, keys_in_cache(m), 2 * KEYS - 1 - children);
	if (m->r.f->domain)
		KUNIT_EXPECT_EQ(test, spy.bytes_mapped,
				(ssize_t)npages * (ssize_t)PAGE_SIZE);
}

/* The device copies from one child to the other. */
static void mlx5_implicit_fault(struct kunit *test)
{
	struct mlx5_implicit *m = mlx5_register_implicit(test);
	const size_t last = PAGES / 2 - 1, first = PAGES / 2;
	u32 bytes = 0;
	char byte;

	expect_reached(m, 0);
	KUNIT_ASSERT_EQ(test, 0, put_user(42, page_at(&m->r, last)));
	KUNIT_ASSERT_EQ(test, implicit_fault(m, last, 2), 2);
	expect_reached(m, BIT(last) | BIT(first));
	edu_copy(test, m->r.f->edu, device_addr(m, first), device_addr(m, last),
		 PAGE_SIZE);
	KUNIT_ASSERT_EQ(test, 0, get_user(byte, page_at(&m->r, first)));
	KUNIT_EXPECT_EQ(test, byte, 42);

	/* The children are there. */
	KUNIT_ASSERT_EQ(test, implicit_fault(m, 0, PAGES), PAGES);
	expect_reached(m, ALL_PAGES);
	KUNIT_EXPECT_EQ(test, -EFAULT,
			pagefault_mr(m->mr, table_of(m->mr)->nr * CHILD_SIZE -
				     PAGE_SIZE, 2 * PAGE_SIZE, &bytes, 0, false));
	expect_reached(m, ALL_PAGES);
}

static void mlx5_implicit_invalidate(struct kunit *test)
{
	struct mlx5_implicit *m = mlx5_register_implicit(test);

	KUNIT_ASSERT_EQ(test, implicit_fault(m, 0, PAGES), PAGES);
	KUNIT_ASSERT_EQ(test, 0, vm_munmap(m->r.addr + PAGE_SIZE, PAGE_SIZE));
	expect_reached(m, 0b11111101);
	advise(&m->r, 3, 2, MADV_DONTNEED);
	expect_reached(m, 0b11100101);

	/* A child that has lost all of its pages goes, and comes back. */
	advise(&m->r, 2, 2, MADV_DONTNEED);
	expect_reached(m, 0b11100001);
	advise(&m->r, 0, 1, MADV_DONTNEED);
	expect_reached(m, 0b11100000);
	KUNIT_EXPECT_EQ(test, implicit_fault(m, 0, 2), -EFAULT);
	KUNIT_ASSERT_EQ(test, implicit_fault(m, 2, 3), 3);
	expect_reached(m, 0b11111100);
	KUNIT_ASSERT_EQ(test, 0, vm_munmap(m->r.addr, m->r.size));
	expect_reached(m, 0);
}

static void expect_no_table(struct mlx5_implicit *m)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(m->table); i++)
		KUNIT_EXPECT_NULL(m->r.test, m->table[i].entries);
}

/* Nothing is linked, and the addresses of the child are free, or another's by now. */
static void expect_address_free(struct fixture *f, dma_addr_t addr)
{
	struct iova_domain *iovad = &f->domain->iova_cookie->iovad;
	struct iova *iova = find_iova(iovad, iova_pfn(iovad, addr));

	fixture_expect_nothing_linked(f, addr, PAGE_SIZE);
	if (iova)
		KUNIT_EXPECT_LT(f->test, iova_size(iova),
				CHILD_SIZE >> iova_shift(iovad));
}

static void mlx5_implicit_destroy(struct kunit *test)
{
	struct mlx5_implicit *m = mlx5_implicit_device(test);
	struct fixture *f = test->priv;
	dma_addr_t addr[PAGES];
	int round, before, i;

	live_alloc_insert(test);
	/* The first round leaves the list of the notifiers to the memory map. */
	for (round = 0; round < 2; round++) {
		before = live_alloc_count(test);
		implicit_register(m);
		KUNIT_ASSERT_EQ(test, implicit_fault(m, 0, PAGES), PAGES);
		expect_reached(m, ALL_PAGES);
		for (i = 0; i < PAGES; i++)
			addr[i] = device_addr(m, i);
		kunit_release_action(test, implicit_deregister, m);

		expect_no_table(m);
		KUNIT_EXPECT_EQ(test, keys_in_cache(m), 2 * KEYS);
		KUNIT_EXPECT_TRUE(test, xa_empty(&m->dev.odp_mkeys));
		if (!f->domain)
			continue;
		KUNIT_EXPECT_EQ(test, spy.bytes_mapped, (ssize_t)0);
		fixture_drain_flush_queue(test, f->dev);
		for (i = 0; i < PAGES; i++)
			expect_address_free(f, addr[i]);
	}
	KUNIT_EXPECT_EQ(test, live_alloc_count(test), before);
}

static int implicit_prefetch(struct mlx5_implicit *m,
			     enum ib_uverbs_advise_mr_advice advice)
{
	struct ib_sge sge = {
		.addr	= m->r.addr,
		.length	= m->r.size,
		.lkey	= m->mr->ibmr.lkey,
	};

	return m->dev.ib_dev.ops.advise_mr(&m->pd.ibpd, advice,
					   IB_UVERBS_ADVISE_MR_FLAG_FLUSH, &sge, 1,
					   NULL);
}

static void mlx5_implicit_prefetch(struct kunit *test)
{
	struct mlx5_implicit *m = mlx5_register_implicit(test);
	int i;

	touch(&m->r, 2, 1);
	touch(&m->r, 5, 1);
	KUNIT_EXPECT_EQ(test, 0,
			implicit_prefetch(m, IB_UVERBS_ADVISE_MR_ADVICE_PREFETCH_NO_FAULT));
	expect_reached(m, BIT(2) | BIT(5));
	KUNIT_EXPECT_EQ(test, 0,
			implicit_prefetch(m, IB_UVERBS_ADVISE_MR_ADVICE_PREFETCH));
	expect_reached(m, ALL_PAGES);
	for (i = 0; i < PAGES; i++)
		KUNIT_EXPECT_EQ(test, !!(device_entry(m, i) & MLX5_IB_MTT_WRITE),
				i == 2 || i == 5);
	KUNIT_EXPECT_EQ(test, 0,
			implicit_prefetch(m, IB_UVERBS_ADVISE_MR_ADVICE_PREFETCH_WRITE));
	expect_reached(m, ALL_PAGES);
	for (i = 0; i < PAGES; i++)
		KUNIT_EXPECT_TRUE(test, device_entry(m, i) & MLX5_IB_MTT_WRITE);
}
#endif
#endif

/* Without an IOMMU */

static void direct_fault_moves_data(struct kunit *test)
{
	struct region *r = new_region(test, 2);

	KUNIT_EXPECT_EQ(test, !!r->umem->map.dma_list,
			IS_ENABLED(CONFIG_DMA_API_DEBUG));
	expect_device_moves_data(r);
	KUNIT_EXPECT_EQ(test, dma_addr(r, 1),
			phys_to_dma(r->f->dev, page_to_phys(odp_page(r, 1))));
	KUNIT_EXPECT_EQ(test, r->umem->npages, 2);
	advise(r, 0, 1, MADV_DONTNEED);
	KUNIT_EXPECT_FALSE(test, is_mapped(r, 0));
	KUNIT_EXPECT_TRUE(test, is_mapped(r, 1));
	KUNIT_EXPECT_EQ(test, r->umem->npages, 1);
}

#ifdef CONFIG_FUNCTION_ERROR_INJECTION
/* The process, its memory map and all memory are as before. */
static void child_fails_at_each_allocation(struct kunit *test)
{
	unsigned long addr = user_memory(test, 4 * PAGE_SIZE);
	struct ib_umem_odp *parent = new_parent(test), *child;
	struct pid *pid = parent->tgid;
	unsigned int pids;
	int nth = 1, failures = 0, users, before, err;
	bool more;

	/* The first one leaves the list of the notifiers to the memory map. */
	child = ib_umem_odp_alloc_child(parent, addr, 4 * PAGE_SIZE, &region_ops);
	KUNIT_ASSERT_FALSE(test, IS_ERR(child));
	ib_umem_odp_release(child);

	fail_alloc_insert(test);
	live_alloc_insert(test);
	pids = refcount_read(&pid->count);
	users = atomic_read(&current->mm->mm_users);
	before = live_alloc_count(test);
	do {
		fail_alloc_arm(nth);
		child = ib_umem_odp_alloc_child(parent, addr, 4 * PAGE_SIZE,
						&region_ops);
		err = PTR_ERR_OR_ZERO(child);
		more = fail_alloc_next(&nth, err);
		if (err) {
			KUNIT_EXPECT_EQ(test, err, -ENOMEM);
			failures++;
		} else {
			ib_umem_odp_release(child);
		}
		KUNIT_EXPECT_EQ(test, live_alloc_count(test), before);
		KUNIT_EXPECT_EQ(test, refcount_read(&pid->count), pids);
		KUNIT_EXPECT_EQ(test, atomic_read(&current->mm->mm_users), users);
		KUNIT_ASSERT_LT(test, nth, 100);
	} while (more);
	/* The region, and its list of pages */
	KUNIT_EXPECT_GE(test, failures, fail_alloc_least(2));
}
#endif

/* With bounce buffers, what the process stores would be lost. */

static void swiotlb_refused(struct kunit *test)
{
	unsigned long addr = user_memory(test, PAGE_SIZE);
	struct fixture *f = test->priv;
	struct ib_device *ibdev = kunit_kzalloc(test, sizeof(*ibdev), GFP_KERNEL);
	int access = IB_ACCESS_ON_DEMAND | IB_ACCESS_LOCAL_WRITE;
	struct ib_umem_odp *umem;

	KUNIT_ASSERT_NOT_NULL(test, ibdev);
	ibdev->dma_device = f->dev;
	KUNIT_EXPECT_EQ(test, PTR_ERR(ib_umem_odp_get(ibdev, addr, PAGE_SIZE, access,
						      &region_ops)),
			-EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, PTR_ERR(ib_umem_odp_alloc_implicit(ibdev, access)),
			-EOPNOTSUPP);

	/* The kernel's addresses need no hand-over. */
	ibdev->dma_device = NULL;
	umem = ib_umem_odp_alloc_implicit(ibdev, access);
	KUNIT_ASSERT_FALSE(test, IS_ERR(umem));
	ib_umem_odp_release(umem);
}

static struct kunit_case iommu_cases[] = {
	KUNIT_CASE(fault_moves_data),
	KUNIT_CASE(region_has_one_address),
	KUNIT_CASE(munmap_unlinks),
	KUNIT_CASE(dontneed_unlinks),
	KUNIT_CASE(release_unlinks),
	KUNIT_CASE(upgrade_to_write),
	KUNIT_CASE(upgrade_to_write_replaces_page),
	KUNIT_CASE(read_only_region),
	KUNIT_CASE(snapshot_maps_what_is_there),
	KUNIT_CASE(invalidate_marks_dirty),
	KUNIT_CASE(invalidate_leaves_no_presence),
	KUNIT_CASE(driver_counts_pages_as_well),
	KUNIT_CASE(region_not_allowed),
	KUNIT_CASE(implicit_child),
	KUNIT_CASE(huge_page_in_small_entries),
	KUNIT_CASE(huge_entries),
	KUNIT_CASE(huge_entries_of_small_pages),
	KUNIT_CASE(invalidate_steps_like_drivers),
	KUNIT_CASE(fault_fails_at_each_link),
	KUNIT_CASE(fault_sync_fails),
	KUNIT_CASE(reservation_fails),
	KUNIT_CASE(faults_race_with_invalidations),
	KUNIT_CASE(fault_repeats_after_invalidation),
	KUNIT_CASE(virtual_dma),
#if IS_BUILTIN(CONFIG_MLX5_INFINIBAND)
	KUNIT_CASE(mlx5_fault_moves_data),
	KUNIT_CASE(mlx5_registration_finds_pages),
	KUNIT_CASE(mlx5_table_not_written),
	KUNIT_CASE(mlx5_invalidate_pages),
	KUNIT_CASE(mlx5_invalidate_part_of_huge_entries),
	KUNIT_CASE(mlx5_dontneed_across_huge_entries),
#ifdef CONFIG_KRETPROBES
	KUNIT_CASE(mlx5_implicit_fault),
	KUNIT_CASE(mlx5_implicit_invalidate),
	KUNIT_CASE(mlx5_implicit_destroy),
	KUNIT_CASE(mlx5_implicit_prefetch),
#endif
#endif
	{}
};

static struct kunit_suite iommu_suite = {
	.name		= "umem_odp",
	.suite_init	= warnings_start,
	.suite_exit	= warnings_stop,
	.init		= spy_init_iommu,
	.exit		= warnings_check,
	.test_cases	= iommu_cases,
};

static struct kunit_case direct_cases[] = {
	KUNIT_CASE(direct_fault_moves_data),
#ifdef CONFIG_FUNCTION_ERROR_INJECTION
	KUNIT_CASE(child_fails_at_each_allocation),
#endif
#if IS_BUILTIN(CONFIG_MLX5_INFINIBAND) && defined(CONFIG_KRETPROBES)
	KUNIT_CASE(mlx5_implicit_fault),
	KUNIT_CASE(mlx5_implicit_invalidate),
	KUNIT_CASE(mlx5_implicit_destroy),
#endif
	{}
};

static struct kunit_suite direct_suite = {
	.name		= "umem_odp_direct",
	.suite_init	= warnings_start,
	.suite_exit	= warnings_stop,
	.init		= fixture_init_direct,
	.exit		= warnings_check,
	.test_cases	= direct_cases,
};

static struct kunit_case swiotlb_cases[] = {
	KUNIT_CASE(swiotlb_refused),
	{}
};

static struct kunit_suite swiotlb_suite = {
	.name		= "umem_odp_swiotlb",
	.suite_init	= warnings_start,
	.suite_exit	= warnings_stop,
	.init		= fixture_init_forced_swiotlb,
	.exit		= warnings_check,
	.test_cases	= swiotlb_cases,
};

kunit_test_suites(&iommu_suite, &direct_suite, &swiotlb_suite);

MODULE_DESCRIPTION("KUnit suites of RDMA on-demand paging");
MODULE_LICENSE("GPL");
