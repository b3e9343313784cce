/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An IOMMU in software, for tests on any machine. It is registered with the iommu
 * core like any other, has devices of its own behind it, and iommu-dma maps for
 * these; so the DMA API as drivers call it ends up here. They are all in one group,
 * and so share a domain.
 *
 * The page table is an xarray. A second one, seen, holds what the device can
 * translate: the IOTLB of a device that gets hold of everything that it may, and
 * lets go of it only when it must. What has been mapped is seen once it has been
 * synchronised, and what has been unmapped until it has been invalidated.
 */
#ifndef _DMA_TESTS_MOCK_IOMMU_H
#define _DMA_TESTS_MOCK_IOMMU_H

#include <kunit/test.h>
#include <linux/fwnode.h>
#include <linux/iommu.h>
#include <linux/xarray.h>

struct mock_iommu_config {
	/* One bit for each page size; the smallest is the granule */
	unsigned long page_sizes;
	/* Bytes of IO addresses */
	size_t aperture;
	/* IOMMU_DOMAIN_DMA, IOMMU_DOMAIN_DMA_FQ (lazy), IOMMU_DOMAIN_IDENTITY */
	unsigned int type;
	/* The driver can map an array of ranges in one call */
	bool map_vec;
	/* The device does not see the caches, where the architecture has such */
	bool noncoherent;
	/* The firmware wants page 0 to be mapped to itself for each device. */
	bool direct_page_0;
	/* Have this device behind it, instead of one of its own */
	struct device *dev;
};

/* Calls of the driver's operations, and the large pages that it has mapped */
struct mock_iommu_calls {
	int large_pages;
	int map;
	int map_vec;
	int unmap;
	int sync_map;
	int sync;
	int sync_ranges;
	int flush_all;
};

/* Counts of what exists at present */
struct mock_iommu_state {
	size_t mapped;		/* bytes in the page table */
	size_t seen;		/* bytes that the device can translate */
	int tables;		/* page table pages below the root */
};

struct mock_iommu {
	struct mock_iommu_config config;
	struct device *dev;	/* the first */
	struct iommu_domain domain;
	struct iommu_domain_ops ops;
	struct iommu_device iommu;
	struct fwnode_handle fwnode;

	/* For all below, with interrupts off: the timer of the flush queue takes it. */
	spinlock_t lock;
	struct xarray table;
	struct xarray seen;
	struct xarray tables;
	struct mock_iommu_state state;

	/* Only counted; a test may set them to 0 at any time */
	struct mock_iommu_calls calls;
	int prot;

	/*
	 * Counted down by each range to map, page table page to allocate and
	 * synchronisation. The one that reaches 0 fails. None does with 0 at first.
	 */
	int fail_map;
	int fail_table;
	int fail_sync;
	/* For fail_map and fail_sync. A page table page fails with -ENOMEM. */
	int errno;
};

/* For the rest of the test, or until it is destroyed; one at a time */
struct mock_iommu *mock_iommu_create(struct kunit *test,
				     const struct mock_iommu_config *config);
void mock_iommu_destroy(struct kunit *test, struct mock_iommu *mock);

/* One more device, for the rest of the test. A driver matches it by this name. */
#define MOCK_IOMMU_DEVICE	"mock-iommu-device"
struct device *mock_iommu_add_device(struct kunit *test, struct mock_iommu *mock);

/* The physical address that the device reaches at @addr, or 0 */
phys_addr_t mock_iommu_device_sees(struct mock_iommu *mock, dma_addr_t addr);

/*
 * The number of granules that can still be reserved. Reserves and gives back all of
 * them. In lazy mode this waits for the flush queue first.
 */
int mock_iommu_count_free(struct kunit *test, struct mock_iommu *mock);

#endif /* _DMA_TESTS_MOCK_IOMMU_H */
