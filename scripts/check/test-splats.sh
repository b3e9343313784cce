#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The check for splats accepts what a test has announced, and nothing else.
set -euo pipefail

log=$(mktemp)
trap 'rm -f "$log"' EXIT
failed=0

# gate <pass or fail> <what>, with the log on standard input
gate()
{
	local verdict=pass

	cat > "$log"
	"$(dirname "$0")/../lib/splats.sh" "$log" > /dev/null || verdict=fail
	if [ "$verdict" = "$1" ]; then echo "ok - splats: $2"; else echo "not ok - splats: $2"; failed=1; fi
}

expect='[ 1.0]     # link_dir_none: expect-warning: mapping.c'
warn='[ 1.1] WARNING: CPU: 0 PID: 1 at kernel/dma/mapping.c:1043 dma_iova_link+0x3a/0x65'
gate pass 'a clean log' <<< '[ 1.0]     ok 1 link_dir_none'
gate pass 'kmemleak at work' <<< '[ 1.0] kmemleak: Automatic memory scanning thread started'
gate pass 'an announced warning' <<< "$expect"$'\r\n'"$warn"
gate fail 'a warning that nobody announced' <<< "$warn"
gate fail 'a second warning' <<< "$expect"$'\n'"$warn"$'\n'"$warn"
gate fail 'a warning from another file' <<< "${expect/mapping.c/iommu.c}"$'\n'"$warn"
gate fail 'a warning after the case' <<< "$expect"$'\n[ 1.2]     ok 1 link_dir_none\n'"$warn"
gate pass 'two announced warnings' <<< "$expect"$'\n'"${expect/mapping.c/iommu.c}"$'\n'"$warn"$'\n'"${warn/mapping.c/iommu.c}"
gate fail 'dma-debug out of memory' <<< '[ 0.0] DMA-API: debugging out of memory - disabling'
gate pass 'dma-debug switched off' <<< '[ 0.0] DMA-API: debugging disabled on kernel command line'
report='[ 1.1] DMA-API: edu 0000:00:03.0: device driver unlinks a hole'
gate pass 'an announced report of dma-debug' <<< "${expect/mapping.c/debug.c}"$'\n'"$report"$'\n'"${warn/mapping.c/debug.c}"
gate fail 'a second report of dma-debug' <<< "${expect/mapping.c/debug.c}"$'\n'"$report"$'\n'"${warn/mapping.c/debug.c}"$'\n'"$report"
while IFS= read -r splat; do
	gate fail "$splat" <<< "[ 1.0] $splat"
done << 'EOT'
BUG: unable to handle page fault
BUG kmalloc-64: Redzone
BUG: scheduling while atomic: swapper/0/1
BUG: sleeping function called from invalid context
BUG: Bad page state in process
BUG: workqueue lockup - pool
BUG: KCSAN: data-race
BUG: KMSAN: uninit-value
Oops: 0000
Kernel panic - not syncing: x
general protection fault, probably
KASAN: use-after-free
UBSAN: shift
KFENCE: memory corruption
unreferenced object 0xffff: kmalloc-64
kmemleak: 1 new suspected memory leaks
WARNING: possible circular locking
WARNING: suspicious RCU usage
rcu: INFO: rcu_sched detected stalls
rcu: INFO: rcu_preempt self-detected stall on CPU
watchdog: BUG: soft lockup - CPU#0 stuck
watchdog: CPU0: Watchdog detected hard LOCKUP on cpu 0
INFO: task fio:123 blocked for more than 120 seconds.
Kernel panic - not syncing: hung_task: blocked tasks
INFO: trying to register non-static key.
INFO: lockdep is turned off.
the code is fine but needs lockdep annotation
DMAR: VT-d detected Invalidation Queue Error: Reason 2
DMAR: VT-d detected Invalidation Time-out Error: SID 0
AMD-Vi: Completion-Wait loop timed out
arm-smmu-v3 arm-smmu-v3.0.auto: CMDQ error (cons 0x01000002): Illegal command
arm-smmu-v3 arm-smmu-v3.0.auto: CMD_SYNC timeout at 0x1
Internal error: synchronous external abort: 0000000096000210 [#1] SMP
Out of memory: Killed process 1 (fio)
iommu: unaligned: iova 0x1000 pa 0x10 size 0x10 min_pagesz 0x1000
sysfs: cannot create duplicate filename '/devices/x'
kobject_add_internal failed for x with -EEXIST
refcount_t: underflow; use-after-free.
list_add corruption. prev->next should be
list_del corruption, ffff->next is LIST_POISON1
irq 11: nobody cared
ODEBUG: free active
stack-protector: Kernel stack is corrupted
fio: page allocation failure: order:4
DMA-API: device driver leaks
EOT
exit "$failed"
