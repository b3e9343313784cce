// SPDX-License-Identifier: GPL-2.0
/*
 * Many threads that use the two-step DMA API in one domain at once, while the
 * drivers that they belong to are unbound and bound again. A thread reserves,
 * links, synchronises, unlinks and gives back at random. After each step it checks
 * that the device reaches the memory that this thread has linked and nobody else's.
 *
 * dma_iova_stress		several devices behind a mock IOMMU, on a
 *				machine without one; some calls fail, because the IOMMU does
 * dma_iova_stress_iommu	edu behind the IOMMU of the machine; and whether
 *				CPUs meet in the tree of addresses
 * dma_iova_stress_bounce	one reservation, linked on two CPUs, of edu behind
 *				a mock IOMMU, untrusted, with swiotlb
 *
 * All need two CPUs. The kernel argument dma_iova_stress_kunit.seed= changes what
 * each thread does, though not when; dma_iova_stress_kunit.rebinds= makes it longer.
 */
#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/iommu.h>
#include <linux/iova.h>
#include <linux/kprobes.h>
#include <linux/kthread.h>
#include <linux/moduleparam.h>
#include <linux/platform_device.h>
#include <linux/prandom.h>
#include <linux/random.h>
#include <linux/sizes.h>
#include <linux/string.h>
#include <linux/wait.h>

#include "../../../drivers/iommu/dma-iommu.h"
#include "fixture.h"

static unsigned long seed = 1;
module_param(seed, ulong, 0444);
MODULE_PARM_DESC(seed, "of the random threads; 0 takes a fresh one, which is printed");

static unsigned int rebinds = 6;
module_param(rebinds, uint, 0444);
MODULE_PARM_DESC(rebinds, "how often a driver is unbound and bound again");

#define DEVICES		3
#define WORKERS		6	/* of all devices */
#define PIECES_MAX	12
#define VEC_MAX		5
#define BATCHED_MAX	2
#define POOL_SIZE	SZ_4M

/* Part of a reservation, and what is linked there */
struct piece {
	size_t offset;
	size_t size;
	phys_addr_t phys;	/* 0 if nothing is */
	bool synced;
};

struct worker {
	struct stress *stress;
	struct device *dev;
	struct iommu_domain *domain;
	bool stop;
	struct completion stopped;
	struct rnd_state rnd;
	phys_addr_t pool;	/* memory to link, which no other worker links */
	unsigned int rounds;	/* from a reservation to its end, none cut short */

	struct dma_iova_state state;
	size_t size;
	size_t into;		/* the start of the first granule to the start */
	struct piece pieces[PIECES_MAX];	/* from offset 0 on, back to back */
	int nr;
	struct dma_iova_batch batch;

	/* The range that its reservations have been in */
	dma_addr_t lowest;
	dma_addr_t highest;
};

struct stress {
	struct kunit *test;
	struct mock_iommu *mock;	/* or NULL */
	struct device *devs[DEVICES];
	int nr_devs;
	size_t granule;
	int max;			/* granules of a reservation */
	struct worker workers[WORKERS];
	wait_queue_head_t progress;	/* a round is over, or something is wrong */
	struct rnd_state rnd;		/* of the failures */
	int armed;			/* failures asked for */
	atomic_t failed;
	atomic_t refused;
	atomic_t wrong;
};

/* For the drivers' probe functions */
static struct stress *running;

/* KUnit's expectations are for the thread of the test alone. */
static void wrong(struct worker *w, const char *what, dma_addr_t addr)
{
	if (atomic_inc_return(&w->stress->wrong) == 1)
		dev_err(w->dev, "worker %td, address %pad: %s\n",
			w - w->stress->workers, &addr, what);
	wake_up(&w->stress->progress);
}

static bool is_wrong(struct stress *s)
{
	return atomic_read(&s->wrong);
}

static bool must_stop(struct worker *w)
{
	return READ_ONCE(w->stop) || is_wrong(w->stress);
}

static unsigned int pick(struct worker *w, unsigned int below)
{
	return prandom_u32_state(&w->rnd) % below;
}

static bool one_in(struct worker *w, unsigned int n)
{
	return !pick(w, n);
}

static size_t end_of(const struct piece *p)
{
	return p->offset + p->size;
}

/* The pieces from the first one on that are linked with no hole between them */
static int linked_from(struct worker *w, int first)
{
	int i = first;

	while (i < w->nr && w->pieces[i].phys)
		i++;
	return i - first;
}

/* The checks */

static void check_granule(struct worker *w, dma_addr_t addr, phys_addr_t phys,
			  bool synced)
{
	struct mock_iommu *mock = w->stress->mock;
	phys_addr_t seen;

	if (iommu_iova_to_phys(w->domain, addr) != phys)
		wrong(w, "is mapped to other memory", addr);
	if (!mock)
		return;

	seen = mock_iommu_device_sees(mock, addr);
	if (seen == (synced ? phys : 0))
		return;
	/* A large page is synchronised in full. */
	if (hweight_long(mock->config.page_sizes) == 1 || seen != phys)
		wrong(w, "gets the device to other memory", addr);
}

/* All granules, but of many only the last one and some others */
static void check_range(struct worker *w, size_t offset, size_t size,
			phys_addr_t phys, bool synced)
{
	size_t granule = w->stress->granule;
	dma_addr_t addr = w->state.addr + offset;
	size_t into = addr & (granule - 1);
	size_t nr = DIV_ROUND_UP(into + size, granule);
	size_t i;

	for (i = 0; i < nr; i++) {
		if (nr <= 64 || i % 61 == 0 || i == nr - 1)
			check_granule(w, addr - into + i * granule,
				      phys ? phys - into + i * granule : 0,
				      synced);
	}
}

static void check_all(struct worker *w)
{
	struct piece *p;

	for (p = w->pieces; p < w->pieces + w->nr; p++)
		check_range(w, p->offset, p->size, p->phys, p->synced);
	if (end_of(--p) < w->size)
		check_range(w, end_of(p), w->size - end_of(p), 0, false);
	cond_resched();
}

/* Calls fail only if they have been made to. */
static bool has_failed(struct worker *w, int err, size_t offset)
{
	struct mock_iommu *mock = w->stress->mock;

	if (!err)
		return false;
	atomic_inc(&w->stress->failed);
	if (!mock || (err != mock->errno && err != -ENOMEM))
		wrong(w, "cannot be linked or synchronised",
		      w->state.addr + offset);
	return true;
}

/* The steps */

static void lay_out_pieces(struct worker *w)
{
	size_t offset = 0;

	for (w->nr = 0; w->nr < PIECES_MAX && offset < w->size; w->nr++) {
		int granules = 1 + pick(w, one_in(w, 4) ? w->stress->max : 4);
		size_t size = granules * w->stress->granule -
			      (offset ? 0 : w->into);

		size = min(size, w->size - offset);
		w->pieces[w->nr] = (struct piece) { .offset = offset, .size = size };
		offset += size;
	}
}

static bool reserve(struct worker *w)
{
	struct stress *s = w->stress;
	int granules = 1 + pick(w, one_in(w, 4) ? s->max : min(s->max, 16));
	size_t cut;

	w->into = one_in(w, 2) ? 0 : 64 * pick(w, s->granule / 64);
	cut = one_in(w, 2) ? 0 : pick(w, s->granule - w->into);
	w->size = granules * s->granule - w->into - cut;
	if (!dma_iova_try_alloc(w->dev, &w->state, w->pool + w->into, w->size)) {
		/* The flush queue may have it all, but not for long. */
		if (w->domain->type != IOMMU_DOMAIN_DMA_FQ)
			wrong(w, "is no address of a reservation", 0);
		atomic_inc(&s->refused);
		return false;
	}

	w->lowest = min(w->lowest, w->state.addr);
	w->highest = max(w->highest, w->state.addr + w->size - 1);
	lay_out_pieces(w);
	return true;
}

/* Memory for a piece; if it can be, such that large pages can map it */
static phys_addr_t random_memory(struct worker *w, const struct piece *p)
{
	dma_addr_t addr = w->state.addr + p->offset;
	size_t granule = w->stress->granule;
	size_t into = addr & (granule - 1);
	size_t like = addr & (SZ_2M - 1);
	phys_addr_t any = w->pool + into +
			  granule * pick(w, (POOL_SIZE - into - p->size) /
					    granule + 1);

	/* Pick the same number of random numbers for every address. */
	if (one_in(w, 3) && like + p->size <= POOL_SIZE)
		return w->pool + like;
	return any;
}

static void link_pieces(struct worker *w, int first, int nr)
{
	struct piece *p = &w->pieces[first];
	struct phys_vec vec[VEC_MAX];
	int i, err;

	for (i = 0; i < nr; i++) {
		vec[i].paddr = random_memory(w, &p[i]);
		vec[i].len = p[i].size;
	}
	if (nr == 1)
		err = dma_iova_link(w->dev, &w->state, vec->paddr, p->offset,
				    vec->len, DMA_TO_DEVICE, 0);
	else
		err = dma_iova_link_vec(w->dev, &w->state, vec, nr, p->offset,
					DMA_TO_DEVICE, 0);
	if (has_failed(w, err, p->offset))
		return;
	for (i = 0; i < nr; i++)
		p[i].phys = vec[i].paddr;
}

/* [first, end) */
static void sync_pieces(struct worker *w, int first, int end)
{
	size_t offset = w->pieces[first].offset;
	int err;

	if (first == end)
		return;
	do {
		err = dma_iova_sync(w->dev, &w->state, offset,
				    end_of(&w->pieces[end - 1]) - offset);
	} while (has_failed(w, err, offset) && !is_wrong(w->stress));
	for (; first < end; first++)
		w->pieces[first].synced = w->pieces[first].phys;
	check_all(w);
}

static void sync_in_two_steps(struct worker *w)
{
	int cut = pick(w, w->nr);

	sync_pieces(w, 0, cut);
	sync_pieces(w, cut, w->nr);
}

/* They must be linked, all of them. */
static void unlink_pieces(struct worker *w, int first, int nr)
{
	struct piece *p = &w->pieces[first];
	int i;

	dma_iova_unlink(w->dev, &w->state, p->offset,
			end_of(&p[nr - 1]) - p->offset, DMA_TO_DEVICE, 0);
	for (i = 0; i < nr; i++) {
		p[i].phys = 0;
		p[i].synced = false;
	}
	check_all(w);
}

static void link_all(struct worker *w)
{
	int first, nr;

	for (first = 0; first < w->nr && !must_stop(w); first += nr) {
		nr = 1 + pick(w, min(VEC_MAX, w->nr - first));
		link_pieces(w, first, nr);
		check_all(w);
	}
}

static void unlink_some(struct worker *w)
{
	int first = pick(w, w->nr);
	int nr = linked_from(w, first);

	if (nr)
		unlink_pieces(w, first, 1 + pick(w, nr));
}

static void link_what_is_not(struct worker *w)
{
	int i;

	for (i = 0; i < w->nr && !must_stop(w); i++) {
		if (!w->pieces[i].phys)
			link_pieces(w, i, 1);
	}
	check_all(w);
}

/* In one step, at once or in a batch, unless there is a hole between the pieces */
static void give_back(struct worker *w)
{
	int nr = linked_from(w, 0);
	size_t mapped_len = nr ? end_of(&w->pieces[nr - 1]) : 0;
	int i = nr;

	while (i < w->nr && !w->pieces[i].phys)
		i++;
	if (i == w->nr && one_in(w, 2)) {
		dma_iova_batch_destroy(&w->batch, w->dev, &w->state,
				       mapped_len, DMA_TO_DEVICE, 0);
	} else if (i == w->nr && one_in(w, 2)) {
		dma_iova_destroy(w->dev, &w->state, mapped_len,
				 DMA_TO_DEVICE, 0);
	} else {
		for (i = 0; i < w->nr; i++) {
			if (w->pieces[i].phys)
				unlink_pieces(w, i, 1);
		}
		dma_iova_free(w->dev, &w->state);
	}
	if (memchr_inv(&w->state, 0, sizeof(w->state)))
		wrong(w, "is left of a reservation", w->state.addr);
}

static void do_round(struct worker *w)
{
	if (!reserve(w))
		return;
	/* Nothing of the previous owner of the addresses is left. */
	check_all(w);
	link_all(w);
	sync_in_two_steps(w);
	if (!must_stop(w)) {
		unlink_some(w);
		link_what_is_not(w);
		sync_in_two_steps(w);
	}
	give_back(w);
	/* Only a few, since there are few addresses. */
	if (w->batch.nr == BATCHED_MAX || one_in(w, 4))
		dma_iova_batch_flush(&w->batch);
	if (!must_stop(w)) {
		WRITE_ONCE(w->rounds, w->rounds + 1);
		wake_up(&w->stress->progress);
	}
}

/* The driver: the workers of its device run as long as it is bound. */

static int work(void *data)
{
	struct worker *w = data;

	dma_iova_batch_init(&w->batch);
	while (!must_stop(w)) {
		do_round(w);
		/* The thread that binds, unbinds and waits has to run as well. */
		cond_resched();
	}
	dma_iova_batch_flush(&w->batch);
	kthread_complete_and_exit(&w->stopped, 0);
}

static void stop_workers(struct device *dev)
{
	struct worker *w;

	for (w = running->workers; w < running->workers + WORKERS; w++) {
		if (w->dev == dev)
			WRITE_ONCE(w->stop, true);
	}
	for (w = running->workers; w < running->workers + WORKERS; w++) {
		if (w->dev == dev)
			wait_for_completion(&w->stopped);
	}
}

static int start_worker(struct worker *w)
{
	struct task_struct *task;

	w->domain = iommu_get_dma_domain(w->dev);
	w->stop = false;
	init_completion(&w->stopped);
	task = kthread_run(work, w, "dma-iova/%td", w - w->stress->workers);
	if (!IS_ERR(task))
		return 0;
	complete(&w->stopped);
	return PTR_ERR(task);
}

static int start_workers(struct device *dev)
{
	struct worker *w;
	int err = 0;

	for (w = running->workers; w < running->workers + WORKERS; w++) {
		if (w->dev == dev)
			err = start_worker(w) ?: err;
	}
	if (err)
		stop_workers(dev);
	return err;
}

/* The test */

/* Each worker does one more, or is interrupted because something is wrong. */
static void wait_for_rounds(struct stress *s)
{
	unsigned int before[WORKERS];
	int i;

	for (i = 0; i < WORKERS; i++)
		before[i] = READ_ONCE(s->workers[i].rounds);
	for (i = 0; i < WORKERS; i++)
		wait_event(s->progress, is_wrong(s) ||
			   READ_ONCE(s->workers[i].rounds) != before[i]);
}

static void arm(struct stress *s, int *nth)
{
	if (*nth)
		return;
	*nth = 1 + prandom_u32_state(&s->rnd) % 64;
	s->armed++;
}

static void arm_failures(struct stress *s)
{
	unsigned long flags;

	spin_lock_irqsave(&s->mock->lock, flags);
	arm(s, &s->mock->fail_map);
	arm(s, &s->mock->fail_table);
	arm(s, &s->mock->fail_sync);
	spin_unlock_irqrestore(&s->mock->lock, flags);
}

/* Cancels the failures that have not happened, and returns their number. */
static int disarm_failures(struct mock_iommu *mock)
{
	int left = !!mock->fail_map + !!mock->fail_table + !!mock->fail_sync;

	mock->fail_map = 0;
	mock->fail_table = 0;
	mock->fail_sync = 0;
	return left;
}

static struct stress *stress_create(struct kunit *test, struct device **devs,
				    int nr_devs, int max)
{
	struct stress *s = kunit_kzalloc(test, sizeof(*s), GFP_KERNEL);
	unsigned long used_seed = seed ?: get_random_u32();
	int i;

	KUNIT_ASSERT_NOT_NULL(test, s);
	s->test = test;
	memcpy(s->devs, devs, nr_devs * sizeof(*devs));
	s->nr_devs = nr_devs;
	s->max = max;
	init_waitqueue_head(&s->progress);
	prandom_seed_state(&s->rnd, used_seed + WORKERS);
	for (i = 0; i < WORKERS; i++) {
		s->workers[i].stress = s;
		s->workers[i].dev = devs[i % nr_devs];
		s->workers[i].pool = page_to_phys(fixture_large_page(test));
		s->workers[i].lowest = DMA_MAPPING_ERROR;
		prandom_seed_state(&s->workers[i].rnd, used_seed + i);
	}
	kunit_info(test, "dma_iova_stress_kunit.seed=%lu dma_iova_stress_kunit.rebinds=%u\n",
		   used_seed, rebinds);
	running = s;
	return s;
}

/* Drivers are bound when this begins and when it ends. */
static void rebind(struct stress *s)
{
	struct kunit *test = s->test;
	unsigned int n, rounds = 0;
	int i;

	for (n = 0; n < rebinds && !is_wrong(s); n++) {
		struct device *dev = s->devs[n % s->nr_devs];

		wait_for_rounds(s);
		if (s->mock)
			arm_failures(s);
		device_release_driver(dev);
		KUNIT_ASSERT_EQ(test, device_attach(dev), 1);
	}
	wait_for_rounds(s);

	for (i = 0; i < WORKERS; i++) {
		KUNIT_EXPECT_GT(test, READ_ONCE(s->workers[i].rounds), n);
		rounds += READ_ONCE(s->workers[i].rounds);
	}
	kunit_info(test, "%u rounds\n", rounds);
}

/* With no driver bound any more */
static void expect_good(struct stress *s)
{
	KUNIT_EXPECT_EQ(s->test, atomic_read(&s->wrong), 0);
	kunit_info(s->test, "%d reservations refused, %d failures\n",
		   atomic_read(&s->refused), atomic_read(&s->failed));
}

/* Behind a mock IOMMU */

static int stress_probe(struct platform_device *pdev)
{
	return start_workers(&pdev->dev);
}

static void stress_remove(struct platform_device *pdev)
{
	stop_workers(&pdev->dev);
}

static const struct platform_device_id stress_ids[] = {
	{ MOCK_IOMMU_DEVICE },
	{ }
};

static struct platform_driver stress_driver = {
	.driver.name	= "dma_iova_stress",
	.id_table	= stress_ids,
	.probe		= stress_probe,
	.remove_new	= stress_remove,
};

static void stress_unregister(void *driver)
{
	platform_driver_unregister(driver);
}

static void run_on_mock(struct kunit *test, unsigned long page_sizes, int max,
			size_t aperture, unsigned int type)
{
	struct mock_iommu_config config = {
		.page_sizes	= page_sizes,
		.aperture	= aperture,
		.type		= type,
		.map_vec	= true,
	};
	struct mock_iommu *mock = mock_iommu_create(test, &config);
	struct device *devs[DEVICES] = { mock->dev };
	struct stress *s;
	int i, before;

	for (i = 1; i < DEVICES; i++)
		devs[i] = mock_iommu_add_device(test, mock);
	s = stress_create(test, devs, DEVICES, max);
	s->mock = mock;
	s->granule = BIT(__ffs(page_sizes));
	before = mock_iommu_count_free(test, mock);
	KUNIT_EXPECT_GT(test, before, 0);

	KUNIT_ASSERT_EQ(test, platform_driver_register(&stress_driver), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, stress_unregister,
							&stress_driver), 0);
	rebind(s);
	kunit_release_action(test, stress_unregister, &stress_driver);

	expect_good(s);
	KUNIT_EXPECT_GT(test, atomic_read(&s->failed), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&s->failed),
			s->armed - disarm_failures(mock));
	KUNIT_EXPECT_EQ(test, mock_iommu_count_free(test, mock), before);
	KUNIT_EXPECT_EQ(test, mock->state.mapped, (size_t)0);
	KUNIT_EXPECT_EQ(test, mock->state.seen, (size_t)0);
	KUNIT_EXPECT_EQ(test, mock->state.tables, 0);
}

/* Small enough for addresses to be used by one thread after another */
static void stress_4k(struct kunit *test)
{
	run_on_mock(test, SZ_4K, 16, SZ_16M, IOMMU_DOMAIN_DMA);
}

/* The addresses are so few that the flush queue holds all of them at times. */
static void stress_4k_lazy(struct kunit *test)
{
	run_on_mock(test, SZ_4K, 16, SZ_16M, IOMMU_DOMAIN_DMA_FQ);
}

static void stress_4k_2m(struct kunit *test)
{
	run_on_mock(test, SZ_4K | SZ_2M, 640, SZ_128M, IOMMU_DOMAIN_DMA);
}

static void stress_4k_2m_lazy(struct kunit *test)
{
	run_on_mock(test, SZ_4K | SZ_2M, 640, SZ_128M, IOMMU_DOMAIN_DMA_FQ);
}

static int stress_init(struct kunit *test)
{
	fixture_need_two_cpus(test);
	return fixture_init_long_mock(test);
}

static struct kunit_case stress_cases[] = {
	KUNIT_CASE_SLOW(stress_4k),
	KUNIT_CASE_SLOW(stress_4k_lazy),
	KUNIT_CASE_SLOW(stress_4k_2m),
	KUNIT_CASE_SLOW(stress_4k_2m_lazy),
	{}
};

static struct kunit_suite stress_suite = {
	.name		= "dma_iova_stress",
	.suite_init	= warnings_start,
	.suite_exit	= warnings_stop,
	.init		= stress_init,
	.exit		= warnings_check,
	.test_cases	= stress_cases,
};

/* Behind the IOMMU of the machine */

static int stress_pci_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	int err = dma_set_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(64));

	return err ?: start_workers(&pdev->dev);
}

static void stress_pci_remove(struct pci_dev *pdev)
{
	stop_workers(&pdev->dev);
}

static const struct pci_device_id stress_pci_ids[] = {
	{ PCI_DEVICE(EDU_VENDOR, EDU_DEVICE) },
	{ }
};

static struct pci_driver stress_pci_driver = {
	.name		= "dma_iova_stress",
	.id_table	= stress_pci_ids,
	.probe		= stress_pci_probe,
	.remove		= stress_pci_remove,
};

static void stress_pci_unregister(void *driver)
{
	pci_unregister_driver(driver);
}

/* Wherever a worker has been */
static void expect_nothing_mapped(struct stress *s)
{
	struct iommu_domain *domain = iommu_get_dma_domain(s->devs[0]);
	dma_addr_t lowest = DMA_MAPPING_ERROR, highest = 0, addr;
	int i, mapped = 0;

	for (i = 0; i < WORKERS; i++) {
		lowest = min(lowest, s->workers[i].lowest);
		highest = max(highest, s->workers[i].highest);
	}
	KUNIT_ASSERT_LT(s->test, lowest, highest);
	KUNIT_ASSERT_LT(s->test, highest - lowest, (dma_addr_t)SZ_2G);
	for (addr = ALIGN_DOWN(lowest, s->granule); addr <= highest;
	     addr += s->granule)
		mapped += !!iommu_iova_to_phys(domain, addr);
	KUNIT_EXPECT_EQ(s->test, mapped, 0);
}

static void stress_behind_iommu(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct stress *s = stress_create(test, &f->dev, 1, 64);

	/* All addresses that were used are looked at, so keep them close together. */
	fixture_drain_flush_queue(test, f->dev);
	fixture_forget_addresses(f->dev);
	/* The device is attached already, by the driver of the fixture. */
	s->granule = f->granule;
	edu_release(test);
	KUNIT_ASSERT_EQ(test, pci_register_driver(&stress_pci_driver), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test,
							stress_pci_unregister,
							&stress_pci_driver), 0);
	rebind(s);
	kunit_release_action(test, stress_pci_unregister, &stress_pci_driver);
	expect_good(s);
	expect_nothing_mapped(s);
}

/* Each CPU makes as many reservations as a disk has requests, many times. */

#define LARGE_DEPTH	16
#define LARGE_ROUNDS	200

struct large {
	struct fixture *f;
	struct page *page;
	size_t size;
	struct completion done;
	int refused;
};

/* Reservations that the tree of addresses was asked for */
static atomic_t from_tree;
static struct iova_domain *large_iovad;

static int count_alloc_iova(struct kprobe *probe, struct pt_regs *regs)
{
	if ((void *)regs_get_kernel_argument(regs, 0) == large_iovad)
		atomic_inc(&from_tree);
	return 0;
}

static struct kprobe alloc_iova_probe = {
	.symbol_name	= "alloc_iova",
	.pre_handler	= count_alloc_iova,
};

static int reserve_large(void *data)
{
	struct large *l = data;
	struct device *dev = l->f->dev;
	struct dma_iova_state states[LARGE_DEPTH] = {};
	int round, i;

	for (round = 0; round < LARGE_ROUNDS; round++) {
		for (i = 0; i < LARGE_DEPTH; i++) {
			if (!dma_iova_try_alloc(dev, &states[i], 0, l->size) ||
			    dma_iova_link(dev, &states[i], page_to_phys(l->page),
					  0, PAGE_SIZE, DMA_TO_DEVICE, 0))
				l->refused++;
		}
		for (i = 0; i < LARGE_DEPTH; i++)
			if (dma_use_iova(&states[i]))
				dma_iova_destroy(dev, &states[i], PAGE_SIZE,
						 DMA_TO_DEVICE, 0);
		cond_resched();
	}
	complete(&l->done);
	return 0;
}

/* On two CPUs at once. Returns how many were from the tree. */
static int reserve_large_on_two_cpus(struct fixture *f, struct page *page,
				     size_t size)
{
	struct large cpus[2] = {};
	int before = atomic_read(&from_tree), i;

	for (i = 0; i < 2; i++) {
		struct task_struct *thread;

		cpus[i].f = f;
		cpus[i].page = page;
		cpus[i].size = size;
		init_completion(&cpus[i].done);
		thread = kthread_run_on_cpu(reserve_large, &cpus[i], i,
					    "reserve_large");
		KUNIT_ASSERT_FALSE(f->test, IS_ERR(thread));
	}
	for (i = 0; i < 2; i++) {
		wait_for_completion(&cpus[i].done);
		KUNIT_EXPECT_EQ(f->test, cpus[i].refused, 0);
	}
	return atomic_read(&from_tree) - before;
}

/*
 * Requests that begin within a page do not meet in the tree of addresses, whatever
 * the mask is: those of 128 KiB, of 1 MiB, and of the optimal mapping size. A CPU
 * that was alone in the first round left the caches with its own ones only. In lazy
 * mode the flush queue returns many addresses at once, and the caches give some of
 * them to the tree as time passes, so there is no limit that fits every host.
 */
static void large_reservations_stay_in_the_caches(struct kunit *test)
{
	struct fixture *f = test->priv;
	size_t sizes[] = {
		SZ_128K + PAGE_SIZE, SZ_1M + PAGE_SIZE,
		dma_opt_mapping_size(f->dev) + PAGE_SIZE,
	};
	struct page *page = fixture_lone_page(test);
	int total = 2 * LARGE_DEPTH * LARGE_ROUNDS, bits, nr, i;

	large_iovad = &f->domain->iova_cookie->iovad;
	fixture_probe(test, &alloc_iova_probe);
	for (i = 0; i < 2 * ARRAY_SIZE(sizes); i++) {
		size_t size = sizes[i / 2];

		bits = i % 2 ? 64 : 32;
		fixture_drain_flush_queue(test, f->dev);
		fixture_forget_addresses(f->dev);
		atomic_set(&from_tree, 0);
		KUNIT_ASSERT_EQ(test, 0, dma_set_mask(f->dev, DMA_BIT_MASK(bits)));
		reserve_large_on_two_cpus(f, page, size);
		KUNIT_EXPECT_GT(test, atomic_read(&from_tree), 0);
		nr = reserve_large_on_two_cpus(f, page, size);
		kunit_info(test, "%d bits, %zu bytes: %d of %d from the tree",
			   bits, size, nr, total);
		if (f->domain->type != IOMMU_DOMAIN_DMA_FQ)
			KUNIT_EXPECT_LE(test, nr, LARGE_DEPTH);
	}
}

static int stress_iommu_init(struct kunit *test)
{
	fixture_need_two_cpus(test);
	return fixture_init_iommu(test);
}

static struct kunit_case stress_iommu_cases[] = {
	KUNIT_CASE_SLOW(stress_behind_iommu),
	KUNIT_CASE_SLOW(large_reservations_stay_in_the_caches),
	{}
};

static struct kunit_suite stress_iommu_suite = {
	.name		= "dma_iova_stress_iommu",
	.suite_init	= warnings_start,
	.suite_exit	= warnings_stop,
	.init		= stress_iommu_init,
	.exit		= warnings_check,
	.test_cases	= stress_iommu_cases,
};

/* Two CPUs, one reservation of an untrusted device */

#define SHARED_ROUNDS	2000
#define SHARED_PAGES	8
#define SHARED_INTO	512

struct shared {
	struct fixture *f;
	struct dma_iova_state state;
	phys_addr_t phys;	/* memory for all of it, in one piece */
	size_t size;
	size_t tail;		/* bytes in the last, partial page */
	struct completion stopped;
	bool stop;
	int vecs;		/* that failed, as they must */
	int wrong;
};

/* Links its head and is refused the rest, again and again. */
static int fail_vecs(void *data)
{
	struct shared *sh = data;
	size_t head = PAGE_SIZE - SHARED_INTO;
	struct phys_vec vec[] = {
		{ sh->phys, head },
		{ sh->phys + head, PAGE_SIZE },
	};

	while (!READ_ONCE(sh->stop)) {
		if (dma_iova_link_vec(sh->f->dev, &sh->state, vec, 2, 0,
				      DMA_BIDIRECTIONAL, 0) != -EEXIST)
			sh->wrong++;
		sh->vecs++;
		cond_resched();
	}
	complete(&sh->stopped);
	return 0;
}

/* What the device writes into the tail has to reach the memory, each time. */
static void expect_tail_comes_back(struct shared *sh, int round)
{
	struct fixture *f = sh->f;
	size_t offset = sh->size - sh->tail;
	u8 *tail = phys_to_virt(sh->phys + offset), *device;
	phys_addr_t seen;

	memset(tail, 0, sh->tail);
	KUNIT_ASSERT_EQ(f->test, 0,
			dma_iova_link(f->dev, &sh->state, sh->phys + offset,
				      offset, sh->tail, DMA_BIDIRECTIONAL, 0));
	KUNIT_EXPECT_EQ(f->test, 0, dma_iova_sync(f->dev, &sh->state, offset,
						  sh->tail));
	seen = mock_iommu_device_sees(f->mock, sh->state.addr + offset);
	KUNIT_ASSERT_NE(f->test, seen, (phys_addr_t)0);
	KUNIT_ASSERT_NE(f->test, seen, sh->phys + offset);
	device = phys_to_virt(seen);
	memset(device, 1 + round % 255, sh->tail);
	dma_iova_unlink(f->dev, &sh->state, offset, sh->tail,
			DMA_BIDIRECTIONAL, 0);
	KUNIT_EXPECT_PTR_EQ(f->test, NULL,
			    memchr_inv(tail, 1 + round % 255, sh->tail));
}

static void links_of_one_reservation_on_two_cpus(struct kunit *test)
{
	struct fixture *f = fixture_mock_untrusted(test,
		&(struct mock_iommu_config) {
			.page_sizes	= SZ_4K,
			.aperture	= SZ_16M,
			.type		= IOMMU_DOMAIN_DMA,
			.map_vec	= true,
		});
	struct page *pages = fixture_large_page(test);
	struct shared *sh = kunit_kzalloc(test, sizeof(*sh), GFP_KERNEL);
	struct task_struct *thread;
	long before = fixture_slots_used(f);
	int round;

	KUNIT_ASSERT_NOT_NULL(test, sh);
	sh->f = f;
	sh->phys = page_to_phys(pages) + SHARED_INTO;
	sh->tail = 700;
	sh->size = SHARED_PAGES * PAGE_SIZE - SHARED_INTO + sh->tail;
	init_completion(&sh->stopped);
	dma_set_min_align_mask(f->dev, PAGE_SIZE - 1);
	KUNIT_ASSERT_TRUE(test, dma_iova_try_alloc(f->dev, &sh->state, sh->phys,
						   sh->size));
	/* The array fails at this piece. */
	KUNIT_ASSERT_EQ(test, 0, dma_iova_link(f->dev, &sh->state,
					       page_to_phys(pages) + PAGE_SIZE,
					       PAGE_SIZE - SHARED_INTO,
					       PAGE_SIZE, DMA_BIDIRECTIONAL, 0));

	thread = kthread_run_on_cpu(fail_vecs, sh, 1, "fail_vecs");
	KUNIT_ASSERT_FALSE(test, IS_ERR(thread));
	for (round = 0; round < SHARED_ROUNDS || READ_ONCE(sh->vecs) < 100;
	     round++) {
		expect_tail_comes_back(sh, round);
		cond_resched();
	}
	WRITE_ONCE(sh->stop, true);
	wait_for_completion(&sh->stopped);
	KUNIT_EXPECT_EQ(test, sh->wrong, 0);

	dma_iova_unlink(f->dev, &sh->state, PAGE_SIZE - SHARED_INTO, PAGE_SIZE,
			DMA_BIDIRECTIONAL, 0);
	KUNIT_EXPECT_EQ(test, f->mock->state.mapped, (size_t)0);
	dma_iova_free(f->dev, &sh->state);
	KUNIT_EXPECT_EQ(test, fixture_slots_used(f), before);
}

static struct kunit_case stress_bounce_cases[] = {
	KUNIT_CASE_SLOW(links_of_one_reservation_on_two_cpus),
	{}
};

static struct kunit_suite stress_bounce_suite = {
	.name		= "dma_iova_stress_bounce",
	.suite_init	= warnings_start,
	.suite_exit	= warnings_stop,
	.init		= stress_init,
	.exit		= warnings_check,
	.test_cases	= stress_bounce_cases,
};

kunit_test_suites(&stress_suite, &stress_iommu_suite, &stress_bounce_suite);

MODULE_DESCRIPTION("KUnit suites of concurrent use of the two-step DMA API");
MODULE_LICENSE("GPL");
