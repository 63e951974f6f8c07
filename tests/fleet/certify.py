#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
TPM2_Certify with extraData, which tpm2_certify of tpm2-tools 5.4 cannot be given.

Usage: certify.py SOCKET KEY AK NONCE-HEX ATTEST SIGNATURE

KEY and AK are files without their .pub and .priv under the parent 0x81000001, or a persistent
handle; what the TPM says goes into ATTEST and SIGNATURE.
"""
import socket
import struct
import sys

PARENT = 0x81000001
PASSWORD = struct.pack(">IHBH", 0x40000009, 0, 0, 0)


class Tpm:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)

    def call(self, code, handles, parameters, sessions=0):
        body = b"".join(struct.pack(">I", h) for h in handles)
        if sessions:
            body += struct.pack(">I", sessions * len(PASSWORD)) + sessions * PASSWORD
        body += parameters
        tag = 0x8002 if sessions else 0x8001
        self.socket.sendall(struct.pack(">HII", tag, 10 + len(body), code) + body)
        answer = b""
        while len(answer) < 10 or len(answer) < struct.unpack(">I", answer[2:6])[0]:
            answer += self.socket.recv(4096)
        error = struct.unpack(">I", answer[6:10])[0]
        if error:
            sys.exit(f"certify.py: command {code:#x}: {error:#x}")
        return answer[10:]

    def load(self, name):
        if name.startswith("0x"):
            return int(name, 16)
        with open(name + ".priv", "rb") as priv, open(name + ".pub", "rb") as pub:
            answer = self.call(0x157, [PARENT], priv.read() + pub.read(), 1)
        return struct.unpack(">I", answer[:4])[0]


def main():
    path, key, ak, nonce, attest_file, signature_file = sys.argv[1:]
    nonce = bytes.fromhex(nonce)
    tpm = Tpm(path)
    handles = [tpm.load(key), tpm.load(ak)]
    answer = tpm.call(0x148, handles, struct.pack(">H", len(nonce)) + nonce + b"\x00\x10", 2)
    size = struct.unpack(">I", answer[:4])[0]
    answer = answer[4:4 + size]
    n = struct.unpack(">H", answer[:2])[0]
    with open(attest_file, "wb") as file:
        file.write(answer[2:2 + n])
    with open(signature_file, "wb") as file:
        file.write(answer[2 + n:])
    for handle in handles:
        if handle >> 24 == 0x80:
            tpm.call(0x165, [], struct.pack(">I", handle))


main()
