#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Secrets of one device for hunt.c, computed beside its registrar.

Usage: needles.py make MASTER DEVICE-ID OUT NAME:VERSIONS...
           OUT: mask and masked pieces; OUT.names: what each of them is, line by line.
       needles.py opens MASTER DEVICE-ID NAME VERSION TEXT
           whether the message on standard input, in base64, is TEXT under the child of that root:
           that shows that the secrets searched for are those in use.

Of each root, and of its child (an aes-256-gcm key "NAME-key", mode=derive, of epoch 0), there are
pieces of 16 bytes: both halves as they are, as hex, and as base64 wherever the
text of it may begin.
"""
import base64
import os
import struct
import sys

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

import model


def root_of(master, device, name, version):
    """SP 800-108 in counter mode, one block: Documentation/fleet.rst."""
    context = device + struct.pack(">I", version) + name.encode()
    text = struct.pack(">I", 1) + b"iotkey root\0" + context + struct.pack(">I", 256)
    return model.hmac.digest(master, text, "sha256")


def child_of(root, name):
    label = (name + "-key").encode()
    return model.kdf(root, "iotkey/1 derive",
                     bytes([model.GCM, len(label)]) + label + struct.pack(">I", 0))


def pieces(secret):
    """(what, 16 bytes)"""
    digits = secret.hex()
    yield "first half", secret[:16]
    yield "second half", secret[16:]
    yield "hex", digits[16:32].encode()
    yield "HEX", digits[16:32].upper().encode()
    for shift in range(3):
        text = base64.b64encode(bytes(shift) + secret)
        yield f"base64+{shift}", text[8:24]


def make(master, device, out, *wanted):
    mask = os.urandom(16)
    with open(out, "wb") as needles, open(out + ".names", "w") as names:
        needles.write(mask)
        for word in wanted:
            name, versions = word.split(":")
            for version in range(1, int(versions) + 1):
                root = root_of(master, device, name, version)
                for kind, secret in ("root", root), ("child", child_of(root, name)):
                    for what, piece in pieces(secret):
                        needles.write(bytes(a ^ b for a, b in zip(piece, mask)))
                        print(name, version, kind, what, file=names)


def opens(master, device, name, version, text):
    message = base64.b64decode(sys.stdin.read())
    child = child_of(root_of(master, device, name, int(version)), name)
    key = model.xaes_key(child, message[8:32])
    return AESGCM(key).decrypt(message[20:32], message[32:], message[:32]) == text.encode()


def main():
    verb, master, device, *rest = sys.argv[1:]
    with open(master, "rb") as file:
        master = file.read()
    device = bytes.fromhex(device)
    if verb == "make":
        make(master, device, *rest)
    elif not opens(master, device, *rest):
        sys.exit(1)


main()
