# SPDX-License-Identifier: GPL-2.0
#
# The verbs. Each is a script that does one job; all output is below build/.

.PHONY: help run check check-all bench clients conformance tree kernel deb series docs deps clean
.NOTPARALLEL:
.DEFAULT_GOAL := help

# KDIR=, V=, KERNEL= and the like reach the scripts through the environment.
Q := $(if $(filter 1,$(V)),,@)

help:
	@echo 'make run       build a kernel, boot it, move data, do I/O to NVMe    10 min the first time'
	@echo 'make check     the tests, except the slow ones                       40 min'
	@echo 'make check-all the slow ones: arm64, each commit, each break        hours, in stages'
	@echo 'make bench     what it costs to map scattered pages, by instructions 40 min the first time'
	@echo 'make clients   small drivers, one for each kind of use, move data     10 min the first time'
	@echo 'make conformance PEER=<tree>  the same tests here and in a mainline tree    20 min'
	@echo 'make tree      build/linux: the kernel source with the series        30 s'
	@echo 'make kernel    build/kernels/run: the kernel of make run              6 min'
	@echo 'make deb       build/deb: Debian packages of a kernel of your configuration'
	@echo 'make series    build/series: the patches as mail, proven by git am   1 min'
	@echo 'make docs      build/docs: the documentation as HTML                 1 min'
	@echo 'make deps      install the Debian packages that are missing          2 min'
	@echo 'make clean     remove build/'
	@echo
	@echo 'KDIR=<tree>    a Linux 6.12 tree instead of the Debian package in BASE'
	@echo 'PEER=<tree>    another tree that has the API: make bench also measures it, and'
	@echo '               make clients also runs the drivers on its kernel'
	@echo 'KERNEL=<name>  make kernel builds this one of configs/kernels'
	@echo 'CONFIG=<file>  make deb takes it instead of that of the running kernel'
	@echo 'V=1            show the commands'

deps:
	$(Q)scripts/tree/deps.sh

tree: deps
	$(Q)scripts/tree/tree.sh

kernel: tree
	$(Q)scripts/tree/kernel.sh $(or $(KERNEL),run)

deb: tree
	$(Q)scripts/tree/deps.sh deb
	$(Q)scripts/tree/deb.sh

series: tree
	$(Q)scripts/tree/series.sh

docs: tree
	$(Q)scripts/tree/docs.sh

run: kernel
	$(Q)scripts/guests/edu/run.sh
	$(Q)SHORT=1 scripts/guests/nvme/run.sh

check: deps
	$(Q)scripts/check/check.sh

check-all: tree
	$(Q)scripts/tree/deps.sh all
	$(Q)scripts/check/check-all.sh

bench: tree
	$(Q)scripts/tree/deps.sh all
	$(Q)scripts/bench/run.sh

clients: tree
	$(Q)scripts/tree/kernel.sh test
	$(Q)scripts/guests/clients/run.sh

conformance: tree
	$(Q)scripts/tree/kernel.sh test
	$(Q)scripts/check/api.sh '$(PEER)'
	$(Q)scripts/check/users.sh '$(PEER)'
	$(Q)scripts/check/conformance.sh '$(PEER)'
	$(Q)MAINLINE=1 scripts/guests/map-benchmark/run.sh

clean:
	$(Q)rm -rf build
