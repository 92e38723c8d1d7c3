"""What goes wrong around a build: programs, disks, ports, downloads, guests and servers. Each ends with
its cause named, and leaves nothing: no process, port, lock, temporary file or half-made output.
"""

import hashlib
import os
import re
import signal
import socket
import subprocess
import threading

import kit

# mov int 13h, ah = 43h: writes 32 KiB after 32 KiB to its own disk, without an end
FILL = bytes.fromhex("31c08ed8be407cb280b80043cd13668306487c40ebee").ljust(64, b"\0") + bytes.fromhex(
    "10004000000000100008000000000000")
SSH = {"communicator": "ssh", "ssh_username": "nobody", "ssh_password": "wrong-pass", "ssh_timeout": "1s"}


class Case(kit.Case):
    def setUp(self):
        super().setUp()
        self.write("boot.raw", kit.boot_disk(kit.HALT))
        self.write("off.raw", kit.boot_disk(kit.POWER_OFF))

    def fails(self, template, cause, *flags, **options):
        """The build fails, and says why where people look: in its last line and in the summary."""
        text = self.build(template, *flags, code=1, **options)
        self.assert_cause(text, cause)
        self.check_nothing_made()
        return text

    def assert_cause(self, text, cause):
        paragraph = r"((?!\n\n).)*"
        for start in ("Build '[^']*' errored after ", "--> "):
            self.assertRegex(text, rf"(?ims)^{start}{paragraph}{cause}")

    def listen(self, handler=None):
        """A listener on a port of its own; handler(connection) runs for each client."""
        s = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(s.close)

        def loop():
            while True:
                try:
                    c, _ = s.accept()
                except OSError:
                    return
                with c:
                    try:
                        handler(c)
                    except OSError:
                        pass

        if handler:
            threading.Thread(target=loop, daemon=True).start()
        return s.getsockname()[1]

    def free_port(self):
        with socket.create_server(("127.0.0.1", 0)) as s:
            return s.getsockname()[1]


@kit.needs_qemu
class Programs(Case):
    def test_no_qemu(self):
        self.fails(kit.qemu(qemu_binary="qemu-system-nosuch"), 'exec: "qemu-system-nosuch": executable file not found.*set qemu_binary')

    def test_no_qemu_img(self):
        os.mkdir(self.path("bin"))
        os.symlink(kit.shutil.which("qemu-system-x86_64"), self.path("bin/qemu-system-x86_64"))
        self.fails(kit.qemu(), 'exec: "qemu-img": executable file not found.*install', env={"PATH": self.path("bin")})

    def test_not_qemu(self):
        self.write("qemu", "#!/bin/sh\necho I am no QEMU\n")
        os.chmod(self.path("qemu"), 0o755)
        self.fails(kit.qemu(qemu_binary="./qemu"), "No version found: I am no QEMU")

    def test_qemu_refuses(self):
        self.fails(kit.qemu(qemuargs=[["-device", "nosuch-device"]]), "'nosuch-device' is not a valid device model name")

    def test_no_disk(self):
        self.fails(kit.qemu(iso_url="nosuch.raw"), "nosuch.raw: no such file")


@kit.needs_qemu
class FullDisk(Case):
    def small(self, size, template, cause, before="true", env=""):
        """Build with a tmpfs on small/, in a mount namespace of its own."""
        os.makedirs(self.path("small"), exist_ok=True)
        name = self.write("t.json", template)
        script = (f'mount -t tmpfs -o size={size} none small || exit 77; {before}; '
                  f'{env} "{kit.KILN}" build -color=false {name}; code=$?; ls -AR small >left; exit $code')
        p = subprocess.run(["unshare", "-rm", "sh", "-c", script], cwd=self.dir, env=self.env, text=True,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=kit.PATIENCE)
        if p.returncode == 77 or "unshare" in p.stdout:
            self.skipTest("no mount namespaces here: " + p.stdout)
        self.assertEqual(p.returncode, 1, p.stdout)
        self.assert_cause(p.stdout, cause)
        self.check_nothing_made()
        return self.read("left")

    def test_copy(self):
        self.assertEqual(self.small("256k", kit.qemu(output_directory="small/out"),
                                    r"small/out/disk: No space left on device"), "small:\n")

    def test_create(self):
        self.assertEqual(self.small("64k", kit.qemu(disk_image=None, skip_resize_disk=None, format="qcow2",
                                             output_directory="small/out"),
                                    r"small/out/disk.*No space left on device"), "small:\n")

    def test_download(self):
        def big(request):
            request.send_response(200)
            request.send_header("Content-Length", str(1 << 20))
            request.end_headers()
            if request.command == "GET":
                request.wfile.write(bytes(1 << 20))

        left = self.small("256k", kit.qemu(iso_url=self.serve(big) + "/a.iso"), "No space left on device",
                          env='PACKER_CACHE_DIR="$PWD/small/cache"')
        self.assertNotRegex(left, r"\.(part|iso)\n")

    def test_script(self):
        t = {"builders": [{"type": "null", "communicator": "none"}],
             "provisioners": [{"type": "shell-local", "inline": ["echo " + "x" * 9000]}]}
        self.assertEqual(self.small("4k", t, "No space left on device", env='TMPDIR="$PWD/small"'), "small:\n")

    def test_ledger(self):
        self.small("4k", kit.qemu(), "ledger .*No space left on device", before="head -c 4k /dev/zero >small/x",
                   env='XDG_STATE_HOME="$PWD/small"')

    def test_guest_writes(self):
        """QEMU stops a guest whose disk cannot grow; nobody shall wait for it."""
        self.write("fill.raw", kit.boot_disk(FILL))
        subprocess.run("qemu-img convert -O qcow2 fill.raw fill && qemu-img resize -q fill 64M", shell=True, check=True,
                       cwd=self.dir)
        for options in ({}, {"boot_wait": "1h"}, {"boot_command": ["<wait1h>"]},
                        {**SSH, "ssh_timeout": "1h", "qemuargs": None}):
            t = kit.qemu(iso_url="fill", format="qcow2", output_directory="small/out", **options)
            left = self.small("2m", t, "No space left on device")
            self.assertRegex(left, r"\Asmall:\nout.failure\n\nsmall/out.failure:\n(.*\n)*report.txt\n")


@kit.needs_qemu
class Ports(Case):
    def test_ssh(self):
        port = self.listen()
        self.fails(kit.qemu(**SSH, host_port_min=port, host_port_max=port),
                   f"host_port_min.*no free port on 127.0.0.1 between {port} and {port}: 1 in use by other programs")

    def test_vnc(self):
        while (port := self.listen()) < 5900:
            pass
        self.fails(kit.qemu(vnc_port_min=port, vnc_port_max=port),
                   f"vnc_port_min.*no free port on 127.0.0.1 between {port} and {port}: 1 in use by other programs")

    def test_http(self):
        port = self.listen()
        self.fails(kit.qemu(http_content={"/a": "b"}, http_port_min=port, http_port_max=port),
                   f"no free port .*between {port} and {port}: 1 in use by other programs")

    def test_one_port_for_two_builds(self):
        """The second waits for the first, whose QEMU has it."""
        port = self.free_port()
        t = kit.qemu(vnc_port_min=port, vnc_port_max=port, iso_url="off.raw", output_directory="out-{{build_name}}")
        t["builders"] = [{**t["builders"][0], "name": n} for n in "ab"]
        self.build(t)
        self.check_no_leftovers()

    def test_lost_to_somebody_quicker(self):
        """A port that was free when kiln looked, but not when QEMU binds it: the next one will do."""
        self.write("qemu", """#!/usr/bin/python3
import os, socket, sys
if "-vnc" in sys.argv and not os.path.exists("once"):
    open("once", "w").close()
    display = sys.argv[sys.argv.index("-vnc") + 1].split(":")[1].split(",")[0]
    os.set_inheritable(socket.create_server(("127.0.0.1", 5900 + int(display))).detach(), True)
os.execvp("qemu-system-x86_64", ["qemu-system-x86_64"] + sys.argv[1:])
""")
        os.chmod(self.path("qemu"), 0o755)
        self.build(kit.qemu(qemu_binary="./qemu", iso_url="off.raw"))
        self.assertIn("once", self.files(self.dir))
        self.check_no_leftovers()


@kit.needs_qemu
class Iso(Case):
    def setUp(self):
        super().setUp()
        self.image = kit.boot_disk(kit.POWER_OFF)
        self.asked = []

    def answer(self, request):
        self.asked.append((request.command, request.path))
        if request.path != "/good.raw":
            request.send_error(404)
            return
        request.send_response(200)
        request.send_header("Content-Length", str(len(self.image)))
        request.end_headers()
        if request.command == "GET":
            request.wfile.write(self.image)

    def sum(self):
        return "sha256:" + hashlib.sha256(self.image).hexdigest()

    def test_mismatch(self):
        got = hashlib.sha256(self.image).hexdigest()
        for url in (self.serve(self.answer) + "/good.raw", "off.raw"):
            text = self.fails(kit.qemu(iso_url=url, iso_checksum="sha256:" + "0" * 64), "Checksums did not match for ")
            self.assertIn("Expected: " + "0" * 64, text)
            self.assertIn("Got: " + got, text)
            big = [f for f in self.files(self.home) if os.path.getsize(os.path.join(self.home, f)) >= len(self.image)]
            self.assertEqual([f for f in big if not f.endswith(".jsonl")], [])
        self.assertIn("off.raw", self.files(self.dir))  # what is not ours is not removed

    def test_the_second_url(self):
        top = self.serve(self.answer)
        refused = f"http://127.0.0.1:{self.free_port()}/x.raw"
        t = kit.qemu(iso_url=None, iso_urls=[top + "/bad.raw", refused, "nosuch.raw", top + "/good.raw"],
                     iso_checksum=self.sum())
        text = self.build(t)
        for bad in ("bad.raw", "x.raw", "nosuch.raw"):
            self.assertRegex(text, rf"(?s)Trying \S*{re.escape(bad)}.*Download failed")
        self.check_no_leftovers()
        self.asked.clear()
        self.build(t, "-force")  # from the cache
        self.assertNotIn("GET", [a[0] for a in self.asked])

    def test_no_url_works(self):
        top = self.serve(self.answer)
        self.fails(kit.qemu(iso_url=None, iso_urls=[top + "/bad.raw", top + "/worse.raw"], iso_checksum=self.sum()),
                   "error downloading ISO: .*404")

    def test_two_builds_one_download(self):
        """At once, and each with its own copy as output."""
        t = kit.qemu(iso_url=self.serve(self.answer) + "/good.raw", iso_checksum=self.sum(),
                     output_directory="out-{{build_name}}", vm_name="disk-{{build_name}}")
        t["builders"] = [{**t["builders"][0], "name": n} for n in "ab"]
        # Neither goes on before both have come this far. A guest that is off already does not mind.
        t["provisioners"] = [{"type": "shell-local", "inline": [
            "touch at-$PACKER_BUILD_NAME", "until [ -e at-a ] && [ -e at-b ]; do :; done"]}]
        self.build(t)
        self.assertEqual([a for a in self.asked if a[0] == "GET"], [("GET", "/good.raw")])
        for n in "ab":
            with open(self.path(f"out-{n}/disk-{n}"), "rb") as f:
                self.assertEqual(f.read(), self.image)
        self.check_no_leftovers()

    def test_one_at_a_time(self):
        t = kit.qemu(iso_url="off.raw", output_directory="out-{{build_name}}")
        t["builders"] = [{**t["builders"][0], "name": n} for n in "abc"]
        self.build(t, "-parallel-builds=1")
        order = [(e["type"], e["build"]) for e in self.events() if e["type"] in ("build-start", "build-end")]
        self.assertEqual(order, [(w, "qemu." + n) for n in "abc" for w in ("build-start", "build-end")])

    def test_one_of_two_fails(self):
        t = kit.qemu(iso_url="off.raw", output_directory="out-{{build_name}}")
        t["builders"] = [{**t["builders"][0], "name": "good"},
                         {**t["builders"][0], "name": "bad", "iso_url": "nosuch.raw"}]
        text = self.build(t, code=1)
        self.assertRegex(text, r"(?m)^--> qemu\.bad: .*nosuch\.raw")
        self.assertRegex(text, r"(?m)^--> qemu\.good: VM files in directory: out-good")
        self.assertEqual([f for f in self.files(self.dir) if f.startswith("out")], ["out-good", "out-good/disk"])
        self.check_no_leftovers()


@kit.needs_qemu
class Guest(Case):
    def test_powers_off_early(self):
        for cause, options in (
            ("QEMU ended .*before the guest could be logged in", {**SSH, "ssh_timeout": "1h", "qemuargs": None}),
            ("QEMU ended .*before the boot command was typed", {"boot_command": ["<wait1h>a"]}),
            ("QEMU ended .*before the boot command was typed", {"boot_command": ["a"], "boot_wait": "1h"}),
        ):
            self.fails(kit.qemu(iso_url="off.raw", **options), cause)

    def test_powers_off_when_it_likes(self):
        """No keys, nobody to log in: a guest that is off is done, however early."""
        for options in ({"boot_wait": "1h"}, {}):
            self.build(kit.qemu(iso_url="off.raw", **options), "-force")
        run = self.start("build", "-color=false", "-force", "-debug",
                         self.write("t.json", kit.qemu(iso_url="off.raw")), tty=True)
        while "stepRun" not in run.expect(r"after run of step '(\w+)'\. Press enter to continue\. $").group(1):
            run.send("\n")
        kit.until(lambda: not [p for p in self.programs() if "qemu" in p], "the guest's end")
        while run.poll() is None:
            run.out.pull(0.05)
            if run.out.text.endswith("continue. "):
                run.send("\n")
                run.out.pull(0.05)
        self.assertEqual(run.wait(), 0, run.out.text)

    def killed(self, template, ready, cause):
        run = self.start("build", "-color=false", self.write("t.json", template))
        ready(run)
        run.signal(signal.SIGKILL, run.child("qemu-system"))
        run.expect(rf"(?m)^Build 'qemu' errored after .*: .*{cause}")
        self.assertEqual(run.wait(10), 1)
        self.check_nothing_made()

    def test_qemu_killed(self):
        killed = r"QEMU ended \(exit code 137\)"
        slow = kit.qemu()
        slow["provisioners"] = [{"type": "shell-local", "inline": ["touch here", "until [ -e go ]; do :; done"]}]

        def provisioning(run):
            kit.until(lambda: "here" in self.files(self.dir), "the script")
            qemu = run.child("qemu-system")
            run.signal(signal.SIGSTOP, qemu)  # so that child() still finds it
            self.write("go", "")

        self.killed(kit.qemu(boot_wait="1h"), lambda run: run.expect("Waiting 1h"), killed)
        self.killed(kit.qemu(**SSH | {"ssh_timeout": "1h"}, qemuargs=None), lambda run: run.expect("Waiting for SSH"),
                    killed)
        self.killed(slow, provisioning, killed)
        self.killed(kit.qemu(), lambda run: run.expect("Waiting for shutdown"), killed)


class Http(Case):
    @kit.needs_qemu
    def test_outside_the_directory(self):
        self.write("files/inside", "inside")
        self.write("files/sub/x", "x")
        self.write("secret", "outside")
        run = self.start("build", "-color=false", self.write("t.json", kit.qemu(http_directory="files", boot_wait="1h")))
        port = int(run.expect(r"Starting HTTP server on port (\d+)").group(1))
        self.assertRegex(self.get(port, "/inside"), r"(?s)\AHTTP/1\.1 200 .*\r\n\r\ninside\Z")
        for up in ("..", "%2e%2e", "%2E.", ".%2e", "..%2f..", "%2e%2e%2f..", "..;", "..%5c..", "..\\..", "%252e%252e",
                   "..%00", "sub/../..", "sub/%2e%2e/..", "/..", "./.."):
            for target in ("secret", "../../../../../../../../etc/passwd"):
                for path in (f"/{up}/{target}", f"{up}/{target}", f"http://x/{up}/{target}"):
                    reply = self.get(port, path)
                    self.assertNotRegex(reply, r"outside|root:", path)
                    self.assertRegex(reply, r"\A(HTTP/1\.1 (301|400|403|404) |\Z)", path)
        self.assertRegex(self.get(port, "/inside"), r"(?s)\AHTTP/1\.1 200 ")  # and it still serves
        run.signal(signal.SIGINT)
        self.assertEqual(run.wait(), 1)
        with self.assertRaises(OSError):
            socket.create_connection(("127.0.0.1", port), 1).close()
        self.check_nothing_made()

    @staticmethod
    def get(port, path):
        with socket.create_connection(("127.0.0.1", port), 10) as s:
            s.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
            data = b""
            while chunk := s.recv(65536):
                data += chunk
        return data.decode(errors="replace")


class Ssh(Case):
    """The null builder knows nothing of a guest's death: the server is all there is."""

    def null(self, port, **options):
        return {"builders": [{"type": "null", **SSH, "ssh_host": "127.0.0.1", "ssh_port": port, **options}]}

    def test_refuses_the_password(self):
        self.fails(self.null(self.sshd(), ssh_handshake_attempts=2), "the server let nobody in.*unable to authenticate")

    def sshd(self):
        if not os.path.exists("/usr/sbin/sshd"):
            self.skipTest("no /usr/sbin/sshd")
        if os.geteuid() == 0:
            os.makedirs("/run/sshd", exist_ok=True)  # as root it insists on this
        port = self.free_port()
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.path("host")], check=True)
        self.write("sshd_config", f"Port {port}\nListenAddress 127.0.0.1\nHostKey {self.path('host')}\nPidFile none\n"
                                  "UsePAM no\nStrictModes no\nPasswordAuthentication yes\n")
        p = subprocess.Popen(["/usr/sbin/sshd", "-D", "-e", "-f", self.path("sshd_config")], stderr=subprocess.DEVNULL)
        self.addCleanup(p.wait)
        self.addCleanup(p.terminate)
        return port

    def test_refuses_the_connection(self):
        self.fails(self.null(self.free_port()), "nothing accepted a connection.*connection refused")

    def test_closes_at_once(self):
        self.fails(self.null(self.listen(lambda c: None)), "no SSH server spoke:")

    def test_is_no_ssh_server(self):
        port = self.listen(lambda c: c.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n"))
        self.fails(self.null(port), "no SSH server spoke:")

    def test_says_nothing(self):
        port = self.listen(lambda c: c.recv(1 << 20) and c.recv(1))
        self.fails(self.null(port), "no SSH server spoke:")

    def test_garbage_after_the_banner(self):
        port = self.listen(lambda c: c.sendall(b"SSH-2.0-x\r\n" + os.urandom(4096)))
        self.fails(self.null(port), "an SSH server answered, but the key exchange did not finish")


if __name__ == "__main__":
    kit.main()
