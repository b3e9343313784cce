#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# deps.sh [deb|all]: install the Debian packages that are missing. `deb` adds those that
# only `make deb` needs, `all` those of `make check-all` and `make bench` as well. Prints
# nothing if no package is missing. Without dpkg and with KDIR= it only names packages.
set -euo pipefail
. "$(dirname "$0")/../lib/repo.sh"
. scripts/lib/progress.sh

# package, and what it is for
packages='
	gcc			the kernel, C user-space tools
	make			the verbs, the kernel
	bc			kernel: include/generated/timeconst.h
	bison			kernel: kconfig, dtc
	flex			kernel: kconfig, dtc
	libc6-dev		host tools of the kernel
	libelf-dev		kernel: objtool
	libssl-dev		kernel: certificates, module signatures
	ccache			every build but the first
	xz-utils		the base tarball, the kernel image
	python3			kunit.py, reports
	perl			kernel: checkpatch.pl, kernel-doc
	python3-ply		checkpatch.pl: spdxcheck.py
	python3-git		checkpatch.pl: spdxcheck.py
	qemu-system-x86		the guests
	busybox-static		the user space of the guests
	cpio			the initramfs of the guests
	fio			make run: I/O to NVMe
	e2fsprogs		make run: a file system on NVMe
	acpica-tools		make run: iasl, for a table of an NVMe guest
	iproute2		make check: rdma, for soft RoCE in a guest
	procps			make check: pkill, to stop a guest
	binutils		make run: readelf, nm, for what fio needs
	quilt			the patch stack
	sparse			make check
	shellcheck		make check
	python3-sphinx		make docs
	patch			for quilt
	git			lists the files, make series
	kmod			kernel: modules_install
'
deb='
	debhelper		make deb: the packages
	dpkg-dev		make deb: dpkg-buildpackage
	dwarves			make deb: pahole, for the types of BTF
	rsync			make deb: the headers of the kernel for user space
'
all='
	mmdebstrap		make check-all: the Debian system that a package is installed on
	gcc-aarch64-linux-gnu	make check-all, make bench: the arm64 kernel
	qemu-system-arm		make check-all, make bench: the arm64 guests
	libc6-dev-arm64-cross	make bench: the user space of an arm64 guest
	gnuplot-nox		make bench, nvme.sh: plots
	clang			make check-all: compile.sh
	lld			make check-all: compile.sh
	gcc-s390x-linux-gnu	make check-all: compile.sh
	gcc-arm-linux-gnueabihf	make check-all: compile.sh
	gcc-riscv64-linux-gnu	make check-all: compile.sh
	gcc-i686-linux-gnu	make check-all: compile.sh
'
case ${1:-} in
all)	packages+=$deb$all ;;
deb)	packages+=$deb ;;
'')	;;
*)	die "$1: no such group of packages: give deb, all, or nothing" ;;
esac
base=$(base_field Package)
[ -n "${KDIR:-}" ] || packages+="$base	the kernel"

mapfile -t wanted < <(awk '{ print $1 }' <<< "$packages" | sed '/^$/d')
if ! command -v dpkg-query > /dev/null; then
	[ -n "${KDIR:-}" ] || die "dpkg-query: not found, as this is not Debian: install packages like ${wanted[*]} and give KDIR=<a Linux 6.12 tree>"
	say DEPS "not Debian: packages like these are needed: ${wanted[*]}"
	exit 0
fi

installed=" $(dpkg-query -W -f '${Package} ${db:Status-Status}\n' "${wanted[@]}" 2> /dev/null |
	awk '$2 == "installed" { printf "%s ", $1 }' || true)"
missing=()
for p in "${wanted[@]}"; do
	case $installed in
	*" $p "*) ;;
	*)	missing+=("$p") ;;
	esac
done
if [ ${#missing[@]} -eq 0 ]; then exit 0; fi

command -v apt-get > /dev/null ||
	die "${missing[*]}: not installed, and no apt-get here: install them"
if [ "$(id -u)" = 0 ]; then
	root=()
elif sudo -n true 2> /dev/null; then
	root=(sudo -n)
else
	die "${missing[*]}: not installed, and this is not root: sudo apt-get install --no-install-recommends ${missing[*]}"
fi

mkdir -p build
log=build/deps.log
apt()
{
	"${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -y -q "$@" >> "$log" 2>&1 < /dev/null &
	wait_for $! apt_does
}

# apt_does: the last thing that apt-get has said, without its dots
apt_does()
{
	echo "apt-get: $(grep -E '^(Get:|Unpacking|Setting up|Processing)' "$log" | tail -n 1 | cut -c 1-60)"
}

# The package lists may be empty, or so old that they name packages that are gone.
: > "$log"
if ! apt install --no-install-recommends "${missing[@]}"; then
	apt update || true
	apt install --no-install-recommends "${missing[@]}" ||
		die_log "$log" "${missing[*]}: not installed by apt-get"
fi
say DEPS "${missing[*]}"
