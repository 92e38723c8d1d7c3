"""How long a line takes to type, and whether the guest reads it right."""
import os
import random
import sys

from bench import SOURCE, write_json
from measure import Failed
from report import Row, Target

sys.path.insert(0, os.path.join(SOURCE, "tests/e2e"))

ABOUT = "203 characters typed into a Linux console that tells what it read"
LENGTH = 203
LINES = 100  # for the count of wrong ones


class Guest:
    """Kernel, initrd and templates in a directory of the bench."""

    def __init__(self, bench):
        import screens  # pylint: disable=import-outside-toplevel
        import test_typing  # pylint: disable=import-outside-toplevel
        self.bench, self.directory = bench, bench.directory("typing")
        self.kernel, self.initrd = screens.demo_files(self, test_typing.INIT)
        self.words, self.characters = screens.WORDS, test_typing.CHARACTERS
        self.random = random.Random(1)
        with open(self.path("disk.raw"), "wb") as f:
            f.truncate(1 << 20)

    def path(self, name):
        return os.path.join(self.directory, name)

    def line(self, length=LENGTH):
        text = "".join(self.random.choices(self.characters, k=length - 2)).replace("{{", "{x")
        return "Q" + text.replace("<", "[") + "E"

    def template(self, command, **options):
        return {"builders": [dict({
            "type": "qemu", "accelerator": "tcg", "headless": True, "disk_image": True, "skip_resize_disk": True,
            "format": "raw", "iso_url": self.path("disk.raw"), "iso_checksum": "none", "vm_name": "disk",
            "output_directory": self.path("out"), "memory": 128, "communicator": "none", "shutdown_timeout": "1s",
            "boot_command": command, "qemuargs": [
                ["-kernel", self.kernel], ["-initrd", self.initrd], ["-append", "console=tty0 " + self.words],
                ["-serial", "file:" + self.path("serial")]]}, **options)]}

    def type(self, side, template):
        """The seconds that typing takes, and the lines that the guest read."""
        path = write_json(self.path("t.json"), template)
        if os.path.exists(self.path("serial")):
            os.unlink(self.path("serial"))
        with self.bench.build(side, path, self.directory, ("-force",)) as running:
            began = running.wait_for("Typing the boot command", 120)
            ended = running.wait_for("Waiting for shutdown", 7200)
            try:
                running.finish()
            except Failed:
                pass  # the guest never powers off
        with open(self.path("serial"), newline="", encoding="latin-1") as f:
            return ended - began, f.read().split("\n")[:-1]


def one_line(guest, row, side, name, **options):
    """The same for all: the guest is given time to boot, then the line; nothing waits for the screen."""
    line = guest.line()
    seconds, got = guest.type(side, guest.template([line, "<enter>"], boot_wait="12s", **options))
    if got != [line]:
        raise Failed("the guest read another line than was typed (%s)" % name)
    row.add(name, seconds)


def wrong_lines(guest, row, count, **options):
    lines = [guest.line(300) for _ in range(count)]
    command = []
    for i, line in enumerate(lines, 1):
        command += ["<wait 'line %d:'>" % i, line, "<enter>"]
    command.append("<wait 'line %d:'>" % (count + 1))
    _, got = guest.type("kiln", guest.template(command, boot_wait="-1s", **options))
    row.add("kiln", sum(a != b for a, b in zip(lines, got)) + abs(len(lines) - len(got)))


def run(bench):
    guest = Guest(bench)
    row = Row("%d characters (limit: boot_key_interval 5ms)" % LENGTH, "s", Target("packer", 0.05))
    bench.say(row.name)
    bench.rounds(1, {"packer": lambda side: one_line(guest, row, side, "packer")}, quick_count=1)
    bench.rounds(5, {"kiln": lambda side: one_line(guest, row, side, "kiln"),
                     "limit": lambda side: one_line(guest, row, "kiln", "limit", boot_key_interval="5ms")})
    count = 5 if bench.quick else LINES
    right = Row("%d lines of 300 random characters: wrong ones" % count, "", Target("value", 0))
    faulty = Row("the same, 5 % of key events dropped, 5 % doubled", "", Target("value", 0))
    bench.say(right.name)
    wrong_lines(guest, right, count)
    bench.say(faulty.name)
    wrong_lines(guest, faulty, count if bench.quick else count // 5,
                qemu_binary=os.path.join(SOURCE, "tests/e2e/faulty_qemu.py"))
    return [row, right, faulty]
