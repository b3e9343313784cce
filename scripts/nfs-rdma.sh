#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# nfs-rdma.sh: boot the kernel in QEMU, have it mount its own NFS server by way
# of RDMA over soft RoCE, and write and read files: what the server moves goes
# through R/W contexts of bio_vecs.
#
#   KERNEL=build/kernel		build directory
#   OUT=build/nfs-rdma		initramfs, logs and results
#   NFS_TIMEOUT=120		seconds
set -euo pipefail
. "$(dirname "$0")/repo.sh"
. scripts/guest-root.sh

KERNEL=${KERNEL:-build/kernel}
OUT=${OUT:-build/nfs-rdma}
BZIMAGE=$KERNEL/arch/x86/boot/bzImage

# In the order in which they are loaded
modules=(drivers/net/dummy lib/oid_registry net/sunrpc/sunrpc net/sunrpc/auth_gss/auth_rpcgss
	net/sunrpc/xprtrdma/rpcrdma net/dns_resolver/dns_resolver fs/exportfs/exportfs
	fs/nfs_common/grace fs/lockd/lockd fs/nfsd/nfsd fs/nfs/nfs fs/nfs/nfsv4)

make_initramfs()
{
	local root=$OUT/root m libraries rdma

	guest_root "$root" scripts/nfs-rdma-init.sh
	mkdir -p "$root"/{etc,export,mnt,tmp,modules}
	rdma=$(PATH=$PATH:/usr/sbin:/sbin command -v rdma) || die "rdma: not installed: make deps"
	libraries=$(ldd "$rdma") || die "$rdma: ldd fails"
	grep -o '/[^ ]*' <<< "$libraries" | xargs cp -L --parents -t "$root"
	cp -L "$rdma" "$root/bin/"
	for m in "${modules[@]}"; do
		cp "$KERNEL/$m.ko" "$root/modules/" || die "$KERNEL/$m.ko: missing: make kernel"
		echo "${m##*/}" >> "$root/modules/order"
	done
	head -c 4194304 /dev/urandom > "$root/even"
	head -c 1050001 /dev/urandom > "$root/odd"
	head -c 100 /dev/urandom > "$root/small"
	pack_root "$root" > "$OUT/initramfs"
}

boot()
{
	truncate -s 0 "$OUT"/{console.log,results}
	timeout --foreground -k 5 "${NFS_TIMEOUT:-120}" qemu-system-x86_64 \
		-machine q35 -accel "${ACCEL:-tcg}" -cpu EPYC -smp 2 -m 512M \
		-nodefaults -no-user-config -nographic -no-reboot -bios qboot.rom \
		-kernel "$BZIMAGE" -initrd "$OUT/initramfs" \
		-append 'console=ttyS0 panic=-1 kunit.enable=0' \
		-serial "file:$OUT/console.log" -serial "file:$OUT/results" \
		< /dev/null > "$OUT/qemu.log" 2>&1
}

# verdict <exit status of QEMU>: the first thing that is wrong
verdict()
{
	local splat status

	splat=$({ scripts/splats.sh "$OUT/console.log"
		grep -anH 'Call Trace' "$OUT/console.log"
	} | head -n 1 | tr -d '\r') || true
	status=$(sed -n 's/^status //p' "$OUT/results")
	if [ -n "$splat" ]; then echo "kernel: $splat"
	elif [ "$1" = 124 ]; then echo "time-out: $OUT/console.log"
	elif [ "$1" != 0 ]; then echo "QEMU ended with $1: $OUT/qemu.log: $(tail -n 1 "$OUT/qemu.log")"
	elif [ "$status" != ok ]; then echo "guest: ${status:-ended without a status}: $OUT/console.log"
	fi
}

[ -f "$BZIMAGE" ] || die "$BZIMAGE: missing: make kernel"
mkdir -p "$OUT"
lock "${OUT//\//-}"
make_initramfs
say BOOT 'NFS over RDMA, soft RoCE' >&2
rc=0
boot || rc=$?
sed -n 's/^ok /ok - nfs-rdma /p' "$OUT/results"
wrong=$(verdict "$rc")
if [ -z "$wrong" ]; then
	echo 'ok - nfs-rdma no warning'
else
	echo "not ok - nfs-rdma $wrong"
	exit 1
fi
