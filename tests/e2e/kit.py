"""What the end-to-end tests share: a place to work in, kiln with or without a terminal, and a look at
what is left behind. Nothing here waits a fixed time: until() polls a condition.
"""

import fcntl
import http.server
import json
import os
import pty
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import termios
import threading
import time
import unittest

SOURCE = os.environ.get("KILN_SOURCE") or os.path.abspath(os.path.dirname(__file__) + "/../..")
BUILD = os.environ.get("KILN_BUILD") or SOURCE + "/build"
KILN = os.environ.get("KILN") or BUILD + "/kiln"
PATIENCE = int(os.environ.get("KILN_PATIENCE", 60))  # seconds for what takes a moment on an idle machine


# A background job of a shell ignores them, and so would everything that it starts.
for _number in (signal.SIGINT, signal.SIGHUP):
    if signal.getsignal(_number) == signal.SIG_IGN:
        signal.signal(_number, signal.SIG_DFL)


def until(condition, what, patience=PATIENCE):
    """Poll until condition() is true; returns its value."""
    end = time.monotonic() + patience
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {patience} s for {what}")
        time.sleep(0.005)


def have(*programs):
    return all(shutil.which(p) for p in programs)


# ---- processes ----


def environ_of(pid):
    try:
        with open(f"/proc/{pid}/environ", "rb") as f:
            return f.read()
    except OSError:
        return b""


def state_of(pid):
    """R, S, D, Z … or None."""
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rsplit(")", 1)[1].split()[0]
    except OSError:
        return None


def alive(pid):
    return state_of(pid) not in (None, "Z", "X")


def parent_of(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            return int(f.read().rsplit(")", 1)[1].split()[1])
    except OSError:
        return 0


def arguments_of(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as f:
            return f.read().decode(errors="replace").split("\0")[:-1]
    except OSError:
        return []


def children_of(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as f:
            return [int(p) for p in f.read().split()]
    except OSError:
        return []


# ---- kiln ----


class Output:
    """What a process wrote to a descriptor so far; take() waits for more."""

    def __init__(self, fd):
        self.fd = fd
        self.text = ""
        self.at = 0  # expect() looks from here on
        self.ended = False

    def pull(self, timeout):
        if self.ended or not select.select([self.fd], [], [], timeout)[0]:
            return
        try:
            data = os.read(self.fd, 65536)
        except OSError:  # a terminal whose last user is gone
            data = b""
        self.ended = not data
        self.text += data.decode(errors="replace")

    def expect(self, pattern, patience=PATIENCE):
        """Wait until the regular expression matches after the last match; returns the match."""
        end = time.monotonic() + patience
        while True:
            found = re.compile(pattern, re.M | re.S).search(self.text, self.at)
            if found:
                self.at = found.end()
                return found
            if self.ended or time.monotonic() > end:
                why = "the output ended" if self.ended else f"waited {patience} s"
                raise AssertionError(f"{why}; no {pattern!r} in:\n{self.text[self.at:]}\n--- before:\n"
                                     f"{self.text[max(0, self.at - 2000):self.at]}")
            self.pull(min(1, max(0, end - time.monotonic())))

    def drain(self, patience=PATIENCE):
        end = time.monotonic() + patience
        while not self.ended:
            if time.monotonic() > end:
                raise AssertionError(f"no end of output after {patience} s:\n{self.text[-3000:]}")
            self.pull(1)
        return self.text


class Run:
    """A kiln that runs. .pid is the supervisor's."""

    def __init__(self, pid, fd, terminal):
        self.pid = pid
        self.out = Output(fd)
        self.terminal = terminal
        self.code = None

    def expect(self, pattern, patience=PATIENCE):
        return self.out.expect(pattern, patience)

    def send(self, text):
        os.write(self.out.fd, text.encode())

    def unread(self):
        """How many bytes that were sent nobody has read."""
        tty = os.open(f"/proc/{self.pid}/fd/0", os.O_RDONLY | os.O_NOCTTY)
        try:
            return struct.unpack("i", fcntl.ioctl(tty, termios.FIONREAD, bytes(4)))[0]
        finally:
            os.close(tty)

    def signal(self, number, pid=None):
        os.kill(pid or self.pid, number)

    def halt(self, pid):
        """SIGSTOP, and it has taken effect."""
        self.signal(signal.SIGSTOP, pid)
        until(lambda: state_of(pid) == "T", f"process {pid} to stand still")

    def poll(self):
        if self.code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.code = os.waitstatus_to_exitcode(status)
        return self.code

    def wait(self, patience=PATIENCE):
        """Exit code, or minus the signal. .out.text is complete afterwards."""
        end = time.monotonic() + patience
        while self.poll() is None:
            if time.monotonic() > end:
                raise AssertionError(f"kiln still runs after {patience} s:\n{self.out.text[-3000:]}")
            self.out.pull(0.02)
            if self.out.ended:
                time.sleep(0.005)
        self.out.drain(10)
        return self.code

    def close(self):
        os.close(self.out.fd)
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            self.code = -signal.SIGKILL

    def workers(self):
        """All children but the first, which is the guard."""
        return [p for p in children_of(self.pid)[1:] if alive(p)]

    def guard(self):
        return until(lambda: children_of(self.pid), "the guard")[0]

    def worker(self):
        return until(self.workers, "a worker")[0]

    def child(self, word, patience=PATIENCE):
        """The process below the worker whose first argument's file name begins with `word`."""

        def find():
            for worker in self.workers():
                for p in children_of(worker):
                    args = arguments_of(p)
                    if args and alive(p) and os.path.basename(args[0]).startswith(word):
                        return p
            return None

        return until(find, f"a process {word}", patience)


def serve(answer, tls=None):
    """An HTTP server; answer(request) is called for GET, HEAD and POST. Returns its URL, and what stops it.
    tls: an ssl.SSLContext makes it one of HTTPS."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            try:
                answer(self)
            except OSError:
                pass

        do_HEAD = do_POST = do_GET

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.stopping = threading.Event()
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()

    def stop():
        server.stopping.set()
        server.shutdown()
        server.server_close()

    return f"http{'s' if tls else ''}://127.0.0.1:{server.server_port}", stop


class Case(unittest.TestCase):
    """A test with a directory of its own: cwd, HOME, TMPDIR. At its end nothing of it may run, and
    TMPDIR must be empty."""

    maxDiff = None
    keep_state = False

    def setUp(self):
        self.root = tempfile.mkdtemp(prefix="kiln-e2e-")
        self.dir, self.home, self.tmp = (os.path.join(self.root, d) for d in ("work", "home", "tmp"))
        for d in (self.dir, self.home, self.tmp):
            os.mkdir(d)
        self.runs = []
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": self.home,
            "TMPDIR": self.tmp,
            "LC_ALL": "C.UTF-8",
            "TZ": "UTC",
            "KILN_E2E": self.root,  # marks every process that comes of this test
        }
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS"):
            if name in os.environ:
                self.env[name] = os.environ[name]

    def tearDown(self):
        unfinished = [run for run in self.runs if run.poll() is None]
        try:
            for run in self.runs:
                run.close()
            left = self.stay()
            programs = [arguments_of(p) for p in left]
            for p in left:
                os.kill(p, signal.SIGKILL)
            if not unfinished:  # else the test has failed before
                self.assertEqual(programs, [], "processes left behind")
                self.check_no_leftovers()
        finally:
            shutil.rmtree(self.root)

    def stay(self):
        """Processes that do not end. What was killed may take a moment to go."""
        try:
            self.wait_gone(1)
        except AssertionError:
            pass
        return self.processes()

    def check_no_leftovers(self):
        self.assertEqual(self.files(self.tmp), [], "left in TMPDIR")
        self.assertEqual(self.ledgers(), [], "ledgers left")
        self.assertEqual([f for f in self.files(self.home) if self.is_locked(f)], [], "locks held")

    def check_nothing_made(self):
        """After a build that failed: not even output."""
        self.assertEqual(self.stay(), [], "processes left behind")
        self.check_no_leftovers()
        self.assertNotIn("out", self.files(self.dir))

    def is_locked(self, name):
        path = os.path.join(self.home, name)
        if not os.path.isfile(path):
            return False
        with open(path) as f:
            try:
                fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                return True
        return False

    # -- making things --

    def path(self, name):
        return os.path.join(self.dir, name)

    def write(self, name, content):
        if not isinstance(content, (str, bytes)):
            content = json.dumps(content, indent=1)
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), "wb" if isinstance(content, bytes) else "w") as f:
            f.write(content)
        return name

    def read(self, name):
        with open(self.path(name), encoding="utf-8", errors="surrogateescape") as f:
            return f.read()

    def serve(self, answer, tls=None):
        """A server that ends with the test; returns its URL."""
        url, stop = serve(answer, tls)
        self.addCleanup(stop)
        return url

    def start(self, *args, tty=False, env=None, stdout=None):
        """Start kiln. Without a terminal it has a session of its own, so that it cannot find ours."""
        env = {**self.env, **(env or {})}
        argv = [KILN, *args]
        if tty:
            pid, fd = pty.fork()
            if pid == 0:
                os.chdir(self.dir)
                if stdout is not None:
                    os.dup2(stdout.fileno(), 1)
                os.execve(KILN, argv, env)
            set_size(fd, 24, 200)
        else:
            fd, w = os.pipe()
            p = subprocess.Popen(argv, cwd=self.dir, env=env, stdin=subprocess.DEVNULL,
                                 stdout=w if stdout is None else stdout, stderr=subprocess.STDOUT,
                                 start_new_session=True)
            os.close(w)
            p.returncode = 0  # we reap it ourselves
            pid = p.pid
        run = Run(pid, fd, tty)
        self.runs.append(run)
        return run

    def kiln(self, *args, code=0, patience=PATIENCE, **options):
        """Run kiln to its end and want this exit code; returns what it printed."""
        run = self.start(*args, **options)
        got = run.wait(patience)
        self.assertEqual(got, code, run.out.text)
        return run.out.text

    def build(self, template, *flags, **options):
        name = template if isinstance(template, str) else self.write("t.json", template)
        return self.kiln("build", "-color=false", *flags, name, **options)

    # -- what is there --

    def processes(self):
        """Pids of all processes of this test but zombies."""
        mark = f"KILN_E2E={self.root}".encode()
        pids = [int(p) for p in os.listdir("/proc") if p.isdigit()]
        return [p for p in pids if mark in environ_of(p).split(b"\0") and alive(p)]

    def programs(self):
        return [(arguments_of(p) or ["?"])[0] for p in self.processes()]

    def wait_gone(self, patience, what="all processes"):
        until(lambda: not self.processes(), f"the end of {what}", patience)

    @staticmethod
    def files(top):
        found = []
        for base, dirs, names in os.walk(top):
            found += [os.path.relpath(os.path.join(base, n), top) for n in dirs + names]
        return sorted(found)

    def files_with(self, text):
        """All files of this test in which it is."""
        found = []
        for name in self.files(self.root):
            path = os.path.join(self.root, name)
            if os.path.isfile(path):
                with open(path, "rb") as f:
                    if text.encode() in f.read():
                        found.append(name)
        return found

    def run_dirs(self):
        top = os.path.join(self.home, ".local/state/kiln/runs")
        return sorted(os.path.join(top, d) for d in os.listdir(top) if d[0] != ".") if os.path.isdir(top) else []

    def ledgers(self):
        return [os.path.join(d, n) for d in self.run_dirs() for n in os.listdir(d) if n.endswith(".ledger")]

    def events(self):
        """Of the newest run."""
        with open(os.path.join(self.run_dirs()[-1], "events.jsonl")) as f:
            return [json.loads(line) for line in f.read().split("\n")[:-1]]  # the last may not be all there yet


# ---- the control socket (src/run/README.md) ----


class Client:
    """A client of the only run of a test case; sees every logged event, those of the past first. watch
    "state": no lines, but frames."""

    def __init__(self, case, watch="all"):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(PATIENCE)
        until(lambda: any(self.sock.connect_ex(d + "/control.sock") == 0 for d in case.run_dirs()), "the control socket")
        self.text = b""
        self.raw = b""  # all that ever came
        self.fds = []  # that came and were not asked for yet
        self.events = []
        self.replies = {}
        self.seen = 0  # events before this one were waited for
        self.id = 0
        assert self.line()["type"] == "hello"
        self.call("watch", text=watch)

    def close(self):
        self.sock.close()
        for fd in self.fds:
            os.close(fd)

    def line(self):
        while b"\n" not in self.text:
            got, fds, _, _ = socket.recv_fds(self.sock, 65536, 4)
            self.fds += fds
            if not got:
                raise AssertionError(f"the socket is closed; last events: {self.events[-5:]}")
            self.raw += got
            self.text += got
        line, self.text = self.text.split(b"\n", 1)
        return json.loads(line)

    def take(self):
        m = self.line()
        if m["type"] == "reply":
            self.replies[m["id"]] = m
        elif "seq" in m:
            self.events.append(m)

    def type(self, text):
        """By hand, as the console does it: on a US keyboard."""
        for ch in text:
            shift = [0xFFE1] * (ch.isupper() or ch in '~!@#$%^&*()_+{}|:"<>?')
            keysyms = shift + [{"\n": 0xFF0D}.get(ch, ord(ch))]
            for keysym in keysyms:
                self.call("key", keysym=keysym, on=True)
            for keysym in reversed(keysyms):
                self.call("key", keysym=keysym)

    def end_record(self):
        """The elements of a recording."""
        self.call("record")
        e = self.expect("record")
        while e.get("status"):
            e = self.expect("record")
        return e.get("names", [])

    def request(self, command, **members):
        self.id += 1
        self.sock.sendall(json.dumps({"id": self.id, "command": command, **members}).encode() + b"\n")
        while self.id not in self.replies:
            self.take()
        return self.replies.pop(self.id)

    def call(self, command, **members):
        reply = self.request(command, **members)
        assert reply["ok"], reply
        return reply.get("text", "")

    def call_for_fd(self, command, **members):
        self.call(command, **members)
        return self.fds.pop(0)

    def refused(self, command, **members):
        reply = self.request(command, **members)
        assert not reply["ok"], reply
        return reply["error"]

    def expect(self, kind, **members):
        """The next event of that type with these members."""
        while True:
            while self.seen < len(self.events):
                e = self.events[self.seen]
                self.seen += 1
                if e["type"] == kind and all(e.get(k) == v for k, v in members.items()):
                    return e
            self.take()

    def stop(self, place):
        return self.expect("stop", id=place)


def monitor(path, command, **arguments):
    """What QEMU answers on a QMP socket, as soon as there is one."""
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(PATIENCE)
        until(lambda: s.connect_ex(path) == 0, path)
        f = s.makefile("rw")
        f.readline()
        for request in ({"execute": "qmp_capabilities"}, {"execute": command, "arguments": arguments}):
            f.write(json.dumps(request) + "\n")
            f.flush()
            reply = json.loads(f.readline())
            while "return" not in reply:
                assert "error" not in reply, reply
                reply = json.loads(f.readline())
        return reply["return"]


def set_size(fd, rows, columns):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


# ---- guests: boot sectors of a few bytes ----

HALT = bytes.fromhex("fa f4 eb fd")  # cli; 1: hlt; jmp 1b
POWER_OFF = bytes.fromhex("ba 04 06 b8 00 20 ef") + HALT  # ACPI: out 0x604 <- 0x2000
KEY = bytes.fromhex("31 c0 cd 16")  # wait for a key: int 16h, ah = 0


CHATTER = bytes.fromhex("b041 b40e cd10 fec0 241f 0c40 ebf4")  # prints letters for ever


# Says "go", waits for a key, fills a screen of 320 x 200 pixels with a colour; then with others for ever, or only its
# first pixels.
GRAPHICS = bytes.fromhex("b8670e cd10 b86f0e cd10") + KEY + bytes.fromhex("b81300 cd10 b800a0 8ec0 31ff b80404 b9007d f3ab")
FLICKER = bytes.fromhex("31ff b9007d 40 f3ab ebf6")
CLOCK = bytes.fromhex("31ff b90800 40 f3ab ebf6")


def echo(text):
    """Prints text, then every key that is pressed; no cursor blinks."""
    code = bytes.fromhex("b401 b90020 cd10"  # cursor off
                         "31c0 8ed8 be237c"  # ds:si = what follows the code
                         "ac 08c0 7406 b40e cd10 ebf5"  # print it
                         "31c0 cd16 b40e cd10 ebf6")  # a key; print that
    return code + text.encode() + b"\0"


# Asks for a name, a password (vagrant; not shown) and a command, each a little late; then it is off (login.S).
LOGIN = bytes.fromhex(
    "31c08ed88ec08ed0bc007cfcbe897cbd0100e82800be967c31ede82000bf007ebeb27cb90800f3a675e2bea17cbd0100e80a"
    "00ba0406b80020eff4ebfdb80086b90400bae093cd15b401cd16740631c0cd16ebf4ac08c07405e82500ebf6bf007e31c0cd"
    "1608c074f83c0d740aaa09ed74efe80c00ebea30c0aab00de80200b00ab40ebb0700cd10c36b696c6e206c6f67696e3a2000"
    "50617373776f72643a200076616772616e74406b696c6e3a7e24200076616772616e7400")


def boot_disk(code):
    """One MiB: SeaBIOS boots no virtio disk of one sector."""
    return (code + bytes(510))[:510] + b"\x55\xaa" + bytes((1 << 20) - 512)


def qemu(**options):
    """A template whose only builder boots the disk image boot.raw, as quickly as can be."""
    builder = {
        "type": "qemu",
        "accelerator": "tcg",
        "headless": True,
        "disk_image": True,
        "skip_resize_disk": True,
        "format": "raw",
        "iso_url": "boot.raw",
        "iso_checksum": "none",
        "vm_name": "disk",
        "output_directory": "out",
        "memory": 16,
        "boot_wait": "-1s",
        "communicator": "none",
        "qemuargs": [["-nodefaults"]],
    }
    builder.update(options)
    return {"builders": [{k: v for k, v in builder.items() if v is not None}]}


def free_port():
    """One that was free a moment ago."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Sshd:
    """A real sshd on 127.0.0.1 that lets the key in the file id in, with a terminal if asked. name: for
    a second one; more: lines of its configuration. log() is what it has said."""

    def __init__(self, case, name="", more=""):
        os.makedirs("/run/sshd", mode=0o755, exist_ok=True)
        for key in ("host" + name, "id"):
            make_key(case, key)
        self.port = free_port()
        self.log_path = case.path(f"sshd{name}.log")
        config = case.write(f"sshd{name}_config", f"Port {self.port}\nListenAddress 127.0.0.1\n"
                            f"HostKey {case.path('host' + name)}\n"
                            f"AuthorizedKeysFile {case.path('id.pub')}\nPidFile none\nStrictModes no\nUsePAM no\n"
                            f"UseDNS no\nLogLevel DEBUG1\n{more}\n"
                            "PasswordAuthentication no\nKbdInteractiveAuthentication no\nPrintMotd no\n"
                            "Subsystem sftp /usr/lib/openssh/sftp-server\n")
        self.process = subprocess.Popen(["/usr/sbin/sshd", "-D", "-E", self.log_path, "-f", case.path(config)], env={})
        until(self.listens, "sshd")

    def listens(self):
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", self.port)) == 0

    def log(self):
        with open(self.log_path, errors="replace") as f:
            return f.read()

    def close(self):
        self.process.terminate()
        self.process.wait()


class AskingBastion:
    """asking_sshd.c: asks who logs in for this password, then for a token. options(): of a builder whose guest
    is behind it (and is not there)."""

    def __init__(self, case, password):
        make_key(case, "host")
        make_key(case, "id")
        self.process = subprocess.Popen([BUILD + "/tests/asking_sshd", case.path("host"), password],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        case.addCleanup(self.close)
        self.port = int(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()

    def options(self):
        return {"communicator": "ssh", "ssh_host": "127.0.0.1", "ssh_port": free_port(), "ssh_username": "u",
                "ssh_private_key_file": "id", "ssh_timeout": "60s", "ssh_bastion_host": "127.0.0.1",
                "ssh_bastion_port": self.port, "ssh_bastion_username": "jump", "ssh_bastion_interactive": True}


def make_key(case, name, kind="ed25519"):
    if not os.path.exists(case.path(name)):
        subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-C", "", "-f", case.path(name)], check=True)


class Listener:
    """A TCP server on 127.0.0.1: serve(socket) in a thread of its own for each connection."""

    def __init__(self, case, serve):
        self.serve = serve
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.run, daemon=True).start()
        case.addCleanup(self.socket.close)
        case.addCleanup(self.socket.shutdown, socket.SHUT_RDWR)

    def run(self):
        while True:
            try:
                client = self.socket.accept()[0]
            except OSError:
                return
            threading.Thread(target=self.one, args=(client,), daemon=True).start()

    def one(self, client):
        with client:
            try:
                self.serve(client)
            except OSError:
                pass


def pass_on(a, b):
    """Bytes from either socket to the other, until both have ended."""
    open_ends = {a: b, b: a}
    while open_ends:
        for source in select.select(list(open_ends), [], [])[0]:
            data = source.recv(65536)
            if data:
                open_ends[source].sendall(data)
            else:
                open_ends.pop(source).shutdown(socket.SHUT_WR)


def receive(sock, n):
    data = b""
    while len(data) < n:
        more = sock.recv(n - len(data))
        if not more:
            raise OSError("ended early")
        data += more
    return data


class Socks(Listener):
    """A SOCKS5 proxy; login: (user, password), or None for everybody. asked: whom to connect to."""

    def __init__(self, case, login=None):
        self.login = login
        self.asked = []
        super().__init__(case, self.talk)

    def talk(self, client):
        methods = receive(client, receive(client, 2)[1])
        wanted = 2 if self.login else 0
        client.sendall(bytes([5, wanted if wanted in methods else 255]))
        if self.login:
            user = receive(client, receive(client, 2)[1])
            password = receive(client, receive(client, 1)[0])
            right = (user.decode(), password.decode()) == self.login
            client.sendall(bytes([1, 0 if right else 1]))
            if not right:
                return
        kind = receive(client, 4)[3]
        if kind == 3:
            host = receive(client, receive(client, 1)[0]).decode()
        else:
            host = socket.inet_ntop(*((socket.AF_INET, receive(client, 4)) if kind == 1 else
                                      (socket.AF_INET6, receive(client, 16))))
        port = struct.unpack(">H", receive(client, 2))[0]
        self.asked.append((host, port))
        with socket.create_connection((host, port)) as guest:
            client.sendall(bytes([5, 0, 0, 3, 4]) + b"here" + bytes(2))
            pass_on(client, guest)


class Agent:
    """An ssh-agent; .socket is for SSH_AUTH_SOCK."""

    def __init__(self, case, *keys):
        self.socket = case.path("agent")
        self.process = subprocess.Popen(["ssh-agent", "-D", "-a", self.socket], stdout=subprocess.DEVNULL)
        case.addCleanup(self.process.wait)
        case.addCleanup(self.process.terminate)
        until(lambda: os.path.exists(self.socket), "ssh-agent")
        for key in keys:
            subprocess.run(["ssh-add", "-q", case.path(key)], env={"SSH_AUTH_SOCK": self.socket}, check=True)


def needs_sshd(test):
    return unittest.skipUnless(have("/usr/sbin/sshd", "ssh-keygen") and os.getuid() == 0,
                               "no sshd that could give terminals")(test)


def needs_qemu(test):
    return unittest.skipUnless(have("qemu-system-x86_64", "qemu-img"), "no qemu-system-x86_64")(test)


main = unittest.main
