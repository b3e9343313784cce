// SPDX-License-Identifier: GPL-2.0
/*
 * NVMe commands of user space, by ioctl: writes blocks and reads them back, with
 * their metadata if they have it, from and to buffers that begin anywhere.
 *
 *	nvme_passthrough <namespace> <bytes of a block> <bytes of its metadata>
 *		[p2pmem/allocate of a PCI device, for the metadata]
 *
 * The first MiB of the namespace is overwritten. Nothing may be written beside a
 * buffer. Metadata is any bytes, as nobody checks it.
 *
 * Prints the number of commands. Without the device it skips.
 */
#include <err.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <linux/nvme_ioctl.h>

#include "../kselftest.h"

#define ARRAY_LEN(a)	(sizeof(a) / sizeof((a)[0]))
#define USAGE		"nvme_passthrough <namespace> <bytes of a block> <bytes of its metadata> [p2pmem]"
#define READ		2
#define WRITE		1
#define MOST		(128UL << 10)	/* at once behind an IOMMU */
#define AREA		(MOST + (64UL << 10))
#define P2P_AREA	(16UL << 10)
#define BESIDE		0xa5

struct io {
	int fd;
	unsigned int nsid;
	size_t block;
	size_t meta;
};

/* Memory that only the command may change, and only from @into on */
struct buffer {
	uint8_t *area;
	size_t size;
	size_t into;
	size_t len;
};

static unsigned int commands;

static uint8_t *map(void)
{
	uint8_t *area = mmap(NULL, AREA, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (area == MAP_FAILED)
		err(1, "mmap: %lu bytes", AREA);
	return area;
}

/* Free memory may come in order, so something else gets each second page. */
static struct buffer new_buffer(void)
{
	struct buffer buf = { .area = map(), .size = AREA };
	uint8_t *spacer = map();

	for (size_t i = 0; i < AREA; i += 4096) {
		buf.area[i] = 1;
		spacer[i] = 1;
	}
	return buf;
}

/* Memory of a PCI device */
static struct buffer p2p_buffer(const char *file)
{
	struct buffer buf = { .size = P2P_AREA };
	int fd = open(file, O_RDWR);

	if (fd < 0)
		err(1, "%s", file);
	buf.area = mmap(NULL, buf.size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (buf.area == MAP_FAILED)
		err(1, "mmap: %s", file);
	return buf;
}

static void place(struct buffer *buf, size_t into, size_t len)
{
	memset(buf->area, BESIDE, buf->size);
	buf->into = into;
	buf->len = len;
}

static uint8_t byte_of(size_t i, unsigned int seed)
{
	return seed * 37 + i * 7 + (i >> 8);
}

static void fill(struct buffer *buf, unsigned int seed)
{
	for (size_t i = 0; i < buf->len; i++)
		buf->area[buf->into + i] = byte_of(i, seed);
}

static void check(const struct buffer *buf, unsigned int seed, const char *what)
{
	for (size_t i = 0; i < buf->size; i++) {
		bool inside = i >= buf->into && i < buf->into + buf->len;
		uint8_t want = inside ? byte_of(i - buf->into, seed) : BESIDE;

		if (buf->area[i] != want)
			errx(1, "%s of %zu bytes at %zu: byte %zd is %#x, not %#x",
			     what, buf->len, buf->into, i - buf->into,
			     buf->area[i], want);
	}
}

/* In one piece, or in three that may begin anywhere */
static void submit(const struct io *io, int opcode, struct buffer *data,
		   struct buffer *meta, bool vectored)
{
	uint8_t *start = data->area + data->into;
	size_t piece = data->len / 512 / 3 * 512 + 4;
	struct iovec vec[3] = {
		{ start, piece },
		{ start + piece, piece },
		{ start + 2 * piece, data->len - 2 * piece },
	};
	struct nvme_passthru_cmd64 cmd = {
		.opcode		= opcode,
		.nsid		= io->nsid,
		.cdw12		= data->len / io->block - 1,
	};
	int ret;

	if (vectored) {
		cmd.addr = (uintptr_t)vec;
		cmd.vec_cnt = ARRAY_LEN(vec);
	} else {
		cmd.addr = (uintptr_t)start;
		cmd.data_len = data->len;
	}
	if (io->meta) {
		cmd.metadata = (uintptr_t)(meta->area + meta->into);
		cmd.metadata_len = meta->len;
	}
	ret = ioctl(io->fd, vectored ? NVME_IOCTL_IO64_CMD_VEC : NVME_IOCTL_IO64_CMD,
		    &cmd);
	if (ret)
		errx(1, "opcode %d, %zu bytes%s at %zu, metadata at %zu: %s, status %#x",
		     opcode, data->len, vectored ? " in pieces" : "", data->into,
		     meta->into, ret < 0 ? strerror(errno) : "refused", ret);
	commands++;
}

static void write_and_read(const struct io *io, struct buffer *data,
			   struct buffer *meta, size_t len, size_t from,
			   size_t to, bool vectored)
{
	size_t meta_len = len / io->block * io->meta;
	unsigned int seed = commands + 1;

	place(data, from, len);
	place(meta, to, meta_len);
	fill(data, seed);
	fill(meta, seed + 1);
	submit(io, WRITE, data, meta, vectored);

	place(data, to, len);
	place(meta, from, meta_len);
	submit(io, READ, data, meta, vectored);
	check(data, seed, "data");
	check(meta, seed + 1, "metadata");
}

int main(int argc, char **argv)
{
	static const size_t blocks[] = { 1, 8, 9, 127, 256 };
	static const size_t offsets[] = { 0, 1, 4, 510, 512, 3584, 4092, 4095 };
	struct buffer data = new_buffer(), meta;
	struct io io;

	if (argc != 4 && argc != 5)
		errx(2, "usage: " USAGE);
	meta = argc == 5 ? p2p_buffer(argv[4]) : new_buffer();
	io.fd = open(argv[1], O_RDWR);
	if (io.fd < 0)
		ksft_exit_skip("%s: %s: attach an NVMe disk\n", argv[1],
			       strerror(errno));
	io.nsid = ioctl(io.fd, NVME_IOCTL_ID);
	io.block = strtoul(argv[2], NULL, 0);
	io.meta = strtoul(argv[3], NULL, 0);
	if (io.block < 512)
		errx(2, "%s: not the size of a block", argv[2]);

	for (size_t b = 0; b < ARRAY_LEN(blocks); b++) {
		size_t len = blocks[b] * io.block;

		for (size_t i = 0; len <= MOST && i < ARRAY_LEN(offsets); i++) {
			size_t to = offsets[(i + b + 1) % ARRAY_LEN(offsets)];

			write_and_read(&io, &data, &meta, len, offsets[i], to,
				       false);
			if (blocks[b] >= 8)
				write_and_read(&io, &data, &meta, len,
					       offsets[i], to, true);
		}
	}
	printf("%u\n", commands);
	return 0;
}
