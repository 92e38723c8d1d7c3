#!/usr/bin/env python3
"""Stands in for qemu-system-* as the "qemu_binary" of a template: looks alive, runs no guest.

It answers -version, serves RFB on the display of -vnc (any key is taken, no picture is ever sent) and
QMP on the socket of -qmp, and takes connections on forwarded ports without a word, as QEMU does for a
guest that is not up yet. It ends on SIGTERM, QMP quit or system_powerdown, or when its parent is gone.
"""
import json
import os
import re
import select
import signal
import socket
import struct
import sys
import threading

GREETING = {"QMP": {"version": {"qemu": {"micro": 22, "minor": 2, "major": 7}, "package": ""}, "capabilities": []}}
PIXELS = struct.pack(">BBBBHHHBBB3x", 32, 24, 0, 1, 255, 255, 255, 16, 8, 0)


def values(name):
    """The values of all options -name."""
    return [value for option, value in zip(sys.argv, sys.argv[1:]) if option == "-" + name]


def serve(listener, client):
    """Each client in a thread of its own; one that goes away early is nothing to report."""
    def one(connection):
        try:
            client(connection)
        except OSError:
            pass

    def all_of_them():
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=one, args=(connection,), daemon=True).start()

    threading.Thread(target=all_of_them, daemon=True).start()


def swallow(connection):
    while connection.recv(65536):
        pass


def vnc(connection):
    connection.sendall(b"RFB 003.008\n")
    connection.recv(12)
    connection.sendall(b"\x01\x01")  # one security type: none
    connection.recv(1)
    connection.sendall(bytes(4))  # accepted
    connection.recv(1)
    connection.sendall(struct.pack(">HH", 720, 400) + PIXELS + struct.pack(">I", 4) + b"QEMU")
    swallow(connection)


def qmp(connection):
    decoder, text = json.JSONDecoder(), ""

    def send(message):
        connection.sendall(json.dumps(message).encode() + b"\r\n")

    send(GREETING)
    while True:
        text = text.lstrip()
        try:  # a command needs no newline after it
            command, end = decoder.raw_decode(text)
            text = text[end:]
        except ValueError:
            data = connection.recv(65536)
            if not data:
                return
            text += data.decode()
            continue
        name = command["execute"]
        answer = {"status": "running", "running": True} if name == "query-status" else {}
        send({"return": answer, **({"id": command["id"]} if "id" in command else {})})
        if name in ("quit", "system_powerdown"):
            os._exit(0)


def main():
    if sys.argv[1:2] in (["-version"], ["--version"]):
        print("QEMU emulator version 7.2.22")
        return
    for display in values("vnc"):
        host, number = re.match(r"(.*):(\d+)", display).groups()
        serve(socket.create_server((host, 5900 + int(number))), vnc)
    for place in values("qmp"):
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(re.match(r"unix:([^,]*)", place).group(1))
        listener.listen()
        serve(listener, qmp)
    for network in values("netdev"):
        for host, port in re.findall(r"hostfwd=tcp:([\d.]*):(\d+)-", network):
            serve(socket.create_server((host, int(port))), swallow)
    parent = os.pidfd_open(os.getppid())
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    select.select([parent], [], [])


main()
