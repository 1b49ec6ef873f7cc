#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
"""Making templates: what is refused, what comes into the image, and what is left when it fails."""

import base64
import contextlib
import datetime
import functools
import hashlib
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess

import harness
from harness import Skip, assert_all_end, descendants, equal, image, main, run, scratch, start, true
from templates import (DATABASE, ENVELOPE, FORGED, PAYLOAD_TYPE, TEMPLATE_DIR, Template, ask,
                       authenticated, debugfs, digest, forged, key_id_of, make_image, make_keys,
                       raw_of, read_payload, tool, write_database)

EXPIRES_DAYS = 30
AGENT_FILE = "what the agent consists of\n"
# A file beyond that is not scanned whole.
LARGE_SIZE = 300000
LIMITS = ("--max-file-size", "200K")


def prepare(tree):
    (tree / "srv" / "large").write_bytes(b"large\n" * (LARGE_SIZE // 6))


def golden(name):
    """A fresh image in a directory of its own."""
    directory = scratch / name
    directory.mkdir()
    path = directory / "image.qcow2"
    base = scratch / "golden.qcow2"
    if not base.exists():
        make_image(base, extra=prepare)
    shutil.copyfile(base, path)
    return path


def keys():
    if not (scratch / "key.pub").exists():
        make_keys("key")
    return scratch / "key.key", scratch / "key.pub"


def database():
    if not (scratch / "database").exists():
        write_database("database", Test_Forged=FORGED.strip())
    return scratch / "database"


def template_at(path):
    return Template(path, keys(), database())


def infect(path):
    raw = raw_of(path)
    (scratch / "evil").write_bytes(forged())
    debugfs(raw, f"write {scratch}/evil /srv/evil")
    tool("qemu-img", "convert", "-O", "qcow2", raw, path)


def assert_untouched(path, before, *others):
    equal(digest(path), before, "the image")
    equal(sorted(entry.name for entry in path.parent.iterdir()), sorted([path.name, *others]),
          "what is in the directory")


def in_guest(path, *names):
    """The files of the first file system, or None."""
    raw = raw_of(path)
    found = []
    for name in names:
        out = scratch / "out"
        out.unlink(missing_ok=True)
        ask(raw, f"dump {name} {out}")
        found.append(out.read_bytes() if out.exists() else None)
    return found


def test_infected_image_is_refused():
    path = golden("infected")
    infect(path)
    before = digest(path)
    done = template_at(path).seed(status=1)
    true("/srv/evil: " in done.stdout and " FOUND" in done.stdout, done.stdout)
    true("something in it is infected: nothing was signed" in done.stderr, done.stderr)
    assert_untouched(path, before)


def test_incomplete_image():
    path = golden("incomplete")
    before = digest(path)
    done = template_at(path).seed(*LIMITS, status=3)
    true("something in it was not scanned whole: nothing was signed" in done.stderr, done.stderr)
    assert_untouched(path, before)
    template = template_at(path)
    template.seed(*LIMITS, "--allow-incomplete")
    statement = json.loads(read_payload(template.envelope))["predicate"]
    equal((statement["counts"]["incomplete"], statement["counts"]["reasons"]),
          (1, {"size-limit": 1}), "what the statement says")
    large = hashlib.sha256(b"large\n" * (LARGE_SIZE // 6)).digest()
    equal(rows(template.beside, "SELECT count(*) FROM file WHERE size = ? OR sha256 = ?",
               LARGE_SIZE, large), [(0,)], "its rows")
    equal(rows(template.beside, "SELECT count(*) FROM content WHERE sha256 = ?", large), [(0,)],
          "its contents")
    # A clone has to be told as well.
    report, _, _ = template.scan(path, *LIMITS, status=3)
    equal([entry["path"] for entry in report["incomplete"]], ["/srv/large"], "incomplete")


def rows(path, query, *values):
    with contextlib.closing(sqlite3.connect(path)) as opened:
        return opened.execute(query, values).fetchall()


def make_agent():
    agent = scratch / "agent"
    (agent / "usr" / "bin").mkdir(parents=True)
    (agent / "etc" / "agent").mkdir(parents=True)
    for name, mode in ("usr/bin/agent", 0o755), ("etc/agent/secret", 0o600):
        (agent / name).write_text(AGENT_FILE)
        (agent / name).chmod(mode)
    (agent / "etc" / "agent").chmod(0o700)
    (agent / "usr" / "bin" / "agent-link").symlink_to("agent")
    return agent


def assert_agent(raw):
    for name, mode in (("/usr/bin/agent", "0755"), ("/etc/agent/secret", "0600"),
                       ("/etc/agent", "0700")):
        text = ask(raw, f"stat {name}")
        equal(re.search(r"Mode: +(\d+)", text)[1], mode, f"mode of {name}")
        equal(re.search(r"User: +(\d+) +Group: +(\d+)", text).groups(), ("0", "0"), "owner")
    equal(ask(raw, "cat /usr/bin/agent"), AGENT_FILE, "the agent")
    true('Fast link dest: "agent"' in ask(raw, "stat /usr/bin/agent-link"), "the link")


@functools.cache
def seeded():
    """A template in a file of its own, beside the image that it was made of."""
    path = golden("seeded")
    before = digest(path)
    template_at(path).seed("--output", path.parent / "template.qcow2", "--agent", make_agent(),
                           "--expires", EXPIRES_DAYS)
    assert_untouched(path, before, "template.qcow2", "template.qcow2.clean.db",
                     "template.qcow2.dsse.json")
    return template_at(path.parent / "template.qcow2")


def test_file_that_is_there():
    path = golden("there")
    before = digest(path)
    output = path.parent / "template.qcow2"
    output.write_text("somebody's")
    done = template_at(path).seed("--output", output, status=2)
    true("template.qcow2: is there already" in done.stderr, done.stderr)
    equal(output.read_text(), "somebody's", "what was there")
    assert_untouched(path, before, "template.qcow2")


def test_new_file():
    made = seeded()
    assert_agent(raw_of(made.path))
    equal(in_guest(made.path, DATABASE, ENVELOPE, "/etc/vtemplater/template.pub"),
          [made.beside.read_bytes(), made.envelope.read_bytes(), keys()[1].read_bytes()],
          "what is in the image, and beside it")


def test_signed_statement():
    made = seeded()
    assert_verifies(made)
    assert_statement(made, json.loads(read_payload(made.envelope)))


def assert_verifies(made):
    """With nothing but openssl and what is said of the format."""
    envelope = json.loads(made.envelope.read_text(encoding="utf-8"))
    equal(envelope["payloadType"], PAYLOAD_TYPE.decode(), "type")
    (scratch / "signed").write_bytes(authenticated(read_payload(made.envelope)))
    (scratch / "signature").write_bytes(base64.b64decode(envelope["signatures"][0]["sig"]))
    words = ("openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", made.public, "-in",
             "signed", "-sigfile", "signature")
    true(b"Verified Successfully" in tool(*words), "the signature")
    der = tool("openssl", "pkey", "-pubin", "-in", made.public, "-outform", "DER")
    equal(key_id_of(made.envelope), hashlib.sha256(der).hexdigest(), "key id")


def assert_statement(made, statement):
    equal((statement["_type"], statement["predicateType"]),
          ("https://in-toto.io/Statement/v1", "https://vtemplater.org/attestation/template/v1"),
          "types")
    equal(statement["subject"], [{"name": "clean.db", "digest": {"sha256": digest(made.beside)}}],
          "subject")
    predicate = statement["predicate"]
    created, expires = (datetime.datetime.fromisoformat(predicate["template"][name])
                        for name in ("created", "expires"))
    equal(expires - created, datetime.timedelta(days=EXPIRES_DAYS), "time until it expires")
    equal(rows(made.beside, "SELECT value FROM meta WHERE key = 'template'"),
          [(predicate["template"]["id"],)], "id")
    databases = predicate["scanner"]["engine"]["databases"]
    equal({entry["name"]: entry["sha256"] for entry in databases},
          {entry.name: digest(entry) for entry in database().iterdir()}, "databases")
    counts = predicate["counts"]
    equal((counts["clean"], counts["incomplete"], counts["reasons"]), (counts["files"], 0, {}),
          "counts")
    equal([(entry["id"], entry["type"]) for entry in predicate["filesystems"]],
          [("/dev/sda1", "ext4"), ("/dev/sda2", "ext4")], "file systems")
    equal(predicate["system"]["product"], "debian 12.0", "system")
    true(predicate["options"]["max-files"] > 0, f"options: {predicate['options']}")


def state_of(made):
    files = [made.beside.read_bytes(), made.envelope.read_bytes()]
    equal(in_guest(made.path, DATABASE, ENVELOPE), files, "in the image")
    return files, json.loads(read_payload(made.envelope))["predicate"]["template"]["id"]


def test_seeding_again():
    made = seeded()
    made.path.chmod(0o640)
    first, first_id = state_of(made)
    made.seed()
    second, second_id = state_of(made)
    true(first[1] != second[1] and first_id != second_id, f"ids {first_id}, {second_id}")
    listed = ask(raw_of(made.path), f"ls -p {TEMPLATE_DIR}")
    equal(sorted(re.findall(r"/(clean\.[^/]*)/", listed)), ["clean.db", "clean.dsse.json"],
          "what is in the directory")
    # The cache before was no file of the template.
    for content in first:
        equal(rows(made.beside, "SELECT count(*) FROM file WHERE sha256 = ?",
                   hashlib.sha256(content).digest()), [(0,)], "rows of the cache before")
    equal(made.path.stat().st_mode & 0o777, 0o640, "mode of the image")
    tool("qemu-img", "check", "-q", made.path)


def is_whole_template(path):
    made = template_at(path)
    found = in_guest(path, DATABASE, ENVELOPE)
    if None in found:
        return False
    (scratch / "found.clean.db").write_bytes(found[0])
    (scratch / "found.dsse.json").write_bytes(found[1])
    report, _, _ = harness.scan(path, "--template", scratch / "found.dsse.json", "--pubkey",
                                made.public, database=made.database, status=0)
    equal(report["stats"]["scanned"], 0, "scanned of what was seeded")
    return True


def kill_after(path, sign, count):
    """Kills it when it has said SIGN, COUNT looks at its processes later."""
    process = start("seed", "--database", database(), "--store", "none", "--sign-key", keys()[0],
                    "--progress", "plain", path)
    true(any(sign in line for line in process.stderr), f"it says {sign!r}")
    started = descendants(process.pid)
    for _ in range(count):
        started |= descendants(process.pid)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert_all_end(started)


def test_kill():
    path = golden("killed")
    before = digest(path)
    points = (("preparing the image", 0), ("scanning", 0), ("putting the clean cache", 0),
              ("writing the image", 0), ("writing the image", 20))
    for sign, count in points:
        kill_after(path, sign, count)
        left = {entry.name for entry in path.parent.iterdir()} - {path.name}
        hidden = {name for name in left if name.startswith(".")}
        true(len(hidden) <= 1, f"hidden files: {hidden}")
        if digest(path) == before:
            equal(left - hidden, set(), f"what is left after {sign}, {count}")
            continue
        print(f"# a template after {sign}, {count}")
        true(is_whole_template(path), f"neither one nor the other after {sign}, {count}")
        shutil.rmtree(path.parent)
        path = golden("killed")
        equal(digest(path), before, "the image, again")


def test_full_disk():
    if os.getuid() != 0:
        raise Skip("root, to mount a small file system")
    small = scratch / "small"
    small.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=5m", "tmpfs", small], check=False,
                          stderr=subprocess.PIPE)
    if done.returncode != 0:
        raise Skip("mounting")
    try:
        path = golden("full")
        before = digest(path)
        # Room for the verdict store, and none for what is changed.
        tight = small / "tight"
        tight.mkdir()
        (small / "filler").write_bytes(bytes(5 * (1 << 20) - 3 * 65536))
        seed_without_room(path, dict(harness.environment, TMPDIR=str(tight)),
                          "No space left on device")
        assert_untouched(path, before)
        # No room for another copy of the image.
        (small / "filler").unlink()
        tight.rmdir()
        there = small / "image.qcow2"
        shutil.copyfile(path, there)
        seed_without_room(there, harness.environment, "no room for the changed image")
        assert_untouched(there, before)
    finally:
        subprocess.run(["umount", small], check=True)


def seed_without_room(path, env, message):
    done = run("seed", "--database", database(), "--store", "none", "--sign-key", keys()[0], path,
               env=env)
    print(f"# {done.stderr.strip()!r}")
    equal(done.returncode, 2, "exit status")
    true(message in done.stderr, done.stderr)


def test_image_without_a_system():
    path = scratch / "empty" / "empty.qcow2"
    path.parent.mkdir()
    shutil.copyfile(image("empty.qcow2"), path)
    before = digest(path)
    done = template_at(path).seed(status=2)
    true("no Linux system is in it" in done.stderr, done.stderr)
    assert_untouched(path, before)


main(
    test_image_without_a_system,
    test_infected_image_is_refused,
    test_incomplete_image,
    test_file_that_is_there,
    test_new_file,
    test_signed_statement,
    test_seeding_again,
    test_kill,
    test_full_disk,
)
