#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
"""Names, shapes and images that somebody made to do harm: each is told of, or refused, safely.

Everything is read directly unless the test says otherwise.
"""

import base64
import json
import os
import pathlib
import random
import resource
import shutil
import socket
import stat
import struct
import subprocess
import time
import unicodedata

import harness
from harness import equal, image, run, scan, scratch, true

DIRECT = ("--backend", "direct")
MARK = b"a mark of the hostile tests"
# A signature's name is whatever its author wrote.
THREAT = b"Esc\033[2J\xe2\x80\xae.Ape"
FAILURES = {2, 3}
# What nothing here may take, though the machine is busy.
SCAN_LIMIT_S = 120

NAMES = [b"new\nline", b"fake: Name FOUND\n/real", b"esc\033[2J\033]0;title\007", b"return\rback",
         b"c1-\xc2\x9b31m", b"bidi-\xe2\x80\xaegnp.exe", b"isolate-\xe2\x81\xa6x", b"latin-\xe9",
         b"\xff\xfe\xfd", b"overlong-\xc0\xaf", b"surrogate-\xed\xa0\x80", b"cut-\xe2\x82",
         b"back\\slash\\n", b"quote\"'<&>]]>", b"%s%n%d", b"tab\ttab", b"nel-\xc2\x85",
         b"line-\xe2\x80\xa8", b"bom-\xef\xbb\xbf", b"nonchar-\xef\xbf\xbf", b"\x7f\x01\x1f",
         b" ", b"-", b"--help", b"n" * 255, b"\xf0\x9f\xa6\xa0" * 63]


def tree(name):
    path = scratch / name
    path.mkdir()
    return path


def signatures():
    """A directory with one signature, for MARK."""
    path = scratch / "signatures"
    if not path.exists():
        path.mkdir()
        (path / "mark.ndb").write_bytes(THREAT + b":0:*:" + MARK.hex().encode() + b"\n")
    return path


def mke2fs(source, output, size, *options):
    subprocess.run(["mke2fs", "-q", "-F", "-t", "ext4", "-m", "0", *options, "-d", source, output,
                    size], check=True, stdout=subprocess.DEVNULL)
    return output


def debugfs(path, *commands):
    for command in commands:
        subprocess.run(["debugfs", "-w", "-R", command, path], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def assert_printable(text, what):
    bad = {c for c in text if c != "\n" and
           unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")}
    equal(bad, set(), f"characters of {what}")


def exact(entry, key="path"):
    """The bytes of a name in JSON."""
    coded = entry.get(f"{key}_base64")
    return base64.b64decode(coded) if coded else entry[key].encode()


def scan_mark(path, *options, status):
    return scan(path, *DIRECT, *options, status=status, database=signatures())


def assert_said(done, statuses, what):
    """That a run failed as it should, and said so in safe words."""
    true(done.returncode in statuses, f"{what}: exit status {done.returncode}: {done.stderr}")
    assert_printable(done.stderr + done.stdout, what)
    # A process that died says nothing good of how it ended.
    for word in ("Sanitizer", "Assertion", "CRITICAL", "core dumped"):
        true(word not in done.stderr, f"{what}: {done.stderr}")
    if done.returncode == 2:
        true(done.stderr.strip(), f"{what}: says why")


def make_names():
    path = scratch / "names.raw"
    if not path.exists():
        source = os.fsencode(tree("names"))
        for number, name in enumerate(NAMES):
            directory = os.path.join(source, b"d%d" % number) if b"/" in name else source
            target = os.path.join(directory, name)
            os.makedirs(os.path.dirname(target), exist_ok=True)
            with open(target, "wb") as output:
                output.write(MARK + b" %d\n" % number)
        # A system, so that its words about itself are shown.
        subprocess.run([harness.SOURCE / "tests" / "images" / "make-phony-linux.sh", "--id",
                        "debian", "--version", "12", os.fsdecode(source)], check=True)
        etc = pathlib.Path(os.fsdecode(source)) / "etc"
        (etc / "os-release").write_bytes(b'ID=debian\nPRETTY_NAME="Evil\033[31m\xe2\x80\xae\xff"\n')
        (etc / "hostname").write_bytes(b"host\033]0;x\007\n")
        mke2fs(os.fsdecode(source), path, "8M")
    return path


def test_hostile_names():
    report, manifest, done = scan_mark(make_names(), status=1)
    expected = {(b"/d%d/" % n if b"/" in name else b"/") + name for n, name in enumerate(NAMES)}
    equal({exact(entry) for entry in report["findings"]}, expected, "findings")
    equal({exact(e) for e in manifest if e["verdict"] == "infected"}, expected, "manifest")
    equal(report["incomplete"], [], "incomplete")
    assert_printable(done.stderr, "standard error")


def test_hostile_names_in_every_format():
    path = make_names()
    # The name of the image is somebody's word as well.
    named = scratch / "image\n\033[2J-\u202e<&>.raw"
    os.symlink(path, named)
    text = run("scan", *DIRECT, "--database", signatures(), "--store", "none", "--progress",
               "plain", "--verbose", named)
    equal(text.returncode, 1, text.stderr)
    assert_printable(text.stdout + text.stderr, "text")
    equal(sum(line.endswith(" FOUND") for line in text.stdout.splitlines()), len(NAMES), "findings")
    for kind, check in (("json", lambda p: json.loads(p.read_text(encoding="utf-8"))),
                        ("sarif", lambda p: json.loads(p.read_text(encoding="utf-8"))),
                        ("junit", lambda p: subprocess.run(["xmllint", "--noout", p], check=True))):
        output = scratch / f"report.{kind}"
        done = run("scan", *DIRECT, "--database", signatures(), "--store", "none", "--format", kind,
                   "--output", output, named)
        equal(done.returncode, 1, f"{kind}: {done.stderr}")
        check(output)
        assert_printable(output.read_text(encoding="utf-8"), kind)
    text = run("inspect", *DIRECT, named)
    assert_printable(text.stdout + text.stderr, "inspection")
    subprocess.run(["tune2fs", "-L", "l\033[7m\n", path], check=True, stdout=subprocess.DEVNULL)
    text = run("inspect", *DIRECT, "--verbose", named)
    subprocess.run(["tune2fs", "-L", "", path], check=True, stdout=subprocess.DEVNULL)
    assert_printable(text.stdout + text.stderr, "inspection")
    true("\\033[7m" in text.stdout, text.stdout)
    missing = run("scan", *DIRECT, "--database", signatures(), scratch / "mis\033sing")
    assert_said(missing, {2}, "a missing image")
    assert_said(run("scan", *DIRECT, "--bad\033option"), {2}, "a bad option")
    assert_said(run("sc\033an"), {2}, "a bad verb")


def test_hostile_names_in_the_appliance():
    scan_mark(make_names(), status=1)
    direct = (scratch / "manifest.jsonl").read_bytes()
    report, _, _ = scan(make_names(), "--backend", "guestfs", status=1, database=signatures())
    true("\033" in report["systems"][0]["hostname"], report["systems"])
    equal((scratch / "manifest.jsonl").read_bytes() == direct, True, "the manifests are the same")


def test_very_deep_tree():
    # Paths of 15,000 bytes, which mke2fs cannot copy.
    path = mke2fs(tree("shallow"), scratch / "deep.raw", "32M")
    mark = scratch / "mark"
    mark.write_bytes(MARK)
    commands = scratch / "debugfs"
    words = []
    for level in range(1500):
        words += ["mkdir directory", "cd directory"]
        if level in (10, 1499):
            words.append(f"write {mark} file")
    commands.write_text("\n".join(words) + "\n")
    subprocess.run(["debugfs", "-w", "-f", commands, path], check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)
    done = run("scan", *DIRECT, "--database", signatures(), "--store", "none", path)
    assert_said(done, {1, 3}, "a deep tree")
    # Both files, or that there is more than could be read.
    true(done.stdout.count(" FOUND") == 2 or "INCOMPLETE" in done.stdout, done.stdout[-2000:])


def test_directory_loops():
    source = tree("loops")
    (source / "a" / "b").mkdir(parents=True)
    (source / "a" / "b" / "file").write_bytes(MARK)
    for target in ("<2>", "a", "a/b"):
        path = mke2fs(source, scratch / "loop.raw", "4M")
        debugfs(path, f"ln {target} a/b/again")
        done = run("scan", *DIRECT, "--database", signatures(), "--store", "none", path)
        assert_said(done, {1, 3}, f"a loop to {target}")
        true("FOUND" in done.stdout or "INCOMPLETE" in done.stdout, done.stdout)


def test_many_entries_in_one_directory():
    path = scratch / "many.raw"
    subprocess.run([harness.SOURCE / "tests" / "images" / "make-many-entries.py", "--entries",
                    "200000", path], check=True, stdout=subprocess.DEVNULL)
    report, manifest, _ = scan_mark(path, status=0)
    equal((len(manifest), report["stats"]["files"]), (201_000, 201_000), "files")
    equal(report["stats"]["scanned"], 1000, "contents")


def test_what_is_no_file():
    source = tree("special")
    os.mkfifo(source / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(source / "socket"))
    try:
        os.mknod(source / "zero", stat.S_IFCHR | 0o600, os.makedev(1, 5))
        os.mknod(source / "disk", stat.S_IFBLK | 0o600, os.makedev(8, 0))
    except PermissionError:
        pass
    for name, target in (("out", "/etc/passwd"), ("up", "../../../../etc/passwd"), ("self", "self"),
                         ("one", "two"), ("two", "one"), ("long", "x/" * 400)):
        os.symlink(target, source / name)
    (source / "etc").mkdir()
    # An operating system is looked for in the image, wherever its links lead.
    os.symlink("/etc/os-release", source / "etc" / "os-release")
    os.symlink("/proc/self/environ", source / "etc" / "hostname")
    (source / "file").write_bytes(MARK)
    path = mke2fs(source, scratch / "special.raw", "4M")
    report, manifest, _ = scan_mark(path, status=1)
    equal([entry["path"] for entry in manifest], ["/file"], "files")
    equal(report["systems"], [], "systems")


def test_thousands_of_names_of_one_file():
    source = tree("links")
    (source / "0").write_bytes(MARK)
    for number in range(1, 20_000):
        os.link(source / "0", source / str(number))
    path = mke2fs(source, scratch / "links.raw", "16M")
    report, manifest, _ = scan_mark(path, status=1)
    equal(len(manifest), 20_000, "lines")
    equal(report["stats"]["scanned"], 1, "contents")
    equal(report["stats"]["infected"], 20_000, "infected")



def make_base():
    """A small disk of which every part matters: raw, with MARK in one of 200 files."""
    path = scratch / "base.raw"
    if not path.exists():
        source = tree("base")
        for number in range(200):
            (source / f"file-{number}").write_bytes(random.Random(number).randbytes(5000))
        (source / "infected").write_bytes(MARK)
        mke2fs(source, path, "4M")
    return path


def convert(form, output, *options):
    subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", form, *options, make_base(), output],
                   check=True)
    return output


def scan_text(path, *options):
    begun = time.monotonic()
    done = run("scan", *DIRECT, "--database", signatures(), "--store", "none", *options, path)
    true(time.monotonic() - begun < SCAN_LIMIT_S, f"{path}: takes its time")
    return done


def is_whole(done):
    return "\nFiles: 201\n" in done.stdout and "Infected files: 1\n" in done.stdout


def damage(source, data, first, last):
    """DATA with a few changes between FIRST and LAST, of the kind that breaks parsers."""
    changed = bytearray(data)
    for _ in range(source.randrange(1, 6)):
        place = source.randrange(first, min(last, len(data) - 8))
        value = source.choice([0, 1, 0xff, 0x7fffffff, 0x80000000, 1 << 63, (1 << 64) - 1,
                               source.getrandbits(64)])
        size = source.choice([1, 2, 4, 8])
        order = source.choice(["little", "big"])
        changed[place:place + size] = (value % (1 << 8 * size)).to_bytes(size, order)
    return bytes(changed)


def test_damaged_headers_of_every_format():
    for form in ("qcow2", "vmdk", "vhdx", "vdi", "vpc"):
        good = convert(form, scratch / f"good.{form}").read_bytes()
        if form == "vhdx":
            # Its metadata are spread over the first megabytes.
            spans = [(0, 0x20000), (0x30000, 0x30100), (0x40000, 0x40100), (0x200000, 0x200200)]
        else:
            spans = [(0, 1024), (0, 0x20000)]
        source = random.Random(form)
        for number in range(12):
            path = scratch / f"damaged-{number}.{form}"
            path.write_bytes(damage(source, good, *source.choice(spans)))
            done = scan_text(path)
            # What did not matter, or was noticed.
            true(is_whole(done) or done.returncode in (2, 3) or "INCOMPLETE" in done.stdout,
                 f"{path}: {done.stdout}{done.stderr}")
            assert_said(done, {1, 2, 3}, path)
            path.unlink()
        for part in (1, 100, 512, len(good) // 2, len(good) - 70000):
            path = scratch / f"short.{form}"
            path.write_bytes(good[:part])
            done = scan_text(path)
            assert_said(done, {1, 2, 3}, f"{form}, {part} bytes")
            true(done.returncode != 1 or is_whole(done), f"{form}, {part} bytes: {done.stdout}")


def test_what_an_image_names():
    base = scratch / "other" / "base.raw"
    base.parent.mkdir()
    shutil.copy(make_base(), base)
    top = scratch / "top.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", base, "-F", "raw", top],
                   check=True)
    done = scan_text(top)
    assert_said(done, {2}, "an overlay")
    true(f"--allow-backing={base}" in done.stderr, done.stderr)
    done = scan_text(top, "--allow-backing", base.parent)
    true(is_whole(done), done.stdout + done.stderr)
    equal(run("inspect", *DIRECT, "--allow-backing", base, top).returncode, 0, "inspect")
    for name in ("/etc/shadow", "nbd://127.0.0.1:1/x", "json:{}", "/dev/zero", "x\033[2J\n"):
        subprocess.run(["qemu-img", "rebase", "-q", "-u", "-b", name, "-F", "raw", top], check=True)
        assert_said(scan_text(top, "--allow-backing", scratch), {2}, name)


def patched(path, *changes):
    """A copy of a qcow2 with big-endian numbers put into it: (offset, struct format, value)."""
    data = bytearray(path.read_bytes())
    for offset, form, value in changes:
        struct.pack_into(">" + form, data, offset, value)
    output = scratch / "patched.qcow2"
    output.write_bytes(data)
    return output


def test_tables_that_lead_anywhere():
    good = convert("qcow2", scratch / "tables.qcow2")
    data = good.read_bytes()
    l1_table = struct.unpack_from(">Q", data, 40)[0]
    l2_table = struct.unpack_from(">Q", data, l1_table)[0] & 0x00fffffffffffe00
    first = struct.unpack_from(">Q", data, l2_table)[0]
    for what, change in (("a size of 2^63", (24, "Q", 1 << 63)),
                         ("a size of 64 EiB", (24, "Q", (1 << 64) - 1)),
                         ("a size of 8 EiB", (24, "Q", (1 << 63) - 512)),
                         ("an L1 table in itself", (l1_table, "Q", l1_table | 1 << 63)),
                         ("an L1 table beyond the end", (40, "Q", 1 << 40)),
                         ("an L1 table without end", (36, "I", 0xffffffff)),
                         ("an L2 table beyond the end", (l1_table, "Q", 1 << 40 | 1 << 63)),
                         ("an L2 table in itself", (l2_table, "Q", l2_table | 1 << 63)),
                         ("data beyond the end", (l2_table, "Q", 1 << 41 | 1 << 63)),
                         ("data compressed beyond the end", (l2_table, "Q", 1 << 62 | 1 << 41)),
                         ("data in two places", (l2_table + 8, "Q", first)),
                         ("refcounts beyond the end", (48, "Q", 1 << 41)),
                         ("many snapshots", (60, "I", 60000)),
                         ("clusters of 2^31", (20, "I", 31)),
                         ("an unknown feature", (72, "Q", 1 << 60)),
                         ("data in a file without a name", (72, "Q", 4))):
        done = scan_text(patched(good, change))
        assert_said(done, {1, 2, 3}, what)
        true(done.returncode != 1 or is_whole(done), f"{what}: {done.stdout}")


def test_much_out_of_little():
    # A petabyte with a small file system at its start.
    large = convert("qcow2", scratch / "large.qcow2")
    subprocess.run(["qemu-img", "resize", "-q", "-f", "qcow2", large, "1P"], check=True)
    done = scan_text(large)
    equal(done.returncode, 1, done.stderr)
    true(is_whole(done), done.stdout)
    # A gigabyte of one compressed cluster, told a thousand times of a disk without a file system.
    bomb = scratch / "bomb.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-o", "cluster_size=2M", bomb, "2G"],
                   check=True)
    subprocess.run(["qemu-io", "-f", "qcow2", "-c", "write -c -P 1 0 2M", bomb], check=True,
                   stdout=subprocess.DEVNULL)
    data = bomb.read_bytes()
    l1_table = struct.unpack_from(">Q", data, 40)[0]
    l2_table = struct.unpack_from(">Q", data, l1_table)[0] & 0x00fffffffffffe00
    entry = struct.unpack_from(">Q", data, l2_table)[0]
    done = scan_text(patched(bomb, *[(l2_table + 8 * n, "Q", entry) for n in range(1024)]))
    assert_said(done, {2, 3}, "a bomb")


def test_image_in_use():
    path = convert("qcow2", scratch / "used.qcow2")
    with subprocess.Popen(["qemu-io", "-f", "qcow2", path], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, text=True) as writer:
        writer.stdin.write("write 0 512\n")
        writer.stdin.flush()
        while "ops" not in writer.stdout.readline():
            equal(writer.poll(), None, "qemu-io runs")
        done = scan_text(path)
        writer.communicate("quit\n")
    assert_said(done, {2}, "an image in use")
    true("in use: another process" in done.stderr, done.stderr)


def make_file_systems():
    """Raw disks with 200 files each, and how many files a scan of each tells of."""
    source = scratch / "base"
    make_base()
    ext = scratch / "plain.raw"
    mke2fs(source, ext, "4M", "-O", "^metadata_csum")
    fat = scratch / "fat.raw"
    ntfs = scratch / "ntfs.raw"
    maker = harness.SOURCE / "tests" / "images" / "make-image.sh"
    for form, path in (("fat", fat), ("ntfs", ntfs)):
        subprocess.run([maker, "--fs", form, "--table", "mbr", "--format", "raw", "--tree", source,
                        "--output", path], check=True, stdout=subprocess.DEVNULL)
    return {"checksums": make_base(), "ext": ext, "fat": fat, "ntfs": ntfs}


def test_damaged_file_systems():
    for name, path in make_file_systems().items():
        good = path.read_bytes()
        # Where there is something; the first megabyte of a partitioned disk is empty.
        used = [n for n in range(0, len(good) - 4096, 512) if any(good[n:n + 512])]
        source = random.Random(name)
        for number in range(12):
            bad = scratch / f"bad-{name}.raw"
            data = good
            for _ in range(source.randrange(1, 8)):
                place = source.choice(used)
                data = damage(source, data, place, place + 512)
            bad.write_bytes(data)
            done = scan_text(bad)
            assert_said(done, {0, 1, 2, 3}, f"{name}, {number}")
            # With checksums no file can be lost without a word.
            if name == "checksums" and done.returncode < 2:
                true("\nFiles: 201\n" in done.stdout or "INCOMPLETE" in done.stdout,
                     f"{name}, {number}: {done.stdout}")


def test_without_room():
    path = make_base()
    small = tree("small")
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", small],
                             stderr=subprocess.DEVNULL, check=False)
    if mounted.returncode != 0:
        raise harness.Skip("nothing may be mounted here")
    try:
        (small / "store").mkdir(mode=0o700)
        with open(small / "filler", "wb", buffering=0) as filler:
            try:
                while filler.write(b"x" * 4096):
                    pass
            except OSError:
                pass
        for options in (("--manifest", small / "manifest"),
                        ("--format", "json", "--output", small / "report"),
                        ("--store", small / "store" / "verdicts.db")):
            done = run("scan", *DIRECT, "--database", signatures(), *options, path)
            # What is infected wins over what could not be written, and both are said.
            true(done.returncode in (1, 2) and done.stderr, f"{options}: {done.returncode}")
            assert_printable(done.stderr, "standard error")
        equal(sorted(entry.name for entry in small.iterdir() if entry.is_file()), ["filler"],
              "files that are left behind")
        full = dict(harness.environment, TMPDIR=str(small))
        done = run("scan", *DIRECT, "--database", signatures(), "--store", "none", "--manifest",
                   scratch / "manifest", path, env=full)
        true(done.returncode in (1, 2) and done.stderr, f"TMPDIR: {done.returncode}")
    finally:
        subprocess.run(["umount", small], check=True)


def test_without_memory():
    def limit(size):
        return lambda: resource.setrlimit(resource.RLIMIT_AS, (size, size))

    for megabytes in (60, 120, 200, 300):
        done = subprocess.run(
            [harness.PROGRAM, "scan", *DIRECT, "--database", signatures(), "--store", "none",
             make_base()], env=harness.environment, capture_output=True, text=True, check=False,
            preexec_fn=limit(megabytes << 20), timeout=SCAN_LIMIT_S)
        print(f"# {megabytes} MiB: {done.returncode} {done.stderr.strip()!r}")
        true(done.returncode != 0, f"{megabytes} MiB: not clean")
        true(done.returncode != 1 or is_whole(done), f"{megabytes} MiB: {done.stdout}")


if __name__ == "__main__":
    harness.main(*[value for name, value in list(globals().items()) if name.startswith("test_")])
