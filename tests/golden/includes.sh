#!/bin/bash
# Includes point downwards only: each folder's files may include their own folder's headers and those
# named here (src/README.md has the picture). Heavy library headers stay in modules, curses in one
# file, and every header compiles alone.
set -euo pipefail
cd "${KILN_SOURCE:-$(dirname "$0")/../..}"

layers='
base
redact         base
template       base
bootcmd        base
net            base
vm             net base
lookup         template net base
config         template base
engine         config template redact base
communicator   engine config template redact net base
provisioner    engine config template redact net base
builder        communicator engine config template redact bootcmd vm net base
postprocessor  provisioner engine config template redact vm net base
run            builder communicator provisioner postprocessor lookup engine config template redact bootcmd vm net base
cli            run builder communicator provisioner postprocessor engine config template redact bootcmd vm net base ui/console.h
ui             bootcmd base run/client.h engine/event.h engine/place.h
'
heavy='archive bzlib.h curl/ expat.h libdeflate.h libssh/ lz4 lzma.h microhttpd.h nettle/ openssl/ pcre2.h png.h readline/ rfb/ xxhash.h zstd.h'

sources() { # PATTERN
	for dir in src ui; do
		[ ! -d $dir ] || find $dir -name "$1" -print0
	done | sort -z
}

# FILE:LINE:#include …
list_includes() {
	sources '*.[ch]' | xargs -0 grep -HnE '^[[:space:]]*#[[:space:]]*include'
}

check_includes() {
	awk -v layers="$layers" -v heavy="$heavy" '
	BEGIN {
		n = split(layers, row, "\n")
		for (i = 1; i <= n; i++) {
			k = split(row[i], word, " ")
			if (k) known[word[1]] = allowed[word[1], word[1]] = 1
			for (j = 2; j <= k; j++) allowed[word[1], word[j]] = 1
		}
		n_heavy = split(heavy, heavy_list, " ")
	}
	function wrong(text) { print place ": " text; bad = 1 }
	{
		match($0, /^[^:]*:[0-9]+/)
		place = substr($0, 1, RLENGTH)
		file = place; sub(/:.*/, "", file)
		match($0, /["<][^">]*[">]/)
		name = substr($0, RSTART + 1, RLENGTH - 2)
		layer = file; sub(/^src\//, "", layer); sub(/\/.*/, "", layer)
		if (!(layer in known))
			wrong("folder " layer " is not in the layer list of tests/golden/includes.sh")
		if (substr($0, RSTART, 1) == "\"") {
			to = name; sub(/\/.*/, "", to)
			if (!(to in known))
				wrong("\"" name "\": write the path from src/ on")
			else if (!((layer, to) in allowed) && !((layer, name) in allowed))
				wrong("\"" name "\": " layer " may not include " to)
		}
		for (i = 1; i <= n_heavy; i++)
			if (index(name, heavy_list[i]) == 1 && file !~ /_module\.c$/)
				wrong("<" name ">: only a NAME_module.c may include it (base/module.h)")
		if (name ~ /^(ncursesw?\/)?n?curses\.h$/ && file != "ui/term/term.c")
			wrong("<" name ">: only ui/term/term.c may include it")
	}
	END { exit bad }'
}

check_headers() {
	local flags=(-std=c17 -fsyntax-only -Wall -Wextra -Werror -D_GNU_SOURCE -Isrc -I.)
	local jsonc

	read -ra jsonc <<<"$(pkg-config --cflags json-c)"
	sources '*.h' | xargs -0 -P 2 -n 8 "${CC:-cc}" "${flags[@]}" "${jsonc[@]}" -x c
}

result=0
list_includes | check_includes || result=1
check_headers || result=1
exit "$result"
