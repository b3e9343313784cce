/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A spy between the iommu core and the IOMMU driver of a domain: counts what the
 * driver is asked for, and makes the nth request fail.
 */
#ifndef _DMA_TESTS_SPY_H
#define _DMA_TESTS_SPY_H

#include <kunit/test.h>
#include <linux/iommu.h>

struct spy {
	struct iommu_domain_ops ops;
	const struct iommu_domain_ops *driver;
	struct iommu_domain *domain;

	/* Calls that reached the driver. map_pages counts ranges. */
	int map_pages;
	int map_vec;
	int unmap_pages;
	int sync_map;
	int sync;
	int sync_ranges;
	int ranges;
	size_t range_bytes;
	int flush_all;
	int iova_to_phys;
	size_t largest_page;
	/* The prot of the first and of the last mapping */
	int first_prot;
	int prot;
	/* Mapped since spy_reset(), less what has been unmapped */
	ssize_t bytes_mapped;

	/* The call that fails, counted down to 0, and its errno */
	int fail_map;
	int fail_map_errno;
	int fail_sync_map_errno;
	/* The driver can map an array of ranges in one call. */
	bool has_map_vec;
	/* The driver claims that nothing is mapped */
	bool blind;
};

extern struct spy spy;

/* Spy on the domain of the fixture, and on no other, for the rest of the test. */
int spy_insert(struct kunit *test);
/* .init of a suite: fixture_init_iommu(), and the spy */
int spy_init_iommu(struct kunit *test);
/* Forget what was counted; nothing fails from here on. */
void spy_reset(void);

#endif /* _DMA_TESTS_SPY_H */
