"""The ladder to the guest: the last rung is named right wherever the wait ends. And what is kept of a failure."""

import glob
import os
import re
import signal
import socket
import stat
import urllib.request

import kit

SECRET = "Tk7fZ9qW"
PASSWORD = "wrong-one"


@kit.needs_qemu
class Ladder(kit.Case):
    def setUp(self):
        super().setUp()
        self.write("boot.raw", kit.boot_disk(kit.echo("ready ")))

    def go(self, name, *provisioners, port=None, flags=(), **options):
        """A guest that only echoes keys. port: where its ssh server is said to be; None: behind QEMU."""
        if port:  # nobody forwards it
            options.update(skip_nat_mapping=True, ssh_port=port, qemuargs=[["-netdev", "user,id=user.0"]])
        t = kit.qemu(**{"name": name, "output_directory": name, "communicator": "ssh", "ssh_username": "root",
                        "ssh_password": PASSWORD, "ssh_timeout": "500ms", "qemuargs": None, **options})
        t.update({"provisioners": list(provisioners), "variables": {"secret": SECRET}, "sensitive-variables": ["secret"]})
        return self.start("build", "-color=false", *flags, self.write(name + ".json", t))

    def door(self, listening=True):
        s = socket.create_server(("127.0.0.1", 0))
        port = s.getsockname()[1]
        if listening:
            self.addCleanup(s.close)
        else:
            s.close()
        return port

    def fails(self, run, *texts):
        self.assertEqual(run.wait(), 1, run.out.text)
        said = run.out.text.split("had errors:\n")[1]
        for text in texts:
            self.assertIn(text, said)

    def rungs(self, name):
        """Name to (state, what was seen), as the report has them."""
        found = re.findall(r"^ +[\d.]+  ([a-z-]+) +(holds|waiting|unknown) (.*)$", self.read(name + ".failure/report.txt"),
                           re.M)
        return {rung: (state, seen.strip()) for rung, state, seen in found}

    def bundle(self, name):
        return self.files(self.path(name + ".failure"))

    def pictures(self, name):
        return [f for f in self.bundle(name) if f.endswith(".png")]

    def check_bundle(self, name, *files):
        """These are there beside the report, for nobody else to read, and no secret is."""
        top = self.path(name + ".failure")
        self.assertEqual(stat.S_IMODE(os.stat(top).st_mode), 0o700)
        texts = [f for f in self.bundle(name) if not f.endswith(".png")]
        self.assertIn(texts, (sorted(["report.txt", *files]), sorted(["report.txt", "qemu.txt", *files])))
        for f in self.bundle(name):
            path = os.path.join(top, f)
            self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600, f)
            with open(path, "rb") as data:
                content = data.read()
            if f.endswith(".png"):
                self.assertTrue(content.startswith(b"\x89PNG") and content.endswith(b"IEND\xaeB`\x82"), f)
            for secret in (SECRET, PASSWORD):
                self.assertNotIn(secret.encode(), content, f)

    def check_no_leftovers(self):
        super().check_no_leftovers()
        self.assertFalse(glob.glob(self.home + "/.local/state/kiln/runs/*/*.frames"))

    # -- rungs --

    @kit.needs_sshd
    def test_the_last_rung_is_named(self):
        sshd = kit.Sshd(self)
        self.addCleanup(sshd.close)
        silent = self.door()
        runs = {"closed": self.go("closed", port=self.door(False)), "silent": self.go("silent", port=silent),
                "denied": self.go("denied", port=sshd.port), "halted": self.go("halted", ssh_timeout="2500ms")}
        self.fails(runs["closed"], '"port" does not hold (dial tcp',
                   "nothing accepted a connection")
        self.fails(runs["silent"], '"banner" does not hold: no SSH server spoke',
                   'Whether "port" holds cannot be known (QEMU accepts connections for the guest)')
        self.fails(runs["denied"], 'the last rung that holds is "methods": the server has said how one may log in (publickey)',
                   '"login" does not hold: the server let nobody in')
        self.assertEqual(self.rungs("denied")["methods"], ("holds", "publickey"))
        self.assertTrue(self.rungs("denied")["banner"][1].startswith("SSH-2.0-OpenSSH"))
        self.assertTrue(self.rungs("denied")["host-key"][1].startswith("ssh-ed25519 SHA256:"))
        # What only QEMU knows: it has asked the guest, and the guest does not answer.
        self.fails(runs["halted"], '"port" does not hold (the guest does not answer)',
                   "\nThe screen ends with:\n", "\n  | ready")
        self.assertEqual(self.rungs("halted")["vm"][0], "holds")
        self.assertEqual(self.rungs("halted")["address"][0], "unknown")

    def test_answer_file(self):
        boot = {"http_content": {"/a.cfg": "x"}, "boot_command": ["url=http://{{ .HTTPIP }}:{{ .HTTPPort }}/a.cfg<enter>"],
                "boot_key_interval": "1ms"}
        ends = (("never", None, ("waiting", "/a.cfg was never asked for")),
                ("wrong", "/b.cfg", ("waiting", "GET /b.cfg: 404")),
                ("right", "/a.cfg", ("holds", "GET /a.cfg: 200")))
        runs = [self.go(name, ssh_timeout="1s", **boot) for name, _, _ in ends]
        for (name, path, seen), run in zip(ends, runs):
            port = run.expect(r"Starting HTTP server on port (\d+)").group(1)
            try:
                if path:
                    run.expect("Typing the boot")
                    urllib.request.urlopen(f"http://127.0.0.1:{port}{path}").close()
            except urllib.error.HTTPError as e:
                e.close()
        for (name, path, seen), run in zip(ends, runs):
            self.fails(run, "Timeout waiting for SSH.\n")
            self.assertEqual(self.rungs(name)["answer-file"], seen)
            self.assertEqual(self.rungs(name)["address"][0], "holds" if path else "unknown")
            self.check_bundle(name, "keys.txt", "log.txt", "qmp.txt", *["http.txt"] * bool(path))
            if path:
                self.assertRegex(self.read(name + ".failure/http.txt"), rf"\d  {seen[1][-3:]} .*  GET {path}\n\Z")

    @kit.needs_sshd
    def test_events_tell_every_rung(self):
        sshd = kit.Sshd(self)
        self.addCleanup(sshd.close)
        run = self.go("out", {"type": "shell", "inline": ["exit 3"]}, port=sshd.port, ssh_password=None,
                      ssh_private_key_file=self.path("id"), ssh_timeout="1m")
        self.fails(run, "Script exited with non-zero exit status: 3")
        told = [e for e in self.events() if e["type"] == "rung"]
        self.assertEqual([e["name"] for e in told
                          if e["to"] == "holds" and e["from"] != "holds" and e["name"] != "screen"],
                         ["vm", "address", "port", "banner", "host-key", "methods", "login", "shell"])
        self.assertEqual(sorted({(e.get("index", 0), e["name"]) for e in told})[0], (0, "vm"))
        self.assertEqual(self.rungs("out")["shell"], ("holds", ""))
        self.check_bundle("out", "log.txt", "qmp.txt")

    # -- the bundle --

    def typed(self, name, **options):
        boot = {"boot_command": ["abc{{user `secret`}}<wait10ms>xyz<enter>"], "boot_key_interval": "1ms"}
        return self.go(name, **{**boot, "vnc_use_password": True, "vnc_password": SECRET, **options})

    def test_secrets_stay_out(self):
        """Also of pictures: where no secret is typed there is one of what was."""
        run = self.typed("out", ssh_timeout="1h", boot_wait="1s")
        run.expect("Waiting for SSH")
        other = self.typed("open", ssh_timeout="1h", boot_wait="1s", boot_command=["abc<wait10ms>" + "-" * 200])
        other.expect("Waiting for SSH")
        kit.until(lambda: os.path.exists(self.run_dirs()[1] + "/0.frames/000002.png"), "a second frame")
        for r in (run, other):
            r.signal(signal.SIGKILL, r.child("qemu-system"))
        self.fails(run)
        self.check_bundle("out", "keys.txt", "log.txt", "qmp.txt")
        keys = re.findall(r"    (?:down|up) +(.*)", self.read("out.failure/keys.txt"))
        self.assertEqual("".join(keys[::2][:3]), "abc")
        self.assertGreaterEqual(keys.count("\u2022"), 2 * len(SECRET))
        self.assertLess(len(self.pictures("out")), 2)  # none since the secret was typed, which is echoed
        self.assertNotIn("The screen ends with", run.out.text)
        self.assertIn("What was seen of the failure is kept in out.failure: report.txt", run.out.text)
        self.fails(other)
        self.assertGreaterEqual(len(self.pictures("open")), 2)

    def test_the_next_replaces_it(self):
        self.write("theirs.failure/thesis.txt", "x")
        run = self.go("theirs")
        for _ in range(2):
            self.fails(self.typed("out", ssh_timeout="100ms"))
        self.check_bundle("out", "keys.txt", "log.txt", "qmp.txt")
        self.fails(run)
        self.assertEqual(self.bundle("theirs"), ["thesis.txt"])
        self.assertIn("what was seen of the failure is not kept: theirs.failure is there, and was not made by kiln",
                      run.out.text)

    def test_nothing_is_kept_of_others(self):
        """Of a build that was cancelled, or has no machine yet, or went well."""
        self.write("off.raw", kit.boot_disk(kit.POWER_OFF))
        cancelled, early, well = (self.typed("cancelled", ssh_timeout="1h"), self.go("early", iso_url="missing.raw"),
                                  self.go("well", iso_url="off.raw", communicator="none"))
        cancelled.expect("Waiting for SSH")
        cancelled.signal(signal.SIGINT)
        self.assertEqual(cancelled.wait(), 1)
        self.fails(early)
        self.assertEqual(well.wait(), 0)
        self.assertFalse([f for f in self.files(self.dir) if "failure" in f])

    def test_death(self):
        """Of QEMU, and of the worker: what was there by then is kept."""
        runs = {name: self.typed(name, ssh_timeout="1h", boot_command=["abc"]) for name in ("qemu", "worker")}
        for run in runs.values():
            run.expect("Waiting for SSH")
        kit.until(lambda: len(glob.glob(self.home + "/.local/state/kiln/runs/*/0.frames/000001.png")) == 2, "frames")
        runs["qemu"].signal(signal.SIGKILL, runs["qemu"].child("qemu-system"))
        runs["worker"].signal(signal.SIGKILL, runs["worker"].worker())
        for name, run in runs.items():
            self.assertEqual(run.wait(), 1, run.out.text)
            self.check_bundle(name, "keys.txt", "log.txt", "qmp.txt")
            self.assertTrue(self.pictures(name))
        self.assertIn("QEMU ended (exit code 137)", self.read("qemu.failure/report.txt"))
        self.assertEqual(self.rungs("qemu")["vm"], ("waiting", "QEMU has ended"))
        self.assertIn("worker was killed by signal 9", self.read("worker.failure/report.txt"))

    def test_abort(self):
        """The output stays, QEMU does not, and the rest is as ever."""
        self.fails(self.typed("out", flags=["-on-error=abort"], http_content={"/x": "y"}, boot_wait="1s"))
        self.assertEqual(self.files(self.path("out")), ["disk"])
        self.check_bundle("out", "keys.txt", "log.txt", "qmp.txt")
        self.assertEqual(self.rungs("out")["vm"][0], "holds")

    def test_qemu_that_does_not_start(self):
        run = self.go("out", qemuargs=[["-device", "no-such-thing"]])
        self.fails(run)
        self.check_bundle("out", "log.txt", "qemu.txt")
        self.assertIn("'no-such-thing' is not a valid device model name", self.read("out.failure/qemu.txt"))


if __name__ == "__main__":
    kit.main()
