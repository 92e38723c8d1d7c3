"""The log pane in a real terminal, on a run whose log is known to the byte: what 80x24 shows."""

import json
import os

import screen
from screen import kit

RUN = "6b014000-0000-4000-8000-000000000000"
START = 1795242160  # 2026-11-21 06:22:40 UTC


class Log(screen.Case):
    def log(self, *events):
        """A run that has ended with this event log."""
        path = self.home
        for name in (".local", "state", "kiln", "runs", RUN):
            path = os.path.join(path, name)
            os.mkdir(path, 0o700)
        events = [{"type": "run-start", "text": "t.json", "names": ["demo"]}, *events, {"type": "run-end"}]
        with open(os.path.join(path, "events.jsonl"), "w", encoding="utf-8") as f:
            for i, e in enumerate(events):
                head = {"seq": i + 1, "mono": 1000000 * i, "wall": 1000000 * (START + i)}
                f.write(json.dumps({**head, **e}, separators=(",", ":")) + "\n")
        with open(os.path.join(path, "run.lock"), "w", encoding="utf-8"):
            pass

    @staticmethod
    def line(text, level="output"):
        return {"type": "line", "build": "demo", "level": level, "text": text}

    def many(self, n):
        return [self.line(f"line {i}" + (" broke" if i % 10 == 3 else ""), "error" if i % 10 == 3 else "output")
                for i in range(n)]

    def attach(self, cols=80, rows=24, env=None):
        t = self.terminal(cols, rows)
        t.run(kit.KILN, "attach", RUN, env=env)
        t.wait("the run is over")
        t.keys("4", "z")
        t.wait("^─ Log ─+ .*─$")
        return t

    def command(self, t, text):
        t.keys(":")
        t.wait("^:$")
        t.type(text)
        t.keys("Enter")

    def check(self, t, *rows):
        """These are the first rows of the screen, once the last of them is there."""
        try:
            kit.until(lambda: t.screen()[:len(rows)] == list(rows), "these rows", 10)
        except AssertionError:
            self.assertEqual(t.screen()[:len(rows)], list(rows))

    @staticmethod
    def frame(status, cols=80):
        """The pane's title row."""
        return "─ Log " + "─" * (cols - 6 - len(status) - 3) + f" {status} ─"

    def test_follow_and_scroll(self):
        self.log(*self.many(100))
        t = self.attach()
        t.wait("^─ Log ─+ 100 lines  follow ─$")
        rows = [f"06:{22 + (41 + i) // 60}:{(41 + i) % 60:02} line {i}" for i in range(100)]
        rows[83] += " broke"
        rows[93] += " broke"
        self.assertEqual(t.screen()[1:23], rows[78:])
        t.keys("PPage")
        t.wait("^─ Log ─+ 58 of 100 ─$")
        t.wait("line 57$")
        t.keys("<")
        self.check(t, self.frame("1 of 100"), "06:22:41 line 0")
        t.keys("G")
        t.wait("100 lines  follow")

    def test_search(self):
        self.log(*self.many(100))
        t = self.attach()
        t.keys("<", "/")
        t.wait("^:search $|^:search$")
        t.type("line 4[2-4]\n")
        t.wait("^─ Log ─+ 43 of 100  /line 4\\[2-4\\] ─$")
        t.keys("n", "n")
        t.wait(" 45 of 100 ")
        t.keys("n")
        t.wait("^search went on at the beginning")
        t.wait(" 43 of 100 ")
        marked = [r for r in t.screen(colors=True) if "\033[30" in r or ";30" in r or "103" in r]
        self.assertEqual(len(marked), 3, marked)
        self.command(t, "search nowhere")
        t.wait('^no line matches "nowhere"')
        self.command(t, "search (")
        t.wait('^search: "\\(" at character 2: missing closing parenthesis')

    def test_filter(self):
        self.log(*self.many(100))
        t = self.attach()
        self.command(t, "filter level=error text=[5-7]3")
        self.check(t, self.frame("3 lines  follow  [level=error text=[5-7]3]"),
                   "06:23:34 line 53 broke", "06:23:44 line 63 broke", "06:23:54 line 73 broke", "")
        self.command(t, "filter level=eror")
        t.wait('^filter: no level is called "eror"; did you mean error\\?')
        self.command(t, "filter off")
        t.wait("^─ Log ─+ 100 lines  follow ─$")

    def test_wrap(self):
        self.log(self.line("x" * 71 + "y" * 71 + "z"), self.line("short"))
        t = self.attach()
        self.check(t, self.frame("2 lines  follow"),
                   "06:22:41 " + "x" * 71, "06:22:42 short", "")
        t.keys("w")
        self.check(t, self.frame("2 lines  follow"), "06:22:41 " + "x" * 71, " " * 9 + "y" * 71, " " * 9 + "z", "06:22:42 short", "")
        t.resize(60, 15)
        self.check(t, self.frame("2 lines  follow", 60), "06:22:41 " + "x" * 51,
                   " " * 9 + "x" * 20 + "y" * 31, " " * 9 + "y" * 40 + "z", "06:22:42 short", "")

    def test_save(self):
        self.log(*self.many(100))
        t = self.attach()
        self.command(t, "filter level=error")
        t.wait("10 lines")
        self.command(t, "save out.log")
        t.wait("^wrote 10 lines to out.log")
        with open(self.path("out.log"), encoding="utf-8") as f:
            saved = f.read().splitlines()
        self.assertEqual(saved[0], "2026-11-21 06:22:44.000 demo: line 3 broke")
        self.assertEqual(len(saved), 10)
        self.command(t, "save out.log")
        t.wait("out.log is there already. Replace it\\?")
        t.keys("Enter")
        t.wait("^not saved")

    def test_copy(self):
        """tmux takes OSC 52 into a buffer if it is told to."""
        self.log(self.line("above"), self.line("tab\tand \033[31mred"), self.line("below"))
        t = self.attach()
        t.tmux("set", "-s", "set-clipboard", "on")
        t.keys("Up", "m", "Up", "y")
        t.wait("^copied 2 lines")
        kit.until(lambda: t.tmux("show-buffer", check=False) == "above\ntab\tand red", "the clipboard")

    def test_no_color(self):
        self.log(self.line("said", "say"), self.line("broke", "error"), self.line("printed"))
        t = self.attach(env={"NO_COLOR": "1"})
        self.check(t, self.frame("3 lines  follow"), "> 06:22:41 said", "E 06:22:42 broke", "  06:22:43 printed", "")


if __name__ == "__main__":
    screen.main()
