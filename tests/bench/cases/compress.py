"""The post-processors compress, checksum and manifest over one file on this machine."""
import itertools
import os
import random
import resource
import time

from bench import MIB, command, write_json
from report import Row, Target

ABOUT = "compress (tar.gz, zip, lz4, zstd), checksum and manifest of one large file"

FORMATS = (  # name of the output, what the limit runs, targets of the time and of the size
    ("x.tar.gz", "pigz -kc6 '%s'", Target("packer", 1.0), Target("packer", 1.0)),
    ("x.zip", "pigz -kc6 '%s'", Target("packer", 0.6), None),
    ("x.lz4", "lz4 -qc '%s'", Target("limit", 1.3), None),
    ("x.tar.zst", "zstd -qcT0 '%s'", Target("limit", 1.3), None),
)
SUMS = (["md5"], ["sha256"], ["md5", "sha256"], ["md5", "sha1", "sha256", "sha512"])
HUGE = 1 << 40


def words(size):
    """Text of words, some of which are much more frequent than others."""
    rng = random.Random(1)
    vocabulary = ["".join(rng.choices("etaoinshrdlucmfwyp", k=rng.randint(2, 9))) for _ in range(3000)]
    weights = [1 / (i + 5) for i in range(len(vocabulary))]
    text = ""
    while len(text) < size:
        text += " ".join(rng.choices(vocabulary, weights, k=10000)) + "\n"
    return text.encode()[:size]


def programs():
    """The programs of this machine, one after the other, half a MiB at a time, again and again."""
    names = sorted(e.path for e in os.scandir("/usr/bin") if e.is_file(follow_symlinks=False) and e.stat().st_size > 65536)
    for path in itertools.cycle(names):
        with open(path, "rb") as f:
            while len(piece := f.read(MIB // 2)) == MIB // 2:
                yield piece


def half_noise(path, size):
    """What a disk image holds: half of it does not compress; programs, text, and zeros."""
    text, code = words(8 * MIB), programs()

    with open(path, "wb") as f:
        for i in range(size // (4 * MIB)):
            at = i % 16 * (MIB // 2)
            for piece in (os.urandom(MIB), next(code), os.urandom(MIB // 2), text[at:at + MIB // 2],
                          os.urandom(MIB // 2), bytes(MIB // 2), next(code)):
                f.write(piece)
    return path


def cpu_used():
    """Seconds of all children that have ended, and of theirs."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


class Work:
    """One file, and what is done with it. A row has beside it one for what a busy machine does not change."""

    def __init__(self, bench, here, image):
        self.bench, self.here, self.image = bench, here, image
        self.output = os.path.join(here, "output")

    def build(self, side, row, post_processor, cpu, sizes=None):
        """The file is named by artifice: copying it is not what is measured."""
        template = {"builders": [{"type": "null", "communicator": "none"}],
                    "post-processors": [[{"type": "artifice", "files": [self.image]},
                                         dict(post_processor, keep_input_artifact=True)]]}
        path, before = write_json(os.path.join(self.here, "t.json"), template), cpu_used()
        with self.bench.build(side, path, self.here) as running:
            began = running.wait_for("Using these artifact files")
            row.add(side, running.finish() - began)
        cpu.add(side, cpu_used() - before)
        if sizes:
            output = os.path.join(self.here, post_processor["output"])
            sizes.add(side, os.path.getsize(output) / MIB)
            os.unlink(output)

    def shell(self, row, line, cpu, sizes=None):
        began, before = time.monotonic(), cpu_used()
        command("sh", "-c", "(%s) >'%s'" % (line, self.output))
        row.add("limit", time.monotonic() - began)
        cpu.add("limit", cpu_used() - before)
        if sizes:
            sizes.add("limit", os.path.getsize(self.output) / MIB)

    def rounds(self, row, post_processor, limit, sizes=None):
        cpu = Row("the same: CPU", "s")
        self.bench.say(row.name)
        self.bench.rounds(3, {"kiln": lambda side: self.build(side, row, post_processor, cpu, sizes),
                              "packer": lambda side: self.build(side, row, post_processor, cpu, sizes),
                              "limit": lambda side: self.shell(row, limit, cpu, sizes)})
        return [row, cpu, sizes] if sizes else [row, cpu]


def manifest(bench, here):
    """What is told of a file must not depend on how long it is; a build that ends at once is the limit."""
    image = os.path.join(here, "huge")
    with open(image, "wb") as f:
        f.truncate(HUGE)
    work = Work(bench, here, image)
    row, cpu = Row("artifice and manifest of 1 TiB, all of it a hole", "s", Target("value", 0.05)), Row("the same: CPU", "s")
    bench.say(row.name)
    bench.rounds(5, {side: lambda side: work.build(side, row, {"type": "manifest"}, cpu) for side in ("kiln", "packer")})
    os.unlink(image)
    return [row, cpu]


def run(bench):
    size = (64 if bench.quick else 512) * MIB
    bench.enough_room(4 * size)
    here = bench.directory("compress")
    work = Work(bench, here, half_noise(os.path.join(here, "disk.raw"), size))
    what, rows = "%d MiB" % (size // MIB), []

    for output, limit, time_target, size_target in FORMATS:
        row = Row("%s to %s (limit: %s)" % (what, output, limit.split()[0]), "s", time_target)
        sizes = Row("the same: size", "MiB", *([size_target] if size_target else []))
        rows += work.rounds(row, {"type": "compress", "output": output}, limit % work.image, sizes)
    for sums in SUMS:
        row = Row("%s, %s (limit: openssl for each, at the same time)" % (what, ", ".join(sums)), "s", Target("limit", 1.2))
        limit = " & ".join("openssl dgst -%s '%s'" % (name, work.image) for name in sums) + " & wait"
        rows += work.rounds(row, {"type": "checksum", "checksum_types": sums}, limit)
    rows += manifest(bench, here)
    bench.directory("compress")
    return rows
