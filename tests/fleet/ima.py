#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
An IMA log as a kernel writes it (ima-ng), entry by entry.

Usage: ima.py LOG PATH...      adds to LOG that these files were measured, whose content is their
                               path; prints for each what PCR 10 is extended by
"""
import hashlib
import struct
import sys


def sized(data):
    return struct.pack("<I", len(data)) + data


def main():
    log, paths = sys.argv[1], sys.argv[2:]
    with open(log, "ab") as out:
        for path in paths:
            digest = hashlib.sha256(path.encode()).digest()
            data = sized(b"sha256:\0" + digest) + sized(path.encode() + b"\0")
            sha1 = hashlib.sha1(data)
            out.write(struct.pack("<I", 10) + sha1.digest() + sized(b"ima-ng") + sized(data))
            print(f"10:sha1={sha1.hexdigest()},sha256={hashlib.sha256(data).hexdigest()}")


main()
