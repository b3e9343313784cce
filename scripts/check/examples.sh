#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The examples of README.md and of dma-iova.rst compile, with W=1 and no warning,
# against build/kernels/test.
set -euo pipefail
. "$(dirname "$0")/../lib/repo.sh"
. scripts/lib/rootfs.sh

dir=build/examples
[ -d build/kernels/test ] || die "build/kernels/test: missing: scripts/tree/kernel.sh test"
lock examples
rm -rf "$dir"
mkdir -p "$dir/src"

# The first block of C, which is two functions
{
	printf '#include <linux/%s.h>\n' dma-mapping minmax mm module
	cat <<- 'EOT'
		struct foo {
			struct page **pages;
			size_t len;
			enum dma_data_direction dir;
			struct dma_iova_state state;
		};
	EOT
	awk '/^```c$/ { inside = 1; next } /^```$/ && inside { exit } inside' README.md
	cat <<- 'EOT'
		int (*foo_map_used)(struct device *, struct foo *) = foo_map;
		void (*foo_unmap_used)(struct device *, struct foo *) = foo_unmap;
		MODULE_DESCRIPTION("example");
		MODULE_LICENSE("GPL");
	EOT
} > "$dir/src/readme.c"

# What is below the title "Example", up to the text after it
{
	printf '#include <linux/module.h>\n#include <linux/types.h>\nstruct device;\n'
	printf 'void foo_desc(struct device *dev, dma_addr_t addr, size_t len);\n'
	printf 'void foo_desc(struct device *dev, dma_addr_t addr, size_t len) {}\n'
	awk '/^Example$/ { title = 1 } title && /^\.\. code-block:: c$/ { inside = 1; next }
	     inside && /^[^\t]/ { exit } inside { sub(/^\t/, ""); print }' Documentation/core-api/dma-iova.rst
	printf 'MODULE_DESCRIPTION("example");\nMODULE_LICENSE("GPL");\n'
} > "$dir/src/rst.c"
grep -q '^static int foo_map' "$dir/src/readme.c" || die "README.md: no example: the first block of C must have foo_map()"
grep -q '^void foo_start' "$dir/src/rst.c" || die "Documentation/core-api/dma-iova.rst: no example: the section Example must have foo_start()"

# The functions are for other files of a driver.
cat > "$dir/src/Makefile" <<- 'EOT'
	obj-m := readme.o rst.o
	ccflags-y := -Werror -Wno-missing-prototypes -Wno-missing-declarations
EOT
if (build_module "$dir/src" build/linux build/kernels/test "$dir/module" W=1) 2> "$dir/why"; then
	echo 'ok - examples compile'
else
	echo "not ok - examples compile: $(tail -n 1 "$dir/why")"
	exit 1
fi
