// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suites of mlx5's VFIO driver: the memory keys that it creates for
 * migration data and for the reports of its page tracker, and what its files do
 * with the data, without the firmware.
 * The device that they are for is another one.
 *
 * mlx5vf		edu, behind an IOMMU
 * mlx5vf_direct	edu, without an IOMMU
 * mlx5vf_swiotlb	edu, without an IOMMU, everything is bounced: what is handed over
 *			between CPU and device while it stays mapped
 * mlx5vf_mock		behind a mock IOMMU, on any machine
 */
#include <kunit/static_stub.h>
#include <kunit/test.h>
#include <linux/anon_inodes.h>
#include <linux/dma-mapping.h>
#include <linux/file.h>
#include <linux/iommu.h>
#include <linux/iova_bitmap.h>
#include <linux/kthread.h>
#include <linux/sizes.h>
#include <linux/uaccess.h>
#include <linux/workqueue.h>

#include "../../../drivers/vfio/pci/mlx5/cmd.h"
#include "fail_alloc.h"
#include "fixture.h"
#include "hand_over.h"
#include "live_alloc.h"

#define PD		0x1234
#define MKEY		0x567800

/* An odd number: entries come in pairs. */
#define PAGES		333
#define LENGTH		(PAGES * PAGE_SIZE - 100)

/* More than any call has */
#define STEPS_MAX	800

/* The firmware, as far as the driver needs it, and what it got last */
static struct {
	int keys;
	int fail;
	size_t entries;
	dma_addr_t entry[PAGES + 1];
	u64 len;
	u32 pd;
	u32 log_page_size;
	u32 octwords;
	u32 actual_octwords;
	u32 mode;
	/* The data that the device writes on a save, or has read on a load */
	u8 *image;
	size_t image_size;
	int saves;
	int loads;
	/* Bytes of its buffer that had been handed back by the last save */
	size_t given_back;
} fw;

static int fw_create_mkey(struct mlx5_core_dev *mdev, u32 *mkey, u32 *in,
			  int inlen)
{
	void *mkc = MLX5_ADDR_OF(create_mkey_in, in, memory_key_mkey_entry);
	__be64 *mtt = MLX5_ADDR_OF(create_mkey_in, in, klm_pas_mtt);
	size_t i;

	if (fw.fail && !--fw.fail)
		return -EREMOTEIO;

	fw.entries = (inlen - MLX5_ST_SZ_BYTES(create_mkey_in)) / sizeof(*mtt);
	for (i = 0; i < min(fw.entries, ARRAY_SIZE(fw.entry)); i++)
		fw.entry[i] = be64_to_cpu(mtt[i]);
	fw.len = MLX5_GET64(mkc, mkc, len);
	fw.pd = MLX5_GET(mkc, mkc, pd);
	fw.log_page_size = MLX5_GET(mkc, mkc, log_page_size);
	fw.octwords = MLX5_GET(mkc, mkc, translations_octword_size);
	fw.actual_octwords = MLX5_GET(create_mkey_in, in,
				      translations_octword_actual_size);
	fw.mode = MLX5_GET(mkc, mkc, access_mode_1_0);
	*mkey = MKEY;
	fw.keys++;
	return 0;
}

static int fw_destroy_mkey(struct mlx5_core_dev *mdev, u32 mkey)
{
	if (mkey == MKEY)
		fw.keys--;
	return 0;
}

/* A file for the state of a device of the fixture's */
static struct mlx5_vf_migration_file *file_of(struct fixture *f)
{
	struct kunit *test = f->test;
	struct mlx5_vf_migration_file *migf;

	migf = kunit_kzalloc(test, sizeof(*migf), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, migf);
	migf->mvdev = kunit_kzalloc(test, sizeof(*migf->mvdev), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, migf->mvdev);
	migf->mvdev->mdev = kunit_kzalloc(test, sizeof(*migf->mvdev->mdev),
					  GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, migf->mvdev->mdev);
	migf->mvdev->mdev->device = f->dev;
	migf->pdn = PD;
	mutex_init(&migf->mvdev->state_mutex);
	spin_lock_init(&migf->list_lock);
	INIT_LIST_HEAD(&migf->buf_list);
	INIT_LIST_HEAD(&migf->avail_list);

	memset(&fw, 0, sizeof(fw));
	kunit_activate_static_stub(test, mlx5vf_cmd_create_mkey,
				   fw_create_mkey);
	kunit_activate_static_stub(test, mlx5vf_cmd_destroy_mkey,
				   fw_destroy_mkey);
	return migf;
}

static struct mlx5_vhca_data_buffer *
alloc_buffer(struct mlx5_vf_migration_file *migf, size_t length,
	     enum dma_data_direction dir)
{
	struct mlx5_vhca_data_buffer *buf;

	mutex_lock(&migf->mvdev->state_mutex);
	buf = mlx5vf_alloc_data_buffer(migf, length, dir);
	mutex_unlock(&migf->mvdev->state_mutex);
	return buf;
}

static void free_buffer(struct mlx5_vhca_data_buffer *buf)
{
	struct mlx5vf_pci_core_device *mvdev = buf->migf->mvdev;

	mutex_lock(&mvdev->state_mutex);
	mlx5vf_free_data_buffer(buf);
	mutex_unlock(&mvdev->state_mutex);
}

/* Translates an address as the device does */
static phys_addr_t translate(struct fixture *f, dma_addr_t addr)
{
	return f->domain ? iommu_iova_to_phys(f->domain, addr) : addr;
}

/* The firmware got the addresses of @nr pages, and they are right. */
static void expect_key(struct fixture *f, size_t nr)
{
	struct kunit *test = f->test;

	KUNIT_EXPECT_EQ(test, fw.keys, 1);
	KUNIT_EXPECT_EQ(test, fw.entries, round_up(nr, 2));
	KUNIT_EXPECT_EQ(test, fw.octwords, DIV_ROUND_UP(nr, 2));
	KUNIT_EXPECT_EQ(test, fw.actual_octwords, DIV_ROUND_UP(nr, 2));
	KUNIT_EXPECT_EQ(test, fw.len, nr * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, fw.pd, PD);
	KUNIT_EXPECT_EQ(test, fw.log_page_size, PAGE_SHIFT);
	KUNIT_EXPECT_EQ(test, fw.mode, MLX5_MKC_ACCESS_MODE_MTT);
	/* The filler of an odd number */
	if (nr & 1)
		KUNIT_EXPECT_EQ(test, fw.entry[nr], (dma_addr_t)0);
}

static void key_has_every_page(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct mlx5_vf_migration_file *migf = file_of(f);
	struct mlx5_vhca_data_buffer *buf;
	int wrong = 0;
	size_t i;

	buf = alloc_buffer(migf, LENGTH, DMA_FROM_DEVICE);
	KUNIT_ASSERT_FALSE(test, IS_ERR(buf));
	KUNIT_EXPECT_EQ(test, buf->allocated_length, (u64)PAGES * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, buf->mkey, MKEY);
	KUNIT_EXPECT_EQ(test, dma_use_iova(&buf->pages.state), !!f->domain);
	expect_key(f, PAGES);
	for (i = 0; i < PAGES; i++) {
		struct page *page = mlx5vf_get_migration_page(buf, i * PAGE_SIZE);

		KUNIT_ASSERT_NOT_NULL(test, page);
		if (translate(f, fw.entry[i]) != page_to_phys(page))
			wrong++;
	}
	KUNIT_EXPECT_EQ(test, wrong, 0);
	KUNIT_EXPECT_NULL(test, mlx5vf_get_migration_page(buf, i * PAGE_SIZE));
	free_buffer(buf);
	KUNIT_EXPECT_EQ(test, fw.keys, 0);
}

/* From one buffer to another, by their keys */
static void key_moves_data(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct mlx5_vf_migration_file *migf = file_of(f);
	struct mlx5_vhca_data_buffer *out, *in;
	dma_addr_t src[4];
	int i;

	out = alloc_buffer(migf, 4 * PAGE_SIZE, DMA_TO_DEVICE);
	KUNIT_ASSERT_FALSE(test, IS_ERR(out));
	memcpy(src, fw.entry, sizeof(src));
	in = alloc_buffer(migf, 4 * PAGE_SIZE, DMA_FROM_DEVICE);
	KUNIT_ASSERT_FALSE(test, IS_ERR(in));

	for (i = 0; i < 4; i++)
		fixture_fill_page(out->pages.pages[i], i);
	for (i = 0; i < 4; i++)
		edu_copy(test, f->edu, fw.entry[i], src[i], PAGE_SIZE);
	for (i = 0; i < 4; i++)
		KUNIT_EXPECT_MEMEQ(test, page_address(in->pages.pages[i]),
				   page_address(out->pages.pages[i]), PAGE_SIZE);
	free_buffer(in);
	free_buffer(out);
	KUNIT_EXPECT_EQ(test, fw.keys, 0);
}

static void tracker_key_has_every_page(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct mlx5_vf_migration_file *migf = file_of(f);
	struct mlx5_core_dev *mdev = migf->mvdev->mdev;
	struct mlx5_vhca_qp qp = {};
	struct vfio_page_list *pages = &qp.recv_buf.pages;
	int wrong = 0;
	size_t i;

	KUNIT_ASSERT_EQ(test, 0, mlx5vf_alloc_qp_recv_resources(mdev, &qp, PD,
								LENGTH));
	KUNIT_ASSERT_EQ(test, pages->nr_pages, (unsigned long)PAGES);
	KUNIT_EXPECT_EQ(test, qp.recv_buf.mkey, MKEY);
	expect_key(f, PAGES);
	for (i = 0; i < PAGES; i++)
		if (translate(f, fw.entry[i]) != page_to_phys(pages->pages[i]))
			wrong++;
	KUNIT_EXPECT_EQ(test, wrong, 0);
	mlx5vf_free_qp_recv_resources(mdev, &qp);
	KUNIT_EXPECT_EQ(test, fw.keys, 0);
	KUNIT_EXPECT_EQ(test, pages->nr_pages, 0UL);
}

/* A buffer is mapped when its data is there. A header is never mapped. */
static void buffer_without_key(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct mlx5_vf_migration_file *migf = file_of(f);
	struct mlx5_vhca_data_buffer *buf;

	buf = alloc_buffer(migf, 100, DMA_NONE);
	KUNIT_ASSERT_FALSE(test, IS_ERR(buf));
	KUNIT_EXPECT_EQ(test, buf->allocated_length, (u64)PAGE_SIZE);
	KUNIT_EXPECT_NOT_NULL(test, mlx5vf_get_migration_page(buf, 0));
	KUNIT_EXPECT_NULL(test, buf->pages.dev);
	free_buffer(buf);

	buf = alloc_buffer(migf, 0, DMA_TO_DEVICE);
	KUNIT_ASSERT_FALSE(test, IS_ERR(buf));
	KUNIT_EXPECT_EQ(test, buf->allocated_length, (u64)0);
	KUNIT_EXPECT_NULL(test, mlx5vf_get_migration_page(buf, 0));
	free_buffer(buf);
	KUNIT_EXPECT_EQ(test, fw.entries, (size_t)0);
	KUNIT_EXPECT_EQ(test, fw.keys, 0);
}

static const struct file_operations no_fops = {};

static void close_file(void *filp)
{
	__fput_sync(filp);
}

static void free_file_buffers(void *data)
{
	struct mlx5_vf_migration_file *migf = data;
	struct mlx5_vhca_data_buffer *buf, *next;
	int i;

	for (i = 0; i < MAX_NUM_CHUNKS; i++) {
		if (migf->buf[i])
			free_buffer(migf->buf[i]);
		if (migf->buf_header[i])
			free_buffer(migf->buf_header[i]);
	}
	list_splice_init(&migf->avail_list, &migf->buf_list);
	list_for_each_entry_safe(buf, next, &migf->buf_list, buf_elm)
		free_buffer(buf);
}

/* A file, and @size bytes of memory of its user at @user */
static struct mlx5_vf_migration_file *open_file(struct kunit *test, size_t size,
						char __user **user)
{
	struct mlx5_vf_migration_file *migf = file_of(test->priv);

	migf->filp = anon_inode_getfile("mlx5vf_kunit", &no_fops, migf,
					O_RDWR | O_NONBLOCK);
	KUNIT_ASSERT_FALSE(test, IS_ERR(migf->filp));
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, close_file,
							   migf->filp));
	mutex_init(&migf->lock);
	init_waitqueue_head(&migf->poll_wait);
	init_completion(&migf->save_comp);
	complete(&migf->save_comp);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test,
							   free_file_buffers,
							   migf));
	*user = fixture_user_memory(test, size);
	return migf;
}

/* Buffer @i for an image of @size bytes, and one for its header */
static void alloc_file_buffers(struct mlx5_vf_migration_file *migf, int i,
			       size_t size)
{
	struct kunit *test = kunit_get_current_test();
	struct mlx5_vhca_data_buffer *buf;

	buf = alloc_buffer(migf, size, DMA_TO_DEVICE);
	KUNIT_ASSERT_FALSE(test, IS_ERR(buf));
	migf->buf[i] = buf;
	buf = alloc_buffer(migf, sizeof(struct mlx5_vf_migration_header),
			   DMA_NONE);
	KUNIT_ASSERT_FALSE(test, IS_ERR(buf));
	migf->buf_header[i] = buf;
}

/* A write by another thread than that of the case */
struct writer {
	struct mlx5_vf_migration_file *migf;
	struct mm_struct *mm;
	char __user *from;
	size_t size;
	ssize_t ret;
	struct work_struct work;
};

static void write_part(struct work_struct *work)
{
	struct writer *w = container_of(work, struct writer, work);

	kthread_use_mm(w->mm);
	w->ret = mlx5vf_resume_fops.write(w->migf->filp, w->from, w->size,
					  NULL);
	kthread_unuse_mm(w->mm);
}

static void *page_of(struct mlx5_vhca_data_buffer *buf)
{
	return page_address(mlx5vf_get_migration_page(buf, 0));
}

/*
 * While a writer waits for the lock, the buffers are replaced, as by a record of
 * another writer. The old ones stay, so that the case sees who writes to them.
 */
static void resume_write_finds_new_buffers(struct kunit *test)
{
	struct {
		struct mlx5_vf_migration_header header;
		u8 image[200];
	} record = {
		/* The end of the image is missing: there is nothing to load. */
		.header.record_size	= cpu_to_le64(sizeof(record.image) + 1),
		.header.tag		= cpu_to_le32(MLX5_MIGF_HEADER_TAG_FW_DATA),
	};
	struct mlx5_vf_migration_file *migf;
	struct writer writer = { .size = sizeof(record) };
	u8 *old = kunit_kmalloc(test, PAGE_SIZE, GFP_KERNEL);
	struct mlx5vf_pci_core_device *mvdev;
	int i;

	KUNIT_ASSERT_NOT_NULL(test, old);
	fixture_fill(old, PAGE_SIZE, 1);
	fixture_fill(record.image, sizeof(record.image), 2);
	migf = open_file(test, PAGE_SIZE, &writer.from);
	writer.migf = migf;
	writer.mm = current->mm;
	KUNIT_ASSERT_EQ(test, 0, copy_to_user(writer.from, &record,
					      sizeof(record)));
	for (i = 0; i < 2; i++) {
		alloc_file_buffers(migf, i, PAGE_SIZE);
		memcpy(page_of(migf->buf_header[i]), old, PAGE_SIZE);
		memcpy(page_of(migf->buf[i]), old, PAGE_SIZE);
	}

	mvdev = migf->mvdev;
	INIT_WORK_ONSTACK(&writer.work, write_part);
	mutex_lock(&mvdev->state_mutex);
	queue_work(system_unbound_wq, &writer.work);
	fixture_wait_for_waiter(&mvdev->state_mutex);
	swap(migf->buf_header[0], migf->buf_header[1]);
	swap(migf->buf[0], migf->buf[1]);
	mutex_unlock(&mvdev->state_mutex);
	flush_work(&writer.work);
	destroy_work_on_stack(&writer.work);

	KUNIT_EXPECT_EQ(test, writer.ret, (ssize_t)sizeof(record));
	KUNIT_EXPECT_MEMEQ(test, page_of(migf->buf_header[0]), &record.header,
			   sizeof(record.header));
	KUNIT_EXPECT_MEMEQ(test, page_of(migf->buf[0]), record.image,
			   sizeof(record.image));
	KUNIT_EXPECT_EQ(test, migf->buf[0]->length,
			(u64)sizeof(record.image));
	KUNIT_EXPECT_MEMEQ(test, page_of(migf->buf_header[1]), old, PAGE_SIZE);
	KUNIT_EXPECT_MEMEQ(test, page_of(migf->buf[1]), old, PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, migf->buf[1]->length, (u64)0);
}

static struct kunit_case iommu_cases[] = {
	KUNIT_CASE(key_has_every_page),
	KUNIT_CASE(key_moves_data),
	KUNIT_CASE(tracker_key_has_every_page),
	KUNIT_CASE(buffer_without_key),
	KUNIT_CASE(resume_write_finds_new_buffers),
	{}
};

static struct kunit_suite iommu_suite = {
	.name		= "mlx5vf",
	.suite_init	= warnings_start,
	.suite_exit	= warnings_stop,
	.init		= fixture_init_iommu,
	.exit		= warnings_check,
	.test_cases	= iommu_cases,
};

static struct kunit_case direct_cases[] = {
	KUNIT_CASE(key_has_every_page),
	KUNIT_CASE(key_moves_data),
	KUNIT_CASE(tracker_key_has_every_page),
	{}
};

static struct kunit_suite direct_suite = {
	.name		= "mlx5vf_direct",
	.suite_init	= warnings_start,
	.suite_exit	= warnings_stop,
	.init		= fixture_init_direct,
	.exit		= warnings_check,
	.test_cases	= direct_cases,
};

/* Without an IOMMU, everything is bounced */

#define IMAGE_MAX	(3 * PAGE_SIZE)

/* Move data to or from where the key says, as the device would. */
static void fw_move(size_t offset, void *data, size_t len, bool to_memory)
{
	size_t size;
	u8 *memory;

	for (; len; offset += size, data += size, len -= size) {
		size = min(len, PAGE_SIZE - offset_in_page(offset));
		KUNIT_ASSERT_LT(kunit_get_current_test(), offset >> PAGE_SHIFT,
				fw.entries);
		memory = phys_to_virt(fw.entry[offset >> PAGE_SHIFT]) +
			 offset_in_page(offset);
		if (to_memory)
			memcpy(memory, data, size);
		else
			memcpy(data, memory, size);
	}
}

static int fw_save(struct mlx5_async_ctx *ctx, void *in, int in_size, void *out,
		   int out_size, mlx5_async_cbk_t callback,
		   struct mlx5_async_work *work)
{
	fw.given_back = hand_over[SINGLE_FOR_DEVICE].bytes;
	fw.saves++;
	fw_move(0, fw.image, fw.image_size, true);
	MLX5_SET(save_vhca_state_out, out, actual_image_size, fw.image_size);
	callback(0, work);
	return 0;
}

static int fw_load(struct mlx5_core_dev *mdev, u32 *in, u32 *out)
{
	fw.loads++;
	fw.image_size = MLX5_GET(load_vhca_state_in, in, size);
	KUNIT_EXPECT_LE(kunit_get_current_test(), fw.image_size, IMAGE_MAX);
	fw_move(0, fw.image, min(fw.image_size, IMAGE_MAX), false);
	return 0;
}

static u8 *image_memory(struct kunit *test)
{
	u8 *image = kunit_kzalloc(test, IMAGE_MAX, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, image);
	return image;
}

/* A file, an image, and the firmware that saves and loads it */
static struct mlx5_vf_migration_file *open_image(struct kunit *test, size_t size,
						 char __user **user)
{
	struct mlx5_vf_migration_file *migf = open_file(test, size, user);

	fw.image = image_memory(test);
	kunit_activate_static_stub(test, mlx5vf_cmd_exec_save, fw_save);
	kunit_activate_static_stub(test, mlx5vf_cmd_exec_load, fw_load);
	hand_over_insert(test);
	return migf;
}

/* The user writes an image, a part at a time: the device gets all of it. */
static void expect_loads(struct mlx5_vf_migration_file *migf, char __user *user,
			 size_t size, int seed)
{
	struct mlx5_vf_migration_header header = {
		.record_size	= cpu_to_le64(size),
		.flags		= cpu_to_le32(MLX5_MIGF_HEADER_FLAGS_TAG_MANDATORY),
		.tag		= cpu_to_le32(MLX5_MIGF_HEADER_TAG_FW_DATA),
	};
	struct kunit *test = kunit_get_current_test();
	size_t total = sizeof(header) + size, at, part;
	u8 *image = image_memory(test);
	int loads = fw.loads;

	fixture_fill(image, size, seed);
	KUNIT_ASSERT_EQ(test, 0, copy_to_user(user, &header, sizeof(header)));
	KUNIT_ASSERT_EQ(test, 0, copy_to_user(user + sizeof(header), image,
					      size));
	for (at = 0; at < total; at += part) {
		part = min(total - at, 3000UL);
		KUNIT_ASSERT_EQ(test, (ssize_t)part,
				mlx5vf_resume_fops.write(migf->filp, user + at,
							 part, NULL));
	}
	KUNIT_EXPECT_EQ(test, fw.loads, loads + 1);
	KUNIT_EXPECT_EQ(test, fw.image_size, size);
	KUNIT_EXPECT_MEMEQ(test, fw.image, image, size);
}

/* Two images, one after the other, in the same buffer */
static void swiotlb_resume_hands_image_over(struct kunit *test)
{
	struct mlx5_vf_migration_file *migf;
	char __user *user;

	migf = open_image(test, 4 * PAGE_SIZE, &user);
	alloc_file_buffers(migf, 0, 0);
	expect_loads(migf, user, IMAGE_MAX - 100, 1);
	expect_loads(migf, user, PAGE_SIZE + 10, 2);
	KUNIT_EXPECT_EQ(test, fw.keys, 1);
	/* The header is for the CPU only */
	KUNIT_EXPECT_EQ(test, hand_over[SINGLE_FOR_DEVICE].bytes,
			(size_t)IMAGE_MAX - 100 + PAGE_SIZE + 10);
}

/* The user reads what the device has saved, a part at a time. */
static void expect_saves(struct mlx5_vf_migration_file *migf,
			 struct mlx5_vhca_data_buffer *buf, char __user *user,
			 size_t size, int seed)
{
	struct kunit *test = kunit_get_current_test();
	size_t total = sizeof(struct mlx5_vf_migration_header) + size, at, part;
	bool chunk = buf->stop_copy_chunk_num;
	u8 *image = image_memory(test);
	int err;

	fixture_fill(fw.image, size, seed);
	fw.image_size = size;
	hand_over_reset();
	mutex_lock(&migf->mvdev->state_mutex);
	err = mlx5vf_cmd_save_vhca_state(migf->mvdev, migf, buf, chunk, !chunk);
	mutex_unlock(&migf->mvdev->state_mutex);
	KUNIT_ASSERT_EQ(test, err, 0);

	for (at = 0; at < total; at += part) {
		part = min(total - at, 3000UL);
		KUNIT_ASSERT_EQ(test, (ssize_t)part,
				mlx5vf_save_fops.read(migf->filp, user + at,
						      part, NULL));
	}
	KUNIT_ASSERT_EQ(test, 0,
			copy_from_user(image, user + total - size, size));
	KUNIT_EXPECT_MEMEQ(test, image, fw.image, size);
	/* What has been read was handed over once, as written by the device. */
	KUNIT_EXPECT_EQ(test, hand_over[SINGLE_FOR_CPU].bytes, size);
	KUNIT_EXPECT_EQ(test, hand_over[SINGLE_FOR_CPU].dir, DMA_FROM_DEVICE);
}

/*
 * The buffer is saved to again. What the CPU has read is handed back to the device
 * first. Nothing is bounced for that, but the caches may have the data.
 */
static void swiotlb_save_hands_image_over(struct kunit *test)
{
	struct mlx5_vhca_data_buffer *buf, *again;
	struct mlx5_vf_migration_file *migf;
	char __user *user;

	migf = open_image(test, 4 * PAGE_SIZE, &user);
	buf = alloc_buffer(migf, IMAGE_MAX, DMA_FROM_DEVICE);
	KUNIT_ASSERT_FALSE(test, IS_ERR(buf));
	expect_saves(migf, buf, user, IMAGE_MAX - 100, 1);
	KUNIT_EXPECT_EQ(test, fw.given_back, (size_t)0);

	mutex_lock(&migf->mvdev->state_mutex);
	again = mlx5vf_get_data_buffer(migf, PAGE_SIZE, DMA_FROM_DEVICE);
	mutex_unlock(&migf->mvdev->state_mutex);
	KUNIT_ASSERT_PTR_EQ(test, again, buf);
	expect_saves(migf, buf, user, PAGE_SIZE + 10, 2);
	KUNIT_EXPECT_EQ(test, fw.given_back, (size_t)IMAGE_MAX - 100);
	KUNIT_EXPECT_EQ(test, fw.saves, 2);
}

/* Chunk by chunk, always in the same buffer and header */
static void swiotlb_save_hands_chunks_over(struct kunit *test)
{
	struct mlx5_vf_migration_file *migf;
	struct mlx5_vhca_data_buffer *buf;
	char __user *user;
	int i;

	migf = open_image(test, 4 * PAGE_SIZE, &user);
	buf = alloc_buffer(migf, IMAGE_MAX, DMA_FROM_DEVICE);
	KUNIT_ASSERT_FALSE(test, IS_ERR(buf));
	buf->stop_copy_chunk_num = 1;
	for (i = 0; i < 3; i++) {
		expect_saves(migf, buf, user, IMAGE_MAX - i * 1000, 1 + i);
		KUNIT_EXPECT_EQ(test, fw.given_back,
				i ? (size_t)IMAGE_MAX - (i - 1) * 1000 : 0);
		KUNIT_ASSERT_PTR_EQ(test, migf->buf[0], buf);
		migf->buf[0] = NULL;
	}
	migf->buf[0] = buf;
	KUNIT_EXPECT_EQ(test, fw.saves, 3);
	KUNIT_EXPECT_EQ(test, (int)migf->state, MLX5_MIGF_STATE_COMPLETE);
}

#define MSG_SIZE	SZ_8K
#define MSGS		4

/* More than fit into a page; a bit for every third page of 4 KiB is expected. */
#define REPORTS		600
#define REPORT_SIZE	(REPORTS * MLX5_ST_SZ_BYTES(page_track_report_entry))
#define GUEST		((u64)5 * SZ_4G)

static struct mlx5_buf_list *frag_of(struct kunit *test)
{
	struct mlx5_buf_list *frag = kunit_kzalloc(test, sizeof(*frag),
						   GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, frag);
	frag->buf = kunit_kzalloc(test, PAGE_SIZE, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, frag->buf);
	return frag;
}

static u64 dirty_address(int i, int seed)
{
	return GUEST + (u64)(3 * i + seed) * SZ_4K;
}

/* The device writes a report as message @msg, and says so. */
static void fw_report(struct mlx5_vhca_cq *cq, int msg, int seed)
{
	struct mlx5_cqe64 *cqe = mlx5_frag_buf_get_wqe(&cq->buf.fbc,
						       cq->mcq.cons_index);
	u64 entry;
	int i;

	for (i = 0; i < REPORTS; i++) {
		u64 addr = dirty_address(i, seed);

		MLX5_SET(page_track_report_entry, &entry, dirty_address_high,
			 addr >> 32);
		MLX5_SET(page_track_report_entry, &entry, dirty_address_low,
			 (u32)addr);
		fw_move(msg * MSG_SIZE + i * sizeof(entry), &entry,
			sizeof(entry), true);
	}
	cqe->immediate = cpu_to_be32(MLX5_PAGE_TRACK_STATE_REPORTING << 28);
	cqe->byte_cnt = cpu_to_be32(REPORT_SIZE);
	cqe->wqe_counter = cpu_to_be16(msg);
	cqe->op_own = MLX5_CQE_RESP_SEND_IMM << 4;
}

/* Read the report; its bits, and no other, are in the bitmap then. */
static void expect_report(struct kunit *test, struct mlx5_vhca_cq *cq,
			  struct mlx5_vhca_qp *qp, int seed)
{
	size_t bits = 3 * REPORTS + 3, bytes = BITS_TO_LONGS(bits) * sizeof(long);
	unsigned long *got = kunit_kzalloc(test, bytes, GFP_KERNEL);
	unsigned long *want = kunit_kzalloc(test, bytes, GFP_KERNEL);
	char __user *user = fixture_user_memory(test, bytes);
	struct iova_bitmap *dirty;
	int i, status = 0;

	KUNIT_ASSERT_TRUE(test, got && want);
	for (i = 0; i < REPORTS; i++)
		__set_bit(3 * i + seed, want);
	dirty = iova_bitmap_alloc(GUEST, bits * SZ_4K, SZ_4K,
				  (u64 __user *)user);
	KUNIT_ASSERT_FALSE(test, IS_ERR(dirty));
	KUNIT_EXPECT_EQ(test, 0, mlx5vf_cq_poll_one(cq, qp, dirty, &status));
	iova_bitmap_free(dirty);
	KUNIT_EXPECT_EQ(test, status, MLX5_PAGE_TRACK_STATE_REPORTING);
	KUNIT_ASSERT_EQ(test, 0, copy_from_user(got, user, bytes));
	KUNIT_EXPECT_MEMEQ(test, got, want, bytes);
}

/* One report after another in the same place */
static void swiotlb_tracker_hands_reports_over(struct kunit *test)
{
	struct mlx5_vf_migration_file *migf = file_of(test->priv);
	struct mlx5_core_dev *mdev = migf->mvdev->mdev;
	struct mlx5_vhca_qp qp = { .max_msg_size = MSG_SIZE };
	struct mlx5_vhca_cq cq = { .ncqe = MSGS };
	__be32 doorbell;
	int seed;

	qp.tracked_page_size = SZ_4K;
	qp.rq.wqe_cnt = MSGS;
	qp.rq.db = &doorbell;
	mlx5_init_fbc(frag_of(test), ilog2(MLX5_SEND_WQE_DS), ilog2(MSGS),
		      &qp.rq.fbc);
	cq.mcq.cqe_sz = sizeof(struct mlx5_cqe64);
	mlx5_init_fbc(frag_of(test), ilog2(cq.mcq.cqe_sz), ilog2(MSGS),
		      &cq.buf.fbc);
	KUNIT_ASSERT_EQ(test, 0, mlx5vf_alloc_qp_recv_resources(mdev, &qp, PD,
								MSGS * MSG_SIZE));
	hand_over_insert(test);
	/* All messages have been posted. */
	qp.rq.pc = MSGS;
	for (seed = 0; seed < 3; seed++) {
		fw_report(&cq, 2, seed);
		hand_over_reset();
		expect_report(test, &cq, &qp, seed);
		/* What has been read is handed back for the next message. */
		KUNIT_EXPECT_EQ(test, hand_over[SINGLE_FOR_CPU].bytes,
				(size_t)REPORT_SIZE);
		KUNIT_EXPECT_MEMEQ(test, &hand_over[SINGLE_FOR_DEVICE],
				   &hand_over[SINGLE_FOR_CPU],
				   sizeof(struct hand_over));
		KUNIT_EXPECT_EQ(test, be32_to_cpu(doorbell), MSGS + 1U + seed);
	}
	mlx5vf_free_qp_recv_resources(mdev, &qp);
}

static struct kunit_case swiotlb_cases[] = {
	KUNIT_CASE(swiotlb_resume_hands_image_over),
	KUNIT_CASE(swiotlb_save_hands_image_over),
	KUNIT_CASE(swiotlb_save_hands_chunks_over),
	KUNIT_CASE(swiotlb_tracker_hands_reports_over),
	{}
};

static struct kunit_suite swiotlb_suite = {
	.name		= "mlx5vf_swiotlb",
	.suite_init	= warnings_start,
	.suite_exit	= warnings_stop,
	.init		= fixture_init_forced_swiotlb,
	.exit		= warnings_check,
	.test_cases	= swiotlb_cases,
};

/* Failures, behind a mock IOMMU */

static const struct mock_iommu_config mock_config = {
	.page_sizes	= SZ_4K,
	.aperture	= SZ_16M,
	.type		= IOMMU_DOMAIN_DMA,
	.map_vec	= true,
};

static int try_buffer(struct mlx5_vf_migration_file *migf)
{
	struct mlx5_vhca_data_buffer *buf;

	buf = alloc_buffer(migf, LENGTH, DMA_TO_DEVICE);
	if (IS_ERR(buf))
		return PTR_ERR(buf);
	free_buffer(buf);
	return 0;
}

static int try_tracker(struct mlx5_vf_migration_file *migf)
{
	struct mlx5_core_dev *mdev = migf->mvdev->mdev;
	struct mlx5_vhca_qp qp = {}, none = {};
	int err;

	err = mlx5vf_alloc_qp_recv_resources(mdev, &qp, PD, LENGTH);
	if (!err) {
		mlx5vf_free_qp_recv_resources(mdev, &qp);
		return 0;
	}
	return memcmp(&qp, &none, sizeof(qp)) ? -ENOTRECOVERABLE : err;
}

typedef int (*try_fn)(struct mlx5_vf_migration_file *migf);

static void expect_nothing(struct fixture *f, int live)
{
	KUNIT_EXPECT_EQ(f->test, live_alloc_count(f->test), live);
	KUNIT_EXPECT_EQ(f->test, f->mock->state.mapped, (size_t)0);
	KUNIT_EXPECT_EQ(f->test, f->mock->state.seen, (size_t)0);
	KUNIT_EXPECT_EQ(f->test, fw.keys, 0);
}

/* Fail at the first of @nth, the second, and so on. Returns how many there are. */
static int fail_each(struct fixture *f, struct mlx5_vf_migration_file *migf,
		     try_fn try, int *nth, int want)
{
	int live = live_alloc_count(f->test);
	int n, err;

	for (n = 1; n <= STEPS_MAX; n++) {
		*nth = n;
		err = try(migf);
		if (!err)
			break;
		KUNIT_EXPECT_EQ(f->test, err, want);
		expect_nothing(f, live);
	}
	KUNIT_ASSERT_LE(f->test, n, STEPS_MAX);
	*nth = 0;
	expect_nothing(f, live);
	return n - 1;
}

static int fail_each_alloc(struct fixture *f,
			   struct mlx5_vf_migration_file *migf, try_fn try)
{
	int live = live_alloc_count(f->test);
	int nth = 1, err, failed = 0;
	bool more;

	do {
		fail_alloc_arm(nth);
		err = try(migf);
		more = fail_alloc_next(&nth, err);
		if (err) {
			failed++;
			KUNIT_EXPECT_EQ(f->test, err, -ENOMEM);
		}
		expect_nothing(f, live);
	} while (more);
	KUNIT_EXPECT_EQ(f->test, err, 0);
	return failed;
}

/* @allocs: allocations of the driver itself, which needs each of them */
static void expect_try_fails_at_each_step(struct kunit *test, try_fn try,
					  int allocs)
{
	struct fixture *f = fixture_mock(test, &mock_config);
	struct mlx5_vf_migration_file *migf = file_of(f);
	int free = mock_iommu_count_free(test, f->mock);

	fail_alloc_insert(test);
	live_alloc_insert(test);
	KUNIT_EXPECT_EQ(test, PAGES,
			fail_each(f, migf, try, &f->mock->fail_map, -EIO));
	KUNIT_EXPECT_EQ(test, 1,
			fail_each(f, migf, try, &f->mock->fail_sync, -EIO));
	KUNIT_EXPECT_EQ(test, 1,
			fail_each(f, migf, try, &fw.fail, -EREMOTEIO));
	KUNIT_EXPECT_GE(test, fail_each_alloc(f, migf, try),
			fail_alloc_least(allocs));
	KUNIT_EXPECT_EQ(test, mock_iommu_count_free(test, f->mock), free);
}

/* The buffer, the record of the pages, the pages, what goes to the firmware */
static void buffer_fails_at_each_step(struct kunit *test)
{
	expect_try_fails_at_each_step(test, try_buffer, 4);
}

static void tracker_fails_at_each_step(struct kunit *test)
{
	expect_try_fails_at_each_step(test, try_tracker, 3);
}

static struct kunit_case mock_cases[] = {
	KUNIT_CASE(buffer_fails_at_each_step),
	KUNIT_CASE(tracker_fails_at_each_step),
	{}
};

static struct kunit_suite mock_suite = {
	.name		= "mlx5vf_mock",
	.suite_init	= warnings_start,
	.suite_exit	= warnings_stop,
	.exit		= warnings_check,
	.test_cases	= mock_cases,
};

kunit_test_suites(&iommu_suite, &direct_suite, &swiotlb_suite, &mock_suite);

MODULE_DESCRIPTION("KUnit suites of the memory keys of mlx5's VFIO driver");
MODULE_LICENSE("GPL");
