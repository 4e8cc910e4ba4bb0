#!/usr/bin/env bash
# From a fresh clone to the demo: sets up, builds the program, and runs `strait demo`.
#
#   scripts/demo.sh [arguments of strait demo]
#
# Run again, it goes straight to the demo.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

export STRAIT_DEPS=$deps
"$root/scripts/setup.sh"
[[ -x $root/build/release/strait ]] || say "building (a few minutes the first time)"
"$root/scripts/build.sh" release strait
cd "$root"
exec build/release/strait demo "$@"
