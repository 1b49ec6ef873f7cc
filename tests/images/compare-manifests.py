#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
"""Compares two manifests file by file: file system, path, inode, size and SHA-256.

Usage: compare-manifests.py [--no-inode] [--mount FS=PREFIX]... LEFT RIGHT

--mount takes PREFIX off the paths of that file system where they have it: vtemplater tells paths
as the guest sees them, the kernel as the file system has them. Exit status: 0 the same, 1 not.
"""

import argparse
import base64
import json
import sys

SHOWN = 20


def read(path, mounts, inodes):
    entries = {}
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            entry = json.loads(line)
            exact = entry.get("path_base64")
            name = base64.b64decode(exact) if exact else entry["path"].encode()
            prefix = mounts.get(entry["fs"], "").rstrip("/").encode()
            if prefix and name.startswith(prefix + b"/"):
                name = name[len(prefix):]
            inode = int(entry["inode"]) if inodes else None
            key = (entry["fs"], name)
            if key in entries:
                print(f"{path}: twice: {key}")
                sys.exit(1)
            entries[key] = (inode, int(entry["size"]), entry.get("sha256"))
    return entries


def main():
    parser = argparse.ArgumentParser(description="Compare two manifests.")
    parser.add_argument("--no-inode", action="store_true")
    parser.add_argument("--mount", action="append", default=[], metavar="FS=PREFIX")
    parser.add_argument("left", metavar="LEFT")
    parser.add_argument("right", metavar="RIGHT")
    arguments = parser.parse_args()

    mounts = dict(mount.rsplit("=", 1) for mount in arguments.mount)
    left = read(arguments.left, mounts, not arguments.no_inode)
    right = read(arguments.right, mounts, not arguments.no_inode)
    different = [key for key in sorted(left.keys() | right.keys())
                 if left.get(key) != right.get(key)]
    for fs, name in different[:SHOWN]:
        print(f"{fs} {name!r}: {left.get((fs, name))} / {right.get((fs, name))}")
    print(f"{len(left)} and {len(right)} files, {len(different)} different")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
