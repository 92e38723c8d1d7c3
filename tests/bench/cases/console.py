"""The console of `kiln attach` and `kiln tui` in a pty of 80 x 24, TERM=xterm-256color, 24 bit colours."""
import contextlib
import itertools
import os
import random
import shutil
import statistics
import subprocess
import threading
import time

from bench import SOURCE, command, write_file, write_json
from cases.demo import GUEST, write_template
from measure import Failed, Run, Sampler
from report import Row, Target
from terminal import Terminal, follow, pump
from vncserver import VncServer

ABOUT = "the console: first picture, silence, a flood of lines, keys, bytes on the wire, the guest's screen"
LIMIT_BPS = 20_000
PICTURE = (800, 600)  # of the VNC server; no size that a text screen has


class Place:
    """A directory with a state directory of its own, so that `kiln attach` finds the run that is meant."""

    def __init__(self, bench, name):
        self.bench, self.dir = bench, bench.directory(name)

    def path(self, name):
        return os.path.join(self.dir, name)

    def env(self):
        return self.bench.env(XDG_STATE_HOME=self.path("state"), COLORTERM="truecolor")

    def template(self, *scripts, **builder):
        builders = [dict({"type": "null", "communicator": "none"}, **builder)]
        provisioners = [{"type": "shell-local", "inline": [s]} for s in scripts]
        return write_json(self.path("t.json"), {"builders": builders, "provisioners": provisioners})

    def kiln(self, *argv):
        return command(self.bench.tools["kiln"], *argv, cwd=self.dir, env=self.env())

    def newest(self):
        return max(os.listdir(self.path("state/kiln/runs")))

    def finish(self):
        """Waits until the newest run is over: without a terminal, attach prints it to its end."""
        subprocess.run([self.bench.tools["kiln"], "attach", self.newest()], env=self.env(), stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60, check=False)

    @contextlib.contextmanager
    def going(self, template, *options):
        """A build in the background, cancelled at the end."""
        self.kiln("build", "-detach", "-force", *options, template)
        try:
            yield
        finally:
            self.kiln("cancel", self.newest())
            self.finish()

    def terminal(self, *argv):
        return Terminal(list(argv), self.dir, self.env())

    def attach(self, *options):
        return self.terminal(self.bench.tools["kiln"], "attach", *options)


def write_log(path, lines):
    """What an installer says; each line has its number, 80 bytes with the newline."""
    with open(path, "w") as f:
        for i in range(1, lines + 1):
            f.write("line %09d of what an installer says while it unpacks its packages, the rest\n" % i)


# ---- first picture ----


def first_picture(place, row, side, argv, shown):
    with place.terminal(*argv) as t:
        row.add(side, 1000 * (t.wait_for(shown) - t.start))


def memory(place, row, shown):
    """The console's peak while it reads the whole log, shows its beginning and its end, and searches all of it."""
    with place.attach() as t:
        sampler = Sampler(t.pid, place.bench.tools["kiln"], 0.01)
        sampler.start()
        t.wait_for(shown)
        for keys in (b"4", b"<", b"G", b"/no such line\r"):
            t.listen(1)
            t.type(keys)
        t.wait_for(b'such line"')
        sampler.stop()
        row.add("kiln", sampler.pss)


def attach_rows(bench, place, what, log, shown):
    row = Row("attach, %s: newest line painted (limit: less +G)" % what, "ms", Target("value", 50))
    space = Row("the same: peak memory (PSS)", "MiB", Target("value", 16))
    bench.say(row.name)
    programs = {"kiln": [bench.tools["kiln"], "attach"], "limit": [shutil.which("less") or "less", "+G", log]}
    bench.rounds(15, dict.fromkeys(programs, lambda side: first_picture(place, row, side, programs[side], shown)), quick_count=5)
    bench.rounds(3, {"kiln": lambda _: memory(place, space, shown)}, quick_count=1)
    return [row, space]


def tui_row(bench):
    place = Place(bench, "console-tui")
    template = place.template(":")
    row = Row("tui, a small template: first picture", "ms", Target("value", 50))
    bench.say(row.name)
    argv = [bench.tools["kiln"], "tui", "-on-error=cleanup", template]

    def measure(side):
        first_picture(place, row, side, argv, b" Builds .* Log ")
        place.finish()

    bench.rounds(10, {"kiln": measure}, quick_count=3)
    return [row]


# ---- silence ----


def silence(bench, place, what, still):
    """still: not even a clock runs."""
    sent = Row("nothing changes, %s: written" % what, "bytes/s", *([Target("value", 0)] if still else []))
    busy = Row("the same: CPU", "%", Target("value", 0.5))

    def measure(_):
        with place.attach() as t:
            t.wait_for(b" Log ")
            t.listen(3)  # until the log is read and the terminal has been asked what it is
            before, began = t.cpu(), time.monotonic()
            sent.add("kiln", t.listen(2 if bench.quick else 5) / (time.monotonic() - began))
            busy.add("kiln", 100 * (t.cpu() - before) / (time.monotonic() - began))

    bench.say(sent.name)
    bench.rounds(3, {"kiln": measure}, quick_count=1)
    return [sent, busy]


def stopped_rows(bench):
    place = Place(bench, "console-stopped")
    with place.going(place.template(":"), "-break", "before:provisioner.1"):
        return silence(bench, place, "stopped at a breakpoint", True)


def million_rows(bench):
    count = 100_000 if bench.quick else 1_000_000
    name = "{:,} lines".format(count)
    shown = b"line %09d" % count
    place = Place(bench, "console-ended")
    log = place.path("lines")
    write_log(log, count)
    place.kiln("build", place.template("cat '%s'" % log))
    rows = attach_rows(bench, place, "ended run of " + name, log, shown)
    rows += silence(bench, place, "ended run", True)
    place = Place(bench, "console-going")
    os.mkfifo(place.path("gate"))
    with place.going(place.template("cat '%s' '%s'" % (log, place.path("gate")))), open(place.path("gate"), "w"):
        with place.attach() as t:
            t.listen(2)  # until the run has taken all of it
        rows += attach_rows(bench, place, "going run of " + name, log, shown)
        rows += silence(bench, place, "going run (its clocks run)", False)
    return rows


# ---- a flood ----

# The key that gives a pane the focus, and its title, which is painted when it has it.
FOCUS = [(b"4", b" Log "), (b"1", b" Builds ")]


def press_keys(t, plain, over, dice):
    """Presses focus keys until over(), and one for a cat that only writes it back; ms from each key to its answer."""
    times, limits, i = [], [], 0
    while not over():
        key, shown = FOCUS[i % 2]
        for terminal, answer, into in ((t, shown, times), (plain, key, limits)):
            terminal.skip()
            pressed = time.monotonic()
            terminal.type(key)
            into.append(1000 * (terminal.wait_for(answer) - pressed))
        t.listen(dice.uniform(0.01, 0.06))
        i += 1
    return times, limits


class Ending(threading.Thread):
    """The moment at which a process ended."""

    def __init__(self, process):
        super().__init__(daemon=True)
        self.process, self.at = process, None
        self.start()

    def run(self):
        self.process.wait()
        self.at = time.monotonic()


def drain(t, over):
    """Only looks."""
    while not over():
        t.listen(0.02)


def flood(place, argv, gate, watch):
    """Seconds from the first line to the build's end. watch(console, over): called meanwhile; none, none is attached."""
    with subprocess.Popen(argv, cwd=place.dir, env=place.env(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as build:
        ending = Ending(build)
        with contextlib.ExitStack() as stack:
            with open(gate, "w"):  # the build is there when this is open, and goes on when it is closed
                if watch:
                    t = stack.enter_context(place.attach())
                    t.wait_for(b"at the gate")
            began = time.monotonic()
            if watch:
                watch(t, lambda: ending.at)
            ending.join(300)
            if build.poll() is None:
                build.terminate()
    shutil.rmtree(place.path("state"))
    if build.returncode:
        raise Failed("the build ended with %d" % build.returncode)
    return ending.at - began


def flood_rows(bench):
    place, dice = Place(bench, "console-flood"), random.Random(3)
    count = (20 if bench.quick else 200) * 1_000_000 // 80
    log, gate = place.path("lines"), place.path("gate")
    write_log(log, count)
    os.mkfifo(gate)
    template = place.template("echo at the gate; cat '%s' '%s'" % (gate, log))
    argv = [bench.tools["kiln"], "build", "-color=false", template]
    wall = Row("%d MB of lines, a console attached (limit: none)" % (count * 80 // 1_000_000), "s", Target("limit", 1.1))
    keys = [Row("meanwhile, a key to what it shows%s" % what, "ms", Target("value", 50)) for what in (" (limit: cat)", ": worst")]

    def press(t, over):
        for who, values in zip(("kiln", "limit"), press_keys(t, plain, over, dice)):
            keys[0].add(who, statistics.median(values))
            keys[1].add(who, max(values))

    bench.say(wall.name)
    bench.rounds(9, {"kiln": lambda side: wall.add(side, flood(place, argv, gate, drain)),
                     "limit": lambda side: wall.add(side, flood(place, argv, gate, None))})
    bench.say(keys[0].name)
    with place.terminal("/bin/sh", "-c", "stty raw -echo; echo ready; exec cat") as plain:
        plain.wait_for(b"ready")
        bench.rounds(9, {"kiln": lambda _: flood(place, argv, gate, press)})
    bench.directory("console-flood")
    return [wall, *keys]


# ---- bytes on the wire ----


def busiest(pieces, seconds):
    """The most bytes that came in any so many seconds."""
    most, bytes_in, first = 0, 0, 0
    for at, data in pieces:
        bytes_in += len(data)
        while pieces[first][0] < at - seconds:
            bytes_in -= len(pieces[first][1])
            first += 1
        most = max(most, bytes_in)
    return most


def zoom(t):
    t.wait_for(b" Screen ")
    t.type(b"3z")


def wire_rows(bench):
    """One guest, two consoles at the same time: both see the same."""
    place = Place(bench, "console-wire")
    iso = os.path.join(SOURCE, "build/guest")
    command(os.path.join(GUEST, "build.sh"), iso)
    os.symlink(iso, place.path("guest"))
    variables = write_template(place.dir)
    names = ["guest boots and installs, screen zoomed", "the same with -max-bps %d" % LIMIT_BPS]
    mean = [Row(name + ": written", "bytes/s") for name in names]
    targets = ([], [Target("value", 2 * LIMIT_BPS)])
    most = [Row(name + ": most in any 2 s", "bytes/s", *target) for name, target in zip(names, targets)]

    def measure(_):
        options = ["-color=false", "-force", "-var-file=" + variables]
        argv = [bench.tools["kiln"], "build", *options, os.path.join(GUEST, "template.json")]
        with Run(argv, place.dir, place.env()) as build:
            build.wait_for("Starting VM")
            with place.attach() as free, place.attach("-max-bps=%d" % LIMIT_BPS) as tight:
                for t in (free, tight):
                    zoom(t)
                follow(build, "Connected to SSH", [free, tight], 180)
                for t, a, b in zip((free, tight), mean, most):
                    a.add("kiln", len(t.data) / (time.monotonic() - t.start))
                    b.add("kiln", busiest(t.pieces, 2) / 2)

    bench.say(mean[0].name)
    bench.rounds(2, {"kiln": measure}, quick_count=1)
    return [mean[0], most[0], mean[1], most[1]]


# ---- the guest's screen ----


def stripes(width, height):
    return b"".join(bytes((x & 255, y & 255, (x + y) & 255, 0)) for y in range(height) for x in range(width))


def shows(color):
    """Cells of about that colour: scaling rounds."""
    near = [b"(?:%s)" % b"|".join(b"%d" % v for v in range(max(0, c - 2), min(255, c + 2) + 1)) for c in color]
    return rb"[34]8[;:]2[;:]%s[;:]%s[;:]%s\D" % tuple(near)


def latency_rows(bench, server, t, what, x, y, width, height):
    dice = random.Random(4)
    median, worst = (Row("guest's screen, %s change: to cells, %s" % (what, word), "ms") for word in ("median", "worst"))

    def measure(_):
        times = []
        for _ in range(20 if bench.quick else 50):
            t.listen(dice.uniform(0.1, 0.2))
            t.skip()
            color = [dice.randrange(256) for _ in range(3)]
            changed = time.monotonic()
            server.change(x, y, width, height, bytes((*color, 0)) * (width * height))
            times.append(1000 * (t.wait_for(shows(color)) - changed))
        median.add("kiln", statistics.median(times))
        worst.add("kiln", max(times))

    bench.say(median.name)
    bench.rounds(3, {"kiln": measure}, quick_count=1)
    return [median, worst]


def noise(dice):
    """A picture of blocks of 16 x 16 pixels, each of a colour of its own: nothing that averages out or compresses."""
    width, height = PICTURE
    rows = (b"".join(dice.randbytes(4) * 16 for _ in range(width // 16)) for _ in range(height // 16 + 1))
    return b"".join(row * 16 for row in rows)[:4 * width * height]


def storm_rows(bench, server, place):
    """Two consoles see each picture unlike the one before, as fast as they are asked for."""
    pictures = itertools.cycle([noise(random.Random(i)) for i in range(8)])
    seconds = 3 if bench.quick else 8
    name = "guest's screen all new all the time"
    sent = Row(name + ": written", "bytes/s")
    most = Row(name + ", -max-bps %d: most in any 2 s" % LIMIT_BPS, "bytes/s", Target("value", 2 * LIMIT_BPS))
    keys = Row("the same: a key to what it shows", "ms")

    def storm(terminals, over):
        while not over():
            server.change(0, 0, *PICTURE, next(pictures))
            end = time.monotonic() + 0.03
            while pump(terminals, end):
                pass

    def after(seconds):
        end = time.monotonic() + seconds
        return lambda: time.monotonic() > end

    def measure(_):
        with place.attach() as free, place.attach("-max-bps=%d" % LIMIT_BPS) as tight:
            both = [free, tight]
            for t in both:
                zoom(t)
            storm(both, after(1))
            first = len(free.data)
            storm(both, after(seconds))
            sent.add("kiln", (len(free.data) - first) / seconds)
            for _ in range(3):
                tight.skip()
                pressed = time.monotonic()
                tight.type(b"z")  # all panes, and back
                storm(both, lambda: b"Builds" in tight.data[tight.mark:] or time.monotonic() > pressed + 30)
                keys.add("kiln", 1000 * (tight.wait_for(b"Builds") - pressed))
                tight.type(b"z")
                storm(both, after(2))
            most.add("kiln", busiest(tight.pieces, 2) / 2)

    bench.say(sent.name)
    bench.rounds(3, {"kiln": measure}, quick_count=1)
    return [sent, most, keys]


def screen_rows(bench):
    place = Place(bench, "console-screen")
    write_file(place.path("disk"), 1 << 20, bytes(1 << 20))
    with VncServer(place.dir, *PICTURE, stripes(*PICTURE)) as server:
        template = place.template(
            type="qemu", qemu_binary=server.wrapper, accelerator="tcg", headless=True, disk_image=True,
            skip_resize_disk=True, format="raw", iso_url="disk", iso_checksum="none", memory=16, boot_wait="1h",
            output_directory="out", qemuargs=[["-nodefaults"]])
        with place.going(template):
            with place.attach() as t:
                zoom(t)
                t.wait_for(rb"48[;:]2")
                rows = latency_rows(bench, server, t, "64 x 64 pixels", 320, 256, 64, 64)
                rows += latency_rows(bench, server, t, "all 800 x 600 pixels", 0, 0, *PICTURE)
            return rows + storm_rows(bench, server, place)


PARTS = [million_rows, tui_row, stopped_rows, flood_rows, screen_rows, wire_rows]


def run(bench):
    rows = []
    for part in PARTS:
        try:
            rows += part(bench)
        except Failed as why:
            bench.note("console: %s: %s" % (part.__name__, why))
    return rows
