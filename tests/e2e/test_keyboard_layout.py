"""boot_keyboard_layout: guests that loaded a keymap of their own get every character that is typed.

The keymaps are those of the console-data package, which nobody made from xkb's. Each guest's lines come back on its
serial line. With KILN_LAYOUT_FAULTS set, one of the keyboards loses keys, which takes longer.
"""

import base64
import json
import os
import subprocess

import kit
import screens

FAULTY = {"qemu_binary": kit.SOURCE + "/tests/e2e/faulty_qemu.py"} if os.environ.get("KILN_LAYOUT_FAULTS") else {}
# xkb's layout, the guest's keymap, characters that the layout has on dead keys only, more options
LAYOUTS = (("fr", "fr-pc", "", {}),
           ("de", "de-latin1-nodeadkeys", "^`", {"boot_key_interval": "5ms"}),
           ("jp", "jp106", "", FAULTY))

INIT = """#!/bin/busybox sh
b=/bin/busybox
$b mount -t proc proc /proc
$b mount -t devtmpfs dev /dev
exec </dev/tty1 >/dev/tty1 2>&1
$b stty raw </dev/ttyS0
read -r how </proc/cmdline
case $how in
%s
esac
n=0
while :; do
    n=$((n + 1))
    printf 'line %%d: ' $n
    IFS= read -r line
    printf '%%s\\n' "$line" >/dev/ttyS0
done
"""


def keymap(name):
    binary = subprocess.run(["loadkeys", "-q", "-b", name], check=True, stdout=subprocess.PIPE).stdout
    return f"*map={name}*) echo {base64.b64encode(binary).decode()} | $b base64 -d | $b loadkmap ;;"


def have_keymaps():
    return kit.have("loadkeys") and all(
        subprocess.run(["loadkeys", "-q", "-b", name], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0
        for _, name, _, _ in LAYOUTS)


@kit.needs_qemu
class KeyboardLayout(kit.Case):
    def setUp(self):
        super().setUp()
        if not kit.have("xorriso", "zstd", "cpio") or not have_keymaps():
            self.skipTest("no xorriso, zstd, cpio or keymaps")
        subprocess.run([kit.SOURCE + "/tests/guest/build.sh", kit.BUILD + "/guest"], check=True)
        self.kernel, self.initrd = screens.demo_files(self, INIT % "\n".join(keymap(name) for _, name, _, _ in LAYOUTS))
        with open(self.path("disk.raw"), "wb") as f:
            f.truncate(1 << 20)

    def builder(self, layout, name, lines, **options):
        command = []
        for i, line in enumerate(lines, 1):
            command += [f"<wait 'line {i}:'>", line.replace("<", "<<on><<off>"), "<enter>"]
        command.append(f"<wait 'line {len(lines) + 1}:'>")
        template = kit.qemu(
            name=layout, boot_command=command, boot_keyboard_layout=layout, iso_url="disk.raw", memory=128, shutdown_timeout="1s",
            output_directory="out-" + layout, qemuargs=[
                ["-kernel", self.kernel], ["-initrd", self.initrd],
                ["-append", f"console=tty0 {screens.WORDS} map={name}"], ["-serial", "file:" + self.path("serial-" + layout)]],
            **options)
        return template["builders"][0]

    def typed(self, layout):
        with open(self.path("serial-" + layout), newline="") as f:
            return f.read().split("\n")[:-1]

    def type(self):
        lines = {}
        for layout, _, lacking, _ in LAYOUTS:
            shown = "".join(c for c in map(chr, range(33, 127)) if c not in lacking)
            lines[layout] = [f"url=http://10.0.2.2/{layout}?\"a@b\"<c>", "Q" + " ".join((shown[:47], shown[47:])) + "E"]
        template = {"builders": [self.builder(layout, name, lines[layout], **options) for layout, name, _, options in LAYOUTS]}
        run = self.start("build", "-color=false", self.write("t.json", template))
        self.assertEqual(run.wait(kit.PATIENCE + 120), 1)  # no guest powers off
        for layout in lines:
            self.assertEqual(self.typed(layout), lines[layout], run.out.text)

    def test_every_character_arrives(self):
        """In the closed loop and at the template's pace; and what is sent is what the rehearsal announces."""
        self.type()
        out = subprocess.run([kit.KILN, "keys", "-json", "t.json"], cwd=self.path("."), capture_output=True, text=True,
                             timeout=kit.PATIENCE, check=True)
        self.assertNotIn("on no key", out.stdout)
        sent = [e for e in self.events() if e["type"] == "key"]
        repairs = [e for e in self.events() if e["type"] == "typing" and e["name"] == "repair"]
        self.assertTrue(repairs or not FAULTY)
        for build in json.loads(out.stdout):
            want = [(e["action"], e["keysym"], e.get("scancode"), e["name"]) for e in build["rows"][0]["events"] if e["action"] != "wait"]
            got = [("down" if e.get("down") else "up", e["keysym"], e.get("scancode"), e["name"]) for e in sent if e["build"] == build["build"]]
            self.assertEqual(got, want)

    def test_by_hand(self):
        """Keys of a person, who then has the boot command that does the same."""
        line = "url=http://10.0.2.2/?\"A@b\"<z>~1&"
        layout, name, _, _ = LAYOUTS[0]
        self.kiln("build", "-detach", "-break", "before:stepTypeBootCommand",
                  self.write("t.json", {"builders": [self.builder(layout, name, [])]}))
        c = kit.Client(self, watch="state")
        self.addCleanup(c.close)
        c.stop("before:stepTypeBootCommand")
        c.call("record", on=True)
        c.expect("text", text="line 1:")
        for i, ch in enumerate(line, 1):
            c.type(ch)
            c.expect("text", text="line 1: " + line[:i])
        c.type("\n")
        c.expect("text", text="line 2:")
        self.assertEqual(self.typed(layout), [line])
        self.assertEqual(c.end_record(), [f"<wait 'line \\d+:$'>{line}<enter>"])
        c.call("cancel")
        self.wait_gone(kit.PATIENCE)


if __name__ == "__main__":
    kit.main()
