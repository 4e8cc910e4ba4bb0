# shellcheck shell=bash disable=SC2154  # setup.sh sets root, deps, net and format
# Debian packages; sourced by scripts/setup.sh.

net_packages=(g++ cmake git ca-certificates ninja-build ccache pkg-config python3 libuv1-dev
  libboost-context-dev libboost-program-options-dev libfccp-dev catch2 libssl-dev zlib1g-dev
  libzstd-dev nlohmann-json3-dev libxxhash-dev libfmt-dev libutf8proc-dev)

missing_packages() {
  local -a wanted=("${net_packages[@]}")
  if ((!net || format)); then wanted+=(python3-pip); fi
  # dpkg-query fails when it does not know one of the names, which is no news here.
  comm -23 <(printf '%s\n' "${wanted[@]}" | sort -u) \
    <(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "${wanted[@]}" 2>/dev/null |
      sed -n 's/^installed //p' | sort -u)
}

packages_ready() {
  command -v dpkg-query >/dev/null ||
    die "this is no Debian or Ubuntu; install what docs/HACKING.md lists, and build with CMake" 2
  mapfile -t missing < <(missing_packages)
  ((${#missing[@]} == 0))
}

apt() {
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 \
    -o Acquire::Retries=3 --no-install-recommends "$@" </dev/null
}

# The bytes that the missing packages will cost, in MB; fails when a name is unknown (no lists yet).
packages_mb() {
  apt --print-uris install "${missing[@]}" 2>/dev/null |
    awk '{sum += $3} END {print int(sum / 1e6) + 1}'
}

install_packages() {
  as_root=()
  if ((EUID != 0)); then
    if sudo -n true 2>/dev/null || { command -v sudo >/dev/null && [[ -t 0 && -t 2 ]]; }; then
      as_root=(sudo)
    else
      die "packages are missing and this user has no sudo; as root run:
apt-get update && apt-get install -y --no-install-recommends ${missing[*]}" 2
    fi
  fi
  local mb log
  if ! mb=$(packages_mb); then
    say "fetching apt's package lists"
    apt update || die "apt-get update failed: no network, or no permission"
    mb=$(packages_mb) || die "apt does not know one of: ${missing[*]}"
  fi
  say "fetching ${#missing[@]} Debian packages and what they need ($mb MB): ${missing[*]}"
  log=$(mktemp)
  # Lists that are older than the archive name files that are gone: renew them and try once more.
  if ! apt -y install "${missing[@]}" >"$log" 2>&1 &&
    ! { apt update && apt -y install "${missing[@]}"; } >"$log" 2>&1; then
    tail -n 5 "$log" >&2
    die "apt-get install failed; the whole output is in $log"
  fi
  rm -f "$log"
}
