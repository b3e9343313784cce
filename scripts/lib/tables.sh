# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Sourced by lib/repo.sh: the tables in configs/, and properties of an architecture. A
# table has a line for each thing. Its columns are separated by "|", and the first one is
# the name.

# The image of a kernel in its build directory
kernel_image()
{
	case $1 in
	x86_64|i386) echo arch/x86/boot/bzImage ;;
	arm64)	echo arch/arm64/boot/Image ;;
	*)	die "ARCH=$1: no such architecture: give x86_64, i386 or arm64" ;;
	esac
}

# CROSS_COMPILE for it, as Debian names the compiler
cross_compile()
{
	case $1,$(uname -m) in
	arm64,aarch64) ;;
	arm64,*) echo aarch64-linux-gnu- ;;
	i386,x86_64) ;;
	i386,*)	echo i686-linux-gnu- ;;
	esac
}

# compiler_args <compiler>: sets $cc to the arguments of make for it
compiler_args()
{
	# shellcheck disable=SC2034 # for who sources this
	case $1 in
	clang)	cc=(LLVM=1 CC="ccache clang") ;;
	*)	cc=(CROSS_COMPILE="${1%gcc}" CC="ccache $1") ;;
	esac
}

# versions: of the programs that build kernels and run guests, as far as they are there
versions()
{
	local program

	for program in gcc {aarch64,i686,s390x,riscv64}-linux-gnu-gcc arm-linux-gnueabihf-gcc ld clang ld.lld sparse \
			qemu-system-{x86_64,aarch64} fio; do
		if command -v "$program" > /dev/null; then echo "$program: $("$program" --version | sed -n 1p)"; fi
	done
}

# field <table> <name> <number of the column>
field()
{
	awk -F '|' -v name="$2" -v column="$3" '
		/^#/ { next }
		{ for (i = 1; i <= NF; i++) gsub(/^[ \t]+|[ \t]+$/, "", $i) }
		$1 == name { print $column; found = 1 }
		END { exit !found }' "$1" ||
		die "$1: no line for $2: there are $(names "$1" | paste -s -d ' ')"
}

# names <table>: the names in it, or if it has lines "machine <name>", those of the
# machines
names()
{
	awk -F '[ |]' '/^(#|$)/ { next } $1 == "machine" { named = 1; print $2 } !named { print $1 }' "$1"
}

# kernel <name> <column>: from configs/kernels
kernel()
{
	case $2 in
	arch)	   field configs/kernels "$1" 2 ;;
	fragments) field configs/kernels "$1" 3 ;;
	objects)   field configs/kernels "$1" 4 ;;
	begins)	   field configs/kernels "$1" 5 ;;
	compiler)  field configs/kernels "$1" 6 ;;
	esac
}

# machine <name> <column>: from configs/machines
machine()
{
	case $2 in
	arch)	field configs/machines "$1" 2 ;;
	kernel)	field configs/machines "$1" 3 ;;
	qemu)	field configs/machines "$1" 4 ;;
	args)	field configs/machines "$1" 5 ;;
	domain)	field configs/machines "$1" 6 ;;
	esac
}

# machines <table> [name...]: the names in the table, or those of them that are asked for
machines()
{
	local name names table=$1

	shift
	names=$(names "$table")
	for name in "$@"; do
		grep -qx -e "$name" <<< "$names" ||
			die "$table: no machine $name: there are $(paste -s -d ' ' <<< "$names")"
	done
	if [ $# -gt 0 ]; then printf '%s\n' "$@"; else echo "$names"; fi
}
