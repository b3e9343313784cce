// SPDX-License-Identifier: GPL-2.0
/*
 * Direct I/O of ordinary memory and of memory of a PCI device in one call: writes
 * to an NVMe disk and reads it back, by preadv() and pwritev(), and asynchronously.
 * A command of user space with such data is refused, and so is an atomic write, if the
 * disk can write 8 KiB atomically. Memory that is missing ends a transfer early.
 *
 *	p2p_direct_io <disk> <p2pmem/allocate of a PCI device>
 *
 * The first 64 KiB of the disk are overwritten. Each call has to move all data.
 *
 * Prints the number of calls. Without the device it skips.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>
#include <linux/aio_abi.h>
#include <linux/nvme_ioctl.h>

#include "../kselftest.h"

#define ARRAY_LEN(a)	(sizeof(a) / sizeof((a)[0]))
#define PAGE		4096UL
#define BLOCK		512UL
#define READ		2		/* a command */
#define MOST		(64UL << 10)
#define ATOMIC		(2 * PAGE)
#define POS		ATOMIC		/* on the disk; what is atomic has to be aligned */

#ifndef RWF_ATOMIC
#define RWF_ATOMIC	0x40
#endif

/* The memory: two ordinary pages, two of the PCI device, two ordinary ones */
#define RAM		0
#define P2P		(2 * PAGE)
#define RAM_AFTER	(4 * PAGE)
#define END		(6 * PAGE)

struct shape {
	const char *name;
	struct {
		size_t at;
		size_t len;
	} piece[3];
};

static const struct shape shapes[] = {
	{ "ordinary",		{ { RAM, PAGE }, { RAM_AFTER, PAGE } } },
	{ "P2P",		{ { P2P, PAGE }, { P2P + PAGE, PAGE } } },
	{ "P2P, ordinary",	{ { P2P, PAGE }, { RAM, PAGE } } },
	{ "ordinary, P2P",	{ { RAM, PAGE }, { P2P, PAGE } } },
	{ "ordinary, P2P, ordinary",
				{ { RAM, 2 * PAGE }, { P2P, PAGE }, { RAM_AFTER, 512 } } },
	{ "P2P, ordinary, P2P",	{ { P2P, 512 }, { RAM, PAGE }, { P2P + PAGE, PAGE } } },
	{ "from ordinary to P2P in one piece",
				{ { RAM + PAGE + 512, 2 * PAGE } } },
	{ "from P2P to ordinary in one piece",
				{ { P2P + PAGE + 512, 2 * PAGE } } },
};

static unsigned int calls;
static aio_context_t context;
static uint8_t *memory, *plain;

static void *map(void *at, size_t len, int flags, int fd)
{
	void *area = mmap(at, len, PROT_READ | PROT_WRITE, flags, fd, 0);

	if (area == MAP_FAILED)
		err(1, "mmap: %zu bytes", len);
	return area;
}

/* Returns the number of pieces, and the bytes of all of them in @len. */
static int pieces_of(const struct shape *shape, struct iovec *vec, size_t *len)
{
	int nr;

	*len = 0;
	for (nr = 0; nr < (int)ARRAY_LEN(shape->piece) && shape->piece[nr].len; nr++) {
		vec[nr].iov_base = memory + shape->piece[nr].at;
		vec[nr].iov_len = shape->piece[nr].len;
		*len += shape->piece[nr].len;
	}
	return nr;
}

static long move_async(int fd, bool out, const struct iovec *vec, int nr, int flags)
{
	struct iocb cb = {
		.aio_fildes	= fd,
		.aio_lio_opcode	= out ? IOCB_CMD_PWRITEV : IOCB_CMD_PREADV,
		.aio_buf	= (uintptr_t)vec,
		.aio_nbytes	= nr,
		.aio_offset	= POS,
		.aio_rw_flags	= flags,
	}, *cbs = &cb;
	struct io_event event;

	if (syscall(SYS_io_submit, context, 1, &cbs) != 1)
		return -errno;
	if (syscall(SYS_io_getevents, context, 1, 1, &event, NULL) != 1)
		err(1, "io_getevents");
	return event.res;
}

static long move_sync(int fd, bool out, const struct iovec *vec, int nr, int flags)
{
	long ret = out ? pwritev2(fd, vec, nr, POS, flags) : preadv2(fd, vec, nr, POS, flags);

	return ret < 0 ? -errno : ret;
}

static void move(int fd, bool out, bool async, const struct shape *shape,
		 const struct iovec *vec, int nr, size_t len)
{
	long ret = async ? move_async(fd, out, vec, nr, 0) : move_sync(fd, out, vec, nr, 0);

	calls++;
	if (ret < 0)
		errx(1, "%s: %s of %s memory: %s", async ? "asynchronous" : "synchronous",
		     out ? "write" : "read", shape->name, strerror(-ret));
	if ((size_t)ret != len)
		errx(1, "%s: %s of %s memory: %ld bytes, not %zu",
		     async ? "asynchronous" : "synchronous", out ? "write" : "read",
		     shape->name, ret, len);
}

static void fill(uint8_t *to, size_t len)
{
	for (size_t i = 0; i < len; i++)
		to[i] = calls * 37 + i * 7 + (i >> 8);
}

/* Compares the pieces with @plain */
static void compare(const struct shape *shape, const struct iovec *vec, int nr, const char *what)
{
	size_t done = 0;

	for (int i = 0; i < nr; done += vec[i].iov_len, i++)
		if (memcmp(vec[i].iov_base, plain + done, vec[i].iov_len))
			errx(1, "%s of %s memory: piece %d is wrong", what, shape->name, i);
}

static void write_and_read(int fd, const struct shape *shape, bool async)
{
	struct iovec vec[ARRAY_LEN(shape->piece)];
	size_t len;
	int nr = pieces_of(shape, vec, &len);

	for (int i = 0; i < nr; i++)
		fill(vec[i].iov_base, vec[i].iov_len);
	move(fd, true, async, shape, vec, nr, len);
	memset(plain, 0, MOST);
	if (pread(fd, plain, len, POS) != (ssize_t)len)
		err(1, "pread: %zu bytes", len);
	compare(shape, vec, nr, "write");

	fill(plain, len);
	if (pwrite(fd, plain, len, POS) != (ssize_t)len)
		err(1, "pwrite: %zu bytes", len);
	memset(memory, 0, END);
	move(fd, false, async, shape, vec, nr, len);
	compare(shape, vec, nr, "read");
}

/* Data with a gap between its pieces is copied, and is then of one kind. */
static bool refused(const struct iovec *vec, int nr)
{
	bool has_ram = false, has_p2p = false, gap = false;

	for (int i = 0; i < nr; i++) {
		size_t from = (uint8_t *)vec[i].iov_base - memory;
		size_t to = from + vec[i].iov_len;

		has_p2p |= from < RAM_AFTER && to > P2P;
		has_ram |= from < P2P || to > RAM_AFTER;
		gap |= (i && from % PAGE) || (i < nr - 1 && to % PAGE);
	}
	return has_ram && has_p2p && !gap;
}

static void submit_command(int fd, const struct shape *shape)
{
	struct iovec vec[ARRAY_LEN(shape->piece)];
	size_t len;
	int nr = pieces_of(shape, vec, &len);
	struct nvme_passthru_cmd64 cmd = {
		.opcode		= READ,
		.nsid		= ioctl(fd, NVME_IOCTL_ID),
		.addr		= (uintptr_t)vec,
		.vec_cnt	= nr,
		.cdw10		= POS / BLOCK,
		.cdw12		= len / BLOCK - 1,
	};
	int want = refused(vec, nr) ? EINVAL : 0;
	int ret = ioctl(fd, NVME_IOCTL_IO64_CMD_VEC, &cmd);
	int got = ret < 0 ? errno : ret;

	calls++;
	if (got != want)
		errx(1, "command with %s memory: %s, not %s", shape->name,
		     strerror(got), strerror(want));
}

/* Memory of two kinds is not written by one request, so not all of it or nothing. */
static void write_atomically(int fd)
{
	static const struct {
		const char *name;
		size_t at;
		long want;
	} writes[] = {
		{ "ordinary",			RAM,		ATOMIC },
		{ "P2P",			P2P,		ATOMIC },
		{ "from ordinary to P2P",	RAM + PAGE,	-EINVAL },
		{ "from P2P to ordinary",	P2P + PAGE,	-EINVAL },
	};
	struct iovec vec = { memory + RAM, ATOMIC };

	if (move_sync(fd, true, &vec, 1, RWF_ATOMIC) < 0)
		return;
	for (size_t i = 0; i < 2 * ARRAY_LEN(writes); i++) {
		bool async = i % 2;
		long ret;

		vec.iov_base = memory + writes[i / 2].at;
		ret = async ? move_async(fd, true, &vec, 1, RWF_ATOMIC) :
			      move_sync(fd, true, &vec, 1, RWF_ATOMIC);
		calls++;
		if (ret != writes[i / 2].want)
			errx(1, "%s: atomic write of %s memory: %ld, not %ld",
			     async ? "asynchronous" : "synchronous", writes[i / 2].name, ret,
			     writes[i / 2].want);
	}
}

/* Only a part of the last block is there. */
static void short_transfer(int fd, bool out)
{
	uint8_t *area = map(NULL, 4 * PAGE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	struct iovec vec = { area + 4, 3 * PAGE };
	long want = (2 * PAGE - 4) / BLOCK * BLOCK, ret;

	if (mprotect(area + 2 * PAGE, 2 * PAGE, PROT_NONE))
		err(1, "mprotect");
	ret = move_async(fd, out, &vec, 1, 0);
	calls++;
	if (ret != want)
		errx(1, "%s of memory that is missing in part: %ld, not %ld",
		     out ? "write" : "read", ret, want);
	munmap(area, 4 * PAGE);
}

/* Behind memory there is a BAR, which the CPU reaches and direct I/O does not. */
static void bar_follows(int fd, bool out, const char *allocate)
{
	int len = strlen(allocate) - strlen("/p2pmem/allocate");
	char path[PATH_MAX];
	struct iovec vec[2];
	int bar, i;
	long ret;

	snprintf(path, sizeof(path), "%.*s/resource0", len, allocate);
	bar = open(path, O_RDWR | O_SYNC);
	if (bar < 0)
		err(1, "%s", path);
	vec[0].iov_base = map(NULL, PAGE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	vec[1].iov_base = map(NULL, PAGE, MAP_SHARED, bar);
	for (i = 0; i < 2; i++)
		vec[i].iov_len = PAGE;
	ret = move_async(fd, out, vec, 2, 0);
	calls++;
	if (ret != PAGE)
		errx(1, "%s of memory and a BAR: %ld, not %d", out ? "write" : "read",
		     ret, (int)PAGE);
	for (i = 0; i < 2; i++)
		munmap(vec[i].iov_base, PAGE);
	close(bar);
}

int main(int argc, char **argv)
{
	int disk, p2p;

	if (argc != 3)
		errx(2, "usage: p2p_direct_io <disk> <p2pmem/allocate of a PCI device>");
	disk = open(argv[1], O_RDWR | O_DIRECT);
	if (disk < 0)
		ksft_exit_skip("%s: %s: attach a disk\n", argv[1], strerror(errno));
	p2p = open(argv[2], O_RDWR);
	if (p2p < 0)
		ksft_exit_skip("%s: %s: attach a PCI device with memory\n", argv[2],
			       strerror(errno));

	plain = map(NULL, MOST, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	memory = map(NULL, END, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	map(memory + P2P, RAM_AFTER - P2P, MAP_SHARED | MAP_FIXED, p2p);
	if (syscall(SYS_io_setup, 1, &context))
		err(1, "io_setup");

	for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
		write_and_read(disk, &shapes[i], false);
		write_and_read(disk, &shapes[i], true);
		submit_command(disk, &shapes[i]);
	}
	write_atomically(disk);
	short_transfer(disk, true);
	short_transfer(disk, false);
	bar_follows(disk, true, argv[2]);
	bar_follows(disk, false, argv[2]);
	printf("%u\n", calls);
	return 0;
}
