"""Boot commands made by doing: a person drives the guest, and a fresh build does the same by what was recorded."""

import json

import kit

VGA = [["-nodefaults"], ["-vga", "std"]]
HERE = "before:stepTypeBootCommand"


@kit.needs_qemu
class Record(kit.Case):
    """The guest asks for a name, a password and a command, and is off then."""

    def setUp(self):
        super().setUp()
        self.write("boot.raw", kit.boot_disk(kit.LOGIN))
        self.clients = []

    def tearDown(self):
        for client in self.clients:
            client.close()
        super().tearDown()

    def template(self, variables, **options):
        t = kit.qemu(boot_command=[], qemuargs=VGA, shutdown_timeout="1m", **options)
        return self.write("t.json", {"variables": variables, **t})

    def client(self):
        self.clients.append(kit.Client(self, watch="state"))
        return self.clients[-1]

    def start_guest(self, variables):
        """It stands before the first key, and is in our hands then."""
        self.kiln("build", "-detach", "-break", HERE, self.template(variables))
        c = self.client()
        c.stop(HERE)
        c.call("record", on=True)
        self.assertEqual(c.expect("stop").get("status"), None)  # the guest runs
        return c

    @staticmethod
    def shows(c, text):
        while not c.expect("text").get("text", "").startswith(text):
            pass

    def log_in(self, c):
        self.shows(c, "kiln login:")
        c.type("vagrant\n")
        self.shows(c, "Password:")
        c.type("vagrant\n")
        self.shows(c, "vagrant@kiln:~$")
        c.type("off")
        self.shows(c, "vagrant@kiln:~$ off")

    def lines(self):
        return json.loads(self.read("t.json"))["builders"][0]["boot_command"]

    def test_again_in_a_fresh_build(self):
        c = self.start_guest({"secret_word": "vagrant"})
        self.log_in(c)
        c.type("\n")
        elements = c.end_record()
        self.assertEqual(elements, ["<wait 'kiln login:$'>vagrant<enter>",
                                    "<wait 'Password:$'>{{user `secret_word`}}<enter>",
                                    "<wait 'vagrant@kiln:~\\$$'>off<enter>"])
        c.call("write", lines=elements)
        self.assertEqual(self.lines(), elements)
        c.call("cancel")
        self.wait_gone(kit.PATIENCE)
        self.kiln("build", "-color=false", "-force", "t.json")  # the guest has turned itself off

    def test_go_on_behind_it(self):
        """What was pressed by hand is not typed again."""
        c = self.start_guest({"secret_word": "vagrant"})
        self.log_in(c)
        elements = c.end_record()
        self.assertEqual(c.expect("stop")["status"], 1)  # it is halted again
        n = len("<>vagrant<><>vagrant<><>off".replace("<>", "_"))
        c.call("edit", lines=elements + ["<enter>"], **{"from": n})
        c.call("continue")
        self.assertEqual(c.expect("build-end").get("status"), None)
        self.assertEqual([e["name"] for e in self.events() if e["type"] == "key" and e.get("down")], ["enter"])

    def test_go_on_behind_an_address(self):
        """Its port is known, so that elements are counted as they are going to be typed."""
        self.kiln("build", "-detach", "-break", HERE, self.template({}, http_content={"/a": "b"}, http_port_min=8123,
                                                                    http_port_max=8199))
        c = self.client()
        c.stop(HERE)
        lines = ["http://{{ .HTTPIP }}:{{ .HTTPPort }}/a"]
        shown = c.call("preview", number=0, lines=lines)
        self.assertRegex(shown, r"^http://10\.0\.2\.2:81\d\d/a$")
        c.call("edit", number=0, lines=lines, **{"from": len(shown)})
        c.call("continue")
        c.expect("step", name="stepTypeBootCommand", to="done")
        self.assertEqual([e for e in self.events() if e["type"] == "key"], [])
        c.call("cancel")
        self.wait_gone(kit.PATIENCE)

    def test_replay(self):
        """There is no boot command yet: what was done by hand is typed into the guest as it was before."""
        self.kiln("build", "-detach", "-checkpoint", "-break", "boot:end", self.template({"secret_word": "vagrant"}, format="qcow2"))
        c = self.client()
        c.stop("boot:end")
        c.call("record", on=True)
        self.log_in(c)
        elements = c.end_record()
        self.assertEqual(len(elements), 3)
        c.call("retype", number=0, lines=elements + ["<enter>"])
        c.expect("step", name="stepTypeBootCommand", to="pending")
        c.stop("boot:end")
        c.call("continue")
        self.assertEqual(c.expect("build-end").get("status"), None)  # the guest has turned itself off

    def test_driven_before(self):
        """Then there is nothing to go back to."""
        self.kiln("build", "-detach", "-checkpoint", "-break", HERE, "-break", "boot:end", self.template({}, format="qcow2"))
        c = self.client()
        c.stop(HERE)
        c.call("record", on=True)
        self.shows(c, "kiln login:")
        c.end_record()
        c.call("continue")
        c.stop("boot:end")
        self.assertIn("the guest was driven by hand before", c.refused("retype", number=0, lines=["a"]))
        c.call("cancel")
        self.wait_gone(kit.PATIENCE)

    def test_nobody_may_know(self):
        """A password is in no event and in no template, and the recording is not its client's."""
        c = self.start_guest({})
        self.assertIn("end the recording first", c.refused("continue"))
        self.assertIn("end the recording first", c.refused("freeze"))
        self.assertIn("a recording is under way", c.refused("record", on=True))
        self.shows(c, "kiln login:")
        c.type("root\n")
        self.shows(c, "Password:")
        c.type("hunter2\n")
        c.call("key", keysym=0xFF61, on=True)  # PrintScreen
        c.expect("record", status=1, text="a key was pressed that boot commands do not have")
        c.close()
        other = self.client()
        self.shows(other, "kiln login:")
        elements = other.end_record()
        self.assertEqual(elements, ["<wait 'kiln login:$'>root<enter>", "<wait 'Password:$'><sensitive><enter>"])
        self.assertIn("nothing is being recorded", other.refused("record"))
        for command in ("edit", "write"):
            self.assertIn("<sensitive>", other.refused(command, lines=elements))
        self.assertEqual(self.lines(), [])
        self.assertNotIn("hunter2", str(self.events()))
        other.call("cancel")
        self.wait_gone(kit.PATIENCE)


if __name__ == "__main__":
    kit.main()
