#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
"""What stands in containers within an image, in large files, and in images within the image."""

import os
import shutil
import subprocess

import harness
from harness import environment, equal, run, scan, scan_several, scratch, true

DIRECT = ("--backend", "direct")
THREAT_FILE = "/usr/share/clamav-testfiles/clam.exe"
# Known by some of its bytes, wherever they stand.
BODY = b"VTEMPLATER-E2E-BODY-41d7"
MIB = 1 << 20


def shell(command):
    subprocess.run(["/bin/sh", "-ec", command], cwd=scratch, check=True, stdout=subprocess.DEVNULL)


def make_database():
    directory = scratch / "database"
    directory.mkdir()
    for path in harness.SIGNATURES.iterdir():
        shutil.copy(path, directory)
    (directory / "body.ndb").write_text(f"E2e.Body:0:*:{BODY.hex()}\n")
    return directory


def make_tree(name, **files):
    """A directory with FILES, whose underscores are dots, and their contents."""
    tree = scratch / name
    shutil.rmtree(tree, ignore_errors=True)
    tree.mkdir()
    for path, data in files.items():
        (tree / path.replace("_", ".")).write_bytes(data)
    return tree


def make_image(tree, size="64M", name="disk.raw"):
    shell(f"rm -f {name}; mke2fs -q -t ext4 -d {tree.name} {name} {size}")
    return scratch / name


def threat():
    with open(THREAT_FILE, "rb") as file:
        return file.read()


def found(report):
    return {"!".join([entry["path"], *entry["members"]]) for entry in report["findings"]}


def unfinished(report):
    return {"!".join([entry["path"], *entry["members"]]): entry["reason"]
            for entry in report["incomplete"]}


def make_deb(name, compression, tree):
    control = scratch / tree / "DEBIAN"
    control.mkdir(exist_ok=True)
    (control / "control").write_text("Package: probe\nVersion: 1\nArchitecture: all\n"
                                     "Maintainer: nobody <nobody@example.org>\n"
                                     "Description: probe\n")
    shell(f"dpkg-deb -Z{compression} --build {tree} {name}")


def test_packages_and_initramfs():
    make_tree("package", tool=threat(), readme=b"nothing to see")
    tree = make_tree("files")
    for compression in ("gzip", "xz", "zstd"):
        make_deb(f"files/{compression}.deb", compression, "package")
    shell("""
      tar -cf - package | zstd -q -o files/package.tar.zst
      mksquashfs package files/package.snap -quiet -no-progress
      echo early >microcode
      echo microcode | cpio --quiet -o -H newc >files/initrd.img
      (cd package && find . | cpio --quiet -o -H newc) | zstd -q >>files/initrd.img
    """)
    report, _, _ = scan(make_image(tree), *DIRECT, status=1)
    # Of archives that it opens itself, the engine does not name the members.
    equal(found(report), {"/gzip.deb!data.tar.gz", "/xz.deb!data.tar.xz",
                          "/zstd.deb!data.tar.zst!./tool", "/package.tar.zst!package/tool",
                          "/package.snap!tool", "/initrd.img!tool"}, "findings")
    equal(unfinished(report), {}, "incomplete")
    text = run("scan", "--database", harness.SIGNATURES, "--store", "none", *DIRECT,
               scratch / "disk.raw").stdout
    true("/zstd.deb!data.tar.zst!./tool: " in text, text)


def test_members_are_shared():
    make_tree("package", tool=os.urandom(100000))
    tree = make_tree("files")
    for number in range(10):
        (scratch / "package" / "number").write_text(str(number))
        shell(f"tar -cf - package | zstd -q -o files/{number}.tar.zst")
    report, _, _ = scan(make_image(tree), *DIRECT, status=0)
    equal(report["stats"]["members"], 20, "members")
    equal(report["stats"]["scanned_members"], 11, "members that the engine was asked for")


def test_limits_are_options():
    make_tree("package", one=os.urandom(100000), two=os.urandom(100000))
    tree = make_tree("files")
    shell("""
      tar -cf - package | zstd -q -o files/archive
      tar -cf - package/two | zstd -q -o inner
      tar -cf - inner | zstd -q -o files/nested
      head -c 200M /dev/zero | zstd -q -o files/zeros
      printf 'one\\nsecret\\n' >passwords
      zip -q -r -P secret files/locked.zip package
    """)
    image = make_image(tree)
    usual = {"/locked.zip": "encrypted", "/zeros!data": "scan-limit"}
    for options, expected in (
            ((), usual),
            # Of two reasons the engine tells whichever it comes by first.
            (("--max-files", 1, "--exclude", "/locked.zip"),
             {"/archive": "files-limit", "/nested!inner": "files-limit",
              "/zeros!data": "scan-limit"}),
            (("--max-unpacked-size", "150K"),
             {"/locked.zip": "encrypted", "/archive": "scan-limit", "/nested!inner": "scan-limit",
              "/zeros": "scan-limit"}),
            (("--max-ratio", 100000), {"/locked.zip": "encrypted"}),
            (("--max-recursion", 1), {**usual, "/nested!inner": "recursion-limit"}),
            (("--password", "secret"), {"/zeros!data": "scan-limit"}),
            (("--password-file", scratch / "passwords"), {"/zeros!data": "scan-limit"})):
        report, _, _ = scan(image, *DIRECT, *options, status=3)
        print(f"# {options}")
        said = {path.split("!package")[0]: reason for path, reason in unfinished(report).items()}
        equal(said, expected, f"incomplete with {options}")


def test_large_sparse_files():
    """Beyond what the engine takes at all; what is a hole is not looked at piece by piece."""
    tree = make_tree("files")
    places = {"start": 0, "middle": 3 << 30, "window": 256 * MIB - 7, "end": (5 << 30) - len(BODY)}
    for name, place in places.items():
        with open(tree / name, "wb") as file:
            file.truncate(5 << 30)
            file.seek(place)
            file.write(BODY)
    with open(tree / "other", "wb") as file:
        file.truncate(5 << 30)
        file.seek(1 << 30)
        file.write(b"x" * 1000)
    report, manifest, _ = scan(make_image(tree), *DIRECT, status=1, database=scratch / "database")
    names = {path.split("!bytes ")[0] for path in found(report)}
    equal(names, {"/" + name for name in places}, "findings")
    equal(unfinished(report), {"/other": "size-limit"}, "what windows cannot vouch for")
    true(all(entry["sha256"] for entry in manifest), "digests")


def test_large_containers():
    """The same as small ones, on both ways to read an image."""
    make_tree("package", tool=threat(), noise=os.urandom(MIB // 2), more=os.urandom(MIB))
    make_tree("innocent", noise=os.urandom(MIB // 2), more=os.urandom(MIB))
    tree = make_tree("files")
    shell("""
      tar -cf - package | zstd -q -o files/bad.tar.zst
      tar -cf - innocent | zstd -q -o files/good.tar.zst
      zip -q -r files/bad.zip package
      zip -q -r files/good.zip innocent
      mksquashfs package files/bad.snap -quiet -no-progress
      rm -f inner.raw
      mke2fs -q -t ext4 -d package inner.raw 8M
      qemu-img convert -O qcow2 inner.raw files/bad.qcow2
    """)
    manifests = []
    for backend in ("direct", "guestfs"):
        report, manifest, _ = scan(make_image(tree), "--backend", backend, "--max-file-size",
                                   "1100000", status=1)
        equal({path.split("!")[0] for path in found(report)},
              {"/bad.tar.zst", "/bad.zip", "/bad.snap", "/bad.qcow2"}, "findings")
        equal(unfinished(report), {}, "incomplete")
        manifests.append(manifest)
    equal(manifests[0], manifests[1], "manifests")


def test_room_for_large_files_of_several_images():
    # There is room for one of them at a time.
    images = [make_image(make_tree(f"room-{number}", large=os.urandom(30 * MIB) + BODY,
                                   larger=os.urandom(33 * MIB)), "96M", f"room-{number}.raw")
              for number in range(3)]
    small = scratch / "small-room"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=75M", "none", small], check=True)
    try:
        reports, _ = scan_several(images, *DIRECT, "--max-file-size", "4M",
                                  "--max-spool-size", "70M", database=scratch / "database",
                                  status=1, env=dict(environment, TMPDIR=str(small)))
    finally:
        subprocess.run(["umount", small], check=True)
    for report in reports:
        equal([entry["path"] for entry in report["findings"]], ["/large"], "findings")
        # Of what is no container, only windows are scanned.
        equal(unfinished(report), {"/larger": "size-limit"}, "incomplete")
        equal(report["stats"]["incomplete"], 1, "incomplete")


def test_no_room_for_large_files():
    tree = make_tree("files", large=os.urandom(30 * MIB))
    image = make_image(tree)
    small = scratch / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=20M", "none", small], check=True)
    try:
        report, _, done = scan(image, *DIRECT, "--max-file-size", "1M", status=3,
                               env=dict(environment, TMPDIR=str(small)))
        equal(unfinished(report), {"/large": "size-limit"}, "incomplete")
        true("no room" in done.stderr and "TMPDIR" in done.stderr, done.stderr)
        equal(list(small.iterdir()), [], "files left over")
    finally:
        subprocess.run(["umount", small], check=True)
    report, _, done = scan(image, *DIRECT, "--max-file-size", "1M", "--max-spool-size", "10M",
                           status=3)
    equal(unfinished(report), {"/large": "size-limit"}, "incomplete")
    true("--max-spool-size" in done.stderr, done.stderr)


def make_nested():
    """Images of several formats, with the threat in each, as files."""
    make_tree("package", tool=threat())
    tree = make_tree("files")
    shell("""
      rm -f inner.raw
      mke2fs -q -t ext4 -d package inner.raw 8M
      for format in qcow2 vmdk vhdx vdi vpc; do
        qemu-img convert -O "$format" inner.raw "files/inner.$format"
      done
      cp inner.raw files/inner.raw
      truncate -s 10M files/parted.raw
      printf 'label: gpt\\nstart=2048\\n' | sfdisk -q files/parted.raw
      dd if=inner.raw of=files/parted.raw bs=1M seek=1 conv=notrunc status=none
      qemu-img create -q -f qcow2 -F raw -b /etc/passwd files/overlay.qcow2 1M
    """)
    return tree


def test_nested_images():
    tree = make_nested()
    formats = ("qcow2", "vmdk", "vhdx", "vdi", "vpc", "raw")
    expected = {f"/inner.{name}!/dev/sda:/tool" for name in formats}
    expected.add("/parted.raw!/dev/sda1:/tool")
    report, _, _ = scan(make_image(tree), *DIRECT, status=1)
    equal(found(report), expected, "findings")
    equal(unfinished(report), {"/overlay.qcow2": "unsupported"}, "incomplete")
    report, _, _ = scan(scratch / "disk.raw", *DIRECT, "--nested", 0, status=3)
    equal(set(unfinished(report).values()), {"recursion-limit"}, "incomplete")
    equal(len(unfinished(report)), len(formats) + 2, "incomplete")


def test_images_in_images_in_images():
    make_tree("package", tool=threat())
    outer = make_tree("outer")
    tree = make_tree("files")
    shell("rm -f inner.raw; mke2fs -q -t ext4 -d package inner.raw 8M")
    shutil.copy(scratch / "inner.raw", outer / "inner.raw")
    shell("rm -f outer.raw; mke2fs -q -t ext4 -d outer outer.raw 16M; "
          "qemu-img convert -c -O qcow2 outer.raw files/outer.qcow2; "
          "zstd -q files/outer.qcow2 -o files/outer.zst")
    image = make_image(tree)
    report, _, _ = scan(image, *DIRECT, status=3)
    equal(unfinished(report),
          {"/outer.qcow2!/dev/sda:/inner.raw": "recursion-limit",
           "/outer.zst!data!/dev/sda:/inner.raw": "recursion-limit"}, "incomplete")
    report, _, _ = scan(image, *DIRECT, "--nested", 2, status=1)
    equal(found(report), {"/outer.qcow2!/dev/sda:/inner.raw!/dev/sda:/tool",
                          "/outer.zst!data!/dev/sda:/inner.raw!/dev/sda:/tool"}, "findings")


def test_nested_images_beside_containers():
    """Images and containers within each other, each of which has what the other one waits for."""
    make_tree("many", **{f"file{n}": b"a %d" % n for n in range(300)})
    make_tree("one", inner=b"c")
    tree = make_tree("files")
    shell("""
      rm -f many.raw one.raw one.qcow2
      zstd -q --rm many/* one/*
      mke2fs -q -t ext4 -d many many.raw 16M
      mke2fs -q -t ext4 -d one one.raw 8M
      qemu-img convert -O qcow2 many.raw files/a.qcow2
      qemu-img convert -O qcow2 one.raw one.qcow2
      ar rc one.ar one.qcow2
      zstd -q one.ar -o files/b.ar.zst
    """)
    image = make_image(tree)
    for options in ((), ("--jobs", 1)):
        report, _, _ = scan(image, *DIRECT, *options, status=0)
        equal(report["stats"]["clean"], 2, "clean files")


def test_large_containers_have_no_gaps():
    """What stands between and around members is looked at as well."""
    tree = make_tree("files", one=os.urandom(MIB), two=os.urandom(MIB))
    shell("zip -q -0 good.zip files/one files/two")
    good = (scratch / "good.zip").read_bytes()
    shutil.rmtree(tree)
    tree = make_tree("files", good_zip=good, gap_zip=b"")
    gap = good.index(b"PK\x03\x04", 4)
    # The second member and the directory move: what is found by the directory is the first one.
    (tree / "gap.zip").write_bytes(good[:gap] + BODY + good[gap:])
    report, _, _ = scan(make_image(tree), *DIRECT, "--max-file-size", "1100000", status=1,
                        database=scratch / "database")
    equal({path.split("!bytes ")[0] for path in found(report)}, {"/gap.zip"}, "findings")
    equal(unfinished(report), {}, "incomplete")


make_database()
harness.main(test_packages_and_initramfs, test_members_are_shared, test_limits_are_options,
             test_large_sparse_files, test_large_containers,
             test_room_for_large_files_of_several_images, test_no_room_for_large_files,
             test_nested_images, test_images_in_images_in_images,
             test_nested_images_beside_containers, test_large_containers_have_no_gaps)
