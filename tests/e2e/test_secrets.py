"""A sensitive variable's value is nowhere: standard output and error, -machine-readable, the debug log,
the event log; neither as it is nor encoded; whatever prints it.
"""

import base64
import json
import os
import shlex
import urllib.parse

import kit

PASSWORD = 'op+en/ses=ame&"qu\'ote" <x>\\y'
TOKEN = "Tk-7f3a9c01d2e4b5f6"
KEY = "-----BEGIN KEY-----\nMIIEowIBAAKCAQEAx7Zu\nqrstuvwxyzABCDEFGHIJ\n-----END KEY-----\n"


def forms(secret):
    """What must not be found. Encodings of a piece in the middle of other text included."""
    raw = secret.encode()
    found = {secret, urllib.parse.quote(secret), urllib.parse.quote_plus(secret), urllib.parse.quote(secret, safe=""),
             json.dumps(secret)[1:-1], shlex.quote(secret), secret.replace("'", "'\"'\"'"), secret.replace("'", "'\\''"),
             secret.replace("\n", "\r\n"), raw.hex(), raw.hex().upper()}
    for pad in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            text = encode(bytes(pad) + raw).decode().rstrip("=")
            found.add(text[2 if pad else 0:][pad:-2])  # the characters that depend on the secret only
    found |= {line for line in secret.split("\n") if len(line) > 5}
    return {f for f in found if f}


FORMS = {f for s in (PASSWORD, TOKEN, KEY) for f in forms(s)}


class Secrets(kit.Case):
    def setUp(self):
        super().setUp()
        # kiln makes no files of its own in here but those that a template asks for.
        self.write("secret.vars", {"password": PASSWORD, "token": TOKEN, "key": KEY})

    def template(self, *provisioners, post=(), builder=None):
        return {"variables": {"password": None, "token": None, "key": None, "public": "seen"},
                "sensitive-variables": ["password", "token", "key"],
                "builders": [builder or {"type": "file", "target": "out.txt", "content": "{{user `password`}}"}],
                "provisioners": list(provisioners), "post-processors": list(post)}

    def check(self, template, *flags, code=0, seen=("<sensitive>",), env=None):
        """Build in every way that prints, and look for the secrets everywhere."""
        name = self.write("t.json", template)
        shown = []
        for way in ((), ("-machine-readable",), ("-timestamp-ui",)):
            log = self.path("debug.log")
            for extra in ({}, {"PACKER_LOG": "1"}, {"PACKER_LOG_PATH": log}):
                run = self.start("build", *way, "-force", "-var-file=secret.vars", *flags, name,
                                 env={**(env or {}), **extra})
                self.assertEqual(run.wait(), code, run.out.text)
                shown.append(run.out.text)
                if os.path.exists(log):
                    shown.append(self.read("debug.log"))
                    os.unlink(log)
        for word in seen:
            self.assertIn(word, shown[0])
        for text in shown:
            self.look(text, "output")
        self.look_at_logs()

    def look_at_logs(self):
        for base, _, names in os.walk(self.home):
            for n in names:
                with open(os.path.join(base, n), errors="replace") as f:
                    text = f.read()
                self.look(text, n)
                self.look(text.encode().decode("unicode_escape", errors="replace"), n)  # \uXXXX, \"

    def look(self, text, where):
        for form in FORMS:
            at = text.find(form)
            if at >= 0:
                self.fail(f"{form!r} in {where}:\n{text[max(0, at - 200):at + 200]}")

    def script(self, *lines, **options):
        env = ["PW={{user `password`}}", "TOKEN={{user `token`}}", "KEY={{user `key`}}"]
        return {"type": "shell-local", "inline": list(lines), "environment_vars": env, **options}

    def test_printed(self):
        self.check(self.template(self.script(
            "echo public is seen", 'echo "$PW"', 'echo "x${TOKEN}y" >&2', 'printf %s "$KEY"',
            'printf %s "$KEY" | tr "\\n" "-"', 'printf "%s\\r\\n" "$PW"', "env", "set",
            'printf %s "$PW" | base64', 'printf "a%s" "$PW" | base64 -w0', 'printf "ab%s" "$PW" | base64 -w0',
            'printf %s "$KEY" | base64 -w0', 'printf %s "$TOKEN" | od -An -tx1 | tr -d " \\n"',
            "printf %s \"$PW\" | sed \"s/'/'\\\"'\\\"'/g\"", "sh -xc 'echo \"$PW\"; echo \"$TOKEN\"'",
            'printf %s "$PW" | python3 -c "import sys, json, urllib.parse as u; s = sys.stdin.read(); '
            'print(json.dumps(s), json.dumps({\'a\': [s]}), u.quote(s), u.quote_plus(s), u.quote(s, safe=\'\'))"')),
            seen=("public is seen", "<sensitive>"))

    def test_in_pieces(self):
        """The secret comes in several writes, and in a line that is too long to be kept."""
        self.check(self.template(self.script(
            'printf %s "$TOKEN" | while IFS= read -r -n1 c; do printf %s "$c"; sleep 0.003; done; echo',
            'head -c 65530 /dev/zero | tr "\\0" x; echo "$TOKEN$PW$TOKEN"',
            'head -c 131060 /dev/zero | tr "\\0" x; printf "%s" "$PW$TOKEN"', inline_shebang="/bin/bash -e")))

    def test_in_errors(self):
        missing = {"type": "shell-local", "inline": ["true"], "execute_command": ["/nosuch/{{user `token`}}"]}
        self.check(self.template(missing), code=1)
        self.check(self.template(self.script('echo "$PW"; exit 3', max_retries=1)), code=1)
        self.check(self.template(builder={"type": "file", "target": "{{user `token`}}/"}), code=1)
        self.check(self.template({"type": "breakpoint", "note": "{{user `password`}}"}), code=1)
        self.check(self.template({"type": "file", "source": "nosuch-{{user `token`}}", "destination": "/x"}), code=1)
        self.check(self.template({"type": "shell-local", "script": "/nosuch/{{user `token`}}.sh"}), code=1)
        self.check(self.template({"type": "shell-local", "inline": ["x"], "timeout": "{{user `token`}}"}), code=1,
                   seen=())
        self.check(self.template({"type": TOKEN}), code=1)
        self.check(self.template({"type": "shell-local", "inline": ["x"], TOKEN: PASSWORD}), code=1)

    def test_in_names(self):
        """Build names, file names, artifacts, the template's own path."""
        builder = {"type": "file", "name": "b-{{user `token`}}", "target": "{{user `token`}}.txt", "content": "x"}
        name = self.write(f"{TOKEN}.json", self.template(builder=builder, post=["manifest", "checksum"]))
        for way in ((), ("-machine-readable",)):
            self.look(self.kiln("build", *way, "-var-file=secret.vars", name), "output")
        self.look_at_logs()
        self.assertIn(TOKEN + ".txt", self.files(self.dir))

    def test_post_processors(self):
        fails = {"type": "shell-local", "inline": ['echo "$TOKEN"; exit 7'], "environment_vars": ["TOKEN={{user `token`}}"]}
        self.check(self.template(post=[fails]), code=1)
        self.check(self.template(post=[{"type": "manifest", "output": "/dev/null/{{user `token`}}"}]), code=1)
        self.check(self.template(post=[{"type": "checksum", "output": "/dev/null/{{user `token`}}"}]), code=1, seen=())
        self.check(self.template(post=[{"type": "manifest", "custom_data": {"k": "{{user `token`}}"}}]), seen=())
        self.assertIn(TOKEN, self.read("packer-manifest.json"))  # files are what the template asked for

    def test_other_commands(self):
        name = self.write("t.json", self.template(self.script("true")))
        for command in (["validate", "-var-file=secret.vars"], ["validate", f"-var=token={TOKEN}"], ["inspect"]):
            run = self.start(*command, name)
            run.wait()
            self.look(run.out.text, command[0])
        bad = self.write("bad.json", self.template().copy() | {"variables": {"token": TOKEN, "x": TOKEN + "{{y"}})
        for command in ("validate", "inspect", "build"):
            run = self.start(command, bad)
            run.wait()
            self.look(run.out.text, command)

    def test_beside_a_mistake(self):
        """The line that a template is wrong in may hold a secret."""
        head = f'{{"variables": {{"token": "{TOKEN}", "password" :\n {json.dumps(PASSWORD)}, "x": '
        tail = '"sensitive-variables": [ "token","password"], "builders": [{"type": "file", "target": "x"}]'
        hidden = 0
        for text in (head + "5}, " + tail + "}", head + '"y" "z": 1}, ' + tail + "}", head + "null}, " + tail,
                     tail.join("{ ") + ", " + head[1:] + "5}}", head + "}, " + tail + "}"):
            name = self.write("wrong.json", text)
            for command in ("validate", "inspect", "build"):
                shown = self.kiln(command, name, code=1)
                hidden += "<sensitive>" in shown
                self.look(shown, command)
        self.assertGreater(hidden, 9)

    def test_a_mistake_in_a_secret(self):
        """Where the secret itself is written wrong: all quotes that can be forgotten, or are too many."""
        for value in (f'"{TOKEN}', TOKEN, f"'{TOKEN}'", f'{TOKEN}"', f'"x"{TOKEN}"', f'"x" {TOKEN}"', f'["{TOKEN}"]',
                      f'{{"a": "{TOKEN}"}}', f'"{TOKEN}\\x"', f'"\\x{TOKEN}"', f'"{TOKEN}" 5', f'"{TOKEN}"}}'):
            text = f'{{"variables": {{"token": {value}, "x": "y"}}, "sensitive-variables": ["token"], ' \
                   '"builders": [{"type": "file", "target": "x"}]}'
            name = self.write("wrong.json", text.replace(", ", ",\n"))
            for command in ("validate", "inspect", "build"):
                self.look(self.kiln(command, name, code=1), command)
            self.write("wrong.vars", f'{{"token": {value}, "x": "y"}}')
            t = {"variables": {"token": "", "x": ""}, "sensitive-variables": ["token"],
                 "builders": [{"type": "file", "target": "{{user `token`}}"}]}
            run = self.start("validate", "-var-file=wrong.vars", self.write("t.json", t))
            run.wait()
            self.look(run.out.text, value)

    def test_from_the_environment(self):
        t = self.template(self.script("env"))
        t["variables"]["token"] = "{{env `THE_TOKEN`}}"
        self.write("secret.vars", {"password": PASSWORD, "key": KEY})
        self.check(t, env={"THE_TOKEN": TOKEN})

    @kit.needs_qemu
    def test_typed(self):
        """Keys that spell a secret are masked in the event log, and VNC and ssh passwords are secrets."""
        self.write("boot.raw", kit.boot_disk(kit.HALT))
        self.write("secret.vars", {"password": PASSWORD, "token": "Tk7fZ9", "key": KEY})
        t = self.template(builder=kit.qemu(
            boot_command=["abc{{user `token`}}xyz<enter>", "<wait1ms>{{user `password`}}"], boot_key_interval="1ms",
            shutdown_timeout="1ms", vnc_use_password=True, vnc_password="vncpass1",
            shutdown_command="echo {{user `token`}}")["builders"][0])
        run = self.start("build", "-color=false", "-var-file=secret.vars", self.write("t.json", t),
                         env={"PACKER_LOG": "1"})
        self.assertEqual(run.wait(), 1)
        keys = [e for e in self.events() if e["type"] == "key"]
        names = "".join(e.get("name", "*") for e in keys if e.get("down", False))
        self.assertRegex(names, r"\Aabc\**xyz")
        for text in (run.out.text, json.dumps(self.events())):
            for secret in ("Tk7fZ9", "vncpass1", PASSWORD):
                self.assertNotIn(secret, text)
        masked = [e for e in keys if e.get("masked")]
        self.assertGreaterEqual(len(masked), 2 * len("Tk7fZ9" + PASSWORD))
        self.assertFalse([e for e in masked if "name" in e or "keysym" in e])


if __name__ == "__main__":
    kit.main()
