#!/usr/bin/env bash
# Does one transport fill a long, fat link with the number of connections that it finds itself? One
# way over 300 Mbit/s and 100 ms, in a lab (root, /dev/net/tun): CUBIC without loss, and BBR with
# 0.1 %. Prints for the seconds from --from on what share of the most that TCP's payload can have
# (0.956 of the rate) has been acknowledged, and over how many connections.
#
#   tests/bench/one_way.sh [--seconds 60] [--from 30] [--build build/net] [CONTROL...]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source scripts/common.sh

seconds=60 from=30 build=build/net controls=()
while (($# > 0)); do
  case $1 in
    -h | --help) help_of "$0" && exit 0 ;;
    --seconds | --from | --build) declare "${1#--}=${2:?$1 has no value}" && shift ;;
    cubic | bbr) controls+=("$1") ;;
    *) die "'$1' is unknown; see $0 --help" 2 ;;
  esac
  shift
done
((${#controls[@]} > 0)) || controls=(cubic bbr)
[[ -x $build/one_way_rank ]] || die "run: ninja -C $build one_way_rank" 2

out=$(mktemp -d "${TMPDIR:-/tmp}/one_way.XXXXXX")
trap 'rm -rf "$out"' EXIT
for control in "${controls[@]}"; do
  mkdir "$out/$control"
  loss=0%
  [[ $control != bbr ]] || loss=0.05%  # on each of the two links of the path
  printf 'island,up,down,delay,loss\n*,300mbit,300mbit,25ms,%s\n' "$loss" >"$out/$control/links.csv"
  # shellcheck disable=SC2016  # the lab's shell says what they are
  nice -n -10 "$build/strait" net lab tests/bench/one_way.ini --network.tcp "$control" \
    --network.links "$out/$control/links.csv" -- \
    "$(printf '%q ' "$build/one_way_rank" --dir "$out/$control" --seconds "$seconds" \
      --congestion "$control")"' --rank "$STRAIT_LAB_ISLAND" --host "$STRAIT_LAB_ADDRESS"' \
    >"$out/$control/log" 2>&1 || { cat "$out/$control/log" >&2 && die "the lab failed"; }
  awk -v from="$from" -v control="$control" '
    $1 == "1" && $2 == "|" && $3 >= from {
      sum += $4; n++; open = $5; used = $6; again = $7
      if (n == 1 || $4 < least) least = $4
    }
    END {
      if (n == 0) { print "no lines from the sender"; exit 1 }
      most = 0.956 * 300e6 / 8
      printf "%-6s %6.2f MB/s acknowledged, %5.1f %% of the most that can be (the worst second %.1f %%);" \
             " %d connections of %d open, %.1f MB sent again\n",
             control, sum / n / 1e6, 100 * sum / n / most, 100 * least / most, used, open, again / 1e6
    }' "$out/$control/log"
  grep -i 'late' "$out/$control/log" || true
done
