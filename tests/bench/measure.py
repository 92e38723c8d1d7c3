"""Runs one program and measures it: time, lines as they arrive, memory, processes, wake-ups.

Memory and wake-ups are those of the tool itself: of every process below the one we started that runs
the same executable (a forked worker, a plugin), never of QEMU or of a shell that it started.
"""
import ctypes
import os
import re
import select
import signal
import subprocess
import threading
import time

PTRACE_TRACEME, PTRACE_CONT, PTRACE_SETOPTIONS = 0, 7, 0x4200
PTRACE_EVENT_EXIT = 6
PTRACE_OPTIONS = 1 << 20 | 1 << 6 | 1 << 2 | 1 << 1  # EXITKILL, and stops at exit, vfork and fork
WALL = 0x40000000  # waitpid: every kind of child


class Failed(Exception):
    """A measurement could not be made; the text says why."""


def read(path):
    try:
        with open(path) as f:
            return f.read()
    except OSError:
        return ""


def field(text, name):
    """The number after `name:` in a /proc file; 0 when it is not there."""
    found = re.search(r"^%s:\s+(\d+)" % name, text, re.M)
    return int(found.group(1)) if found else 0


def tree(pid):
    """pid and all its descendants."""
    found, todo = [], [pid]
    while todo:
        p = todo.pop()
        found.append(p)
        try:
            threads = os.listdir("/proc/%d/task" % p)
        except OSError:
            continue
        for t in threads:
            todo += [int(c) for c in read("/proc/%d/task/%s/children" % (p, t)).split()]
    return found


def executable(pid):
    try:
        return os.readlink("/proc/%d/exe" % pid)
    except OSError:
        return None


class Sampler(threading.Thread):
    """Watches a process tree until stop(): peaks of RSS and PSS (MiB) and of the number of processes."""

    def __init__(self, pid, exe, interval):
        super().__init__(daemon=True)
        self.pid, self.exe, self.interval = pid, exe, interval
        self.rss = self.pss = 0.0
        self.processes = 0
        self.over = threading.Event()

    def own(self):
        return [p for p in tree(self.pid) if executable(p) == self.exe]

    def look(self):
        pids = self.own()
        rollups = [read("/proc/%d/smaps_rollup" % p) for p in pids]
        self.processes = max(self.processes, len(pids))
        self.rss = max(self.rss, sum(field(r, "Rss") for r in rollups) / 1024)
        self.pss = max(self.pss, sum(field(r, "Pss") for r in rollups) / 1024)

    def run(self):
        while not self.over.is_set():
            self.look()
            self.over.wait(self.interval)

    def switches(self):
        """Voluntary context switches so far of all threads: one for each time that one went to sleep."""
        total = 0
        for p in self.own():
            try:
                threads = os.listdir("/proc/%d/task" % p)
            except OSError:
                continue
            for t in threads:
                total += field(read("/proc/%d/task/%s/status" % (p, t)), "voluntary_ctxt_switches")
        return total

    def stop(self):
        self.over.set()
        self.join()


class Run:
    """A program whose output is read line by line as it comes. Use as a context: leaving it ends the program."""

    def __init__(self, argv, cwd, env, sample=None):
        self.lines = []  # (seconds since the start, text)
        self.rest = b""
        self.start = time.monotonic()
        self.process = subprocess.Popen(argv, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, start_new_session=True)
        self.fd = self.process.stdout.fileno()
        self.sampler = None
        if sample:
            self.sampler = Sampler(self.process.pid, os.path.realpath(argv[0]), sample)
            self.sampler.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    def read_some(self, deadline):
        """Takes what is there; False at the end of the output."""
        ready, _, _ = select.select([self.fd], [], [], max(0, deadline - time.monotonic()))
        if not ready:
            raise Failed("nothing more came from the program; its last lines:\n" + self.tail())
        data = os.read(self.fd, 1 << 16)
        now = time.monotonic() - self.start
        *whole, self.rest = (self.rest + data).split(b"\n")
        self.lines += [(now, line.decode("utf-8", "replace")) for line in whole]
        return bool(data)

    def wait_for(self, pattern, timeout=60):
        """The moment at which the first line that matches arrived."""
        seen, deadline = 0, time.monotonic() + timeout
        while True:
            for at, text in self.lines[seen:]:
                if re.search(pattern, text):
                    return at
            seen = len(self.lines)
            if not self.read_some(deadline):
                raise Failed("no line matches '%s'; the last lines:\n%s" % (pattern, self.tail()))

    def finish(self, timeout=600):
        """Reads to the end; the seconds that the whole run took. It must succeed."""
        deadline = time.monotonic() + timeout
        while self.read_some(deadline):
            pass
        self.process.wait()
        wall = time.monotonic() - self.start
        if self.process.returncode != 0:
            raise Failed("exit code %d; the last lines:\n%s" % (self.process.returncode, self.tail()))
        return wall

    def tail(self):
        return "\n".join("    " + text for _, text in self.lines[-12:])

    def end(self):
        """Asks the program to stop, then makes it: by its process id and those of what it started."""
        if self.sampler:
            self.sampler.stop()
        left = tree(self.process.pid) if self.process.poll() is None else []
        for number, patience in ((signal.SIGINT, 10), (signal.SIGTERM, 3), (signal.SIGKILL, 5)):
            if self.process.poll() is not None:
                break
            self.process.send_signal(number)
            self.drain(patience)
        for pid in left[1:]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.stdout.close()

    def drain(self, patience):
        """Lets the program write its last lines and end."""
        deadline = time.monotonic() + patience
        try:
            while self.read_some(deadline):
                pass
            self.process.wait(max(0, deadline - time.monotonic()))
        except (Failed, subprocess.TimeoutExpired):
            pass


def wall(argv, cwd, env):
    """Seconds from start to end of a short program that must succeed; its output goes nowhere."""
    null = [(os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0), (os.POSIX_SPAWN_DUP2, 1, 2)]
    before = os.getcwd()
    os.chdir(cwd)
    try:
        start = time.monotonic()
        pid = os.posix_spawn(argv[0], argv, env, file_actions=null)
        _, status = os.waitpid(pid, 0)
        took = time.monotonic() - start
    finally:
        os.chdir(before)
    if status:
        raise Failed("'%s' ended with %d" % (" ".join(argv), os.waitstatus_to_exitcode(status)))
    return took


class Memory:
    """What one run of a program needed, in MiB, and in how many processes."""

    def __init__(self, rss, pss, processes):
        self.rss, self.pss, self.processes = rss, pss, processes

    def count(self, pid):
        """Adds a process that is about to end."""
        rollup = read("/proc/%d/smaps_rollup" % pid)
        peak = field(read("/proc/%d/status" % pid), "VmHWM")
        self.rss += peak / 1024
        self.pss += (field(rollup, "Pss") + max(0, peak - field(rollup, "Rss"))) / 1024
        self.processes += 1


def memory_sampled(argv, cwd, env):
    """By looking at the whole tree all the time: for programs that run longer than a few looks take."""
    with Run(argv, cwd, env, sample=0.002) as run:
        run.finish()
        run.sampler.stop()
        return Memory(run.sampler.rss, run.sampler.pss, run.sampler.processes)


def memory_at_exit(argv, cwd, env):
    """For a program that ends before anybody can look: it and what it forks are stopped where they exit.

    ru_maxrss will not do: it starts at the size of the process that started the program. The peak of
    PSS is what it is at the end, and what RSS was higher before.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p]
    process = subprocess.Popen(argv, cwd=cwd, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               preexec_fn=lambda: libc.ptrace(PTRACE_TRACEME, 0, None, None))
    os.waitpid(process.pid, 0)  # it has called exec
    if libc.ptrace(PTRACE_SETOPTIONS, process.pid, None, PTRACE_OPTIONS):
        process.kill()
        process.wait()
        raise Failed("ptrace is not allowed here")
    libc.ptrace(PTRACE_CONT, process.pid, None, None)
    used = Memory(0.0, 0.0, 0)
    while True:
        pid, status = os.waitpid(-1, WALL)
        if os.WIFSTOPPED(status):
            if status >> 8 == signal.SIGTRAP | PTRACE_EVENT_EXIT << 8:
                used.count(pid)
            libc.ptrace(PTRACE_CONT, pid, None, pass_on(status))
        elif pid == process.pid:
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode:
                raise Failed("'%s' ended with %d" % (" ".join(argv), process.returncode))
            return used


def pass_on(status):
    """The signal that a traced program stopped for; none when it stopped for us."""
    number = os.WSTOPSIG(status)
    return None if number in (signal.SIGTRAP, signal.SIGSTOP) else number
