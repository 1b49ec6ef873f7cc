#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
"""Writes synthetic ClamAV signatures of the official set's make-up, for measuring.

Usage: make-signatures.py [--scale FACTOR] [--seed NUMBER] DIRECTORY

At scale 1: 400,000 MD5 and 400,000 SHA-256 hashes of files, 800,000 MD5 hashes of PE sections,
60,000 patterns, 20,000 logical signatures. They match nothing but by chance. The same seed gives
the same files.
"""

import argparse
import os
import random
import sys

FILE_MD5 = 400_000
FILE_SHA256 = 400_000
SECTION_MD5 = 800_000
PATTERNS = 60_000
LOGICAL = 20_000
SUBSIGNATURES = 3

# Target types of the patterns, with their shares: any, PE, HTML, ELF, text.
TARGETS = [0, 1, 3, 6, 7]
TARGET_WEIGHTS = [20, 60, 5, 5, 10]
# Types whose files are normalised to lower case before matching.
LOWER_CASE_TARGETS = {3, 7}
TEXT = b"abcdefghijklmnopqrstuvwxyz0123456789 <>/=\"'();"
SHORTEST, LONGEST = 16, 40


def section_size(source):
    return source.randrange(1, 2048) * 512


def file_size(source):
    return source.randrange(1_000, 5_000_000)


def write_hashes(path, count, length, source, line):
    with open(path, "w", encoding="ascii") as output:
        for number in range(count):
            digest = source.getrandbits(length * 8).to_bytes(length, "big").hex()
            output.write(line(digest, number) + "\n")


def random_bytes(source, target, count):
    if target in LOWER_CASE_TARGETS:
        return source.choices(TEXT, k=count)
    return list(source.getrandbits(count * 8).to_bytes(count, "big"))


def pattern(source, target):
    """Hexadecimal, one in three with a wildcard in its middle: ?? or a gap of some bytes."""
    content = random_bytes(source, target, source.randint(SHORTEST, LONGEST))
    text = [f"{byte:02x}" for byte in content]
    if source.randrange(3) == 0:
        middle = source.randrange(6, len(text) - 6)
        text[middle] = source.choice(["??", "{2-8}", "*"])
    return "".join(text)


def write_patterns(path, count, source):
    with open(path, "w", encoding="ascii") as output:
        for number in range(count):
            target = source.choices(TARGETS, TARGET_WEIGHTS)[0]
            output.write(f"Bench.Pattern-{number}:{target}:*:{pattern(source, target)}\n")


def write_logical(path, count, source):
    with open(path, "w", encoding="ascii") as output:
        for number in range(count):
            target = source.choices(TARGETS, TARGET_WEIGHTS)[0]
            parts = ";".join(pattern(source, target) for _ in range(SUBSIGNATURES))
            output.write(f"Bench.Logical-{number};Engine:51-255,Target:{target};0&1&2;{parts}\n")


def main():
    parser = argparse.ArgumentParser(description="Write synthetic ClamAV signatures.")
    parser.add_argument("--scale", type=float, default=1.0, metavar="FACTOR")
    parser.add_argument("--seed", type=int, default=20231114, metavar="NUMBER")
    parser.add_argument("directory", metavar="DIRECTORY")
    arguments = parser.parse_args()

    source = random.Random(arguments.seed)
    scale = arguments.scale
    os.makedirs(arguments.directory, exist_ok=True)

    def path(name):
        return os.path.join(arguments.directory, name)

    write_hashes(path("bench.hdb"), int(FILE_MD5 * scale), 16, source,
                 lambda digest, n: f"{digest}:{file_size(source)}:Bench.File-{n}")
    write_hashes(path("bench.hsb"), int(FILE_SHA256 * scale), 32, source,
                 lambda digest, n: f"{digest}:{file_size(source)}:Bench.File256-{n}")
    write_hashes(path("bench.mdb"), int(SECTION_MD5 * scale), 16, source,
                 lambda digest, n: f"{section_size(source)}:{digest}:Bench.Section-{n}")
    write_patterns(path("bench.ndb"), int(PATTERNS * scale), source)
    write_logical(path("bench.ldb"), int(LOGICAL * scale), source)
    return 0


if __name__ == "__main__":
    sys.exit(main())
