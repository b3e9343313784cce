// SPDX-License-Identifier: GPL-2.0
/*
 * Defects that implementations of the two-step DMA API have had. Most of them are
 * cases of other suites already; those that a real IOMMU, or a small machine,
 * cannot show are here, behind a mock IOMMU.
 *
 *  1. The state is not zeroed when no reservation is made, and a stale one is
 *     destroyed on completion.
 *	try_alloc_without_iommu_device, try_alloc_size_zero, try_alloc_exhausted,
 *	try_alloc_refuses_direct_device, try_alloc_fails_when_all_is_reserved,
 *	start_ignores_stale_state
 *  2. A bounced piece with no whole granule between head and tail maps 0 bytes.
 *	bounce_without_middle
 *  3. A bounced link that fails unmaps from offset 0, and so what was linked there.
 *	bounced_link_failure_keeps_earlier_links
 *  4. Destroying a part frees that much of the reservation, and leaks the rest.
 *	destroy_partly_linked_returns_all; destroy_partly_linked_frees_all,
 *	destroy_frees_whole_reservation
 *  5. The errno of a mapping is tested the wrong way round: failure is success.
 *	link_passes_errno
 *  6. A piece outside of the reservation is mapped over a neighbour's.
 *	link_outside_reservation, link_offset_overflow,
 *	link_vec_outside_reservation
 *  7. What swiotlb cannot bounce in place is reserved for, and cannot be linked.
 *	try_alloc_bounce_offset_not_kept, try_alloc_untrusted_without_swiotlb
 *  8. Unlinking does not end where nothing is linked.
 *	unlink_ends_when_nothing_is_found
 *  9. The private flag is a bit of the size where size_t has 32 bits.
 *	private_flag_is_above_32_bits, and the assertions below: there is no IOMMU
 *	for such a kernel to run the suites behind
 * 10. Destroying invalidates the IOTLB at once, in lazy mode too.
 *	destroy_uses_flush_queue, destroy_syncs_as_unmap_page,
 *	destroy_is_seen_later_if_lazy
 * 11. Bounce buffers are looked for in each granule, though only the two ends
 *     can have one.
 *	bounced_ends_are_known
 * 12. What was linked before a failure is unmapped as if all had been.
 *	destroy_what_was_linked_before_a_failure, destroy_after_failed_link
 * 13. Unlinking stops at a hole, and what is after it stays mapped.
 *	unlink_across_hole, destroy_across_hole
 * 14. Memory of another device is mapped as cacheable.
 *	link_mmio_is_not_cacheable, p2p_through_host_bridge
 * 15. Lengths wrap at 4 GiB.
 *	link_piece_larger_than_4g, link_vec_larger_than_4g,
 *	link_vec_of_4g_outside_reservation; link_beyond_4g
 * 16. A device without an IOMMU, or none at all, gets to the code of the IOMMU.
 *	try_alloc_identity_domain; try_alloc_without_iommu_device,
 *	try_alloc_refuses_direct_device
 * 17. A link that fails writes back a copy of the state, and a link on another CPU
 *     has its bounce buffer forgotten.
 *	links_of_one_reservation_on_two_cpus
 * 18. The core unmaps other entries than the driver takes from the device.
 *	mlx5_invalidate_part_of_huge_entries, mlx5_dontneed_across_huge_entries
 * 19. What a process stores is lost when its page has been bounced.
 *	swiotlb_refused, alloc_noncoherent_device
 * 20. An unmapping reports more than it has unmapped.
 *	unmap_blocks_up_to_hole, unlink_across_hole, destroy_across_hole
 *
 * The base has these two, and they are mended as well.
 *
 * 21. What is mapped to physical address 0 is taken for a hole.
 *	direct_mapping_of_page_0, destroy_page_0_behind_a_hole
 * 22. A domain is used although its caches of IO addresses could not be allocated.
 *	caches_cannot_be_allocated, caches_are_allocated_later
 */
#include <kunit/test.h>
#include <linux/dma-mapping.h>
#include <linux/iommu.h>
#include <linux/iova.h>
#include <linux/kprobes.h>
#include <linux/sizes.h>

#include "../../../drivers/iommu/dma-iommu.h"
#include "fail_alloc.h"
#include "fixture.h"

/* Defect 9, whatever size_t is */
static_assert(sizeof_field(struct dma_iova_state, __size) == sizeof(u64));
static_assert(DMA_IOVA_USE_SWIOTLB > U32_MAX);

/* Defect 4: granule by granule, there are as many as before. */
static void destroy_partly_linked_returns_all(struct kunit *test)
{
	struct mock_iommu_config config = {
		.page_sizes	= PAGE_SIZE,
		.aperture	= 256 * PAGE_SIZE,
		.type		= IOMMU_DOMAIN_DMA,
	};
	struct fixture *f = fixture_mock(test, &config);
	struct page *page = fixture_lone_page(test);
	int free = mock_iommu_count_free(test, f->mock);
	static const int sizes[] = { 2, 3, 16, 33, 100, 256 };
	struct dma_iova_state state;
	int i;

	KUNIT_EXPECT_EQ(test, free, 256);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		fixture_reserve(f, &state, 0, sizes[i] * PAGE_SIZE);
		fixture_link_page(f, &state, 0, page);
		fixture_destroy(f, &state, PAGE_SIZE);
		KUNIT_EXPECT_EQ(test, mock_iommu_count_free(test, f->mock), free);
	}
}

/* Defect 15: device memory, as there can be more of it than of RAM */
#define MUCH_MEMORY	BIT_ULL(40)

static struct fixture *mock_with_much_space(struct kunit *test)
{
	struct mock_iommu_config config = {
		.page_sizes	= SZ_4K | SZ_2M,
		.aperture	= 4 * SZ_4G,
		.type		= IOMMU_DOMAIN_DMA,
	};

	return fixture_mock(test, &config);
}

static void expect_seen(struct fixture *f, const struct dma_iova_state *state,
			size_t offset, phys_addr_t phys)
{
	KUNIT_EXPECT_EQ(f->test, phys,
			mock_iommu_device_sees(f->mock, state->addr + offset));
}

static void link_piece_larger_than_4g(struct kunit *test)
{
	struct fixture *f = mock_with_much_space(test);
	size_t size = SZ_4G + SZ_2M + SZ_4K;
	struct dma_iova_state state;

	fixture_reserve(f, &state, 0, size);
	KUNIT_EXPECT_EQ(test, dma_iova_size(&state), size);
	KUNIT_EXPECT_EQ(test, 0, dma_iova_link(f->dev, &state, MUCH_MEMORY, 0, size,
					       DMA_TO_DEVICE, DMA_ATTR_MMIO));
	KUNIT_EXPECT_EQ(test, 0, dma_iova_sync(f->dev, &state, 0, size));
	KUNIT_EXPECT_EQ(test, f->mock->state.mapped, size);
	KUNIT_EXPECT_EQ(test, f->mock->state.seen, size);
	expect_seen(f, &state, SZ_2M, MUCH_MEMORY + SZ_2M);
	expect_seen(f, &state, size - SZ_4K, MUCH_MEMORY + size - SZ_4K);

	dma_iova_destroy(f->dev, &state, size, DMA_TO_DEVICE, DMA_ATTR_MMIO);
	KUNIT_EXPECT_EQ(test, f->mock->state.mapped, (size_t)0);
	KUNIT_EXPECT_EQ(test, f->mock->state.seen, (size_t)0);
}

/* Each is less, but all together are more. */
static void link_vec_larger_than_4g(struct kunit *test)
{
	struct phys_vec vec[] = {
		{ MUCH_MEMORY, 3ul * SZ_1G }, { 2 * MUCH_MEMORY, 3ul * SZ_1G },
		{ 3 * MUCH_MEMORY, SZ_4K },
	};
	struct fixture *f = mock_with_much_space(test);
	size_t far = 6ul * SZ_1G;
	size_t size = far + SZ_4K;
	struct dma_iova_state state;

	fixture_reserve(f, &state, 0, size);
	KUNIT_EXPECT_EQ(test, 0, dma_iova_link_vec(f->dev, &state, vec, 3, 0,
						   DMA_TO_DEVICE, DMA_ATTR_MMIO));
	KUNIT_EXPECT_EQ(test, 0, dma_iova_sync(f->dev, &state, 0, size));
	KUNIT_EXPECT_EQ(test, f->mock->state.mapped, size);
	expect_seen(f, &state, far - SZ_4K, 2 * MUCH_MEMORY + 3ul * SZ_1G - SZ_4K);
	expect_seen(f, &state, far, 3 * MUCH_MEMORY);

	/* The piece beyond 4 GiB is unlinked only when it is asked for. */
	dma_iova_unlink(f->dev, &state, 0, far, DMA_TO_DEVICE, DMA_ATTR_MMIO);
	KUNIT_EXPECT_EQ(test, f->mock->state.mapped, (size_t)SZ_4K);
	KUNIT_EXPECT_EQ(test, f->mock->state.seen, (size_t)SZ_4K);
	expect_seen(f, &state, far, 3 * MUCH_MEMORY);
	dma_iova_unlink(f->dev, &state, far, SZ_4K, DMA_TO_DEVICE, DMA_ATTR_MMIO);
	KUNIT_EXPECT_EQ(test, f->mock->state.mapped, (size_t)0);
	dma_iova_free(f->dev, &state);
}

/* A sum that is small once it has wrapped would be within the reservation. */
static void link_vec_of_4g_outside_reservation(struct kunit *test)
{
	struct phys_vec vec[] = {
		{ MUCH_MEMORY, SZ_4G }, { 2 * MUCH_MEMORY, SZ_4K },
	};
	struct fixture *f = mock_with_much_space(test);
	struct dma_iova_state state;

	fixture_reserve(f, &state, 0, SZ_8K);
	warns_once(test, ENGINE)
		KUNIT_EXPECT_EQ(test, -EINVAL,
				dma_iova_link_vec(f->dev, &state, vec, 2, 0,
						  DMA_TO_DEVICE, DMA_ATTR_MMIO));
	KUNIT_EXPECT_EQ(test, f->mock->state.mapped, (size_t)0);
	dma_iova_free(f->dev, &state);
}

/* Defect 16: behind an IOMMU, but one that translates nothing */
static void try_alloc_identity_domain(struct kunit *test)
{
	struct mock_iommu_config config = {
		.page_sizes	= SZ_4K,
		.type		= IOMMU_DOMAIN_IDENTITY,
	};
	struct fixture *f = fixture_mock(test, &config);
	struct dma_iova_state state;

	KUNIT_EXPECT_TRUE(test, device_iommu_mapped(f->dev));
	memset(&state, 0xff, sizeof(state));
	KUNIT_EXPECT_FALSE(test, dma_iova_try_alloc(f->dev, &state, 0, SZ_4K));
	fixture_expect_zero(test, &state);
	/* dma-debug has to see all unmappings */
	KUNIT_EXPECT_EQ(test, IS_ENABLED(CONFIG_DMA_API_DEBUG),
			dma_need_unmap(f->dev));
}

/* Defect 21, in the engine */
static void destroy_page_0_behind_a_hole(struct kunit *test)
{
	struct fixture *f = mock_with_much_space(test);
	struct dma_iova_state state;

	fixture_reserve(f, &state, 0, 4 * SZ_4K);
	KUNIT_EXPECT_EQ(test, 0, dma_iova_link(f->dev, &state, MUCH_MEMORY, 0, SZ_4K,
					       DMA_TO_DEVICE, DMA_ATTR_MMIO));
	KUNIT_EXPECT_EQ(test, 0, dma_iova_link(f->dev, &state, 0, 2 * SZ_4K, SZ_4K,
					       DMA_TO_DEVICE, DMA_ATTR_MMIO));
	KUNIT_EXPECT_EQ(test, 0, dma_iova_sync(f->dev, &state, 0, 4 * SZ_4K));
	warnings_expect(test, ENGINE);
	dma_iova_destroy(f->dev, &state, 4 * SZ_4K, DMA_TO_DEVICE, DMA_ATTR_MMIO);
	KUNIT_EXPECT_EQ(test, warnings_taken(test), 1);
	KUNIT_EXPECT_EQ(test, f->mock->state.mapped, (size_t)0);
	KUNIT_EXPECT_EQ(test, f->mock->state.seen, (size_t)0);
}

static struct kunit_case defects_cases[] = {
	KUNIT_CASE(destroy_partly_linked_returns_all),
	KUNIT_CASE(link_piece_larger_than_4g),
	CASE_OF_OURS(link_vec_larger_than_4g, LINK_VEC),
	CASE_OF_OURS(link_vec_of_4g_outside_reservation, LINK_VEC),
	KUNIT_CASE(try_alloc_identity_domain),
	CASE_OF_OURS(destroy_page_0_behind_a_hole, MISUSE),
	{}
};

static struct kunit_suite defects_suite = {
	.name		= "dma_iova_defects",
	.suite_init	= warnings_start,
	.suite_exit	= warnings_stop,
	.exit		= warnings_check,
	.test_cases	= defects_cases,
};

#ifdef DMA_IOVA_MAINLINE
kunit_test_suite(defects_suite);
#else
/* What the iommu core and iommu-dma do for a device before it maps anything */

/* Defect 21, in the core: each device of the group has the region. */
static void direct_mapping_of_page_0(struct kunit *test)
{
	struct mock_iommu_config config = {
		.page_sizes	= PAGE_SIZE,
		.aperture	= SZ_16M,
		.type		= IOMMU_DOMAIN_DMA,
		.direct_page_0	= true,
	};
	struct fixture *f = fixture_mock(test, &config);

	KUNIT_EXPECT_EQ(test, f->mock->state.mapped, PAGE_SIZE);
	f->mock->calls.map = 0;
	mock_iommu_add_device(test, f->mock);
	KUNIT_EXPECT_EQ(test, f->mock->state.mapped, PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, f->mock->calls.map, 0);
}

#ifdef CONFIG_FUNCTION_ERROR_INJECTION
static int nulls_freed;

static int free_probed(struct kprobe *probe, struct pt_regs *regs)
{
	nulls_freed += !regs_get_kernel_argument(regs, 1);
	return 0;
}

static struct kprobe free_probe = {
	.symbol_name	= "kmem_cache_free",
	.pre_handler	= free_probed,
};

/* Defect 22: each magazine in turn. Not every kernel notices a NULL that is freed. */
static void caches_cannot_be_allocated(struct kunit *test)
{
	struct iova_domain *iovad = kunit_kzalloc(test, sizeof(*iovad), GFP_KERNEL);
	int nth = 0, err;
	bool failed;

	KUNIT_ASSERT_NOT_NULL(test, iovad);
	nulls_freed = 0;
	fixture_probe(test, &free_probe);
	fail_alloc_insert_cache(test);
	init_iova_domain(iovad, SZ_4K, 1);
	do {
		fail_alloc_arm(++nth);
		err = iova_domain_init_rcaches(iovad);
		failed = fail_alloc_disarm();
		KUNIT_EXPECT_EQ(test, err, failed ? -ENOMEM : 0);
		KUNIT_EXPECT_EQ(test, !iovad->rcaches, failed);
	} while (err);
	KUNIT_EXPECT_EQ(test, nulls_freed, 0);
	/* Two for each order and CPU have failed. */
	KUNIT_EXPECT_GT(test, nth, 2 * 6);
	put_iova_domain(iovad);
}

/* Defect 22: the next device of the group finds the domain as it was. */
static void caches_are_allocated_later(struct kunit *test)
{
	struct fixture *f = mock_with_much_space(test);
	struct iova_domain *iovad = &f->domain->iova_cookie->iovad;

	/* As before the first device */
	put_iova_domain(iovad);
	memset(iovad, 0, sizeof(*iovad));

	fail_alloc_insert_cache(test);
	fail_alloc_arm(1);
	iommu_setup_dma_ops(f->dev);
	KUNIT_EXPECT_TRUE(test, fail_alloc_disarm());
	KUNIT_EXPECT_NULL(test, iovad->rcaches);

	iommu_setup_dma_ops(f->dev);
	KUNIT_EXPECT_NOT_NULL(test, iovad->rcaches);
}
#endif

static struct kunit_case setup_cases[] = {
	KUNIT_CASE(direct_mapping_of_page_0),
#ifdef CONFIG_FUNCTION_ERROR_INJECTION
	KUNIT_CASE(caches_cannot_be_allocated),
	KUNIT_CASE(caches_are_allocated_later),
#endif
	{}
};

static struct kunit_suite setup_suite = {
	.name		= "iommu_dma_setup",
	.suite_init	= warnings_start,
	.suite_exit	= warnings_stop,
	.exit		= warnings_check,
	.test_cases	= setup_cases,
};

kunit_test_suites(&defects_suite, &setup_suite);
#endif

MODULE_DESCRIPTION("KUnit suites of defects of the two-step DMA API");
MODULE_LICENSE("GPL");
