#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# root.sh <release of this machine> <release> <directory>: makes <directory>/system, a disk
# with a Debian system of the second release: systemd, Debian's own kernel, apt, and a
# compiler for modules. It comes from the package sources of this machine, with the name of
# the release replaced. It is made again only when this script changes.
set -euo pipefail
. "$(dirname "$0")/../../lib/repo.sh"
. scripts/lib/progress.sh

own=$1
suite=$2
out=$3
root=$out/root
system=$out/system
log=$out/root.log
kernel=linux-image-amd64
packages=systemd-sysv,udev,initramfs-tools,kmod,gcc,make,libelf1,$kernel

mkdir -p "$out"
stamp=$(sha256sum < scripts/guests/debian/root.sh)-$suite
if [ "$(cat "$system.stamp" 2> /dev/null)" = "$stamp" ]; then exit 0; fi
[ "$(id -u)" = 0 ] || die "mmdebstrap: needs root to make the disk: run this as root"

# The package sources of this machine, and the way to them
# shellcheck disable=SC2016 # apt expands it
apt-get indextargets 'Created-By: Packages' 'Origin: Debian' \
	--format 'deb $(REPO_URI) $(RELEASE) $(COMPONENT)' | sed "s/ $own/ $suite/" | sort -u > "$out/sources"
apt-config dump | grep -E '^Acquire::(http|https|Check-)' > "$out/apt.conf" || true
[ -s "$out/sources" ] || die "apt: has no list of Debian's packages: apt-get update"

rm -rf "$root" "$system" "$system.stamp"
with_progress "$root: Debian $suite" mmdebstrap --mode=root --variant=minbase --aptopt="$out/apt.conf" \
	--include="$packages" "$suite" "$root" "$out/sources" > "$log" 2>&1 || die_log "$log" "$root: mmdebstrap fails"
truncate -s 4G "$system"
mke2fs -q -t ext4 -d "$root" "$system" >> "$log" 2>&1 || die_log "$log" "$system: mke2fs fails"
rm -rf "$root"
echo "$stamp" > "$system.stamp"
say DEBIAN "$system: $suite"
