#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# kunit.sh [profile [suite]]: the KUnit suites on the machines of
# configs/profiles, by the kernel's own kunit.py: on the one that is named, or on
# all of $ARCH. One line for each case. All cases must run; one that is skipped
# has not shown anything. A kernel that has kmemleak then boots on, into a process
# that has it search for leaks.
#
#   ARCH=x86_64           x86_64 or arm64
#   KERNEL=               build directory (the one that the profile is for)
#   KUNIT_TIMEOUT=300     seconds for a suite on a machine
#   KERNEL_ARGS=          more kernel arguments, such as dma_iova_random_kunit.steps=1000000
set -euo pipefail
. "$(dirname "$0")/repo.sh"
. scripts/guest-root.sh

arch=${ARCH:-x86_64}
if [ -n "${1:-}" ]; then arch=$(profile_arch "$1"); fi
limit=${KUNIT_TIMEOUT:-300}
linux=$PWD/build/linux
out=build/kunit

# timeout has a process group of its own, and does not hear the terminal.
trap 'kill $(jobs -p); exit 130' INT TERM

# make_root: $out/initramfs, for a kernel that has kmemleak
make_root()
{
	if [ -e "$out/initramfs" ]; then return; fi
	guest_root "$out/root" scripts/kunit-init.sh
	pack_root "$out/root" > "$out/initramfs"
}

# run_suite <profile> <qemu config> <QEMU arguments> <kernel arguments> <suite>,
# on the kernel in $kernel
run_suite()
{
	local log=$out/$1.$5 args=() suite=("$5.*") leaks=0 splats rc=0

	if [ "$2" != - ]; then
		args+=(--qemu_config "$linux/tools/testing/kunit/qemu_configs/$2.py")
	fi
	if [ -n "$3" ]; then args+=(--qemu_args "$3"); fi
	if [ -n "$4" ]; then args+=(--kernel_args "$4"); fi
	if [ -n "${KERNEL_ARGS:-}" ]; then args+=(--kernel_args "$KERNEL_ARGS"); fi

	# kunit.py would have the kernel end with the suites: what is behind the two
	# dashes is not for the kernel.
	if grep -q '^CONFIG_DEBUG_KMEMLEAK=y' "$kernel/.config"; then
		leaks=1 suite=()
		make_root
		args+=(--qemu_args "-initrd $PWD/$out/initramfs")
		args+=(--kernel_args "kunit.enable=1 kunit.filter_glob=$5.* console=ttyS0 --")
	fi

	rm -f "$kernel/test.log"
	# It asks QEMU to end at the time-out, and waits for ever if QEMU hangs.
	timeout -s KILL $((limit + 60)) python3 "$linux/tools/testing/kunit/kunit.py" exec \
		--arch "$arch" --build_dir "$kernel" --timeout "$limit" \
		"${args[@]}" "${suite[@]}" < /dev/null > "$log.txt" 2>&1 &
	wait $! || rc=$?
	if [ -f "$kernel/test.log" ]; then mv "$kernel/test.log" "$log.log"; else : > "$log.log"; fi

	# A skip of kunit.py's is a failure here.
	awk -v name="kunit $1 $5" '
		/^\[[0-9:]+\] \[[A-Z]+\] / {
			print ($2 == "[PASSED]" ? "ok" : "not ok") " - " name " " $3 ($2 == "[PASSED]" ? "" : ": " $2)
		}' "$log.txt"
	if [ "$rc" != 0 ]; then
		echo "not ok - kunit $1 $5: $log.txt: $(tail -n 2 "$log.txt" | head -n 1)"
	fi
	if [ $leaks = 1 ] && ! grep -q 'searched for leaks' "$log.log"; then
		echo "not ok - kunit $1 $5: $log.log: the guest has not searched for leaks"
	fi
	if ! splats=$(scripts/splats.sh "$log.log"); then
		echo "not ok - kunit $1 $5: kernel: $(head -n 1 <<< "$splats")"
	fi
}

mkdir -p "$out"
rm -f "$out/initramfs"
ran=0
while IFS='|' read -r name machine config qemu_args kernel_args suites; do
	name=$(xargs <<< "$name")
	case $name in '' | '#'*) continue ;; esac
	if [ -n "${1:-}" ] && [ "$1" != "$name" ]; then continue; fi
	if [ "$(xargs <<< "$machine")" != "$arch" ]; then continue; fi
	kernel=$(realpath -m "${KERNEL:-$(profile_kernel "$name")}")
	[ -f "$kernel/$(kernel_image "$arch")" ] ||
		die "$kernel/$(kernel_image "$arch"): missing: ARCH=$arch O=$kernel scripts/kernel.sh $(profile_fragments "$name")"
	for suite in $suites; do
		if [ -n "${2:-}" ] && [ "$2" != "$suite" ]; then continue; fi
		say KUNIT "$name $suite" >&2
		run_suite "$name" "$(xargs <<< "$config")" "$(xargs <<< "$qemu_args")" \
			"$(xargs <<< "$kernel_args")" "$suite"
		ran=$((ran + 1))
	done
done < configs/profiles > "$out/results"
cat "$out/results"
[ "$ran" -gt 0 ] || die "configs/profiles: no profile ${1:-} with suite ${2:-}: see the names in it"
! grep -q '^not ok' "$out/results"
