// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite of the commands by which an SMMUv3 in strict mode invalidates a batch, as
 * SMMUs of all versions do: a case takes range invalidation away from one that has it.
 * What a model does not look at, as hints and the TLBs of devices, is read back from
 * the memory of the queue.
 */
#include <kunit/test.h>
#include <linux/bitfield.h>
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

static u64 command(struct fixture *f, u32 prod, int dword)
{
	struct arm_smmu_queue *q = &smmu_of(f)->cmdq.q;

	return le64_to_cpu(*(Q_ENT(q, prod) + dword));
}

/* A reservation that goes into a batch */
struct reserved {
	size_t size;
	/* In memory that begins on a block: anywhere else, none fits. */
	size_t into;
	/* Where it was, and its first page */
	dma_addr_t addr;
	struct page *page;
};

/* Have one flush invalidate all of these. Returns the index of its first command. */
static u32 flush_batch(struct fixture *f, struct reserved reserved[NR])
{
	struct kunit *test = f->test;
	phys_addr_t memory = page_to_phys(fixture_large_page(test));
	struct dma_iova_state states[NR];
	struct dma_iova_batch batch;
	u32 prod;
	int i;

	dma_iova_batch_init(&batch);
	for (i = 0; i < NR; i++) {
		struct reserved *r = &reserved[i];
		phys_addr_t phys = memory + r->into;

		fixture_reserve(f, &states[i], phys, r->size);
		r->addr = states[i].addr;
		r->page = pfn_to_page(PHYS_PFN(phys));
		KUNIT_ASSERT_EQ(test, 0, dma_iova_link(f->dev, &states[i], phys, 0,
						       r->size, DMA_BIDIRECTIONAL,
						       0));
		KUNIT_ASSERT_EQ(test, 0, dma_iova_sync(f->dev, &states[i], 0,
						       r->size));
		fixture_expect_device_writes(f, r->addr, r->page);
	}
	for (i = 0; i < NR; i++)
		dma_iova_batch_destroy(&batch, f->dev, &states[i],
				       reserved[i].size, DMA_BIDIRECTIONAL, 0);
	prod = READ_ONCE(smmu_of(f)->cmdq.q.llq.prod);
	dma_iova_batch_flush(&batch);
	return prod;
}

/* Destroy reservations of @size in a batch, and count the commands of its flush. */
static void expect_commands(struct fixture *f, size_t size, u32 want)
{
	struct reserved reserved[NR] = { { size }, { size } };
	u32 prod = flush_batch(f, reserved);
	int i;

	KUNIT_EXPECT_EQ(f->test, want, commands_since(f, prod));
	for (i = 0; i < NR; i++)
		fixture_expect_device_cannot_write(f, reserved[i].addr,
						   reserved[i].page);
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

/*
 * The commands from @prod on are for the pages of @r, and for no more than one other.
 * With @leaf the caches of table entries keep what they have. Returns the index of the
 * next command.
 */
static u32 expect_invalidated(struct fixture *f, u32 prod, const struct reserved *r,
			      bool leaf)
{
	bool range = smmu_of(f)->features & ARM_SMMU_FEAT_RANGE_INV;
	struct kunit *test = f->test;
	size_t done = 0;

	while (done < r->size) {
		u64 what = command(f, prod, 0), where = command(f, prod, 1);
		size_t pages = 1;

		KUNIT_ASSERT_EQ(test, FIELD_GET(CMDQ_0_OP, what), CMDQ_OP_TLBI_NH_VA);
		KUNIT_EXPECT_EQ(test, FIELD_GET(CMDQ_TLBI_0_ASID, what),
				to_smmu_domain(f->domain)->cd.asid);
		KUNIT_EXPECT_EQ(test, where & CMDQ_TLBI_1_VA_MASK, r->addr + done);
		KUNIT_EXPECT_EQ(test, !!(where & CMDQ_TLBI_1_LEAF), leaf);
		/* Leaf entries are those of the last level: the third one. */
		KUNIT_EXPECT_EQ(test, FIELD_GET(CMDQ_TLBI_1_TTL, where),
				range && leaf ? 3 : 0);
		KUNIT_EXPECT_EQ(test, FIELD_GET(CMDQ_TLBI_1_TG, where),
				range ? (PAGE_SHIFT - 10) / 2 : 0);
		if (range)
			pages = (FIELD_GET(CMDQ_TLBI_0_NUM, what) + 1) <<
				FIELD_GET(CMDQ_TLBI_0_SCALE, what);
		done += pages * PAGE_SIZE;
		prod++;
	}
	KUNIT_EXPECT_LE(test, done, r->size + PAGE_SIZE);
	return prod;
}

static u32 expect_wait(struct fixture *f, u32 prod)
{
	KUNIT_EXPECT_EQ(f->test, FIELD_GET(CMDQ_0_OP, command(f, prod, 0)),
			CMDQ_OP_CMD_SYNC);
	return prod + 1;
}

/* A batch of @reserved invalidates just these, and @leaf says for which as pages. */
static void expect_batch(struct fixture *f, struct reserved reserved[NR],
			 const bool leaf[NR])
{
	u32 prod = flush_batch(f, reserved);
	int i;

	for (i = 0; i < NR; i++)
		prod = expect_invalidated(f, prod, &reserved[i], leaf[i]);
	prod = expect_wait(f, prod);
	KUNIT_EXPECT_EQ(f->test, commands_since(f, prod), 0);
}

static void batch_names_its_pages(struct kunit *test)
{
	const bool pages[NR] = { true, true };
	/* 37 pages take two commands for ranges: 5 pages, and 32. */
	struct reserved reserved[NR] = {
		{ PAGE_SIZE }, { 37 * PAGE_SIZE, 5 * PAGE_SIZE },
	};
	struct fixture *f = test->priv;

	expect_batch(f, reserved, pages);
	take_range_commands(f);
	expect_batch(f, reserved, pages);
}

/* The SMMU may have cached a block at any level. */
static void batch_hints_at_pages_only(struct kunit *test)
{
	struct reserved reserved[NR] = { { PAGE_SIZE }, { SZ_2M } };
	struct fixture *f = test->priv;

	expect_batch(f, reserved, (bool[NR]) { true, false });
}

/* No hint may leave an entry cached that leads to a table that has been freed. */
static void batch_with_tables_has_no_hints(struct kunit *test)
{
	struct reserved reserved[NR] = { { PAGE_SIZE }, { SZ_2M, PAGE_SIZE } };
	struct fixture *f = test->priv;

	expect_batch(f, reserved, (bool[NR]) { false, false });
}

static void stop_ats(void *data)
{
	struct fixture *f = data;
	struct arm_smmu_master *master = dev_iommu_priv_get(f->dev);

	master->ats_enabled = false;
	atomic_dec(&to_smmu_domain(f->domain)->nr_ats_masters);
	master->smmu->features &= ~ARM_SMMU_FEAT_ATS;
}

/* As if the device had a TLB. QEMU's SMMU skips the commands for it. */
static void start_ats(struct fixture *f)
{
	struct arm_smmu_master *master = dev_iommu_priv_get(f->dev);

	KUNIT_ASSERT_FALSE(f->test, master->smmu->features & ARM_SMMU_FEAT_ATS);
	KUNIT_ASSERT_FALSE(f->test, master->ats_enabled);
	KUNIT_ASSERT_EQ(f->test, master->num_streams, 1);
	master->smmu->features |= ARM_SMMU_FEAT_ATS;
	atomic_inc(&to_smmu_domain(f->domain)->nr_ats_masters);
	master->ats_enabled = true;
	KUNIT_ASSERT_EQ(f->test, 0,
			kunit_add_action_or_reset(f->test, stop_ats, f));
}

/* The TLB of the device, for 2^@order pages of 4 KiB, and a wait for that */
static u32 expect_device_invalidated(struct fixture *f, u32 prod, dma_addr_t addr,
				     int order)
{
	struct arm_smmu_master *master = dev_iommu_priv_get(f->dev);
	u64 what = command(f, prod, 0), where = command(f, prod, 1);
	struct kunit *test = f->test;

	KUNIT_ASSERT_EQ(test, FIELD_GET(CMDQ_0_OP, what), CMDQ_OP_ATC_INV);
	KUNIT_EXPECT_EQ(test, FIELD_GET(CMDQ_ATC_0_SID, what), master->streams[0].id);
	KUNIT_EXPECT_EQ(test, what & (CMDQ_0_SSV | CMDQ_ATC_0_GLOBAL), 0);
	KUNIT_EXPECT_EQ(test, where & CMDQ_ATC_1_ADDR_MASK, addr);
	KUNIT_EXPECT_EQ(test, FIELD_GET(CMDQ_ATC_1_SIZE, where), order);
	return expect_wait(f, prod + 1);
}

/* Until the SMMU has forgotten a page, a device may ask for it again. */
static void device_tlbs_come_last(struct kunit *test)
{
	struct reserved reserved[NR] = { { PAGE_SIZE }, { SZ_2M } };
	struct fixture *f = test->priv;
	u32 prod;

	start_ats(f);
	prod = flush_batch(f, reserved);
	prod = expect_invalidated(f, prod, &reserved[0], true);
	prod = expect_invalidated(f, prod, &reserved[1], false);
	prod = expect_wait(f, prod);
	prod = expect_device_invalidated(f, prod, reserved[0].addr, 0);
	prod = expect_device_invalidated(f, prod, reserved[1].addr,
					 ilog2(SZ_2M / SZ_4K));
	KUNIT_EXPECT_EQ(test, commands_since(f, prod), 0);

	/* More commands than one is worth: everything, for the device as well */
	take_range_commands(f);
	prod = flush_batch(f, reserved);
	KUNIT_EXPECT_EQ(test, FIELD_GET(CMDQ_0_OP, command(f, prod, 0)),
			CMDQ_OP_TLBI_NH_ASID);
	prod = expect_wait(f, prod + 1);
	prod = expect_device_invalidated(f, prod, 0, ATC_INV_SIZE_ALL);
	KUNIT_EXPECT_EQ(test, commands_since(f, prod), 0);
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
	KUNIT_CASE(batch_names_its_pages),
	KUNIT_CASE(batch_hints_at_pages_only),
	KUNIT_CASE(batch_with_tables_has_no_hints),
	KUNIT_CASE(device_tlbs_come_last),
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
