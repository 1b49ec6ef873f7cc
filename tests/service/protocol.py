#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
"""The protocol as docs/protocol.md has it: its own commands, with curl and openssl alone, and then
each status and each verdict."""

import hashlib
import json
import pathlib
import re
import shutil
import subprocess

from scand import CLEAN, EICAR, INCOMPLETE, INFECTED, UNKNOWN, Service, harness, sha256

service = Service("service", objects__max_size="1M")
clean = b"nothing to see here\n"


def test_commands_of_the_document():
    for program in ("curl", "openssl", "jq", "xxd"):
        if shutil.which(program) is None:
            raise harness.Skip(f"{program} is missing")
    work = service.make_dir("client")
    text = (harness.SOURCE / "docs" / "protocol.md").read_text(encoding="utf-8")
    commands = re.findall(r"^```\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    harness.equal(len(commands), 4, "commands in the document")
    shutil.copy(service.authority, work)
    service.verb("token", "new", "--out", work / "join.token")
    outputs = []
    for command in commands:
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", command], cwd=work,
                              env={**harness.environment, "SERVICE": f"localhost:{service.port}"},
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              check=False)
        print(f"# {done.stderr[-200:]!r}")
        harness.equal(done.returncode, 0, command)
        outputs.append(done.stdout)
    joined = json.loads((work / "joined.json").read_text())
    harness.equal(joined["authority"], service.authority.read_text(), "authority")
    harness.true(joined["name"] in service.verb("ca", "list"), "the name is known")
    digests = (work / "digests").read_bytes()
    harness.equal((work / "verdicts").read_bytes(), bytes(len(digests) // 32), "nothing is known")
    content = pathlib.Path("/usr/bin/env").read_bytes()
    harness.equal(json.loads(outputs[2]), {"sha256": sha256(content), "verdict": "clean",
                                           "members": [], "source": "engine"}, "verdict")
    harness.equal(json.loads(outputs[3])["revoked"], [], "changes")
    harness.equal(service.lookup(content), [CLEAN], "what was sent is known")


def test_verdicts():
    archive = harness.scratch / "secret.zip"
    inner = harness.scratch / "inner"
    inner.write_bytes(EICAR)
    subprocess.run(["zip", "-qjP", "word", archive, inner], check=True)
    encrypted = archive.read_bytes()
    infected = b"#!/bin/sh\n" + EICAR
    packed = subprocess.run(["tar", "--zstd", "-cC", inner.parent, "inner"], check=True,
                            stdout=subprocess.PIPE).stdout
    harness.equal(service.lookup(clean, EICAR, encrypted), [UNKNOWN] * 3, "before")
    harness.equal(service.send(clean)["verdict"], "clean", "clean")
    answer = service.send(EICAR)
    harness.equal(answer["verdict"], "infected", "infected")
    harness.true("threat" in answer and "reason" not in answer, answer)
    answer = service.send(encrypted)
    harness.equal((answer["verdict"], answer["reason"]), ("incomplete", "encrypted"), "encrypted")
    answer = service.send(packed)
    harness.equal((answer["verdict"], answer["members"]), ("infected", ["inner"]), "packed")
    harness.equal(service.lookup(clean, EICAR, encrypted, packed, infected),
                  [CLEAN, INFECTED, INCOMPLETE, INFECTED, UNKNOWN], "after")
    harness.equal(service.send(clean)["source"], "cache", "sent again")
    harness.equal(service.send(b"")["verdict"], "clean", "nothing")


def test_headers():
    _, headers, _ = service.ask("POST", "/v1/lookup", hashlib.sha256(clean).digest())
    changes = service.changes(0)
    harness.equal(headers["VT-Epoch"], str(changes["epoch"]), "epoch")
    harness.equal(headers["VT-Service"], changes["service"], "service")
    harness.equal(changes["until"], changes["epoch"], "until")


def test_changes_of_another_history():
    changes = service.changes(1_000_000)
    harness.true(changes["gap"], "a gap")
    harness.equal(changes["until"], changes["epoch"], "where to go on")


def refuse(status, method, path, body=None, **options):
    got, _, answer = service.ask(method, path, body, **options)
    harness.equal(got, status, f"{method} {path}: {answer}")
    error = json.loads(answer)["error"]
    harness.true(error, "a reason")
    print(f"# {status} {error}")
    return error


def test_refusals():
    digest = sha256(clean)
    refuse(400, "POST", "/v1/lookup", b"x" * 33)
    refuse(400, "POST", "/v1/lookup", b"")
    refuse(413, "POST", "/v1/lookup", bytes(32 * 4097))
    harness.equal(len(service.ask("POST", "/v1/lookup", bytes(32 * 4096))[2]), 4096, "the most")
    refuse(400, "PUT", "/v1/objects/xyz", clean)
    refuse(400, "PUT", f"/v1/objects/{digest}0", clean)
    refuse(422, "PUT", f"/v1/objects/{'0' * 64}", clean)
    refuse(413, "PUT", f"/v1/objects/{digest}", bytes(1024 * 1024 + 1))
    refuse(411, "PUT", f"/v1/objects/{digest}", iter([clean]),
           headers={"Transfer-Encoding": "chunked"})
    for since in ("", "?since=", "?since=-1", "?since=1x", "?since=99999999999999999999"):
        refuse(400, "GET", f"/v1/changes{since}")
    refuse(404, "GET", "/")
    refuse(404, "GET", "/v1/lookups")
    refuse(404, "GET", "/healthz")
    refuse(405, "GET", "/v1/lookup")
    refuse(405, "DELETE", f"/v1/objects/{digest}")


def test_known_content_under_a_wrong_name():
    service.send(clean)
    refuse(422, "PUT", f"/v1/objects/{sha256(EICAR)}", clean)
    harness.equal(service.lookup(EICAR), [INFECTED], "what had the name stays")


def test_no_certificate():
    for method, path in (("POST", "/v1/lookup"), ("PUT", f"/v1/objects/{sha256(clean)}"),
                         ("GET", "/v1/changes?since=0")):
        refuse(401, method, path, bytes(32) if method == "POST" else clean, agent=None)


def test_certificate_of_another_authority():
    other = Service("other")
    for file in other.agent_files("agent"):
        shutil.copy(file, service.make_dir("agents") / f"stranger{file.suffix}")
    try:
        status = service.ask("GET", "/v1/changes?since=0", agent="stranger")[0]
    except OSError as error:
        print(f"# {error}")
    else:
        raise AssertionError(f"answered with {status}")


def test_certificate_of_a_service():
    for file in (service.state / "tls").iterdir():
        shutil.copy(file, service.make_dir("agents"))
    refuse(401, "GET", "/v1/changes?since=0", agent="service")


def test_revoked():
    service.issue("lost")
    connection = service.connect("lost")

    def status(**options):
        return service.ask("GET", "/v1/changes?since=0", **options)[0]

    harness.equal(status(connection=connection), 200, "before")
    service.verb("ca", "revoke", "lost")
    # The service looks each second; what is connected already ends as well.
    harness.wait_until(lambda: status(agent="lost") == 403, "403", 30)
    harness.equal(status(connection=connection), 403, "after")
    harness.equal(status(), 200, "others")


def make_request(name, *key):
    path = harness.scratch / "request.key"
    subprocess.run(["openssl", *key, "-out", path], check=True, stderr=subprocess.DEVNULL)
    return subprocess.run(["openssl", "req", "-new", "-key", path, "-subj", f"/CN={name}"],
                          check=True, stdout=subprocess.PIPE, text=True).stdout


def join(token, request):
    status, _, body = service.ask("POST", "/v1/join",
                                  json.dumps({"token": token, "request": request}), agent=None)
    return status, json.loads(body)


def test_join():
    good = make_request("web", "ecparam", "-name", "prime256v1", "-genkey", "-noout")
    weak = make_request("web", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024")
    bad_name = make_request("web'", "ecparam", "-name", "prime256v1", "-genkey", "-noout")
    token = service.verb("token", "new", "--uses", "2", "--group", "front").strip()
    for wrong in ("", "vtjoin-00000000-x", token[:-1], token + "x"):
        harness.equal(join(wrong, good)[0], 403, f"token {wrong!r}")
    for wrong in ("", "x", weak, bad_name, good[:200]):
        harness.equal(join(token, wrong)[0], 400, f"request {wrong!r}")
    names = set()
    for _ in range(2):
        status, joined = join(token, good)
        harness.equal(status, 200, joined)
        harness.true(re.fullmatch("web-[0-9a-f]{8}", joined["name"]), joined["name"])
        names.add(joined["name"])
    harness.equal(len(names), 2, "two names")
    status, answer = join(token, good)
    harness.equal(status, 403, "used up")
    print(f"# {answer}")
    refuse(400, "POST", "/v1/join", "[]", agent=None)
    refuse(413, "POST", "/v1/join", "x" * 100_000, agent=None)


service.start()
harness.main(
    test_commands_of_the_document,
    test_verdicts,
    test_headers,
    test_changes_of_another_history,
    test_refusals,
    test_known_content_under_a_wrong_name,
    test_no_certificate,
    test_certificate_of_another_authority,
    test_certificate_of_a_service,
    test_revoked,
    test_join,
)
