#!/bin/bash
# Shows kiln at work on a fresh Debian 12 or newer: builds kiln, builds a small
# installer ISO, makes an image from it with the template of tests/guest, and
# boots that image to check it.
#
#   tests/demo.sh           all of it; nothing is left running afterwards; on a terminal the build
#                           is shown in the console
#   KILN=packer tests/demo.sh    the same with another program that builds templates
#
# Everything goes to build/ below this source tree, but for the Debian packages
# that are missing: those are installed with apt-get (see tests/setup.sh).
set -eu

cd "$(dirname "$0")/.."

heading() { printf '\n== %s\n' "$*"; }

build_kiln() {
    heading "kiln"
    [ -e build/build.ninja ] || cmake -S . -B build -G Ninja -DCMAKE_BUILD_TYPE=Release
    cmake --build build --target kiln
}

heading "Debian packages"
tests/setup.sh build guest run
echo "all there"

if [ -z "${KILN:-}" ]; then
    build_kiln
    KILN=build/kiln
fi

heading "the demo guest's installer"
tests/guest/build.sh build/guest

mkdir -p build/demo
export PACKER_CACHE_DIR=build/demo/cache
if [ -t 0 ] && [ -t 1 ] && [ "$KILN" = build/kiln ]; then
    heading "$KILN tui: ? lists the keys, q leaves the console"
    "$KILN" tui -force tests/guest/template.json
    if "$KILN" ps | awk 'NR == 2 { exit $2 != "going" && $2 != "waits" }'; then
        echo "Once it is over: tests/guest/check-image.sh build/demo/image/kiln-demo kiln-demo"
        exit 0
    fi
else
    heading "$KILN build"
    "$KILN" build -force tests/guest/template.json
fi

heading "the image by itself"
tests/guest/check-image.sh build/demo/image/kiln-demo kiln-demo

heading "done"
echo "image: build/demo/image/kiln-demo"
