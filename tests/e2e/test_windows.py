"""powershell, windows-shell and windows-restart in a guest behind winrm_server.py: the commands that Windows
is given to the letter, what they print, how they end, and restarts.
"""

import base64
import re
import unittest

import kit
from winrm_server import Guest, Server

UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
TEMP = "c:/Windows/Temp/"
INLINE = f"powershell -executionpolicy bypass -file {TEMP}script-UUID.ps1"
QUIET = ("if (Test-Path variable:global:ProgressPreference){set-variable -name variable:global:ProgressPreference "
         "-value 'SilentlyContinue'};")


def block(debug=""):
    return f"& {{ {QUIET}{debug}. {TEMP}packer-ps-env-vars-UUID.ps1; &'{TEMP}script-UUID.ps1'; exit $LastExitCode }}"


def decoded(command):
    """An encoded script as text."""
    found = re.fullmatch(r"powershell\.exe -EncodedCommand (\S+)", command)
    text = base64.b64decode(found[1]).decode("utf-16-le") if found else command
    return text.removeprefix("$ProgressPreference = 'SilentlyContinue';")


class Windows(kit.Case):
    def setUp(self):
        super().setUp()
        self.guest = Guest(self.do)
        self.server = Server(self, self.guest)
        self.answers = {}  # what a command whose text holds this does: a function, or its exit code
        self.seen = {}  # files by their names without UUID, as they were when a command ran

    def tearDown(self):
        try:
            self.assertEqual(self.server.faults, [])
            self.assertEqual(list(self.server.shells), [])
        finally:
            super().tearDown()

    def do(self, command):
        self.seen.update({re.sub(UUID, "UUID", path): bytes(data).decode() for path, data in self.guest.files.items()})
        text = decoded(command.text)
        if text.startswith("Remove-Item"):
            for path in re.findall(r"'([^']*)'", text):
                self.guest.files.pop(self.guest.full(path), None)
            return 0
        for part, answer in self.answers.items():
            if part in text:
                return answer(command) if callable(answer) else answer
        return 0

    def template(self, *provisioners):
        return {
            "variables": {"secret": "s3cr3t$value"},
            "sensitive-variables": ["secret"],
            "builders": [{"type": "null", "communicator": "winrm", "winrm_host": "127.0.0.1", "winrm_port": self.server.port,
                          "winrm_username": "vagrant", "winrm_password": "vagrant"}],
            "provisioners": list(provisioners)}

    def provision(self, *provisioners, code=0):
        out = self.build(self.template(*provisioners), code=code)
        self.assertNotIn("s3cr3t", out)
        return out

    def ran(self):
        """What was run, but for the clean-up; UUIDs as such."""
        return [re.sub(UUID, "UUID", c) for c in map(decoded, self.guest.ran) if not c.startswith("Remove-Item")]


class PowerShell(Windows):
    def run_one(self, **options):
        """The command, and the file that it runs."""
        self.guest.ran.clear()
        self.seen.clear()
        self.provision({"type": "powershell", **options})
        [command] = self.ran()
        self.assertEqual(list(self.guest.files), [])  # all is cleaned up
        return command

    def script(self, **options):
        self.run_one(**options)
        return self.seen["C:\\Windows\\Temp\\script-UUID.ps1"]

    def test_output(self):
        def answer(command):
            command.out("one\r\ntwo")
            command.err("oh\r\n")
            command.out("2\r\nlast")
            return 0

        self.answers["-file"] = answer
        out = self.provision({"type": "powershell", "inline": ["x"]})
        self.assertRegex(out, r"==> null: Provisioning with Powershell\.\.\.\n==> null: Provisioning with powershell script: "
                         r".*\.ps1\n")
        for line in ("==> null: one", "==> null: two2", "==> null: oh", "==> null: last"):
            self.assertIn(line + "\n", out)

    def test_inline(self):
        text = self.script(inline=["Write-Host '{{build `User`}}'", "exit 3"], environment_vars=["A=it's $5", "B={{user `secret`}}"],
                           env={"A": '"`"'}, debug_mode=2)
        self.assertEqual(text, "\ufeff$global:ProgressPreference = 'SilentlyContinue'\n"
                         "Set-PSDebug -Trace 2\n"
                         "$kilnStatus = 0\n"
                         "try {\n"
                         '$env:A="`"```""; $env:B="s3cr3t`$value"; $env:PACKER_BUILDER_TYPE="null"; '
                         '$env:PACKER_BUILD_NAME="null"; \n'
                         "Write-Host 'vagrant'\n"
                         "exit 3\n"
                         "} catch {\n"
                         'Write-Error "An error occurred: $_" -ErrorAction Continue\n'
                         "$kilnStatus = 1\n"
                         "}\n"
                         "if ((Test-Path variable:global:LASTEXITCODE) -and $LASTEXITCODE) { exit $LASTEXITCODE }\n"
                         "exit $kilnStatus\n")

    def test_default_commands(self):
        self.write("s.ps1", "text\r\n")
        rows = (
            ({"inline": ["x"]}, INLINE),
            ({"inline": ["x"], "use_pwsh": True, "execution_policy": "3"},
             INLINE.replace("powershell -executionpolicy bypass", "pwsh -executionpolicy remotesigned")),
            ({"inline": ["x"], "execution_policy": "none"}, f"-file {TEMP}script-UUID.ps1"),
            ({"script": "s.ps1"}, f'powershell -executionpolicy bypass "{block()}"'),
            ({"script": "s.ps1", "debug_mode": 1, "execution_policy": "unrestricted"},
             f'powershell -executionpolicy unrestricted "{block("Set-PsDebug -Trace 1;")}"'),
            ({"scripts": ["s.ps1"], "use_pwsh": True}, f'pwsh -executionpolicy bypass -command "{block()}"'),
            ({"script": "s.ps1", "execution_policy": "none"}, block()),
            ({"script": "s.ps1", "remote_path": "c:/x/", "execute_command": "run {{.Path}} {{build `ConnType`}} {{.Vars}}",
              "remote_env_var_path": "c:/v.ps1"}, "run c:/x/s.ps1 winrm c:/v.ps1"),
        )
        for options, want in rows:
            with self.subTest(options=options):
                self.assertEqual(self.run_one(**options), want)

    def test_script_and_variables(self):
        self.write("s.ps1", "a\nb\r\n")
        self.run_one(script="s.ps1", env={"Z": "1"}, env_var_format="%s=%s|", binary=True)
        self.assertEqual(self.seen, {
            "C:\\Windows\\Temp\\script-UUID.ps1": "a\nb\r\n",
            "C:\\Windows\\Temp\\packer-ps-env-vars-UUID.ps1": "\ufeffPACKER_BUILDER_TYPE=null|PACKER_BUILD_NAME=null|Z=1|"})

    def test_exit_codes(self):
        self.answers["-file"] = -1073741510
        out = self.provision({"type": "powershell", "inline": ["x"]}, code=1)
        self.assertIn("Script exited with non-zero exit status: -1073741510. Allowed exit codes are: [0]", out)
        self.answers["-file"] = 3010
        self.provision({"type": "powershell", "inline": ["x"], "valid_exit_codes": [0, 3010]})

    def test_skip_clean(self):
        self.provision({"type": "powershell", "inline": ["x"], "skip_clean": True, "pause_after": "10ms"})
        self.assertEqual(len(self.guest.files), 1)

    def test_elevated(self):
        command = self.run_one(inline=["x"], elevated_user="it's", elevated_password="{{.WinRMPassword}}",
                               elevated_env_var_format="<%s %s>", env={"A": "ä"})
        self.assertEqual(command, 'powershell -executionpolicy bypass -file '
                         '"C:/Windows/Temp/packer-elevated-shell-UUID.ps1"')
        script = self.seen["C:\\Windows\\Temp\\packer-elevated-shell-UUID.ps1"]
        self.assertTrue(script.startswith(
            "\ufeff$name = 'packer-" + re.search(UUID, script)[0] + "'\n"
            "$user = 'it''s'\n"
            "$password = 'vagrant'\n"
            "$command = 'powershell -executionpolicy bypass -file c:/Windows/Temp/script-"), script)
        self.assertIn("<A ä><PACKER_BUILDER_TYPE null>", self.seen["C:\\Windows\\Temp\\script-UUID.ps1"])

    def test_guest_that_goes_away(self):
        """A restart in the middle of a script ends it with Packer's 16001; what comes next has to wait."""
        def go(command):
            self.server.refuse = 1
            self.server.reboot()
            return 0

        self.answers["-file"] = go
        self.provision({"type": "powershell", "inline": ["Restart-Computer"], "valid_exit_codes": [16001]})
        out = self.provision({"type": "powershell", "inline": ["Restart-Computer"]}, code=1)
        self.assertIn("Script exited with non-zero exit status: 16001. Allowed exit codes are: [0]", out)

    def test_start_is_tried_again(self):
        self.answers["-file"] = 0
        failures = iter([1, 0, 0, 0])

        class Moody(Guest):
            def put(self, command):
                return super().put(command) if not next(failures) else 1

        self.server.guest = self.guest = Moody(self.do)
        self.provision({"type": "powershell", "inline": ["x"]})
        self.server.guest = self.guest = Moody(lambda command: 0)
        failures = iter([1])
        out = self.provision({"type": "powershell", "inline": ["x"], "start_retry_timeout": "1ns"}, code=1)
        self.assertIn("Error uploading script: PowerShell in the guest ended with status 1", out)


    def test_secrets_are_nowhere(self):
        secret = "Tk-7f3a'9c$01"
        self.server.password = secret

        def leak(command):
            for form in forms:
                command.out(form + "\r\n")
            return 1

        forms = [secret, secret.replace("$", "`$").replace("'", "`'"), base64.b64encode(secret.encode()).decode(),
                 base64.b64encode(f"vagrant:{secret}".encode()).decode()]
        self.answers["packer-elevated"] = leak
        template = self.template({"type": "powershell", "inline": ["x"], "environment_vars": ["A={{build `Password`}}"],
                                  "elevated_user": "u", "elevated_password": "{{build `WinRMPassword`}}"})
        template["builders"][0]["winrm_password"] = secret
        shown = self.build(template, code=1, env={"PACKER_LOG": "1"})
        for name in self.files(self.home):
            path = f"{self.home}/{name}"
            if kit.os.path.isfile(path):
                with open(path, errors="replace") as f:
                    shown += f.read()
        for form in [forms[0]] + forms[2:]:
            self.assertNotIn(form, shown)
        self.assertIn(secret.replace("'", "''"), self.seen["C:\\Windows\\Temp\\packer-elevated-shell-UUID.ps1"])


class WindowsShell(Windows):
    def test_commands(self):
        def answer(command):
            command.out("C:\\>dir\r\n")
            return 0

        self.answers["script.bat"] = answer
        out = self.provision({"type": "windows-shell", "inline": ["@echo off", "dir {{build `User`}}"],
                              "environment_vars": ["A=x y", "S={{user `secret`}}"], "env": {"A": "%PATH%"}})
        self.assertIn("==> null: Provisioning with windows-shell...\n==> null: Provisioning with shell script: ", out)
        self.assertIn("==> null: C:\\>dir\n", out)
        self.assertEqual(self.ran(), ['set "A=%PATH%" && set "PACKER_BUILDER_TYPE=null" && set "PACKER_BUILD_NAME=null" && '
                                      'set "S=s3cr3t$value" && "c:/Windows/Temp/script.bat"'])
        self.assertEqual(self.seen, {"C:\\Windows\\Temp\\script.bat": "@echo off\ndir vagrant\n"})

    def test_options(self):
        self.write("a.bat", "a\r\n")
        self.write("b.bat", "b\r\n")
        self.answers["call"] = 5
        self.provision({"type": "windows-shell", "scripts": ["a.bat", "b.bat"], "remote_path": "c:/my dir/s.cmd", "binary": True,
                        "execute_command": "call {{.Vars}}{{.Path}} {{build `ID`}}", "env_var_format": "[%s]",
                        "valid_exit_codes": 5})
        self.assertEqual(self.ran(), ["call [PACKER_BUILDER_TYPE]%!(EXTRA string=null)[PACKER_BUILD_NAME]%!(EXTRA string=null)"
                                      "c:/my dir/s.cmd Null"] * 2)
        out = self.provision({"type": "windows-shell", "script": "a.bat", "execute_command": "call"}, code=1)
        self.assertIn("Script exited with non-zero exit status: 5. Allowed exit codes are: [0]", out)


class Restart(Windows):
    TRY = 'shutdown /r /f /t 60 /c "packer restart test"'
    CHECK = 'echo ("{0} restarted." -f [System.Net.Dns]::GetHostName())'

    def setUp(self):
        super().setUp()
        self.answers = {"shutdown /r /f /t 0": self.restart, "[System.Net.Dns]": self.back}
        self.checks = ["", "KILN-PC restarted.\r\n"]  # what the check prints, each time

    def restart(self, command):
        command.out("bye\r\n")
        self.server.refuse = 1  # the first request comes too early
        self.server.reboot()
        return 0

    def back(self, command):
        command.out(self.checks.pop(0) if len(self.checks) > 1 else self.checks[0])
        return 0

    def test_restart(self):
        out = self.provision({"type": "windows-restart", "check_registry": True})
        lines = [line for line in out.splitlines() if line.startswith("==> null: ")][4:]
        self.assertEqual([line for line in lines if "bye" not in line], [
            "==> null: Restarting Machine",
            "==> null: Waiting for machine to restart...",
            "==> null: KILN-PC restarted.",
            "==> null: Machine successfully restarted, moving on"])
        self.assertEqual(self.ran(), ['shutdown /r /f /t 0 /c "packer restart"', self.CHECK, self.CHECK, *(
            f"Test-Path 'HKLM:{s}\\Microsoft\\Windows\\CurrentVersion\\Component Based Servicing\\{k}'"
            for s, k in (("SOFTWARE", "RebootPending"), ("SOFTWARE", "PackagesPending"), ("Software", "RebootInProgress")))])

    def test_restart_that_is_noticed_late(self):
        states = [1190, 1717, 1]
        self.answers = {"restart test": lambda command: states.pop(0), "go down": 1190, "my check": 7, **self.answers}
        self.checks = ["x restarted."]
        self.provision({"type": "windows-restart", "restart_command": "go down", "restart_check_command": "my check"})
        self.assertEqual(self.ran(), ["go down"] + [self.TRY] * 3 + ["my check", self.CHECK])

    def test_registry(self):
        pending = [1, 0]

        def key(command):
            command.out("True\r\n" if "Two" in decoded(command.text) and pending.pop(0) else "False\r\n")

        self.answers["Test-Path"] = key
        self.checks = ["x restarted."]
        self.provision({"type": "windows-restart", "check_registry": True, "registry_keys": ["HKLM:One", "HKLM:Two"]})
        looks = ["Test-Path 'HKLM:One'", "Test-Path 'HKLM:Two'"]
        self.assertEqual(self.ran()[1:], [self.CHECK, *looks] * 2)

    def test_guest_that_does_not_come_back(self):
        self.checks = ["The term is not recognized"]
        out = self.provision({"type": "windows-restart", "restart_timeout": "700ms"}, code=1)
        self.assertIn("==> null: Timeout waiting for machine to restart.\n", out)

    def test_restart_that_is_refused(self):
        self.answers = {"shutdown": 5}
        out = self.provision({"type": "windows-restart"}, code=1)
        self.assertIn("Restart script exited with non-zero exit status: 5", out)


if __name__ == "__main__":
    unittest.main()
