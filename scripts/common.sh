# shellcheck shell=bash disable=SC2034  # its users use what it sets
# What every script here shares; sourced, not run.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# Where LibTorch, the demo's text and tools are put; several clones may share one folder.
deps=$(realpath -m "${STRAIT_DEPS:-$root/.deps}")
if [[ -n ${STRAIT_TORCH:-} ]]; then
  STRAIT_TORCH=$(realpath -m "$STRAIT_TORCH")
  export STRAIT_TORCH
fi

say() { printf '%s\n' "$*"; }

# die MESSAGE [STATUS]: one line on standard error. Status 2: the user has to do something first.
die() {
  printf '%s: %s\n' "$(basename "$0")" "$1" >&2
  exit "${2:-1}"
}

# The text between the first comment line after #! and the first other line, as --help.
help_of() { sed -n '2,/^[^#]/{s/^# \{0,1\}//p}' "$1"; }

# Memory this process may still use, in MiB: what the machine has free, or the container's limit.
memory_mib() {
  local free limit used
  free=$(awk '/^MemAvailable/ {print int($2 / 1024)}' /proc/meminfo)
  if [[ -r /sys/fs/cgroup/memory.max && $(</sys/fs/cgroup/memory.max) != max ]]; then
    limit=$(($(</sys/fs/cgroup/memory.max) / 1048576))
    used=$(awk '/^(anon|shmem|kernel) / {sum += $2} END {print int(sum / 1048576)}' \
      /sys/fs/cgroup/memory.stat)
    ((limit - used < free)) && free=$((limit - used))
  fi
  echo "$free"
}

# Compilers at once: one a core, fewer where memory is short (a LibTorch file takes up to 1.3 GB).
compile_jobs() {
  local jobs fit
  jobs=$(nproc)
  fit=$(($(memory_mib) / 1400))
  ((fit < jobs)) && jobs=$fit
  ((jobs > 0)) || jobs=1
  echo "$jobs"
}
