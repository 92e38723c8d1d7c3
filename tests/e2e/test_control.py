"""The control socket of a run, by hand and by kiln ps, attach and cancel; runs without a terminal."""

import json
import os
import re
import resource
import select
import signal
import socket
import subprocess
import time

import kit


def null(*lines, **more):
    return {"builders": [{"type": "null", "communicator": "none"}],
            "provisioners": [{"type": "shell-local", "inline": list(lines)}], **more}


def two(*lines):
    return {**null(*lines), "builders": [{"type": "null", "communicator": "none", "name": n} for n in "ab"]}


WAIT = "while [ ! -e go ]; do sleep 0.01; done"


class Raw:
    """A client that may say anything. .events: all that has come but replies."""

    def __init__(self, directory):
        self.sock = socket.socket(socket.AF_UNIX)
        try:
            self.sock.connect(os.path.join(directory, "control.sock"))
        except OSError:
            self.sock.close()
            raise
        self.rest = b""
        self.events = []
        self.replies = {}
        self.fds = []
        self.ended = False
        self.id = 0

    def close(self):
        self.sock.close()

    def write(self, data):
        self.sock.sendall(data)

    def pull(self, timeout):
        if self.ended or not select.select([self.sock], [], [], timeout)[0]:
            return
        try:
            data, fds, _, _ = socket.recv_fds(self.sock, 1 << 16, 1)
        except ConnectionError:
            data, fds = b"", []
        self.fds += fds
        self.ended = not data
        *lines, self.rest = (self.rest + data).split(b"\n")
        for line in lines:
            o = json.loads(line)
            if o["type"] == "reply":
                self.replies[o.get("id")] = o
            else:
                self.events.append(o)

    def send(self, command, **members):
        self.id += 1
        self.write(json.dumps({"id": self.id, "command": command, **members}).encode() + b"\n")
        return self.id

    def reply(self, number, patience=kit.PATIENCE):
        end = time.monotonic() + patience
        while number not in self.replies:
            if self.ended or time.monotonic() > end:
                raise AssertionError(f"no reply to {number}; ended: {self.ended}")
            self.pull(0.2)
        return self.replies.pop(number)

    def ask(self, command, **members):
        return self.reply(self.send(command, **members))

    def want(self, type_, patience=kit.PATIENCE, **members):
        """Wait for an event of this type with these members, from the last one wanted on."""
        end = time.monotonic() + patience
        at = 0
        while True:
            for i, e in enumerate(self.events[at:], at):
                if e["type"] == type_ and all(e.get(k) == v for k, v in members.items()):
                    del self.events[:i + 1]
                    return e
            at = len(self.events)
            if self.ended or time.monotonic() > end:
                raise AssertionError(f"no {type_} {members}; ended: {self.ended}; {self.events[-20:]}")
            self.pull(0.2)

    def drain(self, patience=kit.PATIENCE):
        """Everything up to the end of the connection."""
        end = time.monotonic() + patience
        while not self.ended:
            if time.monotonic() > end:
                raise AssertionError("the connection has no end")
            self.pull(0.2)
        return self.events


class Control(kit.Case):
    def client(self, directory=None):
        """A connection to the newest run."""

        def connect():
            try:
                return Raw(directory or self.run_dirs()[-1])
            except (OSError, IndexError):  # it has not come that far
                return None

        client = kit.until(connect, "the control socket", 10)
        self.addCleanup(client.close)
        return client

    def begin(self, template, *flags, **options):
        return self.start("build", "-color=false", *flags, self.write("t.json", template), **options)

    def go(self):
        self.write("go", "")

    def first_line(self):
        kit.until(lambda: self.run_dirs() and "one" in [e.get("text") for e in self.events()], "the first line")

    def types(self, events):
        return [e["type"] for e in events]


class Watch(Control):
    def test_all_is_the_log(self):
        run = self.begin(null("echo one", WAIT, "echo two"))
        c = self.client()
        self.assertTrue(c.ask("watch", text="all")["ok"])
        c.want("line", text="one")
        self.go()
        c.want("line", text="two")
        c.want("run-end")
        self.assertEqual(run.wait(), 0)
        # From a byte on: the second line of the log and what follows.
        with open(self.run_dirs()[-1] + "/events.jsonl", "rb") as f:
            log = f.read()
        self.assertEqual(log.count(b"\n"), len(self.events()))

    def test_all_from_a_byte(self):
        run = self.begin(null("echo one", WAIT, "echo two"))
        self.first_line()
        size = os.path.getsize(self.run_dirs()[-1] + "/events.jsonl")
        c = self.client()
        c.ask("watch", text="all", **{"from": size})
        self.go()
        got = [e for e in c.drain() if "seq" in e]
        self.assertEqual(run.wait(), 0)
        self.assertEqual(got, self.events()[-len(got):])
        self.assertEqual(got[0]["text"], "two")

    def test_state_is_without_lines(self):
        run = self.begin(null("echo one", WAIT, "echo two"))
        self.first_line()
        c = self.client()
        c.ask("watch", text="state")
        hello = c.want("hello")
        self.assertEqual(hello["protocol"], 1)
        self.assertEqual(hello["pid"], run.pid)
        self.assertEqual(hello["run"], os.path.basename(self.run_dirs()[-1]))
        c.want("controls", controls="none")
        c.want("run-start", names=["null"])
        c.want("build-start", build="null")
        c.want("step", name="StepProvision", to="running")
        size = c.want("grown")["size"]
        self.go()
        rest = c.drain()
        self.assertEqual(run.wait(), 0)
        self.assertGreater([e for e in rest if e["type"] == "grown"][-1]["size"], size)
        self.assertEqual([t for t in self.types(rest) if t.endswith("-end")], ["build-end", "run-end"])
        self.assertNotIn("line", self.types(rest))

    def test_what_a_state_leaves_out(self):
        """Whoever comes late learns of every step, but only of the last transition of each kind."""
        run = self.begin(null(WAIT))
        c = self.client()
        kit.until(lambda: any(e.get("name") == "StepProvision" for e in self.events()), "the step")
        c.ask("watch", text="state")
        self.go()
        steps = [(e["name"], e["to"]) for e in c.drain() if e["type"] == "step" and "id" not in e]
        self.assertEqual(run.wait(), 0)
        self.assertEqual(steps, [("StepConnect", "running"), ("StepConnect", "done"), ("StepProvision", "running"),
                                 ("StepProvision", "done"), ("StepProvision", "cleaned"), ("StepConnect", "cleaned")])

    def test_clients_leave_at_any_time(self):
        run = self.begin(null(WAIT))
        for i in range(50):
            c = self.client()
            if i % 2:
                c.send("watch", text="state" if i % 3 else "all")
            c.close()
        self.go()
        self.assertEqual(run.wait(), 0)

    def test_half_closed(self):
        """A script that has said all it has to say still hears everything."""
        run = self.begin(null("echo one", WAIT, "echo two"))
        c = self.client()
        c.send("watch", text="all")
        c.sock.shutdown(socket.SHUT_WR)
        c.want("line", text="one")
        self.go()
        c.want("run-end")
        self.assertEqual(run.wait(), 0)

    def test_long_path(self):
        """A directory whose name is longer than a socket's address."""
        self.home = os.path.join(self.home, "d" * 100, "e" * 100)
        os.makedirs(self.home)
        self.env["HOME"] = self.home
        run = self.begin(null(WAIT))
        kit.until(lambda: self.run_dirs() and os.path.exists(self.run_dirs()[-1] + "/control.sock"), "the socket")
        self.assertIn("going", self.kiln("ps"))
        fd = os.open(self.run_dirs()[-1], os.O_PATH)
        c = self.client(f"/proc/self/fd/{fd}")
        self.assertTrue(c.ask("cancel")["ok"])
        c.close()
        os.close(fd)
        self.assertEqual(run.wait(), 1)


class Commands(Control):
    def test_errors(self):
        run = self.begin(two(WAIT))
        c = self.client()
        table = [
            ({"command": "dance"}, 'unknown command "dance"'),
            ({"command": "cancel", "build": "c"}, 'no build is called "c"; there are: null.a, null.b'),
            ({"command": "pause"}, '"pause" wants a "build"; there are: null.a, null.b'),
            ({"command": "break", "build": "null.a", "text": "boot:x"}, None),
            ({"command": "break", "build": "null.a"}, '"break" wants a "text"'),
            ({"command": "watch", "text": "you"}, 'watch what? "text" is "state" or "all"'),
            ({"command": "cancel", "build": 7}, '"build" must be a string'),
            ({"command": "answer", "build": "null.a", "number": 1, "text": "x"}, "there is no open question 1"),
            ({"command": "key", "build": "null.a", "keysym": 97}, '"key" is not possible now'),
            ({"no": "command"}, 'there is no "command" in it'),
        ]
        for command, want in table:
            got = c.reply(c.send(**command) if "command" in command else self.raw(c, command))
            self.assertFalse(got["ok"], command)
            if want:
                self.assertEqual(got["error"], want)
        self.go()
        self.assertEqual(run.wait(), 0)

    def raw(self, c, o):
        c.id += 1
        c.write(json.dumps({"id": c.id, **o}).encode() + b"\n")
        return c.id

    def test_one_commands_and_others_watch(self):
        run = self.begin(null(WAIT))
        a, b = self.client(), self.client()
        for c in (a, b):
            c.ask("watch", text="state")
            c.want("controls", controls="none")
        self.assertTrue(a.ask("control", on=True)["ok"])
        a.want("controls", controls="you")
        b.want("controls", controls="other")
        got = b.ask("cancel")
        self.assertEqual(got["error"], 'another client has the controls; "control" takes them')
        b.ask("control", on=True)
        a.want("controls", controls="other")
        b.want("controls", controls="you")
        b.close()
        a.want("controls", controls="none")
        self.assertTrue(a.ask("cancel")["ok"])  # the first that commands gets them
        a.want("controls", controls="you")
        a.want("build-end", status=2)
        a.want("run-end", status=2)
        self.assertEqual(run.wait(), 1)
        self.assertIn("Cancelling build: a client asked for it", run.out.text)

    def test_cancel_one_build(self):
        run = self.begin(two(WAIT))
        c = self.client()
        c.ask("watch", text="state")
        c.want("build-start", build="null.b")
        self.assertTrue(c.ask("cancel", build="null.a")["ok"])
        c.want("build-end", build="null.a", status=2)
        self.go()
        self.assertNotIn("status", c.want("build-end", build="null.b"))
        c.want("run-end", status=1)
        self.assertEqual(run.wait(), 1)

    def test_cancel_a_build_that_waits(self):
        run = self.begin(two(WAIT), "-parallel-builds=1")
        c = self.client()
        c.ask("watch", text="state")
        c.want("build-start", build="null.a")
        self.assertTrue(c.ask("cancel", build="null.b")["ok"])
        c.want("build-end", build="null.b", status=2)
        self.assertEqual(c.ask("pause", build="null.b")["error"], "the build is over")
        self.go()
        self.assertEqual(run.wait(), 1)
        self.assertIn("Build 'null.a' finished", run.out.text)

    def test_breakpoints_before_the_start(self):
        run = self.begin(two(WAIT), "-parallel-builds=1", "-break", "null.b/shell-local")
        c = self.client()
        c.ask("watch", text="state")
        c.want("build-start", build="null.a")
        self.assertTrue(c.ask("break", build="null.b", text="after:StepConnect", on=True)["ok"])
        c.want("breakpoints", build="null.b")
        self.assertTrue(c.ask("break", build="null.b", text="shell-local", on=False)["ok"])
        self.assertEqual(c.ask("next", build="null.b")["error"], "the build has not started yet")
        self.go()
        c.want("stop", build="null.b")
        self.assertTrue(c.ask("continue", build="null.b")["ok"])
        c.want("run-end")
        self.assertEqual(run.wait(), 0)

    def test_the_worker_dies(self):
        run = self.begin(null("echo one", WAIT))
        c = self.client()
        self.first_line()
        run.halt(run.worker())
        number = c.send("pause")
        c.ask("watch", text="state")  # "pause" has been read
        run.signal(signal.SIGKILL, run.worker())
        self.assertEqual(c.reply(number)["error"], "the build is over")
        self.assertEqual(run.wait(), 1)

    def test_write(self):
        t = kit.qemu(boot_command=["<wait1h>", "root<enter>"])
        self.write("boot.raw", kit.boot_disk(kit.HALT))
        t["builders"].insert(0, null()["builders"][0])
        t["provisioners"] = null(WAIT, only=["null"])["provisioners"]
        run = self.begin(t, "-only=null,qemu", "-parallel-builds=1")
        c = self.client()
        old = self.read("t.json")
        got = c.ask("write", build="qemu", lines=["<wait2s>", "root<enter>"])
        self.assertTrue(got["ok"], got)
        self.assertEqual(self.read("t.json"), old.replace("<wait1h>", "<wait2s>"))
        with open(os.path.join(self.dir, got["text"])) as f:
            self.assertEqual(f.read(), old)
        got = c.ask("write", build="null", lines=["x"])
        self.assertFalse(got["ok"])
        c.ask("cancel")
        self.assertEqual(run.wait(), 1)


class Prompts(Control):
    def breakpoint(self):
        t = null("echo after")
        t["provisioners"].insert(0, {"type": "breakpoint"})
        return t

    def test_a_client_answers(self):
        self.kiln("build", "-detach", self.write("t.json", self.breakpoint()))
        c = self.client()
        c.ask("watch", text="state")
        prompt = c.want("prompt", build="null")
        self.assertIn("Press enter", prompt["text"])
        self.assertTrue(c.ask("answer", build="null", number=prompt["index"], text="")["ok"])
        c.want("prompt-end", index=prompt["index"])
        c.want("run-end")
        c.drain()
        self.wait_gone(10)

    def test_the_first_answer_counts(self):
        """A question on the terminal, answered from elsewhere: it is closed there."""
        run = self.begin(null("exit 1"), "-on-error=ask", tty=True)
        c = self.client()
        c.ask("watch", text="state")
        run.expect(r"retry step\? $")
        prompt = c.want("prompt")
        self.assertEqual(prompt["names"], ["clean up", "abort", "retry"])
        first = c.send("answer", number=prompt["index"], text="retry")
        second = c.send("answer", number=prompt["index"], text="abort")
        self.assertTrue(c.reply(first)["ok"])
        self.assertEqual(c.reply(second)["error"], "there is no open question 1")
        prompt = c.want("prompt")
        c.send("answer", number=prompt["index"], text="clean up")
        run.expect("Running the cleanup provisioner")
        self.assertEqual(run.wait(), 1)

    def test_answered_on_the_terminal(self):
        run = self.begin(self.breakpoint(), tty=True)
        c = self.client()
        c.ask("watch", text="state")
        run.expect(r"Press enter to continue\. $")
        prompt = c.want("prompt")
        run.send("\n")
        c.want("prompt-end", index=prompt["index"])
        self.assertEqual(run.wait(), 0)

    def test_without_a_terminal(self):
        """Nobody could be asked, until a client takes the controls."""
        t = null(WAIT, "rm go")
        t["provisioners"] += [{"type": "breakpoint"}] + null(WAIT, "rm go")["provisioners"] + [{"type": "breakpoint"}]
        run = self.begin(t)
        c = self.client()
        c.ask("watch", text="state")
        c.ask("control", on=True)
        self.go()
        prompt = c.want("prompt")
        self.assertTrue(c.ask("answer", number=prompt["index"], text="")["ok"])
        c.ask("control", on=False)
        self.go()
        self.assertEqual(run.wait(), 1)
        self.assertIn("no available tty", run.out.text)


class Hostile(Control):
    def survive(self, run):
        """It still obeys, and ends well."""

        def obeys():  # as soon as it has noticed that others are gone
            try:
                return self.client().ask("dance")["error"] == 'unknown command "dance"'
            except (AssertionError, OSError):
                return False

        kit.until(obeys, "an answer", 10)
        self.go()
        self.assertEqual(run.wait(), 0)

    def test_garbage(self):
        run = self.begin(null(WAIT))
        c = self.client()
        for junk in (b"\0" * 1000, b"{" * 5000, b'{"command":"' + b"x" * 3000 + b'"}', b"[]", b'"watch"', b"",
                     b'{"command":"watch","text":"all"} x', b'{"command":"watch","text":"\xff\xfe"}',
                     b'{"id":1e999,"command":"watch"}', b'{"id":1,"command":"key","keysym":-1}', b"\r", os.urandom(5000)):
            c.write(junk.replace(b"\n", b" ") + b"\n")
        kit.until(lambda: c.pull(0.05) or None in c.replies, "the error")
        self.assertIs(c.replies[None]["ok"], False)
        self.assertFalse(c.ended)
        self.survive(run)

    def test_half_lines(self):
        run = self.begin(null(WAIT))
        c = self.client()
        for byte in b'{"id":9,"command":"watch",':
            c.write(bytes([byte]))
        other = self.client()
        self.assertTrue(other.ask("watch", text="state")["ok"])
        c.write(b'"text":"state"}\n')
        self.assertTrue(c.reply(9)["ok"])
        c.write(b'{"id":10')
        self.survive(run)

    def test_a_line_without_end(self):
        run = self.begin(null(WAIT))
        c = self.client()
        try:
            for _ in range(64):
                c.write(b"x" * (64 << 10))
        except OSError:
            pass  # closed meanwhile
        c.drain()
        self.assertLess(self.memory(run.pid), 64 << 20)
        self.survive(run)

    def test_thousands_of_connections(self):
        run = self.begin(null(WAIT))
        path = kit.until(lambda: self.run_dirs(), "the run")[-1] + "/control.sock"
        self.client().close()
        kept = []
        for i in range(10000):
            s = socket.socket(socket.AF_UNIX)
            s.connect(path)
            if i % 100 == 0:
                kept.append(s)
            else:
                s.close()
        refused = 0
        for s in kept:
            s.settimeout(10)
            refused += b"too many clients" in s.recv(4096)
        self.assertGreater(refused, 30)  # 64 may stay
        for s in kept:
            s.close()
        self.survive(run)

    def test_no_descriptors_left(self):
        """The run has few to give: those who are too many are turned away, it goes on."""
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (40, limit[1]))
        try:
            run = self.begin(null(WAIT))
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limit)
        self.client().close()
        path = self.run_dirs()[-1] + "/control.sock"
        kept = []
        for _ in range(100):
            kept.append(socket.socket(socket.AF_UNIX))
            kept[-1].connect(path)
        for s in kept:
            s.settimeout(10)
            try:
                s.recv(100)  # a greeting, or the end
            except ConnectionError:
                pass
        before = self.cpu(run.pid)
        run.out.pull(0.3)
        self.assertLess(self.cpu(run.pid) - before, 0.2)
        for s in kept:
            s.close()
        self.survive(run)

    def test_reads_nothing(self):
        """A client that never reads costs a bounded buffer and no time."""
        lines = 200000
        with open(os.devnull, "w") as nowhere:
            run = self.begin(null(WAIT, f"seq {lines}"), stdout=nowhere)
        clients = [self.client() for _ in range(8)]  # held open
        for i, c in enumerate(clients):
            c.send("watch", text="state" if i % 2 else "all")
            for _ in range(200):
                c.send("watch", text="nonsense")
        self.go()
        self.assertEqual(run.wait(), 0)
        self.assertEqual([e for e in self.events() if e["type"] == "run-end"][0].get("status", 0), 0)

    def test_floods_commands(self):
        run = self.begin(null(WAIT))
        c = self.client()
        c.sock.setblocking(False)
        sent = 0
        try:
            while sent < 50 << 20:
                sent += c.sock.send(b'{"id":1,"command":"pause","build":"nobody"}\n' * 1000)
        except BlockingIOError:
            pass
        self.assertLess(sent, 10 << 20)  # it has to wait
        self.assertLess(self.memory(run.pid), 64 << 20)
        before = self.cpu(run.pid)
        run.out.pull(0.3)
        self.assertLess(self.cpu(run.pid) - before, 0.2)
        c.close()
        self.survive(run)

    def test_slow_reader_of_the_state(self):
        """What was skipped is out of date: who reads at last knows the state."""
        t = null(WAIT)
        t["provisioners"] = [{"type": "shell-local", "inline": [f"echo {i}"]} for i in range(30)] + t["provisioners"]
        run = self.begin(t)
        c = self.client()
        c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        c.send("watch", text="state")
        self.go()
        kit.until(lambda: any(e["type"] == "build-end" for e in self.events()), "the end")
        c.want("build-end", build="null")
        c.want("run-end")
        self.assertEqual(run.wait(), 0)

    @kit.unittest.skipUnless(os.geteuid() == 0 and kit.have("setpriv"), "only root can be somebody else")
    def test_other_users(self):
        run = self.begin(null(WAIT))
        self.client().close()
        directory = self.run_dirs()[-1]
        ask = ("import socket,sys; s=socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); "
               "print(s.recv(1000))")
        argv = ["setpriv", "--reuid=65534", "--clear-groups", "python3", "-c", ask, directory + "/control.sock"]
        got = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.assertIn("PermissionError", got.stdout)
        # Even if somebody has opened the directories:
        top = directory
        while top != os.path.dirname(self.root):
            os.chmod(top, 0o755)
            top = os.path.dirname(top)
        os.chmod(directory + "/control.sock", 0o666)
        got = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.assertIn("this run belongs to another user", got.stdout)
        self.survive(run)

    @staticmethod
    def memory(pid):
        with open(f"/proc/{pid}/status") as f:
            return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1)) * 1024

    @staticmethod
    def cpu(pid):
        with open(f"/proc/{pid}/stat") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Detached(Control):
    def tearDown(self):
        try:
            self.wait_gone(10)
        finally:
            super().tearDown()

    def detach(self, template, *flags):
        text = self.kiln("build", "-detach", *flags, self.write("t.json", template))
        return re.search(r"^Run (\S+) goes on in the background\.$", text, re.M).group(1)

    def supervisor(self):
        """The pid, from the greeting."""
        return self.client().want("hello")["pid"]

    def worker(self):
        """The pid of the only one."""
        for pid in kit.children_of(self.supervisor()):
            with open(f"/proc/{pid}/comm", encoding="utf-8") as f:
                if f.read().strip() != "kiln-guard":
                    return pid
        raise AssertionError("no worker")

    def test_ps_while_and_after(self):
        short = self.detach(two(WAIT))
        self.assertRegex(self.kiln("ps"), rf"(?m)^{short} +going +\S+ seconds? +\S+s +null\.a, null\.b +t\.json$")
        self.go()
        self.assertIn("Build 'null.b' finished", self.kiln("attach"))
        self.assertRegex(self.kiln("ps"), rf"(?m)^{short} +ok +.* null\.a ok, null\.b ok +t\.json$")
        row = json.loads(self.kiln("ps", "-json"))
        self.assertEqual(row["state"], "ok")
        self.assertEqual([b["result"] for b in row["builds"]], ["ok", "ok"])
        self.assertEqual(row["directory"], self.run_dirs()[-1])

    def test_break_of_another_build(self):
        """As in the console: the build that is shown, and a place that names one."""
        self.detach(two(WAIT))
        c = self.client()
        c.ask("watch", text="state")
        c.ask("break", build="null.a", text="null.b/after:shell-local", on=True)
        self.assertEqual(c.want("breakpoints")["build"], "null.b")
        self.go()
        c.want("stop", build="null.b")
        c.ask("continue", build="null.b")
        self.assertIn("Build 'null.b' finished", self.kiln("attach"))

    def test_ps_tells_who_waits(self):
        """Nobody is attached, and the run needs somebody: that can be seen from outside."""
        # One after the other: side by side, the end of a and the stop of b come in any order.
        self.detach(two("true"), "-parallel-builds=1", "-break", "null.b/shell-local")
        c = self.client()
        c.ask("watch", text="state")
        c.want("build-end", build="null.a")
        c.want("stop", build="null.b")
        self.assertRegex(self.kiln("ps"), r"(?m) waits +\S+ seconds? +\S+s +null\.a, null\.b waits +t\.json$")
        row = json.loads(self.kiln("ps", "-json"))
        self.assertEqual(row["state"], "going")
        self.assertEqual([b["result"] for b in row["builds"]], ["", "waits"])
        c.ask("continue", build="null.b")
        self.assertIn("Build 'null.b' finished", self.kiln("attach"))
        self.assertNotIn("waits", self.kiln("ps"))

    def test_survives_hangup_and_its_starter(self):
        """Started by a shell on a terminal that then goes away, group, session and all."""
        self.write("t.json", null("echo one", WAIT, "echo two"))
        run = self.start("build", "-color=false", "-detach", "t.json", tty=True)
        run.expect("goes on in the background")
        self.assertEqual(run.wait(), 0)
        pid = self.supervisor()
        self.assertEqual(os.getsid(pid), os.getpgid(pid))
        self.assertNotEqual(os.getsid(pid), run.pid)
        os.kill(pid, signal.SIGHUP)
        self.assertEqual([os.readlink(f"/proc/{pid}/fd/{i}") for i in range(3)], ["/dev/null"] * 3)
        self.go()
        self.assertIn("two", self.kiln("attach"))
        self.wait_gone(10)

    def test_cancel(self):
        short = self.detach(null("trap 'echo caught' TERM", WAIT))
        self.assertEqual(self.kiln("cancel", short), f"Run {short} is over: cancelled\n")
        self.wait_gone(10)
        self.assertEqual(self.kiln("cancel", short), f"Run {short} was over already: cancelled\n")
        self.assertIn("cancelled", self.kiln("ps"))

    def test_cancel_takes_the_controls(self):
        short = self.detach(null(WAIT))
        c = self.client()
        c.ask("control", on=True)
        self.kiln("cancel", short)

    def test_attach_follows(self):
        self.detach(null("echo one", WAIT, "exit 3"))
        run = self.start("attach")
        run.expect("==> null: one")
        self.go()
        run.expect("Build 'null' errored")
        self.assertEqual(run.wait(), 1)
        self.assertIn("Build 'null' errored", self.kiln("attach", code=1))

    def test_attach_at_a_stop(self):
        """On a terminal, too: there is nothing to answer, and nothing is held back."""
        self.detach(null("echo one"), "-break", "shell-local")
        run = self.start("attach", "-plain", tty=True)
        run.expect("Stopped: before provisioner 1 \\(shell-local\\)\x1b")
        c = self.client()
        c.ask("control", on=True)
        c.ask("freeze")
        os.kill(self.worker(), signal.SIGKILL)
        run.expect("Build 'null' errored")
        self.assertEqual(run.wait(), 1)

    def test_no_start(self):
        self.assertIn("nosuch.json", self.kiln("build", "-detach", "nosuch.json", code=1))
        self.write("t.json", null("true"))
        env = {"HOME": "/proc", "TMPDIR": "/proc", "XDG_STATE_HOME": "/proc"}
        self.assertIn("run directory", self.kiln("build", "-detach", "t.json", code=1, env=env))

    def test_no_such_run(self):
        self.assertIn("there is no run", self.kiln("attach", code=1))
        self.assertIn('no run is called "x"; kiln ps lists them', self.kiln("attach", "x", code=1))
        self.assertIn("name a run", self.kiln("cancel", code=1))
        self.assertEqual(self.kiln("ps").split(), ["RUN", "STATE", "AGE", "TOOK", "BUILDS", "TEMPLATE"])

    def test_a_dead_run(self):
        short = self.detach(null("echo one", "trap '' TERM", WAIT))
        c = self.client()
        c.ask("watch", text="state")
        self.first_line()
        os.kill(self.supervisor(), signal.SIGKILL)
        c.drain()
        kit.until(lambda: "dead" in self.kiln("ps"), "the end of it")
        self.assertIn("==> null: one", self.kiln("attach", "-plain", short, code=1))
        self.assertIn("supervisor was killed", self.kiln("attach", short, code=1))
        self.assertIn("supervisor was killed", self.kiln("cancel", short, code=1))
        self.wait_gone(10)  # the guard
        self.assertIn(f"Cleaned up after {short}", self.kiln("ps", "-clean"))

    def test_the_guard_is_dead_too(self):
        self.detach(null("echo one", "trap '' TERM", "sleep 1009"))
        pid = self.supervisor()
        kit.until(lambda: "sleep" in self.programs(), "the script")
        guard = kit.children_of(pid)[0]
        os.kill(guard, signal.SIGKILL)
        os.kill(pid, signal.SIGKILL)
        kit.until(lambda: "sleep" in self.programs() and len(self.programs()) < 3 or not self.programs(), "the end of it")
        self.kiln("ps", "-clean")
        self.wait_gone(10)
        self.assertEqual(self.ledgers(), [])


if __name__ == "__main__":
    kit.main()
