"""The QEMU builder with a real QEMU: its disks, its output directory, what it leaves behind."""

import json
import os
import re
import stat
import unittest

import kit

OVMF = "/usr/share/OVMF/OVMF_CODE.fd"
IMAGE = {"disk_image": True, "skip_resize_disk": None, "format": None, "disk_size": "2M"}
DISK = "out/disk"
COMPACTION = ["convert", "-O", "qcow2", DISK, DISK + ".convert"]


@kit.needs_qemu
class Qemu(kit.Case):
    def setUp(self):
        super().setUp()
        self.write("boot.raw", kit.boot_disk(kit.POWER_OFF))

    def ssh_guest(self, **options):
        """The builder's ssh goes to a server on this machine; QEMU is killed at the end."""
        sshd = kit.Sshd(self)
        self.addCleanup(sshd.close)
        return kit.qemu(communicator="ssh", ssh_host="127.0.0.1", ssh_port=sshd.port, ssh_username="root",
                        ssh_private_key_file=self.path("id"), skip_nat_mapping=True,
                        qemuargs=[["-nodefaults"], ["-netdev", "user,id=user.0"]], **options)


class Images(Qemu):
    """What is asked of qemu-img (qemu-builder.md, section 4)."""

    def setUp(self):
        super().setUp()
        program = f"#!/bin/sh\nprintf '%s\\n' \"$@\" '' >>{self.path('asked')}\nexec /usr/bin/qemu-img \"$@\"\n"
        os.chmod(self.path(self.write("bin/qemu-img", program)), 0o755)
        self.env["PATH"] = self.path("bin") + ":" + self.env["PATH"]
        self.qemu_img("convert", "-O", "qcow2", "boot.raw", "base.qcow2")
        self.write("boot.img", kit.boot_disk(kit.POWER_OFF))

    def qemu_img(self, *args):
        kit.subprocess.run(["/usr/bin/qemu-img", *args], cwd=self.dir, check=True, stdout=kit.subprocess.PIPE)

    def asked(self, **options):
        """The commands of a build with these options, without the flag for progress."""
        self.write("asked", "")
        self.out = self.build(kit.qemu(**options), "-force")
        rows = self.read("asked").split("\n\n")[:-1]
        return [[a for a in row.strip("\n").split("\n") if a != "-p"] for row in rows]

    def info(self, name=DISK):
        run = kit.subprocess.run(["/usr/bin/qemu-img", "info", "--output=json", self.path(name)], check=True,
                                 stdout=kit.subprocess.PIPE)
        return json.loads(run.stdout)

    def test_of_an_image(self):
        base = self.path("base.qcow2")
        resize = ["resize", "-f", "qcow2", DISK, "2M"]
        self.assertEqual(self.asked(**IMAGE, iso_url="base.qcow2"), [resize, COMPACTION])
        self.assertIn("File extension already matches desired output format. Skipping qemu-img convert step", self.out)
        self.assertNotIn("Copying hard drive", self.out)
        self.assertEqual(self.info()["virtual-size"], 2 << 20)

        args = {"create": ["-o", "lazy_refcounts=on"], "convert": "-o,cluster_size=4096",
                "resize": ["--preallocation=off"]}
        self.assertEqual(
            self.asked(**IMAGE, iso_url="boot.img", qemu_img_args=args, disk_additional_size="1M"),
            [["create", "-f", "qcow2", "-o", "lazy_refcounts=on", DISK + "-1", "1M"],
             ["convert", "-O", "qcow2", self.path("boot.img"), DISK],
             ["resize", "-f", "qcow2", "--preallocation=off", DISK, "2M"],
             ["convert", "-o", "cluster_size=4096", "-O", "qcow2", DISK, DISK + ".convert"]])
        self.assertIn("Copying hard drive...", self.out)
        self.assertEqual(self.info()["cluster-size"], 4096)

        overlay = {**IMAGE, "iso_url": "base.qcow2", "use_backing_file": True}
        create = ["create", "-f", "qcow2", "-b", base, "-F", "qcow2", DISK, "2M"]
        self.assertEqual(self.asked(**overlay), [create, resize])
        self.assertEqual(self.info()["full-backing-filename"], base)
        self.assertEqual(self.asked(**overlay, disk_compression=True),
                         [create, resize, ["convert", "-c", *COMPACTION[1:]]])
        self.assertNotIn("backing-filename", self.info())

    def test_of_a_format(self):
        # Raw is never converted at the end, whatever else is asked for.
        self.assertEqual(self.asked(disk_compression=True), [])
        self.assertEqual(self.asked(skip_resize_disk=None, disk_size="1g"),
                         [["resize", "-f", "raw", DISK, "1g"]])
        self.assertEqual(self.asked(iso_url="boot.img"), [["convert", "-O", "raw", self.path("boot.img"), DISK]])
        # disk_compression beats skip_compaction.
        same = {"format": None, "iso_url": "base.qcow2"}
        self.assertEqual(self.asked(**same, skip_compaction=True), [])
        self.assertEqual(self.asked(**same, skip_compaction=True, disk_compression=True),
                         [["convert", "-c", *COMPACTION[1:]]])

    def test_commands_are_in_the_debug_log(self):
        out = self.build(kit.qemu(disk_additional_size="1M"), env={"PACKER_LOG": "1"})
        self.assertIn("qemu: Executing qemu-img create -f raw out/disk-1 1M\n", out)
        self.assertRegex(out, r"qemu: Executing /\S+/qemu-system-x86_64 -no-user-config -name disk ")

    def test_a_disk_that_would_shrink(self):
        big = {**IMAGE, "iso_url": "base.qcow2", "disk_size": "64k"}
        out = self.build(kit.qemu(**big), code=1)
        self.assertRegex(out, "Error creating hard drive: QemuImg error: .*Use the --shrink option")
        self.check_nothing_made()


class Output(Qemu):
    def test_two_builds_want_one_directory(self):
        one = kit.qemu()["builders"][0]
        out = self.build({"builders": [{**one, "name": n, "vm_name": n} for n in "ab"]}, code=1)
        (loser,) = re.findall(r"Build 'qemu.(.)' errored after .*: Output directory 'out' already exists: another "
                              r"build has made it\. Give each build an output_directory of its own\.", out)
        (winner,) = set("ab") - set(loser)
        self.assertRegex(out, f"Build 'qemu.{winner}' finished")
        self.assertEqual(self.files(self.path("out")), [winner])

        # -force is for what was there before.
        out = self.build(kit.qemu(), "-force")
        self.assertIn("Deleting previous output directory...", out)
        self.assertEqual(self.files(self.path("out")), ["disk"])
        out = self.build(kit.qemu(), code=1)
        self.assertIn("Output directory 'out' already exists. It must not exist.", out)
        self.assertEqual(self.files(self.path("out")), ["disk"])

    def test_a_path_with_a_slash_at_its_end(self):
        self.build(kit.qemu(output_directory="deep/er/"))
        self.assertEqual(self.files(self.path("deep")), ["er", "er/disk"])

    @kit.needs_sshd
    def test_a_killed_qemu_leaves_no_socket(self):
        out = self.build(self.ssh_guest(qmp_enable=True))
        self.assertIn("QMP socket at: out/disk.monitor", out)
        self.assertIn("Halting the virtual machine...", out)
        self.assertEqual(self.files(self.path("out")), ["disk"])


class Firmware(Qemu):
    def test_is_looked_for_by_the_build(self):
        template = kit.qemu(efi_firmware_code="/none/code.fd")
        self.assertEqual(self.kiln("validate", self.write("t.json", template)).splitlines()[-1:],
                         ["The configuration is valid."])
        out = self.build("t.json", code=1)
        self.assertIn("efi_firmware_code: stat /none/code.fd: no such file or directory", out)
        self.assertNotIn("Retrieving ISO", out)
        self.check_nothing_made()

    @kit.needs_sshd
    @unittest.skipUnless(os.path.exists(OVMF), "no OVMF")
    def test_variables_belong_to_the_result(self):
        template = self.ssh_guest(efi_boot=True, machine_type="q35", memory=256)
        for drop, listed in ((False, ["out/disk", "out/efivars.fd"]), (True, ["out/disk"])):
            template["builders"][0]["efi_drop_efivars"] = drop
            template["post-processors"] = [{"type": "manifest", "output": f"{drop}.json"}]
            self.build(template, "-force")
            made = json.loads(self.read(f"{drop}.json"))["builds"][0]["files"]
            self.assertEqual([f["name"] for f in made], listed)
            mode = os.stat(self.path("out/efivars.fd")).st_mode
            self.assertEqual(stat.S_IMODE(mode), 0o640)  # 0660 less the umask


class Vnc(Qemu):
    def test_password_is_told(self):
        hint = r"connect via VNC to vnc://127\.0\.0\.1:59\d\d\n==> qemu: with the password: "
        self.assertRegex(self.build(kit.qemu(vnc_use_password=True)), hint + r"[0-689a-zA-Z]{8}\n")
        out = self.build(kit.qemu(vnc_use_password=True, vnc_password="Sesame1"), "-force")
        self.assertRegex(out, hint + "<sensitive>\n")
        self.assertNotIn("Sesame1", out)


if __name__ == "__main__":
    kit.main()
