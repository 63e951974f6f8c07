#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The host's half of memory.sh: dumps the guest's memory and searches it.

Usage: memory.py PORT MONITOR DUMP MIB [ROOT=SECRET]...
PORT and MONITOR are sockets, DUMP a file, MIB the size of the memory.  SECRET, in hex, is
that of a root of the TPM, which its blob does not tell.

The guest sends lines on its /dev/ttyS2; each is answered by "ok":
    blob NAME BASE64        what "keyctl pipe" gave; NAME may be another than in the blob
    message KEY VERSION NAME BASE64     made with that: its own key is called NAME
    dump TEXT               take a dump
    live NAME VERSION       in the last dump is that secret of that key, raw
    gone NAME VERSION       and of that there is no trace, in any form (model.forms())
Versions are numbers, "chain N" of a ratchet, "wrap" and "blob" of a root, "root" its
secret.  The secrets are computed here: the guest has them only in its kernel.
Prints KTAP.
"""
import base64
import os
import socket
import sys

import model

PAGE = 4096


class Monitor:
    """QEMU's."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.wait()

    def wait(self):
        text = b""
        while not text.endswith(b"(qemu) "):
            text += self.socket.recv(65536)
        return text

    def command(self, line):
        self.socket.sendall(line.encode() + b"\n")
        return self.wait()


class Memory:
    """A dump, less the pages without anything in them."""

    # What is not RAM: the buffer of the TPM's device, which the driver writes and reads.
    TPM_BUFFER = 0xfed40000

    def __init__(self, monitor, path, mib):
        monitor.command("stop")
        monitor.command(f'pmemsave 0 {mib << 20} "{path}"')
        monitor.command(f'pmemsave {self.TPM_BUFFER} {PAGE} "{path}.tpm"')
        monitor.command("cont")
        self.pages, kept, zeros = [], [], bytes(PAGE)
        with open(path, "rb") as f:
            at = 0
            while page := f.read(PAGE):
                if page != zeros:
                    self.pages.append(at)
                    kept.append(page)
                at += PAGE
        if at != mib << 20:
            raise RuntimeError(f"pmemsave gave {at} bytes")
        with open(path + ".tpm", "rb") as f:
            self.pages.append(self.TPM_BUFFER)
            kept.append(f.read())
        self.bytes = b"".join(kept)
        os.remove(path)
        os.remove(path + ".tpm")

    def find(self, needle):
        """Physical addresses."""
        at = self.bytes.find(needle)
        while at >= 0:
            yield self.pages[at // PAGE] + at % PAGE
            at = self.bytes.find(needle, at + 1)


class Test:
    def __init__(self, monitor, path, mib):
        self.monitor, self.path, self.mib = monitor, path, mib
        self.secrets, self.roots = {}, {}
        self.memory, self.text, self.count, self.failed = None, "", 0, 0

    def verdict(self, good, text, lines=()):
        self.count += 1
        self.failed += not good
        print("ok" if good else "not ok", self.count, "-", text)
        for line in lines:
            print("#", line)
        sys.stdout.flush()

    def add_root(self, name, secret):
        self.roots[name] = secret
        for which, label in ("wrap", "iotkey/1 wrap"), ("blob", "iotkey/1 blob"):
            self.secrets[name, which] = model.kdf(secret, label)
        self.secrets[name, "root"] = secret

    def blob(self, name, text):
        blob = model.Blob(base64.b64decode(text))
        if not blob.is_root:
            for version, secret in blob.secrets(self.roots[blob.root]).items():
                self.secrets[name, version] = secret
        elif len(blob.part()) == 32:
            self.add_root(name, blob.part())

    def message(self, key, version, name, text):
        message = base64.b64decode(text)
        secret, nonce = self.secrets[key, version], message[8:32]
        if message[3] == model.XCHACHA:
            derived = model.hchacha20(secret, nonce[:16])
        else:
            size = 32 if message[3] == model.GCM else 16
            derived = model.xaes_key(secret[:size], nonce)
        self.secrets[name, version] = derived

    def dump(self, *words):
        self.memory = Memory(self.monitor, self.path, self.mib)
        self.text = " ".join(words)
        print(f"# dump: {self.text}: {len(self.memory.pages)} pages")

    def live(self, name, *version):
        version = " ".join(version)
        found = list(self.memory.find(self.secrets[name, version]))
        self.verdict(found, f"{self.text}: {name} {version} is found ({len(found)} times)")

    def gone(self, name, *version):
        version = " ".join(version)
        found = [(form, at) for form, needle in
                 model.forms(self.secrets[name, version]).items()
                 for at in self.memory.find(needle)]
        self.verdict(not found, f"{self.text}: {name} {version} is gone",
                     [f"{form} at 0x{at:x}" for form, at in found])

    def serve(self, port):
        reader = port.makefile("r", encoding="ascii")
        for line in reader:
            word, *rest = line.split()
            getattr(self, word)(*rest)
            port.sendall(b"ok\n")


def main():
    port_path, monitor_path, dump, mib, *roots = sys.argv[1:]
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(port_path)
    listener.listen()
    port, _ = listener.accept()
    print("KTAP version 1")
    test = Test(Monitor(monitor_path), dump, int(mib))
    for root in roots:
        name, digits = root.split("=")
        test.add_root(name, bytes.fromhex(digits))
    test.serve(port)
    print(f"1..{test.count}")
    sys.exit(test.failed > 0)


main()
