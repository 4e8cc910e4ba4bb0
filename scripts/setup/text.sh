# shellcheck shell=bash disable=SC2154  # setup.sh sets root, deps, net and format
# The demo's text: Debian's manual pages in nine languages; sourced by scripts/setup.sh.
# They are unpacked, not installed: `apt install` needs root and loses the pages where dpkg's
# path-exclude rules say so (containers).

text_packages=(manpages manpages-dev manpages-de manpages-fr manpages-es manpages-it manpages-pl
  manpages-pt-br manpages-ru manpages-ro)

# SOURCE says where the text is from; it is written last, so it also says that the folder is whole.
text_ready() { [[ -s $deps/manpages/SOURCE ]]; }

# All at once takes a second; one by one where a name is unknown, since apt then fetches nothing.
download_text() {
  local options=(-qq -o APT::Sandbox::User=root -o Acquire::Retries=3) package
  command -v apt-get >/dev/null || return 0
  if ((EUID == 0)) && ! apt-cache show manpages >/dev/null 2>&1; then
    apt-get update -qq </dev/null || true
  fi
  apt-get "${options[@]}" download "${text_packages[@]}" 2>/dev/null && return
  for package in "${text_packages[@]}"; do
    apt-get "${options[@]}" download "$package" 2>/dev/null || true
  done
}

# unpack_text FOLDER: every *.deb here into FOLDER/<package>; prints <package>=<version>.
unpack_text() {
  local deb package
  for deb in *.deb; do
    package=$(dpkg-deb -f "$deb" Package)
    dpkg-deb -x "$deb" "$1/$package"
    printf ' %s=%s' "$package" "$(dpkg-deb -f "$deb" Version)"
  done
}

# machine_text FOLDER: no package to be had; what this machine has must do. Says what it took.
machine_text() {
  local man=$1/machine/usr/share/man file count=0
  mkdir -p "$man"
  if (($(find /usr/share/man -name '*.gz' -type f 2>/dev/null | head -n 300 | wc -l) == 300)); then
    cp -r --no-dereference /usr/share/man/. "$man" 2>/dev/null || true
    echo "the manual pages of this machine (/usr/share/man)"
    return
  fi
  mkdir -p "$man/man7"
  while IFS= read -r file; do
    count=$((count + 1))
    # A page each; the reader takes plain text as a page without macros.
    gzip -cdfn "$file" | sed 's/^[.'\'']/ &/' | gzip -n >"$man/man7/text-$count.7.gz"
  done < <(find /usr/share/doc -type f -size +1k \
    \( -name '*.txt*' -o -name 'README*' -o -name 'changelog*' -o -name copyright \) \
    2>/dev/null | LC_ALL=C sort | head -n 4000)
  if ((count == 0)); then return 1; fi
  echo "texts of this machine's packages (/usr/share/doc)"
}

install_text() {
  local new=$deps/manpages.new source
  say "fetching text for the demo: Debian's manual pages in nine languages (14 MB)"
  rm -rf "$new"
  mkdir -p "$new/debs"
  (cd "$new/debs" && download_text)
  if compgen -G "$new/debs/*.deb" >/dev/null; then
    source="$(. /etc/os-release && echo "$NAME" | cut -d' ' -f1) manual pages:$(
      cd "$new/debs" && unpack_text "$new"
    )"
  else
    source=$(machine_text "$new") ||
      die "no text for the demo: apt gives none and the machine has none"
    say "apt gave no manual pages; taking $source (to try again: rm -r $deps/manpages)"
  fi
  rm -rf "$new/debs"
  printf '%s\n' "$source" >"$new/SOURCE"
  put_in_place "$new" "$deps/manpages"
}
