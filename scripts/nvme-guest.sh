# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Sourced by scripts/nvme-cost.sh and nvme-profile.sh: the guests that they boot,
# as configs/nvme-cost describes them.

out=build/cost
table=configs/nvme-cost
. scripts/guest.sh

# boot <machine> <tree> <log> <serial port of the results> <kernel arguments>
# [QEMU argument...]. With icount a nanosecond is an instruction. The disk holds
# nothing, and answers when the guest is surely idle: else it would be left to
# the host whether the guest has gone to sleep. It does not halt then, since
# its clock would jump to the next timer each time and have the guest handle it.
boot()
{
	local tree=$2 log=$3 serial=$4 more=$5 qemu_args kernel_args group rc=0

	IFS='|' read -r _ qemu_args kernel_args group < <(grep -E "^machine $1 +\|" "$table")
	read -ra qemu_args <<< "$qemu_args"
	shift 5
	rm -f "$log.console"
	timeout --foreground -k 5 "${COST_TIMEOUT:-300}" qemu-system-x86_64 \
		-machine q35 -accel tcg -icount shift=0,sleep=off -smp 1 -m 512M \
		-nodefaults -no-user-config -nographic -no-reboot -bios qboot.rom "${qemu_args[@]}" \
		-drive "if=none,id=disk,driver=null-co,size=1G,latency-ns=${LATENCY:-200000}" -device nvme,serial=cost,drive=disk,mdts=0 \
		-kernel "$out/$tree/arch/x86/boot/bzImage" -initrd "${initramfs:-$out/initramfs}" \
		-append "console=ttyS0 panic=-1 tsc=reliable idle=poll $(xargs <<< "$kernel_args") group=$(xargs <<< "$group") $more ${ARGS:-}" \
		-serial "file:$log.console" -serial "$serial" "$@" \
		< /dev/null > "$log.qemu" 2>&1 || rc=$?
	[ "$rc" != 124 ] || die "$log.console: time-out after ${COST_TIMEOUT:-300} s: $(tail -n 1 "$log.console")"
	[ "$rc" = 0 ] || die "$log.qemu: QEMU ended with $rc: $(tail -n 1 "$log.qemu")"
}
