"""What one more shell-local provisioner costs in a build of 200."""
import os
import statistics

from bench import write_json
from measure import wall
from report import Row, Target

ABOUT = "200 shell-local provisioners ':': time of each, memory of the build"
MANY = 200

# Does by hand what a provisioner does: writes a script, runs it, removes it.
SHELL_LOOP = """
i=0
while [ $i -lt %d ]; do
    f=$(mktemp -p "$TMPDIR")
    printf '#!/bin/sh -e\\n:\\n' >"$f"
    chmod 0755 "$f"
    /bin/sh -c "$f"
    rm -f "$f"
    i=$((i + 1))
done
"""


def template(count):
    return {"builders": [{"type": "null", "communicator": "none"}],
            "provisioners": [{"type": "shell-local", "inline": [":"]}] * count}


def run(bench):
    here = bench.directory("provisioners")
    files = {n: write_json(os.path.join(here, "%d.json" % n), template(n)) for n in (1, MANY)}
    each = Row("each of %d provisioners" % MANY, "ms", Target("limit", 1.0), Target("value", 3.5))
    rss, pss = (Row("%d provisioners: peak memory (%s)" % (MANY, kind), "MiB") for kind in ("RSS", "PSS"))
    pss.targets = (Target("value", 8),)
    processes = Row("%d provisioners: processes" % MANY, "")

    def build(side, count):
        argv = [bench.tools[side], "build", "-color=false", files[count]]
        return wall(argv, here, bench.env())

    def slope(side):
        few = statistics.median(build(side, 1) for _ in range(3))
        each.add(side, 1000 * (build(side, MANY) - few) / (MANY - 1))

    def loop(side):
        argv = ["/bin/sh", "-c", SHELL_LOOP % MANY]
        each.add(side, 1000 * wall(argv, here, bench.env()) / MANY)

    def space(side):
        with bench.build(side, files[MANY], here, sample=0.01) as run:
            run.finish()
            run.sampler.stop()
            for row, value in ((rss, run.sampler.rss), (pss, run.sampler.pss), (processes, run.sampler.processes)):
                row.add(side, value)

    bench.say("slope")
    bench.rounds(5, {"kiln": slope, "packer": slope, "limit": loop})
    bench.say("memory")
    bench.rounds(1, {"kiln": space, "packer": space}, quick_count=1)
    return [each, rss, pss, processes]
