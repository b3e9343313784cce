# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Sourced by what boots guests that a table describes, in lines
# "machine <name> | ...": the table is $table.
# shellcheck disable=SC2154 # the caller has set it

# machines [name...]: the names in the table, or those of them that are asked for
machines()
{
	local name names

	names=$(awk '$1 == "machine" { print $2 }' "$table")
	for name in "$@"; do
		grep -qx "$name" <<< "$names" || die "$table: no machine $name: there are $(paste -s -d ' ' <<< "$names")"
	done
	if [ $# -gt 0 ]; then printf '%s\n' "$@"; else echo "$names"; fi
}

# check_guest <log>: of the guest's own verdict, and of the kernel's
check_guest()
{
	local status splats

	splats=$(scripts/splats.sh "$1.console") || die "$1.console: the kernel complains: $splats"
	status=$(sed -n 's/^status //p' "$1.results")
	[ "$status" = ok ] || die "$1.console: the guest ${status:-has ended without a status}: $(tail -n 1 "$1.console")"
}
