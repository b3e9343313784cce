# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Sourced by breaks.sh: decides whether a guest has caught a break.

# says <directory of the guest> <log> <machine> <suite> <case>: it has failed. One that was
# skipped has not, nor has one that has lost its result. The case of a guest with a script
# of its own is a step, by its whole name, or the beginning of what the kernel complains
# with; _ is a space.
says()
{
	local dir=$1 log=$2 machine=$3 suite=$4 name=$5 line

	if [ ! -d "scripts/guests/$suite" ]; then
		while IFS= read -r line; do
			if [[ $line == "not ok - kunit $machine $suite $name: [FAILED]"* ]]; then return; fi
		done < "$log"
		return 1
	fi
	name=${name//_/ }
	if grep -qxF "status failed to $name" "$dir/results"; then return; fi
	while IFS= read -r line; do
		case $line in
		"not ok - $suite $machine $name: "*) return ;;
		"not ok - $suite "*"kernel: "*"] $name"*) return ;;
		esac
	done < "$log"
	return 1
}

# ended <directory of the guest> <suite>: by itself, and did not crash
ended()
{
	if [ -d "scripts/guests/$2" ]; then grep -q '^status ' "$1/results"
	else grep -q 'reboot: Power down' "$1/console"
	fi
}

# caught <directory of the guest> <log> <machine> <suite> <case>...: prints nothing, or
# why not. The word panic stands for all cases.
caught()
{
	local dir=$1 log=$2 machine=$3 suite=$4 name missed=

	shift 4
	if [ "$1" = panic ]; then
		grep -q 'Kernel panic' "$dir/console" || echo 'the guest has not panicked'
	elif [ -e "$dir/given-up" ]; then
		echo "not run: given up: $(< "$dir/given-up")"
	elif grep -q 'Kernel panic' "$dir/console"; then
		echo 'not run: the guest has panicked'
	elif ! ended "$dir" "$suite"; then
		echo 'not run: the guest did not finish'
	else
		for name; do says "$dir" "$log" "$machine" "$suite" "$name" || missed+=" $name"; done
		[ -z "$missed" ] || echo "not caught by$missed"
	fi
}
