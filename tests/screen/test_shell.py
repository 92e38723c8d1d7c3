"""A shell in the guest, opened from the console."""

import getpass
import os
import signal

import screen
from screen import kit


class Shell(screen.Case):
    @kit.needs_sshd
    def test_there_and_back(self):
        """Its end leads back, and so does Ctrl-] where the guest hangs."""
        sshd = kit.Sshd(self, "", "PrintLastLog no")
        self.addCleanup(sshd.close)
        builder = {"type": "null", "ssh_host": "127.0.0.1", "ssh_port": sshd.port, "ssh_username": getpass.getuser(),
                   "ssh_private_key_file": "id"}
        template = {"builders": [builder], "provisioners": [{"type": "shell-local", "inline": ["true"]}]}
        self.kiln("build", "-detach", "-break", "shell-local", self.write("t.json", template))
        t = self.terminal(80, 24)
        t.run(kit.KILN, "attach")
        t.wait("Stopped|stopped")
        t.wait("controls: you")
        t.keys("!")
        t.wait(r"Ctrl-\] three times")
        t.type("echo there-$((1+1)); exit\n")
        t.wait("controls: you")
        t.keys("!")
        t.wait(r"Ctrl-\] three times")
        t.type("echo again-$((1+1))\n")
        t.wait("^again-2")
        guests = [p for p in kit.children_of(sshd.process.pid)]
        for pid in guests:
            os.kill(pid, signal.SIGSTOP)
        t.keys("C-]", "C-]", "C-]")
        t.wait("controls: you")
        for pid in guests:
            os.kill(pid, signal.SIGCONT)
        t.keys("c")
        t.wait("the run is over: done")
        t.keys("q")
        t.wait("shell>")


if __name__ == "__main__":
    screen.main()
