#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
"""Starts, stops, kills, new signatures: what the service knows, and that it never says "clean" for
what it does not."""

import contextlib
import hashlib
import http.client
import json
import os
import random
import signal
import socket
import sqlite3
import subprocess
import threading
import time

from scand import CLEAN, EICAR, INFECTED, PROGRAM, UNKNOWN, Service, harness, sha256

KILLS = 8
clean = b"nothing to see here\n"
MARKER = b"what the signature of this test finds"


def signature(content, name):
    """A line of an .hdb database that finds CONTENT."""
    return f"{hashlib.md5(content).hexdigest()}:{len(content)}:{name}\n"


def update(service, text, name="more.hdb"):
    """A database comes in one piece, as freshclam puts it there."""
    new = service.dir / "new"
    new.write_text(text)
    os.rename(new, service.database / name)


def test_restart():
    service = Service("restart").start()
    service.send(clean)
    service.send(EICAR)
    epoch = service.changes(0)["epoch"]
    identity = service.changes(0)["service"]
    service.stop()
    service.start()
    harness.equal(service.lookup(clean, EICAR), [CLEAN, INFECTED], "known after a restart")
    harness.equal(service.send(EICAR)["source"], "cache", "not scanned again")
    harness.equal(service.changes(epoch)["epoch"], epoch, "the same engine: the same epoch")
    harness.equal(service.changes(0)["service"], identity, "the same service")
    service.stop()


def test_reload():
    """An update turns what was clean: it is told in the changes, once it is sent again."""
    service = Service("reload").start()
    connection = service.connect()
    service.send(clean)
    service.send(b"other")
    before = service.changes(0)["epoch"]
    update(service, signature(clean, "Later"))
    harness.wait_until(lambda: service.changes(0)["epoch"] > before, "the next epoch", 60)
    now = service.changes(0)["epoch"]
    harness.equal(service.lookup(clean, b"other", connection=connection), [CLEAN] * 2, "grace")
    harness.equal(service.send(b"other", connection=connection)["source"], "engine", "scanned anew")
    answer = service.send(clean)
    harness.equal((answer["verdict"], answer["threat"]), ("infected", "Later.UNOFFICIAL"), "turned")
    changes = service.changes(now)
    harness.equal([(change["sha256"], change["threat"]) for change in changes["revoked"]],
                  [(sha256(clean), "Later.UNOFFICIAL")], "changes")
    harness.equal(changes["until"], now + 1, "epoch of the change")
    harness.equal(service.changes(changes["until"])["revoked"], [], "told once")
    harness.equal(service.lookup(clean), [INFECTED], "looked up")
    harness.equal(service.metric("vt_scand_engine_loads_total"), 2, "engines")
    service.stop()


def test_grace_ends():
    service = Service("grace", cache__grace="1s").start()
    service.send(clean)
    update(service, signature(b"something else", "Later"))
    harness.wait_until(lambda: service.lookup(clean) == [UNKNOWN], "it has to be sent again", 60)
    harness.equal(service.send(clean)["verdict"], "clean", "sent again")
    harness.equal(service.lookup(clean), [CLEAN], "known again")
    service.stop()


def test_broken_signatures():
    """They are refused, it is told, and the engine in force goes on; then good ones come."""
    service = Service("broken").start()
    update(service, "this is no signature\n")
    service.wait_for_log("signatures refused")
    health = service.health()
    harness.equal(health["status"], "degraded", health)
    harness.true("signatures refused" in health["problems"][0], health)
    harness.equal(service.send(EICAR)["verdict"], "infected", "the engine in force")
    (service.database / "more.hdb").unlink()
    harness.wait_until(lambda: service.health()["status"] == "ok", "as it was", 60)
    # One that finds something in every text is worse than a broken one.
    update(service, f"Everything:0:*:{b'ha'.hex()}??{b'mless'.hex()}\n", "everything.ndb")
    service.wait_for_log("the signatures find something in a harmless text")
    harness.equal(service.send(clean)["verdict"], "clean", "not taken")
    (service.database / "everything.ndb").unlink()
    update(service, signature(clean, "Good"))
    harness.wait_until(lambda: service.health()["status"] == "ok", "good ones", 60)
    harness.equal(service.send(clean)["verdict"], "infected", "taken")
    service.stop()


def test_no_signatures_at_first():
    service = Service("none")
    for file in service.database.iterdir():
        file.unlink()
    service.launch()
    service.wait_for_log("signatures refused")
    status, text = service.local("/healthz")
    harness.equal((status, json.loads(text)["status"]), (503, "down"), "health")
    service.send(clean, status=503)
    harness.equal(service.lookup(clean), [UNKNOWN], "lookups go on")
    update(service, signature(b"good", "Good"))
    service.wait_for_log("in force")
    harness.equal(service.send(clean)["verdict"], "clean", "scanned")
    service.stop()


def add_marker(service):
    update(service, f"Marker:0:*:{MARKER.hex()}\n", "marker.ndb")


def content_of(number):
    """Each is another; one of three is infected."""
    return f"content {number}\n".encode() + b"x" * 100_000 + (MARKER if number % 3 == 0 else b"")


def expected(content):
    return "infected" if MARKER in content else "clean"


def test_reload_under_load():
    """No request fails or is wrong while engines change."""
    service = Service("load", objects__max_per_agent=64)
    add_marker(service)
    service.start()
    failures = []
    done = threading.Event()
    sent = [0]

    def run(first):
        connection = service.connect()
        number = first
        try:
            while not done.is_set():
                content = content_of(number)
                got = service.send(content, connection=connection)["verdict"]
                harness.equal(got, expected(content), f"content {number}")
                known = INFECTED if got == "infected" else CLEAN
                harness.equal(service.lookup(content, connection=connection), [known], "known")
                number += 4
                sent[0] += 1
        except (AssertionError, OSError, http.client.HTTPException) as error:
            failures.append(repr(error))

    threads = [threading.Thread(target=run, args=(first,)) for first in range(4)]
    for thread in threads:
        thread.start()
    for number in range(4):
        before = service.metric("vt_scand_engine_loads_total")
        update(service, signature(f"new {number}".encode(), "New"))
        harness.wait_until(
            lambda: service.metric("vt_scand_engine_loads_total") > before, "an engine", 60)
    done.set()
    for thread in threads:
        thread.join()
    harness.equal(failures, [], "failures")
    print(f"# {sent[0]} contents")
    service.stop()


def is_in_store(service, content):
    with contextlib.closing(sqlite3.connect(service.state / "verdicts.db")) as database:
        return database.execute("SELECT count(*) FROM verdict WHERE sha256 = ?",
                                (hashlib.sha256(content).digest(),)).fetchone()[0] > 0


def test_killed():
    """Killed at any moment, it knows nothing false after the next start; and nothing is left."""
    service = Service("killed", objects__max_per_agent=64)
    add_marker(service)
    told = {}
    random.seed(7)
    for round_number in range(KILLS):
        service.start()
        identities = harness.descendants(service.process.pid)

        def run(first):
            try:
                connection = service.connect()
                for number in range(first, first + 1000):
                    content = content_of(10_000 * round_number + number)
                    told[content] = service.send(content, connection=connection)["verdict"]
            except (OSError, http.client.HTTPException) as error:
                print(f"# {error!r}"[:100])

        threads = [threading.Thread(target=run, args=(1000 * n,)) for n in range(3)]
        for thread in threads:
            thread.start()
        time.sleep(random.uniform(0.05, 3))
        service.kill()
        for thread in threads:
            thread.join()
        harness.assert_all_end(identities)
    service.start()
    harness.true(len(told) > 100, f"{len(told)} were told")
    known = 0
    for content, verdict in told.items():
        harness.equal(verdict, expected(content), "while it ran")
        after = service.lookup(content)[0]
        harness.true(after in (UNKNOWN, INFECTED if verdict == "infected" else CLEAN),
                     f"{after} after {verdict}")
        known += after != UNKNOWN
    print(f"# {len(told)} told, {known} known after {KILLS} kills")
    service.send(clean)
    harness.wait_until(lambda: is_in_store(service, clean), "it is written", 60)
    service.kill()
    service.start()
    harness.equal(service.lookup(clean), [CLEAN], "what was written is known")
    service.stop()


def test_killed_after_a_verdict_was_taken_back():
    """What agents have been told is infected is never called clean again."""
    service = Service("taken-back").start()
    service.send(clean)
    harness.wait_until(lambda: is_in_store(service, clean), "it is written", 60)
    update(service, signature(clean, "Later"))
    harness.wait_until(lambda: service.metric("vt_scand_engine_loads_total") == 2, "an engine", 60)
    harness.equal(service.send(clean)["verdict"], "infected", "turned")
    harness.equal(len(service.changes(0)["revoked"]), 1, "it is told")
    service.kill()
    service.start()
    harness.true(service.lookup(clean)[0] in (UNKNOWN, INFECTED), "not clean")
    harness.equal(service.send(clean)["verdict"], "infected", "sent again")
    service.stop()


def test_interrupted_with_contents():
    """SIGTERM does not wait for what is being scanned, and answers no content as clean."""
    service = Service("term").start()
    large = os.urandom(8 << 20) * 4
    got = []

    def send():
        try:
            got.append(service.ask("PUT", f"/v1/objects/{sha256(large)}", large)[2])
        except (OSError, http.client.HTTPException) as error:
            print(f"# {error!r}")

    thread = threading.Thread(target=send)
    thread.start()
    harness.wait_until(lambda: service.metric("vt_scand_object_memory_bytes") > 0, "it is sent", 30)
    service.stop()
    thread.join()
    harness.true(not any(b'"clean"' in answer for answer in got), f"{got}")


def test_damaged_store():
    """A verdict store that is none is an error that names it, and what it was is left."""
    service = Service("damaged").start()
    service.send(clean)
    service.stop()
    store = service.state / "verdicts.db"
    store.write_bytes(b"not a database" * 1000)
    failed = subprocess.run([PROGRAM, "--config", service.dir / "scand.conf"],
                            stderr=subprocess.PIPE, text=True, check=False, timeout=60)
    print(f"# {failed.stderr.strip()}")
    harness.equal(failed.returncode, 2, "exit status")
    harness.true(str(store) in failed.stderr, "the file is named")
    store.unlink()
    service.start()
    harness.equal(service.lookup(clean), [UNKNOWN], "a new store")
    service.stop()


def test_socket_activation():
    """The socket that systemd would hand over: nothing is lost while it starts."""
    service = Service("activated")
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(10)
    os.set_inheritable(listener.fileno(), True)
    starter = ("import os, sys; os.dup2(int(sys.argv[1]), 3); os.environ['LISTEN_FDS'] = '1'; "
               "os.environ['LISTEN_PID'] = str(os.getpid()); os.execv(sys.argv[2], sys.argv[2:])")
    service.process = subprocess.Popen(
        ["python3", "-c", starter, str(listener.fileno()), PROGRAM, "--config",
         service.dir / "scand.conf"], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
        pass_fds=(listener.fileno(),))
    threading.Thread(target=service.read_log, args=(service.process.stderr,), daemon=True).start()
    service.port = listener.getsockname()[1]
    harness.equal(service.lookup(clean), [UNKNOWN], "over the socket")
    service.wait_for_log("in force")
    service.stop()


def test_notifies():
    """READY when an engine is in force, then WATCHDOG, RELOADING and STOPPING."""
    service = Service("notifies")
    path = str(service.dir / "notify")
    notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    notify.bind(path)
    notify.settimeout(60)
    service.start(env={**harness.environment, "NOTIFY_SOCKET": path, "WATCHDOG_USEC": "200000"})
    said = []

    def wait_for(word):
        while not any(line.startswith(word) for line in said):
            said.extend(notify.recv(4096).decode().splitlines())

    wait_for("READY=1")
    wait_for("WATCHDOG=1")
    service.process.send_signal(signal.SIGHUP)
    wait_for("RELOADING=1")
    said.clear()
    wait_for("READY=1")
    service.stop()
    wait_for("STOPPING=1")
    notify.close()


def test_reload_of_certificates():
    """SIGHUP takes a new one for new connections; one that cannot be read changes nothing."""
    service = Service("certificates").start()
    tls = service.state / "tls"

    def serial():
        with service.raw() as stream:
            return stream.getpeercert()["serialNumber"]

    first = serial()
    service.verb("ca", "issue", "service2", "--service", "--address", "localhost", "--out", tls)
    for suffix in ("pem", "key"):
        os.rename(tls / f"service2.{suffix}", tls / f"service.{suffix}")
    service.process.send_signal(signal.SIGHUP)
    harness.wait_until(lambda: serial() != first, "the new one", 30)
    second = serial()
    (tls / "service.pem").write_text("damaged")
    service.process.send_signal(signal.SIGHUP)
    service.wait_for_log("not reloaded")
    harness.equal(serial(), second, "the one before stays")
    service.stop()


harness.main(
    test_restart,
    test_reload,
    test_grace_ends,
    test_broken_signatures,
    test_no_signatures_at_first,
    test_reload_under_load,
    test_killed,
    test_killed_after_a_verdict_was_taken_back,
    test_interrupted_with_contents,
    test_damaged_store,
    test_socket_activation,
    test_notifies,
    test_reload_of_certificates,
)
