#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# nvme-report.sh <machine>...: prints what scripts/cost/nvme.sh has measured, as a table
# and as build/cost/nvme.csv, and a verdict for each limit, for each target and for the
# memory of each I/O: ok - nvme-cost <what>: <value> <= <limit>. A known miss is "missed -".
#
#   SPREAD=0.003	of the runs of one I/O
set -euo pipefail
. "$(dirname "$0")/../lib/repo.sh"

out=build/cost

# facts <machine>: the results of both kernels, each line with machine and tree in front
facts()
{
	local t

	for t in base linux; do
		[ -f "$out/$1.$t/results" ] || die "$out/$1.$t/results: missing: scripts/cost/nvme.sh $1"
		sed "s/^/$1 $t /" "$out/$1.$t/results"
	done
}

for machine in iod "$@"; do facts "$machine"; done > $out/facts
awk -v csv=$out/nvme.csv -v max_spread="${SPREAD:-0.003}" '
	FNR == NR && $1 == "limit" { limit[$2 " read " $3 " " $4] = limit[$2 " write " $3 " " $4] = $5 }
	FNR == NR && $1 == "target" { target[++n_targets] = $0 }
	FNR == NR { next }
	$3 == "iod" { iod[$2] = $4 }
	$3 == "memory" {
		key = $1 " " $4 " " $5
		if (!(key in seen)) memory[++n_memory] = key
		seen[key]
		bytes[key, $2] += $7
		what = sprintf("%s(%d)", $6, $7)
		if (!((key, $2, what) in times)) who[key, $2] = who[key, $2] " " what
		times[key, $2, what]++
	}
	$3 == "cost" {
		key = $1 " " $4 " " $5 " " $6
		if ($2 == "base") keys[++n] = key
		measured[$1] = 1
		pages[key] = $7
		requests[key, $2] = $8
		min = max = $9
		sum = 0
		for (i = 9; i <= NF; i++) {
			sum += $i
			if ($i + 0 < min + 0) min = $i
			if ($i + 0 > max + 0) max = $i
		}
		cost[key, $2] = sum / (NF - 8)
		spread[key, $2] = max / min - 1
	}
	# by_whom <machine, I/O> <tree>: times * function(bytes), for each
	function by_whom(key, tree,	list, n, i, text) {
		n = split(who[key, tree], list, " ")
		for (i = 1; i <= n; i++) text = text " " times[key, tree, list[i]] "*" list[i]
		return text
	}
	function verdict(what, value, most, format) {
		ok = value + 0 <= most + 0
		printf "%s - nvme-cost %s: " format " %s %s\n", ok ? "ok" : "not ok", what, value, ok ? "<=" : ">", most
		bad += !ok
	}
	# A target: the same read on two machines. It is not judged if only one was asked for.
	function judge_target(line,	f, a, b, value, what) {
		split(line, f, " ")
		a = f[2] " read " f[3] " " f[4]
		b = f[5] " read " f[3] " " f[4]
		if (!(f[2] in measured) || !(f[5] in measured)) return
		if (!((a, "linux") in cost) || !((b, "linux") in cost)) {
			printf "not ok - nvme-cost target: %s against %s: has not been measured\n", a, f[5]
			bad++
			return
		}
		value = cost[a, "linux"] / cost[b, "linux"]
		what = "target: " a " against " f[5]
		if (f[7] == "missed" && value > f[6] && value <= f[8]) printf "missed - nvme-cost %s: %.4f > %s\n", what, value, f[6]
		else verdict(what, value, f[6], "%.4f")
	}
	END {
		row = "  %-14s %-5s %7s %-10s %5s %8s %10s %10s %7s\n"
		printf row, "machine", "", "bytes", "layout", "pages", "requests", "base", "patched", "ratio"
		print "machine,rw,bytes,layout,pages,requests_base,requests_patched,instructions_base,instructions_patched,ratio,spread_base,spread_patched" > csv
		for (i = 1; i <= n; i++) {
			key = keys[i]
			split(key, f, " ")
			if (!((key, "linux") in cost)) { print "not ok - nvme-cost " key ": not measured with the series"; bad++; continue }
			ratio[key] = cost[key, "linux"] / cost[key, "base"]
			nr = requests[key, "base"]
			if (nr != requests[key, "linux"]) nr = nr "/" requests[key, "linux"]
			printf row, f[1], f[2], f[3], f[4], pages[key], nr,
				sprintf("%.0f", cost[key, "base"]), sprintf("%.0f", cost[key, "linux"]), sprintf("%.4f", ratio[key])
			printf "%s,%s,%s,%s,%d,%d,%d,%.1f,%.1f,%.4f,%.5f,%.5f\n", f[1], f[2], f[3], f[4], pages[key],
				requests[key, "base"], requests[key, "linux"], cost[key, "base"], cost[key, "linux"],
				ratio[key], spread[key, "base"], spread[key, "linux"] > csv
		}
		print "\n  memory allocated for a read, in bytes, and by whom"
		for (i = 1; i <= n_memory; i++) {
			printf "  %-36s base    %6d %s\n", memory[i], bytes[memory[i], "base"], by_whom(memory[i], "base")
			printf "  %-36s patched %6d %s\n", "", bytes[memory[i], "linux"], by_whom(memory[i], "linux")
		}
		print ""
		for (i = 1; i <= n; i++) {
			for (t = 1; t <= 2; t++) {
				tree = t == 1 ? "base" : "linux"
				if (spread[keys[i], tree] > max_spread) verdict("spread of " keys[i] ", " tree, spread[keys[i], tree], max_spread, "%.4f")
			}
			split(keys[i], f, " ")
			measured[f[1]]
			if (keys[i] in limit) { verdict(keys[i], ratio[keys[i]], limit[keys[i]], "%.4f"); judged++ }
		}
		for (i = 1; i <= n_targets; i++) judge_target(target[i])
		for (i = 1; i <= n_memory; i++) verdict("memory " memory[i], bytes[memory[i], "linux"], bytes[memory[i], "base"], "%d")
		verdict("sizeof(struct nvme_iod)", iod["linux"], iod["base"], "%d")
		for (key in limit) {
			split(key, f, " ")
			if (f[1] in measured && !(key in ratio)) { print "not ok - nvme-cost " key ": has a limit, and has not been measured"; bad++ }
		}
		if (!judged) { print "not ok - nvme-cost: configs/cost has no limit for what has been measured"; bad++ }
		exit bad > 0
	}' configs/cost $out/facts
