// SPDX-License-Identifier: GPL-2.0
/*
 * load-crash-kernel <image> <initramfs> <command line>: what the kernel jumps to when
 * it panics
 */
#include <fcntl.h>
#include <linux/kexec.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int image, initramfs;

	if (argc != 4)
		return 2;
	image = open(argv[1], O_RDONLY);
	initramfs = open(argv[2], O_RDONLY);
	if (image < 0 || initramfs < 0 ||
	    syscall(SYS_kexec_file_load, image, initramfs, strlen(argv[3]) + 1,
		    argv[3], KEXEC_FILE_ON_CRASH)) {
		perror(argv[1]);
		return 1;
	}
	return 0;
}
