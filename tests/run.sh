#!/bin/bash
# Runs every test of kiln on a fresh Debian 12 or newer.
#
#   tests/run.sh [CTEST ARGUMENTS]     for example: tests/run.sh -L unit, tests/run.sh -R qmp
#
# Missing packages are installed (tests/setup.sh). kiln is built twice: with gcc as it is released,
# which runs all tests, and with clang and its address and undefined-behaviour sanitizers, which runs
# the unit tests and the fuzz targets' seed corpora. Both builds stop at any compiler warning.
set -eu

cd "$(dirname "$0")/.."

heading() { printf '\n== %s\n' "$*"; }

# build DIR CMAKE-ARGUMENT...
build() {
    local dir=$1
    shift
    [ -e "$dir/build.ninja" ] || cmake -S . -B "$dir" -G Ninja "$@" >/dev/null
    cmake --build "$dir"
}

heading "Debian packages"
tests/setup.sh build guest run test
echo "all there"

heading "build: gcc, release"
build build -DCMAKE_C_COMPILER=gcc
heading "build: clang, sanitizers"
build build-sanitize -DCMAKE_C_COMPILER=clang -DCMAKE_BUILD_TYPE=Sanitize

heading "the guest for the end-to-end tests"
tests/guest/build.sh build/guest

heading "tests: sanitizers"
result=0
(cd build-sanitize && ctest --output-on-failure -j 2 -L 'unit|fuzz' "$@") || result=1
heading "tests: release"
(cd build && ctest --output-on-failure --no-tests=error -j 2 "$@") || result=1
exit $result
