#!/bin/bash
# Command lines and exactly what they print. tests/golden/cli/*.txt are transcripts:
#
#     text                say what it is about
#     $ COMMAND           run by sh; a transcript has one directory
#     > MORE OF IT
#     | what it prints to stdout
#     ! and to stderr
#     = 1                 its exit code, unless that is 0
#
# There is no terminal. Times, durations, temporary names and the directory are replaced (normalise).
# At the end nothing may be left in TMPDIR. BLESS=1 rewrites; an argument names one transcript.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
: "${KILN:=$here/../../build/kiln}"
KILN=$(readlink -f "$KILN")

if ! [ -x "$KILN" ]; then
	echo "there is no $KILN"
	exit 1
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/bin"
ln -s "$KILN" "$work/bin/kiln"

normalise() { # DIRECTORY
	local unit='(weeks?|days?|hours?|minutes?|seconds?|milliseconds?|microseconds?)'

	sed -E -e "s,$1/tmp/,TMP/,g" -e "s,$1,DIR,g" \
		-e "s/(after|for) [0-9]+ $unit( [0-9]+ $unit)?/\1 TIME/g" \
		-e 's/kiln-(shell|file-content|shell-vars)[A-Za-z0-9]{6,}/kiln-\1XXXXXX/g' \
		-e 's/^[0-9]{10},/TIME,/' \
		-e 's/[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}(Z|[+-][0-9:]{5})/STAMP/g' \
		-e 's/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/UUID/g' \
		-e 's/("build_time":) [0-9]+/\1 TIME/' \
		-e 's/\x1b/^[/g' -e 's/\r/^M/g'
}

# The environment of a fresh user; no terminal, so that nothing can be asked.
run() { # DIRECTORY COMMAND
	local code=0

	(cd "$1" && env -i PATH="$work/bin:$PATH" HOME="$1/home" TMPDIR="$1/tmp" LC_ALL=C.UTF-8 TZ=UTC \
		ASAN_OPTIONS="${ASAN_OPTIONS:-}" setsid -w sh -c "$2" </dev/null) >"$work/out" 2>"$work/err" || code=$?
	normalise "$1" <"$work/out" | sed 's/^/| /; s/^| $/|/'
	[ -z "$(tail -c 1 "$work/out")" ] || echo ' (no newline)'
	normalise "$1" <"$work/err" | sed 's/^/! /'
	[ $code = 0 ] || echo "= $code"
}

# Prints the transcript with what the commands print now.
replay() { # FILE
	local dir=$work/dir line command=

	rm -rf "$dir"
	mkdir -p "$dir/home" "$dir/tmp"
	while IFS= read -r line; do
		case $line in
		'> '* | '>')
			command+=$'\n'${line:2}
			;;
		'|'* | '! '* | '= '* | ' (no newline)')
			continue
			;;
		*)
			[ -z "$command" ] || run "$dir" "$command"
			command=
			;;
		esac
		case $line in
		'$ '*) command=${line:2} ;;
		esac
		printf '%s\n' "$line"
	done <"$1"
	[ -z "$command" ] || run "$dir" "$command"
	find "$dir/tmp" -mindepth 1 -printf 'LEFT BEHIND: %f\n'
}

result=0
for file in "$here"/cli/${1:-*}.txt; do
	replay "$file" >"$work/now"
	if cmp -s "$file" "$work/now"; then
		continue
	elif [ -n "${BLESS:-}" ]; then
		cp "$work/now" "$file"
		echo "rewrote ${file##*/}"
	else
		diff -u --label "${file##*/}: expected" --label "${file##*/}: now" "$file" "$work/now" || result=1
	fi
done
exit "$result"
