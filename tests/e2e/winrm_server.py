"""A WS-Management server as WinRM in Windows is one, and behind it a guest that is a few lines of Python.

Every envelope is checked, strictly: what Windows might overlook is a failure here. What is wrong with one
is in .faults, which a test wants to be empty. Logins are Basic or NTLMv2, verified; with TLS if asked.
"""

import base64
import hashlib
import hmac
import http.server
import os
import re
import ssl
import struct
import subprocess
import threading
import uuid
import xml.etree.ElementTree as ET

NS = {
    "s": "http://www.w3.org/2003/05/soap-envelope",
    "a": "http://schemas.xmlsoap.org/ws/2004/08/addressing",
    "w": "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd",
    "p": "http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd",
    "rsp": "http://schemas.microsoft.com/wbem/wsman/1/windows/shell",
}
SHELL = NS["rsp"]
TRANSFER = "http://schemas.xmlsoap.org/ws/2004/09/transfer"
ANONYMOUS = "http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous"
MAX_ENVELOPE = 153600
TIMED_OUT, NO_SHELL, BROKEN_PIPE = 2150858793, 2150858843, 2147942509


def name(prefixed):
    prefix, local = prefixed.split(":")
    return "{%s}%s" % (NS[prefix], local)


class Wrong(Exception):
    """The envelope is not what Windows wants."""


def want(condition, text):
    if not condition:
        raise Wrong(text)


# ---- NTLM: MS-NLMP, 3.2 and 3.3.2 ----


def md4(data):
    """RFC 1320; the hash of passwords, which OpenSSL no longer has."""

    def rot(x, n):
        x &= 0xFFFFFFFF
        return (x << n | x >> (32 - n)) & 0xFFFFFFFF

    padded = data + b"\x80" + bytes((55 - len(data)) % 64) + struct.pack("<Q", 8 * len(data))
    state = [0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476]
    rounds = (
        (lambda x, y, z: x & y | ~x & z, 0, range(16), (3, 7, 11, 19)),
        (lambda x, y, z: x & y | x & z | y & z, 0x5A827999,
         [i % 4 * 4 + i // 4 for i in range(16)], (3, 5, 9, 13)),
        (lambda x, y, z: x ^ y ^ z, 0x6ED9EBA1,
         [0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15], (3, 9, 11, 15)),
    )
    for at in range(0, len(padded), 64):
        words = struct.unpack("<16I", padded[at:at + 64])
        a, b, c, d = state
        for mix, constant, order, shifts in rounds:
            for i, k in enumerate(order):
                a, b, c, d = d, rot(a + mix(b, c, d) + words[k] + constant, shifts[i % 4]), b, c
        state = [(x + y) & 0xFFFFFFFF for x, y in zip(state, (a, b, c, d))]
    return struct.pack("<4I", *state)


assert md4(b"abc").hex() == "a448017aaf21d8525fc10ae87aa6729d"


class Ntlm:
    """One connection's login."""

    TARGET = "KILN".encode("utf-16-le")

    def __init__(self):
        self.challenge = None
        self.user = None

    def ask(self):
        """The challenge message."""
        self.challenge = os.urandom(8)
        info = struct.pack("<HH", 2, len(self.TARGET)) + self.TARGET + struct.pack("<HHQHH", 7, 8, 0x1D0000000000000, 0, 0)
        flags = 0x00000001 | 0x00000200 | 0x00008000 | 0x00080000 | 0x00800000
        head = b"NTLMSSP\0" + struct.pack("<IHHII", 2, len(self.TARGET), len(self.TARGET), 56, flags)
        head += self.challenge + bytes(8) + struct.pack("<HHI", len(info), len(info), 56 + len(self.TARGET)) + bytes(8)
        return head + self.TARGET + info

    def check(self, message, user, password):
        """The authenticate message; True if it is right."""

        def field(at):
            length, _, offset = struct.unpack_from("<HHI", message, at)
            return message[offset:offset + length]

        answer, domain, who = field(20), field(28), field(36)
        if self.challenge is None or len(answer) < 24 + 28 or who.decode("utf-16-le") != user:
            return False
        proof, blob = answer[:16], answer[16:]
        hashed = md4(password.encode("utf-16-le"))
        key = hmac.new(hashed, user.upper().encode("utf-16-le") + domain, "md5").digest()
        self.user = user
        return hmac.compare_digest(hmac.new(key, self.challenge + blob, "md5").digest(), proof)


# ---- the server ----


class Server:
    """guest.run(command) is called for each command, in a thread: a Command."""

    def __init__(self, case, guest, user="vagrant", password="vagrant", ntlm=False, tls=False,
                 scheme="Negotiate"):  # what Windows calls NTLM
        self.guest, self.user, self.password, self.ntlm = guest, user, password, ntlm
        self.scheme_of_ntlm = scheme
        self.faults = []  # what was wrong with an envelope
        self.asked = []  # actions in order
        self.logins = 0
        self.shells = {}
        self.message_ids = set()
        self.largest = 0
        self.lock = threading.Condition()
        self.refuse = 0  # so many requests get a 503 first
        self.hang_up = 0  # close the connection after the answer, so many times
        self.down = False
        self.server = self.listen(tls and certificate(case))
        self.port = self.server.server_port
        self.scheme = "https" if tls else "http"
        self.url = f"{self.scheme}://127.0.0.1:{self.port}/wsman"
        case.addCleanup(self.close)

    def listen(self, pem):
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # an answer is one write, or the client's TCP waits for the rest

            def setup(self):
                super().setup()
                self.login = Ntlm()

            def handle(self):
                try:
                    super().handle()
                except OSError:  # the client is gone
                    pass

            def do_GET(self):
                self.answer(405, b"")

            def do_POST(self):
                outer.post(self)

            def answer(self, status, body, kind="application/soap+xml;charset=UTF-8", headers=()):
                self.send_response(status)
                for line in headers:
                    self.send_header(*line)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
                self.wfile.flush()

            def log_message(self, *args):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        if pem:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(pem)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        return server

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        with self.lock:
            self.down = True
            self.lock.notify_all()

    def reboot(self):
        """All shells are gone, whoever waits for one is hung up on."""
        with self.lock:
            self.shells = {}
            self.lock.notify_all()

    # -- logins --

    def admit(self, h):
        """None if the request may go on, else what to answer in WWW-Authenticate."""
        kind, _, token = h.headers.get("Authorization", "").partition(" ")
        if not self.ntlm:
            good = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
            return None if (kind, token) == ("Basic", good) else 'Basic realm="WSMAN"'
        if h.login.user and not token:  # a connection stays logged in
            return None
        message = base64.b64decode(token) if kind == self.scheme_of_ntlm else b""
        number = struct.unpack_from("<I", message, 8)[0] if message.startswith(b"NTLMSSP\0") else 0
        if number == 1:
            return self.scheme_of_ntlm + " " + base64.b64encode(h.login.ask()).decode()
        if number == 3 and h.login.check(message, self.user, self.password):
            self.logins += 1
            return None
        return self.scheme_of_ntlm

    def post(self, h):
        length = int(h.headers.get("Content-Length", 0))
        body = h.rfile.read(length)
        if self.refuse:
            self.refuse -= 1
            return h.answer(503, b"<html>busy</html>", "text/html")
        refusal = self.admit(h)
        if refusal:
            return h.answer(401, b"", headers=[("WWW-Authenticate", refusal)])
        if self.hang_up:  # the next request needs a line of its own
            self.hang_up -= 1
            h.close_connection = True
        self.largest = max(self.largest, length)
        try:
            status, reply = self.envelope(h, body)
        except Wrong as e:
            self.faults.append(f"{e}: {body.decode(errors='replace')}")
            status, reply = 500, fault(0, str(e), "s:Sender", "w:InvalidParameter")
        if reply is None:  # a reboot
            h.close_connection = True
            return None
        return h.answer(status, reply.encode())

    # -- envelopes --

    def envelope(self, h, body):
        want(h.path == "/wsman", f"path {h.path}")
        want(h.headers.get("Content-Type") == "application/soap+xml;charset=UTF-8", "Content-Type")
        want(len(body) <= MAX_ENVELOPE, f"{len(body)} bytes")
        want(b"<!" not in body, "a document type or CDATA")
        root = ET.fromstring(body.decode("utf-8"))
        want(root.tag == name("s:Envelope"), "no envelope")
        want([e.tag for e in root] == [name("s:Header"), name("s:Body")], "not one header, one body")
        action = self.check_header(root[0])
        self.asked.append(action.rsplit("/", 1)[1])
        handler = {
            TRANSFER + "/Create": self.create, SHELL + "/Command": self.command, SHELL + "/Receive": self.receive,
            SHELL + "/Send": self.send, SHELL + "/Signal": self.signal, TRANSFER + "/Delete": self.delete,
        }.get(action)
        want(handler, f"action {action}")
        selector = root[0].find("w:SelectorSet/w:Selector", NS)
        if handler == self.create:
            want(selector is None, "a selector for a shell that is not there")
            return handler(root)
        want(selector is not None and selector.get("Name") == "ShellId", "no ShellId")
        shell = self.shells.get(selector.text)
        if not shell:
            return 500, fault(NO_SHELL, f"The request for the Windows Remote Shell with ShellId {selector.text} failed because "
                              "the shell was not found on the server.")
        return handler(root, shell)

    def check_header(self, header):
        def text(path, must=None):
            found = header.findall(path, NS)
            want(len(found) == 1, f"{len(found)} of {path}")
            want(must is None or found[0].get(name("s:mustUnderstand")) == must, f"mustUnderstand of {path}")
            return found[0].text

        want(text("a:To") == self.url, "To")
        want(text("a:ReplyTo/a:Address", "true") == ANONYMOUS, "ReplyTo")
        want(text("w:ResourceURI", "true") == SHELL + "/cmd", "ResourceURI")
        want(text("w:MaxEnvelopeSize", "true") == str(MAX_ENVELOPE), "MaxEnvelopeSize")
        want(text("w:OperationTimeout") == "PT60S", "OperationTimeout")
        for path in ("w:Locale", "p:DataLocale"):
            text(path, "false")
            want(header.find(path, NS).get("{http://www.w3.org/XML/1998/namespace}lang") == "en-US", path)
        identity = text("a:MessageID")
        want(re.fullmatch(r"uuid:[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", identity), "MessageID")
        want(identity not in self.message_ids, "a MessageID twice")
        self.message_ids.add(identity)
        return text("a:Action", "true")

    @staticmethod
    def options(root):
        return {e.get("Name"): e.text for e in root.findall("s:Header/w:OptionSet/w:Option", NS)}

    @staticmethod
    def only(root, path):
        """The body's only element, which must be this."""
        body = root[1]
        want(len(body) == 1 and body[0].tag == name(path), f"the body is not {path}")
        return body[0]

    def create(self, root):
        want(self.options(root) == {"WINRS_NOPROFILE": "FALSE", "WINRS_CODEPAGE": "65001"}, "options of Create")
        shell = self.only(root, "rsp:Shell")
        want([(e.tag, e.text) for e in shell] == [(name("rsp:InputStreams"), "stdin"), (name("rsp:OutputStreams"),
                                                                                       "stdout stderr")], "streams")
        identity = str(uuid.uuid4()).upper()
        self.shells[identity] = Shell(identity)
        return 200, reply(TRANSFER + "/CreateResponse",
                          '<x:ResourceCreated xmlns:x="' + TRANSFER + '"><a:Address>' + self.url + "</a:Address>"
                          "<a:ReferenceParameters><w:ResourceURI>" + SHELL + "/cmd</w:ResourceURI><w:SelectorSet>"
                          f'<w:Selector Name="ShellId">{identity}</w:Selector></w:SelectorSet></a:ReferenceParameters>'
                          f"</x:ResourceCreated><rsp:Shell><rsp:ShellId>{identity}</rsp:ShellId></rsp:Shell>")

    def command(self, root, shell):
        options = self.options(root)
        want(set(options) == {"WINRS_CONSOLEMODE_STDIN", "WINRS_SKIP_CMD_SHELL"}, "options of Command")
        want(options["WINRS_SKIP_CMD_SHELL"] == "FALSE", "WINRS_SKIP_CMD_SHELL")
        line = self.only(root, "rsp:CommandLine")
        want([e.tag for e in line] == [name("rsp:Command")], "one Command")
        want(not shell.command, "two commands in one shell")
        text = line[0].text or ""
        if len(text) > 8191:  # of cmd.exe
            return 500, fault(2147942606, "The filename or extension is too long. ")
        shell.command = Command(self, text, options["WINRS_CONSOLEMODE_STDIN"] == "FALSE")
        threading.Thread(target=shell.command.work, args=(self.guest,), daemon=True).start()
        return 200, reply(SHELL + "/CommandResponse",
                          f"<rsp:CommandResponse><rsp:CommandId>{shell.command.id}</rsp:CommandId></rsp:CommandResponse>")

    def of_command(self, element, shell):
        want(shell.command and element.get("CommandId") == shell.command.id, "CommandId")
        return shell.command

    def receive(self, root, shell):
        receive = self.only(root, "rsp:Receive")
        want([(e.tag, e.text) for e in receive] == [(name("rsp:DesiredStream"), "stdout stderr")], "DesiredStream")
        command = self.of_command(receive[0], shell)
        with self.lock:
            ready = self.lock.wait_for(lambda: self.down or shell.id not in self.shells or command.output or command.idle or
                                       command.code is not None, 60)
            if self.down or shell.id not in self.shells:
                return 0, None
            if not ready or (command.idle and not command.output and command.code is None):
                command.idle = False
                self.lock.notify_all()
                return 500, fault(TIMED_OUT, "The WS-Management service cannot complete the operation within the time "
                                  "specified in OperationTimeout.  ", subcode="w:TimedOut")
            pieces, command.output = command.output[:20], command.output[20:]
            done = command.code is not None and not command.output
        streams = "".join(f'<rsp:Stream Name="{s}" CommandId="{command.id}">{base64.b64encode(d).decode()}</rsp:Stream>'
                          for s, d in pieces)
        state = (f'<rsp:CommandState CommandId="{command.id}" State="{SHELL}/CommandState/Done">'
                 f"<rsp:ExitCode>{command.code}</rsp:ExitCode></rsp:CommandState>" if done else
                 f'<rsp:CommandState CommandId="{command.id}" State="{SHELL}/CommandState/Running"/>')
        return 200, reply(SHELL + "/ReceiveResponse", f"<rsp:ReceiveResponse>{streams}{state}</rsp:ReceiveResponse>")

    def send(self, root, shell):
        stream = self.only(root, "rsp:Send")
        want([e.tag for e in stream] == [name("rsp:Stream")], "one Stream")
        stream = stream[0]
        command = self.of_command(stream, shell)
        want(stream.get("Name") == "stdin" and command.piped, "stdin of a command that has none")
        want(not command.stdin_ended, "input after its end")
        data = base64.b64decode(stream.text or "", validate=True)
        with self.lock:
            if command.code is not None:
                return 500, fault(BROKEN_PIPE, "The pipe has been ended. ")
            command.stdin += data
            command.stdin_ended = stream.get("End") == "true"
            self.lock.notify_all()
        return 200, reply(SHELL + "/SendResponse", "<rsp:SendResponse/>")

    def signal(self, root, shell):
        signal = self.only(root, "rsp:Signal")
        want([(e.tag, e.text) for e in signal] == [(name("rsp:Code"), SHELL + "/signal/terminate")], "Code")
        command = self.of_command(signal, shell)
        command.terminated = True
        with self.lock:
            self.lock.notify_all()
        return 200, reply(SHELL + "/SignalResponse", "<rsp:SignalResponse/>")

    def delete(self, root, shell):
        want(len(root[1]) == 0, "Delete has no body")
        with self.lock:
            self.shells.pop(shell.id, None)
            self.lock.notify_all()
        return 200, reply(TRANSFER + "/DeleteResponse", "")


class Shell:
    def __init__(self, identity):
        self.id = identity
        self.command = None


class Command:
    """A command that runs. The guest's side: out(), err(), line() of its stdin, and its exit code is what run() returns."""

    def __init__(self, server, text, piped):
        self.server, self.text, self.piped = server, text, piped
        self.id = str(uuid.uuid4()).upper()
        self.output = []  # pieces that were not received yet
        self.code = None
        self.stdin = b""
        self.stdin_ended = False
        self.terminated = False
        self.idle = False  # the next Receive is to find nothing in time

    def work(self, guest):
        try:
            code = guest.run(self)
        except Exception as e:  # pylint: disable=broad-except
            self.server.faults.append(f"the guest: {e!r} at {self.text}")
            code = 99
        with self.server.lock:
            self.code = code
            self.server.lock.notify_all()

    def piece(self, stream, data):
        with self.server.lock:
            self.output.append((stream, data if isinstance(data, bytes) else data.encode()))
            self.server.lock.notify_all()

    def out(self, data):
        self.piece("stdout", data)

    def err(self, data):
        self.piece("stderr", data)

    def stall(self):
        """Let one Receive end without anything."""
        with self.server.lock:
            self.idle = True
            self.server.lock.notify_all()
            self.server.lock.wait_for(lambda: not self.idle, 60)

    def lines(self):
        """Of stdin, until its end."""
        while True:
            with self.server.lock:
                self.server.lock.wait_for(lambda: b"\n" in self.stdin or self.stdin_ended, 60)
                line, end, self.stdin = self.stdin.partition(b"\n")
            if not end and not line:
                return
            yield line.decode().rstrip("\r")

    def script(self):
        """What PowerShell is asked to do, or None."""
        found = re.fullmatch(r"powershell\.exe( -NoProfile -NonInteractive -OutputFormat Text)? -EncodedCommand (\S+)", self.text)
        return found and base64.b64decode(found[2], validate=True).decode("utf-16-le")


class Guest:
    """Files, by their full names with backslashes, and what was run. do(command) may run more: an exit code or None."""

    def __init__(self, do=lambda command: None):
        self.files = {}
        self.directories = set()
        self.ran = []
        self.env = {"TEMP": "C:\\Temp"}
        self.do = do
        self.hashes = True

    def full(self, path):
        path = re.sub(r"\$env:(\w+)", lambda m: self.env[m[1]], path).strip("'").replace("/", "\\")
        return path[0].upper() + path[1:]

    def run(self, command):
        script = command.script()
        if script and "\nprocess {" in script:
            assert script.startswith("begin {")  # or PowerShell takes the blocks to be commands
            return self.put(command)
        if script and "ReadWrite" in script:
            return self.get(command, script)
        if script and script.endswith(';Write-Output "WinRM connected."'):
            command.out("WinRM connected.\r\n")
            return 0
        self.ran.append(command.text)
        code = self.do(command)
        return 0 if code is None else code

    def put(self, command):
        everything, current = b"", None
        for line in command.lines():
            word = line.split(" ")
            if word[0] == ">":
                parts = [base64.b64decode(w, validate=True).decode() for w in word[1:]]
                path = self.full(parts[0]) + "".join("\\" + p for p in parts[1:])
                if path in self.directories:
                    command.out(f"! {path} is a directory\r\n")
                    return 1
                current = self.files[path] = bytearray()
            elif word[0] == "<":
                current = None
            else:
                current += base64.b64decode(line, validate=True)
                everything += base64.b64decode(line)
        self.show(command, everything)
        return 0

    def get(self, command, script):
        path = self.full(re.search(r"\$path = '((?:[^']|'')*)'", script)[1].replace("''", "'"))
        if path not in self.files:
            command.out(f"! Could not find file '{path}'.\r\n")
            return 1
        data = bytes(self.files[path])
        command.out(f"\ufeff> {len(data)}\r\n")
        for at in range(0, len(data), 24576):
            text = base64.b64encode(data[at:at + 24576]) + b"\r\n"
            command.out(text[:1000])  # lines do not come whole
            command.out(text[1000:])
        self.show(command, data)
        return 0

    def show(self, command, data):
        digest = hashlib.sha256(data).hexdigest() if self.hashes else "-"
        command.out(f"= {len(data)} {digest}\r\n")


def reply(action, body):
    return (f'<s:Envelope xml:lang="en-US" xmlns:s="{NS["s"]}" xmlns:a="{NS["a"]}" xmlns:w="{NS["w"]}" '
            f'xmlns:rsp="{SHELL}"><s:Header><a:Action>{action}</a:Action><a:MessageID>uuid:{uuid.uuid4()}</a:MessageID>'
            f"<a:To>{ANONYMOUS}</a:To></s:Header><s:Body>{body}</s:Body></s:Envelope>")


def fault(code, text, value="s:Receiver", subcode="w:InternalError"):
    return reply("http://schemas.dmtf.org/wbem/wsman/1/wsman/fault",
                 f"<s:Fault><s:Code><s:Value>{value}</s:Value><s:Subcode><s:Value>{subcode}</s:Value></s:Subcode></s:Code>"
                 f'<s:Reason><s:Text xml:lang="en-US">{text}</s:Text></s:Reason><s:Detail><f:WSManFault '
                 f'xmlns:f="http://schemas.microsoft.com/wbem/wsman/1/wsmanfault" Code="{code}" Machine="guest">'
                 f"<f:Message>{text}</f:Message></f:WSManFault></s:Detail></s:Fault>")


def certificate(case):
    """Key and self-signed certificate in one file."""
    pem = case.path("server.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days",
                    "2", "-subj", "/CN=guest", "-keyout", pem, "-out", pem + ".crt"], check=True, stderr=subprocess.DEVNULL)
    with open(pem, "a") as f, open(pem + ".crt") as crt:
        f.write(crt.read())
    return pem
