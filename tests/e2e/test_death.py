"""Signals and death: whatever ends a build, at whatever moment, nothing of it goes on and nothing of it
stays. SIGKILL of a worker is cleaned up by its supervisor; after SIGKILL of the supervisor everything
is gone within a second but files, which the next kiln removes.
"""

import os
import signal
import subprocess

import kit

WORDS = {signal.SIGINT: "interrupt", signal.SIGTERM: "terminated", signal.SIGHUP: "hangup"}


def trickle(request):
    """An ISO that never ends."""
    request.send_response(200)
    request.send_header("Content-Length", str(64 << 20))
    request.end_headers()
    while request.command == "GET" and not request.server.stopping.wait(0.05):
        request.wfile.write(bytes(64 << 10))


class Moments(kit.Case):
    """Every moment is a method: it starts a build and returns when the build has got there."""

    def setUp(self):
        super().setUp()
        self.write("boot.raw", kit.boot_disk(kit.HALT))

    def go(self, template, *flags):
        return self.start("build", "-color=false", *flags, self.write("t.json", template))

    def null(self, *provisioners):
        return self.go({"builders": [{"type": "null", "communicator": "none"}], "provisioners": list(provisioners)})

    def at_script(self):
        """A script with children of its own, one of which wants to live."""
        run = self.null({"type": "shell-local",
                         "inline": ["trap '' HUP TERM", "sleep 1001 &", "(trap '' TERM INT HUP; sleep 1002) &",
                                    "echo started", "sleep 1003"]})
        run.expect("==> null: started")
        kit.until(lambda: self.programs().count("sleep") == 3, "the script's children")
        return run

    def at_pause(self):
        run = self.null({"type": "shell-local", "inline": ["true"], "pause_before": "1h"})
        run.expect("Pausing 1h0m0s before the next provisioner")
        return run

    def at_post_processor(self):
        run = self.go({"builders": [{"type": "file", "target": "x", "content": "c"}],
                       "post-processors": [{"type": "shell-local", "inline": ["sleep 1004"]}]})
        kit.until(lambda: "sleep" in self.programs(), "the script")
        return run

    def at_download(self):
        url = self.serve(trickle) + "/boot.raw"
        run = self.go(kit.qemu(iso_url=url))
        kit.until(lambda: any(".part" in f for f in self.files(self.home)), "a part of the ISO")
        return run

    def at_boot_wait(self):
        run = self.go(kit.qemu(boot_wait="1h"))
        run.expect("==> qemu: Waiting 1h0m0s for boot...")
        run.child("qemu-system")
        return run

    def at_qemu_start(self):
        """As early as QEMU can be seen."""
        run = self.go(kit.qemu(boot_wait="1h"))
        run.child("qemu-system")
        return run

    def at_typing(self):
        run = self.go(kit.qemu(boot_command=["abc<wait1h>"], boot_key_interval="1ms"))
        kit.until(lambda: self.run_dirs() and any(e["type"] == "key" for e in self.events()), "a key")
        return run

    def at_ssh_wait(self):
        run = self.go(kit.qemu(communicator="ssh", ssh_username="u", ssh_password="opensesame",
                               qemuargs=[["-nodefaults"], ["-device", "virtio-net,netdev=user.0"]]))
        run.expect("==> qemu: Waiting for SSH to become available...")
        return run

    def at_provisioning(self):
        t = kit.qemu()
        t["provisioners"] = [{"type": "shell-local", "inline": ["sleep 1005"]}]
        run = self.go(t)
        kit.until(lambda: "sleep" in self.programs(), "the script")
        run.child("qemu-system")
        return run

    def at_shutdown(self):
        run = self.go(kit.qemu())
        run.expect("==> qemu: Waiting for shutdown...")
        return run

    NULL = ("script", "pause", "post_processor")
    QEMU = ("download", "boot_wait", "qemu_start", "typing", "ssh_wait", "provisioning", "shutdown")

    def each(self, check, names=None):
        """At every moment, in a fresh directory: nothing is left afterwards."""
        if names is None:
            names = self.NULL + (self.QEMU if kit.have("qemu-system-x86_64", "qemu-img") else ())
        for name in names:
            with self.subTest(moment=name):
                try:
                    check(getattr(self, "at_" + name))
                    self.check_nothing_made()
                finally:
                    self.clear()

    def clear(self):
        for run in self.runs:
            run.close()
        self.runs.clear()
        for p in self.processes():
            os.kill(p, signal.SIGKILL)
        for d in (self.dir, self.home, self.tmp):
            kit.shutil.rmtree(d)
            os.mkdir(d)
        self.write("boot.raw", kit.boot_disk(kit.HALT))

    # -- what may happen --

    def check_signal(self, at, number):
        run = at()
        run.signal(number)
        run.expect(f"^Cancelling build after receiving {WORDS[number]}\n")
        run.expect("^Build '.*' errored after .*: Build was cancelled.")
        run.expect("^Cleanly cancelled builds after being interrupted.")
        self.assertEqual(run.wait(20), 1)

    def test_interrupt(self):
        self.each(lambda at: self.check_signal(at, signal.SIGINT))

    def test_terminate(self):
        self.each(lambda at: self.check_signal(at, signal.SIGTERM))

    def test_hangup(self):
        self.each(lambda at: self.check_signal(at, signal.SIGHUP))

    def test_many_signals(self):
        def check(at):
            run = at()
            for number in (signal.SIGINT, signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
                run.signal(number)
            self.assertEqual(run.wait(20), 1)
            self.assertEqual(run.out.text.count("Cancelling build"), 1)

        self.each(check)

    def test_worker_killed(self):
        def check(at):
            run = at()
            run.signal(signal.SIGKILL, run.worker())
            run.expect(r"^Build '.*' errored after .*: The build's worker was killed by signal 9 \(Killed\)")
            self.assertEqual(run.wait(20), 1)

        self.each(check)

    def test_supervisor_killed(self):
        def check(at):
            run = at()
            run.signal(signal.SIGKILL)
            self.wait_gone(1)
            run.wait()
            # What is left are files, which the next kiln removes.
            self.kiln("build", "-color=false", self.write("next.json", {"builders": [
                {"type": "null", "communicator": "none"}]}))

        self.each(check)

    def test_qemu_killed(self):
        whens = {"boot_wait": "before the boot command was typed", "typing": "before the boot command was typed",
                 "ssh_wait": "before the guest could be logged in", "provisioning": "while the guest was provisioned", "shutdown": ""}

        def check(at):
            run = at()
            when = whens[at.__name__.removeprefix("at_")]
            run.signal(signal.SIGKILL, run.child("qemu-system"))
            run.expect(f"(?i)Build 'qemu' errored after .*qemu .*{when}", 5)
            self.assertEqual(run.wait(10), 1)

        self.each(check, whens)


class Ignored(kit.Case):
    def test_nohup(self):
        """A signal that kiln was started to ignore stops nothing."""
        t = {"builders": [{"type": "null", "communicator": "none"}],
             "provisioners": [{"type": "shell-local", "inline": ["echo started", "until [ -e go ]; do :; done"]}]}
        for number in (signal.SIGHUP, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
            try:
                run = self.start("build", "-color=false", self.write("t.json", t))
            finally:
                signal.signal(number, signal.SIG_DFL)
            run.expect("==> null: started")
            run.signal(number)
            self.write("go", "")
            self.assertEqual(run.wait(), 0)
            self.assertIn("Build 'null' finished", run.out.text)
            os.unlink(self.path("go"))

    def test_guard_killed(self):
        """Without its guard a run is cleaned up by the next kiln."""
        t = {"builders": [{"type": "null", "communicator": "none"}],
             "provisioners": [{"type": "shell-local", "inline": ["trap '' TERM", "echo started", "sleep 1007"]}]}
        run = self.start("build", "-color=false", self.write("t.json", t))
        run.expect("==> null: started")
        kit.until(lambda: "sleep" in self.programs(), "the script")
        run.signal(signal.SIGKILL, run.guard())
        run.signal(signal.SIGKILL)
        run.wait()
        # The kernel ends the worker and its child. That child's children stay, unless the worker was
        # quick enough.
        kit.until(lambda: kit.KILN not in self.programs(), "the end of the worker")
        self.assertEqual(len(self.ledgers()), 1)
        self.build({"builders": [{"type": "null", "communicator": "none"}]})
        self.assertEqual(self.programs(), [])
        # tearDown sees to files and ledgers


class ClosedOutput(kit.Case):
    def test_reader_goes_away(self):
        """kiln build … | head -1: the build ends in order, as for a lost terminal."""
        t = {"builders": [{"type": "null", "communicator": "none"}],
             "provisioners": [{"type": "shell-local", "inline": ["echo one", "while :; do echo more; done"]}]}
        run = self.start("build", "-color=false", self.write("t.json", t))
        run.expect("==> null: one")
        kit.os.close(run.out.fd)
        run.out.fd = kit.os.open("/dev/null", kit.os.O_RDONLY)
        self.assertEqual(run.wait(20), 1)
        self.assertEqual(self.programs(), [])
        self.assertEqual(self.files(self.tmp), [])
        end = [e for e in self.events() if e["type"] in ("build-end", "run-end")]
        self.assertEqual([e["type"] for e in end], ["build-end", "run-end"])

    def test_head(self):
        t = {"builders": [{"type": "null", "communicator": "none"}],
             "provisioners": [{"type": "shell-local", "inline": ["echo one", "sleep 1006"]}]}
        self.write("t.json", t)
        p = subprocess.run(["bash", "-c", f'"{kit.KILN}" build -color=false t.json | head -1; echo "${{PIPESTATUS[0]}}"'],
                           cwd=self.dir, env=self.env, stdout=subprocess.PIPE, text=True, timeout=kit.PATIENCE)
        self.assertRegex(p.stdout, r"\A==> null: Running local shell script.*\n1\n\Z")

    def test_full_disk(self):
        """Output that cannot be written stops nothing."""
        t = {"builders": [{"type": "null", "communicator": "none"}],
             "provisioners": [{"type": "shell-local", "inline": ["echo one", "touch done"]}]}
        with open("/dev/full", "w") as full:
            run = self.start("build", "-color=false", self.write("t.json", t), stdout=full)
        self.assertEqual(run.wait(), 0)
        self.assertIn("done", self.files(self.dir))

    def test_closed_from_the_start(self):
        t = {"builders": [{"type": "file", "target": "x", "content": "c"}]}
        self.write("t.json", t)
        for how in (">&-", "<&-", "2>&-", ">&- 2>&- <&-"):
            p = subprocess.run(["bash", "-c", f'"{kit.KILN}" build -color=false t.json {how}'], cwd=self.dir,
                               env=self.env, stdout=subprocess.PIPE, text=True, timeout=kit.PATIENCE)
            self.assertEqual(p.returncode, 0, how)
            self.assertEqual(self.read("x"), "c", how)


if __name__ == "__main__":
    kit.main()
