/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tests of misuse count how often the kernel warns. A suite calls
 * warnings_start() and warnings_stop() around its cases and
 * warnings_check() after each; a warning that warnings_expect() has not announced
 * fails the case.
 */
#ifndef _DMA_TESTS_WARNINGS_H
#define _DMA_TESTS_WARNINGS_H

#include <kunit/test.h>

int warnings_start(struct kunit_suite *suite);
void warnings_stop(struct kunit_suite *suite);
void warnings_check(struct kunit *test);

/*
 * From here on the kernel may warn. Makes all WARN_ONCE() warn anew, and says in
 * the log that a warning from @file is expected, so that a reader, or a script,
 * can tell it from a splat; the count here is of warnings from anywhere. @file is
 * the end of a path, with as many directories as tell it from others.
 */
void warnings_expect(struct kunit *test, const char *file);

/* The same, but a WARN_ONCE() that has warned does not warn again. */
void warnings_announce(struct kunit *test, const char *file);

/*
 * Number of warnings since warnings_expect(), which is over: the log says that none
 * is expected any more.
 */
int warnings_taken(struct kunit *test);

/*
 * dma-debug reports misuse as well. It is silent while a warning of another file is
 * expected. This makes it silent for longer, at most until the case ends.
 */
void warnings_mute_dma_debug(struct kunit *test, bool mute);

bool warnings_round(struct kunit *test, const char *file, int *round);

/* Run what follows twice: it warns the first time, and then no more. */
#define warns_once(test, file)						\
	for (int __round = 0; warnings_round(test, file, &__round);)

#endif /* _DMA_TESTS_WARNINGS_H */
