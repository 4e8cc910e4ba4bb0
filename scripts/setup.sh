#!/usr/bin/env bash
# Brings everything Strait builds with: Debian packages, LibTorch, and text for the demo.
#
#   scripts/setup.sh            everything
#   scripts/setup.sh --net      only what the network half needs (no LibTorch, no text)
#   scripts/setup.sh --format   the pinned clang-format, too
#
# When everything is there it takes a fraction of a second and touches no network. It may be
# interrupted and run again. Settings, from the environment:
#   STRAIT_DEPS=FOLDER    where LibTorch, text and tools go, instead of .deps; clones may share it
#   STRAIT_TORCH=FOLDER   a LibTorch (2.7 or newer, new C++ ABI) to use instead of fetching one
# Packages need root or sudo; without either the command to run is printed, and the status is 2.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
for part in packages wheels text; do
  # shellcheck disable=SC1090
  source "$root/scripts/setup/$part.sh"
done

net=0 format=0
for argument in "$@"; do
  case $argument in
    --net) net=1 ;;
    --format) format=1 ;;
    -h | --help) help_of "$0" && exit 0 ;;
    *) die "unknown argument '$argument'; try --help" 2 ;;
  esac
done

# One set-up at a time in a folder that clones share. Children hold the lock too, so a download that
# outlives a killed set-up cannot write where the next one works.
lock_deps() {
  [[ -z ${locked:-} ]] || return 0
  if ! { mkdir -p "$deps" && exec 9>"$deps/.lock"; } 2>/dev/null; then
    die "cannot write to '$deps'; set STRAIT_DEPS to a folder of yours"
  fi
  if ! flock -n 9; then
    say "another set-up works in $deps: waiting for it"
    flock 9
  fi
  locked=1
}

# bring THING: runs install_THING unless THING_ready, also when another set-up was faster.
bring() {
  if "$1_ready"; then return; fi
  lock_deps
  if "$1_ready"; then return; fi
  "install_$1"
}

if ! packages_ready; then install_packages; fi
if ((format)); then bring clang_format; fi
if ((!net)); then
  bring libtorch
  bring text
fi
