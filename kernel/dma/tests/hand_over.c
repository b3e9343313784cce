// SPDX-License-Identifier: GPL-2.0
#include <linux/kprobes.h>
#include <linux/ptrace.h>
#include <linux/string.h>

#include "fixture.h"
#include "hand_over.h"

struct hand_over hand_over[HAND_OVER_FUNCTIONS];

static struct kprobe probes[HAND_OVER_FUNCTIONS] = {
	[RANGE_FOR_CPU]		= { .symbol_name = "dma_iova_sync_for_cpu" },
	[RANGE_FOR_DEVICE]	= { .symbol_name = "dma_iova_sync_for_device" },
	[SINGLE_FOR_CPU]	= { .symbol_name = "__dma_sync_single_for_cpu" },
	[SINGLE_FOR_DEVICE]	= { .symbol_name = "__dma_sync_single_for_device" },
};

static int count(struct kprobe *probe, struct pt_regs *regs)
{
	struct hand_over *h = &hand_over[probe - probes];
	/* Arguments before these: the device, and for a range the reservation */
	int i = probe - probes <= RANGE_FOR_DEVICE ? 2 : 1;

	h->calls++;
	h->at = regs_get_kernel_argument(regs, i);
	h->bytes += regs_get_kernel_argument(regs, i + 1);
	h->dir = (int)regs_get_kernel_argument(regs, i + 2);
	return 0;
}

void hand_over_insert(struct kunit *test)
{
	struct kprobe *probe;

	for (probe = probes; probe < probes + HAND_OVER_FUNCTIONS; probe++) {
		probe->pre_handler = count;
		fixture_probe(test, probe);
	}
	hand_over_reset();
}

void hand_over_reset(void)
{
	memset(hand_over, 0, sizeof(hand_over));
}

int hand_over_calls(void)
{
	int i, calls = 0;

	for (i = 0; i < HAND_OVER_FUNCTIONS; i++)
		calls += hand_over[i].calls;
	return calls;
}
