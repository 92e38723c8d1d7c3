"""What only a real guest shows: it reboots, and QEMU dies while a script runs in it."""

import json
import os
import signal
import subprocess

import kit


@kit.needs_qemu
class Guest(kit.Case):
    def setUp(self):
        super().setUp()
        subprocess.run([kit.SOURCE + "/tests/guest/build.sh", kit.BUILD + "/guest"], check=True)

    def demo(self, *provisioners):
        """The demo guest with other provisioners, installed as fast as it can be."""
        with open(kit.SOURCE + "/tests/guest/template.json") as f:
            t = json.load(f)
        iso = kit.BUILD + "/guest/kiln-guest.iso"
        t["builders"][0]["http_directory"] = kit.SOURCE + "/tests/guest/http"
        t["provisioners"] = list(provisioners)
        return self.start("build", "-color=false", "-var", "iso_url=" + iso, "-var", f"iso_checksum=file:{iso}.sha256",
                          "-var", "output_dir=" + self.path("out"), self.write("t.json", t))

    def test_reboot_then_death(self):
        """A reboot is survived, by a connection that ends as the guest likes; QEMU's end is not."""
        boot = {"type": "shell", "inline": ["cat /proc/sys/kernel/random/boot_id"]}
        reboot = "echo '{{ user `ssh_password` }}' | sudo -S reboot -f"
        run = self.demo(boot, {"type": "shell", "inline": [reboot], "expect_disconnect": True, "pause_after": "1s"},
                        {"type": "file", "source": "t.json", "destination": "/tmp/"}, boot,
                        {"type": "shell", "inline": ["echo started", "sleep 1009"]})
        first = run.expect("^==> qemu.debian: ([0-9a-f]{8}-[0-9a-f-]+)", 200)[1]
        run.expect("Pausing 1s after this provisioner...", 60)
        second = run.expect("^==> qemu.debian: ([0-9a-f]{8}-[0-9a-f-]+)", 200)[1]
        self.assertNotEqual(first, second)
        run.expect("^==> qemu.debian: started", 200)
        run.signal(signal.SIGKILL, run.child("qemu-system"))
        run.expect(r"Build 'qemu.debian' errored after .*: QEMU ended \(exit code 137\) "
                   "while the guest was provisioned", 5)
        self.assertEqual(run.wait(10), 1)
        self.assertFalse(os.path.exists(self.path("out/image")))


if __name__ == "__main__":
    kit.main()
