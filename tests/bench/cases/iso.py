"""Retrieving a large ISO image from a local HTTP server, with and without a checksum."""
import hashlib
import os
import shutil
import time

from bench import MIB, command, write_file, write_json
from report import Row, Target
from servers import Http

ABOUT = "1 GiB ISO over local HTTP, from \"Retrieving ISO\" to the next step"

SHA256 = "curl -sf '%s' | tee '%s' | openssl sha256"
CURL = "curl -sf -o '%s' '%s'"


def sha256(path):
    with open(path, "rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


def template(url, checksum):
    """A qemu builder that stops being interesting once the ISO is there."""
    return {"builders": [{"type": "qemu", "accelerator": "tcg", "headless": True, "communicator": "none",
                          "iso_url": url, "iso_checksum": checksum, "disk_size": "16M", "boot_wait": "600s"}]}


class Iso:
    """One way of retrieving it, by both tools."""

    def __init__(self, bench, directory, name, url, checksum):
        self.bench, self.directory = bench, directory
        self.path = write_json(os.path.join(directory, name + ".json"), template(url, checksum))

    def retrieve(self, side, cache):
        """Seconds until the step after it says something; the build is stopped then."""
        output = os.path.join(self.directory, "output-qemu")
        with self.bench.build(side, self.path, self.directory, ["-force"], PACKER_CACHE_DIR=cache) as run:
            began = run.wait_for("Retrieving ISO")
            run.wait_for("(Creating|Starting|Waiting|Looking|Found port|No floppy)", 300)
            # What the step says of itself comes before; the moment it ended is that of its last line.
            took = max(at for at, text in run.lines if "Retrieving" in text or " => " in text) - began
        shutil.rmtree(output, ignore_errors=True)
        return took

    def fresh(self, side):
        return self.retrieve(side, self.bench.directory("cache"))


def run(bench):
    size = (128 if bench.quick else 1024) * MIB
    bench.enough_room(4 * size)
    here, served = bench.directory("iso"), bench.directory("served")
    image = write_file(os.path.join(served, "image.iso"), size)
    what = "%d MiB" % (size // MIB)
    rows = []

    def shell(row, text):
        began = time.monotonic()
        command("sh", "-c", text)
        row.add("limit", time.monotonic() - began)
        bench.directory("scratch")

    with Http(served) as server:
        url = server.url + "image.iso"
        copy = os.path.join(bench.directory("scratch"), "copy")
        checked = Iso(bench, here, "sha256", url, "sha256:" + sha256(image))
        plain = Iso(bench, here, "none", url, "none")

        row = Row("%s, sha256 (limit: curl | tee | openssl)" % what, "s", Target("limit", 1.3), Target("packer", 0.22))
        rows.append(row)
        bench.say(row.name)
        bench.rounds(3, {"kiln": lambda side: row.add(side, checked.fresh(side)),
                         "packer": lambda side: row.add(side, checked.fresh(side)),
                         "limit": lambda side: shell(row, SHA256 % (url, copy))})

        cached = Row("%s, sha256, in the cache already (limit: openssl)" % what, "s", Target("limit", 1.3))
        rows.append(cached)
        bench.say(cached.name)
        caches = {side: bench.directory("cache-" + side) for side in bench.tools}
        for side in caches:
            checked.retrieve(side, caches[side])
        bench.rounds(3, {"kiln": lambda side: cached.add(side, checked.retrieve(side, caches[side])),
                         "packer": lambda side: cached.add(side, checked.retrieve(side, caches[side])),
                         "limit": lambda side: shell(cached, "openssl sha256 '%s'" % image)})
        for side in caches:
            bench.directory("cache-" + side)

        none = Row("%s, no checksum (limit: curl)" % what, "s", Target("limit", 1.3), Target("packer", 0.25))
        rows.append(none)
        bench.say(none.name)
        bench.rounds(3, {"kiln": lambda side: none.add(side, plain.fresh(side)),
                         "packer": lambda side: none.add(side, plain.fresh(side)),
                         "limit": lambda side: shell(none, CURL % (copy, url))})
    for name in ("cache", "served", "scratch"):
        bench.directory(name)
    return rows
