#!/usr/bin/env bash
# Formats every C++ file with the pinned clang-format (scripts/setup.sh --format brings it).
#
#   scripts/format.sh            rewrites files
#   scripts/format.sh --check    changes nothing; fails and names what is not formatted
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

check=0
case ${1:-} in
  '') ;;
  --check) check=1 ;;
  -h | --help) help_of "$0" && exit 0 ;;
  *) die "unknown argument '$1'; try --help" 2 ;;
esac

"$root/scripts/setup.sh" --net --format
cd "$root"
clang_format=$deps/tools/clang_format/data/bin/clang-format
mapfile -t files < <(find core netsim backends apps tests -type f \
  \( -name '*.h' -o -name '*.cc' -o -name '*.cu' -o -name '*.cuh' \) | LC_ALL=C sort)
if ((!check)); then
  exec "$clang_format" --style=file -i "${files[@]}"
fi
if ! complaints=$("$clang_format" --style=file --dry-run --Werror "${files[@]}" 2>&1); then
  say "$complaints" | sed -n 's/^\([^: ]*\):[0-9]*:[0-9]*: error: .*/\1/p' |
    sort | uniq -c | sort -rn
  die "these files (and places in them) are not formatted; run scripts/format.sh"
fi
say "${#files[@]} files are formatted"
