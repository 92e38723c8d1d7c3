"""The command retype: back to the guest as it was before anything was typed, and type it again, edited."""

import json
import os
import signal
import subprocess

import kit

VGA = [["-nodefaults"], ["-vga", "std"]]
TEXT = "What is your name? "
# Prints TEXT, then every key; writes it to the disk, in the sector of its own number; "." powers off.
WRITER = bytes.fromhex("31c0 8ed8 8ec0 be4d7c"
                       "ac 08c0 7406 b40e cd10 ebf5"  # print it
                       "31c0 cd16 b40e cd10"  # a key; print that
                       "a2457c a20080 b80043 b280 be3d7c cd13"  # int 13h, ah = 43h: write
                       "803e00802e 75e1 ba0406 b80020 ef f4 ebfd"
                       "1000 0100 0080 0000 0000000000000000") + TEXT.encode()  # what, and where to
# Prints TEXT, then every key; "." writes what follows the first sector to the disk, and resets.
INSTALLER = bytes.fromhex("31c0 8ed8 8ec0 be417c"
                          "ac 08c0 7406 b40e cd10 ebf5"
                          "31c0 cd16 b40e cd10 3c2e 75f4"
                          "b80043 b280 be317c cd13 b0fe e664 f4 ebfd"  # write; keyboard controller: reset
                          "1000 0100 007e 0000 0000000000000000") + TEXT.encode()


@kit.needs_qemu
class Retype(kit.Case):
    def setUp(self):
        super().setUp()
        self.write("boot.raw", kit.boot_disk(WRITER))
        self.client = None

    def tearDown(self):
        if self.client:
            self.client.close()
        super().tearDown()

    def go(self, *command, breaks=(), flags=("-checkpoint",), tty=True, **options):
        options = {"boot_key_interval": "1ms", "qemuargs": VGA, "format": "qcow2", **options}
        stops = [w for b in breaks for w in ("-break", b)]
        t = self.write("t.json", kit.qemu(boot_command=list(command), **options))
        self.run_ = self.start("build", "-color=false", *flags, *stops, t, tty=tty)
        if self.client:
            self.client.close()
        self.client = kit.Client(self)
        return self.client

    def passes(self):
        """What was typed, each time."""
        typed = []
        for e in self.events():
            if e["type"] == "line" and e["text"] == "Typing the boot commands over VNC...":
                typed.append("")
            elif e["type"] == "key" and e.get("down"):
                typed[-1] += e["name"]
        return typed

    def said(self, beginning):
        return [e["text"] for e in self.events() if e["type"] == "line" and e["text"].startswith(beginning)]

    def end(self, code):
        self.assertEqual(self.run_.wait(), code, self.run_.out.text)

    def cancel(self):
        self.client.call("cancel")
        self.client.expect("build-end", status=2)
        self.end(1)

    def image(self):
        """What qemu-img says of the finished disk, but for how many blocks the host has given to it."""
        def ask(*args):
            return subprocess.run(["qemu-img", *args, self.path("out/disk")], capture_output=True, text=True).stdout

        info = json.loads(ask("info", "--output=json"))
        del info["actual-size"]
        subprocess.run(["qemu-img", "convert", "-O", "raw", self.path("out/disk"), self.path("raw")], check=True)
        with open(self.path("raw"), "rb") as f:
            content = f.read()
        os.unlink(self.path("raw"))
        check = json.loads(ask("check", "--output=json"))
        return ask("snapshot", "-l"), info, {k: v for k, v in check.items() if "offset" not in k}, content

    def test_disk_and_screen_are_as_they_were(self):
        """A wrong line is broken off, edited and typed again. The image does not know of it, even one that
        is left as QEMU has written it."""
        c = self.go("<wait 'name'>wrong<wait 'name\\? right$' 50s>.", breaks=["boot:4"], skip_compaction=True)
        c.stop("boot:4")
        c.call("retype", number=0, lines=["<wait 'name'>right", "<wait 'name\\? right$' 50s>."])
        c.expect("resume")
        c.expect("step", name="stepTypeBootCommand", to="pending")
        c.expect("boot-plan", text="<wait 'name'>right<wait 'name\\? right$' 50s>.")
        c.stop("boot:4")
        c.call("continue")
        self.end(0)
        self.assertEqual(self.passes(), ["wr", "right."])
        self.assertEqual(self.files(self.path("out")), ["disk"])
        image = self.image()
        self.assertEqual([image[3][ord(k) * 512] for k in "wright."], [0] + [ord(k) for k in "right."])
        self.go("<wait 'name'>right<wait 'name\\? right$' 50s>.", flags=["-force", "-checkpoint=false"], skip_compaction=True)
        self.end(0)
        self.assertEqual(self.said("The guest is kept"), [])
        self.assertEqual(image, self.image())

    def test_while_ssh_is_waited_for(self):
        c = self.go("ab", communicator="ssh", ssh_username="u", ssh_password="secret", ssh_timeout="10m",
                    ssh_port=kit.free_port(), skip_nat_mapping=True)
        c.expect("line", text="Waiting for SSH to become available...")
        self.assertEqual(c.refused("retype", number=1, lines=["cd"]), "there is no row 1 of the boot command")
        c.call("retype", number=0, lines=["cd"])
        c.expect("step", name="StepConnect", to="pending")
        c.expect("line", text="Waiting for SSH to become available...")
        c.call("pause")
        self.assertIn("retype", c.expect("stop", id="StepConnect")["names"])
        c.call("retype")
        c.expect("line", text="Waiting for SSH to become available...")
        self.assertEqual(self.passes(), ["ab", "cd", "cd"])
        self.cancel()
        self.check_nothing_made()

    def test_it_boots_from_the_disk_then(self):
        """A guest that is installed from a CD, once."""
        if not kit.have("xorriso"):
            self.skipTest("no xorriso")
        self.write("cd/boot", (INSTALLER + bytes(512))[:512] + kit.boot_disk(kit.POWER_OFF)[:512] + bytes(1024))
        subprocess.run(["xorriso", "-as", "mkisofs", "-quiet", "-b", "boot", "-no-emul-boot", "-boot-load-size", "4",
                        "-o", self.path("x.iso"), self.path("cd")], check=True, capture_output=True)
        c = self.go("<wait 'name'>x", disk_image=None, skip_resize_disk=None, iso_url="x.iso",
                    disk_size="16M")
        c.expect("line", text="Waiting for shutdown...")
        c.call("retype", number=0, lines=["<wait 'name'>."])
        self.end(0)
        self.assertEqual(self.passes(), ["x", "."])

    def test_at_the_question(self):
        """The step that types has failed; later it waits for the guest to power off."""
        c = self.go("<wait 'name'>a<wait 'nobody' 300ms>", flags=["-checkpoint", "-on-error=ask"])
        self.assertIn("retype", c.expect("stop", name="prompt")["names"])
        c.expect("prompt")
        c.call("retype", number=0, lines=["<wait 'name'>b"])
        c.expect("prompt-end")
        c.expect("line", text="Waiting for shutdown...")
        c.call("retype", number=0, lines=["<wait 'name'>c<wait 'name\\? c$'>."])
        self.end(0)
        self.assertEqual(self.passes(), ["a", "b", "c."])
        self.assertEqual(len(self.said("The guest is as it was before typing")), 2)

    def test_while_it_is_driven_by_hand(self):
        """It is refused, and what was to be typed is typed."""
        c = self.go("<wait 'name'>abcdef.", breaks=["boot:4"])
        c.stop("boot:4")
        c.call("record", on=True)
        self.assertIn("end the recording first", c.refused("retype", number=0, lines=["wrong"]))
        c.end_record()
        c.call("continue")
        self.end(0)
        self.assertEqual(self.passes(), ["abcdef."])

    @kit.needs_sshd
    def test_too_late(self):
        sshd = kit.Sshd(self)
        self.addCleanup(sshd.close)
        c = self.go("a", communicator="ssh", ssh_username="root", ssh_private_key_file="id", ssh_port=sshd.port,
                    ssh_host="127.0.0.1", skip_nat_mapping=True, qemuargs=VGA + [["-netdev", "user,id=user.0"]],
                    breaks=["boot:1", "before:StepProvision"])
        c.stop("boot:1")
        c.call("continue")
        self.assertNotIn("retype", c.stop("before:StepProvision")["names"])
        self.assertIn("could not be undone", c.refused("retype"))
        self.cancel()

    def test_no_checkpoint(self):
        """Not asked for, a disk that has none, and before there is one: said, but the build goes on."""
        c = self.go("a<wait1h>", breaks=["before:run"], flags=())
        c.stop("before:stepRun")
        self.assertEqual(c.refused("retype"), "nothing has been typed yet: edit the boot command instead")
        self.cancel()
        c = self.go("a<wait1h>", flags=())
        c.expect("boot", text="<wait1h>")
        self.assertEqual(c.refused("retype"), "there is no checkpoint from before typing: kiln tui makes one, and kiln build "
                         "with -checkpoint")
        self.cancel()
        c = self.go("a<wait1h>", format="raw")
        why = "the disk out/disk is raw, and QEMU goes back with qcow2 disks only"
        c.expect("line", text="No checkpoint before typing: " + why)
        c.expect("boot", text="<wait1h>")
        self.assertEqual(c.refused("retype"), "there is no checkpoint from before typing: " + why)
        self.cancel()

    def test_death(self):
        """Of the worker, and of all: nothing of the checkpoint is left."""
        for victim in ("worker", "supervisor"):
            with self.subTest(victim):
                self.go("a<wait1h>", tty=False)
                self.client.expect("boot", text="<wait1h>")
                self.assertEqual(self.files(self.path("out")), ["disk"])
                self.run_.signal(signal.SIGKILL, self.run_.worker() if victim == "worker" else None)
                self.run_.wait()
                self.wait_gone(kit.PATIENCE)
                self.kiln("ps", "-clean")
                self.check_nothing_made()


if __name__ == "__main__":
    kit.main()
