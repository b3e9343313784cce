# SPDX-License-Identifier: GPL-2.0
#
# The verbs. Each is a script that does one job; all output is below build/.

.PHONY: help run check check-all bench tree kernel series docs deps clean
.NOTPARALLEL:
.DEFAULT_GOAL := help

# KDIR=, V=, O= and the like reach the scripts through the environment.
Q := $(if $(filter 1,$(V)),,@)

help:
	@echo 'make run       build a kernel, boot it, move data, do I/O to NVMe    15 min the first time'
	@echo 'make check     all of the tests, from nothing                        25 min'
	@echo 'make check-all the slow ones: arm64, each commit, each break        hours'
	@echo 'make bench     what it costs to map scattered pages, by instructions 40 min the first time'
	@echo 'make tree      build/linux: the kernel source with the series        30 s'
	@echo 'make kernel    build/kernel: the kernel of it                       10 min'
	@echo 'make series    build/series: the patches as mail, proven by git am   1 min'
	@echo 'make docs      build/docs: the documentation as HTML                 1 min'
	@echo 'make deps      install the Debian packages that are missing          2 min'
	@echo 'make clean     remove build/'
	@echo
	@echo 'KDIR=<tree>    a Linux 6.12 tree instead of the Debian package in BASE'
	@echo 'PEER=<tree>    make bench measures that tree, too: one that has the API'
	@echo 'V=1            show the commands'

deps:
	$(Q)scripts/deps.sh

tree: deps
	$(Q)scripts/tree.sh

kernel: tree
	$(Q)scripts/kernel.sh configs/rdma.config

series: tree
	$(Q)scripts/series.sh

docs: tree
	$(Q)scripts/docs.sh

run: kernel
	$(Q)scripts/run.sh
	$(Q)scripts/nvme.sh

check: kernel
	$(Q)O=build/dma-debug scripts/kernel.sh configs/dma-debug.config
	$(Q)scripts/check.sh

check-all: kernel
	$(Q)scripts/deps.sh all
	$(Q)ARCH=arm64 scripts/kernel.sh configs/rdma.config
	$(Q)scripts/check-all.sh

bench: tree
	$(Q)scripts/deps.sh all
	$(Q)scripts/bench.sh

clean:
	$(Q)rm -rf build
