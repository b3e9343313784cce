#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# All of the tests, except those of check-all.sh
set -euo pipefail
. "$(dirname "$0")/../lib/repo.sh"
. scripts/lib/steps.sh

steps_begin build/check
step tree single the_patches_apply scripts/tree/tree.sh
# The steps that do not need the tree
step shellcheck scripts/check/shellcheck.sh
step splats scripts/check/test-splats.sh
step ccache scripts/check/test-ccache.sh
step jobs scripts/check/test-jobs.sh
step steps scripts/check/test-steps.sh
step starved scripts/check/test-watch.sh
step caught scripts/check/test-breaks.sh
step judge scripts/check/test-judge.sh
run_steps "${steps[@]}"
must_pass tree

# A build leaves a CPU idle while it links.
steps=()
step kernels scripts/check/build.sh test dma-debug
step docs single documentation_renders_without_a_warning scripts/tree/docs.sh
step series single git_am_of_the_series_gives_build/linux scripts/tree/series.sh
step rules scripts/check/rules.sh
step promises scripts/check/promises.sh
step maintainers scripts/check/maintainers.sh
run_steps "${steps[@]}"
must_pass kernels

# The steps that need the kernels.
steps=()
step kunit scripts/guests/kunit/run.sh
step nvme env KERNEL=test SHORT=1 scripts/guests/nvme/run.sh
step events env SHORT=1 scripts/guests/events/run.sh
step lint scripts/check/lint.sh
step checkpatch scripts/check/checkpatch.sh
step watch scripts/guests/watch/run.sh
step map-benchmark scripts/guests/map-benchmark/run.sh
step nfs-rdma scripts/guests/nfs-rdma/run.sh
step examples scripts/check/examples.sh
step clients env -u PEER scripts/guests/clients/run.sh
step edu single edu_moves_data env KERNEL=test scripts/guests/edu/run.sh
# Guests wait for the host's clock now and then.
JOBS=$((JOBS + 1)) run_steps "${steps[@]}"
steps_end
