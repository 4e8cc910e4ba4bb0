#!/usr/bin/env bash
# From a fresh clone to the tests: sets up, builds, and runs every test.
#
#   scripts/test.sh [ctest arguments]                  everything (preset release)
#   scripts/test.sh --net [ctest arguments]            only what needs no LibTorch (preset net)
#   scripts/test.sh --preset NAME [ctest arguments]    another preset: dev, asan, tsan, ...
#
# Fails, too, when CTest does not know a test that a test binary has. Run again, it only tests.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

preset=release
case ${1:-} in
  -h | --help) help_of "$0" && exit 0 ;;
  --net) preset=net && shift ;;
  --preset)
    preset=${2:-}
    [[ -n $preset ]] || die "--preset wants a name" 2
    shift 2
    ;;
esac
case $preset in
  net | asan | tsan) setup=(--net) ;;
  *) setup=() ;;
esac

export STRAIT_DEPS=$deps
"$root/scripts/setup.sh" "${setup[@]}"
"$root/scripts/build.sh" "$preset"
cd "$root"
python3 scripts/count_tests.py "build/$preset"
exec ctest --preset "$preset" --parallel "$(nproc)" "$@"
