#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# First process of the guest of scripts/guests/nfs-rdma/run.sh: an NFS server, and a client
# that mounts it over RDMA. To the second serial port go lines "ok <what>", and a
# last one, "status ok" or "status failed to <what>".
set -eu

. /guest-side.sh

address=10.0.0.1
never=2147483647

add_rdma_device() {
	ip link set lo up
	ip addr add $address/24 dev dummy0
	ip link set dummy0 up
	rdma link add rxe0 type rxe netdev dummy0
	grep -q ACTIVE /sys/class/infiniband/rxe0/ports/1/state
}

# Replaces exportfs and mountd. The flags are fsid=, async, no_subtree_check, insecure and
# no_root_squash.
export_directory() {
	mount -t tmpfs tmpfs /export
	mount -t nfsd nfsd /proc/fs/nfsd
	echo "nfsd $address $never client" >/proc/net/rpc/auth.unix.ip/channel
	echo "client /export $never 9234 65534 65534 0" >/proc/net/rpc/nfsd.export/channel
	echo "client 1 \\x00000000 $never /export" >/proc/net/rpc/nfsd.fh/channel
}

start_server() {
	mkdir -p /var/lib/nfs/v4recovery
	echo '-3' >/proc/fs/nfsd/versions
	echo 'rdma 20049' >/proc/fs/nfsd/portlist
	echo 2 >/proc/fs/nfsd/threads
	echo Y >/proc/fs/nfsd/v4_end_grace
}

mount_it() {
	mount -t nfs4 -o "vers=4.1,proto=rdma,port=20049,addr=$address,clientaddr=$address,sec=sys" $address:/ /mnt
	grep -q '/mnt nfs4 .*proto=rdma' /proc/mounts
}

# Reads and writes that svcrdma has posted
posted() {
	cat "/proc/sys/sunrpc/svc_rdma/rdma_stat_$1"
}

# The server reads by RDMA what the client writes.
write_file() {
	local before
	before=$(posted read)
	cp "/$1" /mnt/
	sync
	cmp "/$1" "/export/$1"
	if [ "$1" != small ]; then [ "$(posted read)" -gt "$before" ]; fi
}

# The server writes by RDMA what the client reads.
read_file() {
	local before
	before=$(posted write)
	echo 3 >/proc/sys/vm/drop_caches
	cmp "/$1" "/mnt/$1"
	if [ "$1" != small ]; then [ "$(posted write)" -gt "$before" ]; fi
}

# Its transports give all contexts back.
stop() {
	umount /mnt
	echo 0 >/proc/fs/nfsd/threads
}

doing='load the modules'
for module in dummy exportfs nfsd dns_resolver nfsv4; do insmod /$module.ko; done
try 'add a soft RoCE device' add_rdma_device
doing='export a directory'
export_directory
try 'start the server' start_server
try 'mount it over RDMA' mount_it
for file in even odd small; do
	try "write $(stat -c %s /$file) bytes" write_file $file
	try "read $(stat -c %s /$file) bytes" read_file $file
done
try 'unmount and stop' stop
doing=ok
