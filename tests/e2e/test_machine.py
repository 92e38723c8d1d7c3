"""The guest's screen, keyboard and shell over the control socket, with a real QEMU and a real sshd."""

import mmap
import os
import pwd
import re
import socket
import struct
import subprocess
import time
import unittest

import kit

SHIFT = 0xFFE1
NOT_YET = "the guest is not running yet"
VGA = [["-nodefaults"], ["-vga", "std"]]


class Picture:
    """A framebuffer as src/base/framebuffer.h describes it."""

    def __init__(self, fd):
        self.map = mmap.mmap(fd, 0, prot=mmap.PROT_READ)
        os.close(fd)
        magic, self.width, self.height, self.stride = struct.unpack_from("<4I", self.map)
        assert magic == 0x316B6266 and self.stride == 4 * self.width

    def read(self):
        """RGB bytes of a whole copy, and its number."""
        while True:
            lock, _, frame = struct.unpack_from("<IIQ", self.map, 16)
            pixels = self.map[32:32 + self.stride * self.height]
            if lock % 2 == 0 and struct.unpack_from("<I", self.map, 16)[0] == lock:
                break
        rgb = bytearray(3 * self.width * self.height)
        for i in range(3):
            rgb[i::3] = pixels[i::4]
        return bytes(rgb), frame


class Machine(kit.Case):
    def setUp(self):
        super().setUp()
        self.clients = []

    def tearDown(self):
        for c in self.clients:
            c.close()
        super().tearDown()

    def client(self, watch="state"):
        self.clients.append(kit.Client(self, watch))
        return self.clients[-1]

    def leave(self, c):
        c.close()
        self.clients.remove(c)

    def go(self, template, *breaks, watch="state"):
        """A run on a terminal, so that it may stop, and a client of it."""
        stops = [w for b in breaks for w in ("-break", b)]
        self.run_ = self.start("build", "-color=false", *stops, self.write("t.json", template), tty=True)
        return self.client(watch)

    def guest(self, *breaks, **options):
        self.write("boot.raw", kit.boot_disk(kit.echo("kiln:")))
        options.setdefault("qemuargs", VGA)
        return self.go(kit.qemu(qmp_enable=True, qmp_socket_path="qmp.sock", **options), *breaks)

    def monitor(self, command, **arguments):
        return kit.monitor(self.path("qmp.sock"), command, **arguments)

    def vm_status(self):
        return self.monitor("query-status")["status"]

    def text(self):
        """What stands on the guest's screen, from its video memory."""
        dump = self.monitor("human-monitor-command", **{"command-line": "xp /4000bx 0xb8000"})
        cells = bytes(int(b, 16) for line in dump.splitlines() for b in line.split(": ")[1].split())
        return cells[::2].decode("cp437")

    def dump(self):
        """The screen as QEMU itself writes it: width, height, RGB."""
        self.monitor("screendump", filename=self.path("dump.ppm"))
        with open(self.path("dump.ppm"), "rb") as f:
            data = f.read()
        head = re.match(rb"P6\n(\d+) (\d+)\n255\n", data)
        return int(head[1]), int(head[2]), data[head.end():]

    def screen(self, c, build=None):
        """The picture, now or when it is there."""
        reply = c.request("screen", on=True)
        while not reply["ok"]:
            if reply["error"] == NOT_YET:
                while not c.expect("screen").get("done"):
                    pass
            else:
                c.expect("step")  # it has just begun
            reply = c.request("screen", on=True)
        return Picture(c.fds.pop(0))

    def await_same(self, c):
        """The picture becomes what QEMU shows; returns it."""
        picture = self.screen(c)

        def same():
            nonlocal picture
            width, height, rgb = self.dump()
            if (picture.width, picture.height) != (width, height):  # the guest has changed the size
                picture = self.screen(c)
            return (picture.width, picture.height, picture.read()[0]) == (width, height, rgb)

        kit.until(same, "the same pixels")
        return picture

    def press(self, c, text):
        for key in text:
            c.call("key", keysym=ord(key), on=True)
            c.call("key", keysym=ord(key), on=False)

    def await_text(self, text):
        kit.until(lambda: text in self.text(), f"{text!r} on the guest's screen")

    def finish(self, c, code=1):
        c.call("cancel")
        self.assertEqual(self.run_.wait(), code, self.run_.out.text)


@kit.needs_qemu
class Screen(Machine):
    def test_shows_what_qemu_shows(self):
        c = self.guest("before:stepRun")
        c.stop("before:stepRun")
        self.assertEqual(c.refused("screen", on=True), NOT_YET)
        self.assertEqual(c.refused("key", keysym=97, on=True), "the guest is not running")
        c.call("continue")
        e = c.expect("screen")  # the wish was remembered
        picture = Picture(c.call_for_fd("screen", on=True))
        self.assertEqual((e["done"], e["total"]), (picture.width, picture.height))
        self.await_text("kiln:")
        self.await_same(c)
        c.expect("frame")
        self.finish(c)
        c.expect("screen", done=None, total=None)

    def test_keys_reach_the_guest_and_are_never_told(self):
        c = self.guest()
        self.screen(c)
        self.await_text("kiln:")
        self.press(c, "secret7")
        c.call("key", keysym=SHIFT, on=True)
        self.press(c, "X")
        c.call("key", keysym=SHIFT, on=False)
        self.await_text("kiln:secret7X")
        self.assertGreater(self.await_same(c).read()[1], 0)
        self.finish(c)
        with open(self.run_dirs()[-1] + "/events.jsonl", encoding="utf-8") as f:
            log = f.read()
        self.assertNotIn('"type":"key"', log)
        self.assertNotIn('"type":"frame"', log)
        self.assertIn('"type":"screen"', log)

    def test_keys_are_let_go_of_when_their_owner_goes(self):
        # Figures: for letters QEMU presses Caps Lock itself to get the case that the keysym has.
        c = self.guest()
        self.await_text("kiln:")
        c.call("key", keysym=SHIFT, on=True)
        self.press(c, "1")
        self.await_text("kiln:!")
        self.leave(c)
        c = self.client()
        kit.until(lambda: c.request("control", on=True)["ok"], "the controls")
        self.press(c, "2")
        self.await_text("kiln:!2")
        c.call("key", keysym=SHIFT, on=True)
        self.press(c, "3")
        self.await_text("kiln:!2#")
        c.call("release-keys")
        self.press(c, "4")
        self.await_text("kiln:!2#4")
        self.finish(c)

    def test_while_the_guest_is_halted(self):
        c = self.guest("after:stepTypeBootCommand", boot_wait="1s", vnc_use_password=True)
        c.stop("after:stepTypeBootCommand")
        self.assertEqual(self.vm_status(), "paused")
        self.await_same(c)
        self.assertEqual(self.vm_status(), "paused")
        self.finish(c)

    def test_rest(self):
        """Nothing changes: no frame, no work. Something does: frames, for all who look."""
        c = self.guest()
        self.await_text("kiln:")
        picture, other = self.await_same(c), self.client()
        self.screen(other)
        worker = self.run_.worker()
        time.sleep(0.5)  # the last frame of the boot may be on its way
        before, frame = self.wakes(worker), picture.read()[1]
        time.sleep(2)  # what is measured
        self.assertLess(self.wakes(worker) - before, 20)  # 60 are one for each frame that could have come
        self.assertEqual(picture.read()[1], frame)
        self.press(c, "z")
        other.seen = len(other.events)
        other.expect("frame")
        self.leave(c)
        other.seen = len(other.events)
        kit.until(lambda: other.request("control", on=True)["ok"], "the controls")
        self.press(other, "y")
        other.expect("frame")  # it goes on for who is left
        self.finish(other)

    @staticmethod
    def wakes(pid):
        """How often its threads have woken up: unlike CPU time, the same on a busy machine."""
        total = 0
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/status") as f:
                total += int(re.search(r"(?m)^voluntary_ctxt_switches:\s+(\d+)", f.read()).group(1))
        return total

    def test_the_typist_is_not_disturbed(self):
        """QEMU lifts all keys, everybody's, when a VNC client leaves: who looks for a moment must not."""
        c = self.guest("boot:1", "key:2", boot_command=["!2#"], boot_key_interval="1ms")
        c.stop("boot:1")
        c.call("thaw")
        self.await_text("kiln:")
        c.call("continue")
        c.stop("key:2")  # Shift is down
        c.call("thaw")
        passer_by = self.client()
        self.screen(passer_by)
        self.leave(passer_by)
        picture = self.screen(c)
        c.call("screen", on=False)
        self.press(c, "45")  # goes through the same thread: it has seen that nobody looks
        self.await_text("kiln:$%")
        self.assertGreater(picture.width, 0)
        c.call("continue")
        self.await_text("kiln:$%!2#")
        self.finish(c)

    def test_a_build_without_vnc(self):
        c = self.guest(disable_vnc=True)
        c.expect("step", name="stepRun", to="done")
        why = "the template has disable_vnc: without VNC kiln can neither see the guest's screen nor type"
        self.assertEqual(c.refused("screen", on=True), why)
        self.assertEqual(c.refused("key", keysym=97, on=True), why)
        self.finish(c)

    def test_a_build_without_a_guest(self):
        c = self.go({"builders": [{"type": "null", "communicator": "none"}]}, "StepConnect")
        c.stop("before:StepConnect")
        self.assertIn("not possible", c.refused("screen", on=True))
        self.finish(c)


# A QEMU that starts, answers on QMP, and serves VNC: to the typist as it should, to whoever comes later less so.
FAKE = r'''#!/usr/bin/env python3
import json, os, socket, sys, threading, time

args = sys.argv[1:]
if "-version" in args:
    print("QEMU emulator version 7.2.0")
    sys.exit(0)


def value(flag):
    return [b for a, b in zip(args, args[1:]) if a == flag]


FORMAT = b"\x20\x18\0\1\0\xff\0\xff\0\xff\x10\x08\0\0\0\0"


def hello(s, size, name=b"\0\0\0\4QEMU"):
    s.sendall(b"RFB 003.008\n")
    s.recv(12)
    s.sendall(b"\1\1")
    s.recv(1)
    s.sendall(b"\0\0\0\0")
    s.recv(1)
    s.sendall(size + FORMAT + name)


def good(s):
    hello(s, b"\0\x40\0\x30")
    while s.recv(100):
        pass


def update(s, rect, rest=b""):
    hello(s, b"\0\x40\0\x30")
    s.recv(100)
    s.sendall(b"\0\0\0\1" + rect + rest)
    s.settimeout(1)
    s.recv(100)


def flood(s):
    hello(s, b"\0\x40\0\x30")
    end = time.monotonic() + 2
    while time.monotonic() < end:
        s.sendall(b"\0\0\0\1\0\0\0\0\0\1\0\1\0\0\0\0" + os.urandom(4))


def sizes(s):
    hello(s, b"\0\x40\0\x30")
    for i in range(1, 200):
        s.sendall(b"\0\0\0\1\0\0\0\0" + bytes([i, 0, 16, 0]) + b"\xff\xff\xff\x21")


HOSTILE = [
    lambda s: s.sendall(os.urandom(100000)),
    lambda s: hello(s, b"\xff\xff\xff\xff"),
    lambda s: hello(s, b"\0\0\0\0"),
    lambda s: hello(s, b"\0\4\0\2", b"\xff\xff\xff\xff" + bytes(1 << 20)),
    lambda s: update(s, b"\0\0\0\0\xff\xff\xff\xff\0\0\0\0", bytes(1 << 20)),
    lambda s: update(s, b"\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\x21"),
    lambda s: update(s, b"\0\0\0\0\0\4\0\2\0\0\0\x10\xff\xff\xff\xff", os.urandom(1 << 20)),
    lambda s: update(s, os.urandom(12), os.urandom(1 << 20)),
    flood,
    sizes,
    good,  # it is found again
]


def vnc(listener):
    n = 0
    while True:
        s, _ = listener.accept()
        what = good if n == 0 else HOSTILE[(n - 1) % len(HOSTILE)]
        n += 1
        with open("vnc.log", "a") as f:
            f.write(f"{n}\n")
        threading.Thread(target=serve, args=(s, what), daemon=True).start()


def serve(s, what):
    try:
        what(s)
    except OSError:
        pass
    s.close()


def listen(family, address):
    s = socket.socket(family)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(address)
    s.listen()
    return s


host, display = value("-vnc")[0].split(",")[0].rsplit(":", 1)
threading.Thread(target=vnc, args=(listen(socket.AF_INET, (host, 5900 + int(display))),), daemon=True).start()
path = [v for v in value("-qmp") + value("-chardev") if "unix" in v or "path=" in v][0]
path = path.split("path=")[1] if "path=" in path else path.split("unix:")[1]
path = path.split(",")[0]
inherited = os.environ.get("unused")
c, _ = listen(socket.AF_UNIX, path).accept()
f = c.makefile("rw")


def say(o):
    f.write(json.dumps(o) + "\n")
    f.flush()


say({"QMP": {"version": {"qemu": {"major": 7, "minor": 2, "micro": 0}, "package": ""}, "capabilities": []}})
for line in f:
    m = json.loads(line)
    say({"return": {"status": "running", "running": True} if m["execute"] == "query-status" else {}, "id": m.get("id")})
    if m["execute"] == "quit":
        sys.exit(0)
'''


class Hostile(Machine):
    def test_a_hostile_vnc_server(self):
        self.write("qemu-fake", FAKE)
        os.chmod(self.path("qemu-fake"), 0o755)
        self.write("boot.raw", kit.boot_disk(kit.HALT))
        c = self.go(kit.qemu(qemu_binary=self.path("qemu-fake")))
        c.expect("step", name="stepTypeBootCommand", to="done")
        c.request("screen", on=True)
        worker = self.run_.worker()
        start = time.monotonic()

        def connections():
            with open(self.path("vnc.log")) as f:
                return len(f.readlines())

        kit.until(lambda: connections() >= 12, "all hostile connections")  # typist, ten bad ones, a good one
        took = time.monotonic() - start
        self.assertTrue(kit.alive(worker))
        picture = self.screen(c)
        while (picture.width, picture.height) != (64, 48):
            picture = self.screen(c)
        with open(f"/proc/{worker}/status") as f:
            peak = int(re.search(r"VmHWM:\s+(\d+)", f.read())[1])
        self.assertLess(peak, 1000000)  # KiB; the largest screen that is taken has 64 million pixels
        frames = [e for e in c.events if e["type"] == "frame"]
        self.assertLess(len(frames), 31 * took + 5)
        self.assertLess(sum(1 for e in c.events if e["type"] == "screen"), 31 * took + 5)
        self.finish(c)


@kit.needs_sshd
class Shell(Machine):
    def setUp(self):
        super().setUp()
        self.sshd = kit.Sshd(self)

    def tearDown(self):
        self.sshd.close()
        super().tearDown()

    def ssh(self):
        return {"communicator": "ssh", "ssh_host": "127.0.0.1", "ssh_port": self.sshd.port,
                "ssh_username": pwd.getpwuid(os.getuid()).pw_name, "ssh_private_key_file": self.path("id")}

    def null(self, *commands):
        return {"builders": [{"type": "null", **self.ssh()}],
                "provisioners": [{"type": "shell", "inline": [w]} for w in commands]}

    def shell(self, c, term="vt100", cols=91, rows=33):
        return socket.socket(fileno=c.call_for_fd("shell", text=term, cols=cols, rows=rows))

    def talk(self, s, text):
        """Types text; returns all that is said until the end."""
        s.settimeout(kit.PATIENCE)
        if text:
            s.sendall(text.encode())
        said = b""
        while True:
            got = s.recv(65536)
            if not got:
                s.close()
                return said.decode()
            said += got

    def test_a_shell_at_a_breakpoint(self):
        c = self.go(self.null("echo one > one", "echo two > two"), "before:StepConnect", "before:shell.1", "before:shell.2")
        self.assertNotIn("shell", c.stop("before:StepConnect")["names"])
        self.assertEqual(c.refused("shell", text="vt100", cols=80, rows=24), "there is no connection to the guest now")
        c.call("continue")
        self.assertIn("shell", c.stop("before:provisioner.1")["names"])
        said = self.talk(self.shell(c), "PS1=; tty; stty size; echo $TERM; exit\n")
        self.assertRegex(said, r"(?s)/dev/pts/\d+\r\n33 91\r\nvt100\r\n")
        # Another one, of another size; the build goes on while it is open.
        s = self.shell(c, "xterm-256color", 80, 24)
        self.assertEqual(c.refused("shell", text="vt100", cols=80, rows=24), "a shell is open already")
        c.call("shell-size", cols=100, rows=50)
        s.sendall(b"stty size; echo rea''dy\n")
        s.settimeout(kit.PATIENCE)
        said = b""
        while b"ready" not in said:
            said += s.recv(1000)
        self.assertIn(b"50 100", said)
        c.call("continue")
        self.assertIn("[the build goes on]", self.talk(s, ""))
        c.stop("before:provisioner.2")  # the connection is as good as before
        c.call("continue")
        c.expect("build-end", status=None)
        self.assertEqual(self.run_.wait(), 0)

    def test_no_shell_in_the_midst_of_something(self):
        c = self.go(self.null("until [ -e %s ]; do sleep 0.1; done" % self.path("go")))
        c.expect("step", id="provisioner", to="running")
        self.assertIn("a shell needs a build that stands", c.refused("shell", cols=80, rows=24))
        c.call("pause")
        self.assertNotIn("shell", c.expect("stop", name="pause")["names"])
        self.assertIn("a shell needs a build that stands", c.refused("shell", cols=80, rows=24))
        self.write("go", "")
        c.call("continue")
        self.assertEqual(self.run_.wait(), 0)

    def test_cancel_ends_a_shell(self):
        c = self.go(self.null("true"), "before:shell")
        c.stop("before:provisioner.1")
        s = self.shell(c)
        c.call("cancel")
        self.assertIn("[the build goes on]", self.talk(s, ""))
        self.assertEqual(self.run_.wait(), 1)

    def test_the_client_dies(self):
        c = self.go(self.null("true"), "before:shell")
        c.stop("before:provisioner.1")
        s = self.shell(c)
        s.sendall(b"echo re''ady\n")
        s.recv(1)
        s.close()
        self.leave(c)
        c = self.client()
        c.call("control", on=True)
        reply = kit.until(lambda: (r := c.request("shell", cols=80, rows=24))["ok"] and r, "a new shell")
        self.assertTrue(reply["ok"])
        self.assertIn("42\r\n", self.talk(socket.socket(fileno=c.fds.pop(0)), "echo $((6*7)); exit\n"))
        c.call("continue")
        self.assertEqual(self.run_.wait(), 0)

    @kit.needs_qemu
    def test_the_guest_runs_while_a_shell_is_open(self):
        c = self.guest("before:Provision", skip_nat_mapping=True,
                       qemuargs=VGA + [["-netdev", "user,id=user.0"]], **self.ssh())
        c.stop("before:StepProvision")
        self.assertEqual(self.vm_status(), "paused")
        s = self.shell(c)
        c.expect("stop", status=None)
        self.assertEqual(self.vm_status(), "running")
        self.talk(s, "exit\n")
        c.expect("stop", status=1)
        self.assertEqual(self.vm_status(), "paused")
        self.finish(c)


if __name__ == "__main__":
    kit.main()
