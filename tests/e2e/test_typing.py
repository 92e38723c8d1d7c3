"""Closed-loop typing: random lines into guests that tell what they read (typing_guests.py).

KILN_TYPING_LINES lines of KILN_TYPING_LENGTH characters each; a seed is printed, KILN_TYPING_SEED sets it.
"""

import os
import random
import re
import shutil
import statistics
import subprocess
import unittest

import kit
import typing_guests

LINES = int(os.environ.get("KILN_TYPING_LINES", 1))
LENGTH = int(os.environ.get("KILN_TYPING_LENGTH", 90))
SEED = int(os.environ.get("KILN_TYPING_SEED", random.randrange(1 << 30)))

needs_grub = unittest.skipUnless(kit.have("grub-mkrescue") and os.path.exists("/usr/lib/grub/i386-pc"), "no GRUB")


@kit.needs_qemu
class Typing(kit.Case):
    def setUp(self):
        super().setUp()
        if not kit.have("xorriso", "zstd", "cpio"):
            self.skipTest("no xorriso, zstd or cpio")
        subprocess.run([kit.SOURCE + "/tests/guest/build.sh", kit.BUILD + "/guest"], check=True)
        with open(self.path("disk.raw"), "wb") as f:
            f.truncate(1 << 20)

    def lines(self, length, characters=typing_guests.CHARACTERS, count=LINES):
        rnd = random.Random(SEED)
        print("seed", SEED)
        return [typing_guests.random_line(rnd, length, characters) for _ in range(count)]

    def linux(self, words=""):
        guest = typing_guests.Linux(self, words)
        self.addCleanup(guest.stop)
        return guest

    def keep_events(self):
        if "KILN_TYPING_EVENTS" in os.environ:
            shutil.copy(os.path.join(self.run_dirs()[-1], "events.jsonl"), os.environ["KILN_TYPING_EVENTS"])

    def type(self, guest, lines, env=None, **options):
        template = kit.qemu(boot_command=guest.command(lines), iso_url="disk.raw", shutdown_timeout="1s",
                            **guest.options(), **options)
        run = self.start("build", "-color=false", self.write("t.json", template), env=env)
        try:
            code = run.wait(kit.PATIENCE + 60 * len(lines))
        finally:
            self.keep_events()
        seconds = sorted(typing_guests.seconds(self.events())) or [0]
        print(f"{len(seconds)} lines: median {statistics.median(seconds):.2f} s, worst {seconds[-1]:.2f} s")
        self.assertEqual(code, 1, run.out.text)
        self.assertIn("Failed to shutdown", run.out.text)  # it never powers off
        self.assertEqual(guest.lines(len(lines)), lines)
        return [e for e in self.events() if e["type"] == "typing"]

    def test_where_it_is_shown(self):
        told = self.type(self.linux(), self.lines(LENGTH))
        self.assertEqual({e["name"] for e in told}, {"echo"})

    def test_at_the_bottom_of_the_screen(self):
        told = self.type(self.linux("bottom"), self.lines(LENGTH))
        self.assertEqual({e["name"] for e in told}, {"echo"})

    def test_where_it_is_not_shown(self):
        told = self.type(self.linux("hidden"), self.lines(20))
        self.assertEqual({e["name"] for e in told}, {"blind"})

    def test_keys_that_are_not_read(self):
        """More than the keyboard holds would come at one time, and nothing shows what was lost."""
        self.type(self.linux("hidden"), self.lines(40), qemu_binary=kit.SOURCE + "/tests/e2e/faulty_qemu.py",
                  env={"FAULTY_STALL": "1.5"})

    def type_with_faults(self, guest, lines):
        env = {"FAULTY_SEED": str(SEED), "FAULTY_LOG": self.path("faults")}
        told = self.type(guest, lines, qemu_binary=kit.SOURCE + "/tests/e2e/faulty_qemu.py", env=env)
        faults = self.read("faults")
        self.assertTrue(re.search("dropped", faults) and re.search("doubled", faults), faults)
        self.assertIn("repair", {e["name"] for e in told})

    def test_keys_are_lost_and_doubled(self):
        self.type_with_faults(self.linux(), self.lines(LENGTH))

    def test_others_write_meanwhile(self):
        told = self.type(self.linux("disturbed"), self.lines(LENGTH, count=max(LINES, 3)))
        self.assertLessEqual({e["name"] for e in told}, {"echo", "moved", "blind"})

    @needs_grub
    def test_keys_are_lost_and_doubled_in_grub(self):
        guest = typing_guests.Grub(self, clear=True)
        self.type_with_faults(guest, self.lines(LENGTH, guest.characters, count=max(LINES, 2)))

    @needs_grub
    def test_grub(self):
        guest = typing_guests.Grub(self)
        lines = self.lines(LENGTH, guest.characters, count=max(LINES, 2))
        first = (len(lines) + 1) // 2  # in graphics, whose rows nobody knows yet: one ends with a space
        lines[first] = lines[first][:88] + " " + lines[first][89:]
        told = self.type(guest, lines)
        self.assertIn("echo", {e["name"] for e in told})

    def test_at_the_templates_pace(self):
        """boot_key_interval: nobody looks."""
        told = self.type(self.linux(), self.lines(30), boot_key_interval="10ms")
        self.assertEqual(told, [])


if __name__ == "__main__":
    kit.main()
