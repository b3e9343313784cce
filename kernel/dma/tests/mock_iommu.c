// SPDX-License-Identifier: GPL-2.0
#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/platform_device.h>
#include <linux/slab.h>

#include "../../../drivers/iommu/dma-iommu.h"
#include "fixture.h"
#include "mock_iommu.h"

/* Entries of a page table page, as a power of two: any number would do */
#define TABLE_BITS	9

static struct mock_iommu *to_mock(struct iommu_domain *domain)
{
	return container_of(domain, struct mock_iommu, domain);
}

static unsigned int granule_shift(struct mock_iommu *mock)
{
	return __ffs(mock->config.page_sizes);
}

static size_t largest_page(struct mock_iommu *mock)
{
	return 1UL << __fls(mock->config.page_sizes);
}

/* Not 0, and aligned to the largest range that fits */
static u64 aperture_start(struct mock_iommu *mock)
{
	return roundup_pow_of_two(max(mock->config.aperture, largest_page(mock)));
}

/* Count down to the one that fails. */
static bool fails(int *nth)
{
	return *nth && !--*nth;
}

/*
 * An entry is at the index of its first granule, and says in its low bits what
 * size of page it is for.
 */
#define ENTRY_SIZE_BITS	6

static void *make_entry(struct mock_iommu *mock, phys_addr_t phys, size_t pgsize)
{
	return xa_mk_value((phys >> granule_shift(mock)) << ENTRY_SIZE_BITS |
			   __ffs(pgsize));
}

static size_t entry_size(void *entry)
{
	return BIT(xa_to_value(entry) & (BIT(ENTRY_SIZE_BITS) - 1));
}

static phys_addr_t entry_phys(struct mock_iommu *mock, void *entry)
{
	return (xa_to_value(entry) >> ENTRY_SIZE_BITS) << granule_shift(mock);
}

/* The entry for @iova, and at @start its first address; or NULL */
static void *find_entry(struct mock_iommu *mock, struct xarray *xa, u64 iova,
			u64 *start)
{
	unsigned long sizes = mock->config.page_sizes;
	unsigned int shift;
	void *entry;

	for_each_set_bit(shift, &sizes, BITS_PER_LONG) {
		*start = ALIGN_DOWN(iova, BIT(shift));
		entry = xa_load(xa, *start >> granule_shift(mock));
		if (entry && entry_size(entry) == BIT(shift))
			return entry;
	}
	return NULL;
}

static phys_addr_t translate(struct mock_iommu *mock, struct xarray *xa, u64 iova)
{
	u64 start;
	void *entry = find_entry(mock, xa, iova, &start);

	return entry ? entry_phys(mock, entry) + iova - start : 0;
}

/*
 * The page table pages only serve to be counted, and to fail. Each stands for
 * 2^TABLE_BITS entries of one size: it comes with the first and goes with the last.
 */
static unsigned long table_index(u64 iova, size_t pgsize)
{
	return (iova >> (__ffs(pgsize) + TABLE_BITS)) << ENTRY_SIZE_BITS |
	       __ffs(pgsize);
}

static int table_get(struct mock_iommu *mock, u64 iova, size_t pgsize)
{
	unsigned long index = table_index(iova, pgsize);
	void *used = xa_load(&mock->tables, index);
	int err;

	if (!used && fails(&mock->fail_table))
		return -ENOMEM;
	err = xa_err(xa_store(&mock->tables, index,
			      xa_mk_value(used ? xa_to_value(used) + 1 : 1),
			      GFP_ATOMIC));
	if (!err && !used)
		mock->state.tables++;
	return err;
}

static void table_put(struct mock_iommu *mock, u64 iova, size_t pgsize)
{
	unsigned long index = table_index(iova, pgsize);
	unsigned long used = xa_to_value(xa_load(&mock->tables, index));

	if (used > 1) {
		xa_store(&mock->tables, index, xa_mk_value(used - 1), GFP_ATOMIC);
		return;
	}
	xa_erase(&mock->tables, index);
	mock->state.tables--;
}

static bool range_is_empty(struct mock_iommu *mock, u64 iova, size_t size)
{
	unsigned long first = iova >> granule_shift(mock);
	unsigned long last = (iova + size - 1) >> granule_shift(mock);

	return !translate(mock, &mock->table, iova) &&
	       !xa_find(&mock->table, &first, last, XA_PRESENT);
}

static int map_page(struct mock_iommu *mock, u64 iova, phys_addr_t phys,
		    size_t pgsize)
{
	int err;

	if (!range_is_empty(mock, iova, pgsize))
		return -EEXIST;
	err = table_get(mock, iova, pgsize);
	if (err)
		return err;
	err = xa_err(xa_store(&mock->table, iova >> granule_shift(mock),
			      make_entry(mock, phys, pgsize), GFP_ATOMIC));
	if (err) {
		table_put(mock, iova, pgsize);
		return err;
	}
	mock->state.mapped += pgsize;
	mock->calls.large_pages += pgsize > BIT(granule_shift(mock));
	return 0;
}

static int map_range(struct mock_iommu *mock, u64 iova, phys_addr_t phys,
		     size_t pgsize, size_t pgcount, size_t *mapped)
{
	int err;

	if (fails(&mock->fail_map))
		return mock->errno;
	for (; pgcount; pgcount--) {
		err = map_page(mock, iova, phys, pgsize);
		if (err)
			return err;
		iova += pgsize;
		phys += pgsize;
		*mapped += pgsize;
	}
	return 0;
}

static int mock_map_pages(struct iommu_domain *domain, unsigned long iova,
			  phys_addr_t phys, size_t pgsize, size_t pgcount,
			  int prot, gfp_t gfp, size_t *mapped)
{
	struct mock_iommu *mock = to_mock(domain);
	unsigned long flags;
	int err;

	spin_lock_irqsave(&mock->lock, flags);
	mock->calls.map++;
	mock->prot = prot;
	err = map_range(mock, iova, phys, pgsize, pgcount, mapped);
	spin_unlock_irqrestore(&mock->lock, flags);
	return err;
}

#ifndef DMA_IOVA_MAINLINE
/* Maps by granules, since the ranges need not be aligned to larger pages. */
static int mock_map_vec(struct iommu_domain *domain, unsigned long iova,
			const struct phys_vec *vec, size_t nr, int prot,
			gfp_t gfp, size_t *mapped)
{
	struct mock_iommu *mock = to_mock(domain);
	unsigned long flags;
	int err = 0;

	spin_lock_irqsave(&mock->lock, flags);
	mock->calls.map_vec++;
	mock->prot = prot;
	for (; nr && !err; vec++, nr--)
		err = map_range(mock, iova + *mapped, vec->paddr,
				BIT(granule_shift(mock)),
				vec->len >> granule_shift(mock), mapped);
	spin_unlock_irqrestore(&mock->lock, flags);
	return err;
}
#endif

/* Stops at a hole. A large page is unmapped in full, wherever the range begins. */
static size_t mock_unmap_pages(struct iommu_domain *domain, unsigned long iova,
			       size_t pgsize, size_t pgcount,
			       struct iommu_iotlb_gather *gather)
{
	struct mock_iommu *mock = to_mock(domain);
	size_t size = pgsize * pgcount, done = 0;
	unsigned long flags;
	void *entry;
	u64 start;

	spin_lock_irqsave(&mock->lock, flags);
	mock->calls.unmap++;
	while (done < size) {
		entry = find_entry(mock, &mock->table, iova + done, &start);
		if (!entry)
			break;
		xa_erase(&mock->table, start >> granule_shift(mock));
		table_put(mock, start, entry_size(entry));
		mock->state.mapped -= entry_size(entry);
		iommu_iotlb_gather_add_range(gather, start, entry_size(entry));
		done = start + entry_size(entry) - iova;
	}
	spin_unlock_irqrestore(&mock->lock, flags);
	return done;
}

/* Have the device see what is mapped in the range. */
static int show(struct mock_iommu *mock, u64 iova, size_t size)
{
	unsigned long index, first, last;
	void *entry, *old;

	first = ALIGN_DOWN(iova, largest_page(mock)) >> granule_shift(mock);
	last = (iova + size - 1) >> granule_shift(mock);
	xa_for_each_range(&mock->table, index, entry, first, last) {
		if (((u64)index << granule_shift(mock)) + entry_size(entry) <= iova)
			continue;
		old = xa_store(&mock->seen, index, entry, GFP_ATOMIC);
		if (xa_is_err(old))
			return xa_err(old);
		mock->state.seen += entry_size(entry);
		mock->state.seen -= old ? entry_size(old) : 0;
	}
	return 0;
}

static int mock_iotlb_sync_map(struct iommu_domain *domain, unsigned long iova,
			       size_t size)
{
	struct mock_iommu *mock = to_mock(domain);
	unsigned long flags;
	int err;

	spin_lock_irqsave(&mock->lock, flags);
	mock->calls.sync_map++;
	err = fails(&mock->fail_sync) ? mock->errno : show(mock, iova, size);
	spin_unlock_irqrestore(&mock->lock, flags);
	return err;
}

/* The device sees no more of the range than is mapped. */
static void invalidate(struct mock_iommu *mock, u64 start, u64 end)
{
	unsigned long index;
	void *entry;

	xa_for_each_range(&mock->seen, index, entry, start >> granule_shift(mock),
			  end >> granule_shift(mock)) {
		if (xa_load(&mock->table, index) == entry)
			continue;
		xa_erase(&mock->seen, index);
		mock->state.seen -= entry_size(entry);
	}
}

static void mock_iotlb_sync(struct iommu_domain *domain,
			    struct iommu_iotlb_gather *gather)
{
	struct mock_iommu *mock = to_mock(domain);
	unsigned long flags;

	spin_lock_irqsave(&mock->lock, flags);
	mock->calls.sync++;
	invalidate(mock, gather->start, gather->end);
	spin_unlock_irqrestore(&mock->lock, flags);
}

#ifndef DMA_IOVA_MAINLINE
static void mock_iotlb_sync_ranges(struct iommu_domain *domain,
				   const struct iommu_iotlb_range *ranges,
				   size_t nr, bool tables)
{
	struct mock_iommu *mock = to_mock(domain);
	unsigned long flags;

	spin_lock_irqsave(&mock->lock, flags);
	mock->calls.sync_ranges++;
	for (; nr; ranges++, nr--)
		invalidate(mock, ranges->start,
			   ranges->start + ranges->size - 1);
	spin_unlock_irqrestore(&mock->lock, flags);
}
#endif

static void mock_flush_iotlb_all(struct iommu_domain *domain)
{
	struct mock_iommu *mock = to_mock(domain);
	unsigned long flags;

	spin_lock_irqsave(&mock->lock, flags);
	mock->calls.flush_all++;
	invalidate(mock, 0, U64_MAX);
	spin_unlock_irqrestore(&mock->lock, flags);
}

static phys_addr_t translate_locked(struct mock_iommu *mock, struct xarray *xa,
				    u64 iova)
{
	unsigned long flags;
	phys_addr_t phys;

	spin_lock_irqsave(&mock->lock, flags);
	phys = translate(mock, xa, iova);
	spin_unlock_irqrestore(&mock->lock, flags);
	return phys;
}

static phys_addr_t mock_iova_to_phys(struct iommu_domain *domain, dma_addr_t iova)
{
	struct mock_iommu *mock = to_mock(domain);

	return translate_locked(mock, &mock->table, iova);
}

phys_addr_t mock_iommu_device_sees(struct mock_iommu *mock, dma_addr_t addr)
{
	return translate_locked(mock, &mock->seen, addr);
}

#ifdef DMA_IOVA_MAINLINE
static int mock_attach(struct iommu_domain *domain, struct device *dev,
		       struct iommu_domain *old)
#else
static int mock_attach(struct iommu_domain *domain, struct device *dev)
#endif
{
	return 0;
}

static void mock_domain_free(struct iommu_domain *domain)
{
	struct mock_iommu *mock = to_mock(domain);

	xa_destroy(&mock->table);
	xa_destroy(&mock->seen);
	xa_destroy(&mock->tables);
}

static const struct iommu_domain_ops mock_paging_ops = {
	.attach_dev		= mock_attach,
	.map_pages		= mock_map_pages,
	.unmap_pages		= mock_unmap_pages,
	.iotlb_sync_map		= mock_iotlb_sync_map,
	.iotlb_sync		= mock_iotlb_sync,
#ifndef DMA_IOVA_MAINLINE
	.iotlb_sync_ranges	= mock_iotlb_sync_ranges,
#endif
	.flush_iotlb_all	= mock_flush_iotlb_all,
	.iova_to_phys		= mock_iova_to_phys,
	.free			= mock_domain_free,
};

static struct iommu_domain mock_identity_domain = {
	.type	= IOMMU_DOMAIN_IDENTITY,
	.ops	= &(const struct iommu_domain_ops) { .attach_dev = mock_attach },
};

static const struct fwnode_operations mock_fwnode_ops;

static struct mock_iommu *mock_of(struct device *dev)
{
	struct iommu_fwspec *fwspec = dev_iommu_fwspec_get(dev);

	return container_of(fwspec->iommu_fwnode, struct mock_iommu, fwnode);
}

static struct iommu_device *mock_probe_device(struct device *dev)
{
	return &mock_of(dev)->iommu;
}

static int mock_def_domain_type(struct device *dev)
{
	return mock_of(dev)->config.type;
}

static bool mock_capable(struct device *dev, enum iommu_cap cap)
{
	return cap == IOMMU_CAP_CACHE_COHERENCY || cap == IOMMU_CAP_DEFERRED_FLUSH;
}

/*
 * iommu-dma takes no IOMMU whose pages are larger than those of the kernel. So it
 * sees smaller ones at first; see mock_iommu_create().
 */
static struct iommu_domain *mock_domain_alloc_paging(struct device *dev)
{
	struct mock_iommu *mock = mock_of(dev);
	struct iommu_domain *domain = &mock->domain;

	mock->ops = mock_paging_ops;
#ifndef DMA_IOVA_MAINLINE
	if (mock->config.map_vec)
		mock->ops.map_vec = mock_map_vec;
#endif
	domain->ops = &mock->ops;
	domain->pgsize_bitmap = mock->config.page_sizes;
	if (BIT(granule_shift(mock)) > PAGE_SIZE)
		domain->pgsize_bitmap |= PAGE_SIZE;
	domain->geometry.aperture_start = aperture_start(mock);
	domain->geometry.aperture_end = aperture_start(mock) +
					mock->config.aperture - 1;
	domain->geometry.force_aperture = true;
	return domain;
}

static void mock_get_resv_regions(struct device *dev, struct list_head *head)
{
	struct iommu_resv_region *region;

	if (!mock_of(dev)->config.direct_page_0)
		return;
	region = iommu_alloc_resv_region(0, PAGE_SIZE, IOMMU_READ | IOMMU_WRITE,
					 IOMMU_RESV_DIRECT, GFP_KERNEL);
	if (region)
		list_add_tail(&region->list, head);
}

static const struct iommu_ops mock_ops = {
	.owner			= THIS_MODULE,
	.identity_domain	= &mock_identity_domain,
	.domain_alloc_paging	= mock_domain_alloc_paging,
	.probe_device		= mock_probe_device,
	.device_group		= generic_single_device_group,
	.def_domain_type	= mock_def_domain_type,
	.capable		= mock_capable,
	.get_resv_regions	= mock_get_resv_regions,
};

static void mock_unregister(void *data)
{
	struct mock_iommu *mock = data;

	iommu_device_unregister(&mock->iommu);
	iommu_device_sysfs_remove(&mock->iommu);
}

/* The mock's own devices are on the platform bus, others are not. */
static void mock_remove_device(void *data)
{
	struct device *dev = data;

	if (dev_is_platform(dev))
		platform_device_unregister(to_platform_device(dev));
	else
		iommu_group_remove_device(dev);
}

static int mock_probe(struct mock_iommu *mock, struct device *dev)
{
	int err;

	mutex_lock(&iommu_probe_device_lock);
	err = iommu_fwspec_init(dev, &mock->fwnode);
	mutex_unlock(&iommu_probe_device_lock);
	if (err)
		return err;

	fixture_set_coherent(dev, !mock->config.noncoherent);
	if (dev == mock->config.dev)
		return iommu_probe_device(dev);
	/* A platform device is probed by the iommu core when it is added. */
	return platform_device_add(to_platform_device(dev));
}

static void mock_put_behind(struct kunit *test, struct mock_iommu *mock,
			    struct device *dev)
{
#ifdef DMA_IOVA_MAINLINE
	/* It warns of a device that has its driver before it has its IOMMU. */
	if (dev == mock->config.dev)
		warnings_announce(test, "iommu/iommu.c");
#endif
	KUNIT_ASSERT_EQ(test, 0, mock_probe(mock, dev));
#ifdef DMA_IOVA_MAINLINE
	KUNIT_EXPECT_LE(test, warnings_taken(test), dev == mock->config.dev);
#endif
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test,
							   mock_remove_device,
							   dev));
	KUNIT_ASSERT_EQ(test, 0, dma_set_mask_and_coherent(dev,
							   DMA_BIT_MASK(64)));
	if (mock->config.type == IOMMU_DOMAIN_IDENTITY)
		return;
	KUNIT_ASSERT_PTR_EQ(test, iommu_get_dma_domain(dev), &mock->domain);
	KUNIT_ASSERT_EQ(test, mock->domain.type, mock->config.type);
}

struct device *mock_iommu_add_device(struct kunit *test, struct mock_iommu *mock)
{
	struct platform_device *pdev;

	pdev = platform_device_alloc(MOCK_IOMMU_DEVICE, PLATFORM_DEVID_AUTO);
	KUNIT_ASSERT_NOT_NULL(test, pdev);
	mock_put_behind(test, mock, &pdev->dev);
	return &pdev->dev;
}

#ifdef DMA_IOVA_MAINLINE
static void mock_enlarge_granule(struct kunit *test, struct mock_iommu *mock)
{
	kunit_skip(test, "iommu-dma does not export its allocator");
}
#else
/* Act as if the kernel had pages of that size, before anything is allocated. */
static void mock_enlarge_granule(struct kunit *test, struct mock_iommu *mock)
{
	struct iova_domain *iovad = &mock->domain.iova_cookie->iovad;

	iovad->granule = BIT(granule_shift(mock));
	iovad->start_pfn = max(1UL, aperture_start(mock) >> iova_shift(iovad));
}
#endif

struct mock_iommu *mock_iommu_create(struct kunit *test,
				     const struct mock_iommu_config *config)
{
	struct mock_iommu *mock = kunit_kzalloc(test, sizeof(*mock), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, mock);
	mock->config = *config;
	mock->errno = -EIO;
	spin_lock_init(&mock->lock);
	xa_init(&mock->table);
	xa_init(&mock->seen);
	xa_init(&mock->tables);

	fwnode_init(&mock->fwnode, &mock_fwnode_ops);
	mock->iommu.fwnode = &mock->fwnode;
	KUNIT_ASSERT_EQ(test, 0, iommu_device_sysfs_add(&mock->iommu, NULL, NULL,
							"mock-iommu"));
	KUNIT_ASSERT_EQ(test, 0, iommu_device_register(&mock->iommu, &mock_ops,
						       NULL));
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, mock_unregister,
							   mock));

	mock->dev = config->dev;
	if (mock->dev)
		mock_put_behind(test, mock, mock->dev);
	else
		mock->dev = mock_iommu_add_device(test, mock);
	mock->domain.pgsize_bitmap = config->page_sizes;
	if (BIT(granule_shift(mock)) > PAGE_SIZE)
		mock_enlarge_granule(test, mock);
	return mock;
}

void mock_iommu_destroy(struct kunit *test, struct mock_iommu *mock)
{
	kunit_release_action(test, mock_remove_device, mock->dev);
	kunit_release_action(test, mock_unregister, mock);
}

int mock_iommu_count_free(struct kunit *test, struct mock_iommu *mock)
{
	int max = mock->config.aperture >> granule_shift(mock);
	struct dma_iova_state *states;
	int nr, i;

	fixture_drain_flush_queue(test, mock->dev);
	states = kvcalloc(max + 1, sizeof(*states), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, states);
	for (nr = 0; nr <= max; nr++) {
		if (!dma_iova_try_alloc(mock->dev, &states[nr], 0,
					BIT(granule_shift(mock))))
			break;
	}
	for (i = 0; i < nr; i++)
		dma_iova_free(mock->dev, &states[i]);
	kvfree(states);
	cond_resched();	/* Cases call this many times over. */
	return nr;
}
