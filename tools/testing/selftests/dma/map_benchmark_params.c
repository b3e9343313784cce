// SPDX-License-Identifier: GPL-2.0
/*
 * What the ioctls of the DMA mapping benchmark refuse: every parameter that is
 * out of range, by EINVAL, with the caller's structure as it was. A device has
 * to be bound to the driver dma_map_benchmark; else this skips.
 */
#include <assert.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <linux/types.h>
#include <linux/map_benchmark.h>

#include "../kselftest.h"

#define NSEC_PER_MSEC	1000000L

/* Programs that exist know these. */
static_assert(sizeof(struct map_benchmark) == 136, "another structure");
static_assert(DMA_MAP_BENCHMARK == 0xc0886401, "another command");

struct bad_param {
	const char *what;
	size_t offset;
	__u32 value;
};

#define BAD(member, value) \
	{ #member " = " #value, offsetof(struct PARAMS, member), value }

#define PARAMS map_benchmark
static const struct bad_param streaming_bad[] = {
	BAD(threads, 0),
	BAD(threads, DMA_MAP_MAX_THREADS + 1),
	BAD(seconds, 0),
	BAD(seconds, DMA_MAP_MAX_SECONDS + 1),
	BAD(node, -2),
	BAD(node, 1 << 20),
	BAD(dma_dir, 3),
	BAD(dma_trans_ns, DMA_MAP_MAX_TRANS_DELAY + 1),
	BAD(granule, 0),
	BAD(granule, 1025),
};

#undef PARAMS
#define PARAMS map_benchmark_two_step
static const struct bad_param two_step_bad[] = {
	BAD(threads, 0),
	BAD(threads, DMA_MAP_MAX_THREADS + 1),
	BAD(seconds, 0),
	BAD(seconds, DMA_MAP_MAX_SECONDS + 1),
	BAD(node, -2),
	BAD(node, 1 << 20),
	BAD(dma_bits, 0),
	BAD(dma_bits, 65),
	BAD(dma_dir, 3),
	BAD(dma_trans_ns, DMA_MAP_MAX_TRANS_DELAY + 1),
	BAD(pieces, 0),
	BAD(pieces, 1025),
	BAD(link, 2),
	BAD(reserved[0], 1),
	BAD(reserved[20], 1 << 24),
};

/* All the parameters at @good are right, until one is not. */
static void refuse(int fd, const char *name, unsigned long cmd,
		   const void *good, size_t size, const struct bad_param *bad)
{
	char before[256], param[256];
	int ret;

	memcpy(before, good, size);
	memcpy(before + bad->offset, &bad->value, sizeof(bad->value));
	memcpy(param, before, size);
	errno = 0;
	ret = ioctl(fd, cmd, param);
	ksft_test_result(ret == -1 && errno == EINVAL &&
			 !memcmp(param, before, size),
			 "%s %s\n", name, bad->what);
}

int main(void)
{
	struct map_benchmark streaming = {
		.threads = 1, .seconds = 1, .node = -1, .dma_bits = 32,
		.granule = 1, .map_stddev = 7,
	};
	struct map_benchmark_two_step two_step = {
		.threads = 1, .seconds = 1, .node = -1, .dma_bits = 32,
		.pieces = 1, .loops = 7,
	};
	size_t i;
	int fd;

	ksft_print_header();
	fd = open("/sys/kernel/debug/dma_map_benchmark", O_RDWR);
	if (fd == -1)
		ksft_exit_skip("/sys/kernel/debug/dma_map_benchmark: %s\n",
			       strerror(errno));
	ksft_set_plan(ARRAY_SIZE(streaming_bad) + ARRAY_SIZE(two_step_bad) + 3);

	for (i = 0; i < ARRAY_SIZE(streaming_bad); i++)
		refuse(fd, "streaming", DMA_MAP_BENCHMARK, &streaming,
		       sizeof(streaming), &streaming_bad[i]);
	for (i = 0; i < ARRAY_SIZE(two_step_bad); i++)
		refuse(fd, "two-step", DMA_MAP_BENCHMARK_TWO_STEP, &two_step,
		       sizeof(two_step), &two_step_bad[i]);

	ksft_test_result(ioctl(fd, DMA_MAP_BENCHMARK, NULL) == -1 &&
			 errno == EFAULT, "streaming at NULL\n");
	ksft_test_result(ioctl(fd, DMA_MAP_BENCHMARK_TWO_STEP, NULL) == -1 &&
			 errno == EFAULT, "two-step at NULL\n");
	ksft_test_result(ioctl(fd, _IO('d', 3), &two_step) == -1 &&
			 errno == EINVAL, "unknown command\n");

	ksft_finished();
}
