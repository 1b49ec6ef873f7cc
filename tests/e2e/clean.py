#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
"""Infected files that are taken out of images, and put back."""

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import tarfile

import harness
from harness import (SOURCE, Skip, descendants, equal, image, run, scan, scratch, start, true,
                     validate, wait_until)

SCRIPTS = SOURCE / "tests" / "images"
UUID = "5eed0000-0000-4000-8000-0000000000d1"
BAD = b"what the signature is of\n"
LABEL = b"system_u:object_r:bin_t:s0\0"
SIGNATURES = scratch / "signatures"
QUARANTINE = scratch / "quarantine"
HOME = "/home"
INFECTED = f"{HOME}/guest/clam.exe".encode()
ODD = b"/root/bad\xff\n"
SCAN = ("--database", SIGNATURES, "--store", "none")


def shell(command):
    subprocess.run(["/bin/sh", "-euc", f'. "{SCRIPTS}/functions.sh"; {command}'], cwd=scratch,
                   check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def clean(path, *options, status):
    """Gives the JSON report, checked against its schema, and what was said beside; both are empty
    after a failure."""
    report = scratch / "cleaned.json"
    report.unlink(missing_ok=True)
    done = run("clean", "--format", "json", "--report", report, *options, path)
    print(f"# {done.stderr.strip()!r}")
    equal(done.returncode, status, "exit status")
    if status == 2:
        true(not report.exists(), "no report of a failure")
        return {}, done.stderr
    validate("vtemplater-clean.schema.json", report)
    return json.loads(report.read_text(encoding="utf-8")), done.stderr


def make_tree():
    tree = scratch / "tree"
    (scratch / "fstab").write_text(f"UUID={UUID} / ext4 defaults 0 1\n")
    subprocess.run([SCRIPTS / "make-phony-linux.sh", "--fstab", scratch / "fstab", tree],
                   check=True)
    (tree / "etc" / "selinux").mkdir()
    (tree / "etc" / "selinux" / "config").write_text("SELINUX=enforcing\n")
    odd = os.fsencode(tree) + ODD
    with open(odd, "wb") as file:
        file.write(BAD)
    for directory in "opt", "srv", "locked":
        (tree / directory).mkdir()
    for name in "opt/one", "root/immutable", "locked/bad":
        (tree / name).write_bytes(BAD)
    os.link(tree / "opt" / "one", tree / "opt" / "two")
    with tarfile.open(tree / "srv" / "a.tar", "w") as tar:
        tar.add(tree / "opt" / "one", "inner")
    template = tree / "var" / "lib" / "vtemplater" / "template"
    template.mkdir(parents=True)
    (template / "clean.dsse.json").write_text("{}")
    try:
        os.chown(odd, 70000, 80000)
        os.setxattr(odd, "security.selinux", LABEL)
    except OSError as error:
        raise Skip(f"owners and labels cannot be set here: {error}") from error
    os.chmod(odd, 0o4750)
    return tree


def make_image():
    """What malware does: names that are no text, immutable files and directories."""
    SIGNATURES.mkdir()
    (SIGNATURES / "test.hsb").write_text(f"{hashlib.sha256(BAD).hexdigest()}:{len(BAD)}:Bad\n")
    raw = scratch / "system.raw"
    subprocess.run([SCRIPTS / "make-image.sh", "--format", "raw", "--uuid", UUID, "--tree",
                    make_tree(), "--output", raw], check=True)
    for path in "/root/immutable", "/locked":
        shell(f"debugfs -w -R 'sif {path} flags 0x80010' 'system.raw?offset={1 << 20}'")
    path = scratch / "system.qcow2"
    subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", "qcow2", raw, path], check=True)
    return path


def name_of(finding):
    path = finding["path"]
    return decode(finding["path_base64"]) if "path_base64" in finding else path.encode()


def decode(text):
    done = subprocess.run(["base64", "-d"], input=text.encode(), stdout=subprocess.PIPE, check=True)
    return done.stdout


def results(report):
    return {name_of(finding): finding["result"] for finding in report["findings"]}


def entries():
    for path in QUARANTINE.glob("*.json"):
        validate("vtemplater-quarantine.schema.json", path)
    return {name_of(entry): entry for entry in
            (json.loads(path.read_text(encoding="utf-8")) for path in QUARANTINE.glob("*.json"))}


def found(path):
    report, _, _ = scan(path, database=SIGNATURES)
    return sorted(name_of(finding) for finding in report["findings"])


def check_image(path):
    shell(f"qemu-img convert -O raw {path} check.raw; "
          "dd if=check.raw of=fs bs=1M skip=1 count=12 status=none; e2fsck -fn fs")


def test_quarantine():
    path = make_image()
    _, _, _ = scan(path, "--backend", "direct", database=SIGNATURES, status=1)
    # Through the appliance, so that what is known of the files comes that way too.
    report, said = clean(path, "--from", scratch / "report.json", "--backend", "guestfs",
                         "--quarantine", QUARANTINE, status=1)
    equal(results(report), {ODD: "quarantined", b"/opt/one": "quarantined",
                            b"/opt/two": "quarantined", b"/root/immutable": "quarantined",
                            b"/locked/bad": "not-cleaned", b"/srv/a.tar": "not-cleaned"},
          "what was done")
    true(report["changed"] and report["template"] and "seeded again" in said, said)
    equal(found(path), [b"/locked/bad", b"/srv/a.tar"], "what is left")
    check_image(path)
    known = entries()
    equal(set(known), {ODD, b"/opt/one", b"/opt/two", b"/root/immutable"}, "entries")
    entry = known[ODD]
    equal((entry["mode"], entry["uid"], entry["gid"], entry["selinux"]),
          ("4750", 70000, 80000, LABEL[:-1].decode()), "what is known of it")
    kept = (QUARANTINE / f"{entry['id']}.vtq").read_bytes()
    equal(bytes(byte ^ 0xa5 for byte in kept), BAD, "content")
    equal(len(list(QUARANTINE.iterdir())), 8, "files in quarantine")


def debugfs(command):
    """Of the file system that check_image() looked at."""
    done = subprocess.run(["/sbin/debugfs", "-R", command, "fs"], cwd=scratch, check=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return done.stdout


def check_restored():
    """Its name is none that debugfs takes."""
    inodes = re.findall(rb"^/(\d+)/104750/70000/80000/bad", debugfs("ls -p /root"), re.MULTILINE)
    equal(len(inodes), 1, "mode and owner")
    label = debugfs(f"ea_get -V <{int(inodes[0])}> security.selinux")
    equal(label.removesuffix(b"\n"), LABEL, "label")


def test_restore():
    path = scratch / "system.qcow2"
    ident = entries()[ODD]["id"]
    report, _ = clean(path, "--restore", ident, "--quarantine", QUARANTINE, status=0)
    equal(results(report), {ODD: "restored"}, "what was done")
    true(ident in {entry["id"] for entry in entries().values()}, "it stays in quarantine")
    equal(found(path), sorted([ODD, b"/locked/bad", b"/srv/a.tar"]), "what is there")
    check_image(path)
    check_restored()
    before = digest(path)
    other = entries()[b"/opt/one"]["id"]
    _, said = clean(path, "--restore", other, "--restore", ident, "--quarantine", QUARANTINE,
                    status=2)
    true("is in the image already" in said, said)
    equal(digest(path), before, "all or nothing")


def test_containers_into_a_new_image():
    path = scratch / "system.qcow2"
    before = digest(path)
    shell("qemu-img convert -O raw system.qcow2 unlocked.raw; "
          f"debugfs -w -R 'sif /locked flags 0x80000' 'unlocked.raw?offset={1 << 20}'; "
          "qemu-img convert -f raw -O qcow2 unlocked.raw unlocked.qcow2")
    output = scratch / "new.vmdk"
    report, _ = clean(scratch / "unlocked.qcow2", *SCAN, "--action", "remove", "--containers",
                      "--output", output, "--output-format", "vmdk", status=0)
    equal(set(results(report).values()), {"removed"}, "what was done")
    equal(found(output), [], "what is left in the new one")
    equal(len(found(scratch / "unlocked.qcow2")), 3, "what is in the old one")
    equal(digest(path), before, "another image")


def copy():
    shutil.copy(image("linux.qcow2"), scratch / "linux.qcow2")
    return scratch / "linux.qcow2"


def test_dry_run():
    path = copy()
    before = digest(path)
    kept = scratch / "kept"
    report, _ = clean(path, "--database", harness.SIGNATURES, "--store", "none", "--quarantine",
                      kept, "--dry-run", status=1)
    equal(results(report), {INFECTED: "would-be-quarantined"}, "what would be done")
    true(not report["changed"] and not kept.exists(), "nothing is done")
    equal(digest(path), before, "the image")


def test_killed():
    path = copy()
    before = digest(path)
    process = start("clean", "--database", harness.SIGNATURES, "--store", "none", "--quarantine",
                    scratch / "kept", path)
    wait_until(lambda: process.poll() is not None or
               any(name.startswith("qemu-system") for name in descendants(process.pid).values()),
               "the appliance")
    equal(process.poll(), None, "still running")
    started = descendants(process.pid)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    harness.assert_all_end(started)
    equal(digest(path), before, "the image")
    equal(sorted(p.name for p in scratch.glob(".linux*")), [], "nothing beside it")


harness.main(
    test_quarantine,
    test_restore,
    test_containers_into_a_new_image,
    test_dry_run,
    test_killed,
)
