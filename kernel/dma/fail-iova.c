// SPDX-License-Identifier: GPL-2.0
/*
 * Fault injection for the two-step DMA API, see
 * Documentation/fault-injection/fault-injection.rst.
 */
#include <linux/debugfs.h>
#include <linux/device.h>
#include <linux/fail-dma-iova.h>
#include <linux/fault-inject.h>
#include <linux/init.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>

struct fail_step {
	const char *name;
	struct fault_attr attr;
	/* Name of the only device to fail for; empty for all; under RCU */
	char *device;
};

static struct fail_step fail_steps[] = {
	[DMA_IOVA_STEP_ALLOC] = {
		.name = "fail_dma_iova_alloc", .attr = FAULT_ATTR_INITIALIZER,
	},
	[DMA_IOVA_STEP_LINK] = {
		.name = "fail_dma_iova_link", .attr = FAULT_ATTR_INITIALIZER,
	},
	[DMA_IOVA_STEP_SYNC] = {
		.name = "fail_dma_iova_sync", .attr = FAULT_ATTR_INITIALIZER,
	},
	[DMA_IOVA_STEP_BOUNCE] = {
		.name = "fail_dma_iova_bounce", .attr = FAULT_ATTR_INITIALIZER,
	},
	[DMA_IOVA_STEP_BATCH] = {
		.name = "fail_dma_iova_batch", .attr = FAULT_ATTR_INITIALIZER,
	},
	[DMA_IOVA_STEP_MAP_PAGE] = {
		.name = "fail_dma_map_page", .attr = FAULT_ATTR_INITIALIZER,
	},
};

/*
 * Without a name, all devices fail. Under RCU, as debugfs replaces the string.
 */
static bool fail_device(struct fail_step *fail, struct device *dev)
{
	const char *name;
	bool match;

	rcu_read_lock();
	name = rcu_dereference_raw(fail->device);
	match = !name || !*name || !strcmp(name, dev_name(dev));
	rcu_read_unlock();
	return match;
}

/**
 * should_fail_dma_iova - whether a call has to fail on request
 * @dev:	device that the call is for
 * @step:	what it does
 *
 * Context: Any.
 * Return: true if the caller has to fail, although nothing is wrong.
 */
bool should_fail_dma_iova(struct device *dev, enum dma_iova_step step)
{
	struct fail_step *fail = &fail_steps[step];

	return fail_device(fail, dev) && should_fail(&fail->attr, 1);
}

static int __init fail_dma_iova_debugfs(void)
{
	struct fail_step *fail;
	struct dentry *dir;

	for (fail = fail_steps; fail < fail_steps + ARRAY_SIZE(fail_steps);
	     fail++) {
		dir = fault_create_debugfs_attr(fail->name, NULL, &fail->attr);
		if (IS_ERR(dir))
			return PTR_ERR(dir);
		/* A write frees the old string, so it comes from kmalloc(). */
		fail->device = kstrdup("", GFP_KERNEL);
		if (!fail->device)
			return -ENOMEM;
		debugfs_create_str("device", 0600, dir, &fail->device);
	}
	return 0;
}
late_initcall(fail_dma_iova_debugfs);
