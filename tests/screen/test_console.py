"""The console in a real terminal: what is on the screen, at which size, on which kind of terminal; how
it leaves the terminal behind; what keys do to a build.
"""

import os
import re
import signal

import screen
from screen import kit

BORDERS = "─│┬┴┼"


class Ended(screen.Case):
    """Looking at a run that is over."""

    HOSTILE = ["plain", "clear \033[2J\033[H gone", "title \033]0;owned\a", "osc52 \033]52;c;QUJD\a", "c1 \x9b2J",
               "bell \a back \b\b\b", "acs \x0e lqk", "cr end", "red \033[31mred\033[0m"]

    def attach(self, cols, rows, env=None, *flags):
        t = self.terminal(cols, rows)
        t.run(kit.KILN, "attach", *flags, env=env)
        t.wait("the run is over: ")
        return t

    def test_sizes(self):
        self.ended("hello from the build")
        for cols, rows in ((80, 24), (60, 15), (200, 60), (74, 15), (100, 30)):
            t = self.attach(cols, rows)
            t.wait("hello from the build")
            rows_now = t.screen()
            self.assertRegex(rows_now[0], "^─ Builds ─.*┬─ ")
            self.assertEqual(len(rows_now[0]), cols)
            self.assertTrue(all(len(r) <= cols for r in rows_now))
            self.assertRegex(rows_now[1], "✓ \\S*demo")
            self.assertRegex(t.text(), "(?m)^─ Log ─+┴")
            self.assertEqual(rows_now[rows - 1], "the run is over: done")
            t.keys("q")
            t.wait("shell>")

    def test_hostile_lines(self):
        """Whatever a provisioner prints: only text gets to the terminal."""
        self.ended(*self.HOSTILE)
        t = self.attach(80, 24)
        t.wait("bell")
        for row in ("clear +\\?* *gone", "title *\\??$", "osc52 *\\??$", "c1 .2J", "bell \\? back \\?\\?\\?", "acs \\? lqk",
                    "red red$"):
            t.wait(row)
        self.assertRegex(t.screen()[0], "^─ Builds")
        self.assertNotEqual(t.flag("pane_title"), "owned")
        t.keys("4", "z")
        t.wait("^─ Log ─+ .*─$")
        t.wait("red red$")

    def test_failed_run(self):
        self.ended("about to fail", code=3)
        t = self.attach(80, 24)
        t.wait("the run is over: failed")
        t.wait("✗ \\S*demo")
        t.keys("q")
        t.wait("shell>")
        t.type("echo code $?\n")
        t.wait("^code 1")

    def test_terminals(self):
        self.ended("hello")
        for term, env in (("vt100", {}), ("linux", {}), ("screen", {}), ("xterm", {"LC_ALL": "C"}),
                          ("xterm-256color", {}), ("tmux", {})):
            t = self.attach(80, 24, {"TERM": term, **env})
            self.assertRegex(t.screen()[0], "^[─q-] Builds [─q-]", term)  # tmux tells a line drawing q as q
            t.wait("hello")
            t.keys("q")
            t.wait("shell>")

    def test_no_color(self):
        self.ended("hello", code=3)
        t = self.attach(80, 24, {"NO_COLOR": "1"})
        colors = "\033\\[[0-9;]*(3[0-8]|4[0-8]|9[0-7]|10[0-7])"
        self.assertNotRegex("\n".join(t.screen(colors=True)), colors)
        t.keys("q")
        t.wait("shell>")
        t.run(kit.KILN, "attach")
        t.wait("the run is over")
        kit.until(lambda: re.search(colors, "\n".join(t.screen(colors=True))), "colours")

    def test_refused(self):
        self.ended("hello")
        t = self.terminal(59, 24)
        t.run(kit.KILN, "attach")
        t.wait("too small: 59 x 24; the console needs 60 x")
        t.resize(80, 24)
        t.run(kit.KILN, "attach", env={"TERM": "nonsense"})
        t.wait("TERM=nonsense: this machine does not know")
        self.assertEqual(t.flag("alternate_on"), "0")

    def test_help_and_command_line(self):
        self.ended("hello")
        t = self.attach(80, 24)
        t.keys("?")
        t.wait("^─ Help ─")
        t.wait("focus-next +go to the next pane")
        t.keys("q")
        t.wait("^─ Builds")
        t.keys(":")
        t.type("foc")
        t.keys("Tab")
        t.wait("^:focus$")
        t.wait("focus-next +focus-previous")
        t.type(" lo")
        t.keys("Tab")
        t.wait("^:focus log$")
        t.keys("Enter")
        t.type(":serach x\n")
        t.wait('no command is called "serach"; did you mean "search"\\?')
        t.keys(":", "Up")
        t.wait("^:serach x$")
        t.keys("Escape")
        t.wait("^the run is over")

    def test_keymaps(self):
        self.ended("hello")
        t = self.attach(80, 24, None, "-keymap=vim")
        t.keys("Z", "Z")
        t.wait("shell>")
        self.write("my.conf", "global x quit\nlog / serach\n")
        t.run(kit.KILN, "attach", "-keymap=./my.conf")
        t.wait('my.conf:2: no action is called "serach"; did you mean "search"\\?')
        t.keys("x")
        t.wait("shell>")
        t.run(kit.KILN, "attach", "-keymap=emacs")
        t.wait("the run is over")
        t.keys("C-x", "C-c")
        t.wait("shell>")


class Going(screen.Case):
    """A run is watched, stopped and let go on."""

    def attach(self, cols=80, rows=24, env=None):
        t = self.terminal(cols, rows)
        t.run(kit.KILN, "attach", env=env)
        t.wait("at the gate")
        t.wait("controls: you")
        return t

    def finish(self, t):
        """The build was not disturbed."""
        self.release()
        t.wait("the run is over: done")
        t.wait("through")
        t.keys("q")
        t.wait("shell>")

    def check_given_back(self, t):
        """The shell has its terminal as it was."""
        t.wait("shell> *$")
        self.assertEqual(t.flag("alternate_on"), "0")
        self.assertEqual(t.flag("cursor_flag"), "1")
        self.assertEqual(t.flag("mouse_any_flag"), "0")
        t.type("stty -a; echo end of stty\n")
        t.wait("^end of stty")
        settings = t.text()
        for word in ("echo", "icanon", "isig", "opost"):
            self.assertRegex(settings, "[ \n]%s\\b" % word)

    def test_pause_and_end(self):
        self.going()
        t = self.attach()
        t.wait("▸ shell-local")
        t.keys("p")
        t.wait("^─ Question ─")
        t.wait("\\[continue\\]  \\[next\\]")
        t.wait("■ \\S*demo")
        t.keys("p")
        t.wait("^─ Question ─", gone=True)
        self.finish(t)

    def test_quit_detaches(self):
        self.going()
        t = self.attach()
        t.keys("q")
        self.check_given_back(t)
        t.run(kit.KILN, "attach")
        t.wait("controls: you")
        self.finish(t)

    def test_cancel_asks(self):
        self.going()
        t = self.attach()
        t.keys("X")
        t.wait("Cancel all builds of this run and clean up\\? \\(y/N\\)")
        t.keys("Enter")
        t.wait("the run goes on")
        t.keys("X")
        t.wait("Cancel all builds")
        t.keys("y")
        t.wait("the run is over|cancelling")
        t.wait("- \\S*demo")

    def test_second_watches(self):
        self.going()
        t = self.attach()
        other = self.terminal(80, 24)
        other.run(kit.KILN, "attach")
        other.wait("another console holds the controls")
        other.keys("p")
        other.wait("controls")
        self.assertNotRegex(t.text(), "Question")
        other.keys("C")
        other.wait("controls: you")
        t.wait("another console has taken the controls")
        other.keys("q")
        other.wait("shell>")
        self.finish(t)

    def test_killed(self):
        """kill -9 of the console, and of its keeper: the terminal is as it was, the build goes on."""
        self.going()
        t = self.attach()
        os.kill(t.console()[1], signal.SIGKILL)
        self.check_given_back(t)
        t.run(kit.KILN, "attach", "-mouse")
        t.wait("at the gate")
        keeper, console = t.console()
        os.kill(keeper, signal.SIGKILL)
        kit.until(lambda: not kit.alive(console), "the end of the console")
        t.keys("Enter")
        self.check_given_back(t)
        t.run(kit.KILN, "attach")
        t.wait("controls: you")
        os.kill(t.console()[1], signal.SIGSEGV)
        self.check_given_back(t)
        t.run(kit.KILN, "attach")
        t.wait("controls: you")
        self.finish(t)

    def test_suspend(self):
        self.going()
        t = self.attach()
        t.keys("C-z")
        t.wait("Stopped")
        self.check_given_back(t)
        t.type("fg\n")
        t.wait("^─ Builds")
        t.wait("at the gate")
        keeper, console = t.console()
        os.kill(console, signal.SIGSTOP)  # by somebody else
        t.wait("Stopped")
        self.check_given_back(t)
        t.type("fg\n")
        t.wait("^─ Builds")
        self.finish(t)

    def test_resize(self):
        self.going()
        t = self.attach(200, 60)
        for cols, rows in ((60, 15), (132, 43), (80, 24)):
            t.resize(cols, rows)
            t.wait("\\A─ Builds ─.{%d}\n" % (cols - len("─ Builds ─")))
            t.wait("at the gate")
        t.resize(50, 10)
        t.wait("kiln needs 60 x 15; this is 50 x 10")
        t.resize(80, 24)
        t.wait("\\A─ Builds ─")
        self.finish(t)

    def test_typed_answers(self):
        """A password is typed unseen, and is in no file."""
        options = kit.AskingBastion(self, "correct-horse").options()
        self.kiln("build", "-detach", self.write("t.json", {"builders": [{"type": "null", **options}]}))
        t = self.terminal()
        t.run(kit.KILN, "attach")
        t.wait("jump@127.0.0.1: Password:")
        t.type("correct-horse")
        t.wait("^ > \\*{13}$")
        t.keys("Enter")
        t.wait("jump@127.0.0.1: Token:")
        t.type("seen")
        t.wait("^ > seen$")
        t.keys("Enter")
        t.wait("the run is over: failed")
        self.assertEqual(self.files_with("correct-horse"), [])

    def test_breakpoint(self):
        self.going(provisioners=[{"type": "shell-local", "inline": ["echo second"]}])
        t = self.attach()
        t.wait("▸ shell-local")
        t.keys("j", "b")
        t.wait("● ○ shell-local|●.○ shell-local")
        self.release()
        t.wait("^─ Question ─")
        t.wait("■ \\S*demo")
        self.assertNotIn("second\n", t.text())
        t.keys("c")
        t.wait("the run is over: done")
        t.wait(" second")
        t.keys("q")
        t.wait("shell>")

    def test_question(self):
        """-on-error=ask: Enter retries; what cleans up asks once more."""
        self.going("-on-error=ask", provisioners=[{"type": "shell-local", "inline": ["echo try; exit 3"]}])
        t = self.attach()
        self.release()
        t.wait("\\[clean up\\]  \\[abort\\]  \\[retry\\]")
        kit.until(lambda: len(re.findall(" try$", t.text(), re.M)) == 1, "one try")
        t.keys("Enter")  # retry, from the first provisioner on
        t.wait("▸ Provision, try 2")
        self.release()
        kit.until(lambda: sum(e.get("text") == "try" for e in self.events()) == 2, "two tries")
        t.wait("\\[clean up\\]  \\[abort\\]  \\[retry\\]")
        t.keys("Up", "Up", "Up", "Enter")
        t.wait("null.demo: really clean up\\? \\(y/N\\)")
        t.keys("Enter")
        t.wait("\\[clean up\\]  \\[abort\\]  \\[retry\\]")
        t.keys("Enter", "y")
        t.wait("the run is over: failed")
        t.keys("q")
        t.wait("shell>")


if __name__ == "__main__":
    screen.main()
