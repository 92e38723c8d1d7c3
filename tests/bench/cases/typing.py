"""How long a line takes to type, and whether the guest reads it right."""
import os
import random
import sys

from bench import SOURCE, write_json
from measure import Failed
from report import Row, Target

sys.path.insert(0, os.path.join(SOURCE, "tests/e2e"))

ABOUT = "203 characters typed into a Linux console and GRUB's shell, which tell what they read"
LENGTH = 203
LINES = 100  # for the count of wrong ones
FAULTY = os.path.join(SOURCE, "tests/e2e/faulty_qemu.py")


class Place:
    """Guests and templates in a directory of the bench."""

    def __init__(self, bench):
        import typing_guests  # pylint: disable=import-outside-toplevel
        self.bench, self.directory, self.guests = bench, bench.directory("typing"), typing_guests
        self.random = random.Random(1)
        with open(self.path("disk.raw"), "wb") as f:
            f.truncate(1 << 20)

    def path(self, name):
        return os.path.join(self.directory, name)

    def line(self, guest, length):
        return self.guests.random_line(self.random, length, guest.characters).replace("<", "[")

    def template(self, guest, command, **options):
        return {"builders": [dict({
            "type": "qemu", "accelerator": "tcg", "headless": True, "disk_image": True, "skip_resize_disk": True,
            "format": "raw", "iso_url": self.path("disk.raw"), "iso_checksum": "none", "vm_name": "disk",
            "output_directory": self.path("out"), "communicator": "none", "shutdown_timeout": "1s",
            "boot_command": command}, **guest.options(), **options)]}

    def type(self, side, guest, command, **options):
        """The seconds that typing takes."""
        path = write_json(self.path("t.json"), self.template(guest, command, **options))
        with self.bench.build(side, path, self.directory, ("-force",)) as running:
            began = running.wait_for("Typing the boot command", 120)
            ended = running.wait_for("Waiting for shutdown", 7200)
            try:
                running.finish()
            except Failed:
                pass  # the guest never powers off
        return ended - began


def one_line(place, guest, row, side, name, **options):
    """The same for all: the guest is given time to boot, then the line; nothing waits for the screen."""
    line = place.line(guest, LENGTH)
    guest.forget()
    seconds = place.type(side, guest, guest.typed([line]) + ["<enter><wait2s>"], boot_wait="15s", **options) - 2
    if guest.lines(1) != [line]:
        raise Failed("the guest read another line than was typed (%s)" % name)
    row.add(name, seconds)


def wrong_lines(place, guest, row, count, **options):
    lines = [place.line(guest, 300) for _ in range(count)]
    guest.forget()
    place.type("kiln", guest, guest.command(lines), boot_wait="-1s", **options)
    row.add("kiln", sum(a != b for a, b in zip(lines, guest.lines(count))))


def compare(place, name, guest):
    """One line: kiln, packer, and what a blind typist takes who loses nothing."""
    row = Row("%s: %d characters (limit: boot_key_interval 5ms)" % (name, LENGTH), "s", Target("packer", 0.05))
    place.bench.say(row.name)
    place.bench.rounds(1, {"packer": lambda side: one_line(place, guest, row, side, "packer")}, quick_count=1)
    place.bench.rounds(5, {"kiln": lambda side: one_line(place, guest, row, side, "kiln"),
                           "limit": lambda side: one_line(place, guest, row, "kiln", "limit", boot_key_interval="5ms")})
    return row


def count(place, name, guest, lines, **options):
    row = Row("%s: %d lines of 300 random characters%s: wrong ones" % (
        name, lines, ", 5 % of key events dropped, 5 % doubled" if options else ""), "", Target("value", 0))
    place.bench.say(row.name)
    wrong_lines(place, guest, row, lines, **options)
    return row


def run(bench):
    place = Place(bench)
    lines = 5 if bench.quick else LINES
    for name, guest in (("Linux", place.guests.Linux(place)), ("GRUB", place.guests.Grub(place))):
        try:
            yield compare(place, name, guest)
            yield count(place, name, guest, lines)
            if name == "Linux":
                yield count(place, name, guest, max(lines // 5, 2), qemu_binary=FAULTY)
        finally:
            guest.stop()
