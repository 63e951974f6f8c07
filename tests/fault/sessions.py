# SPDX-License-Identifier: GPL-2.0-or-later
"""TPM 2.0 sessions seen from outside: what a record of the bus gives up to who has the
private key of the parent, as the TPM has.

Salted HMAC sessions, SHA-256 and AES-128-CFB (TPM 2.0 Library, Part 1, "Session-based
encryption").  Written from the specification, apart from the module's own code.
"""
import hashlib
import hmac
import os
import re
import struct

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

START_AUTH_SESSION = 0x176
PASSWORD = 0x40000009
NULL = b"\x40\0\0\7"
DECRYPT, ENCRYPT = 0x20, 0x40
# The handles of a command that may have sessions, and of its answer.
HANDLES = {0x120: (2, 0), 0x131: (1, 1), 0x153: (1, 0), 0x156: (1, 0), 0x157: (1, 1),
           0x15e: (1, 0), 0x173: (1, 0), START_AUTH_SESSION: (2, 1), 0x17e: (0, 0),
           0x17f: (1, 0)}


def code(frame):
    return int.from_bytes(frame[6:10], "big")


class Reader:
    def __init__(self, data, at=0):
        self.data, self.at = data, at

    def number(self, size):
        self.at += size
        return int.from_bytes(self.data[self.at - size:self.at], "big")

    def sized(self):
        size = self.number(2)
        self.at += size
        return self.data[self.at - size:self.at]


def authorizations(frame):
    """[(session, nonce, attributes, HMAC or password)], and where the parameters begin."""
    r = Reader(frame, 10 + 4 * HANDLES[code(frame)][0])
    if frame[:2] != b"\x80\x02":
        return [], r.at
    end = r.number(4)
    end += r.at
    found = []
    while r.at < end:
        found.append((r.number(4), r.sized(), r.number(1), r.sized()))
    return found, end


def kdfa(key, label, u, v):
    text = struct.pack(">I", 1) + label + b"\0" + u + v + struct.pack(">I", 256)
    return hmac.digest(key, text, "sha256")


def crypt(key, newer, older, data):
    k = kdfa(key, b"CFB", newer, older)
    return Cipher(algorithms.AES(k[:16]), modes.CFB(k[16:])).decryptor().update(data)


def read_record(path):
    """{section: [(mark, frame)]} of what tests/vm/tpmproxy.c wrote; "# NAME" begins one."""
    sections, now = {"": []}, ""
    with open(path, encoding="ascii") as f:
        for line in f:
            if not line.endswith("\n"):
                break  # it is still being written
            _, mark, text = line.rstrip("\n").split(" ", 2)
            if mark == "#":
                now = text
                sections.setdefault(now, [])
            else:
                sections[now].append((mark, bytes.fromhex(text)))
    return sections


def private_key(frames, state):
    """The P-256 key of which the record has the public and swtpm's state the private half."""
    shape = re.compile(rb"\x00\x10\x00\x03\x00\x10\x00\x20(.{32})\x00\x20.{32}", re.S)
    wanted = {int.from_bytes(x, "big") for _, frame in frames for x in shape.findall(frame)}
    for name in os.listdir(state):
        with open(os.path.join(state, name), "rb") as f:
            data = f.read()
        for match in re.finditer(rb"(?=\x00\x20(.{32}))", data, re.S):
            try:
                key = ec.derive_private_key(int.from_bytes(match[1], "big"),
                                            ec.SECP256R1())
            except ValueError:
                continue
            if key.public_key().public_numbers().x in wanted:
                return key
    return None


class Session:
    """From the parameters of StartAuthSession and of its answer, and the handle there."""

    def __init__(self, key, command, handle, answer):
        r = Reader(command)
        caller, salt = r.sized(), Reader(r.sized())
        x, y = (int.from_bytes(salt.sized(), "big") for _ in range(2))
        point = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
        self.z = key.exchange(ec.ECDH(), point)
        ours = key.public_key().public_numbers().x.to_bytes(32, "big")
        self.salt = hashlib.sha256(struct.pack(">I", 1) + self.z + b"SECRET\0" +
                                   x.to_bytes(32, "big") + ours).digest()
        self.handle, self.nonce = handle, Reader(answer).sized()
        self.key = kdfa(self.salt, b"ATH", self.nonce, caller)


def open_first(session, newer, older, parameters):
    """The first parameter, whose size is in clear, deciphered in its place."""
    text = crypt(session.key, newer, older, Reader(parameters).sized())
    return parameters[:2] + text + parameters[2 + len(text):]


class Decipherer:
    """What a record of whole exchanges says to who has the parent's private key."""

    def __init__(self, key):
        self.key = key
        self.sessions = []
        self.live = {}  # by handle
        self.texts = []  # parameters, in clear

    def command(self, frame):
        self.sent, self.auths, self.parameters = frame, [], b""
        if code(frame) not in HANDLES:
            return
        self.auths, at = authorizations(frame)
        self.parameters = frame[at:]
        for handle, nonce, attributes, _ in self.auths:
            if handle in self.live and attributes & DECRYPT:
                self.parameters = open_first(self.live[handle], nonce,
                                             self.live[handle].nonce, self.parameters)
        self.texts.append(self.parameters)

    def answer(self, frame):
        cc = code(self.sent)
        if code(frame) != 0 or cc not in HANDLES:
            return
        r = Reader(frame, 10)
        handle = r.number(4) if HANDLES[cc][1] else None
        size = r.number(4) if self.auths else len(frame) - r.at
        parameters = frame[r.at:r.at + size]
        r.at += size
        for used, caller, _, _ in self.auths:
            nonce, attributes, _ = r.sized(), r.number(1), r.sized()
            if used not in self.live:
                continue
            self.live[used].nonce = nonce
            if attributes & ENCRYPT:
                parameters = open_first(self.live[used], nonce, caller, parameters)
        self.texts.append(parameters)
        if cc == START_AUTH_SESSION and self.sent[10:14] != NULL:
            session = Session(self.key, self.parameters, handle, parameters)
            self.sessions.append(session)
            self.live[handle] = session


def decipher(key, frames):
    d = Decipherer(key)
    for mark, frame in frames:
        if mark == ">":
            d.command(frame)
        elif mark == "<":
            d.answer(frame)
    return d.sessions, d.texts
