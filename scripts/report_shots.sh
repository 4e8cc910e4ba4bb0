#!/usr/bin/env bash
# Pictures of a report as a browser shows it: light and dark, as wide as a phone and as a desktop. Fails
# when the page is wider than the screen.
#
#   scripts/report_shots.sh RUN/report.html [FOLDER]      FOLDER/phone_light.png ...; default: beside it
#
# Needs Chromium (apt-get install chromium) and touches no network.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

case ${1:-} in
  -h | --help) help_of "$0" && exit 0 ;;
  '') die "no report; try --help" 2 ;;
esac
report=$(realpath "$1")
[[ -f $report ]] || die "there is no $1" 2
out=$(realpath -m "${2:-$(dirname "$report")}")
browser=$(command -v chromium || command -v google-chrome) ||
  die "there is no chromium; run apt-get install chromium" 2
mkdir -p "$out"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# chrome WIDTH HEIGHT ARGUMENT...: a window narrower than 500 pixels is not to be had, so the page is
# shown in a frame of that width.
chrome() {
  local width=$1 height=$2
  shift 2
  "$browser" --headless --no-sandbox --disable-gpu --hide-scrollbars --allow-file-access-from-files \
    --user-data-dir="$scratch/profile" --window-size="$((width < 500 ? 500 : width)),$height" "$@" \
    2>"$scratch/log"
}

framed() { # WIDTH HEIGHT: a page with the report in a frame, which writes the report's own width
  cat <<PAGE
<!DOCTYPE html><meta charset="utf-8"/><meta name="color-scheme" content="light dark"/>
<style>body{margin:0}iframe{border:0;width:$1px;height:$2px}</style>
<iframe src="file://$report"></iframe><script>onload = () => {
  const page = document.querySelector('iframe').contentDocument.documentElement;
  document.title = page.scrollWidth + ' ' + page.scrollHeight;
};</script>
PAGE
}

failed=0
for screen in phone:390 desktop:1280; do
  name=${screen%:*} width=${screen#*:}
  framed "$width" 1000 >"$scratch/$name.html"
  size=$(chrome "$width" 1000 --dump-dom --virtual-time-budget=3000 "file://$scratch/$name.html" |
    sed -n 's/.*<title>\([0-9]* [0-9]*\)<.*/\1/p')
  [[ -n $size ]] || die "the browser says nothing: $(tail -1 "$scratch/log")"
  read -r wide high <<<"$size"
  if ((wide > width)); then
    say "$name: the page is $wide pixels wide on a screen of $width"
    failed=1
  fi
  framed "$width" "$high" >"$scratch/$name.html"
  for theme in light dark; do
    flags=()
    [[ $theme == light ]] || flags=(--blink-settings=preferredColorScheme=0)
    chrome "$width" "$high" "${flags[@]}" --virtual-time-budget=3000 \
      --screenshot="$out/${name}_$theme.png" "file://$scratch/$name.html" >/dev/null
    say "$out/${name}_$theme.png"
  done
done
exit "$failed"
