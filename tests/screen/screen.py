"""What the screen tests share: the real kiln in a real terminal. tmux is the terminal: its screen can
be read as text. Nothing waits a fixed time: Terminal.wait() polls until the screen shows something.
"""

import os
import re
import shlex
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../e2e"))
import kit  # noqa: E402


class Terminal:
    """A shell in a terminal of its own tmux server; takes commands, keys and sizes."""

    def __init__(self, case, cols=80, rows=24, env=None, name="tmux"):
        case.terminals.append(self)
        self.socket = os.path.join(case.root, name)
        self.env = {**case.env, **(env or {})}
        self.tmux("-f", "/dev/null", "-u", "new-session", "-d", "-x", str(cols), "-y", str(rows), "-c", case.dir,
                  "env -u TMUX PS1='shell> ' bash --norc --noprofile -i")
        for option in ("status off", "escape-time 0", "window-size manual"):
            self.tmux("set", "-g", *option.split())
        self.resize(cols, rows)
        self.wait("shell>")

    def tmux(self, *args, check=True):
        env = {k: v for k, v in self.env.items() if k not in ("TMUX", "TERM")}
        p = subprocess.run(["tmux", "-S", self.socket, *args], env=env, capture_output=True, text=True,
                           timeout=kit.PATIENCE)
        if check and p.returncode:
            raise AssertionError(f"tmux {args}: {p.stderr}")
        return p.stdout

    def close(self):
        self.tmux("kill-server", check=False)

    # -- in --

    def type(self, text):
        self.tmux("send-keys", "-l", text)

    def keys(self, *names):
        """As tmux calls them: x, Enter, C-z, Escape, Up, Tab."""
        self.tmux("send-keys", *names)

    def run(self, *argv, env=None):
        """Start a program from the shell, on an empty screen."""
        words = [f"{k}={shlex.quote(v)}" for k, v in (env or {}).items()]
        words += [shlex.quote(a) for a in argv]
        self.type("clear; " + " ".join(words) + "\n")

    def resize(self, cols, rows):
        self.tmux("resize-window", "-x", str(cols), "-y", str(rows))

    # -- out --

    def screen(self, colors=False):
        """The rows, without blanks at their ends."""
        text = self.tmux("capture-pane", "-p", *(["-e"] if colors else []))
        return [row.rstrip() for row in text.split("\n")][:-1]

    def text(self):
        return "\n".join(self.screen())

    def flag(self, name):
        return self.tmux("display-message", "-p", "#{%s}" % name).strip()

    def wait(self, pattern, gone=False):
        """Until the regular expression matches the screen (gone: until it does not)."""
        regex = re.compile(pattern, re.M)
        try:
            return kit.until(lambda: bool(regex.search(self.text())) != gone, "")
        except AssertionError:
            raise AssertionError(f"{'still' if gone else 'no'} {pattern!r} on the screen:\n{self.text()}") from None

    # -- the console in it --

    def console(self):
        """Pids: the keeper that the shell started, and the console below it."""
        shell = int(self.flag("pane_pid"))
        keeper = kit.until(lambda: kit.children_of(shell), "the keeper")[0]
        return keeper, kit.until(lambda: kit.children_of(keeper), "the console")[0]


class Case(kit.Case):
    """Builds to look at, and terminals to look with."""

    def setUp(self):
        super().setUp()
        self.terminals = []
        self.env["TERM"] = "tmux-256color"

    def tearDown(self):
        for t in self.terminals:
            t.close()
        try:
            kit.until(lambda: not [p for p in self.programs() if p in ("tmux", "bash") or p == kit.KILN], "the end")
        except AssertionError:
            pass  # told by the check that follows
        super().tearDown()

    def terminal(self, *args, **kwargs):
        return Terminal(self, *args, name=f"tmux{len(self.terminals)}", **kwargs)

    def ended(self, *lines, code=0):
        """A run that is over: a file build whose provisioner prints these lines."""
        self.write("lines.txt", "".join(line + "\n" for line in lines))
        end = [] if code == 0 else ["exit %d" % code]
        template = {"builders": [{"type": "file", "name": "demo", "content": "x", "target": "out.txt"}],
                    "provisioners": [{"type": "shell-local", "inline": ["cat lines.txt", *end]}]}
        self.build(template, code=1 if code else 0)

    def going(self, *flags, provisioners=()):
        """A run that goes on until release(): its first provisioner waits on a fifo."""
        os.mkfifo(self.path("gate"))
        template = {"builders": [{"type": "null", "name": "demo", "communicator": "none"}],
                    "provisioners": [{"type": "shell-local", "inline": ["echo at the gate; cat gate; echo through"]},
                                     *provisioners]}
        self.kiln("build", "-detach", *flags, self.write("going.json", template))
        kit.until(lambda: any(e.get("text") == "at the gate" for e in self.events()), "the gate")

    def release(self):
        with open(self.path("gate"), "w", encoding="utf-8"):
            pass


main = kit.main
