#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Changes a binary IMA log: spoil.py LOG OUT ACTION...; entries count from 1.

    drop N | double N | swap N M | first N      of whole entries
    byte N OFFSET VALUE                         of the record in entry N
    forge N OFFSET VALUE                        the same, and its digests are made to fit
    pcr HASH                                    prints what the PCR is after the log so far
"""
import hashlib
import struct
import sys


def entries(log):
    at = 0
    while at < len(log):
        begin = at
        at += 24
        for _ in "name", "data":
            at += 4 + struct.unpack_from("<I", log, at)[0]
        yield bytearray(log[begin:at])


def data_at(entry):
    return 32 + struct.unpack_from("<I", entry, 24)[0]


def fields(entry):
    """Offset and length of each field of the template."""
    at = data_at(entry)
    while at < len(entry):
        size = struct.unpack_from("<I", entry, at)[0]
        yield at + 4, size
        at += 4 + size


def mend(entry):
    (digest, size), _, (record, length) = fields(entry)
    value = hashlib.sha256(entry[record:record + length]).digest()
    entry[digest + size - 32:digest + size] = value
    entry[4:24] = hashlib.sha1(entry[data_at(entry):]).digest()


def pcr(log, name):
    value = bytes(hashlib.new(name).digest_size)
    for entry in log:
        digest = hashlib.new(name, entry[data_at(entry):]).digest()
        value = hashlib.new(name, value + digest).digest()
    return value.hex()


def main():
    log = list(entries(open(sys.argv[1], "rb").read()))
    args = iter(sys.argv[3:])
    number = lambda: int(next(args), 0)
    for action in args:
        if action == "drop":
            del log[number() - 1]
        elif action == "first":
            del log[number():]
        elif action == "double":
            n = number()
            log.insert(n, log[n - 1])
        elif action == "swap":
            n, m = number() - 1, number() - 1
            log[n], log[m] = log[m], log[n]
        elif action in ("byte", "forge"):
            entry = log[number() - 1]
            at = list(fields(entry))[2][0] + number()
            entry[at] = number()
            if action == "forge":
                mend(entry)
        elif action == "pcr":
            name = next(args)
            print(f"{name}:{pcr(log, name)}")
        else:
            sys.exit(f"spoil.py: {action}?")
    open(sys.argv[2], "wb").write(b"".join(log))


main()
