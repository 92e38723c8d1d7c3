#!/bin/bash
# src/vm/probe_guest.inc must hold what the assembler makes of src/vm/probe_guest.S.
# BLESS=1 rewrites it.
set -euo pipefail
cd "${KILN_SOURCE:-$(dirname "$0")/../..}/src/vm"

if ! [ "$(uname -m)" = x86_64 ] || ! command -v as ld od >/dev/null; then
	echo "skipped: needs binutils for x86"
	exit 77
fi
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

cc -E -P -x assembler-with-cpp probe_guest.S -o "$tmp/guest.s"
as --32 "$tmp/guest.s" -o "$tmp/guest.o"
ld -m elf_i386 -Ttext 0x7c00 --oformat binary "$tmp/guest.o" -o "$tmp/guest.bin"
[ "$(stat -c %s "$tmp/guest.bin")" = 512 ]
{
	echo "/* Made from probe_guest.S by BLESS=1 tests/golden/probe_guest.sh; 512 bytes. */"
	od -An -v -tx1 -w16 "$tmp/guest.bin" | sed 's/ \(..\)/0x\1, /g; s/, $/,/'
} >"$tmp/guest.inc"

if [ -n "${BLESS:-}" ]; then
	cp "$tmp/guest.inc" probe_guest.inc
fi
diff -u probe_guest.inc "$tmp/guest.inc"
