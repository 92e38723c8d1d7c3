#!/bin/bash
# Makes the pictures of the README again: kiln in a real terminal emulator (xterm under Xvfb), on real
# builds of the demo guest.
#
#   screenshots/make.sh        needs: tests/setup.sh build guest run screenshots
set -eu

cd "$(dirname "$0")/.."
work=$(mktemp -d)
out=$PWD/screenshots
demo=/tmp/kiln-demo # must not exist
display=:$((90 + RANDOM % 100))
pids=()
xterm=

finish() {
    [ "${XDG_STATE_HOME:-}" != "$work/state" ] || # a run that a script left which failed
        kiln ps | awk '$2 == "going" || $2 == "waits" { print $1 }' | xargs -r -n 1 kiln cancel >/dev/null || true
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    rm -rf "$work" "$demo"
}
[ ! -e "$demo" ] || { echo "$demo is in the way" >&2; exit 1; }
trap finish EXIT

# await FILE TEXT SECONDS: until FILE holds TEXT
await() {
    timeout "$3" sh -c 'tail -n +1 -F "$0" 2>/dev/null | grep -q -m1 -e "$1"' "$1" "$2" ||
        { echo "no \"$2\" in $1" >&2; exit 1; }
}

# start COLUMNSxROWS COMMAND: an xterm that runs it
start() {
    printf '%s\n' "cd $demo" "$2" 'exec sleep 60' >"$work/command.sh"
    xterm -display "$display" -geometry "$1+0+0" -fa 'DejaVu Sans Mono' -fs 10 \
        -bg '#101418' -fg '#d8dee4' +sb -e bash "$work/command.sh" &
    xterm=$!
    pids+=("$xterm")
}

stop() {
    kill "$xterm" 2>/dev/null || true
    wait "$xterm" 2>/dev/null || true
}

window() {
    xwininfo -display "$display" -root -tree | awk '/"bash"|xterm/ { print $1; exit }'
}

# keys KEY...: as X names them
keys() {
    DISPLAY=$display xdotool windowfocus "$(window)" key --delay 40 "$@"
}

# shoot NAME: the second look; the first one gives the terminal the time to draw
shoot() {
    local id

    id=$(window)
    for _ in 1 2; do
        import -display "$display" -window "$id" "$work/now.png"
    done
    convert "$work/now.png" -strip +dither -colors 128 "$out/$1.png"
    echo "$out/$1.png"
}

# shoot_plain NAME ROWS COMMAND TEXT SECONDS: what COMMAND prints, once that holds TEXT
shoot_plain() {
    : >"$work/$1.log"
    start "112x$2" "printf '\$ %s\n' '$3'; $3 2>&1 | tee $work/$1.log; echo"
    await "$work/$1.log" "$4" "$5"
    shoot "$1"
    stop
}

# events: the event log of the newest run
events() {
    timeout 10 sh -c 'until ls "$0"/kiln/runs/*/control.sock >/dev/null 2>&1; do :; done' "$XDG_STATE_HOME"
    ls -d "$XDG_STATE_HOME"/kiln/runs/*/ | tail -n 1 | sed 's,$,events.jsonl,'
}

# says TEXT: until the guest's screen does
says() {
    timeout 90 python3 - "$(dirname "$log")/control.sock" "$1" <<'END' || { echo "the guest does not say \"$1\"" >&2; exit 1; }
import json, socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
s.sendall(b'{"command":"watch","text":"state"}\n')
for line in s.makefile():
    event = json.loads(line)
    if event["type"] == "text" and sys.argv[2] in event.get("text", ""):
        break
END
}

cmake --build build >/dev/null
tests/guest/build.sh build/guest
Xvfb "$display" -screen 0 1400x1000x24 -nolisten tcp >/dev/null 2>&1 &
pids+=($!)
timeout 10 sh -c 'until xwininfo -display "$0" -root >/dev/null 2>&1; do :; done' "$display"

# In a directory of their own, so that the pictures are the same wherever the source lies.
export PATH="$PWD/build:$PATH" PACKER_CACHE_DIR=$work/cache XDG_STATE_HOME=$work/state
mkdir "$demo" "$demo/build"
cp -r tests/guest/template.json tests/guest/http tests/guest/files "$demo"
cp build/guest/kiln-guest.iso build/guest/kiln-guest.iso.sha256 "$demo/build"
sed -i 's,build/guest/,build/,' "$demo/template.json"
python3 - "$demo" <<'END'
import json, sys
with open(sys.argv[1] + "/template.json") as f:
    t = json.load(f)
t["builders"][0].update(boot_command=[], boot_wait="-1s")
with open(sys.argv[1] + "/empty.json", "w") as f:
    json.dump(t, f, indent=2)
END
sed 's/"1024M"/"1024Q"/; s/"tcg"/"tgc"/; s/<esc><wait>/<escape><wait>/' \
    "$demo/template.json" >"$demo/wrong.json"
sed 's/"EXPECTED_NAME=[^"]*"/"EXPECTED_NAME=buster"/' "$demo/template.json" >"$demo/fails.json"

shoot_plain error 20 "kiln validate wrong.json" "escape" 10
shoot_plain build 44 "kiln build template.json" "artifacts of" 300

rm -rf "$work/state" "$demo/build/demo"
start 130x44 "kiln tui -force -break boot:12 -break shell template.json"
log=$(events)
await "$log" '"type":"stop"' 60
keys 2 z
shoot boot
keys z 3 z
shoot screen
keys z c
await "$log" '"type":"http"' 60
shoot overview
await "$log" '"text":"before provisioner' 200
shoot breakpoint
keys c
await "$log" '"type":"run-end"' 100
stop

rm -rf "$work/state" "$demo/build/demo"
start 130x44 "kiln tui -force -break before:stepTypeBootCommand empty.json"
log=$(events)
await "$log" '"type":"stop"' 60
keys 3 z shift+r
await "$log" '"type":"record"' 10
says "Esc: boot prompt"
keys Escape
says "boot:"
port=$(grep -o 'HTTP server on port [0-9]*' "$log" | grep -o '[0-9]*$' | head -n 1)
DISPLAY=$display xdotool type --delay 80 "install auto=true url=http://10.0.2.2:$port/answers.cfg hostname=kiln-demo "
says "hostname=kiln-demo"
keys Return ctrl+bracketright shift+r
await "$log" "'boot:" 10
shoot record
keys colon c a n c e l Return y
await "$log" '"type":"run-end"' 100
stop

rm -rf "$work/state" "$demo/build/demo"
start 130x44 "kiln tui -force fails.json"
log=$(events)
await "$log" '"type":"prompt"' 300
shoot failure
keys X y
await "$log" '"type":"run-end"' 100
stop
