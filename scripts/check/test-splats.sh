#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The check for splats accepts what a test has announced, and nothing else. Each line of its
# list is needed: without it, one of the complaints here passes, or a harmless line fails.
set -euo pipefail

here=$(dirname "$0")/../lib
dir=$(mktemp -d)
trap 'rm -r "$dir"' EXIT
log=$dir/log
failed=0

# gate <pass or fail> <what>, with the log on standard input
gate()
{
	local verdict=pass

	cat > "$log"
	"$here/splats.sh" "$log" > /dev/null || verdict=fail
	if [ "$verdict" = "$1" ]; then echo "ok - splats: $2"; else echo "not ok - splats: $2"; failed=1; fi
}

expect='[ 1.0]     # link_dir_none: expect-warning: mapping.c'
warn='[ 1.1] WARNING: CPU: 0 PID: 1 at kernel/dma/mapping.c:1043 dma_iova_link+0x3a/0x65'
gate pass 'a clean log' <<< '[ 1.0]     ok 1 link_dir_none'
gate pass 'an announced warning' <<< "$expect"$'\r\n'"$warn"
gate fail 'a warning that nobody announced' <<< "$warn"
gate fail 'a second warning' <<< "$expect"$'\n'"$warn"$'\n'"$warn"
gate fail 'a warning from another file' <<< "${expect/mapping.c/iommu.c}"$'\n'"$warn"
gate fail 'a warning after the case' <<< "$expect"$'\n[ 1.2]     ok 1 link_dir_none\n'"$warn"
gate pass 'two announced warnings' <<< "$expect"$'\n'"${expect/mapping.c/iommu.c}"$'\n'"$warn"$'\n'"${warn/mapping.c/iommu.c}"
gate pass 'an announced warning, by its directory' <<< "${expect/mapping.c/dma/mapping.c}"$'\n'"$warn"
gate fail 'a warning from a file of another directory' <<< "${expect/mapping.c/mm/mapping.c}"$'\n'"$warn"
gate fail 'a warning from a file whose name ends alike' <<< "${expect/mapping.c/ping.c}"$'\n'"$warn"
gate fail 'a warning when none is expected any more' <<< "$expect"$'\n'"${expect/mapping.c/none}"$'\n'"$warn"
report='[ 1.1] DMA-API: edu 0000:00:03.0: device driver unlinks a hole'
gate pass 'an announced report of dma-debug' <<< "${expect/mapping.c/debug.c}"$'\n'"$report"$'\n'"${warn/mapping.c/debug.c}"
gate fail 'a second report of dma-debug' <<< "${expect/mapping.c/debug.c}"$'\n'"$report"$'\n'"${warn/mapping.c/debug.c}"$'\n'"$report"

cat > "$dir/harmless" << 'END'
kmemleak: Kernel memory leak detector initialized (mem pool available: 15000)
kmemleak: Automatic memory scanning thread started
DMA-API: preallocated 65536 debug entries
DMA-API: debugging enabled by kernel config
DMA-API: debugging disabled on kernel command line
DMA-API: Mapped at:
sh[311]: depmod: WARNING: could not open modules.order
[    0.032033] Speculative Return Stack Overflow: WARNING: See https://kernel.org/doc/html/latest/admin-guide/hw-vuln/srso.html for mitigation options.
END
cat > "$dir/splats" << 'END'
BUG: unable to handle page fault
BUG kmalloc-64 (Not tainted): Redzone overwritten
Oops: 0000 [#1] SMP
Kernel panic - not syncing: hung_task: blocked tasks
general protection fault, probably for non-canonical address
KASAN: null-ptr-deref in range [0x0000000000000000-0x0000000000000007]
UBSAN: shift-out-of-bounds in mm/hmm-dma.c:1
Unable to handle kernel paging request at virtual address ffff
Internal error: synchronous external abort: 0000000096000210 [#1] SMP
kernel tried to execute NX-protected page - exploit attempt? (uid: 0)
WARNING: possible circular locking dependency detected
WARNING: HARDIRQ-safe -> HARDIRQ-unsafe lock order detected
WARNING: SOFTIRQ-safe -> SOFTIRQ-unsafe lock order detected
WARNING: held lock freed!
WARNING: fio/123 still has locks held!
WARNING: lock held when returning to user space!
WARNING: Nested lock was not taken
WARNING: bad contention detected!
WARNING: inconsistent lock state
WARNING: suspicious RCU usage
INFO: trying to register non-static key.
INFO: lockdep is turned off.
rcu: INFO: rcu_sched detected stalls on CPUs/tasks:
rcu: INFO: rcu_sched detected expedited stalls on CPUs/tasks: {
rcu: INFO: rcu_preempt self-detected stall on CPU
watchdog: CPU0: Watchdog detected hard LOCKUP on cpu 0
INFO: task fio:123 blocked for more than 120 seconds.
unreferenced object 0xffff888003b4c000 (size 64):
kmemleak: 1 new suspected memory leaks (see /sys/kernel/debug/kmemleak)
nvme 0000:01:00.0: dma_pool_destroy prp list page busy
VFS: Busy inodes after unmount of nvme0n1 (ext4)
debugfs: Directory 'dma' with parent 'x' already present!
sysfs: cannot create duplicate filename '/devices/x'
kobject: kobject_add_internal failed for x with -EEXIST
refcount_t: underflow; use-after-free.
list_add corruption. prev->next should be next
list_del corruption, ffff->next is LIST_POISON1
ODEBUG: free active (active state 0) object type: timer_list
bad: scheduling from the idle thread!
irq 11: nobody cared (try booting with the "irqpoll" option)
fio: page allocation failure: order:4
Out of memory: Killed process 1 (fio)
DMA-API: debugging out of memory - disabling
DMA-API: edu 0000:00:03.0: device driver has pending DMA allocations
iommu: unaligned: iova 0x1000 pa 0x10 size 0x10 min_pagesz 0x1000
DMAR: VT-d detected Invalidation Time-out Error: SID 0
DMAR: QI HEAD: Invalidation Wait qw0 = 0x1, qw1 = 0x1
AMD-Vi: Completion-Wait loop timed out
arm-smmu-v3 arm-smmu-v3.0.auto: CMDQ error (cons 0x01000002): Illegal command
arm-smmu-v3 arm-smmu-v3.0.auto: CMD_SYNC timeout at 0x1
virtio_iommu virtio0: could not add event buffer
virtio_iommu virtio0: failed to parse viommu prop 0x1
EXT4-fs error (device nvme0n1): ext4_lookup:1: inode #2: comm sh: x
END
while IFS= read -r line; do gate pass "harmless: $line" <<< "[ 1.0] $line"; done < "$dir/harmless"
while IFS= read -r line; do gate fail "$line" <<< "[ 1.0] $line"; done < "$dir/splats"
gate fail 'a complaint behind a harmless message' <<< '[ 1.0] DMA-API: Mapped at: [ 1.0] BUG: x'

# needed <n>: the nth line of the list
needed()
{
	local missed

	sed "$1d" "$here/splats.list" > "$dir/list"
	case $(sed -n "$1p" "$here/splats.list") in
	!*)	! "$here/splats.sh" "$dir/harmless" "$dir/list" > /dev/null ;;
	*)	missed=$(("$(wc -l < "$dir/splats")" - $("$here/splats.sh" "$dir/splats" "$dir/list" | wc -l || true)))
		[ "$missed" -gt 0 ] ;;
	esac
}

while IFS=: read -r n line; do
	if needed "$n"; then echo "ok - splats: needed: $line"; else echo "not ok - splats: not needed, or not tested: $line"; failed=1; fi
done < <(grep -nv '^\(#\|$\)' "$here/splats.list")
if grep -n '^[^#!].*[|]' "$here/splats.list"; then echo 'not ok - splats: an alternative that cannot be left out'; failed=1; fi
exit "$failed"
