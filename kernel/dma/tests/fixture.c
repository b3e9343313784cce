// SPDX-License-Identifier: GPL-2.0
#include <linux/bottom_half.h>
#include <linux/bvec.h>
#include <linux/cpumask.h>
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/dma-mapping.h>
#include <linux/fs.h>
#include <linux/iommu.h>
#include <linux/iommu-dma.h>
#include <linux/iopoll.h>
#include <linux/kmsan.h>
#include <linux/kprobes.h>
#include <linux/mman.h>
#include <linux/mmzone.h>
#include <linux/mutex.h>
#include <linux/platform_device.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <linux/sizes.h>
#include <linux/swiotlb.h>

#include "fixture.h"

static void free_page_pair(void *page)
{
	__free_pages(page, 1);
}

/* A page whose successor is not part of anything that is mapped. */
struct page *fixture_lone_page(struct kunit *test)
{
	struct page *page = alloc_pages(GFP_KERNEL | __GFP_ZERO, 1);

	KUNIT_ASSERT_NOT_NULL(test, page);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, free_page_pair,
							page), 0);
	return page;
}

struct page **fixture_scattered_pages(struct kunit *test, int nr)
{
	struct page **pages = kunit_kcalloc(test, nr, sizeof(*pages),
					    GFP_KERNEL);
	int i;

	KUNIT_ASSERT_NOT_NULL(test, pages);
	for (i = 0; i < nr; i++)
		pages[i] = fixture_lone_page(test);
	return pages;
}

struct bio_vec *fixture_scattered_data(struct kunit *test, int nr,
				       unsigned int into, unsigned int tail)
{
	struct bio_vec *data = kunit_kcalloc(test, nr, sizeof(*data),
					     GFP_KERNEL);
	struct page **pages = fixture_scattered_pages(test, nr);
	int i;

	KUNIT_ASSERT_NOT_NULL(test, data);
	for (i = 0; i < nr; i++)
		bvec_set_page(&data[i], pages[i], PAGE_SIZE, 0);
	data[0].bv_offset = into;
	data[0].bv_len = PAGE_SIZE - into;
	data[nr - 1].bv_len = tail - data[nr - 1].bv_offset;
	return data;
}

void fixture_fill(u8 *bytes, size_t size, int seed)
{
	size_t i;

	for (i = 0; i < size; i++)
		bytes[i] = fixture_byte(seed, i);
}

void fixture_fill_page(struct page *page, int seed)
{
	fixture_fill(page_address(page), PAGE_SIZE, seed);
}

dma_addr_t fixture_granule_of(struct fixture *f, dma_addr_t addr)
{
	return ALIGN_DOWN(addr, f->granule);
}

/* A number, not an end address, which would wrap at the last granule */
static size_t granules_in(struct fixture *f, dma_addr_t addr, size_t size)
{
	return DIV_ROUND_UP(addr - fixture_granule_of(f, addr) + size, f->granule);
}

void fixture_expect_linked(struct fixture *f, const struct dma_iova_state *state,
			   size_t offset, phys_addr_t phys, size_t size)
{
	dma_addr_t addr = state->addr + offset;
	size_t nr = granules_in(f, addr, size);

	KUNIT_EXPECT_GT(f->test, nr, 0);
	phys = ALIGN_DOWN(phys, f->granule);
	for (addr = fixture_granule_of(f, addr); nr--; addr += f->granule) {
		KUNIT_EXPECT_EQ(f->test, iommu_iova_to_phys(f->domain, addr),
				phys);
		phys += f->granule;
	}
}

void fixture_expect_nothing_linked(struct fixture *f, dma_addr_t addr, size_t size)
{
	size_t nr = granules_in(f, addr, size);

	KUNIT_EXPECT_GT(f->test, nr, 0);
	for (addr = fixture_granule_of(f, addr); nr--; addr += f->granule)
		KUNIT_EXPECT_EQ(f->test, iommu_iova_to_phys(f->domain, addr),
				(phys_addr_t)0);
}

/* Mainline's documentation does not say what is left in a state. */
void fixture_expect_zero(struct kunit *test, const struct dma_iova_state *state)
{
#ifndef DMA_IOVA_MAINLINE
	struct dma_iova_state zero = {};

	KUNIT_EXPECT_MEMEQ(test, state, &zero, sizeof(zero));
	KUNIT_EXPECT_FALSE(test, dma_use_iova(state));
	KUNIT_EXPECT_EQ(test, dma_iova_size(state), (size_t)0);
#endif
}

void fixture_reserve(struct fixture *f, struct dma_iova_state *state,
		     phys_addr_t phys, size_t size)
{
	KUNIT_ASSERT_TRUE(f->test, dma_iova_try_alloc(f->dev, state, phys,
						      size));
}

void fixture_link_page(struct fixture *f, struct dma_iova_state *state,
		       size_t offset, struct page *page)
{
	KUNIT_ASSERT_EQ(f->test, 0,
			dma_iova_link(f->dev, state, page_to_phys(page), offset,
				      PAGE_SIZE, DMA_BIDIRECTIONAL, 0));
}

void fixture_link_pages(struct fixture *f, struct dma_iova_state *state,
			struct page **pages, int nr)
{
	int i;

	fixture_reserve(f, state, 0, nr * PAGE_SIZE);
	for (i = 0; i < nr; i++)
		fixture_link_page(f, state, i * PAGE_SIZE, pages[i]);
	KUNIT_ASSERT_EQ(f->test, 0, dma_iova_sync(f->dev, state, 0,
						  nr * PAGE_SIZE));
}

void fixture_destroy(struct fixture *f, struct dma_iova_state *state,
		     size_t mapped_len)
{
	dma_iova_destroy(f->dev, state, mapped_len, DMA_BIDIRECTIONAL, 0);
}

void fixture_copy_page_ends(struct fixture *f, dma_addr_t dst, dma_addr_t src)
{
	size_t last = PAGE_SIZE - EDU_CHUNK;

	edu_copy(f->test, f->edu, dst, src, EDU_CHUNK);
	edu_copy(f->test, f->edu, dst + last, src + last, EDU_CHUNK);
}

void fixture_expect_same_page_ends(struct kunit *test, struct page *page,
				   struct page *want)
{
	size_t last = PAGE_SIZE - EDU_CHUNK;

	KUNIT_EXPECT_MEMEQ(test, page_address(page), page_address(want), EDU_CHUNK);
	KUNIT_EXPECT_MEMEQ(test, page_address(page) + last,
			   page_address(want) + last, EDU_CHUNK);
}

/*
 * The device tries to write to @addr, which must not change @page. It writes what
 * fixture_expect_device_writes() left in its buffer: mapping anything here would send
 * requests to the IOMMU that the code under test may have forgotten.
 */
void fixture_expect_device_cannot_write(struct fixture *f, dma_addr_t addr,
					struct page *page)
{
	struct page *before = fixture_lone_page(f->test);

	fixture_fill_page(page, 100);
	fixture_fill_page(before, 100);
	edu_store(f->test, f->edu, addr, 64);
	KUNIT_EXPECT_MEMEQ(f->test, page_address(page), page_address(before),
			   PAGE_SIZE);
}

void fixture_expect_device_writes(struct fixture *f, dma_addr_t addr,
				  struct page *page)
{
	struct page *other = fixture_lone_page(f->test);
	struct dma_iova_state state;

	memset(page_address(page), 0, PAGE_SIZE);
	fixture_fill_page(other, 102);
	fixture_link_pages(f, &state, &other, 1);
	edu_copy(f->test, f->edu, addr, state.addr, 64);
	KUNIT_EXPECT_MEMEQ(f->test, page_address(page), page_address(other),
			   64);
	fixture_destroy(f, &state, PAGE_SIZE);
}

/*
 * The event takes some 10 ms, of the host on a machine with two CPUs. No host is as
 * slow as the limit, which is for an event that never happens because the code is
 * broken.
 */
#define WAIT_US		(20 * 60 * USEC_PER_SEC)
#define WAIT_POLL_US	1000

static bool has_changed(int *counter, int was)
{
	int now;

	return !read_poll_timeout(READ_ONCE, now, now != was, WAIT_POLL_US,
				  WAIT_US, false, *counter);
}

void fixture_wait_for_change(struct kunit *test, int *counter, int was)
{
	KUNIT_ASSERT_TRUE_MSG(test, has_changed(counter, was),
			      "what is waited for does not happen");
}

static bool has_waiters(struct mutex *lock)
{
	bool waits;

	raw_spin_lock(&lock->wait_lock);
	waits = !list_empty(&lock->wait_list);
	raw_spin_unlock(&lock->wait_lock);
	return waits;
}

/* Must not fail the case: the lock is to be released first. */
void fixture_wait_for_waiter(struct mutex *lock)
{
	while (!has_waiters(lock))
		usleep_range(WAIT_POLL_US, 2 * WAIT_POLL_US);
}

/* Between the iommu core and whoever is asked for invalidations */
static struct {
	struct iommu_domain_ops ops;
	const struct iommu_domain_ops *next;
	int flushes;
} listener;

static void listener_flush_iotlb_all(struct iommu_domain *domain)
{
	listener.next->flush_iotlb_all(domain);
	WRITE_ONCE(listener.flushes, listener.flushes + 1);
}

/*
 * Wait for one invalidation by the flush queue, up to its end: its timer runs in a
 * softirq, and RCU waits for that.
 */
static bool await_flush(struct device *dev, struct page *page, size_t size)
{
	dma_addr_t addr = dma_map_page(dev, page, 0, size, DMA_TO_DEVICE);
	int before;

	if (dma_mapping_error(dev, addr))
		return false;
	/* A timer of this CPU does not run between the two. */
	local_bh_disable();
	before = READ_ONCE(listener.flushes);
	dma_unmap_page(dev, addr, size, DMA_TO_DEVICE);
	local_bh_enable();
	if (!has_changed(&listener.flushes, before))
		return false;
	synchronize_rcu_expedited();
	return true;
}

/*
 * The timer may be pending on another CPU, and fire before or after the memory has
 * been unmapped. Once it has fired, only this CPU has started it again.
 */
void fixture_drain_flush_queue(struct kunit *test, struct device *dev)
{
	struct iommu_domain *domain = iommu_get_dma_domain(dev);
	size_t granule = dma_get_merge_boundary(dev) + 1;
	struct page *page;
	bool drained;

	if (domain->type != IOMMU_DOMAIN_DMA_FQ)
		return;

	page = alloc_pages(GFP_KERNEL | __GFP_ZERO, get_order(granule));
	KUNIT_ASSERT_NOT_NULL(test, page);
	listener.next = domain->ops;
	listener.ops = *domain->ops;
	listener.ops.flush_iotlb_all = listener_flush_iotlb_all;
	domain->ops = &listener.ops;
	/* Nothing is in the middle of an invalidation that is not counted. */
	synchronize_rcu_expedited();

	migrate_disable();
	drained = await_flush(dev, page, granule) &&
		  await_flush(dev, page, granule);
	migrate_enable();

	domain->ops = listener.next;
	synchronize_rcu_expedited();
	__free_pages(page, get_order(granule));
	KUNIT_ASSERT_TRUE_MSG(test, drained, "the flush queue does not flush");
}

/* debugfs is mounted nowhere, but the variable is known to the inode. */
void *fixture_debugfs(struct kunit *test, const char *dir, const char *file)
{
	struct dentry *parent = debugfs_lookup(dir, NULL);
	struct dentry *dentry;
	void *variable;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, parent);
	dentry = debugfs_lookup(file, parent);
	dput(parent);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dentry);
	variable = d_inode(dentry)->i_private;
	dput(dentry);
	return variable;
}

#define LARGE_ORDER	get_order(SZ_4M)

static void free_large(void *page)
{
	__free_pages(page, LARGE_ORDER);
}

struct page *fixture_large_page(struct kunit *test)
{
	struct page *page = alloc_pages(GFP_KERNEL | __GFP_ZERO, LARGE_ORDER);

	KUNIT_ASSERT_NOT_NULL(test, page);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, free_large, page),
			0);
	return page;
}

static int fixture_init(struct kunit *test)
{
	struct fixture *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, f);
	f->test = test;
	f->edu = edu_get(test);
	f->dev = f->edu->dev;
	test->priv = f;
	return 0;
}

static void try_reservation(struct device *dev, size_t size)
{
	struct dma_iova_state state;

	if (dma_iova_try_alloc(dev, &state, 0, size))
		dma_iova_free(dev, &state);
}

/*
 * After an allocation below 4 GiB has failed, iommu-dma uses addresses above, and the
 * IOVA allocator refuses that size or more below until it frees an address there that
 * it does not cache. A device with 32 bits that asks for more than is free empties the
 * caches: 2 GiB are never free twice.
 */
void fixture_forget_addresses(struct device *dev)
{
	struct dma_iova_state half;

	dma_set_mask(dev, DMA_BIT_MASK(32));
	try_reservation(dev, PAGE_SIZE);
	dma_iova_try_alloc(dev, &half, 0, SZ_2G);
	try_reservation(dev, SZ_2G);
	if (dma_use_iova(&half))
		dma_iova_free(dev, &half);
	dma_set_mask(dev, DMA_BIT_MASK(64));
	dev->iommu->pci_32bit_workaround = true;
}

static void forget_addresses(void *dev)
{
	fixture_forget_addresses(dev);
}

int fixture_init_iommu(struct kunit *test)
{
	struct fixture *f;
	int err = fixture_init(test);

	if (err)
		return err;

	f = test->priv;
	if (!use_dma_iommu(f->dev))
		kunit_skip(test, "the edu device is not behind an IOMMU");
	f->domain = iommu_get_dma_domain(f->dev);
	f->granule = dma_get_merge_boundary(f->dev) + 1;
	KUNIT_ASSERT_EQ(test, f->granule, PAGE_SIZE);
	return kunit_add_action_or_reset(test, forget_addresses, f->dev);
}

static void trust_again(void *data)
{
	struct fixture *f = data;

	f->edu->pdev->untrusted = false;
	dma_set_min_align_mask(f->dev, 0);
}

static void fixture_distrust(struct fixture *f)
{
	f->edu->pdev->untrusted = true;
	dma_set_min_align_mask(f->dev, f->granule - 1);
	KUNIT_ASSERT_EQ(f->test, 0, kunit_add_action_or_reset(f->test, trust_again,
							      f));
}

/* The pages that move the data are whole granules, and so are not bounced. */
int fixture_init_bounce(struct kunit *test)
{
	struct fixture *f;
	int err = fixture_init_iommu(test);

	if (err)
		return err;

	f = test->priv;
	if (!is_swiotlb_active(f->dev))
		kunit_skip(test, "no bounce buffers: boot with swiotlb=force");
	fixture_distrust(f);
	return 0;
}

struct fixture *fixture_mock(struct kunit *test,
			     const struct mock_iommu_config *config)
{
	struct fixture *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, f);
	f->test = test;
	f->mock = mock_iommu_create(test, config);
	f->dev = f->mock->dev;
	f->domain = &f->mock->domain;
	f->granule = dma_get_merge_boundary(f->dev) + 1;
	test->priv = f;
	return f;
}

struct fixture *fixture_strict_mock(struct kunit *test)
{
	static const struct mock_iommu_config config = {
		.page_sizes	= PAGE_SIZE,
		.aperture	= SZ_16M,
		.type		= IOMMU_DOMAIN_DMA,
	};

	return fixture_mock(test, &config);
}

struct fixture *fixture_mock_untrusted(struct kunit *test,
				       const struct mock_iommu_config *config)
{
	struct mock_iommu_config with_edu = *config;
	struct edu *edu = edu_get(test);
	struct fixture *f;

	if (device_iommu_mapped(edu->dev))
		kunit_skip(test, "the edu device is behind another IOMMU");
	if (!is_swiotlb_active(edu->dev))
		kunit_skip(test, "no bounce buffers: boot with swiotlb=force");
	with_edu.dev = edu->dev;
	f = fixture_mock(test, &with_edu);
	f->edu = edu;
	fixture_distrust(f);
	return f;
}

int fixture_init_long_mock(struct kunit *test)
{
	if (iommu_present(&platform_bus_type))
		kunit_skip(test, "runs on the machine without an IOMMU");
	return 0;
}

void fixture_need_two_cpus(struct kunit *test)
{
	if (num_online_cpus() < 2)
		kunit_skip(test, "needs two CPUs");
}

void fixture_need_strict_mode(struct kunit *test)
{
	struct fixture *f = test->priv;

	if (f->domain->type != IOMMU_DOMAIN_DMA)
		kunit_skip(test, "the IOMMU is in lazy mode");
}

static int fixture_init_no_iommu(struct kunit *test)
{
	struct fixture *f;
	int err = fixture_init(test);

	if (err)
		return err;

	f = test->priv;
	if (use_dma_iommu(f->dev))
		kunit_skip(test, "the edu device is behind an IOMMU");
	return 0;
}

int fixture_init_direct(struct kunit *test)
{
	struct fixture *f;
	int err = fixture_init_no_iommu(test);

	if (err)
		return err;

	f = test->priv;
	if (is_swiotlb_force_bounce(f->dev))
		kunit_skip(test, "everything is bounced: boot without swiotlb=force");
	return 0;
}

int fixture_init_forced_swiotlb(struct kunit *test)
{
	struct fixture *f;
	int err = fixture_init_no_iommu(test);

	if (err)
		return err;

	f = test->priv;
	if (!is_swiotlb_force_bounce(f->dev))
		kunit_skip(test, "no bounce buffers: boot with swiotlb=force");
	return 0;
}

long fixture_slots_used(struct fixture *f)
{
	return atomic_long_read(&f->dev->dma_io_tlb_mem->total_used);
}

void __user *fixture_user_memory(struct kunit *test, size_t size)
{
	unsigned long addr = kunit_vm_mmap(test, NULL, 0, size,
					   PROT_READ | PROT_WRITE,
					   MAP_ANONYMOUS | MAP_PRIVATE, 0);

	KUNIT_ASSERT_NE(test, addr, 0UL);
	KUNIT_ASSERT_LT(test, addr, (unsigned long)TASK_SIZE);
	return (void __user *)addr;
}

void fixture_want_huge_pages(struct kunit *test, unsigned long addr)
{
	struct vm_area_struct *vma;

	mmap_write_lock(current->mm);
	vma = vma_lookup(current->mm, addr);
	if (vma)
		vm_flags_set(vma, VM_HUGEPAGE);
	mmap_write_unlock(current->mm);
	KUNIT_ASSERT_NOT_NULL(test, vma);
}

static void fixture_remove_probe(void *probe)
{
	unregister_kprobe(probe);
}

/*
 * KMSAN does not see that instructions are written, and complains when they are
 * compared.
 */
void fixture_probe(struct kunit *test, struct kprobe *probe)
{
	int err;

	/* A kprobe that has been registered before is refused with these set. */
	probe->addr = NULL;
	probe->flags = 0;
	kmsan_disable_current();
	err = register_kprobe(probe);
	kmsan_enable_current();
	KUNIT_ASSERT_EQ(test, 0, err);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test,
							   fixture_remove_probe,
							   probe));
}

long fixture_iommu_pages(void)
{
	struct pglist_data *pgdat;
	long nr = 0;
	int cpu;

	for_each_online_pgdat(pgdat) {
		nr += atomic_long_read(&pgdat->vm_stat[NR_IOMMU_PAGES]);
		/* The counts that the CPUs have not added to the total yet */
		for_each_possible_cpu(cpu)
			nr += per_cpu_ptr(pgdat->per_cpu_nodestats,
					  cpu)->vm_node_stat_diff[NR_IOMMU_PAGES];
	}
	return nr;
}
