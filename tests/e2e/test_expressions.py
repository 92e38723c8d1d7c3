"""kiln console at a terminal: a prompt, lines that can be edited, a history."""

import kit


class Expressions(kit.Case):
    def open(self):
        t = {"variables": {"a": "A1", "s": "hunter2"}, "sensitive-variables": ["s"], "builders": []}
        run = self.start("console", self.write("t.json", t), tty=True)
        run.expect(r"> $")
        return run

    def test_history_and_editing(self):
        run = self.open()
        run.send("{{user `a`}}|\r")
        run.expect(r"^A1\|\r?\n> $")
        run.send("wrong\x15{{user `s`}}\r")  # Ctrl-U drops what was typed
        run.expect(r"^<sensitive>\r?\n> $")
        run.send("\x1b[A\x1b[A\x7f!\r")  # Up, Up, backspace
        run.expect(r"^A1!\r?\n> $")
        run.send("{{foo}}\r")
        run.expect(r"^\?{7}: Interpolation error[^>]*> $")
        run.send("exit\r")
        self.assertEqual(run.wait(), 0)

    def test_ctrl_c_drops_a_line_and_leaves_an_empty_one(self):
        run = self.open()
        run.send("abc\x03")
        run.expect(r"abc\^C\r?\n> $")
        run.send("def\r")
        run.expect(r"^def\r?\n> $")
        run.send("\x03")
        self.assertEqual(run.wait(), 0)

    def test_ctrl_d(self):
        run = self.open()
        run.send("\x04")
        self.assertEqual(run.wait(), 0)
        self.assertIn("exit", run.out.text)


if __name__ == "__main__":
    kit.main()
