#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A registrar that lies: liar.py PORT REAL-PORT DIRECTORY

Asks the real registrar, but for the path in DIRECTORY/lie ("PATH KIND"), which it answers by itself.
Calls that need a device's certificate get an answer that would do, as far as there is one without
the real registrar.
"""
import base64, http.client, http.server, os, socketserver, ssl, sys, time

port, real, directory = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
NONCE = b'{"nonce":"' + base64.b64encode(bytes(32)) + b'"}'
PASS = b'{"result":"pass","findings":[],"ima_offset":0,"reference":"liar"}'


class Liar(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def send(self, status, body, *headers):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def lie(self, kind):
        if kind == "empty":
            self.send(200, b"")
        elif kind == "garbage":
            self.send(200, os.urandom(3000))
        elif kind == "text":
            self.send(200, b'"text"')
        elif kind == "object":
            self.send(200, b"{}")
        elif kind == "types":
            self.send(200, b'{"credential":1,"time":"x","device":[],"nonce":{},"secret":null,'
                      b'"result":7,"findings":{},"roots":[1,{"name":3},{"name":"a","pem":"b","version":-1}]}')
        elif kind == "nulls":
            self.send(200, b'{"device":"a\\u0000b","nonce":"\\u0000","credential":"====","time":-1}')
        elif kind == "deep":
            self.send(200, b"[" * 100000)
        elif kind == "pkcs7":  # a certs-only PKCS#7 without certificates
            self.send(200, base64.b64encode(bytes.fromhex("302306092a864886f70d010702a0163014020101310030"
                                                          "0b06092a864886f70d010701a1003100")))
        elif kind == "detail":
            self.send(403, b'{"error":"w' + b"w" * 5000 + b'","detail":"\\u001b[31m' + b"d" * 5000 + b'"}')
        elif kind == "redirect":
            self.send(302, b"", ("Location", "https://localhost:%d/" % real))
        elif kind == "later":
            self.send(503, b'{"error":"busy","detail":"later"}', ("Retry-After", "7"))
        elif kind == "much-later":
            self.send(503, b'{"error":"busy","detail":"later"}', ("Retry-After", "99999999999999999999"))
        elif kind == "endless":
            self.send_response(200)
            self.send_header("Content-Length", str(1 << 40))
            self.end_headers()
            while True:
                self.wfile.write(bytes(1 << 16))
        elif kind == "endless-head":
            self.wfile.write(b"HTTP/1.1 200 OK\r\n")
            while True:
                self.wfile.write(b"X-Y: " + b"z" * 1000 + b"\r\n")
        elif kind == "cut":
            self.send_response(200)
            self.send_header("Content-Length", "100")
            self.end_headers()
            self.wfile.write(b'{"nonce":')
            self.close_connection = True
        elif kind == "no-http":
            self.wfile.write(b"SSH-2.0-OpenSSH_9.2\r\n")
            self.close_connection = True
        elif kind == "slow":  # a byte a second
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n")
            for _ in range(4000):
                self.wfile.write(b" ")
                self.wfile.flush()
                time.sleep(1)

    def handle_one(self):
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        path, kind = open(directory + "/lie").read().split()
        with open(directory + "/asked", "a") as log:
            log.write(self.path + "\n")
        if self.path.split("?")[0].endswith("/" + path):
            self.lie(kind)
        elif "/nonce" in self.path:
            self.send(200, NONCE)
        elif self.path.endswith("/attest"):
            self.send(200, PASS)
        elif self.path.endswith("/release"):
            self.send(200, b'{"roots":[]}')
        elif self.path.endswith("/approvals"):
            self.send(200, b'{"policy":"none"}')
        else:
            call = http.client.HTTPSConnection("localhost", real, context=ssl._create_unverified_context())
            call.request(self.command, self.path, body or None,
                         {k: v for k, v in self.headers.items() if k.lower() in ("content-type",)})
            answer = call.getresponse()
            self.send(answer.status, answer.read(), *[(k, v) for k, v in answer.getheaders()
                                                      if k.lower() in ("content-type", "retry-after")])
            call.close()

    do_GET = do_POST = handle_one


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass  # whoever is lied to goes away


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(directory + "/server.crt", directory + "/server.key")
context.load_verify_locations(directory + "/ca.crt")
context.verify_mode = ssl.CERT_OPTIONAL
server = Server(("127.0.0.1", port), Liar)
server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
server.serve_forever()
