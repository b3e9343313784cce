// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite of the commands by which an SMMUv3 in strict mode invalidates a batch, as
 * SMMUs of all versions do: a case takes range invalidation away from one that has it.
 */
#include <kunit/test.h>
#include <linux/dma-mapping.h>
#include <linux/iommu.h>
#include <linux/sizes.h>
#include <linux/string.h>

#include "../../../drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.h"
#include "fixture.h"

#define NR	2

static struct arm_smmu_device *smmu_of(struct fixture *f)
{
	struct arm_smmu_master *master = dev_iommu_priv_get(f->dev);

	return master->smmu;
}

static void give_range_commands_back(void *smmu)
{
	((struct arm_smmu_device *)smmu)->features |= ARM_SMMU_FEAT_RANGE_INV;
}

static void take_range_commands(struct fixture *f)
{
	struct arm_smmu_device *smmu = smmu_of(f);

	KUNIT_ASSERT_TRUE(f->test, smmu->features & ARM_SMMU_FEAT_RANGE_INV);
	smmu->features &= ~ARM_SMMU_FEAT_RANGE_INV;
	KUNIT_ASSERT_EQ(f->test, 0,
			kunit_add_action_or_reset(f->test,
						  give_range_commands_back, smmu));
}

/* The index has a bit more than there are entries, which says whether it wrapped. */
static u32 commands_since(struct fixture *f, u32 prod)
{
	struct arm_smmu_ll_queue *llq = &smmu_of(f)->cmdq.q.llq;

	return (READ_ONCE(llq->prod) - prod) & (BIT(llq->max_n_shift + 1) - 1);
}

/* Destroy reservations of @size in a batch, and count the commands of its flush. */
static void expect_commands(struct fixture *f, size_t size, u32 want)
{
	struct kunit *test = f->test;
	struct page *page = fixture_large_page(test);
	phys_addr_t phys = page_to_phys(page);
	struct dma_iova_state states[NR];
	struct dma_iova_batch batch;
	dma_addr_t addrs[NR];
	u32 prod;
	int i;

	dma_iova_batch_init(&batch);
	for (i = 0; i < NR; i++) {
		fixture_reserve(f, &states[i], phys, size);
		addrs[i] = states[i].addr;
		KUNIT_ASSERT_EQ(test, 0, dma_iova_link(f->dev, &states[i], phys, 0,
						       size, DMA_BIDIRECTIONAL, 0));
		KUNIT_ASSERT_EQ(test, 0, dma_iova_sync(f->dev, &states[i], 0, size));
		fixture_expect_device_writes(f, addrs[i], page);
	}
	for (i = 0; i < NR; i++)
		dma_iova_batch_destroy(&batch, f->dev, &states[i], size,
				       DMA_BIDIRECTIONAL, 0);
	prod = READ_ONCE(smmu_of(f)->cmdq.q.llq.prod);
	dma_iova_batch_flush(&batch);
	KUNIT_EXPECT_EQ(test, want, commands_since(f, prod));
	for (i = 0; i < NR; i++)
		fixture_expect_device_cannot_write(f, addrs[i], page);
}

/* The last command waits for the others. */
static void batch_is_one_command_per_range(struct kunit *test)
{
	struct fixture *f = test->priv;

	expect_commands(f, PAGE_SIZE, NR + 1);
	expect_commands(f, SZ_2M, NR + 1);
}

static void batch_is_one_command_per_page(struct kunit *test)
{
	struct fixture *f = test->priv;

	take_range_commands(f);
	expect_commands(f, PAGE_SIZE, NR + 1);
	expect_commands(f, 100 * PAGE_SIZE, NR * 100 + 1);
}

/* Pages of 4 KiB, whatever the entries map: more commands than one is worth */
static void batch_of_many_pages_is_one_command(struct kunit *test)
{
	struct fixture *f = test->priv;

	take_range_commands(f);
	expect_commands(f, (CMDQ_MAX_TLBI_OPS / NR - 1) * PAGE_SIZE,
			CMDQ_MAX_TLBI_OPS - NR + 1);
	expect_commands(f, CMDQ_MAX_TLBI_OPS / NR * PAGE_SIZE, 2);
	expect_commands(f, SZ_2M, 2);
}

/* Another IOMMU's data of the device is not to be taken for the SMMU's. */
static int smmu_init(struct kunit *test)
{
	int err = fixture_init_iommu(test);
	struct fixture *f = test->priv;

	if (err)
		return err;
	if (!strstarts(dev_name(f->dev->iommu->iommu_dev->dev), "smmu3"))
		kunit_skip(test, "the IOMMU is no SMMUv3");
	fixture_need_strict_mode(test);
	return 0;
}

static struct kunit_case smmu_cases[] = {
	KUNIT_CASE(batch_is_one_command_per_range),
	KUNIT_CASE(batch_is_one_command_per_page),
	KUNIT_CASE(batch_of_many_pages_is_one_command),
	{}
};

static struct kunit_suite smmu_suite = {
	.name		= "arm_smmu_v3_batch",
	.suite_init	= warnings_start,
	.suite_exit	= warnings_stop,
	.init		= smmu_init,
	.exit		= warnings_check,
	.test_cases	= smmu_cases,
};

kunit_test_suites(&smmu_suite);

MODULE_DESCRIPTION("KUnit suite of the SMMUv3's commands");
MODULE_LICENSE("GPL");
