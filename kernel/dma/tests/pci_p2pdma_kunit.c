// SPDX-License-Identifier: GPL-2.0
/*
 * Providers of P2PDMA, which need no struct pages. The one without pages is QEMU's
 * edu, the one with pages ivshmem.
 */
#include <kunit/test.h>
#include <linux/pci-p2pdma.h>
#include <linux/resource_ext.h>
#include <linux/sizes.h>

#include "edu.h"
#include "p2pmem.h"
#include "warnings.h"

static struct p2pdma_provider *provider_of(struct kunit *test,
					   struct pci_dev *pdev, int bar)
{
	struct p2pdma_provider *provider = pcim_p2pdma_provider(pdev, bar);

	KUNIT_ASSERT_NOT_NULL(test, provider);
	KUNIT_EXPECT_PTR_EQ(test, provider->owner, &pdev->dev);
	KUNIT_EXPECT_EQ(test, pci_resource_start(pdev, bar) + provider->bus_offset,
			pci_bus_address(pdev, bar));
	return provider;
}

static void provider_without_pages(struct kunit *test)
{
	struct edu *edu = edu_get(test);
	struct pci_dev *pdev = edu->pdev;
	struct p2pdma_provider *provider;

	KUNIT_EXPECT_NULL(test, pcim_p2pdma_provider(pdev, 0));
	KUNIT_ASSERT_EQ(test, pcim_p2pdma_init(pdev), 0);
	provider = provider_of(test, pdev, 0);
	KUNIT_EXPECT_EQ(test, pcim_p2pdma_init(pdev), 0);
	KUNIT_EXPECT_PTR_EQ(test, pcim_p2pdma_provider(pdev, 0), provider);

	/* There is no memory to hand out, and nothing says that there is. */
	KUNIT_EXPECT_NULL(test, pci_alloc_p2pmem(pdev, PAGE_SIZE));
	KUNIT_EXPECT_FALSE(test, pci_has_p2pmem(pdev));

	edu_release(test);
	KUNIT_EXPECT_NULL(test, pcim_p2pdma_provider(pdev, 0));
}

static void provider_of_memory_bars_only(struct kunit *test)
{
	struct pci_dev *pdev = p2pmem_get(test);
	int bar;

	for (bar = 0; bar < PCI_STD_NUM_BARS; bar++) {
		if (pci_resource_flags(pdev, bar) & IORESOURCE_MEM)
			provider_of(test, pdev, bar);
		else
			KUNIT_EXPECT_NULL(test, pcim_p2pdma_provider(pdev, bar));
	}
	KUNIT_EXPECT_NULL(test, pcim_p2pdma_provider(pdev, -1));
	KUNIT_EXPECT_NULL(test, pcim_p2pdma_provider(pdev, PCI_STD_NUM_BARS));
}

/* A page and the provider of its BAR get the same answer. */
static void map_type_of_page_and_provider(struct kunit *test)
{
	struct pci_dev *pdev = p2pmem_get(test);
	struct page *page = p2pmem_pages(test, pdev, 1);
	struct pci_p2pdma_map_state state = {};
	struct device *dev = edu_get(test)->dev;
	struct p2pdma_provider *provider;

	p2pmem_allow_host_bridge(test, pdev);
	KUNIT_EXPECT_EQ(test, pci_p2pdma_state(&state, dev, page),
			PCI_P2PDMA_MAP_THRU_HOST_BRIDGE);
	provider = state.mem;
	KUNIT_ASSERT_NOT_NULL(test, provider);
	KUNIT_EXPECT_PTR_EQ(test, provider->owner, &pdev->dev);
	KUNIT_EXPECT_EQ(test, pci_p2pdma_map_type(provider, dev),
			PCI_P2PDMA_MAP_THRU_HOST_BRIDGE);
}

/* An answer about the memory of one device says nothing of that of another. */
static void state_of_another_pagemap(struct kunit *test)
{
	struct pci_dev *pdev = p2pmem_get(test);
	struct page *page = p2pmem_pages(test, pdev, 1);
	struct device *dev = edu_get(test)->dev;
	struct dev_pagemap other = {};
	struct pci_p2pdma_map_state state = {
		.map	= PCI_P2PDMA_MAP_NOT_SUPPORTED,
		.pgmap	= &other,
	};

	p2pmem_allow_host_bridge(test, pdev);
	KUNIT_EXPECT_EQ(test, pci_p2pdma_state(&state, dev, page),
			PCI_P2PDMA_MAP_THRU_HOST_BRIDGE);
	KUNIT_EXPECT_PTR_EQ(test, state.pgmap, page->pgmap);
}

static void bus_address_of_state_and_provider(struct kunit *test)
{
	struct pci_dev *pdev = p2pmem_get(test);
	struct page *page = p2pmem_pages(test, pdev, 1);
	struct pci_p2pdma_map_state state = {};
	pci_bus_addr_t bus = pci_p2pmem_virt_to_bus(pdev, page_address(page));

	/* A device reaches its own memory without leaving the bus. */
	KUNIT_ASSERT_EQ(test, pci_p2pdma_state(&state, &pdev->dev, page),
			PCI_P2PDMA_MAP_BUS_ADDR);
	KUNIT_EXPECT_EQ(test, pci_p2pdma_map_type(state.mem, &pdev->dev),
			PCI_P2PDMA_MAP_BUS_ADDR);
	KUNIT_EXPECT_EQ(test, pci_p2pdma_bus_addr_map(&state, page_to_phys(page)),
			(dma_addr_t)bus);
	KUNIT_EXPECT_EQ(test,
			pci_p2pdma_bus_addr_map(state.mem, page_to_phys(page)),
			(dma_addr_t)bus);
}

/* What the host bridge adds to an address on its bus to get that of the CPU */
static void shift_bus(struct pci_dev *pdev, resource_size_t by)
{
	struct pci_host_bridge *bridge = pci_find_host_bridge(pdev->bus);
	struct resource_entry *window;

	resource_list_for_each_entry(window, &bridge->windows)
		window->offset += by;
}

/* No machine of QEMU has such a host bridge, so it is one while P2PDMA looks. */
static void bus_address_behind_shifting_bridge(struct kunit *test)
{
	struct pci_dev *pdev = edu_get(test)->pdev;
	phys_addr_t addr = pci_resource_start(pdev, 0) + PAGE_SIZE;
	struct pci_p2pdma_map_state state = {};
	struct p2pdma_provider *provider;
	int err;

	shift_bus(pdev, SZ_1G);
	err = pcim_p2pdma_init(pdev);
	shift_bus(pdev, -SZ_1G);
	KUNIT_ASSERT_EQ(test, err, 0);

	provider = pcim_p2pdma_provider(pdev, 0);
	KUNIT_ASSERT_NOT_NULL(test, provider);
	KUNIT_EXPECT_EQ(test, pci_p2pdma_bus_addr_map(provider, addr),
			(dma_addr_t)addr - SZ_1G);
	state.mem = provider;
	KUNIT_EXPECT_EQ(test, pci_p2pdma_bus_addr_map(&state, addr),
			(dma_addr_t)addr - SZ_1G);
}

static struct kunit_case p2pdma_cases[] = {
	KUNIT_CASE(provider_without_pages),
	KUNIT_CASE(provider_of_memory_bars_only),
	KUNIT_CASE(map_type_of_page_and_provider),
	KUNIT_CASE(state_of_another_pagemap),
	KUNIT_CASE(bus_address_of_state_and_provider),
	KUNIT_CASE(bus_address_behind_shifting_bridge),
	{}
};

static struct kunit_suite p2pdma_suite = {
	.name		= "pci_p2pdma",
	.suite_init	= warnings_start,
	.suite_exit	= warnings_stop,
	.exit		= warnings_check,
	.test_cases	= p2pdma_cases,
};

kunit_test_suite(p2pdma_suite);

MODULE_DESCRIPTION("KUnit suite of P2PDMA's providers");
MODULE_LICENSE("GPL");
