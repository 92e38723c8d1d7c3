"""A terminal of our own: a program in a pty, every byte it writes with the moment at which it came."""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time

from measure import Failed, read, tree

# What an xterm says when it is asked what it is. The console asks after its first picture.
QUESTION, ANSWER = b"\033[c", b"\033[?64;22c"


def follow(run, line, terminals, timeout):
    """Takes what the terminals write until a measure.Run has printed a line that matches."""
    deadline, seen = time.monotonic() + timeout, 0
    while not any(re.search(line, text) for _, text in run.lines[seen:]):
        seen = len(run.lines)
        fds = [run.fd] + [t.fd for t in terminals if not t.ended]
        ready, _, _ = select.select(fds, [], [], max(0, deadline - time.monotonic()))
        if not ready or (run.fd in ready and not run.read_some(deadline)):
            raise Failed("no line matches '%s'; the last lines:\n%s" % (line, run.tail()))
        for t in terminals:
            if t.fd in ready:
                t.take()


def pump(terminals, deadline):
    """Takes what any of them has written, waiting until the deadline at most; False when none had anything."""
    ready, _, _ = select.select([t.fd for t in terminals if not t.ended], [], [], max(0, deadline - time.monotonic()))
    for t in terminals:
        if t.fd in ready:
            t.take()
    return bool(ready)


class Terminal:
    """Runs argv in a pty. Use as a context: leaving it ends the program, by its pid."""

    def __init__(self, argv, cwd, env, cols=80, rows=24):
        go, gone = os.pipe()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.close(gone)
            os.read(go, 1)
            try:
                os.chdir(cwd)
                os.execve(argv[0], argv, dict(env, TERM="xterm-256color"))
            finally:
                os._exit(127)
        os.close(go)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("4H", rows, cols, 0, 0))
        self.argv = argv
        self.pieces = []  # (moment, bytes), time.monotonic()
        self.data, self.mark = b"", 0  # all of it; wait_for looks from the mark on
        self.ended = False
        self.start = time.monotonic()
        os.close(gone)  # it execs now

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def take(self):
        try:
            data = os.read(self.fd, 1 << 16)
        except OSError:  # nobody is at the other end any more
            data = b""
        self.pieces.append((time.monotonic(), data))
        self.data += data
        self.ended = not data
        if QUESTION in data:
            self.type(ANSWER)

    def type(self, keys):
        os.write(self.fd, keys)

    def wait_for(self, pattern, timeout=30):
        """The moment at which what matches (bytes, a regular expression) had come, of what came after the mark."""
        deadline = time.monotonic() + timeout
        while True:
            found = re.compile(pattern, re.S).search(self.data, self.mark)
            if found:
                self.mark = found.end()
                return self.pieces[-1][0]
            if self.ended or not pump([self], deadline):
                raise Failed("'%s' shows no %r; its last bytes: %r" % (" ".join(self.argv), pattern, self.data[self.mark:][-3000:]))

    def skip(self):
        """What came so far does not matter."""
        self.mark = len(self.data)

    def listen(self, seconds):
        """Takes what comes for so long; the number of bytes."""
        before, end = len(self.data), time.monotonic() + seconds
        while pump([self], end) and not self.ended:
            pass
        return len(self.data) - before

    def cpu(self):
        """Seconds that the program's processes have run so far, all threads."""
        total = 0
        for pid in tree(self.pid):
            try:
                threads = os.listdir("/proc/%d/task" % pid)
            except OSError:
                continue
            total += sum(int((read("/proc/%d/task/%s/schedstat" % (pid, t)) or "0").split()[0]) for t in threads)
        return total / 1e9

    def close(self):
        for number, patience in ((signal.SIGTERM, 5), (signal.SIGKILL, 5)):
            os.kill(self.pid, number)
            deadline = time.monotonic() + patience
            while not self.ended and pump([self], deadline):
                pass
            if self.ended:
                break
        os.close(self.fd)
        os.waitpid(self.pid, 0)
