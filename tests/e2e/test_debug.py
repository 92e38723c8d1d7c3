"""Stopping, stepping and steering builds over the control socket, with a real QEMU: what stands still
while a build is stopped, and what goes out when it goes on.
"""

import json
import os
import re
import time

import kit


class Debug(kit.Case):
    def setUp(self):
        super().setUp()
        self.write("boot.raw", kit.boot_disk(kit.HALT))
        self.client = None

    def tearDown(self):
        if self.client:
            self.client.close()
        super().tearDown()

    def go(self, template, *breaks, flags=()):
        """A run on a terminal, so that it may stop, and a client of it."""
        stops = [w for b in breaks for w in ("-break", b)]
        self.run_ = self.start("build", "-color=false", *flags, *stops, self.write("t.json", template), tty=True)
        self.client = kit.Client(self)
        return self.client

    def end(self, code):
        self.assertEqual(self.run_.wait(), code, self.run_.out.text)

    def cancel(self):
        self.client.call("cancel")
        self.client.expect("build-end", status=2)
        self.end(1)

    def keys(self):
        return [e for e in self.events() if e["type"] == "key"]

    def typed(self):
        return "".join(e["name"] for e in self.keys() if e.get("down"))

    def vm_status(self):
        """What QEMU itself says, on the monitor of the template's own."""
        return kit.monitor(self.path("qmp.sock"), "query-status")["status"]


def typing(text, **options):
    """A guest that is typed to at once; it does not read."""
    lines = text if isinstance(text, list) else [text]
    return kit.qemu(boot_command=lines, boot_key_interval="1ms", qmp_enable=True, qmp_socket_path="qmp.sock",
                    **options)


@kit.needs_qemu
class Guest(Debug):
    def test_text_on_the_screen(self):
        """A breakpoint on it; what clients are told of it; a secret that goes on in the next row."""
        self.write("boot.raw", kit.boot_disk(kit.echo("Welcome! " + "." * 70 + "hunter2 was here > ")))
        template = dict(typing("x", boot_wait="60s", qemuargs=[["-nodefaults"], ["-vga", "std"]]), variables={"secret": "hunter2"},
                        **{"sensitive-variables": ["secret"]})
        c = self.go(template, "text:welcome!.+")
        c.stop("text:welcome!.+")
        self.assertEqual(self.vm_status(), "paused")
        c.close()
        c = self.client = kit.Client(self, watch="state")
        rows = [c.expect("text", text="<sensitive>") for _ in range(2)]
        self.assertEqual([(r["done"], r["total"]) for r in rows], [(80, 25)] * 2)
        self.assertEqual(rows[0]["index"] + 1, rows[1]["index"])
        self.assertNotIn(b"hunter", c.raw)
        self.cancel()

    def test_breakpoints_behind_the_end(self):
        c = self.go(typing("ab<enter>"), "boot:1", "boot:4", "key:6")
        c.expect("line", text='A breakpoint will not be reached: "boot:4" is behind the end of what is typed there, '
                              'which has 3 elements')
        c.stop("boot:1")
        c.call("break", text="boot:4", on=False)
        for place, has in (("boot:4", "3 elements"), ("boot:2.1", "0 elements"), ("key:7", "6 key events")):
            for command in ("break", "run-to"):
                why = c.refused(command, text=place, on=True)
                self.assertEqual(why, f'"{place}" is behind the end of what is typed there, which has {has}')
        c.call("edit", number=0, lines=["abc<enter>"], **{"from": 0})
        c.call("continue")
        c.stop("key:6")
        c.call("run-to", text="boot:4")
        c.stop("boot:4")
        self.cancel()

    def test_stops_around_steps_and_in_the_boot_command(self):
        c = self.go(typing("ab<enter>"), "before:run", "after:run", "boot:2", "key:5", "boot:end")
        self.assertEqual(c.expect("plan", id=None)["names"][14:17], ["stepRun", "stepConfigureQMP", "stepTypeBootCommand"])
        self.assertEqual(c.expect("breakpoints")["names"],
                         ["before:stepRun", "after:stepRun", "boot:2", "key:5", "boot:end"])
        stop = c.stop("before:stepRun")
        self.assertEqual((stop["name"], stop["text"], stop.get("status")), ("breakpoint", "before step stepRun", None))
        c.call("continue")
        c.expect("resume")
        stop = c.stop("after:stepRun")
        self.assertEqual(stop["status"], 1)
        self.assertEqual(self.vm_status(), "paused")
        self.assertIn("next-key", stop["names"])
        c.call("continue")
        c.expect("resume")
        self.assertEqual(c.stop("boot:2")["text"], "before element 2 of the boot command: b")
        self.assertEqual(self.vm_status(), "paused")
        self.assertEqual(self.typed(), "a")
        c.call("continue")
        self.assertEqual(c.stop("key:5")["text"], "before key event 5 of the boot command: enter down")
        self.assertEqual(self.typed(), "ab")
        c.call("continue")
        c.stop("boot:end")
        self.assertEqual(self.typed(), "abenter")
        c.call("continue")
        c.expect("line", text="Waiting for shutdown...")
        self.assertEqual(self.vm_status(), "running")
        self.assertEqual(c.refused("next-key"), "there is no boot command to be typed any more")
        self.assertEqual(c.refused("edit", number=0, lines=["x"]), "it is typed already: an edit would change nothing")
        c.call("pause")
        self.assertEqual(c.expect("stop", name="pause")["id"], "stepShutdown")
        self.assertEqual(self.vm_status(), "paused")
        self.cancel()

    def test_exactly_one_key_and_one_element(self):
        c = self.go(typing("aB<enter>"), "key:1")
        c.stop("key:1")
        self.assertEqual(self.keys(), [])
        for n in (2, 3):
            c.call("next-key")
            c.stop(f"key:{n}")
            self.assertEqual(len(self.keys()), n - 1)
            self.assertEqual(self.vm_status(), "paused")
        c.call("next-element")  # key 3 is the first one of element 2: it is the one that is typed
        c.stop("boot:3")
        self.assertEqual([(e["name"], bool(e.get("down")), e.get("total", 0)) for e in self.keys()],
                         [("a", True, 0), ("a", False, 0), ("leftShift", True, 1), ("B", True, 1), ("B", False, 1),
                          ("leftShift", False, 1)])
        c.call("run-to", text="boot:end")
        self.assertEqual(c.stop("boot:end")["name"], "step")
        self.assertEqual(len(self.keys()), 8)
        self.cancel()

    def test_the_clock_stands_in_a_wait(self):
        t = kit.qemu(communicator="ssh", ssh_username="u", ssh_password="secret", ssh_timeout="2s")
        c = self.go(t)
        waiting = c.expect("line", text="Waiting for SSH to become available...")
        c.call("pause")
        stop = c.expect("stop")
        self.assertEqual((stop["name"], stop["id"], stop["status"]), ("pause", "StepConnect", 1))
        time.sleep(3)  # what is measured: more than the whole timeout
        self.assertFalse([e for e in self.events() if e["type"] == "build-end"])
        c.call("continue")
        resume = c.expect("resume")
        end = c.expect("build-end", status=1)
        self.assertIn("Timeout waiting for SSH", end["text"])
        stood = resume["mono"] - stop["mono"]
        self.assertGreater(stood, 2900000)
        ran = end["mono"] - waiting["mono"] - stood
        self.assertGreater(ran, 1900000)
        self.end(1)

    def test_an_edit_changes_what_is_still_to_be_typed(self):
        c = self.go(typing("abc"), "boot:2")
        c.stop("boot:2")
        self.assertEqual(c.call("preview", number=0, lines=["a{{.Name}}"]), "adisk")
        self.assertIn("Error preparing boot command", c.refused("preview", number=0, lines=["{{.Nome}}"]))
        self.assertIn("Error preparing boot command", c.refused("edit", number=0, lines=["{{.Nome}}"]))
        self.assertIn("Error generating boot command", c.refused("edit", number=0, lines=["<wait1h-30m>"]))
        self.assertEqual(c.refused("edit", number=0, lines=["ab"], **{"from": 3}),
                         "cannot go on from element 3: the edited text has 2")
        self.assertEqual(c.refused("edit", number=1, lines=["ab"]), "there is no row 1 of the boot command")
        c.call("edit", number=0, lines=["ax", "{{.Name}}"], **{"from": 1})
        plan = c.expect("boot-plan", text="axdisk")
        self.assertEqual((plan["names"], plan["total"]), (["ax", "{{.Name}}"], 1))
        c.call("run-to", text="boot:end")
        c.stop("boot:end")
        self.assertEqual(self.typed(), "axdisk")
        c.call("edit", number=0, lines=["axdisk<up>"], **{"from": 6})  # one more, at the very end
        c.call("run-to", text="boot:end")
        c.stop("boot:end")
        self.assertEqual(self.typed(), "axdiskup")
        self.cancel()

    def test_an_edit_before_typing_began_and_one_too_late(self):
        t = kit.qemu(boot_steps=[["a<wait2s>"], ["b", "the second"]], boot_key_interval="1ms")
        c = self.go(t, "before:run")
        c.stop("before:stepRun")
        c.call("edit", number=1, lines=["cd"])
        c.call("break", text="boot:2.2", on=True)
        c.call("continue")
        c.expect("boot", text="<wait2s>")
        self.assertEqual(c.refused("edit", number=0, lines=["z"]), "keys are going out: pause the build first")
        c.call("pause")
        c.expect("stop", name="pause")
        c.call("edit", number=0, lines=["a<wait2s>"], **{"from": 2})
        c.call("continue")
        c.stop("boot:2.2")
        self.assertEqual(self.typed(), "ac")
        self.cancel()

    def test_secrets_are_never_shown(self):
        secret = "hunter2secret"
        t = typing(["x{{user `pw`}}y", "<enter>"])
        t["variables"] = {"pw": secret}
        t["sensitive-variables"] = ["pw"]
        c = self.go(t, "boot:3")
        plan = c.expect("boot-plan", text="x" + "•" * len(secret) + "y<enter>")
        self.assertEqual(plan["names"], ["x{{user `pw`}}y", "<enter>"])
        self.assertEqual(c.stop("boot:3")["text"], "before element 3 of the boot command: <sensitive>")
        self.assertEqual(c.call("preview", number=0, lines=["{{user `pw`}}z"]), "•" * len(secret) + "z")
        c.call("edit", number=0, lines=["x{{user `pw`}}z"], **{"from": 2})
        c.call("run-to", text="boot:end")
        c.stop("boot:end")
        self.cancel()
        self.assertNotIn(secret.encode(), c.raw)
        keys = self.keys()
        self.assertEqual(sum(1 for e in keys if e.get("down")), len(secret) + 2)
        self.assertEqual({e.get("name") for e in keys}, {"x", None, "z"})

    def test_a_boot_command_is_saved(self):
        t = typing(["a", "pw=hunter2secret", "b"])
        t["variables"] = {"pw": "hunter2secret"}
        t["sensitive-variables"] = ["pw"]
        c = self.go(t, "boot:1")
        c.stop("boot:1")
        path = self.path("t.json")
        with open(path) as f:
            before = f.read()
        shown = c.call("write", number=0, lines=["a", "pw=<sensitive>", "c"])
        self.assertEqual(shown, os.path.realpath(path) + ".bak")
        with open(shown) as f:
            self.assertEqual(f.read(), before)
        with open(path) as f:
            after = f.read()
        self.assertEqual(json.loads(after)["builders"][0]["boot_command"], ["a", "pw=hunter2secret", "c"])
        self.assertEqual(after, before.replace('"b"', '"c"'))
        self.assertEqual(c.call("write", number=0, lines=["a", "pw=<sensitive>", "c"]), "")
        self.assertIn("line 1 holds <sensitive>", c.refused("write", number=0, lines=["<sensitive>x"]))
        self.assertIn("has one boot_command and no row 2", c.refused("write", number=1, lines=["x"]))
        with open(path, "a") as f:
            f.write("\n")
        self.assertIn("has been changed since it was read", c.refused("write", number=0, lines=["x"]))
        self.cancel()

    def never_there(self):
        return kit.qemu(communicator="ssh", ssh_username="u", ssh_password="secret", ssh_timeout="1ms",
                        qmp_enable=True, qmp_socket_path="qmp.sock")

    def test_a_question_leaves_the_guest_running(self):
        c = self.go(self.never_there(), flags=["-on-error=ask"])
        question = c.expect("prompt")["index"]
        self.assertEqual(self.vm_status(), "running")
        c.call("pause")
        c.expect("stop", name="pause", status=1)
        self.assertEqual(self.vm_status(), "paused")
        c.call("continue")
        self.assertNotIn("status", c.expect("stop", name="prompt"))
        self.assertEqual(self.vm_status(), "running")
        c.call("answer", number=question, text="c")
        c.expect("build-end", status=1)
        self.end(1)

    def test_a_question_halts_a_detached_guest(self):
        run = self.start("build", "-color=false", "-on-error=ask", "-detach", self.write("t.json", self.never_there()))
        c = self.client = kit.Client(self)
        c.expect("prompt")
        self.assertEqual(run.wait(), 0)
        self.assertEqual(self.vm_status(), "paused")
        c.call("retry")
        question = c.expect("prompt", index=2)["index"]
        self.assertEqual(self.vm_status(), "paused")
        c.call("answer", number=question, text="c")
        c.expect("build-end", status=1)
        self.wait_gone(kit.PATIENCE)

    def test_freeze_and_thaw(self):
        c = self.go(typing("a"), "boot:1")
        c.stop("boot:1")
        self.assertEqual(self.vm_status(), "paused")
        c.call("thaw")
        self.assertIn("freeze", c.expect("stop", status=None)["names"])
        self.assertEqual(self.vm_status(), "running")
        c.call("freeze")
        self.assertIn("thaw", c.expect("stop", status=1)["names"])
        self.assertEqual(self.vm_status(), "paused")
        self.cancel()

    def test_a_guest_that_the_template_halts(self):
        t = typing("a")
        t["builders"][0]["qemuargs"] = [["-nodefaults"], ["-S"]]
        c = self.go(t, "boot:1")
        self.assertNotIn("status", c.stop("boot:1"))
        c.call("continue")
        c.expect("key", down=True)
        c.expect("line", text="Waiting for shutdown...")
        self.assertEqual(self.vm_status(), "prelaunch")
        self.cancel()

    def test_a_guest_that_powers_off_while_nobody_stops_it(self):
        self.write("boot.raw", kit.boot_disk(kit.POWER_OFF))
        c = self.go(kit.qemu(), "after:stepShutdown")
        self.assertNotIn("status", c.stop("after:stepShutdown"))
        c.call("continue")
        c.expect("build-end", status=None)
        self.end(0)


class Null(Debug):
    def null(self, *scripts):
        return {"builders": [{"type": "null", "communicator": "none"}],
                "provisioners": [{"type": "shell-local", "inline": [s]} for s in scripts]}

    def test_a_provisioner_is_left_out(self):
        c = self.go(self.null("touch one", "touch two"), "shell-local.1")
        self.assertIn("skip", c.stop("before:provisioner.1")["names"])
        c.call("skip")
        c.expect("step", id="provisioner", to="skipped")
        c.expect("step", id="provisioner", index=1, to="done")
        self.end(0)
        self.assertEqual([n for n in ("one", "two") if os.path.exists(self.path(n))], ["two"])

    def test_a_failed_step_is_run_again(self):
        c = self.go(self.null("test -e there"), flags=["-on-error=ask"])
        self.assertIn("retry", c.expect("stop", name="prompt")["names"])
        c.expect("prompt")
        self.write("there", "")
        c.call("retry")
        c.expect("prompt-end")
        c.expect("build-end", status=None)
        self.end(0)

    def test_a_script_that_runs_while_the_build_is_stopped(self):
        c = self.go(self.null("touch begun; until [ -e go ]; do :; done; echo said", "true"))
        kit.until(lambda: os.path.exists(self.path("begun")), "the script")
        c.call("pause")
        self.assertEqual(c.expect("stop")["id"], "provisioner.1")
        self.write("go", "")
        c.call("next")  # to the next thing, which is the second provisioner
        c.stop("before:provisioner.2")
        lines = [e["text"] for e in self.events() if e["type"] == "line" and e.get("text") == "said"]
        self.assertEqual(lines, ["said"])
        c.call("continue")
        self.end(0)

    def test_names_that_mean_nothing(self):
        t = self.write("t.json", self.null("true"))
        run = self.start("build", "-color=false", "-break", "shel-local", "-break=after:provison", t, tty=True)
        run.expect(re.escape('"before:shel-local" names nothing in this build; did you mean "before:shell-local"?'))
        run.expect(re.escape('"after:provison" names nothing in this build; did you mean "after:Provision"?'))
        self.assertEqual(run.wait(), 0)

    def test_a_build_that_is_not_there(self):
        out = self.build(self.null("true"), "-break=nul/provision", "-break=*/provision", code=1)
        self.assertIn('-break: place "nul/provision": no build is called "nul"; there are: null', out)

    def test_without_a_terminal_nothing_stops(self):
        out = self.build(self.null("true"), "-break", "shell-local")
        self.assertIn("-break is ignored: there is no terminal", out)
        self.assertIn("finished", out)


class Terminal(Debug):
    """A stop of a plain build is a question on its terminal."""

    def start_it(self, template, *breaks):
        stops = [w for b in breaks for w in ("-break", b)]
        return self.start("build", "-color=false", *stops, self.write("t.json", template), tty=True)

    def test_answers(self):
        t = {"builders": [{"type": "null", "communicator": "none"}],
             "provisioners": [{"type": "shell-local", "inline": [f"touch {n}"]} for n in ("one", "two", "three")]}
        run = self.start_it(t, "before:provision")
        run.expect(r"^==> null: Stopped: before step StepProvision\. \[c\] continue \(Enter\), \[n\] next step "
                   r"or provisioner, \[q\] cancel the build: $")
        run.send("what\n")
        run.expect("==> null: Stopped: before step StepProvision")  # asked again
        run.send("n\n")
        run.expect(r"==> null: Stopped: before provisioner 1 \(shell-local\).*\[s\] skip this provisioner")
        run.send("s\n")
        run.expect("Skipping provisioner 1")
        self.assertEqual(run.wait(), 0)
        self.assertEqual([n for n in ("one", "two", "three") if os.path.exists(self.path(n))], ["two", "three"])

    def test_cancel(self):
        run = self.start_it({"builders": [{"type": "null", "communicator": "none"}]}, "provision")
        run.expect("Stopped: before step StepProvision.*: $")
        run.send("q\n")
        run.expect("Build 'null' errored after .*: Build was cancelled.")
        self.assertEqual(run.wait(), 1)

    @kit.needs_qemu
    def test_keys(self):
        run = self.start_it(typing("ab"), "boot:1")
        run.expect(r"Stopped: before element 1 of the boot command: a \(the guest is halted\)\.")
        run.send("k\n")
        run.expect("Stopped: before key event 2 of the boot command: a up")
        run.send("e\n")
        run.expect("Stopped: before element 2 of the boot command: b ")
        run.send("\n")
        run.expect("Waiting for shutdown")
        self.assertEqual(self.typed(), "ab")
        run.send("\x03")
        self.assertEqual(run.wait(), 1)


if __name__ == "__main__":
    kit.main()
