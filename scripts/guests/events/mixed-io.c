// SPDX-License-Identifier: GPL-2.0
/*
 * mixed-io read|write <disk> <n> <seed>: two times three requests of 16 pages, each
 * time in one call, so that all three are mapped before the first one ends. They read,
 * or write, what belongs to the seed. The first has only pages below 4 GiB. The second
 * has n of these, then one above, then both kinds at random. The third has both kinds
 * at random. Then all is read to both kinds at random. What has been read must be right.
 *
 * Prints a line for each request: whether its device, which reaches no memory above
 * 4 GiB, has bounced before, and then how each page has to be mapped: D for direct,
 * B for bounced. A driver that has kept nothing of the first request has to ask again
 * when that ends, which is a line without pages.
 *
 * The kernel takes memory of one kind before the other, so there may be none of the
 * other one until most of the memory is in use.
 */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>
#include <linux/aio_abi.h>

#define PAGE		4096UL
#define PAGES		16
#define BYTES		(PAGES * PAGE)
#define REQUESTS	3		/* two would be mapped one after the other */
#define KEPT		(2 * REQUESTS * PAGES)	/* of each kind: none is used twice */
#define CHUNK		(1UL << 20)	/* so much is allocated at a time */
#define FIRST_HIGH	((4UL << 30) / PAGE)
#define PRESENT		(1UL << 63)
#define PFN		((1UL << 55) - 1)

enum { LOW, HIGH };

struct request {
	struct iovec iov[PAGES];
	char kinds[PAGES + 1];
};

static char *kept[2][KEPT];
static int nr_kept[2], nr_used[2];
static struct request requests[REQUESTS];

/* No two frames are neighbours, so that each page is a segment of its own. */
static void keep(int pagemap, char *page)
{
	uint64_t entry, frame;
	int kind;

	if (pread(pagemap, &entry, sizeof(entry), (uintptr_t)page / PAGE * sizeof(entry)) !=
	    sizeof(entry))
		err(1, "pagemap");
	frame = entry & PFN;
	if (!(entry & PRESENT) || !frame)
		errx(1, "pagemap: no frame");
	kind = frame < FIRST_HIGH ? LOW : HIGH;
	if (!(frame & 1) && nr_kept[kind] < KEPT)
		kept[kind][nr_kept[kind]++] = page;
}

static void find_pages(void)
{
	int pagemap = open("/proc/self/pagemap", O_RDONLY);
	size_t at;
	char *chunk;

	if (pagemap < 0)
		err(1, "pagemap");
	while (nr_kept[LOW] < KEPT || nr_kept[HIGH] < KEPT) {
		chunk = mmap(NULL, CHUNK, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
		if (chunk == MAP_FAILED)
			err(1, "%d pages below 4 GiB, %d above", nr_kept[LOW], nr_kept[HIGH]);
		for (at = 0; at < CHUNK; at += PAGE)
			keep(pagemap, chunk + at);
	}
	close(pagemap);
}

/* The first @nr_low pages are below 4 GiB, the next one is not. */
static void add_pages(struct request *req, int nr_low)
{
	int i, kind;

	for (i = 0; i < PAGES; i++) {
		kind = i < nr_low ? LOW : i == nr_low ? HIGH : random() % 2;
		req->iov[i].iov_base = kept[kind][nr_used[kind]++];
		req->iov[i].iov_len = PAGE;
		req->kinds[i] = kind == LOW ? 'D' : 'B';
	}
}

/* What belongs to a word of the data; no two words have the same */
static uint64_t word(uint32_t seed, int r, int page, size_t i)
{
	return (uint64_t)seed << 32 | r << 24 | page << 16 | i;
}

static void fill(uint32_t seed, int r)
{
	size_t i;
	int page;

	for (page = 0; page < PAGES; page++)
		for (i = 0; i < PAGE / sizeof(uint64_t); i++)
			((uint64_t *)requests[r].iov[page].iov_base)[i] = word(seed, r, page, i);
}

static void check(uint32_t seed, int r)
{
	uint64_t got;
	size_t i;
	int page;

	for (page = 0; page < PAGES; page++)
		for (i = 0; i < PAGE / sizeof(got); i++) {
			got = ((uint64_t *)requests[r].iov[page].iov_base)[i];
			if (got != word(seed, r, page, i))
				errx(1, "%s: page %d, word %zu: %#lx, not %#lx", requests[r].kinds,
				     page, i, got, word(seed, r, page, i));
		}
}

/*
 * Pages that are read to have something else before. The requests are apart on the
 * disk, so that they are not merged.
 */
static void move(aio_context_t aio, int disk, bool write, uint32_t seed)
{
	struct iocb iocbs[REQUESTS] = {}, *list[REQUESTS];
	struct io_event ended[REQUESTS];
	int r;

	for (r = 0; r < REQUESTS; r++) {
		fill(write ? seed : ~seed, r);
		iocbs[r].aio_lio_opcode = write ? IOCB_CMD_PWRITEV : IOCB_CMD_PREADV;
		iocbs[r].aio_fildes = disk;
		iocbs[r].aio_buf = (uintptr_t)requests[r].iov;
		iocbs[r].aio_nbytes = PAGES;
		iocbs[r].aio_offset = r * 2 * BYTES;
		list[r] = &iocbs[r];
	}
	if (syscall(SYS_io_submit, aio, REQUESTS, list) != REQUESTS ||
	    syscall(SYS_io_getevents, aio, REQUESTS, REQUESTS, ended, NULL) != REQUESTS)
		err(1, "asynchronous I/O");
	for (r = 0; r < REQUESTS; r++)
		if (ended[r].res != BYTES)
			errx(1, "a request has moved %lld bytes", (long long)ended[r].res);
	for (r = 0; r < REQUESTS; r++)
		check(seed, r);
}

int main(int argc, char **argv)
{
	aio_context_t aio = 0;
	uint32_t seed;
	int disk, r;

	if (argc != 5)
		errx(2, "usage: mixed-io read|write <disk> <n> <seed>");
	seed = atoi(argv[4]);
	disk = open(argv[2], O_RDWR | O_DIRECT);
	if (disk < 0)
		err(1, "%s", argv[2]);
	if (syscall(SYS_io_setup, REQUESTS, &aio))
		err(1, "io_setup");
	find_pages();
	srandom(seed);

	add_pages(&requests[0], PAGES);
	add_pages(&requests[1], atoi(argv[3]));
	add_pages(&requests[2], random() % PAGES);
	move(aio, disk, !strcmp(argv[1], "write"), seed);
	for (r = 0; r < REQUESTS; r++)
		printf("%d %s\n", r == 2, requests[r].kinds);
	puts("1 ");

	for (r = 0; r < REQUESTS; r++)
		add_pages(&requests[r], random() % PAGES);
	move(aio, disk, false, seed);
	for (r = 0; r < REQUESTS; r++)
		printf("1 %s\n", requests[r].kinds);
	return 0;
}
