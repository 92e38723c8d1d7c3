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
        losers = re.findall(r"Build 'qemu.(.)' errored after .*: Output directory 'out' already exists: another "
                            r"build has made it\. Give each build an output_directory of its own\.", out)
        self.assertEqual(len(losers), 1, out)
        (winner,) = set("ab") - set(losers)
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
        self.write("boot.raw", kit.boot_disk(kit.HALT))  # is there until it is killed
        out = self.build(self.ssh_guest(qmp_enable=True))
        self.assertIn("QMP socket at: out/disk.monitor", out)
        self.assertIn("Halting the virtual machine...", out)
        self.assertEqual(self.files(self.path("out")), ["disk"])


class Course(Qemu):
    """Steps as they are told, and the ways a machine ends (qemu-builder.md, sections 2 and 11)."""

    QUIT = """import socket
s = socket.socket(socket.AF_UNIX)
s.connect("qmp")
s.recv(999)
s.send(b'{"execute": "qmp_capabilities"}{"execute": "quit"}')
while s.recv(999):  # QEMU forgets what a client that has gone wanted
    pass
"""

    def told(self, out):
        """The lines of the build, less what differs from run to run."""
        lines = [line[len("==> qemu: "):] for line in out.splitlines() if line.startswith("==> qemu: ")]
        return [re.sub(r":59\d\d", ":N", line.replace(self.dir, "DIR")) for line in lines]

    def test_lines(self):
        out = self.build(kit.qemu(boot_command=["a"], boot_wait="1ms", boot_key_interval="1ms", format=None, iso_url="boot.raw",
                                  vnc_port_min=5950, vnc_port_max=5999, http_content={"/a": "b"}))
        told = [line for line in self.told(out) if "qemuargs" not in line and "HTTP server on port" not in line]
        self.assertEqual(told, [
            "Retrieving ISO", "Trying boot.raw", "Trying boot.raw", "boot.raw => DIR/boot.raw", "Copying hard drive...",
            "No communicator is set; skipping port forwarding setup.",
            "Looking for available port between 5950 and 5999 on 127.0.0.1", "Starting VM, booting disk image",
            "The VM will be run headless, without a GUI. If you want to",
            "view the screen of the VM, connect via VNC without a password to", "vnc://127.0.0.1:N",
            "Waiting 1ms for boot...", "Connecting to VM via VNC (127.0.0.1:N)",
            *told[13:-3],  # the guest may power off before the key is typed
            "No communicator is configured -- skipping StepWaitGuestAddress", "Waiting for shutdown...",
            "Converting hard drive..."])
        self.assertIn("Starting HTTP server on port ", out)

    def test_the_address_family_of_http(self):
        self.write("boot.raw", kit.boot_disk(kit.HALT))
        for protocol, address, other in (("tcp6", "::1", "127.0.0.1"), ("tcp4", "127.0.0.1", "::1")):
            run = self.start("build", "-color=false", self.write("t.json", kit.qemu(
                http_content={"/a": "b"}, http_network_protocol=protocol, communicator="none")))
            port = int(run.expect(r"HTTP server on port (\d+)").group(1))
            with kit.socket.create_connection((address, port)) as s:
                s.sendall(b"GET /a HTTP/1.0\r\n\r\n")
                self.assertTrue(s.makefile().read().endswith("\n\nb"))
            with self.assertRaises(ConnectionRefusedError):
                kit.socket.create_connection((other, port)).close()
            run.signal(kit.signal.SIGTERM)
            self.assertEqual(run.wait(), 1)

    def test_without_vnc(self):
        told = self.told(self.build(kit.qemu(disable_vnc=True, boot_wait="5ms")))
        self.assertNotIn("VNC (", "".join(told))
        self.assertNotIn("Waiting 5ms for boot...", told)
        self.assertIn("Looking for available port between 5900 and 6000 on 127.0.0.1", told)

    def test_powers_off_too_late(self):
        self.write("boot.raw", kit.boot_disk(kit.HALT))
        out = self.build(kit.qemu(shutdown_timeout="200ms"), code=1)
        self.assertIn("Failed to shutdown", out)
        self.check_nothing_made()

    @kit.needs_sshd
    def test_shutdown_command(self):
        """Its exit status says nothing; only the end of QEMU does."""
        self.write("boot.raw", kit.boot_disk(kit.HALT))
        template = self.ssh_guest(qmp_enable=True, qmp_socket_path=self.path("qmp"))
        self.write("quit.py", self.QUIT)
        template["builders"][0]["shutdown_command"] = f"cd {self.dir}; python3 quit.py; echo off >&2; exit 3"
        told = self.told(self.build(template))
        self.assertEqual(told[-2:], ["Gracefully halting virtual machine...", "off"])
        template["builders"][0].update(shutdown_command="true", shutdown_timeout="200ms")
        out = self.build(template, "-force", code=1)
        self.assertIn("Timeout while waiting for machine to shut down.", out)
        self.check_nothing_made()


class Tpm(Qemu):
    @unittest.skipUnless(kit.have("swtpm"), "no swtpm")
    def test_comes_and_goes(self):
        for device, old in (("tpm-tis", False), ("tpm-crb", True)):
            out = self.build(kit.qemu(vtpm=True, use_tpm1=old, tpm_device_type=device, machine_type="q35", memory=64),
                             "-force", env={"PACKER_LOG": "1"})
            (socket,) = re.findall(r"-chardev socket,id=vtpm,path=(\S+) ", out)
            self.assertIn("-tpmdev emulator,id=tpm0,chardev=vtpm", out)
            self.assertIn(f"-device {device},tpmdev=tpm0", out)
            (swtpm,) = re.findall("Executing (.*swtpm .*)", out)
            self.assertEqual("--tpm2" in swtpm, not old)
            self.assertFalse(os.path.exists(os.path.dirname(socket)))

    @unittest.skipUnless(kit.have("swtpm"), "no swtpm")
    def test_is_missed(self):
        template = kit.qemu(communicator="ssh", ssh_username="u", ssh_password="secret", vtpm=True, machine_type="q35",
                            memory=64, boot_wait="0s")
        self.write("boot.raw", kit.boot_disk(kit.HALT))
        run = self.start("build", "-color=false", self.write("t.json", template))
        run.expect("Waiting for SSH")
        os.kill(run.child("swtpm"), kit.signal.SIGKILL)
        run.expect(r"swtpm ended \(exit code 137\): the guest has no TPM any more")
        run.signal(kit.signal.SIGTERM)
        self.assertEqual(run.wait(), 1)
        self.assertEqual(run.out.text.count("swtpm ended"), 1)


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
