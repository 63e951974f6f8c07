#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The host's half of record.sh: searches what passed between the TPM and the guest.

Usage: record.py BUS-LOG RESULT-LOG TPM     (of tests/vm/tpmproxy.c, of the VM, and
the directory of swtpm's state)

The record is cut into sections by the lines "# NAME" in it.  The guest's results are lines
    result ROOT SECRET BLOB                 (hex and base64)
of roots that it unsealed in clear in the section "proof", with tpm2_unseal.
Prints KTAP.
"""
import base64
import sys

import model
from sessions import (DECRYPT, ENCRYPT, PASSWORD, authorizations, code, decipher,
                      private_key, read_record)

PIECE = 8  # bytes: that many of a secret in a row are a leak
CREATE, IMPORT, LOAD, UNSEAL, POLICY_PCR = 0x153, 0x156, 0x157, 0x15e, 0x17f
# What was recorded, and what must be seen of it for the test to mean something.
SECTIONS = {"create": {CREATE}, "load": {LOAD, UNSEAL, POLICY_PCR},
            "import": {IMPORT, LOAD, UNSEAL}}

count = failed = 0


def verdict(good, text, lines=()):
    global count, failed
    count += 1
    failed += not good
    print("ok" if good else "not ok", count, "-", text)
    for line in list(lines)[:10]:
        print("#", line)


def pieces(data):
    return {data[i:i + PIECE] for i in range(len(data) - PIECE + 1)}


def alignments(frame):
    """The frame, and as it would be if its bits were shifted by 1 to 7."""
    number = int.from_bytes(frame, "big")
    return [(number << shift).to_bytes(len(frame) + 1, "big") for shift in range(8)]


def search(frames, secret):
    wanted = pieces(secret)
    return [f"{mark} {frame.hex()}" for mark, frame in frames
            if any(pieces(data) & wanted for data in alignments(frame))]


def check_sessions(name, frames):
    """Who may open what is never said in clear, and secrets go in encrypted parameters."""
    bad = []
    for mark, frame in frames:
        if mark != ">" or code(frame) not in (CREATE, IMPORT, LOAD, UNSEAL, POLICY_PCR):
            continue
        needs = {CREATE: DECRYPT, UNSEAL: ENCRYPT}.get(code(frame), 0)
        auths, _ = authorizations(frame)
        if any(session == PASSWORD and value for session, _, _, value in auths):
            bad.append(f"a password: {frame.hex()}")
        if needs and not any(session != PASSWORD and attributes & needs and len(value) == 32
                             for session, _, attributes, value in auths):
            bad.append(f"not protected: {frame.hex()}")
    verdict(not bad, f"{name}: no password, HMACs, encrypted parameters", bad)


def check_decipher(record, roots, state):
    """With the parent's private key, which only the TPM has, it is all there."""
    every = [exchange for section in record.values() for exchange in section]
    key = private_key(every, state)
    verdict(key, "swtpm's state gives away the private key of the parent")
    if not key:
        return
    wanted = {}
    for section in SECTIONS:
        sessions, texts = decipher(key, record[section])
        verdict(sessions, f"{section}: {len(sessions)} sessions salted to the parent")
        for number, session in enumerate(sessions):
            for what in "z", "salt", "key":
                wanted[f"{section}, session {number}: {what}"] = getattr(session, what)
        opened = [name for name, (secret, _) in roots.items()
                  if any(secret in text for text in texts)]
        expected = {"create": ["plain", "bound", "under"], "import": ["imported"],
                    "load": ["plain", "bound", "under"]}[section]
        verdict(opened == expected, f"{section}: who has it deciphers the secrets of "
                f"{' '.join(expected)}", [f"found: {opened}"])
    found = [f"{what}: {line}" for what, needle in wanted.items()
             for line in search(every, needle)]
    verdict(wanted and not found, "no session's salt or key is in the record", found)


def main():
    record = read_record(sys.argv[1])
    roots = {}
    with open(sys.argv[2], encoding="ascii", errors="replace") as f:
        for line in f:
            if line.startswith("result "):
                _, name, secret, blob = line.split()
                roots[name] = bytes.fromhex(secret), base64.b64decode(blob)

    print("KTAP version 1")
    verdict(len(roots) == 4, f"{len(roots)} roots: {' '.join(roots)}")
    for name, needed in SECTIONS.items():
        sent = {code(frame) for mark, frame in record[name] if mark == ">"}
        verdict(needed <= sent, f"{name}: {len(record[name])} frames are recorded")
        check_sessions(name, record[name])
    for name, (secret, _) in roots.items():
        verdict(search(record["proof"], secret),
                f"{name}: the search finds the secret where tpm2_unseal took it in clear")
        wanted = {"secret": secret,
                  "wrap key": model.kdf(secret, "iotkey/1 wrap"),
                  "blob key": model.kdf(secret, "iotkey/1 blob")}
        for section in SECTIONS:
            for what, needle in wanted.items():
                found = search(record[section], needle)
                verdict(not found, f"{name}: {section}: no {what}", found)
    check_decipher(record, roots, sys.argv[3])
    shifted = alignments(b"\x55" * 40 + next(iter(roots.values()))[0])[3]
    verdict(search([("<", shifted)], next(iter(roots.values()))[0]),
            "the search finds a secret that is not at a byte's edge")
    print(f"1..{count}")
    sys.exit(failed > 0)


main()
