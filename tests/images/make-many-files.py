#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
"""Writes a tree of very many small files, for measuring.

Usage: make-many-files.py [--files N] DIRECTORY

A million files of up to 2,000 bytes in a thousand directories, unless told otherwise. There are
1,000 contents: what is measured is the price of a file, not of a content. One file in a hundred
thousand is a hard link. The same numbers give the same tree.
"""

import argparse
import os
import random
import sys

CONTENTS = 1000
SIZE_MAX = 2000
PER_DIRECTORY = 1000
LINK_EVERY = 100_000


def make_contents(source):
    return [bytes(source.getrandbits(8) for _ in range(source.randrange(SIZE_MAX)))
            for _ in range(CONTENTS)]


def main():
    parser = argparse.ArgumentParser(description="Write a tree of many small files.")
    parser.add_argument("--files", type=int, default=1_000_000, metavar="N")
    parser.add_argument("directory", metavar="DIRECTORY")
    arguments = parser.parse_args()

    source = random.Random(7)
    contents = make_contents(source)
    directory = None
    for number in range(arguments.files):
        if number % PER_DIRECTORY == 0:
            directory = os.path.join(arguments.directory, f"d{number // PER_DIRECTORY}")
            os.makedirs(directory)
        path = os.path.join(directory, f"file-{number}")
        if number % LINK_EVERY == LINK_EVERY - 1:
            os.link(os.path.join(directory, f"file-{number - 1}"), path)
            continue
        with open(path, "wb") as output:
            output.write(source.choice(contents))
    return 0


if __name__ == "__main__":
    sys.exit(main())
