"""Variables that come from Vault, over TLS as a company would have it: a private authority, client
certificates, another name in the certificate; and what was looked up is shown nowhere.
"""

import base64
import json
import os
import ssl
import subprocess
import unittest

import kit

SECRET = "looked-up/secret=42"
PART = "a-part-of-a-value"
TOKEN = "hvs.tokentokentoken"


class Lookups(kit.Case):
    def setUp(self):
        super().setUp()
        self.seen = []
        self.env["VAULT_TOKEN"] = TOKEN
        self.env["VAULT_MAX_RETRIES"] = "0"

    # -- a private authority and what it signs --

    def openssl(self, *args):
        subprocess.run(["openssl", *args], cwd=self.dir, check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)

    def authority(self, name):
        self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                     "-keyout", f"{name}.key", "-out", f"{name}.pem", "-subj", f"/CN={name}",
                     "-addext", "keyUsage=critical,keyCertSign")

    def certificate(self, name, authority, alt):
        self.write("ext", f"subjectAltName={alt}\n")
        self.openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}.key",
                     "-out", f"{name}.csr", "-subj", f"/CN={name}")
        self.openssl("x509", "-req", "-in", f"{name}.csr", "-CA", f"{authority}.pem", "-CAkey", f"{authority}.key",
                     "-CAcreateserial", "-days", "2", "-out", f"{name}.pem", "-extfile", "ext")

    def vault(self, name=None, client=None):
        """A Vault with certificate `name` (None: without TLS) that wants one signed by `client`."""
        tls = None
        if name:
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            tls.load_cert_chain(self.path(f"{name}.pem"), self.path(f"{name}.key"))
        if client:
            tls.verify_mode = ssl.CERT_REQUIRED
            tls.load_verify_locations(self.path(f"{client}.pem"))

        def answer(request):
            self.seen.append((request.path, dict(request.headers)))
            body = json.dumps({"data": {"data": {"pw": SECRET, "port": PART}, "metadata": {}}}).encode()
            request.send_response(200)
            request.send_header("Content-Length", str(len(body)))
            request.end_headers()
            request.wfile.write(body)

        return self.serve(answer, tls)

    def template(self, value="{{vault `secret/data/x` `pw`}}", **more):
        return self.write("t.json", {
            "variables": {"pw": value}, **more,
            "builders": [{"type": "file", "target": "out.txt", "content": "{{user `pw`}}"}]})

    def builds(self, **env):
        self.kiln("build", "-force", self.template(), env=env)
        self.assertEqual(self.read("out.txt"), SECRET)

    def fails(self, *words, **env):
        out = self.kiln("build", "-force", self.template(), env=env, code=1)
        for word in words:
            self.assertIn(word, out)

    @unittest.skipUnless(kit.have("openssl"), "no openssl")
    def test_tls(self):
        self.authority("ours")
        self.authority("theirs")
        self.certificate("server", "ours", "DNS:vault.example,IP:127.0.0.2")
        self.certificate("me", "theirs", "DNS:me")
        url = self.vault("server", client="theirs")
        os.mkdir(self.path("authorities"))
        self.write("authorities/theirs", self.read("theirs.pem"))
        os.symlink(self.path("ours.pem"), self.path("authorities/any.name"))
        os.mkdir(self.path("authorities/dir"))
        own = {"VAULT_CLIENT_CERT": self.path("me.pem"), "VAULT_CLIENT_KEY": self.path("me.key"),
               "VAULT_TLS_SERVER_NAME": "vault.example", "VAULT_ADDR": url}

        self.builds(**own, VAULT_CACERT=self.path("ours.pem"))
        self.builds(**own, VAULT_CAPATH=self.path("authorities"))
        self.builds(**own, VAULT_CACERT_BYTES=self.read("ours.pem"))
        self.assertEqual(self.seen[-1][1]["Host"], url[len("https://"):])
        self.assertEqual(self.seen[-1][1]["X-Vault-Token"], TOKEN)
        self.builds(**{**own, "VAULT_TLS_SERVER_NAME": ""}, VAULT_SKIP_VERIFY="true")
        requests = len(self.seen)
        self.fails("Error reading vault secret: GET https://127.0.0.1:", "certificate", **own)  # the system's
        self.fails("certificate", **own, VAULT_CACERT=self.path("theirs.pem"))
        self.fails("VAULT_CACERT: open", **own, VAULT_CACERT="/nosuch.pem")
        self.fails("VAULT_CACERT: ", "no certificate in PEM form", **own, VAULT_CACERT=self.path("t.json"))
        self.fails("127.0.0.1", **{**own, "VAULT_TLS_SERVER_NAME": ""}, VAULT_CACERT=self.path("ours.pem"))
        self.fails("other.example", **{**own, "VAULT_TLS_SERVER_NAME": "other.example"},
                   VAULT_CACERT=self.path("ours.pem"))
        self.fails("Error reading vault secret", **{**own, "VAULT_CLIENT_CERT": "", "VAULT_CLIENT_KEY": ""},
                   VAULT_CACERT=self.path("ours.pem"))
        self.assertEqual(len(self.seen), requests)  # nobody of the wrong ones got a token

    @unittest.skipUnless(kit.have("openssl"), "no openssl")
    def test_never_from_https_to_http(self):
        self.authority("ours")
        self.certificate("server", "ours", "IP:127.0.0.1")
        plain = self.vault()
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(self.path("server.pem"), self.path("server.key"))

        def send_away(request):
            request.send_response(307)
            request.send_header("Location", plain + "/v1/x")
            request.send_header("Content-Length", "0")
            request.end_headers()

        self.fails("redirect would cause protocol downgrade", VAULT_ADDR=self.serve(send_away, tls),
                   VAULT_CACERT=self.path("ours.pem"))
        self.assertEqual(self.seen, [])

    def test_shown_nowhere(self):
        """Neither what was looked up nor what became of it, nor the token."""
        env = {"VAULT_ADDR": self.vault()}
        upper = SECRET.upper()  # made of it
        forms = [SECRET, upper, TOKEN, PART, base64.b64encode(SECRET.encode()).decode()]
        name = self.write("t.json", {
            "variables": {"pw": "{{vault `secret/data/x` `pw`}}", "up": "{{vault `secret/data/x` `pw` | upper}}",
                          "url": "http://me:{{vault `secret/data/x` `port`}}@host/"},
            "builders": [{"type": "file", "target": "out.txt", "content": "{{user `up`}}"}],
            "provisioners": [{"type": "shell-local", "environment_vars": ["PW={{user `pw`}}", "UP={{user `up`}}", "URL={{user `url`}}"],
                              "inline": ["env", 'echo "a${PW}b"', 'printf %s "$PW" | base64', "echo \"${URL#http:}\"", "echo public"]}]})
        for way in ((), ("-machine-readable",)):
            out = self.kiln("build", *way, "-force", name, env={**env, "PACKER_LOG": "1"})
            self.assertIn("public", out)
            self.assertIn("<sensitive>", out)
            for form in forms:
                self.assertNotIn(form, out)
        for top, _, names in os.walk(self.home):
            for n in names:
                with open(os.path.join(top, n), errors="replace") as f:
                    text = f.read()
                for form in forms:
                    self.assertNotIn(form, text, n)
        self.assertEqual(self.read("out.txt"), upper)
        self.assertEqual(len(self.seen), 2)  # once in each run

    def test_not_in_errors(self):
        """The text of an error names values: those that were looked up are hidden."""
        name = self.write("t.json", {
            "variables": {"a": "{{split `x` (vault `secret/data/x` `pw`) 7}}", "b": "{{env `VAULT_TOKEN`}}{{.x.y | upper}}"},
            "builders": [{"type": "file", "target": "out.txt", "content": "x"}]})
        for command in ("validate", "build"):
            out = self.kiln(command, name, env={"VAULT_ADDR": self.vault()}, code=1)
            self.assertIn("the substring 7 was unavailable", out)
            self.assertIn("<sensitive>", out)
            self.assertNotIn(SECRET, out)

    def test_only_in_variables(self):
        name = self.write("t.json", {"builders": [
            {"type": "file", "target": "out.txt", "content": "{{vault `secret/data/x` `pw`}}"}]})
        self.assertIn("Vault vars are only allowed in the variables section",
                      self.kiln("validate", name, env={"VAULT_ADDR": self.vault()}, code=1))
        self.kiln("inspect", self.template(), env={"VAULT_ADDR": self.vault()})
        self.kiln("validate", "-syntax-only", self.template(), env={"VAULT_ADDR": self.vault()})
        self.kiln("validate", "-var=pw=x", self.template(), env={"VAULT_ADDR": self.vault()})
        self.assertEqual(self.seen, [])

    def test_costs_nothing_unused(self):
        """No library for it is loaded."""
        out = self.kiln("validate", self.template("plain"), env={"LD_DEBUG": "libs"})
        for library in ("libcurl", "libcrypto", "kiln-curl", "kiln-hash"):
            self.assertNotIn(library, out)


if __name__ == "__main__":
    unittest.main()
