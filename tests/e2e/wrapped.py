#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
"""Images in OVAs and compressed files, read directly: the same as the image itself."""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess

import harness
from harness import (Skip, environment, equal, paths_of, run, scan, scan_several, scratch, start,
                     true)

DIRECT = ("--backend", "direct")
SCAN = ("scan", "--database", harness.SIGNATURES, "--store", "none", *DIRECT)
COMPRESSORS = {"gz": ["gzip", "-c"], "xz": ["xz", "-0", "-c"], "zst": ["zstd", "-q", "-c"],
               "bz2": ["bzip2", "-1", "-c"]}
THREAT_FILE = "/usr/share/clamav-testfiles/clam.exe"
OVF = """<?xml version="1.0"?>
<Envelope xmlns="http://schemas.dmtf.org/ovf/envelope/1"
 xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1">
<References>{files}</References><DiskSection>{disks}</DiskSection></Envelope>
"""


def shell(command):
    subprocess.run(["/bin/sh", "-ec", command], cwd=scratch, check=True, stdout=subprocess.DEVNULL)


def make_images():
    """A raw image with a file that is found, one without, and both in other formats."""
    for name, infected in (("infected", True), ("clean", False)):
        tree = scratch / (name + ".tree")
        tree.mkdir()
        for number in range(50):
            (tree / f"file-{number}").write_bytes(os.urandom(20000))
        if infected:
            shutil.copy(THREAT_FILE, tree)
        shell(f"mke2fs -q -t ext4 -d {name}.tree {name}.raw 32M")
        shell(f"qemu-img convert -O qcow2 {name}.raw {name}.qcow2 && "
              f"qemu-img convert -O vmdk -o subformat=streamOptimized {name}.raw {name}.vmdk")


def compress(source, suffix):
    target = scratch / f"{source}.{suffix}"
    with open(scratch / source, "rb") as data, open(target, "wb") as packed:
        subprocess.run(COMPRESSORS[suffix], stdin=data, stdout=packed, check=True)
    return target


def make_ova(name, *members, disks=None):
    """The members in their order, behind a descriptor that has a disk in each, or in DISKS."""
    disks = members if disks is None else disks
    files = "".join(f'<File ovf:id="f{n}" ovf:href="{disk}"/>' for n, disk in enumerate(disks))
    refs = "".join(f'<Disk ovf:fileRef="f{n}"/>' for n, _ in enumerate(disks))
    (scratch / "appliance.ovf").write_text(OVF.format(files=files, disks=refs))
    shell(f"tar --format=ustar -cf {name} appliance.ovf {' '.join(members)}")
    return scratch / name


def files_of(manifest):
    return [(entry["path"], entry["sha256"], entry["verdict"], entry["size"])
            for entry in manifest]


def plain_files():
    _, manifest, _ = scan(scratch / "infected.raw", *DIRECT, status=1)
    true(len(manifest) == 51, "files in the image")
    return files_of(manifest)


def left_over():
    """What is in TMPDIR, but for the directories of killed runs, which the next one removes."""
    files = [entry for entry in (scratch / "tmp").rglob("*") if entry.is_file()]
    return sorted(str(entry) for entry in files if not entry.name.startswith("verdicts.db"))


def refused(image, text, *options, env=None):
    done = run(*SCAN, *options, image, env=env or environment)
    equal(done.returncode, 2, f"exit status: {done.stderr}{done.stdout}")
    true(text in done.stderr, f"{text!r} in {done.stderr!r}")
    true(not re.search(r"Clean files: [1-9]", done.stdout), f"nothing is clean: {done.stdout}")
    equal(left_over(), [], "files left over")
    return done


def test_compressed_is_as_plain():
    plain = plain_files()
    for source in ("infected.raw", "infected.qcow2", "infected.vmdk"):
        for suffix in COMPRESSORS:
            packed = compress(source, suffix)
            report, manifest, _ = scan(packed, *DIRECT, status=1)
            equal(files_of(manifest), plain, packed.name)
            equal(report["image"]["path"], str(packed), "path")
            equal(report["image"]["format"], source.split(".")[1], "format")
            packed.unlink()
    equal(left_over(), [], "files left over")


def test_ova_is_as_plain():
    plain = plain_files()
    ova = make_ova("one.ova", "infected.vmdk")
    for image in (ova, compress("one.ova", "gz"), compress("one.ova", "zst")):
        report, manifest, _ = scan(image, *DIRECT, status=1)
        equal(files_of(manifest), plain, image.name)
        equal(report["image"]["path"], f"{image}!infected.vmdk", "path")
        equal(report["image"]["format"], "vmdk", "format")
    compress("infected.raw", "gz")
    report, manifest, _ = scan(make_ova("gz.ova", "infected.raw.gz"), *DIRECT, status=1)
    equal(files_of(manifest), plain, "a compressed disk in an OVA")
    equal(left_over(), [], "files left over")


def test_several_disks():
    ova = make_ova("two.ova", "clean.vmdk", "infected.vmdk", "appliance.ovf",
                   disks=["clean.vmdk", "infected.vmdk"])
    shell("tar --format=ustar -cf two.ova appliance.ovf clean.vmdk infected.vmdk")
    report = scratch / "report"
    for kind in ("json", "sarif", "junit", "text"):
        done = run(*SCAN, "--format", kind, "--output", report, ova)
        equal(done.returncode, 1, f"exit status: {done.stderr}")
        true("!infected.vmdk" in report.read_text(), f"names of disks in {kind}")
        if kind == "json":
            harness.validate("vtemplater-report.schema.json", report)
            reports = json.loads(report.read_text())["reports"]
            equal([r["image"]["path"] for r in reports],
                  [f"{ova}!clean.vmdk", f"{ova}!infected.vmdk"], "paths")
            equal([len(r["findings"]) for r in reports], [0, 1], "findings")
        if kind == "junit":
            subprocess.run(["xmllint", "--noout", report], check=True)
    done = run("inspect", *DIRECT, ova)
    equal(done.returncode, 0, done.stderr)
    equal(done.stdout.count("ext4"), 2, "file systems shown")
    done = run("inspect", *DIRECT, "--format", "json", ova)
    equal(len(json.loads(done.stdout)["reports"]), 2, "images shown")
    refused(ova, "--manifest describes one image", "--manifest", scratch / "manifest")


def test_several_at_a_time():
    # What one unpacks must stay while others are unpacked, and until its own scan has ended.
    compress("clean.raw", "gz")
    compress("infected.raw", "gz")
    ova = make_ova("mixed.ova", "infected.raw.gz", "clean.vmdk", "clean.raw.gz")
    packed = compress("infected.qcow2", "xz")
    images = [packed, scratch / "clean.raw", ova, compress("clean.qcow2", "zst"), packed]
    names = [str(image) for image in images]
    names[2:3] = [f"{ova}!{name}" for name in ("infected.raw.gz", "clean.vmdk", "clean.raw.gz")]
    reports, _ = scan_several(images, *DIRECT, status=1)
    equal(paths_of(reports), names, "order of the reports")
    equal([report["error"] for report in reports], [None] * len(names), "errors")
    equal([len(report["findings"]) for report in reports], [1, 0, 1, 0, 0, 0, 1], "findings")
    # The 50 files of either image, and the one that is found.
    equal(sum(report["stats"]["scanned"] for report in reports), 101, "scanned, in all")
    equal(left_over(), [], "files left over")


def test_one_bad_disk_of_two():
    shell("head -c 100000 infected.raw >noise")
    compress("infected.raw", "gz")
    shell("head -c 200000 infected.raw.gz >cut.gz")
    done = run(*SCAN, make_ova("bad.ova", "cut.gz", "clean.vmdk"))
    equal(done.returncode, 2, f"exit status: {done.stderr}")
    true("cut.gz: the compressed data (gzip) are damaged or cut off" in done.stderr, done.stderr)
    true("Clean files: 50" in done.stdout, "the other is scanned")


def test_options_are_of_what_is_within():
    shell("cp clean.qcow2 snapshot.qcow2 && qemu-img snapshot -c first snapshot.qcow2")
    packed = compress("snapshot.qcow2", "gz")
    scan(packed, *DIRECT, "--snapshot", "first", "--image-format", "qcow2", status=0)
    refused(packed, "no internal snapshot 'second'", "--snapshot", "second")
    done = refused(packed, "cannot be opened", "--image-format", "vhdx")
    true("/proc/" not in done.stderr, f"the user's name for it: {done.stderr}")
    ova = make_ova("format.ova", "clean.vmdk")
    done = refused(ova, "cannot be opened", "--image-format", "qcow2")
    true("json:" not in done.stderr, f"the user's name for it: {done.stderr}")
    done = run(*SCAN, "--no-unwrap", compress("clean.raw", "gz"))
    true(done.returncode in (2, 3), f"not taken for an image: {done.stdout}")


def test_parts_are_refused():
    shell("qemu-img create -q -f qcow2 -F qcow2 -b clean.qcow2 overlay.qcow2 && "
          "qemu-img create -q -f qcow2 -F raw -b /etc/passwd overlay2.qcow2 && "
          "qemu-img create -q -f qcow2 -o data_file=data.raw data.qcow2 32M && "
          "qemu-img convert -O vmdk -o subformat=monolithicFlat clean.raw flat.vmdk && "
          f"sed -i 's|\"flat-flat|\"{scratch}/flat-flat|' flat.vmdk")
    for source in ("overlay.qcow2", "overlay2.qcow2", "data.qcow2", "flat.vmdk"):
        refused(compress(source, "gz"), "it needs another file")
        refused(make_ova("part.ova", source), "it needs another file")


def test_hostile_archives():
    shell("tar -cf same.ova clean.vmdk && tar -rf same.ova clean.vmdk && "
          "truncate -s 64M sparse.raw && printf x >readme && tar -cSf sparse.ova sparse.raw && "
          "tar -cf nothing.ova readme && tar -cf whole.ova clean.vmdk infected.vmdk && "
          "head -c -100000 whole.ova >cut.ova")
    refused(scratch / "same.ova", "two members of the name 'clean.vmdk'")
    refused(scratch / "sparse.ova", "lies in pieces")
    refused(scratch / "nothing.ova", "there is no disk in the archive")
    refused(scratch / "cut.ova", "cut off")
    refused(make_ova("missing.ova", "clean.vmdk", disks=["clean.vmdk", "other.vmdk"]),
            "the disk 'other.vmdk', which its OVF names, is not in the archive")
    shell("tar -cPf names.ova --transform 's|clean|/../../tmp/vt-escape|' clean.vmdk")
    report, _, _ = scan(scratch / "names.ova", *DIRECT, status=0)
    equal(report["image"]["path"], f"{scratch}/names.ova!/../../tmp/vt-escape.vmdk", "path")
    true(not pathlib.Path("/tmp/vt-escape.vmdk").exists(), "nothing is written by a name")
    shell("cp clean.vmdk \"$(printf 'a\\033[2Jb.vmdk')\" && tar -cf escape.ova a*b.vmdk")
    done = run(*SCAN, "--progress", "plain", scratch / "escape.ova")
    equal(done.returncode, 0, done.stderr)
    true("\033" not in done.stdout + done.stderr, "escaped")


def test_damaged_and_cut_off():
    for suffix in COMPRESSORS:
        whole = compress("clean.raw", suffix).read_bytes()
        bad = scratch / "bad"
        bad.write_bytes(whole[:-5])
        refused(bad, "damaged or cut off")
        bad.write_bytes(whole + b"something else")
        refused(bad, "damaged or cut off")
        middle = len(whole) // 2
        bad.write_bytes(whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1:])
        refused(bad, "damaged or cut off")
    refused(compress("clean.raw.gz", "xz"), "packed more than once")


def test_bounds():
    packed = compress("clean.raw", "gz")
    refused(packed, "it unpacks to", "--max-unpacked-image", "31M")
    scan(packed, *DIRECT, "--max-unpacked-image", "32M", status=0)
    refused(packed, "not a size", "--max-unpacked-image", "many")
    # A hundred GiB of zeros each; the first does not say so, the second does.
    shell("head -c 512M /dev/zero | bzip2 >one.bz2 && "
          "for n in $(seq 200); do cat one.bz2; done >bomb.bz2 && "
          "head -c 512M /dev/zero | xz -0 >one.xz && "
          "for n in $(seq 200); do cat one.xz; done >bomb.xz")
    refused(scratch / "bomb.bz2", "times its size")
    refused(scratch / "bomb.xz", "it unpacks to 100.0 GiB or more, and 64.0 GiB are allowed")


def test_full_disk():
    small = scratch / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8M", "tmpfs", small],
                      check=False, stderr=subprocess.DEVNULL).returncode != 0:
        raise Skip("no file system can be mounted")
    try:
        env = dict(environment, TMPDIR=str(small))
        # That it does not fit shows before, or only on the way.
        (scratch / "noise.raw").write_bytes(os.urandom(10_000_000))
        refused(compress("noise.raw", "gz"), "no room in", env=env)
        block = os.urandom(100_000)
        (scratch / "copies.raw").write_bytes(block * 100)
        shell("zstd -q --long=20 -f copies.raw")
        done = refused(scratch / "copies.raw.zst", "no room in", env=env)
        true("set TMPDIR" in done.stderr, done.stderr)
        equal(list(small.iterdir()), [], "files left over")
        # One at a time fits.
        shell("mkdir room && head -c 5M /dev/urandom >room/file && "
              "mke2fs -q -t ext4 -d room room.raw 16M")
        packed = compress("room.raw", "gz")
        scan_several([packed, packed, scratch / "room.raw", packed], *DIRECT, status=0, env=env)
        # 32 MiB with little in them fit.
        equal(run(*SCAN, compress("clean.raw", "gz"), env=env).returncode, 0, "exit status")
    finally:
        subprocess.run(["umount", small], check=True)


def make_slow():
    """A file that takes a while to unpack."""
    if not (scratch / "slow.bz2").exists():
        shell("head -c 4M /dev/urandom | bzip2 >part.bz2 && "
              "for n in $(seq 100); do cat part.bz2; done >slow.bz2")


def has_unnamed_file(pid):
    for descriptor in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        try:
            target = os.readlink(descriptor)
        except FileNotFoundError:
            continue
        if target.startswith(f"{scratch}/tmp/") and target.endswith(" (deleted)"):
            return True
    return False


def caught_unpacking(signal_number):
    """Ends a scan while it unpacks; gives its status and messages."""
    make_slow()
    process = start(*SCAN, "--progress", "plain", scratch / "slow.bz2")
    line = process.stderr.readline()
    true("unpacking" in line, f"shows that it unpacks: {line!r}")
    harness.wait_until(lambda: has_unnamed_file(process.pid), "the file it unpacks into", 30)
    started = harness.descendants(process.pid)
    equal(left_over(), [], "files with a name")
    process.send_signal(signal_number)
    stdout, stderr = process.communicate(timeout=harness.TIMEOUT_S)
    harness.assert_all_end(started)
    equal(left_over(), [], "files left over")
    return process.returncode, stdout, stderr


def test_kill_leaves_nothing():
    status, _, _ = caught_unpacking(signal.SIGKILL)
    equal(status, -signal.SIGKILL, "exit status")


def test_interrupt_ends_unpacking():
    status, stdout, stderr = caught_unpacking(signal.SIGINT)
    equal(status, 2, f"exit status: {stderr}")
    true("PARTIAL" in stdout and "partial" in stderr, f"says that it is partial: {stdout}{stderr}")


def test_interrupt_tells_of_all_disks():
    make_slow()
    ova = make_ova("slow.ova", "slow.bz2", "clean.vmdk")
    process = start(*SCAN, "--progress", "plain", ova)
    true("unpacking" in process.stderr.readline(), "shows that it unpacks")
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=harness.TIMEOUT_S)
    equal(process.returncode, 2, f"exit status: {stderr}")
    equal(stdout.count("PARTIAL"), 2, f"both disks: {stdout}")


if __name__ == "__main__":
    (scratch / "tmp").mkdir()
    environment["TMPDIR"] = str(scratch / "tmp")
    make_images()
    harness.main(*[value for name, value in list(globals().items()) if name.startswith("test_")])
