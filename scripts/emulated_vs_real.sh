#!/usr/bin/env bash
# Does a run in virtual time take as long as the same run as processes over real connections, and
# send as much? Four islands behind 50 Mbit/s and 60 ms train a model of 4 M parameters for 20
# rounds of 5 s: CUBIC without loss and BBR with 0.1 %, `two_phase` and `ring`
# (tests/bench/emulated_vs_real.ini).
#
#   scripts/emulated_vs_real.sh [--rounds N] [--emulated] [--keep FOLDER] [CONFIGURATION...]
#
#   --rounds N       instead of 20
#   --emulated       only that side: seconds instead of a quarter of an hour
#   --keep FOLDER    the runs stay there
#   CONFIGURATION    of cubic-two_phase cubic-ring bbr-two_phase bbr-ring; all of them without
#
# The real side is a lab (strait net lab): a kernel's TCP between network namespaces, joined by a
# relay with the links of the scenario. It takes Linux, root and /dev/net/tun. Prints, for each
# configuration, the median time of an exchange (a round less its computing) and the bytes that left
# all islands, headers, acknowledgements and repeats included: as the emulator counted them, and as
# the interfaces of the namespaces did. Ends with 1 if times are more than 5 % apart or bytes more
# than 2 %. STRAIT_PROGRAM=FILE takes another program than build/net/strait or build/release/strait.
#
# The README has a table of what it found. Rounds of CUBIC differ among themselves by 5 to 9 %, so the
# median of 20 moves by 2 to 3 % from run to run: --rounds 60 says more.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

rounds=20 emulated_only=false keep=''
configurations=()
while (($# > 0)); do
  case $1 in
    -h | --help) help_of "$0" && exit 0 ;;
    --rounds) rounds=${2:?--rounds has no number} && shift ;;
    --emulated) emulated_only=true ;;
    --keep) keep=$(realpath -m "${2:?--keep has no folder}") && shift ;;
    cubic-two_phase | cubic-ring | bbr-two_phase | bbr-ring) configurations+=("$1") ;;
    *) die "'$1' is unknown; see $0 --help" 2 ;;
  esac
  shift
done
((${#configurations[@]} > 0)) || configurations=(cubic-two_phase cubic-ring bbr-two_phase bbr-ring)

cd "$root"
program=${STRAIT_PROGRAM:-}
for built in build/net/strait build/release/strait; do
  [[ -n $program || ! -x $built ]] || program=$root/$built
done
[[ -n $program ]] || die "there is no program; run scripts/build.sh net strait" 2
if ! $emulated_only && ! "$program" coordinator --help >/dev/null 2>&1; then
  die "this program has no 'strait coordinator' for the real side; --emulated runs the other one" 2
fi

if [[ -n $keep ]]; then
  out=$keep
  [[ ! -e $out ]] || die "$out is there already; give another folder" 2
  mkdir -p "$out"
else
  out=$(mktemp -d "${TMPDIR:-/tmp}/emulated_vs_real.XXXXXX")
  trap 'rm -rf "$out"' EXIT
fi
scenario=tests/bench/emulated_vs_real.ini

keys_of() { # CONFIGURATION: TCP's name and the algorithm's
  local tcp=${1%%-*} links=tests/bench/emulated_vs_real.csv
  [[ $tcp != bbr ]] || links=tests/bench/emulated_vs_real_lossy.csv
  printf '%s\n' --network.tcp "$tcp" --sockets.congestion "$tcp" --network.links "$links" \
    --collective.algorithm "${1#*-}" --run.rounds "$rounds"
}

emulated_side() { # FOLDER KEYS...
  "$program" run "$scenario" "${@:2}" --run.out "$1/emulated"
}

# The same in a lab. The coordinator has the settings and makes the run folder; islands get the
# settings from it, and sleep out the steps of the model. Before other programs of this machine: the
# time that an island waits for a core would count as its exchange.
real_side() { # FOLDER KEYS...
  local real coordinator
  # No copy of the model at the end: the interfaces would count it.
  real="--compute.pace model --checkpoint.final false --run.out $(printf %q "$1/real") --insecure"
  # shellcheck disable=SC2016  # the lab's shell says what they are
  coordinator="$(printf '%q ' "$program" coordinator "$scenario" "${@:2}")$real"' \
    --listen "$STRAIT_LAB_COORDINATOR:7700"'
  # shellcheck disable=SC2016
  nice -n -10 "$program" net lab "$scenario" "${@:2}" --write "$1/bytes.csv" \
    --coordinator "$coordinator" -- \
    "$(printf %q "$program")"' join "$STRAIT_LAB_COORDINATOR:7700" --island "$STRAIT_LAB_ISLAND" \
      --listen "$STRAIT_LAB_ADDRESS:7701" --insecure'
}

python3 scripts/emulated_vs_real.py header
for configuration in "${configurations[@]}"; do
  folder=$out/$configuration
  mkdir "$folder"
  mapfile -t keys < <(keys_of "$configuration")
  sides=(emulated)
  $emulated_only || sides+=(real)
  for side in "${sides[@]}"; do
    "${side}_side" "$folder" "${keys[@]}" >"$folder/$side.log" 2>&1 ||
      { tail -n 20 "$folder/$side.log" >&2 && die "the $side side of $configuration failed"; }
  done
  python3 scripts/emulated_vs_real.py row "$folder"
done
$emulated_only || python3 scripts/emulated_vs_real.py verdict "$out"
