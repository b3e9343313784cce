// SPDX-License-Identifier: GPL-2.0
/*
 * dma_map_phys() and dma_unmap_phys(). The device memory is that of QEMU's edu
 * itself, which no CPU or device touches here.
 */
#include <kunit/test.h>
#include <linux/dma-direct.h>
#include <linux/dma-mapping.h>
#include <linux/iommu.h>
#include <linux/pci.h>
#include <linux/scatterlist.h>

#include "fixture.h"
#include "p2pmem.h"
#include "spy.h"

static phys_addr_t device_memory(struct fixture *f)
{
	return pci_resource_start(f->edu->pdev, 0);
}

static dma_addr_t map_phys(struct fixture *f, phys_addr_t phys, size_t size,
			   enum dma_data_direction dir, unsigned long attrs)
{
	dma_addr_t addr = dma_map_phys(f->dev, phys, size, dir, attrs);

	KUNIT_ASSERT_FALSE(f->test, dma_mapping_error(f->dev, addr));
	return addr;
}

/* From one page to another, at an offset, by what dma_map_phys() has mapped */
static void expect_data_moves(struct fixture *f)
{
	struct page *from = fixture_lone_page(f->test);
	struct page *to = fixture_lone_page(f->test);
	dma_addr_t src, dst;

	fixture_fill_page(from, 1);
	fixture_fill_page(to, 2);
	src = map_phys(f, page_to_phys(from) + 512, 1024, DMA_TO_DEVICE, 0);
	dst = map_phys(f, page_to_phys(to) + 512, 1024, DMA_FROM_DEVICE, 0);
	edu_copy(f->test, f->edu, dst, src, 1024);
	dma_unmap_phys(f->dev, dst, 1024, DMA_FROM_DEVICE, 0);
	dma_unmap_phys(f->dev, src, 1024, DMA_TO_DEVICE, 0);
	KUNIT_EXPECT_MEMEQ(f->test, page_address(to) + 512,
			   page_address(from) + 512, 1024);
}

static void phys_moves_data(struct kunit *test)
{
	struct fixture *f = test->priv;

	expect_data_moves(f);
	KUNIT_EXPECT_EQ(test, spy.bytes_mapped, (ssize_t)0);
}

static void phys_maps_as_page(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page *page = fixture_lone_page(test);
	dma_addr_t addr;

	addr = map_phys(f, page_to_phys(page) + 64, 64, DMA_TO_DEVICE, 0);
	KUNIT_EXPECT_EQ(test, iommu_iova_to_phys(f->domain, addr),
			page_to_phys(page) + 64);
	KUNIT_EXPECT_FALSE(test, spy.prot & (IOMMU_MMIO | IOMMU_WRITE));
	KUNIT_EXPECT_EQ(test, !!(spy.prot & IOMMU_CACHE),
			dev_is_dma_coherent(f->dev));
	dma_unmap_phys(f->dev, addr, 64, DMA_TO_DEVICE, 0);
	KUNIT_EXPECT_EQ(test, spy.bytes_mapped, (ssize_t)0);
}

static void phys_maps_device_memory(struct kunit *test)
{
	struct fixture *f = test->priv;
	phys_addr_t phys = device_memory(f) + 512;
	dma_addr_t addr;

	addr = map_phys(f, phys, 1024, DMA_BIDIRECTIONAL, DMA_ATTR_MMIO);
	KUNIT_EXPECT_EQ(test, iommu_iova_to_phys(f->domain, addr), phys);
	KUNIT_EXPECT_TRUE(test, spy.prot & IOMMU_MMIO);
	KUNIT_EXPECT_FALSE(test, spy.prot & IOMMU_CACHE);
	dma_unmap_phys(f->dev, addr, 1024, DMA_BIDIRECTIONAL, DMA_ATTR_MMIO);
	KUNIT_EXPECT_EQ(test, spy.bytes_mapped, (ssize_t)0);
}

/* Behind an IOMMU a coherent device needs no copy, wherever the memory is. */
static void phys_is_coherent(struct kunit *test)
{
	struct fixture *f = test->priv;
	phys_addr_t phys = page_to_phys(fixture_lone_page(test)) + 64;
	dma_addr_t addr;

	addr = map_phys(f, phys, 64, DMA_BIDIRECTIONAL,
			DMA_ATTR_REQUIRE_COHERENT);
	KUNIT_EXPECT_EQ(test, iommu_iova_to_phys(f->domain, addr), phys);
	dma_unmap_phys(f->dev, addr, 64, DMA_BIDIRECTIONAL,
		       DMA_ATTR_REQUIRE_COHERENT);
	KUNIT_EXPECT_EQ(test, spy.bytes_mapped, (ssize_t)0);
}

static void phys_fails(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page *page = fixture_lone_page(test);

	spy.fail_map = 1;
	spy.fail_map_errno = -ENOMEM;
	KUNIT_EXPECT_EQ(test, dma_map_phys(f->dev, page_to_phys(page), 64,
					   DMA_TO_DEVICE, 0), DMA_MAPPING_ERROR);
	spy.fail_map = 1;
	KUNIT_EXPECT_EQ(test, dma_map_phys(f->dev, device_memory(f), 64,
					   DMA_TO_DEVICE, DMA_ATTR_MMIO),
			DMA_MAPPING_ERROR);
	KUNIT_EXPECT_EQ(test, spy.bytes_mapped, (ssize_t)0);
}

static void phys_without_direction(struct kunit *test)
{
	struct fixture *f = test->priv;
	phys_addr_t phys = page_to_phys(fixture_lone_page(test));
	dma_addr_t addr;

	warns_once(test, ENTRY)
		KUNIT_EXPECT_EQ(test, dma_map_phys(f->dev, phys, 64, DMA_NONE, 0),
				DMA_MAPPING_ERROR);

	warns_once(test, ENTRY) {
		addr = map_phys(f, phys, 64, DMA_BIDIRECTIONAL, 0);
		dma_unmap_phys(f->dev, addr, 64, DMA_NONE, 0);
		KUNIT_EXPECT_EQ(test, spy.bytes_mapped, (ssize_t)0);
	}
}

/* For a device that is not trusted */

static void bounce_phys(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page *page = fixture_lone_page(test);
	dma_addr_t addr;

	addr = map_phys(f, page_to_phys(page) + 64, 64, DMA_TO_DEVICE, 0);
	KUNIT_EXPECT_NE(test, iommu_iova_to_phys(f->domain, addr),
			page_to_phys(page) + 64);
	dma_unmap_phys(f->dev, addr, 64, DMA_TO_DEVICE, 0);
	expect_data_moves(f);
}

static int map_one_sg(struct fixture *f, struct page *page, size_t size,
		      unsigned long attrs)
{
	struct scatterlist sg;
	int nr;

	sg_init_table(&sg, 1);
	sg_set_page(&sg, page, size, 0);
	nr = dma_map_sg_attrs(f->dev, &sg, 1, DMA_BIDIRECTIONAL, attrs);
	if (nr)
		dma_unmap_sg_attrs(f->dev, &sg, 1, DMA_BIDIRECTIONAL, attrs);
	return nr;
}

/* The attribute refuses copies. Memory that fills its granules is not copied. */
static void bounce_refuses_to_copy(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page *page = fixture_lone_page(test);
	phys_addr_t phys = page_to_phys(page);
	struct dma_iova_state state;
	long slots = fixture_slots_used(f);
	dma_addr_t addr;

	KUNIT_EXPECT_EQ(test, dma_map_phys(f->dev, phys, 64, DMA_BIDIRECTIONAL,
					   DMA_ATTR_REQUIRE_COHERENT),
			DMA_MAPPING_ERROR);
	KUNIT_EXPECT_EQ(test, map_one_sg(f, page, 64, DMA_ATTR_REQUIRE_COHERENT),
			0);
	KUNIT_EXPECT_EQ(test, map_one_sg(f, page, PAGE_SIZE,
					 DMA_ATTR_REQUIRE_COHERENT), 1);
	addr = map_phys(f, phys, PAGE_SIZE, DMA_BIDIRECTIONAL,
			DMA_ATTR_REQUIRE_COHERENT);
	KUNIT_EXPECT_EQ(test, iommu_iova_to_phys(f->domain, addr), phys);
	dma_unmap_phys(f->dev, addr, PAGE_SIZE, DMA_BIDIRECTIONAL,
		       DMA_ATTR_REQUIRE_COHERENT);

	fixture_reserve(f, &state, phys, PAGE_SIZE + 64);
	KUNIT_EXPECT_EQ(test, dma_iova_link(f->dev, &state, phys, PAGE_SIZE, 64,
					    DMA_BIDIRECTIONAL,
					    DMA_ATTR_REQUIRE_COHERENT),
			-EOPNOTSUPP);
	fixture_expect_nothing_linked(f, state.addr, PAGE_SIZE + 64);
	KUNIT_EXPECT_EQ(test, dma_iova_link(f->dev, &state, phys, 0, PAGE_SIZE,
					    DMA_BIDIRECTIONAL,
					    DMA_ATTR_REQUIRE_COHERENT), 0);
	dma_iova_destroy(f->dev, &state, PAGE_SIZE, DMA_BIDIRECTIONAL,
			 DMA_ATTR_REQUIRE_COHERENT);
	KUNIT_EXPECT_EQ(test, fixture_slots_used(f), slots);
}

/* The device would reach what is beside it in the granule. */
static void bounce_refuses_device_memory(struct kunit *test)
{
	struct fixture *f = test->priv;
	phys_addr_t phys = device_memory(f);
	dma_addr_t addr;

	KUNIT_EXPECT_EQ(test, dma_map_phys(f->dev, phys + 512, f->granule,
					   DMA_TO_DEVICE, DMA_ATTR_MMIO),
			DMA_MAPPING_ERROR);
	KUNIT_EXPECT_EQ(test, dma_map_phys(f->dev, phys, f->granule - 512,
					   DMA_TO_DEVICE, DMA_ATTR_MMIO),
			DMA_MAPPING_ERROR);
	addr = map_phys(f, phys, f->granule, DMA_TO_DEVICE, DMA_ATTR_MMIO);
	KUNIT_EXPECT_EQ(test, iommu_iova_to_phys(f->domain, addr), phys);
	dma_unmap_phys(f->dev, addr, f->granule, DMA_TO_DEVICE, DMA_ATTR_MMIO);
}

/* Memory of a PCI device that has pages can go through a bounce buffer. */
static void bounce_p2p_memory(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct pci_dev *pdev = p2pmem_get(test);
	struct page *p2p = p2pmem_pages(test, pdev, 1);
	struct page *page = fixture_lone_page(test);
	phys_addr_t phys = page_to_phys(p2p);
	dma_addr_t src, dst;

	p2pmem_allow_host_bridge(test, pdev);
	src = map_phys(f, phys, PAGE_SIZE, DMA_TO_DEVICE, DMA_ATTR_MMIO);
	KUNIT_EXPECT_EQ(test, iommu_iova_to_phys(f->domain, src), phys);
	dma_unmap_phys(f->dev, src, PAGE_SIZE, DMA_TO_DEVICE, DMA_ATTR_MMIO);

	fixture_fill_page(page, 1);
	src = map_phys(f, page_to_phys(page), 1024, DMA_TO_DEVICE, 0);
	dst = map_phys(f, phys + 512, 1024, DMA_FROM_DEVICE, DMA_ATTR_MMIO);
	KUNIT_EXPECT_NE(test, iommu_iova_to_phys(f->domain, dst), phys + 512);
	edu_copy(test, f->edu, dst, src, 1024);
	dma_unmap_phys(f->dev, dst, 1024, DMA_FROM_DEVICE, DMA_ATTR_MMIO);
	dma_unmap_phys(f->dev, src, 1024, DMA_TO_DEVICE, 0);
	KUNIT_EXPECT_MEMEQ(test, page_address(p2p) + 512, page_address(page), 1024);
}

/* Without an IOMMU */

static void direct_phys(struct kunit *test)
{
	struct fixture *f = test->priv;
	phys_addr_t phys = device_memory(f) + 512;
	dma_addr_t addr;

	addr = map_phys(f, phys, 64, DMA_TO_DEVICE, DMA_ATTR_MMIO);
	KUNIT_EXPECT_EQ(test, addr, (dma_addr_t)phys);
	dma_unmap_phys(f->dev, addr, 64, DMA_TO_DEVICE, DMA_ATTR_MMIO);

	phys = page_to_phys(fixture_lone_page(test)) + 512;
	addr = map_phys(f, phys, 64, DMA_TO_DEVICE, 0);
	KUNIT_EXPECT_EQ(test, addr, phys_to_dma(f->dev, phys));
	dma_unmap_phys(f->dev, addr, 64, DMA_TO_DEVICE, 0);
	expect_data_moves(f);
}

/* A caller that tries again wants no warning about it. */
static void direct_device_memory_beyond_the_mask(struct kunit *test)
{
	const char *file = "kernel/dma/direct.c";
	struct fixture *f = test->priv;
	phys_addr_t phys = device_memory(f);

	KUNIT_ASSERT_GT(test, phys, (phys_addr_t)DMA_BIT_MASK(30));
	KUNIT_ASSERT_EQ(test, 0, dma_set_mask(f->dev, DMA_BIT_MASK(30)));
	warnings_expect(test, file);
	KUNIT_EXPECT_EQ(test, dma_map_phys(f->dev, phys, 64, DMA_TO_DEVICE,
					   DMA_ATTR_MMIO | DMA_ATTR_NO_WARN),
			DMA_MAPPING_ERROR);
	KUNIT_EXPECT_EQ(test, warnings_taken(test), 0);
	warns_once(test, file)
		KUNIT_EXPECT_EQ(test, dma_map_phys(f->dev, phys, 64,
						   DMA_TO_DEVICE, DMA_ATTR_MMIO),
				DMA_MAPPING_ERROR);
	KUNIT_EXPECT_EQ(test, 0, dma_set_mask(f->dev, DMA_BIT_MASK(64)));
}

/* RAM is bounced. Device memory never is. */
static void swiotlb_phys(struct kunit *test)
{
	struct fixture *f = test->priv;
	phys_addr_t phys = device_memory(f);
	dma_addr_t addr;

	addr = map_phys(f, phys, 64, DMA_TO_DEVICE, DMA_ATTR_MMIO);
	KUNIT_EXPECT_EQ(test, addr, (dma_addr_t)phys);
	dma_unmap_phys(f->dev, addr, 64, DMA_TO_DEVICE, DMA_ATTR_MMIO);

	phys = page_to_phys(fixture_lone_page(test));
	addr = map_phys(f, phys, 64, DMA_TO_DEVICE, 0);
	KUNIT_EXPECT_NE(test, addr, phys_to_dma(f->dev, phys));
	dma_unmap_phys(f->dev, addr, 64, DMA_TO_DEVICE, 0);
	expect_data_moves(f);
}

static void swiotlb_refuses_to_copy(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page *page = fixture_lone_page(test);
	long slots = fixture_slots_used(f);

	KUNIT_EXPECT_EQ(test, dma_map_phys(f->dev, page_to_phys(page), PAGE_SIZE,
					   DMA_BIDIRECTIONAL,
					   DMA_ATTR_REQUIRE_COHERENT),
			DMA_MAPPING_ERROR);
	KUNIT_EXPECT_EQ(test, map_one_sg(f, page, PAGE_SIZE,
					 DMA_ATTR_REQUIRE_COHERENT), 0);
	KUNIT_EXPECT_EQ(test, map_one_sg(f, page, PAGE_SIZE, 0), 1);
	KUNIT_EXPECT_EQ(test, fixture_slots_used(f), slots);
}

static struct kunit_case iommu_cases[] = {
	KUNIT_CASE(phys_moves_data),
	KUNIT_CASE(phys_maps_as_page),
	KUNIT_CASE(phys_maps_device_memory),
	KUNIT_CASE(phys_is_coherent),
	KUNIT_CASE(phys_fails),
	CASE_OF_OURS(phys_without_direction, MISUSE),
	{}
};

static struct kunit_suite iommu_suite = {
	.name		= "dma_map_phys",
	.suite_init	= warnings_start,
	.suite_exit	= warnings_stop,
	.init		= spy_init_iommu,
	.exit		= warnings_check,
	.test_cases	= iommu_cases,
};

static struct kunit_case bounce_cases[] = {
	KUNIT_CASE(bounce_phys),
	KUNIT_CASE(bounce_refuses_device_memory),
	KUNIT_CASE(bounce_p2p_memory),
	KUNIT_CASE(bounce_refuses_to_copy),
	{}
};

static struct kunit_suite bounce_suite = {
	.name		= "dma_map_phys_bounce",
	.suite_init	= warnings_start,
	.suite_exit	= warnings_stop,
	.init		= fixture_init_bounce,
	.exit		= warnings_check,
	.test_cases	= bounce_cases,
};

static struct kunit_case direct_cases[] = {
	KUNIT_CASE(direct_phys),
	CASE_OF_OURS(direct_device_memory_beyond_the_mask, MISUSE),
	{}
};

static struct kunit_suite direct_suite = {
	.name		= "dma_map_phys_direct",
	.suite_init	= warnings_start,
	.suite_exit	= warnings_stop,
	.init		= fixture_init_direct,
	.exit		= warnings_check,
	.test_cases	= direct_cases,
};

static struct kunit_case swiotlb_cases[] = {
	KUNIT_CASE(swiotlb_phys),
	KUNIT_CASE(swiotlb_refuses_to_copy),
	{}
};

static struct kunit_suite swiotlb_suite = {
	.name		= "dma_map_phys_swiotlb",
	.suite_init	= warnings_start,
	.suite_exit	= warnings_stop,
	.init		= fixture_init_forced_swiotlb,
	.exit		= warnings_check,
	.test_cases	= swiotlb_cases,
};

kunit_test_suites(&iommu_suite, &bounce_suite, &direct_suite, &swiotlb_suite);

MODULE_DESCRIPTION("KUnit suites of dma_map_phys()");
MODULE_LICENSE("GPL");
