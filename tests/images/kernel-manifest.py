#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
"""Lists an image's regular files as the Linux kernel shows them: a second opinion on --manifest.

Usage: kernel-manifest.py [--fs DEVICE] IMAGE

Prints JSON Lines in the order of file system and path, with the fields fs, path, inode, size and
sha256; compare-manifests.py holds them against vtemplater's. Each partition with a file system
that this kernel knows is mounted read-only through a loop device (root is needed for that);
others, and all of them where that is not possible, are read by the kernel of libguestfs's
appliance. Only for images made here: a hostile one must not meet the host's kernel.
"""

import argparse
import base64
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile

# Mounted by the host when its kernel knows them; ext4's option keeps the journal from replay.
HOST_OPTIONS = {"ext2": "", "ext3": ",noload", "ext4": ",noload", "xfs": ",norecovery", "btrfs": ""}
SHA256SUM_ESCAPES = {b"\\\\": b"\\", b"\\n": b"\n", b"\\r": b"\r"}


def run(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout


def name(path):
    """The path, and beside it the exact bytes where they are no UTF-8: as --manifest has it."""
    entry = {"path": path.decode("utf-8", errors="replace")}
    if entry["path"].encode() != path:
        entry["path_base64"] = base64.b64encode(path).decode()
    return entry


def partitions(raw):
    """Yields (device as libguestfs names it, offset, size)."""
    answer = subprocess.run(["sfdisk", "-J", raw], stdout=subprocess.PIPE,
                            stderr=subprocess.DEVNULL)
    kind = run("blkid", "-p", "-o", "value", "-s", "PTTYPE", raw) if answer.returncode == 0 else b""
    if not kind.strip():
        yield "/dev/sda", 0, os.stat(raw).st_size
        return
    table = json.loads(answer.stdout)["partitiontable"]
    for part in table["partitions"]:
        number = re.search(r"(\d+)$", part["node"]).group(1)
        yield f"/dev/sda{number}", part["start"] * 512, part["size"] * 512


def file_system_type(raw, offset, size):
    answer = subprocess.run(
        ["blkid", "-p", "-O", str(offset), "-S", str(size), "-o", "value", "-s", "TYPE", raw],
        stdout=subprocess.PIPE,
    )
    return answer.stdout.decode().strip()


def hash_file(path):
    digest = hashlib.sha256()
    with open(path, "rb") as content:
        for block in iter(lambda: content.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def walk(root):
    """Yields (path within the root, inode, size, SHA-256) of the regular files."""
    top = os.fsencode(root)
    device = os.stat(top).st_dev
    for folder, folders, names in os.walk(top):
        folders[:] = [f for f in folders if os.lstat(os.path.join(folder, f)).st_dev == device]
        for name in names:
            path = os.path.join(folder, name)
            status = os.lstat(path)
            if (status.st_mode & 0o170000) == 0o100000:
                yield path[len(top):], status.st_ino, status.st_size, hash_file(path)


def read_by_host(raw, offset, size, kind):
    """The files, or None when this host cannot mount it."""
    if os.geteuid() != 0 or kind not in HOST_OPTIONS:
        return None
    options = f"ro,loop,offset={offset},sizelimit={size}{HOST_OPTIONS[kind]}"
    with tempfile.TemporaryDirectory() as point:
        done = subprocess.run(["mount", "-t", kind, "-o", options, raw, point],
                              stderr=subprocess.DEVNULL)
        if done.returncode != 0:
            return None
        try:
            return list(walk(point))
        finally:
            run("umount", point)


def unescape_sum(line):
    """One line of sha256sum, which marks a name it had to escape with a backslash in front."""
    escaped = line.startswith(b"\\")
    digest, name = line.lstrip(b"\\").split(b"  ", 1)
    if escaped:
        name = re.sub(rb"\\[\\nr]", lambda match: SHA256SUM_ESCAPES[match.group()], name)
    return digest.decode(), name


def read_by_appliance(raw, device):
    find = "cd /sysroot; find . -xdev -type f -exec"
    script = f"run\nmount-ro {device} /\n"
    script += f"debug sh \"{find} stat -c %i:%s {{}} +; echo; {find} sha256sum {{}} +\"\n"
    environment = dict(os.environ, LIBGUESTFS_BACKEND="direct",
                       LIBGUESTFS_BACKEND_SETTINGS="force_tcg")
    answer = subprocess.run(["guestfish", "--ro", "--format=raw", "-a", raw], check=True,
                            input=script.encode(), stdout=subprocess.PIPE, env=environment)
    numbers, _, sums = answer.stdout.partition(b"\n\n")
    files = []
    for status, line in zip(numbers.split(b"\n"), sums.rstrip(b"\n").split(b"\n")):
        inode, size = status.split(b":")
        digest, name = unescape_sum(line)
        files.append((name[1:], int(inode), int(size), digest))
    return files


def main():
    parser = argparse.ArgumentParser(description="List an image's files as the kernel shows them.")
    parser.add_argument("--fs", metavar="DEVICE", help="only this one, such as /dev/sda1")
    parser.add_argument("image", metavar="IMAGE")
    arguments = parser.parse_args()

    form = json.loads(run("qemu-img", "info", "--output=json", arguments.image))["format"]
    with tempfile.TemporaryDirectory(dir="/var/tmp") as scratch:
        raw = os.path.join(scratch, "disk")
        run("qemu-img", "convert", "-f", form, "-O", "raw", arguments.image, raw)
        for device, offset, size in partitions(raw):
            kind = file_system_type(raw, offset, size)
            if not kind or arguments.fs not in (None, device):
                continue
            files = read_by_host(raw, offset, size, kind)
            if files is None:
                files = read_by_appliance(raw, device)
            for path, inode, length, digest in sorted(files):
                print(json.dumps({"fs": device, **name(path), "inode": inode, "size": length,
                                  "sha256": digest}, ensure_ascii=False))
    return 0


if __name__ == "__main__":
    sys.exit(main())
