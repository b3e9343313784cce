#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# api.sh <tree>: compile a driver here that calls the functions of the table in
# dma-iova-mainline.rst as the headers of <tree>, mainline's, declare them. A line for
# each function.
set -euo pipefail
. "$(dirname "$0")/../lib/repo.sh"

peer=${1-}
check_peer "$peer"
page=Documentation/core-api/dma-iova-mainline.rst
kernel=build/kernels/test
out=build/api
headers=(linux/dma-mapping.h linux/pci-p2pdma.h linux/hmm-dma.h linux/blk-mq-dma.h linux/blk-integrity.h
	rdma/ib_verbs.h rdma/rw.h)

[ -f "$kernel/Module.symvers" ] || die "$kernel: not built: scripts/tree/kernel.sh test"
rm -rf "$out"
mkdir -p "$out"
functions=$(sed -n 's/^\([a-z_0-9]*\)()  .*/\1/p' "$page")
[ -n "$functions" ] || die "$page: has no table of functions"

# call_of <function>: a function that has the parameters of mainline's, and passes them on
call_of()
{
	(cd "$peer/include" && cat "${headers[@]}") | sed 's/__must_check//' | awk -v name="$1" '
	# All of the first declaration, in one line
	!found && match($0, "[ *\t]" name "\\(|^" name "\\(") && !/^[ \t]*(\*|\/\*|#|return)/ && !/^\t/ { found = 1; text = before }
	{ before = /[;}{]|\*\/|^#/ ? "" : $0 }
	found && !ended { text = text " " $0 }
	found && /[;{]/ { ended = 1 }
	END {
		if (!found) exit 1
		gsub(/[ \t]+/, " ", text)
		sub(/[;{].*/, "", text)
		sub(/^ /, "", text)
		sub(/^(extern |static |inline )*/, "", text)
		open = index(text, name "(")
		type = substr(text, 1, open - 1)
		list = substr(text, open + length(name) + 1)
		sub(/\) *$/, "", list)
		n = split(list, word, ",")
		for (i = 1; i <= n; i++) {
			sub(/^.*[ *]/, "", word[i])
			args = args (i > 1 ? ", " : "") word[i]
		}
		print type "call_" name "(" list ");"
		print type "call_" name "(" list ")"
		print "{\n\t" (type ~ /^void *$/ ? "" : "return ") name "(" args ");\n}"
	}'
}

for f in $functions; do
	{
		printf '#include <linux/module.h>\n'
		printf '#include <%s>\n' "${headers[@]}"
		call_of "$f" || die "$peer: no header declares $f(), which $page says mainline has"
		printf 'MODULE_LICENSE("GPL");\n'
	} > "$out/$f.c"
	echo "obj-m += $f.o" >> "$out/Kbuild"
done

failed=0
make -C build/linux O="$PWD/$kernel" M="$PWD/$out" -k -j"$(nproc)" > "$out/log" 2>&1 || true
for f in $functions; do
	if [ -f "$out/$f.o" ] && ! grep -q "$f.c:.* warning:" "$out/log"; then
		echo "ok - api $f"
	else
		echo "not ok - api $f: $(grep -m 1 -E "$f\.c:.*(error|warning):" "$out/log" || echo "see $out/log")"
		failed=1
	fi
done
exit $failed
