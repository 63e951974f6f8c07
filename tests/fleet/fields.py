#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
JSON on the command line of tests.

Usage: fields.py make NAME=TEXT | NAME:NUMBER | NAME@FILE | NAME[]FILE,FILE ...
       fields.py get FILE PATH           a value, by its keys with dots between them
       fields.py save FILE PATH OUT      the bytes that it is in base64
       fields.py tss2 PUB PRIV OUT     a TSS2 PRIVATE KEY under 0x81000001 without a password,
                                       for which tpm2_encodeobject says that it has one
"""
import base64
import json
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


if sys.argv[1] == "tss2":
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
