"""Questions on a real terminal: -debug, the breakpoint provisioner, -on-error=ask."""

import re
import signal

import kit

ENTER = r"Press enter to continue\. $"
ASK = (r"\[c\] Clean up and exit, \[a\] abort without cleanup, or \[r\] retry step"
       r"( \(build may fail even if retry succeeds\))?\? $")


def null(*provisioners):
    return {"builders": [{"type": "null", "communicator": "none"}], "provisioners": list(provisioners)}


def local(*lines, **options):
    return {"type": "shell-local", "inline": list(lines), **options}


class Debug(kit.Case):
    def debug(self, template, *flags):
        """Answer every pause with Enter; returns what the pauses said."""
        run = self.start("build", "-color=false", "-debug", *flags, self.write("t.json", template), tty=True)
        run.expect("Debug mode enabled. Builds will not be parallelized.")
        pauses = []
        while not run.expect(r"Press enter to continue\. $|^==> Wait completed").group().startswith("==> Wait"):
            pauses.append(run.out.text.splitlines()[-1])
            run.send("\n")
        self.code = run.wait()
        self.text = run.out.text.replace("\r", "")
        return [re.sub(r"^==> (\S+): (.*?)\.? Press enter.*", r"\2", p) for p in pauses]

    def test_null(self):
        pauses = self.debug(null(local("echo one"), local("exit 3")))
        self.assertEqual(pauses, [
            "Pausing after run of step 'StepConnect'",
            "Pausing before the next provisioner ",
            "Pausing before the next provisioner ",
            "Pausing before cleanup of step 'StepConnect'",
        ])
        self.assertEqual(self.code, 1)
        self.assertIn("==> null: Pausing before the next provisioner . Press enter to continue. \n", self.text)

    def test_file_builder_pauses_before_provisioners_only(self):
        t = {"builders": [{"type": "file", "target": "x", "content": "c"},
                          {"type": "file", "name": "b", "target": "y", "content": "c"}],
             "provisioners": [local("echo one")], "post-processors": ["manifest"]}
        self.assertEqual(self.debug(t), ["Pausing before the next provisioner "] * 2)
        self.assertEqual(self.code, 0)
        # One at a time, though nothing limits them.
        self.assertRegex(self.text, r"(?s)==> file\.b: one.*Build 'file\.b' finished.*==> file: one.*Build 'file' fin")

    @kit.needs_qemu
    def test_qemu(self):
        self.write("boot.raw", kit.boot_disk(kit.POWER_OFF))
        steps = ("StepDownload stepPrepareOutputDir stepCreatevTPM StepCreateFloppy StepCreateCD "
                 "stepCreateDisk stepCopyDisk stepResizeDisk stepHTTPIPDiscover StepHTTPServer "
                 "stepPortForward StepSSHKeyGen stepConfigureVNC stepPrepareEfivars stepRun "
                 "stepConfigureQMP stepTypeBootCommand stepWaitGuestAddress StepConnect "
                 "StepProvision StepCleanupTempKeys stepShutdown stepConvertDisk").split()
        # The guest is off after half a second; pauses and typing do not mind.
        pauses = self.debug(kit.qemu(boot_command=None))
        self.assertEqual(pauses, [f"Pausing after run of step '{s}'" for s in steps] +
                         [f"Pausing before cleanup of step '{s}'" for s in reversed(steps)])
        self.assertEqual(self.code, 0)

    @kit.needs_qemu
    def test_boot_steps_pause_after_each(self):
        self.write("boot.raw", kit.boot_disk(kit.HALT))
        rows = [["a<wait1ms>"], ["b", "the letter b"]]
        run = self.start("build", "-color=false", "-debug",
                         self.write("t.json", kit.qemu(boot_steps=rows, boot_key_interval="1ms")), tty=True)
        while "stepConfigureQMP" not in run.expect(r"Pausing after run of step '(\w+)'\. " + ENTER).group(1):
            run.send("\n")
        run.send("\n")
        run.expect(r"==> qemu: Pausing after run of step 'boot_command: a<wait1ms>'\. " + ENTER)
        run.send("\n")
        run.expect("==> qemu: Typing boot command for: the letter b")
        run.expect(r"==> qemu: Pausing after run of step 'boot description: \"the letter b\", command: b'\. " + ENTER)
        run.signal(signal.SIGTERM)  # a question that is open ends with the build
        run.expect("Cancelling build after receiving terminated")
        self.assertEqual(run.wait(), 1)

    def test_output_waits_while_a_question_is_open(self):
        t = {"builders": [{"type": "null", "communicator": "none", "name": "asks"},
                          {"type": "null", "communicator": "none", "name": "talks"}],
             "provisioners": [
                 {"type": "breakpoint", "only": ["asks"]},
                 local("until [ -e asked ]; do :; done", "for i in 1 2 3; do echo line $i; done", only=["talks"]),
                 local("touch done", only=["talks"])]}
        run = self.start("build", "-color=false", self.write("t.json", t), tty=True)
        run.expect(ENTER)
        self.write("asked", "")
        kit.until(lambda: "done" in self.files(self.dir), "the other build")
        kit.until(lambda: self.finished("null.talks"), "the other build's end")
        run.out.pull(0)
        self.assertRegex(run.out.text, ENTER)  # the question is still the last line
        run.send("\n")
        run.expect(r"==> null\.talks: line 3")
        run.expect("Build 'null.talks' finished")
        self.assertEqual(run.wait(), 0)

    def test_more_output_than_can_wait(self):
        t = {"builders": [{"type": "null", "communicator": "none", "name": "asks"},
                          {"type": "null", "communicator": "none", "name": "talks"}],
             "provisioners": [
                 {"type": "breakpoint", "only": ["asks"]},
                 local("until [ -e asked ]; do :; done", "seq 1 400000", only=["talks"])]}
        out = self.path("out.txt")
        with open(out, "w") as f:
            run = self.start("build", "-color=false", self.write("t.json", t), tty=True, stdout=f)
        question = "==> null.asks: Press enter to continue. "
        kit.until(lambda: self.read("out.txt").endswith(question), "the question")
        self.write("asked", "")
        # It gives way once, and asks again.
        kit.until(lambda: kit.os.path.getsize(out) > 8 << 20, "the lines")
        kit.until(lambda: self.read("out.txt").endswith(question), "the question again")
        run.send("\n")
        self.assertEqual(run.wait(), 0)
        numbers = [int(n) for n in re.findall(r"talks: (\d+)\n", self.read("out.txt"))]
        self.assertEqual(numbers, list(range(1, 400001)))

    def finished(self, label):
        return any(e["type"] == "build-end" and e["build"] == label for e in self.events())


class Breakpoint(kit.Case):
    def test_goes_on_after_enter(self):
        t = null({"type": "breakpoint", "note": "look here"}, local("echo after"))
        run = self.start("build", "-color=false", self.write("t.json", t), tty=True)
        run.expect(r'==> null: Pausing at breakpoint provisioner with note "look here"\.\r\n==> null: ' + ENTER)
        run.send("\n")
        run.expect("==> null: after")
        self.assertEqual(run.wait(), 0)

    def test_an_answer_that_is_too_long(self):
        t = null({"type": "breakpoint"}, local("echo after"))
        run = self.start("build", "-color=false", self.write("t.json", t), tty=True)
        run.expect(ENTER)
        run.send("x" * 4000 + "\x04")  # a terminal takes no more at once
        kit.until(lambda: run.unread() == 0, "the first piece to be read")
        run.send("y" * 200 + "\n")
        run.expect(r"An answer can have 4096 bytes; this one has more\.\r\n==> null: " + ENTER)
        run.send("\n")
        run.expect("==> null: after")
        self.assertEqual(run.wait(), 0)

    def test_the_timeout_does_not_run_meanwhile(self):
        t = null(local("echo start"), {"type": "breakpoint", "timeout": "50ms"}, local("echo after"))
        run = self.start("build", "-color=false", self.write("t.json", t), tty=True)
        run.expect(ENTER)
        with self.assertRaises(AssertionError):  # real time passes
            run.expect("Cancelling provisioner", 0.3)
        run.send("\n")
        run.expect("==> null: after")
        self.assertEqual(run.wait(), 0)

    def test_ctrl_c_at_the_question(self):
        t = null({"type": "breakpoint"}, local("echo not reached"))
        run = self.start("build", "-color=false", self.write("t.json", t), tty=True)
        run.expect(ENTER)
        run.send("\x03")
        run.expect("Cancelling build after receiving interrupt")
        run.expect("Build 'null' errored after .*: Build was cancelled.")
        run.expect("Cleanly cancelled builds after being interrupted.")
        self.assertEqual(run.wait(), 1)
        self.assertNotIn("not reached", run.out.text)

    def test_the_worker_is_killed_at_the_question(self):
        run = self.start("build", "-color=false", self.write("t.json", null({"type": "breakpoint"})), tty=True)
        run.expect(ENTER)
        run.signal(signal.SIGKILL, run.worker())
        run.expect(r"Build 'null' errored after .*: The build's worker was killed")
        run.expect("Builds finished but no artifacts were created")
        self.assertEqual(run.wait(), 1)

    def test_the_terminal_goes_away(self):
        run = self.start("build", "-color=false", self.write("t.json", null({"type": "breakpoint"})), tty=True)
        run.expect(ENTER)
        kit.os.close(run.out.fd)  # SIGHUP from the kernel
        run.out.fd = kit.os.open("/dev/null", kit.os.O_RDONLY)
        self.assertEqual(run.wait(), 1)

    def test_no_terminal(self):
        text = self.build(null({"type": "breakpoint"}), code=1)
        self.assertIn("Build 'null' errored", text)
        self.assertIn("Error asking for input: no available tty", text)

    def test_in_the_background(self):
        """A job that the shell has put into the background may not ask."""
        t = self.write("t.json", null({"type": "breakpoint"}))
        self.write("bg.sh", f'set -m; "{kit.KILN}" build -color=false {t} >out.txt; echo $? >code &\nwait\n')
        pid, fd = kit.pty.fork()
        if pid == 0:
            kit.os.chdir(self.dir)
            kit.os.execve("/bin/bash", ["bash", "-c", "set -m; (bash bg.sh) & wait"], self.env)
        run = kit.Run(pid, fd, True)
        self.runs.append(run)
        run.wait()
        self.assertIn("no available tty", self.read("out.txt"))


class Escapes(kit.Case):
    """What a template holds does not act on the terminal it is shown on."""

    def test_names(self):
        bell = "n\x1b]0;x\x07"
        t = {"description": bell, "variables": {"v": bell},
             "builders": [{"type": "file", "name": bell, "target": bell, "content": "c"}]}
        self.write("t.json", t)
        self.write("keys.json", {"builders": [{"type": "qemu", "communicator": "none", "iso_url": "t.json",
                                               "iso_checksum": "none", "boot_command": [bell]}]})
        for command in (["build", "t.json"], ["inspect", "t.json"], ["keys", "keys.json"]):
            text = self.kiln(*command, tty=True)
            self.assertIn("?", text)
            self.assertNotIn("\x1b]", text, command)
            self.assertNotIn("\x07", text, command)


class OnError(kit.Case):
    TRIES = "echo try $(cat count 2>/dev/null); echo x >>count; exit $(( $(wc -l <count) < {0} ))"

    def ask(self, template):
        run = self.start("build", "-color=false", "-on-error=ask", self.write("t.json", template), tty=True)
        run.expect("==> null: Script exited with non-zero exit status: 1")
        run.expect('==> null: Step "StepProvision" failed')
        run.expect(ASK)
        return run

    def test_clean_up(self):
        for answer in ("c", "C", "clean up"):
            run = self.ask(null(local("exit 1")))
            run.send(answer + "\n")
            run.expect("Running the cleanup provisioner, if present")
            self.assertEqual(run.wait(), 1)
            self.assertNotIn("aborting", run.out.text)

    def test_abort(self):
        t = null(local("exit 1"))
        t["error-cleanup-provisioner"] = local("echo cleaning")
        run = self.ask(t)
        run.send("a\n")
        run.expect('==> null: Step "StepProvision" failed, aborting...')
        run.expect('==> null: aborted: skipping cleanup of step "StepConnect"')
        self.assertEqual(run.wait(), 1)
        self.assertNotIn("cleaning", run.out.text)

    def test_retry(self):
        run = self.ask(null(local(self.TRIES.format(3))))
        run.send("r\n")
        run.expect(ASK)
        run.send("R\n")
        run.expect("Build 'null' finished")
        self.assertEqual(run.wait(), 0)
        self.assertEqual(run.out.text.count("==> null: try"), 3)

    def test_anything_else_asks_again(self):
        """Enter, end of file and nonsense destroy nothing."""
        run = self.ask(null(local("exit 1")))
        for text in ("\n", "  \n", "\x04", "\x04", "xyz\n", "no clean up\n", "\n"):
            run.send(text)
            run.expect(ASK)
        self.assertIn('Incorrect input: "xyz"', run.out.text)
        self.assertNotIn("cleanup provisioner", run.out.text)
        run.send("c\n")
        self.assertEqual(run.wait(), 1)

    @kit.needs_qemu
    def test_ctrl_c_keeps_nothing_running(self):
        self.write("boot.raw", kit.boot_disk(kit.HALT))
        t = kit.qemu()
        t["provisioners"] = [local("exit 1")]
        run = self.start("build", "-color=false", "-on-error=ask", self.write("t.json", t), tty=True)
        run.expect(ASK)
        qemu = run.child("qemu-system")
        run.send("\x03")
        run.expect("Cancelling build after receiving interrupt")
        self.assertEqual(run.wait(), 1)
        self.assertFalse(kit.alive(qemu))

    @kit.needs_qemu
    def test_abort_keeps_the_disk(self):
        self.write("boot.raw", kit.boot_disk(kit.HALT))
        t = kit.qemu()
        t["provisioners"] = [local("exit 1")]
        run = self.start("build", "-color=false", "-on-error=ask", self.write("t.json", t), tty=True)
        run.expect(ASK)
        run.send("a\n")
        self.assertEqual(run.wait(), 1)
        self.assertEqual(self.files(self.path("out")), ["disk"])

    def test_no_terminal_cleans_up(self):
        text = self.build(null(local("exit 1")), "-on-error=ask", code=1)
        self.assertIn("Running the cleanup provisioner, if present", text)
        self.assertNotIn("[c]", text)


if __name__ == "__main__":
    kit.main()
