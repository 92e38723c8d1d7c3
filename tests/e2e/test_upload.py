"""Directories that go as one tar stream, into guests whose tar is good, missing, broken or a liar."""

import getpass
import os
import subprocess

import kit

REAL = "exec /bin/tar \"$@\""
# The first call is kiln's look whether there is a tar at all.
LATER = "[ $(grep -c . {dir}/calls) -gt 1 ] || exec /bin/tar \"$@\"\n"
TOOLS = "sh bash cat cksum cmp dd find grep head ls mkdir rm scp wc xargs chmod env true".split()


@kit.needs_sshd
class Upload(kit.Case):
    def guest(self, tar, tools=TOOLS):
        """An sshd whose programs are those, and a tar that is this script; None: it has none."""
        os.mkdir(self.path("bin"))
        for tool in tools:
            found = subprocess.run(["which", tool], stdout=subprocess.PIPE, text=True).stdout.strip()
            os.symlink(found, self.path("bin/" + tool))
        self.write("calls", "")
        if tar is not None:
            self.write("bin/tar", f"#!/bin/sh\necho \"$@\" >>{self.dir}/calls\n{tar.format(dir=self.dir)}\n")
            os.chmod(self.path("bin/tar"), 0o755)
        server = kit.Sshd(self, "", f"SetEnv HOME={self.home} PATH={self.path('bin')}")
        self.addCleanup(server.close)
        for i in range(50):
            self.write(f"up/sub/{i}", f"content {i}\n" * 1000 * (i % 4))
        os.chmod(self.path("up/sub/7"), 0o755)
        os.makedirs(self.path("up/empty"))
        self.port = server.port

    def upload(self, *destinations, source="up", code=0, **options):
        builder = {"type": "null", "ssh_host": "127.0.0.1", "ssh_port": self.port, "ssh_username": getpass.getuser(),
                   "ssh_private_key_file": "id", "ssh_timeout": "30s", **options}
        files = [{"type": "file", "source": source, "destination": self.path(d)} for d in destinations]
        return self.build({"builders": [builder], "provisioners": files}, code=code)

    def tars(self):
        return self.read("calls").count("\n")

    def same(self, path, mode=0o755):
        self.assertEqual(subprocess.run(["diff", "-r", self.path("up"), self.path(path)], stdout=subprocess.PIPE).stdout, b"")
        self.assertEqual(os.stat(self.path(path + "/sub/7")).st_mode & 0o777, mode)

    def test_by_tar(self):
        """The one look, and one tar for each upload but that over what is there."""
        self.guest(REAL)
        os.mkdir(self.path("there"))
        self.upload("there", "new", "there", "link")
        for path in ("there/up", "new", "link"):
            self.same(path)
        self.assertEqual(self.tars(), 4)
        os.mkdir(self.path("in"))
        os.mkdir(self.path("over"))
        os.symlink("../in", self.path("over/sub"))
        self.upload("over", source="up/")
        self.assertTrue(os.path.islink(self.path("over/sub")))  # not made a directory
        self.same("over")
        self.assertEqual(self.tars(), 5)
        self.upload("sftp", code=1, ssh_file_transfer_method="sftp")  # never by tar, nor would it make that
        self.assertEqual(self.tars(), 5)

    def test_without_tar(self):
        self.guest(None)
        self.upload("new")
        self.same("new")

    def test_not_a_file(self):
        """A FIFO would keep the build until somebody writes to it."""
        self.guest(REAL)
        os.mkfifo(self.path("fifo"))
        for method in ("scp", "sftp"):
            out = self.upload("new", source="fifo", code=1, ssh_file_transfer_method=method)
            self.assertIn("fifo: not a regular file", out)

    def test_guest_that_goes_away(self):
        """As one that is told to reboot: a file is sent once more, to the one that comes back."""
        self.guest(None)
        self.write("big", "x" * 3000000)
        os.unlink(self.path("bin/scp"))
        self.write("bin/scp", f"""#!/bin/sh
if mkdir {self.dir}/once 2>/dev/null; then
    printf '\\0\\0'
    head -c 100000 >/dev/null
    read pid name state above rest </proc/$PPID/stat
    [ "$name" = "(sshd)" ] || kill -9 $above  # a shell is between
    kill -9 $PPID
    exit 1
fi
exec /usr/bin/scp "$@"
""")
        os.chmod(self.path("bin/scp"), 0o755)
        self.upload("there", source="big")
        self.assertTrue(os.path.isdir(self.path("once")))
        self.assertEqual(self.read("there"), self.read("big"))

    def test_tar_that_breaks(self):
        """scp takes over, and tar is not asked again."""
        self.guest(LATER + "head -c 300000 | /bin/tar -xf - 2>/dev/null\necho 'tar: on fire' >&2\nexit 2")
        self.upload("new", "other")
        self.same("new")
        self.same("other")
        self.assertEqual(self.tars(), 2)

    def test_nothing_but_broken_tar(self):
        self.guest(LATER + "head -c 300000 >/dev/null; printf 'tar: sub/3: disk\\033 on fire\\n' >&2; exit 2",
                   [t for t in TOOLS if t != "scp"])
        out = self.upload("new", code=1)
        self.assertIn("Upload failed: tar in the guest ended with status 2: tar: sub/3: disk  on fire; then scp: SCP failed "
                      "to start.", out)

    def test_tar_that_lies(self):
        self.guest(LATER + "cat >/dev/null")
        out = self.upload("new", code=1)
        self.assertIn("Upload failed: verify the upload: sub/0 was sent, but the guest has no such file", out)
        self.write("bin/tar", f"#!/bin/sh\n/bin/tar \"$@\"; [ ! -e sub/9 ] || echo x >>sub/9\n")
        out = self.upload("changed", code=1)
        self.assertIn("Upload failed: verify the upload: 10000 bytes of sub/9 were sent, the guest has 10002", out)


if __name__ == "__main__":
    kit.main()
