"""What `kiln keys` announces is what a build sends, for every boot command of the golden tests."""

import glob
import json
import os
import re
import subprocess

import kit

GOLDEN = kit.SOURCE + "/tests/golden/bootcmd/*.txt"


def commands():
    """Each in a row of its own; waits are cut to what a test can wait for."""
    rows = []
    for path in sorted(glob.glob(GOLDEN)):
        if path.endswith("/errors.txt") or path.endswith("/waits.txt"):
            continue
        with open(path, encoding="utf-8") as f:
            rows.append([re.sub("<wait[^>]*>", "<wait1ms>", f.read()), os.path.basename(path)])
    return rows + [["{{ .Name }} http://{{ .HTTPIP }}:{{ .HTTPPort }}/x<wait20ms><leftCtrlOn>c<leftCtrlOff>"],
                   ["pw={{user `pw`}}<enter>", "a secret"]]


def shape(events):
    """What of a key event must agree; a masked one tells little."""
    return [(e.get("element"), e["action"], e.get("keysym"), e["name"]) for e in events]


@kit.needs_qemu
class Keys(kit.Case):
    def setUp(self):
        super().setUp()
        self.write("boot.raw", kit.boot_disk(kit.HALT))

    def rehearse(self, *args):
        out = subprocess.run([kit.KILN, "keys", "-json", *args], cwd=self.path("."), capture_output=True, text=True,
                             timeout=kit.PATIENCE)
        self.assertEqual(out.returncode, 0, out.stdout + out.stderr)
        return json.loads(out.stdout)

    def test_every_event_is_as_announced(self):
        t = kit.qemu(boot_steps=commands(), boot_key_interval="1ms", http_content={"/x": "y"}, http_port_min=8123,
                     http_port_max=8123, shutdown_timeout="1s")
        t["variables"] = {"pw": "hunter2secret"}
        t["sensitive-variables"] = ["pw"]
        path = self.write("t.json", t)
        rows = self.rehearse(path)[0]["rows"]
        run = self.start("build", "-color=false", path)
        run.wait()
        sent = [e for e in self.events() if e["type"] == "key"]
        at = 0
        for i, row in enumerate(rows):
            want = [e for e in row["events"] if e["action"] != "wait"]
            got = sent[at:at + len(want)]
            at += len(want)
            self.assertEqual(
                shape(want),
                [(e.get("total", 0) + 1, "down" if e.get("down") else "up", e.get("keysym"),
                  e.get("name", "<sensitive>")) for e in got], row["description"])
            self.assertEqual({e.get("done", 0) for e in got}, {i} if got else set())
            self.check_clock(want, got)
        self.assertEqual(at, len(sent))
        self.assertNotIn("hunter2", json.dumps(rows))

    def check_clock(self, want, got):
        """A build may be late, never early; single events are told when they went out, give or take a little."""
        if got:
            announced = (want[-1]["at_ns"] - want[0]["at_ns"]) / 1000
            self.assertGreaterEqual(got[-1]["mono"] - got[0]["mono"], 0.95 * announced)


if __name__ == "__main__":
    kit.main()
