#!/usr/bin/env bash
# Tries the README's commands as a newcomer would: in a bare Debian that has git, certificates and
# nothing else, from a clone of HEAD. Prints the seconds of each command. Needs root, debootstrap,
# about 6 GB of disk, and fetches about 800 MB.
#
#   scripts/fresh_root.sh [options] [FOLDER]     FOLDER: where to make the root; must not exist yet
#
#   --suite NAME      Debian's release: bookworm (default), trixie, ...
#   --deps FOLDER     use a host's STRAIT_DEPS folder instead of fetching LibTorch and text
#   --run COMMAND     run this in the clone, not scripts/demo.sh and scripts/test.sh; repeatable
#   --keep            leave the root there (enter it with chroot); a FOLDER of yours always stays
#
# The host's certificates, apt and pip settings, and name service go into the root, since a network
# that needs them needs them there too. Everything runs in a mount namespace of its own: whatever is
# mounted in the root goes with the last process, also when this script is killed, so removing the
# root cannot reach through a mount.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

suite=bookworm shared='' keep=0 folder=''
commands=()
while (($#)); do
  case $1 in
    --suite) suite=${2:?--suite wants a name} && shift ;;
    --deps) shared=$(realpath -e "${2:?--deps wants a folder}") && shift ;;
    --run) commands+=("${2:?--run wants a command}") && shift ;;
    --keep) keep=1 ;;
    -h | --help) help_of "$0" && exit 0 ;;
    -*) die "unknown argument '$1'; try --help" 2 ;;
    *) folder=$(realpath -m "$1") ;;
  esac
  shift
done
((${#commands[@]})) || commands=(scripts/demo.sh scripts/test.sh)

# Certificates, apt, pip and names, as the host has them.
copy_host_settings() {
  local path release
  for path in /usr/local/share/ca-certificates /etc/apt/apt.conf.d /etc/apt/auth.conf.d \
    /etc/apt/keyrings /etc/apt/trusted.gpg.d /etc/pip.conf /etc/resolv.conf /etc/hosts; do
    [[ -e $path ]] || continue
    mkdir -p "$folder$(dirname "$path")"
    cp -rL --preserve=mode,timestamps --no-target-directory "$path" "$folder$path"
  done
  # Only where the host runs Debian too; its release's name becomes the root's.
  release=$(. /etc/os-release && [[ $ID == debian ]] && echo "${VERSION_CODENAME:-}") || true
  if [[ -n $release ]]; then
    for path in /etc/apt/sources.list /etc/apt/sources.list.d/*.{list,sources}; do
      [[ -e $path ]] || continue
      sed "s/\b$release\b/$suite/g" "$path" >"$folder$path"
      if [[ $path == *.sources ]]; then rm -f "$folder/etc/apt/sources.list"; fi
    done
  fi
}

# NAME=VALUE of the host's settings for pip, certificates and proxies, one a line. Those that name a
# file which the root lacks stay out.
host_environment() {
  local name certificates='SSL_CERT_FILE|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|GIT_SSL_CAINFO'
  local proxies='(HTTPS?|NO)_PROXY|(https?|no)_proxy'
  for name in $(compgen -e | grep -E "^(PIP_.*|$certificates|$proxies)$"); do
    if [[ ${!name} != /* || -e $folder${!name} ]]; then echo "$name=${!name}"; fi
  done
}

inside() {
  chroot "$folder" /usr/bin/env -i HOME=/root TERM="${TERM:-dumb}" LANG=C.UTF-8 \
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "${environment[@]}" \
    bash -c "$1" </dev/null
}

make_root() {
  local log=$folder.log
  say "making a bare Debian $suite in $folder"
  debootstrap --variant=minbase --include=ca-certificates,git "$suite" "$folder" >"$log" 2>&1 ||
    { tail -n 5 "$log" >&2 && die "debootstrap failed; the whole output is in $log"; }
  rm -f "$log"
  copy_host_settings
  rm -rf "$folder"/var/lib/apt/lists/* "$folder"/var/cache/apt/*.bin  # as containers come
  mount -t proc proc "$folder/proc"
  mount --rbind /dev "$folder/dev"
  mapfile -t environment < <(host_environment)
  inside "update-ca-certificates >/dev/null 2>&1"
  if [[ -n $shared ]]; then
    mkdir "$folder/deps"
    mount --bind "$shared" "$folder/deps"
    environment+=(STRAIT_DEPS=/deps)
  fi
}

clone_into_root() {
  if [[ -n $(git_here status --porcelain) ]]; then
    say "note: changes that are not committed are not tried"
  fi
  git_here bundle create -q "$folder/tmp/strait.bundle" HEAD
  inside "git -c advice.detachedHead=false -c init.defaultBranch=main \
    clone -q /tmp/strait.bundle /root/strait && rm /tmp/strait.bundle"
}

# This clone may be another user's; git as root then wants to be told that it is meant.
git_here() { git -c safe.directory='*' -C "$root" "$@"; }

# Runs in the namespace.
try_commands() {
  local command start table=()
  make_root
  clone_into_root
  for command in "${commands[@]}"; do
    printf '\n=== %s\n' "$command"
    start=$SECONDS
    inside "cd /root/strait && $command" || die "'$command' failed in a bare $suite"
    table+=("$(printf '%6d s  %s' $((SECONDS - start)) "$command")")
  done
  printf '\nDebian %s, nothing installed before, %d cores:\n' "$suite" "$(nproc)"
  printf '%s\n' "${table[@]}"
}

if [[ -n ${STRAIT_FRESH_ROOT:-} ]]; then
  folder=$STRAIT_FRESH_ROOT
  try_commands
  exit
fi

((EUID == 0)) || die "needs root, for debootstrap and chroot" 2
command -v debootstrap >/dev/null || die "needs debootstrap: apt-get install debootstrap" 2
if [[ -n $folder ]]; then
  [[ ! -e $folder ]] || die "'$folder' exists already; give a new folder" 2
  mkdir -p "$folder"
  keep=1
else
  folder=$(mktemp -d "${TMPDIR:-/var/tmp}/strait-root.XXXXXX")
fi
chmod 755 "$folder"  # apt's own user has to pass

# The death of the namespace's first process ends all others in it, and with them its mounts.
clean_up() {
  kill -KILL "$namespace" 2>/dev/null || true
  wait "$namespace" 2>/dev/null || true
  ((keep)) || rm -rf --one-file-system "$folder" "$folder.log"
}
arguments=(--suite "$suite")
if [[ -n $shared ]]; then arguments+=(--deps "$shared"); fi
for command in "${commands[@]}"; do arguments+=(--run "$command"); done
STRAIT_FRESH_ROOT=$folder unshare --mount --propagation private --pid --fork --kill-child \
  "${BASH_SOURCE[0]}" "${arguments[@]}" &
namespace=$!
trap clean_up EXIT
trap 'exit 130' INT TERM HUP
wait "$namespace"
