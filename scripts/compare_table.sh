#!/usr/bin/env bash
# Data parallelism and DiLoCo with H = 10, 50, 200 on three networks, at equal tokens, on the demo's
# text: four trainings, twelve rows.
#
#   scripts/compare_table.sh [more words for strait compare]
#
# Prints the table and how long it took. What was trained by this commit before is not trained again.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

case ${1:-} in
  -h | --help) help_of "$0" && exit 0 ;;
esac

export STRAIT_DEPS=$deps
"$root/scripts/setup.sh"
"$root/scripts/build.sh" release strait
cd "$root"

# 1200 inner steps each, evaluated every 200.
start=$SECONDS
build/release/strait compare \
  demo@run.strategy=data_parallel,eval.every=10 \
  demo@run.inner_steps=10,run.rounds=120,eval.every=20 \
  demo@run.inner_steps=50,run.rounds=24,eval.every=4 \
  demo@run.inner_steps=200,run.rounds=6,eval.every=1 \
  --links datacenter transatlantic home_dsl "$@"
echo "wall $((SECONDS - start)) s"
