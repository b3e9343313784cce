// SPDX-License-Identifier: GPL-2.0
/*
 * First process of the guests of scripts/bench/run.sh: has dma_iova_bench.ko measure
 * each way to map that it knows, for each line of the file /pages. To the serial
 * port $results go lines
 *	time <way> <pages> <counted> <timed> <phase> <ns to map all> <ns to unmap all>
 *	hammer <way> <pages> <times> <CPUs> <ns>
 * the latter, of each line in /hammer, if there is more than one CPU, several times
 * because a clock on the wall also counts other work; and a last one,
 * "status ok" or "status failed to <what>: <why>".
 *
 * With $profile, <way>:<pages>:<times>, only that is done: see scripts/lib/profile.sh.
 * Unlike a shell, this can be built for any architecture. What the kernel does not
 * know on its command line comes as environment.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

#define MAX_WAYS	16
#define HAMMER_RUNS	100

static FILE *port;
static char *bench;	/* the device's file in debugfs */

static void finish(const char *format, ...)
{
	va_list args;

	if (port) {
		fputs("status ", port);
		va_start(args, format);
		vfprintf(port, format, args);
		va_end(args);
		fputs("\n", port);
		fflush(port);
		tcdrain(fileno(port));
	}
	reboot(RB_POWER_OFF);
	exit(1);
}

static const char *argument(const char *name)
{
	const char *value = getenv(name);

	return value ? value : "";
}

static FILE *must_open(const char *path, const char *mode)
{
	FILE *f = fopen(path, mode);

	if (!f)
		finish("failed to open %s: %m", path);
	return f;
}

static void mount_all(void)
{
	static const char *const where[][2] = {
		{ "devtmpfs", "/dev" }, { "proc", "/proc" }, { "sysfs", "/sys" },
		{ "debugfs", "/sys/kernel/debug" },
	};

	for (size_t i = 0; i < sizeof(where) / sizeof(*where); i++)
		if (mount("none", where[i][1], where[i][0], 0, NULL))
			finish("failed to mount %s: %m", where[i][1]);
}

static void open_port(void)
{
	struct termios raw;

	port = must_open(argument("results"), "r+");
	if (tcgetattr(fileno(port), &raw))
		finish("failed to set up %s: %m", argument("results"));
	cfmakeraw(&raw);
	tcsetattr(fileno(port), TCSANOW, &raw);
}

static void load_module(void)
{
	FILE *f = must_open("/dma_iova_bench.ko", "r");

	if (syscall(SYS_finit_module, fileno(f), "", 0))
		finish("failed to load dma_iova_bench.ko: %m");
	fclose(f);
}

/* The device is behind the IOMMU that it is meant to be. */
static void find_device(void)
{
	char path[256], type[32] = "";
	glob_t found;
	FILE *f;

	if (glob("/sys/kernel/debug/dma_iova_bench/*", 0, NULL, &found))
		finish("failed to find an edu device");
	bench = found.gl_pathv[0];
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/iommu_group/type",
		 strrchr(bench, '/') + 1);
	f = must_open(path, "r");
	if (fscanf(f, "%31s", type) != 1 || strcmp(type, argument("group")))
		finish("failed to find it in a group of the type %s: %s",
		       argument("group"), type);
	fclose(f);
}

static void command(const char *format, ...)
{
	char text[64];
	va_list args;
	int fd;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	fd = open(bench, O_WRONLY);
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		finish("failed to do %s: %m", text);
	close(fd);
}

/* Copy what is in a file to the port, each line after a text. */
static void report(const char *before, const char *path, const char *only)
{
	FILE *f = must_open(path, "r");
	char line[256];

	while (fgets(line, sizeof(line), f))
		if (strstr(line, only))
			fprintf(port, "%s%s", before, line);
	fclose(f);
	fflush(port);
}

static void wait_for_answer(const char *what)
{
	char c;

	fprintf(port, "%s\n", what);
	fflush(port);
	do {
		if (read(fileno(port), &c, 1) != 1)
			finish("failed to get an answer to %s: %m", what);
	} while (c != '\n');
}

static void profile(const char *what)
{
	unsigned int nr, times;
	char way[16];

	if (sscanf(what, "%15[^:]:%u:%u", way, &nr, &times) != 3)
		finish("failed to understand profile=%s", what);
	report("symbol ", "/proc/kallsyms", "[dma_iova_bench]");
	command("%s %u 0 %u 1", way, nr, times);	/* to warm up */
	wait_for_answer("ready");
	command("%s %u %u 0 1", way, nr, times);
	wait_for_answer("done");
}

static void measure(const char *way)
{
	unsigned int nr, counted, timed;
	static unsigned int phase = 1;
	FILE *pages = must_open("/pages", "r");

	while (fscanf(pages, "%u %u %u", &nr, &counted, &timed) == 3) {
		command("%s %u %u %u %u", way, nr, counted, timed, phase);
		fprintf(port, "time %s %u %u %u %u ", way, nr, counted, timed,
			phase);
		report("", bench, "");
		phase += 2;
	}
	fclose(pages);
}

static void hammer(void)
{
	FILE *f = must_open("/hammer", "r");
	unsigned int nr, times;
	char way[16];

	while (fscanf(f, "%15s %u %u", way, &nr, &times) == 3) {
		command("hammer %s %u %u", way, nr, times);
		fprintf(port, "hammer %s %u %u ", way, nr, times);
		report("", bench, "");
	}
	fclose(f);
}

int main(void)
{
	char ways[MAX_WAYS][16];
	int n = 0;
	FILE *f;

	mount_all();
	open_port();
	load_module();
	find_device();
	if (*argument("profile")) {
		profile(argument("profile"));
		finish("ok");
	}
	if (sysconf(_SC_NPROCESSORS_ONLN) > 1) {
		for (int i = 0; i < HAMMER_RUNS; i++)
			hammer();
		finish("ok");
	}
	f = must_open(bench, "r");
	while (n < MAX_WAYS && fscanf(f, "%15s", ways[n]) == 1)
		n++;
	fclose(f);
	for (int i = 0; i < n; i++)
		measure(ways[i]);
	finish("ok");
}
