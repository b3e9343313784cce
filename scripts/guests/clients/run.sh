#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# run.sh [machine...]: the clients of samples/dma-iova/clients compile as modules of their
# own, and each works with the edu device: behind each IOMMU, and behind none those that
# fall back to the streaming API. A line for each.
#
#   KERNEL=test		of configs/kernels
#   PEER=/path		another tree that has the API: all of it once more, with its kernel
set -euo pipefail
. "$(dirname "$0")/../../lib/repo.sh"
. scripts/lib/rootfs.sh
. scripts/lib/guest.sh

src=samples/dma-iova/clients
all=$(basename -as .c $src/*.c | xargs)
fall_back='edu-fragments edu-one-shot'

# clients_on <machine>: those that must work there
clients_on()
{
	if [ "$(machine "$1" domain)" = - ]; then echo "$fall_back"; else echo "$all"; fi
}

# make_initramfs <tree> <build directory of its kernel>: with the clients. A warning of
# the compiler is an error.
make_initramfs()
{
	build_module $src "$1" "$2" "$out/modules" CONFIG_SAMPLE_DMA_IOVA_CLIENTS=m W=1 KCFLAGS=-Werror
	guest_root "$out/root" scripts/guests/clients/init.sh
	cp "$out/modules"/*.ko "$out/root/"
	pack_root "$out/root" > "$out/initramfs"
}

# run_machine <name>
run_machine()
{
	local name=$1 dir=$out/$1 clients client append rc=0 failed=0 wrong

	clients=$(clients_on "$name")
	append="kunit.enable=0 $icount_append group=$(machine "$name" domain) clients=${clients// /,}"
	boot "$name" "$dir" "$image" "$append" -m 256M "${icount[@]}" -initrd "$out/initramfs" -device edu \
		-object memory-backend-ram,id=p2p,size=4M -device ivshmem-plain,memdev=p2p || rc=$?
	for client in $clients; do
		if grep -qx "ok $client" "$dir/results"; then
			echo "ok - $title $name $client"
		else
			wrong=$(sed -n "s/^failed $client: //p" "$dir/results")
			echo "not ok - $title $name $client: ${wrong:-has not run}"
			failed=1
		fi
	done
	wrong=$(verdict "$dir" "$rc" "$faults")
	if [ -z "$wrong" ]; then
		echo "ok - $title $name no warning"
	else
		echo "not ok - $title $name $wrong"
		failed=1
	fi
	return "$failed"
}

# run_tree <what to call it> <directory> <source> <build directory of its kernel> <machine>...
run_tree()
{
	title=$1 out=$2 image=$4/$(kernel_image x86_64)
	mkdir -p "$out"
	[ -f "$image" ] || die "$image: missing: scripts/tree/kernel.sh ${4##*/}"
	make_initramfs "$3" "$4"
	echo "ok - $title compile for $3"
	say BOOT "$title: $(($# - 4)) machines" >&2
	run_jobs 'clients machines' "$out" run_machine "${@:5}" || failed=1
}

[ $# -gt 0 ] || set -- virtio-lazy intel-lazy no-iommu
lock clients
failed=0
run_tree clients build/clients build/linux "build/kernels/${KERNEL:-test}" "$@"
if [ -n "${PEER:-}" ]; then
	scripts/tree/peer.sh run >&2
	run_tree 'clients peer' build/clients/peer "$PEER" build/peer/run "$@"
fi
[ "$failed" = 0 ]
