"""The file provisioner over ssh, with an sshd of our own: one large file, many small ones, scp and sftp."""
import os
import re
import time

from bench import MIB, command, write_file, write_json
from report import Row, Target
from servers import Sshd

ABOUT = "file provisioner over ssh, from \"Uploading\" (\"Downloading\") to the end"
SMALL_FILES, SMALL_SIZE = 5000, 4096


def payload(bench, directory):
    """The names of one large file and of a directory of small ones."""
    size = (64 if bench.quick else 256) * MIB
    count = SMALL_FILES // 5 if bench.quick else SMALL_FILES
    bench.enough_room(3 * size)
    small = os.path.join(directory, "small")
    os.mkdir(small)
    for i in range(count):
        write_file(os.path.join(small, "%05d" % i), SMALL_SIZE, os.urandom(SMALL_SIZE))
    return write_file(os.path.join(directory, "large"), size), small, size, count


def same(source, target):
    """Fails when the upload did not arrive whole."""
    command("diff", "-rq", source, target)


class Transfer:
    """One thing to move with one protocol, by the tools and by OpenSSH's programs."""

    def __init__(self, bench, server, source, protocol, direction="upload"):
        self.bench, self.server, self.source, self.protocol, self.direction = bench, server, source, protocol, direction
        self.directory = os.path.isdir(source)

    def target(self):
        path = os.path.join(self.bench.directory("arrived"), os.path.basename(self.source))
        if self.directory:
            os.mkdir(path)
        return path

    def build(self, side, target, sample=None):
        slash = "/" if self.directory else ""
        template = {"builders": [self.server.builder(ssh_file_transfer_method=self.protocol)],
                    "provisioners": [{"type": "file", "direction": self.direction,
                                      "source": self.source + slash, "destination": target + slash}]}
        path = write_json(os.path.join(self.bench.base, "transfer.json"), template)
        return self.bench.build(side, path, self.bench.base, sample=sample)

    def tool(self, side):
        """Seconds from the line that says "Uploading" (or "Downloading") to the end of the build."""
        target = self.target()
        with self.build(side, target) as run:
            began = run.wait_for("(Up|Down)loading ")
            took = run.finish() - began
        same(self.source, target)
        return took

    def memory(self, side):
        with self.build(side, self.target(), sample=0.01) as run:
            run.finish()
            run.sampler.stop()
            return run.sampler.pss

    def plain(self, *argv):
        """Seconds that a plain program takes over a connection that is there already."""
        target = self.target()
        places = {"TARGET": target, "PARENT": os.path.dirname(target)}
        argv = [re.sub("TARGET|PARENT", lambda m: places[m.group()], a) for a in argv]
        began = time.monotonic()
        command(*argv, cwd=self.bench.base)
        took = time.monotonic() - began
        same(self.source, target)
        return took

    def scp(self):
        flags = ["-O" if self.protocol == "scp" else "-s"] + (["-r"] if self.directory else [])
        ends = [self.source, "127.0.0.1:PARENT"] if self.direction == "upload" else ["127.0.0.1:" + self.source, "PARENT"]
        return self.plain("scp", *self.server.options(), *flags, *ends)

    def tar(self):
        """tar to tar through ssh."""
        options = " ".join("'%s'" % o for o in self.server.options())
        return self.plain("sh", "-c", "tar -C '%s' -cf - . | ssh %s 127.0.0.1 'tar -C TARGET -xf -'" % (self.source, options))


def compare(bench, transfer, what, *targets, **more):
    """The row of one transfer; more: what else is measured in the same rounds."""
    row = Row("%s, %s (limit: scp %s)" % (what, transfer.protocol, "-O" if transfer.protocol == "scp" else "-s"), "s",
              Target("limit", 1.3), *targets)
    bench.say(row.name)
    bench.rounds(5, {"kiln": lambda side: row.add(side, transfer.tool(side)),
                     "packer": lambda side: row.add(side, transfer.tool(side)),
                     "limit": lambda side: row.add(side, transfer.scp()), **more})
    return row


def space(bench, transfer, what):
    row = Row("%s, %s: peak memory (PSS)" % (what, transfer.protocol), "MiB", Target("value", 8))
    bench.rounds(1, {side: lambda side: row.add(side, transfer.memory(side)) for side in ("kiln", "packer")}, quick_count=1)
    return row


def run(bench):
    large, small, size, count = payload(bench, bench.directory("upload"))
    big, many = "%d MiB" % (size // MIB), "%d files of 4 KiB" % count
    rows = []
    with Sshd(bench.directory("sshd")) as server:
        server.connect()
        for protocol in ("scp", "sftp"):
            transfer = Transfer(bench, server, large, protocol)
            rows += [compare(bench, transfer, big, Target("packer", 0.35)), space(bench, transfer, big),
                     compare(bench, Transfer(bench, server, large, protocol, "download"), big + " down")]
        by_tar = Row("%s, scp (limit: tar over ssh)" % many, "s", Target("limit", 1.3))
        transfer = Transfer(bench, server, small, "scp")
        scp = compare(bench, transfer, many, Target("packer", 0.8), tar=lambda side: by_tar.add("limit", transfer.tar()))
        by_tar.samples["kiln"], by_tar.samples["packer"] = scp.samples["kiln"], scp.samples["packer"]
        rows += [scp, by_tar, compare(bench, Transfer(bench, server, small, "sftp"), many, Target("packer", 0.3))]
    return rows
