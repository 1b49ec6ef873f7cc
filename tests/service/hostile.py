#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
"""Clients that mean harm: each is refused or given up, in bounded time, while another agent goes on
being answered."""

import os
import socket
import ssl
import subprocess
import time

from scand import CLEAN, Service, harness, sha256

MAX_CONNECTIONS = 200
# Answers to what is no request, or one for what there is not.
FITTING = (200, 400, 404, 405, 413, 414, 431, 501, 505)
service = Service("service", listen__header_timeout="2s", listen__idle_timeout="4s",
                  listen__min_rate="1M", listen__max_connections=MAX_CONNECTIONS,
                  listen__max_connections_per_address=MAX_CONNECTIONS,
                  objects__max_size="4M", objects__memory="8M", objects__max_per_agent=3)
known = b"known to the service\n"
# An agent of good will, connected before the others come.
good = None


def put(digest, length):
    """The head of a request that sends a content."""
    return (f"PUT /v1/objects/{digest} HTTP/1.1\r\nHost: x\r\n"
            f"Content-Length: {length}\r\n\r\n").encode()


def is_served():
    """Another agent's requests are answered, over its own connection and a new one."""
    connection = service.connect()
    harness.equal(service.lookup(known, connection=connection), [CLEAN], "over a connection")
    harness.equal(service.send(known, connection=connection)["verdict"], "clean", "a content")
    connection.close()


def status_of(answer):
    harness.true(answer.startswith(b"HTTP/1."), f"an answer: {answer[:100]!r}")
    return int(answer.split()[1])


def read_all(stream):
    """What comes until the other side closes."""
    content = b""
    try:
        while chunk := stream.recv(65536):
            content += chunk
    except (ConnectionResetError, ssl.SSLError) as error:
        print(f"# {error}")
    return content


def say(text, agent="agent"):
    """Sends TEXT in one piece; all that is answered until the connection ends."""
    with service.raw(agent) as stream:
        stream.sendall(text)
        return read_all(stream)


def test_garbage_instead_of_tls():
    for garbage in (b"GET / HTTP/1.1\r\n\r\n", os.urandom(4096), b"\x16\x03\x01\x00\x00",
                    b"\x16\x03\x01\xff\xff" + bytes(5000), b"\x16\x03\x01\x00\x05hello", b"\x16"):
        with socket.create_connection(("127.0.0.1", service.port), 30) as plain:
            plain.sendall(garbage)
            print(f"# {read_all(plain)!r}")
    is_served()


def test_half_open_connections():
    """They take the places that there are; those that are left serve, and they are given up."""
    sockets = []
    for number in range(MAX_CONNECTIONS - 20):
        plain = socket.create_connection(("127.0.0.1", service.port), 30)
        # Some begin with a ClientHello that never ends.
        plain.sendall(b"\x16\x03\x01\x02\x00\x01\x00"[:number % 8])
        sockets.append(plain)
    is_served()
    for plain in sockets:
        harness.equal(read_all(plain), b"", "nothing is said")
        plain.close()
    harness.wait_until(lambda: service.metric("vt_scand_connections") == 0, "all are gone", 60)
    is_served()


def test_more_connections_than_there_may_be():
    sockets = [socket.create_connection(("127.0.0.1", service.port), 30)
               for _ in range(MAX_CONNECTIONS + 50)]
    for plain in sockets:
        read_all(plain)
        plain.close()
    harness.wait_until(lambda: service.metric("vt_scand_connections") == 0, "all are gone", 60)
    is_served()


def test_half_closed_hello():
    """A client that has begun and will say no more is given up at once: before one that was there
    earlier, and says nothing."""
    with socket.create_connection(("127.0.0.1", service.port), 30) as silent, \
            socket.create_connection(("127.0.0.1", service.port), 30) as half:
        half.sendall(b"\x16\x03\x01\x02\x00\x01\x00")
        half.shutdown(socket.SHUT_WR)
        harness.equal(read_all(half), b"", "nothing is said")
        harness.equal(service.metric("vt_scand_connections"), 1, "the silent one is left")
        harness.equal(read_all(silent), b"", "nothing is said")


def test_renegotiation():
    """TLS 1.2 lets a client shake hands again: it stays who it was."""
    certificate, key = service.agent_files("agent")
    client = subprocess.Popen(
        ["openssl", "s_client", "-tls1_2", "-connect", f"localhost:{service.port}",
         "-cert", certificate, "-key", key, "-CAfile", service.authority],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=0)
    request = b"GET /v1/changes?since=0 HTTP/1.1\r\nHost: x\r\n\r\n"
    # A line that begins with an R is a command of this client.
    for line in (request, b"R\n", request):
        time.sleep(0.3)
        client.stdin.write(line)
    time.sleep(0.3)
    client.stdin.close()
    said = client.stdout.read()
    client.wait(30)
    harness.true(b"RENEGOTIATING" in said, said)
    print(f"# {said.count(b'HTTP/1.1 200')} answers")
    is_served()


def test_slow_headers():
    with service.raw() as stream:
        start = time.monotonic()
        try:
            for byte in b"GET /v1/changes?since=0 HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 100:
                stream.sendall(bytes([byte]))
                time.sleep(0.2)
        except OSError as error:
            print(f"# {error} after {time.monotonic() - start:.1f} s")
        else:
            raise AssertionError("a client that takes its time is not given up")
    is_served()


def test_slow_body():
    """At most three at a time of one agent; its slow ones are given up, and then it may again."""
    content = bytes(1024 * 1024)
    head = put(sha256(content), len(content))
    streams = [service.raw() for _ in range(3)]
    for stream in streams:
        stream.sendall(head)
    harness.wait_until(lambda: service.metric("vt_scand_object_memory_bytes") == 3 * len(content),
                       "three are there", 30)
    service.send(known, status=429)
    service.issue("second")
    harness.equal(service.send(known, agent="second")["verdict"], "clean", "another agent")
    for stream in streams:
        harness.equal(read_all(stream), b"", "given up")
        stream.close()
    harness.wait_until(lambda: service.metric("vt_scand_object_memory_bytes") == 0, "no memory", 30)
    is_served()


def test_idle():
    with service.raw() as stream:
        harness.equal(read_all(stream), b"", "nothing is said")
    connection = service.connect()
    service.lookup(known, connection=connection)
    harness.equal(connection.sock.recv(1), b"", "closed after a request")


def test_client_that_is_gone():
    """In the middle of a body, and while its content is scanned."""
    for size in (1000, 1024 * 1024):
        content = os.urandom(size)
        head = put(sha256(content), size)
        for part in (content[:size // 2], content):
            with service.raw() as stream:
                stream.sendall(head + part)
    harness.wait_until(lambda: service.metric("vt_scand_object_memory_bytes") == 0, "no memory", 30)
    harness.wait_until(lambda: service.metric("vt_scand_connections") == 0, "all are gone", 60)
    is_served()


def test_ambiguous_lengths():
    """What a proxy and the service could read in two ways."""
    body = bytes(32)
    for headers in ("Content-Length: 32\r\nContent-Length: 32\r\n",
                    "Content-Length: 32\r\nContent-Length: 64\r\n",
                    "Content-Length: 32\r\nTransfer-Encoding: chunked\r\n",
                    "Transfer-Encoding: chunked\r\nContent-Length: 32\r\n",
                    "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
                    "Transfer-Encoding: xchunked\r\n",
                    "Transfer-Encoding: chunked, chunked\r\n",
                    "Content-Length: +32\r\n", "Content-Length: 0x20\r\n", "Content-Length: -1\r\n",
                    "Content-Length: 32, 32\r\n", "Content-Length: 99999999999999999999\r\n",
                    "Content-Length:\r\n"):
        answer = say(f"POST /v1/lookup HTTP/1.1\r\nHost: x\r\n{headers}\r\n".encode() + body)
        print(f"# {headers!r}: {answer[:40]!r}")
        harness.true(not answer or 400 <= status_of(answer) < 600, f"{headers!r}: {answer!r}")
        harness.true(answer.count(b"HTTP/1.1 ") <= 1, f"one answer to {headers!r}: {answer!r}")
    is_served()


def test_malformed_requests():
    for request in (b"\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\nHost: x\r\n\r\n",
                    b"GET / HTTP/1.1\r\n\r\n", b"\0" * 100 + b"\r\n\r\n",
                    b"GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n",
                    b"GET http://other/v1/changes?since=0 HTTP/1.1\r\nHost: x\r\n\r\n",
                    b"GET /%2e%2e/%00 HTTP/1.1\r\nHost: x\r\n\r\n",
                    b"OPTIONS * HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello",
                    b"CONNECT other:80 HTTP/1.1\r\nHost: other:80\r\n\r\n",
                    b"PUT /v1/objects/" + b"a" * 30000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
                    b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 20000 + b"\r\n",
                    b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"b" * 200000 + b"\r\n\r\n",
                    b"GET /v1/changes?since=0 HTTP/1.1\r\nHost: x\r\n Folded: x\r\n\r\n",
                    b"GET /v1/changes?" + b"&".join(b"since=%d" % n for n in range(2000)) +
                    b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
                    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"):
        answer = say(request)
        print(f"# {request[:50]!r}: {answer[:30]!r}")
        harness.true(not answer or status_of(answer) in FITTING, f"{answer[:200]!r}")
    is_served()


def test_ranges():
    many = b"bytes=" + b",".join(b"0-" for _ in range(5000))
    answer = say(b"GET /v1/changes?since=0 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                 b"Range: " + many + b"\r\n\r\n")
    harness.equal(status_of(answer), 200, "all of it")
    harness.true(len(answer) < 2000, f"{len(answer)} bytes")


def test_larger_than_announced():
    """What follows is no part of the content, and is never taken for it."""
    content = b"short"
    for extra in (b"x" * 100, b"GET /v1/changes?since=0 HTTP/1.1\r\nHost: x\r\n\r\n"):
        answer = say(put(sha256(content), len(content)) + content + extra)
        harness.equal(status_of(answer), 200, "the content's verdict")
        harness.true(sha256(content).encode() in answer, "the content that was announced")
    is_served()


def test_refused_without_its_body():
    """It is answered at once, whatever is announced."""
    for size in (5 * 1024 * 1024, 10 ** 15):
        harness.equal(status_of(say(put("0" * 64, size))), 413, size)
    head = b"POST /v1/lookup HTTP/1.1\r\nHost: x\r\nContent-Length: 32\r\n\r\n"
    harness.equal(status_of(say(head, agent=None)), 401, "nobody")
    is_served()


def test_memory_is_bounded():
    """More agents than there is memory for: some have to wait, and none is forgotten."""
    streams = []
    for number in range(4):
        service.issue(f"large{number}")
        stream = service.raw(f"large{number}")
        stream.sendall(put("0" * 64, 4 * 1024 * 1024))
        streams.append(stream)
    harness.wait_until(lambda: service.metric("vt_scand_object_memory_bytes") >= 8 * 1024 * 1024,
                       "full", 30)
    harness.equal(service.metric("vt_scand_object_memory_bytes"), 8 * 1024 * 1024, "not over it")
    service.send(known, status=429)
    harness.equal(service.lookup(known), [CLEAN], "lookups go on")
    answers = [read_all(stream) for stream in streams]
    for stream in streams:
        stream.close()
    harness.equal(sorted(status_of(answer) for answer in answers if answer), [429, 429], "two wait")
    is_served()


service.start()
service.send(known)
harness.main(
    test_garbage_instead_of_tls,
    test_half_open_connections,
    test_more_connections_than_there_may_be,
    test_half_closed_hello,
    test_renegotiation,
    test_slow_headers,
    test_slow_body,
    test_idle,
    test_client_that_is_gone,
    test_ambiguous_lengths,
    test_malformed_requests,
    test_ranges,
    test_larger_than_announced,
    test_refused_without_its_body,
    test_memory_is_bounded,
)
