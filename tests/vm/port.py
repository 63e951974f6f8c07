#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The host's end of run.sh --port: waits for the VM on a socket, then copies its lines to the
standard output and those of the standard input to it, until it ends.

Usage: port.py SOCKET
"""
import os
import socket
import sys
import threading


def main():
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(sys.argv[1])
    listener.listen()
    port, _ = listener.accept()

    def answer():
        while data := os.read(0, 65536):
            port.sendall(data)

    threading.Thread(target=answer, daemon=True).start()
    while data := port.recv(65536):
        os.write(1, data)
    os._exit(0)


main()
