#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
Enrolment whose request names its TLS connection (RFC 7030, 3.5; RFC 9266).

Usage: bound.py PORT CA CERTIFICATE KEY tls-unique|tls-exporter SUBJECT CALL [OTHER-LABEL]

tls-unique is of a TLS 1.2 connection, of Python's; tls-exporter of one of TLS 1.3, of openssl
s_client.  The request, for KEY, has that as its challengePassword.  Prints the answer's
status, and its body.  SUBJECT is as for openssl req -subj.
"""
import base64
import re
import socket
import ssl
import subprocess
import sys

port, ca, certificate, key, kind, subject, call = sys.argv[1:8]
label = sys.argv[8] if len(sys.argv) > 8 else "EXPORTER-Channel-Binding"


def request(binding):
    names = re.findall(r"/(\w+)=([^/]+)", subject)
    config = "[req]\nprompt=no\ndistinguished_name=dn\nattributes=at\n[dn]\n"
    config += "".join(f"{name}={value}\n" for name, value in names)
    config += f"[at]\nchallengePassword={base64.b64encode(binding).decode()}\n"
    der = subprocess.run(["openssl", "req", "-new", "-key", key, "-outform", "DER", "-config", "/dev/stdin"],
                         input=config.encode(), capture_output=True, check=True).stdout
    body = base64.b64encode(der)
    return (f"POST /.well-known/est/{call} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
            f"Content-Type: application/pkcs10\r\nContent-Length: {len(body)}\r\n\r\n").encode() + body


def by_unique():
    context = ssl.create_default_context(cafile=ca)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key)
    with context.wrap_socket(socket.create_connection(("localhost", int(port))),
                             server_hostname="localhost") as tls:
        tls.sendall(request(tls.get_channel_binding("tls-unique")))
        answer = b""
        while more := tls.recv(4096):
            answer += more
    return answer


def by_exporter():
    client = subprocess.Popen(
        ["openssl", "s_client", "-connect", f"localhost:{port}", "-CAfile", ca, "-cert", certificate,
         "-key", key, "-tls1_3", "-ign_eof", "-keymatexport", label, "-keymatexportlen", "32"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    for line in client.stdout:
        found = re.search(rb"Keying material: ([0-9A-F]{64})", line)
        if found:
            break
    client.stdin.write(request(bytes.fromhex(found.group(1).decode())))
    client.stdin.close()
    answer = client.stdout.read()
    client.wait()
    return answer[answer.index(b"HTTP/1."):]


answer = by_unique() if kind == "tls-unique" else by_exporter()
print(answer.split(b" ")[1].decode(), re.sub(rb".*?\r\n\r\n", b"", answer, count=1, flags=re.S).decode())
