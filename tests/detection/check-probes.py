#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
"""Nothing is clean that was not scanned: every probe of the corpus, through the program itself.

Usage: check-probes.py VTEMPLATER
"""

import shutil
import sys
import tempfile

import outcomes

TOOLS = ("7z arj bsdtar clamscan compress cpio gcab lz4 lzip lzop mke2fs mksquashfs msibuild "
         "qemu-img qpdf rpmbuild tar xorriso xz zstd").split()


def say(number, good, name, wrong=()):
    print(f"{'ok' if good else 'not ok'} {number} - {name}")
    for line in wrong:
        print(f"# {line}")
    return good


def check(program, directory):
    found = outcomes.Corpus(directory).scan(program)
    expected = outcomes.read_expectations()
    wrong = outcomes.wrongly_clean(found)
    good = say(1, not wrong, "no-probe-is-clean-that-must-not-be", wrong)
    missing = sorted(set(expected) ^ set(found))
    good &= say(2, not missing, "the-probes-are-those-of-the-expectations", missing)
    other = [f"{probe}: {found[probe]}, not {expected[probe]}" for probe in sorted(expected)
             if probe in found and found[probe] != expected[probe]]
    return say(3, not other, "each-outcome-is-the-expected-one", other) and good


def main():
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing:
        print(f"1..0 # SKIP missing: {' '.join(missing)}")
        return 0
    print("1..3", flush=True)
    with tempfile.TemporaryDirectory(prefix="vt-probes-") as directory:
        return 0 if check(sys.argv[1], directory) else 1


if __name__ == "__main__":
    sys.exit(main())
