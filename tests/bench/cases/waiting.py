"""What the tool does and needs while it waits: wake-ups a second and memory, QEMU aside."""
import os
import time

from bench import write_file, write_json
from measure import Failed
from report import Row, Target

ABOUT = "wake-ups a second and memory while a build waits"


def qemu(**more):
    """A build as people have it: a qemu builder, a file and a shell provisioner. Its guest finds nothing to boot."""
    return {"provisioners": [{"type": "file", "source": "image.iso", "destination": "/tmp/x"},
                             {"type": "shell", "inline": ["true"]}], "builders": [dict({
        "type": "qemu", "accelerator": "tcg", "headless": True, "memory": 128,
        "iso_url": "image.iso", "iso_checksum": "none", "disk_size": "16M", "communicator": "ssh", "ssh_username": "u",
        "ssh_password": "opensesame", "ssh_timeout": "30m", "boot_wait": "30m", "boot_command": ["a<enter>"]}, **more)]}


SLEEP = {"builders": [{"type": "null", "communicator": "none"}],
         "provisioners": [{"type": "shell-local", "inline": ["exec sleep 1800"]}]}

# name, template, the line after which it waits
WAITS = [("boot_wait", qemu(), "Waiting .* for boot"),
         ("waiting for ssh", qemu(boot_wait="-1s", boot_key_interval="5ms"), "Waiting for SSH"),
         ("shell-local sleeps", SLEEP, "Running local shell script")]


def run(bench):
    here = bench.directory("waiting")
    write_file(os.path.join(here, "image.iso"), 1 << 20)
    seconds = 5 if bench.quick else 20
    rows = []
    for name, template, line in WAITS:
        path = write_json(os.path.join(here, "t.json"), template)
        wakeups = Row(name + ": wake-ups", "1/s", Target("value", 5))
        others = [Row(name + ": peak memory (RSS)", "MiB"), Row(name + ": peak memory (PSS)", "MiB", Target("value", 8)),
                  Row(name + ": processes", "")]

        def wait(side):
            with bench.build(side, path, here, ["-force"], sample=0.1) as run:
                run.wait_for(line)
                time.sleep(2)  # until what belongs to the start of the wait is over
                before = run.sampler.switches()
                began = time.monotonic()
                time.sleep(seconds)
                if run.process.poll() is not None:
                    run.finish()
                    raise Failed("the build did not wait:\n" + run.tail())
                wakeups.add(side, (run.sampler.switches() - before) / (time.monotonic() - began))
                run.sampler.stop()
                used = run.sampler
                for row, value in zip(others, (used.rss, used.pss, used.processes)):
                    row.add(side, value)

        bench.say(name)
        bench.rounds(3, {"kiln": wait, "packer": wait}, quick_count=1)
        rows += [wakeups, *others]
    return rows
