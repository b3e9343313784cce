# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Sourced by rules.sh: the rules of kernel/dma/tests/breaks. They need build/linux.

breaks=kernel/dma/tests/breaks

# An edit of the code can leave a command behind that does nothing any more.
break_of_nothing()
{
	local file command

	while IFS='|' read -r file command; do
		if [ -z "$command" ]; then echo "$file: a sed script that sed-commands.awk does not know"
		elif [ ! -f "build/linux/$file" ]; then echo "$file: no such file"
		elif sed -e "$command" "build/linux/$file" | cmp -s - "build/linux/$file"; then echo "$file: $command"
		fi
	done < <(awk -f scripts/check/sed-commands.awk "$breaks")
}

# A pattern may be found in more places than the one that its cases are for.
break_of_other_lines()
{
	local file script where lines changed

	while IFS='|' read -r file script where _; do
		file=${file%% *}
		read -r _ _ lines <<< "$where"
		changed=$(sed -e "$script" "build/linux/$file" | diff "build/linux/$file" - | grep -c '^>') || true
		[ "$changed" = "${lines:-1}" ] || echo "$file: $changed lines, not ${lines:-1}:$script"
	done < <(grep -vE '^(#|$)' "$breaks")
}

# named: "<suite or guest> <case>"
named()
{
	awk -F '|' '!/^(#|$)/ {
		split($3, where, " ")
		n = split($4, name, " ")
		for (i = 1; i <= n; i++) if (name[i] != "panic") print where[2], name[i]
	}' "$breaks" | sort -u
}

# named_in guests|suites
named_in()
{
	named | while read -r where name; do
		if [ -d "scripts/guests/$where" ] && [ "$1" = guests ]; then echo "$where ${name//_/ }"
		elif [ ! -d "scripts/guests/$where" ] && [ "$1" = suites ]; then echo "$where $name"
		fi
	done
}

# promises.sh checks that each case is named.
case_not_there()
{
	comm -23 <(named_in suites) <(awk -f scripts/lib/cases.awk kernel/dma/tests/*_kunit.c | sort -u)
}

# steps <guest>: a regular expression for what each of its steps may be called. What is
# counted is judged by table.awk.
steps()
{
	# shellcheck disable=SC2016 # of the guest's shell
	sed -nE -e "s/.*\btry '([^']*)'.*/\1/p" -e 's/.*\btry "(.*)" [a-z].*/\1/p' \
		-e "s/.*\bdoing='([^']*)'.*/\1/p" -e 's/.*\bdoing="([^"]*)".*/\1/p' \
		-e "s/.*\bcount '([^']*)'.*/count \1\nmap \1\nwait once for several: \1/p" -e "s/.*\bfail_step .* '([^']*)'.*/fail \1/p" \
		"scripts/guests/$1"/*.sh |
		sed -E 's/\$\([^)]*\)|\$[a-z0-9]+/@/g; s/[][\\.*^$()+?{}|]/\\&/g; s/@/.+/g' | grep -vE '^(count|fail) \.\+$'
}

# A guest may also be given up for a message of the kernel, which is in capitals.
step_not_there()
{
	named_in guests | while read -r guest name; do
		case $name in
		[A-Z]*)	grep -qF "${name%% *}" scripts/lib/guest.sh scripts/lib/splats.list ;;
		*)	grep -qxE -f <(steps "$guest") <<< "$name" ;;
		esac || echo "$guest: $name"
	done
}

# Code that no break can break, or that no guest runs: "# none | <file> | <reason>"
file_not_broken()
{
	comm -23 <(grep -E '\.c$' build/linux.list | grep -vE '^(kernel/dma/tests|samples|tools)/' | sort) \
		<(sed -nE -e 's/^# none \| ([^ ]+) \| .+/\1/p' -e 's/^([^# ]+) \|.*/\1/p' "$breaks" | sort -u)
}

file_broken_and_not()
{
	comm -12 <(sed -nE 's/^# none \| ([^ ]+) \|.*/\1/p' "$breaks" | sort) \
		<(sed -nE 's/^([^# ]+) \|.*/\1/p' "$breaks" | sort -u)
}

rule break_of_nothing		"every command of every break changes a line of the code"
rule break_of_other_lines	"every break changes as many lines of the code as it says"
rule case_not_there		"every KUnit case that a break names is in its suite"
rule step_not_there		"every step of a guest that a break names is there"
rule file_not_broken		"every .c file of the kernel has a break, or is listed as having none"
rule file_broken_and_not	"no file has a break and a reason why it has none"
