#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
JSON on the command line of tests.

Usage: fields.py make NAME=TEXT | NAME:NUMBER | NAME@FILE | NAME[]FILE,FILE ...
       fields.py get FILE PATH           a value, by its keys with dots between them
       fields.py save FILE PATH OUT      the bytes that it is in base64
       fields.py tss2 PUB PRIV OUT     a TSS2 PRIVATE KEY under 0x81000001 without a password,
                                       for which tpm2_encodeobject says that it has one
       fields.py wrapped PEM OUT       an importable one, as OUT.pub, OUT.dup and OUT.seed
       fields.py approved FILE OUT     the approvals in one (PEM), or a SEQUENCE of them (DER): what
                                       a TPM is asked for each, in the directories OUT.0, OUT.1…
"""
import base64
import hashlib
import json
import os
import re
import sys


def b64(path):
    with open(path, "rb") as file:
        return base64.b64encode(file.read()).decode()


def make(words):
    made = {}
    for word in words:
        name, sign, value = re.match(r"(\w+)(=|:|@|\[\])(.*)", word, re.S).groups()
        if sign == "=":
            made[name] = value
        elif sign == ":":
            made[name] = int(value)
        elif sign == "@":
            made[name] = b64(value)
        else:
            made[name] = [b64(path) for path in value.split(",") if path]
    return json.dumps(made)


def get(path, keys):
    with open(path) as file:
        value = json.load(file)
    for key in keys.split("."):
        value = value[int(key)] if isinstance(value, list) else value[key]
    return value


def der(tag, content):
    n = len(content)
    size = bytes([n]) if n < 128 else b"\x81" + bytes([n]) if n < 256 else b"\x82" + n.to_bytes(2, "big")
    return bytes([tag]) + size + content


def tss2(pub, priv):
    body = der(6, bytes.fromhex("6781050a0103")) + der(0xa0, der(1, b"\xff"))
    body += der(2, bytes.fromhex("0081000001")) + der(4, pub) + der(4, priv)
    text = base64.encodebytes(der(0x30, body)).decode()
    return f"-----BEGIN TSS2 PRIVATE KEY-----\n{text}-----END TSS2 PRIVATE KEY-----\n"


def eat(data):
    """tag, content, and what follows"""
    n, at = data[1], 2
    if n & 0x80:
        at = 2 + (n & 0x7f)
        n = int.from_bytes(data[2:at], "big")
    return data[0], data[at:at + n], data[at + n:]


def parts(data):
    while data:
        tag, value, data = eat(data)
        yield tag, value


def unpem(text):
    text = re.search(b"KEY-----(.*)-----END", text, re.S).group(1)
    return list(parts(eat(base64.b64decode(text))[1]))


def write(path, data):
    with open(path, "wb") as out:
        out.write(data)


def wrapped(path, out):
    with open(path, "rb") as file:
        fields = unpem(file.read())
    write(out + ".pub", fields[-2][1])
    write(out + ".dup", fields[-1][1])
    write(out + ".seed", eat(dict(fields)[0xa2])[1])


def sized(data):
    n = int.from_bytes(data[:2], "big")
    return data[2:2 + n], data[2 + n:]


def selection_text(data):
    banks, data = [], data[4:]
    while data:
        pcrs = int.from_bytes(data[3:3 + data[2]], "little")
        banks.append({4: "sha1", 11: "sha256"}[int.from_bytes(data[:2], "big")] + ":" +
                     ",".join(str(n) for n in range(24) if pcrs >> n & 1))
        data = data[3 + data[2]:]
    return "+".join(banks)


def approved(path, out):
    with open(path, "rb") as file:
        data = file.read()
    whole = eat(dict(unpem(data))[0xa3])[1] if data.startswith(b"-----") else eat(data)[1]
    for number, (_, one) in enumerate(parts(whole)):
        where = f"{out}.{number}"
        os.makedirs(where, exist_ok=True)
        steps = eat(dict(parts(one))[0xa1])[1]
        bodies = [eat(dict(parts(step))[0xa1])[1] for _, step in parts(steps)]
        digest, selection = sized(bodies[0])
        write(where + "/approved", hashlib.sha256(
            bytes(32) + b"\0\0\1\x7f" + selection + digest).digest())
        write(where + "/selection", selection_text(selection).encode())
        area, rest = sized(bodies[1])
        write(where + "/signer", len(area).to_bytes(2, "big") + area)
        reference, signature = sized(rest)
        write(where + "/reference", reference)
        write(where + "/signature", signature)


if sys.argv[1] == "wrapped":
    wrapped(*sys.argv[2:])
elif sys.argv[1] == "approved":
    approved(*sys.argv[2:])
elif sys.argv[1] == "tss2":
    with open(sys.argv[2], "rb") as one, open(sys.argv[3], "rb") as two, open(sys.argv[4], "w") as out:
        out.write(tss2(one.read(), two.read()))
elif sys.argv[1] == "make":
    print(make(sys.argv[2:]))
elif sys.argv[1] == "get":
    try:
        print(get(sys.argv[2], sys.argv[3]))
    except (KeyError, IndexError, ValueError):
        print("none")
else:
    with open(sys.argv[4], "wb") as out:
        out.write(base64.b64decode(get(sys.argv[2], sys.argv[3])))
