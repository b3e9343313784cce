// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite of the requests of virtio-iommu's driver: what becomes of those that the
 * device refuses, that none needs a mapping of its own, that mappings come back with their
 * endpoint, and that there are none before the first one.
 *
 * virtio_iommu		the edu device is behind a virtio-iommu
 *
 * A probe spoils a request on its way to the device, which refuses it then. It relies
 * on the request's memory being the first member of what is added to the queue.
 */
#include <kunit/test.h>
#include <linux/device.h>
#include <linux/dma-mapping.h>
#include <linux/iommu.h>
#include <linux/kprobes.h>
#include <linux/sizes.h>
#include <linux/virtio.h>
#include <uapi/linux/virtio_iommu.h>

#include "fixture.h"
#include "p2pmem.h"

/* Counted down by MAP requests. The one that reaches 0 is refused. */
static int refuse;
/* The next ATTACH request is refused. */
static bool refuse_attach;
static int requests;
/* DMA mappings of the virtio-iommu device itself */
static int mapped;
static struct device *transport;

static int spoil_request(struct kprobe *probe, struct pt_regs *regs)
{
	void **token = (void **)regs_get_kernel_argument(regs, 4);
	struct virtio_iommu_req_map *map = *token;
	struct virtio_iommu_req_attach *attach = *token;

	requests++;
	if (map->head.type == VIRTIO_IOMMU_T_MAP && refuse && !--refuse)
		map->flags = cpu_to_le32(~0);
	if (attach->head.type == VIRTIO_IOMMU_T_ATTACH && refuse_attach) {
		attach->endpoint = cpu_to_le32(~0);
		refuse_attach = false;
	}
	return 0;
}

static int count_mapping(struct kprobe *probe, struct pt_regs *regs)
{
	if ((struct device *)regs_get_kernel_argument(regs, 0) == transport)
		mapped++;
	return 0;
}

static struct kprobe request_probe = {
	.symbol_name	= "virtqueue_add_sgs",
	.pre_handler	= spoil_request,
};

static struct kprobe mapping_probe = {
	.symbol_name	= "dma_map_page_attrs",
	.pre_handler	= count_mapping,
};

static int viommu_init(struct kunit *test)
{
	int err = fixture_init_iommu(test);
	struct fixture *f = test->priv;
	struct device *viommu;

	if (err)
		return err;
	viommu = f->dev->iommu->iommu_dev->dev->parent;
	if (!viommu || !viommu->bus || strcmp(viommu->bus->name, "virtio"))
		kunit_skip(test, "the IOMMU is none of virtio's");
	transport = viommu->parent;
	refuse = 0;
	refuse_attach = false;
	requests = 0;
	mapped = 0;
	fixture_probe(test, &request_probe);
	fixture_probe(test, &mapping_probe);
	return 0;
}

static void unlink_page(struct fixture *f, struct dma_iova_state *state, size_t page)
{
	dma_iova_unlink(f->dev, state, page * PAGE_SIZE, PAGE_SIZE, DMA_BIDIRECTIONAL, 0);
}

static int sync_page(struct fixture *f, struct dma_iova_state *state, size_t page)
{
	return dma_iova_sync(f->dev, state, page * PAGE_SIZE, PAGE_SIZE);
}

static void refused_request_fails_sync(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page **pages = fixture_scattered_pages(test, 3);
	struct dma_iova_state state;
	int i;

	fixture_reserve(f, &state, 0, 3 * PAGE_SIZE);
	refuse = 2;
	for (i = 0; i < 3; i++)
		fixture_link_page(f, &state, i * PAGE_SIZE, pages[i]);
	KUNIT_EXPECT_EQ(test, -EINVAL, dma_iova_sync(f->dev, &state, 0, 3 * PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, 0, refuse);

	/* Only that range reports the error, and only until it is unmapped. */
	KUNIT_EXPECT_EQ(test, 0, sync_page(f, &state, 0));
	KUNIT_EXPECT_EQ(test, 0, sync_page(f, &state, 2));
	KUNIT_EXPECT_EQ(test, -EINVAL, sync_page(f, &state, 1));
	unlink_page(f, &state, 1);
	fixture_link_page(f, &state, PAGE_SIZE, pages[1]);
	KUNIT_EXPECT_EQ(test, 0, dma_iova_sync(f->dev, &state, 0, 3 * PAGE_SIZE));
	fixture_expect_device_writes(f, state.addr + PAGE_SIZE, pages[1]);
	fixture_destroy(f, &state, 3 * PAGE_SIZE);
}

/* A batch that is refused in full is one failure, which is trimmed from both ends. */
static void refused_neighbours(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page **pages = fixture_scattered_pages(test, 4);
	struct dma_iova_state state;
	int i;

	fixture_reserve(f, &state, 0, 4 * PAGE_SIZE);
	for (i = 0; i < 4; i++) {
		refuse = 1;
		fixture_link_page(f, &state, i * PAGE_SIZE, pages[i]);
	}
	KUNIT_EXPECT_EQ(test, -EINVAL, sync_page(f, &state, 0));
	unlink_page(f, &state, 0);
	unlink_page(f, &state, 3);
	fixture_link_page(f, &state, 0, pages[0]);
	fixture_link_page(f, &state, 3 * PAGE_SIZE, pages[3]);
	KUNIT_EXPECT_EQ(test, 0, sync_page(f, &state, 0));
	KUNIT_EXPECT_EQ(test, 0, sync_page(f, &state, 3));
	KUNIT_EXPECT_EQ(test, -EINVAL, sync_page(f, &state, 1));
	KUNIT_EXPECT_EQ(test, -EINVAL, sync_page(f, &state, 2));
	dma_iova_unlink(f->dev, &state, 0, 4 * PAGE_SIZE, DMA_BIDIRECTIONAL, 0);
	fixture_link_page(f, &state, PAGE_SIZE, pages[1]);
	KUNIT_EXPECT_EQ(test, 0, sync_page(f, &state, 1));
	unlink_page(f, &state, 1);
	dma_iova_free(f->dev, &state);
}

static void link_refused(struct fixture *f, struct dma_iova_state *state, size_t page,
			 struct page **pages)
{
	refuse = 1;
	fixture_link_page(f, state, page * PAGE_SIZE, pages[page]);
	KUNIT_EXPECT_EQ(f->test, 0, refuse);
}

/* The failures of neighbours go one by one, in any order. */
static void refused_neighbours_around_a_good_one(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page **pages = fixture_scattered_pages(test, 3);
	struct dma_iova_state state;
	int i;

	fixture_reserve(f, &state, 0, 3 * PAGE_SIZE);
	for (i = 0; i < 3; i++)
		link_refused(f, &state, i, pages);
	KUNIT_EXPECT_EQ(test, -EINVAL, dma_iova_sync(f->dev, &state, 0, 3 * PAGE_SIZE));

	unlink_page(f, &state, 1);
	fixture_link_page(f, &state, PAGE_SIZE, pages[1]);
	KUNIT_EXPECT_EQ(test, 0, sync_page(f, &state, 1));
	KUNIT_EXPECT_EQ(test, -EINVAL, sync_page(f, &state, 0));
	KUNIT_EXPECT_EQ(test, -EINVAL, sync_page(f, &state, 2));
	fixture_expect_device_writes(f, state.addr + PAGE_SIZE, pages[1]);

	unlink_page(f, &state, 1);
	unlink_page(f, &state, 2);
	unlink_page(f, &state, 0);
	for (i = 0; i < 3; i++)
		fixture_link_page(f, &state, i * PAGE_SIZE, pages[i]);
	KUNIT_EXPECT_EQ(test, 0, dma_iova_sync(f->dev, &state, 0, 3 * PAGE_SIZE));
	fixture_destroy(f, &state, 3 * PAGE_SIZE);
}

/*
 * One failure of five pages and MOST_FAILURES - 1 of single ones. There is no room
 * for two parts of the first: the smaller part may be lost, and no more than that.
 */
#define MOST_FAILURES	64

static void refused_more_than_is_remembered(struct kunit *test)
{
	size_t nr = 5 + 2 * (MOST_FAILURES - 1), i;
	struct fixture *f = test->priv;
	struct page **pages = fixture_scattered_pages(test, nr);
	struct dma_iova_state state;

	fixture_reserve(f, &state, 0, nr * PAGE_SIZE);
	for (i = 0; i < nr; i++) {
		if (i < 5 || i % 2 == 0)
			link_refused(f, &state, i, pages);
		else
			fixture_link_page(f, &state, i * PAGE_SIZE, pages[i]);
	}
	KUNIT_EXPECT_EQ(test, -EINVAL, sync_page(f, &state, nr - 1));

	/* Twice, at either end */
	unlink_page(f, &state, 1);
	fixture_link_page(f, &state, PAGE_SIZE, pages[1]);
	KUNIT_EXPECT_EQ(test, 0, sync_page(f, &state, 1));
	for (i = 2; i < 5; i++)
		KUNIT_EXPECT_EQ(test, -EINVAL, sync_page(f, &state, i));
	unlink_page(f, &state, 3);
	fixture_link_page(f, &state, 3 * PAGE_SIZE, pages[3]);
	KUNIT_EXPECT_EQ(test, 0, sync_page(f, &state, 3));
	KUNIT_EXPECT_EQ(test, -EINVAL, sync_page(f, &state, 2));
	for (i = 5; i < nr; i++)
		KUNIT_EXPECT_EQ(test, i % 2 ? 0 : -EINVAL, sync_page(f, &state, i));

	fixture_destroy(f, &state, nr * PAGE_SIZE);
	fixture_reserve(f, &state, 0, nr * PAGE_SIZE);
	for (i = 0; i < nr; i++)
		fixture_link_page(f, &state, i * PAGE_SIZE, pages[i]);
	KUNIT_EXPECT_EQ(test, 0, dma_iova_sync(f->dev, &state, 0, nr * PAGE_SIZE));
	fixture_destroy(f, &state, nr * PAGE_SIZE);
}

/* A waiter gets the answers to the requests of others, too. */
static void refused_request_seen_by_another(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page **pages = fixture_scattered_pages(test, 2);
	struct dma_iova_state state, other;

	fixture_reserve(f, &state, 0, PAGE_SIZE);
	refuse = 1;
	fixture_link_page(f, &state, 0, pages[0]);
	fixture_link_pages(f, &other, &pages[1], 1);
	KUNIT_EXPECT_EQ(test, 0, refuse);
	KUNIT_EXPECT_EQ(test, -EINVAL, dma_iova_sync(f->dev, &state, 0, PAGE_SIZE));
	fixture_destroy(f, &state, PAGE_SIZE);
	fixture_destroy(f, &other, PAGE_SIZE);
}

static void refused_request_unmapped_before_answer(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page *page = fixture_lone_page(test);
	struct dma_iova_state state;

	fixture_reserve(f, &state, 0, PAGE_SIZE);
	refuse = 1;
	fixture_link_page(f, &state, 0, page);
	dma_iova_unlink(f->dev, &state, 0, PAGE_SIZE, DMA_BIDIRECTIONAL, 0);
	fixture_link_page(f, &state, 0, page);
	KUNIT_EXPECT_EQ(test, 0, dma_iova_sync(f->dev, &state, 0, PAGE_SIZE));
	fixture_expect_device_writes(f, state.addr, page);
	fixture_destroy(f, &state, PAGE_SIZE);
}

static void refused_request_fails_map_page(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page *page = fixture_lone_page(test);
	dma_addr_t addr;

	refuse = 1;
	addr = dma_map_page(f->dev, page, 0, PAGE_SIZE, DMA_BIDIRECTIONAL);
	KUNIT_EXPECT_TRUE(test, dma_mapping_error(f->dev, addr));
	addr = dma_map_page(f->dev, page, 0, PAGE_SIZE, DMA_BIDIRECTIONAL);
	KUNIT_ASSERT_FALSE(test, dma_mapping_error(f->dev, addr));
	fixture_expect_device_writes(f, addr, page);
	dma_unmap_page(f->dev, addr, PAGE_SIZE, DMA_BIDIRECTIONAL);
}

/* More than the queue has room for */
static void requests_are_not_mapped_one_by_one(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page **pages = fixture_scattered_pages(test, 300);
	struct dma_iova_state state;

	fixture_link_pages(f, &state, pages, 300);
	fixture_expect_device_writes(f, state.addr + 299 * PAGE_SIZE, pages[299]);
	fixture_destroy(f, &state, 300 * PAGE_SIZE);
	KUNIT_EXPECT_GT(test, requests, 300);
	KUNIT_EXPECT_EQ(test, mapped, 0);
}

static void free_domain(void *domain)
{
	iommu_domain_free(domain);
}

static struct iommu_domain *other_domain(struct fixture *f)
{
	struct iommu_domain *domain = iommu_paging_domain_alloc(f->dev);

	KUNIT_ASSERT_FALSE(f->test, IS_ERR(domain));
	KUNIT_ASSERT_EQ(f->test, 0, kunit_add_action_or_reset(f->test, free_domain,
							      domain));
	return domain;
}

static int map_page(struct iommu_domain *domain, dma_addr_t addr, struct page *page)
{
	return iommu_map(domain, addr, page_to_phys(page), PAGE_SIZE, IOMMU_READ,
			 GFP_KERNEL);
}

/*
 * The device forgets the mappings of a domain that no endpoint is attached to. The
 * driver asks for them once more, piece by piece, when one is attached again.
 */
static void mappings_are_replayed(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page **pages = fixture_scattered_pages(test, 3);
	struct iommu_domain *other = other_domain(f);
	struct dma_iova_state state;
	struct phys_vec vec[3];
	int i;

	for (i = 0; i < 3; i++)
		vec[i] = (struct phys_vec) { page_to_phys(pages[i]), PAGE_SIZE };
	fixture_reserve(f, &state, 0, 3 * PAGE_SIZE);
	KUNIT_ASSERT_EQ(test, 0, dma_iova_link_vec(f->dev, &state, vec, 3, 0,
						   DMA_BIDIRECTIONAL, 0));
	dma_iova_unlink(f->dev, &state, PAGE_SIZE, PAGE_SIZE, DMA_BIDIRECTIONAL, 0);

	KUNIT_ASSERT_EQ(test, 0, iommu_attach_device(other, f->dev));
	fixture_expect_device_cannot_write(f, state.addr, pages[0]);
	iommu_detach_device(other, f->dev);
	fixture_expect_device_writes(f, state.addr, pages[0]);
	fixture_expect_device_cannot_write(f, state.addr + PAGE_SIZE, pages[1]);
	fixture_expect_device_writes(f, state.addr + 2 * PAGE_SIZE, pages[2]);

	/* The device refuses a mapping over a mapping. */
	fixture_link_page(f, &state, PAGE_SIZE, pages[1]);
	KUNIT_ASSERT_EQ(test, 0, dma_iova_sync(f->dev, &state, 0, 3 * PAGE_SIZE));
	fixture_expect_device_writes(f, state.addr + PAGE_SIZE, pages[1]);
	fixture_destroy(f, &state, 3 * PAGE_SIZE);
}

/* What the old domain maps from then on is mapped, and what it unmaps is unmapped. */
static void expect_old_domain_works(struct fixture *f, struct dma_iova_state *state,
				    struct page **pages)
{
	fixture_expect_device_writes(f, state->addr, pages[0]);
	fixture_link_page(f, state, PAGE_SIZE, pages[1]);
	KUNIT_EXPECT_EQ(f->test, 0, sync_page(f, state, 1));
	fixture_expect_device_writes(f, state->addr + PAGE_SIZE, pages[1]);
	unlink_page(f, state, 0);
	fixture_expect_device_cannot_write(f, state->addr, pages[0]);
	unlink_page(f, state, 1);
	fixture_expect_device_cannot_write(f, state->addr + PAGE_SIZE, pages[1]);
}

static void refused_attach_keeps_the_old_domain(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page **pages = fixture_scattered_pages(test, 2);
	struct iommu_domain *other = other_domain(f);
	struct dma_iova_state state;

	fixture_reserve(f, &state, 0, 2 * PAGE_SIZE);

	fixture_link_page(f, &state, 0, pages[0]);
	KUNIT_ASSERT_EQ(test, 0, sync_page(f, &state, 0));
	refuse_attach = true;
	KUNIT_EXPECT_EQ(test, -ENOENT, iommu_attach_device(other, f->dev));
	expect_old_domain_works(f, &state, pages);

	/* A mapping of the new domain is refused when it is replayed. */
	KUNIT_ASSERT_EQ(test, 0, iommu_attach_device(other, f->dev));
	KUNIT_ASSERT_EQ(test, 0, map_page(other, SZ_1G, pages[0]));
	iommu_detach_device(other, f->dev);
	fixture_link_page(f, &state, 0, pages[0]);
	KUNIT_ASSERT_EQ(test, 0, sync_page(f, &state, 0));
	refuse = 1;
	KUNIT_EXPECT_EQ(test, -EINVAL, iommu_attach_device(other, f->dev));
	expect_old_domain_works(f, &state, pages);
	dma_iova_free(f->dev, &state);
}

/* After the domain has come back, there is nothing but what has been replayed. */
static void attach_forgets_what_was_refused(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page **pages = fixture_scattered_pages(test, 1);
	struct iommu_domain *other = other_domain(f);
	struct dma_iova_state state;

	fixture_reserve(f, &state, 0, PAGE_SIZE);
	link_refused(f, &state, 0, pages);
	KUNIT_EXPECT_EQ(test, -EINVAL, sync_page(f, &state, 0));

	KUNIT_ASSERT_EQ(test, 0, iommu_attach_device(other, f->dev));
	iommu_detach_device(other, f->dev);
	KUNIT_EXPECT_EQ(test, 0, sync_page(f, &state, 0));
	fixture_expect_device_writes(f, state.addr, pages[0]);
	fixture_destroy(f, &state, PAGE_SIZE);
}

/* Another domain maps at the addresses of a failure, and behind it. */
static void refused_request_of_another_domain(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page **pages = fixture_scattered_pages(test, 2);
	struct device *neighbour = &p2pmem_get(test)->dev;
	struct iommu_domain *other = other_domain(f);
	struct dma_iova_state state;

	fixture_reserve(f, &state, 0, 2 * PAGE_SIZE);
	fixture_link_page(f, &state, PAGE_SIZE, pages[1]);
	link_refused(f, &state, 0, pages);
	KUNIT_EXPECT_EQ(test, -EINVAL, sync_page(f, &state, 0));

	/* Both domains have an endpoint, so the device knows both. */
	KUNIT_ASSERT_EQ(test, 0, iommu_attach_device(other, neighbour));
	KUNIT_EXPECT_EQ(test, 0, map_page(other, state.addr, pages[0]));
	KUNIT_EXPECT_EQ(test, -EINVAL, sync_page(f, &state, 0));
	KUNIT_EXPECT_EQ(test, PAGE_SIZE, iommu_unmap(other, state.addr, PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, -EINVAL, sync_page(f, &state, 0));

	refuse = 1;
	KUNIT_EXPECT_EQ(test, -EINVAL, map_page(other, state.addr + PAGE_SIZE, pages[1]));
	KUNIT_EXPECT_EQ(test, 0, sync_page(f, &state, 1));
	iommu_detach_device(other, neighbour);
	KUNIT_EXPECT_EQ(test, -EINVAL, sync_page(f, &state, 0));
	fixture_destroy(f, &state, 2 * PAGE_SIZE);
}

/* The permissions that the device offers are not known yet, and must not be lost. */
static void map_before_attach_is_refused(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct page *page = fixture_lone_page(test);
	struct iommu_domain *other = other_domain(f);
	int prot = IOMMU_READ | IOMMU_WRITE;

	KUNIT_EXPECT_EQ(test, -EINVAL, iommu_map(other, SZ_1G, page_to_phys(page),
						 PAGE_SIZE, prot, GFP_KERNEL));
	KUNIT_EXPECT_EQ(test, (phys_addr_t)0, iommu_iova_to_phys(other, SZ_1G));

	KUNIT_ASSERT_EQ(test, 0, iommu_attach_device(other, f->dev));
	KUNIT_EXPECT_EQ(test, 0, iommu_map(other, SZ_1G, page_to_phys(page),
					   PAGE_SIZE, prot, GFP_KERNEL));
	KUNIT_EXPECT_EQ(test, page_to_phys(page), iommu_iova_to_phys(other, SZ_1G));
	iommu_detach_device(other, f->dev);
}

static struct kunit_case viommu_cases[] = {
	KUNIT_CASE(refused_request_fails_sync),
	KUNIT_CASE(refused_neighbours),
	KUNIT_CASE(refused_neighbours_around_a_good_one),
	KUNIT_CASE(refused_more_than_is_remembered),
	KUNIT_CASE(refused_request_seen_by_another),
	KUNIT_CASE(refused_request_unmapped_before_answer),
	KUNIT_CASE(refused_request_fails_map_page),
	KUNIT_CASE(requests_are_not_mapped_one_by_one),
	KUNIT_CASE(mappings_are_replayed),
	KUNIT_CASE(refused_attach_keeps_the_old_domain),
	KUNIT_CASE(attach_forgets_what_was_refused),
	KUNIT_CASE(refused_request_of_another_domain),
	KUNIT_CASE(map_before_attach_is_refused),
	{}
};

static struct kunit_suite viommu_suite = {
	.name		= "virtio_iommu",
	.suite_init	= warnings_start,
	.suite_exit	= warnings_stop,
	.init		= viommu_init,
	.exit		= warnings_check,
	.test_cases	= viommu_cases,
};

kunit_test_suites(&viommu_suite);

MODULE_DESCRIPTION("KUnit suite of the requests of virtio-iommu's driver");
MODULE_LICENSE("GPL");
