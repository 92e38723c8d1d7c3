"""The communicator winrm, the null builder and a WS-Management server that checks every envelope
(winrm_server.py): logins, files, waiting, and what a hostile or dying guest does to it.
"""

import os

import kit
from winrm_server import Guest, Server, reply

PASSWORD = "Pä$$w0rd;<&>'\""


class WinRM(kit.Case):
    def setUp(self):
        super().setUp()
        self.servers = []

    def tearDown(self):
        try:
            for server in self.servers:
                self.assertEqual(server.faults, [])
                self.assertEqual(list(server.shells), [], "shells left in the guest")
        finally:
            super().tearDown()

    def server(self, guest=None, **options):
        server = Server(self, guest or Guest(), **options)
        self.servers.append(server)
        return server

    def template(self, server, *provisioners, **options):
        builder = {"type": "null", "communicator": "winrm", "winrm_host": "127.0.0.1", "winrm_port": server.port,
                   "winrm_username": server.user, "winrm_password": server.password, "winrm_timeout": "30s"}
        if server.ntlm:
            builder["winrm_use_ntlm"] = True
        if server.scheme == "https":
            builder.update(winrm_use_ssl=True, winrm_insecure=True)
        builder.update(options)
        return {"builders": [builder], "provisioners": list(provisioners)}

    def run_with(self, server, *provisioners, code=0, env=None, **options):
        return self.build(self.template(server, *provisioners, **options), code=code, env=env)

    def download(self, source, destination):
        return {"type": "file", "direction": "download", "source": source, "destination": destination}

    # -- logins --

    def test_every_way_in(self):
        for ntlm in (False, True):
            for tls in (False, True):
                with self.subTest(ntlm=ntlm, tls=tls):
                    server = self.server(ntlm=ntlm, tls=tls, password=PASSWORD)
                    out = self.run_with(server)
                    self.assertEqual(out.splitlines()[:4], [
                        "==> null: Using WinRM communicator to connect: 127.0.0.1",
                        "==> null: Waiting for WinRM to become available...",
                        "==> null: WinRM connected.",
                        "==> null: Connected to WinRM!"])
                    self.assertEqual(server.asked, ["Create", "Command", "Receive", "Delete"])
                    self.assertEqual(server.logins, 1 if ntlm else 0)  # one for all requests

    def test_refused_logins(self):
        for ntlm, tls, means in ((False, False, "Basic without TLS (AllowUnencrypted)"), (True, True, "NTLM (Negotiate)")):
            server = self.server(ntlm=ntlm, tls=tls)
            out = self.run_with(server, code=1, winrm_password="mistaken", winrm_timeout="300ms")
            self.assertIn(f"Timeout waiting for WinRM.\n127.0.0.1:{server.port}: somebody answers, but lets "
                          "nobody in (last: the guest refuses the login (HTTP status 401): winrm_username or "
                          f"winrm_password is wrong, or it does not allow {means})\n", out)

    def test_certificate_is_checked(self):
        server = self.server(tls=True)
        out = self.run_with(server, code=1, winrm_insecure=False, winrm_timeout="300ms")
        self.assertIn("SSL certificate problem", out)
        self.assertEqual(server.asked, [])

    def test_domain_user(self):
        self.run_with(self.server(ntlm=True), winrm_username="DOMAIN\\vagrant")

    def test_letters(self):
        self.run_with(self.server(ntlm=True, user="Jürgen", password="пароль 😀"))
        self.run_with(self.server(user="Jürgen", password="пароль 😀"))

    def test_other_names_of_ntlm(self):
        self.run_with(self.server(ntlm=True, scheme="NTLM"))
        self.run_with(self.server(ntlm=True), winrm_username="vagrant@domain", code=1, winrm_timeout="300ms")

    def test_new_connections_are_logged_in(self):
        self.write("a", "text")
        server = self.server(ntlm=True)
        server.hang_up = 9
        self.run_with(server, {"type": "file", "source": "a", "destination": "c:/a"})
        self.assertGreater(server.logins, 1)

    def test_proxy_is_not_asked_for_our_own_machine(self):
        self.run_with(self.server(), env={"http_proxy": "http://127.0.0.1:9"})

    # -- waiting --

    def test_guest_that_is_not_ready(self):
        answers = ["not yet", "WinRM connected."]

        class Slow(Guest):
            def run(self, command):
                script = command.script()
                if script and "WinRM connected." in script:
                    command.stall()  # one Receive times out: no reason to give up
                    command.out(answers.pop(0) + "\r\n")
                    return 0
                return super().run(command)

        server = self.server(Slow())
        server.refuse = 1
        self.run_with(server)
        self.assertEqual(answers, [])
        self.assertGreater(server.asked.count("Receive"), 3)

    def test_nobody_there(self):
        server = self.server()
        port = server.port
        server.close()
        out = self.run_with(server, code=1, winrm_timeout="200ms")
        self.assertIn(f"Timeout waiting for WinRM.\n127.0.0.1:{port}: nobody answers: is WinRM on, and the firewall "
                      "of the guest open?", out)

    def test_pause_before_connecting(self):
        out = self.run_with(self.server(), pause_before_connecting="50ms")
        self.assertEqual(out.count("Connected to WinRM!"), 2)
        self.assertIn("Pausing 50ms before connecting...", out)

    # -- files --

    def test_files(self):
        guest = Guest()
        server = self.server(guest)
        data = os.urandom(500_000)
        self.write("a b.bin", data)
        self.write("empty", b"")
        self.run_with(server,
                      {"type": "file", "source": "a b.bin", "destination": "$env:TEMP/new dir/"},
                      {"type": "file", "source": "a b.bin", "destination": "c:\\x\\"},
                      {"type": "file", "source": "empty", "destination": "'c:/it''s/empty'"},
                      self.download("$env:TEMP/new dir/a b.bin", "back"),
                      self.download("c:/it''s/empty", "none/"))
        self.assertEqual(sorted(guest.files), ["C:\\Temp\\new dir\\a b.bin", "C:\\it''s\\empty", "C:\\x\\a b.bin"])
        self.assertEqual(guest.files["C:\\x\\a b.bin"], data)
        with open(self.path("back"), "rb") as f:
            self.assertEqual(f.read(), data)
        self.assertEqual(self.read("none/empty"), "")
        self.assertGreater(server.largest, 100_000)  # few, large envelopes: 150 kB are allowed

    def test_directories(self):
        guest = Guest()
        for name in ("a", ".DS_Store", "sub dir/$b", "sub dir/deep/ä", "sub dir/z"):
            self.write("d/" + name, name)
        self.run_with(self.server(guest), {"type": "file", "source": "d", "destination": "c:/one"},
                      {"type": "file", "source": "d/", "destination": "c:/two"})
        self.assertEqual({p: bytes(d).decode() for p, d in guest.files.items()}, {
            f"C:\\{top}\\{n}".replace("/", "\\"): n
            for top in ("one\\d", "two") for n in ("a", "sub dir/$b", "sub dir/deep/ä", "sub dir/z")})

    def test_guest_without_sha256(self):
        guest = Guest()
        guest.hashes = False
        self.write("a", "text")
        self.run_with(self.server(guest), {"type": "file", "source": "a", "destination": "c:/a"}, self.download("c:/a", "b"))
        self.assertEqual(self.read("b"), "text")

    def test_files_that_fail(self):
        class Liar(Guest):
            def show(self, command, data):
                super().show(command, data + b"!")

        guest = Guest()
        guest.directories.add("C:\\dir")
        self.write("a", os.urandom(300_000))
        up = {"type": "file", "source": "a", "destination": "c:/dir"}
        out = self.run_with(self.server(guest), up, code=1)
        self.assertIn("==> null: Upload failed: C:\\dir is a directory\n", out)
        out = self.run_with(self.server(Liar()), up, code=1)
        self.assertRegex(out, r"what arrived is not what was sent: size and SHA-256 are 300001 \w{64} there, 300000 \w{64} here")
        out = self.run_with(self.server(), self.download("c:/none", "b"), code=1)
        self.assertIn("Download failed: Could not find file 'C:\\none'.", out)
        out = self.run_with(self.server(), self.download("c:/d/", "b"), code=1)
        self.assertIn("Download failed: WinRM doesn't support download dir.", out)

    def test_powershell_that_does_not_run(self):
        class Broken(Guest):
            def put(self, command):
                command.err("The term 'powershell' is not recognized.\r\nat line 1\r\n")
                return 3

        self.write("a", "text")
        out = self.run_with(self.server(Broken()), {"type": "file", "source": "a", "destination": "c:/a"}, code=1)
        self.assertIn("Upload failed: PowerShell in the guest ended with status 3: The term 'powershell' is not recognized.\n", out)

    # -- ends --

    def test_hostile_answers(self):
        """None of them does more than end a build."""
        answers = {
            "no base64": ("output that is not base64", '<rsp:Stream Name="stdout">***</rsp:Stream>'),
            "entities": ("a document type", '<!DOCTYPE a [<!ENTITY b "c">]>&b;'),
            "no end": ("no XML", "<rsp:ReceiveResponse>"),
            "depth": ("nested too deeply", "<a>" * 100),
            "size": ("the answer: longer than the limit", " " * (5 << 20)),
            "nothing": ("no XML", ""),
        }
        self.write("s.bat", "dir")
        for name, (means, body) in answers.items():
            with self.subTest(name):
                server = self.server()
                receive = server.receive

                def hostile(root, shell):
                    if shell.command.script():
                        return receive(root, shell)
                    return 200, body and (body if body[0] == "<" and body[1] == "!" else
                                          reply("x", body).replace("</rsp:Shell>", ""))

                server.receive = hostile
                out = self.run_with(server, {"type": "windows-shell", "script": "s.bat", "start_retry_timeout": "1ns"}, code=1)
                self.assertIn(means, out)

    def test_interrupted(self):
        class Hangs(Guest):
            def put(self, command):
                with command.server.lock:
                    command.server.lock.wait_for(lambda: command.terminated, 60)
                return 1

        server = self.server(Hangs())
        self.write("a", "text")
        name = self.write("t.json", self.template(server, {"type": "file", "source": "a", "destination": "c:/a"}))
        run = self.start("build", name)
        kit.until(lambda: server.asked[-2:] == ["Send", "Receive"], "a script that does not end")
        run.signal(kit.signal.SIGINT)
        self.assertEqual(run.wait(), 1)
        self.assertEqual(server.asked[-2:], ["Signal", "Delete"])


    # -- the qemu builder --

    def qemu(self, **options):
        self.write("boot.raw", kit.boot_disk(kit.HALT))
        return {**kit.qemu(communicator="winrm", winrm_username="vagrant", winrm_password="vagrant", **options),
                "provisioners": [{"type": "windows-shell", "inline": "dir {{build `ConnType`}} {{build `Port`}}"}]}

    @kit.needs_qemu
    def test_qemu(self):
        guest = Guest()
        server = self.server(guest)
        out = self.build(self.qemu(skip_nat_mapping=True, winrm_port=server.port,
                                   qemuargs=[["-nodefaults"], ["-netdev", "user,id=user.0"]]))  # the port is the server's
        self.assertIn("==> qemu: Using WinRM communicator to connect: 127.0.0.1\n", out)
        self.assertEqual(guest.files["C:\\Windows\\Temp\\script.bat"], f"dir winrm {server.port}\n".encode())

    @kit.needs_qemu
    def test_qemu_forwards_the_port(self):
        for options, port in (({}, 5985), ({"winrm_use_ssl": True}, 5986), ({"winrm_port": 7}, 7)):
            run = self.start("build", "-color=false", "-force", self.write("t.json", self.qemu(**options)))
            run.expect("Waiting for WinRM to become available")
            qemu = run.child("qemu-system")
            self.assertRegex(" ".join(kit.arguments_of(qemu)), rf"hostfwd=tcp:127\.0\.0\.1:\d+-:{port}\b")
            run.signal(kit.signal.SIGKILL, qemu)  # nobody waits 30 minutes for it
            run.expect("before the guest could be logged in")
            self.assertEqual(run.wait(), 1)


if __name__ == "__main__":
    kit.main()
