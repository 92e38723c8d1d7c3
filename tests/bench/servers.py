"""Throwaway servers on 127.0.0.1 for the cases: an OpenSSH sshd and an HTTP server."""
import getpass
import os
import shutil
import socket
import subprocess
import sys
import time

from bench import HERE, command
from measure import Failed

SSHD_CONFIG = """
ListenAddress 127.0.0.1
Port {port}
HostKey {dir}/host
PidFile none
AuthorizedKeysFile {dir}/key.pub
AuthenticationMethods publickey
PermitRootLogin yes
UsePAM no
StrictModes no
MaxStartups 50
Subsystem sftp internal-sftp
SetEnv HOME={dir}
"""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for_port(port, process):
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.02)
    raise Failed("'%s' did not start" % " ".join(process.args))


class Server:
    """A process that serves on a port; leaving the context ends it."""

    def __init__(self, port, argv):
        self.port = port
        self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        try:
            wait_for_port(port, self.process)
        except Failed:
            self.stop()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self.process.terminate()
        self.process.wait()


class Http(Server):
    """Serves the files of a directory, in a process of its own, with sendfile."""

    def __init__(self, directory):
        port = free_port()
        super().__init__(port, [sys.executable, os.path.join(HERE, "httpd.py"), str(port), directory])
        self.url = "http://127.0.0.1:%d/" % port


class Sshd(Server):
    """Lets the user who runs the benchmark log in with a key made for it."""

    def __init__(self, directory):
        program = shutil.which("sshd", path=os.environ.get("PATH", "") + ":/usr/sbin")
        if not program:
            raise Failed("sshd is not installed; tests/setup.sh bench installs it")
        self.dir, self.user, port = directory, getpass.getuser(), free_port()
        self.key, self.control = os.path.join(directory, "key"), os.path.join(directory, "control")
        for name in ("host", "key"):
            command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "bench", "-f", os.path.join(directory, name))
        if os.getuid() == 0:
            os.makedirs("/run/sshd", exist_ok=True)  # sshd wants its privilege separation directory
        config = os.path.join(directory, "sshd_config")
        with open(config, "w") as f:
            f.write(SSHD_CONFIG.format(port=port, dir=directory))
        super().__init__(port, [program, "-D", "-f", config])

    def builder(self, **more):
        """A null builder of a template that connects here."""
        return dict({"type": "null", "communicator": "ssh", "ssh_host": "127.0.0.1", "ssh_port": self.port,
                     "ssh_username": self.user, "ssh_private_key_file": self.key}, **more)

    def options(self):
        """Options of ssh, scp and sftp to come here, over the connection that connect() made."""
        return ["-q", "-o", "Port=%d" % self.port, "-o", "IdentityFile=" + self.key, "-o", "IdentitiesOnly=yes",
                "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
                "-o", "ControlPath=" + self.control]

    def connect(self):
        """Makes the connection that the plain tools use, so that its making is not timed."""
        command("ssh", *self.options(), "-f", "-N", "-M", "%s@127.0.0.1" % self.user)

    def stop(self):
        if os.path.exists(self.control):
            command("ssh", *self.options(), "-O", "exit", "127.0.0.1")
        super().stop()
