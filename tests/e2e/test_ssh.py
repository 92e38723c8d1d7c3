"""The ssh options that need other servers: bastions, proxies, agents, certificates, tunnels."""

import getpass
import os
import subprocess

import kit

# In a script in the guest: the process of sshd that serves its connection.
SERVER = "server=$PPID; until grep -q ^sshd /proc/$server/comm; do server=$(ps -o ppid= $server | tr -d ' '); done"
LOSE = SERVER + "; kill -KILL $server"


def name_of_this_machine():
    """A name where there is one: a system just made may have no hosts file."""
    try:
        kit.socket.getaddrinfo("localhost", None, kit.socket.AF_INET)
        return "localhost"
    except OSError:
        return "127.0.0.1"


NAME = name_of_this_machine()


@kit.needs_sshd
class Ssh(kit.Case):
    def setUp(self):
        super().setUp()
        self.target = self.sshd()

    def sshd(self, name="", more=""):
        s = kit.Sshd(self, name, f"SetEnv HOME={self.home}\n{more}")  # nobody's profile takes part
        self.addCleanup(s.close)
        return s

    def template(self, *provisioners, **options):
        builder = {
            "type": "null",
            "ssh_host": "127.0.0.1",
            "ssh_port": self.target.port,
            "ssh_username": getpass.getuser(),
            "ssh_private_key_file": "id",
            "ssh_timeout": "30s",
        }
        builder.update(options)
        return {"builders": [{k: v for k, v in builder.items() if v is not None}], "provisioners": provisioners}

    def shell(self, *commands, **options):
        return {"type": "shell", "inline": list(commands), **options}

    def bastion(self, server, **options):
        return {"ssh_bastion_host": "127.0.0.1", "ssh_bastion_port": server.port,
                "ssh_bastion_username": getpass.getuser(), **options}

    # -- scripts --

    def test_a_script_that_arrives_damaged(self):
        """It is not run."""
        script, ran = self.path("guest.sh"), self.path("ran")
        damage = self.write("damage", 'eval "$SSH_ORIGINAL_COMMAND"\n'
                            f"case $SSH_ORIGINAL_COMMAND in *scp*) truncate -s -1 {script} ;; esac\n")
        self.target = self.sshd("2", f"ForceCommand sh {self.path(damage)}")
        out = self.build(self.template(self.shell(f"touch {ran}", remote_path=script, start_retry_timeout="1ns")), code=1)
        self.assertRegex(out, r"verify the upload: (\d+) bytes of guest\.sh were sent, the guest has \d+")
        self.assertFalse(kit.os.path.exists(ran))

    def test_a_script_with_one_line_end_of_windows(self):
        """And none at its end: the fixed one is as long."""
        for text in (b"#!/bin/sh\r\necho it ran", b"echo it ran\r"):
            with open(self.path("s.sh"), "wb") as f:
                f.write(text)
            self.assertIn("it ran\n", self.build(self.template({"type": "shell", "script": "s.sh"})))

    # -- ways there --

    def test_bastion(self):
        """Commands, files and a reboot, all of it by way of the bastion."""
        bastion = self.sshd("2")
        self.write("up/sub/file", "content")
        out = self.build(self.template(
            self.shell("echo port ${SSH_CONNECTION##* }"),
            {"type": "file", "source": "up", "destination": self.dir + "/made"},
            self.shell(LOSE, expect_disconnect=True, pause_after="1ms"),
            self.shell("echo back", start_retry_timeout="10s"),
            {"type": "file", "direction": "download", "source": self.dir + "/made/sub/file", "destination": "got"},
            **self.bastion(bastion)))
        self.assertRegex(out, f"port {self.target.port}\n")
        self.assertRegex(out, "Pausing 1ms after this provisioner...\n(.*\n)*.*back\n")
        self.assertEqual(self.read("got"), "content")
        self.assertEqual(bastion.log().count("Postponed publickey") or bastion.log().count("Accepted publickey"), 1)
        self.assertGreaterEqual(bastion.log().count("server_request_direct_tcpip: "), 2)  # a slow attempt is made again
        self.assertIn("Accepted publickey", self.target.log())

    def test_bastion_refuses(self):
        bastion = self.sshd("2", "PasswordAuthentication yes\nPubkeyAuthentication no")
        out = self.build(self.template(**self.bastion(bastion, ssh_bastion_password="wrong-one")), code=1)
        error = (f"ssh_bastion_host 127.0.0.1:{bastion.port} refused the login of '{getpass.getuser()}': are "
                 "ssh_bastion_username, ssh_bastion_password and ssh_bastion_private_key_file right?")
        self.assertIn(f"--> null: {error}", out)
        self.assertEqual(bastion.log().count("Failed password"), 1)  # nobody is locked out for that
        self.assertNotIn("wrong-one", out)
        self.assertNotIn("Accepted", self.target.log())

    def test_proxy(self):
        proxy = kit.Socks(self, ("me", "pw"))
        login = {"ssh_proxy_host": "127.0.0.1", "ssh_proxy_port": proxy.port, "ssh_proxy_username": "me"}
        out = self.build(self.template(
            self.shell("echo port ${SSH_CONNECTION##* }"),
            self.shell(LOSE, expect_disconnect=True),
            self.shell("echo back"),
            ssh_host=NAME, ssh_proxy_password="pw", **login))
        self.assertRegex(out, f"port {self.target.port}\n(.*\n)*.*back\n")
        self.assertEqual(proxy.asked, [(NAME, self.target.port)] * 2)  # who looks names up is the proxy
        out = self.build(self.template(ssh_proxy_password="xx", **login), code=1)
        self.assertIn(f"--> null: ssh_proxy_host 127.0.0.1:{proxy.port}: connect to 127.0.0.1:{self.target.port}: the "
                      "proxy refused the login: are ssh_proxy_username and ssh_proxy_password right?\n", out)

    def test_no_proxy_there(self):
        out = self.build(self.template(ssh_proxy_host="127.0.0.1", ssh_proxy_port=self.target.port, ssh_timeout="1s"),
                         code=1)
        self.assertIn(f"ssh_proxy_host 127.0.0.1:{self.target.port}: connect to 127.0.0.1:{self.target.port}: this is no "
                      "SOCKS5 proxy", out)

    # -- who we are --

    def test_agent(self):
        bastion = self.sshd("2")
        agent = {"SSH_AUTH_SOCK": kit.Agent(self, "id").socket}
        options = {"ssh_private_key_file": None, "ssh_agent_auth": True,
                   **self.bastion(bastion, ssh_bastion_agent_auth=True)}
        listed = self.shell("ssh-add -l || echo no agent")
        self.assertIn("(ED25519)", self.build(self.template(listed, **options), env=agent))
        self.assertIn("no agent", self.build(
            self.template(listed, ssh_disable_agent_forwarding=True, **options), env=agent))

    def test_certificates(self):
        kit.make_key(self, "ca")
        kit.make_key(self, "rsa", "rsa")
        kit.make_key(self, "nobody")
        target = self.sshd("2", f"TrustedUserCAKeys {self.path('ca.pub')}\nAuthorizedKeysCommand none")
        os.replace(self.path("id.pub"), self.path("nobody.pub"))  # only certificates get in
        self.write("id.pub", "")
        for key, validity, code in (("rsa", "always:forever", 0), ("nobody", "always:forever", 0),
                                    ("nobody", "20200101:20200102", 1)):
            public = subprocess.run(["ssh-keygen", "-y", "-f", self.path(key)], check=True, stdout=subprocess.PIPE)
            self.write(key + ".pub", public.stdout)
            subprocess.run(["ssh-keygen", "-q", "-s", self.path("ca"), "-I", "test", "-n", getpass.getuser(), "-V", validity,
                            self.path(key + ".pub")], check=True)
            out = self.build(self.template(ssh_port=target.port, ssh_private_key_file=key,
                                           ssh_certificate_file=key + "-cert.pub"), code=code)
            if code:
                self.assertIn("ssh_certificate_file is invalid: nobody-cert.pub: ssh: cert has expired", out)
        # Two bastions' worth: the guest's key and certificate are the bastion's, too.
        subprocess.run(["ssh-keygen", "-q", "-s", self.path("ca"), "-I", "test", "-n", getpass.getuser(),
                        self.path("nobody.pub")], check=True)
        self.build(self.template(ssh_port=target.port, ssh_private_key_file="nobody",
                                 ssh_certificate_file="nobody-cert.pub", **self.bastion(target)))

    # -- what goes through --

    def test_tunnels(self):
        """Both ends of both kinds, used while nothing else goes over the connection."""

        def shout(client):
            client.sendall(client.recv(100).upper())

        inner, outer = (kit.Listener(self, shout) for _ in range(2))
        ports = [kit.free_port() for _ in range(2)]
        ask = "exec 3<>/dev/tcp/127.0.0.1/{}; echo hello {} >&3; cat <&3"
        out = self.build(self.template(
            {"type": "shell-local", "inline": [ask.format(ports[0], "inside")], "inline_shebang": "/bin/bash -e"},
            self.shell(ask.format(ports[1], "outside"), inline_shebang="/bin/bash -e"),
            self.shell(LOSE, expect_disconnect=True),
            self.shell(ask.format(ports[1], "again"), inline_shebang="/bin/bash -e"),
            ssh_local_tunnels=[f"{ports[0]}:{NAME}:{inner.port}"],
            ssh_remote_tunnels=f"{ports[1]}:{NAME}:{outer.port}"))
        self.assertRegex(out, "HELLO INSIDE\n(.*\n)*.*HELLO OUTSIDE\n(.*\n)*.*HELLO AGAIN\n")

    def test_algorithms_and_terminal(self):
        out = self.build(self.template(
            self.shell("tty; stty size"),
            ssh_pty=True, ssh_ciphers=["aes256-ctr"], ssh_key_exchange_algorithms=["diffie-hellman-group16-sha512"]))
        self.assertRegex(out, "/dev/pts/[0-9]+\n.*40 80\n")
        self.assertIn("kex: algorithm: diffie-hellman-group16-sha512", self.target.log())
        self.assertIn("kex: client->server cipher: aes256-ctr", self.target.log())

    def test_reading_back_may_take_longer_than_the_timeout(self):
        """A guest that is busy is not one that is gone: it is heard out, on the same connection."""
        cksum = self.write("bin/cksum", "#!/bin/sh\nsleep 3\necho 1 1 ./dst\n")
        os.chmod(self.path(cksum), 0o755)
        self.target = kit.Sshd(self, "2", f"SetEnv HOME={self.home} PATH={self.path('bin')}:/usr/bin:/bin")
        self.addCleanup(self.target.close)
        self.write("src", "content")
        out = self.build(self.template({"type": "file", "source": "src", "destination": self.path("dst")},
                                       ssh_read_write_timeout="1s"), code=1)
        self.assertIn("verify the upload: 7 bytes of dst were sent, the guest has 1", out)
        self.assertEqual(self.target.log().count("Accepted publickey"), 1)

    def test_nothing_stays_after_a_disconnect(self):
        os.mkdir(self.path("there"))
        self.build(self.template(self.shell("kill -KILL $PPID", expect_disconnect=True,
                                            remote_folder=self.path("there"))))
        self.assertEqual(os.listdir(self.path("there")), [])

    def test_nothing_stays_after_a_retry(self):
        """What the first try has left is what the second one removes."""
        os.mkdir(self.path("there"))
        flag = self.path("flag")
        self.build(self.template(self.shell(f"[ -e {flag} ] || {{ touch {flag}; exit 1; }}", max_retries=1,
                                            use_env_var_file=True, remote_folder=self.path("there"))))
        self.assertEqual(os.listdir(self.path("there")), [])

    def test_silence(self):
        """A guest that reboots without ending its connections."""
        silent = SERVER + "; (sleep 3; kill -CONT $server) & kill -STOP $server; sleep 20"
        options = {"ssh_read_write_timeout": "2s", "ssh_keep_alive_interval": "100ms"}
        out = self.build(self.template(self.shell(silent, expect_disconnect=True), self.shell("echo back"), **options))
        self.assertRegex(out, "ssh_read_write_timeout: nothing came from the guest for 2000 ms(.*\n)*.*back\n")

    def test_a_download_that_fails_leaves_what_was_there(self):
        self.write("there", "precious")
        self.build(self.template({"type": "file", "direction": "download", "source": "/is/not", "destination": "there"}), code=1)
        self.assertEqual(self.read("there"), "precious")
        self.assertEqual([n for n in os.listdir(self.dir) if n.startswith("there.")], [])


if __name__ == "__main__":
    kit.main()
