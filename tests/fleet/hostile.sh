#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Input that nobody well-meaning sends: each has its own error, and the registrar lives on.
set -u
# shellcheck source=tests/fleet/lib.sh
. "$(dirname "$0")/lib.sh"

id=00112233445566778899aabbccddeeff
begin -- "workers = 1" "request-time = 2" "idle-time = 2" "connections = 200"
token $id secret gateway 1
worker=$(pgrep -P "$pid")
post=(-u "$id:secret")

# alive NAME: it is the same process, and answers
alive()
{
	est cacerts
	is "$1: it lives on" "200 $worker" "$status $(pgrep -P "$pid")"
}

# raw TEXT: over TLS, what comes back
raw()
{
	# shellcheck disable=SC2059 # a format, with its escapes
	{ printf "$1"; sleep 0.3; } | timeout 5 openssl s_client -quiet -connect "localhost:$port" 2>/dev/null
}

# ---- TCP and TLS
plain()
{
	{ cat; sleep 0.2; } >"/dev/tcp/127.0.0.1/$port"
}
head -c 4096 /dev/urandom | plain 2>/dev/null
printf 'GET / HTTP/1.0\r\n\r\n' | plain
printf '\x16\x03\x01\x40\x00\x01\x00\x3f\xfc' | plain
alive "no TLS"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=stranger -days 1 \
	-keyout "$tmp/stranger.key" -out "$tmp/stranger.crt" 2>/dev/null
est cacerts --cert "$tmp/stranger.crt" --key "$tmp/stranger.key"
is "a stranger's certificate" 000 "$status"
alive "a stranger"

# ---- HTTP
like "no HTTP" '400 .*"error":"malformed"' "$(raw 'nonsense\r\n\r\n' | tr '\r\n' '  ')"
like "an unknown method" '405 .*"error":"method"' \
	"$(raw 'BREW /.well-known/est/cacerts HTTP/1.1\r\nHost: a\r\n\r\n' | tr '\r\n' '  ')"
like "one that is known, but not here" '405 .*"error":"method"' \
	"$(raw 'PATCH /.well-known/est/cacerts HTTP/1.1\r\nHost: a\r\n\r\n' | tr '\r\n' '  ')"
like "no version of HTTP" '400 .*"error":"malformed"' "$(raw 'GET / HTTP/9.1\r\n\r\n' | tr '\r\n' '  ')"
like "a header that is none" '400 .*"error":"malformed"' "$(raw 'GET / HTTP/1.1\r\nbroken\r\n\r\n' | tr '\r\n' '  ')"
like "headers that are too long" '4(13|00) .*"error":"(too-large|malformed)"' \
	"$(raw "GET / HTTP/1.1\r\nA: $(head -c 30000 /dev/zero | tr '\0' a)\r\n\r\n" | tr '\r\n' '  ')"
is "only the head of HEAD" "" "$(raw 'HEAD / HTTP/1.1\r\nHost: a\r\n\r\n' | sed '1,/^\r$/d')"
is "headers without an end" 0 "$(raw "GET / HTTP/1.1\r\nA: $(head -c 30000 /dev/zero | tr '\0' a)" | grep -c ' 200 ')"
like "a negative length" '400' "$(raw 'POST /.well-known/est/simpleenroll HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n')"
is "a length out of this world" 0 \
	"$(raw 'POST /.well-known/est/simpleenroll HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999\r\n\r\n' | grep -c ' 200 ')"
is "chunks that are none" 0 \
	"$(raw 'POST /.well-known/est/simpleenroll HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n' | grep -c ' 200 ')"
like "two requests at once" 'no-such-path.*' "$(raw 'GET /a HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n')"
alive "HTTP"
head -c 70000 /dev/zero | tr '\0' A >"$tmp/large"
est simpleenroll "${post[@]}" --data-binary "@$tmp/large"
refused "a body that is too long" 413 too-large
head -c 20000000 /dev/zero | tr '\0' A >"$tmp/huge"
est simpleenroll "${post[@]}" --data-binary "@$tmp/huge" -H 'Expect:'
is "one much too long" 0 "$([ "$status" = 413 ] || [ "$status" = 000 ]; echo $?)"
alive "long bodies"

# ---- requests
csr good "/CN=gateway"
est simpleenroll "${post[@]}" --data-binary ''
refused "nothing" 400 base64
est simpleenroll "${post[@]}" --data-binary '!!!!'
refused "no base64" 400 base64
est simpleenroll "${post[@]}" --data-binary 'AAAA'
refused "no DER" 400 malformed-csr
est simpleenroll -u "$(head -c 3000 /dev/zero | tr '\0' a):b" --data-binary "@$tmp/good.b64"
refused "a token that is too long" 401 token-malformed
cat "$tmp/good.csr" "$tmp/good.csr" | openssl base64 >"$tmp/bad"
est simpleenroll "${post[@]}" --data-binary "@$tmp/bad"
refused "something behind it" 400 malformed-csr
size=$(stat -c %s "$tmp/good.csr")
words=
for ((n = 1; n < size; n += 7)); do
	head -c $n "$tmp/good.csr" | openssl base64 >"$tmp/bad"
	est simpleenroll "${post[@]}" --data-binary "@$tmp/bad"
	words="$words $status"
done
is "cut off anywhere" 400 "$(tr ' ' '\n' <<<"$words" | grep . | sort -u)"
python3 - "$tmp" <<'PYTHON'
import base64, random, sys
good = bytearray(open(sys.argv[1] + "/good.csr", "rb").read())
random.seed(5)
for i in range(60):
    bad = bytearray(good)
    bad[random.randrange(len(bad))] ^= 1 << random.randrange(8)
    open(f"{sys.argv[1]}/flip.{i}", "wb").write(base64.encodebytes(bytes(bad)))
PYTHON
words=
for ((n = 0; n < 60; n++)); do
	est simpleenroll "${post[@]}" --data-binary "@$tmp/flip.$n"
	words="$words $status"
done
is "with a bit turned over" 400 "$(tr ' ' '\n' <<<"$words" | grep . | sort -u)"
alive "requests"
enrol simpleenroll good "${post[@]}"
is "a good one after all" 200 "$status"

# ---- slow ones: 150 that say nothing, or little by little, are gone after their time
python3 - "$port" <<'PYTHON' >"$tmp/slow"
import socket, ssl, sys, time
port = int(sys.argv[1])
context = ssl._create_unverified_context()
silent = [socket.create_connection(("127.0.0.1", port)) for i in range(100)]
slow = [context.wrap_socket(socket.create_connection(("127.0.0.1", port))) for i in range(50)]
began = time.time()
for second in range(8):
    for s in slow:
        try: s.send(b"A")
        except OSError: pass
    time.sleep(0.5)
gone = 0
for s in silent + slow:
    s.settimeout(0.2)
    try: gone += s.recv(1) == b""
    except (ConnectionError, ssl.SSLError): gone += 1
    except (TimeoutError, OSError): pass
print(gone)
PYTHON
is "slow clients are cut off" 150 "$(cat "$tmp/slow")"
alive "slow clients"
# more than it takes wait their turn, and then are served
python3 - "$port" <<'PYTHON' &
import socket, sys, time
many = [socket.create_connection(("127.0.0.1", int(sys.argv[1]))) for i in range(400)]
time.sleep(6)
PYTHON
crowd=$!
sleep 1
status=$(curl -s --max-time 9 --cacert "$ca" -o /dev/null -w '%{http_code}' "$url/.well-known/est/cacerts")
is "a crowd is sat out" 200 "$status"
wait $crowd
alive "a crowd"
registrar_stop
is "the end" 0 $stopped
is "nothing of the sanitizers" 0 "$(grep -c 'Sanitizer\|runtime error' "$tmp/log")"
done_testing
