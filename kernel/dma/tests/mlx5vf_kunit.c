// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suites of mlx5's VFIO driver: the memory keys that it creates for
 * migration data and for the reports of its page tracker, without the firmware.
 * The device that they are for is another one.
 *
 * mlx5vf		edu, behind an IOMMU
 * mlx5vf_direct	edu, without an IOMMU
 * mlx5vf_mock		behind a mock IOMMU, on any machine
 */
#include <kunit/static_stub.h>
#include <kunit/test.h>
#include <linux/dma-mapping.h>
#include <linux/iommu.h>
#include <linux/sizes.h>

#include "../../../drivers/vfio/pci/mlx5/cmd.h"
#include "fail_alloc.h"
#include "fixture.h"
#include "live_alloc.h"

#define PD		0x1234
#define MKEY		0x567800

/* An odd number: entries come in pairs. */
#define PAGES		333
#define LENGTH		(PAGES * PAGE_SIZE - 100)

/* More than any call has */
#define STEPS_MAX	800

/* The firmware, as far as the driver needs it, and what it has been told last */
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

/* As the device finds it */
static phys_addr_t translate(struct fixture *f, dma_addr_t addr)
{
	return f->domain ? iommu_iova_to_phys(f->domain, addr) : addr;
}

/* What the firmware has been told is that of @nr pages, and right. */
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

/* It is mapped when its data is there, or never: a header stays in the kernel. */
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

static struct kunit_case iommu_cases[] = {
	KUNIT_CASE(key_has_every_page),
	KUNIT_CASE(key_moves_data),
	KUNIT_CASE(tracker_key_has_every_page),
	KUNIT_CASE(buffer_without_key),
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

/* @allocs: those of the driver's own, none of which it can do without */
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

kunit_test_suites(&iommu_suite, &direct_suite, &mock_suite);

MODULE_DESCRIPTION("KUnit suites of the memory keys of mlx5's VFIO driver");
MODULE_LICENSE("GPL");
