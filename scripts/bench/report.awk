# SPDX-License-Identifier: GPL-2.0
#
# awk -f this -f limits.awk -v csv=<file> <table of limits> <facts>: what has been measured as
# tables, and as CSV, and a verdict for each limit. The facts are lines
#   <machine> <tree> time <way> <pages> <counted> <timed> <phase> <map> <unmap>
#   <machine> <tree> count <phase, in hex> <event> <how often>
#   <machine> <tree> hammer <way> <pages> <times> <CPUs> <ns>
# The lines with "time" are in order. Of those with "hammer" the quickest counts.
FNR == NR && /^(limit|cost|waits|rise|throughput) / { limits[++n_limits] = $0 }
FNR == NR { next }

$3 == "time" {
	key = $1 " " $2 " " $4 " " $5
	keys[++n] = key
	add(machines, $1)
	add(trees, $2)
	add(ways, $4)
	add(sizes, $5)
	counted[key] = $6
	timed[key] = $7
	phase[key] = $1 " " $2 " " sprintf("%x", $8)
	next_phase[key] = $1 " " $2 " " sprintf("%x", $8 + 1)
	map[key] = $9 / ($5 * $7)
	unmap[key] = $10 / ($5 * $7)
	cost[key] = map[key] + unmap[key]
}
$3 == "count" { seen[$1 " " $2 " " $4, kind($5)] += $6 }

$3 == "hammer" {
	key = $1 " " $2 " " $4 " " $5
	cpus[key] = $7
	if (!(key in wall) || $8 / ($5 * $6) < wall[key]) wall[key] = $8 / ($5 * $6)
}

# add <list> <name>: at the end of the list, if it is not in it
function add(list, name,	i) {
	for (i = 1; i in list; i++) if (list[i] == name) return
	list[i] = name
}

# The meaning of an event of QEMU's
function kind(event) {
	if (event ~ /^vtd_inv_desc_iotlb_|^amdvi_pages_inval|^smmuv3_(cmdq_tlbi_|s1_range_inval)/) return "invalidations"
	if (event ~ /^virtio_iommu_map/) return "maps"
	if (event ~ /^virtio_iommu_unmap/) return "unmaps"
	if (event ~ /^(virtio_queue_notify|vtd_inv_qi_tail|amdvi_command_exec|smmuv3_write_mmio)/) return "kicks"
	return event
}

# For each mapping: all events in the timed run; and in the counted one, in which no flush
# queue gets full, the invalidations, since the mapping waits for each
function each(key, what) { return seen[next_phase[key], what] / timed[key] }
function waits(key) { return seen[phase[key], "invalidations"] / counted[key] }

function print_costs(	m, t, w, s, key) {
	for (m = 1; m in machines; m++) for (t = 1; t in trees; t++) {
		printf "\n  %s, %s: instructions to map and unmap a page\n  %-12s", machines[m], trees[t], "pages"
		for (s = 1; s in sizes; s++) printf " %7d", sizes[s]
		for (w = 1; w in ways; w++) {
			if (!((machines[m] " " trees[t] " " ways[w] " " sizes[1]) in cost)) continue
			printf "\n  %-12s", ways[w]
			for (s = 1; s in sizes; s++)
				printf " %7.0f", cost[machines[m] " " trees[t] " " ways[w] " " sizes[s]]
		}
		print ""
	}
}

function print_counts(pages,	m, t, w, key) {
	printf "\n  %-29s %7s %7s %8s %8s %8s %7s %7s\n", "for each mapping of " pages " pages", "map", "unmap",
		"inv.wait", "invalid.", "maps", "unmaps", "kicks"
	for (m = 1; m in machines; m++) for (t = 1; t in trees; t++) for (w = 1; w in ways; w++) {
		key = machines[m] " " trees[t] " " ways[w] " " pages
		if (!(key in cost)) continue
		printf "  %-14s %-6s %-7s %8.0f %7.0f %8g %8.3f %8.2f %7.2f %7.2f\n", machines[m], trees[t], ways[w],
			map[key] * pages, unmap[key] * pages, waits(key), each(key, "invalidations"),
			each(key, "maps"), each(key, "unmaps"), each(key, "kicks")
	}
}

function print_csv(	i, key, f) {
	print "machine,tree,way,pages,map,unmap,total,invalidations_waited_for,invalidations,maps,unmaps,kicks" > csv
	for (i = 1; i <= n; i++) {
		key = keys[i]
		split(key, f, " ")
		printf "%s,%s,%s,%d,%.4f,%.4f,%.4f,%g,%g,%g,%g,%g\n", f[1], f[2], f[3], f[4], map[key], unmap[key], cost[key],
			waits(key), each(key, "invalidations"), each(key, "maps"), each(key, "unmaps"), each(key, "kicks") > csv
	}
}

END {
	print_csv()
	print_costs()
	print_counts(1)
	print_counts(256)
	print ""
	for (m = 1; m in machines; m++) asked[machines[m]]
	for (i = 1; i <= n_limits; i++) {
		split(limits[i], f, " ")
		if (f[1] == "limit") judge_limit(f)
		else if (f[1] == "cost") judge_cost(f)
		else if (f[1] == "waits") judge_waits(f)
		else if (f[1] == "throughput") judge_throughput(f)
		else for (m = 1; m in machines; m++) judge_rise(machines[m], f[2], f[3])
	}
	if (!judged) { print "not ok - bench: no limit for what has been measured"; bad++ }
	exit bad > 0
}
