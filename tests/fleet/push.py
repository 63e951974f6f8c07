#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
Clients that wait for statements at one port, while an administrator makes some at another.

  push.py CA ADMIN-CERTIFICATE ADMIN-KEY ADMIN-PORT WAIT-PORT CLIENTS ROUNDS [PID]

In each round all wait, then a key is revoked.  Prints a line of JSON: from the administrator's
answer to the last client's first byte, milliseconds, of each round sorted; and with PID, a
registrar, what its workers' memory grew by for each client, in bytes.  Exits with 1 if any client
did not get the statement.
"""
import http.client, json, resource, select, socket, ssl, subprocess, sys, time

ca, cert, key = sys.argv[1:4]
admin_port, wait_port, clients, rounds = map(int, sys.argv[4:8])
pid = sys.argv[8] if len(sys.argv) > 8 else None
limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
context = ssl.create_default_context(cafile=ca)
admin_context = ssl.create_default_context(cafile=ca)
admin_context.load_cert_chain(cert, key)


def memory():
    total = 0
    for worker in subprocess.run(["pgrep", "-P", pid], capture_output=True, text=True).stdout.split():
        for line in open(f"/proc/{worker}/smaps_rollup"):
            if line.startswith("Pss:"):
                total += int(line.split()[1]) * 1024
    return total


def connect():
    s = socket.create_connection(("localhost", wait_port))
    return context.wrap_socket(s, server_hostname="localhost")


def ask(s, after):
    s.settimeout(30)
    s.sendall(b"GET /.well-known/iotkey/statements?after=%d&wait=300 HTTP/1.1\r\nHost: localhost\r\n\r\n" % after)


def answer(s):
    """The body of the answer that has begun to come"""
    head = b""
    s.settimeout(5)
    while b"\r\n\r\n" not in head:
        more = s.recv(65536)
        if not more:
            raise EOFError
        head += more
    head, body = head.split(b"\r\n\r\n", 1)
    assert b" 200 " in head.split(b"\r\n")[0], head
    length = next(int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length"))
    while len(body) < length:
        body += s.recv(65536)
    return body


def call(admin, method, path, body=None):
    admin.request(method, "/.well-known/iotkey/fleet/" + path, body and json.dumps(body))
    response = admin.getresponse()
    text = response.read()
    assert response.status == 200, (response.status, text)
    return json.loads(text)


def round_of(admin, waiting, number):
    after = call(admin, "GET", "counts")["statements"]
    for s in waiting:
        ask(s, after)
    # they have all arrived when one that came later has its place among those who wait
    time.sleep(0.5 + len(waiting) / 5000)
    poll = select.epoll()
    by_fd = {s.fileno(): s for s in waiting}
    for fd in by_fd:
        poll.register(fd, select.EPOLLIN | select.EPOLLONESHOT)
    call(admin, "POST", "keys/revoke", {"device": "all", "name": f"push-{time.time_ns()}-{number}"})
    done = time.monotonic()
    last, left = done, set(by_fd)
    while left and time.monotonic() - done < 10:
        for fd, event in poll.poll(0.5):
            last = time.monotonic()
            left.discard(fd)
    good = 0
    for fd, s in by_fd.items():
        if fd not in left:
            body = answer(s)
            good += body[:4] == b"IOTS" and int.from_bytes(body[8:16], "big") == after + 1
    return (last - done) * 1000, good


before = memory() if pid else 0
waiting = [connect() for i in range(clients)]
admin = http.client.HTTPSConnection("localhost", admin_port, context=admin_context)
times, good, grown = [], 0, 0
for number in range(rounds):
    took, got = round_of(admin, waiting, number)
    times.append(took)
    good += got
    if pid:
        grown = memory() - before
print(json.dumps({"clients": clients, "good": good, "ms": [round(t, 1) for t in sorted(times)],
                  "bytes": grown // clients}))
sys.exit(0 if good == clients * rounds else 1)
