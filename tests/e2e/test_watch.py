"""Waits for what the guest's screen shows: <wait 'regex' 90s> and <waitStable 2s>."""

import subprocess

import kit

VGA = [["-nodefaults"], ["-vga", "std"]]
# Prints "name?"; clears the screen at a key.
CLEARS = bytes.fromhex("31c0 8ed8 b80300 cd10 be237c ac 08c0 7406 b40e cd10 ebf5"
                       "31c0 cd16 b80300 cd10 f4 ebfd") + b"name?\0"


@kit.needs_qemu
class Watch(kit.Case):
    """The guest asks for a name, and shows what is typed."""

    def setUp(self):
        super().setUp()
        self.write("boot.raw", kit.boot_disk(kit.echo("What is your name? ")))

    def template(self, *command, **options):
        return self.write("t.json", kit.qemu(boot_command=list(command), boot_key_interval="1ms", qemuargs=VGA,
                                             shutdown_timeout="1s", **options))

    def build(self, *command, flags=(), **options):
        self.run_ = self.start("build", "-color=false", *flags, self.template(*command, **options))
        return self.run_

    def said(self):
        """All that the build said, once it is over; it never ends well, as its guest goes on for ever."""
        self.assertEqual(self.run_.wait(), 1, self.run_.out.text)
        return self.run_.out.text

    def typed(self):
        return "".join(e["name"] for e in self.events() if e["type"] == "key" and e.get("down"))

    def test_keys_go_out_when_it_asks(self):
        self.build("<wait 'your name\\?'>ab<wait 'name\\? (?i:X|AB)$' 50s><waitStable 200ms>c<wait '\\? abc'>d")
        self.assertIn("Failed to shutdown: ", self.said())
        self.assertEqual(self.typed(), "abcd")

    def test_a_miss_tells_what_is_there(self):
        self.build("<wait 'your name'>xy<wait 'your maiden name' 500ms>z")
        text = self.said()
        self.assertIn("Error running boot command: <wait 'your maiden name' 500ms>: nothing on the screen matched "
                      "within 500ms; the nearest line is \"What is your name? xy\"; the screen shows:\n", text)
        self.assertRegex(text, r"(?m)^  \| What is your name\? xy$")
        self.assertEqual(self.typed(), "xy")

    def test_a_screen_that_never_rests(self):
        self.write("boot.raw", kit.boot_disk(kit.CHATTER))
        self.build("<waitStable 2s 4s>")
        self.assertIn("<waitStable 2s 4s>: the screen went on changing for 4s; the screen shows:", self.said())

    def test_a_picture_that_never_rests(self):
        """Its text would be still: there is none."""
        self.write("boot.raw", kit.boot_disk(kit.GRAPHICS + kit.FLICKER))
        self.build("<wait 'go$'>x<waitStable 2s 4s>")
        self.assertIn("<waitStable 2s 4s>: the screen went on changing for 4s; the screen shows no text", self.said())

    def test_a_picture_with_a_clock(self):
        self.write("boot.raw", kit.boot_disk(kit.GRAPHICS + kit.CLOCK))
        self.build("<wait 'go$'>x<waitStable 2s 20s>y")
        self.assertIn("Failed to shutdown: ", self.said())
        self.assertEqual(self.typed(), "xy")

    def test_what_was_there_before(self):
        """A row that an earlier wait has seen is gone by now."""
        self.write("boot.raw", kit.boot_disk(CLEARS))
        self.build("<wait 'name'>x<wait2><wait 'name' 300ms>y")
        self.assertIn("<wait 'name' 300ms>: nothing on the screen matched", self.said())
        self.assertEqual(self.typed(), "x")

    def test_a_guest_that_ends_meanwhile(self):
        self.write("boot.raw", kit.boot_disk(kit.POWER_OFF))
        self.build("<wait 'nothing like it'>a")
        self.assertRegex(self.said(), "QEMU ended .*before the boot command was typed")

    def test_a_cancel(self):
        run = self.build("<wait 'nothing like it'>a")
        kit.until(lambda: self.run_dirs() and any(e["type"] == "boot" for e in self.events()), "the wait")
        run.signal(kit.signal.SIGINT)
        self.assertIn("Build was cancelled", self.said())

    def test_a_secret_is_waited_for(self):
        t = kit.qemu(boot_command=["<wait 'your name'>hunter2x<wait '{{user `pw`}}y' 300ms>"], boot_key_interval="1ms",
                     qemuargs=VGA)
        t["variables"] = {"pw": "hunter2x"}
        t["sensitive-variables"] = ["pw"]
        self.run_ = self.start("build", "-color=false", self.write("t.json", t))
        text = self.said()
        self.assertIn("<sensitive>: nothing on the screen matched", text)
        self.assertIn("What is your name? <sensitive>", text)
        self.assertNotIn("hunter2", text)
        self.assertNotIn("hunter2", str(self.events()))

    def test_a_secret_goes_on_in_the_next_row(self):
        t = kit.qemu(boot_command=["<wait 'your name'>" + "x" * 55 + "hunter2word<wait 'nobody' 3s>"],
                     boot_key_interval="1ms", qemuargs=VGA)
        t["variables"] = {"pw": "hunter2word"}
        t["sensitive-variables"] = ["pw"]
        self.run_ = self.start("build", "-color=false", self.write("t.json", t))
        text = self.said()
        self.assertIn("  | <sensitive>\n  | <sensitive>", text)
        for part in ("hunt", "word\n"):
            self.assertNotIn(part, text)

    def test_a_secret_that_is_half_typed(self):
        """Who looks at the run sees no beginning of it, either; what may be one of something else is shown."""
        t = kit.qemu(boot_command=["<wait 'your name'>", "hunter2word", "<wait 'sitive' 1s>"], boot_key_interval="1ms", qemuargs=VGA)
        t["variables"] = {"pw": "hunter2word"}
        t["sensitive-variables"] = ["pw"]
        self.kiln("build", "-detach", "-break", "boot:3", "-break", "boot:8", self.write("t.json", t))
        c = kit.Client(self, watch="state")
        self.addCleanup(c.close)
        for place, shown in (("boot:3", {"text": "What is your name? h"}), ("boot:8", {"masked": True})):
            c.stop(place)
            c.call("thaw")  # what it has been sent comes
            while not any(e["type"] == "text" and shown.items() <= e.items() for e in c.events):
                c.take()  # it may have come before the stop
            c.call("continue")
        c.expect("text", text="What is your name? <sensitive>")
        self.wait_gone(kit.PATIENCE)
        self.assertNotIn(b"hun", c.raw)

    def test_a_pattern_that_is_none(self):
        out = subprocess.run([kit.KILN, "validate", self.template("ab", "<wait 'a(b' 5s>")], cwd=self.path("."),
                             capture_output=True, text=True, timeout=kit.PATIENCE)
        self.assertEqual(out.returncode, 1)
        self.assertRegex(out.stdout, r'error: build .qemu.: "a\(b" at character 4: missing closing parenthesis')


if __name__ == "__main__":
    kit.main()
