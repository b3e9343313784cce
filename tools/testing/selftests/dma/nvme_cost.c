// SPDX-License-Identifier: GPL-2.0
/*
 * What an I/O costs: reads or writes a block device without the page cache and
 * prints how long the CPU was busy for each request. It issues one request after
 * the other, or as many together as the depth says, and the next ones when all of
 * these are done. In a guest that counts instructions (-icount shift=0) a
 * nanosecond is one.
 *
 *	nvme_cost <device> read|write <bytes> <layout> <I/Os> <runs> [depth]
 *
 * The layout of the buffer in memory, which is checked in /proc/self/pagemap:
 *	scattered	no page is the neighbour of the one before it
 *	unaligned	the same, from 512 bytes into the first page on: one page more
 *	iovec		as scattered, each page handed over by a separate iovec
 *	contiguous	one piece, of a huge page
 *
 * Prints "<pages> <requests of an I/O> <nanoseconds of an I/O>...", one for each
 * run. Busy time is all time that is not idle. An interrupt during the idle loop is
 * busy time, as the kernel stops its idle clock for it.
 *
 * After a warm-up one I/O is recorded in the kernel's trace. With no run, all I/Os
 * are recorded; the program prints "ready" before and "done" after them, and waits
 * for a line each time.
 *
 * Without the device, or without a file or a huge page that it needs, it skips.
 */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>
#include <linux/aio_abi.h>
#include <linux/fs.h>

#include "../kselftest.h"

#define USAGE		"nvme_cost <device> read|write <bytes> <layout> <I/Os> <runs> [depth]"
#define MAX_DEPTH	64
#define HUGE_SIZE	(2UL << 20)
#define WARM_UP		1024		/* requests: caches of IO addresses and of the slab */
#define INTO_PAGE	512
#define REQUEST_SIZE	(128UL << 10)	/* most behind an IOMMU */
#define MAX_TRIES	20
#define SLEEP_NS	4000		/* at most, to go to sleep and to wake up */
#define PFN_MASK	((1ULL << 55) - 1)

static size_t page_size;

static int open_or_skip(const char *path, int flags, const char *repair)
{
	int fd = open(path, flags);

	if (fd < 0)
		ksft_exit_skip("%s: %s: %s\n", path, strerror(errno), repair);
	return fd;
}

/* Physical page number of an address; bit 63 says that it has one, root sees it. */
static uint64_t pfn_of(const void *p)
{
	static int fd = -1;
	uint64_t entry;

	if (fd < 0)
		fd = open_or_skip("/proc/self/pagemap", O_RDONLY, "build with PROC_PAGE_MONITOR");
	if (pread(fd, &entry, sizeof(entry),
		  (uintptr_t)p / page_size * sizeof(entry)) != sizeof(entry))
		err(1, "/proc/self/pagemap");
	if (!(entry >> 63) || !(entry & PFN_MASK))
		ksft_exit_skip("/proc/self/pagemap: no page number for %p: run this as root\n", p);
	return entry & PFN_MASK;
}

static void *map(void *where, size_t size, int flags)
{
	void *p = mmap(where, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);

	if (p == MAP_FAILED && flags & MAP_HUGETLB)
		ksft_exit_skip("no buffer of %zu bytes: reserve pages in nr_hugepages\n", size);
	if (p == MAP_FAILED)
		err(1, "mmap: no buffer of %zu bytes", size);
	return p;
}

/* Free memory may come in order, so use up a page that would follow. */
static char *map_scattered(size_t size)
{
	char *buf = map(NULL, size, 0), *spacer = map(NULL, 4 * size, 0);
	size_t used = 0;

	for (size_t i = 0; i < size; i += page_size) {
		do {
			if (used == 4 * size)
				errx(1, "no scattered pages in %zu bytes: add memory", 5 * size);
			map(buf + i, page_size, MAP_FIXED);
			spacer[used] = 1;
			used += page_size;
			buf[i] = 1;
		} while (i && pfn_of(buf + i) == pfn_of(buf + i - page_size) + 1);
	}
	return buf;
}

static void check_layout(const char *buf, size_t size, int contiguous)
{
	for (size_t i = page_size; i < size; i += page_size) {
		int64_t step = pfn_of(buf + i) - pfn_of(buf + i - page_size);

		if (contiguous ? step != 1 : step == 1)
			errx(1, "page %zu of the buffer is %lld behind the one before it: not %s",
			     i / page_size, (long long)step,
			     contiguous ? "contiguous" : "scattered");
	}
}

/* The number after a name in /proc/timer_list; there is one CPU. */
static long long timer_value(const char *list, const char *name)
{
	const char *p = strstr(list, name);

	if (!p)
		ksft_exit_skip("/proc/timer_list: no %s: build with NO_HZ_IDLE, HIGH_RES_TIMERS\n",
			       name);
	p += strlen(name);
	return strtoll(p + strspn(p, " :"), NULL, 10);
}

static long long busy_ns(void)
{
	static char list[1 << 16];
	size_t len = 0;
	ssize_t n;
	int fd = open_or_skip("/proc/timer_list", O_RDONLY, "run this as root");

	while ((n = read(fd, list + len, sizeof(list) - 1 - len)) > 0)
		len += n;
	if (n < 0 || len == sizeof(list) - 1)
		errx(1, "/proc/timer_list: more than %zu bytes, or unreadable", sizeof(list));
	list[len] = '\0';
	close(fd);
	return timer_value(list, "now at") - timer_value(list, ".idle_sleeptime") -
		timer_value(list, ".iowait_sleeptime");
}

static unsigned long long requests(const char *device)
{
	unsigned long long reads, writes;
	const char *name = strrchr(device, '/');
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "/sys/block/%s/stat", name ? name + 1 : device);
	f = fopen(path, "r");
	if (!f || fscanf(f, "%llu %*u %*u %*u %llu", &reads, &writes) != 2)
		err(1, "%s: not the counters of a disk", path);
	fclose(f);
	return reads + writes;
}

struct job {
	int fd;
	int write;
	size_t size;
	uint64_t capacity;
	struct iovec *iov;
	int nr_iov;
	int depth;
	aio_context_t aio;
};

/* All requests share one buffer, as its contents do not matter. */
static void do_io_together(const struct job *job, uint64_t count)
{
	struct iocb iocbs[MAX_DEPTH] = { }, *list[MAX_DEPTH];
	struct io_event events[MAX_DEPTH];
	uint64_t offset = 0;

	for (count /= job->depth; count--; ) {
		for (int i = 0; i < job->depth; i++) {
			list[i] = &iocbs[i];
			iocbs[i].aio_lio_opcode = job->write ? IOCB_CMD_PWRITEV : IOCB_CMD_PREADV;
			iocbs[i].aio_fildes = job->fd;
			iocbs[i].aio_buf = (uintptr_t)job->iov;
			iocbs[i].aio_nbytes = job->nr_iov;
			iocbs[i].aio_offset = offset;
			offset += job->size;
			if (offset + job->size > job->capacity)
				offset = 0;
		}
		if (syscall(SYS_io_submit, job->aio, (long)job->depth, list) != job->depth)
			err(1, "io_submit: %d I/Os", job->depth);
		if (syscall(SYS_io_getevents, job->aio, (long)job->depth, (long)job->depth,
			    events, NULL) != job->depth)
			err(1, "io_getevents: %d I/Os", job->depth);
		for (int i = 0; i < job->depth; i++)
			if (events[i].res != (int64_t)job->size)
				errx(1, "%lld bytes of %zu", (long long)events[i].res, job->size);
	}
}

static void do_io_one_by_one(const struct job *job, uint64_t count)
{
	uint64_t offset = 0;

	while (count--) {
		ssize_t n = job->write ? pwritev(job->fd, job->iov, job->nr_iov, offset) :
					 preadv(job->fd, job->iov, job->nr_iov, offset);

		if (n != (ssize_t)job->size)
			err(1, "%s at %llu: %zd bytes of %zu", job->write ? "write" : "read",
			    (unsigned long long)offset, n, job->size);
		offset += job->size;
		if (offset + job->size > job->capacity)
			offset = 0;
	}
}

static void do_io(const struct job *job, uint64_t count)
{
	if (job->depth > 1)
		do_io_together(job, count);
	else
		do_io_one_by_one(job, count);
}

static int tracing_on;

/* Record the events that are enabled, or stop that. */
static void record(int on)
{
	if (pwrite(tracing_on, on ? "1" : "0", 1, 0) != 1)
		err(1, "/sys/kernel/tracing/tracing_on");
}

/* Wait until the observer outside is ready. */
static void tell(const char *what)
{
	puts(what);
	fflush(stdout);
	getchar();
}

/* How often this has gone to sleep */
static unsigned long long sleeps(void)
{
	struct rusage usage;

	if (getrusage(RUSAGE_SELF, &usage))
		err(1, "getrusage");
	return usage.ru_nvcsw;
}

/*
 * Nanoseconds of an I/O. If the disk is fast by chance, the CPU does not sleep and
 * wake up. If that makes more than a thousandth, the run is repeated.
 */
static double one_run(const struct job *job, uint64_t count, long long overhead)
{
	long long busy, missed;

	for (int tries = 0; tries < MAX_TRIES; tries++) {
		missed = count / job->depth + sleeps();
		busy = busy_ns();
		do_io(job, count);
		busy = busy_ns() - busy - overhead;
		missed -= sleeps();
		if (missed * SLEEP_NS <= busy / 1000)
			return (double)busy / count;
	}
	errx(1, "%lld of %llu times not waited, in the last of %d tries: have a slower disk",
	     missed, (unsigned long long)count / job->depth, MAX_TRIES);
}

int main(int argc, char **argv)
{
	struct job job = { };
	unsigned long long before, after;
	long long begin, overhead;
	int contiguous, runs;
	uint64_t count, recorded, warm_up;
	size_t pages, into;
	char *buf;

	if (argc == 1)
		ksft_exit_skip("no device is named: " USAGE "\n");
	if (argc != 7 && argc != 8)
		errx(1, "usage: " USAGE);
	page_size = sysconf(_SC_PAGESIZE);
	job.write = !strcmp(argv[2], "write");
	job.size = strtoul(argv[3], NULL, 0);
	contiguous = !strcmp(argv[4], "contiguous");
	into = strcmp(argv[4], "unaligned") ? 0 : INTO_PAGE;
	count = strtoull(argv[5], NULL, 0);
	runs = atoi(argv[6]);
	job.depth = argc == 8 ? atoi(argv[7]) : 1;
	pages = job.size / page_size;
	if (!job.write && strcmp(argv[2], "read"))
		errx(1, "%s: neither read nor write", argv[2]);
	if (!pages || job.size % page_size)
		errx(1, "%s bytes: not a number of whole pages", argv[3]);
	if (!contiguous && !into && strcmp(argv[4], "scattered") && strcmp(argv[4], "iovec"))
		errx(1, "%s: no such layout: scattered, unaligned, iovec or contiguous", argv[4]);
	if (!count || runs < 0)
		errx(1, "%s I/Os, %s runs: nothing to do", argv[5], argv[6]);
	if (job.depth < 1 || job.depth > MAX_DEPTH || count % job.depth)
		errx(1, "depth %s: not from 1 to %d, or no part of the I/Os", argv[7], MAX_DEPTH);
	if (job.depth > 1 && syscall(SYS_io_setup, job.depth, &job.aio))
		ksft_exit_skip("io_setup: %s: build with AIO\n", strerror(errno));

	recorded = runs ? (uint64_t)job.depth : count;
	job.fd = open_or_skip(argv[1], O_RDWR | O_DIRECT, "name an NVMe disk");
	if (ioctl(job.fd, BLKGETSIZE64, &job.capacity) || job.capacity < job.size)
		err(1, "%s: not a block device of at least %zu bytes", argv[1], job.size);
	/* Skip before anything is written to the disk. */
	tracing_on = open_or_skip("/sys/kernel/tracing/tracing_on", O_WRONLY,
				  "mount tracefs there");
	busy_ns();

	if (contiguous) {
		buf = map(NULL, (job.size + HUGE_SIZE - 1) & ~(HUGE_SIZE - 1), MAP_HUGETLB);
		memset(buf, 1, job.size);
	} else {
		pages += !!into;
		buf = map_scattered(pages * page_size);
	}
	job.nr_iov = strcmp(argv[4], "iovec") ? 1 : pages;
	job.iov = calloc(job.nr_iov, sizeof(*job.iov));
	if (!job.iov)
		err(1, "calloc");
	for (int i = 0; i < job.nr_iov; i++) {
		job.iov[i].iov_base = buf + into + i * page_size;
		job.iov[i].iov_len = job.size / job.nr_iov;
	}

	check_layout(buf, pages * page_size, contiguous);
	warm_up = job.size > REQUEST_SIZE ? WARM_UP * REQUEST_SIZE / job.size : WARM_UP;
	do_io(&job, warm_up - warm_up % job.depth);
	before = requests(argv[1]);
	if (!runs)
		tell("ready");
	record(1);
	do_io(&job, recorded);
	record(0);
	if (!runs)
		tell("done");
	after = requests(argv[1]);
	printf("%zu %llu", pages, (after - before) / recorded);

	/* Reading the clock also takes time. */
	busy_ns();
	begin = busy_ns();
	overhead = busy_ns() - begin;
	for (int i = 0; i < runs; i++)
		printf(" %.1f", one_run(&job, count, overhead));
	printf("\n");
	check_layout(buf, pages * page_size, contiguous);
	return 0;
}
