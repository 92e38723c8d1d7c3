#!/bin/bash
# Makes the pictures of the README again: kiln in a real terminal emulator (xterm under Xvfb).
#
#   screenshots/make.sh        needs: tests/setup.sh build guest run screenshots
set -eu

cd "$(dirname "$0")/.."
work=$(mktemp -d)
out=$PWD/screenshots
demo=/tmp/kiln-demo # must not exist
display=:$((90 + RANDOM % 100))
pids=()

finish() {
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    rm -rf "$work" "$demo"
}
[ ! -e "$demo" ] || { echo "$demo is in the way" >&2; exit 1; }
trap finish EXIT

# await FILE TEXT SECONDS: until FILE holds TEXT
await() {
    timeout "$3" sh -c 'tail -n +1 -F "$0" 2>/dev/null | grep -q -m1 -e "$1"' "$1" "$2"
}

# shoot NAME ROWS COMMAND TEXT SECONDS: run COMMAND in an xterm, take its picture once it printed TEXT
shoot() {
    local log=$work/$1.log
    printf '%s\n' "cd $demo; printf '\$ %s\n' '$3'" "$3 2>&1 | tee $log" 'echo; exec sleep 60' >"$work/$1.sh"
    xterm -display "$display" -geometry "112x$2+0+0" -fa 'DejaVu Sans Mono' -fs 10 -bg '#101418' \
        -fg '#d8dee4' +sb -e bash "$work/$1.sh" &
    pids+=($!)
    await "$log" "$4" "$5"
    xrefresh -display "$display" 2>/dev/null || true
    import -display "$display" -window "$(xwininfo -display "$display" -root -tree |
        awk '/"bash"|xterm/ { print $1; exit }')" -strip -colors 64 "$out/$1.png"
    kill "${pids[-1]}"
    echo "$out/$1.png"
}

cmake --build build >/dev/null
tests/guest/build.sh build/guest
Xvfb "$display" -screen 0 1200x1000x24 -nolisten tcp >/dev/null 2>&1 &
pids+=($!)
timeout 10 sh -c 'until xwininfo -display "$0" -root >/dev/null 2>&1; do :; done' "$display"

# In a directory of their own, so that the pictures are the same wherever the source lies.
export PATH="$PWD/build:$PATH" PACKER_CACHE_DIR=$work/cache
mkdir "$demo" "$demo/build"
cp -r tests/guest/template.json tests/guest/http tests/guest/files "$demo"
cp build/guest/kiln-guest.iso build/guest/kiln-guest.iso.sha256 "$demo/build"
sed -i 's,build/guest/,build/,' "$demo/template.json"
sed 's/"1024M"/"1024Q"/; s/"tcg"/"tgc"/; s/<esc><wait>/<escape><wait>/' \
    "$demo/template.json" >"$demo/wrong.json"
shoot error 20 "kiln validate wrong.json" "escape" 10
shoot build 44 "kiln build template.json" "artifacts of" 300
