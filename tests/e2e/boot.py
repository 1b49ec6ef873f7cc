#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
"""Clones of a template that really ran: a Debian system is seeded, booted, used and stopped."""

import base64
import contextlib
import json
import re
import shutil
import sqlite3
import subprocess

import guest
import harness
from harness import Skip, equal, image, run, scan, scratch, true

DEBUGFS = "/sbin/debugfs"
GOLDEN = scratch / "golden.qcow2"
PROMPT = "root@golden:~#"
# Where the file system begins in the disk, and the length of its blocks.
START = 1 << 20
BLOCK = 4096
# Put together here, for this repository holds no file a scanner would find.
TEST_FILE = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STANDARD-" b"ANTIVIRUS-TEST-FILE!$H+H*"
PLANT = f"echo {base64.b64encode(TEST_FILE).decode()} | base64 -d >/root/test-file"
THREAT = "Demo.EICAR-Test-File.UNOFFICIAL"
READ_ALL = "find /etc /usr /var/lib -xdev -type f -exec cat {} + >/dev/null"
# More than a boot and a few commands write, and far fewer than there are.
CHANGES_MAX = 100
# Of what is removed in a clone some inodes are taken again before it stops.
DOOMED = "/etc/apt"


def shell(*words):
    return subprocess.run(words, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          text=True, cwd=scratch).stdout


def debugfs(*commands):
    """What it prints for each of them, of the template's file system; the disk is raw there."""
    (scratch / "commands").write_text("".join(f"{command}\n" for command in commands))
    said = shell(DEBUGFS, "-f", "commands", f"golden.raw?offset={START}")
    return re.split(r"^debugfs: .*\n", said, flags=re.MULTILINE)[1:]


def take_kernel():
    """The template's own, for QEMU to start."""
    shell("qemu-img", "convert", "-O", "raw", GOLDEN, "golden.raw")
    names = re.findall(r"/((?:vmlinuz|initrd\.img)-[^/]+)/", debugfs("ls -p /boot")[0])
    equal(len(names), 2, f"a kernel and its initrd: {names}")
    debugfs(*(f"dump /boot/{name} {name.split('-')[0]}" for name in names))


def read_cache():
    """Inode to (size, time of last change, time of change, SHA-256), as the template's signed cache
    has its files."""
    with contextlib.closing(sqlite3.connect(scratch / "golden.qcow2.clean.db")) as database:
        rows = database.execute("SELECT ino, size, mtime_ns, ctime_ns, hex(sha256) FROM file")
        return {row[0]: (*row[1:4], row[4].lower()) for row in rows}


def boot(name):
    """A new clone of the template, and the guest that runs in it."""
    disk = scratch / f"{name}.qcow2"
    shell("qemu-img", "create", "-q", "-f", "qcow2", "-b", GOLDEN, "-F", "qcow2", disk)
    return disk, guest.Guest(disk, scratch / "vmlinuz", scratch / "initrd.img", PROMPT)


def scan_clone(disk, status, *options):
    return scan(disk, "--template", GOLDEN, "--pubkey", scratch / "key.pub", *options,
                status=status)


def find_written(disk):
    """The template's blocks that lie in clusters which are the clone's own."""
    written = set()
    for extent in json.loads(shell("qemu-img", "map", "--output=json", disk)):
        if extent["depth"] == 0:
            first, end = extent["start"] - START, extent["start"] + extent["length"] - START
            written.update(range(first // BLOCK, -(-end // BLOCK)))
    return written


def find_touched(disk, inodes):
    """Those of INODES that have a block which the clone wrote, or one in a cluster with it."""
    inodes = list(inodes)
    written = find_written(disk)
    blocks = debugfs(*(f"blocks <{inode}>" for inode in inodes))
    equal(len(blocks), len(inodes), "inodes that debugfs knows")
    return {inode for inode, text in zip(inodes, blocks)
            if not written.isdisjoint(map(int, text.split()))}


def tell_stats(report):
    stats = report["stats"]
    print(f"# {stats['files']} files, {stats['bytes']} bytes; unread: {stats['unread']} files, "
          f"{stats['bytes'] - stats['unread_bytes']} bytes read; {stats['scanned']} scanned; "
          f"{stats['seconds']['total']:.1f} s; {report['template']}")


def check_what_was_read(disk, report, files):
    """No more than what the boot wrote, held against what debugfs and qemu-img say of that."""
    cache = read_cache()
    same = {}
    other = []
    for file in files:
        identity = (file["size"], file["mtime_ns"], file["ctime_ns"])
        if cache.get(file["inode"], ())[:3] == identity:
            equal(file["sha256"], cache[file["inode"]][3], file["path"])
            same.setdefault(file["inode"], file["path"])
        elif file["size"] > 0:
            other.append(file["path"])
    again = [same[inode] for inode in find_touched(disk, same)]
    print(f"# new or changed: {sorted(other)}")
    print(f"# read again, for what lies beside them: {sorted(again)}")
    equal([path for path in other if path.startswith("/usr/")], [], "nobody wrote to /usr")
    equal(report["stats"]["unread"], len(same) - len(again), "files that are not read")
    changes = report["template"]["changed"] + report["template"]["added"]
    true(changes + len(again) < CHANGES_MAX, f"{changes} changes, {len(again)} read again")
    true(len(same) > len(cache) - CHANGES_MAX, f"{len(same)} of {len(cache)} files as they were")
    return other


def check_finding(report):
    equal([(found["path"], found["threat"]) for found in report["findings"]],
          [("/root/test-file", THREAT)], "findings")
    equal(report["incomplete"], [], "incomplete")
    equal([fs["reason"] for fs in report["filesystems"]], [None], "file systems")


def test_a_system_is_seeded():
    if shutil.which(guest.QEMU) is None:
        raise Skip(guest.QEMU)
    if not (harness.IMAGES / "bootable.qcow2").exists():
        raise Skip("bootable.qcow2, for which a mirror of Debian's packages is needed")
    equal(run("keygen", "--out", scratch / "key", "--no-passphrase").returncode, 0, "keygen")
    done = run("seed", "--database", harness.SIGNATURES, "--store", "none", "--sign-key",
               scratch / "key.key", "--output", GOLDEN, image("bootable.qcow2"))
    equal(done.returncode, 0, f"seed: {done.stderr}")
    true(len(read_cache()) > 5000, "files in the cache")
    take_kernel()


def need_template():
    if not (scratch / "initrd.img").exists():
        raise Skip("the template")


def test_clone_that_ran_is_scanned_for_what_it_wrote():
    need_template()
    disk, machine = boot("ran")
    with machine:
        machine.log_in()
        machine.run('test -z "$(systemctl --failed --no-legend)"')
        machine.run("test -s /var/lib/vtemplater/template/clean.dsse.json")
        true("golden" in machine.run("cat /etc/hostname"), "the name")
        machine.run("cat /usr/bin/* >/dev/null")
        machine.run("echo harmless >/root/new-file")
        machine.run("echo harmless >>/etc/issue")
        machine.run(PLANT)
        gone = int(re.search(r"count (\d+)", machine.run(
            f"echo count $(find {DOOMED} -type f | wc -l); rm -r {DOOMED}"))[1])
        machine.power_off()
    report, files, _ = scan_clone(disk, 1)
    tell_stats(report)
    check_finding(report)
    other = check_what_was_read(disk, report, files)
    equal({"/root/new-file", "/root/test-file", "/etc/issue"} - set(other), set(), "told as new")
    template = report["template"]
    true(0 < template["removed"] <= gone, f"{template['removed']} removed of {gone}")
    true(template["verdicts_taken"] and template["changed"] > 0 and template["added"] > 0, template)


def test_clone_that_was_read_is_not_read_again():
    # Reading sets the time of access, which is in the inode.
    need_template()
    disk, machine = boot("read")
    with machine:
        machine.log_in()
        machine.run(READ_ALL)
        machine.power_off()
    report, files, _ = scan_clone(disk, 0)
    tell_stats(report)
    check_what_was_read(disk, report, files)


def test_clone_without_power_is_scanned_all_the_same():
    # What its journal has still to be replayed: that is read through the appliance, in full.
    need_template()
    disk, machine = boot("cut")
    with machine:
        machine.log_in()
        machine.run(PLANT)
        machine.run("sync")
        machine.kill()
    report, files, done = scan_clone(disk, 1, "--verbose")
    tell_stats(report)
    true("is not read directly: the journal has to be replayed" in done.stderr, "why it is slow")
    check_finding(report)
    known = {row[3] for row in read_cache().values()}
    unknown = {file["path"] for file in files if file["sha256"] not in known and file["size"] > 0}
    engine = {file["path"] for file in files if file["source"] == "engine"}
    print(f"# to the engine: {sorted(engine)}")
    equal(engine - unknown, set(), "scanned though the template has the content")
    true("/root/test-file" in engine, "the engine's finding")
    equal(report["stats"]["unread"], 0, "files that are not read")


harness.main(
    test_a_system_is_seeded,
    test_clone_that_ran_is_scanned_for_what_it_wrote,
    test_clone_that_was_read_is_not_read_again,
    test_clone_without_power_is_scanned_all_the_same,
)
