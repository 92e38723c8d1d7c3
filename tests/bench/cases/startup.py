"""How long `version` and `validate` take and what memory they need, for templates from 128 bytes to 1 MB."""
import os
import time

from bench import write_json
from measure import memory_at_exit, memory_sampled, wall
from report import Row, Target

ABOUT = "version and validate: time, memory, processes; memory of a large build"
BIG = 1_000_000  # bytes of text in the large templates

SMALL = {"builders": [{"type": "null", "communicator": "none"}],
         "provisioners": [{"type": "shell-local", "inline": [":"]}]}


def large(builders, provisioners):
    """A template of about 1 MB; the text is spread evenly over the provisioners' inline lines."""
    line = "echo " + "x" * 74
    lines = BIG // provisioners // (len(line) + 4)
    return {"builders": [{"type": "null", "name": "b%d" % i, "communicator": "none"} for i in range(builders)],
            "provisioners": [{"type": "shell-local", "inline": [line] * lines} for _ in range(provisioners)]}


def measure(bench, name, arguments, targets, memory_targets, count, packer_count):
    """The rows of one command line."""
    cwd, env = bench.base, bench.env()
    time_row = Row(name, "ms", *targets)
    rows = [time_row, Row(name + ": peak memory (RSS)", "MiB"), Row(name + ": peak memory (PSS)", "MiB", *memory_targets),
            Row(name + ": processes", "")]

    def one(side):
        # A short run is repeated within its turn, so that a turn is long enough to mean something.
        argv = [bench.tools[side], *arguments] if side != "limit" else ["/bin/true"]
        began = time.monotonic()
        for _ in range(packer_count if side == "packer" else count):
            time_row.add(side, 1000 * wall(argv, cwd, env))
            if time.monotonic() - began > 5:
                break

    def space(side):
        argv = [bench.tools[side], *arguments]
        used = memory_at_exit(argv, cwd, env) if side == "kiln" else memory_sampled(argv, cwd, env)
        for row, value in zip(rows[1:], (used.rss, used.pss, used.processes)):
            row.add(side, value)

    bench.say(name)
    bench.rounds(3, {"kiln": one, "packer": one, "limit": one})
    bench.rounds(2, {"kiln": space, "packer": space}, quick_count=1)
    return rows


def building(bench, name, template):
    """What a build of a template needs while it runs; its scripts print a line each and end."""
    row = Row(name + ": peak memory (PSS)", "MiB", Target("value", 8))

    def space(side):
        with bench.build(side, template, bench.base, sample=0.005) as run:
            run.finish()
            run.sampler.stop()
            row.add(side, run.sampler.pss)

    bench.say(name)
    bench.rounds(2, {"kiln": space, "packer": space}, quick_count=1)
    return row


def run(bench):
    here = bench.directory("startup")
    small = write_json(os.path.join(here, "small.json"), SMALL)
    many = write_json(os.path.join(here, "many.json"), large(4, 60))
    one = write_json(os.path.join(here, "one.json"), large(1, 1))
    eight = [Target("value", 8)]

    rows = measure(bench, "version", ["version"], [Target("packer", 0.04)], [Target("value", 6)], 20, 5)
    rows += measure(bench, "validate, small", ["validate", small], [Target("packer", 1 / 50)], eight, 20, 5)
    rows += measure(bench, "validate, 1 MB, 4 builders x 60", ["validate", many], [Target("packer", 1 / 150)], eight, 10, 1)
    rows += measure(bench, "validate, 1 MB, 1 builder x 1", ["validate", one], [Target("packer", 0.08)], eight, 10, 5)
    rows.append(building(bench, "build, 1 MB, 4 builders x 60, in parallel", many))
    return rows
