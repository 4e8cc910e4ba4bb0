#!/usr/bin/env bash
# Plants known bugs in the protocol of rounds, one at a time, and looks whether the simulations of
# faults find them: a test of the tests.
#
#   scripts/planted_bugs.sh               all of tests/faults/planted, up to 1000 seeds each
#   scripts/planted_bugs.sh NAME...       only these
#   scripts/planted_bugs.sh --check       only whether the patches still apply
#
# SEEDS=N and STRAIT_JOBS=N override the numbers of seeds and of jobs. Works in a scratch copy of the
# tree, with what is not committed; fails if a bug is not found.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

planted=$root/tests/faults/planted
seeds=${SEEDS:-1000}
jobs=${STRAIT_JOBS:-$(nproc)}
check=false

case ${1:-} in
  -h | --help) help_of "$0" && exit 0 ;;
  --check) check=true && shift ;;
esac
names=("$@")
if [[ ${#names[@]} == 0 ]]; then
  for patch in "$planted"/*.patch; do names+=("$(basename "$patch" .patch)"); done
fi

if $check; then
  failed=0
  for name in "${names[@]}"; do
    git -C "$root" apply --check "$planted/$name.patch" || failed=1
  done
  ((failed == 0)) || die "a planted bug does not apply any more: mend it in tests/faults/planted"
  echo "${#names[@]} planted bugs apply"
  exit 0
fi

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$root"
git ls-files -z --cached --others --exclude-standard |
  while IFS= read -r -d '' file; do [[ ! -e $file ]] || printf '%s\0' "$file"; done |
  xargs -0 cp --parents -t "$scratch"
cd "$scratch"
git init -q # so that git apply works here
export STRAIT_DEPS=$deps
cmake --preset net >/dev/null

missed=0
printf '%-22s %9s  %s\n' bug "at seed" "what the auditor said"
for name in "${names[@]}"; do
  patch=$planted/$name.patch
  git apply "$patch"
  cmake --build build/net -j "$jobs" --target fault_run >build.log 2>&1 || {
    cat build.log
    die "$name does not build"
  }
  found=$(timeout 600 build/net/tests/fault_run --seeds "$seeds" --jobs "$jobs" --brief |
    grep '^FAILED' | head -1) || true
  if [[ $found =~ ^FAILED\ seed\ ([0-9]+):\ (.*)$ ]]; then
    printf '%-22s %9s  %s\n' "$name" "${BASH_REMATCH[1]}" "${BASH_REMATCH[2]}"
  else
    printf '%-22s %9s  %s\n' "$name" "-" "NOT FOUND in $seeds seeds: $(head -1 "$patch")"
    missed=1
  fi
  git apply -R "$patch"
done
exit "$missed"
