"""The screen pane on a real guest: what it shows as text and as blocks, what keys do in the guest,
pictures in files. The guest is a boot sector (guest.S).
"""

import os
import re
import struct

import screen
from screen import kit

GUEST = bytes.fromhex(
    "31c08ed8b80300cd10be5c7cac08c07406b40ecd10ebf530e4cd163c0474343c7e740c08c07502b02ab40ecd10ebe8b81300"
    "cd10b800a08ec031db31ffb900fa89f801d8c1e803aae2f643b401cd1674eaebadba0406b80020efebf76b696c6e20736372"
    "65656e20746573740d0a3e2000")
BLOCKS = "[\u2580-\u259f]"


def png_size(data):
    assert data[:8] == b"\x89PNG\r\n\x1a\n" and data[12:16] == b"IHDR", data[:40]
    return struct.unpack(">II", data[16:24])


@kit.needs_qemu
class Guest(screen.Case):
    def start_guest(self, **options):
        self.write("boot.raw", kit.boot_disk(GUEST))
        template = kit.qemu(qemuargs=[["-nodefaults"], ["-vga", "std"]], shutdown_timeout="10m",
                            **options)
        self.kiln("build", "-detach", self.write("t.json", template))

    def attach(self, cols=80, rows=24, env=None):
        """The screen pane, zoomed."""
        t = self.terminal(cols, rows)
        t.run(kit.KILN, "attach", env=env)
        t.wait("^. Builds")
        t.keys("3", "z")
        t.wait("^. Screen .*720x400")
        return t

    @staticmethod
    def command(t, text):
        t.type(":" + text)
        t.keys("Enter")

    def turn_off(self, t):
        """And see the build end well."""
        t.keys("i")
        t.wait("keyboard: guest, Ctrl-] ends")
        t.keys("C-d")
        t.wait("the run is over: done")
        t.wait("the last that was seen")

    def test_keyboard(self):
        self.start_guest()
        t = self.attach()
        t.wait("^kiln screen test$")
        t.wait("^>$")
        t.keys("i")
        t.wait("keyboard: guest, Ctrl-] ends")
        t.type("Ab!")
        t.keys("F1")
        t.wait("^> Ab!\\*$")
        t.keys("q", "?", ":", "z")  # nothing for the console
        t.wait("^> Ab!\\*q\\?:z$")
        t.tmux("set-buffer", "pasted \"Text\"")
        t.tmux("paste-buffer", "-p")
        t.wait('^> Ab!\\*q\\?:zpasted "Text"$')
        t.keys("C-]")
        t.wait("keyboard: guest", gone=True)
        self.command(t, "chord shift-x")
        t.wait('"Text"X$')
        self.command(t, "chord ctrl-bogus")
        t.wait('no key is called "bogus"; a chord is like ctrl-alt-F2')
        t.keys("k")
        t.wait("Keys for the guest")
        t.wait("2 ctrl-alt-del")
        t.keys("Escape")
        t.wait("Keys for the guest", gone=True)
        self.turn_off(t)

    def test_watchers_do_not_type(self):
        self.start_guest()
        first = self.attach()
        first.keys("i")
        first.type("one")
        first.wait("^> one$")
        second = self.attach()
        second.wait("^> one$")
        second.keys("i")
        second.wait("somebody else has the controls of this run")
        second.wait("keyboard: guest", gone=True)
        first.keys("C-]")
        self.turn_off(first)
        second.wait("the last that was seen")

    def test_blocks_and_text(self):
        self.start_guest()
        t = self.attach()
        t.wait("^kiln screen test$")
        t.keys("t")  # as it looks
        t.wait(f"^ ?{BLOCKS}")
        t.wait("kiln screen test", gone=True)
        t.keys("t")
        t.wait("^kiln screen test$")
        t.keys("z")
        t.wait("^─ Builds")
        t.wait("kiln screen test")  # who asks for text gets it, also where only some has room
        t.keys("z", "i", "~")
        t.wait("640x400")
        t.wait(f"{BLOCKS}{{10}}")
        for cols, rows in ((60, 15), (200, 60), (80, 24)):
            t.resize(cols, rows)
            t.wait(f"^─ Screen .{{{cols - 9}}}$")
            t.wait(f"{BLOCKS}{{10}}")
        t.keys("x")
        t.wait("^kiln screen test$")
        t.wait("^> x$")
        t.keys("C-]")
        self.turn_off(t)

    def test_plain_terminals(self):
        """Without UTF-8 nothing but ASCII; without colours still a picture."""
        self.start_guest()
        t = self.attach(env={"TERM": "vt100", "LC_ALL": "C"})
        t.wait("kiln screen test")
        t.keys("i", "~")
        t.wait("640x400")
        picture = kit.until(lambda: re.search("[^ \n]{30}", "\n".join(t.screen()[2:-1])), "a picture")
        self.assertTrue(picture.group().isascii())
        t.keys("x")
        t.wait("^> x$")
        t.keys("C-]")
        self.turn_off(t)

    def test_pictures(self):
        self.start_guest()
        t = self.attach()
        t.wait("^kiln screen test$")
        self.command(t, "picture a.png")
        t.wait("saved a.png \\(720x400\\)")
        with open(self.path("a.png"), "rb") as f:
            self.assertEqual(png_size(f.read()), (720, 400))
        self.write("a.png", "mine")
        self.command(t, "picture a.png")
        t.wait("a.png exists: replace it\\? \\(y/N\\)")
        t.keys("Enter")
        t.wait("replace it", gone=True)
        self.assertEqual(self.read("a.png"), "mine")
        self.command(t, "picture a.png")
        t.wait("replace it\\?")
        t.keys("y")
        t.wait("saved a.png")
        self.command(t, "picture no/dir/a.png")
        t.wait("create no/dir/a.png: No such file or directory")
        t.keys("P")
        t.wait("saved qemu-[0-9]+-[0-9]+.png")
        self.assertEqual(len([n for n in os.listdir(self.dir) if n.endswith(".png")]), 2)
        self.turn_off(t)

    def test_halted(self):
        self.start_guest()
        t = self.attach()
        t.wait("^kiln screen test$")
        self.command(t, "pause")
        t.wait("^─ Screen .* halted  720x400")
        self.command(t, "continue")
        t.wait("halted", gone=True)
        self.turn_off(t)

    def test_no_vnc(self):
        self.start_guest(disable_vnc=True)
        t = self.terminal()
        t.run(kit.KILN, "attach")
        t.wait("^─ Builds")
        t.keys("3", "z")
        t.wait("the template has disable_vnc: without VNC kiln can")
        self.command(t, "cancel")
        t.wait("\\(y/N\\)")
        t.keys("y")
        t.wait("the build is over: its screen is gone")


if __name__ == "__main__":
    kit.main()
