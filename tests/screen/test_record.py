"""Recording in the console, in a real terminal, on a real guest: drive it by hand, look at what became of it, edit it,
save it, and let a fresh build do the same.
"""

import json

import screen
from screen import kit

HERE = "before:stepTypeBootCommand"


@kit.needs_qemu
class Record(screen.Case):
    """The guest asks for a name, a password and a command, and is off then."""

    def console(self, cols=100, rows=40, command=()):
        self.write("boot.raw", kit.boot_disk(kit.LOGIN))
        template = kit.qemu(boot_command=list(command), qemuargs=[["-nodefaults"], ["-vga", "std"]], shutdown_timeout="1m")
        self.write("t.json", {"variables": {"word": "vagrant"}, **template})
        t = self.terminal(cols, rows)
        t.run(kit.KILN, "tui", "-break", HERE, "t.json")
        t.wait("before step stepTypeBootCommand")
        t.wait("^. Builds")
        return t

    def log_in(self, t):
        t.wait("RECORDING  keyboard: guest, Ctrl-] ends")
        t.wait("kiln login:$")
        t.type("vagrant")
        t.keys("Enter")
        t.wait("Password:$")
        t.type("vagrant")
        t.keys("Enter")
        t.wait("vagrant@kiln:~\\$$")
        t.type("off")
        t.wait("\\$ off$")

    def lines(self):
        return json.loads(self.read("t.json"))["builders"][0]["boot_command"]

    def test_record(self):
        t = self.console()
        t.keys("3", "z", "R")
        self.log_in(t)
        t.wait("recording what is done by hand: 2 elements")
        t.keys("C-]")
        t.wait("the recording goes on until `record` ends it")
        t.keys("c")  # not yet
        t.wait("end the recording first")
        t.keys("R")
        t.wait("^Recorded: edit, apply or write it")
        t.wait("^─ Boot command ─.* recorded ─$")
        t.wait("^1 <wait 'kiln login:\\$'>vagrant<enter>")
        t.wait("^2 <wait 'Password:\\$'>{{user `word`}}<enter>")
        t.wait("^3 <wait 'vagrant@kiln:~\\\\\\$\\$'>off")
        t.keys("Enter")
        t.wait(" editing ")
        t.keys("C-End")
        t.type("<enter>")
        t.wait("off<enter>")
        t.keys("Escape")
        t.wait(" recorded ─$")
        t.keys("W")
        t.wait("saved; the old template is")
        self.assertEqual(self.lines(), ["<wait 'kiln login:$'>vagrant<enter>", "<wait 'Password:$'>{{user `word`}}<enter>",
                                        "<wait 'vagrant@kiln:~\\$$'>off<enter>"])
        t.keys("a")
        t.wait("The recording")
        t.keys("Enter")  # go on behind what was pressed
        t.wait("the build goes on from there")
        t.keys("c")
        t.wait("the run is over: done")
        self.assertEqual([e["name"] for e in self.events() if e["type"] == "key" and e.get("down")], ["enter"])
        t.keys("q")
        t.wait("shell>")
        self.kiln("build", "-color=false", "-force", "t.json")


if __name__ == "__main__":
    screen.main()
