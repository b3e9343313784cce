# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Sourced by scripts/bench.sh and bench-profile.sh: the guests that they boot, as
# configs/bench describes them.

out=build/bench
table=configs/bench
. scripts/guest.sh

# machine <name> <field>: of its line in the table, the first behind the name being 2
machine()
{
	awk -F ' *[|] *' -v name="machine $1" -v field="$2" '{ sub(/ +$/, "", $1) } $1 == name { print $field }' "$table"
}

# bench_kernel <tree> <architecture>: where it is built
bench_kernel()
{
	if [ "$2" = x86_64 ]; then echo "$out/$1"; else echo "$out/$1.$2"; fi
}

# boot <machine> <tree> <log> <serial port of the results> <kernel arguments>
# [QEMU argument...]. With icount a nanosecond is an instruction.
boot()
{
	local name=$1 tree=$2 log=$3 serial=$4 more=$5 arch image args qemu rc=0

	shift 5
	arch=$(machine "$name" 2)
	image=$(bench_kernel "$tree" "$arch")/$(kernel_image "$arch")
	read -ra args <<< "$(machine "$name" 3)"
	case $arch in
	x86_64)	args+=(-machine q35 -bios qboot.rom)
		more="console=ttyS0 results=/dev/ttyS1 tsc=reliable $more"
		qemu='qemu-system-x86_64' ;;
	arm64)	args+=(-machine 'virt,gic-version=3' -cpu cortex-a57 -device 'pci-serial,chardev=serial1')
		more="console=ttyAMA0 results=/dev/ttyS0 $more"
		qemu='qemu-system-aarch64' ;;
	esac
	[ -f "$image" ] || die "$image: missing: do without NO_BUILD"
	rm -f "$log.console"
	timeout --foreground -k 5 "${BENCH_TIMEOUT:-600}" "$qemu" \
		-accel tcg -m 512M -nodefaults -no-user-config -nographic -no-reboot "${args[@]}" \
		-device edu,dma_mask=0xffffffffffffffff -kernel "$image" -initrd "$out/$tree.$arch.initramfs" \
		-append "panic=-1 $(machine "$name" 4) group=$(machine "$name" 5) $more ${ARGS:-}" \
		-serial "file:$log.console" -serial "$serial" "$@" \
		< /dev/null > "$log.qemu" 2>&1 || rc=$?
	[ "$rc" != 124 ] || die "$log.console: time-out after ${BENCH_TIMEOUT:-600} s: $(tail -n 1 "$log.console")"
	[ "$rc" = 0 ] || die "$log.qemu: QEMU ended with $rc: $(tail -n 1 "$log.qemu")"
}
