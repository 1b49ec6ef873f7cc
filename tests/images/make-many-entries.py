#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
"""Writes an ext4 file system with very many entries in one directory.

Usage: make-many-entries.py [--entries N] OUTPUT

The entries are names of a thousand small files. mke2fs and debugfs take hours for a million, since
they search a directory from its start for each; so the directory is written here, into the blocks
of a file, which then is made a directory.
"""

import argparse
import os
import pathlib
import struct
import subprocess
import sys
import tempfile

BLOCK = 4096
FILES = 1000
INODE_DIRECTORY = 0o040755


def debugfs(image, *commands, write=True):
    script = "\n".join(commands) + "\n"
    done = subprocess.run(["debugfs", *(["-w"] if write else []), "-f", "-", image], input=script,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True)
    return done.stdout


def find(image, directory):
    """Names in a directory, and their inodes."""
    lines = debugfs(image, f"ls -p {directory}", write=False).splitlines()
    return {line.split("/")[5]: int(line.split("/")[1]) for line in lines if line.startswith("/")}


def entry(inode, name, kind):
    size = (8 + len(name) + 3) & ~3
    return struct.pack("<IHBB", inode, size, len(name), kind) + name.ljust(size - 8, b"\0")


def make_blocks(inodes, itself, count):
    block = entry(itself, b".", 2) + entry(2, b"..", 2)
    last = len(entry(itself, b".", 2))
    for number in range(count):
        more = entry(inodes[number % FILES], b"a-name-of-one-of-many-files-%d" % number, 1)
        if len(block) + len(more) > BLOCK:
            yield close(block, last)
            block = b""
        last = len(block)
        block += more
    yield close(block, last)


def close(block, last):
    """The last entry takes what is left."""
    size = struct.pack("<H", BLOCK - last)
    return (block[:last + 4] + size + block[last + 6:]).ljust(BLOCK, b"\0")


def main():
    parser = argparse.ArgumentParser(description="Write a directory of many entries.")
    parser.add_argument("--entries", type=int, default=1_000_000, metavar="N")
    parser.add_argument("output", metavar="OUTPUT")
    arguments = parser.parse_args()

    room = arguments.entries * 48 + 2 * BLOCK
    with tempfile.TemporaryDirectory() as scratch:
        files = pathlib.Path(scratch) / "files"
        files.mkdir()
        for number in range(FILES):
            (files / str(number)).write_bytes(b"file %d\n" % number)
        with open(os.path.join(scratch, "many"), "wb") as output:
            output.write(b"x" * room)
        subprocess.run(["mke2fs", "-q", "-F", "-t", "ext4", "-b", str(BLOCK), "-O",
                        "^metadata_csum,^dir_index,^has_journal", "-d", scratch, arguments.output,
                        f"{(room + (16 << 20)) >> 10}k"], check=True)
    inodes = find(arguments.output, "/files")
    itself = find(arguments.output, "/")["many"]
    places = [int(word) for word in
              debugfs(arguments.output, "blocks many", write=False).split() if word.isdigit()]
    blocks = list(make_blocks([inodes[str(n)] for n in range(FILES)], itself, arguments.entries))
    with open(arguments.output, "r+b") as image:
        for place, block in zip(places, blocks, strict=False):
            image.seek(place * BLOCK)
            image.write(block)
    links = arguments.entries // FILES + 1
    debugfs(arguments.output, "punch many %d" % len(blocks),
            f"sif many size {len(blocks) * BLOCK}", f"sif many mode 0{INODE_DIRECTORY:o}",
            "sif many links_count 2", "sif <2> links_count 5", "unlink many", f"ln <{itself}> many",
            *[f"sif files/{n} links_count {links}" for n in range(FILES)])
    return 0


if __name__ == "__main__":
    sys.exit(main())
