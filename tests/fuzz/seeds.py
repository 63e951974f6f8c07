#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
Makes seeds for the fuzz targets out of what really happened (see corpus.sh).

Usage: seeds.py OUT [strace FILE | bus FILE | evidence DIRECTORY]...

strace  add_key() and keyctl() calls of the tests, with strings in hex (strace -xx)
bus     a record of tests/vm/tpmproxy.c
evidence  what "iotkeyctl quote" or "attest make" of tests/host/attest.c wrote; logs alone will do
"""
import base64
import hashlib
import os
import re
import struct
import sys


def save(target, data):
    where = os.path.join(sys.argv[1], target)
    os.makedirs(where, exist_ok=True)
    name = hashlib.sha1(data).hexdigest()
    with open(os.path.join(where, name), "wb") as file:
        file.write(data)


def save_load(text):
    """What stands behind "load": base64 of a blob or of DER, or PEM."""
    save("fuzz_lib_blob", text)
    pem = re.search(rb"-----BEGIN TSS2 PRIVATE KEY-----(.*)-----END", text, re.S)
    body = pem.group(1) if pem else text
    save("fuzz_base64", body)
    try:
        data = base64.b64decode(body, validate=False)
    except ValueError:
        return
    save("fuzz_tss2" if data[:1] == b"\x30" else "fuzz_blob", data)
    # the provider's part of a tpm root is DER: body without the MAC at its end
    if data[:4] == b"IOTK" and len(data) > 180 and data[8] == 1:
        at = 148 + sum(data[124:127])
        save("fuzz_tss2", data[at:-32])


def save_spec(text):
    """The options of "new" and "set" as fuzz_lib_spec reads them."""
    words = text.split()
    if not words or words[0] not in (b"new", b"set"):
        return
    first, options = words[0], words[1:]
    if first == b"new" and options:
        first, options = options[0], options[1:]
        if first != b"root":
            options.insert(0, b"algorithm=" + first)
    save("fuzz_lib_spec", b"\n".join([first] + [o.replace(b"=", b" ", 1) for o in options]))


def from_strace(path):
    for line in open(path, errors="replace"):
        strings = re.findall(r'"((?:\\x[0-9a-f]{2})*)"(?!\.\.\.)', line)
        texts = [bytes.fromhex(s.replace("\\x", "")) for s in strings]
        if line.startswith("add_key(") and texts[:1] == [b"iot"] and len(texts) == 3:
            payload = texts[2]
        elif line.startswith("keyctl(KEYCTL_UPDATE") and len(texts) == 1:
            payload = texts[0]
        else:
            continue
        save("fuzz_payload", payload)
        save_spec(payload)
        if payload.startswith(b"load "):
            save_load(payload[5:])
        if payload.startswith(b"policy "):
            save("fuzz_tss2", base64.b64decode(payload[7:], validate=False))


def from_bus(path):
    command = b""
    for line in open(path):
        fields = line.split()
        if len(fields) != 3 or fields[1] not in "<>":
            continue
        data = bytes.fromhex(fields[2])
        if fields[1] == ">":
            command = data
        elif len(command) >= 10:
            # the command's code, whether it is authorized, the type of the handle it gives
            cc = struct.unpack(">I", command[6:10])[0]
            gives = data[10] if cc in (0x131, 0x157, 0x176) and len(data) > 10 else 0
            head = struct.pack(">HBB", cc, command[:2] == b"\x80\x02", gives)
            save("fuzz_tpmbuf", head + data)
            command = b""


def attribute(kind, data):
    return struct.pack("=HH", 4 + len(data), kind) + data + bytes(-len(data) % 4)


def message(kind, command, data):
    """A netlink message of the family's number in fuzz_lib_genl.c"""
    if command is not None:
        data = struct.pack("=BBH", command, 1, 0) + data
    return struct.pack("=IHHII", 16 + len(data), kind, 2, 0, 0) + data


def netlink():
    """Well-formed answers, as Documentation/netlink/iotkey.yaml describes them"""
    key = attribute(2, struct.pack("=i", 77)) + attribute(3, b"telemetry\0")
    for kind in range(4, 32):
        if kind in (11, 12):
            key += attribute(kind, bytes(range(16)))
        elif kind == 13:
            key += attribute(kind, b"device-root\0")
        else:
            size = 8 if kind in (18, 19, 20, 26, 27, 31) else 4
            key += attribute(kind, bytes([kind]) + bytes(size - 1))
    stats = b"".join(attribute(i, struct.pack("=Q", i)) for i in range(2, 12))
    ack = message(2, None, struct.pack("=i", 0) + bytes(16))
    error = message(2, None, struct.pack("=i", -126) + bytes(16))
    done = message(3, None, struct.pack("=i", 0))
    for call, packets in (
        (0, [message(27, 1, key), ack]),
        (0, [error]),
        (1, [message(27, 1, key) * 2, message(27, 1, key), done]),
        (1, [done]),
        (2, [message(27, 2, stats), ack]),
        (3, [message(27, 3, key), message(27, 3, key) * 2, message(27, 1, b"")]),
    ):
        text = bytes([call])
        for packet in packets:
            packet += bytes(-len(packet) % 16)
            text += bytes([len(packet) // 16]) + packet
        save("fuzz_lib_genl", text)


def from_evidence(path):
    def read(name):
        try:
            with open(os.path.join(path, name), "rb") as file:
                return file.read()
        except FileNotFoundError:
            return b""

    events, ima, pcrs = read("eventlog"), read("ima"), read("quote.pcrs")
    save("fuzz_eventlog", events)
    save("fuzz_ima", ima)
    save("fuzz_appraise", struct.pack(">H", len(events)) + events + ima)
    save("fuzz_appraise", struct.pack(">H", 0) + ima)
    save("fuzz_reference", read("reference"))
    save("fuzz_tpm_forms", b"q" + read("quote.msg"))
    save("fuzz_tpm_forms", b"s" + read("quote.sig"))
    save("fuzz_tpm_forms", b"k" + read("ak.pem"))
    save("fuzz_tpm_forms", b"k" + read("ak.pub"))
    # the selection of fuzz_tpm_forms.c: SHA-1, SHA-256 and SHA-384, the last without any
    if pcrs[:2] == b"\1\0":
        save("fuzz_tpm_forms", b"v" + struct.pack("<III", 1 << 31, struct.unpack(
            "<I", pcrs[7:10] + b"\0")[0], 1 << 31) + pcrs)


def main():
    kinds = {"strace": from_strace, "bus": from_bus, "evidence": from_evidence}
    netlink()
    for kind, path in zip(sys.argv[2::2], sys.argv[3::2]):
        kinds[kind](path)


main()
