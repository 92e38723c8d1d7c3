"""The boot command's pane in a real terminal, with a real QEMU that is typed to: look, step, edit, apply,
save.
"""

import json
import re

import screen
from screen import kit

COMMAND = ["<esc><wait>", "auto <wait>", "url=http://{{ .HTTPIP }}:{{ .HTTPPort }}/p.cfg <wait>", "<enter><wait10s>"]


@kit.needs_qemu
class Boot(screen.Case):
    def setUp(self):
        super().setUp()
        self.write("boot.raw", kit.boot_disk(kit.HALT))

    def start(self, cols, rows, command=COMMAND, at="boot:3", **options):
        """A console on a build that stands before an element of its boot command; the pane zoomed."""
        t = self.terminal(cols, rows)
        template = kit.qemu(boot_command=command, boot_key_interval="20ms", http_directory=".", **options)
        t.run(kit.KILN, "tui", "-break", at, self.write("t.json", template))
        t.wait("before element \\d+ of the boot command")
        t.keys("2", "z")
        t.wait("^─ Boot command ─")
        return t

    def end(self, t):
        t.keys("q")
        t.wait("shell>")
        t.run(kit.KILN, "cancel", self.run_id())
        t.wait("is over")

    def run_id(self):
        return self.run_dirs()[0].rsplit("/", 1)[1]

    def typed(self):
        return [e["name"] for e in self.events() if e["type"] == "key" and e.get("down")]

    def test_sizes(self):
        t = self.start(80, 24)
        port = next(e for e in self.events() if e["type"] == "boot-plan" and ":0/" not in e.get("text", ":0/"))["text"]
        port = re.search(":(\\d+)/", port)[1]
        n = 2 + 2 * len("auto ") + 2 * len("url=http//10.0.2.2/p.cfg ") + 8 + 2 * len(port) + 2 + 4
        t.wait(f"│    {n} events, total ")
        rows = t.screen()
        self.assertTrue(rows[1].startswith("1 <esc><wait>        "))
        self.assertRegex(rows[2], "^2 auto <wait> +│  \\. down esc +ff1b +0:00.000$")
        self.assertRegex(rows[5], "│ B> down a +61 +\\+1s 0:01.040$")
        for cols, lines in ((60, 15), (200, 60)):
            t.resize(cols, lines)
            t.wait("^─ Boot command ─+ typing ─$")
            kit.until(lambda: len(t.screen()[0]) == cols, "the new size")
            t.wait("^3 url=http://{{ .HTTPIP }}:{{ .HTTPPort }}/p.cfg <wait>")
            t.wait("B> down a ")
        self.end(t)

    def test_steps(self):
        t = self.start(80, 24)
        t.keys("s")
        t.wait("> up   a ")
        self.assertEqual(self.typed(), ["esc", "a"])
        t.keys("e")
        t.wait("> down u ")
        t.keys("G", "Left", "Left", "g")  # run to <enter>
        t.wait("> down enter ")
        self.assertEqual("".join(self.typed()[-6:]), "p.cfgspace")
        self.end(t)

    def test_edit(self):
        t = self.start(80, 24)
        t.keys("Enter", "End")
        t.wait(" editing ─$")
        t.type("<wait0s>")
        t.wait("^2:12 Expecting a positive wait v")
        t.wait("has an error")
        self.assertRegex(t.screen(colors=True)[2], "\033\\[4m.*<wait0s>")  # underlined where it stands
        t.keys("BSpace", "BSpace", "BSpace")
        t.type("1h>")
        t.wait("total 1:00:")
        t.keys("C-w")
        t.wait("^2 auto <wait>< ")
        t.keys("BSpace")
        t.type("x")
        t.wait("^2 auto <wait>x")
        t.keys("Escape")
        t.wait(" edited ─$")
        t.keys("a")
        t.wait("this is typed from now on")
        t.wait(" typing ─$")
        t.keys("W")
        t.wait("saved; the old template is .*t.json.bak")
        with open(self.path("t.json"), encoding="utf-8") as f:
            now = json.load(f)
        self.assertEqual(now["builders"][0]["boot_command"], [COMMAND[0], "auto <wait>x", *COMMAND[2:]])
        t.keys("c")
        t.wait("> wait 10s")
        self.assertEqual("".join(self.typed())[:12], "escautospace")
        self.assertEqual(self.typed()[6], "x")
        self.end(t)

    def test_too_late(self):
        """What has been typed was changed: the console asks from where on, and Enter is no."""
        t = self.start(80, 24, ["ab", "c<wait1h>"], "boot:3")
        t.keys("Enter", "C-Home")
        t.type("x")
        t.wait("^1 xab")
        t.keys("End", "Escape")
        t.wait(" edited ─$")
        t.keys("a")
        t.wait("Go on with element 4, at the cursor?")
        t.keys("Enter")
        t.wait("Go on", gone=True)
        t.wait(" edited ─$")
        t.keys("a")
        t.wait("Go on with element 4, at the cursor?")
        t.keys("y")
        t.wait("this is typed from now on")
        t.keys("c")
        t.wait("> wait 1h")
        self.assertEqual(self.typed(), ["a", "b", "c"])
        self.end(t)


if __name__ == "__main__":
    screen.main()
