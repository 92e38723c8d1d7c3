"""Guests that read lines from their keyboard and tell what they read, for test_typing.py and the benchmark."""

import os
import random
import re
import subprocess

import kit
import screens

CHARACTERS = "".join(map(chr, range(32, 127)))

# Linux: every line goes to an HTTP server, but for empty ones: as in a shell, an Enter that comes twice does nothing.
# Words: nothing is echoed (hidden); the first line is the screen's last (bottom); others write to the console, too
# (disturbed): messages, then a clock, then they clear the screen.
INIT = """#!/bin/busybox sh
b=/bin/busybox
$b mount -t proc proc /proc
$b mount -t devtmpfs dev /dev
exec </dev/tty1 >/dev/tty1 2>&1
read -r how </proc/cmdline
report=${how##*report=}
report=${report%% *}
while read -r _ name; do
    case $name in virtio|virtio_ring|virtio_pci*|virtio_net|*failover) $b insmod /modules/$name.ko ;; esac
done </modules/list
$b ip addr add 10.0.2.15/24 dev eth0
$b ip link set eth0 up
case $how in
*hidden*) $b stty -echo ;;
*bottom*) for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25; do echo; done ;;
esac
messages() { while $b sleep 0.7; do echo "[   12.345678] random: a message from elsewhere, for all to see"; done; }
clock() { while $b sleep 0.1; do read -r now _ </proc/uptime; printf '\0337\033[1;60H%s  \0338' $now; done; }
clear() { while $b sleep 0.5; do printf '\033[2J\033[H'; done; }
n=0
job=
while :; do
    n=$((n + 1))
    printf 'line %d: ' $n
    case $how$((n % 3)) in
    *disturbed*1) messages & job=$! ;;
    *disturbed*2) clock & job=$! ;;
    *disturbed*0) clear & job=$! ;;
    esac
    IFS= read -r line
    [ -z "$job" ] || kill $job
    [ -n "$line" ] || { n=$((n - 1)); continue; }
    printf '%s\n' "$line" >/line
    $b wget -q -O /dev/null --post-file /line http://10.0.2.2:$report/$n
    case $how in *hidden*) echo ;; esac
done
"""


class Linux:
    """where: has path(name). words: of INIT. lines(n) is what the guest has told so far, None for what it has not."""

    characters = CHARACTERS

    def __init__(self, where, words=""):
        self.told = {}
        self.url, self.stop = kit.serve(self.take)
        self.kernel, self.initrd = screens.demo_files(where, INIT)
        self.words = words

    def forget(self):
        """Before another build."""
        self.told.clear()

    @staticmethod
    def typed(lines):
        return [escape(line) for line in lines]

    def take(self, request):
        body = request.rfile.read(int(request.headers["Content-Length"]))
        self.told[int(request.path[1:])] = body.decode("latin-1").removesuffix("\n")
        request.send_response(200)
        request.send_header("Content-Length", "0")
        request.end_headers()

    def options(self):
        """Of a template."""
        append = f"console=tty0 {screens.WORDS} {self.words} report={self.url.rsplit(':', 1)[1]}"
        return {"memory": 128, "qemuargs": [["-kernel", self.kernel], ["-initrd", self.initrd], ["-append", append]]}

    def command(self, lines):
        """Types them, each when it is asked for."""
        typed = [[f"<wait 'line {i}:'>", line, "<enter>"] for i, line in enumerate(self.typed(lines), 1)]
        return sum(typed, []) + [f"<wait 'line {len(lines) + 1}:'>"]

    def lines(self, n):
        return [self.told.get(i) for i in range(1, n + 1)]


GRUB_CFG = """
serial --unit=0
terminfo -g 500x100 serial vt100
function t { terminal_output --append serial; echo "$1"; terminal_output --remove serial; CLEAR; }
function g {
    insmod all_video
    insmod gfxterm
    loadfont unicode
    set gfxmode=800x600
    terminal_output gfxterm
}
"""


class Grub:
    """GRUB's shell, whose command t says on a serial line what it was given; g goes from text to graphics.

    clear: t clears the screen, too, so that no line gets to the bottom: there GRUB's screen goes up a row with every key
    at a row's end, and what a backspace takes away stays in sight."""

    characters = CHARACTERS.replace("'", "").replace("\\", "")  # which have a meaning in what is typed

    def __init__(self, where, clear=False):
        self.serial, root = where.path("serial"), where.path("grub")
        os.makedirs(root + "/boot/grub")
        with open(root + "/boot/grub/grub.cfg", "w") as f:
            f.write(GRUB_CFG.replace("CLEAR", "clear" if clear else "true"))
        self.iso = root + ".iso"
        subprocess.run(["grub-mkrescue", "-o", self.iso, root, "--locales=", "--themes="], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def options(self):
        return {"memory": 128, "qemuargs": [["-nodefaults"], ["-vga", "std"], ["-cdrom", self.iso],
                                            ["-serial", "file:" + self.serial]]}

    def forget(self):
        """Before another build, whose QEMU empties the file."""

    def stop(self):
        """Nothing runs."""

    @staticmethod
    def typed(lines):
        return [f"t '{escape(line)}'" for line in lines]

    def command(self, lines):
        """The first half in text, the other in graphics."""
        typed = self.typed(lines)
        typed.insert((len(lines) + 1) // 2, "g")
        return sum([["<wait '^ ?grub>$'>", line, "<enter>"] for line in typed], []) + ["<wait '^ ?grub>$'>"]

    def lines(self, n):
        with open(self.serial, newline="", encoding="latin-1") as f:
            told = f.read().split("\x1b[H\x1b[J\x1b[1;1H")[1:]  # so it begins with every new terminal
        got = [re.sub("[\r\n]", "", text) for text in told]  # long ones are broken
        return (got + [None] * n)[:max(n, len(got))]


def escape(line):
    return line.replace("<", "<<on><<off>")


def random_line(rnd, length, characters=CHARACTERS):
    """The ends are letters: whether a space at the end came, no screen shows."""
    return "Q" + "".join(rnd.choices(characters, k=length - 2)).replace("{{", "{x") + "E"


def seconds(events):
    """How long each line took, from its first key until the guest has taken the one that ends it."""
    began = None
    ended = False
    for e in events:
        if e["type"] != "boot":
            continue
        if ended:
            yield (e["mono"] - began) / 1e6
            began, ended = None, False
        if e["text"].startswith("<wait"):
            continue
        if began is None:
            began = e["mono"]
        ended = e["text"] == "<enter>"
