"""The file provisioner over ssh, to an sshd of our own: one large file, many small ones, scp and sftp."""
import os
import re
import time

from bench import MIB, command, write_file, write_json
from report import Row, Target
from servers import Sshd

ABOUT = "file provisioner over ssh, from \"Uploading\" to the end"
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


class Upload:
    """One thing to upload with one protocol, by the tools and by OpenSSH's programs."""

    def __init__(self, bench, server, source, protocol):
        self.bench, self.server, self.source, self.protocol = bench, server, source, protocol
        self.directory = os.path.isdir(source)

    def target(self):
        path = os.path.join(self.bench.directory("arrived"), os.path.basename(self.source))
        if self.directory:
            os.mkdir(path)
        return path

    def tool(self, side):
        """Seconds from the line that says "Uploading" to the end of the build."""
        target = self.target()
        slash = "/" if self.directory else ""
        template = {"builders": [self.server.builder(ssh_file_transfer_method=self.protocol)],
                    "provisioners": [{"type": "file", "source": self.source + slash, "destination": target + slash}]}
        path = write_json(os.path.join(self.bench.base, "upload.json"), template)
        with self.bench.build(side, path, self.bench.base) as run:
            began = run.wait_for("Uploading ")
            took = run.finish() - began
        same(self.source, target)
        return took

    def plain(self, *argv):
        """Seconds that a plain program takes over a connection that is there already."""
        target = self.target()
        began = time.monotonic()
        places = {"TARGET": target, "PARENT": os.path.dirname(target)}
        argv = [re.sub("TARGET|PARENT", lambda m: places[m.group()], a) for a in argv]
        command(*argv, cwd=self.bench.base)
        took = time.monotonic() - began
        same(self.source, target)
        return took

    def scp(self):
        flags = ["-r"] if self.directory else []
        version = ["-O"] if self.protocol == "scp" else ["-s"]
        return self.plain("scp", *self.server.options(), *version, *flags, self.source, "127.0.0.1:PARENT")

    def tar(self):
        """tar to tar through ssh."""
        options = " ".join("'%s'" % o for o in self.server.options())
        return self.plain("sh", "-c", "tar -C '%s' -cf - . | ssh %s 127.0.0.1 'tar -C TARGET -xf -'" % (self.source, options))


def run(bench):
    here = bench.directory("upload")
    large, small, size, count = payload(bench, here)
    to_packer = {("scp", large): 0.35, ("sftp", large): 0.35, ("scp", small): 0.8, ("sftp", small): 0.3}
    rows = []
    keys = bench.directory("sshd")
    with Sshd(keys) as server:
        server.connect()
        for protocol in ("scp", "sftp"):
            for source, what in ((large, "%d MiB" % (size // MIB)), (small, "%d files of 4 KiB" % count)):
                upload = Upload(bench, server, source, protocol)
                limit = "scp -O" if protocol == "scp" else "sftp"
                row = Row("%s, %s (limit: %s)" % (what, protocol, limit), "s", Target("limit", 1.3),
                          Target("packer", to_packer[protocol, source]))
                rows.append(row)
                bench.say(row.name)
                bench.rounds(5, {"kiln": lambda side: row.add(side, upload.tool(side)),
                                 "packer": lambda side: row.add(side, upload.tool(side)),
                                 "limit": lambda side: row.add(side, upload.scp())})
        row = Row("%d files of 4 KiB, scp (limit: tar over ssh)" % count, "s")
        row.samples["kiln"], row.samples["packer"] = rows[1].samples["kiln"], rows[1].samples["packer"]
        upload = Upload(bench, server, small, "scp")
        bench.rounds(5, {"limit": lambda side: row.add(side, upload.tar())})
        rows.append(row)
    return rows
