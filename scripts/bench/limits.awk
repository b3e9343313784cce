# SPDX-License-Identifier: GPL-2.0
#
# Used with report.awk, which reads the measurements: prints a verdict for each limit.

function say(ok, what, value, sign, limit) {
	printf "%s - bench %s: %s %s %s\n", ok ? "ok" : "not ok", what, value, sign, limit
	bad += !ok
	judged++
}
function verdict(what, value, most, format,	ok) {
	ok = value + 0 <= most + 0
	say(ok, what, sprintf(format, value), ok ? "<=" : ">", most)
}
function missing(what) { print "not ok - bench " what ": not measured"; bad++ }

function page_count(nr) { return nr (nr == 1 ? " page" : " pages") }

function judge_limit(f,		a, b, what) {
	if (!(f[2] in asked)) return
	a = f[2] " linux " f[4] " " f[3]
	b = f[2] " linux " f[5] " " f[3]
	what = f[2] ", " page_count(f[3]) ", " f[4] " against " f[5]
	if (!(a in cost) || !(b in cost)) missing(what)
	else verdict(what, cost[a] / cost[b], f[6], "%.3f")
}

function judge_cost(f,		key, what) {
	if (!(f[2] in asked)) return
	key = f[2] " linux " f[4] " " f[3]
	what = f[2] ", " page_count(f[3]) ", " f[4] ", instructions for each page"
	if (!(key in cost)) missing(what)
	else verdict(what, cost[key], f[5], "%.1f")
}

function judge_waits(f,		i, key, most, what) {
	if (!(f[2] in asked)) return
	what = f[2] ", " f[3] ", invalidations that a mapping waits for"
	most = -1
	for (i = 1; i in sizes; i++) {
		key = f[2] " linux " f[3] " " sizes[i]
		if (!(key in cost)) { missing(what); return }
		if (waits(key) > most) most = waits(key)
	}
	verdict(what, most, f[4], "%g")
}

function judge_rise(machine, way, limit,	i, key, least, most, what) {
	what = machine ", " way ", rise of the cost of a page with the number of pages"
	most = least = 0
	for (i = 1; i in sizes; i++) {
		key = machine " linux " way " " sizes[i]
		if (!(key in cost)) { missing(what); return }
		if (least && cost[key] / least > most) most = cost[key] / least
		if (!least || cost[key] < least) least = cost[key]
	}
	verdict(what, most, limit, "%.3f")
}

function judge_throughput(f,		a, b, what, ratio) {
	if (!(f[2] in asked)) return
	a = f[2] " linux " f[4] " " f[3]
	b = f[2] " linux " f[5] " " f[3]
	what = f[2] ", " page_count(f[3]) ", throughput of " cpus[a] " CPUs, " f[4] " over " f[5]
	if (!(a in wall) || !(b in wall)) { missing(what); return }
	ratio = wall[b] / wall[a]
	say(ratio >= f[6], what, sprintf("%.2f", ratio), ratio >= f[6] ? ">=" : "<", f[6])
}
