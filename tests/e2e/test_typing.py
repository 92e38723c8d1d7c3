"""Closed-loop typing: random lines into a Linux console, which tells on a serial line what it read.

KILN_TYPING_LINES lines of KILN_TYPING_LENGTH characters each; a seed is printed, KILN_TYPING_SEED sets it.
"""

import os
import random
import re
import subprocess

import kit
import screens

LINES = int(os.environ.get("KILN_TYPING_LINES", 1))
LENGTH = int(os.environ.get("KILN_TYPING_LENGTH", 90))
SEED = int(os.environ.get("KILN_TYPING_SEED", random.randrange(1 << 30)))
CHARACTERS = "".join(map(chr, range(32, 127)))

INIT = """#!/bin/busybox sh
b=/bin/busybox
$b mount -t proc proc /proc
$b mount -t devtmpfs dev /dev
exec </dev/tty1 >/dev/tty1 2>&1
$b stty raw </dev/ttyS0
read -r how </proc/cmdline
case $how in *hidden*) $b stty -echo ;; esac
case $how in *bottom*) for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25; do echo; done ;; esac
n=0
while :; do
    n=$((n + 1))
    printf 'line %d: ' $n
    IFS= read -r line
    printf '%s\\n' "$line" >/dev/ttyS0
    case $how in *hidden*) echo ;; esac
done
"""


@kit.needs_qemu
class Typing(kit.Case):
    def setUp(self):
        super().setUp()
        if not kit.have("xorriso", "zstd", "cpio"):
            self.skipTest("no xorriso, zstd or cpio")
        subprocess.run([kit.SOURCE + "/tests/guest/build.sh", kit.BUILD + "/guest"], check=True)
        self.kernel, self.initrd = screens.demo_files(self, INIT)
        with open(self.path("disk.raw"), "wb") as f:
            f.truncate(1 << 20)

    def lines(self, length):
        rnd = random.Random(SEED)
        print("seed", SEED)
        # The ends are letters: whether a space at the end came, no screen shows.
        return ["Q" + "".join(rnd.choices(CHARACTERS, k=length - 2)).replace("{{", "{x") + "E" for _ in range(LINES)]

    def template(self, lines, words="", **options):
        command = []
        for i, line in enumerate(lines, 1):
            command += [f"<wait 'line {i}:'>", line.replace("<", "<<on><<off>"), "<enter>"]
        command.append(f"<wait 'line {len(lines) + 1}:'>")
        return kit.qemu(boot_command=command, iso_url="disk.raw", memory=128, shutdown_timeout="1s", **options, qemuargs=[
            ["-kernel", self.kernel], ["-initrd", self.initrd], ["-append", f"console=tty0 {screens.WORDS} {words}"],
            ["-serial", "file:" + self.path("serial")]])

    def type(self, lines, *args, env=None, **options):
        run = self.start("build", "-color=false", self.write("t.json", self.template(lines, *args, **options)), env=env)
        text = run.wait(kit.PATIENCE + 60 * len(lines))
        self.assertEqual(text, 1)
        self.assertIn("Failed to shutdown", run.out.text)  # it never powers off
        with open(self.path("serial"), newline="") as f:
            got = f.read().split("\n")[:-1]
        self.assertEqual(got, lines)
        return [e for e in self.events() if e["type"] == "typing"]

    def test_where_it_is_shown(self):
        told = self.type(self.lines(LENGTH))
        self.assertEqual({e["name"] for e in told}, {"echo"})

    def test_at_the_bottom_of_the_screen(self):
        told = self.type(self.lines(LENGTH), "bottom")
        self.assertEqual({e["name"] for e in told}, {"echo"})

    def test_where_it_is_not_shown(self):
        told = self.type(self.lines(20), "hidden")
        self.assertEqual({e["name"] for e in told}, {"blind"})

    def test_keys_are_lost_and_doubled(self):
        env = {"FAULTY_SEED": str(SEED), "FAULTY_LOG": self.path("faults")}
        told = self.type(self.lines(LENGTH), qemu_binary=kit.SOURCE + "/tests/e2e/faulty_qemu.py", env=env)
        with open(self.path("faults")) as f:
            faults = f.read()
        self.assertTrue(re.search("dropped", faults) and re.search("doubled", faults), faults)
        self.assertIn("repair", {e["name"] for e in told})

    def test_at_the_templates_pace(self):
        """boot_key_interval: nobody looks."""
        told = self.type(self.lines(30), boot_key_interval="10ms")
        self.assertEqual(told, [])


if __name__ == "__main__":
    kit.main()
