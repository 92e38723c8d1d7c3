#!/usr/bin/env python3
"""A qemu-system-x86_64 whose keyboard loses keys: set as qemu_binary, it starts the real one with its VNC server
elsewhere, and relays. Of the key events that clients send some are dropped and some come twice, at random by FAULTY_SEED;
FAULTY_LOG gets a line for each. With FAULTY_STALL=SECONDS none is, but all stand still for so long once a few have gone
through, as on a host that is busy, and come at one time then. It ends with QEMU and QEMU with it.
"""

import ctypes
import os
import random
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

QEMU = "qemu-system-x86_64"
STALL = float(os.environ.get("FAULTY_STALL", 0))
RATE = 0 if STALL else 0.05  # of the events are dropped, and as many doubled
LENGTHS = {0: 19, 3: 9, 4: 7, 5: 5, 255: 11}  # bytes behind the type of a client's message
KEYS = (4, 255)  # by keysym; by scancode


def die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def read(sock, n):
    data = b""
    while len(data) < n:
        more = sock.recv(n - len(data))
        if not more:
            raise EOFError
        data += more
    return data


class Relay:
    def __init__(self, port, path):
        self.random = random.Random(int(os.environ.get("FAULTY_SEED", "1")))
        self.log = open(os.environ.get("FAULTY_LOG", os.devnull), "a", buffering=1)
        self.path = path
        self.keys = 0
        self.listener = socket.create_server(("127.0.0.1", port))

    def serve(self):
        while True:
            client, _ = self.listener.accept()
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            server = socket.socket(socket.AF_UNIX)
            server.connect(self.path)
            for part in (self.upward, self.downward):
                threading.Thread(target=part, args=(client, server), daemon=True).start()

    def downward(self, client, server):
        try:
            while data := server.recv(65536):
                client.sendall(data)
        except OSError:
            pass
        self.hang_up(client, server)

    def upward(self, client, server):
        try:
            for n in (12, 1, 1):  # version, no authentication, share the display
                server.sendall(read(client, n))
            while True:
                self.pass_message(client, server)
        except (OSError, EOFError):
            pass
        self.hang_up(client, server)

    def pass_message(self, client, server):
        kind = read(client, 1)
        if kind[0] == 2:  # encodings
            head = read(client, 3)
            server.sendall(kind + head + read(client, 4 * struct.unpack(">H", head[1:])[0]))
            return
        message = kind + read(client, LENGTHS[kind[0]])
        self.keys += kind[0] in KEYS
        if self.keys == 10 and kind[0] in KEYS:
            time.sleep(STALL)
        luck = self.random.random() if kind[0] in KEYS else 1 - 2 * RATE
        if luck >= RATE:
            server.sendall(message)
        if luck >= 1 - RATE:
            server.sendall(message)
        if luck < RATE or luck >= 1 - RATE:
            print("dropped" if luck < RATE else "doubled", message.hex(), file=self.log)

    def hang_up(self, *socks):
        for sock in socks:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def main():
    die_with_parent()
    args = sys.argv[1:]
    if "-vnc" not in args:
        os.execvp(QEMU, [QEMU, *args])
    at = args.index("-vnc") + 1
    display, *options = args[at].split(",")
    path = f"/tmp/kiln-e2e-vnc-{os.getpid()}"
    args[at] = ",".join(["unix:" + path, *options])
    relay = Relay(5900 + int(display.rsplit(":", 1)[1]), path)
    qemu = subprocess.Popen([QEMU, *args], preexec_fn=die_with_parent)
    signal.signal(signal.SIGTERM, lambda *_: qemu.terminate())
    threading.Thread(target=relay.serve, daemon=True).start()
    code = qemu.wait()
    if os.path.exists(path):
        os.unlink(path)
    os._exit(code if code >= 0 else 128 - code)


if __name__ == "__main__":
    main()
