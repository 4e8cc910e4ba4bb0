#!/usr/bin/env bash
# Configures and builds a preset with as many compilers at once as cores and memory allow.
#
#   scripts/build.sh PRESET [TARGET...]     e.g. release, dev, net, asan, tsan (CMakePresets.json)
#
# STRAIT_JOBS=N sets the number of compilers. Expects what scripts/setup.sh brings.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

case ${1:-} in
  -h | --help) help_of "$0" && exit 0 ;;
  '' | -*) die "give a preset; try --help" 2 ;;
esac
preset=$1
shift
cd "$root"
export STRAIT_DEPS=$deps
# CMake's own words are for whoever asked for them; here only warnings and errors are.
cmake --preset "$preset" --log-level=WARNING >/dev/null
quiet=--quiet
if [[ -t 1 ]]; then quiet=''; fi  # one line that counts, where someone looks
exec ninja -C "build/$preset" -j "${STRAIT_JOBS:-$(compile_jobs)}" ${quiet:+"$quiet"} "$@"
