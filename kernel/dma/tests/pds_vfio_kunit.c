// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suites of the pds VFIO driver: the lists of segments that it gives to the
 * firmware for the state of a device and for dirty bitmaps. The firmware is
 * played by the test, which has the edu device move the data.
 *
 * pds_vfio		behind an IOMMU
 * pds_vfio_direct	without an IOMMU
 * pds_vfio_swiotlb	without an IOMMU, everything is bounced
 */
#include <kunit/static_stub.h>
#include <kunit/test.h>
#include <linux/dma-mapping.h>
#include <linux/file.h>
#include <linux/iommu.h>
#include <linux/iova_bitmap.h>
#include <linux/mman.h>
#include <linux/sizes.h>
#include <linux/swiotlb.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

#include <linux/pds/pds_common.h>
#include <linux/pds/pds_core_if.h>
#include <linux/pds/pds_adminq.h>

#include "../../../drivers/vfio/pci/pds/vfio_dev.h"
#include "../../../drivers/vfio/pci/pds/cmds.h"
#include "fail_alloc.h"
#include "fixture.h"
#include "live_alloc.h"
#include "spy.h"

/* Several segments of 64 KiB, the most that the PCI core allows by default */
#define STATE_SIZE	(3 * SZ_64K + 5 * PAGE_SIZE + 100)

#define BITMAP_SIZE	(3 * SZ_64K)

/* How finely segments are compared, in bytes */
#define STEP		SZ_512

/* The firmware: the segments that it has been given last, and what it does */
static struct {
	struct fixture *f;
	u64 state_size;
	/* Counted down by commands. The one that reaches 0 fails. */
	int fail;
	u32 num_sge;
	struct pds_lm_sg_elem sge[128];
	/* Segments are bounce buffers, not the pages. */
	bool bounced;
	/* Each byte of a bitmap: read ones get it, written ones must have it. */
	u8 dirty;
	/* edu moves the state to or from here, if @move is set. */
	dma_addr_t data;
	bool move;
} fw;

/* Translates an address as the device does */
static phys_addr_t translate(dma_addr_t addr)
{
	struct iommu_domain *domain = fw.f->domain;

	return domain ? iommu_iova_to_phys(domain, addr) : addr;
}

/* The list is read as the firmware would, by its address. */
static void fw_take_list(u64 addr, u32 num_sge)
{
	phys_addr_t phys = translate(addr);

	KUNIT_ASSERT_NE(fw.f->test, phys, (phys_addr_t)0);
	KUNIT_ASSERT_LE(fw.f->test, num_sge, ARRAY_SIZE(fw.sge));
	fw.num_sge = num_sge;
	memcpy(fw.sge, phys_to_virt(phys), num_sge * sizeof(*fw.sge));
}

static size_t fw_list_size(void)
{
	size_t size = 0;
	u32 i;

	for (i = 0; i < fw.num_sge; i++)
		size += le32_to_cpu(fw.sge[i].len);
	return size;
}

/* Segment by segment, @offset bytes into @pages, and within the device's limits */
static void fw_expect_list(struct page **pages, size_t offset, size_t size)
{
	struct kunit *test = fw.f->test;
	u32 i, at, wrong = 0;

	KUNIT_EXPECT_EQ(test, fw_list_size(), size);
	if (fw_list_size() != size)
		return;
	for (i = 0; i < fw.num_sge; i++) {
		u64 addr = le64_to_cpu(fw.sge[i].addr);
		u32 len = le32_to_cpu(fw.sge[i].len);

		KUNIT_EXPECT_LE(test, len, dma_get_max_seg_size(fw.f->dev));
		if (fw.bounced)
			continue;
		for (at = 0; at < len; at += STEP)
			if (translate(addr + at) !=
			    page_to_phys(pages[(offset + at) >> PAGE_SHIFT]) +
			    offset_in_page(offset + at))
				wrong++;
		offset += len;
	}
	KUNIT_EXPECT_EQ(test, wrong, 0);
}

/*
 * The device writes the state to the segments, or reads it from there: a part of
 * each, as it is slow.
 */
static void fw_move(bool save)
{
	dma_addr_t data = fw.data;
	u32 i;

	for (i = 0; i < fw.num_sge; i++) {
		dma_addr_t addr = le64_to_cpu(fw.sge[i].addr);
		u32 len = le32_to_cpu(fw.sge[i].len);
		u32 part = min(len, EDU_CHUNK);

		if (save)
			edu_copy(fw.f->test, fw.f->edu, addr, data, part);
		else
			edu_copy(fw.f->test, fw.f->edu, data, addr, part);
		data += len;
	}
}

/* The data has been moved. Segments begin where pages do. */
static void fw_expect_moved(struct page **pages, const u8 *data)
{
	u32 i, offset = 0;

	KUNIT_EXPECT_GT(fw.f->test, fw.num_sge, 0);
	dma_sync_single_for_cpu(fw.f->dev, fw.data, SZ_64K, DMA_BIDIRECTIONAL);
	for (i = 0; i < fw.num_sge; i++) {
		u32 len = le32_to_cpu(fw.sge[i].len);

		KUNIT_EXPECT_MEMEQ(fw.f->test, data + offset,
				   page_address(pages[offset >> PAGE_SHIFT]),
				   min(len, EDU_CHUNK));
		offset += len;
	}
}

/* The device, which sees @fw.dirty in a bitmap, or writes that */
static void fw_move_dirty(bool read)
{
	int wrong = 0;
	u32 i, len;
	u8 *bytes;

	for (i = 0; i < fw.num_sge; i++) {
		bytes = phys_to_virt(translate(le64_to_cpu(fw.sge[i].addr)));
		len = le32_to_cpu(fw.sge[i].len);
		if (read)
			memset(bytes, fw.dirty, len);
		else if (memchr_inv(bytes, fw.dirty, len))
			wrong++;
	}
	KUNIT_EXPECT_EQ(fw.f->test, wrong, 0);
}

/* Part of a dirty bitmap, which is in vmalloc memory */
static void fw_dirty_cmd(const struct pds_lm_dirty_seq_ack_cmd *cmd, void *bitmap)
{
	struct page *pages[BITMAP_SIZE >> PAGE_SHIFT];
	int i;

	fw_take_list(le64_to_cpu(cmd->sgl_addr), le16_to_cpu(cmd->num_sge));
	for (i = 0; i < ARRAY_SIZE(pages); i++)
		pages[i] = vmalloc_to_page(bitmap + i * PAGE_SIZE);
	fw_expect_list(pages, le32_to_cpu(cmd->off_bytes),
		       le32_to_cpu(cmd->len_bytes));
}

static int fw_adminq_cmd(struct pds_vfio_pci_device *pds,
			 union pds_core_adminq_cmd *req,
			 union pds_core_adminq_comp *resp, bool fast_poll)
{
	if (fw.fail && !--fw.fail)
		return -EIO;

	switch (req->opcode) {
	case PDS_LM_CMD_STATE_SIZE:
		resp->lm_state_size.size = cpu_to_le64(fw.state_size);
		return 0;
	case PDS_LM_CMD_SAVE:
		fw_take_list(le64_to_cpu(req->lm_save.sgl_addr),
			     le32_to_cpu(req->lm_save.num_sge));
		fw_expect_list(pds->save_file->pages.pages, 0, fw.state_size);
		if (fw.move)
			fw_move(true);
		return 0;
	case PDS_LM_CMD_RESTORE:
		fw_take_list(le64_to_cpu(req->lm_restore.sgl_addr),
			     le32_to_cpu(req->lm_restore.num_sge));
		fw_expect_list(pds->restore_file->pages.pages, 0,
			       sizeof(union pds_lm_dev_state));
		if (fw.move)
			fw_move(false);
		return 0;
	case PDS_LM_CMD_DIRTY_READ_SEQ:
		fw_dirty_cmd(&req->lm_dirty_seq_ack, pds->dirty.regions->host_seq);
		if (fw.bounced)
			fw_move_dirty(true);
		return 0;
	case PDS_LM_CMD_DIRTY_WRITE_ACK:
		fw_dirty_cmd(&req->lm_dirty_seq_ack, pds->dirty.regions->host_ack);
		if (fw.bounced)
			fw_move_dirty(false);
		return 0;
	}
	return -EOPNOTSUPP;
}

static struct pds_vfio_pci_device *pds_of(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct pds_vfio_pci_device *pds;

	pds = kunit_kzalloc(test, sizeof(*pds), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, pds);
	pds->vfio_coredev.pdev = f->edu->pdev;
	mutex_init(&pds->state_mutex);
	memset(&fw, 0, sizeof(fw));
	fw.f = f;
	fw.bounced = is_swiotlb_force_bounce(f->dev) &&
		     !device_iommu_mapped(f->dev);
	fw.state_size = STATE_SIZE;
	kunit_activate_static_stub(test, pds_vfio_client_adminq_cmd,
				   fw_adminq_cmd);
	return pds;
}

static struct file *step(struct pds_vfio_pci_device *pds,
			 enum vfio_device_mig_state cur,
			 enum vfio_device_mig_state next)
{
	struct file *filp;

	pds->state = cur;
	mutex_lock(&pds->state_mutex);
	filp = pds_vfio_step_device_state_locked(pds, next);
	mutex_unlock(&pds->state_mutex);
	return filp;
}

static struct file *save(struct pds_vfio_pci_device *pds)
{
	return step(pds, VFIO_DEVICE_STATE_STOP, VFIO_DEVICE_STATE_STOP_COPY);
}

/* The user has the file, too, and may close it after the driver or before. */
static void end_save(struct pds_vfio_pci_device *pds, struct file *filp)
{
	KUNIT_EXPECT_NULL(fw.f->test, step(pds, VFIO_DEVICE_STATE_STOP_COPY,
					   VFIO_DEVICE_STATE_STOP));
	KUNIT_EXPECT_NULL(fw.f->test, pds->save_file);
	__fput_sync(filp);
}

static u32 segments_of(size_t size)
{
	return DIV_ROUND_UP(size, SZ_64K);
}

static void save_lists_every_page(struct kunit *test)
{
	struct pds_vfio_pci_device *pds = pds_of(test);
	struct file *filp = save(pds);

	KUNIT_ASSERT_FALSE(test, IS_ERR(filp));
	KUNIT_EXPECT_GT(test, fw.num_sge, 0);
	if (fw.f->domain)
		KUNIT_EXPECT_EQ(test, fw.num_sge, segments_of(STATE_SIZE));
	KUNIT_EXPECT_EQ(test, pds->save_file->size, (u64)STATE_SIZE);
	KUNIT_EXPECT_EQ(test, pds->save_file->alloc_size,
			(u64)PAGE_ALIGN(STATE_SIZE));
	/* Only mapped for the command */
	KUNIT_EXPECT_NULL(test, pds->save_file->pages.dev);
	KUNIT_EXPECT_NULL(test, pds->save_file->sgl);
	end_save(pds, filp);
}

/* Memory for the firmware's copy of the state */
static u8 *fw_data(struct kunit *test)
{
	struct page *page = fixture_large_page(test);

	fixture_fill_page(page, 5);
	fw.data = dma_map_page(fw.f->dev, page, 0, SZ_64K, DMA_BIDIRECTIONAL);
	KUNIT_ASSERT_FALSE(test, dma_mapping_error(fw.f->dev, fw.data));
	fw.move = true;
	return page_address(page);
}

static void fw_data_end(void)
{
	dma_unmap_page(fw.f->dev, fw.data, SZ_64K, DMA_BIDIRECTIONAL);
}

static void save_moves_data(struct kunit *test)
{
	struct pds_vfio_pci_device *pds = pds_of(test);
	u8 *data = fw_data(test);
	struct page **pages;
	struct file *filp;

	fw.state_size = PAGE_SIZE - 100;
	filp = save(pds);
	KUNIT_ASSERT_FALSE(test, IS_ERR(filp));
	pages = pds->save_file->pages.pages;
	fw_expect_moved(pages, data);
	/* The rest of the page holds no old data. */
	KUNIT_EXPECT_NULL(test, memchr_inv(page_address(pages[0]) +
					   PAGE_SIZE - 100, 0, 100));
	end_save(pds, filp);
	fw_data_end();
}

static void restore_moves_data(struct kunit *test)
{
	struct pds_vfio_pci_device *pds = pds_of(test);
	u8 *data = fw_data(test);
	struct page *pages[16];
	struct file *filp;
	int i;

	filp = step(pds, VFIO_DEVICE_STATE_STOP, VFIO_DEVICE_STATE_RESUMING);
	KUNIT_ASSERT_FALSE(test, IS_ERR(filp));
	KUNIT_ASSERT_EQ(test, pds->restore_file->pages.nr_pages,
			(unsigned long)ARRAY_SIZE(pages));
	for (i = 0; i < ARRAY_SIZE(pages); i++) {
		pages[i] = pds->restore_file->pages.pages[i];
		/* Still there when the file is gone */
		get_page(pages[i]);
		fixture_fill_page(pages[i], 100 + i);
	}
	KUNIT_EXPECT_NULL(test, step(pds, VFIO_DEVICE_STATE_RESUMING,
				     VFIO_DEVICE_STATE_STOP));
	KUNIT_EXPECT_NULL(test, pds->restore_file);
	fw_expect_moved(pages, data);
	for (i = 0; i < ARRAY_SIZE(pages); i++) {
		KUNIT_EXPECT_EQ(test, page_count(pages[i]), 1);
		put_page(pages[i]);
	}
	__fput_sync(filp);
	fw_data_end();
}

static struct kunit_case direct_cases[] = {
	KUNIT_CASE(save_lists_every_page),
	KUNIT_CASE(save_moves_data),
	KUNIT_CASE(restore_moves_data),
	{}
};

static struct kunit_suite direct_suite = {
	.name		= "pds_vfio_direct",
	.suite_init	= warnings_start,
	.suite_exit	= warnings_stop,
	.init		= fixture_init_direct,
	.exit		= warnings_check,
	.test_cases	= direct_cases,
};

/* Behind an IOMMU only */

/* In lazy mode, virtio-iommu frees its requests when they are synchronised. */
static int live_count(void)
{
	fixture_drain_flush_queue(fw.f->test, fw.f->dev);
	return live_alloc_count(fw.f->test);
}

static void expect_save_fails(struct pds_vfio_pci_device *pds, int err)
{
	struct kunit *test = fw.f->test;

	KUNIT_EXPECT_PTR_EQ(test, save(pds), ERR_PTR(err));
	KUNIT_EXPECT_NULL(test, pds->save_file);
	flush_delayed_fput();
	KUNIT_EXPECT_EQ(test, spy.bytes_mapped, (ssize_t)0);
}

/* Each page of the state, and then the list of them */
static void save_fails_to_map(struct kunit *test)
{
	struct pds_vfio_pci_device *pds = pds_of(test);
	int nr = DIV_ROUND_UP(STATE_SIZE, PAGE_SIZE);
	struct file *filp;
	int nth;

	for (nth = 1; nth <= nr + 1; nth++) {
		spy_reset();
		spy.fail_map = nth;
		spy.fail_map_errno = -ENOMEM;
		expect_save_fails(pds, nth <= nr ? -ENOMEM : -EIO);
	}
	spy_reset();
	spy.fail_sync_map_errno = -ENODEV;
	expect_save_fails(pds, -ENODEV);

	spy_reset();
	filp = save(pds);
	KUNIT_ASSERT_FALSE(test, IS_ERR(filp));
	KUNIT_EXPECT_EQ(test, spy.bytes_mapped, (ssize_t)0);
	end_save(pds, filp);
}

/* The command for the size fails, or that for the state. */
static void save_fails_in_firmware(struct kunit *test)
{
	struct pds_vfio_pci_device *pds = pds_of(test);
	int live;

	live_alloc_insert(test);
	live = live_count();
	fw.fail = 1;
	expect_save_fails(pds, -EIO);
	KUNIT_EXPECT_EQ(test, live_count(), live);
	fw.fail = 2;
	expect_save_fails(pds, -EIO);
	KUNIT_EXPECT_EQ(test, live_count(), live);
}

/* No memory, for anything from the file to the list: nothing is left behind. */
static void save_fails_at_each_allocation(struct kunit *test)
{
	struct pds_vfio_pci_device *pds = pds_of(test);
	int nth = 1, live, failed = 0;
	struct file *filp;
	bool more;

	/* IOMMU drivers may keep what they have once needed */
	filp = save(pds);
	KUNIT_ASSERT_FALSE(test, IS_ERR(filp));
	end_save(pds, filp);

	fail_alloc_insert(test);
	live_alloc_insert(test);
	live = live_count();
	do {
		fail_alloc_arm(nth);
		filp = save(pds);
		more = fail_alloc_next(&nth, PTR_ERR_OR_ZERO(filp));
		if (IS_ERR(filp)) {
			failed++;
			KUNIT_EXPECT_NULL(test, pds->save_file);
			flush_delayed_fput();
		} else {
			end_save(pds, filp);
		}
		KUNIT_EXPECT_EQ(test, spy.bytes_mapped, (ssize_t)0);
		KUNIT_EXPECT_EQ(test, live_count(), live);
	} while (more);
	/* The file, the record of the pages, the pages, and the list */
	KUNIT_EXPECT_GE(test, failed, fail_alloc_least(4));
}

static void free_bitmaps(void *data)
{
	struct pds_vfio_region *region = data;

	vfree(region->host_seq);
	vfree(region->host_ack);
	dma_unmap_single(fw.f->dev, region->sgl_addr, PAGE_SIZE,
			 DMA_BIDIRECTIONAL);
	kfree(region->sgl);
}

/* A guest with a bit for each page of 4 KiB */
static struct pds_vfio_region *region_of(struct pds_vfio_pci_device *pds)
{
	struct pds_vfio_region *region;
	struct kunit *test = fw.f->test;

	region = kunit_kzalloc(test, sizeof(*region), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, region);
	region->host_seq = vzalloc(BITMAP_SIZE);
	region->host_ack = vzalloc(BITMAP_SIZE);
	region->sgl = kzalloc(PAGE_SIZE, GFP_KERNEL);
	KUNIT_ASSERT_TRUE(test, region->host_seq && region->host_ack &&
			  region->sgl);
	region->sgl_addr = dma_map_single(fw.f->dev, region->sgl, PAGE_SIZE,
					  DMA_BIDIRECTIONAL);
	KUNIT_ASSERT_FALSE(test, dma_mapping_error(fw.f->dev, region->sgl_addr));
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, free_bitmaps,
							   region));
	region->bmp_bytes = BITMAP_SIZE;
	region->page_size = SZ_4K;
	region->size = (u64)BITMAP_SIZE * 8 * SZ_4K;
	region->start = SZ_4G;
	region->num_sge = BITMAP_SIZE >> PAGE_SHIFT;
	pds->dirty.regions = region;
	pds->dirty.num_regions = 1;
	pds->dirty.is_enabled = true;
	return region;
}

/* Read one bitmap, and write the other; the firmware compares the lists. */
static void expect_report(struct pds_vfio_pci_device *pds, size_t offset,
			  size_t bytes)
{
	struct kunit *test = fw.f->test;
	unsigned long iova = pds->dirty.regions->start + offset * 8 * SZ_4K;
	ssize_t mapped = spy.bytes_mapped;

	fw.num_sge = 0;
	KUNIT_ASSERT_EQ(test, 0,
			pds_vfio_dma_logging_report(&pds->vfio_coredev.vdev, iova,
						    bytes * 8 * SZ_4K, NULL));
	KUNIT_EXPECT_EQ(test, fw.num_sge, segments_of(bytes));
	KUNIT_EXPECT_EQ(test, spy.bytes_mapped, mapped);
}

static void dirty_report_lists_bitmap(struct kunit *test)
{
	struct pds_vfio_pci_device *pds = pds_of(test);

	region_of(pds);
	expect_report(pds, 0, SZ_64K);
	expect_report(pds, 0, BITMAP_SIZE);
	expect_report(pds, 64, 128);
	expect_report(pds, PAGE_SIZE - 64, SZ_64K);
}

static void dirty_report_fails_to_map(struct kunit *test)
{
	struct pds_vfio_pci_device *pds = pds_of(test);
	struct pds_vfio_region *region = region_of(pds);
	ssize_t mapped;
	int live, nth;

	live_alloc_insert(test);
	live = live_count();
	for (nth = 1; nth <= 16; nth++) {
		spy_reset();
		mapped = spy.bytes_mapped;
		spy.fail_map = nth;
		spy.fail_map_errno = -ENOMEM;
		KUNIT_EXPECT_EQ(test, -ENOMEM,
				pds_vfio_dma_logging_report(&pds->vfio_coredev.vdev,
							    region->start,
							    (u64)SZ_64K * 8 * SZ_4K,
							    NULL));
		KUNIT_EXPECT_EQ(test, spy.bytes_mapped, mapped);
		KUNIT_EXPECT_EQ(test, live_count(), live);
	}
	spy_reset();
	expect_report(pds, 0, SZ_64K);
}

/* All bits are new, so the user gets all of them. */
static void expect_dirty(struct pds_vfio_pci_device *pds, size_t bytes, u8 dirty)
{
	struct pds_vfio_region *region = pds->dirty.regions;
	struct kunit *test = fw.f->test;
	u8 __user *user = fixture_user_memory(test, bytes);
	u8 *got = kunit_kmalloc(test, bytes, GFP_KERNEL);
	size_t length = bytes * 8 * SZ_4K;
	struct iova_bitmap *bitmap;

	KUNIT_ASSERT_NOT_NULL(test, got);
	memset(region->host_seq, 0, bytes);
	memset(region->host_ack, 0, bytes);
	fw.dirty = dirty;
	bitmap = iova_bitmap_alloc(region->start, length, SZ_4K,
				   (u64 __user *)user);
	KUNIT_ASSERT_FALSE(test, IS_ERR(bitmap));
	KUNIT_EXPECT_EQ(test, 0,
			pds_vfio_dma_logging_report(&pds->vfio_coredev.vdev,
						    region->start, length,
						    bitmap));
	iova_bitmap_free(bitmap);
	KUNIT_EXPECT_EQ(test, fw_list_size(), bytes);
	KUNIT_ASSERT_EQ(test, 0, copy_from_user(got, user, bytes));
	KUNIT_EXPECT_NULL(test, memchr_inv(got, dirty, bytes));
}

/*
 * The device reads a list of segments for either command, also for the bitmap that
 * it writes. The list stays mapped, and has other contents each time.
 */
static void swiotlb_dirty_report_hands_list_over(struct kunit *test)
{
	struct pds_vfio_pci_device *pds = pds_of(test);

	region_of(pds);
	expect_dirty(pds, PAGE_SIZE, 0x5a);
	expect_dirty(pds, 3 * PAGE_SIZE, 0x3c);
	expect_dirty(pds, SZ_64K, 0x01);
}

static struct kunit_case swiotlb_cases[] = {
	KUNIT_CASE(save_moves_data),
	KUNIT_CASE(restore_moves_data),
	KUNIT_CASE(swiotlb_dirty_report_hands_list_over),
	{}
};

static struct kunit_suite swiotlb_suite = {
	.name		= "pds_vfio_swiotlb",
	.suite_init	= warnings_start,
	.suite_exit	= warnings_stop,
	.init		= fixture_init_forced_swiotlb,
	.exit		= warnings_check,
	.test_cases	= swiotlb_cases,
};

static struct kunit_case iommu_cases[] = {
	KUNIT_CASE(save_lists_every_page),
	KUNIT_CASE(save_moves_data),
	KUNIT_CASE(restore_moves_data),
	KUNIT_CASE(save_fails_to_map),
	KUNIT_CASE(save_fails_in_firmware),
	KUNIT_CASE(save_fails_at_each_allocation),
	KUNIT_CASE(dirty_report_lists_bitmap),
	KUNIT_CASE(dirty_report_fails_to_map),
	{}
};

static struct kunit_suite iommu_suite = {
	.name		= "pds_vfio",
	.suite_init	= warnings_start,
	.suite_exit	= warnings_stop,
	.init		= spy_init_iommu,
	.exit		= warnings_check,
	.test_cases	= iommu_cases,
};

kunit_test_suites(&iommu_suite, &direct_suite, &swiotlb_suite);

MODULE_DESCRIPTION("KUnit suites of the segment lists of the pds VFIO driver");
MODULE_LICENSE("GPL");
