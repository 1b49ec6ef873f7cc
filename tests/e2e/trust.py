# SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
"""Clean caches that are not to be believed, beside the image and in it.

One that the operator named is an error then. One that is only in the image is passed over, with a
warning, and everything is scanned.
"""

import base64
import contextlib
import hashlib
import json
import shutil
import sqlite3
import uuid

from harness import equal, run, scan, scratch, true
from templates import (BLOCK, DATABASE, ENVELOPE, assert_found, blocks, clone_of, debugfs, editing,
                       forged, key_id_of, make_keys, peek, poke, raw_of, read_payload, sign,
                       template, tool)

WITHOUT = "scanned without a template: "
EXPIRED = ("2025-01-01T00:00:00Z", "2025-02-01T00:00:00Z")


def beside(name):
    """A copy of the template's signed cache: the envelope, and the database next to it."""
    envelope, database = scratch / f"{name}.dsse.json", scratch / f"{name}.clean.db"
    shutil.copyfile(template().envelope, envelope)
    shutil.copyfile(template().beside, database)
    return envelope, database


def resign(envelope, change):
    """CHANGE gets the statement; it is signed again, with the right key."""
    statement = json.loads(read_payload(envelope))
    change(statement)
    sign(envelope, json.dumps(statement).encode(), template().private, key_id_of(envelope))


def put_into(name, envelope, database):
    """A clone with these in the place of its own."""
    clone = clone_of(template().path, name)
    with editing(clone) as raw:
        debugfs(raw, f"rm {DATABASE}", f"rm {ENVELOPE}", f"write {database} {DATABASE}",
                f"write {envelope} {ENVELOPE}")
    return clone


def refuse(named, message, *, public=None):
    """What the operator names must be good: nothing is scanned else, and nothing reported."""
    outputs = scratch / "refused.json", scratch / "refused.jsonl"
    done = run("scan", "--database", template().database, "--store", "none", "--template", named,
               "--pubkey", public or template().public, "--allow-backing", scratch, "--format",
               "json", "--output", outputs[0], "--manifest", outputs[1],
               clone_of(template().path, "plain"))
    equal((done.returncode, done.stdout), (2, ""), "exit status and output")
    true(message in done.stderr, f"{message!r} in {done.stderr!r}")
    true(not any(output.exists() for output in outputs), "no report")


def pass_over(clone, message, *, public=None):
    """What the image has in it does not have to be."""
    report, files, done = scan(clone, "--pubkey", public or template().public, "--allow-backing",
                               scratch, database=template().database, status=0)
    true(WITHOUT in done.stderr and message in done.stderr, f"{message!r} in {done.stderr!r}")
    equal((report["template"], report["stats"]["unread"]), (None, 0), "what a template gave")
    true({entry["source"] for entry in files} <= {"engine", "store", "hardlink", "empty"},
         "sources")
    true(report["stats"]["scanned"] >= 235, "everything is scanned")


def test_cache_beside_the_image():
    envelope, _ = beside("good")
    report, _, _ = scan(clone_of(template().path, "plain"), "--template", template().path,
                        "--attestation", envelope, "--pubkey", template().public,
                        database=template().database, status=0)
    # Where its own two files are nobody knows: they are read, and known by their contents.
    equal(report["stats"]["unread"], template().count_unread() - 2, "unread")
    equal((report["stats"]["scanned"], report["template"]["added"]), (0, 0), "scanned, added")
    # Without the image nobody has said what is below.
    report, _, done = scan(clone_of(template().path, "plain"), "--template", envelope, "--pubkey",
                           template().public, "--allow-backing", template().path,
                           database=template().database, status=0)
    equal((report["stats"]["unread"], report["stats"]["scanned"]), (0, 0), "unread, scanned")
    true("no image of the template was named" in done.stderr, done.stderr)


def test_wrong_key():
    _, public = make_keys("another")
    refuse(template().path, "signed by other keys", public=public)
    refuse(template().envelope, "signed by other keys", public=public)
    pass_over(clone_of(template().path, "plain"), "signed by other keys", public=public)


def test_no_key():
    done = run("scan", "--database", template().database, "--store", "none", "--template",
               template().path, clone_of(template().path, "plain"))
    equal((done.returncode, done.stdout), (2, ""), "exit status and output")
    true("--template needs --pubkey" in done.stderr, done.stderr)


def test_envelope_that_was_changed():
    envelope, database = beside("changed-envelope")
    text = json.loads(envelope.read_text(encoding="utf-8"))
    statement = json.loads(read_payload(envelope))
    statement["predicate"]["counts"]["clean"] += 1
    text["payload"] = base64.b64encode(json.dumps(statement).encode()).decode()
    envelope.write_text(json.dumps(text), encoding="utf-8")
    refuse(envelope, "does not match: it was changed")
    clone = put_into("changed-envelope", envelope, database)
    pass_over(clone, "does not match: it was changed")
    refuse(clone, "does not match: it was changed")


def test_envelope_that_is_none():
    envelope, _ = beside("no-envelope")
    for text in "{}", "{", "{" + " " * (1 << 21) + "}":
        envelope.write_text(text, encoding="utf-8")
        refuse(envelope, "envelope")


def test_cache_that_was_changed():
    envelope, database = beside("changed-cache")
    content = bytearray(database.read_bytes())
    content[len(content) // 2] ^= 1
    database.write_bytes(content)
    refuse(envelope, "SHA-256")
    database.unlink()
    refuse(envelope, "the clean cache beside the envelope")
    clone = clone_of(template().path, "changed-cache")
    with editing(clone) as raw:
        # Neither its inode nor its name tells.
        block = blocks(raw, DATABASE)[8]
        content = bytearray(peek(raw, block))
        content[BLOCK // 2] ^= 1
        poke(raw, block, content)
    pass_over(clone, "SHA-256")
    refuse(clone, "SHA-256")


def test_cache_that_is_missing():
    for name in DATABASE, ENVELOPE:
        clone = clone_of(template().path, "missing")
        with editing(clone) as raw:
            debugfs(raw, f"rm {name}")
        pass_over(clone, f"{name} is missing")
        refuse(clone, f"{name} is missing")


def test_expired_template():
    envelope, database = beside("expired")

    def expire(statement):
        times = statement["predicate"]["template"]
        times["created"], times["expires"] = EXPIRED
        for entry in statement["predicate"]["scanner"]["engine"]["databases"]:
            entry["time"] = EXPIRED[0]
    resign(envelope, expire)
    refuse(envelope, "it expired")
    clone = put_into("expired", envelope, database)
    pass_over(clone, "it expired")
    refuse(clone, "it expired")


def test_template_from_the_future():
    envelope, _ = beside("future")
    resign(envelope, lambda statement: statement["predicate"]["template"].update(
        created="2999-01-01T00:00:00Z", expires=None))
    refuse(envelope, "is the clock of this machine right?")


def change_cache(envelope, database, *commands):
    """Another template's signed cache: as valid as the first, with other rows."""
    identity = str(uuid.uuid4())
    with contextlib.closing(sqlite3.connect(database)) as opened:
        opened.execute("UPDATE meta SET value = ? WHERE key = 'template'", [identity])
        for command in commands:
            opened.execute(command)
        opened.commit()
        opened.execute("VACUUM")
    digest = hashlib.sha256(database.read_bytes()).hexdigest()

    def describe(statement):
        statement["subject"][0]["digest"]["sha256"] = digest
        statement["predicate"]["template"]["id"] = identity
    resign(envelope, describe)
    return identity


def test_caches_that_were_exchanged():
    # Signed by the right key, and of another template with the same file systems: no file is as
    # it was there.
    envelope, database = beside("other")
    identity = change_cache(envelope, database, "UPDATE file SET mtime_ns = mtime_ns + 1")
    clone = put_into("other", envelope, database)
    for options in ("--template", template().path, "--attestation", envelope), ():
        report, _, _ = scan(clone, *options, "--pubkey", template().public, "--allow-backing",
                            template().path, database=template().database, status=0)
        equal(report["template"]["id"], identity, "template")
        equal(report["stats"]["unread"], 0, "unread")
        equal(report["stats"]["scanned"], 0, "scanned: contents are known by their digests")


def test_envelope_of_another_cache():
    envelope, database = beside("mixed")
    change_cache(envelope, database, "UPDATE file SET mtime_ns = mtime_ns + 1")
    shutil.copyfile(template().beside, database)
    refuse(envelope, "SHA-256")
    # The statement names the cache, which names another template.
    envelope, _ = beside("other-id")
    resign(envelope, lambda statement: statement["predicate"]["template"].update(
        id=str(uuid.uuid4())))
    refuse(envelope, "of different templates")


def test_digests_of_others():
    # The identities are right and the digests are not: contents that are read are not believed to
    # be those, and what is not in the cache is scanned.
    envelope, database = beside("digests")
    change_cache(envelope, database, "UPDATE file SET mtime_ns = mtime_ns + 1, "
                 "sha256 = CAST(printf('%032d', ino) AS BLOB)")
    report, files, _ = scan(clone_of(template().path, "plain"), "--template", template().path,
                            "--attestation", envelope, "--pubkey", template().public,
                            database=template().database, status=0)
    true(report["stats"]["scanned"] >= 235, "everything is scanned")
    true("template" not in {entry["source"] for entry in files}, "sources")


def test_image_below_that_is_not_the_template():
    # It may lie upon that, which does not say that it is what was seeded: a file in it has another
    # content, and all else of that file is as the signed cache has it.
    raw = raw_of(template().path)
    poke(raw, blocks(raw, "/srv/content")[0], forged(BLOCK))
    below = scratch / "below.qcow2"
    tool("qemu-img", "convert", "-O", "qcow2", raw, below)
    clone = clone_of(below, "upon-another")
    for options in ("--template", template().path), ("--template", template().envelope), ():
        report, files, _ = scan(clone, *options, "--pubkey", template().public, "--allow-backing",
                                below, database=template().database)
        assert_found(report, {(entry["fs"], entry["path"]): entry for entry in files},
                     "/srv/content")


TESTS = (
    test_cache_beside_the_image,
    test_wrong_key,
    test_no_key,
    test_envelope_that_was_changed,
    test_envelope_that_is_none,
    test_cache_that_was_changed,
    test_cache_that_is_missing,
    test_expired_template,
    test_template_from_the_future,
    test_caches_that_were_exchanged,
    test_envelope_of_another_cache,
    test_digests_of_others,
    test_image_below_that_is_not_the_template,
)
