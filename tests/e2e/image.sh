#!/bin/bash
# The main job, whole: the demo template installs a guest by typed keys, and the image boots by
# itself. Then: nothing is left behind, and the password stands in no output and no log.
set -euo pipefail

cd "$KILN_SOURCE"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export PACKER_CACHE_DIR=$work/cache XDG_STATE_HOME=$work/state TMPDIR=$work/tmp
mkdir "$work/tmp"

fail() {
    echo "FAIL: $*" >&2
    exit 1
}

tests/guest/build.sh "$KILN_BUILD/guest"
"$KILN" build -color=false -var iso_url="$KILN_BUILD/guest/kiln-guest.iso" \
    -var iso_checksum="file:$KILN_BUILD/guest/kiln-guest.iso.sha256" \
    -var output_dir="$work/out" tests/guest/template.json | tee "$work/build.log"

grep -q "HTTP: GET /answers.cfg: 200" "$work/build.log" || fail "the answer file was not fetched"
grep -q "host name: kiln-demo" "$work/build.log" || fail "the shell provisioner's output is missing"
(cd "$work/out/image" && sha256sum kiln-demo | cut -d' ' -f1) >"$work/sum"
grep -q "$(cat "$work/sum")" "$work/out/debian.sha256" || fail "the checksum is not the image's"
grep -q '"artifact_id": "VM"' "$work/out/manifest.json" || fail "the manifest lacks the artifact"

[ -z "$(ls -A "$work/tmp")" ] || fail "temporary files are left: $(ls "$work/tmp")"
[ -z "$(find "$work/state" -name '*.ledger')" ] || fail "a ledger is left"
[ -z "$(find "$work/out/image" -name '*.monitor' -o -name '*.sock')" ] || fail "a socket is left"
! grep -rq opensesame "$work/build.log" "$work/state" || fail "the password stands in a log"
grep -q '"type":"key"' "$work"/state/kiln/runs/*/events.jsonl || fail "no key was logged"

tests/guest/check-image.sh "$work/out/image/kiln-demo" kiln-demo
