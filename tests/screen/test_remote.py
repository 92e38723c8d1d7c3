"""The console over a real ssh that breaks, and consoles that are killed again and again: the build does
not notice.
"""

import os
import signal

import screen
from screen import kit


class Remote(screen.Case):
    def events_of(self, kind):
        return [e for e in self.events() if e["type"] == kind]

    def finish(self, t):
        self.release()
        t.wait("the run is over: done")
        t.keys("q")
        t.wait("shell>")
        self.assertEqual(self.events_of("run-end")[0].get("status", 0), 0)
        self.assertEqual(len(self.events_of("build-start")), 1)

    @kit.needs_sshd
    def test_a_connection_breaks(self):
        self.sshd = kit.Sshd(self)
        self.addCleanup(self.sshd.close)
        self.going()
        t = self.terminal(80, 24)
        ssh = ["ssh", "-tt", "-F", "none", "-i", self.path("id"), "-p", str(self.sshd.port), "-o", "LogLevel=ERROR",
               "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "127.0.0.1",
               f"HOME={self.home} TMPDIR={self.tmp} KILN_E2E={self.root} LC_ALL=C.UTF-8 {kit.KILN} attach"]
        t.run(*ssh)
        t.wait("at the gate")
        t.wait("controls: you")
        for side in ("client", "server"):
            if side == "client":
                os.kill(kit.children_of(int(t.flag("pane_pid")))[0], signal.SIGKILL)
            else:
                os.kill(kit.children_of(self.sshd.process.pid)[0], signal.SIGKILL)
            t.keys("Enter")
            t.wait("shell>")
            t.run("stty", "sane")  # what ssh itself leaves behind
            t.run(*ssh)
            t.wait("at the gate")  # from the first line
            t.wait("controls: you")
        self.finish(t)

    def test_killed_fifty_times(self):
        self.going()
        t = self.terminal(80, 24)
        for _ in range(50):
            t.run(kit.KILN, "attach")
            t.wait("at the gate")
            os.kill(t.console()[1], signal.SIGKILL)
            t.wait("Killed|shell> *\\Z")
        t.run(kit.KILN, "attach")
        t.wait("controls: you")
        self.finish(t)


if __name__ == "__main__":
    screen.main()
