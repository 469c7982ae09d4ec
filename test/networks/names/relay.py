"""Stands for the network's helper process: port 53 of loopback, relayed to two Unix sockets. Then runs a program.

usage: relay.py UDP_PATH TCP_PATH PROGRAM ARGUMENT...
"""

import socket
import struct
import subprocess
import sys
import threading


def loopback_up():
    """glibc asks for the families of addresses that the machine has beside loopback's."""
    for command in ("link set lo up", "addr add 192.0.2.200/32 dev lo", "addr add 2001:db8::200/128 dev lo"):
        subprocess.run(["ip", *command.split()], check=True)


def whole(stream, count):
    data = b""
    while len(data) < count:
        part = stream.recv(count - len(data))
        if not part:
            raise EOFError
        data += part
    return data


def relay_udp(path):
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 53))
    clients = {}

    def answers(stream, client):
        while True:
            (length,) = struct.unpack(">H", whole(stream, 2))
            server.sendto(whole(stream, length), client)

    def run():
        while True:
            data, client = server.recvfrom(65535)
            if client not in clients:
                clients[client] = socket.socket(socket.AF_UNIX)
                clients[client].connect(path)
                threading.Thread(target=answers, args=(clients[client], client), daemon=True).start()
            clients[client].sendall(struct.pack(">H", len(data)) + data)

    threading.Thread(target=run, daemon=True).start()


def relay_tcp(path):
    server = socket.create_server(("127.0.0.1", 53))

    def copy(source, target):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)

    def run():
        while True:
            client, _ = server.accept()
            stream = socket.socket(socket.AF_UNIX)
            stream.connect(path)
            for pair in ((client, stream), (stream, client)):
                threading.Thread(target=copy, args=pair, daemon=True).start()

    threading.Thread(target=run, daemon=True).start()


loopback_up()
relay_udp(sys.argv[1])
relay_tcp(sys.argv[2])
sys.exit(subprocess.run(sys.argv[3:]).returncode)
