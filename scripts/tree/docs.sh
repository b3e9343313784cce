#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Render the books of the kernel that have our pages, in the kernel's own way, and fail on
# any warning about a file of ours.
#
#   TREE	assembled kernel tree (build/linux)
#   OUT		where the HTML goes (build/docs)
set -euo pipefail
. "$(dirname "$0")/../lib/repo.sh"
. scripts/lib/progress.sh

tree=$(realpath -m "${TREE:-build/linux}")
out=$(realpath -m "${OUT:-build/docs}")
log=$out/docs.log
pages=$out/Documentation/output

# The files that we add or edit, as warnings name them
ours='(^|[/'\''"`])(dma-iova(-[a-z]+)?\.(rst|h|c)|pci-p2pdma\.h|dma-(api|attributes)\.rst)\b'
ours+='|kernel/dma/mapping\.c\b|core-api/dma-iova\b|\b(blk-mq|hmm)-dma\b|\bfault-injection\.rst\b'
ours+='|driver-api/(infiniband|infrastructure|pci/p2pdma)\.rst\b|\brw_bvec\.c\b'

# Pages pull in only parts of these, so check their kernel-doc as a whole.
kernel_doc=(drivers/iommu/dma-iova.c include/linux/dma-iova.h
	    kernel/dma/debug-entry.h kernel/dma/fail-iova.c
	    block/blk-mq-dma.c include/linux/blk-mq-dma.h
	    drivers/infiniband/core/rw_bvec.c
	    mm/hmm-dma.c include/linux/hmm-dma.h)

[[ -f $tree/Documentation/core-api/dma-iova.rst ]] ||
	die "$tree/Documentation/core-api/dma-iova.rst: missing: make tree"

# Debian's sphinx needs Debian's python3. Another python3 may be first in PATH.
python=/usr/bin/python3
sphinx=/usr/bin/sphinx-build
if [[ ! -x $sphinx ]] || ! "$python" -c 'import sphinx' 2>/dev/null; then
	die "$sphinx: not installed: make deps"
fi

# Sphinx does not warn about pages that it has rendered before, so start from nothing.
# Remove only what an earlier run has made.
rm -rf "$out/Documentation" "$log"
mkdir -p "$out"

# render <books> <patterns of pages that are left out>: the rules for netlink specifications
# write into the source tree, and need python3-yaml; they are for another book.
render()
{
	if with_progress 'Sphinx' env LC_ALL=C.UTF-8 make -C "$tree" O="$out" SPHINXDIRS="$1" \
			SPHINXOPTS="-D exclude_patterns=output,$2" PYTHON3="$python" SPHINXBUILD="$sphinx" \
			YNL_INDEX= YNL_RST_FILES= htmldocs >>"$log" 2>&1; then return; fi
	tail -n 20 "$log" >&2
	die "htmldocs failed, see $log"
}

# The two pages that are left out have nothing of ours, and take as long as all others. Of
# driver-api only the three pages with something of ours are rendered, and the indexes.
render 'core-api block fault-injection' 'kernel-api.rst,mm-api.rst'
render driver-api '[!i]*.rst,i[!n]*.rst,in[!df]*.rst,[!p]*/**,p[!c]*/**,pci/pci.rst'

for file in "$pages"/*/_static/custom.css; do cat scripts/tree/docs.css >> "$file"; done

for file in "${kernel_doc[@]}"; do
	(cd "$tree" && perl scripts/kernel-doc -none -Wall "$file") >>"$log" 2>&1 ||
		die "kernel-doc failed for $file, see $log"
done

if grep -E "$ours" "$log" >&2; then
	die "warnings about our files, see $log"
fi

# A directive that finds nothing may not warn.
described()	# described <page> <name>...
{
	local page=$pages/$1 name

	shift
	[[ -s $page ]] || die "$page: has not been rendered: add it to an index.rst"
	for name; do
		grep -q "id=\"c.$name\"" "$page" || die "$page does not describe $name"
	done
	echo "docs: $page"
}

described core-api/dma-iova.html dma_iova_state dma_use_iova dma_iova_link dma_need_unmap phys_vec pci_p2pdma_state p2pdma_provider
described core-api/dma-iova-hmm.html hmm_dma_map hmm_dma_map_alloc hmm_dma_map_range dma_need_hand_over
for page in Documentation/core-api/dma-iova-*.rst; do page=${page#Documentation/}; described "${page%.rst}.html"; done
described driver-api/infiniband.html rdma_rw_ctx_init_bvec
described driver-api/infrastructure.html dma_map_sg_attrs
described driver-api/pci/p2pdma.html
described block/blk-mq-dma.html blk_dma_iter blk_rq_dma_unmap blk_rq_dma_map_iter_start
