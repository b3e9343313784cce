# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Sourced by scripts that boot guests. Has the one QEMU command line, and the one place
# that decides whether a guest is all right. Each guest leaves its files in a directory of
# its own: console; results, which it sends by a second serial port; qemu; and given-up,
# if the watchdog gave it up.

. scripts/lib/progress.sh

# For a guest that counts instructions: its clock is their number, and skips the time that
# the guest waits.
# shellcheck disable=SC2034,SC2054 # for boot(); the comma is QEMU's
icount=(-icount shift=0,sleep=off)
# An argument for its kernel: calibrating the timer of the APIC spins for 0.2 s, which are
# 200 million instructions.
# shellcheck disable=SC2034
icount_append=noapictimer

# kernel_of <name of configs/kernels> [build directory, if it is of another tree]: its image
kernel_of()
{
	local arch image

	arch=$(kernel "$1" arch)
	image=${2:-build/kernels/$1}/$(kernel_image "$arch")
	[ -f "$image" ] || die "$image: missing: scripts/tree/kernel.sh $1, or peer.sh for another tree"
	echo "$image"
}

# boot <machine> <directory> <image> <kernel arguments> [QEMU argument...]: returns when
# the guest has ended. A guest with the clock of the host must not take a slow host for a
# stall, nor for a timer that does not tick. trace_eval_init() takes longer than most of
# the boot; all it does is to replace names in the formats of events by their values.
# Without icount the TSC is the host's. A guest that waits for a CPU while it calibrates the
# TSC takes it for too slow. Its time then runs too fast, and all limits are too short. The
# HPET says itself how fast it is. A tsc= in the arguments is left alone.
#
#   ACCEL=tcg		or kvm
#   RESULTS=		another end of the second serial port, in QEMU's words
#   KERNEL_ARGS=	more kernel arguments
boot()
{
	local name=$1 dir=$2 image=$3 append=$4 arch qemu args

	shift 4
	arch=$(machine "$name" arch)
	read -ra args <<< "$(machine "$name" qemu)"
	# shellcheck disable=SC2054
	case $arch in
	x86_64)	qemu=(qemu-system-x86_64 -machine q35,kernel-irqchip=split -bios qboot.rom)
		if [[ " $* $append" != *" -icount "* && " $append ${KERNEL_ARGS:-}" != *" tsc="* ]]; then append="tsc=unstable $append"; fi
		append="console=ttyS0 results=/dev/ttyS1 no_timer_check $append" ;;
	arm64)	qemu=(qemu-system-aarch64 -machine virt,gic-version=3 -cpu cortex-a57
			-device 'pci-serial,chardev=serial1')
		append="console=ttyAMA0 results=/dev/ttyS0 $append" ;;
	esac
	mkdir -p "$dir"
	truncate -s 0 "$dir/console" "$dir/results" "$dir/qemu"
	scripts/lib/watch.sh "$dir/given-up" "$dir"/{console,results} -- \
		"${qemu[@]}" -accel "${ACCEL:-tcg}" -smp 1 -m 512M \
		-nodefaults -no-user-config -nographic -no-reboot "${args[@]}" \
		-kernel "$image" -serial "file:$dir/console" -serial "${RESULTS:-file:$dir/results}" \
		-append "panic=-1 rcupdate.rcu_cpu_stall_timeout=300 initcall_blacklist=trace_eval_init $(machine "$name" args) $append ${KERNEL_ARGS:-}" \
		"$@" < /dev/null > "$dir/qemu" 2>&1
}

# complaint <directory> <exit status of boot> [pattern]: prints the first thing that is
# wrong with what the guest has left, or nothing. The pattern is of lines in the console
# that are wrong in this guest.
complaint()
{
	local dir=$1 rc=$2 splats gate=0

	splats=$(scripts/lib/splats.sh "$dir/console") || gate=$?
	if [ "$gate" = 0 ] && [ -n "${3:-}" ]; then
		gate=1
		splats=$(grep -anHE "$3" "$dir/console") || gate=$((1 - $?))
	fi
	if [ "$gate" = 1 ]; then echo "kernel: $(head -n 1 <<< "$splats" | tr -d '\r')"
	elif [ "$gate" != 0 ]; then echo "$dir/console: cannot be searched for splats"
	else ending "$dir" "$rc"
	fi
}

# ending <directory> <exit status of boot>: prints why the guest has not ended by itself,
# or nothing
ending()
{
	if [ "$2" = 124 ]; then echo "given up: $(< "$1/given-up"): $1/console: $(last_line "$1/console")"
	elif [ "$2" != 0 ]; then echo "QEMU ended with $2: $1/qemu: $(last_line "$1/qemu")"
	fi
}

# verdict <directory> <exit status of boot> [pattern]: the same for a guest that reports
# its status as well. The console can make it fail, and never makes it pass.
verdict()
{
	local wrong status

	wrong=$(complaint "$@")
	status=$(sed -n 's/^status //p' "$1/results")
	if [ -n "$wrong" ]; then echo "$wrong"
	elif [ -z "$status" ]; then echo "the guest has ended without a status: $1/console: $(last_line "$1/console")"
	elif [ "$status" != ok ]; then echo "the guest has $status: $1/console: $(last_line "$1/console")"
	fi
}

# Messages that a guest with real I/O must not print
# shellcheck disable=SC2034 # for verdict()
faults='Call Trace|fault from EP|DMAR: \[|AMD-Vi: Event logged'

last_line()
{
	tail -n 1 "$1" | tr -d '\r'
}

# must_boot: boot(), or exit with the reason
must_boot()
{
	local rc=0 wrong

	boot "$@" || rc=$?
	wrong=$(verdict "$2" "$rc" "$faults")
	[ -z "$wrong" ] || die "$wrong"
}
