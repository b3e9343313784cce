#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# compile.sh [name...]: compile the API, the IOMMU drivers, the block layer and NVMe in the
# configurations of configs/compile, or in those that are named, each with its own
# compiler. Prints a line for each. A warning is a failure. So is a driver's branch for a
# reservation that stays without CONFIG_IOMMU_DMA.
set -euo pipefail
. "$(dirname "$0")/../lib/repo.sh"

table=configs/compile
out=build/compile
targets=(kernel/dma/ drivers/iommu/ drivers/pci/p2pdma.o block/ drivers/nvme/host/)

# enabled <.config> <option without CONFIG_>
enabled() { grep -q "^CONFIG_$2=[ym]" "$1"; }

# configure <name> <option>...: prints the options that the result lacks, of compile.config
# as well
configure()
{
	local dir=$out/$1 option

	rm -rf "$dir"
	mkdir -p "$dir"
	cp configs/compile.config "$dir/fragment"
	for option in "${@:2}"; do
		case $option in
		+*) echo "CONFIG_${option#+}=y" ;;
		-*) echo "# CONFIG_${option#-} is not set" ;;
		esac
	done >> "$dir/fragment"
	kmake "$dir" KCONFIG_ALLCONFIG="$PWD/$dir/fragment" allnoconfig >> "$dir/log" 2>&1 || return 1
	awk -f scripts/tree/lost.awk config="$dir/.config" "$dir/.config" "$dir/fragment" |
		sed 's/^[^ ]* \(.*\)/\1 is lost/' | sort
}

# kmake <directory> <argument>...
kmake()
{
	make -C build/linux O="$PWD/$1" ARCH="$arch" -j"$(nproc)" "${cc[@]}" "${@:2}"
}

# compile <name>: prints what is wrong with it
compile()
{
	local log=$out/$1/log wanted=() target

	# make tries to build a directory that is there, whatever the configuration
	for target in "${targets[@]}"; do
		case $target in
		*p2pdma.o) enabled "$out/$1/.config" PCI_P2PDMA || continue ;;
		esac
		wanted+=("$target")
	done
	if ! kmake "$out/$1" "${wanted[@]}" >> "$log" 2>&1; then
		echo "$log: $(grep -m 1 -E 'error:|Error ' "$log")"
	else
		grep -m 1 '\.[choS]:.*warning:' "$log" | sed "s|^|$log: |" || true
	fi
}

# branch <name>: prints what is wrong with the branch that dma_use_iova() leads to
branch()
{
	local dir=$out/$1/branch symbols

	mkdir -p "$dir"
	cat > "$dir/branch.c" <<- 'EOT'
		#include <linux/dma-mapping.h>
		void taken(void);
		void branch(const struct dma_iova_state *state);
		void branch(const struct dma_iova_state *state)
		{
			if (dma_use_iova(state))
				taken();
		}
	EOT
	echo 'obj-m := branch.o' > "$dir/Kbuild"
	kmake "$out/$1" M="$PWD/$dir" branch.o > "$dir/log" 2>&1 || { echo "$dir/log: branch.c does not compile"; return; }
	symbols=$(nm "$dir/branch.o" 2>> "$dir/log") || { echo "$dir/log: nm cannot read branch.o"; return; }
	if enabled "$out/$1/.config" IOMMU_DMA; then
		[[ $symbols = *' U taken'* ]] || echo "dma_use_iova() is constant with CONFIG_IOMMU_DMA"
	else
		[[ $symbols != *' U taken'* ]] || echo "dma_use_iova() is not constant without CONFIG_IOMMU_DMA"
	fi
}

failed=0
asked=$(machines "$table" "$@")
for name in $asked; do
	arch=$(field "$table" "$name" 2)
	compiler=$(field "$table" "$name" 3)
	options=$(field "$table" "$name" 4)
	command -v "$compiler" > /dev/null || die "$compiler: not found: scripts/tree/deps.sh all"
	compiler_args "$compiler"
	# shellcheck disable=SC2086 # words
	wrong=$(configure "$name" $options) || wrong="$out/$name/log: allnoconfig has failed"
	[ -n "$wrong" ] || wrong=$(compile "$name")
	[ -n "$wrong" ] || wrong=$(branch "$name")
	if [ -z "$wrong" ]; then
		echo "ok - compile: $name"
	else
		echo "not ok - compile: $name: ${wrong//$'\n'/, }"
		failed=1
	fi
done
exit $failed
