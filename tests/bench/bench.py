"""What all cases share: the two programs, the working directory, rounds, and small helpers."""
import json
import os
import shutil
import subprocess
import sys
import tempfile

from measure import Failed, Run

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.dirname(os.path.dirname(HERE))
MIB = 1 << 20


def roomiest():
    """The directory for all data: memory where there is room for it, so that the disk is not measured."""
    named = os.environ.get("KILN_BENCH_DIR")
    if named:
        return named
    if os.path.isdir("/dev/shm") and shutil.disk_usage("/dev/shm").free > 5 * 1024 * MIB:
        return "/dev/shm"
    return tempfile.gettempdir()


class Bench:
    """One run of the benchmark. Use as a context: leaving it removes the working directory."""

    def __init__(self, kiln, packer, quick):
        self.tools = {"kiln": kiln, "packer": packer}
        self.tools = {side: os.path.realpath(path) for side, path in self.tools.items() if path}
        self.quick = quick
        self.notes = []

    def __enter__(self):
        self.base = tempfile.mkdtemp(prefix="kiln-bench-", dir=roomiest())
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.base, ignore_errors=True)

    def note(self, text):
        self.notes.append(text)
        print("note: " + text, file=sys.stderr)

    def say(self, text):
        print("    " + text, file=sys.stderr, flush=True)

    def directory(self, name):
        """A fresh empty directory."""
        path = os.path.join(self.base, name)
        shutil.rmtree(path, ignore_errors=True)
        os.makedirs(path)
        return path

    def enough_room(self, size):
        if shutil.disk_usage(self.base).free < size:
            raise Failed("%s has less than %d MiB free; KILN_BENCH_DIR names another place" % (self.base, size // MIB))

    def env(self, **extra):
        """The environment of both tools: nothing of the user's own settings."""
        temporary = os.path.join(self.base, "tmp")
        os.makedirs(temporary, exist_ok=True)
        env = {"PATH": os.environ.get("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"), "HOME": self.base, "LC_ALL": "C.UTF-8",
               "TMPDIR": temporary, "PACKER_CACHE_DIR": os.path.join(self.base, "cache"), "CHECKPOINT_DISABLE": "1",
               "PACKER_CONFIG_DIR": self.base, "PACKER_NO_COLOR": "1"}
        return dict(env, **extra)

    def build(self, side, template, cwd, options=(), sample=None, **extra):
        """Starts `build` of a template file; see measure.Run."""
        argv = [self.tools[side], "build", "-color=false", *options, template]
        return Run(argv, cwd, self.env(**extra), sample)

    def rounds(self, count, measures, quick_count=2):
        """Calls each of measures (side -> function) in turn, `count` times over: A B C A B C ...

        A side whose program is not there is left out; one that fails is noted and left out from then on.
        """
        skip = {"kiln", "packer"} - set(self.tools)
        for _ in range(quick_count if self.quick else count):
            for side, measure in measures.items():
                if side in skip:
                    continue
                try:
                    measure(side)
                except (Failed, OSError) as why:
                    self.note("%s: %s" % (side, why))
                    skip.add(side)


def write_json(path, value):
    with open(path, "w") as f:
        json.dump(value, f)
    return path


def write_file(path, size, block=None):
    """A file of that size of data that does not compress."""
    block = block or os.urandom(MIB)
    with open(path, "wb") as f:
        for _ in range(size // len(block)):
            f.write(block)
        f.write(block[:size % len(block)])
    return path


def command(*argv, **more):
    """Runs a helper program that must succeed; its output."""
    try:
        done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, **more)
    except FileNotFoundError:
        raise Failed("%s is not installed; tests/setup.sh bench installs it" % argv[0]) from None
    if done.returncode:
        raise Failed("%s ended with %d: %s" % (argv[0], done.returncode, done.stdout.decode("utf-8", "replace").strip()))
    return done.stdout
