"""A password that a person types: never on the terminal, in a log or in what a failure leaves."""

import os
import signal
import termios

import kit

WRONG, RIGHT = "tr0ub4dor", "correct-horse"


def echoes(fd):
    return bool(termios.tcgetattr(fd)[3] & termios.ECHO)


class Asked(kit.Case):
    def null(self):
        return {"builders": [{"type": "null", **kit.AskingBastion(self, RIGHT).options()}]}

    def ask(self, template=None):
        run = self.start("build", "-color=false", self.write("t.json", template or self.null()), tty=True)
        run.expect(r"jump@127\.0\.0\.1: Password: $")
        kit.until(lambda: not echoes(run.out.fd), "echo off")
        return run

    def check_nothing_left(self, run, *secrets):
        """Neither printed nor in any file."""
        for secret in secrets:
            self.assertNotIn(secret, run.out.text)
            self.assertEqual(self.files_with(secret), [])

    @kit.needs_qemu
    def test_a_build_that_fails_then(self):
        """What is typed is a secret at once: the server repeats it in its next question."""
        self.write("boot.raw", kit.boot_disk(kit.HALT))
        options = kit.AskingBastion(self, RIGHT).options()
        run = self.ask(kit.qemu(**options))
        run.send(WRONG + "\n")
        run.expect(r"jump@127\.0\.0\.1: not <sensitive>\. Password: $")
        kit.until(lambda: not echoes(run.out.fd), "echo off")
        run.send(RIGHT + "\n")
        run.expect(r"jump@127\.0\.0\.1: Token: $")
        kit.until(lambda: echoes(run.out.fd), "echo on")
        run.send("visible\n")
        run.expect(r"\$ |visible\r\n")
        self.assertEqual(run.wait(), 1)
        self.assertIn("out.failure", self.files(self.dir))
        self.check_nothing_left(run, WRONG, RIGHT)
        asked = [e.get("to") for e in self.events() if e["type"] == "prompt"]
        self.assertEqual(asked, ["secret", "secret", "text"])

    def test_ctrl_c(self):
        run = self.ask()
        run.send("half of it\x03")
        run.expect("Cancelling build after receiving interrupt")
        self.assertEqual(run.wait(), 1)
        self.assertTrue(echoes(run.out.fd))

    def test_killed(self):
        """Whoever is killed."""
        for victim in ("itself", "worker", "guard", "restorer"):
            run = self.ask()
            pid = {"itself": run.pid, "worker": run.worker(), "guard": run.guard(),
                   "restorer": run.workers()[-1]}[victim]
            run.signal(signal.SIGKILL, pid)
            if victim in ("guard", "restorer"):
                run.send("\x03")
            self.assertNotEqual(run.wait(), 0)
            kit.until(lambda: echoes(run.out.fd), f"echo on after the death of {victim}")
            self.wait_gone(kit.PATIENCE)

    def test_ctrl_z(self):
        """The shell has its terminal back, and the question comes again with fg."""
        t = self.write("t.json", self.null())
        pid, fd = kit.pty.fork()
        if pid == 0:
            os.chdir(self.dir)
            # A shell that does not put terminals in order.
            os.execve("/bin/sh", ["sh", "-mc", f'"{kit.KILN}" build -color=false {t}; stty -a; fg; echo code $?'],
                      self.env)
        run = kit.Run(pid, fd, True)
        self.runs.append(run)
        run.expect(r"Password: $")
        kit.until(lambda: not echoes(fd), "echo off")
        run.send("\x1a")
        run.expect(r" echo ")
        run.expect(r"Password: $")
        kit.until(lambda: not echoes(fd), "echo off")
        run.send(RIGHT + "\n")
        run.expect(r"Token: $")
        kit.until(lambda: echoes(fd), "echo on")
        run.send("\x03")
        run.expect("code 1")
        run.wait()
        self.check_nothing_left(run, RIGHT)

    def test_without_a_terminal(self):
        """Nobody can be asked; who follows the run elsewhere sees the question, not the answer."""
        text = self.build(self.null(), code=1)
        self.assertIn("ssh_bastion_interactive: Error asking for input: no available tty", text)
        run = self.ask()
        follower = self.start("attach", "-plain")
        follower.expect(r"jump@127\.0\.0\.1: Password:")
        run.send(RIGHT + "\n")
        follower.expect(r"jump@127\.0\.0\.1: Token:")
        run.send("\n")
        self.assertEqual(run.wait(), 1)
        self.assertEqual(follower.wait(), 1)
        self.check_nothing_left(follower, RIGHT)


if __name__ == "__main__":
    kit.main()
