#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
Certificates as makers of devices and TPMs issue them, right and odd.

Usage: maker.py OUT PUBLIC ISSUER [WORD...]

OUT (.crt: PEM, .der: DER) is for the public key in PUBLIC (PEM, a private key will do), by the CA in
ISSUER.crt and ISSUER.key, or by itself with "self".  WORDs:

	subject=NAME    commonName (OUT without its ending); "-": an empty subject
	ca              a CA's
	expired, future, forever    valid last year, next year, until 9999
	usage=NAME      keyUsage, as keyEncipherment
	eku=OID         extendedKeyUsage
	tpm             a critical subjectAltName with the TPM's maker, as the TCG's profile has it
	directory       a critical subjectDirectoryAttributes
	unknown         a critical extension that nobody knows
"""
import datetime
import os
import sys

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import NameOID, ObjectIdentifier

USAGES = ["digital_signature", "content_commitment", "key_encipherment", "data_encipherment",
          "key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only"]


def read(path):
    with open(path, "rb") as file:
        return file.read()


def private(path):
    return serialization.load_pem_private_key(read(path), None)


def public(path):
    data = read(path)
    if b"PRIVATE" in data:
        return private(path).public_key()
    return serialization.load_pem_public_key(data)


def name(text):
    return x509.Name([] if text == "-" else [x509.NameAttribute(NameOID.COMMON_NAME, text)])


def tpm_name():
    tcg = [("2.23.133.2.1", "id:49424D00"), ("2.23.133.2.2", "swtpm"), ("2.23.133.2.3", "id:00010001")]
    return x509.DirectoryName(x509.Name([
        x509.RelativeDistinguishedName([x509.NameAttribute(ObjectIdentifier(oid), value)])
        for oid, value in tcg]))


def usage(text):
    wanted = "".join("_" + c.lower() if c.isupper() else c for c in text)
    assert wanted in USAGES, text
    return x509.KeyUsage(**{each: each == wanted for each in USAGES})


def main():
    out, key, issuer, words = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:]
    values = dict(word.split("=", 1) for word in words if "=" in word)
    now = datetime.datetime.utcnow()
    year = datetime.timedelta(days=365)
    begin, end = now - datetime.timedelta(hours=1), now + datetime.timedelta(days=10)
    if "expired" in words:
        begin, end = now - 2 * year, now - year
    if "future" in words:
        begin, end = now + year, now + 2 * year
    if "forever" in words:
        end = datetime.datetime(9999, 12, 31, 23, 59, 59)
    subject = name(values.get("subject", os.path.basename(out).rsplit(".", 1)[0]))
    if issuer == "self":
        by, signer = subject, private(key)
    else:
        by = x509.load_pem_x509_certificate(read(issuer + ".crt")).subject
        signer = private(issuer + ".key")
    made = (x509.CertificateBuilder().subject_name(subject).issuer_name(by).public_key(public(key))
            .serial_number(x509.random_serial_number()).not_valid_before(begin).not_valid_after(end)
            .add_extension(x509.BasicConstraints(ca="ca" in words, path_length=None), True))
    if "usage" in values:
        made = made.add_extension(usage(values["usage"]), True)
    if "eku" in values:
        made = made.add_extension(x509.ExtendedKeyUsage([ObjectIdentifier(values["eku"])]), False)
    if "tpm" in words:
        made = made.add_extension(x509.SubjectAlternativeName([tpm_name()]), True)
    if "directory" in words:
        # SEQUENCE { SEQUENCE { 2.23.133.2.16, SET { SEQUENCE { UTF8String "2.0" } } } }
        made = made.add_extension(x509.UnrecognizedExtension(
            ObjectIdentifier("2.5.29.9"), bytes.fromhex("301230100605678105021031073005") + b"\x0c\x032.0"), True)
    if "unknown" in words:
        made = made.add_extension(x509.UnrecognizedExtension(ObjectIdentifier("1.2.3.4"), b"\5\0"), True)
    certificate = made.sign(signer, hashes.SHA256())
    form = serialization.Encoding.DER if out.endswith(".der") else serialization.Encoding.PEM
    with open(out, "wb") as file:
        file.write(certificate.public_bytes(form))


main()
