#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
"""The jobs in data/ci, step by step as their servers run them, with the real program.

What the servers would bring is made here: variables and secrets, a workspace for each, the scripts
that are a project's own, and a place to publish to.
"""

import concurrent.futures
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import xml.etree.ElementTree

import harness
from harness import PROGRAM, SIGNATURES, SOURCE, equal, run, scratch, true

sys.path.insert(0, str(SOURCE / "tests"))
import cijobs  # pylint: disable=wrong-import-position

CI = SOURCE / "data" / "ci"
# Where the test image's second partition starts, and what is infected in that.
HOME_OFFSET = 20480 * 512
INFECTED_FILE = "/guest/clam.exe"
# The content of a file that is nowhere else in the image.
HOSTNAME = b"phony-debian\n"
PASSPHRASE = "correct horse battery staple"
TEMPLATE = ["golden.qcow2", "golden.qcow2.clean.db", "golden.qcow2.dsse.json"]
OWN_SCRIPTS = {
    "build-image": 'cp "$SOURCE_IMAGE" "$1"',
    "publish": 'mkdir -p "$SITE" && cp "$1"/* "$SITE"',
    "fetch": 'mkdir -p "$1" && cp "$SITE"/* "$1"',
    "fetch-clone": 'qemu-img create -q -f qcow2 -F qcow2 -b "$PWD/published/golden.qcow2" "$1"',
}


class Server:
    """A workspace, and the jobs of one CI server."""

    def __init__(self, name):
        self.name = name
        self.directory = scratch / name
        self.site = self.directory / "site"
        self.workspace = self.directory / "workspace"
        scripts = self.workspace / "ci"
        scripts.mkdir(parents=True)
        for script, text in OWN_SCRIPTS.items():
            (scripts / script).write_text(f"#!/bin/sh\nset -eu\n{text}\n", encoding="utf-8")
            (scripts / script).chmod(0o755)
        shutil.copy(scratch / "templates.pub", scripts)

    def jobs(self):
        key = scratch / "templates.key"
        if self.name == "gitlab":
            return cijobs.read_gitlab(CI / "gitlab-ci.yml", {"VTEMPLATER_KEY": str(key),
                                                            "VTEMPLATER_PASSPHRASE": PASSPHRASE})
        if self.name == "github":
            return cijobs.read_github(CI / "github-actions.yml", {
                "secrets.VTEMPLATER_KEY_PEM": key.read_text(encoding="utf-8"),
                "secrets.VTEMPLATER_PASSPHRASE": PASSPHRASE, "inputs.clone": "clone.qcow2"})
        if self.name == "jenkins":
            return cijobs.read_jenkins(CI / "Jenkinsfile", {"vtemplater-key": str(key),
                                                            "vtemplater-passphrase": PASSPHRASE})
        return {"template": cijobs.read_packer(
            CI / "vtemplater.pkr.hcl", {"vtemplater_key": str(key), "vtemplater_ci": str(CI),
                                        "vtemplater_passphrase": PASSPHRASE})["post-processor-1"]}

    def start(self):
        """What a server does before a job: all is gone but the repository."""
        for entry in self.workspace.iterdir():
            if entry.name != "ci":
                subprocess.run(["rm", "-rf", entry], check=True)

    def run(self, job, image=None, **variables):
        """Runs a job until a step fails; gives that one's status, or 0."""
        environment = dict(harness.environment, SITE=str(self.site), CLONE="clone.qcow2",
                           PATH=f"{scratch}/bin:{os.environ['PATH']}", **variables)
        if image is not None:
            environment["SOURCE_IMAGE"] = str(image)
        # Packer's builder has been here.
        if self.name == "packer":
            (self.workspace / "output-golden").mkdir()
            shutil.copy(image, self.workspace / "output-golden" / "golden.qcow2")
        for script, settings in self.jobs()[job]:
            file = self.directory / "step"
            file.write_text(script + "\n", encoding="utf-8")
            done = subprocess.run(
                ["sh", "-e", file], cwd=self.workspace, stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
                timeout=harness.TIMEOUT_S,
                env={**environment, **settings, "VTEMPLATER_CI": str(CI),
                     "VTEMPLATER_DATABASE": variables.get("VTEMPLATER_DATABASE", str(SIGNATURES))})
            for line in [f"{self.name}, {job}: {script!r}", *done.stdout.splitlines()]:
                print(f"# {line}", flush=True)
            true(PASSPHRASE not in done.stdout, "the passphrase is in no log")
            if done.returncode != 0:
                return done.returncode
        return 0

    def artifacts(self):
        directory = self.workspace / "artifacts"
        return sorted(os.listdir(directory)) if directory.exists() else []

    def published(self):
        return sorted(os.listdir(self.site)) if self.site.exists() else []

    def report(self, name):
        return json.loads((self.workspace / "reports" / name).read_text(encoding="utf-8"))

    def check_reports(self, status):
        """Those that the server looks for, and what they say."""
        reports = self.workspace / "reports"
        harness.validate("vtemplater-report.schema.json", reports / "scan.json")
        found = self.report("scan.json")["findings"]
        equal(len(found), 1 if status == 1 else 0, f"findings: {found}")
        failures = xml.etree.ElementTree.parse(reports / "scan.junit.xml").iter("failure")
        equal(len(list(failures)), len(found), "failures in the JUnit report")
        if self.name == "github":
            results = self.report("scan.sarif")["runs"][0]["results"]
            equal(len(results), len(found), "results in the SARIF report")


def prepare():
    """The images, the keys, and the program in PATH."""
    os.mkdir(scratch / "bin")
    os.symlink(PROGRAM, scratch / "bin" / "vtemplater")
    done = run("keygen", "--out", scratch / "templates", "--passphrase-env", "PASSPHRASE",
               env=dict(harness.environment, PASSPHRASE=PASSPHRASE))
    equal(done.returncode, 0, done.stderr)
    infected = harness.image("linux.qcow2")
    change(infected, scratch / "clean.qcow2", HOME_OFFSET, f"rm {INFECTED_FILE}")
    return infected, scratch / "clean.qcow2", [Server(name) for name in
                                              ("gitlab", "github", "jenkins", "packer")]


def change(source, target, offset, command):
    """A copy of an image in which debugfs did something."""
    raw = scratch / "raw"
    subprocess.run(["qemu-img", "convert", "-O", "raw", source, raw], check=True)
    done = subprocess.run(["debugfs", "-w", "-R", command, f"{raw}?offset={offset}"], check=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    true("not found" not in done.stdout, f"debugfs: {done.stdout}")
    subprocess.run(["qemu-img", "convert", "-O", "qcow2", raw, target], check=True)


def replace_content(image, old, new):
    """Changes what is in an image without a trace in its file systems."""
    raw = scratch / "raw"
    subprocess.run(["qemu-img", "convert", "-O", "raw", image, raw], check=True)
    data = raw.read_bytes()
    equal((data.count(old), len(old)), (1, len(new)), f"{old!r} in the image")
    raw.write_bytes(data.replace(old, new))
    subprocess.run(["qemu-img", "convert", "-O", "qcow2", raw, image], check=True)


def digests(directory):
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest()
            for file in pathlib.Path(directory).iterdir()}


def test_infected_image_fails_the_job():
    for server in SERVERS:
        server.start()
        equal(server.run("template", INFECTED), 1, f"{server.name}: status")
        equal(server.artifacts(), [], f"{server.name}: artefacts")
        equal(server.published(), [], f"{server.name}: published")
        server.check_reports(1)
        equal((server.workspace / "reports" / "seed.json").exists(), False, "nothing was seeded")


def test_what_is_proposed_is_scanned_without_a_key():
    for server in SERVERS:
        if "check" in server.jobs():
            for image, status in ((INFECTED, 1), (CLEAN, 0)):
                server.start()
                equal(server.run("check", image), status, f"{server.name}: status")
                server.check_reports(status)
                equal(server.artifacts(), [], f"{server.name}: artefacts")


def make_template(server):
    server.start()
    return server.run("template", CLEAN)


def test_clean_image_becomes_a_template():
    # Most of the time goes into an appliance for each, which keeps one processor busy.
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        statuses = list(pool.map(make_template, SERVERS))
    equal(statuses, [0] * len(SERVERS), "statuses")
    for server in SERVERS:
        equal(server.artifacts(), TEMPLATE, f"{server.name}: artefacts")
        server.check_reports(0)
        equal(server.report("seed.json")["findings"], [], "findings")
        if server.name == "packer":
            continue
        if server.name == "gitlab":
            equal(server.published(), [], "it is another job that publishes")
            equal(server.run("publish"), 0, "status")
        equal(digests(server.site), digests(server.workspace / "artifacts"), "what is published")
        counts = server.report("verify.json")
        equal(counts["matched"], counts["files"], "files as they were")
        equal(server.report("verify-attestation.json")["template"], counts["template"], "template")


def test_template_that_was_tampered_with_is_not_published():
    server = SERVERS[0]
    kept = scratch / "kept"
    shutil.copytree(server.site, kept)
    artifacts = server.workspace / "artifacts"
    image = artifacts / TEMPLATE[0]

    def statement():
        file = artifacts / TEMPLATE[2]
        envelope = json.loads(file.read_text(encoding="utf-8"))
        envelope["payload"] = envelope["payload"].replace(envelope["payload"][40], "A", 1)
        file.write_text(json.dumps(envelope), encoding="utf-8")

    def cache():
        with open(artifacts / TEMPLATE[1], "r+b") as file:
            file.seek(-1, os.SEEK_END)
            last = file.read(1)
            file.seek(-1, os.SEEK_END)
            file.write(bytes([last[0] ^ 1]))

    for tamper, status in (
            (statement, 2), (cache, 2),
            (lambda: change(image, image, HOME_OFFSET, f"write {scratch}/templates.pub more"), 3),
            (lambda: replace_content(image, HOSTNAME, HOSTNAME.swapcase()), 2)):
        shutil.rmtree(artifacts)
        shutil.rmtree(server.site, ignore_errors=True)
        shutil.copytree(kept, artifacts)
        tamper()
        equal(server.run("publish"), status, "status")
        equal(server.published(), [], "published")
    shutil.copytree(kept, server.site)


def test_refresh():
    for server in SERVERS[:3]:
        before = digests(server.site)
        server.start()
        equal(server.run("refresh"), 0, f"{server.name}: status")
        equal(server.artifacts(), TEMPLATE[1:], f"{server.name}: artefacts")
        server.check_reports(0)
        after = digests(server.site)
        equal(after[TEMPLATE[0]], before[TEMPLATE[0]], "the image is as it was")
        true(after[TEMPLATE[2]] != before[TEMPLATE[2]], "the statement is new")
        # The next night, over what this one has left.
        if server.name == "gitlab":
            server.start()
            equal(server.run("refresh"), 0, "status of another night")


def test_refresh_that_finds_something():
    server = SERVERS[0]
    before = digests(server.site)
    signatures = scratch / "signatures"
    shutil.copytree(SIGNATURES, signatures)
    digest = hashlib.md5(HOSTNAME).hexdigest()
    (signatures / "new.hdb").write_text(f"{digest}:{len(HOSTNAME)}:New\n", encoding="utf-8")
    server.start()
    equal(server.run("refresh", VTEMPLATER_DATABASE=str(signatures)), 1, "status")
    equal(server.artifacts(), [], "artefacts")
    equal(digests(server.site), before, "published")
    server.check_reports(1)


def test_refresh_of_what_was_changed():
    server = SERVERS[0]
    image = server.site / TEMPLATE[0]
    kept = image.read_bytes()
    replace_content(image, HOSTNAME, HOSTNAME.swapcase())
    before = digests(server.site)
    server.start()
    equal(server.run("refresh"), 2, "status")
    equal(server.artifacts(), [], "artefacts")
    equal(digests(server.site), before, "published")
    image.write_bytes(kept)


def test_clones():
    for server in SERVERS[:3]:
        server.start()
        equal(server.run("scan-clone"), 0, f"{server.name}: status")
        server.check_reports(0)
        stats = server.report("scan.json")["stats"]
        equal(stats["scanned"], 0, "contents that went to the engine")
        # No clone at all, but an image with a file in it that the template does not have.
        script = server.workspace / "ci" / "fetch-clone"
        text = script.read_text(encoding="utf-8")
        script.write_text(f'#!/bin/sh\ncp "{INFECTED}" "$1"\n', encoding="utf-8")
        server.start()
        equal(server.run("scan-clone"), 1, f"{server.name}: status of an infected one")
        server.check_reports(1)
        script.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    INFECTED, CLEAN, SERVERS = prepare()
    harness.main(*[value for name, value in list(globals().items()) if name.startswith("test_")])
