#!/bin/bash
# Sizes and white space: no function over 80 lines, no .c file over 800, all as clang-format has it.
set -euo pipefail
cd "${KILN_SOURCE:-$(dirname "$0")/../..}"

format_version=14 # others break lines elsewhere

sources() {
	if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
		git ls-files -z -- '*.c' '*.h'
	else
		find src ui tests -name '*.[ch]' -print0
	fi
}

# .clang-format puts the braces of functions, and only those, alone in the first column. A table
# (static const … = {) inside a function does not count.
check_sizes() {
	sources | xargs -0 awk '
	function too_long(text) { print FILENAME ":" FNR ": " text; bad = 1 }
	FNR == 801 && FILENAME ~ /\.c$/ { too_long("file of more than 800 lines") }
	FNR == 1 { in_function = in_table = 0 }
	/^\}$/ && in_function {
		if (lines > 80)
			too_long("function of " lines " lines (80 are allowed)")
		in_function = 0
	}
	in_function && /^    static const / && !/;$/ { in_table = 1 }
	in_function && !in_table { lines++ }
	/;$/ && /^    [}]/ { in_table = 0 }
	/^\{$/ { in_function = 1; lines = 0 }
	END { exit bad }'
}

check_format() {
	local found

	found=$(clang-format --version 2>/dev/null | sed -E 's/.*version ([0-9]+).*/\1/' || true)
	if [ "$found" != "$format_version" ]; then
		echo "white space not checked: clang-format is '${found:-missing}', not $format_version"
		return
	fi
	sources | xargs -0 clang-format --dry-run -Werror
}

result=0
check_sizes || result=1
check_format || result=1
exit "$result"
