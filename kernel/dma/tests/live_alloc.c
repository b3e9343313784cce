// SPDX-License-Identifier: GPL-2.0
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/tracepoint.h>
#include <trace/events/kmem.h>

#include "live_alloc.h"

#define LIVE_MAX	1024

static struct task_struct *live_task;
static DEFINE_RAW_SPINLOCK(live_lock);
static const void *live[LIVE_MAX];
static int live_nr;
static bool live_lost;

static int live_find(const void *ptr)
{
	int i = live_nr;

	while (i-- && live[i] != ptr)
		;
	return i;
}

/* A large allocation is reported twice. */
static void live_alloc(void *data, unsigned long call_site, const void *ptr,
		       size_t bytes_req, size_t bytes_alloc, gfp_t gfp, int node)
{
	unsigned long flags;

	if (current != live_task || !in_task() || !ptr)
		return;
	raw_spin_lock_irqsave(&live_lock, flags);
	if (live_nr == LIVE_MAX)
		live_lost = true;
	else if (live_find(ptr) < 0)
		live[live_nr++] = ptr;
	raw_spin_unlock_irqrestore(&live_lock, flags);
}

/* By whatever task */
static void live_free(void *data, unsigned long call_site, const void *ptr)
{
	unsigned long flags;
	int i;

	if (ZERO_OR_NULL_PTR(ptr))
		return;
	raw_spin_lock_irqsave(&live_lock, flags);
	i = live_find(ptr);
	if (i >= 0)
		live[i] = live[--live_nr];
	raw_spin_unlock_irqrestore(&live_lock, flags);
}

static void live_alloc_remove(void *data)
{
	unregister_trace_kfree(live_free, NULL);
	unregister_trace_kmalloc(live_alloc, NULL);
	tracepoint_synchronize_unregister();
}

void live_alloc_insert(struct kunit *test)
{
	live_task = current;
	live_nr = 0;
	live_lost = false;
	KUNIT_ASSERT_EQ(test, register_trace_kfree(live_free, NULL), 0);
	KUNIT_ASSERT_EQ(test, register_trace_kmalloc(live_alloc, NULL), 0);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test,
							   live_alloc_remove,
							   NULL));
}

int live_alloc_count(struct kunit *test)
{
	KUNIT_EXPECT_FALSE(test, live_lost);
	return live_nr;
}
