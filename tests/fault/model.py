# SPDX-License-Identifier: GPL-2.0-or-later
"""Documentation/iotkey.rst in Python: from a blob and its root's secret to the key's.

For tests on the host that look for secrets where they must not be.
"""
import hmac
import struct

from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

DERIVE, RATCHET = 2, 3
GCM, CCM, XCHACHA, HMAC, CMAC, KDF = range(1, 7)
PREVIOUS, CURRENT, NEXT, CHAIN = range(4)


def kdf(key, label, context=b"", length=32):
    info = label.encode() + b"\0" + context
    return hmac.digest(key, info + b"\1", "sha256")[:length]


def rotl(v, n):
    return (v << n | v >> 32 - n) & 0xffffffff


def hchacha20(key, nonce):
    """The key of XChaCha20's ChaCha20, for 16 bytes of nonce."""
    x = list(struct.unpack("<16I", b"expand 32-byte k" + key + nonce))
    quarters = [(0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15),
                (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14)]
    for _ in range(10):
        for a, b, c, d in quarters:
            for to, add, turn, by in ((a, b, d, 16), (c, d, b, 12),
                                      (a, b, d, 8), (c, d, b, 7)):
                x[to] = x[to] + x[add] & 0xffffffff
                x[turn] = rotl(x[turn] ^ x[to], by)
    return struct.pack("<8I", *x[:4], *x[12:])


def aes(key, block):
    # One block, so that the mode is of no matter.
    e = Cipher(algorithms.AES(key), modes.ECB()).encryptor()
    return e.update(block)


def xaes_key(key, nonce):
    """The message key of XAES-256-GCM, and of its 128-bit sister."""
    k1 = int.from_bytes(aes(key, bytes(16)), "big") << 1
    if k1 >> 128:
        k1 = k1 & (1 << 128) - 1 ^ 0x87
    out = b""
    for i in range(len(key) // 16):
        block = bytes([0, i + 1, ord("X"), 0]) + nonce[:12]
        out += aes(key, (int.from_bytes(block, "big") ^ k1).to_bytes(16, "big"))
    return out


class Blob:
    """The fields of a blob that say what its secrets are."""

    def __init__(self, data):
        if data[:4] != b"IOTK" or data[4] != 1:
            raise ValueError("no blob")
        self.is_root = data[5] == 1
        self.algorithm, self.mode, self.provider = data[6:9]
        self.version, _, self.epoch = struct.unpack_from(">3I", data, 112)
        name, root, label, _, body = struct.unpack_from(">4BH", data, 124)
        at = 148
        self.name = data[at:at + name].decode()
        at += name
        self.root = data[at:at + root].decode()
        at += root
        self.label = data[at:at + label] or self.name.encode()
        at += label
        self.head, self.body = data[:at], data[at:at + body]

    def part(self):
        """The provider's part of a root: the secret itself, if it is a soft one."""
        return self.body[:-32]

    def table(self, root_secret):
        """[(role, version, 32 bytes)]"""
        nonce, box = self.body[:24], self.body[24:]
        key = hchacha20(kdf(root_secret, "iotkey/1 wrap"), nonce[:16])
        text = ChaCha20Poly1305(key).decrypt(bytes(4) + nonce[16:], box, self.head)
        return [struct.unpack_from(">BI32s", text, 1 + 37 * i) for i in range(text[0])]

    def secrets(self, root_secret):
        """{version or "chain N": 32 bytes}"""
        if self.mode == DERIVE:
            context = (bytes([self.algorithm, len(self.label)]) + self.label +
                       struct.pack(">I", self.epoch))
            return {str(self.version): kdf(root_secret, "iotkey/1 derive", context)}
        found = {}
        for role, version, secret in self.table(root_secret):
            if role == CHAIN:
                found[f"chain {version}"] = secret
                found[str(version)] = kdf(secret, "iotkey/1 use",
                                          bytes([self.algorithm]))
            else:
                found[str(version)] = secret
        return found


def sha256_state(block):
    """SHA-256's eight words after one block of 64 bytes, as they lie in memory."""
    def ror(v, n):
        return (v >> n | v << 32 - n) & 0xffffffff

    def root(prime, power):
        # 32 bits of the fractional part, in integers
        low, high = 0, prime << 32
        while low < high:
            mid = low + high + 1 >> 1
            if mid ** power <= prime << 32 * power:
                low = mid
            else:
                high = mid - 1
        return low & 0xffffffff

    primes = [p for p in range(2, 312) if all(p % q for q in range(2, p))]
    k = [root(p, 3) for p in primes]
    h = [root(p, 2) for p in primes[:8]]
    w = list(struct.unpack(">16I", block))
    for i in range(16, 64):
        s0 = ror(w[i - 15], 7) ^ ror(w[i - 15], 18) ^ w[i - 15] >> 3
        s1 = ror(w[i - 2], 17) ^ ror(w[i - 2], 19) ^ w[i - 2] >> 10
        w.append(w[i - 16] + s0 + w[i - 7] + s1 & 0xffffffff)
    a, b, c, d, e, f, g, x = h
    for i in range(64):
        t1 = (x + (ror(e, 6) ^ ror(e, 11) ^ ror(e, 25)) + (e & f ^ ~e & g) +
              k[i] + w[i])
        t2 = (ror(a, 2) ^ ror(a, 13) ^ ror(a, 22)) + (a & b ^ a & c ^ b & c)
        a, b, c, d, e, f, g, x = (t1 + t2 & 0xffffffff, a, b, c,
                                  d + t1 & 0xffffffff, e, f, g)
    return struct.pack("=8I", *(u + v & 0xffffffff
                                for u, v in zip(h, (a, b, c, d, e, f, g, x))))


def forms(secret):
    """{name: bytes} of a secret and what is as good as it.

    An expanded AES key begins with the key, so that its halves find it, too.
    """
    if len(secret) == 16:
        return {"all of it": secret}
    found = {"first half": secret[:16], "second half": secret[16:]}
    for name, pad in (("ipad", 0x36), ("opad", 0x5c)):
        block = bytes(b ^ pad for b in secret) + bytes([pad]) * (64 - len(secret))
        found[f"{name}, first half"] = block[:16]
        found[f"{name}, second half"] = block[16:32]
        found[f"hash state after the {name}"] = sha256_state(block)
    return found
