#!/bin/bash
# Boots a finished image by itself and proves that it is an installed system.
#
#   check-image.sh IMAGE [HOSTNAME]
#
# The image stays as it is: what the machine writes is thrown away. Login:
# GUEST_USER and GUEST_PASSWORD, by default those of http/answers.cfg.
# Seconds for each wait: GUEST_TIMEOUT (120).
set -eu

here=$(cd "$(dirname "$0")" && pwd)
[ $# = 1 ] || [ $# = 2 ] || {
    echo "usage: $0 IMAGE [HOSTNAME]" >&2
    exit 2
}
image=$1
name=${2:-}
user=${GUEST_USER:-kiln}
export SSHPASS=${GUEST_PASSWORD:-opensesame}
timeout=${GUEST_TIMEOUT:-120}
work=
qemu=
asked=

proved() { echo "check: $*"; }

die() {
    echo "check: FAILED: $*" >&2
    if [ -n "$work" ] && [ -s "$work/log" ]; then
        sed 's/^/check:   | /' "$work/log" >&2
    fi
    exit 1
}

running() { [ -n "$qemu" ] && kill -0 "$qemu" 2>/dev/null; }

cleanup() {
    if running; then
        kill -KILL "$qemu"
        wait "$qemu" 2>/dev/null || true
    fi
    [ -z "$work" ] || rm -rf "$work"
}

# wait_until WHAT COMMAND...: polls; the machine's end ends the wait.
wait_until() {
    local what=$1 end=$((SECONDS + timeout))
    shift
    until "$@" >"$work/log" 2>&1; do
        [ $SECONDS -lt $end ] || die "waited $timeout s for $what"
        running || die "the machine stopped while waiting for $what"
        sleep 0.2
    done
}

# Runs a client of ssh with the password and no trace of this user's settings.
client() {
    local program=$1
    shift
    timeout "$timeout" sshpass -e "$program" -F /dev/null -o StrictHostKeyChecking=no \
        -o UserKnownHostsFile="$work/known" -o LogLevel=ERROR -o ConnectTimeout=5 \
        -o PubkeyAuthentication=no -o NumberOfPasswordPrompts=1 "$@"
}

guest() { client ssh -p "$port" "$user@127.0.0.1" "$@"; }

# QEMU itself chooses the port, so that no other program can take it first; its
# monitor, between a pipe and a file, tells which one.
start_machine() {
    mkfifo "$work/monitor"
    exec 8<>"$work/monitor"
    qemu-system-x86_64 -name kiln-check -machine pc,accel=tcg -m 256 -display none \
        -drive "file=$image,if=virtio,format=$format,snapshot=on" -boot c \
        -netdev user,id=net,hostfwd=tcp:127.0.0.1:0-:22 -device virtio-net,netdev=net \
        -monitor stdio -serial null <&8 >"$work/qemu" 2>&1 &
    qemu=$!
    port=
    wait_until "QEMU's monitor" find_port
}

find_port() {
    cat "$work/qemu"
    [ -n "$asked" ] || echo "info usernet" >&8
    asked=yes
    port=$(tr -d '\r' <"$work/qemu" | awk '$1 ~ /HOST_FORWARD/ { print $4; exit }')
    [ -n "$port" ]
}

check_system() {
    local host root
    host=$(guest hostname) || die "no login as $user"
    proved "$user logs in with the password; the host name is $host"
    [ -z "$name" ] || [ "$host" = "$name" ] || die "the host name is not $name"
    root=$(guest "awk '\$2 == \"/\" { print \$1, \$3 }' /proc/mounts" | tail -n 1)
    [ "$root" = "/dev/vda1 ext4" ] || die "the root file system is $root"
    guest 'test -s /var/log/late-command && test -s /etc/installed-at' ||
        die "the late command left no trace"
    proved "root is $root, installed $(guest cat /etc/installed-at)"
    guest cat /etc/welcome.txt | cmp - "$here/files/welcome.txt" || die "the provisioned file is wrong"
    proved "/etc/welcome.txt is what the template's provisioners put there"
    guest 'sudo -S id -u' <<<"$SSHPASS" 2>"$work/log" | grep -qx 0 || die "sudo does not work"
    ! guest 'sudo -S id -u' <<<wrong >"$work/log" 2>&1 || die "sudo takes a wrong password"
    proved "sudo -S takes the right password only"
}

# check_copy NAME OPTION: there and back with scp.
check_copy() {
    client scp "$2" -P "$port" "$work/data" "$user@127.0.0.1:data$2" 2>"$work/log" ||
        die "$1: upload"
    [ "$(guest sha256sum <"$work/data" "data$2" | cut -d' ' -f1)" = "$sum" ] || die "$1: wrong sum after upload"
    client scp "$2" -P "$port" "$user@127.0.0.1:data$2" "$work/back" 2>"$work/log" ||
        die "$1: download"
    cmp "$work/data" "$work/back" || die "$1: wrong bytes after download"
    rm "$work/back"
    proved "$1: 1 MiB there and back"
}

check_key() {
    ssh-keygen -q -t ed25519 -N '' -f "$work/key"
    guest 'umask 077; mkdir -p .ssh; cat >>.ssh/authorized_keys' <"$work/key.pub"
    ssh -F /dev/null -i "$work/key" -p "$port" -o BatchMode=yes -o StrictHostKeyChecking=no \
        -o UserKnownHostsFile="$work/known" -o LogLevel=ERROR "$user@127.0.0.1" true 2>"$work/log" ||
        die "no login with a key"
    proved "login with a key in ~/.ssh/authorized_keys"
}

power_off() {
    # The connection may go before the answer comes.
    guest 'sudo -S shutdown -P now' <<<"$SSHPASS" >"$work/log" 2>&1 || true
    local end=$((SECONDS + timeout))
    while running; do
        [ $SECONDS -lt $end ] || die "not off after $timeout s"
        sleep 0.1
    done
    wait "$qemu" || die "QEMU ended with an error: $(cat "$work/qemu")"
    qemu=
    proved "powered off by sudo shutdown -P now"
}

[ -r "$image" ] || die "there is no image $image"
for program in qemu-system-x86_64 qemu-img ssh sshpass; do
    command -v $program >/dev/null || die "there is no $program (run tests/setup.sh run)"
done
trap cleanup EXIT
trap 'exit 130' INT TERM HUP
work=$(mktemp -d)
format=$(qemu-img info -U --output json "$image" | sed -n 's/^ *"format": "\(.*\)",*/\1/p' | tail -n 1)
before=$(sha256sum <"$image")
head -c 1048576 /dev/urandom >"$work/data"
sum=$(sha256sum "$work/data" | cut -d' ' -f1)

proved "booting $image ($format) by itself"
start_machine
wait_until "a login" guest true
check_system
check_copy "scp -O" -O
check_copy "sftp" -s
check_key
power_off
[ "$(sha256sum <"$image")" = "$before" ] || die "the image has changed"
proved "all good after $SECONDS s"
