// SPDX-License-Identifier: GPL-2.0
#include <linux/bug.h>
#include <linux/string.h>
#include <trace/events/error_report.h>
#include <asm/sections.h>

#include "fixture.h"

static atomic_t warnings;

void warnings_mute_dma_debug(struct kunit *test, bool mute)
{
	u32 *num_errors;

	if (!IS_ENABLED(CONFIG_DMA_API_DEBUG))
		return;
	num_errors = fixture_debugfs(test, "dma-api", "num_errors");
	*num_errors = !mute;
}

static void warnings_count(void *data, enum error_detector detector,
			   unsigned long id)
{
	if (detector == ERROR_DETECTOR_WARN)
		atomic_inc(&warnings);
}

int warnings_start(struct kunit_suite *suite)
{
	atomic_set(&warnings, 0);
	return register_trace_error_report_end(warnings_count, NULL);
}

void warnings_stop(struct kunit_suite *suite)
{
	unregister_trace_error_report_end(warnings_count, NULL);
	tracepoint_synchronize_unregister();
}

static void expect_no_warnings(struct kunit *test)
{
	KUNIT_EXPECT_EQ_MSG(test, atomic_xchg(&warnings, 0), 0,
			    "the kernel warned, and the case did not expect it");
}

/* All WARN_ONCE() warn anew. */
static void clear_once(void)
{
	generic_bug_clear_once();
	memset(__start_once, 0, __end_once - __start_once);
}

void warnings_check(struct kunit *test)
{
	expect_no_warnings(test);
	clear_once();
	warnings_mute_dma_debug(test, false);
}

void warnings_announce(struct kunit *test, const char *file)
{
	expect_no_warnings(test);
	warnings_mute_dma_debug(test, strcmp(file, "debug.c"));
	kunit_info(test, "expect-warning: %s\n", file);
}

void warnings_expect(struct kunit *test, const char *file)
{
	clear_once();
	warnings_announce(test, file);
}

int warnings_taken(struct kunit *test)
{
	warnings_mute_dma_debug(test, false);
	kunit_info(test, "expect-warning: none\n");
	return atomic_xchg(&warnings, 0);
}

bool warnings_round(struct kunit *test, const char *file, int *round)
{
	if (*round == 0)
		warnings_expect(test, file);
	if (*round == 2)
		KUNIT_EXPECT_EQ(test, warnings_taken(test), 1);
	return (*round)++ < 2;
}
