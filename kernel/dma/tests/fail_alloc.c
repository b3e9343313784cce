// SPDX-License-Identifier: GPL-2.0
#include <linux/error-injection.h>
#include <linux/kprobes.h>
#include <linux/sched.h>

#include "fail_alloc.h"
#include "fixture.h"

/* How often to fail the nth allocation if the call succeeds all the same */
#define FAIL_REPEATS	4

static struct task_struct *fail_task;
static int fail_nth;
static int fail_repeats;

static int fail_alloc_probe(struct kprobe *probe, struct pt_regs *regs)
{
	if (current != READ_ONCE(fail_task) || !fail_nth || --fail_nth)
		return 0;
	regs_set_return_value(regs, 0);
	override_function_with_return(regs);
	return 1;
}

/* With a post-handler, the probe is not optimised: a jump cannot override. */
static void fail_alloc_probed(struct kprobe *probe, struct pt_regs *regs,
			      unsigned long flags)
{
}

/*
 * Where page tables come from; the small records of drivers, whose size the
 * compiler may know or not, and for a node; what may be large; and pages by the array
 */
static struct kprobe probes[] = {
	{ .symbol_name = "__alloc_pages_noprof" },
	{ .symbol_name = "__kmalloc_cache_noprof" },
	{ .symbol_name = "__kmalloc_noprof" },
	{ .symbol_name = "__kmalloc_node_noprof" },
	{ .symbol_name = "__kvmalloc_node_noprof" },
	{ .symbol_name = "kvrealloc_noprof" },
	{ .symbol_name = "alloc_pages_bulk_noprof" },
};

/* Objects of caches. Too many for fail_alloc_insert(): each node of a tree is one. */
static struct kprobe cache_probe = { .symbol_name = "kmem_cache_alloc_noprof" };

static void fail_alloc_end(void *unused)
{
	fail_alloc_disarm();
}

static void insert(struct kunit *test, struct kprobe *list, int nr)
{
	fail_repeats = 0;
	for (; nr; list++, nr--) {
		list->pre_handler = fail_alloc_probe;
		list->post_handler = fail_alloc_probed;
		fixture_probe(test, list);
	}
	/* Before the probes are removed */
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, fail_alloc_end,
							   NULL));
}

void fail_alloc_insert(struct kunit *test)
{
	insert(test, probes, ARRAY_SIZE(probes));
}

void fail_alloc_insert_cache(struct kunit *test)
{
	insert(test, &cache_probe, 1);
}

void fail_alloc_arm(int nth)
{
	fail_nth = nth;
	WRITE_ONCE(fail_task, current);
}

bool fail_alloc_disarm(void)
{
	WRITE_ONCE(fail_task, NULL);
	return !fail_nth;
}

/*
 * slab can do without a page: it takes another or a smaller one, and does not ask the
 * next time. Then the next allocation has the same number, so try that again.
 */
bool fail_alloc_next(int *nth, int err)
{
	if (!err && fail_repeats < FAIL_REPEATS) {
		fail_repeats++;
	} else {
		fail_repeats = 0;
		++*nth;
	}
	return fail_alloc_disarm();
}
