# shellcheck shell=bash disable=SC2154  # setup.sh sets root, deps, net and format
# LibTorch and clang-format from Python wheels, used as files; sourced by scripts/setup.sh.
# Nothing here runs Python packages: any python3 with pip does.

# fetch_wheels REQUIREMENTS FOLDER pip-options...: unpacks the pinned wheels into a new FOLDER.
# pip reports success while it leaves an old or half package in a folder that exists, so the folder
# must be new; it needs twice the size of the result, so that goes beside it too.
fetch_wheels() {
  local requirements=$1 folder=$2 python quiet=-q
  shift 2
  for python in python3 /usr/bin/python3 none; do
    if "$python" -m pip --version >/dev/null 2>&1; then break; fi
  done
  if [[ $python == none ]]; then die "no python3 here has pip; install python3-pip"; fi
  if [[ -t 2 ]]; then quiet=--progress-bar=on; fi
  rm -rf "$folder" "$folder.tmp"
  mkdir -p "$folder.tmp"
  # Cleared: settings of the user's that contradict --target.
  TMPDIR=$folder.tmp PIP_USER=0 PIP_REQUIRE_VIRTUALENV=0 PIP_ROOT_USER_ACTION=ignore \
    PIP_DISABLE_PIP_VERSION_CHECK=1 "$python" -m pip install "$quiet" --no-input --no-cache-dir \
    --no-deps --no-compile --only-binary=:all: --require-hashes --target "$folder" "$@" \
    -r "$requirements" </dev/null ||
    die "pip could not fetch what $requirements names; run this again"
  rm -rf "$folder.tmp"
}

# put_in_place NEW FOLDER: one rename; whoever looks sees the old or the new, never a half.
put_in_place() {
  rm -rf "$2.old"
  if [[ -e $2 ]]; then mv -T "$2" "$2.old"; fi
  mv -T "$1" "$2"
  rm -rf "$2.old"
}

# LibTorch ---------------------------------------------------------------------------------------

torch_pins=$root/scripts/setup/libtorch.txt

# MAJOR.MINOR; the numbers stand in one of two headers, depending on the version.
torch_version() {
  cat "$1"/include/torch/{headeronly,csrc/api/include/torch}/version.h 2>/dev/null |
    awk '$2 == "TORCH_VERSION_MAJOR" {major = $3} $2 == "TORCH_VERSION_MINOR" {minor = $3}
         END {print major "." minor}' || true
}

# What is wrong with the LibTorch in a folder; nothing when it will do.
torch_fault() {
  local version
  version=$(torch_version "$1")
  if [[ ! -r $1/lib/libtorch_cpu.so || ! -r $1/lib/libc10.so ]]; then
    echo "has no lib/libtorch_cpu.so and lib/libc10.so"
  elif [[ ! $version =~ ^[0-9]+\.[0-9]+$ ]]; then
    echo "has no include/torch/headeronly/version.h"
  elif [[ $(printf '2.7\n%s\n' "$version" | sort -V | head -n 1) != 2.7 ]]; then
    echo "is version $version; Strait needs 2.7 or newer"
  elif ! grep -qaE '_ZN[^[:cntrl:]]*3c10[^[:cntrl:]]*__cxx11' "$1/lib/libc10.so"; then
    echo "has the old C++ ABI; take a 'cxx11 ABI' build"
  fi
}

libtorch_ready() {
  local fault
  if [[ -n ${STRAIT_TORCH:-} ]]; then
    fault=$(torch_fault "$STRAIT_TORCH")
    if [[ -n $fault ]]; then die "STRAIT_TORCH: the LibTorch in '$STRAIT_TORCH' $fault" 2; fi
    return 0
  fi
  [[ -e $deps/python/torch/lib/libtorch_cpu.so ]] && cmp -s "$torch_pins" "$deps/python/pins.txt"
}

install_libtorch() {
  local new=$deps/python.new free unresolved
  [[ $(uname -m) == x86_64 ]] ||
    die "no pinned LibTorch for $(uname -m); set STRAIT_TORCH to the folder of one" 2
  free=$(df -Pm "$deps" | awk 'NR == 2 {print $4}')
  ((free >= 3000)) ||
    die "LibTorch needs 3 GB for its set-up and $deps has $free MB free; set STRAIT_DEPS elsewhere"
  say "fetching LibTorch 2.11 (545 MB; 1.2 GB in $deps/python)"
  # Wheels are tied to a Python version that does not matter here; one choice serves every machine.
  fetch_wheels "$torch_pins" "$new" --python-version 3.11 --abi cp311 --abi none \
    --platform manylinux_2_28_x86_64 --platform manylinux_2_25_x86_64 \
    --platform manylinux_2_17_x86_64
  unresolved=$(ldd "$new/torch/lib/libtorch_cpu.so" | grep 'not found' || true)
  [[ -z $unresolved && -z $(torch_fault "$new/torch") ]] ||
    die "the fetched LibTorch does not work here: $(torch_fault "$new/torch")$unresolved"
  cp "$torch_pins" "$new/pins.txt"
  put_in_place "$new" "$deps/python"
}

# clang-format -----------------------------------------------------------------------------------

format_pins=$root/scripts/setup/clang-format.txt

clang_format_ready() {
  [[ -x $deps/tools/clang_format/data/bin/clang-format ]] &&
    cmp -s "$format_pins" "$deps/tools/pins.txt"
}

install_clang_format() {
  say "fetching clang-format 14.0.6 (1 MB)"
  fetch_wheels "$format_pins" "$deps/tools.new"
  "$deps/tools.new/clang_format/data/bin/clang-format" --version >/dev/null
  cp "$format_pins" "$deps/tools.new/pins.txt"
  put_in_place "$deps/tools.new" "$deps/tools"
}
