"""Output of a provisioner, with 20 secrets to look for in every line."""
import os
import random
import select
import subprocess
import time

from bench import MIB, write_json
from measure import Failed
from report import Row, Target

ABOUT = "lines of a provisioner's output a second, 20 sensitive variables, into a pipe"
SECRETS = 20
LINE = 80  # bytes with the newline
SECRET_EVERY = 50  # one line in so many holds a secret


def secrets():
    """The same every time: 8 to 24 letters and digits."""
    dice = random.Random(1)
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
    return ["".join(dice.choices(letters, k=8 + i % 17)) for i in range(SECRETS)]


def write_lines(path, size):
    """What a compiler or an installer writes, more or less; now and then a secret. The number of lines."""
    dice, hidden = random.Random(2), secrets()
    words = ["gcc", "-O2", "-Wall", "-c", "src/main.c", "-o", "build/main.o", "Unpacking", "Setting", "up", "(1.2.3-4)",
             "Selecting", "previously", "unselected", "package", "/usr/share/doc", "done.", "100%", "[INFO]", "libc6"]
    block = []
    for i in range(20_000):
        text = hidden[i // SECRET_EVERY % SECRETS] + " " if i % SECRET_EVERY == 0 else ""
        while len(text) < LINE:
            text += dice.choice(words) + " "
        block.append(text[:LINE - 1] + "\n")
    block = "".join(block).encode()
    count = max(1, size // len(block))
    with open(path, "wb") as f:
        for _ in range(count):
            f.write(block)
    return count * 20_000


def read_all(argv, cwd, env):
    """Reads a program's output as fast as it comes: (lines, seconds, the output's last 64 KiB)."""
    began = time.monotonic()
    lines, last = 0, b""
    with subprocess.Popen(argv, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT) as process:
        fd = process.stdout.fileno()
        while select.select([fd], [], [], 120)[0]:
            data = os.read(fd, 1 << 16)
            if not data:
                break
            lines += data.count(b"\n")
            last = (last + data)[-(1 << 16):]
        else:
            process.kill()
            raise Failed("no output for two minutes")
    if process.returncode:
        raise Failed("exit code %d: %s" % (process.returncode, last[-500:].decode("utf-8", "replace")))
    return lines, time.monotonic() - began, last


def template(path):
    variables = {"secret%d" % i: s for i, s in enumerate(secrets())}
    return {"variables": variables, "sensitive-variables": sorted(variables),
            "builders": [{"type": "null", "communicator": "none"}],
            "provisioners": [{"type": "shell-local", "inline": ["cat '%s'" % path]}]}


def run(bench):
    here = bench.directory("redaction")
    sizes = {"kiln": (20 if bench.quick else 200) * MIB, "packer": (2 if bench.quick else 20) * MIB}
    sizes["limit"] = sizes["kiln"]
    row = Row("%d MB of lines, 20 secrets (limit: sed; packer: a tenth of it)" % (sizes["kiln"] // MIB), "lines/s",
              Target("value", 500_000, least=True), Target("packer", 100, least=True))
    memory = Row("the same: peak memory (PSS)", "MiB", Target("value", 8))
    texts, counts, templates = {}, {}, {}
    for size in set(sizes.values()):
        texts[size] = os.path.join(here, "%d.txt" % size)
        counts[size] = write_lines(texts[size], size)
        templates[size] = write_json(os.path.join(here, "%d.json" % size), template(texts[size]))

    def tool(side):
        size = sizes[side]
        argv = [bench.tools[side], "build", "-color=false", templates[size]]
        lines, took, last = read_all(argv, here, bench.env())
        if lines < counts[size]:
            raise Failed("%d of %d lines came out" % (lines, counts[size]))
        if any(s.encode() in last for s in secrets()):
            raise Failed("a secret came out")
        row.add(side, counts[size] / took)

    def sed(side):
        size = sizes[side]
        options = [o for s in secrets() for o in ("-e", "s/%s/<sensitive>/g" % s)]
        lines, took, _ = read_all(["sed", *options, texts[size]], here, dict(bench.env(), LC_ALL="C"))
        row.add(side, lines / took)

    def space(side):
        with bench.build(side, templates[sizes[side]], here, sample=0.02) as run:
            run.finish()
            run.sampler.stop()
            memory.add(side, run.sampler.pss)

    bench.say(row.name)
    bench.rounds(3, {"kiln": tool, "packer": tool, "limit": sed})
    bench.say(memory.name)
    bench.rounds(1, {"kiln": space, "packer": space}, quick_count=1)
    bench.directory("redaction")
    return [row, memory]
