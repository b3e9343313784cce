// SPDX-License-Identifier: GPL-2.0
#include <linux/rcupdate.h>

#include "fixture.h"
#include "spy.h"

struct spy spy;

static void spy_prot(int prot)
{
	if (!spy.map_pages && !spy.map_vec)
		spy.first_prot = prot;
	spy.prot = prot;
}

static int spy_map_pages(struct iommu_domain *domain, unsigned long iova,
			 phys_addr_t paddr, size_t pgsize, size_t pgcount,
			 int prot, gfp_t gfp, size_t *mapped)
{
	size_t before = *mapped;
	int err;

	if (spy.fail_map && !--spy.fail_map)
		return spy.fail_map_errno;
	spy_prot(prot);
	spy.map_pages++;
	spy.largest_page = max(spy.largest_page, pgsize);
	err = spy.driver->map_pages(domain, iova, paddr, pgsize, pgcount, prot,
				    gfp, mapped);
	spy.bytes_mapped += *mapped - before;
	return err;
}

#ifndef DMA_IOVA_MAINLINE
/* Counts and fails range by range, as if the ranges had come one by one. */
static int spy_map_vec(struct iommu_domain *domain, unsigned long iova,
		       const struct phys_vec *vec, size_t nr, int prot,
		       gfp_t gfp, size_t *mapped)
{
	size_t size = 0, i;
	int fail = 0, err = 0;

	for (i = 0; i < nr && !fail; i++) {
		if (spy.fail_map && !--spy.fail_map)
			fail = spy.fail_map_errno;
		else
			size += vec[i].len;
	}
	if (fail)
		i--;
	spy_prot(prot);
	spy.map_vec++;
	spy.map_pages += i;
	if (i)
		err = spy.driver->map_vec(domain, iova, vec, i, prot, gfp,
					  mapped);
	if (!err)
		*mapped = size;
	spy.bytes_mapped += *mapped;
	return err ?: fail;
}
#endif

static size_t spy_unmap_pages(struct iommu_domain *domain, unsigned long iova,
			      size_t pgsize, size_t pgcount,
			      struct iommu_iotlb_gather *gather)
{
	size_t unmapped;

	if (spy.blind)
		return 0;
	spy.unmap_pages++;
	unmapped = spy.driver->unmap_pages(domain, iova, pgsize, pgcount, gather);
	spy.bytes_mapped -= unmapped;
	return unmapped;
}

static int spy_iotlb_sync_map(struct iommu_domain *domain, unsigned long iova,
			      size_t size)
{
	if (spy.fail_sync_map_errno)
		return spy.fail_sync_map_errno;
	spy.sync_map++;
	if (!spy.driver->iotlb_sync_map)
		return 0;
	return spy.driver->iotlb_sync_map(domain, iova, size);
}

static void spy_iotlb_sync(struct iommu_domain *domain,
			   struct iommu_iotlb_gather *gather)
{
	spy.sync++;
	spy.driver->iotlb_sync(domain, gather);
}

#ifndef DMA_IOVA_MAINLINE
static void spy_iotlb_sync_ranges(struct iommu_domain *domain,
				  const struct iommu_iotlb_range *ranges,
				  size_t nr, bool tables)
{
	size_t i;

	spy.sync_ranges++;
	spy.ranges += nr;
	for (i = 0; i < nr; i++)
		spy.range_bytes += ranges[i].size;
	spy.driver->iotlb_sync_ranges(domain, ranges, nr, tables);
}
#endif

static void spy_flush_iotlb_all(struct iommu_domain *domain)
{
	spy.driver->flush_iotlb_all(domain);
	/* Count afterwards: a waiter relies on the flush being over. */
	WRITE_ONCE(spy.flush_all, spy.flush_all + 1);
}

static phys_addr_t spy_iova_to_phys(struct iommu_domain *domain,
				    dma_addr_t iova)
{
	if (spy.blind)
		return 0;
	spy.iova_to_phys++;
	return spy.driver->iova_to_phys(domain, iova);
}

void spy_reset(void)
{
	spy.map_pages = 0;
	spy.map_vec = 0;
	spy.unmap_pages = 0;
	spy.sync_map = 0;
	spy.sync = 0;
	spy.sync_ranges = 0;
	spy.ranges = 0;
	spy.range_bytes = 0;
	spy.flush_all = 0;
	spy.iova_to_phys = 0;
	spy.largest_page = 0;
	spy.prot = 0;
	spy.bytes_mapped = 0;
	spy.fail_map = 0;
	spy.fail_sync_map_errno = 0;
	spy.blind = false;
}

static void spy_remove(void *data)
{
	spy_reset();
	spy.domain->ops = spy.driver;
	spy.domain = NULL;
	/* The flush queue's timer, a softirq, may be running in the spy. */
	synchronize_rcu_expedited();
}

int spy_insert(struct kunit *test)
{
	struct fixture *f = test->priv;

#ifdef DMA_IOVA_MAINLINE
	if (f->domain->is_iommupt)
		kunit_skip(test, "the IOMMU driver maps past the domain's operations");
#endif
	if (spy.domain)
		kunit_release_action(test, spy_remove, NULL);
	spy_reset();
	spy.domain = f->domain;
	spy.driver = f->domain->ops;
	spy.ops = *spy.driver;
	spy.ops.map_pages = spy_map_pages;
#ifndef DMA_IOVA_MAINLINE
	spy.has_map_vec = spy.driver->map_vec;
	if (spy.has_map_vec)
		spy.ops.map_vec = spy_map_vec;
	if (spy.driver->iotlb_sync_ranges)
		spy.ops.iotlb_sync_ranges = spy_iotlb_sync_ranges;
#endif
	spy.ops.unmap_pages = spy_unmap_pages;
	spy.ops.iotlb_sync_map = spy_iotlb_sync_map;
	spy.ops.iotlb_sync = spy_iotlb_sync;
	spy.ops.flush_iotlb_all = spy_flush_iotlb_all;
	spy.ops.iova_to_phys = spy_iova_to_phys;
	f->domain->ops = &spy.ops;
	return kunit_add_action_or_reset(test, spy_remove, NULL);
}

int spy_init_iommu(struct kunit *test)
{
	return fixture_init_iommu(test) ?: spy_insert(test);
}
