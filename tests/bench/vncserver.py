"""A VNC server whose picture the benchmark changes, in the place of QEMU's own; and the program that stands for QEMU.

The real QEMU runs, with no display: a wrapper takes its -vnc away, tells us the port, and goes on when we listen there.
"""
import os
import socket
import struct
import sys
import threading

from measure import Failed

WRAPPER = """#!%s
import os, socket, sys
argv = sys.argv[1:]
if "-vnc" in argv:
    at = argv.index("-vnc")
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(%r)
        s.sendall(argv[at + 1].encode())
        s.recv(1)
    argv[at + 1] = "none"
os.execvp("qemu-system-x86_64", ["qemu-system-x86_64", *argv])
"""

# 32 bits a pixel, depth 24, little endian, true colour, red in the lowest byte
FORMAT = struct.pack(">BBBBHHHBBBxxx", 32, 24, 0, 1, 255, 255, 255, 0, 8, 16)
SIZES = {0: 20, 3: 10, 4: 8, 5: 6}  # of messages from a client, by type; 2 (encodings) says itself


def receive(connection, size):
    data = b""
    while len(data) < size:
        more = connection.recv(size - len(data))
        if not more:
            raise OSError("the client is gone")
        data += more
    return data


class VncServer:
    """Use as a context. `wrapper` is the qemu_binary for the template."""

    def __init__(self, directory, width, height, pixels):
        self.width, self.height = width, height
        self.pixels = pixels  # 4 bytes each: red, green, blue, nothing
        self.connection = None
        self.asked = threading.Condition()
        self.requests = 0  # for an update, that have no answer yet
        path = os.path.join(directory, "vnc.sock")
        self.wrapper = os.path.join(directory, "qemu")
        with open(self.wrapper, "w") as f:
            f.write(WRAPPER % (sys.executable, path))
        os.chmod(self.wrapper, 0o755)
        self.door = socket.socket(socket.AF_UNIX)
        self.door.bind(path)
        self.door.listen()
        self.listener = None
        threading.Thread(target=self.serve, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for s in (self.door, self.listener, self.connection):
            if s:
                s.close()

    def serve(self):
        try:
            self.listen()
            while True:
                self.connection, _ = self.listener.accept()
                self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                try:
                    self.greet(self.connection)
                    self.obey(self.connection)
                except OSError:
                    pass  # the next one
        except OSError:
            pass  # the context was left

    def listen(self):
        qemu, _ = self.door.accept()
        with qemu:
            host, display = qemu.recv(200).decode().split(",")[0].rsplit(":", 1)
            self.listener = socket.create_server((host, 5900 + int(display)))
            qemu.sendall(b"x")

    def greet(self, c):
        c.sendall(b"RFB 003.008\n")
        receive(c, 12)
        c.sendall(b"\1\1")  # security: none
        receive(c, 1)
        c.sendall(bytes(4))
        receive(c, 1)
        c.sendall(struct.pack(">HH", self.width, self.height) + FORMAT + struct.pack(">I", 5) + b"bench")

    def obey(self, c):
        while True:
            kind = receive(c, 1)[0]
            if kind == 2:
                receive(c, 4 * struct.unpack(">xH", receive(c, 3))[0])
            elif kind == 3:
                if not receive(c, 9)[0]:  # not incremental: all of it
                    self.send(c, 0, 0, self.width, self.height, self.pixels)
                    continue
                with self.asked:
                    self.requests += 1
                    self.asked.notify()
            elif kind in SIZES:
                receive(c, SIZES[kind] - 1)
            else:
                raise OSError("message %d" % kind)

    @staticmethod
    def send(c, x, y, width, height, pixels):
        c.sendall(struct.pack(">BxHHHHHi", 0, 1, x, y, width, height, 0) + pixels)

    def change(self, x, y, width, height, pixels):
        """Sends new pixels as soon as the client has asked for an update, as QEMU does."""
        with self.asked:
            if not self.asked.wait_for(lambda: self.requests > 0, 10):
                raise Failed("nobody asks the VNC server for an update")
            self.requests -= 1
        self.send(self.connection, x, y, width, height, pixels)
